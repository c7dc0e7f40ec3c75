"""Stamps: what tells, without reading an image, that it has changed."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ..arrays import numbers, strings

__all__ = ["STAMP", "stamp_array"]

#: One stamp: the size in bytes, and a version that another content never shares (mtime_ns,
#: an ETag, a checksum with the archive's own stamp). Null: not known.
STAMP = pa.struct([("size", pa.int64()), ("version", pa.string())])


def stamp_array(sizes: NDArray[np.int64], versions: list[str | None]) -> pa.StructArray:
    """Sizes (-1: unknown) and versions as an array of :data:`STAMP`."""
    children = [numbers(sizes, sizes < 0), strings(versions)]
    return pa.StructArray.from_arrays(children, fields=list(STAMP))
