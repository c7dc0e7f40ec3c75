"""``augment_set`` and ``fastlabel augment``: files, ledgers, bad input."""

from __future__ import annotations

import errno
import json
import shutil
from pathlib import Path

import cv2
import numpy as np
import pyarrow.parquet as pq
import pytest

import fastlabel as fl
from fastlabel.augment import AugmentedImages, Recipe, augment_set
from fastlabel.cli import main
from fastlabel.config import ConfigError
from fastlabel.dataset import DatasetError

SPATIAL = Recipe.from_dict(
    {
        "stages": [
            {"op": "flip", "p": 0.5},
            {"op": "rotate", "p": 0.7},
            {"op": "fisheye", "p": 0.3},
            {"op": "scale_crop", "p": 0.4, "scale": [0.7, 1.5]},
            {"op": "cutout", "p": 0.5},
            {"op": "gamma", "p": 0.3},
        ]
    }
)


def tree(folder):
    return {
        str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()
    }


def one_image(folder, boxes, size=(60, 80), name="a.png", **labels):
    """A COCO set of one picture: a bright disc in each box."""
    image = np.full((*size, 3), 30, np.uint8)
    for x, y, w, h in boxes:
        down, across = np.mgrid[: size[0], : size[1]] + 0.5
        dx, dy = (across - x - w / 2) / (w / 2), (down - y - h / 2) / (h / 2)
        image[dx**2 + dy**2 <= 1] = 240
    folder.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(folder / name), image)
    rows = [
        {"id": k + 1, "image_id": 1, "category_id": 1, "bbox": box, "area": box[2] * box[3]}
        | {key: values[k] for key, values in labels.items() if values[k] is not None}
        for k, box in enumerate(boxes)
    ]
    (folder / "labels.json").write_text(
        json.dumps(
            {
                "images": [{"id": 1, "file_name": name, "width": size[1], "height": size[0]}],
                "annotations": rows,
                "categories": [{"id": 1, "name": "disc"}],
            }
        )
    )
    return folder


@pytest.fixture(scope="module")
def sample(drawn_sample):
    return drawn_sample("coco")[0]


def test_the_same_bytes_for_any_number_of_workers(sample, tmp_path):
    before = tree(sample)
    made = [
        augment_set(sample, tmp_path / str(w), SPATIAL, workers=w, seed=5).folder for w in (1, 2)
    ]
    assert tree(made[0]) == tree(made[1])
    other = augment_set(sample, tmp_path / "other", SPATIAL, workers=2, seed=6)
    assert tree(other.folder) != tree(made[0])
    assert tree(sample) == before


@pytest.mark.parametrize("kind", ["coco", "yolo", "voc"])
def test_what_is_written_is_what_is_read(sample, tmp_path, kind):
    made = augment_set(sample, tmp_path / kind, SPATIAL, to=kind, seed=1)
    new = fl.read(made.folder)
    assert new.format == kind and new.problems.num_rows <= 1  # the class that is planted
    assert len(new) == made.summary["images"] + made.summary["augmented"]
    names = [p.rpartition("/")[2] for p in new.images["path"].to_pylist()]
    copies = {at for at, name in enumerate(names) if "_aug" in name}
    assert len(copies) == made.summary["augmented"] > 0
    for at in copies:
        row = new.images.slice(at, 1).to_pylist()[0]
        picture = cv2.imread(str(new.root / row["path"]))
        assert picture.shape[:2] == (row["height"], row["width"])
    image_of = new.column("annotations", "image_id")
    mine = np.isin(image_of, list(copies))
    assert mine.sum() == made.boxes.num_rows
    wide = new.column("images", "width")[image_of[mine]]
    high = new.column("images", "height")[image_of[mine]]
    boxes = new.boxes()[mine]
    assert (boxes[:, :2] >= -0.01).all() and (boxes[:, 2] <= wide + 0.01).all()
    assert (boxes[:, 3] <= high + 0.01).all()
    # The ledger of boxes has them all, to what a format rounds.
    ours = np.stack([made.boxes[c].to_numpy() for c in ("x1", "y1", "x2", "y2")], 1)
    assert np.abs(np.sort(ours, axis=0) - np.sort(boxes, axis=0)).max() < 0.51


def test_ledgers_say_what_was_done_and_what_it_cost(tmp_path):
    src = one_image(tmp_path / "src", [[20, 10, 30, 30]])
    recipe = Recipe.from_dict({"stages": [{"op": "rotate", "degrees": 10.0}, {"op": "flip"}]})
    made = augment_set(src, tmp_path / "new", recipe)
    rows = pq.read_table(made.folder / "ledger.parquet").to_pylist()
    assert [row["op"] for row in rows] == ["rotate", "flip"]
    assert json.loads(rows[0]["values"])["degrees"] == 10.0
    assert rows[0]["tightness_lost"] == pytest.approx(0.255, abs=0.001)
    box = pq.read_table(made.folder / "ledger-boxes.parquet").to_pylist()[0]
    assert box["tightness"] == pytest.approx(0.745, abs=0.001)
    # The label is tight around the disc that is seen.
    picture = cv2.imread(str(made.folder / box["file"]), 0)
    ys, xs = np.nonzero(picture > 135)
    seen = [xs.min(), ys.min(), xs.max() + 1, ys.max() + 1]
    assert np.abs(np.array([box[c] for c in ("x1", "y1", "x2", "y2")]) - seen).max() <= 1.0
    assert Recipe.from_toml(made.folder / "recipe.toml").stages == recipe.stages


def test_polygons_masks_and_oriented_boxes_are_moved(tmp_path):
    ring = [20, 10, 50, 10, 50, 30, 20, 30]
    mask = np.zeros((60, 80), np.uint8)
    mask[35:55, 10:30] = 1
    mask[40:45, 15:20] = 0
    flat = mask.T.ravel()
    runs = np.diff([0, *(np.flatnonzero(np.diff(flat)) + 1), len(flat)]).tolist()
    src = one_image(
        tmp_path / "src",
        [[20, 10, 30, 20], [10, 35, 20, 20], [50, 40, 20, 10]],
        segmentation=[[ring], {"size": [60, 80], "counts": runs}, None],
        obb=[None, None, [50, 40, 70, 40, 70, 50, 50, 50]],
    )
    made = augment_set(src, tmp_path / "new", Recipe.from_dict({"stages": [{"op": "flip"}]}))
    new = fl.read(made.folder)
    rows = new.annotations.slice(3).to_pylist()
    assert json.loads(rows[0]["segmentation"]) == [[60, 10, 30, 10, 30, 30, 60, 30]]
    found = json.loads(rows[1]["segmentation"])
    ends = np.cumsum(found["counts"])
    back = np.zeros(60 * 80, np.uint8)
    for k in range(1, len(ends), 2):
        back[ends[k - 1] : ends[k]] = 1
    back = back.reshape(80, 60).T
    assert (back != mask[:, ::-1]).sum() <= 0.06 * mask.sum()
    assert back[42, 80 - 17] == 0  # the hole
    assert rows[2]["obb"] == [10, 40, 30, 40, 30, 50, 10, 50]


def test_regions_to_ignore_stay_regions_and_crowds_too(tmp_path):
    src = one_image(
        tmp_path / "src",
        [[20, 10, 20, 20], [50, 30, 20, 20], [5, 30, 20, 20]],
        ignore=[None, 1, None],
        iscrowd=[0, 0, 1],
    )
    made = augment_set(src, tmp_path / "new", Recipe.from_dict({"stages": [{"op": "flip"}]}))
    new = fl.read(made.folder).annotations.slice(3).to_pylist()
    assert [(row["x1"], bool(row["ignore"]), bool(row["crowd"])) for row in new] == [
        (40, False, False),
        (10, True, False),
        (55, True, True),
    ]


def test_an_image_that_would_lose_its_last_box_is_left_as_it_is(tmp_path):
    src = one_image(tmp_path / "src", [[0, 0, 6, 6]])
    recipe = Recipe.from_dict({"stages": [{"op": "fisheye", "fov": 170}]})
    made = augment_set(src, tmp_path / "new", recipe)
    if made.summary["skipped"]:
        assert made.summary["augmented"] == 0 and made.summary["unchanged"] == 1
    hidden = Recipe.from_dict({"stages": [{"op": "cutout", "count": 64, "size": 1.0}]})
    made = augment_set(src, tmp_path / "hidden", hidden)
    assert made.summary["skipped"] == 1 and made.summary["augmented"] == 0
    assert made.ledger.num_rows == 0  # of a copy that is not written
    made = augment_set(src, tmp_path / "alone", hidden, originals=False)
    new = fl.read(made.folder)
    assert new.boxes().tolist() == [[0, 0, 6, 6]]
    assert made.ledger["skipped"].to_pylist() == ["would leave no box"]
    assert (
        cv2.imread(str(new.root / new.images["path"][0].as_py())) == cv2.imread(str(src / "a.png"))
    ).all()


def test_broken_images_in_the_middle_are_named_and_the_rest_is_done(sample, tmp_path, capsys):
    src = tmp_path / "src"
    shutil.copytree(sample, src)
    pictures = sorted(p for p in src.rglob("*") if p.suffix in (".jpg", ".png"))
    whole = augment_set(src, tmp_path / "whole", SPATIAL, seed=2)
    used = [Path(r["source_file"]).name for r in whole.ledger.to_pylist()]
    victims = [p for p in pictures if p.name in used][:3]
    victims[0].write_bytes(victims[0].read_bytes()[: victims[0].stat().st_size // 2])
    victims[1].write_bytes(b"")
    victims[2].write_bytes(b"\xff\xd8 no picture")
    known = {name for name, _ in whole.failures}
    (tmp_path / "r.toml").write_text(SPATIAL.to_toml())
    args = ["augment", str(src), str(tmp_path / "new"), "--recipe", str(tmp_path / "r.toml")]
    with pytest.raises(SystemExit) as ended:
        main([*args, "--seed", "2"])
    assert ended.value.code == 1
    said = "".join(capsys.readouterr())
    summary = json.loads((tmp_path / "new" / "augment.json").read_text())
    failed = {Path(name).name for name, _ in summary["failures"]} - {Path(n).name for n in known}
    assert failed == {p.name for p in victims}
    assert all(p.name in said for p in victims)
    assert summary["augmented"] == whole.summary["augmented"] - 3
    # What is broken is carried as it was: nothing is thrown away unasked.
    carried = tree(tmp_path / "new")
    assert sum(data == b"\xff\xd8 no picture" for data in carried.values()) == 1


def test_a_disk_that_fills_leaves_nothing(sample, tmp_path, monkeypatch):
    from fastlabel.augment import files

    real, count = files._save, iter(range(1000))

    def full(path, picture, quality):
        if next(count) == 3:
            raise OSError(errno.ENOSPC, "No space left on device", str(path))
        real(path, picture, quality)

    monkeypatch.setattr(files, "_save", full)
    with pytest.raises(OSError, match=r"nothing was kept; free some space") as caught:
        augment_set(sample, tmp_path / "new", SPATIAL, workers=2)
    assert caught.value.errno == errno.ENOSPC
    assert list(tmp_path.iterdir()) == []


def test_places_that_are_refused(sample, tmp_path):
    for place in (sample, sample / "new"):
        with pytest.raises(DatasetError, match="lies in the data set"):
            augment_set(sample, place, SPATIAL)
    with pytest.raises(DatasetError, match=r"the data set .* lies in it"):
        augment_set(sample, sample.parent, SPATIAL)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "a").write_text("mine")
    with pytest.raises(DatasetError, match="is not empty"):
        augment_set(sample, tmp_path / "full", SPATIAL)
    assert (tmp_path / "full" / "a").read_text() == "mine"


@pytest.mark.parametrize(
    ("stage", "message"),
    [
        ({"op": "rotate", "degrees": float("nan")}, r"degrees: got nan"),
        ({"op": "fisheye", "fov": -5}, r"fov: got -5, expected a whole number from 0 to 175"),
        ({"op": "scale_crop", "scale": 0}, r"scale: got 0"),
        ({"op": "cutout", "size": [0.3, 0.1]}, r"expected the lower number first"),
        ({"op": "rotate", "angle": 3}, r"unknown key 'angle'"),
        ({"op": "rotate", "border": "reflect"}, r"expected one of zoom, grey, edge"),
        ({"op": "rotat"}, r"unknown operation 'rotat'; did you mean 'rotate'\?"),
    ],
)
def test_recipes_that_mean_nothing(stage, message):
    with pytest.raises(ConfigError, match=message):
        Recipe.from_dict({"stages": [stage]})


def test_arguments_that_mean_nothing(sample, tmp_path):
    for name, value, error in (
        ("copies", 0, ValueError),
        ("quality", 101, ValueError),
        ("seed", -1, ValueError),
        ("workers", 1.5, TypeError),
        ("sheet", "yes", TypeError),
    ):
        with pytest.raises(error, match=name):
            augment_set(sample, tmp_path / "new", SPATIAL, **{name: value})
    with pytest.raises(DatasetError, match="no split named 'nowhere'"):
        augment_set(sample, tmp_path / "new", SPATIAL, splits=["nowhere"])
    assert list(tmp_path.iterdir()) == []


def test_the_contact_sheet_shows_three_strengths_of_each(tmp_path):
    src = one_image(tmp_path / "src", [[20, 10, 30, 30]])
    made = augment_set(src, tmp_path / "new", SPATIAL, sheet=True)
    page = (made.folder / "augment-sheet.html").read_text()
    for stage in SPATIAL.stages:
        assert f"<h2>{stage.op}</h2>" in page
    assert page.count("<img") == 6 + 5 * 3 + 1  # an original each; a flip has one strength
    assert "degrees -10" in page and "degrees 4" in page and "degrees 10" in page


def test_training_gives_what_the_files_have(tmp_path):
    src = one_image(tmp_path / "src", [[20, 10, 30, 30], [50, 30, 20, 20]], ignore=[None, 1])
    recipe = Recipe.from_dict({"stages": [{"op": "rotate"}, {"op": "gamma"}]})
    made = augment_set(src, tmp_path / "new", recipe, copies=3, seed=8)
    images = AugmentedImages(fl.read(src), recipe, seed=8, order="bgr")
    assert len(images) == 1
    for epoch in range(3):
        images.set_epoch(epoch)
        picture, target = images[0]
        again, _ = images[0, epoch]
        assert (picture == again).all()
        name = f"a_aug{epoch + 1}.png"
        written = cv2.imread(str(next(made.folder.rglob(name))))
        assert (picture == written).all()
        rows = [r for r in made.boxes.to_pylist() if r["file"].endswith(name)]
        boxes = [[r[c] for c in ("x1", "y1", "x2", "y2")] for r in rows if not r["ignore"]]
        assert target["boxes"].tolist() == np.float32(boxes).tolist()
        assert target["labels"].tolist() == [0] and len(target["ignore"]) == 1
    rgb, _ = AugmentedImages(fl.read(src), recipe, seed=8)[0, 2]
    assert (rgb[:, :, ::-1] == picture).all()
    with pytest.raises(IndexError):
        images[1]


def test_training_gives_tensors(tmp_path):
    torch = pytest.importorskip("torch")
    src = one_image(tmp_path / "src", [[20, 10, 30, 30]])
    images = AugmentedImages(fl.read(src), tensors=True)
    batch = next(iter(torch.utils.data.DataLoader(images, batch_size=1)))
    assert batch[0].shape == (1, 3, 60, 80) and batch[1]["boxes"].shape == (1, 1, 4)
