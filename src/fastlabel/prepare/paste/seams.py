"""The seam audit: was an object put into a small picture, or was it always there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ...dataset import Dataset, DatasetError
from .bank import Box, read_picture
from .drawing import Picture
from .likeness import most_alike
from .render import PasteItem, render

if TYPE_CHECKING:
    from .audit import AuditResult
    from .bank import Bank

__all__ = ["MOST", "SeamPair", "audit_pairs", "seam_pairs"]

#: Pairs that are compared.
MOST = 150
#: Least distance of an object from the border of its picture.
_EDGE = 2
#: Targets that are looked at for a place; places that are tried; and offered.
_TARGETS, _TRIES, _PLACES = 40, 40, 8
#: Most of an object that lies on other boxes, as in a plan.
_ON_BOXES = 0.3


@dataclass(frozen=True, eq=False)
class SeamPair:
    """A real object and the same one pasted, of one size, in pictures shrunk as a whole.

    Attributes
    ----------
    real : numpy.ndarray
        The object's own picture, shrunk.
    box : tuple of float
        The object in it.
    target : numpy.ndarray
        Another picture, shrunk too.
    item : PasteItem
        The object for the target.
    group : int
        The object's own picture: no fold learns of what it is asked about.
    """

    real: Picture
    box: Box
    target: Picture
    item: PasteItem
    group: int


def seam_pairs(
    dataset: Dataset, bank: Bank, picks: Sequence[tuple[int, float]], seed: int = 0
) -> list[SeamPair]:
    """Real and pasted objects that differ by the pasting alone.

    Both pictures of a pair are of the set and shrunk as a whole by area averaging: the object's
    own until the object has its size, the other by the same factor. That one is the first in a
    random order with a place that a plan would allow.

    Parameters
    ----------
    dataset : Dataset
    bank : Bank
        Of its objects.
    picks : sequence of (int, float)
        ``instance_id`` and the short side to give it, in pixels. Objects that would be enlarged,
        or stand at their picture's border, are passed over.
    seed : int
        Of the targets and places.

    Returns
    -------
    list of SeamPair
        At most `MOST`.
    """
    from ...pixels import resize_area

    boxes, owner = dataset.boxes(), dataset.column("annotations", "image_id")
    sizes = list(
        zip(dataset.column("images", "width"), dataset.column("images", "height"), strict=True)
    )
    rng = np.random.default_rng(seed)
    rows = bank.table.take([instance for instance, _ in picks]).to_pylist()
    pairs: list[SeamPair] = []
    for row, (instance, size) in zip(rows, picks, strict=True):
        if len(pairs) == MOST:
            break
        chance = np.random.default_rng(rng.integers(1 << 62))
        factor = size / row["short_side"]
        if factor > 1:
            continue
        try:
            source, patch = read_picture(dataset, row["image_id"]), bank.patch(instance)
        except DatasetError:
            continue
        h, w = source.shape[:2]
        small = resize_area(source, (max(1, round(w * factor)), max(1, round(h * factor))))
        high, wide = small.shape[:2]
        sides = np.array([wide / w, high / h] * 2)
        box = np.array([row[side] for side in ("x1", "y1", "x2", "y2")]) * sides
        if (box[:2] < _EDGE).any() or box[2] > wide - _EDGE or box[3] > high - _EDGE:
            continue
        extent = np.maximum(1, np.round(box[2:] - box[:2]))  # whole pixels, as in a plan
        for other in chance.permutation(len(dataset))[:_TARGETS].tolist():
            if other == row["image_id"]:
                continue
            room = tuple(max(1, round(side * factor)) for side in sizes[other])
            if room[0] < extent[0] + 2 * _EDGE or room[1] < extent[1] + 2 * _EDGE:
                continue
            places = _free_places(chance, extent, room, boxes[owner == other] * factor)
            if not places:
                continue
            try:
                target = read_picture(dataset, other)
            except DatasetError:
                continue
            ground = resize_area(target, room)
            flip = bool(chance.integers(2))
            best, _ = most_alike(ground, patch, places, flip)
            item = PasteItem(patch, places[best], flip, len(pairs))
            pairs.append(SeamPair(small, _corners(box), ground, item, row["image_id"]))
            break
    return pairs


def _corners(box: Any) -> Box:
    x1, y1, x2, y2 = (float(v) for v in box)
    return x1, y1, x2, y2


def _free_places(
    chance: np.random.Generator, extent: Any, room: tuple[int, ...], others: npt.NDArray[Any]
) -> list[Box]:
    """Random places off the border that lie on other boxes no further than a plan lets them."""
    x, y = (
        chance.integers(_EDGE, int(room[k] - extent[k]) - _EDGE + 1, _TRIES).astype(float)
        for k in (0, 1)
    )
    ends = x + extent[0], y + extent[1]
    covered = np.zeros(_TRIES)
    for x1, y1, x2, y2 in others.tolist():
        wide = np.minimum(x2, ends[0]) - np.maximum(x1, x)
        high = np.minimum(y2, ends[1]) - np.maximum(y1, y)
        covered += wide.clip(0) * high.clip(0)
    chosen = np.flatnonzero(covered <= _ON_BOXES * extent[0] * extent[1])[:_PLACES]
    return [_corners((x[at], y[at], ends[0][at], ends[1][at])) for at in chosen]


def audit_pairs(
    pairs: Sequence[SeamPair], blend: str = "feather", match: bool = True, quality: int = 95
) -> AuditResult:
    """Ask the classifier which of the objects were pasted.

    Parameters
    ----------
    pairs : sequence of SeamPair
    blend, match
        As of `render`.
    quality : int
        Of the JPEGs that both sides are encoded as.

    Returns
    -------
    AuditResult

    Raises
    ------
    ValueError
        With fewer than ten pairs, or pictures.
    """
    from .audit import audit_seams

    real = ((_encoded(p.real, quality), [p.box], p.group) for p in pairs)
    pasted = (
        (
            _encoded(render(p.target, [p.item], blend=blend, match=match).pixels, quality),
            [p.item.box],
            p.group,
        )
        for p in pairs
    )
    return audit_seams(real, pasted)


def _encoded(picture: Picture, quality: int) -> Picture:
    import cv2

    done, data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])
    assert done
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)
