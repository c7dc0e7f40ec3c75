"""Suppression and fusion against the searches through all that define them."""

from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fastlabel as fl
from fastlabel import _core


def iou_with(box, others):
    """One box with many; what has no area, or one that a double cannot hold, overlaps nothing."""
    with np.errstate(all="ignore"):
        w = np.minimum(others[:, 2], box[2]) - np.maximum(others[:, 0], box[0])
        h = np.minimum(others[:, 3], box[3]) - np.maximum(others[:, 1], box[1])
        inter = np.where((w > 0) & (h > 0), w * h, 0)
        area = (others[:, 2] - others[:, 0]) * (others[:, 3] - others[:, 1])
        own = (box[2] - box[0]) * (box[3] - box[1])
        either = own + area - inter
        fine = (either > 0) & np.isfinite(either) & has_area(others) & has_area(box[None])
        return np.where(fine, inter / either, 0.0), inter, own, area


def has_area(b):
    return np.isfinite(b).all(axis=1) & (b[:, 2] > b[:, 0]) & (b[:, 3] > b[:, 1])


def greedy(boxes, scores, threshold, idxs=None):
    """The definition: every box with every better kept one."""
    boxes = np.asarray(boxes, np.float64)
    keep: list[int] = []
    for i in np.argsort(-np.asarray(scores, float), kind="stable").tolist():
        rivals = [k for k in keep if idxs is None or idxs[k] == idxs[i]]
        if not rivals or not (iou_with(boxes[i], boxes[rivals])[0] > threshold).any():
            keep.append(i)
    return keep


def scene(n, seed, *, low=4.0, high=300.0, width=1920.0, height=1080.0):
    rng = np.random.default_rng(seed)
    centre = rng.uniform([0, 0], [width, height], (n, 2))
    size = np.exp(rng.uniform(np.log(low), np.log(high), (n, 1)) + rng.normal(0, 0.3, (n, 2)))
    return np.concatenate([centre - size / 2, centre + size / 2], axis=1), rng.random(n)


THRESHOLDS = [0.0, 1e-9, 1e-3, 0.05, 0.3, 0.45, 0.5, 0.65, 0.8, 0.9, 0.97, 0.9999, 1.0]


@pytest.mark.parametrize("threshold", THRESHOLDS)
@pytest.mark.parametrize("n", [1, 23, 24, 25, 60, 191, 193, 900])
def test_nms_is_the_greedy_search(n, threshold):
    boxes, scores = scene(n, n, width=400, height=300)
    assert fl.nms(boxes, scores, threshold).tolist() == greedy(boxes, scores, threshold)


def crowded(n, seed):
    """Copies that differ by hairs, sizes over nine decades, few scores, thin ones."""
    rng = np.random.default_rng(seed)
    base, _ = scene(max(1, n // 12), seed, low=1e-3, high=1e6, width=1e5, height=1e5)
    boxes = base[rng.integers(0, len(base), n)]
    size = np.tile(boxes[:, 2:] - boxes[:, :2], 2)
    jitter = rng.choice([0, 1e-12, 1e-4, 0.01, 0.1, 0.4], (n, 1))
    boxes = boxes + rng.normal(0, 1, (n, 4)) * size * jitter
    boxes[::9, 2] = boxes[::9, 0] + 1e-7
    low, high = np.minimum(boxes[:, :2], boxes[:, 2:]), np.maximum(boxes[:, :2], boxes[:, 2:])
    return np.concatenate([low, high], axis=1), rng.integers(0, 5, n) / 4


@pytest.mark.parametrize("threshold", THRESHOLDS)
@pytest.mark.parametrize("seed", range(4))
def test_nms_of_near_copies_and_all_sizes(seed, threshold):
    boxes, scores = crowded(700, seed)
    keep = fl.nms(boxes, scores, threshold, invalid="zero")
    assert keep.tolist() == greedy(boxes, scores, threshold)


@pytest.mark.parametrize("scale", [1e-320, 1e-162, 1e-155, 1e-140, 1e-100, 1e100, 1e145, 1e155])
@pytest.mark.parametrize("threshold", [0.0, 1e-4, 0.5, 0.9])
def test_nms_at_the_ends_of_the_numbers(scale, threshold):
    boxes, scores = scene(400, 7, width=900, height=900)
    boxes = np.concatenate([boxes * scale, boxes[:50]])
    scores = np.concatenate([scores, scores[:50]])
    keep = fl.nms(boxes, scores, threshold, invalid="zero")
    assert keep.tolist() == greedy(boxes, scores, threshold)


@pytest.mark.parametrize("offset", [1e6, 1e12, 1e15, 1e18, -1e18])
@pytest.mark.parametrize("threshold", [0.0, 0.3, 0.5, 0.9, 0.999])
def test_nms_far_from_the_origin(offset, threshold):
    boxes, scores = scene(500, 8, width=500, height=500)
    step = np.spacing(abs(offset))
    boxes = offset + np.rint(boxes / 4) * max(step, 0.5)
    keep = fl.nms(boxes, scores, threshold, invalid="zero")
    assert keep.tolist() == greedy(boxes, scores, threshold)


numbers = st.one_of(
    st.integers(-8, 8).map(float),
    st.floats(-1e3, 1e3, allow_nan=False),
    st.floats(allow_nan=True, allow_infinity=True),
)


@settings(deadline=None, max_examples=150)
@given(
    st.lists(st.tuples(numbers, numbers, numbers, numbers), max_size=60),
    st.integers(0, 2**32),
    st.sampled_from(THRESHOLDS),
)
def test_nms_of_anything_at_all(rows, seed, threshold):
    rng = np.random.default_rng(seed)
    boxes = np.array(rows, float).reshape(-1, 4)
    boxes = np.repeat(boxes, 5, axis=0)  # beyond the few that are all looked at
    scores = rng.integers(0, 4, len(boxes)).astype(float)
    keep = fl.nms(boxes, scores, threshold, invalid="zero")
    assert keep.tolist() == greedy(boxes, scores, threshold)


def test_nms_reads_any_strides_and_both_widths():
    boxes, scores = scene(300, 5)
    wide = np.zeros((600, 9), np.float32)
    wide[::2, 1:8:2] = boxes
    view = wide[::2, 1:8:2]
    expected = greedy(view, scores, 0.4)
    assert fl.nms(view, scores, 0.4).tolist() == expected
    assert fl.nms(view[::-1], scores[::-1], 0.4).tolist() == greedy(view[::-1], scores[::-1], 0.4)
    assert fl.nms(np.asfortranarray(view), scores.astype(np.float32), 0.4).tolist() == greedy(
        view, scores.astype(np.float32), 0.4
    )
    packed = np.zeros(300, np.dtype([("b", np.float64, 4), ("x", np.uint8)]))
    packed["b"] = view
    assert fl.nms(packed["b"], scores, 0.4).tolist() == expected


def test_nms_scores_of_every_sign_keep_their_order():
    boxes = np.arange(12)[:, None] * 10.0 + [0, 0, 1, 1]
    scores = np.array([0.0, -0.0, np.inf, -np.inf, -1, 1, 5e-324, -5e-324, -2, 2, 1e308, 0.0])
    expected = np.argsort(-scores, kind="stable").tolist()
    assert fl.nms(boxes, scores, 0.5).tolist() == expected
    many = np.tile(scores, 200)  # sorted by digits from some size on
    apart = np.arange(len(many))[:, None] * 10.0 + [0, 0, 1, 1]
    assert fl.nms(apart, many, 0.5).tolist() == np.argsort(-many, kind="stable").tolist()


def test_nms_is_the_same_on_every_tier():
    boxes, scores = crowded(2000, 11)
    before = _core.isa()
    seen = set()
    try:
        for tier in _core.isa_available():
            _core.isa_select(tier)
            seen.add(fl.nms(boxes, scores, 0.5, invalid="zero").tobytes())
            seen.add(fl.nms(boxes, scores, 0.5, invalid="zero").tobytes())
    finally:
        _core.isa_select(before)
    assert len(seen) == 1


def hard_sets(n):
    rng = np.random.default_rng(1)
    line = np.arange(n, dtype=float)[:, None]
    yield "equal", np.tile([3.0, 4, 9, 9], (n, 1)), 1
    yield "apart", line * 10 + [0, 0, 5, 5], n
    yield "column", line * [0, 10, 0, 10] + [0, 0, 5, 5], n
    yield "thin", line * [0, 1e-3, 0, 1e-3] + [0, 0, 1e5, 1e-4], n
    yield "far", line * 4096 + 1e18 + [0, 0, 2048, 2048], n
    yield "nested", line * [-1, -1, 1, 1] + [-1, -1, 1, 1], None
    yield "tiny", (rng.random((n, 1)) * 1e3 + [0, 0, 1, 1]) * 1e-155, None
    size = np.exp(rng.uniform(np.log(1e-3), np.log(1e6), (n, 2)))
    corner = rng.random((n, 2)) * 1e7
    yield "all sizes", np.concatenate([corner, corner + size], axis=1), None


@pytest.mark.parametrize("threshold", [0.0, 0.05, 0.5, 0.95])
@pytest.mark.parametrize("name", [name for name, _, _ in hard_sets(2)])
def test_nms_does_not_blow_up(name, threshold):
    n = 20_000 if name == "tiny" else 60_000
    boxes, kept = next((b, k) for other, b, k in hard_sets(n) if other == name)
    scores = np.random.default_rng(0).random(n)
    began = time.perf_counter()
    keep = fl.nms(boxes, scores, threshold, invalid="zero")
    assert time.perf_counter() - began < 20  # comparing all would take minutes
    assert kept is None or len(keep) == kept
    few = np.sort(np.random.default_rng(2).permutation(n)[:800])
    assert fl.nms(boxes[few], scores[few], threshold, invalid="zero").tolist() == greedy(
        boxes[few], scores[few], threshold
    )


# ---- classes ----------------------------------------------------------------------------


@pytest.mark.parametrize("threshold", [0.0, 0.5, 0.9])
@pytest.mark.parametrize("classes", [1, 3, 400])
def test_batched_nms_is_greedy_inside_each_class(classes, threshold):
    boxes, scores = scene(700, classes, width=300, height=300)
    rng = np.random.default_rng(classes)
    idxs = rng.integers(-(2**62), 2**62, classes)[rng.integers(0, classes, 700)]
    keep = fl.batched_nms(boxes, scores, idxs, threshold).tolist()
    assert keep == greedy(boxes, scores, threshold, idxs)


def test_batched_nms_needs_no_offsets():
    """Shifting classes apart by the largest coordinate loses the digits of small boxes."""
    small = np.array([[0, 0, 1e-6, 1e-6], [0, 0, 1e-6, 0.9e-6], [1e9, 1e9, 2e9, 2e9]])
    assert fl.batched_nms(small, [0.9, 0.8, 0.7], [5, 5, 6], 0.5).tolist() == [0, 2]
    assert fl.batched_nms(small, [0.9, 0.8, 0.7], [5, 6, 6], 0.5).tolist() == [0, 1, 2]


# ---- soft -------------------------------------------------------------------------------


def soft_by_definition(boxes, scores, threshold, sigma, least, method):
    left = np.array(scores, float)
    alive = left >= least
    out = []
    while alive.any():
        best = int(np.flatnonzero(alive)[np.argmax(left[alive])])
        out.append((best, left[best]))
        alive[best] = False
        iou = iou_with(boxes[best], boxes)[0]
        factor = np.where(iou > threshold, 1 - iou, 1.0)
        if method == "gaussian":
            factor = np.exp(-(iou**2) / sigma)
        left = np.where(alive, left * factor, left)
        alive &= left >= least
    return [i for i, _ in out], [s for _, s in out]


@pytest.mark.parametrize("method", ["linear", "gaussian"])
@pytest.mark.parametrize("n", [0, 1, 10, 200, 700])
@pytest.mark.parametrize("least", [0.0, 0.001, 0.3])
def test_soft_nms_is_the_definition(method, n, least):
    boxes, scores = scene(n, n + 1, width=300, height=300)
    scores = np.round(scores, 2)  # equal scores too
    keep, left = fl.soft_nms(boxes, scores, 0.3, method=method, score_threshold=least)
    rows, values = soft_by_definition(boxes, scores, 0.3, 0.5, least, method)
    assert keep.tolist() == rows
    assert np.allclose(left, values, rtol=1e-12, atol=0)


def test_soft_nms_inside_classes():
    boxes, scores = scene(300, 3, width=100, height=100)
    idxs = np.arange(300) % 3
    keep, left = fl.soft_nms(boxes, scores, 0.3, idxs=idxs)
    found = dict(zip(keep.tolist(), left.tolist(), strict=True))
    expected = {}
    for c in range(3):
        rows = np.flatnonzero(idxs == c)
        k, s = fl.soft_nms(boxes[rows], scores[rows], 0.3)
        expected.update(zip(rows[k].tolist(), s.tolist(), strict=True))
    assert found == expected
    assert (np.diff(left) <= 0).all()


# ---- merging ----------------------------------------------------------------------------


def merge_by_definition(boxes, scores, threshold, metric, idxs):
    order = np.argsort(-scores, kind="stable").tolist()
    group = np.full(len(boxes), -1)
    merged, best = [], []
    while order:
        i = order[0]
        members = [i]
        for j in order[1:]:
            iou, inter, own, area = iou_with(boxes[i], boxes[[j]])
            value = iou if metric == "iou" else inter / np.minimum(own, area)
            if idxs[j] == idxs[i] and value[0] > threshold:
                members.append(j)
        group[members] = len(best)
        best.append(scores[i])
        merged.append([*boxes[members][:, :2].min(axis=0), *boxes[members][:, 2:].max(axis=0)])
        order = [j for j in order if j not in members]
    return merged, best, group.tolist()


@pytest.mark.parametrize("metric", ["iou", "ios"])
@pytest.mark.parametrize("threshold", [0.0, 0.2, 0.5, 0.9, 1.0])
@pytest.mark.parametrize("n", [0, 1, 90, 240])
def test_non_max_merge_is_the_definition(metric, threshold, n):
    boxes, scores = scene(n, n + 2, width=300, height=300)
    idxs = np.arange(n) % 2
    merged, best, groups = fl.non_max_merge(boxes, scores, threshold, idxs=idxs, metric=metric)
    expected = merge_by_definition(boxes, scores, threshold, metric, idxs)
    assert (merged.tolist(), best.tolist(), groups.tolist()) == expected
    if metric == "iou" and n:
        first = [
            int(np.flatnonzero(groups == g)[np.argmax(scores[groups == g])])
            for g in range(len(best))
        ]
        assert first == fl.batched_nms(boxes, scores, idxs, threshold).tolist()


# ---- weighted boxes fusion --------------------------------------------------------------


def models(seed, n_models=3, n=40, labels=3):
    rng = np.random.default_rng(seed)
    boxes, scores, classes = [], [], []
    truth, _ = scene(n, seed, low=0.05, high=0.3, width=1, height=1)
    for _ in range(n_models):
        some = truth[rng.random(n) < 0.8]
        b = np.clip(some + rng.normal(0, 0.02, some.shape), 0, 1)
        boxes.append(b[(b[:, 2] > b[:, 0]) & (b[:, 3] > b[:, 1])])
        scores.append(rng.random(len(boxes[-1])))
        classes.append(rng.integers(0, labels, len(boxes[-1])))
    return boxes, scores, classes


@pytest.mark.parametrize("conf", ["avg", "max", "box_and_model_avg", "absent_model_aware_avg"])
@pytest.mark.parametrize("overflow", [False, True])
@pytest.mark.parametrize("weights", [None, [1.0, 2.0, 0.5]])
@pytest.mark.parametrize("seed", [1, 2])
def test_fusion_is_that_of_ensemble_boxes(conf, overflow, weights, seed):
    peer = pytest.importorskip("ensemble_boxes")
    boxes, scores, labels = models(seed)
    ours = fl.weighted_boxes_fusion(boxes, scores, labels, weights, 0.5, 0.1, conf, overflow)
    theirs = peer.weighted_boxes_fusion(boxes, scores, labels, weights, 0.5, 0.1, conf, overflow)
    assert ours[0].shape == theirs[0].shape
    # They keep fused boxes in single precision.
    assert np.allclose(ours[1], theirs[1], rtol=1e-5)
    order = np.lexsort((ours[0][:, 0], -ours[1].round(5)))
    other = np.lexsort((theirs[0][:, 0], -theirs[1].round(5)))
    assert np.allclose(ours[0][order], theirs[0][other], atol=1e-5)
    assert ours[2][order].tolist() == theirs[2][other].astype(int).tolist()


def test_fusion_in_any_unit():
    boxes, scores, labels = models(4)
    one = fl.weighted_boxes_fusion(boxes, scores, labels)
    pixels = fl.weighted_boxes_fusion([b * 1024 - 300 for b in boxes], scores, labels)
    assert np.allclose(pixels[0], one[0] * 1024 - 300, atol=1e-9)
    assert pixels[1].tolist() == one[1].tolist()


def test_fusion_of_nothing():
    for empty in ([], [np.empty((0, 4))], [[]]):
        boxes, scores, labels = fl.weighted_boxes_fusion(
            empty, [[] for _ in empty], [[] for _ in empty]
        )
        assert (boxes.shape, scores.shape, labels.shape) == ((0, 4), (0,), (0,))
    flat = fl.weighted_boxes_fusion([[[0, 0, 0, 5], [0, 0, 1, 1]]], [[0.5, 0.0]], [[1, 1]])
    assert flat[0].tolist() == [[0, 0, 1, 1]] and flat[1].tolist() == [0.0]


# ---- bad input --------------------------------------------------------------------------

ONE = [[0, 0, 1, 1]]


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: fl.nms([[0, 0, 1]], [1], 0.5), ValueError, r"boxes.*\(N, 4\)"),
        (lambda: fl.nms([[5, 0, 1, 1]], [1], 0.5), ValueError, r"boxes\[0\].*x1 <= x2"),
        (lambda: fl.nms([[0, np.nan, 1, 1]], [1], 0.5), ValueError, r"boxes\[0\].*finite"),
        (lambda: fl.nms(ONE, [1, 2], 0.5), ValueError, r"scores.*\(2,\).*\(1,\)"),
        (lambda: fl.nms(ONE, [np.nan], 0.5), ValueError, "scores: entry 0 is NaN"),
        (lambda: fl.nms(ONE, [1], 1.5), ValueError, "iou_threshold: got 1.5"),
        (lambda: fl.nms(ONE, [1], -0.1), ValueError, "iou_threshold: got -0.1"),
        (lambda: fl.nms(ONE, [1], np.nan), ValueError, "iou_threshold: got nan"),
        (lambda: fl.nms(ONE, [1], "x"), TypeError, "iou_threshold: got 'x'"),
        (lambda: fl.nms(np.array(ONE, complex), [1], 0.5), TypeError, "boxes: got dtype complex"),
        (lambda: fl.batched_nms(ONE, [1], [0.5], 0.5), TypeError, "idxs: got dtype float64"),
        (lambda: fl.batched_nms(ONE, [1], [1, 2], 0.5), ValueError, r"idxs.*\(1,\)"),
        (lambda: fl.soft_nms(ONE, [1], method="cubic"), ValueError, "method.*'cubic'"),
        (lambda: fl.soft_nms(ONE, [1], sigma=0), ValueError, "sigma: got 0"),
        (lambda: fl.soft_nms(ONE, [-1]), ValueError, r"scores\[0\]: got -1"),
        (lambda: fl.soft_nms(ONE, [1], score_threshold=np.nan), ValueError, "score_threshold"),
        (lambda: fl.non_max_merge(ONE, [1], metric="giou"), ValueError, "metric.*'giou'"),
        (lambda: fl.weighted_boxes_fusion([ONE], [], [[1]]), ValueError, "scores_list: got 0"),
        (lambda: fl.weighted_boxes_fusion([ONE], [[1]], [[1], [2]]), ValueError, "labels_list"),
        (
            lambda: fl.weighted_boxes_fusion([ONE], [[1]], [[1]], weights=[0]),
            ValueError,
            "weights: got",
        ),
        (
            lambda: fl.weighted_boxes_fusion([ONE], [[1]], [[1]], conf_type="sum"),
            ValueError,
            "conf_type.*'sum'",
        ),
    ],
)
def test_bad_arguments_are_named(call, error, text):
    with pytest.raises(error, match=text):
        call()
