"""What the charts of a report show: histograms and shares over the columns of one data set.

Every function takes columns and gives plain JSON values, so that the terminal, the page
and ``summary.json`` cannot disagree. Nothing here loops over boxes or images.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ._ranks import group_sizes, medians, percentiles
from .box_counts import BoxCounts, box_target, log_bins, log_edges
from .dataset import as_numpy
from .set_columns import ASSUMED_STRIDES, Columns, FloatArray, IntArray

__all__ = ["charts"]

#: FL302: both sides under this at 1080p is too small to label.
TINY_1080P = 15.0
#: FL603: an image this dark counts as night.
NIGHT_LUMA = 60.0

#: Points of a distribution that are shown, in per cent.
POINTS = (5, 25, 50, 75, 95)

#: At most this many classes, image sizes or splits have a mark of their own in a chart.
MOST_CLASSES = 20
MOST_ASPECT_CLASSES = 12
MOST_SIZES = 60


def _log_chart(counts: IntArray, low: float, high: float) -> dict[str, Any]:
    """Histogram over bins of equal ratio; what lies beyond an end is in the end's bin."""
    edges = log_edges(low, high)
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
    return _named_points(percentiles(values, None, [len(values)], POINTS)[0])


def _named_points(points: FloatArray) -> dict[str, float]:
    return {f"p{p:02}": _round(v) for p, v in zip(POINTS, points, strict=True)}


def _round(value: float) -> float:
    """Six significant digits: enough for a report, and the same on every machine."""
    return float(f"{float(value):.6g}")


def _share(part: int, whole: int) -> float | None:
    return _round(part / whole) if whole else None


def class_balance(columns: Columns, boxes: BoxCounts) -> dict[str, Any]:
    """Boxes of each class in each split, the most frequent classes first."""
    classes = columns.ds.categories.num_rows
    table = boxes.by_split[:, :classes]
    order = np.lexsort((np.arange(classes), -table.sum(0)))
    shown, rest = order[:MOST_CLASSES], order[MOST_CLASSES:]
    names = columns.ds.categories["name"].to_pylist()
    return {
        "classes": [names[i] for i in shown],
        "splits": columns.split_names,
        "counts": table[:, shown].tolist(),
        "other_classes": len(rest),
        "other_counts": table[:, rest].sum(1).tolist(),
        "unknown_class": int(boxes.by_split[:, classes].sum()),
    }


def box_size(columns: Columns, boxes: BoxCounts) -> dict[str, Any]:
    """Shorter side of the boxes in pixels of the model's input, and its shares."""
    profile = columns.profile
    short = boxes.short.known()
    strides = sorted(profile.strides) if profile is not None else list(ASSUMED_STRIDES)
    target = box_target(profile)
    whole = len(short)
    below = {str(m): _share(int((short < m * strides[0]).sum()), whole) for m in (1, 2, 4)}
    return {
        **_log_chart(boxes.short.bins, 1.0, 2048.0),
        "measured": whole,
        "unit": "shorter side, px at the model's input",
        "quantiles": _quantiles(short),
        "strides": [int(s) for s in strides],
        "min_target": _round(target),
        "below_target": int((short < target).sum()),
        "share_below_strides": below,
        "small_area": boxes.small_area,
        "small": boxes.small,
        "small_share": _share(boxes.small, whole),
    }


def box_size_1080p(columns: Columns, boxes: BoxCounts) -> dict[str, Any]:
    """Longer side of the boxes once the image is fitted to 1080p: under 15 is FL302's tiny."""
    long = boxes.long.known()
    limit = columns.threshold("FL302", "max_side", TINY_1080P)
    tiny = int((long < limit).sum())
    return {
        **_log_chart(boxes.long.bins, 1.0, 2048.0),
        "measured": len(long),
        "unit": "longer side, px at 1920 × 1080",
        "quantiles": _quantiles(long),
        "tiny_limit": limit,
        "tiny": tiny,
        "tiny_share": _share(tiny, len(long)),
    }


def aspect_ratio(columns: Columns, boxes: BoxCounts) -> dict[str, Any]:
    """Height over width of the boxes, for all and for each of the most frequent classes."""
    names = columns.ds.categories["name"].to_pylist()
    ratio, category = boxes.ratio.known(), boxes.category_where(boxes.ratio)
    counts = group_sizes(category, len(names) + 1)[: len(names)]
    order = np.lexsort((np.arange(len(names)), -counts))
    shown = [int(c) for c in order[:MOST_ASPECT_CLASSES] if counts[c]]
    asked = np.zeros(len(names) + 1, np.int64)
    asked[shown] = counts[shown]
    points = percentiles(ratio, category, asked.tolist(), POINTS)
    return {
        **_log_chart(boxes.ratio.bins, 1 / 16, 16.0),
        "measured": len(ratio),
        "unit": "height over width",
        "classes": [
            {"name": names[c], "boxes": int(counts[c]), "quantiles": _named_points(points[c])}
            for c in shown
        ],
        "other_classes": int((counts > 0).sum()) - len(shown),
    }


def box_centres(boxes: BoxCounts) -> dict[str, Any]:
    """Where the boxes lie: counts of their centres on a grid over the image, row by row."""
    return {
        "cells": len(boxes.centres),
        "counts": boxes.centres.tolist(),
        "measured": int(boxes.centres.sum()),
        "outside": boxes.outside,
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
            _log_chart(log_bins(sharp, 1.0, 16384.0), 1.0, 16384.0),
            sharp,
            "Laplacian variance, noise taken out",
        ),
        "acutance": chart(
            _linear_bins(acutance, 0, 2, 40), acutance, "edge steepness at the judged size"
        ),
    }


def charts(columns: Columns, boxes: BoxCounts) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """All chart data of a report, by name, and its table of classes."""
    # One number of each box at a time: it is dropped before the next is made.
    size = box_size(columns, boxes)
    owner, sized = _sized(columns, boxes)
    sides = medians(boxes.short.known(), owner, sized)
    boxes.short.drop()
    at_1080p = box_size_1080p(columns, boxes)
    boxes.long.drop()
    ratio = aspect_ratio(columns, boxes)
    shapes = medians(boxes.short.pick(boxes.ratio.values()), owner, sized)
    boxes.ratio.drop()
    drawn = {
        "class_balance": class_balance(columns, boxes),
        "box_size": size,
        "box_size_1080p": at_1080p,
        "aspect_ratio": ratio,
        "box_centres": box_centres(boxes),
        "objects_per_image": objects_per_image(columns),
        "image_sizes": image_sizes(columns),
        **pixel_charts(columns),
    }
    return drawn, _class_table(columns, boxes, sized, sides, shapes)


def _sized(columns: Columns, boxes: BoxCounts) -> tuple[np.ndarray[Any, Any], IntArray]:
    """Class of each box whose size is known, and the number of those of each class."""
    classes = columns.ds.categories.num_rows
    owner = boxes.category_where(boxes.short)
    sized = group_sizes(owner, classes + 1)
    sized[classes] = 0  # of unknown class
    return owner, sized


def _class_table(
    columns: Columns, boxes: BoxCounts, sized: IntArray, sides: FloatArray, shapes: FloatArray
) -> list[dict[str, Any]]:
    """One row a class, in the order the set declares them: counts, shares and sizes."""
    classes = columns.ds.categories.num_rows
    drawn = boxes.by_split.sum(0)[:classes]
    total = int(drawn.sum())
    images = boxes.images
    return [
        {
            "name": name,
            "boxes": int(drawn[c]),
            "images": int(images[c]),
            "share": _share(int(drawn[c]), total),
            "median_side": _round(sides[c]) if sized[c] else None,
            "median_height_over_width": _round(shapes[c]) if sized[c] else None,
            "below_target_share": _share(int(boxes.below_target[c]), int(sized[c])),
        }
        for c, name in enumerate(columns.ds.categories["name"].to_pylist())
    ]
