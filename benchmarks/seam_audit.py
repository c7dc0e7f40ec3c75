"""How well pasted objects are told from real ones, blend by blend: ``seam_audit.py SET...``.

Like is compared with like. A real rim is that of an object in its own picture, shrunk as a whole
until the object has the wanted size. The pasted one is the same object, at that size, in another
picture of the set that was shrunk too, to four times the object: both are small pictures then, and
what differs is the pasting. Classifier and folds are those of ``fastlabel paste --audit``.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np

import fastlabel as fl
from fastlabel.prepare.paste.audit import AuditResult, audit_seams
from fastlabel.prepare.paste.bank import build_bank, read_picture
from fastlabel.prepare.paste.render import PasteItem, render

SIZES = (10.0, 32.0)
ROOM = 20
TRIES = 30
RUNS = (
    ("rectangle", False),
    ("alpha", False),
    ("feather", False),
    ("feather", True),
    ("multiband", True),
    ("poisson", True),
)


def free_place(rng: Any, size: Any, room: tuple[int, int], others: Any) -> tuple[float, ...]:
    """A random place that covers least of other boxes, of some tries."""
    best: tuple[float, float, float] | None = None
    for _ in range(TRIES):
        x = rng.uniform(ROOM / 2, room[0] - size[0] - ROOM / 2)
        y = rng.uniform(ROOM / 2, room[1] - size[1] - ROOM / 2)
        wide = (np.minimum(others[:, 2], x + size[0]) - np.maximum(others[:, 0], x)).clip(0)
        high = (np.minimum(others[:, 3], y + size[1]) - np.maximum(others[:, 1], y)).clip(0)
        hidden = float((wide * high).sum())
        if best is None or hidden < best[0]:
            best = hidden, x, y
        if hidden == 0:
            break
    assert best is not None
    return best[1], best[2], best[1] + float(size[0]), best[2] + float(size[1])


def pairs(folder: Path, most: int, seed: int) -> tuple[list[Any], list[Any]]:
    """Real rims (picture, boxes, source) and pastes (target, item, source), one for one."""
    ds = fl.read(folder)
    bank = build_bank(ds)
    good = bank.table.filter(bank.table["accepted"]).to_pylist()
    boxes, owner = ds.boxes(), ds.column("annotations", "image_id")
    rng = np.random.default_rng(seed)
    real, jobs = [], []
    for k in np.concatenate([rng.permutation(len(good)) for _ in range(4)]):
        row = good[k]
        size = float(np.exp(rng.uniform(*np.log(SIZES))))
        source = read_picture(ds, row["image_id"])
        h, w = source.shape[:2]
        factor = size / row["short_side"]
        other = int(rng.integers(len(ds)))
        if factor > 1 or other == row["image_id"]:
            continue
        small = fl.resize_area(source, (max(1, round(w * factor)), max(1, round(h * factor))))
        scale = np.array([small.shape[1] / w, small.shape[0] / h] * 2)
        box = np.array([row[c] for c in ("x1", "y1", "x2", "y2")]) * scale
        edge = (
            box[0] < 2 or box[1] < 2 or box[2] > small.shape[1] - 2 or box[3] > small.shape[0] - 2
        )
        target = read_picture(ds, other)
        shrink = min(1.0, (4 * size + 16) / min(target.shape[:2]))
        room = tuple(max(1, round(side * shrink)) for side in target.shape[1::-1])
        extent = box[2:] - box[:2]
        if edge or room[0] < extent[0] + ROOM or room[1] < extent[1] + ROOM:
            continue
        place = free_place(rng, extent, room, boxes[owner == other] * shrink)
        item = PasteItem(bank.patch(row["instance_id"]), place, bool(rng.integers(2)), len(jobs))
        real.append((small, [box], row["image_id"]))
        jobs.append((fl.resize_area(target, room), item, row["image_id"]))
        if len(real) == most:
            break
    return real, jobs


def audit(real: list[Any], jobs: list[Any], blend: str, match: bool) -> AuditResult:
    """The audit of one blend."""
    pasted = (
        (render(target, [item], blend=blend, match=match).pixels, [item.box], source)
        for target, item, source in jobs
    )
    return audit_seams(real, pasted)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sets", nargs="+", type=Path)
    parser.add_argument("--pairs", type=int, default=150)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    for folder in given.sets:
        real, jobs = pairs(folder, given.pairs, given.seed)
        for blend, match in RUNS:
            result = audit(real, jobs, blend, match)
            strongest = ", ".join(list(result.importance)[:3])
            print(
                f"{folder.name:8} {blend:9} {'matched' if match else 'as it is':8} "
                f"{result.auc:.3f} ({result.ci[0]:.3f} to {result.ci[1]:.3f}) "
                f"{result.n_pasted} pairs; {strongest}",
                flush=True,
            )


if __name__ == "__main__":
    main()
