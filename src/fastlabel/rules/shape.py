"""FL2, geometry against the class: boxes whose shape or size their class does not have."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator

import numpy as np

from .context import Bools, Context, Floats, Ints
from .phrases import choice, fixed, join, members, numbers
from .registry import Hits, Params, rule
from .wording import number

#: Standard deviation of a normal distribution over its median absolute deviation.
MAD_TO_SIGMA = 1.4826


def _touches_border(ctx: Context, margin: float) -> Bools:
    """Boxes that reach to within a margin of their image's edge, or beyond it."""
    w, h = (side[ctx.image_of] for side in ctx.size)
    b = ctx.boxes
    low = (np.minimum(b[:, 0], b[:, 2]) <= margin) | (np.minimum(b[:, 1], b[:, 3]) <= margin)
    high = np.maximum(b[:, 0], b[:, 2]) >= w - margin
    high |= np.maximum(b[:, 1], b[:, 3]) >= h - margin
    return np.asarray(low | high)


def _robust(values: Floats, group: Ints, groups: int, least: int) -> tuple[Floats, Floats]:
    """Median and sigma (from the MAD) of each group; NaN for groups under ``least`` values."""
    centre, sigma = np.full(groups, np.nan), np.full(groups, np.nan)
    order = np.argsort(group, kind="stable")
    bounds = np.r_[0, np.cumsum(np.bincount(group, minlength=groups))]
    values = values[order]
    del order
    for g in np.flatnonzero(np.diff(bounds) >= max(least, 1)).tolist():
        mine = values[bounds[g] : bounds[g + 1]]
        centre[g] = np.median(mine)
        mine -= centre[g]
        sigma[g] = MAD_TO_SIGMA * np.median(np.abs(mine, out=mine), overwrite_input=True)
    return centre, sigma


def _learnt(
    ctx: Context, key: str, least: int, measure: Callable[[Context], tuple[Ints, Floats]]
) -> tuple[Floats, Floats]:
    """Median and sigma of each class over the whole set, of what a measure gives of a part."""

    def learn() -> tuple[Floats, Floats]:
        n = len(ctx.class_names)
        # Sorting numbers of 8 or 16 bits is one or two passes.
        kind = np.min_scalar_type(max(n - 1, 0)) if n <= 2**16 else np.dtype(np.int64)
        boxes = ctx.whole.ds.annotations.num_rows
        values, classes, used = np.empty(boxes), np.empty(boxes, kind), 0
        for part in ctx.whole.parts():
            rows, measured = measure(part)
            span = slice(used, used + len(rows))
            values[span], classes[span] = measured, part.category[rows]
            used = span.stop
        return _robust(values[:used], classes[:used], n, least)

    return ctx.once(key, learn)


def _doubt(distance: Floats, limit: Floats) -> Floats:
    """Score from 0.5 at the limit towards 1 far beyond it."""
    return np.asarray(1.0 - 0.5 * limit / np.maximum(distance, 1e-12))


@rule(
    "FL206",
    "aspect-ratio-outlier",
    "warning",
    "annotation",
    what="""A box whose height over width is far from that of its class: from the range that the
    configuration gives for it, or from what most boxes of the class have.""",
    why="""Such a box is mostly a wrong class, two objects in one box, half an object, or x and y
    exchanged. A small detector describes each class with a handful of shapes; a few
    impossible ones bend them for all.""",
    formula="""r = height / width in image pixels. With a prior: r < lowest or r > highest.
    Learnt, from at least `min_boxes` clean boxes of the class: |log r - median| >
    max(`sigmas` * 1.4826 * MAD, log `min_factor`), where median and MAD (median absolute
    deviation) are those of log r. Boxes within `border` px of the image's edge, occluded,
    truncated, crowd and ignore boxes, and those without area, are neither learnt from
    nor judged.""",
    threshold="""Priors: `[priors] person = {height_over_width = [2, 4]}`, for people who stand or
    walk, seen from the side, in full. (The often printed "1:2 to 1:4" is that range upside
    down.) Learnt: `sigmas` = 5 robust standard deviations, which a normal distribution
    passes once in two million, and never within a factor of `min_factor` = 2.5 of the
    median; `min_boxes` = 30, below which a MAD means little; `border` = 1 px.""",
    false_alarms="""Poses that the prior does not speak of (sitting, lying, riding, seen from
    above); classes with two natural shapes (a knife seen along and across), of which the
    rarer one looks like an error.""",
    fix="""Look at the box: correct its class, split it, or draw it anew. For a class of many
    shapes give a wide prior, or raise `min_factor`.""",
    params={"sigmas": 5.0, "min_factor": 2.5, "min_boxes": 30.0, "border": 1.0},
    by_part=True,
)
def aspect_ratio_outlier(ctx: Context, p: Params) -> Iterator[Hits]:
    """Yield boxes whose shape is not that of their class."""

    def measure(part: Context) -> tuple[Ints, Floats]:
        clean = part.solid & ~part.exempt & ~part.hidden & (part.category >= 0)
        rows = np.flatnonzero(clean & ~_touches_border(part, p["border"]))
        return rows, np.log(part.box_height[rows] / part.box_width[rows])

    rows, log = measure(ctx)
    ratio = ctx.box_height[rows] / ctx.box_width[rows]
    classes, n = ctx.category[rows], len(ctx.class_names)
    centre, sigma = _learnt(ctx, "FL206", int(p["min_boxes"]), measure)
    reach = np.maximum(p["sigmas"] * sigma, math.log(max(p["min_factor"], 1.0)))
    low, high = centre - reach, centre + reach
    given = np.zeros(n, np.bool_)
    for i, name in enumerate(ctx.class_names):
        span = ctx.config.priors.get(name, {}).get("height_over_width")
        if span is not None:
            low[i], high[i], given[i] = math.log(span[0]), math.log(span[1]), True
    below, above = log < low[classes], log > high[classes]
    odd = np.flatnonzero(below | above)
    rows, ratio, log, classes = rows[odd], ratio[odd], log[odd], classes[odd]
    limit = np.where(below[odd], low[classes], high[classes])
    middle = (low[classes] + high[classes]) / 2
    spans = [
        f", where {'its prior' if given[c] else 'its class'} allows "
        f"{number(math.exp(low[c]))} to {number(math.exp(high[c]))}"
        for c in range(n)
    ]
    messages = join(
        "Height over width of this ",
        choice(ctx.quoted_classes, classes),
        " is ",
        numbers(ratio),
        choice(spans, classes),
        ": check its class and draw it anew if it is wrong.",
    )
    yield Hits(
        messages,
        annotation=rows,
        value=ratio,
        threshold=np.exp(limit),
        score=_doubt(np.abs(log - middle), np.abs(limit - middle)),
        extra=members(prior=choice(['"learnt"', '"given"'], given[classes])),
    )


@rule(
    "FL207",
    "size-outlier",
    "info",
    "annotation",
    what="""A box that is far larger or far smaller, relative to its image, than the boxes of its
    class mostly are.""",
    why="""A box around a whole group, or a speck left over from a slip of the mouse, carries the
    class's name without its looks. A small detector assigns each size to one of two or three
    heads; a wrong size trains the wrong head.""",
    formula="""s = log(sqrt(box area) / sqrt(image area)); per class, from at least `min_boxes`
    boxes: |s - median| > `sigmas` * 1.4826 * MAD, and the box's side is `min_factor` times
    larger or smaller than the median. On the small side boxes within `border` px of the
    image's edge and occluded or truncated ones are exempt: what is cut off is small
    rightly. Crowd and ignore regions are exempt.""",
    threshold="""`sigmas` = 5 robust standard deviations; `min_factor` = 4, because sizes of one
    class spread by nature (near and far); `min_boxes` = 30, below which a MAD means little;
    `border` = 1 px. Only info: a size alone proves nothing.""",
    false_alarms="""Close-ups in a set of far views, and single far objects in a set of close-ups:
    the rare cases that one wants to keep.""",
    fix="""Look at the box. A group: draw its members, or mark it as crowd. A speck: delete it.
    A true rare size: keep it, and collect more of them.""",
    params={"sigmas": 5.0, "min_factor": 4.0, "min_boxes": 30.0, "border": 1.0},
    by_part=True,
)
def size_outlier(ctx: Context, p: Params) -> Iterator[Hits]:
    """Yield boxes whose size is not that of their class."""
    image_side = ctx.once("side of images", lambda: np.sqrt(ctx.size[0] * ctx.size[1]))

    def shares(part: Context) -> Floats:
        side = np.sqrt(part.box_width) * np.sqrt(part.box_height)  # of a square of its area
        return np.asarray(side / image_side[part.image_of])

    def measure(part: Context) -> tuple[Ints, Floats]:
        share = shares(part)
        judged = part.solid & ~part.exempt & (part.category >= 0) & np.isfinite(share)
        rows = np.flatnonzero(judged)
        return rows, np.log(share[rows])

    rows, log = measure(ctx)
    share = shares(ctx)[rows]
    classes = ctx.category[rows]
    centre, sigma = _learnt(ctx, "FL207", int(p["min_boxes"]), measure)
    limit = np.maximum(p["sigmas"] * sigma, math.log(max(p["min_factor"], 1.0)))[classes]
    distance = log - centre[classes]
    cut = (_touches_border(ctx, p["border"]) | ctx.hidden)[rows]
    odd = np.flatnonzero((distance > limit) | ((-distance > limit) & ~cut))
    rows, classes, distance, limit = rows[odd], classes[odd], distance[odd], limit[odd]
    messages = join(
        "This ",
        choice(ctx.quoted_classes, classes),
        " is ",
        numbers(np.exp(np.abs(distance))),
        " times ",
        choice(["smaller", "larger"], distance > 0),
        " in its image than its class mostly is (limit ",
        numbers(np.exp(limit)),
        "): look whether it is one whole object.",
    )
    rounded = fixed(share[odd], 6, lambda v: json.dumps(round(v, 6)))
    side = choice(['"small"', '"large"'], distance > 0)
    yield Hits(
        messages,
        annotation=rows,
        value=np.exp(np.abs(distance)),
        threshold=np.exp(limit),
        score=_doubt(np.abs(distance), limit),
        extra=members(share_of_image=rounded, side=side),
    )
