"""What augmentation does to a picture, in words that every library's settings can be put into."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

__all__ = ["KINDS", "Pipeline", "Step"]

#: Kind of step -> what it does, and the unit of its strength ("" where it has none).
KINDS = {
    "rotate": ("turns the picture", "degrees"),
    "quarter": ("turns the picture by quarters", ""),
    "upside-down": ("turns the picture upside down", ""),
    "mirror": ("mirrors the picture, left for right", ""),
    "shear": ("shears the picture", "degrees"),
    "scale": ("resizes what is in the picture", "times"),
    "hue": ("shifts the hue", "degrees of the hue circle"),
    "recolour": ("takes the colours away or exchanges them", ""),
    "mosaic": ("puts several pictures side by side as one", ""),
    "mixup": ("blends two pictures", ""),
    "cutmix": ("puts a part of one picture into another", ""),
    "gain": ("multiplies the brightness", "times"),
    "shift": ("adds to the brightness", "grey levels"),
    "gamma": ("bends the brightness by a power", ""),
    "contrast": ("stretches the contrast about the mean", "times"),
    "blur": ("blurs", "px of standard deviation"),
    "motion": ("blurs along a line", "px"),
    "noise": ("adds noise", "grey levels of standard deviation"),
    "light": ("changes light, sharpness or noise in a way of its own", ""),
}


@dataclass(frozen=True)
class Step:
    """One thing that is done to some of the pictures.

    Attributes
    ----------
    kind : str
        One of :data:`KINDS`.
    p : float
        Share of the pictures it is done to, 0 to 1.
    low, high : float
        Range of the strength, in the kind's unit, drawn evenly.
    place : str
        Where the settings say so: ``hsv_h``, ``transform.transforms[2].Rotate``.
    said : str
        What they say there: ``hsv_h = 0.015``.
    boxes : {"corners", "shape"}
        How boxes follow a turn or a shear: around the moved corners, which loosens them; or
        around the moved outline or inscribed ellipse.
    apply : callable or None
        ``apply(picture, strength)``, where the operation itself is at hand.
    beyond : tuple of str
        Strengths that its own author calls no camera's.
    """

    kind: str
    p: float
    place: str
    said: str
    low: float = 0.0
    high: float = 0.0
    boxes: str = "corners"
    apply: Callable[[Any, float], Any] | None = None
    beyond: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"kind: got {self.kind!r}, expected one of {', '.join(KINDS)}")
        if not all(map(math.isfinite, (self.p, self.low, self.high))):
            raise ValueError(f"{self.place}: p and the strengths must be finite")

    @property
    def most(self) -> float:
        """The greatest strength, whatever its sign."""
        return max(abs(self.low), abs(self.high))


@dataclass
class Pipeline:
    """All that some settings do.

    Attributes
    ----------
    source : str
        The file, or what else the settings came from; named in findings.
    library : str
        ``ultralytics``, ``albumentations``, ``torchvision`` or ``fastlabel``.
    steps : list of Step
        Those done to any picture at all (``p`` over 0).
    unread : list of str
        What stands in the settings and could not be judged, a sentence each.
    model : str or None
        The model that the settings name.
    parameters : float or None
        Its size, where it is known.
    input_size : int or None
        Side of the model's input that the settings name, in pixels.
    """

    source: str
    library: str
    steps: list[Step] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)
    model: str | None = None
    parameters: float | None = None
    input_size: int | None = None

    def add(self, step: Step) -> None:
        """Take a step, unless it is never done."""
        if step.p > 0:
            self.steps.append(replace(step, p=min(step.p, 1.0)))
