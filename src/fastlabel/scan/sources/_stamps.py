"""Stamps: what tells, without reading an image, that it has changed."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ... import _core
from ..arrays import bits, joined, numbers, strings, text_bytes

__all__ = ["STAMP", "file_stamps", "stamp_array"]

#: One stamp: the size in bytes, and a version that another content never shares (mtime_ns,
#: an ETag, a checksum with the archive's own stamp). Null: not known.
STAMP = pa.struct([("size", pa.int64()), ("version", pa.string())])


def stamp_array(sizes: NDArray[np.int64], versions: list[str | None]) -> pa.StructArray:
    """Sizes (-1: unknown) and versions as an array of :data:`STAMP`."""
    children = [numbers(sizes, sizes < 0), strings(versions)]
    return pa.StructArray.from_arrays(children, fields=list(STAMP))


def file_stamps(folder: bytes | None, names: pa.StringArray | list[bytes]) -> pa.StructArray:
    """Stamps of local files: ``mtime.ctime`` in nanoseconds, null where there is no file.

    The system alone sets the ctime: with it a file shows its change also when its mtime was set
    back, and when two files of one size and age have changed places.
    """
    offsets, data = joined(names) if isinstance(names, list) else text_bytes(names)
    found = _core.stat_files(folder, data, offsets)
    there = bits(found["size"] >= 0)
    times = [numbers(found[name]).cast(pa.string()) for name in ("mtime_ns", "ctime_ns")]
    versions = pc.if_else(
        there, pc.binary_join_element_wise(*times, "."), pa.scalar(None, pa.string())
    )
    sizes = numbers(found["size"], found["size"] < 0)
    return pa.StructArray.from_arrays([sizes, versions], fields=list(STAMP))
