"""Which merging gives the objects back? Labels cut by tiles, as a perfect model would see them.

    python compare.py labels.json                 # a COCO file with the sizes of its images
    python compare.py labels.json -o crowd.png    # and a picture of the image with most boxes

Every tile gets the visible part of each object, a pixel off on every side, with a random score. A
method is right where a result has an IoU of 0.75 or more with an object that no other result has.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import numpy as np

import fastlabel as fl

METHODS = {
    "nms, IoU 0.5": {"join_cut": False},
    "nms, IoS 0.5": {"join_cut": False, "metric": "ios"},
    "greedy nmm, IoS 0.5": {"join_cut": False, "method": "nmm", "metric": "ios"},
    "nmm, IoS 0.5": {"join_cut": False, "method": "nmm", "metric": "ios", "greedy": False},
    "wbf, IoU 0.5": {"join_cut": False, "method": "wbf"},
    "cut edges joined, nms, IoU 0.5": {},
}


def seen(objects, labels, windows, rng, least=4.0):
    """For each window the parts of objects that it shows, in its own pixels."""
    found = []
    for window in windows:
        low = np.maximum(objects[:, :2], window[:2]) - window[:2]
        high = np.minimum(objects[:, 2:], window[2:]) - window[:2]
        part = np.concatenate([low, high], axis=1)
        shown = ((high - low) >= np.minimum(least, objects[:, 2:] - objects[:, :2])).all(axis=1)
        part = part[shown] + rng.uniform(-1, 1, (int(shown.sum()), 4))
        side = np.tile(window[2:] - window[:2], 2)
        part = part.clip(0, side)
        part[:, 2:] = np.maximum(part[:, 2:], part[:, :2])
        found.append((part, rng.random(len(part)), labels[shown]))
    return found


def right(results, objects, labels) -> int:
    """How many objects came back, one result each."""
    match = fl.match_coco(
        results.boxes,
        [0, len(results)],
        results.scores,
        objects,
        [0, len(objects)],
        iou_thresholds=[0.75],
        prediction_classes=results.labels,
        label_classes=labels,
    )
    return int((match.prediction_match[0] >= 0).sum())


def draw(shape, objects, windows, results) -> np.ndarray:
    """What came back: green where it is an object, red where it is none; white lines are cuts."""
    height, width = shape
    out = np.full((height, width, 3), 40, np.uint8)
    for x1, y1, x2, y2 in windows:
        cv2.rectangle(out, (int(x1), int(y1)), (int(x2) - 1, int(y2) - 1), (110, 110, 110), 1)
    best = fl.box_iou(results.boxes, objects).max(axis=1) if len(results) else []
    for box, iou in zip(results.boxes, best, strict=True):
        colour = (80, 200, 80) if iou >= 0.75 else (60, 60, 255)
        x1, y1, x2, y2 = (round(v) for v in box)
        cv2.rectangle(out, (x1, y1), (x2, y2), colour, 1 if iou >= 0.75 else 2)
    return out


def main() -> None:
    """Read the labels, cut, merge by every method, print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("labels", type=Path)
    parser.add_argument("--size", type=int, default=320)
    parser.add_argument("--overlap", type=float, default=0.2)
    parser.add_argument("-o", "--out", type=Path, help="a picture: greedy nmm left, joined right")
    given = parser.parse_args()

    data = fl.read(given.labels)
    images = [image for image in data.images.to_pylist() if image["height"] is not None]
    boxes = data.annotations.to_pydict()
    corners = np.column_stack([boxes[name] for name in ("x1", "y1", "x2", "y2")])
    owner, label = np.array(boxes["image_id"]), np.array(boxes["category_id"])
    counts = {name: [0, 0] for name in METHODS}
    total = 0
    most = int(np.bincount(owner).argmax())
    for image in images:
        own = owner == image["image_id"]
        size = (image["height"], image["width"])
        windows = fl.tile_windows(*size, given.size, given.overlap)
        found = seen(corners[own], label[own], windows, np.random.default_rng(image["image_id"]))
        total += int(own.sum())
        panels = []
        for name, options in METHODS.items():
            results = fl.merge_tiles(found, windows, sizes=size, **options)
            counts[name][0] += right(results, corners[own], label[own])
            counts[name][1] += len(results)
            if name.startswith(("greedy", "cut")):
                panels.append(draw(size, corners[own], windows, results))
        if image["image_id"] == most and given.out is not None:
            cv2.imwrite(str(given.out), np.concatenate(panels, axis=1))
    print(f"{total:,} objects in {len(images)} images, tiles of {given.size} px")
    for name, (good, results) in counts.items():
        print(f"{name:32} {good:6,} back ({good / total:6.1%})   {results - good:6,} that are none")


if __name__ == "__main__":
    main()
