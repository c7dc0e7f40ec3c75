"""What must stay together in a split: copies, tiles of one picture, videos and cameras."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ..dataset import Dataset, DatasetError

__all__ = ["TABLE", "by_pattern", "first_of_key", "tile_families"]

Ints = NDArray[np.int64]

#: Beside the pictures of a set that ``fastlabel tile`` made.
TABLE = "tiles.parquet"


def first_of_key(keys: Sequence[Any]) -> Ints:
    """For each row the first with the same key; None is a key of its own."""
    seen: dict[Any, int] = {}
    return np.array(
        [row if key is None else seen.setdefault(key, row) for row, key in enumerate(keys)],
        np.int64,
    )


def _paths(dataset: Dataset) -> list[str]:
    images = dataset.images
    found: list[str] = pc.coalesce(images["path"], images["file_name"], "").to_pylist()
    return found


def by_pattern(dataset: Dataset, pattern: str) -> tuple[Ints, int]:
    r"""Group images by what a regular expression finds in their paths.

    Parameters
    ----------
    dataset : Dataset
    pattern : str
        Searched in the path below the root, with forward slashes. Images with the same groups
        (parentheses), or the same whole match where it has none, belong together:
        ``cam(\d+)_``.

    Returns
    -------
    first : numpy.ndarray
        (images,) int64: the first image of each image's group.
    unmatched : int
        Images in whose path it finds nothing: each on its own.

    Raises
    ------
    DatasetError
        If it is no regular expression, or finds nothing in any path.
    """
    try:
        compiled = re.compile(pattern)
    except re.error as error:
        raise DatasetError(f"group_by: {pattern!r} is no regular expression: {error}") from error
    paths = _paths(dataset)
    matches = [compiled.search(path) for path in paths]
    keys = [None if m is None else (m.groups() or m.group()) for m in matches]
    unmatched = sum(key is None for key in keys)
    if paths and unmatched == len(paths):
        raise DatasetError(f"group_by: {pattern!r} is found in no path; the first is {paths[0]!r}")
    return first_of_key(keys), unmatched


def tile_families(
    dataset: Dataset, tiles: str | os.PathLike[str] | pa.Table | None
) -> tuple[Ints, int] | None:
    """Group tiles by the picture they were cut from.

    Parameters
    ----------
    dataset : Dataset
        A set of tiles.
    tiles : str, os.PathLike, pyarrow.Table or None
        The tile table; None: ``tiles.parquet`` in the set's folder, if it is there.

    Returns
    -------
    tuple of (first, unmatched), or None
        As :func:`by_pattern`, unmatched being images that the table does not have; None where no
        table is given or found.

    Raises
    ------
    DatasetError
        If the table cannot be read, or knows none of the images.
    """
    if tiles is None:
        place = Path(dataset.root) / TABLE
        if not place.is_file():
            return None
        return _families(dataset, _read(place), str(place))
    if isinstance(tiles, pa.Table):
        return _families(dataset, tiles, "tiles")
    return _families(dataset, _read(Path(tiles)), str(tiles))


def _read(place: Path) -> pa.Table:
    import pyarrow.parquet as pq

    try:
        return pq.read_table(place, columns=["image_id", "file"])
    except (pa.ArrowInvalid, pa.ArrowKeyError, pa.ArrowNotImplementedError) as error:
        raise DatasetError(f"{place}: no table of tiles: {error}") from error


def _families(dataset: Dataset, table: pa.Table, said: str) -> tuple[Ints, int]:
    if not {"image_id", "file"} <= set(table.column_names):
        raise DatasetError(f"{said}: has no columns image_id and file, expected a table of tiles")
    columns = (table["file"].to_pylist(), table["image_id"].to_pylist())
    source = {file: image for file, image in zip(*columns, strict=True) if file is not None}
    keys = [source.get(path) for path in _paths(dataset)]
    unmatched = sum(key is None for key in keys)
    if keys and unmatched == len(keys):
        raise DatasetError(
            f"{said}: names none of the set's {len(keys):,} images; give the table of this set"
        )
    return first_of_key(keys), unmatched
