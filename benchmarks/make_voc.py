"""A Pascal VOC set of any size: the same bytes for the same arguments, on any machine.

    python benchmarks/make_voc.py FOLDER --images 20000 --boxes 100000

The pictures are PNGs of one gray shade, a few hundred bytes each.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from fastlabel.bench.text_labels import write_voc


def main() -> None:
    """Write one set as asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--images", type=int, default=20_000)
    parser.add_argument("--boxes", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    write_voc(asked.folder, asked.images, asked.boxes, asked.seed)


if __name__ == "__main__":
    main()
