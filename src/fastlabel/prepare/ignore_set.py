"""A new data set with regions to ignore and weights: what ``fastlabel ignore`` does."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from .._output import new_folder
from ..dataset import DatasetError
from ..formats import layout, read, write
from ..formats._sidecar import SIDECAR
from .ignore import IgnoreRules, Marked, mark_ignored
from .pictures import Placed, place_pictures

if TYPE_CHECKING:
    from ..dataset import Dataset
    from ..deploy import Profile
    from ..formats._write import WriteReport

__all__ = ["CHANGES", "Result", "ignore"]

_UNREAD = frozenset(("malformed-row", "malformed-file", "orphan-annotation", "refused"))

#: The ledger's name in the new folder.
CHANGES = "ignored.parquet"


@dataclass(frozen=True)
class Result:
    """What was made.

    Attributes
    ----------
    marked : Marked
        The new labels and the table of changes.
    written : WriteReport
        The label files, and what the format could not carry.
    pictures : Placed
        What became of the pictures.
    unread : int
        Label rows and files of the source that could not be read, so that the new set is
        without them.
    """

    marked: Marked
    written: WriteReport
    pictures: Placed
    unread: int


def ignore(
    src: str | os.PathLike[str] | Dataset,
    dst: str | os.PathLike[str],
    rules: IgnoreRules | None = None,
    *,
    deploy: str | Profile | None = None,
    format: str = "auto",
    to: str | None = None,
    mask: bool = False,
    link: bool = False,
    overwrite: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> Result:
    """Write a data set anew, with regions to ignore and weights by explicit rules.

    Parameters
    ----------
    src : str, os.PathLike or Dataset
        The set; it is only read.
    dst : str or os.PathLike
        The new folder, there as a whole at the end or not at all.
    rules, deploy
        As :func:`fastlabel.mark_ignored`.
    format, to : str
        Formats to read as and to write; ``to`` is the one read by default.
    mask : bool
        Paint the regions to ignore over with the mean of their surroundings, for trainers
        that know no such regions; no pixel of a target's box is changed.
    link : bool
        Hard links instead of copies of the pictures.
    overwrite : bool
        Replace a folder that is not empty.
    progress : callable, optional
        Called with (done, total) images.

    Returns
    -------
    Result
        The folder also holds ``ignored.parquet``, the table of changes.

    Raises
    ------
    DatasetError, ConfigError
        As :func:`fastlabel.read` and :func:`fastlabel.mark_ignored`; and if the set has no
        labels or the target cannot be used.
    OSError
        If a file cannot be written; nothing is left of the new folder then.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    dataset = src if not isinstance(src, str | os.PathLike) else read(src, format)
    dataset = dataset.with_files()
    target = to or dataset.format
    if target == "images":
        raise DatasetError(f"{dataset.root}: has no labels, so no box to ignore")
    places = layout(dataset.images, target)
    marked = mark_ignored(dataset, rules, deploy=deploy)
    at = dataset.images.schema.get_field_index("path")
    images = dataset.images.set_column(at, "path", pa.array(places, pa.string()))
    new = replace(marked.dataset, images=images)
    with new_folder(dst, sources=[dataset.root], overwrite=overwrite) as folder:
        pictures = place_pictures(
            dataset,
            places,
            folder,
            link=link,
            mask=marked.dataset if mask else None,
            progress=progress,
        )
        written = write(new, Path(folder), target)
        if mask:
            written = _masked(written)
        pq.write_table(marked.changes, folder / CHANGES, compression="zstd")
    kinds = dataset.problems["kind"].to_pylist()
    return Result(marked, written, pictures, sum(kind in _UNREAD for kind in kinds))


def _masked(written: WriteReport) -> WriteReport:
    """What YOLO lacks of the regions to ignore, where the pictures have them painted over."""
    message = (
        f"regions to ignore stand in {SIDECAR} alone; in the pictures they are painted over, "
        "but where a target lies"
    )
    losses = (
        replace(loss, message=message) if loss.kind == "ignore" else loss for loss in written.losses
    )
    return replace(written, losses=tuple(losses))
