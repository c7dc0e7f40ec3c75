"""Box functions against the plain formulas."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fastlabel as fl


def iou_formula(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The formula of torchvision's box_iou, in NumPy."""
    low = np.maximum(a[:, None, :2], b[None, :, :2])
    high = np.minimum(a[:, None, 2:], b[None, :, 2:])
    inter = np.prod(np.clip(high - low, 0, None), axis=2)
    area = lambda x: (x[:, 2] - x[:, 0]) * (x[:, 3] - x[:, 1])  # noqa: E731
    return inter / (area(a)[:, None] + area(b)[None] - inter)


coordinate = st.floats(-1e4, 1e4, allow_nan=False, width=32)
box = st.tuples(coordinate, coordinate, st.floats(0.01, 1e3), st.floats(0.01, 1e3)).map(
    lambda t: (t[0], t[1], t[0] + t[2], t[1] + t[3])
)
boxes = st.lists(box, max_size=20).map(lambda rows: np.array(rows, float).reshape(-1, 4))


@settings(deadline=None)
@given(boxes, boxes)
def test_iou_is_the_formula(a, b):
    assert np.allclose(fl.box_iou(a, b), iou_formula(a, b), rtol=1e-12, atol=0)


@settings(deadline=None)
@given(boxes, st.sampled_from(["xyxy", "xywh", "cxcywh"]), st.sampled_from(["xywh", "cxcywh"]))
def test_conversion_there_and_back(a, first, second):
    there = fl.box_convert(a, "xyxy", first)
    back = fl.box_convert(fl.box_convert(there, first, second), second, "xyxy")
    assert np.allclose(back, a, rtol=1e-12, atol=1e-9)


def test_conversion_by_hand():
    assert fl.box_convert([[10, 20, 30, 60]], "xyxy", "xywh").tolist() == [[10, 20, 20, 40]]
    assert fl.box_convert([[20, 40, 20, 40]], "cxcywh", "xyxy").tolist() == [[10, 20, 30, 60]]
    assert fl.box_area([[1, 2, 4, 8]]).tolist() == [18]


@pytest.mark.parametrize("bad", [[np.nan, 0, 1, 1], [0, 0, np.inf, 1], [5, 5, 5, 9], [9, 9, 5, 5]])
def test_boxes_without_an_area_overlap_nothing(bad):
    assert fl.box_iou([bad], [[0, 0, 10, 10], bad]).tolist() == [[0.0, 0.0]]


@settings(deadline=None, max_examples=60)
@given(boxes, st.integers(0, 20), st.sampled_from([0.1, 0.5, 0.8, 1.0]))
def test_pairs_are_those_of_the_matrix(a, cut, threshold):
    cut = min(cut, len(a))
    i, j, iou = fl.box_pairs(a, [0, cut, len(a)], threshold)
    expected = []
    for low, high in ((0, cut), (cut, len(a))):
        matrix = fl.box_iou(a[low:high], a[low:high])
        for x, y in zip(*np.nonzero(np.triu(matrix >= threshold, 1)), strict=True):
            expected.append((low + x, low + y, matrix[x, y]))
    assert list(zip(i.tolist(), j.tolist(), iou.tolist(), strict=True)) == sorted(expected)


def test_nms_by_hand_and_empty():
    b = [[0, 0, 10, 10], [1, 0, 11, 10], [20, 20, 30, 30]]
    assert fl.nms(b, [0.8, 0.9, 0.1], 0.5).tolist() == [1, 2]
    assert fl.nms(b, [0.8, 0.9, 0.1], 0.9).tolist() == [1, 0, 2]
    assert fl.nms(np.empty((0, 4)), [], 0.5).tolist() == []


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: fl.box_iou([[0, 0, 1]], [[0, 0, 1, 1]]), "boxes1.*expected \\(N, 4\\)"),
        (lambda: fl.box_convert([[0, 0, 1, 1]], "xyxy", "yolo"), "out_fmt.*'yolo'"),
        (lambda: fl.box_pairs([[0, 0, 1, 1]], [0, 2], 0.5), "offsets"),
        (lambda: fl.box_pairs([[0, 0, 1, 1]] * 2, [0, 2, 1, 2], 0.5), "box_pairs"),
        (lambda: fl.box_pairs([[0, 0, 1, 1]], [0, 1], 0.0), "box_pairs"),
        (lambda: fl.nms([[0, 0, 1, 1]], [np.nan], 0.5), "scores: entry 0"),
        (lambda: fl.nms([[0, 0, 1, 1]], [0.1, 0.2], 0.5), "scores"),
    ],
)
def test_bad_arguments_are_named(call, text):
    with pytest.raises(ValueError, match=text):
        call()
