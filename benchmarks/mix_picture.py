"""Draw the mix that sets can give, epoch by epoch: the picture of docs/diet.md.

    python mix_picture.py OUT.png SET ... [--rank SET ...]

Sets after ``--rank`` have levels by rank.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import fastlabel as fl
from fastlabel.prepare.mix.picture import draw


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("sets", type=Path, nargs="+")
    parser.add_argument("--rank", type=Path, nargs="*", default=[])
    given = parser.parse_args()
    panels = []
    for place, levels in [(s, "score") for s in given.sets] + [(s, "rank") for s in given.rank]:
        ds = fl.read(place)
        title = place.name + (", levels by rank" if levels == "rank" else "")
        panels.append((title, fl.mix(ds, levels=levels)))
    draw(panels, given.out)


if __name__ == "__main__":
    main()
