"""Columns under construction: what readers append to, and the Dataset made of them."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from .. import schema
from ..dataset import Dataset, null_column
from ._paths import Tree, describe_escape
from ._text import clean, clip, is_clean

__all__ = ["AnnotationColumns", "Builder", "column_of"]

NOT_KNOWN = -1


class AnnotationColumns:
    """Annotation columns: dense ones as machine arrays, rare ones filled only when met."""

    def __init__(self) -> None:
        self.image_id = array("q")
        self.category_id = array("q")  # NOT_KNOWN: null
        self.boxes = array("d")  # x1, y1, x2, y2 of each row
        self.file = array("i")  # index into Builder.files
        self.line = array("q")  # NOT_KNOWN: null
        self.raw: list[str | None] = []
        self.source_category: list[str | None] = []
        self.rare: dict[str, list[Any]] = {}

    def __len__(self) -> int:
        return len(self.image_id)

    def add(
        self,
        image_id: int,
        category_id: int,
        box: tuple[float, float, float, float],
        file: int,
        line: int,
        raw: str | None,
        source_category: str | None,
    ) -> int:
        """Append one row and return its ``annotation_id``."""
        self.image_id.append(image_id)
        self.category_id.append(category_id)
        self.boxes.extend(box)
        self.file.append(file)
        self.line.append(line)
        self.raw.append(raw)
        self.source_category.append(source_category)
        return len(self.image_id) - 1

    def set(self, name: str, value: Any) -> None:
        """Set a rarely used column of the row added last.

        ``name`` is any column of ``schema.ANNOTATIONS``, or ``pointer``.
        """
        column = self.rare.setdefault(name, [])
        column.extend([None] * (len(self) - 1 - len(column)))
        column.append(value)

    def filled(self, name: str) -> list[Any]:
        """A rarely used column at full length."""
        column = self.rare.get(name, [])
        return column + [None] * (len(self) - len(column))

    def box_array(self) -> npt.NDArray[np.float64]:
        """The boxes, (N, 4) float64."""
        return np.array(self.boxes, dtype=np.float64).reshape(-1, 4)


class Builder:
    """Collects the rows of one data set and makes the tables."""

    def __init__(self, tree: Tree, format: str) -> None:
        self.tree = tree
        self.format = format
        self.annotations = AnnotationColumns()
        self.files: list[str] = []
        self.images: dict[str, list[Any]] = {
            name: [] for name in schema.IMAGES.names if name != "image_id"
        }
        self.categories: list[tuple[str | None, str, str | None]] = []
        self.problems: list[dict[str, Any]] = []
        self.ignored: list[dict[str, str]] = []
        self.meta: dict[str, Any] = {}
        #: images whose size is unknown, where that makes their boxes unknown too
        self.unsized: npt.NDArray[np.int64] | None = None

    def add_image(
        self,
        file_name: str,
        path: str | None,
        *,
        label_state: str,
        split: str | None = None,
        source_id: str | None = None,
        size: tuple[int, int] | None = None,
        attributes: str | None = None,
    ) -> int:
        """Append one image and return its ``image_id``. ``size`` is the declared one."""
        width, height = size if size else (None, None)
        row = {
            "source_id": source_id,
            "file_name": file_name,
            "path": path,
            "split": split,
            "width": width,
            "height": height,
            "size_source": "declared" if size else None,
            "label_state": label_state,
            "attributes": attributes,
        }
        for name, value in row.items():
            self.images[name].append(value)
        return len(self.images["file_name"]) - 1

    def add_file(self, path: str) -> int:
        """Register a label file; the index goes into ``AnnotationColumns.file``."""
        self.files.append(path)
        return len(self.files) - 1

    def ignore(self, path: str, reason: str) -> None:
        """Record a file that looks like labels and was not used."""
        self.ignored.append({"file": clean(path), "reason": reason})

    def problem(
        self,
        kind: str,
        message: str,
        *,
        file: str | None = None,
        line: int | None = None,
        pointer: str | None = None,
        value: object = None,
        image_id: int | None = None,
        annotation_id: int | None = None,
    ) -> None:
        """Record what no row can hold."""
        self.problems.append(
            {
                "kind": kind,
                "image_id": image_id,
                "annotation_id": annotation_id,
                "file": None if file is None else clean(file),
                "line": line,
                "pointer": pointer,
                "value": None if value is None else clean(clip(str(value))),
                "message": clean(message),
            }
        )

    def escape(self, name: str, **place: Any) -> None:
        """Record a name that leads outside the root."""
        self.problem("path-escape", describe_escape(name), value=name, **place)

    def add_unlisted(
        self,
        paths: Iterable[str],
        label_state: str,
        split: Callable[[str], str | None] | None = None,
    ) -> None:
        """Images on disk that no label file speaks of. ``split`` maps a path to its split."""
        added = list(paths)
        known: dict[str, list[Any]] = {
            "file_name": added,
            "path": added,
            "split": [split(path) for path in added] if split else [None] * len(added),
            "label_state": [label_state] * len(added),
        }
        for name, column in self.images.items():
            column.extend(known.get(name) or [None] * len(added))

    def set_unlabelled(self) -> None:
        """Say of every image so far that it was never annotated."""
        self.images["label_state"] = ["unlabelled"] * len(self.images["file_name"])

    def image_paths(self) -> list[str | None]:
        """Where each image is."""
        return self.images["path"]

    def finish(self, root: Path) -> Dataset:
        """The data set of all that was added."""
        self._note_names_and_folders()
        meta = {
            "label_files": [clean(path) for path in self.files[:100]],
            "label_file_count": len(self.files),
            "ignored_files": self.ignored[:100],
            "ignored_file_count": len(self.ignored),
            "other_images": len(self.tree.image_set.difference(self.image_paths())),
            "inclusive": False,
            "declared_splits": [],
            "absent_splits": [],
            **self.meta,
        }
        return Dataset(
            images=self._image_table(),
            annotations=self._annotation_table(),
            categories=self._category_table(),
            problems=pa.Table.from_pylist(self.problems, schema=schema.PROBLEMS),
            root=root,
            format=self.format,
            meta=meta,
        )

    def _note_names_and_folders(self) -> None:
        for folder, reason in self.tree.closed:
            self.problem(
                "malformed-file",
                f"folder {folder!r} cannot be listed ({reason}); what lies in it is not checked",
                file=folder,
            )
        for link in self.tree.escapes:
            if link not in self.tree.met_escapes:
                self.escape(link, file=link)
        paths = [path for path in self.image_paths() if path is not None]
        if is_clean("".join(paths)):
            return
        for path in paths:
            if not is_clean(path):
                self.problem(
                    "malformed-row",
                    f"the file name {clip(clean(path))!r} is not valid UTF-8; rename the file",
                    file=path,
                    value=clean(path),
                )

    def _image_table(self) -> pa.Table:
        count = len(self.images["file_name"])
        columns = [pa.array(np.arange(count, dtype=np.int64))]
        for name, values in self.images.items():
            columns.append(column_of(values, schema.IMAGES.field(name).type))
        return pa.Table.from_arrays(columns, schema=schema.IMAGES)

    def _category_table(self) -> pa.Table:
        columns = [pa.array(np.arange(len(self.categories), dtype=np.int32))]
        for at in range(3):
            columns.append(column_of([row[at] for row in self.categories], pa.string()))
        return pa.Table.from_arrays(columns, schema=schema.CATEGORIES)

    def _annotation_table(self) -> pa.Table:
        rows = self.annotations
        boxes = rows.box_array()
        unknown = None
        if self.unsized is not None:
            unknown = np.isin(np.array(rows.image_id, dtype=np.int64), self.unsized)
        known: dict[str, Any] = {
            "annotation_id": pa.array(np.arange(len(rows), dtype=np.int64)),
            "image_id": pa.array(np.array(rows.image_id, dtype=np.int64)),
            "category_id": _nullable(np.array(rows.category_id, dtype=np.int32)),
            "source_category": column_of(rows.source_category, pa.string()),
            "origin": self._origins(),
        }
        for at, name in enumerate(("x1", "y1", "x2", "y2")):
            known[name] = pa.array(np.ascontiguousarray(boxes[:, at]), mask=unknown)
        columns = []
        for column in schema.ANNOTATIONS:
            values = known.get(column.name)
            if values is None:
                values = (
                    column_of(rows.filled(column.name), column.type)
                    if column.name in rows.rare
                    else null_column(len(rows), column.type)
                )
            columns.append(values)
        return pa.Table.from_arrays(columns, schema=schema.ANNOTATIONS)

    def _origins(self) -> pa.StructArray:
        rows = self.annotations
        pointers = rows.filled("pointer") if "pointer" in rows.rare else None
        files = column_of(self.files, pa.string())
        return pa.StructArray.from_arrays(
            [
                files.take(pa.array(np.array(rows.file, dtype=np.int32))),
                _nullable(np.array(rows.line, dtype=np.int32)),
                null_column(len(rows), pa.string())
                if pointers is None
                else pa.array(pointers, pa.string()),
                column_of(rows.raw, pa.string()),
            ],
            fields=list(schema.ORIGIN),
        )


def _nullable(values: npt.NDArray[Any]) -> pa.Array:
    return pa.array(values, mask=values == NOT_KNOWN)


def column_of(values: list[Any], kind: pa.DataType) -> pa.Array:
    """A column of Python values; text that is no valid Unicode is written out as escapes."""
    try:
        return pa.array(values, kind)
    except UnicodeEncodeError:
        return pa.array([None if value is None else clean(value) for value in values], kind)
