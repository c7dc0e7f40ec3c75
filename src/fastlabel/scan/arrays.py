"""Arrow arrays from NumPy and from lists of texts.

``pa.array()`` looks whether its argument is a pandas object, and imports pandas for that
wherever it is installed: a fifth of a second for nothing. So arrays are made from buffers.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

__all__ = [
    "binaries",
    "bits",
    "hexadecimal",
    "joined",
    "numbers",
    "strings",
    "take_strings",
    "text_bytes",
    "unique_names",
]


def numbers(values: NDArray[Any], null: NDArray[np.bool_] | None = None) -> pa.Array:
    """Numbers as an Arrow array, null where ``null`` is true."""
    data = np.ascontiguousarray(values)
    kind = pa.from_numpy_dtype(data.dtype)
    return pa.Array.from_buffers(kind, len(data), [_validity(null), pa.py_buffer(data)])


def bits(values: NDArray[np.bool_]) -> pa.BooleanArray:
    """Truth values as an Arrow array."""
    packed = pa.py_buffer(np.packbits(values, bitorder="little"))
    return pa.Array.from_buffers(pa.bool_(), len(values), [None, packed])


def binaries(values: NDArray[np.uint8], null: NDArray[np.bool_] | None = None) -> pa.Array:
    """Rows of (N, size) uint8 as binaries of one length, null where ``null`` is true."""
    data = np.ascontiguousarray(values)
    kind = pa.binary(data.shape[1])
    return pa.Array.from_buffers(kind, len(data), [_validity(null), pa.py_buffer(data)])


def strings(values: Sequence[str | None]) -> pa.StringArray:
    """Texts as an Arrow array; a lone surrogate (a name that is not UTF-8) becomes "?"."""
    texts = [b"" if v is None else v.encode("utf-8", "replace") for v in values]
    offsets = np.zeros(len(texts) + 1, np.int32)
    np.cumsum([len(t) for t in texts], out=offsets[1:])
    null = np.array([v is None for v in values], dtype=bool)
    buffers = [_validity(null), pa.py_buffer(offsets), pa.py_buffer(b"".join(texts))]
    return pa.Array.from_buffers(pa.string(), len(texts), buffers)


_DIGITS = np.frombuffer(b"0123456789abcdef", np.uint8)


def hexadecimal(values: NDArray[np.uint8], null: NDArray[np.bool_]) -> pa.StringArray:
    """Rows of bytes as texts of two digits a byte, null where ``null`` is true."""
    n, length = values.shape
    digits = np.empty((n, length, 2), np.uint8)
    digits[..., 0] = _DIGITS[values >> 4]
    digits[..., 1] = _DIGITS[values & 15]
    offsets = np.zeros(n + 1, np.int32)
    np.cumsum(np.where(null, 0, 2 * length), out=offsets[1:])
    text = pa.py_buffer(np.ascontiguousarray(digits[~null]))
    return pa.Array.from_buffers(pa.string(), n, [_validity(null), pa.py_buffer(offsets), text])


def joined(texts: Sequence[bytes]) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
    """Texts one behind the other: where each begins and the last ends, and all the bytes."""
    offsets = np.zeros(len(texts) + 1, np.int64)
    np.cumsum([len(t) for t in texts], out=offsets[1:])
    return offsets, np.frombuffer(b"".join(texts), np.uint8)


def text_bytes(texts: pa.StringArray) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
    """As :func:`joined`, of an Arrow array and without a copy of its bytes; null is empty."""
    n, data = len(texts), texts.buffers()[2]
    if n == 0 or data is None:
        return np.zeros(n + 1, np.int64), np.empty(0, np.uint8)
    offsets = np.frombuffer(texts.buffers()[1], np.int32, n + 1, 4 * texts.offset).astype(np.int64)
    return offsets - offsets[0], np.frombuffer(data, np.uint8)[offsets[0] : offsets[-1]]


def take_strings(values: pa.StringArray, rows: NDArray[np.int64]) -> pa.StringArray:
    """Some texts of an array, by row; null where a row is negative."""
    return values.take(numbers(np.asarray(rows, np.int64), np.asarray(rows) < 0))


def unique_names(names: pa.StringArray) -> pa.StringArray:
    """Names that tell rows apart: of equal ones all but the last get " (1)", " (2)", ... ."""
    codes = np.asarray(names.dictionary_encode().indices)
    counts = np.bincount(codes) if len(codes) else np.empty(0, np.int64)
    if not (counts > 1).any():
        return names
    seen: dict[int, int] = {}
    texts = names.to_pylist()
    for row in np.flatnonzero(counts[codes] > 1).tolist():
        code = int(codes[row])
        seen[code] = seen.get(code, 0) + 1
        if seen[code] < counts[code]:
            texts[row] = f"{texts[row]} ({seen[code]})"
    return strings(texts)


def _validity(null: NDArray[np.bool_] | None) -> pa.Buffer | None:
    if null is None or not null.any():
        return None
    return pa.py_buffer(np.packbits(~null, bitorder="little"))
