"""FL906: augmented pictures beside the frames of the deployment, both measured at its input."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..cut.others import Unreadable, decode, read
from ..dataset import Dataset, DatasetError
from ..deploy import Profile
from ..rules.wording import number
from ..scan.limits import Limits
from .judge import Case, Found, _input
from .steps import Step

__all__ = ["judge_light"]

Image = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float64]

#: Frames and pictures that are measured, spread evenly over all.
MOST_FRAMES = 400
MOST_PICTURES = 60
#: Share of the frames at either end that may be strays.
STRAY = 0.02

#: What is measured -> how it is said; edges are told by how steep they are (``acutance``).
MEASURES = {
    "luma_mean": ("darker", "brighter", "mean brightness"),
    "acutance": ("more blurred", "sharper", "steepness of edges"),
    "noise_sigma": ("cleaner", "noisier", "noise"),
}

#: Kind of step -> what it is judged by, and which ends of the range count.
JUDGED: Mapping[str, tuple[tuple[str, str], ...]] = {
    "gain": (("luma_mean", "both"),),
    "shift": (("luma_mean", "both"),),
    "gamma": (("luma_mean", "both"),),
    "blur": (("acutance", "low"),),
    "motion": (("acutance", "low"),),
    "noise": (("noise_sigma", "high"),),
    "light": (("luma_mean", "both"), ("acutance", "low"), ("noise_sigma", "high")),
}


def judge_light(case: Case, reference: Any, p: Mapping[str, float]) -> Iterator[Found]:
    """Judge light, blur and noise.

    Parameters
    ----------
    case : Case
        The settings, and the data set where there is one.
    reference : path-like or Dataset
        Frames of the deployment.
    p : mapping
        Thresholds of FL906.

    Raises
    ------
    DatasetError
        If there is no frame, or none can be read.
    """
    steps = [s for s in case.pipeline.steps if s.kind in JUDGED]
    if not steps:
        return
    profile, _ = _input(case)
    frames = _load(_frames(reference), MOST_FRAMES, profile, case, "frame")
    if not frames:
        raise DatasetError(
            f"{_named(reference)}: no frame in it can be read; give a folder of frames"
        )
    seen = _measured(frames)
    pictures = frames
    if case.ds is not None:
        pictures = _load(case.ds, MOST_PICTURES, profile, case, "picture") or frames
    pictures = [pictures[i] for i in _spread(len(pictures), MOST_PICTURES)]
    before = _measured(pictures)
    _note_strangers(case, seen, before, p)
    for step in steps:
        strengths = sorted({step.low, (step.low + step.high) / 2, step.high})
        made = [_measured([_apply(step, image, s) for image in pictures]) for s in strengths]
        for measure, ends in JUDGED[step.kind]:
            found = _outside(step, measure, ends, strengths, seen, before, made, p)
            if found is not None:
                yield Found(**{**found, "evidence": case.evidence(step, **found["evidence"])})
                break


def _limits(values: Floats, p: Mapping[str, float]) -> tuple[float, float]:
    """What frames show of a measure, and some more."""
    low, high = _range(values)
    room = p["margin"] * max(high - low, 0.05 * abs(high))
    return low - room, high + room


def _range(values: Floats) -> tuple[float, float]:
    """What nearly all frames show: one that a lorry stood before says nothing of the camera."""
    low, high = np.quantile(values, (STRAY, 1 - STRAY))
    return float(low), float(high)


def _place(step: Step, strength: float) -> str:
    """A strength in words."""
    if step.apply is None:
        return f"a strength of {number(strength)}"
    end = {0.0: "the lower end", 1.0: "the upper end"}.get(strength, "the middle")
    return f"{end} of its ranges"


def _note_strangers(
    case: Case, seen: Mapping[str, Floats], before: Mapping[str, Floats], p: Mapping[str, float]
) -> None:
    """Say where the set's own pictures are unlike the frames: no settings are to blame for that."""
    low, high = _limits(seen["luma_mean"], p)
    own = before["luma_mean"]
    share = float(((own < low) | (own > high)).mean())
    if share > 0.5:
        case.notes.append(
            f"FL906: {number(100 * share)} % of the set's own pictures are lighter or darker than "
            "any frame, which no settings mend: see `fastlabel match`"
        )


def _outside(
    step: Step,
    measure: str,
    ends: str,
    strengths: Sequence[float],
    seen: Mapping[str, Floats],
    before: Mapping[str, Floats],
    made: Sequence[Mapping[str, Floats]],
    p: Mapping[str, float],
) -> dict[str, Any] | None:
    """The finding of one step by one measure, if there is one."""
    values = seen[measure][np.isfinite(seen[measure])]
    if not len(values):
        return None
    low, high = _range(values)
    least, most = _limits(values, p)
    least = least if ends in ("both", "low") else -np.inf
    most = most if ends in ("both", "high") else np.inf

    def out_of(columns: Mapping[str, Floats]) -> float:
        v = columns[measure]
        return float(((v < least) | (v > most)).mean())

    old = out_of(before)
    shares = [max(out_of(columns) - old, 0.0) for columns in made]
    share = float(np.mean(shares))
    if share <= p["max_share"]:
        return None
    worst = int(np.argmax(shares))
    middle = float(np.nanmedian(made[worst][measure]))
    below, above, said = MEASURES[measure]
    side = below if middle < least else above
    return {
        "code": "FL906",
        "message": f"{step.said}: {number(100 * share)} % of what it makes is {side} than "
        f"{len(seen[measure]):,} frames of the deployment show ({said} {number(low)} to "
        f"{number(high)} there, {number(middle)} as the median here at "
        f"{_place(step, strengths[worst])}; limit {number(100 * p['max_share'])} %). "
        "Narrow the range, or collect such frames.",
        "value": share,
        "threshold": p["max_share"],
        "score": 0.6,
        "evidence": {
            "measure": measure,
            "reference": [low, high],
            "strengths": list(strengths),
            "outside": shares,
            "outside_before": old,
            "p": step.p,
        },
    }


# ---- pictures ------------------------------------------------------------------


def _named(reference: Any) -> str:
    return str(reference.root) if isinstance(reference, Dataset) else os.fspath(reference)


def _frames(reference: Any) -> Dataset:
    if isinstance(reference, Dataset):
        return reference
    from ..formats import read as read_set

    return read_set(Path(reference), format="images")


def _spread(n: int, most: int) -> list[int]:
    """Rows spread evenly, the first and the last among them."""
    return sorted(set(np.linspace(0, n - 1, min(n, most)).astype(int).tolist())) if n else []


def _load(ds: Dataset, most: int, profile: Profile, case: Case, what: str) -> list[Image]:
    """Pictures at the size that the model sees them, unreadable ones noted."""
    paths = ds.with_files().images["path"].to_pylist()
    rows = _spread(len(paths), most)
    out, unread = [], 0
    for row in rows:
        try:
            if paths[row] is None:
                raise Unreadable("escaped", "outside the set")
            picture = decode(read(ds.root / paths[row], Limits()), Limits())
        except Unreadable:
            unread += 1
            continue
        out.append(_at_input(np.asarray(picture, np.uint8), profile))
    if unread:
        case.notes.append(f"FL906: {unread:,} of {len(rows):,} {what}s could not be read")
    return out


def _at_input(picture: Image, profile: Profile) -> Image:
    import cv2

    height, width = picture.shape[:2]
    sx, sy = profile.scale([width], [height])
    size = (max(round(width * float(sx[0])), 1), max(round(height * float(sy[0])), 1))
    how = cv2.INTER_AREA if size[0] < width else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(picture, size, interpolation=how), np.uint8)


def _measured(pictures: Sequence[Image]) -> dict[str, Floats]:
    from ..pixels import image_stats

    rows = [image_stats(picture) for picture in pictures]
    return {name: np.array([row[name] for row in rows], np.float64) for name in MEASURES}


# ---- what a step makes ---------------------------------------------------------


def _apply(step: Step, picture: Image, strength: float) -> Image:
    make = step.apply or _MADE[step.kind]
    return np.asarray(make(picture, strength), np.uint8)


def _bytes(values: Any) -> Image:
    return np.asarray(np.clip(np.rint(values), 0, 255), np.uint8)


def _levels(make: Callable[[Floats, float], Any]) -> Callable[[Image, float], Image]:
    """What looks at a pixel's own value alone, as a table of 256."""
    return lambda picture, strength: _bytes(make(np.arange(256.0), strength))[picture]


def _blurred(picture: Image, sigma: float) -> Image:
    import cv2

    if sigma < 0.1:
        return picture
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), min(sigma, 100.0)), np.uint8)


def _streaked(picture: Image, length: float) -> Image:
    import cv2

    taps = min(max(round(length), 1), 255)
    kernel = np.full((1, taps), 1.0 / taps)
    return np.asarray(cv2.filter2D(picture, -1, kernel), np.uint8)


def _noisy(picture: Image, sigma: float) -> Image:
    # One seed for all: the same settings give the same findings.
    noise = np.random.default_rng(906).standard_normal(picture.shape)
    return _bytes(picture + sigma * noise)


_MADE: Mapping[str, Callable[[Image, float], Image]] = {
    "gain": _levels(lambda v, s: v * s),
    "shift": _levels(lambda v, s: v + s),
    "gamma": _levels(lambda v, s: 255.0 * (v / 255.0) ** max(s, 0.01)),
    "blur": _blurred,
    "motion": _streaked,
    "noise": _noisy,
}
