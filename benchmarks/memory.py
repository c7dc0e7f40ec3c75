"""Peak memory of a scan of ever more images, over that of the interpreter alone.

Every point is a process of its own. The images are the same files again and again, and for the
largest number one small drawn one: what the scan keeps of them is a row each, and it cannot
know that it has seen them.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
from harness import Number, Setup, child

SIZES = (200, 2_000, 10_000)
MANY = 100_000


def measure(setup: Setup) -> list[Number]:
    photos = setup.raccoon()
    bare = child("peak_memory.py", "bare")["peak_mb"]
    imports = child("peak_memory.py", "imports")["peak_mb"]
    peaks = {f"scan of {n}": _peak("scan", n, photos) for n in SIZES}
    with tempfile.TemporaryDirectory() as folder:
        small = [_draw_small(Path(folder))]
        peaks[f"scan of {MANY}, small"] = _peak("scan", MANY, small)
        peaks[f"scan_batches of {MANY}, small"] = _peak("batches", MANY, small)
        few = _peak("scan", SIZES[0], small)
    large = sorted((setup.data / "highres").rglob("*.[jJ][pP][gG]"))
    if large:
        peaks["scan of large photos"] = _peak("scan", 20 * len(large), large)
    detail = {"bare_interpreter_mb": bare, "with_imports_mb": imports, "peak_mb": peaks}
    name = "peak memory of a scan, over that of the"
    over_bare = [round(peak - bare, 1) for peak in peaks.values()]
    over_imports = [round(peak - imports, 1) for peak in peaks.values()]
    growth = [
        (peaks[f"{what} of {MANY}, small"] - few) / (MANY - SIZES[0]) * 1000
        for what in ("scan", "scan_batches")
    ]
    return [
        Number(f"{name} bare interpreter", over_bare, " MB", 150, summary=max, detail=detail),
        Number(f"{name} imports", over_imports, " MB", 150, summary=max),
        Number("fl.scan: memory of 1,000 more images (table)", growth[:1], " MB"),
        Number("fl.scan_batches: memory of 1,000 more images", growth[1:], " MB"),
    ]


def _peak(what: str, images: int, files: list[Path]) -> float:
    peak: float = child("peak_memory.py", what, str(images), *map(str, files))["peak_mb"]
    return peak


def _draw_small(folder: Path) -> Path:
    import cv2

    path = folder / "small.jpg"
    noise = np.random.default_rng(0).integers(0, 256, (32, 32), dtype=np.uint8)
    cv2.imwrite(str(path), noise)
    return path
