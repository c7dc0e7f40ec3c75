"""What merge_tiles takes, and what it says of what it does not."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

import fastlabel as fl

WINDOWS = [[0, 0, 100, 100], [80, 0, 180, 100]]
LEFT = ([[70.0, 40, 100, 60]], [0.9], [2])
RIGHT = ([[0.0, 41, 49, 61]], [0.7], [2])
FLAT = {
    "boxes": [LEFT[0][0], RIGHT[0][0]],
    "scores": [0.9, 0.7],
    "labels": [2, 2],
    "tile": [0, 1],
}


def same(found):
    assert found.boxes.tolist() == [[70, 40, 129, 61]]
    assert (found.scores.tolist(), found.labels.tolist()) == ([0.9], [2])
    assert found.joined.tolist() == [True] and found.members.tolist() == [0, 1]


@pytest.mark.parametrize(
    "predictions",
    [
        [LEFT, RIGHT],
        (list(LEFT), RIGHT),
        [dict(zip(("boxes", "scores", "labels"), one, strict=True)) for one in (LEFT, RIGHT)],
        [np.array([[70, 40, 100, 60, 0.9, 2]]), np.array([[0, 41, 49, 61, 0.7, 2]])],
        FLAT,
        {name: np.asarray(value) for name, value in FLAT.items()},
        pa.table(
            {
                **{
                    c: np.array(FLAT["boxes"])[:, k] for k, c in enumerate(("x1", "y1", "x2", "y2"))
                },
                "score": FLAT["scores"],
                "category_id": pa.array(FLAT["labels"], pa.int32()),
                "tile": FLAT["tile"],
            }
        ),
    ],
    ids=["tuples", "lists", "mappings", "arrays", "flat", "flat-arrays", "arrow"],
)
def test_shapes_that_are_read(predictions):
    same(fl.merge_tiles(predictions, WINDOWS))


def test_results_as_a_table():
    table = fl.merge_tiles(FLAT, WINDOWS, images=[7, 7]).table()
    row = table.to_pylist()[0]
    assert row == {
        "image": 7, "label": 2, "score": 0.9, "x1": 70, "y1": 40, "x2": 129, "y2": 61,
        "joined": True, "members": [0, 1],
    }  # fmt: skip


def test_nothing_found():
    for predictions in ([None, None], [([], []), ([], [])], [[], []]):
        found = fl.merge_tiles(predictions, WINDOWS)
        assert len(found) == 0 and found.offsets.tolist() == [0]
        assert found.boxes.shape == (0, 4) and found.table().num_rows == 0
    assert len(fl.merge_tiles([], np.zeros((0, 4), int))) == 0
    assert len(fl.merge_tiles([], [], full_frame=None)) == 0


def test_labels_may_be_absent():
    found = fl.merge_tiles([LEFT[:2], RIGHT[:2]], WINDOWS)
    assert found.labels.tolist() == [0]


def test_the_whole_frame_in_its_shapes():
    one = ([[10.0, 10, 150, 90]], [0.5], [2])
    for whole in (one, [one], {"boxes": one[0], "scores": one[1], "labels": one[2], "image": [0]}):
        found = fl.merge_tiles([LEFT, RIGHT], WINDOWS, full_frame=whole)
        # The large box wins over both fragments, with the best of the three scores.
        assert found.boxes.tolist() == one[0] and found.scores.tolist() == [0.9]
        assert found.members.tolist() == [0, 1, 2] and found.joined.tolist() == [False]
    other = (*one[:2], [3])
    assert len(fl.merge_tiles([LEFT, RIGHT], WINDOWS, full_frame=other)) == 2
    small = fl.merge_tiles([LEFT, RIGHT], WINDOWS, full_frame=one, large=2)
    assert len(small) == 2  # a box that is not large is one among others


def test_images_keep_their_numbers():
    found = fl.merge_tiles([LEFT, RIGHT], WINDOWS, images=[10**12, -3])
    assert found.images.tolist() == [-3, 10**12]
    whole = {"boxes": [[0, 0, 9, 9]], "scores": [0.3], "image": [10**12]}
    assert (
        fl.merge_tiles([LEFT, RIGHT], WINDOWS, images=[10**12, -3], full_frame=whole).images[2]
        == 10**12
    )


NAN = float("nan")
BAD = [
    (([LEFT], WINDOWS), {}, "predictions: got 1 entries for 2 windows"),
    ((7, WINDOWS), {}, "predictions: got int"),
    (([LEFT, "cat"], WINDOWS), {}, r"predictions\[1\]: got str"),
    (([LEFT, ([[0, 0, NAN, 1]], [0.1])], WINDOWS), {}, r"predictions\[1\]: boxes\[0\]"),
    (([LEFT, ([[9, 0, 1, 1]], [0.1])], WINDOWS), {}, r"predictions\[1\]: boxes\[0\]"),
    (([LEFT, ([[0, 0, 1, 1]], [NAN])], WINDOWS), {}, r"scores\[0\]: got nan, expected 0 to 1"),
    (([LEFT, ([[0, 0, 1, 1]], [1.5])], WINDOWS), {}, r"scores\[0\]: got 1.5, expected 0 to 1"),
    (([LEFT, ([[0, 0, 1, 1]], [-0.5])], WINDOWS), {}, "expected 0 to 1; a sigmoid"),
    (([LEFT, ([[0, 0, 1, 1]], [0.5, 0.6])], WINDOWS), {}, r"scores: got shape \(2,\)"),
    (([LEFT, ([[0, 0, 1, 1]], [0.5], [0.5])], WINDOWS), {}, "labels: got dtype float64"),
    (([LEFT, np.zeros((2, 5))], WINDOWS), {}, r"got shape \(2, 5\), expected \(n, 6\)"),
    (([LEFT, np.full((1, 6), 0.5)], WINDOWS), {}, "no whole numbers|expected"),
    ((FLAT | {"tile": [0, 2]}, WINDOWS), {}, r"tile\[1\] is 2, expected 0 to 1"),
    ((FLAT | {"tile": [0, -1]}, WINDOWS), {}, r"tile\[1\] is -1"),
    (({k: v for k, v in FLAT.items() if k != "tile"}, WINDOWS), {}, "has no 'tile'"),
    (({k: v for k, v in FLAT.items() if k != "scores"}, WINDOWS), {}, "has no 'scores'"),
    (([LEFT], [[0, 0, 100.5, 100]]), {}, "windows: got dtype float64"),
    (([LEFT], [[0, 0, 0, 100]]), {}, r"windows\[0\]: got \[0, 0, 0, 100\]"),
    (([LEFT], [[0, 0, 1 << 55, 100]]), {}, r"windows\[0\]"),
    (([LEFT], [0, 0, 10, 10]), {}, r"windows: got shape \(4,\)"),
    (([LEFT, RIGHT], WINDOWS), {"images": [0]}, "images: got shape"),
    (([LEFT, RIGHT], WINDOWS), {"images": [0.0, 1.0]}, "images: got dtype"),
    (([LEFT, RIGHT], WINDOWS), {"images": [0, 3], "sizes": [[9, 9]]}, "images: got 3"),
    (([LEFT, RIGHT], WINDOWS), {"sizes": [0, 100]}, r"sizes\[0\]"),
    (([LEFT, RIGHT], WINDOWS), {"sizes": [1, 2, 3]}, "sizes: got shape"),
    (([LEFT, RIGHT], WINDOWS), {"method": "greedy"}, "method: got 'greedy'"),
    (([LEFT, RIGHT], WINDOWS), {"metric": "giou"}, "metric: got 'giou'"),
    (([LEFT, RIGHT], WINDOWS), {"threshold": 2}, "threshold: got 2"),
    (([LEFT, RIGHT], WINDOWS), {"threshold": "0.5"}, "threshold: got"),
    (([LEFT, RIGHT], WINDOWS), {"join_threshold": NAN}, "join_threshold"),
    (([LEFT, RIGHT], WINDOWS), {"edge_tolerance": -1}, "edge_tolerance"),
    (([LEFT, RIGHT], WINDOWS), {"large": float("inf")}, "large"),
    (([LEFT, RIGHT], WINDOWS), {"sigma": 0}, "sigma: got 0.0, expected a finite number above 0"),
    (([LEFT, RIGHT], WINDOWS), {"per_class": "no"}, "per_class"),
    (([LEFT, RIGHT], WINDOWS), {"coordinates": "pixel"}, "coordinates"),
    (([LEFT, RIGHT], WINDOWS), {"full_frame": [LEFT, LEFT]}, "full_frame"),
    (([LEFT, RIGHT], WINDOWS), {"full_frame": FLAT | {"image": [0, 5]}}, r"image\[1\] is 5"),
]


@pytest.mark.parametrize(("arguments", "options", "message"), BAD)
def test_what_is_refused(arguments, options, message):
    with pytest.raises((ValueError, TypeError), match=message):
        fl.merge_tiles(*arguments, **options)


def test_what_runs_past_a_tile_is_cut_and_what_lies_beside_it_counted():
    found = fl.merge_tiles([([[-9, -9, 50, 50], [200, 200, 210, 210], [5, 5, 5, 9]], [1, 1, 1])],
                           [[0, 0, 100, 100]])  # fmt: skip
    assert found.boxes.tolist() == [[0, 0, 50, 50]]
    assert found.dropped == {"empty": 1, "outside": 1, "faded": 0}


def test_input_is_not_written_to():
    boxes = np.array(FLAT["boxes"])
    scores = np.array(FLAT["scores"])
    boxes.flags.writeable = scores.flags.writeable = False
    fl.merge_tiles(FLAT | {"boxes": boxes, "scores": scores}, WINDOWS)
    assert boxes.tolist() == FLAT["boxes"]
