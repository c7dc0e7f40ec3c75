"""The air between camera and scene, and scenes without daylight: fog, rain, night, infrared."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from .. import _core
from .blur import line_kernel
from .light import as_table, decoded, encoded, lit
from .random import Draws
from .registry import Operation, Parameter, Values
from .sample import Image

__all__ = ["OPERATIONS", "row_depth"]

Floats = NDArray[np.float64]

#: Pixels of a picture whose streaks of rain are kept for the next call.
_KEPT = 1 << 20
#: Pixels between the points where a smooth mask is worked out.
_CELL = 8


def _grid(image: Image) -> tuple[Floats, Floats]:
    """Places of the points of a coarse mask: x of its columns, y of its rows, 0 to 1."""
    h, w = image.shape[:2]
    columns, rows = -(-w // _CELL), -(-h // _CELL)
    return (np.arange(columns) + 0.5) / columns, (np.arange(rows) + 0.5) / rows


def _smooth_noise(draws: Draws, shape: tuple[int, int], points: int = 5) -> Floats:
    """Values from -1 to 1 that change slowly from place to place."""
    import cv2

    few = np.array([draws.uniform(-1.0, 1.0) for _ in range(points * points)], np.float32)
    field = cv2.resize(few.reshape(points, points), shape[::-1], interpolation=cv2.INTER_CUBIC)
    return np.clip(field, -1.0, 1.0).astype(np.float64)


def _veil(image: Image, cover: Floats, colour: tuple[float, ...]) -> Image:
    """Lay a colour over a picture by a coarse mask of 0 to 1."""
    import cv2

    h, w = image.shape[:2]
    mask = np.asarray(cv2.resize(as_table(255.0 * cover), (w, h)), np.uint8)
    channels = 1 if image.ndim == 2 else 3
    return _core.veil(image, mask, as_table(np.array(colour[:channels])))


def row_depth(rows: Floats, horizon: float, most: float = 3.0) -> Floats:
    """Distance by image row, over a level plane, for a camera that looks along it.

    Parameters
    ----------
    rows : numpy.ndarray
        Rows as shares of the height, from the top.
    horizon : float
        Row of the horizon.
    most : float
        Greatest distance; above the horizon everything is there.

    Returns
    -------
    numpy.ndarray
        1 half-way from the horizon to the lower edge, 0.5 at the edge: a row's distance is
        inversely proportional to how far it lies below the horizon.
    """
    distance = 0.5 * (1 - horizon) / np.maximum(rows - horizon, 1e-9)
    # A least of the two without a bend, which would show as an edge in the fog.
    return np.asarray((distance**-4.0 + most**-4.0) ** -0.25)


def _fog(image: Image, values: Values, draws: Draws, rgb: bool) -> Image:
    columns, rows = _grid(image)
    depth = np.ones_like(rows)
    if values["depth"] == "rows":
        depth = row_depth(rows, values["horizon"])
    patches = _smooth_noise(draws, (len(rows), len(columns)))
    optical = values["density"] * depth[:, None] * (1 + values["patches"] * patches)
    light = values["light"]
    return _veil(image, 1 - np.exp(-optical), (light, light, light))


def _streaks(shape: tuple[int, int], fixed: tuple[float, ...], state: int) -> NDArray[np.uint8]:
    """How much of each pixel falling drops cover."""
    import cv2

    amount, long, degrees, opacity = fixed
    draws = Draws.of_state(state)
    cover = np.zeros(shape, np.uint8)
    # Far drops are many, short and thin; near ones few, long and out of focus.
    for share, size, faint in ((0.7, 0.5, 0.6), (0.25, 1.0, 0.8), (0.05, 1.7, 1.0)):
        length = max(2.0, long * size)
        seeds = _core.salt_and_pepper(
            np.zeros(shape, np.uint8), min(1.0, amount * share), 1.0, draws.bits()
        )
        slant = degrees + draws.uniform(-2.0, 2.0)
        streaks = _core.filter_taps(seeds, *line_kernel(length, slant))
        if size > 1:
            streaks = np.asarray(cv2.GaussianBlur(streaks, (3, 3), 0.8), np.uint8)
        gain = faint * opacity * length
        cover = np.maximum(cover, _core.look_up(streaks, as_table(gain * np.arange(256.0))))
    cover.flags.writeable = False
    return cover


_kept_streaks = lru_cache(maxsize=2)(_streaks)


def _rain(image: Image, values: Values, draws: Draws, rgb: bool) -> Image:
    import cv2

    h, w = image.shape[:2]
    mean = float(np.mean(cv2.mean(image)[: 1 if image.ndim == 2 else 3]))
    # Drops show the bright sky: lighter than the scene, but not lamps in a dark one.
    light = min(255.0, 1.15 * mean + 45.0)
    mist = values["mist"]
    image = _core.look_up(image, as_table(np.arange(256) * (1 - mist) + light * mist))
    fixed = tuple(values[name] for name in ("amount", "length", "degrees", "opacity"))
    # Someone who tries other weather below the same rain sees the same drops.
    make = _kept_streaks if h * w <= _KEPT else _streaks
    cover = make((h, w), fixed, draws.state)
    colour = as_table(np.full(1 if image.ndim == 2 else 3, light))
    return _core.veil(image, cover, colour)


def _faded(image: Image, colour: float, rgb: bool) -> Image:
    """A picture with a part of its colour only; luma stays."""
    import cv2

    luma = np.array([[0.299, 0.587, 0.114]] if rgb else [[0.114, 0.587, 0.299]])
    matrix = (colour * np.eye(3) + (1 - colour) * np.repeat(luma, 3, axis=0)).astype(np.float32)
    return np.asarray(cv2.transform(image, matrix), np.uint8)


def _night(image: Image, values: Values, draws: Draws, rgb: bool) -> Image:
    table = lit(values["exposure"], values["kelvin"], 0.0, rgb)
    if image.ndim == 2:
        table = as_table(encoded(values["exposure"] * decoded()))
    else:
        image = _faded(image, values["colour"], rgb)
    dark = _core.look_up(image, table)
    # A camera turns its gain up in the dark: noise of its electronics and of the few photons.
    noise = values["noise"]
    return _core.sensor_noise(dark, noise, 0.02 * noise, 0.6, draws.bits())


def _infrared(image: Image, values: Values, draws: Draws, rgb: bool) -> Image:
    import cv2

    gray = image
    if image.ndim == 3:
        # Leaves are bright in the near infrared: green counts for more than its part of luma.
        weights = [0.4, 0.8, -0.2] if rgb else [-0.2, 0.8, 0.4]
        gray = np.asarray(cv2.transform(image, np.array([weights], np.float32)), np.uint8)
    gray = _core.look_up(gray, as_table(encoded(values["exposure"] * decoded())))
    # A lamp beside the lens lights the middle, and what is near.
    columns, rows = _grid(image)
    x, y = 0.5 + draws.uniform(-0.06, 0.06), 0.52 + draws.uniform(-0.06, 0.06)
    away = np.hypot(columns[None] - x, rows[:, None] - y) / math.sqrt(0.5)
    gray = _veil(gray, values["falloff"] * np.clip(away, 0, 1) ** 1.5, (0.0,))
    noise = values["noise"]
    gray = _core.sensor_noise(gray, noise, 0.02 * noise, 0.0, draws.bits())
    return gray if image.ndim == 2 else np.asarray(cv2.cvtColor(gray, cv2.COLOR_GRAY2BGR), np.uint8)


def _noise(low: float, high: float) -> Parameter:
    return Parameter(
        "noise", (low, high), (0.0, 255.0), "grey levels", "Noise in the dark.", (0.0, 12.0)
    )


OPERATIONS = (
    Operation(
        "night",
        "pixel",
        "Little light, and the noise of a camera that makes do with it.",
        (
            Parameter(
                "exposure", (0.03, 0.15), (0.001, 8.0), "", "Light over that of the picture.",
                (0.01, 1.0),
            ),
            Parameter(
                "kelvin", (3000.0, 9000.0), (1700.0, 20000.0), "K",
                "Colour temperature: low for street lamps, high for a clear night.",
            ),
            Parameter("colour", (0.35, 0.8), (0.0, 1.0), "", "Colour that is left."),
            _noise(2.0, 6.0),
        ),
        _night,
    ),
    Operation(
        "infrared",
        "pixel",
        "A camera's night mode: no colour, lit by a lamp beside the lens.",
        (
            Parameter(
                "exposure", (0.5, 1.2), (0.001, 8.0), "", "Light over that of the picture.",
                (0.1, 2.0),
            ),
            Parameter(
                "falloff", (0.4, 0.75), (0.0, 1.0), "", "Light lost from the middle to a corner.",
                (0.0, 0.9),
            ),
            _noise(2.0, 6.0),
        ),
        _infrared,
    ),
    Operation(
        "fog",
        "pixel",
        "Light that the air scatters, by Koschmieder's law: 1 - exp(-optical depth) of it.",
        (
            Parameter("density", (0.2, 0.8), (0.0, 20.0), "", "Optical depth.", (0.0, 1.6)),
            Parameter(
                "depth", "none", about="The same everywhere, or farther towards the horizon.",
                choices=("none", "rows"),
            ),
            Parameter(
                "horizon", (0.3, 0.45), (0.0, 0.95), "",
                "Its row, as a share of the height, where depth is by rows.",
            ),
            Parameter("light", (185.0, 230.0), (0.0, 255.0), "grey levels", "Of thick fog."),
            Parameter("patches", (0.0, 0.25), (0.0, 1.0), "", "How uneven it is.", (0.0, 0.5)),
        ),
        _fog,
    ),
    Operation(
        "rain",
        "pixel",
        "Streaks of falling drops, near and far, and the mist of those too far to be seen.",
        (
            Parameter(
                "amount", (0.001, 0.004), (0.0, 0.2), "", "Drops a pixel.", (0.0, 0.01)
            ),
            Parameter("length", (10.0, 22.0), (1.0, 70.0), "px", "Of a streak.", (1.0, 45.0)),
            Parameter(
                "degrees", (80.0, 100.0), (-360.0, 360.0), "degrees", "Direction; 90 is straight."
            ),
            Parameter(
                "opacity", (0.15, 0.35), (0.0, 1.0), "", "Of the nearest streaks.", (0.0, 0.5)
            ),
            Parameter("mist", (0.04, 0.15), (0.0, 1.0), "", "Contrast lost.", (0.0, 0.4)),
        ),
        _rain,
    ),
)  # fmt: skip
