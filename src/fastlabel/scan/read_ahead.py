"""Batches of images with their contents, or where a native worker finds them.

A source that waits for a network, inflates or reads rows of a table is asked by threads of its
own, some batches ahead of the workers and within a number of bytes.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from ..dataset import as_numpy
from ..source import MOST_BYTES, Lost, Span
from .jobs import Jobs

__all__ = ["BUDGET", "Fetched", "fetched", "read_ahead"]

#: Bytes that batches not yet handed over may hold; one batch holds a quarter of it at most,
#: but for a single picture that is larger.
BUDGET = 256 << 20
#: Batches asked for at a time, and how many may be asked for or ready.
_READERS, _AHEAD = 3, 8
#: What Python does for a batch costs as much as some small pictures: elastic batches grow to this
#: many times their size while they are taken in less than this time.
_STRETCH, _BATCH_SECONDS = 4, 0.04
#: Taken for the size of a picture whose size is not known before it is read.
_USUAL = 256 << 10

_ESCAPED = Lost("escaped", "the name leads outside the root")
_MISSING = Lost("missing", "there is no such image in the source")


@dataclass(frozen=True)
class Fetched:
    """Jobs ``first`` to ``last`` with what the source gave; None where it gave nothing."""

    first: int
    last: int
    items: list[bytes | Span | None]
    lost: list[tuple[int, Lost]]  # by place in ``items``


def read_ahead(
    jobs: Jobs,
    batch_size: int,
    most: int = MOST_BYTES,
    budget: int = BUDGET,
    *,
    elastic: bool = False,
) -> Generator[Fetched, None, None]:
    """All jobs, in order, at most ``batch_size`` at a time; of an elastic one a few times that.

    Leaving the iteration early ends the reading.
    """
    if not jobs.source.slow:
        first, began = 0, time.monotonic()
        while first < len(jobs):
            size = batch_size
            if elastic:
                rate = first / max(time.monotonic() - began, 1e-3)
                size = min(max(int(rate * _BATCH_SECONDS), size), size * _STRETCH)
            last = min(first + size, len(jobs))
            yield fetched(jobs, first, last, most)
            first = last
        return
    ranges = _ranges(jobs, batch_size, budget // 4)
    waiting: deque[tuple[Future[Fetched], int]] = deque()
    held = 0
    ended = False
    readers = ThreadPoolExecutor(_READERS, thread_name_prefix="fastlabel-ahead")
    try:
        coming = next(ranges, None)
        while coming is not None or waiting:
            while coming is not None and (
                not waiting or (len(waiting) < _AHEAD and held + coming[2] <= budget)
            ):
                first, last, size = coming
                waiting.append((readers.submit(fetched, jobs, first, last, most), size))
                held += size
                coming = next(ranges, None)
            future, size = waiting.popleft()
            yield future.result()
            held -= size
        ended = True
    finally:
        readers.shutdown(wait=False, cancel_futures=True)
        close = getattr(jobs.source, "close", None)
        if close is not None and not ended:
            close()  # gives up what waits for a server


def _ranges(jobs: Jobs, batch_size: int, most: int) -> Iterator[tuple[int, int, int]]:
    """(first, last, bytes) of each batch: ``batch_size`` images, or fewer large ones."""
    step = max(4096 // batch_size, 1) * batch_size
    for start in range(0, len(jobs), step):
        rows = jobs.rows[start : start + step]
        sizes = np.zeros(len(rows), np.int64)
        there = rows >= 0
        known = jobs.source.stamps(rows[there]).field("size").fill_null(_USUAL)
        sizes[there] = as_numpy(known)
        first, held = 0, 0
        for k, size in enumerate(sizes.tolist()):
            if k > first and (k - first == batch_size or held + size > most):
                yield start + first, start + k, held
                first, held = k, 0
            held += size
        yield start + first, start + len(rows), held


def fetched(jobs: Jobs, first: int, last: int, most: int, *, ask: bool = True) -> Fetched:
    """Jobs ``first`` to ``last``; unless the source is asked, only what it need not be."""
    rows = jobs.rows[first:last]
    outside = jobs.escaped[first:last]
    there = np.flatnonzero((rows >= 0) & ~outside)
    items: list[bytes | Span | None] = [None] * (last - first)
    lost: list[tuple[int, Lost]] = []
    if len(there) < len(rows):
        for k in np.setdiff1d(np.arange(last - first), there).tolist():
            lost.append((k, _ESCAPED if outside[k] else _MISSING))
    if not ask:
        return Fetched(first, last, items, lost)
    given = jobs.source.fetch(rows[there], most)
    found = [item for item in given if not isinstance(item, Lost)]
    if len(found) == len(items):
        items[:] = found
        return Fetched(first, last, items, lost)
    for k, item in zip(there.tolist(), given, strict=True):
        if isinstance(item, Lost):
            lost.append((k, item))
        else:
            items[k] = item
    return Fetched(first, last, items, lost)
