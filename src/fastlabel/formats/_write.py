"""What the writers share: the rows by image, ids kept where they can be, the loss ledger."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..dataset import Dataset, DatasetError
from ._paths import is_foreign

__all__ = ["Ledger", "Loss", "Rows", "WriteReport", "kept_ids", "save"]

#: Examples of one kind of loss that a report names.
EXAMPLES = 10


@dataclass(frozen=True)
class Loss:
    """One kind of thing that the format cannot hold, or holds in another way.

    Attributes
    ----------
    kind : str
        What is lost, a stable word: ``segmentation``, ``weight``, ``split``, ...
    count : int
        Rows it is about.
    message : str
        What became of it.
    examples : tuple of str
        The first places: ``images/train/a.jpg: annotation 12``.
    """

    kind: str
    count: int
    message: str
    examples: tuple[str, ...]


@dataclass(frozen=True)
class WriteReport:
    """What a writer wrote, and what it could not carry.

    Attributes
    ----------
    format : str
        ``coco``, ``yolo`` or ``voc``.
    images, annotations : int
        Rows given.
    written : int
        Annotations that stand in the label files themselves.
    beside : int
        Annotations that stand in the sidecar alone (YOLO's ignore regions).
    files : tuple of str
        The label files, relative to the folder.
    categories : tuple of (int or str, str, str or None)
        Id in the new set, name, id in the source: the map of the ids.
    losses : tuple of Loss
        The loss ledger; empty where nothing was lost.
    """

    format: str
    images: int
    annotations: int
    written: int
    beside: int
    files: tuple[str, ...]
    categories: tuple[tuple[int | str, str, str | None], ...]
    losses: tuple[Loss, ...] = ()

    def lines(self) -> list[str]:
        """The loss ledger for people, one line a kind."""
        return [f"{loss.kind}: {loss.count:,}: {loss.message}" for loss in self.losses]


@dataclass
class Ledger:
    """Losses as they are met."""

    rows: Rows
    _counts: dict[tuple[str, str], int] = field(default_factory=dict)
    _examples: dict[tuple[str, str], list[str]] = field(default_factory=dict)

    def annotation(self, kind: str, row: int, message: str) -> None:
        """One annotation, by its row."""
        if self._count(kind, message):
            self._examples[kind, message].append(self.rows.place(row))

    def annotations(self, kind: str, rows: Sequence[int], message: str) -> None:
        """Several annotations at once."""
        if len(rows):
            examples = [self.rows.place(row) for row in rows[:EXAMPLES]]
            self._several(kind, len(rows), message, examples)

    def images(self, kind: str, rows: Sequence[int], message: str) -> None:
        """Several images at once."""
        if len(rows):
            examples = [str(self.rows.paths[row]) for row in rows[:EXAMPLES]]
            self._several(kind, len(rows), message, examples)

    def set(self, kind: str, count: int, message: str, examples: Sequence[str] = ()) -> None:
        """About the set as a whole."""
        if count:
            self._several(kind, count, message, list(examples[:EXAMPLES]))

    def _count(self, kind: str, message: str) -> bool:
        key = kind, message
        self._counts[key] = self._counts.get(key, 0) + 1
        return len(self._examples.setdefault(key, [])) < EXAMPLES

    def _several(self, kind: str, count: int, message: str, examples: list[str]) -> None:
        key = kind, message
        self._counts[key] = self._counts.get(key, 0) + count
        known = self._examples.setdefault(key, [])
        known.extend(examples[: EXAMPLES - len(known)])

    def losses(self) -> tuple[Loss, ...]:
        """All of them, by kind."""
        return tuple(
            Loss(kind, self._counts[kind, message], message, tuple(self._examples[kind, message]))
            for kind, message in sorted(self._counts)
        )


class Rows:
    """The rows of a data set as plain lists, each column made once and only when used."""

    def __init__(self, dataset: Dataset) -> None:
        self.dataset = dataset
        self.count: int = dataset.annotations.num_rows
        self.paths: list[str | None] = dataset.images["path"].to_pylist()
        self.splits: list[str | None] = dataset.images["split"].to_pylist()
        self.boxes = dataset.boxes()
        image_of = dataset.column("annotations", "image_id")
        #: rows in the order of their images, and where each image's begin
        self.order: npt.NDArray[np.int64] = np.argsort(image_of, kind="stable")
        self.starts = np.searchsorted(
            image_of[self.order], np.arange(dataset.images.num_rows + 1)
        ).tolist()
        self._lists: dict[str, list[Any] | None] = {}
        self._require()

    def _require(self) -> None:
        seen: set[str] = set()
        for row, path in enumerate(self.paths):
            if path is None or is_foreign(path) or ".." in path.split("/"):
                raise DatasetError(
                    f"images.path of row {row}: got {path!r}, expected the place of the picture "
                    "below the folder, as layout() gives it"
                )
            if path in seen:
                raise DatasetError(
                    f"images.path of row {row}: {path!r} is given twice; expected one place an "
                    "image, as layout() gives them"
                )
            seen.add(path)

    def column(self, name: str) -> list[Any] | None:
        """A column of the annotations; None where all is null."""
        if name not in self._lists:
            column = self.dataset.annotations[name]
            full = column.null_count == len(column)
            self._lists[name] = None if full else column.to_pylist()
        return self._lists[name]

    def value(self, name: str, row: int) -> Any:
        """One value; None where it is null."""
        values = self.column(name)
        return None if values is None else values[row]

    def true(self, name: str) -> npt.NDArray[np.bool_]:
        """Where a column of booleans is true (null is not)."""
        values = self.column(name)
        if values is None:
            return np.zeros(self.count, dtype=bool)
        return np.array([value is True for value in values], dtype=bool)

    def of_image(self, image: int) -> list[int]:
        """Rows of one image's annotations, in order."""
        rows: list[int] = self.order[self.starts[image] : self.starts[image + 1]].tolist()
        return rows

    def place(self, row: int) -> str:
        """An annotation as a person would look for it."""
        image = self.dataset.annotations["image_id"][row].as_py()
        return f"{self.paths[image]}: annotation {row}"

    def by_split(self) -> Iterator[tuple[str | None, list[int]]]:
        """Each split with its images; those without a split last."""
        groups: dict[str | None, list[int]] = {}
        for row, split in enumerate(self.splits):
            groups.setdefault(split, []).append(row)
        for split in sorted(groups, key=lambda split: (split is None, split or "")):
            yield split, groups[split]


def kept_ids(source: Sequence[str | None], first: int) -> list[int] | None:
    """The source's own ids as numbers; None unless all are different whole ones >= ``first``."""
    ids = []
    for text in source:
        if text is None or not (text.isascii() and text.isdigit() and len(text) <= 18):
            return None
        ids.append(int(text))
    if len(set(ids)) != len(ids) or (ids and min(ids) < first):
        return None
    # "007" would come back as "7".
    return ids if all(str(i) == text for i, text in zip(ids, source, strict=True)) else None


def save(folder: Path, path: str, text: str) -> None:
    """Write one label file, in UTF-8, with its folders."""
    place = folder / path
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(text.encode())
