"""Operations on light: tables of 256 values."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .random import Draws
from .registry import Operation, Parameter, Values

__all__ = ["OPERATIONS"]

Table = NDArray[np.uint8]


def _table(levels: NDArray[np.float64]) -> Table:
    """256 grey levels 0 to 255, or those of three channels, as bytes."""
    return np.clip(np.rint(levels), 0, 255).astype(np.uint8)


def _gamma(values: Values, draws: Draws, rgb: bool) -> Any:
    return _table(255.0 * (np.arange(256) / 255.0) ** values["gamma"])


OPERATIONS = (
    Operation(
        "gamma",
        "pixel",
        "Brighter (below 1) or darker (above 1) without clipping: 255 (v / 255)^gamma.",
        (
            Parameter(
                "gamma",
                (0.8, 1.25),
                (0.05, 20.0),
                about="Exponent of the values.",
                restrained=(0.5, 2.0),
            ),
        ),
        table=_gamma,
    ),
)
