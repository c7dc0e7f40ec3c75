"""The operations of recipes as cards of a page: what a slider spans, and where it begins."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from ..augment.registry import Operation, Parameter, operations

__all__ = ["card", "palette", "slider"]

#: What most people look for first; the others follow in the order of the documentation.
FIRST = (
    "fog", "rain", "night", "gamma", "contrast", "motion_blur", "salt_pepper", "fisheye", "rotate",
    "flip",
)  # fmt: skip
_TITLES = {
    "jpeg": "JPEG",
    "salt_pepper": "Salt and pepper",
    "scale_crop": "Scale and crop",
    "paste": "Copy-paste",
    "place": "Object",
}
_GROUPS = {
    "weather": ("fog", "rain", "night", "infrared", "morning", "evening"),
    "light": ("gamma", "brightness", "contrast"),
    "lens": ("motion_blur", "gaussian_blur", "defocus", "fisheye"),
    "sensor": ("salt_pepper", "sensor_noise", "jpeg"),
    "geometry": ("rotate", "flip", "scale_crop", "tile"),
    "objects": ("cutout", "paste", "place"),
}
#: Rows of a card that show without asking for more.
SHOWN = 2
#: Switches and words that few people touch.
_RARE = frozenset(("min_visible", "border", "max_hidden", "least_side"))


def palette() -> list[dict[str, Any]]:
    """All operations, as plain values for the page.

    Examples
    --------
    >>> [card["op"] for card in palette()][:3]
    ['fog', 'rain', 'night']
    """
    known = {operation.name: operation for operation in operations()}
    names = [*FIRST, *(name for name in known if name not in FIRST)]
    return [card(known[name]) for name in names]


def card(operation: Operation) -> dict[str, Any]:
    """One operation as the page shows it."""
    name = operation.name
    group = next((group for group, ops in _GROUPS.items() if name in ops), "other")
    return {
        "op": name,
        "title": _TITLES.get(name, name.replace("_", " ").capitalize()),
        "group": group,
        "kind": operation.kind,
        "about": operation.about,
        "params": [
            _parameter(p, k >= (3 if name == "place" else SHOWN))
            for k, p in enumerate(operation.parameters)
        ],
    }


def _parameter(p: Parameter, more: bool) -> dict[str, Any]:
    row: dict[str, Any] = {
        "name": p.name,
        "title": p.name.replace("_", " ").capitalize(),
        "about": p.about,
        "unit": p.unit,
        "more": more or p.name in _RARE,
        "default": list(p.default) if isinstance(p.default, tuple) else p.default,
    }
    if p.choices:
        return {**row, "kind": "choice", "choices": list(p.choices), "start": p.default}
    if isinstance(p.default, bool):
        return {**row, "kind": "switch", "start": p.default}
    if isinstance(p.default, str) or p.limits[1] > 1 << 32:  # a name, or a number that is one
        return {**row, "kind": "text", "start": p.default, "more": True}
    low, high, step = slider(p)
    if p.whole and p.default == 0:  # 0: as it was; nothing to slide
        row["more"] = True
    start = p.default
    if isinstance(start, tuple):
        start = (start[0] + start[1]) / 2
        # In the middle of a span that goes both ways nothing happens: none turned, all times one.
        if abs(start) < 1e-9 or (not p.unit and p.default[0] < 1 < p.default[1]):
            start = (start + 2 * p.default[1]) / 3 if start > 0 else p.default[1] / 2
        start = _on(start, step)
    return {
        **row,
        "kind": "whole" if p.whole else "number",
        "limits": [p.limits[0], p.limits[1] if math.isfinite(p.limits[1]) else None],
        "slider": [low, high],
        "step": step,
        "start": int(start) if p.whole else start,
        "restrained": None if p.restrained is None else list(p.restrained),
    }


def slider(p: Parameter) -> tuple[float, float, float]:
    """Lower end, upper end and step of a parameter's slider.

    It spans what looks like a camera's picture and half as much again, so that a move of the hand
    is a change for the eye; a number that is typed may be anything the parameter can be.

    Examples
    --------
    >>> from fastlabel.augment.registry import find
    >>> slider(find("fog").parameters[0])
    (0.0, 2.4, 0.02)
    """
    least, most = p.limits
    usual = p.default if isinstance(p.default, tuple) else (p.default, p.default)
    low, high = usual if p.restrained is None else p.restrained
    low, high = min(low, *usual), max(high, *usual)
    wide = (high - low) or max(abs(high), 1.0)
    if p.restrained is None and p.unit == "degrees" and wide >= 180:
        pass  # all directions there are
    elif p.restrained is None and math.isfinite(most) and most - least <= 20 * wide:
        low, high = least, most
    else:
        low, high = low - 0.5 * wide, high + 0.5 * wide
    step = _step((high - low) / 120)
    if p.whole:
        step = max(1.0, round(step))
    low, high = _on(low, step, math.floor), _on(high, step, math.ceil)
    return max(low, float(least)), min(high, float(most)), step


def _step(width: float) -> float:
    """The nearest of 1, 2 and 5 times a power of ten."""
    power = 10.0 ** math.floor(math.log10(max(width, 1e-9)))
    best = min((1, 2, 5, 10), key=lambda times: abs(times * power - width))
    return float(f"{best * power:.6g}")


def _on(value: float, step: float, way: Callable[[float], int] = round) -> float:
    return float(f"{way(float(f'{value / step:.9g}')) * step:.6g}")
