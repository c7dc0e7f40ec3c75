"""Quantiles of columns by group, from counts of ranges of doubles."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._scalars import as_number
from .axes import Axis, axis_from_dict, reading
from .columns import aligned, batches_of, native_axes, parts_of
from .histograms import axis_names, check_axes, inner

__all__ = ["QuantileSketch"]


class QuantileSketch:
    """Quantiles of one column by group, with a bounded relative error.

    Numbers that share sign, exponent and the first `bits` bits of the mantissa are counted
    together, with the least and the greatest of them (a log-linear histogram, as in HdrHistogram
    by G. Tene; see also Masson, Rim and Lee, "DDSketch", VLDB 2019). Nothing is ever collapsed,
    so adding two sketches gives, bit for bit, the sketch of both their inputs, in any order.
    Memory follows the number of different ranges met, at most about 2^(bits + 6) for numbers
    within 64 octaves. Not to be filled by two threads at once.

    Parameters
    ----------
    *axes : Axis
        The groups; none for one group of all rows.
    bits : int
        1 to 15. A quantile is at most 2^-(bits + 1) of its size off; the default gives 1/256.

    Examples
    --------
    >>> QuantileSketch().fill([1.0, 2.0, 3.0, 4.0, 100.0]).quantile(0.5).item()
    3.0
    """

    def __init__(self, *axes: Axis, bits: int = 7) -> None:
        from .._core import Sketch

        self.axes = check_axes(axes, 0)
        if isinstance(bits, bool) or not isinstance(bits, int) or not 1 <= bits <= 15:
            raise ValueError(f"bits: got {bits!r}, expected 1 to 15")
        self.bits = bits
        self._sketch = Sketch(bits)

    def fill(self, *columns: Any) -> QuantileSketch:
        """Add rows.

        Parameters
        ----------
        *columns : array_like or Arrow column
            (N,): one for each axis, then the numbers. NaN and null are left out.

        Returns
        -------
        QuantileSketch
            This one.

        Raises
        ------
        TypeError, ValueError
            For columns that do not fit; nothing is added then.
        """
        if len(columns) != len(self.axes) + 1:
            raise ValueError(f"columns: got {len(columns)}, expected {len(self.axes) + 1}")
        names = [*axis_names(self.axes), "values"]
        axes: list[Axis | None] = [*self.axes, None]
        parts = [
            parts_of(column, name, axis)
            for column, name, axis in zip(columns, names, axes, strict=True)
        ]
        return self._add_pieces(aligned(parts, names))

    def fill_from(self, table: Any, columns: Sequence[str]) -> QuantileSketch:
        """Add the rows of an Arrow table or stream, a batch at a time.

        Parameters
        ----------
        table : object with ``__arrow_c_stream__`` or ``__arrow_c_array__``
            Of pyarrow, polars, DuckDB, pandas or another library.
        columns : sequence of str
            A column for each axis, then that of the numbers.

        Returns
        -------
        QuantileSketch
            This one.
        """
        return self._add_pieces(batches_of(table, columns, [*self.axes, None]))

    def _add_pieces(self, pieces: Any) -> QuantileSketch:
        # Beside, and merged at the end, so that a piece that fails leaves no trace.
        beside = self.empty()
        native = native_axes(self.axes)
        for piece in pieces:
            beside._sketch.fill(native, piece[:-1], piece[-1])
        return self.merge(beside)

    def empty(self) -> QuantileSketch:
        """One of the same axes and bits, with nothing in it."""
        return QuantileSketch(*self.axes, bits=self.bits)

    def merge(self, other: QuantileSketch) -> QuantileSketch:
        """Add another sketch of the same axes and bits to this one.

        Parameters
        ----------
        other : QuantileSketch
            With equal axes and bits.

        Returns
        -------
        QuantileSketch
            This one.
        """
        if not isinstance(other, QuantileSketch):
            raise TypeError(f"other: got {type(other).__name__}, expected a QuantileSketch")
        if self.axes != other.axes or self.bits != other.bits:
            raise ValueError("other: got other axes or bits, expected the same")
        self._sketch.add(*other._sketch.entries())
        return self

    def __add__(self, other: QuantileSketch) -> QuantileSketch:
        return self.empty().merge(self).merge(other)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, QuantileSketch) and self.to_dict() == other.to_dict()

    __hash__ = None  # type: ignore[assignment]

    @property
    def _shape(self) -> tuple[int, ...]:
        return tuple(axis.extent for axis in self.axes)

    def _shaped(self, flat: NDArray[Any], flow: bool) -> NDArray[Any]:
        cells = flat.reshape(self._shape)
        return cells if flow else cells[inner(self.axes)].copy()

    def count(self, flow: bool = False) -> NDArray[np.int64]:
        """Numbers in each group; (bins, ...) int64."""
        groups, _, counts, _, _ = self._sketch.entries()
        out = np.zeros(math.prod(self._shape), np.int64)
        np.add.at(out, groups, counts)
        return self._shaped(out, flow)

    def quantile(self, q: float, flow: bool = False) -> NDArray[np.float64]:
        """The number of rank ``floor(q * (count - 1))`` of each group, nearly.

        Parameters
        ----------
        q : float
            0 (the least number, exact) to 1 (the greatest, exact).
        flow : bool
            With the groups beside the bins: below, above and unknown.

        Returns
        -------
        numpy.ndarray
            (bins, ...) float64, at most 2^-(bits + 1) of its size off the number of that rank;
            NaN for a group without numbers.
        """
        q = as_number(q, "q", "0 to 1")
        if not 0 <= q <= 1:
            raise ValueError(f"q: got {q}, expected 0 to 1")
        groups, _, counts, lows, highs = self._sketch.entries()
        out = np.full(math.prod(self._shape), math.nan)
        starts = [k for k in range(len(groups)) if k == 0 or groups[k] != groups[k - 1]]
        for start, end in zip(starts, [*starts[1:], len(groups)], strict=True):
            up_to = np.cumsum(counts[start:end])
            rank = math.floor(q * (int(up_to[-1]) - 1))
            at = start + int(np.searchsorted(up_to, rank, side="right"))
            low, high = float(lows[at]), float(highs[at])
            ends = {0.0: low, 1.0: high}
            out[groups[start]] = ends.get(q, low if low == high else low / 2 + high / 2)
        return self._shaped(out, flow)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values, for a file or another machine; exact.

        Returns
        -------
        dict
            What :meth:`from_dict` reads.
        """
        groups, keys, counts, lows, highs = self._sketch.entries()
        return {
            "type": "quantile_sketch",
            "axes": [axis.to_dict() for axis in self.axes],
            "bits": self.bits,
            "groups": groups.tolist(),
            "keys": keys.tolist(),
            "counts": counts.tolist(),
            "lows": [float(x).hex() for x in lows],
            "highs": [float(x).hex() for x in highs],
        }

    @classmethod
    def from_dict(cls, plain: dict[str, Any]) -> QuantileSketch:
        """The sketch that :meth:`to_dict` wrote.

        Parameters
        ----------
        plain : dict
            Its plain values.

        Returns
        -------
        QuantileSketch
            Equal to the one written.
        """
        with reading(plain):
            return cls._read(plain)

    @classmethod
    def _read(cls, plain: dict[str, Any]) -> QuantileSketch:
        if plain.get("type") != "quantile_sketch":
            raise ValueError(f"type: got {plain.get('type')!r}, expected 'quantile_sketch'")
        made = cls(*(axis_from_dict(axis) for axis in plain["axes"]), bits=plain["bits"])
        groups = np.array(plain["groups"], np.int64)
        if len(groups) and not (groups.min() >= 0 and groups.max() < math.prod(made._shape)):
            raise ValueError("groups: got one that the axes do not have")
        made._sketch.add(
            groups,
            np.array(plain["keys"], np.int32),
            np.array(plain["counts"], np.int64),
            np.array([float.fromhex(text) for text in plain["lows"]], np.float64),
            np.array([float.fromhex(text) for text in plain["highs"]], np.float64),
        )
        return made

    def __repr__(self) -> str:
        axes = "".join(f"{axis!r}, " for axis in self.axes)
        return f"QuantileSketch({axes}bits={self.bits})"
