"""Which prediction says which label: the facts that the FL7 rules judge, without any judgement."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .context import Bools, Floats, Ints

__all__ = ["Facts", "pair_up"]

Counts = npt.NDArray[np.int32]


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
        that stands for no other label of its own class; -1 and 0: none.
    parts : numpy.ndarray
        Of each label, the predictions of its class that lie inside it and not in its place.
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
    wholes : numpy.ndarray
        Of each prediction, the labels of its class that lie inside it and not in its place.
    """

    own: Ints
    own_iou: Floats
    same: Floats
    other: Ints
    other_score: Floats
    parts: Counts
    label: Ints
    agrees: Bools
    iou: Floats
    touch: Floats
    inside: Floats
    higher: Floats
    wholes: Counts

    @property
    def nearest(self) -> Ints:
        """Of each label, the prediction that tells where its object ends; -1: none."""
        return np.where(self.own >= 0, self.own, self.other)


def pair_up(
    boxes: Floats,
    classes: Ints,
    offsets: Ints,
    predicted: Floats,
    said: Ints,
    scores: Floats,
    starts: Ints,
    workers: int = 0,
) -> Facts:
    """Pair labels and predictions, image by image.

    Parameters
    ----------
    boxes, classes, offsets
        (N, 4) ``xyxy``, (N,) and (images + 1,): the labels, sorted by image; -1 is no class.
    predicted, said, scores, starts
        The predictions, likewise, with their scores from 0 to 1.
    workers : int
        Threads; 0 means one a CPU. The result does not depend on it.
    """
    from .._core import pair_predictions

    return Facts(
        **pair_predictions(boxes, classes, offsets, predicted, said, scores, starts, workers)
    )
