"""Columns of many small label files: native ones and those of the plain reader, in order."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from .. import schema
from ..dataset import null_column
from ._build import Builder

__all__ = ["FileRows", "Notes", "names_blob", "origins", "scattered"]


def names_blob(paths: Sequence[str]) -> bytes:
    """Names as the native readers take them: each ended by a zero byte."""
    return os.fsencode("\0".join(paths) + "\0") if paths else b""


class FileRows:
    """Rows of files, of which some were read natively and the others by the plain reader.

    Parameters
    ----------
    native : ndarray of int64
        Rows of each file that were read natively.
    left : ndarray of int64
        Indices of the files that were not; their rows follow all native ones.
    plain : ndarray of int64
        Rows of each of these.
    """

    def __init__(
        self,
        native: npt.NDArray[np.int64],
        left: npt.NDArray[np.int64],
        plain: npt.NDArray[np.int64],
    ) -> None:
        first = np.cumsum(native) - native
        counts = native.copy()
        counts[left] = plain
        first[left] = native.sum() + np.cumsum(plain) - plain
        self.first = first  # of each file, in the rows as they were read
        self.counts = counts
        self.has_plain = bool(len(left))

    def arrange(self, files: npt.NDArray[np.int64] | None = None) -> None:
        """Lay the rows out file after file: all files in their order, or these."""
        in_order = files is None and not self.has_plain
        if files is None:
            files = np.arange(len(self.counts), dtype=np.int64)
        counts = self.counts[files]
        self.count = int(counts.sum())
        #: where the rows of each file begin
        self.starts = np.cumsum(counts) - counts
        #: position in ``files`` of each row
        self.file_of = np.repeat(np.arange(len(files), dtype=np.int64), counts)
        #: row as read of each row; None where they are the same
        self.order: npt.NDArray[np.int64] | None = None
        if not in_order:
            shift = self.first[files] - self.starts
            self.order = np.arange(self.count, dtype=np.int64) + np.repeat(shift, counts)

    def values(self, native: npt.NDArray[Any], plain: Any = ()) -> npt.NDArray[Any]:
        """A column of numbers in this order."""
        if self.order is None:
            return native
        return np.concatenate([native, np.asarray(plain, dtype=native.dtype)])[self.order]

    def column(
        self,
        native: pa.Array | pa.ChunkedArray | None,
        plain: pa.Array | None,
        kind: pa.DataType,
        rows: int,
    ) -> pa.Array | pa.ChunkedArray | None:
        """A column in this order; None where no row has a value. ``rows`` are the native ones."""
        if self.order is None:
            return native
        if native is None and plain is None:
            return None
        if native is None:
            native = null_column(rows, kind)
        parts = [*(native.chunks if isinstance(native, pa.ChunkedArray) else [native])]
        if plain is not None:
            parts.append(plain)
        both = pa.concat_arrays(parts) if len(parts) < 3 else pa.chunked_array(parts)
        return both.take(pa.array(self.order))


def origins(
    files: pa.Array, lines: pa.Array, raw: pa.Array | pa.ChunkedArray | None
) -> pa.Array | pa.ChunkedArray:
    """The ``origin`` column."""
    rows = len(files)
    if raw is None:
        raw = null_column(rows, pa.string())
    pieces = raw.chunks if isinstance(raw, pa.ChunkedArray) else [raw]
    made, at = [], 0
    for piece in pieces:
        part = slice(at, at + len(piece))
        made.append(
            pa.StructArray.from_arrays(
                [files[part], lines[part], null_column(len(piece), pa.string()), piece],
                fields=list(schema.ORIGIN),
            )
        )
        at += len(piece)
    return made[0] if len(made) == 1 else pa.chunked_array(made, schema.ORIGIN)


def scattered(values: pa.Array, rows: npt.NDArray[np.int64], count: int) -> pa.Array:
    """A column of ``count`` rows that has ``values`` at ``rows`` and nulls elsewhere."""
    at = np.full(count, -1, dtype=np.int64)
    at[rows] = np.arange(len(rows), dtype=np.int64)
    return values.take(pa.array(at, mask=at < 0))


class Notes:
    """Problems that are found late and belong among those found before.

    ``mark()`` is called for each file when its turn comes.
    """

    def __init__(self, builder: Builder) -> None:
        self.builder = builder
        self.slots: list[int] = []
        self.found: dict[int, list[dict[str, Any]]] = {}

    def mark(self) -> None:
        """Problems of the next file come here."""
        self.slots.append(len(self.builder.problems))

    def add(self, file: int, problem: dict[str, Any]) -> None:
        """One more problem of a file."""
        self.found.setdefault(file, []).append(problem)

    def settle(self) -> None:
        """Put all in their places."""
        before, self.builder.problems = self.builder.problems, []
        done = 0
        for file in sorted(self.found):
            self.builder.problems += before[done : self.slots[file]]
            self.builder.problems += self.found[file]
            done = self.slots[file]
        self.builder.problems += before[done:]
