"""Lists of torchvision's transforms (``v2``), as text or as plain values.

torchvision saves no pipeline of its own, so three ways of writing one down are read: what
``repr`` prints of a ``v2.Compose``; a list as it stands in code, ``[v2.RandomHorizontalFlip(0.5),
...]``; and a YAML or JSON list, whose entries are names (``RandomGrayscale``), ``{RandomRotation:
{degrees: 30}}``, or tables with the name under ``type``, ``name`` or ``_target_``. Nothing of it
is run.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..config import ConfigError
from .stage import Reader, Stage, span
from .steps import Pipeline, Step
from .values import shown, table

__all__ = ["read"]

#: Transforms that move no colour, no side and no edge in a way that is judged here.
_HARMLESS = frozenset(
    (
        *(
            "Identity",
            "ToTensor",
            "ToImage",
            "ToPureTensor",
            "ToDtype",
            "PILToTensor",
            "ToPILImage",
        ),
        *(
            "ConvertImageDtype",
            "Normalize",
            "Resize",
            "CenterCrop",
            "RandomCrop",
            "Pad",
            "FiveCrop",
        ),
        *(
            "TenCrop",
            "RandomErasing",
            "ClampBoundingBoxes",
            "ClampKeyPoints",
            "SanitizeBoundingBoxes",
        ),
        *("SanitizeKeyPoints", "ConvertBoundingBoxFormat", "SetClampingMode", "JPEG"),
        *("RandomShortestSize", "RandomResize", "LinearTransformation", "RandomIoUCrop"),
        *("RandomAdjustSharpness", "UniformTemporalSubsample", "ConvertImageToTensor"),
    )
)
_LISTS = frozenset(("Compose", "Sequential", "RandomApply", "RandomChoice", "RandomOrder"))

#: First settings of transforms, which code gives without their names.
_POSITIONS: Mapping[str, tuple[str, ...]] = {
    "ColorJitter": ("brightness", "contrast", "saturation", "hue"),
    "RandomRotation": ("degrees",),
    "RandomAffine": ("degrees", "translate", "scale", "shear"),
    "GaussianBlur": ("kernel_size", "sigma"),
    "GaussianNoise": ("mean", "sigma"),
    "RandomResizedCrop": ("size", "scale", "ratio"),
    "RandomZoomOut": ("fill", "side_range", "p"),
    "RandomApply": ("transforms", "p"),
    "RandomChoice": ("transforms", "p"),
    "RandomOrder": ("transforms",),
    "Compose": ("transforms",),
    "RandomPhotometricDistort": ("brightness", "contrast", "saturation", "hue", "p"),
    "ScaleJitter": ("target_size", "scale_range"),
    "RandomSolarize": ("threshold", "p"),
    "RandomPosterize": ("bits", "p"),
    **dict.fromkeys(
        (
            *("RandomHorizontalFlip", "RandomVerticalFlip", "RandomGrayscale", "RandomInvert"),
            *("RandomEqualize", "RandomAutocontrast"),
        ),
        ("p",),
    ),
}


def read(value: Any, source: str) -> Pipeline:
    """Read a list of transforms.

    Raises
    ------
    ConfigError
        If it cannot be understood, or a setting of a known transform is of a wrong kind.
    """
    out = Pipeline(source, "torchvision")
    if isinstance(value, str):
        value = _parsed(value, source)
    elif isinstance(value, Mapping) and set(value) == {"transforms"}:
        value = value["transforms"]
    entries = value if isinstance(value, list | tuple) else [value]
    if not entries:
        raise ConfigError(f"{source}: nothing in it: no augmentation settings")
    for i, entry in enumerate(entries):
        _read(out, _call(entry, f"{source}: [{i}]"), f"[{i}]", 1.0)
    return out


# ---- as plain values -----------------------------------------------------------


@dataclass
class _Call:
    """A transform as it is written: a name, settings in order, settings by name."""

    name: str
    given: list[Any] = field(default_factory=list)
    named: dict[str, Any] = field(default_factory=dict)


def _call(entry: Any, place: str) -> _Call:
    if isinstance(entry, _Call):
        return entry
    if isinstance(entry, str):
        parsed = _parsed(entry, place)
        if isinstance(parsed, _Call):
            return parsed
        if isinstance(parsed, _Word):
            return _Call(parsed.text)
    if isinstance(entry, Mapping):
        values = dict(table(entry, place))
        for key in ("type", "name", "_target_"):
            if isinstance(values.get(key), str):
                return _Call(values.pop(key), [], values)
        if len(values) == 1:
            name, settings = next(iter(values.items()))
            if settings is None or isinstance(settings, Mapping):
                return _Call(name, [], dict(table(settings or {}, f"{place}.{name}")))
            listed = settings if isinstance(settings, list) else [settings]
            return _Call(name, [settings] if name in _LISTS else listed)
    raise ConfigError(
        f"{place}: got {shown(entry)}, expected the name of a transform, or a table such as "
        "{RandomRotation: {degrees: 10}}"
    )


def _read(out: Pipeline, call: _Call, place: str, share: float) -> None:
    name = call.name.rpartition(".")[2]
    here = f"{place} {name}"
    values = dict(zip(_POSITIONS.get(name, ()), call.given, strict=False)) | call.named
    if name in _LISTS and not isinstance(values.get("transforms"), list):
        values = {**call.named, "transforms": call.given}  # as repr prints them, one by one
    stage = Stage(name, here, values, share, out.source)
    if name in _LISTS:
        _read_list(out, stage, place)
    elif name in _READERS:
        p = stage.chance("p", _CHANCES.get(name, 1.0))
        for step in _READERS[name](Stage(name, here, values, share * p, out.source)):
            out.add(step)
    elif name not in _HARMLESS:
        out.unread.append(f"{here}: no rule judges what it does")


def _read_list(out: Pipeline, stage: Stage, place: str) -> None:
    entries = stage.values["transforms"]
    if not isinstance(entries, Sequence) or isinstance(entries, str):
        raise ConfigError(f"{stage.where('transforms')}: got {shown(entries)}, expected a list")
    shares = [1.0] * len(entries)
    if stage.name == "RandomApply":
        if stage.values.get("p") is None:
            out.unread.append(f"{stage.place}: p is not written down, so taken to be 0.5")
        shares = [stage.chance("p", 0.5)] * len(entries)
    elif stage.name == "RandomChoice" and entries:
        shares = _choice(stage, len(entries))
    for i, entry in enumerate(entries):
        here = f"{place}[{i}]"
        _read(out, _call(entry, f"{out.source}: {here}"), here, stage.p * shares[i])


def _choice(stage: Stage, entries: int) -> list[float]:
    weights = stage.values.get("p")
    if weights is None:
        return [1.0 / entries] * entries
    if not isinstance(weights, list | tuple) or len(weights) != entries:
        raise ConfigError(
            f"{stage.where('p')}: got {shown(weights)}, expected {entries} weights, one for each"
        )
    own = [Stage("", stage.place, {"p": w}, 1.0, stage.source).number("p", 0, 0) for w in weights]
    total = sum(own)
    if not total:
        raise ConfigError(f"{stage.where('p')}: got {shown(weights)}, expected a weight over 0")
    return [w / total for w in own]


# ---- transforms ----------------------------------------------------------------


def _turn(stage: Stage) -> list[Step]:
    return [stage.step("rotate", stage.pair("degrees", 0.0, -360, 360), "degrees", 0.0)]


def _affine(stage: Stage) -> list[Step]:
    steps = _turn(stage) if any(stage.pair("degrees", 0.0, -360, 360)) else []
    if stage.values.get("scale") is not None:
        steps.append(stage.step("scale", stage.pair("scale", (1, 1), 0), "scale"))
    lean = stage.values.get("shear")
    if isinstance(lean, list | tuple) and len(lean) == 4:  # along x, then along y
        ends = [
            Stage(stage.name, stage.place, {"shear": v}, 1.0, stage.source).number("shear", 0)
            for v in lean
        ]
        steps.append(stage.step("shear", (min(ends), max(ends)), "shear"))
    elif lean is not None:
        steps.append(stage.step("shear", stage.pair("shear", 0.0, -180, 180), "shear"))
    return steps


def _jitter(stage: Stage) -> list[Step]:
    """Read factors about 1, and the hue in turns of the circle; what is not given is not done."""
    steps = []
    for key, kind in (("brightness", "gain"), ("contrast", "contrast")):
        if stage.values.get(key) is not None:
            low, high = stage.pair(key, 0.0, 0, about=1.0)
            steps.append(stage.step(kind, (max(low, 0.0), high), key))
    if stage.values.get("hue") is not None:
        low, high = stage.pair("hue", 0.0, -0.5, 0.5)
        steps.append(stage.step("hue", (360 * low, 360 * high), "hue"))
    colour = stage.pair("saturation", 0.0, 0, about=1.0)
    if colour[0] < 0.2:
        steps.append(stage.step("recolour", key="saturation"))
    return steps


def _distort(stage: Stage) -> list[Step]:
    """Read what RandomPhotometricDistort has by itself; it exchanges channels too."""
    usual = {"brightness": (0.875, 1.125), "contrast": (0.5, 1.5), "hue": (-0.05, 0.05)}
    whole = Stage(stage.name, stage.place, {**usual, **stage.values}, stage.p, stage.source)
    return [*_jitter(whole), stage.step("recolour")]


def _zoom_out(stage: Stage) -> list[Step]:
    low, high = stage.pair("side_range", (1.0, 4.0), 1)
    return [stage.step("scale", (1 / high, 1 / low), "side_range", (1.0, 4.0))]


def _resized_crop(stage: Stage) -> list[Step]:
    least = max(stage.pair("scale", (0.08, 1.0), 0)[0], 1e-6)
    return [stage.step("scale", (1.0, least**-0.5), "scale", (0.08, 1.0))]


def _blur(stage: Stage) -> list[Step]:
    value = stage.values.get("sigma")
    if isinstance(value, int | float) and not isinstance(value, bool):
        size = stage.number("sigma", 1.0, 0)
        return [stage.step("blur", (size, size), "sigma")]
    return [stage.step("blur", stage.pair("sigma", (0.1, 2.0), 0), "sigma", (0.1, 2.0))]


def _noise(stage: Stage) -> list[Step]:
    size = 255 * stage.number("sigma", 0.1, 0)
    return [stage.step("noise", (size, size), "sigma", 0.1)]


def _plain(*kinds: str) -> Reader:
    return lambda stage: [stage.step(kind) for kind in kinds]


#: Share of the pictures where nothing is said; 1 for all others.
_CHANCES = {
    "RandomGrayscale": 0.1,
    **dict.fromkeys(
        (
            *("RandomHorizontalFlip", "RandomVerticalFlip", "RandomInvert", "RandomSolarize"),
            *("RandomPhotometricDistort", "RandomZoomOut"),
        ),
        0.5,
    ),
}

_READERS: Mapping[str, Reader] = {
    "RandomHorizontalFlip": _plain("mirror"),
    "RandomVerticalFlip": _plain("upside-down"),
    "RandomRotation": _turn,
    "RandomAffine": _affine,
    "ColorJitter": _jitter,
    "RandomPhotometricDistort": _distort,
    "RandomGrayscale": _plain("recolour"),
    "Grayscale": _plain("recolour"),
    "RGB": lambda stage: [],
    "RandomInvert": _plain("recolour"),
    "RandomSolarize": _plain("recolour"),
    "RandomChannelPermutation": _plain("recolour"),
    "GaussianBlur": _blur,
    "GaussianNoise": _noise,
    "MixUp": _plain("mixup"),
    "CutMix": _plain("cutmix"),
    "RandomZoomOut": _zoom_out,
    "RandomResizedCrop": _resized_crop,
    "ScaleJitter": span("scale", "scale_range", (0.1, 2.0), 0),
}


# ---- as text -------------------------------------------------------------------


@dataclass(frozen=True)
class _Word:
    """A bare word: a setting that is named and not given, such as ``nearest``."""

    text: str


_TOKEN = re.compile(
    r"""\s*(?:
        (?P<number>[-+]?(?:\d+\.?\d*(?:[eE][-+]?\d+)?|\.\d+(?:[eE][-+]?\d+)?|inf\b|nan\b))
      | (?P<word>[A-Za-z_][\w.]*)
      | (?P<text>'[^'\n]*'|"[^"\n]*")
      | (?P<object><[^<>\n]*>)
      | (?P<mark>[()\[\]{}=,:])
    )""",
    re.VERBOSE,
)
_COMMENT = re.compile(r"#[^\n]*")
_CLOSING = {"(": ")", "[": "]", "{": "}"}
_WORDS = {"True": True, "False": False, "None": None, "true": True, "false": False, "null": None}


def _parsed(text: str, source: str) -> Any:
    """What ``repr`` printed, or a list as it stands in code, as calls and plain values."""
    parser = _Parser(text, source)
    value = parser.value(0)
    parser.end()
    return value


class _Parser:
    """Calls, lists, numbers and words; commas between entries may be left out, as repr does."""

    def __init__(self, text: str, source: str) -> None:
        self.source, self.at = source, 0
        self.tokens: list[tuple[str, str, int]] = []
        text = _COMMENT.sub("", text)
        place, end = 0, len(text.rstrip())
        while place < end:
            found = _TOKEN.match(text, place)
            if found is None:
                line = text.count("\n", 0, place) + 1
                raise self._wrong(line, text[place : place + 20].strip())
            kind = found.lastgroup or ""
            line = text.count("\n", 0, found.start(kind)) + 1
            self.tokens.append((kind, found[kind], line))
            place = found.end()
        if not self.tokens:
            raise ConfigError(f"{source}: nothing in it: no augmentation settings")

    def _wrong(self, line: int, what: str) -> ConfigError:
        return ConfigError(
            f"{self.source}:{line}: got {shown(what)}, expected a list of torchvision transforms, "
            "as code has it or as repr prints it"
        )

    def _peek(self, ahead: int = 0) -> str:
        at = self.at + ahead
        return self.tokens[at][1] if at < len(self.tokens) else ""

    def value(self, depth: int) -> Any:
        """The next value."""
        if depth > 60:
            raise ConfigError(f"{self.source}: settings nested too deep")
        if self.at >= len(self.tokens):
            raise self._wrong(self.tokens[-1][2], "the end")
        kind, text, line = self.tokens[self.at]
        self.at += 1
        if kind == "number":
            return float(text) if re.search(r"[.eEn]", text) else int(text[:30])
        if kind == "text":
            return text[1:-1]
        if kind == "object":
            return _Word(text)
        if kind == "word":
            if self._peek() == "(":
                self.at += 1
                call = _Call(text)
                self._entries(")", depth, call.given, call.named)
                return call
            return _WORDS[text] if text in _WORDS else _Word(text)
        if text in "([{":
            out: list[Any] = []
            named: dict[str, Any] = {}
            self._entries(_CLOSING[text], depth, out, named)
            return named if named else out
        raise self._wrong(line, text)

    def _entries(self, closing: str, depth: int, out: list[Any], named: dict[str, Any]) -> None:
        """Entries up to a closing bracket, of which some may have a name."""
        while self._peek() != closing:
            if self._peek() == ",":
                self.at += 1
                continue
            if self._peek(1) in ("=", ":") and self.tokens[self.at][0] in ("word", "text"):
                key = self.tokens[self.at][1].strip("'\"")
                self.at += 2
                named[key] = self.value(depth + 1)
            else:
                out.append(self.value(depth + 1))
        self.at += 1

    def end(self) -> None:
        """Nothing but the one value."""
        if self.at < len(self.tokens):
            _, text, line = self.tokens[self.at]
            raise self._wrong(line, text)
