"""report.findings in the hands of DuckDB, polars, pandas and pyarrow, without a copy."""

from __future__ import annotations

import json

import cv2
import numpy as np
import pyarrow as pa
import pytest

import fastlabel as fl
from fastlabel._arrow import arrow_batches

#: Columns of fixed width: one buffer of numbers each.
FIXED = ("image_id", "annotation_id", "score", "value", "threshold")


@pytest.fixture(scope="module")
def findings(tmp_path_factory):
    """A small set with boxes that leave the picture, of no size, and twice."""
    root = tmp_path_factory.mktemp("set")
    images, annotations = [], []
    for k in range(3):
        cv2.imwrite(str(root / f"{k}.jpg"), np.full((64, 64, 3), 90 * k, np.uint8))
        images.append({"id": k, "file_name": f"{k}.jpg", "width": 64, "height": 64})
        for box in ([5, 5, 20, 20], [5, 5, 20, 20], [50, 50, 40, 40], [9, 9, 0, 3]):
            entry = {"id": len(annotations), "image_id": k, "category_id": 1, "bbox": box}
            annotations.append({**entry, "area": box[2] * box[3], "iscrowd": 0})
    labels = {"images": images, "annotations": annotations}
    labels["categories"] = [{"id": 1, "name": "blot"}]
    (root / "annotations.json").write_text(json.dumps(labels))
    table = fl.check(root).findings
    assert table.num_rows > 5
    return table.combine_chunks()


def addresses(table):
    return {name: table[name].chunk(0).buffers()[1].address for name in FIXED}


def test_pyarrow_reads_them_where_they_lie(findings):
    again = pa.table(_Only(findings))
    assert again.equals(findings)
    assert addresses(again) == addresses(findings)


def test_polars_reads_them_where_they_lie(findings):
    pl = pytest.importorskip("polars")
    frame = pl.DataFrame(findings)
    assert frame.height == findings.num_rows
    for name in FIXED:
        ((_, (column,)),) = arrow_batches(frame[name], name)
        assert column.values.ctypes.data == addresses(findings)[name]
    assert frame["code"].to_list() == findings["code"].to_pylist()


def test_pandas_reads_them_where_they_lie(findings):
    pd = pytest.importorskip("pandas")
    frame = findings.to_pandas(types_mapper=pd.ArrowDtype)
    for name in FIXED:
        held = frame[name].array.__arrow_array__()
        chunk = held.chunk(0) if isinstance(held, pa.ChunkedArray) else held
        assert chunk.buffers()[1].address == addresses(findings)[name]
    assert frame["code"].tolist() == findings["code"].to_pylist()


def test_duckdb_scans_them_where_they_lie(findings):
    """DuckDB pulls batches from the stream itself; what it is given are these buffers."""
    duckdb = pytest.importorskip("duckdb")
    seen = _Only(findings)
    connection = duckdb.connect()
    rows = connection.execute("select code, count(*) from seen group by code").fetchall()
    assert dict(rows) == {
        code: findings["code"].to_pylist().count(code) for code in set(findings["code"].to_pylist())
    }
    assert seen.asked > 0
    ((count, columns),) = arrow_batches(seen, "findings", FIXED)
    assert count == findings.num_rows
    for name, column in zip(FIXED, columns, strict=True):
        assert column.values.ctypes.data == addresses(findings)[name]
    worst = connection.execute("select max(score) from seen").fetchone()[0]
    assert worst == np.nanmax(findings["score"].to_numpy())


class _Only:
    """Nothing but ``__arrow_c_stream__``, counted."""

    def __init__(self, table):
        self._table = table
        self.asked = 0

    def __arrow_c_stream__(self, requested_schema=None):
        self.asked += 1
        return self._table.__arrow_c_stream__(requested_schema)
