"""fl.paste: a new set, whole and the same every time; the old one as it was."""

from __future__ import annotations

import errno
import json
import re
from pathlib import Path

import cv2
import numpy as np
import pyarrow.parquet as pq
import pytest
from paste_sets import scene, tree_hash, write_coco

import fastlabel as fl
from fastlabel.prepare.paste import drawing


@pytest.fixture
def discs(tmp_path):
    return write_coco(tmp_path / "discs", splits=True)


def run(src, dst, **options):
    options.setdefault("deploy", "edge-640")
    if not {"share", "distribution"} & set(options):
        options.setdefault("count", 12)
    return fl.paste(src, dst, **options)


def test_the_new_set_has_every_old_box_and_every_pasted_one(discs, tmp_path):
    before = tree_hash(discs)
    made = run(discs, tmp_path / "new")
    assert tree_hash(discs) == before
    old, new = fl.read(discs), fl.read(tmp_path / "new")
    assert len(new) == len(old)
    assert made.failures == ()
    assert new.annotations.num_rows == old.annotations.num_rows + 12
    ledger = pq.read_table(tmp_path / "new" / "ledger.parquet")
    assert ledger.equals(made.ledger)
    assert set(ledger["outcome"].to_pylist()) == {"pasted"}
    pasted = {
        (row["path"], *map(float, box))
        for row, box in zip(
            new.images.take(new.annotations["image_id"]).to_pylist(), new.boxes(), strict=True
        )
    }
    for row in ledger.to_pylist():
        assert (row["file"], row["x1"], row["y1"], row["x2"], row["y2"]) in pasted
        assert row["scale"] <= 1
        assert 1 <= row["size_at_input"] < 3
        assert row["source_file"] != row["target_file"]


def test_the_ledger_names_the_rows_of_the_new_annotations(discs, tmp_path):
    made = run(discs, tmp_path / "new")
    boxes = fl.read(discs).annotations.num_rows
    ids = made.ledger["annotation_id"].to_pylist()
    assert ids == list(range(boxes, boxes + 12))


def test_pixels_change_where_something_is_pasted_and_nowhere_else(tmp_path):
    root = write_coco(tmp_path / "discs", suffix=".png")
    made = run(root, tmp_path / "new", count=5, max_per_image=1)
    ledger = made.ledger.to_pylist()
    assert len({row["file"] for row in ledger}) == 5
    for row in ledger:
        old = cv2.imread(str(root / row["target_file"])).astype(int)
        new = cv2.imread(str(tmp_path / "new" / row["file"])).astype(int)
        changed = np.abs(old - new).max(axis=2) > 0
        x1, y1, x2, y2 = (int(row[side]) for side in ("x1", "y1", "x2", "y2"))
        assert changed[y1:y2, x1:x2].mean() > 0.3
        changed[max(0, y1 - 6) : y2 + 6, max(0, x1 - 6) : x2 + 6] = False
        assert not changed.any()


def test_images_that_nothing_is_pasted_onto_are_the_same_bytes(discs, tmp_path):
    made = run(discs, tmp_path / "new", count=2)
    onto = set(made.ledger["file"].to_pylist())
    new = fl.read(tmp_path / "new")
    old = {Path(row["path"]).name: row["path"] for row in fl.read(discs).images.to_pylist()}
    same = [row for row in new.images.to_pylist() if row["path"] not in onto]
    assert len(same) == 6
    for row in same:
        source = discs / old[Path(row["path"]).name]
        target = tmp_path / "new" / row["path"]
        assert target.read_bytes() == source.read_bytes()
        assert target.stat().st_ino != source.stat().st_ino


def test_links_are_made_when_asked_for(discs, tmp_path):
    run(discs, tmp_path / "new", count=2, link=True)
    inodes = {p.stat().st_ino for p in discs.rglob("*.jpg")}
    linked = [p for p in (tmp_path / "new").rglob("*.jpg") if p.stat().st_ino in inodes]
    assert len(linked) >= 6


def test_the_same_bytes_for_any_number_of_workers(discs, tmp_path):
    for workers in (1, 3):
        run(discs, tmp_path / f"new{workers}", workers=workers, sheet=True, flip=True, count=30)
    assert tree_hash(tmp_path / "new1") == tree_hash(tmp_path / "new3")
    run(discs, tmp_path / "other", seed=1, sheet=True, flip=True, count=30)
    assert tree_hash(tmp_path / "new1") != tree_hash(tmp_path / "other")


def test_only_train_is_pasted_into_and_from(discs, tmp_path):
    made = run(discs, tmp_path / "new", count=30)
    for row in made.ledger.to_pylist():
        assert "/train/" in row["target_file"]
        assert "/train/" in row["source_file"]
    into_val = run(discs, tmp_path / "val", count=3, splits=["val"])
    assert all("/val/" in row["source_file"] for row in into_val.ledger.to_pylist())


@pytest.mark.parametrize("kind", ["coco", "yolo", "voc"])
def test_every_format_gives_the_same_boxes_back(discs, tmp_path, kind):
    made = run(discs, tmp_path / "new", to=kind)
    new = fl.read(tmp_path / "new")
    assert new.format == kind
    boxes = {tuple(box) for box in new.boxes().round(6).tolist()}
    for row in made.ledger.to_pylist():
        assert tuple(float(row[side]) for side in ("x1", "y1", "x2", "y2")) in boxes


def test_what_is_hidden_too_far_becomes_an_ignore_region(tmp_path):
    root = write_coco(tmp_path / "discs", n=12)
    made = run(
        root,
        tmp_path / "new",
        count=60,
        between=(8, 9.9),
        max_hidden=0.05,
        when_hidden="ignore",
        max_on_boxes=1.0,
    )
    new = fl.read(tmp_path / "new")
    ignored = np.count_nonzero(new.annotations["ignore"].to_pylist())
    assert ignored == made.summary["ignored_boxes"] + made.summary["too_faint"]
    assert made.summary["ignored_boxes"] > 0
    marked = [json.loads(text) for text in new.annotations["attributes"].to_pylist() if text]
    assert any(entry.get("hidden", 0) > 0.05 for entry in marked)


def test_what_cannot_be_seen_is_no_target(tmp_path):
    root = write_coco(tmp_path / "discs", suffix=".png")
    for path in root.glob("*.png"):  # discs that hardly differ from what is around them
        picture = cv2.imread(str(path)).astype(float)
        path.write_bytes(cv2.imencode(".png", (128 + (picture - 128) * 0.04).astype(np.uint8))[1])
    made = run(root, tmp_path / "new", min_quality=0.0, match=False, blend="rectangle", count=20)
    faint = [row for row in made.ledger.to_pylist() if row["too_faint"]]
    assert len(faint) == made.summary["too_faint"] > 0
    assert all(row["difference"] < 6 for row in faint)
    new = fl.read(tmp_path / "new")
    assert np.count_nonzero(new.annotations["ignore"].to_pylist()) == len(faint)


def test_backgrounds_that_are_used_join_the_set(discs, tmp_path):
    empty = tmp_path / "empty"
    empty.mkdir()
    for at in range(6):
        (empty / f"{at}.jpg").write_bytes(cv2.imencode(".jpg", scene(at)[:, 150:])[1].tobytes())
    before = tree_hash(empty)
    made = run(discs, tmp_path / "new", count=9, max_per_image=1, backgrounds=[empty])
    used = made.ledger.filter(made.ledger["background"])
    new = fl.read(tmp_path / "new")
    assert used.num_rows > 0
    assert len(new) == 8 + used.num_rows
    assert all(row["target_file"].startswith("empty/") for row in used.to_pylist())
    assert {p.split("/")[1] for p in used["file"].to_pylist()} == {"train"}
    assert tree_hash(empty) == before


def test_a_backgrounds_own_boxes_are_kept_if_the_class_is_known(tmp_path):
    root = write_coco(tmp_path / "discs")
    other = write_coco(tmp_path / "other", n=4)
    labels = json.loads((other / "labels.json").read_text())
    labels["categories"].append({"id": 9, "name": "else"})
    labels["annotations"][0]["category_id"] = 9
    (other / "labels.json").write_text(json.dumps(labels))
    made = run(root, tmp_path / "new", count=40, max_per_image=4, backgrounds=[other])
    new = fl.read(tmp_path / "new")
    assert len(new) == 12
    assert new.annotations.num_rows == 8 + 3 + 40
    assert new.categories["name"].to_pylist() == ["disc"]
    lost = "background's box of a class that the set does not have"
    assert made.summary["left_out"][lost] == 1


def test_gray_stays_gray_and_png_stays_png(tmp_path):
    root = write_coco(tmp_path / "gray", suffix=".png", gray=True)
    made = run(root, tmp_path / "new")
    for name in set(made.ledger["file"].to_pylist()):
        assert cv2.imread(str(tmp_path / "new" / name), cv2.IMREAD_UNCHANGED).ndim == 2
        assert (tmp_path / "new" / name).read_bytes().startswith(b"\x89PNG")


def test_other_pictures_become_png(tmp_path):
    root = write_coco(tmp_path / "bmp", suffix=".bmp")
    made = run(root, tmp_path / "new", count=3, max_per_image=1)
    names = made.ledger["file"].to_pylist()
    assert all(name.endswith(".png") for name in names)
    assert len(fl.read(tmp_path / "new")) == 8
    assert len(list((tmp_path / "new").rglob("*.bmp"))) == 5


def test_the_sheet_is_one_page_and_shows_the_box(discs, tmp_path):
    made = run(discs, tmp_path / "new", sheet=True)
    page = (tmp_path / "new" / "paste-sheet.html").read_text()
    assert page.count("<img") == 1
    assert "http" not in page
    assert (made.sheet == (60, 230, 60)).all(axis=2).sum() > 12 * 20
    # A reader of the set sees no picture more.
    assert len(fl.read(tmp_path / "new")) == 8


def test_the_settings_are_written_and_reproduce(discs, tmp_path):
    made = run(discs, tmp_path / "new", share=0.4)
    said = json.loads((tmp_path / "new" / "paste.json").read_text())
    assert said == json.loads(json.dumps(made.summary))
    assert said["settings"]["seed"] == 0
    (band,) = said["bands"]
    assert band["reached"]
    assert band["share_after"] >= 0.4


# ---- bad input ---------------------------------------------------------------------


def damage(root: Path, made) -> list[Path]:
    """Files that were pasted onto, in the source."""
    return [root / name for name in sorted(set(made.ledger["target_file"].to_pylist()))]


@pytest.mark.parametrize("kind", ["cut", "text", "empty"])
def test_a_broken_target_is_named_and_the_rest_finished(discs, tmp_path, kind):
    whole = run(discs, tmp_path / "whole")
    victim = damage(discs, whole)[1]
    data = victim.read_bytes()
    victim.write_bytes({"cut": data[: len(data) // 2], "text": b"hello", "empty": b""}[kind])
    made = run(discs, tmp_path / "new")
    assert [name for name, _ in made.failures] == [str(victim.relative_to(discs))]
    # The wanted number goes onto the others; the broken file is carried as it is.
    assert made.summary["pasted"] == 12
    assert str(victim.relative_to(discs)) not in made.ledger["target_file"].to_pylist()
    copies = [p.read_bytes() for p in (tmp_path / "new").rglob(victim.name)]
    assert victim.read_bytes() in copies


def test_a_missing_image_is_named_and_left_out(discs, tmp_path):
    whole = run(discs, tmp_path / "whole")
    damage(discs, whole)[0].unlink()
    made = run(discs, tmp_path / "new")
    assert any("left out with its labels" in why for _, why in made.failures)
    assert len(fl.read(tmp_path / "new")) == 7


def test_a_target_that_breaks_between_plan_and_drawing_is_named(discs, tmp_path, monkeypatch):
    real, seen = drawing.decode, []

    def breaks_once(path, size):
        seen.append(path)
        if len(seen) == 2:
            raise fl.DatasetError("cannot be decoded")
        return real(path, size)

    monkeypatch.setattr(drawing, "decode", breaks_once)
    made = run(discs, tmp_path / "new", workers=1)
    assert len(made.failures) == 1
    outcomes = made.ledger["outcome"].to_pylist()
    assert outcomes.count("target: cannot be decoded") == 12 - made.summary["pasted"] > 0
    assert fl.read(tmp_path / "new").annotations.num_rows == 8 + made.summary["pasted"]
    ids = [i for i in made.ledger["annotation_id"].to_pylist() if i is not None]
    assert ids == list(range(8, 8 + made.summary["pasted"]))


def test_a_size_that_is_not_the_labels_is_named(tmp_path):
    root = write_coco(tmp_path / "discs")
    whole = run(root, tmp_path / "whole")
    victim = damage(root, whole)[0]
    victim.write_bytes(cv2.imencode(".jpg", scene(1, 300, 240))[1].tobytes())
    made = run(root, tmp_path / "new")
    assert any("is 300 x 240, but its labels are for 320 x 240" in why for _, why in made.failures)


def test_an_object_that_cannot_be_read_is_named(discs, tmp_path, monkeypatch):
    from fastlabel.prepare.paste.bank import Bank

    whole = run(discs, tmp_path / "whole")
    bad = whole.ledger["instance_id"][0].as_py()
    real = Bank.patch

    def patch(self, instance):
        if instance == bad:
            raise fl.DatasetError("train/000.jpg: cannot be read")
        return real(self, instance)

    monkeypatch.setattr(Bank, "patch", patch)
    made = run(discs, tmp_path / "new")
    lost = [o for o in made.ledger["outcome"].to_pylist() if o.startswith("object: ")]
    assert len(lost) == 12 - made.summary["pasted"] > 0


def test_a_full_disk_leaves_nothing(discs, tmp_path, monkeypatch):
    def full(self, data):
        raise OSError(errno.ENOSPC, "No space left on device", str(self))

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match="No space left"):
        run(discs, tmp_path / "new")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["discs"]


def test_a_folder_that_is_not_empty_is_refused_and_kept(discs, tmp_path):
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / "mine.txt").write_text("mine")
    with pytest.raises(fl.DatasetError, match="is not empty"):
        run(discs, tmp_path / "new")
    assert [p.name for p in (tmp_path / "new").iterdir()] == ["mine.txt"]
    run(discs, tmp_path / "new", overwrite=True)
    assert not (tmp_path / "new" / "mine.txt").exists()


@pytest.mark.parametrize("place", [".", "new", "images/train"])
def test_nothing_is_written_into_the_set(discs, place):
    with pytest.raises(fl.DatasetError, match="which is never changed"):
        run(discs, discs / place)


def test_sets_that_cannot_be_pasted_from(tmp_path):
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    (pictures / "a.jpg").write_bytes(cv2.imencode(".jpg", scene(0))[1].tobytes())
    with pytest.raises(fl.DatasetError, match="has no boxes, so there is nothing to paste"):
        run(pictures, tmp_path / "new")
    with pytest.raises(fl.DatasetError):
        run(tmp_path / "nowhere", tmp_path / "new")


def test_splits_without_train_must_be_named(tmp_path):
    root = write_coco(tmp_path / "discs", splits=True)
    for old, new in (("images/train", "images/test"),):
        (root / old).rename(root / new)
    labels = root / "annotations"
    (labels / "instances_train.json").rename(labels / "instances_test.json")
    with pytest.raises(fl.DatasetError, match=re.escape("name those to paste into with --split")):
        run(root, tmp_path / "new")
    with pytest.raises(fl.DatasetError, match="no split named 'train'"):
        run(root, tmp_path / "new", splits=["train"])


def test_an_empty_bank_is_an_error_with_counts(tmp_path):
    discs = write_coco(tmp_path / "discs")
    labels = (discs / "labels.json").read_text()
    (discs / "labels.json").write_text(labels.replace('"bbox"', '"iscrowd": 1, "bbox"'))
    with pytest.raises(fl.DatasetError, match=r"bank is empty: all 8 instances were refused \(8 "):
        run(discs, tmp_path / "new")
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"quality": 0}, "quality: got 0"),
        ({"seed": -1}, "seed: got -1"),
        ({"workers": -1}, "workers: got -1"),
        ({"blend": "glue"}, "blend: got 'glue'"),
        ({"to": "png"}, "to: got 'png'"),
        ({"min_quality": 2}, "min_quality: got 2"),
    ],
)
def test_arguments_that_mean_nothing(discs, tmp_path, options, said):
    with pytest.raises(ValueError) as caught:
        run(discs, tmp_path / "new", **options)
    assert said in str(caught.value)


def test_the_small_target_verdict_turns_green(shared_data, tmp_path):
    """200 shrunken cells: the report before and after."""
    before = fl.check(shared_data / "bccd", deploy="edge-640", select=["FL602"])
    assert before.findings["code"].to_pylist() == ["FL602"]
    made = run(shared_data / "bccd", tmp_path / "new", count=200)
    assert made.summary["pasted"] == 200
    after = fl.check(tmp_path / "new", deploy="edge-640", select=["FL602"])
    assert after.findings.num_rows == 0
