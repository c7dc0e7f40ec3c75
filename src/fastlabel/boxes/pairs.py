"""Pairs of boxes that overlap, without a matrix."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._arrays import as_boxes

__all__ = ["box_pairs"]


def box_pairs(
    boxes: ArrayLike, offsets: ArrayLike, threshold: float, *, max_per_box: int = 0
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """Pairs of boxes of one group (usually one image) that overlap, without an N x N matrix.

    Parameters
    ----------
    boxes : array_like
        (N, 4) in ``xyxy``, sorted by group.
    offsets : array_like
        (G + 1,) int64: group g is rows ``offsets[g]`` to ``offsets[g + 1]``.
    threshold : float
        Least IoU of a pair, above 0 and at most 1.
    max_per_box : int
        How many partners a box may have as the later one of its pairs; 0 means no limit.
        It keeps n equal boxes from making n^2 pairs.

    Returns
    -------
    i, j : numpy.ndarray
        (P,) int64 row numbers, ``i < j``, sorted.
    iou : numpy.ndarray
        (P,) float64.

    Raises
    ------
    ValueError
        For offsets that decrease or do not end at N, or a threshold outside (0, 1].

    Examples
    --------
    >>> i, j, iou = box_pairs([[0, 0, 4, 4], [0, 0, 4, 3], [50, 50, 60, 60]], [0, 3], 0.5)
    >>> i.tolist(), j.tolist(), iou.tolist()
    ([0], [1], [0.75])
    """
    from .._core import box_pairs as native

    rows = np.ascontiguousarray(offsets, dtype=np.int64)
    result: tuple[Any, Any, Any] = native(
        np.ascontiguousarray(as_boxes(boxes, "boxes"), np.float64), rows, threshold, max_per_box
    )
    return result
