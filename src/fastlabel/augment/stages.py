"""Stages that need more than the picture: one tile of it, and objects of other pictures."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..config import ConfigError
from ..dataset import Dataset, DatasetError, as_numpy
from .mapping import Affine
from .moving import keep_or_ignore, move
from .random import Draws
from .registry import Operation, Parameter, Values
from .sample import PASTED, Sample

__all__ = ["OPERATIONS", "PasteObjects"]

Floats = NDArray[np.float64]

#: Places that are tried for one object before it is left out.
_TRIES = 20

#: How far an object may stand above or below the row it comes from, as a share of the height.
_ROWS = 0.08


class PasteObjects:
    """Good objects of a data set, for the stage ``paste``: ``context={"paste": objects}``.

    Parameters
    ----------
    dataset : Dataset
        With its pictures as files. Rows of its annotations name what is pasted.
    splits : sequence of str, optional
        Take objects from these only; by default from all.
    workers : int
        Threads that measure the objects; 0 means one a CPU.
    measured : bool
        Whether objects are measured, to tell good ones: ``place`` does not need it.
    """

    def __init__(
        self,
        dataset: Dataset,
        splits: Sequence[str] | None = None,
        workers: int = 0,
        *,
        measured: bool = True,
    ) -> None:
        from ..prepare.paste.bank import Bank, build_bank

        columns = ["image_id", "annotation_id", "x1", "y1", "x2", "y2"]
        #: Every object, good or not, by its annotation: for those that somebody chose.
        self.every = Bank(dataset.annotations.select(columns), dataset)
        self._splits = dataset.images["split"]
        if not measured:
            return
        self.bank = build_bank(dataset, splits=splits, workers=workers)
        table = self.bank.table
        good = np.asarray(table["accepted"].fill_null(False).to_numpy(), bool)
        self.instances = np.flatnonzero(good)
        self.annotations = as_numpy(table["annotation_id"])
        self.images = as_numpy(table["image_id"])
        heights = as_numpy(dataset.images["height"].fill_null(0))[self.images]
        bottoms = as_numpy(table["y2"])
        #: Row of each object's feet, as a share of its picture.
        self.feet = np.clip(bottoms / np.maximum(heights, 1), 0, 1)
        self.feet[heights <= 0] = 1.0

    @classmethod
    def needed(
        cls, ops: Iterable[str], dataset: Dataset, splits: Sequence[str] | None = None
    ) -> PasteObjects | None:
        """The objects that a recipe of these operations takes; measured only where it chooses."""
        wanted = {"paste", "place"} & set(ops)
        return cls(dataset, splits, measured="paste" in wanted) if wanted else None

    def strange(self, annotation: int, image: int | None) -> bool:
        """Whether an object is of another split than an image."""
        if image is None:
            return False
        home = self.every.table["image_id"][annotation].as_py()
        return bool(self._splits[home].as_py() != self._splits[image].as_py())

    @cached_property
    def others(self) -> dict[int, Any]:
        """Of each image the good objects that come from others."""
        mine = self.images[self.instances]
        return {int(at): self.instances[mine != at] for at in np.unique(mine)}

    def of(self, image: int | None) -> Any:
        """Objects that may go into an image: none of its own."""
        return self.instances if image is None else self.others.get(image, self.instances)


def _tile(sample: Sample, values: Values, draws: Draws) -> Sample:
    from ..boxes.tiles import TileGrid

    h, w = sample.image.shape[:2]
    side = values["size"]
    grid = TileGrid.of((side, side), values["overlap"], "origin", "shift")
    windows = np.asarray(grid.windows(h, w), np.float64)
    shown = _shown(sample.boxes, windows) >= max(values["min_visible"], 1e-9)
    # A picture with objects gives a tile with one, as far as there is any.
    good = np.flatnonzero(shown.any(axis=1)) if shown.any() else np.arange(len(windows))
    x1, y1, x2, y2 = windows[good[draws.below(len(good))]].tolist()
    size = round(x2 - x1), round(y2 - y1)
    mapping = Affine.window((w, h), (x1, y1, x2, y2), size)
    made = move(sample, mapping, min_visible=values["min_visible"])
    return replace(made, notes={**made.notes, "window": [round(v) for v in (x1, y1, x2, y2)]})


def _shown(boxes: Floats, windows: Floats) -> Floats:
    """(windows, boxes): the share of each box that each window shows."""
    low = np.maximum(windows[:, None, :2], boxes[None, :, :2])
    high = np.minimum(windows[:, None, 2:], boxes[None, :, 2:])
    area = (boxes[:, 2:] - boxes[:, :2]).prod(axis=1)
    return np.asarray(np.clip(high - low, 0, None).prod(axis=2) / np.maximum(area, 1e-9))


def _paste(sample: Sample, values: Values, draws: Draws) -> Sample:
    from ..prepare.paste.place import Frame
    from ..prepare.paste.render import PasteItem, render

    objects = sample.context.get("paste")
    if not isinstance(objects, PasteObjects):
        raise ConfigError(
            'paste: has nothing to paste; give context={"paste": PasteObjects(dataset)}, or use '
            "fastlabel augment"
        )
    instances = objects.of(sample.context.get("image"))
    if sample.image.ndim != 3 or sample.image.shape[2] != 3 or not len(instances):
        return replace(sample, notes={**sample.notes, "pasted": 0})
    h, w = sample.image.shape[:2]
    taken = np.concatenate([sample.boxes, sample.ignore])
    frame = Frame(w, h, [tuple(row) for row in taken.tolist()], [False] * len(taken))
    items, boxes, rows = [], [], []
    for _ in range(values["count"]):
        instance = int(instances[draws.below(len(instances))])
        scale = values["scale"]
        try:
            patch = objects.bank.patch(instance)
        except DatasetError:  # its picture has gone since the objects were measured
            continue
        wide, high = ((patch.box[2 + k] - patch.box[k]) * scale for k in (0, 1))
        flip, noise = bool(draws.below(2)) and values["flip"], draws.bits()
        place = _place(frame, (wide, high), float(objects.feet[instance]), values, draws)
        if place is None or min(wide, high) < values["least_side"]:
            continue
        frame.take(place, frame.covered(place))
        items.append(PasteItem(patch, place, flip, noise))
        boxes.append(place)
        rows.append(-1 - PASTED - int(objects.annotations[instance]))
    notes = {**sample.notes, "pasted": len(items)}
    if not items:
        return replace(sample, notes=notes)
    n = len(items)
    scene = sample.image[:, :, ::-1] if sample.rgb else sample.image
    pixels = render(np.ascontiguousarray(scene), items).pixels
    return replace(
        sample,
        image=np.ascontiguousarray(pixels[:, :, ::-1]) if sample.rgb else pixels,
        boxes=np.concatenate([sample.boxes, np.array(boxes)]),
        polygons=[*sample.polygons, *[None] * n],
        obb=np.concatenate([sample.obb, np.full((n, 4, 2), np.nan)]),
        kept=np.concatenate([sample.kept, np.array(rows, np.int64)]),
        tightness=np.concatenate([sample.tightness, np.ones(n)]),
        notes=notes,
    )


def _one(sample: Sample, values: Values, draws: Draws) -> Sample:
    """One object that somebody chose, at the place that they chose."""
    from ..prepare.paste.place import Frame
    from ..prepare.paste.render import PasteItem, render

    objects = sample.context.get("paste")
    if not isinstance(objects, PasteObjects):
        raise ConfigError(
            'place: has no objects; give context={"paste": PasteObjects(dataset, measured=False)}, '
            "or use fastlabel augment"
        )
    noise = draws.bits()
    if values["image"] not in ("", sample.context.get("name")):
        return replace(sample, notes={**sample.notes, "pasted": 0})
    at = values["object"]
    if at >= len(objects.every):
        raise ConfigError(f"place: object: got {at}, the set has {len(objects.every)} annotations")
    if objects.strange(at, sample.context.get("image")):
        return replace(sample, notes={**sample.notes, "skipped": "is of another split"})
    try:
        patch = objects.every.patch(at)
    except DatasetError as error:
        return replace(sample, notes={**sample.notes, "skipped": str(error)})
    gray = sample.image.ndim != 3 or sample.image.shape[2] != 3
    h, w = sample.image.shape[:2]
    own = patch.box[2] - patch.box[0], patch.box[3] - patch.box[1]
    # Nothing is enlarged: that would be a picture of pixels that nobody took.
    scale = min(values["height"] * h / own[1], 1.0)
    wide, high = own[0] * scale, own[1] * scale
    if gray or min(wide, high) < 1 or wide > w or high > h:
        return replace(sample, notes={**sample.notes, "skipped": "has no room here"})
    x = min(max(values["x"] * w - wide / 2, 0.0), w - wide)
    y = min(max(values["y"] * h - high, 0.0), h - high)
    # Whole pixels on two sides: the box is where it is seen to be.
    box = math.floor(x), math.floor(y), math.floor(x) + wide, math.floor(y) + high
    frame = Frame(w, h, [tuple(row) for row in sample.boxes.tolist()], [False] * len(sample.boxes))
    hidden = np.zeros(len(sample.boxes))
    for row, area in frame.covered(box):
        hidden[row] = area / max(frame.areas[row], 1e-9)
    scene = sample.image[:, :, ::-1] if sample.rgb else sample.image
    item = PasteItem(patch, box, values["flip"], noise)
    pixels = render(np.ascontiguousarray(scene), [item]).pixels
    notes: dict[str, Any] = {"pasted": 1}
    if len(hidden) and hidden.max() > 0:
        notes["hidden"] = round(float(hidden.max()), 4)
    made = keep_or_ignore(
        replace(sample, image=np.ascontiguousarray(pixels[:, :, ::-1]) if sample.rgb else pixels),
        np.maximum(1.0 - hidden, 1e-9),
        1.0 - values["max_hidden"],
        notes,
    )
    return replace(
        made,
        boxes=np.concatenate([made.boxes, np.array([box])]),
        polygons=[*made.polygons, None],
        obb=np.concatenate([made.obb, np.full((1, 4, 2), np.nan)]),
        kept=np.concatenate([made.kept, np.array([-1 - PASTED - at], np.int64)]),
        tightness=np.concatenate([made.tightness, np.ones(1)]),
    )


def _place(
    frame: Any, size: tuple[float, float], feet: float, values: Values, draws: Draws
) -> tuple[float, float, float, float] | None:
    """A free place near the row that the object comes from."""
    wide, high = size
    for _ in range(_TRIES):
        x = draws.uniform(0, max(frame.width - wide, 0))
        bottom = (feet + draws.uniform(-_ROWS, _ROWS)) * frame.height
        y = min(max(bottom - high, 0), frame.height - high)
        if x + wide > frame.width or y < 0:
            return None
        # Whole pixels on two sides: the box is where it is seen to be.
        box = math.floor(x), math.floor(y), math.floor(x) + wide, math.floor(y) + high
        covered = frame.covered(box)
        if not frame.collides(box, 1.0) and not frame.hides_too_much(covered, values["max_hidden"]):
            return box
    return None


OPERATIONS: tuple[Operation, ...] = (
    Operation(
        "tile",
        "stage",
        "One tile of the grid that fastlabel tile cuts; with an object, where there is any.",
        (
            Parameter("size", 640, (16, 16384), "px", "Side of the tile.", whole=True),
            Parameter("overlap", 0.2, (0.0, 0.95), about="Of neighbours, as a share of a tile."),
            Parameter(
                "min_visible",
                0.3,
                (0.0, 1.0),
                about="Of a box less of which is in the tile a region to ignore is left.",
            ),
        ),
        _tile,
    ),
    Operation(
        "paste",
        "stage",
        "Objects of other pictures of the same split, shrunk, near the row they come from.",
        (
            Parameter("count", (1, 2), (0, 100), about="Objects that are tried.", whole=True),
            Parameter("scale", (0.3, 0.7), (0.05, 1.0), about="Of all; nothing is enlarged."),
            Parameter("least_side", 4.0, (1.0, 1000.0), "px", "Of what is pasted."),
            Parameter("max_hidden", 0.3, (0.0, 1.0), about="Share of a box that may be hidden."),
            Parameter("flip", False, about="Mirror half of the objects."),
        ),
        _paste,
    ),
    Operation(
        "place",
        "stage",
        "One object of the set at one place: what the sandbox writes when it is dropped there.",
        (
            Parameter("x", 0.5, (0.0, 1.0), about="Middle of its box, as a share of the width."),
            Parameter("y", 0.7, (0.0, 1.0), about="Foot of its box, as a share of the height."),
            Parameter(
                "height",
                0.2,
                (0.001, 1.0),
                about="Of its box, as a share of the picture's; never more pixels than it has.",
            ),
            Parameter("flip", False, about="Left and right exchanged."),
            Parameter(
                "max_hidden",
                0.5,
                (0.0, 1.0),
                about="Share of a box; one that is hidden further becomes a region to ignore.",
            ),
            Parameter(
                "object", 0, (0, 2**53), about="Row of its annotation in the set.", whole=True
            ),
            Parameter("image", "", about="Name of the image that gets it; empty: all."),
        ),
        _one,
    ),
)
