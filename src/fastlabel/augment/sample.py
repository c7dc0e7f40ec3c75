"""One picture with its labels, as the stages of a recipe hand it on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._arrays import as_boxes, as_image, as_real

__all__ = ["PASTED", "Image", "Polygons", "Sample", "new_sample"]

#: A box that was pasted, annotation r of the set it comes from, is told by ``-1 - PASTED - r``.
PASTED = 1 << 40

Image = NDArray[np.uint8]
Floats = NDArray[np.float64]
#: Of each box its outline, one or more rings of (K, 2) corners, or None where there is none.
Polygons = list[list[Floats] | None]


@dataclass
class Sample:
    """A picture with its labels, all in its own pixels.

    Attributes
    ----------
    image : numpy.ndarray
        (H, W) or (H, W, C) uint8, C-contiguous.
    boxes : numpy.ndarray
        (N, 4) float64, ``xyxy``.
    polygons : list
        N entries: rings of (K, 2) corners, or None.
    obb : numpy.ndarray
        (N, 4, 2) float64: corners of oriented boxes; NaN where a box has none.
    ignore : numpy.ndarray
        (M, 4) float64, ``xyxy``: regions to ignore.
    kept : numpy.ndarray
        (N,) int64: the row that each box had before the first stage; -1 - PASTED - r for a
        pasted object, annotation r of the set it comes from.
    tightness : numpy.ndarray
        (N,) float64: area of each box over that of the box around its moved corners, multiplied
        over the stages; 1 where the outline is known or nothing was lost.
    ignore_from : numpy.ndarray
        (M,) int64: the row that each region had before the first stage; -1 - r where it is what
        became of box r.
    rgb : bool
        Whether channel 0 is red.
    notes : dict
        What a stage has to say for its row of the ledger; emptied after each.
    context : mapping
        What stages need beyond the picture, such as a bank of patches; from the caller.
    """

    image: Image
    boxes: Floats
    polygons: Polygons
    obb: Floats
    ignore: Floats
    kept: NDArray[np.int64]
    tightness: Floats
    ignore_from: NDArray[np.int64]
    rgb: bool = False
    notes: dict[str, Any] = field(default_factory=dict)
    context: Mapping[str, Any] = field(default_factory=dict)


def _polygons(value: Any, n: int) -> Polygons:
    if value is None:
        return [None] * n
    if isinstance(value, (str, bytes)) or not hasattr(value, "__len__"):
        raise TypeError(f"polygons: got {type(value).__name__}, expected an entry a box")
    if len(value) != n:
        raise ValueError(f"polygons: got {len(value)} entries, boxes has {n} rows")
    out: Polygons = []
    for i, rings in enumerate(value):
        if rings is None:
            out.append(None)
            continue
        if isinstance(rings, (str, bytes)) or not hasattr(rings, "__len__"):
            raise TypeError(
                f"polygons[{i}]: got {type(rings).__name__}, expected (K, 2) rings or None"
            )
        made = []
        for j, ring in enumerate(rings):
            points = np.array(as_real(ring, f"polygons[{i}][{j}]"), np.float64)
            if points.ndim != 2 or points.shape[1] != 2 or not np.isfinite(points).all():
                raise ValueError(
                    f"polygons[{i}][{j}]: got shape {points.shape}, expected finite (K, 2) corners"
                )
            made.append(points)
        out.append(made)
    return out


def _obb(value: Any, n: int) -> Floats:
    if value is None:
        return np.full((n, 4, 2), np.nan)
    corners = np.array(as_real(value, "obb"), np.float64)
    if corners.shape != (n, 4, 2):
        raise ValueError(
            f"obb: got shape {corners.shape}, expected ({n}, 4, 2), four corners a box"
        )
    return corners


def new_sample(
    image: Any,
    boxes: Any = None,
    polygons: Any = None,
    obb: Any = None,
    ignore: Any = None,
    *,
    rgb: bool = False,
    context: Mapping[str, Any] | None = None,
) -> Sample:
    """Check a picture and its labels; the labels are copied, the picture is not."""
    picture = as_image(image, "image")
    if not picture.flags.c_contiguous:
        picture = np.ascontiguousarray(picture)
    rows = np.zeros((0, 4)) if boxes is None else as_boxes(boxes, "boxes", invalid="raise")
    regions = np.zeros((0, 4)) if ignore is None else as_boxes(ignore, "ignore", invalid="raise")
    return Sample(
        picture,
        np.array(rows, np.float64),
        _polygons(polygons, len(rows)),
        _obb(obb, len(rows)),
        np.array(regions, np.float64),
        np.arange(len(rows)),
        np.ones(len(rows)),
        np.arange(len(regions)),
        rgb,
        context={} if context is None else context,
    )
