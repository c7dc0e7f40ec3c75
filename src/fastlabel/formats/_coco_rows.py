"""The rows of parsed COCO files joined into one data set, record by record."""

from __future__ import annotations

import re
from typing import Any, Generic, Protocol, TypeVar

import numpy as np

from ._build import NOT_KNOWN, Builder
from ._coco_file import CocoFile, Image
from ._coco_paths import ImageFinder
from ._coco_table import CocoTable
from ._paths import split_of_name, split_of_path, stem
from ._text import quote

__all__ = ["File", "Ids", "Joined", "Rows", "classes_meet", "split_of"]

File = CocoFile | CocoTable


def split_of(file: File) -> str | None:
    """The split a whole file is of."""
    if file.split is not None:
        return file.split
    name = stem(file.path)
    if re.search(r"(?:^|[^a-z])trainval", name.lower()):
        return None
    return split_of_name(name) or split_of_path(file.path)


def classes_meet(file: File, other: File) -> bool:
    """Whether two files label the same classes, so that one may be a version of the other."""
    ours, theirs = file.category_names(), other.category_names()
    return not ours or not theirs or bool(ours & theirs)


class Ids(Protocol):
    """Rows of images by their ids in the file."""

    def get(self, key: Any, /) -> int | None: ...


FileT = TypeVar("FileT", CocoFile, CocoTable)


class Joined(Generic[FileT]):
    """Appends one parsed file after the other to a builder."""

    def __init__(self, builder: Builder, several: bool) -> None:
        self.builder = builder
        self.tree = builder.tree
        self.several = several
        self.images: dict[tuple[str | None, str], int] = {}  # (split, path) -> image
        self.image_owner: dict[int, FileT] = {}
        self.class_names: dict[str, int] = {}

    def add(self, file: FileT) -> None:
        index = self.builder.add_file(file.path)
        classes = self._add_categories(file)
        ids = self._add_images(file)
        self._add_annotations(file, index, ids, classes)
        for bad in file.bad:
            self.builder.problem(
                bad.kind,
                bad.message,
                file=file.path,
                pointer=bad.pointer,
                value=bad.value,
                image_id=ids.get(bad.image_key) if bad.image_key is not None else None,
            )

    def _add_categories(self, file: FileT) -> dict[Any, int]:
        """Class ids of the file to dense ids; equal names of several files are one class."""
        builder = self.builder
        ids: dict[Any, int] = {}
        own: dict[str, int] = {}
        for key, name, above, index in file.categories:
            dense = self.class_names.get(name, NOT_KNOWN)
            if dense == NOT_KNOWN or name in own:
                dense = len(builder.categories)
                builder.categories.append((str(key), name, above))
            own.setdefault(name, dense)
            if key in ids:
                builder.problem(
                    "duplicate-id",
                    f"the category id {quote(key)} is given twice "
                    f"({quote(builder.categories[ids[key]][1])} and {quote(name)}); renumber one",
                    file=file.path,
                    pointer=f"/categories/{index}",
                    value=key,
                )
            else:
                ids[key] = dense
        for name, dense in own.items():
            self.class_names.setdefault(name, dense)
        return ids

    def _add_images(self, file: FileT) -> Ids:
        raise NotImplementedError

    def _add_annotations(
        self, file: FileT, file_index: int, ids: Any, classes: dict[Any, int]
    ) -> None:
        raise NotImplementedError

    def _shared_row(self, file: FileT, split: str | None, path: str | None) -> int | None:
        """The row another file of the split made for this image, if the files are parts."""
        if not self.several or path is None:
            return None
        row = self.images.get((split, path))
        if row is None:
            return None
        # Files whose classes overlap are versions: theirs are rows of their own, so that
        # the duplicate shows. So is an image that one file lists twice.
        owner = self.image_owner[row]
        return None if owner is file or classes_meet(file, owner) else row


class Rows(Joined[CocoFile]):
    """The same of files that are read record by record."""

    def _add_images(self, file: CocoFile) -> dict[Any, int]:
        builder, split = self.builder, split_of(file)
        finder = ImageFinder(self.tree, file.path, split)
        ids: dict[Any, int] = {}
        for image in file.images:
            path = finder.find(image.file_name)
            own_split = split or split_of_path(image.file_name.replace("\\", "/"))
            place: dict[str, Any] = {"file": file.path, "pointer": f"/images/{image.index}"}
            row = self._shared_row(file, own_split, path)
            if row is None:
                row = builder.add_image(
                    image.file_name,
                    path,
                    label_state="labelled_empty",
                    split=own_split,
                    source_id=None if image.id is None else str(image.id),
                    size=image.size,
                    attributes=image.attributes,
                )
                if path is None:
                    builder.escape(image.file_name, image_id=row, **place)
                else:
                    self._claim(file, image, (own_split, path), row)
            if image.id is None:
                continue
            if image.id in ids:
                builder.problem(
                    "duplicate-id",
                    f"the image id {quote(image.id)} is given twice; annotations go to the "
                    "first image: renumber the other",
                    value=image.id,
                    image_id=row,
                    **place,
                )
            else:
                ids[image.id] = row
        return ids

    def _claim(self, file: CocoFile, image: Image, key: tuple[str | None, str], row: int) -> None:
        """Remember who listed a path; a second listing in the split is a problem."""
        first = self.images.setdefault(key, row)
        self.image_owner[row] = file
        if first != row:
            self.builder.problem(
                "duplicate-id",
                f"{quote(image.file_name)} is listed twice, so one picture has two records; "
                "keep one and give it all boxes",
                file=file.path,
                pointer=f"/images/{image.index}",
                value=image.file_name,
                image_id=row,
            )

    def _add_annotations(
        self, file: CocoFile, file_index: int, ids: dict[Any, int], classes: dict[Any, int]
    ) -> None:
        builder = self.builder
        keep = []  # rows of the file that belong to an image
        image_ids = []
        for row, key in enumerate(file.image_key):
            image_id = _look_up(ids, key)
            if image_id is None:
                self._orphan(file, row, key, ids)
            else:
                keep.append(row)
                image_ids.append(image_id)
        columns = builder.annotations
        first = len(columns)
        category_ids = [_look_up(classes, file.category_key[row]) for row in keep]
        columns.image_id.extend(image_ids)
        columns.category_id.extend(NOT_KNOWN if c is None else c for c in category_ids)
        boxes = np.array(file.boxes, dtype=np.float64).reshape(-1, 4)[keep]
        columns.boxes.frombytes(np.ascontiguousarray(boxes).tobytes())
        columns.file.extend([file_index] * len(keep))
        columns.line.extend([NOT_KNOWN] * len(keep))
        columns.raw.extend(file.raw[row] for row in keep)
        columns.source_category.extend(_id_text(file.category_key[row]) for row in keep)
        _extend_rare(
            columns.rare, "pointer", first, [f"/annotations/{file.index[r]}" for r in keep]
        )
        _extend_rare(columns.rare, "source_id", first, [_id_text(file.id[r]) for r in keep])
        for name, values in file.columns.items():
            values.extend([None] * (len(file.index) - len(values)))
            _extend_rare(columns.rare, name, first, [values[row] for row in keep])
        states = builder.images["label_state"]
        for image_id in set(image_ids):
            states[image_id] = "labelled"
        for bad in file.bad:  # an annotation that could not be read is no checked negative
            if bad.pointer.startswith("/annotations/") and bad.image_key in ids:
                states[ids[bad.image_key]] = "labelled"
        self._note_ids(file, keep, image_ids, category_ids, first)

    def _orphan(self, file: CocoFile, row: int, key: Any, ids: dict[Any, int]) -> None:
        twin: int | str | None = None
        if isinstance(key, str) and key.isascii() and key.isdigit():
            twin = int(key)
        elif isinstance(key, int):
            twin = str(key)
        hint = f"; there is {twin!r}, of another type" if twin is not None and twin in ids else ""
        self.builder.problem(
            "orphan-annotation",
            f"image_id {quote(key) if not isinstance(key, str) else repr(key)[:80]} is no image "
            f"of this file{hint}; add the image or remove the annotation",
            file=file.path,
            pointer=f"/annotations/{file.index[row]}",
            value=key,
        )

    def _note_ids(
        self,
        file: CocoFile,
        keep: list[int],
        image_ids: list[int],
        category_ids: list[int | None],
        first: int,
    ) -> None:
        seen: dict[Any, int] = {}
        for at, row in enumerate(keep):
            place: dict[str, Any] = {
                "file": file.path,
                "pointer": f"/annotations/{file.index[row]}",
                "image_id": image_ids[at],
                "annotation_id": first + at,
            }
            if category_ids[at] is None:
                key = file.category_key[row]
                self.builder.problem(
                    "unknown-category",
                    f"category_id {quote(key)} is not declared under categories; "
                    "declare it or correct the annotation",
                    value=key,
                    **place,
                )
            key = file.id[row]
            if key is None or isinstance(key, list | dict):
                continue
            if key in seen:
                self.builder.problem(
                    "duplicate-id",
                    f"the annotation id {quote(key)} is given twice "
                    f"(first at /annotations/{seen[key]}); renumber one",
                    value=key,
                    **place,
                )
            else:
                seen[key] = file.index[row]


def _extend_rare(rare: dict[str, list[Any]], name: str, first: int, values: list[Any]) -> None:
    column = rare.setdefault(name, [])
    column.extend([None] * (first - len(column)))
    column.extend(values)


def _look_up(ids: dict[Any, int], key: Any) -> int | None:
    return None if key is None or isinstance(key, list | dict) else ids.get(key)


def _id_text(key: Any) -> str | None:
    return None if key is None else str(key)
