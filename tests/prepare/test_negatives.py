"""Negatives: where they come from, what is refused, and that every writer keeps them."""

from __future__ import annotations

import errno
import hashlib
import json
import shutil
from collections import Counter
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import fastlabel as fl
from fastlabel.formats import read, write
from fastlabel.predictions import Predictions
from fastlabel.prepare.negatives.candidates import Candidate, _free_window, spread

W, H = 320, 240


def picture(seed: int, w: int = W, h: int = H) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return cv2.resize(rng.integers(0, 256, (12, 16, 3), np.uint8), (w, h))


def save(path: Path, seed: int, **size: int) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), picture(seed, **size))
    return path


@pytest.fixture
def data(tmp_path):
    """Eight labelled pictures of two splits in COCO, one of them empty and one without record."""
    root = tmp_path / "data"
    for split, count in (("train", 6), ("val", 2)):
        images, boxes = [], []
        for k in range(count):
            save(root / "images" / split / f"{split}{k}.jpg", 10 * count + k)
            images.append({"id": k, "file_name": f"{split}{k}.jpg", "width": W, "height": H})
            if k:
                boxes.append({"id": k, "image_id": k, "category_id": 1, "bbox": [20, 30, 60, 50]})
        labels = {
            "images": images,
            "annotations": boxes,
            "categories": [{"id": 1, "name": "fox"}, {"id": 2, "name": "owl"}],
        }
        (root / "annotations").mkdir(exist_ok=True)
        (root / "annotations" / f"instances_{split}.json").write_text(json.dumps(labels))
    return root


@pytest.fixture
def yard(tmp_path):
    for k in range(10):
        save(tmp_path / "yard" / f"{k}.jpg", 500 + k)
    return tmp_path / "yard"


def states(root, split=None):
    ds = fl.read(root)
    ds = ds.select_split(split) if split else ds
    return Counter(ds.images["label_state"].to_pylist())


def digest(root: Path) -> str:
    parts = [
        f"{p.relative_to(root)}{p.read_bytes()!r}" for p in sorted(root.rglob("*")) if p.is_file()
    ]
    return hashlib.sha256("".join(parts).encode()).hexdigest()


# ---- frames --------------------------------------------------------------------


@pytest.mark.parametrize("to", ["coco", "yolo", "voc"])
def test_frames_are_checked_negatives_in_every_format(data, yard, tmp_path, to):
    before = digest(data), digest(yard)
    made = fl.add_negatives(data, yard, tmp_path / "new", to=to)
    assert states(tmp_path / "new", "train") == {"labelled": 5, "labelled_empty": 11}
    assert states(tmp_path / "new", "val") == {"labelled": 1, "labelled_empty": 1}
    assert made.summary["before"]["train"] == {"images": 6, "negatives": 1, "share": 0.166667}
    assert made.summary["after"]["train"] == {"images": 16, "negatives": 11, "share": 0.6875}
    assert made.summary["after"]["val"] == made.summary["before"]["val"]
    assert (digest(data), digest(yard)) == before
    old, new = fl.read(data), fl.read(tmp_path / "new")
    assert sorted(map(tuple, new.boxes())) == sorted(map(tuple, old.boxes()))
    for row in made.ledger.to_pylist():
        placed = tmp_path / "new" / row["path"]
        assert placed.read_bytes() == Path(row["source"], row["source_path"]).read_bytes()
        assert (row["kind"], row["split"]) == ("frame", "train")


def test_a_share_is_reached_with_frames_from_first_to_last(data, yard, tmp_path):
    made = fl.add_negatives(data, yard, tmp_path / "new", share=0.5)
    assert made.summary["added"] == 4
    assert made.summary["after"]["train"]["share"] == 0.5
    assert [r["source_path"] for r in made.ledger.to_pylist()] == [
        "0.jpg", "3.jpg", "6.jpg", "9.jpg",
    ]  # fmt: skip
    made = fl.add_negatives(data, yard, tmp_path / "few", share=0.9)
    assert made.summary["added"] == 10
    with pytest.raises(fl.DatasetError, match=r"share 0\.1 is reached already"):
        fl.add_negatives(data, yard, tmp_path / "none", share=0.1)
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize("share", [0.2, 0.25, 1 / 3, 0.4, 0.6])
def test_the_share_is_the_least_that_is_enough(data, yard, tmp_path, share):
    made = fl.add_negatives(data, yard, tmp_path / "new", share=share)
    after = made.summary["after"]["train"]
    assert after["negatives"] / after["images"] >= share - 1e-9
    assert (after["negatives"] - 1) / (after["images"] - 1) < share


def test_a_count_and_a_split(data, yard, tmp_path):
    made = fl.add_negatives(data, yard, tmp_path / "new", count=3, split="val")
    assert (made.summary["added"], made.summary["split"]) == (3, "val")
    assert states(tmp_path / "new", "val") == {"labelled": 1, "labelled_empty": 4}
    assert states(tmp_path / "new", "train") == {"labelled": 5, "labelled_empty": 1}


def test_copies_are_left_out_and_an_image_with_boxes_is_no_negative(data, yard, tmp_path):
    shutil.copy(data / "images" / "train" / "train3.jpg", yard / "a.jpg")  # has boxes
    shutil.copy(data / "images" / "train" / "train0.jpg", yard / "b.jpg")  # is empty
    shutil.copy(yard / "1.jpg", yard / "c.jpg")
    made = fl.add_negatives(data, yard, tmp_path / "new")
    assert made.summary["added"] == 10
    assert made.summary["left_out"] == {
        "already in the set": 2,
        "in the set with boxes, so it is no negative": 1,
    }


def test_names_that_are_taken_are_changed(data, yard, tmp_path):
    (yard / "0.jpg").rename(yard / "train1.jpg")
    fl.add_negatives(data, yard, tmp_path / "new", to="yolo")
    new = fl.read(tmp_path / "new")
    assert len(new) == 18
    assert new.images["path"].to_pylist().count("images/train/train1.jpg") == 1


def test_damaged_frames_are_named_and_the_rest_is_added(data, yard, tmp_path):
    whole = (yard / "4.jpg").read_bytes()
    (yard / "4.jpg").write_bytes(whole[: len(whole) // 2])
    (yard / "5.jpg").write_bytes(b"junk")
    made = fl.add_negatives(data, yard, tmp_path / "new")
    assert made.summary["added"] == 8
    assert [name for name, _ in made.failures] == ["4.jpg", "5.jpg"]
    assert all(why for _, why in made.failures)
    assert not list((tmp_path / "new").rglob("4.jpg"))


def test_turned_frames_have_the_size_that_people_see(data, tmp_path):
    jpeg = cv2.imencode(".jpg", picture(3))[1].tobytes()
    exif = b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0"
    turned = jpeg[:2] + b"\xff\xe1" + (len(exif) + 2).to_bytes(2, "big") + exif + jpeg[2:]
    (tmp_path / "yard").mkdir()
    (tmp_path / "yard" / "t.jpg").write_bytes(turned)
    fl.add_negatives(data, tmp_path / "yard", tmp_path / "new")
    row = fl.read(tmp_path / "new").images.to_pylist()
    (mine,) = [r for r in row if r["file_name"].endswith("t.jpg")]
    assert (mine["width"], mine["height"]) == (H, W)


# ---- sets and tiles ------------------------------------------------------------


def test_of_a_labelled_set_only_empty_records_are_taken(data, tmp_path):
    other = tmp_path / "other"
    for k in range(4):
        save(other / "images" / f"{k}.jpg", 900 + k)
    (other / "labels").mkdir()
    (other / "labels" / "0.txt").write_text("0 0.5 0.5 0.2 0.2\n")
    (other / "labels" / "1.txt").write_text("")
    (other / "labels" / "2.txt").write_text("")
    (other / "data.yaml").write_text("path: .\ntrain: images\nnames: [cat]\n")
    made = fl.add_negatives(data, other, tmp_path / "new")
    assert [r["source_path"] for r in made.ledger.to_pylist()] == ["images/1.jpg", "images/2.jpg"]
    assert made.summary["left_out"] == {"has boxes": 1, "without a label record": 1}


def test_empty_tiles_are_negatives(data, tmp_path):
    fl.tile(data, tmp_path / "tiles", size=120, overlap=0, negatives=1.0)
    made = fl.add_negatives(data, tmp_path / "tiles", tmp_path / "new")
    assert set(made.ledger["kind"].to_pylist()) == {"tile"}
    empty = states(tmp_path / "tiles")["labelled_empty"]
    assert made.summary["added"] == empty > 10


def test_several_sources(data, yard, tmp_path):
    save(tmp_path / "shed" / "s.png", 77)
    made = fl.add_negatives(data, [yard, tmp_path / "shed"], tmp_path / "new")
    assert made.summary["added"] == 11


# ---- false alarms --------------------------------------------------------------


def said(ds, rows, classes=None):
    image, box, score, category = zip(*rows, strict=True)
    return Predictions.from_arrays(ds, image, category, box, score, names=classes)


def test_the_surest_false_alarms_of_empty_frames_come_first(data, yard, tmp_path):
    frames = read(yard)
    frames = replace(frames, categories=read(data).categories)
    found = said(frames, [
        (2, [5, 5, 50, 50], 0.6, 0), (7, [5, 5, 50, 50], 0.9, 1), (2, [9, 9, 60, 60], 0.7, 0),
        (4, [5, 5, 50, 50], 0.4, 0),
    ])  # fmt: skip
    made = fl.add_negatives(data, yard, tmp_path / "new", predictions=found)
    rows = made.ledger.to_pylist()
    assert [(r["source_path"], r["score"], r["said"]) for r in rows] == [
        ("7.jpg", 0.9, "owl"),
        ("2.jpg", 0.7, "fox"),
    ]
    assert {r["kind"] for r in rows} == {"false-alarm"}
    made = fl.add_negatives(data, yard, tmp_path / "one", predictions=found, count=1, min_score=0.3)
    assert made.ledger["source_path"].to_pylist() == ["7.jpg"]


def test_windows_around_false_alarms_have_no_part_of_a_label(data, tmp_path):
    ds = read(data)
    found = said(ds, [
        (1, [200, 150, 240, 190], 0.9, 0),  # a false alarm
        (1, [22, 32, 78, 78], 0.95, 0),  # the object
        (1, [205, 155, 245, 195], 0.8, 0),  # the same false alarm once more
        (2, [60, 40, 100, 90], 0.8, 0),  # half on the object
        (3, [85, 30, 150, 90], 0.7, 0),  # beside it
        (0, [10, 10, 60, 60], 0.6, 0),  # an empty image of the set itself
    ])  # fmt: skip
    made = fl.add_negatives(data, data, tmp_path / "new", predictions=found, crop=128)
    rows = made.ledger.to_pylist()
    assert [r["score"] for r in rows] == [0.9, 0.7]
    assert made.summary["left_out"] == {"alarm beside a surer one": 1, "already in the set": 1}
    for row, alarm in zip(rows, ([200, 150, 240, 190], [85, 30, 150, 90]), strict=True):
        x1, y1, x2, y2 = (row[c] for c in ("x1", "y1", "x2", "y2"))
        assert x1 <= alarm[0] and y1 <= alarm[1] and x2 >= alarm[2] and y2 >= alarm[3]
        assert 0 <= x1 < x2 <= W and 0 <= y1 < y2 <= H
        assert x1 >= 80 or y1 >= 80 or x2 <= 20 or y2 <= 30  # the label is 20..80, 30..80
        tile = cv2.imread(str(tmp_path / "new" / row["path"]))
        whole = cv2.imread(str(data / row["source_path"]))[y1:y2, x1:x2]
        assert tile.shape == whole.shape
        assert np.abs(tile.astype(int) - whole).mean() < 3
    name = rows[0]["path"]
    assert name == "images/train/train1_{x1}_{y1}_{x2}_{y2}.jpg".format(**rows[0])
    new = {r["path"]: r for r in fl.read(tmp_path / "new").images.to_pylist()}
    crop = new[name]
    assert (crop["width"], crop["height"], crop["label_state"]) == (128, 128, "labelled_empty")


def test_an_object_of_another_class_is_no_false_alarm(data, tmp_path):
    ds = read(data)
    rows = [(1, [200, 100, 250, 150], 0.9, -1), (2, [200, 100, 250, 150], 0.8, 1)]
    found = said(ds, rows, ["person", "owl"])
    made = fl.add_negatives(data, data, tmp_path / "new", predictions=found, crop=96)
    assert made.ledger["said"].to_pylist() == ["owl"]
    assert made.summary["left_out"] == {"alarm of a class that the set does not have": 1}


@pytest.mark.parametrize("seed", range(60))
def test_free_windows_by_brute_force(seed):
    rng = np.random.default_rng(seed)
    w, h, side = 200, 150, int(rng.integers(64, 140))
    low = rng.uniform(0, [150, 100], (rng.integers(0, 5), 2))
    labels = np.concatenate([low, low + rng.uniform(5, 50, low.shape)], axis=1)
    corner = rng.uniform(-5, [170, 120])
    alarm = np.concatenate([corner, corner + rng.uniform(3, 40, 2)])
    window = _free_window(alarm, labels, np.array([w, h]), side)
    a = np.clip(alarm, 0, [w, h, w, h])
    if window is None:
        # Of the least size: no place on any pixel, or it only just fits between two tried ones.
        return
    x1, y1, x2, y2 = window
    assert 0 <= x1 < x2 <= w
    assert 0 <= y1 < y2 <= h
    assert x1 <= a[0] and y1 <= a[1] and x2 >= a[2] and y2 >= a[3]
    assert all(r <= x1 or l >= x2 or b <= y1 or t >= y2 for l, t, r, b in labels.tolist())  # noqa: E741


def test_a_window_is_as_large_as_wanted_where_there_is_room():
    size = np.array([1000, 800])
    assert _free_window(np.array([500.0, 400, 540, 430]), np.empty((0, 4)), size, 320) == (
        360, 255, 680, 575,
    )  # fmt: skip
    beside = np.array([[545.0, 0, 1000, 800]])
    x1, y1, x2, y2 = _free_window(np.array([500.0, 400, 540, 430]), beside, size, 320)
    assert (x2 <= 545, x2 - x1, y2 - y1) == (True, 320, 320)
    around = np.array([[490.0, 390, 550, 440]])
    assert _free_window(np.array([500.0, 400, 540, 430]), around, size, 320) is None


def test_the_order_of_a_choice():
    rows = [Candidate(0, k, "frame") for k in range(9)]
    hard = [Candidate(0, 20 + k, "crop", score=s) for k, s in enumerate((0.5, 0.9, 0.7))]
    assert [c.image for c in spread([*rows, *hard], 2)] == [21, 22]
    assert [c.image for c in spread([*rows, *hard], 6)] == [21, 22, 20, 0, 4, 8]
    assert len(spread([*rows, *hard], 99)) == 12
    assert spread(rows, 0) == []


# ---- every writer keeps them ---------------------------------------------------


@pytest.fixture
def with_negatives(data, yard, tmp_path):
    fl.add_negatives(data, yard, tmp_path / "with")
    return tmp_path / "with"


def test_splitting_keeps_them(with_negatives, tmp_path):
    from fastlabel.cli import main

    with pytest.raises(SystemExit) as done:
        main(["split", str(with_negatives), str(tmp_path / "parts"), "--ratios", "60/40"])
    assert done.value.code in (0, None)
    assert states(tmp_path / "parts")["labelled_empty"] == 12


def test_pasting_corrupting_and_plans_keep_them(with_negatives, tmp_path):
    fl.paste(with_negatives, tmp_path / "pasted", count=1, deploy="mcu-96", splits=["val"])
    assert states(tmp_path / "pasted", "train")["labelled_empty"] == 11
    from fastlabel.prepare.corrupt_set import corrupt_set

    corrupt_set(with_negatives, tmp_path / "noisy", rate=0.2, kinds=["shift"])
    assert states(tmp_path / "noisy")["labelled_empty"] == 12
    ds = fl.read(with_negatives)
    plan = fl.Plan.from_actions(ds, [{"action": "drop_box", "annotation_id": 0}])
    fl.apply(plan, tmp_path / "dropped", unsafe=True)
    assert states(tmp_path / "dropped")["labelled_empty"] == 13  # its last box is gone


def test_the_writers_keep_them_from_format_to_format(with_negatives, tmp_path):
    ds = fl.read(with_negatives)
    for name in ("yolo", "voc", "coco"):
        from fastlabel.formats import layout
        from fastlabel.prepare.pictures import place_pictures

        places = layout(ds.images, name)
        folder = tmp_path / name
        place_pictures(ds, places, folder)
        at = ds.images.schema.get_field_index("path")
        images = ds.images.set_column(at, "path", pa.array(places))
        write(replace(ds, images=images), folder, name)
        ds = fl.read(folder)
        assert Counter(ds.images["label_state"].to_pylist()) == {
            "labelled": 6,
            "labelled_empty": 12,
        }


def test_the_rule_about_negatives_is_content(data, yard, tmp_path):
    config = fl.config.parse({"rules": {"FL604": {"min_images": 1, "min_share": 0.5}}})
    found = fl.check(data, select=["FL604"], config=config).findings
    assert found.num_rows == 1
    fl.add_negatives(data, yard, tmp_path / "new")
    assert fl.check(tmp_path / "new", select=["FL604"], config=config).findings.num_rows == 0


# ---- input that is none --------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"share": 1.0}, ValueError, "share: got 1.0, expected 0 to below 1"),
        ({"share": -0.1}, ValueError, "share: got -0.1"),
        ({"share": float("nan")}, ValueError, "share: got nan"),
        ({"share": 0.5, "count": 3}, ValueError, "share, count: got both"),
        ({"count": 0}, ValueError, "count: got 0, expected 1 or more"),
        ({"min_score": 2}, ValueError, "min_score: got 2"),
        ({"crop": 8}, ValueError, "crop: got 8, expected 32 to 65,500"),
        ({"quality": 0}, ValueError, "quality: got 0"),
        ({"to": "csv"}, ValueError, "to: got 'csv'"),
        ({"link": 1}, TypeError, "link: got int 1"),
        ({"split": "test"}, fl.DatasetError, "no split named 'test'; this set has: train, val"),
    ],
)
def test_wrong_arguments_are_named(data, yard, tmp_path, options, error, words):
    with pytest.raises(error, match=words):
        fl.add_negatives(data, yard, tmp_path / "new", **options)
    assert not (tmp_path / "new").exists()


def test_sources_with_nothing_to_take(data, yard, tmp_path):
    for k in range(10):
        (yard / f"{k}.jpg").write_bytes(b"junk")
    with pytest.raises(fl.DatasetError, match=r"10 not decoded whole, first 0\.jpg"):
        fl.add_negatives(data, yard, tmp_path / "new")
    (tmp_path / "none").mkdir()
    with pytest.raises(fl.DatasetError, match="the folder is empty"):
        fl.add_negatives(data, tmp_path / "none", tmp_path / "new")
    with pytest.raises(ValueError, match="sources: got none"):
        fl.add_negatives(data, [], tmp_path / "new")
    with pytest.raises(fl.DatasetError, match="has no labels, so a frame with none is nothing new"):
        fl.add_negatives(yard, data, tmp_path / "new")
    with pytest.raises(ValueError, match="predictions: got 2 sources"):
        fl.add_negatives(data, [yard, data], tmp_path / "new", predictions="p.json")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["data", "none", "yard"]


def test_a_target_in_a_source_or_not_empty_is_refused(data, yard, tmp_path):
    for target in (data / "new", yard / "new", yard, tmp_path):
        with pytest.raises(fl.DatasetError):
            fl.add_negatives(data, yard, target)
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / "mine.txt").write_text("keep me")
    with pytest.raises(fl.DatasetError, match="is not empty"):
        fl.add_negatives(data, yard, tmp_path / "new")
    fl.add_negatives(data, yard, tmp_path / "new", overwrite=True)
    assert not (tmp_path / "new" / "mine.txt").exists()


def test_a_disk_that_fills_leaves_nothing(data, yard, tmp_path, monkeypatch):
    def full(*_args, **_options):
        raise OSError(errno.ENOSPC, "No space left on device", "somewhere")

    monkeypatch.setattr(pq, "write_table", full)
    with pytest.raises(OSError, match="nothing was kept") as caught:
        fl.add_negatives(data, yard, tmp_path / "new")
    assert caught.value.errno == errno.ENOSPC
    assert sorted(p.name for p in tmp_path.iterdir()) == ["data", "yard"]


def test_the_same_arguments_give_the_same_bytes(data, yard, tmp_path):
    for name, workers in (("a", 1), ("b", 2)):
        fl.add_negatives(data, yard, tmp_path / name, workers=workers, count=4)
    assert digest(tmp_path / "a") == digest(tmp_path / "b")


def test_the_page_shows_what_was_added_and_no_markup_of_names(data, tmp_path):
    name = "<b onmouseover=alert(1)>.jpg"
    save(tmp_path / "yard" / name, 5)
    fl.add_negatives(data, tmp_path / "yard", tmp_path / "new")
    page = (tmp_path / "new" / "negatives.html").read_text()
    assert "1 picture added as empty" in page
    assert "<b onmouse" not in page
    assert "data:image/jpeg" in page


def test_the_command(data, yard, tmp_path, capsys, monkeypatch):
    from fastlabel.cli import main

    monkeypatch.chdir(tmp_path)

    def cli(*words):
        with pytest.raises(SystemExit) as done:
            main([str(word) for word in words])
        return done.value.code, *capsys.readouterr()

    code, out, err = cli("negatives", "add", data, yard, "-o", "new", "--share", "0.5")
    assert (code, err) == (0, "")
    assert "Added      4 negatives to train (4 frame) of 10 found" in out
    assert "Share      17 % before (1 of 6), 50 % now (5 of 10)" in out
    (yard / "3.jpg").write_bytes(b"junk")
    code, out, _ = cli("negatives", "add", data, yard, "-o", "newer")
    assert code == 1
    assert "Failed     3.jpg: " in out
    code, out, err = cli("negatives", "add", data, yard, "-o", "new")
    assert (code, out) == (2, "")
    assert "is not empty" in err
    code, out, err = cli("negatives", "add", data, yard, "-o", "x", "--share", "3")
    assert (code, out) == (2, "")
    assert "share: got 3.0, expected 0 to below 1" in err
    assert cli("negatives", "add", data, "-o", "x")[0] == 2
    assert not (tmp_path / "x").exists()


def test_predictions_from_a_file(data, yard, tmp_path):
    rows = [
        {"image_id": "3.jpg", "bbox": [10, 10, 50, 40], "score": 0.8, "class": "fox"},
        {"image_id": "6.jpg", "bbox": [10, 10, 50, 40], "score": 0.9, "class": "fox"},
    ]
    table = pa.table(
        {
            "image": [r["image_id"] for r in rows],
            "x1": [10.0, 10.0],
            "y1": [10.0, 10.0],
            "x2": [60.0, 60.0],
            "y2": [50.0, 50.0],
            "score": [0.8, 0.9],
            "class": ["fox", "fox"],
        }
    )
    pq.write_table(table, tmp_path / "pred.parquet")
    made = fl.add_negatives(data, yard, tmp_path / "new", predictions=tmp_path / "pred.parquet")
    assert made.ledger["source_path"].to_pylist() == ["6.jpg", "3.jpg"]
