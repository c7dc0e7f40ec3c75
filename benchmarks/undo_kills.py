"""apply and undo killed at random moments: is every byte of the tree as before at the end?

    python benchmarks/undo_kills.py DATA... [--tries 100] [--seed 0]

For each data set a plan with every kind of action is made on a copy. Each try applies it, in
a new tree or in place, and kills the process (SIGKILL) after a random time; then undoes it,
and kills that up to twice as well; then undoes it to the end. The hash of the tree (names,
bytes, links) must be that of the source, and the source itself must not have changed.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

PLAN = """
import sys
import numpy as np
import fastlabel as fl

data, out, seed = sys.argv[1], sys.argv[2], int(sys.argv[3])
ds, rng = fl.read(data), np.random.default_rng(seed)
boxes, image_of = ds.boxes(), ds.column("annotations", "image_id")
states = ds.images["label_state"].to_pylist()
labelled = [at for at, state in enumerate(states) if state == "labelled"]
gone = rng.choice(labelled, 4, replace=False).tolist()
rows = [
    {"action": "exclude_image" if at % 2 else "quarantine_image", "image_id": image}
    for at, image in enumerate(gone)
]
kinds = ("relabel", "drop_box", "replace_box", "mark_ignore", "set_weight")
for at, row in enumerate(rng.permutation(len(boxes))[: max(30, len(boxes) // 20)].tolist()):
    x1, y1, x2, y2 = boxes[row].tolist()
    if image_of[row] in gone or not (x2 - x1 > 3 and y2 - y1 > 3):
        continue
    kind = kinds[at % len(kinds)]
    if ds.format == "yolo" and "declaration" not in ds.meta and at % len(kinds) > 2:
        continue
    rows.append({"action": kind, "annotation_id": row, "category_id": 0, "weight": 0.5,
                 "box": [x1 + 1, y1 + 1, x2 - 1, y2 - 1]})
for image in [i for i in labelled if i not in gone][:5]:
    rows.append({"action": "add_box", "image_id": image, "category_id": 0, "box": [1, 2, 30, 40]})
fl.Plan.from_actions(ds, rows).write(out)
"""


def tree_hash(root: Path) -> str:
    """Names, kinds, bytes and links of all below a folder."""
    digest = hashlib.sha256()
    for path in sorted(root.rglob("*")):
        digest.update(str(path.relative_to(root)).encode() + b"\0")
        if path.is_symlink():
            digest.update(b"l" + str(path.readlink()).encode())
        elif path.is_file():
            digest.update(b"f" + hashlib.sha256(path.read_bytes()).digest())
        else:
            digest.update(b"d")
    return digest.hexdigest()


def run(job, limit: float | None) -> bool:
    """Do a job in a process of its own, killed after ``limit`` seconds; whether it ended itself.

    The child is a fork, so that the time goes to the job and not to imports; this process
    itself never reads a data set, so no thread of a pool is missing in it.
    """
    child = os.fork()
    if child == 0:
        code = 1
        try:
            job()
            code = 0
        except Exception as error:
            sys.stderr.write(f"{type(error).__name__}: {error}\n")
        finally:
            os._exit(code)
    if limit is not None:
        time.sleep(limit)
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    if os.WIFEXITED(status) and os.WEXITSTATUS(status) != 0:
        raise RuntimeError("the job failed")
    return os.WIFEXITED(status)


def tries(source: Path, count: int, seed: int, scratch: Path) -> Counter[str]:
    """Kill and take back; what happened, by kind."""
    import fastlabel as fl
    from fastlabel.clean import applying, undoing  # noqa: F401  imports, before the forks
    from fastlabel.formats import coco, voc, yolo  # noqa: F401

    rng = random.Random(seed)
    data, new, plan = scratch / "data", scratch / "new", scratch / "plan.parquet"
    shutil.copytree(source, data, copy_function=shutil.copyfile)
    for folder in [data, *(p for p in data.rglob("*") if p.is_dir())]:
        folder.chmod(0o755)
    subprocess.run([sys.executable, "-c", PLAN, str(data), str(plan), str(seed)], check=True)
    before = tree_hash(data)
    happened: Counter[str] = Counter()

    def timed(job) -> float:
        begun = time.perf_counter()
        run(job, None)
        return time.perf_counter() - begun

    def apply_new() -> None:
        fl.apply(plan, new, unsafe=True)

    def apply_here() -> None:
        fl.apply(plan, in_place=True, unsafe=True)

    spans = {}
    for name, job, where in (("new", apply_new, new), ("in place", apply_here, data)):
        took = timed(job)
        assert tree_hash(where) != before
        spans[name] = took, timed(lambda where=where: fl.undo(where))
        assert tree_hash(where) == before
        shutil.rmtree(new, ignore_errors=True)
    for _ in range(count):
        name = rng.choice(list(spans))
        job, where = (apply_new, new) if name == "new" else (apply_here, data)
        ended = run(job, rng.uniform(0, 1.05 * spans[name][0]))
        happened[f"{name}: {'done before the kill' if ended else 'apply killed'}"] += 1
        for _ in range(rng.choice((0, 0, 1, 2))):
            if (where / ".fastlabel-undo").exists():
                run(lambda where=where: fl.undo(where), rng.uniform(0, 1.05 * spans[name][1]))
                happened[f"{name}: undo killed"] += 1
        if (where / ".fastlabel-undo").exists():
            run(lambda where=where: fl.undo(where), None)
        assert tree_hash(data) == before, "the source is not as before"
        if where.exists():
            assert tree_hash(where) == before, f"{name}: not as before"
        else:
            happened["new: killed before there was a new tree"] += 1
        for left in scratch.glob(".new.*"):
            shutil.rmtree(left)
        shutil.rmtree(new, ignore_errors=True)
    return happened


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", nargs="+", type=Path)
    parser.add_argument("--tries", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    for source in given.data:
        with tempfile.TemporaryDirectory() as scratch:
            happened = tries(source, given.tries, given.seed, Path(scratch).resolve())
        print(f"{source.name}: {given.tries} tries, all trees as before")
        for what, times in sorted(happened.items()):
            print(f"  {times:>4} {what}")


if __name__ == "__main__":
    main()
