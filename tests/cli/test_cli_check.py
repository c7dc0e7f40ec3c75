"""``fastlabel check``: what it writes, prints and exits with."""

from __future__ import annotations

import json
import os
import resource
import subprocess
from pathlib import Path

import pytest
from cli_runs import PROGRAM, coco, photo, program, tree_hash, write_set

FILES = {
    "report.html",
    "summary.json",
    "findings.parquet",
    "image_stats.parquet",
    "box_stats.parquet",
    "images.parquet",
    "annotations.parquet",
    "categories.parquet",
    "problems.parquet",
    "queue.parquet",
}
FORMATS = ("full", "concise", "json", "jsonl", "sarif", "github")


@pytest.fixture
def graded(tmp_path):
    """A set whose worst finding is of the severity asked for."""
    boxes = {
        "error": [[-90, 20, 100, 90]],
        "warning": [[10, 20, 100, 90], [10, 20, 100, 90]],
        "info": [[10, 20, 100, 90]],
        "none": [[10, 20, 100, 90]],
    }

    def make(worst):
        document = coco(["a.jpg"], boxes[worst])
        if worst == "info":
            document["categories"].append({"id": 2, "name": "unused"})
        return write_set(tmp_path / worst, {"a.jpg": photo(), "labels.json": document})

    return make


def test_the_report_goes_into_the_current_folder_and_the_set_stays_as_it_is(cli, here, pair):
    before = tree_hash(pair)
    run = cli("check", pair)
    assert (run.code, run.err) == (0, "")
    assert "fastlabel-report/report.html" in run.out
    assert {p.name for p in here.iterdir()} == {"fastlabel-report"}
    assert {p.name for p in (here / "fastlabel-report").iterdir()} == FILES
    assert tree_hash(pair) == before


def test_the_sample_stays_as_it_is_and_every_planted_fault_is_found(cli, here, drawn_sample):
    root, truth = drawn_sample("coco")
    before = tree_hash(root)
    run = cli("check", root, "--deploy", "edge-640", "--truth", root / "truth.json")
    n = len(truth["faults"])
    assert run.out.splitlines()[-1] == f"Planted faults: {n} of {n} found, 0 other findings."
    assert run.code == 1
    assert tree_hash(root) == before
    page = (here / "fastlabel-report/report.html").stat()
    assert page.st_size < 5_000_000


@pytest.mark.slow
@pytest.mark.parametrize("name", ["yolo", "voc"])
def test_every_planted_fault_is_found_in_the_other_formats(cli, drawn_sample, name):
    root, truth = drawn_sample(name)
    run = cli("check", root, "--deploy", "edge-640", "--truth", root / "truth.json")
    n = len(truth["faults"])
    assert run.out.splitlines()[-1] == f"Planted faults: {n} of {n} found, 0 other findings."


def test_a_fault_that_is_not_there_is_told_as_missed(cli, pair, tmp_path):
    truth = {"faults": [{"code": "FL202", "image": "a.jpg", "where": None, "note": ""}]}
    write_set(tmp_path, {"truth.json": truth})
    run = cli("check", pair, "--truth", tmp_path / "truth.json", "--output-format", "jsonl")
    assert run.out == ""
    assert "Planted faults: 0 of 1 found, 0 other findings." in run.err
    assert "missed: " in run.err


def test_a_read_only_set_works(here, tmp_path, pair):
    for path in [*pair.rglob("*"), pair]:
        path.chmod(0o555 if path.is_dir() else 0o444)
    before = tree_hash(pair)
    try:
        run = program("check", pair, cwd=here)
        assert (run.returncode, run.stderr) == (0, b"")
        # Root may write anywhere: that nothing was made or changed is what counts.
        assert tree_hash(pair) == before
    finally:
        pair.chmod(0o755)


@pytest.mark.parametrize("fmt", FORMATS)
def test_results_on_stdout_and_nothing_on_stderr(cli, graded, fmt):
    run = cli("check", graded("error"), "--output-format", fmt)
    assert (run.code, run.err) == (1, "")
    out = run.out
    assert "FL201" in out
    assert "\x1b" not in out
    if fmt == "json":
        document = json.loads(out)
        assert {"summary", "findings"} == document.keys()
        assert [f["code"] for f in document["findings"]] == ["FL201"]
    elif fmt == "jsonl":
        (row,) = map(json.loads, out.splitlines())
        assert (row["code"], row["severity"]) == ("FL201", "error")
        assert (row["file"], row["pointer"]) == ("labels.json", "/annotations/0")
    elif fmt == "sarif":
        (log,) = json.loads(out)["runs"]
        assert [r["ruleId"] for r in log["results"]] == ["FL201"]
        assert log["results"][0]["level"] == "error"
    elif fmt == "github":
        (line,) = out.splitlines()
        assert line.startswith("::error file=labels.json,title=FL201 out-of-bounds::")


@pytest.mark.parametrize(
    ("worst", "fail_on", "code"),
    [
        ("none", "info", 0),
        ("info", None, 0),
        ("info", "warning", 0),
        ("info", "info", 1),
        ("warning", None, 0),
        ("warning", "error", 0),
        ("warning", "warning", 1),
        ("error", None, 1),
        ("error", "info", 1),
        ("error", "never", 0),
    ],
)
def test_the_exit_code_follows_fail_on(cli, graded, worst, fail_on, code):
    chosen = [] if fail_on is None else ["--fail-on", fail_on]
    run = cli("check", graded(worst), "--output-format", "jsonl", *chosen)
    assert (run.code, run.err) == (code, "")
    assert {f["severity"] for f in run.findings()} == ({worst} - {"none"})


def test_select_and_ignore(cli, graded):
    root = graded("error")
    assert cli("check", root, "--select", "FL4,FL202").code == 0
    assert cli("check", root, "--ignore", "FL201").code == 0
    assert cli("check", root, "--select", "FL2", "--output-format", "jsonl").codes() == ["FL201"]
    assert cli("check", root, "--select", "out-of-bounds").code == 1


def test_one_split_alone(cli, tmp_path):
    root = write_set(
        tmp_path / "set",
        {
            "train/a.jpg": photo(1),
            "val/b.jpg": photo(2),
            "annotations/instances_train.json": coco(["a.jpg"], [[10, 20, 100, 90]]),
            "annotations/instances_val.json": coco(["b.jpg"], [[-90, 20, 100, 90]]),
        },
    )
    assert cli("check", root, "--split", "train").code == 0
    assert cli("check", root, "--split", "val").code == 1
    run = cli("check", root, "--split", "test")
    assert run.is_one_clear_line()
    assert "train" in run.err


class TestConfiguration:
    def test_the_nearest_file_is_used_and_the_command_line_wins(self, cli, here, graded):
        root = graded("warning")
        (here.parent / "fastlabel.toml").write_text('fail-on = "warning"\nselect = ["FL204"]\n')
        assert cli("check", root).code == 1
        assert cli("check", root, "--fail-on", "error").code == 0
        assert cli("check", root, "--select", "FL3").code == 0

    def test_a_table_in_pyproject(self, cli, here, graded):
        text = '[tool.fastlabel.rules.FL204]\nseverity = "error"\n'
        (here / "pyproject.toml").write_text(text)
        assert cli("check", graded("warning")).code == 1

    def test_a_file_inside_the_data_set_has_no_say(self, cli, graded):
        root = graded("error")
        (root / "fastlabel.toml").write_text('fail-on = "never"\n')
        assert cli("check", root).code == 1

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ('selekt = ["FL2"]', "select"),
            ('ignore = ["FL999"]', "FL999"),
            ("[rules.FL999]\nx = 1", "FL999"),
            ("[rules.FL201]\nmax_outsid = 1", "max_outsid"),
            ('fail-on = "sometimes"', "sometimes"),
            ("workers = -1", "workers"),
            ("[limits]\nmax_pixels = 0", "max_pixels"),
            ("a = [", "TOML"),
        ],
    )
    def test_mistakes_in_it_are_one_clear_line(self, cli, here, pair, text, said):
        (here / "fastlabel.toml").write_text(text)
        run = cli("check", pair)
        assert run.is_one_clear_line()
        assert said in run.err
        assert [p.name for p in here.iterdir()] == ["fastlabel.toml"]

    def test_limits_come_from_it_and_from_options(self, cli, here, pair):
        assert cli("check", pair, "--max-pixels", 76_800).code == 0
        run = cli("check", pair, "--max-pixels", 76_799, "--output-format", "jsonl")
        assert run.codes() == ["FL006", "FL006"]
        (here / "fastlabel.toml").write_text("[limits]\nmax-bytes = 100\n")
        assert cli("check", pair, "--output-format", "jsonl").codes() == ["FL006", "FL006"]


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["check"], "DATA"),
        (["check", "x", "y"], "y"),
        (["check", "x", "--no-such"], "--no-such"),
        (["check", "x", "--workers", "two"], "two"),
        (["check", "x", "--workers", "-1"], "-1"),
        (["check", "x", "--fail-on", "often"], "often"),
        (["check", "x", "--output-format", "pdf"], "pdf"),
        (["check", "x", "--format", "tfrecord"], "tfrecord"),
        (["check", "x", "--max-pixels", "0"], "0"),
        (["chekc", "x"], "did you mean 'check'?"),
        (["scan"], "DATA"),
        (["explain"], "CODE"),
        (["sample", "x", "--scenes", "3"], "3"),
    ],
)
def test_usage_errors_exit_with_2_and_say_what(cli, here, args, said):
    run = cli(*args)
    assert (run.code, run.out) == (2, "")
    assert said in run.err
    assert list(here.iterdir()) == []


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["--select", "FL999"], "FL999"),
        (["--ignore", "nonsense"], "nonsense"),
        (["--deploy", "edge-6400"], "edge-640"),
        (["--deploy", "absent.toml"], "absent.toml"),
        (["--truth", "absent.json"], "absent.json"),
        (["--split", "test"], "test"),
        (["--format", "yolo"], "no YOLO labels"),
    ],
)
def test_settings_that_cannot_be_met_are_one_clear_line(cli, here, pair, args, said):
    run = cli("check", pair, *args)
    assert run.is_one_clear_line()
    assert said in run.err
    assert list(here.iterdir()) == []


class TestOut:
    def test_it_is_never_inside_the_data_set(self, cli, here, pair, monkeypatch):
        before = tree_hash(pair)
        link = here / "link"
        link.symlink_to(pair)
        for out in (pair, pair / "new", link / "new", pair / "x" / ".." / "new"):
            run = cli("check", pair, "--out", out)
            assert run.is_one_clear_line()
            assert "never changed" in run.err
        assert cli("check", pair / "labels.json", "--out", pair / "new").is_one_clear_line()
        monkeypatch.chdir(pair)
        assert cli("check", ".").is_one_clear_line()
        assert tree_hash(pair) == before

    def test_a_label_folder_named_alone_keeps_its_parent_clean(self, cli, tmp_path):
        document = coco(["a.jpg"], [[10, 20, 100, 90]])
        root = write_set(
            tmp_path / "set", {"images/a.jpg": photo(), "annotations/all.json": document}
        )
        before = tree_hash(root)
        run = cli("check", root / "annotations/all.json", "--out", root / "report")
        assert run.is_one_clear_line()
        assert tree_hash(root) == before

    @pytest.mark.parametrize("out", ["file", "file/below", "/dev/null", "/proc/nowhere/x"])
    def test_a_file_in_the_way_is_told_before_the_scan(self, cli, here, pair, out):
        (here / "file").write_text("mine")
        run = cli("check", pair, "--out", out)
        assert run.is_one_clear_line()
        assert "--out" in run.err or "/proc" in run.err
        assert (here / "file").read_text() == "mine"

    @pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
    def test_a_folder_without_the_right_to_write(self, cli, here, pair):
        (here / "shut").mkdir(mode=0o555)
        for out in ("shut", "shut/below"):
            assert cli("check", pair, "--out", out).is_one_clear_line()

    def test_a_folder_where_a_file_should_go(self, cli, here, pair):
        (here / "out" / "summary.json").mkdir(parents=True)
        run = cli("check", pair, "--out", "out")
        assert run.is_one_clear_line()
        assert "summary.json" in run.err
        assert not any(p.name.startswith(".") for p in (here / "out").iterdir())

    def test_a_full_disk_leaves_the_earlier_report(self, here, graded):
        root, out = graded("warning"), here / "out"
        assert program("check", root, "--out", out, cwd=here).returncode == 0
        before = {p.name: p.read_bytes() for p in out.iterdir()}
        # All else fits, the page does not; and with --ignore all would be other bytes.
        sizes = sorted(map(len, before.values()))
        assert sizes[-1] == len(before["report.html"]) > 1.1 * sizes[-2]
        room = (sizes[-1] + sizes[-2]) // 2
        run = program(
            *("check", root, "--out", out, "--ignore", "FL6"),
            cwd=here,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (room, room)),
        )
        assert run.returncode == 2
        (line,) = run.stderr.decode().splitlines()
        assert line == f"fastlabel: {out / 'report.html'}: cannot be written: File too large"
        assert {p.name: p.read_bytes() for p in out.iterdir()} == before

    def test_a_full_stdout(self, here, pair):
        with Path("/dev/full").open("wb") as full:
            run = subprocess.run(
                [*PROGRAM, "check", str(pair)],
                cwd=here,
                stdout=full,
                stderr=subprocess.PIPE,
                timeout=60,
            )
        assert run.returncode == 2
        assert run.stderr.decode().splitlines() == ["fastlabel: No space left on device"]
