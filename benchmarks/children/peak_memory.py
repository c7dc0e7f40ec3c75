"""Peak memory of this process: `bare`, `imports`, `scan N FILE...` or `batches N FILE...`.

The files are repeated until there are N.
"""

from __future__ import annotations

import sys


def peak_mb() -> float:
    # Not ru_maxrss: Linux hands the parent's peak down to a child at exec.
    with open("/proc/self/status", encoding="ascii") as lines:  # noqa: PTH123
        (line,) = [line for line in lines if line.startswith("VmHWM:")]
    return round(int(line.split()[1]) / 1024, 1)


what = sys.argv[1]
if what != "bare":
    from fastlabel import scan, scan_batches, schema
    from fastlabel.scan import engine, fallback, jobs

    loaded = (schema, engine, fallback, jobs)
if what in ("scan", "batches"):
    wanted, files = int(sys.argv[2]), sys.argv[3:]
    paths = (files * (wanted // len(files) + 1))[:wanted]
    rows = 0
    for part in scan_batches(paths) if what == "batches" else [scan(paths)]:
        assert set(part["status"].to_pylist()) == {"ok"}
        rows += part.num_rows
    assert rows == wanted
print(f'{{"peak_mb": {peak_mb()}}}')
