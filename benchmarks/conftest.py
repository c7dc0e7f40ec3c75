"""Fixtures of the benchmark rows."""

from __future__ import annotations

from pathlib import Path

import cv2
import pytest
from harness import Setup, Unavailable
from run import default_data


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    """Peers and we use one thread each: the rows compare work, not core counts."""
    cv2.setNumThreads(1)


@pytest.fixture(scope="session")
def photos() -> list[Path]:
    try:
        return Setup(default_data()).raccoon()
    except Unavailable as error:
        pytest.skip(f"REAL DATA ABSENT: {error}; set FASTLABEL_DATA")
