"""Scenes: a backdrop, figures standing in it, light and camera, and their exact boxes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from . import figures
from .backdrops import BACKDROPS, Backdrop
from .paint import Color, Rng, add_shadow, expose, paste

#: Picture sizes of each kind of scene: what such cameras give, scaled to keep files small.
SIZES: dict[str, tuple[tuple[int, int], ...]] = {
    "doorbell": ((640, 480), (800, 600), (960, 540)),
    "yard": ((640, 480), (960, 540), (640, 360)),
    "street": ((640, 480), (800, 450), (960, 540)),
    "drone": ((960, 540), (800, 600), (1280, 720)),
}

#: Light of the hour: colour of the light (blue, green, red) and how much of it.
_LIGHTS: tuple[tuple[Color, float], ...] = (
    ((0.90, 0.98, 1.06), 1.06),  # low sun
    ((1.00, 1.00, 1.00), 1.16),  # noon
    ((1.05, 1.00, 0.96), 1.02),  # overcast
    ((1.03, 1.00, 0.97), 0.88),  # late
)

#: Longer side of a figure where a person is one unit tall.
_RELATIVE_SIZE = {"person": 1.0, "car": 2.35, "dog": 0.68, "parcel": 0.26, "bicycle": 0.95}
#: Smallest and largest longer side, in shares of the picture's longer side, so that every
#: clean target is large enough at the model's input and like its class in size.
_SIZE_LIMITS = {
    "person": (0.105, 0.34),
    "car": (0.19, 0.40),
    "dog": (0.075, 0.16),
    "parcel": (0.068, 0.088),
    "bicycle": (0.14, 0.26),
}
#: Share of the smaller of two figures that the other may cover.
_MAX_OVERLAP = 0.06
_TRIES = 120


@dataclass(frozen=True)
class Target:
    """One figure in a scene; the box is in whole pixels, half-open."""

    name: str
    x1: int
    y1: int
    x2: int
    y2: int

    @property
    def box(self) -> tuple[int, int, int, int]:
        """``x1, y1, x2, y2``."""
        return self.x1, self.y1, self.x2, self.y2


@dataclass(frozen=True)
class Scene:
    """One drawn picture and what is in it."""

    kind: str
    image: npt.NDArray[np.uint8]
    targets: tuple[Target, ...]

    @property
    def width(self) -> int:
        """Width of the picture in pixels."""
        return int(self.image.shape[1])

    @property
    def height(self) -> int:
        """Height of the picture in pixels."""
        return int(self.image.shape[0])


def _size_at(backdrop: Backdrop, name: str, foot: float, long_side: int, rng: Rng) -> float:
    tops = [top for top, _ in backdrop.feet.values()]
    depth = np.clip((foot - min(tops)) / (0.97 - min(tops)), 0, 1)
    person = backdrop.far + (backdrop.near - backdrop.far) * depth
    low, high = _SIZE_LIMITS[name]
    share = person * _RELATIVE_SIZE[name] * rng.uniform(0.92, 1.08)
    return float(np.clip(share, low, high) * long_side)


def _overlap(a: npt.NDArray[Any], boxes: npt.NDArray[Any]) -> float:
    """Find the largest share of the smaller box that one of ``boxes`` has in common with ``a``."""
    if len(boxes) == 0:
        return 0.0
    w = np.minimum(a[2], boxes[:, 2]) - np.maximum(a[0], boxes[:, 0])
    h = np.minimum(a[3], boxes[:, 3]) - np.maximum(a[1], boxes[:, 1])
    common = np.clip(w, 0, None) * np.clip(h, 0, None)
    areas = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    smaller = np.minimum(areas, (a[2] - a[0]) * (a[3] - a[1]))
    return float((common / smaller).max())


def _arrange(
    rng: Rng, backdrop: Backdrop, wanted: Sequence[tuple[str, float | None]]
) -> list[tuple[Target, figures.Sprite]]:
    """Find a place for each figure; one that finds none in some tries is left out."""
    height, width = backdrop.image.shape[:2]
    placed: list[tuple[Target, figures.Sprite]] = []
    for name, given in wanted:
        taken = np.asarray([t.box for t, _ in placed], np.float64).reshape(-1, 4)
        sprite = None
        for _ in range(_TRIES):
            foot = rng.uniform(*backdrop.feet[name])
            size = given or _size_at(backdrop, name, foot, max(width, height), rng)
            if sprite is None or abs(size / max(sprite.width, sprite.height) - 1) > 0.08:
                sprite = figures.draw(rng, name, size)
            y2 = round(foot * height)
            if y2 - sprite.height < 4 or width - sprite.width < 12:
                continue
            x1 = int(rng.integers(6, width - sprite.width - 5))
            box = (x1, y2 - sprite.height, x1 + sprite.width, y2)
            if _overlap(np.asarray(box, np.float64), taken) <= _MAX_OVERLAP:
                placed.append((Target(name, *box), sprite))
                break
    placed.sort(key=lambda item: item[0].y2)
    return placed


def draw(
    rng: Rng,
    kind: str,
    size: tuple[int, int],
    names: Sequence[str],
    extra: Sequence[tuple[str, float]] = (),
) -> Scene:
    """Draw one scene.

    Parameters
    ----------
    rng : numpy.random.Generator
        The only source of chance: the same state draws the same picture.
    kind : str
        A key of :data:`fastlabel.sample.backdrops.BACKDROPS`.
    size : (int, int)
        Width and height in pixels.
    names : sequence of str
        Classes of the figures wanted, most needed first.
    extra : sequence of (str, float)
        Further figures, each with its longer side in pixels.

    Returns
    -------
    Scene
    """
    backdrop = BACKDROPS[kind](rng, *size)
    image = backdrop.image
    placed = _arrange(rng, backdrop, [(name, None) for name in names] + list(extra))
    for target, _ in placed:
        half = (target.x2 - target.x1) / 2
        add_shadow(image, target.x1 + half, target.y2 - 1, half * 1.15, max(3.0, half * 0.22), 0.5)
    for target, sprite in placed:
        paste(image, sprite.colors, sprite.cover, target.x1, target.y1)
    tint, gain = _LIGHTS[int(rng.integers(len(_LIGHTS)))]
    seen = expose(rng, image, gain * rng.uniform(0.95, 1.05), tint, rng.uniform(0.8, 1.8))
    return Scene(kind, seen, tuple(target for target, _ in placed))
