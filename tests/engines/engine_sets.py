"""A small labelled set with every kind of picture a worker may meet, and what a scan says of it."""

from __future__ import annotations

import io
import json
import os
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

import fastlabel as fl
from fastlabel.scan import scan_tables


def draw_set(root: Path, images: int = 60, seed: int = 0) -> fl.Dataset:
    """JPEG, PNG and WebP; cut, empty, missing and escaped ones; no box, many, odd ones."""
    rng = np.random.default_rng(seed)
    (root / "images").mkdir(parents=True)
    rows: list[dict[str, Any]] = []
    boxes: list[dict[str, Any]] = []
    for k in range(images):
        kind = ("jpg", "jpg", "png", "webp")[k % 4]
        height, width = rng.integers(24, 90, 2).tolist()
        picture = cv2.GaussianBlur(
            rng.integers(0, 256, (height, width, 3), dtype=np.uint8), (0, 0), 1 + k % 3
        )
        name = f"images/é{k:03d}.{kind}"
        data = cv2.imencode(f".{kind}", picture)[1].tobytes()
        if k % 11 == 5:
            data = data[: len(data) // 2]
        if k % 13 == 7:
            data = b""
        if k % 17 == 3:
            name = f"../outside{k}.jpg"
        elif k % 19 != 4:
            (root / name).write_bytes(data)
        rows.append({"id": k, "file_name": name, "width": width, "height": height})
        for b in range(k % 4):
            x, y = rng.uniform(0, 20, 2).tolist()
            size = [0.0, 5.0] if (k + b) % 9 == 0 else rng.uniform(3, 60, 2).tolist()
            boxes.append({"id": len(boxes), "image_id": k, "category_id": 1, "bbox": [x, y, *size]})
    # Boxes out of the order of images, so that annotation_id and image order disagree.
    boxes = boxes[::-1]
    tree = {"images": rows, "annotations": boxes, "categories": [{"id": 1, "name": "thing"}]}
    (root / "labels.json").write_text(json.dumps(tree), encoding="utf-8")
    return fl.read(root / "labels.json")


def parquet(table: pa.Table) -> bytes:
    sink = io.BytesIO()
    pq.write_table(table, sink, compression="zstd")
    return sink.getvalue()


def local_bytes(ds: fl.Dataset) -> tuple[bytes, bytes]:
    images, boxes = scan_tables(ds)
    return parquet(images), parquet(boxes)


def without_plugins() -> dict[str, str]:
    """The environment for a program that starts an engine."""
    return {**os.environ, "RAY_USAGE_STATS_ENABLED": "0"}
