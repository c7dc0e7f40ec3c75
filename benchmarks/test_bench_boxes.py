"""Box kernels beside the NumPy formula everyone writes."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

import fastlabel as fl

IOU = pytest.mark.benchmark(group="box_iou, 2,000 x 2,000")
PAIRS_MANY = pytest.mark.benchmark(group="box_pairs, 1,000 images of 20 boxes")
PAIRS_CROWD = pytest.mark.benchmark(group="box_pairs, one image of 3,000 boxes")
THRESHOLD = 0.5


def random_boxes(n: int, seed: int, extent: float = 1000):
    rng = np.random.default_rng(seed)
    corner = rng.uniform(0, extent, (n, 2))
    return np.concatenate([corner, corner + rng.uniform(5, extent / 5, (n, 2))], axis=1)


def iou_by_numpy(a, b):
    low = np.maximum(a[:, None, :2], b[None, :, :2])
    high = np.minimum(a[:, None, 2:], b[None, :, 2:])
    inter = np.prod(np.clip(high - low, 0, None), axis=2)
    area_a = np.prod(a[:, 2:] - a[:, :2], axis=1)
    area_b = np.prod(b[:, 2:] - b[:, :2], axis=1)
    return inter / (area_a[:, None] + area_b[None, :] - inter)


def pairs_by_numpy(boxes, offsets):
    parts = []
    for low, high in pairwise(offsets):
        iou = np.triu(iou_by_numpy(boxes[low:high], boxes[low:high]), k=1)
        i, j = np.nonzero(iou >= THRESHOLD)
        parts.append((i + low, j + low, iou[i, j]))
    return tuple(np.concatenate(column) for column in zip(*parts, strict=True))


@pytest.fixture(scope="module")
def two_sets():
    return random_boxes(2000, 1), random_boxes(2000, 2)


@pytest.fixture(scope="module")
def many_images():
    return random_boxes(20_000, 3, extent=200), np.arange(0, 20_001, 20)


@pytest.fixture(scope="module")
def crowd():
    return random_boxes(3000, 4), np.array([0, 3000])


def assert_same_pairs(ours, theirs):
    assert len(theirs[0]) > 0
    np.testing.assert_array_equal(ours[0], theirs[0])
    np.testing.assert_array_equal(ours[1], theirs[1])
    np.testing.assert_allclose(ours[2], theirs[2], rtol=1e-12)


@IOU
def test_box_iou_fastlabel(benchmark, two_sets):
    ours = benchmark(fl.box_iou, *two_sets)
    np.testing.assert_allclose(ours, iou_by_numpy(*two_sets), rtol=1e-12)


@IOU
def test_box_iou_numpy(benchmark, two_sets):
    benchmark(iou_by_numpy, *two_sets)


@PAIRS_MANY
def test_box_pairs_many_images_fastlabel(benchmark, many_images):
    ours = benchmark(fl.box_pairs, *many_images, THRESHOLD)
    assert_same_pairs(ours, pairs_by_numpy(*many_images))


@PAIRS_MANY
def test_box_pairs_many_images_numpy(benchmark, many_images):
    benchmark(pairs_by_numpy, *many_images)


@PAIRS_CROWD
def test_box_pairs_crowd_fastlabel(benchmark, crowd):
    ours = benchmark(fl.box_pairs, *crowd, THRESHOLD)
    assert_same_pairs(ours, pairs_by_numpy(*crowd))


@PAIRS_CROWD
def test_box_pairs_crowd_numpy(benchmark, crowd):
    benchmark(pairs_by_numpy, *crowd)
