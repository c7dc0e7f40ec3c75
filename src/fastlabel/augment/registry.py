"""The operations that a recipe can name, and what their parameters may be."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Any, Literal

from ..config import ConfigError, nearest
from .random import Draws

__all__ = ["Operation", "Parameter", "Values", "find", "operations"]

#: What was drawn for the parameters of one stage.
Values = Mapping[str, Any]

#: Modules with ``OPERATIONS``, in the order of the documentation.
_MODULES = ("light", "blur", "noise", "weather", "spatial", "stages")


@dataclass(frozen=True)
class Parameter:
    """One parameter of an operation.

    A recipe gives it one value, or ``[low, high]`` to draw from evenly; words and switches have
    one value.

    Attributes
    ----------
    name : str
        Key in the recipe.
    default : float, int, str, bool or tuple
        Used where the recipe says nothing; a tuple is a range.
    limits : tuple of float
        Least and greatest value there can be; beyond them a recipe is refused.
    unit : str
        "" for a plain ratio.
    about : str
        One sentence.
    restrained : tuple of float or None
        What still looks like a camera's picture; the linter names what lies beyond.
    whole : bool
        Whole numbers only.
    choices : tuple of str
        The words it can be; empty for a number, and for a text that may be any.
    """

    name: str
    default: Any
    limits: tuple[float, float] = (0.0, math.inf)
    unit: str = ""
    about: str = ""
    restrained: tuple[float, float] | None = None
    whole: bool = False
    choices: tuple[str, ...] = ()

    @property
    def expected(self) -> str:
        """What a value may be, in words for a message."""
        if self.choices:
            return "one of " + ", ".join(self.choices)
        if isinstance(self.default, bool):
            return "true or false"
        if isinstance(self.default, str):
            return "a text"
        low, high = self.limits
        kind = "a whole number" if self.whole else "a number"
        span = f"from {low:g} to {high:g}" if math.isfinite(high) else f"of {low:g} or more"
        unit = f" {self.unit}" if self.unit else ""
        return f"{kind} {span}{unit}, or [low, high]"

    def check(self, value: Any, place: str) -> Any:
        """A value of a recipe as it is kept: a number, a (low, high) tuple, a word or a switch."""
        if self.choices:
            if not isinstance(value, str) or value not in self.choices:
                raise ConfigError(f"{place}: got {value!r}, expected {self.expected}")
            return value
        if isinstance(self.default, bool):
            if not isinstance(value, bool):
                raise ConfigError(f"{place}: got {value!r}, expected {self.expected}")
            return value
        if isinstance(self.default, str):
            if not isinstance(value, str):
                raise ConfigError(f"{place}: got {value!r}, expected {self.expected}")
            return value
        if not isinstance(value, (list, tuple)):
            return self._number(value, value, place)
        if len(value) != 2:
            raise ConfigError(f"{place}: got {list(value)!r}, expected {self.expected}")
        low, high = (self._number(v, value, place) for v in value)
        if low > high:
            raise ConfigError(f"{place}: got {list(value)!r}, expected the lower number first")
        return (low, high)

    def _number(self, value: Any, shown: Any, place: str) -> float | int:
        plain = isinstance(value, (int, float)) and not isinstance(value, bool)
        fine = plain and math.isfinite(value) and self.limits[0] <= value <= self.limits[1]
        if not fine or (self.whole and value != int(value)):
            text = list(shown) if isinstance(shown, tuple) else shown
            raise ConfigError(f"{place}: got {text!r}, expected {self.expected}")
        return int(value) if self.whole else float(value)

    def draw(self, value: Any, draws: Draws) -> Any:
        """What one image gets. Six digits: a ledger shows them, and repeats the picture."""
        if isinstance(value, tuple):
            low, high = value
            if self.whole:
                return low + draws.below(high - low + 1)
            return float(f"{draws.uniform(low, high):.6g}")
        draws.bits()  # so that fixing one parameter moves no other
        return value


@dataclass(frozen=True)
class Operation:
    """What one stage of a recipe does.

    Attributes
    ----------
    name : str
        ``op`` in the recipe.
    kind : {"pixel", "spatial", "stage"}
        Whether it changes pixels where they are, moves them and the labels, or needs more than
        one picture.
    about : str
        One sentence.
    parameters : tuple of Parameter
        Drawn in this order.
    apply : callable
        Of a "pixel" operation ``apply(image, values, draws, rgb)``, which gives a new picture of
        the same shape and leaves the old one: (H, W) or (H, W, 3), uint8, C-contiguous. Of the
        others ``apply(sample, values, draws)``, which gives a new
        :class:`~fastlabel.augment.sample.Sample` or changes the attributes of the old one, but no
        array that they hold. What it puts into ``sample.notes`` goes to the ledger.
    table : callable or None
        ``table(values, draws, rgb)`` of a pixel operation that looks at nothing but a pixel's own
        value: (256,) or (3, 256) uint8, a row a channel. Then ``apply`` is not used, and tables
        that follow each other become one.
    """

    name: str
    kind: Literal["pixel", "spatial", "stage"]
    about: str
    parameters: tuple[Parameter, ...]
    apply: Callable[..., Any] | None = None
    table: Callable[..., Any] | None = None

    def parameter(self, name: str, place: str) -> Parameter:
        """The parameter of a name, or a ConfigError that says which there are."""
        for parameter in self.parameters:
            if parameter.name == name:
                return parameter
        known = [p.name for p in self.parameters]
        raise ConfigError(f"{place}: unknown key {name!r}; {nearest(name, ['op', 'p', *known])}")

    def draw(self, params: Mapping[str, Any], draws: Draws) -> dict[str, Any]:
        """Values for one image from a stage's parameters."""
        return {p.name: p.draw(params.get(p.name, p.default), draws) for p in self.parameters}


@cache
def _all() -> dict[str, Operation]:
    found: dict[str, Operation] = {}
    for module in _MODULES:
        for operation in import_module(f".{module}", __package__).OPERATIONS:
            assert operation.name not in found, operation.name
            found[operation.name] = operation
    return found


def operations() -> Iterator[Operation]:
    """All operations, in the order of the documentation."""
    yield from _all().values()


def find(name: str, place: str = "op") -> Operation:
    """The operation of a name.

    Raises
    ------
    ConfigError
        If there is none; the message names the nearest.
    """
    known = _all()
    if not isinstance(name, str) or name not in known:
        hint = nearest(name, known) if isinstance(name, str) else "expected a text"
        raise ConfigError(f"{place}: unknown operation {name!r}; {hint}")
    return known[name]
