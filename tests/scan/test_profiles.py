"""Profiles of boxes, from rows as they pass by, against NumPy on the whole picture."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from profile_oracle import profile

import fastlabel as fl
from fastlabel import _core


def picture(height: int, width: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    noise = rng.integers(0, 256, (height, width), dtype=np.uint8)
    smooth = cv2.GaussianBlur(noise, (0, 0), 3) if min(height, width) > 2 else noise
    return np.where(rng.random((height, width)) < 0.3, noise, smooth)


def boxes_of(height: int, width: int, n: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    low = rng.uniform(-20, [width, height], (n, 2))
    side = rng.uniform(0, 1, (n, 2)) ** 2 * [width, height] + rng.integers(0, 20, (n, 2))
    return np.concatenate([low, low + side], axis=1)


@pytest.mark.parametrize(
    ("height", "width", "n"), [(240, 320, 40), (64, 700, 30), (700, 33, 30), (9, 9, 10), (8, 8, 5)]
)
def test_profiles_are_those_of_numpy(height: int, width: int, n: int) -> None:
    luma = picture(height, width, n)
    boxes = boxes_of(height, width, n, height)
    boxes[0] = [0, 0, width, height]
    boxes[1] = [0.25, 0.5, min(8.5, width), min(9, height)]
    _, rows = _core.measure_luma(luma, boxes, 1, False)
    some = 0
    for box, row in zip(boxes, rows, strict=True):
        expected = profile(luma, tuple(box))
        assert bool(row["has_profile"]) == (expected is not None), box
        if expected is not None:
            np.testing.assert_array_equal(row["profile"], expected, err_msg=str(box))
            some += 1
    assert some or min(height, width) < 9


def test_boxes_without_a_profile() -> None:
    luma = picture(60, 60, 1)
    boxes = np.array(
        [[5, 5, 12, 50], [5, 5, 50, 12], [70, 70, 90, 90], [np.nan, 0, 30, 30], [30, 30, 10, 10]]
    )
    _, rows = _core.measure_luma(luma, boxes, 1, False)
    assert not rows["has_profile"].any()
    assert not rows["profile"].any()


def test_hostile_numbers_of_boxes_cost_no_memory() -> None:
    """50,000 boxes as large as the picture would need gigabytes of columns: none is profiled."""
    luma = np.zeros((16, 1200), np.uint8)
    boxes = np.tile([0.0, 0.0, 1200.0, 16.0], (50_000, 1))
    _, rows = _core.measure_luma(luma, boxes, 1, False)
    assert not rows["has_profile"].any()
    assert (rows["pixels"] == 1200 * 16).all()


def test_a_scan_has_them_for_any_workers(tmp_path) -> None:
    rng = np.random.default_rng(3)
    cache, tmp_path = fl.Cache(tmp_path / "cache"), tmp_path / "set"
    tmp_path.mkdir()
    for i in range(12):
        cv2.imwrite(str(tmp_path / f"{i}.{'png' if i % 3 == 0 else 'jpg'}"), picture(90, 120, i))
        rows = [
            f"0 {x:.4f} {y:.4f} {w:.4f} {h:.4f}"
            for x, y, w, h in np.c_[rng.uniform(0.3, 0.7, (5, 2)), rng.uniform(0.02, 0.5, (5, 2))]
        ]
        (tmp_path / f"{i}.txt").write_text("\n".join(rows))
    (tmp_path / "data.yaml").write_text("names: [thing]\ntrain: .\n")
    ds = fl.read(tmp_path)
    tables = [fl.check(ds, workers=w, cache=False).box_stats for w in (1, 3)]
    assert tables[0].equals(tables[1])
    assert tables[0].num_rows == 60
    column = tables[0]["profile"].to_pylist()
    for row, found in enumerate(column):
        image = ds.annotations["image_id"][row].as_py()
        path = ds.root / ds.images["path"][image].as_py()
        if path.suffix == ".png":
            luma = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
            expected = profile(luma, tuple(ds.boxes()[row]))
            assert found == (None if expected is None else expected.tobytes())
    assert any(found for found in column)
    for _ in range(2):
        assert fl.check(ds, cache=cache).box_stats.equals(tables[0])
