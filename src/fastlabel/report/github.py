"""GitHub workflow commands: each finding becomes an annotation on the run's page."""

from __future__ import annotations

from typing import TextIO

from .rows import Finding, ReportLike, findings
from .text import visible

__all__ = ["write_github"]

_COMMANDS = {"error": "error", "warning": "warning", "info": "notice"}


def write_github(report: ReportLike, file: TextIO) -> None:
    """Write one ``::error`` / ``::warning`` / ``::notice`` command a finding, worst first.

    Parameters
    ----------
    report : Report
        A checked data set.
    file : text file
        Standard output of the workflow step.

    Notes
    -----
    Text from data cannot start a command of its own: line ends and percent signs are
    escaped as the runner expects, and control characters are spelt out.
    """
    for finding in findings(report):
        file.write(_command(finding) + "\n")


def _command(finding: Finding) -> str:
    properties = {"title": f"{finding.code} {finding.name}"}
    where = finding.file or finding.path
    if where:
        properties["file"] = where
    if where and finding.line is not None:
        properties["line"] = str(finding.line)
    listed = ",".join(f"{k}={_property(v)}" for k, v in sorted(properties.items()))
    message = finding.message
    if finding.pointer:
        message = f"{message} ({finding.pointer})"
    return f"::{_COMMANDS[finding.severity]} {listed}::{_data(message)}"


def _data(text: str) -> str:
    escaped = text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
    # What is left of control characters would act on the log's reader.
    return visible(escaped)


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
