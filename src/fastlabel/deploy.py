"""Deployment profiles: what the model will see, so that a data set is judged at that size.

A profile names a device tier, its camera, the model's input and how a frame is
brought to it. Built-in profiles are starting points; a TOML file describes one's own::

    name = "porch"
    tier = "npu"
    input_width = 320
    input_height = 320
    resize = "letterbox"      # or "stretch"
    strides = [8, 16, 32]     # of the detection heads, in input pixels
    min_target = 8            # shortest side worth training on; default: the smallest stride

    [camera]
    width = 1920
    height = 1080
    fixed = true              # the camera does not move
    infrared = true           # it sees at night by infrared light
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from .config import ConfigError, nearest, read_toml

__all__ = ["PROFILES", "Camera", "Profile", "load"]

RESIZES = ("letterbox", "stretch")

#: Largest side of a frame or input that is believed.
MAX_SIDE = 65_535

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Camera:
    """The camera that feeds the model.

    Attributes
    ----------
    width, height : int
        Pixels of one frame.
    fixed : bool
        Whether it looks at one scene for ever.
    infrared : bool
        Whether it sees at night by infrared light (gray, flat, noisy pictures).
    """

    width: int
    height: int
    fixed: bool = False
    infrared: bool = False


@dataclass(frozen=True)
class Profile:
    """One deployment.

    Attributes
    ----------
    name : str
        What reports call it.
    tier : str
        Class of device, in words: ``mcu``, ``npu``, ``gpu``...
    input_width, input_height : int
        The model's input, in pixels.
    resize : {"letterbox", "stretch"}
        ``letterbox`` keeps the shape and pads; ``stretch`` does not.
    strides : tuple of int
        Strides of the detection heads, in input pixels, smallest first.
    min_target : float
        Shortest side, in input pixels, of a target the model can be asked for.
        Left out, it is one smallest stride: below that a target has no cell of its own.
    camera : Camera or None
        The camera, when known.

    Raises
    ------
    ConfigError
        If a size, stride or resize mode is impossible.
    """

    name: str
    tier: str
    input_width: int
    input_height: int
    resize: str = "letterbox"
    strides: tuple[int, ...] = (8, 16, 32)
    min_target: float = 0.0
    camera: Camera | None = None

    def __post_init__(self) -> None:
        for key in ("input_width", "input_height"):
            if not 1 <= getattr(self, key) <= MAX_SIDE:
                raise ConfigError(
                    f"profile {self.name!r}: {key}: got {getattr(self, key)}, "
                    f"expected 1 to {MAX_SIDE:,} pixels"
                )
        if self.resize not in RESIZES:
            raise ConfigError(
                f"profile {self.name!r}: resize: got {self.resize!r}, "
                f"expected one of {', '.join(RESIZES)}"
            )
        if not self.strides or min(self.strides) < 1:
            raise ConfigError(
                f"profile {self.name!r}: strides: got {self.strides}, "
                "expected one or more whole numbers over 0"
            )
        if not 0 <= self.min_target <= MAX_SIDE:
            raise ConfigError(
                f"profile {self.name!r}: min_target: got {self.min_target}, "
                f"expected 0 to {MAX_SIDE:,} pixels"
            )
        object.__setattr__(self, "strides", tuple(sorted(self.strides)))
        if self.min_target == 0:
            object.__setattr__(self, "min_target", float(self.strides[0]))

    def scale(self, width: npt.ArrayLike, height: npt.ArrayLike) -> tuple[FloatArray, FloatArray]:
        """Factors from pixels of a frame to pixels of the model's input.

        Parameters
        ----------
        width, height : array_like
            Sizes of frames, in pixels, of one shape. NaN or a size under 1 is unknown.

        Returns
        -------
        tuple of numpy.ndarray
            Factors along x and y, float64, of that shape; NaN where a size is unknown.
            A letterbox has one factor, ``min(input_width / width, input_height / height)``.

        Examples
        --------
        >>> sx, sy = load("edge-640").scale([1280, 1920], [720, 1080])
        >>> sx.round(3).tolist()
        [0.5, 0.333]
        """
        w = np.asarray(width, np.float64)
        h = np.asarray(height, np.float64)
        unknown = ~((w >= 1) & (h >= 1))
        sx = self.input_width / np.where(unknown, np.nan, w)
        sy = self.input_height / np.where(unknown, np.nan, h)
        if self.resize == "letterbox":
            sx = sy = np.minimum(sx, sy)
        return sx, sy


#: Starting points. Sizes and strides are those of common detectors of each tier, not of
#: one product: a profile of one's own is always better.
PROFILES: Mapping[str, Profile] = {
    p.name: p
    for p in (
        Profile("edge-640", "npu", 640, 640, "letterbox", (8, 16, 32)),
        Profile(
            "doorbell-416",
            "npu",
            416,
            416,
            "letterbox",
            (8, 16, 32),
            camera=Camera(1920, 1080, fixed=True, infrared=True),
        ),
        Profile(
            "drone-4k", "gpu", 640, 640, "letterbox", (4, 8, 16, 32), camera=Camera(3840, 2160)
        ),
        Profile("mcu-96", "mcu", 96, 96, "stretch", (8,), camera=Camera(320, 240, fixed=True)),
    )
}


def load(name_or_path: str | os.PathLike[str]) -> Profile:
    """Get a built-in profile by name, or read one from a TOML file.

    Parameters
    ----------
    name_or_path : str or path-like
        A name of :data:`PROFILES`, or a path that ends in ``.toml``.

    Returns
    -------
    Profile

    Raises
    ------
    ConfigError
        If there is no such profile, or the file has an unknown key or a bad value.

    Examples
    --------
    >>> load("mcu-96").min_target
    8.0
    """
    text = os.fspath(name_or_path)
    if text in PROFILES:
        return PROFILES[text]
    if not text.endswith(".toml"):
        raise ConfigError(
            f"deployment {text!r}: no such profile, and not a .toml file; {nearest(text, PROFILES)}"
        )
    path = Path(text)
    if not path.is_file():
        raise ConfigError(f"deployment {text!r}: no such file")
    return _from_table(read_toml(path), path)


def _from_table(table: Mapping[str, Any], path: Path) -> Profile:
    values = _checked(table, {f.name for f in fields(Profile)}, str(path))
    values.setdefault("name", path.stem)
    values.setdefault("tier", "custom")
    for key in ("input_width", "input_height"):
        if key not in values:
            raise ConfigError(f"{path}: {key} is missing: the model's input, in pixels")
    if "camera" in values:
        values["camera"] = _camera(values["camera"], f"{path}: camera")
    return Profile(**values)


def _camera(value: object, place: str) -> Camera:
    if not isinstance(value, dict):
        raise ConfigError(f"{place}: got {value!r}, expected a table")
    values = _checked(value, {f.name for f in fields(Camera)}, place)
    for key in ("width", "height"):
        if not 1 <= values.get(key, 0) <= MAX_SIDE:
            raise ConfigError(f"{place}.{key}: expected 1 to {MAX_SIDE:,} pixels")
    return Camera(**values)


def _checked(table: Mapping[str, Any], known: set[str], place: str) -> dict[str, Any]:
    """Check the keys and the kinds of their values."""
    values: dict[str, Any] = {}
    for key, value in table.items():
        name = key.replace("-", "_")
        if name not in known:
            raise ConfigError(f"{place}: unknown key {key!r}; {nearest(name, known)}")
        if not _right_kind(name, value):
            raise ConfigError(f"{place}: {key}: got {value!r}, expected {_KINDS[name]}")
        values[name] = tuple(value) if name == "strides" else value
    return values


def _right_kind(name: str, value: object) -> bool:
    whole = isinstance(value, int) and not isinstance(value, bool)
    kind = _KINDS[name]
    if kind == "a whole number":
        return whole
    if kind == "a number":
        return whole or isinstance(value, float)
    if kind == "a text":
        return isinstance(value, str) and bool(value)
    if kind == "true or false":
        return isinstance(value, bool)
    if kind == "a list of whole numbers":
        return isinstance(value, list) and all(
            isinstance(v, int) and not isinstance(v, bool) for v in value
        )
    return isinstance(value, dict)


_KINDS = {
    "name": "a text",
    "tier": "a text",
    "input_width": "a whole number",
    "input_height": "a whole number",
    "resize": "a text",
    "strides": "a list of whole numbers",
    "min_target": "a number",
    "camera": "a table",
    "width": "a whole number",
    "height": "a whole number",
    "fixed": "true or false",
    "infrared": "true or false",
}
