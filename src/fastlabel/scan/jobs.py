"""What the scan is asked to do, as plain arrays: names, declared sizes, boxes by image."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ..dataset import Dataset, as_numpy
from ..source import ImageSource
from .arrays import take_strings
from .sources import BytesSource, FolderSource, PathsSource

__all__ = ["Jobs", "jobs_of", "one_chunk"]


@dataclass(frozen=True)
class Jobs:
    """One entry an image; boxes of image i are rows ``offsets[i]`` to ``offsets[i + 1]``."""

    names: pa.StringArray  # for the file_name column
    source: ImageSource
    rows: NDArray[np.int64]  # (n,) of the source; -1: the source has no such image
    image_ids: NDArray[np.int64]  # (n,)
    escaped: NDArray[np.bool_]  # outside the root: never opened
    declared: NDArray[np.int32]  # (n, 2) width and height by the labels, 0 unknown
    turned: NDArray[np.int32]  # 1: boxes lie in the EXIF-turned picture
    boxes: NDArray[np.float64]  # (m, 4)
    offsets: NDArray[np.int64]  # (n + 1,)
    box_ids: NDArray[np.int64]  # (m,) annotation_id of each box row

    def __len__(self) -> int:
        return len(self.rows)

    def in_reading_order(self) -> Jobs:
        """The jobs in the order of the source's rows, where reading out of order is dear."""
        if not getattr(self.source, "sequential", False) or bool((np.diff(self.rows) >= 0).all()):
            return self
        return self.subset(np.argsort(self.rows, kind="stable").astype(np.int64))

    def boxes_of(self, at: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Rows of the boxes of some images, one image after the other, and the count of each."""
        counts = self.offsets[at + 1] - self.offsets[at]
        ends = np.cumsum(counts)
        # Where an image's boxes begin among all, less where they begin here.
        shifts = np.repeat(self.offsets[at] - (ends - counts), counts)
        return shifts + np.arange(len(shifts)), counts

    def subset(self, indices: NDArray[np.int64]) -> Jobs:
        """The jobs of some images, in the order given, with their own ids."""
        at = np.asarray(indices, np.int64)
        boxes, counts = self.boxes_of(at)
        offsets = np.zeros(len(at) + 1, np.int64)
        np.cumsum(counts, out=offsets[1:])
        return Jobs(
            take_strings(self.names, at),
            self.source,
            self.rows[at],
            self.image_ids[at],
            self.escaped[at],
            self.declared[at],
            self.turned[at],
            self.boxes[boxes],
            offsets,
            self.box_ids[boxes],
        )


def jobs_of(source: Dataset | ImageSource | Iterable[Any]) -> Jobs:
    """Jobs for a data set, for an image source, for paths, or for bytes."""
    if isinstance(source, (str, os.PathLike, bytes, bytearray, memoryview)):
        raise TypeError(
            f"source: got one {type(source).__name__}, expected a Dataset or a list of paths or "
            "of bytes; put it into a list, or read a folder with fastlabel.read"
        )
    if isinstance(source, Dataset):
        return _of_dataset(source)
    if isinstance(source, ImageSource):
        return _of_source(source)
    return _of_source(_of_items(list(source)))


def _of_items(items: list[Any]) -> ImageSource:
    in_memory = len(items) > 0 and isinstance(items[0], (bytes, bytearray, memoryview))
    for item in items:
        if isinstance(item, (bytes, bytearray, memoryview)) != in_memory:
            raise TypeError("source: paths and bytes cannot be mixed in one scan")
    return BytesSource(items) if in_memory else PathsSource(items)


def _of_source(source: ImageSource) -> Jobs:
    n = len(source)
    return Jobs(
        source.names(),
        source,
        np.arange(n, dtype=np.int64),
        np.arange(n, dtype=np.int64),
        np.zeros(n, bool),
        np.zeros((n, 2), np.int32),
        np.zeros(n, np.int32),
        np.empty((0, 4)),
        np.zeros(n + 1, np.int64),
        np.empty(0, np.int64),
    )


def _of_dataset(ds: Dataset) -> Jobs:
    n = len(ds)
    paths = one_chunk(ds.images["path"])
    escaped = np.asarray(paths.is_null().to_numpy(zero_copy_only=False), bool)
    source = ds.source
    if source is None:
        source = FolderSource(ds.root, paths)
        rows = np.where(escaped, -1, np.arange(n, dtype=np.int64))
    else:
        rows = _rows_named(source, paths)

    declared = np.zeros((n, 2), np.int32)
    for k, side in enumerate(("width", "height")):
        declared[:, k] = as_numpy(ds.images[side].fill_null(0))
    turned = as_numpy(pc.equal(ds.images["size_source"], "exif").fill_null(False))

    image_ids = ds.column("annotations", "image_id")
    boxes = ds.boxes()
    if bool((image_ids[1:] >= image_ids[:-1]).all()):
        order = np.arange(len(image_ids), dtype=np.int64)
    else:
        order = np.argsort(image_ids, kind="stable").astype(np.int64)
        image_ids, boxes = image_ids[order], boxes[order]
    offsets = np.searchsorted(image_ids, np.arange(n + 1)).astype(np.int64)
    return Jobs(
        one_chunk(ds.images["file_name"]),
        source,
        rows,
        np.arange(n, dtype=np.int64),
        escaped,
        declared,
        turned.astype(np.int32),
        np.ascontiguousarray(boxes),
        offsets,
        order,
    )


def _rows_named(source: ImageSource, paths: pa.StringArray) -> NDArray[np.int64]:
    """Row of the source for each path; -1 where it has no such name."""
    names = source.names()
    if names.equals(paths):
        return np.arange(len(names), dtype=np.int64)
    found = pc.index_in(paths, names, skip_nulls=True)
    return np.asarray(as_numpy(found.fill_null(-1)), np.int64)


def one_chunk(column: pa.ChunkedArray) -> Any:
    """The column as one array."""
    whole = column.combine_chunks()
    if isinstance(whole, pa.ChunkedArray):
        return whole.chunk(0) if whole.num_chunks else pa.nulls(0, column.type)
    return whole
