"""What tells a change: stamps of 20,000 files, and the hashes of 200,000 short pieces of memory."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from functools import cache
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import _core
from .row import Peer, Row

__all__ = ["ROWS"]

FILES = 20_000
PIECES = 200_000

Offsets = NDArray[np.int64]


@cache
def _files() -> tuple[str, list[bytes]]:
    folder = tempfile.mkdtemp(prefix="fastlabel-bench-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    names = [f"{k:06d}.jpg".encode() for k in range(FILES)]
    for name in names:
        Path(folder, name.decode()).touch()
    return folder, names


def _inputs() -> tuple[Any, ...]:
    folder, names = _files()
    offsets = np.cumsum([0, *map(len, names)], dtype=np.int64)
    return folder, names, b"".join(names), offsets


def _stamps(folder: str, names: list[bytes], data: bytes, offsets: Offsets) -> Any:
    return _core.stat_files(os.fsencode(folder), data, offsets, 1)


def _os_stat(folder: str, names: list[bytes], data: bytes, offsets: Offsets) -> Any:
    where = os.open(folder, os.O_RDONLY)
    try:
        return [os.stat(name, dir_fd=where) for name in names]
    finally:
        os.close(where)


def _scandir(folder: str, names: list[bytes], data: bytes, offsets: Offsets) -> Any:
    with os.scandir(os.fsencode(folder)) as entries:
        found = {entry.name: entry.stat() for entry in entries}
    return [found[name] for name in names]


def _same_stamps(ours: Any, theirs: Any) -> None:
    expected = [(info.st_size, info.st_mtime_ns, info.st_ctime_ns) for info in theirs]
    assert ours.tolist() == expected


def _memory() -> tuple[Any, ...]:
    """Pieces as long as file names and rows of labels are."""
    rng = np.random.default_rng(0)
    offsets = np.concatenate([[0], np.cumsum(rng.integers(8, 90, PIECES))]).astype(np.int64)
    return rng.bytes(int(offsets[-1])), offsets


def _hashes(data: bytes, offsets: Offsets) -> Any:
    return _core.hash_slices(data, offsets)


def _xxhash(data: bytes, offsets: Offsets) -> Any:
    xxhash: Any = import_module("xxhash")
    pieces = pairwise(offsets.tolist())
    found = b"".join([xxhash.xxh3_128_digest(data[low:high]) for low, high in pieces])
    return np.frombuffer(found, np.uint8).reshape(-1, 16)


def _same(ours: Any, theirs: Any) -> None:
    np.testing.assert_array_equal(ours, theirs)


ROWS = (
    Row(
        "file-stamps-20k",
        "size and times of 20,000 files, one thread",
        _inputs,
        _stamps,
        (
            Peer("os.stat, one by one", (), _os_stat),
            Peer("os.scandir and stat", (), _scandir),
        ),
        _same_stamps,
    ),
    Row(
        "hash-slices-200k",
        "content hashes of 200,000 pieces of 8 to 89 bytes",
        _memory,
        _hashes,
        (Peer("xxhash.xxh3_128, one by one", ("xxhash",), _xxhash),),
        _same,
    ),
)
