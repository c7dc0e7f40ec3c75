"""On a small device NumPy is all there is: what runs there asks for nothing else."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

#: Put before a program, it makes every other package look as if it were not installed.
BLOCKED = """
import sys
class NumpyAlone:
    def find_spec(self, name, path=None, target=None):
        top = name.partition(".")[0]
        if top not in sys.stdlib_module_names and top not in ("numpy", "fastlabel", "__main__"):
            raise ModuleNotFoundError(f"No module named {top!r}", name=top)
sys.meta_path.insert(0, NumpyAlone())
import numpy as np
import fastlabel as fl
"""


def alone(program: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", BLOCKED + program], capture_output=True, text=True, timeout=120
    )


def test_all_that_a_device_needs_loads():
    done = alone(
        "for module in ('boxes', 'pixels', 'tables'):\n"
        "    for name in __import__('fastlabel.' + module, fromlist=['x']).__all__:\n"
        "        getattr(__import__('fastlabel.' + module, fromlist=['x']), name)\n"
        "for name in ('merge_tiles', 'TileDetections', 'read_tile', 'DatasetError',\n"
        "             'get_include', 'tile_windows', 'letterbox', 'image_stats'):\n"
        "    getattr(fl, name)\n"
        "assert not {'pyarrow', 'cv2', 'click', 'rich', 'lxml', 'yaml'} & set(sys.modules)\n"
    )
    assert done.returncode == 0, done.stderr


def test_a_frame_goes_in_tiles_to_boxes_in_the_frame():
    done = alone(
        "frame = (np.arange(1080 * 1920 * 3) % 251).astype(np.uint8).reshape(1080, 1920, 3)\n"
        "windows = fl.tile_windows(1080, 1920, 640, 0.2)\n"
        "x1, y1, x2, y2 = windows[1]\n"
        "tensor, to_image = fl.letterbox(frame[y1:y2, x1:x2], 320, dtype='uint8')\n"
        "assert tensor.shape[-2:] == (320, 320), tensor.shape\n"
        "box = to_image.to_image(np.array([[10.0, 10.0, 40.0, 40.0]]))\n"
        "found = {'boxes': box, 'scores': [0.9], 'labels': [0], 'tile': [1]}\n"
        "merged = fl.merge_tiles(found, windows)\n"
        "assert (merged.boxes == box + [x1, y1, x1, y1]).all(), merged.boxes\n"
        "assert (merged.boxes == [[532, 20, 592, 80]]).all(), merged.boxes\n"
    )
    assert done.returncode == 0, done.stderr


def test_the_kernels_say_the_same_without_the_rest(tmp_path):
    """The program that the emulated machines run, with NumPy alone and at every tier."""
    program = ROOT / "tests/device/kernel_outputs.py"
    from fastlabel import _core

    files = []
    for tier in _core.isa_available():
        files.append(tmp_path / f"{tier}.npz")
        done = alone(
            f"from fastlabel import _core; _core.isa_select({tier!r})\n"
            f"import runpy; sys.argv = ['x', '--write', {str(files[-1])!r}]\n"
            f"runpy.run_path({str(program)!r}, run_name='__main__')\n"
        )
        assert done.returncode == 0, done.stderr
        assert f"at tier {tier}" in done.stdout
    compared = subprocess.run(
        [sys.executable, str(program), *map(str, files)], capture_output=True, text=True
    )
    assert compared.returncode == 0, compared.stdout
    assert compared.stdout.count("the same") == len(files) - 1


def test_what_needs_more_says_so():
    done = alone("fl.check")
    assert "fastlabel.check needs pyarrow, which is not installed" in done.stderr


def test_the_command_says_what_it_lacks():
    done = alone("from fastlabel.cli import main\nmain(['rules'])")
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert "click, which is not installed" in done.stderr


@pytest.mark.parametrize(
    ("machine", "alone"),
    [("x86_64", False), ("aarch64", False), ("armv7l", True), ("armv8l", True)],
)
def test_the_markers_ask_for_numpy_alone_on_32_bit_arm(machine, alone):
    requirements = pytest.importorskip("packaging.requirements")
    lines = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    asked = [
        r
        for r in map(requirements.Requirement, lines)
        if r.marker is None or r.marker.evaluate({"platform_machine": machine})
    ]
    names = [r.name for r in asked]
    assert len(names) == len(set(names))
    assert ("pyarrow" in names) is not alone
    numpy = next(r for r in asked if r.name == "numpy")
    assert numpy.specifier.contains("2.3.0")
    # Debian 12's own, which the emulated machine runs the kernels with.
    assert numpy.specifier.contains("1.24.2") is alone
    if alone:
        assert names == ["numpy"]
