"""A COCO label file of any size: the same bytes for the same arguments, on any machine.

    python benchmarks/make_coco.py labels.json --images 100000 --boxes 1000000

100,000 images and 1,000,000 boxes with polygons are 237 MB. Memory does not grow with the size.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from fastlabel.bench.coco_labels import write


def main() -> None:
    """Write one file as asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("path", type=Path)
    parser.add_argument("--images", type=int, default=100_000)
    parser.add_argument("--boxes", type=int, default=1_000_000)
    parser.add_argument("--points", type=int, default=5, help="corners of a polygon")
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    size = write(asked.path, asked.images, asked.boxes, asked.points, asked.seed)
    print(f"{asked.path}: {size:,} bytes")


if __name__ == "__main__":
    main()
