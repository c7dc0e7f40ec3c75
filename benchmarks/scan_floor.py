"""The scan on one worker against a bare libjpeg-turbo luma decode of the same bytes.

`scan_floor.cpp` times both in turn, within one process, and the fastest of its repetitions
count: other tenants of a shared machine only ever add time, by a third and more from one
repetition to the next. Python's ``fl.scan`` of the same bytes is timed between its runs; it
adds the Arrow table.
"""

from __future__ import annotations

import statistics
import subprocess
from time import perf_counter

from harness import Number, Setup, Unavailable, median_of, ratios

ROUNDS = 7
REPETITIONS = 9


def measure(setup: Setup) -> list[Number]:
    from fastlabel import scan

    if setup.floor is None or not setup.floor.is_file():
        raise Unavailable("the C++ floor is not built; `make bench` does, or give --floor")
    files = setup.raccoon()
    contents = [path.read_bytes() for path in files]
    table = scan(contents, workers=1)
    assert table["status"].to_pylist() == ["ok"] * len(files)

    floor: list[float] = []
    engine: list[float] = []
    native: list[float] = []
    python: list[float] = []
    for _ in range(ROUNDS):
        rows = _run(setup.floor, [str(path) for path in files])
        floor += [row[0] for row in rows]
        engine += [row[1] for row in rows]
        fastest = min(row[0] for row in rows)
        native.append(min(row[1] for row in rows) / fastest)
        times = []
        for _ in range(REPETITIONS):
            start = perf_counter()
            scan(contents, workers=1)
            times.append(perf_counter() - start)
        python.append(min(times) / fastest)
    detail = {
        "images": len(files),
        "floor_s": median_of(floor),
        "engine_s": median_of(engine),
        "median_ratio_of_all_pairs": round(statistics.median(ratios(engine, floor)), 4),
    }
    return [
        Number("scan, 1 worker / bare decode", native, "x", 1.10, detail=detail),
        Number("fl.scan from Python / bare decode", python, "x"),
    ]


def _run(program: object, files: list[str]) -> list[list[float]]:
    """Rows of seconds: floor, scan on one worker, scan on two."""
    command = [str(program), str(REPETITIONS), *files]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    header, *lines = done.stdout.splitlines()
    assert header.split()[:2] == ["floor", "scan1"]
    return [[float(word) for word in line.split()] for line in lines]
