"""PNG, WebP, BMP, TIFF and GIF: decoded by OpenCV, measured by the native engine."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import _core
from ..source import Span
from .columns import Rows, say
from .limits import Limits, rings_asked

__all__ = ["measure"]

_CUT = "the file ends before the picture does"


def measure(
    source: bytes | Span,
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
        data = _read(source, limits) if isinstance(source, Span) else source
        name = _core.FORMATS[int(row["format"][0])]
        cut = _is_cut(data, name)
        if cut and name == "png":  # libpng would say so aloud, and give nothing
            say(row, "truncated", _CUT)
            return
        luma = _luma(data, name)
    except OSError as error:
        missing = isinstance(error, FileNotFoundError)
        say(row, "missing" if missing else "unreadable", error.strerror or str(error))
        return
    except MemoryError:
        say(row, "over_limit", "not enough memory to decode it")
        return
    if luma is None:
        say(row, "unreadable", f"OpenCV cannot decode this {name}")
        return
    if luma.size > limits.max_pixels:  # the header said otherwise
        say(
            row,
            "over_limit",
            f"{luma.shape[1]} x {luma.shape[0]} pixels, more than its header says",
        )
        return
    say(row, "truncated" if cut else "ok", _CUT if cut else "")
    row["height"], row["width"] = luma.shape
    turned = bool(row["turned"][0])
    stats, measured = _core.measure_luma(
        luma, boxes, int(row["orientation"][0]), turned, rings_asked(limits)
    )
    row["stats"] = stats
    row["measured"] = 1
    box_rows[:] = measured


def _read(span: Span, limits: Limits) -> bytes:
    with open(span.path, "rb") as file:  # noqa: PTH123  the path is bytes
        if span.offset:
            file.seek(span.offset)
        data = file.read(limits.max_bytes + 1 if span.length < 0 else span.length)
    if len(data) > limits.max_bytes:
        raise MemoryError
    return data


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
