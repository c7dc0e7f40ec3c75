"""Suppression and fusion of overlapping predictions.

All take boxes (N, 4) in ``xyxy``, in any continuous unit; float32 is measured in float64. What
to do with a box of negative size or a coordinate that is not finite is said by ``invalid``:
"raise" a ValueError that names it, or "zero": it overlaps nothing.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._arrays import as_boxes, as_real
from .._scalars import as_choice, as_number, as_switch
from ._arguments import as_classes, as_rate, as_scores, as_scores_from_zero

__all__ = ["batched_nms", "nms", "non_max_merge", "soft_nms", "weighted_boxes_fusion"]

_CONFIDENCE = ("avg", "max", "box_and_model_avg", "absent_model_aware_avg")


def nms(
    boxes: ArrayLike, scores: ArrayLike, iou_threshold: float, *, invalid: str = "raise"
) -> NDArray[np.int64]:
    """Greedy non-maximum suppression.

    The result is that of comparing every box with every better kept one, but kept boxes are
    found by place and size, so that the cost is about N log N.

    Parameters
    ----------
    boxes : array_like
        (N, 4) in ``xyxy``.
    scores : array_like
        (N,) without NaN.
    iou_threshold : float
        A box is dropped when its IoU with a better kept one is above this; 0 to 1.
    invalid : {"raise", "zero"}
        A box of negative size or not finite: an error, or IoU 0 with all, hence kept.

    Returns
    -------
    numpy.ndarray
        Row numbers of the kept boxes, int64, best score first; equal scores keep row order.

    Raises
    ------
    ValueError
        For another shape, an invalid box, a NaN score or a threshold outside 0 to 1.
    TypeError
        For numbers that are not real.

    Examples
    --------
    >>> nms([[0, 0, 10, 10], [1, 0, 11, 10], [20, 20, 30, 30]], [0.8, 0.9, 0.1], 0.5).tolist()
    [1, 2]
    """
    from .._core import nms as native

    rows = as_boxes(boxes, "boxes", invalid=invalid)
    return native(
        rows, as_scores(scores, "scores", len(rows)), None, as_rate(iou_threshold, "iou_threshold")
    )


def batched_nms(
    boxes: ArrayLike,
    scores: ArrayLike,
    idxs: ArrayLike,
    iou_threshold: float,
    *,
    invalid: str = "raise",
) -> NDArray[np.int64]:
    """Greedy non-maximum suppression inside each class.

    Classes are kept apart as they are: no coordinate is shifted, so that the result is exact
    for boxes of any size. For many images in one call, number image and class together, for
    instance ``image * n_classes + label``.

    Parameters
    ----------
    boxes : array_like
        (N, 4) in ``xyxy``.
    scores : array_like
        (N,) without NaN.
    idxs : array_like
        (N,) integers, the class of each box.
    iou_threshold : float
        A box is dropped when its IoU with a better kept one of its class is above this.
    invalid : {"raise", "zero"}
        A box of negative size or not finite: an error, or IoU 0 with all, hence kept.

    Returns
    -------
    numpy.ndarray
        Row numbers of the kept boxes, int64, best score first over all classes; equal scores
        keep row order.

    Raises
    ------
    ValueError
        As `nms`.
    TypeError
        For numbers that are not real, or classes that are not integers.

    Examples
    --------
    >>> same = [[0, 0, 10, 10]] * 3
    >>> batched_nms(same, [0.7, 0.9, 0.8], [0, 1, 0], 0.5).tolist()
    [1, 2]
    """
    from .._core import nms as native

    rows = as_boxes(boxes, "boxes", invalid=invalid)
    return native(
        rows,
        as_scores(scores, "scores", len(rows)),
        as_classes(idxs, "idxs", len(rows)),
        as_rate(iou_threshold, "iou_threshold"),
    )


def soft_nms(
    boxes: ArrayLike,
    scores: ArrayLike,
    iou_threshold: float = 0.3,
    *,
    idxs: ArrayLike | None = None,
    sigma: float = 0.5,
    score_threshold: float = 0.001,
    method: str = "linear",
    invalid: str = "raise",
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Suppression that lowers scores instead of dropping boxes at once.

    Again and again the best box left is taken, and the scores of those that overlap it fall:
    "linear" by the factor 1 - IoU where the IoU is above the threshold, "gaussian" by
    exp(-IoU^2 / sigma). See Bodla et al., "Soft-NMS: improving object detection with one line
    of code", 2017.

    Parameters
    ----------
    boxes : array_like
        (N, 4) in ``xyxy``.
    scores : array_like
        (N,) finite, 0 or more.
    iou_threshold : float
        For "linear": IoU above which a score falls; 0 to 1.
    idxs : array_like, optional
        (N,) integers: only boxes of one class meet.
    sigma : float
        For "gaussian": the spread, above 0.
    score_threshold : float
        A box left with less is dropped.
    method : {"linear", "gaussian"}
        How scores fall.
    invalid : {"raise", "zero"}
        A box of negative size or not finite: an error, or IoU 0 with all.

    Returns
    -------
    keep : numpy.ndarray
        (K,) int64 row numbers, best final score first.
    scores : numpy.ndarray
        (K,) float64 final scores.

    Raises
    ------
    ValueError
        As `nms`; for a score below 0, a sigma not above 0 or an unknown method.

    Examples
    --------
    >>> keep, left = soft_nms([[0, 0, 10, 10], [0, 0, 10, 8], [20, 0, 30, 10]], [0.9, 0.8, 0.7])
    >>> keep.tolist(), left.round(2).tolist()
    ([0, 2, 1], [0.9, 0.7, 0.16])
    """
    from .._core import soft_nms as native

    as_choice(method, "method", ("linear", "gaussian"))
    spread = as_number(sigma, "sigma", "a finite number above 0")
    if not (spread > 0 and math.isfinite(spread)):
        raise ValueError(f"sigma: got {sigma}, expected a finite number above 0")
    least = as_number(score_threshold, "score_threshold")
    if math.isnan(least):
        raise ValueError("score_threshold: got NaN, expected a number")
    rows = as_boxes(boxes, "boxes", invalid=invalid)
    return native(
        rows,
        as_scores_from_zero(scores, "scores", len(rows)),
        None if idxs is None else as_classes(idxs, "idxs", len(rows)),
        method == "gaussian",
        as_rate(iou_threshold, "iou_threshold"),
        spread,
        least,
    )


def non_max_merge(
    boxes: ArrayLike,
    scores: ArrayLike,
    threshold: float = 0.5,
    *,
    idxs: ArrayLike | None = None,
    metric: str = "iou",
    invalid: str = "raise",
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]:
    """Greedy non-maximum merging: overlapping boxes become the box around them.

    A box that `nms` would drop joins the group of the best box that drops it; it is the
    overlap with that best box that counts, not with what the group has grown to. Useful for
    objects cut by the edges of tiles, there with ``metric="ios"``.

    Parameters
    ----------
    boxes : array_like
        (N, 4) in ``xyxy``.
    scores : array_like
        (N,) without NaN.
    threshold : float
        Overlap above which a box joins; 0 to 1.
    idxs : array_like, optional
        (N,) integers: only boxes of one class merge.
    metric : {"iou", "ios"}
        Intersection over the union, or over the smaller of the two boxes.
    invalid : {"raise", "zero"}
        A box of negative size or not finite: an error, or a group of its own.

    Returns
    -------
    boxes : numpy.ndarray
        (G, 4) float64: the box around each group, best score first.
    scores : numpy.ndarray
        (G,) float64: the best score of each group.
    groups : numpy.ndarray
        (N,) int64: the group of each input row, its class being that of any row in it.

    Raises
    ------
    ValueError
        As `nms`; for an unknown metric.

    Examples
    --------
    >>> merged, score, groups = non_max_merge(
    ...     [[0, 0, 10, 10], [2, 0, 12, 10], [50, 0, 60, 10]], [0.9, 0.8, 0.7]
    ... )
    >>> merged.tolist(), score.tolist(), groups.tolist()
    ([[0.0, 0.0, 12.0, 10.0], [50.0, 0.0, 60.0, 10.0]], [0.9, 0.7], [0, 0, 1])
    """
    from .._core import non_max_merge as native

    as_choice(metric, "metric", ("iou", "ios"))
    rows = as_boxes(boxes, "boxes", invalid=invalid)
    values = as_scores(scores, "scores", len(rows))
    merged, best, groups = native(
        rows,
        values,
        None if idxs is None else as_classes(idxs, "idxs", len(rows)),
        metric == "ios",
        as_rate(threshold, "threshold"),
    )
    return merged, values[best], groups


def weighted_boxes_fusion(
    boxes_list: Sequence[ArrayLike],
    scores_list: Sequence[ArrayLike],
    labels_list: Sequence[ArrayLike],
    weights: ArrayLike | None = None,
    iou_thr: float = 0.55,
    skip_box_thr: float = 0.0,
    conf_type: str = "avg",
    allows_overflow: bool = False,
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]:
    """One set of predictions from those of several models, by weighted averages.

    Boxes of one label, best weighted score first, join the fused box with which their IoU is
    largest and above `iou_thr`; a fused box is the average of its members weighted by their
    scores. See Solovyev, Wang and Gabruseva, "Weighted boxes fusion: ensembling boxes from
    different object detection models", 2021. Coordinates may be in any continuous unit.

    Parameters
    ----------
    boxes_list : sequence of array_like
        For each model (N, 4) in ``xyxy``. Boxes without an area take no part.
    scores_list : sequence of array_like
        For each model (N,) finite, 0 or more.
    labels_list : sequence of array_like
        For each model (N,) integers.
    weights : array_like, optional
        One above 0 for each model; 1 each when absent.
    iou_thr : float
        A box joins a fused box when their IoU is above this; 0 to 1.
    skip_box_thr : float
        Boxes with a score below this take no part.
    conf_type : {"avg", "max", "box_and_model_avg", "absent_model_aware_avg"}
        How a fused score comes of those of its members.
    allows_overflow : bool
        With "avg": let several boxes of one model raise a score above 1.

    Returns
    -------
    boxes : numpy.ndarray
        (F, 4) float64, best score first.
    scores : numpy.ndarray
        (F,) float64.
    labels : numpy.ndarray
        (F,) int64.

    Raises
    ------
    ValueError
        For lists of different lengths, a box of negative size or not finite, a score below 0,
        a weight not above 0, a threshold outside 0 to 1 or an unknown `conf_type`.

    Examples
    --------
    >>> boxes, scores, labels = weighted_boxes_fusion(
    ...     [[[0, 0, 10, 10]], [[0, 0, 10, 12]]], [[0.9], [0.3]], [[1], [1]]
    ... )
    >>> boxes.round(3).tolist(), scores.round(3).tolist(), labels.tolist()
    ([[0.0, 0.0, 10.0, 10.5]], [0.6], [1])
    """
    from .._core import weighted_boxes_fusion as native

    as_choice(conf_type, "conf_type", _CONFIDENCE)
    threshold = as_rate(iou_thr, "iou_thr")
    lists = (("boxes_list", boxes_list), ("scores_list", scores_list), ("labels_list", labels_list))
    for name, given in lists:
        if not (isinstance(given, (list, tuple)) or (isinstance(given, np.ndarray) and given.ndim)):
            raise TypeError(f"{name}: got {type(given).__name__}, expected one entry a model")
    models = len(boxes_list)
    for name, given in lists:
        if len(given) != models:
            raise ValueError(f"{name}: got {len(given)} models, boxes_list has {models}")
    shares = np.ones(models) if weights is None else as_real(weights, "weights")
    if shares.shape != (models,):
        raise ValueError(f"weights: got shape {shares.shape}, expected ({models},), one a model")
    if not ((shares > 0) & np.isfinite(shares)).all():
        raise ValueError(f"weights: got {shares.tolist()}, expected finite numbers above 0")
    least = as_number(skip_box_thr, "skip_box_thr")
    overflow = as_switch(allows_overflow, "allows_overflow")
    if math.isnan(least):
        raise ValueError("skip_box_thr: got NaN, expected a number")
    boxes = [as_boxes(b, f"boxes_list[{m}]", invalid="raise") for m, b in enumerate(boxes_list)]
    scores = [
        as_scores_from_zero(s, f"scores_list[{m}]", len(boxes[m]))
        for m, s in enumerate(scores_list)
    ]
    labels = [as_classes(c, f"labels_list[{m}]", len(boxes[m])) for m, c in enumerate(labels_list)]
    if models == 0:
        return np.zeros((0, 4)), np.zeros(0), np.zeros(0, np.int64)
    return native(
        np.concatenate(boxes),
        np.concatenate(scores),
        np.concatenate(labels),
        np.repeat(np.arange(models), [len(b) for b in boxes]),
        np.ascontiguousarray(shares, np.float64),
        _CONFIDENCE.index(conf_type),
        threshold,
        least,
        overflow,
    )
