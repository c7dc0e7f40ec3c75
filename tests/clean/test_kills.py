"""apply and undo killed at random moments, on real data."""

from __future__ import annotations

import importlib.util
import shutil
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "benchmarks" / "undo_kills.py"


@pytest.mark.slow
@pytest.mark.parametrize("name", ["raccoon", "garbage-yolo", "coco"])
def test_every_byte_is_as_before(name, shared_data, tmp_path):
    spec = importlib.util.spec_from_file_location("undo_kills", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    source = shared_data / name
    if name == "coco":
        source = tmp_path / "source"
        source.mkdir()
        labels = "sahi-small/coco_utils/visdrone2019-det-train-first50image.json"
        shutil.copyfile(shared_data / labels, source / "labels.json")
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    happened = script.tries(source, 12, 5, scratch)
    assert sum(n for what, n in happened.items() if what.endswith("apply killed")) >= 6
