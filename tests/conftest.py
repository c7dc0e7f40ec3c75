"""Fixtures that every test may use."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

# No test reads or writes the user's cache, nor passes because an earlier one left results there.
# Programs that tests start inherit it; tests of the cache name their own folder.
os.environ["FASTLABEL_CACHE"] = "off"


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


@pytest.fixture(scope="session")
def random_boxes() -> Callable[..., Any]:
    """Give n boxes, x1 y1 x2 y2 in float64, of a seed."""

    def draw(n: int, seed: int, extent: float = 500) -> Any:
        rng = np.random.default_rng(seed)
        corner = rng.uniform(0, extent, (n, 2))
        return np.concatenate([corner, corner + rng.uniform(1, extent / 3, (n, 2))], axis=1)

    return draw


@pytest.fixture(scope="session")
def iou_by_numpy() -> Callable[..., Any]:
    """Give the formula everyone writes."""

    def iou(a: Any, b: Any) -> Any:
        low = np.maximum(a[:, None, :2], b[None, :, :2])
        high = np.minimum(a[:, None, 2:], b[None, :, 2:])
        overlap = np.prod(np.clip(high - low, 0, None), axis=2)
        area_a = np.prod(a[:, 2:] - a[:, :2], axis=1)
        area_b = np.prod(b[:, 2:] - b[:, :2], axis=1)
        return overlap / (area_a[:, None] + area_b[None, :] - overlap)

    return iou
