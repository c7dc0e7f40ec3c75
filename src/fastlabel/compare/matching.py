"""Which image, class and box of one set is which of another."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ..boxes import box_pairs_between
from ..dataset import as_numpy

__all__ = ["equal_rows", "match_boxes", "match_texts"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Pairs = tuple[Ints, Ints]

#: Factors that spread the bits of a row's columns over one number (odd, chosen at random).
_MIX = np.array([0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9], np.uint64)


def match_texts(a: pa.ChunkedArray, b: pa.ChunkedArray) -> Pairs:
    """Rows of equal texts, each used once: the first with the first, and so on; null is none."""
    both = pa.chunked_array([*_chunks(a), *_chunks(b)], pa.string()).combine_chunks()
    codes = np.asarray(pc.fill_null(both.dictionary_encode().indices, -1), np.int64)
    left, right = codes[: len(a)], codes[len(a) :]
    return _in_turn(left, right)


def _chunks(column: Any) -> Sequence[pa.Array]:
    return column.chunks if isinstance(column, pa.ChunkedArray) else [column]


def _in_turn(left: Ints, right: Ints) -> Pairs:
    """Pairs of equal keys from 0 on, the n-th of the one with the n-th of the other."""
    rows_a, keys_a, nth = _ordered(left)
    rows_b, keys_b, _ = _ordered(right)
    at = np.searchsorted(keys_b, keys_a, "left") + nth
    found = at < len(keys_b)
    found[found] = keys_b[at[found]] == keys_a[found]
    return rows_a[found], rows_b[at[found]]


def _ordered(keys: Ints) -> tuple[Ints, Ints, Ints]:
    """Rows by key, their keys, and the how manieth of its key each is."""
    rows = np.flatnonzero(keys >= 0)
    rows = rows[np.argsort(keys[rows], kind="stable")]
    ordered = keys[rows]
    first = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]]) if len(rows) else rows
    nth = np.arange(len(rows)) - np.repeat(first, np.diff(np.r_[first, len(rows)]))
    return rows, ordered, nth


def equal_rows(a: Sequence[npt.NDArray[Any]], b: Sequence[npt.NDArray[Any]]) -> Pairs:
    """Rows that are equal in every column, each used once, in the order they stand.

    Columns are of 8 bytes; NaN equals the same NaN.
    """
    key_a, key_b = _mixed(a), _mixed(b)
    rows_a, rows_b = _in_turn(key_a, key_b)
    same = np.ones(len(rows_a), np.bool_)  # equal numbers of different rows are not taken
    for left, right in zip(a, b, strict=True):
        same &= left.view(np.uint64)[rows_a] == right.view(np.uint64)[rows_b]
    return rows_a[same], rows_b[same]


def _mixed(columns: Sequence[npt.NDArray[Any]]) -> Ints:
    key = np.zeros(len(columns[0]), np.uint64)
    for column in columns:
        key ^= np.ascontiguousarray(column).view(np.uint64)
        key *= _MIX[0]
        key ^= key >> np.uint64(29)
        key *= _MIX[1]
        key ^= key >> np.uint64(32)
    return (key >> np.uint64(1)).view(np.int64)


def match_boxes(
    boxes_a: Floats, group_a: Ints, boxes_b: Floats, group_b: Ints, least: float
) -> tuple[Ints, Ints, Floats]:
    """Pairs of boxes of one group, from the highest IoU down, each used once.

    Parameters
    ----------
    boxes_a, boxes_b : numpy.ndarray
        (N, 4) and (M, 4) ``xyxy``; a box that is reversed or not finite matches nothing.
    group_a, group_b : numpy.ndarray
        (N,) and (M,): only boxes of one group meet.
    least : float
        Lowest IoU of a pair, above 0.

    Returns
    -------
    a, b : numpy.ndarray
        Rows of the pairs.
    iou : numpy.ndarray
        float64.
    """
    groups = np.intersect1d(group_a, group_b)
    rows_a, offsets_a = _grouped(group_a, groups)
    rows_b, offsets_b = _grouped(group_b, groups)
    i, j, iou = box_pairs_between(
        boxes_a[rows_a], boxes_b[rows_b], least, offsets1=offsets_a, offsets2=offsets_b,
        invalid="zero",
    )  # fmt: skip
    # Greedy from the highest IoU down is the same as: again and again take all pairs that
    # are the best of both of their boxes. Ties go to the earlier rows.
    order = np.lexsort((rows_b[j], rows_a[i], -iou))
    i, j, iou = i[order], j[order], iou[order]
    kept: list[Ints] = []
    live = np.arange(len(i))
    while len(live):
        first_a = _first_of(i[live], len(rows_a))
        first_b = _first_of(j[live], len(rows_b))
        at = np.arange(len(live))
        best = (first_a[i[live]] == at) & (first_b[j[live]] == at)
        taken = live[best]
        kept.append(taken)
        used_a, used_b = np.zeros(len(rows_a), np.bool_), np.zeros(len(rows_b), np.bool_)
        used_a[i[taken]], used_b[j[taken]] = True, True
        live = live[~(used_a[i[live]] | used_b[j[live]])]
    pairs = np.sort(np.concatenate(kept)) if kept else np.empty(0, np.int64)
    return rows_a[i[pairs]], rows_b[j[pairs]], iou[pairs].astype(np.float64)


def _first_of(values: Ints, n: int) -> Ints:
    """Place of the first occurrence of each number."""
    first = np.full(n, len(values), np.int64)
    first[values[::-1]] = np.arange(len(values))[::-1]
    return first


def _grouped(group: Ints, groups: Ints) -> tuple[Ints, Ints]:
    """Rows of the given groups, sorted by group, and where each group begins."""
    order = np.argsort(group, kind="stable")
    start = np.searchsorted(group[order], groups, "left")
    stop = np.searchsorted(group[order], groups, "right")
    sizes = stop - start
    offsets = np.r_[0, np.cumsum(sizes)].astype(np.int64)
    within = np.arange(offsets[-1]) - np.repeat(offsets[:-1], sizes)
    return order[np.repeat(start, sizes) + within], offsets


def as_int64(column: pa.ChunkedArray) -> Ints:
    """Ids as int64, -1 where null."""
    return np.asarray(as_numpy(pc.fill_null(column.cast(pa.int64()), -1)), np.int64)
