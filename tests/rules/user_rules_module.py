"""A module of rules, as a user would write one."""

import math

import fastlabel as fl


@fl.rule(
    "X001",
    name="too-wide",
    message="Box of class {category} is {value:.1f} times as wide as high, over {max_ratio:g}.",
    suggestion="relabel",
    why="A flat box is two objects. Or none.",
)
def too_wide(x1, y1, x2, y2, max_ratio=5.0):
    """Find boxes that are much wider than high."""
    ratio = (x2 - x1) / (y2 - y1)
    return ratio if ratio > max_ratio else math.nan


@fl.rule("X002", name="dim-image", scope="image", severity="info", min_mean=60.0)
def dim_image(luma_mean, min_mean):
    return luma_mean < min_mean


@fl.rule("Y10", name="large-share", message="{value:.2f} of {width:.0f} px, {image}.")
def large_share(x1, x2, width, box_sharpness, least=0.5):
    share = (x2 - x1) / width
    return (share if share > least else math.nan), share
