"""The annotation tables of one data set.

A :class:`Dataset` is three Arrow tables and a list of what the reader met on the
way. It is what every format is read into, and what rules, scan and writers take.
"""

from __future__ import annotations

import html
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from . import schema
from ._errors import DatasetError
from .source import ImageSource

__all__ = ["Dataset", "DatasetError", "as_numpy", "null_column"]


def as_numpy(column: pa.ChunkedArray | pa.Array) -> np.ndarray[Any, Any]:
    """A column as a NumPy array, without a copy where Arrow allows it.

    Parameters
    ----------
    column : pyarrow.ChunkedArray or pyarrow.Array
        A column of numbers. Its values are viewed as they stand in memory, so a null
        shows the value beneath it (readers put NaN under a null float).

    Returns
    -------
    numpy.ndarray
        Read-only and zero-copy for a single chunk of a primitive type; otherwise a copy.
    """
    if isinstance(column, pa.ChunkedArray):
        column = column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()
        if isinstance(column, pa.ChunkedArray):  # zero chunks
            column = pa.array([], type=column.type)
    if pa.types.is_primitive(column.type) and not pa.types.is_boolean(column.type):
        buffer = column.buffers()[1]
        dtype = np.dtype(column.type.to_pandas_dtype())
        if buffer is None or len(column) == 0:
            return np.empty(0, dtype)
        return np.frombuffer(buffer, dtype, len(column), column.offset * dtype.itemsize)
    return np.asarray(column.to_numpy(zero_copy_only=False))


def null_column(rows: int, kind: pa.DataType) -> pa.Array:
    """A column of nulls whose values are pages that nothing was written to.

    An optional column of ten million boxes that a format does not have would otherwise cost
    as much memory as one that it has. (``pyarrow.nulls`` writes the zeros.) The buffers are of
    full length, so whoever takes the column reads it like any other.
    """
    mask = _zeros((rows + 7) // 8)
    if pa.types.is_struct(kind):
        children = [null_column(rows, field.type) for field in kind]
        return pa.Array.from_buffers(kind, rows, [mask], rows, children=children)
    if pa.types.is_fixed_size_list(kind):
        values = null_column(rows * kind.list_size, kind.value_type)
        return pa.Array.from_buffers(kind, rows, [mask], rows, children=[values])
    if pa.types.is_string(kind):
        buffers = [mask, _zeros(4 * (rows + 1)), pa.py_buffer(b"")]
        return pa.Array.from_buffers(kind, rows, buffers, rows)
    if not pa.types.is_primitive(kind):
        return pa.nulls(rows, kind)
    return pa.Array.from_buffers(kind, rows, [mask, _zeros((rows * kind.bit_width + 7) // 8)], rows)


def _combined(table: pa.Table) -> pa.Table:
    """One chunk a column: :func:`as_numpy` then never copies. Nulls alone are not copied."""
    for at, column in enumerate(table.columns):
        if column.num_chunks > 1 and column.null_count == len(column):
            field = table.schema.field(at)
            table = table.set_column(at, field, null_column(len(column), field.type))
    return table.combine_chunks()


def _zeros(size: int) -> pa.Buffer:
    return pa.py_buffer(np.zeros(size, np.uint8))


@dataclass(frozen=True, eq=False)
class Dataset:
    """A labelled (or unlabelled) vision data set as Arrow tables.

    Attributes
    ----------
    images, annotations, categories : pyarrow.Table
        As :mod:`fastlabel.schema` describes them. ``image_id``, ``annotation_id`` and
        ``category_id`` are dense: each equals its row number.
    problems : pyarrow.Table
        What the reader met that no row can hold (malformed rows, duplicate ids, ...).
    root : pathlib.Path
        The folder that ``images.path`` and every ``origin.file`` are relative to.
    format : str
        ``coco``, ``yolo``, ``voc`` or ``images``.
    meta : dict
        What the reader decided or was told: coordinate convention, label files,
        declared and absent splits. Plain JSON values.
    source : ImageSource, optional
        Where the pictures are read from, by ``images.path``. None: files below ``root``.
    """

    images: pa.Table
    annotations: pa.Table
    categories: pa.Table
    problems: pa.Table
    root: Path
    format: str
    meta: Mapping[str, Any] = field(default_factory=dict)
    source: ImageSource | None = None

    def __post_init__(self) -> None:
        for name, wanted in (
            ("images", schema.IMAGES),
            ("annotations", schema.ANNOTATIONS),
            ("categories", schema.CATEGORIES),
            ("problems", schema.PROBLEMS),
        ):
            table: pa.Table = getattr(self, name)
            if not table.schema.equals(wanted):
                table = table.select(wanted.names).cast(wanted)
            object.__setattr__(self, name, _combined(table))

    def __len__(self) -> int:
        return int(self.images.num_rows)

    def __repr__(self) -> str:
        return (
            f"Dataset({self.format}: {self.images.num_rows:,} images, "
            f"{self.annotations.num_rows:,} boxes, {self.categories.num_rows:,} classes)"
        )

    def _repr_html_(self) -> str:
        counts = self.category_counts()
        names = self.categories["name"].to_pylist()
        rows = "".join(
            f"<tr><td>{html.escape(str(name))}</td><td>{count:,}</td></tr>"
            for name, count in list(zip(names, counts, strict=True))[:20]
        )
        more = len(names) - 20
        tail = f"<tr><td colspan=2>and {more:,} more classes</td></tr>" if more > 0 else ""
        return (
            f"<p><b>{html.escape(repr(self))}</b></p>"
            f"<table><tr><th>class</th><th>boxes</th></tr>{rows}{tail}</table>"
        )

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """The annotations table as an Arrow C stream (the other tables have their own)."""
        return self.annotations.__arrow_c_stream__(requested_schema)

    def with_files(self) -> Dataset:
        """Give the set itself, for those who need its pictures as files below the root.

        Raises
        ------
        DatasetError
            If they come from an image source.
        """
        if self.source is not None:
            raise DatasetError(
                f"{self.root}: its pictures are read from {self.source.identity[:200]!r}, and here "
                "they are needed as files: unpack or copy them beside the labels first"
            )
        return self

    def boxes(self, fmt: str = "xyxy") -> np.ndarray[Any, np.dtype[np.float64]]:
        """All boxes as one array.

        Parameters
        ----------
        fmt : {"xyxy", "xywh", "cxcywh"}
            Convention of the result, in continuous pixels.

        Returns
        -------
        numpy.ndarray
            (N, 4) float64, a copy, in row order. NaN where a box is unknown.
        """
        from .boxes import box_convert

        stacked = np.stack([as_numpy(self.annotations[c]) for c in ("x1", "y1", "x2", "y2")], 1)
        return stacked if fmt == "xyxy" else box_convert(stacked, "xyxy", fmt, invalid="keep")

    def column(self, table: str, name: str) -> np.ndarray[Any, Any]:
        """One column of ``images``, ``annotations`` or ``categories`` as NumPy, zero-copy."""
        if table not in ("images", "annotations", "categories", "problems"):
            raise ValueError(
                f"table: got {table!r}, expected images, annotations, categories or problems"
            )
        return as_numpy(getattr(self, table)[name])

    def category_counts(self) -> np.ndarray[Any, np.dtype[np.int64]]:
        """Number of boxes of each category, (categories,) int64, unknown classes left out."""
        counts = np.zeros(self.categories.num_rows, np.int64)
        ids = self.annotations["category_id"]
        for at in range(0, len(ids), 1 << 20):  # bincount takes a copy in 64 bits
            some = as_numpy(ids.slice(at, 1 << 20).drop_null())
            counts += np.bincount(some, minlength=len(counts))
        return counts

    def annotations_of(self, image_id: int) -> pa.Table:
        """The rows of ``annotations`` that belong to one image."""
        return self.annotations.filter(pa.array(self.column("annotations", "image_id") == image_id))

    def with_images_named(self) -> pa.Table:
        """``annotations`` with each row's file name, split and class name joined on."""
        image = self.annotations["image_id"]
        return (
            self.annotations.append_column("file_name", self.images["file_name"].take(image))
            .append_column("split", self.images["split"].take(image))
            .append_column(
                "category", self.categories["name"].take(self.annotations["category_id"])
            )
        )

    def select_split(self, split: str) -> Dataset:
        """The part of the set in one split, ids made dense again.

        Raises
        ------
        DatasetError
            If the set has no such split; the message lists the ones it has.
        """
        have = sorted(s for s in pc.unique(self.images["split"]).to_pylist() if s is not None)
        if split not in have:
            listed = ", ".join(have) if have else "none are declared"
            raise DatasetError(f"no split named {split!r}; this set has: {listed}")
        mine = pc.fill_null(pc.equal(self.images["split"], split), False)
        keep = np.asarray(mine.to_numpy(), np.bool_)
        new_image = np.cumsum(keep) - 1
        image_ids = self.column("annotations", "image_id")
        keep_ann = keep[image_ids]
        new_ann = np.cumsum(keep_ann) - 1

        def renumber(table: pa.Table, name: str, values: Any) -> pa.Table:
            at = table.schema.get_field_index(name)
            return table.set_column(at, table.schema.field(name), pa.array(values))

        images = renumber(self.images.filter(pa.array(keep)), "image_id", new_image[keep])
        anns = self.annotations.filter(pa.array(keep_ann))
        anns = renumber(anns, "annotation_id", new_ann[keep_ann])
        anns = renumber(anns, "image_id", new_image[image_ids[keep_ann]])
        rows = []
        for row in self.problems.to_pylist():
            if row["image_id"] is not None:
                if not keep[row["image_id"]]:
                    continue
                row["image_id"] = int(new_image[row["image_id"]])
            if row["annotation_id"] is not None:
                row["annotation_id"] = int(new_ann[row["annotation_id"]])
            rows.append(row)
        problems = pa.Table.from_pylist(rows, schema=schema.PROBLEMS)
        meta = {**self.meta, "selected_split": split}
        return Dataset(
            images,
            anns,
            self.categories,
            problems,
            self.root,
            self.format,
            meta,
            self.source,
        )
