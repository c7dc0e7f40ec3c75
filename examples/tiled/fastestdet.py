"""Tiled inference: what a small detector misses in a large picture, it finds in its tiles.

    python fastestdet.py FastestDet.onnx coco.names photo.jpg -o merged.jpg

Runs FastestDet (https://github.com/dog-qiuqiu/FastestDet, input 352 x 352) on the whole picture
and on its tiles, merges what it found in both, and draws the picture twice: untiled above, tiled
below. Needs onnxruntime besides fastlabel.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import numpy as np

import fastlabel as fl

INPUT = 352


def decode(output: np.ndarray, width: int, height: int, least: float):
    """Boxes, scores and labels from the model's head: 85 numbers a cell.

    Objectness, four terms of the box, 80 class scores; the picture was stretched to the input.
    """
    _, rows, columns = output.shape
    classes = output[5:].argmax(axis=0)
    score = output[0] ** 0.6 * output[5:].max(axis=0) ** 0.4
    y, x = np.nonzero(score > least)
    dx, dy, w, h = output[1:5, y, x]
    centre = np.stack([(x + np.tanh(dx)) / columns, (y + np.tanh(dy)) / rows], axis=1)
    size = 1 / (1 + np.exp(-np.stack([w, h], axis=1)))
    boxes = np.concatenate([centre - size / 2, centre + size / 2], axis=1)
    boxes *= [width, height, width, height]
    return boxes.clip(0, [width, height, width, height]), score[y, x], classes[y, x]


class Detector:
    """One picture in, boxes in its pixels out."""

    def __init__(self, model: Path, least: float, only: list[int] | None = None) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(
            model, options, providers=["CPUExecutionProvider"]
        )
        self.name = self.session.get_inputs()[0].name
        self.least = least
        self.only = only

    def __call__(self, picture: np.ndarray):
        """Boxes, scores and labels."""
        small = cv2.resize(picture, (INPUT, INPUT), interpolation=cv2.INTER_AREA)
        tensor = small.transpose(2, 0, 1)[None].astype(np.float32) / 255
        (output,) = self.session.run(None, {self.name: tensor})
        boxes, scores, labels = decode(output[0], picture.shape[1], picture.shape[0], self.least)
        if self.only is not None:
            kept = np.isin(labels, self.only)
            boxes, scores, labels = boxes[kept], scores[kept], labels[kept]
        # A detector suppresses its own doubles; those of other tiles are merge_tiles' work.
        keep = fl.batched_nms(boxes, scores, labels, 0.45)
        return boxes[keep], scores[keep].clip(0, 1), labels[keep]


def tiled(detector: Detector, picture: np.ndarray, size: int, overlap: float, **options):
    """Boxes of the whole picture and of its tiles, as one set."""
    height, width = picture.shape[:2]
    windows = fl.tile_windows(height, width, size, overlap)
    found = [detector(picture[y1:y2, x1:x2]) for x1, y1, x2, y2 in windows]
    return fl.merge_tiles(
        found,
        windows,
        full_frame=detector(picture),
        sizes=(height, width),
        edge_tolerance=size / 50,  # the model's boxes are loose
        **options,
    )


def draw(picture: np.ndarray, boxes, scores, labels, names: list[str], marked=None) -> np.ndarray:
    """The picture with its boxes; those that were put together from parts in another colour."""
    out = picture.copy()
    line = max(2, round(max(picture.shape) / 700))
    for k, (box, score, label) in enumerate(zip(boxes, scores, labels, strict=True)):
        x1, y1, x2, y2 = (round(float(v)) for v in box)
        colour = (0, 160, 255) if marked is not None and marked[k] else (60, 220, 60)
        cv2.rectangle(out, (x1, y1), (x2, y2), colour, line)
        text = f"{names[label]} {score:.2f}"
        place = (x1, max(12, y1 - 6))
        cv2.putText(out, text, place, cv2.FONT_HERSHEY_SIMPLEX, line / 4, colour, line // 2 + 1)
    return out


def main() -> None:
    """Read the arguments, run, write the picture, print the counts."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("model", type=Path)
    parser.add_argument("names", type=Path, help="class names, one a line")
    parser.add_argument("picture", type=Path)
    parser.add_argument("-o", "--out", type=Path, required=True)
    parser.add_argument("--size", type=int, default=704, help="side of a tile in pixels")
    parser.add_argument("--overlap", type=float, default=0.2, help="of neighbouring tiles")
    parser.add_argument("--least", type=float, default=0.5, help="score below which is nothing")
    parser.add_argument("--only", help="classes to keep, with commas between; all when absent")
    parser.add_argument("--method", default="nms", help="nms, soft-nms, nmm or wbf")
    parser.add_argument("--metric", default="ios", help="iou or ios")
    given = parser.parse_args()

    picture = cv2.imread(str(given.picture), cv2.IMREAD_COLOR)
    if picture is None:
        parser.error(f"{given.picture}: is no picture that OpenCV reads")
    names = given.names.read_text(encoding="utf-8").split("\n")
    only = None if given.only is None else [names.index(n) for n in given.only.split(",")]
    detector = Detector(given.model, given.least, only)
    whole = detector(picture)
    found = tiled(
        detector, picture, given.size, given.overlap, method=given.method, metric=given.metric
    )
    above = draw(picture, *whole, names)
    below = draw(picture, found.boxes, found.scores, found.labels, names, found.joined)
    cv2.imwrite(str(given.out), np.concatenate([above, below]), [cv2.IMWRITE_JPEG_QUALITY, 85])
    print(
        f"{given.picture.name}: {len(whole[1])} boxes in the whole picture; {len(found)} with its "
        f"tiles, {int(found.joined.sum())} joined across edges"
    )


if __name__ == "__main__":
    main()
