"""Recipes: what they accept, and that a draw belongs to its seed, image, epoch and stage."""

from __future__ import annotations

import numpy as np

from fastlabel.augment import Recipe


def test_default_recipe_is_the_same_twice_and_over_workers():
    rng = np.random.default_rng(0)
    images = [rng.integers(0, 256, (40, 60, 3), np.uint8) for _ in range(8)]
    recipe = Recipe.default()
    one = recipe.batch(images, seed=3, workers=1)
    two = recipe.batch(images, seed=3, workers=2)
    for a, b in zip(one, two, strict=True):
        assert a.ledger == b.ledger
        assert np.array_equal(a.image, b.image)
