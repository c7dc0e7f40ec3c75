"""What to look at first: the review queue on the page and on a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol, TextIO

import numpy as np

from .charts import TINY, Chart, _figure, _grid, _line, _round_step, _x_title
from .rows import Finding, ReportLike, findings_at
from .svg import COLORS, drawing, inline
from .text import count, number, percent, visible

if TYPE_CHECKING:
    import pyarrow as pa
    from matplotlib.figure import Figure

__all__ = ["leading", "review_part", "write_queue"]

_ACTIONS = {
    "add_box": "add a box",
    "drop_box": "drop the box",
    "relabel": "another class",
    "replace_box": "draw it anew",
    "mark_ignore": "mark as ignore",
}
LINES = 8192


class _Queued(ReportLike, Protocol):
    """A report with its queue."""

    @property
    def queue(self) -> pa.Table | None:
        """Objects to look at, the first to look at first."""


def leading(report: ReportLike) -> list[Finding]:
    """The surest finding of each object that the page shows, in the order of the queue."""
    first = report.summary.get("review", {}).get("first", [])
    return findings_at(report, [row["findings"][0] for row in first])


def review_part(
    summary: Mapping[str, Any], pictures: Sequence[tuple[Finding, list[Any]]]
) -> dict[str, Any] | None:
    """What the page's section shows; None where there is nothing to look at.

    Parameters
    ----------
    summary : dict
        As :func:`fastlabel.check` makes it.
    pictures : sequence of (Finding, list of Thumbnail)
        The objects of :func:`leading` that have a picture.
    """
    part = summary.get("review")
    if not part or not part["objects"]:
        return None
    with drawing():
        figure, caption = _curve(part)
        title = "Errors expected against images reviewed"
        chart = Chart("review", title, caption, inline(figure, f"{title}. {caption}"))
    by_row = {row["findings"][0]: row for row in part["first"]}
    return {
        "lead": _said(part) + " What a finding is worth and what a minute buys are in "
        "[review] of fastlabel.toml; all rows are in queue.parquet.",
        "chart": chart,
        "cards": [
            {
                "finding": finding,
                "pictures": drawn,
                "rank": by_row[finding.row]["rank"],
                "chance": percent(by_row[finding.row]["score"]),
                "codes": by_row[finding.row]["codes"],
                "action": _ACTIONS.get(by_row[finding.row]["action"] or "", ""),
            }
            for finding, drawn in pictures
        ],
    }


def _said(part: Mapping[str, Any]) -> str:
    text = f"{_amount(part)}."
    if part["budget"] is not None:
        text = f"The first {_amount(part['budget'])}; in all {_amount(part)}."
    return text


def _amount(part: Mapping[str, Any]) -> str:
    return (
        f"{count(part['objects'], 'object')} in {count(part['images'], 'image')}, about "
        f"{number(part['minutes'], 2)} min, {number(part['errors'], 2)} errors expected"
    )


def _curve(part: Mapping[str, Any]) -> tuple[Figure, str]:
    images = np.array(part["curve"]["images"], dtype=float)
    errors = np.array(part["curve"]["errors"], dtype=float)
    figure, axes = _figure(190)
    axes.set_xlim(0, images[-1])
    _grid(axes, max(float(errors[-1]) * 1.08, 1e-9), "errors expected")
    # As they would come in no order: the same for every image.
    _line(
        axes, [0, images[-1]], [0, errors[-1]],
        color=COLORS["muted"], linewidth=1, linestyle=(0, (3, 3)), zorder=2,
    )  # fmt: skip
    _line(axes, images.tolist(), errors.tolist(), color=COLORS["bar"], linewidth=2, zorder=3)
    axes.text(
        images[-1], errors[-1] * 0.42, "in any order", fontsize=TINY,
        color=COLORS["muted"], ha="right",
    )  # fmt: skip
    budget = part["budget"]
    if budget is not None and 0 < budget["images"] < part["images"]:
        axes.axvline(
            budget["images"], color=COLORS["flag"], linewidth=1, linestyle=(0, (3, 3))
        )  # fmt: skip
        _dot(axes, budget["images"], budget["errors"])
    ticks = range(0, int(images[-1]) + 1, int(_round_step(images[-1] / 4)))
    axes.set_xticks(ticks, [f"{t:,}" for t in ticks])
    _x_title(axes, "images reviewed")
    half = float(np.interp(errors[-1] / 2, errors, images))
    caption = (
        f"Half of the errors expected are in the first {count(max(1, round(half)), 'image')} of "
        f"{number(images[-1])}."
    )
    if budget is not None:
        caption += (
            f" The budget's {count(budget['objects'], 'object')}: {number(budget['errors'], 2)}."
        )
    return figure, caption


def _dot(axes: Any, x: float, y: float) -> None:
    axes.plot([x], [y], marker="o", markersize=6, color=COLORS["flag"], clip_on=False, zorder=4)


def write_queue(report: _Queued, file: TextIO, most: int) -> None:
    """Write the first rows of the queue, one line each.

    Parameters
    ----------
    report : Report
        A checked data set, with its queue.
    file : text file
        Where to write.
    most : int
        Rows to write.
    """
    part = report.summary["review"]
    print(f"\nReview first: {_said(part)}", file=file)
    if report.queue is None:
        return
    rows = report.queue.slice(0, most)
    for start in range(0, rows.num_rows, LINES):
        batch = rows.slice(start, LINES).to_pylist()
        found = findings_at(report, [row["findings"][0] for row in batch])
        for row, finding in zip(batch, found, strict=True):
            action = _ACTIONS.get(row["action"] or "", "")
            parts = (
                f"{row['rank']:>5}",
                f"{percent(row['score']):>6}",
                visible(finding.place),
                visible(finding.category or ""),
                ",".join(row["codes"]),
                action,
            )
            print("  ".join(p for p in parts if p), file=file)
