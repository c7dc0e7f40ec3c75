"""The way back from :func:`fastlabel.apply`, to the last byte."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from ..dataset import DatasetError
from .journal import FOLDER, changed_since, clear, journals, locked, roll_back

__all__ = ["Undone", "undo"]

#: Changed files that a refusal names.
SHOWN = 5


@dataclass(frozen=True)
class Undone:
    """What :func:`undo` did.

    Attributes
    ----------
    folder : pathlib.Path
        The tree.
    files : int
        Files that were replaced, made, removed or moved, and are as before again; 0 where a
        change had not begun or was taken back already, and only its remains were cleared.
    left : int
        Earlier changes that can be taken back still.
    """

    folder: Path
    files: int
    left: int


def undo(folder: str | os.PathLike[str], *, force: bool = False) -> Undone:
    """Take the last plan back that was applied to a tree.

    Every file gets the bytes, and its place, from before; also where ``apply`` or ``undo``
    itself was interrupted or killed. Of a new tree that is the state of its source.

    Parameters
    ----------
    folder : path-like
        What ``apply`` made or changed.
    force : bool
        Also overwrite files that were edited since.

    Returns
    -------
    Undone

    Raises
    ------
    DatasetError
        If there is nothing to take back, or files were edited since; nothing is changed
        then, and the message names them.

    Examples
    --------
    >>> import json, tempfile
    >>> from pathlib import Path
    >>> import fastlabel as fl
    >>> labels = {
    ...     "images": [{"id": 7, "file_name": "a.jpg", "width": 640, "height": 480}],
    ...     "annotations": [{"id": 1, "image_id": 7, "category_id": 3, "bbox": [10, 20, 30, 40]}],
    ...     "categories": [{"id": 3, "name": "raccoon"}],
    ... }
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder, "labels.json")
    ...     _ = file.write_text(json.dumps(labels))
    ...     actions = [{"action": "mark_ignore", "annotation_id": 0}]
    ...     _ = fl.apply(fl.Plan.from_actions(fl.read(folder), actions), in_place=True)
    ...     changed = file.read_text() != json.dumps(labels)
    ...     changed, fl.undo(folder).files, file.read_text() == json.dumps(labels)
    (True, 1, True)
    """
    root = Path(folder)
    if not root.is_dir():
        raise DatasetError(f"{root}: no such folder{_remains(root)}; there is nothing to undo")
    if not (root / FOLDER).is_dir():
        raise DatasetError(f"{root}: no plan was applied to it; there is nothing to undo")
    with locked(root) as place:
        cleared = clear(place)
        names = journals(root)
        if cleared or not names:
            # What was interrupted comes first: it had not begun, or was taken back already.
            return Undone(root, 0, len(names))
        changed = [] if force else changed_since(root, place, names[-1])
        if changed:
            named = ", ".join(changed[:SHOWN])
            more = len(changed) - SHOWN
            raise DatasetError(
                f"{root}: edited since the plan was applied: {named}"
                f"{f' and {more:,} more' if more > 0 else ''}; nothing was undone: keep your "
                "edits elsewhere, or lose them with --force"
            )
        files = roll_back(root, place, names[-1])
    return Undone(root, files, len(names) - 1)


def _remains(root: Path) -> str:
    """What an apply that was killed has left beside the tree that it never made."""
    if not root.parent.is_dir():
        return ""
    found = sorted(p.name for p in root.parent.glob(f".{root.name}.*.part"))
    if not found:
        return ""
    return f" (an apply was killed before it was made; {', '.join(found)} beside it can go)"
