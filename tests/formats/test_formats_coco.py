from __future__ import annotations

import json
import math

import pytest
from format_sets import coco, problems

from fastlabel.dataset import DatasetError
from fastlabel.formats import detect, read


def test_box_becomes_corners_and_keeps_its_tokens(write):
    text = (
        '{"images": [{"id": 7, "file_name": "a.png", "width": 100, "height": 80, "date": "x"}],'
        ' "annotations": [{"id": 9, "image_id": 7, "category_id": 3, "bbox": [1.50, 2, 1e1, 4.0],'
        ' "area": 33.25, "iscrowd": 0, "segmentation": [[1.50, 2, 3, 4.0, 5, 6]], "note": "hé"}],'
        ' "categories": [{"id": 3, "name": "cat", "supercategory": "animal"}]}'
    )
    dataset = read(write({"labels.json": text, "a.png": (100, 80)}))
    row = dataset.annotations.to_pylist()[0]
    assert [row[c] for c in ("x1", "y1", "x2", "y2")] == [1.5, 2.0, 11.5, 6.0]
    assert row["origin"] == {
        "file": "labels.json",
        "line": None,
        "pointer": "/annotations/0",
        "raw": "[1.50,2,1e1,4.0]",
    }
    assert row["segmentation"] == "[[1.50,2,3,4.0,5,6]]"
    assert (row["area"], row["crowd"], row["ignore"]) == (33.25, False, None)
    assert json.loads(row["attributes"]) == {"note": "hé"}
    assert (row["source_id"], row["source_category"], row["category_id"]) == ("9", "3", 0)
    assert dataset.categories.to_pylist() == [
        {"category_id": 0, "source_id": "3", "name": "cat", "supercategory": "animal"}
    ]
    image = dataset.images.to_pylist()[0]
    assert (image["source_id"], image["width"], image["height"]) == ("7", 100, 80)
    assert (image["size_source"], image["label_state"]) == ("declared", "labelled")
    assert json.loads(image["attributes"]) == {"date": "x"}


def test_annotations_may_come_before_images(write):
    document = coco([(1, "a.png")], [(1, 2, [0, 0, 5, 5])])
    turned = {key: document[key] for key in ("annotations", "categories", "images")}
    dataset = read(write({"x.json": turned, "a.png": (100, 80)}))
    assert dataset.annotations["image_id"].to_pylist() == [0]
    assert dataset.annotations["category_id"].to_pylist() == [1]


def test_label_states(write):
    root = write(
        {
            "x.json": coco([(1, "a.png"), (2, "b.png")], [(1, 1, [0, 0, 5, 5])]),
            "a.png": (10, 10),
            "b.png": (10, 10),
            "c.png": (10, 10),
        }
    )
    dataset = read(root)
    states = dict(
        zip(
            dataset.images["path"].to_pylist(),
            dataset.images["label_state"].to_pylist(),
            strict=True,
        )
    )
    assert states == {"a.png": "labelled", "b.png": "labelled_empty", "c.png": "missing"}


def test_image_list_without_any_label_is_unlabelled(write):
    root = write({"x.json": coco([(1, "a.png")], [], []), "a.png": (10, 10)})
    assert read(root).images["label_state"].to_pylist() == ["unlabelled"]


def test_nan_and_infinity_stay_in_the_row(write):
    document = json.dumps(
        coco([(1, "a.png")], [(1, 1, [math.nan, 1, 2, 3]), (1, 1, [0, 0, math.inf, 3])])
    )
    dataset = read(write({"x.json": document}))
    assert dataset.annotations.num_rows == 2
    assert dataset.annotations["x1"].null_count == 0
    assert math.isnan(dataset.annotations["x1"][0].as_py())
    assert dataset.annotations["x2"][1].as_py() == math.inf


@pytest.mark.parametrize(
    "box",
    [
        None,
        [],
        [1, 2, 3],
        [1, 2, 3, 4, 5],
        ["1", 2, 3, 4],
        [1, 2, None, 4],
        "1 2 3 4",
        [True, 0, 1, 1],
        {"x": 1},
        [10**400, 0, 1, 1],
    ],
)
def test_box_that_is_not_four_numbers_is_a_problem_not_a_row(write, box):
    good = (1, 1, [0, 0, 5, 5])
    dataset = read(write({"x.json": coco([(1, "a.png"), (2, "b.png")], [good, (2, 1, box)])}))
    assert dataset.annotations.num_rows == 1
    (row,) = problems(dataset, "malformed-row")
    assert (row["pointer"], row["image_id"], row["file"]) == ("/annotations/1", 1, "x.json")
    # Something was meant to be there: it is no checked negative.
    assert dataset.images["label_state"].to_pylist() == ["labelled", "labelled"]


def test_every_annotation_is_a_row_or_a_problem(write):
    annotations = [
        (1, 1, [0, 0, 1, 1]),  # good
        (99, 1, [0, 0, 1, 1]),  # no such image
        ("1", 1, [0, 0, 1, 1]),  # right number, wrong type
        (1, 77, [0, 0, 1, 1]),  # no such class
        (1, [2], [0, 0, 1, 1]),  # class is a list
        ([1], 1, [0, 0, 1, 1]),  # image is a list
        (1, 1, [0, 0]),
        "text",
        {"image_id": 1, "category_id": 1, "id": 1, "bbox": [0, 0, 2, 2]},  # id 1 again
    ]
    dataset = read(write({"x.json": coco([(1, "a.png")], annotations)}))
    assert dataset.annotations.num_rows == 4
    assert [row["pointer"] for row in problems(dataset, "orphan-annotation")] == [
        "/annotations/1",
        "/annotations/2",
        "/annotations/5",
    ]
    unknown = problems(dataset, "unknown-category")
    assert [(row["pointer"], row["annotation_id"]) for row in unknown] == [
        ("/annotations/3", 1),
        ("/annotations/4", 2),
    ]
    assert dataset.annotations["category_id"].to_pylist() == [0, None, None, 0]
    assert [row["pointer"] for row in problems(dataset, "malformed-row")] == [
        "/annotations/6",
        "/annotations/7",
    ]
    (again,) = problems(dataset, "duplicate-id")
    assert (again["value"], again["annotation_id"]) == ("1", 3)


def test_duplicate_image_and_category_ids(write):
    document = coco(
        [(1, "a.png"), (1, "b.png")],
        [(1, 1, [0, 0, 1, 1])],
        [{"id": 1, "name": "cat"}, {"id": 1, "name": "dog"}],
    )
    dataset = read(write({"x.json": document}))
    assert len(dataset) == 2
    assert dataset.annotations["image_id"].to_pylist() == [0]
    pointers = sorted(row["pointer"] for row in problems(dataset, "duplicate-id"))
    assert pointers == ["/categories/1", "/images/1"]


def test_one_picture_listed_twice_keeps_both_records(write):
    document = coco([(1, "a.png"), (2, "./a.png")], [(1, 1, [0, 0, 1, 1]), (2, 1, [0, 0, 1, 1])])
    dataset = read(write({"x.json": document, "a.png": (10, 10)}))
    assert dataset.images["path"].to_pylist() == ["a.png", "a.png"]
    (row,) = problems(dataset, "duplicate-id")
    assert row["image_id"] == 1


@pytest.mark.parametrize("size", [(0, 0), (-5, 10), ("100", 80), (None, 80), (1.5, 2), (2**40, 1)])
def test_size_that_is_no_size_is_null_and_said(write, size):
    image = {"id": 1, "file_name": "a.png", "width": size[0], "height": size[1]}
    dataset = read(write({"x.json": coco([image], [(1, 1, [0, 0, 1, 1])])}))
    row = dataset.images.to_pylist()[0]
    assert (row["width"], row["height"], row["size_source"]) == (None, None, None)
    (problem,) = problems(dataset, "malformed-row")
    assert (problem["pointer"], problem["image_id"]) == ("/images/0", 0)


def test_image_without_a_name_is_a_problem(write):
    dataset = read(write({"x.json": coco([(1, "a.png"), {"id": 2}, 5], [(1, 1, [0, 0, 1, 1])])}))
    assert len(dataset) == 1
    assert [row["pointer"] for row in problems(dataset, "malformed-row")] == [
        "/images/1",
        "/images/2",
    ]


def test_flags_of_other_tools(write):
    annotation = {
        "id": 1,
        "image_id": 1,
        "category_id": 1,
        "bbox": [0, 0, 1, 1],
        "iscrowd": 1,
        "ignore": 1,
        "score": 0.5,
        "attributes": {"occluded": True, "rotation": 0.0},
        "truncated": 0.25,
    }
    row = read(write({"x.json": coco([(1, "a.png")], [annotation])})).annotations.to_pylist()[0]
    assert (row["crowd"], row["ignore"], row["score"]) == (True, True, 0.5)
    assert (row["occlusion"], row["truncation"]) == (1, 0.25)
    assert json.loads(row["attributes"]) == {
        "attributes": {"occluded": True, "rotation": 0.0},
        "truncated": 0.25,
    }


# --- several files -----------------------------------------------------------------------


def test_splits_of_several_files_with_ids_of_their_own(write):
    root = write(
        {
            "annotations/instances_train2017.json": coco([(1, "a.png")], [(1, 1, [0, 0, 1, 1])]),
            "annotations/instances_val2017.json": coco(
                [(1, "a.png")], [(1, 9, [0, 0, 2, 2])], [{"id": 9, "name": "cat"}]
            ),
            "train2017/a.png": (10, 10),
            "val2017/a.png": (10, 10),
        }
    )
    dataset = read(root)
    rows = dataset.images.to_pylist()
    assert [(r["split"], r["path"]) for r in rows] == [
        ("train", "train2017/a.png"),
        ("val", "val2017/a.png"),
    ]
    assert dataset.annotations["image_id"].to_pylist() == [0, 1]
    assert dataset.annotations["category_id"].to_pylist() == [0, 0]
    assert dataset.categories["name"].to_pylist() == ["cat", "dog"]
    assert dataset.meta["declared_splits"] == ["train", "val"]


def test_roboflow_layout(write):
    root = write(
        {
            "train/_annotations.coco.json": coco([(0, "a.png")], [(0, 1, [0, 0, 1, 1])]),
            "valid/_annotations.coco.json": coco([(0, "a.png")], [(0, 1, [0, 0, 1, 1])]),
            "train/a.png": (10, 10),
            "valid/a.png": (10, 10),
        }
    )
    dataset = read(root)
    assert dataset.images["split"].to_pylist() == ["train", "val"]
    assert dataset.images["path"].to_pylist() == ["train/a.png", "valid/a.png"]


def test_other_version_of_the_same_labels_is_named_not_counted_twice(write):
    root = write(
        {
            "all.json": coco([(1, "a.png"), (2, "b.png")], [(1, 1, [0, 0, 1, 1])]),
            "part.json": coco([(1, "b.png")], [(1, 1, [0, 0, 1, 1])]),
            "a.png": (10, 10),
            "b.png": (10, 10),
        }
    )
    dataset = read(root)
    assert (len(dataset), dataset.annotations.num_rows) == (2, 1)
    assert [item["file"] for item in dataset.meta["ignored_files"]] == ["part.json"]
    # The user may still ask for that one.
    assert read(root / "part.json").annotations.num_rows == 1


def test_files_with_classes_of_their_own_add_to_the_same_images(write):
    root = write(
        {
            "cats.json": coco([(1, "a.png")], [(1, 1, [0, 0, 1, 1])], [{"id": 1, "name": "cat"}]),
            "cars.json": coco([(5, "a.png")], [(5, 1, [0, 0, 2, 2])], [{"id": 1, "name": "car"}]),
            "a.png": (10, 10),
        }
    )
    dataset = read(root)
    assert len(dataset) == 1
    names = dataset.categories["name"].to_pylist()
    boxes = dataset.annotations.to_pylist()
    assert {(names[b["category_id"]], b["x2"]) for b in boxes} == {("cat", 1.0), ("car", 2.0)}


def test_batches_that_overlap_show_the_picture_they_share(write):
    root = write(
        {
            "batch1.json": coco([(1, "a.png"), (2, "b.png")], [(2, 1, [0, 0, 1, 1])]),
            "batch2.json": coco([(1, "b.png"), (2, "c.png")], [(1, 1, [0, 0, 1, 1])]),
        }
    )
    dataset = read(root)
    assert dataset.images["path"].to_pylist() == ["a.png", "b.png", "b.png", "c.png"]
    assert dataset.annotations["image_id"].to_pylist() == [1, 2]
    (row,) = problems(dataset, "duplicate-id")
    assert (row["file"], row["image_id"]) == ("batch2.json", 2)


def test_an_image_in_two_splits_stays_in_both(write):
    root = write(
        {
            "train.json": coco([(1, "a.png"), (2, "b.png")], [(1, 1, [0, 0, 1, 1])]),
            "val.json": coco([(1, "a.png")], [(1, 1, [0, 0, 1, 1])]),
            "a.png": (10, 10),
            "b.png": (10, 10),
        }
    )
    dataset = read(root)
    rows = {(r["path"], r["split"]) for r in dataset.images.to_pylist()}
    assert rows == {("a.png", "train"), ("b.png", "train"), ("a.png", "val")}


def test_whole_beside_its_splits_is_not_read_twice(write):
    root = write(
        {
            "all.json": coco([(1, "a.png"), (2, "b.png")], [(1, 1, [0, 0, 1, 1])]),
            "train.json": coco([(1, "a.png")], [(1, 1, [0, 0, 1, 1])]),
            "val.json": coco([(1, "b.png")], []),
        }
    )
    dataset = read(root)
    assert sorted(dataset.images["split"].to_pylist()) == ["train", "val"]
    assert dataset.annotations.num_rows == 1


def test_captions_results_and_labelme_beside_instances_are_ignored_by_name(write):
    captions = coco([(1, "a.png")], [{"id": 1, "image_id": 1, "caption": "a cat"}], [])
    root = write(
        {
            "instances_val.json": coco([(1, "a.png")], [(1, 1, [0, 0, 1, 1])]),
            "captions_val.json": captions,
            "results.json": [{"image_id": 1, "bbox": [0, 0, 1, 1], "score": 0.5}],
            "labelme.json": {"version": "5", "shapes": [], "imagePath": "a.png"},
            "a.png": (10, 10),
        }
    )
    dataset = read(root)
    assert dataset.annotations.num_rows == 1
    ignored = {item["file"] for item in dataset.meta["ignored_files"]}
    assert ignored == {"captions_val.json", "results.json", "labelme.json"}


# --- where the images are ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("json_at", "image_at", "name"),
    [
        ("x.json", "a.png", "a.png"),
        ("x.json", "images/a.png", "a.png"),
        ("annotations/x.json", "images/a.png", "a.png"),
        ("annotations/x.json", "images/a.png", "images/a.png"),
        ("annotations/x.json", "images/a.png", "../images/a.png"),
        ("annotations/x.json", "a.png", "a.png"),
        ("x.json", "deep/er/a.png", "a.png"),
        ("x.json", "deep/er/a.png", "er/a.png"),
        ("x.json", "deep/er/a.png", "deep\\er\\a.png"),
        ("x.json", "sp ace/ñ 'q' \"d\" <b>.png", "sp ace/ñ 'q' \"d\" <b>.png"),
        ("x.json", "new\nline.png", "new\nline.png"),
        ("x.json", "画像.png", "画像.png"),
    ],
)
def test_images_are_found(write, json_at, image_at, name):
    root = write({json_at: coco([(1, name)], [(1, 1, [0, 0, 1, 1])]), image_at: (10, 10)})
    dataset = read(root)
    row = dataset.images.to_pylist()[0]
    assert (row["file_name"], row["path"]) == (name, image_at)
    assert len(dataset) == 1
    assert dataset.problems.num_rows == 0


def test_json_given_as_a_file_finds_the_images_beside_its_folder(write):
    root = write(
        {
            "annotations/x.json": coco([(1, "a.png")], [(1, 1, [0, 0, 1, 1])]),
            "images/a.png": (10, 10),
        }
    )
    dataset = read(root / "annotations" / "x.json")
    assert dataset.root == root
    assert dataset.images["path"].to_pylist() == ["images/a.png"]
    assert dataset.annotations["origin"][0].as_py()["file"] == "annotations/x.json"


def test_ambiguous_base_name_is_not_guessed(write):
    root = write(
        {
            "x.json": coco([(1, "a.png")], [(1, 1, [0, 0, 1, 1])]),
            "p/a.png": (9, 9),
            "q/a.png": (9, 9),
        }
    )
    assert read(root).images["path"].to_pylist()[0] == "a.png"  # absent, and said to be so


@pytest.mark.parametrize(
    "name",
    [
        "../outside.png",
        "/etc/outside.png",
        "C:\\pics\\outside.png",
        "..\\..\\outside.png",
        "\\\\server\\share\\outside.png",
        "http://example.org/outside.png",
        "a/../../outside.png",
    ],
)
def test_names_that_lead_outside_have_no_path(write, name):
    root = write({"x.json": coco([(1, name)], [(1, 1, [0, 0, 1, 1])])})
    (root.parent / "outside.png").write_bytes(b"secret")
    dataset = read(root)
    assert dataset.images["path"].to_pylist() == [None]
    (row,) = problems(dataset, "path-escape")
    assert (row["image_id"], row["pointer"], row["value"]) == (0, "/images/0", name)


def test_symbolic_link_out_of_the_root_is_an_escape(write):
    root = write({"x.json": coco([(1, "a.png")], [(1, 1, [0, 0, 1, 1])])})
    (root.parent / "outside.png").write_bytes(b"secret")
    (root / "a.png").symlink_to(root.parent / "outside.png")
    dataset = read(root)
    assert dataset.images["path"].to_pylist() == [None]
    assert len(problems(dataset, "path-escape")) == 1


def test_absent_images_are_expected_where_the_others_are(write):
    root = write(
        {
            "x.json": coco([(1, "a.png"), (2, "b.png")], [(1, 1, [0, 0, 1, 1])]),
            "deep/images/a.png": (9, 9),
        }
    )
    assert read(root).images["path"].to_pylist() == ["deep/images/a.png", "deep/images/b.png"]


# --- files that cannot be read -------------------------------------------------------------


def test_cut_file_that_is_the_only_one(write):
    text = json.dumps(coco([(1, "a.png")], [(1, 1, [0, 0, 5, 5])] * 50), indent=1)
    root = write({"x.json": text[: len(text) // 2], "a.png": (10, 10)})
    with pytest.raises(DatasetError, match=r"x\.json: is not valid JSON: .* line \d+") as caught:
        read(root)
    assert "\n" not in str(caught.value)


def test_cut_file_among_others_is_a_problem_with_its_line(write):
    root = write(
        {
            "train.json": coco([(1, "a.png")], [(1, 1, [0, 0, 5, 5])]),
            "val.json": '{\n"images": [],\n"annotations": [',
        }
    )
    dataset = read(root)
    (row,) = problems(dataset, "malformed-file")
    assert (row["file"], row["line"]) == ("val.json", 3)
    assert "too early" in row["message"]


@pytest.mark.parametrize(
    "content",
    [
        b"[" * 100_000,
        b'{"images": ' + b"[" * 100_000,
        b'{"images": [{"id": ' + b"9" * 5000 + b'}], "annotations": []}',
        b'{"images": [], "annotations": [}',
        b'{"images": [] "annotations": []}',
        b'{"images": [], "annotations": []} trailing',
        b"{images: []}",
        b'{"images": [{"id": 1, "file_name": "\xff\xfe.png"}], "annotations": []}',
        b"",
        b"\x00\x01\x02",
        b'"images": []',
        b"null",
        b"12",
        b"{}",
        b'{"images": {}, "annotations": {}, "categories": []}',
        b'{"images": 3}',
        b'{"shapes": []}',
    ],
)
def test_json_that_is_no_coco_is_one_clear_line(write, content):
    root = write({"x.json": content})
    with pytest.raises(DatasetError) as caught:
        read(root / "x.json")
    text = str(caught.value)
    assert "x.json" in text
    assert "\n" not in text
    assert len(text) < 500


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32", "utf-16-le"])
def test_encodings_with_a_mark(write, encoding):
    text = json.dumps(coco([(1, "ñ画.png")], [(1, 1, [0, 0, 5, 5])]), ensure_ascii=False)
    data = text.encode(encoding)
    if encoding == "utf-16-le":
        data = b"\xff\xfe" + data
    dataset = read(write({"x.json": data, "ñ画.png": (9, 9)}) / "x.json")
    assert dataset.images["path"].to_pylist() == ["ñ画.png"]


def test_half_a_surrogate_pair_is_stored_as_an_escape(write):
    document = json.dumps(coco([(1, "a\ud800.png")], [(1, 1, [0, 0, 5, 5])]))
    dataset = read(write({"x.json": document}))
    assert dataset.images["file_name"].to_pylist() == ["a\\ud800.png"]


def test_nul_and_endless_names_do_no_harm(write):
    document = coco(
        [(1, "a\0.png"), (2, "x" * 5000 + ".png"), (3, "d/" * 3000 + "a")], [(1, 1, [0, 0, 5, 5])]
    )
    dataset = read(write({"x.json": document}))
    assert len(dataset) == 3


def test_detect(write):
    root = write({"x.json": coco([(1, "a.png")], []), "a.png": (9, 9)})
    assert detect(root) == detect(root / "x.json") == "coco"


def test_hundred_thousand_boxes_in_one_image(write):
    boxes = [[i % 90, i % 70, 1 + i % 7, 1] for i in range(100_000)]
    dataset = read(write({"x.json": coco([(1, "a.png")], [(1, 1, box) for box in boxes])}))
    assert dataset.boxes("xyxy").shape == (100_000, 4)
    x, y, w, h = boxes[77_777]
    assert dataset.boxes()[77_777].tolist() == [x, y, x + w, y + h]
    assert dataset.annotations["origin"][77_777].as_py()["pointer"] == "/annotations/77777"


def test_order_of_the_folder_does_not_matter(write):
    files = {
        f"{n}_{s}.json": coco([(1, f"{n}{s}.png")], [(1, 1, [0, 0, n, n])])
        for n in (3, 1, 2)
        for s in ("train", "val")
    }
    first = read(write(files))
    assert first.images["file_name"].to_pylist() == [
        f"{n}{s}.png" for n in (1, 2, 3) for s in ("train", "val")
    ]
