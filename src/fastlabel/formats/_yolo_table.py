"""YOLO label files read natively: what ``_yolo_labels`` does, a column at a time."""

from __future__ import annotations

import copy
import os
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from .. import _core
from . import _yolo_rows as rows_
from . import _yolo_set as set_
from ._arrow_parts import array_of, numbers
from ._build import NOT_KNOWN, Builder, column_of
from ._coco_joined import TableBuilder
from ._label_table import FileRows, Notes, names_blob, origins, scattered
from ._yolo_labels import Classes, Reader

__all__ = ["TableReader"]

_LEFT = 1  # the outcome of a file that the plain reader has to judge
_TEXT = pa.string()


class TableReader(Reader):
    """Collects the label files, reads them at once, and appends their columns.

    A file that the native reader leaves is read by the plain one, and its rows and problems
    go where they would have been.
    """

    builder: TableBuilder

    def __init__(
        self,
        builder: TableBuilder,
        classes: Classes,
        declaration: set_.Declaration | None,
        workers: int | None,
    ) -> None:
        super().__init__(builder, classes, declaration)
        self.workers = workers or 0
        self.read: list[str] = []  # label files, as they are to be read
        self.image_of: list[int] = []
        self.notes = Notes(builder)

    def _read_rows(self, label: str, image_id: int) -> None:
        self.read.append(label)
        self.image_of.append(image_id)
        self.notes.mark()

    def finish(self) -> None:
        """Read the files; then sizes, pixel coordinates and classes."""
        builder = self.builder
        native = _core.read_yolo(
            os.fsencode(builder.tree.root),
            names_blob(self.read),
            len(self.read),
            self.workers,
            self.keypoints,
        )
        outcome = numbers(native, "outcome", np.uint8)
        left = _Left(self, np.flatnonzero(outcome == _LEFT).astype(np.int64))
        rows = FileRows(numbers(native, "rows", np.int64), left.files, left.counts)
        rows.arrange()
        self._set_states(rows, outcome)
        builder.files = [
            label for file, label in enumerate(self.read) if file not in left.unreadable
        ]
        image_id = np.array(self.image_of, dtype=np.int64)[rows.file_of]
        sizes = self._sizes()
        scale = sizes[image_id]
        unsized = np.isnan(scale[:, 0])
        plain = left.builder.annotations
        corners = plain.box_array()
        read = [
            rows.values(numbers(native, name, np.float64), corners[:, at])
            for at, name in enumerate(("x1", "y1", "x2", "y2"))
        ]
        boxes = rows_.in_pixels(np.column_stack(read), scale)
        lines = rows.values(numbers(native, "line", np.int32), plain.line)
        columns = {
            "image_id": pa.array(image_id),
            **{
                name: pa.array(np.ascontiguousarray(boxes[:, at]), mask=unsized)
                for at, name in enumerate(("x1", "y1", "x2", "y2"))
            },
        }
        category, words = self._categories(native, rows, left)
        self._note_unknown(category, words, rows, outcome, lines, image_id)
        category = self.classes.settle(category)
        columns["category_id"] = pa.array(category.astype(np.int32), mask=category == NOT_KNOWN)
        columns["source_category"] = words
        count = len(lines) - len(plain)
        raw = rows.column(array_of(native, "raw", _TEXT), column_of(plain.raw, _TEXT), _TEXT, count)
        files = column_of(self.read, _TEXT).take(pa.array(rows.file_of))
        columns["origin"] = origins(files, pa.array(lines), raw)
        for name, type_ in (("score", pa.float32()), ("attributes", _TEXT)):
            of_plain = column_of(plain.filled(name), type_)
            columns[name] = rows.column(array_of(native, name, type_), of_plain, type_, count)
        kinds = rows.values(numbers(native, "kind", np.uint8), left.kinds)
        columns.update(
            self._figures(kinds, numbers(native, "eight", np.float64), rows, left, raw, scale)
        )
        builder.annotation_parts.append(
            (rows.count, {name: column for name, column in columns.items() if column is not None})
        )
        builder.annotation_count = rows.count
        left.note(self.notes, rows)
        self.notes.settle()
        builder.meta["labels_are"] = self.layout_name

    def _set_states(self, rows: FileRows, outcome: npt.NDArray[np.uint8]) -> None:
        """Images whose file was read natively: such a file has rows or is blank."""
        states = self.builder.images["label_state"]
        of_count = ("labelled_empty", "labelled")
        for file in np.flatnonzero(outcome != _LEFT).tolist():
            states[self.image_of[file]] = of_count[bool(rows.counts[file])]

    def _categories(
        self, native: _core.LabelColumns, rows: FileRows, left: _Left
    ) -> tuple[npt.NDArray[np.int64], pa.Array]:
        """Class of each row, and its word."""
        tokens = array_of(native, "tokens", _TEXT)
        if tokens is None:
            tokens = pa.array([], _TEXT)
        codes = numbers(native, "token", np.int32)
        plain = left.builder.annotations
        of_token = np.array([self.classes.of(token) for token in tokens.to_pylist()], np.int64)
        words = rows.column(
            tokens.take(pa.array(codes)),
            column_of(plain.source_category, _TEXT),
            _TEXT,
            len(codes),
        )
        return rows.values(of_token[codes], plain.category_id), words

    def _note_unknown(
        self,
        category: npt.NDArray[np.int64],
        words: pa.Array,
        rows: FileRows,
        outcome: npt.NDArray[np.uint8],
        lines: npt.NDArray[np.int32],
        image_id: npt.NDArray[np.int64],
    ) -> None:
        unknown = category == NOT_KNOWN
        if rows.has_plain:  # those of the plain reader have been noted
            unknown &= outcome[rows.file_of] != _LEFT
        for row in np.flatnonzero(unknown).tolist():
            word, file = words[row].as_py(), int(rows.file_of[row])
            self.builder.problem(
                "unknown-category",
                self.classes.why(word),
                file=self.read[file],
                line=int(lines[row]),
                value=word,
                image_id=int(image_id[row]),
                annotation_id=row,
            )
            self.notes.add(file, self.builder.problems.pop())

    def _figures(
        self,
        kinds: npt.NDArray[np.uint8],
        native_eights: npt.NDArray[np.float64],
        rows: FileRows,
        left: _Left,
        raw: pa.Array | pa.ChunkedArray | None,
        scale: npt.NDArray[np.float64],
    ) -> dict[str, pa.Array | pa.ChunkedArray]:
        """Outlines and oriented boxes."""
        self.polygons = int(np.count_nonzero(kinds == rows_.POLYGON))
        is_outline = kinds == rows_.POLYGON
        at = np.flatnonzero(kinds == rows_.EIGHT)
        found: dict[str, pa.Array | pa.ChunkedArray] = {}
        if len(at):
            if self._eights_are_oriented(len(at)):
                corners = self._corners(native_eights, at, rows, left)
                with np.errstate(invalid="ignore", over="ignore"):
                    corners = (corners.reshape(-1, 4, 2) * scale[at][:, None, :]).reshape(-1, 8)
                sized = ~np.isnan(scale[at, 0])
                values = pa.array(np.ascontiguousarray(corners[sized]).reshape(-1))
                found["obb"] = scattered(
                    pa.FixedSizeListArray.from_arrays(values, 8), at[sized], len(kinds)
                )
            else:
                is_outline |= kinds == rows_.EIGHT
        if np.any(is_outline):
            found["segmentation"] = pc.if_else(pa.array(is_outline), raw, pa.scalar(None, _TEXT))
        return found

    def _corners(
        self,
        native: npt.NDArray[np.float64],
        at: npt.NDArray[np.int64],
        rows: FileRows,
        left: _Left,
    ) -> npt.NDArray[np.float64]:
        """The eight numbers of such rows, in order."""
        if rows.order is None:
            return native.reshape(-1, 8)
        words = [(left.builder.annotations.raw[row] or "").split() for row in left.eights]
        both = np.concatenate([native, np.array(words, dtype=np.float64).reshape(-1)])
        place = np.argsort(np.argsort(rows.order[at]))  # rows as read: the native ones first
        return both.reshape(-1, 8)[place]


class _Left:
    """Files that the plain reader reads."""

    def __init__(self, reader: TableReader, files: npt.NDArray[np.int64]) -> None:
        self.reader = reader
        self.files = files
        self.builder = Builder(reader.tree, "yolo")
        self.builder.images = reader.builder.images
        self.unreadable: set[int] = set()
        plain = copy.copy(reader)
        plain.builder = self.builder  # type: ignore[assignment]
        plain.eights, plain.polygons = [], 0
        ends, problems = [0], [0]
        for file in files.tolist():
            known = len(self.builder.files)
            Reader._read_rows(plain, reader.read[file], reader.image_of[file])
            if len(self.builder.files) == known:
                self.unreadable.add(file)
            ends.append(len(self.builder.annotations))
            problems.append(len(self.builder.problems))
        self.eights = plain.eights
        self.ends, self.problems = ends, problems
        self.counts = np.array([b - a for a, b in pairwise(ends)], dtype=np.int64)
        self.kinds = np.zeros(len(self.builder.annotations), dtype=np.uint8)
        for row, outline in enumerate(self.builder.annotations.rare.get("segmentation", [])):
            if outline is not None:
                self.kinds[row] = rows_.POLYGON
        self.kinds[self.eights] = rows_.EIGHT

    def note(self, notes: Notes, rows: FileRows) -> None:
        """The problems of these files, with the rows that they are about."""
        for at, file in enumerate(self.files.tolist()):
            shift = int(rows.starts[file]) - self.ends[at]
            for problem in self.builder.problems[self.problems[at] : self.problems[at + 1]]:
                if problem["annotation_id"] is not None:
                    problem["annotation_id"] += shift
                notes.add(file, problem)
