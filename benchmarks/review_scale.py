"""Review of 100,000 images: out to each tool and back, in seconds and memory.

    python benchmarks/review_scale.py [--images 100000] [--boxes 10] [--to label-studio,cvat]

Labels and findings are drawn; there are no pictures. Each step runs in a process of its own.
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

import numpy as np


def draw(folder: Path, images: int, boxes: int) -> None:
    """A COCO file and a findings table: one finding for every tenth box, with a proposal."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    from fastlabel import schema

    rng = np.random.default_rng(0)
    n = images * boxes
    corner = np.round(rng.uniform(0, [900, 500], (n, 2)), 2)
    size = np.round(rng.uniform(8, 300, (n, 2)), 2)
    box = np.concatenate([corner, size], 1).tolist()
    category = rng.integers(1, 11, n).tolist()
    (folder / "set").mkdir(parents=True)
    with (folder / "set" / "labels.json").open("w") as file:
        json.dump(
            {
                "images": [
                    {"id": k, "file_name": f"{k:07}.jpg", "width": 1280, "height": 864}
                    for k in range(images)
                ],
                "annotations": [
                    {"id": k, "image_id": k // boxes, "category_id": category[k], "bbox": box[k]}
                    for k in range(n)
                ],
                "categories": [{"id": k, "name": f"class {k}"} for k in range(1, 11)],
            },
            file,
        )
    rows = np.sort(rng.choice(n, n // 10, replace=False))
    fix = [
        json.dumps({"fix": {"action": "relabel", "box": None, "category_id": k % 10}})
        for k in range(len(rows))
    ]
    table = pa.table(
        {
            "code": pa.repeat(pa.scalar("FL703"), len(rows)),
            "severity": pa.repeat(pa.scalar("warning"), len(rows)),
            "image_id": rows // boxes,
            "annotation_id": rows,
            "score": rng.uniform(0, 1, len(rows)),
            "message": pa.repeat(pa.scalar("class 3 here looks like class 4"), len(rows)),
            "value": pa.nulls(len(rows), pa.float64()),
            "threshold": pa.nulls(len(rows), pa.float64()),
            "suggestion": pa.repeat(pa.scalar("relabel"), len(rows)),
            "evidence": pa.array(fix),
        },
        schema=schema.FINDINGS,
    )
    pq.write_table(table, folder / "findings.parquet")


def step(name: str, folder: Path, tool: str) -> None:
    """One step, timed without the reading of the labels."""
    import pyarrow.parquet as pq

    from fastlabel.clean.review import export_review, read_review
    from fastlabel.formats import read

    ds = read(folder / "set")
    base = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    out = folder / f"tasks-{tool}"
    began, cpu = time.perf_counter(), time.process_time()
    if name == "out":
        table = pq.read_table(folder / "findings.parquet")
        export_review(ds, table, to=tool, out=out, everything=True)
        told = ""
    else:
        back = read_review(ds, out)
        told = f"{back.counts['same']:,} boxes the same, {back.changes.num_rows:,} changes"
    seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    files = sum(f.stat().st_size for f in ([out] if out.is_file() else out.rglob("*")))
    print(
        f"{tool:<13} {name:<5} {seconds:7.1f} s ({cpu:5.1f} s CPU)  {files / 1e6:8,.0f} MB file  "
        f"{(most - base) / 1024:7,.0f} MB over the labels  {told}",
        flush=True,
    )


def main() -> None:
    """Draw the set, and run each step in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=100_000)
    parser.add_argument("--boxes", type=int, default=10)
    parser.add_argument("--to", default="label-studio,cvat,fiftyone")
    parser.add_argument("--step", nargs=3)
    args = parser.parse_args()
    if args.step:
        step(args.step[0], Path(args.step[1]), args.step[2])
        return
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
        draw(Path(folder), args.images, args.boxes)
        for tool in args.to.split(","):
            for name in ("out", "back") if tool != "fiftyone" else ("out",):
                command = [sys.executable, __file__, "--step", name, folder, tool]
                subprocess.run(command, check=True)


if __name__ == "__main__":
    main()
