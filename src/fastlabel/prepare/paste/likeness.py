"""Which of several places is most like the ground that an object was cut out of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .bank import Box, Patch
from .options import BLENDS

__all__ = ["most_alike", "place_costs"]

Floats = NDArray[np.float32]

_LUMA = np.array([0.114, 0.587, 0.299], np.float32)
#: Of the object's short side: how far around it the ground is compared, in pixels at least and
#: at most.
_REACH, _NEAREST, _FARTHEST = 0.25, 3, 8
#: A pixel with less than this much of the object, of 255, is ground.
_GROUND = 26
#: Fewest pixels of ground to compare by.
_FEWEST = 12
_ALPHA = BLENDS.index("alpha")
#: Weight of a difference of luma against one of colour. Terms for contrast, gradients and what is
#: left pixel by pixel were tried: no set of pictures gained from them clearly.
_OF_LUMA = 0.5


def place_costs(
    scene: Any, patch: Patch, boxes: Sequence[Box], flip: bool = False
) -> NDArray[np.float64]:
    """How unlike the ground at each place is to that around an object where it was cut out.

    Compared are the mean luma and colours of the pixels around the object, as they would lie at
    the place.

    Parameters
    ----------
    scene : numpy.ndarray
        (H, W, 3) uint8, BGR.
    patch : Patch
    boxes : sequence of tuple
        x1, y1, x2, y2: places of one size, at whole pixels, inside the scene.
    flip : bool
        Left and right exchanged.

    Returns
    -------
    numpy.ndarray
        (N,) float64, in grey levels; 0 is the same ground. Infinite where there is too little to
        compare.
    """
    seen, ground, reach = _ground(patch, boxes[0], flip)
    height, width = ground.shape
    places = np.full((len(boxes), height, width, 3), np.nan, np.float32)
    for place, box in zip(places, boxes, strict=True):
        x, y = int(box[0]) - reach, int(box[1]) - reach
        x1, y1 = max(x, 0), max(y, 0)
        x2, y2 = min(x + width, scene.shape[1]), min(y + height, scene.shape[0])
        place[y1 - y : y2 - y, x1 - x : x2 - x] = scene[y1:y2, x1:x2]
    costs = np.full(len(boxes), np.inf)
    for at, place in enumerate(places):
        use = ground & np.isfinite(place[:, :, 0])
        if np.count_nonzero(use) >= _FEWEST:
            costs[at] = _cost(place, seen, use)
    return costs


def _ground(patch: Patch, box: Box, flip: bool) -> tuple[Floats, NDArray[np.bool_], int]:
    """The patch as it falls onto a place, where it shows ground, and how far beyond the box."""
    from ..._core import paste_object

    width, height = box[2] - box[0], box[3] - box[1]
    reach = int(min(max(round(_REACH * min(width, height)), _NEAREST), _FARTHEST))
    size = round(width) + 2 * reach, round(height) + 2 * reach
    kx = (patch.box[2] - patch.box[0]) / width
    ky = (patch.box[3] - patch.box[1]) / height
    x1, y1 = patch.box[0] - reach * kx, patch.box[1] - reach * ky
    wide = x1, y1, x1 + size[0] * kx, y1 + size[1] * ky
    blank = np.zeros((size[1], size[0], 3), np.uint8)
    whole = (0.0, 0.0, float(size[0]), float(size[1]))
    as_it_is: tuple[Any, ...] = (_ALPHA, False, flip, True, False, 0.0, 0.0, 0.0, 0)
    _, _, cover, seen, _ = paste_object(blank, patch.pixels, patch.alpha, wide, whole, *as_it_is)
    assert seen is not None
    columns = x1 + (np.arange(size[0]) + 0.5) * kx
    rows = y1 + (np.arange(size[1]) + 0.5) * ky
    known = ((rows > 0) & (rows < patch.alpha.shape[0]))[:, None] & (
        (columns > 0) & (columns < patch.alpha.shape[1])
    )
    known = known[:, ::-1] if flip else known
    return seen.astype(np.float32), known & (cover < _GROUND), reach


def _cost(place: Floats, seen: Floats, use: NDArray[np.bool_]) -> float:
    apart = (place[use] - seen[use]).mean(0)
    luma = float(apart @ _LUMA)
    # Light is matched afterwards, and colour hardly.
    return _OF_LUMA * abs(luma) + float(np.abs(apart - luma).max())


def most_alike(scene: Any, patch: Patch, boxes: Sequence[Box], flip: bool) -> tuple[int, float]:
    """The place that costs least, the first of equals, and its cost."""
    costs = place_costs(scene, patch, boxes, flip)
    at = int(costs.argmin())
    return at, float(costs[at])
