"""An outside .pyx that cimports the kernels, built by setuptools and held against NumPy."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("Cython")
pytest.importorskip("setuptools")
EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "cython"

USE = """
import sys
import numpy as np
import pairwise
boxes = np.load(sys.argv[1])
out = np.empty(len(boxes[0]))
pairwise.pairwise_iou(boxes[0], boxes[1], out)
np.save(sys.argv[2], out)
try:
    pairwise.pairwise_iou(boxes[0], boxes[1][:-1], out)
except ValueError as error:
    print(error)
print([name for name in ("fastlabel._core", "fastlabel.kernels") if name in sys.modules])
"""


def run(command, folder):
    # The module is found in the folder it was built in; no address of ours in its way.
    environment = {k: v for k, v in os.environ.items() if k not in ("CFLAGS", "CPPFLAGS")}
    done = subprocess.run(
        [sys.executable, *map(str, command)],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    folder = tmp_path_factory.mktemp("outside")
    for path in EXAMPLE.iterdir():
        if path.suffix in (".pyx", ".py"):
            shutil.copy(path, folder)
    run(["setup.py", "build_ext", "--inplace"], folder)
    return folder


def test_an_outside_module_gives_numpys_answer(built, random_boxes, iou_by_numpy, tmp_path):
    a, b = random_boxes(500, 1, extent=200), random_boxes(500, 2, extent=200)
    b[:100] = a[:100] + 1
    np.save(tmp_path / "boxes.npy", np.stack([a, b]))
    (built / "use.py").write_text(USE)
    printed = run(["use.py", tmp_path / "boxes.npy", tmp_path / "iou.npy"], built)
    expected = np.diagonal(iou_by_numpy(a, b))
    np.testing.assert_allclose(np.load(tmp_path / "iou.npy"), expected, rtol=1e-14, atol=0)
    assert "expected shape" in printed
    # The module needs the kernels alone, and links nothing itself.
    assert printed.splitlines()[-1] == "['fastlabel.kernels']"


def test_the_declarations_are_installed_with_the_package():
    import fastlabel as fl

    folder = Path(fl.get_library_dir())
    for name in ("__init__.pxd", "kernels.pxd"):
        assert (folder / name).is_file(), name
