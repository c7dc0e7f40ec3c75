"""composite against its definition in whole numbers, and against OpenCV."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pixel_pictures import pictures, strided

import fastlabel as fl
from fastlabel import _core
from fastlabel.pixels.compositing import BLEND_MODES

# ---- the definition -------------------------------------------------------------------


def nearest(above, below):
    """Nearest integer of a quotient of arrays of integers, halves up."""
    return (2 * above + below) // (2 * below)


def lerp(b, s, w):
    return nearest(b * (255 - w) + s * w, 255)


def hard_light(b, s):
    return np.where(s < 128, nearest(2 * s * b, 255), 255 - nearest((510 - 2 * s) * (255 - b), 255))


MIX = {
    "normal": lambda b, s: s + 0 * b,
    "multiply": lambda b, s: nearest(b * s, 255),
    "screen": lambda b, s: b + s - nearest(b * s, 255),
    "overlay": lambda b, s: hard_light(s, b),
    "hard-light": hard_light,
    "darken": np.minimum,
    "lighten": np.maximum,
    "add": lambda b, s: np.minimum(255, b + s),
    "subtract": lambda b, s: np.maximum(0, b - s),
    "difference": lambda b, s: abs(b - s),
    "exclusion": lambda b, s: nearest(b * (255 - s), 255) + nearest((255 - b) * s, 255),
}


def ramp(n, feather):
    from_border = np.minimum(np.arange(n), np.arange(n)[::-1])
    inside = nearest(255 * (2 * from_border + 1), 2 * feather + 1)
    return np.where(from_border < feather, inside, 255)


def soft(mask, feather):
    """min(m, max(0, 2 M - 255)) by an integral image."""
    side = 2 * feather + 1
    wide = np.pad(mask, feather)
    total = np.pad(wide.cumsum(0).cumsum(1), ((1, 0), (1, 0)))
    sums = total[side:, side:] - total[:-side, side:] - total[side:, :-side] + total[:-side, :-side]
    return np.minimum(mask, np.maximum(0, nearest(2 * sums, side**2) - 255))


def weights_of(patch, alpha, feather, opacity):
    height, width = patch.shape[:2]
    shaped = alpha is not None or (patch.ndim == 3 and patch.shape[2] == 4)
    if not shaped:
        weight = np.minimum(ramp(height, feather)[:, None], ramp(width, feather))
    else:
        weight = np.full((height, width), 255)
        if patch.ndim == 3 and patch.shape[2] == 4:
            weight = patch[..., 3].astype(int)
        if alpha is not None:
            weight = nearest(weight * alpha.reshape(height, width).astype(int), 255)
        if feather:
            weight = soft(weight, feather)
    return nearest(weight * int(opacity * 255 + 0.5), 255)


def by_definition(scene, patch, x, y, alpha=None, feather=0, mode="normal", opacity=1.0):
    out = scene.copy()
    height, width = scene.shape[:2]
    weight = weights_of(patch, alpha, feather, opacity)
    top, left = max(0, y), max(0, x)
    bottom, right = min(height, y + patch.shape[0]), min(width, x + patch.shape[1])
    if top >= bottom or left >= right:
        return out
    part = slice(top, bottom), slice(left, right)
    from_patch = slice(top - y, bottom - y), slice(left - x, right - x)
    below = scene[part].astype(int).reshape(bottom - top, right - left, -1)
    above = patch[from_patch].astype(int).reshape(bottom - top, right - left, -1)
    w = weight[from_patch][..., None]
    if below.shape[2] < 4:
        above = above[..., : below.shape[2]]
        result = lerp(below, MIX[mode](below, above), w)
    else:
        b, s = below[..., :3], above[..., :3]
        before = below[..., 3:]
        after = before + w - nearest(before * w, 255)
        share = np.where(after == 0, 0, nearest(255 * w, np.maximum(after, 1)))
        mixed = lerp(s, MIX[mode](b, s), before)
        result = np.concatenate([lerp(b, mixed, share), after], axis=2)
    out[part] = result.astype(np.uint8).reshape(out[part].shape)
    return out


@pytest.fixture
def tiers():
    before = _core.isa()

    def each():
        for tier in _core.isa_available():
            _core.isa_select(tier)
            yield tier

    yield each
    _core.isa_select(before)


@st.composite
def pastes(draw):
    scene = draw(pictures())
    channels = 1 if scene.ndim == 2 or scene.shape[2] == 1 else 3
    patch = draw(pictures(channels=(0, 1) if channels == 1 else (3, 4)))
    alpha = None
    if draw(st.booleans()):
        shape = (*patch.shape[:2], *draw(st.sampled_from([(), (1,)])))
        rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
        alpha = draw(strided(rng.choice(np.array([0, 255, 90], np.uint8), shape)))
    options = {
        "alpha": alpha,
        "feather": draw(st.integers(0, 20)),
        "mode": draw(st.sampled_from(BLEND_MODES)),
        "opacity": draw(st.sampled_from([1.0, 0.0, 0.5, 0.37])),
    }
    return scene, patch, draw(st.integers(-75, 75)), draw(st.integers(-75, 75)), options


@settings(deadline=None, max_examples=400)
@given(pastes(), st.sampled_from(_core.isa_available()))
def test_equals_the_definition(paste, tier):
    scene, patch, x, y, options = paste
    before = _core.isa()
    kept = scene.copy(), patch.copy()
    expected = by_definition(scene, patch, x, y, **options)
    _core.isa_select(tier)
    try:
        result = fl.composite(scene, patch, x, y, **options)
        assert np.array_equal(result, expected)
        assert np.array_equal(scene, kept[0])
        assert np.array_equal(patch, kept[1])
        out = np.empty_like(scene)
        assert fl.composite(scene, patch, x, y, **options, out=out) is out
        assert np.array_equal(out, expected)
        assert fl.composite(scene, patch, x, y, **options, out=scene) is scene
        assert np.array_equal(scene, expected)
    finally:
        _core.isa_select(before)


@pytest.mark.parametrize("mode", BLEND_MODES)
def test_every_pair_of_samples_and_every_weight(tiers, mode):
    b, s = np.meshgrid(np.arange(256), np.arange(256))
    scene, patch = b.astype(np.uint8), s.astype(np.uint8)
    for tier in tiers():
        for weight in (255, 254, 128, 127, 1, 0):
            alpha = np.full(scene.shape, weight, np.uint8)
            expected = lerp(b, MIX[mode](b, s), weight)
            got = fl.composite(scene, patch, 0, 0, alpha=alpha, mode=mode)
            assert np.array_equal(got, expected), (tier, weight)


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_patches_wider_than_a_block(tiers, channels):
    rng = np.random.default_rng(channels)
    shape = (9, 1300, channels)
    scene = rng.integers(0, 256, shape, np.uint8)
    patch = rng.integers(0, 256, shape, np.uint8)
    alpha = rng.integers(0, 256, shape[:2], np.uint8)
    for tier in tiers():
        for options in ({}, {"feather": 3}, {"alpha": alpha}, {"alpha": alpha, "feather": 2}):
            for x in (-5, 0, 511):
                got = fl.composite(scene, patch, x, 1, **options)
                assert np.array_equal(got, by_definition(scene, patch, x, 1, **options)), tier


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("left", [0, -7, 140])
def test_the_plain_middle_ends_where_the_feather_begins(channels, left):
    """Inside the feather rows are copied: for every width of it, up to the very column."""
    rng = np.random.default_rng(4)
    scene = rng.integers(0, 256, (60, 300, channels), np.uint8)
    patch = 255 - scene[:50, :200]  # whatever is copied for blended shows
    for feather in range(1, 25):
        got = fl.composite(scene, patch, left, 5, feather=feather)
        expected = by_definition(scene, patch, left, 5, feather=feather)
        np.testing.assert_array_equal(got, expected, err_msg=f"feather {feather}")


def test_is_close_to_floating_point():
    rng = np.random.default_rng(0)
    scene = rng.integers(0, 256, (60, 80, 3), np.uint8)
    patch = rng.integers(0, 256, (30, 40, 3), np.uint8)
    feather = 7
    i, j = np.mgrid[0:30, 0:40]
    border = np.minimum(np.minimum(i, 29 - i), np.minimum(j, 39 - j))
    weight = np.minimum(1, (2 * border + 1) / (2 * feather + 1)).astype(np.float32)
    expected = scene.copy()
    part = expected[20:50, 10:50]
    part[...] = cv2.blendLinear(patch, np.ascontiguousarray(part), weight, 1 - weight)
    got = fl.composite(scene, patch, 10, 20, feather=feather)
    assert np.abs(got.astype(int) - expected).max() <= 1


def test_feathers_of_a_rectangle_and_of_its_full_mask_agree_on_straight_sides():
    scene, patch = np.zeros((50, 50), np.uint8), np.full((50, 50), 255, np.uint8)
    rectangle = fl.composite(scene, patch, 0, 0, feather=6)
    masked = fl.composite(scene, patch, 0, 0, feather=6, alpha=patch)
    assert np.array_equal(rectangle[6:-6], masked[6:-6])
    assert np.array_equal(rectangle[:, 6:-6], masked[:, 6:-6])
    assert (masked <= rectangle).all()
    assert rectangle[25, :7].tolist() == [20, 59, 98, 137, 177, 216, 255]


def test_an_opaque_scene_stays_opaque_and_a_clear_one_takes_the_patch():
    rng = np.random.default_rng(1)
    patch = rng.integers(0, 256, (20, 30, 4), np.uint8)
    opaque = rng.integers(0, 256, (20, 30, 4), np.uint8)
    opaque[..., 3] = 255
    on_opaque = fl.composite(opaque, patch, 0, 0, mode="multiply")
    assert (on_opaque[..., 3] == 255).all()
    assert np.array_equal(
        on_opaque[..., :3],
        fl.composite(np.ascontiguousarray(opaque[..., :3]), patch, 0, 0, mode="multiply"),
    )
    clear = rng.integers(0, 256, (20, 30, 4), np.uint8)
    clear[..., 3] = 0
    on_clear = fl.composite(clear, patch, 0, 0, mode="multiply")
    assert np.array_equal(on_clear[..., 3], patch[..., 3])
    seen = patch[..., 3] > 0
    assert np.array_equal(on_clear[seen], patch[seen])


def test_nothing_outside_the_patch_is_touched():
    rng = np.random.default_rng(2)
    memory = rng.integers(0, 256, (40, 50, 3), np.uint8)
    before = memory.copy()
    scene = memory[10:30, 10:40]
    fl.composite(scene, np.zeros((90, 90, 3), np.uint8), -20, -20, out=scene)
    assert (scene == 0).all()
    outside = np.ones(memory.shape, bool)
    outside[10:30, 10:40] = False
    assert np.array_equal(memory[outside], before[outside])


@pytest.mark.parametrize("x", [-(2**80), -(2**63), -31, 40, 2**31, 2**63, 2**90])
def test_far_away_is_nowhere(x):
    scene = np.random.default_rng(3).integers(0, 256, (30, 40), np.uint8)
    patch = np.zeros((5, 31), np.uint8)
    assert np.array_equal(fl.composite(scene, patch, x, 0), scene)
    assert np.array_equal(fl.composite(scene, patch.T.copy(), 0, x), scene)


def test_a_piece_of_the_scene_may_be_pasted_into_a_copy_of_it():
    scene = np.random.default_rng(4).integers(0, 256, (30, 40), np.uint8)
    result = fl.composite(scene, scene[:10, :10], 20, 15)
    assert np.array_equal(result[15:25, 20:30], scene[:10, :10])


# ---- refusals -------------------------------------------------------------------------

SCENE = np.zeros((20, 20, 3), np.uint8)
PATCH = np.zeros((5, 5, 3), np.uint8)
READ_ONLY = SCENE.copy()
READ_ONLY.flags.writeable = False


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"scene": SCENE.astype(float)}, TypeError, "scene: got float64"),
        ({"patch": PATCH.astype(np.int8)}, TypeError, "patch: got int8"),
        ({"patch": PATCH[..., 0]}, ValueError, "patch: got 1 channels, the scene has 3"),
        ({"scene": SCENE[..., 0]}, ValueError, "patch: got 3 channels, the scene has 1"),
        ({"patch": PATCH[:0]}, ValueError, "patch: .* no pixels"),
        ({"alpha": PATCH}, ValueError, r"alpha: got shape \(5, 5, 3\), expected \(5, 5\)"),
        ({"alpha": PATCH[1:, :, 0]}, ValueError, r"alpha: got shape \(4, 5\)"),
        ({"alpha": np.ones((5, 5))}, TypeError, "alpha: got float64"),
        ({"x": 1.5}, TypeError, "x: got float 1.5, expected an integer"),
        ({"y": None}, TypeError, "y: got NoneType"),
        ({"x": True}, TypeError, "x: got bool True"),
        ({"feather": -1}, ValueError, "feather: got -1, expected 0 to 65535"),
        ({"feather": 65536}, ValueError, "feather: got 65536"),
        ({"feather": 1.0}, TypeError, "feather: got float"),
        ({"mode": "dodge"}, ValueError, "mode: got 'dodge', expected one of normal, multiply"),
        ({"opacity": 1.01}, ValueError, "opacity: got 1.01, expected 0 to 1"),
        ({"opacity": float("nan")}, ValueError, "opacity: got nan"),
        ({"opacity": "1"}, TypeError, "opacity: got '1', expected 0 to 1"),
        ({"out": SCENE[:-1]}, ValueError, "out: got shape"),
        ({"out": SCENE.astype(float)}, TypeError, "out: got dtype float64"),
        ({"out": SCENE.tolist()}, TypeError, "out: got list"),
        ({"scene": READ_ONLY, "out": READ_ONLY}, ValueError, "out: is read-only"),
        ({"scene": SCENE[1:], "out": SCENE[:-1]}, ValueError, "out: shares memory"),
        ({"patch": SCENE[:5, :5], "out": SCENE}, ValueError, "out: shares memory"),
        ({"alpha": SCENE[:5, :5, 0], "out": SCENE}, ValueError, "out: shares memory"),
        ({"out": np.broadcast_to(SCENE[:1], SCENE.shape)}, ValueError, "out: is"),
    ],
)
def test_bad_arguments_are_refused_before_anything_is_written(options, error, words):
    arguments = {"scene": SCENE, "patch": PATCH + 9, "x": 3, "y": 4, **options}
    with pytest.raises(error, match=words):
        fl.composite(**arguments)
    assert not SCENE.any()
