"""Pascal VOC files read natively: what ``voc`` does with objects, a column at a time."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from .. import _core, schema
from ._arrow_parts import array_of, numbers
from ._build import NOT_KNOWN, Builder, column_of
from ._coco_joined import TableBuilder
from ._label_table import FileRows, Notes, names_blob, origins
from ._paths import Tree
from ._voc_file import Record, add_objects, is_voc, parse

__all__ = ["TableObjects", "VocTable"]

_LEFT, _OTHER = 1, 2  # outcomes: for the plain reader to judge; not Pascal VOC
_TEXT = pa.string()
_FLAGS = (
    *("difficult", "ignore", "crowd", "occlusion"),
    *("truncation", "weight", "score", "area"),
)


class VocTable:
    """The XML files of a tree; ``records`` have no objects, unless the plain reader read them."""

    def __init__(self, tree: Tree, workers: int | None) -> None:
        paths = tree.files_of(".xml")
        self.columns = _core.read_voc(
            os.fsencode(tree.root), names_blob(paths), len(paths), workers or 0
        )
        self.rows = numbers(self.columns, "rows", np.int64)
        self.records: list[Record] = []
        self.index: list[int] = []  # file of each record
        self.left: list[int] = []
        self.left_records: list[Record] = []
        self.others: list[str] = []
        outcomes = numbers(self.columns, "outcome", np.uint8).tolist()
        facts = zip(
            paths,
            outcomes,
            self.rows.tolist(),
            self._texts("file_name", len(paths)),
            self._texts("attributes", len(paths)),
            self._texts("convention", len(paths)),
            numbers(self.columns, "width", np.int32).tolist(),
            numbers(self.columns, "height", np.int32).tolist(),
            strict=True,
        )
        for file, (path, outcome, count, name, rest, said, width, height) in enumerate(facts):
            if outcome == _OTHER or (outcome == _LEFT and not is_voc(tree.path(path))):
                self.others.append(path)
                continue
            if outcome == _LEFT:
                record = parse(tree.path(path), path)
                self.left.append(file)
                self.left_records.append(record)
            else:
                size = (width, height) if width >= 0 else None
                record = Record(path, name, size, rest, object_count=count, convention=said)
            self.records.append(record)
            self.index.append(file)
        self.corners = {
            name: numbers(self.columns, name, np.float64) for name in ("x1", "y1", "x2", "y2")
        }
        words = array_of(self.columns, "names", _TEXT)
        self.names: list[str] = [] if words is None else words.to_pylist()

    def _texts(self, name: str, count: int) -> list[str | None]:
        column = array_of(self.columns, name, _TEXT)
        return [None] * count if column is None else column.to_pylist()

    def boxes(self) -> npt.NDArray[np.float64]:
        """All boxes as written, in any order."""
        plain = [o.box for record in self.left_records for o in record.objects]
        native = np.column_stack(list(self.corners.values()))
        return np.concatenate([native, np.array(plain, dtype=np.float64).reshape(-1, 4)])

    def class_names(self) -> set[str]:
        """The names of all objects."""
        plain = {o.name for record in self.left_records for o in record.objects}
        return {name for name in plain if name is not None} | set(self.names)


class TableObjects:
    """Appends the objects of records to a builder: noted one by one, made at the end."""

    def __init__(
        self, builder: TableBuilder, table: VocTable, classes: dict[str, int], inclusive: bool
    ) -> None:
        self.builder = builder
        self.table = table
        self.classes = classes
        self.inclusive = inclusive
        self.files: list[int] = []
        self.labels: list[int] = []  # index into builder.files
        self.images: list[int] = []
        self.notes = Notes(builder)

    def add(self, at: int, image_id: int, file: int) -> None:
        """The objects of record ``at`` are those of an image."""
        self.files.append(self.table.index[at])
        self.labels.append(file)
        self.images.append(image_id)
        self.notes.mark()

    def finish(self) -> None:
        """Make the columns."""
        table, native = self.table, self.table.columns
        left = self._plain_rows()
        plain = left.annotations
        counts = np.array([len(r.objects) for r in table.left_records], dtype=np.int64)
        rows = FileRows(table.rows, np.array(table.left, dtype=np.int64), counts)
        rows.arrange(np.array(self.files, dtype=np.int64))
        image_id = np.array(self.images, dtype=np.int64)[rows.file_of]
        label = np.array(self.labels, dtype=np.int64)[rows.file_of]
        of_name = np.array([*(self.classes[name] for name in table.names), NOT_KNOWN], np.int64)
        codes = numbers(native, "name", np.int32)
        category = rows.values(of_name[codes], plain.category_id)
        unnamed = category == NOT_KNOWN
        lines = rows.values(numbers(native, "line", np.int32), plain.line)
        count = len(codes)
        columns: dict[str, Any] = {
            "image_id": pa.array(image_id),
            "category_id": pa.array(category.astype(np.int32), mask=unnamed),
            "source_category": column_of(list(self.classes), _TEXT).take(
                pa.array(category, mask=unnamed)
            ),
            "origin": origins(
                column_of(self.builder.files, _TEXT).take(pa.array(label)),
                pa.array(lines, mask=lines == NOT_KNOWN),
                self._column(rows, "raw", "raw", plain.raw, _TEXT, count),
            ),
        }
        corners = plain.box_array()
        if self.inclusive:
            for name in ("x1", "y1"):
                table.corners[name] = numbers(native, f"{name}_less", np.float64)
        for at, name in enumerate(("x1", "y1", "x2", "y2")):
            columns[name] = pa.array(rows.values(table.corners[name], corners[:, at]))
        for name in _FLAGS:
            kind = schema.ANNOTATIONS.field(name).type
            columns[name] = self._column(rows, name, name, plain.filled(name), kind, count)
        columns["attributes"] = self._column(
            rows, "object_attributes", "attributes", plain.filled("attributes"), _TEXT, count
        )
        self.builder.annotation_parts.append(
            (rows.count, {name: column for name, column in columns.items() if column is not None})
        )
        self.builder.annotation_count = rows.count
        for row in np.flatnonzero(unnamed).tolist():
            at = int(rows.file_of[row])
            self.builder.problem(
                "unknown-category",
                "the object has no name; write its class",
                file=self.builder.files[int(label[row])],
                line=None if lines[row] == NOT_KNOWN else int(lines[row]),
                image_id=int(image_id[row]),
                annotation_id=row,
            )
            self.notes.add(at, self.builder.problems.pop())
        self.notes.settle()

    def _column(
        self,
        rows: FileRows,
        source: str,
        name: str,
        plain: list[Any],
        kind: pa.DataType,
        count: int,
    ) -> pa.Array | pa.ChunkedArray | None:
        of_plain = column_of(plain, kind) if rows.has_plain else None
        return rows.column(array_of(self.table.columns, source, kind), of_plain, kind, count)

    def _plain_rows(self) -> Builder:
        builder = Builder(self.builder.tree, "voc")
        for record in self.table.left_records:
            file = builder.add_file(record.path)
            add_objects(builder, record, 0, file, self.classes, self.inclusive)
        return builder
