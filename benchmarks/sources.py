"""The scan from every kind of place: the same pictures, all in one run, taken in turn.

    python benchmarks/sources.py [--images 4000] [--rounds 3] [--workers 2] [--json FILE]

Crops of 96 to 256 pixels of real photos are written once as a folder, a tar, a stored and a
deflated zip and a Parquet file. A line for each place: images a second (the best of the rounds),
the ratio to the folder (the median of the ratios within a round), CPU time an image of all
threads together (the least of the rounds, which a busy machine leaves alone), and how busy that
kept the workers: CPU time over wall time and workers, where other processes count against us.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import statistics
import sys
import tarfile
import tempfile
import time
import zipfile
from pathlib import Path

import cv2
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

import fastlabel as fl

HERE = Path(__file__).resolve().parent


def crops(count: int) -> dict[str, bytes]:
    """Crops of the photos of ``raccoon`` and ``bccd``, JPEG at quality 90."""
    data = Path(os.environ.get("FASTLABEL_DATA", HERE.parent.parent / "shared" / "data"))
    photos = sorted((data / "raccoon" / "images").glob("*.jpg"))
    photos += sorted((data / "bccd").rglob("*.jpg"))[:100]
    if not photos:
        sys.exit(f"{data}: no photos there; set FASTLABEL_DATA")
    rng = np.random.default_rng(1)
    loaded = [cv2.imread(str(path)) for path in photos]
    found = {}
    for k in range(count):
        photo = loaded[k % len(loaded)]
        side = [min(int(rng.integers(96, 257)), length) for length in photo.shape[:2]]
        y, x = (int(rng.integers(0, photo.shape[a] - side[a] + 1)) for a in (0, 1))
        part = photo[y : y + side[0], x : x + side[1]]
        found[f"{k // 1000:03d}/{k:06d}.jpg"] = cv2.imencode(
            ".jpg", part, [cv2.IMWRITE_JPEG_QUALITY, 90]
        )[1].tobytes()
    return found


def write_all(here: Path, pictures: dict[str, bytes]) -> dict[str, str]:
    """The pictures in every kind of place."""
    folder = here / "folder"
    for name, data in pictures.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    with tarfile.open(here / "set.tar", "w") as tar:
        for name, data in pictures.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    for kind, method in (("stored", zipfile.ZIP_STORED), ("deflated", zipfile.ZIP_DEFLATED)):
        with zipfile.ZipFile(here / f"{kind}.zip", "w", method) as archive:
            for name, data in pictures.items():
                archive.writestr(name, data)
    image = pa.StructArray.from_arrays(
        [pa.array(pictures.values(), pa.binary()), pa.array(pictures.keys(), pa.string())],
        ["bytes", "path"],
    )
    pq.write_table(pa.table({"image": image}), here / "set.parquet", row_group_size=100)
    return {
        "folder": str(folder),
        "file://": f"file://{folder}",
        "tar": str(here / "set.tar"),
        "zip, stored": str(here / "stored.zip"),
        "zip, deflated": str(here / "deflated.zip"),
        "parquet": str(here / "set.parquet"),
    }


def measure(place: str, workers: int) -> dict[str, float]:
    began = time.perf_counter()
    source = fl.open_source(place)
    listed = time.perf_counter()
    before = time.process_time()
    table = fl.scan(source, workers=workers)
    wall, cpu = time.perf_counter() - listed, time.process_time() - before
    assert set(table["status"].to_pylist()) == {"ok"}
    busy = min(cpu / wall / workers, 1.0)
    return {"list": listed - began, "scan": wall, "cpu": cpu / len(source), "busy": busy}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=4000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        pictures = crops(options.images)
        places = write_all(Path(folder), pictures)
        rounds = [
            {kind: measure(place, options.workers) for kind, place in places.items()}
            for _ in range(options.rounds)
        ]
    print(f"{options.images:,} pictures, {options.workers} workers, {options.rounds} rounds")
    print(
        f"{'from':14} {'images/s':>10} {'of folder':>10} {'CPU us':>8} "
        f"{'listing s':>10} {'busy':>6}"
    )
    results = {}
    for kind in places:
        best = min(r[kind]["scan"] for r in rounds)
        results[kind] = {
            "images_per_second": options.images / best,
            "of_folder": statistics.median(r["folder"]["scan"] / r[kind]["scan"] for r in rounds),
            "listing_seconds": min(r[kind]["list"] for r in rounds),
            "cpu_us": min(r[kind]["cpu"] for r in rounds) * 1e6,
            "busy": max(r[kind]["busy"] for r in rounds),
        }
        row = results[kind]
        print(
            f"{kind:14} {row['images_per_second']:10,.0f} {row['of_folder']:10.2f} "
            f"{row['cpu_us']:8.1f} {row['listing_seconds']:10.3f} {row['busy']:6.0%}"
        )
    if options.json:
        options.json.write_text(json.dumps({"options": vars(options) | {"json": None},
                                            "results": results}, indent=2))  # fmt: skip


if __name__ == "__main__":
    main()
