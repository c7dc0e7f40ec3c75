"""What a review says of the findings: whether they were right.

A finding is right where the reviewer changed what it named: as it proposed (*confirmed*) or
otherwise (*other*). Where nothing of it was changed in an image that was looked at, it was a
false alarm (*rejected*). Findings that name neither a box nor a place say nothing here, unless
the reviewer gave a verdict in so many words.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from .changes import SAME_BOX, Box, Change, Reviewed, overlap
from .tasks import Book, Found

__all__ = ["ROUND", "agreement", "verdicts"]

#: One row a finding that was judged; the file of a round.
ROUND = pa.schema(
    [
        pa.field("code", pa.string(), nullable=False),
        pa.field("finding", pa.int64(), nullable=False),  # row of the findings table
        pa.field("image_id", pa.int64(), nullable=False),
        ("file_name", pa.string()),
        ("annotation_id", pa.int64()),
        ("action", pa.string()),  # what the finding proposed
        ("score", pa.float64()),
        ("raw_score", pa.float64()),  # the rule's own, where the score is a fitted one
        pa.field("verdict", pa.string(), nullable=False),  # confirmed, other, rejected
        # said: of this finding; checked: the image is marked as looked at; changed: nothing
        # is marked, but something in the image was changed
        pa.field("basis", pa.string(), nullable=False),
    ]
)


def verdicts(book: Book, reviewed: Iterable[Reviewed], *, all_looked_at: bool = False) -> pa.Table:
    """Judge each finding of the images that came back.

    Parameters
    ----------
    book : Book
        The labels.
    reviewed : iterable of Reviewed
        What :func:`compare` made of the export.
    all_looked_at : bool
        Take every image with an answer for looked at. By default only those which are marked
        as checked, or in which something was changed: an image without changes may be one
        that nobody opened.

    Returns
    -------
    pyarrow.Table
        As :data:`ROUND`.
    """
    names: list[Any] = book.ds.images["file_name"].to_pylist()
    rows = []
    for image in reviewed:
        record = image.record
        basis = "checked" if record.checked or all_looked_at else None
        if basis is None and image.changes:
            basis = "changed"
        for found in image.found:
            said = record.verdicts.get(found.finding)
            verdict = _judge(found, image.changes)
            if said is not None:
                right = verdict if verdict in ("confirmed", "other") else "confirmed"
                verdict = right if said else "rejected"
            elif basis is None or verdict is None:
                continue
            rows.append(
                {
                    "code": found.code,
                    "finding": found.finding,
                    "image_id": image.image_id,
                    "file_name": names[image.image_id],
                    "annotation_id": found.annotation_ids[0] if found.annotation_ids else None,
                    "action": found.action,
                    "score": found.score,
                    "raw_score": found.raw_score,
                    "verdict": verdict,
                    "basis": basis if said is None else "said",
                }
            )
    return pa.Table.from_pylist(rows, schema=ROUND)


def _judge(found: Found, changes: list[Change]) -> str | None:
    """What the changes of its image say of a finding; None: nothing."""
    if found.action == "add_box" or not found.annotation_ids:
        return None if found.box is None else _at_place(found, found.box, changes)
    # The other boxes that a finding names are its grounds; only where one of several is to go,
    # each of them may be the one.
    ids = found.annotation_ids if found.action in (None, "drop_box") else found.annotation_ids[:1]
    mine = [c for c in changes if c.annotation_id in ids]
    if not mine:
        return "rejected"
    return "confirmed" if any(_as_proposed(found, c) for c in mine) else "other"


def _at_place(found: Found, box: Box, changes: list[Change]) -> str:
    verdict = "rejected"
    for change in changes:
        if change.after is None or overlap(change.after, box) < SAME_BOX:
            continue
        if change.before is not None and overlap(change.before, box) >= SAME_BOX:
            continue  # it was there before
        if found.label is None or change.label_after == found.label:
            return "confirmed"
        verdict = "other"
    return verdict


def _as_proposed(found: Found, change: Change) -> bool:
    if found.action is None:
        return True
    if found.action in ("drop_box", "mark_ignore"):
        return change.kind == ("dropped" if found.action == "drop_box" else "ignored")
    if found.action == "relabel":
        return change.kind == "relabelled" and change.label_after == found.label
    if found.action == "replace_box" and found.box is not None and change.kind == "moved":
        assert change.before is not None
        assert change.after is not None
        return overlap(change.after, found.box) > overlap(change.before, found.box)
    return False


def agreement(table: pa.Table) -> list[dict[str, Any]]:
    """Precision in the field of each rule, with its 95 % interval (Wilson, 1927).

    Parameters
    ----------
    table : pyarrow.Table
        As :data:`ROUND`.

    Returns
    -------
    list of dict
        ``code``, ``judged``, ``confirmed``, ``other``, ``rejected``, ``precision``, ``low``,
        ``high`` and ``expected``: the mean of the findings' own scores, null where none has one.
    """
    rows = []
    for code in sorted(pc.unique(table["code"]).to_pylist()):
        mine = table.filter(pc.equal(table["code"], code))
        said: list[str] = mine["verdict"].to_pylist()
        n = len(said)
        right = n - said.count("rejected")
        low, high = wilson(right, n)
        rows.append(
            {
                "code": code,
                "judged": n,
                "confirmed": said.count("confirmed"),
                "other": said.count("other"),
                "rejected": said.count("rejected"),
                "precision": right / n,
                "low": low,
                "high": high,
                "expected": pc.mean(mine["score"]).as_py(),
            }
        )
    return rows


def wilson(right: int, n: int) -> tuple[float, float]:
    """The 95 % interval of a share by Wilson's score method."""
    z = 1.959963984540054
    middle = (right + z * z / 2) / (n + z * z)
    half = z / (n + z * z) * math.sqrt(right * (n - right) / n + z * z / 4)
    return max(0.0, middle - half), min(1.0, middle + half)
