"""YOLO and Pascal VOC sets of any size: the same bytes for the same arguments, on any machine."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np

__all__ = ["write_voc", "write_yolo"]

CLASSES = 80
WIDTH, HEIGHT = 640, 480
BLOCK = 1_000

HEAD = """<annotation>
\t<folder>JPEGImages</folder>
\t<filename>{name}.png</filename>
\t<path>C:\\data\\JPEGImages\\{name}.png</path>
\t<source>
\t\t<database>Unknown</database>
\t</source>
\t<size>
\t\t<width>{width}</width>
\t\t<height>{height}</height>
\t\t<depth>3</depth>
\t</size>
\t<segmented>0</segmented>
"""
OBJECT = """\t<object>
\t\t<name>class{label}</name>
\t\t<pose>Unspecified</pose>
\t\t<truncated>0</truncated>
\t\t<difficult>0</difficult>
\t\t<bndbox>
\t\t\t<xmin>{x1}</xmin>
\t\t\t<ymin>{y1}</ymin>
\t\t\t<xmax>{x2}</xmax>
\t\t\t<ymax>{y2}</ymax>
\t\t</bndbox>
\t</object>
"""


def picture() -> bytes:
    """A gray PNG of one shade."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        crc = zlib.crc32(kind + data)
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", crc)

    header = struct.pack(">IIBBBBB", WIDTH, HEIGHT, 8, 0, 0, 0, 0)
    rows = zlib.compress((b"\0" + b"\x80" * WIDTH) * HEIGHT, 9)
    signature = b"\x89PNG\r\n\x1a\n"
    return signature + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def draw_boxes(first: int, images: int, boxes: int, seed: int) -> list[list[list[float]]]:
    """Boxes of ``images`` images from ``first`` on: class, centre and size in pixels."""
    draw = np.random.default_rng([seed, first])
    of_image = draw.multinomial(boxes, [1 / images] * images)
    classes = draw.integers(0, CLASSES, (boxes, 1))
    size = draw.integers(8, 200, (boxes, 2))
    corner = draw.integers(0, (WIDTH - 200, HEIGHT - 200), (boxes, 2))
    rows = np.hstack([classes, corner + size / 2, size])
    return [part.tolist() for part in np.split(rows, np.cumsum(of_image)[:-1])]


def write_yolo(folder: Path, images: int, boxes: int, seed: int = 0) -> None:
    """Write ``data.yaml``, ``labels/train/*.txt`` and ``images/train/*.png`` of one gray shade."""
    pictures, labels = folder / "images" / "train", folder / "labels" / "train"
    pictures.mkdir(parents=True)
    labels.mkdir(parents=True)
    names = "".join(f"  {k}: class{k}\n" for k in range(CLASSES))
    head = "path: .\ntrain: images/train\n"
    (folder / "data.yaml").write_text(f"{head}names:\n{names}")
    image = picture()
    for first in range(0, images, BLOCK):
        count = min(BLOCK, images - first)
        share = boxes * (first + count) // images - boxes * first // images
        for at, rows in enumerate(draw_boxes(first, count, share, seed), first):
            text = "".join(
                f"{int(c)} {x / WIDTH:.6f} {y / HEIGHT:.6f} {w / WIDTH:.6f} {h / HEIGHT:.6f}\n"
                for c, x, y, w, h in rows
            )
            (labels / f"{at:08d}.txt").write_text(text)
            (pictures / f"{at:08d}.png").write_bytes(image)


def write_voc(folder: Path, images: int, boxes: int, seed: int = 0) -> None:
    """Write ``Annotations/*.xml``, as labelImg does, and ``JPEGImages/*.png`` of one gray shade."""
    pictures, labels = folder / "JPEGImages", folder / "Annotations"
    pictures.mkdir(parents=True)
    labels.mkdir(parents=True)
    image = picture()
    for first in range(0, images, BLOCK):
        count = min(BLOCK, images - first)
        share = boxes * (first + count) // images - boxes * first // images
        for at, rows in enumerate(draw_boxes(first, count, share, seed), first):
            parts = [HEAD.format(name=f"{at:08d}", width=WIDTH, height=HEIGHT)]
            for label, x, y, width, height in rows:
                x1, y1 = int(x - width / 2), int(y - height / 2)
                parts.append(
                    OBJECT.format(
                        label=int(label),
                        x1=x1 + 1,
                        y1=y1 + 1,
                        x2=x1 + int(width),
                        y2=y1 + int(height),
                    )
                )
            parts.append("</annotation>\n")
            (labels / f"{at:08d}.xml").write_text("".join(parts))
            (pictures / f"{at:08d}.png").write_bytes(image)
