"""Pictures to a network's input: area averaging, letterbox, normalisation, layout, int8."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from .._arrays import as_boxes, check_out
from .._scalars import as_switch
from ._frames import sources_of
from ._inputs import (
    as_color,
    as_dtype,
    as_image,
    as_quantize,
    as_scale,
    as_size,
    as_workers,
    channels_of,
    index,
    per_channel,
    too_large,
)

__all__ = ["LetterboxTransform", "letterbox", "resize_area"]

Image = NDArray[np.uint8]
Format = Literal["bgr", "rgb", "gray", "nv12", "nv21", "yuyv"]
_ZEROS, _ONES = [0.0] * 4, [1.0] * 4
#: Of the native engine: the number of channels, and fl_channels.
_ORDERS = {"rgb": (3, 2), "bgr": (3, 1), "gray": (1, 0)}


@dataclass(frozen=True)
class LetterboxTransform:
    """Where `letterbox` put a picture, and the way there and back for boxes.

    Input x is ``(image x - origin x) * scale_x + pad_x``, in continuous pixels (0 is the left
    edge of the first pixel), and so for y. ``scale_x`` is the resized width over the picture's
    own: it differs a little from the ratio asked for, since a resized picture has whole pixels.
    Of a window, ``image`` is its size and ``origin`` where it begins; boxes are those of the
    whole frame. Each operation is rounded to the boxes' dtype, as fl_letterbox_boxes_to_input
    and fl_letterbox_boxes_to_frame have it: the same bits.
    """

    scale_x: float
    scale_y: float
    pad_x: int  #: pixels of padding left of the picture
    pad_y: int  #: pixels of padding above it
    resized: tuple[int, int]  #: (width, height) of the picture in the input
    image: tuple[int, int]  #: (width, height) of the picture itself, or of its window
    input: tuple[int, int]  #: (width, height) of the input
    origin: tuple[int, int] = (0, 0)  #: left and top of the window in the frame

    def to_input(self, boxes: Any) -> NDArray[Any]:
        """Boxes (N, 4) ``xyxy`` of the picture in the input's pixels, in the boxes' dtype."""
        array = as_boxes(boxes, "boxes")
        scale, pad, origin = self._of(array.dtype)
        out: NDArray[Any] = (array - origin) * scale + pad
        return out

    def to_image(self, boxes: Any, *, clip: bool = False) -> NDArray[Any]:
        """Boxes (N, 4) ``xyxy`` of the input in the picture's pixels, `clip`ped to it or not."""
        array = as_boxes(boxes, "boxes")
        scale, pad, origin = self._of(array.dtype)
        out: NDArray[Any] = (array - pad) / scale + origin
        if clip:
            for k in (0, 1):
                start = self.origin[k]
                out[:, k::2] = out[:, k::2].clip(start, start + self.image[k])
        return out

    def _of(self, dtype: Any) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
        """Scale, padding and origin of x, y, x, y in the boxes' dtype."""
        scale = np.array([self.scale_x, self.scale_y] * 2, dtype)
        pad = np.array([self.pad_x, self.pad_y] * 2, dtype)
        return scale, pad, np.array([*self.origin] * 2, dtype)


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

    picture = as_image(img, "img")
    width, height = as_size(size, channels_of(picture))
    shape = (height, width, *picture.shape[2:])
    result = check_out(out, "out", shape, np.uint8, picture)
    try:
        native(picture, result)
    except OverflowError as error:
        raise too_large(picture) from error
    return result


def letterbox(
    img: Image | tuple[Image, Image] | Sequence[Any],
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
    order: Literal["rgb", "bgr", "gray"] | None = None,
    quantize: tuple[float, int] | None = None,
    center: bool = True,
    scale_up: bool = True,
    stretch: bool = False,
    format: Format | None = None,
    matrix: Literal["bt601", "bt709"] = "bt601",
    full_range: bool = False,
    window: Any = None,
    workers: int = 1,
    out: NDArray[Any] | None = None,
) -> tuple[NDArray[Any], Any]:
    """Resize, pad, normalise and lay out pictures or camera frames for a network, in one pass.

    The picture is scaled by ``min(width / w, height / h)``, its sides rounded half to even (at
    least 1), and set in the middle of the padding, the odd pixel of it right or below: the
    conventions of Ultralytics' LetterBox. A byte v becomes, in float32 and each operation
    rounded, ``x = (v * scale - mean) / std``; quantised, ``q = round(x / quantize[0]) +
    quantize[1]``, halves to even, clipped to the type (ONNX QuantizeLinear). All of it is the
    same bytes on every machine and for any number of workers. `Preprocess` holds all of these
    settings in one object, and in a file that the C library reads too.

    Parameters
    ----------
    img : numpy.ndarray or sequence of numpy.ndarray
        uint8, (height, width), (height, width, 3) or (height, width, 4), of any strides. In a
        sequence sizes may differ, the number of channels not. Of a YUV `format`, rows of any
        stride: "nv12" and "nv21" (height * 3 / 2, width) as OpenCV has them, or a tuple of the
        planes Y (height, width) and UV (height / 2, width); "yuyv" (height, width, 2). A
        sequence of such frames is a list.
    size : int or tuple of int
        (width, height) of the input; one number for a square.
    color : int or sequence of int
        Of the padding, 0 to 255, one number or one a channel in `img`'s order, or in `order`;
        it is normalised as the pixels are.
    interpolation : {"linear", "area"}
        "linear": the bytes of ``cv2.INTER_LINEAR``. "area": those of `resize_area`, which
        drops no pixel when it shrinks.
    layout : {"nchw", "nhwc"}
        Order of the axes of the result.
    dtype : {"float32", "float16", "uint8", "int8"}
        float32: x. float16: x rounded once more, halves to even. int8: q, and `quantize` must
        be given. uint8: the resized bytes as they are, or q where `quantize` is given.
    scale : float, optional
        1/255 when x is asked for at all.
    mean, std : float or sequence of float, optional
        In units of x, one number or one a channel in `img`'s order, or in `order`; 0 and 1.
    swap_rb : bool
        Exchange the first and third channel, as ``cv2.dnn.blobFromImage`` has it.
    order : {"rgb", "bgr", "gray"}, optional
        Channels of the result, whatever the picture has: gray becomes three equal channels,
        colour its luma (of YUV, the bytes Y), and alpha is left out. By default those of the
        picture; "rgb" of YUV.
    quantize : tuple, optional
        (scale, zero point) of the input tensor.
    center, scale_up, stretch : bool
        Padding on both sides, or right and below only; whether a small picture is enlarged;
        fill the whole input without keeping the ratio of the sides.
    format : {"bgr", "rgb", "gray", "nv12", "nv21", "yuyv"}, optional
        What the bytes of `img` are; by default gray or BGR, by its shape.
    matrix : {"bt601", "bt709"}
    full_range : bool
        How YUV becomes RGB. As OpenCV has it by default: BT.601, Y from 16 to 235.
    window : array_like of int, optional
        x1, y1, x2, y2, half-open: the part of the frame that is looked at, without a copy. Rows
        of them, (N, 4): N inputs of one frame, or one window for each picture of a sequence.
    workers : int
        Threads for several inputs; 0 means as many as there are CPUs.
    out : numpy.ndarray, optional
        Of the result's shape and dtype, of any strides, overlapping no picture.

    Returns
    -------
    array : numpy.ndarray
        (N, channels, height, width) or (N, height, width, channels); N is 1 for one picture.
    transform : LetterboxTransform or list of LetterboxTransform
        Maps boxes there and back; a list, one an input, for a sequence or several windows.

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

    Two windows of a camera's frame, as they are:

    >>> frame = np.full((1080 * 3 // 2, 1920), 128, np.uint8)
    >>> tiles = [[0, 0, 640, 640], [1280, 440, 1920, 1080]]
    >>> array, transforms = letterbox(frame, 640, format="nv12", window=tiles, dtype="uint8")
    >>> array.shape, array[0, :, 0, 0].tolist()
    ((2, 3, 640, 640), [130, 130, 130])
    >>> transforms[1].to_image([[0, 0, 10, 20]]).tolist()
    [[1280.0, 440.0, 1290.0, 460.0]]
    """
    from .. import _core

    sources = sources_of(img, format, window, matrix, full_range)
    swapped = as_switch(swap_rb, "swap_rb")
    if sources.yuv and order is None:
        order = "rgb"
    if order is not None and order not in _ORDERS:
        raise ValueError(f"order: got {order!r}, expected one of {', '.join(_ORDERS)}")
    if swapped and (order is not None or sources.channels == 1):
        why = "pictures of one channel" if order is None else f"order {order!r}"
        raise ValueError(f"swap_rb: got True, expected False for {why}")
    channels, number = (0, 0) if order is None else _ORDERS[order]
    made = channels or sources.channels
    kind = as_dtype(dtype)
    width, height = as_size(size, made * kind.itemsize * len(sources.given))
    if quantize is None and kind == np.int8:
        raise ValueError("quantize: got None, expected (scale, zero point) with dtype int8")
    if quantize is not None and kind.kind == "f":
        raise ValueError(f"quantize: got a pair, expected None with dtype {kind}")
    plain = kind == np.uint8 and quantize is None
    if plain and not (scale is None and mean is None and std is None):
        raise ValueError("scale, mean, std: got a value, expected None with unquantised uint8")
    step, zero_point = as_quantize(quantize, kind)
    options = {
        "width": width,
        "height": height,
        "interpolation": index(interpolation, ("linear", "area"), "interpolation"),
        "layout": index(layout, ("nchw", "nhwc"), "layout"),
        "swap_rb": int(swapped),
        "center": int(as_switch(center, "center")),
        "scale_up": int(as_switch(scale_up, "scale_up")),
        "stretch": int(as_switch(stretch, "stretch")),
        "quantize": int(quantize is not None),
        "color": as_color(color, made),
        "scale": 1 / 255 if scale is None else as_scale(scale),
        "mean": _ZEROS if mean is None else per_channel(mean, "mean", made),
        "std": _ONES if std is None else per_channel(std, "std", made, positive=True),
        "quant_scale": step,
        "zero_point": zero_point,
        "channels": channels,
        "order": number,
        "input_order": sources.order,
    }
    n = len(sources.given)
    shape = (n, made, height, width) if layout == "nchw" else (n, height, width, made)
    result = check_out(out, "out", shape, kind, *sources.arrays)
    threads = as_workers(workers)
    native = _core.letterbox_frames if sources.yuv else _core.letterbox
    try:
        places = native(sources.given, options, result, threads)
    except OverflowError as error:
        raise too_large(max(sources.arrays, key=lambda p: p.shape[0])) from error
    transforms = [
        LetterboxTransform(
            sx, sy, left, top, (w, h), (v.width, v.height), (width, height), (v.x, v.y)
        )
        for v, (w, h, left, top, sx, sy) in zip(sources.views, places, strict=True)
    ]
    return result, transforms[0] if sources.single else transforms
