"""COCO instances: one JSON file, or a folder that holds several.

Several files in one folder are usually splits, and read as such. A file whose images
are all listed by others of the same split *and* whose classes overlap theirs is another
version of the same labels (a subset, an older export): reading both would count every
box twice, so the one with the most images is read and the other named in
``meta["ignored_files"]``. A file with classes of its own (people in one, cars in the
other) adds its boxes to the same images. Files of different splits are always all read,
so that an image listed in two splits shows as the leak it is.
"""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np

from ..dataset import Dataset, DatasetError
from . import _coco_file as file_
from ._build import NOT_KNOWN, Builder
from ._coco_file import CocoFile, NotCoco
from ._paths import Tree, parent, split_of_name, split_of_path, stem
from ._text import LabelFileError, decode, printable, quote, read_text

__all__ = ["looks_like_coco", "read_tree"]

MAX_BYTES = 4 << 30

_HEAD = 1 << 16
_SECTION = re.compile(r'"(?:images|annotations|categories)"\s*:\s*\[')

# What the files of one official release are called, the detection labels first.
_KINDS = ("instances", "person_keypoints", "keypoints", "stuff", "panoptic", "labels")


def looks_like_coco(path: Path) -> bool:
    """Whether a JSON file begins or ends like COCO; the whole is not parsed."""
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD)
            size = file.seek(0, 2)
            file.seek(max(_HEAD, size - _HEAD))
            tail = file.read(_HEAD)
    except OSError:
        return False
    if head[:2] in (b"\xff\xfe", b"\xfe\xff"):
        try:
            text = decode(head[: len(head) // 4 * 4])
        except LabelFileError:
            return False
    else:
        text = (head + tail).decode("latin-1")
    return text.lstrip("\ufeffï»¿ \t\r\n").startswith("{") and _SECTION.search(text) is not None


def read_tree(tree: Tree, only: str | None = None) -> Dataset:
    """Read the COCO files of a folder.

    Parameters
    ----------
    tree : Tree
        The folder's files.
    only : str, optional
        Read this one file, relative to the root, and no other.

    Raises
    ------
    DatasetError
        If there is no COCO file, or if no one can be parsed.
    """
    builder = Builder(tree, "coco")
    files, errors = _parse_all(tree, builder, only)
    if not files:
        _fail(tree, builder, errors, only)
    for path, error in errors:
        builder.problem(error.kind, error.message, file=path, line=error.line)
    chosen = _choose(files, builder) if len(files) > 1 else files
    rows = _Rows(builder, len(chosen) > 1)
    for file in chosen:
        rows.add(file)
    annotated = any(file.annotation_count or file.categories for file in chosen)
    if not annotated:
        builder.images["label_state"] = ["unlabelled"] * len(builder.images["file_name"])
    unlisted = tree.beside(builder.images["path"])
    builder.add_unlisted(unlisted, "missing" if annotated else "unlabelled", split_of_path)
    builder.meta["convention"] = "0-based, half-open x, y, width, height"
    builder.meta["declared_splits"] = sorted({s for f in chosen if (s := _split(f)) is not None})
    return builder.finish(tree.root)


def _parse_all(
    tree: Tree, builder: Builder, only: str | None
) -> tuple[list[CocoFile], list[tuple[str, LabelFileError]]]:
    files: list[CocoFile] = []
    errors = []
    for path in [only] if only is not None else tree.files_of(".json"):
        if only is None and not looks_like_coco(tree.path(path)):
            builder.ignore(path, "it does not begin as one")
            continue
        try:
            files.append(file_.parse(path, read_text(tree.path(path), MAX_BYTES)))
        except LabelFileError as error:
            errors.append((path, error))
        except NotCoco as reason:
            builder.ignore(path, str(reason))
    return files, errors


def _fail(
    tree: Tree, builder: Builder, errors: list[tuple[str, LabelFileError]], only: str | None
) -> None:
    if errors:
        path, error = errors[0]
        raise DatasetError(f"{printable(tree.root / path)}: {error.message}")
    if builder.ignored:
        first = builder.ignored[0]
        hint = "; for the pixel rules alone use the format 'images'" if tree.images else ""
        raise DatasetError(
            f"{printable(tree.root / first['file'])}: not COCO instances: {first['reason']}{hint}"
        )
    raise DatasetError(f"{printable(tree.root)}: no json file in it, so no COCO labels")


# --- which files ------------------------------------------------------------------------


def _split(file: CocoFile) -> str | None:
    if file.split is not None:
        return file.split
    name = stem(file.path)
    if re.search(r"(?:^|[^a-z])trainval", name.lower()):
        return None
    return split_of_name(name) or split_of_path(file.path)


def _kind_rank(file: CocoFile) -> int:
    name = stem(file.path).lower()
    for rank, kind in enumerate(_KINDS):
        if name.startswith(kind):
            return rank
    return 0


def _choose(files: list[CocoFile], builder: Builder) -> list[CocoFile]:
    """The files to read, in the order of their paths; the others are named as ignored."""
    by_split: dict[str | None, list[CocoFile]] = defaultdict(list)
    for file in files:
        by_split[_split(file)].append(file)
    kept = {split: _without_versions(group, builder) for split, group in by_split.items()}
    loose = kept.pop(None, [])
    split_files = [file for group in kept.values() for file in group]
    if split_files:
        loose, split_files = _settle_loose(loose, split_files, builder)
    return sorted([*loose, *split_files], key=lambda file: file.path)


def _without_versions(group: list[CocoFile], builder: Builder) -> list[CocoFile]:
    """One split's files without those that are other versions of a larger one."""
    kept: list[CocoFile] = []
    order = sorted(group, key=lambda f: (_kind_rank(f), -len(f.images), -len(f.index), f.path))
    for file in order:
        names = _identities(file)
        other = next((k for k in kept if names and names <= _identities(k)), None)
        if other is None:
            kept.append(file)
        elif _kind_rank(file) > _kind_rank(other) or _classes_meet(file, other):
            builder.ignore(file.path, f"all its images are in {quote(other.path)}, which is read")
        else:
            kept.append(file)
    return kept


def _classes_meet(file: CocoFile, other: CocoFile) -> bool:
    ours, theirs = file.category_names(), other.category_names()
    return not ours or not theirs or bool(ours & theirs)


def _identities(file: CocoFile) -> set[str]:
    """Image names that can be compared between files, folders and all."""
    here = parent(file.path)
    # train/_annotations.coco.json and val/_annotations.coco.json both name "1.jpg".
    prefix = "" if here.rpartition("/")[2].lower().startswith("annotation") else here + "/"
    return {prefix + name for name in file.image_names()}


def _settle_loose(
    loose: list[CocoFile], split_files: list[CocoFile], builder: Builder
) -> tuple[list[CocoFile], list[CocoFile]]:
    """Files without a split against those with one: the union of splits, or the whole."""
    union = set().union(*(_identities(file) for file in split_files))
    rest = []
    for file in loose:
        names = _identities(file)
        if names and names <= union:
            builder.ignore(file.path, "all its images are in the files of the splits")
        elif names > union and len(split_files) > 0:
            for part in split_files:
                builder.ignore(part.path, f"all its images are in {quote(file.path)}")
            return [file], []
        else:
            rest.append(file)
    return rest, split_files


# --- rows -------------------------------------------------------------------------------


class _Rows:
    """Appends one parsed file after the other to a builder."""

    def __init__(self, builder: Builder, several: bool) -> None:
        self.builder = builder
        self.tree = builder.tree
        self.several = several
        self.images: dict[tuple[str | None, str], int] = {}  # (split, path) -> image
        self.image_owner: dict[int, CocoFile] = {}
        self.class_names: dict[str, int] = {}

    def add(self, file: CocoFile) -> None:
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

    def _add_categories(self, file: CocoFile) -> dict[Any, int]:
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

    def _add_images(self, file: CocoFile) -> dict[Any, int]:
        builder, split = self.builder, _split(file)
        finder = _ImageFinder(self.tree, file.path, split)
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

    def _claim(
        self, file: CocoFile, image: file_.Image, key: tuple[str | None, str], row: int
    ) -> None:
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

    def _shared_row(self, file: CocoFile, split: str | None, path: str | None) -> int | None:
        """The row another file of the split made for this image, if the files are parts."""
        if not self.several or path is None:
            return None
        row = self.images.get((split, path))
        if row is None:
            return None
        # Files whose classes overlap are versions: theirs are rows of their own, so that
        # the duplicate shows. So is an image that one file lists twice.
        owner = self.image_owner[row]
        return None if owner is file or _classes_meet(file, owner) else row

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


class _ImageFinder:
    """Turns the file names of one JSON file into paths."""

    def __init__(self, tree: Tree, json_path: str, split: str | None) -> None:
        self.tree = tree
        self.split = split
        here = parent(json_path)
        above = parent(here)
        self.bases = list(
            dict.fromkeys([here, above, "", _join(here, "images"), _join(above, "images")])
        )
        self.last = here  # where the last image was found: an absent one belongs there

    def find(self, name: str) -> str | None:
        """Path of an image, whether or not it exists; None if it leads outside."""
        path, found = self.tree.locate(name, self.bases)
        if path is None:
            return None
        if not found:
            path = self._by_base_name(name) or self._expected(name, path)
        return path

    def _by_base_name(self, name: str) -> str | None:
        text = name.replace("\\", "/")
        candidates = self.tree.images_named(text.rpartition("/")[2])
        if len(candidates) > 1:
            exact = [path for path in candidates if path.endswith("/" + text)]
            candidates = exact or candidates
        if len(candidates) > 1 and self.split is not None:
            candidates = [path for path in candidates if split_of_path(path) == self.split]
        if len(candidates) != 1:
            return None
        if candidates[0].endswith("/" + text):
            self.last = candidates[0][: -len(text) - 1]
        return candidates[0]

    def _expected(self, name: str, path: str) -> str:
        return self.tree.inside(self.last, name.replace("\\", "/")) or path


def _join(folder: str, name: str) -> str:
    return f"{folder}/{name}" if folder else name
