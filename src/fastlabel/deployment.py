"""How big the targets are for the model: what one deployment makes of a set of boxes.

The report's "deployment" part: shares of boxes under 1, 2 and 4 strides at the model's
input and at others, what tiling the frame would change, memory, and three lights. All
counts are of whole boxes, so they are the same for any number of workers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from .box_counts import count_boxes
from .deploy import TIERS, Profile, memory_need, scale_to
from .deploy.memory import COMFORTABLE, FORMULA
from .deploy.tiers import CUSTOM
from .set_columns import ASSUMED_INPUT, BoolArray, Columns, FloatArray, IntArray, kept

__all__ = ["DeployedBoxes", "deployment"]

#: Longer sides of the inputs that a resize is tried at.
INPUTS = (96, 128, 160, 224, 320, 416, 512, 640, 800, 960, 1280)
#: Counted below this many strides of the finest head.
BELOW = (1, 2, 4)
#: A learnable small target: at least one stride, so that it has a cell of its own, and
#: under three, where a model that has only seen large ones fails.
SMALL = (1, 3)
_CUTS = (1, 2, 3, 4)

#: Sides of a tile's window, in sides of the model's input.
ZOOMS = (1, 2, 4)
OVERLAP = 0.2

#: Light of the small targets. Red under FL602's own limit, one in fifty: then the finest
#: head is hardly trained. Green from one in ten: in 100 images of COCO val2014 it is 32 %
#: at 640 px, and a set with a third of that has them in every batch.
FEW_SMALL = 0.02
ENOUGH_SMALL = 0.1
#: Light of the boxes below the least target. Up to one in fifty they are slips; from one
#: in five on the set is about things that this input does not show. A choice of ours.
FEW_LOST = 0.02
MANY_LOST = 0.2

#: Images whose factors are looked at together.
IMAGES = 1 << 16

_MEMORY_LIGHTS = {"fits": "green", "tight": "amber", "does not fit": "red"}
_LIGHTS = ("green", "amber", "red")


@dataclass
class _Boxes:
    """The boxes that can be judged, with their images' sizes, as columns."""

    columns: Columns

    @kept
    def keep(self) -> BoolArray:
        return self.columns.usable & self.columns.sized[self.columns.box_image]

    @kept
    def image(self) -> IntArray:
        return self.columns.box_image[self.keep]

    @kept
    def corners(self) -> tuple[FloatArray, ...]:
        return tuple(c[self.keep] for c in self.columns.corners)

    @kept
    def sides(self) -> tuple[FloatArray, FloatArray]:
        x1, y1, x2, y2 = self.corners
        return x2 - x1, y2 - y1

    @kept
    def shorter(self) -> FloatArray:
        return np.minimum(*self.sides)

    @kept
    def cell(self) -> IntArray:
        """Where the counts of each box's class begin; boxes of no class come last."""
        category = self.columns.category[self.keep]
        classes = self.columns.ds.categories.num_rows
        return np.where(category < 0, classes, category) * (len(_CUTS) + 1)

    def short_side(self, scale_x: FloatArray, scale_y: FloatArray) -> FloatArray:
        """Shorter side of each box after scaling each image by the given factors."""
        if scale_x is scale_y:  # rounding keeps order, so one product does for both sides
            return self.shorter * scale_x[self.image]
        width, height = self.sides
        return np.minimum(width * scale_x[self.image], height * scale_y[self.image])

    def count(self, short: FloatArray, stride: int) -> IntArray:
        """Boxes by class (rows) and by 1, 2, 3 and 4 strides reached (columns)."""
        return self._counted(_levels(short, stride))

    def _counted(self, level: np.ndarray[Any, np.dtype[np.int8]]) -> IntArray:
        rows, levels = self.columns.ds.categories.num_rows + 1, len(_CUTS) + 1
        flat = np.bincount(self.cell + level, minlength=rows * levels)
        return np.asarray(flat.reshape(rows, levels), np.int64)

    def count_rising(
        self, scales: Sequence[tuple[FloatArray, FloatArray]], stride: int
    ) -> list[IntArray]:
        """:meth:`count` at scales of which none is below one before it, in any image.

        A box that reaches the last column is not looked at again.
        """
        out, boxes = [], self
        uniform = all(x is y for x, y in scales)
        grown = np.zeros((self.columns.ds.categories.num_rows + 1, len(_CUTS) + 1), np.int64)
        for scale in scales:
            level = _levels(boxes.short_side(*scale), stride)
            counts = boxes._counted(level)
            out.append(counts + grown)
            small = level < len(_CUTS)
            if np.count_nonzero(small) < 0.8 * len(small):
                grown[:, -1] += counts[:, -1]
                boxes = boxes.only(small, sides=not uniform)
        return out

    def only(self, keep: BoolArray, sides: bool) -> _Boxes:
        """Some of the boxes, to be counted at scales that are two, or one for both sides."""
        part = _Boxes(self.columns)
        part.__dict__.update(image=self.image[keep], cell=self.cell[keep])
        if sides:
            part.__dict__["sides"] = tuple(side[keep] for side in self.sides)
        else:
            part.__dict__["shorter"] = self.shorter[keep]
        return part


def _levels(short: FloatArray, stride: int) -> np.ndarray[Any, np.dtype[np.int8]]:
    """How many of :data:`_CUTS` strides each side reaches."""
    level = np.zeros(len(short), np.int8)
    for cut in _CUTS:
        level += short >= cut * stride
    return level


class DeployedBoxes:
    """Boxes counted at the deployment's input, at others, and in tiles."""

    def __init__(self, columns: Columns) -> None:
        self.columns = columns
        self.profile = columns.profile or Profile("assumed", CUSTOM, ASSUMED_INPUT, ASSUMED_INPUT)
        self.stride = self.profile.strides[0]
        self.inputs = _inputs(self.profile)
        #: Of all images where the boxes of a part may be of any; else made for each part.
        self.scales = None if columns.in_order else self._scales(0, len(columns.ds))
        self.rising = all(self._rises(at, at + IMAGES) for at in range(0, len(columns.ds), IMAGES))
        self.tiles = _Tiles(columns, self.profile)
        classes = columns.ds.categories.num_rows
        self.counts = np.zeros((classes + 1, len(_CUTS) + 1), np.int64)
        self.tables = [self.counts.copy() for _ in self.inputs]
        self.lost = self.usable = 0

    def _scales(self, first: int, stop: int) -> list[tuple[FloatArray, FloatArray]]:
        """Factors to each of the inputs, of some images."""
        width, height = (side[first:stop] for side in self.columns.size)
        return [scale_to(width, height, *each, self.profile.resize) for each in self.inputs]

    def _rises(self, first: int, stop: int) -> bool:
        """Whether no image is smaller at an input than at the one before it."""
        return all(
            bool((np.isnan(low) | (low <= high)).all())
            for before, after in pairwise(self._scales(first, stop))
            for low, high in zip(before, after, strict=True)
        )

    def measure(self, part: Columns) -> tuple[Any, ...]:
        """Look at a part."""
        boxes = _Boxes(part)
        at_input = boxes.short_side(*self.columns.input_scale)
        counts = boxes.count(at_input, self.stride)
        lost = int(np.count_nonzero(at_input < self.profile.min_target))
        usable = int(np.count_nonzero(part.usable))
        tiled = self.tiles.measure(boxes)
        scales = self.scales
        if scales is None and len(boxes.image):
            first, stop = int(boxes.image[0]), int(boxes.image[-1]) + 1
            scales = self._scales(first, stop)
            boxes.image = boxes.image - first
        scales = scales or self._scales(0, 0)
        if self.rising:
            tables = boxes.count_rising(scales, self.stride)
        else:
            tables = [boxes.count(boxes.short_side(*s), self.stride) for s in scales]
        return counts, lost, usable, tables, tiled

    def add(self, measured: tuple[Any, ...]) -> None:
        """Take what was measured of the next part."""
        counts, lost, usable, tables, tiled = measured
        self.counts += counts
        self.lost += lost
        self.usable += usable
        for table, found in zip(self.tables, tables, strict=True):
            table += found
        self.tiles.add(tiled)


def deployment(columns: Columns, counted: DeployedBoxes | None = None) -> dict[str, Any]:
    """Sum up what a deployment makes of a set.

    Parameters
    ----------
    columns : Columns
        The set, with its profile; without one a 640 x 640 letterbox with strides from 8 is
        assumed, and FL302's rule of 15 x 15 px at 1080p is what judges.
    counted : DeployedBoxes, optional
        Its boxes, counted; by default they are counted here.

    Returns
    -------
    dict
        Plain values: ``classes`` and ``at_input`` (shares at this input),
        ``resize_impact`` (at others), ``tile_plans``, ``memory``, ``tier``, ``lights``.
    """
    if counted is None:
        counted = DeployedBoxes(columns)
        count_boxes(columns, [counted])
    assumed, profile, counts = columns.profile is None, counted.profile, counted.counts
    names = columns.ds.categories["name"].to_pylist()
    measured = int(counts.sum())
    memory = None if assumed else _memory(profile)
    whole = _shares(counts.sum(0))
    return {
        "assumed": assumed,
        "input": [profile.input_width, profile.input_height],
        "stride": counted.stride,
        "min_target": profile.min_target,
        "tier": _tier(profile),
        "measured": measured,
        "unmeasured": counted.usable - measured,
        "at_input": whole,
        "classes": [
            {"name": name, **_shares(row)} for name, row in zip(names, counts[:-1], strict=True)
        ],
        "resize_impact": _resize_impact(counted.inputs, counted.tables, profile, names),
        "tile_plans": counted.tiles.plans(whole),
        "memory": memory,
        "lights": _lights(columns, whole, counted.lost, memory),
    }


def _share(part: int, whole: int) -> float | None:
    return float(f"{part / whole:.6g}") if whole else None


def _shares(row: IntArray) -> dict[str, Any]:
    """Counts and shares of one row of :meth:`_Boxes.count`."""
    total = int(row.sum())
    below = {str(m): int(row[: _CUTS.index(m) + 1].sum()) for m in BELOW}
    small = int(row[_CUTS.index(SMALL[0]) + 1 : _CUTS.index(SMALL[1]) + 1].sum())
    return {
        "boxes": total,
        "below": below,
        "share_below": {m: _share(n, total) for m, n in below.items()},
        "small": small,
        "small_share": _share(small, total),
    }


def _inputs(profile: Profile) -> list[tuple[int, int]]:
    """The inputs of :data:`INPUTS`, of the profile's shape."""
    longer = max(profile.input_width, profile.input_height)
    return [
        (
            max(1, round(side * profile.input_width / longer)),
            max(1, round(side * profile.input_height / longer)),
        )
        for side in INPUTS
    ]


def _resize_impact(
    inputs: Sequence[tuple[int, int]],
    tables: Sequence[IntArray],
    profile: Profile,
    names: Sequence[str | None],
) -> dict[str, Any]:
    """Give the shares at each of :data:`INPUTS`, of the profile's shape, mode and stride."""
    own = profile.input_width * profile.input_height
    overall = [_shares(table.sum(0)) for table in tables]
    per_class = []
    for c, name in enumerate(names):
        rows = [_shares(table[c]) for table in tables]
        if rows[0]["boxes"]:
            shares = {str(m): [r["share_below"][str(m)] for r in rows] for m in BELOW}
            per_class.append({"name": name, "boxes": rows[0]["boxes"], "share_below": shares})
    return {
        "sides": list(INPUTS),
        "inputs": [
            {"input": list(size), "relative_cost": _share(size[0] * size[1], own), **row}
            for size, row in zip(inputs, overall, strict=True)
        ],
        "classes": per_class,
    }


# ---- tiles ---------------------------------------------------------------------


class _Tiles:
    """Tiles of the input's size, cut from the frame at full, half and quarter resolution.

    A frame is the camera's, which each image is taken to fill as FL302 takes it to fill
    1080p; without a camera it is the image itself.
    """

    def __init__(self, columns: Columns, profile: Profile) -> None:
        width, height = columns.size
        camera = profile.camera
        frame_w, frame_h, to_frame = width, height, np.ones(len(width))
        if camera is not None:
            turned = (height > width) != (camera.height > camera.width)
            frame_w = np.where(turned, camera.height, camera.width).astype(np.float64)
            frame_h = np.where(turned, camera.width, camera.height).astype(np.float64)
            to_frame = np.minimum(frame_w / width, frame_h / height)
        known = np.isfinite(to_frame) & np.isfinite(width) & np.isfinite(height)
        self.profile, self.width, self.height, self.scale = profile, frame_w, frame_h, to_frame
        made = (_Plan.of(self, zoom, known) for zoom in ZOOMS)
        self.cut = [plan for plan in made if plan is not None]

    def measure(self, boxes: _Boxes) -> list[tuple[IntArray, int, int]]:
        """Of every plan the counts of some boxes, those held by a tile and those larger."""
        if not self.cut:
            return []
        image, corners = boxes.image, boxes.corners
        if self.profile.camera is not None:
            factor = self.scale[image]
            corners = tuple(c * factor for c in corners)
        x1, y1, x2, y2 = corners
        spans = [
            (np.clip(low, 0, length), np.clip(high, 0, length), length)
            for low, high, length in ((x1, x2, self.width[image]), (y1, y2, self.height[image]))
        ]
        out = []
        for plan in self.cut:
            counts = boxes.count(boxes.short_side(plan.scale, plan.scale), self.profile.strides[0])
            held, larger = np.ones(len(image), np.bool_), np.zeros(len(image), np.bool_)
            for (low, high, length), side in zip(spans, plan.window, strict=True):
                held &= _held(low, high, length, side)
                larger |= high - low > side
            out.append((counts.sum(0), int(np.count_nonzero(held)), int(np.count_nonzero(larger))))
        return out

    def add(self, measured: list[tuple[IntArray, int, int]]) -> None:
        """Take what was measured of some boxes."""
        for plan, (counts, held, larger) in zip(self.cut, measured, strict=True):
            plan.row += counts
            plan.held += held
            plan.larger += larger

    def plans(self, whole: dict[str, Any]) -> dict[str, Any]:
        """The whole frame, and each way to cut it of which some frame needs more than one tile."""
        first = {
            "name": "whole frame",
            "window": None,
            "frame_scale": None,
            "inferences": 1.0,
            "inferences_most": 1,
            "relative_cost": 1.0,
            **whole,
            "cut": 0,
            "cut_share": _share(0, whole["boxes"]),
            "larger": 0,
        }
        camera = self.profile.camera
        return {
            "frame": [camera.width, camera.height] if camera is not None else None,
            "overlap": OVERLAP,
            "plans": [first, *(plan.facts() for plan in self.cut)],
        }


@dataclass
class _Plan:
    """Tiles of one window, and the boxes counted in them so far."""

    zoom: int
    window: tuple[int, int]
    scale: FloatArray  # from the image's pixels to those of the tile at the model's input
    inferences: float
    most: int
    row: IntArray
    held: int = 0
    larger: int = 0

    @classmethod
    def of(cls, tiles: _Tiles, zoom: int, known: BoolArray) -> _Plan | None:
        """One plan; None when its window holds every frame."""
        profile = tiles.profile
        window = (profile.input_width * zoom, profile.input_height * zoom)
        number = _positions(tiles.width, window[0]) * _positions(tiles.height, window[1])
        number = number[known]
        if not len(number) or number.max() <= 1:
            return None
        mean = float(f"{number.mean():.6g}")
        row = np.zeros(len(_CUTS) + 1, np.int64)
        return cls(zoom, window, tiles.scale / zoom, mean, int(number.max()), row)

    def facts(self) -> dict[str, Any]:
        """What the report shows of it."""
        row = _shares(self.row)
        cut = row["boxes"] - self.held
        resized = {1: "full", 2: "half", 4: "a quarter of the"}[self.zoom]
        return {
            "name": f"tiles at {resized} resolution",
            "window": list(self.window),
            "frame_scale": 1 / self.zoom,
            "inferences": self.inferences,
            "inferences_most": self.most,
            "relative_cost": self.inferences,
            **row,
            "cut": cut,
            "cut_share": _share(cut, row["boxes"]),
            "larger": self.larger,
        }


def _step(side: int) -> int:
    """Pixels from one tile to the next."""
    return max(side - int(side * OVERLAP), 1)


def _positions(length: FloatArray, side: int) -> FloatArray:
    """Tiles along frames of the given lengths, the last one shifted back to the edge."""
    return np.maximum(np.ceil((length - side) / _step(side)), 0) + 1


def _held(low: FloatArray, high: FloatArray, length: FloatArray, side: int) -> BoolArray:
    """Tell which spans lie whole in a tile: in that with the last start at or before them."""
    last = length - side
    step = _step(side)
    start = np.where(low >= last, last, np.floor(low / step) * step)
    return np.asarray(high <= start + side)


# ---- tier, memory and lights ---------------------------------------------------


def _tier(profile: Profile) -> dict[str, Any] | None:
    tier = TIERS.get(profile.tier)
    return None if tier is None else asdict(tier)


def _memory(profile: Profile) -> dict[str, Any]:
    need = memory_need(profile)
    return {
        **asdict(need),
        "share": _share(need.need, need.least or 0),
        "comfortable": COMFORTABLE,
        "formula": FORMULA,
    }


def _lights(
    columns: Columns, whole: dict[str, Any], lost: int, memory: dict[str, Any] | None
) -> dict[str, Any]:
    """Red, amber or green for size, small targets and memory, and for the worst of them."""
    few = columns.threshold("FL602", "min_share", FEW_SMALL)
    enough = max(ENOUGH_SMALL, few)
    lights: dict[str, dict[str, Any]] = {
        "too_small": {"light": None, "count": lost, "share": _share(lost, whole["boxes"])},
        "small_targets": {
            "light": None,
            "count": whole["small"],
            "share": whole["small_share"],
        },
        "memory": {"light": _MEMORY_LIGHTS.get(memory["verdict"]) if memory else None},
    }
    lights["too_small"] |= {"green_below": FEW_LOST, "red_from": MANY_LOST}
    lights["small_targets"] |= {"red_below": few, "green_from": enough, "strides": list(SMALL)}
    if whole["boxes"]:
        share = lost / whole["boxes"]
        at = int(share >= FEW_LOST) + int(share >= MANY_LOST)
        lights["too_small"]["light"] = _LIGHTS[at]
        share = whole["small"] / whole["boxes"]
        at = int(share < enough) + int(share < few)
        lights["small_targets"]["light"] = _LIGHTS[at]
    lit = [light["light"] for light in lights.values() if light["light"]]
    return {"light": max(lit, key=_LIGHTS.index) if lit else None, **lights}
