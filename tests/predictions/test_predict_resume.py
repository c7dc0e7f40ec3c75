"""Runs that are stopped: what was found is kept, nothing twice, and the bytes are the same."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time

import cv2
import numpy as np
import pytest
from onnx_models import write_model

import fastlabel as fl
from fastlabel.predictions import writing
from fastlabel.predictions.parts import Parts

pytest.importorskip("onnxruntime")

COUNT = 60
PROGRAM = """
import sys, time
import fastlabel.predictions.parts as parts
parts._FLUSH_SECONDS = 0.0
from fastlabel.predictions import network
plain = network.Network.__call__
def slowly(self, pictures):
    time.sleep(0.02)
    return plain(self, pictures)
network.Network.__call__ = slowly
from fastlabel.cli import main
main(sys.argv[1:])
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Pictures of noise, and a model that says something else of each."""
    root = tmp_path_factory.mktemp("resume")
    (root / "set").mkdir()
    rng = np.random.default_rng(0)
    for k in range(COUNT):
        picture = rng.integers(0, 4 * k + 8, (40, 60, 3), np.uint8)
        cv2.imwrite(str(root / "set" / f"{k:03d}.png"), picture)
    rows = np.array([[1, 2, 30, 40, 0.1, 0], [5, 6, 50, 60, 0.2, 1]], np.float32)
    weight = np.array([0, 0, 10, 0, 0.5, 0], np.float32)
    names = {"names": "['a', 'b']"}
    model = write_model(
        root / "m.onnx", {"o": (rows, weight)}, metadata=names, shape=("n", 3, 64, 64)
    )
    return root / "set", model


def arguments(made, out):
    data, model = made
    return ["predict", str(data), "--model", str(model), "-o", str(out), "--batch", "4"]


def start(made, out):
    program = [sys.executable, "-c", PROGRAM, *arguments(made, out)]
    return subprocess.Popen(program, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def finish(made, out):
    process = start(made, out)
    told = process.communicate(timeout=120)
    assert process.returncode == 0, told
    return told[0]


def test_kill_at_random_moments_loses_nothing_and_counts_nothing_twice(made, tmp_path):
    whole = tmp_path / "whole.json"
    finish(made, whole)
    out = tmp_path / "killed.json"
    moments = random.Random(3)
    kept = []
    for _ in range(5):
        process = start(made, out)
        parts = tmp_path / "killed.json.parts"
        wanted = len(list(parts.glob("part-*"))) + moments.randint(1, 3)
        limit = time.monotonic() + 60
        while process.poll() is None and len(list(parts.glob("part-*"))) < wanted:
            assert time.monotonic() < limit
            time.sleep(0.005)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        if out.exists():  # the last one came too late
            break
        kept.append(len(list(parts.glob("part-*"))))
    assert kept and max(kept) >= 1
    if not out.exists():
        assert " from a run that was stopped" in finish(made, out)
    assert out.read_bytes() == whole.read_bytes()
    meta = (tmp_path / "killed.json.meta").read_bytes()
    assert meta == (tmp_path / "whole.json.meta").read_bytes()
    finish(made, out)  # tidies what is left by a kill between writing and tidying
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        *("killed.json", "killed.json.meta", "whole.json", "whole.json.meta")
    ]


@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_ctrl_c_says_how_to_go_on(made, tmp_path):
    process = start(made, tmp_path / "p.json")
    parts = tmp_path / "p.json.parts"
    limit = time.monotonic() + 60
    while len(list(parts.glob("part-*"))) < 2:
        assert time.monotonic() < limit
        time.sleep(0.005)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert err.strip() == "fastlabel: interrupted; what was found is kept, so run again to go on"
    assert not (tmp_path / "p.json").exists()


class Counting:
    """How many pictures the model looked at."""

    def __init__(self, monkeypatch):
        from fastlabel.predictions.network import Network

        self.pictures = 0
        plain = Network.__call__

        def counted(network, pictures):
            self.pictures += len(pictures)
            return plain(network, pictures)

        monkeypatch.setattr(Network, "__call__", counted)


@pytest.fixture
def stopped(made, tmp_path, monkeypatch):
    """Half a run kept in a folder, and the whole result."""
    data, model = made
    ds = fl.read(data)
    folder = tmp_path / "kept"

    def stop(done, total):
        if done >= total // 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt, match="run again"):
        fl.predict(ds, model, keep=folder, progress=stop, workers=1)
    assert list(folder.glob("part-*"))
    return ds, model, folder, Counting(monkeypatch)


def test_the_half_that_is_kept_is_not_looked_at_again(stopped):
    ds, model, folder, counting = stopped
    found = fl.predict(ds, model, keep=folder)
    assert 0 < counting.pictures <= COUNT // 2 + 4
    assert not folder.exists()
    assert found.table.equals(fl.predict(ds, model).table)


@pytest.mark.parametrize("change", ["score", "names", "fresh", "damage", "picture"])
def test_what_is_kept_counts_for_the_same_run_alone(stopped, change):
    ds, model, folder, counting = stopped
    options = {}
    if change == "score":
        options = {"score": 0.25}
    elif change == "names":
        options = {"names": ["x", "y"]}
    elif change == "fresh":
        options = {"fresh": True}
    elif change == "damage":
        for path in folder.glob("part-*"):
            data = bytearray(path.read_bytes())
            data[len(data) // 2] ^= 1
            path.write_bytes(data)
    else:
        (ds.root / "000.png").touch()
    found = fl.predict(ds, model, keep=folder, **options)
    expected = 34 if change == "picture" else COUNT
    assert (counting.pictures >= expected) if change != "picture" else counting.pictures < COUNT
    options.pop("fresh", None)
    assert found.table.equals(fl.predict(ds, model, **options).table)


def test_two_runs_do_not_share_a_folder(made, tmp_path):
    data, model = made
    first = Parts(tmp_path / "kept", fresh=False)
    with pytest.raises(fl.DatasetError, match="another run"):
        fl.predict(fl.read(data), model, keep=tmp_path / "kept")
    first.close()
    fl.predict(fl.read(data), model, keep=tmp_path / "kept")


def test_nothing_is_kept_in_the_data_set(made):
    with pytest.raises(fl.DatasetError, match="never changed"):
        fl.predict(fl.read(made[0]), made[1], keep=made[0] / "kept")


def test_a_folder_that_cannot_be_written(made, tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(fl.DatasetError, match="cannot be written"):
        fl.predict(fl.read(made[0]), made[1], keep=tmp_path / "file" / "kept")


@pytest.mark.parametrize("suffix", [".json", ".parquet", ".arrow", ".csv"])
def test_what_is_written_is_read_back_to_the_last_bit(made, tmp_path, suffix):
    ds = fl.read(made[0])
    found = fl.predict(ds, made[1], score=0.0)
    path = tmp_path / f"p{suffix}"
    path.write_bytes(writing.encode(found, ds, suffix))
    back = fl.read_predictions(path, ds)
    assert len(found) > COUNT
    for name in ("image_id", "x1", "y1", "x2", "y2", "score"):
        assert back.column(name).tolist() == found.column(name).tolist(), name
    assert back.table["name"].to_pylist() == found.table["name"].to_pylist()
