"""Recipes of fastlabel's own ``augment``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from .steps import Pipeline, Step
from .values import said

__all__ = ["read"]

Image = npt.NDArray[np.uint8]

#: Operation -> kind of step, the parameter that is its strength, and what the unit is times it.
_MEANINGS: Mapping[str, tuple[tuple[str, str, float], ...]] = {
    "flip": (("mirror", "", 1.0),),
    "rotate": (("rotate", "degrees", 1.0),),
    "scale": (("scale", "factor", 1.0),),
}


def read(value: Any, source: str) -> Pipeline:
    """Read a recipe: its tables, or a :class:`fastlabel.augment.Recipe`.

    Raises
    ------
    ConfigError
        As the recipe itself does: for unknown keys and values that cannot be used.
    """
    from ..augment import Recipe

    recipe = value if isinstance(value, Recipe) else Recipe.from_dict(value, source)
    out = Pipeline(source if recipe is not value else recipe.source, "fastlabel")
    return out
