"""Tiles of real photos: every box in the table, and back exactly."""

from __future__ import annotations

import json
import shutil
from collections import Counter

import cv2
import numpy as np
import pytest

import fastlabel as fl

CORNERS = ("x1", "y1", "x2", "y2")


def drone_set(shared_data, root):
    """The two DJI photos (MPO files) with boxes made for the test: 400 of 3 to 900 px each."""
    rng = np.random.default_rng(25)
    images, rows = [], []
    root.mkdir()
    for k, name in enumerate(("DJI_0025.JPG", "DJI_0029.JPG"), 1):
        shutil.copyfile(shared_data / "highres" / "brighton-beach" / name, root / name)
        images.append({"id": k, "file_name": name, "width": 4000, "height": 2250})
        side = np.exp(rng.uniform(np.log(3), np.log(900), (400, 2)))
        low = rng.uniform(0, 1, (400, 2)) * (np.array([4000, 2250]) - side)
        for x, y, w, h in np.concatenate([low, side], axis=1).tolist():
            rows.append(
                {"id": len(rows) + 1, "image_id": k, "category_id": 1, "bbox": [x, y, w, h]}
            )
    text = {"images": images, "annotations": rows, "categories": [{"id": 1, "name": "thing"}]}
    (root / "labels.json").write_text(json.dumps(text))
    return fl.read(root)


def at_their_best(boxes):
    """How many boxes one of the windows shows whole, to 30 %, or less; by plain loops."""
    starts_x = [min(x, 4000 - 640) for x in range(0, 4000 - 640 + 512, 512)]
    starts_y = [min(y, 2250 - 640) for y in range(0, 2250 - 640 + 512, 512)]
    assert len(starts_x) * len(starts_y) == 40
    found = Counter()
    for x1, y1, x2, y2 in boxes.tolist():
        best = 0.0
        for x in starts_x:
            for y in starts_y:
                w = min(x2, x + 640) - max(x1, x)
                h = min(y2, y + 640) - max(y1, y)
                if w > 0 and h > 0:
                    inside = x1 >= x and y1 >= y and x2 <= x + 640 and y2 <= y + 640
                    best = max(best, 1.0 if inside else w * h / ((x2 - x1) * (y2 - y1)))
        found["whole" if best == 1 else "cut" if best >= 0.3 else "ignore"] += 1
    return found["whole"], found["cut"], found["ignore"]


def check_all_are_there(ds, made):
    boxes = ds.boxes()
    back = fl.tile_boxes_back(made.table)
    corners = np.stack([back[name].to_numpy() for name in CORNERS], axis=1)
    rows = back["annotation_id"].to_numpy()
    np.testing.assert_array_equal(corners, boxes[rows])
    # What whole boxes have in the tile, moved by the window, is the source box too.
    whole = np.array(back["state"].to_pylist()) == "whole"
    moved = fl.tile_boxes_back(made.table, shown=True)
    moved = np.stack([moved[name].to_numpy() for name in CORNERS], axis=1)
    np.testing.assert_array_equal(moved[whole], boxes[rows][whole])
    c = made.counts
    assert len(set(rows.tolist())) == c["boxes"] - c["boxes_left_out"]
    assert c["boxes_whole"] + c["boxes_cut"] + c["boxes_ignore"] == len(set(rows.tolist()))


@pytest.mark.parametrize("lossless", [False, True])
def test_drone_photos(shared_data, tmp_path, lossless):
    ds = drone_set(shared_data, tmp_path / "s")
    made = fl.tile(ds, tmp_path / "d", size=640, overlap=0.2, lossless=lossless, negatives=1)
    check_all_are_there(ds, made)
    c = made.counts
    assert (c["tiles"], c["boxes"], c["boxes_left_out"]) == (80, 800, 0)
    if not lossless:
        assert (c["boxes_whole"], c["boxes_cut"], c["boxes_ignore"]) == at_their_best(ds.boxes())
        assert c["reencoded"] == 80
    else:
        assert c["lossless"] == 80
        assert c["windows_moved"] > 0
        grown = made.table.filter(made.table["asked_x1"].to_numpy() != made.table["x1"].to_numpy())
        assert all(x % 8 == 0 for x in grown["x1"].to_pylist())
    back = fl.read(tmp_path / "d")
    assert len(back) == 80
    assert back.annotations.num_rows == c["shown_whole"] + c["shown_cut"] + c["shown_ignore"]


def test_sahi_small(shared_data, tmp_path):
    source = shared_data / "sahi-small" / "coco_utils"
    ds = fl.read(source / "terrain_all_coco.json")
    made = fl.tile(ds, tmp_path / "d", size=256, overlap=0.2)
    check_all_are_there(ds, made)
    # terrain3.png is not there: its ten boxes are named.
    assert [(image.file, image.status) for image in made.failed] == [("terrain3.png", "missing")]
    assert {e.kind: e.count for e in made.ledger} == {"box image failed": 10}
    assert (made.counts["boxes"], made.counts["boxes_left_out"]) == (22, 10)
    states = Counter(b["state"] for row in made.table["boxes"].to_pylist() for b in row)
    assert states == {
        name: made.counts[f"shown_{name}"] for name in ("whole", "cut", "ignore") if states[name]
    }


def test_sahi_small_pictures_without_labels(shared_data, tmp_path):
    ds = fl.read(shared_data / "sahi-small" / "boats.jpg")
    made = fl.tile(ds, tmp_path / "d", size=640)
    assert made.counts["tiles_unlabelled"] == made.counts["tiles"] > 0


def test_cells_with_no_area_are_in_tiles(shared_data):
    ds = fl.read(shared_data / "bccd")
    made = fl.tile(ds, size=256)
    check_all_are_there(ds, made)
    assert made.counts["boxes"] == 4888
    assert made.counts["boxes_left_out"] == 0
    boxes = ds.boxes()
    points = np.flatnonzero((boxes[:, 2] == boxes[:, 0]) & (boxes[:, 3] == boxes[:, 1]))
    rows = fl.tile_boxes_back(made.table)["annotation_id"].to_pylist()
    assert set(points.tolist()) <= set(rows)


def test_the_lossless_table_is_of_the_windows_really_cut(shared_data, tmp_path):
    from fastlabel.cut import aligned_windows

    ds = fl.read(shared_data / "bccd")
    made = fl.tile(ds, tmp_path / "d", size=200, overlap=0, lossless=True, negatives=0)
    assert made.counts["lossless"] == made.counts["tiles"] > 3000
    names = ("x1", "y1", "x2", "y2")
    first = made.table.filter(made.table["image_id"].to_numpy() == 0)
    asked = np.stack([first[f"asked_{k}"].to_numpy() for k in names], axis=1)
    really = np.stack([first[k].to_numpy() for k in names], axis=1)
    path = ds.root / ds.images["path"][0].as_py()
    np.testing.assert_array_equal(aligned_windows(path, asked), really)
    assert (asked != really).any()
    for row in made.table.slice(0, 30).to_pylist():
        tile = cv2.imread(str(tmp_path / "d" / row["file"]))
        assert tile.shape[:2] == (row["y2"] - row["y1"], row["x2"] - row["x1"])
        for box in row["boxes"]:
            assert 0 <= box["x1"] <= box["x2"] <= tile.shape[1]
    check_all_are_there(ds, made)
