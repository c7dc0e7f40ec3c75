"""Labels and predictions of a data set as the arrays that the evaluation takes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ..dataset import Dataset, DatasetError

if TYPE_CHECKING:
    from ..predictions import Predictions

__all__ = ["Rows", "image_order", "label_rows", "prediction_rows", "sides"]

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]

#: Decimals that a side may have in a file; of more it is the difference of its corners.
_DECIMALS = (2, 4, 6, 9)


@dataclass(frozen=True)
class Rows:
    """The rows of one side that take part.

    Attributes
    ----------
    rows : numpy.ndarray
        Where they stand in their table.
    boxes : numpy.ndarray
        (N, 4) ``xywh``, contiguous.
    images : numpy.ndarray
        Place of each one's image in the order of the evaluation.
    classes : numpy.ndarray
        ``category_id``.
    left_out : int
        Rows of these images whose box or class is not known.
    """

    rows: IntArray
    boxes: FloatArray
    images: IntArray
    classes: IntArray
    left_out: int


def sides(boxes: FloatArray) -> FloatArray:
    """Corners as corner and size, the sizes as a file has most likely given them.

    COCO's files say width and height, and ``(x + w) - x`` is not ``w`` to the last bit. A box
    whose IoU is exactly at a threshold would then fall on the other side of it. So a side is the
    decimal of up to nine digits that gives the corner back.
    """
    low, high = boxes[:, :2], boxes[:, 2:]
    exact = high - low
    found = np.round(exact, _DECIMALS[0])
    wrong = low + found != high
    for digits in _DECIMALS[1:]:
        if not wrong.any():
            break
        found[wrong] = np.round(exact[wrong], digits)
        wrong = low + found != high
    found[wrong] = exact[wrong]
    return np.ascontiguousarray(np.concatenate([low, found], axis=1))


def image_order(dataset: Dataset, wanted: BoolArray) -> IntArray:
    """Place of each image in the order of the evaluation, -1 of those that are not wanted.

    Of equal scores in two images the order decides. It is that of the source's ids, as numbers
    where all are numbers: COCO's evaluation sorts them.
    """
    ids = dataset.images["source_id"].to_pylist()
    rows = np.flatnonzero(wanted).tolist()
    if all(ids[row] is not None for row in rows):
        numbers = all(ids[row].isascii() and ids[row].isdigit() for row in rows)
        rows.sort(key=(lambda row: int(ids[row])) if numbers else (lambda row: ids[row]))
    place = np.full(len(ids), -1, np.int64)
    place[rows] = np.arange(len(rows))
    return place


def label_rows(dataset: Dataset, place: IntArray) -> Rows:
    """The labels whose box and class are known."""
    table = dataset.annotations
    classes = np.asarray(table["category_id"].fill_null(-1).to_numpy(), np.int64)
    return _rows(dataset.boxes(), place[dataset.column("annotations", "image_id")], classes)


def prediction_rows(predictions: Predictions, place: IntArray, chosen: BoolArray) -> Rows:
    """The predictions of the chosen rows whose class the set has."""
    images = np.where(chosen, place[predictions.column("image_id")], -1)
    classes = np.asarray(predictions.column("category_id"), np.int64)
    return _rows(predictions.boxes(), images, classes)


def _rows(boxes: FloatArray, images: IntArray, classes: IntArray) -> Rows:
    here = images >= 0
    known = here & (classes >= 0) & np.isfinite(boxes).all(axis=1)
    rows = np.flatnonzero(known)
    if len(rows) == len(boxes):
        return Rows(rows, sides(boxes), images, classes, 0)
    left_out = int(here.sum()) - len(rows)
    return Rows(rows, sides(boxes[rows]), images[rows], classes[rows], left_out)


def model_rows(predictions: Predictions, model: str | int | None) -> BoolArray:
    """The rows of one model, or of all where no two looked at the same image."""
    count = len(predictions.models)
    which = predictions.column("model")
    if model is None:
        if count > 1:
            seen = np.concatenate(predictions.seen)
            if len(np.unique(seen)) < len(seen):
                raise DatasetError(
                    f"predictions of {count} models that looked at the same images: "
                    f"{', '.join(predictions.models)}; choose one with model (--model)"
                )
        return np.ones(len(which), bool)
    if isinstance(model, str):
        if model not in predictions.models:
            raise DatasetError(
                f"model: got {model!r}, the predictions are of {', '.join(predictions.models)}"
            )
        model = predictions.models.index(model)
    if not 0 <= model < count:
        raise DatasetError(f"model: got {model}, expected 0 to {count - 1}")
    return np.asarray(which == model)
