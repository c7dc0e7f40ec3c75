"""Levels of boxes and images, with what each reason adds."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from .._threads import cpus, each_in_threads
from ..rules.context import Context, Floats, Ints
from ..rules.wording import number
from .settings import BY_LOGARITHM, LEVELS, Reason, Settings
from .values import Rarity, input_scale, model_trouble, rarity, targets, values_of

if TYPE_CHECKING:
    from ..predictions import Predictions

__all__ = ["Difficulty", "Sample", "explained", "judged", "sampled"]

Scores = npt.NDArray[np.float32]

#: Threads when none are asked for: beyond these memory is the limit.
MOST_WORKERS = 4
#: A reason that adds less is not worth a word; and so many are told.
WORTH_TELLING, MOST_TOLD = 0.05, 3
#: Boxes that a check judges: the shares of the levels are known to a thousandth.
MOST_SAMPLED = 500_000
#: What a box with no area, a crowd or an ignore region has for a level.
NO_LEVEL = 3


@dataclass(frozen=True, eq=False)
class Difficulty:
    """How hard boxes and images are for a small model, and why.

    Attributes
    ----------
    boxes : pyarrow.Table
        One row an annotation: ``annotation_id``, ``image_id``, ``level`` (dictionary of easy,
        medium and hard), ``score`` (float32, 0 to 1) and a float32 column for each reason that
        something is known of: what it adds, 0 to its weight, null where unknown. Level and score
        are null for crowds, ignore regions and boxes without an area.
    images : pyarrow.Table
        One row an image: ``image_id``, ``level``, ``score``, and ``targets``, the boxes with a
        level. Without any, level and score are null.
    settings : Settings
        Limits, weights and cut-offs.
    """

    boxes: pa.Table
    images: pa.Table
    settings: Settings
    _context: Context = field(repr=False)
    _rare: Rarity = field(repr=False)
    _trouble: Scores | None = field(repr=False)

    def __repr__(self) -> str:
        counts = ", ".join(f"{n:,} {level}" for level, n in self.counts("boxes").items())
        return f"Difficulty({self.boxes.num_rows:,} boxes: {counts})"

    def counts(self, what: str = "images") -> dict[str, int]:
        """How many images, or boxes, are of each level.

        Parameters
        ----------
        what : {"images", "boxes"}
        """
        found = np.bincount(self.codes(what), minlength=NO_LEVEL + 1)
        return {level: int(found[k]) for k, level in enumerate(LEVELS)}

    def codes(self, what: str = "images") -> npt.NDArray[np.uint8]:
        """Level of each image, or box, as 0, 1 or 2; 3 where it has none.

        Parameters
        ----------
        what : {"images", "boxes"}
        """
        if what not in ("images", "boxes"):
            raise ValueError(f"what: got {what!r}, expected 'images' or 'boxes'")
        (column,) = getattr(self, what)["level"].chunks
        return np.asarray(column.indices.fill_null(NO_LEVEL).to_numpy(), np.uint8)

    def reasons(self, what: str = "boxes") -> dict[str, float]:
        """Mean of what each reason adds, over the boxes with a level of which it is known.

        Parameters
        ----------
        what : {"boxes"}
        """
        if what != "boxes":
            raise ValueError(f"what: got {what!r}, expected 'boxes'")
        import pyarrow.compute as pc

        names = [name for name in self.settings.reasons if name in self.boxes.column_names]
        means = {name: pc.mean(self.boxes[name]).as_py() for name in names}
        return {name: float(mean) for name, mean in means.items() if mean is not None}

    def unreadable(self) -> npt.NDArray[np.bool_]:
        """Images that the scan could not decode whole; none where there was no scan."""
        ctx = self._context
        known = ctx.image_stats["status"].is_valid().to_numpy()
        return np.asarray(known & ~ctx.has_status("ok"))

    def explain(self, annotation_ids: Sequence[int] | Ints) -> list[str]:
        """Say in words what makes boxes as hard as they are.

        Parameters
        ----------
        annotation_ids : sequence of int
            Rows of ``boxes``.

        Returns
        -------
        list of str
            Such as ``hard: 6 px at the input, overlaps another box (IoU 0.42)``.
        """
        ids = np.asarray(annotation_ids, np.int64)
        n = self.boxes.num_rows
        if ids.ndim != 1 or (len(ids) and not (ids.min() >= 0 and ids.max() < n)):
            raise ValueError(f"annotation_ids: expected rows of the {n:,} boxes")
        codes = self.codes("boxes")[ids]
        return explained(self._context, self.settings, self._rare, self._trouble, codes, ids)


def explained(
    ctx: Context,
    settings: Settings,
    rare: Rarity,
    trouble: Scores | None,
    codes: npt.NDArray[np.uint8],
    ids: Ints,
) -> list[str]:
    """Say in words what makes boxes, of these levels, as hard as they are."""
    if not len(ids):
        return []
    # Crowding needs the other boxes of the images.
    rows = ctx.rows_of(np.unique(ctx.image_of[ids]))
    part = ctx.part_of(rows)
    mine = None if trouble is None else trouble[rows]
    with np.errstate(all="ignore"):
        values = values_of(part, rare, mine, tuple(settings.reasons))
    order = np.argsort(rows, kind="stable")
    at = order[np.searchsorted(rows[order], ids)]
    words = _Words(part, rare, "ring_luma_mean" in _names(part.box_stats))
    shares = {k: contribution(k, settings.reasons[k], v[at]) for k, v in values.items()}
    picked = {k: v[at] for k, v in values.items()}
    return [words.one(int(codes[k]), int(at[k]), k, shares, picked) for k in range(len(ids))]


def _names(table: pa.Table | None) -> list[str]:
    return [] if table is None else list(table.column_names)


def contribution(name: str, reason: Reason, values: Floats) -> Scores:
    """What a reason adds to the difficulty of boxes, NaN where its value is not known.

    ``weight * clip((value - easy) / (hard - easy), 0, 1)``, of the logarithms for
    :data:`~fastlabel.difficulty.settings.BY_LOGARITHM`.
    """
    low, high = reason.easy, reason.hard
    with np.errstate(divide="ignore", invalid="ignore"):
        if name in BY_LOGARITHM:
            values, low, high = np.log(values), float(np.log(low)), float(np.log(high))
        share = (values - low) * (1.0 / (high - low))
    np.clip(share, 0.0, 1.0, out=share)
    share *= reason.weight
    return share.astype(np.float32)


def combined(parts: Iterable[Scores], n: int) -> Scores:
    """``1 - product of (1 - part)``: each reason takes its share of what the others leave."""
    left = np.ones(n, np.float32)
    for part in parts:
        left *= np.float32(1.0) - np.nan_to_num(part, nan=0.0)
    return np.asarray(np.float32(1.0) - left)


def levels_of(scores: Scores, has: npt.NDArray[np.bool_], settings: Settings) -> Any:
    """Level of each score as 0, 1 or 2; 3 where there is none."""
    codes = (scores >= np.float32(settings.medium)).astype(np.uint8)
    codes += scores >= np.float32(settings.hard)
    codes[~has] = NO_LEVEL
    return codes


def judged(
    ctx: Context,
    settings: Settings,
    predictions: Predictions | None = None,
    loss: Any = None,
    workers: int = 0,
) -> Difficulty:
    """Judge every box and every image of a set; the result hangs on no number of threads."""
    n, images = ctx.ds.annotations.num_rows, len(ctx.ds)
    names = tuple(k for k, reason in settings.reasons.items() if reason.weight > 0)
    score, has = np.zeros(n, np.float32), np.zeros(n, np.bool_)
    columns: dict[str, Scores] = {}
    with np.errstate(all="ignore"):
        rare, trouble = rarity(ctx), model_trouble(ctx, predictions, loss)
    input_scale(ctx)

    def work(part: Context, rows: Any) -> tuple[Any, dict[str, Scores], Scores, Any]:
        mine = None if trouble is None else trouble[rows]
        with np.errstate(all="ignore"):
            values = values_of(part, rare, mine, names)
            found = {k: contribution(k, settings.reasons[k], v) for k, v in values.items()}
            solid = targets(part)
        return rows, found, combined(found.values(), len(solid)), solid

    def put(done: tuple[Any, dict[str, Scores], Scores, Any]) -> None:
        rows, found, scores, solid = done
        score[rows], has[rows] = scores, solid
        for name, values in found.items():
            if name not in columns:
                columns[name] = np.full(n, np.nan, np.float32)
            columns[name][rows] = values

    each_in_threads(_jobs(ctx, work), workers or min(cpus(), MOST_WORKERS), put)
    codes = levels_of(score, has, settings)
    table = {
        "annotation_id": pa.array(np.arange(n)),
        "image_id": pa.array(ctx.image_of),
        "level": _level_column(codes),
        "score": pa.array(score, mask=~has),
    }
    for name in settings.reasons:
        if name in columns:
            table[name] = pa.array(columns.pop(name), from_pandas=True)
    boxes = pa.table(table)
    return Difficulty(
        boxes, _images(ctx.image_of, score, has, images, settings), settings, ctx, rare, trouble
    )


def _jobs(
    ctx: Context, work: Callable[[Context, Any], Any]
) -> Iterable[Callable[[], tuple[Any, dict[str, Scores], Scores, Any]]]:
    for part in ctx.parts(whole_images=True):
        yield partial(work, part, part.rows)


def _level_column(codes: npt.NDArray[np.uint8]) -> pa.Array:
    indices = pa.array(codes.astype(np.int8), mask=codes == NO_LEVEL)
    return pa.DictionaryArray.from_arrays(indices, pa.array(LEVELS))


def image_scores(
    image_of: Ints, score: Scores, has: npt.NDArray[np.bool_], images: int
) -> tuple[Scores, Ints]:
    """Score of each image, and its targets: the root of the mean square of its boxes' scores.

    So that one hard box among easy ones shows, and does not stand for them all. Sums are of
    float64 in the order of the rows.
    """
    at = image_of[has]
    count = np.bincount(at, minlength=images)
    squares = np.bincount(at, score[has].astype(np.float64) ** 2, minlength=images)
    return np.sqrt(squares / np.maximum(count, 1)).astype(np.float32), count


def _images(
    image_of: Ints, score: Scores, has: npt.NDArray[np.bool_], images: int, settings: Settings
) -> pa.Table:
    whole, count = image_scores(image_of, score, has, images)
    codes = levels_of(whole, count > 0, settings)
    return pa.table(
        {
            "image_id": pa.array(np.arange(images)),
            "level": _level_column(codes),
            "score": pa.array(whole, mask=count == 0),
            "targets": pa.array(count.astype(np.int32)),
        }
    )


@dataclass(frozen=True)
class Sample:
    """Levels of the boxes of every k-th image.

    Attributes
    ----------
    rows, score, codes : numpy.ndarray
        Annotations that were judged, their scores and levels (3: none).
    images, image_codes : numpy.ndarray
        Images with a target, and their levels.
    looked_at : int
        Images that were looked at, with a target or without.
    rare : Rarity
        Of these boxes.
    """

    rows: Ints
    score: Scores
    codes: npt.NDArray[np.uint8]
    images: Ints
    image_codes: npt.NDArray[np.uint8]
    looked_at: int
    rare: Rarity


def sampled(ctx: Context, settings: Settings, most_boxes: int = MOST_SAMPLED) -> Sample:
    """Judge every k-th image, so that there are about so many boxes at most; made once."""
    return ctx.once(("difficulty", most_boxes), lambda: _sampled(ctx, settings, most_boxes))


def _sampled(ctx: Context, settings: Settings, most_boxes: int) -> Sample:
    step = max(1, -(-ctx.ds.annotations.num_rows // most_boxes))
    images = np.arange(0, len(ctx.ds), step)
    rows = ctx.rows_of(images)
    part = ctx.part_of(rows)
    names = tuple(k for k, reason in settings.reasons.items() if reason.weight > 0)
    with np.errstate(all="ignore"):
        rare = rarity(ctx, part)
        values = values_of(part, rare, None, names)
        found = (contribution(k, settings.reasons[k], v) for k, v in values.items())
        score = combined(found, len(rows))
        has = targets(part)
    whole, count = image_scores(part.image_of, score, has, len(ctx.ds))
    some = np.flatnonzero(count > 0)
    image_codes = levels_of(whole[some], count[some] > 0, settings)
    codes = levels_of(score, has, settings)
    return Sample(rows, score, codes, some, image_codes, len(images), rare)


@dataclass(frozen=True)
class _Words:
    """Explanations of boxes of one part."""

    part: Context
    rare: Rarity
    rings: bool

    def one(
        self, code: int, at: int, k: int, shares: dict[str, Scores], values: dict[str, Floats]
    ) -> str:
        if code == NO_LEVEL:
            return "no level: a crowd, an ignore region or a box without an area"
        adds = {name: float(s[k]) for name, s in shares.items() if s[k] >= WORTH_TELLING}
        first = sorted(adds, key=lambda name: -adds[name])[:MOST_TOLD]
        told = [self._reason(name, float(values[name][k]), at) for name in first]
        return f"{LEVELS[code]}: {', '.join(told) or 'nothing makes it hard'}"

    def _reason(self, name: str, value: float, at: int) -> str:
        if name == "size":
            return f"{number(max(value, 0.0))} px at the input"
        if name == "occlusion":
            return f"hidden (occlusion level {value:.0f})"
        if name == "truncation":
            return "cut off" if value >= 1 else f"{100 * value:.0f} % cut off"
        if name == "marked":
            return "marked as difficult"
        if name == "sharpness":
            return f"blurred (acutance {number(value)})"
        if name == "light":
            luma = float(self.part.box_stat("luma_mean")[at])
            return f"{'dark' if luma < 127.5 else 'bright'} (luma {luma:.0f})"
        if name == "contrast":
            where = "from its surroundings" if self.rings else "in the box"
            return f"faint ({number(value)} grey levels {where})"
        if name == "background":
            return f"busy background ({number(value)})"
        if name == "crowding":
            return f"overlaps another box (IoU {value:.2f})"
        if name == "rare_class":
            return f"rare class (1 box for {number(value)} of the largest)"
        if name == "rare_pose":
            what = "pose" if self.rare.names else "shape"
            return f"rare {what} ({number(100 * value)} % of its class)"
        return f"hard for the model ({value:.2f} of 1)"
