"""Embeddings of the users' own, in few dimensions."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["DIMENSIONS", "projected"]

Floats = npt.NDArray[np.float64]

#: Principal components that are compared.
DIMENSIONS = 8
#: Rows of one matrix product.
BLOCK = 8192


def projected(
    images: Any, frames: Any, rows: int, reference_rows: int, seen: npt.NDArray[np.bool_]
) -> tuple[Floats, Floats, Floats]:
    """Principal components of both sides together, each side counting the same.

    Parameters
    ----------
    images, frames : array_like
        (rows, D), (reference_rows, D). Rows that are not finite or all zeros are unknown.
    rows, reference_rows : int
        How many there have to be.
    seen : numpy.ndarray
        (reference_rows,) frames that count.

    Returns
    -------
    images, frames : numpy.ndarray
        (rows, k), (reference_rows, k) float64, k at most :data:`DIMENSIONS`.
    units : numpy.ndarray
        (k,) the same for all: the frames' own spread, and at least a quarter of the widest of
        both sides.

    Raises
    ------
    TypeError, ValueError
        If they are not numbers, one row each, of one length.
    """
    a = _directions(images, rows, "embeddings")
    b = _directions(frames, reference_rows, "reference_embeddings")
    if a.shape[1] != b.shape[1]:
        raise ValueError(
            f"reference_embeddings: got {b.shape[1]} numbers a row, expected {a.shape[1]}, as in "
            "embeddings: use one model for both"
        )
    known = [np.isfinite(side[:, 0]) for side in (a, b)]
    known[1] &= seen
    if not known[0].any() or not known[1].any():
        raise ValueError("embeddings: no row of one of the sides has a direction")
    means = [side[k].mean(axis=0) for side, k in zip((a, b), known, strict=True)]
    middle = (means[0] + means[1]) / 2
    spread = np.zeros((a.shape[1], a.shape[1]))
    for side, k in zip((a, b), known, strict=True):
        at = np.flatnonzero(k)
        for start in range(0, len(at), BLOCK):
            some = side[at[start : start + BLOCK]] - middle
            spread += some.T @ some / (2 * len(at))
    values, vectors = np.linalg.eigh(spread)
    axes = vectors[:, ::-1][:, :DIMENSIONS]
    both = np.sqrt(np.maximum(values[::-1][:DIMENSIONS], 0))
    useful = both > 1e-9
    if not useful.any():
        useful[0] = True
    axes, both = axes[:, useful], both[useful]
    left, right = (a - middle) @ axes, (b - middle) @ axes
    # Directions are as they come: one unit for all of them.
    own = np.sqrt((right[known[1]].std(axis=0) ** 2).mean()) if known[1].sum() > 1 else 0.0
    return left, right, np.full(len(both), max(float(own), float(both[0]) / 4, 1e-9))


def _directions(value: Any, rows: int, name: str) -> Floats:
    array = np.asarray(value)
    if array.dtype.kind not in "fiu":
        raise TypeError(f"{name}: got dtype {array.dtype}, expected numbers")
    if array.ndim != 2 or len(array) != rows or not array.shape[1]:
        raise ValueError(
            f"{name}: got shape {array.shape}, expected one row for each of {rows:,} pictures"
        )
    out = array.astype(np.float64)
    largest = np.abs(out).max(axis=1, keepdims=True)
    bad = ~(np.isfinite(largest[:, 0]) & (largest[:, 0] > 0))
    out[~bad] /= largest[~bad]
    out[~bad] /= np.sqrt((out[~bad] ** 2).sum(axis=1, keepdims=True))
    out[bad] = np.nan
    return out
