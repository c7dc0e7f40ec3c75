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

__all__ = ["numbers", "strings", "take_strings"]


def numbers(values: NDArray[Any], null: NDArray[np.bool_] | None = None) -> pa.Array:
    """Numbers as an Arrow array, null where ``null`` is true."""
    data = np.ascontiguousarray(values)
    kind = pa.from_numpy_dtype(data.dtype)
    return pa.Array.from_buffers(kind, len(data), [_validity(null), pa.py_buffer(data)])


def strings(values: Sequence[str | None]) -> pa.StringArray:
    """Texts as an Arrow array; a lone surrogate (a name that is not UTF-8) becomes "?"."""
    texts = [b"" if v is None else v.encode("utf-8", "replace") for v in values]
    offsets = np.zeros(len(texts) + 1, np.int32)
    np.cumsum([len(t) for t in texts], out=offsets[1:])
    null = np.array([v is None for v in values], dtype=bool)
    buffers = [_validity(null), pa.py_buffer(offsets), pa.py_buffer(b"".join(texts))]
    return pa.Array.from_buffers(pa.string(), len(texts), buffers)


def take_strings(values: pa.StringArray, rows: NDArray[np.int64]) -> pa.StringArray:
    """Some texts of an array, by row; null where a row is negative."""
    return values.take(numbers(np.asarray(rows, np.int64), np.asarray(rows) < 0))


def _validity(null: NDArray[np.bool_] | None) -> pa.Buffer | None:
    if null is None or not null.any():
        return None
    return pa.py_buffer(np.packbits(~null, bitorder="little"))
