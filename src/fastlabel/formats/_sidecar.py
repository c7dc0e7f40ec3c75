"""The sidecar of a YOLO set: what a row of five numbers cannot say.

``fastlabel-sidecar.jsonl`` lies beside ``data.yaml`` and has one JSON object a line, most of
them about one annotation:

* the first may be ``{"default": {...}}``: what holds for every annotation of which no line
  says otherwise;
* ``image``: the picture, relative to the folder;
* of an annotation that has a row in the label file, ``row`` (from 1) and ``text``, the row
  as it stands there: where they disagree, the label file was edited since and the line is
  reported, not used;
* of one that has none (a region to ignore, a crowd, an unknown class), ``row`` null,
  ``class`` and ``box`` (``x1 y1 x2 y2`` in pixels);
* whichever of :data:`COLUMNS` are known, under the names of the annotation table.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ._build import NOT_KNOWN, Builder
from ._paths import Tree, parent
from ._text import LabelFileError, quote, read_text

__all__ = ["COLUMNS", "SIDECAR", "Line", "apply", "is_beside", "parse_line"]

MAX_BYTES = 4 << 30

SIDECAR = "fastlabel-sidecar.jsonl"


def _single(value: float) -> float:
    """A float32 as the number that its shortest text says."""
    return float(str(np.float32(value)))


#: Columns of the annotation table that the sidecar carries, and how each is written.
COLUMNS: dict[str, Callable[[Any], Any]] = {
    "ignore": bool,
    "crowd": bool,
    "difficult": bool,
    "occlusion": int,
    "truncation": _single,
    "score": _single,
    "weight": _single,
    "area": float,
    "segmentation": str,
    "obb": list,
    "attributes": str,
}

_BOOLEANS = ("ignore", "crowd", "difficult")
_NUMBERS = ("truncation", "score", "weight", "area")
_TEXTS = ("segmentation", "attributes")


class Line:
    """One line, checked."""

    def __init__(self, record: dict[str, Any]) -> None:
        self.image: str = record["image"]
        self.row: int | None = record.get("row")
        self.text: str | None = record.get("text")
        self.category: int | None = record.get("class")
        self.source_category: str | None = record.get("source_category")
        self.box: list[float] | None = record.get("box")
        self.values = {name: record[name] for name in COLUMNS if record.get(name) is not None}


def parse_line(text: str) -> Line | str:
    """Read one line; what is wrong with it, where it cannot be used."""
    try:
        record = json.loads(text)
    except (ValueError, RecursionError):
        return "is not JSON"
    if not isinstance(record, dict) or not isinstance(record.get("image"), str):
        return "names no image"
    row = record.get("row")
    if row is not None and not (_whole(row) and row >= 1):
        return "its row is no whole number from 1 on"
    if row is not None and not isinstance(record.get("text"), str):
        return "has no text of the row it is about"
    if row is None and not _reals(record.get("box"), 4):
        return "has neither a row nor a box of four numbers"
    category = record.get("class")
    if category is not None and not (_whole(category) and category >= 0):
        return "its class is no whole number"
    for name in COLUMNS:
        value = record.get(name)
        if value is not None and not _fits(name, value):
            return f"its {name} cannot be used"
    if record.get("source_category") is not None:
        record["source_category"] = str(record["source_category"])
    return Line(record)


def parse_defaults(text: str) -> dict[str, Any] | None:
    """The defaults, where the line has them."""
    try:
        record = json.loads(text)
    except (ValueError, RecursionError):
        return None
    found = record.get("default") if isinstance(record, dict) else None
    if not isinstance(found, dict):
        return None
    return {k: v for k, v in found.items() if k in COLUMNS and _fits(k, v)}


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**31


def _reals(value: Any, count: int) -> bool:
    return (
        isinstance(value, list)
        and len(value) == count
        and all(isinstance(v, int | float) and not isinstance(v, bool) for v in value)
        and all(math.isfinite(v) for v in value)
    )


def _fits(name: str, value: Any) -> bool:
    if name in _BOOLEANS:
        return isinstance(value, bool)
    if name in _NUMBERS:
        return _reals([value], 1)
    if name in _TEXTS:
        return isinstance(value, str)
    if name == "obb":
        return _reals(value, 8)
    return _whole(value) and -128 <= value <= 127


# --- reading back -----------------------------------------------------------------------


def is_beside(tree: Tree, declaration: str) -> bool:
    """Whether there is a sidecar beside ``declaration``, and not outside the root."""
    file = tree.path(_place(declaration))
    return file.is_file() and file.resolve().is_relative_to(tree.root.resolve())


def _place(declaration: str) -> str:
    above = parent(declaration)
    return f"{above}/{SIDECAR}" if above else SIDECAR


def apply(builder: Builder, declaration: str, category: Callable[[str], int]) -> None:
    """Give the rows read from label files what the sidecar beside ``declaration`` says.

    Called when boxes are in pixels. ``category`` turns a class number into a dense id.
    """
    if not is_beside(builder.tree, declaration):
        return
    path = _place(declaration)
    try:
        lines = read_text(builder.tree.path(path), MAX_BYTES).split("\n")
    except LabelFileError as error:
        builder.problem(error.kind, error.message, file=path, line=error.line)
        return
    _Applied(builder, path, category).all(lines)


class _Applied:
    def __init__(self, builder: Builder, path: str, category: Callable[[str], int]) -> None:
        self.builder = builder
        self.path = path
        self.file = builder.add_file(path)
        self.category = category
        self.images: dict[str, list[int]] = {}
        for at, image in enumerate(builder.images["path"]):
            self.images.setdefault(image, []).append(at)
        columns = builder.annotations
        places = zip(columns.image_id, columns.line, strict=True)
        self.rows = {place: row for row, place in enumerate(places)}

    def all(self, lines: list[str]) -> None:
        """Every line; those that cannot be used become problems."""
        defaults = parse_defaults(lines[0])
        for number, text in enumerate(lines, 1):
            if not text.strip() or (number == 1 and defaults is not None):
                continue
            line = parse_line(text)
            wrong = line if isinstance(line, str) else self._use(line, number)
            if wrong:
                self.builder.problem(
                    "malformed-row",
                    f"the sidecar's line {wrong}; write the set again",
                    file=self.path,
                    line=number,
                    value=text,
                )

        columns = self.builder.annotations
        for name, default in (defaults or {}).items():
            columns.rare[name] = [default if v is None else v for v in columns.filled(name)]

    def _use(self, line: Line, number: int) -> str | None:
        images = self.images.get(line.image)
        if not images:
            return f"is about {quote(line.image)}, which is no image of this set"
        for image in images:
            wrong = self._of_row(line, image) if line.row else self._add(line, image, number)
            if wrong:
                return wrong
        return None

    def _of_row(self, line: Line, image: int) -> str | None:
        columns = self.builder.annotations
        row = self.rows.get((image, line.row or 0))
        said = None if row is None else f"{columns.source_category[row]} {columns.raw[row]}"
        if row is None or said != line.text:
            return (
                f"is about row {line.row}, {quote(line.text)}, where the label file "
                f"{'has none' if said is None else 'says ' + quote(said)}"
            )
        for name, value in line.values.items():
            column = columns.rare.setdefault(name, [])
            column.extend([None] * (len(columns) - len(column)))
            column[row] = value
        return None

    def _add(self, line: Line, image: int, number: int) -> str | None:
        builder = self.builder
        known = NOT_KNOWN if line.category is None else self.category(str(line.category))
        x1, y1, x2, y2 = (float(v) for v in line.box or ())
        row = builder.annotations.add(
            image,
            known,
            (x1, y1, x2, y2),
            self.file,
            number,
            None,
            str(line.category) if line.source_category is None else line.source_category,
        )
        for name, value in line.values.items():
            builder.annotations.set(name, value)
        builder.images["label_state"][image] = "labelled"
        if known == NOT_KNOWN:
            builder.problem(
                "unknown-category",
                f"class {quote(line.source_category or line.category)} is not declared; declare "
                "or correct it",
                file=self.path,
                line=number,
                image_id=image,
                annotation_id=row,
            )
        return None
