"""A small builder of data sets and measurements, in memory."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from fastlabel import schema
from fastlabel.config import Config
from fastlabel.dataset import Dataset
from fastlabel.deploy import Profile
from fastlabel.rules import Context, run

#: Measurements of a picture that nothing is wrong with.
GOOD_IMAGE: dict[str, Any] = {
    "bytes": 50_000,
    "format": "jpeg",
    "status": "ok",
    "channels": 3,
    "orientation": 1,
    "luma_mean": 118.0,
    "luma_std": 55.0,
    "luma_p01": 8,
    "luma_p05": 20,
    "luma_p50": 117,
    "luma_p95": 220,
    "luma_p99": 245,
    "dark_fraction": 0.08,
    "bright_fraction": 0.04,
    "entropy": 7.4,
    "laplacian_variance": 620.0,
    "noise_sigma": 2.0,
    "sharpness": 540.0,
    "acutance": 0.6,
    "scale_sharpness": [900.0, 1200.0, 1500.0],
    "scale_acutance": [0.8, 0.9, 1.0],
}
GOOD_BOX: dict[str, Any] = {
    "pixels": 4000,
    "luma_mean": 110.0,
    "contrast": 40.0,
    "laplacian_variance": 500.0,
    "sharpness": 450.0,
    "acutance": 0.5,
}


class Builder:
    """Collects rows, then makes a data set, a context or findings of them."""

    def __init__(self, format: str = "coco", **meta: Any) -> None:
        self.format = format
        self.meta = meta
        self.images: list[dict[str, Any]] = []
        self.annotations: list[dict[str, Any]] = []
        self.categories: list[dict[str, Any]] = []
        self.problems: list[dict[str, Any]] = []
        self.image_stats: list[dict[str, Any]] = []
        self.box_stats: list[dict[str, Any]] = []
        self.deploy: Profile | None = None
        self.config = Config()

    def category(self, name: str) -> int:
        """Return the id of a class; declares it when it is new."""
        for row in self.categories:
            if row["name"] == name:
                return int(row["category_id"])
        self.categories.append({"category_id": len(self.categories), "name": name})
        return len(self.categories) - 1

    def image(
        self,
        name: str | None = None,
        width: int | None = 640,
        height: int | None = 480,
        split: str | None = None,
        state: str = "labelled",
        size_source: str | None = "declared",
        **stats: Any,
    ) -> int:
        """Add an image; ``stats`` are columns of image_stats that are not as in a good one."""
        row = len(self.images)
        name = f"images/{row:04}.jpg" if name is None else name
        self.images.append(
            {
                "image_id": row,
                "file_name": name,
                "path": name,
                "split": split,
                "width": width,
                "height": height,
                "size_source": size_source,
                "label_state": state,
            }
        )
        measured = {"width": width, "height": height, "content_hash": f"{row:032x}"}
        self.image_stats.append(
            {**GOOD_IMAGE, **measured, **stats, "image_id": row, "file_name": name}
        )
        return row

    def box(
        self,
        image: int,
        x1: float | None,
        y1: float | None,
        x2: float | None,
        y2: float | None,
        category: str | None = "thing",
        stats: dict[str, Any] | None = None,
        **columns: Any,
    ) -> int:
        """Add an annotation; ``columns`` are others of its columns."""
        row = len(self.annotations)
        self.annotations.append(
            {
                "annotation_id": row,
                "image_id": image,
                "category_id": None if category is None else self.category(category),
                "x1": x1,
                "y1": y1,
                "x2": x2,
                "y2": y2,
                "origin": {"file": "labels.json", "pointer": f"/annotations/{row}"},
                **columns,
            }
        )
        self.box_stats.append(
            {**GOOD_BOX, **(stats or {}), "annotation_id": row, "image_id": image}
        )
        return row

    def problem(self, kind: str, **columns: Any) -> None:
        """Add what a reader could not put into a row."""
        assert kind in schema.PROBLEM_KINDS
        self.problems.append({"kind": kind, **columns})

    def dataset(self) -> Dataset:
        """Return all rows as a data set."""
        return Dataset(
            pa.Table.from_pylist(self.images, schema=schema.IMAGES),
            pa.Table.from_pylist(self.annotations, schema=schema.ANNOTATIONS),
            pa.Table.from_pylist(self.categories, schema=schema.CATEGORIES),
            pa.Table.from_pylist(self.problems, schema=schema.PROBLEMS),
            Path(),
            self.format,
            self.meta,
        )

    def context(self) -> Context:
        """Return the data set with its measurements, deployment and configuration."""
        return Context(
            self.dataset(),
            pa.Table.from_pylist(self.image_stats, schema=schema.IMAGE_STATS),
            pa.Table.from_pylist(self.box_stats, schema=schema.BOX_STATS),
            self.deploy,
            self.config,
        )

    def run(self, *codes: str) -> list[dict[str, Any]]:
        """Run some rules, or all; evidence comes parsed."""
        table = run(self.context(), select=list(codes) or None)
        assert table.schema.equals(schema.FINDINGS)
        rows = table.to_pylist()
        for row in rows:
            row["evidence"] = json.loads(row["evidence"])
            assert row["severity"] in schema.SEVERITIES
            assert row["suggestion"] in schema.SUGGESTIONS
            assert 0 <= row["score"] <= 1
            assert row["message"].endswith(".") and row["message"].isprintable()
        return rows


@pytest.fixture
def build() -> type[Builder]:
    """Return the class of builders: ``b = build("voc", inclusive=True)``."""
    return Builder
