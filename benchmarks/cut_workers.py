"""Two workers against one: ``cut_tiles`` of drone photos to 640, in turn, in one process."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
from harness import Number, Setup, Unavailable, median_of, one_and_two_workers

WANTED = 5
SECONDS = 60.0
SIDE, STEP = 640, 512
SIZE = (4000, 2250)
#: Each photo several times, so that the last one, alone on its worker, does not count.
COPIES = 4


def measure(setup: Setup) -> list[Number]:
    from fastlabel.cut import CutJob, cut_tiles

    photos = sorted((setup.data / "highres" / "brighton-beach").glob("*.JPG"))
    if not photos:
        raise Unavailable("highres/brighton-beach is not there")
    x, y = ([min(k, side - SIDE) for k in range(0, side - SIDE + STEP, STEP)] for side in SIZE)
    windows = np.array([[a, b, a + SIDE, b + SIDE] for b in y for a in x])
    with tempfile.TemporaryDirectory() as folder:
        jobs = [
            CutJob(photo, windows, [Path(folder, f"{k}_{i}_{j}.jpg") for j in range(len(windows))])
            for k in range(COPIES)
            for i, photo in enumerate(photos)
        ]
        rounds = one_and_two_workers(lambda n: cut_tiles(jobs, workers=n), WANTED, SECONDS)
    tiles = len(jobs) * len(windows)
    detail = {
        "pictures": len(jobs),
        "tiles": tiles,
        "one_worker_tiles_per_s": round(tiles / median_of([r[0] for r in rounds.used]), 1),
    }
    return [rounds.number("cutting: two workers / one", SECONDS, detail)]
