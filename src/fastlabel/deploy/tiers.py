"""Classes of device: what they compute, hold and draw, as data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["CUSTOM", "OLD_TIERS", "TIERS", "Tier"]

KB, GB = 1 << 10, 1 << 30

#: What a profile's tier is called when it is none of :data:`TIERS`.
CUSTOM = "custom"

Range = tuple[float | None, float | None]


@dataclass(frozen=True)
class Tier:
    """One class of device.

    Attributes
    ----------
    name : str
        What a profile calls it.
    device : str
        A device that is typical of it.
    tops : tuple of float or None
        Least and most compute, in 10^12 operations a second at 8 bits; None is open.
    memory : tuple of int or None
        Least and most memory, in bytes; None is open. KB is 1,024 bytes here.
    watts : tuple of float or None
        Least and most power, in watts; None is open.
    precision : {"int8", "float32"}
        What an activation is held in when nothing else is known.
    source : str
        Where the figures come from.
    """

    name: str
    device: str
    tops: Range
    memory: tuple[int | None, int | None]
    watts: Range
    precision: str
    source: str


_SOURCE = "the maker's data sheets, rounded to a class of devices: no measurement of one"

#: From the largest to the smallest.
TIERS: Mapping[str, Tier] = {
    t.name: t
    for t in (
        Tier(
            "cloud",
            "NVIDIA A100",
            (600, None),
            (40 * GB, 40 * GB),
            (250, None),
            "float32",
            _SOURCE,
        ),
        Tier(
            "edge-gateway",
            "NVIDIA Jetson Orin",
            (30, 100),
            (8 * GB, 16 * GB),
            (15, 40),
            "float32",
            _SOURCE,
        ),
        Tier(
            "end-device",
            "Raspberry Pi, phone",
            (2, 10),
            (2 * GB, 4 * GB),
            (3, 5),
            "float32",
            _SOURCE,
        ),
        Tier("micro", "STM32", (None, 0.1), (None, 512 * KB), (None, 0.1), "int8", _SOURCE),
    )
}

#: Words of profiles written for earlier versions, and the tier that each stands for.
OLD_TIERS: Mapping[str, str] = {"mcu": "micro", "npu": "end-device", "gpu": "edge-gateway"}
