"""Statistics of table columns: 10 million rows, one thread, beside what one would use instead."""

from __future__ import annotations

import math
import os
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..tables import Category, GroupedStats, Histogram, Log, QuantileSketch, Regular
from .row import Peer, Row

__all__ = ["ROWS"]

N = 10_000_000
CLASSES = 20
SIZE = (50, 2.0, 2000.0)  # bins, low, high of the log axes
RATIO = (40, 1 / 16, 16.0)

Column = NDArray[Any]


def _numbers() -> tuple[Any, ...]:
    return (np.random.default_rng(0).random(N),)


def _ours_1d(x: Column) -> Column:
    return Histogram(Regular(100, 0, 1)).fill(x).counts()


def _numpy_1d(x: Column) -> Column:
    return np.histogram(x, 100, (0, 1))[0]


def _boost_1d(x: Column) -> Column:
    import boost_histogram as bh

    counts: Column = bh.Histogram(bh.axis.Regular(100, 0, 1)).fill(x).view()
    return counts


def _equal(ours: Any, theirs: Any) -> None:
    np.testing.assert_array_equal(ours, theirs)


def _boxes() -> tuple[Any, ...]:
    # One thread for everybody; polars reads this when it is first imported.
    os.environ.setdefault("POLARS_MAX_THREADS", "1")
    rng = np.random.default_rng(0)
    classes = rng.integers(0, CLASSES, N).astype(np.int32)
    size = np.exp(rng.normal(math.log(60), 1.0, N)).clip(SIZE[1] * 1.001, SIZE[2] * 0.999)
    ratio = np.exp(rng.normal(0, 0.6, N)).clip(RATIO[1] * 1.001, RATIO[2] * 0.999)
    return classes, size, ratio


def _ours_grouped(classes: Column, size: Column, ratio: Column) -> Column:
    h = Histogram(Category(CLASSES), Log(*SIZE), Log(*RATIO))
    return h.fill(classes, size, ratio).counts()


def _polars_bin(column: Any, axis: tuple[int, float, float]) -> Any:
    import polars as pl

    bins, low, high = axis
    return ((column.log() - math.log(low)) * (bins / math.log(high / low))).floor().cast(pl.Int32)


def _polars_grouped(classes: Column, size: Column, ratio: Column) -> tuple[Column, ...]:
    import polars as pl

    frame = pl.DataFrame({"c": classes, "s": size, "r": ratio}).lazy()
    found = (
        frame.select("c", s=_polars_bin(pl.col("s"), SIZE), r=_polars_bin(pl.col("r"), RATIO))
        .group_by("c", "s", "r")
        .len()
        .collect()
    )
    return tuple(found[name].to_numpy() for name in ("c", "s", "r", "len"))


def _duckdb_grouped(classes: Column, size: Column, ratio: Column) -> tuple[Column, ...]:
    import duckdb

    def binned(name: str, axis: tuple[int, float, float]) -> str:
        bins, low, high = axis
        return f"floor((ln({name}) - {math.log(low)!r}) * {bins / math.log(high / low)!r})::int"

    connection = duckdb.connect()
    connection.execute("SET threads=1")
    connection.register("boxes", {"c": classes, "s": size, "r": ratio})
    found = connection.execute(
        f"select c, {binned('s', SIZE)} sb, {binned('r', RATIO)} rb, count(*) n "
        "from boxes group by 1, 2, 3"
    ).fetchnumpy()
    return tuple(np.asarray(found[name]) for name in ("c", "sb", "rb", "n"))


def _nearly(ours: Any, theirs: Any) -> None:
    c, s, r, n = (np.asarray(column, np.int64) for column in theirs)
    dense = np.zeros_like(ours)
    np.add.at(dense, (c, s, r), n)
    assert dense.sum() == ours.sum() == N
    # A rounded logarithm may miss the bin of a number that lies on an edge.
    assert np.abs(dense - ours).sum() <= N // 10**6


def _ours_moments(classes: Column, size: Column, ratio: Column) -> tuple[Column, ...]:
    stats = GroupedStats(Category(CLASSES)).fill(classes, size)
    return tuple(
        f("value") for f in (stats.count, stats.min, stats.max, stats.mean, stats.variance)
    )


def _polars_moments(classes: Column, size: Column, ratio: Column) -> tuple[Column, ...]:
    import polars as pl

    x = pl.col("s")
    found = (
        pl.DataFrame({"c": classes, "s": size})
        .lazy()
        .group_by("c")
        .agg(n=x.count(), low=x.min(), high=x.max(), mean=x.mean(), var=x.var(ddof=0))
        .sort("c")
        .collect()
    )
    return tuple(found[name].to_numpy() for name in ("n", "low", "high", "mean", "var"))


def _close(ours: Any, theirs: Any) -> None:
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9)


def _ours_quantiles(classes: Column, size: Column, ratio: Column) -> list[Column]:
    sketch = QuantileSketch(Category(CLASSES)).fill(classes, size)
    return [sketch.quantile(q) for q in (0.05, 0.5, 0.95)]


def _polars_quantiles(classes: Column, size: Column, ratio: Column) -> list[Column]:
    import polars as pl

    at = (0.05, 0.5, 0.95)
    found = (
        pl.DataFrame({"c": classes, "s": size})
        .lazy()
        .group_by("c")
        .agg(**{f"q{k}": pl.col("s").quantile(q, "lower") for k, q in enumerate(at)})
        .sort("c")
        .collect()
    )
    return [found[f"q{k}"].to_numpy() for k in range(len(at))]


def _within(ours: Any, theirs: Any) -> None:
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(a, b, rtol=2**-8)


ROWS = (
    Row(
        name="histogram-10m",
        title="1-D histogram, 10 M float64, 100 bins",
        make=_numbers,
        run=_ours_1d,
        peers=(
            Peer("numpy.histogram", ("numpy",), _numpy_1d, promised=6.0),
            Peer("boost-histogram", ("boost_histogram",), _boost_1d, promised=1.2),
        ),
        agree=_equal,
        bytes_moved=lambda x: x.nbytes,
    ),
    Row(
        name="grouped-histogram-10m",
        title="class x size x ratio, 10 M boxes, log bins",
        make=_boxes,
        run=_ours_grouped,
        peers=(
            Peer("polars group_by", ("polars",), _polars_grouped, promised=5.0),
            Peer("DuckDB group by", ("duckdb",), _duckdb_grouped, promised=5.0),
        ),
        agree=_nearly,
        bytes_moved=lambda c, s, r: c.nbytes + s.nbytes + r.nbytes,
    ),
    Row(
        name="grouped-stats-10m",
        title="count, min, max, exact mean and variance by class, 10 M",
        make=_boxes,
        run=_ours_moments,
        peers=(Peer("polars group_by", ("polars",), _polars_moments),),
        agree=_close,
        bytes_moved=lambda c, s, r: c.nbytes + s.nbytes,
    ),
    Row(
        name="grouped-quantiles-10m",
        title="three quantiles by class, 10 M, within 1/256",
        make=_boxes,
        run=_ours_quantiles,
        peers=(Peer("polars group_by", ("polars",), _polars_quantiles),),
        agree=_within,
        bytes_moved=lambda c, s, r: c.nbytes + s.nbytes,
    ),
)
