"""Arguments of what makes a network's input."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._arrays import to_numpy
from .._scalars import as_number, as_whole

__all__ = [
    "as_color",
    "as_dtype",
    "as_image",
    "as_quantize",
    "as_scale",
    "as_size",
    "as_workers",
    "channels_of",
    "index",
    "per_channel",
    "several",
    "too_large",
]

Image = NDArray[np.uint8]
_SIDE_LIMIT = 2**31 - 1
_BYTES_LIMIT = 2**63 - 1
_FLOAT32_LIMIT = float(np.finfo(np.float32).max)
_KINDS = tuple(np.dtype(kind) for kind in (np.float32, np.float16, np.uint8, np.int8))


def as_image(value: Any, name: str) -> Image:
    array = to_numpy(value, name)
    if array.dtype != np.uint8:
        raise TypeError(f"{name}: got dtype {array.dtype}, expected uint8")
    if array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] not in (1, 3, 4)):
        raise ValueError(
            f"{name}: got shape {array.shape}, expected (height, width) or (height, width, "
            "channels) with 1, 3 or 4 channels"
        )
    if array.size == 0:
        raise ValueError(f"{name}: got shape {array.shape}, expected at least one pixel")
    if array.shape[1] * channels_of(array) > _SIDE_LIMIT or array.shape[0] > _SIDE_LIMIT:
        raise ValueError(f"{name}: got shape {array.shape}, expected sides below 2^31")
    return array


def too_large(array: Image) -> ValueError:
    return ValueError(
        f"img: got shape {array.shape}, expected a height that, over its greatest common divisor "
        "with the result's, is at most 2^24"
    )


def channels_of(array: Image) -> int:
    return array.shape[2] if array.ndim == 3 else 1


def several(value: Any) -> bool:
    """Whether an argument is one number a channel or side, and not one number for all."""
    if isinstance(value, np.ma.MaskedArray):
        return False  # and no number either
    return isinstance(value, (tuple, list)) or (isinstance(value, np.ndarray) and value.ndim > 0)


def as_size(size: Any, unit: int) -> tuple[int, int]:
    """(width, height), whose product times `unit` bytes is a size that can be counted."""
    pair = list(size) if several(size) else (size, size)
    if len(pair) != 2:
        raise ValueError(f"size: got {size!r}, expected (width, height)")
    width, height = (as_whole(side, "size", "a whole number") for side in pair)
    if not (1 <= width <= _SIDE_LIMIT // 4 and 1 <= height <= _SIDE_LIMIT):
        raise ValueError(f"size: got {(width, height)}, expected sides of 1 to 2^29 pixels")
    if width * height * unit > _BYTES_LIMIT:
        raise ValueError(f"size: got {(width, height)}, whose bytes do not fit 63 bits")
    return width, height


def as_dtype(dtype: Any) -> np.dtype[Any]:
    try:
        kind: np.dtype[Any] = np.dtype(dtype)
    except (TypeError, ValueError):
        kind = np.dtype(object)
    if kind not in _KINDS:
        raise TypeError(f"dtype: got {dtype!r}, expected float32, float16, uint8 or int8")
    return kind


def index(value: Any, names: tuple[str, ...], name: str) -> int:
    if not isinstance(value, str) or value not in names:
        expected = " or ".join(repr(n) for n in names)
        raise ValueError(f"{name}: got {value!r}, expected {expected}")
    return names.index(value)


def as_color(color: Any, channels: int) -> list[int]:
    if type(color) is int and 0 <= color <= 255:
        return [color] * 4
    parts = list(color) if several(color) else [color] * channels
    if len(parts) != channels:
        raise ValueError(f"color: got {len(parts)} numbers, expected 1 or {channels}")
    numbers = [as_whole(part, "color", "a whole number") for part in parts]
    if not all(0 <= number <= 255 for number in numbers):
        raise ValueError(f"color: got {color!r}, expected numbers from 0 to 255")
    return numbers + [0] * (4 - channels)


def float32(value: Any, name: str) -> float:
    """A number that float32 holds as a finite one."""
    number = as_number(value, name)
    if not math.isfinite(number) or abs(number) > _FLOAT32_LIMIT:
        raise ValueError(f"{name}: got {value!r}, expected a finite float32")
    return float(np.float32(number))


def as_scale(scale: Any) -> float:
    number = float32(scale, "scale")
    if number == 0:
        raise ValueError(f"scale: got {scale!r}, expected a number other than 0")
    return number


def per_channel(value: Any, name: str, channels: int, *, positive: bool = False) -> list[float]:
    parts = list(value) if several(value) else [value] * channels
    if len(parts) != channels:
        raise ValueError(f"{name}: got {len(parts)} numbers, expected 1 or {channels}")
    numbers = [float32(part, name) for part in parts]
    if positive and not all(number > 0 for number in numbers):
        raise ValueError(f"{name}: got {value!r}, expected numbers over 0")
    return numbers + [1.0] * (4 - channels)


def as_quantize(quantize: Any, kind: np.dtype[Any]) -> tuple[float, int]:
    if quantize is None:
        return 1.0, 0
    if not isinstance(quantize, (tuple, list)) or len(quantize) != 2:
        raise ValueError(f"quantize: got {quantize!r}, expected (scale, zero point)")
    step = float32(quantize[0], "quantize")
    if step <= 0:
        raise ValueError(f"quantize: got scale {quantize[0]!r}, expected a number over 0")
    zero_point = as_whole(quantize[1], "quantize", "a whole number")
    limits = np.iinfo(kind)
    if not limits.min <= zero_point <= limits.max:
        raise ValueError(
            f"quantize: got zero point {zero_point}, expected {limits.min} to {limits.max}"
        )
    return step, zero_point


def as_workers(workers: Any) -> int:
    number = as_whole(workers, "workers", "a whole number")
    if not 0 <= number <= 4096:
        raise ValueError(f"workers: got {number}, expected 0 (as many as CPUs) to 4096")
    return number
