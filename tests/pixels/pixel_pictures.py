"""Pictures of every size, channel count and stride, for Hypothesis."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

__all__ = ["gray_of", "pictures", "strided"]


@st.composite
def pictures(draw, channels=(0, 1, 3, 4), side=70):
    """(H, W) or (H, W, C), often a cut-out, reversed, transposed or planar view."""
    count = draw(st.sampled_from(channels))
    height, width = draw(st.integers(1, side)), draw(st.integers(1, side))
    shape = (height, width, count) if count else (height, width)
    seed = draw(st.integers(0, 2**32 - 1))
    kind = draw(st.sampled_from(["noise", "smooth", "extremes"]))
    rng = np.random.default_rng(seed)
    if kind == "noise":
        picture = rng.integers(0, 256, shape, np.uint8)
    elif kind == "extremes":
        picture = rng.choice(np.array([0, 255], np.uint8), shape)
    else:
        picture = draw(arrays(np.uint8, shape))
    return draw(strided(picture))


@st.composite
def strided(draw, picture):
    """The same pixels lying otherwise in memory."""
    way = draw(st.sampled_from(["as is", "cut out", "steps", "flipped", "planar", "transposed"]))
    height, width = picture.shape[:2]
    if way == "cut out":
        whole = np.zeros((height + 5, width + 7, *picture.shape[2:]), np.uint8)
        view = whole[2 : 2 + height, 3 : 3 + width]
    elif way == "steps":
        whole = np.zeros((2 * height, 3 * width, *picture.shape[2:]), np.uint8)
        view = whole[::2, 1::3]
    elif way == "flipped":
        view = np.zeros(picture.shape, np.uint8)[::-1, ::-1]
        view = view[..., ::-1] if picture.ndim == 3 else view
    elif way == "planar" and picture.ndim == 3:
        view = np.zeros((picture.shape[2], height, width), np.uint8).transpose(1, 2, 0)
    elif way == "transposed":
        view = np.zeros((width, height, *picture.shape[2:]), np.uint8).swapaxes(0, 1)
    else:
        return picture
    view[...] = picture
    return view


def gray_of(picture, order="bgr"):
    """Luma by OpenCV."""
    import cv2

    if picture.ndim == 2:
        return picture.copy()
    if picture.shape[2] == 1:
        return picture[..., 0].copy()
    code = cv2.COLOR_BGR2GRAY if order == "bgr" else cv2.COLOR_RGB2GRAY
    return cv2.cvtColor(np.ascontiguousarray(picture[..., :3]), code)
