"""Windows that cut a picture into tiles, and boxes cut by them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._arrays import as_boxes, as_offsets, to_numpy
from .._scalars import as_choice, as_number, as_whole

__all__ = ["OUTCOMES", "MAX_TILES", "TileBoxes", "TileGrid", "clip_boxes_to_tiles", "tile_windows"]

Integers = NDArray[np.int64]

#: More tiles than this are asked for with a count first.
MAX_TILES = 1_000_000
#: What became of a box, by its number in ``TileBoxes.outcome``.
OUTCOMES = ("seen", "not finite", "reversed", "outside the image", "in no window")

_MOST = 2**31
_SIZE = "a whole number of pixels from 1 to 2**31, or a pair of them (height, width)"
_OVERLAP = "a share of the tile, 0 or more and below 1, or pixels as text such as '128px'"


@dataclass(frozen=True)
class TileGrid:
    """How pictures are cut; :meth:`of` checks and reads what users write."""

    height: int
    width: int
    step_y: int
    step_x: int
    anchor: str = "origin"
    last: str = "shift"

    @classmethod
    def of(cls, size: Any, overlap: Any, anchor: Any = "origin", last: Any = "shift") -> TileGrid:
        """Read the arguments of `tile_windows`, which says what they mean."""
        height, width = _pair(size, "size", _side)
        apart_y, apart_x = _pair(overlap, "overlap", lambda value, name: value)
        as_choice(anchor, "anchor", ("origin", "center"))
        as_choice(last, "last", ("shift", "pad"))
        steps = (height - _pixels(apart_y, height), width - _pixels(apart_x, width))
        return cls(height, width, *steps, anchor, last)

    def counts(self, height: int, width: int) -> tuple[int, int]:
        """Rows and columns of windows over a picture."""
        from .._core import tile_counts

        columns, rows = tile_counts(width, height, *self._native())
        return rows, columns

    def windows(self, height: int, width: int) -> Integers:
        """The windows themselves, (N, 4)."""
        from .._core import tile_windows as native

        rows, columns = self.counts(height, width)
        out = np.empty((rows * columns, 4), np.int64)
        native(width, height, *self._native(), out)
        return out

    def _native(self) -> tuple[int, int, int, int, bool, bool]:
        centred, pad = self.anchor == "center", self.last == "pad"
        return self.width, self.height, self.step_x, self.step_y, centred, pad


class TileBoxes(NamedTuple):
    """What windows show of boxes, window by window.

    Attributes
    ----------
    offsets : numpy.ndarray
        (T + 1,) int64: the boxes of window t are entries ``offsets[t]`` to ``offsets[t + 1]``
        of the next three.
    row : numpy.ndarray
        int64: the box, as a row of what was given; rising within a window.
    boxes : numpy.ndarray
        (P, 4) float64: what the window shows of it, in pixels of the tile.
    visible : numpy.ndarray
        float64: the share of the box that the window shows, of what lies in the image. 1 only
        where it shows all of it, and never 0.
    outcome : numpy.ndarray
        (N,) uint8, one a box: which of ``("seen", "not finite", "reversed", "outside the image",
        "in no window")`` it is.
    """

    offsets: Integers
    row: Integers
    boxes: NDArray[np.float64]
    visible: NDArray[np.float64]
    outcome: NDArray[np.uint8]


def tile_windows(
    height: int,
    width: int,
    size: int | tuple[int, int] = 640,
    overlap: float | str | tuple[float | str, float | str] = 0.2,
    *,
    anchor: str = "origin",
    last: str = "shift",
    max_tiles: int = MAX_TILES,
) -> Integers:
    """The windows that cut an image into tiles.

    The fewest windows that cover it: from one to the next it is the tile's size less the
    overlap.

    Parameters
    ----------
    height, width : int
        Of the image, in pixels.
    size : int or tuple of int
        Of a tile: one number, or (height, width).
    overlap : float or str, or a pair of them
        Of neighbouring tiles: a share of the tile's size, at least 0 and below 1 (a fraction of
        a pixel is dropped), or pixels as text, "128px". A pair is (vertical, horizontal).
    anchor : {"origin", "center"}
        Where the grid begins: in the top left corner, or so that what the last windows have too
        much is shared between both ends.
    last : {"shift", "pad"}
        Windows that would leave the image are moved back inside (where the image is smaller
        than a tile, so is its window), or leave it: such a tile is padded.
    max_tiles : int
        More windows than this are refused before anything is allocated.

    Returns
    -------
    numpy.ndarray
        (N, 4) int64, x1 y1 x2 y2 with x2 and y2 outside, row by row.

    Raises
    ------
    ValueError
        For a size of 0, an overlap that is negative, NaN or leaves no step, or too many windows.

    Examples
    --------
    >>> tile_windows(640, 1000, size=640, overlap=0.2).tolist()
    [[0, 0, 640, 640], [360, 0, 1000, 640]]
    >>> tile_windows(640, 1000, overlap="0px", last="pad", anchor="center").tolist()
    [[-140, 0, 500, 640], [500, 0, 1140, 640]]
    """
    grid = TileGrid.of(size, overlap, anchor, last)
    sides = (_side(height, "height"), _side(width, "width"))
    rows, columns = grid.counts(*sides)
    most = as_whole(max_tiles, "max_tiles")
    if rows * columns > most:
        raise ValueError(
            f"size, overlap: got {rows * columns:,} windows ({rows:,} rows of {columns:,}), "
            f"expected at most max_tiles = {most:,}"
        )
    return grid.windows(*sides)


def clip_boxes_to_tiles(
    boxes: ArrayLike,
    box_offsets: ArrayLike,
    windows: ArrayLike,
    window_offsets: ArrayLike,
    *,
    sizes: ArrayLike | None = None,
    workers: int = 1,
) -> TileBoxes:
    """Boxes cut by the windows of their images, many images in one call.

    A box of no width or no height lies in the windows that hold its point or line. A box that is
    reversed or not finite, or lies outside its image, is in no window; ``outcome`` says so.

    Parameters
    ----------
    boxes : array_like
        (N, 4) in ``xyxy``, image after image; float32 or float64.
    box_offsets : array_like
        (G + 1,) integers: the boxes of image g are rows ``box_offsets[g]`` to
        ``box_offsets[g + 1]``.
    windows : array_like
        (T, 4) integers, image after image: of a grid or any others, that may overlap and leave
        the image.
    window_offsets : array_like
        (G + 1,) integers.
    sizes : array_like, optional
        (G, 2) width and height of each image: its boxes are clipped to it first, so that a box
        over the edge of the image is not taken for one that a window cuts.
    workers : int
        Threads; 0 means one a CPU. No result depends on it.

    Returns
    -------
    TileBoxes
        ``offsets, row, boxes, visible, outcome``.

    Raises
    ------
    ValueError
        For offsets that fall or do not end at the number of rows, and for windows that are empty.

    Examples
    --------
    >>> found = clip_boxes_to_tiles(
    ...     [[2, 2, 6, 6]], [0, 1], [[0, 0, 4, 8], [4, 0, 8, 8]], [0, 2], sizes=[[8, 8]])
    >>> found.offsets.tolist(), found.row.tolist(), found.visible.tolist()
    ([0, 1, 2], [0, 0], [0.5, 0.5])
    >>> found.boxes.tolist()
    [[2.0, 2.0, 4.0, 6.0], [0.0, 2.0, 2.0, 6.0]]
    """
    from .._core import tile_boxes

    rows = as_boxes(boxes, "boxes")
    of_boxes = as_offsets(box_offsets, "box_offsets", len(rows), "boxes")
    cut = _whole_rows(windows, "windows", 4)
    of_windows = as_offsets(window_offsets, "window_offsets", len(cut), "windows")
    if len(of_windows) != len(of_boxes):
        raise ValueError(
            f"window_offsets: got {len(of_windows) - 1} images, expected {len(of_boxes) - 1}, as "
            "in box_offsets"
        )
    bad = (
        (cut[:, 0] >= cut[:, 2])
        | (cut[:, 1] >= cut[:, 3])
        | (cut < -(2**40)).any(axis=1)
        | (cut > 2**40).any(axis=1)
    )
    if bad.any():
        at = int(bad.argmax())
        raise ValueError(
            f"windows[{at}]: got {cut[at].tolist()}, expected x1 < x2 and y1 < y2 within 2**40"
        )
    extent = None if sizes is None else _whole_rows(sizes, "sizes", 2)
    if extent is not None:
        if len(extent) != len(of_boxes) - 1:
            raise ValueError(f"sizes: got {len(extent)} rows, expected {len(of_boxes) - 1}")
        if ((extent < 0) | (extent > 2**40)).any():
            raise ValueError("sizes: got a negative side or one beyond 2**40")
    threads = as_whole(workers, "workers")
    if not 0 <= threads <= 1024:
        raise ValueError(f"workers: got {threads}, expected 0 (one a CPU) to 1024")
    return TileBoxes(*tile_boxes(rows, of_boxes, cut, of_windows, extent, threads))


def _whole_rows(value: Any, name: str, width: int) -> Integers:
    array = to_numpy(value, name)
    if array.size == 0:
        array = np.empty((0, width), np.int64)
    if array.ndim != 2 or array.shape[1] != width:
        raise ValueError(f"{name}: got shape {array.shape}, expected (N, {width})")
    if array.dtype.kind not in "iu":
        raise TypeError(f"{name}: got dtype {array.dtype}, expected integers")
    return np.ascontiguousarray(array, np.int64)


def _pair(value: Any, name: str, read: Any) -> tuple[Any, Any]:
    if isinstance(value, (tuple, list)):
        if len(value) != 2:
            raise ValueError(f"{name}: got {len(value)} values, expected one or two")
        return read(value[0], f"{name}[0]"), read(value[1], f"{name}[1]")
    one = read(value, name)
    return one, one


def _side(value: Any, name: str) -> int:
    side = as_whole(value, name, _SIZE)
    if not 1 <= side <= _MOST:
        raise ValueError(f"{name}: got {side}, expected {_SIZE}")
    return side


def _pixels(value: Any, side: int) -> int:
    """An overlap in pixels of a tile's side."""
    if isinstance(value, str):
        digits = value.strip().removesuffix("px").strip()
        if not value.strip().endswith("px") or not (digits.isascii() and digits.isdigit()):
            raise ValueError(f"overlap: got {value!r}, expected {_OVERLAP}")
        pixels = int(digits) if len(digits) < 12 else _MOST
        if pixels >= side:
            raise ValueError(f"overlap: got {value!r} of a tile of {side}px, which leaves no step")
        return pixels
    share = as_number(value, "overlap", _OVERLAP)
    if not 0 <= share < 1:
        hint = f"; write '{value}px' for pixels" if share >= 1 and float(share).is_integer() else ""
        raise ValueError(f"overlap: got {value!r}, expected {_OVERLAP}{hint}")
    return min(int(share * side), side - 1)
