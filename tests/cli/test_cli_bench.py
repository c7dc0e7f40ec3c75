"""``fastlabel bench``: exit codes, the table, the JSON, and what an interrupt leaves."""

from __future__ import annotations

import json

import numpy as np
import pytest

from fastlabel.bench import Peer, Row, machine, runner


def equal(ours, theirs):
    np.testing.assert_array_equal(ours, theirs)


def made(name, *peers, run=np.sum):
    return Row(name, f"work of {name}", lambda: (np.arange(100.0),), run, peers, equal)


@pytest.fixture
def rows(monkeypatch):
    """Rows of our own instead of the suite, and a small bandwidth measurement."""
    mine = [("first", made("good", Peer("theirs", (), np.sum, promised=0.001)))]
    monkeypatch.setattr("fastlabel.bench.load", lambda: (mine, []))
    monkeypatch.setattr(machine, "DOUBLES", 1000)
    monkeypatch.setattr(machine.bandwidth, "__defaults__", (1000, 1))
    quick = runner.Plan(seconds=0.001, least=2, most=2, least_slow=1)
    monkeypatch.setattr(runner, "THOROUGH", quick)
    return mine


def test_a_table_and_a_document(cli, here, rows):
    run = cli("bench", "--json", "out.json")
    assert run.code == 0
    assert "work of good" in run.out and "theirs" in run.out and "met" in run.out
    assert "copy" in run.out and "GB/s" in run.out
    assert "[1/1] first/good" in run.err
    results = json.loads((here / "out.json").read_text())
    assert results["complete"] is True
    assert {"cpu", "isa", "compiler", "versions", "system"} <= results["host"].keys()
    assert "commit" not in results["host"]
    assert [r["name"] for r in results["rows"]] == ["good"]
    assert [p.name for p in here.iterdir()] == ["out.json"]


def test_a_disagreement_is_an_error(cli, here, rows):
    rows.append(("first", made("bad", Peer("liar", (), lambda x: x.sum() + 1))))
    run = cli("bench", "--json", "out.json")
    assert run.code == 1
    assert "liar DISAGREES" in run.out and "work of good" in run.out
    assert "fastlabel: bad disagrees: liar: " in run.err
    results = json.loads((here / "out.json").read_text())
    assert [r["status"] for r in results["rows"]] == ["ok", "disagrees"]


def test_ours_failing_is_an_error_and_an_absent_peer_is_none(cli, rows):
    rows[:] = [("first", made("lonely", Peer("ghost", ("no_such_module",), np.sum)))]
    run = cli("bench")
    assert run.code == 0
    assert "ghost: not installed" in run.out and "pip install 'fastlabel[bench]'" in run.out
    rows.append(("first", made("broken", run=lambda x: 1 / 0)))
    run = cli("bench")
    assert run.code == 1 and "failed: ZeroDivisionError" in run.out


def test_an_interrupt_leaves_what_was_measured(cli, here, rows):
    def stop(x):
        raise KeyboardInterrupt

    rows += [("second", made("stopped", run=stop)), ("second", made("never"))]
    run = cli("bench", "--json", "out.json")
    assert run.code == 130
    assert "work of good" in run.out and "never" not in run.out
    assert "interrupted" in run.out
    results = json.loads((here / "out.json").read_text())
    assert (results["complete"], len(results["rows"])) == (False, 1)


def test_choosing_and_listing(cli, rows):
    rows.append(("second", made("other")))
    run = cli("bench", "--list")
    assert run.out.splitlines() == [
        "first/good: work of good; beside theirs (0.001x promised)",
        "second/other: work of other; beside nobody",
    ]
    run = cli("bench", "--list", "--select", "second")
    assert run.out.splitlines() == ["second/other: work of other; beside nobody"]
    run = cli("bench", "--select", "first,other", "--quick")
    assert run.code == 0 and "work of good" in run.out and "work of other" in run.out
    run = cli("bench", "--select", "secnd")
    assert run.is_one_clear_line() and "did you mean 'second'" in run.err


def test_a_place_that_cannot_be_written_is_said_before_anything_runs(cli, rows):
    run = cli("bench", "--json", "no/such/folder.json")
    assert (run.code, run.out) == (2, "")
    assert "[1/1]" not in run.err


def test_missing_topics_are_said(cli, monkeypatch, rows):
    monkeypatch.setattr("fastlabel.bench.load", lambda: (rows, ["pixels"]))
    assert "the rows of pixels are not in this installation" in cli("bench", "--list").err


def test_help_names_the_options(cli):
    run = cli("bench", "--help")
    for option in ("--select", "--quick", "--list", "--json", "FASTLABEL_ISA"):
        assert option in run.out
