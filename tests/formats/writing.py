"""Help for the tests of the writers: a set copied into a new format and read again."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa

import fastlabel as fl
from fastlabel.formats import layout, write

CARRIED = ("ignore", "weight", "occlusion", "truncation", "difficult", "score")


def placed(dataset: Any, format: str) -> Any:
    """The data set with its pictures' places in a new set."""
    at = dataset.images.schema.get_field_index("path")
    places = pa.array(layout(dataset.images, format), pa.string())
    return replace(dataset, images=dataset.images.set_column(at, "path", places))


def copy_into(dataset: Any, folder: Path, format: str, **options: Any) -> tuple[Any, Any]:
    """Pictures and labels written to ``folder``: what was given to the writer, its report."""
    new = placed(dataset, format)
    for old, place in zip(
        dataset.images["path"].to_pylist(), new.images["path"].to_pylist(), strict=True
    ):
        source = dataset.root / old if old is not None else None
        if source is not None and source.is_file():
            (folder / place).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, folder / place)
    folder.mkdir(parents=True, exist_ok=True)
    return new, write(new, folder, format, **options)


def there_and_back(dataset: Any, folder: Path, format: str, **options: Any) -> tuple[Any, ...]:
    """The set as written, as read again, and the report."""
    new, report = copy_into(dataset, folder, format, **options)
    return new, fl.read(folder, format=format), report


def content(dataset: Any, columns: tuple[str, ...] = ()) -> dict[Any, Any]:
    """(split, path) -> sorted boxes with class names and whatever columns.

    ``difficult`` counts as false where it is unknown: VOC cannot leave it open.
    """
    names = [*dataset.categories["name"].to_pylist(), None]
    rows: dict[int, list[Any]] = {}
    wanted = ("image_id", "category_id", "x1", "y1", "x2", "y2", *columns)
    for row in zip(*(dataset.annotations[c].to_pylist() for c in wanted), strict=True):
        image, category, *rest = row
        rest = [
            False if v is None and c == "difficult" else v
            for v, c in zip(rest, wanted[2:], strict=True)
        ]
        rows.setdefault(image, []).append((names[-1 if category is None else category], *rest))
    images = dataset.images
    found = {}
    for image, (split, path) in enumerate(
        zip(images["split"].to_pylist(), images["path"].to_pylist(), strict=True)
    ):
        found[split, path] = sorted(rows.get(image, []), key=repr)
    return found


def same(back: Any, given: Any, columns: tuple[str, ...] = (), *, within: float = 0.0) -> None:
    """Assert that two sets have the same content, boxes to ``within`` pixels."""
    ours, theirs = content(back, columns), content(given, columns)
    if not within:
        assert ours == theirs
        return
    assert ours.keys() == theirs.keys()

    def about(row: Any) -> Any:
        return row[0] or "", *(round(v, 3) for v in row[1:5])

    for key, found in ours.items():
        rows, others = sorted(found, key=about), sorted(theirs[key], key=about)
        assert len(rows) == len(others), key
        for row, other in zip(rows, others, strict=True):
            assert (row[0], *row[5:]) == (other[0], *other[5:]), key
            assert max(abs(a - b) for a, b in zip(row[1:5], other[1:5], strict=True)) <= within
