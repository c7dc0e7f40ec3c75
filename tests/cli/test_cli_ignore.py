"""``fastlabel ignore``: a new set, and the old one as it was."""

from __future__ import annotations

import errno
import json
from pathlib import Path

import cv2
import numpy as np
import pyarrow.parquet as pq
import pytest
from cli_runs import photo, tree_hash, write_set

import fastlabel as fl
from fastlabel.prepare import pictures


def coco(images, annotations, sizes):
    """A COCO document; images as (id, name), annotations as (image, class, box)."""
    width, height = sizes
    return {
        "images": [
            {"id": i, "file_name": name, "width": width, "height": height} for i, name in images
        ],
        "annotations": [
            {"id": k, "image_id": i, "category_id": c, "bbox": box}
            for k, (i, c, box) in enumerate(annotations, 1)
        ],
        "categories": [{"id": 1, "name": "cat"}],
    }


@pytest.fixture
def birds(tmp_path):
    """Two pictures; in the first a tiny box that touches a large one."""
    return write_set(
        tmp_path / "birds",
        {
            "a.png": photo(1, 640, 480, ".png"),
            "b.jpg": photo(2, 640, 480),
            "labels.json": coco(
                [(1, "a.png"), (2, "b.jpg")],
                [
                    (1, 1, [100, 100, 6, 6]),
                    (1, 1, [103, 103, 200, 200]),
                    (2, 1, [10, 10, 12, 12]),
                ],
                sizes=(640, 480),
            ),
        },
    )


def counts(dataset):
    return [v is True for v in dataset.annotations["ignore"].to_pylist()].count(True)


@pytest.mark.parametrize("format", ["coco", "yolo", "voc"])
def test_it_writes_a_new_set(cli, here, birds, format):
    before = tree_hash(birds)
    run = cli("ignore", birds, "new", "--deploy", "edge-640", "--to", format)
    assert (run.code, run.err) == (0, "")
    assert "ignore below            cat                         1" in run.out
    assert "1 of 3 boxes ignored, 0 given a weight" in run.out
    assert tree_hash(birds) == before
    back = fl.read("new")
    assert (back.format, counts(back), back.annotations.num_rows) == (format, 1, 3)
    (row,) = pq.read_table("new/ignored.parquet").to_pylist()
    assert (row["file_name"], row["rule"], row["value"], row["threshold"]) == (
        *("a.png", "below"),
        *(6.0, 8.0),
    )
    old = fl.read(birds)
    for place, was in zip(back.images["path"].to_pylist(), ["a.png", "b.jpg"], strict=True):
        assert (here / "new" / place).read_bytes() == (old.root / was).read_bytes()
    assert ("not carried: ignore" in run.out) == (format == "yolo")


def test_the_configuration_and_weights(cli, here, birds):
    Path("fastlabel.toml").write_text(
        'deploy = "edge-640"\n[ignore_regions]\nbelow = {strides = 0.5}\n'
        "small = {strides = 2}\nweight_small = 0.25\n"
    )
    run = cli("ignore", birds, "new")
    assert "0 of 3 boxes ignored, 2 given a weight" in run.out
    assert fl.read("new").annotations["weight"].to_pylist() == [0.25, None, 0.25]
    Path("fastlabel.toml").write_text("[ignore_regions]\nbelow = 3\n")
    run = cli("ignore", birds, "other")
    assert run.is_one_clear_line()
    assert "fastlabel.toml: ignore_regions.below: got 3, expected one size such as" in run.err
    assert not Path("other").exists()


@pytest.mark.parametrize("mask", [False, True])
def test_what_yolo_lacks_is_said_as_it_is(cli, here, birds, mask):
    run = cli("ignore", birds, "new", "--deploy", "edge-640", "--to", "yolo", *["--mask"] * mask)
    (line,) = (line for line in run.out.splitlines() if line.startswith("not carried: ignore"))
    assert ("background; mask them" in line) != mask
    assert ("they are painted over" in line) == mask


def test_masking_changes_the_region_and_nothing_else(cli, here, birds):
    cli("ignore", birds, "new", "--deploy", "edge-640", "--to", "yolo", "--mask")
    old, new = (cv2.imread(str(p)) for p in (birds / "a.png", here / "new/images/a.png"))
    changed = (old != new).any(axis=2)
    allowed = np.zeros_like(changed)
    allowed[100:106, 100:106] = True
    allowed[103:303, 103:303] = False
    assert changed.any()
    assert not (changed & ~allowed).any()
    assert len(np.unique(new[allowed], axis=0)) == 1
    assert (birds / "b.jpg").read_bytes() == (here / "new/images/b.jpg").read_bytes()


def test_a_turned_picture_is_masked_where_its_labels_are(cli, here, tmp_path):
    from PIL import Image

    exif = Image.Exif()
    exif[0x0112] = 6  # the stored raster is 80 x 40, shown as 40 x 80
    folder = tmp_path / "turned"
    folder.mkdir()
    stored = np.full((40, 80, 3), 90, np.uint8)
    stored[26:34, 60:68] = (255, 0, 0)  # shown at x 6..14, y 60..68
    Image.fromarray(stored).save(folder / "a.jpg", exif=exif, quality=98, subsampling=0)
    labels = coco([(1, "a.jpg")], [(1, 1, [5, 59, 10, 10])], sizes=(40, 80))
    (folder / "labels.json").write_text(json.dumps(labels))
    Path("fastlabel.toml").write_text("[ignore_regions]\nbelow = {px = 11}\n")
    run = cli("ignore", folder, "new", "--mask")
    assert "1 picture with regions painted over" in run.out
    shown = cv2.imread("new/images/a.jpg").astype(int)
    assert shown.shape == (80, 40, 3)
    assert np.abs(shown - 90).max() < 12


def test_links(cli, here, birds):
    cli("ignore", birds, "linked", "--link")
    assert Path("linked/images/a.png").samefile(birds / "a.png")
    cli("ignore", birds, "copied")
    assert not Path("copied/images/a.png").samefile(birds / "a.png")


def test_an_unreadable_picture_is_named_and_the_rest_is_finished(cli, here, birds):
    (birds / "a.png").write_bytes(b"no picture")
    run = cli("ignore", birds, "new", "--deploy", "edge-640", "--mask")
    assert run.code == 1
    assert "not masked: a.png: cannot be decoded" in run.out
    assert Path("new/images/a.png").read_bytes() == b"no picture"
    (birds / "a.png").unlink()
    run = cli("ignore", birds, "gone", "--deploy", "edge-640")
    assert run.code == 1
    assert "no picture: a.png" in run.out
    assert fl.read("gone").annotations.num_rows == 3


def test_rows_that_cannot_be_read_are_told(cli, here, birds):
    labels = json.loads((birds / "labels.json").read_text())
    labels["annotations"][0]["bbox"] = [1, 2, 3]
    (birds / "labels.json").write_text(json.dumps(labels))
    run = cli("ignore", birds, "new")
    assert "not read: 1 rows or files of the source, so not in the new set" in run.out
    assert fl.read("new").annotations.num_rows == 2


def test_no_box_meets_a_rule(cli, here, birds):
    Path("fastlabel.toml").write_text("[ignore_regions]\nbelow = {}\n")
    run = cli("ignore", birds, "new")
    assert (run.code, "no box meets a rule" in run.out) == (0, True)
    assert pq.read_table("new/ignored.parquet").num_rows == 0


def test_places_that_are_refused(cli, here, birds):
    Path("full").mkdir()
    Path("full/mine.txt").write_text("mine")
    run = cli("ignore", birds, "full")
    assert run.is_one_clear_line()
    assert "is not empty; choose another folder" in run.err
    assert [p.name for p in Path("full").iterdir()] == ["mine.txt"]
    assert cli("ignore", birds, "full", "--overwrite").code == 0
    assert not Path("full/mine.txt").exists()
    assert cli("ignore", birds, birds / "inside").is_one_clear_line()
    assert cli("ignore", "nowhere", "new").is_one_clear_line()
    (here / "pictures").mkdir()
    (here / "pictures" / "a.png").write_bytes((birds / "a.png").read_bytes())
    run = cli("ignore", "pictures", "new")
    assert run.is_one_clear_line()
    assert "has no labels" in run.err
    assert not Path("new").exists()


def test_a_full_disk_leaves_nothing(cli, here, birds, monkeypatch):
    before = sorted(here.iterdir())

    def full(*args, **kwargs):
        raise OSError(errno.ENOSPC, "No space left on device", "new/images/b.jpg")

    monkeypatch.setattr(pictures.shutil, "copyfile", full)
    run = cli("ignore", birds, "new")
    assert run.is_one_clear_line()
    assert "No space left on device" in run.err
    assert sorted(here.iterdir()) == before


def test_a_declared_convention_that_the_data_contradict(cli, here, tmp_path):
    full, seen = [10, 10, 100, 200], [10, 10, 100, 90]
    folder = tmp_path / "people"
    labels = coco([(1, "a.png")], [(1, 1, full), (1, 1, full)], sizes=(640, 480))
    for row in labels["annotations"]:
        row["vbox"], row["fbox"] = seen, full
    write_set(folder, {"a.png": photo(1, 640, 480, ".png"), "labels.json": labels})
    Path("fastlabel.toml").write_text('box_convention = "visible"\n')
    run = cli("ignore", folder, "new")
    assert run.is_one_clear_line()
    assert "declared 'visible', but 2 of 2 boxes that can tell are the full ones" in run.err
    Path("fastlabel.toml").write_text(
        'box_convention = "full"\n[ignore_regions]\nmin_visible = 0.5\n'
    )
    assert "2 of 2 boxes ignored" in cli("ignore", folder, "new").out
