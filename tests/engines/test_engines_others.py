"""Spark and Daft carry the same rows to the same tables; what is not installed is named."""

from __future__ import annotations

import os
import sys

import pytest
from engine_sets import draw_set, local_bytes, parquet

import fastlabel as fl
from fastlabel import engines
from fastlabel.scan import scan_tables, transport


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    return draw_set(tmp_path_factory.mktemp("others") / "set", images=150)


def assert_as_local(rows, ds):
    done = engines.collect(rows)
    assert (parquet(done.image_stats), parquet(done.box_stats)) == local_bytes(ds)
    assert done.partial == engines.Partial.of(*scan_tables(ds))


@pytest.mark.slow
@pytest.mark.engines
@pytest.mark.filterwarnings("ignore")
def test_spark_gives_the_local_bytes(drawn, monkeypatch):
    try:
        from pyspark.sql import SparkSession
    except ImportError:
        pytest.skip("PYSPARK ABSENT: make test-engines installs it")
    monkeypatch.setenv("PYSPARK_PYTHON", sys.executable)
    monkeypatch.setenv("SPARK_LOCAL_IP", "127.0.0.1")
    spark = (
        SparkSession.builder.master("local[2]")
        .config("spark.ui.enabled", "false")
        .config("spark.sql.execution.arrow.maxRecordsPerBatch", "32")
        .getOrCreate()
    )
    try:
        frame = spark.createDataFrame(engines.work(drawn)).repartition(3)
        rows = frame.mapInArrow(engines.spark_map(), engines.spark_schema()).toArrow()
    finally:
        spark.stop()
    assert_as_local(rows, drawn)


@pytest.mark.engines
@pytest.mark.filterwarnings("ignore")
def test_daft_gives_the_local_bytes(drawn, monkeypatch):
    monkeypatch.setenv("DO_NOT_TRACK", "1")
    try:
        import daft
    except ImportError:
        pytest.skip("DAFT ABSENT: make test-engines installs it")
    work = engines.work(drawn)
    udf = engines.daft_udf(*work.column_names)
    frame = daft.from_arrow(work).into_batches(40)
    columns = [daft.col(name) for name in work.column_names]
    rows = frame.select(udf(*columns).alias("row")).select(daft.col("row").unnest()).to_arrow()
    assert_as_local(rows, drawn)


def test_daft_is_asked_for_columns_it_can_use():
    with pytest.raises(ValueError, match="image_id"):
        engines.daft_udf("path")
    with pytest.raises(ValueError, match="picture"):
        engines.daft_udf("image_id", "picture")


@pytest.mark.parametrize(
    ("package", "call"),
    [
        ("ray", lambda: fl.scan([b"x"], engine="ray")),
        ("ray", lambda: fl.check(os.devnull, engine="ray")),
        ("spark", engines.spark_schema),
        ("daft", lambda: engines.daft_udf("image_id", "path")),
    ],
)
def test_an_engine_that_is_absent_names_its_extra(monkeypatch, package, call):
    for name in ("ray", "ray.data", "pyspark", "pyspark.sql.pandas.types", "daft"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ImportError, match=rf'pip install "fastlabel\[{package}\]"'):
        call()


def test_a_worker_of_another_version_is_found(monkeypatch):
    mapped = engines.spark_map()
    monkeypatch.setattr(transport, "tool", lambda: "fastlabel 0.0.1, libjpeg 6b")
    with pytest.raises(RuntimeError, match=r"a worker has fastlabel 0\.0\.1.*install the same"):
        list(mapped(iter([engines.work([b"x"]).to_batches()[0]])))


def test_an_unknown_engine_is_refused_before_anything_is_read():
    for call in (lambda: fl.scan([b"x"], engine="dask"), lambda: fl.check("/no", engine="dask")):
        with pytest.raises(ValueError, match="engine: got 'dask', expected 'local' or 'ray'"):
            call()


def test_the_command_says_what_is_missing_in_one_line(monkeypatch, tmp_path, capsys):
    from fastlabel.cli import main

    monkeypatch.setitem(sys.modules, "ray", None)
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "a.jpg").write_bytes(b"x")
    with pytest.raises(SystemExit) as stopped:
        main(["check", str(tmp_path / "data"), "--engine", "ray", "--out", str(tmp_path / "out")])
    assert stopped.value.code == 2
    assert 'pip install "fastlabel[ray]"' in capsys.readouterr().err
