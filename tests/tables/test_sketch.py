"""Quantile sketches: the error bound, and parts that merge to the whole."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastlabel import _core
from fastlabel.tables import Category, QuantileSketch

NORMAL = np.finfo(float).tiny
numbers = st.lists(st.floats(), max_size=40)
sized = st.floats(allow_nan=False, allow_infinity=False, allow_subnormal=False)


def filled(values, bits=7):
    return QuantileSketch(bits=bits).fill(np.array(values, float))


@given(st.lists(sized, min_size=1, max_size=60), st.floats(0, 1), st.integers(1, 15))
def test_quantiles_are_within_the_bound(values, q, bits):
    exact = sorted(values)[math.floor(q * (len(values) - 1))]
    found = filled(values, bits).quantile(q).item()
    assert abs(found - exact) <= abs(exact) * 2.0 ** -(bits + 1)


def test_quantiles_of_many_numbers_are_numpys():
    x = np.random.default_rng(1).lognormal(2, 3, 50_000)
    sketch = filled(x)
    for q in (0, 0.01, 0.25, 0.5, 0.9, 0.999, 1):
        exact = np.quantile(x, q, method="lower")
        assert sketch.quantile(q).item() == pytest.approx(exact, rel=2**-8)
    assert sketch.quantile(0).item() == x.min()
    assert sketch.quantile(1).item() == x.max()


@given(numbers, numbers, numbers, st.permutations(range(3)))
def test_parts_merge_to_the_whole(a, b, c, order):
    whole = filled([*a, *b, *c])
    parts = [filled(part) for part in (a, b, c)]
    merged = QuantileSketch()
    for k in order:
        merged.merge(parts[k])
    assert merged == whole
    assert parts[0] + (parts[1] + parts[2]) == whole
    assert QuantileSketch.from_dict(json.loads(json.dumps(whole.to_dict()))) == whole


def test_every_isa_gives_the_same():
    rng = np.random.default_rng(2)
    x = np.ldexp(rng.normal(size=4001), rng.integers(-1000, 900, 4001))
    x[:4] = [np.nan, np.inf, -0.0, 5e-324]
    before, seen = _core.isa(), []
    try:
        for tier in _core.isa_available():
            _core.isa_select(tier)
            seen.append(filled(x))
    finally:
        _core.isa_select(before)
    assert all(sketch == seen[0] for sketch in seen)


def test_groups():
    rng = np.random.default_rng(3)
    group, x = rng.integers(0, 3, 9000), rng.random(9000) + 1
    sketch = QuantileSketch(Category(4)).fill(group, x)
    assert sketch.count().tolist() == np.bincount(group, minlength=4).tolist()
    for g in range(3):
        exact = np.quantile(x[group == g], 0.5, method="lower")
        assert sketch.quantile(0.5)[g] == pytest.approx(exact, rel=2**-8)
    assert np.isnan(sketch.quantile(0.5)[3])
    assert QuantileSketch.from_dict(sketch.to_dict()) == sketch


def test_one_number_many_times_is_exact():
    assert filled([1234.5678] * 100).quantile(0.3).item() == 1234.5678
    assert filled([-0.0, 0.0]).quantile(0.5).item() == 0.0
    assert filled([np.inf, -np.inf, np.inf]).quantile(0.5).item() == np.inf


@pytest.mark.parametrize(
    "make,error,text",
    [
        (lambda: QuantileSketch(bits=0), ValueError, "bits: got 0"),
        (lambda: QuantileSketch(bits=16), ValueError, "bits: got 16"),
        (lambda: QuantileSketch().quantile(1.5), ValueError, "q: got 1.5"),
        (lambda: QuantileSketch().quantile(np.nan), ValueError, "q"),
        (lambda: QuantileSketch().fill([1], [2]), ValueError, "columns: got 2"),
        (lambda: QuantileSketch().merge(QuantileSketch(bits=3)), ValueError, "other"),
        (lambda: QuantileSketch().merge(1), TypeError, "other: got int"),
        (lambda: QuantileSketch.from_dict({"type": "no"}), ValueError, "type"),
    ],
)
def test_bad_input_is_named(make, error, text):
    with pytest.raises(error, match=text):
        make()


def test_a_broken_file_is_refused():
    plain = filled([1.0]).to_dict()
    for key, bad in (("groups", [7]), ("keys", [2**30]), ("counts", [-1]), ("lows", ["0x1p9"])):
        with pytest.raises(ValueError):
            QuantileSketch.from_dict({**plain, key: bad})
