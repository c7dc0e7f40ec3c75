"""A Pascal VOC set of any size: the same bytes for the same arguments, on any machine.

    python benchmarks/make_voc.py FOLDER --images 20000 --boxes 100000

Writes ``JPEGImages/*.png`` (one gray shade, a few hundred bytes each) and ``Annotations/*.xml``
as labelImg writes them.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from make_yolo import BLOCK, HEIGHT, WIDTH, draw_boxes, picture

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


def write(folder: Path, images: int, boxes: int, seed: int = 0) -> None:
    """Write the set."""
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


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--images", type=int, default=20_000)
    parser.add_argument("--boxes", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    write(given.folder, given.images, given.boxes, given.seed)


if __name__ == "__main__":
    main()
