"""Parquet files with the pictures' bytes in a column, as the Hugging Face Hub keeps them."""

from __future__ import annotations

import json
import threading
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ...dataset import DatasetError
from ...source import MOST_BYTES, Lost, SourceProblem, Span
from ..arrays import numbers, strings, unique_names
from ._members import labels_of
from ._stamps import stamp_array

__all__ = ["ParquetSource"]

#: Pictures held at a time of one row group.
_STEP = 32

_IMAGE_NAMES = ("image", "img", "jpg", "jpeg", "png", "webp", "image_bytes", "bytes", "data")
_NAME_NAMES = ("file_name", "filename", "path", "image_path", "name", "__key__", "id", "image_id")


@dataclass(frozen=True)
class _Column:
    """Where a file keeps its pictures."""

    content: str  # leaf column, in Parquet's dotted spelling
    name: str | None
    extension: str  # put behind the name


class ParquetSource:
    """Pictures in the rows of Parquet files, file after file, in row order.

    Read step by step through a row group, so memory does not grow with it. Rows asked for out
    of order make it begin the row group anew.

    Parameters
    ----------
    paths : sequence of path-like
        Local files; or the paths of ``filesystem``.
    filesystem : pyarrow.fs.FileSystem, optional
        Where they are.
    where : str
        What stands before the paths in :attr:`identity`.

    Raises
    ------
    DatasetError
        If one cannot be read or has no column of pictures.
    """

    slow = True
    #: Rows out of order make a row group begin anew.
    sequential = True

    def __init__(
        self, paths: Sequence[str | Path], filesystem: Any = None, where: str = ""
    ) -> None:
        if not paths:
            raise DatasetError("no Parquet file to read")
        self._filesystem = filesystem
        self.problems: list[SourceProblem] = []
        self._lock = threading.Lock()
        self._files: list[_File] = []
        whole = [Path(p).absolute() if filesystem is None else Path(str(p)) for p in paths]
        for path, label in zip(whole, labels_of(whole), strict=True):
            self._files.append(_File(str(path), label, filesystem))
        counts = [file.rows for file in self._files]
        self._first = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
        self.identity = "\n".join(where + file.path for file in self._files)

    def __len__(self) -> int:
        return int(self._first[-1])

    @property
    def members(self) -> pa.StringArray:
        """The names in the files' own columns."""
        with self._lock:
            return pa.concat_arrays([file.names() for file in self._files])

    def names(self) -> pa.StringArray:
        """``file/name`` of each row."""
        with self._lock:
            found = [
                pc.binary_join_element_wise(strings([file.label]).take(_zeros(file.rows)), own, "/")
                for file in self._files
                for own in [file.names()]
            ]
        return unique_names(pa.concat_arrays(found))

    def stamps(self, rows: NDArray[np.int64]) -> pa.StructArray:
        """No sizes; as versions the file's own stamp and the row in it."""
        versions: list[str | None] = []
        for row in rows.tolist():
            at, inside = self._place(row)
            stamp = self._files[at].stamp
            versions.append(None if stamp is None else f"{stamp}:{inside}")
        return stamp_array(np.full(len(rows), -1, np.int64), versions)

    def fetch(self, rows: NDArray[np.int64], most: int = MOST_BYTES) -> list[bytes | Span | Lost]:
        """The content of each row."""
        with self._lock:
            found: list[bytes | Span | Lost] = []
            for row in rows.tolist():
                at, inside = self._place(row)
                found.append(self._files[at].content(inside, most))
            return found

    def _place(self, row: int) -> tuple[int, int]:
        at = bisect_right(self._first, row) - 1
        return at, row - int(self._first[at])


class _File:
    """One Parquet file, and the place in it that was read last."""

    def __init__(self, path: str, label: str, filesystem: Any) -> None:
        import pyarrow.parquet as pq

        self.path, self.label = path, label
        self._lost: dict[int, Lost] = {}  # by row group
        try:
            self.stamp = _stamp(path, filesystem)
            # A small buffer: a column chunk is then streamed, not read at once.
            self._file = pq.ParquetFile(
                path, filesystem=filesystem, buffer_size=1 << 20, pre_buffer=False
            )
            meta = self._file.metadata
            self._groups = np.concatenate(
                [[0], np.cumsum([meta.row_group(k).num_rows for k in range(meta.num_row_groups)])]
            ).astype(np.int64)
            self.rows = int(self._groups[-1])
            self._column = _find_columns(self._file.schema_arrow, label)
        except (OSError, pa.ArrowException, ValueError) as error:
            raise DatasetError(
                f"{label}: not a Parquet file that can be read: {_first_line(error)}"
            ) from error
        if self.rows != meta.num_rows or (self._groups < 0).any():
            raise DatasetError(
                f"{label}: its footer counts {meta.num_rows:,} rows and its row groups "
                f"{self.rows:,}; write it anew"
            )
        self._names: pa.StringArray | None = None
        self._group = -1
        self._batches: Iterator[pa.RecordBatch] = iter(())
        self._held: Any = None
        self._low = self._high = 0

    def names(self) -> pa.StringArray:
        """The name column, with the row number where there is none."""
        if self._names is None:
            own = self._name_column()
            counted = strings([f"row {k}" for k in range(self.rows)])
            if own is None:
                self._names = counted
            else:
                named = pc.binary_join_element_wise(
                    own, strings([self._column.extension]).take(_zeros(self.rows)), ""
                )
                self._names = pc.if_else(pc.equal(pc.fill_null(own, ""), ""), counted, named)
        return self._names

    def _name_column(self) -> pa.StringArray | None:
        if self._column.name is None:
            return None
        try:
            table = self._file.read(columns=[self._column.name])
        except (OSError, pa.ArrowException) as error:
            raise DatasetError(
                f"{self.label}: the column {self._column.name!r} cannot be read: "
                f"{_first_line(error)}"
            ) from error
        whole = _leaf(table.column(0), self._column.name).cast(pa.string()).combine_chunks()
        return whole.chunk(0) if isinstance(whole, pa.ChunkedArray) else whole

    def content(self, row: int, most: int) -> bytes | Lost:
        """One row's bytes."""
        group = int(np.searchsorted(self._groups, row, side="right")) - 1
        if group in self._lost:
            return self._lost[group]
        try:
            self._seek(group, row)
        except (OSError, pa.ArrowException, ValueError, StopIteration, MemoryError) as error:
            self._group = -1
            lost = Lost("unreadable", f"row group {group} cannot be read: {_first_line(error)}")
            self._lost[group] = lost
            return lost
        value = self._held[row - self._low]
        if not value.is_valid:
            return Lost("missing", "the row has no bytes")
        buffer = value.as_buffer()
        if buffer.size > most:
            return Lost("over_limit", f"{buffer.size} bytes, the limit is {most}")
        return bytes(buffer)

    def _seek(self, group: int, row: int) -> None:
        """Read on until the row is among those held."""
        if group != self._group or row < self._low:
            self._batches = self._file.iter_batches(
                _STEP, row_groups=[group], columns=[self._column.content]
            )
            self._group = group
            self._low = self._high = int(self._groups[group])
            self._held = None
        while row >= self._high:
            batch = next(self._batches)
            self._held = _leaf(batch.column(0), self._column.content)
            self._low, self._high = self._high, self._high + len(self._held)


# --- which columns ------------------------------------------------------------------------


def _find_columns(schema: pa.Schema, label: str) -> _Column:
    """The column of pictures: as the file's own notes say, else by type and name."""
    noted = _noted(schema)
    found: list[tuple[tuple[bool, int], int, _Column]] = []
    for field in schema:
        kind = _storage(field.type)
        if pa.types.is_struct(kind) and kind.get_field_index("bytes") >= 0:
            if not _is_binary(kind.field("bytes").type):
                continue
            at = kind.get_field_index("path")
            named = at >= 0 and _is_text(kind.field(at).type)
            name = f"{field.name}.path" if named else _name_beside(schema)
            column = _Column(f"{field.name}.bytes", name, "")
        elif _is_binary(kind):
            name = _name_beside(schema)
            keyed = name == "__key__" and field.name in _IMAGE_NAMES
            column = _Column(field.name, name, f".{field.name}" if keyed else "")
        else:
            continue
        rank = (
            field.name not in noted,
            _IMAGE_NAMES.index(field.name) if field.name in _IMAGE_NAMES else 99,
        )
        found.append((rank, len(found), column))
    if found:
        return min(found)[2]
    listed = ", ".join(f"{f.name}: {f.type}" for f in list(schema)[:12])
    raise DatasetError(
        f"{label}: no column holds pictures (a binary one, or a struct of bytes and path); it has "
        f"{listed or 'no column at all'}"
    )


def _noted(schema: pa.Schema) -> set[str]:
    """Columns that the ``huggingface`` entry of the file's metadata calls images."""
    text = (schema.metadata or {}).get(b"huggingface")
    try:
        features = json.loads(text)["info"]["features"] if text else {}
        return {n for n, f in features.items() if isinstance(f, dict) and f.get("_type") == "Image"}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return set()


def _name_beside(schema: pa.Schema) -> str | None:
    for name in _NAME_NAMES:
        at = schema.get_field_index(name)
        if at >= 0 and _is_text(_storage(schema.field(at).type)):
            return name
    return None


def _storage(kind: pa.DataType) -> pa.DataType:
    return kind.storage_type if isinstance(kind, pa.BaseExtensionType) else kind


def _is_binary(kind: pa.DataType) -> bool:
    return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind))


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _leaf(column: Any, name: str) -> Any:
    """The column that a dotted name means: itself, or a field of a struct."""
    if isinstance(column, pa.ChunkedArray):
        parts = [_leaf(chunk, name) for chunk in column.chunks]
        return pa.chunked_array(parts) if parts else pa.chunked_array([], pa.string())
    if isinstance(column.type, pa.BaseExtensionType):
        column = column.storage
    if pa.types.is_struct(column.type):
        return pc.struct_field(column, name.rpartition(".")[2])
    return column


def _zeros(count: int) -> pa.Array:
    return numbers(np.zeros(count, np.int64))


def _stamp(path: str, filesystem: Any) -> str | None:
    if filesystem is None:
        info = Path(path).stat()
        return f"{info.st_size}:{info.st_mtime_ns}"
    found = filesystem.get_file_info(path)
    return None if found.mtime_ns is None else f"{found.size}:{found.mtime_ns}"


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:200]
