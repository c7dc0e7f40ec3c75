"""Small hand-made sets with pictures on disk, and findings about them, for report tests."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pyarrow as pa

import fastlabel.rules
from fastlabel import schema
from fastlabel.dataset import Dataset
from fastlabel.summary import summarise


@dataclass
class MadeReport:
    """What the outputs take: the attributes of a real report."""

    ds: Dataset
    image_stats: pa.Table
    box_stats: pa.Table | None
    findings: pa.Table
    summary: dict[str, Any]
    profile: Any = None
    config: Any = None
    rules: Any = field(default_factory=lambda: fastlabel.rules.RULES)


@dataclass
class Maker:
    """Collects rows, then gives a report."""

    root: Path
    images: list[dict[str, Any]] = field(default_factory=list)
    stats: list[dict[str, Any]] = field(default_factory=list)
    boxes: list[dict[str, Any]] = field(default_factory=list)
    findings: list[dict[str, Any]] = field(default_factory=list)
    classes: list[str] = field(default_factory=lambda: ["person", "car"])

    def image(
        self,
        name: str,
        width: int = 320,
        height: int = 240,
        *,
        split: str | None = "train",
        status: str = "ok",
        state: str = "labelled",
        write: bool = True,
        orientation: int = 1,
        **stats: Any,
    ) -> int:
        at = len(self.images)
        if write:
            y, x = np.mgrid[0:height, 0:width]
            picture = np.stack([x * 255 // width, y * 255 // height, (x + y) % 256], 2)
            path = self.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(cv2.imencode(".jpg", picture.astype(np.uint8))[1].tobytes())
        self.images.append(
            {
                "image_id": at,
                "file_name": name,
                "path": name,
                "split": split,
                "width": width,
                "height": height,
                "size_source": "declared",
                "label_state": state,
            }
        )
        measured = status in ("ok", "truncated", "corrupt")
        made: dict[str, Any] = {
            "image_id": at,
            "file_name": name,
            "status": status,
            "orientation": orientation,
        }
        if measured:
            made |= {
                "bytes": 1000,
                "format": "jpeg",
                "width": width,
                "height": height,
                "luma_mean": 120.0,
                "luma_std": 40.0,
                "luma_p01": 5,
                "luma_p99": 250,
                "sharpness": 300.0,
                "acutance": 0.5,
                "scale_acutance": [0.6, 0.7, 0.8],
                "scale_sharpness": [300.0, 400.0, 500.0],
            }
        self.stats.append(made | stats)
        return at

    def box(
        self,
        image: int,
        x1: float | None,
        y1: float | None,
        x2: float | None,
        y2: float | None,
        category: int = 0,
        **more: Any,
    ) -> int:
        at = len(self.boxes)
        row = {
            "annotation_id": at,
            "image_id": image,
            "category_id": category,
            "x1": x1,
            "y1": y1,
            "x2": x2,
            "y2": y2,
            "origin": {"file": f"labels/{image}.txt", "line": at + 1},
        }
        self.boxes.append(row | more)
        return at

    def finding(
        self,
        code: str,
        severity: str = "warning",
        image: int | None = None,
        annotation: int | None = None,
        message: str = "something is wrong",
        suggestion: str = "review",
        value: float | None = None,
        threshold: float | None = None,
        score: float = 1.0,
        **evidence: Any,
    ) -> None:
        self.findings.append(
            {
                "code": code,
                "severity": severity,
                "image_id": image,
                "annotation_id": annotation,
                "score": score,
                "message": message,
                "value": value,
                "threshold": threshold,
                "suggestion": suggestion,
                "evidence": json.dumps(evidence),
            }
        )

    def report(self, profile: Any = None) -> MadeReport:
        categories = [
            {"category_id": i, "source_id": str(i), "name": n} for i, n in enumerate(self.classes)
        ]
        ds = Dataset(
            pa.Table.from_pylist(self.images, schema=schema.IMAGES),
            pa.Table.from_pylist(self.boxes, schema=schema.ANNOTATIONS),
            pa.Table.from_pylist(categories, schema=schema.CATEGORIES),
            schema.PROBLEMS.empty_table(),
            self.root,
            "coco",
            {"convention": "0-based half-open"},
        )
        stats = pa.Table.from_pylist(self.stats, schema=schema.IMAGE_STATS)
        findings = pa.Table.from_pylist(self.findings, schema=schema.FINDINGS)
        summary = summarise(ds, stats, None, findings, RULES, profile)
        return MadeReport(ds, stats, None, findings, summary, profile)


def _rule(code: str, name: str, severity: str, scope: str, **params: float) -> SimpleNamespace:
    return SimpleNamespace(
        code=code,
        name=name,
        severity=severity,
        scope=scope,
        what=f"What {name} finds.",
        why=f"Why {name} hurts. And more.",
        formula="v > t",
        threshold="By trial.",
        false_alarms="Some.",
        fix=f"Fix {name}.",
        params=params,
    )


RULES = {
    r.code: r
    for r in (
        _rule("FL001", "unreadable", "error", "image"),
        _rule("FL202", "degenerate", "error", "annotation"),
        _rule("FL204", "duplicate-box", "warning", "annotation", iou=0.8),
        _rule("FL301", "below-target-pixels", "warning", "annotation"),
        _rule("FL402", "dark", "warning", "image", luma_mean=30.0),
        _rule("FL501", "exact-duplicate", "warning", "image"),
        _rule("FL603", "no-night-images", "info", "set"),
    )
}
