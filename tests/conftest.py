"""Fixtures that every test may use."""

from __future__ import annotations

import os
from pathlib import Path

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
