"""What is to be cut, and what became of it."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._arrays import to_numpy
from .._scalars import as_whole

__all__ = ["MAX_SIDE", "CutJob", "CutOutcome", "CutResult", "as_fill", "as_windows"]

Windows = NDArray[np.int64]

#: The longest side of a JPEG.
MAX_SIDE = 65500
_FARTHEST = 1 << 40


def as_windows(value: Any, name: str, longest: int = MAX_SIDE) -> Windows:
    """Windows as (N, 4) int64, contiguous."""
    array = to_numpy(value, name)
    if array.dtype.kind not in "iu" and array.size:
        raise TypeError(f"{name}: got dtype {array.dtype}, expected integers")
    if array.shape in ((0,), (0, 0)):
        array = array.reshape(0, 4)
    if array.ndim != 2 or array.shape[1] != 4:
        raise ValueError(f"{name}: got shape {array.shape}, expected (N, 4)")
    if array.dtype == np.uint64 and array.size and int(array.max()) > _FARTHEST:
        raise ValueError(f"{name}: got {array.max()}, expected pixels of a picture")
    windows = np.ascontiguousarray(array, np.int64)
    sides = windows[:, 2:] - windows[:, :2]
    bad = (sides < 1) | (sides > longest) | (abs(windows[:, :2]) > _FARTHEST)
    if bad.any():
        row = int(bad.any(axis=1).argmax())
        raise ValueError(
            f"{name}[{row}]: got {windows[row].tolist()}, expected x1 < x2 and y1 < y2 with sides "
            f"up to {longest}"
        )
    return windows


def as_fill(value: Any, name: str) -> list[int]:
    """Blue, green, red, 0 to 255 each, of three numbers or one."""
    parts = [value] * 3 if np.ndim(value) == 0 else list(value)
    colour = [as_whole(part, name, "three whole numbers, or one") for part in parts]
    if len(colour) != 3 or min(colour) < 0 or max(colour) > 255:
        raise ValueError(f"{name}: got {value!r}, expected blue, green and red from 0 to 255")
    return colour


@dataclass(frozen=True)
class CutJob:
    """One picture and the tiles to cut out of it.

    Attributes
    ----------
    path : pathlib.Path
        The picture.
    windows : (n, 4) int64
        x1, y1, x2, y2 in the upright picture.
    outputs : list of pathlib.Path
        Where each tile goes. The suffix is its format: ``.jpg`` or ``.jpeg``, ``.png``, or
        another that OpenCV writes.
    """

    path: Path
    windows: Windows
    outputs: list[Path]

    def __post_init__(self) -> None:
        """Check what was given."""
        object.__setattr__(self, "path", Path(os.fspath(self.path)))
        object.__setattr__(self, "windows", as_windows(self.windows, "windows"))
        object.__setattr__(self, "outputs", [Path(os.fspath(p)) for p in self.outputs])
        if len(self.outputs) != len(self.windows):
            raise ValueError(
                f"outputs: got {len(self.outputs)} paths for {len(self.windows)} windows of "
                f"{self.path}"
            )


@dataclass(frozen=True)
class CutOutcome:
    """What became of one job.

    Attributes
    ----------
    status : str
        ``ok``, or what is wrong with the picture, in the words of ``image_stats.status``; then
        none of its tiles is there.
    detail : str
        Why.
    modes : list of str
        For each tile ``lossless`` (the source's own coefficients, or pixels in a format that
        keeps them), ``reencoded`` or ``failed``.
    reasons : list of str
        Why a tile is not what was asked for; else empty.
    windows : (n, 4) int64
        The windows really cut.
    """

    status: str
    detail: str
    modes: list[str]
    reasons: list[str]
    windows: Windows


@dataclass(frozen=True)
class CutResult:
    """What became of all jobs, in their order."""

    jobs: list[CutOutcome] = field(default_factory=list)

    def counts(self) -> dict[str, int]:
        """Tiles by mode."""
        found = Counter(mode for job in self.jobs for mode in job.modes)
        return {mode: found[mode] for mode in ("lossless", "reencoded", "failed")}
