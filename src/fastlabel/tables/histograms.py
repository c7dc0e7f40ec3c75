"""Histograms of any number of axes: exact counts and sums of weights, which merge."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .axes import Axis, axis_from_dict, reading
from .columns import Part, aligned, batches_of, native_axes, parts_of

__all__ = ["Histogram", "check_axes"]

_UNIT = 1 << 64


def check_axes(axes: Sequence[Axis], least: int) -> tuple[Axis, ...]:
    """Between `least` and eight axes, of not too many cells."""
    cells = 1
    for k, axis in enumerate(axes):
        if not isinstance(axis, Axis):
            raise TypeError(f"axes[{k}]: got {type(axis).__name__}, expected an axis")
        cells *= axis.extent
    if not least <= len(axes) <= 8:
        raise ValueError(f"axes: got {len(axes)}, expected {least} to 8")
    if cells > 2**31 - 1:
        raise ValueError(f"axes: got {cells} cells together, expected fewer than 2^31")
    return tuple(axes)


def axis_names(axes: Sequence[Axis]) -> list[str]:
    """What to call the axes' columns in messages."""
    return [axis.name or f"columns[{k}]" for k, axis in enumerate(axes)]


def inner(axes: Sequence[Axis]) -> tuple[slice, ...]:
    """The bins of an array of all cells."""
    return tuple(slice(1, axis.bins + 1) for axis in axes)


class Histogram:
    """Counts of rows by one or more axes, filled chunk by chunk.

    Adding two histograms gives, bit for bit, the histogram of both their inputs, in any order
    and however the rows were split: counts are whole numbers, and weights are added as whole
    multiples of 2^-64. A histogram must not be filled by two threads at once; fill one for
    each and add them.

    Parameters
    ----------
    *axes : Axis
        1 to 8. Put categories first to group by them.
    weight : bool
        Whether rows have weights.

    Examples
    --------
    >>> from fastlabel.tables import Category, Log
    >>> h = Histogram(Category(["cat", "dog"]), Log(2, 1, 100, name="size"))
    >>> h.fill(["cat", "dog", "dog", "cow"], [5.0, 50.0, 500.0, 5.0]).counts().tolist()
    [[1, 0], [0, 1]]
    >>> h.outside()
    {'axes[0]': {'above': 1}, 'size': {'above': 1}}
    """

    def __init__(self, *axes: Axis, weight: bool = False) -> None:
        self.axes = check_axes(axes, 1)
        self._cells = np.zeros(tuple(axis.extent for axis in axes), np.int64)
        self._sums = np.zeros((*self._cells.shape, 2), np.uint64) if weight else None
        self._heaviest = 0.0

    @property
    def weighted(self) -> bool:
        """Whether rows have weights."""
        return self._sums is not None

    @property
    def edges(self) -> tuple[NDArray[np.float64] | None, ...]:
        """Each axis's edges; None for categories."""
        return tuple(axis.edges for axis in self.axes)

    @property
    def total(self) -> int:
        """Rows filled in, those outside the bins too."""
        return int(self._cells.sum())

    def fill(self, *columns: Any, weight: Any = None) -> Histogram:
        """Add rows.

        Parameters
        ----------
        *columns : array_like or Arrow column
            (N,), one for each axis: whole numbers, float32 or float64; texts for a
            :class:`Category` with names. NaN and null count as unknown.
        weight : array_like or Arrow column, optional
            (N,), given exactly when the histogram is weighted: finite, |w| at most 2^32,
            rounded to a multiple of 2^-64.

        Returns
        -------
        Histogram
            This one.

        Raises
        ------
        TypeError, ValueError
            For columns that do not fit; nothing is added then.
        """
        if len(columns) != len(self.axes):
            raise ValueError(f"columns: got {len(columns)}, expected {len(self.axes)}")
        self._check_weight(weight)
        names = axis_names(self.axes)
        parts = [
            parts_of(column, name, axis)
            for column, name, axis in zip(columns, names, self.axes, strict=True)
        ]
        if weight is not None:
            parts.append(parts_of(weight, "weight", None))
            names.append("weight")
        self._add_pieces(aligned(parts, names), alone=all(len(part) == 1 for part in parts))
        return self

    def fill_from(self, table: Any, columns: Sequence[str], weight: str | None = None) -> Histogram:
        """Add the rows of an Arrow table or stream, a batch at a time.

        Parameters
        ----------
        table : object with ``__arrow_c_stream__`` or ``__arrow_c_array__``
            Of pyarrow, polars, DuckDB, pandas or another library.
        columns : sequence of str
            A column for each axis.
        weight : str, optional
            The column of weights.

        Returns
        -------
        Histogram
            This one.

        Raises
        ------
        TypeError, ValueError
            For columns that do not fit, or a stream that breaks off; nothing is added then.
        """
        self._check_weight(weight)
        wanted = list(columns) if weight is None else [*columns, weight]
        axes: list[Axis | None] = [*self.axes] if weight is None else [*self.axes, None]
        self._add_pieces(batches_of(table, wanted, axes), alone=False)
        return self

    def _check_weight(self, weight: Any) -> None:
        if (weight is not None) != self.weighted:
            got = "none" if weight is None else "weights"
            raise ValueError(
                f"weight: got {got}, expected "
                + ("them: the histogram is weighted" if self.weighted else "none")
            )

    def _add_pieces(self, pieces: Any, *, alone: bool) -> None:
        # Added to this histogram at the end only, so that a piece that fails leaves no trace.
        into = self if alone and not self.weighted else self.empty()
        for piece in pieces:
            into._add_piece(piece)
        if into is not self:
            self.merge(into)

    def _add_piece(self, piece: list[Part]) -> None:
        from .._core import histogram_fill

        axes = native_axes(self.axes)
        if self._sums is None:
            histogram_fill(axes, piece, self._cells)
            return
        try:
            heaviest = histogram_fill(axes, piece[:-1], self._cells, piece[-1], self._sums)
        except ValueError as error:
            raise ValueError(
                "weight: got one that is unknown, not finite or over 2^32, expected finite "
                "numbers up to that"
            ) from error
        self._heaviest = max(self._heaviest, heaviest)

    def empty(self) -> Histogram:
        """A histogram of the same axes, with nothing in it."""
        return Histogram(*self.axes, weight=self.weighted)

    def merge(self, other: Histogram) -> Histogram:
        """Add another histogram of the same axes to this one.

        Parameters
        ----------
        other : Histogram
            With equal axes.

        Returns
        -------
        Histogram
            This one.
        """
        if not isinstance(other, Histogram):
            raise TypeError(f"other: got {type(other).__name__}, expected a Histogram")
        if self.axes != other.axes or self.weighted != other.weighted:
            raise ValueError("other: got other axes or weights, expected the same")
        heaviest = max(self._heaviest, other._heaviest)
        if heaviest * (self.total + other.total) >= 2.0**63:
            raise OverflowError("the sums of weights may pass 2^63; fill with smaller weights")
        self._cells += other._cells
        self._heaviest = heaviest
        if self._sums is not None and other._sums is not None:
            low = self._sums[..., 0] + other._sums[..., 0]
            carry = low < other._sums[..., 0]
            self._sums[..., 1] += other._sums[..., 1] + carry.astype(np.uint64)
            self._sums[..., 0] = low
        return self

    def __add__(self, other: Histogram) -> Histogram:
        return self.empty().merge(self).merge(other)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Histogram) and self.to_dict() == other.to_dict()

    __hash__ = None  # type: ignore[assignment]

    def counts(self, flow: bool = False) -> NDArray[np.int64]:
        """Rows in each bin.

        Parameters
        ----------
        flow : bool
            With the cells beside the bins: first what lies below, and last what lies above
            and what is unknown, on each axis.

        Returns
        -------
        numpy.ndarray
            int64, a dimension for each axis; a copy.
        """
        return self._cells.copy() if flow else self._cells[inner(self.axes)].copy()

    def sums(self, flow: bool = False) -> NDArray[np.float64]:
        """Sum of the weights in each bin: the exact sum, rounded once.

        Parameters
        ----------
        flow : bool
            As for :meth:`counts`.

        Returns
        -------
        numpy.ndarray
            float64, a dimension for each axis.
        """
        if self._sums is None:
            raise ValueError("weight: the histogram has none; make it with weight=True")
        words = self._sums if flow else self._sums[inner(self.axes)]
        out = np.zeros(words.shape[:-1])
        for at in zip(*np.nonzero(words.any(axis=-1)), strict=True):
            out[at] = self._signed(words[at]) / _UNIT
        return out

    @staticmethod
    def _signed(words: NDArray[np.uint64]) -> int:
        low, high = (int(word) for word in words)
        return ((high - _UNIT if high >= _UNIT // 2 else high) << 64) | low

    def outside(self) -> dict[str, dict[str, int]]:
        """Rows that no bin holds, by axis: below, above and unknown.

        Returns
        -------
        dict
            Only what is not 0. A row outside two axes is listed under both.
        """
        found: dict[str, dict[str, int]] = {}
        for k, axis in enumerate(self.axes):
            along = self._cells.sum(axis=tuple(d for d in range(len(self.axes)) if d != k))
            ends = {"below": along[0], "above": along[-2], "unknown": along[-1]}
            kept = {name: int(count) for name, count in ends.items() if count}
            if kept:
                found[axis.name or f"axes[{k}]"] = kept
        return found

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values, for a file or another machine; exact.

        Returns
        -------
        dict
            What :meth:`from_dict` reads.
        """
        flat = self._cells.ravel()
        used = np.flatnonzero(flat)
        plain: dict[str, Any] = {
            "type": "histogram",
            "axes": [axis.to_dict() for axis in self.axes],
            "cells": used.tolist(),
            "counts": flat[used].tolist(),
        }
        if self._sums is not None:
            words = self._sums.reshape(-1, 2)[used]
            plain["sums"] = [str(self._signed(pair)) for pair in words]
            plain["heaviest"] = self._heaviest
        return plain

    @classmethod
    def from_dict(cls, plain: dict[str, Any]) -> Histogram:
        """The histogram that :meth:`to_dict` wrote.

        Parameters
        ----------
        plain : dict
            Its plain values.

        Returns
        -------
        Histogram
            Equal to the one written.
        """
        with reading(plain):
            return cls._read(plain)

    @classmethod
    def _read(cls, plain: dict[str, Any]) -> Histogram:
        if plain.get("type") != "histogram":
            raise ValueError(f"type: got {plain.get('type')!r}, expected 'histogram'")
        made = cls(*(axis_from_dict(axis) for axis in plain["axes"]), weight="sums" in plain)
        cells = read_cells(plain["cells"], made._cells.size)
        counts = np.array(plain["counts"], np.int64).reshape(-1)
        if len(counts) != len(cells) or (counts < 0).any():
            raise ValueError("counts: expected one for each cell, none below 0")
        made._cells.reshape(-1)[cells] = counts
        if made._sums is not None:
            words = made._sums.reshape(-1, 2)
            for cell, text in zip(cells, plain["sums"], strict=True):
                value = int(text)
                if not -(1 << 127) <= value < 1 << 127:
                    raise ValueError(f"sums: got {text}, expected 128 bits")
                words[cell] = (value % _UNIT, (value >> 64) % _UNIT)
            made._heaviest = float(plain["heaviest"])
        return made

    def __repr__(self) -> str:
        axes = ", ".join(map(repr, self.axes))
        return f"Histogram({axes}{', weight=True' if self.weighted else ''}): {self.total:,} rows"


def read_cells(cells: Any, size: int) -> NDArray[np.int64]:
    """Numbers of cells from a file: each in range and none twice."""
    found = np.array(cells, np.int64).reshape(-1)
    if len(found) and (
        found.min() < 0 or found.max() >= size or len(np.unique(found)) < len(found)
    ):
        raise ValueError(f"cells: expected different numbers from 0 to {size - 1}")
    return found
