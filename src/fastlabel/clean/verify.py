"""What was written, read back and compared with what the plan says."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from ..dataset import Dataset, DatasetError
from ..formats import Change

__all__ = ["convention_note", "verify"]

#: Columns of a box that must be what they were.
_KEPT = ("x1", "y1", "x2", "y2", "crowd", "ignore", "occlusion", "truncation", "score", "weight")

#: Pixels by which a corner may differ that was written anew, and share of a weight.
_NEAR = 1e-6

Key = tuple[str | None, str | None]


def verify(before: Dataset, after: Dataset, changes: Sequence[Change]) -> None:
    """Raise a DatasetError where a tree does not read back as its plan says.

    Images that no change is about are compared column by column, the others box by box.
    """
    touched = {change.image_id for change in changes}
    gone = {change.image_id for change in changes if change.action == "drop_image"}
    old, new = _keys(before), _keys(after)
    wanted = _labelled(before, old, gone)
    for change in changes:
        if change.action == "add_box":  # its image may have had no label file
            wanted[old[change.image_id]] = max(1, wanted[old[change.image_id]])
    _compare_images(wanted, _labelled(after, new, set()))
    # Other splits may read the same label file.
    paths = {old[at][1] for at in touched}
    names = {key for key in old if key[1] in paths}
    _compare_rest(before, after, old, new, names)
    _compare_touched(before, after, old, new, names, changes)


def convention_note(before: Dataset, after: Dataset) -> str | None:
    """What to say where the boxes that are left would be taken to count from another pixel.

    A VOC set that does not say what it counts from is read by its evidence: a coordinate of
    0 rules out that it counts from 1. A plan may take the last such box away.
    """
    if before.format != "voc" or before.meta.get("evidence") == "declared in the files":
        return None
    from_one = bool(before.meta.get("inclusive"))
    numbers = after.boxes() + np.array([1, 1, 0, 0]) * from_one
    numbers = numbers[np.any(numbers != 0, axis=1)]
    if from_one == (not (numbers == 0).any()):
        return None
    return (
        f"the boxes count pixels from {int(from_one)}, which the numbers that are left do not "
        f"show: read the tree with voc_base={int(from_one)}"
    )


def _labelled(ds: Dataset, keys: list[Key], gone: set[int]) -> Counter[Key]:
    """Images that a label file speaks of; which others are seen beside them may change."""
    states = ds.images["label_state"].to_pylist()
    known = ("labelled", "labelled_empty")
    return Counter(
        key
        for at, (key, state) in enumerate(zip(keys, states, strict=True))
        if state in known and at not in gone
    )


def _compare_images(want: Counter[Key], have: Counter[Key]) -> None:
    lost, new = want - have, have - want
    if lost:
        raise _chosen_anew(f"{next(iter(lost))[1]}: would not be read any more")
    if new:
        raise _chosen_anew(f"{next(iter(new))[1]}: would be read, and was not before")


def _differs(what: str) -> DatasetError:
    return DatasetError(
        f"{what}; everything was put back. Please report this: the labels have a form that is "
        "not edited rightly"
    )


def _chosen_anew(what: str) -> DatasetError:
    return DatasetError(
        f"{what}: once pictures are gone, the label files below the folder are chosen "
        "otherwise; everything was put back: plan on the label file, or on the folder of one data "
        "set alone"
    )


def _keys(ds: Dataset) -> list[Key]:
    paths = ds.images["path"].to_pylist()
    names = ds.images["file_name"].to_pylist()
    splits = ds.images["split"].to_pylist()
    return [
        (split, name if path is None else path)
        for path, name, split in zip(paths, names, splits, strict=True)
    ]


def _compare_rest(
    before: Dataset, after: Dataset, old: list[Key], new: list[Key], names: set[Key]
) -> None:
    rank = {key: at for at, key in enumerate(sorted(set(old), key=str)) if key not in names}
    first, second = _sorted_rows(before, old, rank), _sorted_rows(after, new, rank)
    if not first.equals(second):
        raise _differs("labels that are not in the plan read back otherwise than before")


def _sorted_rows(ds: Dataset, keys: list[Key], rank: dict[Key, int]) -> pa.Table:
    of_image = np.array([rank.get(key, -1) for key in keys], np.int64)
    ranks = of_image[ds.column("annotations", "image_id")]
    order = np.argsort(ranks, kind="stable")
    order = order[ranks[order] >= 0]
    rows = ds.annotations.take(pa.array(order))
    classes = ds.categories["name"].take(rows["category_id"])
    columns = {name: rows[name].combine_chunks() for name in _KEPT}
    # NaN differs from itself.
    for side in ("x1", "y1", "x2", "y2"):
        columns[side] = columns[side].fill_null(np.nan).cast(pa.float64()).view(pa.int64())
    return pa.table({**columns, "class": classes.combine_chunks(), "image": pa.array(ranks[order])})


def _boxes(ds: Dataset, keys: list[Key], names: set[Key]) -> dict[Key, list[dict[str, Any]]]:
    wanted = np.array([key in names for key in keys], np.bool_)
    rows = np.flatnonzero(wanted[ds.column("annotations", "image_id")])
    table = ds.annotations.select(["annotation_id", "image_id", "category_id", *_KEPT])
    classes = ds.categories["name"].to_pylist()
    found: dict[Key, list[dict[str, Any]]] = defaultdict(list)
    for row in table.take(pa.array(rows)).to_pylist():
        category = row.pop("category_id")
        row["class"] = None if category is None else classes[category]
        found[keys[row.pop("image_id")]].append(row)
    return found


def _compare_touched(
    before: Dataset,
    after: Dataset,
    old: list[Key],
    new: list[Key],
    names: set[Key],
    changes: Sequence[Change],
) -> None:
    expected = _boxes(before, old, names)
    classes = before.categories["name"].to_pylist()
    by_row: dict[int, list[Change]] = defaultdict(list)
    added: dict[Key, list[dict[str, Any]]] = defaultdict(list)
    gone = set()
    for change in changes:
        if change.annotation_id is not None:
            by_row[change.annotation_id].append(change)
        elif change.action == "drop_image":
            gone.add(old[change.image_id])
        else:
            row = _changed({}, change, classes) or {}
            own = old[change.image_id]
            for key in {own} if before.format == "coco" else {k for k in names if k[1] == own[1]}:
                added[key].append(row)
    origins = _twins(before, by_row)
    found = _boxes(after, new, names)
    for key in names - gone:
        want = list(added[key])
        for row in expected[key]:
            edited: dict[str, Any] | None = row
            for change in origins.get(row["annotation_id"], ()):
                edited = None if edited is None else _changed(edited, change, classes)
            if edited is not None:
                want.append(edited)
        _match(key, want, found[key])


def _twins(ds: Dataset, by_row: dict[int, list[Change]]) -> dict[int, list[Change]]:
    """Changes by annotation, also of rows that other splits read from the same place."""
    splits = ds.images["split"].drop_null().unique()
    if len(splits) < 2 or not by_row:
        return by_row
    paths = ds.images["path"].to_pylist()
    images = ds.column("annotations", "image_id")
    several = {p for p, n in Counter(paths).items() if n > 1}
    shared = {paths[images[row]] for row in by_row} & several
    if not shared:
        return by_row
    groups: dict[Any, list[int]] = defaultdict(list)
    seen: Counter[Any] = Counter()
    is_shared = np.array([path in shared for path in paths], np.bool_)
    for row in np.flatnonzero(is_shared[images]).tolist():
        image = int(images[row])
        origin = ds.annotations["origin"][row].as_py()
        place = (origin["file"], origin["line"], origin["pointer"], origin["raw"])
        seen[image, place] += 1
        groups[(*place, paths[image], seen[image, place])].append(row)
    result = dict(by_row)
    for rows in groups.values():
        known = [change for row in rows for change in by_row.get(row, ())]
        for row in rows:
            if known:
                result[row] = known
    return result


def _changed(row: dict[str, Any], change: Change, classes: list[str]) -> dict[str, Any] | None:
    if change.action == "drop_box":
        return None
    row = {**dict.fromkeys(_KEPT), **row}
    if change.action in ("relabel", "add_box"):
        row["class"] = classes[change.category_id or 0]
    if change.box is not None:
        row |= dict(zip(("x1", "y1", "x2", "y2"), change.box, strict=True))
    if change.action == "mark_ignore":
        row["ignore"] = True
    if change.action == "set_weight":
        row["weight"] = change.weight
    return row


def _match(key: Key, want: list[dict[str, Any]], have: list[dict[str, Any]]) -> None:
    # Most are as they were: these cancel out, and only the others are compared pair by pair.
    same = Counter(map(_exact, want)) & Counter(map(_exact, have))
    want, left = _without(want, same.copy()), _without(have, same)
    for row in want:
        at = next((i for i, other in enumerate(left) if _same(row, other)), None)
        if at is None:
            raise _differs(f"{key[1]}: a box of the plan does not read back")
        left.pop(at)
    if left:
        raise _differs(f"{key[1]}: reads back with {len(left)} boxes too many")


def _exact(row: dict[str, Any]) -> tuple[Any, ...]:
    flags = (bool(row["ignore"]), bool(row["crowd"]))
    return row["class"], *(row[name] for name in ("x1", "y1", "x2", "y2", "weight")), *flags


def _without(rows: list[dict[str, Any]], out: Counter[Any]) -> list[dict[str, Any]]:
    left = []
    for row in rows:
        key = _exact(row)
        if out[key] > 0:
            out[key] -= 1
        else:
            left.append(row)
    return left


def _same(a: dict[str, Any], b: dict[str, Any]) -> bool:
    if a["class"] != b["class"] or bool(a["ignore"]) != bool(b["ignore"]):
        return False
    if bool(a["crowd"]) != bool(b["crowd"]):
        return False
    for name in ("x1", "y1", "x2", "y2", "weight"):
        x, y = a[name], b[name]
        if (x is None) != (y is None):
            return False
        if x is not None and not (abs(x - y) <= _NEAR or (x != x and y != y) or x == y):
            return False
    return True
