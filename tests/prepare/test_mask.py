"""Painting regions over."""

from __future__ import annotations

import numpy as np
import pytest

from fastlabel import mask_regions


def noise(shape=(60, 80, 3), dtype=np.uint8, seed=1):
    return np.random.default_rng(seed).integers(0, 200, shape).astype(dtype)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("channels", [None, 1, 3, 4])
def test_only_the_regions_change_and_get_the_mean_of_their_ring(dtype, channels):
    picture = noise((60, 80) if channels is None else (60, 80, channels), dtype)
    before = picture.copy()
    done = mask_regions(picture, [[20.4, 30, 39.5, 38]])
    assert (picture == before).all()
    touched = np.zeros((60, 80), bool)
    touched[30:38, 20:40] = True
    assert (done[~touched] == picture[~touched]).all()
    ring = np.zeros((60, 80), bool)
    ring[25:43, 15:45] = True  # a quarter of 20 px
    mean = picture[ring & ~touched].astype(np.float64).mean(axis=0)
    if dtype is not np.float32:
        mean = np.rint(mean)
    assert np.allclose(done[touched], mean, atol=1e-3)


def test_no_pixel_of_a_target_changes():
    rng = np.random.default_rng(2)
    for seed in range(30):
        picture = noise(seed=seed)
        low = rng.uniform(-10, 70, (6, 2))
        boxes = np.hstack([low, low + rng.uniform(0.2, 40, (6, 2))])
        regions, targets = boxes[:3], boxes[3:]
        done = mask_regions(picture, regions, protect=targets)
        kept = np.zeros((60, 80), bool)
        for x1, y1, x2, y2 in targets.clip(0, [80, 60, 80, 60]):
            kept[int(np.floor(y1)) : int(np.ceil(y2)), int(np.floor(x1)) : int(np.ceil(x2))] = True
        assert (done[kept] == picture[kept]).all()
        outside = ~kept
        for x1, y1, x2, y2 in regions.clip(0, [80, 60, 80, 60]):
            outside[int(np.floor(y1)) : int(np.ceil(y2)), int(np.floor(x1)) : int(np.ceil(x2))] = 0
        assert (done[outside] == picture[outside]).all()


def test_neighbouring_regions_do_not_colour_each_other():
    picture = np.full((40, 40), 10, np.uint8)
    picture[10:20, 10:20] = picture[10:20, 20:30] = 250
    assert (mask_regions(picture, [[10, 10, 20, 20], [20, 10, 30, 20]]) == 10).all()


def test_the_whole_picture_and_nothing():
    picture = noise()
    assert (mask_regions(picture, [[-5, -5, 999, 999]]) == np.rint(picture.mean((0, 1)))).all()
    for none in ([], [[5, 5, 5, 9]], [[90, 0, 99, 9]]):
        done = mask_regions(picture, none)
        assert (done == picture).all()
        assert done is not picture


@pytest.mark.parametrize(
    ("arguments", "wanted"),
    [
        (([1, 2], [[0, 0, 1, 1]]), "pixels: expected an array"),
        ((np.zeros((4, 4)), [[0, 0, 1]]), r"regions: got shape \(1, 3\)"),
        ((np.zeros((4, 4)), [], [[0, 0, 1, np.nan]]), "protect: a box is not finite"),
    ],
)
def test_wrong_arguments(arguments, wanted):
    with pytest.raises(ValueError, match=wanted):
        mask_regions(*arguments)
