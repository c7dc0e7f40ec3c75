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

from ..dataset import Dataset, DatasetError
from . import _coco_file as file_
from . import _coco_table as table_
from ._build import Builder
from ._coco_file import NotCoco
from ._coco_joined import TableBuilder, TableRows
from ._coco_rows import File, Joined, Rows, classes_meet, split_of
from ._paths import Tree, parent, split_of_path, stem
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


def read_tree(
    tree: Tree, only: str | None = None, parser: str = "auto", workers: int | None = None
) -> Dataset:
    """Read the COCO files of a folder.

    Parameters
    ----------
    tree : Tree
        The folder's files.
    only : str, optional
        Read this one file, relative to the root, and no other.
    parser : {"auto", "native", "plain"}
        "plain" reads record by record in Python; the others give the same, sooner.
    workers : int, optional
        Threads of the native parser.

    Raises
    ------
    DatasetError
        If there is no COCO file, or if no one can be parsed.
    """
    native = parser != "plain"
    builder = TableBuilder(tree, "coco") if native else Builder(tree, "coco")
    files, errors = _parse_all(tree, builder, only, native, workers)
    if not files:
        _fail(tree, builder, errors, only)
    for path, error in errors:
        builder.problem(error.kind, error.message, file=path, line=error.line)
    chosen = _choose(files, builder) if len(files) > 1 else files
    several = len(chosen) > 1
    rows: Joined[Any] = (
        TableRows(builder, several) if isinstance(builder, TableBuilder) else Rows(builder, several)
    )
    annotated = any(file.annotation_count or file.categories for file in chosen)
    meta = {"declared_splits": sorted({s for f in chosen if (s := split_of(f)) is not None})}
    while chosen:
        rows.add(chosen.pop(0))  # a file's columns are held once: here or in the builder
    if not annotated:
        builder.set_unlabelled()
    unlisted = tree.beside(builder.image_paths()) if tree.images else []
    builder.add_unlisted(unlisted, "missing" if annotated else "unlabelled", split_of_path)
    builder.meta["convention"] = "0-based, half-open x, y, width, height"
    builder.meta.update(meta)
    return builder.finish(tree.root)


def _parse_all(
    tree: Tree, builder: Builder, only: str | None, native: bool, workers: int | None
) -> tuple[list[File], list[tuple[str, LabelFileError]]]:
    files: list[File] = []
    errors = []
    for path in [only] if only is not None else tree.files_of(".json"):
        if only is None and not looks_like_coco(tree.path(path)):
            builder.ignore(path, "it does not begin as one")
            continue
        try:
            if native:
                files.append(table_.parse(path, tree.path(path), MAX_BYTES, workers))
            else:
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


def _kind_rank(file: File) -> int:
    name = stem(file.path).lower()
    for rank, kind in enumerate(_KINDS):
        if name.startswith(kind):
            return rank
    return 0


def _choose(files: list[File], builder: Builder) -> list[File]:
    """The files to read, in the order of their paths; the others are named as ignored."""
    by_split: dict[str | None, list[File]] = defaultdict(list)
    for file in files:
        by_split[split_of(file)].append(file)
    kept = {split: _without_versions(group, builder) for split, group in by_split.items()}
    loose = kept.pop(None, [])
    split_files = [file for group in kept.values() for file in group]
    if split_files:
        loose, split_files = _settle_loose(loose, split_files, builder)
    return sorted([*loose, *split_files], key=lambda file: file.path)


def _without_versions(group: list[File], builder: Builder) -> list[File]:
    """One split's files without those that are other versions of a larger one."""
    kept: list[File] = []
    order = sorted(group, key=lambda f: (_kind_rank(f), -len(f.images), -len(f.index), f.path))
    for file in order:
        names = _identities(file)
        other = next((k for k in kept if names and names <= _identities(k)), None)
        if other is None:
            kept.append(file)
        elif _kind_rank(file) > _kind_rank(other) or classes_meet(file, other):
            builder.ignore(file.path, f"all its images are in {quote(other.path)}, which is read")
        else:
            kept.append(file)
    return kept


def _identities(file: File) -> set[str]:
    """Image names that can be compared between files, folders and all."""
    here = parent(file.path)
    # train/_annotations.coco.json and val/_annotations.coco.json both name "1.jpg".
    prefix = "" if here.rpartition("/")[2].lower().startswith("annotation") else here + "/"
    return {prefix + name for name in file.image_names()}


def _settle_loose(
    loose: list[File], split_files: list[File], builder: Builder
) -> tuple[list[File], list[File]]:
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
