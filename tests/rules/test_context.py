"""Columns of a context: null, order and sizes."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from fastlabel.rules import Context
from fastlabel.rules.wording import clean, count, number, quote


def test_null_numbers_are_nan_whatever_lies_beneath(build):
    b = build()
    b.image(luma_mean=None, orientation=None, luma_p01=None)
    b.image(luma_mean=3.0)
    ctx = b.context()
    for name in ("luma_mean", "orientation", "luma_p01"):
        assert np.isnan(ctx.stat(name)).tolist() == [True, False]


def test_flags_that_are_unknown_are_not_set(build):
    b = build()
    i = b.image()
    b.box(i, 0, 0, 9, 9)
    b.box(i, 0, 0, 9, 9, crowd=False, ignore=True, occlusion=0, truncation=0.0)
    b.box(i, 0, 0, 9, 9, crowd=True, occlusion=1)
    b.box(i, 0, 0, 9, 9, truncation=0.5)
    ctx = b.context()
    assert ctx.exempt.tolist() == [False, True, True, False]
    assert ctx.hidden.tolist() == [False, False, True, True]


def test_measurements_find_their_image_in_any_order_and_number(build):
    b = build()
    for mean in (10.0, 20.0, 30.0, 40.0):
        b.image(luma_mean=mean)
    ctx = b.context()
    some = ctx.image_stats.take(pa.array([3, 1]))
    mixed = Context(ctx.ds, some)
    assert mixed.stat("luma_mean")[[1, 3]].tolist() == [20.0, 40.0]
    assert np.isnan(mixed.stat("luma_mean")[[0, 2]]).all()
    assert mixed.has_status("ok").tolist() == [False, True, False, True]


@pytest.mark.parametrize(
    ("declared", "orientation", "expected"),
    [
        ((640, 480), 6, (640, 480)),
        ((None, None), 1, (300, 200)),
        ((None, None), 6, (200, 300)),
        ((None, None), 4, (300, 200)),
        ((None, None), 5, (200, 300)),
        ((None, None), 8, (200, 300)),
        ((0, 480), 1, (300, 200)),
        ((1, 1), 1, (1, 1)),
    ],
)
def test_the_size_that_boxes_are_drawn_on(build, declared, orientation, expected):
    b = build()
    b.image(width=declared[0], height=declared[1], orientation=orientation)
    b.image_stats[0].update(width=300, height=200)
    w, h = b.context().size
    assert (w[0], h[0]) == expected


def test_measurements_of_images_that_the_set_does_not_have_are_left_aside(build):
    b = build()
    for mean in (10.0, 20.0, 30.0):
        b.image(luma_mean=mean)
    stats = b.context().image_stats
    del b.images[2]
    assert Context(b.dataset(), stats).stat("luma_mean").tolist() == [10.0, 20.0]


def test_boxes_are_aligned_with_rows_and_found_by_image(build):
    b = build()
    i, j, k = b.image(), b.image(), b.image()
    for image in (k, i, k, i):
        b.box(image, image, 0, 9, 9)
    ctx = b.context()
    assert ctx.boxes[:, 0].tolist() == [k, i, k, i]
    assert [ctx.annotations_of(n).tolist() for n in (i, j, k)] == [[1, 3], [], [0, 2]]
    assert ctx.box_counts.tolist() == [2, 0, 2]


def test_the_pyramid_is_nan_where_a_level_or_all_are_null(build):
    b = build()
    b.image(acutance=0.1, scale_acutance=[0.2, None, 0.4])
    b.image(acutance=None, scale_acutance=None)
    pyramid = b.context().pyramid("acutance")
    expected = [[0.1, 0.2, np.nan, 0.4], [np.nan] * 4]
    np.testing.assert_array_equal(pyramid, expected)


def test_clean_keeps_letters_of_all_scripts_and_drops_what_acts():
    assert clean("Zoë 犬 \u0939\u093f") == "Zoë 犬 \u0939\u093f"
    assert clean("a\tb\r\nc\x00\x9b31m\u200f\u2028d") == "a b c 31m d"
    assert clean(None) == ""
    assert len(clean("x" * 10_000, 100)) <= 100
    assert quote('say "hi"\n') == '"say "hi""'


def test_numbers_and_counts():
    assert [number(v) for v in (0.12345, 8.0, 1234567.0, float("inf"))] == [
        "0.123",
        "8",
        "1,234,567",
        "inf",
    ]
    assert count(2, "copy", "copies") == "2 copies"
