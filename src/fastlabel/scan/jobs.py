"""What the scan is asked to do, as plain arrays: names, declared sizes, boxes by image."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..dataset import Dataset, as_numpy

__all__ = ["Jobs", "jobs_of"]


@dataclass(frozen=True)
class Jobs:
    """One entry an image; boxes of image i are rows ``offsets[i]`` to ``offsets[i + 1]``."""

    names: list[str | None]  # for the file_name column
    sources: list[bytes]  # encoded paths, or the files' bytes
    in_memory: bool
    escaped: NDArray[np.bool_]  # outside the root: never opened
    declared: NDArray[np.int32]  # (n, 2) width and height by the labels, 0 unknown
    turned: NDArray[np.int32]  # 1: boxes lie in the EXIF-turned picture
    boxes: NDArray[np.float64]  # (m, 4)
    offsets: NDArray[np.int64]  # (n + 1,)
    box_ids: NDArray[np.int64]  # (m,) annotation_id of each box row

    def __len__(self) -> int:
        return len(self.sources)


def jobs_of(source: Dataset | Iterable[Any]) -> Jobs:
    """Jobs for a data set, for paths, or for bytes."""
    if isinstance(source, (str, os.PathLike, bytes, bytearray, memoryview)):
        raise TypeError(
            f"source: got one {type(source).__name__}, expected a Dataset or a list of paths or "
            "of bytes; put it into a list, or read a folder with fastlabel.read"
        )
    return _of_dataset(source) if isinstance(source, Dataset) else _of_items(list(source))


def _of_items(items: list[Any]) -> Jobs:
    n = len(items)
    in_memory = n > 0 and isinstance(items[0], (bytes, bytearray, memoryview))
    for item in items:
        if isinstance(item, (bytes, bytearray, memoryview)) != in_memory:
            raise TypeError("source: paths and bytes cannot be mixed in one scan")
    if in_memory:
        names: list[str | None] = [None] * n
        sources = items
    else:
        names = [os.fspath(item) for item in items]
        sources = [os.fsencode(item) for item in items]
    return Jobs(
        names,
        sources,
        in_memory,
        np.zeros(n, bool),
        np.zeros((n, 2), np.int32),
        np.zeros(n, np.int32),
        np.empty((0, 4)),
        np.zeros(n + 1, np.int64),
        np.empty(0, np.int64),
    )


def _of_dataset(ds: Dataset) -> Jobs:
    n = len(ds)
    paths = ds.images["path"].to_pylist()
    root = os.fsencode(ds.root) + b"/"
    sources = [b"" if p is None else root + os.fsencode(p) for p in paths]
    escaped = np.array([p is None for p in paths], dtype=bool)

    declared = np.zeros((n, 2), np.int32)
    for k, side in enumerate(("width", "height")):
        declared[:, k] = as_numpy(ds.images[side].fill_null(0))
    turned = np.array([s == "exif" for s in ds.images["size_source"].to_pylist()], np.int32)

    image_ids = ds.column("annotations", "image_id")
    order = np.argsort(image_ids, kind="stable").astype(np.int64)
    offsets = np.searchsorted(image_ids[order], np.arange(n + 1)).astype(np.int64)
    boxes = np.ascontiguousarray(ds.boxes()[order])
    return Jobs(
        ds.images["file_name"].to_pylist(),
        sources,
        False,
        escaped,
        declared,
        turned,
        boxes,
        offsets,
        order,
    )
