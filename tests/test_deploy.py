"""Deployment profiles: built in, from files, and their scale."""

from __future__ import annotations

import numpy as np
import pytest

from fastlabel.config import ConfigError
from fastlabel.deploy import PROFILES, TIERS, Camera, Profile, load, memory_need


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
tier = "end-device"
memory = "256 MB"
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
        "end-device",
        320,
        256,
        "stretch",
        (8, 16, 32),
        6.5,
        Camera(1920, 1080, fixed=False, infrared=True),
        256 << 20,
    )
    assert load(file) == load(str(file)) == wanted


def test_the_least_that_a_file_needs(tmp_path):
    file = tmp_path / "tiny-cam.toml"
    file.write_text("input-width = 160\ninput_height = 120\nstrides = [4]")
    profile = load(file)
    assert (profile.name, profile.resize, profile.min_target) == ("tiny-cam", "letterbox", 4.0)
    assert (profile.tier, profile.memory, profile.camera) == ("custom", None, None)


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
        ("width = 1920", "width = 0", "camera.width: got 0, expected 1 to 65,535"),
        ("width = 1920", "width = nan", "width: got nan, expected a whole number"),
        ("height = 1080", "height = -1080", "camera.height: got -1080"),
        (
            "end-device",
            "end-devise",
            "porch.toml: profile 'porch': tier: got 'end-devise'; did you",
        ),
        ("end-device", "tpu", "known are: cloud, custom, edge-gateway, end-device, micro"),
        ("[32, 8, 16]", "[8, 257]", "strides: got 257, expected at most 256, the shorter side"),
        ("[32, 8, 16]", "[-8]", "strides: got -8"),
        ("6.5", "256.5", "min_target: got 256.5, expected 0 to 256 pixels, the shorter side"),
        ("6.5", "inf", "min_target: got inf"),
        ('"256 MB"', "0", "memory: got 0, expected 1 to"),
        ('"256 MB"', '"0 KB"', "memory: got 0, expected 1 to"),
        ('"256 MB"', "-5", "memory: got -5"),
        ('"256 MB"', "nan", "memory: got nan, expected bytes as a whole number"),
        ('"256 MB"', '"lots"', 'expected a text such as "512 KB"'),
        ('"256 MB"', '"99999999999999999999 GB"', "memory: got"),
        ("[camera]", "[cameras]", "unknown key 'cameras'; did you mean 'camera'?"),
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


@pytest.mark.parametrize(
    ("old", "tier"), [("mcu", "micro"), ("npu", "end-device"), ("gpu", "edge-gateway")]
)
def test_tiers_of_earlier_profiles_keep_working(tmp_path, old, tier):
    file = tmp_path / "old.toml"
    file.write_text(f'tier = "{old}"\ninput_width = 96\ninput_height = 96')
    assert load(file).tier == tier


@pytest.mark.parametrize("value", [float("nan"), -1, 0, 96.0, True, "96", 1 << 40, None])
def test_sides_are_whole_numbers_in_python_too(value):
    with pytest.raises(ConfigError, match="input_width: got"):
        Profile("x", "micro", value, 96)
    with pytest.raises(ConfigError, match=r"camera\.height: got"):
        Camera(96, value)


class TestTiers:
    def test_the_figures_of_each_class_of_device(self):
        kb, gb = 1 << 10, 1 << 30
        shown = {t.name: (t.tops, t.memory, t.watts) for t in TIERS.values()}
        assert shown == {
            "cloud": ((600, None), (40 * gb, 40 * gb), (250, None)),
            "edge-gateway": ((30, 100), (8 * gb, 16 * gb), (15, 40)),
            "end-device": ((2, 10), (2 * gb, 4 * gb), (3, 5)),
            "micro": ((None, 0.1), (None, 512 * kb), (None, 0.1)),
        }
        assert all(t.device and t.source for t in TIERS.values())

    @pytest.mark.parametrize("name", list(TIERS))
    def test_a_tier_is_a_starting_point_under_its_own_name(self, name):
        assert load(name).tier == load(name).name == name
        assert memory_need(load(name)).verdict == "fits"

    @pytest.mark.parametrize("profile", PROFILES.values(), ids=lambda p: p.name)
    def test_every_built_in_profile_has_a_tier(self, profile):
        assert profile.tier in TIERS


class TestMemory:
    def test_by_hand(self):
        """96 x 96: 27,648 in; 48 x 48 x 16 = 36,864 and 24 x 24 x 32 = 18,432 maps."""
        need = memory_need(load("mcu-96"))
        assert need.input_bytes == {"int8": 27_648, "float32": 110_592}
        assert need.activation_bytes == {"int8": 55_296, "float32": 221_184}
        assert (need.precision, need.need) == ("int8", 82_944)
        assert (need.least, need.most) == (512 << 10, 512 << 10)

    def test_odd_sizes_round_maps_up(self):
        """97 x 65: 49 x 33 x 16 + 25 x 17 x 32."""
        need = memory_need(Profile("x", "micro", 97, 65, strides=(8,)))
        assert need.activation_bytes["int8"] == 49 * 33 * 16 + 25 * 17 * 32

    @pytest.mark.parametrize(
        ("memory", "verdict"),
        [(165_888, "fits"), (165_887, "tight"), (82_944, "tight"), (82_943, "does not fit")],
    )
    def test_borders(self, memory, verdict):
        profile = Profile("x", "micro", 96, 96, "stretch", (8,), memory=memory)
        assert memory_need(profile).verdict == verdict

    def test_between_the_least_and_the_most_of_a_tier_is_tight(self):
        """10240 x 10240 at float32: 1.17 GB in and 2.34 GB of maps, of 2 to 4 GB."""
        profile = Profile("x", "end-device", 10_240, 10_240)
        assert memory_need(profile).need == 10_240**2 * 9 * 4
        assert memory_need(profile).verdict == "tight"

    def test_a_custom_device_has_a_verdict_when_it_says_its_memory(self):
        assert memory_need(Profile("x", "custom", 96, 96)).verdict is None
        known = memory_need(Profile("x", "custom", 96, 96, memory=1 << 20))
        assert (known.precision, known.verdict) == ("float32", "fits")

    @pytest.mark.parametrize(
        ("text", "value"), [('"1.5 KB"', 1536), ('"2GB"', 2 << 30), ("4096", 4096), ('"7 B"', 7)]
    )
    def test_its_text(self, tmp_path, text, value):
        file = tmp_path / "m.toml"
        file.write_text(f"input_width = 96\ninput_height = 96\nmemory = {text}")
        assert load(file).memory == value


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
