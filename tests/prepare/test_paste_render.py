"""Rendering: geometry, matching and blends against known answers and independent formulas."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import pytest

from fastlabel import _core
from fastlabel.pixels import noise_sigma
from fastlabel.prepare.paste.bank import Patch
from fastlabel.prepare.paste.outline import ellipse_alpha
from fastlabel.prepare.paste.render import BLENDS, PasteItem, render


def noise(shape, seed=0, low=0, high=256):
    return np.random.default_rng(seed).integers(low, high, shape, np.uint8)


def flat(shape, value):
    return np.full((*shape, 3), value, np.uint8)


def disc(pixels, box, outline="ellipse"):
    return Patch(pixels, ellipse_alpha(box, pixels.shape[1], pixels.shape[0]), box, outline)


def smooth(shape, seed, sigma=2.0, level=120.0, contrast=30.0):
    plane = np.random.default_rng(seed).normal(0, 1, (*shape, 3))
    plane = cv2.GaussianBlur(plane, (0, 0), sigma)
    return np.clip(level + contrast * plane / plane.std(), 0, 255).astype(np.uint8)


def area_along(values, edges, axis):
    """Means of a piecewise constant signal between edges, by its integral."""
    total = np.concatenate([np.zeros_like(values.take([0], axis)), values.cumsum(axis)], axis)
    at = np.arange(total.shape[axis])
    integral = np.apply_along_axis(lambda line: np.interp(edges, at, line), axis, total)
    widths = np.diff(edges)
    shape = [1] * values.ndim
    shape[axis] = -1
    return np.diff(integral, axis=axis) / widths.reshape(shape)


@pytest.mark.parametrize("blend", BLENDS)
@pytest.mark.parametrize("outline", ["ellipse", "polygon"])
@pytest.mark.parametrize("match", [True, False])
def test_a_flat_patch_on_a_flat_target_leaves_no_seam(blend, outline, match):
    patch = disc(flat((60, 70), 93), (15, 12, 50, 44), outline)
    items = [PasteItem(patch, (20.3, 31.8, 34.1, 45.2)), PasteItem(patch, (-3, 90, 20, 110), True)]
    done = render(flat((128, 128), 93), items, blend=blend, match=match)
    # OpenCV's solver is in floats and cuts off what it rounds.
    assert np.abs(done.pixels.astype(int) - 93).max() <= (1 if blend == "poisson" else 0)
    assert all(mask.any() for _, _, mask in done.alphas)


@pytest.mark.parametrize("flip", [False, True])
@pytest.mark.parametrize("box", [(10, 12, 30, 28), (10.4, 11.7, 27.9, 30.2), (3.5, 2.25, 90, 70.5)])
def test_pixels_are_means_of_what_they_cover(box, flip):
    pixels = noise((80, 100, 3), 3)
    inner = (20.5, 15.0, 80.0, 66.25)
    patch = Patch(pixels, np.full((80, 100), 255, np.uint8), inner)
    item = PasteItem(patch, box, flip)
    done = render(flat((96, 112), 7), [item], blend="rectangle", match=False)
    kx = (inner[2] - inner[0]) / (box[2] - box[0])
    ky = (inner[3] - inner[1]) / (box[3] - box[1])
    source = (pixels[:, ::-1] if flip else pixels).astype(float)
    left = 100 - inner[2] if flip else inner[0]
    x = np.arange(int(np.ceil(box[0] - 0.5)), int(np.ceil(box[2] - 0.5)) + 1)
    y = np.arange(int(np.ceil(box[1] - 0.5)), int(np.ceil(box[3] - 0.5)) + 1)
    if min(kx, ky) < 1:
        return  # enlarging has its own test
    wanted = area_along(source, left + (x - box[0]) * kx, 1)
    wanted = area_along(wanted, inner[1] + (y - box[1]) * ky, 0)
    got = done.pixels[y[0] : y[-1], x[0] : x[-1]]
    assert np.abs(got - wanted).max() <= 0.51
    rest = done.pixels.copy()
    rest[y[0] : y[-1], x[0] : x[-1]] = 7
    assert (rest == 7).all()


def test_shrinking_is_that_of_opencv():
    pixels = noise((96, 128, 3), 1)
    patch = Patch(pixels, np.full((96, 128), 255, np.uint8), (0, 0, 128, 96))
    item = PasteItem(patch, (5, 6, 5 + 37, 6 + 29))
    done = render(flat((50, 60), 0), [item], blend="alpha", match=False)
    wanted = cv2.resize(pixels, (37, 29), interpolation=cv2.INTER_AREA)
    assert np.abs(done.pixels[6:35, 5:42].astype(int) - wanted).max() <= 1


def test_enlarging_is_linear():
    pixels = noise((16, 16, 3), 1)
    patch = Patch(pixels, np.full((16, 16), 255, np.uint8), (4, 4, 12, 12))
    done = render(
        flat((64, 64), 0), [PasteItem(patch, (8, 8, 40, 40))], blend="rectangle", match=False
    )
    wanted = cv2.resize(pixels, (64, 64), interpolation=cv2.INTER_LINEAR)[16:48, 16:48]
    assert np.abs(done.pixels[8:40, 8:40].astype(int) - wanted).max() <= 1


def test_a_shrunken_cut_out_keeps_none_of_its_old_background():
    pixels = flat((80, 80), 255)  # a dark disc on white
    alpha = ellipse_alpha((20, 20, 60, 60), 80, 80)
    pixels[alpha > 0] = 10
    patch = Patch(pixels, alpha, (20, 20, 60, 60), "polygon")
    done = render(flat((40, 40), 10), [PasteItem(patch, (12.5, 12.5, 22, 22))], match=False)
    assert (done.pixels == 10).all()


def test_the_label_is_where_the_pixels_are():
    alpha = ellipse_alpha((30, 40, 110, 90), 140, 140)
    patch = Patch(flat((140, 140), 200), alpha, (30, 40, 110, 90), "polygon")
    box = (21.3, 17.8, 41.7, 30.1)
    _, _, mask = render(flat((64, 64), 0), [PasteItem(patch, box)], blend="alpha").alphas[0]
    x0, y0, mask = render(flat((64, 64), 0), [PasteItem(patch, box)], blend="alpha").alphas[0]
    cover = mask / 255
    ys, xs = np.mgrid[: mask.shape[0], : mask.shape[1]] + 0.5
    area = cover.sum()
    assert area == pytest.approx(np.pi / 4 * (box[2] - box[0]) * (box[3] - box[1]), rel=0.01)
    assert (cover * xs).sum() / area + x0 == pytest.approx((box[0] + box[2]) / 2, abs=0.02)
    assert (cover * ys).sum() / area + y0 == pytest.approx((box[1] + box[3]) / 2, abs=0.02)


def test_brightness_is_that_of_the_place():
    pixels = smooth((120, 120), 5, level=100, contrast=4)
    target = smooth((200, 200), 6, level=140, contrast=4)
    item = PasteItem(disc(pixels, (30, 30, 90, 90)), (80, 80, 110, 110))
    plain = render(target, [item], match=False).pixels[88:102, 88:102].mean()
    done = render(target, [item]).pixels[88:102, 88:102].mean()
    assert plain == pytest.approx(100, abs=4)
    assert done == pytest.approx(140, abs=6)


def test_colours_of_a_true_outline_move_within_their_bound():
    item = PasteItem(disc(flat((120, 120), 60), (30, 30, 90, 90), "polygon"), (80, 80, 110, 110))
    done = render(flat((200, 200), 200), [item]).pixels
    assert done[95, 95].tolist() == [92, 92, 92]  # by 32 and no more


def test_a_sharp_patch_is_blurred_at_a_blurred_place_and_not_at_a_sharp_one():
    sharp = np.repeat(np.repeat(noise((16, 16, 3), 2, 60, 180), 4, 0), 4, 1)
    item = PasteItem(disc(sharp, (16, 16, 48, 48)), (60, 60, 92, 92))

    def energy(pixels):
        return cv2.Laplacian(pixels[68:84, 68:84, 1], cv2.CV_64F).var()

    blurred = smooth((160, 160), 4, sigma=3)
    unmatched = energy(render(blurred, [item], match=False).pixels)
    assert energy(render(blurred, [item]).pixels) < 0.1 * unmatched
    assert energy(render(noise((160, 160, 3), 8, 60, 180), [item]).pixels) > 0.8 * unmatched


def test_two_textures_are_not_mixed_into_a_softer_one():
    """Over the ramp outside of a box's ellipse, fine details are of the one or of the other."""

    def sharpness(pixels, ring):
        return np.abs(cv2.Laplacian(pixels.astype(float), cv2.CV_64F)).mean(axis=2)[ring].mean()

    pixels, target = (smooth((160, 160), seed, sigma=1.0, contrast=10) for seed in (8, 9))
    ys, xs = np.mgrid[:160, :160] + 0.5 - 80
    ring = np.abs(np.hypot(ys, xs) - 26) < 7  # the ramp of a disc of 20 pixels
    item = PasteItem(disc(pixels, (60, 60, 100, 100)), (60, 60, 100, 100))
    done = render(target, [item])
    x0, y0, mask = done.alphas[0]
    cover = np.zeros((160, 160))
    cover[y0 : y0 + mask.shape[0], x0 : x0 + mask.shape[1]] = mask / 255
    ring &= (cover > 0.15) & (cover < 0.85)
    assert np.count_nonzero(ring) > 500
    plain = target + cover[:, :, None] * (pixels.astype(float) - target)
    either = (sharpness(pixels, ring) + sharpness(target, ring)) / 2
    assert sharpness(plain, ring) < 0.85 * either
    assert 0.9 * either < sharpness(done.pixels, ring) < 1.05 * either


@pytest.mark.parametrize("sigma", [3.0, 6.0])
def test_a_clean_patch_gets_the_noise_of_the_place(sigma):
    rng = np.random.default_rng(0)
    grain = rng.normal(128, sigma, (320, 320, 1)).round().clip(0, 255).astype(np.uint8)
    target = np.repeat(grain, 3, axis=2)
    item = PasteItem(disc(flat((200, 200), 128), (50, 50, 150, 150)), (100, 100, 200, 200), seed=3)
    done = render(target, [item]).pixels
    inside = done[115:185, 115:185]
    assert noise_sigma(inside) == pytest.approx(noise_sigma(target), rel=0.15)
    assert inside[:, :, 0].std() == pytest.approx(sigma, rel=0.15)
    assert abs(float(inside.mean()) - 128) < 0.5
    other = render(target, [PasteItem(item.patch, item.box, seed=4)]).pixels
    assert (other != done).any()


@pytest.mark.parametrize("blend", ["feather", "alpha", "rectangle", "multiband"])
def test_the_same_bytes_from_every_tier_and_thread(blend):
    target = smooth((150, 170), 1)
    patches = [
        disc(smooth((90, 80), s), (20, 20, 61, 66), o) for s, o in ((2, "ellipse"), (3, "x"))
    ]
    items = [
        PasteItem(patches[k % 2], (7.3 * k, 9.1 * k, 7.3 * k + 21, 9.1 * k + 17.7), k % 3 == 0, k)
        for k in range(12)
    ]
    before = target.copy()
    seen = set()
    tier_before = _core.isa()
    try:
        for tier in _core.isa_available():
            _core.isa_select(tier)
            done = render(target, items, blend=blend)
            seen.add(done.pixels.tobytes() + b"".join(m.tobytes() for _, _, m in done.alphas))
    finally:
        _core.isa_select(tier_before)
    with ThreadPoolExecutor(4) as pool:
        for done in pool.map(lambda _: render(target, items, blend=blend), range(8)):
            seen.add(done.pixels.tobytes() + b"".join(m.tobytes() for _, _, m in done.alphas))
    assert len(seen) == 1
    assert (target == before).all()


def test_what_was_not_covered_is_not_changed():
    target = noise((100, 100, 3), 1)
    item = PasteItem(disc(smooth((60, 60), 1), (15, 15, 45, 45)), (40, 40, 60, 60))
    done = render(target, [item])
    x, y, mask = done.alphas[0]
    covered = np.zeros((100, 100), bool)
    covered[y : y + mask.shape[0], x : x + mask.shape[1]] = mask > 0
    assert (done.pixels[~covered] == target[~covered]).all()
    assert (done.pixels[covered] != target[covered]).any()


@pytest.mark.parametrize("blend", BLENDS)
@pytest.mark.parametrize(
    "box",
    [(-10, -10, 5, 5), (60, 60, 80, 80), (200, 0, 210, 10), (-50, -50, 200, 200), (5, 5, 5.2, 5.1)],
)
def test_boxes_at_and_beyond_the_border(blend, box):
    target = smooth((64, 64), 1)
    done = render(target, [PasteItem(disc(smooth((40, 40), 2), (8, 8, 32, 32)), box)], blend=blend)
    assert done.pixels.shape == target.shape
    if box[0] >= 64:
        assert (done.pixels == target).all()
        assert done.alphas[0][2].size == 0


@pytest.mark.parametrize(
    "box", [(0, 0, float("nan"), 4), (0, 0, float("inf"), 4), (5, 5, 5, 9), (9, 5, 2, 9), (0, 0, 1)]
)
def test_a_box_that_is_none_is_named(box):
    patch = disc(flat((20, 20), 1), (5, 5, 15, 15))
    with pytest.raises(ValueError, match=r"items\[1\]\.box"):
        render(flat((20, 20), 1), [PasteItem(patch, (1, 1, 5, 5)), PasteItem(patch, box)])


def test_other_bad_arguments():
    patch = disc(flat((20, 20), 1), (5, 5, 15, 15))
    with pytest.raises(ValueError, match="target"):
        render(np.zeros((20, 20), np.uint8), [])
    with pytest.raises(ValueError, match="blend"):
        render(flat((20, 20), 1), [], blend="soft")
    with pytest.raises(ValueError, match="seed"):
        render(flat((20, 20), 1), [PasteItem(patch, (1, 1, 5, 5), seed=-1)])
    with pytest.raises(ValueError, match="alpha"):
        bad = Patch(patch.pixels, patch.alpha[:5], patch.box)
        render(flat((20, 20), 1), [PasteItem(bad, (1, 1, 5, 5))])
