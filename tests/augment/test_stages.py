"""The stages ``tile`` and ``paste``."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import fastlabel as fl
from fastlabel.augment import AugmentedImages, PasteObjects, Recipe, augment_set
from fastlabel.boxes.tiles import TileGrid
from fastlabel.config import ConfigError

TILE = Recipe.from_dict({"stages": [{"op": "tile", "size": 64, "overlap": 0.25}]})
PASTE = Recipe.from_dict({"stages": [{"op": "paste", "count": 3, "scale": [0.5, 1.0]}]})


def test_a_tile_is_one_of_the_grid_and_shows_an_object():
    image = np.random.default_rng(0).integers(0, 256, (150, 200, 3), np.uint8)
    boxes = [[10.0, 10, 30, 30], [170, 120, 190, 140]]
    grid = TileGrid.of((64, 64), 0.25, "origin", "shift").windows(150, 200).tolist()
    seen = set()
    for epoch in range(40):
        made = TILE(image, boxes, epoch=epoch)
        x1, y1, x2, y2 = made.ledger[0]["window"]
        assert [x1, y1, x2, y2] in grid
        assert (made.image == image[y1:y2, x1:x2]).all()
        assert len(made.boxes) >= 1
        for k, box in zip(made.kept, made.boxes, strict=True):
            whole = np.array(boxes[k]) - [x1, y1, x1, y1]
            assert box == pytest.approx(np.clip(whole, 0, 64))
        seen.add((x1, y1))
    assert len(seen) > 1


def test_a_picture_smaller_than_a_tile_is_the_tile():
    image = np.zeros((40, 50, 3), np.uint8)
    assert TILE(image, [[1, 2, 20, 30]]).boxes.tolist() == [[1, 2, 20, 30]]


@pytest.fixture(scope="module")
def sample(drawn_sample):
    return fl.read(drawn_sample("coco")[0])


@pytest.fixture(scope="module")
def objects(sample):
    return PasteObjects(sample, ["train"])


def test_pasted_objects_are_small_and_labelled_where_they_are_seen(sample, objects):
    image = np.full((480, 640, 3), 90, np.uint8)
    pasted = 0
    for epoch in range(8):
        made = PASTE(image, [[0, 0, 20, 20]], epoch=epoch, context={"paste": objects})
        for k, box in zip(made.kept.tolist(), made.boxes, strict=True):
            if k >= 0:
                continue
            pasted += 1
            row = sample.annotations.slice(-1 - 2**40 - k, 1).to_pylist()[0]
            scale = made.ledger[0]["scale"]
            assert scale == pytest.approx((box[3] - box[1]) / (row["y2"] - row["y1"]))
            changed = np.abs(made.image.astype(int) - 90).max(axis=2) > 12
            x1, y1, x2, y2 = (round(v) for v in box)
            assert changed[y1:y2, x1:x2].any()
            # What changed beyond the boxes is no more than a feathered rim.
            changed[max(y1 - 10, 0) : y2 + 10, max(x1 - 10, 0) : x2 + 10] = False
            for other in made.boxes:
                a, b, c, d = (round(v) for v in other)
                changed[max(b - 10, 0) : d + 10, max(a - 10, 0) : c + 10] = False
            assert not changed.any()
    assert pasted > 5


def test_nothing_is_pasted_without_objects_or_from_the_own_image(sample, objects):
    with pytest.raises(ConfigError, match="paste: has nothing to paste"):
        PASTE(np.zeros((64, 64, 3), np.uint8))
    image = int(objects.images[objects.instances[0]])
    assert (objects.images[objects.of(image)] != image).all()
    splits = sample.images["split"].take(objects.images[objects.instances]).to_pylist()
    assert set(splits) == {"train"}


def test_pasted_boxes_stand_in_the_new_set_with_their_class(sample, tmp_path):
    recipe = Recipe.from_dict({"stages": [{"op": "paste", "count": 2}, {"op": "rotate"}]})
    made = [augment_set(sample, tmp_path / str(w), recipe, workers=w, seed=4) for w in (1, 2)]
    files = [sorted(p for p in m.folder.rglob("*") if p.is_file()) for m in made]
    for a, b in zip(*files, strict=True):
        assert a.read_bytes() == b.read_bytes()
    told = [json.loads(v)["pasted"] for v in made[0].ledger["values"].to_pylist() if "pasted" in v]
    assert sum(told) > 5
    new = fl.read(made[0].folder)
    # By the ledger of boxes: some belong to annotations of other images.
    image_of = sample.column("annotations", "image_id")
    names = [Path(p or "").stem for p in sample.images["path"].to_pylist()]
    rows = made[0].boxes.to_pylist()
    strangers = [
        row
        for row in rows
        if names[image_of[row["source_annotation_id"]]] != Path(row["file"]).stem[:-5]
    ]
    assert len(strangers) > 5
    assert new.annotations.num_rows > sample.annotations.num_rows + len(strangers) / 2
    epoch = AugmentedImages(sample, recipe, seed=4)[0][1]
    assert len(epoch["labels"]) == len(epoch["boxes"])
