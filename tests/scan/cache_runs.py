"""Sets, tables and runs for the tests of the cache."""

from __future__ import annotations

import hashlib
import io
import json
import os
import signal
import sys
import time
from collections.abc import Callable
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

import fastlabel as fl
from fastlabel.scan import Cache, scan_tables

session = import_module("fastlabel.scan.cache.session")
scan_package = import_module("fastlabel.scan")

#: Modules that a check loads when it needs them.
PARTS = tuple(
    f"fastlabel.{name}"
    for name in ("check", "formats", "rules", "summary", "scan.engine", "scan.cache.store")
)

#: Long enough ago for every file system's clock.
LONG_AGO_NS = 1_600_000_000 * 10**9


def picture(seed: int, suffix: str = ".jpg", *, width: int = 64, height: int = 48) -> bytes:
    """A small picture that no other seed gives."""
    rng = np.random.default_rng(seed)
    pixels = cv2.resize(rng.integers(0, 256, (6, 8, 3), dtype=np.uint8), (width, height))
    done, data = cv2.imencode(suffix, pixels)
    assert done
    return data.tobytes()


def padded(data: bytes, size: int) -> bytes:
    """A JPEG of exactly this size: bytes after its end are not decoded, but are content."""
    assert len(data) <= size
    return data + b"\0" * (size - len(data))


def draw(root: Path, images: int, *, boxes: int = 2, suffix: str = ".jpg") -> Path:
    """A COCO set of small pictures."""
    root.mkdir(parents=True)
    names = [f"{k:05d}{suffix}" for k in range(images)]
    for k, name in enumerate(names):
        (root / name).write_bytes(picture(k, suffix))
    label(root, names, boxes)
    return root


def label(root: Path, names: list[str], boxes: int, shift: dict[int, float] | None = None) -> None:
    """Write labels.json; ``shift`` moves the boxes of some images."""
    moved = shift or {}
    document = {
        "images": [
            {"id": k, "file_name": n, "width": 64, "height": 48} for k, n in enumerate(names)
        ],
        "annotations": [
            {
                "id": k * boxes + b,
                "image_id": k,
                "category_id": 1,
                "bbox": [4 + 5 * b + moved.get(k, 0), 6, 20, 18],
            }
            for k in range(len(names))
            for b in range(boxes)
        ],
        "categories": [{"id": 1, "name": "cat"}],
    }
    (root / "labels.json").write_text(json.dumps(document))


def digest(*tables: pa.Table) -> str:
    """Hash of tables as Parquet files, as a report writes them."""
    total = hashlib.sha256()
    for table in tables:
        sink = io.BytesIO()
        pq.write_table(table, sink, compression="zstd")
        total.update(sink.getvalue())
    return total.hexdigest()


def report_digest(report: fl.Report) -> str:
    """Hash of all that a report says, but for the facts of its run."""
    summary = {k: v for k, v in report.summary.items() if k != "run"}
    text = json.dumps(summary).encode()
    tables = digest(report.findings, report.image_stats, report.box_stats)
    return hashlib.sha256(text + tables.encode()).hexdigest()


def scanned(root: Path, cache: Cache | None = None, **options: Any) -> tuple[str, int]:
    """Digest of the tables, and how many images were measured rather than recalled."""
    ds = fl.read(root)
    tables = scan_tables(ds, cache=cache, **options)
    known = 0 if cache is None or cache.outcome is None else cache.outcome.reused
    return digest(*tables), len(ds) - known


# ---- runs that are killed


def in_a_fork(work: Callable[[], None], kill_after: float | None = None) -> bool:
    """Run in a process of its own, killed some time after its scan has begun; whether it ended."""
    begun, tell = os.pipe()
    child = os.fork()
    if child == 0:
        fill = Cache.fill

        def told(self: Cache, *args: Any) -> None:
            os.write(tell, b"!")
            fill(self, *args)

        Cache.fill = told  # type: ignore[method-assign]
        try:
            work()
        except BaseException as error:
            print(f"child: {error!r}", file=sys.stderr, flush=True)
            os._exit(1)
        os._exit(0)
    os.close(tell)
    if kill_after is not None:
        os.read(begun, 1)
        time.sleep(kill_after)
        os.kill(child, signal.SIGKILL)
    os.close(begun)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL:
        return False
    assert os.WEXITSTATUS(status) == 0, status
    return True


def killed_runs(root: Path, folder: Path, out: Path, kills: int, seed: int) -> None:
    """Check a set again and again, each time killed at a random moment.

    Whenever a run comes to its end, its report is compared and the cache emptied, so that kills
    fall on all of a run. Writes what it saw to ``out``.
    """
    rng = np.random.default_rng(seed)
    result = folder.parent / "digest.txt"

    def whole() -> None:
        text = report_digest(fl.check(root))
        started = time.monotonic()
        scan_tables(fl.read(root), cache=Cache(folder.parent / "timed"))
        result.write_text(f"{text} {time.monotonic() - started}")

    def cached() -> None:
        cache = Cache(folder)
        text = report_digest(fl.check(root, cache=cache))
        assert cache.outcome is not None
        result.write_text(f"{text} {cache.outcome.reused}")

    assert in_a_fork(whole)
    truth, seconds = result.read_text().split()
    seen: dict[str, Any] = {"kills": 0, "ends": 0, "wrong": 0, "resumed": []}

    def end() -> None:
        text, reused = result.read_text().split()
        seen["ends"] += 1
        seen["wrong"] += text != truth
        seen["resumed"].append(int(reused))
        for part in folder.rglob("*.arrow"):
            part.unlink()

    span = float(os.environ.get("SPAN", "1")) * float(seconds)
    while seen["kills"] < kills:
        # Each run goes on from the one before it: short ones fall on all of the set as well.
        if in_a_fork(cached, kill_after=float(rng.uniform(0, span))):
            end()
        else:
            seen["kills"] += 1
            out.with_suffix(".sofar").write_text(json.dumps(seen))
            if rng.random() < 0.1:  # resumed, and not killed
                assert in_a_fork(cached)
                end()
    while not list(folder.rglob("*.arrow")):
        in_a_fork(cached, kill_after=float(rng.uniform(0, span)))
    assert in_a_fork(cached)
    end()
    out.write_text(json.dumps(seen))


def stopped_at_each_step(root: Path, folder: Path, out: Path) -> None:
    """Stop dead before the first, second, ... call that changes the disk; then resume."""
    result = folder.parent / "digest.txt"
    store = import_module("fastlabel.scan.cache.store")
    store.MOST_SMALL = 3  # so that parts are put together on the way

    def whole() -> None:
        result.write_text(digest(*scan_tables(fl.read(root))))

    def stopped(step: int) -> None:
        left = step

        def counted(call: Callable[..., Any]) -> Callable[..., Any]:
            def wrapper(*args: Any, **options: Any) -> Any:
                nonlocal left
                left -= 1
                if left < 0:
                    os._exit(0)
                return call(*args, **options)

            return wrapper

        os.fsync = counted(os.fsync)
        Path.rename = counted(Path.rename)
        Path.unlink = counted(Path.unlink)
        scan_tables(fl.read(root), cache=Cache(folder))
        (folder.parent / "through").touch()

    def resumed() -> None:
        cache = Cache(folder)
        text = digest(*scan_tables(fl.read(root), cache=cache))
        assert cache.outcome is not None
        assert cache.outcome.damaged == 0
        result.write_text(text)

    assert in_a_fork(whole)
    truth = result.read_text()
    steps = wrong = 0
    while not (folder.parent / "through").exists():
        assert in_a_fork(partial(stopped, steps))
        assert in_a_fork(resumed)
        wrong += result.read_text() != truth
        steps += 1
        for part in folder.rglob("*.arrow"):
            part.unlink()
    out.write_text(json.dumps({"steps": steps, "wrong": wrong}))


if __name__ == "__main__":
    what, root, folder, out, *rest = sys.argv[1:]
    # Small batches and no waiting: many parts of a small set.
    scan_package._BATCH = int(os.environ.get("BATCH", "16"))
    scan_package._GATHERED = 1
    # What a run would load, so that forks of this process begin at once.
    for name in ("cv2", "pyarrow.compute", "pyarrow.parquet", *PARTS):
        import_module(name)
    fl.read(root)
    session.FLUSH_SECONDS = float(os.environ.get("FLUSH", "0"))
    if what == "kill":
        killed_runs(Path(root), Path(folder), Path(out), *map(int, rest))
    else:
        stopped_at_each_step(Path(root), Path(folder), Path(out))
