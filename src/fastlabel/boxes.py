"""Axis-aligned boxes: area, conversion, IoU, overlapping pairs, suppression.

Names and conventions are torchvision's; the work is done by the native engine. Boxes are
(N, 4) arrays of any real dtype, in ``xyxy`` unless said otherwise, in continuous pixels:
a box from 0 to 10 is ten pixels wide.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["box_area", "box_convert", "box_iou", "box_pairs", "nms"]

_FORMATS = ("xyxy", "xywh", "cxcywh")


def _as_boxes(boxes: ArrayLike, name: str) -> NDArray[np.float64]:
    array = np.ascontiguousarray(boxes, dtype=np.float64)
    if array.size == 0 and array.ndim <= 2:
        array = array.reshape(0, 4)
    if array.ndim != 2 or array.shape[1] != 4:
        raise ValueError(f"{name}: got shape {array.shape}, expected (N, 4)")
    return array


def box_area(boxes: ArrayLike) -> NDArray[np.float64]:
    """Area of each box.

    Parameters
    ----------
    boxes : array_like
        (N, 4) in ``xyxy``.

    Returns
    -------
    numpy.ndarray
        (N,) float64, in square pixels; negative when exactly one side is reversed.

    Examples
    --------
    >>> box_area([[0, 0, 4, 5]]).tolist()
    [20.0]
    """
    b = _as_boxes(boxes, "boxes")
    area: NDArray[np.float64] = (b[:, 2] - b[:, 0]) * (b[:, 3] - b[:, 1])
    return area


def box_convert(boxes: ArrayLike, in_fmt: str, out_fmt: str) -> NDArray[np.float64]:
    """Boxes in another convention.

    Parameters
    ----------
    boxes : array_like
        (N, 4).
    in_fmt, out_fmt : {"xyxy", "xywh", "cxcywh"}
        Two corners; corner and size; centre and size.

    Returns
    -------
    numpy.ndarray
        (N, 4) float64, a new array.

    Raises
    ------
    ValueError
        For another shape or an unknown convention.

    Examples
    --------
    >>> box_convert([[10, 20, 30, 60]], "xyxy", "cxcywh").tolist()
    [[20.0, 40.0, 20.0, 40.0]]
    """
    for name, fmt in (("in_fmt", in_fmt), ("out_fmt", out_fmt)):
        if fmt not in _FORMATS:
            raise ValueError(f"{name}: got {fmt!r}, expected one of {', '.join(_FORMATS)}")
    b = _as_boxes(boxes, "boxes")
    if in_fmt == out_fmt:
        return b.copy()
    first, second = b[:, :2], b[:, 2:]
    if in_fmt == "xyxy":
        low, high = first, second
    elif in_fmt == "xywh":
        low, high = first, first + second
    else:
        low, high = first - second / 2, first + second / 2
    if out_fmt == "xyxy":
        return np.concatenate([low, high], axis=1)
    start = low if out_fmt == "xywh" else (low + high) / 2
    return np.concatenate([start, high - low], axis=1)


def box_iou(boxes1: ArrayLike, boxes2: ArrayLike) -> NDArray[np.float64]:
    """Intersection over union of every box of one set with every box of another.

    Parameters
    ----------
    boxes1, boxes2 : array_like
        (N, 4) and (M, 4) in ``xyxy``.

    Returns
    -------
    numpy.ndarray
        (N, M) float64. A box that is empty, reversed or not finite has IoU 0 with all.

    Examples
    --------
    >>> box_iou([[0, 0, 2, 2]], [[1, 0, 3, 2], [9, 9, 10, 10]]).round(3).tolist()
    [[0.333, 0.0]]
    """
    from ._core import box_iou as native

    return native(_as_boxes(boxes1, "boxes1"), _as_boxes(boxes2, "boxes2"))


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
    from ._core import box_pairs as native

    rows = np.ascontiguousarray(offsets, dtype=np.int64)
    result: tuple[Any, Any, Any] = native(_as_boxes(boxes, "boxes"), rows, threshold, max_per_box)
    return result


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
    from ._core import nms as native

    values = np.ascontiguousarray(scores, dtype=np.float64)
    if np.isnan(values).any():
        raise ValueError(
            f"scores: entry {int(np.isnan(values).argmax())} is NaN, which has no rank"
        )
    return native(_as_boxes(boxes, "boxes"), values, float(iou_threshold))
