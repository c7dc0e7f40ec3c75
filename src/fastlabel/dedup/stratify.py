"""Units of images dealt to splits so that each gets its share of every class."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["stratify"]

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

#: Passes over all units that try to move one where it lies better, and how many units at most.
PASSES, MOVABLE = 3, 50_000


def stratify(units: Ints, counts: Ints, shares: Floats, seed: int) -> Ints:
    """Deal units to splits.

    Iterative stratification (K. Sechidis, G. Tsoumakas, I. Vlahavas, "On the Stratification of
    Multi-Label Data", ECML PKDD 2011), with units of several images in place of examples: again
    and again the class with the fewest boxes left is dealt out, its largest units first, each to
    the split that lacks most of it; among equals to the one that lacks most images. Then units
    are moved one by one as long as that brings the shares nearer to what is wanted.

    Parameters
    ----------
    units : numpy.ndarray
        (U,) int64: images of each unit.
    counts : numpy.ndarray
        (U, C) int64: boxes of each class.
    shares : numpy.ndarray
        (S,) wanted, of sum 1.
    seed : int
        Decides among equals, and the order of units that are alike.

    Returns
    -------
    numpy.ndarray
        (U,) int64: the split of each unit.
    """
    rng = np.random.default_rng(seed)
    dealt = _dealt(units, counts, shares, rng)
    if len(shares) > 1 and 1 < len(units) <= MOVABLE:
        _improve(dealt, units, counts, shares, rng)
    return dealt


def _dealt(units: Ints, counts: Ints, shares: Floats, rng: np.random.Generator) -> Ints:
    out = np.full(len(units), -1, np.int64)
    # From large to small, those of one size in an order of the seed.
    tie = rng.permutation(len(units))
    left = counts.sum(axis=0)
    lacking = shares[:, None] * left  # (splits, classes)
    images = shares * units.sum()
    open_classes = left > 0

    def give(unit: int, wanted: Floats) -> None:
        best = np.flatnonzero(wanted >= wanted.max() - 1e-9)
        if len(best) > 1:
            room = images[best]
            best = best[room >= room.max() - 1e-9]
        split = int(best[0] if len(best) == 1 else rng.choice(best))
        out[unit] = split
        row = counts[unit]
        lacking[split] -= row
        images[split] -= units[unit]
        left[:] -= row

    while open_classes.any():
        rarest = int(np.argmin(np.where(open_classes, left, np.iinfo(np.int64).max)))
        own = np.flatnonzero((counts[:, rarest] > 0) & (out < 0))
        for unit in own[np.lexsort((tie[own], -counts[own, rarest]))].tolist():
            give(unit, lacking[:, rarest])
        open_classes[rarest] = False
        open_classes &= left > 0
    rest = np.flatnonzero(out < 0)  # without a box
    for unit in rest[np.lexsort((tie[rest], -units[rest]))].tolist():
        give(unit, images)
    return out


def _improve(
    out: Ints, units: Ints, counts: Ints, shares: Floats, rng: np.random.Generator
) -> None:
    """Move single units where that lowers the squared error of all shares."""
    total = counts.sum(axis=0)
    there = total > 0
    # Images count as much as all classes together.
    parts = np.concatenate([counts[:, there] / total[there], (units / units.sum())[:, None]], 1)
    weight = np.r_[np.ones(int(there.sum())), max(1.0, float(there.sum()))]
    have = np.stack([parts[out == s].sum(axis=0) for s in range(len(shares))])
    members = np.bincount(out, minlength=len(shares))
    for _ in range(PASSES):
        moved = False
        for unit in rng.permutation(len(units)).tolist():
            now, part = int(out[unit]), parts[unit]
            if members[now] == 1:
                continue
            off = have - shares[:, None]
            # (off + part)^2 - off^2 of the split that gets it, and the same of the one that loses.
            gain = ((2 * off + part) * part * weight).sum(axis=1)
            loss = float(((part - 2 * off[now]) * part * weight).sum())
            gain[now] = np.inf
            to = int(np.argmin(gain))
            if gain[to] + loss < -1e-12:
                have[now] -= part
                have[to] += part
                members[now] -= 1
                members[to] += 1
                out[unit] = to
                moved = True
        if not moved:
            return
