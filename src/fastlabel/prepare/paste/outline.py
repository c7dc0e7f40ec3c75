"""The outline of an object: polygons, masks or a box alone, as 8-bit coverage of a window."""

from __future__ import annotations

import json
import threading
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["decode_rle", "ellipse_alpha", "grabcut_alpha", "outline_alpha", "outline_kind"]

Mask = NDArray[np.uint8]
Box = tuple[float, float, float, float]

#: Each pixel is sampled this many times an axis; 4 x 4 gives coverage to a sixteenth.
_SAMPLES = 4
#: cv2.fillPoly takes corners in 2**-_SHIFT of a pixel.
_SHIFT = 8
_FAR = 1 << 20
#: An outline is believed when its own box agrees with the labelled one at least this well.
_LEAST_AGREEMENT = 0.5
_GRABCUT = threading.Lock()


def decode_rle(counts: Any, size: Any) -> Mask | None:
    """A COCO run-length mask, compressed (text) or not (a list), as 0 and 1.

    Runs alternate between 0 and 1, starting with 0, down the columns. In the compressed form each
    number is split into groups of 5 bits, lowest first, as characters from "0" on whose sixth bit
    says that another follows; from the third on it is the difference to the run two before it.

    Parameters
    ----------
    counts : str, bytes or sequence of int
        The runs.
    size : sequence of int
        (height, width).

    Returns
    -------
    numpy.ndarray or None
        (height, width) uint8; None where the runs do not fill the size exactly.

    Examples
    --------
    >>> decode_rle([1, 2, 1], [2, 2]).tolist()
    [[0, 1], [1, 0]]
    """
    try:
        height, width = (int(v) for v in size)
        runs = _runs(counts) if isinstance(counts, (str, bytes)) else [int(v) for v in counts]
    except (TypeError, ValueError, OverflowError):
        return None
    if runs is None or min(height, width) < 1 or any(run < 0 for run in runs):
        return None
    if sum(runs) != height * width:
        return None
    values = np.arange(len(runs)) % 2
    return np.repeat(values, runs).astype(np.uint8).reshape(width, height).T


def _runs(text: str | bytes) -> list[int] | None:
    data = text.encode("ascii", "replace") if isinstance(text, str) else text
    runs: list[int] = []
    value = shift = 0
    for byte in data:
        group = byte - 48
        if not 0 <= group < 64 or shift > 60:
            return None
        value |= (group & 31) << shift
        shift += 5
        if group & 32:
            continue
        if group & 16:  # the sign of the last group
            value -= 1 << shift
        runs.append(value + (runs[-2] if len(runs) > 2 else 0))
        value = shift = 0
    return runs if shift == 0 else None


def _polygons(parts: Any, scale: tuple[float, float]) -> list[NDArray[np.float64]] | None:
    """Rings of at least three finite corners; None when there is none."""
    rings = []
    for part in parts if isinstance(parts, list) else ():
        try:
            ring = np.array(part, np.float64).reshape(-1, 2) * scale
        except (TypeError, ValueError):
            continue
        if len(ring) >= 3 and np.isfinite(ring).all() and (np.abs(ring) < _FAR).all():
            rings.append(ring)
    return rings or None


def _read(text: str, image: tuple[int, int]) -> list[NDArray[np.float64]] | Mask | None:
    """The segmentation as it stands in a COCO file (JSON) or in a YOLO line (shares)."""
    width, height = image
    text = text.strip()
    if not text.startswith(("[", "{")):
        words = text.split()[1:]
        try:
            return _polygons([[float(word) for word in words]], (width, height))
        except ValueError:
            return None
    try:
        parsed = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if isinstance(parsed, list):
        return _polygons(parsed if parsed and isinstance(parsed[0], list) else [parsed], (1, 1))
    if parsed.get("size") != [height, width]:
        return None
    return decode_rle(parsed.get("counts"), parsed["size"])


def _filled(rings: list[NDArray[np.float64]], window: tuple[int, int, int, int]) -> Mask:
    """Coverage of a window (x1, y1, x2, y2) by rings, even-odd, as COCO's tools have them."""
    import cv2

    from ...pixels import resize_area

    x1, y1, x2, y2 = window
    samples = _SAMPLES if max(x2 - x1, y2 - y1) <= 1024 else 1
    canvas = np.zeros(((y2 - y1) * samples, (x2 - x1) * samples), np.uint8)
    for ring in rings:
        # A sample's centre is at half a sample; OpenCV's is at whole numbers.
        at = ((ring - (x1, y1)) * samples - 0.5) * (1 << _SHIFT)
        at = at.clip(-(2**30), 2**30)
        cv2.fillPoly(canvas, [at.round().astype(np.int32)], 255, shift=_SHIFT)
    return canvas if samples == 1 else resize_area(canvas, (x2 - x1, y2 - y1))


def ellipse_alpha(box: Box, width: int, height: int) -> Mask:
    """Coverage of a window by the ellipse inscribed in a box of it.

    Examples
    --------
    >>> ellipse_alpha((0, 0, 4, 4), 4, 4)[1].tolist()
    [239, 255, 255, 239]
    """
    from ...pixels import resize_area

    samples = _SAMPLES if max(width, height) <= 1024 else 1
    x = (np.arange(width * samples) + 0.5) / samples
    y = (np.arange(height * samples) + 0.5) / samples
    cx, cy = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    rx, ry = (box[2] - box[0]) / 2, (box[3] - box[1]) / 2
    inside = ((x - cx) / rx)[None, :] ** 2 + ((y - cy) / ry)[:, None] ** 2 <= 1
    return resize_area(inside.astype(np.uint8) * 255, (width, height))


def _judged(
    text: str | None, image: tuple[int, int], box: Box
) -> tuple[list[NDArray[np.float64]] | Mask | None, str, str | None]:
    """The outline, or None; what it is; and why a given one is not used."""
    if not text:
        return None, "ellipse", None
    found = _read(text, image)
    if found is None:
        return None, "ellipse", "the outline cannot be read, or is no polygon of three corners"
    if not _agrees(found, box):
        return None, "ellipse", "the outline lies elsewhere than the box"
    return found, "polygon" if isinstance(found, list) else "mask", None


def outline_kind(text: str, image: tuple[int, int], box: Any) -> tuple[str, str | None]:
    """What `outline_alpha` will take, "polygon", "mask" or "ellipse", and why no given outline."""
    _, kind, note = _judged(text, image, tuple(box))
    return kind, note


def outline_alpha(
    segmentation: str | None,
    image: tuple[int, int],
    box: Box,
    window: tuple[int, int, int, int],
) -> tuple[Mask, str]:
    """Coverage of a window of the image by the object's outline.

    Parameters
    ----------
    segmentation : str or None
        As the source has it: COCO's polygons or run lengths, a YOLO polygon line.
    image : tuple of int
        (width, height).
    box : tuple of float
        The labelled box, in image pixels.
    window : tuple of int
        (x1, y1, x2, y2) in image pixels, inside it.

    Returns
    -------
    alpha, outline
        (h, w) uint8; "polygon", "mask" or, without an outline that fits, "ellipse".
    """
    x1, y1, x2, y2 = window
    found, kind, _ = _judged(segmentation, image, box)
    if isinstance(found, list):
        return _filled(found, window), kind
    if found is not None:
        return np.ascontiguousarray(found[y1:y2, x1:x2] * 255), kind
    inner = (box[0] - x1, box[1] - y1, box[2] - x1, box[3] - y1)
    return ellipse_alpha(inner, x2 - x1, y2 - y1), kind


def _agrees(found: list[NDArray[np.float64]] | Mask, box: Box) -> bool:
    """Whether the box around the outline is about the labelled one."""
    from ...boxes import box_iou

    if isinstance(found, list):
        corners = np.concatenate(found)
        around = [*corners.min(0), *corners.max(0)]
    else:
        columns, rows = np.flatnonzero(found.any(axis=0)), np.flatnonzero(found.any(axis=1))
        if not len(columns):
            return False
        around = [columns[0], rows[0], columns[-1] + 1, rows[-1] + 1]
    iou = box_iou(np.array([around], np.float64), np.array([box], np.float64))
    return bool(iou[0, 0] >= _LEAST_AGREEMENT)


def grabcut_alpha(pixels: NDArray[np.uint8], box: Box, seed: int) -> Mask | None:
    """An outline found by OpenCV's GrabCut from a box, or None where what it finds is implausible.

    Outside the box is background, the inner half surely object. Found is plausible when it fills
    from a quarter of the box to all but a fiftieth of it, in one main piece.
    """
    import cv2

    height, width = pixels.shape[:2]
    x1, y1 = max(0, round(box[0])), max(0, round(box[1]))
    x2, y2 = min(width, round(box[2])), min(height, round(box[3]))
    if x2 - x1 < 8 or y2 - y1 < 8 or (x2 - x1) * (y2 - y1) >= 0.9 * width * height:
        return None
    labels = np.full((height, width), cv2.GC_BGD, np.uint8)
    labels[y1:y2, x1:x2] = cv2.GC_PR_BGD
    ellipse = ellipse_alpha(box, width, height) > 127
    labels[ellipse & (labels == cv2.GC_PR_BGD)] = cv2.GC_PR_FGD
    mx, my = (x2 - x1) // 4, (y2 - y1) // 4
    core = ellipse_alpha((x1 + mx, y1 + my, x2 - mx, y2 - my), width, height) > 127
    labels[core] = cv2.GC_FGD
    background, subject = np.zeros((1, 65)), np.zeros((1, 65))
    with _GRABCUT:  # the generator is the process's
        cv2.setRNGSeed(seed & 0x7FFFFFFF)
        try:
            cv2.grabCut(pixels, labels, (0, 0, 0, 0), background, subject, 3, cv2.GC_INIT_WITH_MASK)
        except cv2.error:
            return None
    mask = np.isin(labels, (cv2.GC_FGD, cv2.GC_PR_FGD)).astype(np.uint8)
    count, pieces, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=4)
    if count < 2:
        return None
    main = 1 + int(stats[1:, cv2.CC_STAT_AREA].argmax())
    area = float(stats[main, cv2.CC_STAT_AREA])
    if area < 0.8 * mask.sum():
        return None
    if not 0.25 <= area / ((x2 - x1) * (y2 - y1)) <= 0.98:
        return None
    # A hard mask made at full size; shrinking gives it soft edges.
    return np.asarray((pieces == main) * 255, np.uint8)
