"""Image sources: folders, lists of files, bytes."""

from __future__ import annotations

from ...source import ImageSource, Lost, Span
from ._stamps import STAMP, stamp_array
from .files import BytesSource, FolderSource, PathsSource

__all__ = [
    "STAMP",
    "BytesSource",
    "FolderSource",
    "ImageSource",
    "Lost",
    "PathsSource",
    "Span",
    "stamp_array",
]
