"""Labels against predictions, beside those who score labels too."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .row import Peer, Row

__all__ = ["ROWS"]

Array = NDArray[Any]
_CLASSES, _EACH = 20, 10


def scene(images: int, seed: int = 0) -> tuple[Array, ...]:
    """Ten labels an image, and twenty predictions: near ones, doubles and false alarms."""
    rng = np.random.default_rng(seed)
    n = images * _EACH
    side = np.exp(rng.uniform(np.log(12), np.log(200), (n, 2)))
    corner = rng.random((n, 2)) * (1000 - side)
    boxes = np.concatenate([corner, corner + side], axis=1)
    classes = rng.integers(0, _CLASSES, n)
    near = boxes + rng.normal(0, 0.05, (n, 4)) * np.tile(side, 2)
    elsewhere = boxes[rng.permutation(n)]
    of = np.repeat(np.arange(images), _EACH)
    predicted = np.stack([near, elsewhere], axis=1).reshape(-1, 4)
    said = np.stack([classes, rng.integers(0, _CLASSES, n)], axis=1).reshape(-1)
    scores = np.stack([rng.beta(6, 1, n), rng.beta(1, 5, n)], axis=1).reshape(-1)
    offsets = np.arange(0, n + 1, _EACH)
    return boxes, classes, offsets, predicted, said, scores, 2 * offsets, np.repeat(of, 2)


def _judge(boxes: Array, classes: Array, offsets: Array, *rest: Array) -> Any:
    from ..rules.pairing import pair_up
    from ..rules.trust import judge

    predicted, said, scores, starts, _ = rest
    facts = pair_up(boxes, classes, offsets, predicted, said, scores, starts)
    known = np.ones(len(boxes), np.bool_)
    image = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))
    return judge(boxes, classes, known, predicted, said, scores, facts, _CLASSES, image)


def _objectlab_input(images: int) -> tuple[Any, ...]:
    flat = scene(images, 1)
    boxes, classes, offsets, predicted, said, scores, starts, _ = flat
    labels, predictions = [], []
    rows = np.column_stack([predicted, scores])
    for k in range(images):
        own, mine = slice(offsets[k], offsets[k + 1]), slice(starts[k], starts[k + 1])
        labels.append({"bboxes": boxes[own], "labels": classes[own]})
        array = np.empty(_CLASSES, object)
        for c in range(_CLASSES):
            array[c] = rows[mine][said[mine] == c]
        predictions.append(array)
    return (*flat, labels, predictions)


def _ours(*given: Any) -> Any:
    return _judge(*given[:8])


def _objectlab(*given: Any) -> Array:
    from cleanlab.object_detection import rank

    made: Array = rank.get_label_quality_scores(given[8], given[9], verbose=False)
    return made


def _both_scored(ours: Any, theirs: Array) -> None:
    # Different scores of the same labels: no more can be equal than how many there are.
    assert len(ours.misplaced) == _EACH * len(theirs)
    assert ((ours.misplaced >= 0) & (ours.misplaced <= 1)).all()


def _nothing_to_compare(ours: Any, theirs: Any) -> None:
    raise AssertionError("this row has no peer")


ROWS = (
    Row(
        name="labels-against-predictions-1m",
        title="1,000,000 labels judged by 2,000,000 predictions",
        make=partial(scene, 100_000),
        run=_judge,
        peers=(),
        agree=_nothing_to_compare,
        budget={"seconds": 5.0},
    ),
    Row(
        name="label-errors",
        title="label errors by a model, 200 images of 10 labels, 20 predictions",
        make=partial(_objectlab_input, 200),
        run=_ours,
        peers=(Peer("cleanlab ObjectLab", ("cleanlab",), _objectlab, promised=100.0),),
        agree=_both_scored,
    ),
)
