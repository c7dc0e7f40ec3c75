"""Order statistics by group: those of NumPy, bit for bit."""

from __future__ import annotations

import numpy as np
import pytest

from fastlabel import _ranks
from fastlabel._ranks import at_ranks, group_sizes, medians, percentiles

POINTS = [0, 5, 25, 50, 75, 95, 100]


def columns(n: int):
    rng = np.random.default_rng(n)
    yield "normal", rng.normal(size=n)
    yield "skewed", np.exp(rng.normal(0, 4, n))
    yield "few values", rng.integers(0, 5, n) * 1.0
    yield "one value", np.zeros(n)
    yield "far apart", np.r_[np.full(n - n // 3, 1e300), rng.normal(size=n // 3)]
    yield "almost nothing", rng.permutation(n) * 1e-310
    yield "infinite", np.r_[np.inf, -np.inf, rng.normal(size=n - 2)]


@pytest.mark.parametrize("groups", [1, 3, 40, 9000])
@pytest.mark.parametrize("n", [2, 5, 100, 40_000])
def test_medians_and_percentiles_are_numpys(n, groups):
    which = np.random.default_rng(1).integers(0, groups, n).astype(np.int16)
    sizes = group_sizes(which, groups)
    assert np.array_equal(sizes, np.bincount(which, minlength=groups))
    for name, values in columns(n):
        if name != "infinite":
            whole = percentiles(values, None, [n], POINTS)[0]
            assert np.array_equal(whole, np.percentile(values, POINTS)), name
            points = percentiles(values, which, sizes.tolist(), POINTS)
        with np.errstate(invalid="ignore"):
            middle = medians(values, which, sizes)
        for g in range(min(groups, 50)):
            mine = values[which == g]
            if not len(mine):
                assert np.isnan(middle[g])
                continue
            with np.errstate(invalid="ignore"):
                assert np.array_equal(middle[g], np.median(mine), equal_nan=True), name
            if name != "infinite":
                assert np.array_equal(points[g], np.percentile(mine, POINTS)), name


@pytest.mark.parametrize("beyond", [0.005, 0.3])
def test_a_sample_that_misleads_costs_time_only(monkeypatch, beyond):
    """Some of the values are looked at for the limits of the bins: here they are all alike."""
    monkeypatch.setattr(_ranks, "BEYOND", beyond)
    values = np.empty(40_000)
    values[::4], values[1::4] = 7.0, np.arange(10_000.0)
    values[2::4], values[3::4] = -np.arange(10_000.0), 1e9
    assert np.array_equal(
        percentiles(values, None, [len(values)], POINTS)[0], np.percentile(values, POINTS)
    )


def test_only_the_ranks_that_are_asked_for():
    values = np.random.default_rng(0).normal(size=50_000)
    groups = np.arange(50_000) % 3
    none, some, last = at_ranks(values, groups, [[], [0, 7], [16_665]])
    assert none.size == 0
    assert np.array_equal(some, np.sort(values[groups == 1])[[0, 7]])
    assert np.array_equal(last, [values[groups == 2].max()])


def test_long_columns_of_which_nothing_is_asked():
    values = np.random.default_rng(3).random(2 * _ranks.FEW)
    groups = np.zeros(len(values), np.int64)
    assert [found.tolist() for found in _ranks.at_ranks(values, groups, [[], []])] == [[], []]
    assert np.isnan(_ranks.medians(values, groups, np.zeros(2, np.int64))).all()
