"""The README's table of kernels, made of what `fastlabel bench --json` stored.

    python benchmarks/table.py [RESULTS.json]             # prints it
    python benchmarks/table.py [RESULTS.json] --write     # puts it into the README

The README is tested to hold what this makes of `benchmarks/results/kernels.json`.
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
README = HERE.parent / "README.md"
BEGIN, END = "<!-- kernels: made by benchmarks/table.py -->\n", "<!-- /kernels -->\n"


def table(results: dict[str, Any]) -> str:
    """The table in Markdown, and below it what it was measured on."""
    rows = [HEAD, tuple("---:" if at in (1, 3, 4, 6) else "---" for at in range(len(HEAD)))]
    rows += [tuple(cell.replace("|", "\\|") for cell in line) for line in lines(results)]
    texts = [f"| {' | '.join(row)} |".replace("|  |", "| |") for row in rows]
    told = [text[:1].upper() + text[1:] + "." for text in facts_text(results) if text]
    return "\n".join([*texts, "", *told]) + "\n"


def within(readme: str, made: str) -> str:
    """The README with the table between its marks."""
    before, rest = readme.split(BEGIN)
    _, after = rest.split(END)
    return f"{before}{BEGIN}{made}{END}{after}"


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("results", type=Path, nargs="?", default=RESULTS)
    parser.add_argument("--write", action="store_true", help="put it into the README")
    args = parser.parse_args(argv)
    made = table(json.loads(args.results.read_text("utf-8")))
    if args.write:
        README.write_text(within(README.read_text("utf-8"), made), "utf-8")
    else:
        print(made, end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())
