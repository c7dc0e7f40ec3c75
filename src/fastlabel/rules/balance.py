"""FL6, balance: what the set as a whole has too little of."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from .context import Bools, Context, Ints
from .registry import Hits, Params, rule
from .wording import count, number, quote

#: Input that is assumed where no deployment is named.
ASSUMED_INPUT = 640


def _targets(ctx: Context) -> Bools:
    """Boxes that are single targets of a known class."""
    return ~ctx.exempt & (ctx.category >= 0)


def _per_part(ctx: Context, tally: Callable[[Context], Ints]) -> Ints:
    """Counts of the whole set, summed over its parts."""
    counts = [tally(part) for part in ctx.parts()]
    return np.asarray(np.sum(counts, axis=0), np.int64)


def _percent(share: float) -> str:
    return f"{number(100 * share)} %"


@rule(
    "FL601",
    "class-imbalance",
    "warning",
    "set",
    what="Some classes have many times the boxes of others. The message names the rare ones.",
    why="""The loss is a sum, so the common class owns it. A small model, which cannot afford
    weights for what hardly ever counts, gives the rare class up altogether: its recall
    falls to nothing while the average still looks well.""",
    formula="""The largest number of boxes of a class over the smallest, among classes that have
    any (crowd and ignore regions not counted), is above `max_ratio`; for at least two such
    classes and `min_boxes` boxes in all. Rare are the classes that the largest exceeds by
    more than that ratio.""",
    threshold="""`max_ratio` = 10: beyond about ten, weighting and resampling no longer make up for
    examples that are not there. `min_boxes` = 50, below which a ratio means little.""",
    false_alarms="""Classes that are rare and easy (a logo that never changes); sets that mirror how
    often things occur, for a model that may miss the rare ones.""",
    fix="""Collect or paste examples of the rare classes, sample their images more often, or merge
    classes that the device need not tell apart.""",
    params={"max_ratio": 10.0, "min_boxes": 50.0},
)
def class_imbalance(ctx: Context, p: Params) -> Iterator[Hits]:
    """Yield one finding if the classes' box counts are far apart."""
    counts = _per_part(
        ctx, lambda part: np.bincount(part.category[_targets(part)], minlength=len(ctx.class_names))
    )
    used = np.flatnonzero(counts)
    if len(used) < 2 or counts.sum() < p["min_boxes"]:
        return
    most = int(used[np.argmax(counts[used])])
    ratio = counts[most] / counts[used].min()
    if ratio <= p["max_ratio"]:
        return
    rare = used[counts[most] > p["max_ratio"] * counts[used]]
    rare = rare[np.lexsort((rare, counts[rare]))].tolist()
    shown = ", ".join(f"{ctx.quoted_classes[i]} ({counts[i]:,})" for i in rare[:5])
    more = f" and {len(rare) - 5:,} more" if len(rare) > 5 else ""
    message = (
        f"Class {ctx.quoted_classes[most]} has {counts[most]:,} boxes, "
        f"{number(float(ratio))} times those of the rarest (limit {number(p['max_ratio'])}): "
        f"collect or sample more of {shown}{more}."
    )
    extra = {
        "rare": {ctx.class_names[i]: int(counts[i]) for i in rare[:100]},
        "rare_classes": len(rare),
        "most": ctx.class_names[most],
    }
    yield Hits(
        [message],
        value=float(ratio),
        threshold=p["max_ratio"],
        score=0.5 + 0.5 * (1.0 - p["max_ratio"] / float(ratio)),
        suggestion="collect",
        extra=[extra],
    )


@rule(
    "FL602",
    "no-small-targets",
    "info",
    "set",
    what="""Hardly any target is small at the model's input. A warning when a deployment is named;
    without one an input of 640 x 640 is assumed, and it is only info.""",
    why="""On a doorbell or a drone most targets are far away, that is small. A model that has
    only seen large ones fails on the first day outside; and with the finest head untrained,
    the outputs that cost most of the time on the device are noise.""",
    formula="""The share of targets with width * height < `small_area` at the model's input
    (letterbox or stretch, as the profile says) is below `min_share`; for at least
    `min_images` labelled images with any box. Crowd and ignore regions are not counted.""",
    threshold="""`small_area` = 1024 px, the 32 x 32 that COCO calls small, but at the input and not
    in the photo. `min_share` = 0.02: COCO itself has about 40 %, and under 2 % the finest head
    sees less than one target in fifty; the report's light of the learnable small targets,
    those of one to three strides, is red under the same share. `min_images` = 20.""",
    false_alarms="""Uses where targets are large by nature: faces at a door lock, parts on a belt,
    pictures taken by hand of one thing.""",
    fix="""Collect frames with far targets, tile less and shrink more, or paste small ones. If the
    device never meets them, drop the finest head instead and gain speed.""",
    params={"small_area": 1024.0, "min_share": 0.02, "min_images": 20.0},
)
def no_small_targets(ctx: Context, p: Params) -> Iterator[Hits]:
    """Yield one finding if small targets are missing."""
    iw, ih = ctx.size
    if ctx.deploy is not None:
        sx, sy = ctx.deploy.scale(iw, ih)
        where = f"{ctx.deploy.input_width} x {ctx.deploy.input_height} input"
    else:
        sx = sy = np.minimum(ASSUMED_INPUT / iw, ASSUMED_INPUT / ih)
        where = f"{ASSUMED_INPUT} x {ASSUMED_INPUT} input (assumed)"
    images = np.count_nonzero(ctx.has_label_state("labelled", "labelled_empty"))
    if images < p["min_images"]:
        return
    known, factor = np.isfinite(iw), sx * sy

    def tally(part: Context) -> Ints:
        judged = part.solid & ~part.exempt & known[part.image_of]
        area = (part.box_width * part.box_height * factor[part.image_of])[judged]
        return np.array([len(area), np.count_nonzero(area < p["small_area"])])

    targets, small = _per_part(ctx, tally).tolist()
    if not targets:
        return
    share = small / targets
    if share >= p["min_share"]:
        return
    side = number(float(np.sqrt(p["small_area"])))
    message = (
        f"Only {small:,} of {count(targets, 'target')} ({_percent(share)}, limit "
        f"{_percent(p['min_share'])}) are under {side} x {side} px at the {where}: "
        "collect frames with far targets if the device meets them."
    )
    yield Hits(
        [message],
        value=share,
        threshold=p["min_share"],
        score=1.0 - 0.5 * share / max(p["min_share"], 1e-9),
        severity="info" if ctx.deploy is None else "warning",
        suggestion="collect",
        extra=[{"small": small, "targets": targets}],
    )


@rule(
    "FL603",
    "no-night-images",
    "info",
    "set",
    what="Hardly any picture was taken in the dark.",
    why="""Cameras at doors, in yards and on roads work at night, under infrared or street light,
    with noise and without colour. A small model trained by day does not carry over: it has
    no features for what it has never seen.""",
    formula="""The share of pictures, of those decoded whole, with a mean luma below `max_mean` is
    below `min_share`; for at least `min_images` pictures.""",
    threshold="""`max_mean` = 60 of 255: true night photos lie at 10 to 25, and of web photos taken
    mostly by day only one in twenty is below 68. `min_share` = 0.02, one in fifty, and
    `min_images` = 20.""",
    false_alarms="""Indoor use under constant light, microscopes, day-only drones. Infrared night
    frames can be brighter than 60 and are not seen as night here.""",
    fix="""Collect night frames with the device's own camera. Darkening day frames is a poor
    stand-in: noise, infrared light and lamps are what matters.""",
    params={"max_mean": 60.0, "min_share": 0.02, "min_images": 20.0},
)
def no_night_images(ctx: Context, p: Params) -> Iterator[Hits]:
    """Yield one finding if night pictures are missing."""
    mean = ctx.stat("luma_mean")[ctx.measured]
    if len(mean) < max(p["min_images"], 1):
        return
    night = int(np.count_nonzero(mean < p["max_mean"]))
    share = night / len(mean)
    if share >= p["min_share"]:
        return
    message = (
        f"Only {night:,} of {count(len(mean), 'picture')} ({_percent(share)}, limit "
        f"{_percent(p['min_share'])}) are dark (mean brightness under {number(p['max_mean'])}): "
        "collect night frames if the device works at night."
    )
    yield Hits(
        [message],
        value=share,
        threshold=p["min_share"],
        score=0.5,
        suggestion="collect",
        extra=[{"night": night, "images": len(mean)}],
    )


@rule(
    "FL604",
    "no-negatives",
    "info",
    "set",
    what="Hardly any labelled image is known to be empty.",
    why="""On the device almost every frame is empty, and what annoys people is the false alarm.
    A model that has never seen an empty scene has never been told what not to answer; a
    small one then fires on every texture that resembles a target.""",
    formula="""The share of images with an empty label record, among all with a record, is below
    `min_share`; for at least `min_images` of them. Images without a record are not counted:
    nobody said that they are empty (FL101).""",
    threshold="""`min_share` = 0.01. Trainers' guides recommend up to 10 % of background images;
    under 1 % they hardly occur in a batch. `min_images` = 20.""",
    false_alarms="""Uses where a target is always in view. Formats and exports that leave out empty
    images although there are some.""",
    fix="""Add frames of the real place with nothing in them, with empty label records: most of
    all those that the present model answers wrongly.""",
    params={"min_share": 0.01, "min_images": 20.0},
)
def no_negatives(ctx: Context, p: Params) -> Iterator[Hits]:
    """Yield one finding if checked negatives are missing."""
    empty = int(np.count_nonzero(ctx.has_label_state("labelled_empty")))
    images = empty + int(np.count_nonzero(ctx.has_label_state("labelled")))
    if images < max(p["min_images"], 1):
        return
    share = empty / images
    if share >= p["min_share"]:
        return
    message = (
        f"Only {empty:,} of {count(images, 'labelled image')} ({_percent(share)}, limit "
        f"{_percent(p['min_share'])}) are known to be empty: add frames with nothing in them."
    )
    yield Hits(
        [message],
        value=share,
        threshold=p["min_share"],
        score=0.5,
        suggestion="collect",
        extra=[{"empty": empty, "images": images}],
    )


@rule(
    "FL605",
    "class-missing-in-split",
    "warning",
    "set",
    what="""A class that has boxes in one split and none in another. One finding for each class and
    split.""",
    why="""Missing in train, the class cannot be learnt; missing in val, nobody notices that it was
    not. Rare classes are where this happens, and they are the ones that a small model gives
    up first.""",
    formula="""The number of boxes of the class is 0 in a split that has at least one labelled
    image, and over 0 in another. Crowd and ignore regions are not counted.""",
    threshold="None: 0 boxes.",
    false_alarms="""Splits by place or time, where a class truly does not occur; tiny test splits;
    a test split whose labels are held back.""",
    fix="""Move some images with the class to that split, whole scenes at a time, or collect more.
    If the class is to be left out, take it out of all splits.""",
)
def class_missing_in_split(ctx: Context, p: Params) -> Iterator[Hits]:
    """Yield classes that one split has and another lacks."""
    split, names = ctx.split_codes
    labelled = ctx.has_label_state("labelled", "labelled_empty") & (split >= 0)
    images = np.bincount(split[labelled], minlength=len(names))
    live = np.flatnonzero(images)
    if len(live) < 2:
        return
    n = len(ctx.class_names)

    def tally(part: Context) -> Ints:
        boxes = _targets(part) & (split[part.image_of] >= 0)
        flat = split[part.image_of[boxes]] * n + part.category[boxes]
        return np.bincount(flat, minlength=len(names) * n)

    table = _per_part(ctx, tally).reshape(len(names), n)[live]
    lacking = np.argwhere((table == 0) & (table.sum(axis=0) > 0)).tolist()
    messages, extra, values = [], [], []
    for s, c in lacking:
        where = int(np.argmax(table[:, c]))
        has = int(table[where, c])
        messages.append(
            f"Class {ctx.quoted_classes[c]} has no box in split {quote(names[live[s]])} and "
            f"{has:,} in {quote(names[live[where]])}: move whole scenes with it, or collect more."
        )
        values.append(float(has))
        extra.append({"category": ctx.class_names[c], "split": names[live[s]]})
    yield Hits(messages, value=np.array(values), threshold=0.0, suggestion="collect", extra=extra)


@rule(
    "FL606",
    "difficulty-mix",
    "info",
    "set",
    what="""The set is far from the usual mix of easy, medium and hard images: nearly all of them
    are of one level.""",
    why="""A small model learns what most of its batches show. Of easy images alone it learns
    to fire at clear, large, single targets and misses the rest on the device; of hard ones alone
    it has no clean example to begin with, and settles for the background.""",
    formula="""Each box has a score: 1 - product of (1 - what each reason adds), a reason adding
    weight * clip((value - easy) / (hard - easy), 0, 1), of the logarithms for size and rarity;
    the reasons are size at the model's input (640 x 640 without a deployment), occlusion,
    truncation, sharpness, light, contrast, background, crowding, rarity of class and of pose.
    The score of an image is the root of the mean square of its targets'. Easy is below 0.35, hard
    from 0.6 on. Found when the share of a level differs from the wanted one by more than
    `max_off`; for at least `min_images` images with targets. Of sets over `most_boxes` boxes
    every k-th image is judged.""",
    threshold="""`easy` = 0.3, `medium` = 0.5, `hard` = 0.2 of the images: what common practice
    names, without a source; if you have a reason for another mix, set it. `max_off` = 0.35, so
    that only what is plainly one-sided is reported. Limits, weights and cut-offs of the score are
    in `[difficulty]` of the configuration; they too are choices, not measurements.
    `min_images` = 20, `most_boxes` = 500000.""",
    false_alarms="""Sets of one kind by nature: microscopes, parts on a belt. Sets whose labels say
    nothing of occlusion look easier than they are.""",
    fix="""`fastlabel mix` draws a better mix of what is there, and says what to collect; hard
    targets can be pasted (`fastlabel paste`).""",
    params={
        "easy": 0.3,
        "medium": 0.5,
        "hard": 0.2,
        "max_off": 0.35,
        "min_images": 20.0,
        "most_boxes": 500_000.0,
    },
)
def difficulty_mix(ctx: Context, p: Params) -> Iterator[Hits]:
    """Yield one finding if nearly all images are of one level."""
    from ..difficulty.settings import LEVELS, Settings
    from ..difficulty.table import sampled

    settings = Settings.of(ctx.config)
    found = sampled(ctx, settings, max(int(p["most_boxes"]), 1))
    images, codes = found.images, found.image_codes
    if len(images) < max(p["min_images"], 1):
        return
    counts = np.bincount(codes, minlength=len(LEVELS))[: len(LEVELS)]
    share = counts / len(images)
    wanted = np.array([p[name] for name in LEVELS])
    off = np.abs(share - wanted)
    worst = int(np.argmax(off))
    if off[worst] <= p["max_off"]:
        return
    parts = ", ".join(
        f"{_percent(s)} {name}" for s, name in zip(share.tolist(), LEVELS, strict=True)
    )
    usual = ", ".join(_percent(s) for s in wanted.tolist())
    low = share[worst] < wanted[worst]
    message = (
        f"Of {count(len(images), 'image')} with targets, {parts} (wanted {usual}): "
        f"{'more' if low else 'fewer'} {LEVELS[worst]} ones are needed; `fastlabel mix` draws "
        "what can be had and says what to collect."
    )
    yield Hits(
        [message],
        value=float(share[worst]),
        threshold=float(wanted[worst]),
        score=0.5,
        suggestion="collect",
        extra=[{"images": {name: int(n) for name, n in zip(LEVELS, counts, strict=True)}}],
    )
