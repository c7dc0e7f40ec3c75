"""Several sources one behind the other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ...source import MOST_BYTES, ImageSource, Lost, SourceProblem, Span
from ..arrays import unique_names

__all__ = ["JoinedSource"]


class JoinedSource:
    """The images of several sources, source after source.

    Parameters
    ----------
    parts : sequence of ImageSource
    """

    def __init__(self, parts: Sequence[ImageSource]) -> None:
        self._parts = list(parts)
        self._first = np.cumsum([0, *(len(part) for part in parts)])
        self.problems: list[SourceProblem] = [
            problem.moved(int(first))
            for part, first in zip(self._parts, self._first, strict=False)
            for problem in getattr(part, "problems", ())
        ]

    @property
    def identity(self) -> str:
        """The parts' own, a line each."""
        return "\n".join(part.identity for part in self._parts)

    @property
    def slow(self) -> bool:
        """Whether one of the parts is."""
        return any(part.slow for part in self._parts)

    def __len__(self) -> int:
        return int(self._first[-1])

    def names(self) -> pa.StringArray:
        """The parts' names; of equal ones all but the last are numbered."""
        return unique_names(pa.concat_arrays([part.names() for part in self._parts]))

    @property
    def members(self) -> pa.StringArray:
        """What labels may call the images."""
        return pa.concat_arrays([getattr(p, "members", None) or p.names() for p in self._parts])

    def stamps(self, rows: NDArray[np.int64]) -> pa.StructArray:
        """The parts' stamps."""
        from ._stamps import STAMP

        owner = np.searchsorted(self._first, rows, side="right") - 1
        found: list[Any] = [None] * len(rows)
        for k, part in enumerate(self._parts):
            at = np.flatnonzero(owner == k)
            if len(at):
                stamps = part.stamps(rows[at] - self._first[k]).to_pylist()
                for place, stamp in zip(at.tolist(), stamps, strict=True):
                    found[place] = stamp
        return pa.array(found, STAMP)

    def fetch(self, rows: NDArray[np.int64], most: int = MOST_BYTES) -> list[bytes | Span | Lost]:
        """From the part that has each row."""
        owner = np.searchsorted(self._first, rows, side="right") - 1
        found: list[Any] = [None] * len(rows)
        for k, part in enumerate(self._parts):
            at = np.flatnonzero(owner == k)
            if len(at):
                items = part.fetch(rows[at] - self._first[k], most)
                for place, item in zip(at.tolist(), items, strict=True):
                    found[place] = item
        return found

    def close(self) -> None:
        """Close the parts that can be."""
        for part in self._parts:
            close = getattr(part, "close", None)
            if close is not None:
                close()
