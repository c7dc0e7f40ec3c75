"""Pixel statistics of 8-bit luma planes, by the native engine."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["content_hash", "laplacian_variance"]


def laplacian_variance(img: NDArray[np.uint8]) -> float:
    """Variance of the 4-neighbour Laplacian of a luma plane, the usual measure of blur.

    Equal to ``cv2.Laplacian(img, cv2.CV_64F).var()``: kernel ``[0 1 0; 1 -4 1; 0 1 0]``,
    borders mirrored without repeating the edge pixel. Integer sums, so the result does not
    depend on the machine.

    Parameters
    ----------
    img : numpy.ndarray
        (height, width) uint8; rows may be strided, pixels of a row contiguous.

    Returns
    -------
    float
        In squared grey levels. Noise of standard deviation s alone gives 20 s^2.

    Raises
    ------
    TypeError
        For another dtype.
    ValueError
        For another shape, an empty plane, or rows that are not contiguous.

    Examples
    --------
    >>> import numpy as np
    >>> laplacian_variance(np.full((8, 8), 7, np.uint8))
    0.0
    """
    from .._core import laplacian_variance as native

    if not isinstance(img, np.ndarray) or img.dtype != np.uint8:
        got = img.dtype if isinstance(img, np.ndarray) else type(img).__name__
        raise TypeError(f"img: got {got}, expected a NumPy array of uint8")
    if img.ndim != 2:
        raise ValueError(
            f"img: got shape {img.shape}, expected (height, width); "
            "convert colour with cv2.cvtColor(img, cv2.COLOR_BGR2GRAY) first"
        )
    return float(native(img))


def content_hash(data: bytes | bytearray | memoryview | NDArray[Any]) -> str:
    """128-bit hash of bytes, as 32 hex digits; equal for equal files.

    XXH3 (Y. Collet, xxHash 0.8) with 128 bits and seed 0: made to tell files apart, not to
    withstand an adversary.

    Parameters
    ----------
    data : bytes-like
        Contiguous bytes.

    Returns
    -------
    str

    Examples
    --------
    >>> content_hash(b"hello")
    'b5e9c1ad071b3e7fc779cfaa5e523818'
    """
    from .._core import content_hash as native

    return bytes(native(data)).hex()
