"""Numbers, switches and words as arguments, and what is said of those that are none."""

from __future__ import annotations

from operator import index
from typing import Any

import numpy as np

__all__ = ["as_choice", "as_number", "as_switch", "as_whole"]


def _shown(value: Any) -> str:
    """A value for a message; with its type where it does not show, or that alone if long."""
    if isinstance(value, str):
        return repr(value)
    kind = type(value).__name__
    return f"{kind} {value!r}" if isinstance(value, (int, float)) else kind


def _plain(value: Any) -> bool:
    """Whether a value can be one number: no text, no truth value, no array of several."""
    if isinstance(value, (np.generic, np.ndarray)):
        if isinstance(value, np.ma.MaskedArray):
            return False
        return value.ndim == 0 and value.dtype.kind in "iuf"
    return not isinstance(value, bool)


def as_number(value: Any, name: str, expected: str = "a number") -> float:
    """A float of whatever is one real number; texts are none."""
    kind = type(value)
    if kind is float or kind is int:
        fine = True
    else:
        fine = _plain(value) and (hasattr(kind, "__float__") or hasattr(kind, "__index__"))
    try:
        if fine:
            return float(value)
    except OverflowError as error:
        raise ValueError(f"{name}: got {value!r}, expected {expected}") from error
    except (TypeError, ValueError, RuntimeError) as error:
        raise TypeError(f"{name}: got {_shown(value)}, expected {expected}") from error
    raise TypeError(f"{name}: got {_shown(value)}, expected {expected}")


def as_whole(value: Any, name: str, expected: str = "an integer") -> int:
    """An int of whatever is one whole number; True and False are none."""
    try:
        if _plain(value):
            return index(value)
    except (TypeError, RuntimeError) as error:
        raise TypeError(f"{name}: got {_shown(value)}, expected {expected}") from error
    raise TypeError(f"{name}: got {_shown(value)}, expected {expected}")


def as_switch(value: Any, name: str) -> bool:
    """True or False, and nothing that merely counts as one of them: "no" is not False."""
    if not isinstance(value, (bool, np.bool_)):
        raise TypeError(f"{name}: got {_shown(value)}, expected True or False")
    return bool(value)


def as_choice(value: Any, name: str, choices: tuple[str, ...]) -> str:
    """One of the words."""
    if not isinstance(value, str) or value not in choices:
        raise ValueError(f"{name}: got {_shown(value)}, expected one of {', '.join(choices)}")
    return str(value)
