"""The IoU family: every box with every other, or row by row."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._arrays import Array, as_box_pair, box_format, check_out, to_numpy
from .._scalars import as_number, as_switch

__all__ = [
    "METRICS",
    "box_ioa",
    "box_ios",
    "box_iou",
    "complete_box_iou",
    "distance_box_iou",
    "generalized_box_iou",
]

Real = NDArray[Any]

#: Metrics by name, with the native engine's numbers.
METRICS = {"iou": 0, "ioa": 1, "ios": 2, "giou": 3, "diou": 4, "ciou": 5}

#: A dense result beyond this is refused: it is pairs that are wanted then.
MOST_PAIRS = 2**31


def box_iou(
    boxes1: ArrayLike,
    boxes2: ArrayLike,
    fmt: str = "xyxy",
    *,
    aligned: bool = False,
    crowd: ArrayLike | None = None,
    out: Real | None = None,
    invalid: str = "raise",
) -> Real:
    """Intersection over union of every box of one set with every box of another.

    Parameters
    ----------
    boxes1, boxes2 : array_like
        (N, 4) and (M, 4), in pixels, of any strides. float32 when both are; else float64.
    fmt : {"xyxy", "xywh", "cxcywh"}
        Two corners; corner and size; centre and size.
    aligned : bool
        Row by row instead, for N = M: the result is (N,).
    crowd : array_like of bool, optional
        (M,): where true, boxes2 is a crowd region and the union is the area of the box of
        boxes1 alone, as COCO's evaluation has it.
    out : numpy.ndarray, optional
        Where the result goes: its shape and dtype, any strides, no memory shared with boxes.
    invalid : {"raise", "zero"}
        A box that is reversed or not finite is an error, or has IoU 0 with all.

    Returns
    -------
    numpy.ndarray
        (N, M), or (N,) when aligned. A box without area has IoU 0 with all. float32 results
        are the bits of torchvision's formula in float32.

    Raises
    ------
    ValueError
        For other shapes, an invalid box (named by argument and row), an `out` that cannot
        take the result, or more than 2**31 pairs.
    TypeError
        For a dtype that is no real number.

    Examples
    --------
    >>> box_iou([[0, 0, 2, 2]], [[1, 0, 3, 2], [9, 9, 10, 10]]).round(3).tolist()
    [[0.333, 0.0]]
    >>> box_iou([[0, 0, 2, 2]], [[1, 0, 3, 2]], aligned=True).round(3).tolist()
    [0.333]
    >>> box_iou([[0, 0, 2, 2]], [[0, 0, 9, 9]], crowd=[True]).tolist()
    [[1.0]]
    """
    return _overlap("iou", boxes1, boxes2, fmt, aligned, out, invalid, crowd=crowd)


def box_ioa(
    boxes1: ArrayLike,
    boxes2: ArrayLike,
    fmt: str = "xyxy",
    *,
    aligned: bool = False,
    out: Real | None = None,
    invalid: str = "raise",
) -> Real:
    """Intersection over the area of the first box: how much of it the second covers.

    Parameters
    ----------
    boxes1, boxes2 : array_like
        (N, 4) and (M, 4), in pixels, of any strides. float32 when both are; else float64.
    fmt : {"xyxy", "xywh", "cxcywh"}
        Two corners; corner and size; centre and size.
    aligned : bool
        Row by row instead, for N = M: the result is (N,).
    out : numpy.ndarray, optional
        Where the result goes, as for `box_iou`.
    invalid : {"raise", "zero"}
        A box that is reversed or not finite is an error, or overlaps nothing.

    Returns
    -------
    numpy.ndarray
        (N, M), or (N,) when aligned; 0 where either box has no area.

    Raises
    ------
    ValueError, TypeError
        As `box_iou`.

    Examples
    --------
    >>> box_ioa([[0, 0, 2, 2]], [[1, 0, 9, 9]]).tolist()
    [[0.5]]
    """
    return _overlap("ioa", boxes1, boxes2, fmt, aligned, out, invalid)


def box_ios(
    boxes1: ArrayLike,
    boxes2: ArrayLike,
    fmt: str = "xyxy",
    *,
    aligned: bool = False,
    out: Real | None = None,
    invalid: str = "raise",
) -> Real:
    """Intersection over the smaller area: 1 when one box lies inside the other.

    Parameters
    ----------
    boxes1, boxes2 : array_like
        (N, 4) and (M, 4), in pixels, of any strides. float32 when both are; else float64.
    fmt : {"xyxy", "xywh", "cxcywh"}
        Two corners; corner and size; centre and size.
    aligned : bool
        Row by row instead, for N = M: the result is (N,).
    out : numpy.ndarray, optional
        Where the result goes, as for `box_iou`.
    invalid : {"raise", "zero"}
        A box that is reversed or not finite is an error, or overlaps nothing.

    Returns
    -------
    numpy.ndarray
        (N, M), or (N,) when aligned; 0 where either box has no area.

    Raises
    ------
    ValueError, TypeError
        As `box_iou`.

    Examples
    --------
    >>> box_ios([[0, 0, 9, 9]], [[1, 1, 3, 3]]).tolist()
    [[1.0]]
    """
    return _overlap("ios", boxes1, boxes2, fmt, aligned, out, invalid)


def generalized_box_iou(
    boxes1: ArrayLike,
    boxes2: ArrayLike,
    *,
    aligned: bool = False,
    out: Real | None = None,
    invalid: str = "raise",
) -> Real:
    """Generalized IoU: IoU less the share of the hull that neither box covers.

    Parameters
    ----------
    boxes1, boxes2 : array_like
        (N, 4) and (M, 4) in ``xyxy``, of any strides. float32 when both are; else float64.
    aligned : bool
        Row by row instead, for N = M: the result is (N,).
    out : numpy.ndarray, optional
        Where the result goes, as for `box_iou`.
    invalid : {"raise", "zero"}
        A box that is reversed or not finite is an error, or has -1 with all.

    Returns
    -------
    numpy.ndarray
        (N, M), or (N,) when aligned, from -1 to 1. A hull without area adds no penalty. A box
        that is reversed or not finite has -1, as one infinitely far.

    Raises
    ------
    ValueError, TypeError
        As `box_iou`.

    References
    ----------
    Rezatofighi et al., Generalized Intersection over Union, CVPR 2019.

    Examples
    --------
    >>> generalized_box_iou([[0, 0, 1, 1]], [[3, 0, 4, 1]]).tolist()
    [[-0.5]]
    """
    return _overlap("giou", boxes1, boxes2, "xyxy", aligned, out, invalid)


def distance_box_iou(
    boxes1: ArrayLike,
    boxes2: ArrayLike,
    eps: float = 1e-7,
    *,
    aligned: bool = False,
    out: Real | None = None,
    invalid: str = "raise",
) -> Real:
    """Distance IoU: IoU less the squared distance of the centres over the hull's diagonal.

    Parameters
    ----------
    boxes1, boxes2 : array_like
        (N, 4) and (M, 4) in ``xyxy``, of any strides. float32 when both are; else float64.
    eps : float
        Positive; added to the squared diagonal.
    aligned : bool
        Row by row instead, for N = M: the result is (N,).
    out : numpy.ndarray, optional
        Where the result goes, as for `box_iou`.
    invalid : {"raise", "zero"}
        A box that is reversed or not finite is an error, or has -1 with all.

    Returns
    -------
    numpy.ndarray
        (N, M), or (N,) when aligned, from -1 to 1. A box that is reversed or not finite has
        -1, as one infinitely far.

    Raises
    ------
    ValueError, TypeError
        As `box_iou`.

    References
    ----------
    Zheng et al., Distance-IoU Loss, AAAI 2020.

    Examples
    --------
    >>> distance_box_iou([[0, 0, 1, 1]], [[0, 0, 1, 1], [1, 1, 2, 2]]).round(3).tolist()
    [[1.0, -0.25]]
    """
    return _overlap("diou", boxes1, boxes2, "xyxy", aligned, out, invalid, eps=eps)


def complete_box_iou(
    boxes1: ArrayLike,
    boxes2: ArrayLike,
    eps: float = 1e-7,
    *,
    aligned: bool = False,
    out: Real | None = None,
    invalid: str = "raise",
) -> Real:
    """Complete IoU: distance IoU less a penalty for unlike shapes (width to height).

    Parameters
    ----------
    boxes1, boxes2 : array_like
        (N, 4) and (M, 4) in ``xyxy``, of any strides. float32 when both are; else float64.
    eps : float
        Positive; added to the squared diagonal and to the denominator of the shape's weight.
    aligned : bool
        Row by row instead, for N = M: the result is (N,).
    out : numpy.ndarray, optional
        Where the result goes, as for `box_iou`.
    invalid : {"raise", "zero"}
        A box that is reversed or not finite is an error, or has -1 with all.

    Returns
    -------
    numpy.ndarray
        (N, M), or (N,) when aligned. The shape of a point is that of a square. A box that is
        reversed or not finite has -1.

    Raises
    ------
    ValueError, TypeError
        As `box_iou`.

    References
    ----------
    Zheng et al., Distance-IoU Loss, AAAI 2020.

    Examples
    --------
    >>> complete_box_iou([[0, 0, 2, 2]], [[0, 0, 2, 2], [0, 0, 2, 1]]).round(3).tolist()
    [[1.0, 0.466]]
    """
    return _overlap("ciou", boxes1, boxes2, "xyxy", aligned, out, invalid, eps=eps)


def check_overlap(invalid: str, eps: float) -> None:
    """Say what is wrong with options that all metrics share."""
    if not isinstance(invalid, str) or invalid not in ("raise", "zero"):
        raise ValueError(f"invalid: got {invalid!r}, expected 'raise' or 'zero'")
    if not 0 < as_number(eps, "eps", "a finite number above 0") < float("inf"):
        raise ValueError(f"eps: got {eps!r}, expected a finite number above 0")


def crowd_flags(crowd: ArrayLike | None, n: int) -> NDArray[np.uint8] | None:
    """Flags of crowd regions as bytes."""
    if crowd is None:
        return None
    flags = to_numpy(crowd, "crowd")
    if flags.dtype.kind not in "biu" and flags.size > 0:
        raise TypeError(f"crowd: got dtype {flags.dtype}, expected bool")
    if flags.shape != (n,):
        raise ValueError(f"crowd: got shape {flags.shape}, expected ({n},), one for each of boxes2")
    return np.ascontiguousarray(flags, np.bool_).view(np.uint8)


def _overlap(
    metric: str,
    boxes1: ArrayLike,
    boxes2: ArrayLike,
    fmt: str,
    aligned: bool,
    out: Real | None,
    invalid: str,
    *,
    eps: float = 1e-7,
    crowd: ArrayLike | None = None,
) -> Real:
    from .._core import box_aligned, box_matrix

    number = box_format(fmt, "fmt")
    check_overlap(invalid, eps)
    a, b = as_box_pair(boxes1, boxes2, invalid=invalid, fmt=fmt)
    n, m = len(a), len(b)
    flags = crowd_flags(crowd, m)
    inputs: tuple[Array, ...] = (a, b) if flags is None else (a, b, flags)
    if as_switch(aligned, "aligned"):
        if n != m:
            raise ValueError(f"boxes2: got {m} boxes, expected {n}, as in boxes1, when aligned")
        result = check_out(out, "out", (n,), a.dtype, *inputs)
        box_aligned(a, b, result, METRICS[metric], eps, number, flags)
        return result
    if n * m > MOST_PAIRS:
        raise ValueError(
            f"boxes1, boxes2: got {n} x {m} boxes, expected at most 2**31 pairs in a matrix; "
            "box_pairs_between lists the pairs over a threshold and ragged_best the best ones "
            "without one"
        )
    result = check_out(out, "out", (n, m), a.dtype, *inputs)
    box_matrix(a, b, result, METRICS[metric], eps, number, flags)
    return result
