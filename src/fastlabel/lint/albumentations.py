"""Pipelines that Albumentations saved, as JSON or YAML (``A.save``), of versions 1 and 2.

The names of transforms and settings are facts of that library's documentation; it is not needed
here, and no code of it is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..config import ConfigError
from .stage import Reader, Stage, blur_of_box, span
from .steps import Pipeline, Step
from .values import shown, table

__all__ = ["read"]

#: Lists of transforms, of which all, some or one are done.
_LISTS = frozenset(
    ("Compose", "Sequential", "OneOf", "SomeOf", "OneOrOther", "RandomOrder", "ReplayCompose")
)

#: Transforms that move no colour, no side and no edge in a way that is judged here.
_HARMLESS = frozenset(
    (
        *("NoOp", "Normalize", "ToFloat", "FromFloat", "ToTensorV2", "ToTensor3D", "ToRGB"),
        *("Resize", "LongestMaxSize", "SmallestMaxSize", "Pad", "PadIfNeeded", "CropAndPad"),
        *("Crop", "CenterCrop", "RandomCrop", "CropNonEmptyMaskIfExists", "RandomCropNearBBox"),
        *("RandomCropFromBorders", "BBoxSafeRandomCrop", "AtLeastOneBBoxRandomCrop"),
        *("CoarseDropout", "Cutout", "Erasing", "GridDropout", "XYMasking", "MaskDropout"),
        *("ConstrainedCoarseDropout", "PixelDropout", "ImageCompression", "JpegCompression"),
        *("Sharpen", "UnsharpMask", "CLAHE", "SaltAndPepper", "RandomSizedBBoxSafeCrop"),
        *("RandomSizedCrop", "Downscale"),
    )
)


def read(value: Any, source: str) -> Pipeline:
    """Read a saved pipeline.

    Raises
    ------
    ConfigError
        If it is none, or a setting of a known transform is of a wrong kind.
    """
    top = table(value, source)
    place = "transform" if "transform" in top else ""
    out = Pipeline(source, "albumentations")
    _read(out, top["transform"] if place else top, place or "pipeline", 1.0)
    return out


def _read(out: Pipeline, value: Any, place: str, share: float) -> None:
    """Read a transform, or a list of them, that is done to a share of the pictures."""
    stage = _stage(out, value, place, share)
    if stage.name in _LISTS or "transforms" in stage.values:
        _read_list(out, stage)
    elif stage.name in _READERS:
        for step in _READERS[stage.name](stage):
            out.add(step)
    elif stage.name not in _HARMLESS and stage.p > 0:
        out.unread.append(f"{place}: {stage.name}: no rule judges what it does")


def _stage(out: Pipeline, value: Any, place: str, share: float) -> Stage:
    values = table(value, f"{out.source}: {place}")
    full = values.get("__class_fullname__")
    if not isinstance(full, str) or not full:
        raise ConfigError(
            f"{out.source}: {place}: __class_fullname__: got {shown(full)}, expected the name of "
            "a transform: save the pipeline with albumentations.save"
        )
    name = full.rpartition(".")[2]
    whole = 1.0 if name in ("Compose", "Sequential", "ReplayCompose") else 0.5
    stage = Stage(name, place, values, 1.0, out.source)
    p = 1.0 if values.get("always_apply") is True else stage.chance("p", whole)
    return Stage(name, place, values, share * p, out.source)


def _read_list(out: Pipeline, stage: Stage) -> None:
    entries = stage.values.get("transforms")
    if not isinstance(entries, Sequence) or isinstance(entries, str):
        raise ConfigError(f"{stage.where('transforms')}: got {shown(entries)}, expected a list")
    places = [f"{stage.place}.transforms[{i}]" for i in range(len(entries))]
    own = [_stage(out, e, at, 1.0).p for e, at in zip(entries, places, strict=True)]
    for entry, at, factor in zip(entries, places, _factors(stage, own), strict=True):
        _read(out, entry, at, factor)


def _factors(stage: Stage, own: Sequence[float]) -> list[float]:
    """By what the share of each entry of a list is multiplied."""
    if stage.name == "OneOf":  # one of them, weighed by their shares
        return [stage.p / sum(own) if any(own) else 0.0] * len(own)
    if stage.name == "OneOrOther" and len(own) == 2:
        chances = (stage.p, 1.0 - stage.p)
        return [c / p if p else 0.0 for c, p in zip(chances, own, strict=True)]
    given = stage.values.get("n")
    if stage.name in ("SomeOf", "RandomOrder") and given is not None and own:
        return [stage.p * min(1.0, stage.pair("n", given, 0)[1] / len(own))] * len(own)
    return [stage.p] * len(own)


# ---- transforms ----------------------------------------------------------------


def _boxes(stage: Stage) -> str:
    """How boxes follow a turn: ``rotate_method`` is the library's own word for it."""
    return "shape" if stage.values.get("rotate_method") == "ellipse" else "corners"


def _rotate(stage: Stage) -> list[Step]:
    turn = stage.pair("limit", 90.0, -360, 360)
    return [stage.step("rotate", turn, "limit", 90.0, _boxes(stage))]


def _shift_scale_rotate(stage: Stage) -> list[Step]:
    turn = stage.pair("rotate_limit", 45.0, -360, 360)
    low, high = stage.pair("scale_limit", 0.1, -1)
    return [
        stage.step("rotate", turn, "rotate_limit", 45.0, _boxes(stage)),
        stage.step("scale", (1 + low, 1 + high), "scale_limit", 0.1),
    ]


def _affine(stage: Stage) -> list[Step]:
    out = []
    turn = stage.pair("rotate", 0.0, -360, 360, about=0.0)
    if stage.values.get("rotate") is not None:
        value = stage.values["rotate"]
        if isinstance(value, int | float) and not isinstance(value, bool):
            turn = (float(value), float(value))  # one number is that angle, always
        if any(turn):
            out.append(stage.step("rotate", turn, "rotate", 0.0, _boxes(stage)))
    factors = _axes(stage, "scale", 1.0, 0.0)
    if factors != (1.0, 1.0):
        out.append(stage.step("scale", factors, "scale"))
    lean = _axes(stage, "shear", 0.0, -180.0)
    if any(lean):
        out.append(stage.step("shear", lean, "shear", boxes=_boxes(stage)))
    return out


def _axes(stage: Stage, key: str, neutral: float, low: float) -> tuple[float, float]:
    """A range that may be one number, or one for each axis: the widest of them."""
    value = stage.values.get(key)
    if value is None:
        return neutral, neutral
    by_axis = table(value, stage.where(key)) if isinstance(value, Mapping) else {"": value}
    ends: list[float] = []
    for axis, given in by_axis.items():
        inner = Stage(stage.name, f"{stage.place}.{key}", {axis: given}, stage.p, stage.source)
        if isinstance(given, int | float) and not isinstance(given, bool):
            ends += [inner.number(axis, neutral, low)] * 2
        elif given is not None:
            ends += inner.pair(axis, neutral, low)
    return (min(ends), max(ends)) if ends else (neutral, neutral)


def _hue_saturation(stage: Stage) -> list[Step]:
    # OpenCV's hue of a byte goes from 0 to 180 once round the circle.
    low, high = stage.pair("hue_shift_limit", 20.0, -360, 360)
    first, last = stage.pair("val_shift_limit", 20.0, -255, 255)
    steps = [
        stage.step("hue", (2 * low, 2 * high), "hue_shift_limit", 20.0),
        stage.step("shift", (first, last), "val_shift_limit", 20.0),
    ]
    if stage.pair("sat_shift_limit", 30.0, -255, 255)[0] <= -200:
        steps.append(stage.step("recolour", key="sat_shift_limit", default=30.0))
    return steps


def _jitter(stage: Stage) -> list[Step]:
    """ColorJitter: factors about 1, and the hue in turns of the circle."""
    light = stage.pair("brightness", 0.2, 0, about=1.0)
    contrast = stage.pair("contrast", 0.2, 0, about=1.0)
    colour = stage.pair("saturation", 0.2, 0, about=1.0)
    low, high = stage.pair("hue", 0.5, -0.5, 0.5)
    steps = [
        stage.step("gain", (max(light[0], 0.0), light[1]), "brightness", 0.2),
        stage.step("contrast", (max(contrast[0], 0.0), contrast[1]), "contrast", 0.2),
        stage.step("hue", (360 * low, 360 * high), "hue", 0.5),
    ]
    if colour[0] < 0.2:
        steps.append(stage.step("recolour", key="saturation", default=0.2))
    return steps


def _brightness_contrast(stage: Stage) -> list[Step]:
    low, high = stage.pair("brightness_limit", 0.2, -1)
    first, last = stage.pair("contrast_limit", 0.2, -1)
    return [
        stage.step("shift", (255 * low, 255 * high), "brightness_limit", 0.2),
        stage.step("contrast", (1 + first, 1 + last), "contrast_limit", 0.2),
    ]


def _channel_shift(stage: Stage) -> list[Step]:
    keys = ("r_shift_limit", "g_shift_limit", "b_shift_limit")
    widest = max(keys, key=lambda key: max(map(abs, stage.pair(key, 20.0, -255, 255))))
    most = max(map(abs, stage.pair(widest, 20.0, -255, 255)))
    # One channel moved by v of 255 at full saturation: 60 degrees for a whole channel.
    return [stage.step("hue", (-60 * most / 255, 60 * most / 255), widest, 20.0)]


def _iso_noise(stage: Stage) -> list[Step]:
    low, high = stage.pair("color_shift", (0.01, 0.05), 0, 1)
    return [stage.step("hue", (-360 * high, 360 * high), "color_shift", (low, high))]


def _gauss_noise(stage: Stage) -> list[Step]:
    if stage.values.get("var_limit") is not None:  # of version 1: a variance in grey levels
        low, high = stage.pair("var_limit", (10.0, 50.0), 0)
        return [stage.step("noise", (low**0.5, high**0.5), "var_limit")]
    low, high = stage.pair("std_range", (0.2, 0.44), 0, 1)
    return [stage.step("noise", (255 * low, 255 * high), "std_range", (0.2, 0.44))]


def _gaussian_blur(stage: Stage) -> list[Step]:
    if stage.values.get("sigma_limit") is None and stage.values.get("blur_limit") is not None:
        return _kernel_blur(stage)
    return [stage.step("blur", stage.pair("sigma_limit", (0.5, 3.0), 0), "sigma_limit", (0.5, 3.0))]


def _kernel_blur(stage: Stage) -> list[Step]:
    key, value = stage.any_of("blur_limit", (3, 7))
    one = isinstance(value, int | float) and not isinstance(value, bool)
    low, high = (3.0, stage.number(key, 7, 0)) if one else stage.pair(key, (3, 7), 0)
    return [stage.step("blur", (blur_of_box(low), blur_of_box(high)), key, (3, 7))]


def _motion_blur(stage: Stage) -> list[Step]:
    key, value = stage.any_of("blur_limit", (3, 7))
    one = isinstance(value, int | float) and not isinstance(value, bool)
    low, high = (3.0, stage.number(key, 7, 0)) if one else stage.pair(key, (3, 7), 0)
    return [stage.step("motion", (low, high), key, (3, 7))]


def _defocus(stage: Stage) -> list[Step]:
    low, high = stage.pair("radius", (3, 10), 0)
    # A disc of radius r spreads by r / 2 along each axis.
    return [stage.step("blur", (low / 2, high / 2), "radius", (3, 10))]


def _resized_crop(stage: Stage) -> list[Step]:
    least = max(stage.pair("scale", (0.08, 1.0), 0)[0], 1e-6)
    return [stage.step("scale", (1.0, least**-0.5), "scale", (0.08, 1.0))]


def _plain(*kinds: str) -> Reader:
    return lambda stage: [stage.step(kind) for kind in kinds]


_READERS: Mapping[str, Reader] = {
    "HorizontalFlip": _plain("mirror"),
    "VerticalFlip": _plain("upside-down"),
    "Flip": _plain("mirror", "upside-down"),
    "Transpose": _plain("mirror", "quarter"),
    "RandomRotate90": _plain("quarter"),
    "D4": _plain("mirror", "quarter"),
    "SquareSymmetry": _plain("mirror", "quarter"),
    "Rotate": _rotate,
    "SafeRotate": _rotate,
    "ShiftScaleRotate": _shift_scale_rotate,
    "Affine": _affine,
    "RandomScale": span("scale", "scale_limit", 0.1, -1, plus=1.0),
    "RandomResizedCrop": _resized_crop,
    "Mosaic": _plain("mosaic"),
    "MixUp": _plain("mixup"),
    "CutMix": _plain("cutmix"),
    "HueSaturationValue": _hue_saturation,
    "ColorJitter": _jitter,
    "RGBShift": _channel_shift,
    "ISONoise": _iso_noise,
    "ToGray": _plain("recolour"),
    "ToSepia": _plain("recolour"),
    "ChannelShuffle": _plain("recolour"),
    "ChannelDropout": _plain("recolour"),
    "InvertImg": _plain("recolour"),
    "Solarize": _plain("recolour"),
    "RandomBrightnessContrast": _brightness_contrast,
    "RandomBrightness": span("shift", "limit", 0.2, -1, times=255.0),
    "RandomContrast": span("contrast", "limit", 0.2, -1, plus=1.0),
    "RandomGamma": span("gamma", "gamma_limit", (80, 120), 1, times=0.01),
    "MultiplicativeNoise": span("gain", "multiplier", (0.9, 1.1), 0),
    "GaussNoise": _gauss_noise,
    "GaussianBlur": _gaussian_blur,
    "AdvancedBlur": span("blur", "sigma_x_limit|sigmaX_limit", (0.2, 1.0), 0),
    "Blur": _kernel_blur,
    "MedianBlur": _kernel_blur,
    "MotionBlur": _motion_blur,
    "Defocus": _defocus,
}
