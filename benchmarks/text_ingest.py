"""`fl.read` of 100,000 YOLO files with 1,000,000 rows, and of 40,000 Pascal VOC files, warm.

Both sets are made first (`make_yolo.py`, `make_voc.py`); each reading is a process of its own.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from harness import Number, Setup, child

from fastlabel.bench.text_labels import write_voc, write_yolo

ROUNDS = 3
WORKERS = 2


def measure(setup: Setup) -> list[Number]:
    del setup  # the sets are made here
    with tempfile.TemporaryDirectory() as made:
        yolo, voc = Path(made, "yolo"), Path(made, "voc")
        write_yolo(yolo, 100_000, 1_000_000)
        write_voc(voc, 40_000, 200_000)
        runs = {
            folder: [
                child("read_text.py", "native", str(WORKERS), str(folder)) for _ in range(ROUNDS)
            ]
            for folder in (yolo, voc)
        }
        plain = {
            folder.name: round(child("read_text.py", "plain", "1", str(folder))["seconds"], 2)
            for folder in (yolo, voc)
        }
    return [
        Number(
            "fl.read of 100,000 YOLO files, 1,000,000 rows, 2 workers",
            [run["seconds"] for run in runs[yolo]],
            " s",
            5,
            summary=min,
            detail={"native_part": min(r["native_seconds"] for r in runs[yolo]), "plain": plain},
        ),
        Number(
            "fl.read of Pascal VOC, 2 workers",
            [run["files"] / run["seconds"] for run in runs[voc]],
            " files/s",
            at_least=20_000,
            summary=max,
            detail={"native_part": max(run["files"] / run["native_seconds"] for run in runs[voc])},
        ),
    ]
