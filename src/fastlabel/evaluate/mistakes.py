"""What is wrong with predictions: a confusion matrix, and errors by their type.

The types are those of Bolya et al., "TIDE: A General Toolbox for Identifying Object Detection
Errors", 2020.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from .._scalars import as_number
from ..boxes import box_pairs_between, match_coco

if TYPE_CHECKING:
    from .coco import Evaluation

__all__ = ["ERROR_TYPES", "Confusion", "Mistakes", "best_score", "confusion", "mistakes"]

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]

#: Types of errors: of predictions, and last of labels that nothing accounts for.
ERROR_TYPES = ("class", "location", "both", "duplicate", "background", "missed")

#: IoU below which a prediction has to do with no label.
_BACKGROUND = 0.1


@dataclass(frozen=True)
class Confusion:
    """Labels against predictions, at one score.

    Attributes
    ----------
    matrix : numpy.ndarray
        (K + 1, K + 1) int64: row the label's class, column the prediction's; the last row holds
        predictions where no label is, the last column labels that were not found.
    names : tuple of str
        Of the classes.
    score : float
        Predictions with a lower one are left out.
    iou : float
    """

    matrix: IntArray
    names: tuple[str, ...]
    score: float
    iou: float

    def pairs(self, most: int = 10) -> list[tuple[str, str, int]]:
        """(label, predicted, count) of classes that were taken for another, most frequent first."""
        inner = self.matrix[:-1, :-1].copy()
        np.fill_diagonal(inner, 0)
        order = np.argsort(-inner, axis=None, kind="stable")[:most]
        found = [(*np.unravel_index(at, inner.shape), int(inner.flat[at])) for at in order]
        return [(self.names[int(a)], self.names[int(b)], n) for a, b, n in found if n]


@dataclass(frozen=True)
class Mistakes:
    """Every wrong prediction and missed label, by type.

    Attributes
    ----------
    table : pyarrow.Table
        One row a type of :data:`ERROR_TYPES`: ``type``, ``count`` at the score, and
        ``lost_ap``, by how much AP at this IoU would rise if these alone were mended, at any
        score.
    prediction_type : numpy.ndarray
        (predictions that took part,) int8: index into :data:`ERROR_TYPES`; -1 right or ignored.
    label_missed : numpy.ndarray
        (labels that took part,) bool, at the score.
    score, iou : float
    """

    table: pa.Table
    prediction_type: npt.NDArray[np.int8]
    label_missed: BoolArray
    score: float
    iou: float


def best_score(evaluation: Evaluation, iou: float = 0.5) -> float:
    """The score from which predictions are best taken: where F1 over all classes is largest.

    Parameters
    ----------
    evaluation : Evaluation
    iou : float
        One of its thresholds.

    Returns
    -------
    float
        0 where there is nothing right.
    """
    at = _threshold(evaluation, iou)
    counts = ~evaluation.ignored[at]
    scores = _scores(evaluation)[counts]
    right = evaluation.match[at][counts] >= 0
    if not right.any():
        return 0.0
    order = np.argsort(-scores, kind="stable")
    labels = int((~evaluation.aside).sum())
    found = np.cumsum(right[order])
    f1 = 2 * found / (np.arange(1, len(order) + 1) + labels)
    ends = np.append(np.flatnonzero(np.diff(scores[order]) != 0), len(order) - 1)
    return float(scores[order][ends[int(f1[ends].argmax())]])


def confusion(evaluation: Evaluation, *, score: float | None = None, iou: float = 0.5) -> Confusion:
    """Count which class was taken for which.

    Labels and predictions of one class are matched first, as the evaluation does it; what is
    left is matched over the classes.

    Parameters
    ----------
    evaluation : Evaluation
    score : float, optional
        Least score of a prediction; by default where F1 is largest, see :func:`best_score`.
    iou : float
        One of the evaluation's thresholds.

    Returns
    -------
    Confusion
    """
    least = best_score(evaluation, iou) if score is None else as_number(score, "score")
    at = _threshold(evaluation, iou)
    names = tuple(str(n) for n in evaluation.dataset.categories["name"].to_pylist())
    k = len(names)
    matrix = np.zeros((k + 1, k + 1), np.int64)
    labels, found = evaluation.labels, evaluation.found
    taking = (_scores(evaluation) >= least) & ~evaluation.ignored[at]
    right = taking & (evaluation.match[at] >= 0)
    np.add.at(matrix, (found.classes[right], found.classes[right]), 1)
    free_labels = ~evaluation.aside
    free_labels[evaluation.match[at][right]] = False
    free = taking & ~right
    rows, cols = np.flatnonzero(free_labels), np.flatnonzero(free)
    other = _match_any_class(evaluation, rows, cols, iou)
    met = other >= 0
    np.add.at(matrix, (labels.classes[rows[other[met]]], found.classes[cols[met]]), 1)
    np.add.at(matrix, (np.full(int((~met).sum()), k), found.classes[cols[~met]]), 1)
    missed = np.delete(rows, other[met])
    np.add.at(matrix, (labels.classes[missed], np.full(len(missed), k)), 1)
    return Confusion(matrix, names, least, iou)


def _match_any_class(
    evaluation: Evaluation, rows: IntArray, cols: IntArray, iou: float
) -> IntArray:
    """Of each of these predictions the place in `rows` of the label it meets, or -1."""
    labels, found = evaluation.labels, evaluation.found
    images = int(max(labels.images.max(initial=-1), found.images.max(initial=-1))) + 1
    row_order = np.argsort(labels.images[rows], kind="stable")
    col_order = np.argsort(found.images[cols], kind="stable")
    got = match_coco(
        found.boxes[cols[col_order]],
        _offsets(found.images[cols], images),
        _scores(evaluation)[cols[col_order]],
        labels.boxes[rows[row_order]],
        _offsets(labels.images[rows], images),
        iou_thresholds=iou,
        max_dets=None,
        fmt="xywh",
    ).prediction_match[0]
    out = np.full(len(cols), -1, np.int64)
    met = got >= 0
    out[col_order[met]] = row_order[got[met]]
    return out


def mistakes(evaluation: Evaluation, *, score: float | None = None, iou: float = 0.5) -> Mistakes:
    """Tell what is wrong with each prediction, and what that costs.

    Parameters
    ----------
    evaluation : Evaluation
    score : float, optional
        From which score on errors are counted; by default where F1 is largest.
    iou : float
        One of the evaluation's thresholds.

    Returns
    -------
    Mistakes
        A wrong prediction is of the first type that fits: ``location``, its class is right and
        its IoU with a label of it from 0.1 to below ``iou``; ``class``, IoU of ``iou`` and more
        with a label of another class; ``duplicate``, with one of its own that a better
        prediction has; ``background``, below 0.1 with all; else ``both``. ``missed`` are labels
        that were not found and that no wrong class or location accounts for.
    """
    least = best_score(evaluation, iou) if score is None else as_number(score, "score")
    at = _threshold(evaluation, iou)
    near = _Near(evaluation, iou)
    match, ignored = evaluation.match[at], evaluation.ignored[at]
    wrong = (match < 0) & ~ignored
    kind = near.types(wrong)
    counted = _scores(evaluation) >= least
    found = np.zeros(len(evaluation.labels.rows), bool)
    right = counted & (match >= 0) & ~ignored
    found[match[right]] = True
    found[near.label[counted & wrong & ((kind == 0) | (kind == 1))]] = True
    missed = ~found & ~evaluation.aside
    base = _ap(evaluation, iou)
    rows = []
    for number, name in enumerate(ERROR_TYPES):
        mine = missed if name == "missed" else counted & (kind == number)
        mended = near.mended(number, kind, match, ignored)
        rows.append({"type": name, "count": int(mine.sum()), "lost_ap": mended - base})
    kinds = [("type", pa.string()), ("count", pa.int64()), ("lost_ap", pa.float64())]
    table = pa.Table.from_pylist(rows, schema=pa.schema(kinds))
    return Mistakes(table, kind, missed, least, iou)


class _Near:
    """Which label each prediction is nearest to, of its own class and of the others."""

    def __init__(self, evaluation: Evaluation, iou: float) -> None:
        self.evaluation, self.iou = evaluation, iou
        labels, found = evaluation.labels, evaluation.found
        images = int(max(labels.images.max(initial=-1), found.images.max(initial=-1))) + 1
        places = np.flatnonzero(~evaluation.aside)
        rows = places[np.argsort(labels.images[places], kind="stable")]
        cols = np.argsort(found.images, kind="stable")
        pairs = box_pairs_between(
            _corners(found.boxes[cols]),
            _corners(labels.boxes[rows]),
            _BACKGROUND,
            offsets1=_offsets(found.images, images),
            offsets2=_offsets(labels.images[places], images),
            invalid="zero",
        )
        p, g, overlap = cols[pairs[0]], rows[pairs[1]], np.asarray(pairs[2])
        own = found.classes[p] == labels.classes[g]
        count = len(found.rows)
        self.own, self.own_label = _best(p[own], g[own], overlap[own], count)
        self.other, self.other_label = _best(p[~own], g[~own], overlap[~own], count)
        self.label = np.full(count, -1, np.int64)

    def types(self, wrong: BoolArray) -> npt.NDArray[np.int8]:
        kind = np.full(len(wrong), -1, np.int8)
        location = (self.own >= _BACKGROUND) & (self.own < self.iou)
        own = self.own >= self.iou
        other = self.other >= self.iou
        background = np.maximum(self.own, self.other) < _BACKGROUND
        for number, here in enumerate((other, location, None, own, background)):
            if here is None:
                kind[wrong] = number  # both: what none of the others is
        for number, here in ((4, background), (3, own), (0, other), (1, location)):
            kind[wrong & here] = number
        self.label = np.where(kind == 0, self.other_label, self.own_label)
        return kind

    def mended(
        self, number: int, kind: npt.NDArray[np.int8], match: IntArray, ignored: BoolArray
    ) -> float:
        """AP with the errors of one type mended."""
        e = self.evaluation
        name = ERROR_TYPES[number]
        if name == "missed":
            gone = np.ones(len(e.labels.rows), bool)
            gone[match[(match >= 0) & ~ignored]] = False
            gone[self.label[(kind == 0) | (kind == 1)]] = False
            left = ~(gone & ~e.aside)
            if gone.any() and not (left & ~e.aside).any():
                return 1.0  # no label is left that is not found
            return _ap(e, self.iou, labels=left)
        mine = np.flatnonzero(kind == number)
        keep = np.ones(len(kind), bool)
        boxes, classes = e.found.boxes, e.found.classes
        keep[mine] = False
        if name in ("class", "location"):
            boxes, classes = boxes.copy(), classes.copy()
            target = self.label[mine]
            taken = np.zeros(len(e.labels.rows), bool)
            taken[match[(match >= 0) & ~ignored]] = True
            # The best prediction of each label that nobody has yet is put right.
            order = np.argsort(-_scores(e)[mine], kind="stable")
            first = np.unique(target[order], return_index=True)[1]
            chosen = order[first]
            chosen = chosen[~taken[target[chosen]]]
            keep[mine[chosen]] = True
            boxes[mine[chosen]] = e.labels.boxes[target[chosen]]
            classes[mine[chosen]] = e.labels.classes[target[chosen]]
        return _ap(e, self.iou, keep=keep, boxes=boxes, classes=classes)


def _best(p: IntArray, g: IntArray, overlap: FloatArray, count: int) -> tuple[FloatArray, IntArray]:
    """The largest overlap of each prediction, and whose it is."""
    value, label = np.zeros(count), np.full(count, -1, np.int64)
    order = np.lexsort((-g, overlap))  # the last one written is the largest, the first label of it
    value[p[order]] = overlap[order]
    label[p[order]] = g[order]
    return value, label


def _corners(boxes: FloatArray) -> FloatArray:
    return np.concatenate([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], axis=1)


def _offsets(images: IntArray, count: int) -> IntArray:
    return np.concatenate([[0], np.cumsum(np.bincount(images, minlength=count))])


def _scores(evaluation: Evaluation) -> FloatArray:
    return np.asarray(evaluation.predictions.column("score"))[evaluation.found.rows]


def _threshold(evaluation: Evaluation, iou: float) -> int:
    at = np.flatnonzero(np.isclose(evaluation.iou_thresholds, iou))
    if not len(at):
        raise ValueError(f"iou: got {iou}, evaluated were {evaluation.iou_thresholds.tolist()}")
    return int(at[0])


def _ap(
    evaluation: Evaluation,
    iou: float,
    *,
    keep: BoolArray | None = None,
    boxes: FloatArray | None = None,
    classes: IntArray | None = None,
    labels: BoolArray | None = None,
) -> float:
    """AP at one IoU, with some rows changed or left out."""
    from .._core import evaluate as native

    g, p = evaluation.labels, evaluation.found
    few = slice(None) if keep is None else keep
    some = slice(None) if labels is None else labels
    boxes = p.boxes if boxes is None else boxes
    classes = p.classes if classes is None else classes
    regions = evaluation.regions[some]
    precision = native(
        np.ascontiguousarray(boxes[few]),
        np.ascontiguousarray(_scores(evaluation)[few]),
        p.images[few],
        classes[few],
        np.ascontiguousarray(g.boxes[some]),
        None,
        g.images[some],
        g.classes[some],
        regions.view(np.uint8),
        (evaluation.aside[some] & ~regions).view(np.uint8),
        int(max(g.images.max(initial=-1), p.images.max(initial=-1))) + 1,
        evaluation.dataset.categories.num_rows,
        np.array([iou], np.float64),
        evaluation.recalls,
        np.array([[-np.inf, np.inf]]),
        evaluation.max_dets[-1:],
        True,
        False,
        0,
    )["precision"]
    known = precision[precision > -1]
    return float(known.mean()) if known.size else 0.0
