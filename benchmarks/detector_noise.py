"""Predictions that err as a real detector errs, made from clean labels, from a seed.

No network is run: a benchmark of label cleaning needs predictions whose relation to the truth
is known and can be repeated. What is copied from real detectors:

- every object has a difficulty of its own, and the same difficulty lowers its recall, its score
  and the tightness of its box: the three go together;
- small objects are missed more: recall at the best, half of it at ``half_size`` px;
- a box is off by a share of its sides plus part of a pixel, with heavy tails, and a model has a
  bias of its own (its boxes are all a little loose or tight);
- classes are confused in pairs, mostly with a lower score, at times with a high one; and the
  second best class often stays as a second box, as class-wise suppression leaves it;
- suppression merges what overlaps too much, and lets some doubles through;
- false alarms: parts of objects, boxes around two of them, and background. Most have low
  scores, one in ten a score drawn from that of true boxes.

Scores of true boxes pile up near 1, as a two-stage detector's do (about half are above 0.95,
which is where ObjectLab starts to look); ``sharpness=2`` gives the flatter scores of one-stage
ones.

>>> boxes = np.array([[10.0, 10, 60, 60], [100, 20, 180, 90]])
>>> d = detect(np.array([0, 0]), np.array([0, 1]), boxes, [(200, 100)], 2, seed=1)
>>> bool((d.scores >= 0.05).all()), d.boxes.shape[1]
(True, 4)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Detections", "Detector", "detect", "detect_dataset"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Detector:
    """How good the detector is.

    Attributes
    ----------
    recall : float
        Share found of large objects of middling difficulty.
    half_size : float
        Geometric mean side in px, of a 640 px image, at which half as many are found.
    jitter : float
        Typical error of an edge, as a share of the side.
    confusion : float
        Share of objects found under another class.
    second_class : float
        Share of objects with a second box of another class.
    doubles : float
        Share of objects with a second box of the same class that suppression let through.
    false_alarms : float
        False alarms for each object, whatever their score.
    high_alarms : float
        Share of the false alarms with a score drawn as a true box's.
    sharpness : float
        Of the scores of true boxes: the higher, the nearer to 1.
    floor : float
        Lowest score that is given out.
    """

    recall: float = 0.975
    half_size: float = 9.0
    jitter: float = 0.03
    confusion: float = 0.025
    second_class: float = 0.08
    doubles: float = 0.03
    false_alarms: float = 0.5
    high_alarms: float = 0.08
    sharpness: float = 3.4
    floor: float = 0.05


@dataclass(frozen=True)
class Detections:
    """Boxes of a detector, sorted by image and then by falling score."""

    image_id: Ints
    category_id: Ints
    boxes: Floats
    scores: Floats


def detect(
    image_id: Ints,
    category_id: Ints,
    boxes: Floats,
    sizes: Any,
    classes: int,
    *,
    seed: int,
    detector: Detector | None = None,
) -> Detections:
    """Detections on images whose true boxes are given.

    Parameters
    ----------
    image_id, category_id, boxes
        (N,), (N,) and (N, 4) ``xyxy``: what is in the images.
    sizes : array_like
        (images, 2) widths and heights.
    classes : int
        How many classes the model knows.
    seed : int
        Same seed, same detections.
    detector : Detector, optional
        How good it is.
    """
    d = detector or Detector()
    rng = np.random.default_rng([seed, 0xDE7EC7])
    sizes = np.asarray(sizes, np.float64).reshape(-1, 2)
    good = np.isfinite(boxes).all(1) & (boxes[:, 2] > boxes[:, 0]) & (boxes[:, 3] > boxes[:, 1])
    image_id, category_id, boxes = image_id[good], category_id[good], boxes[good]
    n = len(boxes)
    bias = rng.normal(0, d.jitter / 3)
    confusers = _confusers(rng, classes)

    hard = rng.normal(size=n)
    side = np.sqrt((boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1]))
    side = side * 640.0 / sizes[image_id].max(1)
    by_size = np.log2(np.maximum(side, 0.5) / d.half_size)
    chance = d.recall / (1 + np.exp(-2.2 * by_size))
    # The hardest go first: a logistic shift of the chance by the object's difficulty.
    odds = np.log(chance / (1 - chance)) - 1.2 * hard
    found = rng.random(n) < 1 / (1 + np.exp(-odds))
    level = d.sharpness + 0.35 * np.clip(by_size - 2, -3, 1.5) - 1.3 * hard
    level = level + rng.normal(0, 0.8, n)
    score = 1 / (1 + np.exp(-level))
    spread = d.jitter * np.exp(0.3 * hard)

    parts = []
    at = np.flatnonzero(found)
    confused = rng.random(len(at)) < d.confusion * (classes > 1)
    named = np.where(confused, _other(rng, confusers, category_id[at]), category_id[at])
    lowered = np.where(confused, score[at] ** rng.exponential(4.0, len(at)), score[at])
    parts.append((image_id[at], named, _jitter(rng, boxes[at], spread[at], bias), lowered))
    # The class that came second, in the same place, with what is left of the score.
    at = np.flatnonzero(found & (rng.random(n) < d.second_class * (classes > 1)))
    other = _other(rng, confusers, category_id[at])
    left = (1 - score[at]) * rng.uniform(0.2, 1.0, len(at))
    parts.append((image_id[at], other, _jitter(rng, boxes[at], spread[at], bias), left))
    at = np.flatnonzero(found & (rng.random(n) < d.doubles))
    loose = _jitter(rng, boxes[at], np.full(len(at), 0.15), bias)
    parts.append((image_id[at], category_id[at], loose, score[at] * rng.beta(1.5, 4, len(at))))
    parts += _false_alarms(rng, image_id, category_id, boxes, score, sizes, classes, d)

    image, named, box, score = (np.concatenate(column) for column in zip(*parts, strict=True))
    box = _inside(box, sizes[image])
    keep = (score >= d.floor) & (box[:, 2] - box[:, 0] >= 1) & (box[:, 3] - box[:, 1] >= 1)
    image, named, box, score = image[keep], named[keep], box[keep], score[keep]
    keep = _suppressed(image, named, box, score, classes)
    image, named, box, score = image[keep], named[keep], box[keep], score[keep]
    order = np.lexsort((-score, image))
    return Detections(
        image[order].astype(np.int64),
        named[order].astype(np.int64),
        box[order].round(2),
        score[order].round(4),
    )


def detect_dataset(ds: Any, *, seed: int, detector: Detector | None = None) -> Detections:
    """Detections on a :class:`fastlabel.Dataset` whose labels are taken for the truth."""
    sizes = np.stack([ds.column("images", c).astype(np.float64) for c in ("width", "height")], 1)
    known = ds.annotations["category_id"].fill_null(-1).to_numpy()
    crowd = ds.annotations["crowd"].fill_null(False).to_numpy()
    at = np.flatnonzero((known >= 0) & ~crowd)
    image = ds.column("annotations", "image_id")[at]
    return detect(
        image,
        known[at].astype(np.int64),
        ds.boxes()[at],
        sizes,
        ds.categories.num_rows,
        seed=seed,
        detector=detector,
    )


def _confusers(rng: np.random.Generator, classes: int) -> Ints:
    """(classes, 2): the classes that each one is taken for."""
    if classes < 2:
        return np.zeros((max(classes, 1), 2), np.int64)
    steps = rng.integers(1, classes, (classes, 2))
    return (np.arange(classes)[:, None] + steps) % classes


def _other(rng: np.random.Generator, confusers: Ints, classes: Ints) -> Ints:
    return confusers[classes, (rng.random(len(classes)) < 0.3).astype(np.int64)]


def _jitter(rng: np.random.Generator, boxes: Floats, spread: Floats, bias: float) -> Floats:
    """Boxes with each edge off by itself: Student's t of 5 degrees, and part of a pixel."""
    side = np.stack([boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]] * 2, 1)
    off = rng.standard_t(5, boxes.shape) * side * spread[:, None] * 0.8
    out = boxes + off + rng.normal(0, 0.6, boxes.shape)
    out += np.array([-1, -1, 1, 1]) * side * bias
    flat = out.reshape(-1, 2, 2)
    low, high = flat.min(1), flat.max(1)
    return np.concatenate([low, high], 1)


def _false_alarms(
    rng: np.random.Generator,
    image_id: Ints,
    category_id: Ints,
    boxes: Floats,
    score: Floats,
    sizes: Floats,
    classes: int,
    d: Detector,
) -> list[tuple[Ints, Ints, Floats, Floats]]:
    """Parts of objects, boxes around two of them, and background."""
    n = len(boxes)
    parts: list[tuple[Ints, Ints, Floats, Floats]] = []
    if not n:
        return parts

    def scores(count: int) -> Floats:
        low = rng.beta(0.9, 4.5, count)
        high = rng.choice(score, count)
        return np.where(rng.random(count) < d.high_alarms, high, low)

    w, h = boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]
    # Parts: one end of an object, along one axis.
    at = rng.choice(n, rng.poisson(0.2 * d.false_alarms * n))
    share, first, across = rng.uniform(0.3, 0.55, len(at)), rng.random(len(at)) < 0.5, 0
    part = boxes[at].copy()
    across = rng.random(len(at)) < 0.5
    for axis, side in ((0, w[at]), (1, h[at])):
        mine = across == bool(axis)
        part[:, axis] += np.where(mine & ~first, side * (1 - share), 0)
        part[:, axis + 2] -= np.where(mine & first, side * (1 - share), 0)
    parts.append((image_id[at], category_id[at], part, scores(len(at)) * 0.8))
    # Around two of one class that stand next to each other in their image.
    order = np.lexsort((boxes[:, 0], category_id, image_id))
    a, b = order[:-1], order[1:]
    pair = (image_id[a] == image_id[b]) & (category_id[a] == category_id[b])
    pair &= boxes[b, 0] < boxes[a, 2] + 0.5 * w[a]
    pair &= rng.random(len(a)) < 0.2 * d.false_alarms
    a, b = a[pair], b[pair]
    both = np.concatenate(
        [np.minimum(boxes[a, :2], boxes[b, :2]), np.maximum(boxes[a, 2:], boxes[b, 2:])], 1
    )
    parts.append((image_id[a], category_id[a], both, scores(len(a)) * 0.8))
    # Background: a box of some object's size, anywhere, of a class by its frequency.
    count = rng.poisson(0.6 * d.false_alarms * n)
    like = rng.choice(n, count)
    where = rng.choice(image_id, count)
    if classes > 1:
        named = np.where(
            rng.random(count) < 0.3, rng.integers(0, classes, count), rng.choice(category_id, count)
        )
    else:
        named = np.zeros(count, np.int64)
    scale = rng.uniform(0.5, 1.2, count)
    size = np.stack([w[like] * scale, h[like] * scale], 1)
    size = np.minimum(size, sizes[where])
    corner = rng.random((count, 2)) * (sizes[where] - size)
    parts.append((where, named, np.concatenate([corner, corner + size], 1), scores(count)))
    return parts


def _inside(boxes: Floats, sizes: Floats) -> Floats:
    limit = np.concatenate([sizes, sizes], 1)
    return np.clip(boxes, 0, limit)


def _suppressed(image: Ints, named: Ints, boxes: Floats, scores: Floats, classes: int) -> Ints:
    """Class-wise suppression at IoU 0.7."""
    from fastlabel import batched_nms

    keep = batched_nms(boxes, scores, image * max(classes, 1) + named, 0.7)
    return np.asarray(keep, np.int64)
