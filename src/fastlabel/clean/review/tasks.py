"""What a person is asked: one task an image, whatever tool will show it.

A task has the labels as they are, what was found about them, and what the findings propose.
The writers turn tasks into files of their tools; the readers bring the same numbers back.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ...dataset import Dataset, as_numpy
from ...report.text import visible

if TYPE_CHECKING:
    from ...predictions import Predictions

__all__ = [
    "Book",
    "Found",
    "Guess",
    "Task",
    "class_labels",
    "found_by_image",
    "ranked_images",
    "tasks_of",
]

Ints = npt.NDArray[np.int64]
Box = tuple[float, float, float, float]

#: Longest message of a finding that a tool is given.
LONGEST = 400


@dataclass(slots=True)
class Found:
    """One finding about an image, as a tool carries it there and back."""

    finding: int  # row of the findings table
    code: str
    score: float | None
    message: str
    annotation_ids: tuple[int, ...]
    action: str | None
    box: Box | None  # what the finding proposes
    label: str | None
    raw_score: float | None = None  # the rule's own, where the score is a fitted one

    def as_json(self) -> dict[str, Any]:
        """Plain values, for a tool's own store of extra data."""
        return {
            "finding": self.finding,
            "code": self.code,
            "score": self.score,
            "message": self.message,
            "annotation_ids": list(self.annotation_ids),
            "action": self.action,
            "box": None if self.box is None else list(self.box),
            "label": self.label,
            "raw_score": self.raw_score,
        }

    @classmethod
    def from_json(cls, given: object) -> Found | None:
        """Read one back; None where the tool, or a person, has spoilt it."""
        if not isinstance(given, dict):
            return None
        row: Any = given.get("finding")
        code, score, ids = (given.get(name) for name in ("code", "score", "annotation_ids"))
        if not _whole(row) or not isinstance(code, str) or not isinstance(ids, list):
            return None
        if not all(map(_whole, ids)) or not (score is None or _finite(score)):
            return None
        action, label = given.get("action"), given.get("label")
        raw: Any = given.get("raw_score")
        box: Any = given.get("box")
        good = _is_box(box)
        return cls(
            row,
            code,
            None if score is None else float(score),
            str(given.get("message") or ""),
            tuple(ids),
            action if isinstance(action, str) else None,
            (float(box[0]), float(box[1]), float(box[2]), float(box[3])) if good else None,
            label if isinstance(label, str) else None,
            float(raw) if _finite(raw) else None,
        )


@dataclass(slots=True)
class Guess:
    """A box that a model or a finding proposes."""

    source: str
    box: Box
    label: str
    score: float | None
    finding: int | None = None  # place in Task.found


@dataclass(slots=True)
class Task:
    """One image to look at.

    ``annotation_ids``, ``boxes`` and ``labels`` are of the boxes that a tool can show: finite,
    and of a class that the set declares.
    """

    image_id: int
    name: str
    width: int
    height: int
    stamp: str
    annotation_ids: list[int]
    boxes: list[list[float]]
    labels: list[str]
    found: list[Found] = field(default_factory=list)
    guesses: list[Guess] = field(default_factory=list)

    @property
    def score(self) -> float:
        """The surest finding."""
        return max((f.score or 0.0 for f in self.found), default=0.0)

    def why(self) -> str:
        """All findings in words, one a line."""
        return "\n".join(
            f"{n}. {f.code}{'' if f.score is None else f' ({f.score:.2f})'}: {f.message}"
            for n, f in enumerate(self.found, 1)
        )


def class_labels(ds: Dataset) -> list[str]:
    """A name for each class that every tool can show and none confuses with another's."""
    labels: list[str] = []
    taken: set[str] = set()
    for row, name in enumerate(ds.categories["name"].to_pylist()):
        label = visible(name).strip() or f"class {row}"
        while label in taken or label.startswith("fastlabel."):
            label = f"{label} [{row}]" if label in taken else f"[{row}] {label}"
        taken.add(label)
        labels.append(label)
    return labels


class Book:
    """The labels of a set, opened at one image at a time."""

    def __init__(self, ds: Dataset) -> None:
        self.ds = ds
        self.labels = class_labels(ds)
        self.number = {label: row for row, label in enumerate(self.labels)}
        self.boxes = ds.boxes()
        category = ds.annotations["category_id"].fill_null(-1)
        self.category: npt.NDArray[np.int32] = as_numpy(category).astype(np.int32, copy=False)
        self.image = as_numpy(ds.annotations["image_id"])
        ignored = ds.annotations["ignore"].fill_null(False)
        self.ignored = np.asarray(ignored.to_numpy(), np.bool_)
        self._order = np.argsort(self.image, kind="stable")
        self._starts = np.searchsorted(self.image[self._order], np.arange(len(ds) + 1))
        self._widths = ds.images["width"].to_pylist()
        self._heights = ds.images["height"].to_pylist()
        self._inside = ds.images["path"].is_valid().to_pylist()
        self.shown = np.isfinite(self.boxes).all(axis=1) & (self.category >= 0)
        # A hash of the class name, not its number: a class that is added later moves numbers.
        names = [hashlib.blake2b(x.encode(), digest_size=8).digest() for x in self.labels]
        self._hashes = np.frombuffer(b"".join(names) + b"\0" * 8, np.uint64)

    @cached_property
    def names(self) -> list[str]:
        """What tells an image from the others: its path, or its name where that leads away."""
        paths = self.ds.images["path"].to_pylist()
        return [
            str(path if path is not None else name)
            for path, name in zip(paths, self.ds.images["file_name"].to_pylist(), strict=True)
        ]

    def rows(self, image: int) -> Ints:
        """Rows of the annotations of an image, all of them, in their order."""
        return self._order[self._starts[image] : self._starts[image + 1]]

    def size(self, image: int) -> tuple[int, int] | None:
        """Width and height, of the labels or else of the picture's file; None: not known."""
        width, height = self._widths[image], self._heights[image]
        if width is None or height is None:
            width, height = self._widths[image], self._heights[image] = self._sniffed(image)
        return (width, height) if width > 0 and height > 0 else None

    def _sniffed(self, image: int) -> tuple[int, int]:
        from ... import _core

        path = self.ds.images["path"][image].as_py()
        root = Path(self.ds.root).resolve()
        if self.ds.source is not None or path is None:
            return 0, 0
        file = (root / path).resolve()
        if not file.is_relative_to(root) or not file.is_file():
            return 0, 0
        _, wide, high, turn = _core.sniff_headers([str(file)])
        size = (max(int(wide[0]), 0), max(int(high[0]), 0))
        return size[::-1] if 5 <= turn[0] <= 8 else size

    def stamp(self, image: int) -> str:
        """A hash of an image's labels: another one means that they are no longer the same."""
        rows = self.rows(image)
        told = hashlib.blake2b(self.boxes[rows].tobytes(), digest_size=8)
        told.update(self._hashes[self.category[rows]].tobytes())
        return told.hexdigest()

    def task(self, image: int) -> Task | None:
        """The task of an image without its findings; None where it cannot be shown.

        Its size is not known, or its name leads out of the data set: then no tool is told to
        open it.
        """
        size = self.size(image)
        if size is None or not self._inside[image]:
            return None
        rows = self.rows(image)
        rows = rows[self.shown[rows]]
        labels = [self.labels[k] for k in self.category[rows].tolist()]
        return Task(
            image,
            self.names[image],
            *size,
            self.stamp(image),
            rows.tolist(),
            self.boxes[rows].tolist(),
            labels,
        )


def tasks_of(
    book: Book,
    findings: pa.Table,
    images: Ints,
    predictions: Predictions | None = None,
) -> Iterator[tuple[int, Task | None]]:
    """Make the tasks of the images, in the order they are named.

    Yields
    ------
    tuple of (int, Task or None)
        The image, and its task; None where it cannot be shown (see :meth:`Book.task`).
    """
    found = _Findings(findings, book)
    guessed = None if predictions is None else _Predicted(predictions, book)
    for image in images.tolist():
        task = book.task(image)
        if task is not None:
            task.found = found.of(image)
            task.guesses = [g for at, f in enumerate(task.found) if (g := _proposed(task, f, at))]
            if guessed is not None:
                task.guesses += guessed.of(image)
        yield image, task


def found_by_image(findings: pa.Table, book: Book) -> Callable[[int], list[Found]]:
    """Give what has the findings of an image, the surest first."""
    return _Findings(findings, book).of


def _proposed(task: Task, found: Found, at: int) -> Guess | None:
    """What a finding proposes as a box with a class: what it does not say is as it is."""
    box, label = found.box, found.label
    if found.action in ("relabel", "replace_box") and found.annotation_ids:
        named = found.annotation_ids[0]
        if named in task.annotation_ids:
            row = task.annotation_ids.index(named)
            x1, y1, x2, y2 = task.boxes[row]
            box = (x1, y1, x2, y2) if box is None else box
            label = task.labels[row] if label is None else label
    if box is None or label is None:
        return None
    return Guess("findings", box, label, found.score, at)


def ranked_images(findings: pa.Table, images: int) -> Ints:
    """Images with findings, the one with the most expected errors first.

    The expected number is the sum of the scores; a finding without one counts a half.
    """
    ids = findings["image_id"].drop_null()
    if not len(ids):
        return np.zeros(0, np.int64)
    score = pc.fill_null(findings["score"], 0.5).filter(pc.is_valid(findings["image_id"]))
    total = np.bincount(as_numpy(ids), weights=np.nan_to_num(as_numpy(score)), minlength=images)
    named: Ints = np.unique(as_numpy(ids))
    return named[np.argsort(-total[named], kind="stable")]


class _Findings:
    """Rows of the findings table by image."""

    def __init__(self, table: pa.Table, book: Book) -> None:
        self._labels = book.labels
        rows = np.flatnonzero(table["image_id"].is_valid().to_numpy())
        image = as_numpy(table["image_id"].take(pa.array(rows)))
        order = np.argsort(image, kind="stable")
        self._rows = rows[order]
        columns = ["code", "score", "message", "annotation_id", "evidence"]
        self._table = table.select(columns).take(pa.array(self._rows)).combine_chunks()
        self._starts = np.searchsorted(image[order], np.arange(len(book.ds) + 1)).tolist()

    def of(self, image: int) -> list[Found]:
        begin, end = self._starts[image], self._starts[image + 1]
        if begin == end:
            return []
        some = self._table.slice(begin, end - begin).to_pylist()
        rows = self._rows[begin:end].tolist()
        found = [self._one(at, row) for at, row in zip(rows, some, strict=True)]
        return sorted(found, key=lambda f: -(f.score or 0.0))

    def _one(self, at: int, row: dict[str, Any]) -> Found:
        try:
            evidence = json.loads(row["evidence"] or "{}")
        except ValueError:
            evidence = {}
        evidence = evidence if isinstance(evidence, dict) else {}
        fix = evidence.get("fix")
        fix = fix if isinstance(fix, dict) else {}
        ids = [] if row["annotation_id"] is None else [row["annotation_id"]]
        related: Any = evidence.get("related_annotations")
        ids += [x for x in related if _whole(x) and x not in ids] if _is_list(related) else []
        box = fix.get("box")
        label = fix.get("category")
        number: Any = fix.get("category_id")
        if _whole(number) and 0 <= number < len(self._labels):
            label = self._labels[number]
        score = row["score"]
        raw: Any = evidence.get("raw_score")
        return Found(
            at,
            row["code"],
            score if score is None or math.isfinite(score) else None,
            visible(row["message"], LONGEST),
            tuple(ids),
            fix["action"] if isinstance(fix.get("action"), str) else None,
            tuple(map(float, box)) if _is_box(box) else None,  # type: ignore[arg-type]
            visible(label) if isinstance(label, str) else None,
            float(raw) if _finite(raw) else None,
        )


class _Predicted:
    """Boxes of models by image; those without a class of the set are left out."""

    def __init__(self, predictions: Predictions, book: Book) -> None:
        table = predictions.table
        table = table.filter(pc.is_valid(table["category_id"]))
        self._models, self._labels = predictions.models, book.labels
        image = as_numpy(table["image_id"])
        self._order = np.argsort(image, kind="stable")
        self._starts = np.searchsorted(image[self._order], np.arange(len(book.ds) + 1))
        self._boxes = np.stack([as_numpy(table[c]) for c in ("x1", "y1", "x2", "y2")], 1)
        self._score, self._model = as_numpy(table["score"]), as_numpy(table["model"])
        self._category = as_numpy(table["category_id"])

    def of(self, image: int) -> Iterator[Guess]:
        for row in self._order[self._starts[image] : self._starts[image + 1]].tolist():
            x1, y1, x2, y2 = self._boxes[row].tolist()
            if math.isfinite(x1 + y1 + x2 + y2):
                model = visible(self._models[self._model[row]], 60)
                label = self._labels[self._category[row]]
                yield Guess(model, (x1, y1, x2, y2), label, float(self._score[row]))


def _whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _finite(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _is_list(value: object) -> bool:
    return isinstance(value, list)


def _is_box(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 4 and all(map(_finite, value))
