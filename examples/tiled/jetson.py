"""Tiled inference on a Jetson: a large frame, its tiles as one batch, one set of boxes.

    python jetson.py FastestDet.onnx photo.jpg                # untiled beside tiled
    python jetson.py FastestDet.onnx photo.jpg --provider TensorrtExecutionProvider

The tiles are windows of the frame, not copies: `fl.Preprocess` makes the network's input of all of
them in one call, on as many threads as it is given, and the recipe is the training's own. Needs
onnxruntime (on the Jetson NVIDIA's build of it) and OpenCV for reading the picture.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from fastestdet import decode

import fastlabel as fl

#: What FastestDet was trained with; your own comes from Preprocess.load("preprocess.json").
RECIPE = fl.Preprocess(352, interpolation="area", order="bgr", stretch=True)

Model = Callable[[np.ndarray], np.ndarray]


def onnx_model(path: Path, provider: str) -> Model:
    """A model as a function from a batch to its outputs, one picture at a time if it must be."""
    import onnxruntime

    session = onnxruntime.InferenceSession(path, providers=[provider])
    source = session.get_inputs()[0]
    step = source.shape[0] if isinstance(source.shape[0], int) else None

    def run(batch: np.ndarray) -> np.ndarray:
        size = step or len(batch)
        parts = [batch[k : k + size] for k in range(0, len(batch), size)]
        return np.concatenate([session.run(None, {source.name: part})[0] for part in parts])

    return run


def detect(model: Model, frame: np.ndarray, windows: np.ndarray, least: float, workers: int):
    """For each window boxes in its pixels, scores and labels."""
    batch, transforms = RECIPE(frame, window=windows, workers=workers)
    found = []
    for output, transform in zip(model(batch), transforms, strict=True):
        width, height = transform.image
        found.append(decode(output, width, height, least))
    return found


def main() -> None:
    """Detect untiled and tiled, merge, print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("model", type=Path)
    parser.add_argument("picture", type=Path)
    parser.add_argument("--size", type=int, default=480, help="of a tile")
    parser.add_argument("--least", type=float, default=0.4, help="least score")
    parser.add_argument("--workers", type=int, default=0, help="threads; 0: one a CPU")
    parser.add_argument("--provider", default="CPUExecutionProvider")
    arguments = parser.parse_args()

    frame = cv2.imread(str(arguments.picture))
    if frame is None:
        raise SystemExit(f"{arguments.picture}: cannot be read as a picture")
    height, width = frame.shape[:2]
    model = onnx_model(arguments.model, arguments.provider)
    windows = fl.tile_windows(height, width, arguments.size, overlap=0.25)
    whole = np.array([[0, 0, width, height]])

    (alone,) = detect(model, frame, whole, arguments.least, 1)
    tiles = detect(model, frame, windows, arguments.least, arguments.workers)
    merged = fl.merge_tiles(tiles, windows, full_frame=alone, sizes=[[width, height]])
    untiled = fl.nms(alone[0], alone[1], 0.5)
    print(f"{width} x {height}: {len(windows)} tiles")
    print(f"untiled: {len(untiled)} boxes")
    print(f"tiled: {len(merged.boxes)} boxes, {int(merged.joined.sum())} joined across seams")
    for box, score, label in zip(merged.boxes, merged.scores, merged.labels, strict=True):
        print(f"{label} {score:.2f}", " ".join(f"{side:.0f}" for side in box))


if __name__ == "__main__":
    main()
