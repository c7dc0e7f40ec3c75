"""Oriented boxes: centre x and y, width, height, angle in radians ("cxcywhr").

The angle turns the width's direction from the x axis towards the y axis: clockwise on a
screen, where y points down. Adding pi, or pi / 2 with width and height exchanged, gives the
same rectangle. Angles may be of any size. Everything is float64.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._arrays import as_boxes, as_real, check_out
from .._scalars import as_choice, as_switch
from ._arguments import as_classes, as_rate, as_scores
from .iou import MOST_PAIRS

__all__ = ["obb_convert", "obb_iou", "obb_nms"]

_WIDTHS = {"cxcywhr": 5, "xyxyxyxy": 8, "xyxy": 4}


def _finite_rows(value: Any, name: str, width: int) -> NDArray[np.float64]:
    array = as_real(value, name)
    if array.shape in ((0,), (1, 0), (0, 0)):  # [], [[]] and an empty table
        array = array.reshape(0, width)
    if array.ndim != 2 or array.shape[1] != width:
        raise ValueError(f"{name}: got shape {array.shape}, expected (N, {width})")
    fine = np.isfinite(array).all(axis=1)
    if not fine.all():
        at = int(fine.argmin())
        raise ValueError(f"{name}[{at}]: got {array[at].tolist()}, expected finite numbers")
    return np.ascontiguousarray(array, np.float64)


def _oriented(value: Any, name: str) -> NDArray[np.float64]:
    rows = _finite_rows(value, name, 5)
    fine = (rows[:, 2:4] >= 0).all(axis=1)
    if not fine.all():
        at = int(fine.argmin())
        raise ValueError(
            f"{name}[{at}]: got {rows[at].tolist()}, expected a width and a height of 0 or more"
        )
    return rows


def obb_iou(
    boxes1: ArrayLike,
    boxes2: ArrayLike,
    *,
    aligned: bool = False,
    out: NDArray[np.float64] | None = None,
) -> NDArray[np.float64]:
    """Intersection over union of oriented boxes.

    The intersection is found by clipping one rectangle by the sides of the other (Sutherland
    and Hodgman 1974), in the latter's own frame, so that equal boxes have IoU 1 and boxes far
    from the origin lose no digits but those of their coordinates.

    Parameters
    ----------
    boxes1, boxes2 : array_like
        (N, 5) and (M, 5): centre x, centre y, width, height, angle in radians.
    aligned : bool
        Compare row with row, N = M, instead of every row with every other.
    out : numpy.ndarray, optional
        float64, C order, of the result's shape, to be written into.

    Returns
    -------
    numpy.ndarray
        (N, M), or (N,) when aligned, float64. A box without an area has IoU 0 with all.

    Raises
    ------
    ValueError
        For another shape, numbers that are not finite, or a negative width or height.
    TypeError
        For numbers that are not real, or another dtype of `out`.

    Examples
    --------
    >>> import math
    >>> square, turned = [[0, 0, 2, 2, 0]], [[0, 0, 2, 2, math.pi / 4]]
    >>> obb_iou(square, turned).round(4).tolist()
    [[0.7071]]
    """
    from .. import _core

    a = _oriented(boxes1, "boxes1")
    b = _oriented(boxes2, "boxes2")
    aligned = as_switch(aligned, "aligned")
    if aligned and len(a) != len(b):
        raise ValueError(f"boxes2: got {len(b)} boxes, boxes1 has {len(a)}; aligned needs as many")
    if not aligned and len(a) * len(b) > MOST_PAIRS:
        raise ValueError(
            f"boxes1, boxes2: got {len(a)} x {len(b)} boxes, expected at most 2**31 pairs"
        )
    shape = (len(a),) if aligned else (len(a), len(b))
    result = check_out(out, "out", shape, np.float64, a, b)
    if not result.flags.c_contiguous:
        raise ValueError("out: got strided memory, expected C order")
    (_core.obb_iou_aligned if aligned else _core.obb_iou)(a, b, result)
    return result


def obb_nms(
    boxes: ArrayLike,
    scores: ArrayLike,
    iou_threshold: float,
    *,
    idxs: ArrayLike | None = None,
) -> NDArray[np.int64]:
    """Greedy non-maximum suppression of oriented boxes.

    Parameters
    ----------
    boxes : array_like
        (N, 5): centre x, centre y, width, height, angle in radians.
    scores : array_like
        (N,) without NaN.
    iou_threshold : float
        A box is dropped when its IoU with a better kept one is above this; 0 to 1.
    idxs : array_like, optional
        (N,) integers: only boxes of one class meet.

    Returns
    -------
    numpy.ndarray
        Row numbers of the kept boxes, int64, best score first; equal scores keep row order.

    Raises
    ------
    ValueError
        As `obb_iou`; for a NaN score or a threshold outside 0 to 1.

    Examples
    --------
    >>> obb_nms([[0, 0, 4, 2, 0], [0, 0, 4, 2, 0.1], [0, 0, 4, 2, 1.5]], [1, 3, 2], 0.5).tolist()
    [1, 2]
    """
    from .._core import obb_nms as native

    rows = _oriented(boxes, "boxes")
    return native(
        rows,
        as_scores(scores, "scores", len(rows)),
        None if idxs is None else as_classes(idxs, "idxs", len(rows)),
        as_rate(iou_threshold, "iou_threshold"),
    )


def obb_convert(
    boxes: ArrayLike,
    in_fmt: str,
    out_fmt: str,
    *,
    out: NDArray[np.float64] | None = None,
) -> NDArray[np.float64]:
    """Oriented boxes in another convention.

    Parameters
    ----------
    boxes : array_like
        (N, 5), (N, 8) or (N, 4), as `in_fmt` says.
    in_fmt, out_fmt : {"cxcywhr", "xyxyxyxy", "xyxy"}
        Centre, size and angle; the corners (-w, -h), (w, -h), (w, h), (-w, h) of the centre,
        turned; upright. To "xyxy" gives the upright box around each.
    out : numpy.ndarray, optional
        (N, 5), (N, 8) or (N, 4) float64, as `out_fmt` says, of any strides; the result is
        written there.

    Returns
    -------
    numpy.ndarray
        float64, a new array unless `out` is given. From corners the angle is in (-pi, pi]; of
        four points that make no rectangle, sides and angle are means of opposite sides.

    Raises
    ------
    ValueError
        For another shape, numbers that are not finite, a negative size, an unknown
        convention, or an `out` that cannot take the result.

    Examples
    --------
    >>> obb_convert([[5, 5, 4, 2, 0]], "cxcywhr", "xyxyxyxy").tolist()
    [[3.0, 4.0, 7.0, 4.0, 7.0, 6.0, 3.0, 6.0]]
    >>> obb_convert([[3, 4, 7, 4, 7, 6, 3, 6]], "xyxyxyxy", "cxcywhr").tolist()
    [[5.0, 5.0, 4.0, 2.0, 0.0]]
    """
    as_choice(in_fmt, "in_fmt", tuple(_WIDTHS))
    as_choice(out_fmt, "out_fmt", tuple(_WIDTHS))
    if in_fmt == "cxcywhr":
        rows = _oriented(boxes, "boxes")
    elif in_fmt == "xyxy":
        upright = as_boxes(boxes, "boxes", invalid="raise")
        rows = np.ascontiguousarray(upright, np.float64)
    else:
        rows = _finite_rows(boxes, "boxes", 8)
    result = check_out(out, "out", (len(rows), _WIDTHS[out_fmt]), np.float64, rows)
    result[...] = rows if in_fmt == out_fmt else _converted(rows, in_fmt, out_fmt)
    return result


def _converted(rows: NDArray[np.float64], in_fmt: str, out_fmt: str) -> NDArray[np.float64]:
    from .. import _core

    if in_fmt == "xyxy":
        sizes = rows[:, 2:] - rows[:, :2]
        rows = np.concatenate([rows[:, :2] + sizes / 2, sizes, np.zeros((len(rows), 1))], axis=1)
    if out_fmt == "cxcywhr":
        return _core.obb_from_corners(rows) if in_fmt == "xyxyxyxy" else rows
    corners = rows if in_fmt == "xyxyxyxy" else _core.obb_to_corners(rows)
    if out_fmt == "xyxyxyxy":
        return corners
    points = corners.reshape(-1, 4, 2)
    return np.concatenate([points.min(axis=1), points.max(axis=1)], axis=1)
