"""One scan with a cache: what is known is put in place, the rest is measured and kept."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ..arrays import bits, numbers
from ..assembly import Assembly
from ..jobs import Jobs
from . import keys, parts
from .store import Entries, Store

__all__ = ["Outcome", "Session"]

#: What is measured is on the disk after this time, or this many images or boxes.
FLUSH_SECONDS = 2.0
FLUSH_IMAGES = 16_384
FLUSH_BOXES = 262_144

#: Images whose content is hashed before their results are looked for.
HASH_PIECE = 1 << 16

#: Gives the places and the 16-byte hashes of those of some images that could be read.
Hashes = Callable[[Jobs], tuple["Ids", keys.Keys]]

Ids = NDArray[np.int64]


@dataclass
class Outcome:
    """What came of it: images in all, those from the cache, those read but not decoded.

    ``damaged`` and ``outdated`` count parts; ``lost`` counts results that could not be kept,
    for the reason in ``why``.
    """

    images: int = 0
    reused: int = 0
    hashed: int = 0
    damaged: int = 0
    outdated: int = 0
    lost: int = 0
    why: str = ""


class Session:
    """Recalls and keeps results of ``jobs``; the store's folder must be held meanwhile.

    Parameters
    ----------
    store : Store
    jobs : Jobs
        All images of the run; ``image_ids`` are their places.
    tables : Assembly
        Where results that are known are put.
    """

    def __init__(self, store: Store, jobs: Jobs, tables: Assembly) -> None:
        self._store, self._jobs, self._tables = store, jobs, tables
        self.outcome = Outcome(images=len(jobs), outdated=store.outdated)
        self._name, self._named = keys.name_keys(jobs)
        self._labels = keys.label_keys(jobs)
        self._looked = time.time_ns()
        everything = np.arange(len(jobs), dtype=np.int64)
        self._stamp, self._size, _ = keys.stamp_keys(jobs, everything)
        self._pending: list[tuple[Ids, pa.RecordBatch]] = []
        self._flushed = time.monotonic()
        self._writer = _Writer(self._write, store.merge)
        self._box = store.schema.field("boxes").type.value_type

    def recall(self, hashes: Hashes, found: Callable[[int], None]) -> Ids:
        """Put in place what is known, and return which images are to be measured.

        ``found`` is called with the number of images known so far.
        """
        entries = self._store.entries()
        images, others = np.zeros(len(self._jobs), bool), np.zeros(len(entries), bool)
        recalled = _Recalled(images, images.copy(), others)
        if len(entries):
            results = entries.results()
            self._by_stamp(entries, results, recalled)
            found(int(recalled.images.sum()))
            self._by_content(entries, results, recalled, hashes, found)
            try:
                self._store.tidy(entries, recalled.entries, len(self._jobs))
            except OSError as error:
                self.outcome.why = error.strerror or str(error)
        self.outcome.reused = int(recalled.images.sum())
        self.outcome.damaged = self._store.damaged
        return np.flatnonzero(~recalled.images).astype(np.int64)

    def keep(self, images: pa.RecordBatch, boxes: pa.RecordBatch) -> None:
        """Keep what was measured: written in a thread, every two seconds."""
        ids = np.array(images["image_id"].to_numpy(), np.int64)
        self._pending.append((ids, self._part_rows(ids, images, boxes)))
        count = sum(len(rows) for _, rows in self._pending)
        many = count >= FLUSH_IMAGES or self._boxes_pending() >= FLUSH_BOXES
        if many or time.monotonic() - self._flushed >= FLUSH_SECONDS:
            self._flush()

    def close(self) -> None:
        """Write what is left, and wait for it."""
        self._flush()
        self._writer.close()
        self.outcome.lost, why = self._writer.lost
        self.outcome.why = why or self.outcome.why

    # ---- recalling

    def _by_stamp(self, entries: Entries, results: keys.Keys, recalled: _Recalled) -> None:
        """Images that have the name and the stamp of a row."""
        same = keys.find(self._name, entries.name)
        trusted = (same >= 0) & self._named & self._stamp.any(axis=1)
        trusted &= entries.settled[same] & (self._stamp == entries.stamp[same]).all(axis=1)
        at = np.flatnonzero(trusted).astype(np.int64)
        same = same[at]
        # The image's own row where it fits, so that rows of a set are read side by side.
        own = (entries.labels[same] == self._labels[at]).all(axis=1)
        where = np.where(own, same, -1)
        rest = np.flatnonzero(~own)
        where[rest] = self._answers(results, entries.content[same[rest]], at[rest])
        recalled.decided[at] = True
        self._place(entries, at, where, recalled, again=False)

    def _by_content(
        self,
        entries: Entries,
        results: keys.Keys,
        recalled: _Recalled,
        hashes: Hashes,
        found: Callable[[int], None],
    ) -> None:
        """Images whose bytes are those of a row: touched, renamed, restored, written just now."""
        # A file of a size that none has is new, and need not be read twice.
        sizes = np.unique(entries.bytes)
        near = np.searchsorted(sizes, self._size).clip(max=len(sizes) - 1)
        there = (self._jobs.rows >= 0) & ~self._jobs.escaped
        seen = (sizes[near] == self._size) | (self._size < 0)
        doubtful = np.flatnonzero(~recalled.decided & there & seen)
        if getattr(self._jobs.source, "sequential", False):
            doubtful = doubtful[np.argsort(self._jobs.rows[doubtful], kind="stable")]
        for low in range(0, len(doubtful), HASH_PIECE):
            piece = doubtful[low : low + HASH_PIECE].astype(np.int64)
            places, content = hashes(self._jobs.subset(piece))
            at = piece[places]
            self.outcome.hashed += len(at)
            self._place(entries, at, self._answers(results, content, at), recalled, again=True)
            found(int(recalled.images.sum()))

    def _answers(self, results: keys.Keys, content: keys.Keys, at: Ids) -> Ids:
        return keys.find(keys.hash_rows(content, self._labels[at]), results)

    def _place(
        self, entries: Entries, at: Ids, where: Ids, recalled: _Recalled, *, again: bool
    ) -> None:
        """Put rows ``where`` (-1: none) into images ``at``; ``again``: keep their new stamps."""
        at, where = at[where >= 0], where[where >= 0]
        for mine, table in self._store.rows(entries, where):
            ids = at[mine]
            rows = _one_batch(table)
            self._tables.put_images(ids, rows)
            self._put_boxes(ids, rows["boxes"])
            recalled.images[ids] = True
            if not again:
                recalled.entries[where[mine]] = True
            else:
                self._writer.now(ids, self._renamed(ids, rows))

    def _put_boxes(self, ids: Ids, lists: pa.ListArray) -> None:
        jobs = self._jobs
        at, counts = jobs.boxes_of(ids)
        items = lists.flatten()
        if len(items) != len(at):
            raise ValueError("boxes: the row is of other labels than its key says")
        columns = dict(zip((f.name for f in self._box), items.flatten(), strict=True))
        columns["image_id"] = numbers(np.repeat(jobs.image_ids[ids], counts))
        self._tables.put_boxes(jobs.box_ids[at], pa.RecordBatch.from_pydict(columns))

    # ---- keeping

    def _part_rows(self, ids: Ids, images: pa.RecordBatch, boxes: pa.RecordBatch) -> pa.RecordBatch:
        offsets = np.zeros(len(ids) + 1, np.int32)
        np.cumsum(np.diff(self._jobs.offsets)[ids], out=offsets[1:])
        items = pa.StructArray.from_arrays(
            [boxes[f.name] for f in self._box], fields=list(self._box)
        )
        columns = {f.name: images[f.name] for f in parts.STATS}
        columns["boxes"] = pa.ListArray.from_arrays(numbers(offsets), items)
        return self._keyed(ids, columns)

    def _renamed(self, ids: Ids, rows: pa.RecordBatch) -> pa.RecordBatch:
        return self._keyed(ids, {name: rows[name] for name in rows.schema.names})

    def _keyed(self, ids: Ids, columns: dict[str, pa.Array]) -> pa.RecordBatch:
        columns["name"] = keys.as_binary(self._name[ids])
        columns["stamp"] = keys.as_binary(self._stamp[ids])
        columns["labels"] = keys.as_binary(self._labels[ids])
        columns["settled"] = pa.repeat(pa.scalar(False), len(ids))
        arrays = [columns[f.name].cast(f.type) for f in self._store.schema]
        return pa.RecordBatch.from_arrays(arrays, schema=self._store.schema)

    def _boxes_pending(self) -> int:
        return sum(len(rows["boxes"].values) for _, rows in self._pending)

    def _flush(self) -> None:
        if self._pending:
            ids = np.concatenate([ids for ids, _ in self._pending])
            self._writer.soon(ids, [rows for _, rows in self._pending])
            self._pending = []
        self._flushed = time.monotonic()

    def _write(self, ids: Ids, batches: list[pa.RecordBatch]) -> None:
        """Write rows whose files are still what they were before they were read."""
        rows = pa.Table.from_batches(batches, schema=self._store.schema)
        stamp, size, versions = keys.stamp_keys(self._jobs, ids)
        good = (stamp == self._stamp[ids]).all(axis=1)
        read = rows["bytes"].fill_null(-1).to_numpy()
        good &= (size < 0) | (read == size)
        # Without a hash nothing was read. What a limit stopped is quickly stopped again, and
        # may have been a want of memory that has passed.
        good &= rows["content_hash"].is_valid().to_numpy()
        good &= pc.not_equal(rows["status"], "over_limit").to_numpy()
        settled = keys.settled(versions, self._looked)[good] & stamp[good].any(axis=1)
        rows = rows.filter(pa.chunked_array([bits(good)]))
        if rows.num_rows:
            at = self._store.schema.get_field_index("settled")
            rows = rows.set_column(at, self._store.schema.field(at), bits(settled))
            self._store.append(rows)


@dataclass
class _Recalled:
    images: NDArray[np.bool_]  # put in place
    decided: NDArray[np.bool_]  # known by their stamps, whether there is a result or not
    entries: NDArray[np.bool_]  # used


def _one_batch(table: pa.Table) -> pa.RecordBatch:
    (batch,) = table.combine_chunks().to_batches()
    return batch


class _Writer:
    """A thread that writes, so that no worker waits for a disk."""

    def __init__(
        self, write: Callable[[Ids, list[pa.RecordBatch]], None], merge: Callable[[], None]
    ) -> None:
        self._write, self._merge = write, merge
        self._tasks: queue.Queue[tuple[Ids, list[pa.RecordBatch]] | None] = queue.Queue(4)
        self._thread: threading.Thread | None = None
        self._failed: BaseException | None = None
        self.lost: tuple[int, str] = (0, "")

    def now(self, ids: Ids, batch: pa.RecordBatch) -> None:
        """Write in this thread, before the other one begins."""
        self._try(ids, [batch])

    def soon(self, ids: Ids, batches: list[pa.RecordBatch]) -> None:
        """Write in the other thread; waits while that has much to do."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="fastlabel-cache", daemon=True)
            self._thread.start()
        self._tasks.put((ids, batches))

    def close(self) -> None:
        """Wait until all is written."""
        if self._thread is not None:
            self._tasks.put(None)
            self._thread.join()
            self._thread = None
        if self._failed is not None:
            raise self._failed

    def _run(self) -> None:
        while (task := self._tasks.get()) is not None:
            if self._failed is not None:
                continue
            try:
                self._try(*task)
                self._try_merge()
            except BaseException as error:
                self._failed = error

    def _try(self, ids: Ids, batches: list[pa.RecordBatch]) -> None:
        try:
            self._write(ids, batches)
        except OSError as error:
            # These will be measured again; the next may find room.
            self.lost = (self.lost[0] + len(ids), error.strerror or str(error))

    def _try_merge(self) -> None:
        try:
            self._merge()
        except OSError as error:
            self.lost = (self.lost[0], error.strerror or str(error))
