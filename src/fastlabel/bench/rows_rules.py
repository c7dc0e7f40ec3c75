"""A user's rule, compiled, over the boxes of a large set."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .row import Peer, Row

__all__ = ["ROWS"]

BOXES = 10_000_000
MAX_RATIO = 40.0

Columns = dict[str, NDArray[np.float64]]


def _make() -> tuple[Any, Columns]:
    from ..rules.user import rule

    @rule("X001", name="too-wide")
    def too_wide(x1, y1, x2, y2, max_ratio=MAX_RATIO):  # type: ignore[no-untyped-def]
        ratio = (x2 - x1) / (y2 - y1)
        return ratio if ratio > max_ratio else math.nan

    too_wide.prepare()
    rng = np.random.default_rng(0)
    columns = {name: rng.uniform(0, 1000, BOXES) for name in ("x1", "y1")}
    for low, high in (("x1", "x2"), ("y1", "y2")):
        columns[high] = columns[low] + rng.uniform(4, 200, BOXES)
    return too_wide, columns


def _ours(rule: Any, columns: Columns) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    found = rule.judge(columns)
    return found.rows, found.values


def _by_numpy(_: Any, columns: Columns) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    ratio = (columns["x2"] - columns["x1"]) / (columns["y2"] - columns["y1"])
    rows = np.flatnonzero(ratio > MAX_RATIO)
    return rows, ratio[rows]


def _agree(ours: Any, theirs: Any) -> None:
    assert len(ours[0]) > 0
    np.testing.assert_array_equal(ours[0], theirs[0])
    np.testing.assert_array_equal(ours[1], theirs[1])


ROWS = (
    Row(
        name="user-rule-10m",
        title="@fl.rule over 10 M boxes, four columns",
        make=_make,
        run=_ours,
        peers=(Peer("NumPy formula", ("numpy",), _by_numpy),),
        agree=_agree,
        bytes_moved=lambda rule, columns: sum(column.nbytes for column in columns.values()),
    ),
)
