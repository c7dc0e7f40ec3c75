"""Hashes that differ in few bits: pairs, clusters, and what a turned picture's hash would be."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._scalars import as_whole
from .stats import as_hashes

__all__ = ["TURNS", "hamming_clusters", "hamming_pairs", "turned_hashes"]

#: Pairs that :func:`hamming_pairs` lists before it refuses: about 2 GB with the search itself.
MOST_PAIRS = 50_000_000

#: The eight ways to lay a picture, beginning with none: turned clockwise, mirrored left to right.
TURNS = (
    *("as it is", "mirrored", "turned by 90", "turned by 180", "turned by 270"),
    *("mirrored and turned by 90", "mirrored and turned by 180", "mirrored and turned by 270"),
)

# Bits of a perceptual hash by the frequency along x (its columns) and along y (its rows).
_ODD_X = np.uint64(0x5555555555555555)
_ODD_Y = np.uint64(0x00FF00FF00FF00FF)


def hamming_pairs(
    hashes: ArrayLike, distance: int, *, max_pairs: int = MOST_PAIRS, workers: int = 0
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.uint8]]:
    """All pairs of 64-bit hashes that differ in at most ``distance`` bits: none is missed.

    Multi-index hashing (Norouzi, Punjani, Fleet, CVPR 2012): the bits are cut into blocks, and
    hashes within the distance are near in at least one of them. How many blocks, and which bits
    go into which, is chosen for the hashes at hand. A million are done in seconds.

    Parameters
    ----------
    hashes : array_like
        (N,) uint64, as :func:`perceptual_hash` gives them.
    distance : int
        Bits that may differ, 0 to 64. A :func:`perceptual_hash` of a picture has 32 bits set,
        so its distances are even.
    max_pairs : int
        More pairs are refused and not listed: a million equal hashes have 500 billion. Take
        :func:`hamming_clusters` then.
    workers : int
        Native threads; 0 means one a CPU. The result does not depend on it.

    Returns
    -------
    i, j : numpy.ndarray
        (P,) int64 rows, ``i < j``, sorted.
    distance : numpy.ndarray
        (P,) uint8, the bits that differ.

    Raises
    ------
    ValueError
        For a distance outside 0 to 64, or where there are more than ``max_pairs``.

    Examples
    --------
    >>> i, j, distance = hamming_pairs([0b1111, 0b1000_0000_0000, 0b0111], 2)
    >>> i.tolist(), j.tolist(), distance.tolist()
    ([0], [2], [1])
    """
    from .._core import hamming_pairs as native

    rows, limit, threads = _arguments(hashes, distance, workers)
    most = as_whole(max_pairs, "max_pairs", "a whole number from 0 on")
    if not 0 <= most < 2**40:
        raise ValueError(f"max_pairs: got {most}, expected 0 to 2**40 - 1")
    found = native(rows, limit, threads, most)
    if found is None:
        raise ValueError(
            f"hashes: more than {most:,} pairs are within {limit} bits of each other; lower the "
            "distance, raise max_pairs, or take hamming_clusters(), which lists no pairs"
        )
    return found


def hamming_clusters(hashes: ArrayLike, distance: int, *, workers: int = 0) -> NDArray[np.int64]:
    """Clusters of 64-bit hashes that are linked by steps of at most ``distance`` bits.

    The components of the graph of :func:`hamming_pairs`, complete, but without listing a pair:
    memory grows with the number of hashes only, however many are alike. Members of one cluster
    may be further apart than the distance, as the ends of a chain are.

    Parameters
    ----------
    hashes, distance, workers
        As for :func:`hamming_pairs`.

    Returns
    -------
    numpy.ndarray
        (N,) int64: the first row of the cluster that each row is in; its own where it is alone.

    Raises
    ------
    ValueError
        For a distance outside 0 to 64.

    Examples
    --------
    >>> hamming_clusters([0b1, 0b111, 0b11111, 255 << 40], 2).tolist()
    [0, 0, 0, 3]
    """
    from .._core import hamming_clusters as native

    return native(*_arguments(hashes, distance, workers))


def _arguments(
    hashes: ArrayLike, distance: int, workers: int
) -> tuple[NDArray[np.uint64], int, int]:
    rows = as_hashes(hashes, "hashes")
    if rows.ndim != 1:
        raise ValueError(f"hashes: got shape {rows.shape}, expected (N,)")
    limit = as_whole(distance, "distance", "a whole number of bits, 0 to 64")
    if not 0 <= limit <= 64:
        raise ValueError(f"distance: got {limit}, expected 0 to 64 bits")
    threads = as_whole(workers, "workers", "a whole number, 0 or more")
    if not 0 <= threads <= 1024:
        raise ValueError(f"workers: got {threads}, expected 0 to 1024")
    return np.ascontiguousarray(rows), limit, threads


def turned_hashes(hashes: NDArray[np.uint64]) -> NDArray[Any]:
    """What the perceptual hashes of pictures would be if they were mirrored or turned.

    Mirroring a picture turns the sign of its odd frequencies, and transposing it swaps those of
    x and y; a bit says on which side of the median, which is near zero, a term lies. So the
    turned hash can be read off the hash, to within a few bits (90 % within 8, measured on
    photographs), and the picture need not be decoded again.

    Parameters
    ----------
    hashes : numpy.ndarray
        (N,) uint64, as :func:`perceptual_hash` gives them.

    Returns
    -------
    numpy.ndarray
        (8, N) uint64, in the order of ``TURNS``; row 0 is ``hashes``.
    """
    bits = np.unpackbits(hashes.astype(">u8").view(np.uint8)).reshape(-1, 8, 8)
    swapped = np.packbits(bits.transpose(0, 2, 1).reshape(-1, 64), axis=1).view(">u8")
    flipped = swapped.ravel().astype(np.uint64)
    both = _ODD_X ^ _ODD_Y
    return np.stack(
        [
            hashes,
            hashes ^ _ODD_X,
            flipped ^ _ODD_X,
            hashes ^ both,
            flipped ^ _ODD_Y,
            flipped ^ both,
            hashes ^ _ODD_Y,
            flipped,
        ]
    )
