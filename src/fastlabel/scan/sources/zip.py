"""Zip archives: stored members read where they lie, deflated ones inflated within limits."""

from __future__ import annotations

import os
import stat
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ...dataset import DatasetError
from ...source import MOST_BYTES, Lost, SourceProblem, Span
from ..arrays import strings
from ._members import Archives, Listing, Shard, members_of
from ._stamps import stamp_array

__all__ = ["ZipSource"]

# Records by their names in PKWARE's APPNOTE 6.3.10.
_END = struct.Struct("<4s4H2LH")
_LOCATOR = struct.Struct("<4sLQL")
_END64 = struct.Struct("<4sQ2H2L4Q")
_CENTRAL = struct.Struct("<4s6H3L5H2L")
_LOCAL = struct.Struct("<4s5H3L2H")
_STORED, _DEFLATED = 0, 8
_ENCRYPTED, _UTF8 = 0x1, 0x800
_UNIX = 3

_METHODS = {9: "deflate64", 12: "bzip2", 14: "LZMA", 93: "Zstandard", 95: "XZ", 99: "AES"}
_FIELDS = ("offset", "packed", "size", "crc", "method", "flags", "mode")


class ZipSource(Archives):
    """Pictures in zip archives, in the order of their central directories.

    A stored member is a span that the native workers read. A deflated one is inflated here,
    into no more bytes than its header declares and the limit allows. Encrypted members,
    links, members that overlap each other and members of other methods are rows that say so.

    Parameters
    ----------
    paths : sequence of path-like
        The archives.

    Raises
    ------
    DatasetError
        If one is not there or is no zip archive.
    """

    kind = "zip"

    @property
    def slow(self) -> bool:  # type: ignore[override]
        """Whether there is something to inflate."""
        return bool((self._columns["method"] == _DEFLATED).any())

    def _list(self, path: Path, label: str) -> tuple[Shard, Listing]:
        try:
            with path.open("rb") as file:
                info = os.fstat(file.fileno())
                if not stat.S_ISREG(info.st_mode):
                    raise DatasetError(f"{path}: not a regular file")
                directory, before, declared = _directory(file, info.st_size, path)
        except OSError as error:
            raise DatasetError(f"{path}: cannot be read: {error.strerror or error}") from error
        texts, table, complete = _entries(directory, before)
        names, rows, lost = members_of(texts)
        columns = {name: table[name][rows] for name in _FIELDS}
        _name_losses(columns, lost, _overlapping(table, info.st_size)[rows])
        problems = [
            SourceProblem(
                "path-escape",
                f"the member {names[row].as_py()!r} of {label} has a name that leads outside, and "
                "is not read: pack it under a relative name",
                label,
                names[row].as_py(),
                row,
            )
            for row, why in lost.items()
            if why.status == "escaped"
        ]
        if not complete or len(texts) != declared:
            problems.append(
                SourceProblem(
                    "malformed-file",
                    f"{label} declares {declared:,} members and its directory has {len(texts):,}: "
                    "copy it again",
                    label,
                )
            )
        folders = np.count_nonzero(table["folder"])
        listing = Listing(names, columns, lost, problems, len(texts) - len(rows) - int(folders))
        return Shard(os.fsencode(path), label, (info.st_size, info.st_mtime_ns)), listing

    def stamps(self, rows: NDArray[np.int64]) -> pa.StructArray:
        """Size and CRC-32 of each member, as the archive has them."""
        versions: list[str | None] = [f"crc:{c:08x}" for c in self._columns["crc"][rows].tolist()]
        return stamp_array(self._columns["size"][rows].astype(np.int64), versions)

    def fetch(self, rows: NDArray[np.int64], most: int = MOST_BYTES) -> list[bytes | Span | Lost]:
        """Stored members as spans, deflated ones as bytes."""
        found: list[bytes | Span | Lost] = []
        open_shard, fd = -1, -1
        try:
            for row, shard in zip(rows.tolist(), self._shard_of[rows].tolist(), strict=True):
                if row in self._lost:
                    found.append(self._lost[row])
                    continue
                if shard != open_shard:
                    if fd >= 0:
                        os.close(fd)
                    fd, open_shard = -1, shard
                    try:
                        fd = os.open(self._shards[shard].path, os.O_RDONLY | os.O_CLOEXEC)
                    except OSError as error:
                        found.append(Lost("unreadable", error.strerror or str(error)))
                        open_shard = -1
                        continue
                found.append(self._member(row, self._shards[shard], fd, most))
        finally:
            if fd >= 0:
                os.close(fd)
        return found

    def _member(self, row: int, shard: Shard, fd: int, most: int) -> bytes | Span | Lost:
        info = os.fstat(fd)
        if (info.st_size, info.st_mtime_ns) != shard.stamp:
            return Lost("unreadable", "the file has changed since it was listed: run it again")
        columns = self._columns
        size, packed, at = (int(columns[name][row]) for name in ("size", "packed", "offset"))
        if size > most:
            return Lost("over_limit", f"{size} bytes, the limit is {most}")
        try:
            head = os.pread(fd, _LOCAL.size, at)
            if len(head) < _LOCAL.size:
                return Lost("truncated", "the archive ends before this member")
            signature, *_, name_length, extra_length = _LOCAL.unpack(head)
            if signature != b"PK\3\4":
                return Lost("unreadable", "the archive's directory leads to no member here")
            data_at = at + _LOCAL.size + name_length + extra_length
            if columns["method"][row] == _STORED:
                return Span(shard.path, data_at, size, shard.stamp)
            data = os.pread(fd, packed, data_at)
        except OSError as error:
            return Lost("unreadable", error.strerror or str(error))
        return _inflated(data, packed, size, int(columns["crc"][row]))


def _inflated(data: bytes, packed: int, size: int, crc: int) -> bytes | Lost:
    """The content, of exactly the size declared and with the checksum declared."""
    if len(data) < packed:
        return Lost("truncated", "the archive ends inside this member")
    unpacker = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        content = unpacker.decompress(data, size + 1)
    except zlib.error as error:
        return Lost("unreadable", f"the deflated member is damaged: {error}")
    if len(content) > size:
        return Lost("over_limit", f"inflates to more than the {size} bytes that it declares")
    if len(content) < size:
        return Lost("unreadable", f"inflates to {len(content)} of the {size} bytes it declares")
    if zlib.crc32(content) != crc:
        return Lost("unreadable", "the content does not fit its checksum: copy the archive again")
    return content


# --- the directory ------------------------------------------------------------------------


def _directory(file: Any, total: int, path: Path) -> tuple[bytes, int, int]:
    """The central directory, the bytes before the archive proper, and the number of members."""
    tail_at = max(total - _END.size - 0xFFFF, 0)
    file.seek(tail_at)
    tail = file.read(total - tail_at)
    at = tail.rfind(b"PK\5\6")
    if at < 0 or len(tail) - at < _END.size:
        raise DatasetError(
            f"{path}: no zip archive, or its end with the directory is cut off; copy it again"
        )
    _, disk, first_disk, _, count, size, offset, _ = _END.unpack_from(tail, at)
    end = tail_at + at
    file.seek(max(end - _LOCATOR.size, 0))
    locator = file.read(_LOCATOR.size) if end >= _LOCATOR.size else b""
    if locator[:4] == b"PK\6\7":
        _, _, at64, _ = _LOCATOR.unpack(locator)
        # Where something stands before the archive, the record is nearer than it says.
        for place in (at64, end - _LOCATOR.size - _END64.size):
            if not 0 <= place <= total - _END64.size:
                continue
            file.seek(place)
            record = file.read(_END64.size)
            if record[:4] == b"PK\6\6":
                _, _, _, _, disk, first_disk, _, count, size, offset = _END64.unpack(record)
                end = place
                break
    if disk != first_disk or disk not in (0, 0xFFFF):
        raise DatasetError(f"{path}: one part of a split zip archive; join the parts first")
    before = end - size - offset
    if before < 0 or size > total:
        raise DatasetError(
            f"{path}: its directory of {size:,} bytes at {offset:,} does not fit into the file of "
            f"{total:,}; copy it again"
        )
    file.seek(end - size)
    return file.read(size), before, count


def _entries(directory: bytes, before: int) -> tuple[pa.StringArray, dict[str, Any], bool]:
    """Names and fields of all members, and whether the directory could be read to its end."""
    names: list[str] = []
    records: list[tuple[int, ...]] = []
    at, end = 0, len(directory)
    unpack, step = _CENTRAL.unpack_from, _CENTRAL.size
    while at + step <= end:
        (
            signature, made_by, _, flags, method, _, _, crc, packed, size,
            name_length, extra_length, comment_length, _, _, attributes, offset,
        ) = unpack(directory, at)  # fmt: skip
        name_at = at + step
        extra_at = name_at + name_length
        at = extra_at + extra_length + comment_length
        if signature != b"PK\1\2" or at > end:
            return strings(names), _table(records), False
        name = directory[name_at:extra_at]
        names.append(name.decode("utf-8" if flags & _UTF8 else "cp437", "replace"))
        if 0xFFFFFFFF in (packed, size, offset):
            extra = directory[extra_at : extra_at + extra_length]
            size, packed, offset = _sizes64(extra, size, packed, offset)
        mode = attributes >> 16 if made_by >> 8 == _UNIX else 0
        folder = name.endswith(b"/")
        records.append((offset + before, packed, size, crc, method, flags, mode, folder))
    return strings(names), _table(records), at == end


def _table(records: list[tuple[int, ...]]) -> dict[str, NDArray[Any]]:
    table = np.array(records, np.uint64).reshape(-1, len(_FIELDS) + 1).T
    return {name: np.ascontiguousarray(table[k]) for k, name in enumerate((*_FIELDS, "folder"))}


def _sizes64(extra: bytes, size: int, packed: int, offset: int) -> tuple[int, int, int]:
    """The three fields with what a Zip64 record says where they are full."""
    at = 0
    values = [size, packed, offset]
    while at + 4 <= len(extra):
        kind, length = struct.unpack_from("<2H", extra, at)
        at += 4
        if kind == 1:
            place = at
            for k, value in enumerate(values):
                if value == 0xFFFFFFFF and place + 8 <= min(at + length, len(extra)):
                    values[k] = struct.unpack_from("<Q", extra, place)[0]
                    place += 8
            break
        at += length
    return values[0], values[1], values[2]


def _overlapping(table: dict[str, NDArray[Any]], total: int) -> NDArray[np.bool_]:
    """Members whose bytes are another's too: how a small archive unpacks to a huge one."""
    bad = np.zeros(len(table["offset"]), np.bool_)
    first = np.minimum(table["offset"], np.uint64(total)).astype(np.int64)
    last = first + _LOCAL.size + np.minimum(table["packed"], np.uint64(total)).astype(np.int64)
    order = np.lexsort((last, first))
    reach = np.maximum.accumulate(last[order])
    over = np.flatnonzero(first[order][1:] < reach[:-1])
    bad[order[over + 1]] = True
    bad[order[over]] |= last[order[over]] > first[order[over + 1]]
    return bad


def _name_losses(
    columns: dict[str, NDArray[Any]], lost: dict[int, Lost], overlaps: NDArray[np.bool_]
) -> None:
    """Add the members that cannot be read at all."""
    methods, flags, modes = (columns[name].astype(np.int64) for name in ("method", "flags", "mode"))
    for row in np.flatnonzero((modes & 0xF000) == stat.S_IFLNK).tolist():
        lost.setdefault(row, Lost("unreadable", "a link in the archive; links are not followed"))
    for row in np.flatnonzero(flags & _ENCRYPTED).tolist():
        lost.setdefault(row, Lost("unsupported", "encrypted; unpack it with its password"))
    for row in np.flatnonzero(overlaps).tolist():
        lost.setdefault(row, Lost("over_limit", "overlaps another member, as in a zip bomb"))
    for row in np.flatnonzero((methods != _STORED) & (methods != _DEFLATED)).tolist():
        name = _METHODS.get(int(methods[row]), f"method {methods[row]}")
        lost.setdefault(row, Lost("unsupported", f"packed with {name}; pack it stored"))
    differ = (methods == _STORED) & (columns["size"] != columns["packed"])
    for row in np.flatnonzero(differ).tolist():
        lost.setdefault(row, Lost("unreadable", "a stored member of two different sizes"))
