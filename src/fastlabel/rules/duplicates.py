"""FL5, duplicates and leakage: the same picture more than once, and what its copies say."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from .context import Context, Floats, Ints, ints
from .context import whole as one_array
from .registry import Hits, Params, rule
from .wording import count, quote

#: Members of a group that a finding's evidence lists; it always tells how many there are.
LISTED = 1000


def exact_groups(ctx: Context) -> list[Ints]:
    """Rows of images with the same bytes, for each group of two or more, in row order."""
    return ctx.once("exact groups", lambda: _exact_groups(ctx))


def _exact_groups(ctx: Context) -> list[Ints]:
    column = ctx.image_stats["content_hash"]
    codes = ints(one_array(column.dictionary_encode()).indices)
    size = np.nan_to_num(ctx.stat("bytes"), nan=-1.0)
    known = np.bincount(codes[codes >= 0])
    rows = np.flatnonzero((codes >= 0) & (known[codes] > 1 if len(known) else False))
    order = rows[np.lexsort((rows, size[rows], codes[rows]))]
    new = (np.diff(codes[order]) != 0) | (np.diff(size[order]) != 0)
    groups = [g for g in np.split(order, np.flatnonzero(new) + 1) if len(g) > 1]
    return sorted(groups, key=lambda g: int(g[0]))


def _others(ctx: Context, group: Ints) -> str:
    """Names of all but the first of a group, three at most."""
    shown = ", ".join(ctx.quoted_images(group[1:4]))
    more = len(group) - 4
    return f"{shown} and {more:,} more" if more > 0 else shown


def _members(group: Ints) -> dict[str, object]:
    return {"members": len(group), "related_images": group[1 : LISTED + 1].tolist()}


@rule(
    "FL501",
    "exact-duplicate",
    "warning",
    "image",
    what="""Files that are the same to the last byte, or one file that is listed more than once.
    One finding for each group, on its first image; the evidence lists the others.""",
    why="""Every copy is a weight on the same picture: the model sees it twice as often as the
    rest. In a small set for a small model a few frames that were copied many times pull
    the boundary to themselves; and they make the set look larger than it is.""",
    formula="""The 128-bit hash of the file's bytes and its size are equal. Copies that were
    resized or saved again are another matter.""",
    threshold="None: all bytes are equal or they are not.",
    false_alarms="""Deliberate oversampling of rare pictures by copying files: better done with
    sample weights.""",
    fix="""Keep one file with the better labels and remove the others with their records. Look
    at FL503 and FL504 for the same group first.""",
)
def exact_duplicate(ctx: Context, p: Params) -> Iterator[Hits]:
    """Yield groups of byte-identical files."""
    groups = exact_groups(ctx)
    first = np.array([g[0] for g in groups], np.int64)
    messages = []
    for name, group in zip(ctx.quoted_images(first), groups, strict=True):
        copies = len(group) - 1
        if len(set(ctx.image_paths(group))) == 1:
            said = f"is listed {len(group):,} times: keep one record"
        else:
            said = (
                f"has {count(copies, 'exact copy', 'exact copies')} "
                f"({_others(ctx, group)}): keep one of them"
            )
        messages.append(f"{name} {said}.")
    yield Hits(
        messages,
        image=first,
        value=np.array([len(g) for g in groups], np.float64),
        threshold=1.0,
        suggestion="exclude",
        extra=[_members(g) for g in groups],
    )


@rule(
    "FL503",
    "cross-split-duplicate",
    "error",
    "image",
    what="""Byte-identical pictures in more than one split: in train and in val, say. One finding
    for each group, on its first image.""",
    why="""The model is tested on what it was trained on, so the score is too good, and everything
    decided by it (which model, which size, when to stop) is decided wrongly. Small models
    are chosen by fractions of a point, which a handful of leaked frames outweighs.""",
    formula="A group of FL501 has images of at least two splits.",
    threshold="None: one picture in two splits is one too many.",
    false_alarms="""A split that is meant to hold the others (trainval), if the reader was not
    told so.""",
    fix="""Take the copies out of the evaluation split, or out of train if the evaluation split
    is small and was chosen with care. Then split by scene or by camera, not by file.""",
)
def cross_split_duplicate(ctx: Context, p: Params) -> Iterator[Hits]:
    """Yield groups of byte-identical files that span splits."""
    split, names = ctx.split_codes
    rows, messages, values, extra = [], [], [], []
    for group in exact_groups(ctx):
        found = sorted({s for s in split[group].tolist() if s >= 0})
        if len(found) < 2:
            continue
        where = [names[s] for s in found]
        rows.append(int(group[0]))
        values.append(float(len(found)))
        extra.append({**_members(group), "splits": where})
        messages.append(
            f"{ctx.quoted_images(group[:1])[0]} is in {count(len(where), 'split')} at once "
            f"({', '.join(quote(s) for s in where[:5])}; copies: {_others(ctx, group)}): "
            "keep it in one of them."
        )
    yield Hits(
        messages,
        image=np.array(rows, np.int64),
        value=np.array(values),
        threshold=1.0,
        suggestion="split",
        extra=extra,
    )


@rule(
    "FL504",
    "same-image-different-labels",
    "error",
    "image",
    what="""Byte-identical pictures whose boxes disagree: in number, in class or in place. One
    finding for each group, on its first labelled image.""",
    why="""For the same pixels the set gives two truths, so at least one of them is wrong, and the
    model is punished for either. It is also a free measure of how well the labels of the
    whole set can be trusted: a small model cannot become better than that.""",
    formula="""Among the labelled images of a group of FL501, each against the first: boxes are
    matched within their class from the highest IoU down. They disagree when a box stays
    without a partner (value 0) or the lowest IoU of a pair is below `min_iou`.""",
    threshold="""`min_iou` = 0.95: stricter than people who label the same picture twice, because
    copies should have been labelled once.""",
    false_alarms="""Splits that are labelled for different tasks on purpose (one for faces, one for
    people).""",
    fix="""Compare the copies, keep the better labels for one file, and remove the other. If there
    are many, have a sample of the whole set labelled a second time.""",
    params={"min_iou": 0.95},
)
def same_image_different_labels(ctx: Context, p: Params) -> Iterator[Hits]:
    """Yield groups of byte-identical files with different boxes."""
    labelled = ctx.has_label_state("labelled", "labelled_empty")
    rows, messages, values, extra = [], [], [], []
    for whole in exact_groups(ctx):
        group = whole[labelled[whole]]
        if len(group) < 2:
            continue
        lowest = np.array([_agreement(ctx, int(group[0]), int(m)) for m in group[1:]])
        if lowest.min() >= p["min_iou"]:
            continue
        worst = int(group[1 + int(np.argmin(lowest))])
        rows.append(int(group[0]))
        values.append(float(lowest.min()))
        extra.append(_members(group))
        a, b = (ctx.box_counts[i] for i in (int(group[0]), worst))
        left, right = ctx.quoted_images(np.array([group[0], worst]))
        how = (
            f"lowest IoU of a box with its partner {lowest.min():.2f}, limit {p['min_iou']:g}"
            if lowest.min() > 0
            else f"{count(int(a), 'box', 'boxes')} against {count(int(b), 'box', 'boxes')}, "
            "and not all have a partner"
        )
        messages.append(
            f"{left} and {right} are the same picture with different labels ({how}): "
            "keep the better labels and one file."
        )
    yield Hits(
        messages,
        image=np.array(rows, np.int64),
        value=np.array(values),
        threshold=p["min_iou"],
        score=1.0 - 0.5 * np.array(values),
        suggestion="relabel",
        extra=extra,
    )


def _agreement(ctx: Context, a: int, b: int) -> float:
    """Lowest IoU of the boxes of two images, matched within their class; 0 if one is left over."""
    left, right = ctx.annotations_of(a), ctx.annotations_of(b)
    if len(left) != len(right):
        return 0.0
    (classes, first), (others, second) = _ordered(ctx, left), _ordered(ctx, right)
    if not np.array_equal(classes, others):
        return 0.0
    if np.array_equal(first, second, equal_nan=True):
        return 1.0
    starts = np.flatnonzero(np.r_[True, np.diff(classes) != 0, True])
    return min(
        _matched(first[s:e], second[s:e])
        for s, e in zip(starts[:-1].tolist(), starts[1:].tolist(), strict=True)
    )


def _ordered(ctx: Context, rows: Ints) -> tuple[Ints, Floats]:
    """Classes and corners of boxes, by class and then by corners."""
    b = ctx.corners(rows)
    classes = ints(ctx.ds.annotations["category_id"].take(pa.array(rows)))
    order = np.lexsort((b[:, 3], b[:, 2], b[:, 1], b[:, 0], classes))
    return classes[order], b[order]


def _matched(a: Floats, b: Floats) -> float:
    """Lowest IoU of two equally long lists of boxes, paired from the highest IoU down."""
    if len(a) > 1000:  # as sorted: a full matrix of so many boxes costs more than it tells
        return float(_iou(a, b).min())
    iou = _iou(a[:, None], b[None])
    lowest = 1.0
    for flat in np.argsort(-iou, axis=None, kind="stable").tolist():
        i, j = divmod(flat, len(b))
        if iou[i, j] < 0:  # one of the two has a partner already
            continue
        lowest = float(iou[i, j])
        iou[i], iou[:, j] = -1.0, -1.0
    return lowest


def _iou(a: Floats, b: Floats) -> Floats:
    """IoU of boxes that broadcast; 0 where one is empty, swapped or not finite."""
    w = np.minimum(a[..., 2], b[..., 2]) - np.maximum(a[..., 0], b[..., 0])
    h = np.minimum(a[..., 3], b[..., 3]) - np.maximum(a[..., 1], b[..., 1])
    common = np.maximum(w, 0) * np.maximum(h, 0)
    area_a = (a[..., 2] - a[..., 0]) * (a[..., 3] - a[..., 1])
    area_b = (b[..., 2] - b[..., 0]) * (b[..., 3] - b[..., 1])
    iou = common / (area_a + area_b - common)
    same = (a == b).all(axis=-1)  # equal degenerate boxes agree
    return np.asarray(np.where(same, 1.0, np.nan_to_num(iou, posinf=0.0, neginf=0.0)))
