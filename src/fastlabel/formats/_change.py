"""One change of a label, and what it does to a file: shared by the editors of all formats."""

from __future__ import annotations

from dataclasses import dataclass

from ..dataset import Dataset, DatasetError
from ._text import LabelFileError, TextFile, read_bytes

__all__ = ["CHANGES", "Change", "Edited", "load_text", "place"]

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
