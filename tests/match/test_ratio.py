"""The density ratio, against densities that are known."""

from __future__ import annotations

import numpy as np
import pytest

from fastlabel.match.ratio import area_under_curve, fit_ratio
from fastlabel.match.result import weights_of

LEARNERS = ["histogram", "sklearn"]


def needs(learner):
    if learner == "sklearn":
        pytest.importorskip("sklearn", reason="scikit-learn is an extra")


def fit(images, frames, units=None, groups=None, learner="histogram"):
    needs(learner)
    f = images.shape[1]
    units = np.full(f, 0.3) if units is None else np.array(units)
    groups = np.arange(f) if groups is None else np.array(groups)
    return fit_ratio(images, frames, units, groups, learner)


def test_area_under_the_curve_by_counting():
    rng = np.random.default_rng(0)
    for _ in range(20):
        a, b = rng.integers(0, 9, 13).astype(float), rng.integers(0, 9, 17).astype(float)
        want = np.mean([(x > y) + 0.5 * (x == y) for x in a for y in b])
        assert area_under_curve(a, b) == pytest.approx(want)


@pytest.mark.parametrize("learner", LEARNERS)
def test_it_is_the_ratio_of_two_normal_densities(learner):
    rng = np.random.default_rng(1)
    images, frames = rng.normal(0, 1.5, (6000, 1)), rng.normal(0.8, 0.8, (500, 1))
    got = fit(images, frames, learner=learner).log_ratio
    x = images[:, 0]
    want = -((x - 0.8) ** 2) / (2 * 0.64) - np.log(0.8) + x**2 / (2 * 2.25) + np.log(1.5)
    there = np.abs(x - 0.5) < 2  # where frames are to be seen
    assert np.abs(got - want)[there].mean() < 0.3
    assert np.corrcoef(got[there], want[there])[0, 1] > 0.97


@pytest.mark.parametrize("learner", LEARNERS)
@pytest.mark.parametrize("seed", range(4))
def test_alike_sets_are_all_kept(learner, seed):
    rng = np.random.default_rng(seed)
    images, frames = rng.normal(0, 1, (400, 12)), rng.normal(0, 1, (60, 12))
    found = fit(images, frames, groups=np.repeat(np.arange(4), 3), learner=learner)
    assert np.exp(found.log_ratio).min() > 0.5
    assert abs(found.auc - 0.5) < 0.15


@pytest.mark.parametrize("learner", LEARNERS)
def test_unlike_ones_are_dropped_and_like_ones_kept(learner):
    rng = np.random.default_rng(2)
    like, unlike = rng.normal(0, 1, (300, 6)), rng.normal(5, 1, (700, 6))
    found = fit(np.concatenate([like, unlike]), rng.normal(0, 1, (100, 6)), learner=learner)
    ratio = np.exp(found.log_ratio)
    assert (ratio[:300] > 1).mean() > 0.98
    assert (ratio[300:] < 0.1).mean() > 0.95
    assert found.parts.shape == (1000, 6)
    assert (found.parts[300:] < 0).all(axis=1).mean() > 0.9


def test_few_frames_never_claim_much():
    images = np.linspace(0, 100, 500)[:, None]
    for n in (1, 2, 3, 8):
        frames = np.full((n, 1), 250.0) + np.arange(n)[:, None]
        ratio = np.exp(fit(images, frames, [5.0]).log_ratio)
        assert ratio.min() > 0.4 / (n + 2)
        assert ratio.max() < 3 * (n + 2)


def test_features_of_one_group_do_not_count_again_and_again():
    rng = np.random.default_rng(3)
    images, frames = rng.normal(0, 1, (500, 1)), rng.normal(1.5, 1, (50, 1))
    once = fit(images, frames)
    often = fit(np.repeat(images, 9, 1), np.repeat(frames, 9, 1), groups=np.zeros(9, int))
    assert once.log_ratio == pytest.approx(often.log_ratio, abs=0.1)
    assert often.parts == pytest.approx(3 * once.parts)


def test_unknown_values_say_nothing():
    rng = np.random.default_rng(4)
    images, frames = rng.normal(0, 1, (300, 2)), rng.normal(3, 1, (40, 2))
    images[:50, 1] = np.nan
    frames[:10, 0] = np.nan
    found = fit(images, frames)
    assert (found.by_feature[:50, 1] == 0).all()
    assert np.isfinite(found.log_ratio).all()
    images[:, 1] = np.nan
    assert (fit(images, frames).by_feature[:, 1] == 0).all()


@pytest.mark.parametrize("value", [0.0, 255.0])
def test_constant_features_divide_nothing_by_zero(value):
    found = fit(np.full((50, 2), value), np.full((9, 2), value))
    assert np.exp(found.log_ratio) == pytest.approx(np.ones(50))
    found = fit(np.full((50, 2), value), np.full((9, 2), value + 200))
    assert (np.exp(found.log_ratio) < 0.5).all()


def test_one_far_out_value_does_not_make_all_others_one_bin():
    rng = np.random.default_rng(5)
    images, frames = rng.normal(0, 1, (4000, 1)), rng.normal(1, 1, (200, 1))
    plain = fit(images, frames)
    images = images.copy()
    images[0] = 1e6
    wild = fit(images, frames)
    assert np.abs(plain.log_ratio - wild.log_ratio)[1:].mean() < 0.1


def test_the_order_of_the_rows_does_not_matter_to_the_evidence():
    rng = np.random.default_rng(6)
    images, frames = rng.normal(0, 1, (200, 3)), rng.normal(1, 1, (30, 3))
    order = rng.permutation(200)
    a, b = fit(images, frames), fit(images[order], frames)
    assert b.parts == pytest.approx(a.parts[order])


def test_weights_are_relative_ratios():
    ratio = np.array([0, 0.1, 1, 10, 1e12])
    want = [0, 0.1 / 0.91, 1, 10 / 1.9, 10]
    assert weights_of(ratio) == pytest.approx(want)
