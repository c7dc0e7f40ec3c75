"""The content of a few images, for those who show them."""

from __future__ import annotations

import threading
import weakref
from typing import Any

import numpy as np

from ...source import ImageSource, Lost, Span

__all__ = ["content_by_name", "content_of"]

# Row of each name; made once a source, when its first picture is wanted.
_rows: weakref.WeakKeyDictionary[Any, dict[str, int]] = weakref.WeakKeyDictionary()
_lock = threading.Lock()


def content_of(source: ImageSource, row: int) -> bytes:
    """One image's bytes.

    Raises
    ------
    OSError
        If the source cannot give them; the text says why.
    """
    (item,) = source.fetch(np.array([row], np.int64))
    if isinstance(item, Lost):
        raise OSError(f"{item.status}: {item.detail}")
    if not isinstance(item, Span):
        return bytes(item)
    with open(item.path, "rb") as file:  # noqa: PTH123  the path is bytes
        file.seek(item.offset)
        return file.read(item.length)


def content_by_name(source: ImageSource, name: str) -> bytes:
    """The bytes of the image that a source calls by this name.

    Raises
    ------
    OSError
        If there is none, or the source cannot give it.
    """
    with _lock:
        rows = _rows.get(source)
        if rows is None:
            rows = {n: k for k, n in enumerate(source.names().to_pylist())}
            _rows[source] = rows
    if name not in rows:
        raise FileNotFoundError(f"no image of the name {name!r}")
    return content_of(source, rows[name])
