"""FL4, image quality: pictures, and boxes in them, that show too little to learn from."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from .context import Bools, Context, Floats, Ints
from .phrases import choice, join, members, numbers
from .registry import Hits, Params, rule, thresholds
from .wording import number


def _is_blank(ctx: Context) -> Bools:
    p = thresholds("FL407", ctx.config)
    flat = (ctx.stat("luma_std") < p["min_std"]) | (ctx.stat("entropy") < p["min_entropy"])
    return np.asarray(ctx.measured & flat)


def _is_dark(ctx: Context) -> Bools:
    return np.asarray(
        ctx.measured & (ctx.stat("luma_mean") < thresholds("FL402", ctx.config)["min_mean"])
    )


def _is_noisy(ctx: Context) -> Bools:
    p = thresholds("FL405", ctx.config)
    large = np.minimum(ctx.stat("width"), ctx.stat("height")) >= p["min_side"]
    return np.asarray(ctx.measured & large & (ctx.stat("noise_sigma") > p["max_sigma"]))


def _is_bright(ctx: Context) -> Bools:
    return np.asarray(
        ctx.measured & (ctx.stat("luma_mean") > thresholds("FL403", ctx.config)["max_mean"])
    )


def deployed_level(ctx: Context) -> Ints:
    """Level of the sharpness pyramid nearest above the size that the model sees.

    Level k has 1 / 2^k of the size of the picture. Without a deployment, and where the
    picture is no larger than the input, it is 0, the full size.
    """
    w, h = ctx.stat("width"), ctx.stat("height")
    if ctx.deploy is None:
        return np.zeros(len(w), np.int64)
    sx, sy = ctx.deploy.scale(np.where(ctx.turned, h, w), np.where(ctx.turned, w, h))
    factor = np.nan_to_num(np.maximum(sx, sy), nan=1.0)
    levels = ctx.image_stats["scale_sharpness"].type.list_size + 1
    # A billionth keeps exact halves on their level whatever the rounding of the factor.
    level = np.floor(-np.log2(factor) + 1e-9)
    return np.asarray(np.clip(level, 0, levels - 1), np.int64)


def _at_level(ctx: Context, name: str) -> Floats:
    """Take a measure at each image's deployed level, or at the next finer one measured."""
    return ctx.once(("at level", name), lambda: _picked(ctx, name))


def _picked(ctx: Context, name: str) -> Floats:
    level = deployed_level(ctx)
    if not level.any():
        return ctx.stat(name)
    scales = ctx.pyramid(name)
    rows = np.arange(len(scales))
    values = scales[rows, level]
    for step in range(1, scales.shape[1]):
        values = np.where(np.isnan(values), scales[rows, np.maximum(level - step, 0)], values)
    return values


_SIZES = ("its full size", "1/2 of its size", "1/4 of its size", "1/8 of its size")


@rule(
    "FL401",
    "blurry",
    "warning",
    "image",
    what="""A picture out of focus or moved, judged at the size at which the model sees it: a 12
    megapixel photo that is soft at full size can be perfectly sharp at 640 px.""",
    why="""The edges that tell classes apart are gone while the label still claims them. A large
    model has weights to spare for "blurred dog"; a small one dulls its edge filters for
    all pictures. Where the camera itself blurs (a drone, night), some such images are
    needed: decide by use, not by score.""",
    formula="""On the luma, at the level of the pyramid (1, 1/2, 1/4, 1/8) nearest above the model's
    input; full size without a deployment. Blurry if acutance < `max_acutance`; or if
    sharpness < `max_sharpness` and sharpness / (luma deviation)^2 < `max_ratio` while the
    deviation is at least `min_std`. Acutance is Laplacian energy over gradient energy, noise
    taken out of both: how steep edges are, whatever their number and contrast. Sharpness is
    max(0, variance of the 4-neighbour Laplacian - 20 * noise sigma^2). Dark (FL402), noisy
    (FL405) and blank (FL407) pictures are passed, and so are ones whose short side is under
    `min_side` px; only pictures that decoded whole are judged.""",
    threshold="""`max_acutance` = 0.22, `max_sharpness` = 80, `max_ratio` = 0.0175, `min_std` = 28,
    `min_side` = 64: set on real photos, sharp and truly blurred, and on sharp ones blurred by
    known amounts. On 97 web, street and microscope photos acutance told each from every copy
    blurred by 1.5 px (area under the curve 1.000); the Laplacian variance reached 0.914.
    The well-known "Laplacian variance below 50" is true for one kernel and one scale only:
    noise of 1.6 grey levels alone passes it, and photos of plain surfaces in perfect focus
    score 38 to 47. `blur = "laplacian-50"` in the configuration brings it back, at full
    size and for every picture, with the limit `laplacian_variance` = 50.""",
    false_alarms="""Fog, smooth gradients, drawn pictures without edges; a sharp subject before a
    blurred background that fills the picture; pictures that were enlarged.""",
    fix="""Look at it at the deployed size. If a person cannot tell the class there, exclude the
    picture or mark its boxes as ignore. If the camera on the device blurs like that, keep a
    few, on purpose.""",
    params={
        "max_acutance": 0.22,
        "max_sharpness": 80.0,
        "max_ratio": 0.0175,
        "min_std": 28.0,
        "min_side": 64.0,
        "laplacian_variance": 50.0,
    },
)
def blurry(ctx: Context, p: Params) -> Iterator[Hits]:
    """Yield blurred pictures."""
    if ctx.config.blur == "laplacian-50":
        yield _laplacian_limit(ctx, p)
        return
    level = deployed_level(ctx)
    acutance, sharpness = (_at_level(ctx, name) for name in ("acutance", "sharpness"))
    soft, weak = _blur_tests(ctx, p, acutance, sharpness)
    rows = np.flatnonzero(soft | weak)
    by_edges = soft[rows]
    value = np.where(by_edges, acutance[rows], sharpness[rows])
    limit = np.where(by_edges, p["max_acutance"], p["max_sharpness"])
    messages = join(
        ctx.quoted_paths(rows),
        " is blurry at ",
        choice(_SIZES, level[rows]),
        choice([" (sharpness ", " (acutance "], by_edges),
        numbers(value),
        ", limit ",
        numbers(limit),
        "): exclude it if its targets cannot be told at the deployed size.",
    )
    yield Hits(
        messages,
        image=rows,
        value=value,
        threshold=limit,
        score=1.0 - 0.5 * value / np.maximum(limit, 1e-9),
        extra=members(
            measure=choice(['"sharpness"', '"acutance"'], by_edges),
            scale=choice([f'"1/{2**k}"' for k in range(len(_SIZES))], level[rows]),
        ),
    )


def _blur_tests(
    ctx: Context, p: Params, acutance: Floats, sharpness: Floats
) -> tuple[Bools, Bools]:
    """Apply the two tests of FL401: edges that are not steep, and too little detail at all."""
    large = np.minimum(ctx.stat("width"), ctx.stat("height")) >= p["min_side"]
    # Under heavy noise next to nothing of the measures is left once it is taken out.
    judged = ctx.measured & large & ~_is_blank(ctx) & ~_is_dark(ctx) & ~_is_noisy(ctx)
    std = ctx.stat("luma_std")
    ratio = sharpness / std**2
    soft = judged & (acutance < p["max_acutance"])
    weak = judged & (sharpness < p["max_sharpness"]) & (ratio < p["max_ratio"])
    return soft, weak & (std >= p["min_std"])


def _laplacian_limit(ctx: Context, p: Params) -> Hits:
    """Find what the one fixed limit of common practice calls blurred."""
    variance, limit = ctx.stat("laplacian_variance"), p["laplacian_variance"]
    rows = np.flatnonzero(ctx.measured & (variance < limit))
    value = variance[rows]
    messages = join(
        ctx.quoted_paths(rows),
        " has a Laplacian variance of ",
        numbers(value),
        f", under {number(limit)}: exclude it if it is truly blurred.",
    )
    extra = members(measure=choice(['"laplacian_variance"'], np.zeros(len(rows))))
    score = 1.0 - 0.5 * value / max(limit, 1e-9)
    return Hits(messages, image=rows, value=value, threshold=limit, score=score, extra=extra)


@rule(
    "FL402",
    "dark",
    "warning",
    "image",
    what="A picture that is almost black on average.",
    why="""After the 8-bit quantisation of a small device a few grey levels are left of it, and its
    labels ask the model to see in them. A model of few weights then learns to fire on noise.
    Night pictures themselves are wanted (FL603): this is about pictures that show nothing.""",
    formula="The mean of the luma, 0 to 255, is below `min_mean`.",
    threshold="""`min_mean` = 30 of 255: below that most pixels are under 32, where sensor noise and
    JPEG rounding are as large as the picture.""",
    false_alarms="""A small bright subject on black (a lamp at night, a microscope's dark field):
    the mean is low and the subject is clear.""",
    fix="""Exclude it if nothing can be told in it; keep it if the subject is clear; take true
    night pictures with a longer exposure or infrared light.""",
    params={"min_mean": 30.0},
)
def dark(ctx: Context, p: Params) -> Iterator[Hits]:
    """Yield almost black pictures."""
    rows, mean = np.flatnonzero(_is_dark(ctx)), ctx.stat("luma_mean")
    yield _limit_hits(
        ctx,
        rows,
        mean,
        p["min_mean"],
        "is almost black (mean brightness {value} of 255, limit {limit})",
        "exclude it if nothing can be told in it",
        1.0 - 0.5 * mean[rows] / max(p["min_mean"], 1e-9),
    )


@rule(
    "FL403",
    "bright",
    "warning",
    "image",
    what="A picture that is almost white on average: burnt out, or a white page.",
    why="""Where the sensor is full there is no edge and no colour, and no preprocessing brings them
    back. A small model learns that its classes can be plain white, which is also what sky
    and walls are.""",
    formula="The mean of the luma, 0 to 255, is above `max_mean`.",
    threshold="""`max_mean` = 225 of 255: above that most pixels are in the last eighth of the
    range, where cameras clip.""",
    false_alarms="""Product photos and microscope pictures on a white ground, and snow: bright by
    nature, with clear subjects.""",
    fix="Exclude it if the subject is burnt out; keep it if only the ground is white.",
    params={"max_mean": 225.0},
)
def bright(ctx: Context, p: Params) -> Iterator[Hits]:
    """Yield almost white pictures."""
    rows, mean = np.flatnonzero(_is_bright(ctx)), ctx.stat("luma_mean")
    yield _limit_hits(
        ctx,
        rows,
        mean,
        p["max_mean"],
        "is almost white (mean brightness {value} of 255, limit {limit})",
        "exclude it if its subject is burnt out",
        0.5 + 0.5 * (mean[rows] - p["max_mean"]) / max(255.0 - p["max_mean"], 1e-9),
    )


@rule(
    "FL404",
    "low-contrast",
    "warning",
    "image",
    what="""A grey picture: fog, a veiled lens, a wrong exposure, a picture through glass. Blank,
    dark and bright pictures are left to their own rules.""",
    why="""A small model, quantised to 8 bits for the device, has a fixed step for its first
    layer. Edges of a few grey levels fall below it, so the label asks for what the quantised
    model cannot see, though the one in training could.""",
    formula="""The 99th percentile of the luma less the 1st is below `min_range`; the picture is
    not blank (FL407), dark (FL402) or bright (FL403).""",
    threshold="""`min_range` = 48 of 255: less than a fifth of the range that the picture could
    use. Of 200 web photos the flattest has 100 and half have over 215; evenly lit microscope
    pictures, which are usable, lie between 60 and 124.""",
    false_alarms="True fog and thermal cameras, where the device will see the same.",
    fix="""Clean the lens or set the exposure, if it is the camera. Keep such pictures if the
    device meets them; stretch the contrast in training and on the device alike.""",
    params={"min_range": 48.0},
)
def low_contrast(ctx: Context, p: Params) -> Iterator[Hits]:
    """Yield grey pictures."""
    span = ctx.stat("luma_p99") - ctx.stat("luma_p01")
    other = _is_blank(ctx) | _is_dark(ctx) | _is_bright(ctx)
    rows = np.flatnonzero(ctx.measured & (span < p["min_range"]) & ~other)
    yield _limit_hits(
        ctx,
        rows,
        span,
        p["min_range"],
        "uses {value} of 255 grey levels, under {limit}",
        "keep it only if the device will see such pictures",
        1.0 - 0.5 * span[rows] / max(p["min_range"], 1e-9),
    )


@rule(
    "FL405",
    "noisy",
    "warning",
    "image",
    what="A picture full of sensor noise: high ISO, a cheap camera at night, strong compression.",
    why="""Noise is the one thing that a model can only memorise, and a small one has no weights
    for that. It also feigns sharpness: blur scores rise with noise, so a noisy picture
    passes where a clean one would not.""",
    formula="""`noise_sigma`, in grey levels, > `max_sigma`, in pictures whose short side is at
    least `min_side` px. It is the mean absolute response of the mask
    [1 -2 1; -2 4 -2; 1 -2 1] times sqrt(pi / 2) / 6 (Immerkaer 1996) in the calmest tenth of
    the picture's 32 x 32 blocks: texture answers that mask too, so the mean over the whole
    picture would call a lawn noisy.""",
    threshold="""`max_sigma` = 12 grey levels, about 5 % of the range; `min_side` = 64 px.
    Half of 200 web photos are
    below 0.6, 19 of 20 below 5, and the noisiest has 10.""",
    false_alarms="""Fine texture down to the pixel (gravel, leaves, fabric, print screens) and
    pictures that were sharpened hard.""",
    fix="""If the device's camera is as noisy, keep some. Otherwise shrink or denoise them before
    training, the same way as on the device, or exclude them.""",
    params={"max_sigma": 12.0, "min_side": 64.0},
)
def noisy(ctx: Context, p: Params) -> Iterator[Hits]:
    """Yield noisy pictures."""
    sigma = ctx.stat("noise_sigma")
    rows = np.flatnonzero(_is_noisy(ctx))
    yield _limit_hits(
        ctx,
        rows,
        sigma,
        p["max_sigma"],
        "is noisy (sigma {value} grey levels, limit {limit})",
        "keep it only if the device's camera is as noisy",
        1.0 - 0.5 * p["max_sigma"] / np.maximum(sigma[rows], 1e-9),
    )


@rule(
    "FL406",
    "blurry-box",
    "warning",
    "annotation",
    what="""A box whose content is blurred while the picture is not: a thing that moved, or one far
    before or behind the focus.""",
    why="""The picture passes every test, and yet this label shows the model a smear under its
    class's name. A small model averages the smear into the class.""",
    formula="""Acutance inside the box < `max_acutance` and < `max_share` of that of the whole
    picture, which is at least `image_acutance`, at full size; for boxes of at least
    `min_side` px on their short side, in
    pictures that FL401 and FL405 do not report. Crowd and ignore regions are exempt.""",
    threshold="""`max_acutance` = 0.12, well below the 0.22 of FL401 because a box holds few edges
    and its value scatters more; `max_share` = 0.25, so that in softly drawn pictures (under a
    microscope) a smooth thing is not called blurred; `image_acutance` = 0.22; `min_side` =
    24 px, below which there are too few pixels to tell.""",
    false_alarms="""Things that are smooth by nature (a plain wall, a ball, a white dog on snow) in
    a picture with a textured background.""",
    fix="""Mark the box as ignore if a person cannot tell the class from it alone. Keep it if such
    things move on the device too.""",
    params={"max_acutance": 0.12, "max_share": 0.25, "image_acutance": 0.22, "min_side": 24.0},
    by_part=True,
)
def blurry_box(ctx: Context, p: Params) -> Iterator[Hits]:
    """Yield blurred boxes in sharp pictures."""
    if ctx.box_stats is None:
        return
    sharp = ctx.once("FL406", lambda: _sharp_images(ctx, p["image_acutance"]))
    own = ctx.once("acutance of images", lambda: ctx.stat("acutance"))
    acutance = ctx.box_stat("acutance")
    large = np.minimum(ctx.box_width, ctx.box_height) >= p["min_side"]
    relative = acutance < p["max_share"] * own[ctx.image_of]
    odd = ctx.solid & ~ctx.exempt & large & (acutance < p["max_acutance"]) & relative
    rows = np.flatnonzero(odd & sharp[ctx.image_of])
    value = acutance[rows]
    whole = own[ctx.image_of[rows]]
    messages = join(
        "Box is blurred (acutance ",
        numbers(value),
        f", limit {number(p['max_acutance'])}) in a picture that is not (",
        numbers(whole),
        "): mark it as ignore if its class cannot be told.",
    )
    yield Hits(
        messages,
        annotation=rows,
        value=value,
        threshold=p["max_acutance"],
        score=0.9 - 0.4 * value / max(p["max_acutance"], 1e-9),
        suggestion="ignore",
    )


def _sharp_images(ctx: Context, least: float) -> Bools:
    """Pictures that are sharp enough to call a box in them blurred."""
    sharp = ctx.measured & (ctx.stat("acutance") >= least) & ~_is_noisy(ctx)
    soft, weak = _blur_tests(
        ctx,
        thresholds("FL401", ctx.config),
        _at_level(ctx, "acutance"),
        _at_level(ctx, "sharpness"),
    )
    return np.asarray(sharp & ~soft & ~weak)


@rule(
    "FL407",
    "blank",
    "warning",
    "image",
    what="""A picture with nothing in it: a lens cap, a dead sensor, a one-colour placeholder such
    as "photo no longer available".""",
    why="""It teaches nothing, and with boxes on it, it teaches that the class looks like nothing.
    A hundred such frames from one broken camera are a hundred votes in a small set.""",
    formula="""The standard deviation of the luma < `min_std`, or the entropy of its histogram
    < `min_entropy` bits.""",
    threshold="""`min_std` = 5 grey levels; `min_entropy` = 1.5 bits, fewer than three equally used
    grey levels. Of 600 real pictures (web photos, street scenes, microscope) none has less
    than 3.5 bits and nearly all have 5 to 7.9.""",
    false_alarms="""Scans of plain documents, masks, drawings of two colours, and empty scenes of
    thermal cameras.""",
    fix="""Exclude it. If there are many from one camera, look at that camera.""",
    params={"min_std": 5.0, "min_entropy": 1.5},
)
def blank(ctx: Context, p: Params) -> Iterator[Hits]:
    """Yield pictures with nothing in them."""
    rows = np.flatnonzero(_is_blank(ctx))
    std, entropy = ctx.stat("luma_std")[rows], ctx.stat("entropy")[rows]
    flat = std < p["min_std"]
    value = np.where(flat, std, entropy)
    limit = np.where(flat, p["min_std"], p["min_entropy"])
    messages = join(
        ctx.quoted_paths(rows),
        choice([" is blank (", " is blank (brightness varies by "], flat),
        numbers(value),
        choice([" bits of entropy, limit ", " grey levels, limit "], flat),
        numbers(limit),
        "): exclude it.",
    )
    yield Hits(
        messages,
        image=rows,
        value=value,
        threshold=limit,
        score=1.0 - 0.5 * value / np.maximum(limit, 1e-9),
        suggestion="exclude",
        extra=members(measure=choice(['"entropy"', '"luma_std"'], flat)),
    )


def _limit_hits(
    ctx: Context, rows: Ints, column: Floats, limit: float, said: str, remedy: str, score: Floats
) -> Hits:
    """Make findings about images of which one number is beyond one limit."""
    value = column[rows]
    before, after = said.replace("{limit}", number(limit)).split("{value}")
    messages = join(ctx.quoted_paths(rows), f" {before}", numbers(value), f"{after}: {remedy}.")
    return Hits(messages, image=rows, value=value, threshold=limit, score=score)
