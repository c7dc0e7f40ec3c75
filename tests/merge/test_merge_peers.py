"""The same boxes to those who merge tiles too; each is left out where it is not installed."""

from __future__ import annotations

import json

import numpy as np
import pytest
from merge_oracle import seen, windows_of

import fastlabel as fl


def many(seed, n=600, span=700):
    """Overlapping boxes of float32, so that all sides measure the same numbers; no equal scores."""
    rng = np.random.default_rng(seed)
    near = rng.uniform(0, span, (n // 4, 2))[rng.integers(0, n // 4, n)] + rng.normal(0, 8, (n, 2))
    extent = np.exp(rng.uniform(np.log(12), np.log(90), (n, 2)))
    boxes = np.concatenate([near, near + extent], axis=1).astype(np.float32) + 50
    scores = (rng.permutation(n) + 1).astype(np.float32) / (n + 1)
    return boxes, scores, rng.integers(0, 4, n)


def real(shared_data):
    """The 89 detections of two aerial pictures that come with SAHI."""
    rows = json.loads((shared_data / "predictions" / "sahi" / "result.json").read_text())
    rows = [row for row in rows if row["image_id"] == 1]
    boxes = np.array([row["bbox"] for row in rows], np.float32)
    boxes[:, 2:] += boxes[:, :2]
    # Neighbours of each, as overlapping tiles would give.
    moves = np.array([[0, 0, 0, 0], [2, 1, 5, 4], [-3, 0, 4, -6]], np.float32)
    boxes = (boxes + moves[:, None]).reshape(-1, 4)
    scores = np.array([row["score"] for row in rows] * 3) + np.arange(len(boxes)) * 1e-4
    labels = np.array([row["category_id"] for row in rows] * 3)
    return boxes, np.clip(scores * 0.9, 0, 1).astype(np.float32), labels


def sets(request):
    yield from (many(seed) for seed in range(4))
    yield real(request.getfixturevalue("shared_data"))


def alone(boxes, scores, labels, **options):
    """All boxes as those of one tile: nothing is cut."""
    window = [[-10_000, -10_000, 10_000, 10_000]]
    return fl.merge_tiles([(boxes, scores, labels)], window, coordinates="frame", **options)


@pytest.mark.parametrize("threshold", [0.3, 0.5, 0.8])
def test_nms_is_torchvisions(request, threshold):
    torch = pytest.importorskip("torch")
    ops = pytest.importorskip("torchvision").ops
    for boxes, scores, labels in sets(request):
        rows = torch.from_numpy(boxes), torch.from_numpy(scores)
        found = alone(boxes, scores, labels, threshold=threshold, per_class=False)
        keep = ops.nms(*rows, threshold).numpy()
        np.testing.assert_array_equal(found.members[found.offsets[:-1]], keep)
        np.testing.assert_array_equal(found.boxes, boxes[keep])
        found = alone(boxes, scores, labels, threshold=threshold)
        keep = ops.batched_nms(*rows, torch.from_numpy(labels), threshold).numpy()
        np.testing.assert_array_equal(found.members[found.offsets[:-1]], keep)


@pytest.mark.parametrize("metric", ["IOU", "IOS"])
@pytest.mark.parametrize("threshold", [0.3, 0.5, 0.8])
def test_all_three_are_sahis(request, metric, threshold):
    combine = pytest.importorskip("sahi.postprocess.combine")
    backends = pytest.importorskip("sahi.postprocess.backends")
    backends.set_postprocess_backend("numpy")
    for boxes, scores, labels in sets(request):
        rows = np.column_stack([boxes, scores, labels])
        common = {"threshold": threshold, "metric": metric.lower()}
        for per_class, prefix in ((False, ""), (True, "batched_")):
            own = common | {"per_class": per_class}
            found = alone(boxes, scores, labels, **own)
            keep = getattr(combine, f"{prefix}nms")(rows, metric, threshold)
            assert found.members[found.offsets[:-1]].tolist() == [int(k) for k in keep]
            for greedy, name in ((True, "greedy_nmm"), (False, "nmm")):
                found = alone(boxes, scores, labels, method="nmm", greedy=greedy, **own)
                theirs = getattr(combine, prefix + name)(rows, metric, threshold)
                ours = {
                    int(m[0]): sorted(m[1:].tolist())
                    for m in np.split(found.members, found.offsets[1:-1])
                }
                assert ours == {int(k): sorted(map(int, v)) for k, v in theirs.items()}
                groups = [[k, *v] for k, v in theirs.items()]
                around = {k[0]: [*boxes[k, :2].min(0), *boxes[k, 2:].max(0)] for k in groups}
                best = found.members[found.offsets[:-1]]
                np.testing.assert_array_equal(found.boxes, [around[int(k)] for k in best])


@pytest.mark.parametrize("confidence", ["avg", "max"])
def test_fusion_is_that_of_ensemble_boxes(request, confidence):
    peer = pytest.importorskip("ensemble_boxes")
    for boxes, scores, labels in sets(request):
        share = (boxes.astype(np.float64) + 200) / 3000
        theirs = peer.weighted_boxes_fusion(
            [share], [scores], [labels], iou_thr=0.5, conf_type=confidence
        )
        found = alone(boxes, scores, labels, method="wbf", confidence=confidence)
        assert len(found) == len(theirs[1])
        ours = np.column_stack([(found.boxes + 200) / 3000, found.scores, found.labels])
        theirs = np.column_stack(theirs)
        for column in range(6):
            np.testing.assert_allclose(
                np.sort(ours[:, column]), np.sort(theirs[:, column]), rtol=1e-4, atol=1e-6
            )


def scene(seed=3):
    rng = np.random.default_rng(seed)
    corner = rng.uniform(0, 500, (30, 2))
    objects = np.concatenate([corner, corner + rng.uniform(20, 150, (30, 2))], axis=1)
    windows = windows_of(620, 620, 256, 200)
    return seen(objects, rng.integers(0, 3, 30), windows, rng), windows


def split(flat, windows):
    return [
        tuple(flat[k][flat["tile"] == w] for k in ("boxes", "scores", "labels"))
        for w in range(len(windows))
    ]


def the_same(one, other, **kwargs):
    np.testing.assert_allclose(one.boxes, other.boxes, atol=1e-4, **kwargs)
    np.testing.assert_array_equal(one.labels, other.labels)


def test_detections_of_supervision_are_read():
    sv = pytest.importorskip("supervision")
    flat, windows = scene()
    each = [
        sv.Detections(xyxy=b.astype(np.float32), confidence=s, class_id=c)
        if len(b)
        else sv.Detections.empty()
        for b, s, c in split(flat, windows)
    ]
    found = fl.merge_tiles(each, windows)
    the_same(found, fl.merge_tiles(flat, windows))
    back = sv.Detections(xyxy=found.boxes, confidence=found.scores, class_id=found.labels)
    assert len(back) == len(found)


def test_predictions_of_sahi_are_read():
    prediction = pytest.importorskip("sahi.prediction")
    flat, windows = scene()
    each = [
        [
            prediction.ObjectPrediction(
                bbox=box.tolist(),
                category_id=int(label),
                score=float(score),
                shift_amount=window[:2].tolist(),
                full_shape=[700, 700],
            )
            for box, score, label in zip(*rows, strict=True)
        ]
        for rows, window in zip(split(flat, windows), windows, strict=True)
    ]
    expected = fl.merge_tiles(flat, windows)
    the_same(fl.merge_tiles(each, windows), expected)
    the_same(fl.merge_tiles(each, windows, coordinates="frame"), expected)
    shifted = [[p.get_shifted_object_prediction() for p in one] for one in each]
    the_same(fl.merge_tiles(shifted, windows, coordinates="frame"), expected)
