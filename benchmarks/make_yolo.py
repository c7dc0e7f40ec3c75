"""A YOLO tree of any size: the same bytes for the same arguments, on any machine.

    python benchmarks/make_yolo.py FOLDER --images 100000 --boxes 1000000

Writes ``data.yaml``, ``images/train/*.png`` (a header and one pixel row's worth of data, so that
the size can be read and no disk is filled) and ``labels/train/*.txt``.
"""

from __future__ import annotations

import argparse
import struct
import zlib
from pathlib import Path

import numpy as np

CLASSES = 80
WIDTH, HEIGHT = 640, 480
BLOCK = 1_000


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


def write(folder: Path, images: int, boxes: int, seed: int = 0) -> None:
    """Write the tree."""
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


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--images", type=int, default=100_000)
    parser.add_argument("--boxes", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    write(given.folder, given.images, given.boxes, given.seed)


if __name__ == "__main__":
    main()
