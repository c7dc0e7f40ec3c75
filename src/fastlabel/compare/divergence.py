"""How far two distributions are apart."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["distances", "jensen_shannon"]

Floats = npt.NDArray[np.float64]


def jensen_shannon(a: Any, b: Any) -> float:
    """Jensen-Shannon divergence of two histograms on the same bins, in bits: 0 equal, 1 disjoint.

    The mean of the Kullback-Leibler divergences of each from their average (Lin 1991,
    "Divergence measures based on the Shannon entropy").

    Parameters
    ----------
    a, b : array_like
        (N,) counts of the same bins, 0 or more; NaN is given where one of them is empty.

    Examples
    --------
    >>> jensen_shannon([1, 1], [2, 2]), jensen_shannon([1, 0], [0, 1])
    (0.0, 1.0)
    """
    p, q = np.asarray(a, np.float64), np.asarray(b, np.float64)
    if not (p.sum() > 0 and q.sum() > 0):
        return float("nan")
    p, q = p / p.sum(), q / q.sum()
    m = (p + q) / 2

    def relative(x: Floats) -> float:
        used = x > 0
        return float((x[used] * np.log2(x[used] / m[used])).sum())

    return min(max((relative(p) + relative(q)) / 2, 0.0), 1.0)


def distances(a: Floats, b: Floats) -> tuple[float, float]:
    """Two distances of empirical distribution functions, from the values themselves.

    Parameters
    ----------
    a, b : numpy.ndarray
        (N,) and (M,) finite values; both NaN where one is empty.

    Returns
    -------
    ks : float
        The greatest difference of the two functions (Kolmogorov-Smirnov), 0 to 1.
    wasserstein : float
        The area between them (1-Wasserstein, the earth mover's distance) in the unit of the
        values: how far they have to be moved on average to get the one from the other.

    Examples
    --------
    >>> distances(np.array([1.0, 2.0]), np.array([2.0, 3.0]))
    (0.5, 1.0)
    """
    if not (len(a) and len(b)):
        return float("nan"), float("nan")
    if np.array_equal(a, b):
        return 0.0, 0.0
    a, b = np.sort(a), np.sort(b)
    # Each of b stands behind all of a that are not above it.
    of_b = np.zeros(len(a) + len(b), np.bool_)
    of_b[np.searchsorted(a, b, "right") + np.arange(len(b))] = True
    both = np.empty(len(of_b))
    both[of_b], both[~of_b] = b, a
    seen = np.cumsum(of_b)
    apart = np.abs((np.arange(1, len(of_b) + 1) - seen) / len(a) - seen / len(b))
    step = np.diff(both)
    # Among equal values the functions have jumped at the last one only.
    last = np.append(step != 0, True)
    return float(apart[last].max()), float((apart[:-1] * step).sum())
