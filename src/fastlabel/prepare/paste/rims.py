"""Features of the rim of an object: what gives a paste away, if anything does.

A rim is the band of pixels along an outline. Each feature sets the rim against what lies inside
and outside, or the inside against the outside, so that neither the brightness of a picture nor its
noise or sharpness as a whole says anything.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["RIM_FEATURES", "rim_features"]

Floats = NDArray[np.float64]

#: Names of the features, in order.
RIM_FEATURES = (
    "box gradient",
    "box step",
    "box run",
    "box alignment",
    "ellipse gradient",
    "ellipse step",
    "ellipse alignment",
    "colour step",
    "noise ratio",
    "laplacian ratio",
    "acutance ratio",
    "rim noise",
    "rim laplacian",
    "ellipse laplacian",
    "gradient ratio",
    "chroma noise ratio",
)

#: Added to both sides of a ratio, in grey levels: below it nothing is told apart in 8 bits.
_FLOOR = 0.5
_LUMA = np.array([0.114, 0.587, 0.299])
#: Least share of the window around the box that lies in the picture.
_PAD = 0.6


def _ratio(a: float, b: float) -> float:
    return float(np.log((a + _FLOOR) / (b + _FLOOR)))


def _mean(values: Floats, where: NDArray[np.bool_]) -> float:
    return float(values[where].mean()) if where.any() else 0.0


def rim_features(image: Any, box: Any) -> Floats | None:
    """Features of one object's rim.

    Parameters
    ----------
    image : numpy.ndarray
        (H, W, 3) uint8, BGR.
    box : sequence of float
        (x1, y1, x2, y2) in its pixels.

    Returns
    -------
    numpy.ndarray or None
        (len(RIM_FEATURES),) float64; None for a box that is under 4 px, or has no surroundings
        in the picture.

    Notes
    -----
    The outline is both the box (where a rectangle is pasted) and the ellipse inscribed in it
    (where an object from a box is). "gradient": size of the gradient at the outline over that on
    both sides; "step": how far the means of both sides of it differ, over how much neighbours
    differ elsewhere; "run": share of the four sides along which the step has one sign;
    "alignment": share of the gradient at the outline that points across it; "noise", "laplacian",
    "acutance" and "chroma noise" set the inside against the outside; "rim noise" and "rim
    laplacian" the band along the outline against both.
    """
    if not np.isfinite(np.asarray(box, np.float64)).all():
        return None
    x1, y1, x2, y2 = (float(v) for v in box)
    w, h = x2 - x1, y2 - y1
    pad = max(4, round(_PAD * min(w, h)))
    left, top = int(np.floor(x1)) - pad, int(np.floor(y1)) - pad
    right, bottom = int(np.ceil(x2)) + pad, int(np.ceil(y2)) + pad
    height, width = image.shape[:2]
    if min(w, h) < 4 or x1 < 2 or y1 < 2 or x2 > width - 2 or y2 > height - 2:
        return None
    left, top, right, bottom = max(0, left), max(0, top), min(width, right), min(height, bottom)
    window = image[top:bottom, left:right].astype(np.float64)
    x1, x2, y1, y2 = x1 - left, x2 - left, y1 - top, y2 - top
    luma = window @ _LUMA
    gx, gy = np.zeros_like(luma), np.zeros_like(luma)
    gx[:, 1:-1] = (luma[:, 2:] - luma[:, :-2]) / 2
    gy[1:-1] = (luma[2:] - luma[:-2]) / 2
    size = np.hypot(gx, gy)
    cross = np.zeros_like(luma)
    cross[1:-1, 1:-1] = luma[:-2, 1:-1] + luma[2:, 1:-1] + luma[1:-1, :-2] + luma[1:-1, 2:]
    lap = np.abs(cross - 4 * luma)
    noise = _immerkaer(luma)
    yellow = _immerkaer(window[:, :, 0] - window[:, :, 1])
    inner = np.zeros(luma.shape, bool)
    inner[2:-2, 2:-2] = True

    px = np.arange(luma.shape[1]) + 0.5
    py = np.arange(luma.shape[0]) + 0.5
    # Signed distance to the box, positive inside; and to the ellipse, to first order.
    depth = np.minimum(np.minimum(px - x1, x2 - px)[None, :], np.minimum(py - y1, y2 - py)[:, None])
    ex = ((px - (x1 + x2) / 2) / (w / 2))[None, :]
    ey = ((py - (y1 + y2) / 2) / (h / 2))[:, None]
    radius = np.sqrt(ex**2 + ey**2)
    slope = np.hypot(ex / (w / 2), ey / (h / 2)) / np.maximum(radius, 1e-6)
    round_depth = (1 - radius) / np.maximum(slope, 1e-6)
    nx = (ex / (w / 2)) / np.maximum(slope * radius, 1e-6)
    ny = (ey / (h / 2)) / np.maximum(slope * radius, 1e-6)

    box_rim = inner & (np.abs(depth) <= 1)
    box_near = inner & ~box_rim & (np.abs(depth) <= 4)
    oval_rim = inner & (np.abs(round_depth) <= 1.25)
    oval_near = inner & ~oval_rim & (np.abs(round_depth) <= 5)
    inside = inner & (round_depth > 1)
    outside = inner & (depth < -1)
    outside = outside if outside.sum() >= 12 else inner & (round_depth < -1)
    band = inner & (np.abs(round_depth) <= 2.5)
    rest = inner & (round_depth < -3) | inner & (round_depth > 3)

    steps, run = _box_steps(luma, x1, y1, x2, y2)
    vertical = np.minimum(np.abs(px - x1), np.abs(px - x2)) <= 1
    horizontal = np.minimum(np.abs(py - y1), np.abs(py - y2)) <= 1
    across = np.where(vertical[None, :], np.abs(gx), 0.0) + np.where(
        horizontal[:, None] & ~vertical[None, :], np.abs(gy), 0.0
    )
    oval_across = np.abs(gx * nx + gy * ny)
    plain = _mean(size, inner)
    step_in = inner & (round_depth > 0.5) & (round_depth <= 3)
    step_out = inner & (round_depth < -0.5) & (round_depth >= -3)
    oval_step = abs(_mean(luma, step_in) - _mean(luma, step_out))
    colour = [
        abs(_mean(window[:, :, c], step_in) - _mean(window[:, :, c], step_out)) for c in range(3)
    ]
    ends = _mean(size, inside), _mean(size, outside)
    laps = _mean(lap, inside), _mean(lap, outside)
    both = inside | outside
    return np.array(
        [
            _ratio(_mean(size, box_rim), _mean(size, box_near)),
            _ratio(steps, plain),
            run,
            _mean(across, box_rim) / (_mean(size, box_rim) + _FLOOR),
            _ratio(_mean(size, oval_rim), _mean(size, oval_near)),
            _ratio(oval_step, plain),
            _mean(oval_across, oval_rim) / (_mean(size, oval_rim) + _FLOOR),
            _ratio(max(colour), plain),
            _ratio(_quartile(noise, inside), _quartile(noise, outside)),
            _ratio(*laps),
            _ratio(laps[0], ends[0]) - _ratio(laps[1], ends[1]),
            _ratio(_quartile(noise, band), _quartile(noise, rest)),
            _ratio(_mean(lap, box_rim), _mean(lap, box_near)),
            _ratio(_mean(lap, oval_rim), _mean(lap, both)),
            _ratio(*ends),
            _ratio(_quartile(yellow, inside), _quartile(yellow, outside)),
        ]
    )


def _immerkaer(plane: Floats) -> Floats:
    """Absolute response to Immerkaer's noise kernel, over that of unit noise."""
    out = np.zeros_like(plane)
    rows = plane[:-2] - 2 * plane[1:-1] + plane[2:]
    out[1:-1, 1:-1] = np.abs(rows[:, :-2] - 2 * rows[:, 1:-1] + rows[:, 2:]) / 6
    return out


def _quartile(values: Floats, where: NDArray[np.bool_]) -> float:
    """First quartile, in standard deviations of a normal."""
    return float(np.quantile(values[where], 0.25)) / 0.31864 if where.any() else 0.0


def _box_steps(luma: Floats, x1: float, y1: float, x2: float, y2: float) -> tuple[float, float]:
    """Mean size of the step across the sides of the box, and how steady its sign is."""
    left, right, top, bottom = (round(v) for v in (x1, x2, y1, y2))
    steps = [luma[top:bottom, at] - luma[top:bottom, at - 1] for at in (left, right)]
    steps += [luma[at, left:right] - luma[at - 1, left:right] for at in (top, bottom)]
    sizes = [float(np.abs(step).mean()) for step in steps]
    signs = [abs(float(np.sign(step).mean())) for step in steps]
    return float(np.mean(sizes)), float(np.mean(signs))
