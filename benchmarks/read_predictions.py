"""COCO results of many images: reading them, beside ``json.load`` of the same file.

    python benchmarks/read_predictions.py DIR [--images 100000] [--rows 2000000]

Writes the labels and the results into DIR once; prints seconds of the process and of the clock.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import numpy as np

import fastlabel as fl

SIDE = 1300


def write_labels(path: Path, images: int) -> None:
    """A COCO file of images alone, and one box."""
    text = {
        "images": [
            {"id": k, "file_name": f"{k:012d}.jpg", "width": SIDE, "height": SIDE}
            for k in range(1, images + 1)
        ],
        "categories": [{"id": k, "name": f"class {k}"} for k in range(1, 91)],
        "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 4]}],
    }
    path.write_text(json.dumps(text))


def write_results(path: Path, images: int, rows: int) -> None:
    """Results as detectors write them: two decimals a side, five of the score."""
    rng = np.random.default_rng(0)
    image = np.sort(rng.integers(1, images + 1, rows)).tolist()
    category = rng.integers(1, 91, rows).tolist()
    boxes = rng.uniform(0, SIDE / 2, (rows, 4)).round(2).tolist()
    scores = rng.random(rows).round(5).tolist()
    with path.open("w") as file:
        sign = "["
        for i, c, box, score in zip(image, category, boxes, scores, strict=True):
            file.write(
                f'{sign}{{"image_id": {i}, "category_id": {c}, "bbox": {box}, "score": {score}}}'
            )
            sign = ", "
        file.write("]\n")


def main() -> None:
    """Write what is not there, read it three times, print the best."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--images", type=int, default=100_000)
    parser.add_argument("--rows", type=int, default=2_000_000)
    given = parser.parse_args()
    folder = given.folder / f"results-{given.images}-{given.rows}"
    labels, results = folder / "set" / "labels.json", folder / "results.json"
    if not results.exists():
        labels.parent.mkdir(parents=True, exist_ok=True)
        write_labels(labels, given.images)
        write_results(results, given.images, given.rows)
    ds = fl.read(labels)
    for name, run in (
        ("read_predictions", lambda: fl.read_predictions(results, ds)),
        ("json.load", lambda: json.loads(results.read_bytes())),
    ):
        best = (float("inf"), float("inf"))
        for _ in range(3):
            clock, work = time.perf_counter(), time.process_time()
            run()
            best = min(best, (time.perf_counter() - clock, time.process_time() - work))
        size = results.stat().st_size / 1e6
        print(f"{name:<18} {best[0]:6.2f} s ({best[1]:.2f} s of work), {size:.0f} MB")


if __name__ == "__main__":
    main()
