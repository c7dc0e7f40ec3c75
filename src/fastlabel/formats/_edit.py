"""Changes of single labels in the files they stand in; every other byte stays as it is.

Writing a data set anew would lose what no table holds: the order of keys, comments, numbers
as they were typed, what another tool keeps beside. So the text itself is edited, at the
place that a row's ``origin`` names.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from ..dataset import Dataset, DatasetError
from ._label_files import LabelFiles
from ._text import LabelFileError, TextFile, read_bytes

__all__ = ["Change", "Edited", "edits", "load_text", "why_not"]

#: What can be done to a label: ``drop_image`` takes all that the labels say of an image.
CHANGES = (
    "relabel",
    "drop_box",
    "mark_ignore",
    "set_weight",
    "replace_box",
    "add_box",
    "drop_image",
)


@dataclass(frozen=True)
class Change:
    """One change.

    Attributes
    ----------
    action : str
        One of :data:`CHANGES`.
    image_id : int
        The image's row.
    annotation_id : int or None
        The annotation's row; None for ``add_box`` and ``drop_image``.
    category_id, box, weight
        What ``relabel``, ``replace_box``, ``set_weight`` and ``add_box`` need: a dense id,
        x1 y1 x2 y2 in pixels, a number.
    """

    action: str
    image_id: int
    annotation_id: int | None = None
    category_id: int | None = None
    box: tuple[float, float, float, float] | None = None
    weight: float | None = None


@dataclass(frozen=True)
class Edited:
    """A label file before and after.

    Attributes
    ----------
    path : str
        Relative to the root; links followed.
    before, after : bytes or None
        None before: it is made. None after: it is removed.
    cut : bytes or None
        What ``drop_image`` took out of it, as a file of the same kind.
    """

    path: str
    before: bytes | None
    after: bytes | None
    cut: bytes | None = None


class Editor(Protocol):
    """What each format has."""

    def why_not(self, change: Change) -> str | None:
        """Why a change cannot be made, as far as the tables tell; None where it can."""
        ...

    def edits(self, changes: Sequence[Change]) -> Iterator[Edited]:
        """All files that differ afterwards."""
        ...


def editor(ds: Dataset, labels: LabelFiles) -> Editor:
    """Give the editor of the format of a data set."""
    if ds.format == "coco":
        from ._edit_coco import CocoEditor

        return CocoEditor(ds, labels)
    if ds.format == "yolo":
        from ._edit_yolo import YoloEditor

        return YoloEditor(ds, labels)
    if ds.format == "voc":
        from ._edit_voc import VocEditor

        return VocEditor(ds, labels)
    raise DatasetError(f"{ds.root}: has no label files that can be edited")


def edits(ds: Dataset, changes: Sequence[Change]) -> Iterator[Edited]:
    """Make changes in the text of a data set's label files; nothing is written.

    Parameters
    ----------
    ds : Dataset
        As it was read; its files must not have changed since.
    changes : sequence of Change
        At most one of a kind for an annotation.

    Yields
    ------
    Edited
        Each file that differs afterwards.

    Raises
    ------
    DatasetError
        If a change cannot be made; the message names the file and the row.
    """
    make = editor(ds, LabelFiles(ds))
    for change in changes:
        reason = make.why_not(change)
        if reason is not None:
            raise DatasetError(f"{place(ds, change)}: {change.action}: {reason}")
    yield from make.edits(changes)


def why_not(ds: Dataset, labels: LabelFiles) -> Editor:
    """Give what tells, change by change, whether it can be made."""
    return editor(ds, labels)


def place(ds: Dataset, change: Change) -> str:
    """Where a change strikes, for messages."""
    name = ds.images["file_name"][change.image_id].as_py()
    if change.annotation_id is None:
        return str(name)
    origin = ds.annotations["origin"][change.annotation_id].as_py()
    at = origin["pointer"] or origin["line"]
    return f"{origin['file']}:{at}"


def load_text(ds: Dataset, path: str, limit: int) -> TextFile:
    """A label file as text that can be encoded again as it was.

    Raises
    ------
    DatasetError
        If it cannot be read; the message names it.
    """
    try:
        return TextFile.of(read_bytes(ds.root / path, limit))
    except LabelFileError as error:
        raise DatasetError(f"{ds.root / path}: {error.message}") from error
