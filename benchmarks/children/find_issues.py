"""Dark, light and blurry images of a folder: `fastlabel FOLDER WORKERS` or `cleanvision FOLDER`.

CleanVision always gets one process.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from time import perf_counter, process_time


def by_fastlabel(folder: str, workers: str) -> tuple[float, float, int, dict[str, list[str]]]:
    kinds = {"FL401": "blurry", "FL402": "dark", "FL403": "light"}
    start = perf_counter()
    import pyarrow

    from fastlabel import check, rules, summary

    # Pyarrow loads pandas, where it is installed, with its first array: an import too.
    loaded = (rules, summary, pyarrow.array([0]))
    imported = perf_counter()
    assert loaded
    report = check(folder, format="images", select=list(kinds), workers=int(workers))
    found: dict[str, list[str]] = {kind: [] for kind in kinds.values()}
    names = report.ds.images["file_name"].to_pylist()
    rows = report.findings.select(["code", "image_id"]).to_pylist()
    done = perf_counter()
    for row in rows:
        found[kinds[row["code"]]].append(Path(names[row["image_id"]]).name)
    return imported - start, done - imported, len(names), found


def by_cleanvision(folder: str) -> tuple[float, float, int, dict[str, list[str]]]:
    kinds = ("blurry", "dark", "light")
    start = perf_counter()
    from cleanvision import Imagelab

    imported = perf_counter()
    lab = Imagelab(data_path=folder, verbose=False)
    lab.find_issues({kind: {} for kind in kinds}, n_jobs=1, verbose=False)
    found = {k: lab.issues.index[lab.issues[f"is_{k}_issue"]].tolist() for k in kinds}
    done = perf_counter()
    found = {kind: [Path(name).name for name in names] for kind, names in found.items()}
    return imported - start, done - imported, len(lab.issues), found


def main() -> None:
    who, *rest = sys.argv[1:]
    find = {"fastlabel": by_fastlabel, "cleanvision": by_cleanvision}[who]
    import_s, work_s, images, found = find(*rest)
    answer = {"import_s": import_s, "work_s": work_s, "cpu_s": process_time(), "images": images}
    print(json.dumps({**answer, "found": {k: sorted(v) for k, v in found.items()}}))


main()
