"""What a recipe makes of one picture, for a page that shows it while a slider moves.

A preview is made by the code that ``fastlabel augment`` runs, of the same pixels: a picture that
is larger than the preview is shrunk first, with its labels, and what is shown is what ``augment``
writes for the shrunken picture. At full size it is what ``augment`` writes.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .. import _core
from ..augment.labels import Given, Source
from ..augment.recipe import Augmented, Memory, Recipe
from ..augment.sample import PASTED
from ..cut import read_tile
from ..dataset import Dataset, DatasetError
from ..pixels import letterbox, resize_area
from .guard import ApiError
from .pictures import Pictures, Unreadable

if TYPE_CHECKING:
    from ..deploy import Profile

__all__ = ["FIT", "Previews", "Subject", "at_input", "fitting", "frame", "shrunk"]

Picture = NDArray[np.uint8]
Size = tuple[int, int]

#: Largest preview that follows a slider; what is larger is shrunk to fit.
FIT: Size = (960, 540)
#: Bytes of pictures that are kept ready.
KEPT = 320 << 20
#: Bytes of a picture whose stages are kept, one picture a stage.
REMEMBERED = 4 << 20
#: Own pictures that are kept, and their bytes altogether.
OWN, OWN_BYTES = 24, 256 << 20


def fitting(size: Size, most: Size = FIT) -> Size:
    """The size that a picture is shrunk to.

    Examples
    --------
    >>> fitting((4000, 2250)), fitting((640, 480))
    ((960, 540), (640, 480))
    """
    scale = min(most[0] / size[0], most[1] / size[1], 1.0)
    return max(round(size[0] * scale), 1), max(round(size[1] * scale), 1)


def shrunk(picture: Picture, given: Given, size: Size) -> tuple[Picture, Given]:
    """A picture and its labels at another size; the same ones where it has that size."""
    high, wide = picture.shape[:2]
    if (wide, high) == size:
        return picture, given
    sx, sy = size[0] / wide, size[1] / high
    both, box = np.array([sx, sy]), np.array([sx, sy, sx, sy])
    scaled = replace(
        given,
        boxes=given.boxes * box,
        ignore=given.ignore * box,
        obb=given.obb * both,
        polygons=[
            None if rings is None else [ring * both for ring in rings] for rings in given.polygons
        ],
    )
    return resize_area(picture, size), scaled


@dataclass
class Subject:
    """One picture at one size, ready for recipes.

    Attributes
    ----------
    image : int or None
        Its row in the set; None: a picture of the user's own.
    name : str
        What its draws hang on: the name by which ``augment`` knows it.
    picture : numpy.ndarray
        (H, W, 3) uint8, BGR; not to be written.
    given : Given
        Its labels at this size.
    full : tuple of int
        Width and height of the whole picture.
    """

    image: int | None
    name: str
    picture: Picture
    given: Given
    full: Size
    memory: Memory = field(default_factory=Memory)
    lock: threading.Lock = field(default_factory=threading.Lock)


@dataclass(frozen=True)
class _Own:
    name: str
    data: bytes


class Previews:
    """Pictures of a data set, and the user's own, under recipes.

    Parameters
    ----------
    ds : Dataset
        With its pictures as files, or with a source of its own.
    pictures : Pictures
        Of that set: where the bytes come from, and what ids mean.
    """

    def __init__(self, ds: Dataset, pictures: Pictures) -> None:
        self.ds, self.pictures = ds, pictures
        self._source: Source | None = None
        self._subjects: OrderedDict[tuple[str, bool], Subject] = OrderedDict()
        self._bytes = 0
        self._own: OrderedDict[str, _Own] = OrderedDict()
        self._lock = threading.Lock()

    @property
    def source(self) -> Source:
        """Labels, image by image; sorted when they are first asked for."""
        with self._lock:
            if self._source is None:
                self._source = Source(self.ds)
            return self._source

    # ---- pictures --------------------------------------------------------------

    def subject(self, text: str, whole: bool = False) -> Subject:
        """The picture that an id names, shrunk to fit a preview or whole.

        Raises
        ------
        ApiError
            If there is no such picture, or it cannot be read: the message says why.
        """
        key = (text, whole)
        with self._lock:
            held = self._subjects.get(key)
            if held is not None:
                self._subjects.move_to_end(key)
                return held
        made = self._read(text, whole)
        with self._lock:
            if key not in self._subjects:
                self._subjects[key] = made
                self._bytes += made.picture.nbytes
                while self._bytes > KEPT and len(self._subjects) > 1:
                    self._bytes -= self._subjects.popitem(last=False)[1].picture.nbytes
            return self._subjects.get(key, made)

    def _read(self, text: str, whole: bool) -> Subject:
        own = self._own.get(text)
        if own is not None:
            picture, given, image, name = decoded(own.data), _no_labels(), None, own.name
        else:
            image = self.pictures.row(text)
            name = self.name(image)
            try:
                content = self.pictures.content(image)
                size = upright(content)
                self._check_turn(image, content)
                picture = read_tile(content, (0, 0, *size))
            except (Unreadable, DatasetError, ValueError) as error:
                why = str(error).removeprefix("source: ")
                raise ApiError(422, "unreadable", f"This picture cannot be shown: {why}") from error
            given = self.source.of_image(image, size)
        high, wide = picture.shape[:2]
        small, labels = shrunk(picture, given, (wide, high) if whole else fitting((wide, high)))
        return Subject(image, name, small, labels, (wide, high))

    def _check_turn(self, image: int, content: bytes) -> None:
        _, wide, high, turn = _core.sniff_bytes(content)[:4]
        row = self.ds.images.slice(image, 1)
        declared = row["width"][0].as_py(), row["height"][0].as_py()
        if turn >= 5 and wide != high and declared == (wide, high):
            raise Unreadable(
                "its labels were drawn on the stored picture, which EXIF turns: turn the pixels "
                "once and set the tag to 1"
            )

    def name(self, image: int) -> str:
        """The name that ``augment`` draws by."""
        row = self.ds.images.slice(image, 1)
        path = row["path"][0].as_py()
        return str(path if path is not None else row["file_name"][0].as_py())

    def take_own(self, text: str, name: str, data: bytes) -> Size:
        """Keep a picture of the user's own under an id; its width and height.

        Raises
        ------
        ApiError
            If it cannot be decoded.
        """
        picture = decoded(data)
        with self._lock:
            self._own[text] = _Own(name, data)
            while len(self._own) > OWN or sum(len(o.data) for o in self._own.values()) > OWN_BYTES:
                self._own.popitem(last=False)
        return picture.shape[1], picture.shape[0]

    # ---- recipes ---------------------------------------------------------------

    def make(
        self,
        subject: Subject,
        recipe: Recipe,
        seed: int,
        context: Mapping[str, Any] | None = None,
        *,
        follow: bool = False,
    ) -> Augmented:
        """What the recipe makes of a picture: the first copy that ``augment`` writes.

        With `follow` what each stage makes is kept: the next question will be about nearly the
        same recipe. (Not of large pictures: they are not what follows a slider.)
        """
        given = subject.given
        remember = follow and subject.picture.nbytes <= REMEMBERED
        with subject.lock:
            return recipe(
                subject.picture,
                given.boxes,
                given.polygons,
                given.obb,
                given.ignore,
                seed=seed,
                image_key=subject.name,
                epoch=0,
                context={**(context or {}), "image": subject.image, "name": subject.name},
                memory=subject.memory if remember else None,
            )

    def labels(self, subject: Subject, made: Augmented) -> dict[str, Any]:
        """Boxes, outlines and regions as the page draws them, in the result's pixels."""
        categories = self.ds.annotations["category_id"]
        boxes = []
        for k, at in enumerate(made.kept.tolist()):
            row = subject.given.box_rows[at] if at >= 0 else -1 - PASTED - at
            boxes.append(
                {
                    "box": _rounded(made.boxes[k]),
                    "class": categories[row].as_py(),
                    "rings": [_rounded(ring) for ring in made.polygons[k] or ()],
                    "obb": _rounded(made.obb[k]) if np.isfinite(made.obb[k]).all() else None,
                    "tight": round(float(made.tightness[k]), 4),
                    "pasted": row if at < 0 else None,
                }
            )
        return {"boxes": boxes, "ignore": [_rounded(region) for region in made.ignore]}


def _rounded(values: Any) -> list[Any]:
    found: list[Any] = np.round(np.asarray(values, np.float64), 3).tolist()
    return found


def _no_labels() -> Given:
    none = np.zeros((0, 4))
    return Given(none, [], np.zeros((0, 4, 2)), none, [], [], [], 0)


def upright(data: bytes) -> Size:
    """Width and height of a picture's file once it is turned as EXIF says."""
    kind, wide, high, turn = _core.sniff_bytes(data)[:4]
    if min(wide, high) < 1:
        why = (
            "the file is empty" if not data else f"this {kind or 'file'} has no size in its header"
        )
        raise Unreadable(why)
    return (high, wide) if 5 <= turn <= 8 else (wide, high)


def decoded(data: bytes) -> Picture:
    """A picture that was dropped on the page: 8 bits a channel, blue, green, red.

    Raises
    ------
    ApiError
        If it cannot be decoded.
    """
    try:
        return read_tile(data, (0, 0, *upright(data)))
    except (Unreadable, DatasetError, ValueError) as error:
        why = str(error).removeprefix("source: ")
        raise ApiError(422, "unreadable", f"This is no picture that can be used: {why}") from error


def at_input(made: Augmented, profile: Profile) -> Augmented:
    """A picture and its labels as the model gets them."""
    size = profile.input_width, profile.input_height
    pixels, mapping = letterbox(
        made.image, size, layout="nhwc", dtype="uint8", stretch=profile.resize == "stretch"
    )
    scale = np.array([mapping.scale_x, mapping.scale_y])
    shift = np.array([mapping.pad_x, mapping.pad_y], np.float64)
    return replace(
        made,
        image=np.ascontiguousarray(pixels.reshape(size[1], size[0], -1)),
        boxes=mapping.to_input(made.boxes),
        ignore=mapping.to_input(made.ignore),
        obb=made.obb * scale + shift,
        polygons=[
            None if rings is None else [ring * scale + shift for ring in rings]
            for rings in made.polygons
        ],
    )


def frame(head: bytes, picture: Picture) -> bytes:
    """Pack JSON and pixels into one answer.

    Four bytes say how long the JSON is (little-endian, padded with blanks to a multiple of four);
    red, green, blue and 255 of each pixel follow. A page paints that as it is: encoding and
    decoding a PNG of 960 x 540 takes longer than five effects.
    """
    import cv2

    code = cv2.COLOR_GRAY2RGBA if picture.ndim == 2 else cv2.COLOR_BGR2RGBA
    pixels = cv2.cvtColor(picture, code)
    head += b" " * (-len(head) % 4)
    return len(head).to_bytes(4, "little") + head + pixels.tobytes()
