"""The local engine: batches through the native pool, some in flight so that no worker waits."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from .. import _core
from . import columns, fallback
from .jobs import Jobs
from .limits import Limits, rings_asked
from .read_ahead import Fetched, read_ahead

__all__ = ["content_hashes", "run"]

#: How long a wait may keep Python from seeing Ctrl-C, in milliseconds.
_POLL_MS = 100

#: Batches are put together until this much time has passed: what Python does for each costs as
#: much as some small pictures.
_GATHERED_SECONDS = 0.2

#: Batches that workers may have before them. Contents that were fetched wait elsewhere, within
#: limits; names of files take no room, and while Python puts many small pictures together the
#: workers need more than one batch.
_IN_FLIGHT, _IN_FLIGHT_FILES = 2, 16

#: Images a batch where only their bytes are hashed.
_HASH_BATCH = 512

_NEEDS_DECODER = _core.STATUSES.index("needs_decoder")


def run(
    jobs: Jobs,
    workers: int,
    limits: Limits,
    progress: Callable[[int, int], None] | None,
    batch_size: int,
    gathered: int = 1,
) -> Iterator[tuple[pa.RecordBatch, pa.RecordBatch]]:
    """Scan all jobs; yields (image_stats, box_stats) batches in order.

    Up to ``gathered`` batches that are ready soon one after the other are yielded as one.
    Leaving the iteration early, by Ctrl-C too, stops the workers within some rows.
    """
    if not 0 <= workers <= 1024:
        raise ValueError(f"workers: got {workers}, expected 0 (one a CPU) to 1024")
    if batch_size < 1:
        raise ValueError(f"batch_size: got {batch_size}, expected at least 1")
    scanner = _scanner(workers, limits, hash_only=False)
    ahead = read_ahead(jobs, batch_size, limits.max_bytes, elastic=gathered > 1)
    with ThreadPoolExecutor(max_workers=workers or None) as others:
        try:
            with closing(ahead) as batches:
                yield from _batches(jobs, scanner, others, limits, progress, batches, gathered)
        except BaseException:
            others.shutdown(wait=False, cancel_futures=True)
            raise
        finally:
            scanner.close()


def content_hashes(
    jobs: Jobs, workers: int, limits: Limits
) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
    """Read images without decoding them.

    Returns
    -------
    places : numpy.ndarray
        (k,) places among the jobs of the images that could be read, ascending.
    hashes : numpy.ndarray
        (k, 16) uint8, as ``content_hash`` of a scan.
    """
    scanner = _scanner(workers, limits, hash_only=True)
    places, hashes = [np.empty(0, np.int64)], [np.empty((0, 16), np.uint8)]
    try:
        with closing(read_ahead(jobs, _HASH_BATCH, limits.max_bytes)) as batches:
            for batch, rows, _ in _collected(jobs, scanner, None, batches):
                k = np.flatnonzero(rows["has_hash"])
                places.append(batch.first + k)
                hashes.append(rows["content_hash"][k])
    finally:
        scanner.close()
    return np.concatenate(places), np.concatenate(hashes)


def _scanner(workers: int, limits: Limits, *, hash_only: bool) -> _core.Scanner:
    return _core.Scanner(
        workers=workers,
        max_pixels=limits.max_pixels,
        max_bytes=limits.max_bytes,
        max_scans=limits.max_scans,
        max_memory=limits.max_memory,
        hash_only=hash_only,
        rings=rings_asked(limits),
    )


def _batches(
    jobs: Jobs,
    scanner: _core.Scanner,
    others: ThreadPoolExecutor,
    limits: Limits,
    progress: Callable[[int, int], None] | None,
    batches: Iterator[Fetched],
    gathered: int,
) -> Iterator[tuple[pa.RecordBatch, pa.RecordBatch]]:
    ready: list[tuple[columns.Rows, columns.Rows]] = []
    first, since = 0, time.monotonic()
    for batch, rows, box_rows in _collected(jobs, scanner, progress, batches):
        for k, lost in batch.lost:
            columns.say(rows[k : k + 1], lost.status, lost.detail)
        _decode_others(jobs, batch, rows, box_rows, others, limits)
        ready.append((rows, box_rows))
        late = time.monotonic() - since >= _GATHERED_SECONDS
        if len(ready) >= gathered or late or batch.last == len(jobs):
            images, boxes = (_one(parts) for parts in zip(*ready, strict=True))
            rings = rings_asked(limits)
            yield columns.batches(jobs, first, batch.last, images, boxes, rings=rings)
            ready, first, since = [], batch.last, time.monotonic()


def _one(parts: Sequence[columns.Rows]) -> columns.Rows:
    # np.concatenate compares the types of all fields first, which takes longer than the copy.
    if len(parts) == 1:
        return parts[0]
    rows = np.empty(sum(map(len, parts)), parts[0].dtype)
    end = 0
    for part in parts:
        rows[end : end + len(part)] = part
        end += len(part)
    return rows


def _collected(
    jobs: Jobs,
    scanner: _core.Scanner,
    progress: Callable[[int, int], None] | None,
    batches: Iterator[Fetched],
) -> Iterator[tuple[Fetched, columns.Rows, columns.Rows]]:
    """Batches as the native workers have finished them, in order."""
    in_flight: deque[tuple[Fetched, int]] = deque()
    tell = _Teller(progress, len(jobs))
    most = _IN_FLIGHT if jobs.source.slow else _IN_FLIGHT_FILES
    more = True
    while more or in_flight:
        while more and len(in_flight) < most:
            batch = next(batches, None)
            if batch is None:
                more = False
            else:
                in_flight.append((batch, _submit(jobs, scanner, batch)))
        if not in_flight:
            break
        batch, ticket = in_flight.popleft()
        finished = False
        while not finished:
            finished, done = scanner.wait(ticket, _POLL_MS)
            tell(batch.first + done)
        rows, box_rows = scanner.collect(ticket)
        yield batch, rows, box_rows
    tell(len(jobs), force=True)


class _Teller:
    """Calls the user's progress function, at most ten times a second."""

    def __init__(self, progress: Callable[[int, int], None] | None, total: int) -> None:
        self._progress, self._total, self._last = progress, total, 0.0

    def __call__(self, done: int, *, force: bool = False) -> None:
        now = time.monotonic()
        if self._progress is not None and (force or now - self._last > 0.1):
            self._last = now
            self._progress(done, self._total)


def _submit(jobs: Jobs, scanner: _core.Scanner, batch: Fetched) -> int:
    first, last = batch.first, batch.last
    low, high = jobs.offsets[first], jobs.offsets[last]
    return scanner.submit(
        batch.items,
        np.ascontiguousarray(jobs.declared[first:last]),
        np.ascontiguousarray(jobs.turned[first:last]),
        np.ascontiguousarray(jobs.boxes[low:high]),
        np.ascontiguousarray(jobs.offsets[first : last + 1] - low),
    )


def _decode_others(
    jobs: Jobs,
    batch: Fetched,
    rows: columns.Rows,
    box_rows: columns.Rows,
    others: ThreadPoolExecutor,
    limits: Limits,
) -> None:
    """Fill in the rows whose format OpenCV decodes."""
    first = batch.first
    base = jobs.offsets[first]

    def one(k: int) -> None:
        low, high = jobs.offsets[first + k] - base, jobs.offsets[first + k + 1] - base
        boxes = np.ascontiguousarray(jobs.boxes[base + low : base + high])
        item = batch.items[k]
        if item is not None:
            fallback.measure(item, boxes, rows[k : k + 1], box_rows[low:high], limits)

    list(others.map(one, np.flatnonzero(rows["status"] == _NEEDS_DECODER).tolist()))
