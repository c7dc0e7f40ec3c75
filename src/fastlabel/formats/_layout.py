"""Where the pictures of a new data set go: names that are unique, safe and keep their meaning."""

from __future__ import annotations

import posixpath
import re
import unicodedata
from typing import TYPE_CHECKING

from ..dataset import DatasetError
from ._text import clean

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["WRITABLE", "layout", "safe_name"]

#: Formats that can be written.
WRITABLE = ("coco", "yolo", "voc")

#: Bytes of one name that every common file system holds, with room for a suffix.
MAX_NAME = 200

_UNSAFE = re.compile(r"[\x00-\x1f\x7f\u2028\u2029]")
# An image set lists "NAME 1" for "NAME, and the class occurs": such an end must not be a name's.
_SET_LINE_END = re.compile(r"\s+(-1|0|1)$")


def layout(images: pa.Table, format: str) -> list[str]:
    """Give each image the place of its picture in a new data set.

    Parameters
    ----------
    images : pyarrow.Table
        With ``path``, ``file_name`` and ``split``, as :data:`fastlabel.schema.IMAGES`.
    format : {"coco", "yolo", "voc"}
        ``images/<split>/NAME`` for COCO and YOLO, ``JPEGImages/NAME`` for VOC. Images
        without a split lie in ``images`` itself.

    Returns
    -------
    list of str
        One relative path a row, "/"-separated. No two are alike, also where the disk
        takes ``A.jpg`` and ``a.jpg`` for one; in YOLO and VOC, whose label file has the
        image's stem, no two stems of a folder are. Nothing leads outside the folder.

    Raises
    ------
    DatasetError
        If the format cannot be written.

    Examples
    --------
    >>> import pyarrow as pa
    >>> images = pa.table(
    ...     {
    ...         "path": ["a/1.jpg", "b/1.jpg", None],
    ...         "file_name": ["1.jpg", "1.jpg", "../2.png"],
    ...         "split": ["train", "train", None],
    ...     }
    ... )
    >>> layout(images, "yolo")
    ['images/train/1.jpg', 'images/train/1_2.jpg', 'images/2.png']
    """
    require_writable(format)
    names = zip(
        images["path"].to_pylist(),
        images["file_name"].to_pylist(),
        images["split"].to_pylist(),
        strict=True,
    )
    taken: set[str] = set()
    counters: dict[str, int] = {}
    places = []
    for path, file_name, split in names:
        name = safe_name(path if path is not None else file_name or "")
        if format == "voc":
            folder, name = "JPEGImages", _listable(name)
        else:
            folder = "images" if split is None else f"images/{safe_name(split)}"
        places.append(_unique(folder, name, format != "coco", taken, counters))
    return places


def require_writable(format: str) -> None:
    """Raise a DatasetError for a format that has no writer."""
    if format not in WRITABLE:
        raise DatasetError(f"format {format!r} cannot be written; choose {', '.join(WRITABLE)}")


def safe_name(text: str) -> str:
    """The base name of whatever stands in a label, as the name of one file or folder.

    Spaces, quotes and every script are kept; control characters become ``_``, white space
    at the ends and dots in front (a hidden file, or ``..``) go.
    """
    base = clean(text).replace("\\", "/").rstrip("/").rpartition("/")[2]
    base = _UNSAFE.sub("_", base).strip().lstrip(".").strip()
    head, extension = posixpath.splitext(base)
    if len(extension.encode()) > 16:
        head, extension = base, ""
    while len((head + extension).encode()) > MAX_NAME:
        head = head[:-1]
    return (head.rstrip() or "image") + extension


def _listable(name: str) -> str:
    head, extension = posixpath.splitext(name)
    return _SET_LINE_END.sub(r"_\1", head) + extension


def _unique(
    folder: str, name: str, by_stem: bool, taken: set[str], counters: dict[str, int]
) -> str:
    head, extension = posixpath.splitext(name)

    def key(stem: str) -> str:
        text = f"{folder}/{stem}" if by_stem else f"{folder}/{stem}{extension}"
        return unicodedata.normalize("NFC", text).casefold()

    first, stem = key(head), head
    while key(stem) in taken:
        counters[first] = counters.get(first, 1) + 1
        stem = f"{head}_{counters[first]}"
    taken.add(key(stem))
    return f"{folder}/{stem}{extension}"
