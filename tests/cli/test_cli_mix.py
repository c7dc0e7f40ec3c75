"""``fastlabel mix``: lists of epochs, said and written, and what it refuses."""

from __future__ import annotations

import json
from importlib import import_module
from pathlib import Path

import cv2
import numpy as np
import pytest

SIDES = [0.3, 0.25, 0.2, 0.03, 0.025, 0.02, 0.01, 0.01]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    root = tmp_path / "data"
    root.mkdir()
    rng = np.random.default_rng(1)
    for k, side in enumerate([*SIDES, 0]):
        ground = cv2.GaussianBlur(rng.integers(60, 200, (320, 320), np.uint8), (0, 0), 9)
        cv2.imwrite(str(root / f"{k}.png"), ground)
        text = f"0 0.5 0.5 {side} {side}\n" if side else ""
        (root / f"{k}.txt").write_text(text)
    (root / "data.yaml").write_text("names: [thing]\ntrain: .\n")
    return root


def files(folder: Path) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in folder.iterdir()}


def test_it_writes_lists_of_the_epochs_the_same_for_any_workers(cli, data, tmp_path):
    before = files(data)
    for name, workers in (("one", "1"), ("two", "2")):
        done = cli("mix", data, "--format", "yolo", "-o", tmp_path / name, "--epochs", "4",
                   "--warmup", "2", "--levels", "rank", "--workers", workers, "--seed", "5",
                   "--to", "txt", "--to", "jsonl", "--to", "parquet")  # fmt: skip
        assert done.code == 0, done
    one, two = files(tmp_path / "one"), files(tmp_path / "two")
    assert one == two and len(one) == 4 + 4
    assert files(data) == before
    listed = one["epoch-003.txt"].decode().splitlines()
    assert len(listed) == 9 and all(Path(line).is_file() for line in listed)
    assert json.loads(one["mix.json"])["groups"]["negative"] == 1
    assert "lists of 4 epochs" in done.out and "2 to 3" in done.out


def test_what_cannot_be_reached_is_said_and_is_exit_1(cli, data):
    done = cli("mix", data, "--format", "yolo", "--easy", "0", "--medium", "0", "--hard", "1",
               "--negatives", "0.5", "--warmup", "0")  # fmt: skip
    assert done.code == 1
    assert "Not reached  negative: 50 % asked" in done.out + done.err


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        (["--easy", "0.5"], "expected shares that add up to 1"),
        (["--hard", "nan"], "hard: got nan"),
        (["--epochs", "0"], "epochs: got 0"),
        (["--epochs", "3"], "warmup: got 5, expected at most the 3 epochs"),
        (["--negatives", "nan"], "negatives: got nan"),
        (["--split", "dev"], "split: got 'dev'"),
        (["--max-repeat", "0"], "max_repeat: got 0"),
    ],
)
def test_wrong_settings_are_refused_before_a_scan(cli, data, monkeypatch, options, wanted):
    def scanned(*_: object, **__: object) -> None:
        raise AssertionError("scanned")

    monkeypatch.setattr(import_module("fastlabel.scan"), "scan_tables", scanned)
    done = cli("mix", data, "--format", "yolo", *options)
    assert done.code == 2 and wanted in done.out + done.err


def test_lists_may_not_lie_in_the_data(cli, data):
    done = cli("mix", data, "--format", "yolo", "-o", data / "lists")
    assert done.code == 2 and not (data / "lists").exists()
