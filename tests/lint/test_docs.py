"""What docs/diet.md shows of the linter is what it prints."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from click.testing import CliRunner

from fastlabel.cli import _group
from fastlabel.lint.classes import ClassTable

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "diet.md").read_text(encoding="utf-8")
SECTION = PAGE.split("## Augmentation settings\n")[1].split("\n## ")[0]
RUNS = re.findall(r"```\n\$ fastlabel (.+)\n((?:.+\n)+)```", SECTION)


def test_there_are_examples():
    assert len(RUNS) == 2


def test_the_first_example(monkeypatch):
    monkeypatch.chdir(ROOT)
    command, shown = RUNS[0]
    words = [w.strip("'") for w in re.findall(r"'[^']*'|\S+", command)]
    assert CliRunner().invoke(_group, words).output == shown


def test_the_example_with_data(monkeypatch, shared_data):
    monkeypatch.chdir(ROOT)
    command, shown = RUNS[1]
    words = command.replace(" bccd ", f" {shared_data / 'bccd'} ").split()
    printed = CliRunner().invoke(_group, words).output.splitlines()
    for line in shown.splitlines():
        if not line.endswith("..."):
            assert line in printed


def test_the_table_of_classes():
    (text,) = re.findall(r"```toml\n(.*?)```", SECTION, re.DOTALL)
    table = ClassTable.from_table(tomllib.loads(text)["lint"]["classes"])
    assert table.traits("exit sign") == []


@pytest.mark.parametrize("code", [f"FL90{i}" for i in range(1, 8)])
def test_every_rule_is_in_the_table(code):
    assert f"| {code} |" in SECTION
