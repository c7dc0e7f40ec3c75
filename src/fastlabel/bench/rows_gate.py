"""Rows of the benchmark table: the frame gate."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import numpy as np

from .row import Peer, Row
from .rows_pixels import smooth

__all__ = ["ROWS"]

_HEIGHT, _WIDTH = 1080, 1920
_NAMES = ("laplacian_variance", "noise_sigma", "luma_mean", "dark_fraction", "bright_fraction")


def _make() -> tuple[Any, ...]:
    from ..gate import FrameGate

    return smooth((_HEIGHT, _WIDTH), 2), FrameGate(_WIDTH, _HEIGHT)


def _gate(frame: Any, gate: Any) -> Any:
    found = gate(frame)
    return np.array([getattr(found, name) for name in _NAMES])


def _scan(frame: Any, gate: Any) -> Any:
    """What the scan measures, hash and smaller levels included."""
    from ..pixels import image_stats

    stats = image_stats(frame)
    return np.array([float(stats[name]) for name in _NAMES])


def _opencv(frame: Any, gate: Any) -> Any:
    """The same measures by OpenCV but for the noise; and the grid."""
    cv2: Any = import_module("cv2")

    laplacian = cv2.Laplacian(frame, cv2.CV_16S)
    mean = cv2.sumElems(laplacian)[0] / laplacian.size
    variance = cv2.norm(laplacian, cv2.NORM_L2SQR) / laplacian.size - mean * mean
    cv2.norm(cv2.Sobel(frame, cv2.CV_16S, 1, 0, ksize=1), cv2.NORM_L2SQR)
    cv2.norm(cv2.Sobel(frame, cv2.CV_16S, 0, 1, ksize=1), cv2.NORM_L2SQR)
    cv2.resize(frame, (16, 12), interpolation=cv2.INTER_AREA)
    counts = cv2.calcHist([frame], [0], None, [256], [0, 256]).ravel()
    shares = counts[:32].sum() / frame.size, counts[224:].sum() / frame.size
    return np.array([variance, np.nan, cv2.mean(frame)[0], *shares])


def _equal(ours: Any, theirs: Any) -> None:
    np.testing.assert_array_equal(ours, theirs)


def _close(ours: Any, theirs: Any) -> None:
    known = ~np.isnan(theirs)
    np.testing.assert_allclose(ours[known], theirs[known], rtol=1e-6)


ROWS = (
    Row(
        "frame-gate",
        "frame gate, 1920 x 1080",
        _make,
        _gate,
        (
            Peer("image_stats of the scan", (), _scan, promised=1 / 1.2),
            Peer("OpenCV, step by step", ("cv2",), _opencv),
        ),
        lambda ours, theirs: (_close if np.isnan(theirs).any() else _equal)(ours, theirs),
        bytes_moved=lambda frame, gate: int(frame.nbytes),
    ),
)
