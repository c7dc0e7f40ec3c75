"""A contact sheet: pasted objects enlarged, with their boxes and without, to be looked at."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["contact_sheet", "sheet_page"]

Picture = npt.NDArray[np.uint8]

#: Side of one tile, and the space between two, in pixels of the sheet.
TILE, SPACE = 160, 6
_LINE = (60, 230, 60)


def contact_sheet(
    crops: Sequence[tuple[Picture, Picture, tuple[float, float, float, float]]], columns: int = 4
) -> Picture:
    """Lay crops out in a grid: before, after, and after with the box drawn.

    Parameters
    ----------
    crops : sequence of tuple
        (before, after, box): two pictures of one size, (h, w, 3) uint8 BGR, and the box
        x1, y1, x2, y2 of the pasted object in their pixels.
    columns : int
        Triples in a row.

    Returns
    -------
    numpy.ndarray
        (H, W, 3) uint8 BGR. Each crop is enlarged to about 160 px without smoothing.

    Examples
    --------
    >>> import numpy as np
    >>> crop = np.zeros((40, 40, 3), np.uint8)
    >>> contact_sheet([(crop, crop, (10, 10, 30, 30))]).shape
    (172, 504, 3)
    """
    import cv2

    columns = max(1, min(columns, len(crops)))
    rows = -(-len(crops) // columns)
    wide = 3 * TILE + 4 * SPACE
    sheet = np.full((rows * (TILE + SPACE) + SPACE, columns * wide, 3), 255, np.uint8)
    for at, (before, after, box) in enumerate(crops):
        side = max(before.shape[:2])
        times = TILE / side
        marked = _enlarged(after, times)
        # cv2 draws on pixels, so the line lies on the pixels just inside the box.
        left, top = (round(v * times) for v in box[:2])
        right, bottom = (round(v * times) - 1 for v in box[2:])
        cv2.rectangle(marked, (left, top), (right, bottom), _LINE, 1)
        y = SPACE + (at // columns) * (TILE + SPACE)
        x = (at % columns) * wide + SPACE
        for picture in (_enlarged(before, times), _enlarged(after, times), marked):
            h, w = picture.shape[:2]
            sheet[y : y + h, x : x + w] = picture
            x += TILE + SPACE
    return sheet


def _enlarged(picture: Picture, times: float) -> Picture:
    import cv2

    h, w = picture.shape[:2]
    size = (max(1, min(TILE, round(w * times))), max(1, min(TILE, round(h * times))))
    way = cv2.INTER_NEAREST if times >= 1 else cv2.INTER_AREA
    return np.asarray(cv2.resize(picture, size, interpolation=way), np.uint8)


def sheet_page(sheet: Picture, lines: Sequence[str]) -> str:
    """Write the sheet as one HTML page that needs nothing else.

    Parameters
    ----------
    sheet : numpy.ndarray
        As :func:`contact_sheet` makes it.
    lines : sequence of str
        What to say above it; plain text.
    """
    from html import escape

    import cv2

    from ...report.text import visible

    done, data = cv2.imencode(".jpg", sheet, [cv2.IMWRITE_JPEG_QUALITY, 92])
    if not done:
        raise ValueError("the sheet is too large for one picture")
    said = "".join(f"<p>{escape(visible(line))}</p>" for line in lines)
    picture: Any = base64.b64encode(data.tobytes()).decode("ascii")
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>Pasted objects</title>'
        "<style>body{font:14px/1.4 sans-serif;margin:24px}img{max-width:100%}</style>"
        f"<h1>Pasted objects</h1>{said}"
        "<p>In threes: before, after, and after with the label's box.</p>"
        f'<img alt="Contact sheet" src="data:image/jpeg;base64,{picture}"></html>\n'
    )
