"""Exports that others' tools wrote, and what others' tools make of our files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from review_sets import CLASSES, coco_set, some_findings

from fastlabel.clean.review import export_review, read_review
from fastlabel.clean.review.label_studio import label_config
from fastlabel.formats import read


def set_of(folder: Path, images, classes, boxes=()):
    """A set with these (name, width, height) and (image, class, box)."""
    folder.mkdir()
    labels = {
        "images": [
            {"id": n, "file_name": name, "width": w, "height": h}
            for n, (name, w, h) in enumerate(images)
        ],
        "annotations": [
            {"id": n, "image_id": i, "category_id": c, "bbox": list(b)}
            for n, (i, c, b) in enumerate(boxes)
        ],
        "categories": [{"id": n, "name": name} for n, name in enumerate(classes)],
    }
    (folder / "labels.json").write_text(json.dumps(labels))
    return read(folder)


@pytest.fixture
def studio(shared_data):
    return shared_data / "formats/label-studio/data"


def names_in(path):
    """Last part of each image's address, as the fixtures have it."""
    tasks = json.loads(path.read_text())
    return [Path(t["data"]["image"]).name for t in tasks]


def test_boxes_of_a_label_studio_project(studio, tmp_path):
    """Labelled in the tool from the start: no ids of ours; every box is new."""
    path = studio / "test_export_yolo/data.json"
    tasks = json.loads(path.read_text())
    ds = set_of(tmp_path / "s", [(n, 2800, 2800) for n in names_in(path)], ["parasites", "white"])
    back = read_review(ds, path)
    # Three tasks here have several answers: the latest counts.
    latest = [max(t["annotations"], key=lambda a: a["updated_at"]) for t in tasks]
    wanted = [
        (r["value"]["rectanglelabels"][0], r["value"]["x"] * 28, r["value"]["width"] * 28)
        for a in latest
        for r in a["result"]
    ]
    got = [
        (c["category_after"], c["box_after"][0], c["box_after"][2] - c["box_after"][0])
        for c in back.changes.to_pylist()
    ]
    assert len(got) == len(wanted) > 3
    for mine, theirs in zip(got, wanted, strict=True):
        assert mine == (theirs[0], pytest.approx(theirs[1]), pytest.approx(theirs[2]))
    assert set(back.skipped["kind"].to_pylist()) <= {"several answers"}


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("data_obb.json", "rotated"),
        ("data_polygons.json", "other shape"),
        ("data_keypoints.json", "other shape"),
    ],
)
def test_shapes_of_label_studio_that_are_no_boxes_are_counted(name, kind, studio, tmp_path):
    path = studio / "test_export_yolo" / name
    tasks = json.loads(path.read_text())
    results = [
        r for t in tasks for a in t["annotations"] for r in a["result"] if r["type"] != "relation"
    ]
    sizes = [
        (r.get("original_width", 9), r.get("original_height", 9))
        for r in (t["annotations"][0]["result"][0] for t in tasks)
    ]
    names = names_in(path)
    classes = sorted({x for r in results for x in r["value"].get("rectanglelabels", [])})
    ds = set_of(
        tmp_path / "s", [(n, *s) for n, s in zip(names, sizes, strict=True)], classes or ["x"]
    )
    back = read_review(ds, path)
    upright = [
        r for r in results if r["type"] == "rectanglelabels" and not r["value"].get("rotation")
    ]
    assert back.skipped["kind"].to_pylist().count(kind) == len(results) - len(upright) > 0
    assert back.changes.num_rows == len(upright)


def test_uploads_of_label_studio_are_known_by_their_name(studio, tmp_path):
    """Its server puts eight hexadecimal digits before the name of an upload."""
    text = (studio / "test_export_coco/data.json").read_text()
    assert '"test_image1.jpg"' in text
    path = tmp_path / "export.json"
    path.write_text(text.replace("test_image1.jpg", "/data/upload/3/1a2b3c4d-test_image1.jpg"))
    ds = set_of(tmp_path / "s", [("test_image1.jpg", 500, 320)], ["rectangle_label"])
    back = read_review(ds, path)
    assert back.changes["change"].to_pylist() == ["added"]
    (box,) = back.changes["box_after"].to_pylist()
    assert box[0] == pytest.approx(31.941923774954628 * 5)


def test_json_min_is_refused_with_the_remedy(studio, tmp_path):
    from fastlabel.dataset import DatasetError

    ds = set_of(tmp_path / "s", [("a.jpg", 9, 9)], ["x"])
    path = tmp_path / "min.json"
    path.write_text('[{"image": "/a.jpg", "id": 1, "label": [{"x": 1}], "annotator": 1}]')
    with pytest.raises(DatasetError, match=r"JSON-MIN.*export as JSON"):
        read_review(ds, path)


@pytest.mark.parametrize("given", [(), [(0, 0, (0, 2, 4, 2))]], ids=["new", "matched"])
def test_boxes_of_a_cvat_task(given, shared_data, tmp_path):
    path = shared_data / "formats/datumaro/cvat_dataset/for_images/export_task/train.xml"
    ds = set_of(
        tmp_path / "s", [("img0.jpg", 8, 8), ("img1.jpg", 10, 10)], ["label1", "label2"], given
    )
    back = read_review(ds, path)
    assert back.skipped["kind"].to_pylist() == ["other shape"] * 3
    assert [c["change"] for c in back.changes.to_pylist()] == ["added"] * (1 - len(given))
    assert back.counts["same"] == len(given)
    if not given:
        (change,) = back.changes.to_pylist()
        assert (change["category_after"], change["box_after"]) == ("label1", [0, 2, 4, 4])


def test_a_cvat_project_with_one_name_in_three_subsets(shared_data, tmp_path):
    path = shared_data / "formats/datumaro/cvat_dataset/for_images/export_project/annotations.xml"
    ds = set_of(tmp_path / "s", [("img0.jpg", 8, 8), ("img1.jpg", 10, 10)], ["label1", "label2"])
    back = read_review(ds, path)
    assert back.counts["images"] == 6
    assert back.skipped["kind"].to_pylist().count("several answers") == 4
    assert back.changes.num_rows == 1


# ---- the tools' own readers, where they are installed


@pytest.fixture
def found(tmp_path):
    ds = coco_set(tmp_path / "set", images=9, seed=3)
    return ds, some_findings(ds)


def test_label_studio_takes_config_and_tasks(found, tmp_path):
    sdk = pytest.importorskip("label_studio_sdk.label_interface")
    ds, table = found
    out = tmp_path / "t.json"
    export_review(ds, table, to="label-studio", out=out, everything=True)
    interface = sdk.LabelInterface((tmp_path / "t.config.xml").read_text(encoding="utf-8"))
    interface.validate()
    guesses = 0
    for task in json.loads(out.read_text(encoding="utf-8")):
        assert interface.validate_task({"data": task["data"]})
        for annotation in task["annotations"]:
            assert interface.validate_annotation(annotation)
        for prediction in task["predictions"]:
            assert interface.validate_prediction(prediction)
            guesses += len(prediction["result"])
    assert guesses
    control = interface.get_control("label")
    assert list(control.labels) == list(CLASSES)


def test_datumaro_reads_the_cvat_file(found, tmp_path):
    cvat = pytest.importorskip("datumaro.plugins.data_formats.cvat.base")
    ds, table = found
    out = tmp_path / "t.xml"
    export_review(ds, table, to="cvat", out=out, everything=True)
    reader = cvat.CvatBase.__new__(cvat.CvatBase)
    reader._subset = "t"
    items, categories = reader._parse(str(out))
    (label_categories,) = categories.values()
    seen = {}
    for item in items.values():
        for one in item["annotations"]:
            number = one.attributes.get("annotation_id")
            if type(one).__name__ == "Bbox" and number:
                label = label_categories.items[one.label].name
                seen[int(number)] = (item["name"], label, [*one.points])
    assert len(seen) == ds.annotations.num_rows
    for row in ds.annotations.to_pylist():
        name, label, points = seen[row["annotation_id"]]
        assert name == ds.images["file_name"][row["image_id"]].as_py()
        assert label == CLASSES[row["category_id"]]
        assert points == pytest.approx([row[c] for c in ("x1", "y1", "x2", "y2")], abs=0.0051)


def test_fiftyone_reads_its_samples(found, tmp_path):
    importers = pytest.importorskip("fiftyone.utils.data.importers")
    ds, table = found
    export_review(ds, table, to="fiftyone", out=tmp_path / "fo", everything=True)
    importer = importers.FiftyOneDatasetImporter(str(tmp_path / "fo"))
    assert importer._is_legacy_format_data()
    importer = importer._to_legacy_importer()
    boxes = 0
    with importer:
        assert len(importer) == len(ds)
        for sample in importer:
            size = (sample.metadata.width, sample.metadata.height)
            for one in sample.ground_truth.detections:
                row = ds.annotations.slice(one.annotation_id, 1).to_pylist()[0]
                x, y, w, h = one.bounding_box
                got = [x * size[0], y * size[1], (x + w) * size[0], (y + h) * size[1]]
                assert got == pytest.approx([row[c] for c in ("x1", "y1", "x2", "y2")])
                assert one.label == CLASSES[row["category_id"]]
                boxes += 1
    assert boxes == ds.annotations.num_rows


def test_the_config_is_xml_with_every_class():
    import xml.etree.ElementTree as ET

    view = ET.fromstring(label_config(CLASSES))
    assert [x.get("value") for x in view.iter("Label")] == list(CLASSES)
    assert view.find("Image").get("value") == "$image"
    assert view.find("RectangleLabels").get("canRotate") == "false"
