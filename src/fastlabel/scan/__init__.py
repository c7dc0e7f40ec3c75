"""The scan: every image decoded once, every statistic from that one decode.

JPEG files are read, decoded by rows and measured by the native engine without the GIL and
without ever holding a full frame. PNG, WebP, BMP, TIFF and GIF are decoded by OpenCV and
measured by the same native code.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

from .limits import Limits

if TYPE_CHECKING:
    import pyarrow as pa

    from ..dataset import Dataset
    from ..source import ImageSource

__all__ = ["Limits", "scan", "scan_batches", "scan_tables"]

#: Called now and then with (images done, images in all).
Progress = Callable[[int, int], None]


def scan(
    source: Dataset | ImageSource | Iterable[str | os.PathLike[str] | bytes],
    *,
    workers: int = 0,
    limits: Limits | None = None,
    progress: Progress | None = None,
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
    import pyarrow as pa

    from .. import schema

    batches = scan_batches(source, workers=workers, limits=limits, progress=progress)
    return pa.Table.from_batches(list(batches), schema=schema.IMAGE_STATS)


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
) -> tuple[pa.Table, pa.Table]:
    """The scan of a data set with its boxes.

    Parameters
    ----------
    ds : Dataset
    workers, limits, progress
        As for :func:`scan`.

    Returns
    -------
    image_stats, box_stats : pyarrow.Table
        ``fastlabel.schema.IMAGE_STATS`` and ``fastlabel.schema.BOX_STATS``, rows in the
        order of ``ds.images`` and ``ds.annotations``.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    from .. import schema
    from .engine import run
    from .jobs import jobs_of

    parts = list(run(jobs_of(ds), workers, limits or Limits(), progress, 128))
    images = pa.Table.from_batches([p[0] for p in parts], schema=schema.IMAGE_STATS)
    boxes = pa.Table.from_batches([p[1] for p in parts], schema=schema.BOX_STATS)
    # Batches hold the boxes image by image; put them back into the order of annotations.
    order = boxes["annotation_id"].combine_chunks()
    return images, boxes.take(pc.sort_indices(order)).combine_chunks()
