"""The coverage curve against brute force, and what is said to be missing."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from fastlabel.match.coverage import MOST_FRAMES, cover, gaps
from fastlabel.match.features import BY_NAME
from fastlabel.match.reasons import gap_words


def run(images, frames, units=None, groups=None, weight=None):
    f = images.shape[1]
    units = np.ones(f) if units is None else np.array(units, float)
    groups = np.zeros(f, int) if groups is None else np.array(groups)
    weight = np.ones(len(images)) if weight is None else weight
    return cover(images, frames, units, groups, weight)


@pytest.mark.parametrize("seed", range(5))
def test_each_image_is_the_one_that_adds_most(seed):
    rng = np.random.default_rng(seed)
    images, frames = rng.uniform(0, 12, (60, 2)), rng.uniform(0, 12, (40, 2))
    found = run(images, frames)
    # one group of two features: root of the mean of the squares
    d = np.sqrt(((images[:, None] - frames[None]) ** 2).mean(axis=2))
    near = d <= found.tolerance
    assert found.distance == pytest.approx(d.min(axis=0), abs=1e-5)
    assert found.nearest.tolist() == d.argmin(axis=0).tolist()
    covered = np.zeros(40, bool)
    for k, image in enumerate(found.picks.tolist()):
        adds = (near & ~covered).sum(axis=1)
        assert adds[image] == adds.max()
        covered |= near[image]
        assert found.covered[k] == pytest.approx(covered.mean())
    assert not (near & ~covered).any()
    assert found.share == pytest.approx(near.any(axis=0).mean())


def test_the_greedy_choice_keeps_its_promise():
    rng = np.random.default_rng(9)
    images, frames = rng.uniform(0, 9, (14, 2)), rng.uniform(0, 9, (30, 2))
    found = run(images, frames)
    d = np.sqrt(((images[:, None] - frames[None]) ** 2).mean(axis=2)) <= found.tolerance
    for k in (1, 2, 3):
        best = max(d[list(c)].any(axis=0).mean() for c in itertools.combinations(range(14), k))
        assert found.covered[k - 1] >= (1 - 1 / np.e) * best


def test_what_chance_covers_is_what_draws_cover():
    rng = np.random.default_rng(3)
    images, frames = rng.uniform(0, 10, (50, 1)), rng.uniform(0, 10, (30, 1))
    found = run(images, frames)
    near = np.abs(images - frames.T) <= found.tolerance
    for k in range(min(3, len(found.picks))):
        drawn = [near[rng.integers(0, 50, k + 1)].any(axis=0).mean() for _ in range(4000)]
        assert found.by_chance[k] == pytest.approx(np.mean(drawn), abs=0.01)


def test_between_images_that_add_as_much_the_weight_decides():
    images = np.zeros((4, 1))
    assert run(images, np.zeros((3, 1)), weight=np.array([1.0, 3, 2, 3])).picks.tolist() == [1]


def test_groups_count_once_and_units_scale():
    frames = np.array([[0.0, 0, 0]])
    one = run(np.array([[2.0, 0, 0]]), frames, units=[2, 1, 1], groups=[0, 1, 1])
    assert one.distance == pytest.approx([np.sqrt(0.5)])
    two = run(np.array([[0.0, 2, 2]]), frames, units=[1, 2, 2], groups=[0, 1, 1])
    assert two.distance == pytest.approx([np.sqrt(0.5)])


def test_frames_far_from_each_other_are_given_more_room():
    frames = np.arange(0, 100, 10.0)[:, None]
    assert run(frames, frames).tolerance == 10
    assert run(frames, frames / 100).tolerance == 1
    assert run(frames, frames[:1]).tolerance == 1


def test_unknown_values_are_like_anything():
    found = run(np.array([[0.0, np.nan]]), np.array([[0.0, 500], [0, 500]]))
    assert found.share == 1


def test_no_image_near_gives_an_empty_curve():
    found = run(np.zeros((5, 1)), np.full((3, 1), 99.0))
    assert (len(found.picks), found.share) == (0, 0)


def test_of_very_many_frames_evenly_spaced_ones_are_compared():
    frames = np.linspace(0, 1, 3 * MOST_FRAMES)[:, None]
    found = run(np.zeros((2, 1)), frames)
    assert len(found.frames) == MOST_FRAMES
    assert (found.frames[0], found.frames[-1]) == (0, 3 * MOST_FRAMES - 1)


def missing(ours, theirs, *names):
    features = [BY_NAME[n] for n in names]
    return gaps(np.atleast_2d(ours).T, np.atleast_2d(theirs).T, features)


def test_a_gap_has_the_narrowest_round_limit_that_holds_the_frames():
    day, night = np.linspace(90, 200, 400), np.r_[np.linspace(12, 38, 60), np.linspace(90, 200, 40)]
    (gap,) = missing(day, night, "luma_mean")
    assert (gap["low"], gap["high"], gap["count"]) == (None, 40, 0)
    assert gap["frames"] == pytest.approx(0.6)


def test_a_condition_that_images_are_in_is_no_gap():
    assert missing(np.linspace(10, 200, 400), np.linspace(10, 40, 50), "luma_mean") == []
    few = np.r_[np.linspace(90, 200, 400), [20.0, 25.0]]
    (gap,) = missing(few, np.linspace(10, 40, 50), "luma_mean")
    assert gap["count"] == 2


def test_a_range_between_images_is_a_gap_too():
    ours = np.r_[np.linspace(20, 48, 100), np.linspace(130, 200, 100)]
    (gap,) = missing(ours, np.linspace(72, 98, 40), "luma_mean")
    assert (gap["low"], gap["high"]) == (70, 100)
    assert gap_words(gap) == "no image with luma between 70 and 100 (100 % of the frames)"
    (gap,) = missing(np.linspace(20, 48, 100), np.linspace(151, 180, 40), "luma_mean")
    assert gap_words(gap) == "no image with luma from 150 on (100 % of the frames)"


def test_one_gap_a_group_and_the_plainest_feature_of_it():
    ours = np.stack([np.full(50, 150.0), np.full(50, 0.0), np.full(50, 0.2)])
    theirs = np.stack([np.full(50, 20.0), np.full(50, 0.95), np.full(50, 9.0)])
    got = gaps(
        ours.T, theirs.T, [BY_NAME[n] for n in ("luma_mean", "dark_fraction", "noise_sigma")]
    )
    assert [g["feature"] for g in got] == ["luma_mean", "noise_sigma"]
