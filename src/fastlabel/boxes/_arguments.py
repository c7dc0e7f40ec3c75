"""What comes with boxes: scores, classes, thresholds."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from .._arrays import as_real, to_numpy
from .._scalars import as_number

Floats: TypeAlias = NDArray[np.float64]
Integers: TypeAlias = NDArray[np.int64]


def as_scores(value: Any, name: str, rows: int) -> Floats:
    """(rows,) float64, contiguous, none NaN."""
    array = as_real(value, name)
    if array.shape != (rows,):
        raise ValueError(f"{name}: got shape {array.shape}, expected ({rows},), one a box")
    scores = np.ascontiguousarray(array, np.float64)
    unranked = np.isnan(scores)
    if unranked.any():
        raise ValueError(f"{name}: entry {int(unranked.argmax())} is NaN, which has no rank")
    return scores


def as_scores_from_zero(value: Any, name: str, rows: int) -> Floats:
    """As `as_scores`, finite and none below 0."""
    scores = as_scores(value, name, rows)
    fine = (scores >= 0) & np.isfinite(scores)
    if not fine.all():
        at = int(fine.argmin())
        raise ValueError(f"{name}[{at}]: got {scores[at]}, expected a finite score, 0 or more")
    return scores


def as_classes(value: Any, name: str, rows: int) -> Integers:
    """(rows,) int64, contiguous."""
    array = to_numpy(value, name)
    if array.size == 0 and rows == 0:
        return np.zeros(0, np.int64)
    if array.dtype.kind not in "iu":
        raise TypeError(f"{name}: got dtype {array.dtype}, expected integers")
    if array.shape != (rows,):
        raise ValueError(f"{name}: got shape {array.shape}, expected ({rows},), one a box")
    if array.dtype == np.uint64 and int(array.max()) > np.iinfo(np.int64).max:
        raise ValueError(f"{name}: got {int(array.max())}, expected numbers below 2^63")
    return np.ascontiguousarray(array, np.int64)


def as_flags(value: Any, name: str, rows: int) -> NDArray[np.uint8]:
    """(rows,) uint8 of 0 and 1, contiguous; None is all 0."""
    if value is None:
        return np.zeros(rows, np.uint8)
    array = to_numpy(value, name)
    if array.size and array.dtype.kind not in "biu":
        raise TypeError(f"{name}: got dtype {array.dtype}, expected booleans")
    if array.shape != (rows,):
        raise ValueError(f"{name}: got shape {array.shape}, expected ({rows},), one a box")
    return np.ascontiguousarray(array != 0, np.uint8)


def as_rate(value: Any, name: str) -> float:
    """A number from 0 to 1."""
    rate = as_number(value, name, "a number from 0 to 1")
    if not 0 <= rate <= 1:
        raise ValueError(f"{name}: got {rate}, expected a number from 0 to 1")
    return rate
