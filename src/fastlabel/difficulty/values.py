"""The value of each reason for the boxes of one part of a set, NaN where it is not known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ..rules.context import Bools, Context, Floats, Ints, bools, floats, ints

if TYPE_CHECKING:
    from ..predictions import Predictions

__all__ = ["Rarity", "model_trouble", "rarity", "targets", "values_of"]

#: Input that is assumed where no deployment is named.
ASSUMED_INPUT = 640
#: Boxes with fewer pixels have no acutance or contrast worth the name.
LEAST_PIXELS = 64
#: A class with fewer boxes has no usual poses.
LEAST_OF_CLASS = 50
#: Overlaps below this IoU are no crowd; partners of one box that are looked at.
TOUCH, PARTNERS = 0.02, 32
#: Steps of log2(height / width) that stand for poses where the source names none: from -3 to 3.
SHAPES, SHAPE_STEP, SHAPE_FROM = 12, 0.5, -3.0
#: Entropy of a ring, in bits, that is calm and busy.
CALM, BUSY = 3.5, 5.5
#: IoU from which a prediction is of the box.
IN_PLACE = 0.5

_POSE = r'"pose"\s*:\s*"(?P<pose>[^"\\]{1,40})"'


def targets(ctx: Context) -> Bools:
    """Boxes that have a level: single targets with an area."""
    return np.asarray(ctx.solid & ~ctx.exempt)


def input_scale(ctx: Context) -> tuple[Floats, Floats]:
    """Factors from pixels of each image to pixels of the model's input."""

    def make() -> tuple[Floats, Floats]:
        width, height = ctx.whole.size
        if ctx.deploy is not None:
            return ctx.deploy.scale(width, height)
        factor = np.minimum(ASSUMED_INPUT / width, ASSUMED_INPUT / height)
        return factor, factor

    return ctx.once("difficulty.scale", make)


@dataclass(frozen=True)
class Rarity:
    """How often classes occur, and poses in them."""

    classes: Floats  # boxes of the largest class for one of each
    poses: Floats  # (classes, poses) share of the class's boxes; NaN: too few to tell
    names: tuple[str, ...]  # of the poses; none: shapes stand for them


def rarity(ctx: Context, some: Context | None = None) -> Rarity:
    """Count classes and poses of the set as a whole, or of a part of it."""
    n = max(len(ctx.class_names), 1)
    names = _pose_names(ctx)
    width = len(names) or SHAPES
    counts = np.zeros(n * width, np.int64)
    for part in ctx.parts() if some is None else (some,):
        pose = _poses(part, names)
        usable = targets(part) & (part.category >= 0) & (pose >= 0)
        flat = part.category[usable] * width + pose[usable]
        counts += np.bincount(flat, minlength=n * width)
    table = counts.reshape(n, width).astype(np.float64)
    of_class = table.sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        largest = of_class.max() / of_class
        shares = table / of_class[:, None]
    shares[of_class < LEAST_OF_CLASS] = np.nan
    return Rarity(np.where(of_class > 0, largest, np.nan), shares, names)


def _pose_names(ctx: Context) -> tuple[str, ...]:
    """Poses that the source names: of at least two kinds, or none."""
    column = ctx.ds.annotations["attributes"]
    if column.null_count == len(column):
        return ()
    found = pc.struct_field(pc.extract_regex(column, _POSE), "pose")
    names = sorted(n for n in pc.unique(found).to_pylist() if n and n != "Unspecified")
    return tuple(names[:256]) if len(names) > 1 else ()


def _poses(part: Context, names: tuple[str, ...]) -> Ints:
    """Pose of each box as a number, -1 where the source does not say; or its shape."""
    if names:
        # Parts have no texts, so poses are read once for the set.
        return part.once("difficulty.poses", lambda: _named_poses(part.whole, names))[part.rows]
    with np.errstate(divide="ignore", invalid="ignore"):
        log = np.log2(part.box_height / part.box_width)
        step = np.floor((log - SHAPE_FROM) / SHAPE_STEP)
    return np.asarray(np.clip(np.nan_to_num(step, nan=0.0), 0, SHAPES - 1), np.int64)


def _named_poses(ctx: Context, names: tuple[str, ...]) -> Ints:
    found = pc.struct_field(pc.extract_regex(ctx.ds.annotations["attributes"], _POSE), "pose")
    return ints(pc.index_in(found, pa.array(names)))


def values_of(
    part: Context, rare: Rarity, trouble: npt.NDArray[np.float32] | None, names: tuple[str, ...]
) -> dict[str, Floats]:
    """Value of each reason in `names` that the set has something for.

    Parameters
    ----------
    part : Context
        Some boxes, whole images of them.
    rare : Rarity
        Of the set as a whole.
    trouble : numpy.ndarray, optional
        What the model says of these boxes, as :func:`model_trouble` gives it.
    names : tuple of str
        Reasons that are looked at.
    """
    out: dict[str, Floats] = {}
    if "size" in names:
        sx, sy = input_scale(part)
        image = part.image_of
        out["size"] = np.minimum(part.box_width * sx[image], part.box_height * sy[image])
    notes = part.ds.annotations
    for name in ("occlusion", "truncation"):
        if name in names and notes[name].null_count < len(part.ds.annotations):
            out[name] = floats(notes[name])
    if "marked" in names and notes["difficult"].null_count < len(notes):
        out["marked"] = bools(notes["difficult"]).astype(np.float64)
    if part.box_stats is not None:
        _looks(part, names, out)
    if "crowding" in names:
        out["crowding"] = _crowding(part)
    known = part.category >= 0
    category = np.where(known, part.category, 0)
    if "rare_class" in names and len(rare.classes) > 1:
        out["rare_class"] = np.where(known, rare.classes[category], np.nan)
    if "rare_pose" in names:
        pose = _poses(part, rare.names)
        share = rare.poses[category, np.maximum(pose, 0)]
        out["rare_pose"] = np.where(known & (pose >= 0), share, np.nan)
    if trouble is not None and "model" in names:
        out["model"] = trouble.astype(np.float64)
    return out


def _looks(part: Context, names: tuple[str, ...], out: dict[str, Floats]) -> None:
    """What the scan measured in the box and around it."""
    pixels = part.box_stat("pixels")
    large = pixels >= LEAST_PIXELS
    luma, deviation = part.box_stat("luma_mean"), part.box_stat("contrast")
    if "sharpness" in names:
        out["sharpness"] = np.where(large, part.box_stat("acutance"), np.nan)
    if "light" in names:
        out["light"] = np.abs(luma - 127.5)
    rings = part.box_stats is not None and "ring_luma_mean" in part.box_stats.column_names
    if "contrast" in names:
        if rings:
            apart = np.hypot(
                luma - part.box_stat("ring_luma_mean"), deviation - part.box_stat("ring_contrast")
            )
            out["contrast"] = apart
        else:
            out["contrast"] = np.where(large, deviation, np.nan)
    if "background" in names and rings:
        steep = np.sqrt(np.maximum(part.box_stat("ring_gradient"), 0.0))
        busy = np.clip((part.box_stat("ring_entropy") - CALM) / (BUSY - CALM), 0.0, 1.0)
        out["background"] = steep * busy


def _crowding(part: Context) -> Floats:
    """Highest IoU with another target of the image."""
    from ..boxes import box_pairs

    out = np.zeros(part.ds.annotations.num_rows)
    rows = np.flatnonzero(targets(part))
    if not len(rows):
        return out
    image = part.image_of[rows]
    if (np.diff(image) < 0).any():
        order = np.argsort(image, kind="stable")
        rows, image = rows[order], image[order]
    offsets = np.r_[0, np.flatnonzero(np.diff(image)) + 1, len(rows)].astype(np.int64)
    left, top, right, bottom = (side[rows] for side in part.edges)
    corners = np.stack([left, top, right, bottom], axis=1)
    i, j, iou = box_pairs(corners, offsets, TOUCH, max_per_box=PARTNERS, invalid="zero")
    np.maximum.at(out, rows[i], iou)
    np.maximum.at(out, rows[j], iou)
    return out


def model_trouble(
    ctx: Context, predictions: Predictions | None, loss: Any
) -> npt.NDArray[np.float32] | None:
    """How hard a model finds each box, 0 to 1: the rank of its loss, or 1 less its score.

    The score is the highest of a prediction of the box's class with an IoU of at least 0.5; of
    an image that no model has seen, and where the loss is NaN, nothing is known.
    """
    n = ctx.ds.annotations.num_rows
    if loss is not None:
        given = np.asarray(loss, np.float64)
        if given.shape != (n,):
            raise ValueError(f"loss: got shape {given.shape}, expected one number a box, ({n},)")
        if np.isinf(given).any() or (given < 0).any():
            raise ValueError("loss: got a negative or infinite one, expected 0 or more, or NaN")
        out = np.full(n, np.nan, np.float32)
        known = np.flatnonzero(~np.isnan(given))
        if len(known):
            ordered = np.sort(given[known])
            low = np.searchsorted(ordered, given[known], "left")
            high = np.searchsorted(ordered, given[known], "right")
            out[known] = (low + high) / (2.0 * len(known))
        return out
    if predictions is None or not n:
        return None
    return _trouble_of_scores(ctx, predictions)


def _trouble_of_scores(ctx: Context, given: Predictions) -> npt.NDArray[np.float32]:
    from ..boxes import box_pairs_between

    images = len(ctx.ds)
    seen = np.zeros(images, np.bool_)
    for some in given.seen:
        seen[some] = True
    rows = np.flatnonzero(targets(ctx))
    rows = rows[np.argsort(ctx.image_of[rows], kind="stable")]
    image = given.column("image_id")
    order = np.argsort(image, kind="stable")
    boxes = np.stack([given.column(c)[order] for c in ("x1", "y1", "x2", "y2")], axis=1)
    said = given.column("category_id")[order]
    scores = given.column("score")[order]
    ends = np.arange(images + 1)
    i, j, _ = box_pairs_between(
        np.stack([side[rows] for side in ctx.edges], axis=1),
        boxes,
        IN_PLACE,
        offsets1=np.searchsorted(ctx.image_of[rows], ends).astype(np.int64),
        offsets2=np.searchsorted(image[order], ends).astype(np.int64),
        invalid="zero",
    )
    best = np.zeros(ctx.ds.annotations.num_rows)
    same = (ctx.category[rows[i]] == said[j]) & (said[j] >= 0)
    np.maximum.at(best, rows[i[same]], scores[j[same]])
    out = (1.0 - best).astype(np.float32)
    out[~seen[ctx.image_of]] = np.nan
    return out
