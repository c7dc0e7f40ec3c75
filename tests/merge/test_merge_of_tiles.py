"""From `fastlabel tile` to `fastlabel merge-tiles`: the labels of tiles are those of the source.

Photos are real; labels are made here, apart from each other and on eighths of a pixel, so that
no sum is rounded and a model that says what the tiles' labels say must give back each of them.
"""

from __future__ import annotations

import json
import os
import shutil

import cv2
import numpy as np
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from fastlabel.cli import _group

SOURCES = {
    "vehicles": (256, 180, ["sahi-small/small-vehicles1.jpeg", "sahi-small/boats.jpg"]),
    "aerial": (640, 500, ["highres/brighton-beach/DJI_0025.JPG"]),
}
GRIDS = [
    [],
    ["--lossless"],
    ["--anchor", "center"],
    ["--anchor", "center", "--last", "pad"],
    ["--lossless", "--last", "pad", "--overlap", "100px"],
    ["--overlap", "0"],
]


def run(*words):
    done = CliRunner().invoke(_group, [str(word) for word in words])
    assert done.exit_code == 0, (done.output, done.exception)


def boxes_apart(width, height, largest, rng):
    """Boxes of 8 px to the largest, none nearer than 9 px to another."""
    made = np.zeros((0, 4))
    for _ in range(1500):
        size = np.exp(rng.uniform(np.log(8), np.log(largest), 2))
        corner = rng.uniform(0, [width, height] - size - 1)
        box = np.floor(np.concatenate([corner, corner + size]) * 8) / 8
        near = (made[:, :2] < box[2:] + 9).all(axis=1) & (made[:, 2:] + 9 > box[:2]).all(axis=1)
        if not near.any():
            made = np.vstack([made, box])
    assert len(made) > 50
    return made


def make(folder, photos, largest):
    rng = np.random.default_rng(4)
    images, annotations = [], []
    (folder / "images" / "train").mkdir(parents=True)
    (folder / "annotations").mkdir()
    for number, photo in enumerate(photos, start=70):
        shutil.copy(photo, folder / "images" / "train" / photo.name)
        height, width = cv2.imread(os.fspath(photo)).shape[:2]
        image = {"id": number, "file_name": photo.name, "width": width, "height": height}
        images.append(image)
        for x1, y1, x2, y2 in boxes_apart(width, height, largest, rng).tolist():
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": number,
                    "category_id": int(rng.integers(1, 4)),
                    "bbox": [x1, y1, x2 - x1, y2 - y1],
                    "area": (x2 - x1) * (y2 - y1),
                    "iscrowd": 0,
                }
            )
    value = {
        "images": images,
        "annotations": annotations,
        "categories": [{"id": k, "name": f"kind {k}"} for k in (1, 2, 3)],
    }
    labels = folder / "annotations" / "instances_train.json"
    labels.write_text(json.dumps(value))
    return labels


def said_of(tiles, by):
    """What a model without a fault says of these tiles."""
    if by == "tile_id":
        return [
            {
                "image_id": row["tile_id"],
                "category_id": box["category_id"],
                "bbox": [box["x1"], box["y1"], box["x2"] - box["x1"], box["y2"] - box["y1"]],
                "score": 0.5,
            }
            for row in pq.read_table(tiles / "tiles.parquet").to_pylist()
            for box in row["boxes"]
        ]
    found = []
    for path in sorted((tiles / "annotations").glob("*.json")):
        value = json.loads(path.read_text())
        names = {image["id"]: image["file_name"] for image in value["images"]}
        for a in value["annotations"]:
            key = a["image_id"] if by == "image id" else names[a["image_id"]]
            entry = {"image_id": key, "category_id": a["category_id"], "bbox": a["bbox"]}
            found.append(entry | {"score": 0.5})
    return found


def rows(entries, *, classes=True):
    return sorted((e["image_id"], e["category_id"] if classes else 0, *e["bbox"]) for e in entries)


@pytest.fixture(scope="module")
def source(shared_data, tmp_path_factory):
    made = {}

    def of(name):
        if name not in made:
            size, largest, photos = SOURCES[name]
            folder = tmp_path_factory.mktemp("sources") / name
            made[name] = make(folder, [shared_data / p for p in photos], largest), size
        return made[name]

    return of


def round_trip(labels, size, grid, by, tmp_path, *more):
    tiles = tmp_path / "tiles"
    folder = labels.parents[1]
    run("tile", folder, tiles, "--size", size, "--negatives", 1, *grid)
    said = said_of(tiles, by)
    (tmp_path / "said.json").write_text(json.dumps(said))
    out = tmp_path / "out.json"
    words = ["--tiles", tiles, "-o", out, "--ids-from", labels, *more]
    run("merge-tiles", tmp_path / "said.json", *words)
    truth = json.loads(labels.read_text())["annotations"]
    assert len(said) > 1.2 * len(truth)  # many are cut
    return json.loads(out.read_text()), truth


@pytest.mark.parametrize("by", ["image id", "file name"])
@pytest.mark.parametrize("grid", GRIDS, ids=" ".join)
def test_tiles_merge_to_the_boxes_of_the_source(source, grid, by, tmp_path):
    labels, size = source("vehicles")
    found, truth = round_trip(labels, size, grid, by, tmp_path, "--edge-tolerance", 0)
    assert rows(found) == rows(truth)


@pytest.mark.slow
@pytest.mark.parametrize("grid", GRIDS, ids=" ".join)
def test_tiles_of_a_large_photo_merge_to_its_boxes(source, grid, tmp_path):
    labels, size = source("aerial")
    found, truth = round_trip(labels, size, grid, "file name", tmp_path, "--edge-tolerance", 0)
    assert rows(found) == rows(truth)


def test_tiles_without_coco_files_are_known_by_their_ids(source, tmp_path):
    labels, size = source("vehicles")
    grid = ["--to", "voc"]
    found, truth = round_trip(labels, size, grid, "tile_id", tmp_path, "--edge-tolerance", 0)
    assert rows(found, classes=False) == rows(truth, classes=False)


def test_with_tolerance_each_box_comes_back_to_within_it(source, tmp_path):
    """A part that lacks less than the tolerance is a double: of equal scores the first stays."""
    labels, size = source("vehicles")
    found, truth = round_trip(labels, size, ["--lossless"], "image id", tmp_path)
    assert len(found) == len(truth)

    def corners(entries):
        values = np.array([[e["image_id"], e["category_id"], *e["bbox"]] for e in entries])
        values[:, 4:] += values[:, 2:4]
        return values

    a, b = corners(found), corners(truth)
    off = np.abs(a[:, None] - b[None]).max(axis=2).min(axis=0)
    assert off.max() <= 4
    assert (off == 0).mean() > 0.9
