"""Where each object goes: a plan made of tables alone, the same on every machine."""

from __future__ import annotations

import hashlib
import math
from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ...config import nearest
from ...dataset import Dataset, DatasetError, as_numpy
from .options import Band, Options
from .place import Box, Frame
from .prior import Perspective, given, learn, uniform
from .stock import Stock

__all__ = ["LEDGER", "Plan", "lacking", "plan_pastes"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

HIDDEN = pa.list_(pa.struct([("annotation_id", pa.int64()), ("share", pa.float64())]))

PLACES = pa.list_(pa.struct([("x", pa.float64()), ("y", pa.float64())]))
#: Places offered for one paste: which is taken depends on pixels.
MOST_PLACES = 8

#: One row a paste. Coordinates are whole pixels of the target image.
LEDGER = pa.schema(
    [
        pa.field("paste_id", pa.int32(), nullable=False),  # dense: row number
        pa.field("image_id", pa.int64(), nullable=False),  # the target
        pa.field("instance_id", pa.int32(), nullable=False),
        pa.field("category_id", pa.int32(), nullable=False),
        ("x1", pa.float64()),
        ("y1", pa.float64()),
        ("x2", pa.float64()),
        ("y2", pa.float64()),
        ("scale", pa.float64()),  # of the object, in its source's pixels; never over 1
        ("size_at_input", pa.float64()),  # short side, in smallest strides
        ("flip", pa.bool_()),
        ("seed", pa.int64()),
        ("hidden", HIDDEN),  # boxes of the target that this paste covers, and how far
        ("places", PLACES),  # left and top ends of other free places, as good by the tables
    ]
)

#: Why an image cannot have a class at all.
_INSTANCES = (
    "no instance of the class in the image's split",
    "no instance large enough (nothing is enlarged)",
)
_NO_PLACE = "no place left to paste"
_FULL = "no place left to paste: images have as many as max_per_image allows"
_NO_INSTANCE = "no instance is large enough (nothing is enlarged)"

#: An image that refused this many objects in a row is full.
STRIKES = 3


@dataclass(frozen=True, eq=False)
class Plan:
    """What will be pasted where.

    Attributes
    ----------
    table : pyarrow.Table
        :data:`LEDGER`, in the order of the targets.
    ignored : numpy.ndarray
        ``annotation_id`` of the boxes hidden so far that they become ignore regions, sorted.
    hidden : dict
        ``annotation_id`` to the share of a box that is hidden by all pastes together.
    bands : list of dict
        For each band of sizes: what was wanted, what is reached, and why not if not.
    outcomes : dict
        How often each thing happened, by name: ``pasted``, ``image full``, ...
    priors : dict
        The perspective of each class by name, as plain values.
    before, after : int
        Boxes that count, before and after.
    options : Options
        What was asked for.
    """

    table: pa.Table
    ignored: Ints
    hidden: dict[int, float]
    bands: list[dict[str, Any]]
    outcomes: dict[str, int]
    priors: dict[str, dict[str, Any]]
    before: int
    after: int
    options: Options


def plan_pastes(
    dataset: Dataset,
    bank_table: pa.Table,
    targets: Iterable[int],
    options: Options,
    seed: int = 0,
    *,
    backgrounds: Iterable[int] = (),
) -> Plan:
    """Plan which instance goes where.

    Sizes are drawn evenly in their logarithm within the band that lacks most; the class is the
    one furthest behind its weight; targets are gone through in an order of their own (a hash of
    seed and name). All other chance of an image comes from a generator seeded with its name, so
    that the plan hangs on no order of files, no thread and no machine.

    Parameters
    ----------
    dataset : Dataset
        All images and boxes, backgrounds included.
    bank_table : pyarrow.Table
        ``instance_id``, ``image_id``, ``category_id``, ``split``, ``x1`` to ``y2``, ``accepted``
        and ``reason``.
    targets : iterable of int
        ``image_id`` of the images that may be pasted onto.
    options : Options
        How much, how large and where.
    seed : int
        Same seed, same plan.
    backgrounds : iterable of int
        Targets that are part of the new set only once something is pasted onto them.

    Returns
    -------
    Plan

    Raises
    ------
    DatasetError
        If there is no target, the bank is empty, or a class is not known.
    """
    return _Planner(dataset, bank_table, list(targets), options, seed, set(backgrounds)).run()


@dataclass
class _Target:
    """One image while it is being filled."""

    row: int
    frame: Frame
    generator: np.random.Generator
    scale: tuple[float, float]  # to the model's input
    annotations: list[int]
    pastes: int = 0
    strikes: int = 0


@dataclass
class _State:
    """Progress of one band."""

    band: Band
    before: int
    boxes: int
    pasted: int = 0
    over: str | None = None  # why nothing more goes in
    full: bool = False  # some image has as many as it may have
    queue: deque[int] = field(default_factory=deque)
    unfit: dict[int, set[int]] = field(default_factory=dict)  # by class: images it is no use on
    unfit_classes: set[int] = field(default_factory=set)


class _Planner:
    def __init__(
        self,
        dataset: Dataset,
        bank: pa.Table,
        targets: list[int],
        options: Options,
        seed: int,
        backgrounds: set[int],
    ) -> None:
        self.ds, self.options, self.seed = dataset, options, seed
        self.stride = float(options.profile.strides[0])
        self.outcomes: Counter[str] = Counter()
        self._read_images(targets, backgrounds)
        self._read_boxes()
        self.stock = Stock(bank, self.stride)
        self.names = [str(name) for name in dataset.categories["name"].to_pylist()]
        self.weights = self._class_weights()
        self.priors = self._learn()
        self.done: dict[int, _Target] = {}
        self.rows: list[dict[str, Any]] = []
        self.hidden_too_much: set[int] = set()

    # ---- what is there ---------------------------------------------------------

    def _read_images(self, targets: list[int], backgrounds: set[int]) -> None:
        images = self.ds.images
        if not targets:
            raise DatasetError("there is no image to paste onto")
        w, h = (
            np.asarray(pc.cast(pc.fill_null(images[c], 0), pa.float64()))
            for c in ("width", "height")
        )
        self.width, self.height = w, h
        self.scales = np.stack(self.options.profile.scale(w, h), axis=1)
        self.splits = images["split"].to_pylist()
        names = pc.coalesce(images["path"], images["file_name"]).to_pylist()
        sized = [at for at in targets if w[at] >= 1 and h[at] >= 1]
        self.outcomes["target of unknown size"] += len(targets) - len(sized)
        if not sized:
            raise DatasetError(
                f"of none of the {len(targets):,} images to paste onto the size is known; "
                "write width and height into the labels"
            )
        self.keys = {at: self._key(str(names[at]), at) for at in sized}
        self.order = sorted(sized, key=lambda at: (self.keys[at], at))
        self.optional = backgrounds
        #: Images whose boxes the shares are about.
        mine = {self.splits[at] for at in sized}
        self.population = np.array(
            [split in mine and at not in backgrounds for at, split in enumerate(self.splits)], bool
        )

    def _key(self, name: str, at: int) -> int:
        data = f"{self.seed}\0{name}".encode("utf-8", "surrogateescape")
        return int.from_bytes(hashlib.blake2b(data, digest_size=16).digest(), "little")

    def _read_boxes(self) -> None:
        ds = self.ds
        self.boxes = ds.boxes()
        self.image_of = as_numpy(ds.annotations["image_id"])
        flags = [
            np.asarray(pc.fill_null(ds.annotations[c], False).to_numpy(zero_copy_only=False), bool)
            for c in ("crowd", "ignore")
        ]
        self.exempt = flags[0] | flags[1]
        self.category = as_numpy(pc.fill_null(ds.annotations["category_id"], -1))
        with np.errstate(invalid="ignore"):
            sides = self.boxes[:, 2:] - self.boxes[:, :2]
            solid = np.isfinite(self.boxes).all(axis=1) & (sides > 0).all(axis=1)
        self.size = (sides * self.scales[self.image_of]).min(axis=1, initial=np.inf) / self.stride
        self.counts = solid & ~self.exempt & np.isfinite(self.size)
        self.by_image = np.argsort(self.image_of, kind="stable")
        self.starts = np.searchsorted(self.image_of[self.by_image], np.arange(len(ds) + 1))
        counted = self.counts & self.population[self.image_of]
        self.before = self.total = int(np.count_nonzero(counted))
        self.states = []
        for band in self.options.bands:
            n = int(np.count_nonzero(counted & (self.size >= band.low) & (self.size < band.high)))
            self.states.append(_State(band, n, n))
        self.counted = counted

    def _class_weights(self) -> dict[int, float]:
        wanted = self.options.classes
        mine = {self.splits[at] for at in self.order}
        usable = {c for c, split in self.stock.pools if split in mine}
        if wanted is None:
            counts = np.bincount(
                self.category[self.counted & (self.category >= 0)], minlength=len(self.names)
            )
            weights = {c: float(max(counts[c], 1)) for c in sorted(usable)}
        else:
            for name in wanted:
                if name not in self.names:
                    raise DatasetError(
                        f"classes: no class {name!r} in the set; {nearest(name, self.names)}"
                    )
            chosen = {self.names.index(name): weight for name, weight in wanted.items()}
            for c in sorted(set(chosen) - usable):
                self.outcomes[f"class without an instance: {self.names[c]}"] += 1
            weights = {c: chosen[c] for c in sorted(set(chosen) & usable)}
        if not weights:
            raise DatasetError(
                "the bank has no instance of a class to paste in a split to paste into: nothing "
                "goes from one split into another"
            )
        total = sum(weights.values())
        return {c: weight / total for c, weight in weights.items()}

    def _learn(self) -> dict[int, Perspective]:
        placement = self.options.placement
        if placement == "uniform":
            return dict.fromkeys(self.weights, uniform())
        if not isinstance(placement, str):
            return dict.fromkeys(self.weights, given(placement))
        rows = np.flatnonzero(self.counted)
        tall = self.height[self.image_of[rows]]
        heights = (self.boxes[rows, 3] - self.boxes[rows, 1]) / tall
        bottoms = self.boxes[rows, 3] / tall
        of_all = learn(heights, bottoms)
        priors = {}
        for c in self.weights:
            mine = self.category[rows] == c
            enough = np.count_nonzero(mine) >= 30
            priors[c] = learn(heights[mine], bottoms[mine]) if enough else of_all
        return priors

    # ---- the run ---------------------------------------------------------------

    def run(self) -> Plan:
        for state in self.states:
            state.queue.extend(self.order)
        pasted: Counter[int] = Counter()
        while wanting := self._most_wanting():
            left = [c for c in self.weights if c not in wanting.unfit_classes]
            category = min(left, key=lambda c: ((pasted[c] + 1) / self.weights[c], c))
            pasted[category] += self._paste_one(wanting, category)
        return self._plan()

    def _most_wanting(self) -> _State | None:
        """The band that lacks most boxes; None when all have what they should or no more goes."""
        best, most = None, 0.0
        for state in self.states:
            if state.over is not None:
                continue
            lack = _lack(state, self.total)
            if lack > most:
                best, most = state, lack
        return best

    def _paste_one(self, state: _State, category: int) -> bool:
        """Bring one object in; False, with what is used up noted, when no image takes it."""
        unfit = state.unfit.setdefault(category, set())
        passed = 0  # images in a row that the class is no use on
        while passed < len(state.queue):
            at = state.queue.popleft()
            if at in unfit:
                state.queue.append(at)
                passed += 1
                continue
            passed = 0
            target = self._target(at)
            if target.pastes >= self.options.max_per_image:
                self.outcomes["image has its most pastes"] += 1
                state.full = True
                continue
            why = self._try(state, category, target)
            if why is None:
                state.queue.append(at)
                return True
            self.outcomes[why] += 1
            if why in _INSTANCES:
                unfit.add(at)
            else:
                target.strikes += 1
            if target.strikes < STRIKES:
                state.queue.append(at)
        state.unfit_classes.add(category)
        if not state.queue or len(state.unfit_classes) == len(self.weights):
            none = _NO_INSTANCE if state.queue else _NO_PLACE
            state.over = _FULL if state.full else none
        return False

    def _target(self, at: int) -> _Target:
        target = self.done.get(at)
        if target is None:
            rows = self.by_image[self.starts[at] : self.starts[at + 1]]
            boxes = [tuple(box) for box in self.boxes[rows].tolist()]
            frame = Frame(self.width[at], self.height[at], boxes, self.exempt[rows].tolist())
            generator = np.random.Generator(np.random.PCG64(self.keys[at]))
            scale = (float(self.scales[at, 0]), float(self.scales[at, 1]))
            target = self.done[at] = _Target(at, frame, generator, scale, rows.tolist())
        return target

    def _try(self, state: _State, category: int, target: _Target) -> str | None:
        """Paste one object onto one image; why not, if not."""
        pool = self.stock.pools.get((category, self.splits[target.row]))
        if pool is None:
            return _INSTANCES[0]
        not_from = None if self.options.own_image else target.row
        chosen = self.stock.choose(pool, state.band, target.scale, target.generator, not_from)
        if chosen is None:
            return _INSTANCES[1]
        row, size = chosen
        sides = self.stock.sides(row, size, state.band, target.scale)
        if sides is None:
            return "no whole pixels of such a size"
        w, h = sides
        if w > target.frame.width or h > target.frame.height:
            return "image too small"
        place = self._place(category, target, w, h)
        if isinstance(place, str):
            return place
        self._take(state, category, target, row, place)
        return None

    def _place(
        self, category: int, target: _Target, w: float, h: float
    ) -> str | tuple[Box, list[tuple[int, float]], list[Box]]:
        frame, options = target.frame, self.options
        rows = self.priors[category].rows(h / frame.height, options.tries, target.generator)
        across = target.generator.random(options.tries)
        free = frame.width - w
        why = "no free place: every try hit another paste"
        found: list[tuple[Box, list[tuple[int, float]]]] = []
        for row, share in zip(rows.tolist(), across.tolist(), strict=True):
            x = float(min(math.floor(share * (free + 1)), math.floor(free)))
            y = float(max(0, math.floor(row * frame.height - h)))
            y = min(y, float(math.floor(frame.height - h)))
            box = (x, y, x + w, y + h)
            if frame.collides(box, options.gap):
                continue
            covered = frame.covered(box)
            if sum(area for _, area in covered) > options.max_on_boxes * w * h:
                why = "no free place: every try was on boxes"
                continue
            if options.when_hidden == "refuse" and frame.hides_too_much(
                covered, options.max_hidden
            ):
                why = "no free place: every try would hide too much of a box"
                continue
            found.append((box, covered))
            if len(found) == MOST_PLACES:
                break
        return (*found[0], [other for other, _ in found[1:]]) if found else why

    def _take(
        self,
        state: _State,
        category: int,
        target: _Target,
        row: int,
        place: tuple[Box, list[tuple[int, float]], list[Box]],
    ) -> None:
        box, covered, others = place
        over = target.frame.hides_too_much(covered, self.options.max_hidden)
        target.frame.take(box, covered)
        if target.row in self.optional and target.pastes == 0:
            self._count_boxes(target, +1)
        for at in over:
            self._ignore(target, at)
        sx, sy = target.scale
        w, h = box[2] - box[0], box[3] - box[1]
        own_w, own_h = self.stock.sizes[row].tolist()
        flip = self.options.flip and bool(target.generator.random() < 0.5)
        self.rows.append(
            {
                "image_id": target.row,
                "instance_id": int(self.stock.instances[row]),
                "category_id": category,
                "x1": box[0],
                "y1": box[1],
                "x2": box[2],
                "y2": box[3],
                "scale": min(1.0, math.sqrt(w * h / (own_w * own_h))),
                "size_at_input": min(w * sx, h * sy) / self.stride,
                "flip": flip,
                "seed": int(target.generator.integers(0, 2**31)),
                "hidden": [
                    {
                        "annotation_id": target.annotations[at],
                        "share": area / target.frame.areas[at],
                    }
                    for at, area in covered
                ],
                "places": [{"x": other[0], "y": other[1]} for other in others],
            }
        )
        target.pastes += 1
        target.strikes = 0
        self.stock.used[row] += 1
        self.total += 1
        state.boxes += 1
        state.pasted += 1
        self.outcomes["pasted"] += 1

    def _ignore(self, target: _Target, at: int) -> None:
        """A box hidden too far is no target any more."""
        target.frame.exempt(at)
        annotation = target.annotations[at]
        self.hidden_too_much.add(annotation)
        if self.counts[annotation]:
            self._count(annotation, -1)

    def _count_boxes(self, target: _Target, by: int) -> None:
        for annotation in target.annotations:
            if self.counts[annotation]:
                self._count(annotation, by)

    def _count(self, annotation: int, by: int) -> None:
        self.total += by
        for state in self.states:
            if state.band.low <= self.size[annotation] < state.band.high:
                state.boxes += by

    # ---- the result ------------------------------------------------------------

    def _plan(self) -> Plan:
        rows = sorted(self.rows, key=lambda r: r["image_id"])  # stable: in order within an image
        for at, entry in enumerate(rows):
            entry["paste_id"] = at
        hidden = {
            target.annotations[at]: area / target.frame.areas[at]
            for _, target in sorted(self.done.items())
            for at, area in enumerate(target.frame.hidden)
            if area > 0
        }
        priors = {self.names[c]: prior.as_dict() for c, prior in self.priors.items()}
        return Plan(
            pa.Table.from_pylist(rows, schema=LEDGER),
            np.array(sorted(self.hidden_too_much), np.int64),
            hidden,
            [self._said(state) for state in self.states],
            {name: n for name, n in sorted(self.outcomes.items()) if n},
            priors,
            self.before,
            self.total,
            self.options,
        )

    def _said(self, state: _State) -> dict[str, Any]:
        band = state.band
        reached = state.boxes / self.total if self.total else 0.0
        return {
            "low": band.low,
            "high": band.high,
            "wanted_share": band.share,
            "wanted_count": band.count,
            "share_before": state.before / self.before if self.before else 0.0,
            "share_after": reached,
            "boxes_before": state.before,
            "boxes_after": state.boxes,
            "pasted": state.pasted,
            "reached": _lack(state, self.total) <= 0,
            "lacking": max(0, math.ceil(_lack(state, self.total))),
            "why_not": state.over,
        }


def _lack(state: _State, total: int) -> float:
    band = state.band
    return lacking(band.share, band.count, state.boxes, state.pasted, total)


def lacking(share: float | None, count: int | None, boxes: int, pasted: int, total: int) -> float:
    """How many boxes a band lacks, were it alone; exact at the border."""
    if count is not None:
        return float(count - pasted)
    assert share is not None
    # share * total is not exact in binary; a billionth of a box is no box.
    return (share * total - boxes - 1e-9) / (1.0 - share)
