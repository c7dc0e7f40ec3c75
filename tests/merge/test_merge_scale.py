"""The cost is about linear in the boxes; the examples do what they say."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import fastlabel as fl
from fastlabel.bench.rows_merge import scene

TILED = Path(__file__).resolve().parents[2] / "examples" / "tiled"


def seconds(tiles):
    flat, windows = scene(tiles)
    best = np.inf
    for _ in range(3):
        start = time.process_time()
        found = fl.merge_tiles(flat, windows)
        best = min(best, time.process_time() - start)
    assert found.joined.sum() > tiles / 10
    return best, len(flat["scores"])


@pytest.mark.slow
def test_four_times_the_boxes_take_about_four_times_as_long():
    """Promised: 100,000 in under 1 s, four times as many in under five times the time."""
    one, boxes = seconds(10_000)
    four, _ = seconds(40_000)
    assert boxes == 100_000
    assert one < 3
    assert four < 15 * one


@pytest.mark.parametrize("method", ["nms", "nmm", "wbf", "soft-nms"])
@pytest.mark.parametrize("metric", ["iou", "ios"])
def test_all_in_one_place_is_no_trap(method, metric):
    """Copies of one cut box, in two tiles: every pair of them agrees."""
    n = 4000
    flat = {
        "boxes": np.tile([[70.0, 40, 100, 60], [0, 41, 49, 61]], (n, 1)),
        "scores": np.linspace(0, 1, 2 * n),
        "labels": np.zeros(2 * n, int),
        "tile": np.tile([0, 1], n),
    }
    start = time.process_time()
    found = fl.merge_tiles(
        flat, [[0, 0, 100, 100], [80, 0, 180, 100]], method=method, metric=metric
    )
    assert len(found) == 1
    assert len(found.members) == 2 * n
    assert time.process_time() - start < 10


def module(name):
    spec = importlib.util.spec_from_file_location(name, TILED / f"{name}.py")
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


def test_joined_edges_bring_back_more_than_overlap_alone(shared_data, tmp_path):
    folder = shared_data / "sahi-small" / "coco_utils"
    labels = folder / "visdrone2019-det-train-first50image.json"
    picture = tmp_path / "crowd.png"
    done = subprocess.run(
        [sys.executable, str(TILED / "compare.py"), str(labels), "-o", str(picture)],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    rows = done.stdout.splitlines()
    assert rows[0].startswith("3,326 objects in 50 images")
    back = {row[:32].strip(): int(row[32:].split()[0].replace(",", "")) for row in rows[1:]}
    best = back.pop("cut edges joined, nms, IoU 0.5")
    assert best > 2700 and best > max(back.values()) + 100
    assert picture.stat().st_size > 10_000


def test_a_detector_finds_more_in_tiles(shared_data, tmp_path):
    pytest.importorskip("onnxruntime")
    models = shared_data / "models"
    photo = shared_data / "sahi-small" / "small-vehicles1.jpeg"
    out = tmp_path / "out.jpg"
    words = [models / "FastestDet.onnx", models / "coco.names", photo, "-o", out]
    words += ["--size", "256", "--least", "0.5", "--only", "car,truck,bus"]
    done = subprocess.run(
        [sys.executable, str(TILED / "fastestdet.py"), *map(str, words)],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    counts = [int(word) for word in done.stdout.split() if word.isdigit()]
    assert counts[0] <= 3 and counts[1] >= 15
    assert out.stat().st_size > 50_000


def test_the_head_of_the_detector_is_read_right():
    output = np.zeros((85, 22, 22), np.float32)
    output[:, 5, 7] = 0
    output[0, 5, 7], output[5 + 2, 5, 7] = 1, 0.8
    output[1:5, 5, 7] = [0.5, -0.5, 0, -1]
    boxes, scores, labels = module("fastestdet").decode(output, 220, 440, 0.3)
    centre = np.array([(7 + np.tanh(0.5)) * 10, (5 - np.tanh(0.5)) * 20])
    size = np.array([110, 440 / (1 + np.e)])
    expected = [*(centre - size / 2), *(centre + size / 2)]
    np.testing.assert_allclose(boxes, [np.clip(expected, 0, [220, 440, 220, 440])], rtol=1e-5)
    assert labels.tolist() == [2] and scores[0] == pytest.approx(0.8**0.4)
