"""The README says what is so."""

from __future__ import annotations

import importlib.util
import json
import re
from pathlib import Path
from unittest import mock

import numpy as np
import pyarrow as pa
import pytest
from click.testing import CliRunner

from fastlabel import config, deploy
from fastlabel.cli import _COMMANDS, _group
from fastlabel.rules import RULES

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, flags=re.DOTALL)


def test_the_settings_it_shows_are_understood(tmp_path):
    own, settings, profile = blocks("toml")
    (tmp_path / "fastlabel.toml").write_text(settings)
    loaded = config.load(tmp_path)
    assert loaded.deploy == "doorbell-416"
    assert loaded.rules["FL401"]["max_acutance"] == 0.2
    (tmp_path / "gate.toml").write_text(profile)
    gate = deploy.load(tmp_path / "gate.toml")
    assert (gate.min_target, gate.camera.width, gate.camera.fixed) == (10, 1920, True)
    (tmp_path / "fastlabel.toml").write_text(own)
    loaded = config.load(tmp_path)
    assert loaded.user_rules == ("mypkg.rules",)
    assert loaded.rules == {"X001": {"max_ratio": 8}}


def test_the_rule_it_shows_works():
    (shown,) = (block for block in blocks("python") if "@fl.rule" in block)
    space = {"__name__": "mypkg.rules"}
    exec(shown, space)
    rule = space["too_wide"]
    columns = {
        name: np.array(values)
        for name, values in {
            "x1": [0.0, 0.0, 0.0],
            "y1": [0.0, 0.0, 0.0],
            "x2": [60.0, 60.0, 10.0],
            "y2": [10.0, 10.0, 10.0],
            "luma_mean": [100.0, 10.0],
        }.items()
    }
    found = rule.judge(columns, image=[0, 1, 0])
    assert (found.rows.tolist(), found.values.tolist()) == ([0], [6.0])


def test_the_kernels_it_calls_work():
    (shown,) = (block for block in blocks("python") if "fl.read(" in block)
    lines = [line for line in shown.splitlines() if not re.search(r"fl\.(read|check|scan)\(", line)]
    assert sum("fl." in line for line in lines) >= 5
    boxes = np.array([[0.0, 0.0, 9.0, 9.0], [1.0, 1.0, 9.0, 9.0]])
    image = np.zeros((48, 64, 3), np.uint8)
    space = {"a": boxes, "b": boxes, "boxes": boxes, "scores": [0.5, 0.7], "img": image}
    space |= {"offsets_a": [0, 1, 2], "offsets_b": [0, 2, 2], "matrix": np.empty((2, 2))}
    space |= {"predictions": [(boxes, [0.5, 0.7])], "windows": [[0, 0, 64, 48]]}
    space |= {"images": [image, image], "column": pa.array([1.0, 2.5]), "report": mock.Mock()}
    exec("\n".join(lines), space)
    assert space["matrix"].diagonal().tolist() == [1, 1]
    assert space["batch"].dtype == np.int8


def test_the_tables_of_kernels_are_those_of_the_stored_run():
    path = ROOT / "benchmarks" / "table.py"
    spec = importlib.util.spec_from_file_location("benchmarks_table", path)
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    results = json.loads(script.RESULTS.read_text(encoding="utf-8"))
    assert results["complete"]
    assert {row["status"] for row in results["rows"]} == {"ok"}
    for path, whole in script.PAGES.items():
        shown = path.read_text(encoding="utf-8")
        assert script.page(shown, results, whole=whole) == shown, path
    assert script.RESULTS.stat().st_size < 200_000


def test_the_commands_it_shows_exist():
    lines = [line for block in blocks("sh") for line in block.splitlines()]
    commands = [line.split("#")[0].split() for line in lines if line.startswith("fastlabel ")]
    assert {words[1] for words in commands} == set(_COMMANDS)
    for words in commands:
        help_text = CliRunner().invoke(_group, [words[1], "--help"]).output
        for option in (w for w in words if w.startswith("-")):
            assert option in help_text, (words, option)


def test_the_make_targets_it_names_exist():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in set(re.findall(r"`make ([a-z][a-z-]*)`|^make ([a-z]+)", README, re.M)):
        target = target[0] or target[1]
        assert re.search(rf"^{target}:", makefile, flags=re.MULTILINE), target


@pytest.mark.parametrize("name", ["edge-640", "doorbell-416", "drone-4k", "mcu-96"])
def test_the_deployments_it_names_exist(name):
    assert name in README
    assert deploy.load(name).name == name


def test_every_family_of_rules_is_in_the_table():
    for family in {code[:3] for code in RULES}:
        assert f"| {family} " in README


def test_its_pictures_are_there_and_small():
    for name in re.findall(r"\]\((docs/[^)]+)\)", README):
        assert (ROOT / name).stat().st_size < 300_000
