"""Sources and tiles of other formats than JPEG: decoded and written by OpenCV."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import _core
from ..scan.limits import Limits
from .jobs import CutJob, CutOutcome

__all__ = ["JPEG_SUFFIXES", "Settings", "cut", "decode", "failed", "slice_window"]

JPEG_SUFFIXES = frozenset({".jpg", ".jpeg", ".jpe", ".jfif"})
#: Formats that keep the pixels as they are.
_EXACT = frozenset({".png", ".bmp", ".tif", ".tiff"})

Pixels = NDArray[Any]


@dataclass(frozen=True)
class Settings:
    """How to cut, the same for all pictures."""

    quality: int
    lossless: bool
    fill: list[int]
    limits: Limits


class Unreadable(Exception):
    """A picture that cannot be decoded: a status of the scan, and why."""

    def __init__(self, status: str, detail: str) -> None:
        super().__init__(detail)
        self.status, self.detail = status, detail


def failed(job: CutJob, status: str, detail: str) -> CutOutcome:
    """The outcome of a picture that was not cut."""
    n = len(job.windows)
    return CutOutcome(status, detail, ["failed"] * n, [detail] * n, job.windows.copy())


def cut(job: CutJob, settings: Settings) -> CutOutcome:
    """Cut one picture with OpenCV."""
    try:
        data = read(job.path, settings.limits)
        picture = decode(data, settings.limits, as_stored=True)
    except Unreadable as error:
        return failed(job, error.status, error.detail)
    modes, reasons = [], []
    for window, output in zip(job.windows.tolist(), job.outputs, strict=True):
        tile = slice_window(picture, window, settings.fill)
        if tile is None:
            modes.append("failed")
            reasons.append("the window lies outside the picture")
            continue
        exact = output.suffix.lower() in _EXACT
        _write(output, tile, settings.quality)
        modes.append("lossless" if exact else "reencoded")
        wanted = settings.lossless and not exact
        reasons.append("the source has no JPEG coefficients" if wanted else "")
    return CutOutcome("ok", "", modes, reasons, job.windows.copy())


def read(path: Path, limits: Limits) -> bytes:
    """The bytes of a file, or why not."""
    try:
        with path.open("rb") as file:
            data = file.read(limits.max_bytes + 1)
    except FileNotFoundError as error:
        raise Unreadable("missing", error.strerror or str(error)) from error
    except (OSError, ValueError) as error:
        raise Unreadable("unreadable", getattr(error, "strerror", None) or str(error)) from error
    if len(data) > limits.max_bytes:
        raise Unreadable("over_limit", f"more than {limits.max_bytes} bytes")
    return data


def decode(data: bytes, limits: Limits, *, as_stored: bool = False, gray: bool = False) -> Pixels:
    """The upright picture: BGR or gray; `as_stored` keeps 16 bits, gray and alpha as they are."""
    import cv2

    name, width, height, orientation = _header(data)
    if width > 0 and height > 0 and width * height > limits.max_pixels:
        raise Unreadable(
            "over_limit", f"{width} x {height} pixels, the limit is {limits.max_pixels}"
        )
    flags = cv2.IMREAD_GRAYSCALE if gray else cv2.IMREAD_COLOR
    if as_stored and name != "jpeg" and orientation == 1:
        flags = cv2.IMREAD_UNCHANGED
    try:
        picture: Any = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    except (cv2.error, MemoryError) as error:
        raise Unreadable("unreadable", f"OpenCV cannot decode this {name or 'file'}") from error
    if picture is None or picture.size == 0:
        raise Unreadable("unreadable", f"OpenCV cannot decode this {name or 'file'}")
    if picture.shape[0] * picture.shape[1] > limits.max_pixels:
        raise Unreadable("over_limit", "more pixels than its header says")
    return np.asarray(picture)


def _header(data: bytes) -> tuple[str, int, int, int]:
    found = _core.sniff_bytes(data)
    return found[0], found[1], found[2], found[3]


def slice_window(picture: Pixels, window: list[int], fill: list[int]) -> Pixels | None:
    """The window of an upright picture, padded; None where they have no pixel in common."""
    x1, y1, x2, y2 = window
    height, width = picture.shape[:2]
    left, top, right, bottom = max(x1, 0), max(y1, 0), min(x2, width), min(y2, height)
    if left >= right or top >= bottom:
        return None
    if (left, top, right, bottom) == (x1, y1, x2, y2):
        return np.ascontiguousarray(picture[y1:y2, x1:x2])
    tile = np.empty((y2 - y1, x2 - x1, *picture.shape[2:]), picture.dtype)
    tile[:] = _fill_of(picture, fill)
    tile[top - y1 : bottom - y1, left - x1 : right - x1] = picture[top:bottom, left:right]
    return tile


def _fill_of(picture: Pixels, fill: list[int]) -> Pixels:
    """The fill colour in the picture's own channels and depth."""
    blue, green, red = fill
    scale = 257 if picture.dtype == np.uint16 else 1
    if picture.ndim == 2:
        luma = (19595 * red + 38470 * green + 7471 * blue + 32768) >> 16
        return np.asarray(luma * scale, picture.dtype)
    colour = [blue, green, red, 255][: picture.shape[2]]
    return np.asarray([part * scale for part in colour], picture.dtype)


def _write(output: Path, tile: Pixels, quality: int) -> None:
    """Write one tile, whole or not at all."""
    import cv2

    suffix = output.suffix.lower()
    options: list[int] = []
    if suffix in JPEG_SUFFIXES:
        options = [cv2.IMWRITE_JPEG_QUALITY, quality]
        suffix = ".jpg"
        tile = _for_jpeg(tile)
    elif suffix == ".webp":
        options = [cv2.IMWRITE_WEBP_QUALITY, quality]
        tile = _for_jpeg(tile)
    try:
        fine, data = cv2.imencode(suffix, tile, options)
    except cv2.error as error:
        raise ValueError(f"outputs: {output}: OpenCV writes no such format") from error
    if not fine:
        raise ValueError(f"outputs: {output}: OpenCV cannot write this tile")
    try:
        output.write_bytes(data.tobytes())
    except OSError:
        output.unlink(missing_ok=True)
        raise


def _for_jpeg(tile: Pixels) -> Pixels:
    """8 bits, and no alpha."""
    if tile.dtype == np.uint16:
        tile = (tile // 257).astype(np.uint8)
    elif tile.dtype != np.uint8:
        tile = np.clip(tile, 0, 255).astype(np.uint8)
    if tile.ndim == 3 and tile.shape[2] == 4:
        tile = tile[:, :, :3]
    return np.ascontiguousarray(tile)
