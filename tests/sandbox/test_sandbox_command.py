"""The command itself: one address, a page behind it, a clean end, and a set that is only read."""

from __future__ import annotations

import hashlib
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from fastlabel.cli.sandbox import command

pytest.importorskip("uvicorn")


def tree(root: Path) -> str:
    found = hashlib.sha256()
    for path in sorted(root.rglob("*")):
        found.update(str(path.relative_to(root)).encode())
        if path.is_file():
            found.update(path.read_bytes())
    return found.hexdigest()


@pytest.fixture
def start() -> Iterator[Any]:
    running: list[Any] = []

    def run(*args: object) -> tuple[subprocess.Popen[str], str]:
        words = [sys.executable, "-m", "fastlabel", "sandbox", *map(str, args), "--no-browser"]
        process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
        running.append(process)
        assert process.stdout is not None
        return process, re.findall(r"http://\S+", process.stdout.readline())[0]

    yield run
    for process in running:
        process.kill()
        process.wait()
        process.stdout.close()


def test_one_address_and_a_clean_end(start: Any, drawn_sample: Any, tmp_path: Path) -> None:
    root, _ = drawn_sample("coco")
    before = tree(root)
    process, address = start(root, "--out", tmp_path / "new", "--deploy", "edge-640")
    assert address.startswith("http://127.0.0.1:")
    with urllib.request.urlopen(address) as answer:
        assert b"fastlabel sandbox" in answer.read()
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(address.partition("?")[0] + "api/set")
    assert refused.value.code == 403
    refused.value.close()
    process.send_signal(signal.SIGINT)
    assert process.wait(10) in (0, 130)
    assert tree(root) == before
    assert not (tmp_path / "new").exists()


def test_the_end_of_the_server_ends_writing(start: Any, drawn_sample: Any, tmp_path: Path) -> None:
    root, _ = drawn_sample("coco")
    out = tmp_path / "out" / "new"
    process, address = start(root, "--out", out)
    base, _, token = address.partition("/?token=")
    body = b'{"stages":[{"op":"rotate","degrees":3},{"op":"rain"}],"copies":100}'
    asked = urllib.request.Request(f"{base}/api/write", body, method="POST")
    asked.add_header("authorization", f"Bearer {token}")
    asked.add_header("content-type", "application/json")
    asked.add_header("origin", base)
    urllib.request.urlopen(asked).close()
    end = time.monotonic() + 10
    while not out.parent.exists() and time.monotonic() < end:
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    process.wait(20)
    assert list(out.parent.iterdir()) == []


def test_what_cannot_be_opened_is_said(tmp_path: Path) -> None:
    run = CliRunner().invoke(command, [str(tmp_path / "none"), "--no-browser"])
    assert run.exit_code != 0
    run = CliRunner().invoke(command, [str(tmp_path), "--no-browser", "--deploy", "moon"])
    assert "moon" in str(run.exception)
