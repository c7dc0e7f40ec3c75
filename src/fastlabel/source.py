"""What images are read from: the small interface between a data set and its pictures' bytes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple, Protocol, runtime_checkable

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

__all__ = ["MOST_BYTES", "ImageSource", "Lost", "SourceProblem", "Span"]

#: Bytes of one picture, where nobody sets another limit.
MOST_BYTES = 512 << 20


class Span(NamedTuple):
    """Bytes inside a local file, which a native worker reads for itself.

    Attributes
    ----------
    path : bytes
        The file, as the operating system names it.
    offset, length : int
        Where the picture lies in it; length -1 is "to the end".
    stamp : tuple of int, optional
        Size and mtime in nanoseconds that the file had when the place was looked up. A file
        that has another when it is read is not read: the offsets may lead anywhere.
    """

    path: bytes
    offset: int = 0
    length: int = -1
    stamp: tuple[int, int] | None = None


@dataclass(frozen=True)
class Lost:
    """An image that the source cannot give.

    Attributes
    ----------
    status : str
        One of :data:`fastlabel.schema.STATUSES`, but not ``ok``.
    detail : str
        Why, in words.
    """

    status: str
    detail: str


@dataclass(frozen=True)
class SourceProblem:
    """What is wrong with a source itself, for ``Dataset.problems``.

    Attributes
    ----------
    kind : str
        One of :data:`fastlabel.schema.PROBLEM_KINDS`.
    message : str
        Place, value and remedy.
    file, value : str, optional
        The archive or list, and the name in it.
    row : int, optional
        The image it is about.
    """

    kind: str
    message: str
    file: str | None = None
    value: str | None = None
    row: int | None = None

    def moved(self, by: int) -> SourceProblem:
        """The same of a source whose rows begin later."""
        return self if self.row is None else replace(self, row=self.row + by)


@runtime_checkable
class ImageSource(Protocol):
    """Where pictures come from: a folder, an archive, a table, a bucket.

    Rows are numbered from 0 in an order that each source fixes and states. Every method may be
    called from several threads at once. Nothing here writes.

    """

    @property
    def identity(self) -> str:
        """Which source this is: an absolute path or a URL without credentials."""
        ...

    @property
    def slow(self) -> bool:
        """Whether :meth:`fetch` waits or computes, so that it is called ahead of the workers."""
        ...

    def __len__(self) -> int: ...

    def names(self) -> pa.StringArray:
        """Name of each image, "/"-separated, for messages and for matching labels."""
        ...

    def stamps(self, rows: NDArray[np.int64]) -> pa.StructArray:
        """What tells a change without reading: ``size`` int64 and ``version`` string.

        Null where it is not known.
        """
        ...

    def fetch(self, rows: NDArray[np.int64], most: int = MOST_BYTES) -> list[bytes | Span | Lost]:
        """Content of some images, or where a native worker finds it, in the order asked for.

        A picture of more than ``most`` bytes that would have to be held in memory is lost
        with the status ``over_limit``.
        """
        ...
