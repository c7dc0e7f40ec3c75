"""``merge_tiles`` of 100,000 and of 400,000 boxes: both times, and how they grow.

The two are timed in turn by the CPU time of the process, which neighbours take less from, and
the least of each is used: what is above it is the machine's.
"""

from __future__ import annotations

from time import process_time

from harness import Number, Setup

ROUNDS = 7
TILES = 10_000
TIMES = 4


def measure(setup: Setup) -> list[Number]:
    from fastlabel.bench.rows_merge import scene
    from fastlabel.merge import merge_tiles

    scenes = [scene(TILES), scene(TIMES * TILES)]
    seconds: list[list[float]] = [[], []]
    for _ in range(ROUNDS):
        for given, times in zip(scenes, seconds, strict=True):
            start = process_time()
            merge_tiles(*given)
            times.append(process_time() - start)
    one, four = map(min, seconds)
    boxes = len(scenes[0][0]["scores"])
    return [
        Number(
            f"merge_tiles: {boxes:,} boxes of {TILES:,} tiles",
            seconds[0],
            "s",
            at_most=1.0,
            summary=min,
        ),
        Number(
            f"merge_tiles: time of {TIMES} times the boxes / of these",
            [four / one],
            "x",
            at_most=5.0,
            detail={"seconds": round(one, 4), "seconds_of_more": round(four, 4)},
        ),
    ]
