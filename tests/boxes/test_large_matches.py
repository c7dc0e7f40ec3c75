"""Best matches and counts in one large image: an index chooses, and nothing else changes."""

from __future__ import annotations

import time

import numpy as np
import pytest

import fastlabel as fl
from fastlabel import _core


def scene(rng: np.random.Generator, n: int, dtype: type, extent: float = 20_000) -> np.ndarray:
    corner = rng.uniform(-extent / 2, extent / 2, (n, 2))
    size = rng.lognormal(3, 1, (n, 2))
    boxes = np.concatenate([corner, corner + size], axis=1)
    boxes[::50] = boxes[1::50][: len(boxes[::50])]  # equal ones: the first is the best
    boxes[7::400, 2:] = boxes[7::400, :2]  # empty
    boxes[11::400, 0] = np.nan
    boxes[13::400] = boxes[13::400][:, [2, 3, 0, 1]]  # reversed
    boxes[17::400, 2] = np.inf
    boxes[19] = [-extent, -extent, extent, extent]  # meets all
    return boxes.astype(dtype)


def through_matrices(a, b, metric, threshold):
    """The definition, a hundred rows of the matrix at a time."""
    whole = {"iou": fl.box_iou, "ioa": fl.box_ioa, "ios": fl.box_ios}[metric]
    best, value, count = [], [], []
    for k in range(0, len(a), 100):
        matrix = whole(a[k : k + 100], b, invalid="zero")
        top = matrix.max(axis=1)
        good = (top > 0) & (top >= a.dtype.type(threshold))
        best.append(np.where(good, matrix.argmax(axis=1), -1))
        value.append(np.where(good, top, 0))
        count.append((matrix >= a.dtype.type(threshold)).sum(axis=1))
    return np.concatenate(best), np.concatenate(value), np.concatenate(count)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("metric", ["iou", "ioa", "ios"])
@pytest.mark.parametrize("threshold", [0.0, 0.3])
def test_equal_to_the_matrix_on_every_tier(dtype, metric, threshold):
    rng = np.random.default_rng(5)
    a, b = scene(rng, 2000, dtype), scene(rng, 2500, dtype)
    # A small image before it and one behind it, so that rows are counted from the set's start.
    few = np.array([[0, 0, 9, 9]], dtype)
    rows, others = np.concatenate([few, a, few]), np.concatenate([few, few, b, few])
    at, other_at = [0, 1, 2001, 2002], [0, 2, 2502, 2503]
    best, value, count = through_matrices(a, b, metric, threshold)
    before = _core.isa()
    try:
        for tier in _core.isa_available():
            _core.isa_select(tier)
            index, got = fl.ragged_best(
                rows, at, others, other_at, metric=metric, threshold=threshold, invalid="zero"
            )
            np.testing.assert_array_equal(index[1:-1], np.where(best >= 0, best + 2, -1))
            np.testing.assert_array_equal(got[1:-1], value)
            assert (index[0], index[-1]) == (0, 2502)
            if metric == "iou" and threshold > 0:
                counts = fl.ragged_counts(rows, at, others, other_at, threshold, invalid="zero")
                np.testing.assert_array_equal(counts[1:-1], count)
    finally:
        _core.isa_select(before)


def test_the_cost_follows_the_pairs_that_meet():
    rng = np.random.default_rng(6)
    corner = rng.uniform(0, 50_000, (200_000, 2))
    boxes = np.concatenate([corner, corner + rng.uniform(5, 60, (200_000, 2))], axis=1)
    small, large = boxes[:25_000] * 0.35, boxes  # of one density
    times = []
    for part in (small, large):
        runs = []
        for _ in range(3):
            start = time.process_time()
            index, _ = fl.ragged_best(part, [0, len(part)], part, [0, len(part)])
            runs.append(time.process_time() - start)
            assert (index == np.arange(len(part))).all()
        times.append(min(runs))
    # Eight times the boxes are 64 times the pairs; a third of that is far from both.
    assert times[1] < 64 / 3 * max(times[0], 0.02)
