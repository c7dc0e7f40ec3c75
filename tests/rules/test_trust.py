"""Whose fault a disagreement is: worked by hand, and against errors that are known."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from fastlabel.rules import trust


class TestLabelOdds:
    def test_by_hand(self):
        # 1,000 rows, the first half sure: one in ten disagrees there, six in ten of the others.
        eta = np.repeat([3.0, -1.0], 500)
        agree = np.concatenate([np.arange(500) % 10 > 0, np.arange(500) % 10 > 5])
        # The surest 30 % and more; the least is where the first half ends but for its last one.
        odds = (
            min(((~agree[:n]).sum() + 0.5) / (agree[:n].sum() + 0.5) for n in range(300, 1001))
            - trust.SLIPS
        )
        assert trust.label_odds(eta, agree) == pytest.approx(odds / (1 + (odds / 0.4) ** 2))

    def test_a_weak_model_is_believed_less(self):
        rng = np.random.default_rng(0)
        eta = rng.normal(size=4000)
        strong, weak = rng.random(4000) > 0.1, rng.random(4000) > 0.5
        assert trust.label_odds(eta, strong) == pytest.approx(0.1, abs=0.02)
        # Odds of one: half of them is label errors with 0.14 only.
        assert trust.label_odds(eta, weak) < 0.2

    def test_no_row_and_no_error(self):
        assert trust.label_odds(np.empty(0), np.empty(0, bool)) == trust.LEAST
        sure = trust.label_odds(np.zeros(5000), np.ones(5000, bool))
        assert sure == pytest.approx(trust.LEAST, rel=1e-3)


class TestBlame:
    def test_it_is_the_ratio_of_odds(self):
        # Odds of a disagreement of 1 to 20, and of a label error of 1 to 100: one in five.
        p = trust.blame(np.log(np.array([20.0])), 0.01)
        assert p[0] == pytest.approx(0.2, rel=0.02)

    def test_no_two_certainties_are_equal(self):
        p = trust.blame(np.array([5.0, 7.0, 12.0]), 0.2)
        assert (np.diff(p) > 0).all() and (p < 1).all() and (p > 0.97).all()


class TestFit:
    def test_the_curve_is_that_of_the_data(self):
        rng = np.random.default_rng(1)
        x = rng.normal(size=40_000)
        group = rng.integers(0, 3, len(x))
        truth = 1.5 * x + np.array([0.0, 1.0, -1.0])[group] + 0.5
        agree = rng.random(len(x)) < 1 / (1 + np.exp(-truth))
        model = trust.fit_additive(x, [group], [3], np.zeros(len(x), int), 1, agree)
        at = np.abs(x) < 1.5
        error = model(x, [group]) - truth
        assert np.abs(error[at]).mean() < 0.12

    def test_a_rare_class_is_judged_as_all_and_a_common_one_by_itself(self):
        rng = np.random.default_rng(2)
        classes = np.where(np.arange(20_000) < 5, 2, np.arange(20_000) % 2)
        chance = np.array([0.9, 0.6, 0.0])[classes]
        agree = rng.random(len(classes)) < chance
        model = trust.fit_additive(np.zeros(len(classes)), [], [], classes, 3, agree)
        eta = model(np.zeros(3), [], np.array([0, 1, 2]))
        assert eta[0] == pytest.approx(np.log(9), abs=0.1)
        assert eta[1] == pytest.approx(np.log(1.5), abs=0.1)
        assert -0.5 < eta[2] < np.log(3)  # nearer to all than to none

    def test_the_curve_never_falls(self):
        rng = np.random.default_rng(3)
        x = rng.random(500)
        model = trust.fit_additive(x, [], [], np.zeros(500, int), 1, rng.random(500) > x)
        assert (np.diff(model.curve) >= 0).all()


class TestBeyond:
    def test_the_share_is_the_known_one(self):
        rng = np.random.default_rng(4)
        z = np.concatenate([rng.normal(size=9000), rng.uniform(4, 9, 1000)])
        p = trust._beyond(z)
        assert p[9000:].mean() > 0.9
        assert p[:9000].sum() < 150
        assert p.sum() == pytest.approx(1000, rel=0.15)
        order = np.argsort(z)
        assert (np.diff(p[order]) >= -1e-12).all()

    def test_a_clean_bulk_accuses_hardly_anybody(self):
        z = np.random.default_rng(5).normal(size=5000)
        assert (trust._beyond(z) >= 0.5).sum() <= 2

    def test_boxes_that_all_agree_accuse_nobody(self):
        assert not trust._beyond(np.zeros(500)).any()

    def test_the_normal_tail_is_that_of_scipy(self):
        z = np.linspace(-6, 6, 501)
        np.testing.assert_allclose(trust._normal_tail(z), stats.norm.sf(z), atol=2e-7)


class TestCommon:
    def test_by_hand(self):
        # Image 0: three of class 0 and one of class 1; image 1: one of class 2. All agreed on.
        classes, image = np.array([0, 0, 0, 1, 2, 1, 0]), np.array([0, 0, 0, 0, 1, 0, 2])
        sure = np.arange(5)
        share = np.array([3, 1, 1, 0]) + 1.0
        share /= share.sum()
        more = trust._common(classes, image, sure, np.array([5, 6]), np.array([0, 2]), 3)
        k = trust.SCENE_PRIOR
        assert more[0] == pytest.approx((3 + k * share[0]) / (1 + k * share[1]))
        assert more[1] == pytest.approx(share[2] / share[0])  # nothing else is there

    def test_nothing_agreed_on(self):
        more = trust._common(
            np.array([0]), np.array([0]), np.empty(0, int), np.array([0]), np.array([1]), 2
        )
        assert more[0] == 1


class TestEvened:
    def test_of_a_model_that_is_as_sure_of_all_edges_it_is_the_iou(self):
        theirs = np.array([[100.0, 100, 200, 200]] * 4)
        label = theirs + 10 * np.eye(4)
        wanted = [0.9, 0.9, 1 / 1.1, 1 / 1.1]
        np.testing.assert_allclose(trust._evened(label, theirs), wanted)

    def test_an_edge_that_is_always_right_weighs_more(self):
        rng = np.random.default_rng(7)
        theirs = np.tile([100.0, 100, 200, 200], (400, 1))
        label = theirs + rng.normal(0, 10, (400, 4)) * [1, 0, 1, 0]
        label[0] = theirs[0] + [15, 0, 15, 0]
        label[1] = theirs[1] + [0, 15, 0, 15]
        iou = trust._evened(label, theirs)
        assert iou[1] < 0.2 < 0.7 < iou[0]

    def test_boxes_without_a_size(self):
        label = np.array([[0.0, 0, 0, 0], [5, 5, 5, 9]])
        iou = trust._evened(label, label.copy())
        assert np.isfinite(iou).all() and (iou >= 0).all()


def test_rising_is_isotonic_regression():
    rng = np.random.default_rng(6)
    y, w = rng.normal(size=60), rng.integers(1, 9, 60).astype(float)
    fit = trust._rising(y, w)
    assert (np.diff(fit) >= -1e-12).all()
    wanted = optimum(y, w)
    np.testing.assert_allclose(fit, wanted, atol=1e-9)


def optimum(y, w):
    """max over starts of min over ends of the weighted mean: the textbook's formula."""
    n = len(y)
    mean = np.array(
        [
            [np.average(y[a : b + 1], weights=w[a : b + 1]) if b >= a else np.nan for b in range(n)]
            for a in range(n)
        ]
    )
    return np.array([max(np.nanmin(mean[a, k:]) for a in range(k + 1)) for k in range(n)])
