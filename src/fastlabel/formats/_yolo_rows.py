"""Rows of one YOLO label file, each typed by itself."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

__all__ = ["BOX", "EIGHT", "POLYGON", "POSE", "Row", "Rows", "in_pixels", "parse"]

_BLOCK = 1 << 13

BOX, POLYGON, EIGHT, POSE = range(4)

Box = tuple[float, float, float, float]


@dataclass(slots=True)
class Row:
    """One row that is an annotation. Coordinates are normalised, corners of the box."""

    line: int
    kind: int
    category: str
    box: Box
    raw: str
    score: float | None = None


@dataclass
class Rows:
    """One label file."""

    rows: list[Row] = field(default_factory=list)
    #: (message, line, value)
    bad: list[tuple[str, int, str]] = field(default_factory=list)

    @property
    def blank(self) -> bool:
        """Whether nothing but white space stands in the file."""
        return not self.rows and not self.bad


def parse(text: str, keypoints: int = 0) -> Rows:
    """Read the rows of a label file.

    Parameters
    ----------
    text : str
        The file's text.
    keypoints : int
        Numbers per row that belong to keypoints; 0 for a set without them.

    Returns
    -------
    Rows
        A row is a box (5 numbers with the class), a box with a confidence (6), an
        8-number figure whose meaning the set decides (9), a polygon (odd, 7 or more), or
        a box with keypoints. Anything else is bad.
    """
    result = Rows()
    plain = text.isascii() and "_" not in text
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    for number, line in enumerate(text.split("\n"), 1):
        words = line.split()
        if words:
            _add(result, number, line, words, keypoints, plain)
    return result


def _add(
    result: Rows, number: int, line: str, words: list[str], keypoints: int, plain: bool
) -> None:
    # float() also takes "1_0" and digits of other scripts, which no trainer reads.
    if not plain and not all(word.isascii() and "_" not in word for word in words[1:]):
        result.bad.append((_not_numbers(words), number, line.strip()))
        return
    try:
        values = [float(word) for word in words[1:]]
    except ValueError:
        result.bad.append((_not_numbers(words), number, line.strip()))
        return
    count = len(words)
    raw = line.split(None, 1)[1].rstrip() if count > 1 else ""
    if count == 5 or (keypoints and count == 5 + keypoints):
        kind = BOX if count == 5 else POSE
        result.rows.append(Row(number, kind, words[0], _corners(values), raw))
    elif count == 6:
        result.rows.append(Row(number, BOX, words[0], _corners(values), raw, values[4]))
    elif count >= 7 and count % 2:
        kind = EIGHT if count == 9 else POLYGON
        result.rows.append(Row(number, kind, words[0], _extremes(values), raw))
    else:
        result.bad.append(
            (
                f"a row of {count} values is neither a box (5), a box with a confidence (6) "
                "nor a polygon (an odd number from 7 on); correct it or remove it",
                number,
                line.strip(),
            )
        )


def in_pixels(
    corners: npt.NDArray[np.float64], scale: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Corners as fractions, (N, 4), times their image's width and height, (N, 2).

    The text of a row is decimal and so, nearly always, was the box in pixels that it was
    made of: 0.0275 less half of 0.035, times 100, is 1, where float64 says
    0.9999999999999999. So what is a number of six decimals but for the error of this very
    arithmetic is taken for that number.
    """
    found = np.empty_like(corners)
    for at in range(0, len(corners), _BLOCK):
        part = slice(at, at + _BLOCK)
        found[part] = _block_in_pixels(corners[part], scale[part])
    return found


def _block_in_pixels(
    corners: npt.NDArray[np.float64], scale: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    factors = np.hstack([scale, scale])
    # A hostile number may pass float64's range on the way to pixels.
    with np.errstate(invalid="ignore", over="ignore"):
        boxes: npt.NDArray[np.float64] = corners * factors
        short = np.round(boxes, 6)
        reach = np.maximum(np.abs(boxes[:, :2]), np.abs(boxes[:, 2:])) + scale
        error = 4 * np.finfo(np.float64).eps * np.hstack([reach, reach])
        near = np.abs(short - boxes) <= error
    return np.where(near, short, boxes)


def _not_numbers(words: list[str]) -> str:
    for at, word in enumerate(words[1:], 2):
        try:
            if word.isascii() and "_" not in word:
                float(word)
                continue
        except ValueError:
            pass
        return f"value {at} of the row is {word[:40]!r}, not a number; correct it or remove the row"
    return "the row is not numbers; correct it or remove it"


def _corners(values: list[float]) -> Box:
    x, y, width, height = values[:4]
    return x - width / 2, y - height / 2, x + width / 2, y + height / 2


def _extremes(values: list[float]) -> Box:
    if not math.isfinite(sum(values)):
        return math.nan, math.nan, math.nan, math.nan
    xs, ys = values[0::2], values[1::2]
    return min(xs), min(ys), max(xs), max(ys)
