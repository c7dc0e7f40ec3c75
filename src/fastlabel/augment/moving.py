"""What a mapping does to a sample: the picture and every kind of label, together."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from .mapping import Affine, Mapping
from .outlines import Outlines, box_corners, moved_boxes, ring_points
from .sample import Floats, Polygons, Sample

__all__ = ["LEAST_SIDE", "keep_or_ignore", "move"]

Integers = NDArray[np.int64]

#: A box whose shorter side is less than this many pixels is no target any more.
LEAST_SIDE = 1.0

#: A polygon is taken for the outline of its box where their boxes have at least this IoU.
_AGREE = 0.5


@dataclass
class _Boxes:
    """Boxes after a mapping: all of each, what is seen of it, and how tight it is."""

    whole: Floats
    seen: Floats
    tightness: Floats


def move(sample: Sample, mapping: Mapping, *, edge: bool = False, min_visible: float) -> Sample:
    """Move a picture and its labels by one mapping.

    Boxes become the tightest ones around what is seen of their objects: around the polygon, or
    around the ellipse inscribed in the oriented or upright box. Polygons are cut at the frame;
    an oriented box stays whole. A region to ignore becomes the box around all of it, never less.

    Parameters
    ----------
    sample : Sample
    mapping : Mapping
        Of the picture's size.
    edge : bool
        As of :meth:`Mapping.warp`.
    min_visible : float
        Of a box less of which is seen a region to ignore is left.
    """
    boxes = _moved(sample, mapping)
    with np.errstate(invalid="ignore"):
        whole = np.maximum(_areas(boxes.whole), 1e-12)
        visible = np.where(np.isnan(boxes.seen[:, 0]), 0.0, _areas(boxes.seen) / whole)
    moved = replace(
        sample,
        image=mapping.warp(sample.image, edge=edge),
        boxes=boxes.seen,
        polygons=_polygons(sample.polygons, mapping),
        obb=_oriented(sample, mapping),
        tightness=sample.tightness * boxes.tightness,
    )
    moved = _regions(moved, mapping)
    notes = {}
    if not mapping.straight and len(boxes.tightness):
        notes = {"tightness_lost": round(1 - float(boxes.tightness.min()), 4)}
    return keep_or_ignore(moved, visible, min_visible, notes)


def keep_or_ignore(
    sample: Sample, visible: Floats, min_visible: float, notes: dict[str, float]
) -> Sample:
    """Leave out boxes of which nothing is seen; those of which too little is are ignored.

    Parameters
    ----------
    sample : Sample
        Its boxes are those of what is seen; NaN where nothing is.
    visible : numpy.ndarray
        (N,) share of each box that is seen.
    min_visible : float
    notes : dict
        What to say of the stage; counts are added.
    """
    with np.errstate(invalid="ignore"):
        short = np.minimum(
            sample.boxes[:, 2] - sample.boxes[:, 0], sample.boxes[:, 3] - sample.boxes[:, 1]
        )
        gone = ~(visible > 0) | ~(short > 0)
        keep = ~gone & (visible >= min_visible) & (short >= LEAST_SIDE)
    if keep.all():
        return replace(sample, notes={**sample.notes, **notes})
    aside = ~keep & ~gone
    rows = np.flatnonzero(keep)
    counted = {"ignored": int(aside.sum()), "gone": int(gone.sum())}
    return replace(
        sample,
        boxes=sample.boxes[rows],
        polygons=[sample.polygons[k] for k in rows.tolist()],
        obb=sample.obb[rows],
        kept=sample.kept[rows],
        tightness=sample.tightness[rows],
        ignore=np.concatenate([sample.ignore, sample.boxes[aside]]),
        # Rows of the boxes given are told from rows of the regions given by their sign.
        ignore_from=np.concatenate([sample.ignore_from, _as_region(sample.kept[aside])]),
        notes={**sample.notes, **notes, **{k: v for k, v in counted.items() if v}},
    )


def _as_region(kept: Integers) -> Integers:
    return np.where(kept >= 0, -1 - kept, kept)


def _areas(boxes: Floats) -> Floats:
    return np.asarray((boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1]))


def _clipped(boxes: Floats, mapping: Mapping) -> Floats:
    """The part of upright boxes in the frame; NaN where there is none."""
    w, h = mapping.size
    out = np.clip(boxes, 0.0, (w, h, w, h))
    out[(boxes[:, :2] >= (w, h)).any(axis=1) | (boxes[:, 2:] <= 0).any(axis=1)] = np.nan
    return out


def _upright(boxes: Floats, mapping: Mapping) -> Floats:
    """Upright boxes through a mapping that keeps them upright; corners may change places."""
    ends = mapping.forward(boxes.reshape(-1, 2, 2))
    return np.concatenate([ends.min(axis=1), ends.max(axis=1)], axis=1)


def _moved(sample: Sample, mapping: Mapping) -> _Boxes:
    n = len(sample.boxes)
    tightness = np.ones(n)
    outlined = [
        k for k, rings in enumerate(sample.polygons) if rings is not None and _fits(sample, k)
    ]
    if mapping.straight:
        whole = _upright(sample.boxes, mapping)
        seen = _clipped(whole, mapping)
        w, h = mapping.size
        out = np.asarray((whole[:, :2] < 0).any(axis=1) | (whole[:, 2:] > (w, h)).any(axis=1))
        outlined = [k for k in outlined if out[k]]
    else:
        frames = box_corners(sample.boxes)
        given = np.isfinite(sample.obb).all(axis=(1, 2))
        frames[given] = sample.obb[given]
        whole, seen, around = moved_boxes(frames, mapping)
        tightness = _areas(whole) / np.maximum(_areas(around), 1e-12)
        tightness[_areas(around) <= 0] = 1.0
    if outlined:
        rings = Outlines.of_polygons(
            [[ring_points(r, mapping) for r in sample.polygons[k] or ()] for k in outlined]
        )
        if not mapping.straight:
            whole[outlined] = rings.bounds()
            tightness[outlined] = 1.0
        seen[outlined] = rings.bounds_in(*mapping.size)
    return _Boxes(whole, seen, np.minimum(tightness, 1.0))


def _fits(sample: Sample, k: int) -> bool:
    """Whether a polygon is the outline of what its box is around."""
    rings = sample.polygons[k] or []
    if not rings or min(len(ring) for ring in rings) < 3:
        return False
    low = np.min([ring.min(axis=0) for ring in rings], axis=0)
    high = np.max([ring.max(axis=0) for ring in rings], axis=0)
    box = sample.boxes[k]
    meet = np.clip(np.minimum(high, box[2:]) - np.maximum(low, box[:2]), 0, None).prod()
    both = (high - low).prod() + (box[2:] - box[:2]).prod() - meet
    return bool(meet >= _AGREE * both and both > 0)


def _polygons(polygons: Polygons, mapping: Mapping) -> Polygons:
    from ..prepare.tile.polygons import clip_polygon

    w, h = mapping.size
    out: Polygons = []
    for rings in polygons:
        if rings is None:
            out.append(None)
            continue
        made = []
        for ring in rings:
            points = ring_points(ring, mapping)
            if len(points) and (points.min() < 0 or (points > (w, h)).any()):
                points = np.array(
                    clip_polygon([(x, y) for x, y in points.tolist()], 0, 0, w, h), np.float64
                ).reshape(-1, 2)
            if len(points) >= 3:
                made.append(points)
        out.append(made or None)
    return out


def _oriented(sample: Sample, mapping: Mapping) -> Floats:
    given = np.isfinite(sample.obb).all(axis=(1, 2))
    if not given.any():
        return sample.obb
    out = np.full_like(sample.obb, np.nan)
    if isinstance(mapping, Affine) and mapping.rigid:
        a, b, _, d, e, _ = mapping.matrix
        moved = mapping.forward(sample.obb[given])
        # A mirrored rectangle's corners run the other way round: begin with the second.
        out[given] = moved[:, [1, 0, 3, 2]] if a * e - b * d < 0 else moved
        return out
    for k in np.flatnonzero(given).tolist():
        out[k] = _rectangle(sample.obb[k], sample.polygons[k], mapping)
    return out


def _rectangle(corners: Floats, rings: list[Floats] | None, mapping: Mapping) -> Floats:
    """The rectangle along the moved long axis that is tight around the moved object."""
    centre = corners.mean(axis=0)
    along, across = (corners[1] - corners[0]) / 2, (corners[3] - corners[0]) / 2
    turn = np.linspace(0, 2 * np.pi, 128, endpoint=False)[:, None]
    if rings:
        points = np.concatenate([ring_points(ring, mapping) for ring in rings])
    else:
        points = mapping.forward(centre + np.cos(turn) * along + np.sin(turn) * across)
    ends = mapping.forward(np.stack([centre - along, centre + along]))
    axis = ends[1] - ends[0]
    if not axis.any():
        return np.full((4, 2), np.nan)
    axis = axis / np.sqrt((axis * axis).sum())
    normal = np.array([-axis[1], axis[0]])
    u, v = points @ axis, points @ normal
    spans = ((u.min(), v.min()), (u.max(), v.min()), (u.max(), v.max()), (u.min(), v.max()))
    return np.array([p * axis + q * normal for p, q in spans])


def _regions(sample: Sample, mapping: Mapping) -> Sample:
    """Regions to ignore: the box around all of each, as far as it is in the picture."""
    if not len(sample.ignore):
        return sample
    if mapping.straight:
        moved = _clipped(_upright(sample.ignore, mapping), mapping)
    else:
        rings = [ring_points(corners, mapping) for corners in box_corners(sample.ignore)]
        moved = Outlines.of_polygons([[ring] for ring in rings]).bounds_in(*mapping.size)
    there = np.isfinite(moved).all(axis=1)
    return replace(sample, ignore=moved[there], ignore_from=sample.ignore_from[there])
