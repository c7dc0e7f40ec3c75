"""Label errors made on purpose: each kind is what it says, and all of them are in the ledger."""

from __future__ import annotations

import json

import numpy as np
import pytest

import fastlabel as fl
from fastlabel.prepare.corrupt import KINDS, settings_of


def labels(folder, *, images=12, each=8, classes=3, seed=0, whole=True, **more):
    """A COCO set of boxes at random, in a folder of its own."""
    rng = np.random.default_rng(seed)
    rows = []
    for image in range(images):
        for _ in range(each):
            w, h = rng.uniform(12, 90, 2)
            x, y = rng.uniform(0, 640 - w), rng.uniform(0, 480 - h)
            box = [round(v) if whole else round(v, 2) for v in (x, y, w, h)]
            rows.append(
                {
                    "id": len(rows) + 1,
                    "image_id": image + 1,
                    "category_id": int(rng.integers(classes)) + 1,
                    "bbox": box,
                    "area": box[2] * box[3],
                    "iscrowd": 0,
                    "segmentation": [[box[0], box[1], box[0] + 5, box[1], box[0], box[1] + 5]],
                    **more,
                }
            )
    text = {
        "images": [
            {"id": i + 1, "file_name": f"{i}.jpg", "width": 640, "height": 480}
            for i in range(images + 2)  # the last two have no boxes
        ],
        "annotations": rows,
        "categories": [{"id": i + 1, "name": f"class {i}"} for i in range(classes)],
    }
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "labels.json").write_text(json.dumps(text))
    return fl.read(folder)


def iou(a, b):
    return float(fl.box_iou([a], [b])[0, 0])


@pytest.fixture(scope="module")
def clean(tmp_path_factory):
    return labels(tmp_path_factory.mktemp("clean") / "set")


def row_of(dataset, row):
    return dataset.boxes()[row].tolist(), dataset.annotations["category_id"][row].as_py()


@pytest.mark.parametrize("seed", range(6))
def test_each_error_is_of_its_kind_and_all_else_is_unchanged(clean, seed):
    noisy, ledger = fl.corrupt(clean, rate=0.5, seed=seed)
    touched, made = set(), set()
    for error in ledger.to_pylist():
        kind, image = error["kind"], error["image_id"]
        sources = [error["source_annotation_id"], *error["related_sources"]]
        sources = [row for row in sources if row is not None]
        rows = [row for row in (error["annotation_id"], *error["related"]) if row is not None]
        assert not touched & set(sources), "no box has two errors"
        touched |= set(sources)
        made |= set(rows)
        assert all(noisy.annotations["image_id"][row].as_py() == image for row in rows)
        assert all(clean.annotations["image_id"][row].as_py() == image for row in sources)
        before = [row_of(clean, row) for row in sources]
        after = [row_of(noisy, row) for row in rows]
        said = [(s["box"], s["category_id"]) for s in json.loads(error["after"] or "[]")]
        assert said == after
        said = [(s["box"], s["category_id"]) for s in json.loads(error["before"] or "[]")]
        assert said == before
        if kind == "drop":
            assert len(before) == 1 and not after
        elif kind == "swap":
            assert before[0][0] == after[0][0] and before[0][1] != after[0][1]
        elif kind in ("shift", "scale"):
            assert before[0][1] == after[0][1]
            assert 0.3 <= iou(before[0][0], after[0][0]) <= 0.7
        elif kind == "duplicate":
            assert after[1] == before[0] and 0.75 <= iou(after[0][0], after[1][0]) <= 0.98
        elif kind == "merge":
            low = np.minimum(before[0][0][:2], before[1][0][:2]).tolist()
            high = np.maximum(before[0][0][2:], before[1][0][2:]).tolist()
            assert after == [(low + high, before[0][1])] and before[0][1] == before[1][1]
        elif kind == "split":
            areas = [(b[2] - b[0]) * (b[3] - b[1]) for b, _ in (*after, *before)]
            assert areas[0] + areas[1] == pytest.approx(areas[2])
            assert all(iou(half, before[0][0]) >= 0.3 for half, _ in after)
        else:
            assert kind == "spurious" and not before
    kept = [row for row in range(clean.annotations.num_rows) if row not in touched]
    same = [row for row in range(noisy.annotations.num_rows) if row not in made]
    names = [n for n in clean.annotations.schema.names if n != "annotation_id"]
    old, new = clean.annotations.select(names), noisy.annotations.select(names)
    assert old.take(kept).equals(new.take(same))
    assert noisy.annotations["annotation_id"].to_pylist() == list(range(new.num_rows))


def test_so_many_as_the_rate_says_and_dealt_evenly(clean):
    _, ledger = fl.corrupt(clean, rate=0.25, seed=1)
    counts = {kind: ledger["kind"].to_pylist().count(kind) for kind in KINDS}
    assert ledger.num_rows == 24 and set(counts.values()) == {3}
    settings = settings_of(ledger)
    assert settings["wanted"] == settings["planted"] == counts
    assert settings["boxes"] == 96 and settings["rate"] == 0.25


def test_weights_of_kinds(clean):
    _, ledger = fl.corrupt(clean, rate=0.25, kinds={"drop": 3, "shift": 1, "swap": 0})
    kinds = ledger["kind"].to_pylist()
    assert kinds.count("drop") == 18 and kinds.count("shift") == 6 and "swap" not in kinds


def test_same_seed_same_errors(clean):
    a, b, c = (fl.corrupt(clean, rate=0.3, seed=seed) for seed in (5, 5, 6))
    assert a.ledger.equals(b.ledger) and a.dataset.annotations.equals(b.dataset.annotations)
    assert not a.ledger.equals(c.ledger)


def test_errors_lie_in_their_images_and_are_as_fine_as_the_set(clean, tmp_path):
    for dataset, digits in ((clean, 0), (labels(tmp_path / "fine", whole=False), 2)):
        noisy, _ = fl.corrupt(dataset, rate=1, seed=2)
        boxes = noisy.boxes()
        assert (boxes[:, :2] >= 0).all() and (boxes[:, 2:] <= (640, 480)).all()
        assert (boxes[:, 2:] > boxes[:, :2]).all()
        # Up to the last bits: corners of x + width are no shortest decimals themselves.
        np.testing.assert_allclose(boxes, np.round(boxes, digits), atol=1e-9)


def test_spurious_boxes_lie_on_nothing_and_come_to_empty_images_too(clean):
    noisy, ledger = fl.corrupt(clean, rate=1, kinds=["spurious"], seed=1)
    boxes, images = noisy.boxes(), noisy.column("annotations", "image_id")
    for row in ledger["annotation_id"].to_pylist():
        others = np.flatnonzero((images == images[row]) & (np.arange(len(boxes)) != row))
        assert (fl.box_ios(boxes[[row]], boxes[others]) <= 0.2 + 1e-9).all()
    assert {12, 13} & set(ledger["image_id"].to_pylist())
    states = noisy.images["label_state"].to_pylist()
    filled = set(images.tolist())
    assert [s == "labelled" for s in states] == [i in filled for i in range(len(states))]


def test_an_image_that_lost_all_its_boxes_is_an_empty_one(tmp_path):
    dataset = labels(tmp_path / "set", images=3, each=1)
    noisy, _ = fl.corrupt(dataset, rate=1, kinds=["drop"])
    assert noisy.annotations.num_rows == 0
    assert set(noisy.images["label_state"].to_pylist()) == {"labelled_empty"}


def test_nothing_beside_a_box_tells_the_true_one(clean):
    noisy, ledger = fl.corrupt(clean, rate=0.8, seed=3)
    drawn = ledger.filter(~np.isin(ledger["kind"].to_numpy(), ["swap", "duplicate", "drop"]))
    rows = [r for e in drawn.to_pylist() for r in (e["annotation_id"], *e["related"])]
    changed = noisy.annotations.take(rows)
    assert changed["segmentation"].null_count == len(rows)
    sides = noisy.boxes()[rows, 2:] - noisy.boxes()[rows, :2]
    np.testing.assert_allclose(changed["area"].to_numpy(), sides.prod(axis=1))
    ids = noisy.annotations["source_id"].to_pylist()
    assert len(set(ids)) == len(ids) and None not in ids
    swapped = ledger.filter(np.isin(ledger["kind"].to_numpy(), ["swap"]))
    for row in swapped["annotation_id"].to_pylist():
        record = noisy.annotations.slice(row, 1).to_pylist()[0]
        assert record["source_category"] == str(record["category_id"] + 1)
        assert record["segmentation"] is not None


def test_crowds_ignore_regions_and_broken_boxes_are_left_alone(tmp_path):
    dataset = labels(tmp_path / "set", iscrowd=1)
    with pytest.raises(fl.DatasetError, match="no box that can be made wrong"):
        fl.corrupt(dataset)
    dataset = labels(tmp_path / "two", bbox=[5, 5, 0, 9])
    with pytest.raises(fl.DatasetError, match="no box that can be made wrong"):
        fl.corrupt(dataset)


def test_one_class_has_no_swaps_and_says_so(tmp_path):
    dataset = labels(tmp_path / "set", classes=1)
    _, ledger = fl.corrupt(dataset, rate=0.5)
    assert "swap" not in settings_of(ledger)["wanted"]
    _, ledger = fl.corrupt(dataset, rate=0.5, kinds=["swap"])
    assert settings_of(ledger)["wanted"] == {"swap": 48}
    assert settings_of(ledger)["planted"] == {"swap": 0} and ledger.num_rows == 0


def test_rate_nothing_changes_nothing(clean):
    noisy, ledger = fl.corrupt(clean, rate=0)
    assert ledger.num_rows == 0 and noisy.annotations.equals(clean.annotations)


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"rate": 1.5}, ValueError, "rate: got 1.5, expected 0 to 1"),
        ({"rate": float("nan")}, ValueError, "rate: got nan"),
        ({"rate": "much"}, TypeError, "rate: got 'much'"),
        ({"kinds": ["drop", "melt"]}, ValueError, "kinds: got 'melt', expected some of drop"),
        ({"kinds": "drop"}, TypeError, "expected a list"),
        ({"kinds": []}, ValueError, "expected at least one"),
        ({"kinds": {"drop": -1}}, ValueError, "expected 0 or more"),
        ({"seed": -1}, ValueError, "seed: got -1"),
        ({"seed": 1.5}, TypeError, "seed: got float 1.5"),
    ],
)
def test_bad_arguments(clean, arguments, error, words):
    with pytest.raises(error, match=words):
        fl.corrupt(clean, **arguments)


def test_real_sets(shared_data):
    for name in ("bccd", "raccoon", "garbage-yolo"):
        dataset = fl.read(shared_data / name)
        noisy, ledger = fl.corrupt(dataset, rate=0.1, seed=4)
        settings = settings_of(ledger)
        assert settings["planted"] == settings["wanted"]
        assert ledger.num_rows == round(0.1 * settings["boxes"])
        assert noisy.categories.equals(dataset.categories)
