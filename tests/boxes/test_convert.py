"""Area, conversion and clipping."""

from __future__ import annotations

import numpy as np
import pytest
from box_making import LAYOUTS, dtypes, formula_area, random_boxes, sound_boxes
from hypothesis import given, settings
from hypothesis import strategies as st

import fastlabel as fl
from fastlabel import _core

FORMATS = ("xyxy", "xywh", "cxcywh")
ALL_FORMATS = (*FORMATS, *(f + "n" for f in FORMATS))


def as_written(b: np.ndarray, fmt: str, size=None) -> np.ndarray:
    """xyxy in another format, by the format's definition."""
    low, high = b[:, :2], b[:, 2:]
    first = (low + high) / 2 if fmt.startswith("cx") else low
    second = high if fmt.startswith("xyxy") else high - low
    out = np.concatenate([first, second], 1)
    return out / np.tile(np.asarray(size, b.dtype), 2) if fmt.endswith("n") else out


@settings(deadline=None)
@given(st.data(), dtypes, st.sampled_from(ALL_FORMATS), st.sampled_from(ALL_FORMATS))
def test_conversion_there_and_back(data, dtype, first, second):
    boxes = data.draw(sound_boxes(dtype))
    size = (640.0, 480.0)
    there = fl.box_convert(boxes, "xyxy", first, size=size)
    assert there.dtype == dtype
    np.testing.assert_array_equal(there, as_written(np.asarray(boxes), first, size))
    middle = fl.box_convert(there, first, second, size=size)
    back = fl.box_convert(middle, second, "xyxy", size=size)
    np.testing.assert_allclose(back, boxes, rtol=0, atol=2e3 * np.finfo(dtype).eps)


def test_conversion_by_hand():
    assert fl.box_convert([[10, 20, 30, 60]], "xyxy", "xywh").tolist() == [[10, 20, 20, 40]]
    assert fl.box_convert([[20, 40, 20, 40]], "cxcywh", "xyxy").tolist() == [[10, 20, 30, 60]]
    wide = fl.box_convert([[0.5, 0.5, 1, 0.5]], "cxcywhn", "xyxy", size=(200, 100))
    assert wide.tolist() == [[0, 25, 200, 75]]
    assert fl.box_convert([[0.5, 0.5, 1, 0.5]], "cxcywhn", "xywhn").tolist() == [[0, 0.25, 1, 0.5]]


def test_a_size_for_each_box():
    boxes = random_boxes(300, 1)
    sizes = np.random.default_rng(2).integers(1, 2000, (300, 2))
    got = fl.box_convert(boxes, "xyxy", "cxcywhn", size=sizes)
    np.testing.assert_array_equal(got, as_written(boxes, "cxcywh") / np.tile(sizes, 2))


def test_same_format_is_a_copy():
    boxes = random_boxes(3, 1)
    got = fl.box_convert(boxes, "xyxy", "xyxy")
    np.testing.assert_array_equal(got, boxes)
    assert not np.shares_memory(got, boxes)


@settings(deadline=None)
@given(st.data(), dtypes)
def test_area_is_the_formula(data, dtype):
    boxes = data.draw(sound_boxes(dtype, 300))
    np.testing.assert_array_equal(fl.box_area(boxes), formula_area(boxes))


def test_area_of_what_is_no_box():
    bad = [[0, 0, -2, -2], [0, 0, np.nan, 1], [0, 0, np.inf, 1], [5, 5, 5, 9]]
    assert fl.box_area(bad, invalid="zero").tolist() == [0, 0, 0, 0]
    with pytest.raises(ValueError, match=r"boxes\[0\]: got \[0.0, 0.0, -2.0, -2.0\]"):
        fl.box_area(bad)
    assert fl.box_area([[1, 2, 3, 4]], "xywh").tolist() == [12]


@settings(deadline=None)
@given(st.data(), dtypes, st.integers(0, 100), st.integers(0, 100))
def test_clipping_is_numpy_clip(data, dtype, height, width):
    boxes = data.draw(sound_boxes(dtype, 200))
    expected = np.clip(boxes, 0, np.array([width, height] * 2, dtype))
    np.testing.assert_array_equal(fl.clip_boxes_to_image(boxes, (height, width)), expected)


def test_nan_is_kept_when_asked():
    got = fl.clip_boxes_to_image([[-1, np.nan, 9, np.inf]], (5, 4), invalid="keep")
    np.testing.assert_array_equal(got, [[0, np.nan, 4, 5]])
    assert np.isnan(fl.box_convert([[np.nan] * 4], "xyxy", "xywh", invalid="keep")).all()


@pytest.mark.parametrize("layout", range(len(LAYOUTS)))
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_out_of_any_layout(layout, dtype):
    boxes = random_boxes(150, 1, dtype=dtype)
    out = LAYOUTS[layout](np.full((150, 4), 7, dtype))
    assert fl.box_convert(boxes, "xyxy", "cxcywh", out=out) is out
    np.testing.assert_array_equal(out, as_written(boxes, "cxcywh"))
    fl.clip_boxes_to_image(boxes, (50, 60), out=out)
    np.testing.assert_array_equal(out, np.clip(boxes, 0, np.array([60, 50] * 2, dtype)))
    areas = np.zeros((150, 3), dtype)[:, 1]
    assert fl.box_area(boxes, out=areas) is areas
    np.testing.assert_array_equal(areas, formula_area(boxes))


BOX = [[0, 0, 1, 1]]


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: fl.box_convert(BOX, "xyxy", "yolo"), "out_fmt: got 'yolo'"),
        (lambda: fl.box_convert(BOX, None, "xyxy"), "in_fmt: got None"),
        (lambda: fl.box_convert(BOX, "xyxy", "xyxyn"), "size: got None"),
        (lambda: fl.box_convert(BOX, "xyxyn", "xyxy", size=(0, 4)), "size: got .*above 0"),
        (lambda: fl.box_convert(BOX, "xyxyn", "xyxy", size=(np.nan, 4)), "size: got .*above 0"),
        (lambda: fl.box_convert(BOX, "xyxyn", "xyxy", size=(1, 2, 3)), r"size: got shape \(3,\)"),
        (lambda: fl.box_convert(BOX, "xyxyn", "xyxy", size=[[1, 2]] * 3), "size: got shape"),
        (lambda: fl.box_convert([[0, 0, -1, 1]], "xywh", "xyxy"), r"boxes\[0\].*not negative"),
        (lambda: fl.box_convert(BOX, "xyxy", "xywh", invalid="zero"), "invalid: got 'zero'"),
        (lambda: fl.clip_boxes_to_image(BOX, (1, -1)), "size: got"),
        (lambda: fl.clip_boxes_to_image(BOX, 5), "size: got 5"),
        (lambda: fl.box_area(BOX, invalid="keep"), "invalid: got 'keep'"),
        (lambda: fl.box_area([[3, 0, 1, 1]]), r"boxes\[0\]"),
    ],
)
def test_bad_arguments_are_named(call, text):
    with pytest.raises(ValueError, match=text):
        call()


def test_native_sizes_of_two_shapes_are_refused() -> None:
    """One size beside many would be read past its end."""
    b = np.ones((100, 4))
    one, many = np.ones((1, 2)), np.ones((100, 2))
    for sizes in ((one, many), (many, one)):
        with pytest.raises(ValueError, match="one shape"):
            _core.box_convert(b, np.empty_like(b), 0, 0, *sizes)
