"""The parts of one source: what is in them, adding to them, and keeping them few."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ..arrays import numbers
from ..assembly import fixed_bytes
from ..limits import Limits, rings_asked
from . import keys, parts
from .keys import Keys
from .parts import Part

__all__ = ["Entries", "Store"]

#: Parts below this size are put together, once there are so many of them.
FULL_BYTES = 64 << 20
MOST_SMALL = 16
#: Rows of a source beyond the images of the run itself, for other splits and files that may
#: come back; the newest are kept.
MOST_OTHERS = 4_000_000
#: Rows that are taken out of a part at a time.
_PIECE = 1 << 14


@dataclass
class Entries:
    """All rows of all parts, the newest part first."""

    name: Keys
    stamp: Keys
    labels: Keys
    content: Keys
    settled: NDArray[np.bool_]
    bytes: NDArray[np.int64]
    part: NDArray[np.int32]  # place in Store.parts
    row: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.row)

    def results(self) -> Keys:
        """Key of content and labels together: what a row of statistics is the answer to."""
        return keys.hash_rows(self.content, self.labels)


class Store:
    """The folder of one source, which the caller holds (:class:`~.place.Held`).

    Parameters
    ----------
    folder : pathlib.Path
    limits : Limits
        What was measured under other limits is neither used nor removed.
    fresh : bool
        Remove what was kept under these limits.

    Attributes
    ----------
    schema : pyarrow.Schema
        Columns of its parts.
    parts : list of Part
        Usable ones, oldest first.
    damaged : int
        Parts that were not what their names say, and are removed.
    outdated : int
        Parts of another version of the tool, which are removed too.
    """

    def __init__(self, folder: Path, limits: Limits, *, fresh: bool = False) -> None:
        self._folder = folder
        self._tool, self._limits = parts.tool_key(), parts.limits_key(limits)
        self.schema = parts.PART_WITH_RINGS if rings_asked(limits) else parts.PART
        self.parts: list[Part] = []
        self.damaged = self.outdated = 0
        self._next = 1
        self._looked_at = 0
        for part in parts.listed(folder):
            self._next = max(self._next, part.number + 1)
            if part.tool != self._tool:
                self.outdated += 1
                part.path.unlink(missing_ok=True)
            elif part.limits == self._limits:
                if fresh:
                    part.path.unlink(missing_ok=True)
                else:
                    self.parts.append(part)

    def entries(self) -> Entries:
        """Look through all parts; those that are damaged are dropped."""
        pieces: list[Entries] = []
        good: list[Part] = []
        for part in self.parts:
            rows = parts.load(part, verify=True)
            if rows is None:
                self.damaged += 1
                part.path.unlink(missing_ok=True)
                continue
            pieces.append(_entries_of(rows, len(good)))
            good.append(part)
        self.parts = good
        self._looked_at = len(good)
        if not pieces:
            pieces = [_entries_of(parts.empty(), 0)]
        pieces.reverse()
        return Entries(
            *(np.concatenate([getattr(p, f.name) for p in pieces]) for f in fields(Entries))
        )

    def rows(
        self, entries: Entries, at: NDArray[np.int64]
    ) -> Iterator[tuple[NDArray[np.int64], pa.Table]]:
        """The rows of some entries, piece by piece: which of ``at`` they are, and the rows."""
        of_part = entries.part[at]
        for k in np.unique(of_part).tolist():
            mine = np.flatnonzero(of_part == k)
            rows = parts.load(self.parts[k], verify=False)
            if rows is None:  # it was whole a moment ago
                self.damaged += 1
                continue
            for low in range(0, len(mine), _PIECE):
                piece = mine[low : low + _PIECE]
                yield piece, rows.take(numbers(entries.row[at[piece]]))
            del rows  # before the next is read

    def append(self, rows: pa.Table) -> None:
        """Add a part; places of entries stay as they are.

        Raises
        ------
        OSError
            If it cannot be written; then the store is as it was.
        """
        self.parts.append(self._save(rows, self._next))
        self._next += 1

    def merge(self) -> None:
        """Put small parts together when there are many; entries are then of no use any more."""
        small = [part for part in self.parts if part.bytes < FULL_BYTES]
        if len(small) >= MOST_SMALL:
            self._replace(small, (parts.load(part, verify=True) for part in small))

    def tidy(self, entries: Entries, used: NDArray[np.bool_], images: int) -> None:
        """Drop rows that newer ones stand for, and the oldest of too many.

        Done when it is worth rewriting the parts: when half of the rows go. The entries are
        then of no use any more. Rows that are ``used`` stay in any case, and so do those of as
        many ``images`` as the run has.
        """
        if len(entries) <= 2 * images:
            return
        kept = np.zeros(len(entries), bool)
        facts = keys.hash_rows(entries.name, entries.content, entries.labels)
        kept[keys.find(facts, facts)] = True  # entries are newest first, and the first is found
        kept[np.cumsum(kept) > MOST_OTHERS + images] = False
        kept |= used
        if 2 * int(kept.sum()) > len(entries):
            return
        old = self.parts[: self._looked_at]

        def remaining() -> Iterator[pa.Table | None]:
            for k, part in enumerate(old):
                rows = parts.load(part, verify=False)
                mine = entries.part == k
                at = np.sort(entries.row[mine & kept])
                yield None if rows is None else rows.take(numbers(at))

        self._replace(old, remaining())

    def _replace(self, old: list[Part], tables: Iterator[pa.Table | None]) -> None:
        """Write the rows of some parts as few new ones, then remove the old."""
        new: list[Part] = []
        pending: list[pa.Table] = []
        try:
            for part, table in zip(old, tables, strict=True):
                if table is not None and table.num_rows:
                    pending.append(table)
                last = part is old[-1]
                if pending and (last or sum(t.nbytes for t in pending) >= FULL_BYTES):
                    # As old as the newest of its rows: the order of parts is that of the looks.
                    new.append(self._save(pa.concat_tables(pending), part.number))
                    pending = []
        except BaseException:
            for part in new:
                part.path.unlink(missing_ok=True)
            raise
        # Only now: whenever this ends, every row is in one part at least, and twice is as once.
        fresh = {part.path for part in new}
        gone = {part.path for part in old}
        for path in gone - fresh:
            path.unlink(missing_ok=True)
        rest = [part for part in self.parts if part.path not in gone]
        self.parts = sorted(rest + new, key=lambda part: part.number)

    def _save(self, rows: pa.Table, number: int) -> Part:
        batches = rows.combine_chunks().to_batches()
        return parts.save(self._folder, self._tool, self._limits, number, batches)


def _entries_of(rows: pa.Table, part: int) -> Entries:
    """The index of one part: copies, so that the part itself can go."""
    n = rows.num_rows
    content = fixed_bytes(pa.concat_arrays(rows["content_hash"].chunks), 32)
    return Entries(
        keys.from_binary(rows["name"]),
        keys.from_binary(rows["stamp"]),
        keys.from_binary(rows["labels"]),
        keys.unhex(content),
        np.asarray(rows["settled"].to_numpy(), bool),
        np.array(rows["bytes"].to_numpy(), np.int64),
        np.full(n, part, np.int32),
        np.arange(n, dtype=np.int32),
    )
