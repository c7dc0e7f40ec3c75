"""The command in this process, in an empty folder, so that no configuration is found."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from cli_runs import Run, coco, photo, write_set

from fastlabel.cli import main


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def cli(here: Path, capfd: pytest.CaptureFixture[str]) -> Callable[..., Run]:
    """Run the command; an exception that it lets through fails the test."""

    def run(*args: object) -> Run:
        with pytest.raises(SystemExit) as stopped:
            main([str(a) for a in args])
        out, err = capfd.readouterr()
        return Run(int(stopped.value.code or 0), out, err)

    return run


@pytest.fixture
def pair(tmp_path: Path) -> Path:
    """Two good images with a good box each."""
    return write_set(
        tmp_path / "pair",
        {
            "a.jpg": photo(1),
            "b.jpg": photo(2),
            "labels.json": coco(["a.jpg", "b.jpg"], [[10, 20, 100, 90], [30, 20, 120, 90]]),
        },
    )
