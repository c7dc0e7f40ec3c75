"""benchmarks/diet: its crops, its tables, and (with PyTorch) its detector."""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import fastlabel as fl

DIET = Path(__file__).parents[2] / "benchmarks" / "diet"


@pytest.fixture
def diet(monkeypatch):
    """Import one of its modules, which stand beside each other and are no package."""
    monkeypatch.syspath_prepend(str(DIET))
    names = {p.stem for p in DIET.glob("*.py")}
    yield importlib.import_module
    for name in names:
        sys.modules.pop(name, None)


def row(arm, seed, ap50, **more):
    parts = {f"ap50_{part}": ap50 for part in ("bccd", "raccoon", "garbage")}
    return {
        "arm": arm, "seed": seed, "model": "small", "parameters": 243_000, "ap": ap50 / 2,
        "ap50": ap50, "cpu_seconds": 30.0, **parts, **more,
    }  # fmt: skip


def test_tables(diet, tmp_path):
    rows = [row("baseline", s, 0.4 + s / 100) for s in range(3)]
    rows += [row("noise-20", s, 0.3 + s / 50) for s in range(3)]
    rows += [row("match", 1, 0.5)]
    results = tmp_path / "diet.jsonl"
    results.write_text("".join(json.dumps(r) + "\n" for r in rows))
    arms = [
        SimpleNamespace(name=n, about="about " + n, judged=j)
        for n, j in (
            ("baseline", "ap50"), ("noise-20", "ap50"), ("match", "ap50_bccd"), ("mix", "ap50")
        )
    ]  # fmt: skip
    diet("table").write_tables(results, arms)
    lines = (tmp_path / "diet.md").read_text().splitlines()
    assert lines[0] == "### Small model, 0.24 million parameters"
    table = {line.split(" | ")[0][2:]: line.split(" | ")[2:] for line in lines[4:] if line}
    assert table["baseline"][:3] == ["3", "41.0 ± 1.0", ""]
    assert table["noise-20"][:3] == ["3", "32.0 ± 2.0", "-9.0 ± 1.0"]
    assert table["match"][:3] == ["1", "50.0", "+9.0 (cells)"]
    assert "mix" not in table
    assert len((tmp_path / "diet.csv").read_text().splitlines()) == 8


def test_crops(diet, shared_data, tmp_path):
    crops = diet("crops")
    window = (100.0, 50.0, 200.0)
    picture = np.zeros((300, 400, 3), np.uint8)
    picture[90:150, 140:180] = 255
    made, boxes = crops._crop(picture, [("RBC", [140, 90, 180, 150])], window)
    ys, xs = np.nonzero(made[:, :, 0] > 127)
    (kind, x1, y1, x2, y2, ignore) = boxes[0]
    assert (kind, ignore) == ("RBC", False)
    drawn = (xs.min(), ys.min(), xs.max() + 1, ys.max() + 1)
    assert np.allclose((x1, y1, x2, y2), drawn, atol=1)
    _, cut = crops._crop(picture, [("RBC", [0, 90, 110, 150])], window)
    assert cut[0][5]  # a tenth of it is in the window
    assert crops._crop(picture, [("RBC", [0, 0, 90, 40])], window)[1] == []


@pytest.mark.torch
class TestDetector:
    @pytest.fixture(autouse=True)
    def _needs_torch(self):
        pytest.importorskip("torch")

    def test_cells_of_boxes(self, diet):
        detector = diet("detector")
        centres = detector._centres(96, 96)
        boxes = np.array([[10, 10, 60, 60], [30, 30, 40, 40], [1, 1, 3, 3]], float)
        sample = detector.Sample(None, boxes, np.arange(3), np.array([[70, 70, 96, 96]]))
        owner, ignored = detector._assign(centres, sample)
        for cell, (x, y) in enumerate(centres.tolist()):
            near = [
                i for i, (a, b, c, d) in enumerate(boxes)
                if a < x < c and b < y < d and max(abs(x - (a + c) / 2), abs(y - (b + d) / 2)) <= 12
            ]  # fmt: skip
            area = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
            if near:
                assert owner[cell] == min(near, key=lambda i: area[i])
            assert ignored[cell] == (owner[cell] < 0 and 70 < x < 96 and 70 < y < 96)
        assert set(owner) == {-1, 0, 1, 2}  # the tiny one has the cell nearest to it

    def test_it_learns_a_square(self, diet):
        detector = diet("detector")
        rng = np.random.default_rng(0)

        def sample():
            x, y = rng.integers(8, 48, 2)
            image = rng.integers(90, 110, (96, 96, 3)).astype(np.uint8)
            image[y : y + 32, x : x + 32] = 220
            box = np.array([[x, y, x + 32, y + 32]], float)
            return detector.Sample(image, box, np.zeros(1, int), np.zeros((0, 4)))

        def batches():
            while True:
                yield [sample() for _ in range(8)]

        net = detector.train(batches(), 60, 1, width=0.5, seed=0, bf16=False)
        tests = [sample() for _ in range(8)]
        found = detector.predict(net, [s.image for s in tests], bf16=False)
        ious = [
            fl.box_iou(boxes[:1], s.boxes)[0, 0]
            for s, (boxes, _, _) in zip(tests, found, strict=True)
        ]
        assert np.mean(ious) > 0.6


def test_the_page_has_the_tables_of_the_stored_runs():
    root = DIET.parents[1]
    page = (root / "docs" / "diet.md").read_text(encoding="utf-8")
    stored = (root / "benchmarks" / "results" / "diet.md").read_text(encoding="utf-8")
    assert page.split("<!-- diet -->")[1].split("<!-- /diet -->")[0].strip() == stored.strip()
