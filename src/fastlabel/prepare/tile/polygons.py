"""Polygons cut by a window."""

from __future__ import annotations

import json
import math
from typing import Any

__all__ = ["clip_polygon", "moved_polygons", "polygon_area"]

Points = list[tuple[float, float]]


def clip_polygon(points: Points, x1: float, y1: float, x2: float, y2: float) -> Points:
    """The part of a polygon inside a window, corner by corner.

    Each side of the window in turn cuts off what lies beyond it (Sutherland and Hodgman 1974).
    A polygon that is cut into several parts stays one, joined along the window's edge by lines
    of no area.

    Examples
    --------
    >>> clip_polygon([(-1, 0), (3, 0), (3, 2), (-1, 2)], 0, 0, 2, 2)
    [(0, 0.0), (2, 0.0), (2, 2.0), (0, 2.0)]
    """
    for axis, limit, sign in ((0, x1, 1), (0, x2, -1), (1, y1, 1), (1, y2, -1)):
        out: Points = []
        for k, point in enumerate(points):
            before = points[k - 1]
            here, there = sign * (point[axis] - limit), sign * (before[axis] - limit)
            if (here >= 0) != (there >= 0):
                share = there / (there - here)
                along = before[1 - axis] + share * (point[1 - axis] - before[1 - axis])
                out.append((limit, along) if axis == 0 else (along, limit))
            if here >= 0:
                out.append(point)
        points = [p for k, p in enumerate(out) if p != out[k - 1]]
        if len(points) < 3:
            return []
    return points


def polygon_area(points: Points) -> float:
    """Area by the shoelace formula."""
    doubled = math.fsum(
        points[k - 1][0] * y - x * points[k - 1][1] for k, (x, y) in enumerate(points)
    )
    return abs(doubled) / 2


def moved_polygons(
    text: str,
    yolo_size: tuple[int, int] | None,
    window: tuple[float, float, float, float],
    shown: tuple[float, float, float, float] | None,
) -> tuple[str, float] | None:
    """A segmentation in pixels of the tile, and its area; None where it is no list of polygons.

    Parameters
    ----------
    text : str
        COCO's JSON, or a row of a YOLO label file.
    yolo_size : tuple of int, or None
        Width and height of the image, where the text is a YOLO row.
    window : tuple of float
        Of the tile.
    shown : tuple of float, or None
        In the image's pixels, to what the polygons are clipped; None where all of the object is
        in the tile.
    """
    polygons = _polygons(text, yolo_size)
    if polygons is None:
        return None
    left, top = window[0], window[1]
    out, area = [], 0.0
    for points in polygons:
        part = points if shown is None else clip_polygon(points, *shown)
        if len(part) < 3:
            continue
        area += polygon_area(part)
        out.append([v for x, y in part for v in (_plain(x - left), _plain(y - top))])
    return (json.dumps(out, separators=(",", ":")), area) if out else ("[]", 0.0)


def _plain(value: float) -> float | int:
    return int(value) if value.is_integer() else value


def _polygons(text: str, yolo_size: tuple[int, int] | None) -> list[Points] | None:
    if yolo_size is not None and not text.lstrip().startswith(("[", "{")):
        try:
            numbers = [float(word) for word in text.split()[1:]]
        except ValueError:
            return None
        rows: list[Any] = [[v * yolo_size[k % 2] for k, v in enumerate(numbers)]]
    else:
        try:
            rows = json.loads(text)
        except ValueError:
            return None
    if not isinstance(rows, list) or not rows:
        return None
    out = []
    for row in rows:
        if not isinstance(row, list) or len(row) < 6 or len(row) % 2:
            return None
        if not all(
            isinstance(v, (int, float)) and not isinstance(v, bool) and math.isfinite(v)
            for v in row
        ):
            return None
        numbers = [float(v) for v in row]
        out.append(list(zip(numbers[::2], numbers[1::2], strict=True)))
    return out
