"""Fixtures of the benchmark rows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from harness import Setup, Unavailable
from run import default_data

from fastlabel.bench.machine import one_thread


@pytest.fixture(autouse=True, scope="session")
def _one_thread() -> Iterator[None]:
    """Peers and we use one thread each: the rows compare work, not core counts."""
    with one_thread():
        yield


@pytest.fixture(scope="session")
def photos() -> list[Path]:
    try:
        return Setup(default_data()).raccoon()
    except Unavailable as error:
        pytest.skip(f"REAL DATA ABSENT: {error}; set FASTLABEL_DATA")
