"""The engine ray: the local tables byte for byte, on a cluster of this machine."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from engine_sets import draw_set, local_bytes, parquet, without_plugins
from pyarrow.fs import LocalFileSystem

import fastlabel as fl
from fastlabel.scan import scan_tables
from fastlabel.scan.sources import RemoteSource, stamp_array

pytestmark = [
    pytest.mark.slow,
    pytest.mark.engines,
    pytest.mark.filterwarnings("ignore"),  # those of Ray itself
]


@pytest.fixture(scope="module")
def ray():
    try:
        import ray
        import ray.data
    except ImportError:
        pytest.skip("RAY ABSENT: make test-engines installs it")
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    ray.init("local", num_cpus=2, include_dashboard=False, log_to_driver=False)
    yield ray
    ray.shutdown()


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    return draw_set(tmp_path_factory.mktemp("ray") / "set", images=150)


def test_tables_are_the_local_ones_byte_for_byte(ray, drawn):
    told = []
    images, boxes = scan_tables(drawn, engine="ray", progress=lambda *n: told.append(n))
    assert (parquet(images), parquet(boxes)) == local_bytes(drawn)
    assert told[-1] == (150, 150) and told == sorted(told)
    assert ray.is_initialized()  # a cluster that was there stays there


@pytest.mark.parametrize("kind", ["bytes", "zip", "parquet", "url"])
def test_pictures_of_every_kind_of_source(ray, drawn, tmp_path, kind):
    files = sorted((drawn.root / "images").iterdir())
    if kind == "bytes":
        source = [path.read_bytes() for path in files]
        assert fl.scan(source, engine="ray", workers=1).equals(fl.scan(source))
        return
    if kind == "zip":
        place = tmp_path / "a.zip"
        with zipfile.ZipFile(place, "w", zipfile.ZIP_DEFLATED) as archive:
            for path in files:
                archive.write(path, f"images/{path.name}")
    elif kind == "parquet":
        place = tmp_path / "a.parquet"
        rows = [{"image": {"bytes": p.read_bytes(), "path": f"images/{p.name}"}} for p in files]
        pq.write_table(pa.Table.from_pylist(rows), place)
    else:
        place = RemoteSource.below(LocalFileSystem(), str(drawn.root), "test:")
    ds = fl.read(drawn.root / "labels.json", images=place)
    images, boxes = scan_tables(ds, engine="ray")
    assert (parquet(images), parquet(boxes)) == local_bytes(ds)
    assert "ok" in images["status"].to_pylist()


def test_a_report_is_the_local_one(ray, drawn):
    local, far = (fl.check(drawn.root / "labels.json", engine=name) for name in ("local", "ray"))
    assert far.findings.equals(local.findings)
    runs = [report.summary.pop("run") for report in (local, far)]
    assert [run["engine"] for run in runs] == ["local", "ray"]
    assert far.summary == local.summary


def test_what_ray_measures_is_kept_and_used_again(ray, drawn, tmp_path):
    cache = fl.Cache(tmp_path / "cache")
    first = scan_tables(drawn, engine="ray", cache=cache)
    again = scan_tables(drawn, cache=cache)
    assert cache.outcome.reused > 100
    assert [parquet(t) for t in first] == [parquet(t) for t in again] == [*local_bytes(drawn)]


def test_rays_own_settings_are_left_as_they_were(ray, drawn):
    context = ray.data.DataContext.get_current()
    before = context.enable_progress_bars
    fl.scan([b"x"] * 3, engine="ray")
    assert context.enable_progress_bars == before


def test_a_worker_that_fails_is_an_error_that_says_so(ray):
    class Broken:
        slow, identity = True, "broken:"

        def __len__(self):
            return 40

        def names(self):
            return pa.array([f"{k}.jpg" for k in range(40)])

        def stamps(self, rows):
            return stamp_array(np.full(len(rows), -1), [None] * len(rows))

        def fetch(self, rows, most=0):
            raise RuntimeError("the disk is on fire")

    with pytest.raises(RuntimeError, match="the disk is on fire"):
        fl.scan(Broken(), engine="ray")


RUN = """
import sys, fastlabel as fl
def told(done, total):
    print("told", done, flush=True)
if __name__ == "__main__":
    fl.scan([open(sys.argv[1], "rb").read()] * 200000, engine="ray", progress=told)
"""


def test_ctrl_c_ends_the_cluster_that_it_started(ray, drawn, tmp_path):
    script = tmp_path / "run.py"
    script.write_text(RUN)
    picture = next(p for p in sorted((drawn.root / "images").iterdir()) if p.stat().st_size > 500)
    run = subprocess.Popen(
        [sys.executable, str(script), str(picture)],
        env={k: v for k, v in without_plugins().items() if k != "RAY_ADDRESS"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert run.stdout is not None
        for line in run.stdout:
            if line.startswith("told"):
                break
        mine = below(run.pid)
        assert any("raylet" in name for name in mine.values())
        run.send_signal(signal.SIGINT)
        _, said = run.communicate(timeout=120)
    finally:
        run.kill()
    assert run.returncode != 0 and "KeyboardInterrupt" in said
    end = time.monotonic() + 30
    while (left := [p for p in mine if alive(p)]) and time.monotonic() < end:
        time.sleep(0.5)
    assert not left, [mine[p] for p in left]


def test_no_cluster_at_the_address_is_one_line(ray, drawn, tmp_path):
    out = str(tmp_path / "out")
    command = ["check", str(drawn.root), "--engine", "ray", "--out", out, "--no-cache"]
    done = subprocess.run(
        [sys.executable, "-m", "fastlabel", *command],
        env={**without_plugins(), "RAY_ADDRESS": "127.0.0.1:1"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 2, done.stderr
    assert re.search(r"^fastlabel: RAY_ADDRESS: 127.0.0.1:1: ", done.stderr, re.M)
    assert not (tmp_path / "out").exists()


def test_the_cluster_that_ray_address_names(ray, drawn, tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with_tokens = {**without_plugins(), "RAY_AUTH_MODE": "token"}
    start = ["start", "--head", "--port", str(port), "--num-cpus", "1", "--block"]
    start += ["--include-dashboard=false", "--disable-usage-stats"]
    head = subprocess.Popen(
        [sys.executable, "-c", "from ray.scripts.scripts import main; main()", *start],
        env=with_tokens,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        assert head.stdout is not None
        assert any("Ray runtime started" in line for line in head.stdout)
        files = {}
        for engine in ("local", "ray"):
            files[engine] = tmp_path / f"{engine}.parquet"
            command = ["scan", str(drawn.root), "--engine", engine, "-o", str(files[engine])]
            done = subprocess.run(
                [sys.executable, "-m", "fastlabel", *command],
                env={**with_tokens, "RAY_ADDRESS": f"127.0.0.1:{port}"},
                capture_output=True,
                text=True,
                timeout=120,
            )
            assert done.returncode == 0, done.stderr
            assert done.stderr.count("\n") == 1  # nothing of Ray's own
    finally:
        head.terminate()
        head.communicate(timeout=60)
    assert files["ray"].read_bytes() == files["local"].read_bytes()


def below(pid: int) -> dict[int, str]:
    """Processes below one, with their names."""
    parents, names = {}, {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                name, _, rest = (entry / "stat").read_text().rpartition(")")
            except OSError:
                continue
            names[int(entry.name)] = name
            parents[int(entry.name)] = int(rest.split()[1])
    found = {pid}
    while more := {p for p, parent in parents.items() if parent in found} - found:
        found |= more
    return {p: names.get(p, "") for p in found - {pid}}


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
