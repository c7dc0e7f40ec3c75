"""Pixel operations beside formulas of their own in NumPy, OpenCV and Pillow."""

from __future__ import annotations

import io
import math

import cv2
import numpy as np
import pytest
from PIL import Image as Pillow

from fastlabel import _core
from fastlabel.augment import Recipe
from fastlabel.augment.blur import disc_kernel, line_kernel
from fastlabel.augment.weather import row_depth

RNG = np.random.default_rng(5)
PICTURE = RNG.integers(0, 256, (64, 80, 3), np.uint8)
GREY = np.full((200, 300, 3), 120, np.uint8)


def made(image, op, key=0, **params):
    return Recipe.from_dict({"stages": [{"op": op, **params}]})(image, image_key=key).image


# ---- light -----------------------------------------------------------------------------


def test_tables_follow_their_formulas():
    v = PICTURE.astype(float)
    for got, wanted in (
        (made(PICTURE, "gamma", gamma=1.7), 255 * (v / 255) ** 1.7),
        (made(PICTURE, "brightness", gain=1.3), 1.3 * v),
        (made(PICTURE, "contrast", contrast=0.6), 128 + 0.6 * (v - 128)),
    ):
        assert np.array_equal(got, np.clip(np.rint(wanted), 0, 255))


def test_the_colour_of_light():
    for op in ("morning", "evening"):
        blue, green, red = made(GREY, op)[0, 0].astype(int)
        assert red > green > blue, op
        assert made(GREY, op, exposure=0.3).mean() < made(GREY, op, exposure=0.9).mean()
    neutral = made(GREY, "morning", exposure=1.0, kelvin=6504.0, haze=0.0)
    assert np.abs(neutral.astype(int) - 120).max() <= 1
    # Half the light is 120 -> 88 in sRGB, by its published curve.
    half = made(GREY[:, :, 0], "evening", exposure=0.5, kelvin=6504.0, haze=0.0)
    linear = 0.5 * ((120 / 255 + 0.055) / 1.055) ** 2.4
    assert abs(int(half[0, 0]) - 255 * (1.055 * linear ** (1 / 2.4) - 0.055)) <= 1
    assert made(GREY, "morning", haze=0.5)[0, 0].mean() > made(GREY, "morning", haze=0.0).mean()
    blue, green, red = made(GREY, "night", kelvin=9000.0, noise=0.0)[0, 0].astype(int)
    assert blue > red


# ---- blurs -----------------------------------------------------------------------------


def filtered(image, offsets, weights):
    """The weighted mean in floats, borders mirrored."""
    reach = int(np.abs(offsets).max()) if offsets.size else 0
    padded = np.pad(
        image.astype(float), [(reach, reach)] * 2 + [(0, 0)] * (image.ndim - 2), "reflect"
    )
    h, w = image.shape[:2]
    out = np.zeros(image.shape)
    for dx, dy, weight in zip(*offsets, weights / weights.sum(), strict=True):
        out += weight * padded[reach + dy : reach + dy + h, reach + dx : reach + dx + w]
    return out


@pytest.mark.parametrize("degrees", [0, 17, 45, 60, 90, 123, 179.5, -30, 360])
@pytest.mark.parametrize("length", [2, 3.5, 7, 20])
def test_the_line_is_a_line(degrees, length):
    offsets, weights = line_kernel(length, degrees)
    w = weights / weights.sum()
    angle = math.radians(degrees)
    along = offsets[0] * math.cos(angle) - offsets[1] * math.sin(angle)
    across = offsets[0] * math.sin(angle) + offsets[1] * math.cos(angle)
    assert abs((w * along).sum()) < 1e-9 and abs((w * across).sum()) < 1e-9
    assert abs(across).max() <= 1.1
    # A pixel wide in its direction, so the variance of a line of that length, and a little.
    variance = (w * along**2).sum()
    assert abs(variance - length**2 / 12) < 0.30, variance
    assert (w * across**2).sum() < 0.26
    assert abs(along).max() <= length / 2 + 1


def test_motion_blur_is_the_mean_along_the_line():
    for length, degrees in ((7, 30), (15, 101), (3, 0), (40, 77)):
        got = made(PICTURE, "motion_blur", length=float(length), degrees=float(degrees))
        wanted = filtered(PICTURE, *line_kernel(length, degrees))
        assert np.abs(got - wanted).max() < 0.75
    kernel = np.zeros((7, 7), np.float32)
    kernel[3] = 1 / 7
    level = cv2.filter2D(PICTURE, -1, kernel)
    assert (
        np.abs(made(PICTURE, "motion_blur", length=7.0, degrees=0.0).astype(int) - level).max() <= 1
    )
    assert np.array_equal(made(PICTURE, "motion_blur", length=1.0), PICTURE)


def test_defocus_is_a_disc():
    offsets, weights = disc_kernel(6.0)
    assert abs(weights.sum() - math.pi * 36) < 2
    assert np.hypot(*offsets).max() < 6.5
    got = made(PICTURE, "defocus", radius=4.0)
    assert np.abs(got - filtered(PICTURE, *disc_kernel(4.0))).max() < 0.9
    assert np.array_equal(made(PICTURE, "defocus", radius=0.5), PICTURE)
    # The largest keeps flat pictures flat.
    assert np.abs(made(GREY, "defocus", radius=8.0).astype(int) - 120).max() == 0


def test_flat_pictures_stay_flat_under_every_blur():
    for level in (0, 1, 77, 128, 254, 255):
        flat = np.full((20, 20), level, np.uint8)
        for op, params in (("motion_blur", {"length": 9.0}), ("defocus", {"radius": 2.5})):
            assert (made(flat, op, **params) == level).all(), (level, op)


def test_gaussian_blur_is_opencvs():
    got = made(PICTURE, "gaussian_blur", sigma=1.2)
    assert np.array_equal(got, cv2.GaussianBlur(PICTURE, (0, 0), 1.2))
    assert np.array_equal(made(PICTURE, "gaussian_blur", sigma=0.0), PICTURE)
    faint = made(PICTURE, "gaussian_blur", sigma=0.4).astype(float)
    assert 0 < np.abs(faint - PICTURE).mean() < np.abs(got.astype(float) - PICTURE).mean()


# ---- noises ----------------------------------------------------------------------------


def test_sensor_noise_has_its_variance_and_grows_with_light():
    for level in (60, 120, 180):
        flat = np.full((400, 400, 3), level, np.uint8)
        noise = made(flat, "sensor_noise", read=4.0, shot=0.1, colour=0.5) - float(level)
        wanted = 16 + 0.1 * level + 1 / 12
        assert abs(noise.var() / wanted - 1) < 0.03
        assert abs(noise.mean()) < 0.05
        between = np.corrcoef(noise[..., 0].ravel(), noise[..., 1].ravel())[0, 1]
        assert abs(between - (1 - 0.5**2)) < 0.03
        for shift in (np.roll(noise, 1, 0), np.roll(noise, 1, 1)):
            assert abs((noise * shift).mean()) / wanted < 0.02
    assert np.array_equal(made(PICTURE, "sensor_noise", read=0.0, shot=0.0), PICTURE)
    assert not np.array_equal(made(GREY, "sensor_noise", 1), made(GREY, "sensor_noise", 2))


def test_salt_and_pepper_hits_its_share_and_whole_pixels():
    flat = np.full((500, 500, 3), 99, np.uint8)
    got = made(flat, "salt_pepper", amount=0.05, salt=0.25)
    white, black = (got == 255).all(2), (got == 0).all(2)
    assert ((got == 99).all(2) | white | black).all()
    assert abs(white.mean() - 0.0125) < 0.001 and abs(black.mean() - 0.0375) < 0.0015
    assert (made(flat, "salt_pepper", amount=1.0, salt=1.0) == 255).mean() > 0.9999
    assert np.array_equal(made(flat, "salt_pepper", amount=0.0), flat)


def test_jpeg_is_libjpegs():
    got = made(PICTURE, "jpeg", quality=60)
    data = io.BytesIO()
    Pillow.fromarray(PICTURE[:, :, ::-1]).save(data, "JPEG", quality=60, subsampling=2)
    wanted = np.asarray(Pillow.open(data))[:, :, ::-1]
    assert np.abs(got.astype(int) - wanted).mean() < 1
    rough = np.abs(made(PICTURE, "jpeg", quality=20).astype(int) - PICTURE).mean()
    assert rough > np.abs(got.astype(int) - PICTURE).mean()


# ---- the air ---------------------------------------------------------------------------


def test_fog_follows_koschmieder():
    got = made(PICTURE, "fog", density=0.7, patches=0.0, light=210.0).astype(float)
    t = math.exp(-0.7)
    assert np.abs(got - (PICTURE * t + 210 * (1 - t))).max() < 1.6


def test_fog_by_rows_is_thicker_towards_the_horizon():
    rows = (np.arange(240) + 0.5) / 240
    depth = row_depth(rows, 0.4)
    assert (np.diff(depth) <= 0).all() and abs(depth[-1] - 0.5) < 0.01
    assert abs(np.interp(0.7, rows, depth) - 1) < 0.02
    black = np.zeros((240, 320), np.uint8)
    params = {"depth": "rows", "horizon": 0.4, "density": 0.5, "patches": 0.0, "light": 200.0}
    got = made(black, "fog", **params).mean(1)
    wanted = 200 * (1 - np.exp(-0.5 * depth))
    assert np.abs(got - wanted).max() < 6 and np.abs(got - wanted).mean() < 1.5


def test_rain_is_streaks_in_its_direction():
    dark = np.full((300, 300), 60, np.uint8)
    got = made(dark, "rain", amount=0.004, length=20.0, degrees=90.0, mist=0.0).astype(float)
    assert 60.2 < got.mean() < 70 and got.min() >= 60
    streaks = got - got.mean()
    down = (streaks[4:] * streaks[:-4]).mean()
    aside = (streaks[:, 4:] * streaks[:, :-4]).mean()
    assert down > 4 * abs(aside)
    assert np.array_equal(made(dark, "rain", amount=0.0, mist=0.0), dark)


def test_night_and_infrared():
    got = made(PICTURE, "night")
    assert got.mean() < 0.5 * PICTURE.mean()
    infrared = made(PICTURE, "infrared")
    assert (infrared[..., 0] == infrared[..., 1]).all() and (
        infrared[..., 0] == infrared[..., 2]
    ).all()
    lamp = made(GREY, "infrared", noise=0.0, falloff=0.8)[..., 0].astype(float)
    assert lamp[90:110, 140:160].mean() > 1.5 * lamp[:10, :10].mean()
    green = np.zeros((40, 40, 3), np.uint8)
    green[..., 1] = 120
    assert made(green, "infrared", noise=0.0, falloff=0.0, exposure=1.0).mean() > 90


# ---- the native functions --------------------------------------------------------------


def test_a_veil_is_the_blend_of_its_mask():
    mask = RNG.integers(0, 256, PICTURE.shape[:2], np.uint8)
    colour = np.array([10, 200, 90], np.uint8)
    m = mask[..., None] / 255
    wanted = PICTURE * (1 - m) + colour * m
    assert np.abs(_core.veil(PICTURE, mask, colour) - wanted).max() <= 0.5 + 1e-9


def test_every_tier_gives_the_same_bytes():
    before = _core.isa()
    seen = {}
    try:
        for tier in _core.isa_available():
            _core.isa_select(tier)
            for op in (
                "morning",
                "motion_blur",
                "defocus",
                "sensor_noise",
                "salt_pepper",
                "fog",
                "rain",
            ):
                seen.setdefault(op, set()).add(made(PICTURE, op).tobytes())
    finally:
        _core.isa_select(before)
    assert {op: len(pictures) for op, pictures in seen.items()} == dict.fromkeys(seen, 1)
