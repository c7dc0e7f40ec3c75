"""One COCO JSON file as Arrow columns, read by the native engine.

Records of the kinds one expects become rows without a Python object for any of them. Every
other record comes back as text, goes through the plain reader's own functions, and its row is
put where it belongs: so both readers say the same, and only what is odd pays for it.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from .. import _core, schema
from ..dataset import null_column
from . import _coco_file as plain
from ._arrow_parts import array_of, numbers
from ._build import column_of
from ._coco_file import Bad, CocoFile
from ._coco_keys import BLOCK, Keys
from ._json_stream import JsonError, Scanner
from ._text import MIB, LabelFileError, clean, read_text

__all__ = ["CocoTable", "parse"]

#: A file that is not as it should be is read again by the plain reader, which says where and
#: why; above this size only the place is said.
PLAIN_BYTES = 256 * MIB

Members = Sequence[tuple[int, int, int, bytes, bytes]]

_READ, _NOT_JUDGED, _UNREADABLE, _CHANGED = range(4)
_OTHER, _IMAGES, _ANNOTATIONS, _CATEGORIES = range(4)
_SECTION_NAMES = ("", "images", "annotations", "categories")

#: Columns of ``schema.ANNOTATIONS`` that most files give to few boxes or to none.
_RARE = (
    *("area", "crowd", "ignore", "difficult", "occlusion", "truncation", "score", "weight"),
    *("segmentation", "obb", "attributes"),
)


class _NotJudgedError(Exception):
    """The file is for the plain reader: it is no JSON, or something in it is out of the way."""

    def __init__(self, reason: str = "it cannot be made out", at: int | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.at = at  # byte of the file


@dataclass
class CocoTable:
    """What one file declares, in its own ids."""

    path: str
    split: str | None
    categories: list[tuple[Any, str, str | None, int]]
    bad: list[Bad]
    annotation_count: int
    #: ``source_id``, ``file_name``, ``width``, ``height``, ``attributes``
    image_columns: dict[str, pa.Array]
    image_ids: Keys
    #: where each image stands in its section
    image_index: npt.NDArray[np.int64]
    #: whether its name is a plain relative path
    image_plain: npt.NDArray[np.bool_]
    #: names that no column can hold as they are: {row: name}
    image_names_raw: dict[int, str]
    #: which image each box says it belongs to
    image_key: Keys
    #: the same of boxes that the plain reader read, as it gave it: {row: id}
    odd_image_keys: dict[int, Any]
    #: each box's class, an index into ``category_keys``; -1: none
    category_code: npt.NDArray[np.int32]
    category_keys: list[Any]
    #: None: all differ
    annotation_ids: Keys | None
    #: columns of ``schema.ANNOTATIONS`` that have a value, and ``raw`` and ``pointer``
    columns: dict[str, pa.Array | pa.ChunkedArray] = field(default_factory=dict)

    @property
    def images(self) -> pa.Array:
        """The images' names."""
        return self.image_columns["file_name"]

    @property
    def index(self) -> npt.NDArray[np.int32]:
        """Something of each box."""
        return self.category_code

    def image_names(self) -> set[str]:
        """File names of the images, with forward slashes."""
        names = self.images.to_pylist()
        for row, name in self.image_names_raw.items():
            names[row] = name
        return {name.replace("\\", "/") for name in names}

    def category_names(self) -> set[str]:
        """Class names."""
        return {name for _, name, _, _ in self.categories}


def parse(path: str, file: Path, limit: int, workers: int | None = None) -> CocoTable:
    """Read one file.

    Parameters
    ----------
    path : str
        Its name in messages and in ``origin``.
    file : pathlib.Path
        Where it is.
    limit : int
        The most bytes it may have.
    workers : int, optional
        Threads; by default as many as the process has CPUs.

    Raises
    ------
    LabelFileError
        If it cannot be read or is not JSON to its end.
    NotCoco
        If it is something else than COCO instances.
    """
    try:
        too_large = file.stat().st_size > limit
    except OSError as error:
        raise LabelFileError(f"cannot be read: {error.strerror or error}") from error
    if too_large:
        raise LabelFileError(f"is larger than {limit // MIB} MiB, the limit for such a file")
    native = _core.CocoColumns(os.fsencode(file), workers or _cpus())
    if native.outcome == _UNREADABLE:
        raise LabelFileError(f"cannot be read: {os.strerror(native.error)}")
    if native.outcome == _CHANGED:
        raise LabelFileError("was written to while it was read; read it again once it is whole")
    try:
        if native.outcome == _NOT_JUDGED:
            if native.error == errno.EFBIG:
                raise _NotJudgedError("one value of it has more than 64 MiB")
            raise _NotJudgedError
        return _table(path, native)
    except _NotJudgedError as error:
        if native.file_bytes > PLAIN_BYTES:
            raise _large_failure(file, native, error) from None
    result = plain.parse(path, read_text(file, limit))
    return _assemble(result, None, _Odd([0] * len(result.images), [0] * len(result.index)))


def _large_failure(file: Path, native: _core.CocoColumns, error: _NotJudgedError) -> LabelFileError:
    """What is said of a file too large to be read again for better words."""
    at = native.stopped_at if error.at is None else error.at
    line, column, left = 1, 1, at
    with file.open("rb") as stream:
        while left > 0 and (block := stream.read(min(left, 1 << 22))):
            left -= len(block)
            breaks = block.count(b"\n")
            line += breaks
            column = len(block) - block.rfind(b"\n") if breaks else column + len(block)
    return LabelFileError(
        f"is not valid JSON of COCO instances: {error.reason}, near line {line}, column {column} "
        f"(byte {at:,} of {native.file_bytes:,})",
        line=line,
    )


def _cpus() -> int:
    try:
        return min(len(os.sched_getaffinity(0)), 8)
    except AttributeError:  # not Linux
        return min(os.cpu_count() or 1, 8)


# --- what the native reader leaves over -----------------------------------------------------


@dataclass
class _Odd:
    """Where the rows belong that were not read natively."""

    #: how many native rows stand before each
    images: list[int] = field(default_factory=list)
    rows: list[int] = field(default_factory=list)
    #: (member, index) of each record of ``images`` that was left over
    image_records: list[tuple[int, int]] = field(default_factory=list)


def _table(path: str, native: _core.CocoColumns) -> CocoTable:
    result = CocoFile(path)
    members = native.members()
    keys = _read_top_level(result, members)
    odd = _read_odd(result, native, members)
    result.annotation_count = sum(m[2] for m in members if m[0] == _ANNOTATIONS)
    plain.require_coco(result, keys)
    return _assemble(result, native, odd, members)


def _read_top_level(result: CocoFile, members: Members) -> set[str]:
    """What the members besides the sections say; returns the keys that count."""
    keys: set[str] = set()
    for section, offset, _, raw_key, raw_value in members:
        key = _text_of(raw_key, offset)
        keys.add(key)
        if section != _OTHER:
            continue
        value = _whole_value(_text_of(raw_value, offset), offset)
        if key == "info":
            if isinstance(value, dict) and isinstance(value.get("split"), str):
                result.split = value["split"] or None
        elif key in _SECTION_NAMES:
            keys.discard(key)
    return keys


def _text_of(data: bytes, offset: int) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise _NotJudgedError("it is not UTF-8 text", offset + error.start) from None


def _whole_value(text: str, offset: int) -> Any:
    scanner = Scanner(text)
    try:
        value, scanner.end = scanner.value(0)
    except JsonError as error:
        raise _not_judged(error, text, offset) from None
    _require_end(scanner, offset)
    return value


def _require_end(scanner: Scanner, offset: int) -> None:
    if scanner.end != len(scanner.text):
        raise _not_judged(scanner.fail("',' was expected", scanner.end), scanner.text, offset)


def _not_judged(error: JsonError, text: str, offset: int) -> _NotJudgedError:
    return _NotJudgedError(error.reason, offset + len(text[: error.at].encode()))


def _read_odd(result: CocoFile, native: _core.CocoColumns, members: Members) -> _Odd:
    """Read the records that were left over, each in its turn."""
    odd = _Odd()
    member = numbers(native, "odd.member", np.int64).tolist()
    index = numbers(native, "odd.index", np.int64).tolist()
    before = numbers(native, "odd.rows_before", np.int64).tolist()
    ends = numbers(native, "odd.end", np.int64).tolist()
    offsets = numbers(native, "odd.offset", np.int64).tolist()
    text = numbers(native, "odd.text", np.uint8)
    start = 0
    for at, end in enumerate(ends):
        record = _text_of(text[start:end].tobytes(), offsets[at])
        start = end
        section = members[member[at]][0]
        if section == _IMAGES:
            plain.add_image(result, _whole_value(record, offsets[at]), index[at])
            odd.images.extend([before[at]] * (len(result.images) - len(odd.images)))
            odd.image_records.append((member[at], index[at]))
        elif section == _CATEGORIES:
            plain.add_category(result, _whole_value(record, offsets[at]), index[at])
        else:
            scanner = Scanner(record)
            try:
                plain.add_annotation(result, scanner, 0, index[at])
            except JsonError as error:
                raise _not_judged(error, record, offsets[at]) from None
            _require_end(scanner, offsets[at])
            odd.rows.extend([before[at]] * (len(result.index) - len(odd.rows)))
    return odd


# --- columns --------------------------------------------------------------------------------


class _Merge:
    """Columns of native rows with other rows put in between."""

    def __init__(self, native: _core.CocoColumns | None, count: int, places: list[int]) -> None:
        self.native = native
        self.count = count
        self.odd = len(places)
        #: from the rows of the result to native rows and then the others; None: all are native
        self.order: npt.NDArray[np.int64] | None = None
        if places:
            others = np.arange(count, count + len(places), dtype=np.int64)
            self.order = np.insert(np.arange(count, dtype=np.int64), np.array(places), others)

    def numbers(self, name: str, others: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """A column without nulls."""
        return self.merged(self.native_numbers(name, others.dtype), others)

    def odd_rows(self) -> list[int]:
        """Where in the result the rows are that are not native."""
        if self.order is None:
            return []
        return [int(row) for row in np.flatnonzero(self.order >= self.count)]

    def merged(self, own: npt.NDArray[Any], others: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Native rows and the others."""
        return own if self.order is None else np.concatenate([own, others])[self.order]

    def native_array(self, name: str, kind: pa.DataType) -> pa.Array | pa.ChunkedArray | None:
        """The native rows of a column; None if it has no value."""
        return None if self.native is None else array_of(self.native, name, kind)

    def array(
        self, own: pa.Array | pa.ChunkedArray | None, kind: pa.DataType, others: list[Any] | None
    ) -> pa.Array | pa.ChunkedArray | None:
        """The native rows of a column and the others; None if neither has a value."""
        if self.order is None or (own is None and others is None):
            return own
        if own is None:
            own = null_column(self.count, kind)
        rest = pa.nulls(self.odd, kind) if others is None else column_of(others, kind)
        chunks = own.chunks if isinstance(own, pa.ChunkedArray) else [own]
        merged = pa.chunked_array([*chunks, rest]).take(pa.array(self.order))
        return merged.chunk(0) if merged.num_chunks == 1 else merged.combine_chunks()

    def keys(
        self,
        own: npt.NDArray[np.int64],
        kinds: npt.NDArray[np.uint8],
        texts: pa.Array | None,
        others: list[Any],
    ) -> Keys:
        """Ids of any type; ``kinds`` may be shorter than the column, or empty: the rest are INT."""
        keys = Keys(own)
        if len(kinds):
            keys.kinds = np.full(self.count, Keys.INT, dtype=np.uint8)
            keys.kinds[: len(kinds)] = kinds
            keys.texts = texts
        return keys if self.order is None else keys.merged(Keys.of(others), self.order)

    def native_numbers(self, name: str, dtype: Any) -> npt.NDArray[Any]:
        """The native rows of a column without nulls."""
        return (
            np.zeros(0, dtype=dtype) if self.native is None else numbers(self.native, name, dtype)
        )


def _assemble(
    result: CocoFile, native: _core.CocoColumns | None, odd: _Odd, members: Members = ()
) -> CocoTable:
    """The file's columns: what the native reader made, and ``result`` put in between."""
    images = _Merge(native, native.images if native else 0, odd.images)
    rows = _Merge(native, native.annotations if native else 0, odd.rows)
    codes, category_keys = _categories(rows, result)
    all_differ = native is not None and native.ids_rise and not odd.rows
    image_columns, image_ids = _image_columns(images, result)
    columns, source_ids = _annotation_columns(rows, result)
    index = _native_index(members, odd)
    raw = {
        row: image.file_name
        for row, image in zip(images.odd_rows(), result.images, strict=True)
        if clean(image.file_name) != image.file_name
    }
    return CocoTable(
        path=result.path,
        split=result.split,
        categories=result.categories,
        bad=result.bad,
        annotation_count=result.annotation_count,
        image_columns=image_columns,
        image_ids=image_ids,
        image_index=images.merged(
            index, np.array([image.index for image in result.images], dtype=np.int64)
        ),
        image_plain=images.numbers("images.plain", np.zeros(images.odd, dtype=np.uint8)) != 0,
        image_names_raw=raw,
        image_key=rows.keys(
            rows.native_numbers("image_key", np.int64),
            rows.native_numbers("image_kind", np.uint8),
            rows.native_array("image_text", pa.string()),
            result.image_key,
        ),
        odd_image_keys=dict(zip(rows.odd_rows(), result.image_key, strict=True)),
        category_code=codes,
        category_keys=category_keys,
        annotation_ids=None if all_differ else _annotation_ids(rows, source_ids, result),
        columns=columns,
    )


def _native_index(members: Members, odd: _Odd) -> npt.NDArray[np.int64]:
    """Where each native row of ``images`` stands in its section."""
    left_over: dict[int, list[int]] = {}
    for member, index in odd.image_records:
        left_over.setdefault(member, []).append(index)
    parts = [np.zeros(0, dtype=np.int64)]
    for at, (section, _, elements, _, _) in enumerate(members):
        if section == _IMAGES:
            parts.append(np.delete(np.arange(elements, dtype=np.int64), left_over.get(at, [])))
    return np.concatenate(parts)


def _categories(rows: _Merge, result: CocoFile) -> tuple[npt.NDArray[np.int32], list[Any]]:
    """Each row's class as a number, and the class ids that the numbers stand for."""
    kinds = rows.native_numbers("categories.kind", np.uint8).tolist()
    texts = rows.native_array("categories.text", pa.string())
    keys: list[Any] = rows.native_numbers("categories.number", np.int64).tolist()
    for at, kind in enumerate(kinds):
        if kind == Keys.TEXT and texts is not None:
            keys[at] = texts[at].as_py()
    codes = np.full(rows.odd, -1, dtype=np.int32)
    for row, key in enumerate(result.category_key):
        if key is not None:
            codes[row] = len(keys)
            keys.append(key)
    return rows.numbers("category_code", codes), keys


def _image_columns(images: _Merge, result: CocoFile) -> tuple[dict[str, pa.Array], Keys]:
    found = result.images
    ids = [image.id for image in found]
    own_ids = images.native_array("images.source_id", pa.string())
    keys = images.keys(
        images.native_numbers("images.key", np.int64),
        images.native_numbers("images.kind", np.uint8),
        own_ids,
        ids,
    )
    sizes = [image.size or (None, None) for image in found]
    others: dict[str, list[Any]] = {
        "file_name": [image.file_name for image in found],
        "attributes": [image.attributes for image in found],
        "width": [size[0] for size in sizes],
        "height": [size[1] for size in sizes],
    }
    kinds = {name: schema.IMAGES.field(name).type for name in (*others, "source_id")}
    columns = {
        name: images.array(images.native_array(f"images.{name}", kinds[name]), kinds[name], values)
        for name, values in others.items()
    }
    texts = [None if key is None else str(key) for key in ids]
    columns["source_id"] = images.array(own_ids, kinds["source_id"], texts)
    count = len(keys)
    for name, values in columns.items():
        if values is None:
            columns[name] = null_column(count, kinds[name])
    return columns, keys


def _annotation_columns(
    rows: _Merge, result: CocoFile
) -> tuple[dict[str, pa.Array | pa.ChunkedArray], pa.Array | None]:
    """The columns that have a value, and the native rows' ids as text."""
    others: dict[str, list[Any] | None] = {
        "pointer": [f"/annotations/{index}" for index in result.index],
        "raw": list(result.raw),
        "source_category": [None if key is None else str(key) for key in result.category_key],
    }
    for name in _RARE:
        values = result.columns.get(name)
        others[name] = None if values is None else values + [None] * (rows.odd - len(values))
    columns = {}
    for name, values in others.items():
        kind = (
            schema.ANNOTATIONS.field(name).type if name not in ("pointer", "raw") else pa.string()
        )
        columns[name] = rows.array(rows.native_array(name, kind), kind, values)
    own_ids = rows.native_array("source_id", pa.string())
    texts = [None if key is None else str(key) for key in result.id]
    columns["source_id"] = rows.array(own_ids, pa.string(), texts)
    boxes = np.array(result.boxes, dtype=np.float64).reshape(-1, 4)
    for at, name in enumerate(("x1", "y1", "x2", "y2")):
        columns[name] = pa.array(rows.numbers(name, boxes[:, at]))
    return {name: column for name, column in columns.items() if column is not None}, own_ids


def _annotation_ids(rows: _Merge, texts: pa.Array | None, result: CocoFile) -> Keys:
    """The ids of annotations; whole numbers are read from their text again."""
    kinds = rows.native_numbers("id_kind", np.uint8)
    values = np.zeros(rows.count, dtype=np.int64)
    if texts is not None:
        for at in range(0, rows.count, BLOCK):
            whole = texts.slice(at, BLOCK)
            if len(kinds):
                is_int = np.full(len(whole), True)
                own = kinds[at : at + BLOCK]
                is_int[: len(own)] = own == Keys.INT
                whole = pc.if_else(pa.array(is_int), whole, None)
            values[at : at + BLOCK] = whole.cast(pa.int64()).fill_null(0)
    return rows.keys(values, kinds, texts, result.id)
