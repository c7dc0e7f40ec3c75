"""Work and results as Arrow rows: nothing an engine does to them shows in the end."""

from __future__ import annotations

import random

import cv2
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from engine_sets import draw_set, local_bytes, parquet

import fastlabel as fl
from fastlabel import engines, schema
from fastlabel.engines import MEASURED, WORK, Partial, collect, measure, measure_rows
from fastlabel.scan import Limits, scan_tables
from fastlabel.scan.jobs import jobs_of
from fastlabel.scan.transport import work


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    return draw_set(tmp_path_factory.mktemp("engines") / "set")


def jpeg(tone=100, size=(20, 30)):
    return cv2.imencode(".jpg", np.full(size, tone, np.uint8))[1].tobytes()


def as_an_engine_would(table: pa.Table) -> pa.Table:
    """Large types, everything nullable, dictionaries never: what Daft and Spark make of rows."""

    def large(kind: pa.DataType) -> pa.DataType:
        if pa.types.is_string(kind):
            return pa.large_string()
        if pa.types.is_binary(kind):
            return pa.large_binary()
        if pa.types.is_list(kind):
            return pa.large_list(large(kind.value_type))
        if pa.types.is_struct(kind):
            return pa.struct([pa.field(f.name, large(f.type)) for f in kind])
        return kind

    return table.cast(pa.schema([pa.field(f.name, large(f.type)) for f in table.schema]))


@pytest.mark.parametrize("seed", range(4))
def test_batches_of_any_size_in_any_order_give_the_local_bytes(drawn, seed):
    rng = random.Random(seed)
    work = engines.work(drawn)
    if seed % 2:
        order = list(range(work.num_rows))
        rng.shuffle(order)
        work = as_an_engine_would(work.take(order))
    rows = [measure_rows(batch) for batch in work.to_batches(rng.choice([1, 7, 25, 100]))]
    rng.shuffle(rows)
    done = collect(
        [as_an_engine_would(pa.Table.from_batches([r])) for r in rows] if seed % 2 else rows
    )
    assert (parquet(done.image_stats), parquet(done.box_stats)) == local_bytes(drawn)
    assert done.partial == Partial.of(*scan_tables(drawn))
    assert {"ok", "truncated", "missing", "escaped"} <= set(done.partial.to_dict()["statuses"])


def test_rows_have_types_that_every_engine_has():
    def plain(kind):
        if pa.types.is_list(kind):
            return plain(kind.value_type)
        if pa.types.is_struct(kind):
            return all(plain(f.type) for f in kind)
        return kind in (
            *(pa.int8(), pa.int16(), pa.int32(), pa.int64(), pa.float64()),
            *(pa.string(), pa.binary(), pa.bool_()),
        )

    for given in (WORK, MEASURED):
        assert all(plain(field.type) for field in given), given


def test_every_bit_of_a_hash_survives_its_signed_type():
    noise = np.random.default_rng(3).integers(0, 256, (8, 60, 60), dtype=np.uint8)
    data = [cv2.imencode(".png", cv2.GaussianBlur(n, (0, 0), 3))[1].tobytes() for n in noise]
    wanted = fl.scan(data)
    assert max(wanted["phash"].to_pylist()) >= 2**63
    rows = measure_rows(engines.work(data))
    assert min(rows["phash"].to_pylist()) < 0
    assert collect(rows).image_stats.equals(wanted)


def test_ids_are_those_given_and_need_not_be_dense(tmp_path):
    (tmp_path / "a.jpg").write_bytes(jpeg())
    boxes = [{"annotation_id": 41, "x1": 0.0, "y1": 0.0, "x2": 9.0, "y2": 9.0}]
    batch = pa.table(
        {
            "image_id": [900, -5],
            "path": [str(tmp_path / "a.jpg"), None],
            "data": [None, jpeg(50)],
            "file_name": [None, "in memory"],
            "boxes": [boxes, None],
        }
    )
    done = collect(measure_rows(batch))
    assert done.image_stats["image_id"].to_pylist() == [-5, 900]
    assert done.image_stats["file_name"].to_pylist()[0] == "in memory"
    assert done.image_stats["luma_mean"].to_pylist() == [50.0, 100.0]
    assert done.box_stats.select(["annotation_id", "image_id", "pixels"]).to_pylist() == [
        {"annotation_id": 41, "image_id": 900, "pixels": 81}
    ]
    assert done.image_stats.schema == schema.IMAGE_STATS
    assert done.box_stats.schema == schema.BOX_STATS


def test_the_name_is_the_path_unless_one_is_given():
    batch = pa.RecordBatch.from_pydict({"image_id": [1], "path": ["/no/such.jpg"]})
    assert measure(batch).image_stats["file_name"].to_pylist() == ["/no/such.jpg"]


def test_places_in_archives_stay_places(tmp_path, drawn):
    import tarfile

    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        archive.add(drawn.root / "images", "images")
    ds = fl.read(drawn.root / "labels.json", images=[tmp_path / "a.tar"])
    work = engines.work(ds)
    assert "offset" in work.column_names and "data" not in work.column_names
    rows = [measure_rows(batch) for batch in work.to_batches(20)]
    assert parquet(collect(rows).image_stats) == local_bytes(ds)[0]
    # Rewritten in between: the places lead anywhere, and are not read.
    (tmp_path / "a.tar").write_bytes((tmp_path / "a.tar").read_bytes() + b"\0" * 512)
    assert "ok" not in measure(work).image_stats["status"].to_pylist()


def test_an_empty_batch_is_no_trouble():
    empty = pa.table({"image_id": pa.array([], pa.int64()), "data": pa.array([], pa.binary())})
    assert measure_rows(empty).num_rows == 0
    done = measure(empty)
    assert done.image_stats.schema == schema.IMAGE_STATS and done.partial == Partial()
    assert engines.work([]).num_rows == 0
    nothing = collect([measure_rows(empty)])
    assert (nothing.image_stats.num_rows, nothing.box_stats.num_rows) == (0, 0)


def test_limits_are_kept():
    done = measure(engines.work([jpeg(size=(50, 50))]), limits=Limits(max_pixels=100))
    assert done.image_stats["status"].to_pylist() == ["over_limit"]


@pytest.mark.parametrize(
    ("columns", "error", "text"),
    [
        ({"path": ["a"]}, ValueError, "no column 'image_id'"),
        ({"image_id": [None], "path": ["a"]}, ValueError, "null image_id"),
        ({"image_id": ["x"], "path": ["a"]}, TypeError, "'image_id'"),
        ({"image_id": [1], "file": ["a"]}, ValueError, "'file'"),
        ({"image_id": [1], "row": [0]}, ValueError, "source"),
        ({"image_id": [1], "path": [3.5]}, TypeError, "'path'"),
        ({"image_id": [1], "data": [b""], "boxes": [[1.0]]}, TypeError, "'boxes'"),
        ({"image_id": [1], "status": ["fine"]}, ValueError, "'fine'"),
        (
            {"image_id": [1], "data": [b""], "boxes": [[{"annotation_id": None}]]},
            ValueError,
            "annotation_id",
        ),
    ],
)  # fmt: skip
def test_a_batch_that_does_not_fit_is_refused_by_name(columns, error, text):
    with pytest.raises(error, match=text):
        measure(pa.table(columns))


def test_what_is_no_batch_is_refused():
    with pytest.raises(TypeError, match="batch: got dict"):
        measure({"image_id": [1]})
    with pytest.raises(TypeError, match="rows: got str"):
        collect("rows")
    with pytest.raises(ValueError, match="no column 'image_id'"):
        collect(pa.table({"x": [1]}))


def test_a_row_with_neither_path_nor_data_is_a_missing_picture():
    done = measure(pa.table({"image_id": [1]}))
    assert done.image_stats["status"].to_pylist() == ["missing"]


def test_rows_lost_or_repeated_on_the_way_are_found(drawn):
    rows = [measure_rows(batch) for batch in engines.work(drawn).to_batches(20)]
    with pytest.raises(ValueError, match="image_id 0 twice"):
        collect([*rows, rows[0]])
    with pytest.raises(ValueError, match="lost or repeated"):
        collect([rows[0].slice(0, 10), *rows[1:]])
    with pytest.raises(ValueError, match="lost or repeated"):
        collect([rows[0].slice(1), *rows[1:]])


def test_workers_do_not_show(drawn):
    one, three = (measure_rows(engines.work(drawn), workers=n) for n in (1, 3))
    assert one.equals(three)


def test_sources_that_wait_go_to_other_processes_and_give_the_same(tmp_path, drawn):
    import pickle
    import zipfile

    from pyarrow.fs import LocalFileSystem

    from fastlabel.scan.sources import RemoteSource, open_source

    names = sorted((drawn.root / "images").iterdir())
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for path in names:
            archive.write(path, path.name)
    rows = [{"image": {"bytes": p.read_bytes(), "path": p.name}} for p in names]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "a.parquet", row_group_size=7)
    for source in (
        open_source(str(tmp_path / "a.zip")),
        open_source(str(tmp_path / "a.parquet")),
        RemoteSource.below(LocalFileSystem(), str(drawn.root), "test:"),
    ):
        assert source.slow
        sent = pickle.loads(pickle.dumps(source))
        assert (sent.identity, len(sent)) == (source.identity, len(source))
        assert sent.names().equals(source.names())
        at = np.arange(len(source))[::-3]
        assert sent.fetch(at) == source.fetch(at)
        # By row where the worker has the source, with the bytes where it has not.
        jobs = jobs_of(source)
        by_row = work(jobs, 0, len(jobs))
        assert "row" in by_row.schema.names and "data" not in by_row.schema.names
        wanted = parquet(fl.scan(source))
        assert parquet(collect(measure_rows(by_row, source=sent)).image_stats) == wanted
        assert parquet(collect(measure_rows(engines.work(source))).image_stats) == wanted


def test_tasks_of_large_pictures_are_of_fewer():
    from fastlabel.scan.ray_engine import _task_size

    def size(contents, cpus=2):
        return _task_size(jobs_of(contents), cpus)

    assert size([b"x" * 6_000] * 100_000) == 4096
    assert size([b"x" * 100_000] * 5_000) == 335
    assert size([b"x" * (8 << 20)] * 900) == 16
    assert size([b"x" * 6_000] * 800) == 100  # so that each CPU has some
    assert size([b"x" * 6_000] * 800, cpus=64) == 16
    assert size([b""] * 100_000) == 4096


def test_work_cut_into_parts_is_the_whole_works_rows(drawn, monkeypatch):
    whole = engines.work(drawn)
    monkeypatch.setattr(engines, "_BATCH", 7)
    assert engines.work(drawn).select(whole.column_names).to_pylist() == whole.to_pylist()
