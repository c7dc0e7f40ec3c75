"""The camera loops and the tiled detector of examples/, on real pictures."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from building import EXAMPLES, run, tool, where

import fastlabel as fl

WIDTH, HEIGHT = 640, 480
RECIPE = {"dtype": "int8", "layout": "nhwc", "quantize": (1 / 255, -128)}
VERDICTS = ["", "still", "blurry dark", "blurry", "", "blurry bright"]


def nv12(bgr: np.ndarray) -> np.ndarray:
    """A picture as a camera gives it: OpenCV's planar colour, interleaved."""
    cv2 = pytest.importorskip("cv2")
    planar = cv2.cvtColor(bgr, cv2.COLOR_BGR2YUV_I420)
    colour = planar[HEIGHT:].reshape(2, -1).T.reshape(HEIGHT // 2, WIDTH)
    return np.concatenate([planar[:HEIGHT], colour])


@pytest.fixture(scope="module")
def recording(shared_data, tmp_path_factory) -> tuple[Path, list[np.ndarray]]:
    """A folder with frames.nv12 and preprocess.json, and the frames: see VERDICTS."""
    cv2 = pytest.importorskip("cv2")
    first, second = (
        cv2.resize(
            cv2.imread(str(shared_data / f"raccoon/images/raccoon-{k}.jpg")), (WIDTH, HEIGHT)
        )
        for k in (1, 2)
    )
    dark, white = first // 50, np.full_like(first, 255)
    pictures = [first, first, dark, cv2.GaussianBlur(second, (0, 0), 12), second, white]
    frames = [nv12(picture) for picture in pictures]
    folder = tmp_path_factory.mktemp("camera")
    np.stack(frames).tofile(folder / "frames.nv12")
    fl.Preprocess(320, **RECIPE).save(folder / "preprocess.json")
    return folder, frames


@pytest.fixture(scope="module")
def camera(tmp_path_factory) -> Path:
    target = tmp_path_factory.mktemp("built") / "camera"
    includes, lib = where("--includes", "--libdir")
    flags = ["-std=c99", "-Wall", "-Wextra", "-pedantic", "-Werror", includes]
    link = [f"-L{lib}", "-lfastlabel", f"-Wl,-rpath,{lib}", "-o", target]
    run([tool("cc"), *flags, EXAMPLES / "camera" / "camera.c", *link])
    return target


def spoken(printed: str) -> list[str]:
    """What the loop said of each frame, without its number and the input's hash."""
    lines = [line for line in printed.splitlines() if line.startswith("frame ")]
    assert [line.split()[1] for line in lines] == [f"{k}:" for k in range(len(lines))]
    return [line.split(": ", 1)[1].split(", ", 1)[-1] for line in lines]


def test_the_c_loop_sends_the_models_the_trainings_input(camera, recording):
    folder, frames = recording
    arguments = [folder / "preprocess.json", WIDTH, HEIGHT, folder / "frames.nv12"]
    printed = run([camera, *arguments])
    expected = [f"no {v}" if v else "0.90 at 160 160 480 320" for v in VERDICTS]
    assert spoken(printed) == expected
    from fastlabel._core import content_hash

    recipe = fl.Preprocess.load(folder / "preprocess.json")
    for number in (0, 4):
        tensor, _ = recipe(frames[number], format="nv12")
        line = next(x for x in printed.splitlines() if x.startswith(f"frame {number}:"))
        assert f"input {content_hash(tensor.tobytes()).hex()[:8]}" in line


def test_the_c_loop_tells_what_is_wrong(camera, recording, tmp_path):
    folder, _ = recording
    newer = tmp_path / "newer.json"
    text = (folder / "preprocess.json").read_text()
    newer.write_text(text.replace('"fastlabel_preprocess": 1', '"fastlabel_preprocess": 2'))
    frames, good = folder / "frames.nv12", folder / "preprocess.json"
    for arguments, message in (
        ([good, 641, HEIGHT, frames], "even sides"),
        ([good, WIDTH - 2, HEIGHT, frames], "no whole frame"),
        ([good, WIDTH, HEIGHT, tmp_path / "none"], "cannot be opened"),
        ([newer, WIDTH, HEIGHT, frames], "expected version 1"),
    ):
        done = subprocess.run(
            [str(word) for word in (camera, *arguments)], capture_output=True, text=True
        )
        assert done.returncode == 1
        assert message in done.stderr


def test_the_loop_for_a_raspberry_pi_says_the_same(camera, recording):
    folder, _ = recording
    script = EXAMPLES / "camera" / "raspberry_pi.py"
    size, frames = f"{WIDTH}x{HEIGHT}", folder / "frames.nv12"
    recipe = folder / "preprocess.json"
    printed = run([sys.executable, script, recipe, "--file", frames, "--size", size])
    assert spoken(printed) == spoken(run([camera, recipe, WIDTH, HEIGHT, frames]))


def test_tiles_find_more_than_the_whole_frame(shared_data):
    pytest.importorskip("onnxruntime")
    script = EXAMPLES / "tiled" / "jetson.py"
    model = shared_data / "models" / "FastestDet.onnx"
    picture = shared_data / "sahi-small" / "small-vehicles1.jpeg"
    lines = run([sys.executable, script, model, picture, "--workers", "2"]).splitlines()
    assert "tiles" in lines[0]
    untiled, tiled = (int(line.split()[1]) for line in lines[1:3])
    assert tiled > untiled
    boxes = np.array([line.split()[2:] for line in lines[3:]], float)
    assert boxes.shape == (tiled, 4)
    assert (boxes[:, :2] < boxes[:, 2:]).all()
