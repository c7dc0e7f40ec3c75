"""What reviewing costs and what a finding is worth: the editable numbers behind the queue."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ..config import Config, ConfigError, nearest
from .evidence import ACTIONS

__all__ = ["PRECISION", "Effort"]

#: How many findings of each rule, at a score of 1, are errors that a person would mend after
#: looking at the picture. First guesses, to be replaced by those of your own reviews. Rules
#: that are not here need no look at a picture (a file that is cut off), or are about the set as
#: a whole; those of family 7 are calibrated by their own scores.
PRECISION: Mapping[str, float] = {
    "FL101": 0.5,
    "FL102": 0.9,
    "FL106": 0.5,
    "FL201": 0.3,
    "FL202": 0.9,
    "FL203": 0.9,
    "FL204": 0.9,
    "FL205": 0.9,
    "FL206": 0.5,
    "FL207": 0.3,
    "FL208": 0.9,
    "FL401": 0.4,
    "FL402": 0.3,
    "FL403": 0.3,
    "FL404": 0.2,
    "FL406": 0.2,
    "FL407": 0.9,
    "FL504": 0.95,
}

#: Of rules of the user, by severity.
OWN_RULES = {"error": 0.8, "warning": 0.5, "info": 0.2}

#: Seconds to mend, by action. Drawing a box takes 7 s by its four extreme points (Papadopoulos
#: et al., "Extreme clicking for efficient object annotation", ICCV 2017), 35 s the traditional
#: way. The others are a click or a choice from a list: guesses.
SECONDS: Mapping[str, float] = {
    "add_box": 7.0,
    "drop_box": 1.0,
    "relabel": 3.0,
    "replace_box": 7.0,
    "mark_ignore": 1.0,
    "other": 5.0,
}


@dataclass(frozen=True)
class Effort:
    """Time model and worth of findings; ``[review]`` in ``fastlabel.toml`` overrides it.

    Attributes
    ----------
    open_image : float
        Seconds until a picture is on the screen and taken in. A guess.
    look : float
        Seconds to judge one object: yes or no to a box that is shown takes about 2 s
        (Papadopoulos et al., "We don't need no bounding-boxes", CVPR 2016).
    seconds : mapping of str to float
        To mend, by action (:data:`SECONDS`); spent where there is an error.
    precision : mapping of str to float
        Share of a rule's findings that are errors, at a score of 1; 0 keeps it out of the
        queue (:data:`PRECISION`).
    variety : float
        After this many objects of one rule the next ones count 1 / sqrt(2), after three times
        as many a half, and so on; 0 turns that off.
    """

    open_image: float = 5.0
    look: float = 2.0
    seconds: Mapping[str, float] = field(default_factory=lambda: dict(SECONDS))
    precision: Mapping[str, float] = field(default_factory=lambda: dict(PRECISION))
    variety: float = 20.0

    @classmethod
    def of(cls, config: Config) -> Effort:
        """The defaults with the settings of a project over them.

        Raises
        ------
        ConfigError
            If a key is unknown or a value is not a usable number.
        """
        out = cls()
        for key, value in config.review.items():
            name, place = key.replace("-", "_"), config.where(f"review.{key}")
            if name == "open_image":
                out = replace(out, open_image=_number(value, place, 1e-3, math.inf))
            elif name == "look":
                out = replace(out, look=_number(value, place, 1e-3, math.inf))
            elif name == "variety":
                out = replace(out, variety=_number(value, place, 0.0, math.inf))
            elif name == "seconds":
                given = _table(value, place, (*ACTIONS, "other"), 0.0, math.inf)
                out = replace(out, seconds={**out.seconds, **given})
            elif name == "precision":
                given = _table(value, place, None, 0.0, 1.0)
                given = {code.upper(): number for code, number in given.items()}
                out = replace(out, precision={**out.precision, **given})
            else:
                known = ("open_image", "look", "variety", "seconds", "precision")
                raise ConfigError(f"{place}: no such setting; {nearest(name, known)}")
        return out

    def worth(self, code: str, severity: str) -> float:
        """Precision of a rule's findings at a score of 1."""
        given = self.precision.get(code)
        if given is not None:
            return given
        if code.startswith("FL7"):
            return 1.0
        return 0.0 if code[:2] == "FL" and code[2:].isdigit() else OWN_RULES.get(severity, 0.0)


def _number(value: Any, place: str, least: float, most: float) -> float:
    good = isinstance(value, int | float) and not isinstance(value, bool)
    if not good or not least <= value <= most or not math.isfinite(value):
        span = f"{least:g} to {most:g}" if most < math.inf else f"{least:g} or more"
        raise ConfigError(f"{place}: got {value!r}, expected a number, {span}")
    return float(value)


def _table(
    value: Any, place: str, known: tuple[str, ...] | None, least: float, most: float
) -> dict[str, float]:
    if not isinstance(value, Mapping):
        raise ConfigError(f"{place}: got {value!r}, expected a table")
    out = {}
    for key, number in value.items():
        name = str(key).replace("-", "_")
        if known is not None and name not in known:
            raise ConfigError(f"{place}.{key}: no such action; {nearest(name, known)}")
        out[name] = _number(number, f"{place}.{key}", least, most)
    return out
