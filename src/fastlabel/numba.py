"""The kernels inside ``@njit`` code: ``from fastlabel.numba import box_iou``.

Two layers. The functions defined here take arrays, check them and raise. Below them is every
function of ``fastlabel.h`` under its own name (``fastlabel.numba.fl_box_iou``): it takes
scalars, and addresses (``array.ctypes.data``) where C takes pointers, checks what C checks and
returns the status, ``FL_OK`` being 0. Both are called from compiled code without the GIL, and
code that calls them can be cached (``@njit(cache=True)``).

Needs numba: ``pip install fastlabel[numba]``.

Examples
--------
>>> import numpy as np
>>> from numba import njit
>>> from fastlabel.numba import box_iou
>>> @njit(nogil=True)
... def mean_overlap(a, b):
...     out = np.empty((len(a), len(b)))
...     box_iou(a, b, out)
...     return out.mean()
>>> box = np.array([[0.0, 0.0, 10.0, 10.0]])
>>> mean_overlap(box, box)
1.0
"""

from __future__ import annotations

import ctypes
import re
from functools import cache
from importlib import import_module
from typing import Any

import numpy as np

try:
    from llvmlite import binding as llvm
    from llvmlite import ir
    from numba import njit, types
    from numba.core import cgutils
    from numba.core.errors import TypingError
    from numba.extending import (
        get_cython_function_address,
        intrinsic,
        overload,
        register_jitable,
    )
except ImportError as error:
    raise ImportError(
        f"fastlabel.numba needs numba ({error}): pip install 'fastlabel[numba]'"
    ) from error

__all__ = ["box_iou", "boxes_view", "content_hash", "image_view", "laplacian_variance", "nms"]

_SCALARS = {
    "fl_status": types.int32,
    "int8_t": types.int8,
    "int16_t": types.int16,
    "int32_t": types.int32,
    "int64_t": types.int64,
    "uint8_t": types.uint8,
    "uint16_t": types.uint16,
    "uint32_t": types.uint32,
    "uint64_t": types.uint64,
    "size_t": types.uintp,
    "float": types.float32,
    "double": types.float64,
    "void": types.void,
}


def _signature(capsule: Any) -> Any:
    """Read the C signature that Cython names the capsule of a function by."""
    name = ctypes.pythonapi.PyCapsule_GetName
    name.restype, name.argtypes = ctypes.c_char_p, [ctypes.py_object]
    text = name(capsule).decode()
    match = re.fullmatch(r"(.+?) ?\((.*)\)", text)
    assert match, text
    parameters = [p.strip() for p in match[2].split(",") if p.strip() not in ("", "void")]
    # An address crosses as a number, what `array.ctypes.data` is; so does a callback's.
    words = (match[1].strip(), *parameters)
    kinds = [types.uintp if "*" in w else _SCALARS.get(w, types.uintp) for w in words]
    return kinds[0](*kinds[1:])


@cache
def _raw(name: str) -> Any:
    """Give ``fl_<name>``, callable from compiled code by its symbol, so that it can be cached."""
    module = import_module("fastlabel.kernels")
    symbol = f"fl_{name}"
    llvm.add_symbol(symbol, get_cython_function_address("fastlabel.kernels", name))
    return types.ExternalFunction(symbol, _signature(module.__pyx_capi__[name]))


def _register_all() -> None:
    # Cached code knows the kernels by symbol alone: all must be there before it is loaded.
    for name in import_module("fastlabel.kernels").__pyx_capi__:
        globals()[f"fl_{name}"] = _raw(name)


_register_all()


def __getattr__(name: str) -> Any:
    raise AttributeError(f"fastlabel.numba has no {name!r}, and fastlabel.h no such function")


# ---- functions of arrays: types are checked while the caller is compiled, sizes when it runs -----


@cache
def _compiled(function: Any) -> Any:
    """Let Python call what compiled code calls."""
    return njit(nogil=True)(lambda *args: function(*args))


def _need(array: Any, name: str, dtype: Any, ndim: int, *, out: bool = False) -> None:
    plane = dtype == types.uint8 and ndim == 2  # its rows may be any distance apart
    if (
        not isinstance(array, types.Array)
        or array.dtype != dtype
        or array.ndim != ndim
        or not (array.layout == "C" or plane)
        or not array.aligned
    ):
        contiguous = "" if plane else "C-contiguous "
        raise TypingError(f"{name}: got {array}, expected {contiguous}array({dtype}, {ndim}d)")
    if out and not array.mutable:
        raise TypingError(f"{name}: got {array}, expected an array that can be written")


@intrinsic  # type: ignore[untyped-decorator]
def _address(typing: Any, array: Any) -> Any:
    # What `array.ctypes.data` is, without the reference count that comes and goes with it.
    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        data = context.make_array(signature.args[0])(context, builder, args[0]).data
        return builder.ptrtoint(data, context.get_value_type(types.uintp))

    return types.uintp(array), code


# ---- views: what C functions that take an fl_boxes or an fl_image are given ---------------------


def _struct(context: Any, builder: Any, fields: list[tuple[Any, Any]]) -> Any:
    """Write the fields (numba type, value) into a C struct on the stack; its address."""
    kinds = [context.get_value_type(kind) for kind, _ in fields]
    slot = cgutils.alloca_once(builder, ir.LiteralStructType(kinds))
    for k, (_, value) in enumerate(fields):
        builder.store(value, cgutils.gep_inbounds(builder, slot, 0, k))
    return builder.ptrtoint(slot, context.get_value_type(types.uintp))


def _unpacked(context: Any, builder: Any, kind: Any, array: Any) -> tuple[Any, Any, Any]:
    parts = context.make_array(kind)(context, builder, array)
    address = builder.ptrtoint(parts.data, context.get_value_type(types.uintp))
    shape = cgutils.unpack_tuple(builder, parts.shape, kind.ndim)
    return address, shape, cgutils.unpack_tuple(builder, parts.strides, kind.ndim)


@intrinsic  # type: ignore[untyped-decorator]
def boxes_view(typing: Any, boxes: Any) -> Any:
    """Give the address of an ``fl_boxes`` of x1 y1 x2 y2, for functions of ``fastlabel.h``.

    For compiled code only. The struct is on the stack: it is good until the function that
    asked for it returns, or asks again in the same place, and the array must live as long.

    Parameters
    ----------
    boxes : (N, 4) array of float32 or float64
        Any strides. The second dimension is not checked here.

    Returns
    -------
    int
        The address.
    """
    floats = {types.float32: 5, types.float64: 6}  # fl_dtype
    if not isinstance(boxes, types.Array) or boxes.ndim != 2 or boxes.dtype not in floats:
        raise TypingError(f"boxes: got {boxes}, expected a float32 or float64 array of (N, 4)")

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        address, shape, strides = _unpacked(context, builder, signature.args[0], args[0])
        small = [
            context.get_constant(types.int32, value) for value in (floats[boxes.dtype], 0)
        ]  # FL_XYXY
        fields = [(types.uintp, address), (types.int64, shape[0])]
        fields += [(types.int64, stride) for stride in strides]
        return _struct(context, builder, [*fields, *((types.int32, v) for v in small)])

    return types.uintp(boxes), code


@intrinsic  # type: ignore[untyped-decorator]
def image_view(typing: Any, img: Any, order: Any) -> Any:
    """Give the address of an ``fl_image``, for functions of ``fastlabel.h``.

    For compiled code only, and as short-lived as that of :func:`boxes_view`.

    Parameters
    ----------
    img : (H, W) or (H, W, C) array of uint8
        Any strides.
    order : int
        ``fl_channels``: 0 grey, 1 BGR, 2 RGB, 3 BGRA, 4 RGBA. Not checked here.

    Returns
    -------
    int
        The address.
    """
    if not isinstance(img, types.Array) or img.ndim not in (2, 3) or img.dtype != types.uint8:
        raise TypingError(f"img: got {img}, expected a uint8 array of (H, W) or (H, W, C)")
    if not isinstance(order, types.Integer):
        raise TypingError(f"order: got {order}, expected a whole number")

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        address, shape, strides = _unpacked(context, builder, signature.args[0], args[0])
        one = context.get_constant(types.int64, 1)
        height, width, channels = (*shape, one)[:3]
        row, pixel, channel = (*strides, one)[:3]
        number = context.cast(builder, args[1], signature.args[1], types.int32)
        count = context.cast(builder, channels, types.int64, types.int32)
        wide = [(types.int64, value) for value in (width, height, row, pixel, channel)]
        narrow = [(types.int32, count), (types.int32, number)]
        return _struct(context, builder, [(types.uintp, address), *wide, *narrow])

    return types.uintp(img, order), code


@register_jitable  # type: ignore[untyped-decorator]
def _overlap(a: Any, b: Any) -> bool:
    start_a, start_b = _address(a), _address(b)
    return bool(start_a < start_b + b.nbytes and start_b < start_a + a.nbytes)


@register_jitable  # type: ignore[untyped-decorator]
def _check(status: int) -> None:
    if status == 0:
        return
    if status == 2:
        raise OverflowError("fastlabel: sizes overflow 64 bits")
    if status == 3:
        raise MemoryError("fastlabel: out of memory")
    raise ValueError("fastlabel: invalid argument")


def box_iou(boxes1: Any, boxes2: Any, out: Any) -> None:
    """IoU of every box of one set with every box of the other.

    Parameters
    ----------
    boxes1, boxes2 : (N, 4) and (M, 4) array of float32 or float64
        x1 y1 x2 y2, C-contiguous, of one dtype. ``boxes[i : i + 1]`` is a set of one box.
    out : (N, M) array
        Of the boxes' dtype. Written; must not share memory with the boxes.

    Raises
    ------
    ValueError
        On a wrong shape, or an ``out`` that overlaps the boxes.
    numba.TypingError
        While the caller is compiled, on a wrong dtype or layout.
    """
    _compiled(box_iou)(boxes1, boxes2, out)


@overload(box_iou)  # type: ignore[untyped-decorator]
def _box_iou(boxes1: Any, boxes2: Any, out: Any) -> Any:
    single = isinstance(boxes1, types.Array) and boxes1.dtype == types.float32
    dtype = types.float32 if single else types.float64
    _need(boxes1, "boxes1", dtype, 2)
    _need(boxes2, "boxes2", dtype, 2)
    _need(out, "out", dtype, 2, out=True)
    kernel = _raw("box_iou_f32" if single else "box_iou")

    def run(boxes1: Any, boxes2: Any, out: Any) -> Any:
        n, m = boxes1.shape[0], boxes2.shape[0]
        if boxes1.shape[1] != 4:
            raise ValueError("boxes1: expected shape (N, 4)")
        if boxes2.shape[1] != 4:
            raise ValueError("boxes2: expected shape (M, 4)")
        if out.shape[0] != n or out.shape[1] != m:
            raise ValueError("out: expected shape (N, M), N rows of boxes1 and M of boxes2")
        if _overlap(out, boxes1) or _overlap(out, boxes2):
            raise ValueError("out: shares memory with the boxes")
        _check(kernel(_address(boxes1), n, _address(boxes2), m, _address(out)))

    return run


def nms(boxes: Any, scores: Any, iou_threshold: float, keep: Any) -> int:
    """Greedy non-maximum suppression.

    Parameters
    ----------
    boxes : (N, 4) array of float32 or float64
        x1 y1 x2 y2, any strides.
    scores : (N,) array of float64
        NaN is refused. Equal scores keep the lower row first.
    iou_threshold : float
        A box that overlaps a better one by more than this goes.
    keep : (N,) array of int64
        Written: row numbers that stay, best score first.

    Returns
    -------
    int
        How many entries of ``keep`` count.

    Raises
    ------
    ValueError
        On a wrong shape, a NaN score or a threshold that is not from 0 to 1.
    numba.TypingError
        While the caller is compiled, on a wrong dtype or layout.
    """
    return int(_compiled(nms)(boxes, scores, iou_threshold, keep))


@overload(nms)  # type: ignore[untyped-decorator]
def _nms(boxes: Any, scores: Any, iou_threshold: Any, keep: Any) -> Any:
    _need(scores, "scores", types.float64, 1)
    _need(keep, "keep", types.int64, 1, out=True)
    kernel = _raw("nms")

    def run(boxes: Any, scores: Any, iou_threshold: Any, keep: Any) -> Any:
        n = boxes.shape[0]
        if boxes.shape[1] != 4:
            raise ValueError("boxes: expected shape (N, 4)")
        if scores.shape[0] != n:
            raise ValueError("scores: expected shape (N,), one a box")
        if keep.shape[0] != n:
            raise ValueError("keep: expected shape (N,), one a box")
        kept = np.empty(1, np.int64)
        scores_at, keep_at, kept_at = _address(scores), _address(keep), _address(kept)
        status = kernel(boxes_view(boxes), scores_at, 0, iou_threshold, keep_at, kept_at)
        if status == 1:
            raise ValueError("nms: a score is NaN, or iou_threshold is not from 0 to 1")
        _check(status)
        return kept[0]

    return run


def laplacian_variance(img: Any) -> float:
    """Variance of the 4-neighbour Laplacian, as ``fastlabel.laplacian_variance`` has it.

    Parameters
    ----------
    img : (H, W) array of uint8
        Grey values; pixels of a row side by side, rows in any distance.

    Returns
    -------
    float
        In squared grey levels.

    Raises
    ------
    ValueError
        On an empty picture, or pixels that are not side by side.
    numba.TypingError
        While the caller is compiled, on a wrong dtype or number of dimensions.
    """
    return float(_compiled(laplacian_variance)(img))


@overload(laplacian_variance)  # type: ignore[untyped-decorator]
def _laplacian_variance(img: Any) -> Any:
    _need(img, "img", types.uint8, 2)
    kernel = _raw("laplacian_variance")

    def run(img: Any) -> Any:
        height, width = img.shape
        if height < 1 or width < 1:
            raise ValueError("img: expected at least one pixel")
        if img.strides[1] != 1 or img.strides[0] < width:
            raise ValueError("img: the pixels of a row must lie side by side")
        out = np.empty(1, np.float64)
        _check(kernel(_address(img), width, height, img.strides[0], _address(out)))
        return out[0]

    return run


def content_hash(data: Any, out: Any) -> None:
    """128-bit XXH3 of bytes, as ``fastlabel.content_hash`` has it.

    Parameters
    ----------
    data : (N,) array of uint8
        The bytes, side by side.
    out : (16,) array of uint8
        Written.

    Raises
    ------
    ValueError
        When ``out`` has not 16 bytes.
    numba.TypingError
        While the caller is compiled, on a wrong dtype or layout.
    """
    _compiled(content_hash)(data, out)


@overload(content_hash)  # type: ignore[untyped-decorator]
def _content_hash(data: Any, out: Any) -> Any:
    _need(data, "data", types.uint8, 1)
    _need(out, "out", types.uint8, 1, out=True)
    kernel = _raw("content_hash")

    def run(data: Any, out: Any) -> Any:
        if out.shape[0] != 16:
            raise ValueError("out: expected 16 bytes")
        _check(kernel(_address(data), data.shape[0], _address(out)))

    return run
