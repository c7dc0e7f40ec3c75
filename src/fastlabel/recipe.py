"""The recipe of a network's input: one object, one file, read by training and by the device."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ._output import write_whole
from ._scalars import as_choice, as_switch
from .config import ConfigError
from .deploy import Profile
from .deploy import load as load_profile
from .pixels import LetterboxTransform, letterbox
from .pixels._inputs import as_color, as_dtype, as_quantize, as_scale, as_size, index, per_channel

__all__ = ["VERSION", "Preprocess"]

#: Of the format of the file.
VERSION = 1

_MAX_SIDE = 65_535
_MAX_BYTES = 65_536
_ORDERS = ("rgb", "bgr", "gray")
_KEYS = (
    "interpolation",
    "center",
    "scale_up",
    "stretch",
    "order",
    "layout",
    "dtype",
    "color",
    "scale",
    "mean",
    "std",
)


@dataclass(frozen=True, init=False)
class Preprocess:
    """How a picture becomes a network's input: size, colour, numbers and layout.

    The arguments are those of :func:`fastlabel.letterbox`, which says what they mean. Two things
    differ, so that a recipe holds for a picture of a file and for a camera's frame: `order` is
    always given, and `color`, `mean` and `std` are in that order; and it is "rgb" by default.

    A recipe is a value: it compares, hashes, and does not change. Numbers are kept as float32.

    Parameters
    ----------
    size : int or tuple of int
        (width, height) of the input, 1 to 65535; one number for a square.
    interpolation : {"linear", "area"}
    layout : {"nchw", "nhwc"}
    dtype : {"float32", "float16", "uint8", "int8"}
    order : {"rgb", "bgr", "gray"}
    color : int or sequence of int
    scale : float, optional
        1/255; 1 for uint8 without `quantize`, which holds the pixels' own bytes.
    mean, std : float or sequence of float, optional
    quantize : tuple, optional
        (scale, zero point); needed for int8.
    center, scale_up, stretch : bool

    Raises
    ------
    TypeError, ValueError
        For settings that contradict one another or are out of range; the text names them.

    Examples
    --------
    >>> import numpy as np, fastlabel as fl
    >>> recipe = fl.Preprocess(640, dtype="int8", quantize=(1 / 255, -128))
    >>> tensor, transform = recipe(np.zeros((1080, 1920, 3), np.uint8))
    >>> tensor.shape, tensor.dtype, transform.pad_y
    ((1, 3, 640, 640), dtype('int8'), 140)
    >>> recipe.save("preprocess.json")
    >>> fl.Preprocess.load("preprocess.json") == recipe
    True
    """

    size: tuple[int, int]
    interpolation: str
    layout: str
    dtype: str
    order: str
    color: tuple[int, ...]
    scale: float
    mean: tuple[float, ...]
    std: tuple[float, ...]
    quantize: tuple[float, int] | None
    center: bool
    scale_up: bool
    stretch: bool

    def __init__(
        self,
        size: int | tuple[int, int],
        *,
        interpolation: Literal["linear", "area"] = "linear",
        layout: Literal["nchw", "nhwc"] = "nchw",
        dtype: Any = "float32",
        order: Literal["rgb", "bgr", "gray"] = "rgb",
        color: int | Sequence[int] = 114,
        scale: float | None = None,
        mean: float | Sequence[float] | None = None,
        std: float | Sequence[float] | None = None,
        quantize: tuple[float, int] | None = None,
        center: bool = True,
        scale_up: bool = True,
        stretch: bool = False,
    ) -> None:
        width, height = as_size(size, 1)
        if max(width, height) > _MAX_SIDE:
            raise ValueError(f"size: got {(width, height)}, expected sides of 1 to {_MAX_SIDE}")
        kind = as_dtype(dtype)
        if kind != np.uint8 and (quantize is None) == (kind == np.int8):
            expected = "(scale, zero point)" if kind == np.int8 else "None"
            raise ValueError(f"quantize: got {quantize!r}, expected {expected} with dtype {kind}")
        n = 1 if as_choice(order, "order", _ORDERS) == "gray" else 3
        plain = kind == np.uint8 and quantize is None
        factor = as_scale((1.0 if plain else 1 / 255) if scale is None else scale)
        means = [m + 0.0 for m in per_channel(0 if mean is None else mean, "mean", n)[:n]]  # no -0
        stds = per_channel(1 if std is None else std, "std", n, positive=True)[:n]
        if plain and (factor, means, stds) != (1, [0] * n, [1] * n):
            raise ValueError(
                "scale, mean, std: got a value, expected None with unquantised uint8, which has "
                "the pixels' own bytes"
            )
        index(interpolation, ("linear", "area"), "interpolation")
        index(layout, ("nchw", "nhwc"), "layout")
        values = {
            "size": (width, height),
            "interpolation": interpolation,
            "layout": layout,
            "dtype": str(kind),
            "order": order,
            "color": tuple(as_color(color, n)[:n]),
            "scale": factor,
            "mean": tuple(means),
            "std": tuple(stds),
            "quantize": None if quantize is None else as_quantize(quantize, kind),
            "center": as_switch(center, "center"),
            "scale_up": as_switch(scale_up, "scale_up"),
            "stretch": as_switch(stretch, "stretch"),
        }
        for name, value in values.items():
            object.__setattr__(self, name, value)

    # ---- the file

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Preprocess:
        """Read a recipe, with the reader that the device has.

        Raises
        ------
        fastlabel.config.ConfigError
            If the file cannot be read or is no recipe of this version; the text has line, column,
            value and remedy.
        """
        try:
            with Path(path).open("rb") as file:
                text = file.read(_MAX_BYTES + 1)
        except OSError as error:
            reason = error.strerror or str(error)
            raise ConfigError(f"{os.fspath(path)}: cannot be read: {reason}") from error
        try:
            return cls.from_json(text)
        except ValueError as error:
            raise ConfigError(f"{os.fspath(path)}: {error}") from error

    @classmethod
    def from_json(cls, text: str | bytes) -> Preprocess:
        """Read a recipe's text.

        Raises
        ------
        ValueError
            If it is none; the text has line, column, value and remedy.

        Examples
        --------
        >>> import fastlabel as fl
        >>> fl.Preprocess.from_json('{"fastlabel_preprocess": 2}')
        Traceback (most recent call last):
        ValueError: line 1, column 26: fastlabel_preprocess: got 2, expected version 1: write the \
recipe anew, or take the fastlabel that wrote it
        """
        from ._core import read_recipe

        raw = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else bytes(text)
        values = read_recipe(raw)
        return cls(values.pop("size"), **values)

    @classmethod
    def from_deploy(cls, deploy: str | os.PathLike[str] | Profile, **settings: Any) -> Preprocess:
        """Make the recipe of a deployment profile: its input size and its way of resizing.

        Parameters
        ----------
        deploy : str, path-like or fastlabel.deploy.Profile
            A built-in profile by name, a TOML file, or a profile.
        **settings
            What the profile does not say: dtype, order, mean and so on.

        Examples
        --------
        >>> import fastlabel as fl
        >>> recipe = fl.Preprocess.from_deploy("mcu-96", order="gray", dtype="uint8")
        >>> recipe.size, recipe.stretch
        ((96, 96), True)
        """
        profile = deploy if isinstance(deploy, Profile) else load_profile(deploy)
        given = {"stretch": profile.resize == "stretch", **settings}
        return cls(given.pop("size", (profile.input_width, profile.input_height)), **given)

    def to_json(self) -> str:
        """Write the recipe as text; decimals are the shortest that float32 reads back."""
        width, height = self.size
        lines = [
            f'"fastlabel_preprocess": {VERSION}',
            f'"width": {width}',
            f'"height": {height}',
            *(f'"{key}": {_json(getattr(self, key))}' for key in _KEYS),
        ]
        if self.quantize is None:
            lines.append('"quantize": null')
        else:
            step, zero_point = self.quantize
            lines.append(f'"quantize": {{"scale": {_json(step)}, "zero_point": {zero_point}}}')
        return "{\n  " + ",\n  ".join(lines) + "\n}\n"

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the recipe to a file, as a whole or not at all.

        Raises
        ------
        DatasetError
            If it cannot be written.
        """
        text = self.to_json()
        write_whole({Path(path): lambda part: part.write_text(text, encoding="utf-8")})

    # ---- its use

    @property
    def channels(self) -> int:
        """Channels of the input."""
        return 1 if self.order == "gray" else 3

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """Shape of the input made of one picture."""
        width, height = self.size
        if self.layout == "nchw":
            return 1, self.channels, height, width
        return 1, height, width, self.channels

    def __call__(
        self,
        img: Any,
        *,
        format: Literal["bgr", "rgb", "gray", "nv12", "nv21", "yuyv"] | None = None,
        matrix: Literal["bt601", "bt709"] = "bt601",
        full_range: bool = False,
        window: Any = None,
        workers: int = 1,
        out: NDArray[Any] | None = None,
    ) -> tuple[NDArray[Any], Any]:
        """Make the input of pictures or frames: :func:`fastlabel.letterbox` with these settings.

        Returns
        -------
        array : numpy.ndarray
        transform : LetterboxTransform or list of LetterboxTransform
        """
        plain = self.dtype == "uint8" and self.quantize is None
        return letterbox(
            img,
            self.size,
            color=self.color,
            interpolation=self.interpolation,  # type: ignore[arg-type]
            layout=self.layout,  # type: ignore[arg-type]
            dtype=self.dtype,
            scale=None if plain else self.scale,
            mean=None if plain else self.mean,
            std=None if plain else self.std,
            order=self.order,  # type: ignore[arg-type]
            quantize=self.quantize,
            center=self.center,
            scale_up=self.scale_up,
            stretch=self.stretch,
            format=format,
            matrix=matrix,
            full_range=full_range,
            window=window,
            workers=workers,
            out=out,
        )

    def transform(
        self, image_size: tuple[int, int], *, window: Sequence[int] | None = None
    ) -> LetterboxTransform:
        """Where a picture of (width, height), or a window of it, comes to lie in the input.

        Examples
        --------
        >>> import fastlabel as fl
        >>> fl.Preprocess(640).transform((1280, 720)).pad_y
        140
        """
        from ._core import letterbox_placement

        width, height = as_size(tuple(image_size), 1)
        x1, y1, x2, y2 = (0, 0, width, height) if window is None else (int(v) for v in window)
        if not (0 <= x1 < x2 <= width and 0 <= y1 < y2 <= height):
            raise ValueError(
                f"window: got {[x1, y1, x2, y2]}, expected one with pixels inside a picture of "
                f"{width} x {height}"
            )
        cut = (x2 - x1, y2 - y1)
        modes = {name: int(getattr(self, name)) for name in ("center", "scale_up", "stretch")}
        w, h, left, top, sx, sy = letterbox_placement(*cut, *self.size, **modes)
        return LetterboxTransform(sx, sy, left, top, (w, h), cut, self.size, (x1, y1))

    def boxes_to_input(
        self, boxes: Any, image_size: tuple[int, int], *, window: Sequence[int] | None = None
    ) -> NDArray[Any]:
        """Boxes (N, 4) ``xyxy`` of a picture of this (width, height) in the input's pixels.

        Examples
        --------
        >>> import fastlabel as fl
        >>> fl.Preprocess(640).boxes_to_input([[0, 0, 1280, 720]], (1280, 720)).tolist()
        [[0.0, 140.0, 640.0, 500.0]]
        """
        return self.transform(image_size, window=window).to_input(boxes)

    def boxes_to_image(
        self,
        boxes: Any,
        image_size: tuple[int, int],
        *,
        window: Sequence[int] | None = None,
        clip: bool = False,
    ) -> NDArray[Any]:
        """Boxes (N, 4) ``xyxy`` of the input in the pixels of a picture of this (width, height).

        Examples
        --------
        >>> import fastlabel as fl
        >>> fl.Preprocess(640).boxes_to_image([[0, 140, 640, 500]], (1280, 720)).tolist()
        [[0.0, 0.0, 1280.0, 720.0]]
        """
        return self.transform(image_size, window=window).to_image(boxes, clip=clip)

    def hash(self, img: Any, **settings: Any) -> Any:
        """Hash of the input made of a picture: equal where the input is, on every machine.

        XXH3-128, as 32 hexadecimal digits, of the input's bytes (little-endian, in the order of
        its layout) followed by a text such as ``float32 nchw 1x3x640x640``. The program
        ``parity`` of the C library prints the same.

        Parameters
        ----------
        img : numpy.ndarray or sequence of numpy.ndarray
        **settings
            format, matrix, full_range and window, as for a call.

        Returns
        -------
        str or list of str
            A list for a sequence, or for several windows.

        Examples
        --------
        >>> import numpy as np, fastlabel as fl
        >>> fl.Preprocess(8, dtype="uint8").hash(np.zeros((4, 8, 3), np.uint8))
        '81e32403ff1dab95ff3d48ebb01b7a79'
        """
        from ._core import content_hash

        tensors, transforms = self(img, **settings)
        shape = "x".join(map(str, self.shape))
        text = f"{self.dtype} {self.layout} {shape}".encode()
        little = tensors.astype(tensors.dtype.newbyteorder("<"), copy=False)
        found = [content_hash(tensor.tobytes() + text).hex() for tensor in little]
        return found if isinstance(transforms, list) else found[0]

    def __repr__(self) -> str:
        given = ", ".join(f"{f.name}={getattr(self, f.name)!r}" for f in fields(self)[1:])
        return f"Preprocess({self.size!r}, {given})"


def _json(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return f'"{value}"'
    if isinstance(value, tuple):
        return "[" + ", ".join(map(_json, value)) + "]"
    if isinstance(value, float):
        return (
            str(int(value)) if value.is_integer() and abs(value) < 1e9 else str(np.float32(value))
        )
    return str(value)
