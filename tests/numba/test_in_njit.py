"""The kernels inside @njit code: NumPy's answer, clear errors, code that can be cached."""

from __future__ import annotations

import ctypes
import importlib.util
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

import fastlabel as fl

njit = pytest.importorskip("numba").njit
from numba.core.errors import TypingError  # noqa: E402

from fastlabel.numba import (  # noqa: E402
    box_iou,
    boxes_view,
    content_hash,
    fl_box_iou,
    fl_content_hash,
    fl_nms,
    image_view,
    laplacian_variance,
    nms,
)

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "numba" / "tracks.py"


@njit(nogil=True)
def rows_with_all(a, b):
    out = np.empty((len(a), len(b)))
    for i in range(len(a)):
        box_iou(a[i : i + 1], b, out[i : i + 1])
    return out


@njit(nogil=True)
def pairwise_by_address(a, b, out):
    first, second, to = a.ctypes.data, b.ctypes.data, out.ctypes.data
    status = 0
    for i in range(len(a)):
        status |= fl_box_iou(first + 32 * i, 1, second + 32 * i, 1, to + 8 * i)
    return status


@njit(nogil=True)
def kept_rows(boxes, scores, threshold):
    keep = np.empty(len(boxes), np.int64)
    return keep[: nms(boxes, scores, threshold, keep)]


def test_box_iou_in_a_loop(random_boxes, iou_by_numpy):
    a, b = random_boxes(70, 1), random_boxes(33, 2)
    np.testing.assert_allclose(rows_with_all(a, b), iou_by_numpy(a, b), rtol=1e-14, atol=0)
    assert rows_with_all(a, b).tobytes() == fl.box_iou(a, b).tobytes()


def test_box_iou_of_float32(random_boxes):
    a, b = (random_boxes(40, seed).astype(np.float32) for seed in (1, 2))
    out = np.empty((40, 40), np.float32)
    box_iou(a, b, out)
    assert out.tobytes() == fl.box_iou(a, b).tobytes()


def test_the_c_function_by_address(random_boxes, iou_by_numpy):
    a = random_boxes(500, 1, extent=100)
    b = a + 3
    out = np.empty(500)
    assert pairwise_by_address(a, b, out) == 0
    np.testing.assert_allclose(out, np.diagonal(iou_by_numpy(a, b)), rtol=1e-14, atol=0)


def test_a_status_comes_back_from_the_c_function():
    @njit
    def nothing_given():
        return fl_nms(0, 0, 0, 0.5, 0, 0)

    assert nothing_given() == 1  # FL_ERROR_ARGUMENT


def test_nms(random_boxes):
    boxes = random_boxes(300, 3, extent=200)
    scores = np.random.default_rng(3).random(300).round(2)
    for threshold in (0.0, 0.3, 0.5, 1.0):
        np.testing.assert_array_equal(
            kept_rows(boxes, scores, threshold), fl.nms(boxes, scores, threshold)
        )
    columns = np.asfortranarray(boxes.astype(np.float32))
    np.testing.assert_array_equal(kept_rows(columns, scores, 0.5), fl.nms(columns, scores, 0.5))


def test_laplacian_variance_of_part_of_a_picture():
    img = np.random.default_rng(4).integers(0, 256, (60, 80), np.uint8)

    @njit(nogil=True)
    def best_column(img, width):
        best, value = 0, -1.0
        for x in range(0, img.shape[1] - width, 7):
            v = laplacian_variance(img[:, x : x + width])
            if v > value:
                best, value = x, v
        return best, value

    at, value = best_column(img, 20)
    # The kernel with mirrored borders, in NumPy.
    p = np.pad(img[:, at : at + 20].astype(float), 1, mode="reflect")
    lap = p[:-2, 1:-1] + p[2:, 1:-1] + p[1:-1, :-2] + p[1:-1, 2:] - 4 * p[1:-1, 1:-1]
    assert value == pytest.approx(lap.var(), rel=1e-12)


def test_content_hash():
    data = np.frombuffer(b"fastlabel" * 100, np.uint8)
    out = np.empty(16, np.uint8)
    content_hash(data, out)
    assert out.tobytes().hex() == fl.content_hash(data.tobytes())


class Boxes(ctypes.Structure):
    """As fastlabel.h has fl_boxes."""

    _fields_ = (
        ("data", ctypes.c_void_p),
        *[(name, ctypes.c_int64) for name in ("n", "row_stride", "column_stride")],
        *[(name, ctypes.c_int32) for name in ("dtype", "format")],
    )


class Image(ctypes.Structure):
    """As fastlabel.h has fl_image."""

    _fields_ = (
        ("data", ctypes.c_void_p),
        *[
            (name, ctypes.c_int64)
            for name in ("width", "height", "row_stride", "pixel_stride", "channel_stride")
        ],
        *[(name, ctypes.c_int32) for name in ("channels", "order")],
    )


@njit
def hash_of_boxes_view(boxes, size, out):
    return fl_content_hash(boxes_view(boxes), size, out.ctypes.data)


@njit
def hash_of_image_view(img, order, size, out):
    return fl_content_hash(image_view(img, order), size, out.ctypes.data)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    "cut", [np.s_[:], np.s_[::-1], np.s_[1::3], np.s_[:, ::-1], np.s_[:0]], ids=str
)
def test_a_view_of_boxes_is_the_struct_c_expects(dtype, cut):
    boxes = np.arange(48, dtype=dtype).reshape(12, 4)[cut]
    kind = 5 if dtype == np.float32 else 6
    expected = Boxes(boxes.ctypes.data, len(boxes), *boxes.strides, kind, 0)
    out = np.zeros(16, np.uint8)
    assert hash_of_boxes_view(boxes, ctypes.sizeof(Boxes), out) == 0
    assert out.tobytes().hex() == fl.content_hash(bytes(expected))


def test_a_view_of_a_picture_is_the_struct_c_expects():
    whole = np.zeros((20, 30, 4), np.uint8)
    for img, order in ((whole, 4), (whole[3:, ::2, 2::-1], 2), (whole[::-1, :, 0], 0)):
        strides = img.strides if img.ndim == 3 else (*img.strides, 1)
        height, width, channels = img.shape if img.ndim == 3 else (*img.shape, 1)
        expected = Image(img.ctypes.data, width, height, *strides, channels, order)
        out = np.zeros(16, np.uint8)
        assert hash_of_image_view(img, order, ctypes.sizeof(Image), out) == 0
        assert out.tobytes().hex() == fl.content_hash(bytes(expected))


def test_views_of_anything_else_are_refused():
    out = np.zeros(16, np.uint8)
    for wrong in (np.zeros((3, 4), int), np.zeros(4), [1.0]):
        with pytest.raises(TypingError, match="boxes: got"):
            hash_of_boxes_view(wrong, 40, out)
    with pytest.raises(TypingError, match="img: got"):
        hash_of_image_view(np.zeros((3, 3)), 0, 56, out)


def test_it_runs_on_threads_at_once(random_boxes):
    a = random_boxes(200, 8)
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda _: rows_with_all(a, a).tobytes(), range(16)))
    assert set(results) == {fl.box_iou(a, a).tobytes()}


def test_no_boxes():
    none = np.empty((0, 4))
    assert rows_with_all(none, none).shape == (0, 0)
    assert kept_rows(none, np.empty(0), 0.5).size == 0


BOXES = np.array([[0.0, 0, 4, 4], [1, 1, 5, 5]])


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: box_iou(BOXES, BOXES, np.empty((2, 3))), ValueError, "out: expected shape"),
        (lambda: box_iou(BOXES[:, :3].copy(), BOXES, np.empty((2, 2))), ValueError, "boxes1: exp"),
        (lambda: box_iou(BOXES, BOXES[:, :3].copy(), np.empty((2, 2))), ValueError, "boxes2: exp"),
        (lambda: box_iou(*[np.zeros((4, 4))] * 3), ValueError, "out: shares memory"),
        (lambda: nms(BOXES, np.array([1, np.nan]), 0.5, np.empty(2, int)), ValueError, "NaN"),
        (lambda: nms(BOXES, np.ones(2), 1.5, np.empty(2, int)), ValueError, "from 0 to 1"),
        (lambda: nms(BOXES, np.ones(3), 0.5, np.empty(2, int)), ValueError, "scores: expected"),
        (lambda: nms(BOXES, np.ones(2), 0.5, np.empty(1, int)), ValueError, "keep: expected"),
        (lambda: laplacian_variance(np.empty((0, 3), np.uint8)), ValueError, "at least one pixel"),
        (lambda: laplacian_variance(np.ones((9, 5), np.uint8).T), ValueError, "side by side"),
        (lambda: laplacian_variance(np.ones((9, 5), np.uint8)[::-1]), ValueError, "side by side"),
        (lambda: content_hash(np.ones(3, np.uint8), np.ones(15, np.uint8)), ValueError, "16 bytes"),
        (lambda: box_iou(BOXES, BOXES.astype("f4"), np.empty((2, 2))), TypingError, "boxes2: got"),
        (lambda: box_iou(BOXES[:, ::-1], BOXES, np.empty((2, 2))), TypingError, "C-contiguous"),
        (lambda: box_iou(BOXES, BOXES, np.empty(4)), TypingError, "out: got"),
        (lambda: box_iou(BOXES, BOXES, None), TypingError, "out: got none"),
        (lambda: nms(BOXES, np.ones(2), 0.5, np.empty(2, "i4")), TypingError, "keep: got"),
        (lambda: laplacian_variance(np.ones((3, 3))), TypingError, "img: got"),
    ],
)
def test_what_is_wrong_is_said(call, error, text):
    with pytest.raises(error, match=text):
        call()


def test_a_read_only_out_is_refused():
    out = np.empty((2, 2))
    out.flags.writeable = False
    with pytest.raises(TypingError, match="can be written"):
        box_iou(BOXES, BOXES, out)


def test_unknown_functions_are_attribute_errors():
    import fastlabel.numba as module

    with pytest.raises(AttributeError, match="fl_no_such_thing"):
        _ = module.fl_no_such_thing


CACHED = """
import numpy as np
from numba import njit
from fastlabel.numba import box_iou, fl_box_iou


@njit(cache=True)
def both(a, out):
    box_iou(a, a, out)
    return fl_box_iou(a.ctypes.data, 1, a.ctypes.data, 1, out.ctypes.data)


print(both(np.array([[0.0, 0, 2, 2]]), np.empty((1, 1))), sum(both.stats.cache_hits.values()))
"""


def test_code_that_calls_kernels_can_be_cached(tmp_path):
    script = tmp_path / "cached.py"
    script.write_text(CACHED)
    for hits in ("0", "1"):
        done = subprocess.run(
            [sys.executable, "-W", "error", str(script)], capture_output=True, text=True
        )
        assert done.stdout.split() == ["0", hits], done.stderr


def test_the_example_follows_objects():
    spec = importlib.util.spec_from_file_location("tracks", EXAMPLE)
    tracks = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tracks)
    first = np.array([[0.0, 0, 10, 10], [50, 50, 60, 60]])
    frames = [first, first + 1, first[:1] + 2, first + 3]
    age = tracks.follow(np.concatenate(frames), np.array([0, 2, 4, 5, 7]), 0.3)
    # The second object is away for a frame and starts anew.
    assert age.tolist() == [0, 0, 1, 1, 2, 3, 0]
    printed = subprocess.run(
        [sys.executable, str(EXAMPLE)], capture_output=True, text=True, check=True
    )
    assert "frames" in printed.stdout


def test_without_numba_the_extra_is_named():
    code = (
        "import sys; sys.modules['numba'] = None\n"
        "try:\n    import fastlabel.numba\nexcept ImportError as error:\n    print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "pip install 'fastlabel[numba]'" in done.stdout
