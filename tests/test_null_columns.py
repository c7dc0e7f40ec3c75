"""Columns that hold nothing: read like any other, and not written to memory."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from fastlabel import schema
from fastlabel.dataset import Dataset, null_column

FIELDS = [f for s in (schema.ANNOTATIONS, schema.IMAGES, schema.IMAGE_STATS) for f in s]


@pytest.mark.parametrize("kind", sorted({f.type for f in FIELDS}, key=str), ids=str)
@pytest.mark.parametrize("rows", [0, 1, 9, 1000])
def test_a_column_of_nulls_is_one_like_any_other(kind, rows):
    column = null_column(rows, kind)
    column.validate(full=True)
    assert column.equals(pa.nulls(rows, kind))
    assert column.null_count == rows
    assert column.take(pa.array(np.arange(rows)[::-1])).equals(pa.nulls(rows, kind))
    assert column.slice(rows // 2).to_pylist() == [None] * (rows - rows // 2)
    imported = pa.RecordBatch.from_arrays([column], ["x"])
    assert pa.RecordBatch._import_from_c_capsule(*imported.__arrow_c_array__()).equals(imported)


def test_parts_that_are_all_null_are_not_copied_into_one(tmp_path):
    n = 50_000
    known = {"annotation_id": np.arange(n), "image_id": np.zeros(n, np.int64)}
    columns = [
        pa.array(known[f.name]) if f.name in known else null_column(n, f.type)
        for f in schema.ANNOTATIONS
    ]
    half = pa.Table.from_arrays(columns, schema=schema.ANNOTATIONS)
    ds = Dataset(
        schema.IMAGES.empty_table(),
        pa.concat_tables([half, half]),
        schema.CATEGORIES.empty_table(),
        schema.PROBLEMS.empty_table(),
        tmp_path,
        "coco",
    )
    assert all(c.num_chunks == 1 for c in ds.annotations.columns)
    assert ds.annotations["obb"].equals(pa.chunked_array([pa.nulls(2 * n, half["obb"].type)]))
    before = pa.total_allocated_bytes()
    again = replace(ds, annotations=pa.concat_tables([half, half]))
    # The two columns that hold something; the others would be 6 MB more of each half.
    assert pa.total_allocated_bytes() - before < 2 * 2 * n * 8 + 2**20
    assert again.annotations.equals(ds.annotations)
