"""Tables put together from batches in any order are the ones that Arrow sorts together."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from fastlabel import schema
from fastlabel.scan.assembly import Assembly


def column(field: pa.Field, n: int, rng: np.random.Generator) -> pa.Array:
    null = rng.random(n) < 0.3 if field.nullable else np.zeros(n, bool)
    if field.name == "content_hash":
        values = [rng.bytes(16).hex() for _ in range(n)]
    elif pa.types.is_fixed_size_binary(field.type):
        values = [rng.bytes(field.type.byte_width) for _ in range(n)]
    elif pa.types.is_string(field.type):
        values = [str(rng.choice(["ok", "jpeg", "naïve ☂", ""])) for _ in range(n)]
    elif pa.types.is_fixed_size_list(field.type):
        return pa.array(
            [[None if rng.random() < 0.3 else float(rng.random()) for _ in range(3)] for _ in null],
            field.type,
        )
    elif pa.types.is_floating(field.type):
        values = rng.normal(size=n).tolist()
    else:
        values = rng.integers(0, 100, n).tolist()
    return pa.array([None if gone else v for v, gone in zip(values, null, strict=True)], field.type)


def tables(n: int, m: int, seed: int) -> tuple[pa.Table, pa.Table]:
    rng = np.random.default_rng(seed)
    made = []
    for wanted, rows, ids in (
        (schema.IMAGE_STATS, n, "image_id"),
        (schema.BOX_STATS, m, "annotation_id"),
    ):
        columns = [column(f, rows, rng) for f in wanted]
        columns[wanted.get_field_index(ids)] = pa.array(np.arange(rows))
        made.append(pa.Table.from_arrays(columns, schema=wanted))
    return made[0], made[1]


@pytest.mark.parametrize(("n", "m"), [(50, 120), (1, 0), (0, 0), (7, 1)])
def test_batches_in_any_order(n: int, m: int) -> None:
    images, boxes = tables(n, m, n)
    rng = np.random.default_rng(1)
    whole = Assembly(n, m)
    order, box_order = rng.permutation(n), rng.permutation(m)
    for part, box_part in zip(np.array_split(order, 5), np.array_split(box_order, 5), strict=True):
        # Slices of a larger table: their buffers do not begin at their first row.
        some = pa.concat_tables([images.slice(0, min(3, n)), images.take(part)]).combine_chunks()
        few = boxes.take(box_part).combine_chunks()
        rows = some.to_batches()[0].slice(min(3, n)) if some.num_rows else None
        if rows is not None:
            whole.put_images(part.astype(np.int64), rows)
        for batch in few.to_batches():
            whole.put_boxes(box_part.astype(np.int64), batch)
    got = whole.finish(images["file_name"].combine_chunks())
    for table, truth in zip(got, (images, boxes), strict=True):
        table.validate(full=True)
        assert table.equals(truth.cast(table.schema))
        assert all(c.num_chunks <= 1 for c in table.columns)


def test_nothing_is_beneath_a_null() -> None:
    """Two runs must not differ in what nobody sees."""
    images, _ = tables(4, 0, 3)
    tables_of = Assembly(4, 0)
    (batch,) = images.combine_chunks().to_batches()
    at = images.schema.get_field_index("luma_mean")
    values = np.arange(1.0, 5)
    hidden = pa.Array.from_buffers(pa.float64(), 4, [pa.py_buffer(b"\x05"), pa.py_buffer(values)])
    columns = batch.columns
    columns[at] = hidden
    tables_of.put_images(np.arange(4), pa.RecordBatch.from_arrays(columns, schema=images.schema))
    got = tables_of.finish(images["file_name"].combine_chunks())[0]["luma_mean"].chunk(0)
    assert got.to_pylist() == [1, None, 3, None]
    assert np.frombuffer(got.buffers()[1], np.float64, 4).tolist() == [1, 0, 3, 0]
