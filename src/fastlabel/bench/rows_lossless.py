"""Rows of the benchmark table: tiles with the source's own coefficients.

The photos are those of ``highres`` below ``FASTLABEL_DATA`` where that is set; else one of their
size is drawn. SAHI re-encodes with its own quality, which is Pillow's default of 75.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from functools import cache, partial
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from .row import Peer, Row

__all__ = ["ROWS"]

_SIZE = 640
_OVERLAP = 0.2


@cache
def _kept() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="fastlabel-")


def _folder() -> Path:
    """A folder that goes when the process ends."""
    return Path(_kept().name)


def _drawn(size: tuple[int, int]) -> Path:
    """A picture about as hard to compress as a photo of a landscape."""
    cv2: Any = import_module("cv2")
    rng = np.random.default_rng(5)
    picture = np.zeros((size[1], size[0], 3), np.float32)
    for step, strength in ((256, 60), (32, 30), (4, 12)):
        grain = rng.normal(0, strength, (size[1] // step + 2, size[0] // step + 2, 3))
        picture += cv2.resize(grain.astype(np.float32), size, interpolation=cv2.INTER_CUBIC)
    picture += rng.normal(128, 4, picture.shape).astype(np.float32)
    path = _folder() / "drawn.jpg"
    cv2.imwrite(str(path), np.clip(picture, 0, 255).astype(np.uint8))
    return path


def _photos(pattern: str) -> tuple[Any, ...]:
    """Paths of the pictures, and an empty folder for the tiles of each side."""
    data = os.environ.get("FASTLABEL_DATA")
    found = sorted(Path(data, "highres").glob(pattern)) if data else []
    paths = found or [_drawn((4000, 2250))]
    ours, theirs = _folder() / "ours", _folder() / "theirs"
    for folder in (ours, theirs):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
    return paths, ours, theirs


def _cut(paths: list[Path], ours: Path, theirs: Path) -> Any:
    from .. import _core
    from ..boxes import tile_windows
    from ..cut import CutJob, cut_tiles

    jobs = []
    for path in paths:
        _, width, height, _ = _core.sniff_bytes(path.read_bytes())
        windows = tile_windows(height, width, _SIZE, _OVERLAP)
        names = [f"{path.stem}_{'_'.join(map(str, window))}.jpg" for window in windows.tolist()]
        jobs.append(CutJob(path, windows, [ours / name for name in names]))
    result = cut_tiles(jobs, lossless=True, workers=1)
    assert result.counts()["lossless"] == sum(len(job.windows) for job in jobs), result.counts()
    return {path.name for job in jobs for path in job.outputs}, ours


def _slice_image(paths: list[Path], ours: Path, theirs: Path) -> Any:
    sahi: Any = import_module("sahi.slicing")
    sahi.MAX_WORKERS = 1  # one thread writes tiles, as with us
    for path in paths:
        sahi.slice_image(
            str(path),
            output_file_name=path.stem,
            output_dir=str(theirs),
            slice_height=_SIZE,
            slice_width=_SIZE,
            overlap_height_ratio=_OVERLAP,
            overlap_width_ratio=_OVERLAP,
            out_ext=".jpg",
        )
    return {path.name for path in theirs.iterdir()}, theirs


def _same_tiles(ours: Any, theirs: Any) -> None:
    """The same windows, and about the same pictures where the windows end."""
    cv2: Any = import_module("cv2")
    assert ours[0] == theirs[0], f"{len(ours[0])} and {len(theirs[0])} tiles"
    for name in sorted(ours[0])[::20]:
        # Ours may have grown to the left and the top.
        a, b = (cv2.imread(str(side[1] / name)).astype(np.float32) for side in (ours, theirs))
        error = np.abs(a[a.shape[0] - b.shape[0] :, a.shape[1] - b.shape[1] :] - b).mean()
        assert error < 8, f"{name}: {error:.1f} levels apart"


def _row(name: str, title: str, pattern: str) -> Row:
    return Row(
        name=name,
        title=title,
        make=partial(_photos, pattern),
        run=_cut,
        peers=(
            Peer(
                "SAHI slice_image, re-encoding, one thread",
                ("sahi", "PIL"),
                _slice_image,
                promised=3.5,
            ),
        ),
        agree=_same_tiles,
        budget={"mb": 100},
    )


ROWS: tuple[Row, ...] = (
    _row(
        "tile-lossless-drone",
        "lossless tiles of 640, 2 drone photos 4000 x 2250, to files",
        "brighton-beach/*.JPG",
    ),
    _row("tile-lossless-8k", "lossless tiles of 640, one 7680 x 4320, to files", "zune/*.jpg"),
)
