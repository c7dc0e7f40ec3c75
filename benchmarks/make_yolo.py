"""A YOLO tree of any size: the same bytes for the same arguments, on any machine.

    python benchmarks/make_yolo.py FOLDER --images 100000 --boxes 1000000

The pictures are PNGs of one gray shade, a few hundred bytes each.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from fastlabel.bench.text_labels import write_yolo


def main() -> None:
    """Write one set as asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--images", type=int, default=100_000)
    parser.add_argument("--boxes", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    write_yolo(asked.folder, asked.images, asked.boxes, asked.seed)


if __name__ == "__main__":
    main()
