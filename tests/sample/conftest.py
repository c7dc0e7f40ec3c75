"""One sample of each format, drawn once for all tests here."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from fastlabel.sample import FORMATS, make_sample

SEED = 3


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
def samples(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Sample]:
    made = {}
    for name in FORMATS:
        root = tmp_path_factory.mktemp("sample") / name
        made[name] = Sample(name, root, make_sample(root, format=name, seed=SEED))
    return made


@pytest.fixture(params=FORMATS)
def sample(request: pytest.FixtureRequest, samples: dict[str, Sample]) -> Sample:
    return samples[request.param]
