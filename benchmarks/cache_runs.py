"""The first scan of a large set, the second with nothing changed, and with some files changed.

    python benchmarks/crops.py DIR --images 100000
    python benchmarks/cache_runs.py DIR [--changed 1000]

Each run is a process of its own. Prints seconds and microseconds an image, and the peak memory;
the changed files are put back as they were, but for their times.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

CHILD = """
import json, resource, sys, time
from pathlib import Path
import pyarrow as pa
from fastlabel.scan import Cache, scan
from fastlabel.scan.sources import FolderSource
root, folder = Path(sys.argv[1]), sys.argv[2]
names = pa.array(sorted(p.relative_to(root).as_posix() for p in root.rglob("*.jpg")))
cache = Cache(folder)
started = time.perf_counter()
scan(FolderSource(root, names), cache=cache)
print(json.dumps({
    "seconds": time.perf_counter() - started,
    "images": len(names),
    "decoded": len(names) - cache.outcome.reused,
    "hashed": cache.outcome.hashed,
    "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
}))
"""


def run(what: str, root: Path, cache: str) -> None:
    """One scan in a process of its own, and a line of what it took."""
    done = subprocess.run(
        [sys.executable, "-c", CHILD, str(root), cache], check=True, capture_output=True, text=True
    )
    told = json.loads(done.stdout)
    each = told["seconds"] / told["images"] * 1e6
    print(
        f"{what:<24} {told['seconds']:8.2f} s {each:8.1f} us an image; decoded "
        f"{told['decoded']:,}, hashed {told['hashed']:,}; peak {told['peak_mb']:.0f} MB"
    )


def main(root: Path, changed: int) -> None:
    """All runs, in one temporary cache."""
    files = sorted(root.rglob("*.jpg"))
    some = files[:: max(len(files) // changed, 1)][:changed]
    with tempfile.TemporaryDirectory() as cache:
        run("first", root, cache)
        run("nothing changed", root, cache)
        run("nothing changed, again", root, cache)
        before = [path.read_bytes() for path in some]
        for path, data in zip(some, before, strict=True):
            path.write_bytes(data + b"changed")
        run(f"{len(some):,} files changed", root, cache)
        for path, data in zip(some, before, strict=True):
            path.write_bytes(data)
        run("and put back", root, cache)
        for path in files:
            path.touch()
        run("all touched", root, cache)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--changed", type=int, default=1000)
    given = parser.parse_args()
    main(given.folder, given.changed)
