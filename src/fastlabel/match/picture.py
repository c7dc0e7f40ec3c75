"""One more cheap look at each picture: colour, edge directions, horizon, where the detail is.

The picture is decoded small (JPEG by its own reduced transform) and brought to one size, so that
frames of any size compare.
"""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from .._threads import cpus, in_threads
from ..scan.jobs import Jobs
from ..scan.limits import Limits
from .features import DIRECTIONS

__all__ = ["SEEN", "look_at_all", "seen"]

Pixels = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float64]

#: Longer side at which pictures are compared.
SIDE = 256
#: What :func:`seen` gives, in order.
SEEN = (
    "edge_density",
    "chroma",
    "chroma_std",
    "red",
    "blue",
    *(f"edges_{30 * k}" for k in range(DIRECTIONS)),
    "sky",
    "horizon",
    "horizon_strength",
    "detail_top",
    "detail_bottom",
)
#: A step of so many grey levels a pixel is an edge.
EDGE = 16.0
#: Rows whose means vary less than this, in grey levels squared, have no horizon.
FLAT = 1.0
_TAN15, _TAN75 = np.float32(0.2679492), np.float32(3.7320508)
#: Pictures of one job of a thread.
_PART = 64


def seen(bgr: Pixels) -> Floats:
    """Measure one small picture.

    Parameters
    ----------
    bgr : numpy.ndarray
        (H, W, 3) uint8, upright.

    Returns
    -------
    numpy.ndarray
        (len(SEEN),) float64. Chroma, red and blue are those of YCbCr (ITU-R BT.601), in grey
        levels; edge directions are shares of the gradient (Sobel) by the direction of the edge,
        as in a histogram of oriented gradients (Dalal and Triggs 2005) of one cell; the horizon
        is the row, as a share of the height, that parts the rows' mean luma best (Otsu 1979), and
        its strength the share of their variance that this explains.
    """
    import cv2

    y, cr, cb = cv2.split(cv2.cvtColor(bgr, cv2.COLOR_BGR2YCrCb))
    pixels, height = y.size, len(y)
    red, blue = cr.astype(np.float32) - 128, cb.astype(np.float32) - 128
    chroma, spread = cv2.meanStdDev(cv2.magnitude(red, blue))
    gx = cv2.Sobel(y, cv2.CV_32F, 1, 0, scale=1 / 8)
    gy = cv2.Sobel(y, cv2.CV_32F, 0, 1, scale=1 / 8)
    magnitude = cv2.magnitude(gx, gy)
    total = cv2.sumElems(magnitude)[0]
    shares = np.full(DIRECTIONS, 1 / DIRECTIONS)
    top = bottom = 1 / 3
    third = max(height // 3, 1)
    if total > 0:
        which = _directions(gx, gy).ravel()
        shares = np.bincount(which, magnitude.ravel(), minlength=DIRECTIONS) / total
        top = cv2.sumElems(magnitude[:third])[0] / total
        bottom = cv2.sumElems(magnitude[-third:])[0] / total
    rows = cv2.reduce(y, 1, cv2.REDUCE_SUM, dtype=cv2.CV_32S).ravel() / y.shape[1]
    row, strength = _horizon(rows)
    values = (
        int(np.count_nonzero(magnitude > EDGE)) / pixels,
        float(chroma[0, 0]),
        float(spread[0, 0]),
        cv2.sumElems(cr)[0] / pixels - 128,
        cv2.sumElems(cb)[0] / pixels - 128,
        *shares.tolist(),
        float(rows[:third].mean() - rows[-third:].mean()),
        row,
        strength,
        top,
        bottom,
    )
    # The last digits are those of the order of summation.
    return np.round(np.array(values), 5)


def _directions(gx: npt.NDArray[Any], gy: npt.NDArray[Any]) -> Pixels:
    """(H, W) 0 .. 5: the edge, which runs across the gradient, at 0, 30, .. 150 degrees.

    Rows of an image count downwards. |gx| over |gy| is the tangent of the angle to the level.
    """
    x, y = np.abs(gx), np.abs(gy)
    steps = (x >= _TAN15 * y).view(np.uint8) + (x >= y).view(np.uint8)
    steps += (x >= _TAN75 * y).view(np.uint8)  # 0 .. 3: level, 30, 60, upright
    falling = (np.signbit(gx) != np.signbit(gy)) & (steps > 0)
    np.subtract(DIRECTIONS, steps, out=steps, where=falling)
    return np.asarray(steps, np.uint8)


def _horizon(rows: Floats) -> tuple[float, float]:
    """The row that parts two means best, and the share of the variance that it explains."""
    n = len(rows)
    variance = float(rows.var())
    if n < 4 or variance < FLAT:
        return 0.5, 0.0
    above = np.arange(1, n)
    sums = np.cumsum(rows)
    mean_above = sums[:-1] / above
    mean_below = (sums[-1] - sums[:-1]) / (n - above)
    between = above * (n - above) / n**2 * (mean_above - mean_below) ** 2
    best = int(np.argmax(between))
    return (best + 1) / n, min(float(between[best]) / variance, 1.0)


def look_at_all(
    jobs: Jobs,
    usable: npt.NDArray[np.bool_],
    sizes: npt.NDArray[np.int64],
    workers: int,
    limits: Limits,
    progress: Any = None,
) -> Floats:
    """(images, len(SEEN)) of all usable pictures; NaN for the others and what cannot be decoded.

    Parameters
    ----------
    jobs : Jobs
        Where the pictures are.
    usable : numpy.ndarray
        Those that the scan decoded: no others are opened.
    sizes : numpy.ndarray
        (images,) longer side in pixels, 0 where unknown.
    workers : int
        Threads; 0 means one a CPU. The result does not depend on it.
    limits : Limits
        Bytes of a file above which it is not read.
    progress : callable, optional
        Called with (images done, images in all).
    """  # fmt: skip
    out = np.full((len(jobs), len(SEEN)), np.nan)
    rows = np.flatnonzero(usable & (jobs.rows >= 0))
    done = 0

    def part(some: npt.NDArray[np.int64]) -> None:
        nonlocal done
        for at in some.tolist():
            picture = _small(jobs, at, int(sizes[at]), limits)
            if picture is not None:
                out[at] = seen(picture)
        done += len(some)
        if progress is not None:
            progress(done, len(rows))

    parts = [rows[at : at + _PART] for at in range(0, len(rows), _PART)]
    in_threads([partial(part, some) for some in parts], min(workers or cpus(), max(len(parts), 1)))
    return out


def _small(jobs: Jobs, at: int, side: int, limits: Limits) -> Pixels | None:
    """One picture, upright and small; None where it cannot be had."""
    import cv2

    from ..scan.sources import content_of

    try:
        data = content_of(jobs.source, int(jobs.rows[at]))
        if not data or len(data) > limits.max_bytes:
            return None
        picture = cv2.imdecode(np.frombuffer(data, np.uint8), _reduced(side))
        if picture is None:
            return None
        height, width = picture.shape[:2]
        factor = SIDE / max(height, width)
        if factor < 1:
            size = (max(1, round(width * factor)), max(1, round(height * factor)))
            picture = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    except (OSError, MemoryError, cv2.error):
        return None
    return np.asarray(picture, np.uint8)


def _reduced(side: int) -> int:
    """How OpenCV decodes to no less than the side that is wanted."""
    import cv2

    flags = (
        cv2.IMREAD_COLOR,
        cv2.IMREAD_REDUCED_COLOR_2,
        cv2.IMREAD_REDUCED_COLOR_4,
        cv2.IMREAD_REDUCED_COLOR_8,
    )
    level = int(math.log2(side / SIDE)) if side > SIDE else 0
    return int(flags[min(level, 3)])
