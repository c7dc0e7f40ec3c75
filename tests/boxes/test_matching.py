"""Matching against pycocotools, and against all pairings of small sets."""

from __future__ import annotations

import itertools
import json
import subprocess
import sys

import numpy as np
import pytest

import fastlabel as fl


def random_set(seed, images=6, categories=3, grid=True):
    """Predictions and labels as xywh rows with image, category, score, crowd."""
    rng = np.random.default_rng(seed)

    def boxes(n):
        xy = rng.integers(0, 60, (n, 2)).astype(float)
        wh = rng.integers(0, 40, (n, 2)).astype(float)
        if not grid:
            xy, wh = xy + rng.random((n, 2)), wh + rng.random((n, 2))
        return np.concatenate([xy, wh], axis=1)

    g = int(rng.integers(0, 60))
    labels = boxes(g)
    p = int(rng.integers(0, 120))
    predictions = boxes(p)
    if g and p:
        near = rng.random(p) < 0.6
        wobble = rng.integers(-3, 4, (p, 4)) if grid else rng.normal(0, 2, (p, 4))
        predictions[near] = np.abs(labels[rng.integers(0, g, p)] + wobble)[near]
    p_image = np.sort(rng.integers(0, images, p))
    g_image = np.sort(rng.integers(0, images, g))
    offsets = [np.searchsorted(i, np.arange(images + 1)) for i in (p_image, g_image)]
    return {
        "predictions": predictions,
        "prediction_offsets": offsets[0],
        "scores": rng.integers(0, 8, p) / 8,
        "prediction_classes": rng.integers(0, categories, p),
        "labels": labels,
        "label_offsets": offsets[1],
        "label_classes": rng.integers(0, categories, g),
        "crowd": rng.random(g) < 0.2,
    }


def by_pycocotools(s, thresholds, max_dets, capsys):
    """The same three arrays from COCOeval.evaluateImg, image by image."""
    coco = pytest.importorskip("pycocotools.coco")
    evaluation = pytest.importorskip("pycocotools.cocoeval")
    images = len(s["label_offsets"]) - 1
    image_of = lambda offsets: np.repeat(np.arange(images), np.diff(offsets))  # noqa: E731
    truth, found = coco.COCO(), coco.COCO()
    common = {
        "images": [{"id": i} for i in range(images)],
        "categories": [{"id": c} for c in range(100)],
    }
    # ids from 1: an id of 0 means no match there
    truth.dataset = common | {
        "annotations": [
            {
                "id": k + 1,
                "image_id": int(i),
                "category_id": int(c),
                "bbox": b,
                "iscrowd": int(w),
                "area": b[2] * b[3],
            }
            for k, (i, c, b, w) in enumerate(
                zip(
                    image_of(s["label_offsets"]),
                    s["label_classes"],
                    s["labels"].tolist(),
                    s["crowd"],
                    strict=True,
                )
            )
        ]
    }
    found.dataset = common | {
        "annotations": [
            {
                "id": k + 1,
                "image_id": int(i),
                "category_id": int(c),
                "bbox": b,
                "iscrowd": 0,
                "area": b[2] * b[3],
                "score": float(v),
            }
            for k, (i, c, b, v) in enumerate(
                zip(
                    image_of(s["prediction_offsets"]),
                    s["prediction_classes"],
                    s["predictions"].tolist(),
                    s["scores"],
                    strict=True,
                )
            )
        ]
    }
    truth.createIndex()
    found.createIndex()
    run = evaluation.COCOeval(truth, found, "bbox")
    run.params.iouThrs = np.array(thresholds)
    run.params.maxDets = [max_dets]
    run.params.areaRng = [[0, 1e10]]
    run.evaluate()
    capsys.readouterr()
    n_t, n_p, n_g = len(thresholds), len(s["predictions"]), len(s["labels"])
    match = np.full((n_t, n_p), -1)
    ignored = np.ones((n_t, n_p), bool)  # what was not looked at
    taken = np.full((n_t, n_g), -1)
    for cell in run.evalImgs:
        if cell is None:
            continue
        p = np.array(cell["dtIds"], int) - 1
        g = np.array(cell["gtIds"], int) - 1
        match[:, p] = cell["dtMatches"].astype(int) - 1
        ignored[:, p] = cell["dtIgnore"]
        taken[:, g] = cell["gtMatches"].astype(int) - 1
    return match, ignored, taken


THRESHOLDS = [0.0, 0.1, 0.5, 0.75, 0.95, 1.0]


@pytest.mark.parametrize("seed", range(40))
def test_greedy_matching_is_that_of_cocoeval(seed, capsys):
    s = random_set(seed, grid=seed % 2 == 0)
    max_dets = [1, 3, 100][seed % 3]
    ours = fl.match_coco(**s, iou_thresholds=THRESHOLDS, max_dets=max_dets, fmt="xywh")
    match, ignored, taken = by_pycocotools(s, THRESHOLDS, max_dets, capsys)
    assert ours.prediction_match.tolist() == match.tolist()
    assert ours.prediction_ignored.tolist() == ignored.tolist()
    assert ours.label_match.tolist() == taken.tolist()


def test_both_conventions_agree_on_whole_pixels():
    s = random_set(3)
    corners = {
        **s,
        "predictions": fl.box_convert(s["predictions"], "xywh", "xyxy"),
        "labels": fl.box_convert(s["labels"], "xywh", "xyxy"),
    }
    a = fl.match_coco(**s, fmt="xywh", iou_thresholds=THRESHOLDS)
    b = fl.match_coco(**corners, iou_thresholds=THRESHOLDS)
    assert np.array_equal(a.prediction_match, b.prediction_match)
    assert np.array_equal(a.label_match, b.label_match)


def test_labels_to_ignore_are_taken_last_and_take_the_prediction_with_them():
    label = [[0, 0, 10, 10], [0, 0, 10, 9]]
    found = fl.match_coco(
        [[0, 0, 10, 10], [0, 0, 10, 10]], [0, 2], [0.9, 0.8], label, [0, 2], ignore=[True, False]
    )
    assert found.prediction_match.tolist() == [[1, 0]]
    assert found.prediction_ignored.tolist() == [[False, True]]
    assert found.label_match.tolist() == [[1, 0]]


def test_a_crowd_is_taken_again_and_measured_by_the_prediction():
    found = fl.match_coco(
        [[0, 0, 2, 2], [4, 4, 6, 6]], [0, 2], [0.9, 0.8], [[0, 0, 10, 10]], [0, 1], crowd=[1]
    )
    assert found.prediction_match.tolist() == [[0, 0]]
    assert found.prediction_ignored.tolist() == [[True, True]]
    assert found.label_match.tolist() == [[1]]


def test_matching_keeps_to_image_and_class():
    box = [[0, 0, 10, 10]]
    rows = [box[0]] * 4
    found = fl.match_coco(
        rows,
        [0, 1, 2, 4],
        [1, 1, 1, 1],
        rows,
        [0, 0, 2, 4],
        prediction_classes=[0, 0, 1, 2],
        label_classes=[0, 1, 2, 1],
    )
    assert found.prediction_match.tolist() == [[-1, 0, 3, 2]]
    found = fl.match_coco(rows, [0, 1, 2, 4], [1, 1, 1, 1], rows, [0, 0, 2, 4])
    assert found.prediction_match.tolist() == [[-1, 1, 3, 2]]


def test_nothing_to_match():
    none = np.empty((0, 4))
    found = fl.match_coco(none, [0], [], none, [0])
    assert found.prediction_match.shape == (1, 0) and found.label_match.shape == (1, 0)
    found = fl.match_coco([[0, 0, 1, 1]], [0, 0, 1], [0.5], none, [0, 0, 0])
    assert found.prediction_match.tolist() == [[-1]]
    best = fl.match_optimal(none, [0, 0], [[0, 0, 1, 1]], [0, 1])
    assert best.label_match.tolist() == [-1]


# ---- optimal ----------------------------------------------------------------------------


def best_sum(iou, fits):
    """Over all ways to pair, by trying them."""
    n, m = iou.shape
    if n > m:
        return best_sum(iou.T, fits.T)
    best = 0.0
    for columns in itertools.permutations(range(m), n):
        total = sum(iou[i, j] for i, j in enumerate(columns) if fits[i, j])
        best = max(best, total)
    return best


@pytest.mark.parametrize("seed", range(25))
@pytest.mark.parametrize("threshold", [0.0, 0.4])
def test_optimal_matching_has_the_largest_sum(seed, threshold):
    rng = np.random.default_rng(seed)
    n, m = rng.integers(0, 6, 2)
    corner = rng.random((n + m, 2)) * 5
    rows = np.concatenate([corner, corner + 3 + rng.random((n + m, 2)) * 6], axis=1)
    classes = rng.integers(0, 2, n + m)
    a, b = rows[:n], rows[n:]
    found = fl.match_optimal(
        a,
        [0, n],
        b,
        [0, m],
        iou_threshold=threshold,
        prediction_classes=classes[:n],
        label_classes=classes[n:],
    )
    iou = fl.box_iou(a, b)
    fits = (iou >= threshold) & (iou > 0) & (classes[:n, None] == classes[None, n:])
    assert found.iou.sum() == pytest.approx(best_sum(iou, fits) if n and m else 0)
    for i, j in enumerate(found.prediction_match.tolist()):
        if j >= 0:
            assert fits[i, j] and found.label_match[j] == i and found.iou[i] == iou[i, j]
    assert (found.label_match >= 0).sum() == (found.prediction_match >= 0).sum()


def test_greedy_is_not_optimal():
    """The best prediction takes what the other needed."""
    a = [[0, 0, 10, 10], [0, 0, 10, 6]]
    b = [[0, 0, 10, 8], [0, 0, 10, 12]]
    greedy = fl.match_coco(a, [0, 2], [0.9, 0.8], b, [0, 2], iou_thresholds=0.6)
    optimal = fl.match_optimal(a, [0, 2], b, [0, 2], iou_threshold=0.6)
    assert (greedy.prediction_match >= 0).sum() == 2 or greedy.prediction_match[0, 0] == 1
    assert optimal.prediction_match.tolist() == [1, 0]


def test_without_scipy_the_extra_is_named():
    code = (
        "import sys; sys.modules['scipy'] = None; sys.modules['scipy.optimize'] = None\n"
        "import fastlabel as fl\n"
        "try:\n    fl.match_optimal([[0,0,1,1]], [0,1], [[0,0,1,1]], [0,1])\n"
        "except ImportError as error:\n    print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert 'pip install "fastlabel[match]"' in done.stdout


# ---- real labels ------------------------------------------------------------------------


def test_real_predictions_match_as_cocoeval_has_it(shared_data, capsys):
    folder = shared_data / "predictions/faster-coco-eval/cocoapi"
    truth = json.loads((folder / "instances_val2014_100.json").read_text())
    found = json.loads((folder / "instances_val2014_fakebbox100_results.json").read_text())
    ids = sorted({image["id"] for image in truth["images"]} | {d["image_id"] for d in found})
    number = {image: k for k, image in enumerate(ids)}
    sets = {}
    for name, rows in (("prediction", found), ("label", truth["annotations"])):
        rows = sorted(rows, key=lambda row: number[row["image_id"]])
        image = [number[row["image_id"]] for row in rows]
        sets[f"{name}s"] = np.array([row["bbox"] for row in rows], float)
        sets[f"{name}_offsets"] = np.searchsorted(image, np.arange(len(ids) + 1))
        sets[f"{name}_classes"] = np.array([row["category_id"] for row in rows])
        if name == "prediction":
            sets["scores"] = np.array([row["score"] for row in rows])
        else:
            sets["crowd"] = np.array([row["iscrowd"] for row in rows], bool)
    thresholds = np.linspace(0.5, 0.95, 10).tolist()
    ours = fl.match_coco(**sets, iou_thresholds=thresholds, fmt="xywh")
    match, ignored, taken = by_pycocotools(sets, thresholds, 100, capsys)
    assert (ours.prediction_match >= 0).any() and (ours.prediction_match < 0).any()
    assert np.array_equal(ours.prediction_match, match)
    assert np.array_equal(ours.prediction_ignored, ignored)
    assert np.array_equal(ours.label_match, taken)


# ---- bad input --------------------------------------------------------------------------

ONE = [[0, 0, 1, 1]]


def match(**changed):
    arguments = {
        "predictions": ONE,
        "prediction_offsets": [0, 1],
        "scores": [1.0],
        "labels": ONE,
        "label_offsets": [0, 1],
    }
    return fl.match_coco(**{**arguments, **changed})


@pytest.mark.parametrize(
    ("changed", "error", "text"),
    [
        ({"predictions": [[0, 0, 1]]}, ValueError, r"predictions.*\(N, 4\)"),
        ({"predictions": [[2, 0, 1, 1]]}, ValueError, r"predictions\[0\]"),
        ({"labels": [[0, 0, -1, 1]], "fmt": "xywh"}, ValueError, r"labels\[0\].*width >= 0"),
        ({"labels": [[0, 0, np.inf, 1]]}, ValueError, r"labels\[0\]"),
        ({"scores": [np.nan]}, ValueError, "scores: entry 0"),
        ({"prediction_offsets": [0, 2]}, ValueError, "prediction_offsets: got 2"),
        ({"label_offsets": [0, 2, 1]}, ValueError, r"label_offsets\[2\]"),
        ({"label_offsets": [0, 1, 1]}, ValueError, "label_offsets: got 2 images"),
        ({"label_offsets": [0.0, 1.0]}, TypeError, "label_offsets: got dtype float64"),
        ({"label_classes": [1]}, ValueError, "prediction_classes: got None"),
        ({"crowd": [1, 0]}, ValueError, r"crowd.*\(1,\)"),
        ({"ignore": ["yes"]}, TypeError, "ignore: got dtype"),
        ({"iou_thresholds": [0.5, 2]}, ValueError, r"iou_thresholds\[1\]: got 2"),
        ({"iou_thresholds": [[0.5]]}, ValueError, r"iou_thresholds.*\(T,\)"),
        ({"max_dets": 0}, ValueError, "max_dets: got 0"),
        ({"fmt": "yolo"}, ValueError, "fmt.*'yolo'"),
    ],
)
def test_bad_arguments_are_named(changed, error, text):
    with pytest.raises(error, match=text):
        match(**changed)


@pytest.mark.parametrize("cells", [1, 7, 100, 2**20])
def test_optimal_matching_in_runs_of_images(cells, monkeypatch):
    """Image by image, with empty ones between; what one call holds changes nothing."""
    from scipy.optimize import linear_sum_assignment

    from fastlabel.boxes import matching

    rng = np.random.default_rng(8)
    n, m = rng.integers(0, 7, 40), rng.integers(0, 7, 40)
    p_rows, g_rows = np.r_[0, n.cumsum()], np.r_[0, m.cumsum()]
    corner = [rng.integers(0, 12, (rows[-1], 2)) for rows in (p_rows, g_rows)]
    p, g = (np.c_[c, c + rng.integers(3, 12, c.shape)].astype(float) for c in corner)
    classes = [rng.integers(0, 2, len(side)) for side in (p, g)]
    monkeypatch.setattr(matching, "_RUN_CELLS", cells)
    found = fl.match_optimal(
        p,
        p_rows,
        g,
        g_rows,
        iou_threshold=0.2,
        prediction_classes=classes[0],
        label_classes=classes[1],
    )
    matched = 0
    for k in range(40):
        ps, gs = slice(*p_rows[k : k + 2]), slice(*g_rows[k : k + 2])
        iou = fl.box_iou(p[ps], g[gs])
        iou[(iou < 0.2) | (classes[0][ps, None] != classes[1][None, gs])] = 0
        rows, columns = linear_sum_assignment(iou, maximize=True)
        best = iou[rows, columns]
        matched += (best > 0).sum()
        assert found.iou[ps].sum() == pytest.approx(best.sum(), abs=1e-12)
        for row, label in enumerate(found.prediction_match[ps]):
            assert label < 0 or found.iou[ps][row] == iou[row, label - g_rows[k]] > 0
            assert label < 0 or found.label_match[label] == p_rows[k] + row
    assert (found.prediction_match >= 0).sum() == (found.label_match >= 0).sum() == matched > 15
