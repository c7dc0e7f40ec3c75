"""Pasting objects into a picture: shrunk, matched to the place and blended into it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..._arrays import as_image
from ..._scalars import as_choice, as_switch, as_whole
from .bank import Box, Patch, Picture

__all__ = ["BLENDS", "Matched", "PasteItem", "Rendered", "render"]

#: How a patch can meet the picture; the first three in the order of ``fl_paste_blend``.
BLENDS = ("feather", "alpha", "rectangle", "poisson", "multiband")
_NATIVE = 3
_FEATHER = BLENDS.index("feather")

#: Bands of the multi-band blend at most: 5 levels reach over 32 pixels.
_MOST_BANDS = 5
#: Boxes beyond this are no picture's.
_FAR = 1e9
_SMALLEST = 1e-3
#: Pixels of a picture whose noise can be measured: 64 blocks of 32 x 32.
_CALM = 1 << 16
_NO_BOXES = np.empty((0, 4))


@dataclass(frozen=True)
class PasteItem:
    """One object and where it goes.

    Attributes
    ----------
    patch : Patch
    box : tuple of float
        (x1, y1, x2, y2) where the patch's labelled box goes, in pixels of the target, with any
        fraction; may reach outside.
    flip : bool
        Left and right exchanged.
    seed : int
        Of the noise, 0 to 2**64 - 1; the same seed gives the same bytes.
    """

    patch: Patch
    box: Box
    flip: bool = False
    seed: int = 0


class Matched(NamedTuple):
    """What matching did to one patch.

    Attributes
    ----------
    gain : float
        Of all channels; 1 is none.
    offset : tuple of float
        Grey levels added to blue, green and red after it.
    blur, colour_blur : float
        Sigma of the blur of the luma and of the colour differences, in pixels; 0 is none.
    noise : float
        Most noise added to a pixel, as a standard deviation in grey levels.
    """

    gain: float
    offset: tuple[float, float, float]
    blur: float
    colour_blur: float
    noise: float


@dataclass(frozen=True)
class Rendered:
    """A picture with objects pasted into it.

    Attributes
    ----------
    pixels : numpy.ndarray
        (H, W, 3) uint8, BGR.
    alphas : list
        (x0, y0, mask) of each item: how much of the target's pixels from (x0, y0) on it covers,
        0 to 255. Of a box outside the target the mask is empty.
    matched : list of Matched
        What was done to each item to fit its place.
    """

    pixels: Picture
    alphas: list[tuple[int, int, NDArray[np.uint8]]]
    matched: list[Matched]


def render(
    target: Any, items: Sequence[PasteItem], *, blend: str = "feather", match: bool = True
) -> Rendered:
    """Paste objects into a picture, one after another.

    Each patch is scaled so that its labelled box falls on the item's, to the fraction of a pixel:
    a pixel of the target takes the mean of the part of the patch it covers. So the box given is
    the box to label.

    With `match`, the patch is then made to fit its place. **Brightness**: one gain (0.7 to 1.4)
    and an offset for each channel give the patch's surroundings the mean of the place's. Luma
    changes by 32 grey levels at most, or by 64 where the outline is an ellipse in a box; a channel
    against it by a quarter of that. Of such an ellipse, the difference that is left at the outline
    is smoothed and added too, fading inwards; feathered, its details finer than 2 px change over
    within a narrow part of the ramp. **Sharpness**: a
    Gaussian blur, when the patch's acutance is over 2.5 times that of the place and the target;
    nothing is sharpened. **Noise**: what the mixture of patch and place lacks of the variance of
    the noise there is added, in targets of 256 x 256 pixels or more.

    Parameters
    ----------
    target : array_like
        (H, W, 3) uint8, BGR. Not changed.
    items : sequence of PasteItem
        Later ones lie above earlier ones.
    blend : {"feather", "alpha", "rectangle", "poisson", "multiband"}
        "feather" mixes over a soft ramp across the outline; "alpha" by the outline's coverage;
        "rectangle" sets the box's pixels, a baseline to hold the others against; "poisson" is
        OpenCV's ``seamlessClone`` (Perez, Gangnet and Blake, 2003), which must keep a pixel away
        from the target's border, so a patch that comes closer is feathered; "multiband" mixes each
        octave over a ramp of its own (Burt and Adelson, 1983).
    match : bool
        Whether to match the patch to its place.

    Returns
    -------
    Rendered
        The same bytes on every machine, but for "poisson", whose solver is in floats of OpenCV's.

    Raises
    ------
    TypeError, ValueError
        For another target, an unknown blend, or a box that is not finite and of positive size;
        the message names the item.

    Examples
    --------
    >>> import numpy as np
    >>> flat = np.full((8, 8, 3), 100, np.uint8)
    >>> patch = Patch(flat, np.full((8, 8), 255, np.uint8), (2, 2, 6, 6))
    >>> done = render(np.full((32, 32, 3), 100, np.uint8), [PasteItem(patch, (10.5, 9, 14, 12))])
    >>> int(done.pixels.min()), int(done.pixels.max())
    (100, 100)
    """
    from ..._core import image_stats

    as_choice(blend, "blend", BLENDS)
    matched = as_switch(match, "match")
    scene = as_image(target, "target")
    if scene.ndim != 3 or scene.shape[2] != 3:
        raise ValueError(f"target: got shape {scene.shape}, expected (H, W, 3)")
    for i, item in enumerate(items):
        _check(item, i)
    known = math.nan, math.nan
    if matched and items:
        stats = image_stats(scene, _NO_BOXES, False, False)[0][0]
        edges = bool(int(stats["has_acutance"]) & 1)
        # In a small picture no block is calm enough to tell noise from texture.
        noise = float(stats["noise_sigma"]) if scene.shape[0] * scene.shape[1] >= _CALM else 0.0
        known = float(stats["acutance"]) if edges else math.nan, noise
    pixels = np.array(scene, np.uint8, order="C")
    made = [_paste(pixels, item, blend, matched, known) for item in items]
    return Rendered(pixels, [alpha for alpha, _ in made], [done for _, done in made])


def _check(item: PasteItem, i: int) -> None:
    patch = item.patch
    if patch.pixels.ndim != 3 or patch.pixels.shape[2] != 3 or patch.pixels.size == 0:
        raise ValueError(f"items[{i}].patch.pixels: got {patch.pixels.shape}, expected (h, w, 3)")
    if patch.alpha.shape != patch.pixels.shape[:2]:
        raise ValueError(
            f"items[{i}].patch.alpha: got {patch.alpha.shape}, expected {patch.pixels.shape[:2]}"
        )
    for name, box in (("patch.box", patch.box), ("box", item.box)):
        sound = len(box) == 4 and all(abs(v) <= _FAR for v in box)
        if not sound or box[2] - box[0] < _SMALLEST or box[3] - box[1] < _SMALLEST:
            raise ValueError(
                f"items[{i}].{name}: got {tuple(box)}, expected a finite box of positive size"
            )
    if not 0 <= as_whole(item.seed, f"items[{i}].seed") < 1 << 64:
        raise ValueError(f"items[{i}].seed: got {item.seed}, expected 0 to 2**64 - 1")


def _paste(
    pixels: Picture, item: PasteItem, blend: str, match: bool, known: tuple[float, float]
) -> tuple[tuple[int, int, NDArray[np.uint8]], Matched]:
    """Paste one object, in place: what it covers, and how it was matched."""
    from ..._core import paste_object

    patch = item.patch
    number = BLENDS.index(blend)
    native = number < _NATIVE
    x, y, mask, matched, report = paste_object(
        pixels,
        patch.pixels,
        patch.alpha,
        patch.box,
        item.box,
        number if native else BLENDS.index("alpha"),
        match,
        item.flip,
        patch.outline == "ellipse",
        native,
        -1.0,
        *known,
        item.seed,
    )
    if native or matched is None or not mask.any():
        return (x, y, mask), Matched(*report)
    place = pixels[y : y + mask.shape[0], x : x + mask.shape[1]]
    if blend == "poisson":
        cloned = _clone(place, matched, mask)
        if cloned is None:
            return _paste(pixels, item, "feather", match, known)
        place[...] = cloned
    else:
        place[...], mask = _multiband(place, matched, mask)
    return (x, y, mask), Matched(*report)


def _clone(place: Picture, patch: Picture, mask: NDArray[np.uint8]) -> Picture | None:
    """OpenCV's gradient-domain clone; None where the mask comes to the border."""
    import cv2

    solid = (mask > 127).astype(np.uint8) * 255
    solid[[0, -1]] = 0
    solid[:, [0, -1]] = 0
    rows, columns = np.flatnonzero(solid.any(1)), np.flatnonzero(solid.any(0))
    if len(rows) < 3 or len(columns) < 3:
        return None
    if solid.sum() < 0.9 * np.count_nonzero(mask > 127) * 255:
        return None
    # OpenCV puts the middle of the mask's bounds on the centre it is told.
    centre = int(columns[0] + columns[-1] + 1) // 2, int(rows[0] + rows[-1] + 1) // 2
    try:
        cloned = cv2.seamlessClone(patch, np.ascontiguousarray(place), solid, centre, 1)
    except cv2.error:
        return None
    return np.asarray(cloned, np.uint8)


def _multiband(
    place: Picture, patch: Picture, mask: NDArray[np.uint8]
) -> tuple[Picture, NDArray[np.uint8]]:
    """Burt and Adelson's blend, in OpenCV's integer pyramids: the same bytes everywhere."""
    import cv2

    height, width = mask.shape
    bands = max(1, min(_MOST_BANDS, int(math.log2(max(4, min(height, width)))) - 2))
    a: Any = place.astype(np.int16)
    b: Any = patch.astype(np.int16)
    m: Any = mask.astype(np.int16)
    sums = []
    for band in range(bands + 1):
        if band == bands:
            low_a, low_b = a, b
        else:
            next_a, next_b, next_m = cv2.pyrDown(a), cv2.pyrDown(b), cv2.pyrDown(m)
            size = (a.shape[1], a.shape[0])
            low_a = a - cv2.pyrUp(next_a, dstsize=size)
            low_b = b - cv2.pyrUp(next_b, dstsize=size)
        mixed = low_a.astype(np.int32) * 255 + (low_b.astype(np.int32) - low_a) * m[..., None]
        sums.append(((mixed + 127) // 255).astype(np.int16))
        if band < bands:
            a, b, m = next_a, next_b, next_m
    out: Any = sums.pop()
    while sums:
        band_sum = sums.pop()
        out = cv2.pyrUp(out, dstsize=(band_sum.shape[1], band_sum.shape[0])) + band_sum
    return out.clip(0, 255).astype(np.uint8), mask
