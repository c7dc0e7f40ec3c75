"""One picture or many: which it is, and the threads for many."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from .._arrays import as_boxes, as_image, to_numpy
from .._scalars import as_whole

__all__ = ["Boxes", "Image", "is_rgb", "pictures", "run"]

Image = NDArray[np.uint8]
Boxes = NDArray[np.float64] | None
Result = TypeVar("Result")


def is_rgb(order: str) -> bool:
    """Whether channel 0 is red."""
    if not isinstance(order, str) or order not in ("bgr", "rgb"):
        raise ValueError(f"order: got {order!r}, expected 'bgr' or 'rgb'")
    return order == "rgb"


def _checked_boxes(boxes: Any, name: str) -> Boxes:
    return np.ascontiguousarray(as_boxes(boxes, name), np.float64)


def _stack(img: Any) -> Sequence[Any] | None:
    """The pictures of a sequence or of a stack; None for one picture."""
    if isinstance(img, (list, tuple)):
        return img
    array = to_numpy(img, "img")
    # A third axis of 1, 3 or 4 is channels; longer, it is the width of a stack of gray pictures.
    if array.ndim == 4 or (array.ndim == 3 and array.shape[2] > 4):
        return list(array)
    return None


def pictures(img: Any, boxes: Any) -> tuple[list[Image], list[Boxes], bool]:
    """Pictures, the boxes of each, and whether there can be more than one."""
    several = _stack(img)
    if several is None:
        wanted = None if boxes is None else _checked_boxes(boxes, "boxes")
        return [as_image(img, "img")], [wanted], False
    images = [as_image(one, f"img[{i}]") for i, one in enumerate(several)]
    if boxes is None:
        return images, [None] * len(images), True
    if isinstance(boxes, (str, bytes)) or not hasattr(boxes, "__len__"):
        raise TypeError(f"boxes: got {type(boxes).__name__}, expected one entry a picture")
    if len(boxes) != len(images):
        raise ValueError(f"boxes: got {len(boxes)} entries, img has {len(images)} pictures")
    return images, [_checked_boxes(b, f"boxes[{i}]") for i, b in enumerate(boxes)], True


def run(
    one: Callable[[Image, Boxes], Result],
    images: list[Image],
    boxes: list[Boxes],
    workers: int,
) -> list[Result]:
    """One result a picture, in order, whatever the number of threads."""
    wanted = as_whole(workers, "workers")
    if wanted < 0:
        raise ValueError(f"workers: got {wanted}, expected 0 (all CPUs) or more")
    threads = min(wanted or os.cpu_count() or 1, len(images))
    if threads <= 1:
        return [one(image, inside) for image, inside in zip(images, boxes, strict=True)]
    # Each task takes several pictures: a task costs more than a small picture.
    step = -(-len(images) // (4 * threads))

    def some(start: int) -> list[Result]:
        part = slice(start, start + step)
        return [one(image, b) for image, b in zip(images[part], boxes[part], strict=True)]

    with ThreadPoolExecutor(threads) as pool:
        parts = pool.map(some, range(0, len(images), step))
        return [result for part in parts for result in part]
