"""From what a user names to an image source: folders, archives, patterns, URLs, lists."""

from __future__ import annotations

import glob
import itertools
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import numpy as np

from ...dataset import DatasetError
from ...schema import IMAGE_EXTENSIONS
from ...source import ImageSource
from ..arrays import strings
from .files import FolderSource, PathsSource
from .joined import JoinedSource
from .parquet import ParquetSource
from .remote import RemoteSource, connect, is_url, without_secrets
from .tar import TarSource
from .zip import ZipSource

__all__ = ["ARCHIVES", "expand", "is_image_source", "local_path", "open_source"]

#: Paths that one pattern may stand for.
MOST_PATHS = 1_000_000

#: Kinds of archives by extension.
ARCHIVES = {".tar": "tar", ".zip": "zip", ".parquet": "parquet", ".pq": "parquet"}
_PACKED = (".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz", ".tar.zst")
#: Folders in which no picture of the set lies.
_LEFT_BY_TOOLS = ("__MACOSX", "@eaDir")
_RANGE = re.compile(r"(\d+)\.\.(\d+)")
_BRACES = re.compile(r"\{([^{}]*)\}")


def open_source(
    *places: str | os.PathLike[str],
) -> ImageSource:
    """Open what images are read from. Nothing is unpacked, downloaded or written.

    Parameters
    ----------
    *places : str or path-like
        Each of them one of

        - a folder: its images, sorted by path; or the tar, zip and Parquet files in it,
          where it has no image of its own;
        - a tar, zip or Parquet file, or a pattern of such (``shards/train-{000..127}.tar``,
          ``data/*.parquet``). Members are called ``archive/member``;
        - a URL of a filesystem that Arrow or fsspec reads (``s3://``, ``gs://``, ``file://``):
          all images below it, or Parquet files;
        - a list: ``@list.txt``, or a ``.txt`` file, with a path or URL on each line. Relative
          paths are seen from the list's folder;
        - an image file.

        Several places are read one behind the other.

    Returns
    -------
    ImageSource

    Raises
    ------
    DatasetError
        If a place is not there, or is nothing that images can be read from.

    Examples
    --------
    >>> import io, tarfile, tempfile
    >>> from pathlib import Path
    >>> import cv2, numpy as np, fastlabel as fl
    >>> jpeg = cv2.imencode(".jpg", np.full((48, 64), 128, np.uint8))[1].tobytes()
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     shard = Path(folder, "shard-000.tar")
    ...     with tarfile.open(shard, "w") as tar:
    ...         member = tarfile.TarInfo("a.jpg")
    ...         member.size = len(jpeg)
    ...         tar.addfile(member, io.BytesIO(jpeg))
    ...     fl.scan(fl.open_source(shard)).select(["file_name", "luma_mean"]).to_pylist()
    [{'file_name': 'shard-000.tar/a.jpg', 'luma_mean': 128.0}]
    """
    if not places:
        raise TypeError("open_source: expected at least one place to read images from")
    parts: list[ImageSource] = []
    for place in places:
        parts += _open(os.fspath(place))
    return parts[0] if len(parts) == 1 else JoinedSource(parts)


def is_image_source(place: str) -> bool:
    """Whether a text names images without labels: an archive, a pattern, a URL or a list."""
    if place.startswith("@") or (is_url(place) and local_path(place) is None):
        return True
    path = Path(local_path(place) or place)
    try:
        if path.is_dir():
            return False
        if path.is_file():
            return path.suffix.lower() in (*ARCHIVES, ".txt") or _is_packed(path)
    except (OSError, ValueError):
        return False
    return _is_pattern(place)


def local_path(place: str) -> str | None:
    """The path behind a ``file://`` URL; None for any other text."""
    if not place.lower().startswith("file://"):
        return None
    parts = urlsplit(place)
    return unquote(parts.path) if parts.netloc in ("", "localhost") else None


def expand(pattern: str) -> list[str]:
    """Paths that a pattern stands for: braces in their order, then what a glob finds, sorted.

    Raises
    ------
    DatasetError
        If it stands for too many, or nothing fits a glob.
    """
    if Path(pattern).exists():
        return [pattern]
    found: list[str] = []
    for path in _braces(pattern):
        if glob.has_magic(path):
            matches = sorted(glob.glob(path, recursive=True))  # noqa: PTH207  any root
            if not matches:
                raise DatasetError(f"{path}: no file fits this pattern; check the spelling")
            found += matches
        else:
            found.append(path)
        if len(found) > MOST_PATHS:
            raise DatasetError(f"{pattern}: stands for more than {MOST_PATHS:,} files")
    return found


def _braces(pattern: str) -> Iterator[str]:
    """Brace expansion as shells have it: ``{a,b}`` and ``{000..127}``."""
    match = _BRACES.search(pattern)
    if match is None:
        yield pattern
        return
    inner = match.group(1)
    span = _RANGE.fullmatch(inner)
    if span is not None:
        first, last = int(span.group(1)), int(span.group(2))
        width = max(len(g) for g in span.groups()) if "0" in (inner[0], span.group(2)[0]) else 0
        step = 1 if last >= first else -1
        words: Any = (f"{k:0{width}d}" for k in range(first, last + step, step))
    elif "," in inner:
        words = inner.split(",")
    else:
        words = [match.group(0).replace("{", "\0").replace("}", "\1")]
    for word in words:
        for path in _braces(pattern[: match.start()] + word + pattern[match.end() :]):
            yield path.replace("\0", "{").replace("\1", "}")


def _is_pattern(place: str) -> bool:
    return glob.has_magic(place) or _BRACES.search(place) is not None


def _is_packed(path: Path) -> bool:
    return path.name.lower().endswith(_PACKED)


def _open(place: str) -> list[ImageSource]:
    if place.startswith("@"):
        return [_open_list(Path(place[1:]))]
    if is_url(place):
        path = local_path(place)
        if path is None:
            return [_open_url(place)]
        place = path
    whole = Path(place)
    if "\0" in place:
        raise DatasetError(f"{place[:200]!r} cannot be opened: it has a NUL in it")
    try:
        if whole.is_dir():
            return _open_folder(whole)
        if whole.is_file() and whole.suffix.lower() == ".txt":
            return [_open_list(whole)]
        if not whole.exists() and not _is_pattern(place):
            raise DatasetError(f"{place}: no such file or folder; check the spelling")
    except (OSError, ValueError) as error:
        raise DatasetError(f"{place[:200]!r} cannot be opened: {error}") from error
    return _open_files([Path(path) for path in expand(place)])


def _open_files(paths: Sequence[Path]) -> list[ImageSource]:
    """Archives and images, neighbours of one kind together."""
    parts: list[ImageSource] = []
    for kind, group in itertools.groupby(paths, _kind_of):
        files = list(group)
        if kind == "tar":
            parts.append(TarSource(files))
        elif kind == "zip":
            parts.append(ZipSource(files))
        elif kind == "parquet":
            parts.append(ParquetSource(files))
        elif kind == "image":
            parts.append(PathsSource(files))
        elif kind == "folder":
            for folder in files:
                parts += _open_folder(folder)
        else:
            raise DatasetError(
                f"{files[0]}: not an image, a tar, zip or Parquet file, nor a list of paths (.txt)"
            )
    return parts


def _kind_of(path: Path) -> str:
    suffix = path.suffix.lower()
    if _is_packed(path):
        return "tar"  # which says what to do about its compression
    if suffix in ARCHIVES:
        return ARCHIVES[suffix]
    if path.is_dir():
        return "folder"
    return "image" if suffix in IMAGE_EXTENSIONS else ""


def _open_folder(folder: Path) -> list[ImageSource]:
    images: list[str] = []
    archives: list[Path] = []
    for name, suffix in _files_below(folder):
        if suffix in IMAGE_EXTENSIONS:
            images.append(name)
        elif suffix in ARCHIVES:
            archives.append(folder / name)
    if images:
        return [FolderSource(folder, strings(sorted(images)))]
    if archives:
        return _open_files(sorted(archives, key=lambda path: (_kind_of(path), str(path))))
    raise DatasetError(f"{folder}: no image and no tar, zip or Parquet file in it")


def _files_below(folder: Path) -> Iterator[tuple[str, str]]:
    """Relative name and lower-case suffix of every file; no link that leads out."""
    top = os.fspath(folder)
    real = folder.resolve()
    pending = [""]
    while pending:
        here = pending.pop()
        try:
            entries = os.scandir(f"{top}/{here}" if here else top)
        except OSError:
            continue
        with entries:
            for entry in entries:
                # As few objects as can be: a set may have a million files.
                name = entry.name
                try:
                    linked = entry.is_symlink()
                    if entry.is_dir():
                        if not (linked or name.startswith(".") or name in _LEFT_BY_TOOLS):
                            pending.append(f"{here}{name}/")
                        continue
                    if linked and not Path(entry.path).resolve().is_relative_to(real):
                        continue
                except (OSError, RuntimeError):  # a link to itself
                    continue
                dot = name.rfind(".")
                if dot > 0 and not name.startswith("._"):
                    yield f"{here}{name}", name[dot:].lower()


def _open_url(url: str) -> ImageSource:
    filesystem, path = connect(url)
    where = without_secrets(url)
    suffix = Path(path).suffix.lower()
    if ARCHIVES.get(suffix) == "parquet":
        return ParquetSource([path], filesystem, where[: len(where) - len(path)])
    if suffix in (".tar", ".zip") or _is_packed(Path(path)):
        raise DatasetError(
            f"{where}: members of a {suffix[1:]} file are read from a local disk only; copy it "
            "here, or give the URL of a folder of images or of Parquet files"
        )
    return RemoteSource.below(filesystem, path, where)


# --- lists --------------------------------------------------------------------------------


def _open_list(path: Path) -> ImageSource:
    """A text file with a path or URL on each line; "#" begins a comment line."""
    try:
        text = path.read_text(encoding="utf-8-sig", errors="surrogateescape")
    except (OSError, ValueError) as error:
        raise DatasetError(f"{path}: the list cannot be read: {error}") from error
    lines = [line.strip() for line in text.splitlines()]
    lines = [line for line in lines if line and not line.startswith("#")]
    if not lines:
        raise DatasetError(f"{path}: the list is empty; write a path or a URL on each line")
    folder = path.absolute().parent
    parts: list[ImageSource] = []
    for scheme, group in itertools.groupby(lines, _place_of):
        items = list(group)
        if scheme is None:
            parts.append(PathsSource([local_path(i) or i for i in items], folder))
        else:
            parts.append(_listed_urls(scheme, items))
    return parts[0] if len(parts) == 1 else JoinedSource(parts)


def _place_of(line: str) -> str | None:
    """Scheme and host of a URL, None for a local path."""
    if not is_url(line) or local_path(line) is not None:
        return None
    parts = urlsplit(line)
    return f"{parts.scheme}://{parts.netloc}?{parts.query}"


def _listed_urls(scheme: str, urls: list[str]) -> ImageSource:
    """Objects of one bucket or server, named one by one: none of them is looked up yet."""
    filesystem, first = connect(urls[0])
    # The path that the filesystem makes of a URL is its text's end, or the text itself.
    head = urls[0].partition("?")[0]
    strip = len(head) - len(first) if head.endswith(first) else 0
    keys = [url.partition("?")[0][strip:] if strip else connect(url)[1] for url in urls]
    unknown = np.full(len(keys), -1, np.int64)
    names = [without_secrets(url) for url in urls]
    return RemoteSource(filesystem, keys, names, unknown, unknown, without_secrets(scheme))
