"""Boxes cut by tiles, beside shapely and vectorised NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..boxes import clip_boxes_to_tiles, tile_windows
from .row import Peer, Row

__all__ = ["ROWS"]

Array = NDArray[Any]
IMAGES, BOXES, WIDTH, HEIGHT = 400, 200, 4000, 2250
#: (box, tile) pairs a second that are promised on one thread.
PAIRS_A_SECOND = 5_000_000


def _make() -> tuple[Any, ...]:
    """4K frames with boxes of a few to a few hundred pixels, 640-pixel tiles, 20 % overlap."""
    rng = np.random.default_rng(0)
    centre = rng.uniform([0, 0], [WIDTH, HEIGHT], (IMAGES * BOXES, 2))
    side = np.exp(rng.normal(3.5, 0.8, (IMAGES * BOXES, 2)))
    boxes = np.concatenate([centre - side / 2, centre + side / 2], axis=1)
    boxes = boxes.clip(0, [WIDTH, HEIGHT, WIDTH, HEIGHT])
    windows = tile_windows(HEIGHT, WIDTH, 640, 0.2)
    rows = np.arange(0, IMAGES * BOXES + 1, BOXES)
    cuts = np.arange(IMAGES + 1) * len(windows)
    return boxes, rows, np.tile(windows, (IMAGES, 1)), cuts


def _ours(boxes: Array, rows: Array, windows: Array, cuts: Array) -> Any:
    found = clip_boxes_to_tiles(boxes, rows, windows, cuts)
    tile = np.repeat(np.arange(len(windows)), np.diff(found.offsets))
    return tile, found.row, found.boxes, found.visible


def _numpy(boxes: Array, rows: Array, windows: Array, cuts: Array) -> Any:
    """Every box with every window of its image, image by image."""
    tiles, found, corners, shares = [], [], [], []
    for g in range(len(rows) - 1):
        b, w = boxes[rows[g] : rows[g + 1]], windows[cuts[g] : cuts[g + 1]]
        low = np.maximum(b[None, :, :2], w[:, None, :2])
        high = np.minimum(b[None, :, 2:], w[:, None, 2:])
        t, k = np.nonzero((high > low).all(axis=2))
        part = np.concatenate([low[t, k], high[t, k]], axis=1)
        sides = (part[:, 2:] - part[:, :2]) / (b[k, 2:] - b[k, :2])
        tiles.append(t + cuts[g])
        found.append(k + rows[g])
        corners.append(part - w[t][:, [0, 1, 0, 1]])
        shares.append(sides.prod(axis=1))
    return tuple(np.concatenate(parts) for parts in (tiles, found, corners, shares))


def _shapely(boxes: Array, rows: Array, windows: Array, cuts: Array) -> Any:
    """The windows of each image in a tree, its boxes looked up and cut."""
    import shapely

    tiles, found, corners, shares = [], [], [], []
    for g in range(len(rows) - 1):
        w = shapely.box(*windows[cuts[g] : cuts[g + 1]].T)
        b = shapely.box(*boxes[rows[g] : rows[g + 1]].T)
        k, t = shapely.STRtree(w).query(b, predicate="intersects")
        part = shapely.intersection(b[k], w[t])
        area = shapely.area(part)
        some = area > 0
        k, t = k[some], t[some]
        order = np.lexsort((k, t))
        k, t = k[order], t[order]
        origin = windows[cuts[g] : cuts[g + 1]][t][:, [0, 1, 0, 1]]
        tiles.append(t + cuts[g])
        found.append(k + rows[g])
        corners.append(shapely.bounds(part[some][order]) - origin)
        shares.append(area[some][order] / shapely.area(b)[k])
    return tuple(np.concatenate(parts) for parts in (tiles, found, corners, shares))


def _agree(ours: Any, theirs: Any) -> None:
    assert len(ours[0]) > IMAGES * BOXES
    np.testing.assert_array_equal(ours[0], theirs[0])
    np.testing.assert_array_equal(ours[1], theirs[1])
    np.testing.assert_allclose(ours[2], theirs[2], rtol=0, atol=1e-9)
    np.testing.assert_allclose(ours[3], theirs[3], rtol=1e-6, atol=1e-9)


#: Pairs of `_make`, which the row's budget is for.
PAIRS = 163_000

ROWS = (
    Row(
        name="tile-clip-160k",
        title=f"clip_boxes_to_tiles, {IMAGES * BOXES // 1000:,} k boxes, {PAIRS // 1000} k pairs",
        make=_make,
        run=_ours,
        peers=(
            Peer("NumPy, all pairs", ("numpy",), _numpy),
            Peer("shapely STRtree", ("shapely",), _shapely),
        ),
        agree=_agree,
        budget={"seconds": PAIRS / PAIRS_A_SECOND},
    ),
)
