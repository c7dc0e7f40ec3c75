"""Recipes: what they accept, and that a draw belongs to its seed, image, epoch and stage."""

from __future__ import annotations

import math

import numpy as np
import pytest

from fastlabel.augment import Recipe, Stage, operations
from fastlabel.augment.random import Draws, image_key
from fastlabel.config import ConfigError

RNG = np.random.default_rng(0)
PICTURE = RNG.integers(0, 256, (40, 60, 3), np.uint8)
BOXES = np.array([[5.0, 5.0, 25.0, 30.0], [30.0, 10.0, 55.0, 35.0]])


def recipe(*stages):
    return Recipe.from_dict({"stages": list(stages)})


def same(a, b):
    assert a.ledger == b.ledger
    for name in ("image", "boxes", "obb", "ignore", "kept"):
        assert np.array_equal(getattr(a, name), getattr(b, name), equal_nan=name == "obb"), name


# ---- what a recipe may say -------------------------------------------------------------


@pytest.mark.parametrize(
    ("stage", "said"),
    [
        ({"op": "gama"}, "stages[0]: op: unknown operation 'gama'; did you mean 'gamma'?"),
        ({"op": 3}, "unknown operation 3; expected a text"),
        ({"p": 1.0}, "stages[0]: no op"),
        ("gamma", "expected a table with op"),
        ({"op": "gamma", "gama": 1}, "unknown key 'gama'; did you mean 'gamma'?"),
        ({"op": "gamma", "gamma": -1}, "gamma: got -1, expected a number from 0.05 to 20"),
        ({"op": "gamma", "gamma": math.nan}, "gamma: got nan"),
        ({"op": "gamma", "gamma": [0.5, math.inf]}, "gamma: got [0.5, inf]"),
        ({"op": "gamma", "gamma": [2.0, 0.5]}, "the lower number first"),
        ({"op": "gamma", "gamma": [1.0]}, "gamma: got [1.0]"),
        ({"op": "gamma", "gamma": True}, "gamma: got True"),
        ({"op": "gamma", "gamma": "1"}, "gamma: got '1'"),
        ({"op": "gamma", "p": 1.5}, "p: got 1.5, expected a number from 0 to 1"),
        ({"op": "gamma", "p": math.nan}, "p: got nan"),
        ({"op": "gamma", "p": True}, "p: got True"),
        ({"op": "gamma", "group": 1}, "group: got 1"),
        ({"op": "sensor_noise", "read": -0.5}, "read: got -0.5"),
        ({"op": "motion_blur", "length": -3}, "length: got -3"),
        ({"op": "gaussian_blur", "sigma": math.nan}, "sigma: got nan"),
        ({"op": "salt_pepper", "amount": 1.5}, "amount: got 1.5"),
        ({"op": "jpeg", "quality": 50.5}, "quality: got 50.5, expected a whole number"),
        ({"op": "fog", "depth": "stereo"}, "depth: got 'stereo', expected one of none, rows"),
    ],
)
def test_wrong_stages_are_refused_with_place_value_and_remedy(stage, said):
    with pytest.raises(ConfigError) as error:
        recipe(stage)
    assert said in str(error.value)
    assert "stages[0]" in str(error.value)


def test_every_number_of_every_operation_refuses_what_is_none():
    for operation in operations():
        for parameter in operation.parameters:
            if parameter.choices or isinstance(parameter.default, bool):
                continue
            for wrong in (math.nan, math.inf, -math.inf, parameter.limits[0] - 1, [1, 2, 3], None):
                with pytest.raises(ConfigError, match=parameter.name):
                    recipe({"op": operation.name, parameter.name: wrong})


def test_every_default_is_within_its_limits_and_has_words():
    for operation in operations():
        assert operation.about.endswith(".")
        for parameter in operation.parameters:
            assert parameter.about, (operation.name, parameter.name)
            kept = parameter.check(parameter.default, parameter.name)
            if parameter.restrained is not None:
                lows = kept if isinstance(kept, tuple) else (kept, kept)
                assert parameter.restrained[0] <= lows[0] <= lows[1] <= parameter.restrained[1]


def test_unknown_keys_of_the_file_and_broken_files(tmp_path):
    with pytest.raises(ConfigError, match="unknown key 'stage'; did you mean 'stages'"):
        Recipe.from_dict({"stage": []})
    with pytest.raises(ConfigError, match="expected \\[\\[stages\\]\\] tables"):
        Recipe.from_dict({"stages": "gamma"})
    path = tmp_path / "recipe.toml"
    path.write_text('[[stages]]\nop = "gamma"\ngama = 2\n')
    with pytest.raises(ConfigError, match=r"recipe\.toml: stages\[0\] \(gamma\): unknown key"):
        Recipe.from_toml(path)
    path.write_text("[[stages")
    with pytest.raises(ConfigError, match="not valid TOML"):
        Recipe.from_toml(path)
    with pytest.raises(ConfigError, match="cannot be read"):
        Recipe.from_toml(tmp_path / "none.toml")


def test_a_recipe_survives_its_text(tmp_path):
    path = tmp_path / "r.toml"
    odd = Recipe((Stage("fog", 0.25, {"depth": "rows", "density": (0.5, 1)}, 'a "group"\n\x01'),))
    for one in (Recipe.default(), odd, Recipe(())):
        path.write_text(one.to_toml(), encoding="utf-8")
        assert Recipe.from_toml(path).stages == one.stages


# ---- draws -----------------------------------------------------------------------------


def test_draws_are_pinned_and_even():
    draws = Draws(0, image_key("a.jpg"), 0, "gamma#0")
    # Part of the promise: the same numbers on every machine and in every version.
    assert [draws.bits() for _ in range(2)] == [332307724354519866, 18206799643057233871]
    many = np.array([draws.unit() for _ in range(4000)])
    assert abs(many.mean() - 0.5) < 0.02 and abs(many.var() - 1 / 12) < 0.004
    assert {draws.below(3) for _ in range(100)} == {0, 1, 2}


def test_seed_image_epoch_and_stage_each_change_the_draw():
    one = recipe({"op": "gamma", "gamma": [0.5, 2.0]}, {"op": "gamma", "gamma": [0.5, 2.0]})
    base = one(PICTURE, seed=1, image_key="a", epoch=0).ledger
    assert base[0]["gamma"] != base[1]["gamma"]
    for other in ({"seed": 2}, {"image_key": "b"}, {"epoch": 1}, {"image_key": 0}):
        made = one(PICTURE, **({"seed": 1, "image_key": "a", "epoch": 0} | other)).ledger
        assert made[0]["gamma"] != base[0]["gamma"], other
    assert one(PICTURE, image_key=7).ledger != one(PICTURE, image_key="7").ledger
    assert one(PICTURE, image_key=np.int64(7)).ledger == one(PICTURE, image_key=7).ledger


def test_a_stage_less_changes_no_draw_of_the_others():
    noise = {"op": "sensor_noise", "read": [0.0, 9.0]}
    fog = {"op": "fog"}
    both = recipe(fog, noise)(PICTURE, image_key="x").ledger[1]
    alone = recipe(noise)(PICTURE, image_key="x").ledger[0]
    assert {**both, "stage": 0} == alone


def test_a_fixed_parameter_moves_no_other():
    free = recipe({"op": "sensor_noise"})(PICTURE).ledger[0]
    fixed = recipe({"op": "sensor_noise", "read": 2.0})(PICTURE).ledger[0]
    assert (free["shot"], free["colour"]) == (fixed["shot"], fixed["colour"])


def test_chances_are_met_and_a_group_gives_one_at_most():
    one = recipe(
        {"op": "gamma", "p": 0.25, "group": "light"},
        {"op": "brightness", "p": 0.5, "group": "light"},
        {"op": "contrast", "p": 0.25},
    )
    tiny = np.zeros((1, 1), np.uint8)
    counts = dict.fromkeys(("gamma", "brightness", "contrast"), 0)
    for key in range(2000):
        ops = [row["op"] for row in one(tiny, image_key=key).ledger]
        assert not {"gamma", "brightness"} <= set(ops)
        for op in ops:
            counts[op] += 1
    assert abs(counts["gamma"] - 500) < 80
    assert abs(counts["brightness"] - 1000) < 90
    assert abs(counts["contrast"] - 500) < 80
    with pytest.raises(ConfigError, match="group 'light': the chances of its stages sum to 1\\.2"):
        recipe(
            {"op": "gamma", "p": 0.6, "group": "light"},
            {"op": "contrast", "p": 0.6, "group": "light"},
        )


def test_the_ledger_repeats_the_picture():
    made = recipe({"op": "morning"}, {"op": "gaussian_blur"})(PICTURE, image_key="x")
    fixed = [{k: v for k, v in row.items() if k != "stage"} for row in made.ledger]
    again = recipe(*fixed)(PICTURE, image_key="other")
    assert np.array_equal(made.image, again.image)


# ---- one picture and many --------------------------------------------------------------


def test_the_same_bytes_twice_and_on_one_two_and_five_workers():
    images = [RNG.integers(0, 256, (40 + k, 60, 3), np.uint8) for k in range(12)]
    boxes = [BOXES] * 12
    keys = [f"{k}.jpg" for k in range(12)]
    every = recipe(*({"op": o.name, "p": 0.4} for o in operations() if o.kind != "stage"))
    first = every.batch(images, boxes, image_keys=keys, seed=3, epoch=2, workers=1)
    assert {row["op"] for made in first for row in made.ledger} >= {"rain", "jpeg", "infrared"}
    for workers in (1, 2, 5, 0):
        again = every.batch(images, boxes, image_keys=keys, seed=3, epoch=2, workers=workers)
        for a, b in zip(first, again, strict=True):
            same(a, b)
    for k in (0, 7):
        same(first[k], every(images[k], BOXES, image_key=keys[k], seed=3, epoch=2))


def test_nothing_given_is_written():
    image, boxes = PICTURE.copy(), BOXES.copy()
    image.flags.writeable = boxes.flags.writeable = False
    for operation in operations():
        if operation.kind == "stage":
            continue
        made = recipe({"op": operation.name})(image, boxes)
        assert not np.shares_memory(made.image, image), operation.name
        assert not np.shares_memory(made.boxes, boxes), operation.name
    made = Recipe(())(image[:, :, :1], boxes)
    made.image[:] = 0
    made.boxes[:] = 0
    assert np.array_equal(image, PICTURE) and np.array_equal(boxes, BOXES)


def test_tables_in_a_row_give_the_bytes_of_one_after_the_other():
    stages = [{"op": "evening"}, {"op": "gamma"}, {"op": "morning"}, {"op": "contrast"}]
    for picture in (PICTURE, PICTURE[:, :, 0]):
        fused = recipe(*stages)(picture)
        step = picture
        for row in fused.ledger:
            if picture.ndim == 2 and row["op"] in ("evening", "morning"):
                break  # one gray table is made of the three at the end
            step = recipe({k: v for k, v in row.items() if k != "stage"})(step).image
        else:
            assert np.array_equal(fused.image, step)


@pytest.mark.parametrize(
    ("wrong", "error", "said"),
    [
        ({"image": PICTURE.astype(np.uint16)}, TypeError, "image: got uint16"),
        ({"image": PICTURE / 255.0}, TypeError, "image: got float64"),
        ({"image": np.zeros((0, 5, 3), np.uint8)}, ValueError, "no pixels"),
        ({"image": np.zeros((5, 5, 2), np.uint8)}, ValueError, "image: got shape"),
        ({"image": [[1, 2]]}, TypeError, "image: got a list"),
        ({"boxes": [[0, 0, np.nan, 1]]}, ValueError, "boxes[0]"),
        ({"boxes": [[5, 5, 1, 1]]}, ValueError, "boxes[0]"),
        ({"boxes": [[1, 2, 3]]}, ValueError, "boxes: got shape"),
        ({"boxes": BOXES, "polygons": [None]}, ValueError, "polygons: got 1 entries"),
        ({"boxes": BOXES, "polygons": 5}, TypeError, "polygons: got int"),
        ({"boxes": BOXES, "polygons": [5, None]}, TypeError, "polygons[0]: got int"),
        ({"boxes": BOXES, "polygons": [[[1, 2]], None]}, ValueError, "polygons[0][0]"),
        ({"boxes": BOXES, "obb": np.zeros((2, 5))}, ValueError, "obb: got shape"),
        ({"ignore": [[0, 0, 1]]}, ValueError, "ignore: got shape"),
        ({"order": "gbr"}, ValueError, "order: got 'gbr'"),
        ({"seed": 0.5}, TypeError, "seed: got"),
        ({"epoch": "1"}, TypeError, "epoch: got"),
        ({"image_key": None}, TypeError, "image_key: got"),
    ],
)
def test_wrong_arguments_are_named(wrong, error, said):
    with pytest.raises(error) as caught:
        Recipe.default()(**({"image": PICTURE} | wrong))
    assert said in str(caught.value)


def test_wrong_batches_are_named():
    with pytest.raises(ValueError, match="boxes: got 1 entries, images has 2"):
        Recipe.default().batch([PICTURE] * 2, [BOXES])
    with pytest.raises(ValueError, match="image_keys: got 3 entries"):
        Recipe.default().batch([PICTURE] * 2, image_keys=[1, 2, 3])
    with pytest.raises(ValueError, match="workers: got -1"):
        Recipe.default().batch([PICTURE], workers=-1)
    with pytest.raises(TypeError, match="uint16"):
        Recipe.default().batch([PICTURE, PICTURE.astype(np.uint16)], workers=2)
    assert Recipe.default().batch([]) == []


def test_the_fourth_channel_is_left_alone_by_pixel_operations():
    image = RNG.integers(0, 256, (30, 40, 4), np.uint8)
    for operation in operations():
        if operation.kind != "pixel":
            continue
        one = recipe({"op": operation.name})
        made = one(image).image
        assert np.array_equal(made[:, :, 3], image[:, :, 3]), operation.name
        assert np.array_equal(made[:, :, :3], one(image[:, :, :3]).image), operation.name


def test_pictures_of_any_strides_and_sizes():
    wide = RNG.integers(0, 256, (31, 47, 3), np.uint8)
    views = [
        wide[::-1, ::-1],
        wide[::2, 1::3],
        wide.transpose(1, 0, 2),
        wide[:, :, 1],
        wide[:, :, :1],
    ]
    small = [wide[:1, :1], wide[:1], wide[:, :1], wide[:2, :3]]
    for operation in operations():
        if operation.kind != "pixel":
            continue
        one = recipe({"op": operation.name})
        for view in (*views, *small):
            made = one(view).image
            assert made.shape == view.shape and made.dtype == np.uint8
            assert np.array_equal(made, one(view.copy()).image), operation.name


def test_order_of_channels_is_minded():
    for operation in operations():
        # The noises draw for each channel in its place; JPEG's rounding of colour is its own.
        if operation.kind != "pixel" or operation.name in ("sensor_noise", "night"):
            continue
        one = recipe({"op": operation.name})
        bgr = one(PICTURE).image
        rgb = one(PICTURE[:, :, ::-1], order="rgb").image
        assert np.array_equal(bgr, rgb[:, :, ::-1]), operation.name


def test_no_stage_takes_the_last_box():
    corner = [[0.0, 0.0, 20.0, 14.0]]
    one = recipe({"op": "scale_crop", "scale": 2.0})
    ledgers = []
    for key in range(20):
        made = one(PICTURE, corner, image_key=key)
        assert made.kept.tolist() == [0]
        ledgers += made.ledger
        if "skipped" in made.ledger[0]:
            assert np.array_equal(made.image, PICTURE) and made.boxes.tolist() == corner
    assert {"would leave no box"} < {row.get("skipped") for row in ledgers}
    assert one(PICTURE, image_key=0).boxes.shape == (0, 4)
