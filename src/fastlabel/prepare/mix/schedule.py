"""How many images of each level an epoch has: what is asked, and what the set can give."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ...difficulty.settings import LEVELS, checked_shares

__all__ = ["GROUPS", "Plan", "planned"]

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

#: Groups that images are drawn from: the levels, and images that are known to be empty.
GROUPS = (*LEVELS, "negative")

MOST_EPOCHS, MOST_SIZE = 100_000, 2**31 - 1


@dataclass(frozen=True)
class Plan:
    """The schedule of a run.

    Attributes
    ----------
    asked : numpy.ndarray
        (epochs, 4) share of each group that the schedule asks for.
    quotas : numpy.ndarray
        (epochs, 4) int64, images of each group that an epoch has.
    """

    asked: Floats
    quotas: Ints


def planned(
    shares: tuple[float, float, float],
    negatives: float,
    available: Ints,
    epochs: int,
    warmup: int,
    size: int,
    max_repeat: int,
) -> Plan:
    """Lay out the epochs.

    Epoch e of the first `warmup` ones asks for ``start + (asked - start) * e / warmup``; the
    start has no hard images, half of the medium ones, and easy ones in their place. Negatives
    have the same share throughout. What a group cannot give, its images being used
    `max_repeat` times, the other levels give in proportion to their shares.

    Parameters
    ----------
    shares : tuple of float
        Of easy, medium and hard among the images with targets.
    negatives : float
        Share of all images.
    available : numpy.ndarray
        (4,) images of each group.
    epochs, warmup, size, max_repeat : int
    """
    easy, medium, hard = checked_shares(*shares)
    start = np.array([easy + medium / 2 + hard, medium / 2, 0.0])
    target = np.array([easy, medium, hard])
    asked = np.empty((epochs, len(GROUPS)))
    quotas = np.empty((epochs, len(GROUPS)), np.int64)
    for e in range(epochs):
        if e > warmup:  # nothing changes any more
            asked[e], quotas[e] = asked[e - 1], quotas[e - 1]
            continue
        done = min(e / warmup, 1.0) if warmup else 1.0
        now = start + (target - start) * done
        asked[e] = [*(now * (1.0 - negatives)), negatives]
        quotas[e] = _filled(asked[e], available, size, max_repeat)
    return Plan(asked, quotas)


def _filled(asked: Floats, available: Ints, size: int, max_repeat: int) -> Ints:
    """Whole numbers near `size` times the shares, none over what its group can give."""
    most = available * max_repeat
    out: Ints = np.zeros(len(GROUPS), np.int64)
    # Images without a target teach nothing else: levels stand in for them, never the reverse.
    out[3] = min(int(_rounded(asked, size)[3]), int(most[3]))
    levels, left = out[:3], size - int(out[3])
    for _ in range(2 * len(LEVELS)):  # each round but the last fills a level
        room = most[:3] - levels
        weights = np.where(room > 0, asked[:3], 0.0)
        if not weights.any():
            weights = room.astype(np.float64)
        if not left or not weights.any():
            break
        levels += _rounded(weights, left)
        left = int(np.maximum(levels - most[:3], 0).sum())
        np.minimum(levels, most[:3], out=levels)
    return out


def _rounded(weights: Floats, total: int) -> Ints:
    """Whole numbers in proportion that add up: largest remainders first, then in order."""
    if total <= 0 or not weights.sum():
        return np.zeros(len(weights), np.int64)
    exact = weights * (total / weights.sum())
    out: Ints = np.floor(exact).astype(np.int64)
    left = total - int(out.sum())
    first = np.argsort(-(exact - out), kind="stable")[:left]
    out[first] += 1
    return out
