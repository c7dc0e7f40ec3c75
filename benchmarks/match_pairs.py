"""How well two sources of real photos are told apart by some frames of the first.

    python benchmarks/match_pairs.py [--data FOLDER] [--learner histogram]

The AUC of ``fl.match``'s ratio over a mixed set, the frames themselves left out of it: least,
middle and most of three draws. Then where night photos come among photos of day and night. Nothing is
demanded: the table of docs/diet.md is what this printed.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pyarrow as pa
from run import default_data

import fastlabel as fl
from fastlabel.match.ratio import area_under_curve

SOURCES = {
    "cells": "bccd",
    "raccoons": "raccoon",
    "street litter": "garbage-yolo",
    "cats": "predictions/review-metrics/toyexample",
    "mixed": "quality/imagededup/base_images",
    "fridge": "fridge",
    "night": "quality/retinex-low",
}
PAIRS = (
    ("cells", "raccoons", 20),
    ("raccoons", "cells", 20),
    ("street litter", "cells", 20),
    ("street litter", "raccoons", 20),
    ("raccoons", "street litter", 20),
    ("cats", "street litter", 6),
    ("cats", "raccoons", 6),
)
DAY = ("raccoons", "street litter", "cats", "mixed", "fridge")


def scenes(folder: Path) -> pa.Table:
    suffixes = (".jpg", ".jpeg", ".png")
    return fl.scene_features(
        [str(path) for path in sorted(folder.rglob("*")) if path.suffix.lower() in suffixes]
    )


def apart(a: pa.Table, b: pa.Table, frames: int, learner: str, seed: int) -> float:
    order = np.random.default_rng(seed).permutation(a.num_rows)
    rest = a.take(pa.array(order[frames:]))
    found = fl.match(pa.concat_tables([rest, b]), a.take(pa.array(order[:frames])), learner=learner)
    ratio = np.nan_to_num(found.ratio)
    return area_under_curve(ratio[: rest.num_rows], ratio[rest.num_rows :])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=default_data())
    parser.add_argument("--learner", choices=["histogram", "sklearn"], default="histogram")
    options = parser.parse_args()
    table = {name: scenes(options.data / folder) for name, folder in SOURCES.items()}
    for a, b, frames in PAIRS:
        values = [apart(table[a], table[b], frames, options.learner, seed) for seed in range(3)]
        shown = " ".join(f"{value:.3f}" for value in sorted(values))
        print(f"{a}, {b}: {frames} frames: {shown}", flush=True)
    day, night = pa.concat_tables([table[name] for name in DAY]), table["night"]
    n = night.num_rows
    ratio = np.nan_to_num(fl.match(pa.concat_tables([day, night]), night).ratio)
    places = [int((ratio > value).sum()) + 1 for value in ratio[-n:]]
    print(f"night photos as frames, their own places among {len(ratio)}: {places}")
    for k in range(n):
        others = night.take([j for j in range(n) if j != k])
        ratio = np.nan_to_num(fl.match(pa.concat_tables([day, night.slice(k, 1)]), others).ratio)
        place = int((ratio > ratio[-1]).sum()) + 1
        print(f"night photo {k + 1} held out: place {place} of {len(ratio)}")


if __name__ == "__main__":
    main()
