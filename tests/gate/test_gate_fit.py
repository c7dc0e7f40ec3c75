"""Limits fitted to good images: the share they let pass, what is left out, and the files."""

from __future__ import annotations

import json
import re
import shutil
import subprocess

import cv2
import numpy as np
import pytest
from click.testing import CliRunner

import fastlabel as fl
from fastlabel.cli import _group
from fastlabel.gate import fit as fitting


def scene(seed, side=160):
    """A sharp picture of its own light."""
    rng = np.random.default_rng(seed)
    image = np.full((side, side + 40, 3), rng.integers(60, 180), np.uint8)
    for _ in range(40):
        at = tuple(int(v) for v in rng.integers(0, side, 2))
        color = tuple(int(v) for v in rng.integers(0, 256, 3))
        cv2.circle(image, at, int(rng.integers(3, 20)), color, -1)
    return image


@pytest.fixture
def folder(tmp_path):
    root = tmp_path / "set *\\ of ?? pictures"
    root.mkdir()
    for k in range(30):
        cv2.imwrite(str(root / f"{k:02d}.png"), scene(k))
    cv2.imwrite(str(root / "dark.png"), scene(99) // 12)
    cv2.imwrite(str(root / "soft.png"), cv2.GaussianBlur(scene(98), (0, 0), 6))
    return root


@pytest.mark.parametrize("share", [0.5, 0.9, 0.98, 1.0])
def test_the_share_passes_and_the_gate_agrees(folder, share):
    fit = fl.fit_gate(folder, 80, 60, share=share)
    assert fit.good == 30
    assert fit.left_out == {"with a quality finding": 2}
    assert fit.passed >= np.ceil(share * 30)
    if share < 0.95:
        assert fit.passed < 30
    # By the gate itself, one by one.
    passed = 0
    for k in range(30):
        gray = cv2.cvtColor(cv2.imread(str(folder / f"{k:02d}.png")), cv2.COLOR_BGR2GRAY)
        small, smaller = fitting.sized(gray, (80, 60))
        assert not smaller
        assert abs(small.size - 80 * 60) < 100
        gate = fl.FrameGate(small.shape[1], small.shape[0], fit.limits)
        passed += gate(small).ok
    assert passed == fit.passed
    for name in ("dark", "soft"):
        gray = cv2.imread(str(folder / f"{name}.png"), cv2.IMREAD_GRAYSCALE)
        small, _ = fitting.sized(gray, (80, 60))
        assert not fl.FrameGate(small.shape[1], small.shape[0], fit.limits)(small).ok


def test_limits_are_the_outermost_values_of_those_kept():
    rng = np.random.default_rng(4)
    values = rng.integers(0, 10_000, (200, 5))
    for share in (0.6, 0.95, 1.0):
        limits = fitting._limits(values, share)
        passes = fitting._passes(np.column_stack([values, np.ones(200, int)]), limits)
        assert passes.mean() >= share
        columns = dict(zip(dict.fromkeys(fitting.MEASURES.values()), values.T, strict=True))
        for limit, name in fitting.MEASURES.items():
            assert limits[limit] in columns[name]
    # Nothing is cut off where nothing lies outside.
    whole = fitting._limits(values, 1.0)
    assert whole["min_light"] == columns["light"].min()
    assert whole["max_bright"] == columns["bright"].max()


def test_it_depends_on_no_worker_and_no_path(folder, tmp_path):
    one = fl.fit_gate(folder, 80, 60, workers=1)
    copy = tmp_path / "elsewhere" / folder.name
    copy.parent.mkdir()
    shutil.copytree(folder, copy)
    other = fl.fit_gate(copy, 80, 60, workers=3)
    assert one.header() == other.header()
    assert one.json() == other.json()
    assert str(tmp_path) not in one.header() + one.json()


def test_video_range(folder):
    full = fl.fit_gate(folder, 80, 60).limits
    limited = fl.fit_gate(folder, 80, 60, light="limited").limits
    assert limited.min_light == pytest.approx(16 + full.min_light * 219 / 255, abs=0.6)
    table = fitting._LIMITED
    expected = np.floor(16 + 219 / 255 * np.arange(256) + 0.5)
    assert (table == expected).all()
    assert (table[0], table[255]) == (16, 235)


def test_unreadable_images_are_named_and_the_rest_is_fitted(folder):
    (folder / "broken.png").write_bytes((folder / "03.png").read_bytes()[:40])
    fit = fl.fit_gate(folder, 80, 60)
    assert fit.good == 30
    assert fit.left_out["unreadable"] == 1
    assert fit.unreadable == ("broken.png",)


def test_no_good_image_is_an_error(tmp_path):
    cv2.imwrite(str(tmp_path / "a.png"), np.zeros((90, 90), np.uint8))
    with pytest.raises(fl.DatasetError, match=r"no image is good enough.*1 with a quality"):
        fl.fit_gate(tmp_path, 32, 32)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [({"share": 0}, "share"), ({"share": 1.5}, "share"), ({"light": "half"}, "light"),
     ({"min_motion": -1}, "min_motion"), ({"width": 0}, "width"), ({"height": 99999}, "height")],
)  # fmt: skip
def test_wrong_arguments(folder, wrong, message):
    sides = {"width": 80, "height": 60} | wrong
    with pytest.raises(ValueError, match=message):
        fl.fit_gate(folder, **sides)


# ---- the command ------------------------------------------------------------------------


def run(*words):
    return CliRunner().invoke(_group, [str(word) for word in words], standalone_mode=False)


def test_the_header_compiles_and_holds_the_limits(folder, tmp_path):
    out = tmp_path / "out" / "gate.h"
    done = run("gate", folder, "--size", "80x60", "-o", out, "--prefix", "Door")
    assert done.return_value == 0, done.output
    assert "30 good images pass at 80 x 60" in done.output
    text = out.read_text(encoding="ascii")
    assert text.count("*/") == text.count("/*")
    assert str(tmp_path) not in text
    kept = json.loads((tmp_path / "out" / "gate.json").read_text())
    fit = fl.fit_gate(folder, 80, 60)
    assert fl.GateLimits.load(tmp_path / "out" / "gate.json") == fit.limits
    assert kept["width"] == 80
    if shutil.which("cc") is None:
        pytest.skip("cc is not on this machine")
    program = tmp_path / "p.c"
    program.write_text(
        '#include "gate.h"\n#include <stdio.h>\nint main(void) {\n'
        '  printf("%u %u %u %u %u %u %u %d %d %d\\n", door_options.min_sharpness, '
        "door_options.min_acutance, door_options.min_light, door_options.max_light, "
        "door_options.max_dark, door_options.max_bright, door_options.min_motion, DOOR_WIDTH, "
        "DOOR_HEIGHT, (int)(door_options.struct_size == sizeof door_options));\n  return 0;\n}\n"
    )
    flags = ["-std=c99", "-Wall", "-Wextra", "-Werror", f"-I{fl.get_include()}", f"-I{out.parent}"]
    subprocess.run(["cc", *flags, str(program), "-o", str(tmp_path / "p")], check=True)
    said = subprocess.run([str(tmp_path / "p")], capture_output=True, text=True, check=True).stdout
    assert list(map(int, said.split())) == [*fit.limits.fixed().values(), 80, 60, 1]


def test_the_camera_of_a_deployment(folder, tmp_path):
    profile = tmp_path / "door.toml"
    profile.write_text(
        'name = "door"\ntier = "custom"\ninput_width = 96\ninput_height = 96\n'
        "[camera]\nwidth = 100\nheight = 50\n"
    )
    out = tmp_path / "gate.h"
    done = run("gate", folder, "--deploy", profile, "-o", out)
    assert done.return_value == 0, (done.output, done.exception)
    assert "#define GATE_WIDTH 100" in out.read_text()


def test_what_the_command_refuses(folder, tmp_path):
    out = tmp_path / "gate.h"
    for words, message in (
        ((folder, "-o", out), "which camera"),
        ((folder, "--size", "80", "-o", out), "WIDTHxHEIGHT"),
        ((folder, "--size", "0x60", "-o", out), "width"),
        ((folder, "--size", "80x60", "-o", out, "--prefix", "2 a"), "prefix"),
        ((folder, "--size", "80x60", "-o", folder / "gate.h"), "data set"),
        ((folder, "--size", "80x60", "-o", tmp_path / "g.json"), "FILE.h"),
        ((tmp_path / "none", "--size", "80x60", "-o", out), "no such"),
    ):
        done = run("gate", *words)
        assert re.search(message, str(done.exception)), (words, done.exception)
        assert not out.exists()


def test_an_unreadable_image_is_exit_code_1(folder, tmp_path):
    (folder / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\nno more")
    out = tmp_path / "gate.h"
    done = run("gate", folder, "--size", "80x60", "-o", out)
    assert done.return_value == 1
    assert "unreadable: broken.png" in done.output + (done.stderr if done.stderr_bytes else "")
    assert out.exists()
