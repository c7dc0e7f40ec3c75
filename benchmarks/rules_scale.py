"""Time of each rule and of the summary, and peak memory, against the number of images.

    python rules_scale.py [--images 1000 10000 100000 1000000] [--flood] [--json FILE]

Each size is a process of its own that reads the tables of ``make_tables.py`` into memory, runs
every rule that a check runs, and sums up. Peak memory is that of the whole process, interpreter
and tables included.
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

SIZES = (1_000, 10_000, 100_000, 1_000_000)


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def run(folder: Path, deploy: str | None) -> dict[str, Any]:
    """Judge and sum up one set in this process."""
    import make_tables

    from fastlabel import deploy as deployments
    from fastlabel import rules
    from fastlabel.summary import summarise

    began = time.perf_counter()
    ds, stats, box_stats = make_tables.read(folder)
    read = time.perf_counter() - began
    tables = sum(t.nbytes for t in (ds.images, ds.annotations, stats, box_stats)) / 2**20
    before = _peak_mb()
    profile = None if deploy is None else deployments.load(deploy)
    seconds: dict[str, float] = {}
    began, cpu = time.perf_counter(), time.process_time()
    context = rules.Context(ds, stats, box_stats, profile)
    findings = rules.run(context, timings=seconds)
    judged = time.perf_counter() - began
    peak_rules = _peak_mb()
    summary = summarise(ds, stats, box_stats, findings, rules.RULES, profile)
    whole, used = time.perf_counter() - began, time.process_time() - cpu
    return {
        "images": len(ds),
        "boxes": ds.annotations.num_rows,
        "findings": findings.num_rows,
        "grade": summary["verdict"]["grade"],
        "tables_mb": round(tables),
        "read_s": round(read, 2),
        "rules_s": round(judged, 3),
        "summary_s": round(whole - judged, 3),
        "rules_and_summary_s": round(whole, 3),
        "rules_and_summary_cpu_s": round(used, 3),
        "peak_before_mb": round(before),
        "peak_rules_mb": round(peak_rules),
        "peak_mb": round(_peak_mb()),
        "seconds": {k: round(v, 4) for k, v in sorted(seconds.items())},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, nargs="+", default=SIZES)
    parser.add_argument("--flood", action="store_true", help="three boxes of ten too small")
    parser.add_argument("--deploy", help="judge for this deployment")
    parser.add_argument("--json", type=Path, help="write the figures here too")
    parser.add_argument("--tables", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help="keep the tables here, use those that are")
    given = parser.parse_args()
    if given.tables is not None:
        print(json.dumps(run(given.tables, given.deploy)))
        return
    rows = []
    with tempfile.TemporaryDirectory() as made:
        for images in given.images:
            name = f"{images}{'-flood' if given.flood else ''}"
            folder = (given.folder or Path(made)) / name
            if not folder.exists():
                flood = ["--flood"] if given.flood else []
                here = Path(__file__).with_name("make_tables.py")
                command = [sys.executable, here, folder, "--images", str(images), *flood]
                subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            command = [sys.executable, __file__, "--tables", folder]
            command += ["--deploy", given.deploy] if given.deploy else []
            done = subprocess.run(command, check=True, capture_output=True, text=True)
            rows.append(json.loads(done.stdout))
            _show(rows[-1])
    if given.json is not None:
        given.json.write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")


def _show(row: dict[str, Any]) -> None:
    print(
        f"{row['images']:>9,} images {row['boxes']:>10,} boxes {row['findings']:>9,} findings: "
        f"rules {row['rules_s']:.2f} s + summary {row['summary_s']:.2f} s = "
        f"{row['rules_and_summary_s']:.2f} s ({row['rules_and_summary_cpu_s']:.2f} s of CPU); "
        f"tables {row['tables_mb']:,} MB, "
        f"peak {row['peak_mb']:,} MB ({row['peak_before_mb']:,} before the rules)"
    )
    slowest = sorted(row["seconds"].items(), key=lambda kv: -kv[1])
    print("          " + ", ".join(f"{code} {s:.2f}" for code, s in slowest[:14]))


if __name__ == "__main__":
    main()
