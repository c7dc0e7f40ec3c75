"""What sensors and codecs add: noise, dead and hot pixels, JPEG's blocks."""

from __future__ import annotations

import numpy as np

from .. import _core
from ..config import ConfigError
from .random import Draws
from .registry import Operation, Parameter, Values
from .sample import Image

__all__ = ["OPERATIONS"]


def _sensor_noise(image: Image, values: Values, draws: Draws, rgb: bool) -> Image:
    return _core.sensor_noise(image, values["read"], values["shot"], values["colour"], draws.bits())


def _salt_pepper(image: Image, values: Values, draws: Draws, rgb: bool) -> Image:
    return _core.salt_and_pepper(image, values["amount"], values["salt"], draws.bits())


def _jpeg(image: Image, values: Values, draws: Draws, rgb: bool) -> Image:
    import cv2

    if max(image.shape[:2]) > 65500:
        raise ConfigError(
            f"jpeg: got a picture of {image.shape[1]} x {image.shape[0]} pixels, expected sides "
            "of 65,500 at most; cut it into tiles first"
        )
    swap = rgb and image.ndim == 3
    picture = cv2.cvtColor(image, cv2.COLOR_RGB2BGR) if swap else image
    _, data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, values["quality"]])
    made = cv2.imdecode(data, cv2.IMREAD_GRAYSCALE if image.ndim == 2 else cv2.IMREAD_COLOR)
    assert made is not None
    if swap:
        made = cv2.cvtColor(made, cv2.COLOR_BGR2RGB)
    return np.asarray(made, np.uint8)


OPERATIONS = (
    Operation(
        "sensor_noise",
        "pixel",
        "Noise of a sensor, which grows with light: variance read^2 + shot v at value v.",
        (
            Parameter(
                "read", (1.0, 4.0), (0.0, 255.0), "grey levels", "Noise in the dark.", (0.0, 12.0)
            ),
            Parameter(
                "shot", (0.0, 0.15), (0.0, 255.0), "grey levels", "Variance a level of light.",
                (0.0, 1.0),
            ),
            Parameter(
                "colour", (0.3, 0.7), (0.0, 1.0), "", "Part of it that each channel has for itself."
            ),
        ),
        _sensor_noise,
    ),
    Operation(
        "salt_pepper",
        "pixel",
        "Single pixels white or black.",
        (
            Parameter(
                "amount", (0.0005, 0.004), (0.0, 1.0), "", "Share of the pixels.", (0.0, 0.02)
            ),
            Parameter("salt", 0.5, (0.0, 1.0), "", "Share of them that is white."),
        ),
        _salt_pepper,
    ),
    Operation(
        "jpeg",
        "pixel",
        "JPEG's artefacts, by encoding and decoding.",
        (
            Parameter(
                "quality", (50, 90), (1.0, 100.0), "", "libjpeg's quality.", (30.0, 100.0),
                whole=True,
            ),
        ),
        _jpeg,
    ),
)  # fmt: skip
