"""resize_area and letterbox against exact averages in NumPy, OpenCV and their own formulas."""

from __future__ import annotations

import math

import cv2
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import fastlabel as fl
from fastlabel import _core

sides = st.integers(1, 75)
seeds = st.integers(0, 2**32 - 1)


@pytest.fixture(params=_core.isa_available())
def isa(request):
    before = _core.isa()
    _core.isa_select(request.param)
    yield request.param
    _core.isa_select(before)


def picture(seed: int, height: int, width: int, channels: int | None = 3) -> np.ndarray:
    """Random bytes, or black and white alone."""
    rng = np.random.default_rng(seed)
    shape = (height, width) if channels is None else (height, width, channels)
    if seed % 5 == 0:
        return rng.choice(np.array([0, 255], np.uint8), shape)
    return rng.integers(0, 256, shape, np.uint8)


def strided(img: np.ndarray, way: int) -> np.ndarray:
    """The same picture in other memory: reversed, with gaps, turned, its channels apart."""
    if way == 1:
        return img[::-1, ::-1].copy()[::-1, ::-1]
    if way == 2:
        wide = np.zeros((img.shape[0] * 2, img.shape[1] * 3, *img.shape[2:]), np.uint8)
        wide[1::2, 2::3] = img
        return wide[1::2, 2::3]
    if way == 3:
        return np.asfortranarray(img)
    if way == 4 and img.ndim == 3:
        return img[..., ::-1].copy()[..., ::-1]
    return img


def cover(source: int, output: int) -> np.ndarray:
    """(output, source) whole numbers: `output` times how much a cell covers of each pixel."""
    cell = np.arange(output)[:, None] * source
    pixel = np.arange(source)[None, :] * output
    return np.clip(np.minimum(cell + source, pixel + output) - np.maximum(cell, pixel), 0, None)


def exact_area(img: np.ndarray, width: int, height: int) -> np.ndarray:
    """The rational mean of every cell, rounded half up, in Python's whole numbers."""
    planes = img.reshape(*img.shape[:2], -1).astype(np.int64)
    sums = np.einsum("ys,stc->ytc", cover(img.shape[0], height), planes)
    sums = np.einsum("xt,ytc->yxc", cover(img.shape[1], width), sums)
    area = img.shape[0] * img.shape[1]
    return ((2 * sums + area) // (2 * area)).astype(np.uint8).reshape(height, width, *img.shape[2:])


@settings(deadline=None, max_examples=150)
@given(seeds, sides, sides, sides, sides, st.sampled_from([None, 1, 3, 4]), st.integers(0, 4))
def test_area_is_the_exact_mean(seed, h, w, height, width, channels, way):
    img = strided(picture(seed, h, w, channels), way)
    assert np.array_equal(fl.resize_area(img, (width, height)), exact_area(img, width, height))


def test_area_on_every_isa(isa):
    for seed, (h, w, height, width) in enumerate(
        [(96, 200, 32, 67), (61, 77, 100, 13), (64, 130, 32, 65), (200, 90, 7, 200), (9, 999, 3, 1)]
    ):
        for channels in (None, 3, 4):
            img = picture(seed + 1, h, w, channels)
            assert np.array_equal(
                fl.resize_area(img, (width, height)), exact_area(img, width, height)
            )


@pytest.mark.parametrize("factor", [(2, 2), (3, 3), (3, 1), (5, 3), (7, 7)])
@pytest.mark.parametrize("channels", [None, 3, 4])
def test_area_by_whole_numbers_is_opencvs(factor, channels):
    fx, fy = factor
    img = picture(3, 40 * fy, 53 * fx, channels)
    expected = cv2.resize(img, (53, 40), interpolation=cv2.INTER_AREA)
    assert np.array_equal(fl.resize_area(img, (53, 40)), expected)


@settings(deadline=None, max_examples=80)
@given(seeds, sides, sides, st.integers(1, 75), st.integers(1, 75), st.booleans())
def test_area_is_within_a_level_of_opencvs(seed, a, b, c, d, grow):
    w, h, width, height = max(a, b), max(c, d), min(a, b), min(c, d)
    if grow:
        # Where an output's edge falls on a pixel's, OpenCV's floats may take the neighbour.
        assume(math.gcd(w, width) == 1 and math.gcd(h, height) == 1)
        w, h, width, height = width, height, w, h
    img = picture(seed, h, w)
    expected = cv2.resize(img, (width, height), interpolation=cv2.INTER_AREA)
    ours = fl.resize_area(img, (width, height)).astype(int)
    # Enlarging, OpenCV's weights have 11 bits, twice rounded.
    assert np.abs(ours - expected.reshape(ours.shape)).max() <= 1


@pytest.mark.parametrize(
    ("shape", "size"),
    [((1, 10000, 3), (1, 10000)), ((10000, 1), (10000, 1)), ((3, 30000, 3), (641, 2))],
)
def test_extreme_sizes(shape, size):
    img = np.random.default_rng(1).integers(0, 256, shape, np.uint8)
    out = fl.resize_area(img, size)
    assert out.shape == (size[1], size[0], *shape[2:])
    if shape[:2] == (1, 10000):
        assert (out == exact_area(img, 1, 1)[0, 0]).all()
    elif shape[1] == 30000:
        assert np.array_equal(out, exact_area(img, *size))
    array, transform = fl.letterbox(img, size, dtype="uint8", layout="nhwc")
    assert array.shape[1:3] == (size[1], size[0])
    assert min(transform.resized) >= 1


def test_area_with_sums_of_64_bits():
    img = picture(11, 3001, 4099, 3)  # 12.3 million pixels and no common divisor
    assert np.array_equal(fl.resize_area(img, (38, 29)), exact_area(img, 38, 29))


@settings(deadline=None, max_examples=150)
@given(seeds, sides, sides, sides, sides, st.sampled_from([None, 1, 3, 4]), st.integers(0, 4))
def test_linear_is_opencvs(seed, h, w, height, width, channels, way):
    img = picture(seed, h, w, channels)
    expected = cv2.resize(img, (width, height)).reshape(height, width, -1)
    got, _ = fl.letterbox(
        strided(img, way), (width, height), dtype="uint8", layout="nhwc", stretch=True
    )
    assert np.array_equal(got[0], expected)


def test_linear_of_a_frame_on_every_isa(isa):
    img = picture(2, 540, 961)
    for size in ((640, 360), (961, 540), (413, 700), (1300, 33)):
        got, _ = fl.letterbox(img, size, dtype="uint8", layout="nhwc", stretch=True)
        assert np.array_equal(got[0], cv2.resize(img, size))


def ultralytics_place(w: int, h: int, width: int, height: int, center: bool, scale_up: bool):
    """Ratio, size and padding as its LetterBox documents them (sides at least 1 here)."""
    r = min(height / h, width / w)
    if not scale_up:
        r = min(r, 1.0)
    size = max(1, round(w * r)), max(1, round(h * r))
    dw, dh = width - size[0], height - size[1]
    if center:
        dw, dh = dw / 2, dh / 2
    left, top = (round(dw - 0.1), round(dh - 0.1)) if center else (0, 0)
    right, bottom = round(dw + 0.1), round(dh + 0.1)
    return size, left, top, right, bottom


def padded(img: np.ndarray, size: tuple[int, int], color, interpolation, center=True, up=True):
    """Resize, then pad, by OpenCV."""
    h, w = img.shape[:2]
    new, left, top, right, bottom = ultralytics_place(w, h, *size, center, up)
    small = exact_area(img, *new) if interpolation == "area" else cv2.resize(img, new)
    return cv2.copyMakeBorder(small, top, bottom, left, right, cv2.BORDER_CONSTANT, value=color)


@settings(deadline=None, max_examples=120)
@given(
    seeds, sides, sides, sides, sides, st.sampled_from(["linear", "area"]), st.booleans(),
    st.booleans(), st.integers(0, 4),
)  # fmt: skip
def test_letterbox_is_resize_and_border(seed, h, w, height, width, kind, center, up, way):
    img = picture(seed, h, w)
    options = {"interpolation": kind, "center": center, "scale_up": up, "color": (1, 2, 3)}
    bytes_, transform = fl.letterbox(
        strided(img, way), (width, height), dtype="uint8", layout="nhwc", **options
    )
    expected = padded(img, (width, height), (1, 2, 3), kind, center, up)
    assert np.array_equal(bytes_[0], expected)
    size, left, top, _, _ = ultralytics_place(w, h, width, height, center, up)
    assert (transform.resized, transform.pad_x, transform.pad_y) == (size, left, top)
    planes, _ = fl.letterbox(img, (width, height), dtype="uint8", swap_rb=True, **options)
    assert np.array_equal(planes[0], expected[..., ::-1].transpose(2, 0, 1))


def test_letterbox_is_the_blob_of_opencv(isa):
    img = picture(4, 1080, 1920)
    got, transform = fl.letterbox(img, 640, swap_rb=True)
    expected = cv2.dnn.blobFromImage(
        padded(img, (640, 640), (114, 114, 114), "linear"), 1 / 255, (640, 640), swapRB=True
    )
    assert got.shape == expected.shape == (1, 3, 640, 640)
    assert np.abs(got - expected).max() <= 1e-6
    assert (transform.pad_x, transform.pad_y, transform.resized) == (0, 140, (640, 360))


MEAN = (0.485, 0.456, 0.406)
STD = (0.229, 0.224, 0.225)


def normalised(img: np.ndarray, mean, std, scale=1 / 255) -> np.ndarray:
    x = img.astype(np.float32) * np.float32(scale) - np.array(mean, np.float32)
    return x / np.array(std, np.float32)


@pytest.mark.parametrize("layout", ["nchw", "nhwc"])
@pytest.mark.parametrize("swap", [False, True])
@pytest.mark.parametrize("shape", [(33, 47, 3), (60, 20, 4), (19, 19, 1), (19, 40)])
def test_numbers_bit_for_bit(isa, layout, swap, shape):
    img = picture(6, shape[0], shape[1], *(shape[2:] or (None,)))
    channels = shape[2] if len(shape) == 3 else 1
    if swap and channels == 1:
        return
    mean, std = (*MEAN, 0.1)[:channels], (*STD, 0.5)[:channels]
    plain, _ = fl.letterbox(img, (50, 41), dtype="uint8", layout="nhwc")
    x = normalised(plain[0], mean, std)
    q = np.clip(np.rint(x / np.float32(0.02)) + 3, -128, 127).astype(np.int8)
    u = np.clip(np.rint(x / np.float32(0.02)) + 100, 0, 255).astype(np.uint8)
    order = [2, 1, 0, 3][:channels] if swap else list(range(channels))
    options = {"layout": layout, "swap_rb": swap, "mean": mean, "std": std}
    for expected, more in (
        (x, {}),
        (q, {"dtype": "int8", "quantize": (0.02, 3)}),
        (u, {"dtype": np.uint8, "quantize": (0.02, 100)}),
    ):
        ordered = expected[..., order]
        ordered = ordered if layout == "nhwc" else ordered.transpose(2, 0, 1)
        got, _ = fl.letterbox(img, (50, 41), **options, **more)
        assert got.dtype == expected.dtype
        assert got[0].tobytes() == ordered.tobytes()
        # Into a view with gaps, and one that runs backwards.
        big = np.full([2 * n for n in got.shape], 77, got.dtype)
        view = big[1::2, ::2, -1::-2, ::2]
        back, _ = fl.letterbox(img, (50, 41), out=view, **options, **more)
        assert back is view and np.array_equal(view, got)
        assert (big[::2] == 77).all() and (big[1::2, 1::2] == 77).all()


def test_quantised_values_are_clipped():
    img = np.array([[0, 255]], np.uint8)
    for step in (1e-3, 1e-38):
        got, _ = fl.letterbox(img, (2, 1), dtype="int8", mean=0.5, quantize=(step, 0), stretch=True)
        assert got.ravel().tolist() == [-128, 127]


def test_batches_of_any_sizes_and_workers():
    rng = np.random.default_rng(7)
    pictures = [picture(int(s), *rng.integers(5, 90, 2)) for s in range(1, 12)]
    pictures.append(pictures[0][::-1])
    expected = np.concatenate([fl.letterbox(p, (64, 48), mean=0.5)[0] for p in pictures])
    for workers in (1, 2, 7, 0):
        got, transforms = fl.letterbox(pictures, (64, 48), mean=0.5, workers=workers)
        assert np.array_equal(got, expected)
        assert transforms == [fl.letterbox(p, (64, 48))[1] for p in pictures]


def test_boxes_there_and_back():
    img = picture(8, 1080, 1920)
    _, transform = fl.letterbox(img, (640, 640))
    assert transform == fl.LetterboxTransform(
        1 / 3, 1 / 3, 0, 140, (640, 360), (1920, 1080), (640, 640)
    )
    boxes = np.array([[0, 0, 1920, 1080], [300, 600, 330, 660.5]])
    there = transform.to_input(boxes)
    assert there == pytest.approx(np.array([[0, 140, 640, 500], [100, 340, 110, 340 + 60.5 / 3]]))
    assert transform.to_image(there) == pytest.approx(boxes)
    assert transform.to_input(boxes.astype(np.float32)).dtype == np.float32
    assert transform.to_image([[-5, 0, 700, 640]], clip=True).tolist() == [[0, 0, 1920, 1080]]
    assert transform.to_input([]).shape == (0, 4)


def test_boxes_follow_the_pixels():
    """A white rectangle lands where its box is sent, whatever was rounded on the way."""
    img = np.zeros((333, 517), np.uint8)
    img[100:220, 130:400] = 255
    for size in ((96, 96), (640, 480), (130, 41)):
        for stretch in (False, True):
            array, transform = fl.letterbox(
                img, size, color=0, interpolation="area", dtype="uint8", stretch=stretch
            )
            mass = array[0, 0].astype(float) / 255
            x1, y1, x2, y2 = transform.to_input([[130, 100, 400, 220]])[0]
            assert mass.sum() == pytest.approx((x2 - x1) * (y2 - y1), rel=5e-3)
            centre = (mass.sum(0) @ (np.arange(size[0]) + 0.5)) / mass.sum()
            assert centre == pytest.approx((x1 + x2) / 2, abs=0.05)


GOOD = np.zeros((8, 6, 3), np.uint8)
QUANTISED = {"dtype": "int8", "quantize": (0.1, 0)}


@pytest.mark.parametrize(
    ("img", "size", "error", "name"),
    [
        (GOOD.astype(np.int8), 4, TypeError, "img"),
        (GOOD.astype(np.float32), 4, TypeError, "img"),
        (None, 4, TypeError, "img"),
        (GOOD[0, 0], 4, ValueError, "img"),
        (GOOD[..., :2], 4, ValueError, "img"),
        (GOOD[:0], 4, ValueError, "img"),
        (GOOD[:, :0], 4, ValueError, "img"),
        (np.broadcast_to(GOOD[:1, :1], (1, 2**30, 3)), 4, ValueError, "img"),
        (np.broadcast_to(GOOD[:1, :1], (2**31, 1, 3)), 4, ValueError, "img"),
        (GOOD, 0, ValueError, "size"),
        (GOOD, (4, -1), ValueError, "size"),
        (GOOD, (4, 4, 4), ValueError, "size"),
        (GOOD, (4.0, 4), TypeError, "size"),
        (GOOD, "4", TypeError, "size"),
        (GOOD, (2**31, 4), ValueError, "size"),
        (GOOD, (2**29 - 1, 2**36), ValueError, "size"),
    ],
)
def test_bad_pictures_and_sizes(img, size, error, name):
    with pytest.raises(error, match=rf"^{name}: got"):
        fl.resize_area(img, size)
    with pytest.raises(error, match=rf"^{name}: got"):
        fl.letterbox(img, size)


@pytest.mark.parametrize(
    ("options", "error", "name"),
    [
        ({"color": 256}, ValueError, "color"),
        ({"color": (1, 2)}, ValueError, "color"),
        ({"color": 1.5}, TypeError, "color"),
        ({"interpolation": "cubic"}, ValueError, "interpolation"),
        ({"layout": "chw"}, ValueError, "layout"),
        ({"dtype": "float64"}, TypeError, "dtype"),
        ({"dtype": "nonsense"}, TypeError, "dtype"),
        ({"scale": 0}, ValueError, "scale"),
        ({"scale": float("nan")}, ValueError, "scale"),
        ({"scale": 1e39}, ValueError, "scale"),
        ({"scale": "big"}, TypeError, "scale"),
        ({"mean": (1, 2)}, ValueError, "mean"),
        ({"mean": float("inf")}, ValueError, "mean"),
        ({"std": 0}, ValueError, "std"),
        ({"std": (1, 1, float("nan"))}, ValueError, "std"),
        ({"std": 1e-60}, ValueError, "std"),
        ({"swap_rb": 2}, TypeError, "swap_rb"),
        ({"dtype": "int8"}, ValueError, "quantize"),
        ({"quantize": (0.1, 0)}, ValueError, "quantize"),
        ({**QUANTISED, "quantize": (0, 0)}, ValueError, "quantize"),
        ({**QUANTISED, "quantize": (0.1, 128)}, ValueError, "quantize"),
        ({**QUANTISED, "quantize": (0.1, 0.5)}, TypeError, "quantize"),
        ({**QUANTISED, "quantize": 0.1}, ValueError, "quantize"),
        ({"dtype": "uint8", "mean": 1}, ValueError, "scale, mean, std"),
        ({"workers": -1}, ValueError, "workers"),
        ({"workers": 1.5}, TypeError, "workers"),
        ({"out": [1]}, TypeError, "out"),
        ({"out": np.zeros((1, 3, 4, 4))}, TypeError, "out"),
        ({"out": np.zeros((3, 4, 4), np.float32)}, ValueError, "out"),
        ({"out": np.broadcast_to(np.float32(0), (1, 3, 4, 4))}, ValueError, "out"),
    ],
)
def test_bad_options(options, error, name):
    with pytest.raises(error, match=rf"^{name}: (got|is|has)"):
        fl.letterbox(GOOD, 4, **options)


def test_bad_batches():
    with pytest.raises(ValueError, match=r"^img: got no pictures"):
        fl.letterbox([], 4)
    with pytest.raises(ValueError, match=r"^img\[1\]: got 1 channels"):
        fl.letterbox([GOOD, GOOD[..., 0]], 4)
    with pytest.raises(TypeError, match=r"^img\[1\]: got dtype float64"):
        fl.letterbox([GOOD, GOOD * 1.0], 4)
    with pytest.raises(ValueError, match=r"^swap_rb"):
        fl.letterbox(GOOD[..., 0], 4, swap_rb=True)


def test_overlapping_out_is_refused():
    memory = np.zeros((16, 16), np.uint8)
    with pytest.raises(ValueError, match=r"^out: shares memory"):
        fl.resize_area(memory, (4, 4), out=memory[:4, :4])
    with pytest.raises(ValueError, match=r"^out: shares memory"):
        fl.letterbox(memory, 4, dtype="uint8", out=memory[:4, :4][None, None])


def test_a_broadcast_picture_too_tall_to_average():
    tall = np.broadcast_to(GOOD[:1, :1], (2**31 - 1, 1, 3))
    with pytest.raises(ValueError, match=r"^img: got shape .*2\^24"):
        fl.resize_area(tall, (1, 2))
    with pytest.raises(ValueError, match=r"^img: got shape .*2\^24"):
        fl.letterbox(tall, (1, 2), interpolation="area", stretch=True)
