"""The predictions of one model or several as one table, in the ids of a data set."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from .. import schema
from .._arrays import as_boxes, to_numpy
from ..dataset import Dataset, as_numpy

__all__ = ["Predictions", "no_problems"]


def no_problems() -> pa.Table:
    """An empty table of problems."""
    return schema.PROBLEMS.empty_table()


@dataclass(frozen=True, eq=False)
class Predictions:
    """What one model or several say is in the pictures of a data set.

    Attributes
    ----------
    table : pyarrow.Table
        As ``fastlabel.schema.PREDICTIONS`` describes it, in the order of the source, one model
        after the other. Boxes are continuous pixels of the image, never clipped.
    models : tuple of str
        Name of each model; ``table["model"]`` counts them.
    knows : tuple of numpy.ndarray
        int32, of each model the ``category_id`` of every class it can say at all, rising. Of
        other classes its silence means nothing.
    seen : tuple of numpy.ndarray
        int64, of each model the ``image_id`` of every image it looked at, rising, also of those
        where it found nothing.
    problems : pyarrow.Table
        What the reader met, as ``Dataset.problems``.
    """

    table: pa.Table
    models: tuple[str, ...]
    knows: tuple[NDArray[np.int32], ...]
    seen: tuple[NDArray[np.int64], ...]
    problems: pa.Table

    def __post_init__(self) -> None:
        if not len(self.models) == len(self.knows) == len(self.seen):
            raise ValueError(
                f"knows, seen: got {len(self.knows)} and {len(self.seen)}, expected one of each "
                f"of the {len(self.models)} models"
            )
        table = self.table
        if not table.schema.equals(schema.PREDICTIONS):
            table = table.select(schema.PREDICTIONS.names).cast(schema.PREDICTIONS)
        # One chunk a column: as_numpy then never copies.
        object.__setattr__(self, "table", table.combine_chunks())
        object.__setattr__(self, "knows", tuple(_rising(ids, np.int32) for ids in self.knows))
        object.__setattr__(self, "seen", tuple(_rising(ids, np.int64) for ids in self.seen))

    def __len__(self) -> int:
        return int(self.table.num_rows)

    def __repr__(self) -> str:
        models = f"{len(self.models)} models" if len(self.models) != 1 else self.models[0]
        images = len(np.unique(np.concatenate(self.seen))) if self.seen else 0
        return f"Predictions({models}: {len(self):,} boxes in {images:,} images)"

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """The table as an Arrow C stream."""
        return self.table.__arrow_c_stream__(requested_schema)

    def column(self, name: str) -> NDArray[Any]:
        """One column as NumPy, zero-copy; ``category_id`` with -1 where it is null."""
        column = self.table[name]
        if name == "category_id" and column.null_count:
            column = column.fill_null(-1)
        return as_numpy(column)

    def boxes(self) -> NDArray[np.float64]:
        """All boxes, (N, 4) float64 ``xyxy``, a copy, in row order."""
        return np.stack([self.column(name) for name in ("x1", "y1", "x2", "y2")], axis=1)

    def by_image(self, images: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Order the rows by image, for the kernels on ragged lists.

        Parameters
        ----------
        images : int
            How many images the set has.

        Returns
        -------
        order : numpy.ndarray
            (N,) int64, rows by ``image_id``, those of one image as they stand.
        offsets : numpy.ndarray
            (images + 1,) int64: image i has ``order[offsets[i]:offsets[i + 1]]``.
        """
        ids = self.column("image_id")
        offsets = np.zeros(images + 1, np.int64)
        np.cumsum(np.bincount(ids, minlength=images), out=offsets[1:])
        if bool(np.all(ids[1:] >= ids[:-1])):
            return np.arange(len(ids), dtype=np.int64), offsets
        return np.argsort(ids, kind="stable"), offsets

    @classmethod
    def from_arrays(
        cls,
        ds: Dataset,
        image_ids: Any,
        category_ids: Any,
        boxes: Any,
        scores: Any,
        *,
        model: Any = None,
        models: Sequence[str] = ("arrays",),
        knows: Sequence[Any] | None = None,
        seen: Sequence[Any] | None = None,
        names: Sequence[str] | None = None,
    ) -> Predictions:
        """Make predictions of arrays in the set's own ids.

        Parameters
        ----------
        ds : Dataset
            The set.
        image_ids : array_like
            (N,) integers, each a row of ``ds.images``.
        category_ids : array_like
            (N,) integers, each a row of ``ds.categories``; -1: a class the set does not have.
        boxes : array_like
            (N, 4) ``xyxy``, continuous pixels.
        scores : array_like
            (N,) numbers from 0 to 1.
        model : array_like, optional
            (N,) integers, which of `models` said each; by default the first.
        models : sequence of str
            Names of the models.
        knows, seen : sequence of array_like, optional
            Of each model its classes and images; by default all.
        names : sequence of str, optional
            (N,) the class of each as the model says it; by default the set's name.

        Raises
        ------
        ValueError
            For shapes that do not fit, ids that are none of the set's, or scores outside 0..1.

        Examples
        --------
        >>> import fastlabel as fl
        >>> _ = fl.make_sample("drawn", format="coco")
        >>> ds = fl.read("drawn")
        >>> fl.Predictions.from_arrays(ds, [0], [1], [[10, 10, 50, 40]], [0.9])
        Predictions(arrays: 1 boxes in 64 images)
        """
        corners = np.asarray(as_boxes(boxes, "boxes"), np.float64)
        n = len(corners)
        image = _ids(image_ids, "image_ids", n, 0, len(ds))
        category = _ids(category_ids, "category_ids", n, -1, ds.categories.num_rows)
        which = np.zeros(n, np.int64) if model is None else _ids(model, "model", n, 0, len(models))
        score = np.asarray(to_numpy(scores, "scores"), np.float64)
        if score.shape != (n,):
            raise ValueError(f"scores: got shape {score.shape}, expected ({n},)")
        wrong = np.flatnonzero(~((score >= 0) & (score <= 1)))
        if len(wrong):
            raise ValueError(
                f"scores: got {score[wrong[0]]} at {wrong[0]}, expected numbers from 0 to 1"
            )
        if names is None:
            own = [str(name) for name in ds.categories["name"].to_pylist()]
            said = pa.DictionaryArray.from_arrays(
                pa.array(category.astype(np.int32), mask=category < 0), pa.array(own, pa.string())
            )
        else:
            said = pa.array(list(names), pa.string()).dictionary_encode()
        columns = {
            "image_id": pa.array(image),
            "category_id": pa.array(category.astype(np.int32), mask=category < 0),
            "name": said,
            **{
                c: pa.array(np.ascontiguousarray(corners[:, k]))
                for k, c in enumerate(("x1", "y1", "x2", "y2"))
            },
            "score": pa.array(np.ascontiguousarray(score)),
            "model": pa.array(which.astype(np.int32)),
            "origin": pa.nulls(n, pa.string()),
        }
        everything = [np.arange(ds.categories.num_rows)] * len(models)
        everywhere = [np.arange(len(ds))] * len(models)
        return cls(
            pa.Table.from_pydict(columns, schema=schema.PREDICTIONS),
            tuple(models),
            tuple(everything if knows is None else knows),
            tuple(everywhere if seen is None else seen),
            no_problems(),
        )


def _ids(value: Any, name: str, n: int, low: int, high: int) -> NDArray[np.int64]:
    array = to_numpy(value, name)
    if array.shape != (n,):
        raise ValueError(f"{name}: got shape {array.shape}, expected ({n},)")
    if n and array.dtype.kind not in "iu":
        raise TypeError(f"{name}: got {array.dtype}, expected integers")
    ids = array.astype(np.int64)
    wrong = np.flatnonzero((ids < low) | (ids >= high))
    if len(wrong):
        raise ValueError(f"{name}: got {ids[wrong[0]]} at {wrong[0]}, expected {low} to {high - 1}")
    return ids


def _rising(ids: Any, dtype: Any) -> NDArray[Any]:
    return np.unique(np.asarray(ids, dtype))
