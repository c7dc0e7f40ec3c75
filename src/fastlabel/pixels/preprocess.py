"""Pictures to a network's input: area averaging, letterbox, normalisation, layout, int8."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from .._arrays import as_boxes, check_out, to_numpy
from .._scalars import as_number, as_switch, as_whole

__all__ = ["LetterboxTransform", "letterbox", "resize_area"]

Image = NDArray[np.uint8]
_SIDE_LIMIT = 2**31 - 1
_BYTES_LIMIT = 2**63 - 1
_FLOAT32_LIMIT = float(np.finfo(np.float32).max)
_ZEROS, _ONES = [0.0] * 4, [1.0] * 4
_KINDS = (np.dtype(np.float32), np.dtype(np.uint8), np.dtype(np.int8))


@dataclass(frozen=True)
class LetterboxTransform:
    """Where `letterbox` put a picture, and the way there and back for boxes.

    Input x is ``image x * scale_x + pad_x``, in continuous pixels (0 is the left edge of the
    first pixel), and so for y. ``scale_x`` is the resized width over the picture's own: it
    differs a little from the ratio asked for, since a resized picture has whole pixels.
    """

    scale_x: float
    scale_y: float
    pad_x: int  #: pixels of padding left of the picture
    pad_y: int  #: pixels of padding above it
    resized: tuple[int, int]  #: (width, height) of the picture in the input
    image: tuple[int, int]  #: (width, height) of the picture itself
    input: tuple[int, int]  #: (width, height) of the input

    def to_input(self, boxes: Any) -> NDArray[Any]:
        """Boxes (N, 4) ``xyxy`` of the picture in the input's pixels, in the boxes' dtype."""
        return self._mapped(boxes, self.scale_x, self.scale_y, self.pad_x, self.pad_y)

    def to_image(self, boxes: Any, *, clip: bool = False) -> NDArray[Any]:
        """Boxes (N, 4) ``xyxy`` of the input in the picture's pixels, `clip`ped to it or not."""
        array = as_boxes(boxes, "boxes")
        pads = np.array([self.pad_x, self.pad_y] * 2, array.dtype)
        out: NDArray[Any] = (array - pads) / np.array([self.scale_x, self.scale_y] * 2, array.dtype)
        if clip:
            out[:, 0::2] = out[:, 0::2].clip(0, self.image[0])
            out[:, 1::2] = out[:, 1::2].clip(0, self.image[1])
        return out

    @staticmethod
    def _mapped(boxes: Any, sx: float, sy: float, px: int, py: int) -> NDArray[Any]:
        array = as_boxes(boxes, "boxes")
        scale = np.array([sx, sy, sx, sy], array.dtype)
        out: NDArray[Any] = array * scale + np.array([px, py, px, py], array.dtype)
        return out


def resize_area(
    img: Image, size: int | tuple[int, int], *, out: NDArray[Any] | None = None
) -> Image:
    """Resize by area averaging: every output pixel is the mean of what it covers.

    The exact mean of the covered part of the picture, its pixels being squares of one colour,
    rounded half up: no pixel is further than half a level from the truth, and the bytes are
    the same on every machine. Each axis by itself, so that one may shrink and the other grow.

    Against ``cv2.resize(..., interpolation=cv2.INTER_AREA)``, which sums in float32: the same
    bytes when both sides shrink by 2 or by odd whole numbers; one level apart on exact halves
    (OpenCV takes those to even numbers) or by its rounding elsewhere. Where one axis grows and
    the other shrinks, OpenCV takes two samples of the shrinking axis, and this averages all of
    them; where a picture grows and an output pixel begins just where a source pixel does,
    OpenCV's floats may take the neighbour.

    Parameters
    ----------
    img : numpy.ndarray
        (height, width), (height, width, 3) or (height, width, 4) uint8, of any strides.
    size : int or tuple of int
        (width, height) of the result, as OpenCV has it; one number for a square.
    out : numpy.ndarray, optional
        uint8 of the result's shape, of any strides, not overlapping `img`.

    Returns
    -------
    numpy.ndarray
        uint8, (height, width) or (height, width, channels) as `img`; `out` if given.

    Raises
    ------
    TypeError
        For a dtype other than uint8, or sizes that are no whole numbers.
    ValueError
        For another shape, an empty picture, a size below 1, or an `out` that does not fit.

    Examples
    --------
    >>> import numpy as np
    >>> img = np.array([[0, 10, 20, 30], [40, 50, 60, 70]], np.uint8)
    >>> resize_area(img, (2, 1)).tolist()
    [[25, 45]]
    """
    from .._core import resize_area as native

    picture = _as_image(img, "img")
    width, height = _as_size(size, picture.shape[2] if picture.ndim == 3 else 1)
    shape = (height, width, *picture.shape[2:])
    result = check_out(out, "out", shape, np.uint8, picture)
    try:
        native(picture, result)
    except OverflowError as error:
        raise _too_large(picture) from error
    return result


def letterbox(
    img: Image | Sequence[Image],
    size: int | tuple[int, int],
    *,
    color: int | Sequence[int] = 114,
    interpolation: Literal["linear", "area"] = "linear",
    layout: Literal["nchw", "nhwc"] = "nchw",
    dtype: Any = "float32",
    scale: float | None = None,
    mean: float | Sequence[float] | None = None,
    std: float | Sequence[float] | None = None,
    swap_rb: bool = False,
    quantize: tuple[float, int] | None = None,
    center: bool = True,
    scale_up: bool = True,
    stretch: bool = False,
    workers: int = 1,
    out: NDArray[Any] | None = None,
) -> tuple[NDArray[Any], Any]:
    """Resize, pad, normalise and lay out pictures for a network, in one pass.

    The picture is scaled by ``min(width / w, height / h)``, its sides rounded half to even (at
    least 1), and set in the middle of the padding, the odd pixel of it right or below: the
    conventions of Ultralytics' LetterBox. A byte v becomes, in float32 and each operation
    rounded, ``x = (v * scale - mean) / std``; quantised, ``q = round(x / quantize[0]) +
    quantize[1]``, halves to even, clipped to the type (ONNX QuantizeLinear). All of it is the
    same bytes on every machine and for any number of workers.

    Parameters
    ----------
    img : numpy.ndarray or sequence of numpy.ndarray
        uint8, (height, width), (height, width, 3) or (height, width, 4), of any strides. In a
        sequence sizes may differ, the number of channels not.
    size : int or tuple of int
        (width, height) of the input; one number for a square.
    color : int or sequence of int
        Of the padding, 0 to 255, one number or one a channel in `img`'s order; it is
        normalised as the pixels are.
    interpolation : {"linear", "area"}
        "linear": the bytes of ``cv2.INTER_LINEAR``. "area": those of `resize_area`, which
        drops no pixel when it shrinks.
    layout : {"nchw", "nhwc"}
        Order of the axes of the result.
    dtype : {"float32", "uint8", "int8"}
        float32: x. int8: q, and `quantize` must be given. uint8: the resized bytes as they
        are, or q where `quantize` is given.
    scale : float, optional
        1/255 when x is asked for at all.
    mean, std : float or sequence of float, optional
        In units of x, one number or one a channel in `img`'s order; 0 and 1.
    swap_rb : bool
        Exchange the first and third channel, as ``cv2.dnn.blobFromImage`` has it.
    quantize : tuple, optional
        (scale, zero point) of the input tensor.
    center, scale_up, stretch : bool
        Padding on both sides, or right and below only; whether a small picture is enlarged;
        fill the whole input without keeping the ratio of the sides.
    workers : int
        Threads for a sequence; 0 means as many as there are CPUs.
    out : numpy.ndarray, optional
        Of the result's shape and dtype, of any strides, overlapping no picture.

    Returns
    -------
    array : numpy.ndarray
        (N, channels, height, width) or (N, height, width, channels); N is 1 for one picture.
    transform : LetterboxTransform or list of LetterboxTransform
        Maps boxes there and back; a list, one a picture, for a sequence.

    Raises
    ------
    TypeError
        For pictures that are not uint8, an unknown dtype, or sizes that are no whole numbers.
    ValueError
        For a shape, option or `out` that does not fit; the text names it.

    Examples
    --------
    >>> import numpy as np
    >>> img = np.full((1080, 1920, 3), 255, np.uint8)
    >>> array, transform = letterbox(img, 640, swap_rb=True)
    >>> array.shape, transform.pad_y, float(array.max())
    ((1, 3, 640, 640), 140, 1.0)
    >>> transform.to_input([[0, 0, 1920, 1080]]).tolist()
    [[0.0, 140.0, 640.0, 500.0]]
    """
    from .._core import letterbox as native

    single = not isinstance(img, (list, tuple))
    given = [img] if single else list(img)
    pictures = [_as_image(p, "img" if single else f"img[{k}]") for k, p in enumerate(given)]
    if not pictures:
        raise ValueError("img: got no pictures, expected at least one")
    channels = _channels(pictures[0])
    for k, picture in enumerate(pictures):
        if _channels(picture) != channels:
            raise ValueError(
                f"img[{k}]: got {_channels(picture)} channels, expected {channels} as in img[0]"
            )
    kind = _as_dtype(dtype)
    width, height = _as_size(size, channels * kind.itemsize * len(pictures))
    if quantize is None and kind == np.int8:
        raise ValueError("quantize: got None, expected (scale, zero point) with dtype int8")
    if quantize is not None and kind == np.float32:
        raise ValueError("quantize: got a pair, expected None with dtype float32")
    plain = kind == np.uint8 and quantize is None
    if plain and not (scale is None and mean is None and std is None):
        raise ValueError("scale, mean, std: got a value, expected None with unquantised uint8")
    step, zero_point = _as_quantize(quantize, kind)
    swapped = as_switch(swap_rb, "swap_rb")
    if swapped and channels == 1:
        raise ValueError("swap_rb: got True, expected False for pictures of one channel")
    options = {
        "width": width,
        "height": height,
        "interpolation": _index(interpolation, ("linear", "area"), "interpolation"),
        "layout": _index(layout, ("nchw", "nhwc"), "layout"),
        "swap_rb": int(swapped),
        "center": int(as_switch(center, "center")),
        "scale_up": int(as_switch(scale_up, "scale_up")),
        "stretch": int(as_switch(stretch, "stretch")),
        "quantize": int(quantize is not None),
        "color": _as_color(color, channels),
        "scale": 1 / 255 if scale is None else _as_scale(scale),
        "mean": _ZEROS if mean is None else _per_channel(mean, "mean", channels),
        "std": _ONES if std is None else _per_channel(std, "std", channels, positive=True),
        "quant_scale": step,
        "zero_point": zero_point,
    }
    n = len(pictures)
    shape = (n, channels, height, width) if layout == "nchw" else (n, height, width, channels)
    result = check_out(out, "out", shape, kind, *pictures)
    threads = _as_workers(workers)
    try:
        places = native(pictures, options, result, threads)
    except OverflowError as error:
        raise _too_large(max(pictures, key=lambda p: p.shape[0])) from error
    transforms = [
        LetterboxTransform(sx, sy, left, top, (w, h), picture.shape[1::-1], (width, height))
        for picture, (w, h, left, top, sx, sy) in zip(pictures, places, strict=True)
    ]
    return result, transforms[0] if single else transforms


def _as_image(value: Any, name: str) -> Image:
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
    if array.shape[1] * _channels(array) > _SIDE_LIMIT or array.shape[0] > _SIDE_LIMIT:
        raise ValueError(f"{name}: got shape {array.shape}, expected sides below 2^31")
    return array


def _too_large(array: Image) -> ValueError:
    return ValueError(
        f"img: got shape {array.shape}, expected a height that, over its greatest common divisor "
        "with the result's, is at most 2^24"
    )


def _channels(array: Image) -> int:
    return array.shape[2] if array.ndim == 3 else 1


def _several(value: Any) -> bool:
    """Whether an argument is one number a channel or side, and not one number for all."""
    if isinstance(value, np.ma.MaskedArray):
        return False  # and no number either
    return isinstance(value, (tuple, list)) or (isinstance(value, np.ndarray) and value.ndim > 0)


def _as_size(size: Any, unit: int) -> tuple[int, int]:
    """(width, height), whose product times `unit` bytes is a size that can be counted."""
    pair = list(size) if _several(size) else (size, size)
    if len(pair) != 2:
        raise ValueError(f"size: got {size!r}, expected (width, height)")
    width, height = (as_whole(side, "size", "a whole number") for side in pair)
    if not (1 <= width <= _SIDE_LIMIT // 4 and 1 <= height <= _SIDE_LIMIT):
        raise ValueError(f"size: got {(width, height)}, expected sides of 1 to 2^29 pixels")
    if width * height * unit > _BYTES_LIMIT:
        raise ValueError(f"size: got {(width, height)}, whose bytes do not fit 63 bits")
    return width, height


def _as_dtype(dtype: Any) -> np.dtype[Any]:
    try:
        kind: np.dtype[Any] = np.dtype(dtype)
    except (TypeError, ValueError):
        kind = np.dtype(object)
    if kind not in _KINDS:
        raise TypeError(f"dtype: got {dtype!r}, expected float32, uint8 or int8")
    return kind


def _index(value: Any, names: tuple[str, ...], name: str) -> int:
    if not isinstance(value, str) or value not in names:
        expected = " or ".join(repr(n) for n in names)
        raise ValueError(f"{name}: got {value!r}, expected {expected}")
    return names.index(value)


def _as_color(color: Any, channels: int) -> list[int]:
    if type(color) is int and 0 <= color <= 255:
        return [color] * 4
    parts = list(color) if _several(color) else [color] * channels
    if len(parts) != channels:
        raise ValueError(f"color: got {len(parts)} numbers, expected 1 or {channels}")
    numbers = [as_whole(part, "color", "a whole number") for part in parts]
    if not all(0 <= number <= 255 for number in numbers):
        raise ValueError(f"color: got {color!r}, expected numbers from 0 to 255")
    return numbers + [0] * (4 - channels)


def _float32(value: Any, name: str) -> float:
    """A number that float32 holds as a finite one."""
    number = as_number(value, name)
    if not math.isfinite(number) or abs(number) > _FLOAT32_LIMIT:
        raise ValueError(f"{name}: got {value!r}, expected a finite float32")
    return float(np.float32(number))


def _as_scale(scale: Any) -> float:
    number = _float32(scale, "scale")
    if number == 0:
        raise ValueError(f"scale: got {scale!r}, expected a number other than 0")
    return number


def _per_channel(value: Any, name: str, channels: int, *, positive: bool = False) -> list[float]:
    parts = list(value) if _several(value) else [value] * channels
    if len(parts) != channels:
        raise ValueError(f"{name}: got {len(parts)} numbers, expected 1 or {channels}")
    numbers = [_float32(part, name) for part in parts]
    if positive and not all(number > 0 for number in numbers):
        raise ValueError(f"{name}: got {value!r}, expected numbers over 0")
    return numbers + [1.0] * (4 - channels)


def _as_quantize(quantize: Any, kind: np.dtype[Any]) -> tuple[float, int]:
    if quantize is None:
        return 1.0, 0
    if not isinstance(quantize, (tuple, list)) or len(quantize) != 2:
        raise ValueError(f"quantize: got {quantize!r}, expected (scale, zero point)")
    step = _float32(quantize[0], "quantize")
    if step <= 0:
        raise ValueError(f"quantize: got scale {quantize[0]!r}, expected a number over 0")
    zero_point = as_whole(quantize[1], "quantize", "a whole number")
    limits = np.iinfo(kind)
    if not limits.min <= zero_point <= limits.max:
        raise ValueError(
            f"quantize: got zero point {zero_point}, expected {limits.min} to {limits.max}"
        )
    return step, zero_point


def _as_workers(workers: Any) -> int:
    number = as_whole(workers, "workers", "a whole number")
    if not 0 <= number <= 4096:
        raise ValueError(f"workers: got {number}, expected 0 (as many as CPUs) to 4096")
    return number
