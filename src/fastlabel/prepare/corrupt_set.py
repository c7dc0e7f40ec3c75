"""A new data set with label errors made on purpose: what ``fastlabel corrupt`` does."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from .._output import new_folder
from ..dataset import Dataset, DatasetError
from ..formats import layout, read, write
from ..report.text import visible
from ..schema import ERRORS
from .corrupt import corrupt, settings_of
from .pictures import Placed, place_pictures

if TYPE_CHECKING:
    from ..formats._write import WriteReport

__all__ = ["LEDGER", "SUMMARY", "CorruptResult", "corrupt_set"]

IntArray = npt.NDArray[np.int64]

#: Names in the new folder.
LEDGER = "ledger.parquet"
SUMMARY = "corrupt.md"

_UNREAD = frozenset(("malformed-row", "malformed-file", "orphan-annotation", "refused"))
#: Errors that the summary lists.
_LISTED = 200
#: How far a box may be from where it was written, in pixels: what a format rounds.
_NEAR = 0.51


@dataclass(frozen=True)
class CorruptResult:
    """What was made.

    Attributes
    ----------
    folder : pathlib.Path
        The new data set; ``ledger.parquet`` and ``corrupt.md`` lie in it.
    ledger : pyarrow.Table
        One row an error. ``image_id``, ``annotation_id`` and ``related`` are those of the new
        set as :func:`fastlabel.read` gives it, the sources those of the old one.
    written : WriteReport
        The label files, and what the format could not carry.
    pictures : Placed
        What became of the pictures.
    unread : int
        Label rows and files of the source that could not be read, so that the new set is
        without them.
    """

    folder: Path
    ledger: pa.Table
    written: WriteReport
    pictures: Placed
    unread: int

    @property
    def settings(self) -> dict[str, Any]:
        """What was asked for, and how many of each kind there are."""
        return settings_of(self.ledger)


def corrupt_set(
    src: str | os.PathLike[str] | Dataset,
    dst: str | os.PathLike[str],
    *,
    rate: float = 0.1,
    kinds: Iterable[str] | Mapping[str, float] | None = None,
    seed: int = 0,
    format: str = "auto",
    to: str | None = None,
    link: bool = False,
    overwrite: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> CorruptResult:
    """Write a data set anew, with label errors made on purpose.

    Parameters
    ----------
    src : str, os.PathLike or Dataset
        The set; it is only read.
    dst : str or os.PathLike
        The new folder, there as a whole at the end or not at all.
    rate, kinds, seed
        As :func:`fastlabel.corrupt`.
    format, to : str
        Formats to read as and to write; ``to`` is the one read by default.
    link : bool
        Hard links instead of copies of the pictures.
    overwrite : bool
        Replace a folder that is not empty.
    progress : callable, optional
        Called with (done, total) images.

    Returns
    -------
    CorruptResult

    Raises
    ------
    DatasetError
        As :func:`fastlabel.read` and :func:`fastlabel.corrupt`; and if the target cannot be used.
    OSError
        If a file cannot be written; nothing is left of the new folder then.
    """
    import pyarrow.parquet as pq

    dataset = src if isinstance(src, Dataset) else read(src, format)
    dataset = dataset.with_files()
    target = to or dataset.format
    if target == "images":
        raise DatasetError(f"{dataset.root}: has no labels, so none can be made wrong")
    noisy, ledger = corrupt(dataset, rate=rate, kinds=kinds, seed=seed)
    places = layout(dataset.images, target)
    at = dataset.images.schema.get_field_index("path")
    new = replace(noisy, images=noisy.images.set_column(at, "path", pa.array(places, pa.string())))
    with new_folder(dst, sources=[dataset.root], overwrite=overwrite) as folder:
        pictures = place_pictures(dataset, places, folder, link=link, progress=progress)
        written = write(new, folder, target)
        ledger = _as_read(ledger, new, read(folder, target))
        pq.write_table(ledger, folder / LEDGER, compression="zstd")
        (folder / SUMMARY).write_text(_summary(ledger), encoding="utf-8")
    kinds_met = dataset.problems["kind"].to_pylist()
    unread = sum(kind in _UNREAD for kind in kinds_met)
    return CorruptResult(Path(dst), ledger, written, pictures, unread)


def _as_read(ledger: pa.Table, written: Dataset, back: Dataset) -> pa.Table:
    """The ledger in the ids that the written set has when it is read."""
    image_of = {path: row for row, path in enumerate(back.images["path"].to_pylist())}
    paths = written.images["path"].to_pylist()
    images = np.array([image_of.get(path, -1) for path in paths], np.int64)
    rows = _rows_as_read(written, back, images)
    names = back.images["file_name"].to_pylist()
    classes = {name: k for k, name in enumerate(back.categories["name"].to_pylist())}
    out = []
    for error in ledger.to_pylist():
        image = int(images[error["image_id"]])
        error["image_id"], error["file_name"] = image, names[image] if image >= 0 else None
        own = error["annotation_id"]
        error["annotation_id"] = None if own is None or rows[own] < 0 else int(rows[own])
        error["related"] = [int(rows[row]) for row in error["related"] if rows[row] >= 0]
        for name in ("before", "after"):
            boxes = json.loads(error[name] or "[]")
            for box in boxes:
                box["category_id"] = classes.get(box["category"], box["category_id"])
            error[name] = json.dumps(boxes) if boxes else None
        out.append(error)
    table = pa.Table.from_pylist(out, schema=ERRORS)
    settings = {**settings_of(ledger), "images": len(back)}
    return table.replace_schema_metadata({b"fastlabel.corrupt": json.dumps(settings)})


def _rows_as_read(written: Dataset, back: Dataset, images: IntArray) -> IntArray:
    """Where each row stands when the set is read again; -1 where the format lost it.

    Formats group rows by image, and most keep their order there; YOLO puts ignore regions
    elsewhere.
    """
    starts, order = _by_image(back)
    boxes, new_boxes = written.boxes(), back.boxes()
    image_of = np.asarray(written.column("annotations", "image_id"))
    place = np.full(len(image_of), -1, np.int64)
    own_starts, own_order = _by_image(written)
    for image in np.unique(image_of).tolist():
        there = int(images[image])
        if there < 0:
            continue
        mine = own_order[own_starts[image] : own_starts[image + 1]]
        theirs = order[starts[there] : starts[there + 1]]
        if len(mine) == len(theirs) and _near(boxes[mine], new_boxes[theirs]).all():
            place[mine] = theirs
            continue
        left = theirs.tolist()
        for row in mine.tolist():
            fits = np.flatnonzero(_near(boxes[row], new_boxes[left]))
            if len(fits):
                place[row] = left.pop(int(fits[0]))
    return place


def _by_image(dataset: Dataset) -> tuple[IntArray, IntArray]:
    image_of = np.asarray(dataset.column("annotations", "image_id"))
    order = np.argsort(image_of, kind="stable")
    return np.searchsorted(image_of[order], np.arange(len(dataset) + 1)), order


def _near(a: npt.NDArray[np.float64], b: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
    both_unknown = np.isnan(a) & np.isnan(b)
    return np.asarray(((np.abs(a - b) <= _NEAR) | both_unknown).all(axis=-1))


def _summary(ledger: pa.Table) -> str:
    """What was done, for people."""
    settings = settings_of(ledger)
    share = ledger.num_rows / max(settings["boxes"], 1)
    lines = [
        "# Label errors made on purpose",
        "",
        f"{ledger.num_rows:,} errors, {share:.1%} of the {settings['boxes']:,} boxes that can have "
        f"one; rate {settings['rate']:g}, seed {settings['seed']}. The labels beside this file are "
        "wrong: train no model on them that is to be used.",
        "",
        "| kind | wanted | made |",
        "| --- | ---: | ---: |",
    ]
    lines += [
        f"| {kind} | {wanted:,} | {settings['planted'][kind]:,} |"
        for kind, wanted in settings["wanted"].items()
    ]
    lines += ["", "| error | kind | image | before | after |", "| ---: | --- | --- | --- | --- |"]
    for error in ledger.slice(0, _LISTED).to_pylist():
        name = _cell(error["file_name"])
        lines.append(
            f"| {error['error_id']} | {error['kind']} | {name} | {_boxes(error['before'])} | "
            f"{_boxes(error['after'])} |"
        )
    if ledger.num_rows > _LISTED:
        lines.append(f"\nand {ledger.num_rows - _LISTED:,} more, see {LEDGER}")
    return "\n".join(lines) + "\n"


def _boxes(text: str | None) -> str:
    said = [
        f"{_cell(one['category'])} {', '.join(f'{v:g}' for v in one['box'])}"
        for one in json.loads(text or "[]")
    ]
    return "; ".join(said) or "-"


def _cell(text: object) -> str:
    """Text from data for a table of Markdown."""
    return "".join(f"\\{c}" if c in "\\`*_[]<>|#" else c for c in visible(text))
