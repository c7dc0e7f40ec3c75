"""``fastlabel match``, and ``check --reference``."""

from __future__ import annotations

import json

import cv2
import numpy as np
import pyarrow.parquet as pq
import pytest
from cli_runs import coco, tree_hash, write_set

import fastlabel as fl


def png(luma: float, seed: int) -> bytes:
    rng = np.random.default_rng(seed)
    picture = np.clip(rng.normal(luma, 6, (60, 80, 3)), 0, 255).astype(np.uint8)
    return bytes(cv2.imencode(".png", picture)[1])


@pytest.fixture
def day(tmp_path):
    names = [f"{k:02}.png" for k in range(20)]
    files = {name: png(150 if k < 14 else 30, k) for k, name in enumerate(names)}
    return write_set(
        tmp_path / "day", {**files, "labels.json": coco(names, [[10, 20, 30, 20]] * 20)}
    )


@pytest.fixture
def night(tmp_path):
    return write_set(tmp_path / "night", {f"n{k:02}.png": png(31, 90 + k) for k in range(15)})


def test_it_says_what_to_keep_and_what_is_covered_and_changes_nothing(cli, day, night, here):
    before = tree_hash(day), tree_hash(night)
    run = cli("match", day, "--reference", night)
    assert (run.code, run.err) == (0, "")
    assert "Keep        6\n" in run.out
    assert "Drop        14\n" in run.out
    assert "Covered     The best image covers 100 % of the frames; one at random" in run.out
    names = {p.name for p in (here / "fastlabel-match").iterdir()}
    assert names == {
        "match.html", "match.json", "match.parquet", "coverage.parquet", "reference.parquet",
    }  # fmt: skip
    table = pq.read_table(here / "fastlabel-match" / "match.parquet")
    assert table["decision"].to_pylist() == ["drop"] * 14 + ["keep"] * 6
    assert json.loads((here / "fastlabel-match" / "match.json").read_text())["images"] == 20
    assert (tree_hash(day), tree_hash(night)) == before


def test_a_plan_of_it_can_be_applied_and_undone(cli, day, night, here):
    run = cli("match", day, "--reference", night, "--plan", "p.parquet", "--dropped", "quarantine")
    assert "p.parquet: 14 quarantine_image" in run.out
    assert cli("apply", "p.parquet", "-o", "new").code == 0
    assert len(fl.read(here / "new")) == 6
    assert cli("undo", "new").code == 0
    assert len(fl.read(here / "new")) == 20


def test_a_described_deployment(cli, day, here):
    (here / "night.toml").write_text("[scene]\nluma_mean = [10, 60]\n")
    run = cli("match", day, "--reference", "night.toml", "-o", "out")
    assert (run.code, run.err) == (0, "")
    assert "256 frames (light)" in run.out
    (here / "night.toml").write_text("[scene]\nluma = [10, 60]\n")
    assert cli("match", day, "--reference", "night.toml", "-o", "out").is_one_clear_line()


def test_unread_pictures_are_named(cli, day, night):
    (day / "03.png").write_bytes(b"junk")
    (night / "n05.png").write_bytes(b"")
    run = cli("match", day, "--reference", night)
    assert run.code == 1
    assert "Unread      03.png: " in run.out
    assert "Frame       n05.png: " in run.out
    run = cli("check", day, "--reference", night, "--select", "FL8", "--out", "report")
    assert run.code == 0
    assert "FL801 scene-mismatch" in run.out
    assert "1 reference frame was not decoded whole" in run.err
    assert "n05.png" in run.err


def test_what_cannot_be_is_one_clear_line(cli, day, night, here):
    (here / "none").mkdir()
    assert cli("match", day, "--reference", "none").is_one_clear_line()
    assert cli("match", day, "--reference", "nowhere").is_one_clear_line()
    assert cli("check", day, "--reference", "none").is_one_clear_line()
    assert cli("match", day, "--reference", night, "-o", day / "out").is_one_clear_line()
    assert cli("match", day, "--reference", night, "--plan", day / "p.parquet").is_one_clear_line()
    assert cli("match", day, "--reference", night, "--plan", "p.txt").is_one_clear_line()
    assert cli("match", night, "--reference", night, "--plan", "p.parquet").is_one_clear_line()
    np.save(here / "short.npy", np.eye(3))
    for options in (
        ("--keep", "2"),
        ("--groups", "smell"),
        ("--embeddings", "short.npy"),
        ("--embeddings", "short.npy", "--reference-embeddings", "short.npy"),
    ):
        run = cli("match", day, "--reference", night, *options)
        assert (run.code, run.out) == (2, "")
        assert "expected" in run.err
    assert not (here / "fastlabel-match").exists()
