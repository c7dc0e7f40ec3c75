"""Work and results as plain Arrow rows, one an image, for engines that carry tables around.

Only types that every engine has: no unsigned numbers, no lists of fixed length. What an engine
does to the order of rows, the size of batches and the names of types does not show in the end.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from .. import _core, schema
from ..dataset import as_numpy
from ..source import MOST_BYTES, ImageSource, Lost, Span
from . import engine
from .arrays import numbers, strings
from .assembly import Assembly
from .jobs import Jobs, one_chunk
from .limits import Limits
from .partial import Partial, merged
from .read_ahead import fetched

__all__ = [
    "MEASURED",
    "WORK",
    "Measured",
    "agree",
    "collect",
    "measure",
    "measure_rows",
    "opened",
    "parted",
    "tool",
    "work",
]

_BOX = pa.struct(
    [
        ("annotation_id", pa.int64()),
        ("x1", pa.float64()),
        ("y1", pa.float64()),
        ("x2", pa.float64()),
        ("y2", pa.float64()),
    ]
)

#: What an engine is given, a row an image. A batch may leave out every column but ``image_id``
#: and one of ``path`` and ``data``.
WORK = pa.schema(
    [
        pa.field("image_id", pa.int64(), nullable=False),
        ("file_name", pa.string()),  # by default the path
        ("path", pa.binary()),  # of a file that the worker sees; a string column will do
        ("offset", pa.int64()),  # where in the file the picture begins; null: 0
        ("length", pa.int64()),  # null: to the end
        ("file_size", pa.int64()),  # the file as it was when it was looked up; null: not checked
        ("file_mtime_ns", pa.int64()),
        ("data", pa.binary()),  # the content itself, where there is no path
        ("row", pa.int64()),  # of an image source that the worker is given beside
        ("status", pa.string()),  # the picture is lost: one of schema.STATUSES, and why
        ("status_detail", pa.string()),
        ("width", pa.int32()),  # by the labels; null: not known
        ("height", pa.int32()),
        ("exif_turned", pa.bool_()),  # the boxes lie in the picture as EXIF turns it
        ("boxes", pa.list_(_BOX)),
    ]
)


def _plain(field: pa.Field) -> pa.Field:
    """The field in a type that every engine has; the values keep all their bits."""
    kinds = {pa.uint8(): pa.int16(), pa.uint64(): pa.int64()}
    kind = field.type
    if pa.types.is_fixed_size_list(kind):
        kind = pa.list_(kind.value_type)
    elif pa.types.is_fixed_size_binary(kind):
        kind = pa.binary()
    return pa.field(field.name, kinds.get(kind, kind), nullable=field.nullable)


_PLAIN_BOX = pa.struct([_plain(f) for f in schema.BOX_STATS if f.name != "image_id"])

#: What an engine gives back, a row an image: ``schema.IMAGE_STATS`` in plain types, the
#: image's rows of ``schema.BOX_STATS``, and in the first row of a batch its partial summary.
MEASURED = pa.schema(
    [
        *(_plain(f) for f in schema.IMAGE_STATS),
        ("boxes", pa.list_(_PLAIN_BOX)),
        ("partial", pa.binary()),
    ]
)


@dataclass(frozen=True, eq=False)
class Measured:
    """Measured images.

    Attributes
    ----------
    image_stats, box_stats : pyarrow.RecordBatch or pyarrow.Table
        ``fastlabel.schema.IMAGE_STATS`` and ``fastlabel.schema.BOX_STATS``.
    partial : Partial
        The same summed up, to be added to that of other images.
    """

    image_stats: Any
    box_stats: Any
    partial: Partial


# --- work ---------------------------------------------------------------------------------


def work(
    jobs: Jobs,
    first: int,
    last: int,
    most: int = MOST_BYTES,
    *,
    rows_of_source: bool = True,
) -> pa.RecordBatch:
    """Jobs ``first`` to ``last`` as rows of WORK, without the columns that nothing needs.

    With ``rows_of_source``, pictures of a source that has to wait for them stay rows of it.
    """
    slow = jobs.source.slow and rows_of_source
    rows = np.asarray(jobs.rows[first:last])
    names = jobs.names[first:last]
    columns: dict[str, pa.Array] = {
        "image_id": numbers(jobs.image_ids[first:last]),
        "file_name": names,
    }
    if slow:
        there = (rows >= 0) & ~jobs.escaped[first:last]
        columns["row"] = numbers(rows, ~there)
        given = fetched(jobs, first, last, most, ask=False)
    else:
        given = fetched(jobs, first, last, most)
        columns |= _pictures(given.items)
    if given.lost:
        lost = dict(given.lost)
        n = last - first
        columns["status"] = strings([lost[k].status if k in lost else None for k in range(n)])
        columns["status_detail"] = strings(
            [lost[k].detail if k in lost else None for k in range(n)]
        )
    for k, side in enumerate(("width", "height")):
        declared = np.ascontiguousarray(jobs.declared[first:last, k])
        if declared.any():
            columns[side] = numbers(declared, declared == 0)
    if jobs.turned[first:last].any():
        columns["exif_turned"] = pa.array(jobs.turned[first:last].astype(bool).tolist(), pa.bool_())
    low, high = jobs.offsets[first], jobs.offsets[last]
    if high > low:
        corners = jobs.boxes[low:high]
        fields = [numbers(jobs.box_ids[low:high])]
        fields += [numbers(np.ascontiguousarray(corners[:, k])) for k in range(4)]
        boxes = pa.StructArray.from_arrays(fields, fields=list(_BOX))
        offsets = (jobs.offsets[first : last + 1] - low).astype(np.int32)
        columns["boxes"] = pa.ListArray.from_arrays(numbers(offsets), boxes)
    wanted = pa.schema([f for f in WORK if f.name in columns])
    return pa.RecordBatch.from_arrays([columns[f.name] for f in wanted], schema=wanted)


def _pictures(items: list[bytes | Span | None]) -> dict[str, pa.Array]:
    spans = [item if isinstance(item, Span) else None for item in items]
    contents = [None if isinstance(item, Span) else item for item in items]
    columns: dict[str, pa.Array] = {}
    if any(spans):
        columns["path"] = pa.array([s.path if s else None for s in spans], pa.binary())
        parts = {
            "offset": [s.offset or None if s else None for s in spans],
            "length": [s.length if s and s.length >= 0 else None for s in spans],
            "file_size": [s.stamp[0] if s and s.stamp else None for s in spans],
            "file_mtime_ns": [s.stamp[1] if s and s.stamp else None for s in spans],
        }
        for name, values in parts.items():
            if any(value is not None for value in values):
                columns[name] = pa.array(values, pa.int64())
    if any(content is not None for content in contents):
        data = [None if content is None else bytes(content) for content in contents]
        columns["data"] = pa.array(data, pa.binary())
    return columns


class _Given:
    """The pictures of one batch of work."""

    slow = False
    identity = "batch:"

    def __init__(self, items: list[bytes | Span | Lost]) -> None:
        self._items = items

    def __len__(self) -> int:
        return len(self._items)

    def names(self) -> pa.StringArray:
        return strings([None] * len(self._items))

    def stamps(self, rows: NDArray[np.int64]) -> pa.StructArray:
        raise NotImplementedError("a batch of work is read once")

    def fetch(self, rows: NDArray[np.int64], most: int = MOST_BYTES) -> list[bytes | Span | Lost]:
        return [self._items[row] for row in rows.tolist()]


def opened(batch: pa.RecordBatch | pa.Table, source: ImageSource | None, most: int) -> Jobs:
    """Rows of WORK as jobs, checked."""
    table = pa.Table.from_batches([batch]) if isinstance(batch, pa.RecordBatch) else batch
    if not isinstance(table, pa.Table):
        raise TypeError(f"batch: got {type(batch).__name__}, expected an Arrow batch or table")
    unknown = [name for name in table.column_names if name not in WORK.names]
    if unknown:
        raise ValueError(
            f"batch: got the column {unknown[0]!r}, expected some of {', '.join(WORK.names)}"
        )
    if "image_id" not in table.column_names:
        raise ValueError("batch: got no column 'image_id', expected whole numbers")
    given = {f.name: _cast(table[f.name], f) for f in WORK if f.name in table.column_names}
    if given["image_id"].null_count:
        raise ValueError("batch: got a null image_id, expected each image to have one")
    n = table.num_rows
    declared = np.zeros((n, 2), np.int32)
    for k, side in enumerate(("width", "height")):
        if side in given:
            declared[:, k] = as_numpy(pc.fill_null(given[side], 0))
    turned = np.zeros(n, np.int32)
    if "exif_turned" in given:
        turned[:] = as_numpy(pc.fill_null(given["exif_turned"], False))
    boxes, box_ids, offsets = _boxes(given.get("boxes"), n)
    names = given.get("file_name")
    if names is None:
        names = _as_text(given["path"]) if "path" in given else strings([None] * n)
    return Jobs(
        names,
        _Given(_items(given, source, most, n)),
        np.arange(n, dtype=np.int64),
        np.array(as_numpy(given["image_id"]), np.int64),
        np.zeros(n, bool),
        declared,
        turned,
        boxes,
        offsets,
        box_ids,
    )


def _cast(column: pa.ChunkedArray, field: pa.Field) -> pa.Array:
    try:
        return one_chunk(column.cast(field.type))
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise TypeError(
            f"batch: column {field.name!r}: got {column.type}, expected {field.type} ({error})"
        ) from error


def _as_text(paths: pa.Array) -> pa.StringArray:
    return strings([p if p is None else p.decode("utf-8", "replace") for p in paths.to_pylist()])


def _items(
    given: dict[str, pa.Array], source: ImageSource | None, most: int, n: int
) -> list[bytes | Span | Lost]:
    lists: dict[str, list[Any]] = {
        name: given[name].to_pylist() if name in given else [None] * n
        for name in ("path", "offset", "length", "file_size", "file_mtime_ns", "data", "row",
                     "status", "status_detail")
    }  # fmt: skip
    items: list[Any] = [Lost("missing", "the row has neither path nor data")] * n
    from_source: list[int] = []
    for k in range(n):
        if lists["status"][k] is not None:
            status = lists["status"][k]
            if status == "ok" or status not in schema.STATUSES:
                raise ValueError(
                    f"batch: column 'status': got {status!r}, expected null or one of "
                    f"{', '.join(schema.STATUSES[1:])}"
                )
            items[k] = Lost(status, lists["status_detail"][k] or "")
        elif lists["data"][k] is not None:
            items[k] = lists["data"][k]
        elif lists["path"][k] is not None:
            size, mtime = lists["file_size"][k], lists["file_mtime_ns"][k]
            length = lists["length"][k]
            items[k] = Span(
                lists["path"][k],
                lists["offset"][k] or 0,
                -1 if length is None else length,
                None if size is None or mtime is None else (size, mtime),
            )
        elif lists["row"][k] is not None:
            from_source.append(k)
    if from_source:
        if source is None:
            raise ValueError("batch: got rows of an image source, expected that source too")
        rows = np.array([lists["row"][k] for k in from_source], np.int64)
        for k, item in zip(from_source, source.fetch(rows, most), strict=True):
            items[k] = item
    return items


def _boxes(
    lists: pa.Array | None, n: int
) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.int64]]:
    if lists is None or len(lists) == 0:
        return np.empty((0, 4)), np.empty(0, np.int64), np.zeros(n + 1, np.int64)
    lengths = as_numpy(pc.fill_null(pc.list_value_length(lists), 0))
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    flat = lists.flatten()
    ids = flat.field("annotation_id")
    if ids.null_count:
        raise ValueError("batch: got a box without annotation_id, expected each to have one")
    corners = np.empty((len(flat), 4))
    for k, name in enumerate(("x1", "y1", "x2", "y2")):
        corners[:, k] = as_numpy(pc.fill_null(flat.field(name), np.nan))
    return corners, np.array(as_numpy(ids), np.int64), offsets


def tool() -> str:
    """What measures here: two of the same name give the same bytes."""
    return f"fastlabel {_core.version()}, {_core.jpeg_codec()}"


def agree(driver: str) -> None:
    """Raise RuntimeError where this process measures with another tool than its driver."""
    if tool() != driver:
        raise RuntimeError(
            f"a worker has {tool()}, the program that started it {driver}; install the same there"
        )


# --- measuring ----------------------------------------------------------------------------


def measure(
    batch: pa.RecordBatch | pa.Table,
    *,
    workers: int = 1,
    limits: Limits | None = None,
    source: ImageSource | None = None,
) -> Measured:
    """Decode and measure the images of one Arrow batch: what every engine calls.

    Parameters
    ----------
    batch : pyarrow.RecordBatch or pyarrow.Table
        Columns of ``fastlabel.engines.WORK``: ``image_id``, and ``path`` or ``data``; if known,
        ``file_name``, the size by the labels and the boxes.
    workers : int
        Native threads; one, for engines that start a task for each CPU. 0 means one a CPU.
    limits : Limits, optional
        What is refused before it is decoded.
    source : ImageSource, optional
        What the column ``row`` counts in.

    Returns
    -------
    Measured
        The rows of ``image_stats`` and ``box_stats`` with the ids given, in the order given,
        and their partial summary. A bad picture is a row whose status says so.

    Raises
    ------
    TypeError, ValueError
        For columns that do not fit.

    Examples
    --------
    >>> import pyarrow as pa
    >>> from fastlabel.engines import measure
    >>> batch = pa.RecordBatch.from_pydict({"image_id": [7], "path": ["/no/such.jpg"]})
    >>> measured = measure(batch)
    >>> measured.image_stats["status"].to_pylist(), measured.partial.images
    (['missing'], 1)
    """
    bounds = limits or Limits()
    jobs = opened(batch, source, bounds.max_bytes)
    # All in one batch, so the local pool gives one, or none.
    for images, boxes in engine.run(jobs, workers, bounds, None, max(len(jobs), 1)):
        return Measured(images, boxes, Partial.of(images, boxes))
    none = schema.IMAGE_STATS.empty_table(), schema.BOX_STATS.empty_table()
    images, boxes = (_one_batch(table) for table in none)
    return Measured(images, boxes, Partial())


def _one_batch(table: pa.Table) -> pa.RecordBatch:
    arrays = [one_chunk(column) for column in table.columns]
    return pa.RecordBatch.from_arrays(arrays, schema=table.schema)


def measure_rows(
    batch: pa.RecordBatch | pa.Table,
    *,
    workers: int = 1,
    limits: Limits | None = None,
    source: ImageSource | None = None,
) -> pa.RecordBatch:
    """As :func:`measure`, with all in one batch of plain types: a row for each row given.

    Parameters
    ----------
    batch, workers, limits, source
        As for :func:`measure`.

    Returns
    -------
    pyarrow.RecordBatch
        ``fastlabel.engines.MEASURED``; :func:`collect` makes tables of any number of them.

    Examples
    --------
    >>> import pyarrow as pa
    >>> from fastlabel.engines import collect, measure_rows
    >>> rows = measure_rows(pa.RecordBatch.from_pydict({"image_id": [7], "path": ["/no.jpg"]}))
    >>> collect([rows]).image_stats["image_id"].to_pylist()
    [7]
    """
    done = measure(batch, workers=workers, limits=limits, source=source)
    images = done.image_stats
    n = images.num_rows
    columns = [
        column.view(field.type) if column.type == pa.uint64() else column.cast(field.type)
        for column, field in zip(images.columns, MEASURED, strict=False)
    ]
    columns.append(_by_image(done.box_stats, images["image_id"], batch))
    columns.append(pa.array([done.partial.to_bytes(), *[None] * (n - 1)][:n], pa.binary()))
    return pa.RecordBatch.from_arrays(columns, schema=MEASURED)


def _by_image(boxes: pa.RecordBatch, ids: pa.Array, batch: pa.RecordBatch | pa.Table) -> pa.Array:
    """The rows of ``box_stats``, which lie image by image, as a list an image."""
    n = len(ids)
    lengths = np.zeros(n, np.int64)
    if boxes.num_rows:
        lists = batch["boxes"]
        lengths = as_numpy(pc.fill_null(pc.list_value_length(lists), 0)).astype(np.int64)
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32)
    columns = [boxes[f.name].cast(f.type) for f in _PLAIN_BOX]
    items = pa.StructArray.from_arrays(columns, fields=list(_PLAIN_BOX))
    return pa.ListArray.from_arrays(numbers(offsets), items)


# --- results ------------------------------------------------------------------------------


def parted(batch: pa.RecordBatch | pa.Table) -> tuple[Any, Any, list[Partial]]:
    """Rows of MEASURED as batches of IMAGE_STATS and BOX_STATS, and the summaries in them."""
    table = pa.Table.from_batches([batch]) if isinstance(batch, pa.RecordBatch) else batch
    missing = [name for name in MEASURED.names if name not in table.column_names]
    if missing:
        raise ValueError(f"rows: got no column {missing[0]!r}, expected what measure_rows gives")
    arrays = []
    for field in schema.IMAGE_STATS:
        column = one_chunk(table[field.name])
        if field.type == pa.uint64():
            arrays.append(column.cast(pa.int64()).view(field.type))
        else:
            arrays.append(column.cast(field.type))
    images = pa.RecordBatch.from_arrays(arrays, schema=schema.IMAGE_STATS)
    lists = one_chunk(table["boxes"])
    flat = lists.flatten()
    counts = as_numpy(pc.fill_null(pc.list_value_length(lists), 0))
    owners = numbers(np.repeat(as_numpy(images["image_id"]), counts).astype(np.int64))
    columns = [
        owners if f.name == "image_id" else flat.field(f.name).cast(f.type)
        for f in schema.BOX_STATS
    ]
    boxes = pa.RecordBatch.from_arrays(columns, schema=schema.BOX_STATS)
    cells = one_chunk(table["partial"]).drop_null().to_pylist()
    return images, boxes, [Partial.from_bytes(cell) for cell in cells]


def collect(rows: pa.Table | pa.RecordBatch | Iterable[pa.Table | pa.RecordBatch]) -> Measured:
    """Make tables of what an engine gave back, in any order.

    Parameters
    ----------
    rows : pyarrow.Table, RecordBatch or iterable of those
        ``fastlabel.engines.MEASURED``, as :func:`measure_rows` gives it, whatever types the
        engine made of it.

    Returns
    -------
    Measured
        Tables sorted by ``image_id`` and ``annotation_id``, the same bytes whichever engine
        measured them, and the sum of all partial summaries.

    Raises
    ------
    ValueError
        If an image is there twice, or the summaries count other images than the rows: an
        engine has lost or repeated some.

    Examples
    --------
    >>> from fastlabel.engines import collect
    >>> collect([]).image_stats.num_rows
    0
    """
    if isinstance(rows, (pa.Table, pa.RecordBatch)):
        rows = [rows]
    batches = list(_parted_all(rows))
    image_ids = _all_ids([images["image_id"] for images, _, _ in batches], "image_id")
    box_ids = _all_ids([boxes["annotation_id"] for _, boxes, _ in batches], "annotation_id")
    total = merged(partial for _, _, partials in batches for partial in partials)
    if (total.images, total.boxes) != (len(image_ids), len(box_ids)):
        raise ValueError(
            f"rows: got {len(image_ids):,} images and {len(box_ids):,} boxes, and summaries of "
            f"{total.images:,} and {total.boxes:,}, expected the same: rows were lost or repeated"
        )
    tables = Assembly(len(image_ids), len(box_ids))
    names = [pa.array([], pa.string())]
    for images, boxes, _ in batches:
        tables.put_images(np.searchsorted(image_ids, as_numpy(images["image_id"])), images)
        tables.put_boxes(np.searchsorted(box_ids, as_numpy(boxes["annotation_id"])), boxes)
        names.append(images["file_name"])
    arrived = np.concatenate([[], *(as_numpy(images["image_id"]) for images, _, _ in batches)])
    order = numbers(np.argsort(arrived, kind="stable").astype(np.int64))
    image_stats, box_stats = tables.finish(pa.concat_arrays(names).take(order))
    return Measured(
        image_stats.set_column(0, schema.IMAGE_STATS.field(0), numbers(image_ids)),
        box_stats.set_column(0, schema.BOX_STATS.field(0), numbers(box_ids)),
        total,
    )


def _parted_all(
    rows: Iterable[pa.Table | pa.RecordBatch],
) -> Iterator[tuple[pa.RecordBatch, pa.RecordBatch, list[Partial]]]:
    for batch in rows:
        if not isinstance(batch, (pa.Table, pa.RecordBatch)):
            raise TypeError(f"rows: got {type(batch).__name__}, expected Arrow tables or batches")
        if batch.num_rows:
            yield parted(batch)


def _all_ids(columns: list[pa.Array], name: str) -> NDArray[np.int64]:
    """All ids, sorted, each once."""
    found = np.sort(np.concatenate([np.empty(0, np.int64), *(as_numpy(c) for c in columns)]))
    twice = np.flatnonzero(found[1:] == found[:-1])
    if len(twice):
        raise ValueError(f"rows: got {name} {found[twice[0]]} twice, expected each once")
    return found
