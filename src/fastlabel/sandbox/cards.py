"""Cards of the desk: findings in the order of the queue, and those that a filter leaves."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
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
        self._masks: OrderedDict[Filter, NDArray[np.bool_]] = OrderedDict()

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
        key = Filter(wanted.codes, wanted.classes, wanted.splits, "all", wanted.least)
        found = self._masks.get(key)
        if found is None:
            found = self.score >= key.least
            if key.codes:
                found &= np.isin(self.code, _places(self.codes, key.codes))
            if key.splits:
                found &= np.isin(self.split, _places(self.splits, key.splits))
            if key.classes:
                found &= np.isin(self.category, np.array(key.classes, np.int64))
            self._masks[key] = found
            while len(self._masks) > _KEPT_MASKS:
                self._masks.popitem(last=False)
        return found

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
        shown = self.shown(wanted)
        if past >= 0:
            shown = shown & (self.code != past)
        places = np.flatnonzero(shown)
        if not len(places):
            return None
        if by > 0:
            return int(places[np.searchsorted(places, start) % len(places)])
        return int(places[np.searchsorted(places, start, "right") - 1])

    def counts(self, wanted: Filter) -> dict[str, Any]:
        """Cards of each state under a filter, and the errors that are still expected."""
        mask = self.mask(wanted)
        found = np.bincount(self.state[mask], minlength=len(STATES)).tolist()
        left = float(self.chance[mask & (self.state == 0)].sum())
        return {**dict(zip(STATES, found, strict=True)), "expected": round(left, 2)}


def _places(names: list[str], wanted: tuple[str, ...]) -> Ints:
    return np.array([names.index(n) for n in wanted if n in names], np.int64)
