"""Runs that end at any moment lose nothing finished, and what goes on from them says the same."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from cache_runs import draw

SCRIPT = Path(__file__).with_name("cache_runs.py")


def run(what: str, root: Path, tmp: Path, *rest: object, **environment: str) -> dict[str, Any]:
    out = tmp / "seen.json"
    place = tmp / "cache"
    done = subprocess.run(
        [sys.executable, SCRIPT, what, root, place, out, *map(str, rest)],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    seen: dict[str, Any] = json.loads(out.read_text())
    return seen


def test_ten_kills(tmp_path: Path) -> None:
    root = draw(tmp_path / "set", 400)
    seen = run("kill", root, tmp_path, 10, 1, BATCH="40")
    assert seen["wrong"] == 0
    assert seen["kills"] == 10
    assert max(seen["resumed"]) > 0, "no run went on from what another had measured"


def test_a_stop_before_every_change_of_the_disk(tmp_path: Path) -> None:
    root = draw(tmp_path / "set", 40)
    seen = run("step", root, tmp_path)
    assert seen["wrong"] == 0
    assert seen["steps"] > 8


@pytest.mark.slow
def test_two_hundred_kills_over_20000_images(tmp_path: Path) -> None:
    root = draw(tmp_path / "set", 20_000)
    seen = run("kill", root, tmp_path, 200, 2, BATCH="128", FLUSH="0.1", SPAN="0.3")
    print(seen)
    assert seen["wrong"] == 0
    assert seen["kills"] == 200
    assert max(seen["resumed"]) > 10_000
