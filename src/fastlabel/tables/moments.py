"""Count, extremes, mean and variance of columns by group, from exact sums."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._scalars import as_whole
from .axes import Axis, axis_from_dict, reading
from .columns import Part, aligned, batches_of, native_axes, parts_of
from .histograms import axis_names, check_axes, inner, read_cells

__all__ = ["GroupedStats"]

# The engine keeps sums in units of the smallest double, and of its square.
_UNIT_BITS = 1074


def _whole(limbs: NDArray[np.int64]) -> int:
    """Limbs of 32 bits, the last one signed, as one number."""
    low = int.from_bytes(limbs[:-1].astype("<u4").tobytes(), "little")
    return low + (int(limbs[-1]) << (32 * (len(limbs) - 1)))


def _limbs(value: int, size: int) -> NDArray[np.int64]:
    top = 32 * (size - 1)
    high = value >> top
    if not -(2**62) < high < 2**62:
        raise ValueError("sum: got one out of the range of any columns")
    low = (value - (high << top)).to_bytes(top // 8, "little")
    return np.append(np.frombuffer(low, "<u4").astype(np.int64), high)


def _ratio(numerator: int, denominator: int) -> float:
    """The exact quotient, rounded once."""
    try:
        return numerator / denominator
    except OverflowError:
        return math.inf if numerator > 0 else -math.inf


class GroupedStats:
    """Count, minimum, maximum, sum, mean and variance of columns, by group.

    The sums of numbers and of their squares are exact, and rounded once when you ask. So two
    of these added are, bit for bit, what both their inputs would have given, in any order and
    however the rows were split. Not to be filled by two threads at once.

    Parameters
    ----------
    *axes : Axis
        The groups; none for one group of all rows.
    values : sequence of str
        Names of the columns to measure.

    Examples
    --------
    >>> from fastlabel.tables import Category
    >>> stats = GroupedStats(Category(["cat", "dog"]), values=["width"])
    >>> stats.fill(["cat", "dog", "dog"], [10.0, 4.0, 6.0]).mean("width").tolist()
    [10.0, 5.0]
    """

    def __init__(self, *axes: Axis, values: Sequence[str] = ("value",)) -> None:
        from .._core import moments_new

        self.axes = check_axes(axes, 0)
        if isinstance(values, str) or not values or len(set(values)) < len(values):
            raise ValueError(f"values: got {values!r}, expected different names")
        self.values = tuple(values)
        cells = math.prod(axis.extent for axis in axes)
        if cells * len(self.values) > 2**22:
            raise ValueError(f"axes: got {cells} groups, expected at most 2^22 over all columns")
        self._state = {name: moments_new(cells) for name in self.values}

    def fill(self, *columns: Any) -> GroupedStats:
        """Add rows.

        Parameters
        ----------
        *columns : array_like or Arrow column
            (N,): one for each axis, then one for each name of `values`. NaN and null values
            are counted as unknown, infinite ones are numbers.

        Returns
        -------
        GroupedStats
            This one.

        Raises
        ------
        TypeError, ValueError
            For columns that do not fit; nothing is added then.
        """
        wanted = len(self.axes) + len(self.values)
        if len(columns) != wanted:
            raise ValueError(f"columns: got {len(columns)}, expected {wanted}")
        names = [*axis_names(self.axes), *self.values]
        axes: list[Axis | None] = [*self.axes, *(None for _ in self.values)]
        parts = [
            parts_of(column, name, axis)
            for column, name, axis in zip(columns, names, axes, strict=True)
        ]
        return self._add_pieces(aligned(parts, names))

    def fill_from(self, table: Any, columns: Sequence[str]) -> GroupedStats:
        """Add the rows of an Arrow table or stream, a batch at a time.

        Parameters
        ----------
        table : object with ``__arrow_c_stream__`` or ``__arrow_c_array__``
            Of pyarrow, polars, DuckDB, pandas or another library.
        columns : sequence of str
            A column for each axis, then one for each name of `values`.

        Returns
        -------
        GroupedStats
            This one.
        """
        axes: list[Axis | None] = [*self.axes, *(None for _ in self.values)]
        return self._add_pieces(batches_of(table, columns, axes))

    def _add_pieces(self, pieces: Any) -> GroupedStats:
        from .._core import moments_fill

        # Beside, and merged at the end, so that a piece that fails leaves no trace.
        beside = self.empty()
        native = native_axes(self.axes)
        groups = len(self.axes)
        for piece in pieces:
            keys: list[Part] = piece[:groups]
            for name, value in zip(self.values, piece[groups:], strict=True):
                moments_fill(native, keys, value, beside._state[name])
        return self.merge(beside)

    def empty(self) -> GroupedStats:
        """One of the same axes and values, with nothing in it."""
        return GroupedStats(*self.axes, values=self.values)

    def merge(self, other: GroupedStats) -> GroupedStats:
        """Add another one of the same axes and values to this one.

        Parameters
        ----------
        other : GroupedStats
            With equal axes and values.

        Returns
        -------
        GroupedStats
            This one.
        """
        from .._core import moments_merge

        if not isinstance(other, GroupedStats):
            raise TypeError(f"other: got {type(other).__name__}, expected GroupedStats")
        if self.axes != other.axes or self.values != other.values:
            raise ValueError("other: got other axes or values, expected the same")
        for name in self.values:
            moments_merge(self._state[name], other._state[name])
        return self

    def __add__(self, other: GroupedStats) -> GroupedStats:
        return self.empty().merge(self).merge(other)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, GroupedStats) and self.to_dict() == other.to_dict()

    __hash__ = None  # type: ignore[assignment]

    def count(self, value: str, flow: bool = False) -> NDArray[np.int64]:
        """Known numbers of each group, infinite ones too; (bins, ...) int64."""
        return self._shaped(self._of(value)["count"], flow)

    def unknown(self, value: str, flow: bool = False) -> NDArray[np.int64]:
        """NaN and null of each group; (bins, ...) int64."""
        return self._shaped(self._of(value)["unknown"], flow)

    def min(self, value: str, flow: bool = False) -> NDArray[np.float64]:
        """Least number of each group, NaN where there is none."""
        return self._finish(value, flow, lambda row: float(row["min"]))

    def max(self, value: str, flow: bool = False) -> NDArray[np.float64]:
        """Greatest number of each group, NaN where there is none."""
        return self._finish(value, flow, lambda row: float(row["max"]))

    def sum(self, value: str, flow: bool = False) -> NDArray[np.float64]:
        """Exact sum of each group, rounded once; NaN where there is no number."""
        return self._finish(value, flow, lambda row: self._divided(row, 1 << _UNIT_BITS))

    def mean(self, value: str, flow: bool = False) -> NDArray[np.float64]:
        """Mean of each group, correctly rounded; NaN where there is no number."""
        return self._finish(
            value, flow, lambda row: self._divided(row, int(row["count"]) << _UNIT_BITS)
        )

    def variance(self, value: str, ddof: int = 0, flow: bool = False) -> NDArray[np.float64]:
        """Variance of each group, correctly rounded.

        Parameters
        ----------
        value : str
            Which column.
        ddof : int
            The divisor is ``count - ddof``.
        flow : bool
            With the groups beside the bins: below, above and unknown.

        Returns
        -------
        numpy.ndarray
            (bins, ...) float64; NaN where count is not above ddof, or a number is infinite.
        """
        ddof = as_whole(ddof, "ddof")

        def finished(row: Any) -> float:
            n = int(row["count"])
            if n <= ddof or row["plus_inf"] or row["minus_inf"]:
                return math.nan
            total, squares = _whole(row["sum"]), _whole(row["sum_of_squares"])
            return _ratio(squares * n - total * total, (n * (n - ddof)) << (2 * _UNIT_BITS))

        return self._finish(value, flow, finished)

    def std(self, value: str, ddof: int = 0, flow: bool = False) -> NDArray[np.float64]:
        """Square root of :meth:`variance`."""
        return np.sqrt(self.variance(value, ddof, flow))

    @staticmethod
    def _divided(row: Any, by: int) -> float:
        if row["plus_inf"] or row["minus_inf"]:
            if row["plus_inf"] and row["minus_inf"]:
                return math.nan
            return math.inf if row["plus_inf"] else -math.inf
        return _ratio(_whole(row["sum"]), by)

    def _of(self, value: str) -> NDArray[Any]:
        if not isinstance(value, str) or value not in self._state:
            raise ValueError(f"value: got {value!r}, expected one of {', '.join(self.values)}")
        return self._state[value]

    def _shaped(self, flat: NDArray[Any], flow: bool) -> NDArray[Any]:
        cells = flat.reshape(tuple(axis.extent for axis in self.axes))
        return cells.copy() if flow else cells[inner(self.axes)].copy()

    def _finish(
        self, value: str, flow: bool, finished: Callable[[Any], float]
    ) -> NDArray[np.float64]:
        state = self._of(value)
        out = np.full(len(state), math.nan)
        for cell in np.flatnonzero(state["count"]):
            out[cell] = finished(state[cell])
        return self._shaped(out, flow)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values, for a file or another machine; exact.

        Returns
        -------
        dict
            What :meth:`from_dict` reads.
        """
        plain: dict[str, Any] = {
            "type": "grouped_stats",
            "axes": [axis.to_dict() for axis in self.axes],
            "values": {},
        }
        for name, state in self._state.items():
            used = np.flatnonzero((state["count"] > 0) | (state["unknown"] > 0))
            rows = state[used]
            plain["values"][name] = {
                "cells": used.tolist(),
                **{key: rows[key].tolist() for key in _COUNTS},
                **{key: [float(x).hex() for x in rows[key]] for key in ("min", "max")},
                **{key: [hex(_whole(limbs)) for limbs in rows[key]] for key in _SUMS},
            }
        return plain

    @classmethod
    def from_dict(cls, plain: dict[str, Any]) -> GroupedStats:
        """What :meth:`to_dict` wrote.

        Parameters
        ----------
        plain : dict
            Its plain values.

        Returns
        -------
        GroupedStats
            Equal to the one written.
        """
        with reading(plain):
            return cls._read(plain)

    @classmethod
    def _read(cls, plain: dict[str, Any]) -> GroupedStats:
        if plain.get("type") != "grouped_stats":
            raise ValueError(f"type: got {plain.get('type')!r}, expected 'grouped_stats'")
        made = cls(*(axis_from_dict(axis) for axis in plain["axes"]), values=list(plain["values"]))
        for name, rows in plain["values"].items():
            state = made._state[name]
            cells = read_cells(rows["cells"], len(state))
            for key in _COUNTS:
                state[key][cells] = rows[key]
            for key in ("min", "max"):
                state[key][cells] = [float.fromhex(text) for text in rows[key]]
            for key in _SUMS:
                for cell, text in zip(cells, rows[key], strict=True):
                    state[key][cell] = _limbs(int(text, 16), state[key].shape[1])
        return made

    def __repr__(self) -> str:
        axes = "".join(f"{axis!r}, " for axis in self.axes)
        return f"GroupedStats({axes}values={list(self.values)})"


_COUNTS = ("count", "unknown", "plus_inf", "minus_inf")
_SUMS = ("sum", "sum_of_squares")
