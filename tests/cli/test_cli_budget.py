"""``check --budget``: what to look at first."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from cli_runs import coco, photo, write_set

BOXES = [[10, 20, 100, 90], [10, 20, 100, 90], [50, 60, 20, 20], [50, 60, 20, 20]]


@pytest.fixture
def doubled(tmp_path):
    return write_set(
        tmp_path / "set",
        {"labels.json": coco(["a.jpg"], BOXES), "a.jpg": photo(1)},
    )


def test_a_budget_prints_so_many_objects(cli, doubled):
    for budget in (0, 1, 5):
        done = cli("check", doubled, "--budget", budget, "--no-cache", "--out", "report")
        assert done.code in (0, 1)
        lines = done.out.split("Review first: ")[1].split("Report:")[0].strip().splitlines()
        queue = pq.read_table("report/queue.parquet")
        told = json.loads(Path("report/summary.json").read_text())["review"]
        assert len(lines) - 1 == min(budget, queue.num_rows)
        assert told["budget"]["objects"] == min(budget, queue.num_rows)
        assert queue.num_rows == 2
        assert queue["rank"].to_pylist() == [1, 2]


def test_without_a_budget_nothing_is_printed_but_the_file_is_there(cli, doubled):
    done = cli("check", doubled, "--out", "report")
    assert "Review first" not in done.out
    assert pq.read_table("report/queue.parquet").num_rows == 2


def test_formats_for_machines_stay_as_they_are(cli, doubled):
    done = cli("check", doubled, "--budget", 3, "--output-format", "json", "--out", "report")
    json.loads(done.out)


@pytest.mark.parametrize("bad", ["-1", "many", "2.5"])
def test_budgets_that_are_none(cli, doubled, bad):
    done = cli("check", doubled, "--budget", bad)
    assert done.code == 2
    assert "--budget" in done.err


def test_a_wrong_setting_is_said_before_the_scan(cli, doubled, here):
    (here / "fastlabel.toml").write_text("[review]\nlok = 3\n")
    done = cli("check", doubled)
    assert done.code == 2
    assert "review.lok: no such setting; did you mean 'look'?" in done.err
    assert not (here / "fastlabel-report").exists()
