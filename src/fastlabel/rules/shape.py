"""FL2, geometry against the class: boxes whose shape or size their class does not have."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from .._ranks import group_sizes, medians
from .context import PART, Context, Floats, Ints
from .phrases import choice, join, json_rounded, members, numbers
from .registry import Hits, Params, rule, thresholds
from .wording import number

#: Standard deviation of a normal distribution over its median absolute deviation.
MAD_TO_SIGMA = 1.4826


@dataclass(frozen=True)
class _Learnt:
    """Median and sigma of each class over the whole set; NaN for a class of too few boxes."""

    centre: Floats
    sigma: Floats

    @classmethod
    def of(cls, values: Floats, classes: npt.NDArray[Any], n: int, least: float) -> _Learnt:
        """Learn from the values of all boxes, which are overwritten."""
        counts = group_sizes(classes, n)
        counts[counts < max(int(least), 1)] = 0
        centre = medians(values, classes, counts)
        # Of classes that are not learnt, and of boxes that overflow, no number is looked at.
        origin = np.where(np.isfinite(centre), centre, 0.0)
        for at in range(0, len(values), PART):
            span = slice(at, at + PART)
            values[span] -= origin[classes[span]]
            np.abs(values[span], out=values[span])
        sigma = MAD_TO_SIGMA * medians(values, classes, counts)
        return cls(centre, np.where(np.isfinite(centre), sigma, np.nan))


class _Column:
    """Values of the boxes of a class, collected part by part."""

    def __init__(self, boxes: int, classes: int) -> None:
        # Pages that stay empty cost nothing.
        self.values = np.empty(boxes)
        self.classes = np.empty(boxes, np.min_scalar_type(max(classes - 1, 0)))
        self.used = 0

    def add(self, values: Floats, classes: Ints) -> None:
        span = slice(self.used, self.used + len(values))
        self.values[span], self.classes[span] = values, classes
        self.used = span.stop

    def learn(self, n: int, least: float) -> _Learnt:
        return _Learnt.of(self.values[: self.used], self.classes[: self.used], n, least)


def _learnt(ctx: Context) -> tuple[_Learnt, _Learnt]:
    """What all boxes tell of the shapes and of the sizes of their classes."""

    def learn() -> tuple[_Learnt, _Learnt]:
        border, few = (thresholds("FL206", ctx.config)[k] for k in ("border", "min_boxes"))
        shapes = column_of(lambda part: _shapes(part, border)).learn(n, few)
        return shapes, column_of(_sizes).learn(n, thresholds("FL207", ctx.config)["min_boxes"])

    def column_of(measure: Callable[[Context], tuple[Ints, Floats]]) -> _Column:
        out = _Column(ctx.whole.ds.annotations.num_rows, n)
        for part in ctx.whole.parts():
            rows, log = measure(part)
            out.add(log, part.category[rows])
        return out

    n = len(ctx.class_names)
    return ctx.once("shapes and sizes", learn)


def _shapes(part: Context, border: float) -> tuple[Ints, Floats]:
    """Boxes whose shape can be judged, and its logarithm."""
    clean = part.solid & ~part.exempt & ~part.hidden & (part.category >= 0)
    rows = np.flatnonzero(clean & ~part.touches_border(border))
    log = np.log(part.box_height[rows] / part.box_width[rows])
    told = ~np.isnan(log)  # not where both sides overflow
    return (rows, log) if told.all() else (rows[told], log[told])


def _sizes(part: Context) -> tuple[Ints, Floats]:
    """Boxes whose size can be judged, and its logarithm."""
    share = _shares(part)
    judged = part.solid & ~part.exempt & (part.category >= 0) & np.isfinite(share)
    rows = np.flatnonzero(judged)
    return rows, np.log(share[rows])


def _shares(part: Context, rows: Ints | slice = slice(None)) -> Floats:
    """Side of a square of each box's area, as a share of that of its image's."""
    image = part.once("side of images", lambda: np.sqrt(part.size[0] * part.size[1]))
    side = np.sqrt(part.box_width[rows]) * np.sqrt(part.box_height[rows])
    return np.asarray(side / image[part.image_of[rows]])


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
    rows, log = _shapes(ctx, p["border"])
    classes, n = ctx.category[rows], len(ctx.class_names)
    shapes = _learnt(ctx)[0]
    centre = shapes.centre
    reach = np.maximum(p["sigmas"] * shapes.sigma, math.log(max(p["min_factor"], 1.0)))
    low, high = centre - reach, centre + reach
    given = np.zeros(n, np.bool_)
    for i, name in enumerate(ctx.class_names):
        span = ctx.config.priors.get(name, {}).get("height_over_width")
        if span is not None:
            low[i], high[i], given[i] = math.log(span[0]), math.log(span[1]), True
    below, above = log < low[classes], log > high[classes]
    odd = np.flatnonzero(below | above)
    rows, log, classes = rows[odd], log[odd], classes[odd]
    ratio = ctx.box_height[rows] / ctx.box_width[rows]
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
    rows, log = _sizes(ctx)
    classes = ctx.category[rows]
    sizes = _learnt(ctx)[1]
    limit = np.maximum(p["sigmas"] * sizes.sigma, math.log(max(p["min_factor"], 1.0)))[classes]
    distance = log - sizes.centre[classes]
    cut = (ctx.touches_border(p["border"]) | ctx.hidden)[rows]
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
    rounded = json_rounded(_shares(ctx, rows), 6)
    side = choice(['"small"', '"large"'], distance > 0)
    yield Hits(
        messages,
        annotation=rows,
        value=np.exp(np.abs(distance)),
        threshold=np.exp(limit),
        score=_doubt(np.abs(distance), limit),
        extra=members(share_of_image=rounded, side=side),
    )
