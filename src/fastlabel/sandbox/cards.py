"""Cards of the desk: findings in the order of the queue, and those that a filter leaves."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ..clean.queue import review_queue
from ..dataset import as_numpy
from .guard import ApiError

if TYPE_CHECKING:
    from ..config import Config
    from ..dataset import Dataset

__all__ = ["STATES", "Cards", "Filter"]

Ints = NDArray[np.int64]

#: State of a card: its number in this list.
STATES = ("open", "accepted", "dismissed", "skipped")
_KEPT_MASKS = 8
#: Cards that are looked through at a time.
_BLOCK = 1 << 14


@dataclass(frozen=True)
class Filter:
    """Which cards are wanted: none named means all of them.

    Attributes
    ----------
    codes, splits : tuple of str
        Rules; splits ("" is no split).
    classes : tuple of int
        Classes of the box that the finding is about.
    state : str
        One of :data:`STATES`, or ``all``.
    least : float
        Findings at least so sure; one without a score counts as sure.
    """

    codes: tuple[str, ...] = ()
    classes: tuple[int, ...] = ()
    splits: tuple[str, ...] = ()
    state: str = "open"
    least: float = 0.0

    def whatever_state(self) -> Filter:
        """The same, of cards of any state."""
        return replace(self, state="all")

    @classmethod
    def of(cls, given: Any) -> Filter:
        """Read what a page sent."""
        given = {} if given is None else given
        if not isinstance(given, dict):
            raise ApiError(400, "filter", "filter: expected an object")
        state, least = given.get("state", "open"), given.get("least", 0)
        if state not in (*STATES, "all"):
            raise ApiError(400, "filter", f"state: expected one of {', '.join(STATES)}, all")
        if isinstance(least, bool) or not isinstance(least, int | float) or not 0 <= least <= 1:
            raise ApiError(400, "filter", "least: expected a number from 0 to 1")
        return cls(
            _several(given, "codes", str),
            _several(given, "classes", int),
            _several(given, "splits", str),
            state,
            float(least),
        )


def _several(given: dict[str, Any], name: str, kind: type) -> tuple[Any, ...]:
    values = given.get(name) or []
    if not isinstance(values, list) or not all(type(v) is kind for v in values):
        raise ApiError(400, "filter", f"{name}: expected a list")
    return tuple(values)


class Cards:
    """One card a finding about an image: those of the queue first, then the others.

    Findings about one object lie together, as the queue has them, so that an image is opened
    once. Those that the queue leaves out (its rules need no look at a picture) come last, in the
    order of the table.

    Attributes
    ----------
    finding : numpy.ndarray
        Row of the findings of each card.
    at : numpy.ndarray
        Card of each finding; -1 for those about the set as a whole.
    state : numpy.ndarray
        Of each card: a number of :data:`STATES`.
    """

    def __init__(self, ds: Dataset, findings: pa.Table, config: Config | None = None) -> None:
        queue = review_queue(ds, findings, config=config)
        lists = queue["findings"].combine_chunks()
        ranked = as_numpy(lists.flatten()).astype(np.int64)
        image = as_numpy(pc.fill_null(findings["image_id"], -1)).astype(np.int64)
        left = image >= 0
        left[ranked] = False
        self.finding: Ints = np.concatenate([ranked, np.flatnonzero(left)])
        self.at: Ints = np.full(findings.num_rows, -1, np.int64)
        self.at[self.finding] = np.arange(len(self.finding))
        self.image: Ints = image[self.finding]
        annotation = as_numpy(pc.fill_null(findings["annotation_id"], -1)).astype(np.int64)
        self.annotation: Ints = annotation[self.finding]
        self.state = np.zeros(len(self.finding), np.int8)
        # What an object is worth counts once, on the first of its cards.
        self.chance = np.zeros(len(self.finding))
        sizes = as_numpy(pc.list_value_length(lists)).astype(np.int64)
        if len(sizes):
            self.chance[np.cumsum(sizes) - sizes] = as_numpy(queue["score"])
        self._columns(ds, findings)
        self._by_box = np.argsort(self.annotation, kind="stable")
        self._annotations = self.annotation[self._by_box]
        self._masks: OrderedDict[Filter, NDArray[np.bool_]] = OrderedDict()
        self._counts: dict[Filter, _Counted] = {}
        self._lock = threading.RLock()  # two tabs ask at once

    def _columns(self, ds: Dataset, findings: pa.Table) -> None:
        take = pa.array(self.finding)
        codes = findings["code"].take(take).combine_chunks().dictionary_encode()
        self.codes: list[str] = codes.dictionary.to_pylist()
        self.code = as_numpy(codes.indices).astype(np.int32)
        score = pc.fill_null(findings["score"].cast(pa.float64()), 1.0)
        self.score = np.nan_to_num(as_numpy(score), nan=0.0)[self.finding]
        category = as_numpy(pc.fill_null(ds.annotations["category_id"], -1)).astype(np.int32)
        self.category = np.full(len(self.finding), -1, np.int32)
        about = self.annotation >= 0
        self.category[about] = category[self.annotation[about]]
        splits = pc.fill_null(ds.images["split"], "").combine_chunks().dictionary_encode()
        self.splits: list[str] = splits.dictionary.to_pylist()
        self.split = as_numpy(splits.indices).astype(np.int32)[self.image]

    def __len__(self) -> int:
        return len(self.finding)

    def mask(self, wanted: Filter) -> NDArray[np.bool_]:
        """Which cards a filter leaves, whatever their state."""
        key = wanted.whatever_state()
        with self._lock:
            found = self._masks.get(key)
            if found is None:
                found = self._masks[key] = self._passing(key)
                while len(self._masks) > _KEPT_MASKS:
                    self._counts.pop(self._masks.popitem(last=False)[0], None)
            else:
                self._masks.move_to_end(key)
            return found

    def _passing(self, wanted: Filter) -> NDArray[np.bool_]:
        found = self.score >= wanted.least
        if wanted.codes:
            found &= np.isin(self.code, _places(self.codes, wanted.codes))
        if wanted.splits:
            found &= np.isin(self.split, _places(self.splits, wanted.splits))
        if wanted.classes:
            found &= np.isin(self.category, np.array(wanted.classes, np.int64))
        return np.asarray(found, np.bool_)

    def shown(self, wanted: Filter) -> NDArray[np.bool_]:
        """Which cards a filter shows now."""
        mask = self.mask(wanted)
        return mask if wanted.state == "all" else mask & (self.state == STATES.index(wanted.state))

    def step(self, wanted: Filter, start: int, by: int, *, past: int = -1) -> int | None:
        """The next card, or the one before, from a place on; round the end once.

        Parameters
        ----------
        wanted : Filter
            Which cards count.
        start : int
            The first place to look at.
        by : int
            1 or -1.
        past : int
            A rule, as a number, whose cards are passed over.
        """
        n = len(self)
        start = min(max(start, -1), n)
        spans = ((start, n), (0, start)) if by > 0 else ((0, start + 1), (start + 1, n))
        for first, stop in spans:
            for place in self._found(wanted, first, stop, by, past):
                return place
        return None

    def after(self, wanted: Filter, start: int, most: int) -> list[int]:
        """The cards that come next, as far as there are."""
        return list(islice(self._found(wanted, start, len(self), 1, -1), most))

    def _found(self, wanted: Filter, first: int, stop: int, by: int, past: int) -> Iterator[int]:
        """Places that a filter shows, a block at a time: the next one is seldom far."""
        mask = self.mask(wanted)
        state = None if wanted.state == "all" else STATES.index(wanted.state)
        blocks = range(max(first, 0), stop, _BLOCK)
        for begin in blocks if by > 0 else reversed(blocks):
            part = slice(begin, min(begin + _BLOCK, stop))
            shown = mask[part]
            if state is not None:
                shown = shown & (self.state[part] == state)
            if past >= 0:
                shown = shown & (self.code[part] != past)
            places = (np.flatnonzero(shown) + begin).tolist()
            yield from places if by > 0 else reversed(places)

    def put(self, card: int, state: int) -> None:
        """Give a card its state; what was counted is kept right."""
        with self._lock:
            old = int(self.state[card])
            self.state[card] = state
            worth = float(self.chance[card])
            for key, counted in self._counts.items():
                if self._masks[key][card]:
                    counted.states[old] -= 1
                    counted.states[state] += 1
                    counted.expected += worth * (int(state == 0) - int(old == 0))

    def counts(self, wanted: Filter) -> dict[str, Any]:
        """Cards of each state under a filter, and the errors that are still expected."""
        with self._lock:
            mask, key = self.mask(wanted), wanted.whatever_state()
            counted = self._counts.get(key)
            if counted is None:
                states = np.bincount(self.state[mask], minlength=len(STATES)).tolist()
                expected = float(self.chance[mask & (self.state == 0)].sum())
                counted = self._counts[key] = _Counted(states, expected)
            told = dict(zip(STATES, counted.states, strict=True))
            return {**told, "expected": round(max(counted.expected, 0.0), 2)}

    def same_box(self, card: int) -> list[int]:
        """The other cards about the box of a card."""
        annotation = self.annotation[card]
        if annotation < 0:
            return []
        span = np.searchsorted(self._annotations, [annotation, annotation + 1])
        return sorted(int(k) for k in self._by_box[span[0] : span[1]] if k != card)


@dataclass
class _Counted:
    """What is counted under one filter."""

    states: list[int]
    expected: float


def _places(names: list[str], wanted: tuple[str, ...]) -> Ints:
    return np.array([names.index(n) for n in wanted if n in names], np.int64)
