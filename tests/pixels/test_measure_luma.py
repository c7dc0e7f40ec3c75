"""Pixel statistics against OpenCV, NumPy, SciPy and xxhash."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import xxhash
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import fastlabel as fl
from fastlabel import _core

planes = st.tuples(st.integers(1, 70), st.integers(1, 70)).flatmap(
    lambda shape: arrays(np.uint8, shape)
)
NO_BOXES = np.empty((0, 4))


@settings(deadline=None)
@given(planes)
def test_laplacian_variance_is_opencvs(plane):
    expected = cv2.Laplacian(plane, cv2.CV_64F).var()
    assert fl.laplacian_variance(plane) == pytest.approx(expected, rel=1e-12, abs=1e-9)


def test_laplacian_variance_of_every_raccoon(shared_data):
    files = sorted((shared_data / "raccoon" / "images").glob("*.jpg"))
    assert len(files) == 200
    luma = [cv2.imread(str(f), cv2.IMREAD_GRAYSCALE) for f in files]
    expected = [cv2.Laplacian(plane, cv2.CV_64F).var() for plane in luma]
    assert [fl.laplacian_variance(p) for p in luma] == pytest.approx(expected, rel=1e-12)


def test_strided_rows_and_cut_outs():
    whole = np.random.default_rng(0).integers(0, 256, (90, 120), np.uint8)
    part = whole[7:60, 11:95]
    assert fl.laplacian_variance(part) == fl.laplacian_variance(part.copy())


@settings(deadline=None)
@given(planes)
def test_light_is_numpys(plane):
    (s,), _ = _core.measure_luma(plane, NO_BOXES)
    assert s["luma_mean"] == pytest.approx(plane.mean(), rel=1e-12)
    assert s["luma_std"] == pytest.approx(plane.std(), rel=1e-9, abs=1e-9)
    if len(plane) > 64:  # higher pictures' histograms are sampled
        return
    for name, percent in (("p01", 1), ("p05", 5), ("p50", 50), ("p95", 95), ("p99", 99)):
        assert s[name] == np.percentile(plane, percent, method="inverted_cdf")
    assert s["dark_fraction"] == pytest.approx((plane < 32).mean(), abs=1e-12)
    assert s["bright_fraction"] == pytest.approx((plane >= 224).mean(), abs=1e-12)
    share = np.bincount(plane.ravel(), minlength=256) / plane.size
    entropy = -(share[share > 0] * np.log2(share[share > 0])).sum()
    assert s["entropy"] == pytest.approx(entropy, abs=1e-12)


def test_the_histogram_of_tall_pictures_is_sampled_closely():
    y, x = np.mgrid[0:900, 0:700]
    noise = np.random.default_rng(1).normal(0, 12, y.shape)
    plane = np.clip(90 + 60 * np.sin(x / 80) + y / 15 + noise, 0, 255).astype(np.uint8)
    (s,), _ = _core.measure_luma(plane, NO_BOXES)
    assert s["luma_mean"] == pytest.approx(plane.mean(), rel=1e-12)  # never sampled
    for name, percent in (("p01", 1), ("p05", 5), ("p50", 50), ("p95", 95), ("p99", 99)):
        assert abs(int(s[name]) - np.percentile(plane, percent)) <= 2
    share = np.bincount(plane.ravel(), minlength=256) / plane.size
    entropy = -(share[share > 0] * np.log2(share[share > 0])).sum()
    assert s["entropy"] == pytest.approx(entropy, abs=0.02)


@pytest.mark.parametrize("sigma", [1.0, 3.0, 8.0, 20.0])
@pytest.mark.parametrize("ground", ["flat", "slope", "half texture"])
def test_noise_of_a_known_size(sigma, ground):
    rng = np.random.default_rng(3)
    plane = np.full((400, 640), 128.0)
    if ground == "slope":
        plane += np.linspace(-40, 40, 640)
    if ground == "half texture":
        plane[:, :320] += rng.choice([-35, 35], (400, 320))
    noisy = np.clip(np.rint(plane + rng.normal(0, sigma, plane.shape)), 0, 255).astype(np.uint8)
    (s,), _ = _core.measure_luma(noisy, NO_BOXES)
    assert s["noise_sigma"] == pytest.approx(sigma, rel=0.15 if ground == "half texture" else 0.08)


def test_noise_alone_leaves_no_sharpness():
    rng = np.random.default_rng(4)
    plane = np.clip(np.rint(128 + rng.normal(0, 6, (300, 300))), 0, 255).astype(np.uint8)
    (s,), _ = _core.measure_luma(plane, NO_BOXES)
    assert s["laplacian_variance"] == pytest.approx(20 * 36, rel=0.05)
    assert s["sharpness"] < 0.2 * s["laplacian_variance"]


def test_acutance_falls_with_blur_and_not_with_contrast():
    rng = np.random.default_rng(5)
    plane = cv2.resize(rng.integers(0, 256, (30, 40), np.uint8), (640, 480), interpolation=0)
    values = []
    for blur in (0.8, 1.5, 3.0):
        (s,), _ = _core.measure_luma(cv2.GaussianBlur(plane, (0, 0), blur), NO_BOXES)
        values.append(s["acutance"])
    assert values[0] > 2 * values[1] > 4 * values[2]
    weak = (96 + plane / 4).astype(np.uint8)
    (a,), _ = _core.measure_luma(plane, NO_BOXES)
    (b,), _ = _core.measure_luma(weak, NO_BOXES)
    assert b["acutance"] == pytest.approx(a["acutance"], rel=0.05)
    assert b["sharpness"] < a["sharpness"] / 10


def test_pyramid_levels_are_those_of_the_halved_picture():
    plane = np.random.default_rng(6).integers(0, 256, (101, 203), np.uint8)
    (s,), _ = _core.measure_luma(plane, NO_BOXES)
    assert s["has_scale"] == 0b1111
    half = plane
    sigma = s["noise_sigma"]
    for level in range(3):
        h, w = half.shape[0] // 2 * 2, half.shape[1] // 2 * 2
        blocks = half[:h, :w].reshape(h // 2, 2, w // 2, 2).astype(int)
        half = ((blocks.sum((1, 3)) + 2) // 4).astype(np.uint8)
        sigma /= 2
        expected = max(0.0, cv2.Laplacian(half, cv2.CV_64F).var() - 20 * sigma**2)
        assert s["scale_sharpness"][level] == pytest.approx(expected, rel=1e-9)


def phash_oracle(plane: np.ndarray) -> int:
    """DCT hash of a 32 x 32 area-averaged picture by SciPy: 8 x 8 low terms over their median."""
    from scipy.fft import dctn

    small = cv2.resize(plane, (32, 32), interpolation=cv2.INTER_AREA).astype(float)
    low = dctn(small, type=2)[:8, :8].ravel()
    bits = (low > np.median(low)).astype(int)
    return int("".join(map(str, bits)), 2)


def test_perceptual_hash_is_a_dct_hash():
    rng = np.random.default_rng(7)
    for size in ((32, 32), (64, 64), (480, 640), (300, 171)):
        plane = cv2.resize(rng.integers(0, 256, (9, 9), np.uint8), size[::-1], interpolation=3)
        (s,), _ = _core.measure_luma(plane, NO_BOXES)
        assert s["has_phash"]
        assert (int(s["phash"]) ^ phash_oracle(plane)).bit_count() <= 6


def test_perceptual_hash_tells_pictures_apart_and_copies_together():
    rng = np.random.default_rng(8)
    a, b = (
        cv2.resize(rng.integers(0, 256, (9, 9), np.uint8), (640, 480), interpolation=3)
        for _ in range(2)
    )
    smaller = cv2.resize(a, (320, 240), interpolation=cv2.INTER_AREA)
    worse = cv2.imdecode(cv2.imencode(".jpg", a, [cv2.IMWRITE_JPEG_QUALITY, 30])[1], 0)
    hashes = [int(_core.measure_luma(p, NO_BOXES)[0]["phash"][0]) for p in (a, b, smaller, worse)]
    assert (hashes[0] ^ hashes[2]).bit_count() <= 6
    assert (hashes[0] ^ hashes[3]).bit_count() <= 6
    assert (hashes[0] ^ hashes[1]).bit_count() >= 16


@pytest.mark.parametrize("isa", _core.isa_available())
def test_content_hash_is_xxh3_of_every_length(isa):
    data = np.random.default_rng(9).bytes(5000)
    before = _core.isa()
    _core.isa_select(isa)
    try:
        for n in [*range(0, 1300), 2047, 2048, 2049, 4095, 4096, 4097, 5000]:
            assert fl.content_hash(data[:n]) == xxhash.xxh3_128_hexdigest(data[:n]), n
    finally:
        _core.isa_select(before)


def test_content_hash_of_a_long_buffer():
    data = np.random.default_rng(9).bytes(1_000_003)
    assert fl.content_hash(data) == xxhash.xxh3_128_hexdigest(data)


@pytest.mark.parametrize(
    "value", [np.zeros((4, 8), np.uint8)[:, ::2], np.zeros((4, 8), np.uint8)[::-1]]
)
def test_the_scans_own_entry_wants_rows_side_by_side(value):
    with pytest.raises(ValueError, match="contiguous"):
        _core.measure_luma(value, NO_BOXES)


def test_content_hash_says_what_is_no_buffer():
    data = np.arange(64, dtype=np.uint8)

    class Shared:
        def __dlpack__(self, **options):
            return data.__dlpack__(**options)

        def __dlpack_device__(self):
            return data.__dlpack_device__()

    assert fl.content_hash(Shared()) == fl.content_hash(data.tobytes())
    for bad in ("text", None, 3):
        with pytest.raises(TypeError, match=f"data: got {type(bad).__name__}, expected bytes"):
            fl.content_hash(bad)
    with pytest.raises(ValueError, match="contiguous"):
        fl.content_hash(data[::2])
