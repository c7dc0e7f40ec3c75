"""``fl.evaluate`` beside pycocotools: every number of every class, area and limit."""

from __future__ import annotations

import json

import numpy as np
import pytest
from coco_peer import ours, peer, predictions_of, random_labels, same
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import fastlabel as fl
from fastlabel.evaluate.coco import STATS

#: fakebbox100 of cocoapi, as its own repository prints it.
OFFICIAL = (0.505, 0.697, 0.573, 0.586, 0.519, 0.501, 0.387, 0.594, 0.595, 0.640, 0.566, 0.564)


@pytest.fixture(scope="module")
def coco_100(shared_data):
    folder = shared_data / "predictions" / "faster-coco-eval" / "cocoapi"
    labels = folder / "instances_val2014_100.json"
    return labels, folder / "instances_val2014_fakebbox100_results.json"


def test_coco_100_gives_the_official_figures(coco_100):
    found = fl.evaluate(fl.read(coco_100[0]), coco_100[1])
    assert tuple(found.stats) == STATS
    assert tuple(round(value, 3) for value in found.stats.values()) == OFFICIAL


def test_coco_100_equals_pycocotools(coco_100):
    labels, results = (json.loads(path.read_text()) for path in coco_100)
    run = peer(labels, results)
    dataset = fl.read(coco_100[0])
    for predictions in (coco_100[1], predictions_of(dataset, results)):
        found = fl.evaluate(dataset, predictions)
        same(found, run, dataset.categories["source_id"].to_pylist())
        np.testing.assert_allclose(list(found.stats.values()), run.stats, rtol=0, atol=1e-12)


def compare(folder, labels, results, **options):
    found = ours(folder, labels, results, **options)
    run = peer(labels, results)
    same(found, run, found.dataset.categories["source_id"].to_pylist())
    np.testing.assert_allclose(list(found.stats.values()), run.stats, rtol=0, atol=1e-12)
    return found, run


@pytest.mark.parametrize("workers", [1, 2, 7])
def test_equal_for_any_number_of_workers(tmp_path, workers):
    labels, results = random_labels(
        np.random.default_rng(3), images=40, classes=5, labels=400, predictions=900
    )
    compare(tmp_path, labels, results, workers=workers)


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    seed=st.integers(0, 2**32 - 1),
    images=st.integers(1, 6),
    classes=st.integers(1, 5),
    labels=st.integers(0, 40),
    predictions=st.integers(0, 60),
    digits=st.sampled_from([0, 1, 2, 6]),
)
def test_random_sets(tmp_path, seed, images, classes, labels, predictions, digits):
    rng = np.random.default_rng(seed)
    sets = random_labels(
        rng,
        images=images,
        classes=classes,
        labels=labels,
        predictions=predictions,
        digits=digits,
    )
    compare(tmp_path, *sets)


def test_no_predictions_and_no_labels(tmp_path):
    labels, results = random_labels(np.random.default_rng(1))
    found, _ = compare(tmp_path / "a", labels, [])
    assert found.stats["AP"] == found.stats["AR100"] == 0
    labels["annotations"] = []
    found, _ = compare(tmp_path / "b", labels, results)
    assert set(found.stats.values()) == {-1.0}
    assert found.per_class["AP"].null_count == len(labels["categories"])


def test_more_predictions_than_the_limits(tmp_path):
    labels, results = random_labels(
        np.random.default_rng(2), images=1, classes=1, labels=60, predictions=400
    )
    compare(tmp_path, labels, results)


@pytest.mark.parametrize(
    ("label", "said"),
    [
        # IoU on one side of 0.5 by width and height, on the other by the corners' difference.
        ([250.0, 236.3, 142.4, 72.6], [250.0, 236.3, 71.2, 72.6]),
        ([18.5, 101.5, 157.6, 45.9], [18.5, 101.5, 78.8, 45.9]),
        ([122.0, 60.4, 9.4, 28.1], [122.0, 60.4, 4.7, 28.1]),
        ([282.7, 110.2, 36.0, 32.5], [282.7, 110.2, 18.0, 32.5]),
        ([125.0, 220.6, 166.4, 213.6], [125.0, 220.6, 83.2, 213.6]),
    ],
)
def test_boxes_whose_iou_is_at_a_threshold(tmp_path, label, said):
    labels, _ = random_labels(np.random.default_rng(0), images=1, classes=1, labels=1)
    labels["annotations"][0] |= {"bbox": label, "area": label[2] * label[3], "iscrowd": 0}
    place = {
        "image_id": labels["images"][0]["id"],
        "category_id": labels["categories"][0]["id"],
    }
    compare(tmp_path, labels, [{**place, "bbox": said, "score": 0.9}])


def test_crowds_take_many_and_are_measured_by_the_prediction(tmp_path):
    labels, _ = random_labels(np.random.default_rng(0), images=1, classes=1, labels=2)
    image, kind = labels["images"][0]["id"], labels["categories"][0]["id"]
    labels["annotations"][0] |= {"bbox": [0, 0, 200, 200], "iscrowd": 1, "area": 40000}
    labels["annotations"][1] |= {"bbox": [250, 250, 30, 30], "iscrowd": 0, "area": 900}
    results = [
        {"image_id": image, "category_id": kind, "bbox": [x, 5, 20, 20], "score": 0.9 - x / 1000}
        for x in range(0, 150, 30)
    ]
    results.append({"image_id": image, "category_id": kind, "bbox": [250, 250, 30, 30], "score": 0})
    found, _ = compare(tmp_path, labels, results)
    assert found.ignored[0].tolist() == [True] * 5 + [False]
    assert found.stats["AP"] == pytest.approx(1)


def test_other_thresholds_recalls_limits_and_areas(tmp_path):
    labels, results = random_labels(np.random.default_rng(8), labels=60, predictions=90)
    ranges = {"all": (0, 1e10), "tiny": (0, 500), "rest": (500, 9000)}
    found = ours(
        tmp_path,
        labels,
        results,
        iou_thresholds=[0.3, 0.5, 0.8, 1],
        recalls=[0.1, 0.4, 1],
        max_dets=[2, 30],
        area_ranges=ranges,
    )
    run = peer(
        labels,
        results,
        iouThrs=np.array([0.3, 0.5, 0.8, 1]),
        recThrs=np.array([0.1, 0.4, 1]),
        maxDets=[2, 30],
        areaRng=list(ranges.values()),
        areaRngLbl=list(ranges),
    )
    same(found, run, found.dataset.categories["source_id"].to_pylist())
    assert list(found.stats) == ["AP", "AP50", "APtiny", "APrest", "AR2", "AR30",
                                 "ARtiny", "ARrest"]  # fmt: skip
    with pytest.raises(ValueError, match="evaluated were"):
        found.ap(0.75)


def test_labels_to_ignore(tmp_path):
    """By pycocotools too, told of them past the place where it forgets ``ignore``."""
    from pycocotools.cocoeval import COCOeval

    labels, results = random_labels(np.random.default_rng(6), labels=60, predictions=90)
    rng = np.random.default_rng(1)
    for row in labels["annotations"]:
        row["ignore"] = int(rng.random() < 0.3)
    found = ours(tmp_path / "count", labels, results, ignore="count")
    categories = found.dataset.categories["source_id"].to_pylist()
    same(found, peer(labels, results), categories)

    class Told(COCOeval):
        def _prepare(self):
            super()._prepare()
            for rows in self._gts.values():
                for row in rows:
                    row["ignore"] = row["ignore"] or told[row["id"]]

    told = {row["id"]: row["ignore"] for row in labels["annotations"]}
    plain = peer(labels, results)
    run = Told(plain.cocoGt, plain.cocoDt, "bbox")
    run.evaluate()
    run.accumulate()
    same(ours(tmp_path / "label", labels, results, ignore="label"), run, categories)

    crowds = json.loads(json.dumps(labels))
    for row in crowds["annotations"]:
        row["iscrowd"] = int(row["iscrowd"] or row["ignore"])
    same(ours(tmp_path / "region", labels, results), peer(crowds, results), categories)


def test_a_set_written_by_us_has_the_numbers_of_its_own_file(tmp_path):
    """Regions to ignore are crowds in the file, so that COCO's tools and we agree."""
    labels, results = random_labels(np.random.default_rng(4), labels=60, predictions=90)
    for k, row in enumerate(labels["annotations"]):
        row["ignore"] = int(k % 5 == 0)
    folder = tmp_path / "set"
    found = ours(folder, labels, results)
    fl.formats.write(found.dataset, tmp_path / "new", "coco")
    written = json.loads((tmp_path / "new" / "annotations" / "instances.json").read_text())
    same(found, peer(written, results), found.dataset.categories["source_id"].to_pylist())


def test_matches_and_what_is_found_of_each_label(tmp_path):
    labels, results = random_labels(np.random.default_rng(9), labels=60, predictions=90)
    found, run = compare(tmp_path, labels, results)
    matched = [[row["dtMatches"] for row in run.evalImgs if row is not None
                and row["aRng"] == run.params.areaRng[0]]]  # fmt: skip
    count = sum(int((m > 0).sum()) for m in matched[0])
    assert int((found.match >= 0).sum()) == count
    rates = found.label_found
    assert np.isnan(rates[found.aside]).all()
    total = np.nansum(rates) * len(found.iou_thresholds)
    right = (found.match >= 0) & ~found.ignored
    assert total == pytest.approx(int(right.sum()))


def test_splits_and_models(tmp_path):
    labels, results = random_labels(np.random.default_rng(5), images=6, labels=40)
    for k, image in enumerate(labels["images"]):
        image["split"] = "val" if k % 2 else "train"
    found = ours(tmp_path, labels, results)
    dataset = found.dataset
    with pytest.raises(fl.DatasetError, match="no split named 'test'"):
        fl.evaluate(dataset, found.predictions, split="test")
    p = found.predictions
    model = np.arange(len(p)) % 2
    both = fl.Predictions.from_arrays(
        dataset, p.column("image_id"), p.column("category_id"), p.boxes(), p.column("score"),
        model=model, models=("a", "b"),
    )  # fmt: skip
    with pytest.raises(fl.DatasetError, match="choose one with model"):
        fl.evaluate(dataset, both)
    with pytest.raises(fl.DatasetError, match="got 'c', the predictions are of a, b"):
        fl.evaluate(dataset, both, model="c")
    rows = np.flatnonzero(model == 1)
    alone = fl.Predictions(p.table.take(rows), p.models, p.knows, p.seen, p.problems)
    assert fl.evaluate(dataset, both, model="b").stats == fl.evaluate(dataset, alone).stats


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"iou_thresholds": [0.5, 0.4]}, ValueError, "iou_thresholds: expected rising"),
        ({"iou_thresholds": [1.4]}, ValueError, "iou_thresholds"),
        ({"iou_thresholds": np.linspace(0, 1, 33)}, ValueError, "at most 32"),
        ({"recalls": []}, ValueError, "recalls"),
        ({"max_dets": [10, 1]}, ValueError, r"max_dets: got \[10, 1\]"),
        ({"max_dets": [0]}, ValueError, "max_dets"),
        ({"max_dets": [1.5]}, TypeError, "max_dets"),
        ({"area_ranges": {}}, ValueError, "area_ranges"),
        ({"area_ranges": {"all": (0, float("nan"))}}, ValueError, "area_ranges"),
        ({"ignore": "never"}, ValueError, "ignore: got 'never'"),
        ({"workers": -1}, ValueError, "workers"),
        ({"model": 4}, fl.DatasetError, "model: got 4"),
    ],
)
def test_bad_arguments(tmp_path, options, error, words):
    labels, results = random_labels(np.random.default_rng(5), labels=4, predictions=4)
    with pytest.raises(error, match=words):
        ours(tmp_path, labels, results, **options)
