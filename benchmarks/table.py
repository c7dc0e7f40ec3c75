"""The tables of kernels, made of what `fastlabel bench --json` stored.

    python benchmarks/table.py [RESULTS.json]             # prints the whole table
    python benchmarks/table.py [RESULTS.json] --write     # puts both where they are shown

The README shows what is promised, the README of this folder every row. A test holds both to
what this makes of `benchmarks/results/kernels.json`.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from fastlabel.bench.table import HEAD, facts_text, lines

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "results" / "kernels.json"
#: Where a table is shown, and whether it is the whole one.
PAGES = {HERE.parent / "README.md": False, HERE / "README.md": True}
BEGIN, END = "<!-- kernels: made by benchmarks/table.py -->\n", "<!-- /kernels -->\n"


def table(results: dict[str, Any]) -> str:
    """The table in Markdown, and below it what it was measured on."""
    rows = [HEAD, tuple("---:" if at in (1, 3, 4, 6) else "---" for at in range(len(HEAD)))]
    rows += [tuple(cell.replace("|", "\\|") for cell in line) for line in lines(results)]
    texts = [f"| {' | '.join(row)} |".replace("|  |", "| |") for row in rows]
    told = [text[:1].upper() + text[1:] + "." for text in facts_text(results) if text]
    return "\n".join([*texts, "", *told]) + "\n"


def promised(results: dict[str, Any]) -> dict[str, Any]:
    """The rows that carry a promise, beside the peers that it names."""
    rows = []
    for row in results["rows"]:
        peers = [peer for peer in row["peers"] if peer["promised"] is not None]
        if peers or row["budget"]:
            rows.append({**row, "peers": peers})
    return {**results, "rows": rows}


def page(text: str, results: dict[str, Any], *, whole: bool) -> str:
    """The page with its table between the marks."""
    return within(text, table(results if whole else promised(results)))


def within(readme: str, made: str) -> str:
    """The page with this table between its marks."""
    before, rest = readme.split(BEGIN)
    _, after = rest.split(END)
    return f"{before}{BEGIN}{made}{END}{after}"


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("results", type=Path, nargs="?", default=RESULTS)
    parser.add_argument("--write", action="store_true", help="put both tables where they are shown")
    args = parser.parse_args(argv)
    results = json.loads(args.results.read_text("utf-8"))
    if not args.write:
        print(table(results), end="")
        return 0
    for path, whole in PAGES.items():
        path.write_text(page(path.read_text("utf-8"), results, whole=whole), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
