"""The same bytes from every instruction set this machine has, through the whole scan."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest

from fastlabel import _core


@pytest.fixture
def restore():
    before = _core.isa()
    yield
    _core.isa_select(before)


def test_the_tiers_are_listed_worst_first():
    assert _core.isa_available()[0] == "baseline"
    assert _core.isa() in _core.isa_available()


@pytest.mark.parametrize("shape", [(1, 1), (3, 2), (31, 33), (64, 65), (200, 517)])
def test_measurements_are_equal(restore, shape):
    rng = np.random.default_rng(shape[1])
    plane = rng.integers(0, 256, shape, np.uint8)
    h, w = shape
    boxes = np.array([[0, 0, w, h], [w / 3, 0, w, h / 2 + 1], [0, 0, 1, 1]], float)
    seen = set()
    for tier in _core.isa_available():
        _core.isa_select(tier)
        stats, rows = _core.measure_luma(plane, boxes, rings=True)
        seen.add((stats.tobytes(), rows.tobytes()))
    assert len(seen) == 1


def test_an_unknown_tier_is_an_error(restore):
    with pytest.raises(ValueError, match="FASTLABEL_ISA"):
        _core.isa_select("v9")


def test_an_unknown_tier_in_the_environment_is_said_at_import():
    env = {**os.environ, "FASTLABEL_ISA": "v9"}
    done = subprocess.run(
        [sys.executable, "-c", "import fastlabel._core"], env=env, capture_output=True, text=True
    )
    assert done.returncode != 0
    assert "FASTLABEL_ISA=v9" in done.stderr
    assert "baseline" in done.stderr
