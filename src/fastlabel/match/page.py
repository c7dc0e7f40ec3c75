"""The page of a match: the coverage curve, what is missing, and pictures to judge it by."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow.compute as pc

from ..report.gallery import cards, gallery_page, said
from ..report.svg import COLORS, drawing, inline
from ..report.text import count, number, percent
from .reasons import gap_words

if TYPE_CHECKING:
    import pyarrow as pa

    from .result import Match

__all__ = ["curve_figure", "match_page"]

#: Pictures of a kind.
SHOWN = 8


def match_page(found: Match) -> str:
    """Write the page, whole."""
    s = found.summary
    decisions = ", ".join(f"{n:,} {d}" for d, n in s["decisions"].items())
    head = (
        f'<p class="lead">{count(s["images"], "image")} against '
        f"{count(s['frames'], 'reference frame')}: {decisions}. "
        f"{percent(s['covered'])} of the frames have an image like them. Nothing was changed.</p>"
    )
    notes = "".join(f"<p>{said(note)}.</p>" for note in found.notes)
    lost = [f"{n:,} {what}" for n, what in _unread(s)]
    if lost:
        notes += f"<p>Not decoded whole, so left aside: {said(' and '.join(lost))}.</p>"
    return gallery_page("Scene match", head + notes + _coverage(found) + _pictures(found))


def _unread(summary: dict[str, Any]) -> Iterator[tuple[int, str]]:
    for key, what in (("unread_images", "images"), ("unread_frames", "reference frames")):
        if summary[key]:
            yield summary[key], what


def _coverage(found: Match) -> str:
    caption = curve_caption(found)
    drawn = ""
    if found.curve.num_rows:
        with drawing():
            svg = inline(curve_figure(found), f"Coverage of the deployment. {caption}")
        drawn = (
            '<div class="charts"><figure><h3>Coverage of the deployment by the best k images</h3>'
            f"{svg}<figcaption><p>{said(caption)}</p></figcaption></figure></div>"
        )
    else:
        drawn = f"<p>{said(caption)}</p>"
    missing = "".join(f"<li>{said(gap_words(gap).capitalize())}</li>" for gap in found.gaps)
    lacking = (
        f'<h2>What is missing</h2><ul class="list">{missing}</ul>'
        if missing
        else "<h2>What is missing</h2><p>No single condition of the frames is lacking.</p>"
    )
    return f"<h2>Coverage</h2>{drawn}{lacking}"


def curve_caption(found: Match) -> str:
    """The curve in a sentence or two."""
    s, curve = found.summary, found.curve
    if not curve.num_rows:
        return "No image is like any of the reference frames."
    n = curve.num_rows
    chance = float(curve["by_chance"][n - 1].as_py())
    best, some = ("image covers", "one") if n == 1 else (f"{n:,} images cover", f"{n:,}")
    rest = "" if s["covered"] == 1 else ", all that can be covered"
    text = (
        f"The best {best} {percent(s['covered'])} of the frames{rest}; {some} at random would "
        f"cover {percent(chance)}."
    )
    half = np.asarray(curve["covered"]) >= 0.5
    if half.any() and int(half.argmax()) + 1 < n:
        text += f" Half is covered by {count(int(half.argmax()) + 1, 'image')}."
    return text


def curve_figure(found: Match) -> Any:
    """Draw the curve: covered share against the number of images, and what chance would cover."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    k = np.r_[0, np.asarray(found.curve["k"])]
    covered = np.r_[0.0, np.asarray(found.curve["covered"])]
    chance = np.r_[0.0, np.asarray(found.curve["by_chance"])]
    figure = Figure(figsize=(7.2, 3.4), dpi=72)
    axes = figure.add_axes((0.075, 0.14, 0.9, 0.8))
    axes.patch.set_visible(False)
    for spine in axes.spines.values():
        spine.set_visible(False)
    axes.tick_params(length=0, labelsize=11.5, colors=COLORS["muted"], pad=4)
    levels = (0.0, 0.25, 0.5, 0.75, 1.0)
    for level in levels:
        axes.axhline(level, color=COLORS["line"], linewidth=1, zorder=0)
    axes.set_yticks(levels, [percent(level) for level in levels])
    axes.set_ylim(0, 1.04)
    axes.set_xlim(0, max(int(k[-1]), 1))
    axes.xaxis.set_major_locator(MaxNLocator(nbins=8, integer=True))
    axes.step(k, covered, where="post", color=COLORS["bar"], linewidth=2.2, clip_on=False)
    axes.plot(k, chance, color=COLORS["muted"], linewidth=1.2, linestyle=(0, (3, 3)), clip_on=False)
    axes.set_xlabel("images", fontsize=10.5, color=COLORS["muted"], labelpad=3)
    end = float(covered[-1])
    axes.annotate(
        "the best k", (float(k[-1]), end), (-4, 6 if end < 0.93 else -14),
        textcoords="offset points", fontsize=10.5, color=COLORS["ink"], ha="right",
    )  # fmt: skip
    axes.annotate(
        "k by chance", (float(k[-1]), float(chance[-1])), (-4, -14),
        textcoords="offset points", fontsize=10.5, color=COLORS["muted"], ha="right",
    )  # fmt: skip
    return figure


# ---- pictures ------------------------------------------------------------------


def _pictures(found: Match) -> str:
    parts = []
    table = found.table.filter(pc.is_valid(found.table["ratio"]))
    ratio = np.asarray(table["ratio"])
    best = np.lexsort((np.arange(len(ratio)), -ratio))
    ours, theirs = _contents(found.ds), _contents(found.reference_source)
    unlike = found.reference.filter(pc.fill_null(pc.invert(found.reference["covered"]), False))
    far = np.lexsort((np.asarray(unlike["frame"]), -np.asarray(unlike["distance"])))
    if theirs is not None and len(far):
        items = [
            (
                partial(theirs, row["frame"]),
                str(row["file_name"]),
                [f"distance {number(row['distance'])} to the nearest image"],
            )
            for row in unlike.take(far[:SHOWN]).to_pylist()
        ]
        parts.append(f"<h2>Frames that no image is like</h2>{cards(items)}")
    if ours is not None:
        parts.append(f"<h2>Most like the deployment</h2>{_shown(table, best[:SHOWN], ours)}")
        worst = [at for at in best[::-1].tolist() if table["reasons"][at].is_valid][:SHOWN]
        if worst:
            parts.append(f"<h2>Least like it, and why</h2>{_shown(table, worst, ours)}")
    return "".join(parts)


def _shown(table: pa.Table, rows: Any, content: Callable[[int], bytes]) -> str:
    return cards(
        (
            partial(content, row["image_id"]),
            str(row["file_name"]),
            [f"ratio {number(row['ratio'])}, {row['decision']}", row["reasons"] or ""],
        )
        for row in table.take(rows).to_pylist()
    )


def _contents(source: Any) -> Callable[[int], bytes] | None:
    """What gives the bytes of a picture; None where there is only a table."""
    if source is None:
        return None
    from ..scan.jobs import jobs_of
    from ..scan.sources import content_of

    jobs = jobs_of(source)

    def content(row: int) -> bytes:
        at = int(jobs.rows[row])
        if at < 0:
            raise FileNotFoundError("no such picture")
        return content_of(jobs.source, at)

    return content
