"""Pasting objects into a picture: shrunk, matched to the place and blended into it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..._arrays import as_image
from ..._scalars import as_choice, as_switch
from .bank import Box, Patch, Picture

__all__ = ["BLENDS", "PasteItem", "Rendered", "render"]

#: How a patch can meet the picture.
BLENDS = ("feather", "alpha", "rectangle", "poisson", "multiband")


@dataclass(frozen=True)
class PasteItem:
    """One object and where it goes.

    Attributes
    ----------
    patch : Patch
    box : tuple of float
        (x1, y1, x2, y2) where the patch's labelled box goes, in pixels of the target; may reach
        outside.
    flip : bool
        Left and right exchanged.
    seed : int
        Of the noise; the same seed gives the same bytes.
    """

    patch: Patch
    box: Box
    flip: bool = False
    seed: int = 0


@dataclass(frozen=True)
class Rendered:
    """A picture with objects pasted into it.

    Attributes
    ----------
    pixels : numpy.ndarray
        (H, W, 3) uint8, BGR.
    alphas : list
        (x0, y0, mask) of each item: how much of the target's pixels from (x0, y0) on it covers.
        The mask may be empty.
    """

    pixels: Picture
    alphas: list[tuple[int, int, NDArray[np.uint8]]]


def render(
    target: Any, items: Sequence[PasteItem], *, blend: str = "feather", match: bool = True
) -> Rendered:
    """Paste objects into a picture, one after another."""
    from ...pixels import composite, resize_area

    as_choice(blend, "blend", BLENDS)
    as_switch(match, "match")
    pixels = as_image(target, "target").copy()
    alphas = []
    for item in items:
        box = item.patch.box
        x1, y1, x2, y2 = (round(v) for v in box)
        part = item.patch.pixels[y1 : max(y2, y1 + 1), x1 : max(x2, x1 + 1)]
        mask = item.patch.alpha[y1 : max(y2, y1 + 1), x1 : max(x2, x1 + 1)]
        left, top = round(item.box[0]), round(item.box[1])
        size = max(1, round(item.box[2]) - left), max(1, round(item.box[3]) - top)
        part, mask = resize_area(part, size), resize_area(mask, size)
        if item.flip:
            part, mask = part[:, ::-1], mask[:, ::-1]
        if blend == "rectangle":
            mask = np.full_like(mask, 255)
        feather = 1 if blend == "feather" else 0
        composite(pixels, part, left, top, alpha=mask, feather=feather, out=pixels)
        alphas.append((left, top, np.ascontiguousarray(mask)))
    return Rendered(pixels, alphas)
