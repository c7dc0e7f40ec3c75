"""Regions painted over, for trainers that know no regions to ignore."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["mask_regions"]

#: Width of the frame around a region whose mean fills it: this share of its longer side,
#: and no less than so many pixels.
RING_SHARE = 0.25
RING_PIXELS = 4


def mask_regions(
    pixels: npt.NDArray[Any], regions: npt.ArrayLike, protect: npt.ArrayLike = ()
) -> npt.NDArray[Any]:
    """Fill regions with the mean of their surroundings.

    Parameters
    ----------
    pixels : numpy.ndarray
        (H, W) or (H, W, C), of any dtype; it is not changed.
    regions : array_like
        (N, 4) ``xyxy`` in pixels. Every pixel that a region touches is filled.
    protect : array_like, optional
        (M, 4) boxes of targets: no pixel that one of them touches is changed.

    Returns
    -------
    numpy.ndarray
        A copy. Each region has one colour: the mean of a frame around it, a quarter of its
        longer side wide, without what other regions cover; where no such pixel is left,
        the mean of the picture outside all regions, and of all of it where there is none.

    Raises
    ------
    ValueError
        If an argument has another shape, or a box is not finite.

    Examples
    --------
    >>> import numpy as np
    >>> picture = np.full((6, 8), 10, np.uint8)
    >>> picture[2:4, 2:4] = 200
    >>> mask_regions(picture, [[2, 2, 4, 4]], protect=[[3, 3, 8, 6]])[2:4, 2:4].tolist()
    [[10, 10], [10, 200]]
    """
    if not isinstance(pixels, np.ndarray) or pixels.ndim not in (2, 3):
        raise ValueError("pixels: expected an array (H, W) or (H, W, C)")
    height, width = pixels.shape[:2]
    inner = _spans(regions, "regions", height, width)
    free = np.ones((height, width), dtype=bool)
    for x1, y1, x2, y2 in inner:
        free[y1:y2, x1:x2] = False
    paint = ~free
    for x1, y1, x2, y2 in _spans(protect, "protect", height, width):
        paint[y1:y2, x1:x2] = False
    result = pixels.copy()
    if not paint.any():
        return result
    everywhere = pixels[free] if free.any() else pixels.reshape(-1, *pixels.shape[2:])
    whole = everywhere.mean(axis=0)
    for x1, y1, x2, y2 in inner:
        ring = max(RING_PIXELS, round(RING_SHARE * max(x2 - x1, y2 - y1)))
        top, left = max(0, y1 - ring), max(0, x1 - ring)
        near = np.s_[top : y2 + ring, left : x2 + ring]
        around = pixels[near][free[near]]
        mean = around.mean(axis=0) if len(around) else whole
        if pixels.dtype.kind in "iu":
            mean = np.rint(mean)
        here = np.s_[y1:y2, x1:x2]
        result[here][paint[here]] = mean.astype(pixels.dtype)
    return result


def _spans(boxes: npt.ArrayLike, name: str, height: int, width: int) -> list[list[int]]:
    """Whole pixels that each box touches, inside the picture; empty ones left out."""
    array = np.asarray(boxes, dtype=np.float64)
    if array.size == 0:
        return []
    if array.ndim != 2 or array.shape[1] != 4:
        raise ValueError(f"{name}: got shape {array.shape}, expected (N, 4)")
    if not np.isfinite(array).all():
        raise ValueError(f"{name}: a box is not finite")
    low = np.floor(array[:, :2]).clip(0, [width, height])
    high = np.ceil(array[:, 2:]).clip(0, [width, height])
    spans = np.concatenate([low, high], axis=1).astype(np.int64)
    solid = (spans[:, 2:] > spans[:, :2]).all(axis=1)
    kept: list[list[int]] = spans[solid].tolist()
    return kept
