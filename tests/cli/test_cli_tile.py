"""``fastlabel tile``: what it prints, asks and refuses."""

from __future__ import annotations

import errno
import json

import cv2
import numpy as np
import pyarrow.parquet as pq
import pytest

import fastlabel as fl


@pytest.fixture
def frames(tmp_path):
    """Two frames of 300 x 200 with a box each, in COCO."""
    root = tmp_path / "frames"
    root.mkdir()
    rng = np.random.default_rng(0)
    for name in ("a.jpg", "b.jpg"):
        small = rng.integers(0, 256, (20, 30, 3), np.uint8)
        cv2.imwrite(str(root / name), cv2.resize(small, (300, 200)))
    images = [
        {"id": k, "file_name": f"{n}.jpg", "width": 300, "height": 200}
        for k, n in ((1, "a"), (2, "b"))
    ]
    rows = [
        {"id": 1, "image_id": 1, "category_id": 1, "bbox": [10, 10, 20, 20]},
        {"id": 2, "image_id": 2, "category_id": 1, "bbox": [91, 10, 10, 20]},
    ]
    text = {"images": images, "annotations": rows, "categories": [{"id": 1, "name": "boat"}]}
    (root / "labels.json").write_text(json.dumps(text))
    return root


def test_it_says_what_it_made(cli, frames, here):
    run = cli("tile", frames, "out", "--size", 100, "--overlap", 0, "--negatives", 0.5)
    assert (run.code, run.err) == (0, "")
    assert run.out.splitlines() == [
        "out: 8 tiles of 2 images",
        "  tiles     3 with boxes, 5 of 9 empty ones kept as negatives, 0 unlabelled",
        "  boxes     2 in the source, at their best: 1 whole, 1 cut, 0 ignore, 0 left out",
        "  in tiles  1 whole, 1 cut, 1 ignore",
        "  pictures  0 lossless, 8 encoded again, 0 windows moved",
    ]
    assert len(fl.read(here / "out")) == 8
    assert pq.read_table(here / "out" / "tiles.parquet").num_rows == 8


@pytest.mark.parametrize("to", ["coco", "yolo", "voc"])
def test_it_writes_each_format(cli, frames, here, to):
    assert cli("tile", frames, "out", "--size", "150x100", "--to", to).code == 0
    back = fl.read(here / "out")
    assert back.format == to
    assert set(zip(*(back.images[k].to_pylist() for k in ("width", "height")), strict=True)) <= {
        (150, 100),
        (None, None),
    }


def test_the_table_alone(cli, frames, here):
    run = cli("tile", frames, "t/tiles.parquet", "--table-only", "--size", 100)
    assert run.code == 0
    assert "pictures" not in run.out
    table = pq.read_table(here / "t" / "tiles.parquet")
    assert table.schema.remove_metadata().equals(fl.schema.TILES)
    assert [p.name for p in (here / "t").iterdir()] == ["tiles.parquet"]
    again = cli("tile", frames, "t/tiles.parquet", "--table-only")
    assert again.is_one_clear_line()
    assert "--overwrite" in again.err
    assert cli("tile", frames, "t/tiles.parquet", "--table-only", "--overwrite").code == 0
    assert "NAME.parquet" in cli("tile", frames, "t2", "--table-only").err
    inside = cli("tile", frames, frames / "x.parquet", "--table-only")
    assert inside.is_one_clear_line()


def test_a_million_tiles_are_asked_for_with_the_count(cli, frames, here):
    run = cli("tile", frames, "out", "--size", 2, "--overlap", "1px", "--max-tiles", 1000)
    assert run.is_one_clear_line()
    assert "119,002 tiles" in run.err
    assert "--yes" in run.err
    assert not (here / "out").exists()
    more = ("--size", 20, "--overlap", 0, "--negatives", 0, "--max-tiles", 10)
    assert cli("tile", frames, "out", *more).code == 2
    assert cli("tile", frames, "out", *more, "--yes").code == 0


@pytest.mark.parametrize(("answer", "code"), [(True, 0), (False, 130)])
def test_on_a_terminal_it_asks(cli, frames, here, monkeypatch, answer, code):
    asked = []
    monkeypatch.setattr("fastlabel.cli.tile._can_ask", lambda: True)
    monkeypatch.setattr("click.confirm", lambda text, **_: asked.append(text) or answer)
    run = cli("tile", frames, "out", "--size", 100, "--overlap", 0, "--max-tiles", 11)
    assert asked == ["The plan has 12 tiles. Make them?"]
    assert run.code == code
    assert (here / "out").exists() == answer


def test_no_is_no_interruption(cli, frames, here, monkeypatch):
    monkeypatch.setattr("fastlabel.cli.tile._can_ask", lambda: True)
    monkeypatch.setattr("click.confirm", lambda *_, **__: False)
    run = cli("tile", frames, "out", "--size", 100, "--overlap", 0, "--max-tiles", 11)
    assert run.err == "fastlabel: out: not made\n"


def test_a_full_disk_is_said_of_the_table(cli, frames, here, monkeypatch):
    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("pyarrow.parquet.write_table", full)
    before = sorted(here.iterdir())
    run = cli("tile", frames, "new.parquet", "--size", 100, "--table-only")
    assert run.is_one_clear_line()
    assert "new.parquet: cannot be written: No space left on device; nothing was kept" in run.err
    assert sorted(here.iterdir()) == before


def test_the_table_is_not_put_into_the_data_set(cli, frames):
    run = cli("tile", frames, frames / "t.parquet", "--size", 100, "--table-only")
    assert run.is_one_clear_line()
    assert "the table would be written into the data set" in run.err
    assert "--out" not in run.err


def test_a_picture_that_cannot_be_cut_is_exit_code_1(cli, frames, here):
    (frames / "a.jpg").write_bytes(b"no")
    run = cli("tile", frames, "out", "--size", 100)
    assert run.code == 1
    assert run.err.startswith("  not cut: a.jpg: unreadable")
    assert "box image failed: 1" in run.out
    assert len(fl.read(here / "out")) > 0


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("--overlap", "1"), "overlap: got 1.0"),
        (("--overlap", "-0.1"), "overlap: got -0.1"),
        (("--overlap", "nan"), "overlap: got nan"),
        (("--overlap", "640px"), "leaves no step"),
        (("--overlap", "wide"), "overlap: got 'wide'"),
        (("--size", "0"), "size"),
        (("--size", "axb"), "write 640"),
        (("--min-visible", "2"), "--min-visible"),
        (("--negatives", "-1"), "--negatives"),
        (("--quality", "0"), "--quality"),
    ],
)
def test_wrong_options(cli, frames, here, arguments, text):
    run = cli("tile", frames, "out", *arguments)
    assert run.code == 2
    assert text in run.err
    assert "Traceback" not in run.err
    assert not (here / "out").exists()


def test_places_that_cannot_be_used(cli, frames, here):
    (here / "full").mkdir()
    (here / "full" / "x").write_text("x")
    assert "--overwrite" in cli("tile", frames, "full").err
    assert cli("tile", frames, frames / "tiles").is_one_clear_line()
    assert cli("tile", here / "none", "out").is_one_clear_line()
    assert cli("tile", frames, "full", "--overwrite", "--size", 100).code == 0
    assert not (here / "full" / "x").exists()
