"""What is drawn: boxes fit their figures, scenes are fit to be called clean."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from fastlabel.sample import figures, paint, scenes
from fastlabel.sample.backdrops import BACKDROPS


@pytest.mark.parametrize("name", figures.CLASSES)
@pytest.mark.parametrize("size", [40, 90, 200])
def test_a_figure_fills_its_box_and_nothing_outside(name: str, size: int) -> None:
    sprite = figures.draw(np.random.default_rng(3), name, size)
    ground = np.full((300, 300, 3), 118.0, np.float32)
    paint.paste(ground, sprite.colors, sprite.cover, 20, 30)
    changed = np.abs(ground - 118.0).max(axis=2) > 0
    ys, xs = np.flatnonzero(changed.any(axis=1)), np.flatnonzero(changed.any(axis=0))
    assert (xs[0], ys[0]) == (20, 30)
    assert (xs[-1] + 1, ys[-1] + 1) == (20 + sprite.width, 30 + sprite.height)
    # Each side is reached by a pixel that is at least half covered.
    edges = (sprite.cover[0], sprite.cover[-1], sprite.cover[:, 0], sprite.cover[:, -1])
    assert min(float(edge.max()) for edge in edges) >= 0.5


@pytest.mark.parametrize("name", figures.CLASSES)
def test_the_shape_of_a_class_hardly_varies(name: str) -> None:
    rng = np.random.default_rng(11)
    shapes = [(s.height / s.width) for s in (figures.draw(rng, name, 100) for _ in range(25))]
    assert max(shapes) / min(shapes) < 1.6


def test_people_stand_two_to_four_times_as_high_as_wide() -> None:
    rng = np.random.default_rng(12)
    for size in (60, 120, 240):
        sprite = figures.draw(rng, "person", size)
        assert 2 <= sprite.height / sprite.width <= 4


@pytest.mark.parametrize("kind", BACKDROPS)
@pytest.mark.parametrize("seed", range(3))
def test_a_clean_scene_is_sharp_bright_and_contrasty(kind: str, seed: int) -> None:
    size = scenes.SIZES[kind][seed]
    names = ("person", "car", "parcel", "dog", "person")
    scene = scenes.draw(np.random.default_rng(seed), kind, size, names)
    assert (scene.width, scene.height) == size
    luma = cv2.cvtColor(scene.image, cv2.COLOR_BGR2GRAY)
    assert 70 < luma.mean() < 200
    low, high = np.percentile(luma, [1, 99])
    assert high - low > 80
    assert cv2.Laplacian(luma, cv2.CV_64F).var() > 200
    for target in scene.targets:
        patch = luma[target.y1 : target.y2, target.x1 : target.x2]
        assert cv2.Laplacian(patch, cv2.CV_64F).var() > 150, target


@pytest.mark.parametrize("kind", BACKDROPS)
def test_targets_lie_inside_apart_and_large_enough(kind: str) -> None:
    names = ("person", "car", "parcel", "dog", "person", "person", "bicycle")
    for seed in range(4):
        size = scenes.SIZES[kind][seed % 3]
        scene = scenes.draw(np.random.default_rng(seed), kind, size, names)
        scale = min(640 / size[0], 640 / size[1])
        for at, one in enumerate(scene.targets):
            assert 2 <= one.x1 < one.x2 <= size[0] - 2
            assert 2 <= one.y1 < one.y2 <= size[1] - 2
            w, h = one.x2 - one.x1, one.y2 - one.y1
            assert min(w, h) * scale > 12
            assert w * h * scale**2 >= 1024
            for other in scene.targets[at + 1 :]:
                common = max(0, min(one.x2, other.x2) - max(one.x1, other.x1)) * max(
                    0, min(one.y2, other.y2) - max(one.y1, other.y1)
                )
                smaller = min(w * h, (other.x2 - other.x1) * (other.y2 - other.y1))
                assert common <= 0.1 * smaller


def test_the_same_state_draws_the_same_picture_and_another_another() -> None:
    def image(seed: int) -> np.ndarray:
        return scenes.draw(np.random.default_rng(seed), "yard", (320, 240), ("person",)).image

    assert np.array_equal(image(4), image(4))
    assert not np.array_equal(image(4), image(5))


def test_shadows_darken_and_stay_in_the_picture() -> None:
    image = np.full((50, 60, 3), 100.0, np.float32)
    paint.add_shadow(image, 58, 48, 20, 6, 0.5)
    assert image.max() == 100
    assert 45 < image[47, 57].mean() < 60
    paint.add_shadow(image, 500, 500, 20, 6, 0.5)  # far outside: nothing happens
    assert np.all(image[:20] == 100)


def test_a_mask_measures_the_share_of_each_pixel() -> None:
    canvas = paint.Canvas(8, 6, scale=4)
    mask = canvas.mask_of([(2, 1), (5.5, 1), (5.5, 4), (2, 4)])
    assert mask[2, 3] == 1
    assert mask[2, 6] == 0
    assert mask[2, 5] == pytest.approx(0.5, abs=0.26)
