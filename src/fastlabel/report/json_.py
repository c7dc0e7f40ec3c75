"""JSON: one document, or one finding a line."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from typing import Any, TextIO

from .rows import Finding, ReportLike, findings

__all__ = ["as_dict", "write_json", "write_jsonl"]


def write_json(report: ReportLike, file: TextIO) -> None:
    """Write ``{"summary": ..., "findings": [...]}``, the findings one to a line.

    Parameters
    ----------
    report : Report
        A checked data set.
    file : text file
        Where to write; nothing is held back, so a set of any size can be written.
    """
    file.write('{\n"summary": ')
    file.write(json.dumps(report.summary, ensure_ascii=True, allow_nan=False))
    file.write(',\n"findings": [')
    before = "\n"
    for line in _lines(report):
        file.write(before + line)
        before = ",\n"
    file.write("\n]\n}\n")


def write_jsonl(report: ReportLike, file: TextIO) -> None:
    """Write one JSON object a line, one line a finding, worst first."""
    for line in _lines(report):
        file.write(line + "\n")


def _lines(report: ReportLike) -> Iterator[str]:
    # Escaping all but ASCII keeps terminal escapes and line separators out of the output.
    return (json.dumps(as_dict(f), ensure_ascii=True, allow_nan=False) for f in findings(report))


def as_dict(finding: Finding) -> dict[str, Any]:
    """One finding as plain JSON values; numbers that JSON lacks become null."""
    return {
        "code": finding.code,
        "name": finding.name,
        "severity": finding.severity,
        "message": finding.message,
        "suggestion": finding.suggestion,
        "score": _number(finding.score),
        "value": _number(finding.value),
        "threshold": _number(finding.threshold),
        "image_id": finding.image_id,
        "image": finding.image,
        "path": finding.path,
        "split": finding.split,
        "annotation_id": finding.annotation_id,
        "category": finding.category,
        "box": None if finding.box is None else [_number(v) for v in finding.box],
        "file": finding.file,
        "line": finding.line,
        "pointer": finding.pointer,
        "evidence": _finite(finding.evidence),
    }


def _number(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return _number(value)
    if isinstance(value, list):
        return [_finite(v) for v in value]
    if isinstance(value, dict):
        return {k: _finite(v) for k, v in value.items()}
    return value
