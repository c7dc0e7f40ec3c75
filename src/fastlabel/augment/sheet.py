"""Contact sheets: each operation at three strengths, with the labels drawn, to be looked at."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..dataset import Dataset, DatasetError
from ..report.text import visible
from .labels import Source
from .recipe import Augmented, Recipe, Stage
from .registry import Operation, find, operations

__all__ = ["operations_page", "strengths"]

Picture = NDArray[np.uint8]

#: Longer side of a picture on the page, and pictures of the set that are shown.
SIDE, IMAGES = 420, 2

#: Where in its range a parameter stands: low, medium and high.
_AT = (0.0, 0.7, 1.0)

_BOX, _RING, _TURNED, _IGNORE = (60, 230, 60), (255, 160, 0), (0, 220, 255), (160, 160, 160)

_STYLE = """body{font:14px/1.4 system-ui,sans-serif;margin:24px;color:#1b1f24;background:#fff}
h1{font-size:22px}h2{font-size:16px;margin:20px 0 4px}p{margin:4px 0}
ul{display:grid;grid-template-columns:repeat(4,minmax(0,1fr));gap:10px;padding:0;margin:8px 0;
list-style:none}li{font-size:12px;overflow-wrap:anywhere}img{width:100%;display:block}
@media(prefers-color-scheme:dark){body{background:#0d1117;color:#e6edf3}}"""


def strengths(stage: Stage) -> list[Stage]:
    """One stage at three strengths: each range at its low end, at 0.7 of it, and at its high end.

    Parameters
    ----------
    stage : Stage
        What it does not set takes the operation's default.

    Returns
    -------
    list of Stage
        Without chance; one alone where the operation has no range.

    Examples
    --------
    >>> [s.params["gamma"] for s in strengths(Stage("gamma", params={"gamma": (0.5, 2.0)}))]
    [0.5, 1.55, 2.0]
    """
    made = []
    for at in _AT:
        params: dict[str, Any] = {}
        for parameter in find(stage.op).parameters:
            value = stage.params.get(parameter.name, parameter.default)
            if isinstance(value, tuple):
                value = value[0] + at * (value[1] - value[0])
                value = round(value) if parameter.whole else round(value, 6)
            params[parameter.name] = value
        made.append(Stage(stage.op, 1.0, params))
    return made[:1] if made[0].params == made[-1].params else made


def operations_page(
    dataset: Dataset,
    recipe: Recipe | None = None,
    *,
    images: Sequence[int] | None = None,
    seed: int = 0,
) -> str:
    """Write a page with each operation at three strengths, on images of a data set.

    Parameters
    ----------
    dataset : Dataset
        Read from its folder.
    recipe : Recipe, optional
        Its operations with its ranges; by default every operation there is, with its defaults.
    images : sequence of int, optional
        Images that may be shown, by row; those with boxes are preferred.
    seed : int
        Of what the operations draw.

    Returns
    -------
    str
        HTML that needs nothing else. Boxes are green, polygons blue, oriented boxes yellow,
        regions to ignore grey.
    """
    chosen = range(len(dataset)) if images is None else images
    pictures = _pictures(dataset, chosen)
    stages: Iterable[Stage]
    if recipe is None:
        stages = (Stage(operation.name) for operation in operations())
    else:
        stages = recipe.stages
    parts = [_section(stage, pictures, seed) for stage in stages]
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>Augmentation</title><style>{_STYLE}</style>"
        "<h1>Each operation at three strengths</h1>"
        "<p>Boxes are green, polygons blue, oriented boxes yellow, regions to ignore grey.</p>"
        f"{''.join(parts)}</html>\n"
    )


def _pictures(dataset: Dataset, chosen: Sequence[int] | range) -> list[tuple[str, Picture, Any]]:
    """Name, pixels and labels of the images on the page."""
    from .. import _core
    from ..cut import read_tile

    source = Source(dataset)
    counts = np.bincount(dataset.column("annotations", "image_id"), minlength=len(dataset))
    order = sorted(chosen, key=lambda at: counts[at] == 0)
    paths = dataset.images["path"].to_pylist()
    found: list[tuple[str, Picture, Any]] = []
    for at in order[:: max(1, len(order) // (8 * IMAGES))]:
        if len(found) == IMAGES:
            break
        if paths[at] is None:
            continue
        file = str(dataset.root / paths[at])
        _, widths, heights, turns = _core.sniff_headers([file.encode()], 1)
        size = int(widths[0]), int(heights[0])
        if 5 <= turns[0] <= 8:
            size = size[::-1]
        try:
            picture = read_tile(file, (0, 0, *size)) if min(size) > 0 else None
        except (DatasetError, ValueError):
            continue
        if picture is not None:
            found.append((str(paths[at]), picture, source.of_image(at, size)))
    return found


def _section(stage: Stage, pictures: list[tuple[str, Picture, Any]], seed: int) -> str:
    operation = find(stage.op)
    rows = []
    for name, picture, given in pictures:
        before = _card(picture, given, visible(name))
        cards = [before]
        for one in strengths(stage):
            made = _made(operation, one, picture, given, name, seed)
            cards.append(_card(made.image, made, _words(made)))
        rows.append(f"<ul>{''.join(cards)}</ul>")
    return f"<h2>{escape(stage.op)}</h2><p>{escape(operation.about)}</p>{''.join(rows)}"


def _made(
    operation: Operation, stage: Stage, picture: Picture, given: Any, name: str, seed: int
) -> Augmented:
    recipe = Recipe((stage,), "sheet")
    labels = given.boxes, given.polygons, given.obb, given.ignore
    return recipe(picture, *labels, seed=seed, image_key=name)


def _words(made: Augmented) -> str:
    """What was drawn, as the ledger has it."""
    row = made.ledger[0] if made.ledger else {}
    said = [f"{k} {_number(v)}" for k, v in row.items() if k not in ("stage", "op")]
    return ", ".join(said) or "done"


def _number(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _card(picture: Picture, labels: Any, words: str) -> str:
    import cv2

    drawn = _drawn(picture, labels)
    done, data = cv2.imencode(".jpg", drawn, [cv2.IMWRITE_JPEG_QUALITY, 85])
    assert done
    text = base64.b64encode(data.tobytes()).decode("ascii")
    said = escape(words)
    return f'<li><img alt="{said}" src="data:image/jpeg;base64,{text}">{said}</li>'


def _drawn(picture: Picture, labels: Any) -> Picture:
    """The picture made small, with its labels; lines lie to a sixteenth of a pixel."""
    import cv2

    h, w = picture.shape[:2]
    times = min(1.0, SIDE / max(h, w))
    size = max(1, round(w * times)), max(1, round(h * times))
    way = cv2.INTER_AREA if times < 1 else cv2.INTER_LINEAR
    small: Picture = np.array(cv2.resize(picture, size, interpolation=way), np.uint8, order="C")
    if small.ndim == 2:
        small = np.asarray(cv2.cvtColor(small, cv2.COLOR_GRAY2BGR), np.uint8)
    scale = np.array(size) / (w, h)

    def lines(points: Any, colour: tuple[int, int, int]) -> None:
        at = ((np.asarray(points, np.float64) * scale - 0.5) * 16).round().astype(np.int32)
        cv2.polylines(small, [at], True, colour, 1, cv2.LINE_AA, shift=4)

    for region in labels.ignore:
        lines(region[[0, 1, 2, 1, 2, 3, 0, 3]].reshape(4, 2), _IGNORE)
    for rings in labels.polygons:
        for ring in rings or ():
            lines(ring, _RING)
    for corners in labels.obb:
        if np.isfinite(corners).all():
            lines(corners, _TURNED)
    for box in labels.boxes:
        lines(box[[0, 1, 2, 1, 2, 3, 0, 3]].reshape(4, 2), _BOX)
    return small
