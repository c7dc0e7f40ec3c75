"""FL901 to FL907: what settings do, against classes, boxes and the deployment."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from ..dataset import Dataset
from ..deploy import Profile
from ..rules.wording import count, number, quote
from ..set_columns import ASSUMED_INPUT, ASSUMED_STRIDES
from .classes import ClassTable, Trait
from .steps import KINDS, Pipeline, Step

__all__ = ["Case", "Found", "judge"]

Floats = npt.NDArray[np.float64]
Params = Mapping[str, float]

#: Strengths that a mean over a range is taken of.
SAMPLES = 33

#: Most shapes of boxes that FL907 looks at, spread evenly over the set's.
SHAPES = 4096

#: Names of classes that one message lists.
LISTED = 5


@dataclass(frozen=True)
class Found:
    """One finding, before it is a row of the table."""

    code: str
    message: str
    value: float | None = None
    threshold: float | None = None
    severity: str | None = None
    suggestion: str = "review"
    score: float = 1.0
    evidence: dict[str, Any] = field(default_factory=dict)


@dataclass
class Case:
    """What settings are judged against; None is unknown.

    Attributes
    ----------
    pipeline : Pipeline
        The settings.
    classes : dict of str to int, or None
        Name of each class, and its boxes (-1: not known).
    table : ClassTable
        What classes are like.
    ds : Dataset or None
        The data set.
    profile : Profile or None
        The deployment.
    parameters : float or None
        Of the model, as the caller says.
    notes : list of str
        What could not be judged, and why.
    frames : bool
        Whether frames of the deployment are at hand, which then judge light and blur.
    """

    pipeline: Pipeline
    classes: Mapping[str, int] | None = None
    table: ClassTable = field(default_factory=ClassTable)
    ds: Dataset | None = None
    profile: Profile | None = None
    parameters: float | None = None
    notes: list[str] = field(default_factory=list)
    frames: bool = False

    def steps(self, *kinds: str) -> Iterator[Step]:
        """Steps of some kinds."""
        return (step for step in self.pipeline.steps if step.kind in kinds)

    def having(self, *traits: str) -> dict[str, Trait]:
        """Classes that occur and have one of some traits."""
        return self.table.having(self.classes or (), *traits)

    def evidence(self, step: Step, **more: Any) -> dict[str, Any]:
        """Where a finding comes from."""
        return {"file": self.pipeline.source, "pointer": step.place, "setting": step.said, **more}


def judge(case: Case, settings: Mapping[str, Params]) -> list[Found]:
    """Judge everything but FL906 with frames, in the order of the codes.

    Parameters
    ----------
    case : Case
        The settings and what they are judged against; what cannot be judged is noted in it.
    settings : mapping
        Code to thresholds, of the rules that are to be judged.
    """
    judges = {
        "FL901": _rotation,
        "FL902": _colour,
        "FL903": _mirror,
        "FL904": _mixed,
        "FL905": _under_stride,
        **({} if case.frames else {"FL906": _light}),
        "FL907": _tightness,
    }
    out: list[Found] = []
    for code, rule in judges.items():
        if code in settings:
            out += rule(case, settings[code])
    return out


def _often(step: Step) -> str:
    share = 100 * step.p
    return "every picture" if step.p >= 1 else f"{number(share)} % of the pictures"


def _listing(case: Case, found: Mapping[str, Trait]) -> str:
    """Names with the reason, the most common first."""
    counts = case.classes or {}
    names = sorted(found, key=lambda name: -counts.get(name, 0))
    parts = []
    for name in names[:LISTED]:
        boxes = f", {count(counts[name], 'box', 'boxes')}" if counts.get(name, -1) >= 0 else ""
        parts.append(f"{quote(name)} ({found[name].reason(name)}{boxes})")
    more = len(names) - LISTED
    return ", ".join(parts) + (
        f" and {count(more, 'more class', 'more classes')}" if more > 0 else ""
    )


def _reasons(found: Mapping[str, Trait]) -> dict[str, Any]:
    return {
        name: {"trait": t.name, "entry": t.by, "language": t.language} for name, t in found.items()
    }


# ---- FL901 ---------------------------------------------------------------------


def _rotation(case: Case, p: Params) -> Iterator[Found]:
    turned = list(case.steps("rotate", "quarter", "upside-down"))
    camera = case.profile.camera if case.profile is not None else None
    if camera is not None and camera.top_down:
        if turned:
            case.notes.append(
                "FL901: the deployment's camera looks straight down, so any turn is right"
            )
        return
    for step in turned:
        angle = step.most if step.kind == "rotate" else 180.0
        if angle <= p["max_degrees"]:
            continue
        far = angle > p["error_degrees"]
        what = {
            "rotate": f"turned by up to {number(angle)} degrees",
            "quarter": "turned by quarters",
            "upside-down": "turned upside down",
        }[step.kind]
        yield Found(
            "FL901",
            f"{step.said}: {_often(step)} {'are' if step.p < 1 else 'is'} {what} (limit "
            f"{number(p['max_degrees'])} degrees); a level camera never sees that. Keep to the "
            "limit, or say top_down = true under [camera] of the deployment.",
            angle,
            p["max_degrees"],
            "error" if far else None,
            evidence=case.evidence(step, degrees=[step.low, step.high], p=step.p),
        )


# ---- FL902 and FL903 -----------------------------------------------------------


def _colour(case: Case, p: Params) -> Iterator[Found]:
    steps = list(case.steps("hue", "recolour"))
    if not steps or not _knows_classes(case, "FL902"):
        return
    found = case.having("colour")
    for step in steps if found else ():
        if step.kind == "hue" and step.most <= p["max_degrees"]:
            continue
        if step.kind == "hue":
            what = (
                f"the hue shifts by up to {number(step.most)} of the circle's 360 degrees (limit "
                f"{number(p['max_degrees'])}; red and amber are 45 apart)"
            )
        else:
            what = f"the colours of {_often(step)} are taken away or exchanged"
        far = step.kind == "recolour" or step.most > p["error_degrees"]
        yield Found(
            "FL902",
            f"{step.said}: {what}, and colour is what tells {_listing(case, found)}. Set it to 0 "
            "and vary brightness instead.",
            step.most if step.kind == "hue" else 360.0,
            p["max_degrees"],
            "error" if far else None,
            evidence=case.evidence(step, classes=_reasons(found), p=step.p),
        )


def _mirror(case: Case, p: Params) -> Iterator[Found]:
    steps = list(case.steps("mirror"))
    if not steps or not _knows_classes(case, "FL903"):
        return
    wrong, odd = case.having("direction", "text"), case.having("lettering")
    for step in steps:
        for found, severity, why in (
            (wrong, None, "these are something else, or nothing that there is:"),
            (
                {n: t for n, t in odd.items() if n not in wrong},
                "warning",
                "the lettering on these is none:",
            ),
        ):
            if not found:
                continue
            verb = "are" if step.p < 1 else "is"
            yield Found(
                "FL903",
                f"{step.said}: {_often(step)} {verb} mirrored; in a mirror {why} "
                f"{_listing(case, found)}. Set it to 0.",
                step.p,
                0.0,
                severity,
                evidence=case.evidence(step, classes=_reasons(found), p=step.p),
            )


def _knows_classes(case: Case, code: str) -> bool:
    if case.classes:
        return True
    case.notes.append(
        f"{code}: no classes are known, so not judged; give the data set or --classes"
    )
    return False


# ---- FL904 ---------------------------------------------------------------------


def _mixed(case: Case, p: Params) -> Iterator[Found]:
    steps = list(case.steps("mosaic", "mixup", "cutmix"))
    if not steps:
        return
    size, why = _parameters(case)
    if size is not None and size >= p["max_millions"] * 1e6:
        case.notes.append(f"FL904: {why}, so mixed pictures are taken to be affordable")
        return
    for step in steps:
        what = {
            "mosaic": "is four scenes with seams between them",
            "mixup": "is two scenes that show through each other",
            "cutmix": "has a piece of another scene in it",
        }[step.kind]
        subject = (
            "every picture" if step.p >= 1 else f"{number(100 * step.p)} % of the pictures: each"
        )
        yield Found(
            "FL904",
            f"{step.said}: {subject} {what}, as no camera shows; {why}, and the limit for this is "
            f"{number(p['max_millions'])} million parameters. Set it to 0, or switch it off "
            "for the last half of the epochs.",
            step.p,
            0.0,
            score=0.7,
            evidence=case.evidence(step, parameters=size, p=step.p),
        )


def _parameters(case: Case) -> tuple[float | None, str]:
    """Size of the model, and in words how it is known."""
    if case.parameters is not None:
        return case.parameters, f"the model has {number(case.parameters / 1e6)} million parameters"
    pipeline = case.pipeline
    if pipeline.parameters is not None:
        millions = number(pipeline.parameters / 1e6)
        return pipeline.parameters, f"{quote(pipeline.model)} has {millions} million parameters"
    if case.profile is not None and case.profile.tier == "cloud":
        return math.inf, f"the deployment {quote(case.profile.name)} is of tier cloud"
    return None, "the model's size is not known and taken to be small (--parameters says it)"


# ---- FL905 ---------------------------------------------------------------------


def _targets(ds: Dataset) -> tuple[Floats, Floats, npt.NDArray[np.int64]]:
    """Sides of the boxes that are targets, and the image of each."""
    boxes = ds.boxes()
    width, height = boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]
    keep = np.isfinite(width) & np.isfinite(height) & (width > 0) & (height > 0)
    for name in ("crowd", "ignore"):
        flags = ds.annotations[name].fill_null(False).to_numpy()
        keep &= ~np.asarray(flags, np.bool_)
    return width[keep], height[keep], ds.column("annotations", "image_id")[keep]


def _under_stride(case: Case, p: Params) -> Iterator[Found]:
    steps = [step for step in case.steps("scale") if step.low < 1]
    if not steps:
        return
    if case.ds is None:
        case.notes.append("FL905: no data set is given, so box sizes are not known and not judged")
        return
    profile, assumed = _input(case)
    width, height, image = _targets(case.ds)
    sizes = [
        np.asarray(case.ds.images[name].cast("float64").fill_null(math.nan).to_numpy(), np.float64)
        for name in ("width", "height")
    ]
    sx, sy = profile.scale(*sizes)
    short = np.minimum(width * sx[image], height * sy[image])
    stride = profile.strides[0]
    able = short[short >= stride]
    if not len(able):
        known = bool(np.isfinite(short).any())
        why = "no box reaches one stride as it is" if known else "sizes of images are not known"
        case.notes.append(f"FL905: {why}, so none can be seen to be pushed under")
        return
    for step in steps:
        low, high = max(step.low, 0.0), max(step.high, 0.0)
        limit = stride / able  # factors below this lose the box
        if high > low:
            lost = np.clip((limit - low) / (high - low), 0.0, 1.0)
        else:
            lost = (low < limit).astype(np.float64)
        share = float(lost.mean()) * step.p
        worst = float((low < limit).mean())
        if share <= p["max_share"]:
            continue
        size = f"{profile.input_width} x {profile.input_height}{' (assumed)' if assumed else ''}"
        yield Found(
            "FL905",
            f"{step.said}: of {count(len(able), 'box', 'boxes')} that reach one stride of {stride} "
            f"px at the input of {size}, {number(100 * share)} % fall under it in each epoch "
            f"(limit {number(100 * p['max_share'])} %), {number(100 * worst)} % at the smallest "
            f"factor of {number(low)}. Raise the lower end, or mark what is too small as "
            "ignore regions.",
            share,
            p["max_share"],
            "error" if share > p["error_share"] else None,
            evidence=case.evidence(
                step, boxes=len(able), share_at_smallest=worst, factor=[low, high], p=step.p
            ),
        )


def _input(case: Case) -> tuple[Profile, bool]:
    """The model's input, and whether it had to be assumed."""
    if case.profile is not None:
        return case.profile, False
    side = case.pipeline.input_size or ASSUMED_INPUT
    strides = tuple(s for s in ASSUMED_STRIDES if s <= side) or (1,)
    profile = Profile("assumed", "custom", side, side, strides=strides)
    return profile, case.pipeline.input_size is None


# ---- FL906 without frames ------------------------------------------------------


def _light(case: Case, p: Params) -> Iterator[Found]:
    """Light, blur and noise, where no frames say what the camera shows."""
    gain = (p["min_gain"], p["max_gain"])
    usual = {
        "gain": gain,
        "contrast": gain,
        "gamma": (1 / p["max_gamma"], p["max_gamma"]),
        "blur": (0.0, p["max_blur"]),
        "motion": (0.0, math.sqrt(12 * p["max_blur"] ** 2 + 1)),  # a box of that spread
        "noise": (0.0, p["max_noise"]),
    }
    steps = [step for step in case.pipeline.steps if step.kind in (*usual, "light")]
    if steps:
        case.notes.append(
            "FL906: judged by what cameras do: no frames of the deployment are given (--reference)"
        )
    for step in steps:
        beyond = list(step.beyond)
        value = threshold = None
        if step.kind in usual:
            low, high = usual[step.kind]
            what, unit = KINDS[step.kind]
            if step.low < low * 0.999 or step.high > high * 1.001:
                worst = step.high if step.high > high * 1.001 else step.low
                value, threshold = worst, high if worst == step.high else low
                span = f"{number(step.low)} to {number(step.high)} {unit}".strip()
                beyond.append(f"{what} by {span}, beyond {number(low)} to {number(high)}")
        if beyond:
            yield Found(
                "FL906",
                f"{step.said}: {'; '.join(beyond)}, which is what cameras do by themselves. Narrow "
                "the range, or give frames of the deployment that show it (--reference).",
                value,
                threshold,
                score=0.5,
                evidence=case.evidence(step, strengths=[step.low, step.high], p=step.p),
            )


# ---- FL907 ---------------------------------------------------------------------


def _tightness(case: Case, p: Params) -> Iterator[Found]:
    steps = [s for s in case.steps("rotate", "shear") if s.boxes == "corners"]
    if not steps:
        return
    shapes, known = _shapes(case.ds)
    for step in steps:
        angles = np.linspace(step.low, step.high, SAMPLES)
        fits = [float(_fit(step.kind, shapes, float(a)).mean()) for a in angles]
        mean = float(np.mean(fits))
        if mean >= p["min_iou"]:
            continue
        worst = int(np.argmin(fits))
        of = "the set's box shapes" if known else "square boxes"
        moved = "turned" if step.kind == "rotate" else "sheared"
        yield Found(
            "FL907",
            f"{step.said}: boxes are drawn around the {moved} corners; for round objects in "
            f"{of} their IoU with a tight box is {number(mean)} on average "
            f"(limit {number(p['min_iou'])}) and {number(fits[worst])} at "
            f"{number(abs(float(angles[worst])))} degrees. Move the polygon or the inscribed "
            "ellipse, or turn less.",
            mean,
            p["min_iou"],
            "error" if mean < p["error_iou"] else None,
            score=0.8,
            evidence=case.evidence(step, degrees=[step.low, step.high], p=step.p),
        )


def _shapes(ds: Dataset | None) -> tuple[Floats, bool]:
    """Width over height of the set's boxes, or of a square."""
    if ds is not None:
        width, height, _ = _targets(ds)
        if len(width):
            shapes = np.sort(width / height)
            at = np.linspace(0, len(shapes) - 1, min(len(shapes), SHAPES)).astype(np.int64)
            return shapes[at], True
    return np.ones(1), False


def _fit(kind: str, shape: Floats, degrees: float) -> Floats:
    """IoU of the box around the moved corners with that around the moved ellipse.

    Both have one centre, and the first holds the second, so it is a ratio of areas. An ellipse
    with half-axes a and b, turned by t, reaches ``sqrt((a cos t)^2 + (b sin t)^2)`` to the side;
    sheared by a slope s, ``sqrt(a^2 + (s b)^2)``.
    """
    if kind == "shear":
        slope = math.tan(math.radians(min(abs(degrees), 89.0)))
        return np.asarray(np.hypot(shape, slope) / (shape + slope), np.float64)
    cos, sin = abs(math.cos(math.radians(degrees))), abs(math.sin(math.radians(degrees)))
    tight = np.hypot(shape * cos, sin) * np.hypot(shape * sin, cos)
    return np.asarray(tight / ((shape * cos + sin) * (shape * sin + cos)), np.float64)


def names_of(ds: Dataset) -> dict[str, int]:
    """Classes of a data set and how many boxes each has."""
    names: Sequence[str | None] = ds.categories["name"].to_pylist()
    counts = ds.category_counts().tolist()
    out: dict[str, int] = {}
    for name, boxes in zip(names, counts, strict=True):
        if name is not None:
            out[name] = out.get(name, 0) + boxes
    return out
