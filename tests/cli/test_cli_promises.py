"""The promises that only a program of its own can break: same bytes, signals, crashes."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import subprocess
import sys
import time

import cv2
import numpy as np
import pytest
from cli_runs import PROGRAM, photo, program, write_set

from fastlabel import _core

TIERS = _core.isa_available()


def contents(out):
    """All bytes of a report; of summary.json what does not tell of the run."""
    files = {p.name: p.read_bytes() for p in out.iterdir()}
    summary = json.loads(files.pop("summary.json"))
    assert {"seconds", "workers", "isa"} <= summary.pop("run").keys()
    files["summary"] = json.dumps(summary).encode()
    return files


def differing(root, here, workers=(1, 2, 7)):
    """Names of what is not the same for every number of workers and every tier."""
    runs = [("--workers", str(n), {}) for n in workers]
    runs += [("--workers", "2", {"FASTLABEL_ISA": tier}) for tier in TIERS]
    first, names = None, set()
    for at, (option, n, env) in enumerate(runs):
        out = here / str(at)
        run = program(
            *("check", root, "--out", out, "--deploy", "edge-640", "--output-format", "jsonl"),
            *(option, n),
            cwd=here,
            env=env,
        )
        assert (run.returncode, run.stderr) == (1, b"")
        told = json.loads((out / "summary.json").read_text())["run"]
        assert told["workers"] == int(n)
        assert told["isa"] == env.get("FASTLABEL_ISA", told["isa"])
        made = {**contents(out), "stdout": run.stdout}
        first = first or made
        names |= {k for k in first.keys() | made.keys() if first.get(k) != made.get(k)}
    return names


def test_same_bytes_for_all_workers_and_tiers(here, drawn_sample):
    assert TIERS
    assert differing(drawn_sample("coco")[0], here) == set()


def test_same_bytes_for_damaged_files_too(here, shared_data):
    assert differing(shared_data / "jpeg-torture", here, workers=(7,)) == set()


def test_a_wrong_tier_is_one_clear_line(here, pair):
    run = program("check", pair, cwd=here, env={"FASTLABEL_ISA": "v99"})
    assert (run.returncode, run.stdout) == (2, b"")
    (line,) = run.stderr.decode().splitlines()
    assert line.startswith("fastlabel: FASTLABEL_ISA=v99 ")
    assert all(tier in line for tier in TIERS)
    assert list(here.iterdir()) == []


@pytest.fixture(scope="module")
def long_work(tmp_path_factory):
    """Images whose scan takes far longer than a test waits: one file under many names."""
    root = tmp_path_factory.mktemp("long")
    rng = np.random.default_rng(0)
    scene = cv2.resize(rng.integers(0, 255, (500, 600, 3), dtype=np.uint8), (6000, 5000))

    def make(suffix, *options):
        folder = root / "-".join([suffix[1:], *map(str, options)])
        folder.mkdir()
        done, data = cv2.imencode(suffix, scene, list(options))
        assert done
        first = folder / f"000{suffix}"
        first.write_bytes(data.tobytes())
        for at in range(1, 400):
            os.link(first, folder / f"{at:03}{suffix}")
        return folder

    return {
        "jpeg": make(".jpg"),
        "progressive": make(".jpg", cv2.IMWRITE_JPEG_PROGRESSIVE, 1),
        "png": make(".png", cv2.IMWRITE_PNG_COMPRESSION, 1),
    }


def started(root, here):
    """A check in the middle of its scan, as its progress bar on a terminal says."""
    ours, its = pty.openpty()
    # The bar's numbers must not be cut off.
    env = {**os.environ, "COLUMNS": "120", "TERM": "xterm"}
    process = subprocess.Popen(
        [*PROGRAM, "check", str(root), "--out", "out"],
        cwd=here,
        stdout=subprocess.PIPE,
        stderr=its,
        env=env,
    )
    os.close(its)
    seen = ""
    while not re.search(r"\b[1-9]\d*/400", seen):
        seen += os.read(ours, 4096).decode()
    assert "images/s" in seen or "decoding" in seen
    return process, ours


def rest(terminal):
    said = b""
    try:
        while part := os.read(terminal, 4096):
            said += part
    except OSError:  # the other end is closed
        pass
    os.close(terminal)
    return said.decode()


@pytest.mark.parametrize("kind", ["jpeg", "progressive", "png"])
def test_ctrl_c_stops_the_scan_at_once_and_writes_nothing(here, long_work, kind):
    process, terminal = started(long_work[kind], here)
    begin = time.monotonic()
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=60)
    took = time.monotonic() - begin
    said = rest(terminal)
    assert process.returncode == 130
    assert out == b""
    assert "fastlabel: interrupted" in said
    assert "Traceback" not in said
    assert not (here / "out").exists()
    # A second is the promise; three leave room for a busy machine. The whole scan takes more
    # than ten on any.
    assert took < 3


#: Runs the command and kills the process in the middle of writing one file of the report.
DIES_WRITING = """
import os, signal, sys
from pathlib import Path
import pyarrow.parquet as pq

wanted = sys.argv[1]

def half(data, path):
    with open(path, "wb") as file:
        file.write(data[: len(data) // 2])
    os.kill(os.getpid(), signal.SIGKILL)

write_table, write_text = pq.write_table, Path.write_text

def table(rows, path, **options):
    write_table(rows, path, **options)
    if wanted in str(path):
        half(Path(path).read_bytes(), path)

def text(self, content, **options):
    if wanted in str(self):
        half(content.encode(), self)
    return write_text(self, content, **options)

pq.write_table, Path.write_text = table, text
from fastlabel.cli import main
main(sys.argv[2:])
"""


@pytest.mark.parametrize("name", ["findings.parquet", "summary.json", "report.html"])
@pytest.mark.parametrize("earlier", [True, False])
def test_kill_9_leaves_no_half_written_file(here, pair, name, earlier):
    out = here / "out"
    if earlier:
        assert program("check", pair, "--out", out, cwd=here).returncode == 0
    before = {p.name: p.read_bytes() for p in out.iterdir()} if earlier else {}
    command = [sys.executable, "-c", DIES_WRITING, name]
    args = ["check", str(pair), "--out", str(out), "--ignore", "FL6"]
    died = subprocess.run([*command, *args], cwd=here, capture_output=True, timeout=60)
    assert died.returncode == -signal.SIGKILL
    named = {p.name: p.read_bytes() for p in out.iterdir() if not p.name.startswith(".")}
    assert named == before


def test_no_colours_and_no_bar_in_a_pipe(here, tmp_path):
    root = write_set(tmp_path / "many", {f"{i}.jpg": photo(i) for i in range(30)})
    run = program("check", root, cwd=here)
    assert (run.returncode, run.stderr) == (0, b"")
    assert b"\x1b" not in run.stdout
