"""``--cache``, ``--no-cache``, ``--fresh``: what is printed, refused, kept and written."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cli_runs import PROGRAM, Run, coco, photo, tree_hash, write_set

Cli = Callable[..., Run]

#: Of the large set: so many that a run can be met on its way on a fast machine too.
IMAGES = 900


def facts(here: Path, out: str = "fastlabel-report") -> dict[str, Any]:
    told: dict[str, Any] = json.loads((here / out / "summary.json").read_text())["run"]["cache"]
    return told


def report(here: Path, out: str) -> dict[str, bytes]:
    """All files of a report, the facts of the run left out."""
    files = {p.name: p.read_bytes() for p in (here / out).iterdir()}
    summary = json.loads(files["summary.json"])
    summary.pop("run")
    files["summary.json"] = json.dumps(summary).encode()
    return files


def test_the_second_check_takes_all_from_the_cache(cli: Cli, here: Path, pair: Path) -> None:
    before = tree_hash(pair)
    first = cli("check", pair, "--cache", "kept", "--out", "one")
    again = cli("check", pair, "--cache", "kept", "--out", "two")
    assert "from the cache" not in first.err
    assert again.err == "fastlabel: 2 of 2 images from the cache kept\n"
    assert again.out.replace("two", "one") == first.out
    assert facts(here, "one")["reused"] == 0
    assert facts(here, "two") == {
        "folder": "kept",
        "images": 2,
        "reused": 2,
        "hashed": facts(here, "two")["hashed"],
        "not_kept": 0,
    }
    plain = cli("check", pair, "--no-cache", "--out", "three")
    assert plain.err == ""
    assert report(here, "one") == report(here, "two") == report(here, "three")
    assert tree_hash(pair) == before


def test_no_cache(cli: Cli, here: Path, pair: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FASTLABEL_CACHE", str(here / "usual"))
    cli("check", pair, "--no-cache")
    assert not (here / "usual").exists()
    assert facts(here) is None


def test_the_usual_folder(
    cli: Cli, here: Path, pair: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FASTLABEL_CACHE", str(here / "usual"))
    cli("check", pair)
    assert list((here / "usual").rglob("*.arrow"))
    assert "2 of 2 images" in cli("check", pair).err
    monkeypatch.setenv("FASTLABEL_CACHE", "off")
    assert cli("check", pair).err == ""


def test_fresh(cli: Cli, here: Path, pair: Path) -> None:
    cli("check", pair, "--cache", "kept")
    assert cli("check", pair, "--cache", "kept", "--fresh").err == ""
    assert facts(here)["reused"] == 0
    assert "2 of 2" in cli("check", pair, "--cache", "kept").err


def test_scan_and_check_have_one_cache(cli: Cli, here: Path, pair: Path) -> None:
    plain = cli("scan", pair, "--no-cache")
    assert plain.err == ""
    assert cli("scan", pair, "--cache", "kept") == plain
    again = cli("scan", pair, "--cache", "kept")
    assert again.err == "fastlabel: 2 of 2 images from the cache kept\n"
    assert again.out == plain.out
    assert "2 of 2 images from the cache kept" in cli("check", pair, "--cache", "kept").err
    assert cli("scan", pair, "--cache", "kept", "--fresh") == plain
    boxes = cli("scan", pair, "--boxes", "--cache", "kept")
    assert boxes.out == cli("scan", pair, "--boxes", "--no-cache").out
    assert "2 of 2" in boxes.err
    (here / "fastlabel.toml").write_text('cache = "kept"\n')
    assert "2 of 2" in cli("scan", pair).err


@pytest.mark.parametrize("command", ["check", "scan"])
@pytest.mark.parametrize("other", [("--fresh",), ("--cache", "kept")])
def test_contradictions(cli: Cli, pair: Path, command: str, other: tuple[str, ...]) -> None:
    got = cli(command, pair, "--no-cache", *other)
    assert got.code == 2
    assert "contradict" in got.err


@pytest.mark.parametrize("command", ["check", "scan"])
def test_in_the_data_set(cli: Cli, here: Path, pair: Path, command: str) -> None:
    (here / "link").symlink_to(pair)
    before = tree_hash(pair)
    for place in (pair, pair / "kept", here / "link" / "deep" / "kept"):
        got = cli(command, pair, "--cache", place)
        assert got.is_one_clear_line(), got.err
        assert "never changed" in got.err
        assert "--no-cache" in got.err
    got = cli(command, pair / "labels.json", "--cache", pair / "kept")
    assert got.is_one_clear_line(), got.err
    assert tree_hash(pair) == before


def test_where_nothing_can_be_written(cli: Cli, here: Path, pair: Path) -> None:
    (here / "file").write_text("in the way")
    got = cli("check", pair, "--cache", here / "file" / "kept")
    assert got.is_one_clear_line()
    assert "not a folder that can be written to" in got.err


def test_settings(cli: Cli, here: Path, pair: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (here / "fastlabel.toml").write_text('cache = "kept"\n')
    cli("check", pair)
    assert list((here / "kept").rglob("*.arrow"))
    cli("check", pair, "--cache", "other")
    assert list((here / "other").rglob("*.arrow"))
    monkeypatch.setenv("FASTLABEL_CACHE", str(here / "usual"))
    (here / "fastlabel.toml").write_text("cache = false\n")
    cli("check", pair)
    assert facts(here) is None
    (here / "fastlabel.toml").write_text("cache = true\n")
    cli("check", pair)
    assert list((here / "usual").rglob("*.arrow"))
    (here / "fastlabel.toml").write_text("cache = 3\n")
    got = cli("check", pair)
    assert got.is_one_clear_line()
    assert "expected a folder, true for the usual one, or false" in got.err


def test_a_damaged_part_is_said(cli: Cli, here: Path, pair: Path) -> None:
    cli("check", pair, "--cache", "kept")
    (part,) = (here / "kept").rglob("*.arrow")
    data = bytearray(part.read_bytes())
    data[len(data) // 2] ^= 1
    part.write_bytes(data)
    got = cli("check", pair, "--cache", "kept")
    assert "a part is damaged and left out; what was in it is measured again" in got.err
    assert facts(here)["reused"] == 0


def start(root: Path, here: Path, out: str) -> subprocess.Popen[bytes]:
    command = [*PROGRAM, "check", root, "--cache", "kept", "--out", out, "--fail-on", "never"]
    return subprocess.Popen(
        command, cwd=here, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env={**os.environ}
    )


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Images that take some seconds to decode."""
    root = tmp_path_factory.mktemp("large")
    data = photo(1, 3000, 2000)
    names = [f"{k:03d}.jpg" for k in range(IMAGES)]
    # Bytes after the end of the picture: each file has a content of its own.
    return write_set(
        root,
        {
            **{name: data + bytes([k % 256, k // 256]) for k, name in enumerate(names)},
            "labels.json": coco(names, [[10, 20, 100, 90]]),
        },
    )


def wait_for(found: Callable[[], object], what: str) -> None:
    until = time.monotonic() + 60
    while not found():
        assert time.monotonic() < until, f"{what} did not come"
        time.sleep(0.02)


def test_interrupted_and_gone_on(here: Path, large: Path) -> None:
    run = start(large, here, "one")
    wait_for(lambda: list(here.glob("kept/*/*.arrow")), "a part")
    run.send_signal(signal.SIGINT)
    _, err = run.communicate(timeout=60)
    if run.returncode == 0:
        pytest.skip("the run was over before it could be interrupted")
    assert run.returncode == 130
    said = err.decode().strip()
    assert said == "fastlabel: interrupted; what was measured is kept, so run again to go on"
    assert not (here / "one").exists()
    run = start(large, here, "one")
    _, err = run.communicate(timeout=120)
    assert run.returncode == 0, err
    assert f"of {IMAGES} images from the cache kept" in err.decode()
    assert facts(here, "one")["reused"] > 0
    shutil.rmtree(here / "kept")
    whole = start(large, here, "two")
    whole.communicate(timeout=120)
    assert report(here, "one") == report(here, "two")


def test_two_at_once(here: Path, large: Path) -> None:
    first = start(large, here, "one")
    wait_for(lambda: list(here.glob("kept/*/lock")), "the lock")
    second = start(large, here, "two")
    said = [run.communicate(timeout=120)[1].decode() for run in (first, second)]
    assert (first.returncode, second.returncode) == (0, 0), said
    assert report(here, "one") == report(here, "two")
    assert any("waiting for its end" in text for text in said)
    assert sorted(facts(here, out)["reused"] for out in ("one", "two")) == [0, IMAGES]


@pytest.mark.parametrize("command", ["check", "scan"])
def test_help_names_the_options(cli: Cli, command: str) -> None:
    text = cli(command, "--help").out
    assert all(option in text for option in ("--cache DIR", "--no-cache", "--fresh"))
