"""``fastlabel corrupt``: a new set in its own format whose ledger is that of the files."""

from __future__ import annotations

import json
import re
from pathlib import Path

import cv2
import numpy as np
import pyarrow.parquet as pq
import pytest
from test_corrupt import labels

import fastlabel as fl
from fastlabel.cli import main
from fastlabel.prepare.corrupt import settings_of
from fastlabel.prepare.corrupt_set import corrupt_set


def run(capsys, *words):
    with pytest.raises(SystemExit) as stopped:
        main([str(word) for word in words])
    said = capsys.readouterr()
    return stopped.value.code, said.out, said.err


def with_pictures(folder, **options):
    dataset = labels(folder, **options)
    for name in dataset.images["file_name"].to_pylist():
        cv2.imwrite(str(folder / name), np.full((480, 640, 3), 90, np.uint8))
    return fl.read(folder)


def tree(folder: Path):
    return {p.relative_to(folder): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def agrees(folder, source):
    """Whether the ledger says of the files what is in them."""
    new, ledger = fl.read(folder), pq.read_table(folder / "ledger.parquet")
    boxes, names = new.boxes(), new.with_images_named()["category"].to_pylist()
    source_names = source.with_images_named()["category"].to_pylist()
    images = new.column("annotations", "image_id")
    for error in ledger.to_pylist():
        rows = [r for r in (error["annotation_id"], *error["related"]) if r is not None]
        after = json.loads(error["after"] or "[]")
        assert len(rows) == len(after)
        for row, said in zip(rows, after, strict=True):
            np.testing.assert_allclose(boxes[row], said["box"], atol=0.01)
            assert names[row] == said["category"] and images[row] == error["image_id"]
            assert new.categories["name"][said["category_id"]].as_py() == said["category"]
        assert new.images["file_name"][error["image_id"]].as_py() == error["file_name"]
        sources = [error["source_annotation_id"], *error["related_sources"]]
        before = json.loads(error["before"] or "[]")
        for row, said in zip((r for r in sources if r is not None), before, strict=True):
            assert source.boxes()[row].tolist() == said["box"]
            assert source_names[row] == said["category"]
    assert settings_of(ledger)["images"] == len(new)
    return ledger


@pytest.mark.parametrize("target", ["coco", "yolo", "voc"])
def test_each_format_and_its_ledger(tmp_path, target):
    source = with_pictures(tmp_path / "set")
    made = corrupt_set(tmp_path / "set", tmp_path / "new", rate=0.5, seed=2, to=target)
    ledger = agrees(tmp_path / "new", source)
    assert ledger.equals(made.ledger) and ledger.num_rows == 48
    # An error is nothing that checking the tree would not meet as well.
    found = fl.evaluate_findings(
        fl.check(tmp_path / "new", select=["FL204"]).findings,
        tmp_path / "new",
        fl.read(tmp_path / "new"),
    )
    kinds = {row["kind"]: row for row in found.per_kind.to_pylist()}
    assert kinds["duplicate"]["recall"] > 0.5 and kinds["drop"]["found"] == 0


def test_the_source_is_never_changed_and_the_seed_decides(tmp_path):
    with_pictures(tmp_path / "set")
    before = tree(tmp_path / "set")
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        corrupt_set(tmp_path / "set", tmp_path / name, seed=seed)
    assert tree(tmp_path / "set") == before
    assert tree(tmp_path / "a") == tree(tmp_path / "b") != tree(tmp_path / "c")


def test_the_command(tmp_path, capsys):
    source = with_pictures(tmp_path / "set")
    code, out, err = run(
        capsys,
        *("corrupt", tmp_path / "set", tmp_path / "new", "--rate", 0.2),
        *("--kinds", "drop=3,shift", "--seed", 7, "--link"),
    )
    assert code == 0 and err == ""
    assert re.search(r"Errors +19, 20 % of 96 boxes; seed 7", out)
    assert re.search(r"Drop +14\n", out) and re.search(r"Shift +5\n", out)
    ledger = agrees(tmp_path / "new", source)
    assert sorted(set(ledger["kind"].to_pylist())) == ["drop", "shift"]
    summary = (tmp_path / "new" / "corrupt.md").read_text()
    assert "| drop | 14 | 14 |" in summary and summary.count("| shift |") == 6
    name = source.images["path"][0].as_py()
    copies = list((tmp_path / "new").rglob(Path(name).name))
    assert copies[0].stat().st_ino == (tmp_path / "set" / name).stat().st_ino


def test_errors_that_cannot_be_made_are_told(tmp_path, capsys):
    with_pictures(tmp_path / "set", classes=1)
    code, out, _ = run(
        capsys, "corrupt", tmp_path / "set", tmp_path / "new", "--kinds", "swap,drop"
    )
    assert code == 1 and re.search(r"Swap +0 of 5: no more boxes allow it", out)


def test_missing_pictures_are_named(tmp_path, capsys):
    labels(tmp_path / "set", images=1)
    code, out, _ = run(capsys, "corrupt", tmp_path / "set", tmp_path / "new")
    assert code == 1 and "No picture 0.jpg" in out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--rate", "2"], "--rate"),
        (["--kinds", "drop,melt"], "--kinds: got 'melt', expected some of drop"),
        (["--kinds", "drop=many"], "--kinds: got 'drop=many', expected KIND or KIND=WEIGHT"),
    ],
)
def test_bad_options(tmp_path, capsys, words, said):
    with_pictures(tmp_path / "set", images=1)
    code, _, err = run(capsys, "corrupt", tmp_path / "set", tmp_path / "new", *words)
    assert code == 2 and said in err and "Traceback" not in err
    assert not (tmp_path / "new").exists()


def test_bad_places(tmp_path, capsys):
    with_pictures(tmp_path / "set", images=1)
    code, _, err = run(capsys, "corrupt", tmp_path / "set", tmp_path / "set" / "new")
    assert code == 2 and "never changed" in err
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "a.txt").write_text("mine")
    code, _, err = run(capsys, "corrupt", tmp_path / "set", tmp_path / "full")
    assert code == 2 and "is not empty" in err
    (tmp_path / "bare").mkdir()
    cv2.imwrite(str(tmp_path / "bare" / "a.jpg"), np.zeros((9, 9), np.uint8))
    code, _, err = run(capsys, "corrupt", tmp_path / "bare", tmp_path / "new")
    assert code == 2 and not (tmp_path / "new").exists()


def test_real_sets(shared_data, tmp_path):
    for name in ("bccd", "raccoon", "garbage-yolo"):
        corrupt_set(shared_data / name, tmp_path / name, rate=0.1, seed=3, link=True)
        agrees(tmp_path / name, fl.read(shared_data / name))
