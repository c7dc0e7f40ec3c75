"""Files and bytes: a folder's images, a list of paths, a list of contents."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ...source import MOST_BYTES, Lost, Span
from ..arrays import strings, take_strings
from ._stamps import file_stamps, stamp_array

__all__ = ["BytesSource", "FolderSource", "PathsSource"]


_UTF8 = sys.getfilesystemencoding().lower() == "utf-8"


class _Files:
    """Local files, each of them one image."""

    slow = False

    def _path(self, row: int) -> bytes:
        raise NotImplementedError

    def stamps(self, rows: NDArray[np.int64]) -> pa.StructArray:
        """Size, and mtime and ctime in nanoseconds, of each file; null where there is none."""
        return file_stamps(None, [self._path(row) for row in rows.tolist()])

    def fetch(self, rows: NDArray[np.int64], most: int = MOST_BYTES) -> list[bytes | Span | Lost]:
        """The files' paths: the native workers read them."""
        return [Span(self._path(row)) for row in rows.tolist()]


class FolderSource(_Files):
    """Files below one folder, in the order of the names given.

    Parameters
    ----------
    root : path-like
        The folder.
    paths : pyarrow.StringArray
        Where each image lies, relative to the root. Null: nowhere; such a row must not be
        fetched.
    """

    def __init__(self, root: str | os.PathLike[str], paths: pa.StringArray) -> None:
        self.root = Path(root).absolute()
        self._names = paths
        self._prefix = os.fsencode(self.root).rstrip(b"/") + b"/"

    @property
    def identity(self) -> str:
        """The folder's absolute path."""
        return str(self.root)

    def __len__(self) -> int:
        return len(self._names)

    def names(self) -> pa.StringArray:
        """Paths relative to the root."""
        return self._names

    def _path(self, row: int) -> bytes:
        return self._prefix + os.fsencode(self._names[row].as_py())

    def stamps(self, rows: NDArray[np.int64]) -> pa.StructArray:
        """Size, and mtime and ctime in nanoseconds, of each file; null where there is none."""
        return file_stamps(self._prefix, take_strings(self._names, rows))

    def fetch(self, rows: NDArray[np.int64], most: int = MOST_BYTES) -> list[bytes | Span | Lost]:
        """The files' paths: the native workers read them."""
        prefix = self._prefix
        taken = self._names.take(pa.Array.from_buffers(pa.int64(), len(rows), _plain(rows)))
        if _UTF8:  # then names are what the system calls the files
            new = tuple.__new__  # a million of them: Span() itself takes six times as long
            names = taken.cast(pa.binary()).to_pylist()
            return [new(Span, (prefix + name, 0, -1, None)) for name in names]
        return [Span(prefix + os.fsencode(name)) for name in taken.to_pylist()]


class PathsSource(_Files):
    """A list of paths, in its own order; a name is the path as given.

    Parameters
    ----------
    paths : sequence of path-like
    folder : path-like, optional
        Where relative paths begin; the current folder if not given.
    """

    def __init__(
        self,
        paths: Sequence[str | os.PathLike[str]],
        folder: str | os.PathLike[str] | None = None,
    ) -> None:
        self._texts = [os.fspath(path) for path in paths]
        self._folder = None if folder is None else os.fsencode(folder)

    @property
    def identity(self) -> str:
        """Where relative paths begin."""
        return f"paths:{Path.cwd() if self._folder is None else os.fsdecode(self._folder)}"

    def __len__(self) -> int:
        return len(self._texts)

    def names(self) -> pa.StringArray:
        """The paths."""
        return strings(self._texts)

    def _path(self, row: int) -> bytes:
        path = os.fsencode(self._texts[row])
        return path if self._folder is None else os.path.join(self._folder, path)  # noqa: PTH118


class BytesSource:
    """Contents in memory, without names.

    Parameters
    ----------
    contents : sequence of bytes-like
    """

    slow = False
    identity = "memory:"

    def __init__(self, contents: Sequence[Any]) -> None:
        self._contents = list(contents)

    def __len__(self) -> int:
        return len(self._contents)

    def names(self) -> pa.StringArray:
        """All null."""
        return strings([None] * len(self._contents))

    def stamps(self, rows: NDArray[np.int64]) -> pa.StructArray:
        """The sizes; no version is known."""
        sizes = [memoryview(self._contents[row]).nbytes for row in rows.tolist()]
        return stamp_array(np.array(sizes, np.int64), [None] * len(rows))

    def fetch(self, rows: NDArray[np.int64], most: int = MOST_BYTES) -> list[bytes | Span | Lost]:
        """The contents themselves, not copied."""
        return [self._contents[row] for row in rows.tolist()]


def _plain(rows: NDArray[np.int64]) -> list[pa.Buffer | None]:
    return [None, pa.py_buffer(np.ascontiguousarray(rows, np.int64))]
