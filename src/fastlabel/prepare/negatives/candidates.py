"""Which pictures, and which parts of pictures, may become negatives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ...dataset import Dataset
from ...source import ImageSource

if TYPE_CHECKING:
    from ...predictions import Predictions

__all__ = ["Candidate", "alarms", "frames", "spread"]

Floats = npt.NDArray[np.float64]
Window = tuple[int, int, int, int]

#: A prediction that shares more of its area than this with a label is none of a false alarm.
ON_LABEL = 0.1
#: Least side of a window, and how much larger than the alarm it is at least.
LEAST_SIDE, AROUND = 64, 1.5
#: Places tried for a window along each side.
STEPS = 9
#: Windows of one picture that share more than this (IoU) show the same.
SAME = 0.3


@dataclass(frozen=True)
class Candidate:
    """One picture that may become a negative.

    Attributes
    ----------
    source, image : int
        Which of the sources it comes from, and the row there.
    kind : str
        ``frame``, ``tile``, ``false-alarm`` (a whole picture) or ``crop`` (a window around one).
    window : tuple of int, optional
        x1, y1, x2, y2 in the upright picture; None: all of it.
    score : float or None
        Of the surest false alarm in it.
    said : str or None
        The class that the model said.
    """

    source: int
    image: int
    kind: str
    window: Window | None = None
    score: float | None = None
    said: str | None = None


def frames(ds: Dataset, at: int, left_out: dict[str, int]) -> list[Candidate]:
    """Every picture of a source that is known to be empty.

    Of a folder of pictures all are, because who gives it says so; of a labelled set those whose
    label record is empty.
    """
    kind = "tile" if (ds.root / "tiles.parquet").is_file() else "frame"
    out = []
    for row, state in enumerate(ds.images["label_state"].to_pylist()):
        if state == "labelled_empty" or (state == "unlabelled" and ds.format == "images"):
            out.append(Candidate(at, row, kind))
        else:
            why = "has boxes" if state == "labelled" else "without a label record"
            left_out[why] = left_out.get(why, 0) + 1
    return out


def alarms(
    ds: Dataset,
    at: int,
    said: Predictions,
    min_score: float,
    side: int,
    sizes: npt.NDArray[np.int64],
    left_out: dict[str, int],
    classes: Sequence[str | None] = (),
) -> list[Candidate]:
    """What a model is sure of where nothing is: whole empty pictures, and windows free of labels.

    Parameters
    ----------
    ds : Dataset
        The source; its labels are believed.
    at : int
        Which of the sources it is.
    said : Predictions
        Of the source's images.
    min_score : float
        Least score of a false alarm.
    side : int
        Of a window, in pixels.
    sizes : numpy.ndarray
        (images, 2) width and height of the upright pictures.
    left_out : dict
        Why something is not used, and how often; counted up.
    classes : sequence of str
        Those of the set. Where the model says any of them, only they are alarms: what it
        rightly calls a person is none for a set without people.

    Returns
    -------
    list of Candidate
        The surest first.
    """
    from ...boxes import box_ioa

    states = ds.images["label_state"].to_pylist()
    score, image = said.column("score"), said.column("image_id")
    boxes, names = said.boxes(), said.table["name"].to_pylist()
    labels = ds.boxes()
    label_image = np.asarray(ds.column("annotations", "image_id"))
    order = np.argsort(label_image, kind="stable")
    starts = np.searchsorted(label_image[order], np.arange(len(ds) + 1))
    out: list[Candidate] = []
    whole: set[int] = set()
    windows: dict[int, list[Window]] = {}
    sure = np.flatnonzero(score >= min_score)
    own_class = _of_classes(said, ds, classes)
    if own_class.any():
        _count(left_out, "alarm of a class that the set does not have", (~own_class[sure]).sum())
        sure = sure[own_class[sure]]
    for k in sure[np.lexsort((sure, image[sure], -score[sure]))].tolist():
        row, value, name = int(image[k]), float(score[k]), names[k]
        empty = states[row] == "labelled_empty" or (
            states[row] == "unlabelled" and ds.format == "images"
        )
        if empty:
            if row not in whole:
                whole.add(row)
                out.append(Candidate(at, row, "false-alarm", None, value, name))
            continue
        if states[row] != "labelled":
            _count(left_out, "without a label record")
            continue
        own = labels[order[starts[row] : starts[row + 1]]]
        if not np.isfinite(own).all():
            _count(left_out, "alarm in a picture with a box of unknown place")
            continue
        own = _in_order(own)
        if len(own) and float(box_ioa(boxes[k : k + 1], own).max()) > ON_LABEL:
            continue  # an object, or too near to one
        window = _free_window(boxes[k], own, sizes[row], side)
        if window is None:
            _count(left_out, "alarm with no room free of labels around it")
            continue
        if any(_iou(window, other) > SAME for other in windows.get(row, ())):
            _count(left_out, "alarm beside a surer one")
            continue
        windows.setdefault(row, []).append(window)
        out.append(Candidate(at, row, "crop", window, value, name))
    return out


def spread(candidates: Sequence[Candidate], most: int) -> list[Candidate]:
    """So many of them: the surest false alarms first, then frames evenly from first to last."""
    hard = [c for c in candidates if c.score is not None]
    hard.sort(key=lambda c: -(c.score or 0.0))
    easy = [c for c in candidates if c.score is None]
    rest = max(most - len(hard), 0)
    if rest < len(easy):
        easy = [easy[k] for k in np.linspace(0, len(easy) - 1, rest).round().astype(int).tolist()]
    return hard[:most] + easy


def _count(counts: dict[str, int], what: str, n: int = 1) -> None:
    if n:
        counts[what] = counts.get(what, 0) + int(n)


def _of_classes(
    said: Predictions, ds: Dataset, classes: Sequence[str | None]
) -> npt.NDArray[np.bool_]:
    """Which predictions are of one of the classes."""
    wanted = {name for name in classes if name is not None}
    names = [*ds.categories["name"].to_pylist(), None]  # the last: a class it does not have
    known = np.array([name in wanted for name in names], bool)
    return np.asarray(known[said.column("category_id")])


def _in_order(boxes: Floats) -> Floats:
    low, high = np.minimum(boxes[:, :2], boxes[:, 2:]), np.maximum(boxes[:, :2], boxes[:, 2:])
    return np.concatenate([low, high], axis=1)


def _free_window(
    alarm: Floats, labels: Floats, size: npt.NDArray[np.int64], side: int
) -> Window | None:
    """A window in the picture that has the alarm in it and no part of a label.

    The wanted size is tried first, then three quarters of it and so on; of the places of one size
    that do, the one with the alarm nearest to its middle.
    """
    width, height = int(size[0]), int(size[1])
    x1, y1 = max(float(alarm[0]), 0.0), max(float(alarm[1]), 0.0)
    x2, y2 = min(float(alarm[2]), width), min(float(alarm[3]), height)
    if width < 1 or height < 1 or not (x1 < x2 and y1 < y2):
        return None
    least = max(LEAST_SIDE, int(np.ceil(AROUND * max(x2 - x1, y2 - y1))))
    wanted = max(side, least)
    while wanted >= least:
        w, h = min(wanted, width), min(wanted, height)
        tried = [
            (abs(left + w / 2 - (x1 + x2) / 2) + abs(top + h / 2 - (y1 + y2) / 2), left, top)
            for left in _places(x1, x2, w, width)
            for top in _places(y1, y2, h, height)
        ]
        for _, left, top in sorted(tried):
            inside = (labels[:, 0] < left + w) & (labels[:, 2] > left)
            inside &= (labels[:, 1] < top + h) & (labels[:, 3] > top)
            if not inside.any():
                return left, top, left + w, top + h
        wanted = wanted * 3 // 4
    return None


def _places(low: float, high: float, length: int, total: int) -> list[int]:
    """Where a window may begin so that it has low..high in it and lies in the picture."""
    first = max(int(np.ceil(high)) - length, 0)
    last = min(int(np.floor(low)), total - length)
    if first > last:  # the alarm is as large as the window
        return [min(max(int((low + high - length) / 2), 0), total - length)]
    middle = min(max(round((low + high - length) / 2), first), last)
    return sorted({middle, *np.linspace(first, last, STEPS).round().astype(int).tolist()})


def _iou(a: Window, b: Window) -> float:
    w = max(min(a[2], b[2]) - max(a[0], b[0]), 0)
    h = max(min(a[3], b[3]) - max(a[1], b[1]), 0)
    both = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - w * h
    return w * h / both if both else 0.0


def opened(source: Any) -> Dataset:
    """A source of frames: a folder, a data set, or its path."""
    from ...formats import read

    if isinstance(source, ImageSource):
        raise TypeError("frames: got an image source, expected a folder or a data set of files")
    return (source if isinstance(source, Dataset) else read(source)).with_files()
