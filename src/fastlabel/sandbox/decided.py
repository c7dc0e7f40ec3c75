"""Decisions as labels: what the boxes of an image are after them, and the plan of it all."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from ..clean.plan import ABOUT_IMAGES, Plan
from ..clean.review.changes import Change, Reviewed, changes_table
from ..clean.review.records import Record
from ..clean.review.rounds import ReviewRound, planned
from ..clean.review.tasks import Book, found_by_image
from ..clean.review.verdicts import verdicts
from ..dataset import Dataset, DatasetError
from .guard import ApiError
from .journal import Event

__all__ = ["as_edits", "boxes_after", "checked_edits", "round_of"]

#: Most boxes that one decision may change.
MOST_EDITS = 2000
#: Pixels by which a box that a person draws may pass the edge; it is cut there.
EDGE = 1.0
#: Least side of a box that is drawn, in pixels.
LEAST = 1.0


def as_edits(rows: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Actions of a plan as edits of a decision."""
    edits: list[dict[str, Any]] = []
    for row in rows:
        if row["action"] in ABOUT_IMAGES:
            edits.append({"image": int(row["image_id"]), "action": row["action"]})
        elif row["action"] == "add_box":
            edits.append({"box": list(row["box"]), "category": int(row["category_id"])})
        else:
            edit: dict[str, Any] = {"key": f"a{row['annotation_id']}"}
            if row["action"] == "relabel":
                edit["category"] = int(row["category_id"])
            elif row["action"] == "replace_box":
                edit["box"] = list(row["box"])
            else:
                edit["dropped" if row["action"] == "drop_box" else "ignore"] = True
            edits.append(edit)
    return edits


def checked_edits(
    given: Any, known: Iterable[str], size: tuple[int, int] | None, categories: int
) -> list[dict[str, Any]]:
    """Edits of boxes that a page sent, or an ApiError that names the first bad one.

    Parameters
    ----------
    given : list of dict
        ``key`` of a box that is there (none: a new one), and what it is to be: ``box``,
        ``category``, ``ignore``, ``dropped``.
    known : iterable of str
        Keys of the image's boxes.
    size : tuple of int or None
        The image's width and height.
    categories : int
        How many classes there are.
    """
    if not isinstance(given, list) or len(given) > MOST_EDITS:
        raise ApiError(400, "edits", f"edits: expected a list of at most {MOST_EDITS:,}")
    keys = set(known)
    return [_edit(edit, keys, size, categories) for edit in given]


def _edit(given: Any, keys: set[str], size: tuple[int, int] | None, most: int) -> dict[str, Any]:
    if not isinstance(given, dict):
        raise ApiError(400, "edits", "an edit is an object")
    edit: dict[str, Any] = {}
    key = given.get("key")
    if key is not None:
        if key not in keys:
            raise ApiError(409, "edits", "the box is no longer there; look at the card again")
        edit["key"] = key
    if given.get("box") is not None:
        edit["box"] = _box(given["box"], size)
    if given.get("category") is not None:
        category = given["category"]
        if isinstance(category, bool) or not isinstance(category, int) or not 0 <= category < most:
            raise ApiError(400, "category", "there is no such class")
        edit["category"] = category
    for name in ("ignore", "dropped"):
        if given.get(name) is not None:
            if not isinstance(given[name], bool):
                raise ApiError(400, name, f"{name}: expected true or false")
            edit[name] = given[name]
    if key is None and not ("box" in edit and "category" in edit):
        raise ApiError(400, "edits", "a new box needs a place and a class")
    return edit


def _box(given: Any, size: tuple[int, int] | None) -> list[float]:
    good = isinstance(given, list) and len(given) == 4
    if not good or not all(
        isinstance(v, int | float) and not isinstance(v, bool) and math.isfinite(v) for v in given
    ):
        raise ApiError(400, "box", "a box is four numbers: x1, y1, x2, y2")
    if size is None:
        raise ApiError(409, "box", "the size of this picture is not known: nothing can be drawn")
    x1, y1, x2, y2 = (round(float(v), 3) for v in given)
    wide, high = size
    if min(x1, y1) < -EDGE or x2 > wide + EDGE or y2 > high + EDGE:
        raise ApiError(400, "box", "the box leaves the picture")
    box = [max(x1, 0.0), max(y1, 0.0), min(x2, float(wide)), min(y2, float(high))]
    if box[2] - box[0] < LEAST or box[3] - box[1] < LEAST:
        raise ApiError(400, "box", "the box is under a pixel wide or high")
    return box


def boxes_after(book: Book, image: int, events: Iterable[Event]) -> dict[str, dict[str, Any]]:
    """The boxes of an image with all that was decided about them.

    Returns
    -------
    dict
        By key, ``a`` and the annotation's row or ``n`` and where it was added: ``box``,
        ``category`` (-1 unknown), ``ignore``, ``dropped``.
    """
    rows = book.rows(image)
    boxes = {
        f"a{row}": {"box": box, "category": category, "ignore": ignore, "dropped": False}
        for row, box, category, ignore in zip(
            rows.tolist(),
            book.boxes[rows].tolist(),
            book.category[rows].tolist(),
            book.ignored[rows].tolist(),
            strict=True,
        )
    }
    for event in events:
        for at, edit in enumerate(event.edits):
            if "image" in edit:
                continue
            new = {k: v for k, v in edit.items() if k != "key"}
            if "key" not in edit:
                boxes[f"n{event.number}.{at}"] = {"ignore": False, "dropped": False, **new}
            elif edit["key"] in boxes:  # not of one that was taken back
                boxes[edit["key"]] = {**boxes[edit["key"]], **new}
    return boxes


def round_of(
    book: Book, findings: pa.Table, events: Sequence[Event], *, file: str | None = None
) -> ReviewRound:
    """What all decisions come to: the plan, and the verdicts that `calibrate` reads.

    Parameters
    ----------
    book : Book
        The labels.
    findings : pyarrow.Table
        What was decided about.
    events : sequence of Event
        The decisions that stand, in their order.
    file : str, optional
        As for :meth:`Plan.from_actions`.
    """
    ds = book.ds
    said = {e.finding: e.verb == "accept" for e in events if e.verb in ("accept", "dismiss")}
    by_image: dict[int, list[Event]] = defaultdict(list)
    aside: dict[int, dict[str, Any]] = {}
    for event in events:
        by_image[event.image].append(event)
        for edit in event.edits:
            if "image" in edit:
                code = findings["code"][event.finding].as_py()
                reason = findings["message"][event.finding].as_py() or ""
                row = aside.setdefault(
                    edit["image"],
                    {"action": edit["action"], "image_id": edit["image"], "codes": []},
                )
                row["reason"] = f"a reviewer agreed: {reason}"
                if code not in row["codes"]:
                    row["codes"].append(code)
    rows = np.array(sorted(said), np.int64)
    found = found_by_image(findings.take(pa.array(rows)), book)
    reviewed, lost = [], 0
    for image in sorted(by_image):
        mine = found(image)
        for one in mine:
            one.finding = int(rows[one.finding])
        changes = list(_changes(book, image, by_image[image]))
        told = {f.finding: said[f.finding] for f in mine}
        record = Record(book.names[image], image_id=image, answered=True, verdicts=told)
        reviewed.append(Reviewed(image, record, mine, changes))
        lost += len(changes) if image in aside else 0
    judged = verdicts(book, reviewed)
    changes = [c for r in reviewed for c in r.changes if r.image_id not in aside]
    notes = [f"{lost:,} changes of boxes in pictures that go aside"] if lost else []
    plan = _plan(ds, book, changes, judged, list(aside.values()), file, notes)
    counts = {
        "images": len(by_image),
        "answered": len(by_image),
        "checked": 0,
        "boxes": sum(len(book.rows(i)) for i in by_image),
        "same": 0,
        "clipped": 0,
        "matched by place": 0,
    }
    text = pa.array([], pa.string())
    skipped = pa.table({"kind": text, "image": text, "detail": text})
    return ReviewRound(plan, changes_table(book, changes), judged, skipped, counts)


def _plan(
    ds: Dataset,
    book: Book,
    changes: list[Change],
    judged: pa.Table,
    aside: list[dict[str, Any]],
    file: str | None,
    notes: list[str],
) -> Plan:
    rows = [*planned(book, changes, judged), *aside]
    if not rows and ds.format == "images":
        raise DatasetError(f"{ds.root}: has no labels, so there is nothing to plan on")
    return Plan.from_actions(ds, rows, file=file, notes=notes)


def _changes(book: Book, image: int, events: Sequence[Event]) -> Iterable[Change]:
    for key, box in boxes_after(book, image, events).items():
        after = tuple(box["box"])
        label = book.labels[box["category"]] if box["category"] >= 0 else None
        if key[0] == "n":
            if not box["dropped"]:
                yield Change("added", image, None, None, after, None, label)
            continue
        row = int(key[1:])
        before = tuple(book.boxes[row].tolist())
        old = book.labels[book.category[row]] if book.category[row] >= 0 else None
        if box["dropped"]:
            yield Change("dropped", image, row, before, None, old, None)
            continue
        if label != old:
            yield Change("relabelled", image, row, before, after, old, label)
        if after != before and not all(map(math.isnan, after)):
            yield Change("moved", image, row, before, after, label, label)
        if box["ignore"] and not book.ignored[row]:
            yield Change("ignored", image, row, before, after, label, label)
