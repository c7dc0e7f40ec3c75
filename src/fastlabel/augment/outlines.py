"""The tightest boxes of objects that were moved, from their outlines.

A polygon says where an object is. A box alone does not: of all that fits a box, the inscribed
ellipse stands for it, since the box around a turned *box* grows with the empty corners that
nobody labelled.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .mapping import Affine, Mapping

__all__ = ["ELLIPSE_CORNERS", "Outlines", "box_corners", "moved_boxes", "ring_points"]

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Bools = NDArray[np.bool_]

#: Corners that stand for an ellipse: of one 1000 px long they are at most 0.15 px inside it.
ELLIPSE_CORNERS = 128
_TURN = np.arange(ELLIPSE_CORNERS) * (2 * math.pi / ELLIPSE_CORNERS)
_CIRCLE = np.stack([np.cos(_TURN), np.sin(_TURN)], axis=1)

#: A side of a polygon is split into parts of at most this many pixels where lines become curves.
_STEP = 16.0


@dataclass(frozen=True)
class Outlines:
    """Rings of many objects.

    Attributes
    ----------
    points : numpy.ndarray
        (P, 2) float64, object by object and ring by ring.
    rings : numpy.ndarray
        (R + 1,) int64 into the points.
    objects : numpy.ndarray
        (N + 1,) int64 into the rings; no object is without one.
    """

    points: Floats
    rings: Integers
    objects: Integers

    @classmethod
    def of_polygons(cls, polygons: Sequence[Sequence[Floats]]) -> Outlines:
        """Of lists of rings, one list an object."""
        flat = [ring for rings in polygons for ring in rings]
        points = np.concatenate(flat) if flat else np.zeros((0, 2))
        return cls(points, _ends([len(r) for r in flat]), _ends([len(p) for p in polygons]))

    @classmethod
    def of_rows(cls, points: Floats) -> Outlines:
        """Of (N, K, 2) corners, one ring an object."""
        n, k = points.shape[:2]
        return cls(points.reshape(-1, 2), np.arange(n + 1) * k, np.arange(n + 1))

    def bounds(self) -> Floats:
        """(N, 4): the box around each object."""
        first = self.rings[self.objects[:-1]]
        return np.concatenate(
            [np.minimum.reduceat(self.points, first), np.maximum.reduceat(self.points, first)], 1
        )

    def bounds_in(self, width: float, height: float) -> Floats:
        """(N, 4): the box around what lies in the frame; NaN where nothing does.

        The part in the frame is bounded by corners of the object in the frame, places where its
        sides cross the frame's, and corners of the frame inside the object.
        """
        first = self.rings[self.objects[:-1]]
        here, there = self._sides()
        ends = np.array([width, height], np.float64)
        low, high = _reach(here, there, ends, first)
        around = self.bounds()
        for corner in ((0.0, 0.0), (width, 0.0), (width, height), (0.0, height)):
            # Seldom is any object's box around a corner of the frame, and only then it may have it.
            near = ((around[:, :2] <= corner) & (around[:, 2:] >= corner)).all(axis=1)
            if near.any():
                inside = near & _contain(here, there, corner, first)
                low[inside] = np.minimum(low[inside], corner)
                high[inside] = np.maximum(high[inside], corner)
        out = np.concatenate([low, high], axis=1)
        out[(low > high).any(axis=1) | (low >= ends).any(axis=1) | (high <= 0).any(axis=1)] = np.nan
        return out

    def _sides(self) -> tuple[Floats, Floats]:
        """Each point and the next of its ring."""
        after = np.arange(1, len(self.points) + 1)
        after[self.rings[1:] - 1] = self.rings[:-1]
        return self.points, self.points[after]


def _reach(here: Floats, there: Floats, ends: Floats, first: Integers) -> tuple[Floats, Floats]:
    """The box of each object's corners in the frame and of its crossings of the frame's sides."""
    inside = np.asarray(((here >= 0) & (here <= ends)).all(axis=1))[:, None]
    low = np.where(inside, here, np.inf)
    high = np.where(inside, here, -np.inf)
    for axis in (0, 1):
        other = 1 - axis
        for limit in (0.0, float(ends[axis])):
            met = np.flatnonzero((here[:, axis] < limit) != (there[:, axis] < limit))
            if not len(met):
                continue
            a, b = here[met], there[met]
            across = a[:, other] + (limit - a[:, axis]) / (b[:, axis] - a[:, axis]) * (
                b[:, other] - a[:, other]
            )
            fine = (across >= 0) & (across <= ends[other])
            met, across = met[fine], across[fine]
            for bound, take in ((low, np.minimum), (high, np.maximum)):
                bound[met, axis] = take(bound[met, axis], limit)
                bound[met, other] = take(bound[met, other], across)
    return np.minimum.reduceat(low, first), np.maximum.reduceat(high, first)


def _contain(here: Floats, there: Floats, point: tuple[float, float], first: Integers) -> Bools:
    """Whether a point is in each object: a ray to the right meets it an odd number of times."""
    x, y = point
    met = np.zeros(len(here), np.int64)
    rows = np.flatnonzero((here[:, 1] > y) != (there[:, 1] > y))
    a, b = here[rows], there[rows]
    met[rows] = a[:, 0] + (y - a[:, 1]) / (b[:, 1] - a[:, 1]) * (b[:, 0] - a[:, 0]) > x
    return np.asarray(np.add.reduceat(met, first) % 2 == 1)


def _ends(lengths: Sequence[int]) -> Integers:
    return np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)


def box_corners(boxes: Floats) -> Floats:
    """(N, 4, 2): the corners of upright boxes."""
    return boxes[:, [0, 1, 2, 1, 2, 3, 0, 3]].reshape(-1, 4, 2)


def ring_points(ring: Floats, mapping: Mapping) -> Floats:
    """A ring moved; where lines become curves its sides are split first."""
    return mapping.forward(ring if mapping.flat else _split(ring))


def _split(ring: Floats) -> Floats:
    """The ring with so many points between its corners that no side is longer than 16 px."""
    step = np.roll(ring, -1, axis=0) - ring
    parts = np.maximum(np.ceil(np.sqrt((step * step).sum(axis=1)) / _STEP), 1).astype(np.int64)
    side = np.repeat(np.arange(len(ring)), parts)
    share = (np.arange(len(side)) - np.repeat(np.cumsum(parts) - parts, parts)) / parts[side]
    return np.asarray(ring[side] + share[:, None] * step[side])


def moved_boxes(frames: Floats, mapping: Mapping) -> tuple[Floats, Floats, Floats]:
    """Boxes of objects that are known by a frame alone, from the ellipse inscribed in it.

    Parameters
    ----------
    frames : numpy.ndarray
        (N, 4, 2): corners of upright or oriented boxes, in turn.
    mapping : Mapping

    Returns
    -------
    whole, seen, around : numpy.ndarray
        (N, 4) each: the box around the moved ellipse; around what of it is in the picture, NaN
        where nothing is; and around the moved frame itself.
    """
    w, h = mapping.size
    if not len(frames):
        none = np.zeros((0, 4))
        return none, none.copy(), none.copy()
    centre = frames.mean(axis=1)
    half = np.stack([frames[:, 1] - frames[:, 0], frames[:, 3] - frames[:, 0]], axis=1) / 2
    if isinstance(mapping, Affine):
        around = Outlines.of_rows(mapping.forward(frames)).bounds()
        a, b, _, d, e, _ = mapping.matrix
        # The half axes of the frame span the moved ellipse too.
        moved = half @ np.array([[a, d], [b, e]])
        reach = np.sqrt((moved * moved).sum(axis=1))
        middle = mapping.forward(centre)
        whole = np.concatenate([middle - reach, middle + reach], axis=1)
        seen = whole.copy()
        out = (whole[:, :2] < 0).any(axis=1) | (whole[:, 2:] > (w, h)).any(axis=1)
        if out.any():
            rings = middle[out, None] + _CIRCLE @ moved[out]
            seen[out] = Outlines.of_rows(rings).bounds_in(w, h)
        return whole, seen, around
    ellipses = Outlines.of_rows(mapping.forward(centre[:, None] + _CIRCLE @ half))
    sides = [ring_points(frame, mapping) for frame in frames]
    around = Outlines.of_polygons([[ring] for ring in sides]).bounds()
    whole = ellipses.bounds()
    seen = whole.copy()
    out = (whole[:, :2] < 0).any(axis=1) | (whole[:, 2:] > (w, h)).any(axis=1)
    if out.any():
        seen[out] = Outlines.of_rows(ellipses.points.reshape(len(frames), -1, 2)[out]).bounds_in(
            w, h
        )
    return whole, seen, around
