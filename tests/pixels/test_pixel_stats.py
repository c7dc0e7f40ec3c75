"""The public pixel statistics against OpenCV and NumPy, in every shape they take."""

from __future__ import annotations

import math
from fractions import Fraction

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pixel_pictures import gray_of, pictures, strided

import fastlabel as fl
from fastlabel import _core

ALL = (
    fl.laplacian_variance,
    fl.luma_histogram,
    fl.luma_percentiles,
    fl.noise_sigma,
    fl.sharpness,
    fl.entropy,
    fl.perceptual_hash,
    fl.image_stats,
)


@pytest.fixture
def tiers():
    before = _core.isa()

    def each():
        for tier in _core.isa_available():
            _core.isa_select(tier)
            yield tier

    yield each
    _core.isa_select(before)


boxes_of = st.lists(st.tuples(*[st.floats(-20, 90)] * 2, *[st.floats(-5, 90)] * 2), max_size=6).map(
    lambda rows: np.array([(a, b, a + c, b + d) for a, b, c, d in rows], float).reshape(-1, 4)
)


def pixels_in(gray, box):
    """Slices of the whole pixels that a box touches; None without any."""
    height, width = gray.shape
    x1, y1, x2, y2 = box
    if not (x2 > x1 and y2 > y1):
        return None
    rows = slice(max(0, math.floor(y1)), min(height, math.ceil(y2)))
    columns = slice(max(0, math.floor(x1)), min(width, math.ceil(x2)))
    return (rows, columns) if rows.start < rows.stop and columns.start < columns.stop else None


def exact_variance(values):
    """Of integers, with the one rounding of the native engine."""
    values = values.astype(np.int64)
    n = values.size
    above = n * int((values**2).sum()) - int(values.sum()) ** 2
    return float(above) / (float(n) * float(n))


# ---- luma ---------------------------------------------------------------------------


@settings(deadline=None, max_examples=150)
@given(pictures(channels=(3, 4)), st.sampled_from(["bgr", "rgb"]))
def test_luma_is_opencvs(picture, order):
    assert np.array_equal(fl.luma(picture, order=order), gray_of(picture, order))


def test_luma_of_every_corner_of_the_colour_cube(tiers):
    axis = np.r_[0:256:5]
    cube = np.stack(np.meshgrid(axis, axis, axis), -1).reshape(52, -1, 3).astype(np.uint8)
    for _ in tiers():
        assert np.array_equal(fl.luma(cube), cv2.cvtColor(cube, cv2.COLOR_BGR2GRAY))
        four = np.dstack([cube, cube[..., :1]])
        assert np.array_equal(fl.luma(four), cv2.cvtColor(four, cv2.COLOR_BGRA2GRAY))


@pytest.mark.parametrize("channels", [3, 4])
def test_luma_of_every_width(tiers, channels):
    rng = np.random.default_rng(3)
    for width in range(1, 132):
        # The last row ends with its memory, so that a read past it would be one past the end.
        picture = rng.integers(0, 256, (2, width, channels), np.uint8)
        expected = gray_of(picture)
        for tier in tiers():
            assert np.array_equal(fl.luma(picture), expected), (tier, width)


def test_gray_pictures_are_their_own_luma():
    gray = np.random.default_rng(0).integers(0, 256, (7, 9), np.uint8)
    assert np.array_equal(fl.luma(gray), gray)
    assert np.array_equal(fl.luma(gray[..., None]), gray)


# ---- one picture --------------------------------------------------------------------


@settings(deadline=None, max_examples=200)
@given(pictures())
def test_laplacian_variance_is_opencvs_to_the_last_bit(picture):
    laplacian = cv2.Laplacian(gray_of(picture), cv2.CV_16S)
    assert fl.laplacian_variance(picture) == exact_variance(laplacian)
    in_float = cv2.Laplacian(gray_of(picture), cv2.CV_64F).var()
    assert fl.laplacian_variance(picture) == pytest.approx(in_float, rel=1e-12, abs=1e-9)


@pytest.mark.parametrize("height", [1, 2, 3, 61, 62, 63, 64, 125])
def test_laplacian_variance_of_every_width_and_block_of_rows(tiers, height):
    rng = np.random.default_rng(height)
    for width in [*range(1, 70), 95, 96, 97, 98, 129, 130, 131, 1921]:
        gray = rng.choice(np.array([0, 255, 3], np.uint8), (height, width))
        expected = exact_variance(cv2.Laplacian(gray, cv2.CV_16S))
        for tier in tiers():
            assert fl.laplacian_variance(gray) == expected, (tier, width)


def test_the_largest_laplacians_do_not_overflow(tiers):
    y, x = np.mgrid[0:400, 0:3000]
    board = ((x + y) % 2 * 255).astype(np.uint8)
    expected = exact_variance(cv2.Laplacian(board, cv2.CV_16S))
    for _ in tiers():
        assert fl.laplacian_variance(board) == expected


@settings(deadline=None, max_examples=60)
@given(pictures())
def test_histogram_percentiles_and_entropy_are_numpys(picture):
    gray = gray_of(picture)
    counts = np.bincount(gray.ravel(), minlength=256)
    assert np.array_equal(fl.luma_histogram(picture), counts)
    q = [0, 0.1, 1, 12.5, 50, 99.9, 100]
    # NumPy's inverted_cdf rounds the rank, and 0.1 % of 1,000 pixels is a little over one.
    ranks = [max(math.ceil(Fraction(value) * gray.size / 100), 1) for value in q]
    expected = np.sort(gray, axis=None)[np.array(ranks) - 1]
    assert np.array_equal(fl.luma_percentiles(picture, q), expected)
    assert fl.luma_percentiles(picture, 50) == expected[4]
    share = counts[counts > 0] / gray.size
    assert fl.entropy(picture) == pytest.approx(-(share * np.log2(share)).sum(), abs=1e-12)


@settings(deadline=None, max_examples=60)
@given(pictures(side=120))
def test_the_rest_is_the_scans(picture):
    gray = gray_of(picture)
    ((scan,), _) = _core.measure_luma(gray, np.empty((0, 4)))
    assert fl.noise_sigma(picture) == scan["noise_sigma"]
    assert fl.sharpness(picture) == scan["sharpness"]
    assert fl.perceptual_hash(picture) == scan["phash"]
    stats = fl.image_stats(picture)
    for name in ("pixels", "luma_mean", "luma_std", "laplacian_variance", "noise_sigma", "phash"):
        assert stats[name] == scan[name], name
    assert stats["laplacian_variance"] == fl.laplacian_variance(picture)
    assert stats["sharpness"] == fl.sharpness(picture)
    assert stats["entropy"] == fl.entropy(picture)
    q = [stats[f"luma_p{p:02}"] for p in (1, 5, 50, 95, 99)]
    assert q == fl.luma_percentiles(picture).tolist()
    assert stats["dark_fraction"] == (gray < 32).mean()
    assert stats["bright_fraction"] == (gray >= 224).mean()
    assert math.isnan(stats["acutance"]) == (scan["has_acutance"] & 1 == 0)


def test_percentiles_of_tall_pictures_are_of_every_row():
    gray = np.zeros((1000, 10), np.uint8)
    gray[501::2] = 200  # a scan may sample none of them
    assert fl.luma_percentiles(gray, [74, 75, 76]).tolist() == [0, 0, 200]
    assert fl.image_stats(gray)["luma_p95"] == 200


@settings(deadline=None, max_examples=40)
@given(st.data())
def test_strides_change_nothing(data):
    picture = data.draw(pictures())
    other = data.draw(strided(picture))
    for function in ALL:
        a, b = function(picture), function(other)
        if isinstance(a, dict):
            assert str(a) == str(b)
        else:
            assert np.array_equal(a, b), function.__name__


def test_rgb_is_bgr_backwards():
    picture = np.random.default_rng(2).integers(0, 256, (40, 50, 3), np.uint8)
    for function in ALL:
        a = function(picture, order="rgb")
        assert str(a) == str(function(picture[..., ::-1])), function.__name__
        assert str(a) != str(function(picture)), function.__name__


# ---- in boxes -----------------------------------------------------------------------


@settings(deadline=None, max_examples=120)
@given(pictures(), boxes_of)
def test_inside_boxes(picture, boxes):
    gray = gray_of(picture)
    laplacian = cv2.Laplacian(gray, cv2.CV_16S)
    variance = fl.laplacian_variance(picture, boxes)
    counts = fl.luma_histogram(picture, boxes)
    q = fl.luma_percentiles(picture, [1, 50, 99], boxes)
    bits = fl.entropy(picture, boxes)
    sigma = fl.noise_sigma(picture, boxes)
    clear = fl.sharpness(picture, boxes)
    hashes = fl.perceptual_hash(picture, boxes)
    stats = fl.image_stats(picture, boxes)
    assert len(variance) == len(boxes) == len(stats["pixels"])
    for i, box in enumerate(boxes):
        part = pixels_in(gray, box)
        if part is None:
            assert np.isnan([variance[i], bits[i], sigma[i], clear[i], *q[i]]).all()
            assert np.isnan([stats[name][i] for name in stats if name != "pixels"]).all()
            assert counts[i].sum() == hashes[i] == stats["pixels"][i] == 0
            continue
        inside = gray[part]
        assert variance[i] == exact_variance(laplacian[part]) == stats["laplacian_variance"][i]
        assert np.array_equal(counts[i], np.bincount(inside.ravel(), minlength=256))
        assert np.array_equal(q[i], np.percentile(inside, [1, 50, 99], method="inverted_cdf"))
        assert bits[i] == fl.entropy(inside) == stats["entropy"][i]
        assert sigma[i] == fl.noise_sigma(inside)
        assert hashes[i] == fl.perceptual_hash(inside)
        noise = fl.noise_sigma(gray)
        assert clear[i] == max(0.0, variance[i] - 20 * noise**2) == stats["sharpness"][i]
        assert stats["luma_mean"][i] == pytest.approx(inside.mean(), rel=1e-12)
        assert stats["luma_std"][i] == pytest.approx(inside.std(), rel=1e-9, abs=1e-9)
        assert stats["luma_p50"][i] == q[i, 1]
        assert stats["dark_fraction"][i] == (inside < 32).mean()


def test_boxes_that_are_no_boxes():
    gray = np.random.default_rng(1).integers(0, 256, (20, 30), np.uint8)
    nan, inf = math.nan, math.inf
    bad = [
        [nan, 0, 5, 5],
        [0, 0, inf, 5],
        [5, 5, 5, 9],
        [9, 9, 2, 2],
        [-9, -9, -1, -1],
        [40, 0, 50, 9],
        [1e300, 0, 2e300, 5],
    ]
    assert np.isnan(fl.laplacian_variance(gray, bad)).all()
    assert np.isnan(fl.noise_sigma(gray, bad)).all()
    assert fl.luma_histogram(gray, bad).sum() == 0
    huge = [[-1e300, -1e300, 1e300, 1e300]]
    assert fl.laplacian_variance(gray, huge)[0] == fl.laplacian_variance(gray)
    assert fl.perceptual_hash(gray, huge)[0] == fl.perceptual_hash(gray)


# ---- many ---------------------------------------------------------------------------


def as_text(value):
    """A result with its bits, for comparing."""
    if isinstance(value, dict):
        return {name: as_text(part) for name, part in value.items()}
    if isinstance(value, list):
        return [as_text(part) for part in value]
    array = np.asarray(value)
    return array.shape, array.dtype.kind, array.tobytes()


@pytest.mark.parametrize("function", ALL, ids=lambda f: f.__name__)
@pytest.mark.parametrize("workers", [1, 2, 7, 0])
def test_many_are_one_by_one(function, workers):
    rng = np.random.default_rng(4)
    images = [rng.integers(0, 256, (rng.integers(1, 60), 33, 3), np.uint8) for _ in range(23)]
    singles = [function(one) for one in images]
    together = function(images, workers=workers)
    if isinstance(together, dict):
        for name, column in together.items():
            assert column.tolist() == pytest.approx([s[name] for s in singles], rel=0, nan_ok=True)
    else:
        assert as_text(together) == as_text(np.array(singles, together.dtype))
    boxes = [rng.uniform(-5, 60, (k % 4, 4)) for k in range(23)]
    inside = function(images, boxes=boxes, workers=workers)
    alone = [function(one, boxes=b) for one, b in zip(images, boxes, strict=True)]
    assert as_text(inside) == as_text(alone)


def test_stacks():
    gray = np.random.default_rng(5).integers(0, 256, (6, 20, 30), np.uint8)
    expected = [fl.laplacian_variance(one) for one in gray]
    assert fl.laplacian_variance(gray).tolist() == expected
    assert fl.laplacian_variance(gray[..., None]).tolist() == expected
    assert fl.laplacian_variance(list(gray)).tolist() == expected
    assert fl.image_stats(gray)["entropy"].shape == (6,)
    assert fl.luma_percentiles(gray).shape == (6, 5)
    colour = np.random.default_rng(5).integers(0, 256, (2, 20, 30, 3), np.uint8)
    assert fl.entropy(colour).shape == (2,)
    # Three axes, the last of 3: one picture of three channels.
    assert isinstance(fl.entropy(colour[0]), float)


@pytest.mark.parametrize("function", ALL, ids=lambda f: f.__name__)
def test_none_at_all(function):
    nothing = function([])
    columns = nothing.values() if isinstance(nothing, dict) else [nothing]
    assert all(len(column) == 0 for column in columns)
    inside = function(np.zeros((4, 4), np.uint8), boxes=[])
    columns = inside.values() if isinstance(inside, dict) else [inside]
    assert all(len(column) == 0 for column in columns)


# ---- what comes in ------------------------------------------------------------------


class Tensor:
    """Speaks DLPack and nothing else, as a tensor of another library does."""

    def __init__(self, array):
        self._array = array

    def __dlpack__(self, **kwargs):
        return self._array.__dlpack__(**kwargs)

    def __dlpack_device__(self):
        return self._array.__dlpack_device__()


def test_buffers_and_tensors_are_read_where_they_lie():
    gray = np.random.default_rng(6).integers(0, 256, (20, 30), np.uint8)
    expected = fl.laplacian_variance(gray)
    assert fl.laplacian_variance(memoryview(gray)) == expected
    assert fl.laplacian_variance(Tensor(gray)) == expected
    assert fl.laplacian_variance([Tensor(gray), memoryview(gray)]).tolist() == [expected] * 2


@pytest.mark.parametrize("function", [*ALL, fl.luma], ids=lambda f: f.__name__)
@pytest.mark.parametrize(
    ("value", "error", "words"),
    [
        (np.zeros((4, 4), np.int16), TypeError, "img: got int16, expected an array of uint8"),
        (np.zeros((4, 4), np.float32), TypeError, "img: got float32"),
        ("photo.jpg", TypeError, "img"),
        (None, TypeError, "img"),
        (np.zeros((4, 4, 2), np.uint8), ValueError, r"img: got shape \(4, 4, 2\)"),
        (np.zeros(4, np.uint8), ValueError, r"img: got shape \(4,\)"),
        (np.zeros((0, 4), np.uint8), ValueError, "no pixels"),
        (np.zeros((4, 0, 3), np.uint8), ValueError, "no pixels"),
    ],
)
def test_bad_pictures_are_refused(function, value, error, words):
    with pytest.raises(error, match=words):
        function(value)


def test_bad_arguments_are_refused():
    gray = np.zeros((4, 4), np.uint8)
    with pytest.raises(TypeError, match=r"img\[1\]: got int64"):
        fl.entropy([gray, np.zeros((4, 4), np.int64)])
    with pytest.raises(TypeError, match=r"img\[0\]"):
        fl.entropy([[1, 2], [3, 4]])
    with pytest.raises(ValueError, match=r"boxes: got shape \(4,\), expected \(N, 4\)"):
        fl.laplacian_variance(gray, [0, 0, 1, 1])
    with pytest.raises(ValueError, match="boxes: got 1 entries, img has 2 pictures"):
        fl.laplacian_variance([gray, gray], [[[0, 0, 1, 1]]])
    with pytest.raises(ValueError, match=r"boxes\[1\]: got shape"):
        fl.laplacian_variance([gray, gray], [[[0, 0, 1, 1]], [[1, 2, 3]]])
    with pytest.raises(ValueError, match="order: got 'BGR'"):
        fl.luma(gray, order="BGR")
    with pytest.raises(ValueError, match="workers: got -1"):
        fl.entropy(gray, workers=-1)
    with pytest.raises(TypeError, match="workers: got float"):
        fl.entropy(gray, workers=2.0)
    for q in (-1, 101, math.nan, [50, 200]):
        with pytest.raises(ValueError, match="q: got"):
            fl.luma_percentiles(gray, q)
    with pytest.raises(ValueError, match=r"q: got shape \(1, 1\)"):
        fl.luma_percentiles(gray, [[5]])


# ---- hashes -------------------------------------------------------------------------


@given(st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1))
def test_hamming_distance_counts_bits(a, b):
    assert fl.hamming_distance(a, b) == (a ^ b).bit_count()
    assert fl.hamming_distance(np.uint64(a), np.array([b], np.uint64))[0] == (a ^ b).bit_count()


def test_hamming_distances_of_all_with_all():
    hashes = np.array([0, 1, 2**63, 2**64 - 1], np.uint64)
    distances = fl.hamming_distance(hashes[:, None], hashes)
    assert distances.dtype == np.int64
    assert distances.tolist() == [[0, 1, 1, 64], [1, 0, 2, 63], [1, 2, 0, 63], [64, 63, 63, 0]]


@pytest.mark.parametrize(
    ("value", "error"), [(-1, ValueError), (2**64, ValueError), (1.5, TypeError), ("a", TypeError)]
)
def test_bad_hashes_are_refused(value, error):
    with pytest.raises(error, match="a: got"):
        fl.hamming_distance(value, 0)
    with pytest.raises(error, match="b: got"):
        fl.hamming_distance(0, value)
