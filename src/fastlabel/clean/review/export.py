"""Tasks into the files of a tool."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from ..._scalars import as_choice
from ...dataset import Dataset, DatasetError, as_numpy
from .tasks import Book, Ints, Task, ranked_images, tasks_of

if TYPE_CHECKING:
    from ...predictions import Predictions

__all__ = ["TOOLS", "ExportedReview", "export_review"]

#: What :func:`export_review` writes for.
TOOLS = ("label-studio", "cvat", "fiftyone", "sheet")


@dataclass(frozen=True)
class ExportedReview:
    """What :func:`export_review` wrote.

    Attributes
    ----------
    files : tuple of pathlib.Path
        The main file or folder first.
    tasks, boxes, findings : int
        Images to look at, their boxes, and the findings about them.
    left_out : tuple of str
        Images left out: their size is not known, or their name leads out of the data set.
    unplaced : int
        Findings about no image, or about one that is not among the tasks.
    unshown : int
        Boxes of the tasks that no tool can show: without finite corners or a known class. They
        stay as they are when the review is read back.
    """

    files: tuple[Path, ...]
    tasks: int
    boxes: int
    findings: int
    left_out: tuple[str, ...]
    unplaced: int
    unshown: int


class _Counted:
    """Tasks as they pass by, counted."""

    def __init__(self, book: Book, tasks: Iterator[tuple[int, Task | None]]) -> None:
        self._book, self._tasks = book, tasks
        self.tasks = self.boxes = self.findings = self.unshown = 0
        self.left_out: list[str] = []

    def __iter__(self) -> Iterator[Task]:
        for image, task in self._tasks:
            if task is None:
                self.left_out.append(self._book.names[image])
                continue
            self.tasks += 1
            self.boxes += len(task.boxes)
            self.findings += len(task.found)
            self.unshown += len(self._book.rows(image)) - len(task.boxes)
            yield task


def export_review(
    ds: Dataset,
    findings: pa.Table,
    *,
    to: str,
    out: str | os.PathLike[str],
    queue: pa.Table | None = None,
    predictions: Predictions | None = None,
    everything: bool = False,
    prefix: str | None = None,
) -> ExportedReview:
    """Write what was found as tasks for a person, in the files of a labelling tool.

    Each task is an image with its labels as they are; the findings about it, with reason and
    score; and, apart from the labels, what findings and models propose. Images with the most
    expected errors come first.

    Parameters
    ----------
    ds : Dataset
        The labels.
    findings : pyarrow.Table
        As :attr:`fastlabel.Report.findings`, of the same data set.
    to : {"label-studio", "cvat", "fiftyone", "sheet"}
        The tool; "sheet" is a page of small pictures that needs none.
    out : str or os.PathLike
        The file to write; for FiftyOne a new folder. Beside it comes what the tool needs to
        be set up: ``OUT.config.xml`` (Label Studio), ``OUT.labels.json`` (CVAT).
    queue : pyarrow.Table, optional
        As :func:`fastlabel.review_queue` gives it: only its images, in its order.
    predictions : Predictions, optional
        Boxes of models, shown beside the labels.
    everything : bool
        All images, those without findings last.
    prefix : str, optional
        What stands before an image's path in the tasks of Label Studio: where it finds the
        pictures. By default its own local files.

    Returns
    -------
    ExportedReview

    Raises
    ------
    DatasetError
        If the findings are of another data set, or nothing can be shown.

    Examples
    --------
    >>> import json, tempfile
    >>> from pathlib import Path
    >>> import fastlabel as fl
    >>> from fastlabel.schema import FINDINGS
    >>> labels = {
    ...     "images": [{"id": 7, "file_name": "a.jpg", "width": 640, "height": 480}],
    ...     "annotations": [{"id": 1, "image_id": 7, "category_id": 3, "bbox": [64, 48, 32, 24]}],
    ...     "categories": [{"id": 3, "name": "raccoon"}],
    ... }
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = Path(folder, "labels.json").write_text(json.dumps(labels))
    ...     ds, out = fl.read(folder), Path(folder, "tasks.json")
    ...     done = fl.export_review(
    ...         ds, FINDINGS.empty_table(), to="label-studio", out=out, everything=True
    ...     )
    ...     (task,) = json.loads(out.read_text())
    >>> done.tasks, done.boxes, sorted(task)
    (1, 1, ['annotations', 'data', 'predictions'])
    >>> region = task["annotations"][0]["result"][0]
    >>> region["id"], round(region["value"]["x"], 9), region["value"]["rectanglelabels"]
    ('fl-0', 10.0, ['raccoon'])
    """
    as_choice(to, "to", TOOLS)
    book = Book(ds)
    _same_set(ds, findings)
    images = _images(ds, findings, queue, everything)
    if not len(images):
        raise DatasetError(
            f"{ds.root}: no finding is about an image, so there is nothing to look at; "
            "with --all every image becomes a task"
        )
    tasks = _Counted(book, tasks_of(book, findings, images, predictions))
    target = Path(out)
    files = _write(to, target, book, tasks, len(images), prefix)
    return ExportedReview(
        tuple(files),
        tasks.tasks,
        tasks.boxes,
        tasks.findings,
        tuple(tasks.left_out),
        findings.num_rows - tasks.findings,
        tasks.unshown,
    )


def _same_set(ds: Dataset, findings: pa.Table) -> None:
    for name, rows in (("image_id", len(ds)), ("annotation_id", ds.annotations.num_rows)):
        given = as_numpy(findings[name].drop_null())
        if len(given) and not 0 <= given.min() <= given.max() < rows:
            raise DatasetError(
                f"{ds.root}: the findings speak of {name} {int(given.max())}, but the set has "
                f"{rows:,}: they are of another data set or version; run `fastlabel check` again"
            )


def _images(ds: Dataset, findings: pa.Table, queue: pa.Table | None, everything: bool) -> Ints:
    if queue is not None:
        given = as_numpy(queue["image_id"].drop_null())
        first = np.sort(np.unique(given, return_index=True)[1])
        ranked: Ints = given[first]
    else:
        ranked = ranked_images(findings, len(ds))
    if not everything:
        return ranked
    return np.concatenate([ranked, np.setdiff1d(np.arange(len(ds)), ranked)])


def _write(
    to: str, out: Path, book: Book, tasks: _Counted, count: int, prefix: str | None
) -> list[Path]:
    from ..._output import write_whole

    writes: dict[Path, Callable[[Path], Any]] = {}
    if to == "label-studio":
        from . import label_studio

        config = out.with_name(out.stem + ".config.xml")
        begin = label_studio.LOCAL_FILES if prefix is None else prefix
        writes[out] = lambda part: label_studio.write_tasks(tasks, part, prefix=begin)
        writes[config] = lambda part: part.write_bytes(label_studio.label_config(book.labels))
    elif to == "cvat":
        from . import cvat

        setup = json.dumps(cvat.label_setup(book.labels), indent=1, ensure_ascii=False)
        writes[out] = lambda part: cvat.write_annotations(
            tasks, part, labels=book.labels, count=count
        )
        labels = out.with_name(out.stem + ".labels.json")
        writes[labels] = lambda part: part.write_text(setup + "\n", encoding="utf-8")
    elif to == "fiftyone":
        from . import fiftyone

        return fiftyone.write_dataset(tasks, out, book)
    else:
        from . import sheet

        writes[out] = lambda part: sheet.write_sheet(tasks, part, book, count)
    out.parent.mkdir(parents=True, exist_ok=True)
    write_whole(writes)
    return list(writes)
