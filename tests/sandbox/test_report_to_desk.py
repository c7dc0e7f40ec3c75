"""Each finding of the page carries the command that opens it on the desk."""

from __future__ import annotations

import html
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

import fastlabel as fl


def commands(page: str) -> list[str]:
    found = re.findall(r"<code>(fastlabel review [^<]* --finding \d+)</code>", page)
    return [html.unescape(c) for c in found]


def test_each_finding_about_a_picture_has_its_command(small_set: tuple[Path, Path]) -> None:
    root, report = small_set
    page = (report / "report.html").read_text()
    found = commands(page)
    findings = pq.read_table(report / "findings.parquet")
    numbers = {int(c.split()[-1]) for c in found}
    assert len(numbers) > 20
    assert all(findings["image_id"][n].is_valid for n in numbers)
    words = shlex.split(found[0])
    assert words[:2] == ["fastlabel", "review"]
    assert words[3:5] == ["--findings", "."]
    assert (report / words[2]).resolve() in (root, root / "labels.json")
    assert str(root.parent) not in page


def test_a_page_without_its_tables_names_no_command(
    small_set: tuple[Path, Path], tmp_path: Path
) -> None:
    fl.check(small_set[0]).to_html(tmp_path / "alone.html")
    page = (tmp_path / "alone.html").read_text()
    assert "fastlabel review" not in page
    assert "Open on the desk" not in page


def run(command: str, folder: Path, *more: str) -> Any:
    words = shlex.split(command)
    return subprocess.Popen(
        [sys.executable, "-m", *words, "--no-browser", *more],
        cwd=folder,
        env={**os.environ, "FASTLABEL_CACHE": "off"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_the_command_opens_that_finding(small_set: tuple[Path, Path], on_loopback: Any) -> None:
    import http.client
    import json

    _, report = small_set
    command = commands((report / "report.html").read_text())[3]
    wanted = int(command.split()[-1])
    process = run(command, report)
    try:
        address = process.stdout.readline().strip()
        port, token = re.fullmatch(r"http://127\.0\.0\.1:(\d+)/\?token=(\S+)", address).groups()
        opened = http.client.HTTPConnection("127.0.0.1", int(port), timeout=20)
        opened.request("GET", "/api/about", headers={"authorization": f"Bearer {token}"})
        assert json.loads(opened.getresponse().read())["first"] == wanted
        opened.close()
    finally:
        process.terminate()
        process.communicate(timeout=20)
        (report / "review.sqlite").unlink()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--finding", "99999"], "row 99,999 is none"),
        (["-o", "plan.csv"], "a plan is a Parquet file"),
        (["--budget", "3"], "go with --to"),
    ],
)
def test_what_the_desk_cannot_do_is_said(
    small_set: tuple[Path, Path], options: list[str], words: str
) -> None:
    root, report = small_set
    process = run(f"fastlabel review {shlex.quote(str(root))} --findings .", report, *options)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 2
    assert out == ""
    assert words in err
    assert "Traceback" not in err
