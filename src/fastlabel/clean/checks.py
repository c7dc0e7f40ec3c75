"""Whether a plan can be carried out on a data set, told before anything is touched."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from .. import schema
from ..dataset import Dataset, DatasetError
from .places import Places

__all__ = ["check_hashes", "check_rows"]

#: What a row says that the data set says too: when they differ, one of them was changed.
_AGREE = ("image_id", "file_name", "label_file", "origin", "before", "after", "safe")


def check_rows(ds: Dataset, table: pa.Table, places: Places | None = None) -> None:
    """Raise a DatasetError that names the first row that cannot be carried out.

    A row is compared with what the data set itself says of its annotation or image, so that
    an edited row can name neither another file nor a box that is not there.
    """
    places = places or Places(ds)
    rows = table.to_pylist()
    given = []
    for at, row in enumerate(rows):
        try:
            given.append(row | _members(row["after"], "after"))
        except DatasetError as error:
            raise _of_row(at, row, error) from None
    places.load(given)
    for at, (row, wanted) in enumerate(zip(rows, given, strict=True)):
        try:
            _compare(row, places.row(row["action_id"], wanted))
        except DatasetError as error:
            raise _of_row(at, row, error) from None
    _check_together(rows)


def check_hashes(ds: Dataset, table: pa.Table, places: Places | None = None) -> None:
    """Raise a DatasetError that names the first file that is not what the plan was made for."""
    places = places or Places(ds)
    for at, row in enumerate(table.to_pylist()):
        path = _path_of(ds, row["image_id"])
        for name, where, wanted in (
            ("label file", row["label_file"], row["label_hash"]),
            ("picture", path, row["image_hash"]),
        ):
            if where is not None and _leads_out(where):
                raise _of_row(at, row, f"{where!r} leads outside the data set")
            if where is not None and places.hash_of(where) != wanted:
                raise DatasetError(
                    f"{ds.root / where}: the {name} is not the one that the plan was made for "
                    f"(row {at}); make the plan again with `fastlabel clean`"
                )


def _path_of(ds: Dataset, image_id: Any) -> str | None:
    if not isinstance(image_id, int) or not 0 <= image_id < len(ds):
        return None
    path: str | None = ds.images["path"][image_id].as_py()
    return path


def _leads_out(path: str) -> bool:
    from ..formats._paths import is_foreign

    return is_foreign(path) or ".." in path.replace("\\", "/").split("/")


def _members(text: str | None, name: str) -> dict[str, Any]:
    if text is None:
        return {}
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise DatasetError(f"{name} is {text[:80]!r}, expected a JSON object")
    return value


def _compare(row: Mapping[str, Any], expected: Mapping[str, Any]) -> None:
    for name in _AGREE:
        have, want = row[name], expected[name]
        if name in ("before", "after"):
            have, want = _members(have, name), _members(want, name)
        if have == want:
            continue
        if name == "safe":
            raise DatasetError(
                f"safe is {have}, but {row['action']} {'loses nothing' if want else 'is not safe'}"
            )
        raise DatasetError(
            f"{name} is {have!r}, but the data says {want!r}; the row was edited or the data "
            "changed: make the plan again"
        )


def _check_together(rows: list[dict[str, Any]]) -> None:
    """No two rows may want the same thing differently."""
    wanted: dict[int, dict[str, int]] = {}
    gone: dict[int, int] = {}
    for at, row in enumerate(rows):
        if row["annotation_id"] is None:
            if row["action"] != "add_box":
                first = gone.setdefault(row["image_id"], at)
                if first != at:
                    raise _of_row(at, row, f"row {first} already takes the image away")
            continue
        known = wanted.setdefault(row["annotation_id"], {})
        for action, first in known.items():
            if action == row["action"] or "drop_box" in (action, row["action"]):
                raise _of_row(
                    at,
                    row,
                    f"annotation {row['annotation_id']} has the action {action} in row {first} "
                    "too; keep one of them",
                )
        known[row["action"]] = at
    for at, row in enumerate(rows):
        first = gone.get(row["image_id"], at)
        if first != at:
            raise _of_row(at, row, f"row {first} takes the image away; keep one of them")
    ids: set[int] = set()
    for at, row in enumerate(rows):
        if row["action_id"] in ids:
            raise _of_row(at, row, "its action_id is given twice")
        ids.add(row["action_id"])


def _of_row(at: int, row: Mapping[str, Any], what: object) -> DatasetError:
    action = row["action"] if row["action"] in schema.ACTIONS else "?"
    return DatasetError(f"plan row {at} ({action}, {row['file_name']!r}): {what}")
