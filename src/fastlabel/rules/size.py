"""FL3, size: what is left of a target at the size at which the model will see it."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from .context import Context, Floats
from .phrases import fixed, join
from .registry import Hits, Params, rule


@rule(
    "FL301",
    "below-target-pixels",
    "warning",
    "annotation",
    what="""A target whose short side, at the model's input, is under the shortest that the
    deployment asks for. Runs only when a deployment is named.""",
    why="""A detector sees its input through cells of one stride. A target smaller than a cell
    shares it with background and with its neighbours, so its label asks for an answer that
    is not in the features. A small model pays for such labels with false alarms
    everywhere: it learns that nothing at all may be a target.""",
    formula="""min(width * sx, height * sy) < the profile's `min_target`, where sx and sy are the
    factors of its resize: for a letterbox both are min(input width / image width, input
    height / image height). Crowd and ignore regions and boxes without area are exempt.""",
    threshold="""`min_target` of the deployment profile; left out, it is one stride of the finest
    head, 8 px for most. (Training needs about two; below one nothing can be done.)""",
    false_alarms="""Models with a finer head, or that tile the frame before the input: say so in
    the profile. Thin but long targets (a pole, a wire) can be learnt a little below.""",
    fix="""Mark the box as ignore, so that it is neither target nor background; or tile the
    images, enlarge the input, or give the model a finer head. Do not just delete the box:
    the object would then count as background.""",
    by_part=True,
)
def below_target_pixels(ctx: Context, p: Params) -> Iterator[Hits]:
    """Yield targets that are too small at the model's input."""
    profile = ctx.deploy
    if profile is None:
        return
    scales = ctx.once("input scale", lambda: profile.scale(*ctx.size))
    sx, sy = (factor[ctx.image_of] for factor in scales)
    w, h = ctx.box_width * sx, ctx.box_height * sy
    short = np.minimum(w, h)
    rows = np.flatnonzero(ctx.solid & ~ctx.exempt & (short < profile.min_target))
    short = short[rows]
    tail = (
        f"px at the {profile.input_width} x {profile.input_height} input, short side under "
        f"{profile.min_target:g}: mark it as ignore, tile the image or use a larger input."
    )
    yield Hits(
        join("Target is ", fixed(w[rows], 1), " x ", fixed(h[rows], 1), " ", tail),
        annotation=rows,
        value=short,
        threshold=profile.min_target,
        score=1.0 - 0.5 * short / profile.min_target,
        suggestion="ignore",
    )


@rule(
    "FL302",
    "tiny-at-1080p",
    "warning",
    "annotation",
    what="""A target that is under 15 px wide and under 15 px high once its image is scaled to
    1080p: the rule of common practice, for when no deployment is named.""",
    why="""15 px of 1920 are 5 px at an input of 640: less than one cell of the finest head of
    most detectors. A small model cannot find such a target, but it can, and does, learn to
    fire at specks.""",
    formula="""With f = min(1920 / width, 1080 / height) of the image (1080 and 1920 for a portrait
    one): width * f < `max_side` and height * f < `max_side`. Crowd and ignore regions and
    boxes without area are exempt.""",
    threshold="""`max_side` = 15 px: "targets under 15 x 15 at 1080p become ignore regions" is a
    common rule of labelling guides. It says nothing about the model's input, which is what
    counts: with a deployment named FL301 judges by that, and this rule is only info.""",
    false_alarms="""Sets for models with a large input or with tiles, and aerial sets where all
    targets are small.""",
    fix="""Mark the box as ignore, or name the deployment (`--deploy`), so that the judgement is
    about the model's own input.""",
    params={"max_side": 15.0},
    by_part=True,
)
def tiny_at_1080p(ctx: Context, p: Params) -> Iterator[Hits]:
    """Yield targets that are tiny on a 1080p screen."""
    f = ctx.once("scale to 1080p", lambda: _to_1080p(*ctx.size))[ctx.image_of]
    w, h = ctx.box_width * f, ctx.box_height * f
    longest = np.maximum(w, h)
    rows = np.flatnonzero(ctx.solid & ~ctx.exempt & (longest < p["max_side"]))
    longest = longest[rows]
    limit = f"{p['max_side']:g}"
    tail = (
        f" px at 1080p, under {limit} x {limit}: "
        "mark it as ignore, or name the deployment to judge it at its input."
    )
    yield Hits(
        join("Target is ", fixed(w[rows], 1), " x ", fixed(h[rows], 1), tail),
        annotation=rows,
        value=longest,
        threshold=p["max_side"],
        score=1.0 - 0.5 * longest / max(p["max_side"], 1e-9),
        severity="warning" if ctx.deploy is None else "info",
        suggestion="ignore",
    )


def _to_1080p(width: Floats, height: Floats) -> Floats:
    wide = width >= height
    return np.minimum(np.where(wide, 1920, 1080) / width, np.where(wide, 1080, 1920) / height)
