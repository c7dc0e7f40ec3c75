"""Grouped statistics against exact fractions, and merged in any order."""

from __future__ import annotations

import json
import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastlabel import _core
from fastlabel.tables import Category, GroupedStats, grouped_stats

finite = st.floats(allow_nan=False, allow_infinity=False)
numbers = st.lists(st.floats(), max_size=30)


def filled(values):
    return GroupedStats(values=["x"]).fill(np.array(values, float))


def rounded(exact: Fraction) -> float:
    try:
        return float(exact)
    except OverflowError:
        return math.inf if exact > 0 else -math.inf


@given(st.lists(finite, min_size=1, max_size=30))
def test_finite_numbers_are_summed_exactly(values):
    stats = filled(values)
    exact = [Fraction(v) for v in values]
    mean = sum(exact) / len(exact)
    assert stats.count("x").item() == len(values)
    assert stats.min("x").item() == min(values)
    assert stats.max("x").item() == max(values)
    assert stats.sum("x").item() == rounded(sum(exact))
    assert stats.mean("x").item() == rounded(mean)
    variance = sum((v - mean) ** 2 for v in exact) / len(exact)
    assert stats.variance("x").item() == rounded(variance)
    assert stats.std("x").item() == math.sqrt(stats.variance("x").item())
    if len(values) > 1:
        spread = sum((v - mean) ** 2 for v in exact) / (len(exact) - 1)
        assert stats.variance("x", ddof=1).item() == rounded(spread)


@given(numbers, numbers, numbers, st.permutations(range(3)))
def test_parts_merge_to_the_whole(a, b, c, order):
    whole = filled([*a, *b, *c])
    parts = [filled(part) for part in (a, b, c)]
    merged = GroupedStats(values=["x"])
    for k in order:
        merged.merge(parts[k])
    assert merged._state["x"].tobytes() == whole._state["x"].tobytes()
    assert (parts[0] + (parts[1] + parts[2]))._state["x"].tobytes() == merged._state["x"].tobytes()
    again = GroupedStats.from_dict(json.loads(json.dumps(whole.to_dict())))
    assert again == whole
    assert again._state["x"].tobytes() == whole._state["x"].tobytes()


def test_groups_and_columns():
    rng = np.random.default_rng(4)
    group = rng.integers(0, 3, 4000)
    x, y = rng.normal(5, 2, 4000), rng.integers(0, 255, 4000).astype(np.uint8)
    stats = GroupedStats(Category(4), values=["x", "y"]).fill(group, x, y)
    for g in range(3):
        assert stats.mean("x")[g] == pytest.approx(x[group == g].mean(), rel=1e-14)
        assert stats.variance("x")[g] == pytest.approx(x[group == g].var(), rel=1e-12)
        assert stats.sum("y")[g] == y[group == g].sum()
        assert stats.max("y")[g] == y[group == g].max()
    assert np.isnan(stats.mean("x")[3])
    assert stats.count("y").tolist() == np.bincount(group, minlength=4).tolist()


def test_every_isa_gives_the_same():
    rng = np.random.default_rng(6)
    x, g = np.ldexp(rng.normal(size=3000), rng.integers(-900, 900, 3000)), rng.integers(0, 5, 3000)
    before, seen = _core.isa(), set()
    try:
        for tier in _core.isa_available():
            _core.isa_select(tier)
            seen.add(GroupedStats(Category(5)).fill(g, x)._state["value"].tobytes())
    finally:
        _core.isa_select(before)
    assert len(seen) == 1


def test_infinite_and_unknown_numbers():
    stats = filled([1.0, np.inf, np.nan])
    assert stats.mean("x").item() == np.inf
    assert np.isnan(stats.variance("x").item())
    assert stats.unknown("x").item() == 1
    assert stats.count("x").item() == 2
    assert np.isnan(filled([np.inf, -np.inf]).sum("x").item())
    assert filled([-np.inf]).mean("x").item() == -np.inf
    assert np.isnan(filled([]).mean("x").item())


def test_a_zero_has_no_sign():
    a, b = filled([0.0, -0.0]), filled([-0.0, 0.0])
    assert a._state["x"].tobytes() == b._state["x"].tobytes()


def test_grouped_stats_of_texts_and_a_mapping():
    stats = grouped_stats(["b", "a", "b"], {"w": [1, 2, 3], "h": [4.0, 5.0, 6.0]})
    assert stats.axes[0].names == ("a", "b")
    assert stats.mean("w").tolist() == [2.0, 2.0]
    assert stats.mean("h").tolist() == [5.0, 5.0]


@pytest.mark.parametrize(
    "make,error,text",
    [
        (lambda: GroupedStats(values="x"), ValueError, "values"),
        (lambda: GroupedStats(values=["x", "x"]), ValueError, "different"),
        (lambda: GroupedStats(Category(2)).fill([1]), ValueError, "columns: got 1, expected 2"),
        (lambda: GroupedStats(Category(2)).fill([1, 0], [1.0]), ValueError, "1 rows, expected 2"),
        (lambda: GroupedStats().fill(["a"]), TypeError, "value: got dtype"),
        (lambda: GroupedStats().mean("y"), ValueError, "value: got 'y'"),
        (lambda: GroupedStats().merge(GroupedStats(Category(2))), ValueError, "other"),
        (lambda: GroupedStats(Category(10**7)), ValueError, "groups"),
        (lambda: GroupedStats.from_dict({"type": "x"}), ValueError, "type"),
    ],
)
def test_bad_input_is_named(make, error, text):
    with pytest.raises(error, match=text):
        make()
