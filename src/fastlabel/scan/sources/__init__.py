"""Image sources: folders, lists of files, bytes, archives, Parquet files and object stores."""

from __future__ import annotations

from ...source import ImageSource, Lost, SourceProblem, Span
from ._content import content_by_name, content_of
from ._stamps import STAMP, stamp_array
from .files import BytesSource, FolderSource, PathsSource
from .joined import JoinedSource
from .open import is_image_source, local_path, open_source
from .parquet import ParquetSource
from .remote import Backoff, RemoteSource
from .tar import TarSource
from .zip import ZipSource

__all__ = [
    "STAMP",
    "Backoff",
    "BytesSource",
    "FolderSource",
    "ImageSource",
    "JoinedSource",
    "Lost",
    "ParquetSource",
    "PathsSource",
    "RemoteSource",
    "SourceProblem",
    "Span",
    "TarSource",
    "ZipSource",
    "content_by_name",
    "content_of",
    "is_image_source",
    "local_path",
    "open_source",
    "stamp_array",
]
