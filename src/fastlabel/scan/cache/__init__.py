"""Results of earlier scans, so that a second one decodes only what changed.

They live in a folder of their own, never in a data set: one sub-folder a source, in it parts
(:mod:`.parts`) that are written beside, synced and renamed. A result is the answer to the bytes
of an image, its boxes, the limits and the version of the tool, and to nothing else: not to its
name, the machine, or the number of workers. An image is known by size and times first; where
these are in doubt its bytes are read and hashed, which costs reading but no decoding.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from ..._errors import DatasetError
from ..limits import Limits
from . import place

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

    from ..assembly import Assembly
    from ..jobs import Jobs
    from .session import Outcome
    from .store import Store

    Progress = Callable[[int, int], None]
    Batches = Iterator[tuple[pa.RecordBatch, pa.RecordBatch]]

__all__ = ["GO_ON", "Cache", "CacheWarning", "cache_of"]

#: What an interrupted run says.
GO_ON = "interrupted; what was measured is kept, so run again to go on"


class CacheWarning(UserWarning):
    """Results cannot be kept, or kept ones cannot be used: the scan itself is not touched."""


class Measure(Protocol):
    """Scans some jobs: :func:`fastlabel.scan.engine.run` with its settings, or another engine."""

    def __call__(self, jobs: Jobs, progress: Progress | None) -> Batches:
        """Give batches of IMAGE_STATS and BOX_STATS with the jobs' own ids."""
        ...


class Cache:
    """A folder in which the results of scans are kept.

    Parameters
    ----------
    folder : path-like
        Made when missing. It must not lie in a data set that is scanned.
    fresh : bool
        Use nothing of what is there, and replace it.
    notify : callable, optional
        Called with a sentence when something is worth saying: another run that is waited for,
        a damaged part, a full disk. By default these are warnings (:class:`CacheWarning`).
    optional : bool
        Whether a folder that lies in the data set is passed over, with a notice, in place of
        an error: for one that nobody named.

    Attributes
    ----------
    outcome : Outcome or None
        What the last scan took from here.

    Examples
    --------
    >>> import tempfile, cv2, numpy as np, fastlabel as fl
    >>> jpeg = cv2.imencode(".jpg", np.full((48, 64), 128, np.uint8))[1].tobytes()
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     kept = Cache(folder)
    ...     first = fl.scan([jpeg], cache=kept)
    ...     again = fl.scan([jpeg], cache=kept)
    >>> again.equals(first), kept.outcome.reused
    (True, 1)
    """

    def __init__(
        self,
        folder: str | os.PathLike[str],
        *,
        fresh: bool = False,
        notify: Callable[[str], None] | None = None,
        optional: bool = False,
    ) -> None:
        self.folder = Path(folder)
        self.fresh = fresh
        self.outcome: Outcome | None = None
        self._notify = notify or _warn
        self._optional = optional

    @classmethod
    def open(
        cls,
        folder: str | os.PathLike[str] | None = None,
        *,
        fresh: bool = False,
        notify: Callable[[str], None] | None = None,
    ) -> Cache | None:
        """The cache in a folder, or in the usual one.

        Parameters
        ----------
        folder : path-like, optional
            By default ``$FASTLABEL_CACHE``, or ``fastlabel`` in the user's cache folder.
        fresh, notify
            As for the class.

        Returns
        -------
        Cache or None
            None when no folder is named and ``FASTLABEL_CACHE`` is ``off``.
        """
        usual = place.default_folder() if folder is None else Path(folder)
        if usual is None:
            return None
        return cls(usual, fresh=fresh, notify=notify, optional=folder is None)

    def __repr__(self) -> str:
        return f"Cache({str(self.folder)!r})"

    def fill(
        self,
        tables: Assembly,
        jobs: Jobs,
        limits: Limits,
        roots: tuple[Path, ...],
        measure: Measure,
        hashes: Callable[[Jobs], tuple[NDArray[np.int64], NDArray[np.uint8]]],
        progress: Progress | None,
    ) -> None:
        """Put the statistics of all jobs into tables: known ones from here, others measured.

        Parameters
        ----------
        tables : Assembly
        jobs : Jobs
        limits : Limits
        roots : tuple of pathlib.Path
            Data sets, in which nothing may be written.
        measure : callable
            Scans some of the jobs.
        hashes : callable
            Gives the places of the images among some jobs that can be read, and their hashes.
        progress : callable, optional
            Called with (images done, images in all).

        Raises
        ------
        DatasetError
            If the folder lies in one of the roots.
        """
        self.outcome = None
        held = self._held(jobs, roots)
        if held is None:
            for batch in measure(jobs, progress):
                tables.put(*batch)
            return
        from .store import Store

        try:
            store = Store(held.folder, limits, fresh=self.fresh)
            self._fill(store, tables, jobs, measure, hashes, progress)
        except KeyboardInterrupt:
            raise KeyboardInterrupt(GO_ON) from None
        finally:
            held.release()
        self._tell()

    def _held(self, jobs: Jobs, roots: tuple[Path, ...]) -> place.Held | None:
        """The folder of this source, for this run alone; None: go on without."""
        try:
            place.refuse_inside(self.folder, roots)
        except DatasetError as error:
            if not self._optional:
                raise
            self._notify(f"nothing is kept: {error}")
            return None
        try:
            return place.Held(place.folder_of(self.folder, jobs.source.identity), self._notify)
        except OSError as error:
            reason = error.strerror or str(error)
            self._notify(f"cache {self.folder}: cannot be used: {reason}; nothing is kept")
            return None

    def _fill(
        self,
        store: Store,
        tables: Assembly,
        jobs: Jobs,
        measure: Measure,
        hashes: Callable[[Jobs], tuple[NDArray[np.int64], NDArray[np.uint8]]],
        progress: Progress | None,
    ) -> None:
        from .session import Session

        total = len(jobs)
        known = 0

        def found(images: int) -> None:
            nonlocal known
            known = images
            if progress is not None:
                progress(images, total)

        def more(done: int, _: int) -> None:
            if progress is not None:
                progress(known + done, total)

        session = Session(store, jobs, tables)
        self.outcome = session.outcome
        try:
            todo = session.recall(hashes, found)
            if len(todo):
                part = jobs if len(todo) == total else jobs.subset(todo)
                for images, boxes in measure(part, more):
                    tables.put(images, boxes)
                    session.keep(images, boxes)
        finally:
            session.close()

    def _tell(self) -> None:
        outcome = self.outcome
        if outcome is None:
            return
        if outcome.damaged:
            parts = "a part is" if outcome.damaged == 1 else f"{outcome.damaged} parts are"
            self._notify(
                f"cache {self.folder}: {parts} damaged and left out; what was in it is measured "
                "again"
            )
        if outcome.outdated:
            self._notify(
                f"cache {self.folder}: results of another version of fastlabel are left out; "
                "the images are measured again"
            )
        if outcome.lost:
            self._notify(
                f"cache {self.folder}: results of {outcome.lost:,} images could not be kept: "
                f"{outcome.why}. This report is complete; the next run measures them again"
            )


def cache_of(value: Cache | str | os.PathLike[str] | bool | None) -> Cache | None:
    """What the argument ``cache`` of a function means.

    Parameters
    ----------
    value : Cache, path-like, bool or None
        A cache, its folder, True for the usual folder, False or None for none.
    """
    if value is None or value is False:
        return None
    if isinstance(value, Cache):
        return value
    if value is True:
        return Cache.open()
    if isinstance(value, (str, os.PathLike)):
        return Cache(value)
    raise TypeError(
        f"cache: got {type(value).__name__}, expected a folder, True, False or a fastlabel.Cache"
    )


def _warn(text: str) -> None:
    warnings.warn(text, CacheWarning, stacklevel=2)
