"""A second tree of the same files, as cheap as the disk allows."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable
from pathlib import Path

from ..dataset import DatasetError
from ..schema import IMAGE_EXTENSIONS

__all__ = ["clone_file", "copy_tree"]

#: ioctl FICLONE of Linux: a copy that shares its blocks until one of the two is written.
_FICLONE = 0x40049409

#: What a disk says that cannot link or clone, of this file or at all.
_CANNOT = frozenset(
    (
        *(errno.EXDEV, errno.EPERM, errno.EMLINK, errno.EOPNOTSUPP, errno.EINVAL, errno.ENOTTY),
        *(errno.ENOSYS, errno.EACCES, errno.EBADF, errno.ETXTBSY),
    )
)


def copy_tree(
    source: Path,
    target: Path,
    *,
    leave: frozenset[str] = frozenset(),
    link: bool = True,
    progress: Callable[[int, int], None] | None = None,
) -> int:
    """Give every file below a folder a second name, or a copy, in another.

    Parameters
    ----------
    source, target : pathlib.Path
        Two folders; the second exists and is empty.
    leave : frozenset of str
        Names at the top of the source that are left out.
    link : bool
        Whether pictures may be hard links where the disk has no reflinks. All other files
        are copies: an editor that writes into them must not reach the source.
    progress : callable, optional
        Called with (files done, 0).

    Returns
    -------
    int
        Files of the new tree.
    """
    done = 0
    root = source.resolve()
    pending = [""]
    folders = []
    while pending:
        folder = pending.pop()
        folders.append(folder)
        with os.scandir(source / folder) as entries:
            found = sorted(entries, key=lambda entry: entry.name)
        for entry in found:
            if not folder and entry.name in leave:
                continue
            path = f"{folder}/{entry.name}" if folder else entry.name
            if entry.is_symlink():
                (target / path).symlink_to(_link_text(Path(entry.path), root))
            elif entry.is_dir(follow_symlinks=False):
                (target / path).mkdir()
                pending.append(path)
                continue
            elif entry.is_file(follow_symlinks=False):
                picture = Path(entry.name).suffix.lower() in IMAGE_EXTENSIONS
                clone_file(Path(entry.path), target / path, link=link and picture)
            else:
                raise DatasetError(
                    f"{entry.path}: neither a file nor a folder nor a link, so it cannot be in "
                    "the new tree; remove it"
                )
            done += 1
            if progress is not None:
                progress(done, 0)
    for folder in reversed(folders[1:]):
        shutil.copystat(source / folder, target / folder)
        # What is made must be able to be taken back.
        (target / folder).chmod((target / folder).stat().st_mode | 0o700)
    return done


def _link_text(path: Path, root: Path) -> str:
    """Where a link leads; one into the tree by its full name would lead into the source."""
    leads_to = path.readlink()
    if leads_to.is_absolute() and leads_to.is_relative_to(root):
        return os.path.relpath(leads_to, path.parent.resolve())
    return str(leads_to)


def clone_file(source: Path, target: Path, *, link: bool) -> None:
    """Give a file a reflink; else, where allowed, a hard link; else a copy.

    Times and permissions are kept.
    """
    if _reflink(source, target):
        shutil.copystat(source, target)
        return
    if link:
        try:
            os.link(source, target, follow_symlinks=False)
            return
        except OSError as error:
            if error.errno not in _CANNOT:
                raise
    shutil.copy2(source, target)


#: Pairs of disks that were found to have no reflinks, so that not every file has to ask.
_NO_REFLINKS: set[tuple[int, int]] = set()


def _reflink(source: Path, target: Path) -> bool:
    try:
        import fcntl
    except ImportError:  # not on this system
        return False
    disks = source.stat().st_dev, target.parent.stat().st_dev
    if disks in _NO_REFLINKS:
        return False
    with source.open("rb") as old, target.open("xb") as new:
        try:
            fcntl.ioctl(new.fileno(), _FICLONE, old.fileno())
            return True
        except OSError as error:
            if error.errno not in _CANNOT:
                raise
    target.unlink()
    _NO_REFLINKS.add(disks)
    return False
