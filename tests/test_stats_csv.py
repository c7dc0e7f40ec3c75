"""Names from data are text in a spreadsheet too."""

from __future__ import annotations

import csv

import cv2
import numpy as np
from click.testing import CliRunner

from fastlabel.cli import _group


def test_a_file_name_is_never_a_formula(tmp_path):
    data = cv2.imencode(".jpg", np.full((20, 20), 99, np.uint8))[1].tobytes()
    folder = tmp_path / "set"
    folder.mkdir()
    for name in ("=cmd|'calc'!A0.jpg", "plain.jpg"):
        (folder / name).write_bytes(data)
    out = tmp_path / "s.csv"
    done = CliRunner().invoke(_group, ["scan", str(folder), "-o", str(out)])
    assert done.exit_code == 0, done.output
    rows = list(csv.DictReader(out.read_text(encoding="utf-8").splitlines()))
    assert {r["file_name"] for r in rows} == {"'=cmd|'calc'!A0.jpg", "plain.jpg"}
    assert [float(r["luma_mean"]) for r in rows] == [99.0, 99.0]


def test_stats_keep_to_the_limits_of_the_project(tmp_path, monkeypatch):
    data = cv2.imencode(".jpg", np.full((20, 20), 99, np.uint8))[1].tobytes()
    folder = tmp_path / "set"
    folder.mkdir()
    (folder / "a.jpg").write_bytes(data)
    (tmp_path / "fastlabel.toml").write_text("[limits]\nmax_pixels = 399\n")
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(_group, ["scan", "set"])
    assert done.exit_code == 0, done.output
    assert "over_limit" in done.output
