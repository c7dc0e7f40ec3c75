"""The mix of each epoch as a picture."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ...report.svg import drawing
from .schedule import GROUPS

if TYPE_CHECKING:
    from . import Mix

__all__ = ["draw"]

_INK, _MUTED, _LINE = "#1f2933", "#6b7785", "#d5dbe1"
#: Light to dark, so that the order shows without colours too.
_FILLS = {"easy": "#bfe3c6", "medium": "#f2c14e", "hard": "#b5413b", "negative": "#9aa5b1"}


def draw(mixes: Sequence[tuple[str, Mix]], path: Path) -> None:
    """One panel a mix: shares of the epochs in bands, what was asked for as dashed lines."""
    if path.suffix.lower() not in (".svg", ".png"):
        raise ValueError(f"path: got {path.name!r}, expected a name that ends in .svg or .png")
    with drawing():
        from matplotlib.figure import Figure

        figure = Figure(figsize=(5.6 * len(mixes), 3.4), dpi=100, layout="constrained")
        figure.patch.set_facecolor("white")
        panels = figure.subplots(1, len(mixes), squeeze=False)[0]
        for axes, (title, one) in zip(panels, mixes, strict=True):
            quotas = one.schedule.quotas
            share = quotas / np.maximum(quotas.sum(axis=1, keepdims=True), 1)
            asked = one.schedule.asked
            epochs = np.arange(len(one))
            low = np.zeros(len(one))
            lines = np.zeros(len(one))
            for k, name in enumerate(GROUPS):
                axes.bar(epochs, share[:, k], 1.0, low, color=_FILLS[name], label=name, linewidth=0)
                low = low + share[:, k]
                lines = lines + asked[:, k]
                if k < len(GROUPS) - 1:
                    axes.step(epochs, lines, "--", where="mid", color=_INK, linewidth=1.0)
            axes.plot([], [], "--", color=_INK, linewidth=1.0, label="asked")
            axes.set_xlim(-0.5, len(one) - 0.5)
            axes.set_ylim(0, 1)
            axes.set_xlabel("epoch", fontsize=9, color=_MUTED)
            axes.set_ylabel("share of the images", fontsize=9, color=_MUTED)
            axes.set_title(title, loc="left", fontsize=10.5, color=_INK)
            axes.tick_params(length=0, labelsize=9, colors=_MUTED)
            for side in ("top", "right", "left", "bottom"):
                axes.spines[side].set_color(_LINE)
        figure.legend(
            *panels[0].get_legend_handles_labels(),
            loc="outside lower center",
            ncols=len(GROUPS) + 1,
            fontsize=9,
            frameon=False,
        )
        metadata = {"Date": None} if path.suffix.lower() == ".svg" else {"Software": None}
        figure.savefig(path, metadata=metadata)
