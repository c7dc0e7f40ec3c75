"""Predictions as files: COCO results or a table, and what their run says of itself."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..dataset import Dataset
from .images import ImageNames
from .raw import Key
from .table import Predictions

__all__ = ["ENDINGS", "encode", "image_keys", "used_keys"]

ENDINGS = (".json", ".parquet", ".arrow", ".csv")


def image_keys(ds: Dataset, images: ImageNames) -> tuple[list[Key], np.ndarray[Any, Any]]:
    """What each image is called, and which images are written.

    The number that its source gives it, where no two are the same; else its path, and then a
    picture that the set lists twice is written once.
    """
    ids = [str(s) for s in images.source_ids if s is not None]
    whole = all(s.isascii() and s.isdigit() and len(s) < 19 and str(int(s)) == s for s in ids)
    if not whole or len(set(ids)) != len(ids):
        return list(images.paths), images.owners == np.arange(len(images.paths))
    keys: list[Key] = [
        path if s is None else int(s)
        for s, path in zip(images.source_ids, images.paths, strict=True)
    ]
    named = np.array([s is None for s in images.source_ids], bool)
    return keys, ~named | (images.owners == np.arange(len(keys)))


def used_keys(predictions: Predictions, model: int, keys: Sequence[Key], written: Any) -> list[Key]:
    """The images that a model looked at, as they are written."""
    return [keys[k] for k in predictions.seen[model].tolist() if written[k]]


def encode(predictions: Predictions, ds: Dataset, suffix: str) -> bytes:
    """The bytes of a file of predictions.

    In COCO results a class of the set has its own id there, where it is a number; the ids of
    other classes come after all of those.
    """
    images = ImageNames(ds)
    keys, written = image_keys(ds, images)
    rows = np.flatnonzero(written[predictions.column("image_id")])
    table = (
        predictions.table.take(pa.array(rows))
        if len(rows) < len(predictions)
        else (predictions.table)
    )
    if suffix == ".json":
        return _results(table, keys, ds)
    names = pa.array([images.paths[k] for k in table["image_id"].to_pylist()], pa.string())
    return _table(table.append_column("file_name", names), suffix)


def _results(table: pa.Table, keys: Sequence[Key], ds: Dataset) -> bytes:
    columns = table.combine_chunks().to_pydict()
    category = _category_ids(ds, columns["category_id"], columns["name"])
    words = {name: json.dumps(name, ensure_ascii=False) for name in set(columns["name"])}
    shown = {image: json.dumps(keys[image], ensure_ascii=False) for image in columns["image_id"]}
    lines = [
        f'{{"image_id": {shown[image]}, "category_id": {number}, "category_name": {words[name]}, '
        f'"bbox": [{x1!r}, {y1!r}, {x2 - x1!r}, {y2 - y1!r}], "score": {score!r}}}'
        for image, number, name, x1, y1, x2, y2, score in zip(
            columns["image_id"],
            category,
            columns["name"],
            *(columns[side] for side in ("x1", "y1", "x2", "y2")),
            columns["score"],
            strict=True,
        )
    ]
    return ("[" + ",\n".join(lines) + "]\n").encode("utf-8", "surrogatepass")


def _category_ids(ds: Dataset, categories: Sequence[int | None], names: Sequence[str]) -> list[int]:
    sources = ds.categories["source_id"].to_pylist()
    numbers = [int(s) if s is not None and s.isascii() and s.isdigit() else None for s in sources]
    if None in numbers or len(set(numbers)) != len(numbers):
        numbers = list(range(1, len(sources) + 1))  # the set has no ids: by their order, from 1
    own = [number for number in numbers if number is not None]
    after = max(own, default=0) + 1
    others = {
        name: after + k
        for k, name in enumerate(
            sorted({n for c, n in zip(categories, names, strict=True) if c is None})
        )
    }
    return [
        others[name] if category is None else own[category]
        for category, name in zip(categories, names, strict=True)
    ]


def _table(table: pa.Table, suffix: str) -> bytes:
    sink = io.BytesIO()
    if suffix == ".parquet":
        import pyarrow.parquet as pq

        pq.write_table(table, sink, compression="zstd")
    elif suffix == ".arrow":
        with pa.ipc.new_file(sink, table.schema) as writer:
            writer.write_table(table)
    else:
        from pyarrow import csv

        for name in ("name", "file_name"):
            # A quote keeps a spreadsheet from running a name: it is text then.
            words = table[name].cast(pa.string())
            quoted = pc.replace_substring_regex(words, r"^([=+\-@\t\r])", r"'\1")
            table = table.set_column(table.schema.get_field_index(name), name, quoted)
        csv.write_csv(table, sink)
    return sink.getvalue()
