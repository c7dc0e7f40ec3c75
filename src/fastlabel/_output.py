"""What a command writes, a file or a folder: there as a whole, or not at all."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ._errors import DatasetError

__all__ = ["FULL", "disk_full", "new_folder", "write_whole"]

#: The disk, or one's share of it, is full.
FULL = (errno.ENOSPC, errno.EDQUOT)


@contextmanager
def new_folder(
    target: str | os.PathLike[str], *, sources: Iterable[Path] = (), overwrite: bool = False
) -> Iterator[Path]:
    """Give a folder to write into, which takes its place only when all is written.

    Parameters
    ----------
    target : str or os.PathLike
        Where the result goes. Its parent is made when missing.
    sources : iterable of pathlib.Path
        Roots of the data sets that are read: the target may be neither inside one of them
        nor around one.
    overwrite : bool
        Whether a folder that is there already and not empty is replaced, as a whole and
        only once the new one is complete.

    Yields
    ------
    pathlib.Path
        An empty folder beside the target, on the same disk. When the block ends without an
        error its files are synced and it is renamed to the target; otherwise it is removed.

    Raises
    ------
    DatasetError
        If the target is a file, lies in or around a source, or is not empty and
        ``overwrite`` is false.
    OSError
        If something cannot be written; of a full disk it names the target.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with new_folder(Path(folder, "new")) as staging:
    ...         _ = Path(staging, "a.txt").write_text("whole")
    ...     Path(folder, "new", "a.txt").read_text()
    'whole'
    """
    place = Path(target).resolve()
    _refuse_bad_place(place, Path(target), sources, overwrite)
    place.parent.mkdir(parents=True, exist_ok=True)
    staging = Path(tempfile.mkdtemp(prefix=f".{place.name}.", suffix=".part", dir=place.parent))
    try:
        yield staging
        _sync(staging)
        # mkdtemp gives it to its owner alone; the result is a folder like any other.
        staging.chmod(0o777 & ~_umask())
        _take_place(staging, place)
    except BaseException as error:
        shutil.rmtree(staging, ignore_errors=True)
        if isinstance(error, OSError) and error.errno in FULL:
            raise disk_full(error, target) from error
        raise


def write_whole(files: Mapping[Path, Callable[[Path], Any]]) -> None:
    """Write all files beside, sync, then rename: no reader and no crash sees half a file.

    Parameters
    ----------
    files : mapping
        Path of each file, and what writes its content into the path it is given.

    Raises
    ------
    DatasetError
        If one cannot be written; then none of them is changed.
    """
    parts: dict[Path, Path] = {}
    at = Path()
    try:
        for at, write in files.items():
            parts[at] = _new_beside(at)
            _fill(parts[at], write)
        for at, part in parts.items():
            part.replace(at)
    except BaseException as error:
        for part in parts.values():
            part.unlink(missing_ok=True)
        if isinstance(error, OSError):
            if error.errno in FULL:
                error = disk_full(error, at)
            raise DatasetError(f"{at}: cannot be written: {error.strerror or error}") from error
        raise


def disk_full(error: OSError, target: str | os.PathLike[str]) -> OSError:
    """Word an error of a full disk for the result, not for a file that is gone again.

    Parameters
    ----------
    error : OSError
        What the system said.
    target : str or os.PathLike
        Where the result should have come.

    Returns
    -------
    OSError
        The same number, with the place and the remedy.
    """
    reason = f"{os.strerror(error.errno or errno.ENOSPC)}; nothing was kept; free some space there"
    return OSError(error.errno, reason, os.fspath(target))


def _refuse_bad_place(place: Path, said: Path, sources: Iterable[Path], overwrite: bool) -> None:
    for source in sources:
        root = source.resolve()
        if place == root or root in place.parents:
            raise DatasetError(
                f"{said}: lies in the data set {source}, which is never changed; choose a folder "
                "outside it"
            )
        if place in root.parents:
            raise DatasetError(f"{said}: the data set {source} lies in it; choose another folder")
    if place.exists() and not place.is_dir():
        raise DatasetError(f"{said}: is a file; choose a folder")
    if place.is_dir() and any(place.iterdir()) and not overwrite:
        raise DatasetError(
            f"{said}: is not empty; choose another folder, or replace it as a whole with "
            "--overwrite"
        )


def _new_beside(path: Path) -> Path:
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    os.close(handle)
    return Path(name)


def _fill(part: Path, write: Callable[[Path], Any]) -> None:
    write(part)
    _sync_one(part)
    # mkstemp makes private files; results are as readable as any other new file.
    part.chmod(0o666 & ~_umask())


def _sync(folder: Path) -> None:
    """Bring every file and folder to the disk, so that the rename cannot come before them."""
    for parent, _, names in os.walk(folder):
        for name in names:
            _sync_one(Path(parent, name))
        _sync_one(Path(parent))


def _sync_one(path: Path) -> None:
    if path.is_symlink():
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _umask() -> int:
    now = os.umask(0o022)
    os.umask(now)
    return now


def _take_place(staging: Path, place: Path) -> None:
    if not place.exists():
        staging.rename(place)
        return
    # Two renames: for a moment there is no target, but never half of one.
    old = Path(tempfile.mkdtemp(prefix=f".{place.name}.", suffix=".old", dir=place.parent))
    place.rename(old / "was")
    try:
        staging.rename(place)
    except OSError:
        (old / "was").rename(place)
        raise
    finally:
        shutil.rmtree(old, ignore_errors=True)
