"""The report on a terminal: a page for a person, or one line a finding."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TextIO

import numpy as np
import pyarrow.compute as pc

from ..dataset import as_numpy
from .deployed import deployed_facts
from .rows import Finding, ReportLike, findings, findings_at
from .text import count, number, percent, unjudged, visible

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.text import Text

__all__ = ["write_concise", "write_full"]

_STYLES = {"error": "bold red", "warning": "yellow", "info": "cyan"}
_GRADES = {"fail": "bold red", "warn": "bold yellow", "pass": "bold green"}
MOST_RULES = 12
MOST_PER_RULE = 3
MOST_SPLITS = 8


def _console(file: TextIO, color: bool | None, width: int | None) -> Console:
    from rich.console import Console

    return Console(
        file=file,
        force_terminal=color,
        no_color=True if color is False else None,
        width=width,
        highlight=False,
        markup=False,
        emoji=False,
        soft_wrap=False,
    )


def write_concise(report: ReportLike, file: TextIO, *, color: bool | None = None) -> None:
    """Write one line a finding, as compilers do, and one line of verdict.

    Parameters
    ----------
    report : Report
        A checked data set.
    file : text file
        Where to write.
    color : bool, optional
        Force colours on or off; by default as the file allows.

    Notes
    -----
    ``place: CODE severity: message``. Every line is whole: nothing is wrapped or cut.
    """
    from rich.text import Text

    console = _console(file, color, None)
    for finding in findings(report):
        line = Text(visible(finding.place) or "data set", style="bold")
        line.append(": ", style="not bold")
        line.append(finding.code, style=_STYLES[finding.severity])
        line.append(f" {finding.severity}: {visible(finding.message)}", style="not bold")
        console.print(line, soft_wrap=True)
    console.print(
        Text(report.summary["verdict"]["headline"], style=_GRADES[_grade(report)]), soft_wrap=True
    )


def _grade(report: ReportLike) -> str:
    return str(report.summary["verdict"]["grade"])


def write_full(
    report: ReportLike, file: TextIO, *, color: bool | None = None, width: int | None = None
) -> None:
    """Write a page: the verdict, what to do first, the findings by rule, and the set.

    Parameters
    ----------
    report : Report
        A checked data set.
    file : text file
        Where to write.
    color : bool, optional
        Force colours on or off; by default as the file allows.
    width : int, optional
        Columns; by default the terminal's, at most 100.
    """
    console = _console(file, color, width)
    if width is None and console.width > 100:
        console.width = 100
    for part in (_verdict, _todo, _rules, _set_facts):
        for block in part(report):
            console.print(block)


def _heading(text: str) -> Text:
    from rich.text import Text

    return Text(f"\n{text}", style="bold")


def _verdict(report: ReportLike) -> list[RenderableType]:
    from rich.padding import Padding
    from rich.panel import Panel
    from rich.table import Table
    from rich.text import Text

    data, verdict = report.summary["dataset"], report.summary["verdict"]
    style = _GRADES[verdict["grade"]]
    facts = ", ".join(
        (
            count(data["images"], "image"),
            count(data["boxes"], "box", "boxes"),
            count(data["classes"], "class", "classes"),
        )
    )
    subtitle = f"{visible(data['name'], 40)} ({data['format']}): {facts}"
    blocks: list[RenderableType] = [
        Panel(
            Text(verdict["headline"], style=style),
            subtitle=Text(subtitle),
            subtitle_align="left",
            border_style=style.removeprefix("bold "),
            padding=(0, 1),
        )
    ]
    if verdict["shows"]:
        blocks.append(Padding(Text(verdict["shows"]), (0, 0, 0, 2)))
    if verdict["sentences"]:
        grid = Table.grid(padding=(0, 2))
        grid.add_column(style="bold", no_wrap=True)
        grid.add_column(overflow="fold")
        for sentence in verdict["sentences"]:
            grid.add_row(Text(sentence["label"]), Text(visible(sentence["text"])))
        blocks.append(Padding(grid, (0, 0, 0, 2)))
    return blocks


def _todo(report: ReportLike) -> list[RenderableType]:
    from rich.padding import Padding
    from rich.table import Table
    from rich.text import Text

    items = report.summary["todo"]
    if not items:
        return []
    grid = Table.grid(padding=(0, 2))
    grid.add_column(justify="right", style="bold", no_wrap=True)
    grid.add_column(overflow="fold")
    for item in items:
        line = Text(item["title"])
        line.append(f"  {item['code']}", style=_STYLES[item["severity"]])
        if item["why"]:
            line.append(f"\n{visible(item['why'])}", style="dim")
        grid.add_row(f"{item['rank']}.", line)
    return [_heading("Do first"), Padding(grid, (0, 0, 0, 2))]


def _rules(report: ReportLike) -> list[RenderableType]:
    from rich.padding import Padding
    from rich.text import Text

    by_code = report.summary["findings"]["by_code"]
    if not by_code:
        return []
    blocks: list[RenderableType] = [_heading("Findings, worst first")]
    codes = report.findings["code"]
    for row in by_code[:MOST_RULES]:
        head = Text("  ")
        head.append(row["code"], style=_STYLES[row["severity"]])
        head.append(f" {row['name']}", style="bold")
        head.append(f"  {count(row['findings'], 'finding')}")
        blocks.append(head)
        at = np.flatnonzero(as_numpy(pc.equal(codes, row["code"])))[:MOST_PER_RULE]
        for finding in findings_at(report, at.tolist()):
            blocks.append(Padding(_line(finding), (0, 0, 0, 6)))
        hidden = row["findings"] - len(at)
        if hidden:
            blocks.append(Padding(Text(f"and {hidden:,} more", style="dim"), (0, 0, 0, 6)))
    rest = by_code[MOST_RULES:]
    if rest:
        more = sum(row["findings"] for row in rest)
        listed = ", ".join(f"{row['code']} ({row['findings']:,})" for row in rest)
        blocks.append(Text(f"  and {count(more, 'finding')} of other rules: {listed}", style="dim"))
    return blocks


def _line(finding: Finding) -> Text:
    from rich.text import Text

    message = visible(finding.message, 400)
    place = visible(finding.place, 70)
    if not place or f'"{place}"' in message:  # the message names it
        return Text(message)
    line = Text(place, style="cyan")
    line.append(f"  {message}", style="none")
    return line


def _set_facts(report: ReportLike) -> list[RenderableType]:
    from rich.padding import Padding
    from rich.table import Table
    from rich.text import Text

    summary = report.summary
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="bold", no_wrap=True)
    grid.add_column(overflow="fold")
    for label, text in _facts(summary):
        grid.add_row(label, Text(text))
    return [_heading("The set"), Padding(grid, (0, 0, 0, 2))]


def _facts(summary: dict[str, Any]) -> list[tuple[str, str]]:
    data, deploy, chart = summary["dataset"], summary["deploy"], summary["charts"]
    size, luma = chart["box_size"], chart["brightness"]
    judged = f"{deploy['input_width']} × {deploy['input_height']} px, {deploy['resize']}"
    facts = [
        ("splits", _splits(data)),
        ("labels", _pairs(data["label_states"]) or "none"),
        ("files", _pairs(summary["statuses"])),
        (
            "judged at",
            f"{judged} ({'assumed' if deploy['assumed'] else visible(deploy['name'])})",
        ),
    ]
    if size["measured"]:
        middle = number(size["quantiles"]["p50"])
        under = percent(size["share_below_strides"]["1"])
        facts.append(
            (
                "box size",
                f"half are under {middle} px at the model's input, "
                f"{under} under one stride of {size['strides'][0]}",
            )
        )
    facts += deployed_facts(summary)
    if luma["measured"]:
        middle = number(luma["quantiles"]["p50"])
        facts.append(
            ("brightness", f"median luma {middle} of 255, {percent(luma['night_share'])} night")
        )
    if summary["unjudged"]:
        facts.append(("not judged", unjudged(summary)))
    return facts


def _splits(data: dict[str, Any]) -> str:
    shown = [
        f"{visible(s['name']) if s['name'] is not None else 'no split'} {s['images']:,}"
        for s in data["splits"][:MOST_SPLITS]
    ]
    hidden = len(data["splits"]) - len(shown) + data["other_splits"]
    return ", ".join(shown) + (f" and {hidden:,} more" if hidden else "")


def _pairs(counts: dict[str, int]) -> str:
    return ", ".join(f"{name.replace('_', ' ')} {n:,}" for name, n in counts.items())
