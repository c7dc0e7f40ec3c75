"""What a box's profile is, written out with NumPy from the words of the C header."""

from __future__ import annotations

import math

import numpy as np

BINS, INSIDE, BEFORE = 24, 16, 4
OUTSIDE = 15


def spans(low: int, high: int) -> list[tuple[int, int]]:
    """First and last-plus-one pixel of each strip of a side."""
    at = [low + math.floor((b - BEFORE) * (high - low) / INSIDE) for b in range(BINS + 1)]
    return [(at[b], max(at[b + 1], at[b] + 1)) for b in range(BINS)]


def _mean(values: np.ndarray, unit: int) -> int:
    total, n = unit * int(values.sum()), values.size
    return (2 * total + n) // (2 * n)


def _codes(values: list[int | None]) -> list[int]:
    """0 to 14 from the least to the greatest; 15 for a strip that is not there."""
    seen = [v for v in values if v is not None]
    low = min(seen, default=0)
    span = max(max(seen, default=0) - low, 8)
    return [OUTSIDE if v is None else (28 * (v - low) + span) // (2 * span) for v in values]


def codes(luma: np.ndarray, box: tuple[float, float, float, float]) -> np.ndarray | None:
    """(4, 24) numbers from 0 to 15, or None where the box has no profile."""
    height, width = luma.shape
    if not np.isfinite(box).all() or box[2] <= box[0] or box[3] <= box[1]:
        return None
    x0, y0 = (math.floor(min(max(v, 0), m)) for v, m in zip(box[:2], (width, height), strict=True))
    x1, y1 = (math.ceil(min(max(v, 0), m)) for v, m in zip(box[2:], (width, height), strict=True))
    if x1 - x0 < 8 or y1 - y0 < 8:
        return None
    wide = np.pad(luma.astype(np.int64), 1, "reflect")
    across = np.abs(wide[1:-1, 2:] - wide[1:-1, :-2])
    down = np.abs(wide[2:, 1:-1] - wide[:-2, 1:-1])
    step = max(1, (y1 - y0) // 16)
    sampled = np.arange(y0, y1, step)
    out: list[list[int | None]] = [[None] * BINS for _ in range(4)]
    for b, (begin, end) in enumerate(spans(x0, x1)):
        if begin >= 0 and end <= width:
            out[0][b] = _mean(luma[sampled, begin:end].astype(np.int64), 1)
            out[1][b] = _mean(across[sampled, begin:end], 4)
    strips = spans(y0, y1)
    for b, (begin, end) in enumerate(strips):
        rows = np.array([y for y in range(begin, end) if (y - strips[0][0]) % step == 0])
        if begin >= 0 and end <= height and len(rows):
            out[2][b] = _mean(luma[rows, x0:x1].astype(np.int64), 1)
            out[3][b] = _mean(down[rows, x0:x1], 4)
    return np.array([_codes(row) for row in out], np.uint8)


def profile(luma: np.ndarray, box: tuple[float, float, float, float]) -> np.ndarray | None:
    """(48,) uint8: two strips a byte, the first in the low four bits."""
    found = codes(luma, box)
    return None if found is None else (found[:, ::2] | found[:, 1::2] << 4).reshape(-1)
