"""Blurs: Gaussian, of a straight movement, of a lens out of focus."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._core import filter_taps
from .random import Draws
from .registry import Operation, Parameter, Values
from .sample import Image

__all__ = ["OPERATIONS", "disc_kernel", "line_kernel"]

#: Offsets (2, N) of x and y, and weights (N,).
Kernel = tuple[NDArray[np.int32], NDArray[np.float64]]


def line_kernel(length: float, degrees: float) -> Kernel:
    """Weights of the pixels that a straight, even movement passes over.

    One step a pixel along the longer axis, weighted by how much of the pixel the movement covers
    and shared between the two pixels beside the line, linearly.

    Parameters
    ----------
    length : float
        In pixels; up to 1 leaves the picture as it is.
    degrees : float
        Direction, counter-clockwise from the x axis as one sees it.
    """
    angle = math.radians(degrees % 180.0)
    along, across = math.cos(angle), -math.sin(angle)  # y grows downwards
    steep = abs(across) > abs(along)
    if steep:
        along, across = across, along
    half = 0.5 * max(length, 1.0) * abs(along)
    slope = across / along
    reach = math.ceil(half - 0.5)
    steps = np.arange(-reach, reach + 1, dtype=np.float64)
    start, end = np.maximum(steps - 0.5, -half), np.minimum(steps + 0.5, half)
    place = 0.5 * (start + end) * slope
    floor = np.floor(place)
    upper = place - floor
    cover = end - start
    weights = np.concatenate([cover * (1 - upper), cover * upper])
    major = np.concatenate([steps, steps]).astype(np.int32)
    minor = np.concatenate([floor, floor + 1]).astype(np.int32)
    used = weights > 1e-9 * cover.max()
    offsets = np.stack([minor, major] if steep else [major, minor])[:, used]
    return np.ascontiguousarray(offsets), weights[used]


def disc_kernel(radius: float) -> Kernel:
    """Even weights over a disc, whose rim counts by how far it covers a pixel."""
    reach = math.ceil(radius)
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    weights = np.clip(radius + 0.5 - np.hypot(x, y), 0.0, 1.0)
    used = weights > 0
    return np.stack([x[used], y[used]]).astype(np.int32), weights[used]


def _gaussian(image: Image, values: Values, draws: Draws, rgb: bool) -> Image:
    import cv2

    sigma = values["sigma"]
    if sigma == 0:
        return image
    # To three standard deviations, as OpenCV takes 8-bit pictures.
    side = 2 * math.ceil(3 * sigma) + 1 if sigma < 0.6 else 0
    return np.asarray(cv2.GaussianBlur(image, (side, side), sigma), np.uint8)


def _motion(image: Image, values: Values, draws: Draws, rgb: bool) -> Image:
    if values["length"] <= 1:
        return image
    return filter_taps(image, *line_kernel(values["length"], values["degrees"]))


def _defocus(image: Image, values: Values, draws: Draws, rgb: bool) -> Image:
    if values["radius"] <= 0.5:
        return image
    return filter_taps(image, *disc_kernel(values["radius"]))


def _strength(name: str, default: Any, most: float, restrained: float, about: str) -> Parameter:
    return Parameter(name, default, (0.0, most), "px", about, (0.0, restrained))


OPERATIONS = (
    Operation(
        "gaussian_blur",
        "pixel",
        "A soft lens, or a picture enlarged: a Gaussian.",
        (_strength("sigma", (0.4, 1.2), 50.0, 2.0, "Standard deviation."),),
        _gaussian,
    ),
    Operation(
        "motion_blur",
        "pixel",
        "A straight movement while the shutter is open: a true line, at any angle.",
        (
            _strength("length", (3.0, 9.0), 120.0, 15.0, "How far the picture moves."),
            Parameter(
                "degrees", (0.0, 180.0), (-360.0, 360.0), "degrees", "Direction; 0 is level."
            ),
        ),
        _motion,
    ),
    Operation(
        "defocus",
        "pixel",
        "A lens out of focus: every point becomes a disc.",
        (_strength("radius", (1.0, 2.5), 8.0, 4.0, "Of the disc; to 0.5 nothing changes."),),
        _defocus,
    ),
)
