"""Pasting one picture into another, by the native engine."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._arrays import as_image, check_out
from .._core import composite as _paste
from .._scalars import as_choice, as_number, as_whole

__all__ = ["BLEND_MODES", "composite"]

#: Names of the blend modes, in the order of ``fl_blend_mode``.
BLEND_MODES = (
    "normal",
    "multiply",
    "screen",
    "overlay",
    "hard-light",
    "darken",
    "lighten",
    "add",
    "subtract",
    "difference",
    "exclusion",
)
_MAX_FEATHER = 65535
#: Beyond any picture; the native engine takes 64 bits.
_FAR = 1 << 40


def _channels(image: NDArray[np.uint8]) -> int:
    return 1 if image.ndim == 2 else int(image.shape[2])


def _same(a: NDArray[np.uint8], b: Any) -> bool:
    """Whether two arrays are the same memory in the same shape."""
    return a is b or (
        isinstance(b, np.ndarray)
        and a.ctypes.data == b.ctypes.data
        and (a.shape, a.strides, a.dtype) == (b.shape, b.strides, b.dtype)
    )


def _target(scene: NDArray[np.uint8], out: Any, *others: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The array to paste into, holding the scene."""
    if out is None:
        return scene.copy()
    # In place is the common case, and the full checks cost more than the pasting.
    fine = out is scene and out.flags.c_contiguous and out.flags.writeable
    if fine and not any(np.may_share_memory(out, other) for other in others):
        return scene
    if _same(scene, out):
        return check_out(out, "out", scene.shape, np.uint8, *others)
    target = check_out(out, "out", scene.shape, np.uint8, scene, *others)
    target[...] = scene
    return target


def composite(
    scene: Any,
    patch: Any,
    x: int,
    y: int,
    *,
    alpha: Any = None,
    feather: int = 0,
    mode: str = "normal",
    opacity: float = 1.0,
    out: NDArray[np.uint8] | None = None,
) -> NDArray[np.uint8]:
    """Paste a patch into a scene, with alpha, a soft edge and a blend mode.

    Each sample becomes ``(b (255 - w) + B(b, s) w) / 255``, where b is the scene's, s the patch's,
    B the blend mode's formula and w an 8-bit weight: patch alpha times ``alpha`` times the feather
    times opacity. Every product is rounded to the nearest integer (there are no ties), so the
    result is the same bytes on every machine. What falls outside the scene is cut off; pixels
    under a weight of 0 keep their value.

    Parameters
    ----------
    scene : array_like
        (H, W) or (H, W, C) with 1, 3 or 4 channels, uint8, of any strides.
    patch : array_like
        (h, w) or (h, w, C), uint8: one channel into one, 3 or 4 into 3 or 4, in the scene's order.
        Its fourth channel is its alpha, not premultiplied.
    x, y : int
        Where the patch's top left pixel goes; may be negative or outside.
    alpha : array_like, optional
        (h, w) uint8, a mask: 0 leaves the scene, 255 takes the patch. Times the patch's own alpha.
    feather : int
        Width in pixels, 0 to 65535, of a linear ramp inside the patch's border: pixel i from
        the border has weight ``(2 i + 1) / (2 feather + 1)``, the lesser of both directions. With
        a mask or alpha, the ramp runs inside its edge instead: ``min(m, max(0, 2 M - 255))``, M
        the mean of m over the ``2 feather + 1`` pixels square around, 0 outside the patch.
    mode : str
        "normal", "multiply", "screen", "overlay", "hard-light", "darken", "lighten", "difference"
        and "exclusion" as in W3C's "Compositing and Blending Level 1"; "add" and "subtract"
        saturate.
    opacity : float
        0 to 1, taken to the nearest of 256 steps.
    out : numpy.ndarray, optional
        The scene itself, to paste in place, or an array of its shape apart from it.

    Returns
    -------
    numpy.ndarray
        `out`, or a new array. A scene with alpha keeps it: the union of both, by Porter and
        Duff's "over", with the colours weighted accordingly.

    Raises
    ------
    TypeError
        For another dtype, or a position or feather that is no integer.
    ValueError
        For shapes that do not go together, an unknown mode, values out of range, or a patch or
        mask that shares memory with the output.

    Examples
    --------
    >>> import numpy as np
    >>> scene = np.zeros((2, 4), np.uint8)
    >>> composite(scene, np.full((1, 9), 200, np.uint8), 2, 1, opacity=0.5).tolist()
    [[0, 0, 0, 0], [0, 0, 100, 100]]
    """
    as_choice(mode, "mode", BLEND_MODES)
    feather = as_whole(feather, "feather")
    if not 0 <= feather <= _MAX_FEATHER:
        raise ValueError(f"feather: got {feather}, expected 0 to {_MAX_FEATHER} pixels")
    share = as_number(opacity, "opacity", "0 to 1")
    if not 0 <= share <= 1:
        raise ValueError(f"opacity: got {opacity}, expected 0 to 1")
    left, top = (max(-_FAR, min(_FAR, as_whole(v, name))) for v, name in ((x, "x"), (y, "y")))
    below, above = as_image(scene, "scene"), as_image(patch, "patch")
    if (_channels(below) == 1) != (_channels(above) == 1):
        raise ValueError(
            f"patch: got {_channels(above)} channels, the scene has {_channels(below)}; "
            "expected 1 into 1, or 3 or 4 into 3 or 4"
        )
    others = [above]
    mask = None
    if alpha is not None:
        mask = as_image(alpha, "alpha")
        if _channels(mask) != 1 or mask.shape[:2] != above.shape[:2]:
            raise ValueError(f"alpha: got shape {mask.shape}, expected {above.shape[:2]}")
        others.append(mask)
    target = _target(below, out, *others)
    _paste(target, above, left, top, mask, BLEND_MODES.index(mode), feather, share)
    return target
