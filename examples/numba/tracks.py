"""How long each object stays: a loop over frames, compiled, with fastlabel's kernels inside.

python tracks.py
"""

import numpy as np
from numba import njit

from fastlabel.numba import box_iou


@njit(nogil=True)
def follow(boxes, offsets, threshold):
    """age[i]: for how many frames the object in row i was seen before, by IoU.

    boxes is (N, 4) float64; frame t holds its rows offsets[t] .. offsets[t + 1].
    """
    age = np.zeros(len(boxes), np.int64)
    iou = np.empty((1, 1))
    for t in range(1, len(offsets) - 1):
        for i in range(offsets[t], offsets[t + 1]):
            best = threshold
            for j in range(offsets[t - 1], offsets[t]):
                box_iou(boxes[i : i + 1], boxes[j : j + 1], iou)
                if iou[0, 0] >= best:
                    best = iou[0, 0]
                    age[i] = age[j] + 1
    return age


if __name__ == "__main__":
    rng = np.random.default_rng(0)
    start = rng.uniform(0, 600, (20, 2))
    boxes = []
    for _ in range(50):
        start = start + rng.normal(0, 2, start.shape)
        boxes.append(np.hstack([start, start + 40]))
    age = follow(np.concatenate(boxes), np.arange(0, 20 * 51, 20), 0.3)
    print(f"longest track: {age.max() + 1} frames")
