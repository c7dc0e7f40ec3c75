"""Where results are kept: a folder for all sets, in it one a source, held by one run at a time."""

from __future__ import annotations

import errno
import fcntl
import os
import re
import time
from collections.abc import Callable
from pathlib import Path

from ... import _core
from ..._errors import DatasetError

__all__ = ["OFF", "Held", "default_folder", "folder_of", "refuse_inside"]

#: Value of FASTLABEL_CACHE with which commands keep nothing.
OFF = "off"

_LOCK = "lock"
_POLL_SECONDS = 0.2


def default_folder() -> Path | None:
    """``$FASTLABEL_CACHE``, or the user's cache folder; None: nothing is to be kept."""
    named = os.environ.get("FASTLABEL_CACHE", "")
    if named:
        return None if named == OFF else Path(named)
    shared = Path(os.environ.get("XDG_CACHE_HOME", ""))
    # The specification of base directories: a relative path there is to be ignored.
    try:
        base = shared if shared.is_absolute() else Path.home() / ".cache"
    except RuntimeError:  # nobody's home
        return None
    return base / "fastlabel"


def folder_of(cache: Path, identity: str) -> Path:
    """The folder of one source: a name for people, and a hash that tells sources apart."""
    last = identity.rstrip("/").rpartition("/")[2]
    readable = re.sub(r"[^A-Za-z0-9_-]+", "-", last).strip("-")[:40]
    key = _core.content_hash(identity.encode("utf-8", "surrogateescape")).hex()[:16]
    return cache / f"{readable or 'set'}-{key}"


def refuse_inside(cache: Path, roots: tuple[Path, ...]) -> None:
    """Refuse a cache folder that lies in a data set, by whatever links it is reached.

    Raises
    ------
    DatasetError
        With the remedy.
    """
    place = cache.resolve()
    for root in roots:
        inside = root.resolve()
        if place == inside or inside in place.parents:
            raise DatasetError(
                f"{cache}: the cache would be written into the data set {root}, which is never "
                "changed; choose another folder with --cache, or none with --no-cache"
            )


class Held:
    """A folder that is this run's until :meth:`release`; a second run waits.

    Parameters
    ----------
    folder : pathlib.Path
        Made when missing.
    waiting : callable
        Called once with a sentence when another run has the folder.

    Raises
    ------
    OSError
        If the folder cannot be made or its file system knows no locks.
    """

    def __init__(self, folder: Path, waiting: Callable[[str], None]) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        # The lock is the system's: it ends with the process, however that ends.
        self._handle = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        try:
            self._take(folder, waiting)
            os.ftruncate(self._handle, 0)
            os.pwrite(self._handle, f"{os.getpid()}\n".encode(), 0)
        except OSError as error:
            # A full disk has no room for the number of the process; the lock holds without.
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                os.close(self._handle)
                raise
        except BaseException:
            os.close(self._handle)
            raise

    def _take(self, folder: Path, waiting: Callable[[str], None]) -> None:
        said = False
        while True:
            try:
                fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            except OSError as error:
                if error.errno not in (errno.EWOULDBLOCK, errno.EACCES):
                    raise
            if not said:
                said = True
                owner = os.pread(self._handle, 20, 0).decode("ascii", "replace").strip()
                waiting(
                    f"cache {folder}: another run (process {owner or 'unknown'}) is using it; "
                    "waiting for its end. To go on at once: --no-cache"
                )
            time.sleep(_POLL_SECONDS)

    def release(self) -> None:
        """Let the next run have the folder."""
        os.close(self._handle)
