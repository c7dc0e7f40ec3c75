"""Camera frames to a network's input, against OpenCV and NumPy step by step."""

from __future__ import annotations

import itertools

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fastlabel as fl
from fastlabel import _core

GRAY, RGB, BGR, NV12, NV21, YUYV = range(6)
FORMATS = (GRAY, RGB, BGR, NV12, NV21, YUYV)
TO_RGB = {
    NV12: cv2.COLOR_YUV2RGB_NV12,
    NV21: cv2.COLOR_YUV2RGB_NV21,
    YUYV: cv2.COLOR_YUV2RGB_YUY2,
    BGR: cv2.COLOR_BGR2RGB,
}
ORDER_RGB, ORDER_BGR = 2, 1
DTYPES = ("float32", "float16", "uint8", "int8", "quantised uint8")
KEYS = ("interpolation", "layout", "swap_rb", "center", "scale_up", "stretch", "quantize")


@pytest.fixture(params=_core.isa_available())
def isa(request):
    before = _core.isa()
    _core.isa_select(request.param)
    yield request.param
    _core.isa_select(before)


def options(width, height, **given):
    chosen = {
        **dict.fromkeys(KEYS, 0), "center": 1, "scale_up": 1, "zero_point": 0, "width": width,
        "height": height, "scale": 1 / 255, "quant_scale": 1.0, "color": [114] * 4,
        "mean": [0.0] * 4, "std": [1.0] * 4, "channels": 0, "order": ORDER_RGB,
    }  # fmt: skip
    return {**chosen, **given}


def sides(form, width, height):
    """The next sizes that a format can have."""
    if form in (NV12, NV21, YUYV):
        width += width % 2
    if form in (NV12, NV21):
        height += height % 2
    return width, height


def camera(form, width, height, seed=1, gap=0):
    """(planes, contiguous memory as OpenCV has it); rows of the planes `gap` bytes apart."""
    rng = np.random.default_rng(seed)
    rows = height * 3 // 2 if form in (NV12, NV21) else height
    unit = {GRAY: 1, RGB: 3, BGR: 3, NV12: 1, NV21: 1, YUYV: 2}[form]
    memory = rng.integers(0, 256, (rows, width * unit + gap), np.uint8)
    view = memory[:, : width * unit]
    planes = [view[:height], view[height:]] if form in (NV12, NV21) else [view]
    flat = np.ascontiguousarray(view)
    return planes, flat if unit == 1 else flat.reshape(rows, width, unit)


def colours(form, flat):
    """The picture in a frame, by OpenCV."""
    return flat if form in (GRAY, RGB) else cv2.cvtColor(flat, TO_RGB[form])


def frame(form, width, height, planes, window=(0, 0, 0, 0), matrix=0, range_=0):
    return form, matrix, range_, width, height, planes, window


def run(frames, opts, dtype="uint8", channels=3, workers=1):
    n, size = len(frames), (opts["height"], opts["width"])
    shape = (n, channels, *size) if opts["layout"] == 0 else (n, *size, channels)
    out = np.full(shape, 77, dtype)
    return out, _core.letterbox_frames(frames, opts, out, workers)


def bytes_of(form, width, height, planes, **given):
    """A frame as it is: its colours as bytes, RGB."""
    out, _ = run([frame(form, width, height, planes, **given)], options(width, height, layout=1))
    return out[0]


@pytest.mark.parametrize("form", [NV12, NV21, YUYV])
def test_every_colour_is_opencvs(form):
    """All 2^24 of them: each pair U V beside each Y."""
    _core.isa_select(_core.isa_available()[-1])
    y = np.arange(256, dtype=np.uint8)
    pairs = np.stack(np.meshgrid(y, y, indexing="ij"), axis=-1).reshape(-1, 2)
    if form == YUYV:
        memory = np.empty((8192, 1024, 4), np.uint8)  # 2 pixels each; a pair has 128 of them
        many = np.repeat(pairs, 128, axis=0).reshape(8192, 1024, 2)
        memory[..., 1], memory[..., 3] = many[..., 0], many[..., 1]
        memory[..., 0::2] = np.tile(y.reshape(128, 2), (65536, 1)).reshape(8192, 1024, 2)
        width, height = 2048, 8192
        flat = memory.reshape(height, width, 2)
        planes = [memory.reshape(height, 2 * width)]
    else:
        width = height = 4096  # 2 x 2 pixels each; a pair has 64 of them, side by side
        flat = np.empty((6144, 4096), np.uint8)
        flat[4096:] = np.repeat(pairs, 64, axis=0).reshape(2048, 4096)
        tops = np.tile(np.arange(128, dtype=np.uint8), 16)[:4096]
        flat[:4096:2] = np.tile(tops, 2)
        flat[1:4096:2] = flat[:4096:2] + 128
        planes = [flat[:4096], flat[4096:]]
    expected = cv2.cvtColor(flat, TO_RGB[form])
    assert np.array_equal(bytes_of(form, width, height, planes), expected)


def test_some_colours_on_every_isa(isa):
    for form, gap in itertools.product((NV12, NV21, YUYV), (0, 5)):
        planes, flat = camera(form, 638, 34, gap=gap)
        assert np.array_equal(bytes_of(form, 638, 34, planes), colours(form, flat))


@pytest.mark.parametrize("matrix", [0, 1])
@pytest.mark.parametrize("full", [0, 1])
def test_other_matrices_are_their_formulas(matrix, full):
    """Within the rounding of the definition in real numbers."""
    planes, flat = camera(NV12, 256, 256)
    y = flat[:256].astype(float)
    u, v = (np.repeat(np.repeat(flat[256:, k::2], 2, 0), 2, 1) - 128.0 for k in (0, 1))
    red, blue = ((0.299, 0.114), (0.2126, 0.0722))[matrix]
    light, chroma = (y, 1.0) if full else (np.maximum(y - 16, 0) * 255 / 219, 255 / 224)
    green = 1 - red - blue
    exact = np.stack([
        light + 2 * (1 - red) * chroma * v,
        light - chroma * (2 * (1 - blue) * blue * u + 2 * (1 - red) * red * v) / green,
        light + 2 * (1 - blue) * chroma * u,
    ], axis=-1)  # fmt: skip
    got = bytes_of(NV12, 256, 256, planes, matrix=matrix, range_=full)
    # OpenCV's factors for BT.601 in the limited range are rounded to three digits: 0.2 levels.
    assert np.abs(got - exact.clip(0, 255)).max() <= 0.5 + (
        0.2 if not matrix and not full else 1e-3
    )


def place(w, h, width, height):
    ratio = min(width / w, height / h)
    size = max(1, round(w * ratio)), max(1, round(h * ratio))
    return size, (width - size[0]) // 2, (height - size[1]) // 2


def steps(picture, width, height, interpolation, color):
    """Resize, then pad, by OpenCV; area by our own resize_area, which other tests judge."""
    h, w = picture.shape[:2]
    size, left, top = place(w, h, width, height)
    if size == (w, h):
        small = picture
    elif interpolation == 0:
        small = cv2.resize(picture, size)
    else:
        small = fl.resize_area(picture, size)
    right, bottom = width - size[0] - left, height - size[1] - top
    return cv2.copyMakeBorder(small, top, bottom, left, right, cv2.BORDER_CONSTANT, value=color)


def numbers(padded, dtype, mean, std):
    """Bytes to the network's numbers, by NumPy."""
    if dtype == "uint8":
        return padded
    x = padded.astype(np.float32) * np.float32(1 / 255) - np.array(mean, np.float32)
    x /= np.array(std, np.float32)
    if dtype.startswith("float"):
        return x.astype(dtype)
    low = -128 if dtype == "int8" else 0
    q = np.clip(np.rint(x / np.float32(0.02)) + (low + 60), low, low + 255)
    return q.astype("int8" if dtype == "int8" else "uint8")


MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_every_way_is_opencvs_steps(isa, form, dtype):
    ways = itertools.product((0, 1), (0, 1), (ORDER_RGB, ORDER_BGR), (0, 1))
    for k, (layout, interpolation, order, same) in enumerate(ways):
        width, height = sides(form, (97, 61, 66)[k % 3], (50, 83, 41)[k % 3])
        planes, flat = camera(form, width, height, seed=k, gap=k % 4)
        x, y = k % 5, k % 3
        window = (x, y, width - x - k % 4, height - y - k % 7)
        picture = colours(form, flat)[y : y + window[3], x : x + window[2]]
        # A third of the window is picked, not mixed; its own size is neither.
        out = window[2:] if same else (48, 48) if k % 2 else (window[2] // 3, window[3] // 3)
        one = form == GRAY
        mean, std = MEAN[: 1 if one else 3], STD[: 1 if one else 3]
        if order == ORDER_BGR and not one:
            picture = picture[..., ::-1]
        padded = steps(np.ascontiguousarray(picture), *out, interpolation, (1, 2, 3))
        expected = numbers(padded.reshape(*padded.shape[:2], -1), dtype, mean, std)
        given = options(
            *out, layout=layout, interpolation=interpolation, order=order, color=[1, 2, 3, 0],
            mean=[*mean, 0.0, 0.0, 0.0][:4], std=[*std, 1.0, 1.0, 1.0][:4], quant_scale=0.02,
            quantize=int("int" in dtype and dtype != "uint8"),
            zero_point=60 if "uint8" in dtype else -68,
        )  # fmt: skip
        kind = "uint8" if "uint8" in dtype else dtype
        if kind.startswith("float"):
            given["zero_point"] = 0
        got, _ = run([frame(form, width, height, planes, window)], given, kind, 1 if one else 3)
        expected = expected if layout else expected.transpose(2, 0, 1)
        assert got[0].tobytes() == np.ascontiguousarray(expected).tobytes()


@settings(deadline=None, max_examples=120)
@given(
    st.sampled_from(FORMATS), st.integers(1, 130), st.integers(1, 60), st.integers(1, 70),
    st.integers(1, 70), st.integers(0, 2**32 - 1), st.data(),
)  # fmt: skip
def test_windows_are_slices(form, width, height, out_width, out_height, seed, data):
    width, height = sides(form, width, height)
    planes, flat = camera(form, width, height, seed=seed, gap=seed % 3)
    x, y = data.draw(st.integers(0, width - 1)), data.draw(st.integers(0, height - 1))
    w, h = data.draw(st.integers(1, width - x)), data.draw(st.integers(1, height - y))
    if seed % 2:
        planes = [p[::-1].copy()[::-1] for p in planes]  # upside down in memory
    picture = np.ascontiguousarray(colours(form, flat)[y : y + h, x : x + w])
    given = options(out_width, out_height, layout=1, stretch=1)
    one = 1 if form == GRAY else 3
    got, places = run([frame(form, width, height, planes, (x, y, w, h))], given, channels=one)
    expected = cv2.resize(picture, (out_width, out_height))
    assert np.array_equal(got[0], expected.reshape(got[0].shape))
    assert places == [(out_width, out_height, 0, 0, out_width / w, out_height / h)]
    given["interpolation"] = 1
    got, _ = run([frame(form, width, height, planes, (x, y, w, h))], given, channels=one)
    expected = fl.resize_area(picture, (out_width, out_height))
    assert np.array_equal(got[0], expected.reshape(got[0].shape))


@pytest.mark.parametrize("form", [RGB, BGR, NV12, NV21, YUYV])
def test_area_is_within_a_level_of_opencvs_steps(form):
    width, height = 482, 270
    planes, flat = camera(form, width, height)
    for size in ((241, 135), (160, 90), (101, 57)):
        got, _ = run(
            [frame(form, width, height, planes)],
            options(*size, layout=1, stretch=1, interpolation=1),
        )
        expected = cv2.resize(colours(form, flat), size, interpolation=cv2.INTER_AREA)
        assert np.abs(got[0].astype(int) - expected).max() <= 1


def test_one_channel_and_three():
    out = (50, 40)
    for form in FORMATS:
        planes, flat = camera(form, 90, 62)
        if form in (RGB, BGR):
            luma = cv2.cvtColor(flat, cv2.COLOR_RGB2GRAY if form == RGB else cv2.COLOR_BGR2GRAY)
        else:
            luma = flat[:62] if form != YUYV else np.ascontiguousarray(flat[..., 0])
        padded = steps(luma, *out, 0, 9)
        given = options(*out, channels=1, color=[9] * 4)
        got, _ = run([frame(form, 90, 62, planes)], given, channels=1)
        assert np.array_equal(got[0, 0], padded)
    planes, flat = camera(GRAY, 90, 62)
    padded = steps(np.repeat(flat[..., None], 3, 2), *out, 0, (1, 2, 3))
    given = options(*out, channels=3, color=[1, 2, 3, 0], mean=[*MEAN, 0.0], std=[*STD, 1.0])
    got, _ = run([frame(GRAY, 90, 62, planes)], given, "float32")
    assert np.array_equal(got[0], numbers(padded, "float32", MEAN, STD).transpose(2, 0, 1))


@pytest.mark.parametrize("form", FORMATS)
def test_order_of_the_frame_where_none_is_named(form):
    planes, flat = camera(form, 60, 40)
    picture = flat if form == BGR else colours(form, flat)
    one = form == GRAY
    for swap in (0, 1) if not one else (0,):
        expected = picture[..., ::-1] if swap else picture.reshape(40, 60, -1)
        given = options(60, 40, layout=1, order=0, swap_rb=swap)
        got, _ = run([frame(form, 60, 40, planes)], given, channels=1 if one else 3)
        assert np.array_equal(got[0], expected)


def test_windows_of_a_frame_over_threads():
    planes, _ = camera(NV12, 640, 360)
    tiles = [(x, y, 200, 150) for y in (0, 101, 210) for x in (0, 149, 301, 440)]
    frames = [frame(NV12, 640, 360, planes, tile) for tile in tiles]
    one = np.concatenate([run([f], options(96, 96))[0] for f in frames])
    for workers in (1, 3, 0):
        got, places = run(frames, options(96, 96), workers=workers)
        assert np.array_equal(got, one)
        assert len(places) == len(tiles)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_boxes_are_the_transforms(dtype):
    _, transform = fl.letterbox(np.zeros((333, 517, 3), np.uint8), (640, 480))
    at = (
        *transform.resized,
        transform.pad_x,
        transform.pad_y,
        transform.scale_x,
        transform.scale_y,
    )
    boxes = np.random.default_rng(1).uniform(-30, 600, (500, 4)).astype(dtype)
    there = _core.letterbox_boxes(boxes, at, (0, 0, 0, 0))
    assert there.dtype == dtype and np.array_equal(there, transform.to_input(boxes))
    back = _core.letterbox_boxes(there, at, (0, 0, 0, 0), back=True)
    assert np.array_equal(back, transform.to_image(there))
    cut = _core.letterbox_boxes(there, at, (0, 0, 517, 333), back=True, clip=True)
    assert np.array_equal(cut, transform.to_image(there, clip=True))
    shifted = _core.letterbox_boxes(boxes[::2, ::-1] + dtype(7), at, (7, 7, 1, 1))
    assert np.allclose(shifted, transform.to_input(boxes[::2, ::-1]), atol=1e-3)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"width": 0}, "a side is 0"),
        ({"width": 95}, "a side is 0, or odd"),
        ({"height": 61}, "a side is 0, or odd"),
        ({"window": (90, 0, 8, 8)}, "window leaves the frame"),
        ({"window": (-1, 0, 8, 8)}, "window leaves the frame"),
        ({"window": (4, 4, 0, 8)}, "window leaves the frame"),
        ({"height": 64}, "smaller than the frame"),
        ({"width": 98}, "smaller than the frame"),
        ({"form": 6}, "planes"),
        ({"matrix": 2}, "invalid argument"),
    ],
)
def test_bad_frames(change, text):
    planes, _ = camera(NV12, 96, 62)
    given = {"form": NV12, "width": 96, "height": 62, "planes": planes, **change}
    with pytest.raises(ValueError, match=text):
        run([frame(**given)], options(32, 32))


def test_strides_smaller_than_a_row():
    planes, _ = camera(NV12, 96, 62)
    rows = np.lib.stride_tricks.as_strided(planes[0], (62, 96), (40, 1))
    with pytest.raises(ValueError, match="a stride is smaller than a row"):
        run([frame(NV12, 96, 62, [rows, planes[1]])], options(32, 32))
    with pytest.raises(ValueError, match="a scale, std or quant_scale is 0"):
        run([frame(NV12, 96, 62, planes)], options(32, 32, scale=0.0))
