"""The IoU family against torchvision's formulas, pycocotools and shapely."""

from __future__ import annotations

import numpy as np
import pytest
from box_making import LAYOUTS, dtypes, formula, random_boxes, sound_boxes
from hypothesis import given, settings
from hypothesis import strategies as st

import fastlabel as fl
from fastlabel import _core

METRICS = {
    "iou": fl.box_iou,
    "ioa": fl.box_ioa,
    "ios": fl.box_ios,
    "giou": fl.generalized_box_iou,
    "diou": fl.distance_box_iou,
    "ciou": fl.complete_box_iou,
}
LOWEST = {"giou": -1.0, "diou": -1.0, "ciou": -1.0}


@pytest.fixture(params=_core.isa_available())
def tier(request):
    before = _core.isa()
    _core.isa_select(request.param)
    yield request.param
    _core.isa_select(before)


@pytest.mark.parametrize("metric", METRICS)
@settings(deadline=None, max_examples=60)
@given(data=st.data(), dtype=dtypes)
def test_the_matrix_is_the_formula(metric, data, dtype):
    a, b = data.draw(sound_boxes(dtype)), data.draw(sound_boxes(dtype))
    ours = METRICS[metric](a, b)
    assert ours.dtype == dtype
    if metric == "ciou":  # the angle is our own
        assert np.allclose(ours, formula(metric, a, b), rtol=0, atol=20 * np.finfo(dtype).eps)
    else:
        np.testing.assert_array_equal(ours, formula(metric, a, b))


@pytest.mark.parametrize("metric", METRICS)
@settings(deadline=None, max_examples=30)
@given(data=st.data(), dtype=dtypes)
def test_aligned_is_the_diagonal(metric, data, dtype):
    a, b = data.draw(sound_boxes(dtype)), data.draw(sound_boxes(dtype))
    n = min(len(a), len(b))
    a, b = a[:n], b[:n]
    whole = METRICS[metric](a, b)
    np.testing.assert_array_equal(METRICS[metric](a, b, aligned=True), np.diagonal(whole))


@pytest.mark.parametrize("metric", METRICS)
def test_the_same_bits_on_every_tier(metric):
    before = _core.isa()
    seen = set()
    try:
        for tier in _core.isa_available():
            _core.isa_select(tier)
            for dtype in (np.float32, np.float64):
                a, b = random_boxes(70, 1, dtype=dtype), random_boxes(1100, 2, dtype=dtype)
                seen.add((dtype, METRICS[metric](a, b).tobytes()))
    finally:
        _core.isa_select(before)
    assert len(seen) == 2


@pytest.mark.parametrize(
    "shape", [(0, 0), (0, 3), (3, 0), (1, 1), (5, 1023), (65, 1025), (3, 2600)]
)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_sizes_across_tiles(tier, shape, dtype):
    a, b = random_boxes(shape[0], 1, dtype=dtype), random_boxes(shape[1], 2, dtype=dtype)
    np.testing.assert_array_equal(fl.box_iou(a, b), formula("iou", a, b))


def test_a_matrix_larger_than_the_caches(tier):
    a, b = random_boxes(1500, 1, dtype=np.float32), random_boxes(1701, 2, dtype=np.float32)
    raw = np.empty(a.shape[0] * b.shape[0] + 5, np.float32)
    for shift in (0, 1, 5):  # rows begin at any place of a cache line
        out = raw[shift : shift + 1500 * 1701].reshape(1500, 1701)
        out.fill(9)
        assert fl.box_iou(a, b, out=out) is out
        np.testing.assert_array_equal(out, formula("iou", a, b))


def test_as_pycocotools(tier):
    mask = pytest.importorskip("pycocotools.mask")
    a, b = random_boxes(60, 1), random_boxes(50, 2)
    crowd = np.random.default_rng(3).integers(0, 2, 50)
    wh = lambda x: fl.box_convert(x, "xyxy", "xywh")  # noqa: E731
    theirs = mask.iou(wh(a), wh(b), crowd.tolist())
    np.testing.assert_allclose(fl.box_iou(a, b, crowd=crowd.astype(bool)), theirs, rtol=1e-12)
    aligned = fl.box_iou(a[:50], b, crowd=crowd, aligned=True)
    np.testing.assert_allclose(aligned, np.diagonal(theirs), rtol=1e-12)


def test_as_shapely():
    shapely = pytest.importorskip("shapely")
    a, b = random_boxes(20, 1), random_boxes(30, 2)
    polygons = [[shapely.box(*row) for row in x] for x in (a, b)]
    inter = np.array([[p.intersection(q).area for q in polygons[1]] for p in polygons[0]])
    union = np.array([[p.union(q).area for q in polygons[1]] for p in polygons[0]])
    hull = np.array([[shapely.union(p, q).envelope.area for q in polygons[1]] for p in polygons[0]])
    np.testing.assert_allclose(fl.box_iou(a, b), inter / union, atol=1e-12)
    np.testing.assert_allclose(
        fl.generalized_box_iou(a, b), inter / union - (hull - union) / hull, atol=1e-12
    )
    np.testing.assert_allclose(fl.box_ioa(a, b) * fl.box_area(a)[:, None], inter, atol=1e-9)


UNUSABLE = ([np.nan, 0, 1, 1], [0, 0, np.inf, 1], [9, 9, 5, 5], [0, 5, 5, 0], [-np.inf, 0, 1, 1])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("bad", UNUSABLE)
def test_boxes_that_are_none(tier, metric, bad, dtype):
    bad = np.array([bad], dtype)
    good = np.array([[0, 0, 10, 10]], dtype)
    call = METRICS[metric]
    lowest = LOWEST.get(metric, 0.0)
    for a, b in ((bad, good), (good, bad), (bad, bad)):
        assert call(a, b, invalid="zero").tolist() == [[lowest]]
        assert call(a, b, invalid="zero", aligned=True).tolist() == [lowest]
        with pytest.raises(ValueError, match=r"boxes[12]\[0\]: got \[.*expected finite x1 <= x2"):
            call(a, b)


def test_boxes_without_area(tier):
    point, line, box = [2.0, 2, 2, 2], [0.0, 2, 4, 2], [0.0, 0, 4, 4]
    for call in (fl.box_iou, fl.box_ioa, fl.box_ios):
        assert call([point, line, box], [point, line]).tolist() == [[0, 0]] * 3
    # Their place still counts, and a hull without area adds no penalty.
    assert fl.generalized_box_iou([point], [point, line, box]).tolist() == [[0, 0, 0]]
    assert fl.generalized_box_iou([[6.0, 0, 6, 4]], [box]).tolist() == [[-8 / 24]]
    assert fl.distance_box_iou([point], [point, box, [2, 2, 6, 5]]).round(6).tolist() == [
        [0, 0, -0.25]
    ]
    assert np.isfinite(fl.complete_box_iou([point, line], [point, line, box])).all()


def test_huge_and_tiny_boxes_stay_in_range(tier):
    for dtype in (np.float32, np.float64):
        top, tiny = np.finfo(dtype).max, np.finfo(dtype).tiny
        a = np.array(
            [[-top, -top, top, top], [0, 0, top, 1], [0, 0, tiny, tiny], [0, 0, 1, 1]], dtype
        )
        for metric, call in METRICS.items():
            values = call(a, a)
            assert np.isfinite(values).all(), metric
            assert (values <= 1).all() and (values >= -2).all(), metric


@pytest.mark.parametrize("fmt", ["xyxy", "xywh", "cxcywh"])
def test_other_formats(tier, fmt):
    a, b = random_boxes(9, 1), random_boxes(8, 2)
    there = [fl.box_convert(x, "xyxy", fmt) for x in (a, b)]
    np.testing.assert_allclose(fl.box_iou(*there, fmt=fmt), fl.box_iou(a, b), rtol=1e-12)
    np.testing.assert_allclose(fl.box_ioa(*there, fmt=fmt), fl.box_ioa(a, b), rtol=1e-12)
    with pytest.raises(ValueError, match=r"boxes2\[1\]: got .*expected finite"):
        fl.box_iou(there[0], [[0, 0, 1, 1], [0, np.nan, 1, 1]], fmt=fmt)


def test_dtypes():
    a = random_boxes(3, 1, dtype=np.float32)
    assert fl.box_iou(a, a).dtype == np.float32
    assert fl.box_iou(a, a.astype(np.float64)).dtype == np.float64
    assert fl.box_iou(a.astype(np.int32), a.astype(np.int64)).dtype == np.float64
    assert fl.box_iou(a.astype(np.float16), a.astype(np.float16)).dtype == np.float64
    assert fl.box_iou(a.astype(">f4"), a).dtype == np.float64
    np.testing.assert_array_equal(fl.box_iou(a.astype(">f8"), a), fl.box_iou(a.astype(float), a))


@pytest.mark.parametrize("layout", range(len(LAYOUTS)))
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_out_of_any_layout(tier, layout, dtype):
    a, b = random_boxes(33, 1, dtype=dtype), random_boxes(4, 2, dtype=dtype)
    out = LAYOUTS[layout](np.full((33, 4), 7, dtype))
    assert fl.box_iou(a, b, out=out) is out
    np.testing.assert_array_equal(out, formula("iou", a, b))


BOX = np.array([[0.0, 0, 1, 1], [0, 0, 2, 2]])


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: fl.box_iou([[0, 0, 1]], BOX), ValueError, r"boxes1: got shape \(1, 3\), expected"),
        (lambda: fl.box_iou(BOX, BOX[0]), ValueError, r"boxes2: got shape \(4,\)"),
        (lambda: fl.box_iou(BOX, [["a"] * 4]), TypeError, "boxes2: got dtype <U1"),
        (lambda: fl.box_iou(BOX, BOX.astype(complex)), TypeError, "boxes2: got dtype complex"),
        (lambda: fl.box_iou(BOX, BOX, "xyz"), ValueError, "fmt: got 'xyz'"),
        (lambda: fl.box_iou(BOX, BOX, invalid="no"), ValueError, "invalid: got 'no'"),
        (lambda: fl.box_iou(BOX, BOX, crowd=[True]), ValueError, r"crowd: got shape \(1,\)"),
        (lambda: fl.box_iou(BOX, BOX, crowd=[0.5, 1]), TypeError, "crowd: got dtype float64"),
        (lambda: fl.box_iou(BOX, BOX[:1], aligned=True), ValueError, "boxes2: got 1 boxes"),
        (lambda: fl.distance_box_iou(BOX, BOX, 0), ValueError, "eps: got 0"),
        (lambda: fl.distance_box_iou(BOX, BOX, float("nan")), ValueError, "eps: got nan"),
        (lambda: fl.box_iou(BOX, BOX, out=[[0]]), TypeError, "out: got list"),
        (lambda: fl.box_iou(BOX, BOX, out=np.empty((2, 3))), ValueError, "out: got shape"),
        (lambda: fl.box_iou(BOX, BOX, out=np.empty((2, 2), "f4")), TypeError, "out: got dtype"),
        (lambda: fl.box_iou(BOX, BOX, out=BOX[:, :2]), ValueError, "out: shares memory"),
        (
            lambda: fl.box_iou(BOX, BOX, out=np.broadcast_to(np.zeros(2), (2, 2))),
            ValueError,
            "out: is read-only",
        ),
    ],
)
def test_bad_arguments_are_named(call, error, text):
    before = BOX.copy()
    with pytest.raises(error, match=text):
        call()
    np.testing.assert_array_equal(BOX, before)


def test_a_refused_call_writes_nothing():
    out = np.full((2, 2), 7.0)
    with pytest.raises(ValueError, match=r"boxes2\[1\]"):
        fl.box_iou(BOX, [[0, 0, 1, 1], [3, 0, 1, 1]], out=out)
    assert (out == 7).all()


def test_too_many_pairs_are_not_even_allocated():
    many = np.broadcast_to(BOX[:1], (100_000, 4))
    with pytest.raises(ValueError, match=r"100000 x 100000 boxes.*box_pairs_between"):
        fl.box_iou(many, many)
    offsets = [0, 100_000]
    with pytest.raises(ValueError, match=r"10000000000 pairs.*ragged_best"):
        fl.ragged_iou(many, offsets, many, offsets)


def test_the_first_bad_box_of_many_is_named():
    boxes = random_boxes(1000, 1)
    boxes[733, 2] = boxes[733, 0] - 1
    boxes[800] = np.nan
    with pytest.raises(ValueError, match=r"boxes1\[733\]"):
        fl.box_iou(boxes, BOX)
