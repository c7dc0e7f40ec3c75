"""Deployment profiles: built in, from files, and their scale."""

from __future__ import annotations

import numpy as np
import pytest

from fastlabel.config import ConfigError
from fastlabel.deploy import PROFILES, Camera, Profile, load


@pytest.mark.parametrize(
    ("name", "size", "resize"),
    [
        ("edge-640", (640, 640), "letterbox"),
        ("doorbell-416", (416, 416), "letterbox"),
        ("drone-4k", (640, 640), "letterbox"),
        ("mcu-96", (96, 96), "stretch"),
    ],
)
def test_built_in(name, size, resize):
    profile = load(name)
    assert profile.name == name
    assert (profile.input_width, profile.input_height) == size
    assert profile.resize == resize
    assert profile.min_target == profile.strides[0]


def test_drone_frames_are_4k_and_doorbells_are_fixed_with_infrared():
    assert PROFILES["drone-4k"].camera == Camera(3840, 2160)
    camera = PROFILES["doorbell-416"].camera
    assert camera is not None and camera.fixed and camera.infrared


FULL = """
name = "porch"
tier = "npu"
input_width = 320
input_height = 256
resize = "stretch"
strides = [32, 8, 16]
min_target = 6.5
[camera]
width = 1920
height = 1080
infrared = true
"""


def test_a_file_of_ones_own(tmp_path):
    file = tmp_path / "porch.toml"
    file.write_text(FULL)
    wanted = Profile(
        "porch",
        "npu",
        320,
        256,
        "stretch",
        (8, 16, 32),
        6.5,
        Camera(1920, 1080, fixed=False, infrared=True),
    )
    assert load(file) == load(str(file)) == wanted


def test_the_least_that_a_file_needs(tmp_path):
    file = tmp_path / "tiny-cam.toml"
    file.write_text("input-width = 160\ninput_height = 120\nstrides = [4]")
    profile = load(file)
    assert (profile.name, profile.resize, profile.min_target) == ("tiny-cam", "letterbox", 4.0)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("tier", "teir", "unknown key 'teir'; did you mean 'tier'?"),
        ("infrared", "infra", "camera: unknown key 'infra'; did you mean 'infrared'?"),
        ("input_width = 320", "", "input_width is missing"),
        ("320", "0", "expected 1 to 65,535"),
        ("320", "1e9", "got 1000000000.0, expected a whole number"),
        ("320", "true", "got True, expected a whole number"),
        ('"stretch"', '"squash"', "expected one of letterbox, stretch"),
        ("[32, 8, 16]", "[]", "strides"),
        ("[32, 8, 16]", "[8, 0]", "strides"),
        ("[32, 8, 16]", "[8, 1.5]", "expected a list of whole numbers"),
        ("6.5", "-1", "min_target: got -1"),
        ("6.5", "nan", "min_target: got nan"),
        ("width = 1920", "", "camera.width"),
        ("infrared = true", "infrared = 1", "expected true or false"),
        ("[camera]", "[[camera]]", "camera"),
    ],
)
def test_bad_files(tmp_path, old, new, said):
    file = tmp_path / "porch.toml"
    assert old in FULL
    file.write_text(FULL.replace(old, new, 1))
    with pytest.raises(ConfigError) as error:
        load(file)
    assert said in str(error.value)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("edge-460", "did you mean 'edge-640'?"),
        ("nothing", "known are: cloud, doorbell-416, drone-4k, edge-640, edge-gateway, end-device"),
        ("absent.toml", "no such file"),
    ],
)
def test_unknown_names(name, said):
    with pytest.raises(ConfigError) as error:
        load(name)
    assert said in str(error.value)


class TestScale:
    def test_letterbox_keeps_the_shape(self):
        sx, sy = load("edge-640").scale(
            np.array([1280, 720, 640, 320]), np.array([720, 1280, 480, 240])
        )
        assert sx.tolist() == sy.tolist() == [0.5, 0.5, 1.0, 2.0]

    def test_letterbox_into_a_flat_input(self):
        sx, _ = Profile("flat", "npu", 640, 320).scale([640, 320, 1280], [640, 320, 320])
        assert sx.tolist() == [0.5, 1.0, 0.5]

    def test_stretch_does_not(self):
        sx, sy = load("mcu-96").scale([192, 96], [96, 48])
        assert (sx.tolist(), sy.tolist()) == ([0.5, 1.0], [1.0, 2.0])

    @pytest.mark.parametrize("name", list(PROFILES))
    def test_unknown_sizes_stay_unknown(self, name):
        sx, sy = load(name).scale([np.nan, 0, -5, 100], [100, 100, 100, np.nan])
        assert np.isnan(sx).all() and np.isnan(sy).all()

    @pytest.mark.parametrize("name", list(PROFILES))
    def test_the_scaled_frame_fits_the_input_and_fills_one_side(self, name):
        profile = load(name)
        rng = np.random.default_rng(0)
        w, h = rng.integers(1, 5000, (2, 500)).astype(float)
        sx, sy = profile.scale(w, h)
        fill = np.maximum(w * sx / profile.input_width, h * sy / profile.input_height)
        np.testing.assert_allclose(fill, 1.0)
