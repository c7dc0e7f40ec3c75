"""Predictions as a table: CSV, JSON rows, Parquet, Arrow, or anything that streams Arrow.

Columns are known by the names that supervision, Ultralytics, pandas exports of YOLOv5 and
torchvision's loops give them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from .. import schema
from ..dataset import DatasetError
from .raw import Key, Notes, Raw, encoded, merged_codes

__all__ = ["META", "from_rows", "from_table", "read"]

#: Key of a table's metadata under which a run of a model says what it did.
META = b"fastlabel.predictions"

_IMAGE = (
    *("file_name", "filename", "image_path", "image_name", "image_id", "image", "img", "file"),
    *("path", "source"),
)
_NAME = ("category_name", "class_name", "label_name", "category", "name", "label", "class")
_CLASS = ("category_id", "class_id", "label_id", "cls", "class", "label", "labels")
_SCORE = ("score", "scores", "confidence", "conf", "prob", "probability")
_CORNERS = (
    ("x1", "y1", "x2", "y2"),
    ("xmin", "ymin", "xmax", "ymax"),
    ("x_min", "y_min", "x_max", "y_max"),
    ("left", "top", "right", "bottom"),
    ("box_x1", "box_y1", "box_x2", "box_y2"),
    ("bbox_x1", "bbox_y1", "bbox_x2", "bbox_y2"),
)
_CENTRES = (
    ("cx", "cy", "w", "h"),
    ("cx", "cy", "width", "height"),
    ("x_center", "y_center", "width", "height"),
    ("xc", "yc", "w", "h"),
)
_EITHER = (("x", "y", "w", "h"), ("x", "y", "width", "height"))
_LISTS = ("bbox", "box", "boxes", "xyxy", "xywh", "cxcywh")
_SIZES = (("image_width", "image_height"), ("img_width", "img_height"))


def read(path: Path, box_format: str | None) -> Raw:
    """Read a CSV, Parquet or Arrow file.

    Raises
    ------
    DatasetError
        If it is none, or lacks image, box, class or score.
    """
    try:
        table = _READERS[path.suffix.lower()](path)
    except OSError as error:
        raise DatasetError(f"{path}: cannot be read: {error.strerror or error}") from error
    except (pa.ArrowException, ValueError) as error:
        kind = path.suffix.lstrip(".").upper()
        reason = str(error).splitlines()[0] if str(error) else "it is damaged"
        empty = path.stat().st_size == 0
        raise DatasetError(
            f"{path}: is empty, expected a {kind} table with a header"
            if empty
            else f"{path}: is no {kind} table: {reason}"
        ) from error
    return from_table(table, str(path), box_format)


def _csv(path: Path) -> pa.Table:
    from pyarrow import csv

    return csv.read_csv(path)


def _parquet(path: Path) -> pa.Table:
    import pyarrow.parquet as pq

    return pq.read_table(path, partitioning=None)


def _arrow(path: Path) -> pa.Table:
    with pa.OSFile(str(path)) as file:
        try:
            return pa.ipc.open_file(file).read_all()
        except pa.ArrowInvalid:
            file.seek(0)
            return pa.ipc.open_stream(file).read_all()


_READERS = {
    ".csv": _csv,
    ".parquet": _parquet,
    ".pq": _parquet,
    ".arrow": _arrow,
    ".feather": _arrow,
    ".arrows": _arrow,
}


def from_rows(rows: Sequence[Mapping[str, Any]], place: str, box_format: str | None) -> Raw:
    """Rows as Python objects, boxes in them as objects or lists too."""
    names: dict[str, None] = {}
    for k, row in enumerate(rows):
        if not isinstance(row, Mapping):
            raise DatasetError(f"{place}#/{k}: got {row!r:.60}, expected an object with a box")
        names.update(dict.fromkeys(row))
    columns = {}
    for name in names:
        values = [row.get(name) for row in rows]
        try:
            columns[name] = pa.array(values)
        except (pa.ArrowException, OverflowError):
            columns[name] = pa.array([None if v is None else str(v) for v in values])
    return from_table(pa.table(columns), place, box_format)


def from_table(table: pa.Table, place: str, box_format: str | None) -> Raw:
    """A table of whatever names.

    Raises
    ------
    DatasetError
        If image, box, class or score cannot be found; the message lists its columns.
    """
    own = _own(table, place)
    if own is not None:
        return own
    named = {name.lower().strip(): name for name in table.column_names}
    image = _first(named, _IMAGE)
    if image is None:
        raise _lacks(place, table, "image", _IMAGE)
    score = _first(named, _SCORE)
    if score is None:
        raise _lacks(place, table, "score", _SCORE)
    boxes, fmt = _boxes(table, named, place, box_format)
    notes = Notes(place)
    return Raw(
        place,
        *_keys(table[image]),
        *_class_keys(table, named, place),
        boxes,
        fmt,
        _numbers(table[score], place, score),
        notes,
        sizes=_sizes(table, named, place),
    )


def _own(table: pa.Table, place: str) -> Raw | None:
    """A table that this package made: its ids are those of the set, but for named images."""
    if not set(schema.PREDICTIONS.names) <= set(table.column_names):
        return None
    named = "file_name" in table.column_names
    return Raw(
        place,
        *_unquoted(_keys(table["file_name" if named else "image_id"])),
        *_unquoted(_keys(table["name"])),
        np.stack([_numbers(table[c], place, c) for c in ("x1", "y1", "x2", "y2")], axis=1),
        "xyxy",
        _numbers(table["score"], place, "score"),
        Notes(place),
        own_ids=not named,
    )


def _unquoted(
    coded: tuple[NDArray[np.int64], list[Key]],
) -> tuple[NDArray[np.int64], list[Key]]:
    """Names without the quote that keeps a spreadsheet from running them."""
    codes, values = coded
    return codes, [
        v[1:] if isinstance(v, str) and v[:1] == "'" and v[1:2] in tuple("=+-@\t\r") else v
        for v in values
    ]


def _first(named: Mapping[str, str], names: Sequence[str]) -> str | None:
    return next((named[name] for name in names if name in named), None)


def _lacks(place: str, table: pa.Table, what: str, names: Sequence[str]) -> DatasetError:
    have = ", ".join(table.column_names[:20]) or "none"
    return DatasetError(
        f"{place}: has no column for the {what}; its columns are {have}; name one "
        f"{', '.join(names[:5])}"
    )


def _keys(column: pa.ChunkedArray) -> tuple[NDArray[np.int64], list[Key]]:
    if pa.types.is_dictionary(column.type):
        column = _decoded(column)
    kind = column.type
    if pa.types.is_floating(kind):  # pandas makes floats of ids with gaps
        whole = column
        good = pc.and_(pc.is_finite(whole), pc.equal(whole, pc.round(whole)))
        column = pc.if_else(good, whole, None).cast(pa.int64())
    elif not pa.types.is_integer(kind):
        column = column.cast(pa.string())
    return encoded(column)


def _decoded(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """A dictionary column as plain values; polars writes views, which Arrow does not take by."""
    kind = column.type.value_type
    words = not (pa.types.is_integer(kind) or pa.types.is_floating(kind))
    kind = pa.string() if words else kind
    return pa.chunked_array(
        [chunk.dictionary.cast(kind).take(chunk.indices) for chunk in column.chunks], kind
    )


def _class_keys(
    table: pa.Table, named: Mapping[str, str], place: str
) -> tuple[NDArray[np.int64], list[Key]]:
    """The class of each row: its name, or its id where there is no name."""
    found: list[tuple[NDArray[np.int64], list[Key]]] = []
    for names, text in ((_NAME, True), (_CLASS, False)):
        for name in names:
            if name not in named:
                continue
            kind = table.schema.field(named[name]).type
            kind = kind.value_type if pa.types.is_dictionary(kind) else kind
            words = pa.types.is_string(kind) or pa.types.is_large_string(kind)
            if words == text or (not text and not found):
                found.append(_keys(table[named[name]]))
                break
    if not found:
        raise _lacks(place, table, "class", (*_NAME[:3], *_CLASS[:2]))
    return found[0] if len(found) == 1 else merged_codes(found[0], found[1])


def _numbers(column: pa.ChunkedArray, place: str, name: str) -> NDArray[np.float64]:
    try:
        column = column.cast(pa.float64())
    except pa.ArrowException as error:
        raise DatasetError(
            f"{place}: column {name} has {column.type} and not numbers: {str(error)[:80]}"
        ) from error
    return np.asarray(column.fill_null(float("nan")).to_numpy(), np.float64)


def _boxes(
    table: pa.Table, named: Mapping[str, str], place: str, box_format: str | None
) -> tuple[NDArray[np.float64], str]:
    for groups, fmt in ((_CORNERS, "xyxy"), (_CENTRES, "cxcywh"), (_EITHER, None)):
        for group in groups:
            if not all(name in named for name in group):
                continue
            if fmt is None and box_format is None:
                raise DatasetError(
                    f"{place}: {', '.join(group)}: is x, y the corner or the centre? pass "
                    "box_format='xywh' or 'cxcywh', with an n at the end for shares of the image"
                )
            columns = [_numbers(table[named[name]], place, name) for name in group]
            return np.stack(columns, axis=1), _agreed(place, group, fmt, box_format)
    for name in _LISTS:
        if name in named:
            values, fmt = _listed(table[named[name]], place, name)
            if fmt is None and name == "bbox" and "category_id" in named:
                fmt = "xywh"  # COCO's own words
            if fmt is None and box_format is None:
                raise DatasetError(
                    f"{place}: how are the four numbers of {name} meant? pass box_format='xyxy', "
                    "'xywh' or 'cxcywh', with an n at the end for shares of the image"
                )
            return values, box_format or fmt or "xyxy"
    raise _lacks(place, table, "box", (*_CORNERS[0], "bbox"))


def _agreed(place: str, group: Sequence[str], fmt: str | None, box_format: str | None) -> str:
    if box_format is None or fmt is None:
        return box_format or str(fmt)
    if box_format.removesuffix("n") != fmt:
        raise DatasetError(
            f"{place}: columns {', '.join(group)} are {fmt}, and box_format says {box_format!r}; "
            f"pass {fmt!r} or {fmt + 'n'!r}"
        )
    return box_format


def _listed(
    column: pa.ChunkedArray, place: str, name: str
) -> tuple[NDArray[np.float64], str | None]:
    """A column of lists or of objects with x1, y1, x2, y2, or either as text."""
    column = column.combine_chunks()
    if isinstance(column, pa.ChunkedArray):
        column = column.chunk(0) if column.num_chunks else pa.array([], column.type)
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        column = pa.array([_parsed(text) for text in column.to_pylist()])
    said = name if name in ("xyxy", "xywh", "cxcywh") else None
    if pa.types.is_struct(column.type):
        fields = [column.type.field(k).name for k in range(column.type.num_fields)]
        if not {"x1", "y1", "x2", "y2"} <= set(fields):
            raise DatasetError(
                f"{place}: {name} is an object of {', '.join(fields)}, expected x1, y1, x2, y2"
            )
        parts = [pc.struct_field(column, side) for side in ("x1", "y1", "x2", "y2")]
        values = [_numbers(pa.chunked_array([part]), place, name) for part in parts]
        return np.stack(values, axis=1), "xyxy"
    if not (pa.types.is_list(column.type) or pa.types.is_fixed_size_list(column.type)):
        if column.null_count == len(column):
            return np.full((len(column), 4), np.nan), said
        raise DatasetError(f"{place}: {name} has {column.type}, expected lists of four numbers")
    lengths = pc.list_value_length(column)
    four = pc.fill_null(pc.equal(lengths, 4), False)
    out = np.full((len(column), 4), np.nan)
    flat = _numbers(pa.chunked_array([column.filter(four).flatten()]), place, name)
    out[np.asarray(four.to_numpy(zero_copy_only=False), bool)] = flat.reshape(-1, 4)
    return out, said


def _parsed(text: str | None) -> Any:
    """A box written as text in a cell: a JSON list or object, or Python's way of writing it."""
    if text is None:
        return None
    try:
        value = json.loads(text.replace("'", '"'))
    except ValueError:
        return None
    if isinstance(value, list):
        return [float(v) for v in value if isinstance(v, (int, float))]
    return value if isinstance(value, dict) else None


def _sizes(table: pa.Table, named: Mapping[str, str], place: str) -> NDArray[np.float64] | None:
    for width, height in _SIZES:
        if width in named and height in named:
            pair = [_numbers(table[named[side]], place, side) for side in (width, height)]
            return np.stack(pair, axis=1)
    return None
