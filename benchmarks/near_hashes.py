"""Near hashes of whole sets: time, memory, and the truth of 50,000 by brute force.

python benchmarks/near_hashes.py [N]
"""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

import fastlabel as fl
from fastlabel.bench.rows_hashes import drawn_hashes

Hashes = NDArray[np.uint64]
TRUTH = 50_000


def random_hashes(n: int) -> Hashes:
    """Draw even bits: nothing is near but what chance makes so."""
    return np.random.default_rng(1).integers(0, 2**64, n, np.uint64)


def film(n: int) -> Hashes:
    """Draw scenes of a thousand frames, each frame a few bits from the one before."""
    rng = np.random.default_rng(2)
    scenes = rng.integers(0, 2**64, -(-n // 1000), np.uint64)
    out = np.repeat(scenes, 1000)[:n].copy()
    for _ in range(4):
        flip = rng.random(n) < 0.5
        out[flip] ^= np.uint64(1) << rng.integers(0, 24, int(flip.sum())).astype(np.uint64)
    return out


def equal(n: int) -> Hashes:
    """All are one."""
    return np.full(n, 0x1234, np.uint64)


def ball(n: int) -> Hashes:
    """All that 20 bits can say: each has hundreds of thousands of neighbours."""
    return np.arange(n, dtype=np.uint64)


def brute_force(hashes: Hashes, distance: int) -> NDArray[np.int64]:
    """All pairs, by XOR and popcount of all with all."""
    found = []
    for at in range(0, len(hashes), 64):
        apart = np.bitwise_count(hashes[at : at + 64, None] ^ hashes[at:])
        i, j = np.nonzero(apart <= distance)
        later = j > i
        found.append(np.stack([i[later] + at, j[later] + at, apart[i[later], j[later]]]))
    return np.concatenate(found, axis=1)


def _timed(run: Callable[[], object]) -> tuple[float, object]:
    start = time.perf_counter()
    result = run()
    return time.perf_counter() - start, result


def main() -> None:
    """Print a line for each set."""
    n = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    for name, draw in (("random", random_hashes), ("photographs", drawn_hashes), ("film", film)):
        hashes = draw(TRUTH)
        same = all(
            np.array_equal(np.stack(fl.hamming_pairs(hashes, d)), brute_force(hashes, d))
            for d in (4, 8)
        )
        print(f"{name:<12} {TRUTH:,}, distance 4 and 8: as brute force: {same}")
    for name, draw in (
        ("random", random_hashes),
        ("photographs", drawn_hashes),
        ("film", film),
        ("equal", equal),
        ("ball", ball),
    ):
        hashes = draw(n)
        try:
            seconds, pairs = _timed(lambda h=hashes: fl.hamming_pairs(h, 8))
            listed = f"{len(pairs[0]):>10,} pairs in {seconds:6.2f} s"
        except ValueError:
            listed = "over 50 M pairs: refused   "
        seconds, labels = _timed(lambda h=hashes: fl.hamming_clusters(h, 8))
        clusters = len(np.unique(labels))
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        print(
            f"{name:<12} {n:,}, distance 8: {listed}; {clusters:>9,} clusters in "
            f"{seconds:6.2f} s; peak so far {peak:,} MB",
            flush=True,
        )


if __name__ == "__main__":
    main()
