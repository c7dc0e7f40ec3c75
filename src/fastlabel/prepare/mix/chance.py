"""Chance that is the same on every machine: a hash of whole numbers, no generator with a state."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["hashed", "ordered"]

Words = npt.NDArray[np.uint64]

_STEP, _MIX1, _MIX2 = 0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB
_WORD = 2**64 - 1


def _finished(value: int) -> int:
    value = ((value ^ (value >> 30)) * _MIX1) & _WORD
    value = ((value ^ (value >> 27)) * _MIX2) & _WORD
    return value ^ (value >> 31)


def hashed(n: int, *key: int) -> Words:
    """Give n 64-bit numbers of a key.

    Number i is output i of SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom
    number generators", OOPSLA 2014) from a state that is a hash of the key.

    Parameters
    ----------
    n : int
    key : int
        Whole numbers from 0 to 2^64 - 1: seed, epoch, purpose.

    Examples
    --------
    >>> hashed(2, 0, 1).tolist()
    [10705738211186751225, 3032427185751592386]
    """
    state = 0
    for part in key:
        state = _finished((state + (part & _WORD) + _STEP) & _WORD)
    out = np.arange(1, n + 1, dtype=np.uint64)
    out *= np.uint64(_STEP)
    out += np.uint64(state)
    for shift, factor in ((30, _MIX1), (27, _MIX2)):
        out ^= out >> np.uint64(shift)
        out *= np.uint64(factor)
    out ^= out >> np.uint64(31)
    return out


def ordered(keys: Words) -> npt.NDArray[np.int64]:
    """Places of keys in rising order, by their upper half; equal ones in the order they have.

    At most 2^32 keys. The places are sorted with the keys as one whole number, so the order is
    that of no particular sorting method.
    """
    n = len(keys)
    whole = (keys & np.uint64(0xFFFFFFFF00000000)) | np.arange(n, dtype=np.uint64)
    whole.sort()
    return (whole & np.uint64(0xFFFFFFFF)).astype(np.int64)
