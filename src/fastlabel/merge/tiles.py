"""Tiles' predictions as one set: moved into the frame, joined where an edge cut them, merged."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._arrays import to_numpy
from .._scalars import as_choice, as_number, as_switch
from .readers import Flat, as_rate, flat_frames, flat_tiles

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["TileDetections", "merge_tiles"]

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

METHODS = ("nms", "soft-nms", "nmm", "wbf")
METRICS = ("iou", "ios")
_IOU, _IOS = 0, 2  # of the engine
_NMS, _SOFT, _NMM, _CHAINED, _WBF = 0, {"linear": 1, "gaussian": 2}, 3, 4, 5
_FARTHEST = 1 << 50


@dataclass(frozen=True, eq=False)
class TileDetections:
    """One set of boxes for each frame.

    Attributes
    ----------
    boxes : numpy.ndarray
        (K, 4) float64 in the frame's pixels, cut to the windows they were seen in; by image,
        best score first.
    scores : numpy.ndarray
        (K,) float64.
    labels : numpy.ndarray
        (K,) int64, of the best member.
    images : numpy.ndarray
        (K,) int64, the image of each, as `merge_tiles` was given it.
    joined : numpy.ndarray
        (K,) bool: put together from parts that the edges of tiles cut.
    offsets, members : numpy.ndarray
        Result k was made of the input rows ``members[offsets[k]:offsets[k + 1]]``, best first.
        Rows of the whole-frame pass follow those of the tiles.
    dropped : dict
        Rows that are in no result, counted: "empty" (no area), "outside" (not reaching into
        their window) and "faded" (of which soft suppression left too little).
    """

    boxes: Floats
    scores: Floats
    labels: Integers
    images: Integers
    joined: NDArray[np.bool_]
    offsets: Integers
    members: Integers
    dropped: dict[str, int] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.scores)

    def table(self) -> pa.Table:
        """Give an Arrow table of all columns, the members as a list."""
        import pyarrow as pa

        corners = {name: self.boxes[:, k] for k, name in enumerate(("x1", "y1", "x2", "y2"))}
        members = pa.LargeListArray.from_arrays(self.offsets, self.members)
        return pa.table(
            {
                "image": self.images,
                "label": self.labels,
                "score": self.scores,
                **corners,
                "joined": self.joined,
                "members": members,
            }
        )


def merge_tiles(
    predictions: Any,
    windows: ArrayLike,
    *,
    method: str = "nms",
    metric: str = "iou",
    threshold: float = 0.5,
    per_class: bool = True,
    full_frame: Any = None,
    join_cut: bool = True,
    images: ArrayLike | None = None,
    sizes: ArrayLike | None = None,
    coordinates: str = "tile",
    greedy: bool = True,
    join_threshold: float = 0.5,
    edge_tolerance: float = 4.0,
    large: float = 0.5,
    decay: str = "gaussian",
    sigma: float = 0.5,
    score_threshold: float = 0.001,
    confidence: str = "avg",
) -> TileDetections:
    """Make one set of boxes of what a model found in the tiles of one or many frames.

    Boxes are moved into the frame and cut to their windows. Then parts of one object are joined:
    two boxes of different windows are parts of one when (1) one of them goes on past an edge of
    the other's window, (2) wherever one goes on past such an edge the other touches it, being cut
    there, and (3) in the part of the frame that both windows show they agree, with an IoU above
    `join_threshold` (where windows only abut: their extents along the seam). A part joins a box
    that is cut nowhere by becoming its member; parts alone become the box around them. At last
    doubles go by `method`. The cost is about linear in the boxes.

    Parameters
    ----------
    predictions : sequence, mapping or Arrow table
        One entry for each window: (boxes, scores), (boxes, scores, labels), a mapping with these
        keys, an array (n, 6) of corners, score and label, supervision's ``Detections``, a list
        of SAHI's ``ObjectPrediction``, or None. Or all at once: a mapping of flat arrays or an
        Arrow table, with "tile", the row of each box's window, beside "boxes" (or x1, y1, x2,
        y2), "scores" ("score") and "labels" ("label", "category_id"). Boxes in ``xyxy``.
    windows : array_like
        (W, 4) integers, ``xyxy`` in the frame's pixels, as `tile_windows` gives them; they may
        run past the frame.
    method : {"nms", "soft-nms", "nmm", "wbf"}
        "nms": the best of overlapping boxes stays. "soft-nms": scores fall instead, see
        `soft_nms`. "nmm": the box around the best one and those it would suppress. "wbf": the
        average of overlapping boxes, weighted by score, see `weighted_boxes_fusion`.
    metric : {"iou", "ios"}
        Intersection over the union, or over the smaller of the two boxes.
    threshold : float
        Overlap above which two boxes are doubles; 0 to 1.
    per_class : bool
        Only boxes of one label meet.
    full_frame : optional
        What the model found in whole frames, in their pixels: an entry as for a window, or a list
        of one for each image in order of their numbers, or flat arrays with "image". Its large
        boxes take in the cut boxes of tiles that lie in them.
    join_cut : bool
        Join what edges cut.
    images : array_like, optional
        (W,) integers, the image of each window; one image when absent.
    sizes : array_like, optional
        (height, width), or one such row for each image, then numbered from 0: where frames end.
        When absent, as far as their windows reach.
    coordinates : {"tile", "frame"}
        Whether boxes of tiles are in pixels of their tile, or of the frame already.
    greedy : bool
        "nmm": only a group's best box takes boxes in, as SAHI's GREEDYNMM does; when False its
        members do too, as SAHI's NMM.
    join_threshold : float
        How well parts must agree, 0 to 1; also the share of a cut box inside a large box of the
        whole frame above which it belongs to it.
    edge_tolerance : float
        How near to an edge is at it, in pixels of the frame; at most a quarter of the box's side.
    large : float
        A box of the whole frame is large when its longer side is above this share of the
        shortest side of the image's tiles.
    decay, sigma, score_threshold
        "soft-nms": "gaussian" or "linear", the Gaussian's spread, and the score below which a
        box is dropped.
    confidence : {"avg", "max"}
        "wbf": the score of a fused box from those of its members.

    Returns
    -------
    TileDetections
        Boxes, scores, labels, images, members of each, and what was dropped. Of equal scores the
        row that comes first is better, so that equal input gives equal output.

    Raises
    ------
    ValueError
        For a box of negative size or not finite, a score outside 0 to 1, a tile or image that
        is not there, a window without an area, lists of other lengths, an unknown word.
    TypeError
        For entries that are none of the above.

    Examples
    --------
    A car of 60 px across the cut between two tiles that overlap by 20 px:

    >>> left, right = ([[70, 40, 100, 60]], [0.9], [2]), ([[0, 41, 49, 61]], [0.7], [2])
    >>> found = merge_tiles([left, right], [[0, 0, 100, 100], [80, 0, 180, 100]])
    >>> found.boxes.tolist(), found.scores.tolist(), found.joined.tolist()
    ([[70.0, 40.0, 129.0, 61.0]], [0.9], [True])
    """
    from .._core import merge_tiles as native

    number = _method(method, greedy, decay)
    as_choice(metric, "metric", METRICS)
    as_choice(coordinates, "coordinates", ("tile", "frame"))
    as_choice(confidence, "confidence", ("avg", "max"))
    joins = as_switch(join_cut, "join_cut")
    by_label = as_switch(per_class, "per_class")
    numbers = {
        "threshold": as_rate(threshold, "threshold"),
        "sigma": _size(sigma, "sigma", above=True),
        "score_threshold": as_rate(score_threshold, "score_threshold"),
        "join_threshold": as_rate(join_threshold, "join_threshold"),
        "edge_tolerance": _size(edge_tolerance, "edge_tolerance"),
        "large": _size(large, "large"),
    }
    frames = as_windows(windows, "windows")
    image_of, ids = _images(images, len(frames))
    ends = _sizes(sizes, ids)
    flat = flat_tiles(predictions, len(frames), coordinates == "frame")
    whole = np.zeros(len(frames), np.uint8)
    if full_frame is not None:
        of_frames = flat_frames(full_frame, ids)
        frames, image_of, flat = _with_frames(frames, image_of, ends, flat, of_frames, len(ids))
        whole = np.concatenate([whole, np.ones(len(frames) - len(whole), np.uint8)])
    found = native(
        flat.boxes,
        flat.scores,
        flat.labels,
        flat.tiles,
        frames,
        image_of,
        whole,
        None if ends is None else np.ascontiguousarray(ends[:, ::-1]),
        len(ids),
        number,
        _IOU if metric == "iou" else _IOS,
        0 if confidence == "avg" else 1,
        by_label,
        coordinates == "tile",
        joins,
        **numbers,
    )
    return TileDetections(
        found["boxes"],
        found["scores"],
        found["labels"],
        ids[found["images"]] if len(ids) else found["images"],
        found["joined"],
        found["offsets"],
        found["members"],
        {name: found[name] for name in ("empty", "outside", "faded")},
    )


def _method(method: Any, greedy: Any, decay: Any) -> int:
    as_choice(method, "method", METHODS)
    as_choice(decay, "decay", tuple(_SOFT))
    chained = not as_switch(greedy, "greedy")
    if method == "nmm":
        return _CHAINED if chained else _NMM
    return {"nms": _NMS, "soft-nms": _SOFT[decay], "wbf": _WBF}[method]


def _size(value: Any, name: str, *, above: bool = False) -> float:
    expected = f"a finite number{' above 0' if above else ', 0 or more'}"
    size = as_number(value, name, expected)
    if not math.isfinite(size) or size < 0 or (above and size == 0):
        raise ValueError(f"{name}: got {size}, expected {expected}")
    return size


def _whole_numbers(value: Any, name: str, shape: str) -> Integers:
    array = to_numpy(value, name)
    if array.size == 0:
        return np.zeros(array.shape, np.int64)
    if array.dtype.kind not in "iu":
        raise TypeError(f"{name}: got dtype {array.dtype}, expected integers, {shape}")
    if array.dtype == np.uint64 and int(array.max()) > np.iinfo(np.int64).max:
        raise ValueError(f"{name}: got {int(array.max())}, expected numbers below 2^63")
    return np.ascontiguousarray(array, np.int64)


def as_windows(value: Any, name: str) -> Integers:
    """(W, 4) int64, each with an area."""
    array = _whole_numbers(value, name, "(W, 4)")
    if array.size == 0:
        return np.zeros((0, 4), np.int64)
    if array.ndim != 2 or array.shape[1] != 4:
        raise ValueError(f"{name}: got shape {array.shape}, expected (W, 4)")
    near = (np.abs(array) < _FARTHEST).all(axis=1)
    fine = (array[:, 2] > array[:, 0]) & (array[:, 3] > array[:, 1]) & near
    if not fine.all():
        at = int(fine.argmin())
        raise ValueError(
            f"{name}[{at}]: got {array[at].tolist()}, expected x1 < x2 and y1 < y2 within 2^50"
        )
    return array


def _images(value: Any, windows: int) -> tuple[Integers, Integers]:
    """Of each window the row of its image in the second array, the images' numbers."""
    if value is None:
        return np.zeros(windows, np.int64), np.zeros(1, np.int64)
    array = _whole_numbers(value, "images", "one a window")
    if array.shape != (windows,):
        raise ValueError(f"images: got shape {array.shape}, expected ({windows},), one a window")
    ids, rows = np.unique(array, return_inverse=True)
    return np.ascontiguousarray(rows, np.int64), ids


def _sizes(value: Any, ids: Integers) -> Integers | None:
    """(images, 2): height and width of each."""
    if value is None:
        return None
    array = _whole_numbers(value, "sizes", "height and width")
    if array.shape == (2,):
        array = np.broadcast_to(array, (max(1, int(ids.max(initial=0)) + 1), 2))
    if array.ndim != 2 or array.shape[1] != 2:
        raise ValueError(f"sizes: got shape {array.shape}, expected (2,) or (images, 2)")
    if len(ids) and not 0 <= int(ids.min()) <= int(ids.max()) < len(array):
        beyond = int(ids.min()) if ids.min() < 0 else int(ids.max())
        raise ValueError(f"images: got {beyond}, expected 0 to {len(array) - 1}, a row of sizes")
    fine = ((array > 0) & (array < _FARTHEST)).all(axis=1)
    if not fine.all():
        at = int(fine.argmin())
        raise ValueError(f"sizes[{at}]: got {array[at].tolist()}, expected a height and a width")
    return np.ascontiguousarray(array[ids])


def _with_frames(
    windows: Integers,
    image_of: Integers,
    ends: Integers | None,
    tiles: Flat,
    frames: Flat,
    images: int,
) -> tuple[Integers, Integers, Flat]:
    """Whole frames as further windows, and their boxes as further rows."""
    own = np.zeros((images, 4), np.int64)
    if ends is not None:
        own[:, 2:] = ends[:, ::-1]
    elif len(windows):
        low = np.full((images, 2), np.iinfo(np.int64).max)
        high = np.full((images, 2), np.iinfo(np.int64).min)
        np.minimum.at(low, image_of, windows[:, :2])
        np.maximum.at(high, image_of, windows[:, 2:])
        own = np.concatenate([low, high], axis=1)
    elif len(frames.boxes):
        raise ValueError("full_frame: got boxes, expected windows or sizes that say how far it is")
    else:
        return windows, image_of, tiles
    return (
        np.concatenate([windows, own]),
        np.concatenate([image_of, np.arange(images)]),
        Flat(
            np.concatenate([tiles.boxes, frames.boxes]),
            np.concatenate([tiles.scores, frames.scores]),
            np.concatenate([tiles.labels, frames.labels]),
            np.concatenate([tiles.tiles, frames.tiles + len(windows)]),
        ),
    )
