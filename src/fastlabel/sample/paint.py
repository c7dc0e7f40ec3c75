"""Paint for the drawn scenes: a supersampled canvas, textures, light and sensor.

Coordinates are final pixels (floats); colours are (blue, green, red) in 0..255, as
OpenCV orders them. All randomness comes from the generator that is handed in.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

Color = tuple[float, float, float]
Points = Sequence[tuple[float, float]]
Pixels = npt.NDArray[np.float32]
Rng = np.random.Generator

#: Fraction bits of OpenCV's fixed-point drawing coordinates.
_SHIFT = 4


def jitter(rng: Rng, color: Color, amount: float = 12.0) -> Color:
    """Vary a colour: lightness moves as one, hue only a little."""
    shade = rng.uniform(-amount, amount)
    b, g, r = (float(np.clip(c + shade + rng.uniform(-4, 4), 0, 255)) for c in color)
    return b, g, r


def mix(a: Color, b: Color, t: float) -> Color:
    """Find the colour a share ``t`` of the way from ``a`` to ``b``."""
    return (a[0] + (b[0] - a[0]) * t, a[1] + (b[1] - a[1]) * t, a[2] + (b[2] - a[2]) * t)


def fractal(rng: Rng, width: int, height: int, cell: float, octaves: int = 4) -> Pixels:
    """Make a smooth random field of mean 0 and deviation 1, with bumps up to ``cell`` px wide."""
    field = np.zeros((height, width), np.float32)
    weight = 1.0
    for _ in range(octaves):
        rows = max(2, round(height / cell) + 1)
        columns = max(2, round(width / cell) + 1)
        coarse = rng.standard_normal((rows, columns)).astype(np.float32)
        field += weight * cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
        weight *= 0.55
        cell = max(1.0, cell / 2.2)
    field -= field.mean()
    return np.asarray(field / max(float(field.std()), 1e-6), np.float32)


def grain(rng: Rng, width: int, height: int, stretch: tuple[float, float] = (1, 1)) -> Pixels:
    """Make fine random grain, deviation 1, drawn out by ``stretch`` pixels along x and y."""
    columns = max(1, round(width / stretch[0]))
    rows = max(1, round(height / stretch[1]))
    coarse = rng.standard_normal((rows, columns)).astype(np.float32)
    field = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_LINEAR)
    return np.asarray(field / max(float(field.std()), 1e-6), np.float32)


class Canvas:
    """A picture drawn at ``scale`` times its size and averaged down, so edges are smooth.

    With ``alpha`` it also keeps what was painted, as the mask of a cut-out.
    """

    def __init__(self, width: int, height: int, scale: int = 2, alpha: bool = False) -> None:
        self.width, self.height, self.scale = width, height, scale
        shape = (height * scale, width * scale)
        self._image: npt.NDArray[Any] = np.zeros((*shape, 3), np.uint8)
        self._mask: npt.NDArray[Any] | None = np.zeros(shape, np.uint8) if alpha else None

    def _fixed(self, points: Points) -> npt.NDArray[np.int32]:
        # OpenCV's pixel centres are whole numbers; ours lie at the half.
        scaled = np.asarray(points, np.float64) * self.scale - 0.5
        return np.rint(scaled * (1 << _SHIFT)).astype(np.int32)

    def _layers(self, color: Color) -> list[tuple[npt.NDArray[Any], Any]]:
        layers: list[tuple[npt.NDArray[Any], Any]] = [(self._image, color)]
        if self._mask is not None:
            layers.append((self._mask, 255))
        return layers

    def polygon(self, points: Points, color: Color) -> None:
        """Fill a polygon."""
        fixed = self._fixed(points)
        for layer, paint in self._layers(color):
            cv2.fillPoly(layer, [fixed], paint, cv2.LINE_8, _SHIFT)

    def rect(self, x1: float, y1: float, x2: float, y2: float, color: Color) -> None:
        """Fill an upright rectangle."""
        self.polygon([(x1, y1), (x2, y1), (x2, y2), (x1, y2)], color)

    def ellipse(
        self, cx: float, cy: float, rx: float, ry: float, color: Color, angle: float = 0.0
    ) -> None:
        """Fill an ellipse, turned by ``angle`` degrees."""
        turn = np.deg2rad(angle)
        t = np.linspace(0, 2 * np.pi, 48, endpoint=False)
        x, y = rx * np.cos(t), ry * np.sin(t)
        xs = cx + x * np.cos(turn) - y * np.sin(turn)
        ys = cy + x * np.sin(turn) + y * np.cos(turn)
        self.polygon(list(zip(xs.tolist(), ys.tolist(), strict=True)), color)

    def line(self, points: Points, width: float, color: Color) -> None:
        """Draw a thick line with round joints."""
        fixed = self._fixed(points)
        thickness = max(1, round(width * self.scale))
        for layer, paint in self._layers(color):
            cv2.polylines(layer, [fixed], False, paint, thickness, cv2.LINE_8, _SHIFT)

    def ring(self, cx: float, cy: float, radius: float, width: float, color: Color) -> None:
        """Draw a circle's outline."""
        t = np.linspace(0, 2 * np.pi, 49)
        xs = cx + radius * np.cos(t)
        ys = cy + radius * np.sin(t)
        self.line(list(zip(xs.tolist(), ys.tolist(), strict=True)), width, color)

    def gradient(self, y1: float, y2: float, top: Color, bottom: Color) -> None:
        """Fill the rows from ``y1`` to ``y2`` with a vertical change of colour."""
        first, last = round(y1 * self.scale), round(y2 * self.scale)
        t = np.linspace(0, 1, max(1, last - first))[:, None]
        rows = np.asarray(top) * (1 - t) + np.asarray(bottom) * t
        self._image[first:last] = np.rint(rows)[:, None, :]

    def mask_of(self, points: Points) -> Pixels:
        """Measure how much of each final pixel a polygon covers, 0..1."""
        big = np.zeros(self._image.shape[:2], np.uint8)
        cv2.fillPoly(big, [self._fixed(points)], 255, cv2.LINE_8, _SHIFT)
        small = cv2.resize(big, (self.width, self.height), interpolation=cv2.INTER_AREA)
        return np.asarray(small.astype(np.float32) / 255)

    def pixels(self) -> Pixels:
        """Return the picture at its final size, (H, W, 3) float32."""
        size = (self.width, self.height)
        return np.asarray(
            cv2.resize(self._image.astype(np.float32), size, interpolation=cv2.INTER_AREA)
        )

    def cut_out(self) -> tuple[Pixels, Pixels]:
        """Return colours (H, W, 3) and coverage 0..1 (H, W) of what was painted."""
        if self._mask is None:
            raise ValueError("cut_out: the canvas was made without alpha")
        cover = self._mask.astype(np.float32) / 255
        size = (self.width, self.height)
        small = cv2.resize(cover, size, interpolation=cv2.INTER_AREA)
        painted = cv2.resize(
            self._image.astype(np.float32) * cover[..., None], size, interpolation=cv2.INTER_AREA
        )
        return np.asarray(painted / np.maximum(small, 1e-4)[..., None]), np.asarray(small)


def add_texture(image: Pixels, mask: Pixels, field: Pixels, strength: float) -> None:
    """Lighten and darken the masked part by a random field, in place."""
    image += (strength * mask * field)[..., None]


def add_shadow(image: Pixels, cx: float, cy: float, rx: float, ry: float, depth: float) -> None:
    """Darken a soft ellipse on the ground, in place."""
    height, width = image.shape[:2]
    x1, x2 = max(0, int(cx - 2 * rx)), min(width, int(cx + 2 * rx) + 1)
    y1, y2 = max(0, int(cy - 2 * ry)), min(height, int(cy + 2 * ry) + 1)
    if x1 >= x2 or y1 >= y2:
        return
    ys, xs = np.mgrid[y1:y2, x1:x2].astype(np.float32)
    far = ((xs - cx) / rx) ** 2 + ((ys - cy) / ry) ** 2
    image[y1:y2, x1:x2] *= (1 - depth * np.exp(-1.2 * far))[..., None]


def paste(image: Pixels, colors: Pixels, cover: Pixels, x: int, y: int) -> None:
    """Lay a cut-out over the picture with its upper left corner at (x, y), in place."""
    height, width = cover.shape
    part = image[y : y + height, x : x + width]
    part += (colors - part) * cover[..., None]


def expose(
    rng: Rng, image: Pixels, gain: float, tint: Color, noise: float
) -> npt.NDArray[np.uint8]:
    """Make what the camera sees of the scene: lens softness, light, vignette, sensor noise."""
    height, width = image.shape[:2]
    seen = cv2.GaussianBlur(image, (0, 0), 0.45)
    ys, xs = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j].astype(np.float32)
    vignette = 1 - 0.10 * (xs**2 + ys**2)
    seen = seen * np.asarray(tint, np.float32) * (gain * vignette)[..., None]
    shared = rng.standard_normal((height, width, 1)).astype(np.float32)
    own = rng.standard_normal((height, width, 3)).astype(np.float32)
    seen += noise * (0.85 * shared + 0.5 * own)
    return np.asarray(np.clip(np.rint(seen), 0, 255), np.uint8)
