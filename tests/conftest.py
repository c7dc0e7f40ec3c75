"""Fixtures that every test may use."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest


def _shared_data() -> Path | None:
    folder = os.environ.get("FASTLABEL_DATA")
    here = Path(folder) if folder else Path(__file__).resolve().parents[2] / "shared" / "data"
    return here if here.is_dir() else None


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real data sets; tests that need it skip, loudly, where it is absent."""
    folder = _shared_data()
    if folder is None:
        pytest.skip("REAL DATA ABSENT: set FASTLABEL_DATA to the folder of shared data sets")
    return folder


@pytest.fixture(scope="session")
def drawn_sample(
    tmp_path_factory: pytest.TempPathFactory,
) -> Callable[[str], tuple[Path, dict[str, Any]]]:
    """Give the sample set of a format and its truth, drawn once a run: copy it to change it."""
    from fastlabel.sample import make_sample

    @cache
    def draw(name: str) -> tuple[Path, dict[str, Any]]:
        root = tmp_path_factory.mktemp("sample") / name
        return root, make_sample(root, format=name, seed=3)

    return draw
