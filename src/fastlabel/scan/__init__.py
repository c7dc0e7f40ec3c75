"""The scan: every image decoded once, every statistic from that one decode.

JPEG files are read, decoded by rows and measured by the native engine without the GIL and
without ever holding a full frame. PNG, WebP, BMP, TIFF and GIF are decoded by OpenCV and
measured by the same native code.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from .cache import Cache, CacheWarning, cache_of
from .limits import Limits, rings_asked

if TYPE_CHECKING:
    import pyarrow as pa

    from ..dataset import Dataset
    from ..source import ImageSource
    from .jobs import Jobs

__all__ = [
    "Cache",
    "CacheWarning",
    "Limits",
    "cache_of",
    "engine_named",
    "scan",
    "scan_batches",
    "scan_tables",
]

#: Images a batch, and how many batches of small pictures are handed on together.
_BATCH, _GATHERED = 128, 8

#: Called now and then with (images done, images in all).
Progress = Callable[[int, int], None]

#: What measures images: given jobs, workers, limits and progress it yields batches of
#: IMAGE_STATS and BOX_STATS, in any order, with the jobs' own ids.
Engine = Callable[
    ["Jobs", int, Limits, Progress | None],
    "Iterator[tuple[pa.RecordBatch, pa.RecordBatch]]",
]


def engine_named(name: str) -> Engine:
    """The engine of a name.

    Parameters
    ----------
    name : {"local", "ray"}
        The native threads of this process, or tasks of Ray Data.

    Raises
    ------
    ValueError
        For another name.
    ImportError
        If what it needs is not installed.
    """
    if name == "local":
        return _local
    if name == "ray":
        from . import ray_engine

        ray_engine.ray_data()
        return ray_engine.run
    raise ValueError(f"engine: got {name!r}, expected 'local' or 'ray'")


def _local(
    jobs: Jobs, workers: int, limits: Limits, progress: Progress | None
) -> Iterator[tuple[pa.RecordBatch, pa.RecordBatch]]:
    from .engine import run

    return run(jobs.in_reading_order(), workers, limits, progress, _BATCH, _GATHERED)


def scan(
    source: Dataset | ImageSource | Iterable[str | os.PathLike[str] | bytes],
    *,
    workers: int = 0,
    limits: Limits | None = None,
    progress: Progress | None = None,
    cache: Cache | str | os.PathLike[str] | bool | None = None,
    engine: str = "local",
) -> pa.Table:
    """Decode and measure every image once.

    Parameters
    ----------
    source : Dataset, ImageSource, iterable of paths, or iterable of bytes
        A data set as :func:`fastlabel.read` gives it, an image source, files, or the files'
        bytes.
    workers : int
        Native threads; 0 means one a CPU. The result does not depend on it.
    limits : Limits, optional
        What is refused before it is decoded.
    progress : callable, optional
        Called with (images done, images in all).
    cache : Cache, path-like or bool, optional
        Where results are kept, so that a second scan decodes only what changed: a
        :class:`fastlabel.Cache`, its folder, or True for the usual folder. The result does
        not depend on it. By default nothing is kept.
    engine : {"local", "ray"}
        What measures them: the threads of this process, or tasks of Ray Data on the cluster
        that ``RAY_ADDRESS`` names or else on this machine; then ``workers`` is the number of
        tasks at a time. The result does not depend on it.

    Returns
    -------
    pyarrow.Table
        ``fastlabel.schema.IMAGE_STATS``, one row an image, in the order given. A bad file
        is a row whose ``status`` is not ``ok``.

    Examples
    --------
    >>> import cv2, numpy as np, fastlabel as fl
    >>> jpeg = cv2.imencode(".jpg", np.full((48, 64), 128, np.uint8))[1].tobytes()
    >>> fl.scan([jpeg]).select(["status", "width", "luma_mean"]).to_pylist()
    [{'status': 'ok', 'width': 64, 'luma_mean': 128.0}]
    """
    from .jobs import jobs_of

    return _tables(jobs_of(source), _roots(source), workers, limits, progress, cache, engine)[0]


def scan_batches(
    source: Dataset | ImageSource | Iterable[str | os.PathLike[str] | bytes],
    *,
    workers: int = 0,
    limits: Limits | None = None,
    progress: Progress | None = None,
    batch_size: int = 128,
) -> Iterator[pa.RecordBatch]:
    """As :func:`scan`, but yields Arrow batches as they are ready; memory stays flat.

    Parameters
    ----------
    source, workers, limits, progress
        As for :func:`scan`.
    batch_size : int
        Images a batch.

    Yields
    ------
    pyarrow.RecordBatch
        ``fastlabel.schema.IMAGE_STATS``.

    Examples
    --------
    >>> import cv2, numpy as np, fastlabel as fl
    >>> jpeg = cv2.imencode(".jpg", np.full((48, 64), 128, np.uint8))[1].tobytes()
    >>> [batch.num_rows for batch in fl.scan_batches([jpeg] * 5, batch_size=2)]
    [2, 2, 1]
    """
    from .engine import run
    from .jobs import jobs_of

    for images, _ in run(jobs_of(source), workers, limits or Limits(), progress, batch_size):
        yield images


def scan_tables(
    ds: Dataset,
    *,
    workers: int = 0,
    limits: Limits | None = None,
    progress: Progress | None = None,
    cache: Cache | str | os.PathLike[str] | bool | None = None,
    engine: str = "local",
    rings: bool = False,
) -> tuple[pa.Table, pa.Table]:
    """The scan of a data set with its boxes.

    Parameters
    ----------
    ds : Dataset
    workers, limits, progress, cache, engine
        As for :func:`scan`.
    rings : bool
        Measure what surrounds the boxes too, from the same decode. Results of such a scan are
        kept apart from those of others.

    Returns
    -------
    image_stats, box_stats : pyarrow.Table
        ``fastlabel.schema.IMAGE_STATS`` and ``fastlabel.schema.BOX_STATS``, with `rings` those
        of ``fastlabel.schema.RING_STATS`` too; rows in the order of ``ds.images`` and
        ``ds.annotations``.

    Raises
    ------
    ValueError
        For rings and another engine than the local one, which alone measures them.
    """
    from .jobs import jobs_of
    from .limits import with_rings

    if rings:
        if engine != "local":
            raise ValueError(f"rings: the engine {engine!r} does not measure them; use 'local'")
        limits = with_rings(limits or Limits())
    images, boxes = _tables(jobs_of(ds), _roots(ds), workers, limits, progress, cache, engine)
    return _sharing(images, ds.images), _sharing(boxes, ds.annotations)


def _sharing(measured: pa.Table, labels: pa.Table) -> pa.Table:
    """The same table with the ids and names of the labels: those of ten million, held once."""
    for at, name in enumerate(measured.column_names):
        if name in ("image_id", "annotation_id", "file_name"):
            mine, theirs = measured[name], labels[name]
            if theirs.type == mine.type and theirs.equals(mine):
                measured = measured.set_column(at, measured.schema.field(at), theirs)
    return measured


def _roots(source: object) -> tuple[Path, ...]:
    """Folders of the data, in which nothing may be written."""
    from ..dataset import Dataset
    from .sources import FolderSource

    if isinstance(source, Dataset):
        return (source.root, *_roots(source.source))
    return (source.root,) if isinstance(source, FolderSource) else ()


def _tables(
    jobs: Jobs,
    roots: tuple[Path, ...],
    workers: int,
    limits: Limits | None,
    progress: Progress | None,
    cache: Cache | str | os.PathLike[str] | bool | None,
    engine: str,
) -> tuple[pa.Table, pa.Table]:
    from .assembly import Assembly
    from .engine import content_hashes

    measure = engine_named(engine)
    bounds = limits or Limits()
    kept = cache_of(cache)
    tables = Assembly(len(jobs), len(jobs.box_ids), rings=rings_asked(bounds))
    if kept is None:
        for batch in measure(jobs, workers, bounds, progress):
            tables.put(*batch)
    else:
        kept.fill(
            tables,
            jobs,
            bounds,
            roots,
            lambda part, tell: measure(part, workers, bounds, tell),
            lambda part: content_hashes(part, workers, bounds),
            progress,
        )
    return tables.finish(jobs.names)
