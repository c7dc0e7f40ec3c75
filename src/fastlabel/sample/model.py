"""A picture of the sample and its labels, before any format is chosen."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from .scenes import Scene

#: Declared in every format that declares classes, and never used.
UNUSED_CLASS = "truck"

ALL = frozenset(("coco", "yolo", "voc"))

Box = tuple[float, float, float, float]


@dataclass(eq=False)
class Label:
    """One label to be written; compared by identity, so that a fault can point at it.

    Attributes
    ----------
    name : str or None
        Class; None writes a class that the set does not declare.
    box : tuple of float
        ``x1, y1, x2, y2`` in continuous pixels, 0-based, half-open.
    polygon : bool
        Write an outline as well, or instead where the format has one geometry a row.
    broken : bool
        Leave out one of the box's numbers.
    same_id_as : Label or None
        Another label whose id is written again (COCO).
    """

    name: str | None
    box: Box
    polygon: bool = False
    broken: bool = False
    same_id_as: Label | None = None

    def outline(self) -> list[tuple[float, float]]:
        """List eight points inside the box that touch all four sides of it."""
        x1, y1, x2, y2 = self.box
        w, h = (x2 - x1) / 4, (y2 - y1) / 4
        return [
            (x1 + w, y1),
            (x2 - w, y1),
            (x2, y1 + h),
            (x2, y2 - h),
            (x2 - w, y2),
            (x1 + w, y2),
            (x1, y2 - h),
            (x1, y1 + h),
        ]


@dataclass(eq=False)
class Picture:
    """One image file and its label record.

    Attributes
    ----------
    stem, extension : str
        File name; the extension is what the name says, not what the bytes are.
    split : str
        ``train``, ``val`` or ``test``.
    width, height : int
        Size of the upright picture.
    image : numpy.ndarray
        (H, W, 3) uint8, blue green red; the upright picture, empty once it is encoded.
    labels : list of Label
        What the label record will say.
    data : bytes or None
        The file; None: it is not written.
    declared : (int, int)
        Width and height that the label record states.
    has_record : bool
        Whether there is a label record at all.
    outside : bool
        Write a file name that leads out of the set's folder.
    second_record : bool
        Write a second label record for the same image.
    twin : bytes or None
        Another file of the same stem, with another extension.
    """

    stem: str
    split: str
    width: int
    height: int
    image: npt.NDArray[Any]
    labels: list[Label]
    declared: tuple[int, int]
    data: bytes | None = None
    extension: str = "jpg"
    has_record: bool = True
    outside: bool = False
    second_record: bool = False
    twin: bytes | None = None

    @property
    def file_name(self) -> str:
        """Name of the image file, without its folder."""
        return f"{self.stem}.{self.extension}"

    def first(self, name: str) -> Label:
        """Find the first label of a class."""
        return next(label for label in self.labels if label.name == name)

    def smallest(self, name: str) -> Label:
        """Find the label of a class with the least height."""
        return min(
            (label for label in self.labels if label.name == name),
            key=lambda label: label.box[3] - label.box[1],
        )

    @classmethod
    def of(cls, stem: str, split: str, scene: Scene) -> Picture:
        """Make a picture whose labels say exactly what was drawn."""
        labels = [
            Label(t.name, (float(t.x1), float(t.y1), float(t.x2), float(t.y2)))
            for t in scene.targets
        ]
        size = (scene.width, scene.height)
        return cls(stem, split, *size, scene.image, labels, size)

    def release(self) -> None:
        """Forget the pixels, which are in the file: a thousand pictures take gigabytes."""
        self.image = np.empty((0, 0, 3), np.uint8)


@dataclass(eq=False)
class Fault:
    """One planted fault: a rule's code and the place where it should be found."""

    code: str
    note: str
    picture: Picture | None = None
    label: Label | None = None
    #: Where it stands when no label can be pointed at.
    where: str | None = None
    #: Formats in which it follows from what was done to the picture.
    formats: frozenset[str] = ALL


@dataclass
class Written:
    """Where a writer put things.

    Attributes
    ----------
    images : dict
        Picture -> the name that a finding about it will carry.
    labels : dict
        Label -> ``file:line`` or ``file#pointer``.
    faults : list of Fault
        Faults of the format's own, such as labels without an image.
    """

    images: dict[Picture, str] = field(default_factory=dict)
    labels: dict[Label, str] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)


def encode(
    image: npt.NDArray[Any], kind: str = ".jpg", quality: int = 84, restart: int = 0
) -> bytes:
    """Encode an image file; a JPEG can have restart markers every few blocks."""
    import cv2

    options = []
    if kind == ".jpg":
        options = [cv2.IMWRITE_JPEG_QUALITY, quality, cv2.IMWRITE_JPEG_RST_INTERVAL, restart]
    done, data = cv2.imencode(kind, np.ascontiguousarray(image), options)
    if not done:
        raise ValueError(f"cannot encode a picture as {kind}")
    return bytes(data.tobytes())
