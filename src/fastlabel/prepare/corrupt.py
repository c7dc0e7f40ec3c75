"""Label errors made on purpose, seeded and written down: what a detector or a check is tried on.

The kinds are those that annotators make. How far a box is off is drawn by its IoU with the true
one, so that a large and a small box are equally wrong.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from .._scalars import as_number, as_whole
from ..dataset import Dataset, DatasetError
from .corrupt_tables import Tables

__all__ = ["KINDS", "Corrupted", "corrupt", "settings_of"]

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

#: What can be done to labels, in the order in which rows are chosen: what can use only few of
#: them comes first.
KINDS = ("merge", "split", "swap", "drop", "shift", "scale", "duplicate", "spurious")

#: IoU of a shifted or scaled box with the true one: off enough to be wrong, near enough to be
#: the same object.
_MISPLACED = (0.3, 0.7)
#: IoU of a second box with the first: the same object drawn twice.
_TWICE = (0.75, 0.98)
#: Most of a spurious box that may lie on any other.
_MOST_ON_OTHERS = 0.2
#: Largest gap of two boxes that become one, as a share of their mean side.
_MERGE_GAP = 0.5
#: Least side of a box that is split, in pixels.
_SPLIT_SIDE = 8.0
#: Tries before a row is given up.
_TRIES = 40


class Corrupted(NamedTuple):
    """Labels with errors, and the list of them.

    Attributes
    ----------
    dataset : Dataset
        The labels, with errors.
    ledger : pyarrow.Table
        One row an error, as :data:`fastlabel.schema.ERRORS` says; what was asked for and how
        many of each kind could be made stands in its schema's metadata.
    """

    dataset: Dataset
    ledger: pa.Table


def corrupt(
    dataset: Dataset,
    *,
    rate: float = 0.1,
    kinds: Iterable[str] | Mapping[str, float] | None = None,
    seed: int = 0,
) -> Corrupted:
    """Make label errors on purpose, in memory.

    Parameters
    ----------
    dataset : Dataset
        The labels, taken for right; it is not changed.
    rate : float
        Errors, as a share of the boxes that can have one: finite ones with an area, which are
        no crowd and no ignore region. No box has two errors.
    kinds : iterable of str or mapping of str to float, optional
        What to make, in equal parts or by weight: ``drop`` (the label of an object is gone),
        ``swap`` (another class), ``shift`` and ``scale`` (IoU with the true box from 0.3 to
        0.7), ``spurious`` (a box where no object is), ``duplicate`` (a second box, IoU 0.75 to
        0.98), ``merge`` (one box around two neighbours of a class), ``split`` (two boxes on one
        object). By default all of them; without ``swap`` where there is one class.
    seed : int
        Same set and seed, same errors.

    Returns
    -------
    Corrupted
        ``dataset`` and ``ledger``. A box with another place has no polygon, mask or oriented
        box any more, as these would give the true one away.

    Raises
    ------
    ValueError, TypeError
        For a rate outside 0 to 1, or a kind that is not known.
    DatasetError
        If no box can have an error.

    Examples
    --------
    >>> import json, tempfile
    >>> from pathlib import Path
    >>> import fastlabel as fl
    >>> labels = {
    ...     "images": [{"id": 1, "file_name": "a.jpg", "width": 640, "height": 480}],
    ...     "annotations": [
    ...         {"id": i, "image_id": 1, "category_id": 1, "bbox": [100 * i, 50, 60, 80]}
    ...         for i in range(5)
    ...     ],
    ...     "categories": [{"id": 1, "name": "bird"}],
    ... }
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = Path(folder, "labels.json").write_text(json.dumps(labels))
    ...     clean = fl.read(folder)
    >>> noisy, ledger = fl.corrupt(clean, rate=0.4, kinds=["drop", "duplicate"])
    >>> sorted(ledger["kind"].to_pylist()), noisy.annotations.num_rows
    (['drop', 'duplicate'], 5)
    """
    share = as_number(rate, "rate")
    if not 0 <= share <= 1:
        raise ValueError(f"rate: got {rate}, expected 0 to 1")
    start = as_whole(seed, "seed")
    if start < 0:
        raise ValueError(f"seed: got {seed}, expected 0 or more")
    run = _Corruption(dataset, np.random.default_rng(start))
    weights = _weights(kinds, run.classes > 1)
    if not len(run.able):
        raise DatasetError(
            f"{dataset.root}: has no box that can be made wrong: finite, with an area, no crowd "
            "and no ignore region"
        )
    wanted = _dealt(round(share * len(run.able)), weights)
    planted = {kind: run.make(kind, wanted[kind]) for kind in KINDS if kind in wanted}
    settings = {
        "rate": share,
        "seed": start,
        "images": len(dataset),
        "boxes": len(run.able),
        "wanted": wanted,
        "planted": {kind: planted[kind] for kind in wanted},
    }
    return run.result(settings)


def settings_of(ledger: pa.Table) -> dict[str, Any]:
    """What a ledger was made with: ``rate``, ``seed``, ``wanted`` and ``planted`` by kind.

    Parameters
    ----------
    ledger : pyarrow.Table
        As :func:`corrupt` gives it, or as it was read back from Parquet.

    Returns
    -------
    dict
        Empty for a table that says nothing of it.
    """
    text = (ledger.schema.metadata or {}).get(b"fastlabel.corrupt")
    found: dict[str, Any] = {} if text is None else json.loads(text)
    return found


def _weights(kinds: Any, several_classes: bool) -> dict[str, float]:
    if kinds is None:
        return {kind: 1.0 for kind in KINDS if several_classes or kind != "swap"}
    if isinstance(kinds, str):
        raise TypeError(f"kinds: got {kinds!r}, expected a list, e.g. ['drop', 'shift']")
    given = kinds if isinstance(kinds, Mapping) else dict.fromkeys(kinds, 1.0)
    weights = {}
    for kind, weight in given.items():
        if kind not in KINDS:
            raise ValueError(f"kinds: got {kind!r}, expected some of {', '.join(sorted(KINDS))}")
        weights[kind] = as_number(weight, f"kinds[{kind!r}]")
        if not 0 <= weights[kind] < math.inf:
            raise ValueError(f"kinds[{kind!r}]: got {weight}, expected 0 or more")
    if not sum(weights.values()) > 0:
        raise ValueError("kinds: got none with a weight, expected at least one")
    return weights


def _dealt(total: int, weights: Mapping[str, float]) -> dict[str, int]:
    """Whole numbers in these proportions, which add up to the total."""
    whole = sum(weights.values())
    exact = {kind: total * weight / whole for kind, weight in weights.items()}
    dealt = {kind: math.floor(value) for kind, value in exact.items()}
    rest = total - sum(dealt.values())
    for kind in sorted(exact, key=lambda kind: dealt[kind] - exact[kind])[:rest]:
        dealt[kind] += 1
    return dealt


@dataclass
class _Error:
    """One error: rows of the source that it is about, and the rows it leaves."""

    kind: str
    image: int
    sources: tuple[int, ...]
    before: list[dict[str, Any]]
    after: list[tuple[list[float], int]]


@dataclass
class _Corruption:
    """Chooses rows and makes errors of them, kind by kind."""

    dataset: Dataset
    rng: np.random.Generator
    errors: list[_Error] = field(default_factory=list)

    def __post_init__(self) -> None:
        rows = self.dataset.annotations
        self.boxes = self.dataset.boxes()
        self.image_of = np.asarray(self.dataset.column("annotations", "image_id"))
        self.class_of = np.asarray(rows["category_id"].fill_null(-1).to_numpy(), np.int64)
        self.names = self.dataset.categories["name"].to_pylist()
        sides = self.boxes[:, 2:] - self.boxes[:, :2]
        good = np.isfinite(self.boxes).all(axis=1) & (sides > 0).all(axis=1)
        good &= self.class_of >= 0
        self.solid = good.copy()
        for name in ("crowd", "ignore"):
            good &= ~np.asarray(rows[name].fill_null(False).to_numpy(), bool)
        self.able: IntArray = np.flatnonzero(good)
        self.used = ~good
        # As fine as the set's own boxes: no fraction of a pixel shall give an error away.
        own = self.boxes[self.able]
        self.digits = 0 if bool((own == np.floor(own)).all()) else 2
        used = np.unique(self.class_of[self.able])
        self.choices = used if len(used) > 1 else np.arange(len(self.names))
        self.classes = len(self.choices)
        self.order = np.argsort(self.image_of, kind="stable")
        self.starts = np.searchsorted(
            self.image_of[self.order], np.arange(len(self.dataset) + 1)
        ).tolist()
        self.sizes = self._sizes()
        self.added: dict[int, list[list[float]]] = {}

    def _sizes(self) -> FloatArray:
        """Width and height of each image; as far as its boxes reach where they are unknown."""
        columns = (self.dataset.images[name] for name in ("width", "height"))
        sizes = np.stack([c.cast(pa.float64()).fill_null(np.nan).to_numpy() for c in columns], 1)
        reach = np.zeros_like(sizes)
        np.maximum.at(reach, self.image_of[self.able], self.boxes[self.able, 2:])
        return np.where(np.isfinite(sizes) & (sizes > 0), sizes, reach)

    def make(self, kind: str, wanted: int) -> int:
        """Make up to so many errors of a kind, and say how many there are."""
        if kind == "swap" and self.classes < 2:
            return 0
        make = getattr(self, f"_{kind}")
        made = 0
        candidates = self._anchors() if kind == "spurious" else self.rng.permutation(self.able)
        for row in candidates.tolist():
            if made >= wanted:
                break
            if kind != "spurious" and self.used[row]:
                continue
            error = make(row)
            if error is None:
                continue
            self.used[list(error.sources)] = True
            self.errors.append(error)
            made += 1
        return made

    def _anchors(self) -> IntArray:
        """Where boxes could be too many: images by their boxes, those checked to have none too.

        A row of the annotations stands for its image; ``-1 - image`` for one without any.
        """
        states = np.array(self.dataset.images["label_state"].to_pylist(), dtype=object)
        empty = np.flatnonzero(states == "labelled_empty")
        several = [self.rng.permutation(np.concatenate([self.able, -1 - empty])) for _ in range(2)]
        return np.concatenate(several)

    def _said(self, row: int) -> dict[str, Any]:
        return self.as_json(self.boxes[row].tolist(), int(self.class_of[row]))

    def as_json(self, box: list[float], category: int) -> dict[str, Any]:
        return {"box": box, "category_id": category, "category": self.names[category]}

    def _error(self, kind: str, row: int, *after: tuple[list[float], int]) -> _Error:
        return _Error(kind, int(self.image_of[row]), (row,), [self._said(row)], list(after))

    def _drop(self, row: int) -> _Error:
        return self._error("drop", row)

    def _swap(self, row: int) -> _Error:
        others = self.choices[self.choices != self.class_of[row]]
        new = int(others[self.rng.integers(len(others))])
        return self._error("swap", row, (self.boxes[row].tolist(), new))

    def _shift(self, row: int) -> _Error | None:
        return self._moved("shift", row, _MISPLACED, self._shifted)

    def _scale(self, row: int) -> _Error | None:
        return self._moved("scale", row, _MISPLACED, self._scaled)

    def _duplicate(self, row: int) -> _Error | None:
        error = self._moved("duplicate", row, _TWICE, self._jittered)
        if error is not None:
            error.after.insert(0, (self.boxes[row].tolist(), int(self.class_of[row])))
        return error

    def _moved(self, kind: str, row: int, between: tuple[float, float], how: Any) -> _Error | None:
        """The box changed until its IoU with itself, inside the image, is as wanted."""
        box = self.boxes[row]
        for _ in range(_TRIES):
            new = self._inside(how(box, self.rng.uniform(*between)), row)
            if between[0] <= _iou(box, new) <= between[1]:
                return self._error(kind, row, (new.tolist(), int(self.class_of[row])))
        return None

    def _inside(self, box: FloatArray, row: int) -> FloatArray:
        """A box cut to its image, or to where the source's own box already reached."""
        width, height = self.sizes[self.image_of[row]]
        x1, y1, x2, y2 = self.boxes[row]
        low, high = np.minimum((x1, y1), 0), np.maximum((x2, y2), (width, height))
        moved = np.concatenate([np.maximum(box[:2], low), np.minimum(box[2:], high)])
        return np.asarray(np.round(moved, self.digits))

    def _shifted(self, box: FloatArray, iou: float) -> FloatArray:
        angle = self.rng.uniform(0, 2 * math.pi)
        u, v = abs(math.cos(angle)), abs(math.sin(angle))
        # (1 - a u)(1 - a v) = 2 iou / (1 + iou): what is shared of two equal boxes.
        shared = 2 * iou / (1 + iou)
        a = u * v
        root = math.sqrt((u + v) ** 2 - 4 * a * (1 - shared))
        step = 2 * (1 - shared) / (u + v + root)
        width, height = box[2] - box[0], box[3] - box[1]
        move = np.array([step * math.cos(angle) * width, step * math.sin(angle) * height])
        return np.asarray(box + np.concatenate([move, move]))

    def _scaled(self, box: FloatArray, iou: float) -> FloatArray:
        grow = self.rng.random() < 0.5
        # Both sides by the same factor, give or take: boxes are not off by their diagonal alone.
        tilt = self.rng.uniform(0.8, 1.25)
        factor = math.sqrt(1 / iou if grow else iou)
        wide, high = factor * tilt, factor / tilt
        cx, cy = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
        w, h = (box[2] - box[0]) * wide / 2, (box[3] - box[1]) * high / 2
        return np.array([cx - w, cy - h, cx + w, cy + h])

    def _jittered(self, box: FloatArray, iou: float) -> FloatArray:
        sides = np.tile(box[2:] - box[:2], 2)
        return np.asarray(box + self.rng.uniform(-1, 1, 4) * (1 - iou) / 2 * sides)

    def _spurious(self, anchor: int) -> _Error | None:
        image = int(self.image_of[anchor]) if anchor >= 0 else -1 - anchor
        width, height = self.sizes[image]
        rows = self.order[self.starts[image] : self.starts[image + 1]]
        others = self.boxes[rows[self.solid[rows]]]
        others = np.concatenate([others, np.array(self.added.get(image, [])).reshape(-1, 4)])
        for _ in range(_TRIES):
            like = int(self.able[self.rng.integers(len(self.able))])
            w, h = self.boxes[like, 2:] - self.boxes[like, :2]
            if w >= width or h >= height:
                continue
            x, y = self.rng.uniform(0, width - w), self.rng.uniform(0, height - h)
            box = np.round(np.array([x, y, x + w, y + h]), self.digits)
            if _most_shared(box, others) <= _MOST_ON_OTHERS:
                self.added.setdefault(image, []).append(box.tolist())
                after = [(box.tolist(), int(self.class_of[like]))]
                return _Error("spurious", image, (), [], after)
        return None

    def _merge(self, row: int) -> _Error | None:
        image = int(self.image_of[row])
        rows = self.order[self.starts[image] : self.starts[image + 1]]
        rows = rows[~self.used[rows] & (self.class_of[rows] == self.class_of[row]) & (rows != row)]
        if not len(rows):
            return None
        own, others = self.boxes[row], self.boxes[rows]
        apart = np.maximum(
            np.maximum(others[:, :2], own[:2]) - np.minimum(others[:, 2:], own[2:]), 0
        )
        gap = np.hypot(apart[:, 0], apart[:, 1])
        sides = np.concatenate([own[2:] - own[:2], (others[:, 2:] - others[:, :2]).mean(axis=0)])
        near = int(gap.argmin())
        if gap[near] > _MERGE_GAP * sides.mean() or _iou(own, others[near]) > _TWICE[0]:
            return None
        other = int(rows[near])
        box = [
            *np.minimum(own, others[near])[:2].tolist(),
            *np.maximum(own, others[near])[2:].tolist(),
        ]
        first, second = sorted((row, other))
        after = [(box, int(self.class_of[row]))]
        return _Error(
            "merge", image, (first, second), [self._said(first), self._said(second)], after
        )

    def _split(self, row: int) -> _Error | None:
        x1, y1, x2, y2 = self.boxes[row].tolist()
        across = x2 - x1 >= y2 - y1
        if max(x2 - x1, y2 - y1) < _SPLIT_SIDE:
            return None
        at = self.rng.uniform(0.35, 0.65)
        category = int(self.class_of[row])
        if across:
            cut = round(x1 + at * (x2 - x1), self.digits)
            halves = [x1, y1, cut, y2], [cut, y1, x2, y2]
        else:
            cut = round(y1 + at * (y2 - y1), self.digits)
            halves = [x1, y1, x2, cut], [x1, cut, x2, y2]
        return self._error("split", row, *((half, category) for half in halves))

    def result(self, settings: dict[str, Any]) -> Corrupted:
        """The new tables: changed rows in their places, new ones behind what they come from."""
        count = self.dataset.annotations.num_rows
        self.errors.sort(key=lambda error: (error.image, error.sources, KINDS.index(error.kind)))
        gone = np.zeros(count, bool)
        new_box: dict[int, tuple[list[float], int]] = {}
        added: list[tuple[int, int, int, list[float], int]] = []  # after row, error, part, ...
        for number, error in enumerate(self.errors):
            if not error.after:
                gone[list(error.sources)] = True
            elif error.sources:
                new_box[error.sources[0]] = error.after[0]
                gone[list(error.sources[1:])] = True
                for part, (box, category) in enumerate(error.after[1:], 1):
                    added.append((error.sources[0], number, part, box, category))
            else:
                end = self.starts[error.image + 1]
                last = int(self.order[end - 1]) if end > self.starts[error.image] else count
                added.append((last, number, 0, *error.after[0]))
        return Corrupted(*Tables(self, gone, new_box, added).made(settings))


def _iou(a: FloatArray, b: FloatArray) -> float:
    w = min(a[2], b[2]) - max(a[0], b[0])
    h = min(a[3], b[3]) - max(a[1], b[1])
    if w <= 0 or h <= 0:
        return 0.0
    both = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1])
    return float(w * h / (both - w * h))


def _most_shared(box: FloatArray, others: FloatArray) -> float:
    """The largest share of the smaller area that the box has in common with another one."""
    if not len(others):
        return 0.0
    low, high = np.maximum(others[:, :2], box[:2]), np.minimum(others[:, 2:], box[2:])
    shared = np.clip(high - low, 0, None).prod(axis=1)
    areas = (others[:, 2:] - others[:, :2]).prod(axis=1)
    return float((shared / np.minimum(areas, (box[2:] - box[:2]).prod())).max())
