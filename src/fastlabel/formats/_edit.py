"""Changes of single labels in the files they stand in; every other byte stays as it is.

Writing a data set anew would lose what no table holds: the order of keys, comments, numbers
as they were typed, what another tool keeps beside. So the text itself is edited, at the
place that a row's ``origin`` names.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

from ..dataset import Dataset, DatasetError
from ._change import Change, Edited, place
from ._label_files import LabelFiles

__all__ = ["Editor", "editor", "edits"]


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
