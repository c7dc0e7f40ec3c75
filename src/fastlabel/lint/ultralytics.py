"""Settings of Ultralytics' trainers: ``args.yaml`` of a run, or the ``hyp.yaml`` of old ones.

Keys, their defaults and what they do are facts of that program's documentation; no code or text
of it is here.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

from ..config import ConfigError
from .steps import Pipeline, Step
from .values import number, said, table

__all__ = ["DEFAULTS", "KEYS", "parameters_of", "read"]

#: Augmentation keys: default, least and greatest value.
DEFAULTS: Mapping[str, tuple[float, float, float]] = {
    "hsv_h": (0.015, 0.0, 1.0),
    "hsv_s": (0.7, 0.0, 1.0),
    "hsv_v": (0.4, 0.0, 1.0),
    "degrees": (0.0, -180.0, 180.0),
    "translate": (0.1, 0.0, 1.0),
    "scale": (0.5, 0.0, 1.0),
    "shear": (0.0, -180.0, 180.0),
    "perspective": (0.0, 0.0, 1.0),
    "flipud": (0.0, 0.0, 1.0),
    "fliplr": (0.5, 0.0, 1.0),
    "bgr": (0.0, 0.0, 1.0),
    "mosaic": (1.0, 0.0, 1.0),
    "mixup": (0.0, 0.0, 1.0),
    "cutmix": (0.0, 0.0, 1.0),
    "copy_paste": (0.0, 0.0, 1.0),
}
KEYS = frozenset(DEFAULTS)

#: Keys whose default is a step that some rule judges.
_JUDGED = ("hsv_h", "hsv_v", "scale", "fliplr", "mosaic")

#: Keys of settings that are near to one of those above and no misspelling of it.
_OTHER = frozenset(("copy_paste_mode", "multi_scale", "close_mosaic", "paste_in"))

#: Millions of parameters of the detectors of each generation, by size letter, as published.
_SIZES: Mapping[str, Mapping[str, float]] = {
    "v5": {"n": 1.9, "s": 7.2, "m": 21.2, "l": 46.5, "x": 86.7},
    "v8": {"n": 3.2, "s": 11.2, "m": 25.9, "l": 43.7, "x": 68.2},
    "v9": {"t": 2.0, "s": 7.2, "m": 20.1, "c": 25.5, "e": 58.1},
    "v10": {"n": 2.3, "s": 7.2, "m": 15.4, "b": 19.1, "l": 24.4, "x": 29.5},
    "11": {"n": 2.6, "s": 9.4, "m": 20.1, "l": 25.3, "x": 56.9},
    "12": {"n": 2.6, "s": 9.3, "m": 20.2, "l": 26.4, "x": 59.1},
}
_NAME = re.compile(r"yolo(v5|v8|v9|v10|v?11|v?12)([a-z])u?(-[a-z]+)?(\.(pt|yaml|onnx))?")


def parameters_of(model: str) -> float | None:
    """Parameters of a model by its usual name; None where the name says nothing.

    Examples
    --------
    >>> parameters_of("runs/yolov8n.pt"), parameters_of("best.pt")
    (3200000.0, None)
    """
    name = PurePosixPath(model.replace("\\", "/")).name.lower()
    found = _NAME.fullmatch(name)
    if found is None:
        return None
    generation = found[1] if found[1] in _SIZES else found[1].removeprefix("v")
    millions = _SIZES[generation].get(found[2])
    return None if millions is None else float(round(millions * 1e6))


def read(value: Any, source: str) -> Pipeline:
    """Read the keys of augmentation; all others are a trainer's own affair.

    Raises
    ------
    ConfigError
        If a value is no number in its range, or a key is one of them misspelt.
    """
    settings = table(value, source)
    _check_keys(settings, source)
    out = Pipeline(source, "ultralytics")
    values, absent = {}, []
    for key, (default, low, high) in DEFAULTS.items():
        given = settings.get(key)
        if given is None:
            absent.append(key)
        values[key] = default if given is None else number(given, f"{source}: {key}", low, high)
    used = [key for key in absent if key in _JUDGED]
    if used:
        out.unread.append(
            f"{', '.join(used)}: not in the settings, so judged at the trainer's own default"
        )
    _colours(out, values)
    _moves(out, values)
    _mixes(out, values, settings, source)
    _model(out, settings, source)
    return out


def _check_keys(settings: Mapping[str, Any], source: str) -> None:
    for key in settings:
        near = difflib.get_close_matches(key, KEYS, n=1, cutoff=0.75)
        if near and key not in KEYS and key not in _OTHER:
            raise ConfigError(f"{source}: unknown key {key!r}; did you mean {near[0]!r}?")


def _colours(out: Pipeline, values: Mapping[str, float]) -> None:
    """The three of HSV: each picture draws from -1 to 1 times the value."""
    hue, value = values["hsv_h"], values["hsv_v"]
    if hue:
        out.add(Step("hue", 1.0, "hsv_h", said("hsv_h", hue), -360 * hue, 360 * hue))
    if values["hsv_s"] > 0.8:
        out.add(Step("recolour", 1.0, "hsv_s", said("hsv_s", values["hsv_s"])))
    if value:
        out.add(Step("gain", 1.0, "hsv_v", said("hsv_v", value), 1 - value, 1 + value))
    out.add(Step("recolour", values["bgr"], "bgr", said("bgr", values["bgr"])))


def _moves(out: Pipeline, values: Mapping[str, float]) -> None:
    turn, shear, scale = abs(values["degrees"]), abs(values["shear"]), values["scale"]
    if turn:
        out.add(Step("rotate", 1.0, "degrees", said("degrees", values["degrees"]), -turn, turn))
    if shear:
        out.add(Step("shear", 1.0, "shear", said("shear", values["shear"]), -shear, shear))
    if scale:
        out.add(Step("scale", 1.0, "scale", said("scale", scale), 1 - scale, 1 + scale))
    out.add(Step("upside-down", values["flipud"], "flipud", said("flipud", values["flipud"])))
    out.add(Step("mirror", values["fliplr"], "fliplr", said("fliplr", values["fliplr"])))
    if values["perspective"]:
        out.unread.append("perspective: what it does to boxes is not judged")


def _mixes(
    out: Pipeline, values: Mapping[str, float], settings: Mapping[str, Any], source: str
) -> None:
    close = settings.get("close_mosaic")
    epochs = settings.get("epochs")
    tail = ""
    if close is not None and number(close, f"{source}: close_mosaic", 0):
        of = f" of {epochs}" if isinstance(epochs, int) and not isinstance(epochs, bool) else ""
        tail = f" (off in the last {close:g}{of} epochs)" if not isinstance(close, str) else ""
    for key in ("mosaic", "mixup", "cutmix"):
        text = said(key, values[key]) + (tail if key == "mosaic" else "")
        out.add(Step(key, values[key], key, text))
    many = settings.get("multi_scale")
    if many is True:
        out.add(Step("scale", 1.0, "multi_scale", "multi_scale = true", 0.5, 1.5))
    elif many not in (None, False):
        most = number(many, f"{source}: multi_scale", 0.0, 1.0)
        if most:
            text = said("multi_scale", most)
            out.add(Step("scale", 1.0, "multi_scale", text, 1 - most, 1 + most))


def _model(out: Pipeline, settings: Mapping[str, Any], source: str) -> None:
    model = settings.get("model")
    if isinstance(model, str) and model:
        out.model = model
        out.parameters = parameters_of(model)
    size = settings.get("imgsz")
    if isinstance(size, list) and size:  # height and width; boxes shrink by the longer side
        size = max(number(side, f"{source}: imgsz", 1, 65_535) for side in size)
    if size is not None:
        out.input_size = int(number(size, f"{source}: imgsz", 1, 65_535))
