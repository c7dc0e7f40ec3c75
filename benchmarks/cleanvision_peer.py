"""CleanVision's dark + light + blurry against FL402 + FL403 + FL401 on the same files.

One process each. *Work* is from the call to the answer, on one thread each; *whole process*
is what a user waits for: the start of Python and all imports counted, each tool as it comes
(ours takes every CPU within its one process, CleanVision's one process takes one).
"""

from __future__ import annotations

import shutil
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from harness import Number, Setup, Unavailable, child, median_of, ratios

ROUNDS = 5
LARGE_ROUNDS = 3
#: The photos this many times over, as files of their own, for the set of a thousand.
COPIES = 5


def measure(setup: Setup) -> list[Number]:
    if find_spec("cleanvision") is None:
        raise Unavailable("cleanvision is not installed: pip install 'fastlabel[bench]'")
    with tempfile.TemporaryDirectory() as folder:
        _check_answers(Path(folder))
    files = setup.raccoon()
    ours, theirs = _in_turn(ROUNDS, files[0].parent, workers=1)
    work = _ratio(theirs, ours, "work_s")
    detail = _detail(ours, theirs, len(files))
    ours, theirs = _in_turn(ROUNDS, files[0].parent, workers=0)
    whole = _ratio(theirs, ours, "process_s")
    with tempfile.TemporaryDirectory() as folder:
        for k in range(COPIES):
            for path in files:
                shutil.copyfile(path, Path(folder) / f"{k}-{path.name}")
        ours, theirs = _in_turn(LARGE_ROUNDS, Path(folder), workers=0)
    large = _ratio(theirs, ours, "process_s")
    large_detail = _detail(ours, theirs, COPIES * len(files))
    name = "images/s over CleanVision's"
    return [
        Number(
            f"{name}: work, 1 thread each, {len(files)} files", work, "x", at_least=8, detail=detail
        ),
        Number(
            f"{name}: whole process, {COPIES * len(files):,} files",
            large,
            "x",
            at_least=8,
            detail=large_detail,
        ),
        Number(f"{name}: whole process, {len(files)} files", whole, "x"),
    ]


def _in_turn(
    rounds: int, folder: Path, workers: int
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    ours, theirs = [], []
    for _ in range(rounds):
        ours.append(child("find_issues.py", "fastlabel", str(folder), str(workers)))
        theirs.append(child("find_issues.py", "cleanvision", str(folder)))
    assert ours[0]["images"] == theirs[0]["images"], "the two did not see the same files"
    return ours, theirs


def _ratio(theirs: list[dict[str, Any]], ours: list[dict[str, Any]], key: str) -> list[float]:
    return ratios([r[key] for r in theirs], [r[key] for r in ours])


def _detail(
    ours: list[dict[str, Any]], theirs: list[dict[str, Any]], images: int
) -> dict[str, Any]:
    detail: dict[str, Any] = {"images": images}
    for name, runs in (("fastlabel", ours), ("cleanvision", theirs)):
        detail[name] = {
            "import_s": median_of([r["import_s"] for r in runs]),
            "work_s": median_of([r["work_s"] for r in runs]),
            "process_s": median_of([r["process_s"] for r in runs]),
            "process_cpu_s": median_of([r["cpu_s"] for r in runs]),
            "work_images_per_s": round(images / median_of([r["work_s"] for r in runs]), 1),
            "found": {kind: len(names) for kind, names in runs[0]["found"].items()},
        }
    return detail


def _check_answers(folder: Path) -> None:
    """Both must find the planted black and white pictures, and nothing in the plain ones."""
    import cv2

    rng = np.random.default_rng(0)
    for k in range(8):
        # Coarse blocks: contrast at every scale, sharp edges, no single brightness.
        blocks = rng.integers(40, 216, (12, 16, 3), dtype=np.uint8)
        plain = cv2.resize(blocks, (640, 480), interpolation=cv2.INTER_NEAREST)
        cv2.imwrite(str(folder / f"plain-{k}.jpg"), plain)
    for k in range(3):
        grain = rng.integers(0, 10, (480, 640, 3), dtype=np.uint8)
        cv2.imwrite(str(folder / f"dark-{k}.jpg"), grain)
        cv2.imwrite(str(folder / f"light-{k}.jpg"), 255 - grain // 4)
    for who in ("fastlabel", "cleanvision"):
        extra = ["1"] if who == "fastlabel" else []
        found = child("find_issues.py", who, str(folder), *extra)["found"]
        for kind in ("dark", "light"):
            expected = [f"{kind}-{k}.jpg" for k in range(3)]
            assert found[kind] == expected, f"{who}: {kind} {found[kind]}, planted {expected}"
        plain = [name for name in found["blurry"] if name.startswith("plain")]
        assert not plain, f"{who}: sharp blocks called blurry: {plain}"
