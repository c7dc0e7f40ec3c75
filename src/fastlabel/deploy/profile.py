"""One deployment: its profile, the built-in ones, and those of TOML files."""

from __future__ import annotations

import operator
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..config import ConfigError, nearest, read_toml
from .tiers import CUSTOM, OLD_TIERS, TIERS

__all__ = ["PROFILES", "Camera", "Profile", "load", "scale_to"]

RESIZES = ("letterbox", "stretch")

#: Largest side of a frame or input that is believed.
MAX_SIDE = 65_535
#: Most memory that is believed: a pebibyte.
MAX_MEMORY = 1 << 50

_MEMORY = re.compile(r"(\d+(?:\.\d+)?) ?(B|KB|MB|GB|KiB|MiB|GiB)")
_UNITS = {"B": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30}

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
    top_down : bool
        Whether it looks straight down, so that no side of a picture is up.

    Raises
    ------
    ConfigError
        If a side is no whole number of pixels, or beyond belief.
    """

    width: int
    height: int
    fixed: bool = False
    infrared: bool = False
    top_down: bool = False

    def __post_init__(self) -> None:
        for key in ("width", "height"):
            _whole(getattr(self, key), f"camera.{key}", MAX_SIDE, "pixels")


@dataclass(frozen=True)
class Profile:
    """One deployment.

    Attributes
    ----------
    name : str
        What reports call it.
    tier : str
        Class of device: a name of :data:`TIERS`, or ``custom``. The words of earlier
        versions (``mcu``, ``npu``, ``gpu``) stand for the tier nearest to them.
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
    memory : int or None
        Bytes of the device's memory, where it is not the tier's.

    Raises
    ------
    ConfigError
        If the tier is unknown, or a size, stride, memory or resize mode is impossible.
    """

    name: str
    tier: str
    input_width: int
    input_height: int
    resize: str = "letterbox"
    strides: tuple[int, ...] = (8, 16, 32)
    min_target: float = 0.0
    camera: Camera | None = None
    memory: int | None = None

    def __post_init__(self) -> None:
        place = f"profile {self.name!r}"
        tier = OLD_TIERS.get(self.tier, self.tier)
        if tier not in TIERS and tier != CUSTOM:
            raise ConfigError(f"{place}: tier: got {tier!r}; {nearest(tier, [*TIERS, CUSTOM])}")
        object.__setattr__(self, "tier", tier)
        for key in ("input_width", "input_height"):
            _whole(getattr(self, key), f"{place}: {key}", MAX_SIDE, "pixels")
        if self.resize not in RESIZES:
            raise ConfigError(
                f"{place}: resize: got {self.resize!r}, expected one of {', '.join(RESIZES)}"
            )
        self._check_strides(place)
        if self.memory is not None:
            _whole(self.memory, f"{place}: memory", MAX_MEMORY, "bytes")

    def _check_strides(self, place: str) -> None:
        """Check strides and the least target against the input, and fill the latter in."""
        shorter = min(self.input_width, self.input_height)
        if not self.strides:
            raise ConfigError(f"{place}: strides: got none, expected one or more whole numbers")
        for stride in self.strides:
            _whole(stride, f"{place}: strides", MAX_SIDE, "pixels")
        if max(self.strides) > shorter:
            raise ConfigError(
                f"{place}: strides: got {max(self.strides)}, expected at most {shorter}, the "
                "shorter side of the input: name the strides of this model's heads"
            )
        object.__setattr__(self, "strides", tuple(sorted(self.strides)))
        if not 0 <= self.min_target <= shorter:
            raise ConfigError(
                f"{place}: min_target: got {self.min_target}, "
                f"expected 0 to {shorter:,} pixels, the shorter side of the input"
            )
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
        return scale_to(width, height, self.input_width, self.input_height, self.resize)


def scale_to(
    width: npt.ArrayLike,
    height: npt.ArrayLike,
    input_width: float,
    input_height: float,
    resize: str,
) -> tuple[FloatArray, FloatArray]:
    """Factors from pixels of frames to pixels of an input; see :meth:`Profile.scale`."""
    w = np.asarray(width, np.float64)
    h = np.asarray(height, np.float64)
    unknown = ~((w >= 1) & (h >= 1))
    sx = input_width / np.where(unknown, np.nan, w)
    sy = input_height / np.where(unknown, np.nan, h)
    if resize == "letterbox":
        sx = sy = np.minimum(sx, sy)
    return sx, sy


def _whole(value: object, place: str, most: int, unit: str) -> None:
    """Refuse what is no whole number from 1 to ``most``; NaN and True are none."""
    try:
        whole = operator.index(value) if not isinstance(value, bool) else 0  # type: ignore[arg-type]
    except TypeError:
        whole = 0
    if not 1 <= whole <= most:
        raise ConfigError(f"{place}: got {value}, expected 1 to {most:,} {unit}, a whole number")


#: Starting points: four uses, then each tier under its own name. Sizes and strides are
#: those of common detectors of each tier, not of one product: a profile of one's own is
#: always better.
PROFILES: Mapping[str, Profile] = {
    p.name: p
    for p in (
        Profile("edge-640", "end-device", 640, 640),
        Profile(
            "doorbell-416",
            "end-device",
            416,
            416,
            camera=Camera(1920, 1080, fixed=True, infrared=True),
        ),
        Profile(
            "drone-4k",
            "edge-gateway",
            640,
            640,
            strides=(4, 8, 16, 32),
            camera=Camera(3840, 2160),
        ),
        Profile("mcu-96", "micro", 96, 96, "stretch", (8,), camera=Camera(320, 240, fixed=True)),
        Profile("cloud", "cloud", 1280, 1280, strides=(8, 16, 32, 64)),
        Profile("edge-gateway", "edge-gateway", 640, 640),
        Profile("end-device", "end-device", 416, 416),
        Profile("micro", "micro", 96, 96, "stretch", (8,)),
    )
}


def load(name_or_path: str | os.PathLike[str]) -> Profile:
    """Get a built-in profile by name, or read one from a TOML file.

    Parameters
    ----------
    name_or_path : str or path-like
        A name of :data:`PROFILES`, among which are those of the tiers (a starting point for
        a device of that tier), or a path that ends in ``.toml``.

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
    values.setdefault("tier", CUSTOM)
    for key in ("input_width", "input_height"):
        if key not in values:
            raise ConfigError(f"{path}: {key} is missing: the model's input, in pixels")
    if "camera" in values:
        values["camera"] = _camera(values["camera"], f"{path}: camera")
    if isinstance(values.get("memory"), str):
        values["memory"] = _bytes(values["memory"], f"{path}: memory")
    try:
        return Profile(**values)
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from error


def _bytes(text: str, place: str) -> int:
    """Read ``512 KB`` as bytes: 1,024 to a KB, as the makers of memory count."""
    found = _MEMORY.fullmatch(text.strip())
    if found is None:
        raise ConfigError(f'{place}: got {text!r}, expected a text such as "512 KB" or "4 GB"')
    return int(float(found[1]) * _UNITS[found[2][0]])


def _camera(value: object, place: str) -> Camera:
    if not isinstance(value, dict):
        raise ConfigError(f"{place}: got {value!r}, expected a table")
    values = _checked(value, {f.name for f in fields(Camera)}, place)
    for key in ("width", "height"):
        if key not in values:
            raise ConfigError(f"{place}.{key} is missing: the camera's frame, in pixels")
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
    if kind.startswith("bytes"):
        return whole or (isinstance(value, str) and bool(value))
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
    "memory": 'bytes as a whole number, or a text such as "512 KB"',
    "width": "a whole number",
    "height": "a whole number",
    "fixed": "true or false",
    "infrared": "true or false",
    "top_down": "true or false",
}
