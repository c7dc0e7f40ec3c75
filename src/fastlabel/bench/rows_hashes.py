"""Near 64-bit hashes: all pairs within 8 bits, and the clusters that they make."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..pixels import hamming_clusters, hamming_pairs
from .row import Peer, Row

__all__ = ["ROWS", "drawn_hashes"]

DISTANCE = 8
PEERS_N = 50_000
N = 1_000_000

Hashes = NDArray[np.uint64]


def drawn_hashes(n: int, seed: int = 0) -> Hashes:
    """Draw hashes as a large set of photographs has them.

    A third is of families: a picture, its copies and the next frames, up to 10 bits apart. The
    bits are not even: in photographs some terms are mostly of one sign (the sky is above).
    """
    rng = np.random.default_rng(seed)
    odds = np.clip(rng.normal(0.5, 0.12, 64), 0.1, 0.9)
    bits = rng.random((n, 64), np.float32) < odds
    drawn = np.packbits(bits, axis=1).view(np.uint64).ravel()
    family = np.flatnonzero(rng.random(n) < 1 / 3)
    parents = rng.integers(0, max(1, n // 8), len(family))
    child = drawn[parents].copy()
    for _ in range(10):
        flip = rng.random(len(family)) < 0.6 * rng.random()
        child[flip] ^= np.uint64(1) << rng.integers(0, 64, int(flip.sum())).astype(np.uint64)
    drawn[family] = child
    return drawn


def _few() -> tuple[Any, ...]:
    return (drawn_hashes(PEERS_N),)


def _many() -> tuple[Any, ...]:
    return (drawn_hashes(N),)


def _ours(hashes: Hashes) -> tuple[Any, ...]:
    return hamming_pairs(hashes, DISTANCE, workers=1)


def _numpy(hashes: Hashes) -> tuple[Any, ...]:
    found = []
    for at in range(0, len(hashes), 64):
        apart = np.bitwise_count(hashes[at : at + 64, None] ^ hashes[at:])
        i, j = np.nonzero(apart <= DISTANCE)
        later = j > i
        found.append((i[later] + at, j[later] + at, apart[i[later], j[later]]))
    return tuple(np.concatenate(parts) for parts in zip(*found, strict=True))


_COMPILED: list[Any] = []


def _numba(hashes: Hashes) -> tuple[Any, ...]:
    if not _COMPILED:
        _COMPILED.append(_numba_search())
    i, j, d = _COMPILED[0](hashes, DISTANCE)
    return np.asarray(i[1:]), np.asarray(j[1:]), np.asarray(d[1:])


def _numba_search() -> Any:
    from numba import njit

    @njit
    def search(hashes, distance):  # type: ignore[no-untyped-def]
        left, right, bits = [0], [0], [0]  # a first entry tells numba what is in them
        for i in range(len(hashes)):
            for j in range(i + 1, len(hashes)):
                v = hashes[i] ^ hashes[j]
                v -= (v >> np.uint64(1)) & np.uint64(0x5555555555555555)
                v = (v & np.uint64(0x3333333333333333)) + (
                    (v >> np.uint64(2)) & np.uint64(0x3333333333333333)
                )
                v = (v + (v >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
                d = (v * np.uint64(0x0101010101010101)) >> np.uint64(56)
                if d <= distance:
                    left.append(i)
                    right.append(j)
                    bits.append(int(d))
        return left, right, bits

    return search


def _faiss(hashes: Hashes) -> tuple[Any, ...]:
    import faiss

    faiss.omp_set_num_threads(1)
    index = faiss.IndexBinaryFlat(64)
    rows = hashes.view(np.uint8).reshape(-1, 8)
    index.add(rows)
    # Its radius is exclusive.
    limits, apart, other = index.range_search(rows, DISTANCE + 1)
    i = np.repeat(np.arange(len(hashes)), np.diff(limits.astype(np.int64)))
    later = other > i
    i, j, apart = i[later], other[later], apart[later]
    order = np.lexsort((j, i))
    return i[order], j[order], apart[order]


def _same(ours: Any, theirs: Any) -> None:
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(a, np.asarray(b, a.dtype))


def _clusters(hashes: Hashes) -> NDArray[np.int64]:
    return hamming_clusters(hashes, DISTANCE)


def _both(hashes: Hashes) -> tuple[Any, ...]:
    return hamming_pairs(hashes, DISTANCE)


def _none(ours: Any, theirs: Any) -> None:
    """No peer finishes this one in a minute: tests hold it against all pairs of 50,000."""


ROWS = (
    Row(
        "hamming-pairs-50k",
        "hamming_pairs, 50,000 hashes, distance 8, one thread",
        _few,
        _ours,
        (
            Peer("NumPy, all pairs", ("numpy",), _numpy),
            Peer("numba, all pairs", ("numba",), _numba),
            Peer("faiss IndexBinaryFlat", ("faiss",), _faiss),
        ),
        _same,
    ),
    Row(
        "hamming-pairs-1m",
        "hamming_pairs, 1 M hashes, distance 8, all CPUs",
        _many,
        _both,
        (),
        _none,
        budget={"seconds": 60.0},
    ),
    Row(
        "hamming-clusters-1m",
        "hamming_clusters, 1 M hashes, distance 8, all CPUs",
        _many,
        _clusters,
        (),
        _none,
        budget={"seconds": 60.0},
    ),
)
