"""Real exports of real tools; the counts were measured independently, see their README."""

from __future__ import annotations

import json
import re
from collections import Counter

import numpy as np
import pytest
from format_sets import problems

from fastlabel.dataset import DatasetError
from fastlabel.formats import read


def absent(dataset):
    return [
        path
        for path in dataset.images["path"].to_pylist()
        if path is not None and not (dataset.root / path).exists()
    ]


def test_raccoon(shared_data):
    dataset = read(shared_data / "raccoon")
    assert (dataset.format, len(dataset), dataset.annotations.num_rows) == ("voc", 200, 217)
    assert set(dataset.images["label_state"].to_pylist()) == {"labelled"}
    assert dataset.problems.num_rows == 0
    assert absent(dataset) == []


def test_raccoon_agrees_with_its_own_csv(shared_data):
    dataset = read(shared_data / "raccoon", voc_base=0)
    lines = (shared_data / "raccoon/data/raccoon_labels.csv").read_text().split()[1:]
    expected = Counter()
    for line in lines:
        name, _, _, _, *corners = line.split(",")
        expected[(name, *map(float, corners))] += 1
    rows = dataset.with_images_named().to_pylist()
    assert Counter((r["file_name"], r["x1"], r["y1"], r["x2"], r["y2"]) for r in rows) == expected


def test_bccd(shared_data):
    dataset = read(shared_data / "bccd")
    assert (len(dataset), dataset.annotations.num_rows) == (364, 4888)
    names = dataset.categories["name"].to_pylist()
    counts = dict(zip(names, dataset.category_counts().tolist(), strict=True))
    assert counts == {"RBC": 4155, "WBC": 372, "Platelets": 361}
    assert Counter(dataset.images["split"].to_pylist()) == {"train": 205, "val": 87, "test": 72}
    # Two boxes of one pixel: equal corners, as the inclusive convention writes them.
    box = dataset.boxes()
    flat = np.flatnonzero((box[:, 2] - box[:, 0] <= 1) & (box[:, 3] - box[:, 1] <= 1))
    files = [dataset.annotations["origin"][int(at)].as_py()["file"] for at in flat]
    assert files == ["Annotations/BloodImage_00338.xml", "Annotations/BloodImage_00343.xml"]


def test_every_line_number_points_at_its_object(shared_data):
    dataset = read(shared_data / "bccd")
    for row in dataset.annotations.slice(0, 200).to_pylist():
        origin = row["origin"]
        lines = (dataset.root / origin["file"]).read_text().split("\n")
        assert "<object>" in lines[origin["line"] - 1]
        after = "".join(lines[origin["line"] - 1 : origin["line"] + 12])
        assert re.findall(r"<[xy]m..>(\d+)<", after)[:4] == origin["raw"].split()


def test_garbage(shared_data):
    dataset = read(shared_data / "garbage-yolo")
    assert (dataset.format, len(dataset), dataset.annotations.num_rows) == ("yolo", 40, 110)
    assert dataset.category_counts().tolist() == [23, 44, 43]
    assert [p["value"] for p in problems(dataset, "missing-split")] == ["train", "test"]
    assert [p["line"] for p in problems(dataset, "path-escape")] == [1]  # a Windows path
    assert set(dataset.images["width"].to_pylist()) == {640}


def test_sahi_folder_reads_each_picture_once(shared_data):
    dataset = read(shared_data / "sahi-small/coco_utils")
    names = dataset.images["file_name"].to_pylist()
    assert len(names) == len(set(names)) == 55
    assert dataset.annotations.num_rows == 22 + 3326
    states = dict(zip(names, dataset.images["label_state"].to_pylist(), strict=True))
    assert Counter(states.values()) == {"labelled": 51, "labelled_empty": 2, "missing": 2}
    assert [n for n, s in states.items() if s == "missing"] == ["terrain2_gray.png", "terrain4.png"]
    gone = absent(dataset)
    assert "terrain3.png" in gone
    assert len(gone) == 51  # and the 50 aerial pictures that came as labels only
    ignored = {item["file"] for item in dataset.meta["ignored_files"]}
    assert {"combined_coco.json", "terrain1_coco.json", "terrain1.json"} <= ignored
    assert dataset.problems.num_rows == 0


def test_sahi_single_files(shared_data):
    folder = shared_data / "sahi-small/coco_utils"
    counts = {"terrain1_coco": 7, "terrain2_coco": 5, "terrain3_coco": 10, "terrain_all_coco": 22}
    for name, count in counts.items():
        assert read(folder / f"{name}.json").annotations.num_rows == count


def test_trees_and_fridge(shared_data):
    trees = read(shared_data / "trees")
    assert (trees.format, trees.annotations.num_rows) == ("voc", 951)
    per_image = Counter(trees.annotations["image_id"].to_pylist())
    by_path = {p: per_image[i] for i, p in enumerate(trees.images["path"].to_pylist())}
    assert by_path["OSBS_029.png"] == 61  # the xml says .tif
    assert sorted(by_path[path] for path in absent(trees)) == [279, 574]
    assert trees.meta["also_found"] == ["coco"]
    fridge = read(shared_data / "fridge")
    assert (len(fridge), fridge.annotations.num_rows, len(fridge.categories)) == (6, 12, 4)


def test_coco_values_equal_a_plain_parse(shared_data):
    path = shared_data / "predictions/faster-coco-eval/cocoapi/instances_val2014_100.json"
    source = json.loads(path.read_text())
    dataset = read(path)
    assert dataset.annotations.num_rows == len(source["annotations"]) == 839
    assert len(dataset) == 100
    assert len(dataset.categories) == 80
    names = {c["id"]: c["name"] for c in source["categories"]}
    files = {i["id"]: i["file_name"] for i in source["images"]}
    for row, item in zip(
        dataset.with_images_named().to_pylist(), source["annotations"], strict=True
    ):
        x, y, w, h = item["bbox"]
        assert (row["x1"], row["y1"], row["x2"], row["y2"]) == (x, y, x + w, y + h)
        assert (row["area"], row["crowd"]) == (item["area"], bool(item["iscrowd"]))
        assert (row["category"], row["file_name"]) == (
            names[item["category_id"]],
            files[item["image_id"]],
        )
        assert json.loads(row["segmentation"]) == item["segmentation"]
        assert json.loads(row["origin"]["raw"]) == item["bbox"]
    assert sum(dataset.annotations["crowd"].to_pylist()) == 9


def test_annotations_whose_image_id_has_another_type(shared_data):
    dataset = read(shared_data / "predictions/faster-coco-eval/gt_ignore_test.json")
    rows = problems(dataset, "orphan-annotation")
    assert len(rows) == 13
    assert all("another type" in row["message"] for row in rows)
    assert dataset.annotations.num_rows == 1


def test_toy_example(shared_data):
    dataset = read(shared_data / "predictions/review-metrics/toyexample", "voc")
    assert Counter(dataset.images["label_state"].to_pylist()) == {
        "labelled": 9,
        "labelled_empty": 1,
        "missing": 2,
    }
    assert dataset.annotations.num_rows == 12


@pytest.mark.parametrize(
    ("folder", "format", "images", "boxes"),
    [
        ("formats/datumaro/coco_dataset/coco", "coco", 2, 3),
        ("formats/datumaro/coco_dataset/coco_instances", "coco", 2, 3),
        ("formats/datumaro/coco_dataset/coco_roboflow", "coco", 2, 3),
        ("formats/datumaro/coco_dataset/mmdet_coco", "coco", 2, 3),
        ("formats/datumaro/coco_dataset/coco_image_info", "coco", 2, 0),
        ("formats/datumaro/kaggle_dataset/relaxed_coco", "coco", 2, 2),
        ("formats/datumaro/roboflow_dataset/coco", "coco", 3, 4),
        ("formats/datumaro/voc_dataset/voc_dataset1", "voc", 2, 2),
        ("formats/datumaro/voc_dataset/voc_dataset2", "voc", 5, 4),
        ("formats/datumaro/kaggle_dataset/relaxed_voc1", "voc", 2, 2),
        ("formats/datumaro/roboflow_dataset/voc", "voc", 3, 4),
        ("formats/datumaro/yolo_dataset/strict", "yolo", 1, 2),
        ("formats/datumaro/yolo_dataset/labels", "yolo", 2, 4),
        ("formats/datumaro/yolo_dataset/annotations", "yolo", 1, 2),
        ("formats/datumaro/kaggle_dataset/relaxed_yolo", "yolo", 2, 4),
        ("formats/datumaro/roboflow_dataset/yolo", "yolo", 2, 2),
        ("formats/label-studio/data/test_import_yolo_data", "yolo", 7, 25),
        ("formats/label-studio/data/test_import_yolo_data_unif_dims", "yolo", 5, 19),
        ("formats/datumaro/cvat_dataset/for_images", "images", 8, 0),
        ("formats/datumaro/open_images_dataset/v6", "images", 5, 0),
        ("jpeg-torture", "images", 241, 0),
    ],
)
def test_exports_of_other_tools(shared_data, folder, format, images, boxes):
    dataset = read(shared_data / folder)
    found = (dataset.format, len(dataset), dataset.annotations.num_rows)
    assert found == (format, images, boxes)


@pytest.mark.parametrize(
    "path",
    [
        "predictions/sahi/result.json",
        "predictions/faster-coco-eval/dt_dataset.json",
        "sahi-small/coco_utils/terrain1.json",
        "formats/label-studio/data/test_export_coco/data.json",
        "formats/datumaro/coco_dataset/coco_captions",
        "formats/datumaro/coco_dataset/coco_panoptic/annotations/panoptic_val.json",
        "formats/datumaro/widerface_dataset/wider_face_split",
        "formats/datumaro/roboflow_dataset/tfrecord",
    ],
)
def test_what_is_not_read_is_said_in_one_line(shared_data, path):
    with pytest.raises(DatasetError) as caught:
        read(shared_data / path)
    assert "\n" not in str(caught.value)


def test_every_folder_here_reads_or_says_why(shared_data):
    """No traceback on any of these exports, whatever they hold."""
    folders = [shared_data, *(p for p in shared_data.rglob("*") if p.is_dir())]
    read_count = 0
    for folder in folders:
        try:
            dataset = read(folder)
        except DatasetError:
            continue
        read_count += 1
        assert (dataset.column("annotations", "image_id") < len(dataset)).all()
    assert read_count > 100
