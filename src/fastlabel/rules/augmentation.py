"""FL9, augmentation: pages and thresholds of what ``lint-augment`` finds.

What is judged is a file of settings, not the data set alone, so ``check`` has nothing to run
here: the judging is in :mod:`fastlabel.lint`.
"""

from __future__ import annotations

from .context import Context
from .registry import Hits, Params, rule

__all__: list[str] = []


@rule(
    "FL901",
    "rotation-too-far",
    "warning",
    "set",
    what="""Augmentation turns pictures further than the camera ever tilts, or upside down. An error
    where it is so far that no level camera sees it.""",
    why="""A small model that must find people at every angle has so much less room for people who
    stand. And a box around a turned box is loose, so the model learns loose boxes.""",
    formula="""The greatest angle is above `max_degrees` = 10; an error above `error_degrees` = 45.
    Turns by quarters count as 180 degrees, and so do vertical flips. Not judged where the
    deployment says `top_down = true` under `[camera]`: seen from above, no side is up.""",
    threshold="""`max_degrees` = 10 is common practice for cameras on walls, poles and cars, which
    hang a few degrees off; `error_degrees` = 45, beyond which up becomes sideways.""",
    false_alarms="""Microscopes, drones that look straight down, things on belts: say so in the
    profile. Hand-held phones, which are turned by quarters.""",
    fix="""Keep to 10 degrees; for what is seen from above, say `top_down = true` in the
    profile.""",
    params={"max_degrees": 10.0, "error_degrees": 45.0},
)
def rotation_too_far(ctx: Context, p: Params) -> list[Hits]:
    """Judge nothing in a data set: see :mod:`fastlabel.lint`."""
    return []


@rule(
    "FL902",
    "colour-is-the-class",
    "warning",
    "set",
    what="""Augmentation shifts or takes away the colour, and there are classes that are known by
    it: traffic lights, wires, flags, ripe fruit. An error where the shift is large, or the
    colour goes altogether.""",
    why="""Under a shifted hue a red lamp is labelled red and looks amber: the label becomes wrong
    where it matters most. Shape carries a large model over that; a lamp of 6 px has no shape.""",
    formula="""The greatest shift of the hue, of the 360 degrees of the circle, is above
    `max_degrees` = 2 (an error above `error_degrees` = 15), or the colours are taken away,
    exchanged or inverted (an error); and a class is known by colour: by its name, in the lists
    of 15 languages, or by your own table, `[lint.classes]` in fastlabel.toml.""",
    threshold="""Red has hue 0 and amber 45 degrees. `error_degrees` = 15: if both move towards each
    other by that much, a third of the distance is left. `max_degrees` = 2 is about what a
    camera's white balance does to a lamp by itself. Trainers' default of 0.015 is 5.4 degrees.""",
    false_alarms="""Names that only sound like it (a cable car); flags or lights that the device
    need not tell apart: `[lint.classes]` with `"cable car" = []` takes a class out.""",
    fix="""Set the hue to 0, keep the colours, and vary brightness or gamma instead.""",
    params={"max_degrees": 2.0, "error_degrees": 15.0},
)
def colour_is_the_class(ctx: Context, p: Params) -> list[Hits]:
    """Judge nothing in a data set: see :mod:`fastlabel.lint`."""
    return []


@rule(
    "FL903",
    "mirrored-class",
    "error",
    "set",
    what="""Augmentation mirrors pictures, and there are classes with a left and a right, or that
    are there to be read: signs, plates, digits, arrows. A warning for things that only bear
    lettering (books, clocks, screens).""",
    why="""Mirrored, "turn left" is labelled left and shows right: half of what the model is told is
    wrong. Mirrored text occurs nowhere, so the room that it takes in a small model is lost.""",
    formula="""Any share of the pictures is mirrored, and a class has text or a direction: by its
    name, in the lists of 15 languages, or by your own table, `[lint.classes]` in
    fastlabel.toml. A transposed picture is a mirrored one.""",
    threshold="""None: labels that are wrong by design need no share. A vertical flip is FL901.""",
    false_alarms="""Signs that are their own mirror image (most warning triangles); classes whose
    name only sounds like it (the right whale): `[lint.classes]` with `"right whale" = []` takes
    a class out.""",
    fix="""Switch the horizontal flip off; or, where left and right are two classes, use a trainer
    that exchanges the two labels when it mirrors.""",
)
def mirrored_class(ctx: Context, p: Params) -> list[Hits]:
    """Judge nothing in a data set: see :mod:`fastlabel.lint`."""
    return []


@rule(
    "FL904",
    "mixed-pictures",
    "warning",
    "set",
    what="Mosaic, mixup or cutmix for a model under 5 million parameters.",
    why="""They show what no camera does: four scenes with seams, two scenes through each other.
    A large model has room to learn these and the real ones; a small one pays with what it
    would know of the real ones, and never trains long enough to forget them.""",
    formula="""Any share of the pictures is mixed, and the model has under `max_millions` = 5
    million parameters: as `--parameters` says, as the settings' model is known to
    have, or, where neither says, taken to be small unless the deployment is of tier `cloud`.""",
    threshold="""`max_millions` = 5, the size this project is for. What it costs or gains on
    real sets is measured by `benchmarks/diet`; judge by that and by your own validation set.""",
    false_alarms="""Small sets, where variety of any kind helps; long runs that switch mosaic off
    for many epochs at the end. Model names that say nothing of the size.""",
    fix="""Set mosaic, mixup and cutmix to 0, or leave mosaic for the first epochs only; paste
    objects where they could stand (`fastlabel paste`) instead.""",
    params={"max_millions": 5.0},
)
def mixed_pictures(ctx: Context, p: Params) -> list[Hits]:
    """Judge nothing in a data set: see :mod:`fastlabel.lint`."""
    return []


@rule(
    "FL905",
    "pushed-under-stride",
    "warning",
    "set",
    what="""Augmentation shrinks pictures so far that targets which could be learnt fall under one
    stride of the finest head. An error where that is so for many.""",
    why="""Under one stride a target has no cell of its own. Its label then asks for what cannot be
    seen, and a small model answers by firing at specks.""",
    formula="""Of the boxes whose shorter side at the model's input is one stride or more, the share
    that the drawn factor makes shorter than that (the mean over the factors, drawn evenly) is
    above `max_share` = 0.02; an error above `error_share` = 0.25. Ignore and crowd regions are
    not counted. Needs the data set, and the deployment or the settings' input size.""",
    threshold="""Ours: at `max_share` = 0.02 one target in fifty is lost each epoch; at
    `error_share` = 0.25 one in four.""",
    false_alarms="""Trainers that drop boxes below some pixels after augmentation; then they are
    background, which is no better. Models with a finer stride than the profile says.""",
    fix="""Raise the lower end of the scale, choose a larger input, tile, or mark what is too small
    as ignore regions (`fastlabel ignore`).""",
    params={"max_share": 0.02, "error_share": 0.25},
)
def pushed_under_stride(ctx: Context, p: Params) -> list[Hits]:
    """Judge nothing in a data set: see :mod:`fastlabel.lint`."""
    return []


@rule(
    "FL906",
    "unlike-the-reference",
    "warning",
    "set",
    what="""Augmentation makes pictures darker, brighter, more blurred or noisier than anything that
    the frames of the deployment show.""",
    why="""What the camera never delivers need not be learnt. A small model that is taught night,
    fog and blur it will not meet has less room for the light it works in.""",
    formula="""Pictures of the set (of the frames, where no set is given) are augmented at the
    weakest, middle and greatest strength and measured at the model's input: mean brightness,
    steepness of edges, noise. The share that lies outside what the frames show (all but
    one in fifty at either end, and `margin` = 0.1 of that range beyond), less the share that lay
    outside before, is above `max_share` = 0.2. Without `--reference`, a folder of frames: a
    gain or contrast below `min_gain` = 0.5 or above `max_gain` = 1.6, a gamma above
    `max_gamma` = 2 or below one over it, blur over `max_blur` = 2 px of standard deviation,
    noise over `max_noise` = 12 grey levels.""",
    threshold="""Ours. `max_share` = 0.2: a fifth of what is made is of no use. `margin` = 0.1, as
    some hundred frames do not show the extremes of a year. The limits without frames: one stop
    of light down and two thirds of one up, and noise as of a phone at night.""",
    false_alarms="""Frames of one day, of one season or of one camera. With few frames the range is
    narrow: take some hundred, of day and night.""",
    fix="""Narrow the range to what the frames show, or collect frames of what is missing.""",
    params={
        "max_share": 0.2,
        "margin": 0.1,
        "min_gain": 0.5,
        "max_gain": 1.6,
        "max_gamma": 2.0,
        "max_blur": 2.0,
        "max_noise": 12.0,
    },
)
def unlike_the_reference(ctx: Context, p: Params) -> list[Hits]:
    """Judge nothing in a data set: see :mod:`fastlabel.lint`."""
    return []


@rule(
    "FL907",
    "tightness-lost",
    "warning",
    "set",
    what="""Augmentation turns or shears pictures and draws each new box around the corners of the
    old one, so that boxes no longer fit.""",
    why="""A small model copies the boxes it is shown. Boxes that are a tenth too wide on all sides
    cost it every evaluation at a high IoU, and small boxes lose most.""",
    formula="""For an object that fills the inscribed ellipse of its box, the IoU of the box around
    the moved corners with the tight box around the moved ellipse; the mean over the angles
    drawn, and over the shapes of the set's boxes (squares, without a set), is below
    `min_iou` = 0.9; an error below `error_iou` = 0.75. Not for steps that move the outline or
    the inscribed ellipse.""",
    threshold="""`min_iou` = 0.9, practice for a good label; a square turned by 10 degrees has
    0.745, and evenly up to 10 degrees 0.86. `error_iou` = 0.75, the strict threshold of COCO.""",
    false_alarms="""Rectangular objects (plates, screens) fill their corners, so the box around them
    fits. Sets with polygons, where the trainer turns these and not the boxes.""",
    fix="""Turn polygons where there are some, or the inscribed ellipse (`rotate_method = "ellipse"`
    in Albumentations; `fastlabel augment` does either); or turn less.""",
    params={"min_iou": 0.9, "error_iou": 0.75},
)
def tightness_lost(ctx: Context, p: Params) -> list[Hits]:
    """Judge nothing in a data set: see :mod:`fastlabel.lint`."""
    return []
