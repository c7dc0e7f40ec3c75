"""What label errors are found without any model: errors are planted, then `check` looks.

    python benchmarks/no_model.py DATA [--rate 0.1] [--seeds 5]

Prints, for planted shifts and duplicates, the recall where the findings that speak of boxes,
taken from the surest down, are half right; precision and recall of all that are reported at the
default level; and, for a set with errors of every kind, how many of each kind are found.
"""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np

import fastlabel as fl

#: Rules that say of one box, or of one place, that its label is wrong, without a model.
CODES = ("FL204", "FL205", "FL206", "FL207", "FL707", "FL708")


def findings_of(dataset: Any) -> list[tuple[float, int, str]]:
    """Chance, annotation and rule of each finding about a box, the surest first."""
    report = fl.check(dataset, select=CODES, cache=False)
    queue = fl.review_queue(report)
    rows = []
    for row in queue.to_pylist():
        for at in row["findings"]:
            finding = report.findings.slice(at, 1).to_pylist()[0]
            if finding["annotation_id"] is not None:
                rows.append((row["score"], finding["annotation_id"], finding["code"]))
    return sorted(rows, key=lambda r: (-r[0], r[1]))


def planted_in(ledger: Any) -> dict[int, str]:
    """Kind of each annotation that has an error; both boxes of a pair count."""
    kinds: dict[int, str] = {}
    for row in ledger.to_pylist():
        related = row["related"] if row["kind"] in ("duplicate", "split") else []
        for at in (row["annotation_id"], *related):
            if at is not None:
                kinds[at] = row["kind"]
    return kinds


def errors_in(ledger: Any) -> list[tuple[str, set[int]]]:
    """Kind of each error, and the annotations by which it can be found."""
    out = []
    for row in ledger.to_pylist():
        related = row["related"] if row["kind"] in ("duplicate", "split") else []
        out.append((row["kind"], {a for a in (row["annotation_id"], *related) if a is not None}))
    return out


def main(data: str, rate: float, seeds: int) -> None:
    """Plant, look, and print."""
    clean = fl.read(data)
    boxes = clean.annotations.num_rows
    quiet = findings_of(clean)
    print(
        f"{data}: {boxes:,} boxes; unchanged: {len({a for _, a, _ in quiet}):,} "
        f"({len({a for _, a, _ in quiet}) / boxes:.1%}) reported"
    )
    print(f"{'seed':>4} {'recall at half right':>21} {'precision':>10} {'recall':>7}  by kind")
    recalls = []
    for seed in range(seeds):
        noisy, ledger = fl.corrupt(clean, rate=rate, kinds=["shift", "duplicate"], seed=seed)
        wrong, errors = planted_in(ledger), errors_in(ledger)
        found = findings_of(noisy)
        hits = np.array([a in wrong for _, a, _ in found])
        right = np.flatnonzero(np.cumsum(hits) / np.arange(1, len(hits) + 1) >= 0.5)
        until = {a for _, a, _ in found[: right[-1] + 1]} if len(right) else set()
        every = {a for _, a, _ in found}
        at_half = np.mean([bool(where & until) for _, where in errors])
        recalls.append(at_half)
        kinds = {
            kind: np.mean([bool(where & every) for k, where in errors if k == kind])
            for kind in ("shift", "duplicate")
        }
        told = ", ".join(f"{kind} {share:.2f}" for kind, share in kinds.items())
        recall = np.mean([bool(where & every) for _, where in errors])
        print(f"{seed:>4} {at_half:>21.3f} {hits.mean():>10.3f} {recall:>7.3f}  {told}")
    print(f"mean {np.mean(recalls):>21.3f}")

    noisy, ledger = fl.corrupt(clean, rate=rate, seed=0)
    every = {a for _, a, _ in findings_of(noisy)}
    print("\nErrors of every kind, seed 0, reported at the default level:")
    for kind in sorted({k for k, _ in errors_in(ledger)}):
        mine = [where for k, where in errors_in(ledger) if k == kind]
        share = np.mean([bool(where & every) for where in mine])
        print(f"  {kind:<10} {share:6.1%} of {len(mine)}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("data")
    parser.add_argument("--rate", type=float, default=0.1)
    parser.add_argument("--seeds", type=int, default=5)
    given = parser.parse_args()
    main(given.data, given.rate, given.seeds)
