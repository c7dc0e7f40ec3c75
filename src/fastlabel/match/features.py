"""What describes a scene: the features, their units of likeness, and the words for them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ..dataset import as_numpy

__all__ = ["BY_NAME", "FEATURES", "GROUPS", "SCENE", "Feature", "chosen_groups", "values_of"]

Floats = npt.NDArray[np.float64]

#: Directions of edges: 0, 30, ... 150 degrees from the horizontal.
DIRECTIONS = 6


@dataclass(frozen=True)
class Feature:
    """One number that describes the scene of a picture.

    Attributes
    ----------
    name : str
        Its column.
    group : str
        Features of a group say much the same, so a group counts once; one of :data:`GROUPS`.
    unit : float
        A difference that is still alike: in the feature's own unit, or in octaves.
    words : str
        What it is called in messages.
    below, above : str
        What a picture is that has less of it, or more.
    floor : float
        For a feature that is compared in octaves: what is added before the logarithm. 0: it is
        compared as it is.
    steps : tuple of float
        Round limits, rising, for sentences like "no images below luma 40".
    """

    name: str
    group: str
    unit: float
    words: str
    below: str = ""
    above: str = ""
    floor: float = 0.0
    steps: tuple[float, ...] = ()

    def scaled(self, values: Floats) -> Floats:
        """The values as they are compared."""
        if not self.floor:
            return values
        return np.asarray(np.log2(np.maximum(values, 0) + self.floor))


_LUMA = tuple(float(v) for v in range(10, 250, 10))
_TENTHS = tuple(round(v / 10, 1) for v in range(1, 10))
_OCTAVES = (0.1, 0.2, 0.3, 0.5, 0.7, 1.0, 1.5, 2.0, 3.0, 5.0, 7.0, 10.0, 15.0)
_CHROMA = (1.5, 3.0, 5.0, 7.0, 10.0, 15.0, 20.0, 30.0, 40.0, 60.0)
_TINT = tuple(float(v) for v in range(-40, 41, 5))

#: In the order of their columns.
FEATURES: tuple[Feature, ...] = (
    Feature("luma_mean", "light", 12.0, "luma", "darker", "brighter", steps=_LUMA),
    Feature("luma_std", "light", 12.0, "contrast", "flatter", "more contrasty", steps=_LUMA[:10]),
    Feature("luma_p05", "light", 15.0, "luma of the darkest 5 %", "darker", "brighter"),
    Feature("luma_p95", "light", 20.0, "luma of the brightest 5 %", "darker", "brighter"),
    Feature("dark_fraction", "light", 0.12, "dark share", "less dark", "darker", steps=_TENTHS),
    Feature(
        "bright_fraction", "light", 0.12, "bright share", "less bright", "brighter", steps=_TENTHS
    ),
    Feature("acutance", "detail", 0.5, "acutance", "softer", "sharper", 0.05, _OCTAVES),
    Feature("edge_density", "detail", 0.8, "edge density", "plainer", "busier", 0.01, _TENTHS[:5]),
    Feature("noise_sigma", "noise", 0.8, "noise at the input", "cleaner", "noisier", 0.2, _OCTAVES),
    Feature("chroma", "colour", 5.0, "chroma", "less colourful", "more colourful", steps=_CHROMA),
    Feature("chroma_std", "colour", 4.0, "spread of chroma", "less colourful", "more colourful"),
    Feature("red", "colour", 5.0, "red tint", "less red", "redder", steps=_TINT),
    Feature("blue", "colour", 5.0, "blue tint", "less blue", "bluer", steps=_TINT),
    *(
        Feature(f"edges_{30 * k}", "viewpoint", 0.04, words, f"fewer {words}", f"more {words}")
        for k, words in enumerate(
            (
                "level edges",
                "edges at 30 degrees",
                "edges at 60 degrees",
                "upright edges",
                "edges at 120 degrees",
                "edges at 150 degrees",
            )
        )
    ),
    Feature(
        "sky",
        "viewpoint",
        20.0,
        "luma of the top over the bottom",
        "a darker top",
        "a brighter top",
    ),
    Feature("horizon", "viewpoint", 0.15, "horizon", "a higher horizon", "a lower horizon"),
    Feature(
        "horizon_strength",
        "viewpoint",
        0.2,
        "strength of the horizon",
        "less of a horizon",
        "more of a horizon",
    ),
    Feature(
        "detail_top", "viewpoint", 0.08, "detail in the top third", "a plainer top", "a busier top"
    ),
    Feature(
        "detail_bottom",
        "viewpoint",
        0.08,
        "detail in the bottom third",
        "a plainer bottom",
        "a busier bottom",
    ),
    Feature(
        "box_row",
        "boxes",
        0.1,
        "row of the boxes",
        "boxes higher up",
        "boxes lower down",
        steps=_TENTHS,
    ),
    Feature(
        "box_height",
        "boxes",
        0.5,
        "height of the boxes",
        "smaller boxes",
        "larger boxes",
        0.005,
        (0.01, 0.02, 0.03, 0.05, 0.07, 0.1, 0.15, 0.2, 0.3, 0.5),
    ),
)
BY_NAME: Mapping[str, Feature] = {f.name: f for f in FEATURES}

#: Groups of features, in the order in which they are told.
GROUPS = ("light", "detail", "noise", "colour", "viewpoint", "boxes", "embedding")

#: One row an image. Null: not known.
SCENE = pa.schema(
    [
        pa.field("image_id", pa.int64(), nullable=False),
        ("file_name", pa.string()),
        pa.field("status", pa.string(), nullable=False),  # of the scan
        ("status_detail", pa.string()),
        *((f.name, pa.float64()) for f in FEATURES),
    ]
)


def chosen_groups(groups: Iterable[str] | None) -> tuple[str, ...]:
    """Check names of groups; all where none are given.

    Raises
    ------
    ValueError
        For a name that is none, or an empty choice.
    """
    if groups is None:
        return GROUPS
    if isinstance(groups, str):
        groups = groups.split(",")
    given = [str(name).strip() for name in groups]
    wrong = next((name for name in given if name not in GROUPS), None)
    if wrong is not None or not given:
        raise ValueError(
            f"groups: got {wrong if wrong is not None else 'none'!r}, expected some of "
            f"{', '.join(GROUPS)}"
        )
    return tuple(name for name in GROUPS if name in given)


def values_of(table: pa.Table, features: Sequence[Feature]) -> Floats:
    """(rows, features) values as they are compared; NaN where unknown."""
    out = np.empty((table.num_rows, len(features)))
    for k, feature in enumerate(features):
        out[:, k] = feature.scaled(column(table, feature.name))
    return out


def column(table: pa.Table, name: str) -> Floats:
    """A column as float64, NaN where it is null."""
    values: Any = table[name].cast(pa.float64())
    return np.asarray(as_numpy(pc.fill_null(values, float("nan"))), np.float64)
