"""Small crops of `bccd`, `raccoon` and `garbage-yolo`, as two data sets: train and test.

A crop is a square window of a picture, shrunk to ``SIDE`` pixels: that of a model for a
microcontroller. Pictures of train and test never meet: bccd's own test split; raccoons from
number 161 on (its pairs of equal files lie below); every third picture of the garbage set.
Boxes of which less than 0.4 is in the window, or that come out under 3 px, are regions to ignore.
Twenty more bccd crops, from pictures of neither, are the frames of the deployment that matching
looks at.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np

import fastlabel as fl

__all__ = ["CLASSES", "SIDE", "make"]

SIDE = 96
CLASSES = ("Platelets", "RBC", "WBC", "raccoon", "garbage", "garbage_bin", "overflow")
#: Pictures of bccd that are trained on, and those that are the frames of the deployment.
BCCD_TRAIN, BCCD_FRAMES = 140, 20

Window = tuple[float, float, float]


def make(data: Path, folder: Path) -> None:
    """Write ``train``, ``test`` and ``frames`` into a folder, unless they are there."""
    if (folder / "made.json").exists():
        return
    sets: dict[str, list[tuple[str, Any, Any]]] = {"train": [], "test": [], "frames": []}
    for name, crops in (
        ("bccd", _bccd(data / "bccd")),
        ("raccoon", _raccoon(data / "raccoon")),
        ("garbage", _garbage(data / "garbage-yolo")),
    ):
        for at, (part, picture, boxes) in enumerate(crops):
            sets[part].append((f"{name}-{at:04d}.jpg", picture, boxes))
    for part, crops in sets.items():
        _write(folder / part, crops)
    counts = {part: len(crops) for part, crops in sets.items()}
    (folder / "made.json").write_text(json.dumps(counts), encoding="utf-8")


def _write(folder: Path, crops: list[tuple[str, Any, Any]]) -> None:
    (folder / "images").mkdir(parents=True, exist_ok=True)
    images, annotations = [], []
    for image_id, (name, picture, boxes) in enumerate(crops, 1):
        cv2.imwrite(str(folder / "images" / name), picture, [cv2.IMWRITE_JPEG_QUALITY, 95])
        images.append({"id": image_id, "file_name": name, "width": SIDE, "height": SIDE})
        for kind, x1, y1, x2, y2, ignore in boxes:
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": image_id,
                    "category_id": CLASSES.index(kind) + 1,
                    "bbox": [round(v, 2) for v in (x1, y1, x2 - x1, y2 - y1)],
                    "area": round((x2 - x1) * (y2 - y1), 2),
                    "iscrowd": 0,
                    **({"ignore": 1} if ignore else {}),
                }
            )
    categories = [{"id": i, "name": name} for i, name in enumerate(CLASSES, 1)]
    whole = {"images": images, "annotations": annotations, "categories": categories}
    (folder / "instances.json").write_text(json.dumps(whole), encoding="utf-8")


def _objects(ds: fl.Dataset) -> list[list[tuple[str, list[float]]]]:
    """Class and box of each object, by image."""
    out: list[list[tuple[str, list[float]]]] = [[] for _ in range(len(ds))]
    names = ds.categories["name"].to_pylist()
    rows = zip(
        ds.column("annotations", "image_id"),
        ds.column("annotations", "category_id"),
        ds.boxes().tolist(),
        strict=True,
    )
    for image, category, box in rows:
        if box[2] > box[0] and box[3] > box[1]:
            out[image].append((names[category], box))
    return out


def _crop(picture: Any, objects: list[tuple[str, list[float]]], window: Window) -> tuple[Any, Any]:
    """A window of a picture at ``SIDE`` px, and its boxes."""
    x, y, side = window
    scale = SIDE / side
    matrix = np.array([[scale, 0, -x * scale], [0, scale, -y * scale]])
    if scale < 0.5:  # a mean over each pixel's area first, so that nothing is aliased
        half = cv2.resize(picture, None, fx=2 * scale, fy=2 * scale, interpolation=cv2.INTER_AREA)
        matrix = np.array([[0.5, 0, -x * scale], [0, 0.5, -y * scale]])
        picture = half
    made = cv2.warpAffine(picture, matrix, (SIDE, SIDE), flags=cv2.INTER_LINEAR)
    boxes = []
    for kind, (x1, y1, x2, y2) in objects:
        full = [(x1 - x) * scale, (y1 - y) * scale, (x2 - x) * scale, (y2 - y) * scale]
        a, b, c, d = (min(max(v, 0.0), float(SIDE)) for v in full)
        if c <= a or d <= b:
            continue
        seen = (c - a) * (d - b) / ((full[2] - full[0]) * (full[3] - full[1]))
        boxes.append((kind, a, b, c, d, seen < 0.4 or min(c - a, d - b) < 3))
    return made, boxes


def _open(ds: fl.Dataset, image: int) -> Any:
    return cv2.imread(str(ds.root / ds.images["path"][image].as_py()))


def _bccd(root: Path) -> Iterator[tuple[str, Any, Any]]:
    ds = fl.read(root)
    objects = _objects(ds)
    test = set((root / "ImageSets/Main/test.txt").read_text(encoding="utf-8").split())
    others = 0
    for image, path in enumerate(ds.images["path"].to_pylist()):
        part = "test"
        if Path(path).stem not in test:
            others += 1
            part = "train" if others <= BCCD_TRAIN else "frames"
            if others > BCCD_TRAIN + BCCD_FRAMES:
                continue
        for x in (0, 320) if part != "frames" else (160,):
            yield part, *_crop(_open(ds, image), objects[image], (x, 80, 320))


def _raccoon(root: Path) -> Iterator[tuple[str, Any, Any]]:
    ds = fl.read(root)
    objects = _objects(ds)
    for image, path in enumerate(ds.images["path"].to_pylist()):
        number = int(Path(path).stem.partition("-")[2])
        picture = _open(ds, image)
        height, width = picture.shape[:2]
        x1, y1, x2, y2 = objects[image][0][1]
        # A square that holds the first animal whole, off the middle by the picture's number.
        least = 1.15 * max(x2 - x1, y2 - y1)
        side = max(least, 0.75 * min(width, height))
        slack = side - max(x2 - x1, y2 - y1)
        place = (number * 0.618034) % 1.0
        x = (x1 + x2 - side) / 2 + (place - 0.5) * slack * 0.6
        y = (y1 + y2 - side) / 2 + (0.5 - place) * slack * 0.6
        part = "train" if number <= 160 else "test"
        yield part, *_crop(picture, objects[image], (x, y, side))


def _garbage(root: Path) -> Iterator[tuple[str, Any, Any]]:
    ds = fl.read(root)
    objects = _objects(ds)
    order = sorted(range(len(ds)), key=lambda i: ds.images["path"][i].as_py())
    for rank, image in enumerate(order):
        part = "test" if rank % 3 == 2 else "train"
        picture = _open(ds, image)
        windows = [(0, 0, 640), *((x, y, 400) for x in (0, 240) for y in (0, 240))]
        for window in windows:
            made, boxes = _crop(picture, objects[image], window)
            if boxes:
                yield part, made, boxes
