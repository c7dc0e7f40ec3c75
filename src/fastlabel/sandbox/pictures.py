"""Pictures of a data set for a page: by an id that tells nothing, from the set's own source."""

from __future__ import annotations

import hmac
import math
import secrets
import threading
from collections import OrderedDict
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .. import _core
from ..scan.limits import Limits
from ..scan.sources import content_by_name
from .guard import ApiError

if TYPE_CHECKING:
    from ..dataset import Dataset

__all__ = ["Pictures", "Shown", "Unreadable"]

Picture = NDArray[np.uint8]
Window = tuple[int, int, int, int]

#: Longest side of what is sent; a part of a picture may be enlarged to it.
MOST_SIDE = 4096
QUALITY = 92
#: Bytes of decoded pictures that are kept.
KEPT = 192 << 20


class Unreadable(Exception):
    """A picture that cannot be shown; the text says why."""


@dataclass(frozen=True)
class Shown:
    """A picture as it is sent.

    Attributes
    ----------
    data : bytes
        The file.
    kind : str
        Its media type.
    whole : bool
        Whether it is the picture, not a notice that there is none.
    """

    data: bytes
    kind: str
    whole: bool = True


class Pictures:
    """Pictures of a data set, upright, as its labels see them.

    Parameters
    ----------
    ds : Dataset
        Read from files, or with a source of its own.
    limits : Limits, optional
        Beyond them a picture is not decoded.

    Examples
    --------
    >>> import tempfile
    >>> import fastlabel as fl
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = fl.make_sample(folder)
    ...     pictures = Pictures(fl.read(folder))
    ...     pictures.read(1).shape[2], pictures.row(pictures.id(3))
    (3, 3)
    """

    def __init__(self, ds: Dataset, *, limits: Limits | None = None) -> None:
        self.ds, self.limits = ds, limits or Limits()
        self._key = secrets.token_bytes(16)
        self._root = Path(ds.root).resolve()
        self._kept: OrderedDict[int, Picture] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()

    def id(self, image: int) -> str:
        """What a page calls an image: its row, signed with a key of this run."""
        return f"{image:x}-{self._sign(image)}"

    def _sign(self, image: int) -> str:
        return hmac.digest(self._key, image.to_bytes(8, "big"), "sha256")[:12].hex()

    def row(self, text: str) -> int:
        """The image that an id names.

        Raises
        ------
        ApiError
            If this run has given no such id.
        """
        number, _, sign = text.partition("-")
        if len(number) <= 15 and number.isascii() and number.isalnum():
            try:
                row = int(number, 16)
            except ValueError:
                row = -1
            if 0 <= row < len(self.ds) and hmac.compare_digest(
                self._sign(row).encode(), sign.encode("utf-8", "replace")
            ):
                return row
        raise ApiError(404, "picture", "there is no such picture")

    def content(self, image: int) -> bytes:
        """The bytes of an image's file.

        Raises
        ------
        Unreadable
            If there is no file, or it leads out of the data set.
        """
        path = self.ds.images["path"][image].as_py()
        if not path:
            raise Unreadable("its name leads out of the data set")
        try:
            if self.ds.source is not None:
                return bytes(content_by_name(self.ds.source, path))
            file = (self._root / path).resolve()
            if not file.is_relative_to(self._root):
                raise Unreadable("its name leads out of the data set")
            if file.stat().st_size > self.limits.max_bytes:
                raise Unreadable("its file is larger than the limit")
            data: bytes = file.read_bytes()
            return data
        except FileNotFoundError as error:
            raise Unreadable("its file is missing") from error
        except OSError as error:
            raise Unreadable(error.strerror or str(error)) from error

    def read(self, image: int) -> Picture:
        """The decoded picture: (H, W, 3), BGR, turned as its boxes are.

        Raises
        ------
        Unreadable
            If it cannot be decoded, or is larger than the limits.
        """
        with self._lock:
            kept = self._kept.get(image)
            if kept is not None:
                self._kept.move_to_end(image)
                return kept
        picture = self._decoded(image)
        picture.flags.writeable = False
        with self._lock:
            if image not in self._kept and picture.nbytes <= KEPT:
                self._kept[image] = picture
                self._bytes += picture.nbytes
                while self._bytes > KEPT:
                    self._bytes -= self._kept.popitem(last=False)[1].nbytes
        return picture

    def _decoded(self, image: int) -> Picture:
        import cv2

        data = self.content(image)
        kind, wide, high, turn = _core.sniff_bytes(data)
        if not kind:
            raise Unreadable("its file is empty" if not data else "its file is no picture")
        if wide * high > self.limits.max_pixels:
            raise Unreadable(f"its {wide:,} x {high:,} pixels are over the limit")
        flags = cv2.IMREAD_COLOR
        if turn >= 5 and not self._is_turned(image, (wide, high)):
            flags |= cv2.IMREAD_IGNORE_ORIENTATION
        try:
            picture: Any = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
            if picture is None and kind in ("jpeg", "mpo"):
                # One that is cut short decodes as far as it goes once it has an end mark.
                picture = cv2.imdecode(np.frombuffer(data + b"\xff\xd9", np.uint8), flags)
        except (cv2.error, MemoryError) as error:
            raise Unreadable("its file cannot be decoded") from error
        if picture is None:
            raise Unreadable("its file is damaged and cannot be decoded")
        return np.asarray(picture, np.uint8)

    def _is_turned(self, image: int, stored: tuple[int, int]) -> bool:
        """Whether EXIF turns it: viewers do; not where the labels fit the stored raster alone."""
        row = self.ds.images.slice(image, 1).to_pylist()[0]
        if row["size_source"] == "exif" or stored[0] == stored[1]:
            return True
        return (row["width"], row["height"]) != stored

    def size(self, image: int) -> tuple[int, int] | None:
        """Width and height as the boxes see them; None: not known."""
        row = self.ds.images.slice(image, 1).to_pylist()[0]
        if row["width"] and row["height"]:
            return int(row["width"]), int(row["height"])
        try:
            picture = self.read(image)
        except Unreadable:
            return None
        return int(picture.shape[1]), int(picture.shape[0])

    def shown(self, image: int, side: int, window: Window | None = None) -> Shown:
        """A picture as a page shows it, at most `side` pixels long; or a notice.

        Parameters
        ----------
        image : int
            Its row.
        side : int
            Longest side of the result, 16 to :data:`MOST_SIDE`.
        window : tuple of int, optional
            Left, top, width and height of the part to show, in pixels as the boxes see them.
        """
        import cv2

        if not 16 <= side <= MOST_SIDE:
            raise ApiError(400, "side", f"side: got {side}, expected 16 to {MOST_SIDE}")
        try:
            picture = self.read(image)
        except Unreadable as error:
            return notice(str(error), self.size_or(image))
        if window is not None:
            picture = self._part(image, picture, window)
        scale = side / max(picture.shape[:2])
        if scale < 1:
            size = (
                max(round(picture.shape[1] * scale), 1),
                max(round(picture.shape[0] * scale), 1),
            )
            picture = np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)
        done, data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
        if not done:
            return notice("it cannot be encoded", self.size_or(image))
        return Shown(data.tobytes(), "image/jpeg")

    def _part(self, image: int, picture: Picture, window: Window) -> Picture:
        wide, high = self.size(image) or picture.shape[1::-1]
        sx, sy = picture.shape[1] / wide, picture.shape[0] / high
        left, top, width, height = window
        if not (width and height and left < wide and top < high):
            raise ApiError(400, "window", "the part lies outside the picture")
        x, y = math.floor(left * sx), math.floor(top * sy)
        right, bottom = math.ceil((left + width) * sx), math.ceil((top + height) * sy)
        return picture[y : max(bottom, y + 1), x : max(right, x + 1)]

    def size_or(self, image: int) -> tuple[int, int]:
        """Width and height for a notice in its place."""
        row = self.ds.images.slice(image, 1).to_pylist()[0]
        return int(row["width"] or 640), int(row["height"] or 480)


def notice(why: str, size: tuple[int, int]) -> Shown:
    """A drawing that stands where a picture cannot: it says why."""
    wide, high = size
    # Of the picture's own shape, so that boxes over it lie where they belong.
    scale = 640 / max(wide, high, 1)
    wide, high = max(round(wide * scale), 64), max(round(high * scale), 64)
    text = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {wide} {high}" '
        f'width="{wide}" height="{high}"><rect width="100%" height="100%" fill="#2b3038"/>'
        f'<path d="M0 0L{wide} {high}M{wide} 0L0 {high}" stroke="#3a414b"/>'
        '<g font-family="system-ui,sans-serif" text-anchor="middle" fill="#d5dae1">'
        f'<text x="50%" y="48%" font-size="22">This picture cannot be shown</text>'
        f'<text x="50%" y="48%" dy="28" font-size="15">{escape(why)}</text></g></svg>'
    )
    return Shown(text.encode(), "image/svg+xml", whole=False)
