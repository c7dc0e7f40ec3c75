"""The frame gate against OpenCV, NumPy and image_stats, in every tier; and what it refuses."""

from __future__ import annotations

import json
import threading

import cv2
import numpy as np
import pytest

import fastlabel as fl
from fastlabel import _core

SIZES = [
    (1, 1),
    (1, 9),
    (9, 1),
    (2, 3),
    (12, 16),
    (13, 17),
    (33, 31),
    (48, 64),
    (240, 320),
    (97, 333),
]
SHARED = ("luma_mean", "dark_fraction", "bright_fraction", "laplacian_variance", "noise_sigma")


@pytest.fixture
def restore():
    before = _core.isa()
    yield
    _core.isa_select(before)


def picture(height, width, seed=0):
    """Edges, a slope and noise."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width]
    base = 60 + x / 3 + 80 * ((x // 7 + y // 5) % 2)
    return np.clip(base + rng.normal(0, 4, (height, width)), 0, 255).astype(np.uint8)


def grid(frame):
    """Means of the 16 x 12 cells in 1/256, rounded down; those without pixels are left out."""
    h, w = frame.shape
    cells = []
    for gy in range(12):
        for gx in range(16):
            part = frame[gy * h // 12 : (gy + 1) * h // 12, gx * w // 16 : (gx + 1) * w // 16]
            if part.size:
                cells.append(int(part.sum()) * 256 // part.size)
    return np.array(cells)


@pytest.mark.parametrize("shape", SIZES)
def test_measures_are_those_of_image_stats_and_of_opencv(restore, shape):
    h, w = shape
    frame = picture(h, w)
    stats = fl.image_stats(frame)
    variance = cv2.Laplacian(frame, cv2.CV_64F).var() if min(h, w) > 1 else None
    for tier in _core.isa_available():
        _core.isa_select(tier)
        found = fl.FrameGate(w, h)(frame)
        for name in SHARED:
            assert getattr(found, name) == stats[name], (tier, name)
        assert found.sharpness == stats["sharpness"]
        if found.acutance is not None:
            assert found.acutance == stats["acutance"]
        if variance is not None:
            assert found.laplacian_variance == pytest.approx(variance, rel=1e-12)
        assert found.fixed["dark_pixels"] == int((frame < 32).sum())
        assert found.fixed["bright_pixels"] == int((frame >= 224).sum())
        assert found.fixed["luma_sum"] == int(frame.sum())


@pytest.mark.parametrize("shape", SIZES)
def test_motion_is_the_largest_change_of_a_cell_less_the_mean_change(shape):
    h, w = shape
    before, after = picture(h, w, 1), picture(h, w, 2)
    after[: h // 3 + 1, : w // 4 + 1] //= 2
    gate = fl.FrameGate(w, h)
    assert gate(before).motion is None
    change = grid(after) - grid(before)
    mean = int(change.sum() / len(change))  # towards zero, as C divides
    expected = max(change.max() - mean, mean - change.min())
    assert gate(after).motion == expected / 256


def test_a_change_of_light_alone_is_no_motion():
    gate = fl.FrameGate(64, 48, fl.GateLimits(min_motion=1.5))
    frame = picture(48, 64) // 2 + 20
    assert gate(frame).verdict == 0
    assert gate(frame + 9).verdict == fl.GateVerdict.STILL
    moved = frame.copy()
    moved[10:20, 10:20] += 50
    assert gate(moved).ok


def test_rows_in_any_pieces_give_what_the_whole_frame_gives():
    frame = picture(97, 120)
    whole = fl.FrameGate(120, 97)(frame)
    for step in (1, 2, 3, 16, 17, 50, 97):
        gate = fl.FrameGate(120, 97)
        for y in range(0, 97, step):
            gate.rows(frame[y] if step == 1 else frame[y : y + step])
        assert gate.end() == whole
    wide = np.zeros((97, 200), np.uint8)
    wide[:, 40:160] = frame
    assert fl.FrameGate(120, 97)(wide[:, 40:160]) == whole
    assert fl.FrameGate(120, 97)(np.asfortranarray(frame)) == whole
    assert fl.FrameGate(120, 97)(frame[::-1][::-1]) == whole


@pytest.mark.parametrize(
    ("limits", "change", "flag"),
    [
        ({"min_sharpness": 20}, lambda f: cv2.GaussianBlur(f, (0, 0), 4), "BLURRY"),
        ({"min_acutance": 0.5}, lambda f: cv2.GaussianBlur(f, (0, 0), 1.5), "BLURRY"),
        ({"min_light": 40}, lambda f: f // 6, "DARK"),
        ({"max_dark": 0.5}, lambda f: f // 6, "DARK"),
        ({"max_light": 200}, lambda f: 255 - f // 6, "BRIGHT"),
        ({"max_bright": 0.5}, lambda f: 255 - f // 6, "BRIGHT"),
        ({"min_motion": 0.5}, lambda f: f, "STILL"),
    ],
)
def test_each_limit_has_its_flag(limits, change, flag):
    frame = picture(120, 160)
    gate = fl.FrameGate(160, 120, fl.GateLimits(**limits))
    assert gate(frame).ok
    assert gate(change(frame)).verdict & fl.GateVerdict[flag]


def test_the_whole_numbers_are_the_measures_rounded_down():
    found = fl.FrameGate(320, 240)(picture(240, 320))
    fixed = found.fixed
    assert fixed["light"] == int(found.luma_mean * 256)
    assert fixed["dark"] == int(found.dark_fraction * 65536)
    assert abs(fixed["noise"] - found.noise_sigma * 256) < 1.1
    assert fixed["sharpness"] == pytest.approx(found.sharpness * 256, rel=1e-4)
    assert fixed["acutance"] == pytest.approx(found.acutance * 65536, rel=1e-3)


def test_rows_that_do_not_fit_are_refused_and_nothing_is_taken():
    frame = picture(24, 32)
    gate = fl.FrameGate(32, 24)
    with pytest.raises(ValueError, match="got 0 of 24 rows"):
        gate.end()
    gate.rows(frame[:23])
    with pytest.raises(ValueError, match=r"got 23 of 24 rows.*drop"):
        gate.end()
    with pytest.raises(ValueError, match="got 2, expected at most 1 more"):
        gate.rows(frame[:2])
    gate.rows(frame[23])
    with pytest.raises(ValueError, match="at most 0 more"):
        gate.rows(frame[0])
    assert gate.end() == fl.FrameGate(32, 24)(frame)
    with pytest.raises(ValueError, match=r"shape \(24, 31\), expected \(24, 32\)"):
        gate(frame[:, :31])
    with pytest.raises(ValueError, match="Y plane"):
        gate(np.zeros((36, 32), np.uint8))
    with pytest.raises(ValueError, match=r"expected \(n, 32\)"):
        gate.rows(np.zeros((0, 32), np.uint8))
    with pytest.raises(TypeError, match="float64, expected uint8"):
        gate(frame.astype(float))


def test_the_native_gate_refuses_too():
    gate = _core.Gate(32, 24, [])
    with pytest.raises(ValueError, match="rows missing"):
        gate.end()
    with pytest.raises(ValueError, match="a row too many"):
        gate.rows(np.zeros((25, 32), np.uint8))
    with pytest.raises(ValueError, match="a stride is smaller"):
        gate.rows(np.zeros((24, 32), np.uint8)[::-1])
    with pytest.raises(ValueError, match="contiguous"):
        gate.rows(np.zeros((24, 64), np.uint8)[:, ::2])
    for size in ((0, 5), (5, -1), (20000, 5)):
        with pytest.raises(ValueError, match="a side is 0"):
            _core.Gate(*size, [])


@pytest.mark.parametrize("size", [(0, 10), (10, 0), (-1, 5), (16385, 5)])
def test_sizes_out_of_range(size):
    with pytest.raises(ValueError, match="expected 1 to 16384 pixels"):
        fl.FrameGate(*size)
    with pytest.raises((TypeError, ValueError), match="width"):
        fl.FrameGate(3.5, 4)


@pytest.mark.parametrize(
    ("name", "value"),
    [("min_light", -1), ("max_light", 256), ("max_dark", 1.01), ("min_motion", float("nan")),
     ("min_sharpness", float("inf")), ("min_acutance", 1e6)],
)  # fmt: skip
def test_limits_out_of_range(name, value):
    with pytest.raises(ValueError, match=f"{name}: got"):
        fl.GateLimits(**{name: value})


def test_limits_are_kept_in_json(tmp_path):
    limits = fl.GateLimits(12.5, 0.25, 30, 220, 0.75, 0.5, 1.5)
    path = tmp_path / "gate.json"
    good = {"fastlabel_gate": 1, "limits": limits.fixed()}
    path.write_text(json.dumps(good))
    assert fl.GateLimits.load(path) == limits
    for bad, message in (
        ("{", "is no JSON"),
        ("[]", "no fastlabel_gate"),
        (json.dumps({**good, "fastlabel_gate": 2}), "got 2, expected 1"),
        (json.dumps({**good, "limits": {"min_light": 3}}), "expected exactly"),
        (json.dumps({**good, "limits": {**limits.fixed(), "more": 1}}), "expected exactly"),
        (json.dumps({**good, "limits": {**limits.fixed(), "max_dark": 1.5}}), "whole number"),
        (json.dumps({**good, "limits": {**limits.fixed(), "max_dark": 1 << 20}}), "max_dark: got"),
    ):
        path.write_text(bad)
        with pytest.raises(ValueError, match=message) as caught:
            fl.GateLimits.load(path)
        assert str(path) in str(caught.value)


def test_threads_that_share_a_gate_crash_nothing():
    gate = _core.Gate(320, 240, [])
    frame = picture(240, 320)

    def feed():
        for _ in range(50):
            try:
                gate.rows(frame)
                gate.end()
            except ValueError:
                gate.drop()

    threads = [threading.Thread(target=feed) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    gate.drop()
    gate.rows(frame)
    assert gate.end()["pixels"] == 320 * 240
