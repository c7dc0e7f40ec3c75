"""Operations on light: each a table of 256 values a channel."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .random import Draws
from .registry import Operation, Parameter, Values

__all__ = ["OPERATIONS", "as_table", "decoded", "encoded", "lit"]

Table = NDArray[np.uint8]
Floats = NDArray[np.float64]


def as_table(levels: Floats) -> Table:
    """256 grey levels, or 256 of each of three channels, as bytes."""
    return np.clip(np.rint(levels), 0, 255).astype(np.uint8)


@cache
def decoded() -> Floats:
    """Linear light, 0 to 1, of the 256 values of sRGB (IEC 61966-2-1)."""
    v = np.arange(256) / 255.0
    light = np.where(v <= 0.04045, v / 12.92, ((v + 0.055) / 1.055) ** 2.4)
    light.flags.writeable = False
    return light


def encoded(light: Floats) -> Floats:
    """Values of sRGB, 0 to 255, of linear light."""
    clipped = np.clip(light, 0.0, 1.0)
    low, high = 12.92 * clipped, 1.055 * clipped ** (1 / 2.4) - 0.055
    curved: Floats = 255.0 * np.where(clipped <= 0.0031308, low, high)
    return curved


def _white(kelvin: float) -> Floats:
    """Linear sRGB of a black body's light, of luminance 1.

    Chromaticity by the cubics of Kim et al. (US patent 7024034, 2006; 1667 to 25,000 K); negative
    parts, of light redder than sRGB can show, are 0.
    """
    t = 1000.0 / kelvin
    if kelvin < 4000:
        x = ((-0.2661239 * t - 0.2343589) * t + 0.8776956) * t + 0.179910
    else:
        x = ((-3.0258469 * t + 2.1070379) * t + 0.2226347) * t + 0.240390
    if kelvin < 2222:
        y = ((-1.1063814 * x - 1.34811020) * x + 2.18555832) * x - 0.20219683
    elif kelvin < 4000:
        y = ((-0.9549476 * x - 1.37418593) * x + 2.09137015) * x - 0.16748867
    else:
        y = ((3.0817580 * x - 5.87338670) * x + 3.75112997) * x - 0.37001483
    xyz = np.array([x / y, 1.0, (1 - x - y) / y])
    matrix = np.array(
        [
            [3.2404542, -1.5371385, -0.4985314],
            [-0.9692660, 1.8760108, 0.0415560],
            [0.0556434, -0.2040259, 1.0572252],
        ]
    )
    rgb: Floats = np.maximum(matrix @ xyz, 0.0)
    return rgb


#: How much of the change of colour a camera's white balance leaves.
_UNBALANCED = 0.6


def lit(exposure: float, kelvin: float, haze: float, rgb: bool) -> Table:
    """A scene taken in daylight as it is in other light: (3, 256).

    Linear light is multiplied by the exposure and by the colour of the light over that of daylight
    (6504 K), to the power of what white balance leaves of it; haze adds that light to all.
    """
    gains = (_white(kelvin) / _white(6504.0)) ** _UNBALANCED
    gains /= gains @ np.array([0.2126, 0.7152, 0.0722])
    light = exposure * (decoded()[None] * (1 - haze) + haze * 0.6) * gains[:, None]
    table = as_table(encoded(light))
    return table if rgb else np.ascontiguousarray(table[::-1])


def _gamma(values: Values, draws: Draws, rgb: bool) -> Any:
    return as_table(255.0 * (np.arange(256) / 255.0) ** values["gamma"])


def _brightness(values: Values, draws: Draws, rgb: bool) -> Any:
    return as_table(values["gain"] * np.arange(256))


def _contrast(values: Values, draws: Draws, rgb: bool) -> Any:
    return as_table(128.0 + values["contrast"] * (np.arange(256) - 128.0))


def _daylight(values: Values, draws: Draws, rgb: bool) -> Any:
    return lit(values["exposure"], values["kelvin"], values["haze"], rgb)


def _exposure(low: float, high: float, restrained: tuple[float, float]) -> Parameter:
    return Parameter(
        "exposure", (low, high), (0.001, 8.0), about="Light over that of the picture.",
        restrained=restrained,
    )  # fmt: skip


def _kelvin(low: float, high: float) -> Parameter:
    return Parameter(
        "kelvin", (low, high), (1700.0, 20000.0), "K", "Colour temperature of the light."
    )


def _haze(low: float, high: float) -> Parameter:
    return Parameter(
        "haze", (low, high), (0.0, 1.0), about="Share of the light that the air scatters.",
        restrained=(0.0, 0.2),
    )  # fmt: skip


OPERATIONS = (
    Operation(
        "gamma",
        "pixel",
        "Midtones brighter (below 1) or darker (above 1): 255 (v / 255)^gamma.",
        (Parameter("gamma", (0.8, 1.25), (0.05, 20.0), about="Exponent.", restrained=(0.5, 2.0)),),
        table=_gamma,
    ),
    Operation(
        "brightness",
        "pixel",
        "Every value times a gain.",
        (Parameter("gain", (0.8, 1.25), (0.0, 20.0), about="Factor.", restrained=(0.5, 1.6)),),
        table=_brightness,
    ),
    Operation(
        "contrast",
        "pixel",
        "Distances from middle grey times a factor.",
        (Parameter("contrast", (0.8, 1.25), (0.0, 20.0), about="Factor.", restrained=(0.5, 1.6)),),
        table=_contrast,
    ),
    Operation(
        "morning",
        "pixel",
        "Low sun through damp air: warm, a little hazy.",
        (_exposure(0.6, 1.0, (0.25, 1.3)), _kelvin(3800, 5200), _haze(0.02, 0.1)),
        table=_daylight,
    ),
    Operation(
        "evening",
        "pixel",
        "The sun near the horizon: dim and orange.",
        (_exposure(0.25, 0.6, (0.1, 1.0)), _kelvin(2600, 3800), _haze(0.0, 0.04)),
        table=_daylight,
    ),
)
