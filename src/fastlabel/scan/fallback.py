"""PNG, WebP, BMP, TIFF and GIF: decoded by OpenCV, measured by the native engine."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import _core
from .columns import Rows
from .limits import Limits

__all__ = ["measure"]

_OK, _TRUNCATED, _UNREADABLE, _OVER_LIMIT, _MISSING = (
    _core.STATUSES.index(s) for s in ("ok", "truncated", "unreadable", "over_limit", "missing")
)

_CUT = "the file ends before the picture does"


def measure(
    source: bytes,
    in_memory: bool,
    boxes: NDArray[np.float64],
    row: Rows,
    box_rows: Rows,
    limits: Limits,
) -> None:
    """Decode one file and write its statistics into its rows, in place.

    ``row`` is a view of one structured row that the native scan has begun: format, size and
    hash are there, the status says that a decoder is needed.
    """
    try:
        data = source if in_memory else _read(source, limits)
        name = _core.FORMATS[int(row["format"][0])]
        cut = _is_cut(data, name)
        if cut and name == "png":  # libpng would say so aloud, and give nothing
            _say(row, _TRUNCATED, _CUT)
            return
        luma = _luma(data, name)
    except OSError as error:
        missing = isinstance(error, FileNotFoundError)
        _say(row, _MISSING if missing else _UNREADABLE, error.strerror or str(error))
        return
    except MemoryError:
        _say(row, _OVER_LIMIT, "not enough memory to decode it")
        return
    if luma is None:
        _say(row, _UNREADABLE, f"OpenCV cannot decode this {name}")
        return
    if luma.size > limits.max_pixels:  # the header said otherwise
        _say(
            row, _OVER_LIMIT, f"{luma.shape[1]} x {luma.shape[0]} pixels, more than its header says"
        )
        return
    _say(row, _TRUNCATED if cut else _OK, _CUT if cut else "")
    row["height"], row["width"] = luma.shape
    turned = bool(row["turned"][0])
    stats, measured = _core.measure_luma(luma, boxes, int(row["orientation"][0]), turned)
    row["stats"] = stats
    row["measured"] = 1
    box_rows[:] = measured


def _read(path: bytes, limits: Limits) -> bytes:
    with Path(path.decode("utf-8", "surrogateescape")).open("rb") as file:
        data = file.read(limits.max_bytes + 1)
    if len(data) > limits.max_bytes:
        raise MemoryError
    return data


def _say(row: Rows, status: int, detail: str) -> None:
    row["status"] = status
    row["detail"] = detail.encode("utf-8", "replace")[:120]


def _luma(data: bytes | memoryview, name: str) -> NDArray[np.uint8] | None:
    """8-bit luma of the stored raster, as ``cv2.imread(path, cv2.IMREAD_GRAYSCALE)`` has it."""
    import cv2

    if name == "png":
        data = _without_profile(bytes(data))
    flags = cv2.IMREAD_GRAYSCALE | cv2.IMREAD_IGNORE_ORIENTATION
    try:
        image: Any = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    except cv2.error:
        return None
    if image is None or image.ndim != 2 or image.dtype != np.uint8 or image.size == 0:
        return None
    return np.ascontiguousarray(image)


def _without_profile(data: bytes) -> bytes:
    """Drop the colour profile: OpenCV makes no use of it, and libpng complains of it aloud."""
    at = 8
    while at + 8 <= len(data):
        (length,) = struct.unpack_from(">I", data, at)
        kind = data[at + 4 : at + 8]
        if kind == b"iCCP":
            return data[:at] + data[at + 12 + length :]
        if kind == b"IDAT":
            break
        at += 12 + length
    return data


def _is_cut(data: bytes | memoryview, name: str) -> bool:
    """Whether the container says that more bytes should follow."""
    data = bytes(data)
    if name == "png":
        return b"IEND" not in data[-4096:] and b"IEND" not in data
    if name == "webp":
        return len(data) < 8 + int(struct.unpack_from("<I", data, 4)[0])
    if name == "gif":
        return not data.rstrip(b"\0").endswith(b";")
    if name == "bmp":
        return len(data) < int(struct.unpack_from("<I", data, 2)[0])
    return False
