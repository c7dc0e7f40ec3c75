"""Pictures behind URLs, from an S3 server on loopback that loses objects and falters."""

from __future__ import annotations

import json
import threading
from collections import Counter

import cv2
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import fastlabel as fl
from fastlabel.dataset import DatasetError
from fastlabel.scan.jobs import jobs_of
from fastlabel.scan.read_ahead import read_ahead
from fastlabel.scan.sources import Backoff, Lost, RemoteSource, open_source
from fastlabel.scan.sources.remote import without_secrets

moto_server = pytest.importorskip("moto.server", reason="the S3 tests need moto: extra `test`")
pytestmark = pytest.mark.filterwarnings("ignore")  # moto's and botocore's own

SECRET = "wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEY"


class Faltering:
    """A WSGI application that answers some requests for objects with an error first."""

    def __init__(self, app) -> None:
        self.app = app
        self.share = 0.0
        self.status = "503 Slow Down"
        self.seen: Counter[str] = Counter()
        self.refused = 0
        self._draw = np.random.default_rng(1)
        self._lock = threading.Lock()

    def __call__(self, environ, start_response):
        with self._lock:
            self.seen[environ["REQUEST_METHOD"]] += 1
            falter = ".jpg" in environ["PATH_INFO"] and self._draw.random() < self.share
            self.refused += falter
        if falter:
            start_response(self.status, [("Content-Type", "application/xml")])
            return [b"<Error><Code>SlowDown</Code><Message>Reduce your rate</Message></Error>"]
        return self.app(environ, start_response)


@pytest.fixture(scope="module")
def s3(monkeypatch_module):
    from werkzeug.serving import make_server

    app = Faltering(moto_server.DomainDispatcherApplication(moto_server.create_backend_app))
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    monkeypatch_module.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch_module.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    monkeypatch_module.setenv("AWS_EC2_METADATA_DISABLED", "true")
    yield app, server.port
    server.shutdown()
    thread.join()


@pytest.fixture(scope="module")
def monkeypatch_module():
    with pytest.MonkeyPatch.context() as patch:
        yield patch


@pytest.fixture(autouse=True)
def no_faults(s3):
    s3[0].share, s3[0].status, s3[0].refused = 0.0, "503 Slow Down", 0


def url(s3, path: str) -> str:
    return f"s3://{path}?endpoint_override=127.0.0.1:{s3[1]}&scheme=http&region=us-east-1"


def filesystem(s3):
    from pyarrow import fs

    return fs.S3FileSystem(
        endpoint_override=f"127.0.0.1:{s3[1]}",
        scheme="http",
        region="us-east-1",
        allow_bucket_creation=True,
        retry_strategy=fs.AwsStandardS3RetryStrategy(max_attempts=1),
    )


def jpeg(seed: int) -> bytes:
    picture = np.random.default_rng(seed).integers(0, 256, (24, 32, 3), np.uint8)
    return cv2.imencode(".jpg", picture)[1].tobytes()


def fill(s3, bucket: str, names: list[str], tmp_path, every: int = 100) -> list[str]:
    """Put all but each ``every``-th picture into a bucket and a folder; returns the others."""
    store = filesystem(s3)
    store.create_dir(bucket)
    lost = []
    for k, name in enumerate(names):
        if k % every == every - 1:
            lost.append(name)
            continue
        data = jpeg(k % 50)
        with store.open_output_stream(f"{bucket}/{name}") as to:
            to.write(data)
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(data)
    labels = {
        "images": [{"id": k, "file_name": n, "width": 32, "height": 24}
                   for k, n in enumerate(names)],
        "annotations": [{"id": k, "image_id": k, "category_id": 1, "bbox": [1, 1, 9, 9]}
                        for k in range(len(names))],
        "categories": [{"id": 1, "name": "thing"}],
    }  # fmt: skip
    (tmp_path / "labels.json").write_text(json.dumps(labels))
    return lost


def audited(s3, bucket: str, tmp_path, names: list[str], lost: list[str], share: float) -> None:
    """A check of the bucket equals one of the folder, and names each lost picture."""
    wanted = fl.check(tmp_path / "labels.json")
    s3[0].share = share
    store = RemoteSource.below(
        filesystem(s3), bucket, f"s3://{bucket}", Backoff(attempts=8, first=0.005)
    )
    report = fl.check(tmp_path / "labels.json", images=store)
    assert s3[0].refused > share * len(names) / 2
    assert store.retries >= s3[0].refused - 5
    rows, expected = report.image_stats.to_pylist(), wanted.image_stats.to_pylist()
    for row, other in zip(rows, expected, strict=True):
        if row["status"] == "missing":
            row.pop("status_detail"), other.pop("status_detail")
    assert rows == expected
    assert report.box_stats.equals(wanted.box_stats)
    codes, told = report.findings["code"].to_pylist(), report.findings["message"].to_pylist()
    missing = [message for code, message in zip(codes, told, strict=True) if code == "FL004"]
    assert len(missing) == len(lost)
    assert all(any(name in message for message in missing) for name in lost)
    statuses = Counter(row["status"] for row in rows)
    assert statuses == {"ok": len(names) - len(lost), "missing": len(lost)}


def test_a_bucket_with_lost_objects_and_503s(s3, tmp_path):
    names = [f"part{k % 3}/{k:05d}.jpg" for k in range(200)]
    lost = fill(s3, "small", names, tmp_path, every=50)
    audited(s3, "small", tmp_path, names, lost, share=0.1)


@pytest.mark.slow
def test_a_bucket_of_10_000_with_lost_objects_and_503s(s3, tmp_path):
    names = [f"part{k % 10}/{k:05d}.jpg" for k in range(10_000)]
    lost = fill(s3, "large", names, tmp_path)
    assert len(lost) == 100
    audited(s3, "large", tmp_path, names, lost, share=0.02)


def test_objects_that_go_after_the_listing_and_lists_of_urls(s3, tmp_path):
    store = filesystem(s3)
    store.create_dir("going")
    for k in range(4):
        with store.open_output_stream(f"going/{k}.jpg") as to:
            to.write(jpeg(k))
    source = open_source(url(s3, "going"))
    assert source.names().to_pylist() == [f"{k}.jpg" for k in range(4)]
    store.delete_file("going/2.jpg")
    rows = fl.scan(source).to_pylist()
    assert [r["status"] for r in rows] == ["ok", "ok", "missing", "ok"]
    assert rows[2]["status_detail"] == "there is no such object"
    listed = tmp_path / "list.txt"
    listed.write_text("\n".join(url(s3, f"going/{k}.jpg") for k in (3, 2, 0)))
    source = open_source(f"@{listed}")
    assert [r["status"] for r in fl.scan(source).to_pylist()] == ["ok", "missing", "ok"]
    assert source.names().to_pylist()[0] == "s3://going/3.jpg"


def test_a_server_that_never_recovers_makes_rows_and_no_abort(s3):
    store = filesystem(s3)
    store.create_dir("down")
    for k in range(3):
        with store.open_output_stream(f"down/{k}.jpg") as to:
            to.write(jpeg(k))
    source = RemoteSource.below(store, "down", "s3://down", Backoff(attempts=3, first=0.001))
    s3[0].share = 1.0
    rows = fl.scan(source).to_pylist()
    assert [r["status"] for r in rows] == ["unreadable"] * 3
    assert {r["status_detail"] for r in rows} == {
        "tried 3 times: AWS Error UNKNOWN (HTTP status 503) during HeadObject operation: No "
        "response body."
    }
    s3[0].status = "403 Forbidden"
    source = RemoteSource.below(store, "down", "s3://down", Backoff(attempts=3, first=0.001))
    s3[0].refused = 0
    assert {r["status"] for r in fl.scan(source).to_pylist()} == {"unreadable"}
    assert source.retries == 0


def test_parquet_on_a_server_equals_parquet_here(s3, tmp_path):
    table = pa.table({"image": [{"bytes": jpeg(k), "path": f"{k}.jpg"} for k in range(30)]})
    pq.write_table(table, tmp_path / "t.parquet", row_group_size=8)
    store = filesystem(s3)
    store.create_dir("tables")
    with store.open_output_stream("tables/t.parquet") as to:
        to.write((tmp_path / "t.parquet").read_bytes())
    there, here = open_source(url(s3, "tables/t.parquet")), open_source(tmp_path / "t.parquet")
    assert fl.scan(there).equals(fl.scan(here))
    assert there.identity == "s3://tables/t.parquet"


def test_no_credential_is_ever_printed(s3, tmp_path, capsys):
    from fastlabel.cli import main

    with_secret = (
        f"s3://AKIDEXAMPLE:{SECRET}@nowhere/a?endpoint_override=127.0.0.1:{s3[1]}&scheme=http"
    )
    with pytest.raises(SystemExit, match="2"):
        main(["check", with_secret, "--out", str(tmp_path / "out")])
    said = capsys.readouterr()
    assert SECRET not in said.out + said.err and "s3://nowhere/a" in said.err
    store = filesystem(s3)
    store.create_dir("kept")
    with store.open_output_stream("kept/a.jpg") as to:
        to.write(jpeg(1))
    place = with_secret.replace("nowhere/a", "kept")
    assert SECRET not in open_source(place).identity
    with pytest.raises(SystemExit, match="0"):
        main(["check", place, "--out", str(tmp_path / "out"), "--fail-on", "never"])
    said = capsys.readouterr()
    assert SECRET not in said.out + said.err
    for file in (tmp_path / "out").rglob("*"):
        assert SECRET.encode() not in file.read_bytes()
    assert (
        without_secrets("denied: secret_key=abc123 for AKID") == "denied: secret_key=... for AKID"
    )


def test_urls_that_lead_nowhere(s3):
    for place, said in (
        (url(s3, "no-such-bucket"), "cannot be listed|no image below it"),
        (url(s3, "no-such-bucket/a.tar"), "from a local disk only"),
        ("unknown://a/b", "unknown"),
    ):
        with pytest.raises(DatasetError, match=said):
            open_source(place)


def test_fsspec_filesystems(tmp_path):
    fsspec = pytest.importorskip("fsspec", reason="needs fsspec")
    memory = fsspec.filesystem("memory")
    for k in range(3):
        memory.pipe(f"/pictures/{k}.jpg", jpeg(k))
    rows = fl.scan(open_source("memory://pictures")).to_pylist()
    assert [r["content_hash"] for r in rows] == [fl.content_hash(jpeg(k)) for k in range(3)]


def test_backoff_doubles_within_its_ends_and_is_spread():
    waits = [Backoff(first=0.1, longest=1.0).wait(k, 0.5) for k in range(6)]
    assert waits == [0.1, 0.2, 0.4, 0.8, 1.0, 1.0]
    assert (Backoff().wait(0, 0.0), Backoff().wait(0, 1.0)) == (0.05, pytest.approx(0.15))


class Slow:
    """A source whose fetches are counted, with a size for each row."""

    slow = True
    identity = "slow"

    def __init__(self, sizes: list[int]) -> None:
        self.sizes = np.array(sizes, np.int64)
        self.held = self.most = 0
        self.batches: list[list[int]] = []
        self.lock = threading.Lock()

    def __len__(self) -> int:
        return len(self.sizes)

    def names(self):
        return pa.array([str(k) for k in range(len(self.sizes))])

    def stamps(self, rows):
        from fastlabel.scan.sources import stamp_array

        return stamp_array(self.sizes[rows], [None] * len(rows))

    def fetch(self, rows, most=0):
        with self.lock:
            self.batches.append(rows.tolist())
            self.held += int(self.sizes[rows].sum())
            self.most = max(self.most, self.held)
        return [Lost("missing", "")] * len(rows)


def test_bytes_in_flight_are_bounded_and_order_is_kept():
    source = Slow([1 << 20] * 300 + [1 << 10] * 500)
    first = 0
    for batch in read_ahead(jobs_of(source), 128, budget=32 << 20):
        assert batch.first == first and batch.last - batch.first <= 128
        first = batch.last
        threading.Event().wait(0.005)  # the readers have all the time they want
        with source.lock:
            source.held -= int(source.sizes[batch.first : batch.last].sum())
    assert first == 800
    assert 24 << 20 <= source.most <= 40 << 20  # the budget, and the batch handed over
    assert max(len(rows) for rows in source.batches[:20]) == 8


def test_one_picture_over_the_whole_budget_comes_alone():
    source = Slow([100, 90 << 20, 100])
    batches = list(read_ahead(jobs_of(source), 128, budget=32 << 20))
    assert [(b.first, b.last) for b in batches] == [(0, 1), (1, 2), (2, 3)]


def test_leaving_early_ends_the_reading():
    source = Slow([1] * 100_000)
    ahead = read_ahead(jobs_of(source), 10)
    next(ahead)
    ahead.close()
    seen = len(source.batches)
    assert seen < 40
    threading.Event().wait(0.2)
    assert len(source.batches) <= seen + 3
