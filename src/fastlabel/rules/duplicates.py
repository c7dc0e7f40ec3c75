"""FL5, duplicates and leakage: the same picture more than once, and what its copies say."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice, pairwise

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ..dataset import as_numpy
from ..pixels.clusters import Spread, join, members, near_labels, spreads
from .context import Context, Floats, Ints, ints
from .context import whole as one_array
from .registry import Hits, Params, rule, thresholds
from .wording import count, quote

#: Members of a group that a finding's evidence lists; it always tells how many there are.
LISTED = 1000
#: Files of a cluster that are all compared across splits; of more, neighbours only.
COMPARED = 2048
#: An odd number, chosen at random, that spreads the bits of a word.
_MIX = np.uint64(0x9E3779B97F4A7C15)
#: Boxes of pairs of images that are compared at once.
AT_ONCE = 1 << 18


def exact_groups(ctx: Context) -> list[Ints]:
    """Rows of images with the same bytes, for each group of two or more, in row order."""
    return ctx.once("exact copies", lambda: members(_same_bytes(ctx)))


def _same_bytes(ctx: Context) -> Ints:
    """For each image the first with the same bytes; itself where they are unknown."""
    return ctx.once("bytes copies", lambda: _first_of_bytes(ctx))


def _first_of_bytes(ctx: Context) -> Ints:
    column = one_array(ctx.image_stats["content_hash"])
    out = np.arange(len(column), dtype=np.int64)
    rows = _maybe_equal(column)
    codes = ints(one_array(column.take(pa.array(rows)).dictionary_encode()).indices)
    size = np.nan_to_num(ctx.stat("bytes"), nan=-1.0)[rows]
    if len(rows):
        at = np.lexsort((rows, size, codes))
        order, codes, size = rows[at], codes[at], size[at]
        new = np.r_[True, (np.diff(codes) != 0) | (np.diff(size) != 0)]
        out[order] = order[np.flatnonzero(new)][np.cumsum(new) - 1]
    return out


def _maybe_equal(texts: pa.Array) -> Ints:
    """Rows of texts that may occur more than once: all but those that surely do not."""
    offsets = np.frombuffer(texts.buffers()[1], np.int32, len(texts) + 1, 4 * texts.offset)
    length = np.diff(offsets)
    valid = np.asarray(texts.is_valid().to_numpy(zero_copy_only=False), np.bool_)
    most = int(length.max(initial=0))
    if most < 8 or most % 8 or not ((length == most) | (length == 0)).all():
        return np.flatnonzero(valid)
    # Texts of one length of whole words, as hashes are: words mixed into one number each.
    words = np.frombuffer(texts.buffers()[2], np.uint8)[offsets[0] : offsets[-1]].view(np.uint64)
    words = words.reshape(-1, most // 8)
    key = np.zeros(len(words), np.uint64)
    for at in range(words.shape[1]):
        key ^= words[:, at]
        key *= _MIX
        key ^= key >> np.uint64(32)
    order = np.argsort(key)
    same = np.diff(key[order]) == 0
    shared = np.zeros(len(key), np.bool_)
    shared[order[1:][same]] = True
    shared[order[:-1][same]] = True
    rows = np.flatnonzero(length == most)[shared]
    return np.concatenate([rows, np.flatnonzero(valid & (length == 0))])


def near_groups(ctx: Context) -> tuple[list[Ints], int]:
    """Rows of near copies of at least two different files, and how many could not be judged."""
    return ctx.once("near copies", lambda: _near_groups(ctx))


def _near_groups(ctx: Context) -> tuple[list[Ints], int]:
    distance = _distance(ctx)
    blank = thresholds("FL407", ctx.config)
    flat = (ctx.stat("luma_std") < blank["min_std"]) | (ctx.stat("entropy") < blank["min_entropy"])
    hashed = np.asarray(ctx.image_stats["phash"].is_valid().to_numpy(zero_copy_only=False))
    usable = ctx.measured & hashed & ~flat
    labels = near_labels(_hashes(ctx), usable, distance)
    same = _same_bytes(ctx)
    # Copies lie together also where the hash of one is not used.
    rows = np.arange(len(same), dtype=np.int64)
    join(labels, rows, same)
    found = [g for g in members(labels) if (same[g] != same[g[0]]).any()]
    return found, int((ctx.measured & ~usable).sum())


def _hashes(ctx: Context) -> npt.NDArray[np.uint64]:
    return as_numpy(pc.fill_null(ctx.image_stats["phash"], 0)).astype(np.uint64)


def _distance(ctx: Context) -> int:
    return int(min(thresholds("FL502", ctx.config)["distance"], 64))


def _named(ctx: Context, groups: list[Ints]) -> Iterator[tuple[str, str]]:
    """For each group the first name, and the names of the others, three at most."""
    shown = [g[:4] for g in groups]
    names = iter(ctx.quoted_images(np.concatenate(shown)) if shown else [])
    for group, few in zip(groups, shown, strict=True):
        first, *others = islice(names, len(few))
        more = len(group) - 4
        said = ", ".join(others)
        yield first, f"{said} and {more:,} more" if more > 0 else said


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
    listed = _of_one_path(ctx, groups)
    for (name, others), group, one in zip(_named(ctx, groups), groups, listed, strict=True):
        copies = len(group) - 1
        if one:
            said = f"is listed {len(group):,} times: keep one record"
        else:
            said = f"has {count(copies, 'exact copy', 'exact copies')} ({others}): keep one of them"
        messages.append(f"{name} {said}.")
    yield Hits(
        messages,
        image=first,
        value=np.array([len(g) for g in groups], np.float64),
        threshold=1.0,
        suggestion="exclude",
        extra=[_members(g) for g in groups],
    )


def _of_one_path(ctx: Context, groups: list[Ints]) -> list[bool]:
    """Tell which groups are one file that is listed more than once."""
    paths = iter(ctx.image_paths(np.concatenate(groups)) if groups else [])
    return [len(set(islice(paths, len(group)))) == 1 for group in groups]


@rule(
    "FL502",
    "near-duplicate",
    "warning",
    "image",
    what="""Pictures that are nearly the same: one photo resized, saved again, lettered or slightly
    corrected, or the next frame of a film. One finding for each cluster of at least two
    different files, on its first image; the evidence lists the others.""",
    why="""To the model they are one picture that counts several times, as with exact copies,
    and whoever shuffles them into train and val measures memory, not skill. A thousand frames of
    one scene are worth little more than ten of them.""",
    formula="""Two pictures are linked when their 64-bit perceptual hashes (`fastlabel stats`:
    phash) differ in at most `distance` bits; none of these pairs is missed. A cluster is all that
    such steps link. Value: the longest step that holds it together. Score: 1 - value /
    (2 `distance` + 2).""",
    threshold="""`distance` = 6 bits: 98 of 100 photographs that were resized, saved again, blurred
    or made darker stay within it, and counted by eye the first false pair came at 14 among
    photographs and pictures of cells (docs/scale.md). Pairs grow with the square of the set: 4
    is better for a million pictures of one kind.""",
    false_alarms="""Fixed cameras: all their frames are near, by right. Long chains, whose ends are
    further apart than the distance: the evidence has the diameter, and `fastlabel dedup --linkage
    complete` parts them. Pictures that are flat (FL407) are not judged. Not found: crops, turned
    and mirrored copies (`fastlabel dedup --turned`).""",
    fix="""Look at the groups (`fastlabel dedup`), keep one or a few of each, or split so that none
    straddles (`fastlabel split --group near-duplicates`).""",
    params={"distance": 6.0},
)
def near_duplicate(ctx: Context, p: Params) -> Iterator[Hits]:
    """Yield clusters of near copies."""
    groups, unjudged = near_groups(ctx)
    hashes, distance = _hashes(ctx), _distance(ctx)
    first = np.array([g[0] for g in groups], np.int64)
    measured = spreads(hashes, groups, distance)
    messages = [
        f"{name} has {count(len(group) - 1, 'near copy', 'near copies')} "
        f"({others}; {_bits(found, distance)}): keep what differs enough."
        for (name, others), group, found in zip(_named(ctx, groups), groups, measured, strict=True)
    ]
    value = np.array([s.weakest for s in measured], np.float64)
    yield Hits(
        messages,
        image=first,
        value=value,
        threshold=float(distance),
        score=1.0 - value / (2.0 * distance + 2.0),
        suggestion="review",
        extra=[
            {
                **_members(group),
                "files": files,
                "diameter": found.diameter,
            }
            for group, files, found in zip(groups, _files(ctx, groups), measured, strict=True)
        ],
        unjudged=unjudged,
    )


def _files(ctx: Context, groups: list[Ints]) -> list[int]:
    """How many different files each group has."""
    if not groups:
        return []
    same = _same_bytes(ctx)
    group = np.repeat(np.arange(len(groups), dtype=np.int64), [len(g) for g in groups])
    different = np.unique(group * len(same) + same[np.concatenate(groups)])
    counts: list[int] = np.bincount(different // len(same), minlength=len(groups)).tolist()
    return counts


def _bits(found: Spread, distance: int) -> str:
    """How far the members of a cluster are apart."""
    if found.diameter > distance:
        return (
            f"in steps of at most {found.weakest} bits, the farthest two "
            f"{'' if found.exact else 'at least '}{found.diameter} apart"
        )
    return f"{found.diameter} of 64 bits differ at most"


@rule(
    "FL503",
    "cross-split-duplicate",
    "error",
    "image",
    what="""The same picture in more than one split: in train and in val, say. To the last byte
    it is an error; nearly the same (FL502) a warning, because the next frame of a film may be
    meant. One finding for each group, on its first image.""",
    why="""The model is tested on what it was trained on, so the score is too good, and everything
    decided by it (which model, which size, when to stop) is decided wrongly. Small models
    are chosen by fractions of a point, which a handful of leaked frames outweighs.""",
    formula="""A group of FL501 has images of at least two splits; or a cluster of FL502 has
    different files in two, whose least distance across splits is the value.""",
    threshold="""None: one picture in two splits is one too many. What is near: `distance` of
    FL502.""",
    false_alarms="""A split that is meant to hold the others (trainval), if the reader was not
    told so. Those of FL502.""",
    fix="""Take the copies out of the evaluation split, or out of train if the evaluation split
    is small and was chosen with care. Then split by scene or by camera, not by file: `fastlabel
    split --group near-duplicates`.""",
)
def cross_split_duplicate(ctx: Context, p: Params) -> Iterator[Hits]:
    """Yield groups of copies that span splits: first the exact ones, then the near ones."""
    yield _exact_leaks(ctx)
    yield _near_leaks(ctx)


def _exact_leaks(ctx: Context) -> Hits:
    split, names = ctx.split_codes
    leaks = [(g, found) for g in exact_groups(ctx) if len(found := _splits_of(split[g])) > 1]
    groups = [group for group, _ in leaks]
    messages, extra = [], []
    for (group, found), (name, others) in zip(leaks, _named(ctx, groups), strict=True):
        where = [names[s] for s in found]
        extra.append({**_members(group), "splits": where})
        messages.append(
            f"{name} is in {count(len(where), 'split')} at once "
            f"({', '.join(quote(s) for s in where[:5])}; copies: {others}): "
            "keep it in one of them."
        )
    return Hits(
        messages,
        image=np.array([g[0] for g in groups], np.int64),
        value=np.array([len(found) for _, found in leaks], np.float64),
        threshold=1.0,
        suggestion="split",
        extra=extra,
    )


def _splits_of(codes: Ints) -> list[int]:
    return sorted({s for s in codes.tolist() if s >= 0})


def _near_leaks(ctx: Context) -> Hits:
    """Clusters with different files in two splits that are near to each other themselves."""
    split, names = ctx.split_codes
    same, hashes, distance = _same_bytes(ctx), _hashes(ctx), _distance(ctx)
    leaks: list[tuple[Ints, list[str], int]] = []
    for whole in near_groups(ctx)[0]:
        group = whole[split[whole] >= 0]
        found = _splits_of(split[group])
        if len(found) < 2:
            continue
        apart = _nearest_across(split[group], same[group], hashes[group])
        if apart is None or apart > distance:
            # Its parts in two splits are linked by steps within one of them only, or by copies
            # to the last byte, which have findings of their own.
            continue
        leaks.append((group, [names[s] for s in found], apart))
    groups = [group for group, _, _ in leaks]
    messages = [
        f"{name} has near copies across "
        f"{count(len(where), 'split')} ({', '.join(quote(s) for s in where[:5])}; copies: "
        f"{others}; the nearest differ in {apart} of 64 bits): keep them in one."
        for (_, where, apart), (name, others) in zip(leaks, _named(ctx, groups), strict=True)
    ]
    value = np.array([apart for _, _, apart in leaks], np.float64)
    return Hits(
        messages,
        image=np.array([g[0] for g in groups], np.int64),
        value=value,
        threshold=float(distance),
        score=1.0 - value / (2.0 * distance + 2.0),
        severity="warning",
        suggestion="split",
        extra=[{**_members(g), "splits": where, "near": True} for g, where, _ in leaks],
    )


def _nearest_across(split: Ints, same: Ints, hashes: npt.NDArray[np.uint64]) -> int | None:
    """Least distance in bits of two different files in two splits; None where there are none."""
    # Copies of one file in one split are one, however many they are.
    _, at = np.unique(np.stack([split, same]), axis=1, return_index=True)
    if len(at) > COMPARED:
        return _nearest_neighbours(split[at], same[at], hashes[at])
    split, same, hashes = split[at], same[at], hashes[at]
    across = (split[:, None] != split) & (same[:, None] != same)
    if not across.any():
        return None
    return int(np.bitwise_count(hashes[:, None] ^ hashes)[across].min())


def _nearest_neighbours(split: Ints, same: Ints, hashes: npt.NDArray[np.uint64]) -> int | None:
    """Find it among neighbours in the order of the hashes, turned by some bits."""
    nearest: int | None = None
    for turn in range(64):
        low = (hashes << np.uint64(turn)) | (hashes >> np.uint64((64 - turn) % 64))
        order = np.argsort(low, kind="stable")
        a, b = order[:-1], order[1:]
        across = (split[a] != split[b]) & (same[a] != same[b])
        if across.any():
            least = int(np.bitwise_count(hashes[a] ^ hashes[b])[across].min())
            nearest = least if nearest is None else min(nearest, least)
    return nearest


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
    groups = [mine for g in exact_groups(ctx) if len(mine := g[labelled[g]]) > 1]
    others = [g[1:] for g in groups]
    sizes = [len(g) for g in others]
    firsts = np.repeat(np.array([g[0] for g in groups], np.int64), sizes)
    lowest = _agreements(ctx, firsts, np.concatenate(others)) if groups else np.empty(0)
    found: list[tuple[Ints, int, float]] = []
    for group, ious in zip(groups, np.split(lowest, np.cumsum(sizes[:-1])), strict=bool(groups)):
        worst = int(np.argmin(ious))
        if ious[worst] < p["min_iou"]:
            found.append((group, int(group[1 + worst]), float(ious[worst])))
    pairs = np.array([[g[0], worst] for g, worst, _ in found], np.int64).reshape(-1, 2)
    boxes = ctx.box_counts[pairs].tolist()
    names = ctx.quoted_images(pairs.ravel())
    values = np.array([iou for _, _, iou in found], np.float64)
    messages = []
    for iou, (a, b), left, right in zip(
        values.tolist(), boxes, names[0::2], names[1::2], strict=True
    ):
        how = (
            f"lowest IoU of a box with its partner {iou:.2f}, limit {p['min_iou']:g}"
            if iou > 0
            else f"{count(a, 'box', 'boxes')} against {count(b, 'box', 'boxes')}, "
            "and not all have a partner"
        )
        messages.append(
            f"{left} and {right} are the same picture with different labels ({how}): "
            "keep the better labels and one file."
        )
    yield Hits(
        messages,
        image=pairs[:, 0],
        value=values,
        threshold=p["min_iou"],
        score=1.0 - 0.5 * values,
        suggestion="relabel",
        extra=[_members(g) for g, _, _ in found],
    )


def _agreements(ctx: Context, a: Ints, b: Ints) -> Floats:
    """Lowest IoU of the boxes of each two images, matched within their class; 0 if one is over."""
    out = np.zeros(len(a))
    boxes = ctx.box_counts[a]
    rows = np.flatnonzero(boxes == ctx.box_counts[b])
    out[rows[boxes[rows] == 0]] = 1.0
    rows = rows[boxes[rows] > 0]
    cuts = np.flatnonzero(np.diff(np.cumsum(boxes[rows]) // AT_ONCE)) + 1
    for some in np.split(rows, cuts) if len(rows) else []:
        out[some] = _agreements_of(ctx, a[some], b[some], boxes[some])
    return out


def _agreements_of(ctx: Context, a: Ints, b: Ints, sizes: Ints) -> Floats:
    """Find it for pairs of images that have as many boxes each."""
    pair = np.repeat(np.arange(len(a)), sizes)
    starts = np.cumsum(sizes) - sizes
    classes, first = _ordered(ctx, a, pair)
    others, second = _ordered(ctx, b, pair)
    alike = np.logical_and.reduceat(classes == others, starts)
    equal = ((first == second) | (np.isnan(first) & np.isnan(second))).all(axis=1)
    same = np.logical_and.reduceat(equal, starts) & alike
    out = same.astype(np.float64)
    runs = np.diff(classes, prepend=classes[0] - 1) != 0
    for at in np.flatnonzero(alike & ~same).tolist():
        start, stop = int(starts[at]), int(starts[at] + sizes[at])
        ends = [start, *(start + 1 + np.flatnonzero(runs[start + 1 : stop])).tolist(), stop]
        out[at] = min(_matched(first[s:e], second[s:e]) for s, e in pairwise(ends))
    return out


def _ordered(ctx: Context, images: Ints, pair: Ints) -> tuple[Ints, Floats]:
    """Classes and corners of the boxes of some images, of each by class and then by corners."""
    rows = ctx.rows_of(images)
    b = ctx.corners(rows)
    classes = ints(ctx.ds.annotations["category_id"].take(pa.array(rows)))
    order = np.lexsort((b[:, 3], b[:, 2], b[:, 1], b[:, 0], classes, pair))
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
