"""Two workers against one: ``cut_tiles`` of drone photos to 640, in turn, in one process.

Rounds with busy neighbours are left out as in ``workers.py``, whose reasons hold here too.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from time import perf_counter

import numpy as np
from harness import Neighbours, Number, Setup, Unavailable, median_of

WANTED = 5
SECONDS = 60.0
QUIET = 0.1
SIDE, STEP = 640, 512
SIZE = (4000, 2250)
#: Each photo several times, so that the last one, alone on its worker, does not count.
COPIES = 4


def measure(setup: Setup) -> list[Number]:
    from fastlabel.cut import CutJob, cut_tiles

    cores = len(os.sched_getaffinity(0))
    if cores < 2:
        raise Unavailable("two workers need two CPUs")
    photos = sorted((setup.data / "highres" / "brighton-beach").glob("*.JPG"))
    if not photos:
        raise Unavailable("highres/brighton-beach is not there")
    x, y = ([min(k, side - SIDE) for k in range(0, side - SIDE + STEP, STEP)] for side in SIZE)
    windows = np.array([[a, b, a + SIDE, b + SIDE] for b in y for a in x])
    rounds: list[tuple[float, float, float]] = []
    with tempfile.TemporaryDirectory() as folder:
        jobs = [
            CutJob(photo, windows, [Path(folder, f"{k}_{i}_{j}.jpg") for j in range(len(windows))])
            for k in range(COPIES)
            for i, photo in enumerate(photos)
        ]
        start = perf_counter()
        quiet = 0
        while len(rounds) < WANTED or (quiet < WANTED and perf_counter() - start < SECONDS):
            neighbours = Neighbours()
            seconds = []
            for workers in (1, 2):
                begin = perf_counter()
                cut_tiles(jobs, workers=workers)
                seconds.append(perf_counter() - begin)
            rounds.append((seconds[0], seconds[1], neighbours.cpus()))
            quiet += rounds[-1][2] <= QUIET
    used = [r for r in rounds if r[2] <= QUIET] if quiet >= 3 else rounds
    number = Number(
        "cutting: two workers / one",
        [one / two for one, two, _ in used],
        "x",
        at_least=1.7,
        detail={
            "pictures": len(jobs),
            "tiles": len(jobs) * len(windows),
            "rounds": len(rounds),
            "quiet_rounds": quiet,
            "one_worker_tiles_per_s": round(
                len(jobs) * len(windows) / median_of([r[0] for r in used]), 1
            ),
        },
    )
    if quiet < 3:
        number.missing = (
            f"no two idle CPUs in {SECONDS:g} s; with neighbours {number.measured:.2f}x"
        )
    return [number]
