"""fl.Preprocess and preprocess.json: read strictly, written exactly, the same on both sides."""

from __future__ import annotations

import json
import math
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import xxhash
from hypothesis import given, settings
from hypothesis import strategies as st

import fastlabel as fl
from fastlabel import deploy
from fastlabel.config import ConfigError

FULL = fl.Preprocess(
    (640, 384),
    interpolation="area",
    layout="nhwc",
    dtype="int8",
    order="bgr",
    color=(1, 2, 255),
    scale=1 / 58.395,
    mean=(2.1179, 2.0357, 1.8044),
    std=(1.0, 0.5, 3.25),
    quantize=(0.018658448, -14),
    center=False,
    scale_up=False,
    stretch=True,
)


def picture(height: int = 48, width: int = 77, channels: int = 3) -> np.ndarray:
    shape = (height, width) if channels == 1 else (height, width, channels)
    return np.random.default_rng(7).integers(0, 256, shape, np.uint8)


# ---- the file


def test_a_recipe_is_what_was_saved(tmp_path):
    FULL.save(tmp_path / "preprocess.json")
    assert fl.Preprocess.load(tmp_path / "preprocess.json") == FULL
    assert hash(fl.Preprocess.load(tmp_path / "preprocess.json")) == hash(FULL)
    assert list(tmp_path.iterdir()) == [tmp_path / "preprocess.json"]
    # Any JSON reader understands it, and finds each setting by its name.
    read = json.loads((tmp_path / "preprocess.json").read_text())
    assert read.pop("fastlabel_preprocess") == 1
    assert (read.pop("width"), read.pop("height")) == FULL.size
    assert read.pop("quantize") == {"scale": 0.018658448, "zero_point": -14}
    for key, value in read.items():
        own = getattr(FULL, key)
        assert value == (list(own) if key == "color" else value)
        if key in ("mean", "std", "scale"):
            assert np.array_equal(np.float32(value), np.float32(own))
    # Keys in any order, and any space between them.
    turned = json.dumps(dict(reversed(json.loads(FULL.to_json()).items())), indent=7)
    assert fl.Preprocess.from_json(turned) == FULL


finite = st.floats(width=32, allow_nan=False, allow_infinity=False)
positive = finite.map(abs).filter(lambda v: np.float32(v) > 0)


@settings(deadline=None, max_examples=60)
@given(st.data())
def test_every_recipe_survives_its_file(data):
    draw = data.draw
    order = draw(st.sampled_from(["rgb", "bgr", "gray"]))
    n = 1 if order == "gray" else 3
    dtype = draw(st.sampled_from(["float32", "float16", "uint8", "int8"]))
    quantize = None
    if dtype == "int8" or (dtype == "uint8" and draw(st.booleans())):
        low = -128 if dtype == "int8" else 0
        quantize = (draw(positive), draw(st.integers(low, low + 255)))
    numbers = {}
    if dtype != "uint8" or quantize is not None:
        numbers = {
            "scale": draw(finite.filter(lambda v: v != 0)),
            "mean": draw(st.lists(finite, min_size=n, max_size=n)),
            "std": draw(st.lists(positive, min_size=n, max_size=n)),
        }
    recipe = fl.Preprocess(
        draw(st.tuples(st.integers(1, 65535), st.integers(1, 65535))),
        interpolation=draw(st.sampled_from(["linear", "area"])),
        layout=draw(st.sampled_from(["nchw", "nhwc"])),
        dtype=dtype,
        order=order,
        color=draw(st.lists(st.integers(0, 255), min_size=n, max_size=n)),
        quantize=quantize,
        center=draw(st.booleans()),
        scale_up=draw(st.booleans()),
        stretch=draw(st.booleans()),
        **numbers,
    )
    assert fl.Preprocess.from_json(recipe.to_json()) == recipe
    assert eval(repr(recipe), {"Preprocess": fl.Preprocess}) == recipe


def nearest_float32(text: str) -> float:
    """The float32 nearest to a decimal, halves to even: from exact fractions."""
    exact = Fraction(text)
    guess = np.float32(float(exact))
    ends = np.float32(-np.inf), np.float32(np.inf)
    around = [np.nextafter(guess, ends[0]), guess, np.nextafter(guess, ends[1])]
    best = min(abs(Fraction(float(v)) - exact) for v in around if np.isfinite(v))
    found = [v for v in around if np.isfinite(v) and abs(Fraction(float(v)) - exact) == best]
    even = [v for v in found if len(found) == 1 or int(v.view(np.uint32)) % 2 == 0]
    return float(even[0])


@settings(deadline=None, max_examples=60)
@given(st.integers(1, 10**19 - 1), st.integers(-50, 18))
def test_a_decimal_becomes_the_nearest_float32(digits, exponent):
    text = f"{digits}e{exponent}"
    recipe = fl.Preprocess.from_json(
        fl.Preprocess(8).to_json().replace('"mean": [0, 0, 0]', f'"mean": [{text}, 0, -{text}]')
    )
    assert recipe.mean == (nearest_float32(text), 0, -nearest_float32(text))


def test_a_decimal_between_two_floats_is_rounded_once():
    # A double, rounded, lies on the middle; the decimal does not, and so NumPy's way is wrong.
    text = "1.000000178813934326"
    assert float(np.float32(float(text))) != nearest_float32(text)
    old = fl.Preprocess(8).to_json()
    recipe = fl.Preprocess.from_json(old.replace('"std": [1,', f'"std": [{text},'))
    assert recipe.std[0] == nearest_float32(text)


BAD = [
    ('"fastlabel_preprocess": 1', '"fastlabel_preprocess": 2', "line 2, column 27: fast"),
    ('"fastlabel_preprocess": 1', '"fastlabel_preprocess": "1"', "expected version 1"),
    ('"width": 640', '"width": 0', "line 3, column 12: width: got 0, expected a whole number"),
    ('"width": 640', '"width": 1e3', "width: got 1e3"),
    ('"width": 640', '"width": 640, "width": 640', "width stands twice"),
    ('"width": 640', '"wdth": 640', 'unknown key "wdth"; remove it, or write one of'),
    ('"width": 640,', "", 'the key width is missing; add "width": 640'),
    ('"scale": 0.017124753', '"scale": 0', "scale: got 0, expected a number other than 0"),
    ('"scale": 0.017124753', '"scale": NaN', "scale: got NaN"),
    ('"scale": 0.017124753', '"scale": 1e39', "scale: got 1e39"),
    ("0.018658448", "0", "quantize: scale: got 0, expected a number over 0"),
    ("-14", "-129", "quantize: zero_point: got -129"),
    ('"int8"', '"int4"', 'dtype: got "int4", expected one of "float32"'),
    ('"bgr"', '"bgra"', 'order: got "bgra"'),
    ("}\n}", "}\n}}", "expected the end of the file"),
    ("{\n", "\ufeff{\n", "byte order mark"),
]


@pytest.mark.parametrize(("old", "new", "said"), BAD)
def test_a_bad_recipe_is_refused_with_place_value_and_remedy(old, new, said, tmp_path):
    text = FULL.to_json()
    assert old in text
    path = tmp_path / "bad.json"
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(ConfigError) as error:
        fl.Preprocess.load(path)
    assert str(error.value).startswith(f"{path}: line ") and said in str(error.value)


def test_what_json_has_twice_or_leaves_out_is_no_recipe(tmp_path):
    values = json.loads(FULL.to_json())
    for key in values:
        left = {k: v for k, v in values.items() if k != key}
        with pytest.raises(ValueError, match=key):
            fl.Preprocess.from_json(json.dumps(left))
    for key in values:
        twice = FULL.to_json()[:-3] + f', "{key}": {json.dumps(values[key])}\n}}\n'
        with pytest.raises(ValueError, match=f"{key}( stands twice|:)"):
            fl.Preprocess.from_json(twice)
    for other in ("", "[]", "null", "{}", '{"a": 1}', "x" * 70_000):
        with pytest.raises(ValueError, match="line 1, column"):
            fl.Preprocess.from_json(other)
    with pytest.raises(ConfigError, match="cannot be read"):
        fl.Preprocess.load(tmp_path / "none.json")
    with pytest.raises(ConfigError, match="cannot be read"):
        fl.Preprocess.load(tmp_path)
    with pytest.raises(fl.DatasetError, match="cannot be written"):
        FULL.save(tmp_path / "no" / "such" / "folder.json")


def test_no_damage_breaks_the_reader():
    rng = np.random.default_rng(5)
    good = FULL.to_json().encode()
    for _ in range(3000):
        text = bytearray(good)
        for _ in range(rng.integers(1, 4)):
            at = int(rng.integers(len(text)))
            if rng.integers(2):
                text[at] = int(rng.integers(256))
            else:
                del text[at : at + int(rng.integers(1, 9))]
        try:
            recipe = fl.Preprocess.from_json(bytes(text))
        except ValueError as error:
            assert str(error).startswith("line ") and str(error).isprintable()
        else:
            assert fl.Preprocess.from_json(recipe.to_json()) == recipe


# ---- its settings


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"size": 0}, "size"),
        ({"size": 65536}, "65536"),
        ({"size": (1, 2, 3)}, "size"),
        ({"dtype": "int8"}, "quantize"),
        ({"quantize": (1, 0)}, "quantize"),
        ({"dtype": "float16", "quantize": (1, 0)}, "quantize"),
        ({"dtype": "int8", "quantize": (0, 0)}, "quantize"),
        ({"dtype": "int8", "quantize": (1, 128)}, "zero point"),
        ({"dtype": "float64"}, "dtype"),
        ({"dtype": "uint8", "mean": 0.5}, "own bytes"),
        ({"dtype": "uint8", "scale": 1 / 255}, "own bytes"),
        ({"order": "rgba"}, "order"),
        ({"layout": "chwn"}, "layout"),
        ({"interpolation": "cubic"}, "interpolation"),
        ({"order": "gray", "mean": (0, 0, 0)}, "mean"),
        ({"mean": (0, 0)}, "mean"),
        ({"std": 0}, "std"),
        ({"std": math.nan}, "std"),
        ({"scale": 0}, "scale"),
        ({"scale": math.inf}, "scale"),
        ({"color": 256}, "color"),
        ({"center": 1}, "center"),
    ],
)
def test_settings_that_cannot_be_are_refused(settings, said):
    with pytest.raises((TypeError, ValueError), match=said):
        fl.Preprocess(settings.pop("size", 8), **settings)


def test_a_recipe_does_not_change():
    with pytest.raises(AttributeError):
        FULL.size = (1, 1)


def test_of_a_deployment_profile(tmp_path):
    assert fl.Preprocess.from_deploy("edge-640") == fl.Preprocess(640)
    micro = fl.Preprocess.from_deploy("mcu-96", order="gray", dtype="int8", quantize=(1, 0))
    assert (micro.size, micro.stretch, micro.channels) == ((96, 96), True, 1)
    (tmp_path / "porch.toml").write_text("input_width = 320\ninput_height = 192\nstrides = [8]\n")
    porch = fl.Preprocess.from_deploy(tmp_path / "porch.toml")
    assert (porch.size, porch.stretch) == ((320, 192), False)
    assert fl.Preprocess.from_deploy(deploy.load("edge-640"), size=320).size == (320, 320)
    with pytest.raises(ConfigError, match="edge-64"):
        fl.Preprocess.from_deploy("edge-64")


# ---- its use


def test_it_is_letterbox_with_these_settings():
    img = picture()
    array, transform = FULL(img)
    assert array.shape == FULL.shape == (1, 384, 640, 3)
    # The same by hand: BGR stays BGR, so the numbers' order is the picture's.
    expected, placed = fl.letterbox(
        img,
        (640, 384),
        interpolation="area",
        layout="nhwc",
        dtype="int8",
        color=(1, 2, 255),
        scale=1 / 58.395,
        mean=(2.1179, 2.0357, 1.8044),
        std=(1.0, 0.5, 3.25),
        quantize=(0.018658448, -14),
        center=False,
        scale_up=False,
        stretch=True,
    )
    assert np.array_equal(array, expected) and transform == placed


def test_numbers_are_in_the_order_of_the_input():
    recipe = fl.Preprocess(16, color=(10, 20, 30), mean=(0.1, 0.2, 0.3), std=(1, 2, 4))
    img = picture(8, 16)
    array, _ = recipe(img)
    rgb = np.full((16, 16, 3), (10, 20, 30), np.uint8)
    rgb[4:12] = img[:, :, ::-1]
    scaled = rgb.astype(np.float32) * np.float32(1 / 255)
    expected = (scaled - np.float32((0.1, 0.2, 0.3))) / np.float32((1, 2, 4))
    assert np.array_equal(array[0], expected.transpose(2, 0, 1))
    # The same picture, its channels told to be RGB, gives the same input from other bytes.
    assert np.array_equal(recipe(img[:, :, ::-1], format="rgb")[0], array)


def test_boxes_go_there_and_back():
    recipe = fl.Preprocess((640, 384))
    boxes = np.array([[10.5, 20, 300, 401.25], [0, 0, 1280, 720]])
    there = recipe.boxes_to_input(boxes, (1280, 720))
    _, transform = recipe(np.zeros((720, 1280, 3), np.uint8))
    assert transform == recipe.transform((1280, 720))
    assert np.array_equal(there, transform.to_input(boxes))
    np.testing.assert_allclose(recipe.boxes_to_image(there, (1280, 720)), boxes, atol=1e-9)
    clipped = recipe.boxes_to_image([[-50, -50, 900, 900]], (1280, 720), clip=True)
    assert clipped.tolist() == [[0, 0, 1280, 720]]
    window = (100, 60, 740, 444)
    assert recipe.boxes_to_input([[100, 60, 110, 80]], (1280, 720), window=window).tolist() == [
        [0, 0, 10, 20]
    ]
    back = recipe.boxes_to_image([[-5, 0, 10, 20]], (1280, 720), window=window, clip=True)
    assert back.tolist() == [[100, 60, 110, 80]]
    with pytest.raises(ValueError, match="window"):
        recipe.transform((1280, 720), window=(0, 0, 1281, 10))
    with pytest.raises(ValueError, match="size"):
        recipe.transform((0, 720))


@pytest.mark.parametrize("dtype", ["float32", "float16", "uint8"])
def test_the_hash_is_of_bytes_and_text(dtype):
    recipe = fl.Preprocess((32, 24), dtype=dtype, layout="nhwc")
    img = picture()
    array, _ = recipe(img)
    text = f"{dtype} nhwc 1x24x32x3".encode()
    assert recipe.hash(img) == xxhash.xxh3_128_hexdigest(array.tobytes() + text)
    assert recipe.hash([img, img[::-1]]) == [recipe.hash(img), recipe.hash(img[::-1])]
    turned = fl.Preprocess((24, 32), dtype=dtype, layout="nhwc")
    assert turned.hash(np.zeros_like(img)) != recipe.hash(np.zeros_like(img))


def test_it_needs_numpy_alone(tmp_path):
    import subprocess
    import sys

    program = (
        "import sys\n"
        "for name in ('pyarrow', 'cv2', 'numba', 'click', 'rich'): sys.modules[name] = None\n"
        "import numpy as np, fastlabel as fl\n"
        "r = fl.Preprocess.from_deploy('edge-640')\n"
        "r.save(sys.argv[1])\n"
        "r = fl.Preprocess.load(sys.argv[1])\n"
        "print(r.hash(np.zeros((9, 9, 3), np.uint8)))\n"
    )
    path = Path(tmp_path, "preprocess.json")
    done = subprocess.run(
        [sys.executable, "-c", program, path], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == fl.Preprocess(640).hash(np.zeros((9, 9, 3), np.uint8))
