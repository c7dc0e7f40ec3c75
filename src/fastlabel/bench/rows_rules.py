"""What rules do with the boxes of a large set: a user's own, compiled, and looks compared."""

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


def profiles(boxes: int, seed: int = 0) -> tuple[NDArray[np.uint8], NDArray[np.int64], Any]:
    """Profiles of dark discs, one in eight of them at the edge of the picture; and a template."""
    rng = np.random.default_rng(seed)
    place = np.arange(24)
    sides = rng.normal(0, 1.5, (boxes, 2, 2, 1)) + np.array([4, 19]).reshape(1, 1, 2, 1)
    less, more = 1 / (1 + np.exp(sides[:, :, 0] - place)), 1 / (1 + np.exp(place - sides[:, :, 1]))
    edges = np.exp(-((place[None, None, None] - sides) ** 2) / 2).sum(axis=2)
    look = np.stack([1 - less * more, np.minimum(edges, 1)], axis=2).reshape(boxes, 4, 24)
    codes = np.clip(np.rint(13 * look + rng.normal(0, 0.8, look.shape)), 0, 14).astype(np.uint8)
    at_edge = np.flatnonzero(rng.random(boxes) < 1 / 8)
    codes[at_edge, 2 * (at_edge % 2), 21:] = codes[at_edge, 2 * (at_edge % 2) + 1, 21:] = 15
    packed = (codes[:, :, ::2] | codes[:, :, 1::2] << 4).astype(np.uint8).reshape(boxes, 48)
    usual = np.rint(np.clip(look.mean(axis=0), 0, 1) * 255).astype(np.uint8)
    return packed, np.arange(boxes, dtype=np.int64), usual


def _looks(packed: Any, rows: Any, usual: Any) -> Any:
    from .._core import compare_profiles

    return compare_profiles(packed, rows, usual, 1)


def correlations(
    values: NDArray[np.float32], seen: NDArray[np.float32], usual: NDArray[np.float32]
) -> NDArray[np.float64]:
    """Correlate strips, 0 where not seen, with a template, for moves by -4 to 4 strips."""
    moved = np.zeros((24, 9), np.float32)
    inside = np.zeros_like(moved)
    for column, move in enumerate(range(-4, 5)):
        at = np.arange(max(0, move), 24 + min(0, move))
        moved[at, column] = usual[at - move]
        inside[at, column] = 1
    # Sums of products of whole numbers under 2^24: the same in any order.
    wide = np.float64
    n, sum_b, sum_bb = ((seen @ m).astype(wide) for m in (inside, moved, moved * moved))
    sum_a, sum_ab = ((values @ m).astype(wide) for m in (inside, moved))
    sum_aa = ((values * values) @ inside).astype(wide)
    spread = (n * sum_aa - sum_a**2) * (n * sum_bb - sum_b**2)
    out = (n * sum_ab - sum_a * sum_b) / np.sqrt(np.maximum(spread, 1.0))
    return np.where(n >= 14, out, np.nan)


def looks_by_numpy(
    packed: NDArray[np.uint8], rows: NDArray[np.int64], usual: NDArray[np.uint8]
) -> tuple[NDArray[np.float64], NDArray[np.int8], NDArray[np.float64]]:
    """Compare profiles with a template by matrix products, 65536 at a time."""
    gain, likeness = np.zeros(len(rows)), np.zeros(len(rows))
    move = np.zeros((len(rows), 2), np.int8)
    for start in range(0, len(rows), 1 << 16):
        at = slice(start, start + (1 << 16))
        chosen = packed[rows[at]]
        codes = np.stack([chosen & 15, chosen >> 4], axis=-1).reshape(-1, 4, 24)
        for k in range(2):
            luma, gradient = codes[:, 2 * k], codes[:, 2 * k + 1]
            seen = (gradient != 15).astype(np.float32)
            look = usual[2 * k : 2 * k + 2].astype(np.float32)
            both = correlations(luma * seen, seen, look[0])
            both += correlations(gradient * seen, seen, look[1])
            best = np.where(np.isnan(both), -np.inf, both).argmax(axis=1)
            gain[at] += both[np.arange(len(best)), best] - both[:, 4]
            likeness[at] += both[:, 4] / 4
            move[at, k] = best - 4
    return gain, move, likeness


def _same(ours: Any, theirs: Any) -> None:
    for mine, other in zip(ours, theirs, strict=True):
        assert mine.tobytes() == other.tobytes()


ROWS = (
    Row(
        name="compare-profiles-200k",
        title="looks of 200 000 boxes beside their class's, 9 moves an axis",
        make=lambda: profiles(200_000),
        run=_looks,
        peers=(Peer("NumPy, matrix products", ("numpy",), looks_by_numpy),),
        agree=_same,
        bytes_moved=lambda packed, rows, usual: packed.nbytes,
    ),
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
