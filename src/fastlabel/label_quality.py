"""How likely each label, and each image, is wrong, by what models predict."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from . import schema
from .dataset import Dataset

if TYPE_CHECKING:
    from .predictions import Predictions

__all__ = ["LabelQuality", "label_quality"]

#: Kinds of errors that have a probability of their own.
KINDS = ("missing", "spurious", "swapped", "misplaced")

Floats = npt.NDArray[np.float64]


class LabelQuality(NamedTuple):
    """Probabilities of label errors, row by row.

    Attributes
    ----------
    images : pyarrow.Table
        ``image_id``; ``missing``, ``spurious``, ``swapped``, ``misplaced``: that the image has
        at least one such error; ``quality``: that it has none.
    labels : pyarrow.Table
        ``annotation_id``; ``spurious``, ``swapped``, ``misplaced``; ``judged``: false where no
        model looked at the image or knows the class, and where the label is a region.
    predictions : pyarrow.Table
        ``missing`` for each row of the predictions: that it is an object without a label.
    """

    images: pa.Table
    labels: pa.Table
    predictions: pa.Table


def label_quality(ds: Dataset, predictions: Predictions) -> LabelQuality:
    """Score labels and images by how likely they are wrong, the model's own errors allowed for.

    Parameters
    ----------
    ds : Dataset
        The labels.
    predictions : Predictions
        What models say, in the set's ids (:func:`fastlabel.read_predictions`).

    Returns
    -------
    LabelQuality
        What the findings FL701 to FL704 are made of, without a threshold. Errors of one image
        are taken for independent: it has none with the product of the chances.

    Examples
    --------
    >>> import tempfile
    >>> import fastlabel as fl
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = fl.make_sample(folder, format="coco")
    ...     ds = fl.read(folder)
    >>> seen = fl.Predictions.from_arrays(
    ...     ds, ds.column("annotations", "image_id"), ds.column("annotations", "category_id"),
    ...     ds.boxes(), [0.9] * ds.annotations.num_rows)
    >>> quality = fl.label_quality(ds, seen)
    >>> quality.images.column_names
    ['image_id', 'missing', 'spurious', 'swapped', 'misplaced', 'quality']
    """
    from .rules import Context
    from .rules.opinion import opinion

    context = Context(ds, schema.IMAGE_STATS.empty_table(), predictions=predictions)
    found = opinion(context)
    if found is None:
        raise TypeError("predictions: got None, expected Predictions")
    image_of = context.image_of
    of_prediction = predictions.column("image_id")
    by_kind = {
        kind: _any(of_prediction if kind == "missing" else image_of, getattr(found, kind), len(ds))
        for kind in KINDS
    }
    quality = np.prod([1 - p for p in by_kind.values()], axis=0)
    ids: dict[str, Any] = {"image_id": np.arange(len(ds))}
    labels: dict[str, Any] = {"annotation_id": np.arange(ds.annotations.num_rows)}
    labels |= {kind: getattr(found, kind) for kind in KINDS[1:]}
    return LabelQuality(
        pa.table(ids | by_kind | {"quality": quality}),
        pa.table(labels | {"judged": found.judged}),
        pa.table({"missing": found.missing}),
    )


def _any(image: npt.NDArray[np.int64], p: Floats, images: int) -> Floats:
    """Chance of at least one error in each image."""
    none = np.log1p(-np.minimum(p, 1 - 1e-12))
    return np.asarray(-np.expm1(np.bincount(image, none, minlength=images)))
