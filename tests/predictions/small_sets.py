"""A small COCO set, and files of predictions for it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

import fastlabel as fl

#: (id, file name, width, height)
IMAGES = ((11, "a.jpg", 200, 100), (12, "b.jpg", 300, 200), (15, "deep/c.png", 64, 48))
#: ids that are neither dense nor in order
CLASSES = ((3, "cat"), (7, "dog"), (1, "Traffic Light"))


def coco_set(root: Path, images=IMAGES, classes=CLASSES, splits=None) -> fl.Dataset:
    """Write and read it; the pictures themselves are not there."""
    root.mkdir(parents=True, exist_ok=True)
    text = {
        "images": [{"id": i, "file_name": n, "width": w, "height": h} for i, n, w, h in images],
        "categories": [{"id": i, "name": n} for i, n in classes],
        "annotations": [
            {"id": 1, "image_id": images[0][0], "category_id": classes[0][0], "bbox": [1, 2, 3, 4]}
        ],
    }
    (root / "labels.json").write_text(json.dumps(text))
    return fl.read(root / "labels.json")


def result(image=11, category=3, bbox=(10, 20, 30, 40), score=0.5, **more):
    """One COCO result."""
    return {
        "image_id": image,
        "category_id": category,
        "bbox": list(bbox),
        "score": score,
        **more,
    }


def written(path: Path, value) -> Path:
    """A JSON file."""
    path.write_text(json.dumps(value))
    return path


def random_results(rng: np.random.Generator, n: int, images=IMAGES, classes=CLASSES):
    """Results within their images."""
    out = []
    for _ in range(n):
        i, _, w, h = images[rng.integers(len(images))]
        x, y = rng.uniform(0, w / 2), rng.uniform(0, h / 2)
        box = [x, y, rng.uniform(0, w / 2), rng.uniform(0, h / 2)]
        category = int(classes[rng.integers(len(classes))][0])
        out.append(result(i, category, [float(v) for v in box], float(rng.random())))
    return out
