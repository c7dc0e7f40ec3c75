"""Members of archives as columns: which are pictures, which names lead outside, which repeat."""

from __future__ import annotations

import posixpath
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ...dataset import DatasetError
from ...schema import IMAGE_EXTENSIONS
from ...source import MOST_BYTES, Lost, SourceProblem, Span
from ..arrays import numbers, strings, unique_names
from ._stamps import stamp_array

__all__ = ["Archives", "Listing", "Shard", "members_of", "names_from"]

# What a system adds to archives by itself, and what lies in hidden folders, is no part of a set.
_JUNK = r"(?:^|/)(?:__MACOSX/|@eaDir/|\.[^./][^/]*/|\._[^/]*$)"
_PICTURE = r"(?i)\.(?:" + "|".join(sorted(e[1:] for e in IMAGE_EXTENSIONS)) + r")$"
_FOREIGN = r"^(?:[A-Za-z]:[\\/]|[\\/]|[A-Za-z][A-Za-z0-9+.-]*://)"
_CLIMBS = r"(?:^|[\\/])\.\.(?:[\\/]|$)"

_OUTSIDE = Lost("escaped", "the member's name leads outside the archive")


@dataclass(frozen=True)
class Shard:
    """One archive."""

    path: bytes
    label: str  # in names and messages: relative to the folder of all of them
    stamp: tuple[int, int]  # size and mtime_ns when it was listed


@dataclass(frozen=True)
class Listing:
    """The pictures among an archive's members, in archive order."""

    names: pa.StringArray  # as in the archive, but for "./" before them
    columns: dict[str, NDArray[Any]]  # of the archive's kind, a row a picture
    lost: dict[int, Lost]  # by row
    problems: list[SourceProblem]  # their rows count from this archive's first
    others: int  # members that are no pictures


def members_of(raw: pa.StringArray) -> tuple[pa.StringArray, NDArray[np.int64], dict[int, Lost]]:
    """Pictures among the names of an archive's members.

    Returns
    -------
    names : pyarrow.StringArray
        Of the pictures, "./" and doubled slashes taken out.
    rows : numpy.ndarray
        Of ``raw``.
    lost : dict of int to Lost
        Those (rows of ``names``) whose names lead outside; nothing is ever unpacked by name.
    """
    wanted = pc.and_(
        pc.match_substring_regex(raw, _PICTURE), pc.invert(pc.match_substring_regex(raw, _JUNK))
    )
    rows = np.flatnonzero(wanted.to_numpy(zero_copy_only=False))
    names = raw.take(numbers(rows.astype(np.int64)))
    names = pc.replace_substring_regex(names, r"^(?:\./+)+", "")
    names = pc.replace_substring_regex(names, r"/(?:\.?/)+", "/")
    foreign = pc.match_substring_regex(names, _FOREIGN).to_numpy(zero_copy_only=False)
    climbs = pc.match_substring_regex(names, _CLIMBS).to_numpy(zero_copy_only=False)
    lost = {int(row): _OUTSIDE for row in np.flatnonzero(foreign)}
    for row in np.flatnonzero(climbs & ~foreign).tolist():
        plain = posixpath.normpath(names[row].as_py().replace("\\", "/"))
        if plain.startswith("../") or plain == "..":
            lost[row] = _OUTSIDE
    return names, rows.astype(np.int64), lost


def names_from(data: bytes, first: NDArray[Any], length: NDArray[Any]) -> pa.StringArray:
    """Texts cut from one buffer; bytes that are not UTF-8 become U+FFFD."""
    ends = first + length
    gapless = len(first) == 0 or (first[0] == 0 and bool(np.array_equal(first[1:], ends[:-1])))
    if gapless and len(data) < 2**31 and _is_utf8(data):
        offsets = np.zeros(len(first) + 1, np.int32)
        offsets[1:] = ends
        return pa.Array.from_buffers(
            pa.string(), len(first), [None, pa.py_buffer(offsets), pa.py_buffer(data)]
        )
    texts = [
        data[a:b].decode("utf-8", "replace")
        for a, b in zip(first.tolist(), ends.tolist(), strict=True)
    ]
    return strings(texts)


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def labels_of(paths: Sequence[Path]) -> list[str]:
    """What archives are called: their paths from the folder that all of them lie in."""
    import os

    if len(paths) == 1:
        return [paths[0].name]
    above = os.path.commonpath([path.parent for path in paths])
    return [path.relative_to(above).as_posix() for path in paths]


class Archives:
    """Pictures inside local archives of one kind, archive after archive, in archive order.

    Parameters
    ----------
    paths : sequence of path-like
        The archives.

    Attributes
    ----------
    problems : list of SourceProblem
        What is wrong with the archives themselves.
    """

    slow = False
    kind = "archive"

    def __init__(self, paths: Sequence[str | Path]) -> None:
        self._paths = [Path(path).absolute() for path in paths]
        if not self._paths:
            raise DatasetError(f"no {self.kind} file to read")
        self._shards: list[Shard] = []
        self.problems: list[SourceProblem] = []
        self._lost: dict[int, Lost] = {}
        self.others = 0
        names: list[pa.StringArray] = []
        columns: list[dict[str, NDArray[Any]]] = []
        shard_of: list[NDArray[np.int32]] = []
        first = 0
        for path, label in zip(self._paths, labels_of(self._paths), strict=True):
            shard, listing = self._list(path, label)
            for row, lost in listing.lost.items():
                self._lost[first + row] = lost
            self.problems += [problem.moved(first) for problem in listing.problems]
            self.problems += _repeats(label, listing.names, first)
            shard_of.append(np.full(len(listing.names), len(self._shards), np.int32))
            self._shards.append(shard)
            names.append(listing.names)
            columns.append(listing.columns)
            self.others += listing.others
            first += len(listing.names)
        self.members = pa.concat_arrays(names)
        self._shard_of = np.concatenate(shard_of)
        self._columns = {name: np.concatenate([c[name] for c in columns]) for name in columns[0]}

    def _list(self, path: Path, label: str) -> tuple[Shard, Listing]:
        raise NotImplementedError

    @property
    def identity(self) -> str:
        """The archive's absolute path; of several, each on its own line."""
        return "\n".join(str(path) for path in self._paths)

    def __len__(self) -> int:
        return len(self.members)

    def names(self) -> pa.StringArray:
        """``archive/member`` of each picture; repeated ones but the last are numbered."""
        labels = strings([shard.label for shard in self._shards]).take(numbers(self._shard_of))
        return unique_names(pc.binary_join_element_wise(labels, self.members, "/"))

    def stamps(self, rows: NDArray[np.int64]) -> pa.StructArray:
        """Size of each member, and its archive's own stamp with the place in it."""
        versions: list[str | None] = [
            f"{size}:{mtime}:{place}"
            for (size, mtime), place in zip(
                (self._shards[s].stamp for s in self._shard_of[rows].tolist()),
                self._columns["offset"][rows].tolist(),
                strict=True,
            )
        ]
        return stamp_array(self._columns["size"][rows].astype(np.int64), versions)

    def fetch(self, rows: NDArray[np.int64], most: int = MOST_BYTES) -> list[bytes | Span | Lost]:
        """Where each member lies."""
        raise NotImplementedError


def _repeats(label: str, names: pa.StringArray, first: int) -> list[SourceProblem]:
    """Names that several members of an archive have."""
    codes = np.asarray(names.dictionary_encode().indices)
    counts = np.bincount(codes) if len(codes) else np.empty(0, np.int64)
    repeated = np.flatnonzero(counts > 1)
    if not len(repeated):
        return []
    found = []
    at = np.flatnonzero(np.isin(codes, repeated))
    order = at[np.argsort(codes[at], kind="stable")]
    ends = np.flatnonzero(np.diff(codes[order], append=-1))
    for end in ends.tolist():
        row = int(order[end])
        name = names[row].as_py()
        found.append(
            SourceProblem(
                "duplicate-id",
                f"{label} has {int(counts[codes[row]])} members of the name {name!r}; labels go "
                "to the last, as unpacking would have it: keep one",
                label,
                name,
                first + row,
            )
        )
    return found
