"""What makes a box hard, by how much, and where the levels begin: ``[difficulty]`` of a project."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ..config import Config, ConfigError, nearest

__all__ = ["LEVELS", "REASONS", "Reason", "Settings", "checked_shares"]

LEVELS = ("easy", "medium", "hard")

#: Shares of the levels that common practice names. No source gives a reason for them.
USUAL_SHARES = (0.3, 0.5, 0.2)


@dataclass(frozen=True)
class Reason:
    """One thing that makes a box hard.

    Attributes
    ----------
    easy, hard : float
        From this value it begins to count, and at that one it counts in full; between them in
        proportion (to the logarithm for ``size``, ``rare_class`` and ``rare_pose``).
    weight : float
        0 to 1: what it adds at most. 0 switches it off.
    """

    easy: float
    hard: float
    weight: float


#: Names, limits and weights, in the order in which an explanation breaks a tie.
REASONS: Mapping[str, Reason] = {
    "size": Reason(48.0, 8.0, 0.9),  # shorter side at the model's input, pixels
    "occlusion": Reason(0.0, 2.0, 0.7),  # level
    "truncation": Reason(0.0, 1.0, 0.4),  # share that is cut off
    "marked": Reason(0.0, 1.0, 0.7),  # the source calls it difficult
    "sharpness": Reason(0.4, 0.12, 0.4),  # acutance in the box
    "light": Reason(55.0, 110.0, 0.5),  # mean luma of the box, its distance from 127.5
    "contrast": Reason(24.0, 4.0, 0.4),  # grey levels between the box and its ring
    "background": Reason(6.0, 45.0, 0.4),  # gradient of the ring, grey levels, by its entropy
    "crowding": Reason(0.02, 0.4, 0.5),  # highest IoU with another box
    "rare_class": Reason(3.0, 30.0, 0.4),  # boxes of the largest class for one of this
    "rare_pose": Reason(0.15, 0.01, 0.3),  # share of the class's boxes with this pose or shape
    "model": Reason(0.4, 0.9, 0.8),  # 1 - score of the model, or rank of its loss
}

#: Reasons whose values count by their logarithm.
BY_LOGARITHM = frozenset(("size", "rare_class", "rare_pose"))


@dataclass(frozen=True)
class Settings:
    """How difficulty is judged.

    Attributes
    ----------
    medium, hard : float
        Scores from which a box, or an image, is medium and hard.
    surroundings : bool
        Whether a check measures the rings around boxes, for ``contrast`` and ``background``.
    reasons : mapping of str to Reason
        By name, all of :data:`REASONS`.
    """

    medium: float = 0.35
    hard: float = 0.6
    surroundings: bool = False
    reasons: Mapping[str, Reason] = field(default_factory=lambda: dict(REASONS))

    @classmethod
    def of(cls, config: Config) -> Settings:
        """The defaults with the settings of a project over them.

        Raises
        ------
        ConfigError
            If a key is unknown or a value cannot be used.
        """
        out = cls()
        for key, value in config.difficulty.items():
            name, place = key.replace("-", "_"), config.where(f"difficulty.{key}")
            if name in ("medium", "hard"):
                number = _number(value, place, 0.0, 1.0)
                out = replace(out, medium=number) if name == "medium" else replace(out, hard=number)
            elif name == "surroundings":
                if not isinstance(value, bool):
                    raise ConfigError(f"{place}: got {value!r}, expected true or false")
                out = replace(out, surroundings=value)
            elif name in REASONS:
                reasons = dict(out.reasons)
                reasons[name] = _reason(name, value, place)
                out = replace(out, reasons=reasons)
            else:
                known = ("medium", "hard", "surroundings", *REASONS)
                raise ConfigError(f"{place}: no such setting; {nearest(name, known)}")
        if not 0.0 < out.medium < out.hard <= 1.0:
            raise ConfigError(
                f"{config.where('difficulty')}: got medium {out.medium:g} and hard {out.hard:g}, "
                "expected 0 < medium < hard <= 1"
            )
        return out


def _reason(name: str, value: Any, place: str) -> Reason:
    if not isinstance(value, Mapping):
        raise ConfigError(f"{place}: got {value!r}, expected a table with easy, hard or weight")
    out, usual = REASONS[name], REASONS[name]
    for key, number in value.items():
        here = f"{place}.{key}"
        if key == "weight":
            out = replace(out, weight=_number(number, here, 0.0, 1.0))
        elif key == "easy":
            out = replace(out, easy=_number(number, here, 0.0, math.inf))
        elif key == "hard":
            out = replace(out, hard=_number(number, here, 0.0, math.inf))
        else:
            raise ConfigError(
                f"{here}: no such setting; {nearest(key, ('easy', 'hard', 'weight'))}"
            )
    falls = usual.easy > usual.hard
    good = out.easy > out.hard if falls else out.easy < out.hard
    if name in BY_LOGARITHM:
        good = good and min(out.easy, out.hard) > 0
    if not good:
        order = "easy over hard" if falls else "hard over easy"
        zero = ", both over 0" if name in BY_LOGARITHM else ""
        raise ConfigError(
            f"{place}: got easy {out.easy:g} and hard {out.hard:g}, expected {order}{zero}"
        )
    return out


def _number(value: Any, place: str, least: float, most: float) -> float:
    good = isinstance(value, int | float) and not isinstance(value, bool)
    if not good or not least <= value <= most or not math.isfinite(value):
        span = f"{least:g} to {most:g}" if most < math.inf else f"{least:g} or more"
        raise ConfigError(f"{place}: got {value!r}, expected a number, {span}")
    return float(value)


def checked_shares(easy: float, medium: float, hard: float) -> tuple[float, float, float]:
    """Shares of the levels as given, where they are shares.

    Raises
    ------
    ValueError
        If one is no number from 0 to 1, or they do not add up to 1.
    """
    shares = []
    for name, value in zip(LEVELS, (easy, medium, hard), strict=True):
        good = isinstance(value, int | float) and not isinstance(value, bool)
        if not good or not 0.0 <= value <= 1.0:  # NaN is none
            raise ValueError(f"{name}: got {value!r}, expected a share from 0 to 1")
        shares.append(float(value))
    total = math.fsum(shares)
    if abs(total - 1.0) > 1e-6:
        raise ValueError(
            f"easy, medium and hard: got {easy:g} + {medium:g} + {hard:g} = {total:g}, expected "
            "shares that add up to 1"
        )
    return shares[0], shares[1], shares[2]
