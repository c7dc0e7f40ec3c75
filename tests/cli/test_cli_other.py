"""The other commands, and the command line as a whole."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pyarrow.parquet as pq
import pytest
from cli_runs import PROGRAM, photo, program, tree_hash, write_set
from pyarrow import feather

import fastlabel
from fastlabel.rules import RULES

COMMANDS = ("check", "explain", "rules", "stats", "diff", "scan", "sample")


def test_the_program_and_the_module_are_the_same(here):
    script = Path(sys.executable).with_name("fastlabel")
    if not script.exists():
        pytest.skip("NO SCRIPT beside the interpreter: the package is not installed here")
    by_script = subprocess.run([script, "--version"], capture_output=True, timeout=60)
    by_module = program("--version", cwd=here)
    assert by_script.stdout == by_module.stdout == f"fastlabel {fastlabel.__version__}\n".encode()


def test_help_names_every_command_and_the_exit_codes(cli):
    run = cli("--help")
    assert (run.code, run.err) == (0, "")
    for word in (*COMMANDS, "130", "--fail-on"):
        assert word in run.out


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_has_help(cli, command):
    run = cli(command, "-h")
    assert (run.code, run.err) == (0, "")
    assert f"fastlabel {command}" in run.out


@pytest.mark.parametrize("code", RULES)
def test_explain_has_a_page_for_every_rule(cli, code):
    run = cli("explain", code)
    assert (run.code, run.err) == (0, "")
    assert code in run.out and RULES[code].name in run.out
    assert len(run.out.split()) > 60
    assert cli("explain", RULES[code].name).out == run.out


def test_explain_of_an_unknown_rule(cli):
    run = cli("explain", "FL999")
    assert run.is_one_clear_line()


def test_rules_lists_all_of_them_in_order(cli):
    listed = re.findall(
        r"^(FL\d{3})\s+([a-z0-9-]+)\s+(error|warning|info) ", cli("rules").out, re.M
    )
    assert [row[0] for row in listed] == sorted(RULES)
    assert [row[1] for row in listed] == [RULES[row[0]].name for row in listed]
    rows = json.loads(cli("rules", "--output-format", "json").out)
    assert [row["code"] for row in rows] == sorted(RULES)


def test_a_reader_that_goes_away_is_no_error(here):
    reader, writer = os.pipe()
    os.close(reader)
    run = subprocess.Popen([*PROGRAM, "rules"], cwd=here, stdout=writer, stderr=subprocess.PIPE)
    os.close(writer)
    _, err = run.communicate(timeout=60)
    assert b"Traceback" not in err and b"Exception" not in err


class TestStats:
    def laplacian(self, path):
        return cv2.Laplacian(cv2.imread(str(path), cv2.IMREAD_GRAYSCALE), cv2.CV_64F).var()

    def test_csv_on_stdout(self, cli, pair):
        run = cli("scan", pair)
        assert (run.code, run.err) == (0, "")
        rows = list(csv.DictReader(io.StringIO(run.out)))
        assert [(r["file_name"], r["status"], r["width"]) for r in rows] == [
            ("a.jpg", "ok", "320"),
            ("b.jpg", "ok", "320"),
        ]
        for row in rows:
            expected = self.laplacian(pair / row["file_name"])
            assert np.isclose(float(row["laplacian_variance"]), expected, rtol=1e-12)

    def test_every_file_format_holds_the_same(self, cli, here, pair):
        for name in ("s.csv", "s.parquet", "s.arrow"):
            run = cli("scan", pair, "-o", name)
            assert (run.code, run.out, run.err) == (0, "", f"{name}: 2 rows\n")
        parquet = pq.read_table("s.parquet")
        arrow = feather.read_table("s.arrow", memory_map=False)
        assert parquet.equals(arrow)
        with Path("s.csv").open() as file:
            rows = list(csv.DictReader(file))
        assert [float(r["luma_mean"]) for r in rows] == parquet["luma_mean"].to_pylist()
        levels = [[r[f"scale_acutance_{2 << k}"] for k in range(3)] for r in rows]
        assert [[float(v) if v else None for v in row] for row in levels] == parquet[
            "scale_acutance"
        ].to_pylist()
        assert {p.name for p in here.iterdir()} == {"s.csv", "s.parquet", "s.arrow"}

    def test_boxes(self, cli, pair):
        rows = list(csv.DictReader(io.StringIO(cli("scan", pair, "--boxes").out)))
        assert [(r["annotation_id"], r["image_id"]) for r in rows] == [("0", "0"), ("1", "1")]
        luma = cv2.imread(str(pair / "a.jpg"), cv2.IMREAD_GRAYSCALE)[20:110, 10:110]
        assert int(rows[0]["pixels"]) == luma.size
        assert np.isclose(float(rows[0]["luma_mean"]), luma.mean())

    @pytest.mark.parametrize("out", ["x.txt", "absent/x.csv", "file/x.csv", "pair/x.csv"])
    def test_places_it_cannot_or_must_not_write(self, cli, here, tmp_path, pair, out):
        (here / "file").write_text("mine")
        target = tmp_path / out if out.startswith("pair") else out
        before = tree_hash(pair)
        run = cli("scan", pair, "-o", target)
        assert run.is_one_clear_line()
        assert out.partition("/")[0] in run.err
        assert tree_hash(pair) == before

    def test_a_missing_set(self, cli):
        assert cli("scan", "absent").is_one_clear_line()


class TestSample:
    @pytest.mark.slow
    def test_it_draws_and_says_what(self, cli, here, drawn_sample):
        run = cli("sample", "new/set", "--seed", 3)
        assert (run.code, run.err) == (0, "")
        root, truth = drawn_sample("coco")
        assert f"{len(truth['faults'])} planted faults" in run.out
        ours = {p.relative_to(here / "new/set"): p for p in (here / "new/set").rglob("*.json")}
        assert ours
        for name, path in ours.items():
            assert path.read_bytes() == (root / name).read_bytes()

    def test_it_writes_over_nothing(self, cli, here):
        write_set(here / "mine", {"a.jpg": photo()})
        before = tree_hash(here)
        run = cli("sample", "mine")
        assert run.is_one_clear_line()
        run = cli("sample", "mine/a.jpg")
        assert (run.code, run.out) == (2, "")
        assert tree_hash(here) == before
