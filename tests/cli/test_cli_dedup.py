"""``fastlabel dedup`` and ``fastlabel split``."""

from __future__ import annotations

import json

import numpy as np
import pyarrow.parquet as pq
import pytest
from cli_runs import coco, photo, tree_hash, write_set

import fastlabel as fl


@pytest.fixture
def copies(tmp_path):
    names = [f"cam{k // 3}_{k}.jpg" for k in range(12)]
    files = {name: photo(k) for k, name in enumerate(names)}
    files["cam3_11.jpg"] = files["cam0_0.jpg"]
    boxes = [[10, 20, 100, 90]] * len(names)
    return write_set(tmp_path / "copies", {**files, "labels.json": coco(names, boxes)})


def test_dedup_writes_a_table_and_a_page_and_changes_nothing(cli, copies, here):
    before = tree_hash(copies)
    run = cli("dedup", copies)
    assert (run.code, run.err) == (0, "")
    assert "1 of the same bytes" in run.out
    assert "cam0_0.jpg, cam3_11.jpg (same bytes)" in run.out
    table = pq.read_table(here / "fastlabel-dedup" / "groups.parquet")
    assert table["file_name"].to_pylist() == ["cam0_0.jpg", "cam3_11.jpg"]
    assert "Group 0" in (here / "fastlabel-dedup" / "groups.html").read_text()
    assert tree_hash(copies) == before


def test_dedup_says_what_it_could_not_read(cli, copies):
    (copies / "cam1_4.jpg").write_bytes(b"no picture")
    run = cli("dedup", copies)
    assert run.code == 1
    assert "Unread     1 image" in run.out
    assert "cam1_4.jpg" in run.out


def test_dedup_with_embeddings(cli, copies, here):
    vectors = np.eye(12)
    vectors[5] = vectors[4]
    np.save(here / "e.npy", vectors)
    run = cli("dedup", copies, "--embeddings", "e.npy", "-o", "out")
    assert "2: 1 of the same bytes, 1 of near copies" in run.out
    np.save(here / "short.npy", vectors[:5])
    assert cli("dedup", copies, "--embeddings", "short.npy").is_one_clear_line()
    (here / "bad.npy").write_bytes(b"none")
    assert cli("dedup", copies, "--embeddings", "bad.npy").is_one_clear_line()


def test_dedup_refuses(cli, copies, tmp_path):
    assert cli("dedup", copies, "-o", copies / "out").is_one_clear_line()
    assert cli("dedup", tmp_path / "nowhere").is_one_clear_line()
    assert cli("dedup", copies, "--distance", "65").code == 2
    assert cli("dedup", copies, "--turned", "--linkage", "complete").code == 2


def test_split_writes_assignments(cli, copies, here):
    before = tree_hash(copies)
    run = cli("split", copies, "--ratios", "50/50", "--group-by", r"cam(\d+)_")
    assert run.code == 0, run
    assert "Straddling 0 groups; the set had no splits" in run.out
    rows = pq.read_table(here / "fastlabel-split.parquet").to_pylist()
    where = {row["path"].split("_")[0]: row["split"] for row in rows}
    assert where["cam0"] == where["cam3"]
    assert all(row["split"] == where[row["path"].split("_")[0]] for row in rows)
    assert tree_hash(copies) == before


@pytest.mark.parametrize("out", ["a.csv", "lists"])
def test_split_writes_csv_and_lists(cli, copies, here, out):
    assert cli("split", copies, "--ratios", "train=70,holdout=30", "-o", out).code == 0
    if out == "a.csv":
        assert len((here / out).read_text().splitlines()) == 13
    else:
        lists = {p.stem: p.read_text().split() for p in (here / out).iterdir()}
        assert set(lists) == {"train", "holdout"}
        assert sum(map(len, lists.values())) == 12


@pytest.mark.parametrize("to", ["coco", "yolo", "voc"])
def test_split_makes_a_new_set_without_leaks(cli, copies, here, to):
    before = tree_hash(copies)
    run = cli("split", copies, "new", "--ratios", "60/40", "--to", to)
    assert run.code == 0, run
    new = fl.read(here / "new")
    assert len(new) == 12
    assert set(new.images["split"].to_pylist()) == {"train", "val"}
    findings = fl.check(new, select=["FL503"]).findings
    assert findings.num_rows == 0
    assert (here / "new" / "assignments.parquet").is_file()
    assert tree_hash(copies) == before


def test_split_of_missing_pictures_is_named(cli, copies):
    (copies / "cam1_4.jpg").unlink()
    run = cli("split", copies, "new", "--ratios", "60/40")
    assert run.code == 1
    assert "No picture cam1_4.jpg" in run.out


def test_split_refuses(cli, copies, here, tmp_path):
    assert cli("split", copies, "--ratios", "50/40").code == 2
    assert cli("split", copies, "--ratios", "much").code == 2
    assert cli("split", copies, "--ratios", "a=50,a=50").code == 2
    assert cli("split", copies, "--group", "none", "--group", "tiles").code == 2
    assert cli("split", copies, "-o", "x.txt").code == 2
    assert cli("split", copies, "--group-by", "video").is_one_clear_line()
    assert cli("split", copies, "--group-by", "((").is_one_clear_line()
    assert cli("split", copies, "--group", "tiles").is_one_clear_line()
    assert cli("split", copies, copies / "new").is_one_clear_line()
    assert cli("split", copies, "-o", copies / "x.parquet").is_one_clear_line()
    (here / "full").mkdir()
    (here / "full" / "a").write_text("")
    assert cli("split", copies, "full").is_one_clear_line()
    empty = write_set(tmp_path / "empty", {"labels.json": json.dumps({"images": []})})
    assert cli("split", empty).is_one_clear_line()
    assert not (here / "fastlabel-split.parquet").exists()
