"""The same as letterbox.cpp by OpenCV alone: colour, size, border, table, planes."""

import sys

import cv2
import numpy as np

kind, side, interpolation, times = sys.argv[1], int(sys.argv[2]), sys.argv[3], int(sys.argv[4])
cv2.setNumThreads(1)
pixels = (np.arange(1920 * 1080 * 3) % 251).astype(np.uint8)
bgr = pixels.reshape(1080, 1920, 3)
nv12 = pixels[: 1920 * 1620].reshape(1620, 1920)
how = cv2.INTER_AREA if interpolation == "area" else cv2.INTER_LINEAR
height = round(1080 * side / 1920)
top = (side - height) // 2
table = (np.arange(256) - 128).astype(np.uint8)
for _ in range(times):
    # The order of BGR is left to the order of the planes, which costs nothing.
    image = cv2.cvtColor(nv12, cv2.COLOR_YUV2RGB_NV12) if kind == "nv12" else bgr
    small = cv2.resize(image, (side, height), interpolation=how)
    bottom = side - height - top
    padded = cv2.copyMakeBorder(
        small, top, bottom, 0, 0, cv2.BORDER_CONSTANT, value=(114, 114, 114)
    )
    planes = cv2.split(cv2.LUT(padded, table))
