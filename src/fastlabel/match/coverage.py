"""How much of the deployment the best k images cover, and which of its conditions none shows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from .features import Feature

__all__ = ["Coverage", "cover", "gaps"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

#: Rows of one matrix of distances.
BLOCK = 4096
#: Reference frames that the curve is made of; of more, so many evenly spaced ones.
MOST_FRAMES = 1000
#: Least share of the frames in a condition for its lack to be told: one that is open to a side,
#: and one between two limits, of which there are many to choose from.
LEAST_SHARE, LEAST_BETWEEN = 0.05, 0.1
#: Frames that have to be in it, where there are as many; images that would be, were they alike.
LEAST_FRAMES, LEAST_IMAGES = 3, 5.0
#: A condition is lacking where the set has this part of the frames' share, or less.
LACKING = 0.1
#: A lesser gap of a plainer feature of the same group is told instead.
NEARLY = 0.1


@dataclass(frozen=True)
class Coverage:
    """The curve and what it is made of.

    Attributes
    ----------
    picks : numpy.ndarray
        (K,) images, the one first that covers most frames, then the one that adds most, ...
    covered : numpy.ndarray
        (K,) share of the frames covered by the first k + 1 of them.
    by_chance : numpy.ndarray
        (K,) share that as many images at random would be expected to cover.
    frames : numpy.ndarray
        (frames,) rows of the reference frames that were compared.
    nearest, distance : numpy.ndarray
        (frames,) the nearest image of each of them, and how far it is.
    tolerance : float
        The distance up to which a frame is covered.
    """

    picks: Ints
    covered: Floats
    by_chance: Floats
    frames: Ints
    nearest: Ints
    distance: Floats
    tolerance: float

    @property
    def share(self) -> float:
        """Share of the frames that have an image like them."""
        return float((self.distance <= self.tolerance).mean())


def cover(images: Floats, frames: Floats, units: Floats, groups: Ints, weight: Floats) -> Coverage:
    """Cover the reference frames with as few images as can be.

    Parameters
    ----------
    images, frames : numpy.ndarray
        (N, F), (M, F) features; NaN where unknown, which is like anything.
    units : numpy.ndarray
        (F,) differences that are still alike.
    groups : numpy.ndarray
        (F,) the group of each feature.
    weight : numpy.ndarray
        (N,) decides between images that add as much.

    Notes
    -----
    The distance is the root of the mean, over groups, of the mean of squares of differences in
    their units. A frame is covered by an image no farther than 1, or than half of the frames are
    from the frame nearest to them, where that is more: what is as near as frames are to each
    other is not missing. Images are chosen greedily, which is within 1 - 1/e of the best choice
    (Nemhauser, Wolsey and Fisher 1978). By chance k of N images cover a frame that c of them
    cover with 1 - (1 - c/N)^k.
    """
    rows = np.arange(len(frames))
    if len(rows) > MOST_FRAMES:
        rows = np.unique(np.linspace(0, len(frames) - 1, MOST_FRAMES).round().astype(np.int64))
    some = frames[rows]
    factors = 1 / (units * np.sqrt(np.bincount(groups)[groups] * len(np.unique(groups))))
    a, b = _scaled(images, some, factors)
    tolerance = max(1.0, _apart(b))
    near = np.zeros((len(rows), len(images)), np.bool_)
    nearest, distance = np.zeros(len(rows), np.int64), np.full(len(rows), np.inf)
    for at in range(0, len(images), BLOCK):
        d = _distances(a[at : at + BLOCK], b)
        near[:, at : at + BLOCK] = (d <= tolerance).T
        best = d.argmin(axis=0)
        value = d[best, np.arange(len(rows))]
        closer = value < distance
        nearest[closer], distance[closer] = best[closer] + at, value[closer]
    picks, counts = _greedy(near, weight)
    of_frame = near.sum(axis=1)
    n = max(len(images), 1)
    k = np.arange(1, len(picks) + 1)
    chance = [float((1 - (1 - of_frame / n) ** each).mean()) for each in k.tolist()]
    return Coverage(
        picks,
        np.asarray(counts / max(len(rows), 1)),
        np.array(chance),
        rows,
        nearest,
        distance,
        tolerance,
    )


def _scaled(images: Floats, frames: Floats, factors: Floats) -> tuple[Floats, Floats]:
    """Both sides in units; what is unknown lies where the frames' middle is."""
    middle = np.zeros(frames.shape[1])
    for k in range(frames.shape[1]):
        known = frames[np.isfinite(frames[:, k]), k]
        middle[k] = np.median(known) if len(known) else 0.0

    def scaled(values: Floats) -> Floats:
        return np.asarray(np.where(np.isfinite(values), values - middle, 0.0) * factors)

    return scaled(images), scaled(frames)


def _distances(a: Floats, b: Floats) -> Floats:
    squares = (a * a).sum(axis=1)[:, None] + (b * b).sum(axis=1)[None, :] - 2 * (a @ b.T)
    # The last digits are those of the library that multiplies.
    return np.asarray(np.round(np.sqrt(np.maximum(squares, 0)), 6))


def _apart(frames: Floats) -> float:
    """Median distance of the frames to the frame nearest to them; 0 of a single one."""
    if len(frames) < 2:
        return 0.0
    d = _distances(frames, frames)
    np.fill_diagonal(d, np.inf)
    return float(np.median(d.min(axis=1)))


def _greedy(near: Bools, weight: Floats) -> tuple[Ints, Ints]:
    """Images in the order of what they add, until nothing is; and frames covered after each."""
    order = np.lexsort((np.arange(len(weight)), -weight))
    gains = near.sum(axis=0, dtype=np.int64)[order]
    open_ = np.ones(len(near), np.bool_)
    picks: list[int] = []
    counts: list[int] = []
    covered = 0
    while len(gains):
        best = int(gains.argmax())
        if gains[best] <= 0:
            break
        image = int(order[best])
        new = np.flatnonzero(near[:, image] & open_)
        open_[new] = False
        gains -= near[new].sum(axis=0, dtype=np.int64)[order]
        covered += len(new)
        picks.append(image)
        counts.append(covered)
    return np.array(picks, np.int64), np.array(counts, np.int64)


def gaps(images: Floats, frames: Floats, features: list[Feature]) -> list[dict[str, Any]]:
    """Conditions that frames are in and hardly any image is.

    Parameters
    ----------
    images, frames : numpy.ndarray
        (N, F), (M, F) values as they were measured, not as they are compared.
    features : list of Feature
        One a column; those with ``steps`` are looked at.

    Returns
    -------
    list of dict
        In the order of the groups, one a group: the first of its features that says nearly as
        much as the one that says most. ``feature``, ``words``, ``low`` and ``high`` (None: open),
        ``frames`` (share), ``images`` (share), ``count`` (images).
    """
    found: dict[str, list[dict[str, Any]]] = {}
    for k, feature in enumerate(features):
        ours, theirs = images[:, k], frames[:, k]
        gap = _gap(feature, ours[np.isfinite(ours)], theirs[np.isfinite(theirs)])
        if gap is not None:
            found.setdefault(feature.group, []).append(gap)
    return [_first_of(some) for some in found.values()]


def _gap(feature: Feature, ours: Floats, theirs: Floats) -> dict[str, Any] | None:
    """The range of a feature, between two of its steps, that the images lack most."""
    if not feature.steps or not len(ours) or not len(theirs):
        return None
    steps = np.array(feature.steps)
    own, ref = (_below(v, steps) for v in (ours, theirs))
    best: tuple[Any, ...] | None = None
    for low in range(len(steps) + 1):
        for high in range(low + 1, len(steps) + 2):
            share = float(ref[high] - ref[low]) / len(theirs)
            count = int(own[high] - own[low])
            between = low > 0 and high <= len(steps)
            few = ref[high] - ref[low] < min(LEAST_FRAMES, len(theirs))
            few |= len(ours) * share < min(LEAST_IMAGES, len(ours))
            if few or share < (LEAST_BETWEEN if between else LEAST_SHARE):
                continue
            if count / len(ours) > LACKING * share:
                continue
            # Of ranges that say as much, one open to a side, and then the narrowest.
            rank = (round(share - count / len(ours), 6), not between, low - high)
            if best is None or rank > best[0]:
                best = rank, low, high, share, count
    if best is None:
        return None
    _, low, high, share, count = best
    return {
        "feature": feature.name,
        "words": feature.words,
        "low": float(steps[low - 1]) if low else None,
        "high": float(steps[high - 1]) if high <= len(steps) else None,
        "frames": round(share, 6),
        "images": round(count / len(ours), 6),
        "count": count,
    }


def _below(values: Floats, steps: Floats) -> Ints:
    """(steps + 2,) how many values are below each step, with none first and all last."""
    counts = np.bincount(np.searchsorted(steps, values, "right"), minlength=len(steps) + 1)
    return np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)


def _first_of(some: list[dict[str, Any]]) -> dict[str, Any]:
    most = max(gap["frames"] - gap["images"] for gap in some)
    return next(gap for gap in some if gap["frames"] - gap["images"] >= most - NEARLY)
