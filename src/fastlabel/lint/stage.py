"""One transform of a saved pipeline: its name, its settings, and how to read them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from .steps import Step
from .values import chance, number, pair, said

__all__ = ["Reader", "Stage", "blur_of_box", "span"]


@dataclass(frozen=True)
class Stage:
    """One transform.

    Attributes
    ----------
    name : str
        Of its class.
    place : str
        Where it stands, without the file.
    values : mapping
        Its settings.
    p : float
        Share of the pictures it is done to, with that of the lists it stands in.
    source : str
        The file.
    """

    name: str
    place: str
    values: Mapping[str, Any]
    p: float
    source: str

    def where(self, key: str) -> str:
        """Place of one setting, for an error."""
        return f"{self.source}: {self.place}.{key}"

    def any_of(self, keys: str, default: Any) -> tuple[str, Any]:
        """The first setting that is there of several names (``limit|angle``), and its name."""
        names = keys.split("|")
        for key in names:
            if self.values.get(key) is not None:
                return key, self.values[key]
        return names[0], default

    def number(
        self, key: str, default: float, low: float = -math.inf, high: float = math.inf
    ) -> float:
        """A number of the settings."""
        name, value = self.any_of(key, default)
        return number(value, self.where(name), low, high)

    def pair(
        self,
        key: str,
        default: Any,
        low: float = -math.inf,
        high: float = math.inf,
        about: float | None = None,
    ) -> tuple[float, float]:
        """A range of the settings; `about` as for :func:`fastlabel.lint.values.pair`."""
        name, value = self.any_of(key, default)
        return pair(value, self.where(name), low, high, about=about)

    def chance(self, key: str, default: float) -> float:
        """A share of the settings."""
        name, value = self.any_of(key, default)
        return chance(value, self.where(name))

    def step(
        self,
        kind: str,
        span: tuple[float, float] = (0.0, 0.0),
        key: str = "",
        default: Any = None,
        boxes: str = "corners",
    ) -> Step:
        """A step that one setting asks for; without `key`, the transform as such."""
        name, value = self.any_of(key, default) if key else ("", None)
        text = f"{self.name}({said(name, value)})" if key else self.name
        return Step(kind, self.p, self.place, text, *span, boxes=boxes)


#: What reads one transform.
Reader = Callable[[Stage], list[Step]]


def span(
    kind: str,
    key: str,
    default: Any,
    low: float = -math.inf,
    high: float = math.inf,
    about: float | None = None,
    times: float = 1.0,
    plus: float = 0.0,
) -> Reader:
    """Read one range: ``plus + times * value`` in the unit of the kind."""

    def read(stage: Stage) -> list[Step]:
        first, last = stage.pair(key, default, low, high, about)
        ends = sorted((plus + times * first, plus + times * last))
        return [stage.step(kind, (ends[0], ends[1]), key, default)]

    return read


def blur_of_box(size: float) -> float:
    """Standard deviation of a box of `size` pixels, with which blurs are compared.

    Examples
    --------
    >>> blur_of_box(1), round(blur_of_box(7), 3)
    (0.0, 2.0)
    """
    return math.sqrt(max(size * size - 1.0, 0.0) / 12.0)
