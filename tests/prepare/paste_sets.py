"""Small sets and banks for the tests of pasting."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pyarrow as pa

from fastlabel import schema
from fastlabel.dataset import Dataset


def tables(
    sizes: list[tuple[int, int]],
    boxes: list[tuple[int, int, float, float, float, float]],
    *,
    splits: list[str | None] | None = None,
    classes: tuple[str, ...] = ("cat",),
    ignore: list[bool] | None = None,
) -> Dataset:
    """A set as tables alone: boxes are (image, class, x1, y1, x2, y2)."""
    images = [
        {
            "image_id": at,
            "file_name": f"{at:04}.jpg",
            "path": f"{at:04}.jpg",
            "width": w,
            "height": h,
            "split": None if splits is None else splits[at],
            "label_state": "labelled",
        }
        for at, (w, h) in enumerate(sizes)
    ]
    rows = [
        {
            "annotation_id": at,
            "image_id": box[0],
            "category_id": box[1],
            "ignore": None if ignore is None else ignore[at],
            **dict(zip(("x1", "y1", "x2", "y2"), map(float, box[2:]), strict=True)),
        }
        for at, box in enumerate(boxes)
    ]
    names = [{"category_id": at, "name": name} for at, name in enumerate(classes)]
    return Dataset(
        pa.Table.from_pylist(images, schema=schema.IMAGES),
        pa.Table.from_pylist(rows, schema=schema.ANNOTATIONS),
        pa.Table.from_pylist(names, schema=schema.CATEGORIES),
        pa.Table.from_pylist([], schema=schema.PROBLEMS),
        Path("/nowhere"),
        "coco",
    )


def bank_of(ds: Dataset, accepted: Any = None, reason: str = "blurred") -> pa.Table:
    """Every box as an instance."""
    n = ds.annotations.num_rows
    good = np.ones(n, bool) if accepted is None else np.asarray(accepted, bool)
    corners = {side: ds.annotations[side] for side in ("x1", "y1", "x2", "y2")}
    return pa.table(
        {
            "instance_id": pa.array(np.arange(n, dtype=np.int32)),
            "image_id": ds.annotations["image_id"],
            "annotation_id": ds.annotations["annotation_id"],
            "category_id": ds.annotations["category_id"],
            "split": ds.images["split"].take(ds.annotations["image_id"]),
            **corners,
            "accepted": pa.array(good),
            "reason": pa.array([None if g else reason for g in good], pa.string()),
        }
    )


def scene(seed: int, width: int = 320, height: int = 240) -> Any:
    """A soft backdrop with a sharp textured disc at 60..140 x 50..130."""
    rng = np.random.default_rng(seed)
    low = rng.integers(90, 170, (6, 8, 3)).astype(np.uint8)
    picture = cv2.resize(low, (width, height), interpolation=cv2.INTER_CUBIC)
    disc = rng.integers(0, 255, (16, 16, 3)).astype(np.uint8)
    disc = cv2.resize(disc, (80, 80), interpolation=cv2.INTER_NEAREST)
    mask = np.zeros((80, 80), np.uint8)
    cv2.circle(mask, (40, 40), 38, 255, -1)
    picture[50:130, 60:140][mask > 0] = disc[mask > 0]
    return picture


def write_coco(
    root: Path, n: int = 8, *, splits: bool = False, suffix: str = ".jpg", gray: bool = False
) -> Path:
    """n scenes with a box round the disc; with splits, the last quarter is val."""
    labels: dict[str, dict[str, list[Any]]] = {}
    for at in range(n):
        split = "val" if splits and at >= n - n // 4 else "train"
        name = f"images/{split}/{at:03}{suffix}" if splits else f"{at:03}{suffix}"
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        picture = scene(at)
        if gray:
            picture = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
        path.write_bytes(cv2.imencode(suffix, picture)[1].tobytes())
        part = labels.setdefault(split, {"images": [], "annotations": []})
        short = name.rsplit("/", 1)[-1]
        part["images"].append({"id": at, "file_name": short, "width": 320, "height": 240})
        part["annotations"].append(
            {"id": at, "image_id": at, "category_id": 1, "bbox": [60, 50, 80, 80]}
        )
    for split, part in labels.items():
        part["categories"] = [{"id": 1, "name": "disc"}]
        path = root / (f"annotations/instances_{split}.json" if splits else "labels.json")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(part))
    return root


def tree_hash(root: Path) -> str:
    """Names and contents of a folder."""
    digest = hashlib.sha256()
    for path in sorted(p for p in root.rglob("*") if p.is_file()):
        digest.update(str(path.relative_to(root)).encode())
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()
