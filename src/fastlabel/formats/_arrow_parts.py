"""Arrow arrays over what the native readers hand out, and columns that hold nothing."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa

__all__ = ["Columns", "array_of", "numbers", "repeated"]

Bytes = npt.NDArray[np.uint8]


class Columns(Protocol):
    """Columns that can be taken out once, as (rows, values, offsets, valid) of each piece."""

    def take(self, column: str) -> list[tuple[int, Bytes | None, Bytes | None, Bytes | None]]: ...


def numbers(columns: Columns, name: str, dtype: Any) -> npt.NDArray[Any]:
    """A column without nulls, in place."""
    pieces = columns.take(name)
    if not pieces or pieces[0][1] is None:
        return np.zeros(0, dtype=dtype)
    return pieces[0][1].view(dtype)


def array_of(columns: Columns, name: str, kind: pa.DataType) -> pa.Array | pa.ChunkedArray | None:
    """A column as Arrow, without a copy; None if no row has a value."""
    arrays = [_array(piece, kind) for piece in columns.take(name)]
    if len(arrays) > 1:
        return pa.chunked_array(arrays)
    return arrays[0] if arrays else None


def _array(
    piece: tuple[int, Bytes | None, Bytes | None, Bytes | None], kind: pa.DataType
) -> pa.Array:
    rows, values, offsets, valid = piece
    mask = None if valid is None else pa.py_buffer(valid)
    data = pa.py_buffer(b"" if values is None else values)
    if offsets is not None:
        return pa.Array.from_buffers(kind, rows, [mask, pa.py_buffer(offsets), data])
    if pa.types.is_fixed_size_list(kind):
        inner = pa.Array.from_buffers(kind.value_type, rows * kind.list_size, [None, data])
        return pa.Array.from_buffers(kind, rows, [mask], children=[inner])
    return pa.Array.from_buffers(kind, rows, [mask, data])


def repeated(text: str, rows: int) -> pa.Array:
    """The same text in every row."""
    data = text.encode("utf-8")
    offsets = np.arange(rows + 1, dtype=np.int32)
    offsets *= len(data)
    return pa.Array.from_buffers(
        pa.string(), rows, [None, pa.py_buffer(offsets), pa.py_buffer(data * rows)]
    )
