"""How well pasted objects are told from real ones, blend by blend: ``seam_audit.py SET...``.

The protocol is that of ``fastlabel paste --audit``, with objects of 10 to 32 px, over several draws
of objects, targets and places. The blends were tuned on seeds 0 to 4; the default seeds are others.
``--rings`` adds a control: the same classifier with features of three more outlines, further out,
so that a seam which has only moved away from the object is seen there.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import cv2
import numpy as np

import fastlabel as fl
from fastlabel.prepare.paste.audit import audit_rims
from fastlabel.prepare.paste.bank import build_bank
from fastlabel.prepare.paste.render import render
from fastlabel.prepare.paste.rims import rim_features
from fastlabel.prepare.paste.seams import audit_pairs, seam_pairs

SIZES = (10.0, 32.0)
RUNS = {
    "rectangle": ("rectangle", False),
    "alpha": ("alpha", False),
    "unmatched": ("feather", False),
    "feather": ("feather", True),
    "multiband": ("multiband", True),
    "poisson": ("poisson", True),
}
#: Of the short side: how far out the control's outlines lie, and how far it looks.
GROWN = (0.12, 0.25, 0.4)
PAD = 0.6
FLOOR = 0.5
QUALITY = 95


def picks(bank: Any, seed: int) -> list[tuple[int, float]]:
    """Objects in random order, four times over, with sizes even in their logarithm."""
    rng = np.random.default_rng(seed)
    good = np.flatnonzero(bank.table["accepted"].to_numpy())
    order = np.concatenate([rng.permutation(good) for _ in range(4)])
    sizes = np.exp(rng.uniform(*np.log(SIZES), len(order)))
    return list(zip(order.tolist(), sizes.tolist(), strict=True))


def ring_features(image: Any, box: Any) -> list[float]:
    """What the audit asks of the outline, asked of rounded boxes further out."""
    sides = np.array(box[2:]) - box[:2]
    pad = max(4, round(PAD * float(sides.min())))
    high, wide = image.shape[:2]
    left, top = (max(0, int(np.floor(v)) - pad) for v in box[:2])
    right, bottom = min(wide, int(np.ceil(box[2])) + pad), min(high, int(np.ceil(box[3])) + pad)
    luma = image[top:bottom, left:right] @ np.array([0.114, 0.587, 0.299])
    gy, gx = np.gradient(luma)
    size = np.hypot(gx, gy)
    laplacian = np.abs(cv2.Laplacian(luma, cv2.CV_64F))
    noise = np.abs(cv2.filter2D(luma, -1, np.outer([1, -2, 1], [1, -2, 1]) / 6.0))
    inner = np.zeros(luma.shape, bool)
    inner[2:-2, 2:-2] = True

    x = np.arange(luma.shape[1])[None, :] + 0.5 + left
    y = np.arange(luma.shape[0])[:, None] + 0.5 + top
    dx, dy = np.maximum(box[0] - x, x - box[2]), np.maximum(box[1] - y, y - box[3])
    away = np.hypot(dx.clip(0), dy.clip(0)) + np.minimum(np.maximum(dx, dy), 0)
    nx = np.sign(x - (box[0] + box[2]) / 2) * dx.clip(0) / np.maximum(away, 1e-6)
    ny = np.sign(y - (box[1] + box[3]) / 2) * dy.clip(0) / np.maximum(away, 1e-6)

    def mean(values: Any, where: Any) -> float:
        return float(values[where].mean()) if where.any() else 0.0

    def ratio(a: float, b: float) -> float:
        return float(np.log((a + FLOOR) / (b + FLOOR)))

    found = []
    for share in GROWN:
        depth = away - share * sides.min()
        ring = inner & (np.abs(depth) <= 1.25)
        near = inner & ~ring & (np.abs(depth) <= 5)
        beyond, before = (inner & (d > 0.5) & (d < 3) for d in (depth, -depth))
        both = beyond.any() and before.any()
        found += [
            ratio(mean(values, ring), mean(values, where))
            for values in (size, laplacian)
            for where in (near, inner & (away < -1))
        ]
        step = abs(mean(luma, beyond) - mean(luma, before)) if both else 0.0
        grain = [float(np.quantile(noise[w], 0.25)) if w.any() else 0.0 for w in (beyond, before)]
        found += [
            mean(np.abs(gx * nx + gy * ny), ring) / (mean(size, ring) + FLOOR),
            ratio(step, mean(size, inner)),
            ratio(mean(size, beyond), mean(size, before)),
            ratio(*grain),
        ]
    return found


def audit_rings(pairs: Any, blend: str, match: bool) -> Any:
    """As `audit_pairs`, with `ring_features` beside the audit's own."""
    real, pasted, groups = [], [], []
    for pair in pairs:
        done = render(pair.target, [pair.item], blend=blend, match=match).pixels
        rows = []
        for picture, box in ((pair.real, pair.box), (done, pair.item.box)):
            _, data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
            image = np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR))
            features = rim_features(image, box)
            rows.append(None if features is None else [*features, *ring_features(image, box)])
        if rows[0] is not None and rows[1] is not None:
            real.append(rows[0])
            pasted.append(rows[1])
            groups.append(pair.group)
    return audit_rims(real, pasted, groups, groups)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sets", nargs="+", type=Path)
    parser.add_argument("--seeds", type=int, nargs="+", default=[5, 6, 7, 8, 9])
    parser.add_argument("--blends", nargs="+", default=list(RUNS))
    parser.add_argument("--rings", action="store_true", help="also look further out, as a control")
    given = parser.parse_args()
    for folder in given.sets:
        dataset = fl.read(folder)
        bank = build_bank(dataset)
        results: dict[str, list[float]] = {name: [] for name in given.blends}
        for seed in given.seeds:
            pairs = seam_pairs(dataset, bank, picks(bank, seed), seed)
            for name in given.blends:
                blend, match = RUNS[name]
                found = audit_pairs(pairs, blend, match)
                results[name].append(found.auc)
                strongest = ", ".join(list(found.importance)[:3])
                print(f"{folder.name:8} {name:10} seed {seed} {found} ({strongest})", flush=True)
                if given.rings:
                    control = audit_rings(pairs, blend, match)
                    results.setdefault(f"{name}, rings", []).append(control.auc)
        for name, values in results.items():
            print(
                f"{folder.name:8} {name:18} mean {np.mean(values):.3f}, {min(values):.3f} to "
                f"{max(values):.3f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
