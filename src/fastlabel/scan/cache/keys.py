"""What names an image, its state on the disk and its labels: 128-bit hashes, as rows of bytes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ... import _core
from ..arrays import numbers, take_strings, text_bytes
from ..jobs import Jobs

__all__ = ["Keys", "as_binary", "find", "hash_rows", "label_keys", "name_keys", "settled", "unhex"]

#: One key a row: (n, 16) uint8.
Keys = NDArray[np.uint8]

#: A change this long ago shows in the file's times, whatever its file system rounds them to (two
#: seconds on FAT), with room for a server whose clock is a little behind.
_SETTLING_NS = 3_000_000_000

#: Images whose stamps are asked for at a time.
_PIECE = 1 << 16


def hash_rows(*columns: NDArray[Any]) -> Keys:
    """The key of each row of some arrays of equal length, over the bytes of all."""
    n = len(columns[0])
    if n == 0:
        return np.empty((0, 16), np.uint8)
    parts = [np.ascontiguousarray(c).view(np.uint8).reshape(n, -1) for c in columns]
    rows = np.concatenate(parts, axis=1)
    return _core.hash_slices(rows, np.arange(n + 1, dtype=np.int64) * rows.shape[1])


def _hash_texts(texts: pa.StringArray) -> Keys:
    """The key of each text; that of the empty text for a null."""
    offsets, data = text_bytes(texts)
    return _core.hash_slices(data, offsets)


def name_keys(jobs: Jobs) -> tuple[Keys, NDArray[np.bool_]]:
    """Key of each image's name in its source, and whether it has one."""
    names = jobs.source.names()
    every = len(names) == len(jobs) and (jobs.rows == np.arange(len(jobs))).all()
    mine = names if every else take_strings(names, jobs.rows)
    return _hash_texts(mine), np.asarray(mine.is_valid().to_numpy(zero_copy_only=False), bool)


def label_keys(jobs: Jobs) -> Keys:
    """Key of what box statistics depend on beside the content; zero for an image without boxes."""
    n = len(jobs)
    boxes = np.ascontiguousarray(jobs.boxes, np.float64)
    of_boxes = _core.hash_slices(boxes.view(np.uint8).reshape(-1), jobs.offsets * 32)
    keys = hash_rows(of_boxes, jobs.declared, jobs.turned) if n else of_boxes
    keys[np.diff(jobs.offsets) == 0] = 0
    return keys


def stamp_keys(
    jobs: Jobs, at: NDArray[np.int64]
) -> tuple[Keys, NDArray[np.int64], pa.ChunkedArray]:
    """Key of the stamp of each image, its size (-1: not known), and the version itself.

    An image whose version is not known has a key of zeros.
    """
    keys = np.zeros((len(at), 16), np.uint8)
    sizes = np.full(len(at), -1, np.int64)
    versions: list[pa.StringArray] = []
    for low in range(0, len(at), _PIECE):
        piece = at[low : low + _PIECE]
        rows = np.where(jobs.escaped[piece], -1, jobs.rows[piece])
        there = np.flatnonzero(rows >= 0)
        stamps = jobs.source.stamps(rows[there])
        size = np.asarray(stamps.field("size").fill_null(-1).to_numpy(), np.int64)
        version = stamps.field("version")
        key = hash_rows(_hash_texts(version), size)
        key[~np.asarray(version.is_valid().to_numpy(zero_copy_only=False), bool)] = 0
        keys[low + there] = key
        sizes[low + there] = size
        places = np.full(len(rows), -1, np.int64)
        places[there] = np.arange(len(there))
        versions.append(take_strings(version, places))
    return keys, sizes, pa.chunked_array(versions, pa.string())


def settled(versions: pa.ChunkedArray, now_ns: int) -> NDArray[np.bool_]:
    """Whether a later change would have to show in the stamp.

    A file that was written in the same tick of its file system's clock as it was looked at
    may be written once more in that tick, and its times will not tell. Versions in which
    there are times in nanoseconds are judged by the first two; others always tell.
    """
    result = np.ones(len(versions), bool)
    times = pc.extract_regex(versions, r"(?:^|\D)(?P<a>\d{17,19})(?:\.(?P<b>\d{17,19}))?(?:\D|$)")
    for name in ("a", "b"):
        text = pc.struct_field(times, name)
        text = pc.if_else(pc.equal(text, ""), pa.scalar(None, pa.string()), text)
        when = text.cast(pa.int64()).fill_null(0).to_numpy()
        result &= when < now_ns - _SETTLING_NS
    return result


def as_binary(keys: Keys) -> pa.Array:
    """Keys as an Arrow column."""
    data = np.ascontiguousarray(keys)
    return pa.Array.from_buffers(pa.binary(16), len(data), [None, pa.py_buffer(data)])


def from_binary(column: pa.ChunkedArray) -> Keys:
    """A copy of a column of keys."""
    pieces = [
        np.frombuffer(c.buffers()[1], np.uint8, 16 * len(c), 16 * c.offset).reshape(-1, 16)
        for c in column.chunks
        if len(c)
    ]
    return np.concatenate(pieces) if pieces else np.empty((0, 16), np.uint8)


#: Value of each hexadecimal digit.
_DIGIT = np.zeros(256, np.uint8)
_DIGIT[np.frombuffer(b"0123456789abcdef", np.uint8)] = np.arange(16)


def unhex(digits: NDArray[np.uint8]) -> Keys:
    """Rows of 32 hexadecimal digits as rows of 16 bytes."""
    values: Keys = _DIGIT[digits]
    return np.bitwise_or(np.left_shift(values[:, ::2], 4), values[:, 1::2])


def find(wanted: Keys, among: Keys) -> NDArray[np.int64]:
    """Place of the first equal key, or -1."""
    if len(wanted) == 0 or len(among) == 0:
        return np.full(len(wanted), -1, np.int64)
    half = [np.ascontiguousarray(keys[:, :8]).view(np.uint64).ravel() for keys in (wanted, among)]
    found = pc.index_in(numbers(half[0]), value_set=numbers(half[1])).fill_null(-1)
    at = np.asarray(found.to_numpy(), np.int64)
    # Half a key finds the place; the whole must agree.
    at[(at >= 0) & (among[at] != wanted).any(axis=1)] = -1
    return at
