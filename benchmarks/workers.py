"""Two workers against one: ``fl.scan`` of files in memory, in turn, in one process.

Two workers need two idle CPUs. Rounds in which other processes held more than a little of one
are left out, as long as enough quiet ones are found in time; the choice looks at the
neighbours alone, never at the result.
"""

from __future__ import annotations

import os
from time import perf_counter

from harness import Neighbours, Number, Setup, Unavailable, median_of

WANTED = 7
SECONDS = 60.0
QUIET = 0.1
#: Enough images that the last one, alone on its worker, does not count.
COPIES = 3


def measure(setup: Setup) -> list[Number]:
    from fastlabel import scan

    cores = len(os.sched_getaffinity(0))
    if cores < 2:
        raise Unavailable("two workers need two CPUs")
    contents = [path.read_bytes() for path in setup.raccoon()] * COPIES
    assert scan(contents, workers=1).equals(scan(contents, workers=2))

    rounds: list[tuple[float, float, float]] = []
    start = perf_counter()
    quiet = 0
    while len(rounds) < WANTED or (quiet < WANTED and perf_counter() - start < SECONDS):
        neighbours = Neighbours()
        seconds = []
        for workers in (1, 2):
            begin = perf_counter()
            scan(contents, workers=workers)
            seconds.append(perf_counter() - begin)
        rounds.append((seconds[0], seconds[1], neighbours.cpus()))
        quiet += rounds[-1][2] <= QUIET
    used = [r for r in rounds if r[2] <= QUIET] if quiet >= 3 else rounds
    detail = {
        "images": len(contents),
        "cpus": cores,
        "rounds": len(rounds),
        "quiet_rounds": quiet,
        "neighbours_cpus": [r[2] for r in used],
        "one_worker_images_per_s": round(len(contents) / median_of([r[0] for r in used]), 1),
        "two_workers_images_per_s": round(len(contents) / median_of([r[1] for r in used]), 1),
    }
    samples = [one / two for one, two, _ in used]
    number = Number("two workers / one", samples, "x", at_least=1.7, detail=detail)
    if quiet < 3:
        number.missing = (
            f"no two idle CPUs in {SECONDS:g} s; with neighbours {number.measured:.2f}x"
        )
    return [number]
