"""Pictures and camera frames as the native engine takes them, and the windows of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .._arrays import to_numpy
from .._scalars import as_choice, as_switch, as_whole
from ._inputs import as_image, channels_of

__all__ = ["FORMATS", "Sources", "View", "sources_of"]

Image = NDArray[np.uint8]

#: In the order of fl_frame_format.
FORMATS = ("gray", "rgb", "bgr", "nv12", "nv21", "yuyv")
#: Of pixels side by side; the others are YUV.
_PACKED = FORMATS[:3]
_SHARED = ("nv12", "nv21")
_MATRICES = ("bt601", "bt709")


class View(NamedTuple):
    """A window of a frame: where it begins, and its size."""

    x: int
    y: int
    width: int
    height: int


@dataclass(frozen=True)
class Sources:
    """What is to be made into inputs.

    ``given`` is for the native engine: arrays, or, where ``yuv``, frames as tuples; ``order``
    the fl_channels of arrays.
    """

    given: list[Any]
    arrays: list[Image]
    views: list[View]
    channels: int
    yuv: bool
    order: int
    single: bool


def sources_of(img: Any, format: str | None, window: Any, matrix: str, full_range: bool) -> Sources:
    """Check pictures, their format and windows; one source for each input."""
    if format is not None:
        as_choice(format, "format", FORMATS)
    number = _MATRICES.index(as_choice(matrix, "matrix", _MATRICES))
    full = as_switch(full_range, "full_range")
    pair = format in _SHARED and isinstance(img, tuple)
    single = pair or not isinstance(img, (list, tuple))
    frames = [img] if single else list(img)
    if not frames:
        raise ValueError("img: got no pictures, expected at least one")
    names = ["img"] if single else [f"img[{k}]" for k in range(len(frames))]
    windows, several = _windows(window, len(frames), single)
    if several:
        frames, names, single = frames * len(windows), names * len(windows), False
    if format is None or format in _PACKED:
        return _pictures(frames, names, format, windows, single)
    planes = [_planes(frame, format, name) for frame, name in zip(frames, names, strict=True)]
    views = [
        _view(w, *_size(p[0], format), name)
        for w, p, name in zip(windows, planes, names, strict=True)
    ]
    given = [
        (FORMATS.index(format), number, int(full), *_size(p[0], format), p, tuple(view))
        for p, view in zip(planes, views, strict=True)
    ]
    arrays = [plane for p in planes for plane in p]
    return Sources(given, arrays, views, 3, True, 0, single)


def _pictures(
    frames: list[Any], names: list[str], format: str | None, windows: list[Any], single: bool
) -> Sources:
    pictures = [as_image(frame, name) for frame, name in zip(frames, names, strict=True)]
    channels = channels_of(pictures[0])
    for picture, name in zip(pictures, names, strict=True):
        if channels_of(picture) != channels:
            raise ValueError(
                f"{name}: got {channels_of(picture)} channels, expected {channels} as in img[0]"
            )
    if format is not None and (format == "gray") != (channels == 1):
        raise ValueError(f"format: got {format!r}, and the pictures have {channels} channels")
    views = [
        _view(w, p.shape[1], p.shape[0], name)
        for w, p, name in zip(windows, pictures, names, strict=True)
    ]
    cut = [
        p[v.y : v.y + v.height, v.x : v.x + v.width] for p, v in zip(pictures, views, strict=True)
    ]
    order = {1: 0, 3: 1, 4: 3}[channels] + (format == "rgb")  # gray, BGR or RGB, BGRA or RGBA
    return Sources(list(cut), cut, views, channels, False, order, single)


def _planes(frame: Any, format: str, name: str) -> list[Image]:
    """The planes of a YUV frame, bytes side by side in their rows."""
    if format == "yuyv":
        array = _bytes(frame, name)
        if array.ndim == 3 and array.shape[2] == 2:
            array = _flat(array, name)
        if array.ndim != 2 or array.shape[1] % 4 or 0 in array.shape:
            raise ValueError(
                f"{name}: got shape {array.shape}, expected (height, width, 2) or (height, "
                "2 * width) with an even width, as yuyv has"
            )
        return [_packed(array, name)]
    if isinstance(frame, (tuple, list)):
        if len(frame) != 2:
            raise ValueError(f"{name}: got {len(frame)} planes, expected 2, as {format} has")
        luma, colour = _bytes(frame[0], f"{name}: Y"), _bytes(frame[1], f"{name}: UV")
        if colour.ndim == 3 and colour.shape[2] == 2:
            colour = _flat(colour, f"{name}: UV")
    else:
        whole = _bytes(frame, name)
        if whole.ndim != 2 or whole.shape[0] % 3 or whole.shape[1] % 2 or 0 in whole.shape:
            raise ValueError(
                f"{name}: got shape {whole.shape}, expected (height * 3 / 2, width) with even "
                f"height and width, or a tuple of two planes, as {format} has"
            )
        rows = whole.shape[0] // 3 * 2
        luma, colour = whole[:rows], whole[rows:]
    if luma.ndim != 2 or luma.shape[0] % 2 or luma.shape[1] % 2 or 0 in luma.shape:
        raise ValueError(
            f"{name}: got Y of shape {luma.shape}, expected (height, width), both even"
        )
    half = (luma.shape[0] // 2, luma.shape[1])
    if colour.shape != half:
        raise ValueError(f"{name}: got UV of shape {colour.shape}, expected {half}")
    return [_packed(luma, f"{name}: Y"), _packed(colour, f"{name}: UV")]


def _bytes(value: Any, name: str) -> Image:
    array = to_numpy(value, name)
    if array.dtype != np.uint8:
        raise TypeError(f"{name}: got dtype {array.dtype}, expected uint8")
    return array


def _flat(array: Image, name: str) -> Image:
    """(rows, pixels, 2) as (rows, bytes), of the same memory."""
    if array.shape[1] > 0 and array.strides[1:] != (2, 1):
        raise ValueError(
            f"{name}: got strides {array.strides}, expected the bytes of a row side by side"
        )
    shape = (array.shape[0], 2 * array.shape[1])
    return np.lib.stride_tricks.as_strided(array, shape, (array.strides[0], 1), writeable=False)


def _packed(array: Image, name: str) -> Image:
    rows, width = array.shape
    if array.strides[1] != 1 and width > 1:
        raise ValueError(
            f"{name}: got strides {array.strides}, expected the bytes of a row side by side"
        )
    if rows > 1 and abs(array.strides[0]) < width:
        raise ValueError(
            f"{name}: got strides {array.strides}, expected a stride of rows of at least a row, "
            f"{width}"
        )
    return array


def _size(plane: Image, format: str) -> tuple[int, int]:
    height, width = plane.shape
    return (width // 2 if format == "yuyv" else width), height


def _windows(window: Any, n: int, single: bool) -> tuple[list[Any], bool]:
    """A window, or None, for each frame; and whether it is one frame with several."""
    if window is None:
        return [None] * n, False
    array = np.asarray(window)
    if array.ndim not in (1, 2) or array.shape[-1:] != (4,) or array.dtype.kind not in "iuf":
        raise ValueError(
            f"window: got {'shape ' + str(array.shape) if array.ndim else repr(window)}, expected "
            "x1, y1, x2, y2, or one such row a picture"
        )
    if array.dtype.kind == "f" and not np.array_equal(array, np.rint(array)):
        raise ValueError("window: got parts of pixels, expected whole numbers")
    if array.ndim == 1:
        return [array.tolist()] * n, False
    rows = array.tolist()
    if single and rows:
        return rows, True
    if len(rows) != n:
        raise ValueError(f"window: got {len(rows)} windows, expected {n}, one a picture")
    return rows, False


def _view(window: list[Any] | None, width: int, height: int, name: str) -> View:
    if window is None:
        return View(0, 0, width, height)
    x1, y1, x2, y2 = (as_whole(int(side), "window", "whole numbers") for side in window)
    if not (0 <= x1 < x2 <= width and 0 <= y1 < y2 <= height):
        raise ValueError(
            f"window: got {[x1, y1, x2, y2]}, expected one with pixels inside {name}, which is "
            f"{width} x {height}"
        )
    return View(x1, y1, x2 - x1, y2 - y1)
