"""FL7 without a model: boxes that do not lie where boxes of their class lie on their things."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from .. import _core, schema
from .context import Context, Floats, Ints, whole
from .phrases import choice, fixed, general, join, members, whole_numbers
from .registry import Hits, Params, rule

BINS = schema.PROFILE_BINS
#: Strips of the box itself.
INSIDE = 16
#: What a profile has for a strip that leaves the picture.
OUTSIDE = 15
#: Boxes of a class that its template is made of, evenly spread: more make it no better.
LEARNT_FROM = 4096
#: What counts as ordinary: between these quantiles the tail of chance is fitted.
MIDDLE, UPPER = 0.3, 0.7
#: Boxes that a share of errors is estimated from, at least, and shares at most.
GROUP, MOST_GROUPS = 20, 40
#: The chance of being right, of a box beyond which e right ones are expected: at most this times e.
SURE = 3.0
#: Scale of the tail of chance, at least: correlations of what is the same differ by so much.
LEAST_SCALE = 0.1
#: Fits of the tail, each without what the one before took for errors.
ROUNDS = 4

Singles = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Strips:
    """Luma or gradient of the strips of some boxes, and which of them are in view."""

    values: Singles  # (n, BINS) whole numbers; 0 where out of view
    seen: Singles  # (n, BINS) 0 or 1


def strips(profiles: npt.NDArray[np.uint8]) -> list[list[Strips]]:
    """Luma and gradient across, then down, of packed profiles of (n, 2 * BINS)."""
    pairs = np.stack([profiles & 15, profiles >> 4], axis=-1).reshape(-1, 4, BINS)
    out = []
    for axis in (0, 1):
        luma, gradient = pairs[:, 2 * axis], pairs[:, 2 * axis + 1]
        seen = (gradient != OUTSIDE).astype(np.float32)
        out.append([Strips(v.astype(np.float32) * seen, seen) for v in (luma, gradient)])
    return out


def template(sample: Strips) -> Singles:
    """What most boxes show: the median of their strips, each box scaled to its own contrast.

    As whole numbers from 0 to 255, so that all sums with it are exact in any order.
    """
    values, seen = sample.values.astype(np.float64), sample.seen.astype(np.float64)
    n = np.maximum(seen.sum(axis=1, keepdims=True), 1.0)
    mean = values.sum(axis=1, keepdims=True) / n
    spread = np.sqrt((((values - mean) ** 2) * seen).sum(axis=1, keepdims=True) / n)
    scaled = np.where(seen > 0, (values - mean) / np.maximum(spread, 0.5), np.nan)
    usual = np.zeros(BINS)
    some = (seen > 0).any(axis=0)
    usual[some] = np.nanmedian(scaled[:, some], axis=0)
    low, high = usual.min(), usual.max()
    return np.asarray(np.rint((usual - low) / max(high - low, 1e-9) * 255), np.float32)


@dataclass(frozen=True)
class Fit:
    """How boxes of one class fit its template.

    Attributes
    ----------
    gain : numpy.ndarray
        (n,) float64: by how much the correlations of both axes grow when the box is moved to
        where they are best; NaN where it could not be told.
    move : numpy.ndarray
        (n, 2) int8: that move, in strips to the right and down.
    likeness : numpy.ndarray
        (n,) float64: mean correlation in place.
    """

    gain: Floats
    move: npt.NDArray[np.int8]
    likeness: Floats


def fit(profiles: npt.NDArray[np.uint8], rows: Ints, workers: int = 1) -> Fit:
    """Compare the boxes of one class with the template that they give themselves.

    Parameters
    ----------
    profiles : numpy.ndarray
        (N, 2 * BINS) uint8, as ``box_stats`` has them: of the whole set.
    rows : numpy.ndarray
        (n,) int64, those of the class.
    workers : int
        Native threads; 0 means one a CPU. The result does not depend on it.
    """
    n = len(rows)
    chosen = np.unique(np.linspace(0, n - 1, min(n, LEARNT_FROM)).round().astype(np.int64))
    sample = strips(profiles[rows[chosen]])
    usual = np.stack([template(s) for axis in sample for s in axis]).astype(np.uint8)
    return Fit(*_core.compare_profiles(profiles, rows, usual, workers))


def chances(gain: Floats, least: float = 0.0) -> Floats:
    """Chance that each box is misplaced, from how many are further off than chance explains.

    Most boxes of a class are right, so ordinary gains (of those that gain at all) show what
    chance does: an exponential tail through two quantiles of them. Where more boxes lie than it
    explains, the surplus is taken for errors (a local false discovery rate as in Efron,
    "Large-Scale Inference", 2010, with this tail for the null). It is fitted again without what
    was taken for errors.

    Parameters
    ----------
    gain : numpy.ndarray
        (n,) float64 without NaN.
    least : float
        Smaller chances may be given as 0: few boxes are worth a place in an order.

    Returns
    -------
    numpy.ndarray
        (n,) float64, 0 to 1; it does not fall where the gain grows.
    """
    out = np.zeros(len(gain))
    ranked = -gain[gain > 0]
    ranked.sort()
    np.negative(ranked, out=ranked)
    n = len(ranked)
    chance = np.zeros(n)
    for _ in range(ROUNDS if n else 0):
        right = np.cumsum(1.0 - chance)
        if right[-1] < GROUP:  # hardly any box would rather lie elsewhere: those few are odd
            upper, beyond, scale = 0.0, float(right[-1]), LEAST_SCALE
        else:
            # Ranks from the top at which these shares of the boxes that are right lie below.
            at = np.searchsorted(right, right[-1] * (1.0 - np.array([MIDDLE, UPPER])))
            middle, upper = ranked[np.minimum(at, n - 1)].tolist()
            scale = max((upper - middle) / np.log((1 - MIDDLE) / (1 - UPPER)), LEAST_SCALE)
            beyond = right[-1] * (1 - UPPER)
        chance = _surplus(ranked, beyond, upper, scale)
    enough = np.flatnonzero(chance >= least if least > 0 else chance > 0)
    if len(enough):
        some = np.flatnonzero(gain >= ranked[enough[-1]])
        order = some[np.argsort(-gain[some], kind="stable")]
        out[order] = chance[: len(order)]
    return out


def _surplus(ranked: Floats, beyond: float, upper: float, scale: float) -> Floats:
    """Share of surplus along gains that fall, of which ``beyond`` right ones exceed ``upper``."""
    tail = int(np.searchsorted(-ranked, -upper))
    chance = np.zeros(len(ranked))
    if not tail:
        return chance
    further = beyond * np.exp(-(ranked[:tail] - upper) / scale)
    if tail >= 2 * GROUP:
        groups = min(tail // GROUP, MOST_GROUPS)
        edges = np.linspace(0, tail, groups + 1).round().astype(np.int64)
        border = (ranked[edges[1:-1] - 1] + ranked[edges[1:-1]]) / 2
        expected = np.diff(np.r_[0.0, beyond * np.exp(-(border - upper) / scale), beyond])
        found = np.diff(edges).astype(np.float64)
        null = np.clip(_rising(expected / found, found), 1e-3, 1.0)
        # Between the groups' middles along the gain; past the highest as chance falls.
        centre = np.array([np.median(ranked[a:b]) for a, b in pairwise(edges.tolist())])
        log_null = np.interp(ranked[:tail], centre[::-1], np.log(null)[::-1])
        log_null -= np.maximum(ranked[:tail] - centre[0], 0.0) / scale
        chance[:tail] = 1.0 - np.exp(log_null)
    # A few errors in a group of right ones: so far out that not one in all is expected there.
    chance[:tail] = np.maximum(chance[:tail], 1.0 - SURE * further)
    return chance


def _rising(values: Floats, weights: Floats) -> Floats:
    """The nearest sequence that does not fall: neighbours in the wrong order share their mean."""
    means: list[float] = []
    sums: list[float] = []
    counts: list[int] = []
    for value, weight in zip(values.tolist(), weights.tolist(), strict=True):
        means.append(value)
        sums.append(weight)
        counts.append(1)
        while len(means) > 1 and means[-2] > means[-1]:
            mean, total, many = means.pop(), sums.pop(), counts.pop()
            means[-1] = (means[-1] * sums[-1] + mean * total) / (sums[-1] + total)
            sums[-1] += total
            counts[-1] += many
    return np.repeat(np.array(means), counts)


@rule(
    "FL707",
    "misplaced-box",
    "warning",
    "annotation",
    what="""A box that does not lie on its thing as the boxes of its class mostly do: shifted, or
    around something else. Found without a model, from the set's own boxes.""",
    why="""A small detector learns where edges of a thing are from the boxes. A shifted one
    teaches it background as thing and thing as background, at once, and with a box loss that
    it cannot lower.""",
    formula="""The scan gives each box a profile: mean luma and mean gradient of 24 strips across
    and 24 down, 16 of them in the box and 4 on each side. The median profile of a class is its
    template. A box is moved strip by strip along each axis, up to a quarter of its side, and
    compared (correlation of luma plus correlation of gradient). Value: how much the
    correlations of both axes grow at the best place. Score: the chance of an error, from the
    surplus of large values over the exponential tail that the class's own values from the
    30 % to the 70 % quantile predict.""",
    threshold="""`min_chance` = 0.25: of what is reported with it about half is wrong (bccd
    with planted shifts, `benchmarks/no_model.py`). `min_boxes` = 200 and `min_likeness` = 0.4: a
    class of fewer boxes, or whose boxes have a lower median correlation with their template, has
    no template worth the name and is not judged.""",
    false_alarms="""A thing with a neighbour of its kind close by, which fits as well; rare views
    of a class. Classes whose members look different, or that stand before a restless
    background, are mostly not judged. Not found: boxes that are too large or too small around
    the same centre, small shifts (under an eighth of a side), and whatever concerns the
    class. Pictures that EXIF turns are not judged.""",
    fix="Look at the box and draw it anew; the evidence has the place that fits best.",
    params={"min_chance": 0.25, "min_boxes": 200.0, "min_likeness": 0.4},
)
def misplaced_box(ctx: Context, p: Params) -> Iterator[Hits]:
    """Yield boxes that fit their class better elsewhere."""
    rows, unjudged = _profiled(ctx)
    least = max(p["min_chance"], 1e-9)
    found = []
    for c in sorted(rows):
        mine = np.concatenate(rows.pop(c)).astype(np.int64)
        if len(mine) < max(p["min_boxes"], 2):
            continue
        profiles = _profiles(ctx)
        how = fit(profiles, mine, ctx.workers)
        known = np.isfinite(how.gain)
        if known.sum() < p["min_boxes"] or np.median(how.likeness[known]) < p["min_likeness"]:
            continue
        chance = np.zeros(len(mine))
        chance[known] = chances(how.gain[known], least)
        hit = np.flatnonzero(chance >= least)
        hit = hit[how.move[hit].any(axis=1)]
        found.append((mine[hit], chance[hit], how.gain[hit], how.move[hit].astype(np.int64)))
    if not found:
        yield Hits([], annotation=np.empty(0, np.int64), unjudged=unjudged)
        return
    at, chance, gain, move = (np.concatenate(column) for column in zip(*found, strict=True))
    yield Hits(
        _messages(ctx, at, move),
        annotation=at,
        value=gain,
        score=chance,
        extra=_evidence(ctx, at, move),
        unjudged=unjudged,
    )


def _profiled(ctx: Context) -> tuple[dict[int, list[npt.NDArray[np.integer[Any]]]], int]:
    """Boxes of single targets with a profile, by class, and how many of them have none."""
    out: dict[int, list[npt.NDArray[np.integer[Any]]]] = {}
    # Ten million rows are held at once, so in as few bytes as can be.
    narrow = np.min_scalar_type(max(ctx.ds.annotations.num_rows - 1, 0))
    unjudged = 0
    upright = ctx.measured & np.asarray(ctx.stat("orientation") == 1)
    few = ctx.ds.categories.num_rows < 1 << 16
    for part in ctx.parts():
        single = ~part.exempt & ~part.hidden & (part.category >= 0) & part.solid
        has = np.zeros_like(single)
        if part.box_stats is not None and "profile" in part.box_stats.column_names:
            valid = part.box_stats["profile"].is_valid().to_numpy()
            has = single & upright[part.image_of] & np.asarray(valid, np.bool_)
        rows = np.flatnonzero(has)
        unjudged += int(single.sum()) - len(rows)
        classes = part.category[rows]
        # Of 16 bits they are sorted by counting.
        order = np.argsort(classes.astype(np.uint16) if few else classes, kind="stable")
        rows, classes = part.rows_in_whole(rows[order]).astype(narrow), classes[order]
        starts = np.flatnonzero(np.diff(classes, prepend=-1))
        for start, stop in pairwise([*starts.tolist(), len(rows)]):
            out.setdefault(int(classes[start]), []).append(rows[start:stop])
    return out, unjudged


def _profiles(ctx: Context) -> npt.NDArray[np.uint8]:
    """The column of profiles, where it lies; what it has for boxes without one means nothing."""
    assert ctx.box_stats is not None
    column = whole(ctx.box_stats["profile"])
    size = 2 * BINS
    data = np.frombuffer(column.buffers()[1], np.uint8)
    return data[column.offset * size :][: len(column) * size].reshape(-1, size)


def _shift(ctx: Context, rows: Ints, move: Ints) -> Floats:
    """Pixels to the right and down."""
    b = ctx.corners(rows)
    return np.asarray(move * (b[:, 2:] - b[:, :2]) / INSIDE)


def _messages(ctx: Context, rows: Ints, move: Ints) -> pa.Array:
    by = _shift(ctx, rows, move)
    ways = []
    for axis, (less, more) in enumerate((("left", "right"), ("up", "down"))):
        text = join(general(np.abs(by[:, axis]), 2), " px ", choice([less, more], by[:, axis] > 0))
        ways.append(text.to_pylist())
    where = [
        " and ".join(w for w, m in zip(both, moved, strict=True) if m)
        for both, moved in zip(zip(*ways, strict=True), (move != 0).tolist(), strict=True)
    ]
    return join(
        "This ",
        choice(ctx.quoted_classes, ctx.classes_of(rows)),
        " would look more like its class some ",
        where,
        ": look at it and draw it anew.",
    )


def _evidence(ctx: Context, rows: Ints, move: Ints) -> pa.Array:
    by = _shift(ctx, rows, move)
    box = ctx.corners(rows) + np.concatenate([by, by], axis=1)
    sides = [fixed(box[:, k], 2) for k in range(4)]
    place = join("[", sides[0], ", ", sides[1], ", ", sides[2], ", ", sides[3], "]")
    names = [json.dumps(name) for name in ctx.class_names]
    category = ctx.classes_of(rows)
    fix = join(
        '{"action": "replace_box", "box": ',
        place,
        ', "category_id": ',
        whole_numbers(category),
        ', "category": ',
        choice(names, category),
        ', "model": null}',
    )
    return members(fix=fix)
