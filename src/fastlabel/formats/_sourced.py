"""Data sets whose pictures come from an image source: archives, tables, buckets, lists.

The readers see the source's images as the files of a :class:`Tree`, under the names that labels
use; afterwards ``images.path`` says where each one is, archive and member.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from .. import _core, schema
from ..dataset import Dataset, DatasetError, as_numpy, null_column
from ..scan.sources import FolderSource, ImageSource, Lost, Span, is_image_source, open_source
from ..scan.sources.open import local_path
from ..scan.sources.remote import is_url, without_secrets
from ._paths import Tree, split_of_name, split_of_path
from ._text import clean, printable

__all__ = ["headers", "is_image_source", "mount", "named", "open_images", "unlabelled", "where_of"]

Places = str | os.PathLike[str] | Sequence[str | os.PathLike[str]] | ImageSource


def open_images(images: Places) -> ImageSource:
    """The source that ``read(images=...)`` means."""
    if isinstance(images, (str, os.PathLike)):
        return open_source(images)
    if isinstance(images, ImageSource):
        return images
    if isinstance(images, Sequence):
        return open_source(*images)
    raise TypeError(f"images: got {type(images).__name__}, expected a place or an ImageSource")


def where_of(place: str) -> Path:
    """What stands for the root of images without labels: the place as a path, no secrets."""
    if is_url(place) and local_path(place) is None:
        return Path(without_secrets(place))
    return Path(local_path(place) or place.removeprefix("@")).absolute()


def _members(source: ImageSource) -> pa.StringArray:
    """What labels call the images of a source."""
    members = getattr(source, "members", None)
    return source.names() if members is None else members


def _outside(source: ImageSource) -> set[int]:
    """Rows whose own names lead outside."""
    return {
        p.row
        for p in getattr(source, "problems", ())
        if p.kind == "path-escape" and p.row is not None
    }


def mount(tree: Tree, source: ImageSource) -> None:
    """Put the source's images in the place of those that lie on the disk beside the labels."""
    names = _members(source).to_pylist()
    for row in _outside(source):
        names[row] = None
    tree.images = sorted({name for name in names if name is not None})
    tree.image_set = frozenset(tree.images)
    tree.escapes, tree.escape_set = [], frozenset()
    tree.source = source
    tree.files += len(tree.images)


def named(ds: Dataset, source: ImageSource) -> Dataset:
    """``ds`` with ``images.path`` as the source's own names, and the source's problems."""
    members = _members(source)
    n = len(members)
    # Of several members with one name the last counts, as unpacking would have it.
    last = pc.index_in(ds.images["path"], pc.take(members, pa.array(np.arange(n)[::-1])))
    rows = pc.subtract(pa.scalar(n - 1, pa.int32()), last)
    full = pc.take(source.names(), rows.combine_chunks())
    paths = pc.if_else(pc.is_valid(full), full, ds.images["path"])
    at = ds.images.schema.get_field_index("path")
    images = ds.images.set_column(at, schema.IMAGES.field(at), paths)
    image_of = {row: k for k, row in enumerate(rows.to_pylist()) if row is not None}
    return replace(
        ds,
        images=images,
        problems=_with_problems(ds.problems, source, image_of),
        source=source,
        meta={**ds.meta, **_facts(source)},
    )


def unlabelled(source: ImageSource, root: Path) -> Dataset:
    """Every image of a source as an unlabelled one."""
    n = len(source)
    if not n:
        raise DatasetError(f"{printable(root)}: no image file in it")
    names = source.names()
    keep = np.ones(n, bool)
    keep[sorted(_outside(source))] = False
    folders = pc.extract_regex(names, r"(?P<folder>^.*/)").field("folder").dictionary_encode()
    splits = [
        None if f is None else split_of_path(f) or _split_of_archive(f)
        for f in folders.dictionary.to_pylist()
    ]
    split = pa.array(splits, pa.string()).take(folders.indices)
    columns: dict[str, Any] = {
        "image_id": pa.array(np.arange(n, dtype=np.int64)),
        "file_name": names,
        "path": pc.if_else(pa.array(keep), names, pa.scalar(None, pa.string())),
        "split": split,
        "label_state": pa.repeat(pa.scalar("unlabelled"), n),
    }
    images = pa.Table.from_arrays(
        [columns.get(f.name, null_column(n, f.type)) for f in schema.IMAGES], schema=schema.IMAGES
    )
    empty = schema.PROBLEMS.empty_table()
    return Dataset(
        images=images,
        annotations=schema.ANNOTATIONS.empty_table(),
        categories=schema.CATEGORIES.empty_table(),
        problems=_with_problems(empty, source, {row: row for row in range(n)}),
        root=root,
        format="images",
        meta={
            "label_files": [],
            "label_file_count": 0,
            "ignored_files": [],
            "ignored_file_count": 0,
            "other_images": 0,
            "inclusive": False,
            "declared_splits": [],
            "absent_splits": [],
            **_facts(source),
        },
        source=source,
    )


def _split_of_archive(folder: str) -> str | None:
    """The split that an archive's name says, as in ``train-000.tar/``."""
    return split_of_name(folder.partition("/")[0].rpartition(".")[0])


def _facts(source: ImageSource) -> dict[str, Any]:
    lines = source.identity.split("\n")
    facts: dict[str, Any] = {"images_from": [clean(line) for line in lines[:100]]}
    others = getattr(source, "others", 0)
    if others:
        facts["ignored_files"] = [
            {
                "file": clean(lines[0].rpartition("/")[2]) + (" ..." if len(lines) > 1 else ""),
                "reason": f"{others:,} members are no pictures; labels inside archives are not "
                "read: unpack them, and give the archive with --images",
            }
        ]
        facts["ignored_file_count"] = 1
    return facts


def _with_problems(table: pa.Table, source: ImageSource, image_of: dict[int, int]) -> pa.Table:
    rows = [
        {
            "kind": p.kind,
            "image_id": None if p.row is None else image_of.get(p.row),
            "file": None if p.file is None else clean(p.file),
            "value": None if p.value is None else clean(p.value),
            "message": clean(p.message),
        }
        for p in getattr(source, "problems", ())
    ]
    if not rows:
        return table
    return pa.concat_tables([table, pa.Table.from_pylist(rows, schema=schema.PROBLEMS)])


#: Enough of a picture for its header in all but a few files.
_HEAD = 64 << 10


def headers(
    tree: Tree, paths: list[str]
) -> tuple[list[str], np.ndarray[Any, Any], np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Format, width, height and EXIF orientation of images of a tree, -1 where unknown."""
    source = tree.source
    if source is None or isinstance(source, FolderSource):
        folder = tree.root if source is None else source.root
        return _core.sniff_headers([str(folder / path) for path in paths])
    members = _members(source)
    n = len(members)
    last = pc.index_in(
        pa.array(paths, pa.string()), pc.take(members, pa.array(np.arange(n)[::-1]))
    ).fill_null(n)
    rows = n - 1 - as_numpy(last).astype(np.int64)
    found = [("", -1, -1, 1)] * len(paths)
    there = np.flatnonzero(rows >= 0)
    for start in range(0, len(there), 256):
        chunk = there[start : start + 256]
        for at, item in zip(chunk.tolist(), _heads(source, rows[chunk]), strict=True):
            if not isinstance(item, Lost):
                found[at] = _core.sniff_bytes(item)
    kinds, widths, heights, turns = zip(*found, strict=True) if found else ((), (), (), ())
    return (
        list(kinds),
        np.array(widths, np.int32),
        np.array(heights, np.int32),
        np.array(turns, np.int8),
    )


def _heads(source: ImageSource, rows: np.ndarray[Any, Any]) -> list[bytes | Lost]:
    """The beginning of each image, all of it where the source gives no less."""
    heads = getattr(source, "heads", None)
    if heads is not None:
        first: list[bytes | Lost] = heads(rows, _HEAD)
        return first
    return [_head(i) if isinstance(i, Span) else i for i in source.fetch(rows)]


def _head(span: Span) -> bytes | Lost:
    try:
        with open(span.path, "rb") as file:  # noqa: PTH123  the path is bytes
            file.seek(span.offset)
            return file.read(1 << 20 if span.length < 0 else min(span.length, 1 << 20))
    except OSError as error:
        return Lost("unreadable", error.strerror or str(error))
