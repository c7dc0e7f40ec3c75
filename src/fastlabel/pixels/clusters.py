"""Clusters of rows: joined by links, listed, and measured by the hashes of their members."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .near import hamming_clusters, turned_hashes

__all__ = ["Spread", "join", "members", "near_labels", "spread", "spreads", "tight_groups"]

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
Hashes = NDArray[np.uint64]

#: Clusters of more different hashes are measured by their farthest members only.
MEASURED = 1024


def join(labels: Ints, i: Ints, j: Ints) -> None:
    """Join the clusters of each ``i`` and ``j``, in place.

    Parameters
    ----------
    labels : numpy.ndarray
        (N,) int64: the first row of the cluster of each row.
    i, j : numpy.ndarray
        (P,) rows.
    """
    while True:
        a, b = labels[i], labels[j]
        apart = a != b
        if not apart.any():
            return
        i, j = i[apart], j[apart]
        np.minimum.at(labels, np.maximum(a, b)[apart], np.minimum(a, b)[apart])
        above = labels[labels]
        while not np.array_equal(above, labels):
            labels[:] = above
            above = labels[labels]


def members(labels: Ints) -> list[Ints]:
    """Rows of each cluster of two and more, both in row order."""
    shared = np.bincount(labels, minlength=len(labels))[labels] > 1
    rows = np.flatnonzero(shared)
    if not len(rows):
        return []
    order = rows[np.argsort(labels[rows], kind="stable")]
    return np.split(order, np.flatnonzero(np.diff(labels[order])) + 1)


def near_labels(
    hashes: Hashes, usable: Bools, distance: int, *, turned: bool = False, workers: int = 0
) -> Ints:
    """Clusters of pictures by their hashes.

    Parameters
    ----------
    hashes : numpy.ndarray
        (N,) uint64.
    usable : numpy.ndarray
        (N,) bool: which rows have a hash that says something.
    distance : int
        Bits that neighbours may differ in.
    turned : bool
        Whether a picture is near to another when it is so mirrored or turned by quarters.
    workers : int
        Native threads; 0 means one a CPU.

    Returns
    -------
    numpy.ndarray
        (N,) int64, the first row of each row's cluster.
    """
    labels = np.arange(len(hashes), dtype=np.int64)
    rows = np.flatnonzero(usable)
    if not len(rows):
        return labels
    own = hashes[rows]
    if not turned:
        labels[rows] = rows[hamming_clusters(own, distance, workers=workers)]
        return labels
    every = turned_hashes(own)
    ways, n = every.shape
    found = hamming_clusters(every.ravel(), distance, workers=workers)
    # A picture and its turned hashes are one.
    joined = found.copy()
    at = np.arange(ways * n, dtype=np.int64)
    join(joined, at, at % n)
    labels[rows] = rows[joined[:n]]
    return labels


@dataclass(frozen=True)
class Spread:
    """How far the members of a cluster are apart, in bits.

    Attributes
    ----------
    weakest : int
        The longest step that is needed to get from each member to each other.
    diameter : int
        Distance of the two that are farthest apart.
    exact : bool
        False for a large cluster: ``weakest`` is then the distance it was made with, and
        ``diameter`` is that of some two members, not certainly the largest.
    """

    weakest: int
    diameter: int
    exact: bool


def spread(hashes: Hashes, distance: int) -> Spread:
    """Measure a cluster.

    Parameters
    ----------
    hashes : numpy.ndarray
        (M,) uint64 of its members.
    distance : int
        What it was made with.
    """
    different = np.unique(hashes)
    if len(different) > MEASURED:
        first = _apart(different, different[0])
        second = _apart(different, different[int(np.argmax(first))])
        return Spread(distance, int(max(first.max(), second.max())), False)
    apart = np.bitwise_count(different[:, None] ^ different)
    # Prim: the longest edge of the shortest tree.
    best = apart[0].astype(np.int64)
    outside = np.ones(len(different), np.bool_)
    outside[0] = False
    weakest = 0
    for _ in range(len(different) - 1):
        nearest = int(np.argmin(np.where(outside, best, 65)))
        weakest = max(weakest, int(best[nearest]))
        outside[nearest] = False
        best = np.minimum(best, apart[nearest])
    return Spread(weakest, int(apart.max()), True)


def spreads(hashes: Hashes, groups: Sequence[Ints], distance: int) -> list[Spread]:
    """:func:`spread` of each group of rows.

    Most groups of a large set are pairs, which are measured together.
    """
    out: dict[int, Spread] = {}
    pairs = [k for k, group in enumerate(groups) if len(group) == 2]
    if pairs:
        two = hashes[np.stack([groups[k] for k in pairs])]
        for k, bits in zip(pairs, np.bitwise_count(two[:, 0] ^ two[:, 1]).tolist(), strict=True):
            out[k] = Spread(bits, bits, True)
    for k, group in enumerate(groups):
        if len(group) != 2:
            out[k] = spread(hashes[group], distance)
    return [out[k] for k in range(len(groups))]


def _apart(hashes: Hashes, other: np.uint64) -> Ints:
    return np.asarray(np.bitwise_count(hashes ^ other), np.int64)


def tight_groups(hashes: Hashes, distance: int) -> Ints:
    """Part a cluster so that no two of a group are further apart than the distance.

    Complete linkage, greedily: the first member without a group takes in those near it, the
    nearest first, that are near to all it has taken in.

    Parameters
    ----------
    hashes : numpy.ndarray
        (M,) uint64.
    distance : int
        Bits.

    Returns
    -------
    numpy.ndarray
        (M,) int64: the first member of each member's group.
    """
    different, first, which = np.unique(hashes, return_index=True, return_inverse=True)
    order = np.argsort(first, kind="stable")
    free = order
    group = np.empty(len(different), np.int64)
    while len(free):
        leader = free[0]
        apart = _apart(different[free], different[leader])
        near = apart <= distance
        candidates = free[near][np.argsort(apart[near], kind="stable")]
        taken: list[int] = []
        for candidate in candidates.tolist():
            if (_apart(different[taken], different[candidate]) <= distance).all():
                taken.append(candidate)
        group[taken] = first[leader]
        free = free[~np.isin(free, taken)]
    return np.asarray(group[which], np.int64)
