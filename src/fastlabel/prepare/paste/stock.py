"""The bank as the planner sees it: instances by class, split and size."""

from __future__ import annotations

import math
import re
from collections import Counter
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ...dataset import DatasetError, as_numpy
from .options import Band

__all__ = ["Pool", "Stock", "kind_of"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

#: Candidates for one place, of which the one used least is taken.
DRAWN = 3


@dataclass(frozen=True, eq=False)
class Pool:
    """The instances of one class and split.

    Attributes
    ----------
    rows : numpy.ndarray
        Rows of the stock.
    sizes : numpy.ndarray
        (n, 2) width and height, in pixels of the source.
    images : numpy.ndarray
        Images that they come from.
    """

    rows: Ints
    sizes: Floats
    images: Ints


class Stock:
    """The accepted instances of a bank.

    Parameters
    ----------
    bank : pyarrow.Table
        As a bank's table.
    stride : float
        Pixels of the model's input that sizes are counted in.

    Raises
    ------
    DatasetError
        If no instance is accepted; with the reasons and their counts.
    """

    def __init__(self, bank: pa.Table, stride: float) -> None:
        self.stride = stride
        accepted = np.asarray(
            pc.fill_null(bank["accepted"], False).to_numpy(zero_copy_only=False), bool
        )
        if not accepted.any():
            raise DatasetError(_empty(bank))
        bank = bank.filter(pa.array(accepted)).combine_chunks()
        #: ``instance_id`` of each row, and how often it was taken.
        self.instances = as_numpy(bank["instance_id"])
        self.used: Ints = np.zeros(len(self.instances), np.int64)
        corners = np.stack([as_numpy(bank[c]) for c in ("x1", "y1", "x2", "y2")], axis=1)
        self.sizes: Floats = corners[:, 2:] - corners[:, :2]
        images = as_numpy(bank["image_id"]).astype(np.int64)
        groups: dict[tuple[int, str | None], list[int]] = {}
        keys = zip(as_numpy(bank["category_id"]).tolist(), bank["split"].to_pylist(), strict=True)
        for at, key in enumerate(keys):
            groups.setdefault(key, []).append(at)
        self.pools: dict[tuple[int, str | None], Pool] = {}
        for key, members in groups.items():
            rows = np.array(members, np.int64)
            self.pools[key] = Pool(rows, self.sizes[rows], images[rows])

    def choose(
        self,
        pool: Pool,
        band: Band,
        scale: tuple[float, float],
        generator: np.random.Generator,
        not_from: int | None,
    ) -> tuple[int, float] | None:
        """Choose an instance for an image, and its size.

        Parameters
        ----------
        pool : Pool
        band : Band
            Sizes are drawn from it, evenly in their logarithm, as far as the pool has instances
            that need not be enlarged.
        scale : tuple of float
            Factors from the image to the model's input.
        generator : numpy.random.Generator
        not_from : int or None
            An image whose instances are left alone.

        Returns
        -------
        tuple of (int, float) or None
            Row of the stock, and short side at the input in strides; None when even the largest
            instance is too small.
        """
        own = (pool.sizes * np.array(scale)).min(axis=1) / self.stride
        if not_from is not None:
            own = np.where(pool.images == not_from, -1.0, own)
        most = float(own.max())
        if most < band.low:
            return None
        high = min(band.high, most)
        size = min(band.low * (high / band.low) ** generator.random(), most)
        rows = pool.rows[own >= size]
        drawn = rows[generator.integers(0, len(rows), DRAWN)].tolist()
        return min(drawn, key=lambda row: (self.used[row], row)), size

    def sides(
        self, row: int, size: float, band: Band, scale: tuple[float, float]
    ) -> tuple[float, float] | None:
        """Whole pixels nearest to a size that stay in the band and enlarge nothing."""
        sx, sy = scale
        own_w, own_h = self.sizes[row].tolist()
        factor = size * self.stride / min(own_w * sx, own_h * sy)
        most_w, most_h = max(1.0, math.floor(own_w)), max(1.0, math.floor(own_h))
        for way in (round, math.ceil, math.floor):
            w = min(max(1.0, float(way(own_w * factor))), most_w)
            h = min(max(1.0, float(way(own_h * factor))), most_h)
            if band.low <= min(w * sx, h * sy) / self.stride < band.high:
                return w, h
        return None


def kind_of(reason: str) -> str:
    """A reason without the value measured, so that like ones are counted together."""
    return re.sub(r" \d+\.\d+( px)?(?= is below )", "", reason)


def _empty(bank: pa.Table) -> str:
    if bank.num_rows == 0:
        return "the bank is empty: the set has no box to take an instance from"
    counts = Counter(kind_of(str(reason)) for reason in bank["reason"].to_pylist()).most_common()
    listed = ", ".join(f"{n:,} {reason}" for reason, n in counts[:10])
    more = f" and {len(counts) - 10:,} more reasons" if len(counts) > 10 else ""
    return (
        f"the bank is empty: all {bank.num_rows:,} instances were refused ({listed}{more}); "
        "lower --min-quality, or take other classes"
    )
