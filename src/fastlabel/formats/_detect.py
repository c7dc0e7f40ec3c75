"""What a path holds: which format, found by looking at the files and no further."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from ..dataset import DatasetError
from ..source import ImageSource
from ._paths import IMAGE_EXTENSIONS, Tree, stem, walk
from ._text import printable

__all__ = ["Source", "open_source"]


@dataclass
class Source:
    """A path, walked, and the format it will be read as."""

    tree: Tree
    format: str
    #: the one label file (or image) to read, relative to the root
    file: str | None = None
    #: other formats that the folder holds
    also: list[str] = field(default_factory=list)
    #: what holds the images of a folder that has none of its own
    archives: ImageSource | None = None


def open_source(
    path: str | os.PathLike[str], format: str, images: ImageSource | None = None
) -> Source:
    """Walk a path and settle its format. ``images`` take the place of those on the disk.

    Raises
    ------
    DatasetError
        If it does not exist, is empty, or holds nothing that is recognised.
    """
    where = Path(path).absolute()
    try:
        if where.is_dir():
            return _open_folder(where, format, images)
        if where.is_file():
            return _open_file(where, format, images)
    except (OSError, ValueError) as error:  # a name too long, or with a NUL in it
        raise DatasetError(f"{str(path)[:200]!r} cannot be opened: {error}") from error
    if where.exists():
        raise DatasetError(f"{printable(where)}: neither a folder nor a regular file")
    raise DatasetError(f"{printable(where)}: no such file or folder; check the spelling")


def _open_file(file: Path, format: str, images: ImageSource | None) -> Source:
    kinds = {".json": "coco", ".yaml": "yolo", ".yml": "yolo", ".data": "yolo"}
    extension = file.suffix.lower()
    kind = "images" if extension in IMAGE_EXTENSIONS else kinds.get(extension)
    if kind is None:
        raise DatasetError(
            f"{printable(file)}: give the data set's folder, a COCO json or a data.yaml, "
            f"not a {extension or 'file without extension'}"
        )
    if format not in ("auto", kind):
        raise DatasetError(
            f"{printable(file)}: a {extension} file cannot be read as {format}; "
            "give the data set's folder"
        )
    root = file.parent
    if kind == "coco" and root.name.lower().startswith(("annotation", "label")):
        root = root.parent
    return Source(_tree(root, images), kind, file.relative_to(root).as_posix())


def _tree(root: Path, images: ImageSource | None) -> Tree:
    tree = walk(root)
    if images is not None:
        from ._sourced import mount

        mount(tree, images)
    return tree


def _open_folder(folder: Path, format: str, images: ImageSource | None) -> Source:
    tree = _tree(folder, images)
    if not tree.files and not tree.escapes:
        raise DatasetError(
            f"{printable(folder)}: the folder is empty; give the folder of a data set"
        )
    if format != "auto":
        return Source(tree, format)
    found = [name for name, test in _TESTS if test(tree)]
    found = list(dict.fromkeys(found))
    if found:
        return Source(tree, found[0], also=found[1:])
    if tree.images or tree.escapes:
        return Source(tree, "images")
    if images is None and (archives := _archives_in(folder)) is not None:
        return Source(tree, "images", archives=archives)
    kinds = ", ".join(sorted(tree.labels)) or "other kinds"
    raise DatasetError(
        f"{printable(folder)}: no images and no labels recognised among {tree.files} files "
        f"({kinds}); fastlabel reads COCO json, YOLO txt, Pascal VOC xml and folders of images"
    )


def _archives_in(folder: Path) -> ImageSource | None:
    from ..scan.sources.open import ARCHIVES, open_source

    if not any(path.suffix.lower() in ARCHIVES for path in folder.rglob("*")):
        return None
    return open_source(folder)


def _is_declared_yolo(tree: Tree) -> bool:
    from ._yolo_set import find_declaration

    return find_declaration(tree) is not None


def _is_voc(tree: Tree) -> bool:
    """VOC files of which one at least has an image of the same stem."""
    from ._voc_file import is_voc

    return any(
        tree.images_with_stem(stem(path)) and is_voc(tree.path(path))
        for path in tree.files_of(".xml")
    )


def _is_coco(tree: Tree) -> bool:
    from .coco import looks_like_coco

    return any(looks_like_coco(tree.path(path)) for path in tree.files_of(".json"))


def _is_voc_without_images(tree: Tree) -> bool:
    from ._voc_file import is_voc

    return any(is_voc(tree.path(path)) for path in tree.files_of(".xml"))


def _is_bare_yolo(tree: Tree) -> bool:
    from ._yolo_set import has_labels

    return has_labels(tree)


_TESTS: tuple[tuple[str, Callable[[Tree], bool]], ...] = (
    ("yolo", _is_declared_yolo),
    ("voc", _is_voc),
    ("coco", _is_coco),
    ("voc", _is_voc_without_images),
    ("yolo", _is_bare_yolo),
)
