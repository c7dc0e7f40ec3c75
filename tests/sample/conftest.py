"""One sample of each format, drawn once for all tests here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from fastlabel.sample import FORMATS


@dataclass(frozen=True)
class Sample:
    """A drawn sample and what was planted in it."""

    format: str
    root: Path
    truth: dict[str, Any]

    def images_of(self, code: str) -> list[str]:
        """Images in which a fault was planted."""
        return [f["image"] for f in self.truth["faults"] if f["code"] == code]


@pytest.fixture(scope="session")
def samples(drawn_sample: Callable[[str], tuple[Path, dict[str, Any]]]) -> dict[str, Sample]:
    return {name: Sample(name, *drawn_sample(name)) for name in FORMATS}


@pytest.fixture(params=FORMATS)
def sample(request: pytest.FixtureRequest, samples: dict[str, Sample]) -> Sample:
    return samples[request.param]
