"""Recipes of fastlabel's own ``augment``, whose operations are at hand and can be run."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from .steps import Pipeline, Step

if TYPE_CHECKING:
    from ..augment import Operation, Stage

__all__ = ["read"]

Image = npt.NDArray[np.uint8]

#: Operations whose meaning is one of :data:`fastlabel.lint.steps.KINDS`, and their strength.
_MEANINGS = {
    "flip": ("mirror", ""),
    "rotate": ("rotate", "degrees"),
    "scale_crop": ("scale", "scale"),
}
#: Operations after which there is no colour.
_COLOURLESS = frozenset(("infrared",))


def read(value: Any, source: str) -> Pipeline:
    """Read a recipe: its tables, or a :class:`fastlabel.augment.Recipe`.

    Raises
    ------
    ConfigError
        As the recipe itself does: for unknown keys and values that cannot be used.
    """
    from ..augment import Recipe
    from ..augment.registry import find
    from .values import table

    recipe = value if isinstance(value, Recipe) else Recipe.from_dict(table(value, source), source)
    out = Pipeline(recipe.source, "fastlabel")
    for i, stage in enumerate(recipe.stages):
        for step in _steps(stage, find(stage.op), f"stages[{i}].{stage.op}"):
            out.add(step)
    return out


def _steps(stage: Stage, operation: Operation, place: str) -> list[Step]:
    ranges = _ranges(stage, operation)
    said = ", ".join(f"{k} = {_span(*v)}" for k, v in ranges.items() if k in stage.params)
    said = f"{stage.op}({said})" if said else stage.op
    if stage.op in _MEANINGS:
        kind, key = _MEANINGS[stage.op]
        # Boxes of turned pictures come from the outline or the inscribed ellipse.
        return [Step(kind, stage.p, place, said, *ranges.get(key, (0.0, 0.0)), boxes="shape")]
    if operation.kind != "pixel":
        return []
    beyond = tuple(
        f"{p.name} = {_span(*ranges[p.name])}, beyond {_span(*p.restrained)}"
        for p in operation.parameters
        if p.restrained is not None
        and p.name in ranges
        and not p.restrained[0] <= ranges[p.name][0] <= ranges[p.name][1] <= p.restrained[1]
    )
    run = _runner(stage, operation, ranges)
    steps = [Step("light", stage.p, place, said, 0.0, 1.0, apply=run, beyond=beyond)]
    if stage.op in _COLOURLESS:
        steps.append(Step("recolour", stage.p, place, said))
    return steps


def _span(low: float, high: float) -> str:
    return f"{low:g}" if low == high else f"{low:g} to {high:g}"


def _ranges(stage: Stage, operation: Operation) -> dict[str, tuple[float, float]]:
    """What each number of an operation is drawn from."""
    out = {}
    for p in operation.parameters:
        value = stage.params.get(p.name, p.default)
        if isinstance(value, tuple):
            out[p.name] = (float(value[0]), float(value[1]))
        elif isinstance(value, int | float) and not isinstance(value, bool):
            out[p.name] = (float(value), float(value))
    return out


def _runner(
    stage: Stage, operation: Operation, ranges: dict[str, tuple[float, float]]
) -> Callable[[Image, float], Image]:
    """The operation at a place between the lower (0) and the upper (1) ends of its ranges."""
    from ..augment import Recipe, Stage

    whole = {p.name for p in operation.parameters if p.whole}

    def run(picture: Image, at: float) -> Image:
        params = dict(stage.params)
        for name, (low, high) in ranges.items():
            value = low + at * (high - low)
            params[name] = round(value) if name in whole else value
        return Recipe((Stage(stage.op, 1.0, params),))(picture, seed=906).image

    return run
