"""How well pasted objects are told from real ones, blend by blend: ``seam_audit.py SET...``.

The protocol is that of ``fastlabel paste --audit``, with objects of 10 to 32 px, over several draws
of objects, targets and places. The blends were tuned on seeds 0 to 4; the default seeds are others.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np

import fastlabel as fl
from fastlabel.prepare.paste.bank import build_bank
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


def picks(bank: Any, seed: int) -> list[tuple[int, float]]:
    """Objects in random order, four times over, with sizes even in their logarithm."""
    rng = np.random.default_rng(seed)
    good = np.flatnonzero(bank.table["accepted"].to_numpy())
    order = np.concatenate([rng.permutation(good) for _ in range(4)])
    sizes = np.exp(rng.uniform(*np.log(SIZES), len(order)))
    return list(zip(order.tolist(), sizes.tolist(), strict=True))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sets", nargs="+", type=Path)
    parser.add_argument("--seeds", type=int, nargs="+", default=[5, 6, 7, 8, 9])
    parser.add_argument("--blends", nargs="+", default=list(RUNS))
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
        for name, values in results.items():
            print(
                f"{folder.name:8} {name:10} mean {np.mean(values):.3f}, {min(values):.3f} to "
                f"{max(values):.3f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
