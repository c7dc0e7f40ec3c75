"""merge_tiles against the definition, box by box, on scenes that a model saw tile by tile."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from merge_oracle import merge, seen, windows_of

import fastlabel as fl


def scene(seed, *, objects=25, width=420, height=330, size=160, step=120, **how):
    """Objects of 10 to 250 px in a frame, and what was seen of them."""
    rng = np.random.default_rng(seed)
    corner = rng.uniform(0, [width - 10, height - 10], (objects, 2))
    extent = np.exp(rng.uniform(np.log(10), np.log(250), (objects, 2)))
    boxes = np.concatenate([corner, np.minimum(corner + extent, [width, height])], axis=1)
    windows = windows_of(width, height, size, step)
    return seen(boxes, rng.integers(0, 3, objects), windows, rng, **how), windows


def agree(found, expected):
    assert len(found) == len(expected)
    for k, (image, label, score, box, members, joined) in enumerate(expected):
        assert found.images[k] == image
        assert found.labels[k] == label
        assert found.scores[k] == pytest.approx(score, rel=1e-9)
        np.testing.assert_allclose(found.boxes[k], box, rtol=1e-9)
        assert found.members[found.offsets[k] : found.offsets[k + 1]].tolist() == members
        assert found.joined[k] == joined


METHODS = [
    {},
    {"metric": "ios"},
    {"method": "nmm"},
    {"method": "nmm", "metric": "ios"},
    {"method": "nmm", "metric": "ios", "greedy": False},
    {"method": "soft-nms"},
    {"method": "soft-nms", "decay": "linear", "threshold": 0.3, "score_threshold": 0.2},
    {"method": "soft-nms", "decay": "linear", "metric": "ios"},
    {"method": "wbf"},
    {"method": "wbf", "metric": "ios", "confidence": "max"},
    {"per_class": False},
    {"join_cut": False},
    {"join_threshold": 0.2, "edge_tolerance": 12.0},
    {"join_threshold": 0.8, "edge_tolerance": 0.0},
    {"threshold": 0.9, "method": "nmm"},
]


@pytest.mark.parametrize("options", METHODS, ids=str)
@pytest.mark.parametrize("seed", range(3))
def test_it_is_the_definition(options, seed):
    jitter = (0.0, 1.0, 4.0)[seed]
    predictions, windows = scene(seed, jitter=jitter, twice=0.3 * seed)
    agree(fl.merge_tiles(predictions, windows, **options), merge(predictions, windows, **options))


@pytest.mark.parametrize("step", [160, 158, 162, 40])
def test_windows_that_abut_that_leave_a_gap_and_that_overlap_much(step):
    predictions, windows = scene(5, step=step, size=160, jitter=0.5)
    found = fl.merge_tiles(predictions, windows)
    agree(found, merge(predictions, windows))
    assert found.joined.any()


def test_many_images_are_each_their_own():
    predictions, windows = scene(7, jitter=1.0)
    several = {
        "boxes": np.tile(predictions["boxes"], (3, 1)),
        "scores": np.tile(predictions["scores"], 3),
        "labels": np.tile(predictions["labels"], 3),
        "tile": np.concatenate([predictions["tile"] + k * len(windows) for k in range(3)]),
    }
    images = np.repeat([4, 1, 9], len(windows))
    found = fl.merge_tiles(several, np.tile(windows, (3, 1)), images=images)
    agree(found, merge(several, np.tile(windows, (3, 1)), images=images))
    alone = fl.merge_tiles(predictions, windows)
    for image in (1, 4, 9):
        np.testing.assert_array_equal(found.boxes[found.images == image], alone.boxes)


def test_images_of_one_label_are_each_their_own():
    box, windows = [[10.0, 10, 30, 30]], [[0, 0, 100, 100]] * 2
    found = fl.merge_tiles([(box, [0.9], [1]), (box, [0.8], [1])], windows, images=[0, 1])
    assert found.images.tolist() == [0, 1]
    assert found.scores.tolist() == [0.9, 0.8]


@pytest.mark.parametrize("turned", [False, True])
def test_large_is_measured_by_the_shorter_side_of_tiles(turned):
    """60 px is more than half of 100, and less than half of 200."""

    def axes(rows):
        return np.array(rows)[:, [1, 0, 3, 2]] if turned else np.array(rows)

    windows = axes([[0, 0, 200, 100], [160, 0, 360, 100]])
    part = (axes([[180.0, 40, 200, 60]]), [0.9], [0])
    whole = (axes([[175.0, 35, 235, 65]]), [0.3], [0])
    found = fl.merge_tiles([part, None], windows, full_frame=whole, join_cut=False)
    assert found.boxes.tolist() == whole[0].tolist()
    assert found.members.tolist() == [0, 1]
    several = fl.merge_tiles([part, None], windows, full_frame=whole, large=0.7, join_cut=False)
    assert len(several) == 2


def test_frames_end_where_sizes_say():
    predictions, windows = scene(11, width=400, height=300, size=160, step=120)
    windows = windows - [10, 7, 10, 7]  # they begin outside
    sizes = (300, 400)
    found = fl.merge_tiles(predictions, windows, sizes=sizes)
    agree(found, merge(predictions, windows, sizes=[sizes]))
    assert (found.boxes >= 0).all() and (found.boxes <= [400, 300, 400, 300]).all()


def test_boxes_that_are_in_the_frame_already():
    predictions, windows = scene(13)
    moved = predictions | {
        "boxes": predictions["boxes"] + np.tile(windows[predictions["tile"], :2], 2)
    }
    one = fl.merge_tiles(predictions, windows)
    other = fl.merge_tiles(moved, windows, coordinates="frame")
    np.testing.assert_allclose(other.boxes, one.boxes, atol=1e-9)
    np.testing.assert_array_equal(other.members, one.members)


@pytest.mark.parametrize("seed", range(4))
def test_with_a_pass_over_the_whole_frame(seed):
    rng = np.random.default_rng(seed)
    predictions, windows = scene(seed, jitter=1.0)
    corner = rng.uniform(0, 250, (9, 2))
    boxes = np.concatenate([corner, corner + rng.uniform(20, 170, (9, 2))], axis=1)
    whole = {"boxes": boxes, "scores": rng.random(9), "labels": rng.integers(0, 3, 9)}
    found = fl.merge_tiles(predictions, windows, full_frame=whole)
    both = {
        "boxes": np.concatenate([predictions["boxes"], boxes]),
        "scores": np.concatenate([predictions["scores"], whole["scores"]]),
        "labels": np.concatenate([predictions["labels"], whole["labels"]]),
        "tile": np.concatenate([predictions["tile"], np.full(9, len(windows))]),
    }
    frame = [*windows[:, :2].min(axis=0), *windows[:, 2:].max(axis=0)]
    flags = np.arange(len(windows) + 1) == len(windows)
    agree(found, merge(both, np.vstack([windows, frame]), whole=flags))


@settings(deadline=None, max_examples=150)
@given(
    st.integers(0, 10**6),
    st.sampled_from(METHODS),
    st.floats(0, 1),
    st.sampled_from([0.0, 2.0, 8.0]),
    st.booleans(),
)
def test_any_scene_is_the_definition(seed, options, threshold, tolerance, crowded):
    rng = np.random.default_rng(seed)
    predictions, windows = scene(
        seed,
        objects=int(rng.integers(1, 14)),
        width=260,
        height=200,
        size=int(rng.integers(60, 140)),
        step=int(rng.integers(50, 100)),
        jitter=float(rng.choice([0, 0.7, 3])),
        twice=0.8 if crowded else 0.0,
    )
    # Whole numbers and few scores, so that there are ties of all kinds.
    if seed % 3 == 0:
        predictions["boxes"] = predictions["boxes"].round()
        predictions["scores"] = (predictions["scores"] * 4).round() / 4
    options = {"threshold": threshold, "edge_tolerance": tolerance} | options
    agree(fl.merge_tiles(predictions, windows, **options), merge(predictions, windows, **options))


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 10**6), st.sampled_from(METHODS), st.randoms(use_true_random=False))
def test_the_order_of_the_rows_says_nothing(seed, options, shuffle):
    """But for equal scores: here all differ."""
    predictions, windows = scene(seed, objects=12, jitter=1.0)
    n = len(predictions["scores"])
    order = np.arange(n)
    shuffle.shuffle(order)
    mixed = {name: values[order] for name, values in predictions.items()}
    one, other = (fl.merge_tiles(p, windows, **options) for p in (predictions, mixed))
    np.testing.assert_allclose(other.boxes, one.boxes, rtol=1e-12)
    np.testing.assert_allclose(other.scores, one.scores, rtol=1e-12)
    np.testing.assert_array_equal(order[other.members], one.members)


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 10**6), st.sampled_from(METHODS))
def test_every_row_is_in_one_result_or_counted(seed, options):
    predictions, windows = scene(seed, objects=15, jitter=2.0, twice=0.5)
    predictions["boxes"][::7, 2] = predictions["boxes"][::7, 0]
    predictions["boxes"][1::7] += 1000
    found = fl.merge_tiles(predictions, windows, **options)
    assert len(np.unique(found.members)) == len(found.members)
    assert len(found.members) + sum(found.dropped.values()) == len(predictions["scores"])
    assert found.dropped["empty"] == len(predictions["boxes"][::7])
    assert found.dropped["outside"] == len(predictions["boxes"][1::7])
    assert found.offsets[0] == 0 and (np.diff(found.offsets) > 0).all()
    best = found.members[found.offsets[:-1]]
    np.testing.assert_array_equal(found.labels, predictions["labels"][best])
    if options.get("method", "nms") in ("nms", "nmm"):
        np.testing.assert_array_equal(found.scores, predictions["scores"][best])


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 10**6), st.sampled_from(["iou", "ios"]))
def test_merging_what_is_merged_changes_nothing(seed, metric):
    """Suppressed boxes overlap each other no more, and nothing is cut in the one window left."""
    predictions, windows = scene(seed, objects=15, jitter=1.0)
    one = fl.merge_tiles(predictions, windows, metric=metric)
    frame = [[*windows[:, :2].min(axis=0), *windows[:, 2:].max(axis=0)]]
    again = fl.merge_tiles(
        [(one.boxes, one.scores, one.labels)], frame, metric=metric, coordinates="frame"
    )
    np.testing.assert_array_equal(again.boxes, one.boxes)
    np.testing.assert_array_equal(again.members, np.arange(len(one)))
