"""``fastlabel paste``: what it prints and how it exits."""

from __future__ import annotations

import json

import cv2
import numpy as np
import pytest
from cli_runs import tree_hash


@pytest.fixture
def discs(tmp_path):
    """Eight soft scenes with a sharp disc each."""
    root = tmp_path / "discs"
    root.mkdir()
    labels = {"images": [], "annotations": [], "categories": [{"id": 1, "name": "disc"}]}
    for at in range(8):
        rng = np.random.default_rng(at)
        low = rng.integers(90, 170, (6, 8, 3)).astype(np.uint8)
        picture = cv2.resize(low, (320, 240), interpolation=cv2.INTER_CUBIC)
        texture = rng.integers(0, 255, (16, 16, 3)).astype(np.uint8)
        texture = cv2.resize(texture, (80, 80), interpolation=cv2.INTER_NEAREST)
        mask = np.zeros((80, 80), np.uint8)
        cv2.circle(mask, (40, 40), 38, 255, -1)
        picture[50:130, 60:140][mask > 0] = texture[mask > 0]
        (root / f"{at}.jpg").write_bytes(cv2.imencode(".jpg", picture)[1].tobytes())
        labels["images"].append({"id": at, "file_name": f"{at}.jpg", "width": 320, "height": 240})
        labels["annotations"].append(
            {"id": at, "image_id": at, "category_id": 1, "bbox": [60, 50, 80, 80]}
        )
    (root / "labels.json").write_text(json.dumps(labels))
    return root


def test_it_says_what_was_wanted_and_reached(cli, discs, here):
    before = tree_hash(discs)
    run = cli("paste", discs, "new", "--deploy", "edge-640", "--share", 0.5, "--between", "1,3")
    assert (run.code, run.err) == (0, "")
    assert "Input      640 x 640, stride 8\n" in run.out
    assert "Bank       8 objects good enough" in run.out
    assert "50 % of boxes at 1 to 3 strides: 0 % before, 50 % now, by 8 pastes" in run.out
    assert run.out.endswith("new: coco data set with 8 objects pasted\n")
    assert (here / "new" / "ledger.parquet").exists()
    assert tree_hash(discs) == before


def test_the_assumed_input_is_said(cli, discs):
    assert "(assumed: no --deploy)" in cli("paste", discs, "new", "--count", 3).out


def test_falling_short_is_said_and_exits_with_one(cli, discs):
    run = cli("paste", discs, "new", "--count", 50, "--max-per-image", 1)
    assert run.code == 1
    assert "Not met    42 pastes short: no place left to paste: images have as many" in run.out


def test_a_broken_image_is_named_and_exits_with_one(cli, discs):
    (discs / "3.jpg").write_bytes((discs / "3.jpg").read_bytes()[:900])
    run = cli("paste", discs, "new", "--count", 20, "--max-per-image", 3)
    assert run.code == 1
    assert "Failed     3.jpg: not used: " in run.out
    assert "with 20 objects pasted" in run.out


def test_an_unreadable_image_that_no_paste_needs_is_named_too(cli, discs):
    (discs / "3.jpg").write_text("no picture")
    run = cli("paste", discs, "new", "--count", 1)
    assert run.code == 1
    assert "Failed     3.jpg: not used: " in run.out
    assert run.out.count("3.jpg") == 1
    assert "with 1 object pasted" in run.out
    (discs / "3.jpg").unlink()
    gone = cli("paste", discs, "other", "--count", 1)
    assert (gone.code, gone.out.count("3.jpg")) == (1, 1)
    assert "Failed     3.jpg: left out with its labels: " in gone.out


def test_the_audit_and_the_sheet(cli, discs, here):
    run = cli("paste", discs, "new", "--count", 40, "--between", "4,8", "--audit", "--sheet")
    assert "Seams      " in run.out
    assert (here / "new" / "paste-sheet.html").exists()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ([], "count, share, distribution: got none of them, expected exactly one"),
        (["--share", "1.5"], "share: got 1.5"),
        (["--count", "-3"], "count: got -3"),
        (["--share", "0.2", "--between", "3,1"], "between: got 3 to 1"),
        (["--share", "0.2", "--between", "3"], "--between: got '3', expected LOW,HIGH"),
        (["--distribution", "1-2"], "--distribution: got '1-2'"),
        (["--count", "3", "--classes", "disc=x"], "--classes: got 'disc=x'"),
        (["--count", "3", "--max-hidden", "2"], "max_hidden: got 2"),
    ],
)
def test_usage_errors(cli, discs, options, said):
    run = cli("paste", discs, "new", *options)
    assert run.code == 2
    assert run.out == ""
    assert said in run.err
    assert "Traceback" not in run.err


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--classes", "dics"], "disc"),
        (["--split", "val"], "no split named 'val'; this set has: none is declared"),
        (["--deploy", "edge-641"], "did you mean 'edge-640'?"),
        (["--backgrounds", "nowhere"], "nowhere"),
    ],
)
def test_input_that_cannot_be_used_is_one_clear_line(cli, discs, here, options, said):
    run = cli("paste", discs, "new", "--count", 3, *options)
    assert run.is_one_clear_line()
    assert said in run.err
    assert not (here / "new").exists()


def test_an_empty_bank_says_why(cli, discs):
    labels = (discs / "labels.json").read_text()
    (discs / "labels.json").write_text(labels.replace('"bbox"', '"ignore": 1, "bbox"'))
    run = cli("paste", discs, "new", "--count", 3)
    assert run.is_one_clear_line()
    assert "the bank is empty: all 8 instances were refused (8 " in run.err


def test_like_reasons_are_counted_together_and_keep_their_limit(cli, discs, monkeypatch):
    from fastlabel.prepare.paste import bank_scores

    monkeypatch.setattr(bank_scores, "MIN_SIDE", 1000)
    text = (discs / "labels.json").read_text()
    run = cli("paste", discs, "new", "--count", 3)
    assert run.is_one_clear_line()
    assert text.count('"bbox"') == 8
    assert "all 8 instances were refused (8 short side is below 1000); lower" in run.err


def test_a_folder_that_is_not_empty_is_refused(cli, discs, here):
    (here / "new").mkdir()
    (here / "new" / "mine").write_text("mine")
    run = cli("paste", discs, "new", "--count", 3)
    assert run.is_one_clear_line()
    assert "--overwrite" in run.err
    assert cli("paste", discs, "new", "--count", 3, "--overwrite").code == 0
