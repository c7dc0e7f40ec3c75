"""``engine="ray"`` on this machine against the local engine: small crops of photos, in turn.

Ray is started, and has done some work, before anything is timed. The local engine has as many
threads as Ray has tasks at a time. Beside the clock's ratio stands that of the CPU time of all
processes, Ray's own too, which neighbours disturb less.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from time import perf_counter

from harness import Number, Setup, Unavailable

FILES = 20_000
#: Each file is scanned so often: Ray's part of the start of a job, some half a second, is not
#: what is asked for.
TIMES = 3
ROUNDS = 5


def measure(setup: Setup) -> list[Number]:
    try:
        import ray
        import ray.data
    except ImportError:
        raise Unavailable('Ray Data is absent: pip install "fastlabel[ray]"') from None
    from crops import photos_in, write

    import fastlabel as fl

    photos = setup.data / "highres"
    cpus = len(os.sched_getaffinity(0))
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        write(root, FILES, photos_in(photos), 0)
        files = sorted(root.rglob("*.jpg")) * TIMES
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        ray.init("local", num_cpus=cpus, include_dashboard=False, log_to_driver=False)
        try:
            assert fl.scan(files, engine="ray").equals(fl.scan(files))
            rounds = [
                (*_timed(lambda: fl.scan(files, workers=cpus)),
                 *_timed(lambda: fl.scan(files, workers=cpus, engine="ray")))
                for _ in range(ROUNDS)
            ]  # fmt: skip
        finally:
            ray.shutdown()
    detail = {
        "images": len(files),
        "cpus": cpus,
        "local_images_per_s": [round(len(files) / r[0]) for r in rounds],
        "ray_images_per_s": [round(len(files) / r[2]) for r in rounds],
        "local_cpu_seconds": [round(r[1], 2) for r in rounds],
        "ray_cpu_seconds": [round(r[3], 2) for r in rounds],
    }
    name = f"engine ray / local, {cpus} CPUs, once started:"
    return [
        Number(f"{name} images/s", [r[0] / r[2] for r in rounds], "x", at_least=0.8, detail=detail),
        Number(f"{name} images/CPU s", [r[1] / r[3] for r in rounds], "x"),
    ]


def _timed(work) -> tuple[float, float]:
    """Seconds, and CPU seconds of this process and all below it."""
    cpu, start = _tree_seconds(), perf_counter()
    work()
    return perf_counter() - start, _tree_seconds() - cpu


def _tree_seconds() -> float:
    """CPU time of this process and those it has started, gone ones too."""
    parents: dict[int, int] = {}
    ticks: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            pid = int(entry.name)
            parents[pid] = int(fields[1])
            ticks[pid] = sum(map(int, fields[11:15]))
    mine = {os.getpid()}
    grown = True
    while grown:
        more = {pid for pid, parent in parents.items() if parent in mine} - mine
        grown = bool(more)
        mine |= more
    return sum(ticks.get(pid, 0) for pid in mine) / os.sysconf("SC_CLK_TCK")
