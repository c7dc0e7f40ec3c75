"""Objects behind a URL: listed once, fetched many at a time, tried again when a server falters."""

from __future__ import annotations

import random
import re
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import urlsplit

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ...dataset import DatasetError
from ...schema import IMAGE_EXTENSIONS
from ...source import MOST_BYTES, Lost, SourceProblem, Span
from ..arrays import strings
from ._stamps import stamp_array

__all__ = ["Backoff", "RemoteSource", "connect", "is_url", "without_secrets"]

_T = TypeVar("_T")

#: Objects asked for at a time.
CONNECTIONS = 16

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")
_SECRET = re.compile(
    r"(?i)((?:access_?key|secret_?key|secret|token|password|passwd|signature|credential|sig)"
    r"[A-Za-z_-]*\s*[=:]\s*)[^&\s'\"]+"
)
_USER = re.compile(r"(://)[^/@\s]+@")


@dataclass(frozen=True)
class Backoff:
    """How often and when a request that failed is made again.

    The wait doubles from ``first`` up to ``longest`` seconds, each time by a random factor of
    1/2 to 3/2, so that many readers do not come back together.
    """

    attempts: int = 6
    first: float = 0.1
    longest: float = 10.0

    def wait(self, attempt: int, draw: float) -> float:
        """Seconds after a failed attempt (the first is 0); ``draw`` is in 0..1."""
        return min(self.first * 2.0**attempt, self.longest) * (0.5 + draw)


def is_url(text: str) -> bool:
    """Whether a text begins as a URL does."""
    return _URL.match(text) is not None


def without_secrets(text: str) -> str:
    """A URL or message without user names, passwords, keys and queries."""
    text = _SECRET.sub(r"\1...", _USER.sub(r"\1", text))
    return text.partition("?")[0] if is_url(text) else text


def connect(url: str) -> tuple[Any, str]:
    """The filesystem of a URL, and the path in it.

    Raises
    ------
    DatasetError
        If nothing here reads such a URL; no credential is in the message.
    """
    from pyarrow import fs

    scheme = urlsplit(url).scheme.lower()
    try:
        filesystem, path = fs.FileSystem.from_uri(url)
        return filesystem, path
    except (ValueError, OSError, NotImplementedError) as error:
        said = without_secrets(_first_line(error)).replace(url, without_secrets(url))
        if scheme in ("s3", "gs", "gcs", "hdfs", "abfs", "abfss", "viewfs"):
            raise DatasetError(f"{without_secrets(url)}: cannot be opened: {said}") from None
    try:
        from fsspec.core import url_to_fs
    except ImportError:
        raise DatasetError(
            f"{without_secrets(url)}: {scheme}:// is not a filesystem of Arrow; "
            "install fsspec (and its package for this kind of URL)"
        ) from None
    try:
        found, path = url_to_fs(url)
    except (ValueError, OSError, ImportError) as error:
        said = without_secrets(_first_line(error)).replace(url, without_secrets(url))
        raise DatasetError(f"{without_secrets(url)}: cannot be opened: {said}") from None
    return fs.PyFileSystem(fs.FSSpecHandler(found)), path


class RemoteSource:
    """Objects of one filesystem.

    Parameters
    ----------
    filesystem : pyarrow.fs.FileSystem
        Where they are.
    keys : sequence of str
        Their paths in it.
    names : sequence of str
        What they are called.
    sizes, mtimes : numpy.ndarray
        Bytes and mtime in nanoseconds as listed; -1 where not known.
    where : str
        The URL without credentials that names are relative to.
    backoff : Backoff
        How requests are made again.
    """

    slow = True

    def __init__(
        self,
        filesystem: Any,
        keys: Sequence[str],
        names: Sequence[str],
        sizes: NDArray[np.int64],
        mtimes: NDArray[np.int64],
        where: str,
        backoff: Backoff | None = None,
    ) -> None:
        self._filesystem, self._keys = filesystem, list(keys)
        self._names = strings(list(names))
        self._sizes, self._mtimes = sizes, mtimes
        self.identity = where
        self.problems: list[SourceProblem] = []
        self._backoff = backoff or Backoff()
        self._random = random.Random()
        self._pool: ThreadPoolExecutor | None = None
        self._pool_lock = threading.Lock()
        self._closing = threading.Event()
        #: Requests made again so far.
        self.retries = 0

    @classmethod
    def listed(cls, url: str, backoff: Backoff | None = None) -> RemoteSource:
        """All pictures below a URL, sorted by name.

        Raises
        ------
        DatasetError
            If it cannot be listed or holds no picture.
        """
        filesystem, path = connect(url)
        return cls.below(filesystem, path, without_secrets(url), backoff)

    @classmethod
    def below(
        cls, filesystem: Any, path: str, where: str, backoff: Backoff | None = None
    ) -> RemoteSource:
        """All pictures below a path of a filesystem, or the one that is there."""
        from pyarrow import fs

        source = cls(filesystem, [], [], np.empty(0, np.int64), np.empty(0, np.int64), where)
        source._backoff = backoff or Backoff()
        base = path.rstrip("/")
        try:
            here = source._retried(lambda: filesystem.get_file_info(base))
            if here.type == fs.FileType.File:
                found = [here]
                base = base.rpartition("/")[0]
            else:
                selector = fs.FileSelector(base, recursive=True, allow_not_found=True)
                found = source._retried(lambda: filesystem.get_file_info(selector))
        except (OSError, pa.ArrowException) as error:
            said = without_secrets(_first_line(error))
            raise DatasetError(f"{where}: cannot be listed: {said}") from None
        infos = sorted(
            (i for i in found if i.type == fs.FileType.File and _is_picture(i.path)),
            key=lambda info: str(info.path),
        )
        if not infos:
            raise DatasetError(f"{where}: no image below it; check the spelling of the URL")
        skip = len(base) + 1 if base else 0
        source._keys = [info.path for info in infos]
        source._names = strings([info.path[skip:] for info in infos])
        source._sizes = np.array([-1 if i.size is None else i.size for i in infos], np.int64)
        source._mtimes = np.array([i.mtime_ns or -1 for i in infos], np.int64)
        return source

    def __len__(self) -> int:
        return len(self._keys)

    def names(self) -> pa.StringArray:
        """Paths relative to the URL."""
        return self._names

    def stamps(self, rows: NDArray[np.int64]) -> pa.StructArray:
        """Size and mtime as they were listed."""
        versions: list[str | None] = [
            None if mtime < 0 else str(mtime) for mtime in self._mtimes[rows].tolist()
        ]
        return stamp_array(self._sizes[rows], versions)

    def fetch(self, rows: NDArray[np.int64], most: int = MOST_BYTES) -> list[bytes | Span | Lost]:
        """The objects' contents, asked for side by side."""
        with self._pool_lock:
            if self._pool is None:
                self._closing.clear()
                self._pool = ThreadPoolExecutor(CONNECTIONS, thread_name_prefix="fastlabel-fetch")
            pool = self._pool
        return list(pool.map(lambda row: self._one(row, most), rows.tolist()))

    def heads(self, rows: NDArray[np.int64], most: int) -> list[bytes | Lost]:
        """The first bytes of each object."""
        with ThreadPoolExecutor(CONNECTIONS) as pool:
            return list(pool.map(lambda row: self._guarded(row, most, head=True), rows.tolist()))

    def _one(self, row: int, most: int) -> bytes | Lost:
        if self._sizes[row] > most:
            return Lost("over_limit", f"{self._sizes[row]} bytes, the limit is {most}")
        return self._guarded(row, most, head=False)

    def _guarded(self, row: int, most: int, head: bool) -> bytes | Lost:
        try:
            return self._retried(lambda: self._read(row, most, head))
        except FileNotFoundError:
            return Lost("missing", "there is no such object")
        except (OSError, pa.ArrowException, TimeoutError) as error:
            said = _WHEN.sub("", without_secrets(_first_line(error)))
            tries = self._tries(error)
            return Lost("unreadable", f"tried {tries} times: {said}" if tries > 1 else said)

    def _tries(self, error: Exception) -> int:
        return self._backoff.attempts if _may_pass(error) else 1

    def _read(self, row: int, most: int, head: bool) -> bytes | Lost:
        with self._filesystem.open_input_file(self._keys[row]) as file:
            size = file.size()
            if head:
                return bytes(file.read(min(size, most)))
            if size > most:
                return Lost("over_limit", f"{size} bytes, the limit is {most}")
            data = bytes(file.read(size))
        if len(data) != size:
            raise ConnectionError(f"{len(data)} of {size} bytes came")
        return data

    def _retried(self, request: Callable[[], _T]) -> _T:
        """Make a request, again and again while its failures are such that may pass."""
        for attempt in range(self._backoff.attempts):
            try:
                return request()
            except (OSError, pa.ArrowException) as error:
                last = attempt + 1 == self._backoff.attempts
                if last or not _may_pass(error) or self._closing.is_set():
                    raise
                self.retries += 1
            self._closing.wait(self._backoff.wait(attempt, self._random.random()))
        raise AssertionError("not reached")

    def close(self) -> None:
        """Give up what is still being waited for."""
        self._closing.set()
        with self._pool_lock:
            if self._pool is not None:
                self._pool.shutdown(wait=False, cancel_futures=True)
                self._pool = None


# What Arrow puts before a server's answer; the row has the name already.
_WHEN = re.compile(r"^When [^:]*: (?=AWS)")
_FINAL = re.compile(
    r"(?i)HTTP (?:status|response code:?) ?40[0-9]|ACCESS_DENIED|NO_SUCH_BUCKET|NoSuchBucket|"
    r"INVALID_ACCESS_KEY|SIGNATURE_DOES_NOT_MATCH|AccessDenied"
)


def _may_pass(error: Exception) -> bool:
    """Whether the same request may succeed later: not for what is absent or forbidden."""
    if isinstance(error, (FileNotFoundError, PermissionError, IsADirectoryError)):
        return False
    return _FINAL.search(str(error)) is None


def _is_picture(path: str) -> bool:
    name = path.rpartition("/")[2]
    dot = name.rfind(".")
    return dot >= 0 and name[dot:].lower() in IMAGE_EXTENSIONS and not name.startswith("._")


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:200]
