"""The faults that the sample plants: what each does to a picture, its bytes or its labels."""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from .model import ALL, Fault, Label, Picture, encode
from .paint import Rng

Plant = Callable[[Picture, Rng], list[Fault]]


@dataclass(frozen=True)
class Role:
    """One picture that carries a fault.

    Attributes
    ----------
    plant : callable
        Changes the picture and returns the faults to be found. It runs after the clean
        picture was encoded, so ``picture.data`` holds a good JPEG to damage.
    names : tuple of str
        Figures that the scene needs, most needed first.
    kind, size, split : optional
        Kind of scene, picture size and split, where the fault asks for one.
    formats : frozenset of str
        Formats that can express it; the picture stays clean in the others.
    extra : tuple of (str, float)
        Further figures and their longer side in pixels.
    """

    plant: Plant
    names: tuple[str, ...] = ("person", "car", "person")
    kind: str | None = None
    size: tuple[int, int] | None = None
    split: str = "train"
    formats: frozenset[str] = ALL
    extra: tuple[tuple[str, float], ...] = ()


# --- FL0: files ---------------------------------------------------------------------------


def _noise_file(p: Picture, rng: Rng) -> list[Fault]:
    p.data = b"\x00\x17" + rng.bytes(24_000)
    return [Fault("FL001", "the file holds random bytes, no picture", p)]


def _wrong_marker(p: Picture, rng: Rng) -> list[Fault]:
    # Decoders notice damage inside the picture for certain only at restart markers.
    data = bytearray(encode(p.image, restart=-(-p.width // 16)))
    marks = [at for at in range(len(data) - 1) if data[at] == 0xFF and 0xD0 <= data[at + 1] <= 0xD7]
    at = marks[len(marks) * 2 // 3] + 1
    data[at] = 0xD0 + (data[at] + 4) % 8
    p.data = bytes(data)
    return [Fault("FL001", "a restart marker inside the compressed picture is wrong", p)]


def _cut_off(p: Picture, rng: Rng) -> list[Fault]:
    p.data = (p.data or b"")[: len(p.data or b"") * 6 // 10]
    return [Fault("FL002", "the last two fifths of the file are missing", p)]


def _wrong_extension(p: Picture, rng: Rng) -> list[Fault]:
    p.data = encode(p.image, ".png")
    return [Fault("FL003", "a PNG file named .jpg", p)]


def _absent(p: Picture, rng: Rng) -> list[Fault]:
    p.data = None
    return [Fault("FL004", "the labels name a picture that is not there", p)]


def _outside(p: Picture, rng: Rng) -> list[Fault]:
    p.data, p.outside = None, True
    return [
        Fault("FL005", "the picture's name leads out of the set's folder", p),
        Fault("FL101", "so it has no label file either", p, formats=frozenset(("yolo",))),
    ]


def _giant_header(p: Picture, rng: Rng) -> list[Fault]:
    data = bytearray(p.data or b"")
    at = _start_of_frame(data)
    data[at + 5 : at + 9] = b"\xff\xff\xff\xff"
    p.data = bytes(data)
    return [Fault("FL006", "the header declares 65,535 x 65,535 pixels", p)]


def _start_of_frame(data: bytes | bytearray) -> int:
    """Find the SOF marker of a JPEG."""
    at = 2
    while data[at + 1] not in (0xC0, 0xC1, 0xC2):
        at += 2 + int(struct.unpack(">H", data[at + 2 : at + 4])[0])
    return at


def _with_orientation(data: bytes, orientation: int) -> bytes:
    """Insert an EXIF block that holds an orientation and nothing else."""
    entry = struct.pack("<HHIHH", 0x0112, 3, 1, orientation, 0)
    tiff = b"II*\x00\x08\x00\x00\x00" + struct.pack("<H", 1) + entry + b"\x00\x00\x00\x00"
    body = b"Exif\x00\x00" + tiff
    return data[:2] + b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body + data[2:]


def _phone_upright(p: Picture, rng: Rng) -> list[Fault]:
    lying = np.rot90(p.image)
    p.data = _with_orientation(encode(lying), 6)
    return [Fault("FL007", "stored lying, turned upright by EXIF, labelled upright", p)]


def _false_tag(p: Picture, rng: Rng) -> list[Fault]:
    p.data = _with_orientation(p.data or b"", 6)
    return [Fault("FL007", "EXIF turns a picture that was labelled as stored", p)]


# --- FL1: structure -----------------------------------------------------------------------


def _no_record(p: Picture, rng: Rng) -> list[Fault]:
    p.has_record = False
    return [Fault("FL101", "the picture has no label record", p)]


def _undeclared_class(p: Picture, rng: Rng) -> list[Fault]:
    label = p.first("person")
    label.name = None
    return [Fault("FL102", "a box of a class that is not declared", p, label)]


def _same_id(p: Picture, rng: Rng) -> list[Fault]:
    label = p.labels[-1]
    label.same_id_as = p.labels[0]
    return [Fault("FL103", "the annotation's id is already taken", p, label)]


def _shared_label(p: Picture, rng: Rng) -> list[Fault]:
    p.twin = encode(p.image[:, ::-1], quality=70)
    return [Fault("FL103", "two pictures of one stem share one label file", p)]


def _second_record(p: Picture, rng: Rng) -> list[Fault]:
    p.second_record = True
    return [
        Fault("FL103", "two label files name the same picture", p),
        Fault("FL501", "so the picture counts twice", p),
    ]


def _wrong_size(p: Picture, rng: Rng) -> list[Fault]:
    side = max(p.declared)
    p.declared = (side, side)
    return [Fault("FL104", f"declared {side} x {side}; {p.width} x {p.height} in truth", p)]


def _broken_row(p: Picture, rng: Rng) -> list[Fault]:
    label = Label("person", p.first("person").box, broken=True)
    p.labels.append(label)
    return [Fault("FL105", "a box of which one number is missing", p, label)]


def _mixed_geometry(p: Picture, rng: Rng) -> list[Fault]:
    p.labels[0].polygon = True
    return [Fault("FL106", "one object has an outline, the others only a box", p)]


# --- FL2: geometry ------------------------------------------------------------------------


def _out_of_bounds(p: Picture, rng: Rng) -> list[Fault]:
    label = max(p.labels, key=lambda one: one.box[2])
    x1, y1, x2, y2 = label.box
    shift = p.width + round(0.3 * (x2 - x1)) - x2
    label.box = (x1 + shift, y1, x2 + shift, y2)
    return [Fault("FL201", "almost a third of the box lies beyond the right edge", p, label)]


def _no_width(p: Picture, rng: Rng) -> list[Fault]:
    label = p.first("person")
    x1, y1, _, y2 = label.box
    label.box = (x1, y1, x1, y2)
    return [Fault("FL202", "a box without width", p, label)]


def _swapped(p: Picture, rng: Rng) -> list[Fault]:
    label = p.first("car")
    x1, y1, x2, y2 = label.box
    label.box = (x2, y1, x1, y2)
    return [Fault("FL203", "left and right side of the box are swapped", p, label)]


def _labelled_twice(p: Picture, rng: Rng) -> list[Fault]:
    x1, y1, x2, y2 = p.first("car").box
    label = Label("car", (x1 + 1, y1 + 1, x2 + 1, y2))
    p.labels.append(label)
    return [Fault("FL204", "the car was labelled twice, a pixel apart", p, label)]


def _two_classes(p: Picture, rng: Rng) -> list[Fault]:
    x1, y1, x2, y2 = p.first("parcel").box
    label = Label("dog", (x1, y1, x2, y2 - 1))
    p.labels.append(label)
    return [Fault("FL205", "the parcel is labelled a dog as well", p, label)]


def _inside(p: Picture, cx: float, cy: float, w: float, h: float) -> tuple[float, ...]:
    """Make a box of that size, moved so that no side comes near an edge of the picture."""
    margin = 6
    x1 = float(np.clip(round(cx - w / 2), margin, p.width - w - margin))
    y1 = float(np.clip(round(cy - h / 2), margin, p.height - h - margin))
    return x1, y1, x1 + w, y1 + h


def _too_wide(p: Picture, rng: Rng) -> list[Fault]:
    label = p.smallest("person")
    x1, y1, x2, y2 = label.box
    width = round((y2 - y1) / 0.45)
    box = _inside(p, (x1 + x2) / 2, (y1 + y2) / 2, width, y2 - y1)
    label.box = (box[0], box[1], box[2], box[3])
    return [Fault("FL206", "a standing person's box is twice as wide as it is high", p, label)]


def _too_large(p: Picture, rng: Rng) -> list[Fault]:
    label = p.first("parcel")
    x1, y1, x2, y2 = label.box
    width = round(0.52 * max(p.width, p.height))
    box = _inside(p, (x1 + x2) / 2, (y1 + y2) / 2, width, round(0.78 * width))
    label.box = (box[0], box[1], box[2], box[3])
    return [Fault("FL207", "a parcel's box of half the picture", p, label)]


def _not_a_number(p: Picture, rng: Rng) -> list[Fault]:
    label = p.first("person")
    label.box = (float("nan"), *label.box[1:])
    return [Fault("FL208", "a coordinate is NaN", p, label)]


# --- FL3: size ----------------------------------------------------------------------------


def _below_target(p: Picture, rng: Rng) -> list[Fault]:
    label = p.smallest("dog")
    return [Fault("FL301", "a dog less than 8 px high at the model's input", p, label)]


def _tiny(p: Picture, rng: Rng) -> list[Fault]:
    label = p.smallest("dog")
    return [
        Fault("FL302", "a dog under 15 x 15 px at 1080p", p, label),
        Fault("FL301", "the same dog is below 8 px at the model's input", p, label),
    ]


# --- FL4: image quality -------------------------------------------------------------------


def _levels(p: Picture, rng: Rng, gain: float, offset: float, noise: float) -> None:
    seen = p.image.astype(np.float32) * gain + offset
    seen += noise * rng.standard_normal((p.height, p.width, 1)).astype(np.float32)
    p.image = np.clip(np.rint(seen), 0, 255).astype(np.uint8)
    p.data = encode(p.image, quality=90)


def _blurred(p: Picture, rng: Rng) -> list[Fault]:
    p.image = np.asarray(cv2.GaussianBlur(p.image, (0, 0), 5))
    p.data = encode(p.image)
    return [Fault("FL401", "out of focus", p)]


def _dark(p: Picture, rng: Rng) -> list[Fault]:
    _levels(p, rng, 0.17, 0, 0.5)
    return [Fault("FL402", "underexposed", p)]


def _bright(p: Picture, rng: Rng) -> list[Fault]:
    _levels(p, rng, 0.26, 208, 0.5)
    return [Fault("FL403", "overexposed", p)]


def _flat(p: Picture, rng: Rng) -> list[Fault]:
    _levels(p, rng, 0.21, 108, 0.3)
    return [Fault("FL404", "fog: hardly any contrast", p)]


def _noisy(p: Picture, rng: Rng) -> list[Fault]:
    _levels(p, rng, 0.85, 18, 24)
    return [Fault("FL405", "heavy sensor noise", p)]


def _moved_figure(p: Picture, rng: Rng) -> list[Fault]:
    label = max(
        (one for one in p.labels if one.name == "person"), key=lambda one: one.box[3] - one.box[1]
    )
    x1, y1, x2, y2 = (int(v) for v in label.box)
    # A little more than the box, faded in, so that the blur itself makes no edge in it.
    pad = 10
    x1, y1 = max(0, x1 - pad), max(0, y1 - pad)
    x2, y2 = min(p.width, x2 + pad), min(p.height, y2 + pad)
    weight = np.zeros(p.image.shape[:2], np.float32)
    weight[y1:y2, x1:x2] = 1
    weight = np.clip(cv2.GaussianBlur(weight, (0, 0), pad / 3) * 1.05, 0, 1)[..., None]
    soft = cv2.GaussianBlur(p.image, (0, 0), 4.5).astype(np.float32)
    p.image = np.rint(p.image * (1 - weight) + soft * weight).astype(np.uint8)
    # Coarse JPEG blocks would be edges where there are no others.
    p.data = encode(p.image, quality=95)
    return [Fault("FL406", "only this person is blurred", p, label)]


def _blank(p: Picture, rng: Rng) -> list[Fault]:
    p.image = np.full_like(p.image, 118)
    p.data = encode(p.image)
    return [Fault("FL407", "a gray frame with nothing in it", p)]


# --- the list -----------------------------------------------------------------------------

_PARCEL = ("person", "parcel", "car", "person")

#: One picture each. FL5 and FL6 concern several pictures: see :mod:`fastlabel.sample.plan`.
ROLES: tuple[Role, ...] = (
    Role(_noise_file),
    Role(_wrong_marker, kind="yard"),
    Role(_cut_off, kind="street"),
    Role(_wrong_extension, kind="yard", size=(640, 360)),
    Role(_absent, split="test"),
    Role(_outside, split="test"),
    Role(_giant_header, split="val"),
    Role(_phone_upright, kind="doorbell", size=(480, 640)),
    Role(
        _false_tag,
        kind="street",
        size=(640, 480),
        split="val",
        formats=frozenset(("coco", "voc")),
    ),
    Role(_no_record),
    Role(_undeclared_class, split="val"),
    Role(_same_id, formats=frozenset(("coco",))),
    Role(_shared_label, formats=frozenset(("yolo",))),
    Role(_second_record, formats=frozenset(("voc",))),
    Role(_wrong_size, size=(640, 480), kind="street", formats=frozenset(("coco", "voc"))),
    Role(_broken_row),
    Role(_mixed_geometry, formats=frozenset(("coco", "yolo"))),
    Role(_out_of_bounds, split="test"),
    Role(_no_width),
    Role(_swapped, split="val"),
    Role(_labelled_twice),
    Role(_two_classes, _PARCEL),
    Role(_too_wide, size=(640, 480)),
    Role(_too_large, _PARCEL, kind="street"),
    Role(_not_a_number, split="test"),
    Role(_below_target, kind="drone", size=(960, 540), extra=(("dog", 15),)),
    Role(_tiny, kind="drone", size=(960, 540), extra=(("dog", 7),)),
    Role(_blurred, kind="doorbell"),
    Role(_dark, kind="street"),
    Role(_bright, kind="yard", split="val"),
    Role(_flat, kind="yard"),
    Role(_noisy, kind="doorbell", size=(640, 480)),
    Role(_moved_figure, ("person", "person", "car"), kind="doorbell"),
    Role(_blank),
)
