"""Camera frames through fl.letterbox: OpenCV's conversion, then the steps one by one."""

from __future__ import annotations

import ctypes
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fastlabel as fl

CODES = {
    "nv12": cv2.COLOR_YUV2BGR_NV12,
    "nv21": cv2.COLOR_YUV2BGR_NV21,
    "yuyv": cv2.COLOR_YUV2BGR_YUY2,
}


def frame_of(format: str, height: int, width: int, seed: int = 1) -> np.ndarray:
    rng = np.random.default_rng(seed)
    if format == "yuyv":
        shape: tuple[int, ...] = (height, width, 2)
    else:
        shape = (height * 3 // 2, width) if format != "gray" else (height, width)
    if format in ("rgb", "bgr"):
        shape = (height, width, 3)
    return rng.integers(0, 256, shape, np.uint8)


def luma_of(format: str, frame: np.ndarray) -> np.ndarray:
    return frame[..., 0] if format == "yuyv" else frame[: frame.shape[0] // 3 * 2]


even = st.integers(1, 40).map(lambda n: 2 * n)


@settings(deadline=None, max_examples=60)
@given(
    st.integers(0, 2**32 - 1),
    st.sampled_from(sorted(CODES)),
    even,
    even,
    st.integers(1, 60),
    st.integers(1, 60),
    st.sampled_from(["rgb", "bgr", "gray"]),
    st.sampled_from(["linear", "area"]),
    st.sampled_from(["float32", "float16", "uint8", "int8"]),
    st.booleans(),
    st.data(),
)
def test_a_frame_is_its_picture(
    seed, format, height, width, h, w, order, interpolation, dtype, windowed, data
):
    """Equal to OpenCV's colours put through the ordinary letterbox, of the whole or a window."""
    frame = frame_of(format, height, width, seed)
    window = None
    if windowed:
        x = sorted(data.draw(st.lists(st.integers(0, width), min_size=2, max_size=2, unique=True)))
        y = sorted(data.draw(st.lists(st.integers(0, height), min_size=2, max_size=2, unique=True)))
        window = [x[0], y[0], x[1], y[1]]
    options = {
        "interpolation": interpolation,
        "dtype": dtype,
        "quantize": (0.02, 3) if dtype == "int8" else None,
    }
    if dtype not in ("uint8",):
        options["mean"] = (0.4, 0.5, 0.6) if order != "gray" else 0.4
    got, transform = fl.letterbox(
        frame, (w, h), format=format, order=order, window=window, **options
    )
    bgr = cv2.cvtColor(frame, CODES[format])
    picture = luma_of(format, frame) if order == "gray" else bgr
    if order == "rgb":
        picture = bgr[:, :, ::-1]
    if window is not None:
        picture = picture[window[1] : window[3], window[0] : window[2]]
    expected, placed = fl.letterbox(np.ascontiguousarray(picture), (w, h), **options)
    assert got.dtype == np.dtype(dtype) and np.array_equal(got, expected)
    assert transform.origin == (tuple(window[:2]) if window else (0, 0))
    assert (transform.scale_x, transform.pad_x) == (placed.scale_x, placed.pad_x)


@pytest.mark.parametrize("format", sorted(CODES))
def test_a_real_camera_size_end_to_end(format):
    """Against OpenCV's separate steps and the formula in NumPy, from the frame to the numbers."""
    frame = frame_of(format, 1080, 1920)
    got, transform = fl.letterbox(frame, 640, format=format, mean=0.5, std=(0.2, 0.3, 0.4))
    rgb = cv2.cvtColor(frame, CODES[format])[:, :, ::-1]
    small = cv2.resize(rgb, (640, 360), interpolation=cv2.INTER_LINEAR)
    padded = cv2.copyMakeBorder(small, 140, 140, 0, 0, cv2.BORDER_CONSTANT, value=(114,) * 3)
    x = padded.astype(np.float32) * np.float32(1 / 255) - np.float32(0.5)
    x = x / np.float32((0.2, 0.3, 0.4))
    assert np.array_equal(got[0], x.transpose(2, 0, 1))
    assert (transform.pad_x, transform.pad_y, transform.resized) == (0, 140, (640, 360))


def test_float16_is_float32_rounded_once():
    img = frame_of("bgr", 90, 160)
    for layout in ("nchw", "nhwc"):
        for settings_ in ({}, {"scale": 300.0}, {"mean": 0.3, "std": (1e-3, 1, 50), "scale": 1e-4}):
            full, _ = fl.letterbox(img, 64, layout=layout, **settings_)
            half, _ = fl.letterbox(img, 64, layout=layout, dtype="float16", **settings_)
            with np.errstate(over="ignore"):
                assert np.array_equal(half, full.astype(np.float16))


def test_channels_become_those_that_are_asked_for():
    bgr = frame_of("bgr", 30, 44)
    gray = bgr[:, :, 1]
    alpha = np.dstack([bgr, gray])
    plain = {"dtype": "uint8", "layout": "nhwc"}
    rgb, _ = fl.letterbox(bgr, 32, order="rgb", **plain)
    assert np.array_equal(rgb, fl.letterbox(bgr, 32, swap_rb=True, **plain)[0])
    assert np.array_equal(fl.letterbox(alpha, 32, order="rgb", **plain)[0], rgb)
    flipped = np.ascontiguousarray(bgr[:, :, ::-1])
    assert np.array_equal(fl.letterbox(flipped, 32, format="rgb", order="rgb", **plain)[0], rgb)
    tripled, _ = fl.letterbox(gray, 32, order="bgr", **plain)
    one, _ = fl.letterbox(gray, 32, **plain)
    assert np.array_equal(tripled, np.repeat(one, 3, axis=3))
    luma, _ = fl.letterbox(bgr, 32, order="gray", **plain)
    assert np.array_equal(luma, fl.letterbox(fl.luma(bgr), 32, **plain)[0])
    assert np.array_equal(fl.letterbox(flipped, 32, format="rgb", order="gray", **plain)[0], luma)


def test_planes_may_lie_apart_upside_down_and_with_gaps():
    frame = frame_of("nv12", 48, 64)
    expected, _ = fl.letterbox(frame, 32, format="nv12")
    luma, colour = frame[:48], frame[48:]
    wide = np.zeros((48, 100), np.uint8)
    wide[:, 20:84] = luma
    upside = colour[::-1].copy()[::-1]
    for planes in ((luma, colour), (wide[:, 20:84], upside), (luma, colour.reshape(24, 32, 2))):
        assert np.array_equal(fl.letterbox(planes, 32, format="nv12")[0], expected)
    several, transforms = fl.letterbox([frame, (luma, colour)], 32, format="nv12")
    assert np.array_equal(several, np.concatenate([expected] * 2)) and len(transforms) == 2


@pytest.mark.parametrize("format", [None, "nv12", "yuyv"])
def test_windows_of_one_frame(format):
    frame = frame_of(format or "bgr", 120, 200)
    tiles = fl.tile_windows(120, 200, 64, overlap=0.25)
    got, transforms = fl.letterbox(frame, 64, format=format, window=tiles, dtype="uint8", workers=2)
    assert len(got) == len(transforms) == len(tiles)
    for one, tile, transform in zip(got, tiles.tolist(), transforms, strict=True):
        alone, placed = fl.letterbox(frame, 64, format=format, window=tile, dtype="uint8")
        assert np.array_equal(one, alone[0]) and transform == placed
        back = transform.to_image(transform.to_input([tile]))
        assert back.tolist() == [tile] and transform.origin == (tile[0], tile[1])


def test_full_range_and_bt709():
    """The formulas of the standards, to the nearest level but for rounding."""
    rng = np.random.default_rng(3)
    frame = rng.integers(0, 256, (96, 64), np.uint8)
    y = frame[:64].astype(float)
    u, v = (frame[64:].reshape(32, 32, 2)[..., k].repeat(2, 0).repeat(2, 1) - 128.0 for k in (0, 1))
    for matrix, (kr, kb) in {"bt601": (0.299, 0.114), "bt709": (0.2126, 0.0722)}.items():
        for full in (False, True):
            got, _ = fl.letterbox(
                frame,
                64,
                format="nv12",
                matrix=matrix,
                full_range=full,
                dtype="uint8",
                layout="nhwc",
            )
            luma, chroma = (y, 1 / 255) if full else ((y - 16) * 255 / 219, 1 / 224)
            if not full:
                luma = np.maximum(luma, 0)
            kg = 1 - kr - kb
            r = luma + 2 * (1 - kr) * v * chroma * 255
            b = luma + 2 * (1 - kb) * u * chroma * 255
            g = luma - (2 * (1 - kr) * kr * v + 2 * (1 - kb) * kb * u) / kg * chroma * 255
            expected = np.dstack([r, g, b]).clip(0, 255)
            assert np.abs(got[0].astype(float) - expected).max() <= 1.0


def library() -> ctypes.CDLL:
    lib = ctypes.CDLL(str(Path(fl.get_library_dir(), "libfastlabel.so")))
    return lib


class Placement(ctypes.Structure):
    _fields_ = (
        *((name, ctypes.c_int64) for name in ("width", "height", "left", "top")),
        *((name, ctypes.c_double) for name in ("scale_x", "scale_y")),
    )


class Boxes(ctypes.Structure):
    _fields_ = (
        ("data", ctypes.c_void_p),
        *((name, ctypes.c_int64) for name in ("n", "row_stride", "column_stride")),
        *((name, ctypes.c_int32) for name in ("dtype", "format")),
    )


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("clip", [False, True])
def test_boxes_have_the_bits_that_the_c_library_gives(dtype, clip):
    rng = np.random.default_rng(2)
    boxes = (rng.random((200, 4)) * 900 - 100).astype(dtype)
    frame = np.zeros((700, 1111, 3), np.uint8)
    _, transform = fl.letterbox(frame, (416, 352), window=[101, 33, 1000, 650])
    w, h = transform.resized
    place = Placement(w, h, transform.pad_x, transform.pad_y, transform.scale_x, transform.scale_y)
    window = (ctypes.c_int64 * 4)(*transform.origin, *transform.image)
    view = Boxes(
        boxes.ctypes.data,
        200,
        boxes.strides[0],
        boxes.strides[1],
        5 if dtype == np.float32 else 6,
        0,
    )
    out = np.empty_like(boxes)
    lib, ref = library(), ctypes.byref
    to = out.ctypes.data_as(ctypes.c_void_p)
    assert lib.fl_letterbox_boxes_to_input(ref(place), ref(window), ref(view), to) == 0
    assert transform.to_input(boxes).tobytes() == out.tobytes()
    done = lib.fl_letterbox_boxes_to_frame(ref(place), ref(window), int(clip), ref(view), to)
    assert done == 0
    assert transform.to_image(boxes, clip=clip).tobytes() == out.tobytes()


BAD = [
    ({"format": "nv12", "img": (49, 64)}, ValueError, r"\(49, 64\).*even"),
    ({"format": "nv12", "img": (48, 63)}, ValueError, "even"),
    ({"format": "nv12", "img": (0, 64)}, ValueError, "shape"),
    ({"format": "nv21", "img": (48, 64, 3)}, ValueError, "shape"),
    ({"format": "yuyv", "img": (48, 63, 2)}, ValueError, "even width"),
    ({"format": "yuyv", "img": (48, 64, 3)}, ValueError, "even width"),
    ({"format": "rgb", "img": (48, 64)}, ValueError, "format"),
    ({"format": "gray", "img": (48, 64, 3)}, ValueError, "format"),
    ({"format": "i420"}, ValueError, "nv12"),
    ({"matrix": "bt2020"}, ValueError, "bt709"),
    ({"full_range": 1}, TypeError, "full_range"),
    ({"order": "rgba"}, ValueError, "order"),
    ({"order": "rgb", "swap_rb": True}, ValueError, "swap_rb"),
    ({"window": (0, 0, 65, 10)}, ValueError, "64 x 48"),
    ({"window": (0, 0, 64, 49)}, ValueError, "64 x 48"),
    ({"window": (-1, 0, 10, 10)}, ValueError, "window"),
    ({"window": (5, 5, 5, 10)}, ValueError, "window"),
    ({"window": (0, 0, 10)}, ValueError, "x1, y1, x2, y2"),
    ({"window": (0, 0, 10.5, 10)}, ValueError, "whole"),
    ({"window": "all"}, ValueError, "x1, y1, x2, y2"),
    ({"window": np.zeros((0, 4), int)}, ValueError, "windows"),
    ({"dtype": "float64"}, TypeError, "float16"),
    ({"dtype": "float16", "quantize": (1, 0)}, ValueError, "quantize"),
]


@pytest.mark.parametrize(("change", "error", "said"), BAD)
def test_wrong_frames_are_refused_in_words(change, error, said):
    shape = change.pop("img", (48, 64, 3))
    with pytest.raises(error, match=said):
        fl.letterbox(np.zeros(shape, np.uint8), 32, **change)


def test_planes_that_do_not_belong_together():
    luma, colour = np.zeros((48, 64), np.uint8), np.zeros((24, 64), np.uint8)
    for planes, said in [
        ((luma, colour[:23]), "UV of shape"),
        ((luma, colour, colour), "3 planes"),
        ((luma[:, ::2], colour[:, :32]), "side by side"),
        ((luma[:47], colour), "both even"),
        ((np.broadcast_to(luma[:1], (48, 64)), colour), "at least a row"),
        ((luma, np.zeros((24, 32, 2), np.uint8)[:, ::2]), "UV|side by side"),
    ]:
        with pytest.raises(ValueError, match=said):
            fl.letterbox(planes, 32, format="nv12")


# ---- how far from OpenCV ------------------------------------------------------------------


def test_resizing_of_real_pictures_beside_opencv(shared_data):
    """Linear: OpenCV's bytes. By area: never more than a level, on exact halves alone by 2."""
    rng = np.random.default_rng(11)
    paths = sorted((shared_data / "raccoon" / "images").glob("*.jpg"))[::25]
    paths += sorted((shared_data / "bccd" / "JPEGImages").glob("*.jpg"))[:2]
    assert len(paths) >= 8
    apart = total = 0
    for path in paths:
        img = cv2.imread(str(path))
        height, width = img.shape[:2]
        for _ in range(4):
            size = int(rng.integers(1, 2 * width)), int(rng.integers(1, 2 * height))
            ours, _ = fl.letterbox(img, size, stretch=True, dtype="uint8", layout="nhwc")
            assert np.array_equal(ours[0], cv2.resize(img, size, interpolation=cv2.INTER_LINEAR))
            size = int(rng.integers(1, width + 1)), int(rng.integers(1, height + 1))
            ours, _ = fl.letterbox(
                img, size, stretch=True, dtype="uint8", layout="nhwc", interpolation="area"
            )
            theirs = cv2.resize(img, size, interpolation=cv2.INTER_AREA)
            gap = np.abs(ours[0].astype(int) - theirs)
            assert gap.max() <= 1
            apart, total = apart + int((gap > 0).sum()), total + gap.size
    assert apart < total / 1000
