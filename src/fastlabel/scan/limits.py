"""What the scan refuses before decoding it."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from ..config import Config

__all__ = ["Limits", "WithRings", "rings_asked", "with_rings"]


@dataclass(frozen=True)
class Limits:
    """Bounds on one file; beyond them it gets status ``over_limit`` and is not decoded.

    Attributes
    ----------
    max_pixels : int
        Width times height, from the header.
    max_bytes : int
        Size of the file.
    max_scans : int
        Scans of a progressive JPEG: thousands of tiny ones can keep a decoder busy for hours.
    max_memory : int
        Bytes that one JPEG decoder may hold (a progressive file needs all its coefficients).
    """

    max_pixels: int = 250_000_000
    max_bytes: int = 512 << 20
    max_scans: int = 200
    max_memory: int = 512 << 20

    def __post_init__(self) -> None:
        for name in ("max_pixels", "max_bytes", "max_scans", "max_memory"):
            value = getattr(self, name)
            most = 2**31 - 1 if name == "max_scans" else 2**63 - 1
            if not isinstance(value, int) or not 1 <= value <= most:
                raise ValueError(f"{name}: got {value!r}, expected a whole number from 1 to {most}")

    @classmethod
    def of(cls, config: Config) -> Self:
        """Take what the configuration sets, over these defaults."""
        given = {name: getattr(config.limits, name) for name in (f.name for f in fields(cls))}
        return cls(**{name: value for name, value in given.items() if value is not None})


@dataclass(frozen=True)
class WithRings(Limits):
    """Limits of a scan that measures what surrounds the boxes too.

    It goes where the limits go, because results hang on it as on them: what is kept of such a
    scan has a key of its own.
    """

    rings: bool = True


def with_rings(limits: Limits) -> WithRings:
    """The same limits for a scan with rings."""
    return WithRings(limits.max_pixels, limits.max_bytes, limits.max_scans, limits.max_memory)


def rings_asked(limits: Limits) -> bool:
    """Whether rings are to be measured."""
    return isinstance(limits, WithRings) and limits.rings
