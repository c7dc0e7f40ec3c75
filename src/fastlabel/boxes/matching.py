"""Matching of predictions to labels, over many images at once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._arrays import as_boxes, as_offsets, as_real
from .._scalars import as_choice, as_whole
from ._arguments import as_classes, as_flags, as_rate, as_scores
from .ragged import ragged_iou

__all__ = ["CocoMatches", "OptimalMatches", "match_coco", "match_optimal"]

#: Pairs of as many images as are worked on at once, float64.
_RUN_CELLS = 2**20


@dataclass(frozen=True)
class CocoMatches:
    """What `match_coco` found, for T thresholds, P predictions and L labels."""

    #: (T, P) int64: the label's row, or -1.
    prediction_match: NDArray[np.int64]
    #: (T, P) bool: the prediction counts neither as right nor as wrong.
    prediction_ignored: NDArray[np.bool_]
    #: (T, L) int64: the prediction's row, or -1; of a crowd, the last of its predictions.
    label_match: NDArray[np.int64]


@dataclass(frozen=True)
class OptimalMatches:
    """What `match_optimal` found, for P predictions and L labels."""

    #: (P,) int64: the label's row, or -1.
    prediction_match: NDArray[np.int64]
    #: (L,) int64: the prediction's row, or -1.
    label_match: NDArray[np.int64]
    #: (P,) float64: IoU with the matched label, 0 without one.
    iou: NDArray[np.float64]


def _corners_and_sizes(value: ArrayLike, name: str) -> NDArray[Any]:
    """(N, 4) in ``xywh``, finite and of no negative size."""
    rows = as_boxes(value, name)
    fine = (rows[:, 2:] >= 0).all(axis=1) & np.isfinite(rows).all(axis=1)
    if not fine.all():
        at = int(fine.argmin())
        raise ValueError(
            f"{name}[{at}]: got {rows[at].tolist()}, expected finite x, y, width >= 0, height >= 0"
        )
    return rows


def match_coco(
    predictions: ArrayLike,
    prediction_offsets: ArrayLike,
    scores: ArrayLike,
    labels: ArrayLike,
    label_offsets: ArrayLike,
    *,
    iou_thresholds: ArrayLike = 0.5,
    prediction_classes: ArrayLike | None = None,
    label_classes: ArrayLike | None = None,
    crowd: ArrayLike | None = None,
    ignore: ArrayLike | None = None,
    max_dets: int | None = 100,
    fmt: str = "xyxy",
) -> CocoMatches:
    """Greedy matching of predictions to labels, as COCO's evaluation does it.

    In each image and class the predictions, best score first, take the free label with the
    largest IoU that reaches the threshold. A crowd may be taken again and again, and what
    counts for it is the share of the prediction that lies in it. Labels to ignore, crowds
    among them, are taken only where no other fits, and their predictions are ignored too.
    Equal scores go by row; of equal IoU the later label wins. This is
    ``COCOeval.evaluateImg`` of pycocotools for the area range "all".

    Parameters
    ----------
    predictions, labels : array_like
        (P, 4) and (L, 4), sorted by image.
    prediction_offsets, label_offsets : array_like
        (images + 1,) integers: image i has rows ``offsets[i]`` to ``offsets[i + 1]``.
    scores : array_like
        (P,) without NaN.
    iou_thresholds : array_like
        One or T numbers from 0 to 1.
    prediction_classes, label_classes : array_like, optional
        (P,) and (L,) integers, both or none: only equal classes match.
    crowd : array_like, optional
        (L,) booleans: the label is a region of many objects.
    ignore : array_like, optional
        (L,) booleans: labels to ignore besides the crowds.
    max_dets : int or None
        How many predictions of an image and class are looked at, best first. Others are
        unmatched and ignored. None: all.
    fmt : {"xyxy", "xywh"}
        Two corners, or corner and size as in COCO's files: what is measured there is then
        ``x + w`` and ``w * h``, to the last digit as pycocotools has it.

    Returns
    -------
    CocoMatches
        For every threshold: the match of every prediction and label, and what is ignored.

    Raises
    ------
    ValueError
        For shapes or offsets that do not fit, invalid boxes, NaN scores, thresholds outside
        0 to 1, or classes of one side only.

    Examples
    --------
    >>> found = match_coco(
    ...     [[0, 0, 10, 10], [1, 0, 11, 10]], [0, 2], [0.8, 0.9], [[0, 0, 10, 10]], [0, 1]
    ... )
    >>> found.prediction_match.tolist(), found.label_match.tolist()
    ([[-1, 0]], [[1]])
    """
    from .._core import match_coco as native

    as_choice(fmt, "fmt", ("xyxy", "xywh"))
    if fmt == "xywh":
        p = _corners_and_sizes(predictions, "predictions")
        g = _corners_and_sizes(labels, "labels")
    else:
        p = as_boxes(predictions, "predictions", invalid="raise")
        g = as_boxes(labels, "labels", invalid="raise")
    p_offsets, g_offsets = _offsets(prediction_offsets, len(p), label_offsets, len(g))
    p_classes, g_classes = _classes(prediction_classes, len(p), label_classes, len(g))
    thresholds = np.atleast_1d(as_real(iou_thresholds, "iou_thresholds")).astype(np.float64)
    if thresholds.ndim != 1:
        raise ValueError(f"iou_thresholds: got shape {thresholds.shape}, expected (T,)")
    for k, value in enumerate(thresholds.tolist()):
        as_rate(value, f"iou_thresholds[{k}]")
    most = 0
    if max_dets is not None:
        most = as_whole(max_dets, "max_dets", "an integer from 1 on, or None for all")
        if not 1 <= most < 2**63:
            raise ValueError(f"max_dets: got {most}, expected at least 1, or None for all")
    matched, ignored, taken = native(
        p,
        p_offsets,
        p_classes,
        as_scores(scores, "scores", len(p)),
        g,
        g_offsets,
        g_classes,
        as_flags(crowd, "crowd", len(g)),
        as_flags(ignore, "ignore", len(g)),
        np.ascontiguousarray(thresholds),
        most,
        fmt == "xywh",
    )
    return CocoMatches(matched, ignored.view(np.bool_), taken)


def match_optimal(
    predictions: ArrayLike,
    prediction_offsets: ArrayLike,
    labels: ArrayLike,
    label_offsets: ArrayLike,
    *,
    iou_threshold: float = 0.5,
    prediction_classes: ArrayLike | None = None,
    label_classes: ArrayLike | None = None,
) -> OptimalMatches:
    """Optimal one-to-one matching: the pairs whose IoU sum is largest.

    In each image and class, of all ways to pair predictions with labels such that every pair's
    IoU is above 0 and at least the threshold, one with the largest sum of IoU, by the
    Hungarian method of ``scipy.optimize.linear_sum_assignment`` (Crouse 2016). It needs SciPy:
    ``pip install "fastlabel[match]"``.

    Parameters
    ----------
    predictions, labels : array_like
        (P, 4) and (L, 4) in ``xyxy``, sorted by image.
    prediction_offsets, label_offsets : array_like
        (images + 1,) integers: image i has rows ``offsets[i]`` to ``offsets[i + 1]``.
    iou_threshold : float
        Least IoU of a pair; 0 to 1.
    prediction_classes, label_classes : array_like, optional
        (P,) and (L,) integers, both or none: only equal classes match.

    Returns
    -------
    OptimalMatches
        The match of every prediction and label, and the IoU.

    Raises
    ------
    ImportError
        Without SciPy.
    ValueError
        As `match_coco`.

    Examples
    --------
    >>> found = match_optimal(
    ...     [[0, 0, 10, 10], [0, 0, 10, 6]], [0, 2], [[0, 0, 10, 8], [0, 0, 10, 12]], [0, 2]
    ... )
    >>> found.prediction_match.tolist(), found.iou.round(2).tolist()
    ([1, 0], [0.83, 0.75])
    """
    try:
        from scipy.optimize import linear_sum_assignment
    except ImportError as error:
        raise ImportError(
            'match_optimal needs SciPy, which is not installed: pip install "fastlabel[match]"'
        ) from error
    threshold = as_rate(iou_threshold, "iou_threshold")
    p = as_boxes(predictions, "predictions", invalid="raise").astype(np.float64)
    g = as_boxes(labels, "labels", invalid="raise").astype(np.float64)
    p_offsets, g_offsets = _offsets(prediction_offsets, len(p), label_offsets, len(g))
    p_classes, g_classes = _classes(prediction_classes, len(p), label_classes, len(g))
    found = OptimalMatches(
        np.full(len(p), -1, np.int64), np.full(len(g), -1, np.int64), np.zeros(len(p))
    )
    n, m = np.diff(p_offsets), np.diff(g_offsets)
    for first, last in _runs(n * m):
        at, to = int(p_offsets[first]), int(p_offsets[last])
        g_at, g_to = int(g_offsets[first]), int(g_offsets[last])
        iou, starts = ragged_iou(
            p[at:to],
            p_offsets[first : last + 1] - at,
            g[g_at:g_to],
            g_offsets[first : last + 1] - g_at,
        )
        cells = np.flatnonzero((iou >= threshold) & (iou > 0))
        # A prediction has as many cells as its image has labels.
        image_of = np.repeat(np.arange(first, last), n[first:last])
        ends = np.cumsum(m[image_of])
        i = np.searchsorted(ends, cells, side="right")
        image = image_of[i]
        j = g_offsets[image + 1] - (ends[i] - cells)
        same = p_classes[at + i] == g_classes[j]
        # What does not fit weighs nothing, like no pair: it is dropped afterwards.
        weights = np.zeros_like(iou)
        weights[cells[same]] = iou[cells[same]]
        for k in np.unique(image[same]).tolist():
            matrix = weights[starts[k - first] : starts[k - first + 1]].reshape(n[k], m[k])
            rows, columns = linear_sum_assignment(matrix, maximize=True)
            best = matrix[rows, columns]
            real = best > 0
            rows, columns = rows[real] + p_offsets[k], columns[real] + g_offsets[k]
            found.prediction_match[rows] = columns
            found.label_match[columns] = rows
            found.iou[rows] = best[real]
    return found


def _runs(sizes: NDArray[np.int64]) -> Iterator[tuple[int, int]]:
    """Runs of images with matrices of some MB in all: few calls, and memory that stays flat."""
    ends = np.cumsum(sizes)
    first = 0
    while first < len(sizes):
        done = int(ends[first - 1]) if first else 0
        last = max(int(np.searchsorted(ends, done + _RUN_CELLS, side="right")), first + 1)
        yield first, last
        first = last


def _offsets(
    predictions: ArrayLike, p: int, labels: ArrayLike, g: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    first = as_offsets(predictions, "prediction_offsets", p, "predictions")
    second = as_offsets(labels, "label_offsets", g, "labels")
    if len(first) != len(second):
        raise ValueError(
            f"label_offsets: got {len(second) - 1} images, prediction_offsets has {len(first) - 1}"
        )
    return first, second


def _classes(
    predictions: ArrayLike | None, p: int, labels: ArrayLike | None, g: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    if predictions is None and labels is None:
        return np.zeros(p, np.int64), np.zeros(g, np.int64)
    if predictions is None or labels is None:
        absent = "prediction_classes" if predictions is None else "label_classes"
        raise ValueError(f"{absent}: got None, expected the classes of both sides or of none")
    return as_classes(predictions, "prediction_classes", p), as_classes(labels, "label_classes", g)
