"""Batches of many images, and pairs over a threshold, against the matrices."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from box_making import dtypes, formula, random_boxes, sound_boxes
from hypothesis import given, settings
from hypothesis import strategies as st

import fastlabel as fl
from fastlabel import _core

CALLS = {
    "iou": fl.box_iou,
    "ioa": fl.box_ioa,
    "ios": fl.box_ios,
    "giou": fl.generalized_box_iou,
    "diou": fl.distance_box_iou,
    "ciou": fl.complete_box_iou,
}


@st.composite
def batches(draw):
    dtype = draw(dtypes)
    a, b = draw(sound_boxes(dtype, 60)), draw(sound_boxes(dtype, 60))
    groups = draw(st.integers(1, 6))

    def cut(n):
        inner = draw(st.lists(st.integers(0, n), min_size=groups - 1, max_size=groups - 1))
        return np.array([0, *sorted(inner), n])

    return a, cut(len(a)), b, cut(len(b))


def images(a, rows, b, columns):
    for g in range(len(rows) - 1):
        i, j = slice(rows[g], rows[g + 1]), slice(columns[g], columns[g + 1])
        yield rows[g], columns[g], a[i], b[j]


@pytest.mark.parametrize("metric", CALLS)
@settings(deadline=None, max_examples=40)
@given(batch=batches())
def test_the_values_are_the_matrices(metric, batch):
    values, offsets = fl.ragged_iou(*batch, metric=metric)
    assert values.dtype == batch[0].dtype
    assert offsets[-1] == len(values)
    for g, (_, _, a, b) in enumerate(images(*batch)):
        matrix = values[offsets[g] : offsets[g + 1]].reshape(len(a), len(b))
        np.testing.assert_array_equal(matrix, CALLS[metric](a, b))


@pytest.mark.parametrize("metric", ["iou", "ioa", "ios"])
@settings(deadline=None, max_examples=40)
@given(batch=batches(), threshold=st.sampled_from([0.0, 0.25, 0.5]))
def test_best_is_the_largest_of_each_row(metric, batch, threshold):
    index, value = fl.ragged_best(*batch, metric=metric, threshold=threshold)
    for first, second, a, b in images(*batch):
        matrix = CALLS[metric](a, b)
        for i, row in enumerate(matrix):
            most = row.max(initial=0)
            if most > 0 and most >= threshold:
                assert (index[first + i], value[first + i]) == (second + row.argmax(), most)
            else:
                assert (index[first + i], value[first + i]) == (-1, 0)


@settings(deadline=None, max_examples=40)
@given(batches(), st.sampled_from([0.1, 0.3, 0.5, 1.0]))
def test_counts_and_pairs_are_those_of_the_matrix(batch, threshold):
    a, rows, b, columns = batch
    counts = fl.ragged_counts(*batch, threshold)
    i, j, iou = fl.box_pairs_between(a, b, threshold, offsets1=rows, offsets2=columns)
    assert iou.dtype == a.dtype
    expected = []
    for first, second, one, other in images(*batch):
        matrix = fl.box_iou(one, other)
        hit = matrix >= threshold
        assert counts[first : first + len(one)].tolist() == hit.sum(axis=1).tolist()
        x, y = np.nonzero(hit)
        expected += zip(first + x, second + y, matrix[x, y], strict=True)
    assert list(zip(i, j, iou, strict=True)) == expected


@settings(deadline=None, max_examples=60)
@given(batches(), st.sampled_from([0.1, 0.5, 0.8, 1.0]), st.integers(0, 3))
def test_pairs_within_are_those_of_the_matrix(batch, threshold, most):
    a, rows, _, _ = batch
    i, j, iou = fl.box_pairs(a, rows, threshold, max_per_box=most)
    expected = []
    for first, _, one, _ in images(a, rows, a, rows):
        matrix = fl.box_iou(one, one)
        x, y = np.nonzero(np.triu(matrix >= threshold, 1))
        expected += zip(first + x, first + y, matrix[x, y], strict=True)
    got = list(zip(i, j, iou, strict=True))
    if most == 0:
        assert got == expected
    else:
        assert set(got) <= set(expected) and got == sorted(got)
        whole = np.bincount([p[1] for p in expected], minlength=len(a))
        assert np.bincount(j, minlength=len(a)).tolist() == np.minimum(whole, most).tolist()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("threshold", [0.3, 0.5, 0.9])
def test_large_sets_are_the_matrix_too(dtype, threshold):
    a = random_boxes(3000, 1, 900, dtype)
    rng = np.random.default_rng(2)
    b = (a + rng.normal(0, 4, a.shape))[rng.permutation(3000)].astype(dtype)
    b[:, 2:] = np.maximum(b[:, 2:], b[:, :2])
    matrix = fl.box_iou(a, b)
    i, j, iou = fl.box_pairs_between(a, b, threshold)
    x, y = np.nonzero(matrix >= threshold)
    assert len(x) > 1000
    np.testing.assert_array_equal(i, x)
    np.testing.assert_array_equal(j, y)
    np.testing.assert_array_equal(iou, matrix[x, y])
    counts = fl.ragged_counts(a, [0, 3000], b, [0, 3000], threshold)
    np.testing.assert_array_equal(counts, (matrix >= threshold).sum(axis=1))
    index, value = fl.ragged_best(a, [0, 3000], b, [0, 3000], threshold=threshold)
    most = matrix.max(axis=1)
    np.testing.assert_array_equal(index, np.where(most >= threshold, matrix.argmax(axis=1), -1))
    np.testing.assert_array_equal(value, np.where(most >= threshold, most, 0))


def test_many_images_as_pycocotools():
    mask = pytest.importorskip("pycocotools.mask")
    a, b = random_boxes(800, 1), random_boxes(500, 2)
    rows, columns = np.arange(0, 801, 8), np.arange(0, 501, 5)
    crowd = np.random.default_rng(3).integers(0, 2, 500)
    values, offsets = fl.ragged_iou(a, rows, b, columns, crowd=crowd)
    for g in range(100):
        theirs = mask.iou(
            fl.box_convert(a[rows[g] : rows[g + 1]], "xyxy", "xywh"),
            fl.box_convert(b[columns[g] : columns[g + 1]], "xyxy", "xywh"),
            crowd[columns[g] : columns[g + 1]].tolist(),
        )
        np.testing.assert_allclose(
            values[offsets[g] : offsets[g + 1]].reshape(8, 5), theirs, rtol=1e-12
        )


def test_best_holds_no_matrix():
    n = 20_000
    a = random_boxes(n, 1, 5000, np.float32)
    tracemalloc.start()
    index, value = fl.ragged_best(a, [0, n], a, [0, n])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1e6
    assert index.tolist() == list(range(n))
    assert (value == 1).all()


def test_out():
    a, b = random_boxes(30, 1), random_boxes(20, 2)
    rows, columns = [0, 10, 30], [0, 15, 20]
    out = np.empty(10 * 15 + 20 * 5)
    values, _ = fl.ragged_iou(a, rows, b, columns, out=out)
    assert values is out
    np.testing.assert_array_equal(out[:150].reshape(10, 15), formula("iou", a[:10], b[:15]))
    pair = (np.empty(30, np.int64), np.empty(30))
    index, value = fl.ragged_best(a, rows, b, columns, out=pair)
    assert index is pair[0] and value is pair[1]
    counts = np.empty(30, np.int64)
    assert fl.ragged_counts(a, rows, b, columns, 0.5, out=counts) is counts


@pytest.mark.parametrize("bad", [[np.nan, 0, 1, 1], [0, 0, np.inf, 1], [5, 5, 5, 9], [9, 9, 5, 5]])
def test_boxes_that_are_none_have_no_pairs(bad):
    boxes = [[0, 0, 10, 10], bad, bad, [0, 0, 10, 10]]
    i, j, _ = fl.box_pairs(boxes, [0, 4], 0.01, invalid="zero")
    assert (i.tolist(), j.tolist()) == ([0], [3])
    index, _ = fl.ragged_best(boxes, [0, 4], boxes, [0, 4], invalid="zero")
    assert index.tolist() == [0, -1, -1, 0]


BOX = np.array([[0.0, 0, 1, 1], [0, 0, 1, 1]])
ROWS = [0, 2]
NAN = np.full((2, 4), np.nan)


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: fl.ragged_iou(BOX, [0, 3], BOX, ROWS), ValueError, "offsets1: got 3 as the last"),
        (lambda: fl.ragged_iou(BOX, [0, 2, 1, 2], BOX, ROWS), ValueError, r"offsets1\[2\]: got 1"),
        (lambda: fl.ragged_iou(BOX, [1, 2], BOX, ROWS), ValueError, "offsets1: got 1 as the first"),
        (lambda: fl.ragged_iou(BOX, ROWS, BOX, [0, 1, 2]), ValueError, "offsets2: got 2 images"),
        (lambda: fl.ragged_iou(BOX, [0.0, 2.0], BOX, ROWS), TypeError, "offsets1: got dtype"),
        (lambda: fl.ragged_iou(BOX, ROWS, BOX, ROWS, metric="x"), ValueError, "metric: got 'x'"),
        (
            lambda: fl.ragged_iou(BOX, ROWS, BOX, ROWS, metric="giou", crowd=[1, 0]),
            ValueError,
            "crowd: got flags with metric 'giou'",
        ),
        (
            lambda: fl.ragged_iou(BOX, ROWS, BOX, ROWS, out=np.empty(8)[::2]),
            ValueError,
            "out: has gaps",
        ),
        (lambda: fl.ragged_iou(BOX, ROWS, NAN, ROWS), ValueError, r"boxes2\[0\]"),
        (
            lambda: fl.ragged_best(BOX, ROWS, BOX, ROWS, metric="giou"),
            ValueError,
            "metric: got 'giou'",
        ),
        (
            lambda: fl.ragged_best(BOX, ROWS, BOX, ROWS, threshold=2),
            ValueError,
            "threshold: got 2",
        ),
        (lambda: fl.ragged_best(BOX, ROWS, BOX, ROWS, out=3), TypeError, "out: got int"),
        (lambda: fl.ragged_counts(BOX, ROWS, BOX, ROWS, 0), ValueError, "threshold: got 0"),
        (lambda: fl.box_pairs(BOX, ROWS, float("nan")), ValueError, "threshold: got nan"),
        (lambda: fl.box_pairs(BOX, [0, 3], 0.5), ValueError, "offsets: got 3"),
        (lambda: fl.box_pairs(BOX, ROWS, 0.5, max_per_box=-1), ValueError, "max_per_box: got -1"),
        (lambda: fl.box_pairs(NAN, ROWS, 0.5), ValueError, r"boxes\[0\]"),
        (
            lambda: fl.box_pairs_between(BOX, BOX, 0.5, offsets1=ROWS),
            ValueError,
            "offsets2: got None",
        ),
        (lambda: fl.box_pairs_between(BOX, BOX, 1.5), ValueError, "threshold: got 1.5"),
    ],
)
def test_bad_arguments_are_named(call, error, text):
    with pytest.raises(error, match=text):
        call()


@settings(deadline=None, max_examples=30)
@given(batches())
def test_every_instruction_set_gives_the_same_bytes(batch):
    a, rows, b, _ = batch
    before, seen = _core.isa(), set()
    try:
        for tier in _core.isa_available():
            _core.isa_select(tier)
            results = (
                *fl.ragged_iou(*batch),
                *fl.ragged_best(*batch),
                fl.ragged_counts(*batch, 0.3),
                *fl.box_pairs(a, rows, 0.3),
                *fl.box_pairs_between(a, b, 0.3),
            )
            seen.add(tuple(array.tobytes() for array in results))
    finally:
        _core.isa_select(before)
    assert len(seen) == 1


@pytest.mark.parametrize(
    ("name", "call"),
    [
        ("threshold", lambda b: fl.box_pairs(b, [0, 1], "a")),
        ("threshold", lambda b: fl.ragged_best(b, [0, 1], b, [0, 1], threshold=None)),
        ("max_per_box", lambda b: fl.box_pairs(b, [0, 1], 0.5, max_per_box="a")),
        ("eps", lambda b: fl.distance_box_iou(b, b, eps="a")),
        ("sigma", lambda b: fl.soft_nms(b, [1], sigma="a")),
        ("score_threshold", lambda b: fl.soft_nms(b, [1], score_threshold=None)),
    ],
)
def test_a_number_that_is_none_is_named(name, call):
    with pytest.raises(TypeError, match=f"{name}: got ('a'|NoneType), expected a"):
        call([[0, 0, 1, 1]])
