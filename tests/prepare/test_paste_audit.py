"""The seam audit: its statistics against other formulas, and what it sees and does not."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import cv2
import numpy as np
import pytest

import fastlabel as fl
from fastlabel.prepare.paste.audit import (
    area_under_curve,
    audit_rims,
    audit_seams,
    fit_logistic,
)
from fastlabel.prepare.paste.bank import Patch, build_bank
from fastlabel.prepare.paste.outline import ellipse_alpha
from fastlabel.prepare.paste.render import PasteItem, render
from fastlabel.prepare.paste.rims import RIM_FEATURES, rim_features
from fastlabel.prepare.paste.seams import audit_pairs, seam_pairs


def picture(seed, side=96):
    rng = np.random.default_rng(seed)
    plane = cv2.GaussianBlur(rng.normal(0, 1, (side, side, 3)), (0, 0), 2.5)
    plane = rng.uniform(80, 170) + 30 * plane / plane.std() + rng.normal(0, 1, plane.shape)
    return plane.clip(0, 255).astype(np.uint8)


def test_the_area_is_the_share_of_ordered_pairs():
    rng = np.random.default_rng(0)
    scores = rng.integers(0, 12, 80) / 4  # with ties
    kind = rng.random(80) < 0.4
    pairs = scores[kind][:, None] - scores[~kind][None, :]
    assert area_under_curve(scores, kind) == pytest.approx(
        ((pairs > 0) + (pairs == 0) / 2).mean(), abs=1e-12
    )
    assert np.isnan(area_under_curve([1, 2], [True, True]))


@pytest.mark.parametrize("separable", [False, True])
def test_the_fit_is_the_minimum(separable):
    optimize = pytest.importorskip("scipy.optimize")
    rng = np.random.default_rng(1)
    x = rng.normal(size=(120, 4))
    y = (x[:, 0] > 0) if separable else (x @ [1, -2, 0, 0.5] + rng.logistic(size=120) > 0.3)

    def loss(w):
        z = x @ w[:-1] + w[-1]
        return (np.logaddexp(0, z) - y * z).sum() + 0.5 * (w[:-1] ** 2).sum()

    best = optimize.minimize(loss, np.zeros(5), method="BFGS", options={"gtol": 1e-9})
    np.testing.assert_allclose(fit_logistic(x, y), best.x, atol=1e-5)


def sides(blend, n=120, match=True):
    real, pasted = [], []
    for k in range(n):
        image = picture(k)
        box = (30.0, 34.0, 58.0, 60.0)
        real.append((image, [box], k // 2))
        other = picture(5000 + k)
        if blend is None:
            pasted.append((other, [box], k // 2))
            continue
        patch = Patch(image, ellipse_alpha(box, 96, 96), box, "ellipse")
        done = render(other, [PasteItem(patch, box, seed=k)], blend=blend, match=match)
        pasted.append((done.pixels, [box], k // 2))
    return real, pasted


def test_identical_kinds_cannot_be_told_apart():
    result = audit_seams(*sides(None), seed=1)
    assert 0.4 < result.auc < 0.6
    assert result.ci[0] < 0.5 < result.ci[1]
    assert (result.n_real, result.n_pasted, len(result.folds)) == (120, 120, 5)
    assert set(result.importance) == set(RIM_FEATURES)


def test_a_planted_rectangle_is_seen():
    result = audit_seams(*sides("rectangle", match=False))
    assert result.auc > 0.95
    assert "0.5 is" in str(result)


@pytest.mark.parametrize("name", ["bccd", "raccoon"])
def test_the_default_blend_hides_and_a_rectangle_does_not(shared_data, name):
    """By the script that the documentation quotes; one draw scatters by 0.05, so three."""
    path = Path(__file__).parents[2] / "benchmarks" / "seam_audit.py"
    spec = importlib.util.spec_from_file_location("seam_audit", path)
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    dataset = fl.read(shared_data / name)
    bank = build_bank(dataset)
    draws = [seam_pairs(dataset, bank, script.picks(bank, seed), seed) for seed in (5, 6, 7)]
    assert audit_pairs(draws[0], "rectangle", False).auc > 0.9
    assert np.mean([audit_pairs(pairs).auc for pairs in draws]) <= 0.65
    assert script.audit_rings(draws[0], "rectangle", False).auc > 0.9


def test_the_same_seed_gives_the_same_numbers():
    both = sides("feather", n=30)
    assert audit_seams(*both, seed=3) == audit_seams(*both, seed=3)


def test_no_image_is_in_training_and_test_at_once():
    """Features that only name their image help nobody when images are kept together."""
    rng = np.random.default_rng(0)
    names = rng.normal(size=(40, 60))
    owner = np.repeat(np.arange(40), 8)
    kind = rng.integers(0, 2, 40)[owner].astype(bool)
    x = names[owner] + 0.01 * rng.normal(size=(320, 60))
    result = audit_rims(x[~kind], x[kind], owner[~kind].tolist(), owner[kind].tolist())
    assert 0.2 < result.auc < 0.8
    assert result.ci[1] - result.ci[0] > 0.15  # forty images, not 320 rims


@pytest.mark.parametrize(
    "box",
    [(10, 10, 12, 40), (0, 0, 30, 30), (80, 80, 120, 120), (-9, 5, 20, 20),
     (float("nan"), 10, 40, 40), (40, 40, 10, 10)],
)  # fmt: skip
def test_boxes_without_a_rim(box):
    assert rim_features(picture(0), box) is None


def test_a_flat_picture_has_finite_features():
    features = rim_features(np.full((64, 64, 3), 90, np.uint8), (20.5, 20, 44, 40))
    assert features.shape == (len(RIM_FEATURES),)
    assert np.isfinite(features).all()


def test_too_few_and_broken_features():
    good = np.random.default_rng(0).normal(size=(12, 3))
    groups = list(range(12))
    with pytest.raises(ValueError, match="pasted: got 3"):
        audit_rims(good, good[:3], groups, groups[:3])
    with pytest.raises(ValueError, match="real_groups"):
        audit_rims(good, good, groups[:5], groups)
    with pytest.raises(ValueError, match="finite"):
        audit_rims(np.full_like(good, np.nan), good, groups, groups)
    with pytest.raises(ValueError, match="folds"):
        audit_rims(good, good, [0] * 12, [1] * 12)
    with pytest.raises(ValueError, match="real: got 0"):
        audit_seams([], [])
