"""Where results may go: anywhere but into the data set."""

from __future__ import annotations

import os
from pathlib import Path

from ..dataset import DatasetError

__all__ = ["keep_out_of"]


def keep_out_of(
    out: Path,
    data: Path,
    *,
    what: str = "the report",
    remedy: str = "choose another folder with --out",
) -> None:
    """Refuse a place for results inside the data set, or one where nothing can be written.

    Parameters
    ----------
    out : pathlib.Path
        A folder or file that need not exist.
    data : pathlib.Path
        The data set: a folder, or a file whose folder counts.
    what, remedy : str
        Words of the message.

    Raises
    ------
    DatasetError
        With the remedy; before the scan, not after hours of it.
    """
    root = data.resolve() if data.is_dir() else data.resolve().parent
    target = out.resolve()
    if target == root or root in target.parents:
        raise DatasetError(
            f"{out}: {what} would be written into the data set {data}, which is never "
            f"changed; {remedy}"
        )
    folders = (target,) if target.is_dir() else target.parents
    nearest = next(folder for folder in folders if folder.exists())
    if not nearest.is_dir() or not os.access(nearest, os.W_OK | os.X_OK):
        raise DatasetError(f"{out}: {nearest} is not a folder that can be written to; {remedy}")
