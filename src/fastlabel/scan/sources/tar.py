"""Tar archives and WebDataset shards: members read where they lie, never unpacked."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ... import _core
from ...dataset import DatasetError
from ...source import MOST_BYTES, Lost, SourceProblem, Span
from ._members import Archives, Listing, Shard, members_of, names_from

__all__ = ["TarSource"]

_FILE, _FOLDER, _LINK, _SPARSE = 0, 1, 2, 3

_LOST_KINDS = {
    _LINK: Lost("unreadable", "a link inside the archive; links are not followed"),
    _SPARSE: Lost("unsupported", "a sparse member of the archive; pack it without --sparse"),
}
_NO_FILE = Lost("unreadable", "a member that is no file (a device, a pipe or a part of one)")
_CUT = Lost("truncated", "the archive ends before this member's content")


class TarSource(Archives):
    """Pictures in tar archives, in archive order.

    The headers are read once, by native code; a member is a span of the archive, which the
    native workers read in place. Links are not followed, sparse members not pieced together,
    and no name is ever used as a path: such members are rows that say so.

    Parameters
    ----------
    paths : sequence of path-like
        The archives, of ustar, pax, GNU or V7 form, not compressed.

    Raises
    ------
    DatasetError
        If one is not there, is compressed or is no tar archive.
    """

    kind = "tar"

    def _list(self, path: Path, label: str) -> tuple[Shard, Listing]:
        _refuse_compressed(path)
        said, members, data = _core.tar_index(os.fsencode(path))
        if said["status"] != "ok":
            raise DatasetError(f"{path}: {said['error'].decode('utf-8', 'replace')}")
        if said["size"] == 0:
            raise DatasetError(f"{path}: an empty file, not a tar archive; copy it again")
        if said["end"] in ("damaged", "cut") and not len(members):
            raise DatasetError(f"{path}: no tar archive (or its first header is damaged)")
        members = members[members["kind"] != _FOLDER]
        raw = names_from(data, members["name_offset"], members["name_length"])
        names, rows, lost = members_of(raw)
        chosen = members[rows]
        _name_losses(chosen, lost)
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
        problems += _end_problem(said, label, len(members))
        columns = {name: np.ascontiguousarray(chosen[name]) for name in ("offset", "size")}
        stamp = (int(said["size"]), int(said["mtime_ns"]))
        listing = Listing(names, columns, lost, problems, len(members) - len(chosen))
        return Shard(os.fsencode(path), label, stamp), listing

    def fetch(self, rows: NDArray[np.int64], most: int = MOST_BYTES) -> list[bytes | Span | Lost]:
        """Where each member lies; the native workers read it from there."""
        shards, lost = self._shards, self._lost
        found: list[bytes | Span | Lost] = [
            Span(shards[s].path, offset, size, shards[s].stamp)
            for s, offset, size in zip(
                self._shard_of[rows].tolist(),
                self._columns["offset"][rows].tolist(),
                self._columns["size"][rows].tolist(),
                strict=True,
            )
        ]
        if lost:
            found = [lost.get(row, item) for row, item in zip(rows.tolist(), found, strict=True)]
        return found


def _name_losses(members: NDArray[Any], lost: dict[int, Lost]) -> None:
    """Add the members that are no plain files, and those the archive ends before."""
    for row in np.flatnonzero(members["kind"] != _FILE).tolist():
        lost.setdefault(row, _LOST_KINDS.get(int(members["kind"][row]), _NO_FILE))
    for row in np.flatnonzero((members["size"] == 0) & (members["declared"] > 0)).tolist():
        lost.setdefault(row, _CUT)


def _end_problem(said: dict[str, Any], label: str, members: int) -> list[SourceProblem]:
    at, size = said["end_offset"], said["size"]
    texts = {
        "cut": f"{label} ends inside a member: it has {size:,} bytes; copy it again",
        "damaged": f"{label} has no tar header at byte {at:,}, after {members:,} members: "
        f"{size - at:,} bytes are not read; copy it again",
        "more": f"{label} goes on behind its end mark at byte {at:,}, and what follows is not "
        "read: give joined archives as files of their own",
        "unread": f"{label} cannot be read at byte {at:,}: the disk gave an error",
    }
    text = texts.get(said["end"])
    return [] if text is None else [SourceProblem("malformed-file", text, label, None, None)]


def _refuse_compressed(path: Path) -> None:
    """A compressed archive has no place to read one member from."""
    try:
        with path.open("rb") as file:
            head = file.read(6)
    except OSError as error:
        raise DatasetError(f"{path}: cannot be read: {error.strerror or error}") from error
    for magic, name, remedy in (
        (b"\x1f\x8b", "gzip", "gunzip"),
        (b"BZh", "bzip2", "bunzip2"),
        (b"\xfd7zXZ\0", "xz", "unxz"),
        (b"\x28\xb5\x2f\xfd", "zstd", "unzstd"),
    ):
        if head.startswith(magic):
            raise DatasetError(
                f"{path}: compressed with {name}, so members cannot be read in place; "
                f"unpack the compression with {remedy} (pictures gain nothing from it)"
            )
