"""Which prediction says which label: the facts that the FL7 rules judge, without any judgement."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .context import Bools, Floats, Ints

__all__ = ["Facts", "pair_up"]

#: Least IoU of a prediction with a label of its class to be one object, however badly drawn.
NEAR = 0.1
#: Least IoU of a prediction with a label of another class to be one object.
PLACED = 0.5
#: How much the same class weighs against IoU when two predictions want one label.
SAME = 0.3


@dataclass(frozen=True)
class Facts:
    """How the predictions of one model lie to the labels, row by row.

    Attributes
    ----------
    own : numpy.ndarray
        Of each label, the prediction of its class that stands for it, one to one; else -1.
    own_iou : numpy.ndarray
        Its IoU; 0 without one.
    same : numpy.ndarray
        Of each label, the highest score of its class in its place (IoU from 0.5); 0: none.
    other, other_score : numpy.ndarray
        Of each label, the prediction of another class in its place with the highest score,
        that stands for no label of its own class; -1 and 0: none.
    label : numpy.ndarray
        Of each prediction, the label that it stands for, of any class; else -1.
    agrees : numpy.ndarray
        Predictions whose label has their class.
    iou : numpy.ndarray
        Of each prediction with its label.
    touch : numpy.ndarray
        Of each prediction, the highest IoU with another label.
    inside : numpy.ndarray
        Of each prediction, the largest share of it that lies in another label.
    higher : numpy.ndarray
        Of each prediction, the highest IoU with one of a higher score.
    """

    own: Ints
    own_iou: Floats
    same: Floats
    other: Ints
    other_score: Floats
    label: Ints
    agrees: Bools
    iou: Floats
    touch: Floats
    inside: Floats
    higher: Floats


def pair_up(
    boxes: Floats,
    classes: Ints,
    offsets: Ints,
    predicted: Floats,
    said: Ints,
    scores: Floats,
    starts: Ints,
) -> Facts:
    """Pair labels and predictions, image by image.

    Parameters
    ----------
    boxes, classes, offsets
        (N, 4) ``xyxy``, (N,) and (images + 1,): the labels, sorted by image.
    predicted, said, scores, starts
        The predictions, likewise, with their scores.
    """
    from ..boxes import box_pairs, box_pairs_between

    n, m = len(boxes), len(predicted)
    g, p, iou = box_pairs_between(
        boxes, predicted, 1e-9, offsets1=offsets, offsets2=starts, invalid="zero"
    )
    same = classes[g] == said[p]
    able = (iou >= PLACED) | (same & (iou >= NEAR))
    key = np.where(able, (iou + SAME * same) * (0.25 + 0.75 * scores[p]), -1.0)
    label, match = _greedy(n, m, g, p, key)
    own = np.full(n, -1, np.int64)
    own_iou, iou_of, agrees = np.zeros(n), np.zeros(m), np.zeros(m, np.bool_)
    chosen = match[g] == p
    iou_of[p[chosen]] = iou[chosen]
    agrees[p[chosen]] = same[chosen]
    good = chosen & same
    own[g[good]], own_iou[g[good]] = p[good], iou[good]

    placed = iou >= PLACED
    best_same = np.zeros(n)
    np.maximum.at(best_same, g[placed & same], scores[p[placed & same]])
    rival = placed & ~same & ~(agrees[p] & (label[p] != g))
    other, other_score = np.full(n, -1, np.int64), np.zeros(n)
    at = np.flatnonzero(rival)
    at = at[np.argsort(scores[p[at]], kind="stable")]
    other[g[at]], other_score[g[at]] = p[at], scores[p[at]]

    touch, inside = np.zeros(m), np.zeros(m)
    foreign = label[p] != g
    np.maximum.at(touch, p[foreign], iou[foreign])
    a, b = boxes[g[foreign]], predicted[p[foreign]]
    w = np.minimum(a[:, 2], b[:, 2]) - np.maximum(a[:, 0], b[:, 0])
    h = np.minimum(a[:, 3], b[:, 3]) - np.maximum(a[:, 1], b[:, 1])
    area = (b[:, 2] - b[:, 0]) * (b[:, 3] - b[:, 1])
    np.maximum.at(inside, p[foreign], w * h / area)
    i, j, between = box_pairs(predicted, starts, 0.05, invalid="zero")
    low = np.where((scores[i] < scores[j]) | ((scores[i] == scores[j]) & (i > j)), i, j)
    higher = np.zeros(m)
    np.maximum.at(higher, low, between)
    return Facts(
        own, own_iou, best_same, other, other_score, label, agrees, iou_of, touch, inside, higher
    )


def _greedy(n: int, m: int, g: Ints, p: Ints, key: Floats) -> tuple[Ints, Ints]:
    """One-to-one pairs by falling key: in each round those that are the best of both sides."""
    label, match = np.full(m, -1, np.int64), np.full(n, -1, np.int64)
    left = np.flatnonzero(key > 0)
    left = left[np.lexsort((p[left], g[left], -key[left]))]
    while len(left):
        first_g, first_p = np.full(n, len(left)), np.full(m, len(left))
        rank = np.arange(len(left))
        np.minimum.at(first_g, g[left], rank)
        np.minimum.at(first_p, p[left], rank)
        best = (first_g[g[left]] == rank) & (first_p[p[left]] == rank)
        label[p[left[best]]], match[g[left[best]]] = g[left[best]], p[left[best]]
        left = left[(label[p[left]] < 0) & (match[g[left]] < 0)]
    return label, match
