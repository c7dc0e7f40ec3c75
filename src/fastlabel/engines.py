"""The scan on engines of others: one plain function, and thin adapters on it.

:func:`measure` takes an Arrow batch of images (:data:`WORK`) and gives their statistics and a
summary that merges (:class:`Partial`). :func:`measure_rows` gives the same as one batch of plain
types (:data:`MEASURED`), which every engine can carry, and :func:`collect` makes of any number
of those, in any order, the tables that the scan of one process gives, byte for byte.

For Ray see ``engine="ray"`` of :func:`fastlabel.scan` and :func:`fastlabel.check`; here are
functions for the ``mapInArrow`` of Spark and for Daft. Each is an extra: ``fastlabel[ray]``,
``fastlabel[spark]``, ``fastlabel[daft]``.

Examples
--------
Any engine that maps Arrow tables will do, here a loop:

>>> import cv2, numpy as np, fastlabel as fl
>>> from fastlabel import engines
>>> jpegs = [cv2.imencode(".jpg", np.full((48, 64), t, np.uint8))[1].tobytes() for t in (9, 99)]
>>> rows = [engines.measure_rows(batch) for batch in engines.work(jpegs).to_batches(1)]
>>> done = engines.collect(reversed(rows))
>>> done.image_stats.equals(fl.scan(jpegs)), done.partial
(True, Partial(2 images, 0 boxes))
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from .scan import Limits
from .scan.partial import PARTIAL, Partial, merged
from .scan.transport import MEASURED, WORK, Measured, agree, collect, measure, measure_rows, tool

if TYPE_CHECKING:
    from .dataset import Dataset
    from .source import ImageSource

__all__ = [
    "MEASURED",
    "PARTIAL",
    "WORK",
    "Measured",
    "Partial",
    "collect",
    "daft_udf",
    "measure",
    "measure_rows",
    "merged",
    "spark_map",
    "spark_schema",
    "work",
]

_BATCH = 4096


def work(source: Dataset | ImageSource | Iterable[str | os.PathLike[str] | bytes]) -> pa.Table:
    """What is to be measured, as a table for an engine.

    Parameters
    ----------
    source : Dataset, ImageSource, iterable of paths, or iterable of bytes
        As for :func:`fastlabel.scan`. Paths stay paths, which the engine's workers must see;
        members of a tar archive are places in it. Pictures of a source that has no paths
        (bytes, Parquet, an object store) are read here, and are in the table.

    Returns
    -------
    pyarrow.Table
        The columns of :data:`WORK` that are needed, a row an image, with the boxes and the
        size that the labels give.

    Examples
    --------
    >>> from fastlabel import engines
    >>> engines.work(["a.jpg", "b.jpg"]).column_names
    ['image_id', 'file_name', 'path']
    """
    from .scan.jobs import jobs_of
    from .scan.transport import work as work_of

    jobs = jobs_of(source)
    parts = [
        work_of(jobs, k, min(k + _BATCH, len(jobs)), rows_of_source=False)
        for k in range(0, max(len(jobs), 1), _BATCH)
    ]
    return pa.concat_tables(
        [pa.Table.from_batches([part]) for part in parts], promote_options="default"
    )


def spark_map(
    limits: Limits | None = None,
) -> Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    """The function for Spark's ``DataFrame.mapInArrow``.

    Parameters
    ----------
    limits : Limits, optional
        What is refused before it is decoded.

    Returns
    -------
    callable
        From batches of :data:`WORK` to batches of :data:`MEASURED`, one native thread a task.
        Give it with :func:`spark_schema`, and the table that ``toArrow()`` gives to
        :func:`collect`.

    Examples
    --------
    >>> import pyarrow as pa
    >>> from fastlabel import engines
    >>> batch = pa.RecordBatch.from_pydict({"image_id": [7], "path": ["/no/such.jpg"]})
    >>> [rows["status"].to_pylist() for rows in engines.spark_map()(iter([batch]))]
    [['missing']]
    """
    here = tool()

    def mapped(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        agree(here)
        for batch in batches:
            if batch.num_rows:
                yield measure_rows(batch, limits=limits)

    return mapped


def spark_schema() -> Any:
    """:data:`MEASURED` as Spark names types: the ``schema`` of ``mapInArrow``.

    Returns
    -------
    pyspark.sql.types.StructType

    Raises
    ------
    ImportError
        Without PySpark.

    Examples
    --------
    >>> frame.mapInArrow(spark_map(), spark_schema()).toArrow()  # doctest: +SKIP
    """
    try:
        from pyspark.sql.pandas.types import from_arrow_schema
    except ImportError as error:
        raise ImportError(
            'spark_schema needs PySpark, which is not installed: pip install "fastlabel[spark]"'
        ) from error
    return from_arrow_schema(MEASURED)


def daft_udf(*columns: str, limits: Limits | None = None) -> Any:
    """A batch UDF of Daft, from columns of :data:`WORK` to one column of structs.

    Parameters
    ----------
    *columns : str
        What the columns it is called with are, in that order: names of :data:`WORK`.
    limits : Limits, optional
        What is refused before it is decoded.

    Returns
    -------
    callable
        To be called with one Daft expression for each name. The structs have the fields of
        :data:`MEASURED`; unnest them and give the table of ``to_arrow()`` to :func:`collect`.

    Raises
    ------
    ImportError
        Without Daft.
    ValueError
        For names that are not columns of :data:`WORK`.

    Examples
    --------
    Pictures below a folder, with the files' content read by Daft:

    >>> udf = daft_udf("image_id", "data")  # doctest: +SKIP
    >>> frame.select(udf(frame["image_id"], frame["data"]))  # doctest: +SKIP

    >>> daft_udf("image_id", "picture")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
        ...
    ValueError: columns: got image_id, picture, expected image_id and others of image_id, ...
    """
    unknown = [name for name in columns if name not in WORK.names]
    if unknown or "image_id" not in columns:
        raise ValueError(
            f"columns: got {', '.join(columns) or 'none'}, expected image_id and others of "
            f"{', '.join(WORK.names)}"
        )
    try:
        import daft
    except ImportError as error:
        raise ImportError(
            'daft_udf needs Daft, which is not installed: pip install "fastlabel[daft]"'
        ) from error

    here = tool()

    def measured(*series: Any) -> pa.Array:
        agree(here)
        arrays = [one.to_arrow() for one in series]
        batch = pa.Table.from_arrays(arrays, names=list(columns))
        return pa.StructArray.from_arrays(
            measure_rows(batch, limits=limits).columns, fields=list(MEASURED)
        )

    kind = daft.DataType.from_arrow_type(pa.struct(list(MEASURED)))
    return daft.func.batch(return_dtype=kind)(measured)
