"""``fastlabel check`` of more and more JPEG files: time, peak memory, and where the time went.

    python benchmarks/crops.py DIR --images 1000000 --photos PHOTOS [--boxes 2]
    python benchmarks/check_scale.py DIR [--images 1000 10000 100000 1000000] [--tar]
                                     [--changed 1000] [--plot FILE.png] [--json FILE]

The first N files are linked into a folder of their own, or put into tar shards of 10,000. Each
is checked three times, by a process of its own each time: for the first time, with nothing
changed, and with some files changed. Peak memory is that of the whole process; "workers" is the
CPU time of the native threads that decode and measure, as a share of that of all threads, and
"cores" is the CPU time of the process against wall time and the cores there are, both while it
scanned (as the report says) and as a whole.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tarfile
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

SIZES = (1_000, 10_000, 100_000, 1_000_000)
A_SHARD = 10_000
TICK = os.sysconf("SC_CLK_TCK")
#: What the native threads of the scan are called.
WORKERS = "fastlabel-pool"


def _threads(pid: int) -> dict[str, tuple[str, float]]:
    """Name and CPU seconds of each thread that lives."""
    found = {}
    for task in Path(f"/proc/{pid}/task").iterdir():
        try:
            name, _, rest = (task / "stat").read_text().partition("(")[2].rpartition(")")
        except OSError:
            continue
        fields = rest.split()
        found[task.name] = (name, (int(fields[11]) + int(fields[12])) / TICK)
    return found


def _watched(command: list[str], env: dict[str, str]) -> tuple[dict[str, tuple[str, float]], Any]:
    """Run it; the CPU time of each thread as last seen, and what the system says of all."""
    process = subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL)
    seen: dict[str, tuple[str, float]] = {}
    over = threading.Event()

    def watch() -> None:
        while not over.wait(0.05):
            try:
                seen.update(_threads(process.pid))
            except OSError:
                return

    watcher = threading.Thread(target=watch)
    watcher.start()
    _, status, used = os.wait4(process.pid, 0)
    over.set()
    watcher.join()
    code = os.waitstatus_to_exitcode(status)
    if code not in (0, 1):
        sys.exit(f"{' '.join(command)}: ended with {code}")
    return seen, used


def check(data: str, images: str | None, work: Path) -> dict[str, Any]:
    """One check in a process of its own."""
    command = [sys.executable, "-m", "fastlabel", "check", data, "--out", str(work / "out")]
    command += ["--images", images] if images else []
    env = {**os.environ, "FASTLABEL_CACHE": str(work / "cache")}
    began = time.perf_counter()
    seen, used = _watched(command, env)
    wall = time.perf_counter() - began
    cpu = used.ru_utime + used.ru_stime
    workers = sum(seconds for name, seconds in seen.values() if name == WORKERS)
    told = json.loads((work / "out/summary.json").read_text(encoding="utf-8"))["run"]
    return {
        "wall_s": round(wall, 2),
        "cpu_s": round(cpu, 2),
        "workers_s": round(workers, 2),
        "cores": round(cpu / wall / (os.cpu_count() or 1), 3),
        "peak_mb": round(used.ru_maxrss / 1024),
        "seconds": told["seconds"],
        "reused": (told["cache"] or {}).get("reused"),
    }


def _linked(source: Path, into: Path, count: int) -> list[Path]:
    """The first files of the set, under second names in the same file system."""
    made = []
    for folder in sorted((source / "images").iterdir()):
        if len(made) >= count:
            break
        (into / folder.name).mkdir(parents=True)
        for path in sorted(folder.iterdir())[: count - len(made)]:
            made.append(into / folder.name / path.name)
            os.link(path, made[-1])
    if len(made) < count:
        sys.exit(f"{source}: {len(made):,} files, {count:,} are wanted; make them with crops.py")
    return made


def _shards(source: Path, into: Path, count: int) -> list[Path]:
    into.mkdir(parents=True)
    shards: list[Path] = []
    names = (p for f in sorted((source / "images").iterdir()) for p in sorted(f.iterdir()))
    for first in range(0, count, A_SHARD):
        shards.append(into / f"crops-{first // A_SHARD:05d}.tar")
        with tarfile.open(shards[-1], "w") as tar:
            for _ in range(min(A_SHARD, count - first)):
                path = next(names)
                tar.add(path, path.name)
    return shards


def _touch(files: list[Path], changed: int) -> None:
    """Other bytes in some files, as a second version has them; no other name sees it."""
    for path in files[:: max(len(files) // changed, 1)][:changed]:
        data = path.read_bytes()
        path.unlink()
        path.write_bytes(data + b"\0")


def _rewrite(shards: list[Path], changed: int) -> None:
    """The last shard once more, with other bytes in some members."""
    old = shards[-1].with_suffix(".old")
    shards[-1].rename(old)
    with tarfile.open(old) as given, tarfile.open(shards[-1], "w") as tar:
        for k, member in enumerate(given):
            data = given.extractfile(member)
            content = (data.read() if data else b"") + (b"\0" if k < changed else b"")
            member.size = len(content)
            with tempfile.SpooledTemporaryFile(1 << 24) as file:
                file.write(content)
                file.seek(0)
                tar.addfile(member, file)
    old.unlink()


def run(source: Path, count: int, tar: bool, changed: int, scratch: Path) -> dict[str, Any]:
    """The three checks of the first ``count`` files."""
    with tempfile.TemporaryDirectory(dir=scratch) as made:
        work = Path(made)
        data = work / "data"
        files = (_shards if tar else _linked)(source, data, count)
        began = {"first": check(str(data), None, work), "again": check(str(data), None, work)}
        (_rewrite if tar else _touch)(files, changed)
        return {"images": count, "tar": tar, **began, "changed": check(str(data), None, work)}


def show(row: dict[str, Any]) -> None:
    """A few lines of one size."""
    for what in ("first", "again", "changed"):
        told = row[what]
        parts = ", ".join(f"{k} {v:.1f}" for k, v in told["seconds"].items())
        print(
            f"{row['images']:>9,} {'tar' if row['tar'] else 'folder':<6} {what:<8}"
            f"{told['wall_s']:8.1f} s ({row['images'] / told['wall_s']:8,.0f} images/s; {parts}) "
            f"cpu {told['cpu_s']:.1f} s, workers {told['workers_s'] / told['cpu_s']:.0%}, "
            f"cores {told['cores']:.0%}, peak {told['peak_mb']:,} MB",
            flush=True,
        )


def plot(rows: list[dict[str, Any]], path: Path) -> None:
    """Time and peak memory against the number of images."""
    import matplotlib

    matplotlib.use("agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
    sizes = [row["images"] for row in rows]
    names = {"first": "first", "again": "nothing changed", "changed": "1,000 changed"}
    for what, label in names.items():
        axes[0].plot(sizes, [row[what]["wall_s"] for row in rows], "o-", label=label)
    axes[0].set(xscale="log", yscale="log", xlabel="images", ylabel="seconds")
    axes[0].legend(frameon=False)
    axes[1].plot(sizes, [row["first"]["peak_mb"] for row in rows], "o-", label="first")
    axes[1].plot(sizes, [row["again"]["peak_mb"] for row in rows], "o-", label="nothing changed")
    axes[1].set(xscale="log", xlabel="images", ylabel="peak memory, MB", ylim=(0, None))
    axes[1].legend(frameon=False)
    for axis in axes:
        axis.grid(alpha=0.3)
    figure.savefig(path, dpi=110)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="made by crops.py")
    parser.add_argument("--images", type=int, nargs="+", default=SIZES)
    parser.add_argument("--tar", action="store_true", help="shards in place of a folder")
    parser.add_argument("--changed", type=int, default=1000)
    parser.add_argument("--plot", type=Path)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--scratch", type=Path, help="on the file system of the folder")
    given = parser.parse_args()
    rows = []
    for count in given.images:
        scratch = given.scratch or given.folder.parent
        rows.append(run(given.folder, count, given.tar, given.changed, scratch))
        show(rows[-1])
    if given.json is not None:
        given.json.write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")
    if given.plot is not None:
        plot(rows, given.plot)


if __name__ == "__main__":
    main()
