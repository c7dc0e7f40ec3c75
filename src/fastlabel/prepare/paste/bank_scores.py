"""Scores of the objects of a data set as sources to paste from."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ...dataset import as_numpy
from .outline import outline_kind

if TYPE_CHECKING:
    import pyarrow as pa

    from ...dataset import Dataset

__all__ = ["MIN_QUALITY", "score"]

#: Shortest side of a good object, in pixels: less cannot be shrunk.
MIN_SIDE = 12.0
#: A side within this of the image's border is cut off by it.
BORDER = 1.0
#: What other boxes may cover of a good one.
MAX_OCCLUSION = 0.2
#: How much of an object may be cut off.
MAX_CUT_OFF = 0.05
#: Acutance at which an object counts as fully sharp; twice what FL401 calls blurry.
FULL_ACUTANCE = 0.44
#: Contrast (standard deviation of luma) at which an object counts as fully visible.
FULL_CONTRAST = 20.0
MIN_QUALITY = 0.25
#: What a level of the occlusion column hides: none, partly, mostly; anything else is unknown.
OCCLUSION_LEVELS = {0: 0.0, 1: 0.4, 2: 0.7}

READABLE = ("ok", "truncated", "corrupt")

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


def score(
    ds: Dataset,
    rows: NDArray[np.int64],
    min_quality: float,
    per_class: int | None,
    grabcut: bool,
    workers: int,
    progress: Callable[[int, int], None] | None,
) -> tuple[pa.Table, list[str]]:
    """The bank's table of some rows of ``ds.annotations``, and the images that cannot be read."""
    import pyarrow as pa

    from ...scan import scan_tables

    image_stats, box_stats = scan_tables(ds, workers=workers, progress=progress)
    statuses = np.array(image_stats["status"].to_pylist(), dtype=object)
    readable = np.isin(statuses, READABLE)
    image = ds.column("annotations", "image_id")[rows]
    corners = ds.boxes()[rows]
    sizes = _sizes(ds, image_stats)
    clipped = corners.copy()
    clipped[:, 0::2] = clipped[:, 0::2].clip(0, sizes[image, 0, None])
    clipped[:, 1::2] = clipped[:, 1::2].clip(0, sizes[image, 1, None])
    sides = clipped[:, 2:] - clipped[:, :2]
    with np.errstate(invalid="ignore"):
        sound: Flags = np.asarray(np.isfinite(corners).all(1) & (sides > 0).all(1))

    stats = {
        name: as_numpy(box_stats[name].fill_null(np.nan))[rows]
        for name in ("sharpness", "acutance", "contrast", "luma_mean")
    }
    cut_off = _cut_off(ds, rows, corners, clipped, sizes[image], sound)
    occlusion = _occlusion(ds, rows)
    quality = _quality(stats["acutance"], stats["contrast"], occlusion, cut_off)
    quality[~sound | ~readable[image]] = 0.0
    short = np.where(sound, sides.min(1, initial=np.inf), 0.0)

    reasons = _reasons(ds, rows, sound, readable[image], statuses[image], short, cut_off, occlusion)
    reasons = [
        r if r is not None or q >= min_quality else f"quality {q:.2f} is below {min_quality:g}"
        for r, q in zip(reasons, quality, strict=True)
    ]
    category = ds.annotations["category_id"].take(pa.array(rows))
    if per_class is not None:
        _keep_best(reasons, as_numpy(category.fill_null(-1)), quality, per_class)
    kinds, notes = _outlines(ds, rows, sizes[image], clipped, sound, grabcut)
    columns: dict[str, Any] = {
        "instance_id": pa.array(np.arange(len(rows)), pa.int32()),
        "image_id": pa.array(image, pa.int64()),
        "annotation_id": pa.array(rows, pa.int64()),
        "category_id": category,
        "split": ds.images["split"].take(pa.array(image)),
        **{k: pa.array(corners[:, i]) for i, k in enumerate(("x1", "y1", "x2", "y2"))},
        "short_side": pa.array(short),
        "outline": pa.array(kinds, pa.string()),
        "outline_note": pa.array(notes, pa.string()),
        **{k: pa.array(stats[k], from_pandas=True) for k in ("sharpness", "acutance", "contrast")},
        "noise_sigma": image_stats["noise_sigma"].take(pa.array(image)),
        "luma_mean": pa.array(stats["luma_mean"], from_pandas=True),
        "cut_off": pa.array(cut_off),
        "occlusion": pa.array(occlusion),
        "quality": pa.array(quality),
        "accepted": pa.array([r is None for r in reasons], pa.bool_()),
        "reason": pa.array(reasons, pa.string()),
    }
    wanted = np.isin(np.arange(len(ds)), image) & ~readable
    problems = [
        f"{ds.images['file_name'][int(i)].as_py()}: {image_stats['status'][int(i)].as_py()}"
        + (f" ({d})" if (d := image_stats["status_detail"][int(i)].as_py()) else "")
        for i in np.flatnonzero(wanted)
    ]
    return pa.table(columns).combine_chunks(), problems


def _sizes(ds: Dataset, stats: pa.Table) -> Floats:
    """(images, 2) width and height in the boxes' frame; NaN where nothing is known."""
    declared = np.stack([as_numpy(ds.images[c].fill_null(0)) for c in ("width", "height")], 1)
    stored = np.stack([as_numpy(stats[c].fill_null(0)) for c in ("width", "height")], 1)
    turned = as_numpy(stats["orientation"].fill_null(1)) >= 5
    stored[turned] = stored[turned, ::-1]
    sizes = np.where(declared > 0, declared, stored).astype(np.float64)
    sizes[(sizes <= 0).any(1)] = np.nan
    return sizes


def _cut_off(
    ds: Dataset,
    rows: NDArray[np.int64],
    corners: Floats,
    clipped: Floats,
    sizes: Floats,
    sound: Flags,
) -> Floats:
    """How much of each object is missing: what its label says, what lies outside, what touches.

    A side at the border means that something may be missing, not how much: a tenth for each.
    """
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        whole = (corners[:, 2:] - corners[:, :2]).prod(1)
        outside = 1 - (clipped[:, 2:] - clipped[:, :2]).prod(1) / whole
        near = BORDER
        touching = (corners[:, :2] <= near).sum(1) + (corners[:, 2:] >= sizes - near).sum(1)
    told = as_numpy(ds.annotations["truncation"].fill_null(0.0))[rows].astype(np.float64)
    parts = np.stack([np.nan_to_num(outside, nan=1.0), 0.1 * touching, np.nan_to_num(told)])
    return np.where(sound, parts.max(0).clip(0, 1), 1.0)


def _occlusion(ds: Dataset, rows: NDArray[np.int64]) -> Floats:
    """Share of each box that others of its image cover, or what its occlusion level stands for.

    Which of two objects lies in front is not known, so each counts as covered by the other. Shares
    of several others add up, to 1 at most.
    """
    from ...boxes import box_ioa

    boxes = ds.boxes()
    image = ds.column("annotations", "image_id")
    with np.errstate(invalid="ignore"):
        sound = np.isfinite(boxes).all(1) & (boxes[:, 2:] > boxes[:, :2]).all(1)
    sound &= ~np.asarray(ds.annotations["crowd"].fill_null(False).to_numpy(), bool)
    out = np.zeros(len(boxes))
    order = np.argsort(image, kind="stable")
    starts = np.searchsorted(image[order], np.arange(len(ds) + 1))
    for first, last in pairwise(starts.tolist()):
        members = order[first:last]
        members = members[sound[members]]
        if len(members) < 2:
            continue
        inside = boxes[members]
        shared = box_ioa(inside, inside)
        np.fill_diagonal(shared, 0)
        out[members] = shared.sum(1)
    levels = as_numpy(ds.annotations["occlusion"].fill_null(0))
    for level in np.unique(levels):
        told = OCCLUSION_LEVELS.get(int(level), 1.0 if level > 0 else 0.0)
        out[levels == level] = np.maximum(out[levels == level], told)
    return out[rows].clip(0, 1)


def _quality(acutance: Floats, contrast: Floats, occlusion: Floats, cut_off: Floats) -> Floats:
    """0 to 1; what cannot be measured counts as bad."""
    sharp = (np.nan_to_num(acutance) / FULL_ACUTANCE).clip(0, 1)
    clear = (np.nan_to_num(contrast) / FULL_CONTRAST).clip(0, 1)
    quality: Floats = np.sqrt(sharp) * np.sqrt(clear) * (1 - occlusion) * (1 - cut_off)
    return quality


def _reasons(
    ds: Dataset,
    rows: NDArray[np.int64],
    sound: Flags,
    readable: Flags,
    statuses: NDArray[Any],
    short: Floats,
    cut_off: Floats,
    occlusion: Floats,
) -> list[str | None]:
    """Why each object is refused, the first reason that holds; None for a good one."""
    flags = {
        name: np.asarray(ds.annotations[name].fill_null(False).to_numpy(), bool)[rows]
        for name in ("crowd", "ignore", "difficult")
    }
    reasons: list[str | None] = []
    for i in range(len(rows)):
        told = next((name for name, flag in flags.items() if flag[i]), None)
        if not readable[i]:
            reasons.append(f"image is {statuses[i]}")
        elif not sound[i]:
            reasons.append("no box inside the image")
        elif told is not None:
            reasons.append(told)
        elif short[i] < MIN_SIDE:
            reasons.append(f"short side {short[i]:.1f} px is below {MIN_SIDE:g}")
        elif cut_off[i] > MAX_CUT_OFF:
            reasons.append("cut off")
        elif occlusion[i] > MAX_OCCLUSION:
            reasons.append("occluded")
        else:
            reasons.append(None)
    return reasons


def _keep_best(
    reasons: list[str | None], category: NDArray[Any], quality: Floats, most: int
) -> None:
    """Refuse all but the best of each class; equal ones by row."""
    good = np.array([r is None for r in reasons], bool)
    for c in np.unique(category[good]):
        members = np.flatnonzero(good & (category == c))
        for i in members[np.argsort(-quality[members], kind="stable")][most:]:
            reasons[i] = f"not among the best {most} of its class"


def _outlines(
    ds: Dataset,
    rows: NDArray[np.int64],
    sizes: Floats,
    clipped: Floats,
    sound: Flags,
    grabcut: bool,
) -> tuple[list[str], list[str | None]]:
    """How each object will be cut out, and why not as its label has it."""
    alone = "grabcut" if grabcut else "ellipse"
    kinds: list[str] = []
    notes: list[str | None] = []
    texts = ds.annotations["segmentation"].to_pylist()
    for i, row in enumerate(rows.tolist()):
        text = texts[row]
        if not text or not sound[i]:
            kinds.append(alone)
            notes.append(None)
            continue
        size = (int(sizes[i, 0]), int(sizes[i, 1]))
        kind, note = outline_kind(text, size, clipped[i])
        kinds.append(alone if kind == "ellipse" else kind)
        notes.append(note)
    return kinds, notes
