"""A deployment in words: ranges of features instead of frames, from TOML or a mapping."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ..config import ConfigError, nearest, read_toml
from .features import BY_NAME, SCENE

__all__ = ["described_frames", "is_description"]

#: Frames that stand for a description.
FRAMES = 256
#: Chroma of a picture that has none, but for what JPEG leaves.
GRAY = 1.5
_OTHERS = ("infrared", "share")


def is_description(reference: object) -> bool:
    """Whether a reference is a mapping, a list of mappings, or a TOML file."""
    if isinstance(reference, (str, os.PathLike)):
        return Path(reference).suffix.lower() == ".toml"
    if isinstance(reference, Mapping):
        return True
    return (
        isinstance(reference, Sequence)
        and bool(reference)
        and all(isinstance(part, Mapping) for part in reference)
    )


def described_frames(reference: Any) -> pa.Table:
    """Frames spread evenly over what a description says; all else about them is unknown.

    Parameters
    ----------
    reference : path-like, mapping or sequence of mapping
        ``{"luma_mean": [5, 60], "infrared": True}``: names of features with their lowest and
        highest values; or several such with a ``share`` each, e.g. of day and of night. A TOML
        file has them as ``[scene]``, or as several ``[[scene]]``.

    Returns
    -------
    pyarrow.Table
        ``fastlabel.match.features.SCENE``; the points are those of an additive recurrence
        (Roberts 2018, a low-discrepancy sequence), so they are the same everywhere.

    Raises
    ------
    ConfigError
        For a key that is not known or a range that is none; with place, value and remedy.
    """
    place, parts = _parts(reference)
    shares = [_share(part, f"{place}{_at(k, parts)}") for k, part in enumerate(parts)]
    total = sum(shares)
    if not total > 0:
        raise ConfigError(f"{place}: the shares sum to {total:g}, expected more than 0")
    ends = np.cumsum(np.array(shares) / total * FRAMES).round().astype(int).tolist()
    columns = {name: np.full(FRAMES, np.nan) for name in BY_NAME}
    start = 0
    for k, (part, end) in enumerate(zip(parts, ends, strict=True)):
        ranges = _ranges(part, f"{place}{_at(k, parts)}")
        points = _spread(end - start, len(ranges))
        for at, (name, (low, high)) in enumerate(sorted(ranges.items())):
            columns[name][start:end] = low + (high - low) * points[:, at]
        start = end
    known = {name: pa.array(v, pa.float64(), from_pandas=True) for name, v in columns.items()}
    fixed = {
        "image_id": pa.array(np.arange(FRAMES)),
        "file_name": pa.array([f"described {k + 1}" for k in range(FRAMES)]),
        "status": pa.array(["ok"] * FRAMES),
        "status_detail": pa.nulls(FRAMES, pa.string()),
    }
    return pa.table({**fixed, **known}).select(SCENE.names).cast(SCENE)


def _parts(reference: Any) -> tuple[str, list[Mapping[str, Any]]]:
    if isinstance(reference, (str, os.PathLike)):
        path = Path(reference)
        if not path.is_file():
            raise ConfigError(f"{path}: no such file")
        table = read_toml(path)
        for key in table:
            if key != "scene":
                raise ConfigError(f"{path}: unknown key {key!r}; {nearest(key, ['scene'])}")
        found = table.get("scene")
        parts: list[Any] = found if isinstance(found, list) else [found]
        if not parts or not all(isinstance(part, dict) for part in parts):
            raise ConfigError(f"{path}: scene: got {found!r}, expected a table [scene]")
        return f"{path}: scene", parts
    if isinstance(reference, Mapping):
        return "reference", [reference]
    return "reference", list(reference)


def _at(k: int, parts: Sequence[Any]) -> str:
    return f"[{k}]" if len(parts) > 1 else ""


def _share(part: Mapping[str, Any], place: str) -> float:
    value = part.get("share", 1.0)
    if not _is_number(value) or value < 0:
        raise ConfigError(f"{place}.share: got {value!r}, expected a number, 0 or more")
    return float(value)


def _ranges(part: Mapping[str, Any], place: str) -> dict[str, tuple[float, float]]:
    out: dict[str, tuple[float, float]] = {}
    for key, value in part.items():
        name = str(key).replace("-", "_")
        if name == "share":
            continue
        if name == "infrared":
            if not isinstance(value, bool):
                raise ConfigError(f"{place}.{key}: got {value!r}, expected true or false")
            out["chroma"] = (0.0, GRAY) if value else (2 * GRAY, 30.0)
            continue
        if name not in BY_NAME:
            raise ConfigError(
                f"{place}: unknown key {key!r}; {nearest(name, [*BY_NAME, *_OTHERS])}"
            )
        ends = [value, value] if _is_number(value) else value
        good = isinstance(ends, (list, tuple)) and len(ends) == 2 and all(map(_is_number, ends))
        if not good or not ends[0] <= ends[1]:
            raise ConfigError(
                f"{place}.{key}: got {value!r}, expected [lowest, highest], finite numbers"
            )
        out[name] = (float(ends[0]), float(ends[1]))
    if not out:
        raise ConfigError(f"{place}: describes nothing; give a range, e.g. luma_mean = [5, 60]")
    return out


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _spread(n: int, dimensions: int) -> npt.NDArray[np.float64]:
    """(n, dimensions) points in 0..1 that fill it evenly."""
    phi = 2.0
    for _ in range(60):  # the root of x^(d + 1) = x + 1
        phi = (1 + phi) ** (1 / (dimensions + 1))
    steps = phi ** -np.arange(1.0, dimensions + 1)
    return np.asarray((0.5 + np.arange(1, n + 1)[:, None] * steps) % 1)
