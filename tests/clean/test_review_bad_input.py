"""Exports that are damaged, of something else, or say what a plan cannot hold."""

from __future__ import annotations

import json

import numpy as np
import pytest
from review_sets import CLASSES, NOTHING, REVIEWERS, StudioReviewer, coco_set

from fastlabel.clean.review import export_review, read_review
from fastlabel.dataset import DatasetError
from fastlabel.formats import read

by_reviewer = pytest.mark.parametrize("reviewer", REVIEWERS, ids=lambda r: r.to)


@pytest.fixture
def ds(tmp_path):
    return coco_set(tmp_path / "set", images=8, seed=1)


def sent(reviewer, ds, folder):
    out = folder / f"tasks.{reviewer.ending}"
    export_review(ds, NOTHING, to=reviewer.to, out=out, everything=True)
    return reviewer(out)


def busiest(ds):
    """An image with several boxes, and their numbers."""
    images = ds.column("annotations", "image_id")
    image = int(np.bincount(images).argmax())
    return image, np.flatnonzero(images == image).tolist()


def kinds(back):
    return sorted(set(back.skipped["kind"].to_pylist()))


# ---- ids, images, classes


@by_reviewer
def test_an_unknown_id_is_named_and_not_taken(reviewer, ds, tmp_path):
    image, _ = busiest(ds)
    person = sent(reviewer, ds, tmp_path)
    key = "fl-999999" if reviewer is StudioReviewer else "999999"
    person.add(image, CLASSES[0], [1, 1, 20, 20], key=key)
    back = read_review(ds, person.save())
    assert kinds(back) == ["unknown id"]
    assert "999999" in back.skipped["detail"][0].as_py()
    assert back.changes.num_rows == 0
    assert not back.complete


@by_reviewer
def test_a_box_copied_with_its_id_is_a_new_box(reviewer, ds, tmp_path):
    image, rows = busiest(ds)
    other = next(k for k in range(len(ds)) if k != image)
    person = sent(reviewer, ds, tmp_path)
    key = f"fl-{rows[0]}" if reviewer is StudioReviewer else str(rows[0])
    person.add(image, CLASSES[0], [1, 1, 20, 20], key=key)  # within the image
    person.add(other, CLASSES[1], [2, 2, 20, 20], key=key)  # from another one
    back = read_review(ds, person.save())
    assert back.skipped.num_rows == 0
    assert [
        (c["change"], c["image_id"], c["category_after"]) for c in back.changes.to_pylist()
    ] in (
        [("added", image, CLASSES[0]), ("added", other, CLASSES[1])],
        [("added", other, CLASSES[1]), ("added", image, CLASSES[0])],
    )


@by_reviewer
def test_a_deleted_image_is_named_and_the_rest_is_read(reviewer, ds, tmp_path):
    image, rows = busiest(ds)
    person = sent(reviewer, ds, tmp_path)
    person.drop(image, rows[0])
    path = person.save()
    labels = json.loads((tmp_path / "set" / "labels.json").read_text(encoding="utf-8"))
    gone = labels["images"].pop(0 if image else 1)
    labels["annotations"] = [a for a in labels["annotations"] if a["image_id"] != gone["id"]]
    (tmp_path / "set" / "labels.json").write_text(json.dumps(labels), encoding="utf-8")
    back = read_review(read(tmp_path / "set"), path)
    assert back.skipped["image"].to_pylist() == [gone["file_name"]]
    assert kinds(back) == ["unknown image"]
    assert back.changes["change"].to_pylist() == ["dropped"]


@by_reviewer
def test_an_export_of_another_set_is_an_error(reviewer, ds, tmp_path):
    path = sent(reviewer, ds, tmp_path).save()
    text = path.read_text(encoding="utf-8").replace(".jpg", ".png")
    path.write_text(text, encoding="utf-8")
    with pytest.raises(DatasetError, match=r"none of its 8 images is in .* of another data set"):
        read_review(ds, path)


@by_reviewer
def test_an_export_of_other_labels_is_an_error(reviewer, ds, tmp_path):
    path = sent(reviewer, ds, tmp_path).save()
    other = coco_set(tmp_path / "other", images=8, seed=2)
    with pytest.raises(DatasetError, match="no longer those that were sent"):
        read_review(other, path)


@by_reviewer
def test_a_new_class_is_named_and_the_box_stays(reviewer, ds, tmp_path):
    image, rows = busiest(ds)
    person = sent(reviewer, ds, tmp_path)
    person.relabel(image, rows[0], "unicorn")
    person.add(image, "unicorn", [1, 1, 20, 20])
    person.relabel(
        image, rows[1], f"  {ds.categories['name'][0].as_py()} "
    )  # spaces are the tool's
    back = read_review(ds, person.save())
    assert back.skipped["kind"].to_pylist() == ["new class", "new class"]
    assert "'unicorn'" in back.skipped["detail"][0].as_py()
    assert all(c["annotation_id"] == rows[1] for c in back.changes.to_pylist())


@by_reviewer
def test_a_rotated_box_is_named_and_the_old_one_stays(reviewer, ds, tmp_path):
    image, rows = busiest(ds)
    person = sent(reviewer, ds, tmp_path)
    if reviewer is StudioReviewer:
        person._region(image, rows[0])["value"]["rotation"] = 12.5
    else:
        person._shape(image, rows[0]).set("rotation", "12.50")
    back = read_review(ds, person.save())
    assert back.skipped["kind"].to_pylist() == ["rotated"]
    assert "12.5 degrees" in back.skipped["detail"][0].as_py()
    assert back.changes.num_rows == 0


def test_a_turned_picture_is_not_taken(ds, tmp_path):
    image, rows = busiest(ds)
    person = sent(StudioReviewer, ds, tmp_path)
    person._region(image, rows[0])["image_rotation"] = 90
    back = read_review(ds, person.save())
    assert (kinds(back), back.changes.num_rows) == (["rotated"], 0)


@by_reviewer
def test_another_shape_is_named_and_the_old_box_stays(reviewer, ds, tmp_path):
    image, rows = busiest(ds)
    person = sent(reviewer, ds, tmp_path)
    if reviewer is StudioReviewer:
        person._region(image, rows[0])["type"] = "polygonlabels"
    else:
        shape = person._shape(image, rows[0])
        shape.tag = "polygon"
        shape.set("points", "1,2;3,4;5,6")
    back = read_review(ds, person.save())
    assert (kinds(back), back.changes.num_rows) == (["other shape"], 0)


@by_reviewer
@pytest.mark.parametrize(
    "box", [[5, 5, 5, 30], [-40, 5, -4, 30], [1e6, 5, 2e6, 30]], ids=["line", "left", "far"]
)
def test_a_box_without_area_in_the_image_is_named(reviewer, box, ds, tmp_path):
    image, _ = busiest(ds)
    person = sent(reviewer, ds, tmp_path)
    person.add(image, CLASSES[0], box)
    back = read_review(ds, person.save())
    assert (kinds(back), back.changes.num_rows) == (["no area"], 0)


@by_reviewer
def test_a_box_drawn_past_the_edge_ends_there(reviewer, ds, tmp_path):
    image, _ = busiest(ds)
    person = sent(reviewer, ds, tmp_path)
    person.add(image, CLASSES[0], [-20, 4, 30, 25])
    (row,) = read_review(ds, person.save()).plan.table.to_pylist()
    assert json.loads(row["after"])["box"] == pytest.approx([0, 4, 30, 25], abs=0.01)


@by_reviewer
def test_another_size_of_the_image_is_named(reviewer, ds, tmp_path):
    image, rows = busiest(ds)
    person = sent(reviewer, ds, tmp_path)
    person.drop(image, rows[0])
    if reviewer is StudioReviewer:
        for region in person._results(image):
            region["original_width"] += 1
    else:
        person.task(image).set("width", "9999")
    back = read_review(ds, person.save())
    assert (kinds(back), back.changes.num_rows) == (["other size"], 0)


# ---- answers of Label Studio


def answered(ds, tmp_path, change):
    person = sent(StudioReviewer, ds, tmp_path)
    path = person.save()
    tasks = json.loads(path.read_text(encoding="utf-8"))
    change(tasks)
    path.write_text(json.dumps(tasks), encoding="utf-8")
    return read_review(ds, path)


def test_skipped_and_unanswered_tasks_drop_nothing(ds, tmp_path):
    def change(tasks):
        tasks[0]["annotations"][0]["was_cancelled"] = True
        tasks[0]["annotations"][0]["result"] = []
        tasks[1]["annotations"] = []

    back = answered(ds, tmp_path, change)
    assert (kinds(back), back.changes.num_rows) == (["unanswered"], 0)
    assert back.complete
    assert back.counts["answered"] == len(ds) - 2


def test_an_empty_answer_drops_all_boxes(ds, tmp_path):
    image, rows = busiest(ds)

    def change(tasks):
        task = next(t for t in tasks if t["data"]["fastlabel"]["image_id"] == image)
        task["annotations"][0]["result"] = []

    back = answered(ds, tmp_path, change)
    assert sorted(back.changes["annotation_id"].to_pylist()) == rows
    assert set(back.changes["change"].to_pylist()) == {"dropped"}


@pytest.mark.parametrize("truth", [False, True])
def test_of_several_answers_the_truth_or_the_latest_counts(truth, ds, tmp_path):
    image, rows = busiest(ds)

    def change(tasks):
        task = next(t for t in tasks if t["data"]["fastlabel"]["image_id"] == image)
        first = task["annotations"][0]
        second = json.loads(json.dumps(first)) | {"updated_at": "2025-01-01T00:00Z"}
        second["result"] = second["result"][1:]  # older: without the first box
        second["ground_truth"] = truth
        task["annotations"].append(second)

    back = answered(ds, tmp_path, change)
    assert back.changes["annotation_id"].to_pylist() == (rows[:1] if truth else [])
    assert kinds(back) == ["several answers"]


def test_a_region_that_is_no_rectangle_keeps_its_box(ds, tmp_path):
    image, rows = busiest(ds)
    assert len(rows) >= 3

    def change(tasks):
        task = next(t for t in tasks if t["data"]["fastlabel"]["image_id"] == image)
        results = task["annotations"][0]["result"]
        results[0]["value"]["x"] = "left"
        results[1]["value"]["rectanglelabels"] = []
        del results[2]["original_width"]
        results.append("text")
        results.append({"type": "relation", "from_id": "a", "to_id": "b"})

    back = answered(ds, tmp_path, change)
    assert back.skipped["kind"].to_pylist() == ["malformed", "no class", "malformed", "malformed"]
    assert back.changes.num_rows == 0


@pytest.mark.parametrize(
    "told",
    [
        {"image_id": "7", "boxes": ["x"], "findings": [{"code": 1}, 5]},
        {"boxes": {"a": 1}, "labels": 4, "findings": "x", "size": "big"},
        {"size": [0, -1], "boxes": None},
        {},
    ],
)
def test_our_own_data_spoilt_is_no_crash(told, ds, tmp_path):
    def change(tasks):
        for task in tasks:
            task["data"]["fastlabel"] = told | {"name": task["data"]["fastlabel"]["name"]}

    assert answered(ds, tmp_path, change).changes.num_rows == 0


def test_our_own_data_gone_leaves_the_address(ds, tmp_path):
    def change(tasks):
        for task in tasks:
            del task["data"]["fastlabel"]

    back = answered(ds, tmp_path, change)
    assert (back.changes.num_rows, back.counts["answered"]) == (0, len(ds))


# ---- files


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is empty"),
        ("   \n", "is empty"),
        ("hello", "neither JSON nor XML"),
        ("PK\x03\x04", "unpack the archive first"),
        ("{}", "no JSON list of tasks"),
        ("[]", "holds no task"),
        ("[1]", 'task 1 has no "data"'),
        ('[{"id": 1, "image": "a.jpg", "label": []}]', "JSON-MIN"),
        ('[{"data": {}}', "cut short"),
        ('[{"data": {}},', "cut short"),
        ('[{"data": {}} {"data": {}}]', "',' or ']' was expected"),
        ('[{"data": {}}] more', "after the end of the list"),
        ('[{"data": NaN}]', "not valid JSON"),
        ("[" * 100000, "not valid JSON"),
        ("<a/>", "root element 'a'"),
        ("<annotations/>", "names no image"),
        ("<annotations><image", "not well-formed XML"),
        ("<annotations><image id='1' name='a'/></b>", "not well-formed XML"),
        ("<!DOCTYPE annotations [<!ENTITY x 'y'>]><annotations><image/></annotations>", "DOCTYPE"),
        ("<!DOCTYPE annotations SYSTEM 'x.dtd'><annotations><image/></annotations>", "DOCTYPE"),
    ],
)
def test_other_files_are_refused_with_the_reason(text, said, ds, tmp_path):
    path = tmp_path / "export"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(DatasetError) as error:
        read_review(ds, path)
    assert said in str(error.value)
    assert str(path) in str(error.value)


def test_entities_are_never_resolved(ds, tmp_path):
    secret = tmp_path / "secret.txt"
    secret.write_text("secret words")
    path = tmp_path / "export.xml"
    path.write_text(
        f"<!DOCTYPE annotations [<!ENTITY x SYSTEM '{secret.as_uri()}'>]>"
        "<annotations><image id='0' name='a'><tag label='t'>"
        "<attribute name='n'>&x;</attribute></tag></image></annotations>"
    )
    with pytest.raises(DatasetError, match="DOCTYPE") as error:
        read_review(ds, path)
    assert "secret words" not in str(error.value)


def test_bytes_that_are_no_text_are_refused(ds, tmp_path):
    path = tmp_path / "export.json"
    path.write_bytes(b'[{"data": "\xff\xfe"}]')
    with pytest.raises(DatasetError, match="not UTF-8"):
        read_review(ds, path)


def test_a_file_that_is_not_there_is_named(ds, tmp_path):
    with pytest.raises(DatasetError, match="nowhere"):
        read_review(ds, tmp_path / "nowhere.json")


@by_reviewer
def test_damaged_bytes_never_crash(reviewer, ds, tmp_path):
    """Cut and changed at random: an error about the file, or a reading; nothing else."""
    path = sent(reviewer, ds, tmp_path).save()
    whole = path.read_bytes()
    rng = np.random.default_rng(0)
    outcomes = {"read": 0, "refused": 0}
    for _ in range(250):
        data = bytearray(whole)
        for _ in range(int(rng.integers(1, 5))):
            at = int(rng.integers(len(data)))
            kind = int(rng.integers(4))
            if kind == 0:
                data[at] = int(rng.integers(256))
            elif kind == 1:
                del data[at : at + int(rng.integers(1, 40))]
            elif kind == 2:
                data[at:at] = rng.choice([b"NaN", b"1e999", b'"', b"<", b"null", b"-1", b"{}"])
            elif rng.random() < 0.2:
                del data[at:]
        path.write_bytes(data)
        try:
            read_review(ds, path)
            outcomes["read"] += 1
        except DatasetError:
            outcomes["refused"] += 1
    assert min(outcomes.values()) > 20, outcomes


# ---- what is sent


def test_findings_of_another_set_are_refused(ds, tmp_path):
    from review_sets import finding, findings

    found = findings([finding(ds, "FL702", annotation=0) | {"annotation_id": 10**6}])
    with pytest.raises(DatasetError, match="another data set"):
        export_review(ds, found, to="cvat", out=tmp_path / "x.xml")
    assert not (tmp_path / "x.xml").exists()


def test_nothing_to_look_at_is_said(ds, tmp_path):
    with pytest.raises(DatasetError, match="nothing to look at"):
        export_review(ds, NOTHING, to="sheet", out=tmp_path / "x.html")


def test_an_unknown_tool_is_refused(ds, tmp_path):
    with pytest.raises(ValueError, match="label-studio"):
        export_review(ds, NOTHING, to="excel", out=tmp_path / "x")


def test_evidence_that_is_spoilt_proposes_nothing(ds, tmp_path):
    from review_sets import finding, findings

    odd = ["", "[]", "{", '{"fix": 3}', '{"fix": {"box": [1, 2]}}', '{"related_annotations": "x"}']
    found = findings(
        finding(ds, "FL702", annotation=n % ds.annotations.num_rows) | {"evidence": text}
        for n, text in enumerate(odd)
    )
    out = tmp_path / "x.json"
    done = export_review(ds, found, to="label-studio", out=out)
    assert done.findings == len(odd)
    assert read_review(ds, out).changes.num_rows == 0


def test_boxes_that_no_tool_can_show_stay(ds, tmp_path):
    labels = json.loads((tmp_path / "set" / "labels.json").read_text(encoding="utf-8"))
    labels["annotations"][0]["category_id"] = 77
    labels["annotations"][1]["bbox"] = [1, 2, None, 4]
    (tmp_path / "set" / "labels.json").write_text(json.dumps(labels), encoding="utf-8")
    now = read(tmp_path / "set")
    for reviewer in REVIEWERS:
        out = tmp_path / f"x.{reviewer.ending}"
        done = export_review(now, NOTHING, to=reviewer.to, out=out, everything=True)
        assert done.unshown == now.annotations.num_rows - done.boxes > 0
        assert read_review(now, out).changes.num_rows == 0


def test_images_of_unknown_size_are_named(tmp_path):
    labels = {
        "images": [
            {"id": 1, "file_name": "a.jpg"},
            {"id": 2, "file_name": "b.jpg", "width": 9, "height": 9},
        ],
        "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [1, 1, 3, 3]}],
        "categories": [{"id": 1, "name": "x"}],
    }
    (tmp_path / "labels.json").write_text(json.dumps(labels))
    done = export_review(
        read(tmp_path), NOTHING, to="cvat", out=tmp_path.parent / "o.xml", everything=True
    )
    assert (done.tasks, done.left_out) == (1, ("a.jpg",))


@pytest.mark.parametrize("to", ["label-studio", "cvat", "fiftyone", "sheet"])
def test_no_tool_is_told_to_open_what_lies_outside_the_set(to, tmp_path):
    size = {"width": 9, "height": 9}
    names = ("../secret.jpg", "/etc/secret.jpg", "inside.jpg")
    labels = {
        "images": [{"id": n, "file_name": name} | size for n, name in enumerate(names)],
        "annotations": [
            {"id": n, "image_id": n, "category_id": 1, "bbox": [1, 1, 3, 3]} for n in range(3)
        ],
        "categories": [{"id": 1, "name": "x"}],
    }
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "labels.json").write_text(json.dumps(labels))
    out = tmp_path / "out"
    done = export_review(read(tmp_path / "set"), NOTHING, to=to, out=out, everything=True)
    assert (done.tasks, done.left_out) == (1, names[:2])
    for file in [out] if out.is_file() else out.iterdir():
        assert "secret" not in file.read_text()


def test_cvat_video_is_refused(shared_data, ds):
    path = shared_data / "formats/datumaro/cvat_dataset/for_video/annotations.xml"
    with pytest.raises(DatasetError, match="export of a video"):
        read_review(ds, path)


def test_interrupted_exports_leave_no_file(ds, tmp_path, monkeypatch):
    from fastlabel.clean.review import label_studio

    def fail(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(label_studio, "_predictions", fail)
    with pytest.raises(KeyboardInterrupt):
        export_review(ds, NOTHING, to="label-studio", out=tmp_path / "x.json", everything=True)
    assert [p.name for p in tmp_path.iterdir()] == ["set"]


# ---- reading in parts


@pytest.mark.parametrize("chunk", [1, 2, 3, 7, 64, 1 << 20])
def test_a_file_is_read_in_parts_of_any_size(chunk, tmp_path, monkeypatch):
    from fastlabel.clean.review import records

    monkeypatch.setattr(records, "CHUNK", chunk)
    values = [
        {"a": [1, 2, {"b": 'x,y]\\"['}]},
        12345,
        -1.5e-7,
        "é,\u2028",
        None,
        [],
        {},
        [[]],
        True,
    ]
    path = tmp_path / "x.json"
    for indent in (None, 1):
        path.write_text("\ufeff \n" + json.dumps(values, indent=indent) + " \n", encoding="utf-8")
        assert [v for _, v in records.json_records(path)] == values
    for text in ("[1 2]", "[1,]", "[1", "[1]x", "[", '["a'):
        path.write_text(text)
        with pytest.raises(DatasetError):
            list(records.json_records(path))
