"""Tiles as files: JPEGs by the native engine, everything else through OpenCV."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import _core
from .._scalars import as_switch, as_whole
from ..scan.limits import Limits
from . import others
from .jobs import CutJob, CutOutcome, CutResult, as_fill, as_windows

__all__ = ["aligned_windows", "cut_tiles"]

#: How long a wait may keep Python from seeing Ctrl-C, in milliseconds.
_POLL_MS = 100
#: Pictures a batch: enough that two batches keep all workers busy.
_BATCH = 32

_NEEDS_DECODER = "needs_decoder"

Progress = Callable[[int, int], None]


def cut_tiles(
    jobs: Iterable[CutJob],
    *,
    quality: int = 95,
    lossless: bool = False,
    workers: int = 0,
    fill: int | tuple[int, int, int] = (114, 114, 114),
    limits: Limits | None = None,
    progress: Progress | None = None,
) -> CutResult:
    """Cut tiles out of pictures and write them as files.

    A JPEG is decoded once, by rows, and its luma and chroma planes go straight into the encoders
    of the tiles that are open there; memory does not grow with its size. Tiles are upright and
    have no EXIF; an ICC profile is kept. The bytes do not depend on the number of workers.

    Parameters
    ----------
    jobs : iterable of CutJob
        Folders of the outputs are made when missing.
    quality : int
        Of re-encoded JPEG tiles, 1 to 100, on the scale of libjpeg and Pillow.
    lossless : bool
        Take the source's own DCT coefficients wherever it can be done. Windows grow to the left
        and the top to whole MCUs (8 or 16 pixels); the outcome says which were really cut.
    workers : int
        Native threads; 0 means one a CPU.
    fill : int or three ints
        Blue, green and red of what lies outside the picture.
    limits : Limits, optional
        What is refused before it is decoded.
    progress : callable, optional
        Called with (pictures done, pictures in all).

    Returns
    -------
    CutResult
        One outcome a job. A picture that cannot be read is an outcome that says so; the others
        are cut nevertheless.

    Raises
    ------
    ValueError
        If two tiles have one path, or a tile that of a picture to be cut.
    OSError
        If a tile cannot be written (a full disk, no permission), with its path. Tiles written
        until then are left: write into a folder that is thrown away then.

    Examples
    --------
    >>> import cv2, numpy as np, tempfile, fastlabel.cut as cut
    >>> from pathlib import Path
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     source = Path(folder, "a.jpg")
    ...     _ = cv2.imwrite(str(source), np.full((64, 96, 3), 128, np.uint8))
    ...     job = cut.CutJob(source, [[0, 0, 64, 64]], [Path(folder, "tile.jpg")])
    ...     result = cut.cut_tiles([job], workers=1)
    ...     cv2.imread(str(Path(folder, "tile.jpg"))).shape
    (64, 64, 3)
    >>> result.counts()
    {'lossless': 0, 'reencoded': 1, 'failed': 0}
    """
    every = list(jobs)
    for k, job in enumerate(every):
        if not isinstance(job, CutJob):
            raise TypeError(f"jobs[{k}]: got {type(job).__name__}, expected a CutJob")
    quality = as_whole(quality, "quality")
    if not 1 <= quality <= 100:
        raise ValueError(f"quality: got {quality}, expected 1 to 100")
    workers = as_whole(workers, "workers")
    if not 0 <= workers <= 1024:
        raise ValueError(f"workers: got {workers}, expected 0 (one a CPU) to 1024")
    settings = others.Settings(
        quality, as_switch(lossless, "lossless"), as_fill(fill, "fill"), limits or Limits()
    )
    _refuse_collisions(every)
    for folder in sorted({output.parent for job in every for output in job.outputs}):
        folder.mkdir(parents=True, exist_ok=True)
    outcomes: list[CutOutcome] = []
    with closing(_Cutter(settings, workers)) as cutter:
        for batch in cutter.run(every):
            outcomes += batch
            if progress is not None:
                progress(len(outcomes), len(every))
    return CutResult(outcomes)


def aligned_windows(
    source: str | os.PathLike[str] | bytes, windows: Any, *, limits: Limits | None = None
) -> NDArray[np.int64]:
    """Tell which windows a lossless cut of a picture would really take.

    Parameters
    ----------
    source : path, or bytes
        A picture, or the bytes of its file.
    windows : (N, 4) integers
        x1, y1, x2, y2 in the upright picture.
    limits : Limits, optional
        What is refused before it is decoded.

    Returns
    -------
    (N, 4) int64
        Windows inside a JPEG whose coefficients can be had begin on whole MCUs: moved to the
        left and up, by less than 8 or 16 pixels. The others are as they were.

    Examples
    --------
    >>> import cv2, numpy as np, fastlabel.cut as cut
    >>> jpeg = cv2.imencode(".jpg", np.zeros((64, 96, 3), np.uint8))[1].tobytes()
    >>> cut.aligned_windows(jpeg, [[20, 10, 60, 50]]).tolist()
    [[16, 0, 60, 50]]
    """
    wanted = as_windows(windows, "windows")
    limits = limits or Limits()
    if isinstance(source, (bytes, bytearray, memoryview)):
        data = bytes(source)
    else:
        try:
            data = others.read(Path(os.fspath(source)), limits)
        except others.Unreadable:
            return wanted.copy()  # cut_tiles will name it
    return _core.cut_align(data, wanted, _native_limits(limits))


def _native_limits(limits: Limits) -> dict[str, Any]:
    return {
        "max_pixels": limits.max_pixels,
        "max_bytes": limits.max_bytes,
        "max_scans": limits.max_scans,
        "max_memory": limits.max_memory,
    }


def _refuse_collisions(jobs: list[CutJob]) -> None:
    """No tile may be written over a picture to be cut, whatever its name, or over another tile."""
    pictures: dict[tuple[int, int], Path] = {}
    for job in jobs:
        try:
            found = job.path.stat()
        except (OSError, ValueError):
            continue  # it will be an outcome that says so
        pictures[found.st_dev, found.st_ino] = job.path
    folders: dict[Path, tuple[Path, set[str]]] = {}
    written: dict[Path, set[str]] = {}
    for k, job in enumerate(jobs):
        for output in job.outputs:
            parent = output.parent
            if parent not in folders:
                real = parent.resolve()
                names = {path.name for path in real.iterdir()} if real.is_dir() else set()
                folders[parent] = real, names
            real, there = folders[parent]
            mine = written.setdefault(real, set())
            if output.name in mine:
                raise ValueError(f"jobs[{k}].outputs: {output} is the path of two tiles")
            mine.add(output.name)
            if output.name not in there or not output.exists():
                continue
            found = output.stat()
            if (found.st_dev, found.st_ino) in pictures:
                picture = pictures[found.st_dev, found.st_ino]
                raise ValueError(
                    f"jobs[{k}].outputs: {output} is a picture to be cut ({picture}); write the "
                    "tiles to another folder"
                )


class _Cutter:
    """The native pool, and threads for the formats that OpenCV reads or writes."""

    def __init__(self, settings: others.Settings, workers: int) -> None:
        self._settings = settings
        self._native = _core.Cutter(
            {
                "quality": settings.quality,
                "lossless": settings.lossless,
                "workers": workers,
                "fill": settings.fill,
                **_native_limits(settings.limits),
            }
        )
        self._threads = ThreadPoolExecutor(max_workers=workers or os.cpu_count() or 1)

    def close(self) -> None:
        self._native.close()
        self._threads.shutdown(wait=True, cancel_futures=True)

    def run(self, jobs: list[CutJob]) -> Iterator[list[CutOutcome]]:
        """Outcomes of the jobs in their order, batch by batch, two of them under way."""
        waiting = iter(jobs)
        under_way: deque[tuple[list[CutJob], int]] = deque()
        while True:
            while len(under_way) < 2 and (batch := list(islice(waiting, _BATCH))):
                under_way.append((batch, self._submit(batch)))
            if not under_way:
                return
            batch, ticket = under_way.popleft()
            while not self._native.wait(ticket, _POLL_MS)[0]:
                pass
            yield self._outcomes(batch, *self._native.collect(ticket))

    def _submit(self, batch: list[CutJob]) -> int:
        native = [job if _all_jpeg(job) else None for job in batch]
        windows = [job.windows for job in native if job is not None]
        return self._native.submit(
            [os.fsencode(job.path) for job in batch],
            np.concatenate([np.empty((0, 4), np.int64), *windows]),
            [0 if job is None else len(job.windows) for job in native],
            [os.fsencode(path) for job in native if job is not None for path in job.outputs],
        )

    def _outcomes(
        self, batch: list[CutJob], rows: NDArray[Any], tiles: NDArray[Any]
    ) -> list[CutOutcome]:
        found: list[CutOutcome | Future[CutOutcome]] = []
        first = 0
        for job, row in zip(batch, rows, strict=True):
            native = _all_jpeg(job)
            mine = tiles[first : first + len(job.windows)] if native else tiles[:0]
            first += len(mine)
            status = _core.STATUSES[int(row["status"])]
            if row["write_error"]:
                code = int(row["write_error"])
                raise OSError(code, os.strerror(code), str(job.outputs[int(row["write_tile"])]))
            if status == _NEEDS_DECODER or (status == "ok" and not native):
                found.append(self._threads.submit(others.cut, job, self._settings))
                continue
            detail = _text(row["detail"])
            if native:
                modes = [_core.CUT_MODES[mode] for mode in mine["mode"].tolist()]
                reasons = [_text(reason) for reason in mine["reason"]]
                found.append(CutOutcome(status, detail, modes, reasons, mine["window"].copy()))
            else:
                found.append(others.failed(job, status, detail))
        return [one.result() if isinstance(one, Future) else one for one in found]


def _all_jpeg(job: CutJob) -> bool:
    return all(path.suffix.lower() in others.JPEG_SUFFIXES for path in job.outputs)


def _text(value: bytes) -> str:
    return value.decode("utf-8", "replace")
