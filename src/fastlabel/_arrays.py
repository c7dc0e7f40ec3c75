"""What the public kernel functions accept, and how they say what they do not.

One place turns an argument into a NumPy array without copying where that can be: NumPy
arrays, buffers, DLPack tensors on the CPU, Arrow arrays, and lists.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._arrow import CORNERS, arrow_ragged, arrow_to_numpy, is_arrow, is_pandas
from ._scalars import as_choice

Array = NDArray[Any]


def to_numpy(value: Any, name: str) -> Array:
    """An argument as an array, sharing memory where its type allows it."""
    if isinstance(value, np.ndarray):
        if isinstance(value, np.ma.MaskedArray):
            return _unmasked(value, name)
        return value
    if is_arrow(value):
        return arrow_to_numpy(value, name)
    if is_pandas(value) and {*CORNERS} <= {*getattr(value, "columns", ())}:
        value = value[list(CORNERS)]  # by name, as the same table of Arrow columns is read
    if hasattr(value, "__dlpack__") and not hasattr(value, "__array_interface__"):
        try:
            shared: Array = np.from_dlpack(value)
        except (BufferError, RuntimeError, TypeError, AttributeError) as error:
            raise TypeError(
                f"{name}: got {type(value).__name__} that NumPy cannot share ({error}), expected "
                "an array in the memory of the CPU"
            ) from error
        return shared
    try:
        return np.asarray(value)
    except ValueError as error:
        raise ValueError(f"{name}: rows of different lengths are no array ({error})") from error


def _unmasked(value: Any, name: str) -> Array:
    """The numbers of a masked array that masks none: a mask is not to be dropped in silence."""
    hidden = int(np.ma.getmaskarray(value).sum())
    if hidden:
        raise ValueError(
            f"{name}: got {hidden} masked entries, expected none; fill or drop them first"
        )
    plain: Array = np.asarray(value)
    return plain


def as_real(value: Any, name: str) -> Array:
    """A float32 or float64 array; other real numbers become float64."""
    array = to_numpy(value, name)
    dtype = array.dtype
    if dtype.char in "fd" and dtype.isnative:
        return array
    if array.size == 0 and dtype.kind == "O":
        return array.astype(np.float64)
    if dtype.kind not in "iuf" or dtype.itemsize > 8:
        raise TypeError(f"{name}: got dtype {dtype}, expected float32, float64 or integers")
    return array.astype(np.float64)


#: Box formats, in the order of the native engine's numbers, and what a sound box is in each.
BOX_FORMATS = {
    "xyxy": (0, "finite x1 <= x2 and y1 <= y2"),
    "xywh": (1, "finite x, y, and w, h that are not negative"),
    "cxcywh": (2, "finite cx, cy, and w, h that are not negative"),
}


def as_boxes(value: Any, name: str, *, invalid: str = "zero", fmt: str = "xyxy") -> Array:
    """Boxes as (N, 4) float32 or float64, of any strides.

    `invalid` says what a box of negative size or with a coordinate that is not finite means:
    "raise" a ValueError that names it; with anything else it is passed on ("zero": it overlaps
    nothing; "keep": it is worked on like any other).
    """
    if not isinstance(invalid, str) or invalid not in ("raise", "zero", "keep"):
        raise ValueError(f"invalid: got {invalid!r}, expected 'raise' or 'zero'")
    array = as_real(value, name)
    if array.shape in ((0,), (1, 0), (0, 0)):  # [], [[]] and an empty table
        array = array.reshape(0, 4)
    if array.ndim != 2 or array.shape[1] != 4:
        raise ValueError(f"{name}: got shape {array.shape}, expected (N, 4)")
    if invalid == "raise":
        number, sound = BOX_FORMATS[fmt]
        row = _core().find_bad_box(array, number)
        if row >= 0:
            raise ValueError(f"{name}[{row}]: got {array[row].tolist()}, expected {sound}")
    return array


def as_box_pair(first: Any, second: Any, *, invalid: str, fmt: str = "xyxy") -> tuple[Array, Array]:
    """Arguments boxes1 and boxes2 as (N, 4) and (M, 4) of one dtype."""
    a = as_boxes(first, "boxes1", invalid=invalid, fmt=fmt)
    return of_one_dtype(a, as_boxes(second, "boxes2", invalid=invalid, fmt=fmt))


def of_one_dtype(a: Array, b: Array) -> tuple[Array, Array]:
    """Two sets of boxes as they are when their dtypes agree; else both as float64."""
    if a.dtype != b.dtype:
        return a.astype(np.float64), b.astype(np.float64)
    return a, b


def box_format(fmt: Any, name: str) -> int:
    """The native engine's number of a box format."""
    return BOX_FORMATS[as_choice(fmt, name, tuple(BOX_FORMATS))][0]


@cache
def _core() -> Any:
    """The native engine, loaded on first use."""
    from . import _core as native

    return native


def as_offsets(value: Any, name: str, rows: int, of: str) -> NDArray[np.int64]:
    """Arrow list offsets: (G + 1,) int64, contiguous, from 0 to `rows`, never falling."""
    array = to_numpy(value, name)
    if array.dtype.kind not in "iu":
        raise TypeError(f"{name}: got dtype {array.dtype}, expected integers")
    if array.ndim != 1 or len(array) < 1:
        raise ValueError(f"{name}: got shape {array.shape}, expected (G + 1,)")
    offsets = np.ascontiguousarray(array, np.int64)
    if offsets[0] != 0:
        raise ValueError(f"{name}: got {offsets[0]} as the first entry, expected 0")
    falls = offsets[1:] < offsets[:-1]
    if falls.any():
        at = int(falls.argmax()) + 1
        raise ValueError(
            f"{name}[{at}]: got {offsets[at]} after {offsets[at - 1]}, expected none to fall"
        )
    if offsets[-1] != rows:
        raise ValueError(f"{name}: got {offsets[-1]} as the last entry, {of} has {rows} rows")
    return offsets


def check_out(out: Any, name: str, shape: tuple[int, ...], dtype: Any, *inputs: Array) -> Array:
    """The caller's output array, if a result may be written into it; or a new one."""
    if out is None:
        return np.empty(shape, dtype)
    if not isinstance(out, np.ndarray) or isinstance(out, np.ma.MaskedArray):
        raise TypeError(f"{name}: got {type(out).__name__}, expected a NumPy array")
    if out.dtype != np.dtype(dtype):
        raise TypeError(f"{name}: got dtype {out.dtype}, expected {np.dtype(dtype)}")
    if out.shape != shape:
        raise ValueError(f"{name}: got shape {out.shape}, expected {shape}")
    if not out.flags.writeable:
        raise ValueError(f"{name}: is read-only, expected an array that can be written")
    if any(step == 0 and length > 1 for step, length in zip(out.strides, out.shape, strict=True)):
        raise ValueError(f"{name}: is a broadcast view, expected memory of its own for every entry")
    for array in inputs:
        if np.may_share_memory(out, array):
            raise ValueError(f"{name}: shares memory with an input, expected memory of its own")
    return out


def as_image(value: Any, name: str) -> NDArray[np.uint8]:
    """An 8-bit picture, (H, W) or (H, W, 1 | 3 | 4), of any strides, sharing memory."""
    if isinstance(value, (list, tuple)):
        raise TypeError(f"{name}: got a {type(value).__name__}, expected an array of uint8")
    array = to_numpy(value, name)
    if array.dtype != np.uint8:
        got = array.dtype if array.dtype != object else type(value).__name__
        raise TypeError(f"{name}: got {got}, expected an array of uint8")
    if array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] not in (1, 3, 4)):
        raise ValueError(
            f"{name}: got shape {array.shape}, expected (H, W) or (H, W, C) with 1, 3 or 4 channels"
        )
    if array.size == 0:
        raise ValueError(f"{name}: got shape {array.shape}, which has no pixels")
    return array


def as_ragged(
    value: Any,
    name: str,
    offsets: Any = None,
    offsets_name: str = "offsets",
    *,
    invalid: str = "zero",
) -> tuple[Array, NDArray[np.int64]]:
    """Boxes of many images: (N, 4) and (G + 1,) offsets.

    Without offsets they are those of an Arrow column of lists, the items of which are fixed-size
    lists of four numbers, or structs of x1, y1, x2 and y2.
    """
    if offsets is not None:
        boxes = as_boxes(value, name, invalid=invalid)
        return boxes, as_offsets(offsets, offsets_name, len(boxes), name)
    if not is_arrow(value):
        raise TypeError(
            f"{offsets_name}: got None, expected offsets, as {name} is a "
            f"{type(value).__name__} and no Arrow column of lists of boxes"
        )
    boxes, own = arrow_ragged(value, name)
    return as_boxes(boxes, name, invalid=invalid), own
