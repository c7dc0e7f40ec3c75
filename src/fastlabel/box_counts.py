"""What the summary needs to know of the boxes of a set, counted in one pass over them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from ._threads import cpus, each_in_threads
from .set_columns import ASSUMED_STRIDES, BoolArray, Columns, FloatArray, IntArray

if TYPE_CHECKING:
    from .deploy import Profile

__all__ = ["BoxCounts", "Counter", "box_target", "count_boxes", "log_bins", "log_edges"]

#: COCO's border between small and medium boxes, at the model's input.
SMALL_AREA = 32.0 * 32.0
#: Cells along a side of the grid that centres are counted on.
HEATMAP_CELLS = 32
#: Bins of an octave.
PER_OCTAVE = 3
#: Threads when none are asked for: beyond these memory is the limit.
MOST_WORKERS = 4
#: Pairs of image and class of a part that are marked in a table; of more, a list is sorted.
MOST_MARKS = 1 << 22


class Counter(Protocol):
    """Something that is counted part by part."""

    def measure(self, part: Columns) -> Any:
        """Look at a part; changes nothing, so that several threads may."""

    def add(self, measured: Any) -> None:
        """Take what was measured of the next part."""


def count_boxes(columns: Columns, counters: Sequence[Counter], workers: int = 0) -> None:
    """Go over the boxes of a set once, for all counters.

    Parameters
    ----------
    columns : Columns
        The set.
    counters : sequence of Counter
        What is counted; what comes of it does not depend on the number of threads.
    workers : int
        Threads; 0 means one a CPU, at most 4.
    """

    def measure(part: Columns) -> list[Any]:
        # Bad boxes overflow and divide by zero; what comes of it compares as false.
        with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
            return [counter.measure(part) for counter in counters]

    def add(measured: list[Any]) -> None:
        for counter, values in zip(counters, measured, strict=True):
            counter.add(values)

    jobs = (partial(measure, part) for part in columns.parts())
    each_in_threads(jobs, workers or min(cpus(), MOST_WORKERS), add)


def box_target(profile: Profile | None) -> float:
    """Shortest side a target should have at the model's input, in pixels."""
    return float(profile.min_target) if profile is not None else float(ASSUMED_STRIDES[0])


def log_edges(low: float, high: float) -> FloatArray:
    """Edges of bins of equal ratio."""
    steps = round(np.log2(high / low) * PER_OCTAVE)
    return np.asarray(low * 2.0 ** (np.arange(steps + 1) / PER_OCTAVE))


def log_bins(values: FloatArray, low: float, high: float) -> IntArray:
    """Counts in bins of equal ratio; what lies beyond an end is in the end's bin."""
    steps = round(np.log2(high / low) * PER_OCTAVE)
    some = np.maximum(values, low / 2)
    index = np.floor(np.log2(some / low) * PER_OCTAVE + 1e-9)
    counts = np.bincount(np.clip(index, 0, steps - 1).astype(np.int64), minlength=steps)
    return np.asarray(counts, np.int64)


class Measure:
    """One number of each box that a chart can show, in row order, and its histogram.

    The numbers of all boxes are made when they are first asked for, in a pass of their own, and
    go when they are dropped: those of ten million boxes are as long as any column of a table.
    """

    def __init__(
        self,
        columns: Columns,
        of: Callable[[Columns], FloatArray],
        low: float,
        high: float,
        is_known: Callable[[FloatArray], BoolArray],
        workers: int,
    ) -> None:
        self._columns, self._of, self.is_known = columns, of, is_known
        self._workers = workers
        self.span = low, high
        self._all: FloatArray | None = None
        self._used = 0
        self._all_known = True
        self._mask: BoolArray | None = None
        self._bins = np.zeros(len(log_edges(low, high)) - 1, np.int64)

    @property
    def bins(self) -> IntArray:
        """Counts of the known ones in bins of equal ratio."""
        if not self._used:
            self.values()
        return self._bins

    def begin(self) -> None:
        """Make room: the numbers come with the next pass."""
        # Pages that stay empty cost nothing.
        self._all, self._used = np.empty(self._columns.ds.annotations.num_rows), 0
        self._all_known, self._mask = True, None
        self._bins[:] = 0

    def values(self) -> FloatArray:
        """All of them."""
        if self._all is None:
            self.begin()
            count_boxes(self._columns, [self], self._workers)
        assert self._all is not None
        return self._all[: self._used]

    def known(self) -> FloatArray:
        """Those that are known."""
        return self.pick(self.values())

    def pick(self, column: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        """Rows of a column of the same boxes, where this number is known."""
        if self._mask is None and (self._all is not None or not self._used):
            self._mask = np.empty(0, np.bool_) if self._all_known else self.is_known(self.values())
        return column if self._all_known else column[self._mask]

    def drop(self) -> None:
        """Forget the numbers, though not which of them are known."""
        self.pick(np.empty(self._used, np.bool_))
        self._all = None

    def measure(self, part: Columns) -> tuple[FloatArray, bool, IntArray]:
        """Look at a part."""
        values = self._of(part)[part.usable]
        known = self.is_known(values)
        whole = bool(known.all())
        return values, whole, log_bins(values if whole else values[known], *self.span)

    def add(self, measured: tuple[FloatArray, bool, IntArray]) -> None:
        """Append the values of the next part."""
        assert self._all is not None
        values, whole, bins = measured
        self._all[self._used : self._used + len(values)] = values
        self._used += len(values)
        self._bins += bins
        self._all_known &= whole


def _short(part: Columns) -> FloatArray:
    return np.minimum(*part.input_sides)


def _long(part: Columns) -> FloatArray:
    return np.maximum(*part.full_hd_sides)


def _ratio(part: Columns) -> FloatArray:
    x1, y1, x2, y2 = part.corners
    return (y2 - y1) / (x2 - x1)


def _no_nan(values: FloatArray) -> BoolArray:
    return ~np.isnan(values)


class BoxCounts:
    """Boxes counted by class, split, place and size.

    Attributes
    ----------
    by_split : numpy.ndarray
        (splits, classes + 1) all boxes; the last column has those of unknown class.
    short, long, ratio : Measure
        Of the boxes that a chart can show (:attr:`Columns.usable`): the shorter side at the
        model's input, the longer side at 1080p, and height over width.
    below_target : numpy.ndarray
        (classes + 1,) those of them whose shorter side is too short for the model.
    small_area, small
        The area at the model's input that is small, and how many of them are below it.
    centres, outside
        Their centres on a grid over the image, and those that lie outside it.
    """

    def __init__(self, columns: Columns, workers: int = 0) -> None:
        self.classes = columns.ds.categories.num_rows
        self.by_split = np.zeros((len(columns.split_names), self.classes + 1), np.int64)
        self.short = Measure(columns, _short, 1.0, 2048.0, np.isfinite, workers)
        self.long = Measure(columns, _long, 1.0, 2048.0, np.isfinite, workers)
        self.ratio = Measure(columns, _ratio, 1 / 16, 16.0, _no_nan, workers)
        boxes = columns.ds.annotations.num_rows
        self._category = np.empty(boxes, np.min_scalar_type(self.classes))
        self._usable = 0
        self.target = box_target(columns.profile)
        self.below_target = np.zeros(self.classes + 1, np.int64)
        self.small_area = columns.threshold("FL602", "small_area", SMALL_AREA)
        self.small = 0
        self.centres = np.zeros((HEATMAP_CELLS, HEATMAP_CELLS), np.int64)
        self.outside = 0
        self._pairs = _Pairs(columns)

    @property
    def images(self) -> IntArray:
        """(classes,) images that have boxes of each class."""
        return self._pairs.images()

    def category_where(self, measure: Measure) -> np.ndarray[Any, Any]:
        """Class of each box of which a measure is known; ``classes`` where it has none."""
        return measure.pick(self._category[: self._usable])

    def measure(self, part: Columns) -> tuple[Any, ...]:
        """Look at a part."""
        category = np.where(part.category < 0, self.classes, part.category)
        cell = part.split_index[part.box_image] * (self.classes + 1) + category
        by_split = np.bincount(cell, minlength=self.by_split.size)
        width, height = part.input_sides
        usable = part.usable
        short = _short(part)
        tiny = (width * height < self.small_area) & usable & np.isfinite(short)
        short, own = short[usable], category[usable]
        below = np.bincount(own[short < self.target], minlength=self.classes + 1)
        small = int(np.count_nonzero(tiny))
        return by_split, own, below, small, _centres(part), self._pairs.measure(part)

    def add(self, measured: tuple[Any, ...]) -> None:
        """Take what was measured of the next part."""
        by_split, own, below, small, (centres, outside), pairs = measured
        self.by_split += by_split.reshape(self.by_split.shape)
        self._category[self._usable : self._usable + len(own)] = own
        self._usable += len(own)
        self.below_target += below
        self.small += small
        self.centres += centres
        self.outside += outside
        self._pairs.add(pairs)


def _centres(part: Columns) -> tuple[IntArray, int]:
    """Centres of the boxes on a grid over their images, and how many lie outside."""
    width, height = part.size
    x1, y1, x2, y2 = part.corners
    u = (x1 + x2) / 2 / width[part.box_image]
    v = (y1 + y2) / 2 / height[part.box_image]
    inside = part.usable & (u >= 0) & (u <= 1) & (v >= 0) & (v <= 1)
    n = HEATMAP_CELLS
    i = np.minimum((u[inside] * n).astype(np.int64), n - 1)
    j = np.minimum((v[inside] * n).astype(np.int64), n - 1)
    grid = np.bincount(j * n + i, minlength=n * n).reshape(n, n)
    return grid, int(np.count_nonzero(part.usable)) - int(np.count_nonzero(inside))


class _Pairs:
    """Images that have boxes of each class: pairs of image and class, each counted once."""

    def __init__(self, columns: Columns) -> None:
        self.classes = columns.ds.categories.num_rows
        self.in_order = columns.in_order
        self.counts = np.zeros(self.classes, np.int64)
        #: The image that the last part ended with, and the classes it had so far.
        self.last, self.had = -1, np.zeros(self.classes, np.bool_)
        self.unsorted: list[IntArray] = []

    def measure(self, part: Columns) -> tuple[IntArray, IntArray]:
        """Pairs of a part: their counts by class, and the pairs that other parts may have too."""
        n = max(self.classes, 1)
        known = part.category >= 0
        image, category = part.box_image, part.category
        if not known.all():
            image, category = image[known], category[known]
        if not len(image):
            return np.zeros(self.classes, np.int64), np.empty(0, np.int64)
        first = int(image.min())
        span = int(image.max()) - first + 1
        if span * n <= MOST_MARKS:
            marks = np.zeros((span, n), np.bool_)
            marks.ravel()[(image - first) * n + category] = True
            if not self.in_order:
                return np.zeros(self.classes, np.int64), first * n + np.flatnonzero(marks)
            edges = marks[[0, -1]] if span > 1 else marks
            ends = np.flatnonzero(edges)
            ends = (first + (ends // n) * (span - 1)) * n + ends % n
            return np.count_nonzero(marks, axis=0), ends
        # Sorting beats np.unique's hashing many times over.
        pairs = np.sort(image * n + category)
        pairs = pairs[np.diff(pairs, prepend=-1) > 0]
        if not self.in_order:
            return np.zeros(self.classes, np.int64), pairs
        at = pairs // n
        return np.bincount(pairs % n, minlength=n), pairs[(at == at[0]) | (at == at[-1])]

    def add(self, measured: tuple[IntArray, IntArray]) -> None:
        """Take the pairs of the next part."""
        counts, pairs = measured
        self.counts += counts
        if not self.in_order:
            self.unsorted.append(pairs)
        elif len(pairs):  # an image that two parts share counts once
            n = max(self.classes, 1)
            image, category = pairs // n, pairs % n
            again = category[image == self.last]
            self.counts[again[self.had[again]]] -= 1
            if image[-1] != self.last:
                self.had[:] = False
            self.last = int(image[-1])
            self.had[category[image == self.last]] = True

    def images(self) -> IntArray:
        """(classes,) images of each class."""
        if not self.unsorted:
            return self.counts
        pairs = np.sort(np.concatenate(self.unsorted))
        once = pairs[np.diff(pairs, prepend=-1) > 0]
        return np.bincount(once % max(self.classes, 1), minlength=self.classes)
