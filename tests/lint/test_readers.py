"""Settings of four libraries, read into the same steps; what is wrong in them, named."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from fastlabel.config import ConfigError
from fastlabel.lint.reading import read_pipeline
from fastlabel.lint.ultralytics import parameters_of


def steps(config, **options):
    return {
        (s.kind, round(s.low, 3), round(s.high, 3), round(s.p, 3))
        for s in read_pipeline(config, **options).steps
    }


def saved(*transforms, name="Compose", **more):
    """What Albumentations saves."""
    return {
        "__version__": "2.0.8",
        "transform": {
            "__class_fullname__": name,
            "p": 1.0,
            "transforms": list(transforms),
            **more,
        },
    }


def one(name, **values):
    return {"__class_fullname__": name, "p": 0.5, **values}


QUIET = dict.fromkeys(("hsv_h", "hsv_s", "hsv_v", "translate", "scale", "fliplr", "mosaic"), 0.0)


class TestUltralytics:
    def test_the_defaults(self):
        path = Path(__file__).parents[2] / "examples" / "augmentation" / "args.yaml"
        read = read_pipeline(path)
        assert (read.library, read.model, read.parameters) == ("ultralytics", "yolo11n.pt", 2.6e6)
        assert read.input_size == 640 and not read.unread
        assert steps(path) == {
            ("hue", -5.4, 5.4, 1.0),
            ("gain", 0.6, 1.4, 1.0),
            ("scale", 0.5, 1.5, 1.0),
            ("mirror", 0, 0, 0.5),
            ("mosaic", 0, 0, 1.0),
        }

    def test_each_key(self):
        assert steps(QUIET) == set()
        for key, value, wanted in (
            ("degrees", 15, ("rotate", -15, 15, 1)),
            ("degrees", -15.0, ("rotate", -15, 15, 1)),
            ("shear", 3.0, ("shear", -3, 3, 1)),
            ("flipud", 0.25, ("upside-down", 0, 0, 0.25)),
            ("bgr", 0.1, ("recolour", 0, 0, 0.1)),
            ("mixup", 0.2, ("mixup", 0, 0, 0.2)),
            ("cutmix", 0.3, ("cutmix", 0, 0, 0.3)),
            ("hsv_s", 0.9, ("recolour", 0, 0, 1)),
            ("hsv_h", "1e-1", ("hue", -36, 36, 1)),  # what YAML 1.1 takes for a text
        ):
            assert steps({**QUIET, key: value}) == {wanted}, key
        assert steps({**QUIET, "multi_scale": True}) == {("scale", 0.5, 1.5, 1)}

    def test_what_is_absent_is_the_trainers_default_and_is_said(self):
        read = read_pipeline({"degrees": 5.0})
        assert {s.kind for s in read.steps} == {
            "rotate",
            "hue",
            "gain",
            "scale",
            "mirror",
            "mosaic",
        }
        assert "default" in read.unread[0] and "mosaic" in read.unread[0]

    @pytest.mark.parametrize(
        ("name", "millions"),
        [
            ("yolov8n.pt", 3.2),
            ("C:\\w\\YOLOv8n-seg.pt", 3.2),
            ("yolov5su.pt", 7.2),
            ("yolo12x.yaml", 59.1),
            ("best.pt", None),
            ("yolov8q.pt", None),
            ("", None),
        ],
    )
    def test_sizes_of_models(self, name, millions):
        found = parameters_of(name)
        assert found == (None if millions is None else millions * 1e6)

    @pytest.mark.parametrize(
        ("settings", "said"),
        [
            ({"mosiac": 1.0, "fliplr": 0.5}, "unknown key 'mosiac'; did you mean 'mosaic'"),
            ({"fliplr": 0.5, "flipld": 0}, "did you mean 'flip"),
            ({"fliplr": float("nan")}, "fliplr: got nan, expected a number from 0 to 1"),
            ({"fliplr": 1.5}, "fliplr: got 1.5, expected a number from 0 to 1"),
            ({"fliplr": -0.1}, "expected a number from 0 to 1"),
            ({"fliplr": True}, "fliplr: got True"),
            ({"fliplr": "often"}, "fliplr: got 'often'"),
            ({"fliplr": [0.5]}, "fliplr: got \\[0.5\\]"),
            ({"degrees": float("inf")}, "degrees: got inf"),
            ({"degrees": 10**400}, "degrees: got 1000"),
            ({"fliplr": 0.5, "imgsz": 0}, "imgsz: got 0"),
            ({"fliplr": 0.5, "imgsz": "big"}, "imgsz"),
            ({"fliplr": 0.5, 3: 4}, "key 3"),
        ],
    )
    def test_what_cannot_be_used(self, settings, said):
        with pytest.raises(ConfigError, match=said):
            read_pipeline(settings)


class TestAlbumentations:
    @pytest.mark.parametrize(
        ("transform", "wanted"),
        [
            (one("HorizontalFlip"), {("mirror", 0, 0, 0.5)}),
            (one("Rotate", limit=[-30.0, 30.0]), {("rotate", -30, 30, 0.5)}),
            (one("Rotate", limit=30), {("rotate", -30, 30, 0.5)}),
            (one("Rotate"), {("rotate", -90, 90, 0.5)}),
            (one("HueSaturationValue", hue_shift_limit=20, val_shift_limit=0, sat_shift_limit=0),
             {("hue", -40, 40, 0.5), ("shift", 0, 0, 0.5)}),
            (one("ColorJitter", brightness=0.3, contrast=[0.5, 1.5], saturation=[0, 1], hue=0.1),
             {("gain", 0.7, 1.3, 0.5), ("contrast", 0.5, 1.5, 0.5), ("hue", -36, 36, 0.5),
              ("recolour", 0, 0, 0.5)}),
            (one("RandomGamma", gamma_limit=[80, 120]), {("gamma", 0.8, 1.2, 0.5)}),
            (one("GaussNoise", std_range=[0.1, 0.2]), {("noise", 25.5, 51, 0.5)}),
            (one("GaussNoise", var_limit=[25, 100]), {("noise", 5, 10, 0.5)}),
            (one("Blur", blur_limit=7), {("blur", 0.816, 2, 0.5)}),
            (one("GaussianBlur", blur_limit=[0, 0], sigma_limit=[0.5, 3]), {("blur", 0.5, 3, 0.5)}),
            (one("MotionBlur", blur_limit=[5, 9]), {("motion", 5, 9, 0.5)}),
            (one("Affine", rotate=12, scale={"x": [0.5, 1.2], "y": 1.0}, shear=None),
             {("rotate", 12, 12, 0.5), ("scale", 0.5, 1.2, 0.5)}),
            (one("RandomScale", scale_limit=[-0.5, 0.1]), {("scale", 0.5, 1.1, 0.5)}),
            (one("D4"), {("mirror", 0, 0, 0.5), ("quarter", 0, 0, 0.5)}),
            (one("ToGray", always_apply=True), {("recolour", 0, 0, 1)}),
            (one("albumentations.augmentations.geometric.rotate.SafeRotate", limit=5),
             {("rotate", -5, 5, 0.5)}),
        ],
    )  # fmt: skip
    def test_transforms(self, transform, wanted):
        assert steps(saved(transform)) == wanted

    def test_how_boxes_follow(self):
        corners = read_pipeline(saved(one("Rotate", limit=30))).steps
        ellipse = read_pipeline(saved(one("Rotate", limit=30, rotate_method="ellipse"))).steps
        assert [s.boxes for s in corners + ellipse] == ["corners", "shape"]

    def test_shares_of_lists(self):
        choice = one("OneOf", transforms=[one("HorizontalFlip"), {**one("ToGray"), "p": 0.25}])
        assert steps(saved(choice)) == {
            ("mirror", 0, 0, round(0.5 * 2 / 3, 3)),
            ("recolour", 0, 0, round(0.5 / 3, 3)),
        }
        some = one("SomeOf", n=2, transforms=[one("HorizontalFlip")] + [one("NoOp")] * 3)
        assert steps(saved(some)) == {("mirror", 0, 0, 0.125)}
        other = {**one("OneOrOther"), "p": 0.3}
        other["transforms"] = [one("HorizontalFlip"), one("VerticalFlip")]
        assert steps(saved(other)) == {("mirror", 0, 0, 0.3), ("upside-down", 0, 0, 0.7)}
        never = {**one("OneOf", transforms=[one("HorizontalFlip")]), "p": 0.0}
        assert steps(saved(never)) == set()

    def test_what_no_rule_judges_is_said(self):
        read = read_pipeline(saved(one("ElasticTransform"), one("Resize")))
        assert read.steps == [] and "ElasticTransform" in read.unread[0] and len(read.unread) == 1

    @pytest.mark.parametrize(
        ("settings", "said"),
        [
            (saved(one("Rotate", limit=float("nan"))), r"transforms\[0\].limit: got nan"),
            (saved(one("Rotate", limit=[1, 2, 3])), r"expected one number or \[low, high\]"),
            (saved(one("Rotate", limit="far")), "limit: got 'far'"),
            (saved({**one("Rotate"), "p": 2}), r"transforms\[0\].p: got 2, expected"),
            (saved(one("MotionBlur", blur_limit=-3)), "blur_limit: got -3"),
            (saved({"limit": 3}), "__class_fullname__: got None"),
            (saved([]), "expected a table"),
            (saved("Rotate"), "expected a table"),
            ({"transform": {"__class_fullname__": "Compose"}}, "expected a list"),
            ({"transform": None}, "expected a table"),
            (saved(one("ColorJitter", hue=0.7)), "hue: got 0.7"),
        ],
    )
    def test_what_cannot_be_used(self, settings, said):
        with pytest.raises(ConfigError, match=said):
            read_pipeline(settings)


REPR = """Compose(
      RandomHorizontalFlip(p=0.5)
      RandomRotation(degrees=[-30.0, 30.0], interpolation=nearest, expand=False, fill=0)
      ColorJitter(brightness=(0.6, 1.4), hue=(-0.1, 0.1))
      RandomApply(
        GaussianBlur(kernel_size=(5, 5), sigma=[0.1, 2.0])
  )
      RandomChoice(transforms=[RandomInvert(p=0.5), Resize(size=[3])], p=[0.5, 0.5])
      ToDtype(scale=True)
      Lambda(<lambda>, types=['object'])
)
"""
CODE = """
v2.Compose([
    v2.RandomHorizontalFlip(0.5),
    v2.RandomRotation(30),  # degrees
    transforms.ColorJitter(0.4, hue=.1),
    v2.RandomApply([v2.GaussianBlur(5, sigma=(0.1, 2.0))], p=0.5),
    v2.RandomChoice([v2.RandomInvert(), v2.Resize([3])]),
    v2.ToDtype(torch.float32, scale=True),
])
"""
LISTED = [
    {"RandomHorizontalFlip": {"p": 0.5}},
    {"type": "RandomRotation", "degrees": 30},
    {"_target_": "torchvision.transforms.v2.ColorJitter", "brightness": 0.4, "hue": 0.1},
    {"RandomApply": [{"name": "GaussianBlur", "kernel_size": 5, "sigma": [0.1, 2.0]}]},
    {"RandomChoice": {"transforms": ["RandomInvert", {"Resize": [3]}]}},
    "ToDtype",
]


class TestTorchvision:
    WANTED = frozenset(
        {
            ("mirror", 0, 0, 0.5),
            ("rotate", -30, 30, 1),
            ("gain", 0.6, 1.4, 1),
            ("hue", -36, 36, 1),
            ("blur", 0.1, 2, 0.5),
            ("recolour", 0, 0, 0.25),
        }
    )

    def test_three_ways_of_writing_it(self, tmp_path):
        for name, text in (("a.txt", REPR), ("b.py", CODE), ("c.json", json.dumps(LISTED))):
            path = tmp_path / name
            path.write_text(text)
            assert steps(path) == self.WANTED, name
        (tmp_path / "d.yaml").write_text(REPR)  # YAML takes it for one text
        assert steps(LISTED) == self.WANTED

    def test_first_settings_without_names(self):
        assert steps(["RandomZoomOut(0, (1.0, 2.0), 0.5)"]) == {("scale", 0.5, 1, 0.5)}
        assert steps(["RandomAffine(10, scale=(0.5, 2), shear=[-5, 5, 0, 0])"]) == {
            ("rotate", -10, 10, 1),
            ("scale", 0.5, 2, 1),
            ("shear", -5, 5, 1),
        }
        assert steps(["MixUp(num_classes=3)", "CutMix"]) == {
            ("mixup", 0, 0, 1),
            ("cutmix", 0, 0, 1),
        }

    def test_what_no_rule_judges_is_said(self):
        read = read_pipeline(["RandAugment", "Lambda(<function f at 0x7f>)"])
        assert len(read.unread) == 2 and read.steps == []

    @pytest.mark.parametrize(
        ("settings", "said"),
        [
            ("Compose(", "got 'the end'|expected a list of torchvision"),
            ("Compose([RandomRotation(30)", "expected a list of torchvision"),
            ("RandomRotation(degrees=)", "expected a list of torchvision"),
            ("RandomRotation(30) RandomInvert()", "'RandomInvert'"),
            ("import os; os.system('x')", "expected a list of torchvision"),
            ("__import__('os').system('x')", "expected a list of torchvision"),
            ("RandomRotation(degrees=nan)", "degrees: got nan"),
            ("RandomRotation(degrees='x')", "degrees: got 'x'"),
            ("RandomHorizontalFlip(p=7)", "p: got 7"),
            ("ColorJitter(hue=0.9)", "hue: got 0.9"),
            ("GaussianNoise(sigma=-1)", "sigma: got -1"),
            ("RandomChoice([RandomInvert()], p=[1, 2])", "expected 1 weights"),
            ("RandomChoice([RandomInvert()], p=[0])", "a weight over 0"),
            ("[" * 5000, "nested too deep"),
            ("", "nothing in it|empty"),
            ("# only a comment", "nothing in it"),
            ("???", "expected a list of torchvision"),
        ],
    )
    def test_what_cannot_be_used(self, settings, said, tmp_path):
        path = tmp_path / "transforms.txt"
        path.write_text(settings)
        with pytest.raises(ConfigError, match=said):
            read_pipeline(path)

    @pytest.mark.parametrize("entry", [3, None, [], {"a": 1, "b": 2}, {"RandomRotation": 3.5j}])
    def test_entries_that_are_none(self, entry):
        with pytest.raises(ConfigError):
            read_pipeline([entry])


class TestRecipe:
    def test_stages(self):
        recipe = {
            "stages": [
                {"op": "flip", "p": 0.5},
                {"op": "rotate", "p": 0.2, "degrees": [-15, 15]},
                {"op": "scale_crop", "scale": [0.25, 1.0]},
                {"op": "gamma", "p": 0.3, "gamma": [0.2, 1.0]},
            ]
        }
        assert steps(recipe) == {
            ("mirror", 0, 0, 0.5),
            ("rotate", -15, 15, 0.2),
            ("scale", 0.25, 1, 1),
            ("light", 0, 1, 0.3),
        }
        read = read_pipeline(recipe).steps
        assert {s.boxes for s in read if s.kind == "rotate"} == {"shape"}
        (light,) = (s for s in read if s.kind == "light")
        assert light.beyond == ("gamma = 0.2 to 1, beyond 0.5 to 2",)
        grey = np.full((4, 4, 3), 100, np.uint8)
        assert light.apply(grey, 1.0).mean() == 100 < light.apply(grey, 0.0).mean()

    @pytest.mark.parametrize(
        ("recipe", "said"),
        [
            ({"stages": [{"op": "flop"}]}, "unknown operation 'flop'"),
            ({"stages": [{"op": "flip", "q": 1}]}, "unknown key 'q'"),
            ({"stages": [{"op": "gamma", "gamma": float("nan")}]}, "gamma: got nan"),
            ({"stages": [{"op": "gamma", "gamma": -1}]}, "gamma: got -1"),
            ({"stages": 3}, "stages"),
            ({"stages": [], "more": 1}, "unknown key 'more'"),
        ],
    )
    def test_what_cannot_be_used(self, recipe, said):
        with pytest.raises(ConfigError, match=said):
            read_pipeline(recipe)


class TestFiles:
    @pytest.mark.parametrize(
        ("name", "text", "said"),
        [
            ("a.yaml", "", "empty"),
            ("a.yaml", "# nothing", "empty"),
            ("a.yaml", "~", "nothing in it"),
            ("a.yaml", "{}", "nothing in it"),
            ("a.yaml", "[]", "nothing in it"),
            ("a.yaml", "3", "expected a table"),
            ("a.yaml", "fliplr: [", "not valid YAML"),
            ("a.yaml", "fliplr: 0.5\nfliplr: 0.1\n", "'fliplr' is given twice"),
            ("a.yaml", "fliplr: !!python/object/apply:os.system ['true']", "not valid YAML"),
            ("a.yaml", "&a [*a]", "holds itself"),
            ("a.yaml", "a: " + "[" * 200 + "]" * 200, "in one another|too deep"),
            ("a.yaml", "fliplr: .nan", "fliplr: got nan"),
            ("a.yaml", "when: 2020-99-99", "not valid YAML|not known"),
            ("a.yaml", "names: [cat]\nnc: 1", "not known as settings of augmentation"),
            ("a.json", "{", "not valid JSON"),
            ("a.json", '{"fliplr": NaN}', "fliplr: got nan"),
            ("a.json", '{"fliplr": 0.5, "fliplr": 0.1}', "given twice"),
            ("a.json", "[" * 100_000, "not valid JSON"),
            ("a.json", '{"fliplr": ' + "9" * 5000 + "}", "beyond belief|fliplr"),
            ("a.toml", "stages = ", "not valid TOML"),
            ("a.toml", "", "nothing in it"),
            ("a.toml", "[[stage]]\nop = 'flip'", "unknown key 'stage'"),
        ],
    )
    def test_what_cannot_be_read(self, tmp_path, name, text, said):
        path = tmp_path / name
        path.write_text(text)
        with pytest.raises(ConfigError, match=said) as caught:
            read_pipeline(path)
        assert str(path) in str(caught.value) and len(str(caught.value)) < 900

    def test_a_yaml_bomb_is_refused_at_once(self, tmp_path):
        lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
        lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 30)]
        (tmp_path / "a.yaml").write_text("\n".join([*lines, "fliplr: 0.5"]))
        with pytest.raises(ConfigError, match="once its aliases are written out"):
            read_pipeline(tmp_path / "a.yaml")

    def test_aliases_as_savers_write_them_are_read(self, tmp_path):
        text = "transform:\n  __class_fullname__: Compose\n  transforms:\n"
        text += "  - {__class_fullname__: Rotate, p: 1.0, limit: &x [-5, 5]}\n"
        text += "  - {__class_fullname__: SafeRotate, p: 1.0, limit: *x}\n"
        (tmp_path / "a.yaml").write_text(text)
        assert steps(tmp_path / "a.yaml") == {("rotate", -5, 5, 1)}

    def test_bytes_and_places(self, tmp_path):
        (tmp_path / "a.yaml").write_bytes(b"\xff\xfe\x00")
        with pytest.raises(ConfigError, match="UTF-8"):
            read_pipeline(tmp_path / "a.yaml")
        with pytest.raises(ConfigError, match="No such file"):
            read_pipeline(tmp_path / "none.yaml")
        with pytest.raises(ConfigError, match="directory"):
            read_pipeline(tmp_path)
        (tmp_path / "b.yaml").write_bytes(b"#" * (1 << 20) + b"\n")
        with pytest.raises(ConfigError, match="over 1,048,576 bytes"):
            read_pipeline(tmp_path / "b.yaml")
        with pytest.raises(ConfigError, match="kind"):
            read_pipeline({}, kind="keras")

    @pytest.mark.parametrize("config", [3, True, None, {}, [], ""])
    def test_objects_that_are_no_settings(self, config):
        with pytest.raises((ConfigError, TypeError)):
            read_pipeline(config)

    def test_bytes_at_random_never_crash(self, tmp_path):
        base = (REPR + CODE + json.dumps(LISTED) + json.dumps(saved(one("Rotate")))).encode()
        rng = np.random.default_rng(7)
        for i in range(300):
            part = bytearray(base[rng.integers(len(base)) :][: rng.integers(1, 600)])
            for _ in range(rng.integers(0, 6)):
                part[rng.integers(len(part))] = rng.integers(256)
            path = tmp_path / ("a" + (".txt", ".yaml", ".json", ".toml")[i % 4])
            path.write_bytes(bytes(part))
            try:
                read_pipeline(path)
            except ConfigError as error:
                assert str(path) in str(error)
