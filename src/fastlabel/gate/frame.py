"""The gate of one camera, its limits and what it says of a frame."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, fields
from enum import IntFlag
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import _core
from .._arrays import to_numpy
from .._scalars import as_number, as_whole

__all__ = ["FrameGate", "GateLimits", "GateResult", "GateVerdict"]

#: Version of the JSON that limits are kept in.
VERSION = 1
#: Measure -> how many units of the gate's whole numbers it has.
UNITS = {
    "min_sharpness": 256,
    "min_acutance": 65536,
    "min_light": 256,
    "max_light": 256,
    "max_dark": 65536,
    "max_bright": 65536,
    "min_motion": 256,
}


class GateVerdict(IntFlag):
    """What is wrong with a frame; ``OK`` when nothing is."""

    OK = 0
    BLURRY = 1
    DARK = 2
    BRIGHT = 4
    STILL = 8


@dataclass(frozen=True)
class GateLimits:
    """The limits of a gate; a frame on a limit passes. By default every frame does.

    Attributes
    ----------
    min_sharpness : float
        Least Laplacian variance, the noise taken out.
    min_acutance : float
        Least sharpness over the mean squared gradient; frames without any edge are not judged.
    min_light, max_light : float
        Mean luma, 0 to 255.
    max_dark, max_bright : float
        Shares of the pixels below 32, and from 224 on, 0 to 1.
    min_motion : float
        Least change of a cell of the 16 x 12 grid since the last frame, in grey levels; 0 calls
        no frame still.

    Raises
    ------
    ValueError
        If a limit is negative, not finite or beyond what the gate can hold.

    Examples
    --------
    >>> GateLimits(min_light=30).fixed()["min_light"]
    7680
    """

    min_sharpness: float = 0.0
    min_acutance: float = 0.0
    min_light: float = 0.0
    max_light: float = 255.0
    max_dark: float = 1.0
    max_bright: float = 1.0
    min_motion: float = 0.0

    def __post_init__(self) -> None:
        most = {"sharpness": 1020.0**2, "acutance": 65535.0, "dark": 1.0, "bright": 1.0}
        for field in fields(self):
            largest = most.get(field.name[4:], 255.0)
            expected = f"a number from 0 to {largest:g}"
            value = as_number(getattr(self, field.name), field.name, expected)
            if not 0 <= value <= largest:
                raise ValueError(f"{field.name}: got {value:g}, expected {expected}")
            object.__setattr__(self, field.name, value)

    def fixed(self) -> dict[str, int]:
        """Give the limits in the gate's whole numbers: the fields of ``fl_gate_options``.

        Returns
        -------
        dict of str to int
            Rounded to the nearest, in the struct's order.
        """
        return {name: math.floor(getattr(self, name) * unit + 0.5) for name, unit in UNITS.items()}

    @classmethod
    def of_fixed(cls, values: Mapping[str, int]) -> GateLimits:
        """Make limits of the gate's whole numbers.

        Parameters
        ----------
        values : mapping of str to int
            As :meth:`fixed` gives them.
        """
        return cls(**{name: values[name] / unit for name, unit in UNITS.items()})

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> GateLimits:
        """Read the limits of a JSON file that ``fastlabel gate`` wrote.

        Parameters
        ----------
        path : str or os.PathLike
            The file.

        Raises
        ------
        ValueError
            If it is not such a file, of another version, or lacks a limit; the message says
            where and what was expected.
        OSError
            If it cannot be read.
        """
        text = Path(path).read_text(encoding="utf-8")
        try:
            found = json.loads(text)
        except ValueError as error:
            raise ValueError(
                f"{path}: is no JSON ({error}); write it with fastlabel gate"
            ) from None
        if not isinstance(found, dict) or "fastlabel_gate" not in found:
            raise ValueError(f"{path}: has no fastlabel_gate; write it with fastlabel gate")
        if found["fastlabel_gate"] != VERSION:
            raise ValueError(
                f"{path}: fastlabel_gate: got {found['fastlabel_gate']!r}, expected {VERSION}; "
                "write it again with this version's fastlabel gate"
            )
        limits = found.get("limits")
        if not isinstance(limits, dict) or set(limits) != set(UNITS):
            raise ValueError(f"{path}: limits: expected exactly {', '.join(UNITS)}")
        for name, value in limits.items():
            if isinstance(value, bool) or not isinstance(value, int):
                raise ValueError(f"{path}: limits.{name}: got {value!r}, expected a whole number")
        try:
            return cls.of_fixed(limits)
        except ValueError as error:
            raise ValueError(f"{path}: limits.{error}") from None


@dataclass(frozen=True)
class GateResult:
    """What a gate found in a frame.

    Attributes
    ----------
    verdict : GateVerdict
        Flags; 0 when the frame passes.
    luma_mean, dark_fraction, bright_fraction, laplacian_variance, noise_sigma, sharpness : float
        As :func:`fastlabel.image_stats` has them, equal in every bit. (A scan takes the two shares
        of up to 64 evenly spread rows; the gate, as that function, of all.)
    acutance : float or None
        Likewise; None where there is no edge to judge.
    motion : float or None
        The most that a cell of the grid changed since the last frame, less the mean change of
        all cells, in grey levels; None for a first frame.
    fixed : dict of str to int
        The whole numbers of ``fl_gate_result``: the sums behind the measures, and the measures
        as a microcontroller has them and the verdict is made of.
    """

    verdict: GateVerdict
    luma_mean: float
    dark_fraction: float
    bright_fraction: float
    laplacian_variance: float
    noise_sigma: float
    sharpness: float
    acutance: float | None
    motion: float | None
    fixed: dict[str, int]

    @property
    def ok(self) -> bool:
        """Whether the frame passes."""
        return self.verdict == GateVerdict.OK


class FrameGate:
    """Measure frames and say which are worth the model's time.

    Whole frames by calling it, or row by row as a camera gives them: :meth:`rows` until all are
    in, then :meth:`end`. A frame is the Y plane of NV12, NV21 or I420, or gray.

    Parameters
    ----------
    width, height : int
        Of the frames, each 1 to 16384.
    limits : GateLimits, optional
        By default every frame passes.

    Raises
    ------
    ValueError
        If a size is out of that range.

    Examples
    --------
    >>> import numpy as np
    >>> gate = FrameGate(320, 240, GateLimits(min_light=30, min_motion=1.5))
    >>> frame = np.full((240, 320), 90, np.uint8)
    >>> gate(frame).verdict, gate(frame).verdict
    (<GateVerdict.OK: 0>, <GateVerdict.STILL: 8>)
    >>> gate(frame // 9).verdict
    <GateVerdict.DARK|STILL: 10>
    """

    def __init__(self, width: int, height: int, limits: GateLimits | None = None) -> None:
        most = int(_core.GATE_MAX_SIDE)
        sides = []
        for name, value in (("width", width), ("height", height)):
            side = as_whole(value, name, f"a whole number of pixels, 1 to {most}")
            if not 1 <= side <= most:
                raise ValueError(f"{name}: got {side}, expected 1 to {most} pixels")
            sides.append(side)
        self.width, self.height = sides
        self.limits = limits if limits is not None else GateLimits()
        if not isinstance(self.limits, GateLimits):
            raise TypeError(f"limits: got {type(limits).__name__}, expected GateLimits")
        self._gate = _core.Gate(self.width, self.height, list(self.limits.fixed().values()))
        self._taken = 0

    def __repr__(self) -> str:
        return f"FrameGate({self.width}, {self.height}, {self.limits})"

    def __call__(self, frame: Any) -> GateResult:
        """Measure a whole frame; rows of a frame not ended before are dropped.

        Parameters
        ----------
        frame : array_like
            (height, width) uint8; rows may lie apart.

        Raises
        ------
        ValueError
            If it has another size.
        """
        rows = self._bytes(frame, "frame")
        if rows.shape != (self.height, self.width):
            raise ValueError(
                f"frame: got shape {rows.shape}, expected ({self.height}, {self.width}); of NV12 "
                "give the Y plane alone"
            )
        if self._taken:
            self.drop()
        self.rows(rows)
        return self.end()

    def rows(self, rows: Any) -> None:
        """Take the next rows of a frame, from its top.

        Parameters
        ----------
        rows : array_like
            (n, width) or (width,) uint8; rows may lie apart.

        Raises
        ------
        ValueError
            If the frame has not so many rows left, or a row another width; nothing is taken.
        """
        part = self._bytes(rows, "rows")
        if part.ndim == 1:
            part = part[None]
        if part.ndim != 2 or part.shape[1] != self.width or not len(part):
            raise ValueError(f"rows: got shape {part.shape}, expected (n, {self.width}), n > 0")
        if len(part) > self.height - self._taken:
            raise ValueError(
                f"rows: got {len(part)}, expected at most {self.height - self._taken} more of a "
                f"frame of {self.height}: call end() after the last, or drop()"
            )
        self._gate.rows(part)
        self._taken += len(part)

    def end(self) -> GateResult:
        """End the frame and judge it; the next row is the first of the next frame.

        Raises
        ------
        ValueError
            If rows are missing: give them, or :meth:`drop` the frame.
        """
        if self._taken < self.height:
            raise ValueError(
                f"end: got {self._taken} of {self.height} rows: give the others with rows(), or "
                "drop() the frame"
            )
        found = self._gate.end()
        self._taken = 0
        measures = found.pop("measures")
        motion = found["motion"] / 256 if found["has_motion"] else None
        return GateResult(GateVerdict(found["verdict"]), **measures, motion=motion, fixed=found)

    def drop(self) -> None:
        """Drop the rows taken of a frame; the next frame has none before it to compare with."""
        self._gate.drop()
        self._taken = 0

    def _bytes(self, value: Any, name: str) -> NDArray[np.uint8]:
        array = to_numpy(value, name)
        if array.dtype != np.uint8:
            raise TypeError(f"{name}: got {array.dtype}, expected uint8")
        # Pixels side by side, rows downwards: else a copy that is so.
        if array.ndim == 2 and (array.strides[1] != 1 or array.strides[0] < array.shape[1]):
            array = np.ascontiguousarray(array)
        return np.ascontiguousarray(array) if array.ndim == 1 else array
