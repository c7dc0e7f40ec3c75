"""Pairs of boxes that overlap, without a matrix.

In images of some thousand boxes an index of the boxes' places and sizes keeps the cost near the
number of pairs. The pairs and their IoU are those of the matrix, bit for bit: a pair is listed
when its IoU, in the boxes' dtype, is at least the threshold rounded to that dtype.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._arrays import Array, as_box_pair, as_ragged
from .._scalars import as_whole
from .iou import check_overlap
from .ragged import image_by_image, positive_threshold

__all__ = ["box_pairs", "box_pairs_between"]

Pairs = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[Any]]


def box_pairs(
    boxes: ArrayLike,
    offsets: ArrayLike | None,
    threshold: float,
    *,
    max_per_box: int = 0,
    invalid: str = "raise",
) -> Pairs:
    """Pairs of boxes of one group (usually one image) that overlap.

    Parameters
    ----------
    boxes : array_like
        (N, 4) in ``xyxy``, sorted by group.
    offsets : array_like
        (G + 1,) integers: group g is rows ``offsets[g]`` to ``offsets[g + 1]``; None where the
        boxes are an Arrow column of lists of boxes, which has its own.
    threshold : float
        Least IoU of a pair, above 0 and at most 1.
    max_per_box : int
        How many partners a box may have as the later one of its pairs; 0 means no limit.
        It keeps n equal boxes from making n^2 pairs. Which partners are listed then is not
        said, but it is the same every time.
    invalid : {"raise", "zero"}
        A box that is reversed or not finite is an error, or overlaps nothing.

    Returns
    -------
    i, j : numpy.ndarray
        (P,) int64 row numbers, ``i < j``, sorted.
    iou : numpy.ndarray
        (P,), of the boxes' dtype.

    Raises
    ------
    ValueError
        For offsets that fall or do not end at N, a threshold outside (0, 1], or an invalid
        box.

    Examples
    --------
    >>> i, j, iou = box_pairs([[0, 0, 4, 4], [0, 0, 4, 3], [50, 50, 60, 60]], [0, 3], 0.5)
    >>> i.tolist(), j.tolist(), iou.tolist()
    ([0], [1], [0.75])
    """
    from .._core import box_pairs as native

    threshold = positive_threshold(threshold)
    limit = as_whole(max_per_box, "max_per_box", "a whole number from 0 on")
    if not 0 <= limit < 2**63:
        raise ValueError(f"max_per_box: got {limit}, expected a whole number from 0 on")
    check_overlap(invalid, 1)
    rows, ends = as_ragged(boxes, "boxes", offsets, invalid=invalid)
    i, j, iou = native(rows, ends, threshold, limit)
    return i, j, _as(iou, rows)


def box_pairs_between(
    boxes1: ArrayLike,
    boxes2: ArrayLike,
    threshold: float,
    *,
    offsets1: ArrayLike | None = None,
    offsets2: ArrayLike | None = None,
    invalid: str = "raise",
) -> Pairs:
    """Pairs of a box of one set and a box of another that overlap.

    Parameters
    ----------
    boxes1, boxes2 : array_like
        (N, 4) and (M, 4) in ``xyxy``.
    threshold : float
        Least IoU of a pair, above 0 and at most 1.
    offsets1, offsets2 : array_like, optional
        (G + 1,) integers each: only boxes of one image meet, those of image g being rows
        ``offsets1[g]`` to ``offsets1[g + 1]`` of boxes1, and so in boxes2. Without them all
        boxes are of one image.
    invalid : {"raise", "zero"}
        A box that is reversed or not finite is an error, or overlaps nothing.

    Returns
    -------
    i, j : numpy.ndarray
        (P,) int64 row numbers in boxes1 and boxes2, sorted by i, then j.
    iou : numpy.ndarray
        (P,), of the boxes' dtype.

    Raises
    ------
    ValueError
        For offsets that fall or do not end at the number of boxes, only one of the two, a
        threshold outside (0, 1], or an invalid box.

    Examples
    --------
    >>> i, j, iou = box_pairs_between([[0, 0, 4, 4]], [[9, 9, 10, 10], [0, 0, 4, 3]], 0.5)
    >>> i.tolist(), j.tolist(), iou.tolist()
    ([0], [1], [0.75])
    """
    from .._core import box_pairs_between as native

    threshold = positive_threshold(threshold)
    check_overlap(invalid, 1)
    if (offsets1 is None) != (offsets2 is None):
        missing = "offsets1" if offsets1 is None else "offsets2"
        raise ValueError(f"{missing}: got None, expected offsets for both sets or for neither")
    if offsets1 is None:
        a, b = as_box_pair(boxes1, boxes2, invalid=invalid)
        rows1, rows2 = np.array([0, len(a)], np.int64), np.array([0, len(b)], np.int64)
    else:
        a, rows1, b, rows2 = image_by_image(boxes1, offsets1, boxes2, offsets2, invalid)
    i, j, iou = native(a, rows1, b, rows2, threshold)
    return i, j, _as(iou, a)


def _as(iou: NDArray[np.float64], boxes: Array) -> NDArray[Any]:
    """The IoU in the dtype it was computed in."""
    return iou if boxes.dtype == np.float64 else iou.astype(boxes.dtype)
