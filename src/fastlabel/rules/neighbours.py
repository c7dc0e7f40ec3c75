"""FL7 without a model: what the next frames, or near copies, of a picture say of its boxes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..dataset import as_numpy
from .context import Bools, Context, Floats, Ints
from .duplicates import near_groups
from .phrases import choice, fixed, join, members, whole_numbers
from .registry import Hits, Params, rule, thresholds

#: Pictures of more boxes are not compared: equal boxes would make the square of their number
#: of pairs.
MOST_BOXES = 2000
#: Chance that a disagreement is an error of the frame between two that agree, and of one of two
#: pictures that have no third. Guesses, on the careful side.
BETWEEN, ALONE = 0.7, 0.4


@dataclass(frozen=True)
class Runs:
    """Pictures with their neighbours: nearly the same, of one size, in the order of the set."""

    image: Ints
    before: Ints  # -1: none
    after: Ints


def runs(ctx: Context) -> tuple[Runs, int]:
    """Pictures that have a neighbour on either side, and how many have too many boxes."""
    distance = int(min(thresholds("FL502", ctx.config)["distance"], 64))
    labelled = ctx.has_label_state("labelled", "labelled_empty")
    hashes = as_numpy(pc.fill_null(ctx.image_stats["phash"], 0)).astype(np.uint64)
    width, height = ctx.size
    groups = near_groups(ctx)[0]
    none = np.empty(0, np.int64)
    rows = np.concatenate([none, *groups])
    group = np.repeat(np.arange(len(groups)), [len(g) for g in groups])
    many = ctx.box_counts[rows] > MOST_BOXES
    keep = labelled[rows] & ~many
    rows, group = rows[keep], group[keep]
    if not len(rows):
        return Runs(none, none, none), int(many.sum())
    order = np.lexsort((rows, group))
    rows, group = rows[order], group[order]
    near = group[1:] == group[:-1]
    near &= np.bitwise_count(hashes[rows[1:]] ^ hashes[rows[:-1]]) <= distance
    near &= (width[rows[1:]] == width[rows[:-1]]) & (height[rows[1:]] == height[rows[:-1]])
    before = np.r_[-1, np.where(near, rows[:-1], -1)]
    after = np.r_[np.where(near, rows[1:], -1), -1]
    has = (before >= 0) | (after >= 0)
    return Runs(rows[has], before[has], after[has]), int(many.sum())


@dataclass(frozen=True)
class _Lists:
    """Boxes of a list of images, one group each."""

    rows: Ints  # annotation of each
    group: Ints
    offsets: Ints
    boxes: Floats


def _lists(ctx: Context, images: Ints) -> _Lists:
    """Boxes of single targets of each image; none where it is -1."""
    # Part by part: what these are made of would be as large as the table.
    usable = np.concatenate([p.solid & ~p.exempt & (p.category >= 0) for p in ctx.parts()])
    per_image = [
        ctx.annotations_of(i) if i >= 0 else np.empty(0, np.int64) for i in images.tolist()
    ]
    rows = np.concatenate([*per_image, np.empty(0, np.int64)]).astype(np.int64)
    group = np.repeat(np.arange(len(images)), [len(r) for r in per_image])
    good = usable[rows]
    rows, group = rows[good], group[good]
    offsets = np.searchsorted(group, np.arange(len(images) + 1)).astype(np.int64)
    return _Lists(rows, group, offsets, ctx.corners(rows))


def _pairs(a: _Lists, b: _Lists, least: float) -> tuple[Ints, Ints, Floats]:
    from ..boxes import box_pairs_between

    if not len(a.rows) or not len(b.rows):
        none = np.empty(0, np.int64)
        return none, none, np.empty(0)
    return box_pairs_between(
        a.boxes, b.boxes, least, offsets1=a.offsets, offsets2=b.offsets, invalid="zero"
    )


@rule(
    "FL708",
    "neighbours-disagree",
    "warning",
    "annotation",
    what="""Pictures that are nearly the same (the next frames of a film, or near copies) and whose
    labels disagree: a thing that the frames before and after show and this one does not,
    one that neither of them shows, or one of another class. The finding is on the odd frame.""",
    why="""Nearly the same pixels with two truths: whatever a small model answers, one of them
    punishes it. Labels that flicker from frame to frame also teach it that things come and go
    by chance, which is what the users of its tracks will see.""",
    formula="""Within the clusters of FL502 labelled pictures of one size, in the order of the
    set, whose hashes differ in at most `distance` bits (of FL502) from the one before. Boxes are
    in one place at an IoU of at least `min_iou`. Missing: the frames before and after have a box
    of one class in one place, and here no box reaches `no_iou` with their mean. Spurious: no box
    of either of them reaches `no_iou`. Class: both have one class there, and here it is another.
    Where there are only two pictures, whichever box or class the other has not is reported with
    a lower score. Byte-identical pictures are FL504's.""",
    threshold="""`min_iou` = 0.5, `no_iou` = 0.1: between them a thing may have moved. Scores (0.7
    between two frames that agree, 0.4 of two pictures) are careful guesses.""",
    false_alarms="""Fast things, and films of few frames a second, where things do come and go
    between frames; near copies that were cropped. Pictures of more than 2,000 boxes are not
    compared.""",
    fix="Look at the frames side by side; the evidence has the box or the class of the others.",
    params={"min_iou": 0.5, "no_iou": 0.1},
)
def neighbours_disagree(ctx: Context, p: Params) -> Iterator[Hits]:
    """Yield boxes, and places without one, that differ from those of the neighbours."""
    found, unjudged = runs(ctx)
    yield Hits([], image=np.empty(0, np.int64), unjudged=unjudged)
    if not len(found.image):
        return
    here, before, after = (_lists(ctx, i) for i in (found.image, found.before, found.after))
    same = max(p["min_iou"], 1e-6)
    low = max(min(p["no_iou"], same), 1e-6)
    lonely = _lonely(found, len(ctx.ds))
    yield _other_classes(ctx, found, here, before, after, lonely, same)
    yield _missing(ctx, found, here, before, after, same, low)
    yield _spurious(ctx, found, here, before, after, lonely, low)


def _lonely(found: Runs, images: int) -> Bools:
    """Pictures of runs of two."""
    at = np.zeros(images, np.int64)
    at[found.image] = np.arange(len(found.image))
    first = (found.before < 0) & (found.after[at[found.after]] < 0)
    last = (found.after < 0) & (found.before[at[found.before]] < 0)
    return np.asarray(first | last)


def _other_classes(
    ctx: Context,
    found: Runs,
    here: _Lists,
    before: _Lists,
    after: _Lists,
    lonely: Bools,
    same: float,
) -> Hits:
    """Boxes in whose place both neighbours have one other class; or the only one has."""
    own = ctx.classes_of(here.rows)
    one, two = (_class_in_place(ctx, here, o, same) for o in (before, after))
    # Of two pictures alone on the later one: both have the same right to be wrong.
    alone = lonely[here.group]
    odd = np.flatnonzero((one >= 0) & (one != own) & (alone | (one == two)))
    rows, other, alone = here.rows[odd], one[odd], alone[odd]
    names = ctx.quoted_classes
    return Hits(
        join(
            "Box is labelled ",
            choice(names, ctx.classes_of(rows)),
            choice([" and in the frames before and after ", " and in a near copy "], alone),
            choice(names, other),
            ": decide which it is.",
        ),
        annotation=rows,
        score=np.where(alone, ALONE, BETWEEN),
        suggestion="relabel",
        extra=members(
            related_images=_numbers(found.before[here.group[odd]], alone, found.after, here, odd),
            fix=_fix(ctx, "relabel", ctx.corners(rows), other),
        ),
    )


def _numbers(before: Ints, alone: Bools, after: Ints, here: _Lists, odd: Ints) -> pa.Array:
    """A list of the neighbours that a finding was held against."""
    both = join("[", whole_numbers(before), ", ", whole_numbers(after[here.group[odd]]), "]")
    one = join("[", whole_numbers(before), "]")
    return pc.if_else(pa.array(alone), one, both)


def _class_in_place(ctx: Context, here: _Lists, other: _Lists, same: float) -> Ints:
    """Class of another picture's box in the place of each box; -1: none; its own where any is."""
    i, j, iou = _pairs(here, other, same)
    own, theirs = ctx.classes_of(here.rows[i]), ctx.classes_of(other.rows[j])
    out = np.full(len(here.rows), -1, np.int64)
    # From the least to the most that counts: a box of the same class, then the highest IoU.
    order = np.lexsort((-np.arange(len(i)), iou, own == theirs))
    out[i[order]] = theirs[order]
    return out


def _missing(
    ctx: Context,
    found: Runs,
    here: _Lists,
    before: _Lists,
    after: _Lists,
    same: float,
    low: float,
) -> Hits:
    """Places where both neighbours have a box of one class and this picture has none."""
    i, j, iou = _pairs(before, after, same)
    equal = ctx.classes_of(before.rows[i]) == ctx.classes_of(after.rows[j])
    i, j, iou = i[equal], j[equal], iou[equal]
    # Each other's best: a crowd must not give one thing twice.
    mutual = _is_best(i, iou) & _is_best(j, iou)
    i, j = i[mutual], j[mutual]
    mean = (before.boxes[i] + after.boxes[j]) / 2
    group = before.group[i]
    offsets = np.searchsorted(group, np.arange(len(found.image) + 1)).astype(np.int64)
    covered = np.zeros(len(i), np.bool_)
    covered[_pairs(_Lists(before.rows[i], group, offsets, mean), here, low)[0]] = True
    i, j, mean, group = i[~covered], j[~covered], mean[~covered], group[~covered]
    category = ctx.classes_of(before.rows[i])
    return Hits(
        join(
            "The frames before and after show ",
            choice(ctx.quoted_classes, category),
            " at ",
            _place(mean, 0),
            " and this one has no box there: look whether a label is missing.",
        ),
        image=found.image[group],
        score=BETWEEN,
        extra=members(
            related_images=join(
                "[",
                whole_numbers(found.before[group]),
                ", ",
                whole_numbers(found.after[group]),
                "]",
            ),
            fix=_fix(ctx, "add_box", mean, category),
        ),
    )


def _is_best(owner: Ints, iou: Floats) -> Bools:
    """Pairs that are the best of their owner, the first of equals."""
    order = np.lexsort((np.arange(len(owner)), -iou, owner))
    out = np.zeros(len(owner), np.bool_)
    if len(order):
        out[order[np.r_[True, owner[order][1:] != owner[order][:-1]]]] = True
    return out


def _spurious(
    ctx: Context,
    found: Runs,
    here: _Lists,
    before: _Lists,
    after: _Lists,
    lonely: Bools,
    low: float,
) -> Hits:
    """Boxes in whose place neither neighbour has any; or the only one has none."""
    seen = np.zeros(len(here.rows), np.bool_)
    for other in (before, after):
        seen[_pairs(here, other, low)[0]] = True
    between = ((found.before >= 0) & (found.after >= 0))[here.group]
    alone = lonely[here.group]
    odd = np.flatnonzero(~seen & (between | alone))
    rows, alone = here.rows[odd], alone[odd]
    left, right = found.before[here.group[odd]], found.after[here.group[odd]]
    both = join("[", whole_numbers(left), ", ", whole_numbers(right), "]")
    one = join("[", whole_numbers(np.maximum(left, right)), "]")
    return Hits(
        join(
            "This ",
            choice(ctx.quoted_classes, ctx.classes_of(rows)),
            choice([" has no box in its place in the frames before and after", ""], alone),
            choice(["", " has no box in its place in a near copy of the picture"], alone),
            ": look which is right.",
        ),
        annotation=rows,
        score=np.where(alone, ALONE, BETWEEN),
        extra=members(
            related_images=pc.if_else(pa.array(alone), one, both),
            # Of two pictures alone either may be right: nothing is proposed.
            fix=pc.if_else(
                pa.array(alone),
                "null",
                _fix(ctx, "drop_box", ctx.corners(rows), ctx.classes_of(rows)),
            ),
        ),
    )


def _place(boxes: Floats, digits: int) -> pa.Array:
    sides = [fixed(boxes[:, k], digits) for k in range(4)]
    return join("[", sides[0], ", ", sides[1], ", ", sides[2], ", ", sides[3], "]")


def _fix(ctx: Context, action: str, boxes: Floats, category: Ints) -> pa.Array:
    names = [json.dumps(name) for name in ctx.class_names]
    return join(
        f'{{"action": "{action}", "box": ',
        _place(boxes, 2),
        ', "category_id": ',
        whole_numbers(category),
        ', "category": ',
        choice(names, category),
        ', "model": null}',
    )
