"""Users' own embeddings: rows whose cosine is high, found without approximation."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..dataset import DatasetError
from ..pixels.clusters import join

__all__ = ["as_embeddings", "link_similar", "load"]

#: Rows of one matrix product: 4,096 x 4,096 float32 are 64 MB.
BLOCK = 4096
#: How far a float32 product may be off; what is that near to the threshold is done in float64.
DOUBT = 1e-4


def load(path: str | os.PathLike[str]) -> NDArray[Any]:
    """Read embeddings: a NumPy ``.npy`` file, or the one list column of a Parquet file.

    Parameters
    ----------
    path : str or os.PathLike
        One row an image, in the order of the data set's images.

    Returns
    -------
    numpy.ndarray
        (N, D).

    Raises
    ------
    DatasetError
        If the file is neither, or its rows are not equally long.
    """
    place = Path(path)
    if place.suffix == ".npy":
        try:
            return np.asarray(np.load(place, allow_pickle=False))
        except ValueError as error:
            raise DatasetError(f"{place}: no plain NumPy array: {error}") from error
    if place.suffix == ".parquet":
        return _of_parquet(place)
    raise DatasetError(f"{place}: unknown ending; write the embeddings as .npy or .parquet")


def _of_parquet(place: Path) -> NDArray[Any]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(place)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise DatasetError(f"{place}: no Parquet file: {error}") from error
    kinds = (pa.types.is_list, pa.types.is_large_list, pa.types.is_fixed_size_list)
    found = [f.name for f in table.schema if any(kind(f.type) for kind in kinds)]
    if len(found) != 1:
        raise DatasetError(
            f"{place}: {len(found)} columns of lists, expected one; the columns are: "
            f"{', '.join(table.column_names)}"
        )
    rows = table[found[0]].combine_chunks()
    if rows.null_count:
        raise DatasetError(f"{place}: column {found[0]}: {rows.null_count} rows are null")
    flat = rows.flatten()
    if len(rows) and len(flat) % len(rows):
        raise DatasetError(f"{place}: column {found[0]}: the rows are not equally long")
    lengths = set(rows.value_lengths().to_pylist()) if hasattr(rows, "value_lengths") else set()
    if len(lengths) > 1:
        raise DatasetError(f"{place}: column {found[0]}: the rows are not equally long")
    return np.asarray(flat.to_numpy(zero_copy_only=False)).reshape(len(rows), -1)


def as_embeddings(value: Any, rows: int) -> NDArray[np.float32]:
    """Check embeddings and bring them to length one; rows without a direction become zero.

    Raises
    ------
    TypeError, ValueError
        If it is not (rows, D) numbers.
    """
    array = np.asarray(value)
    if array.dtype.kind not in "fiu":
        raise TypeError(f"embeddings: got dtype {array.dtype}, expected numbers")
    if array.ndim != 2 or len(array) != rows or not array.shape[1]:
        raise ValueError(
            f"embeddings: got shape {array.shape}, expected one row for each of {rows:,} images"
        )
    out = np.zeros(array.shape, np.float32)
    for at in range(0, rows, BLOCK):
        some = array[at : at + BLOCK].astype(np.float64)
        largest = np.abs(some).max(axis=1, keepdims=True)
        fine = np.isfinite(largest[:, 0]) & (largest[:, 0] > 0)
        some = some[fine] / largest[fine]
        out[at : at + BLOCK][fine] = some / np.sqrt((some * some).sum(axis=1, keepdims=True))
    return out


def link_similar(unit: NDArray[np.float32], threshold: float, labels: NDArray[np.int64]) -> int:
    """Join all rows whose cosine is at least the threshold; how many rows could not be compared.

    Parameters
    ----------
    unit : numpy.ndarray
        (N, D) rows of length one, or of zeros.
    threshold : float
        Above 0, at most 1.
    labels : numpy.ndarray
        (N,) clusters, changed in place.
    """
    known = np.flatnonzero(unit.any(axis=1))
    for at in range(0, len(known), BLOCK):
        a = known[at : at + BLOCK]
        for to in range(at, len(known), BLOCK):
            b = known[to : to + BLOCK]
            cosine = unit[a] @ unit[b].T
            i, j = np.nonzero(cosine >= threshold - DOUBT)
            unequal = a[i] < b[j]
            i, j = i[unequal], j[unequal]
            doubted = np.flatnonzero(cosine[i, j] < threshold + DOUBT)
            keep = np.ones(len(i), np.bool_)
            for part in np.array_split(doubted, max(1, len(doubted) // BLOCK)):
                left = unit[a[i[part]]].astype(np.float64)
                right = unit[b[j[part]]].astype(np.float64)
                norm = np.sqrt((left * left).sum(axis=1) * (right * right).sum(axis=1))
                keep[part] = (left * right).sum(axis=1) >= threshold * norm * (1 - 1e-7)
            join(labels, a[i[keep]], b[j[keep]])
    return len(unit) - len(known)
