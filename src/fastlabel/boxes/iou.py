"""Area, conversion and the IoU of every box with every other."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._arrays import as_boxes

__all__ = ["box_area", "box_convert", "box_iou"]

_FORMATS = ("xyxy", "xywh", "cxcywh")


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
    b = as_boxes(boxes, "boxes")
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
    b = as_boxes(boxes, "boxes")
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
    from .._core import box_iou as native

    a = np.ascontiguousarray(as_boxes(boxes1, "boxes1"), np.float64)
    b = np.ascontiguousarray(as_boxes(boxes2, "boxes2"), np.float64)
    return native(a, b)
