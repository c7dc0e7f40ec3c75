"""Rows of the benchmark table: camera frames to a network's input."""

from __future__ import annotations

from functools import partial
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .row import Peer, Row

__all__ = ["ROWS"]

_WIDTH, _HEIGHT = 1920, 1080
_NV12, _BGR = 3, 2  # fl_frame_format
_GREY = (114, 114, 114)

Image = NDArray[np.uint8]


def _opencv() -> Any:
    """OpenCV on one thread, as we are."""
    cv2: Any = import_module("cv2")
    cv2.setNumThreads(1)
    return cv2


def _make(form: int, side: int) -> tuple[Any, ...]:
    """A slope with noise, as the camera gives it; the input's side; room for two of it."""
    rng = np.random.default_rng(1)
    shape = (_HEIGHT * 3 // 2, _WIDTH) if form == _NV12 else (_HEIGHT, _WIDTH, 3)
    slope = np.linspace(20, 200, _WIDTH).reshape(1, _WIDTH, *([1] * (len(shape) - 2)))
    frame = np.clip(slope + rng.normal(0, 20, shape), 0, 255).astype(np.uint8)
    out = np.empty((1, 3, side, side), np.int8)
    return frame, side, out, np.empty_like(out)


def _ours(form: int, frame: Image, side: int, out: Any, scratch: Any) -> Any:
    from .. import _core

    if form == _NV12:
        planes = [frame[:_HEIGHT], frame[_HEIGHT:]]
    else:
        planes = [frame.reshape(_HEIGHT, 3 * _WIDTH)]
    options = {
        "interpolation": 0, "layout": 0, "swap_rb": 0, "center": 1, "scale_up": 1, "stretch": 0,
        "quantize": 1, "zero_point": -128, "width": side, "height": side, "scale": 1 / 255,
        "quant_scale": 1 / 255, "color": [114] * 4, "mean": [0.0] * 4, "std": [1.0] * 4,
        "channels": 0, "order": 2,
    }  # fmt: skip
    given = (form, 0, 0, _WIDTH, _HEIGHT, planes, (0, 0, 0, 0))
    _core.letterbox_frames([given], options, out)
    return out


def _padded(form: int, frame: Image, side: int) -> Any:
    """Colour, size and border, one call after another."""
    cv2 = _opencv()
    code = cv2.COLOR_YUV2RGB_NV12 if form == _NV12 else cv2.COLOR_BGR2RGB
    height = round(_HEIGHT * side / _WIDTH)
    small = cv2.resize(cv2.cvtColor(frame, code), (side, height))
    top = (side - height) // 2
    bottom = side - height - top
    return cv2.copyMakeBorder(small, top, bottom, 0, 0, cv2.BORDER_CONSTANT, value=_GREY)


def _separate(form: int, frame: Image, side: int, out: Any, scratch: Any) -> Any:
    """The usual lines: the blob of OpenCV, quantised by NumPy."""
    blob = _opencv().dnn.blobFromImage(_padded(form, frame, side), 1 / 255, (side, side))
    return np.clip(np.rint(blob * np.float32(255)) - 128, -128, 127).astype(np.int8)


def _by_table(form: int, frame: Image, side: int, out: Any, scratch: Any) -> Any:
    """The quickest found with OpenCV alone: smallest first, a table, then planes."""
    cv2 = _opencv()
    if form == _NV12:
        padded = _padded(form, frame, side)
    else:  # the order of the colours is left to the end
        height = round(_HEIGHT * side / _WIDTH)
        top = (side - height) // 2
        bottom = side - height - top
        small = cv2.resize(frame, (side, height))
        padded = cv2.copyMakeBorder(small, top, bottom, 0, 0, cv2.BORDER_CONSTANT, value=_GREY)
    table = (np.arange(256) - 128).astype(np.uint8)
    planes = cv2.split(cv2.LUT(padded, table))
    for channel, plane in enumerate(planes if form == _NV12 else planes[::-1]):
        scratch[0, channel] = plane.view(np.int8)
    return scratch


def _agree(ours: Any, theirs: Any) -> None:
    assert np.array_equal(ours, theirs)


def _row(form: int, name: str, side: int, promised: float | None) -> Row:
    return Row(
        name=f"letterbox-{name}-{side}",
        title=f"letterbox 1080p {name.upper()} -> {side} x {side} int8 NCHW",
        make=partial(_make, form, side),
        run=partial(_ours, form),
        peers=(
            Peer(
                "cv2.cvtColor, resize, copyMakeBorder, blobFromImage + NumPy",
                ("cv2",),
                partial(_separate, form),
                promised=promised,
            ),
            Peer("cv2 alone: resize, border, LUT, split", ("cv2",), partial(_by_table, form)),
        ),
        agree=_agree,
    )


ROWS: tuple[Row, ...] = (
    _row(_NV12, "nv12", 640, 3.0),
    _row(_BGR, "bgr", 640, 3.0),
    _row(_NV12, "nv12", 416, None),
    _row(_BGR, "bgr", 416, None),
)
