"""Where the points of a picture go: one mapping moves pixels, boxes, polygons and regions.

Coordinates are continuous pixels, 0-based, with x to the right and y down; the centre of the
first pixel is at (0.5, 0.5).
"""

from __future__ import annotations

import math
import threading
from abc import ABC, abstractmethod
from collections import OrderedDict
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["FILL", "Affine", "Lens", "Mapping"]

FloatArray = npt.NDArray[np.float64]
Picture = npt.NDArray[np.uint8]
Size = tuple[int, int]

#: Grey of what lies outside the picture, as letterboxing has it.
FILL = 114

#: Bytes of lens maps that are kept for the next picture of the same size.
CACHE_BYTES = 256 << 20


@dataclass(frozen=True)
class Mapping(ABC):
    """What every mapping has: sizes, both directions, and the warp of a picture.

    Attributes
    ----------
    source, size : tuple of int
        Width and height of the picture before and after.
    """

    source: Size
    size: Size

    @property
    @abstractmethod
    def straight(self) -> bool:
        """Whether an upright box goes to an upright box, so that nothing is lost of it."""

    @property
    @abstractmethod
    def flat(self) -> bool:
        """Whether straight lines stay straight."""

    @abstractmethod
    def forward(self, points: npt.ArrayLike) -> FloatArray:
        """Where points (..., 2) of the source go."""

    @abstractmethod
    def inverse(self, points: npt.ArrayLike) -> FloatArray:
        """Where points (..., 2) of the result come from."""

    @abstractmethod
    def warp(self, image: Picture, *, edge: bool = False) -> Picture:
        """Move the pixels.

        Parameters
        ----------
        image : numpy.ndarray
            (H, W) or (H, W, C) uint8 of the source's size.
        edge : bool
            Continue the picture by its outermost pixels where it ends, instead of by grey.

        Returns
        -------
        numpy.ndarray
            Of the result's size, a new array.
        """

    def _check(self, image: Picture) -> None:
        if (image.shape[1], image.shape[0]) != self.source:
            raise ValueError(
                f"image: got {image.shape[1]} x {image.shape[0]} pixels, the mapping is of "
                f"{self.source[0]} x {self.source[1]}"
            )


@dataclass(frozen=True)
class Affine(Mapping):
    """A linear mapping and a shift: mirror, rotation, scale, crop.

    Attributes
    ----------
    matrix : tuple of float
        a, b, c, d, e, f: x' = a x + b y + c and y' = d x + e y + f.

    Examples
    --------
    >>> Affine.flip((4, 2)).forward([[0, 0], [1, 2]]).tolist()
    [[4.0, 0.0], [3.0, 2.0]]
    """

    matrix: tuple[float, float, float, float, float, float]

    @classmethod
    def flip(cls, source: Size) -> Affine:
        """Left and right exchanged."""
        return cls(source, source, (-1.0, 0.0, float(source[0]), 0.0, 1.0, 0.0))

    @classmethod
    def rotation(cls, source: Size, degrees: float, *, fill_frame: bool = False) -> Affine:
        """About the picture's centre; positive is counter-clockwise, as seen.

        Parameters
        ----------
        source : tuple of int
        degrees : float
        fill_frame : bool
            Enlarge just so far that the turned picture fills the frame.
        """
        w, h = source
        t = math.radians(degrees)
        c, s = math.cos(t), math.sin(t)
        zoom = 1.0
        if fill_frame:
            # The frame turned back has this extent along the picture's own axes.
            zoom = max(abs(c) + abs(s) * h / w, abs(c) + abs(s) * w / h)
        a, b, d, e = zoom * c, zoom * s, -zoom * s, zoom * c
        x, y = w / 2, h / 2
        return cls(source, source, (a, b, x - a * x - b * y, d, e, y - d * x - e * y))

    @classmethod
    def window(cls, source: Size, window: tuple[float, float, float, float], size: Size) -> Affine:
        """A window x1, y1, x2, y2 of the picture, enlarged or shrunk to a size."""
        x1, y1, x2, y2 = window
        a, e = size[0] / (x2 - x1), size[1] / (y2 - y1)
        return cls(source, size, (a, 0.0, -a * x1, 0.0, e, -e * y1))

    @property
    def straight(self) -> bool:  # noqa: D102
        return self.matrix[1] == self.matrix[3] == 0.0

    @property
    def flat(self) -> bool:  # noqa: D102
        return True

    @property
    def rigid(self) -> bool:
        """Whether a rectangle of any direction stays a rectangle."""
        a, b, _, d, e, _ = self.matrix
        far = 1e-9 * (a * a + b * b + d * d + e * e)
        return abs(a * b + d * e) <= far and abs(a * a + d * d - b * b - e * e) <= far

    def forward(self, points: npt.ArrayLike) -> FloatArray:  # noqa: D102
        return _linear(points, self.matrix)

    def inverse(self, points: npt.ArrayLike) -> FloatArray:  # noqa: D102
        return _linear(points, self._back)

    @cached_property
    def _back(self) -> tuple[float, float, float, float, float, float]:
        a, b, c, d, e, f = self.matrix
        det = a * e - b * d
        a, b, d, e = e / det, -b / det, -d / det, a / det
        return a, b, -a * c - b * f, d, e, -d * c - e * f

    def warp(self, image: Picture, *, edge: bool = False) -> Picture:  # noqa: D102
        self._check(image)
        a, _, c, _, e, f = self.matrix
        if self.straight:
            if (a, e, f) == (-1.0, 1.0, 0.0) and c == self.source[0]:
                return _mirrored(image)
            return self._resampled(image, edge)
        return self._turned(image, edge)

    def _turned(self, image: Picture, edge: bool) -> Picture:
        from .. import _core

        a, b, c, d, e, f = self._back
        # There the centre of the first pixel is (0, 0): half a pixel off on both sides.
        m = np.array([a, b, c + (a + b) / 2 - 0.5, d, e, f + (d + e) / 2 - 0.5])
        return _core.warp_affine(np.ascontiguousarray(image), m, *self.size, edge, FILL)

    def _resampled(self, image: Picture, edge: bool) -> Picture:
        """A window of whole pixels is cut out and resized, areas averaged where it shrinks."""
        import cv2

        (x1, y1), (x2, y2) = self.inverse([(0.0, 0.0), self.size]).tolist()
        sides = [round(v) for v in (x1, y1, x2, y2)]
        if max(abs(v - s) for v, s in zip((x1, y1, x2, y2), sides, strict=True)) > 1e-6:
            return self._turned(image, edge)
        left, top, right, bottom = sides
        w, h = self.source
        part = image[max(top, 0) : min(bottom, h), max(left, 0) : min(right, w)]
        margins = max(-top, 0), max(bottom - h, 0), max(-left, 0), max(right - w, 0)
        if any(margins):
            how = cv2.BORDER_REPLICATE if edge else cv2.BORDER_CONSTANT
            part = np.asarray(cv2.copyMakeBorder(part, *margins, how, value=(FILL,) * 4), np.uint8)
        if (part.shape[1], part.shape[0]) == self.size:
            return np.array(part, order="C").reshape(self.size[1], self.size[0], *image.shape[2:])
        smaller = self.size[0] < part.shape[1] or self.size[1] < part.shape[0]
        way = cv2.INTER_AREA if smaller else cv2.INTER_LINEAR
        return _as_given(cv2.resize(part, self.size, interpolation=way), image)


@dataclass(frozen=True)
class Lens(Mapping):
    """The look of an equidistant fisheye lens, of a picture taken by a straight one.

    A straight (gnomonic) lens images a ray at the angle t from the axis at a distance
    proportional to tan t from the centre, an equidistant fisheye at one proportional to t. Both
    are scaled so that the corners, at half the field of view, stay where they are: the middle is
    enlarged by tan(fov / 2) / (fov / 2), the sides are pushed out of the frame, and no pixel is
    made up. (Kannala and Brandt, "A generic camera model and calibration method for
    conventional, wide-angle, and fish-eye lenses", IEEE PAMI 28 (8), 2006.)

    Attributes
    ----------
    fov : float
        Field of view across the diagonal, in degrees: above 0 and below 180.

    Examples
    --------
    >>> lens = Lens((400, 300), (400, 300), 120.0)
    >>> lens.forward([[200, 150], [300, 150], [0, 0]]).round(2).tolist()
    [[200.0, 150.0], [344.65, 150.0], [0.0, 0.0]]
    """

    fov: float

    @property
    def straight(self) -> bool:  # noqa: D102
        return False

    @property
    def flat(self) -> bool:  # noqa: D102
        return False

    def _frame(self) -> tuple[FloatArray, float, float, float]:
        w, h = self.source
        half = math.radians(self.fov) / 2
        return np.array([w / 2, h / 2]), math.hypot(w, h) / 2, half, math.tan(half)

    def forward(self, points: npt.ArrayLike) -> FloatArray:  # noqa: D102
        centre, radius, half, tangent = self._frame()
        away = np.asarray(points, np.float64) - centre
        r = np.sqrt((away * away).sum(axis=-1)) / radius * tangent
        with np.errstate(divide="ignore", invalid="ignore"):
            grown = np.where(r > 0, np.arctan(r) / r, 1.0) * (tangent / half)
        return np.asarray(centre + away * grown[..., None])

    def inverse(self, points: npt.ArrayLike) -> FloatArray:  # noqa: D102
        centre, radius, half, tangent = self._frame()
        away = np.asarray(points, np.float64) - centre
        # Beyond a right angle there is no ray of the straight lens.
        t = np.minimum(np.sqrt((away * away).sum(axis=-1)) / radius * half, 1.57)
        with np.errstate(divide="ignore", invalid="ignore"):
            shrunk = np.where(t > 0, np.tan(t) / t, 1.0) * (half / tangent)
        return np.asarray(centre + away * shrunk[..., None])

    def warp(self, image: Picture, *, edge: bool = False) -> Picture:  # noqa: D102
        import cv2

        self._check(image)
        whole, parts = _lens_maps(self)
        border = cv2.BORDER_REPLICATE  # no pixel comes from outside, but by half of itself
        return _as_given(cv2.remap(image, whole, parts, cv2.INTER_LINEAR, None, border), image)


def _linear(points: npt.ArrayLike, m: tuple[float, ...]) -> FloatArray:
    p = np.asarray(points, np.float64)
    out = np.empty_like(p)
    x, y = p[..., 0], p[..., 1]
    out[..., 0] = m[0] * x + m[1] * y + m[2]
    out[..., 1] = m[3] * x + m[4] * y + m[5]
    return out


def _mirrored(image: Picture) -> Picture:
    import cv2

    return _as_given(cv2.flip(image, 1), image)


def _as_given(result: Any, image: Picture) -> Picture:
    """OpenCV drops a last axis of one channel."""
    made: Picture = np.asarray(result, np.uint8)
    return made if made.ndim == image.ndim else made.reshape(*made.shape[:2], 1)


_MAPS: OrderedDict[Lens, tuple[Any, Any]] = OrderedDict()
_LOCK = threading.Lock()


def _lens_maps(lens: Lens) -> tuple[Any, Any]:
    """OpenCV's fixed-point maps of a lens: whole pixels, and thirty-seconds of them."""
    with _LOCK:
        found = _MAPS.get(lens)
        if found is not None:
            _MAPS.move_to_end(lens)
            return found
    made = _make_maps(lens)
    with _LOCK:
        _MAPS[lens] = made
        held = sum(whole.nbytes + parts.nbytes for whole, parts in _MAPS.values())
        while held > CACHE_BYTES and len(_MAPS) > 1:
            whole, parts = _MAPS.popitem(last=False)[1]
            held -= whole.nbytes + parts.nbytes
    return made


def _make_maps(lens: Lens) -> tuple[Any, Any]:
    import cv2

    w, h = lens.size
    x = np.empty((h, w), np.float32)
    y = np.empty((h, w), np.float32)
    columns = np.arange(w) + 0.5
    for top in range(0, h, 64):  # few rows at a time: large pictures need little memory for it
        rows = np.arange(top, min(top + 64, h)) + 0.5
        grid = np.stack(np.meshgrid(columns, rows), axis=-1)
        back = lens.inverse(grid) - 0.5
        x[top : top + len(rows)], y[top : top + len(rows)] = back[..., 0], back[..., 1]
    whole, parts = cv2.convertMaps(x, y, cv2.CV_16SC2)
    return whole, parts
