"""The review queue in numbers: what a report tells of it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from ..dataset import as_numpy

__all__ = ["curve", "overview"]

#: Objects that the page shows as pictures.
SHOWN = 12


def curve(queue: pa.Table, points: int = 100) -> dict[str, list[float]]:
    """Errors expected to be found against images reviewed.

    Parameters
    ----------
    queue : pyarrow.Table
        As :func:`fastlabel.review_queue` gives it.
    points : int
        At most so many, evenly spread, after the first at 0; the last one is always there.

    Returns
    -------
    dict
        ``images``, ``errors`` and ``minutes``, counted up.
    """
    images = as_numpy(queue["images"])
    last = np.flatnonzero(np.r_[images[1:] != images[:-1], True]) if len(images) else images
    if len(last) > points:
        last = last[np.unique(np.linspace(0, len(last) - 1, points).round().astype(np.int64))]
    at = pa.array(last, pa.int64())
    return {
        name: [0, *queue[column].take(at).to_pylist()]
        for name, column in (
            ("images", "images"),
            ("errors", "expected_errors"),
            ("minutes", "minutes"),
        )
    }


def overview(queue: pa.Table, budget: int | None = None) -> dict[str, Any]:
    """Sum up a whole queue, and the part of it that a budget buys.

    Parameters
    ----------
    queue : pyarrow.Table
        As :func:`fastlabel.review_queue` gives it, without a budget.
    budget : int, optional
        Objects that are wanted.

    Returns
    -------
    dict
        Plain JSON values: ``objects``, ``images``, ``minutes`` and ``errors`` of the whole;
        the same of the ``budget``, or None; the ``curve``; and the ``first`` rows.
    """
    columns = ["rank", "image_id", "annotation_ids", "codes", "action", "score", "findings"]
    return {
        **_counted(queue),
        "budget": None if budget is None else _counted(queue.slice(0, budget)),
        "curve": curve(queue),
        "first": queue.slice(0, SHOWN).select(columns).to_pylist(),
    }


def _counted(queue: pa.Table) -> dict[str, Any]:
    n = queue.num_rows
    at = {"images": "images", "minutes": "minutes", "errors": "expected_errors"}
    counted = {name: queue[column][n - 1].as_py() if n else 0 for name, column in at.items()}
    return {"objects": n, **counted}
