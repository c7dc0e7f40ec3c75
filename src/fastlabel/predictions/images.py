"""Which image of a data set a source of predictions means."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from ..dataset import Dataset
from .raw import Key

__all__ = ["ImageNames"]

_NONE, _SEVERAL = -1, -2


class ImageNames:
    """Rows of images by their ids and names.

    A key is tried as the image's id in its source, its path, its file name, then the name alone
    and the name without its ending; where the set has no ids, a number is the number in the
    name, or else the row. Pictures that the set lists twice are all meant.
    """

    def __init__(self, ds: Dataset) -> None:
        self.count = len(ds)
        # An id that one file gives twice is its first image's, for labels too.
        self._one_file = ds.meta.get("label_file_count") == 1
        self.source_ids: list[str | None] = ds.images["source_id"].to_pylist()
        paths = ds.images["path"].to_pylist()
        names = ds.images["file_name"].to_pylist()
        self.paths = [p if p is not None else (n or "") for p, n in zip(paths, names, strict=True)]
        self.names = [str(n or "").replace("\\", "/") for n in names]
        #: images of one picture, by their first
        self.copies: dict[int, list[int]] = {}
        first: dict[str, int] = {}
        #: the first image of each one's picture
        self.owners = np.arange(self.count)
        for row, path in enumerate(self.paths):
            owner = first.setdefault(path, row)
            if owner != row:
                self.copies.setdefault(owner, [owner]).append(row)
                self.owners[row] = owner
        self._levels: list[dict[str, int]] = []

    def find(self, keys: Sequence[Key]) -> tuple[list[int], list[bool]]:
        """Row of each key, and whether all images of that picture are meant.

        -1: the set has none; -2: the key may mean several.
        """
        found = [_NONE] * len(keys)
        named = [True] * len(keys)
        numeric = None
        for k, key in enumerate(keys):
            if key is None:
                continue
            found[k], named[k] = self._row(str(key).replace("\\", "/"))
            if found[k] == _NONE and isinstance(key, int):
                numeric = True
        if numeric and not any(self.source_ids):
            self._by_number(keys, found)
        return found, named

    def _row(self, text: str) -> tuple[int, bool]:
        level = 0
        while level < len(self._levels) or self._add_level():
            row = self._levels[level].get(text)
            if row is not None:
                return row, level > 0  # an id is of one image alone
            level += 1
        base = posixpath.basename(text)
        return self._row(base) if base and base != text else (_NONE, True)

    def _add_level(self) -> bool:
        """Names are collected as they are needed: for most files the first will do."""
        built = len(self._levels)
        if built == 0:
            texts: Iterable[str | None] = self.source_ids
        elif built == 1:
            texts = self.paths
        elif built == 2:
            texts = self.names
        elif built == 3:
            texts = [posixpath.splitext(path)[0] for path in self.paths]
        elif built == 4:
            texts = [posixpath.basename(path) for path in self.paths]
        elif built == 5:
            texts = [posixpath.splitext(posixpath.basename(path))[0] for path in self.paths]
        else:
            return False
        found: dict[str, int] = {}
        for row, text in enumerate(texts):
            if text is None:
                continue
            owner = row if built == 0 else int(self.owners[row])
            if found.setdefault(text, owner) != owner and not (built == 0 and self._one_file):
                found[text] = _SEVERAL
        self._levels.append(found)
        return True

    def _by_number(self, keys: Sequence[Key], found: list[int]) -> None:
        stems: dict[int, int] = {}
        for row, path in enumerate(self.paths):
            stem = posixpath.splitext(posixpath.basename(path))[0]
            if stem.isascii() and stem.isdigit() and len(stem) < 19:
                owner = int(self.owners[row])
                number = int(stem)
                stems[number] = owner if stems.get(number, owner) == owner else _SEVERAL
        for k, key in enumerate(keys):
            if found[k] != _NONE or not isinstance(key, int):
                continue
            if stems:
                found[k] = stems.get(key, _NONE)
            elif 0 <= key < self.count:
                found[k] = int(self.owners[key])

    def everywhere(
        self, rows: NDArray[np.int64], named: NDArray[np.bool_]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64] | None]:
        """Predictions of a picture that the set lists twice, for each of its images if `named`.

        Returns the images, and of each the place among `rows`; None: they are as they were.
        """
        if not self.copies:
            return rows, None
        owners = np.array(sorted(self.copies), np.int64)
        counts = np.ones(self.count, np.int64)
        counts[owners] = [len(self.copies[int(o)]) for o in owners]
        times = np.where(named, counts[rows], 1)
        if not len(rows) or int(times.max()) == 1:
            return rows, None
        places = np.repeat(np.arange(len(rows)), times)
        starts = np.repeat(np.cumsum(times) - times, times)
        nth = np.arange(len(places)) - starts
        out = rows[places]
        for k in np.flatnonzero(nth > 0).tolist():
            out[k] = self.copies[int(out[k])][int(nth[k])]
        return out, places

    def all_of(self, rows: Iterable[int]) -> NDArray[np.int64]:
        """Images, with all that are of the same pictures."""
        found: set[int] = set()
        for row in rows:
            if row >= 0:
                found.update(self.copies.get(row, (row,)))
        return np.array(sorted(found), np.int64)

    def example(self) -> str:
        """What the set calls its images, for a message."""
        ids = [s for s in self.source_ids[:3] if s is not None]
        shown = ", ".join(repr(path) for path in self.paths[:2])
        return (f"ids {', '.join(ids)}; " if ids else "") + f"files {shown}"
