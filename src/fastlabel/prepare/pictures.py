"""Pictures of a new data set: copied or linked from the old one, or painted over."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ..dataset import Dataset
from .mask import mask_regions

__all__ = ["Placed", "place_pictures"]

JPEG_QUALITY = 95

_JPEG = (".jpg", ".jpeg", ".jpe", ".jfif", ".mpo")


@dataclass
class Placed:
    """What became of the pictures.

    Attributes
    ----------
    same, masked : int
        Pictures taken over byte by byte, and those with regions painted over.
    missing : list of str
        Images whose file is not there.
    unmasked : list of (str, str)
        Images that should have been masked and could not be, with the reason; their
        pictures are as they were.
    """

    same: int = 0
    masked: int = 0
    missing: list[str] = field(default_factory=list)
    unmasked: list[tuple[str, str]] = field(default_factory=list)


def place_pictures(
    source: Dataset,
    places: list[str],
    folder: Path,
    *,
    link: bool = False,
    mask: Dataset | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Placed:
    """Bring each image of a data set to its place in a new folder.

    Parameters
    ----------
    source : Dataset
        Where the pictures are.
    places : list of str
        One a row of ``source.images``, as ``fastlabel.formats.layout`` gives them.
    folder : pathlib.Path
        The new folder.
    link : bool
        Make hard links where the disk allows it, instead of copies.
    mask : Dataset, optional
        The set whose regions to ignore are painted over; those pictures are encoded again
        (JPEG at quality 95, others without loss).
    progress : callable, optional
        Called with (done, total).

    Raises
    ------
    OSError
        If a file cannot be written.
    """
    result = Placed()
    paths = source.images["path"].to_pylist()
    names = source.images["file_name"].to_pylist()
    regions = _regions(mask) if mask is not None else {}
    for row, (path, place) in enumerate(zip(paths, places, strict=True)):
        old = None if path is None else source.root / path
        if old is None or not old.is_file():
            result.missing.append(str(names[row]))
        else:
            new = folder / place
            new.parent.mkdir(parents=True, exist_ok=True)
            boxes = regions.get(row)
            reason = None if boxes is None else _masked(old, new, *boxes)
            if boxes is not None and reason is None:
                result.masked += 1
            else:
                if reason is not None:
                    result.unmasked.append((str(names[row]), reason))
                _same(old, new, link)
                result.same += 1
        if progress is not None:
            progress(row + 1, len(paths))
    return result


def _same(old: Path, new: Path, link: bool) -> None:
    if link:
        try:
            os.link(old.resolve(), new)
            return
        except OSError:  # another disk, or one without links
            pass
    try:
        shutil.copyfile(old, new)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):  # it names the source, which is well
            raise OSError(error.errno, error.strerror, str(new)) from error
        raise


def _regions(dataset: Dataset) -> dict[int, tuple[np.ndarray, np.ndarray]]:
    """Of each image that has any: regions to ignore, and the boxes of its targets."""
    boxes = dataset.boxes()
    finite = np.isfinite(boxes).all(axis=1)
    aside = np.zeros(len(boxes), dtype=bool)
    for name in ("ignore", "crowd"):
        aside |= np.asarray(dataset.annotations[name].fill_null(False).to_numpy(), dtype=bool)
    images = dataset.column("annotations", "image_id")
    order = np.argsort(images, kind="stable")
    starts = np.searchsorted(images[order], np.arange(len(dataset) + 1))
    found = {}
    for image in np.unique(images[aside & finite]).tolist():
        rows = order[starts[image] : starts[image + 1]]
        rows = rows[finite[rows]]
        found[image] = boxes[rows[aside[rows]]], boxes[rows[~aside[rows]]]
    return found


def _masked(old: Path, new: Path, regions: np.ndarray, protect: np.ndarray) -> str | None:
    """Write the picture with its regions painted over; why not, where it cannot be done."""
    import cv2

    jpeg = old.suffix.lower() in _JPEG
    # Labels are in the upright frame: a JPEG is turned, and written without its EXIF.
    how = cv2.IMREAD_ANYCOLOR if jpeg else cv2.IMREAD_UNCHANGED
    try:
        pixels = cv2.imdecode(np.fromfile(old, np.uint8), how)
        if pixels is None:
            return "cannot be decoded"
        painted = mask_regions(pixels, regions, protect)
        options = [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY] if jpeg else []
        suffix = ".jpg" if jpeg else old.suffix
        done, data = cv2.imencode(suffix, painted, options)
    except cv2.error as error:
        return str(error.err or "cannot be decoded")
    if not done:
        return f"cannot be written as {suffix}"
    new.write_bytes(data.tobytes())
    return None
