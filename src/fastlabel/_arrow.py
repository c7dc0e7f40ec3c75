"""Arrow data of any library as NumPy views, through the Arrow C interface alone.

Whatever has ``__arrow_c_stream__`` or ``__arrow_c_array__`` will do: pyarrow, polars, DuckDB
and pandas objects, and others. The engine takes the capsules over, checks what Arrow lets a
reader check, and shows the buffers as they lie in memory; pyarrow is not needed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from ._core import ArrowColumn, ArrowReader

__all__ = [
    "CORNERS",
    "arrow_batches",
    "arrow_boxes",
    "arrow_ragged",
    "arrow_to_numpy",
    "is_arrow",
    "is_pandas",
]

Array = NDArray[Any]

#: What columns or fields of boxes are called.
CORNERS = ("x1", "y1", "x2", "y2")
_FILL = "fill or drop them first (fill_null of pyarrow, polars and DuckDB's coalesce do)"


def is_pandas(value: Any) -> bool:
    """Whether an object is of pandas, whose classes say "pandas.core..." or, from 3.0, "pandas"."""
    return type(value).__module__.partition(".")[0] == "pandas"


def is_arrow(value: Any) -> bool:
    """Whether an object hands itself over by the Arrow C interface.

    pandas objects of NumPy dtypes are left to NumPy, which shares them without pyarrow.
    """
    if not (hasattr(value, "__arrow_c_stream__") or hasattr(value, "__arrow_c_array__")):
        return False
    if not is_pandas(value):
        return True
    dtypes: Any = getattr(value, "dtypes", None)
    listed = list(dtypes) if hasattr(dtypes, "__iter__") else [dtypes]
    return any(not isinstance(dtype, np.dtype) for dtype in listed)


def open_reader(value: Any, name: str) -> ArrowReader:
    """The engine's reader of an Arrow object."""
    from ._core import ArrowReader

    if hasattr(value, "__arrow_c_stream__"):
        capsules = value.__arrow_c_stream__()
    elif hasattr(value, "__arrow_c_array__"):
        capsules = value.__arrow_c_array__()
    else:
        raise TypeError(
            f"{name}: got {type(value).__name__}, expected an object with __arrow_c_stream__ or "
            "__arrow_c_array__"
        )
    try:
        return ArrowReader(capsules)
    except (TypeError, ValueError) as error:
        raise type(error)(f"{name}: {error}") from error


def arrow_batches(
    value: Any, name: str, columns: Sequence[str] | None = None
) -> Iterator[tuple[int, list[ArrowColumn]]]:
    """Rows and columns of each batch; `columns` chooses by name, None takes all.

    Raises
    ------
    TypeError
        For a column of a type that is not read.
    ValueError
        For a column that is not there, broken data, or a stream that breaks off.
    """
    reader = open_reader(value, name)
    have = [field[0] for field in reader.fields()]
    if columns is None:
        wanted = list(range(len(have)))
    else:
        for column in columns:
            if have.count(column) != 1:
                what = "no such column" if column not in have else "two columns of that name"
                raise ValueError(f"{name}: {what}: {column!r}; it has {', '.join(have)}")
        wanted = [have.index(column) for column in columns]
    while True:
        try:
            batch = reader.next(wanted)
        except (TypeError, ValueError) as error:
            raise type(error)(f"{name}: {error}") from error
        if batch is None:
            return
        yield batch


def arrow_to_numpy(value: Any, name: str) -> Array:
    """Numbers without nulls as an array: one chunk is shared, several are joined.

    A fixed-size list gives a row of its items each; a table or struct its one column, or
    (N, 4) from its columns x1, y1, x2 and y2.
    """
    reader = open_reader(value, name)
    names = [field[0] for field in reader.fields()]
    if len(names) > 1 or (names and set(names) == set(CORNERS)):
        return _corner_columns(reader, names, name)
    return _joined([_plain(chunk, name) for chunk in _chunks(reader, name)], name)


def arrow_boxes(column: ArrowColumn, name: str) -> Array:
    """(N, 4) from fixed-size lists of four, or from structs of x1, y1, x2 and y2."""
    _no_nulls(column, name)
    if column.kind == "struct":
        fields = {child.name: child for child in column.children}
        if not set(CORNERS) <= set(fields):
            raise ValueError(
                f"{name}: got a struct of {', '.join(fields)}, expected x1, y1, x2 and y2"
            )
        return np.stack([_plain(fields[corner], name) for corner in CORNERS], axis=1)
    array = _plain(column, name)
    if array.ndim != 2 or array.shape[1] != 4:
        raise ValueError(f"{name}: got items of shape {array.shape[1:]}, expected four numbers")
    return array


def arrow_ragged(value: Any, name: str) -> tuple[Array, NDArray[np.int64]]:
    """Lists of boxes as one (N, 4) array and (G + 1,) int64 offsets into it.

    One chunk is shared where its items can be; several are joined.
    """
    boxes: list[Array] = []
    offsets: list[NDArray[np.int64]] = [np.zeros(1, np.int64)]
    for chunk in _chunks(open_reader(value, name), name):
        if chunk.kind == "fixed_list" and chunk.children[0].kind in ("fixed_list", "struct"):
            _no_nulls(chunk, name)
            ends = np.arange(1, chunk.length + 1, dtype=np.int64) * chunk.list_size
        elif chunk.kind == "list":
            _no_nulls(chunk, name)
            raw = chunk.offsets.astype(np.int64)
            ends = raw[1:] - raw[0]
        else:
            raise TypeError(f"{name}: got {_words(chunk)}, expected lists of boxes")
        boxes.append(arrow_boxes(chunk.children[0], name))
        offsets.append(ends + offsets[-1][-1])
    if not boxes:
        boxes = [np.empty((0, 4))]
    return _joined(boxes, name), np.concatenate(offsets)


def _chunks(reader: ArrowReader, name: str) -> Iterator[ArrowColumn]:
    fields = reader.fields()
    if len(fields) != 1:
        listed = ", ".join(field[0] for field in fields)
        raise ValueError(f"{name}: got the columns {listed}, expected one column")
    while True:
        try:
            batch = reader.next([0])
        except (TypeError, ValueError) as error:
            raise type(error)(f"{name}: {error}") from error
        if batch is None:
            return
        yield batch[1][0]


def _corner_columns(reader: ArrowReader, names: list[str], name: str) -> Array:
    if not set(CORNERS) <= set(names):
        raise ValueError(
            f"{name}: got the columns {', '.join(names)}, expected one column, or x1, y1, x2, y2"
        )
    wanted = [names.index(corner) for corner in CORNERS]
    parts = []
    while True:
        try:
            batch = reader.next(wanted)
        except (TypeError, ValueError) as error:
            raise type(error)(f"{name}: {error}") from error
        if batch is None:
            break
        parts.append(np.stack([_plain(column, name) for column in batch[1]], axis=1))
    return _joined(parts, name) if parts else np.empty((0, 4))


def _joined(parts: list[Array], name: str) -> Array:
    if not parts:
        return np.empty(0)
    if len(parts) == 1:
        return parts[0]
    if len({part.shape[1:] for part in parts}) > 1:
        raise ValueError(f"{name}: got chunks of different shapes")
    return np.concatenate(parts)


def _no_nulls(column: ArrowColumn, name: str) -> None:
    if column.null_count > 0:
        where = f"{name}, column {column.name!r}" if column.name else name
        raise ValueError(f"{where}: got {column.null_count} nulls, expected none; {_FILL}")


def _plain(column: ArrowColumn, name: str) -> Array:
    _no_nulls(column, name)
    if column.kind == "numbers":
        return column_values(column)
    if column.kind == "fixed_list":
        items = _plain(column.children[0], name)
        return items.reshape(column.length, column.list_size, *items.shape[1:])
    if column.kind == "struct":
        return arrow_boxes(column, name)
    if column.kind == "list":
        raise ValueError(
            f"{name}: got lists of any length, expected as many numbers in every row; ragged "
            "batches take boxes and offsets"
        )
    raise TypeError(f"{name}: got {_words(column)}, expected numbers")


def column_values(column: ArrowColumn) -> Array:
    """The numbers of a node as they stand, whatever its validity says; bits become bool."""
    if column.bit_offset < 0:
        return column.values
    bits = np.unpackbits(column.values, bitorder="little")
    return bits[column.bit_offset : column.bit_offset + column.length].astype(bool)


def _words(column: ArrowColumn) -> str:
    return f"a column of {column.kind.replace('_', ' ')} (Arrow format {column.format!r})"
