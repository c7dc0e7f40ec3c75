"""Boxes of many images in one call.

The boxes of all images stand in one array, image after image, with Arrow's list offsets: those
of image g are rows ``offsets[g]`` to ``offsets[g + 1]``. Two sets of as many images meet image
by image. An Arrow column of lists of boxes (pyarrow, polars, DuckDB) is both in one.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._arrays import Array, as_ragged, check_out, of_one_dtype
from .._scalars import as_choice, as_number
from ._arguments import as_rate
from .iou import METRICS, MOST_PAIRS, Real, check_overlap, crowd_flags

__all__ = ["ragged_best", "ragged_counts", "ragged_iou"]


def ragged_iou(
    boxes1: ArrayLike,
    offsets1: ArrayLike | None,
    boxes2: ArrayLike,
    offsets2: ArrayLike | None,
    *,
    metric: str = "iou",
    eps: float = 1e-7,
    crowd: ArrayLike | None = None,
    out: Real | None = None,
    invalid: str = "raise",
) -> tuple[Real, NDArray[np.int64]]:
    """A matrix for each image, of its boxes of one set with its boxes of another.

    Parameters
    ----------
    boxes1, boxes2 : array_like
        (N, 4) and (M, 4) in ``xyxy``, image after image.
    offsets1, offsets2 : array_like
        (G + 1,) integers, from 0 to N and to M, never falling; None where the boxes are an
        Arrow column of lists of boxes, which has its own.
    metric : {"iou", "ioa", "ios", "giou", "diou", "ciou"}
        See `box_iou`, `box_ioa`, `box_ios`, `generalized_box_iou`, `distance_box_iou` and
        `complete_box_iou`.
    eps : float
        For diou and ciou.
    crowd : array_like of bool, optional
        (M,), for iou: see `box_iou`.
    out : numpy.ndarray, optional
        As long as the values and of their dtype, contiguous.
    invalid : {"raise", "zero"}
        A box that is reversed or not finite is an error, or overlaps nothing.

    Returns
    -------
    values : numpy.ndarray
        1-D: the matrices, row-major, one after the other.
    offsets : numpy.ndarray
        (G + 1,) int64: image g's matrix is ``values[offsets[g]:offsets[g + 1]]``.

    Raises
    ------
    ValueError
        For offsets that fall or do not end at the number of boxes, an unknown metric, an
        invalid box, or one image with more than 2**31 pairs.

    Examples
    --------
    >>> values, offsets = ragged_iou(
    ...     [[0, 0, 2, 2], [0, 0, 4, 4]], [0, 1, 2], [[0, 0, 2, 1], [0, 0, 4, 4]], [0, 1, 2])
    >>> values.tolist(), offsets.tolist()
    ([0.5, 1.0], [0, 1, 2])
    """
    from .._core import ragged_iou as native
    from .._core import ragged_sizes

    as_choice(metric, "metric", tuple(METRICS))
    check_overlap(invalid, eps)
    a, rows1, b, rows2 = image_by_image(boxes1, offsets1, boxes2, offsets2, invalid)
    flags = crowd_flags(crowd, len(b))
    if flags is not None and metric != "iou":
        raise ValueError(f"crowd: got flags with metric {metric!r}, expected metric 'iou'")
    offsets = ragged_sizes(rows1, rows2)
    most = int(np.diff(offsets).max(initial=0))
    if most > MOST_PAIRS:
        raise ValueError(
            f"boxes1, boxes2: got an image with {most} pairs, expected at most 2**31 in a matrix; "
            "use box_pairs_between, ragged_best or ragged_counts"
        )
    total = int(offsets[-1])
    inputs = (a, b, rows1, rows2) if flags is None else (a, b, rows1, rows2, flags)
    values = _contiguous(out, "out", total, a.dtype, *inputs)
    native(a, rows1, b, rows2, values, total, METRICS[metric], eps, flags)
    return values, offsets


def ragged_best(
    boxes1: ArrayLike,
    offsets1: ArrayLike | None,
    boxes2: ArrayLike,
    offsets2: ArrayLike | None,
    *,
    metric: str = "iou",
    threshold: float = 0.0,
    out: tuple[NDArray[np.int64], Real] | None = None,
    invalid: str = "raise",
) -> tuple[NDArray[np.int64], Real]:
    """The best match of each box among the other set's boxes of its image, without a matrix.

    Parameters
    ----------
    boxes1, boxes2, offsets1, offsets2, invalid
        As for `ragged_iou`.
    metric : {"iou", "ioa", "ios"}
        What is best.
    threshold : float
        Least metric of a match, from 0 to 1.
    out : tuple of numpy.ndarray, optional
        Contiguous arrays for index and value.

    Returns
    -------
    index : numpy.ndarray
        (N,) int64: the row in boxes2, the first one of equals; -1 where nothing overlaps the
        box or reaches the threshold.
    value : numpy.ndarray
        (N,), of the boxes' dtype: the metric; 0 where the index is -1.

    Raises
    ------
    ValueError
        As for `ragged_iou`, or for a threshold outside 0 to 1.

    Examples
    --------
    >>> index, value = ragged_best([[0, 0, 2, 2], [9, 9, 10, 10]], [0, 2], [[0, 0, 2, 1]], [0, 1])
    >>> index.tolist(), value.tolist()
    ([0, -1], [0.5, 0.0])
    """
    from .._core import ragged_best as native

    as_choice(metric, "metric", ("iou", "ioa", "ios"))
    least = as_rate(threshold, "threshold")
    check_overlap(invalid, 1)
    a, rows1, b, rows2 = image_by_image(boxes1, offsets1, boxes2, offsets2, invalid)
    if out is not None and not (isinstance(out, tuple) and len(out) == 2):
        raise TypeError(f"out: got {type(out).__name__}, expected a tuple of index and value")
    into, values = (None, None) if out is None else out
    index = _contiguous(into, "out[0]", len(a), np.int64, a, b, rows1, rows2)
    value = _contiguous(values, "out[1]", len(a), a.dtype, a, b, rows1, rows2, index)
    native(a, rows1, b, rows2, index, value, METRICS[metric], least)
    return index, value


def ragged_counts(
    boxes1: ArrayLike,
    offsets1: ArrayLike | None,
    boxes2: ArrayLike,
    offsets2: ArrayLike | None,
    threshold: float,
    *,
    out: NDArray[np.int64] | None = None,
    invalid: str = "raise",
) -> NDArray[np.int64]:
    """How many of the other set's boxes of its image each box overlaps, without a matrix.

    Parameters
    ----------
    boxes1, boxes2, offsets1, offsets2, invalid
        As for `ragged_iou`.
    threshold : float
        Least IoU that counts, above 0 and at most 1.
    out : numpy.ndarray, optional
        (N,) int64, contiguous; the result is written there.

    Returns
    -------
    numpy.ndarray
        (N,) int64.

    Raises
    ------
    ValueError
        As for `ragged_iou`, or for a threshold outside (0, 1].

    Examples
    --------
    >>> ragged_counts([[0, 0, 2, 2]], [0, 1], [[0, 0, 2, 2], [0, 0, 2, 1]], [0, 2], 0.5).tolist()
    [2]
    """
    from .._core import ragged_counts as native

    threshold = positive_threshold(threshold)
    check_overlap(invalid, 1)
    a, rows1, b, rows2 = image_by_image(boxes1, offsets1, boxes2, offsets2, invalid)
    counts = _contiguous(out, "out", len(a), np.int64, a, b, rows1, rows2)
    native(a, rows1, b, rows2, counts, threshold)
    return counts


def _contiguous(out: Any, name: str, length: int, dtype: Any, *inputs: Array) -> Array:
    """The caller's array for `length` results that are written side by side; or a new one."""
    result = check_out(out, name, (length,), dtype, *inputs)
    if not (result.flags.c_contiguous and result.flags.aligned):
        raise ValueError(f"{name}: has gaps or is not aligned, expected a contiguous array")
    return result


def positive_threshold(threshold: Any) -> float:
    """A least IoU above 0."""
    wanted = "a number above 0 and at most 1"
    least = as_number(threshold, "threshold", wanted)
    if not 0 < least <= 1:
        raise ValueError(f"threshold: got {threshold!r}, expected {wanted}")
    return least


def image_by_image(
    boxes1: ArrayLike,
    offsets1: ArrayLike | None,
    boxes2: ArrayLike,
    offsets2: ArrayLike | None,
    invalid: str,
) -> tuple[Array, NDArray[np.int64], Array, NDArray[np.int64]]:
    """Boxes and offsets of two sets of as many images, the boxes of one dtype."""
    a, rows1 = as_ragged(boxes1, "boxes1", offsets1, "offsets1", invalid=invalid)
    b, rows2 = as_ragged(boxes2, "boxes2", offsets2, "offsets2", invalid=invalid)
    if len(rows1) != len(rows2):
        raise ValueError(
            f"offsets2: got {len(rows2) - 1} images, expected {len(rows1) - 1}, as in offsets1"
        )
    a, b = of_one_dtype(a, b)
    return a, rows1, b, rows2
