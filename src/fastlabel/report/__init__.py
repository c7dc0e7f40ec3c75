"""Reports: the same summary and findings for a person, a page, a service or a program.

Nothing here computes: :mod:`fastlabel.summary` does. Each output is a module of its own,
imported when it is asked for.
"""

from __future__ import annotations

from typing import TextIO

from .rows import First, ReportLike

__all__ = ["FORMATS", "write"]

#: What ``--output-format`` takes.
FORMATS = ("full", "concise", "json", "jsonl", "sarif", "github")


def write(
    report: ReportLike,
    fmt: str,
    file: TextIO,
    *,
    color: bool | None = None,
    most: int | None = None,
) -> None:
    """Write a report in one of the text formats.

    Parameters
    ----------
    report : Report
        A checked data set.
    fmt : str
        One of :data:`FORMATS`.
    file : text file
        Where to write.
    color : bool, optional
        Force terminal colours on or off; by default as the file allows.
    most : int, optional
        Write at most so many findings, worst first; counts are of all.

    Raises
    ------
    ValueError
        If there is no such format.
    """
    if most is not None and most < report.findings.num_rows:
        report = First(report, most)
    if fmt == "full":
        from .terminal import write_full

        write_full(report, file, color=color)
    elif fmt == "concise":
        from .terminal import write_concise

        write_concise(report, file, color=color)
    elif fmt == "json":
        from .json_ import write_json

        write_json(report, file)
    elif fmt == "jsonl":
        from .json_ import write_jsonl

        write_jsonl(report, file)
    elif fmt == "sarif":
        from .sarif import write_sarif

        write_sarif(report, file)
    elif fmt == "github":
        from .github import write_github

        write_github(report, file)
    else:
        raise ValueError(f"fmt: got {fmt!r}, expected one of {', '.join(FORMATS)}")
