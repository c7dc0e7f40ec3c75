"""A Raspberry Pi's camera loop: frames past the gate, those that are worth it to the model.

    python raspberry_pi.py preprocess.json                               # the Pi's own camera
    python raspberry_pi.py preprocess.json --limits gate.json            # of `fastlabel gate`
    python raspberry_pi.py preprocess.json --file day.nv12 --size 1280x720

The gate looks at a small gray copy that the camera makes beside the frame, so a frame that nobody
needs costs a few thousand operations. Needs NumPy and fastlabel; on the Pi also picamera2
(`apt install python3-picamera2`). Without a camera frames come from a raw NV12 file, such as
`ffmpeg -i day.mp4 -pix_fmt nv12 -f rawvideo day.nv12` makes.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np

import fastlabel as fl
from fastlabel.gate import FrameGate, GateLimits

SMALL = (320, 240)


def camera(size: tuple[int, int]) -> Iterator[tuple[np.ndarray, str, np.ndarray]]:
    """Frames of the Pi's camera with their formats, and a small gray copy of each."""
    from picamera2 import Picamera2

    pi = Picamera2()
    # What libcamera calls RGB888 has the bytes B, G, R in memory.
    pi.configure(
        pi.create_video_configuration(
            main={"size": size, "format": "RGB888"}, lores={"size": SMALL, "format": "YUV420"}
        )
    )
    pi.start()
    width, height = SMALL
    while True:
        (frame, small), _ = pi.capture_arrays(["main", "lores"])
        yield frame, "bgr", small[:height, :width]


def file(path: Path, size: tuple[int, int]) -> Iterator[tuple[np.ndarray, str, np.ndarray]]:
    """The same of a file of NV12 frames; their Y plane is the gray copy."""
    width, height = size
    frame_bytes = width * height * 3 // 2
    with path.open("rb") as source:
        while data := source.read(frame_bytes):
            if len(data) < frame_bytes:
                raise SystemExit(f"{path}: its end is no whole frame of {width} x {height}")
            frame = np.frombuffer(data, np.uint8).reshape(height * 3 // 2, width)
            yield frame, "nv12", frame[:height]


def run_model(tensor: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Find boxes in the input, in its pixels, and their scores: your interpreter goes here.

    For example ``interpreter.set_tensor(0, tensor)``, ``interpreter.invoke()`` of TensorFlow Lite.
    This stub says "a thing" of the middle of the picture, twice, as models do.
    """
    height, width = tensor.shape[2:] if tensor.shape[1] in (1, 3) else tensor.shape[1:3]
    box = np.array([width * 0.25, height * 0.375, width * 0.75, height * 0.625])
    return np.stack([box, box + 1]), np.array([0.9, 0.8])


def main() -> None:
    """Loop until the frames end."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("recipe", type=Path, help="preprocess.json, the one of the training")
    parser.add_argument("--limits", type=Path, help="gate.json")
    parser.add_argument("--file", type=Path, help="raw NV12 frames instead of the camera")
    parser.add_argument("--size", default="1280x720")
    arguments = parser.parse_args()
    size = tuple(int(side) for side in arguments.size.split("x"))

    recipe = fl.Preprocess.load(arguments.recipe)
    limits = GateLimits(min_sharpness=2, min_light=24, max_bright=0.9, min_motion=1)
    if arguments.limits:
        limits = GateLimits.load(arguments.limits)
    gate = None
    frames = file(arguments.file, size) if arguments.file else camera(size)
    tensor = np.empty(recipe.shape, recipe.dtype)  # one for all frames
    for number, (frame, format, gray) in enumerate(frames):
        if gate is None:
            gate = FrameGate(gray.shape[1], gray.shape[0], limits)
        seen = gate(gray)
        if not seen.ok:
            print(f"frame {number}: no", seen.verdict.name.lower().replace("|", " "))
            continue
        _, transform = recipe(frame, format=format, out=tensor)
        boxes, scores = run_model(tensor)
        keep = fl.nms(boxes, scores, 0.5)
        found = transform.to_image(boxes[keep], clip=True)
        things = [
            f"{score:.2f} at " + " ".join(f"{side:.0f}" for side in box)
            for box, score in zip(found, scores[keep], strict=True)
        ]
        print(f"frame {number}:", ", ".join(things) or "nothing")


if __name__ == "__main__":
    main()
