"""Histograms: NumPy's and boost-histogram's bins, every row counted, sums that merge."""

from __future__ import annotations

import itertools
import json
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastlabel import _core
from fastlabel.tables import (
    Category,
    Histogram,
    Log,
    Regular,
    Variable,
    axis_from_dict,
    grouped_histogram,
    histogram,
)


@pytest.fixture
def restore():
    before = _core.isa()
    yield
    _core.isa_select(before)


def near_edges(edges, rng, n):
    """Numbers on, next to and between the edges."""
    at = rng.choice(edges, n)
    way = rng.integers(0, 4, n)
    inside = rng.uniform(edges[0], edges[-1], n)
    return np.select(
        [way == 0, way == 1, way == 2],
        [at, np.nextafter(at, -np.inf), np.nextafter(at, np.inf)],
        inside,
    )


@given(
    st.integers(1, 300),
    st.floats(-1e6, 1e6),
    st.floats(1e-3, 1e6),
    st.integers(0, 2**31),
)
def test_bins_are_numpys(bins, low, width, seed):
    high = low + width
    rng = np.random.default_rng(seed)
    x = near_edges(np.linspace(low, high, bins + 1), rng, 200)
    x = np.concatenate([x, [low - 1, high + 1]])
    ours, edges = histogram(x, bins, (low, high))
    counts, numpys = np.histogram(x, bins, (low, high))
    assert edges.tolist() == numpys.tolist()
    assert ours.tolist() == counts.tolist()


@given(st.lists(st.floats(-1e9, 1e9), min_size=2, max_size=60, unique=True), st.integers(0, 999))
def test_bins_between_any_edges_are_numpys(edges, seed):
    edges = np.sort(np.array(edges))
    x = near_edges(edges, np.random.default_rng(seed), 100)
    assert histogram(x, edges)[0].tolist() == np.histogram(x, edges)[0].tolist()


@pytest.mark.parametrize("dtype", ["u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8", "f8", "?"])
def test_whole_numbers_of_any_width(dtype):
    x = np.random.default_rng(1).integers(0, 2 if dtype == "?" else 100, 5000).astype(dtype)
    expected = np.histogram(x.astype(np.float64), 7, (0, 90))[0]
    assert histogram(x, 7, (0, 90))[0].tolist() == expected.tolist()
    assert histogram(x[::3], 7, (0, 90))[0].sum() <= expected.sum()
    assert histogram(x[::-1], 7, (0, 90))[0].tolist() == expected.tolist()


def test_the_defaults_are_numpys():
    x = np.random.default_rng(2).normal(size=1000)
    for given_ in (x, x[:1], np.full(9, 3.0), np.empty(0)):
        counts, edges = np.histogram(given_)
        ours = histogram(given_)
        assert ours[0].tolist() == counts.tolist()
        assert ours[1].tolist() == edges.tolist()


def test_boost_histogram_counts_the_same():
    bh = pytest.importorskip("boost_histogram")
    rng = np.random.default_rng(3)
    x, c = rng.random(20_000) * 1.2 - 0.1, rng.integers(-1, 5, 20_000)
    theirs = bh.Histogram(bh.axis.Integer(0, 4), bh.axis.Regular(64, 0, 1)).fill(c, x)
    ours = Histogram(Category(4), Regular(64, 0, 1)).fill(c, x)
    assert ours.counts().tolist() == theirs.view().astype(int).tolist()
    flow = theirs.view(flow=True).astype(int)
    assert ours.counts(flow=True)[:-1, :-1].tolist() == flow.tolist()


def test_every_row_is_counted_and_named():
    h = Histogram(Regular(2, 0, 1, name="x"), Category(["a", "b"], name="class"))
    x = [-1.0, 2.0, np.nan, 0.5, 1.0, np.inf]
    h.fill(x, ["a", "b", None, "zebra", "b", "a"])
    assert h.total == 6
    assert h.outside() == {
        "x": {"below": 1, "above": 2, "unknown": 1},
        "class": {"above": 1, "unknown": 1},
    }
    assert h.counts().sum() == 1


def test_log_edges_are_correctly_rounded():
    edges = Log(30, 1, 10).edges
    for k, edge in enumerate(edges):
        # edge is nearest to 10^(k/30) when edge^30 brackets 10^k between half-way neighbours.
        below = (Fraction(np.nextafter(edge, 0)) + Fraction(edge)) / 2
        above = (Fraction(np.nextafter(edge, 99)) + Fraction(edge)) / 2
        assert below**30 < 10**k < above**30
    assert Log(10, 1, 1024).edges.tolist() == [2.0**k for k in range(11)]


AXES = (Regular(7, -1, 3), Log(20, 0.5, 700), Variable([-2, -1, 0.5, 9]), Log(3, 1e-300, 1e300))


@pytest.mark.parametrize("axis", AXES, ids=lambda a: type(a).__name__)
def test_every_isa_counts_the_same(restore, axis):
    rng = np.random.default_rng(5)
    seen = set()
    for n in (0, 1, 3, 17, 64, 1023, 1025, 5000):
        x = near_edges(axis.edges, rng, n)
        if n > 3:
            x[:3] = [np.nan, np.inf, -np.inf]
        classes = rng.integers(-2, 8, n).astype(np.int32)
        seen.clear()
        for tier in _core.isa_available():
            _core.isa_select(tier)
            seen.add(Histogram(Category(5), axis).fill(classes, x).counts(flow=True).tobytes())
        assert len(seen) == 1


weights = st.floats(-(2.0**32), 2.0**32)
rows = st.lists(st.tuples(st.floats(-2, 2) | st.just(np.nan), weights), max_size=40)


def filled(part):
    x, w = (np.array(c, float) for c in (zip(*part, strict=True) if part else ((), ())))
    return Histogram(Regular(4, -1, 1), weight=True).fill(x, weight=w)


@given(rows, rows, rows, st.permutations(range(3)))
def test_parts_merge_to_the_whole(a, b, c, order):
    whole = filled([*a, *b, *c])
    parts = [filled(part) for part in (a, b, c)]
    merged = Histogram(Regular(4, -1, 1), weight=True)
    for k in order:
        merged.merge(parts[k])
    assert merged == whole
    assert merged.sums(flow=True).tobytes() == whole.sums(flow=True).tobytes()
    right = parts[0] + (parts[1] + parts[2])
    assert right == whole
    again = Histogram.from_dict(json.loads(json.dumps(whole.to_dict())))
    assert again == whole
    assert again.sums(flow=True).tolist() == whole.sums(flow=True).tolist()


@given(rows)
def test_sums_are_exact(part):
    h = filled(part)
    bins = {k: Fraction(0) for k in range(7)}
    edges = h.edges[0]
    for x, w in part:
        cell = 6 if np.isnan(x) else 0 if x < -1 else 5 if x > 1 else None
        if cell is None:
            cell = min(int(np.searchsorted(edges, x, "right")), 4)
        units = Fraction(w) * 2**64
        bins[cell] += round(units)  # half to even
    assert h.sums(flow=True).tolist() == [float(s / 2**64) for s in bins.values()]


def test_unweighted_order_does_not_matter():
    rng = np.random.default_rng(8)
    x, y = rng.normal(size=3000), rng.integers(0, 3, 3000)
    whole = Histogram(Category(3), Regular(9, -2, 2)).fill(y, x)
    for cut in itertools.pairwise([0, 1, 700, 701, 3000]):
        assert cut[0] < cut[1]
    parts = [
        Histogram(Category(3), Regular(9, -2, 2)).fill(y[a:b], x[a:b])
        for a, b in itertools.pairwise([0, 1, 700, 701, 3000])
    ]
    assert parts[3] + parts[1] + parts[0] + parts[2] == whole


def test_grouped_histogram_groups_by_text_and_number():
    h = grouped_histogram(np.array(["b", "a", "b"]), [1.0, 2.0, 3.0], 2, (0, 4))
    assert h.axes[0].names == ("a", "b")
    assert h.counts().tolist() == [[0, 1], [1, 1]]
    assert grouped_histogram([0, 2, 2], [1, 2, 3], 2, (0, 4)).counts().tolist() == [
        [1, 0],
        [0, 0],
        [0, 2],
    ]


@pytest.mark.parametrize("axis", [*AXES, Category(4), Category(["x", "y"], name="n")], ids=repr)
def test_axes_survive_json(axis):
    again = axis_from_dict(json.loads(json.dumps(axis.to_dict())))
    assert again == axis
    assert hash(again) == hash(axis)
    if axis.edges is not None:
        assert again.edges.tobytes() == axis.edges.tobytes()


BAD = [
    (lambda: Regular(0, 0, 1), ValueError, "bins: got 0"),
    (lambda: Regular(2.5, 0, 1), TypeError, "bins: got float"),
    (lambda: Regular(2, 1, 0), ValueError, "low, high"),
    (lambda: Regular(2, 0, np.nan), ValueError, "low, high"),
    (lambda: Regular(10, 1, 1 + 2**-52), ValueError, "expected them to rise"),
    (lambda: Log(2, 0, 1), ValueError, "low, high"),
    (lambda: Log(10**6, 1, 2), ValueError, "65536"),
    (lambda: Variable([0, 2, 1]), ValueError, r"edges\[2\]: got 1.0 after 2.0"),
    (lambda: Variable([0]), ValueError, "at least two"),
    (lambda: Variable([0, np.inf]), ValueError, "finite"),
    (lambda: Category("abc"), TypeError, "one text"),
    (lambda: Category(["a", "a"]), ValueError, "twice"),
    (lambda: Category(["a\0"]), ValueError, "NUL"),
    (lambda: Histogram(), ValueError, "axes: got 0"),
    (lambda: Histogram(3), TypeError, r"axes\[0\]: got int"),
    (lambda: Histogram(Category(10**5), Category(10**5)), ValueError, "2\\^31"),
    (lambda: Histogram(Regular(2, 0, 1)).fill(), ValueError, "columns: got 0"),
    (lambda: Histogram(Regular(2, 0, 1)).fill(["a"]), TypeError, "dtype"),
    (lambda: Histogram(Regular(2, 0, 1)).fill([[1.0]]), ValueError, "shape"),
    (lambda: Histogram(Regular(2, 0, 1)).fill(np.zeros(2, np.float16)), TypeError, "float16"),
    (lambda: Histogram(Category(2)).fill([0.5]), TypeError, "whole numbers"),
    (lambda: Histogram(Category(["a"])).fill(["a", 3.5]), TypeError, r"\[1\]: got float"),
    (
        lambda: Histogram(Category(2), Category(2, name="two")).fill([1], [1, 2]),
        ValueError,
        "two: got 2 rows, expected 1",
    ),
    (lambda: Histogram(Category(2)).fill([1], weight=[1.0]), ValueError, "weight: got weights"),
    (lambda: Histogram(Category(2), weight=True).fill([1]), ValueError, "weight: got none"),
    (lambda: Histogram(Category(2)).merge(Histogram(Category(3))), ValueError, "other"),
    (lambda: Histogram(Category(2)).merge(3), TypeError, "other: got int"),
    (lambda: Histogram(Category(2)).sums(), ValueError, "weight"),
    (lambda: Histogram.from_dict({}), ValueError, "type"),
    (lambda: axis_from_dict({"kind": "round"}), ValueError, "kind"),
    (lambda: histogram([1.0, np.nan]), ValueError, "range"),
]


@pytest.mark.parametrize("make,error,text", BAD)
def test_bad_input_is_named(make, error, text):
    with pytest.raises(error, match=text):
        make()


@pytest.mark.parametrize("bad", [np.nan, np.inf, 2.0**33])
def test_a_bad_weight_adds_nothing(bad):
    h = Histogram(Regular(2, 0, 1), weight=True).fill([0.5], weight=[1.0])
    before = h.to_dict()
    with pytest.raises(ValueError, match="weight"):
        h.fill(np.zeros(5000), weight=np.append(np.ones(4999), bad))
    assert h.to_dict() == before


def test_sums_that_could_overflow_are_refused():
    plain = Histogram(Category(1), weight=True).fill([0], weight=[2.0**32]).to_dict()
    plain["counts"] = [2**30]
    huge = Histogram.from_dict(plain)
    with pytest.raises(OverflowError, match="2\\^63"):
        huge.merge(huge)


@pytest.mark.parametrize("validity", [np.array([255], np.int64), np.array([True]), [255]])
def test_native_validity_is_never_a_copy(validity: object) -> None:
    """A cast copy would be gone before it is read."""
    column = (np.zeros(8, np.uint8), 8, validity, 0, -1)
    with pytest.raises(TypeError, match="uint8"):
        _core.histogram_fill([(None, 3)], [column], np.zeros(6, np.int64))
