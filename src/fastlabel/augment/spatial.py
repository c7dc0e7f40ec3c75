"""Operations that move pixels, and the labels with them; and cutout, which hides them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .mapping import FILL, Affine, Lens
from .moving import keep_or_ignore, move
from .random import Draws
from .registry import Operation, Parameter, Values
from .sample import Sample

__all__ = ["OPERATIONS"]

Integers = NDArray[np.int64]

_MIN_VISIBLE = Parameter(
    "min_visible",
    0.3,
    (0.0, 1.0),
    about="Share of a box that must be seen; of one less of which is, a region to ignore is left.",
)


def _size(sample: Sample) -> tuple[int, int]:
    return sample.image.shape[1], sample.image.shape[0]


def _flip(sample: Sample, values: Values, draws: Draws) -> Sample:
    return move(sample, Affine.flip(_size(sample)), min_visible=0.0)


def _rotate(sample: Sample, values: Values, draws: Draws) -> Sample:
    border = values["border"]
    mapping = Affine.rotation(_size(sample), values["degrees"], fill_frame=border == "zoom")
    return move(sample, mapping, edge=border == "edge", min_visible=values["min_visible"])


def _scale_crop(sample: Sample, values: Values, draws: Draws) -> Sample:
    w, h = _size(sample)
    size = (values["width"] or w, values["height"] or h)
    # A window of whole pixels: its share of the picture is the nearest that there is.
    sides = [max(1, round(side / values["scale"])) for side in size]
    x, y = (_start(whole, side, draws) for whole, side in zip((w, h), sides, strict=True))
    mapping = Affine.window((w, h), (x, y, x + sides[0], y + sides[1]), size)
    edge = values["border"] == "edge"
    return move(sample, mapping, edge=edge, min_visible=values["min_visible"])


def _start(whole: int, side: int, draws: Draws) -> int:
    """Where a window begins: inside the picture, or around it if it is larger."""
    room = whole - side
    shift = draws.below(abs(room) + 1)
    return shift if room >= 0 else -shift


def _fisheye(sample: Sample, values: Values, draws: Draws) -> Sample:
    size = _size(sample)
    if values["fov"] == 0:
        return sample
    return move(sample, Lens(size, size, float(values["fov"])), min_visible=values["min_visible"])


def _cutout(sample: Sample, values: Values, draws: Draws) -> Sample:
    w, h = _size(sample)
    holes = []
    for _ in range(values["count"]):
        wide = max(1, round(w * values["size"] * draws.uniform(0.5, 1.0)))
        high = max(1, round(h * values["size"] * draws.uniform(0.5, 1.0)))
        x, y = draws.below(max(w - wide, 0) + 1), draws.below(max(h - high, 0) + 1)
        holes.append((x, y, min(x + wide, w), min(y + high, h)))
    image = sample.image.copy()
    colours = image if image.ndim == 2 else image[:, :, :3]
    for x1, y1, x2, y2 in holes:
        colours[y1:y2, x1:x2] = FILL
    hidden = _hidden(sample.boxes, np.array(holes, np.float64).reshape(-1, 4))
    notes = {"hidden": round(float(hidden.max()), 4)} if len(hidden) else {}
    # What is left of a box that is hidden too far still stands where it stood.
    seen = np.maximum(1.0 - hidden, 1e-9)
    return keep_or_ignore(replace(sample, image=image), seen, 1.0 - values["max_hidden"], notes)


def _hidden(boxes: NDArray[np.float64], holes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Share of each box that rectangles cover together."""
    if not len(boxes) or not len(holes):
        return np.zeros(len(boxes))
    # The sides of all holes divide the picture into cells that each are covered or not.
    xs, ys = np.unique(holes[:, [0, 2]]), np.unique(holes[:, [1, 3]])
    across = (holes[:, None, 0] <= xs[:-1]) & (xs[1:] <= holes[:, None, 2])
    down = (holes[:, None, 1] <= ys[:-1]) & (ys[1:] <= holes[:, None, 3])
    covered = (across[:, None, :] & down[:, :, None]).any(axis=0)
    wide = np.clip(np.minimum(boxes[:, 2:3], xs[1:]) - np.maximum(boxes[:, 0:1], xs[:-1]), 0, None)
    high = np.clip(np.minimum(boxes[:, 3:4], ys[1:]) - np.maximum(boxes[:, 1:2], ys[:-1]), 0, None)
    area = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    shared = np.einsum("nx,yx,ny->n", wide, covered.astype(np.float64), high)
    return np.asarray(np.where(area > 0, shared / np.where(area > 0, area, 1), 0.0))


def _border(default: str, choices: tuple[str, ...], about: str) -> Parameter:
    return Parameter("border", default, choices=choices, about=about)


OPERATIONS: tuple[Any, ...] = (
    Operation(
        "flip",
        "spatial",
        "Left and right exchanged. Not for text, arrows and classes that are a side.",
        (),
        _flip,
    ),
    Operation(
        "rotate",
        "spatial",
        "Turned about the centre, as by a camera that hangs askew.",
        (
            Parameter(
                "degrees",
                (-10.0, 10.0),
                (-180.0, 180.0),
                "degrees",
                "Counter-clockwise.",
                (-10.0, 10.0),
            ),
            _border(
                "zoom",
                ("zoom", "grey", "edge"),
                "At the corners: enlarged until the frame is full, grey, or the outermost pixels.",
            ),
            _MIN_VISIBLE,
        ),
        _rotate,
    ),
    Operation(
        "scale_crop",
        "spatial",
        "A window of the picture at a random place, enlarged or shrunk.",
        (
            Parameter("scale", (1.0, 1.5), (0.05, 20.0), "", "Of the objects.", (0.5, 2.0)),
            Parameter("width", 0, (0, 65535), "px", "Of the result; 0: as it was.", whole=True),
            Parameter("height", 0, (0, 65535), "px", "Of the result; 0: as it was.", whole=True),
            _border(
                "grey",
                ("grey", "edge"),
                "Beyond a picture that is shrunk: grey, or its outermost pixels.",
            ),
            _MIN_VISIBLE,
        ),
        _scale_crop,
    ),
    Operation(
        "fisheye",
        "spatial",
        "The look of an equidistant fisheye lens; the corners stay where they are.",
        (
            Parameter(
                "fov",
                (60, 110),
                (0, 175),
                "degrees",
                "Field of view across the diagonal: 0 changes nothing. Whole degrees, so that "
                "maps are kept.",
                (0, 130),
                whole=True,
            ),
            _MIN_VISIBLE,
        ),
        _fisheye,
    ),
    Operation(
        "cutout",
        "spatial",
        "Grey rectangles, as of things that stand in front.",
        (
            Parameter("count", (1, 3), (0, 64), "", "Rectangles.", (0, 5), whole=True),
            Parameter(
                "size",
                (0.05, 0.15),
                (0.0, 1.0),
                "",
                "Longest side of one, as a share of the picture's.",
                (0.0, 0.25),
            ),
            Parameter(
                "max_hidden",
                0.5,
                (0.0, 1.0),
                "",
                "Share of a box; one that is hidden further becomes a region to ignore.",
            ),
        ),
        _cutout,
    ),
)
