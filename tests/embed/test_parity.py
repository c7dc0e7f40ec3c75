"""The same input, bit for bit, from Python on every tier and from the C program."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import fastlabel as fl
from fastlabel import _core

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))
import parity_table  # noqa: E402


@pytest.fixture(scope="module")
def program(tmp_path_factory) -> Path:
    """examples/parity, built by what a user of the package has: a compiler and the library."""
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("NO C COMPILER: the C side of parity was not looked at")
    target = tmp_path_factory.mktemp("parity") / "parity"
    lib = fl.get_library_dir()
    flags = ["-O2", "-std=c11", "-Wall", "-Wextra", "-pedantic", "-Werror"]
    link = [f"-I{fl.get_include()}", f"-L{lib}", "-lfastlabel", f"-Wl,-rpath,{lib}"]
    source = ROOT / "examples" / "parity" / "parity.c"
    subprocess.run([compiler, *flags, str(source), *link, "-o", str(target)], check=True)
    return target


def test_ten_real_pictures_have_one_hash_each(program, shared_data, tmp_path):
    jpegs = [shared_data / name for name in parity_table.PICTURES]
    ppms, raws = parity_table.make_frames(jpegs, tmp_path)
    recipes = parity_table.write_recipes(tmp_path)
    seen = set()
    for case in parity_table.cases_of(jpegs, ppms, raws):
        expected = parity_table.hashes_of([str(program)], case, recipes[case.recipe])
        for tier in _core.isa_available():
            before = _core.isa()
            _core.isa_select(tier)
            try:
                found = parity_table.python_hashes(recipes[case.recipe], case)
                assert found == expected, (case, tier)
            finally:
                _core.isa_select(before)
        seen.update(expected)
    # A JPEG and its PPM are one input, so two hashes a picture and recipe.
    assert len(seen) == 2 * len(jpegs) * len(recipes)


@pytest.mark.parametrize("tier", _core.isa_available())
def test_the_c_program_obeys_the_tier(program, tier, tmp_path):
    frame = np.random.default_rng(1).integers(0, 256, (72, 64), np.uint8)
    (tmp_path / "f.nv12").write_bytes(frame.tobytes())
    recipe = fl.Preprocess((50, 40), dtype="float16")
    recipe.save(tmp_path / "r.json")
    window = ["--format", "nv12", "--size", "64x48", "--window", "1,3,62,47", "--full-range"]
    done = subprocess.run(
        [program, tmp_path / "r.json", *window, "--matrix", "bt709", tmp_path / "f.nv12"],
        env={"FASTLABEL_ISA": tier},
        capture_output=True,
        text=True,
    )
    expected = recipe.hash(
        frame, format="nv12", window=(1, 3, 62, 47), matrix="bt709", full_range=True
    )
    assert done.stdout == f"{expected}  {tmp_path / 'f.nv12'}\n", done.stderr


def test_a_script_with_numpy_alone_prints_the_same(tmp_path, program):
    """What runs in an emulated Python, where there is neither click nor OpenCV."""
    rng = np.random.default_rng(2)
    (tmp_path / "p.ppm").write_bytes(b"P6 33 21 255\n" + rng.bytes(33 * 21 * 3))
    recipe = tmp_path / "r.json"
    fl.Preprocess(48, dtype="int8", quantize=(0.01, 0), interpolation="area").save(recipe)
    script = [sys.executable, str(ROOT / "tools" / "parity_table.py"), "--print"]
    printed = [
        subprocess.run(
            [*command, recipe, tmp_path / "p.ppm"], capture_output=True, text=True
        ).stdout
        for command in (script, [program])
    ]
    assert printed[0] == printed[1] and len(printed[0].split()[0]) == 32


def test_what_the_c_program_says_of_bad_input(program, tmp_path):
    (tmp_path / "r.json").write_text(fl.Preprocess(32).to_json())
    (tmp_path / "old.json").write_text('{"fastlabel_preprocess": 9}')
    good = tmp_path / "good.pgm"
    good.write_bytes(b"P5 # a comment\n4 2\n255\n" + bytes(8))
    for name, content in {
        "short.ppm": b"P6 4 4 255\n" + bytes(47),
        "deep.ppm": b"P6 4 4 65535\n" + bytes(96),
        "zero.ppm": b"P6 0 4 255\n",
        "text": b"hello",
        "cut.jpg": b"\xff\xd8\xff\xe0",
        "odd.nv12": bytes(63 * 48 * 3 // 2),
    }.items():
        (tmp_path / name).write_bytes(content)

    def run(*words):
        done = subprocess.run(
            [program, *(str(word) for word in words)], capture_output=True, text=True
        )
        return done.returncode, done.stdout, done.stderr

    recipe = tmp_path / "r.json"
    for name in ("short.ppm", "deep.ppm", "zero.ppm", "text", "cut.jpg", "none.ppm"):
        code, out, err = run(recipe, tmp_path / name, good)
        assert code == 1 and name in err and out.endswith("good.pgm\n"), (name, err)
    code, out, err = run(recipe, "--format", "nv12", "--size", "63x48", tmp_path / "odd.nv12")
    assert (code, out) == (1, "") and "odd" in err
    code, out, err = run(recipe, "--window", "0,0,5,2", good)
    assert (code, out) == (1, "") and "window leaves the frame" in err
    code, out, err = run(tmp_path / "old.json", good)
    assert (code, out) == (2, "") and "expected version 1" in err
    for words in (
        ("--size", "4x4"),
        ("--format", "i420", "--size", "4x4"),
        ("--window", "1,2"),
        (),
    ):
        assert run(recipe, *words, *([good] if words else []))[0] == 2
