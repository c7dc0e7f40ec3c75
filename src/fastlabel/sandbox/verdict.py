"""What a recipe does to a picture and to the set: the linter's and the rules' words, and counts."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..augment.recipe import Augmented, Recipe
from ..dataset import Dataset
from ..pixels import image_stats, letterbox
from ..report.text import count, number, percent, visible
from .guard import ApiError
from .preview import Previews, Subject
from .samples import sample

if TYPE_CHECKING:
    from ..deploy import Profile

__all__ = ["LIGHT", "SIZES", "Counted", "histograms", "lint", "of_picture"]

Floats = NDArray[np.float64]

#: Edges of the bins of mean luma, and of a box's short side in pixels of the input.
LIGHT = [16 * k for k in range(17)]
SIZES = [0.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, math.inf]
#: Pictures that stand for the set, and what they are drawn by.
SAMPLE, SEED = 48, 9


def lint(recipe: Recipe, ds: Dataset, profile: Profile) -> list[dict[str, Any]]:
    """What `fastlabel lint-augment` says of a recipe, worst first, as plain values."""
    from ..lint import lint_augment  # all rules: the page opens without them

    found = lint_augment(recipe, ds, deploy=profile).findings
    rows = found.select(["code", "severity", "message"]).to_pylist()
    return [{**row, "message": visible(row["message"])} for row in rows]


def of_picture(
    subject: Subject, before: Augmented, after: Augmented, profile: Profile
) -> list[dict[str, Any]]:
    """What the rules of `check` say of one picture, before and after.

    Returns
    -------
    list of dict
        ``name``, ``before``, ``after`` in words, ``state`` ("pass", "warning" or "info") and
        ``says``.
    """
    from ..config import Config
    from ..rules.registry import resolve

    thresholds = {code: params for code, (_, params) in resolve(Config()).items()}
    rows = []
    sides = [short_sides(subject, made, profile) for made in (before, after)]
    stride = profile.strides[0]
    under = [int((side < stride).sum()) for side in sides]
    if len(sides[0]) or len(sides[1]):
        rows.append(
            _row(
                f"Boxes under a stride ({stride} px)",
                f"{under[0]} of {len(sides[0])}",
                f"{under[1]} of {len(sides[1])}",
                "warning" if under[1] > under[0] else "pass",
                "The model has no cell of its own for them: shrink less, or mark them as ignore.",
            )
        )
    stats = [_stats(made, profile) for made in (before, after)]
    p = thresholds["FL401"]
    blurry = [
        s["acutance"] < p["max_acutance"]  # never of NaN: no edge, nothing to say
        or (
            s["sharpness"] < p["max_sharpness"]
            and s["std"] >= p["min_std"]
            and s["sharpness"] / max(s["std"] ** 2, 1e-9) < p["max_ratio"]
        )
        for s in stats
    ]
    rows.append(
        _row(
            "Sharpness at the input",
            number(stats[0]["sharpness"]),
            number(stats[1]["sharpness"]),
            "warning" if blurry[1] else "pass",
            "Too blurry at the size the model sees (FL401)." if blurry[1] else "",
        )
    )
    dark, bright = thresholds["FL402"]["min_mean"], thresholds["FL403"]["max_mean"]
    mean = stats[1]["mean"]
    says = ""
    if mean < dark:
        says = f"Darker than {number(dark)}: little is seen (FL402)."
    elif mean > bright:
        says = f"Brighter than {number(bright)}: little is seen (FL403)."
    rows.append(
        _row("Light", number(stats[0]["mean"]), number(mean), "warning" if says else "pass", says)
    )
    noise = thresholds["FL405"]["max_sigma"]
    loud = stats[1]["noise"] > noise
    rows.append(
        _row(
            "Noise",
            number(stats[0]["noise"], 2),
            number(stats[1]["noise"], 2),
            "warning" if loud else "pass",
            f"More than {number(noise)} grey levels (FL405)." if loud else "",
        )
    )
    lost = 1 - after.tightness
    if len(lost) and lost.max() > 0.005:
        rows.append(
            _row(
                "Tightness",
                "",
                f"{percent(float(lost.max()))} at most",
                "info",
                "What boxes without an outline may be too tight by: they stand around the moved "
                "ellipse, not the moved corners.",
            )
        )
    gone = len(before.boxes) - int((np.asarray(after.kept) >= 0).sum())
    if gone > 0:
        ignored = len(after.ignore) - len(before.ignore)
        rows.append(
            _row(
                "Boxes lost",
                "",
                f"{gone} of {len(before.boxes)}",
                "info",
                f"{ignored} of them became {count(ignored, 'region')[2:]} to ignore."
                if ignored
                else "They lie outside the picture now.",
            )
        )
    return rows


def _row(name: str, before: str, after: str, state: str, says: str) -> dict[str, Any]:
    return {"name": name, "before": before, "after": after, "state": state, "says": says}


def short_sides(subject: Subject, made: Augmented, profile: Profile) -> Floats:
    """Short side of each box in pixels of the model's input."""
    high, wide = made.image.shape[:2]
    # A picture that was shrunk for the page is that much larger when it is written.
    grown = subject.full[0] / subject.picture.shape[1]
    sx, sy = (float(v) * grown for v in profile.scale(wide * grown, high * grown))
    boxes = made.boxes
    wide_at, high_at = (boxes[:, 2] - boxes[:, 0]) * sx, (boxes[:, 3] - boxes[:, 1]) * sy
    return np.asarray(np.minimum(wide_at, high_at), np.float64)


def _stats(made: Augmented, profile: Profile) -> dict[str, float]:
    """Measures of the picture as the model gets it, without the padding."""
    size = profile.input_width, profile.input_height
    picture: Any = made.image
    high, wide = picture.shape[:2]
    sx, sy = (float(v) for v in profile.scale(wide, high))
    if max(sx, sy) < 1:
        pixels, mapping = letterbox(
            picture,
            size,
            layout="nhwc",
            dtype="uint8",
            interpolation="area",
            stretch=profile.resize == "stretch",
        )
        x, y, (w, h) = mapping.pad_x, mapping.pad_y, mapping.resized
        flat = pixels.reshape(size[1], size[0], -1)
        picture = np.ascontiguousarray(flat[y : y + h, x : x + w])
    found = image_stats(picture)
    return {
        "mean": float(found["luma_mean"]),
        "std": float(found["luma_std"]),
        "sharpness": float(found["sharpness"]),
        "acutance": float(found["acutance"]),
        "noise": float(found["noise_sigma"]),
    }


class Counted:
    """The sample before any recipe, by deployment, so that it is counted once."""

    def __init__(self) -> None:
        self.by: dict[str, tuple[Floats, Floats]] = {}


def histograms(
    previews: Previews,
    recipe: Recipe,
    seed: int,
    profile: Profile,
    context: dict[str, Any],
    counted: Counted,
    stale: Callable[[], bool],
) -> dict[str, Any] | None:
    """Light and box sizes of the set after a recipe, from a seeded sample of it.

    Parameters
    ----------
    stale : callable
        Whether a later question has been asked meanwhile; then the answer is None.
    """
    ds, pictures = previews.ds, previews.pictures
    rows = sample(ds, SAMPLE, SEED)
    failed = 0
    counts = []
    recipes = [recipe] if profile.name in counted.by else [Recipe(()), recipe]
    for made_by in recipes:
        light, sizes = np.zeros(len(LIGHT) - 1), np.zeros(len(SIZES) - 1)
        failed = 0
        for row in rows:
            if stale():
                return None
            try:
                subject = previews.subject(pictures.id(row))
            except ApiError:
                failed += 1
                continue
            made = previews.make(subject, made_by, seed, context)
            mean = _mean(made.image)
            light[min(int(mean // 16), len(light) - 1)] += 1
            sizes += np.histogram(short_sides(subject, made, profile), SIZES)[0]
        counts.append((light, sizes))
    if len(counts) == 2:
        counted.by[profile.name] = counts[0]
    before, after = counted.by[profile.name], counts[-1]
    return {
        "sampled": len(rows) - failed,
        "of": len(ds),
        "failed": failed,
        "stride": profile.strides[0],
        "light": {"edges": LIGHT, "before": before[0].tolist(), "after": after[0].tolist()},
        "sizes": {
            "edges": [None if math.isinf(v) else v for v in SIZES],
            "before": before[1].tolist(),
            "after": after[1].tolist(),
        },
    }


def _mean(picture: NDArray[np.uint8]) -> float:
    import cv2

    blue, green, red = cv2.mean(picture)[:3]
    return 0.114 * blue + 0.587 * green + 0.299 * red
