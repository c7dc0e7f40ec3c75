"""Batches of images with their contents, or where a native worker finds them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ..source import Lost, Span
from .jobs import Jobs

__all__ = ["Fetched", "read_ahead"]

_ESCAPED = Lost("escaped", "the name leads outside the root")
_MISSING = Lost("missing", "there is no such image in the source")


@dataclass(frozen=True)
class Fetched:
    """Jobs ``first`` to ``last`` with what the source gave; None where it gave nothing."""

    first: int
    last: int
    items: list[bytes | Span | None]
    lost: list[tuple[int, Lost]]  # by place in ``items``


def read_ahead(jobs: Jobs, batch_size: int) -> Iterator[Fetched]:
    """All jobs, in order, ``batch_size`` at a time."""
    for first in range(0, len(jobs), batch_size):
        yield _fetch(jobs, first, min(first + batch_size, len(jobs)))


def _fetch(jobs: Jobs, first: int, last: int) -> Fetched:
    rows = jobs.rows[first:last]
    outside = jobs.escaped[first:last]
    there = np.flatnonzero((rows >= 0) & ~outside)
    items: list[bytes | Span | None] = [None] * (last - first)
    lost: list[tuple[int, Lost]] = []
    if len(there) < len(rows):
        for k in np.setdiff1d(np.arange(last - first), there).tolist():
            lost.append((k, _ESCAPED if outside[k] else _MISSING))
    for k, item in zip(there.tolist(), jobs.source.fetch(rows[there]), strict=True):
        if isinstance(item, Lost):
            lost.append((k, item))
        else:
            items[k] = item
    return Fetched(first, last, items, lost)
