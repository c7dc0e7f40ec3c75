"""Rings around boxes, from rows as they pass by, against NumPy on the whole picture."""

from __future__ import annotations

import math
from pathlib import Path

import cv2
import numpy as np
import pyarrow as pa
import pytest

import fastlabel as fl
from fastlabel import _core, schema
from fastlabel.scan import scan_tables


def ring(luma: np.ndarray, box: np.ndarray, sigma: float) -> dict[str, float] | None:
    """By the definition: pixels of the grown box that are not in the box."""
    h, w = luma.shape
    if not np.isfinite(box).all() or box[2] <= box[0] or box[3] <= box[1]:
        return None
    x0, y0 = (math.floor(min(max(v, 0), m)) for v, m in zip(box[:2], (w, h), strict=True))
    x1, y1 = (math.ceil(min(max(v, 0), m)) for v, m in zip(box[2:], (w, h), strict=True))
    if x1 <= x0 or y1 <= y0:
        return None
    margin = min(max((min(x1 - x0, y1 - y0) + 2) // 4, 4), 64)
    mask = np.zeros((h, w), bool)
    mask[max(y0 - margin, 0) : y1 + margin, max(x0 - margin, 0) : x1 + margin] = True
    mask[y0:y1, x0:x1] = False
    if not mask.any():
        return None
    padded = np.pad(luma.astype(np.int64), 1, mode="reflect" if min(h, w) > 1 else "edge")
    gx = padded[1:-1, 2:] - padded[1:-1, :-2]
    gy = padded[2:, 1:-1] - padded[:-2, 1:-1]
    values = luma[mask].astype(np.float64)
    counts = np.bincount(luma[mask] // 4, minlength=64) / mask.sum()
    return {
        "ring_pixels": int(mask.sum()),
        "ring_luma_mean": values.mean(),
        "ring_contrast": values.std(),
        "ring_gradient": max(0.0, (gx**2 + gy**2)[mask].mean() - 4 * sigma**2),
        "ring_entropy": -sum(p * math.log2(p) for p in counts if p),
    }


def picture(height: int, width: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    noise = rng.integers(0, 256, (height, width), dtype=np.uint8)
    smooth = cv2.GaussianBlur(noise, (0, 0), 3)
    return np.where(rng.random((height, width)) < 0.3, noise, smooth)


def boxes_of(height: int, width: int, n: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    low = rng.uniform(-20, [width, height], (n, 2))
    side = rng.uniform(0, 1, (n, 2)) ** 2 * [width, height] + rng.integers(0, 20, (n, 2))
    return np.concatenate([low, low + side], axis=1)


@pytest.mark.parametrize(
    ("height", "width", "n"), [(240, 320, 40), (64, 700, 30), (400, 33, 200), (9, 9, 10), (3, 3, 3)]
)
def test_rings_are_those_of_numpy(height: int, width: int, n: int) -> None:
    luma = picture(height, width, n)
    boxes = boxes_of(height, width, n, height)
    boxes[0] = [0, 0, width, height]  # no ring
    boxes[1] = [2, 1, 2, 3]  # no area
    boxes[2] = [np.nan, 0, 5, 5]
    (stats,), rows = _core.measure_luma(luma, boxes, 1, False, True)
    some = 0
    for box, row in zip(boxes, rows, strict=True):
        expected = ring(luma, box, float(stats["noise_sigma"]))
        if expected is None:
            assert row["ring_pixels"] == 0
            continue
        some += 1
        assert row["ring_pixels"] == expected.pop("ring_pixels")
        for name, value in expected.items():
            assert row[name] == pytest.approx(value, rel=1e-9, abs=1e-9), (name, box)
    assert some >= min(n // 4, 20) or n < 5


def test_without_rings_nothing_is_measured_and_the_rest_is_the_same() -> None:
    luma, boxes = picture(120, 160, 1), boxes_of(120, 160, 20, 2)
    _, plain = _core.measure_luma(luma, boxes)
    _, ringed = _core.measure_luma(luma, boxes, rings=True)
    assert not plain["ring_pixels"].any()
    for name in plain.dtype.names:
        if not name.startswith("ring_"):
            np.testing.assert_array_equal(plain[name], ringed[name])


@pytest.fixture
def pictures(tmp_path: Path) -> fl.Dataset:
    root = tmp_path / "set"
    root.mkdir()
    smooth = cv2.GaussianBlur(picture(200, 300, 5), (0, 0), 2)
    for name in ("a.jpg", "b.png", "c.jpg"):
        cv2.imwrite(str(root / name), smooth)
        (root / name).with_suffix(".txt").write_text("0 0.5 0.5 0.2 0.3\n0 0.1 0.1 0.1 0.1\n")
    (root / "d.jpg").write_bytes(b"no picture")
    (root / "d.txt").write_text("0 0.5 0.5 0.2 0.3\n")
    (root / "data.yaml").write_text("names: [thing]\ntrain: .\n")
    return fl.read(root, "yolo")


def test_a_scan_has_them_when_asked_for_whatever_decodes(pictures: fl.Dataset) -> None:
    _, plain = scan_tables(pictures)
    _, ringed = scan_tables(pictures, rings=True)
    assert plain.schema.equals(schema.BOX_STATS)
    assert ringed.schema.equals(schema.box_stats(True))
    assert ringed.select(plain.column_names).equals(plain)
    for image, name in enumerate(pictures.images["file_name"].to_pylist()):
        mine = ringed.filter(pa.compute.equal(ringed["image_id"], image)).to_pylist()
        luma = cv2.imread(str(pictures.root / name), cv2.IMREAD_GRAYSCALE)
        if luma is None:
            assert mine[0]["ring_luma_mean"] is None
            continue
        boxes = pictures.boxes()[[row["annotation_id"] for row in mine]]
        _, rows = _core.measure_luma(luma, boxes, rings=True)
        for row, expected in zip(mine, rows, strict=True):
            assert row["ring_entropy"] == expected["ring_entropy"]
            assert row["ring_luma_mean"] == expected["ring_luma_mean"]


def test_any_number_of_workers_gives_the_same(pictures: fl.Dataset) -> None:
    one = scan_tables(pictures, rings=True, workers=1)
    three = scan_tables(pictures, rings=True, workers=3)
    assert all(a.equals(b) for a, b in zip(one, three, strict=True))


def test_results_with_rings_are_kept_apart(pictures: fl.Dataset, tmp_path: Path) -> None:
    kept = fl.Cache(tmp_path / "kept")
    plain = scan_tables(pictures, cache=kept)[1]
    ringed = scan_tables(pictures, cache=kept, rings=True)[1]
    assert kept.outcome is not None and kept.outcome.reused == 0
    assert scan_tables(pictures, cache=kept, rings=True)[1].equals(ringed)
    assert kept.outcome.reused == len(pictures) - 1 + 1
    assert scan_tables(pictures, cache=kept)[1].equals(plain)
    assert kept.outcome.reused == len(pictures)


def test_another_engine_refuses(pictures: fl.Dataset) -> None:
    with pytest.raises(ValueError, match="rings: the engine 'ray' does not measure them"):
        scan_tables(pictures, rings=True, engine="ray")
