"""Pairs of labels and predictions: by hand, and against a plain reading of the header."""

from __future__ import annotations

import numpy as np
import pytest

from fastlabel import _core
from fastlabel.rules.pairing import Facts, pair_up

NEAR, PLACED, SAME, INSIDE, PARTNERS = 0.1, 0.5, 0.3, 0.8, 64
LABEL_COLUMNS = ("own", "own_iou", "same", "other", "other_score", "parts")
OTHER_COLUMNS = ("label", "agrees", "iou", "touch", "inside", "higher", "wholes")


def shared(a, b):
    w, h = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    return w * h if w > 0 and h > 0 else 0.0


def area(b):
    w, h = b[2] - b[0], b[3] - b[1]
    return w * h if w > 0 and h > 0 and np.isfinite(w * h) else 0.0


def by_hand(labels, classes, offsets, predictions, said, scores, starts):
    """The header's words, one pair after the other, in Python floats."""
    n, m = len(labels), len(predictions)
    out = {
        "own": np.full(n, -1),
        "own_iou": np.zeros(n),
        "same": np.zeros(n),
        "other": np.full(n, -1),
        "other_score": np.zeros(n),
        "parts": np.zeros(n, np.int32),
        "label": np.full(m, -1),
        "agrees": np.zeros(m, bool),
        "iou": np.zeros(m),
        "touch": np.zeros(m),
        "inside": np.zeros(m),
        "higher": np.zeros(m),
        "wholes": np.zeros(m, np.int32),
    }
    for image in range(len(offsets) - 1):
        meetings, able = [], []
        for p in range(starts[image], starts[image + 1]):
            mine = []
            for g in range(offsets[image], offsets[image + 1]):
                both = shared(labels[g], predictions[p])
                if not (both > 0 and area(labels[g]) > 0 and area(predictions[p]) > 0):
                    continue
                iou = both / (area(labels[g]) + area(predictions[p]) - both)
                same = classes[g] >= 0 and classes[g] == said[p]
                meetings.append((g, p, iou, same, both / area(predictions[p])))
                if iou >= PLACED or (same and iou >= NEAR):
                    key = (iou + SAME * same) * (0.25 + 0.75 * scores[p])
                    mine.append((-key, g, p, iou, same))
                if same and iou < PLACED:
                    out["parts"][g] += both / area(predictions[p]) >= INSIDE
                    out["wholes"][p] += both / area(labels[g]) >= INSIDE
            able += sorted(mine)[:PARTNERS]
        used = set()
        for _, g, p, iou, same in sorted(able):
            if g in used or out["label"][p] >= 0:
                continue
            used.add(g)
            out["label"][p], out["iou"][p], out["agrees"][p] = g, iou, same
            if same:
                out["own"][g], out["own_iou"][g] = p, iou
        for g, p, iou, same, part in meetings:
            if iou >= PLACED and same:
                out["same"][g] = max(out["same"][g], scores[p])
            elif (
                iou >= PLACED
                and not (out["agrees"][p] and out["label"][p] != g)
                and (out["other"][g] < 0 or scores[p] > out["other_score"][g])
            ):
                out["other"][g], out["other_score"][g] = p, scores[p]
            if out["label"][p] != g:
                out["touch"][p] = max(out["touch"][p], iou)
                out["inside"][p] = max(out["inside"][p], part)
        for p in range(starts[image], starts[image + 1]):
            for q in range(starts[image], starts[image + 1]):
                above = scores[q] > scores[p] or (scores[q] == scores[p] and q < p)
                both = shared(predictions[p], predictions[q])
                if q != p and above and both > 0 and area(predictions[p]) and area(predictions[q]):
                    iou = both / (area(predictions[p]) + area(predictions[q]) - both)
                    out["higher"][p] = max(out["higher"][p], iou)
    return out


def scene(rng, images=12, most=9, classes=3, rows=None):
    """Labels, and predictions near them and elsewhere."""
    counts = rng.integers(0, most, images) if rows is None else np.full(images, rows)
    n = int(counts.sum())
    corner, side = rng.integers(0, 60, (n, 2)), rng.integers(0, 40, (n, 2))
    labels = np.concatenate([corner, corner + side], 1).astype(np.float64)
    named = rng.integers(-1, classes, n)
    offsets = np.r_[0, np.cumsum(counts)]
    image = np.repeat(np.arange(images), counts)
    copies = np.repeat(np.arange(n), rng.integers(0, 4, n))
    extra = rng.integers(0, images, n)
    boxes = labels[copies] + rng.integers(-6, 7, (len(copies), 4))
    corner, side = rng.integers(0, 60, (n, 2)), rng.integers(1, 40, (n, 2))
    boxes = np.concatenate([boxes, np.concatenate([corner, corner + side], 1)])
    of = np.r_[image[copies], extra]
    said = np.where(rng.random(len(of)) < 0.8, np.r_[named[copies], named], 0).clip(0)
    order = np.argsort(of, kind="stable")
    scores = rng.integers(0, 6, len(of)) / 5  # ties
    starts = np.r_[0, np.cumsum(np.bincount(of, minlength=images))]
    return labels, named, offsets, boxes[order], said[order], scores, starts


@pytest.mark.parametrize("seed", range(40))
def test_it_is_what_the_header_says(seed):
    rng = np.random.default_rng(seed)
    given = scene(rng)
    if seed % 4 == 0 and len(given[0]) > 3:
        given[0][1] = [np.nan, 0, 5, 5]
        given[3][2] = [5, 5, 1, 9]
        given[3][0] = [0, 0, np.inf, 4]
    facts = pair_up(*given)
    wanted = by_hand(*given)
    for name in (*LABEL_COLUMNS, *OTHER_COLUMNS):
        np.testing.assert_array_equal(getattr(facts, name), wanted[name], err_msg=name)


def test_a_pile_of_equal_boxes_is_cut_to_the_best_partners():
    labels = np.tile([0.0, 0, 10, 10], (200, 1))
    labels[:, 2] += np.arange(200) / 1000
    given = (
        labels,
        np.zeros(200, np.int64),
        np.array([0, 200]),
        np.tile([0.0, 0, 10.1, 10], (70, 1)),
        np.zeros(70, np.int64),
        np.linspace(1, 0.1, 70),
        np.array([0, 70]),
    )
    facts, wanted = pair_up(*given), by_hand(*given)
    np.testing.assert_array_equal(facts.label, wanted["label"])
    assert (facts.label >= 0).sum() == PARTNERS


@pytest.mark.parametrize("workers", [1, 2, 7])
def test_threads_change_nothing(workers):
    given = scene(np.random.default_rng(5), images=3000, most=9)
    one, more = pair_up(*given, 1), pair_up(*given, workers)
    for name in (*LABEL_COLUMNS, *OTHER_COLUMNS):
        assert getattr(one, name).tobytes() == getattr(more, name).tobytes(), name


def test_one_object_two_labels_and_a_neighbour_by_hand():
    # A prediction of 10 x 10 on a label that lacks a row (IoU 0.9), a double of the same object
    # (IoU 0.6, lower score), and one of another class that stands for nothing of its own.
    labels = np.array([[0.0, 0, 10, 9], [30, 0, 40, 10]])
    predictions = np.array([[0.0, 0, 10, 10], [0, 0, 10, 6], [0, 0, 10, 8]])
    facts = pair_up(
        labels,
        np.array([1, 1]),
        np.array([0, 2]),
        predictions,
        np.array([1, 1, 0]),
        np.array([0.9, 0.3, 0.5]),
        np.array([0, 3]),
    )
    assert facts.own.tolist() == [0, -1]
    assert facts.own_iou.tolist() == [0.9, 0]
    assert facts.same.tolist() == [0.9, 0]
    assert facts.other.tolist() == [2, -1] and facts.other_score.tolist() == [0.5, 0]
    assert facts.label.tolist() == [0, -1, -1]
    assert facts.touch.tolist() == [0, 60 / 90, 80 / 90]
    assert facts.inside.tolist() == [0, 1, 1]
    assert facts.higher.tolist() == [0, 6 / 8, 8 / 10]


def test_parts_and_wholes_by_hand():
    # One label over two objects; two labels in one.
    labels = np.array([[0.0, 0, 20, 10], [50, 0, 60, 10], [60, 0, 70, 10]])
    predictions = np.array([[0.0, 0, 9, 10], [11, 0, 20, 10], [50, 0, 70.5, 10]])
    facts = pair_up(
        labels,
        np.zeros(3, np.int64),
        np.array([0, 3]),
        predictions,
        np.zeros(3, np.int64),
        np.ones(3),
        np.array([0, 3]),
    )
    assert facts.parts.tolist() == [2, 0, 0]
    assert facts.wholes.tolist() == [0, 0, 2]


def test_nothing_at_all():
    none, start = np.empty((0, 4)), np.zeros(1, np.int64)
    ids = np.empty(0, np.int64)
    facts = pair_up(none, ids, start, none, ids, np.empty(0), start)
    assert isinstance(facts, Facts) and not len(facts.own) and not len(facts.label)


@pytest.mark.parametrize(
    "change",
    [
        {"scores": np.array([np.nan])},
        {"scores": np.array([1.5])},
        {"offsets": np.array([0, 2])},
        {"starts": np.array([1, 1])},
        {"classes": np.array([0, 1])},
        {"workers": -1},
        {"workers": 5000},
    ],
)
def test_what_cannot_be_is_refused(change):
    given = {
        "labels": np.array([[0.0, 0, 1, 1]]),
        "classes": np.array([0]),
        "offsets": np.array([0, 1]),
        "predictions": np.array([[0.0, 0, 1, 1]]),
        "said": np.array([0]),
        "scores": np.array([0.5]),
        "starts": np.array([0, 1]),
        "workers": 0,
    }
    with pytest.raises(ValueError):
        _core.pair_predictions(**(given | change))
