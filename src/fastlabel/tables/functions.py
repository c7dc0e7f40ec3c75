"""One call for one table: histograms and statistics, by group or not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._arrays import as_real, to_numpy
from .._scalars import as_number
from .axes import Axis, Regular, Variable
from .groups import grouped_axis
from .histograms import Histogram
from .moments import GroupedStats

__all__ = ["grouped_histogram", "grouped_stats", "histogram"]


def _axis_for(values: Any, bins: Any, range_: tuple[float, float] | None) -> tuple[Axis, Any]:
    """The axis that numpy.histogram would make, and the values to put on it."""
    if isinstance(bins, Axis):
        return bins, values
    if not isinstance(bins, (int, np.integer, str)):
        edges = as_real(bins, "bins")
        if edges.ndim > 0:
            try:
                return Variable(edges, name="values"), values
            except ValueError as error:
                raise ValueError(f"bins: {error}") from error
    if range_ is None:
        values = to_numpy(values, "values")
        if values.dtype.kind not in "iubf":
            raise TypeError(f"values: got dtype {values.dtype}, expected numbers")
        low, high = (float(values.min()), float(values.max())) if values.size else (0.0, 1.0)
        if not (np.isfinite(low) and np.isfinite(high)):
            raise ValueError(f"range: got values from {low} to {high}, expected finite ones or one")
    else:
        if not isinstance(range_, (tuple, list, np.ndarray)) or len(range_) != 2:
            raise TypeError(f"range: got {range_!r}, expected (low, high)")
        low, high = (as_number(end, "range", "(low, high)") for end in range_)
        if not (low <= high and np.isfinite(high - low)):
            raise ValueError(f"range: got {low} to {high}, expected finite numbers that rise")
    if low == high:  # as NumPy does
        low, high = low - 0.5, high + 0.5
    return Regular(bins, low, high, name="values"), values


def histogram(
    values: Any,
    bins: Any = 10,
    range: tuple[float, float] | None = None,
    weights: Any = None,
) -> tuple[NDArray[Any], NDArray[np.float64]]:
    """Counts of numbers in bins, equal to :func:`numpy.histogram` of the same float64.

    Parameters
    ----------
    values : array_like or Arrow column
        (N,) whole numbers, float32 or float64; taken as float64. What lies outside, NaN and
        null are left out; :class:`Histogram` counts them.
    bins : int, array_like or Axis
        How many of one width, or their edges.
    range : tuple of float, optional
        The outer edges; those of the values by default.
    weights : array_like or Arrow column, optional
        (N,), finite, at most 2^32 in size.

    Returns
    -------
    counts : numpy.ndarray
        (bins,) int64; with weights the exact sums, rounded once, float64.
    edges : numpy.ndarray
        (bins + 1,) float64.

    Examples
    --------
    >>> counts, edges = histogram([1, 2, 2, 3, 9], bins=[0, 2, 4])
    >>> counts.tolist(), edges.tolist()
    ([1, 3], [0.0, 2.0, 4.0])
    """
    axis, values = _axis_for(values, bins, range)
    if axis.edges is None:
        raise TypeError("bins: got categories, expected bins with edges")
    made = Histogram(axis, weight=weights is not None)
    made.fill(values, weight=weights)
    counts = made.counts() if weights is None else made.sums()
    return counts, axis.edges.copy()


def grouped_histogram(
    groups: Any,
    values: Any,
    bins: Any = 10,
    range: tuple[float, float] | None = None,
    weights: Any = None,
) -> Histogram:
    """Counts of numbers in bins, by group.

    Parameters
    ----------
    groups : array_like or Arrow column
        (N,) whole numbers from 0, or texts; null is a row of no group.
    values : array_like or Arrow column
        (N,) numbers.
    bins : int, array_like or Axis
        As for :func:`histogram`.
    range : tuple of float, optional
        As for :func:`histogram`.
    weights : array_like or Arrow column, optional
        (N,), finite, at most 2^32 in size.

    Returns
    -------
    Histogram
        Of two axes, the first one a :class:`Category`: every text that is there, sorted, or
        0 to the greatest number.

    Examples
    --------
    >>> grouped_histogram(["a", "b", "b"], [1.0, 1.0, 3.0], bins=[0, 2, 4]).counts().tolist()
    [[1, 0], [1, 1]]
    """
    first, groups = grouped_axis(groups, "groups")
    axis, values = _axis_for(values, bins, range)
    return Histogram(first, axis, weight=weights is not None).fill(groups, values, weight=weights)


def grouped_stats(groups: Any, values: Any) -> GroupedStats:
    """Count, minimum, maximum, mean and variance by group, from exact sums.

    Parameters
    ----------
    groups : array_like or Arrow column
        (N,) whole numbers from 0, or texts; null is a row of no group.
    values : array_like, Arrow column, or mapping of str to those
        (N,) numbers; the one column is called ``"value"`` unless a mapping names it.

    Returns
    -------
    GroupedStats
        With one axis, a :class:`Category` as in :func:`grouped_histogram`.

    Examples
    --------
    >>> stats = grouped_stats([0, 1, 1], [2.0, 3.0, 5.0])
    >>> stats.mean("value").tolist(), stats.variance("value").tolist()
    ([2.0, 4.0], [0.0, 1.0])
    """
    axis, groups = grouped_axis(groups, "groups")
    named = dict(values) if isinstance(values, Mapping) else {"value": values}
    return GroupedStats(axis, values=list(named)).fill(groups, *named.values())
