"""Numbers, ranges and chances of settings that others wrote: checked, with place and remedy."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

from ..config import ConfigError

__all__ = ["chance", "number", "pair", "said", "shown", "table"]

#: What YAML 1.1 takes for a text although it is a number: no point, or no sign, with the e.
_EXPONENT = re.compile(r"[-+]?\d+(\.\d*)?[eE][-+]?\d+")


def shown(value: Any) -> str:
    """A value as an error shows it: one line, not too long."""
    text = " ".join(repr(value).split())
    return text if len(text) <= 80 else f"{text[:77]}..."


def said(key: str, value: Any) -> str:
    """What the settings say, for a finding: ``limit = -30 to 30``."""
    return f"{key} = {_worded(value)}"


def _worded(value: Any) -> str:
    if isinstance(value, list | tuple) and len(value) == 2 and all(map(_plain, value)):
        low, high = map(_worded, value)
        return low if low == high else f"{low} to {high}"
    if isinstance(value, Mapping):
        return ", ".join(f"{shown(k)[1:-1]} {_worded(v)}" for k, v in list(value.items())[:4])
    return f"{value:g}" if _plain(value) else shown(value)


def _plain(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def number(value: Any, place: str, low: float = -math.inf, high: float = math.inf) -> float:
    """A finite number from `low` to `high`.

    Raises
    ------
    ConfigError
        If it is none.
    """
    if isinstance(value, str) and _EXPONENT.fullmatch(value):
        value = float(value)
    good = _plain(value) and (isinstance(value, int) or math.isfinite(value))
    if not good or not low <= value <= high:
        raise ConfigError(f"{place}: got {shown(value)}, expected {_wanted(low, high)}")
    return float(value)


def _wanted(low: float, high: float) -> str:
    if math.isinf(low) and math.isinf(high):
        return "a finite number"
    return (
        f"a number, {low:g} or more" if math.isinf(high) else f"a number from {low:g} to {high:g}"
    )


def chance(value: Any, place: str) -> float:
    """A share of the pictures, 0 to 1."""
    return number(value, place, 0.0, 1.0)


def pair(
    value: Any,
    place: str,
    low: float = -math.inf,
    high: float = math.inf,
    *,
    about: float | None = None,
) -> tuple[float, float]:
    """A range, given as two numbers or as one.

    Parameters
    ----------
    value, place
        What is given, and where.
    low, high : float
        What each may be.
    about : float, optional
        One number ``v`` stands for ``about - v`` to ``about + v``; by default for ``-v`` to
        ``v``. (What a library makes of one number is its own affair, so readers say it.)

    Raises
    ------
    ConfigError
        If it is neither.
    """
    if isinstance(value, Sequence) and not isinstance(value, str):
        if len(value) != 2:
            raise ConfigError(f"{place}: got {shown(value)}, expected one number or [low, high]")
        first, second = (number(v, place, low, high) for v in value)
        return min(first, second), max(first, second)
    size = abs(number(value, place, low, high))
    middle = 0.0 if about is None else about
    return middle - size, middle + size


def table(value: Any, place: str) -> Mapping[str, Any]:
    """A table whose keys are texts."""
    if not isinstance(value, Mapping):
        raise ConfigError(f"{place}: got {shown(value)}, expected a table of settings")
    for key in value:
        if not isinstance(key, str):
            raise ConfigError(f"{place}: key {shown(key)}: expected a text")
    return value
