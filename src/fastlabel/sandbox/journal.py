"""Decisions on disk: each one is there before the page hears of it, and none is ever rewritten.

One row a decision, in the order they were made; one that is taken back is marked, not removed.
The file lies beside the findings that it is about.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..dataset import DatasetError
from .guard import ApiError

__all__ = ["VERBS", "Event", "Journal"]

#: What can be said of a finding. ``edit``: nothing yet, but boxes of its image were changed.
VERBS = ("accept", "dismiss", "skip", "edit")

_TABLES = """
create table if not exists about (key text primary key, value text not null);
create table if not exists decisions (
  number integer primary key autoincrement,
  finding integer not null,  -- row of findings.parquet
  image integer not null,
  verb text not null,
  edits text not null,  -- JSON
  tab text not null,
  at text not null default (strftime('%Y-%m-%dT%H:%M:%SZ', 'now')),
  undone integer not null default 0
);
"""


@dataclass(frozen=True, slots=True)
class Event:
    """One decision.

    Attributes
    ----------
    number : int
        Its place in the journal, from 1.
    finding, image : int
        Rows of the findings and of the images.
    verb : str
        One of :data:`VERBS`.
    edits : list of dict
        What it changes: of boxes and of images.
    tab : str
        The page that said so.
    """

    number: int
    finding: int
    image: int
    verb: str
    edits: list[dict[str, Any]]
    tab: str


class Journal:
    """The decisions about one table of findings; one process writes at a time.

    Parameters
    ----------
    path : pathlib.Path
        The file, made when it is not there.
    stamp : str
        Which findings it is about. The journal of others is moved aside, not mixed in.
    """

    def __init__(self, path: Path, stamp: str) -> None:
        self.path, self.moved = path, None
        self._lock = threading.Lock()
        try:
            self._file = self._opened(path)
            known = self._about("findings")
            if known is not None and known != stamp:
                self.moved = self._aside(known)
                self._file = self._opened(path)
                known = None
            if known is None:
                with self._file:
                    self._file.execute("insert into about values ('findings', ?)", (stamp,))
            self._own = _identity(path)
        except sqlite3.OperationalError as error:
            raise DatasetError(_why(path, error)) from error
        except sqlite3.DatabaseError as error:
            raise DatasetError(
                f"{path}: is no journal of a review ({error}); move it away to begin anew"
            ) from error

    def _opened(self, path: Path) -> sqlite3.Connection:
        file = sqlite3.connect(path, timeout=0.2, check_same_thread=False)
        try:
            # The lock goes with the process, however it ends; FULL brings each decision to disk.
            file.execute("pragma locking_mode=exclusive")
            file.execute("pragma journal_mode=wal")
            file.execute("pragma synchronous=full")
            file.executescript(_TABLES)
            file.execute("begin immediate")
            file.commit()
        except BaseException:
            file.close()
            raise
        return file

    def _about(self, key: str) -> str | None:
        row = self._file.execute("select value from about where key = ?", (key,)).fetchone()
        return None if row is None else str(row[0])

    def _aside(self, known: str) -> Path:
        self._file.close()  # with the log written back into it
        old = self.path.with_name(f"{self.path.stem}-{known[:8]}{self.path.suffix}")
        self.path.replace(old)
        return old

    def events(self) -> Iterator[Event]:
        """All decisions that stand, in their order."""
        found = self._file.execute(
            "select number, finding, image, verb, edits, tab from decisions "
            "where not undone order by number"
        )
        for number, finding, image, verb, edits, tab in found:
            yield Event(number, finding, image, verb, json.loads(edits), tab)

    def add(
        self, finding: int, image: int, verb: str, edits: list[dict[str, Any]], tab: str
    ) -> Event:
        """Write a decision; it is on disk when this returns."""
        text = json.dumps(edits, allow_nan=False)

        def insert() -> int:
            done = self._file.execute(
                "insert into decisions (finding, image, verb, edits, tab) values (?, ?, ?, ?, ?)",
                (finding, image, verb, text, tab),
            )
            return int(done.lastrowid or 0)

        return Event(self._written(insert), finding, image, verb, edits, tab)

    def undo(self, number: int) -> None:
        """Take a decision back; that is on disk too when this returns."""
        self._written(
            lambda: (
                self._file.execute(
                    "update decisions set undone = 1 where number = ?", (number,)
                ).rowcount
            )
        )

    def _written(self, work: Callable[[], int]) -> int:
        if not self._is_there():  # an open file goes on being written to after its folder is gone
            raise ApiError(
                507, "journal", f"not saved: {self.path} was taken away; start the desk again"
            )
        try:
            with self._lock, self._file:
                return work()
        except sqlite3.Error as error:
            raise ApiError(507, "journal", f"not saved: {_why(self.path, error)}") from error

    def _is_there(self) -> bool:
        try:
            return _identity(self.path) == self._own
        except OSError:
            return False

    def close(self) -> None:
        """Write the log back into the file, and let go of it."""
        with self._lock:
            self._file.close()


def _identity(path: Path) -> tuple[int, int]:
    found = path.stat()
    return found.st_dev, found.st_ino


def _why(path: Path, error: sqlite3.Error) -> str:
    if "locked" in str(error):
        return f"{path}: another desk is open on these findings; use that one, or end it first"
    return f"{path}: {error}"
