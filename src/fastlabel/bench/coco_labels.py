"""A COCO label file of any size: the same bytes for the same arguments, on any machine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

__all__ = ["write"]

CLASSES = 80
WIDTH, HEIGHT = 640, 480
BLOCK = 10_000


def image_lines(images: int) -> Iterator[str]:
    """Records of ``images``, as text."""
    for at in range(images):
        yield (
            f'{{"license": {at % 8 + 1}, "file_name": "{at:012d}.jpg", "height": {HEIGHT}, '
            f'"width": {WIDTH}, "date_captured": "2013-11-14 11:18:45", "id": {at + 1}}}'
        )


def annotation_lines(images: int, boxes: int, points: int, seed: int) -> Iterator[str]:
    """Records of ``annotations``, as text; the boxes of one image follow each other."""
    turn = np.linspace(0, 2 * np.pi, points, endpoint=False)
    for first in range(0, boxes, BLOCK):
        count = min(BLOCK, boxes - first)
        draw = np.random.default_rng([seed, first])
        size = np.round(draw.uniform(8, 200, (count, 2)), 2)
        corner = np.round(draw.uniform(0, (WIDTH - 200, HEIGHT - 200), (count, 2)), 2)
        radius = draw.uniform(0.7, 1.0, (count, points)) / 2
        x = np.round(corner[:, :1] + size[:, :1] * (0.5 + radius * np.cos(turn)), 2)
        y = np.round(corner[:, 1:] + size[:, 1:] * (0.5 + radius * np.sin(turn)), 2)
        outlines = np.stack([x, y], axis=2).reshape(count, -1).tolist()
        classes = draw.integers(1, CLASSES + 1, count).tolist()
        for at, (box, outline, label) in enumerate(
            zip(np.hstack([corner, size]).tolist(), outlines, classes, strict=True), first
        ):
            area = round(box[2] * box[3] * 0.55, 4)
            yield (
                f'{{"segmentation": [{outline}], "area": {area}, "iscrowd": 0, '
                f'"image_id": {at * images // boxes + 1}, "bbox": {box}, '
                f'"category_id": {label}, "id": {at + 1}}}'
            )


def write(path: Path, images: int, boxes: int, points: int = 5, seed: int = 0) -> int:
    """Write the file, section after section, as Python's ``json.dump`` writes.

    Parameters
    ----------
    path : pathlib.Path
        Where to.
    images, boxes : int
        How many. 100,000 images and 1,000,000 boxes of 5 points are 237 MB.
    points : int
        Corners of each polygon.
    seed : int
        Of the boxes.

    Returns
    -------
    int
        Size in bytes.
    """
    with path.open("w", encoding="ascii") as file:
        file.write('{"info": {"description": "made by make_coco.py", "version": "1.0"}, ')
        for name, lines in (
            ("images", image_lines(images)),
            ("annotations", annotation_lines(images, boxes, points, seed)),
            (
                "categories",
                (
                    f'{{"supercategory": "thing", "id": {k}, "name": "class {k}"}}'
                    for k in range(1, CLASSES + 1)
                ),
            ),
        ):
            file.write(f'"{name}": [')
            for at, line in enumerate(lines):
                file.write(", " + line if at else line)
            file.write("], " if name != "categories" else "]}")
    return path.stat().st_size
