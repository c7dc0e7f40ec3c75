"""Tables of what is measured: a CSV of all runs, and means and spreads as Markdown."""

from __future__ import annotations

import csv
import json
import statistics
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

__all__ = ["write_tables"]

_COLUMNS = ("model", "arm", "seed", "parameters", "ap", "ap50", "ap50_bccd", "ap50_raccoon")
_COLUMNS += ("ap50_garbage", "cpu_seconds")
_SHOWN = ("ap50", "ap50_bccd", "ap50_raccoon", "ap50_garbage", "ap")


def write_tables(results: Path, arms: Sequence[Any]) -> None:
    """Write ``diet.csv`` and ``diet.md`` beside the results."""
    rows = []
    if results.exists():
        rows = [json.loads(x) for x in results.read_text(encoding="utf-8").splitlines() if x]
    with results.with_suffix(".csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, _COLUMNS, extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        for row in rows:
            writer.writerow({k: f"{v:.4f}" if isinstance(v, float) else v for k, v in row.items()})
    results.with_suffix(".md").write_text("\n".join(_markdown(rows, arms)) + "\n", encoding="utf-8")


def _markdown(rows: list[dict[str, Any]], arms: Sequence[Any]) -> list[str]:
    lines: list[str] = []
    by_run: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        by_run[row["model"], row["arm"]].append(row)
    for model in dict.fromkeys(row["model"] for row in rows):
        millions = next(r["parameters"] for r in rows if r["model"] == model) / 1e6
        lines += [
            f"### {model.capitalize()} model, {millions:.2f} million parameters",
            "",
            "| arm | what | runs | AP50 | against baseline | cells | raccoon | garbage | AP |",
            "|---|---|---|---|---|---|---|---|---|",
        ]
        base = {row["seed"]: row for row in by_run[model, "baseline"]}
        for arm in arms:
            mine = by_run.get((model, arm.name))
            if not mine:
                continue
            means = [_spread([100 * row[key] for row in mine]) for key in _SHOWN]
            cells = [arm.name, arm.about, str(len(mine)), means[0]]
            cells += [_against(mine, base, arm.judged), *means[1:]]
            lines.append(f"| {' | '.join(cells)} |")
        lines.append("")
    return lines


def _spread(values: list[float]) -> str:
    """Mean, and the standard deviation over the seeds."""
    mean = statistics.fmean(values)
    return f"{mean:.1f} ± {statistics.stdev(values):.1f}" if len(values) > 1 else f"{mean:.1f}"


def _against(mine: list[dict[str, Any]], base: dict[int, dict[str, Any]], figure: str) -> str:
    """Mean difference from the baseline of the same seed, and its standard deviation."""
    pairs = [100 * (r[figure] - base[r["seed"]][figure]) for r in mine if r["seed"] in base]
    if not pairs or mine[0]["arm"] == "baseline":
        return ""
    said = f"{statistics.fmean(pairs):+.1f}"
    said += f" ± {statistics.stdev(pairs):.1f}" if len(pairs) > 1 else ""
    return said if figure == "ap50" else f"{said} (cells)"
