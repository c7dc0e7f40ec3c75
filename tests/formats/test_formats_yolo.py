from __future__ import annotations

import math

import numpy as np
import pytest
from format_sets import jpeg_with_orientation, problems

from fastlabel.dataset import DatasetError
from fastlabel.formats import detect, read

YAML = "path: .\ntrain: images/train\nval: images/val\nnames: [cat, dog]\n"
ROW = "0 0.5 0.5 0.2 0.1\n"


def small(**more):
    return {
        "data.yaml": YAML,
        "images/train/a.png": (100, 50),
        "images/val/b.png": (200, 100),
        "labels/train/a.txt": ROW,
        "labels/val/b.txt": "1 0.25 0.5 0.5 1\n",
        **more,
    }


def test_boxes_are_scaled_by_the_stored_size(write):
    dataset = read(write(small()))
    assert dataset.format == "yolo"
    assert np.allclose(dataset.boxes(), [[40, 22.5, 60, 27.5], [0, 0, 100, 100]], atol=1e-9)
    images = dataset.images.to_pylist()
    assert [(i["split"], i["path"], i["width"], i["height"], i["size_source"]) for i in images] == [
        ("train", "images/train/a.png", 100, 50, "decoded"),
        ("val", "images/val/b.png", 200, 100, "decoded"),
    ]
    assert dataset.categories["name"].to_pylist() == ["cat", "dog"]
    origin = dataset.annotations["origin"][0].as_py()
    assert origin == {
        "file": "labels/train/a.txt",
        "line": 1,
        "pointer": None,
        "raw": "0.5 0.5 0.2 0.1",
    }


def test_label_states(write):
    dataset = read(
        write(
            small(
                **{
                    "images/train/empty.png": (9, 9),
                    "labels/train/empty.txt": "\r\n \n",
                    "images/train/none.png": (9, 9),
                    "images/train/bad.png": (9, 9),
                    "labels/train/bad.txt": "nonsense\n",
                }
            )
        )
    )
    states = {i["path"]: i["label_state"] for i in dataset.images.to_pylist()}
    assert states == {
        "images/train/a.png": "labelled",
        "images/train/bad.png": "labelled",
        "images/train/empty.png": "labelled_empty",
        "images/train/none.png": "missing",
        "images/val/b.png": "labelled",
    }


def test_trainers_turn_images_of_orientation_6_and_so_does_the_size(write):
    files = {f"images/{o}.jpg": jpeg_with_orientation(100, 40, o) for o in range(1, 9)}
    labels = {f"labels/{o}.txt": "0 0.5 0.5 1 1\n" for o in range(1, 9)}
    dataset = read(write(files | labels))
    for image, box in zip(dataset.images.to_pylist(), dataset.boxes().tolist(), strict=True):
        turned = int(image["path"][-5]) >= 5
        size = (40, 100) if turned else (100, 40)
        assert (image["width"], image["height"]) == size
        assert image["size_source"] == ("exif" if turned else "decoded")
        assert box == [0, 0, *size]


def test_boxes_of_an_image_without_a_size_are_unknown(write):
    dataset = read(write(small(**{"images/train/a.png": b"no picture"})))
    column = dataset.annotations["x1"]
    assert (column[0].as_py(), column[1].as_py()) == (None, 0.0)
    assert math.isnan(dataset.boxes()[0, 0])  # NaN beneath the null
    assert dataset.images["width"].to_pylist() == [None, 200]
    assert dataset.images["size_source"].to_pylist() == [None, "decoded"]


def test_nan_in_the_source_is_a_value_not_unknown(write):
    dataset = read(write(small(**{"labels/train/a.txt": "0 nan 0.5 0.1 0.1\n0 0.5 inf 0.1 0.1"})))
    assert dataset.annotations["x1"].null_count == 0
    assert math.isnan(dataset.boxes()[0, 0])
    assert dataset.boxes()[1, 1] == math.inf


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("0 0.5 0.5 0.2", "4 values"),
        ("0", "1 values"),
        ("0 0.5 0.5 0.2 0.1 0.9 0.3 0.2", "8 values"),
        ("0 0.5 x 0.2 0.1", "'x'"),
        ("0 0.5 0,5 0.2 0.1", "'0,5'"),
        ("0 0.5 1_0 0.2 0.1", "'1_0'"),
        ("0 0.5 ٣ 0.2 0.1", "'٣'"),
        ("<b>0</b>", "1 values"),
    ],
)
def test_bad_row_is_a_problem_with_file_line_and_value(write, row, reason):
    dataset = read(write(small(**{"labels/train/a.txt": f"{ROW}\n{row}\n{ROW}"})))
    assert dataset.annotations["origin"].combine_chunks().field("line").to_pylist() == [1, 4, 1]
    (problem,) = problems(dataset, "malformed-row")
    assert (problem["file"], problem["line"], problem["value"]) == ("labels/train/a.txt", 3, row)
    assert problem["image_id"] == 0
    assert reason in problem["message"]


@pytest.mark.parametrize("token", ["2", "-1", "1.5", "cat", "99999999999999999999", "nan"])
def test_class_that_is_not_declared(write, token):
    dataset = read(write(small(**{"labels/train/a.txt": f"{token} 0.5 0.5 0.2 0.1\n"})))
    assert dataset.annotations["category_id"].to_pylist() == [None, 1]
    assert dataset.annotations["source_category"][0].as_py() == token
    (problem,) = problems(dataset, "unknown-category")
    assert (problem["annotation_id"], problem["line"], problem["value"]) == (0, 1, token)


def test_class_number_with_a_point_is_the_class(write):
    dataset = read(write(small(**{"labels/train/a.txt": "1.0 0.5 0.5 0.2 0.1\n"})))
    assert dataset.annotations["category_id"].to_pylist() == [1, 1]


def test_confidence_is_a_score(write):
    dataset = read(write(small(**{"labels/train/a.txt": "0 0.5 0.5 0.2 0.1 0.75\n"})))
    assert dataset.annotations["score"].to_pylist() == [0.75, None]


def test_polygon_gives_the_box_of_its_extremes(write):
    row = "1 0.1 0.2 0.5 0.9 0.3 0.1"
    dataset = read(write(small(**{"labels/train/a.txt": row})))
    assert np.allclose(dataset.boxes()[0], [10, 5, 50, 45])
    assert dataset.annotations["segmentation"].to_pylist() == ["0.1 0.2 0.5 0.9 0.3 0.1", None]
    assert dataset.problems.num_rows == 0


def test_boxes_and_polygons_in_one_file(write):
    rows = "1 0.1 0.2 0.5 0.9 0.3 0.1\n0 0.5 0.5 0.1 0.2\n"
    dataset = read(write(small(**{"labels/train/a.txt": rows})))
    # Each row is read as what it is, whatever a trainer would make of it.
    assert np.allclose(dataset.boxes()[1], [45, 20, 55, 30])
    (problem,) = problems(dataset, "boxes-and-polygons")
    assert (problem["file"], problem["line"], problem["image_id"]) == ("labels/train/a.txt", 2, 0)


EIGHT = "0 0.1 0.2 0.5 0.2 0.5 0.6 0.1 0.6\n"


@pytest.mark.parametrize(
    ("more_yaml", "other", "oriented"),
    [
        ("", "", True),
        ("task: obb\n", "", True),
        ("task: segment\n", "", False),
        ("", "1 0.1 0.2 0.5 0.9 0.3 0.1\n", False),
    ],
)
def test_nine_values_are_decided_by_the_set(write, more_yaml, other, oriented):
    files = small(**{"labels/train/a.txt": EIGHT, "labels/val/b.txt": other})
    files["data.yaml"] += more_yaml
    dataset = read(write(files))
    row = dataset.annotations.to_pylist()[0]
    assert np.allclose([row[c] for c in ("x1", "y1", "x2", "y2")], [10, 10, 50, 30])
    if oriented:
        assert np.allclose(row["obb"], [10, 10, 50, 10, 50, 30, 10, 30])
        assert row["segmentation"] is None
    else:
        assert row["obb"] is None
        assert row["segmentation"] == EIGHT.strip()[2:]


def test_pose_rows(write):
    files = small(
        **{"labels/train/a.txt": "0 0.5 0.5 0.2 0.1 0.4 0.4 2 0.6 0.6 1\n", "labels/val/b.txt": ""}
    )
    files["data.yaml"] += "kpt_shape: [2, 3]\n"
    dataset = read(write(files))
    assert np.allclose(dataset.boxes(), [[40, 22.5, 60, 27.5]])
    assert dataset.annotations["attributes"].to_pylist() == ['{"keypoints": "0.4 0.4 2 0.6 0.6 1"}']
    assert dataset.problems.num_rows == 0


# --- data.yaml -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "yaml",
    [
        "train: images/train\nval: images/val\nnames: [cat, dog]",
        "path: .\ntrain: ./images/train/\nval: images/val\nnames:\n- cat\n- dog",
        "train: ../images/train\nval: ../images/val\nnc: 2\nnames: {0: cat, 1: dog}",
        "train: images\\train\nval: images\\val\nnames: {'0': cat, '1': dog}",
        "train: [images/train]\nvalidation: [images/val]\nnames: ['cat', \"dog\"]",
        "train: lists/train.txt\nval: lists/val.txt\nnames: [cat, dog]",
        "path: images\ntrain: train\nval: val\nnames: [cat, dog]",
        "path: ../datasets/set\ntrain: images/train\nval: images/val\nnames: [cat, dog]",
        "\ufeffpath: .\r\ntrain: images/train\r\nval: images/val\r\nnames: [cat, dog]\r\ntest:\r\n",
        "train: images/train\nval: images/val\ntest: null\nnames: [cat, dog]",
    ],
)
def test_variants_of_data_yaml_mean_the_same(write, yaml):
    root = write(
        small(
            **{
                "data.yaml": yaml,
                "lists/train.txt": "./../images/train/a.png\r\n\r\n",
                "lists/val.txt": "images/val/b.png\n",
            }
        )
    )
    for path in (root, root / "data.yaml"):
        dataset = read(path)
        assert [(i["split"], i["path"]) for i in dataset.images.to_pylist()] == [
            ("train", "images/train/a.png"),
            ("val", "images/val/b.png"),
        ]
        assert dataset.categories["name"].to_pylist() == ["cat", "dog"]
        assert dataset.annotations.num_rows == 2
        assert dataset.problems.num_rows == 0
        assert dataset.meta["absent_splits"] == []


def test_class_called_no_stays_text(write):
    dataset = read(
        write(
            small(**{"data.yaml": "train: images/train\nval: images/val\nnames: [no, 1.0, on, ~]"})
        )
    )
    assert dataset.categories["name"].to_pylist() == ["no", "1.0", "on", "~"]


def test_windows_path_is_named_and_the_folder_is_read(write):
    yaml = YAML.replace("path: .", "path: C:\\Users\\me\\garbage")
    dataset = read(write(small(**{"data.yaml": yaml})))
    assert len(dataset) == 2
    (problem,) = problems(dataset, "path-escape")
    assert (problem["file"], problem["line"]) == ("data.yaml", 1)
    assert problem["value"] == "C:\\Users\\me\\garbage"


def test_windows_path_in_double_quotes_is_one_clear_line(write):
    yaml = YAML.replace("path: .", 'path: "C:\\Users\\me"')
    root = write(small(**{"data.yaml": yaml}))
    with pytest.raises(DatasetError, match=r"data\.yaml:1: is not valid YAML.*single quotes"):
        read(root / "data.yaml")
    dataset = read(root)  # the folder can be read all the same
    assert len(dataset) == 2
    assert [p["line"] for p in problems(dataset, "malformed-file")] == [1]


def test_absent_splits_are_named(write):
    dataset = read(write(small(**{"data.yaml": YAML + "test: images/test\n"})))
    assert dataset.meta["declared_splits"] == ["train", "val", "test"]
    assert dataset.meta["absent_splits"] == ["test"]
    (problem,) = problems(dataset, "missing-split")
    assert (problem["value"], problem["line"]) == ("test", 5)


def test_nothing_where_the_yaml_points_to(write):
    root = write({"data.yaml": YAML})
    with pytest.raises(DatasetError, match="no image and no label") as caught:
        read(root)
    assert "images/train" in str(caught.value)


def test_split_outside_the_root_is_not_opened(write):
    root = write(
        small(**{"data.yaml": "train: images/train\nval: /nowhere/val\nnames: [cat, dog]"})
    )
    dataset = read(root)
    assert dataset.images["split"].to_pylist() == ["train"]
    (problem,) = problems(dataset, "path-escape")
    assert (problem["line"], problem["value"]) == (2, "/nowhere/val")
    assert dataset.meta["absent_splits"] == ["val"]


def test_counts_and_gaps_of_names(write):
    def counts(yaml):
        files = small(**{"data.yaml": "train: images/train\nval: images/val\n" + yaml})
        return [p["line"] for p in problems(read(write(files)), "class-count")]

    assert counts("nc: 3\nnames: [cat, dog]") == [3]
    assert counts("names: [cat, dog]\nnc: two") == [4]
    assert counts("names: {0: cat, 2: dog}") == [3]
    assert counts("names: {cat: 0, dog: 1}") == [3, 3]
    assert counts("names: cat") == [3]
    assert counts("nc: 2\nnames: [cat, dog]") == []
    assert counts("nc: 2") == []


def test_gap_in_names_does_not_shift_the_classes(write):
    yaml = "train: images/train\nval: images/val\nnames: {0: cat, 2: dog}"
    dataset = read(
        write(
            small(
                **{"data.yaml": yaml, "labels/train/a.txt": "2 0.5 0.5 0.2 0.1\n1 0.5 0.5 0.2 0.1"}
            )
        )
    )
    names = dataset.categories["name"].to_pylist()
    ids = dataset.annotations["category_id"].to_pylist()
    assert names[ids[0]] == "dog"
    assert ids[1] is None


def test_download_field_is_refused(write, tmp_path):
    mark = tmp_path / "ran"
    yaml = YAML + f"download: |\n  import os; os.system('touch {mark}')\n"
    dataset = read(write(small(**{"data.yaml": yaml})))
    (problem,) = problems(dataset, "refused")
    assert problem["line"] == 5
    assert not mark.exists()


@pytest.mark.parametrize(
    "yaml",
    [
        "train: images/train\nnames: [cat\n",
        "train: images/train\nnames: *x\n",
        "train: !!python/object/apply:os.system ['touch /tmp/x']\nnames: [a\n",
        "- train\n- names\n",
        "train: x\nnames: " + "[" * 5000,
        "train: x\nnames: \x01\n",
        "",
    ],
)
def test_yaml_that_cannot_be_parsed_is_one_clear_line(write, yaml):
    root = write(small(**{"data.yaml": yaml}))
    with pytest.raises(DatasetError, match=r"data\.yaml") as caught:
        read(root / "data.yaml")
    assert "\n" not in str(caught.value)
    assert len(read(root)) == 2


def test_python_tags_have_no_effect(write, tmp_path):
    mark = tmp_path / "ran"
    yaml = YAML + f"extra: !!python/object/apply:os.system ['touch {mark}']\n"
    assert len(read(write(small(**{"data.yaml": yaml})))) == 2
    assert not mark.exists()


# --- lists, layouts, shared files ----------------------------------------------------------


def test_list_file_names_absent_and_outside_images(write):
    root = write(
        small(
            **{
                "data.yaml": "train: train.txt\nnames: [cat, dog]",
                "train.txt": "images/train/a.png\nimages/train/gone.png\n../outside.png\n"
                "images\\val\\b.png\nimages/train/a.png\n",
                "labels/train/gone.txt": ROW,
            }
        )
    )
    dataset = read(root)
    assert dataset.images["path"].to_pylist() == [
        "images/train/a.png",
        "images/train/gone.png",
        None,
        "images/val/b.png",
    ]
    (escape,) = problems(dataset, "path-escape")
    assert (escape["image_id"], escape["file"], escape["line"]) == (2, "train.txt", 3)
    (twice,) = problems(dataset, "duplicate-id")
    assert (twice["line"], twice["image_id"]) == (5, 0)
    assert dataset.annotations["image_id"].to_pylist() == [0, 1, 3]
    assert dataset.annotations["x1"][1].as_py() is None  # no size without the image


def test_image_in_two_splits_is_in_both(write):
    dataset = read(
        write(small(**{"data.yaml": "train: images/train\nval: images\nnames: [cat, dog]"}))
    )
    rows = [(i["split"], i["path"]) for i in dataset.images.to_pylist()]
    assert rows == [
        ("train", "images/train/a.png"),
        ("val", "images/train/a.png"),
        ("val", "images/val/b.png"),
    ]
    assert dataset.annotations["image_id"].to_pylist() == [0, 1, 2]
    assert dataset.problems.num_rows == 0


def test_two_images_share_one_label_file(write):
    dataset = read(write(small(**{"images/train/a.jpg": jpeg_with_orientation(10, 10, 1)})))
    (problem,) = problems(dataset, "shared-label")
    assert problem["file"] == "labels/train/a.txt"
    assert dataset.annotations.num_rows == 3


def test_the_last_images_folder_counts(write):
    dataset = read(
        write(
            {
                "images/x/images/a.png": (10, 10),
                "images/x/labels/a.txt": ROW,
                "labels/x/images/a.txt": ROW + ROW,
            }
        )
    )
    assert dataset.annotations["origin"][0].as_py()["file"] == "images/x/labels/a.txt"
    assert dataset.annotations.num_rows == 1


def test_double_extension(write):
    dataset = read(write({"images/a.jpg.png": (10, 10), "labels/a.jpg.txt": ROW}))
    assert dataset.annotations.num_rows == 1


@pytest.mark.parametrize("names_file", ["classes.txt", "obj.names", "labels/classes.txt", None])
def test_bare_folders(write, names_file):
    files = {
        "images/train/a.png": (10, 10),
        "labels/train/a.txt": "3 0.5 0.5 0.2 0.1\n",
        "README.txt": "hello",
    }
    if names_file:
        files[names_file] = "a\nb\nc\nd d\n\n"
    dataset = read(write(files))
    assert dataset.format == "yolo"
    assert dataset.images["split"].to_pylist() == ["train"]
    names = dataset.categories["name"].to_pylist()
    assert names == (["a", "b", "c", "d d"] if names_file else ["3"])
    assert names[dataset.annotations["category_id"][0].as_py()] == ("d d" if names_file else "3")
    assert dataset.problems.num_rows == 0


def test_txt_beside_the_images(write):
    dataset = read(
        write(
            {
                "a.png": (10, 10),
                "a.txt": ROW,
                "b c.png": (10, 10),
                "b c.txt": "",
                "d.png": (10, 10),
                "classes.txt": "cat\n",
                "train.txt": "a.png\n",
            }
        )
    )
    states = {i["path"]: i["label_state"] for i in dataset.images.to_pylist()}
    assert states == {"a.png": "labelled", "b c.png": "labelled_empty", "d.png": "missing"}
    assert dataset.problems.num_rows == 0


def test_darknet(write):
    dataset = read(
        write(
            {
                "obj.data": "classes = 2\ntrain = data/train.txt\nvalid = data/valid.txt\n"
                "names = data/obj.names\nbackup = backup/\n",
                "obj.names": "cat\ndog\n\n",
                "train.txt": "data/obj_train_data/a.png\n",
                "obj_train_data/a.png": (10, 10),
                "obj_train_data/a.txt": "1 0.5 0.5 0.2 0.1\n",
            }
        )
    )
    assert dataset.images["split"].to_pylist() == ["train"]
    assert dataset.categories["name"].to_pylist() == ["cat", "dog"]
    assert dataset.annotations["category_id"].to_pylist() == [1]
    assert dataset.meta["absent_splits"] == ["val"]


def test_label_file_without_an_image_is_an_orphan(write):
    dataset = read(write(small(**{"labels/train/lost.txt": ROW})))
    (problem,) = problems(dataset, "orphan-annotation")
    assert problem["file"] == "labels/train/lost.txt"


def test_label_file_that_is_no_text(write):
    dataset = read(write(small(**{"labels/train/a.txt": b"0 0.5 0.5 0.2 0.1\n\xff\xfe\xfd"})))
    (problem,) = problems(dataset, "malformed-file")
    assert (problem["line"], problem["image_id"]) == (2, 0)
    assert dataset.images["label_state"].to_pylist() == ["missing", "labelled"]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_label_file_with_a_mark_and_other_line_ends(write, encoding):
    text = "0 0.5 0.5 0.2 0.1\r\n1 0.5 0.5 0.2 0.1\r0 .5 .5 1 1"
    dataset = read(write(small(**{"labels/train/a.txt": text.encode(encoding)})))
    lines = dataset.annotations["origin"].combine_chunks().field("line").to_pylist()
    assert lines[:3] == [1, 2, 3]
    assert dataset.problems.num_rows == 0


def test_label_link_out_of_the_root_is_not_read(write):
    root = write(small())
    outside = root.parent / "outside.txt"
    outside.write_text(ROW)
    (root / "labels/train/a.txt").unlink()
    (root / "labels/train/a.txt").symlink_to(outside)
    dataset = read(root)
    assert dataset.annotations["image_id"].to_pylist() == [1]
    assert [p["image_id"] for p in problems(dataset, "path-escape")] == [0]


def test_image_folder_that_is_a_link_inside_the_root(write):
    root = write(
        {
            "data.yaml": "train: images/train\nnames: [cat]",
            "store/images/a.png": (10, 10),
            "store/labels/a.txt": ROW,
            "labels/x.md": "",
        }
    )
    (root / "images").mkdir()
    (root / "images/train").symlink_to(root / "store/images")
    (root / "labels/train").symlink_to(root / "store/labels")
    dataset = read(root)
    assert dataset.images["path"].to_pylist() == ["images/train/a.png"]
    assert dataset.boxes().tolist() == [[4.0, 4.5, 6.0, 5.5]]


def test_folder_that_leads_outside_is_an_escape(write):
    root = write(small(**{"data.yaml": YAML + "test: images/test\n"}))
    outside = root.parent / "other"
    outside.mkdir()
    (outside / "secret.png").write_bytes(b"secret")
    (root / "images/test").symlink_to(outside)
    dataset = read(root)
    assert "images/test" not in {i["split"] for i in dataset.images.to_pylist()}
    assert len(dataset) == 2
    assert any(p["value"] == "images/test" for p in problems(dataset, "path-escape"))


def test_names_with_everything_in_them(write):
    names = ["sp ace", "quo'te\"s", "<b>&amp;", "new\nline", "画像", "-dash", "per%cent", "a#b"]
    files = {f"images/{n}.png": (10, 10) for n in names}
    files |= {f"labels/{n}.txt": ROW for n in names}
    dataset = read(write(files))
    assert {i["path"] for i in dataset.images.to_pylist()} == {f"images/{n}.png" for n in names}
    assert dataset.annotations.num_rows == len(names)
    assert dataset.images["width"].null_count == 0


def test_name_that_is_no_utf8(write):
    root = write(small())
    (root / "images/train").joinpath("b\udcff.png").write_bytes(b"x")
    dataset = read(root)
    assert "images/train/b\\udcff.png" in dataset.images["path"].to_pylist()
    assert any("UTF-8" in p["message"] for p in problems(dataset, "malformed-row"))


def test_detect_needs_rows_that_look_like_yolo(write):
    assert detect(write({"a.png": (9, 9), "a.txt": "a caption of a picture\n"})) == "images"


def test_hundred_thousand_boxes_in_one_image(write):
    rng = np.random.default_rng(1)
    values = rng.random((100_000, 4)).round(6)
    text = "\n".join(f"0 {a} {b} {c} {d}" for a, b, c, d in values.tolist())
    dataset = read(write({"images/a.png": (640, 480), "labels/a.txt": text}))
    centre, size = values[:, :2], values[:, 2:]
    expected = np.hstack([centre - size / 2, centre + size / 2]) * [640, 480, 640, 480]
    assert np.abs(dataset.boxes() - expected).max() < 1e-9
