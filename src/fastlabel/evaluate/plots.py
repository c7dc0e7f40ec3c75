"""Pictures of evaluations: gain curves, precision against recall."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..report.svg import drawing

if TYPE_CHECKING:
    from .coco import Evaluation
    from .findings import FindingScores

__all__ = ["finding_plot", "precision_plot"]

_INK, _MUTED, _LINE = "#1f2933", "#6b7785", "#d5dbe1"
_ACCENT = "#1c6dd0"
#: Told apart also without colours: by their order in the legend and their line styles.
_SERIES = ("#d1495b", "#2e8b57", "#b8860b", "#7b4fa3", "#00798c", "#8a5a44", "#5b6770", "#c04ea1")
_STYLES = ("-", "--", "-.", ":")


@contextmanager
def _panels(path: Path, count: int) -> Iterator[Any]:
    if path.suffix.lower() not in (".svg", ".png"):
        raise ValueError(f"path: got {path.name!r}, expected a name that ends in .svg or .png")
    with drawing():
        from matplotlib.figure import Figure

        figure = Figure(figsize=(4.9 * count, 4.1), dpi=110, layout="constrained")
        figure.patch.set_facecolor("white")
        panels = figure.subplots(1, count, squeeze=False)[0]
        for axes in panels:
            for side in ("top", "right"):
                axes.spines[side].set_visible(False)
            for side in ("left", "bottom"):
                axes.spines[side].set_color(_LINE)
            axes.grid(color=_LINE, linewidth=0.6)
            axes.set_axisbelow(True)
            axes.tick_params(length=0, labelsize=9, colors=_MUTED)
            axes.set_xlim(0, 1)
            axes.set_ylim(0, 1.02)
        yield panels
        metadata = {"Date": None} if path.suffix.lower() == ".svg" else {"Software": None}
        figure.savefig(path, metadata=metadata)


def _name(axes: Any, title: str, x: str, y: str) -> None:
    axes.set_title(title, loc="left", fontsize=10.5, color=_INK)
    axes.set_xlabel(x, fontsize=9, color=_MUTED)
    axes.set_ylabel(y, fontsize=9, color=_MUTED)


def finding_plot(scores: FindingScores, path: Path) -> None:
    """Errors found against images opened, and precision against recall."""
    curve = scores.curve
    kinds = scores.errors["kind"].to_pylist()
    ranks = scores.errors["found_rank"].to_pylist()
    opened = np.concatenate([[0], np.asarray(curve["images"].to_numpy())]) / max(scores.images, 1)
    recall = np.concatenate([[0], np.asarray(curve["recall"].to_numpy())])
    with _panels(path, 2) as (gain, precision):
        bad = len(set(scores.errors["image_id"].to_pylist())) / max(scores.images, 1)
        gain.plot([0, 1], [0, 1], color=_MUTED, linewidth=0.9, linestyle=":", label="any order")
        gain.axvline(bad, color=_MUTED, linewidth=0.9, linestyle="--", label="images with errors")
        here = [at for at, o in enumerate(scores.table["outcome"].to_pylist()) if o != "aside"]
        place = {at + 1: k for k, at in enumerate(here)}
        for number, kind in enumerate(sorted(set(kinds))):
            mine = [r for k, r in zip(kinds, ranks, strict=True) if k == kind]
            steps = np.zeros(len(opened))
            for rank in mine:
                if rank is not None:
                    steps[place[rank] + 1] += 1
            gain.plot(
                opened,
                np.cumsum(steps) / len(mine),
                color=_SERIES[number % len(_SERIES)],
                linestyle=_STYLES[number // 2 % len(_STYLES)],
                linewidth=1.1,
                label=kind,
            )
        gain.plot(opened, recall, color=_ACCENT, linewidth=2.4, label="all")
        _name(gain, "Errors found", "share of the images opened", "share of the errors")
        gain.legend(fontsize=7.5, frameon=False, ncols=2, labelcolor=_INK, loc="lower right")
        precision.plot(recall[1:], curve["precision"].to_numpy(), color=_ACCENT, linewidth=2.0)
        title = f"Average precision {scores.average_precision:.3f}"
        _name(precision, title, "recall", "precision")


def precision_plot(evaluation: Evaluation, path: Path) -> None:
    """Precision against recall, the mean of the classes, at four thresholds."""
    with _panels(path, 1) as (axes,):
        chosen = [0.5, 0.75, 0.9]
        thresholds = evaluation.iou_thresholds
        rows = [at for v in chosen for at in np.flatnonzero(np.isclose(thresholds, v)).tolist()]
        for number, at in enumerate(rows or range(len(thresholds))):
            values = evaluation.precision[at, :, :, 0, -1]
            known = values[:, (values > -1).any(axis=0)]
            if known.size:
                axes.plot(
                    evaluation.recalls,
                    known.mean(axis=1),
                    color=_ACCENT if number == 0 else _SERIES[number % len(_SERIES)],
                    linestyle=_STYLES[number % len(_STYLES)],
                    linewidth=2.0,
                    label=f"IoU {thresholds[at]:g}: AP {known.mean():.3f}",
                )
        _name(axes, "Precision, mean of the classes", "recall", "precision")
        if axes.lines:
            axes.legend(fontsize=8.5, frameon=False, labelcolor=_INK)
