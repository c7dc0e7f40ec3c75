"""Columns of any origin as the views that the engine reads, chunk by chunk."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .._arrays import to_numpy
from .._arrow import arrow_batches, is_arrow
from .axes import Axis, Category

if TYPE_CHECKING:
    from .._core import ArrowColumn

__all__ = ["Part", "aligned", "batches_of", "known_rows", "native_axes", "parts_of"]

#: (values, rows, validity or None, validity_offset, bit_offset or -1)
Part = tuple[NDArray[Any], int, "NDArray[np.uint8] | None", int, int]


def native_axes(axes: Sequence[Axis]) -> list[tuple[NDArray[np.float64] | None, int]]:
    """The axes as the engine takes them."""
    return [(axis.edges, axis.bins) for axis in axes]


def parts_of(value: Any, name: str, axis: Axis | None) -> list[Part]:
    """One argument as parts; `axis` None means numbers to be summed up."""
    if is_arrow(value):
        chunks = []
        for _, columns in arrow_batches(value, name):
            if len(columns) != 1:
                raise ValueError(f"{name}: got {len(columns)} columns, expected one")
            chunks.append(_arrow_part(columns[0], name, axis))
        return chunks
    named = isinstance(axis, Category) and axis.names is not None
    if named and isinstance(value, (list, tuple)) and any(isinstance(v, str) for v in value):
        # As they stand: NumPy would make texts of all of them.
        return [_texts_part(list(value), axis, name)]
    array = to_numpy(value, name)
    if array.ndim != 1:
        raise ValueError(f"{name}: got shape {array.shape}, expected (N,)")
    if named and array.dtype.kind in "UO" and array.size:
        return [_texts_part(array.tolist(), axis, name)]
    if array.size == 0 and array.dtype == object:
        array = array.astype(np.int32)
    _check_kind(array.dtype, name, axis)
    if not array.dtype.isnative:
        array = array.astype(array.dtype.newbyteorder("="))
    return [(array, len(array), None, 0, -1)]


def batches_of(
    table: Any, columns: Sequence[str], axes: Sequence[Axis | None]
) -> Iterator[list[Part]]:
    """Named columns of an Arrow table or stream, a batch at a time."""
    if len(columns) != len(axes):
        raise ValueError(f"columns: got {len(columns)} names, expected {len(axes)}")
    distinct = list(dict.fromkeys(columns))
    for _, found in arrow_batches(table, "table", distinct):
        yield [
            _arrow_part(found[distinct.index(column)], column, axis)
            for column, axis in zip(columns, axes, strict=True)
        ]


def aligned(columns: Sequence[list[Part]], names: Sequence[str]) -> Iterator[list[Part]]:
    """Columns that are cut into chunks at different rows, as pieces of equal length."""
    lengths = [sum(part[1] for part in parts) for parts in columns]
    for length, name in zip(lengths, names, strict=True):
        if length != lengths[0]:
            raise ValueError(f"{name}: got {length} rows, expected {lengths[0]} as in {names[0]}")
    at = [0] * len(columns)
    inside = [0] * len(columns)
    left = lengths[0]
    while left > 0:
        for k, parts in enumerate(columns):
            while inside[k] == parts[at[k]][1]:
                at[k] += 1
                inside[k] = 0
        step = min(parts[at[k]][1] - inside[k] for k, parts in enumerate(columns))
        yield [_slice(parts[at[k]], inside[k], step) for k, parts in enumerate(columns)]
        inside = [start + step for start in inside]
        left -= step


def _slice(part: Part, start: int, rows: int) -> Part:
    values, length, validity, validity_offset, bit_offset = part
    if start == 0 and rows == length:
        return part
    if bit_offset < 0:
        values = values[start : start + rows]
    else:
        bit_offset += start
    return values, rows, validity, validity_offset + start, bit_offset


def _check_kind(dtype: np.dtype[Any], name: str, axis: Axis | None) -> None:
    wanted = "iub" if isinstance(axis, Category) else "iubf"
    if dtype.kind not in wanted or dtype.itemsize > 8 or dtype == np.float16:
        what = (
            "whole numbers" + (" or texts" if axis.names is not None else "")
            if isinstance(axis, Category)
            else "whole numbers, float32 or float64"
        )
        raise TypeError(f"{name}: got dtype {dtype}, expected {what}")


def _texts_part(texts: list[Any], axis: Axis | None, name: str) -> Part:
    assert isinstance(axis, Category) and axis.names is not None
    places = {text: k for k, text in enumerate(axis.names)}
    codes = np.empty(len(texts), np.int32)
    known = np.ones(len(texts), bool)
    for k, text in enumerate(texts):
        if text is None or (isinstance(text, float) and text != text):
            known[k] = False
            codes[k] = 0
        elif isinstance(text, str):
            codes[k] = places.get(text, axis.bins)
        else:
            raise TypeError(f"{name}[{k}]: got {type(text).__name__}, expected text or None")
    return codes, len(codes), _packed(known), 0, -1


def _packed(known: NDArray[np.bool_]) -> NDArray[np.uint8] | None:
    return None if known.all() else np.packbits(known, bitorder="little")


def _arrow_part(column: ArrowColumn, name: str, axis: Axis | None) -> Part:
    if column.kind == "numbers":
        values = column.values
        if column.bit_offset < 0:
            _check_kind(values.dtype, name, axis)
        return values, column.length, column.validity, column.validity_offset, column.bit_offset
    if column.kind == "text":
        if isinstance(axis, Category) and axis.names is not None:
            codes = column.codes(list(axis.names))
            return codes, column.length, column.validity, column.validity_offset, -1
    elif column.kind == "dictionary":
        return _dictionary_part(column, name, axis)
    wanted = "whole numbers" if isinstance(axis, Category) else "numbers"
    if column.kind == "text":
        wanted += "; texts need a Category axis with names"
    raise TypeError(f"{name}: got {column.kind.replace('_', ' ')}, expected {wanted}")


def _dictionary_part(column: ArrowColumn, name: str, axis: Axis | None) -> Part:
    values, _, validity, offset, bits = _arrow_part(column.children[0], name, axis)
    inner = column.children[0]
    if bits >= 0:
        values = np.unpackbits(values, bitorder="little")[bits : bits + inner.length]
    known = known_rows(column)
    # What stands under a null need not be an index.
    index = np.where(known, column.values, 0)
    if inner.length == 0:  # then every row is null
        return np.zeros(column.length, values.dtype), column.length, _packed(known), 0, -1
    if validity is not None:
        known = known & _bits(validity, offset, inner.length)[index]
    return values[index], column.length, _packed(known), 0, -1


def known_rows(column: ArrowColumn) -> NDArray[np.bool_]:
    """Which rows of a column are not null."""
    if column.validity is None:
        return np.ones(column.length, bool)
    return _bits(column.validity, column.validity_offset, column.length)


def _bits(packed: NDArray[np.uint8], offset: int, rows: int) -> NDArray[np.bool_]:
    return np.unpackbits(packed, bitorder="little")[offset : offset + rows].astype(bool)
