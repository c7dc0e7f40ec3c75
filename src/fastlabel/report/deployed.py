"""The page's part on the deployed size: three lights, two charts and the tables under them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..verdict import byte_text
from .charts import BOTTOM, TINY, TOP, Chart, _figure, _grid, _line, _shape, _x_title
from .svg import COLORS, drawing, inline
from .text import count, number, percent, visible

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["deployed_facts", "deployed_part"]

MOST_CLASSES = 20
#: Classes with a line of their own, and their colours.
SERIES = ("s1", "s2", "s3", "s4")
TICKS = (96, 160, 320, 640, 1280)
#: Share of boxes, its name, colour and dashes.
LINES = (("1", "under 1", "flag"), ("2", "2", "s4"), ("4", "4 strides", "s1"))

_TITLES = {"too_small": "Too small", "small_targets": "Small targets", "memory": "Memory"}
_WORDS = {"green": "good", "amber": "take care", "red": "bad"}


def deployed_part(summary: Mapping[str, Any]) -> dict[str, Any]:
    """Give what the page shows of ``summary["deployment"]``: texts and drawn charts.

    Parameters
    ----------
    summary : dict
        As :func:`fastlabel.summary.summarise` gives it.

    Returns
    -------
    dict
        ``lead``, ``lights``, ``charts``, ``inputs``, ``plans``, ``classes`` and ``memory``,
        all plain text but for the charts' markup.
    """
    part = summary["deployment"]
    used = sorted((c for c in part["classes"] if c["boxes"]), key=lambda c: -c["boxes"])
    return {
        "lead": _lead(part, summary["deploy"]),
        "lights": _lights(part),
        "charts": _charts(part) if part["measured"] else [],
        "inputs": [_input_row(row, part["input"]) for row in part["resize_impact"]["inputs"]],
        "plans": [_plan_row(row) for row in part["tile_plans"]["plans"]],
        "plans_lead": _plans_lead(part["tile_plans"]),
        "classes": used[:MOST_CLASSES],
        "more_classes": max(len(used) - MOST_CLASSES, 0),
        "memory": _memory_rows(part["memory"]) if part["memory"] else [],
        "measured": part["measured"],
        "unmeasured": part["unmeasured"],
    }


def deployed_facts(summary: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Give the same for a terminal: a few named facts."""
    part = summary["deployment"]
    facts = []
    if not part["assumed"]:
        facts.append(("deployment", _device(part["tier"])))
    if part["measured"]:
        rows = part["resize_impact"]["inputs"]
        shown = [row for row in rows if max(row["input"]) in TICKS]
        below = ", ".join(
            f"{percent(row['share_below']['1'])} at {max(row['input'])}" for row in shown
        )
        facts.append(("if resized", f"under one stride of {part['stride']}: {below}"))
        plans = [
            f"{plan['name'].removeprefix('tiles ')}: {number(plan['inferences'])} inferences "
            "a frame, "
            f"{percent(plan['share_below']['1'])} under one stride, "
            f"{percent(plan['cut_share'])} cut"
            for plan in part["tile_plans"]["plans"][1:]
        ]
        if plans:
            facts.append(("if tiled", "; ".join(plans)))
    memory = part["memory"]
    if memory is not None:
        need, verdict = byte_text(memory["need"]), memory["verdict"]
        known = f"of {_span_bytes(memory)}: {verdict}" if verdict else "of an unknown memory"
        facts.append(("memory", f"about {need} at {memory['precision']} {known} (an estimate)"))
    return facts


# ---- words ---------------------------------------------------------------------


def _range(span: Sequence[float | None], unit: str) -> str:
    low, high = span
    if low is None:
        return f"under {high:g} {unit}"
    if high is None:
        return f"over {low:g} {unit}"
    return f"{low:g} {unit}" if low == high else f"{low:g} to {high:g} {unit}"


def _span_bytes(row: Mapping[str, Any]) -> str:
    least, most = byte_text(row["least"]), byte_text(row["most"])
    return most if least == most else f"{least.removesuffix(most[-3:])} to {most}"


def _device(tier: Mapping[str, Any] | None) -> str:
    if tier is None:
        return "a device of no known tier"
    least, most = tier["memory"]
    span = {"least": least, "most": most}
    memory = f"under {byte_text(most)}" if least is None else _span_bytes(span)
    return (
        f"{tier['name']} ({tier['device']}: {_range(tier['tops'], 'TOPS')}, {memory}, "
        f"{_range(tier['watts'], 'W')})"
    )


def _lead(part: Mapping[str, Any], deploy: Mapping[str, Any]) -> str:
    size = f"{part['input'][0]} × {part['input'][1]} px, {deploy['resize']}"
    cell = (
        f"Sizes are of the shorter side, in strides of the finest head, {part['stride']} px: "
        "under one stride a target has no cell of its own."
    )
    if part["assumed"]:
        return (
            f"No deployment is named, so an input of {size}, is assumed here, and single boxes are "
            f"judged by FL302 (15 × 15 px at 1080p). {cell}"
        )
    return f"{visible(deploy['name'], 40)}: {size}, on {_device(part['tier'])}. {cell}"


def _lights(part: Mapping[str, Any]) -> list[dict[str, str]]:
    out = []
    lights = part["lights"]
    lost, small, memory = lights["too_small"], lights["small_targets"], part["memory"]
    if lost["light"]:
        out.append(
            _light(
                "too_small",
                lost["light"],
                percent(lost["share"]),
                f"{_boxes(lost['count'])} under the least target of "
                f"{number(part['min_target'])} px. Green under {percent(lost['green_below'])}, "
                f"red from {percent(lost['red_from'])}.",
            )
        )
    if small["light"]:
        low, high = small["strides"]
        out.append(
            _light(
                "small_targets",
                small["light"],
                percent(small["share"]),
                f"{_boxes(small['count'])} between {low} and {high} strides: small, and large "
                f"enough to learn. Red under {percent(small['red_below'])}, green from "
                f"{percent(small['green_from'])}.",
            )
        )
    if memory is not None and lights["memory"]["light"]:
        out.append(
            _light(
                "memory",
                lights["memory"]["light"],
                byte_text(memory["need"]),
                f"about, for input and activations at {memory['precision']}, of "
                f"{_span_bytes(memory)}: {memory['verdict']}. Green up to "
                f"{percent(memory['comfortable'])} of the least.",
            )
        )
    return out


def _boxes(n: int) -> str:
    return count(n, "box", "boxes") if n else "No box"


def _light(key: str, light: str, value: str, text: str) -> dict[str, str]:
    word = f"{light}: {_WORDS[light]}"
    return {"title": _TITLES[key], "light": light, "word": word, "value": value, "text": text}


def _shares(row: Mapping[str, Any]) -> list[str]:
    return [*(percent(row["share_below"][m]) for m in ("1", "2", "4")), percent(row["small_share"])]


def _input_row(row: Mapping[str, Any], own: Sequence[int]) -> dict[str, Any]:
    width, height = row["input"]
    return {
        "name": f"{width} × {height}",
        "own": [width, height] == list(own),
        "cells": [*_shares(row), f"{number(row['relative_cost'], 2)} ×"],
    }


def _plan_row(row: Mapping[str, Any]) -> dict[str, Any]:
    window = row["window"]
    name = row["name"] + (f", {window[0]} × {window[1]} px" if window else "")
    return {
        "name": name,
        "cells": [number(row["inferences"]), *_shares(row), percent(row["cut_share"])],
    }


def _plans_lead(plans: Mapping[str, Any]) -> str:
    frame = plans["frame"]
    if frame:
        what = f"the camera's frame, {frame[0]} × {frame[1]} px, which each image is taken to fill"
    else:
        what = "each image itself, since the profile names no camera; inferences are a mean"
    if len(plans["plans"]) == 1:
        return f"One tile would hold {'the frame' if frame else 'any image'}: nothing to cut."
    return (
        f"Tiles overlap by {percent(plans['overlap'])} and are cut from {what}. Cut are boxes "
        "that no tile holds whole; one more pass, over the whole frame, finds the large ones."
    )


def _memory_rows(memory: Mapping[str, Any]) -> list[tuple[str, str]]:
    inputs, maps = memory["input_bytes"], memory["activation_bytes"]
    rows = [
        (name, f"{byte_text(inputs[name])} input + {byte_text(maps[name])} activations")
        for name in inputs
    ]
    if memory["verdict"] is None:
        rows.append(("Verdict", "none: neither a tier nor a memory is named"))
    else:
        need = byte_text(memory["need"])
        rows.append(("Verdict", f"{need} of {_span_bytes(memory)}: {memory['verdict']}"))
    rows.append(("Formula", memory["formula"]))
    rows.append(("Not counted", "weights, the camera's own frame, the runtime, the application"))
    return rows


# ---- charts --------------------------------------------------------------------


def _charts(part: Mapping[str, Any]) -> list[Chart]:
    out = []
    with drawing():
        for key, title, draw in (
            ("resize_impact", "What another input would show", _overall),
            ("resize_impact_classes", "The same by class, under one stride", _by_class),
            ("tile_plans", "What tiles would show", _plans),
        ):
            figure, caption = draw(part)
            if figure is not None:
                out.append(Chart(key, title, caption, inline(figure, f"{title}. {caption}")))
    return out


def _lines(
    part: Mapping[str, Any], lines: Sequence[tuple[str, Sequence[float], str, bool]]
) -> Figure:
    """Lines of shares over the longer side of the input, with a key above them."""
    figure, axes = _figure(214, bottom=BOTTOM)
    x = np.log2(part["resize_impact"]["sides"])
    axes.set_xlim(x[0], x[-1])
    _grid(axes, 100, "")
    axes.set_yticks([0, 50, 100], ["0", "50", "100 %"])
    own = float(np.log2(max(part["input"])))
    if x[0] <= own <= x[-1]:
        axes.axvline(own, color=COLORS["muted"], linewidth=1, linestyle=(0, (3, 3)), clip_on=False)
    at = 0.0
    for name, shares, color, dashed in lines:
        style: Any = (0, (4, 2)) if dashed else "solid"
        _line(axes, x, [100 * s for s in shares], color=COLORS[color], linewidth=2, linestyle=style)
        key: dict[str, Any] = {"transform": axes.transAxes, "clip_on": False}
        axes.plot([at, at + 0.045], [1.075, 1.075], color=COLORS[color], linewidth=2.4,
                  linestyle=style, **key)  # fmt: skip
        axes.text(at + 0.06, 1.05, name, fontsize=TINY, color=COLORS["ink"], **key)
        at += 0.1 + 0.0185 * len(name)
    axes.tick_params(axis="x", pad=7)
    axes.set_xticks(np.log2(TICKS), [str(t) for t in TICKS])
    _x_title(axes, "longer side of the input, px")
    return figure


def _overall(part: Mapping[str, Any]) -> tuple[Figure | None, str]:
    rows = part["resize_impact"]["inputs"]
    lines = [(name, [r["share_below"][m] for r in rows], color, False) for m, name, color in LINES]
    lines.append(("1 to 3", [r["small_share"] for r in rows], "s3", True))
    first, last = rows[0], rows[-1]
    here = (part["at_input"], "at this input")
    ends = [(row, f"at {max(row['input'])} px") for row in (first, last)]
    # This input is said once, also where it is the smallest or the largest of them.
    places = [here if end[0]["input"] == part["input"] else end for end in ends]
    if here not in places:
        places.insert(1, here)
    told = [f"{percent(row['share_below']['1'])} {where}" for row, where in places]
    caption = f"Under one stride, of all boxes: {', '.join(told)}. Dashed: small and learnable."
    return _lines(part, lines), caption


def _by_class(part: Mapping[str, Any]) -> tuple[Figure | None, str]:
    classes = sorted(part["resize_impact"]["classes"], key=lambda c: -c["boxes"])
    if len(classes) < 2:
        return None, ""
    shown = classes[: len(SERIES)]
    room = 12 if len(shown) < 4 else 8  # letters of a name in the key above the lines
    lines = [
        (visible(c["name"], room), c["share_below"]["1"], color, False)
        for c, color in zip(shown, SERIES, strict=False)
    ]
    at = part["classes"]
    worst = max((c for c in at if c["boxes"]), key=lambda c: c["share_below"]["1"])
    caption = "No class has a box under one stride at this input."
    if worst["below"]["1"]:
        caption = (
            f"At this input {visible(worst['name'], 30)} loses most: "
            f"{percent(worst['share_below']['1'])} of {count(worst['boxes'], 'box', 'boxes')}."
        )
    if len(classes) > len(shown):
        caption += f" {count(len(classes) - len(shown), 'rarer class', 'rarer classes')} not drawn."
    return _lines(part, lines), caption


def _plans(part: Mapping[str, Any]) -> tuple[Figure | None, str]:
    """One bar a plan: the share under one stride, from 1 to 3, and above."""
    plans = part["tile_plans"]["plans"]
    if len(plans) < 2:
        return None, ""
    row, left = 30.0, 86.0
    figure, axes = _figure(TOP + 10 + row * len(plans), left=left, right=34, bottom=10)
    axes.set_xlim(0, 1)
    axes.set_ylim(len(plans) - 0.5, -0.5)
    axes.set_xticks([])
    for at, plan in enumerate(plans):
        lost, small = plan["share_below"]["1"], plan["small_share"]
        parts = ((0.0, lost, "flag"), (lost, small, "s3"), (lost + small, 1 - lost - small, "line"))
        for start, width, color in parts:
            if width > 0:
                _shape(axes, [(start, at - 0.3, width, 0.6)], facecolor=COLORS[color])
        axes.annotate(
            percent(lost), (1, at), (5, 0), textcoords="offset points", fontsize=TINY,
            color=COLORS["ink"], va="center_baseline", annotation_clip=False,
        )  # fmt: skip
    names = [f"{_SHORT[plan['frame_scale']]}, {number(plan['inferences'])} ×" for plan in plans]
    axes.set_yticks(range(len(plans)), names)
    axes.tick_params(axis="y", colors=COLORS["ink"])
    top = 1 + 8 / (row * len(plans))
    for x, text, color in (
        (0.0, "under 1 stride", "flag"),
        (0.45, "1 to 3", "s3"),
        (0.72, "above", "muted"),
    ):
        axes.text(x, top, text, transform=axes.transAxes, fontsize=TINY, color=COLORS[color])
    best = min(plans[1:], key=lambda p: (p["share_below"]["1"], p["inferences"]))
    window = best["window"]
    caption = (
        f"{number(best['inferences'])} inferences a frame, of {window[0]} × {window[1]} px each, "
        f"leave {percent(best['share_below']['1'])} under one stride instead of "
        f"{percent(plans[0]['share_below']['1'])}; {percent(best['cut_share'])} are cut."
    )
    return figure, caption


#: Names of the plans in the chart, by the scale of the frame.
_SHORT = {None: "whole", 1.0: "full", 0.5: "half", 0.25: "quarter"}
