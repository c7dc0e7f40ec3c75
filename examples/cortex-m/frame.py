#!/usr/bin/env python3
"""Write frames of a picture as C arrays: as it is, and with a dark square that has come in.

Usage: ``python frame.py photo.jpg -o build/frame.h [--size 320x240]``
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import cv2
import numpy as np

import fastlabel as fl

#: Limits that no frame of a usual picture fails but by standing still.
LIMITS = {"min_sharpness": 20.0, "min_light": 30.0, "max_light": 225.0, "min_motion": 1.5}


def frames_of(path: Path, width: int, height: int) -> tuple[Any, Any]:
    """NV12 at the camera's size.

    The planes Y (3, height, width) of the picture, of it with a change, and of that again; and
    the plane U V (height / 2, width) of all of them.
    """
    picture = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if picture is None:
        raise SystemExit(f"{path}: is no picture that OpenCV can read")
    small = fl.resize_area(picture, (width, height))
    planes = cv2.cvtColor(small, cv2.COLOR_BGR2YUV_I420)
    first = planes[:height]
    u, v = planes[height:].reshape(2, height // 2, width // 2)
    second = first.copy()
    second[height // 3 : height // 2, width // 4 : width // 2] //= 2
    return np.stack([first, second, second]), np.stack([u, v], axis=2).reshape(height // 2, width)


def header(frames: Any, chroma: Any) -> str:
    """frame.h."""
    count, height, width = frames.shape
    limits = fl.GateLimits(**LIMITS).fixed()

    def numbers(plane: Any) -> str:
        return "{" + ",\n".join(",".join(map(str, row)) for row in plane.tolist()) + "}"

    planes = ",\n".join(numbers(plane) for plane in frames)
    return (
        '#include "fastlabel/gate.h"\n'
        f"#define FRAME_WIDTH {width}\n#define FRAME_HEIGHT {height}\n#define FRAME_COUNT {count}\n"
        "static const fl_gate_options frame_limits __attribute__((unused)) =\n"
        f"    {{sizeof(fl_gate_options), {', '.join(f'{value}u' for value in limits.values())}}};\n"
        f"static const uint8_t frames[{count}][{width * height}] = {{\n{planes}}};\n"
        f"static const uint8_t chroma[{chroma.size}] __attribute__((unused)) =\n"
        f"{numbers(chroma)};\n"
    )


def main() -> None:
    """Read the arguments and write the file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("picture", type=Path)
    parser.add_argument("-o", "--out", type=Path, required=True)
    parser.add_argument("--size", default="320x240")
    arguments = parser.parse_args()
    width, height = map(int, arguments.size.split("x"))
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    text = header(*frames_of(arguments.picture, width, height))
    arguments.out.write_text(text, encoding="ascii")


if __name__ == "__main__":
    main()
