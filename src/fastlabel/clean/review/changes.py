"""What a reviewer changed: each box of an export against the box it was made of.

A box carries the number of its annotation. Where that is lost, because a tool gave new ids or
never had any, boxes are matched by place: an equal one is the same box, and where no box of the
image has kept its number, the best overlap of at least one half is the same box, moved.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import unquote

import pyarrow as pa

from .records import Record, Region
from .tasks import Book, Found

__all__ = [
    "CHANGES",
    "Box",
    "Change",
    "Comparison",
    "Reviewed",
    "changes_table",
    "compare",
    "overlap",
]

Box = tuple[float, float, float, float]

#: Least overlap of a box that lost its number with the one it is taken for.
SAME_BOX = 0.5

#: What a reviewer can do to a box.
KINDS = ("added", "dropped", "moved", "relabelled", "ignored")

#: One row a box that differs.
CHANGES = pa.schema(
    [
        pa.field("image_id", pa.int64(), nullable=False),
        ("file_name", pa.string()),
        ("annotation_id", pa.int64()),  # null: added
        pa.field("change", pa.string(), nullable=False),  # one of KINDS
        ("category_before", pa.string()),
        ("category_after", pa.string()),
        ("box_before", pa.list_(pa.float64(), 4)),
        ("box_after", pa.list_(pa.float64(), 4)),
        ("iou", pa.float64()),  # of the box before with the box after
    ]
)


@dataclass(slots=True)
class Change:
    """One box, before and after; one that is moved and relabelled is two changes."""

    kind: str
    image_id: int
    annotation_id: int | None
    before: Box | None
    after: Box | None
    label_before: str | None
    label_after: str | None


@dataclass(slots=True)
class Reviewed:
    """An image that came back with an answer."""

    image_id: int
    record: Record
    found: list[Found]
    changes: list[Change]


@dataclass
class Comparison:
    """All that an export says, counted.

    Attributes
    ----------
    reviewed : list of Reviewed
        Images with an answer, those without changes too.
    skipped : list of (str, str, str)
        Kind, image or place, and detail of what was not taken over.
    counts : Counter
        ``images``, ``boxes`` (compared), ``same``, ``clipped``, ``matched by place``.
    """

    reviewed: list[Reviewed] = field(default_factory=list)
    skipped: list[tuple[str, str, str]] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)


def compare(book: Book, records: Iterable[Record], *, take_clipped: bool = False) -> Comparison:
    """Compare what came back with the labels as they are.

    Parameters
    ----------
    book : Book
        The labels.
    records : iterable of Record
        What a tool gave back.
    take_clipped : bool
        Take a box that comes back cut at the image's edge for a correction. By default it
        stays as it is: tools cut without being asked.
    """
    result = Comparison()
    finder = _Images(book)
    answered: set[int] = set()
    for record in records:
        result.counts["images"] += 1
        shown = str(record.name)[:200] if record.name is not None else record.place
        image, why = finder.find(record)
        if image is None:
            result.skipped.append(("unknown image", shown, why))
            continue
        result.skipped += [(kind, shown, detail) for kind, detail in record.skipped]
        if not record.answered:
            continue
        unfit = _unfit(book, image, record)
        if unfit is None and image in answered:
            unfit = ("several answers", "the image came back before; the first one counts")
        if unfit is not None:
            result.skipped.append((unfit[0], shown, unfit[1]))
            continue
        answered.add(image)
        found = _renumbered(book, image, record)
        changes = list(_changes(book, image, record, result, shown, take_clipped))
        record.regions = []
        result.reviewed.append(Reviewed(image, record, found, changes))
    return result


class _Images:
    """Which image of the set a record is about."""

    def __init__(self, book: Book) -> None:
        self._book = book
        self._by_name: dict[str, int | None] = {}
        self._by_end: dict[str, int | None] = {}
        for row, name in enumerate(book.names):
            _once(self._by_name, name, row)
            _once(self._by_end, PurePosixPath(name).name, row)
        for row, name in enumerate(book.ds.images["file_name"].to_pylist()):
            if name is not None and self._by_name.get(name, row) == row:
                self._by_name[name] = row

    def find(self, record: Record) -> tuple[int | None, str]:
        names, image, name = self._book.names, record.image_id, record.name
        if name is None:
            return None, f"{record.place} names no image"
        if image is not None and 0 <= image < len(names) and names[image] == name:
            return image, ""
        found = self._by_name.get(name)
        if found is None and record.sent is None:  # not our own name: perhaps an address
            path = unquote(name.partition("?d=")[2] or name.partition("?")[0])
            end = PurePosixPath(path).name
            found = self._by_name.get(path)
            if found is None:
                found = self._by_end.get(end)
            head, dash, rest = end.partition("-")
            if found is None and dash and len(head) == 8 and set(head) <= set("0123456789abcdef"):
                found = self._by_end.get(rest)  # as Label Studio names uploads
        if found is None:
            several = name in self._by_name or PurePosixPath(name).name in self._by_end
            return None, (
                "several images of the set have this name"
                if several
                else "the set has no such image (was it deleted, or is it another set's?)"
            )
        return found, ""


def _once(table: dict[str, int | None], name: str, row: int) -> None:
    table[name] = None if name in table else row


def _unfit(book: Book, image: int, record: Record) -> tuple[str, str] | None:
    """Why an answer cannot be used on the labels as they are."""
    if record.stamp is not None and record.stamp != book.stamp(image):
        return "other labels", "its labels are no longer those that were sent; export it again"
    size = book.size(image)
    for given in (record.sent_size, record.size):
        if given is not None and size is not None and given != size:
            wide, high = given
            return "other size", f"{wide:g} x {high:g} there, {size[0]} x {size[1]} in the set"
    return None


def _renumbered(book: Book, image: int, record: Record) -> list[Found]:
    """Bring annotation ids of another reading of the set to this one's, in place.

    The labels of the image are the same (the stamp says so), but rows before it may have come
    or gone.
    """
    sent = record.sent
    if sent is None:
        return record.found
    rows = book.rows(image)
    now = rows[book.shown[rows]].tolist()
    if sent == now or len(sent) != len(now):
        return record.found
    new = dict(zip(sent, now, strict=True))
    record.sent = now
    record.held = {new.get(x, -1) for x in record.held}
    for region in record.regions:
        if region.annotation_id is not None:
            region.annotation_id = new.get(region.annotation_id, -1)
    for found in record.found:
        found.annotation_ids = tuple(new[x] for x in found.annotation_ids if x in new)
    return record.found


def _changes(
    book: Book,
    image: int,
    record: Record,
    result: Comparison,
    shown: str,
    take_clipped: bool,
) -> Iterator[Change]:
    rows = book.rows(image)
    rows = rows[book.shown[rows]]
    boxes: dict[int, Box] = dict(
        zip(rows.tolist(), map(tuple, book.boxes[rows].tolist()), strict=True)
    )
    label = {
        row: book.labels[k] for row, k in zip(boxes, book.category[rows].tolist(), strict=True)
    }
    tx, ty = record.rounding
    near = (tx, ty, tx, ty)
    limit = record.size or book.size(image) or (0.0, 0.0)
    taken, added, kept_ids = _by_number(record, boxes, near, result, shown, len(book.image))
    added = _by_place(added, taken, boxes, label, near, result, kept_ids)
    for row, box in boxes.items():
        region = taken.get(row)
        if region is None:
            if row not in record.held:
                yield Change("dropped", image, row, box, None, label[row], None)
            continue
        result.counts["boxes"] += 1
        after, clipped = _moved(box, region.box, near, limit, take_clipped)
        result.counts["clipped"] += clipped
        name, why = _fit(book, region, after, limit, new=after != box)
        result.skipped += [(kind, shown, f"{region.where}: {what}") for kind, what in why]
        if after != box and not any(kind == "no area" for kind, _ in why):
            yield Change("moved", image, row, box, _inside(after, limit), label[row], label[row])
        if name is not None and name != label[row]:
            yield Change("relabelled", image, row, box, after, label[row], name)
        marked = region.ignore and not book.ignored[row]
        if marked:
            yield Change("ignored", image, row, box, after, label[row], name or label[row])
        result.counts["same"] += after == box and name == label[row] and not marked
    for region in added:
        name, why = _fit(book, region, region.box, limit, new=True)
        if region.ignore:
            why.append(("new ignore region", "a plan can mark labels that are there, not new ones"))
        result.skipped += [(kind, shown, f"{region.where}: {what}") for kind, what in why]
        if not why:
            yield Change("added", image, None, None, _inside(region.box, limit), None, name)


def _fit(
    book: Book, region: Region, box: Box, limit: tuple[float, float], *, new: bool
) -> tuple[str | None, list[tuple[str, str]]]:
    """The class of a region, None where the set has none of that name; what cannot be kept."""
    why = []
    name: str | None = region.label if region.label in book.number else region.label.strip()
    if name not in book.number:
        why.append(("new class", f"the set has no class {region.label[:60]!r}; add it there first"))
        name = None
    if new:
        x1, y1, x2, y2 = _inside(box, limit)
        if not (x1 < x2 and y1 < y2):
            why.append(("no area", f"{[round(v, 2) for v in region.box]} has none in the image"))
    return name, why


def _inside(box: Box, limit: tuple[float, float]) -> Box:
    """The part of a box that is in its image; a reviewer who draws past the edge means that."""
    wide, high = limit
    x1, y1, x2, y2 = box
    return (max(x1, 0.0), max(y1, 0.0), min(x2, wide), min(y2, high))


def _by_number(
    record: Record,
    boxes: dict[int, Box],
    near: Box,
    result: Comparison,
    shown: str,
    annotations: int,
) -> tuple[dict[int, Region], list[Region], bool]:
    """Regions by the annotation they name; those that name none; whether any does."""
    taken: dict[int, Region] = {}
    added: list[Region] = []
    kept = bool(record.held)
    for region in record.regions:
        row = region.annotation_id
        if row is None:
            added.append(region)
        elif row not in boxes:
            kept = True
            if 0 <= row < annotations:  # copied from another image, number and all
                added.append(region)
            else:
                why = f"{region.where}: annotation {row} is not in the set"
                result.skipped.append(("unknown id", shown, why))
        elif row not in taken:
            kept = True
            taken[row] = region
        else:  # copied within the image: the one that stayed closest is the old one
            old = taken[row]
            closer = overlap(boxes[row], region.box) > overlap(boxes[row], old.box)
            taken[row], rest = (region, old) if closer else (old, region)
            added.append(rest)
    return taken, added, kept


def _by_place(
    added: list[Region],
    taken: dict[int, Region],
    boxes: dict[int, Box],
    label: dict[int, str],
    near: Box,
    result: Comparison,
    kept_ids: bool,
) -> list[Region]:
    """Match boxes without a number to annotations that nobody named; the rest is new."""
    if not added:
        return added
    free = [row for row in boxes if row not in taken]
    # Equal and of the same class first; then equal and of another, as some tools forget what a
    # box carried when it gets another class.
    for other_class in (False, True):
        rest = []
        for region in added:
            equal = (
                row
                for row in free
                if (other_class or label[row] == region.label)
                and _equal(boxes[row], region.box, near)
            )
            row = next(equal, None)
            if row is None:
                rest.append(region)
            else:
                free.remove(row)
                taken[row] = region
                result.counts["matched by place"] += 1
        added = rest
    if kept_ids or not free:
        return rest
    pairs = sorted(
        (
            (-overlap(boxes[row], region.box), label[row] != region.label, n, row)
            for n, region in enumerate(rest)
            for row in free
        ),
    )
    used: set[int] = set()
    for less, _, n, row in pairs:
        if -less >= SAME_BOX and n not in used and row not in taken:
            used.add(n)
            taken[row] = rest[n]
            result.counts["matched by place"] += 1
    return [region for n, region in enumerate(rest) if n not in used]


def _equal(a: Box, b: Box, near: Box) -> bool:
    return all(abs(x - y) <= t for x, y, t in zip(a, b, near, strict=True))


def _moved(
    old: Box, new: Box, near: Box, limit: tuple[float, float], take_clipped: bool
) -> tuple[Box, bool]:
    """The box after the review, sides that did not move exact; whether the tool cut it."""
    wide, high = limit
    sides: list[float] = []
    clipped = False
    for was, now, near_enough, most in zip(old, new, near, (wide, high, wide, high), strict=True):
        if abs(was - now) <= near_enough:
            sides.append(was)
        elif not take_clipped and _cut(was, now, near_enough, most):
            sides.append(was)
            clipped = True
        else:
            sides.append(now)
    return (sides[0], sides[1], sides[2], sides[3]), clipped


def _cut(was: float, now: float, near: float, most: float) -> bool:
    return (was < 0 and abs(now) <= near) or (was > most and abs(now - most) <= near)


def overlap(a: Box, b: Box) -> float:
    """Intersection over union of two boxes; 0 where neither has an area."""
    wide = min(a[2], b[2]) - max(a[0], b[0])
    high = min(a[3], b[3]) - max(a[1], b[1])
    if wide <= 0 or high <= 0:
        return 0.0
    common = wide * high
    return common / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - common)


def changes_table(book: Book, changes: Iterable[Change]) -> pa.Table:
    """Changes as a table, see :data:`CHANGES`."""
    names: list[Any] = book.ds.images["file_name"].to_pylist()
    rows = [
        {
            "image_id": c.image_id,
            "file_name": names[c.image_id],
            "annotation_id": c.annotation_id,
            "change": c.kind,
            "category_before": c.label_before,
            "category_after": c.label_after,
            "box_before": c.before,
            "box_after": c.after,
            "iou": None if c.before is None or c.after is None else overlap(c.before, c.after),
        }
        for c in changes
    ]
    return pa.Table.from_pylist(rows, schema=CHANGES)
