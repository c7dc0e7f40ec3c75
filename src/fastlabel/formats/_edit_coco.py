"""Records of COCO files edited in place."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from ..dataset import Dataset, DatasetError
from ._change import Change, Edited, load_text, place
from ._json_stream import Member, Scanner
from ._label_files import LabelFiles
from ._text import LabelFileError, quote
from ._write_coco import plain, short, sides
from .coco import MAX_BYTES

__all__ = ["CocoEditor"]


@dataclass
class _Array:
    """The elements of one of the three lists, by positions in the text."""

    open: int = -1  # after the '['
    starts: list[int] = field(default_factory=list)
    ends: list[int] = field(default_factory=list)


class CocoEditor:
    """Edits the JSON files of a set."""

    def __init__(self, ds: Dataset, labels: LabelFiles) -> None:
        self.ds = ds
        self.labels = labels
        self.names: list[str] = ds.categories["name"].to_pylist()

    def why_not(self, change: Change) -> str | None:
        """Why a change cannot be made; None where it can."""
        if change.action == "add_box" and self.labels.of(change.image_id) is None:
            return "no label file has a record of the image; add one first"
        if change.category_id is not None and change.action in ("relabel", "add_box"):
            file = self._file_of(change)
            if file is not None and not self.labels.declares(file, change.category_id):
                name = self.names[change.category_id]
                return f"{quote(file)} declares no class {quote(name)}; add it there first"
        return None

    def _file_of(self, change: Change) -> str | None:
        if change.annotation_id is None:
            return self.labels.of(change.image_id)
        file: str | None = self.origin(change.annotation_id)["file"]
        return file

    def origin(self, row: int) -> dict[str, Any]:
        """Where an annotation stands."""
        found: dict[str, Any] = self.ds.annotations["origin"][row].as_py()
        return found

    def edits(self, changes: Sequence[Change]) -> Iterator[Edited]:
        """All files that differ afterwards."""
        by_file: dict[str, list[Change]] = defaultdict(list)
        for change in changes:
            if change.annotation_id is not None:
                by_file[self.origin(change.annotation_id)["file"]].append(change)
            elif change.action == "drop_image":
                labels = self.labels
                for path in (
                    *labels.all_of(change.image_id),
                    *labels.also_listing(change.image_id),
                ):
                    by_file[path].append(change)
            else:
                by_file[self.labels.all_of(change.image_id)[0]].append(change)
        for path, wanted in by_file.items():
            yield _FileEditor(self, path).edit(wanted)


class _FileEditor:
    """One file: its text, where its records are, and the pieces that are replaced."""

    def __init__(self, editor: CocoEditor, path: str) -> None:
        self.ds = editor.ds
        self.editor = editor
        self.path = path
        self.real = editor.labels.tree.real(path)
        self.file = load_text(self.ds, path, MAX_BYTES)
        self.text = self.file.text
        self.scanner = Scanner(self.text)
        self.arrays = {name: _Array() for name in ("images", "annotations", "categories")}
        self.pieces: list[tuple[int, int, str]] = []
        self._classes: dict[int, str] = {}
        try:
            self._scan()
        except LabelFileError as error:
            raise self._fail(error.message) from error

    def _fail(self, what: str) -> DatasetError:
        return DatasetError(f"{self.ds.root / self.path}: {what}")

    def _scan(self) -> None:
        scanner = self.scanner
        for key, start in scanner.members(scanner.space(0)):
            if key in self.arrays and self.text[start : start + 1] == "[":
                array = self.arrays[key] = _Array(start + 1)
                for at in scanner.items(start):
                    _, scanner.end = scanner.value(at)
                    array.starts.append(at)
                    array.ends.append(scanner.end)
            else:
                _, scanner.end = scanner.value(start)

    def edit(self, changes: list[Change]) -> Edited:
        """All changes of this file."""
        by_row: dict[int, list[Change]] = defaultdict(list)
        added, gone = [], []
        for change in changes:
            if change.action == "drop_image":
                gone.append(change)
            elif change.annotation_id is None:
                added.append(change)
            else:
                by_row[change.annotation_id].append(change)
        drop: dict[str, set[int]] = {"images": set(), "annotations": set()}
        for row, wanted in by_row.items():
            index = self._index(row)
            if any(change.action == "drop_box" for change in wanted):
                drop["annotations"].add(index)
            else:
                self._record(row, index, wanted)
        cut = self._drop_images(gone, drop) if gone else None
        for name, indices in drop.items():
            self._remove(self.arrays[name], indices)
        if added:
            self._add(added, drop["annotations"])
        before = (self.ds.root / self.path).read_bytes()
        after = self.file.encode(self._patched())
        return Edited(self.real, before, after, None if cut is None else self.file.encode(cut))

    def _patched(self) -> str:
        out, at = [], 0
        for start, end, text in sorted(self.pieces, key=lambda piece: piece[:2]):
            out += [self.text[at:start], text]
            at = end
        return "".join([*out, self.text[at:]])

    # --- one annotation -----------------------------------------------------------------

    def _index(self, row: int) -> int:
        """The place of an annotation among its file's, where it still says what it said."""
        origin = self.editor.origin(row)
        index = int(str(origin["pointer"]).rpartition("/")[2])
        array = self.arrays["annotations"]
        found = None
        if index < len(array.starts):
            members = self.scanner.record(array.starts[index]) or []
            spans = {key: (start, end) for key, _, start, end in members}
            if "bbox" in spans:
                found = self.scanner.compact(*spans["bbox"])
        if found != origin["raw"]:
            raise self._fail(
                f"{origin['pointer']} has no bbox {quote(origin['raw'])} any more; read the set "
                "and make the plan again"
            )
        return index

    def _record(self, row: int, index: int, changes: list[Change]) -> None:
        members = self.scanner.record(self.arrays["annotations"].starts[index]) or []
        values: dict[str, str] = {}
        for change in changes:
            if change.action == "relabel":
                values["category_id"] = self._category(change.category_id)
            elif change.action == "replace_box":
                values |= self._box(change, members)
            elif change.action == "set_weight":
                values["weight"] = _dump(plain(float(change.weight or 0.0)))
            elif change.action == "mark_ignore":
                values["ignore"] = "1"
                # Evaluation and training know iscrowd alone; `crowd` keeps the two apart.
                if not self.ds.annotations["crowd"][row].as_py():
                    values |= {"iscrowd": "1", "crowd": "0"}
        self._set(members, values)

    def _box(self, change: Change, members: list[Member]) -> dict[str, str]:
        assert change.box is not None
        found = {key: value for key, value, _, _ in members}
        boxes, inexact = sides(np.array([change.box], np.float64), None)
        box = [short(value) for value in boxes[0].tolist()]
        values = {"bbox": _dump(box)}
        old, area = found.get("bbox"), found.get("area")
        is_box_area = (
            isinstance(area, int | float)
            and isinstance(old, list)
            and abs(area - old[2] * old[3]) <= 1e-6 * max(1.0, abs(area))
        )
        if is_box_area:  # the area of a mask is no affair of the box
            values["area"] = _dump(short(box[2] * box[3]))
        if inexact[0] or "xyxy" in found:
            values["xyxy"] = _dump(list(change.box))
        return values

    def _set(self, members: list[Member], values: dict[str, str]) -> None:
        """Replace the values of keys, the last of the same name; add those that are not there."""
        spans = {key: (start, end) for key, _, start, end in members}
        missing = []
        for key, text in values.items():
            if key in spans:
                self.pieces.append((*spans[key], text))
            else:
                missing.append((key, text))
        if not missing:
            return
        end = members[-1][3]
        between, colon = self._style(members)
        added = "".join(f'{between}"{key}"{colon}{text}' for key, text in missing)
        self.pieces.append((end, end, added))

    def _style(self, members: list[Member]) -> tuple[str, str]:
        """How this record parts its members, and a key from its value."""
        *_, (key, _, start, _) = members
        text = self.text
        quoted = text.rfind('"', 0, text.rfind('"', 0, start))
        # The key as it is written may hold escapes: then the plain style will do.
        plain_key = text[quoted:start].startswith(f'"{key}"')
        colon = text[quoted + len(key) + 2 : start] if plain_key else ": "
        if len(members) < 2 or not plain_key:
            return ", ", colon
        return text[members[-2][3] : quoted], colon

    def _category(self, category: int | None) -> str:
        """The id of a class in this file, as it is written there."""
        dense = category or 0
        if dense not in self._classes:
            self._classes[dense] = self._find_category(dense)
        return self._classes[dense]

    def _find_category(self, category: int) -> str:
        name = self.editor.names[category]
        for start in self.arrays["categories"].starts:
            members = self.scanner.record(start) or []
            found = {key: (value, a, b) for key, value, a, b in members}
            if "id" not in found or isinstance(found["id"][0], list | dict | None):
                continue
            own = found["name"][0] if "name" in found else None
            same = (str(found["id"][0]) if own is None else str(own)) == name
            if same and not self._is_twin(category, name, found["id"][0]):
                return self.text[found["id"][1] : found["id"][2]]
        raise self._fail(f"declares no class {quote(name)}; add it to its categories first")

    def _is_twin(self, category: int, name: str, key: Any) -> bool:
        """Whether another class of the same name is meant."""
        same = [at for at, other in enumerate(self.editor.names) if other == name]
        if len(same) < 2:
            return False
        source = self.ds.categories["source_id"][category].as_py()
        return bool(str(key) != source)

    # --- records that go and come -------------------------------------------------------

    def _remove(self, array: _Array, indices: set[int]) -> None:
        """Take elements out, each with the comma that parted it."""
        if not indices:
            return
        kept = [at for at in range(len(array.starts)) if at not in indices]
        if not kept:
            self.pieces.append((array.starts[0], array.ends[-1], ""))
            return
        for at in sorted(indices):
            if at < kept[-1]:
                self.pieces.append((array.starts[at], array.starts[at + 1], ""))
        if kept[-1] < len(array.starts) - 1:
            self.pieces.append((array.ends[kept[-1]], array.ends[-1], ""))

    @cached_property
    def _images(self) -> dict[str, list[tuple[int, str | None]]]:
        """Records of images by file name: (index, id as text)."""
        found: dict[str, list[tuple[int, str | None]]] = defaultdict(list)
        for at, start in enumerate(self.arrays["images"].starts):
            value, _ = self.scanner.value(start)
            if isinstance(value, dict) and isinstance(value.get("file_name"), str):
                key = value.get("id")
                found[value["file_name"]].append((at, None if key is None else str(key)))
        return found

    def _image_index(self, image: int) -> int:
        row = self.ds.images.slice(image, 1).to_pylist()[0]
        # The files of one split may be parts of one set, with ids of their own.
        files = self.editor.labels.coco_files
        several = len(files) > 1 or self.path not in files
        records = self._images.get(row["file_name"], [])
        found = [at for at, key in records if several or key == row["source_id"]]
        if len(found) != 1:
            raise self._fail(
                f"has {len(found)} records of the image {quote(row['file_name'])}, expected one; "
                "mend that first"
            )
        return found[0]

    def _image_key(self, index: int) -> Member | None:
        members = self.scanner.record(self.arrays["images"].starts[index]) or []
        return next((m for m in reversed(members) if m[0] == "id"), None)

    def _drop_images(self, changes: list[Change], drop: dict[str, set[int]]) -> str:
        """Mark the records of images and of all that names them; returns them as a file."""
        keys = []
        for change in changes:
            index = self._image_index(change.image_id)
            drop["images"].add(index)
            key = self._image_key(index)
            if key is not None:
                keys.append(key[1])
        images, annotations = self.arrays["images"], self.arrays["annotations"]
        known = {(type(key), key) for key in keys if not isinstance(key, list | dict)}
        mine = []
        for at, start in enumerate(annotations.starts):
            value, _ = self.scanner.value(start)
            key = value.get("image_id") if isinstance(value, dict) else None
            if not isinstance(key, list | dict | None) and (type(key), key) in known:
                mine.append(at)
        drop["annotations"].update(mine)
        parts = []
        for name, array, indices in (
            ("images", images, sorted(drop["images"])),
            ("annotations", annotations, mine),
            ("categories", self.arrays["categories"], range(len(self.arrays["categories"].starts))),
        ):
            texts = [self.text[array.starts[i] : array.ends[i]] for i in indices]
            parts.append(f'"{name}": [\n' + ",\n".join(texts) + "\n]")
        return "{" + ",\n".join(parts) + "}\n"

    def _add(self, changes: list[Change], dropped: set[int]) -> None:
        array = self.arrays["annotations"]
        if array.open < 0:
            raise self._fail("has no list of annotations to add a box to")
        ids = []
        for start in array.starts:
            value, _ = self.scanner.value(start)
            if isinstance(value, dict):
                ids.append(value.get("id"))
        whole = [i for i in ids if isinstance(i, int) and not isinstance(i, bool)]
        first = max(whole, default=0) + 1
        texts = []
        for at, change in enumerate(changes):
            key = self._image_key(self._image_index(change.image_id))
            if key is None:
                raise self._fail(f"{place(self.ds, change)}: its record has no id")
            assert change.box is not None
            boxes, inexact = sides(np.array([change.box], np.float64), None)
            box = [short(value) for value in boxes[0].tolist()]
            extra = f', "xyxy": {_dump(list(change.box))}' if inexact[0] else ""
            texts.append(
                f'{{"id": {first + at}, "image_id": {self.text[key[2] : key[3]]}, '
                f'"category_id": {self._category(change.category_id)}, "bbox": {_dump(box)}, '
                f'"area": {_dump(short(box[2] * box[3]))}, "iscrowd": 0{extra}}}'
            )
        kept = [at for at in range(len(array.starts)) if at not in dropped]
        between = self._between(array)
        added = between.join(texts)
        if kept:
            end = array.ends[-1]
            self.pieces.append((end, end, between + added))
        else:
            self.pieces.append((array.open, array.open, added))

    def _between(self, array: _Array) -> str:
        """What parts two annotations of this file."""
        if len(array.starts) < 2:
            return ", "
        return self.text[array.ends[-2] : array.starts[-1]]


def _dump(value: Any) -> str:
    return json.dumps(value)
