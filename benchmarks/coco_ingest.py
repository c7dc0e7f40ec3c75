"""`fl.read` of a COCO file of 100,000 images and 1,000,000 boxes (237 MB), beside others.

Each reading is a process of its own, in turn; the file is made by `make_coco.py`. Between them
`json_floor.cpp`, where it is built, loops over the same values with simdjson and makes nothing of
them: what no reader on one thread goes below. With FASTLABEL_LARGE=1 also a file ten times as long.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from pathlib import Path

from harness import Number, Setup, child

from fastlabel.bench.coco_labels import write

ROUNDS = 5
IMAGES, BOXES = 100_000, 1_000_000
READERS = ("1", "hotcoco", "2", "orjson")
BEYOND_MB = 64


def measure(setup: Setup) -> list[Number]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "labels.json")
        write(path, IMAGES, BOXES)
        runs = {name: [] for name in READERS}
        floors: dict[str, list[float]] = {"loop": [], "loop keeping": []}
        program = setup.floor.with_name("json_floor") if setup.floor is not None else None
        for _ in range(ROUNDS):
            for name in READERS:
                runs[name].append(child("read_coco.py", name, str(path)))
            if program is not None and program.is_file():
                floors["loop"].append(_loop(program, path))
                floors["loop keeping"].append(_loop(program, path, "keep"))
        once = {name: child("read_coco.py", name, str(path)) for name in ("json", "bytes")}
        large = []
        if os.environ.get("FASTLABEL_LARGE") == "1":
            path.unlink()
            write(path, 10 * IMAGES, 10 * BOXES)
            large = [child("read_coco.py", name, str(path)) for name in ("1", "2")]
    least = {name: min(run["seconds"] for run in found) for name, found in runs.items()}
    floor = {name: min(seconds) for name, seconds in floors.items() if seconds}
    detail = {
        "least_seconds": {name: round(value, 3) for name, value in (least | floor).items()}
        | {name: round(run["seconds"], 3) for name, run in once.items()},
        "peak_mb": {name: found[0]["peak_mb"] for name, found in runs.items()},
        "tables_mb": runs["1"][0]["tables_mb"],
        "larger": large,
    }
    beyond = [r["peak_mb"] - r["tables_mb"] for n in ("1", "2") for r in [*runs[n]]]
    numbers = [
        Number(
            "fl.read, 1 worker, over hotcoco",
            [least["hotcoco"] / least["1"]],
            "x",
            at_least=2.5,
            detail=detail,
        ),
        Number(
            "fl.read, 2 workers, over hotcoco", [least["hotcoco"] / least["2"]], "x", at_least=4
        ),
        Number(
            "fl.read, 1 worker, over orjson alone", [least["orjson"] / least["1"]], "x", at_least=6
        ),
        Number(
            "simdjson's loop without tables, over hotcoco",
            [least["hotcoco"] / floor["loop"]] if floor else [],
            "x",
            missing="" if floor else "json_floor is not built; `make bench` does, or give --floor",
        ),
        Number("fl.read, peak memory beyond the tables", beyond, " MB", BEYOND_MB, summary=max),
    ]
    if large:
        slower = [run["seconds"] / least[n] for n, run in zip(("1", "2"), large, strict=True)]
        beyond = [run["peak_mb"] - run["tables_mb"] for run in large]
        numbers += [
            Number("fl.read of ten times as much, time", slower, "x", 11, summary=max),
            Number(
                "fl.read of ten times as much, peak memory beyond the tables",
                beyond,
                " MB",
                BEYOND_MB,
                summary=max,
            ),
        ]
    return numbers


def _loop(program: Path, path: Path, *keep: str) -> float:
    done = subprocess.run([program, path, *keep], check=True, capture_output=True, text=True)
    return float(json.loads(done.stdout)["seconds"])
