"""Findings joined to what they are about, a batch at a time, for every output to show."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import pyarrow as pa

if TYPE_CHECKING:
    from ..dataset import Dataset
    from ..rules import Rule

__all__ = ["Finding", "First", "ReportLike", "findings", "findings_at"]

BATCH = 8192


class ReportLike(Protocol):
    """What an output reads of a report."""

    @property
    def ds(self) -> Dataset:
        """The annotation tables."""

    @property
    def image_stats(self) -> pa.Table:
        """What the scan measured."""

    @property
    def findings(self) -> pa.Table:
        """The findings, worst first."""

    @property
    def summary(self) -> dict[str, Any]:
        """What :func:`fastlabel.summary.summarise` gave."""

    @property
    def rules(self) -> Mapping[str, Rule]:
        """The rules that ran, by code."""


class Joinable(Protocol):
    """What :func:`findings_at` needs of a report."""

    @property
    def ds(self) -> Dataset:
        """The annotation tables."""

    @property
    def findings(self) -> pa.Table:
        """The findings."""

    @property
    def summary(self) -> dict[str, Any]:
        """As of a report: ``findings.by_code`` names the rules."""


class First:
    """A report of which only the first findings are shown; its counts are of all."""

    def __init__(self, report: ReportLike, most: int) -> None:
        self.ds, self.image_stats = report.ds, report.image_stats
        self.summary, self.rules = report.summary, report.rules
        self.findings = report.findings.slice(0, most)


@dataclass(frozen=True)
class Finding:
    """One finding with its image, box and place in the source.

    Attributes
    ----------
    row : int
        Its number in the findings table.
    code, name, severity, message, suggestion : str
        As in the table, and the name of the rule.
    score, value, threshold : float or None
        As in the table.
    image_id, annotation_id : int or None
        Null for a finding about the whole set.
    image, path, split, category : str or None
        Name of the image as written, its path below the root, its split, the box's class.
    box : tuple of float or None
        ``x1, y1, x2, y2`` in continuous pixels.
    file, line, pointer : str, int, str or None
        Where the label stands: a file, and a line or a JSON pointer in it.
    evidence : dict
        All that the rule added.
    """

    row: int
    code: str
    name: str
    severity: str
    message: str
    suggestion: str
    score: float | None
    value: float | None
    threshold: float | None
    image_id: int | None
    annotation_id: int | None
    image: str | None = None
    path: str | None = None
    split: str | None = None
    category: str | None = None
    box: tuple[float | None, ...] | None = None
    file: str | None = None
    line: int | None = None
    pointer: str | None = None
    evidence: dict[str, Any] = field(default_factory=dict)

    @property
    def place(self) -> str:
        """``labels/a.txt:3``, ``set.json#/annotations/12``, or the image's name."""
        where = self.file or self.path or self.image or ""
        if where and self.line is not None:
            return f"{where}:{self.line}"
        return f"{where}#{self.pointer}" if where and self.pointer else where

    def related(self, key: str) -> list[int]:
        """Ids under ``related_images`` or ``related_annotations`` of the evidence."""
        ids = self.evidence.get(key)
        return [i for i in ids if isinstance(i, int)] if isinstance(ids, list) else []


def findings(report: ReportLike) -> Iterator[Finding]:
    """All findings in order, joined a batch at a time, so that memory stays flat."""
    for start in range(0, report.findings.num_rows, BATCH):
        stop = min(start + BATCH, report.findings.num_rows)
        yield from findings_at(report, list(range(start, stop)))


def findings_at(report: Joinable, rows: list[int]) -> list[Finding]:
    """Give the findings in the given rows of the table."""
    table = report.findings.take(pa.array(rows, type=pa.int64()))
    images = report.ds.images.select(["file_name", "path", "split"])
    images = images.take(table["image_id"]).to_pylist()
    boxes = report.ds.annotations.select(["x1", "y1", "x2", "y2", "category_id", "origin"])
    boxes = boxes.take(table["annotation_id"])
    classes = report.ds.categories["name"].take(boxes["category_id"]).to_pylist()
    names = {row["code"]: row["name"] for row in report.summary["findings"]["by_code"]}
    joined = zip(rows, table.to_pylist(), images, boxes.to_pylist(), classes, strict=True)
    return [_joined(*parts, names=names) for parts in joined]


def _joined(
    row: int,
    found: dict[str, Any],
    image: dict[str, Any],
    box: dict[str, Any],
    category: str | None,
    *,
    names: dict[str, str],
) -> Finding:
    evidence = _evidence(found.pop("evidence"))
    # Of one source or the other: a line of one file must not be told of another.
    origin = evidence if "file" in evidence else box["origin"] or {}
    file, line, pointer = (origin.get(key) for key in ("file", "line", "pointer"))
    about_box = found["annotation_id"] is not None
    return Finding(
        row=row,
        name=names.get(found["code"], found["code"]),
        image=image["file_name"],
        path=image["path"],
        split=image["split"],
        category=category,
        box=tuple(box[c] for c in ("x1", "y1", "x2", "y2")) if about_box else None,
        file=file if isinstance(file, str) else None,
        line=line if isinstance(line, int) else None,
        pointer=pointer if isinstance(pointer, str) else None,
        evidence=evidence,
        **{**found, "message": found["message"] or "", "suggestion": found["suggestion"] or "none"},
    )


def _evidence(text: str | None) -> dict[str, Any]:
    try:
        value = json.loads(text) if text else {}
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
