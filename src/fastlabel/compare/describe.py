"""``fl.stats``: the distributions of one set."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from .._ranks import group_sizes, percentiles
from ..dataset import as_numpy
from ..tables import Histogram
from .features import FEATURES, Feature, Side, load

__all__ = ["Stats", "counts_of", "known_values", "stats"]

QUANTILES = {"p05": 5, "p25": 25, "p50": 50, "p75": 75, "p95": 95}
#: Categories of a feature that are listed; the table has all.
MOST_LISTED = 50


@dataclass(frozen=True, eq=False)
class Stats:
    """What :func:`stats` found.

    Attributes
    ----------
    summary : dict
        Plain JSON values: counts of the set and, for each feature, its histogram, quantiles,
        mean, and how many values are unknown or beyond the bins.
    table : pyarrow.Table
        One row a bin or category of each feature: ``feature``, ``of``, ``category``, ``low``,
        ``high``, ``count``, ``share``.
    """

    summary: dict[str, Any]
    table: pa.Table

    def __repr__(self) -> str:
        data = self.summary["dataset"]
        return (
            f"Stats({data['name']}: {data['images']:,} images, {data['boxes']:,} boxes, "
            f"{len(self.summary['features'])} features)"
        )

    def to_html(self, path: str | os.PathLike[str]) -> None:
        """Write the page: one file, offline, without scripts."""
        from .._output import write_whole
        from .page import stats_page

        text = stats_page(self)
        write_whole({Path(path): lambda part: part.write_text(text, encoding="utf-8")})

    def write(self, path: str | os.PathLike[str]) -> None:
        """Write ``table`` as Parquet."""
        import pyarrow.parquet as pq

        from .._output import write_whole

        write_whole({Path(path): lambda part: pq.write_table(self.table, part)})


TABLE = pa.schema(
    [
        pa.field("feature", pa.string(), nullable=False),
        pa.field("of", pa.string(), nullable=False),
        ("category", pa.string()),
        ("low", pa.float64()),
        ("high", pa.float64()),
        pa.field("count", pa.int64(), nullable=False),
        pa.field("share", pa.float64()),
    ]
)


def stats(source: Any) -> Stats:
    """Describe a set by its tables alone: no picture is opened.

    Parameters
    ----------
    source : Dataset, Report or path-like
        A data set, or the folder of a report; that has features of the pixels too
        (brightness, contrast, sharpness, noise).

    Returns
    -------
    Stats

    Raises
    ------
    DatasetError
        For a path that is neither.

    Examples
    --------
    >>> import tempfile
    >>> import fastlabel as fl
    >>> from pathlib import Path
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = Path(folder, "a.jpg").write_bytes(b"no picture")
    ...     found = fl.stats(folder)
    >>> found.summary["dataset"]["images"]
    1
    """
    side = load(source)
    features = []
    rows: dict[str, list[Any]] = {name: [] for name in TABLE.names}
    for feature in FEATURES:
        if feature.pixels and side.image_stats is None:
            continue
        made = _categories(feature, side) if feature.axis is None else _numbers(feature, side)
        features.append(made["summary"])
        n = len(made["count"])
        rows["feature"] += [feature.name] * n
        rows["of"] += [feature.of] * n
        for name in ("category", "low", "high", "count"):
            rows[name] += made[name]
        whole = sum(made["count"])
        rows["share"] += [c / whole if whole else None for c in made["count"]]
    ds = side.ds
    summary = {
        "schema": 1,
        "dataset": {
            "name": side.name,
            "format": ds.format,
            "images": len(ds),
            "boxes": ds.annotations.num_rows,
            "classes": ds.categories.num_rows,
            "pixels": side.image_stats is not None,
        },
        "features": features,
    }
    return Stats(summary, pa.table(rows, schema=TABLE))


def counts_of(feature: Feature, side: Side) -> dict[str, int]:
    """How often each category occurs, the most frequent first; None is ``(unknown)``."""
    named: dict[str, int] = {}
    if feature.name == "class":  # by id: ten million texts would be made only to be counted
        names = [*side.ds.categories["name"].to_pylist(), None]
        ids = pc.fill_null(side.ds.annotations["category_id"], len(names) - 1)
        sizes = group_sizes(as_numpy(ids), len(names)).tolist()
        for name, n in zip(names, sizes, strict=True):
            if name is not None or n:
                said = "(unknown)" if name is None else name
                named[said] = named.get(said, 0) + n
    else:
        for row in pc.value_counts(side.texts(feature.name)).to_pylist():
            named["(unknown)" if row["values"] is None else row["values"]] = row["counts"]
    return dict(sorted(named.items(), key=lambda kv: (-kv[1], kv[0])))


def known_values(feature: Feature, side: Side) -> tuple[np.ndarray[Any, np.dtype[np.float64]], int]:
    """The finite values of a feature, and how many are not."""
    assert feature.values is not None
    with np.errstate(invalid="ignore", divide="ignore"):
        values = feature.values(side)
    known = np.isfinite(values)
    if known.all():
        return values, 0
    return values[known], int(len(values) - np.count_nonzero(known))


def _categories(feature: Feature, side: Side) -> dict[str, Any]:
    counts = counts_of(feature, side)
    names, numbers = list(counts), list(counts.values())
    nothing = [None] * len(names)
    summary = {
        "name": feature.name,
        "of": feature.of,
        "unit": feature.unit,
        "kind": "categories",
        "categories": names[:MOST_LISTED],
        "counts": numbers[:MOST_LISTED],
        "other_categories": max(len(names) - MOST_LISTED, 0),
        "measured": sum(numbers) - counts.get("(unknown)", 0),
        "unknown": counts.get("(unknown)", 0),
    }
    return {
        "summary": summary,
        "category": names,
        "low": nothing,
        "high": nothing,
        "count": numbers,
    }


def _numbers(feature: Feature, side: Side) -> dict[str, Any]:
    assert feature.axis is not None and feature.axis.edges is not None
    values, unknown = known_values(feature, side)
    histogram = Histogram(feature.axis).fill(values)
    edges = feature.axis.edges
    below, *inside, above, _ = histogram.counts(flow=True).tolist()
    points: dict[str, float] = {}
    if len(values):
        found = percentiles(values, None, [len(values)], list(QUANTILES.values()))[0]
        points = dict(zip(QUANTILES, (float(f"{v:.6g}") for v in found), strict=True))
    summary = {
        "name": feature.name,
        "of": feature.of,
        "unit": feature.unit,
        "kind": "log" if feature.log else "linear",
        "edges": [float(f"{e:.6g}") for e in edges],
        "counts": inside,
        "below": below,
        "above": above,
        "measured": len(values),
        "unknown": unknown,
        "quantiles": points or None,
        "mean": float(f"{values.mean():.6g}") if len(values) else None,
        "least": float(f"{values.min():.6g}") if len(values) else None,
        "most": float(f"{values.max():.6g}") if len(values) else None,
    }
    low = [None, *edges.tolist()]
    high = [*edges.tolist(), None]
    counts = [below, *inside, above]
    return {
        "summary": summary,
        "category": [None] * len(counts),
        "low": low,
        "high": high,
        "count": counts,
    }
