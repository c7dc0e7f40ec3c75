"""Suppression and fusion of overlapping predictions."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._arrays import as_boxes

__all__ = ["nms"]


def nms(boxes: ArrayLike, scores: ArrayLike, iou_threshold: float) -> NDArray[np.int64]:
    """Greedy non-maximum suppression.

    Parameters
    ----------
    boxes : array_like
        (N, 4) in ``xyxy``.
    scores : array_like
        (N,) without NaN.
    iou_threshold : float
        A box is dropped when its IoU with a better kept one is above this.

    Returns
    -------
    numpy.ndarray
        Row numbers of the kept boxes, int64, best score first; equal scores keep row order.

    Examples
    --------
    >>> nms([[0, 0, 10, 10], [1, 0, 11, 10], [20, 20, 30, 30]], [0.8, 0.9, 0.1], 0.5).tolist()
    [1, 2]
    """
    from .._core import nms as native

    values = np.ascontiguousarray(scores, dtype=np.float64)
    if np.isnan(values).any():
        raise ValueError(
            f"scores: entry {int(np.isnan(values).argmax())} is NaN, which has no rank"
        )
    rows = np.ascontiguousarray(as_boxes(boxes, "boxes"), np.float64)
    return native(rows, values, float(iou_threshold))
