"""Confusion, error types and breakdowns, on scenes whose truth is plain."""

from __future__ import annotations

import json
from itertools import pairwise

import numpy as np
import pytest
from coco_peer import ours, peer, predictions_of, random_labels
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import fastlabel as fl
from fastlabel.cli import main
from fastlabel.evaluate.mistakes import ERROR_TYPES, best_score


def scene(tmp_path):
    """One of each error: the boxes stand 150 px apart."""
    boxes = [[150 * k, 10, 100, 100] for k in range(5)]
    kinds = [1, 1, 1, 2, 2]
    labels = {
        "images": [{"id": 1, "file_name": "1.jpg", "width": 1600, "height": 400}],
        "annotations": [
            {"id": k + 1, "image_id": 1, "category_id": c, "bbox": b, "area": 1e4, "iscrowd": 0}
            for k, (b, c) in enumerate(zip(boxes, kinds, strict=True))
        ],
        "categories": [{"id": 1, "name": "cat"}, {"id": 2, "name": "dog"}],
    }
    said = [
        (1, [0, 10, 100, 100], 0.95),  # right
        (1, [2, 10, 100, 100], 0.90),  # duplicate
        (1, [190, 10, 100, 100], 0.85),  # location: IoU 0.43 with the second
        (2, [300, 10, 100, 100], 0.80),  # class: the third is a cat
        (1, [500, 10, 100, 100], 0.75),  # both: IoU 0.33 with the fourth, a dog
        (2, [1200, 200, 100, 100], 0.70),  # background
    ]
    results = [{"image_id": 1, "category_id": c, "bbox": b, "score": s} for c, b, s in said]
    return ours(tmp_path, labels, results)


def test_one_error_of_each_type(tmp_path):
    found = scene(tmp_path)
    wrong = found.mistakes(score=0)
    assert [ERROR_TYPES[k] if k >= 0 else "right" for k in wrong.prediction_type] == [
        *("right", "duplicate", "location", "class", "both", "background")
    ]
    counts = {row["type"]: row["count"] for row in wrong.table.to_pylist()}
    assert counts == {**dict.fromkeys(ERROR_TYPES, 1), "missed": 2}
    assert wrong.label_missed.tolist() == [False, False, False, True, True]
    assert found.prediction_table(0)["outcome"].to_pylist()[0] == "right"
    # At a score that only the best has, nothing is wrong but what is missed.
    counts = {r["type"]: r["count"] for r in found.mistakes(score=0.94).table.to_pylist()}
    assert counts == {**dict.fromkeys(ERROR_TYPES, 0), "missed": 4}


def test_what_errors_cost_is_what_mending_gains(tmp_path):
    found = scene(tmp_path)
    cost = {r["type"]: r["lost_ap"] for r in found.mistakes(score=0).table.to_pylist()}
    boxes, classes = found.predictions.boxes(), found.predictions.column("category_id").copy()
    scores = found.predictions.column("score")

    def ap50(keep=slice(None), boxes=boxes, classes=classes):
        said = fl.Predictions.from_arrays(
            found.dataset, np.zeros(len(classes[keep]), int), classes[keep], boxes[keep],
            scores[keep],
        )  # fmt: skip
        return fl.evaluate(found.dataset, said).stats["AP50"]

    base = ap50()
    moved, named = boxes.copy(), classes.copy()
    moved[2] = [150, 10, 250, 110]
    named[3] = 0
    assert cost["location"] == pytest.approx(ap50(boxes=moved) - base)
    assert cost["class"] == pytest.approx(ap50(classes=named) - base)
    for name, row in (("duplicate", 1), ("both", 4), ("background", 5)):
        assert cost[name] == pytest.approx(ap50(np.arange(6) != row) - base)
    assert cost["location"] > 0 and cost["class"] > 0 and cost["missed"] > 0


def test_a_wrong_class_on_what_is_found_already_is_taken_away(tmp_path):
    """Put right, it would be a second box, and a better one than the right one."""
    labels = {
        "images": [{"id": 1, "file_name": "1.jpg", "width": 900, "height": 400}],
        "annotations": [
            {"id": k + 1, "image_id": 1, "category_id": c, "bbox": [200 * k, 10, 90, 90]}
            for k, c in enumerate((1, 1, 2))
        ],
        "categories": [{"id": 1, "name": "cat"}, {"id": 2, "name": "dog"}],
    }
    said = [(2, 0, 0.95), (1, 0, 0.9), (1, 200, 0.5), (2, 400, 0.4)]
    results = [
        {"image_id": 1, "category_id": c, "bbox": [x, 10, 90, 90], "score": s} for c, x, s in said
    ]
    found = ours(tmp_path, labels, results)
    base = found.stats["AP50"]
    cost = {r["type"]: r["lost_ap"] for r in found.mistakes(score=0).table.to_pylist()}
    assert base == pytest.approx(0.75) and cost["class"] == pytest.approx(0.25)


def test_confusion_of_the_scene(tmp_path):
    got = scene(tmp_path).confusion(score=0)
    cat, dog, nothing = 0, 1, 2
    wanted = np.zeros((3, 3), int)
    wanted[cat, cat] = 1
    wanted[cat, dog] = 1  # the third
    wanted[cat, nothing] = 1  # the second: its box is too far off
    wanted[dog, nothing] = 2
    wanted[nothing, cat] = 3  # duplicate, location, both
    wanted[nothing, dog] = 1
    assert got.matrix.tolist() == wanted.tolist()
    assert got.pairs() == [("cat", "dog", 1)] and got.names == ("cat", "dog")


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    seed=st.integers(0, 2**32 - 1),
    labels=st.integers(0, 30),
    predictions=st.integers(0, 40),
    score=st.sampled_from([None, 0.0, 0.4, 1.0]),
)
def test_everything_is_counted_once(tmp_path, seed, labels, predictions, score):
    sets = random_labels(np.random.default_rng(seed), labels=labels, predictions=predictions)
    found = ours(tmp_path, *sets)
    confusion, wrong = found.confusion(score=score), found.mistakes(score=score)
    assert confusion.score == wrong.score
    scores = found.predictions.column("score")[found.found.rows]
    taking = (scores >= wrong.score) & ~found.ignored[0]
    here = ~found.aside
    k = len(confusion.names)
    assert confusion.matrix[:-1].sum() == here.sum()
    assert confusion.matrix[:, :-1].sum() == taking.sum()
    labels_of = np.bincount(found.labels.classes[here], minlength=k)
    assert confusion.matrix[:-1].sum(axis=1).tolist() == labels_of.tolist()
    right = int((taking & (found.match[0] >= 0)).sum())
    assert int(np.diag(confusion.matrix)[:-1].sum()) == right
    counts = {row["type"]: row["count"] for row in wrong.table.to_pylist()}
    assert sum(counts[name] for name in ERROR_TYPES[:-1]) == int(taking.sum()) - right
    assert counts["missed"] <= int(here.sum()) - right


def test_the_best_score_by_brute_force(tmp_path):
    for seed in range(10):
        sets = random_labels(np.random.default_rng(seed), labels=30, predictions=50)
        found = ours(tmp_path / str(seed), *sets)
        scores = found.predictions.column("score")[found.found.rows]
        counts = ~found.ignored[0]
        labels = int((~found.aside).sum())

        def f1(least, counts=counts, scores=scores, found=found, labels=labels):
            taking = counts & (scores >= least)
            right = int((taking & (found.match[0] >= 0)).sum())
            return 2 * right / (int(taking.sum()) + labels)

        assert f1(best_score(found)) == pytest.approx(max(map(f1, scores.tolist())))


def test_sizes_at_the_input(tmp_path):
    """Bands are COCO's areas of boxes that were scaled by hand."""
    labels, results = random_labels(np.random.default_rng(3), labels=80, predictions=120)
    for image in labels["images"]:
        image |= {"width": 1280, "height": 720}
    found = ours(tmp_path, labels, results)
    table = found.sizes("edge-640")
    scale = 0.5  # 640 / 1280, letterboxed
    for rows in (labels["annotations"], results):
        for row in rows:
            row["bbox"] = [scale * v for v in row["bbox"]]
            row["area"] = row["bbox"][2] * row["bbox"][3]
    steps = [0, 8, 16, 32, 64, 128, 1e5]
    ranges = [[a**2, b**2] for a, b in pairwise(steps)]
    run = peer(labels, results, areaRng=ranges, areaRngLbl=[str(r) for r in ranges])
    for k, row in enumerate(table.to_pylist()):
        precision = run.eval["precision"][:, :, :, k, -1]
        recall = run.eval["recall"][:, :, k, -1]
        if (precision > -1).any():
            assert row["AP"] == pytest.approx(precision[precision > -1].mean(), abs=1e-12)
            assert row["AR"] == pytest.approx(recall[recall > -1].mean(), abs=1e-12)
        else:
            assert row["AP"] is None and row["labels"] == 0
        assert row["low_px"] == steps[k]
    counted = sum(table["labels"].to_pylist())
    assert counted == int((~found.aside).sum())


def test_difficulty(tmp_path):
    found = scene(tmp_path)
    table = {(r["by"], r["group"]): r for r in found.difficulty().to_pylist()}
    assert table["difficulty", "easy"]["labels"] == 5
    assert table["edge", "at the edge"]["labels"] == 1
    assert table["edge", "at the edge"]["recall"] == 1  # the first is found, and no other
    assert table["edge", "inside"]["recall"] == 0
    assert table["difficulty", "easy"]["recall"] == pytest.approx(1 / 5)
    # At an input of 640 px for 1600 they are 40 px: above two strides of 8.
    assert table["size", "small"]["labels"] == 0
    labels = {
        "images": [{"id": 1, "file_name": "1.jpg", "width": 640, "height": 400}],
        "annotations": [
            {"id": 1, "image_id": 1, "category_id": 1, "bbox": [50, 50, 10, 10]},
            {"id": 2, "image_id": 1, "category_id": 1, "bbox": [52, 50, 10, 10]},
            {"id": 3, "image_id": 1, "category_id": 1, "bbox": [200, 50, 99, 99], "occlusion": 2},
            {"id": 4, "image_id": 1, "category_id": 1, "bbox": [350, 50, 99, 99], "occlusion": 0},
        ],
        "categories": [{"id": 1, "name": "cat"}],
    }
    got = ours(tmp_path / "b", labels, [])
    rows = {(r["by"], r["group"]): r["labels"] for r in got.difficulty().to_pylist()}
    assert [rows["difficulty", g] for g in ("easy", "medium", "hard")] == [1, 1, 2]
    assert rows["crowding", "crowded"] == 2 and rows["size", "small"] == 2
    assert rows["occlusion", "2 and more"] == 1 and rows["occlusion", "0"] == 1
    assert ("truncation", "yes") not in rows


def run(capsys, *words):
    with pytest.raises(SystemExit) as stopped:
        main([str(word) for word in words])
    said = capsys.readouterr()
    return stopped.value.code, said.out, said.err


def test_the_command(shared_data, tmp_path, capsys):
    folder = shared_data / "predictions" / "faster-coco-eval" / "cocoapi"
    labels = folder / "instances_val2014_100.json"
    said = folder / "instances_val2014_fakebbox100_results.json"
    out = tmp_path / "out"
    code, text, err = run(
        capsys, "evaluate", labels, "--pred", said, "--deploy", "edge-640", "--out", out
    )
    assert code == 0 and err == ""
    assert "AP        0.505" in text and "ARlarge   0.564" in text and "person" in text
    assert "in strides" in text
    code, printed, _ = run(
        capsys, "evaluate", labels, "--pred", said, "--deploy", "edge-640", "--json"
    )
    assert json.loads(printed) == json.loads((out / "evaluation.json").read_text())
    import pyarrow.parquet as pq

    found = fl.evaluate(fl.read(labels), said)
    assert pq.read_table(out / "classes.parquet").equals(found.per_class)
    table = pq.read_table(out / "predictions.parquet")
    assert table.num_rows == len(found.found.rows)
    assert set(table["outcome"].to_pylist()) <= {*ERROR_TYPES, "right", "ignored"}
    assert pq.read_table(out / "labels.parquet").num_rows == 839
    assert (out / "precision.svg").read_text().startswith("<?xml")
    for words, message in (
        (["--split", "none"], "no split named 'none'"),
        (["--deploy", "moon"], "moon"),
        (["--model", "x"], "model: got 'x'"),
        (["--out", folder / "x"], "never changed"),
    ):
        code, _, err = run(capsys, "evaluate", labels, "--pred", said, *words)
        assert code == 2 and message in err and "Traceback" not in err
    code, _, err = run(capsys, "evaluate", labels, "--pred", tmp_path / "none.json")
    assert code == 2 and "none.json" in err


def test_no_predictions_at_all(tmp_path):
    labels, _ = random_labels(np.random.default_rng(0), labels=9)
    summary = ours(tmp_path, labels, []).summary()
    rows = {row["type"]: row for row in summary["mistakes"]}
    assert rows["missed"]["count"] == summary["labels"] > 0
    assert rows["missed"]["lost_ap"] == 1 and rows["class"]["lost_ap"] == 0


def test_what_was_left_out_is_told(tmp_path, capsys):
    labels, results = random_labels(np.random.default_rng(0), labels=9, predictions=9)
    labels["annotations"][0]["category_id"] = 999
    (tmp_path / "labels.json").write_text(json.dumps(labels))
    results[0] |= {"score": 7}
    results[1] |= {"category_id": 888}
    results[2] |= {"image_id": 777}
    (tmp_path / "said.json").write_text(json.dumps(results))
    code, out, err = run(
        capsys, "evaluate", tmp_path / "labels.json", "--pred", tmp_path / "said.json"
    )
    assert code == 0 and err == ""
    assert "Note        bad-score, 1: " in out and "Note        unknown-image, 1: " in out
    assert "left out: 1 prediction of classes that the set does not have" in out
    assert "left out: 1 label whose box or class is not known" in out
    assert " 6 predictions\n" in out


def test_a_summary_without_anything(tmp_path):
    labels, _ = random_labels(np.random.default_rng(0), labels=0)
    found = ours(tmp_path, labels, [])
    summary = found.summary()
    assert set(summary["stats"].values()) == {None} and summary["score"] == 0
    assert json.loads(json.dumps(summary)) == summary
    assert found.label_table().num_rows == found.prediction_table().num_rows == 0
    found.plot(tmp_path / "a.svg")
    assert predictions_of(found.dataset, []).table.num_rows == 0
