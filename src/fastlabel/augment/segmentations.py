"""Outlines as label files have them, to rings of corners and back."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np

from .mapping import Size
from .sample import Floats

__all__ = ["rings_of", "text_of"]

#: Rings further out than this are no picture's.
_FAR = 1 << 20


def rings_of(text: str | None, size: Size) -> tuple[list[Floats], bool] | None:
    """The rings of a segmentation, and whether it is a mask.

    Parameters
    ----------
    text : str or None
        COCO's JSON (polygons or run lengths), or a row of a YOLO label file.
    size : tuple of int
        Width and height of the image.

    Returns
    -------
    tuple or None
        Rings of (K, 2) corners in pixels; of a mask its outline and those of its holes. None
        where it is no outline of this image.

    Examples
    --------
    >>> rings, mask = rings_of("[[0, 0, 4, 0, 4, 3]]", (8, 8))
    >>> rings[0].tolist(), mask
    ([[0.0, 0.0], [4.0, 0.0], [4.0, 3.0]], False)
    """
    if not text:
        return None
    if not text.lstrip().startswith(("[", "{")):
        try:
            numbers = np.array([float(word) for word in text.split()[1:]])
        except ValueError:
            return None
        return None if len(numbers) % 2 else _sound([numbers.reshape(-1, 2) * size])
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if isinstance(found, dict):
        return _mask_rings(found, size)
    if found and not isinstance(found[0], list):
        found = [found]
    rings = []
    for flat in found:
        if not isinstance(flat, list) or len(flat) % 2 or not all(_real(v) for v in flat):
            return None
        rings.append(np.array(flat, np.float64).reshape(-1, 2))
    return _sound(rings)


def _real(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _sound(rings: list[Floats]) -> tuple[list[Floats], bool] | None:
    if not rings or any(
        len(ring) < 3 or not np.isfinite(ring).all() or np.abs(ring).max() > _FAR for ring in rings
    ):
        return None
    return rings, False


def _mask_rings(found: dict[str, Any], size: Size) -> tuple[list[Floats], bool] | None:
    import cv2

    from ..prepare.paste.outline import decode_rle

    if found.get("size") != [size[1], size[0]]:
        return None
    mask = decode_rle(found.get("counts"), found["size"])
    if mask is None or not mask.any():
        return None
    # Twice as large, the contour through the middle of the outermost pixels is a quarter of a
    # pixel inside the true one, where it would be half a pixel.
    large = np.repeat(np.repeat(mask, 2, axis=0), 2, axis=1)
    contours, _ = cv2.findContours(large, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
    rings = [np.asarray(c.reshape(-1, 2) + 0.5, np.float64) / 2 for c in contours if len(c) >= 3]
    return (rings, True) if rings else None


def text_of(rings: list[Floats], mask: bool, size: Size) -> tuple[str, float]:
    """Rings as COCO's JSON, polygons or run lengths, and the area.

    Examples
    --------
    >>> text_of([np.array([[0, 0], [4, 0], [4, 3.5]])], False, (8, 8))
    ('[[0,0,4,0,4,3.5]]', 7.0)
    """
    if mask:
        return _run_lengths(rings, size)
    area = 0.0
    flat = []
    for ring in rings:
        x, y = ring[:, 0], ring[:, 1]
        area += abs(float(x @ np.roll(y, -1) - y @ np.roll(x, -1))) / 2
        flat.append([_short(v) for v in ring.ravel().tolist()])
    return json.dumps(flat, separators=(",", ":")), area


def _short(value: float) -> float | int:
    """A hundredth of a pixel is finer than any outline is drawn."""
    value = round(value, 2)
    return int(value) if value == math.floor(value) else value


def _run_lengths(rings: list[Floats], size: Size) -> tuple[str, float]:
    import cv2

    canvas = np.zeros((size[1], size[0]), np.uint8)
    shift = 8
    corners = [((ring - 0.5) * (1 << shift)).round().astype(np.int32) for ring in rings]
    cv2.fillPoly(canvas, corners, 1, shift=shift)  # together: even-odd, so that holes stay
    flat = canvas.T.ravel()
    changes = np.flatnonzero(np.diff(flat)) + 1
    runs = np.diff(np.concatenate([[0], changes, [len(flat)]])).tolist()
    if flat[0]:
        runs.insert(0, 0)  # runs begin with what is not the object
    counts = {"size": [size[1], size[0]], "counts": runs}
    return json.dumps(counts, separators=(",", ":")), float(flat.sum())
