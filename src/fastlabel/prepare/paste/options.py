"""What is asked of a run of pasting, checked before anything is read."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from ..._scalars import as_choice, as_number, as_switch, as_whole
from ...deploy import Profile

__all__ = ["ASSUMED", "BLENDS", "Band", "Options"]

#: The input that sizes are judged at where no deployment is named.
ASSUMED = Profile("assumed 640 x 640, stride 8", "custom", 640, 640)

BLENDS = ("feather", "alpha", "rectangle", "poisson", "multiband")

_MOST = 10_000_000


@dataclass(frozen=True)
class Band:
    """One band of sizes at the model's input, and how much of it is wanted.

    Attributes
    ----------
    low, high : float
        Short side of a box in smallest strides: ``low <= size < high``.
    share : float or None
        Share of all boxes that should be in it, after pasting.
    count : int or None
        Or how many to paste.
    """

    low: float
    high: float
    share: float | None = None
    count: int | None = None


@dataclass(frozen=True)
class Options:
    """What to paste, and where it may go; see :func:`fastlabel.paste` for the meaning of each.

    Raises
    ------
    ValueError
        For values that mean nothing: the message names the option.
    """

    count: int | None = None
    share: float | None = None
    between: tuple[float, float] = (1.0, 3.0)
    distribution: tuple[tuple[float, float, float], ...] | None = None
    classes: Mapping[str, float] | None = None
    profile: Profile = ASSUMED
    max_hidden: float = 0.3
    when_hidden: str = "refuse"
    max_on_boxes: float = 0.3
    max_per_image: int = 10
    tries: int = 40
    gap: int = 1
    placement: str | Mapping[str, float] = "learnt"
    flip: bool = False
    own_image: bool = False
    bands: tuple[Band, ...] = field(init=False)

    def __post_init__(self) -> None:
        given = [n for n in ("count", "share", "distribution") if getattr(self, n) is not None]
        if len(given) != 1:
            got = " and ".join(given) if given else "none of them"
            raise ValueError(f"count, share, distribution: got {got}, expected exactly one")
        object.__setattr__(self, "bands", self._bands())
        for name in ("max_hidden", "max_on_boxes"):
            value = as_number(getattr(self, name), name, "0 to 1")
            if not 0 <= value <= 1:
                raise ValueError(f"{name}: got {value}, expected 0 to 1")
        for name, least in (("max_per_image", 1), ("tries", 1), ("gap", 0)):
            whole = as_whole(getattr(self, name), name)
            if not least <= whole <= 1_000_000:
                raise ValueError(f"{name}: got {whole}, expected {least} to 1,000,000")
        as_choice(self.when_hidden, "when_hidden", ("refuse", "ignore"))
        for name in ("flip", "own_image"):
            as_switch(getattr(self, name), name)
        if isinstance(self.placement, str):
            as_choice(self.placement, "placement", ("learnt", "uniform"))
        if self.classes is not None:
            object.__setattr__(self, "classes", _weights(self.classes))

    def _bands(self) -> tuple[Band, ...]:
        low, high = _interval(self.between, "between")
        if self.count is not None:
            count = as_whole(self.count, "count")
            if not 1 <= count <= _MOST:
                raise ValueError(f"count: got {count}, expected 1 to {_MOST:,}")
            return (Band(low, high, count=count),)
        if self.share is not None:
            return (Band(low, high, share=_share(self.share, "share")),)
        bands = []
        for at, row in enumerate(self.distribution or ()):
            if len(row) != 3:
                raise ValueError(f"distribution[{at}]: got {row!r}, expected (low, high, share)")
            low, high = _interval(row[:2], f"distribution[{at}]")
            bands.append(Band(low, high, share=_share(row[2], f"distribution[{at}] share")))
        bands.sort(key=lambda band: band.low)
        if not bands:
            raise ValueError("distribution: got no rows, expected (low, high, share) of each band")
        for before, after in pairwise(bands):
            if after.low < before.high:
                raise ValueError(
                    f"distribution: the bands {before.low:g} to {before.high:g} and "
                    f"{after.low:g} to {after.high:g} overlap"
                )
        total = sum(band.share or 0.0 for band in bands)
        if total >= 1:
            raise ValueError(f"distribution: the shares sum to {total:g}, expected less than 1")
        return tuple(bands)


def _interval(value: Any, name: str) -> tuple[float, float]:
    try:
        low, high = value
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name}: got {value!r}, expected (low, high) in strides") from error
    low, high = as_number(low, name), as_number(high, name)
    if not (0 < low < high and math.isfinite(high)):
        raise ValueError(f"{name}: got {low:g} to {high:g}, expected 0 < low < high, in strides")
    return low, high


def _share(value: Any, name: str) -> float:
    share = as_number(value, name, "more than 0 and less than 1")
    if not 0 < share < 1:
        raise ValueError(f"{name}: got {share:g}, expected more than 0 and less than 1")
    return share


def _weights(classes: Mapping[str, float] | Iterable[str]) -> dict[str, float]:
    if isinstance(classes, str):
        classes = (classes,)
    pairs = classes.items() if isinstance(classes, Mapping) else [(name, 1.0) for name in classes]
    weights = {}
    for name, weight in pairs:
        value = as_number(weight, f"classes[{name!r}]", "a weight over 0")
        if not 0 < value < math.inf:
            raise ValueError(f"classes[{name!r}]: got {value:g}, expected a weight over 0")
        weights[str(name)] = value
    if not weights:
        raise ValueError("classes: got none, expected names, or weights by name")
    return weights
