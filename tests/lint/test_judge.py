"""Rules FL901 to FL907: what they find, why, and what they leave alone."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

import fastlabel as fl
from fastlabel import schema
from fastlabel.config import Config, ConfigError
from fastlabel.deploy import Camera, Profile
from fastlabel.lint import errors
from fastlabel.lint.judge import _fit

QUIET = dict.fromkeys(("hsv_h", "hsv_s", "hsv_v", "translate", "scale", "fliplr", "mosaic"), 0.0)
DEFAULTS = Path(__file__).parents[2] / "examples" / "augmentation" / "args.yaml"
PLAIN = Config()


def lint(config, ds=None, **options):
    return fl.lint_augment(config, ds, **{"settings": PLAIN, **options})


def found(config, ds=None, **options):
    table = lint(config, ds, **options).findings
    return list(zip(table["code"].to_pylist(), table["severity"].to_pylist(), strict=True))


def make_set(folder, boxes, size=(640, 640), names=("thing",), pictures=None, ignore=()):
    """A COCO set with one box an image."""
    folder.mkdir(parents=True, exist_ok=True)
    images, annotations = [], []
    for i, box in enumerate(boxes):
        name = f"{i}.png"
        if pictures is not None:
            cv2.imwrite(str(folder / name), pictures[i])
        images.append({"id": i, "file_name": name, "width": size[0], "height": size[1]})
        row = {"id": i, "image_id": i, "category_id": i % len(names), "bbox": list(box)}
        annotations.append({**row, "iscrowd": 0, "ignore": int(i in ignore)})
    categories = [{"id": i, "name": n} for i, n in enumerate(names)]
    (folder / "labels.json").write_text(
        json.dumps({"images": images, "annotations": annotations, "categories": categories})
    )
    return fl.read(folder / "labels.json")


class TestTheDefaultsOfATrainer:
    """The issue's example: mosaic 1.0, hsv_h 0.015, fliplr 0.5."""

    def test_each_finding_with_its_reason(self):
        linted = lint(DEFAULTS, classes=["traffic light", "exit sign", "person"])
        rows = {row["code"]: row for row in linted.findings.to_pylist()}
        assert set(rows) == {"FL902", "FL903", "FL904"}
        hue, mirror, mosaic = (rows[c] for c in ("FL902", "FL903", "FL904"))
        assert hue["severity"] == "warning" and hue["value"] == pytest.approx(5.4)
        assert "hsv_h = 0.015" in hue["message"] and '"traffic light"' in hue["message"]
        assert mirror["severity"] == "error" and mirror["value"] == 0.5
        assert '"exit sign" (text)' in mirror["message"]
        assert mosaic["severity"] == "warning" and "2.6 million" in mosaic["message"]
        for row in rows.values():
            assert "person" not in row["message"]
            assert json.loads(row["evidence"])["file"] == str(DEFAULTS)
        assert linted.findings.schema.equals(schema.FINDINGS)
        assert linted.findings["severity"].to_pylist()[0] == "error"
        assert any(note.startswith("FL905") for note in linted.notes)

    def test_only_person(self):
        assert found(DEFAULTS, classes=["person"]) == [("FL904", "warning")]

    def test_a_large_model_may_have_mosaic(self):
        assert found(DEFAULTS, classes=["person"], parameters=5e6) == []
        assert found({"model": "yolov8m.pt", "mosaic": 1.0}, classes=["person"]) == []
        assert found(DEFAULTS, classes=["person"], parameters=4.9e6) == [("FL904", "warning")]


class TestRotation:
    @pytest.mark.parametrize(
        ("settings", "wanted"),
        [
            ({"degrees": 10.0}, []),
            ({"degrees": 10.1}, [("FL901", "warning")]),
            ({"degrees": -30.0}, [("FL901", "warning")]),
            ({"degrees": 46.0}, [("FL901", "error")]),
            ({"flipud": 0.01}, [("FL901", "error")]),
        ],
    )
    def test_degrees(self, settings, wanted):
        rows = found({**QUIET, **settings}, classes=["person"])
        assert [row for row in rows if row[0] == "FL901"] == wanted

    def test_seen_from_above_any_turn_is_right(self):
        camera = Camera(640, 640, top_down=True)
        above = Profile("x", "custom", 640, 640, camera=camera)
        linted = lint({**QUIET, "flipud": 0.5}, classes=["cell"], deploy=above)
        assert linted.findings.num_rows == 0 and "straight down" in " ".join(linted.notes)
        level = replace(above, camera=replace(camera, top_down=False))
        assert found({**QUIET, "flipud": 0.5}, classes=["cell"], deploy=level) == [
            ("FL901", "error")
        ]


class TestClasses:
    def test_hue(self):
        for value, wanted in (
            (2 / 360, []),
            (0.006, [("FL902", "warning")]),
            (15.1 / 360, [("FL902", "error")]),
        ):
            assert found({**QUIET, "hsv_h": value}, classes=["wire"]) == wanted
        assert found({**QUIET, "hsv_h": 0.5}, classes=["person"]) == []

    def test_colours_taken_away(self):
        assert found(["RandomGrayscale"], classes=["traffic light"]) == [("FL902", "error")]
        assert found(["RandomGrayscale"], classes=["dog"]) == []

    def test_mirror(self):
        flip = {**QUIET, "fliplr": 0.5}
        assert found(flip, classes=["turn left"]) == [("FL903", "error")]
        assert found(flip, classes=["book"]) == [("FL903", "warning")]
        assert found(flip, classes=["book", "exit sign"]) == [
            ("FL903", "error"),
            ("FL903", "warning"),
        ]
        assert found(flip, classes=["raccoon"]) == []
        assert found(["D4()"], classes=["exit sign"]) == []  # torchvision has no such thing

    def test_the_users_own_table(self):
        own = Config(lint={"classes": {"exit sign": [], "banana": ["direction"]}})
        flip = {**QUIET, "fliplr": 0.5}
        assert found(flip, classes=["exit sign"], settings=own) == []
        assert found(flip, classes=["banana"], settings=own) == [("FL903", "error")]

    def test_of_a_set_only_classes_that_occur(self, tmp_path):
        ds = make_set(tmp_path, [(0, 0, 50, 50)], names=("dog", "exit sign"))
        flip = {**QUIET, "fliplr": 0.5}
        assert found(flip, ds) == []
        ds = make_set(tmp_path / "b", [(0, 0, 50, 50)] * 2, names=("dog", "exit sign"))
        (row,) = lint(flip, ds).findings.to_pylist()
        assert '"exit sign" (text, 1 box)' in row["message"]

    def test_no_classes_no_judgement_and_that_is_said(self):
        linted = lint({**QUIET, "fliplr": 0.5, "hsv_h": 0.1})
        assert linted.findings.num_rows == 0
        assert {n[:5] for n in linted.notes} >= {"FL902", "FL903"}

    def test_names_from_data_are_shown_without_their_escapes(self):
        (row,) = lint({**QUIET, "fliplr": 0.5}, classes=["left\x1b[2J\n"]).findings.to_pylist()
        assert "\x1b" not in row["message"] and "\n" not in row["message"]


class TestUnderStride:
    """Boxes of 10, 12, 16 and 100 px at an input of 640 with a stride of 8."""

    @pytest.fixture
    def ds(self, tmp_path):
        boxes = [(0, 0, s, 2 * s) for s in (10, 12, 16, 100, 4)]
        return make_set(tmp_path, boxes)

    def brute(self, sides, low, high, p):
        factors = np.linspace(low, high, 200_001)
        able = [s for s in sides if s >= 8]
        return p * np.mean([np.mean(s * factors < 8) for s in able])

    @pytest.mark.parametrize("scale", [0.1, 0.3, 0.5, 0.9])
    def test_the_share_is_that_of_drawing_it(self, ds, scale):
        rows = lint({**QUIET, "scale": scale}, ds).findings.to_pylist()
        share = self.brute([10, 12, 16, 100, 4], 1 - scale, 1 + scale, 1.0)
        if share <= 0.02:
            assert rows == []
            return
        (row,) = rows
        assert row["code"] == "FL905" and row["value"] == pytest.approx(share, abs=1e-4)
        assert row["severity"] == ("error" if share > 0.25 else "warning")
        evidence = json.loads(row["evidence"])
        assert evidence["boxes"] == 4
        worst = np.mean([s * (1 - scale) < 8 for s in (10, 12, 16, 100)])
        assert evidence["share_at_smallest"] == worst

    def test_the_deployment_counts(self, ds):
        small = Profile("small", "custom", 320, 320)  # 10 and 12 px become 5 and 6: already lost
        (row,) = lint({**QUIET, "scale": 0.5}, ds, deploy=small).findings.to_pylist()
        assert json.loads(row["evidence"])["boxes"] == 2
        assert "320 x 320" in row["message"]

    def test_ignored_boxes_are_not_counted(self, tmp_path):
        boxes = [(0, 0, 9, 9), (0, 0, 100, 100)]
        assert found({**QUIET, "scale": 0.5}, make_set(tmp_path / "a", boxes)) == [
            ("FL905", "warning")
        ]
        assert found({**QUIET, "scale": 0.5}, make_set(tmp_path / "b", boxes, ignore={0})) == []

    def test_a_fixed_factor(self, ds):
        zoom = ["ScaleJitter(scale_range=(0.7, 0.7))"]
        (row,) = lint(zoom, ds).findings.to_pylist()
        assert row["value"] == 0.25


class TestTightness:
    def drawn(self, shape, degrees):
        """IoU of the two boxes by points: of the corners, and of an ellipse."""
        a, b = shape / 2, 0.5
        t = np.radians(degrees)
        turn = np.array([[np.cos(t), -np.sin(t)], [np.sin(t), np.cos(t)]])
        u = np.linspace(0, 2 * np.pi, 100_001)
        ellipse = turn @ np.stack([a * np.cos(u), b * np.sin(u)])
        corners = turn @ np.array([[a, a, -a, -a], [b, -b, b, -b]])
        return np.prod(np.ptp(ellipse, axis=1)) / np.prod(np.ptp(corners, axis=1))

    @pytest.mark.parametrize("shape", [0.3, 1.0, 2.5])
    @pytest.mark.parametrize("degrees", [0, 5, 10, 45, 80, 90, -30])
    def test_turned(self, shape, degrees):
        fit = _fit("rotate", np.array([shape]), degrees)[0]
        assert fit == pytest.approx(self.drawn(shape, degrees), abs=1e-6)

    def test_sheared(self):
        a, b, slope = 1.0, 0.5, math.tan(math.radians(20))
        u = np.linspace(0, 2 * np.pi, 100_001)
        x = a * np.cos(u) + slope * b * np.sin(u)
        wanted = np.ptp(x) / (2 * (a + slope * b))
        assert _fit("shear", np.array([2.0]), 20)[0] == pytest.approx(wanted, abs=1e-6)

    def test_a_square_by_ten_degrees(self):
        assert _fit("rotate", np.ones(1), 10)[0] == pytest.approx(0.745, abs=0.001)

    def test_limits(self):
        assert found({**QUIET, "degrees": 5.0}, classes=["x"]) == []
        (row,) = lint({**QUIET, "degrees": 10.0}, classes=["x"]).findings.to_pylist()
        assert (row["code"], row["severity"]) == ("FL907", "warning")
        assert row["value"] == pytest.approx(0.86, abs=0.005)
        codes = found({**QUIET, "degrees": 44.0}, classes=["x"])
        assert ("FL907", "error") in codes

    def test_outlines_and_ellipses_keep_their_fit(self):
        turn = {"__class_fullname__": "Rotate", "p": 1.0, "limit": 10}
        for method, wanted in (("largest_box", [("FL907", "warning")]), ("ellipse", [])):
            saved = {"transform": {**turn, "rotate_method": method}}
            assert found(saved, classes=["x"]) == wanted
        own = {"stages": [{"op": "rotate", "degrees": [-10, 10]}]}
        assert found(own, classes=["x"]) == []


class TestLightWithoutFrames:
    @pytest.mark.parametrize(
        ("settings", "beyond"),
        [
            ({**QUIET, "hsv_v": 0.4}, False),
            ({**QUIET, "hsv_v": 0.7}, True),
            (["GaussianBlur(5, sigma=(0.1, 2.0))"], False),
            (["GaussianBlur(5, sigma=(0.1, 2.1))"], True),
            (["GaussianNoise(sigma=0.04)"], False),
            (["GaussianNoise(sigma=0.05)"], True),
            ({"transform": {"__class_fullname__": "RandomGamma", "gamma_limit": [40, 100]}}, True),
            ({"transform": {"__class_fullname__": "MotionBlur", "blur_limit": [3, 7]}}, False),
            ({"stages": [{"op": "gamma", "gamma": [0.6, 1.5]}]}, False),
            ({"stages": [{"op": "gamma", "gamma": 3.0}]}, True),
        ],
    )
    def test_what_cameras_do(self, settings, beyond):
        wanted = [("FL906", "warning")] if beyond else []
        assert found(settings, classes=["x"]) == wanted


class TestFrames:
    """FL906 against frames that are all of one light."""

    def noise(self, seed, mean=120, sigma=12, size=96):
        rng = np.random.default_rng(seed)
        tiles = np.kron(rng.normal(mean, 40, (size // 12, size // 12, 1)), np.ones((12, 12, 3)))
        return np.clip(tiles + rng.normal(0, sigma / 4, tiles.shape), 0, 255).astype(np.uint8)

    @pytest.fixture
    def sets(self, tmp_path):
        frames = tmp_path / "frames"
        frames.mkdir()
        for i in range(12):
            cv2.imwrite(str(frames / f"{i}.png"), self.noise(i, 110 + 2 * i))
        pictures = [self.noise(100 + i, 115 + i) for i in range(8)]
        ds = make_set(tmp_path / "set", [(10, 10, 30, 30)] * 8, (96, 96), pictures=pictures)
        return ds, frames

    PROFILE = Profile("small", "custom", 96, 96, strides=(8,))

    @pytest.mark.parametrize(
        ("settings", "word"),
        [
            ({**QUIET, "hsv_v": 0.05}, None),
            ({**QUIET, "hsv_v": 0.6}, "mean brightness"),
            (["ColorJitter(brightness=(0.3, 0.4))"], "dark"),
            (["ColorJitter(brightness=(1.8, 2.0))"], "bright"),
            (["GaussianBlur(5, sigma=(2.0, 4.0))"], "blurred"),
            (["GaussianNoise(sigma=0.15)"], "noisier"),
            ({"stages": [{"op": "gamma", "gamma": [3.0, 4.0]}]}, "dark"),
            ({"stages": [{"op": "gamma", "gamma": [0.98, 1.02]}]}, None),
        ],
    )
    def test_what_frames_show(self, sets, settings, word):
        ds, frames = sets
        rows = lint(settings, ds, deploy=self.PROFILE, reference=frames).findings.to_pylist()
        rows = [row for row in rows if row["code"] == "FL906"]
        assert len(rows) == (word is not None)
        if word is not None:
            assert word in rows[0]["message"] and rows[0]["value"] > 0.2

    def test_what_was_outside_before_is_not_blamed_on_the_settings(self, sets, tmp_path):
        _, frames = sets
        dark = [self.noise(i, 20) for i in range(8)]
        ds = make_set(tmp_path / "dark", [(10, 10, 30, 30)] * 8, (96, 96), pictures=dark)
        linted = lint({**QUIET, "hsv_v": 0.4}, ds, deploy=self.PROFILE, reference=frames)
        assert linted.findings.num_rows == 0
        assert any("100 % of the set's own pictures" in note for note in linted.notes)

    def test_frames_that_cannot_be_read(self, sets, tmp_path):
        ds, frames = sets
        (frames / "broken.png").write_bytes(b"no picture")
        linted = lint({**QUIET, "hsv_v": 0.1}, ds, deploy=self.PROFILE, reference=frames)
        assert any("1 of 13 frames could not be read" in note for note in linted.notes)
        empty = tmp_path / "empty"
        empty.mkdir()
        with pytest.raises(fl.DatasetError):
            lint({**QUIET, "hsv_v": 0.1}, ds, reference=empty)
        (empty / "a.png").write_bytes(b"no picture")
        with pytest.raises(fl.DatasetError, match="no frame in it can be read"):
            lint({**QUIET, "hsv_v": 0.1}, ds, reference=empty)

    def test_gray_frames_of_another_size(self, sets, tmp_path):
        ds, _ = sets
        gray = tmp_path / "gray"
        gray.mkdir()
        for i in range(4):
            picture = cv2.cvtColor(self.noise(i, 110 + 6 * i, size=200), cv2.COLOR_BGR2GRAY)
            cv2.imwrite(str(gray / f"{i}.png"), picture)
        rows = lint({**QUIET, "hsv_v": 0.8}, ds, deploy=self.PROFILE, reference=gray).findings
        assert rows["code"].to_pylist() == ["FL906"]

    def test_the_same_every_time(self, sets):
        ds, frames = sets
        options = {"deploy": self.PROFILE, "reference": frames}
        noisy = ["GaussianNoise(sigma=0.15)", "ColorJitter(brightness=0.9)"]
        first = lint(noisy, ds, **options).findings
        assert first.num_rows == 2 and lint(noisy, ds, **options).findings.equals(first)


class TestSettings:
    def test_thresholds_and_severities_of_the_configuration(self):
        own = Config(rules={"FL901": {"max_degrees": 20}, "FL904": {"severity": "info"}})
        settings = {**QUIET, "degrees": 15.0, "mosaic": 0.5}
        assert found(settings, classes=["x"], settings=own) == [
            ("FL907", "warning"),
            ("FL904", "info"),
        ]
        ignored = Config(ignore=("FL904", "FL907"), select=("FL2",))
        assert found(settings, classes=["x"], settings=ignored) == [("FL901", "warning")]

    def test_unknown_keys_of_the_section(self):
        with pytest.raises(ConfigError, match="unknown key 'klasses'; did you mean 'classes'"):
            lint(QUIET, settings=Config(lint={"klasses": {}}))

    def test_wrong_arguments(self):
        with pytest.raises(TypeError, match="classes"):
            lint(QUIET, classes="person")
        with pytest.raises(TypeError, match="classes"):
            lint(QUIET, classes=[3])
        for value in (0, -1, float("nan"), float("inf"), "5M", True):
            with pytest.raises(ValueError, match="parameters"):
                lint(QUIET, parameters=value)
        with pytest.raises(ConfigError, match="no such profile"):
            lint(QUIET, deploy="edge-6400")


def test_errors_are_what_augment_refuses():
    flip = {"stages": [{"op": "flip", "p": 0.5}, {"op": "rotate", "degrees": [-20, 20]}]}
    (message,) = errors(flip, classes=["exit sign"], settings=PLAIN)
    assert message.startswith("FL903 mirrored-class: flip")
    assert errors(flip, classes=["person"], settings=PLAIN) == []


def test_check_runs_none_of_them(tmp_path):
    ds = make_set(tmp_path, [(0, 0, 50, 50)], names=("exit sign",))
    report = fl.check(ds, select=["FL9"])
    assert report.findings.num_rows == 0


@pytest.mark.parametrize("name", ["person", "raccoon", "RBC"])
def test_the_default_recipe_has_no_finding(name):
    from fastlabel.augment import Recipe

    linted = lint(Recipe.default(), classes=[name])
    assert linted.findings.num_rows == 0 and linted.pipeline.source == "default recipe"


def test_the_real_sets(shared_data):
    ds = fl.read(shared_data / "bccd")
    linted = lint(DEFAULTS, ds, deploy="mcu-96")
    codes = linted.findings["code"].to_pylist()
    assert "FL905" in codes and "FL903" not in codes
