"""What is measured of a scene, against plain formulas."""

from __future__ import annotations

import json

import cv2
import numpy as np
import pytest
from scene_making import folder, scene

import fastlabel as fl
from fastlabel.match.features import BY_NAME, FEATURES, GROUPS, SCENE, chosen_groups
from fastlabel.match.picture import SEEN, SIDE, seen


def by_name(picture):
    return dict(zip(SEEN, seen(picture).tolist(), strict=True))


def test_every_feature_has_a_group_a_unit_and_words():
    assert len({f.name for f in FEATURES}) == len(FEATURES)
    for f in FEATURES:
        assert f.group in GROUPS
        assert f.unit > 0
        assert f.words
        assert f.below
        assert f.above
        assert list(f.steps) == sorted(f.steps)


def test_colour_is_that_of_the_formula():
    picture = scene(120, 1, tint=30)
    b, g, r = (picture[..., k].astype(float) for k in range(3))
    y = 0.299 * r + 0.587 * g + 0.114 * b
    red, blue = 0.713 * (r - y), 0.564 * (b - y)
    got = by_name(picture)
    assert got["red"] == pytest.approx(red.mean(), abs=0.6)
    assert got["blue"] == pytest.approx(blue.mean(), abs=0.6)
    assert got["chroma"] == pytest.approx(np.hypot(red, blue).mean(), abs=0.8)


@pytest.mark.parametrize("angle", [0, 30, 60, 90, 120, 150])
def test_edges_lie_in_the_bin_of_their_direction(angle):
    y, x = np.mgrid[:200, :200].astype(float)
    across = -np.sin(np.radians(angle)) * x - np.cos(np.radians(angle)) * y
    stripes = (120 + 80 * np.sin(across / 5)).astype(np.uint8)
    got = by_name(cv2.cvtColor(stripes, cv2.COLOR_GRAY2BGR))
    shares = {k: got[f"edges_{k}"] for k in (0, 30, 60, 90, 120, 150)}
    assert max(shares, key=shares.get) == angle
    assert shares[angle] > 0.9
    assert sum(shares.values()) == pytest.approx(1, abs=1e-4)


def test_the_horizon_is_the_split_that_leaves_least_within():
    rng = np.random.default_rng(4)
    gray = rng.integers(60, 90, (120, 80)).astype(np.uint8)
    gray[:37] += 60
    got = by_name(cv2.cvtColor(gray, cv2.COLOR_GRAY2BGR))
    rows = gray.mean(axis=1)
    within = [k * rows[:k].var() + (120 - k) * rows[k:].var() for k in range(1, 120)]
    assert got["horizon"] == pytest.approx((int(np.argmin(within)) + 1) / 120, abs=1e-5)
    assert got["horizon"] == pytest.approx(37 / 120, abs=1e-5)
    assert got["horizon_strength"] == pytest.approx(1 - min(within) / (120 * rows.var()), abs=1e-3)
    assert got["sky"] == pytest.approx(rows[:40].mean() - rows[-40:].mean(), abs=1e-3)


def test_a_flat_picture_has_no_horizon_and_no_edges():
    got = by_name(np.full((50, 60, 3), 77, np.uint8))
    assert (got["horizon"], got["horizon_strength"], got["edge_density"]) == (0.5, 0, 0)
    assert got["edges_0"] == pytest.approx(1 / 6, abs=1e-4)


@pytest.mark.parametrize("shape", [(1, 1), (1, 40), (40, 1), (2, 3)])
def test_tiny_pictures_are_measured_too(shape):
    assert np.isfinite(seen(np.full((*shape, 3), 9, np.uint8))).all()


def test_frames_of_any_size_compare(tmp_path):
    large = cv2.GaussianBlur(scene(110, 3, (960, 1280), 25), (0, 0), 6)
    for name, size in (("a.jpg", (1280, 960)), ("b.jpg", (640, 480)), ("c.jpg", (320, 240))):
        cv2.imwrite(str(tmp_path / name), cv2.resize(large, size, interpolation=cv2.INTER_AREA))
    got = fl.scene_features(tmp_path).to_pylist()
    for row in got[1:]:
        for name in SEEN:
            feature = BY_NAME[name]
            a, b = (feature.scaled(np.array([r[name]]))[0] for r in (got[0], row))
            assert abs(a - b) < feature.unit, name


def test_a_large_jpeg_decoded_small_is_the_one_made_small(tmp_path):
    picture = cv2.GaussianBlur(scene(110, 3, (1536, 2048), 25), (0, 0), 12)
    cv2.imwrite(str(tmp_path / "a.jpg"), picture, [cv2.IMWRITE_JPEG_QUALITY, 100])
    row = fl.scene_features(tmp_path).to_pylist()[0]
    small = cv2.resize(picture, (SIDE, SIDE * 3 // 4), interpolation=cv2.INTER_AREA)
    want = by_name(small)
    for name in SEEN:
        assert abs(row[name] - want[name]) < BY_NAME[name].unit / 4, name


def test_gray_frames_have_no_chroma(tmp_path):
    folder(tmp_path, [100, 40], gray=True)
    got = fl.scene_features(tmp_path)
    assert got["chroma"].to_pylist() == [0, 0]
    assert got["red"].to_pylist() == [0, 0]


def test_the_table_is_that_of_the_schema_and_of_any_number_of_workers(tmp_path):
    folder(tmp_path, list(range(20, 220, 4)), suffix=".jpg")
    one, two = (fl.scene_features(tmp_path, workers=w) for w in (1, 2))
    assert one.schema == SCENE
    assert one.equals(two)


def test_damaged_pictures_in_the_middle_are_rows_that_say_so(tmp_path):
    folder(tmp_path, [50, 100, 150], suffix=".jpg")
    whole = fl.scene_features(tmp_path)
    data = (tmp_path / "001.jpg").read_bytes()
    (tmp_path / "001.jpg").write_bytes(data[: len(data) // 2])
    (tmp_path / "1.jpg").write_bytes(b"no picture at all")
    (tmp_path / "2.jpg").write_bytes(b"")
    got = fl.scene_features(tmp_path).to_pylist()
    assert [r["file_name"] for r in got if r["status"] != "ok"] == ["001.jpg", "1.jpg", "2.jpg"]
    assert all(r["luma_mean"] is None and r["chroma"] is None for r in got if r["status"] != "ok")
    good = [r for r in got if r["status"] == "ok"]
    want = whole.to_pylist()
    assert [r["chroma"] for r in good] == [want[0]["chroma"], want[2]["chroma"]]


def test_boxes_give_their_row_and_height(tmp_path):
    folder(tmp_path / "images", [90, 90, 90])
    boxes = [(0, 10, 20), (0, 50, 40), (0, 0, 96), (2, -30, 60), (2, 5, 0)]
    labels = {
        "images": [{"id": k, "file_name": f"{k:03}.png"} for k in range(3)],
        "annotations": [
            {
                "id": k,
                "image_id": i,
                "category_id": 1,
                "bbox": [3, y, 9, h],
                "iscrowd": int(h == 96),
            }
            for k, (i, y, h) in enumerate(boxes)
        ],
        "categories": [{"id": 1, "name": "a"}],
    }
    (tmp_path / "annotations").mkdir()
    (tmp_path / "annotations" / "instances.json").write_text(json.dumps(labels))
    got = fl.scene_features(fl.read(tmp_path)).to_pylist()
    assert [r["box_row"] for r in got] == [pytest.approx((20 + 70) / 2 / 96, abs=1e-5), None, 0]
    heights = [np.sqrt(20 * 40) / 96, None, 60 / 96]
    assert [r["box_height"] for r in got] == [
        h if h is None else pytest.approx(h, abs=1e-5) for h in heights
    ]


def test_noise_and_acutance_are_those_at_the_input(tmp_path):
    rng = np.random.default_rng(1)
    noisy = np.clip(rng.normal(128, 8, (800, 1280)), 0, 255).astype(np.uint8)
    cv2.imwrite(str(tmp_path / "a.png"), noisy)
    full = fl.scan([tmp_path / "a.png"])["noise_sigma"][0].as_py()
    at = {
        name: fl.scene_features(tmp_path, deploy=name)["noise_sigma"][0].as_py()
        for name in ("cloud", "edge-640", "doorbell-416")
    }
    assert at["cloud"] == pytest.approx(full)
    assert at["edge-640"] == pytest.approx(full / 2)
    assert at["doorbell-416"] == pytest.approx(full * 416 / 1280)


def test_wrong_arguments_are_named(tmp_path):
    folder(tmp_path, [50])
    with pytest.raises(ValueError, match="image_stats: got 2 rows, expected one for each of 1"):
        fl.scene_features(tmp_path, image_stats=fl.scan([tmp_path / "000.png"] * 2))
    with pytest.raises(TypeError, match="deploy: got int"):
        fl.scene_features(tmp_path, deploy=3)
    with pytest.raises(ValueError, match="groups: got 'lihgt', expected some of light"):
        chosen_groups("lihgt,noise")
    with pytest.raises(ValueError, match="groups: got 'none'"):
        chosen_groups([])
