"""Which windows of which images: sizes from the files' headers, and a count before a list."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ...boxes.tiles import TileGrid
from ...dataset import Dataset, as_numpy

__all__ = ["LeftOut", "Plan", "TooManyTiles", "plan_tiles"]

Integers = NDArray[np.int64]


class TooManyTiles(ValueError):
    """A plan of more tiles than allowed; nothing was allocated for it.

    Attributes
    ----------
    count : int
        Tiles of the plan.
    """

    def __init__(self, count: int, images: int, most: int) -> None:
        super().__init__(
            f"size, overlap: got {count:,} tiles of {images:,} images, expected at most "
            f"max_tiles = {most:,}; choose larger tiles or a smaller overlap, or raise max_tiles"
        )
        self.count = count


@dataclass(frozen=True)
class LeftOut:
    """An image that gives no tiles."""

    image_id: int
    file: str
    status: str  # of schema.STATUSES, or "labels-turned"
    detail: str


@dataclass(frozen=True)
class Plan:
    """Windows of every image, image by image.

    Attributes
    ----------
    sizes : numpy.ndarray
        (images, 2) int64: width and height of the upright picture, 0 where it is unknown.
    windows : numpy.ndarray
        (tiles, 4) int64.
    offsets : numpy.ndarray
        (images + 1,) int64 into the windows.
    formats : list of str
        Of each image's file, by its content.
    left_out : list of LeftOut
        Images without windows, and why.
    differs : list of int
        Images whose labels were made for another size than the file has.
    """

    sizes: Integers
    windows: Integers
    offsets: Integers
    formats: list[str]
    left_out: list[LeftOut] = field(default_factory=list)
    differs: list[int] = field(default_factory=list)


def plan_tiles(dataset: Dataset, grid: TileGrid, max_tiles: int, workers: int = 0) -> Plan:
    """Lay the windows over every image.

    Raises
    ------
    TooManyTiles
        Before any window is made.
    """
    sizes, formats, left_out, differs = _sizes(dataset, workers)
    ways = Counter((int(w), int(h)) for w, h in sizes.tolist() if w > 0)
    shapes = {(w, h): grid.counts(h, w) for w, h in ways}
    total = sum(
        number * rows * columns
        for (rows, columns), number in zip(
            (shapes[way] for way in ways), ways.values(), strict=True
        )
    )
    if total > max_tiles:
        raise TooManyTiles(total, sum(ways.values()), max_tiles)
    counts = np.array(
        [
            rows * columns
            for rows, columns in (shapes.get((w, h), (0, 0)) for w, h in sizes.tolist())
        ],
        np.int64,
    )
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    windows = np.empty((int(total), 4), np.int64)
    known: dict[tuple[int, int], Integers] = {}
    for image, (w, h) in enumerate(sizes.tolist()):
        if w > 0:
            if (w, h) not in known:
                known[w, h] = grid.windows(h, w)
            windows[offsets[image] : offsets[image + 1]] = known[w, h]
    return Plan(sizes, windows, offsets, formats, left_out, differs)


def _sizes(dataset: Dataset, workers: int) -> tuple[Integers, list[str], list[LeftOut], list[int]]:
    """Upright sizes, formats, the images left out, and those of another size than declared."""
    from ... import _core

    paths = dataset.images["path"].to_pylist()
    shown = dataset.images["file_name"].to_pylist()
    root = os.fsencode(dataset.root) + b"/"
    inside = [k for k, path in enumerate(paths) if path is not None]
    files = [root + os.fsencode(paths[k]) for k in inside]
    found, widths, heights, turns = _core.sniff_headers(files, workers)
    declared = np.stack(
        [as_numpy(dataset.images[side].fill_null(0)) for side in ("width", "height")], axis=1
    )
    sizes = np.zeros((len(paths), 2), np.int64)
    formats = [""] * len(paths)
    left_out = [
        LeftOut(k, str(shown[k]), "escaped", "the name leads outside the root")
        for k, path in enumerate(paths)
        if path is None
    ]
    differs = []
    for at, k in enumerate(inside):
        formats[k] = found[at]
        stored = (int(widths[at]), int(heights[at]))
        if min(stored) < 1:
            left_out.append(LeftOut(k, str(shown[k]), *_why(files[at])))
            continue
        upright = stored[::-1] if 5 <= turns[at] <= 8 else stored
        said = (int(declared[k, 0]), int(declared[k, 1]))
        if said != upright and min(said) > 0:
            if said == stored:
                left_out.append(
                    LeftOut(k, str(shown[k]), "labels-turned", _TURNED.format(*stored, *upright))
                )
                continue
            differs.append(k)
        sizes[k] = upright
    left_out.sort(key=lambda image: image.image_id)
    return sizes, formats, left_out, differs


#: As rule FL007 has it: an error, since every box would be off by a quarter turn.
_TURNED = (
    "its labels were drawn on the stored picture of {} x {}, which EXIF turns to {} x {}; turn "
    "the pixels once and set the tag to 1"
)


def _why(path: bytes) -> tuple[str, str]:
    try:
        with open(path, "rb") as file:
            empty = not file.read(1)
    except FileNotFoundError:
        return "missing", "no such file"
    except OSError as error:
        return "unreadable", error.strerror or "cannot be opened"
    return "unreadable", "the file is empty" if empty else "no size in the file's header"
