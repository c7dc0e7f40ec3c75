"""``fl.match`` of 100,000 images against 500 frames, features known.

By itself: ``python benchmarks/match_scale.py [IMAGES [FRAMES]]``. CPU time of the process, the
least of some runs: what is above it is the machine's.
"""

from __future__ import annotations

import sys
from importlib.util import find_spec
from time import perf_counter, process_time

import numpy as np
import pyarrow as pa
from harness import Number, Setup

import fastlabel as fl
from fastlabel.match.features import FEATURES, SCENE

IMAGES, FRAMES = 100_000, 500
ROUNDS = 5


def scenes(n: int, seed: int, luma: float, spread: float) -> pa.Table:
    """Scenes around a luma: every feature known, each picture different."""
    rng = np.random.default_rng(seed)
    columns: dict[str, object] = {
        "image_id": np.arange(n),
        "file_name": [f"{k:07}.jpg" for k in range(n)],
        "status": ["ok"] * n,
        "status_detail": pa.nulls(n, pa.string()),
    }
    common = rng.normal(0, 1, n)
    for feature in FEATURES:
        values = feature.unit * (0.5 * common + rng.normal(0, 1.5, n))
        if feature.name == "luma_mean":
            values = np.clip(rng.normal(luma, spread, n), 0, 255)
        if feature.floor:
            values = np.exp2(values) * 0.5
        columns[feature.name] = pa.array(values)
    return pa.table(columns).select(SCENE.names).cast(SCENE)


def measure(setup: Setup | None, images: int = IMAGES, frames: int = FRAMES) -> list[Number]:
    ours, theirs = scenes(images, 1, 120, 45), scenes(frames, 2, 60, 30)
    out = []
    for learner in ("histogram", "sklearn"):
        if learner == "sklearn" and find_spec("sklearn") is None:
            continue
        seconds, walls, found = [], [], None
        for _ in range(ROUNDS if learner == "histogram" else 1):
            began, busy = perf_counter(), process_time()
            found = fl.match(ours, theirs, learner=learner)
            seconds.append(process_time() - busy)
            walls.append(perf_counter() - began)
        assert found is not None
        detail = {
            "wall_seconds": [round(w, 2) for w in walls],
            "decisions": found.counts(),
            "covered": found.summary["covered"],
            "auc": found.summary["auc"],
        }
        name = f"match, {learner}: {images:,} images against {frames:,} frames"
        out.append(Number(name, seconds, "s", at_most=20.0, summary=min, detail=detail))
    return out


if __name__ == "__main__":
    for number in measure(None, *map(int, sys.argv[1:3])):
        print(f"{number.name}: {number.measured:.2f} s, {number.demanded}; {number.detail}")
