"""What a detector is fed: crops as samples, in an order, augmented."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import cv2
import numpy as np
from detector import Sample

import fastlabel as fl

__all__ = ["AUGMENTS", "samples_of", "shuffled", "weighted"]

Augment = Callable[[Sample, np.random.Generator, Sequence[Sample], int], Sample]


def samples_of(ds: fl.Dataset, pictures: dict[str, Any]) -> list[Sample]:
    """The images of a set with their labels; pictures are kept by file name."""
    boxes = ds.boxes()
    image = ds.column("annotations", "image_id")
    category = ds.column("annotations", "category_id")
    ignore = np.zeros(len(boxes), bool)
    for name in ("ignore", "crowd"):
        ignore |= np.asarray(ds.annotations[name].fill_null(False).to_numpy(), bool)
    weight = np.nan_to_num(
        ds.annotations["weight"].cast("float64").fill_null(1.0).to_numpy(), nan=1.0
    )
    good = np.isfinite(boxes).all(1) & (boxes[:, 2] > boxes[:, 0]) & (boxes[:, 3] > boxes[:, 1])
    order = np.argsort(image, kind="stable")
    first = np.searchsorted(image[order], np.arange(len(ds) + 1))
    out = []
    for i, path in enumerate(ds.images["path"].to_pylist()):
        key = str(ds.root / path)
        if key not in pictures:
            pictures[key] = cv2.imread(key)
        rows = order[first[i] : first[i + 1]]
        rows = rows[good[rows]]
        keep, aside = rows[~ignore[rows]], rows[ignore[rows]]
        out.append(
            Sample(pictures[key], boxes[keep], category[keep].copy(), boxes[aside], weight[keep])
        )
    return out


# ---- order ---------------------------------------------------------------------


def shuffled(n: int, seed: int) -> Iterator[int]:
    """Every image once an epoch, without end."""
    rng = np.random.default_rng([seed, 1])
    while True:
        yield from rng.permutation(n).tolist()


def weighted(weights: Any, seed: int) -> Iterator[int]:
    """Images drawn by weight, without end."""
    rng = np.random.default_rng([seed, 2])
    p = np.asarray(weights, np.float64) / np.sum(weights)
    while True:
        yield from rng.choice(len(p), len(p), p=p).tolist()


def batches(
    samples: Sequence[Sample], order: Iterator[int], augment: Augment, seed: int, size: int
) -> Iterator[list[Sample]]:
    """Augmented samples, `size` at a time."""
    rng = np.random.default_rng([seed, 3])
    drawn = 0
    while True:
        batch = []
        for _ in range(size):
            batch.append(augment(samples[next(order)], rng, samples, drawn))
            drawn += 1
        yield batch


# ---- augmentation --------------------------------------------------------------


def _warp(
    sample: Sample, rng: np.random.Generator, *, scale: float, shift: float, turn: float = 0.0
) -> Sample:
    """Scale, move and turn about the middle; boxes by the moved corners, as trainers do it."""
    height, width = sample.image.shape[:2]
    factor = rng.uniform(1 - scale, 1 + scale)
    angle = rng.uniform(-turn, turn)
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), angle, factor)
    matrix[:, 2] += rng.uniform(-shift, shift, 2) * (width, height)
    # cv2 maps pixel centres, boxes are in continuous pixels: half a pixel on both sides.
    pixels = matrix.copy()
    pixels[:, 2] += matrix[:, :2] @ (0.5, 0.5) - 0.5
    image = cv2.warpAffine(
        sample.image, pixels, (width, height), flags=cv2.INTER_LINEAR, borderValue=(114, 114, 114)
    )

    def moved(boxes: Any) -> tuple[Any, Any]:
        if not len(boxes):
            return boxes, np.zeros(0, bool)
        corners = boxes[:, [0, 1, 2, 1, 2, 3, 0, 3]].reshape(-1, 4, 2)
        corners = corners @ matrix[:, :2].T + matrix[:, 2]
        full = np.concatenate([corners.min(1), corners.max(1)], 1)
        cut = np.clip(full, 0, [width, height] * 2)
        side = cut[:, 2:] - cut[:, :2]
        seen = side.prod(1) / np.maximum((full[:, 2:] - full[:, :2]).prod(1), 1e-9)
        return cut, (seen >= 0.4) & (side.min(1) >= 3)

    boxes, kept = moved(np.asarray(sample.boxes))
    ignored, _ = moved(np.asarray(sample.ignored))
    aside = np.concatenate([ignored.reshape(-1, 4), boxes[~kept].reshape(-1, 4)])
    weights = None if sample.weights is None else np.asarray(sample.weights)[kept]
    return Sample(image, boxes[kept], np.asarray(sample.classes)[kept], aside, weights)


def _mirrored(sample: Sample) -> Sample:
    width = sample.image.shape[1]

    def flip(boxes: Any) -> Any:
        boxes = np.asarray(boxes).reshape(-1, 4).copy()
        boxes[:, [0, 2]] = width - boxes[:, [2, 0]]
        return boxes

    image = np.ascontiguousarray(sample.image[:, ::-1])
    return Sample(image, flip(sample.boxes), sample.classes, flip(sample.ignored), sample.weights)


def _coloured(sample: Sample, rng: np.random.Generator, hue: float, sat: float, val: float) -> Any:
    gains = 1 + rng.uniform(-1, 1, 3) * (0, sat, val)
    hsv = cv2.cvtColor(sample.image, cv2.COLOR_BGR2HSV).astype(np.float32)
    hsv[..., 0] = (hsv[..., 0] + rng.uniform(-hue, hue) * 180) % 180
    hsv[..., 1:] = np.clip(hsv[..., 1:] * gains[1:], 0, 255)
    image = cv2.cvtColor(hsv.astype(np.uint8), cv2.COLOR_HSV2BGR)
    return Sample(image, sample.boxes, sample.classes, sample.ignored, sample.weights)


def _mosaic(sample: Sample, rng: np.random.Generator, all_: Sequence[Sample]) -> Sample:
    """Four pictures about a random middle, shrunk back to the size of one by half at most."""
    height, width = sample.image.shape[:2]
    four = [sample, *(all_[i] for i in rng.integers(0, len(all_), 3))]
    canvas = np.full((2 * height, 2 * width, 3), 114, np.uint8)
    parts: dict[str, list[Any]] = {"boxes": [], "ignored": [], "classes": [], "weights": []}
    for k, one in enumerate(four):
        x, y = (k % 2) * width, (k // 2) * height
        canvas[y : y + height, x : x + width] = one.image
        for name in ("boxes", "ignored"):
            moved = np.asarray(getattr(one, name)).reshape(-1, 4) + np.array((x, y, x, y))
            parts[name].append(moved)
        parts["classes"].append(np.asarray(one.classes))
        parts["weights"].append(np.ones(len(one.classes)) if one.weights is None else one.weights)
    # A window of one picture's size over the seam, as trainers cut it out.
    ox, oy = (int(rng.uniform(0.0, 1.0) * v) for v in (width, height))
    whole = Sample(canvas, *(np.concatenate(parts[n]) for n in ("boxes", "classes", "ignored")))
    whole.weights = np.concatenate(parts["weights"])
    return _cut(whole, ox, oy, width, height)


def _cut(sample: Sample, x: int, y: int, width: int, height: int) -> Sample:
    def inside(boxes: Any) -> tuple[Any, Any]:
        full = np.asarray(boxes).reshape(-1, 4) - [x, y, x, y]
        cut = np.clip(full, 0, [width, height] * 2)
        side = cut[:, 2:] - cut[:, :2]
        seen = side.clip(0).prod(1) / np.maximum((full[:, 2:] - full[:, :2]).prod(1), 1e-9)
        return cut, (seen >= 0.4) & (side.min(1, initial=99) >= 3)

    boxes, kept = inside(sample.boxes)
    ignored, _ = inside(sample.ignored)
    aside = np.concatenate([ignored, boxes[~kept]])
    aside = aside[(aside[:, 2] > aside[:, 0]) & (aside[:, 3] > aside[:, 1])]
    image = np.ascontiguousarray(sample.image[y : y + height, x : x + width])
    return Sample(image, boxes[kept], sample.classes[kept], aside, sample.weights[kept])


def _mixed(sample: Sample, other: Sample, rng: np.random.Generator) -> Sample:
    share = rng.beta(32.0, 32.0)
    image = cv2.addWeighted(sample.image, share, other.image, 1 - share, 0)
    both = [
        np.concatenate([np.asarray(getattr(s, name)).reshape(shape) for s in (sample, other)])
        for name, shape in (("boxes", (-1, 4)), ("classes", (-1,)), ("ignored", (-1, 4)))
    ]
    return Sample(image, *both)


def nothing(sample: Sample, rng: Any, all_: Any, drawn: int) -> Sample:
    """The crop as it is."""
    return sample


def plain(sample: Sample, rng: np.random.Generator, all_: Any, drawn: int) -> Sample:
    """A mirror image half the time, and a little scale and shift: what all other arms have."""
    if rng.random() < 0.5:
        sample = _mirrored(sample)
    return _warp(sample, rng, scale=0.1, shift=0.06)


def default_recipe(sample: Sample, rng: np.random.Generator, all_: Any, drawn: int) -> Sample:
    """`plain`, and then the default recipe of ``fastlabel augment``: the restrained one."""
    from fastlabel.augment import Recipe

    global _RECIPE
    if _RECIPE is None:
        _RECIPE = Recipe.default()
    sample = plain(sample, rng, all_, drawn)
    made = _RECIPE(
        sample.image,
        boxes=sample.boxes,
        ignore=np.asarray(sample.ignored).reshape(-1, 4),
        seed=int(rng.integers(2**31)),
        image_key=drawn,
    )
    weights = None if sample.weights is None else np.asarray(sample.weights)[made.kept]
    classes = np.asarray(sample.classes)[made.kept]
    return Sample(made.image, made.boxes, classes, made.ignore, weights)


_RECIPE: Any = None


def usual(sample: Sample, rng: np.random.Generator, all_: Sequence[Sample], drawn: int) -> Sample:
    """The strengths of a trainer's defaults: mosaic always, hue 0.015, scale 0.5, shift 0.1."""
    sample = _mosaic(sample, rng, all_)
    sample = _warp(sample, rng, scale=0.5, shift=0.1)
    sample = _coloured(sample, rng, 0.015, 0.7, 0.4)
    return _mirrored(sample) if rng.random() < 0.5 else sample


def usual_without_mosaic(
    sample: Sample, rng: np.random.Generator, all_: Sequence[Sample], drawn: int
) -> Sample:
    """The same without mosaic."""
    sample = _warp(sample, rng, scale=0.5, shift=0.1)
    sample = _coloured(sample, rng, 0.015, 0.7, 0.4)
    return _mirrored(sample) if rng.random() < 0.5 else sample


def aggressive(
    sample: Sample, rng: np.random.Generator, all_: Sequence[Sample], drawn: int
) -> Sample:
    """Mosaic, mixup half the time, 45 degrees, hue 0.1, scale 0.7: what the linter warns of."""
    sample = _warp(_mosaic(sample, rng, all_), rng, scale=0.7, shift=0.2, turn=45.0)
    sample = _coloured(sample, rng, 0.1, 0.9, 0.6)
    if rng.random() < 0.5:
        other = all_[int(rng.integers(len(all_)))]
        sample = _mixed(sample, _warp(other, rng, scale=0.7, shift=0.2, turn=45.0), rng)
    return _mirrored(sample) if rng.random() < 0.5 else sample


AUGMENTS: dict[str, Augment] = {
    "none": nothing,
    "plain": plain,
    "restrained": default_recipe,
    "usual": usual,
    "usual-without-mosaic": usual_without_mosaic,
    "aggressive": aggressive,
}
