"""Boxes for the tests of this folder, and torchvision's formulas in NumPy."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp


def formula_area(b: np.ndarray) -> np.ndarray:
    return (b[:, 2] - b[:, 0]) * (b[:, 3] - b[:, 1])


def _parts(a: np.ndarray, b: np.ndarray):
    low = np.maximum(a[:, None, :2], b[None, :, :2])
    high = np.minimum(a[:, None, 2:], b[None, :, 2:])
    side = np.clip(high - low, 0, None)
    inter = side[..., 0] * side[..., 1]
    hull = np.maximum(a[:, None, 2:], b[None, :, 2:]) - np.minimum(a[:, None, :2], b[None, :, :2])
    return inter, formula_area(a)[:, None] + formula_area(b)[None] - inter, hull


def formula(metric: str, a: np.ndarray, b: np.ndarray, eps: float = 1e-7) -> np.ndarray:
    """torchvision's formula, in the boxes' dtype."""
    inter, union, hull = _parts(a, b)
    iou = inter / union
    if metric == "iou":
        return iou
    if metric == "ioa":
        return inter / formula_area(a)[:, None]
    if metric == "ios":
        return inter / np.minimum(formula_area(a)[:, None], formula_area(b)[None])
    if metric == "giou":
        whole = hull[..., 0] * hull[..., 1]
        return iou - (whole - union) / whole
    eps = a.dtype.type(eps)
    diagonal = hull[..., 0] ** 2 + hull[..., 1] ** 2 + eps
    centre_a = (a[:, :2] + a[:, 2:]) / 2
    centre_b = (b[:, :2] + b[:, 2:]) / 2
    apart = centre_a[:, None] - centre_b[None]
    diou = iou - (apart[..., 0] ** 2 + apart[..., 1] ** 2) / diagonal
    if metric == "diou":
        return diou
    angle = [np.arctan((x[:, 2] - x[:, 0]) / (x[:, 3] - x[:, 1])) for x in (a, b)]
    v = a.dtype.type(4 / np.pi**2) * (angle[1][None] - angle[0][:, None]) ** 2
    return diou - v / (1 - iou + v + eps) * v


def random_boxes(n: int, seed: int, extent: float = 100, dtype=np.float64) -> np.ndarray:
    rng = np.random.default_rng(seed)
    corner = rng.uniform(0, extent, (n, 2))
    return np.concatenate([corner, corner + rng.uniform(1, extent / 3, (n, 2))], 1).astype(dtype)


dtypes = st.sampled_from([np.float32, np.float64])


@st.composite
def sound_boxes(draw, dtype, most: int = 40):
    """(N, 4) with positive sizes, in one of several layouts of memory."""
    n = draw(st.integers(0, most))
    values = hnp.arrays(np.int16, (n, 4), elements=st.integers(-1000, 1000))
    raw = draw(values).astype(dtype) / 8
    raw[:, 2:] = raw[:, :2] + np.abs(raw[:, 2:]) + 0.125
    return draw(st.sampled_from(LAYOUTS))(raw)


def _gaps(x):
    wide = np.zeros((len(x) * 2, 9), x.dtype)
    wide[::2, 1::2] = x
    return wide[::2, 1::2]


def _unaligned(x):
    raw = np.zeros(x.nbytes + 1, np.uint8)
    view = raw[1:].view(x.dtype).reshape(x.shape)
    view[...] = x
    return view


#: The same numbers, otherwise in memory.
LAYOUTS = (
    lambda x: x,
    lambda x: np.asfortranarray(x),
    lambda x: np.ascontiguousarray(x[::-1])[::-1],
    _gaps,
    _unaligned,
)
