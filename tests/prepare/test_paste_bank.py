"""The bank: which objects enter, their outlines and their pixels."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import pytest

import fastlabel as fl
from fastlabel.dataset import DatasetError
from fastlabel.prepare.paste import bank as bank_module
from fastlabel.prepare.paste.bank import build_bank
from fastlabel.prepare.paste.outline import (
    decode_rle,
    ellipse_alpha,
    grabcut_alpha,
    outline_alpha,
    outline_kind,
)

WIDTH, HEIGHT = 200, 160


def scene(seed=0):
    rng = np.random.default_rng(seed)
    picture = rng.integers(90, 110, (HEIGHT, WIDTH, 3)).astype(np.uint8)
    for x, y in ((50, 50), (130, 50), (50, 120), (130, 120)):
        cv2.circle(picture, (x, y), 20, (40, 160, 220), -1)
        cv2.circle(picture, (x, y), 10, (200, 60, 20), 3)
    return picture


def coco(folder, annotations, images=1, broken=()):
    folder.mkdir(parents=True, exist_ok=True)
    listed = []
    for i in range(images):
        cv2.imwrite(str(folder / f"{i}.png"), scene(i))
        listed.append({"id": i, "file_name": f"{i}.png", "width": WIDTH, "height": HEIGHT})
    for i in broken:
        (folder / f"{i}.png").write_bytes(b"no picture")
    rows = [
        {"id": k, "image_id": 0, "category_id": 1, "iscrowd": 0, "area": 1.0, **row}
        for k, row in enumerate(annotations)
    ]
    content = {
        "images": listed,
        "annotations": rows,
        "categories": [{"id": 1, "name": "ring"}, {"id": 2, "name": "other"}],
    }
    (folder / "annotations.json").write_text(json.dumps(content))
    return fl.read(folder)


GOOD = {"bbox": [29, 29, 42, 42]}


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({}, None),
        ({"iscrowd": 1}, "crowd"),
        ({"bbox": [0, 29, 42, 42]}, "cut off"),
        ({"bbox": [170, 29, 60, 42]}, "cut off"),
        ({"bbox": [29, 29, 5, 42]}, "short side"),
        ({"bbox": [29, 29, 0, 42]}, "no box"),
        ({"bbox": [29, 29, -7, 42]}, "no box"),
        ({"bbox": [500, 500, 40, 40]}, "no box"),
        ({"bbox": [float("nan"), 29, 42, 42]}, "no box"),
        ({"bbox": [80, 75, 20, 20]}, "quality"),  # nothing but flat ground
    ],
)
def test_what_enters_and_why_not(tmp_path, row, reason):
    bank = build_bank(coco(tmp_path, [{**GOOD, **row}]), min_quality=0.5)
    got = bank.table["reason"][0].as_py()
    assert bank.table["accepted"][0].as_py() == (reason is None)
    assert got is None if reason is None else got.startswith(reason)
    assert 0 <= bank.table["quality"][0].as_py() <= 1


def test_an_object_under_others_is_refused(tmp_path):
    rows = [GOOD, {"bbox": [110, 30, 40, 40]}, {"bbox": [130, 30, 40, 40]}]
    bank = build_bank(coco(tmp_path, rows))
    assert bank.table["occlusion"].to_pylist() == pytest.approx([0, 0.5, 0.5])
    assert bank.table["reason"].to_pylist()[1:] == ["occluded", "occluded"]


def test_the_best_of_a_class(tmp_path):
    rows = [{"bbox": [x - 21, y - 21, 42, 42]} for x, y in ((50, 50), (130, 50), (50, 120))]
    rows[1]["category_id"] = 2
    bank = build_bank(coco(tmp_path, rows), per_class=1)
    quality, kept = (bank.table[c].to_pylist() for c in ("quality", "accepted"))
    assert kept[1] and kept[0] != kept[2]
    assert kept[0] == (quality[0] >= quality[2])


def test_an_unreadable_image_is_named_and_the_rest_is_done(tmp_path):
    ds = coco(tmp_path, [GOOD, {**GOOD, "image_id": 1}], images=2, broken=[0])
    bank = build_bank(ds)
    assert bank.table["accepted"].to_pylist() == [False, True]
    assert len(bank.problems) == 1 and bank.problems[0].startswith("0.png: ")
    with pytest.raises(DatasetError, match=r"0\.png"):
        bank.patch(0)
    assert bank.patch(1).pixels.size


def test_a_set_without_labels_or_images_gives_an_empty_bank(tmp_path):
    assert len(build_bank(coco(tmp_path / "a", []))) == 0


def test_unknown_classes_and_splits(tmp_path):
    ds = coco(tmp_path, [GOOD])
    with pytest.raises(DatasetError, match="cat"):
        build_bank(ds, categories=["cat"])
    with pytest.raises(DatasetError, match="val"):
        build_bank(ds, splits=["val"])
    assert len(build_bank(ds, categories=["other"])) == 0
    for name, value in (("min_quality", 2), ("per_class", 0)):
        with pytest.raises(ValueError, match=name):
            build_bank(ds, **{name: value})
    with pytest.raises(ValueError, match="instance_id"):
        build_bank(ds).patch(1)


def test_a_patch_is_the_box_with_its_surroundings(tmp_path):
    bank = build_bank(coco(tmp_path, [GOOD, {"bbox": [150, 120, 100, 100]}]))
    patch = bank.patch(0)
    x1, y1, x2, y2 = (round(v) for v in patch.box)
    assert (patch.pixels[y1:y2, x1:x2] == scene()[29:71, 29:71]).all()
    assert min(x1, y1, patch.alpha.shape[1] - x2, patch.alpha.shape[0] - y2) >= 21
    assert patch.outline == "ellipse"
    clipped = bank.patch(1)  # runs out of the image: what is inside it
    assert clipped.box[2] <= clipped.alpha.shape[1] and clipped.box[3] <= clipped.alpha.shape[0]


def test_the_ellipse_is_inscribed():
    alpha = ellipse_alpha((10.5, 20, 70.5, 50), 90, 70) / 255
    assert alpha.sum() == pytest.approx(np.pi / 4 * 60 * 30, rel=2e-3)
    ys, xs = np.nonzero(alpha)
    assert (xs.min(), xs.max() + 1, ys.min(), ys.max() + 1) == (10, 71, 20, 50)


def test_run_lengths_are_those_of_pycocotools():
    mask_tools = pytest.importorskip("pycocotools.mask")
    rng = np.random.default_rng(0)
    for density in (0.02, 0.5, 0.98):
        mask = np.asfortranarray((rng.random((37, 53)) < density).astype(np.uint8))
        code = mask_tools.encode(mask)
        assert (decode_rle(code["counts"], code["size"]) == mask).all()
        assert (decode_rle(code["counts"].decode(), [37, 53]) == mask).all()


@pytest.mark.parametrize(
    ("counts", "size"),
    [([1, 2], [2, 2]), ([-1, 5], [2, 2]), ("\x7f", [2, 2]), ("oo", [2, 2]), ([4], [0, 2]),
     (None, [2, 2]), ([4], "ab"), (["x"], [2, 2]), ("ooooooooooooooooooooo0", [2, 2])],
)  # fmt: skip
def test_broken_run_lengths(counts, size):
    assert decode_rle(counts, size) is None


BOX = (29.0, 29.0, 71.0, 71.0)
RING = [30, 30, 70, 30, 70, 70, 30, 70]


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (json.dumps([RING]), "polygon"),
        ("0 " + " ".join(str(v / (WIDTH, HEIGHT)[k % 2]) for k, v in enumerate(RING)), "polygon"),
        (json.dumps([[30, 30, 70, 30]]), "ellipse"),  # two corners
        (json.dumps([[150, 100, 190, 100, 190, 150]]), "ellipse"),  # elsewhere
        (json.dumps([[30, 30, 70, float("nan"), 70, 70]]), "ellipse"),
        (json.dumps({"size": [4, 4], "counts": [16]}), "ellipse"),  # another size
        (json.dumps({"size": [HEIGHT, WIDTH], "counts": [7]}), "ellipse"),
        (json.dumps({"size": [HEIGHT, WIDTH], "counts": [HEIGHT * WIDTH]}), "ellipse"),  # empty
        ("{", "ellipse"),
        ("[]", "ellipse"),
        ("0 a b", "ellipse"),
        ("7", "ellipse"),
    ],
)
def test_outlines_that_can_be_used_and_those_that_cannot(text, kind):
    got, note = outline_kind(text, (WIDTH, HEIGHT), BOX)
    assert got == kind and (note is None) == (kind != "ellipse")
    window = (10, 12, 90, 88)
    alpha, drawn = outline_alpha(text, (WIDTH, HEIGHT), BOX, window)
    assert drawn == kind and alpha.shape == (76, 80)
    wanted = 1600 if kind == "polygon" else np.pi / 4 * 42 * 42
    assert (alpha / 255.0).sum() == pytest.approx(wanted, rel=0.04)


def test_a_mask_is_taken_as_it_is():
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    cv2.circle(mask, (50, 50), 20, 1, -1)
    flat = mask.T.ravel()
    edges = np.flatnonzero(np.diff(flat)) + 1
    counts = np.diff([0, *edges, len(flat)]).tolist()
    text = json.dumps({"size": [HEIGHT, WIDTH], "counts": counts})
    alpha, kind = outline_alpha(text, (WIDTH, HEIGHT), BOX, (20, 20, 80, 80))
    assert kind == "mask"
    assert (alpha == mask[20:80, 20:80] * 255).all()


def test_grabcut_finds_a_disc_and_declines_where_there_is_nothing(tmp_path):
    bank = build_bank(coco(tmp_path, [GOOD]), grabcut=True)
    patch = bank.patch(0)
    assert patch.outline == "grabcut"
    truth = np.zeros(patch.alpha.shape, np.uint8)
    middle = round((patch.box[0] + patch.box[2]) / 2 - 0.5)
    cv2.circle(truth, (middle, middle), 20, 255, -1)
    both = np.count_nonzero((truth > 0) & (patch.alpha > 0))
    assert both / np.count_nonzero((truth > 0) | (patch.alpha > 0)) > 0.9
    again = build_bank(coco(tmp_path / "again", [GOOD]), grabcut=True).patch(0)
    assert (again.alpha == patch.alpha).all()
    assert grabcut_alpha(patch.pixels, (0, 0, 5, 5), 0) is None


def test_large_objects_are_held_small_and_the_cache_is_bounded(tmp_path, monkeypatch):
    folder = tmp_path / "set"
    folder.mkdir()
    cv2.imwrite(str(folder / "0.png"), cv2.resize(scene(), (2000, 1600)))
    rows = [{"id": k, "image_id": 0, "category_id": 1, "bbox": [100 + k, 90, 1400, 1300]}
            for k in range(6)]  # fmt: skip
    content = {"images": [{"id": 0, "file_name": "0.png", "width": 2000, "height": 1600}],
               "annotations": rows, "categories": [{"id": 1, "name": "ring"}]}  # fmt: skip
    (folder / "annotations.json").write_text(json.dumps(content))
    monkeypatch.setattr(bank_module, "CACHE_BYTES", 3_000_000)
    bank = build_bank(fl.read(folder))
    for k in range(6):
        patch = bank.patch(k)
        assert max(patch.box[2] - patch.box[0], patch.box[3] - patch.box[1]) <= 512
        assert patch.pixels.base is None or patch.pixels.base.nbytes <= patch.pixels.nbytes
    assert bank._patches.size <= 3_000_000
    assert sum(p.nbytes for p in bank._patches.held.values()) == bank._patches.size


def test_the_same_bank_for_any_number_of_workers_and_threads(tmp_path):
    rows = [{"bbox": [x - 21, y - 21, 42, 42]} for x, y in ((50, 50), (130, 50), (50, 120))]
    ds = coco(tmp_path, rows)
    one, two = build_bank(ds, workers=1), build_bank(ds, workers=2)
    assert one.table.equals(two.table)
    with ThreadPoolExecutor(4) as pool:
        patches = list(pool.map(two.patch, [0, 1, 2] * 8))
    for k, patch in enumerate(patches):
        assert (patch.pixels == one.patch(k % 3).pixels).all()


def test_the_real_sets(shared_data):
    bank = build_bank(fl.read(shared_data / "bccd"))
    assert len(bank) == 4888
    reasons = bank.table["reason"].to_pylist()
    assert sum(r is not None and r.startswith("short side") for r in reasons) == 2  # points
    assert 1500 < sum(bank.table["accepted"].to_pylist()) < 3000
