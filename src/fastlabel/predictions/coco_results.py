"""COCO results: a list of objects with image_id, category_id, bbox and score.

The native reader of COCO annotations reads them, a list wrapped into an object in memory; what
it leaves over (and every file that is not as it should be) goes through ``json``, which also
knows where a file breaks.
"""

from __future__ import annotations

import json
import math
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from .. import _core
from ..dataset import DatasetError
from ..formats._arrow_parts import array_of, numbers
from .raw import Notes, Raw, clipped, encoded, joined, merged_codes, nothing

__all__ = ["from_list", "is_results", "load", "read"]

_READ = 0
_TEXT = 2  # kind of an id in the native columns
_EXPECTED = "a list of objects with image_id, category_id, bbox and score"

#: More than this of JSON is not read a second time for better words.
_PLAIN_BYTES = 1 << 30


def read(path: Path) -> Raw:
    """Read one file.

    Raises
    ------
    DatasetError
        If it is no such list.
    """
    raw = _native(path)
    return raw if raw is not None else from_list(load(path), str(path))


def load(path: Path) -> Any:
    """The value of a JSON file.

    Raises
    ------
    DatasetError
        With the place where it breaks.
    """
    try:
        size = path.stat().st_size
        if size > _PLAIN_BYTES:
            raise DatasetError(
                f"{path}: has {size:,} bytes that are not plain COCO results, and is too large to "
                "say where; check that it is whole, or give it as Parquet"
            )
        data = path.read_bytes()
    except OSError as error:
        raise DatasetError(f"{path}: cannot be read: {error.strerror or error}") from error
    if not data.strip():
        raise DatasetError(
            f"{path}: is empty, expected predictions; a model that found nothing writes []"
        )
    try:
        return json.loads(data)
    except RecursionError as error:
        raise DatasetError(f"{path}: is no list of predictions: it is nested too deep") from error
    except ValueError as error:
        raise DatasetError(
            f"{path}: is not valid JSON: {error}; was it cut short? write it again"
        ) from error


def is_results(value: Any) -> bool:
    """Whether a JSON value looks like COCO results."""
    if not isinstance(value, list):
        return False
    first = next((item for item in value if isinstance(item, dict)), None)
    return not value or (first is not None and "bbox" in first and "image_id" in first)


# ---- native -------------------------------------------------------------------------------


@contextmanager
def _wrapped(path: Path) -> Iterator[bytes]:
    """The file as the annotations of an object, under a name that can be opened."""
    try:
        source = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise DatasetError(f"{path}: cannot be read: {error.strerror or error}") from error
    try:
        if hasattr(os, "memfd_create"):
            target = os.memfd_create("fastlabel-results")
            name = f"/proc/self/fd/{target}".encode()
        else:
            target, text = tempfile.mkstemp(prefix="fastlabel-")
            name = os.fsencode(text)
        try:
            _copy(source, target)
            yield name
        finally:
            os.close(target)
            if not name.startswith(b"/proc/"):
                Path(os.fsdecode(name)).unlink()
    except OSError as error:
        raise DatasetError(f"{path}: cannot be read: {error.strerror or error}") from error
    finally:
        os.close(source)


def _copy(source: int, target: int) -> None:
    with open(target, "wb", closefd=False) as out, open(source, "rb", closefd=False) as given:
        out.write(b'{"images":[],"annotations":')
        head = given.read(1 << 20)
        if head.startswith(b"\xef\xbb\xbf"):
            head = head[3:]
        out.write(head)
        while block := given.read(1 << 22):
            out.write(block)
        out.write(b"}")


def _native(path: Path) -> Raw | None:
    """The whole file by the native reader; None: something in it is for the plain one."""
    with _wrapped(path) as name:
        native = _core.CocoColumns(name, min(len(os.sched_getaffinity(0)), 8))
        if native.outcome != _READ:
            return None
        members = native.members()
        if [member[0] for member in members] != [1, 2]:  # images, annotations, and no more
            return None
        n = native.annotations
        if n == 0 or native.odd > n:
            return None
        others = _odd(native, path)
        if others is None:
            return None
        scores = array_of(native, "score64", pa.float64())
        attributes = array_of(native, "attributes", pa.string())
        images = _ids(
            numbers(native, "image_key", np.int64),
            numbers(native, "image_kind", np.uint8),
            array_of(native, "image_text", pa.string()),
        )
        classes = _classes(native, n)
        boxes = np.stack([numbers(native, c, np.float64) for c in ("x1", "y1", "x2", "y2")], 1)
    names = None if attributes is None else _attribute(attributes, "category_name", n)
    files = None if attributes is None else _attribute(attributes, "file_name", n)
    raw = Raw(
        str(path),
        *(images if files is None else merged_codes(files, images)),
        *(classes if names is None else merged_codes(names, classes)),
        boxes,
        "xyxy",
        _filled(scores, n),
        Notes(str(path)),
    )
    if others:
        raw.index = np.setdiff1d(np.arange(members[1][2]), np.array([k for k, _ in others]))
    raw = _without_keys(raw)
    if not others:
        return raw
    return joined(raw, from_list([value for _, value in others], str(path), [k for k, _ in others]))


def _odd(native: _core.CocoColumns, path: Path) -> list[tuple[int, Any]] | None:
    """Records that the native reader left over, with their places; None: one is no JSON."""
    found = []
    index = numbers(native, "odd.index", np.int64).tolist()
    ends = numbers(native, "odd.end", np.int64).tolist()
    text = numbers(native, "odd.text", np.uint8)
    start = 0
    for k, end in zip(index, ends, strict=True):
        try:
            found.append((k, json.loads(text[start:end].tobytes())))
        except (ValueError, RecursionError):
            return None
        start = end
    return found


def _without_keys(raw: Raw) -> Raw:
    """Leave out rows that name no image or no class, as the plain reader does."""
    lost = np.zeros(len(raw), bool)
    places = np.arange(len(raw)) if raw.index is None else raw.index
    for codes, keys, name in (
        (raw.image_codes, raw.image_keys, "image_id"),
        (raw.class_codes, raw.class_keys, "category_id"),
    ):
        mine = nothing(codes, keys) & ~lost
        raw.notes.each(
            "malformed-row",
            np.flatnonzero(mine).tolist(),
            lambda k, name=name: _bad(int(places[k]), name, "a number or a name", None),  # type: ignore[misc]
        )
        lost |= mine
    if not lost.any():
        return raw
    kept = np.flatnonzero(~lost)
    raw.index = kept if raw.index is None else raw.index[kept]
    raw.image_codes, raw.class_codes = raw.image_codes[kept], raw.class_codes[kept]
    raw.boxes, raw.scores = raw.boxes[kept], raw.scores[kept]
    return raw


def _bad(k: int, key: str, expected: str, got: Any) -> dict[str, Any]:
    return {
        "message": f"got {clipped(got)}, expected {expected}; the prediction is left out: write "
        "it again or remove it",
        "pointer": f"/{k}" + (f"/{key}" if key else ""),
        "value": got,
    }


def _filled(column: pa.Array | pa.ChunkedArray | None, n: int) -> NDArray[np.float64]:
    out = np.full(n, np.nan)
    if column is not None:
        out[: len(column)] = column.fill_null(math.nan).to_numpy(zero_copy_only=False)
    return out


def _ids(
    values: NDArray[np.int64], kinds: NDArray[np.uint8], texts: pa.Array | pa.ChunkedArray | None
) -> tuple[NDArray[np.int64], list[Any]]:
    n = len(values)
    if not len(kinds):
        return encoded(pa.array(values))
    every = np.ones(n, np.uint8)
    every[: len(kinds)] = kinds
    whole = pa.array(values, mask=every != 1)
    if texts is None:
        return encoded(whole)
    if isinstance(texts, pa.ChunkedArray):
        texts = texts.combine_chunks()
    rest = pa.nulls(n - len(texts), pa.string())
    words = pa.concat_arrays([texts, rest])
    words = pc.if_else(pa.array(every == _TEXT), words, pa.scalar(None, pa.string()))
    return merged_codes(encoded(whole), encoded(words))


def _classes(native: _core.CocoColumns, n: int) -> tuple[NDArray[np.int64], list[Any]]:
    codes = numbers(native, "category_code", np.int32).astype(np.int64)
    ids = numbers(native, "categories.number", np.int64).tolist()
    kinds = numbers(native, "categories.kind", np.uint8).tolist()
    texts = array_of(native, "categories.text", pa.string())
    keys: list[Any] = list(ids)
    for k, kind in enumerate(kinds):
        if kind == _TEXT and texts is not None:
            keys[k] = texts[k].as_py()
    return np.where(codes < 0, len(keys), codes), [*keys, None]


def _attribute(
    column: pa.Array | pa.ChunkedArray, key: str, n: int
) -> tuple[NDArray[np.int64], list[Any]] | None:
    """Texts of one further key, of records that have it."""
    # Records differ little in what they say beside box and score: few distinct texts.
    codes, texts = encoded(column)
    values = [_text_of(text, key) for text in texts]
    if not any(value is not None for value in values):
        return None
    full = np.full(n, len(values), np.int64)
    full[: len(codes)] = codes
    return full, [*values, None]


def _text_of(text: str | None, key: str) -> str | None:
    if text is None or key not in text:
        return None
    value = json.loads(text).get(key)
    return value if isinstance(value, str) else None


# ---- plain --------------------------------------------------------------------------------


def from_list(value: Any, place: str, at: list[int] | None = None) -> Raw:
    """Results as Python objects, `at` being their places in the source.

    Raises
    ------
    DatasetError
        If it is no list of them.
    """
    if isinstance(value, dict):
        value = _of_object(value)
    if not isinstance(value, list):
        raise DatasetError(f"{place}: holds {_kind(value)}, expected COCO results: {_EXPECTED}")
    notes = Notes(place)
    index, images, classes, names, boxes, scores = [], [], [], [], [], []
    bad: list[tuple[int, str, str, Any]] = []
    for k, entry in enumerate(value) if at is None else zip(at, value, strict=True):
        if not isinstance(entry, dict):
            bad.append((k, "", "an object", entry))
            continue
        key = entry.get("image_id")
        file = entry.get("file_name")
        if isinstance(file, str) and file:
            key = file
        if isinstance(key, float) and key.is_integer():
            key = int(key)
        if isinstance(key, bool) or not isinstance(key, (int, str)):
            bad.append((k, "image_id", "a number or a name", key))
            continue
        category = entry.get("category_id")
        if isinstance(category, float) and category.is_integer():
            category = int(category)
        name = entry.get("category_name")
        name = name if isinstance(name, str) else None
        if name is None and (isinstance(category, bool) or not isinstance(category, (int, str))):
            bad.append((k, "category_id", "a whole number", category))
            continue
        box = _box(entry.get("bbox"))
        if box is None:
            bad.append((k, "bbox", "four numbers x, y, width, height", entry.get("bbox")))
            continue
        index.append(k)
        images.append(key)
        classes.append(category)
        names.append(name)
        boxes.append(box)
        scores.append(_score(entry.get("score")))
    notes.each("malformed-row", range(len(bad)), lambda k: _bad(*bad[k]))
    if value and not index and at is None:
        k, name, expected, got = bad[0]
        raise DatasetError(
            f"{place}#/{k}{'/' if name else ''}{name}: got {clipped(got)}, expected {expected}; "
            f"none of {len(value):,} predictions can be read, expected COCO results: {_EXPECTED}"
        )
    said = [key if name is None else name for key, name in zip(classes, names, strict=True)]
    return Raw(
        place,
        *_codes(images),
        *_codes(said),
        np.array(boxes, np.float64).reshape(-1, 4),
        "xyxy",
        np.array(scores, np.float64),
        notes,
        index=np.array(index, np.int64),
    )


def _of_object(value: dict[str, Any]) -> Any:
    """Predictions written as a COCO file of their own: its annotations have scores.

    Their images and classes go by name, since its ids are its own.
    """
    rows = value.get("annotations", value.get("predictions"))
    if not isinstance(rows, list) or not any(isinstance(r, dict) and "score" in r for r in rows):
        return value
    files = _named(value.get("images"), "file_name")
    names = _named(value.get("categories"), "name")
    out: list[Any] = []
    for row in rows:
        if isinstance(row, dict):
            row = dict(row)
            for key, known, name in (
                ("image_id", files, "file_name"),
                ("category_id", names, "category_name"),
            ):
                own = row.get(key)
                if isinstance(own, (int, str)) and own in known:
                    row.setdefault(name, known[own])
        out.append(row)
    return out


def _named(records: Any, key: str) -> dict[Any, str]:
    found: dict[Any, str] = {}
    for record in records if isinstance(records, list) else ():
        if isinstance(record, dict) and isinstance(record.get("id"), (int, str)):
            name = record.get(key)
            if isinstance(name, str):
                found.setdefault(record["id"], name)
    return found


def _codes(values: list[Any]) -> tuple[NDArray[np.int64], list[Any]]:
    seen: dict[Any, int] = {}
    codes = [seen.setdefault((type(v), v), len(seen)) for v in values]
    return np.array(codes, np.int64), [v for _, v in seen]


def _box(value: Any) -> tuple[float, float, float, float] | None:
    if not isinstance(value, (list, tuple)) or len(value) != 4:
        return None
    found = []
    for number in value:
        if isinstance(number, bool) or not isinstance(number, (int, float)):
            return None
        try:
            found.append(float(number))
        except OverflowError:
            return None
    x, y, w, h = found
    return x, y, x + w, y + h


def _score(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return math.nan
    try:
        return float(value)
    except OverflowError:
        return math.inf


def _kind(value: Any) -> str:
    if isinstance(value, dict):
        return "an object" + (" with annotations (labels?)" if "annotations" in value else "")
    return {str: "text", bool: "a boolean", type(None): "null"}.get(type(value), "a number")
