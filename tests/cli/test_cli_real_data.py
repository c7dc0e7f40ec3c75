"""Real sets through the command line: what is known to be odd in them, and nothing made up."""

from __future__ import annotations

import json
from collections import Counter

import pyarrow.parquet as pq
import pytest
from cli_runs import tree_hash

SHARP_AND_PLAIN = ("ukbench01380", "ukbench08996")


@pytest.fixture
def audit(cli, here, shared_data):
    """Check one of the real sets, which is left as it was."""

    def run(name, *args):
        root = shared_data / name
        before = tree_hash(root)
        done = cli("check", root, "--output-format", "jsonl", *args)
        assert done.err == ""
        assert tree_hash(root) == before
        return done

    return run


def size(here):
    counts = json.loads((here / "fastlabel-report/summary.json").read_text())["dataset"]
    return counts["images"], counts["boxes"]


def of(run, code):
    return [f for f in run.findings() if f["code"] == code]


def test_raccoon(audit, here):
    run = audit("raccoon")
    assert run.code == 1
    assert size(here) == (200, 217)
    pairs = {frozenset({"65", "98"}), frozenset({"83", "120"})}
    pairs |= {frozenset({"11", "116"}), frozenset({"52", "74"})}
    names = pq.read_table(here / "fastlabel-report/images.parquet")["file_name"].to_pylist()
    for code in ("FL501", "FL504"):
        found = of(run, code)
        assert len(found) == 4
        groups = set()
        for f in found:
            members = {f["image_id"], *f["evidence"]["related_images"]}
            groups.add(frozenset(names[i].rpartition("-")[2].removesuffix(".jpg") for i in members))
        assert groups == pairs
    # The labels are clean otherwise: sizes right, no box outside, no name wrong.
    assert {c for c in run.codes() if c[:3] in ("FL0", "FL1", "FL2")} <= {"FL207"}


def test_bccd(audit, here):
    run = audit("bccd")
    assert run.code == 1
    assert size(here) == (364, 4888)
    empty = sorted(f["file"].rpartition("/")[2] for f in of(run, "FL202"))
    assert empty == ["BloodImage_00338.xml", "BloodImage_00343.xml"]
    twice = {f["image"].rpartition("_")[2].removesuffix(".jpg") for f in of(run, "FL204")}
    assert {"00020", "00100", "00104", "00251", "00284"} <= twice
    assert len(of(run, "FL204")) == 8
    assert of(run, "FL201") == []


def test_garbage(audit, here):
    run = audit("garbage-yolo")
    assert run.code == 0  # absent splits and a foreign path are warnings
    assert size(here) == (40, 110)
    absent = [f["message"] for f in of(run, "FL004")]
    assert len(absent) == 2
    assert "train" in absent[0] and "test" in absent[1]
    (foreign,) = of(run, "FL005")
    assert foreign["evidence"]["value"].startswith("C:\\Users\\")


def test_a_missing_picture_is_named(audit):
    run = audit("sahi-small/coco_utils")
    assert run.code == 1
    missing = [f for f in of(run, "FL004") if f["image"] == "terrain3.png"]
    assert len(missing) == 1
    assert missing[0]["severity"] == "error"
    # The label file without its pictures: 50 more. The two terrains that are there are not.
    assert len(of(run, "FL004")) == 51


def test_every_damaged_jpeg_is_a_row_with_a_status(audit, here):
    run = audit("jpeg-torture")
    assert run.code == 1
    stats = pq.read_table(here / "fastlabel-report/image_stats.parquet").to_pylist()
    assert len(stats) == 241
    statuses = Counter(row["status"] for row in stats)
    assert sum(statuses.values()) == 241
    # Measured with two other decoders: 130 are whole to one, 141 give a picture in the other.
    assert 110 <= statuses["ok"] <= 141
    assert all(row["status_detail"] for row in stats if row["status"] != "ok")
    (giant,) = [r for r in stats if r["file_name"].endswith("max_size.jpg")]
    assert (giant["status"], giant["luma_mean"]) == ("over_limit", None)
    reported = {f["image_id"] for f in run.findings() if f["code"] in ("FL001", "FL002", "FL006")}
    assert reported == {r["image_id"] for r in stats if r["status"] != "ok"}


def test_quality(audit):
    found = {}
    for f in audit("quality").findings():
        found.setdefault(f["code"], set()).add((f["image"] or "").rpartition("/")[2])
    assert {"image_417.png", "780.png", "22.png", "1.png"} <= found["FL402"]
    assert "image_591.png" in found["FL403"]
    assert {"Original_244.jpg", "Original_5.jpg", "Original_6.jpg"} <= found["FL401"]
    assert "image_601.png" in found["FL401"]
    assert "image_588.png" in found["FL407"]
    assert found["FL001"] == {"ukbench09268_corrupt.jpg"}
    assert found["FL003"] == {"ukbench09380.bmp", "ukbench09380.png"}
    assert found["FL501"] & {"image_142.png", "image_236.png"}
    # In focus and plain: a fixed limit of the Laplacian variance calls these blurry.
    assert not [name for name in found["FL401"] if name.startswith(("ukbench", "DSC05405"))]


def test_the_fixed_limit_calls_sharp_plain_photos_blurry(audit, here):
    (here / "fastlabel.toml").write_text('blur = "laplacian-50"\n')
    names = {f["image"] for f in of(audit("quality", "--select", "FL401"), "FL401")}
    for stem in SHARP_AND_PLAIN:
        assert any(stem in name for name in names)
