"""One window of a picture as pixels, without any tile on disk."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import _core
from .._errors import DatasetError
from .._scalars import as_choice
from ..scan.limits import Limits
from . import others
from .jobs import as_fill, as_windows

__all__ = ["read_tile"]

_COLORS = ("bgr", "rgb", "gray")
#: Pixels of one tile in memory.
_LONGEST = 2**31 - 1


def read_tile(
    source: str | os.PathLike[str] | bytes,
    window: Any,
    *,
    color: str = "bgr",
    fill: int | tuple[int, int, int] = (114, 114, 114),
    limits: Limits | None = None,
) -> NDArray[np.uint8]:
    """Read one window of a picture, upright, equal to that part of the whole picture decoded.

    Of a JPEG only the rows and columns that the window needs are turned into pixels, and what
    follows below is not read at all: for training from tiles that were never written. (A
    progressive one has all its coefficients read.) Other formats are decoded whole.

    Parameters
    ----------
    source : path, or bytes
        A picture, or the bytes of its file.
    window : four ints
        x1, y1, x2, y2 in the upright picture, half-open. May run past its edges.
    color : {"bgr", "rgb", "gray"}
        What the pixels are.
    fill : int or three ints
        Blue, green and red of what lies outside the picture.
    limits : Limits, optional
        What is refused before it is decoded.

    Returns
    -------
    numpy.ndarray
        (y2 - y1, x2 - x1, 3) uint8; two axes when gray.

    Raises
    ------
    DatasetError
        If the picture cannot be read, or is damaged in the rows that the window needs.
    ValueError
        If the window has no pixel in common with the picture.

    Examples
    --------
    >>> import cv2, numpy as np, fastlabel as fl
    >>> image = np.arange(64 * 96, dtype=np.uint8).reshape(64, 96)
    >>> jpeg = cv2.imencode(".jpg", image)[1].tobytes()
    >>> fl.read_tile(jpeg, [64, 0, 128, 64]).shape
    (64, 64, 3)
    """
    number = _COLORS.index(as_choice(color, "color", _COLORS))
    w = as_windows(np.asarray(window)[None], "window", _LONGEST)[0]
    colour = as_fill(fill, "fill")
    limits = limits or Limits()
    if (int(w[2]) - int(w[0])) * (int(w[3]) - int(w[1])) > limits.max_pixels:
        raise ValueError(f"window: {w.tolist()} has more than {limits.max_pixels} pixels")
    if isinstance(source, (bytes, bytearray, memoryview)):
        name, data = "source", bytes(source)
    else:
        name = os.fspath(source)
        data = _read(name, limits)
    if data[:2] == b"\xff\xd8":
        return _native(name, data, w, number, colour, limits)
    return _by_opencv(name, data, w, color, colour, limits)


def _read(name: str, limits: Limits) -> bytes:
    try:
        return others.read(Path(name), limits)
    except others.Unreadable as error:
        raise DatasetError(f"{name}: {error.detail} ({error.status})") from error


def _native(
    name: str,
    data: bytes,
    window: NDArray[np.int64],
    color: int,
    fill: list[int],
    limits: Limits,
) -> NDArray[np.uint8]:
    options = {
        "fill": fill,
        "max_pixels": limits.max_pixels,
        "max_scans": limits.max_scans,
        "max_memory": limits.max_memory,
    }
    pixels, rows = _core.read_window(data, window, color, options)
    row = rows[0]
    status = _core.STATUSES[int(row["status"])]
    if status == "ok":
        return pixels
    width, height = int(row["width"]), int(row["height"])
    if int(row["orientation"]) >= 5:
        width, height = height, width
    x1, y1, x2, y2 = window.tolist()
    if width > 0 and (x1 >= width or y1 >= height or x2 <= 0 or y2 <= 0):
        raise ValueError(
            f"window: got {window.tolist()}, expected one that touches the picture of "
            f"{width} x {height}"
        )
    detail = row["detail"].decode("utf-8", "replace")
    raise DatasetError(f"{name}: {detail} ({status})")


def _by_opencv(
    name: str,
    data: bytes,
    window: NDArray[np.int64],
    color: str,
    fill: list[int],
    limits: Limits,
) -> NDArray[np.uint8]:
    try:
        picture = others.decode(data, limits, gray=color == "gray")
    except others.Unreadable as error:
        raise DatasetError(f"{name}: {error.detail} ({error.status})") from error
    tile = others.slice_window(picture, window.tolist(), fill)
    if tile is None:
        height, width = picture.shape[:2]
        raise ValueError(
            f"window: got {window.tolist()}, expected one that touches the picture of "
            f"{width} x {height}"
        )
    return np.ascontiguousarray(tile[:, :, ::-1]) if color == "rgb" else tile
