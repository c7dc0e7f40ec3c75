"""A plan as Markdown: what a person reads before it is applied."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .plan import Plan

__all__ = ["markdown", "words"]

#: Characters that would be markup.
_MARKS = str.maketrans({mark: f"\\{mark}" for mark in "\\`*[]<>|"})

#: Rows that the page lists; the Parquet file has them all, and the page says so.
LISTED = 5000


def markdown(plan: Plan) -> str:
    """The page of a plan."""
    rows = plan.table.to_pylist()
    unsafe = sum(not row["safe"] for row in rows)
    lines = ["# Plan", "", f"Data: `{_cell(plan.data.get('root') or '?')}`", ""]
    lines += ["| action | rows | |", "|---|---:|---|"]
    for action, count in plan.counts().items():
        safe = all(row["safe"] for row in rows if row["action"] == action)
        lines.append(f"| {action} | {count:,} | {'safe' if safe else 'needs --unsafe'} |")
    lines += ["", f"{len(rows):,} rows, {unsafe:,} of them lose something of the labels."]
    lines += [f"- {_cell(note)}" for note in plan.notes]
    lines += ["", "| row | image | action | before | after | why | score | |"]
    lines.append("|---:|---|---|---|---|---|---:|---|")
    for at, row in enumerate(rows[:LISTED]):
        score = "" if row["score"] is None else f"{row['score']:.2f}"
        codes = " ".join(row["codes"] or ())
        cells = [
            str(at),
            _cell(row["file_name"] or ""),
            row["action"],
            words(row["before"]),
            words(row["after"]),
            _cell(f"{codes} {row['reason'] or ''}".strip()),
            score,
            "safe" if row["safe"] else "unsafe",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    if len(rows) > LISTED:
        lines += ["", f"The other {len(rows) - LISTED:,} rows are in the Parquet file."]
    return "\n".join(lines) + "\n"


def words(text: str | None) -> str:
    """What stands in ``before`` or ``after``, for people."""
    if text is None:
        return ""
    try:
        value: dict[str, Any] = json.loads(text)
    except ValueError:
        return _cell(text)
    parts = []
    for key, inner in value.items():
        if key == "category_id":
            continue
        if key == "box" and isinstance(inner, list):
            parts.append(" ".join("?" if v is None else f"{v:g}" for v in inner))
        elif key == "category":
            parts.append(str(inner))
        elif inner is not None:
            parts.append(f"{key} {inner}")
    return _cell(", ".join(parts))


def _cell(text: str) -> str:
    """Text from data as one cell: neither markup nor a line break."""
    from ..report.text import visible

    return visible(text).translate(_MARKS)
