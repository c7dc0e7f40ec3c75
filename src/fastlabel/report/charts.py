"""The charts of the page: static SVG by matplotlib, one small figure each.

A figure is 360 units wide, the width of a phone's screen, so that its text is readable
there and three of them stand side by side on a desktop.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from .svg import COLORS, drawing, inline
from .text import count, listed, number, percent, visible

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["Chart", "draw_charts"]

WIDTH = 360.0
LEFT, RIGHT, TOP, BOTTOM = 38.0, 16.0, 24.0, 36.0
SERIES = ("s1", "s2", "s3", "s4")
SMALL, TINY = 11.5, 10.5


@dataclass(frozen=True)
class Chart:
    """One drawn chart.

    Attributes
    ----------
    key, title : str
        Its name in ``summary["charts"]``, and its heading.
    caption : str
        What it says, in a sentence or two with numbers.
    svg : str
        Inline markup; empty when there is nothing to draw.
    """

    key: str
    title: str
    caption: str
    svg: str


def draw_charts(summary: Mapping[str, Any]) -> list[Chart]:
    """Draw every chart of a summary.

    Parameters
    ----------
    summary : dict
        As :func:`fastlabel.summary.summarise` gives it.

    Returns
    -------
    list of Chart
        In reading order. A chart without data says so and has no picture.
    """
    drawers: Sequence[tuple[str, str, Callable[[Mapping[str, Any]], tuple[Figure | None, str]]]] = (
        ("class_balance", "Class balance by split", _class_balance),
        ("box_size", "Box size at the model's input", _box_size),
        ("box_size_1080p", "Box size at 1080p", _box_size_1080p),
        ("aspect_ratio", "Shape of each class", _aspect_ratio),
        ("box_centres", "Where the boxes are", _box_centres),
        ("objects_per_image", "Objects per image", _objects_per_image),
        ("brightness", "Brightness", _brightness),
        ("contrast", "Contrast", _contrast),
        ("sharpness", "Sharpness", _sharpness),
        ("acutance", "Edge steepness", _acutance),
        ("image_sizes", "Image sizes", _image_sizes),
    )
    out = []
    with drawing():
        for key, title, draw in drawers:
            figure, caption = draw(summary)
            svg = inline(figure, f"{title}. {caption}") if figure is not None else ""
            out.append(Chart(key, title, caption, svg))
    return out


# ---- parts ---------------------------------------------------------------------


def _figure(
    height: float, left: float = LEFT, right: float = RIGHT, bottom: float = BOTTOM
) -> tuple[Figure, Axes]:
    """Make a figure of ``height`` units with one bare axes."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(WIDTH / 72, height / 72), dpi=72)
    axes = figure.add_axes(
        (
            left / WIDTH,
            bottom / height,
            (WIDTH - left - right) / WIDTH,
            (height - bottom - TOP) / height,
        )
    )
    _bare(axes)
    return figure, axes


def _bare(axes: Axes) -> None:
    axes.patch.set_visible(False)
    for spine in axes.spines.values():
        spine.set_visible(False)
    axes.tick_params(length=0, labelsize=SMALL, colors=COLORS["muted"], pad=4)


def _shape(
    axes: Axes, rectangles: Sequence[tuple[float, float, float, float]], **paint: Any
) -> None:
    """Many rectangles ``x, y, width, height`` as one path."""
    from matplotlib.patches import PathPatch
    from matplotlib.path import Path

    if not rectangles:
        return
    corners = [
        [(x, y), (x, y + h), (x + w, y + h), (x + w, y), (x, y)] for x, y, w, h in rectangles
    ]
    codes = [Path.MOVETO, Path.LINETO, Path.LINETO, Path.LINETO, Path.CLOSEPOLY]
    path = Path(np.concatenate(corners), codes * len(rectangles))
    axes.add_patch(PathPatch(path, linewidth=0, clip_on=False, **paint))


def _line(axes: Axes, xs: Sequence[float], ys: Sequence[float], **paint: Any) -> None:
    axes.plot(xs, ys, clip_on=False, **paint)


def _grid(axes: Axes, top: float, unit: str) -> None:
    """Two or three level lines with their numbers, and what is counted."""
    axes.set_ylim(0, top)
    step = _round_step(top / 3)
    levels = [v for v in np.arange(0, top * 1.0001, step) if v == int(v)]
    for level in levels:
        axes.axhline(level, color=COLORS["line"], linewidth=1, zorder=0, clip_on=False)
    axes.set_yticks(levels, [_tick(v) for v in levels])
    axes.annotate(
        unit, (0, 1.06), (4 - LEFT, 0), xycoords="axes fraction", textcoords="offset points",
        fontsize=TINY, color=COLORS["muted"],
    )  # fmt: skip


def _round_step(raw: float) -> float:
    """Give a step of 1, 2 or 5 times a power of ten, and a whole one."""
    power = 10.0 ** np.floor(np.log10(max(raw, 1)))
    step = next(s for s in (1, 2, 5, 10) if s * power >= raw * 0.75)
    return float(max(step * power, 1))


def _tick(value: float) -> str:
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e4, "k")):
        if value >= size:
            scale = 1e3 if letter == "k" else size
            return f"{value / scale:g}{letter}"
    return f"{value:g}"


def _mark(axes: Axes, x: float, text: str, *, flag: bool, level: float = 1.06) -> None:
    """Draw a dashed line at a limit, with its name on top."""
    color = COLORS["flag" if flag else "muted"]
    axes.axvline(x, color=color, linewidth=1, linestyle=(0, (3, 3)), clip_on=False)
    low, high = axes.get_xlim()
    at = (x - low) / (high - low)
    side = "left" if at < 0.12 else "right" if at > 0.88 else "center"
    axes.text(
        x, level, text, transform=axes.get_xaxis_transform(), fontsize=TINY, color=color, ha=side
    )


def _histogram(
    data: Mapping[str, Any],
    unit: str,
    ticks: Sequence[float],
    flagged: Callable[[float, float], bool] = lambda low, high: False,
    include: float | None = None,
) -> tuple[Figure, Axes]:
    """Bars over bins; those for which ``flagged(low, high)`` holds have the warning colour.

    A logarithmic axis spans what is there, ``include``, and at least three ticks.
    """
    edges, counts = np.array(data["edges"], dtype=float), np.array(data["counts"])
    filled = np.flatnonzero(counts)
    first, last = max(filled[0] - 1, 0), min(filled[-1] + 2, len(counts))
    keep = [t for t in ticks if edges[0] <= t <= edges[-1]]
    if data["scale"] == "log":
        if include is not None:
            at = int(np.clip(np.searchsorted(edges, include), 2, len(counts))) - 2
            first, last = min(first, at), max(last, at + 2)
        while len([t for t in keep if edges[first] <= t <= edges[last]]) < 3:
            grown = (max(first - 1, 0), min(last + 1, len(counts)))
            if grown == (first, last):
                break
            first, last = grown
    else:
        first, last = 0, len(counts)
    place = np.log2(edges) if data["scale"] == "log" else edges
    figure, axes = _figure(190)
    axes.set_xlim(place[first], place[last])
    bars: dict[str, list[tuple[float, float, float, float]]] = {"bar": [], "flag": []}
    gap = 0.12 * (place[1] - place[0])
    for i in range(first, last):
        if counts[i]:
            kind = "flag" if flagged(edges[i], edges[i + 1]) else "bar"
            width = place[i + 1] - place[i] - gap
            bars[kind].append((place[i] + gap / 2, 0, width, float(counts[i])))
    _grid(axes, float(counts.max()) * 1.05, unit)
    for kind, rectangles in bars.items():
        _shape(axes, rectangles, facecolor=COLORS[kind], zorder=2)
    shown = [t for t in keep if edges[first] * 0.999 <= t <= edges[last] * 1.001]
    axes.set_xticks(
        [np.log2(t) if data["scale"] == "log" else t for t in shown], [_tick(t) for t in shown]
    )
    return figure, axes


def _x_title(axes: Axes, text: str) -> None:
    axes.set_xlabel(text, fontsize=TINY, color=COLORS["muted"], labelpad=3)


def _threshold(summary: Mapping[str, Any], code: str, name: str) -> float | None:
    """Give a threshold in force; None when its rule did not run."""
    value = summary["thresholds"].get(code, {}).get(name)
    return None if value is None else float(value)


# ---- the charts ----------------------------------------------------------------


def _split_name(name: str | None) -> str:
    return visible(name, 14) if name is not None else "no split"


def _class_balance(summary: Mapping[str, Any]) -> tuple[Figure | None, str]:
    data = summary["charts"]["class_balance"]
    shape = (len(data["splits"]), len(data["classes"]))
    counts = np.array(data["counts"], dtype=float).reshape(shape)
    if not counts.size or not counts.sum():
        return None, "No box has a known class."
    names = [_split_name(s) for s in data["splits"]]
    totals = counts.sum(0)
    used = totals[totals > 0]
    ratio = used.max() / used.min()
    top = visible(data["classes"][0], 30)
    share = totals[0] / (totals.sum() + sum(data["other_counts"]))
    caption = f"{top} has {percent(float(share))} of {count(int(totals.sum()), 'box', 'boxes')}"
    caption += f"; the most frequent class shown has {number(float(ratio), 2)} times the rarest."
    if len(used) < 2:
        caption = f"One class is used: {top}, with {count(int(totals.sum()), 'box', 'boxes')}."
    if data["other_classes"]:
        caption += f" {count(data['other_classes'], 'rarer class', 'rarer classes')} not drawn."
    if len(names) > 4:  # the first three, and the rest as one
        counts = np.vstack([counts[:3], counts[3:].sum(0, keepdims=True)])
        names = [*names[:3], f"{len(names) - 3:,} others"]
    return _balance_panels(data["classes"], names, counts), caption


def _balance_panels(
    classes: Sequence[str], splits: Sequence[str], counts: np.ndarray[Any, Any]
) -> Figure:
    """One panel a split, one row a class: a class that a split lacks shows as a gap."""
    from matplotlib.figure import Figure

    row, head, foot = 17.0, 24.0, 6.0
    height = head + foot + row * len(classes)
    figure = Figure(figsize=(WIDTH / 72, height / 72), dpi=72)
    left = 6 + min(max(len(visible(c, 16)) for c in classes), 16) * 6.0
    each = (WIDTH - left) / len(splits)
    for at, (split, values) in enumerate(zip(splits, counts, strict=True)):
        axes = figure.add_axes(
            (
                (left + at * each + 6) / WIDTH,
                foot / height,
                (each - 12) / WIDTH,
                row * len(classes) / height,
            )
        )
        _bare(axes)
        axes.set_xticks([])
        axes.set_ylim(len(classes) - 0.5, -0.5)
        biggest = max(values.max(), 1)
        # Room for the number beyond the longest bar.
        axes.set_xlim(0, biggest * (1 + 38 / (each - 12 - 38)))
        color = COLORS[SERIES[at % len(SERIES)]]
        bars = [(0.0, i - 0.32, float(v), 0.64) for i, v in enumerate(values) if v]
        _shape(axes, bars, facecolor=color)
        axes.axvline(0, color=COLORS["line"], linewidth=1, clip_on=False)
        for i, v in enumerate(values):
            ink = COLORS["muted" if v else "flag"]
            axes.annotate(
                _tick(v), (v, i), (4, 0), textcoords="offset points", fontsize=TINY, color=ink,
                va="center_baseline", annotation_clip=False,
            )  # fmt: skip
        axes.text(
            0,
            1 + 8 / (row * len(classes)),
            split,
            transform=axes.transAxes,
            fontsize=SMALL,
            color=COLORS["ink"],
        )
        labels = [visible(c, 16) for c in classes] if at == 0 else []
        axes.set_yticks(range(len(labels)), labels)
        axes.tick_params(axis="y", colors=COLORS["ink"])
    return figure


SIZE_TICKS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)


def _box_size(summary: Mapping[str, Any]) -> tuple[Figure | None, str]:
    data, deploy = summary["charts"]["box_size"], summary["deploy"]
    if not data["measured"]:
        return None, "No box whose size at the model's input is known."
    target = data["min_target"]
    figure, axes = _histogram(
        data, "boxes", SIZE_TICKS, lambda low, high: high <= target * 1.001, target
    )
    name = "assumed" if deploy["assumed"] else visible(deploy["name"], 24)
    size = f"{deploy['input_width']} × {deploy['input_height']}"
    _x_title(axes, f"shorter side in px at {size} ({name})")
    low, high = axes.get_xlim()
    if low <= np.log2(target) <= high:
        _mark(axes, float(np.log2(target)), f"least target {number(target)}", flag=True)
    below = data["share_below_strides"]
    s = data["strides"][0]
    caption = (
        f"Half of the boxes are under {number(data['quantiles']['p50'])} px. "
        f"{percent(below['1'])} are under {s} px, one stride of the finest head; "
        f"{percent(below['2'])} under {2 * s}, {percent(below['4'])} under {4 * s}."
    )
    return figure, caption


def _box_size_1080p(summary: Mapping[str, Any]) -> tuple[Figure | None, str]:
    data = summary["charts"]["box_size_1080p"]
    if not data["measured"]:
        return None, "No box whose size at 1080p is known."
    limit = data["tiny_limit"]
    figure, axes = _histogram(
        data, "boxes", SIZE_TICKS, lambda low, high: high <= limit * 1.07, limit
    )
    _x_title(axes, "longer side in px, image fitted to 1920 × 1080")
    low, high = axes.get_xlim()
    if low <= np.log2(limit) <= high:
        _mark(axes, float(np.log2(limit)), f"tiny under {number(limit)}", flag=True)
    caption = (
        f"{count(data['tiny'], 'box', 'boxes')} ({percent(data['tiny_share'])}) "
        f"under {number(limit)} × {number(limit)} px; half are under "
        f"{number(data['quantiles']['p50'])} px."
    )
    return figure, caption


RATIO_TICKS = {1 / 16: "1:16", 1 / 8: "1:8", 1 / 4: "1:4", 1 / 2: "1:2", 1: "1",
               2: "2", 4: "4", 8: "8", 16: "16"}  # fmt: skip


def _aspect_ratio(summary: Mapping[str, Any]) -> tuple[Figure | None, str]:
    data = summary["charts"]["aspect_ratio"]
    rows = [r for r in data["classes"] if r["quantiles"]]
    if not rows:
        return None, "No box with a width and a height."
    row = 20.0
    left = 6 + min(max(len(visible(r["name"], 16)) for r in rows), 16) * 6.0
    figure, axes = _figure(row * len(rows) + TOP + BOTTOM, left=left)
    ends = [q for r in rows for q in (r["quantiles"]["p05"], r["quantiles"]["p95"])]
    low, high = max(min(*ends, 0.5), 1 / 16), min(max(*ends, 2.0), 16.0)
    axes.set_xlim(np.log2(low) - 0.15, np.log2(high) + 0.15)
    axes.set_ylim(len(rows) - 0.5, -0.5)
    ticks = [t for t in RATIO_TICKS if low * 0.99 <= t <= high * 1.01]
    for tick in ticks:
        axes.axvline(np.log2(tick), color=COLORS["line"], linewidth=1, zorder=0, clip_on=False)
    for i, r in enumerate(rows):
        q = {k: float(np.log2(np.clip(v, low, high))) for k, v in r["quantiles"].items()}
        paint = {"color": COLORS["bar"], "solid_capstyle": "round"}
        _line(axes, [q["p05"], q["p95"]], [i, i], linewidth=1.5, alpha=0.55, **paint)
        _line(axes, [q["p25"], q["p75"]], [i, i], linewidth=6, **paint)
        _shape(axes, [(q["p50"] - 0.02, i - 0.3, 0.04, 0.6)], facecolor=COLORS["ink"], zorder=4)
    axes.set_xticks([np.log2(t) for t in ticks], [RATIO_TICKS[t] for t in ticks])
    axes.set_yticks(range(len(rows)), [visible(r["name"], 16) for r in rows])
    axes.tick_params(axis="y", colors=COLORS["ink"])
    axes.text(0, 1 + 9 / (row * len(rows)), "wide", transform=axes.transAxes, fontsize=TINY,
              color=COLORS["muted"])  # fmt: skip
    axes.text(1, 1 + 9 / (row * len(rows)), "tall", transform=axes.transAxes, fontsize=TINY,
              color=COLORS["muted"], ha="right")  # fmt: skip
    _x_title(axes, "height over width")
    first = rows[0]
    caption = (
        f"Height over width: thick bar half, thin line nine tenths of the boxes. "
        f"{visible(first['name'], 30)}: {number(first['quantiles']['p50'])} in the middle."
    )
    if data["other_classes"]:
        caption += f" {count(data['other_classes'], 'rarer class', 'rarer classes')} not drawn."
    return figure, caption


def _box_centres(summary: Mapping[str, Any]) -> tuple[Figure | None, str]:
    data = summary["charts"]["box_centres"]
    if not data["measured"]:
        return None, "No box inside an image of known size."
    grid = np.array(data["counts"], dtype=float)
    n = data["cells"]
    figure, axes = _figure(252, left=10, bottom=8)
    axes.set_xlim(0, n)
    axes.set_ylim(n, 0)
    axes.set_xticks([])
    axes.set_yticks([])
    _shape(axes, [(0, 0, n, n)], facecolor=COLORS["soft"], zorder=1)
    # Nine steps of opacity by the square root: a few boxes must show beside many.
    level = np.ceil(np.sqrt(grid / grid.max()) * 9).astype(int)
    for step in range(1, 10):
        cells = [(float(x), float(y), 1.0, 1.0) for y, x in np.argwhere(level == step)]
        _shape(axes, cells, facecolor=COLORS["bar"], alpha=round(step / 9, 2), zorder=2)
    for third in (n / 3, 2 * n / 3):
        _line(axes, [third, third], [0, n], color=COLORS["surface"], linewidth=0.8, alpha=0.7,
              zorder=3)  # fmt: skip
        _line(axes, [0, n], [third, third], color=COLORS["surface"], linewidth=0.8, alpha=0.7,
              zorder=3)  # fmt: skip
    axes.text(0, 1.03, "box centres over the image; stronger is more", transform=axes.transAxes,
              fontsize=TINY, color=COLORS["muted"])  # fmt: skip
    middle = grid[n // 3 : n - n // 3, n // 3 : n - n // 3].sum() / grid.sum()
    lower = grid[n // 2 :].sum() / grid.sum()
    caption = (
        f"{percent(float(middle))} of the centres lie in the middle ninth of the image, "
        f"{percent(float(lower))} in its lower half."
    )
    if data["outside"]:
        caption += f" {count(data['outside'], 'centre')} outside the image or of unknown place."
    return figure, caption


def _objects_per_image(summary: Mapping[str, Any]) -> tuple[Figure | None, str]:
    data = summary["charts"]["objects_per_image"]
    if not data["measured"]:
        return None, "No image with a label record."
    edges, counts = data["edges"], data["counts"]
    figure, axes = _figure(190)
    n = len(counts)
    axes.set_xlim(-0.5, max(n, 6) - 0.5)
    _grid(axes, max(counts) * 1.05, "images")
    bars = [(i - 0.42, 0.0, 0.84, float(c)) for i, c in enumerate(counts) if c]
    _shape(axes, bars, facecolor=COLORS["bar"], zorder=2)
    every = max(1, round(n / 9))
    ticks = list(range(0, n, every))
    labels = [_tick(edges[i]) for i in ticks]
    axes.set_xticks(ticks, labels)
    _x_title(axes, "boxes in one image" + ("; bins widen" if edges[-1] != n else ""))
    empty = counts[0] if edges[0] == 0 else 0
    caption = f"{number(data['mean'], 2)} boxes an image on average, at most {data['most']:,}. " + (
        f"{count(empty, 'labelled image')} with none." if empty else "None is empty."
    )
    return figure, caption


def _pixel_chart(
    summary: Mapping[str, Any],
    key: str,
    ticks: Sequence[float],
    limits: Sequence[tuple[float | None, str, bool]],
) -> tuple[Figure | None, str]:
    """Draw a histogram of images with limits: ``(value, name, whether below it is bad)``."""
    data = summary["charts"][key]
    if not data["measured"]:
        return None, "No image could be measured."
    known = [(v, name, below) for v, name, below in limits if v is not None]

    def flagged(low: float, high: float) -> bool:
        mid = (low * high) ** 0.5 if data["scale"] == "log" else (low + high) / 2
        return any(mid < v if below else mid > v for v, _, below in known)

    figure, axes = _histogram(data, "images", ticks, flagged)
    low, high = axes.get_xlim()
    for v, name, _ in known:
        x = float(np.log2(max(v, 1e-9)) if data["scale"] == "log" else v)
        if low <= x <= high:
            _mark(axes, x, f"{name} {number(v)}", flag=True)
    _x_title(axes, data["unit"])
    q = data["quantiles"]
    return figure, (
        f"Median {number(q['p50'])}; nine tenths of {count(data['measured'], 'image')} "
        f"lie between {number(q['p05'])} and {number(q['p95'])}."
    )


def _brightness(summary: Mapping[str, Any]) -> tuple[Figure | None, str]:
    limits = (
        (_threshold(summary, "FL402", "min_mean"), "dark", True),
        (_threshold(summary, "FL403", "max_mean"), "bright", False),
    )
    figure, caption = _pixel_chart(summary, "brightness", (0, 64, 128, 192, 256), limits)
    night = summary["charts"]["brightness"]["night_share"]
    return figure, caption + (f" Night: {percent(night)}." if night is not None else "")


def _contrast(summary: Mapping[str, Any]) -> tuple[Figure | None, str]:
    limits = ((_threshold(summary, "FL404", "min_range"), "low", True),)
    return _pixel_chart(summary, "contrast", (0, 64, 128, 192, 256), limits)


def _sharpness(summary: Mapping[str, Any]) -> tuple[Figure | None, str]:
    ticks = (1, 4, 16, 64, 256, 1024, 4096, 16384)
    figure, caption = _pixel_chart(summary, "sharpness", ticks, ())
    limit = _threshold(summary, "FL401", "max_sharpness")
    if figure is not None and limit:
        low, high = figure.axes[0].get_xlim()
        if low <= np.log2(limit) <= high:
            _mark(figure.axes[0], float(np.log2(limit)), number(limit), flag=False)
        caption += f" Under {number(limit)} alone is not blurred: plain surfaces are low too."
    return figure, caption


def _acutance(summary: Mapping[str, Any]) -> tuple[Figure | None, str]:
    limits = ((_threshold(summary, "FL401", "max_acutance"), "blurred", True),)
    figure, caption = _pixel_chart(summary, "acutance", (0, 0.5, 1, 1.5, 2), limits)
    return figure, caption


def _image_sizes(summary: Mapping[str, Any]) -> tuple[Figure | None, str]:
    data, deploy = summary["charts"]["image_sizes"], summary["deploy"]
    if not data["measured"]:
        return None, "No image of known size."
    sizes = np.array(data["sizes"], dtype=float)
    figure, axes = _figure(230, left=40)
    most = max(sizes[:, :2].max(), deploy["input_width"], deploy["input_height"]) * 1.06
    axes.set_xlim(0, most)
    axes.set_ylim(0, most)
    step = _round_step(most / 4)
    ticks = np.arange(0, most, step)
    for tick in ticks:
        axes.axhline(tick, color=COLORS["line"], linewidth=1, zorder=0, clip_on=False)
    axes.set_xticks(ticks, [_tick(t) for t in ticks])
    axes.set_yticks(ticks, [_tick(t) for t in ticks])
    area = 14 + 500 * sizes[:, 2] / max(sizes[:, 2].sum(), 1)
    axes.scatter(sizes[:, 0], sizes[:, 1], s=area, color=COLORS["bar"], alpha=0.6, linewidths=0,
                 clip_on=False, zorder=3)  # fmt: skip
    w, h = deploy["input_width"], deploy["input_height"]
    _line(axes, [0, w, w], [h, h, 0], color=COLORS["flag"], linewidth=1, linestyle=(0, (3, 3)))
    axes.annotate("model input", (0, h), (4, 3), textcoords="offset points", fontsize=TINY,
                  color=COLORS["flag"])  # fmt: skip
    axes.text(0, 1.03, "height, px", transform=axes.transAxes, fontsize=TINY,
              color=COLORS["muted"])  # fmt: skip
    _x_title(axes, "width, px")
    common = [f"{int(w)} × {int(h)} ({count(int(c), 'image')})" for w, h, c in sizes[:2]]
    caption = (
        f"{count(data['distinct'], 'distinct size')}; most frequent: {listed(common)}. "
        f"{number(data['megapixels']['p50'])} megapixels in the middle."
    )
    if data["other_sizes"]:
        caption += f" {count(data['other_sizes'], 'rarer size')} not drawn."
    return figure, caption
