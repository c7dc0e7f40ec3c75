"""Order statistics of long columns by group: exact, and without sorting them.

Two passes: the first counts the values of each group in bins of one width, which tells the bin
that a rank falls in; the second takes out the values of those bins, which are few. Medians and
percentiles are NumPy's, bit for bit.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["at_ranks", "group_sizes", "medians", "percentiles"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Groups = npt.NDArray[Any]

#: Bins of all groups together: their counts stay in the cache.
CELLS = 1 << 17
#: Groups of fewer bins than this, and shorter columns, are sorted.
LEAST_BINS, FEW = 16, 1 << 14
#: Values that the limits of the bins are taken from, and those beyond them on either side.
SAMPLE, BEYOND = 1 << 13, 0.005
#: Values looked at together.
PART = 1 << 15
#: Values counted together.
COUNTED = 1 << 19


def group_sizes(groups: Groups, n: int) -> Ints:
    """Number of values of each of n groups: ``numpy.bincount`` without its copy in 64 bits."""
    out = np.zeros(n, np.int64)
    for at in range(0, len(groups), COUNTED):
        out += np.bincount(groups[at : at + COUNTED], minlength=n)
    return out


def at_ranks(values: Floats, groups: Groups | None, ranks: Sequence[Sequence[int]]) -> list[Floats]:
    """The values that would stand at some places if each group were sorted.

    Parameters
    ----------
    values : numpy.ndarray
        (N,) float64 without NaN.
    groups : numpy.ndarray or None
        (N,) group of each value, from 0 to ``len(ranks) - 1``. None: all are of group 0.
    ranks : sequence of sequence of int
        For each group the places, from 0 to its number of values less one.

    Returns
    -------
    list of numpy.ndarray
        float64, for each group one value a rank.

    Examples
    --------
    >>> at_ranks(np.array([3.0, 1.0, 9.0]), np.array([0, 0, 1]), [[0, 1], [0]])
    [array([1., 3.]), array([9.])]
    """
    bins = CELLS // max(len(ranks), 1)
    if len(values) > FEW and bins >= LEAST_BINS:
        low, scale = _span(values, bins)
        if np.isfinite(low) and 0 < scale < np.inf:
            return _by_bins(values, groups, ranks, bins, low, scale)
    if groups is None:
        return [np.sort(values)[np.asarray(ranks[0], np.int64)]]
    order = np.argsort(groups, kind="stable")
    ends = np.cumsum(np.bincount(groups, minlength=len(ranks)))
    return [
        np.sort(values[order[end - n : end]])[np.asarray(r, np.int64)]
        for r, end, n in zip(ranks, ends.tolist(), np.diff(ends, prepend=0).tolist(), strict=True)
    ]


def _span(values: Floats, bins: int) -> tuple[float, float]:
    """Where the bins begin, and how many there are to a unit."""
    sample = np.sort(values[:: max(len(values) // SAMPLE, 1)])
    beyond = int(len(sample) * BEYOND)
    low, high = float(sample[beyond]), float(sample[-1 - beyond])
    return low, bins / (high - low) if high > low else np.inf


def _by_bins(
    values: Floats,
    groups: Groups | None,
    ranks: Sequence[Sequence[int]],
    bins: int,
    low: float,
    scale: float,
) -> list[Floats]:
    def cells(at: int) -> Ints:
        """Bin of each value of a part: it never falls where the value rises."""
        some = values[at : at + PART] - low
        some *= scale
        np.clip(some, 0, bins - 1, out=some)
        found = some.astype(np.int64)
        if groups is not None:
            found += groups[at : at + PART].astype(np.int64) * bins
        return found

    counts = np.zeros(len(ranks) * bins, np.int64)
    for start in range(0, len(values), COUNTED):
        parts = range(start, min(start + COUNTED, len(values)), PART)
        found = np.concatenate([cells(at) for at in parts])
        counts += np.bincount(found, minlength=len(counts))
    through = np.cumsum(counts.reshape(len(ranks), bins), axis=1)
    where = [
        g * bins + np.searchsorted(through[g], np.asarray(r, np.int64), "right")
        for g, r in enumerate(ranks)
    ]
    wanted = np.zeros(len(counts), np.bool_)
    wanted[np.concatenate(where)] = True
    kept, kept_cells = [], []
    for at in range(0, len(values), PART):
        found = cells(at)
        mine = np.flatnonzero(wanted[found])
        kept.append(values[at : at + PART][mine])
        kept_cells.append(found[mine])
    chosen = dict(_sorted_cells(np.concatenate(kept), np.concatenate(kept_cells)))
    before = (through.ravel() - counts).tolist()
    return [
        np.array([chosen[c][rank - before[c]] for rank, c in zip(r, cell.tolist(), strict=True)])
        for r, cell in zip(ranks, where, strict=True)
    ]


def _sorted_cells(values: Floats, cells: Ints) -> Iterator[tuple[int, Floats]]:
    order = np.argsort(cells, kind="stable")
    values, cells = values[order], cells[order]
    edges = [*np.flatnonzero(np.diff(cells, prepend=-1)).tolist(), len(cells)]
    for start, stop in pairwise(edges):
        yield int(cells[start]), np.sort(values[start:stop])


def medians(values: Floats, groups: Groups, counts: Ints) -> Floats:
    """Median of each group; NaN of an empty one.

    Parameters
    ----------
    values, groups
        As for :func:`at_ranks`.
    counts : numpy.ndarray
        Values of each group.

    Examples
    --------
    >>> medians(np.array([3.0, 1.0, 9.0]), np.array([0, 0, 2]), np.array([2, 0, 1]))
    array([ 2., nan,  9.])
    """
    ranks = [list(range((n - 1) // 2, n // 2 + 1)) if n else [] for n in counts.tolist()]
    middle = at_ranks(values, groups, ranks)
    return np.array([m.sum() / len(m) if len(m) else np.nan for m in middle])


def percentiles(
    values: Floats, groups: Groups | None, counts: Sequence[int], points: Sequence[float]
) -> list[Floats]:
    """Percentiles of each group, linear between its values; none of an empty one.

    Parameters
    ----------
    values, groups
        As for :func:`at_ranks`.
    counts : sequence of int
        Values of each group.
    points : sequence of float
        From 0 to 100.

    Examples
    --------
    >>> percentiles(np.array([3.0, 1.0]), None, [2], [0, 50, 75])
    [array([1. , 2. , 2.5])]
    """
    share = np.asarray(points, np.float64) / 100
    ranks, between = [], []
    for n in counts:
        place = (n - 1) * share
        lower = np.floor(place).astype(np.int64).clip(0, max(n - 1, 0))
        upper = np.minimum(lower + 1, max(n - 1, 0))
        ranks.append([*lower.tolist(), *upper.tolist()] if n else [])
        between.append(place - lower)
    out = []
    for found, gap, n in zip(at_ranks(values, groups, ranks), between, counts, strict=True):
        a, b = np.split(found, 2)
        t = gap if n else gap[:0]
        out.append(np.where(t >= 0.5, b - (b - a) * (1 - t), a + (b - a) * t))
    return out
