"""What a call of fl_box_iou for one pair of boxes costs from C, Cython and numba.

Run ``python benchmarks/embed_overhead.py``. The loops of ``benchmarks/embed`` are compiled
with the flags a user would give (-O2) and run in turns in one process; each keeps the best of
its rounds. Needs a C compiler, cython, setuptools and numba.
"""

from __future__ import annotations

import ctypes
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import fastlabel as fl

SOURCES = Path(__file__).resolve().parent / "embed"
PAIRS, ROUNDS, REPEATS = 256, 400, 9

SETUP = """
from Cython.Build import cythonize
from setuptools import Extension, setup
import fastlabel
module = Extension("calls", ["calls.pyx"], include_dirs=[fastlabel.get_include()],
                   extra_compile_args=["-O2"])
setup(name="calls", ext_modules=cythonize([module], quiet=True))
"""


def run(command: list[str], folder: Path) -> None:
    """Run a compiler, quietly unless it fails."""
    environment = {**os.environ, "CFLAGS": ""}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(command)}\n{done.stdout}{done.stderr}")


def c_loop(folder: Path) -> Callable[..., int]:
    """Compile calls.c against the installed package."""
    lib = fl.get_library_dir()
    flags = ["-O2", "-shared", "-fPIC", f"-I{fl.get_include()}", f"-L{lib}", f"-Wl,-rpath,{lib}"]
    compiler = os.environ.get("CC", "cc")
    run([compiler, str(SOURCES / "calls.c"), *flags, "-lfastlabel", "-o", "calls_c.so"], folder)
    function = ctypes.CDLL(str(folder / "calls_c.so")).calls
    function.argtypes = [ctypes.c_void_p] * 3 + [ctypes.c_int64] * 2

    def loop(a: Any, b: Any, out: Any, rounds: int) -> int:
        status: int = function(a.ctypes.data, b.ctypes.data, out.ctypes.data, len(a), rounds)
        return status

    return loop


def cython_loop(folder: Path) -> Callable[..., int]:
    """Compile calls.pyx as an outside project would."""
    shutil.copy(SOURCES / "calls.pyx", folder)
    (folder / "setup.py").write_text(SETUP)
    run([sys.executable, "setup.py", "build_ext", "--inplace"], folder)
    (path,) = folder.glob("calls.*.so")
    spec = importlib.util.spec_from_file_location("calls", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    loop: Callable[..., int] = module.calls
    return loop


def numba_loops() -> dict[str, Callable[..., int]]:
    """Give the loop over addresses, and over arrays, whose shapes are checked at each call."""
    from numba import njit

    from fastlabel.numba import box_iou, fl_box_iou

    @njit(nogil=True)
    def by_address(a: Any, b: Any, out: Any, rounds: int) -> int:
        first, second, to = a.ctypes.data, b.ctypes.data, out.ctypes.data
        status = 0
        for _ in range(rounds):
            for i in range(len(a)):
                status |= fl_box_iou(first + 32 * i, 1, second + 32 * i, 1, to + 8 * i)
        return status

    @njit(nogil=True)
    def by_array(a: Any, b: Any, out: Any, rounds: int) -> int:
        to = out.reshape(-1, 1)
        for _ in range(rounds):
            for i in range(len(a)):
                box_iou(a[i : i + 1], b[i : i + 1], to[i : i + 1])
        return 0

    return {"numba, fl_box_iou": by_address, "numba, box_iou": by_array}


def measure() -> dict[str, float]:
    """Nanoseconds a call, by the way it is made; every way gives the same bytes."""
    rng = np.random.default_rng(1)
    a = rng.uniform(0, 50, (PAIRS, 4))
    a[:, 2:] += a[:, :2] + 30
    b = a + rng.uniform(-20, 20, (PAIRS, 1))
    expected = np.array([fl.box_iou(a[i : i + 1], b[i : i + 1])[0, 0] for i in range(PAIRS)])
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        loops = {"C": c_loop(folder), "Cython": cython_loop(folder), **numba_loops()}
        best = dict.fromkeys(loops, float("inf"))
        for _ in range(REPEATS):
            for way, loop in loops.items():
                out = np.zeros(PAIRS)
                start = time.perf_counter_ns()
                status = loop(a, b, out, ROUNDS)
                spent = time.perf_counter_ns() - start
                assert status == 0, way
                assert out.tobytes() == expected.tobytes(), way
                best[way] = min(best[way], spent / (PAIRS * ROUNDS))
    return best


def main() -> None:
    """Print the table, or JSON with --json."""
    best = measure()
    if "--json" in sys.argv[1:]:
        print(json.dumps(best))
        return
    print(f"{'from':20} {'ns a call':>10} {'over C':>8}")
    for way, ns in best.items():
        print(f"{way:20} {ns:10.1f} {ns - best['C']:8.1f}")


if __name__ == "__main__":
    main()
