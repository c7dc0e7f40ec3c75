"""What ``fastlabel check`` wrote: of this data set, or of another."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ..dataset import DatasetError

if TYPE_CHECKING:
    import pyarrow as pa

    from ..dataset import Dataset

__all__ = ["as_checked"]


def as_checked(ds: Dataset, findings: Path) -> Dataset:
    """The part of the data that the report is of, when it is of this version of the data."""
    images, annotations = _table(findings, "images"), _table(findings, "annotations")
    candidates = [ds]
    splits = images["split"].unique().to_pylist()
    if len(splits) == 1 and splits[0] is not None and images.num_rows != len(ds):
        candidates = [ds.select_split(splits[0])]
    for candidate in candidates:
        same = all(
            candidate.images[name].combine_chunks().equals(images[name].combine_chunks())
            for name in ("path", "file_name", "split")
        )
        mine = candidate.annotations
        names = ("image_id", "category_id", "x1", "y1", "x2", "y2", "origin")
        if same and all(_equal(mine[name], annotations[name]) for name in names):
            return candidate
    raise DatasetError(
        f"{findings}: is about {images.num_rows:,} images and {annotations.num_rows:,} boxes, "
        f"which are not those of {ds.root} ({len(ds):,} and {ds.annotations.num_rows:,}) any "
        "more; run `fastlabel check` again"
    )


def _table(folder: Path, name: str) -> pa.Table:
    import pyarrow.parquet as pq

    path = folder / f"{name}.parquet"
    if not path.is_file():
        raise DatasetError(f"{folder}: has no {path.name}; run `fastlabel check --out DIR`")
    return pq.read_table(path)


def _equal(a: pa.ChunkedArray, b: pa.ChunkedArray) -> bool:
    import numpy as np
    import pyarrow as pa

    if len(a) != len(b):
        return False
    if pa.types.is_floating(a.type):  # NaN is no number, but the same as before
        return bool(np.array_equal(a.to_numpy(), b.to_numpy(), equal_nan=True))
    return bool(a.combine_chunks().equals(b.combine_chunks()))
