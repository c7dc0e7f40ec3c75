"""Oriented boxes against shapely."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fastlabel as fl


def polygon(box):
    """By the convention's own words, in shapely."""
    affinity = pytest.importorskip("shapely.affinity")
    geometry = pytest.importorskip("shapely.geometry")
    x, y, w, h, angle = map(float, box)
    upright = geometry.box(-w / 2, -h / 2, w / 2, h / 2)
    turned = affinity.rotate(upright, angle, origin=(0, 0), use_radians=True)
    return affinity.translate(turned, x, y)


def shapely_iou(a, b):
    p, q = polygon(a), polygon(b)
    both = p.intersection(q).area
    either = p.area + q.area - both
    return both / either if either > 0 and p.area > 0 and q.area > 0 else 0.0


def random_boxes(n, seed, span=40.0):
    rng = np.random.default_rng(seed)
    return np.column_stack(
        [rng.uniform(0, span, (n, 2)), np.exp(rng.uniform(-1, 3.5, (n, 2))), rng.normal(0, 9, n)]
    )


@pytest.mark.parametrize("seed", range(4))
def test_iou_is_that_of_shapely(seed):
    a, b = random_boxes(30, seed), random_boxes(25, seed + 100)
    expected = [[shapely_iou(p, q) for q in b] for p in a]
    assert np.allclose(fl.obb_iou(a, b), expected, rtol=1e-9, atol=1e-12)
    assert np.array_equal(fl.obb_iou(a[:25], b, aligned=True), np.diag(fl.obb_iou(a[:25], b)))


whole = st.integers(-3, 3).map(float)
side = st.sampled_from([0.0, 1e-3, 0.5, 1.0, 2.0, 3.0, 50.0])
turn = st.sampled_from([0, 0.25, 0.5, 1, 2, -0.5, 1e-9, 1 / 3, 100, 1e4]).map(lambda t: t * math.pi)
special = st.tuples(whole, whole, side, side, turn)


@settings(deadline=None, max_examples=400)
@given(special, special)
def test_iou_of_special_places(a, b):
    """Equal, touching, contained, sharing edges, without a size."""
    found = fl.obb_iou([a], [b])[0, 0]
    assert found == pytest.approx(shapely_iou(a, b), abs=1e-9)
    assert 0 <= found <= 1
    assert found == fl.obb_iou([b], [a])[0, 0]


@pytest.mark.parametrize("angle", [0, 1e-12, 0.1, math.pi / 4, math.pi / 2, 3, -7.5, 1e5, 1e12])
@pytest.mark.parametrize("offset", [0, 1e6, -3e8])
def test_the_same_rectangle_under_its_other_names(angle, offset):
    box = np.array([offset + 3.0, offset - 2.0, 40.0, 7.0, angle])
    half = np.array([0, 0, 0, 0, math.pi])
    same = [box, box + half, box[[0, 1, 3, 2, 4]] + half / 2]
    iou = fl.obb_iou([box], same)[0]
    assert iou[0] == 1.0
    # The angle itself has only so many digits.
    assert np.allclose(iou, 1, atol=max(1e-9, 20 * np.spacing(abs(angle))))


def test_upright_boxes_are_plain_boxes():
    a, b = random_boxes(40, 1), random_boxes(40, 2)
    a[:, 4] = b[:, 4] = 0
    expected = fl.box_iou(
        fl.obb_convert(a, "cxcywhr", "xyxy"), fl.obb_convert(b, "cxcywhr", "xyxy")
    )
    assert np.allclose(fl.obb_iou(a, b), expected, atol=1e-12)


def test_far_from_the_origin_nothing_is_lost():
    a, b = np.round(random_boxes(20, 3) * 4) / 4, np.round(random_boxes(20, 4) * 4) / 4
    far = [1e6, -1e6, 0, 0, 0]
    assert np.array_equal(fl.obb_iou(a + far, b + far), fl.obb_iou(a, b))


def test_a_line_and_a_point_overlap_nothing():
    flat = [[0, 0, 4, 0, 0.3], [0, 0, 0, 0, 0], [0, 0, 2, 2, 0]]
    assert fl.obb_iou(flat, flat).tolist() == [[0, 0, 0], [0, 0, 0], [0, 0, 1]]


def test_out_is_written_into():
    a, b = random_boxes(5, 5), random_boxes(7, 6)
    out = np.full((5, 7), np.nan)
    assert fl.obb_iou(a, b, out=out) is out
    assert np.array_equal(out, fl.obb_iou(a, b))
    line = np.full(5, np.nan)
    assert fl.obb_iou(a, b[:5], aligned=True, out=line) is line
    assert np.array_equal(line, np.diag(out))
    assert fl.obb_iou(np.empty((0, 5)), b).shape == (0, 7)
    assert fl.obb_iou(a.astype(np.float32), b.astype(np.float32)).dtype == np.float64


# ---- suppression ------------------------------------------------------------------------


@pytest.mark.parametrize("threshold", [0.0, 0.05, 0.3, 0.7, 1.0])
@pytest.mark.parametrize("n", [0, 1, 63, 64, 65, 700])
def test_nms_is_the_greedy_search(n, threshold):
    boxes = random_boxes(n, n, span=100)
    rng = np.random.default_rng(n)
    scores, idxs = np.round(rng.random(n), 2), rng.integers(0, 2, n)
    matrix = fl.obb_iou(boxes, boxes)
    for classes in (None, idxs):
        keep: list[int] = []
        for i in np.argsort(-scores, kind="stable").tolist():
            same = [k for k in keep if classes is None or classes[k] == classes[i]]
            if not (matrix[i, same] > threshold).any():
                keep.append(i)
        assert fl.obb_nms(boxes, scores, threshold, idxs=classes).tolist() == keep


# ---- conversion -------------------------------------------------------------------------


def test_corners_by_hand():
    half = math.sqrt(0.5)
    turned = fl.obb_convert([[0, 0, 2, 0.0, math.pi / 4]], "cxcywhr", "xyxyxyxy")[0]
    # y points down: a positive angle turns the right end down
    assert np.allclose(turned, [-half, -half, half, half, half, half, -half, -half])
    quarter = fl.obb_convert([[10, 20, 4, 2, math.pi / 2]], "cxcywhr", "xyxyxyxy")
    assert np.allclose(quarter, [[11, 18, 11, 22, 9, 22, 9, 18]])
    around = fl.obb_convert([[10, 20, 4, 2, math.pi / 2]], "cxcywhr", "xyxy")
    assert np.allclose(around, [[9, 18, 11, 22]])
    assert fl.obb_convert([[1, 2, 5, 4]], "xyxy", "cxcywhr").tolist() == [[3, 3, 4, 2, 0]]
    assert fl.obb_convert([[1, 2, 5, 4]], "xyxy", "xyxy").tolist() == [[1, 2, 5, 4]]


@pytest.mark.parametrize("offset", [0.0, 1e6])
def test_corners_there_and_back(offset):
    boxes = random_boxes(300, 9) + np.array([offset, offset, 0, 0, 0])
    corners = fl.obb_convert(boxes, "cxcywhr", "xyxyxyxy")
    for row, box in zip(corners[:20], boxes[:20], strict=True):
        expected = np.array(polygon(box).exterior.coords)[:-1]
        distance = np.abs(expected[:, None] - row.reshape(4, 2)[None]).sum(axis=2).min(axis=1)
        assert distance.max() < 1e-6
    back = fl.obb_convert(corners, "xyxyxyxy", "cxcywhr")
    assert np.allclose(back[:, :4], boxes[:, :4], rtol=1e-9, atol=1e-8)
    turns = (back[:, 4] - boxes[:, 4]) / (2 * math.pi)
    assert np.allclose(turns, np.rint(turns), atol=1e-8)
    assert (np.abs(back[:, 4]) <= math.pi).all()
    upright = fl.obb_convert(corners, "xyxyxyxy", "xyxy")
    assert np.allclose(upright[:20], [polygon(b).bounds for b in boxes[:20]], atol=1e-6)


def test_corners_without_a_width_keep_their_angle():
    box = [[5, 5, 0, 4, 0.3], [5, 5, 4, 0, 0.3], [5, 5, 0, 0, 0.3]]
    back = fl.obb_convert(fl.obb_convert(box, "cxcywhr", "xyxyxyxy"), "xyxyxyxy", "cxcywhr")
    assert np.allclose(back[:, 4], [0.3, 0.3, 0])


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: fl.obb_iou([[0, 0, 1, 1]], []), ValueError, r"boxes1.*\(N, 5\)"),
        (lambda: fl.obb_iou([[0, 0, -1, 1, 0]], []), ValueError, r"boxes1\[0\].*width"),
        (lambda: fl.obb_iou([], [[0, 0, 1, 1, np.nan]]), ValueError, r"boxes2\[0\].*finite"),
        (lambda: fl.obb_iou([], [[0, 0, 1, 1, 0]], aligned=True), ValueError, "boxes2: got 1"),
        (lambda: fl.obb_iou([], [], out=np.zeros((1, 1))), ValueError, "out: got shape"),
        (
            lambda: fl.obb_iou([], [], out=np.zeros((0, 0), np.float32)),
            TypeError,
            "out: got dtype",
        ),
        (
            lambda: fl.obb_iou(random_boxes(2, 1), random_boxes(3, 1), out=np.zeros((3, 2)).T),
            ValueError,
            "out: got strided",
        ),
        (lambda: fl.obb_nms([[0, 0, 1, 1, 0]], [np.nan], 0.5), ValueError, "scores: entry 0"),
        (lambda: fl.obb_nms([[0, 0, 1, 1, 0]], [1], 5), ValueError, "iou_threshold: got 5"),
        (lambda: fl.obb_convert([], "xywh", "xyxy"), ValueError, "in_fmt.*'xywh'"),
        (lambda: fl.obb_convert([[1, 2]], "xyxyxyxy", "xyxy"), ValueError, r"\(N, 8\)"),
    ],
)
def test_bad_arguments_are_named(call, error, text):
    with pytest.raises(error, match=text):
        call()


FORMATS = {
    "cxcywhr": [5.0, 5, 4, 2, 0.5],
    "xyxyxyxy": [3.0, 4, 7, 4, 7, 6, 3, 6],
    "xyxy": [3.0, 4, 7, 6],
}


@pytest.mark.parametrize("in_fmt", FORMATS)
@pytest.mark.parametrize("out_fmt", FORMATS)
def test_conversion_into_out(in_fmt, out_fmt):
    boxes = np.array([FORMATS[in_fmt]] * 3) + np.arange(3)[:, None] * (in_fmt != "cxcywhr")
    expected = fl.obb_convert(boxes, in_fmt, out_fmt)
    assert not np.may_share_memory(expected, boxes)
    room = np.full((3, 2 * len(FORMATS[out_fmt])), 7.0)
    out = room[:, ::2]
    assert fl.obb_convert(boxes, in_fmt, out_fmt, out=out) is out
    np.testing.assert_array_equal(out, expected)
    assert (room[:, 1::2] == 7).all()
    with pytest.raises(ValueError, match="out: got shape"):
        fl.obb_convert(boxes, in_fmt, out_fmt, out=out[:2])
    with pytest.raises(TypeError, match="out: got dtype float32"):
        fl.obb_convert(boxes, in_fmt, out_fmt, out=np.zeros(out.shape, np.float32))
    with pytest.raises(ValueError, match="shares memory"):
        fl.obb_convert(boxes, in_fmt, in_fmt, out=boxes)
