"""FL8, scene and deployment: images the camera will never give, and frames that no image is like.

Both judge a comparison with reference frames of the deployment (``check --reference``); without
one there is nothing to say.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from .context import Context, Floats, whole
from .phrases import join, numbers
from .registry import Hits, Params, rule
from .wording import clean, count, number

__all__ = ["SceneFit"]


@dataclass(frozen=True)
class SceneFit:
    """A set against the reference frames of its deployment (:attr:`fastlabel.Match.fit`).

    Attributes
    ----------
    ratio : numpy.ndarray
        (images,) density of each image's scene in the deployment over that in the set; NaN where
        it was not decoded.
    reasons : pyarrow.Array
        (images,) why it is unlike the frames; null: it is not.
    frames : int
        Reference frames that were decoded.
    covered : float
        Share of them that an image is like.
    uncovered : sequence of str
        Names of some of the others, the most unlike first.
    gaps : sequence of str
        What hardly any image shows, in words, the largest first.
    """

    ratio: Floats
    reasons: pa.Array
    frames: int
    covered: float
    uncovered: Sequence[str]
    gaps: Sequence[str]


@rule(
    "FL801",
    "scene-mismatch",
    "info",
    "image",
    what="""An image whose scene the deployment hardly ever shows: its light, detail, noise, colour
    or viewpoint are far from all reference frames. Judged only with `check --reference FRAMES`.""",
    why="""A small model spends the few parameters that it has on whatever it is shown. Daylight
    street scenes do not help a doorbell at night; they take the place of what does.""",
    formula="""The ratio of two densities, that of the reference frames over that of the set, at the
    image's features, is below `max_ratio`: such scenes are so many times rarer in the deployment
    than in the set. Histograms smoothed by the least difference that matters, feature by feature,
    summed over groups, and brought to scale on frames and images that they were not fitted to.
    `fastlabel match` gives the ratio, weight and reasons of every image.""",
    threshold="""`max_ratio` = 0.1: ten times rarer. With M frames no ratio is below about
    1 / (M + 1), so fewer than ten frames find nothing.""",
    false_alarms="""Rare scenes of the deployment that the frames do not show: give frames of all
    hours, seasons and places. Images that carry the only examples of a class: look before you
    drop any.""",
    fix="""`fastlabel match DATA --reference FRAMES --plan plan.parquet` makes a plan of weights and
    exclusions, to look at and apply.""",
    params={"max_ratio": 0.1},
)
def scene_mismatch(ctx: Context, p: Params) -> Iterator[Hits]:
    """Yield images that the deployment does not show."""
    fit = ctx.scene
    if fit is None:
        return
    rows = np.flatnonzero(fit.ratio < p["max_ratio"])
    ratio = fit.ratio[rows]
    reasons = whole(fit.reasons).take(pa.array(rows))
    messages = join(
        ctx.quoted_paths(rows),
        " is unlike the reference frames (ratio ",
        numbers(ratio),
        ", limit ",
        numbers(np.full(len(rows), p["max_ratio"])),
        "): ",
        pc.fill_null(reasons, "all of its features together"),
        ". Weigh it down, or leave it out, with `fastlabel match`.",
    )
    yield Hits(
        messages,
        image=rows,
        value=ratio,
        threshold=p["max_ratio"],
        score=1 - np.minimum(ratio, 1.0),
        suggestion="exclude",
        unjudged=int(np.isnan(fit.ratio).sum()),
    )


@rule(
    "FL802",
    "uncovered-deployment",
    "warning",
    "set",
    what="""Conditions of the deployment that no image of the set shows: no night, no infrared, no
    view from above. Judged only with `check --reference FRAMES`.""",
    why="""A model does not know what it has never seen, and a small one does not extrapolate: it
    fails where nobody looked, and the test set, which lacks the same frames, says all is well.""",
    formula="""A reference frame is covered when an image is no farther from it than 1, or than half
    of the frames are from the frame nearest to them; the distance is the root of the mean over
    groups of squared differences of features, in units of what is still alike. The rule reports
    when the share of covered frames is below `min_covered`, with the conditions in which the
    frames are and the images are not.""",
    threshold="""`min_covered` = 0.9: of varied frames one in ten may be the only one of its
    kind. Held-out photos of the same source are covered to 90 to 100 %.""",
    false_alarms="""Few frames that are all unlike each other; broken or blank reference frames.""",
    fix="""Collect and label frames of the conditions named, or paste objects into them
    (`fastlabel paste --backgrounds`). Light alone can be made (`fastlabel augment`).""",
    params={"min_covered": 0.9},
)
def uncovered_deployment(ctx: Context, p: Params) -> Iterator[Hits]:
    """Yield one finding if the set does not cover the deployment."""
    fit = ctx.scene
    if fit is None or not fit.covered < p["min_covered"]:
        return
    lacking = "; ".join(fit.gaps[:3])
    if not lacking:
        named = ", ".join(clean(name, 60) for name in fit.uncovered[:3])
        lacking = f"no single condition tells them apart, look at {named}"
    message = (
        f"Only {number(100 * fit.covered)} % of {count(fit.frames, 'reference frame')} have an "
        f"image like them (limit {number(100 * p['min_covered'])} %): {lacking}. Collect such "
        "images."
    )
    yield Hits(
        [message],
        value=fit.covered,
        threshold=p["min_covered"],
        score=min(0.5 + (p["min_covered"] - fit.covered) / 2, 1.0),
        suggestion="collect",
        extra=[{"gaps": list(fit.gaps), "frames": list(fit.uncovered)}],
    )
