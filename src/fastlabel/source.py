"""What images are read from: the small interface between a data set and its pictures' bytes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol, runtime_checkable

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

__all__ = ["ImageSource", "Lost", "Span"]


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

    def fetch(self, rows: NDArray[np.int64]) -> list[bytes | Span | Lost]:
        """Content of some images, or where a native worker finds it, in the order asked for."""
        ...
