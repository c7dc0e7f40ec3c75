"""Rows of YOLO label files edited in place, and what the sidecar says of them."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from ..dataset import Dataset, DatasetError
from ._change import Change, Edited, load_text, place
from ._label_files import LabelFiles
from ._paths import parent
from ._sidecar import COLUMNS, SIDECAR
from ._sidecar import MAX_BYTES as MAX_SIDECAR
from ._text import TextFile, clean, quote
from ._write_yolo import normalised, word
from ._yolo_labels import MAX_BYTES

__all__ = ["YoloEditor"]

#: The lines of a file with their ends, as the reader parts them.
_LINES = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+$")


class YoloEditor:
    """Edits label files, the sidecar and the lists of a split."""

    def __init__(self, ds: Dataset, labels: LabelFiles) -> None:
        self.ds = ds
        self.labels = labels
        self.paths: list[str | None] = ds.images["path"].to_pylist()
        self.declaration: str | None = ds.meta.get("declaration")
        problems = ds.problems
        kinds, files = problems["kind"].to_pylist(), problems["file"].to_pylist()
        self.shared = {f for k, f in zip(kinds, files, strict=True) if k == "shared-label"}

    @property
    def sidecar(self) -> str | None:
        """Where the sidecar is, or would be."""
        if self.declaration is None:
            return None
        above = parent(self.declaration)
        return f"{above}/{SIDECAR}" if above else SIDECAR

    def why_not(self, change: Change) -> str | None:
        """Why a change cannot be made; None where it can."""
        label = self._label_of(change)
        if label in self.shared and change.action != "drop_image":
            return (
                f"{quote(label)} is read by several images, whose boxes would change together; "
                "give each a label file of its own"
            )
        if change.action in ("mark_ignore", "set_weight") and self.sidecar is None:
            return (
                "a YOLO row cannot say it, and without a data.yaml there is no place for the "
                f"{SIDECAR} that can; add a data.yaml"
            )
        if change.action in ("replace_box", "add_box"):
            if not self._sized(change.image_id):
                return "the image's size is unknown, so its box cannot be written as fractions"
            if change.action == "replace_box" and self._is_figure(change.annotation_id):
                return "the row is a polygon or an oriented box, which an upright box is not"
            if change.action == "add_box":
                return self._why_not_add(change, label)
        return None

    def _why_not_add(self, change: Change, label: str | None) -> str | None:
        if label is None:
            return "there is no place for a label file of this image"
        rows = self.labels.rows_of(change.image_id)
        if any(self._is_figure(row) or self._is_pose(row) for row in rows):
            return "its label file has polygons or key points, among which a box is misread"
        return None

    def _label_of(self, change: Change) -> str | None:
        if change.annotation_id is not None:
            found: str | None = self._origin(change.annotation_id)["file"]
            return found
        return self.labels.place_for(change.image_id)

    def _origin(self, row: int) -> dict[str, Any]:
        found: dict[str, Any] = self.ds.annotations["origin"][row].as_py()
        return found

    def _value(self, name: str, row: int | None) -> Any:
        return None if row is None else self.ds.annotations[name][row].as_py()

    def _is_figure(self, row: int | None) -> bool:
        if row is None or self._is_beside(row):
            return False
        return self._value("segmentation", row) is not None or self._value("obb", row) is not None

    def _is_pose(self, row: int) -> bool:
        return not self._is_beside(row) and '"keypoints"' in (self._value("attributes", row) or "")

    def _is_beside(self, row: int) -> bool:
        return bool(self._origin(row)["file"] == self.sidecar)

    def _sized(self, image: int) -> bool:
        images = self.ds.images
        return all(images[name][image].is_valid for name in ("width", "height"))

    # --- the edits ----------------------------------------------------------------------

    def edits(self, changes: Sequence[Change]) -> Iterator[Edited]:
        """All files that differ afterwards."""
        gone = {c.image_id for c in changes if c.action == "drop_image"}
        by_file: dict[str, list[Change]] = defaultdict(list)
        beside: list[Change] = []
        for change in changes:
            if change.action == "drop_image":
                continue
            label = self._label_of(change)
            if change.annotation_id is not None and self._is_beside(change.annotation_id):
                beside.append(change)
            elif label is not None:
                by_file[self.labels.tree.real(label)].append(change)
        notes = _Notes()
        for path, wanted in by_file.items():
            yield self._label(path, wanted, notes)
        yield from self._removed(gone)
        if notes.any or beside or gone:
            yield from self._beside(beside, gone, notes)

    def _label(self, path: str, changes: list[Change], notes: _Notes) -> Edited:
        there = (self.ds.root / path).exists()
        file = load_text(self.ds, path, MAX_BYTES) if there else TextFile("")
        lines = _LINES.findall(file.text)
        by_line: dict[int, list[Change]] = defaultdict(list)
        added = []
        for change in changes:
            if change.annotation_id is None:
                added.append(self._new_row(change))
            else:
                by_line[self._origin(change.annotation_id)["line"]].append(change)
        for number, wanted in by_line.items():
            first = wanted[0]
            assert first.annotation_id is not None
            self._expect(lines, number, first)
            image = str(self.paths[first.image_id])
            before = _said(lines[number - 1])
            lines[number - 1] = self._edit_line(lines[number - 1], wanted, image, number, notes)
            after = _said(lines[number - 1])
            if after and after != before:
                notes.renamed[image, number] = after
            elif not after:
                notes.dropped[image].append(number)
        if added:
            newline = "\r\n" if "\r\n" in file.text else "\n"
            if lines and not lines[-1].endswith(("\n", "\r")):
                lines[-1] += newline
            lines += [row + newline for row in added]
        data = file.encode("".join(lines))
        return Edited(path, (self.ds.root / path).read_bytes() if there else None, data)

    def _expect(self, lines: list[str], number: int, change: Change) -> None:
        row = change.annotation_id
        assert row is not None
        wanted = f"{self._value('source_category', row)} {self._origin(row)['raw']}"
        have = _said(lines[number - 1]) if 0 < number <= len(lines) else None
        if have != wanted:
            raise DatasetError(
                f"{self.ds.root / self._origin(row)['file']}:{number}: the row is not "
                f"{quote(wanted)} any more; read the set and make the plan again"
            )

    def _edit_line(
        self, line: str, changes: list[Change], image: str, number: int, notes: _Notes
    ) -> str:
        key = image, number
        for change in changes:
            if change.action == "drop_box":
                return ""
            if change.action == "relabel":
                line = _with_word(line, 0, self._class(change.category_id))
            elif change.action == "replace_box":
                for at, text in enumerate(self._fractions(change), 1):
                    line = _with_word(line, at, text)
                notes.boxes[key] = list(change.box or ())
            elif change.action == "set_weight":
                notes.values.setdefault(key, {})["weight"] = change.weight
            elif change.action == "mark_ignore":
                notes.values.setdefault(key, {})["ignore"] = True
                notes.moved[key] = change.annotation_id or 0
        if key in notes.values:
            notes.texts[key] = _said(line)
        return "" if key in notes.moved else line

    def _class(self, category: int | None) -> str:
        if category is None:
            raise DatasetError("a class is needed")
        key = self.ds.categories["source_id"][category].as_py()
        return str(category if key is None else key)

    def _fractions(self, change: Change) -> list[str]:
        assert change.box is not None
        images = self.ds.images
        size = [float(images[n][change.image_id].as_py()) for n in ("width", "height")]
        values, error = normalised(np.array([change.box], np.float64), np.array([size]))
        if error[0] > 1e-6:
            raise DatasetError(f"{place(self.ds, change)}: the box cannot be written as fractions")
        return [word(value) for value in values[0].tolist()]

    def _new_row(self, change: Change) -> str:
        return " ".join([self._class(change.category_id), *self._fractions(change)])

    # --- images that go -----------------------------------------------------------------

    def _removed(self, gone: set[int]) -> Iterator[Edited]:
        if not gone:
            return
        kept = {p for at, p in enumerate(self.paths) if at not in gone and p is not None}
        leaving = {str(self.paths[at]) for at in gone if self.paths[at] is not None} - kept
        in_use = {self.labels.place_for_path(p) for p in kept} if leaving else set()
        for path in sorted(leaving):
            label = self.labels.place_for_path(path)
            if label is None or label in in_use:
                continue
            real = self.labels.tree.real(label)
            if (self.ds.root / real).is_file():
                data = (self.ds.root / real).read_bytes()
                yield Edited(real, data, None, data)
        yield from self._lists(gone)

    def _lists(self, gone: set[int]) -> Iterator[Edited]:
        """The list files of splits, without the lines of the images that go."""
        from .yolo import list_entries

        if self.declaration is None:
            return
        splits = self.ds.images["split"].to_pylist()
        wanted = {(splits[at], self.paths[at]) for at in gone}
        lines_of: dict[str, list[int]] = defaultdict(list)
        for entry in list_entries(self.labels.tree, self.declaration):
            if (entry.split, entry.path) in wanted and entry.file and entry.line:
                lines_of[entry.file].append(entry.line)
        for path, numbers in lines_of.items():
            real = self.labels.tree.real(path)
            file = load_text(self.ds, real, 1 << 30)
            # The reader of lists counts LF and CRLF only.
            lines = re.findall(r"[^\n]*\n|[^\n]+$", file.text)
            cut = "".join(lines[n - 1] for n in sorted(set(numbers)))
            rest = "".join(line for n, line in enumerate(lines, 1) if n not in set(numbers))
            before = (self.ds.root / real).read_bytes()
            yield Edited(real, before, file.encode(rest), file.encode(cut))

    # --- the sidecar --------------------------------------------------------------------

    def _beside(self, changes: list[Change], gone: set[int], notes: _Notes) -> Iterator[Edited]:
        path = self.sidecar
        if path is None:
            return
        there = (self.ds.root / path).is_file()
        file = load_text(self.ds, path, MAX_SIDECAR) if there else TextFile("")
        lines = re.findall(r"[^\n]*\n|[^\n]+$", file.text)
        kept = {p for at, p in enumerate(self.paths) if at not in gone}
        images = {str(self.paths[at]) for at in gone} - {str(p) for p in kept}
        own: dict[int, list[Change]] = defaultdict(list)
        for change in changes:
            own[self._origin(change.annotation_id or 0)["line"]].append(change)
        out: list[str] = []
        cut: list[str] = []
        used: set[tuple[str, int]] = set()
        for number, line in enumerate(lines, 1):
            record = _record(line)
            if record is None:
                out.append(line)
            elif record["image"] in images:
                cut.append(line)
            elif number in own:
                out += self._edit_beside(line, record, own[number])
            else:
                out += self._follow(line, record, notes, used)
        for key in notes.values:
            if key not in used:
                if out and not out[-1].endswith("\n"):
                    out[-1] += "\n"
                out.append(self._new_note(key, {}, notes))
        text = "".join(out)
        if text == file.text:
            return
        before = (self.ds.root / path).read_bytes() if there else None
        yield Edited(path, before, file.encode(text), file.encode("".join(cut)) if cut else None)

    def _edit_beside(self, line: str, record: dict[str, Any], changes: list[Change]) -> list[str]:
        """A region that stands in the sidecar alone."""
        for change in changes:
            if change.action == "drop_box":
                return []
            if change.action == "relabel":
                record["class"] = int(self._class(change.category_id))
                record.pop("source_category", None)
            elif change.action == "replace_box":
                record["box"] = list(change.box or ())
            elif change.action == "set_weight":
                record["weight"] = change.weight
            elif change.action == "mark_ignore":
                record["ignore"] = True
        return [_line(record)]

    def _follow(
        self, line: str, record: dict[str, Any], notes: _Notes, used: set[tuple[str, int]]
    ) -> list[str]:
        """What stands beside a row, after the row itself changed, moved or went."""
        image, number = record["image"], record.get("row")
        if not isinstance(number, int):
            return [line]
        key = image, number
        if key in notes.values:
            used.add(key)
            return [self._new_note(key, record, notes)]
        if number in notes.dropped.get(image, ()):
            return []
        now = notes.shifted(image, number)
        if key in notes.renamed or now != number:
            record["row"] = now
            record["text"] = notes.renamed.get(key, record.get("text"))
            return [_line(record)]
        return [line]

    def _new_note(self, key: tuple[str, int], old: dict[str, Any], notes: _Notes) -> str:
        image, number = key
        values = {k: v for k, v in old.items() if k not in ("image", "row", "text")}
        values |= notes.values[key]
        if key not in notes.moved:
            where = {"row": notes.shifted(image, number), "text": notes.texts[key]}
            return _line({"image": image, **where, **values})
        row = notes.moved[key]
        words = notes.texts[key].split()
        for name in COLUMNS:
            given = self._value(name, row)
            if given is not None and name not in values:
                values[name] = COLUMNS[name](given)
        known = {"row": None, "class": int(float(words[0]))}
        box = notes.boxes.get(key) or self._box(row)
        return _line({"image": image, **known, "box": box, **values})

    def _box(self, row: int) -> list[float]:
        return [float(self._value(side, row)) for side in ("x1", "y1", "x2", "y2")]


class _Notes:
    """What became of rows that the sidecar may speak of, by (image, row)."""

    def __init__(self) -> None:
        self.dropped: dict[str, list[int]] = defaultdict(list)
        self.renamed: dict[tuple[str, int], str] = {}
        self.values: dict[tuple[str, int], dict[str, Any]] = {}
        self.moved: dict[tuple[str, int], int] = {}
        self.texts: dict[tuple[str, int], str] = {}
        self.boxes: dict[tuple[str, int], list[float]] = {}

    @cached_property
    def any(self) -> bool:
        """Whether a row changed that the sidecar may speak of."""
        return bool(self.dropped or self.renamed or self.values)

    def shifted(self, image: str, number: int) -> int:
        """The number of a row once the dropped ones are gone."""
        return number - sum(other < number for other in self.dropped.get(image, ()))


def _said(line: str) -> str:
    """A row as the reader keeps it."""
    words = line.split(None, 1)
    return f"{words[0]} {words[1].rstrip()}" if len(words) == 2 else line.strip()


def _with_word(line: str, at: int, text: str) -> str:
    """A row with one of its words replaced and the white space kept."""
    match = list(re.finditer(r"\S+", line))[at]
    return line[: match.start()] + text + line[match.end() :]


def _record(line: str) -> dict[str, Any] | None:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) and isinstance(value.get("image"), str) else None


def _line(record: dict[str, Any]) -> str:
    return clean(json.dumps(record, ensure_ascii=False)) + "\n"
