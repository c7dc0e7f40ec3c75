"""Which label file an image has: the one that is edited when its labels change."""

from __future__ import annotations

import json
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ..dataset import Dataset
from ._paths import Tree, walk

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["LabelFiles", "label_files"]


def label_files(ds: Dataset) -> LabelFiles:
    """Give the label files of a data set that was read from files.

    Parameters
    ----------
    ds : Dataset
        A COCO, YOLO or VOC set.

    Returns
    -------
    LabelFiles
    """
    return LabelFiles(ds)


class LabelFiles:
    """The label file of each image, relative to the root. What is costly is done when asked."""

    def __init__(self, ds: Dataset) -> None:
        self.ds = ds
        self._finders: dict[str, Callable[[int], list[str]]] = {
            "coco": self._coco,
            "yolo": self._yolo,
            "voc": self._voc,
        }

    def of(self, image_id: int) -> str | None:
        """The label file of an image; None where it has none. Of several the first."""
        return next(iter(self.all_of(image_id)), None)

    def all_of(self, image_id: int) -> list[str]:
        """All label files that have a record of an image."""
        return self._finders[self.ds.format](image_id)

    @cached_property
    def tree(self) -> Tree:
        """The files of the set."""
        return walk(self.ds.root)

    def _path(self, image_id: int) -> str | None:
        path: str | None = self.ds.images["path"][image_id].as_py()
        return path

    def rows_of(self, image_id: int) -> list[int]:
        """The annotations of an image, in row order."""
        order, starts = self._order
        found: list[int] = order[starts[image_id] : starts[image_id + 1]].tolist()
        return found

    @cached_property
    def _order(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        images = self.ds.column("annotations", "image_id")
        order = np.argsort(images, kind="stable")
        return order, np.searchsorted(images[order], np.arange(len(self.ds) + 1))

    # --- YOLO: by the layout ------------------------------------------------------------

    def place_for(self, image_id: int) -> str | None:
        """Where the label file of an image is, or would be if it had one (YOLO)."""
        path = self._path(image_id)
        return None if path is None else self._layout(path)

    def place_for_path(self, path: str) -> str | None:
        """The same of an image's path."""
        return self._layout(path)

    @cached_property
    def _layout(self) -> Callable[[str], str | None]:
        from ._yolo_set import label_layout

        return label_layout(self.tree)[1]

    @cached_property
    def _texts(self) -> frozenset[str]:
        return frozenset(self.tree.files_of(".txt"))

    def _yolo(self, image_id: int) -> list[str]:
        place = self.place_for(image_id)
        if place is None or self.tree.real(place) not in self._texts:
            return []
        return [place]

    # --- VOC: by the annotations, else as the reader gives records their images ---------

    @cached_property
    def _by_origin(self) -> dict[int, list[str]]:
        found: dict[int, list[str]] = {}
        column = self.ds.annotations["origin"].combine_chunks()
        files = column.field("file").dictionary_encode()
        images = self.ds.column("annotations", "image_id")
        codes = files.indices.fill_null(-1).to_numpy(zero_copy_only=False)
        names = files.dictionary.to_pylist()
        for image, code in sorted(set(zip(images.tolist(), codes.tolist(), strict=True))):
            if code >= 0:
                found.setdefault(image, []).append(names[code])
        return found

    @cached_property
    def _records(self) -> dict[str, list[str]]:
        from ._voc_file import is_voc, parse
        from .voc import find_images

        tree = self.tree
        records = [
            parse(tree.path(path), path)
            for path in tree.files_of(".xml")
            if is_voc(tree.path(path))
        ]
        find_images(tree, records)
        found: dict[str, list[str]] = {}
        for record in records:
            if record.image is not None:
                found.setdefault(record.image, []).append(record.path)
        return found

    def _voc(self, image_id: int) -> list[str]:
        known = self._by_origin.get(image_id)
        if known is not None:
            return known
        path = self._path(image_id)
        if path is None or self.ds.images["label_state"][image_id].as_py() == "missing":
            return []
        return self._records.get(path, [])

    # --- COCO: by the records of the files ----------------------------------------------

    @cached_property
    def coco_files(self) -> list[str]:
        """The COCO files that were read."""
        listed: list[str] = list(self.ds.meta.get("label_files", ()))
        if int(self.ds.meta.get("label_file_count", len(listed))) > len(listed):
            more = {path for paths in self._by_origin.values() for path in paths}
            listed = sorted({*listed, *more})
        return listed

    @cached_property
    def _coco_records(self) -> dict[tuple[str, str | None], list[str]]:
        from ._coco_file import parse
        from ._text import read_text
        from .coco import MAX_BYTES

        found: dict[tuple[str, str | None], list[str]] = {}
        for path in self.coco_files:
            file = parse(path, read_text(self.tree.path(path), MAX_BYTES))
            for image in file.images:
                key = (image.file_name, None if image.id is None else str(image.id))
                found.setdefault(key, []).append(path)
        return found

    def _coco(self, image_id: int) -> list[str]:
        known = self._by_origin.get(image_id)
        if len(self.coco_files) == 1 and not self._is_unlisted(image_id):
            return self.coco_files
        if known is not None and len(self.coco_files) == 1:
            return known
        row: dict[str, Any] = self.ds.images.slice(image_id, 1).to_pylist()[0]
        files = self._coco_records.get((row["file_name"], row["source_id"]), [])
        if known is None:
            return [f for f in files if self._is_of_split(f, row["split"])]
        return [*known, *(f for f in files if f not in known and self._may_share(f, row["split"]))]

    def _is_unlisted(self, image_id: int) -> bool:
        """Whether no file speaks of an image."""
        return self.ds.images["label_state"][image_id].as_py() in ("missing", "unlabelled")

    def _is_of_split(self, file: str, split: str | None) -> bool:
        own = self._splits.get(file)
        return own is None or own == split

    def _may_share(self, file: str, split: str | None) -> bool:
        return self._splits.get(file) == split

    @cached_property
    def _splits(self) -> dict[str, str | None]:
        from ._coco_file import CocoFile
        from ._coco_rows import split_of

        return {path: split_of(CocoFile(path)) for path in self.coco_files}

    def also_listing(self, image_id: int) -> list[str]:
        """JSON files that list an image too and were not read: key points, captions, ..."""
        path = self._path(image_id)
        return [] if path is None else self._unread.get(path, [])

    @cached_property
    def _unread(self) -> dict[str, list[str]]:
        """The same by the image's path."""
        from ._coco_file import CocoFile
        from ._coco_paths import ImageFinder
        from ._coco_rows import split_of
        from ._text import LabelFileError, read_text
        from .coco import MAX_BYTES, looks_like_coco

        found: dict[str, list[str]] = {}
        for file in self.tree.files_of(".json"):
            if file in self.coco_files or not looks_like_coco(self.tree.path(file)):
                continue
            try:
                value = json.loads(read_text(self.tree.path(file), MAX_BYTES))
            except (LabelFileError, ValueError, RecursionError):
                continue
            images = value.get("images") if isinstance(value, dict) else None
            finder = ImageFinder(self.tree, file, split_of(CocoFile(file)))
            for image in images if isinstance(images, list) else ():
                name = image.get("file_name") if isinstance(image, dict) else None
                path = finder.find(name) if isinstance(name, str) and name else None
                if path is not None:
                    found.setdefault(path, []).append(file)
        return found

    def declares(self, file: str, category_id: int) -> bool:
        """Whether a COCO file has a class of the set."""
        if len(self.coco_files) == 1:
            return True
        name = self.ds.categories["name"][category_id].as_py()
        return name in self._classes[file]

    @cached_property
    def _classes(self) -> dict[str, set[str]]:
        from ._coco_file import parse
        from ._text import read_text
        from .coco import MAX_BYTES

        return {
            path: parse(path, read_text(self.tree.path(path), MAX_BYTES)).category_names()
            for path in self.coco_files
        }
