"""fastlabel preprocess and fastlabel parity."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

import fastlabel as fl


@pytest.fixture
def pictures(tmp_path):
    rng = np.random.default_rng(4)
    img = cv2.GaussianBlur(rng.integers(0, 256, (90, 130, 3), np.uint8), (5, 5), 0)
    for name in ("a.png", "b.ppm", "c.jpg"):
        cv2.imwrite(str(tmp_path / name), img)
    (tmp_path / "d.nv12").write_bytes(rng.integers(0, 256, (72, 64), np.uint8).tobytes())
    return tmp_path


def test_a_recipe_is_written(cli, tmp_path):
    out = tmp_path / "preprocess.json"
    done = cli("preprocess", "--deploy", "doorbell-416", "-o", out)
    assert done.code == 0 and "416 x 416 rgb float32 nchw" in done.out
    assert fl.Preprocess.load(out) == fl.Preprocess.from_deploy("doorbell-416")
    words = "--size 320x192 --fit stretch --interpolation area --order bgr --layout nhwc"
    words += " --dtype int8 --quantize 0.0187 -14 --mean 0.485,0.456,0.406 --std 0.5 --color 0"
    assert cli("preprocess", *words.split(), "--top-left", "--no-enlarge", "-o", out).code == 0
    assert fl.Preprocess.load(out) == fl.Preprocess(
        (320, 192),
        stretch=True,
        interpolation="area",
        order="bgr",
        layout="nhwc",
        dtype="int8",
        quantize=(0.0187, -14),
        mean=(0.485, 0.456, 0.406),
        std=0.5,
        color=0,
        center=False,
        scale_up=False,
    )


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("", "give --deploy, or --size"),
        ("--size 0", "size"),
        ("--size 32 --dtype int8", "quantize"),
        ("--size 32 --mean a", "no list of numbers"),
        ("--size 32 --mean 1,2", "mean"),
        ("--size 32 --color 1.5", "color"),
        ("--deploy edge-641", "edge-640"),
    ],
)
def test_a_recipe_that_cannot_be_is_not_written(cli, words, said, tmp_path):
    done = cli("preprocess", *words.split(), "-o", tmp_path / "p.json")
    assert done.code == 2 and said in done.err and not (tmp_path / "p.json").exists()


def test_one_hash_a_picture(cli, pictures):
    recipe = fl.Preprocess((64, 48), dtype="int8", quantize=(0.01, 3))
    recipe.save(pictures / "r.json")
    names = [pictures / name for name in ("a.png", "b.ppm", "c.jpg")]
    done = cli("parity", pictures / "r.json", *names)
    assert done.code == 0
    lines = [line.split("  ", 1) for line in done.out.splitlines()]
    assert [name for _, name in lines] == [str(name) for name in names]
    expected = [recipe.hash(cv2.imread(str(name))) for name in names]
    assert [value for value, _ in lines] == expected
    assert expected[0] == expected[1] != expected[2]


def test_raw_frames(cli, pictures):
    recipe = fl.Preprocess(32)
    recipe.save(pictures / "r.json")
    raw = pictures / "d.nv12"
    frame = np.frombuffer(raw.read_bytes(), np.uint8).reshape(72, 64)
    words = ("--format", "nv12", "--size", "64x48")
    done = cli("parity", pictures / "r.json", raw, *words, "--window", "2,4,40,30")
    assert done.out.split()[0] == recipe.hash(frame, format="nv12", window=(2, 4, 40, 30))
    done = cli("parity", pictures / "r.json", raw, *words, "--matrix", "bt709", "--full-range")
    assert done.out.split()[0] == recipe.hash(frame, format="nv12", matrix="bt709", full_range=True)
    for size, said in (("64x46", "has 4608 bytes, expected 4416"), ("63x48", "even")):
        done = cli("parity", pictures / "r.json", raw, "--format", "nv12", "--size", size)
        assert done.code == 1 and said in done.err
    assert cli("parity", pictures / "r.json", raw, "--format", "nv12").code == 2


def test_a_bad_picture_does_not_end_the_run(cli, pictures):
    fl.Preprocess(32).save(pictures / "r.json")
    (pictures / "bad.png").write_bytes(b"\x89PNG\r\n\x1a\nnothing")
    done = cli(
        "parity", pictures / "r.json", pictures / "bad.png", pictures / "no", pictures / "a.png"
    )
    assert done.code == 1 and len(done.out.splitlines()) == 1
    assert "bad.png" in done.err and "No such file" in done.err
    (pictures / "old.json").write_text('{"fastlabel_preprocess": 0}')
    done = cli("parity", pictures / "old.json", pictures / "a.png")
    assert done.code == 2 and "expected version 1" in done.err and "old.json" in done.err
