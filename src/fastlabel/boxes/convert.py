"""Area, conversion between conventions, clipping: a box at a time."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._arrays import as_boxes, as_real, box_format, check_out

__all__ = ["box_area", "box_convert", "clip_boxes_to_image"]

Real = NDArray[Any]
FORMATS = ("xyxy", "xywh", "cxcywh")


def box_area(
    boxes: ArrayLike, fmt: str = "xyxy", *, out: Real | None = None, invalid: str = "raise"
) -> Real:
    """Area of each box.

    Parameters
    ----------
    boxes : array_like
        (N, 4).
    fmt : {"xyxy", "xywh", "cxcywh"}
        Two corners; corner and size; centre and size.
    out : numpy.ndarray, optional
        (N,) of the result's dtype, with any strides; the result is written there.
    invalid : {"raise", "zero"}
        A box that is reversed or not finite is an error, or has area 0.

    Returns
    -------
    numpy.ndarray
        (N,) in square pixels; float32 for float32 boxes, else float64. 0 also where the area
        leaves the dtype's range.

    Raises
    ------
    ValueError
        For another shape, an unknown format, or an invalid box.

    Examples
    --------
    >>> box_area([[0, 0, 4, 5]]).tolist()
    [20.0]
    """
    from .._core import box_area as native

    number = box_format(fmt, "fmt")
    b = as_boxes(boxes, "boxes", invalid=_checked(invalid, "zero"), fmt=fmt)
    result = check_out(out, "out", (len(b),), b.dtype, b)
    native(b, result, number)
    return result


def box_convert(
    boxes: ArrayLike,
    in_fmt: str,
    out_fmt: str,
    *,
    size: ArrayLike | None = None,
    out: Real | None = None,
    invalid: str = "raise",
) -> Real:
    """Boxes in another convention.

    Parameters
    ----------
    boxes : array_like
        (N, 4).
    in_fmt, out_fmt : {"xyxy", "xywh", "cxcywh", "xyxyn", "xywhn", "cxcywhn"}
        Two corners; corner and size; centre and size. With an ``n`` at the end all four are
        fractions of the image's width and height.
    size : array_like, optional
        (width, height) of the image in pixels, positive, or (N, 2), one for each box. Needed
        when exactly one of the two formats is normalised.
    out : numpy.ndarray, optional
        (N, 4) of the result's dtype, with any strides; the result is written there.
    invalid : {"raise", "keep"}
        A box that is reversed or not finite is an error, or is computed like any other.

    Returns
    -------
    numpy.ndarray
        (N, 4), a new array unless `out` is given; float32 for float32 boxes, else float64.

    Raises
    ------
    ValueError
        For another shape, an unknown format, a size that is missing or not positive, or an
        invalid box.

    Examples
    --------
    >>> box_convert([[10, 20, 30, 60]], "xyxy", "cxcywh").tolist()
    [[20.0, 40.0, 20.0, 40.0]]
    >>> box_convert([[10, 20, 30, 60]], "xyxy", "cxcywhn", size=(100, 200)).tolist()
    [[0.2, 0.2, 0.2, 0.2]]
    """
    from .._core import box_convert as native

    source, from_fraction = _format(in_fmt, "in_fmt")
    target, to_fraction = _format(out_fmt, "out_fmt")
    fmt = FORMATS[source]
    b = as_boxes(boxes, "boxes", invalid=_checked(invalid, "keep"), fmt=fmt)
    sizes = None
    if from_fraction != to_fraction:
        sizes = _sizes(size, len(b), f"{in_fmt} to {out_fmt}")
    result = check_out(out, "out", b.shape, b.dtype, b)
    native(
        b, result, source, target, sizes if from_fraction else None, sizes if to_fraction else None
    )
    return result


def clip_boxes_to_image(
    boxes: ArrayLike,
    size: tuple[float, float],
    *,
    out: Real | None = None,
    invalid: str = "raise",
) -> Real:
    """Boxes with the parts outside the image cut off.

    Parameters
    ----------
    boxes : array_like
        (N, 4) in ``xyxy``.
    size : tuple
        (height, width) of the image, as torchvision has it.
    out : numpy.ndarray, optional
        (N, 4) of the result's dtype, with any strides; the result is written there.
    invalid : {"raise", "keep"}
        A box that is reversed or not finite is an error, or is clipped corner by corner, NaN
        staying NaN.

    Returns
    -------
    numpy.ndarray
        (N, 4); a box that lay outside has no area. float32 for float32 boxes, else float64.

    Raises
    ------
    ValueError
        For another shape, a size that is negative or not finite, or an invalid box.

    Examples
    --------
    >>> clip_boxes_to_image([[-5, 10, 50, 90]], (80, 40)).tolist()
    [[0.0, 10.0, 40.0, 80.0]]
    """
    from .._core import clip_boxes as native

    limits = as_real(size, "size")
    if limits.shape != (2,) or not (np.isfinite(limits) & (limits >= 0)).all():
        raise ValueError(f"size: got {size!r}, expected (height, width), finite, not negative")
    b = as_boxes(boxes, "boxes", invalid=_checked(invalid, "keep"))
    result = check_out(out, "out", b.shape, b.dtype, b)
    native(b, result, float(limits[1]), float(limits[0]))
    return result


def _checked(invalid: str, other: str) -> str:
    if not isinstance(invalid, str) or invalid not in ("raise", other):
        raise ValueError(f"invalid: got {invalid!r}, expected 'raise' or {other!r}")
    return invalid


def _format(fmt: Any, name: str) -> tuple[int, bool]:
    """Number of a format, and whether it is normalised."""
    if isinstance(fmt, str):
        plain = fmt.removesuffix("n")
        if plain in FORMATS:
            return FORMATS.index(plain), plain != fmt
    raise ValueError(
        f"{name}: got {fmt!r}, expected one of {', '.join(FORMATS)}, "
        f"{', '.join(f + 'n' for f in FORMATS)}"
    )


def _sizes(size: ArrayLike | None, n: int, what: str) -> NDArray[np.float64]:
    if size is None:
        raise ValueError(f"size: got None, expected (width, height) to convert from {what}")
    given = as_real(size, "size")
    sizes = np.ascontiguousarray(given.reshape(1, 2) if given.shape == (2,) else given, np.float64)
    if sizes.shape not in ((1, 2), (n, 2)):
        raise ValueError(f"size: got shape {given.shape}, expected (2,) or ({n}, 2)")
    bad = ~(np.isfinite(sizes) & (sizes > 0)).all(axis=1)
    if bad.any():
        row = int(bad.argmax())
        raise ValueError(f"size: got {sizes[row].tolist()}, expected finite numbers above 0")
    return sizes
