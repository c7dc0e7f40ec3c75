"""FL2, geometry of single boxes: corners that cannot be, and boxes outside their image."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from .context import ZERO_SIDE, Context, Floats
from .phrases import choice, fixed, general, join, json_rounded, members, numbers, whole_numbers
from .registry import Hits, Params, rule


def _coordinates(boxes: Floats) -> pa.Array:
    """Corners as text, in the pixels of the annotation table."""
    x1, y1, x2, y2 = (general(boxes[:, at], 6) for at in range(4))
    return join(x1, ", ", y1, ", ", x2, ", ", y2)


@rule(
    "FL201",
    "out-of-bounds",
    "error",
    "annotation",
    what="""A box that reaches outside its image. An error when its centre or more than a tenth
    of its area lies outside, otherwise a warning.""",
    why="""Older trainers drop the image, newer ones clip the box, and few say so. A clipped box
    no longer has its object's centre or shape, and centre and shape are all that the few
    prior boxes of a small detector can express. A box far outside mostly means a wrong
    image size or wrong axes, and then the other boxes are wrong too.""",
    formula="""The farthest reach over any of the four edges, in pixels of the size that the
    labels declare (the decoded size where they declare none). Share outside = 1 - area of
    the part inside / area of the box, with swapped corners put in order first.""",
    threshold="""`slack` = 0.5 px: what rounding to whole pixels, or to a few decimals, can do.
    `max_outside` = 0.1 of the area. Half a pixel is a matter of convention; a tenth of the
    area is beyond the tolerance of every trainer we know (1 % in the newer ones).""",
    false_alarms="""Tools that draw on through the edge on purpose, to keep the object's true
    size (amodal boxes): then raise `max_outside`, or set the severity to info.""",
    fix="""Clip a box that sticks out a little. Draw anew one whose centre is outside. If most
    boxes of an image are affected, check its declared size and EXIF orientation first.""",
    params={"slack": 0.5, "max_outside": 0.1},
    by_part=True,
)
def out_of_bounds(ctx: Context, p: Params) -> Iterator[Hits]:
    """Yield boxes that leave their image."""
    w, h = ctx.image_size
    usable = ctx.finite & np.isfinite(w)
    x1, y1, x2, y2 = ctx.edges
    reach = np.maximum(np.maximum(-x1, x2 - w), np.maximum(-y1, y2 - h))
    rows = np.flatnonzero(usable & (reach > p["slack"]))
    x1, y1, x2, y2, w, h = (a[rows] for a in (x1, y1, x2, y2, w, h))
    inside_w = np.maximum(np.minimum(x2, w) - np.maximum(x1, 0.0), 0.0)
    inside_h = np.maximum(np.minimum(y2, h) - np.maximum(y1, 0.0), 0.0)
    share_w = np.where(x2 > x1, inside_w / (x2 - x1), 1.0)
    share_h = np.where(y2 > y1, inside_h / (y2 - y1), 1.0)
    outside = 1.0 - np.nan_to_num(share_w) * np.nan_to_num(share_h)
    cx, cy = x1 + (x2 - x1) / 2, y1 + (y2 - y1) / 2
    lost = (cx < 0) | (cx > w) | (cy < 0) | (cy > h)
    bad = lost | (outside > p["max_outside"])
    reach = reach[rows]
    share = join(fixed(100 * outside, 1), " % of its area")
    messages = join(
        "Box reaches ",
        numbers(reach),
        " px outside its ",
        whole_numbers(w),
        " x ",
        whole_numbers(h),
        " image (",
        pc.if_else(pa.array(lost), "its centre is outside", share),
        "): ",
        choice(["clip it or draw it anew", "draw it anew"], lost),
        ".",
    )
    rounded = json_rounded(outside, 4)
    yield Hits(
        messages,
        annotation=rows,
        value=reach,
        threshold=p["slack"],
        score=0.5 + 0.5 * np.where(lost, 1.0, outside),
        severity=choice(["warning", "error"], bad),
        suggestion=choice(["review", "relabel"], lost),
        extra=members(outside=rounded),
    )


@rule(
    "FL202",
    "degenerate",
    "error",
    "annotation",
    what="A box of zero width or zero height: a click without a drag, or a rounding to nothing.",
    why="""It has no area, so no prediction can ever overlap it: IoU is 0 whatever the model does,
    and losses on the logarithm of width or height turn into infinity or NaN. One NaN ends
    a training run, and with a small model's high learning rates sooner.""",
    formula="""`x2 = x1` or `y2 = y1`, up to a millionth of a pixel. In formats that count whole
    pixels inclusively (Pascal VOC) equal corners are meant, `xmax = xmin` or `ymax = ymin`:
    by the book that spans one pixel, and in practice it is a stray click.""",
    threshold="0 px between the corners as drawn. Anything longer is a matter for FL301.",
    false_alarms="A true target of a single pixel in a VOC set; no detector can learn it.",
    fix="Remove the box, or draw it anew if there is an object under it.",
    by_part=True,
)
def degenerate(ctx: Context, p: Params) -> Iterator[Hits]:
    """Yield boxes without width or height."""
    w, h = ctx.drawn_sides
    flat_w, flat_h = np.abs(w) <= ZERO_SIDE, np.abs(h) <= ZERO_SIDE
    rows = np.flatnonzero(ctx.finite & (flat_w | flat_h))
    lacks = choice(["height", "width", "size"], np.where(flat_w, 1 + flat_h, 0)[rows])
    corners = _coordinates(ctx.corners(rows))
    messages = join("Box (", corners, ") has no ", lacks, ": remove it, or draw it anew.")
    yield Hits(messages, annotation=rows, value=0.0, threshold=0.0, suggestion="relabel")


@rule(
    "FL203",
    "swapped-corners",
    "error",
    "annotation",
    what="A box whose right edge lies left of its left edge, or its bottom above its top.",
    why="""Its width or height is negative. Trainers drop the box, clip it to nothing or take the
    logarithm of a negative number; the object under it then counts as background, and a
    small model learns to suppress it.""",
    formula="""`x2 < x1` or `y2 < y1` as the source wrote the corners (a negative width or height
    in formats that store sizes).""",
    threshold="0 px: a millionth of a pixel is allowed for rounding.",
    false_alarms="""None known. Many at once mean that the columns are read in the wrong order,
    for instance xmin, xmax, ymin, ymax.""",
    fix="""Put the corners in order: smaller first. If many boxes are affected, correct the
    program that wrote them.""",
    by_part=True,
)
def swapped_corners(ctx: Context, p: Params) -> Iterator[Hits]:
    """Yield boxes with a negative side."""
    w, h = ctx.drawn_sides
    least = np.minimum(w, h)
    rows = np.flatnonzero(ctx.finite & (least < -ZERO_SIDE))
    least = least[rows]
    messages = join(
        "Box (",
        _coordinates(ctx.corners(rows)),
        ") has its corners swapped (a side of ",
        numbers(least),
        " px): put the smaller coordinate first.",
    )
    yield Hits(messages, annotation=rows, value=least, threshold=0.0, suggestion="relabel")


@rule(
    "FL208",
    "non-finite",
    "error",
    "annotation",
    what="A box with a coordinate that is NaN or infinite.",
    why="""NaN spreads: one such box makes the loss NaN and every weight after it, a thousand
    steps into the training, with no hint of where it came from. Infinite corners make a
    box that overlaps everything.""",
    formula="""A corner that the source gives is NaN or infinite. A corner that cannot be
    known, because the image's size is not known, is not meant.""",
    threshold="None: a number is finite or it is not.",
    false_alarms="None known.",
    fix="Draw the box anew or remove it, and correct the division that made it.",
    by_part=True,
)
def non_finite(ctx: Context, p: Params) -> Iterator[Hits]:
    """Yield boxes with NaN or infinite corners."""
    rows = np.flatnonzero(ctx.known & ~ctx.finite)
    corners = _coordinates(ctx.corners(rows))
    messages = join("Box (", corners, ") is not finite: draw it anew, or remove it.")
    yield Hits(messages, annotation=rows, suggestion="relabel")
