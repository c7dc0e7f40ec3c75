"""What the charts of a report show: histograms and shares over the columns of one data set.

Every function takes columns and gives plain JSON values, so that the terminal, the page
and ``summary.json`` cannot disagree. Nothing here loops over boxes or images.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from .dataset import Dataset, as_numpy

if TYPE_CHECKING:
    from .deploy import Profile

__all__ = ["Columns", "charts", "class_table"]

FloatArray = np.ndarray[Any, np.dtype[np.float64]]
IntArray = np.ndarray[Any, np.dtype[np.int64]]
BoolArray = np.ndarray[Any, np.dtype[np.bool_]]

#: Model input when no deployment is named, as FL602 assumes it too.
ASSUMED_INPUT = 640
ASSUMED_STRIDES = (8, 16, 32)
#: FL302: both sides under this at 1080p is too small to label.
TINY_1080P = 15.0
#: COCO's border between small and medium boxes, at the model's input.
SMALL_AREA = 32.0 * 32.0
#: FL603: an image this dark counts as night.
NIGHT_LUMA = 60.0

#: Boxes of one part, and what all parts of a set share.
PART = 1 << 17
OF_IMAGES = (
    "turned",
    "size",
    "input_scale",
    "sized",
    "full_hd_scale",
    "split_names",
    "split_index",
)

#: At most this many classes, image sizes or splits have a mark of their own in a chart.
MOST_CLASSES = 20
MOST_ASPECT_CLASSES = 12
MOST_SIZES = 60
HEATMAP_CELLS = 32

_SPLIT_ORDER = {"train": 0, "training": 0, "val": 1, "valid": 1, "validation": 1, "test": 2}


def split_order(name: str | None) -> tuple[int, str]:
    """Sort key that puts train, val and test first and the images of no split last."""
    if name is None:
        return (9, "")
    return (_SPLIT_ORDER.get(name.lower(), 3), name)


@dataclass(frozen=True)
class Columns:
    """The columns of one set that the charts share, each computed once.

    Attributes
    ----------
    ds : Dataset
        The annotation tables.
    stats : pyarrow.Table
        ``image_stats``, one row an image, in the order of ``ds.images``.
    profile : Profile or None
        The deployment; None means a 640 x 640 letterbox is assumed.
    thresholds : mapping
        Thresholds in force by rule code.
    """

    ds: Dataset
    stats: pa.Table
    profile: Profile | None
    thresholds: Mapping[str, Mapping[str, float]] = field(default_factory=dict)

    def parts(self) -> Iterator[Columns]:
        """The set with some of its boxes after the other: columns that fit the cache."""
        n = self.ds.annotations.num_rows
        if n <= PART:
            yield self
            return
        shared = {name: getattr(self, name) for name in OF_IMAGES}
        for start in range(0, n, PART):
            annotations = self.ds.annotations.slice(start, PART)
            part = replace(self, ds=replace(self.ds, annotations=annotations))
            part.__dict__.update(shared)
            yield part

    def joined(self, take: Callable[[Columns], tuple[FloatArray, ...]]) -> tuple[FloatArray, ...]:
        """Columns of the whole set from those of its parts."""
        out: list[FloatArray] = []
        used = 0
        for part in self.parts():
            pieces = take(part)
            if not out:  # pages that stay empty cost nothing
                out = [np.empty(self.ds.annotations.num_rows, piece.dtype) for piece in pieces]
            for whole, piece in zip(out, pieces, strict=True):
                whole[used : used + len(piece)] = piece
            used += len(pieces[0])
        return tuple(whole[:used] for whole in out)

    def threshold(self, code: str, name: str, default: float) -> float:
        """Give a threshold in force, or the default where its rule did not run."""
        return float(self.thresholds.get(code, {}).get(name, default))

    def image_floats(self, name: str) -> FloatArray:
        """Give a column of ``image_stats`` as float64, NaN where it was not measured."""
        column = self.stats[name].cast(pa.float64())
        return np.asarray(as_numpy(column.fill_null(float("nan"))), dtype=np.float64)

    @cached_property
    def turned(self) -> BoolArray:
        """Images whose EXIF orientation swaps width and height."""
        orientation = as_numpy(self.stats["orientation"].fill_null(1))
        return np.asarray((orientation >= 5) & (orientation <= 8))

    @cached_property
    def size(self) -> tuple[FloatArray, FloatArray]:
        """Width and height of each image as its boxes see it; NaN where unknown."""
        out = []
        stored = {n: self.image_floats(n) for n in ("width", "height")}
        for name, other in (("width", "height"), ("height", "width")):
            declared = self.ds.images[name].cast(pa.float64()).fill_null(float("nan"))
            said = np.array(as_numpy(declared), dtype=np.float64)
            seen = np.where(self.turned, stored[other], stored[name])
            said[~(said > 0)] = np.nan
            out.append(np.where(np.isfinite(said), said, seen))
        return out[0], out[1]

    @cached_property
    def box_image(self) -> IntArray:
        """Row of the image of each box."""
        return np.asarray(self.ds.column("annotations", "image_id"), dtype=np.int64)

    @cached_property
    def category(self) -> IntArray:
        """Dense class of each box, -1 where the class is unknown."""
        column = self.ds.annotations["category_id"].fill_null(-1)
        return np.asarray(as_numpy(column), dtype=np.int64)

    @cached_property
    def corners(self) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
        """``x1, y1, x2, y2`` of each box; NaN where unknown."""
        nan = float("nan")
        x1, y1, x2, y2 = (
            np.asarray(as_numpy(c.fill_null(nan) if c.null_count else c), dtype=np.float64)
            for c in (self.ds.annotations[name] for name in ("x1", "y1", "x2", "y2"))
        )
        return x1, y1, x2, y2

    @cached_property
    def usable(self) -> BoolArray:
        """Boxes a chart can show: finite, with an area, neither crowd nor ignore."""
        x1, y1, x2, y2 = self.corners
        finite = np.isfinite(x1) & np.isfinite(y1) & np.isfinite(x2) & np.isfinite(y2)
        marked = pc.or_(
            self.ds.annotations["crowd"].fill_null(False),
            self.ds.annotations["ignore"].fill_null(False),
        )
        # Inclusive corners: a box of equal corners is one pixel wide here, and none to FL202.
        least = 1.0 if self.ds.meta.get("inclusive") else 0.0
        with np.errstate(invalid="ignore"):
            sized = (x2 - x1 > least) & (y2 - y1 > least)
        return np.asarray(finite & sized & ~as_numpy(marked).astype(bool))

    def sides_at(self, scale_x: FloatArray, scale_y: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Width and height of every box after scaling each image by the given factors."""
        x1, y1, x2, y2 = self.corners
        with np.errstate(invalid="ignore"):
            return (x2 - x1) * scale_x[self.box_image], (y2 - y1) * scale_y[self.box_image]

    @cached_property
    def input_scale(self) -> tuple[FloatArray, FloatArray]:
        """Factors from image pixels to pixels of the model's input."""
        width, height = self.size
        if self.profile is not None:
            sx, sy = self.profile.scale(width, height)
            return np.asarray(sx, dtype=np.float64), np.asarray(sy, dtype=np.float64)
        scale = np.minimum(ASSUMED_INPUT / width, ASSUMED_INPUT / height)
        return scale, scale

    @cached_property
    def input_sides(self) -> tuple[FloatArray, FloatArray]:
        """Width and height of every box in pixels of the model's input."""
        return self.sides_at(*self.input_scale)

    @cached_property
    def sized(self) -> BoolArray:
        """Images whose size is known."""
        width, height = self.size
        return np.asarray(np.isfinite(width) & np.isfinite(height))

    @cached_property
    def full_hd_scale(self) -> FloatArray:
        """Factor that fits each image to 1920 x 1080."""
        width, height = self.size
        long, short = np.fmax(width, height), np.fmin(width, height)
        return np.asarray(np.minimum(1920.0 / long, 1080.0 / short))

    @cached_property
    def full_hd_sides(self) -> tuple[FloatArray, FloatArray]:
        """Width and height of every box after its image is fitted to 1920 x 1080."""
        return self.sides_at(self.full_hd_scale, self.full_hd_scale)

    @cached_property
    def split_names(self) -> list[str | None]:
        """Every split, train first; None stands for images of no split."""
        return sorted(pc.unique(self.ds.images["split"]).to_pylist(), key=split_order)

    @cached_property
    def split_index(self) -> IntArray:
        """Position of each image's split in ``split_names``."""
        names = pa.array([n for n in self.split_names if n is not None], type=pa.string())
        found = pc.index_in(self.ds.images["split"], value_set=names)
        return np.asarray(as_numpy(found.fill_null(len(names))), dtype=np.int64)


def _log_bins(values: FloatArray, low: float, high: float, per_octave: int) -> dict[str, Any]:
    """Histogram over bins of equal ratio; what lies beyond an end is in the end's bin."""
    steps = round(np.log2(high / low) * per_octave)
    edges = low * 2.0 ** (np.arange(steps + 1) / per_octave)
    counts = np.zeros(steps, np.int64)
    for at in range(0, len(values), PART):
        some = np.maximum(values[at : at + PART], low / 2)
        index = np.floor(np.log2(some / low) * per_octave + 1e-9)
        counts += np.bincount(np.clip(index, 0, steps - 1).astype(np.int64), minlength=steps)
    return {"edges": [float(f"{e:.6g}") for e in edges], "counts": counts.tolist(), "scale": "log"}


def _linear_bins(values: FloatArray, low: float, high: float, steps: int) -> dict[str, Any]:
    """Histogram over bins of equal width; what lies beyond an end is in the end's bin."""
    index = np.floor((values - low) / (high - low) * steps + 1e-9)
    counts = np.bincount(np.clip(index, 0, steps - 1).astype(np.int64), minlength=steps)
    edges = np.linspace(low, high, steps + 1)
    return {
        "edges": [float(f"{e:.6g}") for e in edges],
        "counts": counts.tolist(),
        "scale": "linear",
    }


def _quantiles(values: FloatArray) -> dict[str, float] | None:
    """Give the 5, 25, 50, 75 and 95 % points, or None of no values."""
    if not len(values):
        return None
    points = np.percentile(values, [5, 25, 50, 75, 95])
    return {k: _round(v) for k, v in zip(("p05", "p25", "p50", "p75", "p95"), points, strict=True)}


def _round(value: float) -> float:
    """Six significant digits: enough for a report, and the same on every machine."""
    return float(f"{float(value):.6g}")


def _share(part: int, whole: int) -> float | None:
    return _round(part / whole) if whole else None


def class_balance(columns: Columns) -> dict[str, Any]:
    """Boxes of each class in each split, the most frequent classes first."""
    splits, classes = len(columns.split_names), columns.ds.categories.num_rows
    table = np.zeros((splits, classes), np.int64)
    unknown = 0
    for part in columns.parts():
        known = part.category >= 0
        cell = part.split_index[part.box_image[known]] * classes + part.category[known]
        table += np.bincount(cell, minlength=splits * classes).reshape(splits, classes)
        unknown += len(known) - int(np.count_nonzero(known))
    order = np.lexsort((np.arange(classes), -table.sum(0)))
    shown, rest = order[:MOST_CLASSES], order[MOST_CLASSES:]
    names = columns.ds.categories["name"].to_pylist()
    return {
        "classes": [names[i] for i in shown],
        "splits": columns.split_names,
        "counts": table[:, shown].tolist(),
        "other_classes": len(rest),
        "other_counts": table[:, rest].sum(1).tolist(),
        "unknown_class": unknown,
    }


def box_size(columns: Columns) -> dict[str, Any]:
    """Shorter side of the boxes in pixels of the model's input, and its shares."""
    limit = columns.threshold("FL602", "small_area", SMALL_AREA)
    tiny = []

    def take(part: Columns) -> tuple[FloatArray, ...]:
        width, height = part.input_sides
        short = np.minimum(width, height)
        keep = part.usable & np.isfinite(short)
        tiny.append(int(np.count_nonzero((width * height)[keep] < limit)))
        return (short[keep],)

    (short,) = columns.joined(take)
    profile = columns.profile
    strides = sorted(profile.strides) if profile is not None else list(ASSUMED_STRIDES)
    target = float(profile.min_target) if profile is not None else float(strides[0])
    whole = len(short)
    small = sum(tiny)
    below = {str(m): _share(int((short < m * strides[0]).sum()), whole) for m in (1, 2, 4)}
    return {
        **_log_bins(short, 1.0, 2048.0, 3),
        "measured": whole,
        "unit": "shorter side, px at the model's input",
        "quantiles": _quantiles(short),
        "strides": [int(s) for s in strides],
        "min_target": _round(target),
        "below_target": int((short < target).sum()),
        "share_below_strides": below,
        "small_area": limit,
        "small": small,
        "small_share": _share(small, whole),
    }


def box_size_1080p(columns: Columns) -> dict[str, Any]:
    """Longer side of the boxes once the image is fitted to 1080p: under 15 is FL302's tiny."""

    def take(part: Columns) -> tuple[FloatArray, ...]:
        long = np.maximum(*part.full_hd_sides)
        return (long[part.usable & np.isfinite(long)],)

    (long,) = columns.joined(take)
    limit = columns.threshold("FL302", "max_side", TINY_1080P)
    tiny = int((long < limit).sum())
    return {
        **_log_bins(long, 1.0, 2048.0, 3),
        "measured": len(long),
        "unit": "longer side, px at 1920 × 1080",
        "quantiles": _quantiles(long),
        "tiny_limit": limit,
        "tiny": tiny,
        "tiny_share": _share(tiny, len(long)),
    }


def aspect_ratio(columns: Columns) -> dict[str, Any]:
    """Height over width of the boxes, for all and for each of the most frequent classes."""
    names = columns.ds.categories["name"].to_pylist()
    kind = np.min_scalar_type(-len(names) - 1)  # with -1 for unknown

    def take(part: Columns) -> tuple[FloatArray, ...]:
        x1, y1, x2, y2 = part.corners
        keep = part.usable
        ratio = (y2[keep] - y1[keep]) / (x2[keep] - x1[keep])
        return ratio, part.category[keep].astype(kind)

    ratio, category = columns.joined(take)
    counts = np.bincount(category[category >= 0], minlength=len(names))
    order = np.lexsort((np.arange(len(names)), -counts))
    shown = [int(c) for c in order[:MOST_ASPECT_CLASSES] if counts[c]]
    return {
        **_log_bins(ratio, 1 / 16, 16.0, 3),
        "measured": len(ratio),
        "unit": "height over width",
        "classes": [
            {
                "name": names[c],
                "boxes": int(counts[c]),
                "quantiles": _quantiles(ratio[category == c]),
            }
            for c in shown
        ],
        "other_classes": int((counts > 0).sum()) - len(shown),
    }


def box_centres(columns: Columns) -> dict[str, Any]:
    """Where the boxes lie: counts of their centres on a grid over the image, row by row."""
    width, height = columns.size
    n = HEATMAP_CELLS
    grid, outside = np.zeros(n * n, np.int64), 0
    for part in columns.parts():
        x1, y1, x2, y2 = part.corners
        with np.errstate(invalid="ignore", divide="ignore"):
            u = (x1 + x2) / 2 / width[part.box_image]
            v = (y1 + y2) / 2 / height[part.box_image]
            inside = part.usable & (u >= 0) & (u <= 1) & (v >= 0) & (v <= 1)
        i = np.minimum((u[inside] * n).astype(np.int64), n - 1)
        j = np.minimum((v[inside] * n).astype(np.int64), n - 1)
        grid += np.bincount(j * n + i, minlength=n * n)
        outside += int(part.usable.sum()) - int(inside.sum())
    return {
        "cells": n,
        "counts": grid.reshape(n, n).tolist(),
        "measured": int(grid.sum()),
        "outside": outside,
    }


def objects_per_image(columns: Columns) -> dict[str, Any]:
    """How many images have how many boxes; images without a label record are left out."""
    state = columns.ds.images["label_state"]
    labelled = pc.is_in(state, value_set=pa.array(["labelled", "labelled_empty"]))
    keep = as_numpy(labelled.fill_null(False)).astype(bool)
    per_image = np.bincount(columns.box_image, minlength=len(columns.ds))[keep]
    most = int(per_image.max(initial=0))
    if most <= 40:
        edges = np.arange(most + 2)
    else:  # 0, then bins of about equal ratio
        edges = np.unique(np.r_[0, 1, np.round(np.geomspace(2, most + 1, 24))]).astype(np.int64)
    counts = np.histogram(per_image, bins=edges)[0]
    return {
        "edges": edges.tolist(),
        "counts": counts.tolist(),
        "measured": len(per_image),
        "most": most,
        "quantiles": _quantiles(per_image.astype(np.float64)),
        "mean": _round(per_image.mean()) if len(per_image) else None,
    }


def image_sizes(columns: Columns) -> dict[str, Any]:
    """Give the distinct image sizes, most frequent first."""
    width, height = columns.size
    known = np.isfinite(width) & np.isfinite(height)
    packed = width[known].astype(np.int64) << 32 | height[known].astype(np.int64)
    values, counts = np.unique(packed, return_counts=True)
    order = np.lexsort((values, -counts))
    shown = order[:MOST_SIZES]
    pixels = width[known] * height[known]
    return {
        "sizes": [
            [int(values[i] >> 32), int(values[i] & 0xFFFFFFFF), int(counts[i])] for i in shown
        ],
        "other_sizes": len(order) - len(shown),
        "distinct": len(order),
        "measured": int(known.sum()),
        "unknown": int((~known).sum()),
        "width": _quantiles(width[known]),
        "height": _quantiles(height[known]),
        "megapixels": _quantiles(pixels / 1e6),
    }


def _judged_acutance(columns: Columns) -> FloatArray:
    """Acutance at the pyramid level nearest above the deployed size, as FL401 reads it."""
    full = columns.image_floats("acutance")
    if columns.profile is None:
        return full
    scale = np.minimum(*columns.input_scale)
    with np.errstate(invalid="ignore", divide="ignore"):
        level = np.floor(np.log2(1.0 / scale) + 1e-9)
    nested = columns.stats["scale_acutance"]
    nested = nested.combine_chunks() if isinstance(nested, pa.ChunkedArray) else nested
    flat = pc.list_flatten(nested.fill_null([None] * nested.type.list_size)).cast(pa.float64())
    shape = len(full), nested.type.list_size
    levels = np.asarray(as_numpy(flat.fill_null(float("nan")))).reshape(shape)
    index = np.clip(np.nan_to_num(level), 0, levels.shape[1]).astype(np.int64)
    picked = levels[np.arange(len(full)), np.maximum(index - 1, 0)]
    return np.where(index == 0, full, picked)


def pixel_charts(columns: Columns) -> dict[str, Any]:
    """Brightness, contrast and sharpness of the images that were measured."""
    luma = columns.image_floats("luma_mean")
    luma = luma[np.isfinite(luma)]
    reach = columns.image_floats("luma_p99") - columns.image_floats("luma_p01")
    reach = reach[np.isfinite(reach)]
    sharp = columns.image_floats("sharpness")
    sharp = sharp[np.isfinite(sharp)]
    acutance = _judged_acutance(columns)
    acutance = acutance[np.isfinite(acutance)]
    limit = columns.threshold("FL603", "max_mean", NIGHT_LUMA)
    night = int((luma < limit).sum())

    def chart(bins: Mapping[str, Any], values: FloatArray, unit: str) -> dict[str, Any]:
        return {**bins, "measured": len(values), "unit": unit, "quantiles": _quantiles(values)}

    return {
        "brightness": {
            **chart(_linear_bins(luma, 0, 256, 32), luma, "mean luma, 0 to 255"),
            "night_limit": limit,
            "night": night,
            "night_share": _share(night, len(luma)),
        },
        "contrast": chart(
            _linear_bins(reach, 0, 256, 32), reach, "luma reach from the 1 % to the 99 % point"
        ),
        "sharpness": chart(
            _log_bins(sharp, 1.0, 16384.0, 3), sharp, "Laplacian variance, noise taken out"
        ),
        "acutance": chart(
            _linear_bins(acutance, 0, 2, 40), acutance, "edge steepness at the judged size"
        ),
    }


def charts(columns: Columns) -> dict[str, Any]:
    """All chart data of a report, by name."""
    return {
        "class_balance": class_balance(columns),
        "box_size": box_size(columns),
        "box_size_1080p": box_size_1080p(columns),
        "aspect_ratio": aspect_ratio(columns),
        "box_centres": box_centres(columns),
        "objects_per_image": objects_per_image(columns),
        "image_sizes": image_sizes(columns),
        **pixel_charts(columns),
    }


def class_table(columns: Columns) -> list[dict[str, Any]]:
    """One row a class, in the order the set declares them: counts, shares and sizes."""
    classes = columns.ds.categories.num_rows
    boxes = np.zeros(classes, np.int64)
    kind = np.min_scalar_type(max(classes, 1))

    def pairs_of(part: Columns) -> tuple[FloatArray, ...]:
        nonlocal boxes
        known = part.category >= 0
        category, image = part.category[known], part.box_image[known]
        boxes = boxes + np.bincount(category, minlength=classes)
        # Each pair of image and class once. Sorting beats np.unique's hashing many times over.
        pairs = np.sort(image * classes + category)
        return (pairs[np.diff(pairs, prepend=-1) > 0],)

    (pairs,) = columns.joined(pairs_of)
    pairs.sort()
    once = pairs[np.diff(pairs, prepend=-1) > 0]
    images = np.bincount(once % max(classes, 1), minlength=classes)
    del pairs, once
    total = int(boxes.sum())

    def kept(part: Columns) -> tuple[BoolArray, FloatArray]:
        short = np.minimum(*part.input_sides)
        return part.usable & np.isfinite(short) & (part.category >= 0), short

    def sides_of(part: Columns) -> tuple[FloatArray, ...]:
        keep, short = kept(part)
        return part.category[keep].astype(kind), short[keep]

    def ratios_of(part: Columns) -> tuple[FloatArray, ...]:
        x1, y1, x2, y2 = part.corners
        with np.errstate(invalid="ignore", divide="ignore"):
            return (((y2 - y1) / (x2 - x1))[kept(part)[0]],)

    owner, ordered = columns.joined(sides_of)
    order = np.argsort(owner, kind="stable")  # a radix sort for 8 and 16 bits
    bounds = np.r_[0, np.cumsum(np.bincount(owner, minlength=classes))]
    ordered = ordered[order]
    (ratio,) = columns.joined(ratios_of)
    ratio = ratio[order]
    del order, owner
    target = box_target(columns.profile)
    rows = []
    for c, name in enumerate(columns.ds.categories["name"].to_pylist()):
        sides = ordered[bounds[c] : bounds[c + 1]]
        shapes = ratio[bounds[c] : bounds[c + 1]]
        rows.append(
            {
                "name": name,
                "boxes": int(boxes[c]),
                "images": int(images[c]),
                "share": _share(int(boxes[c]), total),
                "median_side": _round(np.median(sides)) if len(sides) else None,
                "median_height_over_width": _round(np.median(shapes)) if len(shapes) else None,
                "below_target_share": _share(int((sides < target).sum()), len(sides)),
            }
        )
    return rows


def box_target(profile: Profile | None) -> float:
    """Shortest side a target should have at the model's input, in pixels."""
    return float(profile.min_target) if profile is not None else float(ASSUMED_STRIDES[0])
