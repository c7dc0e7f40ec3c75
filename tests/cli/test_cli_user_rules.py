"""Rules of the user on the command line: never imported unasked, and then like any other."""

from __future__ import annotations

import json
import re
import sys

import pytest
from cli_runs import coco, photo, write_set

MODULE = """
from pathlib import Path
import fastlabel as fl
Path(TRACE).write_text("imported")

@fl.rule("X001", name="too-wide", message="{value:.0f} times as wide as high.", severity="error")
def too_wide(x1, y1, x2, y2, max_ratio=5.0):
    "Find flat boxes."
    ratio = (x2 - x1) / (y2 - y1)
    return ratio if ratio > max_ratio else float("nan")
"""

RULE = "import fastlabel as fl\n@fl.rule('{code}', name='x')\ndef f(x1):\n    return {body}"


@pytest.fixture
def flat(tmp_path):
    """One good box, and one that is eight times as wide as high."""
    boxes = [[10, 20, 100, 90], [30, 20, 160, 20]]
    files = {"a.jpg": photo(1), "b.jpg": photo(2)}
    return write_set(tmp_path / "flat", {**files, "l.json": coco(list(files), boxes)})


@pytest.fixture
def trace(tmp_path, here):
    """A module of rules that leaves a trace, and settings that name it."""
    path = tmp_path / "trace"
    text = MODULE.replace("TRACE", repr(str(path)))
    (here / "own_rules").mkdir()
    (here / "own_rules" / "flat.py").write_text(text)
    (here / "fastlabel.toml").write_text('user_rules = ["own_rules.flat"]\n')
    yield path
    for name in [n for n in sys.modules if n.split(".")[0] == "own_rules"]:
        del sys.modules[name]


class TestWithoutTheFlag:
    def test_it_is_said_and_nothing_is_run(self, cli, here, flat, trace):
        run = cli(
            "check", flat, "--select", "FL2", "--fail-on", "error", "--output-format", "jsonl"
        )
        assert (run.code, run.out) == (0, "")
        (line,) = run.err.splitlines()
        assert "own_rules.flat" in line and str(here / "fastlabel.toml") in line
        assert "--allow-user-code" in line
        assert not trace.exists()

    def test_settings_above_the_current_folder_run_nothing_either(
        self, cli, here, flat, trace, monkeypatch
    ):
        below = here / "below"
        below.mkdir()
        monkeypatch.chdir(below)
        assert cli("check", flat, "--select", "FL2").code == 0
        assert cli("rules").code == 0
        assert not trace.exists()

    def test_settings_of_those_rules_do_not_stand_in_the_way(self, cli, here, flat, trace):
        with (here / "fastlabel.toml").open("a") as file:
            file.write('select = ["FL2", "X"]\n[rules.X001]\nmax_ratio = 3\n')
        assert cli("check", flat).code == 0

    def test_asking_for_one_is_an_error_with_the_remedy(self, cli, flat, trace):
        run = cli("check", flat, "--select", "X001")
        assert run.code == 2
        assert "--allow-user-code" in run.err and "no rule matches 'X001'" in run.err
        run = cli("explain", "X001")
        assert run.code == 2
        assert "--allow-user-code" in run.err and "no rule named 'X001'" in run.err

    def test_nothing_is_said_where_there_are_none(self, cli, flat, here):
        assert cli("check", flat, "--select", "FL2").err == ""
        assert cli("rules").err == ""

    def test_pages_of_other_rules_need_no_settings(self, cli, here, trace):
        run = cli("explain", "FL201")
        assert (run.code, run.err) == (0, "")
        (here / "fastlabel.toml").write_text("user_rules = 3")
        assert cli("explain", "FL201").code == cli("rules").code == 0
        assert cli("rules", "--allow-user-code").is_one_clear_line()


class TestWithTheFlag:
    def test_a_finding_like_any_other(self, cli, flat, trace, here):
        run = cli("check", flat, "--allow-user-code", "--select", "X", "--output-format", "jsonl")
        assert (run.code, run.err) == (1, "")
        (found,) = run.findings()
        assert (found["code"], found["name"], found["severity"]) == ("X001", "too-wide", "error")
        assert found["message"] == "8 times as wide as high."
        assert (found["value"], found["threshold"]) == (8.0, 5.0)
        assert found["pointer"] == "/annotations/1"
        page = (here / "fastlabel-report" / "report.html").read_text()
        assert "8 times as wide as high." in page and "Find flat boxes." in page
        summary = json.loads((here / "fastlabel-report" / "summary.json").read_text())
        assert summary["thresholds"]["X001"] == {"max_ratio": 5.0}
        assert summary["unjudged"] == {}

    @pytest.mark.parametrize("fmt", ["full", "concise", "json", "sarif", "github"])
    def test_in_every_output(self, cli, flat, trace, fmt):
        run = cli("check", flat, "--allow-user-code", "--output-format", fmt)
        assert run.code == 1
        assert "X001" in run.out and "8 times as wide as high." in run.out
        if fmt == "sarif":
            (rule,) = [
                r
                for r in json.loads(run.out)["runs"][0]["tool"]["driver"]["rules"]
                if r["id"] == "X001"
            ]
            assert rule["fullDescription"]["text"] == "Find flat boxes."
            assert "# X001 too-wide" in rule["help"]["markdown"]

    def test_settings(self, cli, here, flat, trace):
        with (here / "fastlabel.toml").open("a") as file:
            file.write('select = ["X"]\n[rules.X001]\nmax_ratio = 9\n')
        assert cli("check", flat, "--allow-user-code").code == 0
        text = (here / "fastlabel.toml").read_text().replace("max_ratio = 9", 'severity = "info"')
        (here / "fastlabel.toml").write_text(text)
        assert cli("check", flat, "--allow-user-code").code == 0
        assert cli("check", flat, "--allow-user-code", "--fail-on", "info").code == 1
        text = text.replace("severity", "max_ratoi")
        (here / "fastlabel.toml").write_text(text)
        run = cli("check", flat, "--allow-user-code")
        assert run.is_one_clear_line() and "did you mean 'max_ratio'" in run.err

    def test_listed_and_explained(self, cli, trace):
        run = cli("rules", "--allow-user-code")
        assert re.search(r"^X001  too-wide +error +Find flat boxes$", run.out, re.M)
        rows = json.loads(cli("rules", "--allow-user-code", "--output-format", "json").out)
        assert rows[-1]["params"] == {"max_ratio": 5.0}
        run = cli("explain", "too-wide", "--allow-user-code")
        assert run.out.startswith("# X001 too-wide\n") and run.err == ""

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("1 / 0", "ZeroDivisionError"),
            (RULE.format(code="X1", body="True"), "'X1'"),
            (RULE.format(code="X01", body="x1 + 'a'"), "rule X01 (f, "),
        ],
    )
    def test_rules_that_do_not_work_are_one_clear_line(self, cli, here, flat, trace, text, said):
        (here / "own_rules" / "flat.py").write_text(text)
        run = cli("check", flat, "--allow-user-code")
        assert run.is_one_clear_line()
        assert said in run.err
        assert not (here / "fastlabel-report").exists()

    def test_the_flag_without_rules_is_said(self, cli, here, flat):
        (here / "fastlabel.toml").write_text("workers = 1")
        run = cli("check", flat, "--allow-user-code", "--select", "FL2")
        assert run.code == 0
        assert run.err.splitlines() == [
            f"fastlabel: --allow-user-code: {here / 'fastlabel.toml'} names no user_rules"
        ]

    def test_what_could_not_be_judged_is_said(self, cli, here, flat, trace):
        text = (here / "own_rules" / "flat.py").read_text().replace("x1, y1, x2", "area, y1, x2")
        text = text.replace("x2 - x1", "x2 - area")
        (here / "own_rules" / "flat.py").write_text(text)
        run = cli("check", flat, "--allow-user-code", "--select", "X")
        assert "X001: 2 rows (a value that the rule needs is unknown)" in " ".join(run.out.split())
        assert "X001: 2 rows" in (here / "fastlabel-report" / "report.html").read_text()
