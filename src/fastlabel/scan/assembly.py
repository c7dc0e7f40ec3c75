"""The two tables of a scan, put together from batches in any order, each row in its own place.

Columns are laid out once, at their final size, so that a million rows are held once and the
result does not show in which batches, in what order or from where they came.
"""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from .. import schema
from .arrays import binaries, bits, numbers, strings

__all__ = ["Assembly", "fixed_bytes"]

Ids = NDArray[np.int64]

#: Text columns of few different values (format, status), and of one length (content_hash).
_FEW = ("format", "status")
_HEX = {"content_hash": 32}


class Assembly:
    """Room for ``images`` and ``boxes`` rows, each put once, made tables by :meth:`finish`."""

    def __init__(self, images: int, boxes: int, *, rings: bool = False) -> None:
        self._images = _Frame(schema.IMAGE_STATS, images, ("image_id", "file_name"))
        self._boxes = _Frame(schema.box_stats(rings), boxes, ("annotation_id",))

    def put(self, images: pa.RecordBatch, boxes: pa.RecordBatch) -> None:
        """Write batches of IMAGE_STATS and BOX_STATS into the rows that their ids name."""
        self.put_images(_numpy(images["image_id"]), images)
        self.put_boxes(_numpy(boxes["annotation_id"]), boxes)

    def put_images(self, at: Ids, rows: pa.RecordBatch) -> None:
        """Write the columns of ``rows`` that are statistics into the images ``at``."""
        self._images.put(at, rows)

    def put_boxes(self, at: Ids, rows: pa.RecordBatch) -> None:
        """Write the columns of ``rows`` into the annotations ``at``."""
        self._boxes.put(at, rows)

    def finish(self, names: pa.Array) -> tuple[pa.Table, pa.Table]:
        """The tables; ``names`` is the column ``file_name``. Nothing may be put any more."""
        ids = np.arange(self._images.rows)
        images = self._images.table({"image_id": numbers(ids), "file_name": names})
        boxes = self._boxes.table({"annotation_id": numbers(np.arange(self._boxes.rows))})
        return images, boxes


def _texts(lengths: NDArray[Any], data: pa.Buffer, known: NDArray[np.bool_] | None) -> pa.Array:
    """Texts of these lengths, one behind the other in ``data``."""
    offsets = np.zeros(len(lengths) + 1, np.int64)
    np.cumsum(lengths, out=offsets[1:])
    validity = None if known is None or known.all() else bits(known).buffers()[1]
    buffers = [validity, pa.py_buffer(offsets), data]
    # Beyond 2 GB of text the cast fails, where int32 offsets would have wrapped.
    return pa.Array.from_buffers(pa.large_string(), len(lengths), buffers).cast(pa.string())


def _numpy(column: pa.Array) -> NDArray[Any]:
    """The values of a column of numbers; what stands under a null is anything."""
    dtype = np.dtype(column.type.to_pandas_dtype())
    buffer = column.buffers()[1]
    if buffer is None or len(column) == 0:
        return np.zeros(len(column), dtype)
    return np.frombuffer(buffer, dtype, len(column), column.offset * dtype.itemsize)


def _known(column: pa.Array) -> NDArray[np.bool_] | None:
    """Which rows are not null; None: all."""
    if column.null_count == 0:
        return None
    valid = column.is_valid()
    bits = np.unpackbits(np.frombuffer(valid.buffers()[1], np.uint8), bitorder="little")
    return bits[valid.offset : valid.offset + len(column)].astype(bool)


class _Frame:
    """The columns of one table."""

    def __init__(self, wanted: pa.Schema, rows: int, given: tuple[str, ...]) -> None:
        self.rows = rows
        self._schema = wanted
        self._columns = {f.name: _column(f, rows) for f in wanted if f.name not in given}

    def put(self, at: Ids, rows: pa.RecordBatch) -> None:
        if len(at) == 0:
            return
        given = set(rows.schema.names)
        for name, column in self._columns.items():
            if name in given:
                column.put(at, rows.column(name))

    def table(self, given: dict[str, pa.Array]) -> pa.Table:
        done = dict(given)
        for name in list(self._columns):
            # One at a time, so that no two copies of the whole table are alive.
            done[name] = self._columns.pop(name).finish()
        arrays = [done[f.name].cast(f.type) for f in self._schema]
        return pa.Table.from_arrays(arrays, schema=self._schema)


def _column(field: pa.Field, rows: int) -> _Column:
    if field.name in _FEW:
        return _Few(rows)
    if field.name in _HEX:
        return _Hex(rows, _HEX[field.name])
    if pa.types.is_string(field.type):
        return _Texts(rows)
    if pa.types.is_fixed_size_list(field.type):
        return _Lists(rows, field.type.list_size, field.type.value_type)
    if pa.types.is_fixed_size_binary(field.type):
        return _Bytes(rows, field.type.byte_width)
    return _Numbers(rows, field.type)


class _Column(Protocol):
    def put(self, at: Ids, values: pa.Array) -> None:
        """Write values into the rows ``at``."""

    def finish(self) -> pa.Array:
        """The column."""


class _Numbers:
    def __init__(self, rows: int, kind: pa.DataType) -> None:
        self._values = np.zeros(rows, kind.to_pandas_dtype())
        self._known = np.zeros(rows, bool)

    def put(self, at: Ids, values: pa.Array) -> None:
        known = _known(values)
        if known is None:
            self._values[at] = _numpy(values)
            self._known[at] = True
        else:
            # Nothing under a null: two runs must not differ in what nobody sees.
            self._values[at] = np.where(known, _numpy(values), self._values.dtype.type(0))
            self._known[at] = known

    def finish(self) -> pa.Array:
        return numbers(self._values, ~self._known)


class _Bytes:
    """Binaries of one length."""

    def __init__(self, rows: int, size: int) -> None:
        self._kind = pa.binary(size)
        self._values = np.zeros((rows, size), np.uint8)
        self._known = np.zeros(rows, bool)

    def put(self, at: Ids, values: pa.Array) -> None:
        size, buffer = self._kind.byte_width, values.buffers()[1]
        if buffer is None:
            return
        given = np.frombuffer(buffer, np.uint8, len(values) * size, values.offset * size)
        known = _known(values)
        mine = np.ones(len(values), bool) if known is None else known
        self._values[at[mine]] = given.reshape(-1, size)[mine]
        self._known[at[mine]] = True

    def finish(self) -> pa.Array:
        return binaries(self._values, ~self._known)


class _Lists:
    """Lists of one length; the list itself is never null, its items may be."""

    def __init__(self, rows: int, size: int, kind: pa.DataType) -> None:
        self._size = size
        self._items = _Numbers(rows * size, kind)

    def put(self, at: Ids, values: pa.Array) -> None:
        places = (at[:, None] * self._size + np.arange(self._size)).ravel()
        start, stop = values.offset * self._size, (values.offset + len(values)) * self._size
        self._items.put(places, values.values.slice(start, stop - start))

    def finish(self) -> pa.Array:
        return pa.FixedSizeListArray.from_arrays(self._items.finish(), self._size)


class _Few:
    """Texts of few different values, held as the number of each."""

    def __init__(self, rows: int) -> None:
        self._codes = np.full(rows, -1, np.int16)
        self._values: list[str] = []

    def put(self, at: Ids, values: pa.Array) -> None:
        encoded = values.dictionary_encode()
        for text in encoded.dictionary.to_pylist():
            if text not in self._values:
                self._values.append(text)
        codes = np.array([self._values.index(t) for t in encoded.dictionary.to_pylist()], np.int16)
        known = _known(values)
        if known is None:
            self._codes[at] = codes[_numpy(encoded.indices)]
        else:
            self._codes[at[known]] = codes[_numpy(encoded.indices)[known]]

    def finish(self) -> pa.Array:
        codes = numbers(self._codes, self._codes < 0)
        return strings(self._values).take(codes)


class _Hex:
    """Texts of one length, or null."""

    def __init__(self, rows: int, length: int) -> None:
        self._bytes = np.zeros((rows, length), np.uint8)
        self._known = np.zeros(rows, bool)

    def put(self, at: Ids, values: pa.Array) -> None:
        known = _known(values)
        mine = at if known is None else at[known]
        self._bytes[mine] = fixed_bytes(values.drop_null(), self._bytes.shape[1])
        self._known[mine] = True

    def finish(self) -> pa.Array:
        lengths = np.where(self._known, self._bytes.shape[1], 0)
        whole = self._bytes if self._known.all() else self._bytes[self._known]
        return _texts(lengths, pa.py_buffer(whole), self._known)


def fixed_bytes(texts: pa.Array, length: int) -> NDArray[np.uint8]:
    """Texts of one length, none null, as rows of bytes."""
    if len(texts) == 0:
        return np.empty((0, length), np.uint8)
    offsets = np.frombuffer(texts.buffers()[1], np.int32, len(texts) + 1, 4 * texts.offset)
    if (np.diff(offsets) != length).any():
        raise ValueError(f"texts: expected {length} bytes each")
    data = np.frombuffer(texts.buffers()[2], np.uint8, len(texts) * length, offsets[0])
    return data.reshape(-1, length)


class _Texts:
    """Texts that few rows have: the rest are null."""

    def __init__(self, rows: int) -> None:
        self._rows = rows
        self._at: list[Ids] = []
        self._texts: list[pa.Array] = []

    def put(self, at: Ids, values: pa.Array) -> None:
        known = _known(values)
        if values.null_count == len(values):
            return
        self._at.append(np.array(at if known is None else at[known]))
        # A copy: a slice would hold on to all that came with it.
        self._texts.append(pa.concat_arrays([values.drop_null()]))

    def finish(self) -> pa.Array:
        where = np.full(self._rows, -1, np.int64)
        if not self._at:
            return pa.nulls(self._rows, pa.string())
        at = np.concatenate(self._at)
        where[at] = np.arange(len(at))
        return pa.chunked_array(self._texts).combine_chunks().take(numbers(where, where < 0))
