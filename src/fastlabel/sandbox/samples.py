"""Which images of a set stand for it: varied ones to look at, and a seeded sample to count."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ..dataset import Dataset, as_numpy

__all__ = ["part", "sample", "varied"]

#: Images among which varied ones are sought.
CANDIDATES = 600


def sample(ds: Dataset, n: int, seed: int = 0) -> list[int]:
    """Rows of `n` images drawn without return, in order; all where there are fewer.

    Examples
    --------
    >>> import tempfile
    >>> import fastlabel as fl
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = fl.make_sample(folder)
    ...     ds = fl.read(folder)
    ...     sample(ds, 3) == sample(ds, 3), len(sample(ds, 3))
    (True, 3)
    """
    if len(ds) <= n:
        return list(range(len(ds)))
    draw = np.random.Generator(np.random.PCG64(seed))
    return sorted(int(row) for row in draw.choice(len(ds), n, replace=False))


def varied(ds: Dataset, n: int) -> list[int]:
    """Rows of `n` images that differ: in their shape, their objects' number, sizes and classes.

    From a seeded sample each next one is that which is farthest from those there are (Gonzalez,
    1985), so that rare kinds are among few pictures.
    """
    rows = np.array(sample(ds, CANDIDATES), np.int64)
    if len(rows) <= n:
        return [int(row) for row in rows]
    traits = _traits(ds, rows)
    chosen = [int(np.argmin(np.abs(traits).sum(axis=1)))]  # the most usual first
    away = np.full(len(rows), np.inf)
    while len(chosen) < n:
        away = np.minimum(away, ((traits - traits[chosen[-1]]) ** 2).sum(axis=1))
        away[chosen] = -1.0
        chosen.append(int(np.argmax(away)))
    return [int(row) for row in rows[chosen]]


def part(ds: Dataset, images: Sequence[int]) -> tuple[Dataset, NDArray[np.int64]]:
    """A set of some images of a set, and the row that each of its annotations had."""
    rows = np.asarray(images, np.int64)
    place = np.full(len(ds), -1, np.int64)
    place[rows] = np.arange(len(rows))
    of = place[ds.column("annotations", "image_id")]
    mine = np.flatnonzero(of >= 0)
    tables = {"images": ds.images.take(rows), "annotations": ds.annotations.take(mine)}
    for table, name, values in (
        ("images", "image_id", np.arange(len(rows))),
        ("annotations", "annotation_id", np.arange(len(mine))),
        ("annotations", "image_id", of[mine]),
    ):
        whole = tables[table]
        at = whole.schema.get_field_index(name)
        tables[table] = whole.set_column(at, whole.schema.field(name), pa.array(values))
    return replace(ds, **tables, problems=ds.problems.slice(0, 0)), mine


def _traits(ds: Dataset, rows: NDArray[np.int64]) -> NDArray[np.float64]:
    """(rows, traits): each of mean 0 and, as far as it varies, of deviation 1."""
    place = np.full(len(ds), -1, np.int64)
    place[rows] = np.arange(len(rows))
    of = place[ds.column("annotations", "image_id")]
    mine = np.flatnonzero(of >= 0)
    of = of[mine]
    table = ds.annotations.take(mine) if len(mine) else ds.annotations.slice(0, 0)
    sides = [as_numpy(ds.images[name].fill_null(0))[rows] for name in ("width", "height")]
    wide, high = (np.maximum(side.astype(np.float64), 1) for side in sides)
    boxes = [as_numpy(table[name]) for name in ("x1", "y1", "x2", "y2")]
    with np.errstate(invalid="ignore"):
        area = np.nan_to_num((boxes[2] - boxes[0]) * (boxes[3] - boxes[1])).clip(0)
    share = np.sqrt(area / (wide * high)[of]) if len(of) else np.zeros(0)
    counts = np.bincount(of, minlength=len(rows)).astype(np.float64)
    mean = np.bincount(of, share, minlength=len(rows)) / np.maximum(counts, 1)
    columns: list[Any] = [np.log(wide / high), np.log1p(counts), mean, np.log(wide * high) / 2]
    kinds = as_numpy(table["category_id"].fill_null(-1))
    for kind in np.unique(kinds)[:16]:
        columns.append(np.minimum(np.bincount(of[kinds == kind], minlength=len(rows)), 1))
    traits = np.stack(columns, axis=1).astype(np.float64)
    spread = traits.std(axis=0)
    return np.asarray((traits - traits.mean(axis=0)) / np.where(spread > 0, spread, 1.0))
