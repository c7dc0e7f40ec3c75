"""Time and peak memory of difficulty and mix against the number of images.

    python diet_scale.py [--images 1000 10000 100000 1000000] [--epochs 50] [--json FILE]

Each size is a process of its own that reads the tables of ``make_tables.py`` into memory, adds
columns of rings, gives every box and image a level and plans a mix, and lists all its epochs.
Peak memory is that of the whole process, interpreter and tables included.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

SIZES = (1_000, 10_000, 100_000, 1_000_000)


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def with_rings(box_stats: pa.Table) -> pa.Table:
    """The table with rings as a scan with them gives it."""
    rng = np.random.default_rng(1)
    n = len(box_stats)
    columns = {
        "ring_luma_mean": rng.normal(120, 30, n),
        "ring_contrast": rng.normal(40, 10, n).clip(1, 100),
        "ring_gradient": rng.gamma(2.0, 150.0, n),
        "ring_entropy": rng.normal(4.8, 0.6, n).clip(0, 6),
    }
    for name, values in columns.items():
        box_stats = box_stats.append_column(name, pa.array(values))
    return box_stats


def run(folder: Path, epochs: int, workers: int) -> dict[str, Any]:
    """Judge and mix one set in this process."""
    import make_tables

    import fastlabel as fl

    ds, stats, box_stats = make_tables.read(folder)
    box_stats = with_rings(box_stats)
    before = _peak_mb()
    began = time.perf_counter()
    hardness = fl.difficulty(ds, stats, box_stats, deploy="edge-640", workers=workers)
    judged = time.perf_counter() - began
    peak_judged = _peak_mb()
    began = time.perf_counter()
    plan = fl.mix(ds, hardness, epochs=epochs, warmup=min(5, epochs))
    mixed = time.perf_counter() - began
    began = time.perf_counter()
    drawn = sum(len(plan.epoch(e)) for e in range(epochs))
    listed = time.perf_counter() - began
    return {
        "images": len(ds),
        "boxes": ds.annotations.num_rows,
        "levels": hardness.counts("images"),
        "workers": workers,
        "difficulty_s": round(judged, 3),
        "mix_s": round(mixed, 3),
        "difficulty_and_mix_s": round(judged + mixed, 3),
        "epochs": epochs,
        "epochs_listed_s": round(listed, 3),
        "images_listed": drawn,
        "peak_before_mb": round(before),
        "peak_difficulty_mb": round(peak_judged),
        "peak_mb": round(_peak_mb()),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, nargs="+", default=SIZES)
    parser.add_argument("--epochs", type=int, default=50)
    parser.add_argument("--workers", type=int, default=1, help="threads; 0 is one a CPU")
    parser.add_argument("--json", type=Path, help="write the figures here too")
    parser.add_argument("--tables", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help="keep the tables here, use those that are")
    given = parser.parse_args()
    if given.tables is not None:
        print(json.dumps(run(given.tables, given.epochs, given.workers)))
        return
    rows = []
    with tempfile.TemporaryDirectory() as made:
        for images in given.images:
            folder = (given.folder or Path(made)) / str(images)
            if not folder.exists():
                here = Path(__file__).with_name("make_tables.py")
                command = [sys.executable, here, folder, "--images", str(images)]
                subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            command = [sys.executable, __file__, "--tables", folder]
            command += ["--epochs", str(given.epochs), "--workers", str(given.workers)]
            done = subprocess.run(command, check=True, capture_output=True, text=True)
            rows.append(json.loads(done.stdout))
            _show(rows[-1])
    if given.json is not None:
        given.json.write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")


def _show(row: dict[str, Any]) -> None:
    print(
        f"{row['images']:>9,} images {row['boxes']:>10,} boxes: difficulty "
        f"{row['difficulty_s']:.2f} s + mix {row['mix_s']:.2f} s = "
        f"{row['difficulty_and_mix_s']:.2f} s; {row['epochs']} epochs listed in "
        f"{row['epochs_listed_s']:.2f} s; peak {row['peak_mb']:,} MB "
        f"({row['peak_before_mb']:,} before)"
    )


if __name__ == "__main__":
    main()
