"""The pictures of the tiles: one job an image for the native cutter."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from ...dataset import Dataset
from .labels import image_table, tile_names
from .plan import LeftOut, Plan
from .table import Tiles

__all__ = ["cut_pictures"]


def cut_pictures(
    dataset: Dataset,
    plan: Plan,
    tiles: Tiles,
    folder: Path,
    format: str,
    *,
    lossless: bool,
    quality: int,
    workers: int,
    progress: Callable[[int, int], None] | None,
) -> tuple[Tiles, list[LeftOut], list[str]]:
    """Write every tile's picture below a folder.

    Returns
    -------
    tiles : Tiles
        Those that were written, with the windows really cut.
    failed : list of LeftOut
        Images whose picture could not be decoded; they have no tile.
    paths : list of str
        The tiles' places below the folder.
    """
    from ...cut import CutJob, cut_tiles
    from ...formats import layout

    names = tile_names(dataset, plan, tiles)
    places = layout(image_table(dataset, tiles, names, [None] * len(tiles)), format)
    for parent in sorted({place.rpartition("/")[0] for place in places}):
        (folder / parent).mkdir(parents=True, exist_ok=True)
    images, first = np.unique(tiles.image, return_index=True)
    ends = [*first[1:].tolist(), len(tiles)]
    sources = dataset.images["path"].to_pylist()
    jobs = [
        CutJob(
            dataset.root / sources[image],
            tiles.window[begin:end],
            [folder / place for place in places[begin:end]],
        )
        for image, begin, end in zip(images.tolist(), first.tolist(), ends, strict=True)
    ]
    result = cut_tiles(jobs, quality=quality, lossless=lossless, workers=workers, progress=progress)
    shown = dataset.images["file_name"].to_pylist()
    window = tiles.window.copy()
    modes: list[str | None] = [None] * len(tiles)
    reasons: list[str | None] = [None] * len(tiles)
    good = np.ones(len(tiles), bool)
    failed = []
    for job, image, begin, end in zip(
        result.jobs, images.tolist(), first.tolist(), ends, strict=True
    ):
        mine = slice(begin, end)
        if job.status != "ok" or "failed" in job.modes:
            failed.append(_failure(image, str(shown[image]), job.status, job.detail))
            good[mine] = False
            for place in places[mine]:
                (folder / place).unlink(missing_ok=True)
            continue
        window[mine] = job.windows
        modes[mine] = job.modes
        reasons[mine] = [reason or None for reason in job.reasons]
    cut = Tiles(
        tiles.image,
        tiles.asked,
        window,
        [f"{place}" for place in places],
        modes,
        reasons,
    )
    rows = np.flatnonzero(good)
    return cut.take(rows), failed, [places[k] for k in rows.tolist()]


def _failure(image: int, file: str, status: str, detail: str | None) -> LeftOut:
    word = status if status != "ok" else "unreadable"
    return LeftOut(image, file, word, detail or "the picture could not be decoded")
