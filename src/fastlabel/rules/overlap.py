"""FL2, geometry of pairs: the same object labelled twice, or as two things."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pyarrow as pa

from .context import Bools, Context, Floats, Ints
from .phrases import choice, fixed, join, members, whole_numbers
from .registry import Hits, Params, rule

#: Boxes compared with each other at once. An image with more is compared in blocks of
#: neighbours, so that a hostile one cannot ask for the square of its size.
BLOCK = 8192

#: Earlier boxes that one box is paired with at most, for the same reason.
PARTNERS = 32

#: Candidate pairs of one call: bounds memory, not the result.
MAX_PAIRS = 4 << 20

#: What is proposed for a box that repeats another.
_DROP = (
    '"fix": {"action": "drop_box", "box": null, "category_id": null, "category": null, '
    '"model": null}'
)

Keep = Callable[[Ints, Ints, Floats], Bools]


def _best_earlier(
    ctx: Context, rows: Ints, group: Ints, threshold: float, keep: Keep
) -> tuple[Ints, Ints, Floats]:
    """For each box the earlier box of its group that it overlaps most, where there is one.

    Parameters
    ----------
    rows : numpy.ndarray
        Boxes to compare.
    group : numpy.ndarray
        One number a row: only boxes of one group are compared.
    threshold : float
        Lowest IoU that counts.
    keep : callable
        Of two arrays of boxes and their IoU: which pairs count.

    Returns
    -------
    tuple of numpy.ndarray
        Later boxes, their earlier partners, and the IoU.
    """
    from ..boxes import box_pairs

    found: list[tuple[Ints, Ints, Floats]] = []
    for at, offsets in _calls(ctx, rows, group):
        i, j, iou = box_pairs(
            ctx.boxes[at], offsets, threshold, max_per_box=PARTNERS, invalid="zero"
        )
        a, b = np.minimum(at[i], at[j]), np.maximum(at[i], at[j])
        good = keep(a, b, iou)
        found.append(_best(b[good], a[good], iou[good]))
    if not found:
        return np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0)
    later, earlier, iou = (np.concatenate(column) for column in zip(*found, strict=True))
    return _best(later, earlier, iou)


def _best(later: Ints, earlier: Ints, iou: Floats) -> tuple[Ints, Ints, Floats]:
    """Of the pairs of each later box the one of the highest IoU, then the earliest."""
    order = np.lexsort((earlier, -iou, later))
    later, earlier, iou = later[order], earlier[order], iou[order]
    first = np.ones(len(later), np.bool_)
    first[1:] = later[1:] != later[:-1]
    return later[first], earlier[first], iou[first]


def _calls(ctx: Context, rows: Ints, group: Ints) -> Iterator[tuple[Ints, Ints]]:
    """Cut the work into calls of bounded size: boxes sorted by group, and group offsets."""
    if (group[1:] < group[:-1]).any():
        order = np.argsort(group, kind="stable")  # fast where images stand in order
        rows, group = rows[order], group[order]
    starts = np.flatnonzero(np.r_[True, group[1:] != group[:-1]]) if len(group) else group
    ends = np.r_[starts[1:], len(group)]
    sizes = ends - starts
    lonely = sizes < 2
    starts, ends, sizes = starts[~lonely], ends[~lonely], sizes[~lonely]
    small = sizes <= BLOCK
    yield from _small_calls(rows, starts[small], sizes[small])
    for start, end in zip(starts[~small].tolist(), ends[~small].tolist(), strict=True):
        yield from _block_calls(ctx, rows[start:end])


def _small_calls(rows: Ints, starts: Ints, sizes: Ints) -> Iterator[tuple[Ints, Ints]]:
    """Whole groups, as many at a time as the bound on pairs allows."""
    work = np.cumsum(sizes * np.minimum(sizes, PARTNERS))
    for cut in np.split(np.arange(len(starts)), np.flatnonzero(np.diff(work // MAX_PAIRS)) + 1):
        if not len(cut):
            continue
        offsets = np.r_[0, np.cumsum(sizes[cut])]
        within = np.arange(offsets[-1]) - np.repeat(offsets[:-1], sizes[cut])
        yield rows[np.repeat(starts[cut], sizes[cut]) + within], offsets.astype(np.int64)


def _block_calls(ctx: Context, rows: Ints) -> Iterator[tuple[Ints, Ints]]:
    """One crowded group: blocks of neighbours along a curve that fills the plane, twice.

    Such a curve jumps at the borders of its quadrants. In the second pass they, and the
    borders of the blocks, lie elsewhere, so that neighbours that the first one parted meet.
    """
    boxes = ctx.boxes[rows]
    for shift, begin in ((0.0, BLOCK), (1 / 3, BLOCK // 2)):
        order = np.lexsort((rows, _curve(boxes, shift)))
        for block in np.split(order, np.arange(begin, len(rows), BLOCK)):
            yield np.sort(rows[block]), np.array([0, len(block)], np.int64)


def _related(ctx: Context, earlier: Ints) -> pa.Array:
    """Evidence that names one other box, by its number in the whole set."""
    return members(related_annotations=join("[", whole_numbers(ctx.rows_in_whole(earlier)), "]"))


def _curve(boxes: Floats, shift: float) -> Ints:
    """Place of each box's centre along a Z-order curve of 2^16 by 2^16 cells."""
    code = np.zeros(len(boxes), np.int64)
    for axis in (0, 1):
        centre = boxes[:, axis] / 4 + boxes[:, axis + 2] / 4  # halved again: cannot overflow
        low, high = centre.min(), centre.max()
        unit = (centre - low) / (high - low) if high > low else np.zeros(len(boxes))
        cell = ((unit + shift) / (1 + shift) * 65_535).astype(np.int64)
        for bit in range(16):
            code |= ((cell >> bit) & 1) << (2 * bit + axis)
    return code


@rule(
    "FL204",
    "duplicate-box",
    "warning",
    "annotation",
    what="""Two boxes of one class on one object of one image: labelled twice, mostly by two
    people, or by an import that ran twice. The finding is on the later one, and names the
    earlier one that it overlaps most.""",
    why="""The object counts twice in the loss, so the model is pulled to it twice as hard. In
    training each copy claims cells of its own; in evaluation the second copy can never be
    found and counts as a miss. A small model that learns to answer twice spends its few
    outputs on that.""",
    formula="""IoU of two boxes of the same image and class is at least `min_iou`; or at least
    `near_iou` while all four sides differ by at most `near_pixels`. Crowd and ignore
    regions are exempt. Of three boxes on one object the second and the third are reported.""",
    threshold="""`min_iou` = 0.8: two neighbours of one class that hide each other so much are
    rare, and two people who label one object reach about 0.8 to 0.95. `near_iou` = 0.6 with
    `near_pixels` = 1 px is for tiny boxes: one pixel off on two sides of a 9 px box is
    already IoU 0.65.""",
    false_alarms="""Objects of one class truly one behind the other (a row of bottles seen along
    it); stacked cells under a microscope. In an image with more than 8,192 boxes of a class
    only neighbours are compared, and nowhere a box with more than 32 earlier ones, so in
    such piles a pair may be missed.""",
    fix="Keep the tighter box and delete the other.",
    params={"min_iou": 0.8, "near_iou": 0.6, "near_pixels": 1.0},
    by_part=True,
)
def duplicate_box(ctx: Context, p: Params) -> Iterator[Hits]:
    """Yield later boxes that repeat an earlier one."""

    def same(a: Ints, b: Ints, iou: Floats) -> Bools:
        near = np.abs(ctx.boxes[a] - ctx.boxes[b]).max(axis=1, initial=0) <= p["near_pixels"]
        return np.asarray((iou >= p["min_iou"]) | ((iou >= p["near_iou"]) & near))

    rows = np.flatnonzero(ctx.finite & ~ctx.exempt & (ctx.category >= 0))
    group = ctx.image_of[rows] * (len(ctx.class_names) + 1) + ctx.category[rows]
    lowest = min(p["min_iou"], p["near_iou"])
    later, earlier, iou = _best_earlier(ctx, rows, group, lowest, same)
    messages = join(
        "Box repeats an earlier ",
        choice(ctx.quoted_classes, ctx.category[later]),
        " of the same image (IoU ",
        fixed(iou, 2),
        f", limit {p['min_iou']:g}): keep the tighter one and delete the other.",
    )
    yield Hits(
        messages,
        annotation=later,
        value=iou,
        threshold=np.where(iou >= p["min_iou"], p["min_iou"], p["near_iou"]),
        score=iou,
        suggestion="exclude",
        extra=join(_related(ctx, earlier), f", {_DROP}"),
    )


@rule(
    "FL205",
    "clashing-classes",
    "warning",
    "annotation",
    what="""Two boxes of different classes on one object of one image. The finding is on the later
    one, and names the earlier one that it overlaps most.""",
    why="""For the same pixels one label says cat and the other says dog, so whatever the model
    answers, it is punished. A large model learns to hedge; a small one lowers its scores
    for both classes, everywhere.""",
    formula="""IoU of two boxes of the same image and of different, known classes is at least
    `min_iou`. Crowd and ignore regions are exempt.""",
    threshold="""`min_iou` = 0.85, higher than for duplicates, because things of different
    classes do lie close together (a rider on a bicycle, a cup in a hand) without being
    one object.""",
    false_alarms="""Sets with nested classes that are meant to coincide (vehicle and car), and
    sets that label an object and its state as two boxes.""",
    fix="""Decide which class it is and delete the other box. If a pair of classes clashes again
    and again, their definitions overlap: write them down anew, or merge the classes.""",
    params={"min_iou": 0.85},
    by_part=True,
)
def clashing_classes(ctx: Context, p: Params) -> Iterator[Hits]:
    """Yield later boxes that lie on an earlier box of another class."""

    def other(a: Ints, b: Ints, iou: Floats) -> Bools:
        return np.asarray(ctx.category[a] != ctx.category[b])

    rows = np.flatnonzero(ctx.finite & ~ctx.exempt & (ctx.category >= 0))
    later, earlier, iou = _best_earlier(ctx, rows, ctx.image_of[rows], p["min_iou"], other)
    names = ctx.quoted_classes
    messages = join(
        "Box is labelled ",
        choice(names, ctx.category[later]),
        " and an earlier one in its place ",
        choice(names, ctx.category[earlier]),
        " (IoU ",
        fixed(iou, 2),
        f", limit {p['min_iou']:g}): decide which it is and delete the other.",
    )
    yield Hits(
        messages,
        annotation=later,
        value=iou,
        threshold=p["min_iou"],
        score=0.9 * iou,
        suggestion="relabel",
        extra=_related(ctx, earlier),
    )
