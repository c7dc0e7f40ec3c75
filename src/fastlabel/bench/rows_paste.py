"""Rows of the benchmark table: pasting objects into a picture."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .row import Peer, Row

__all__ = ["ROWS"]

_SIDE = 640
_PASTES = 100
_PER_SECOND = 500

Image = NDArray[np.uint8]


def _opencv() -> Any:
    """OpenCV on one thread, as we are."""
    cv2: Any = import_module("cv2")
    cv2.setNumThreads(1)
    return cv2


def _smooth(rng: Any, side: int, level: float) -> Image:
    """A picture of blobs with a little noise."""
    coarse = rng.normal(0, 40, (side // 8 + 2, side // 8 + 2, 3))
    plane = coarse.repeat(8, 0).repeat(8, 1)[:side, :side]
    for axis in (0, 1):
        plane = (np.roll(plane, 3, axis) + plane + np.roll(plane, -3, axis)) / 3
    picture: Image = (plane + rng.normal(level, 2, plane.shape)).clip(0, 255).astype(np.uint8)
    return picture


def _make() -> tuple[Any, ...]:
    """A tile of 640 x 640 and 100 discs of 80 pixels that become 12 to 48, in a grid."""
    from ..prepare.paste.bank import Patch
    from ..prepare.paste.outline import ellipse_alpha
    from ..prepare.paste.render import PasteItem

    rng = np.random.default_rng(4)
    box = (40.0, 40.0, 120.0, 120.0)
    alpha = ellipse_alpha(box, 160, 160)
    patches = [Patch(_smooth(rng, 160, 90 + 6 * k), alpha, box, "ellipse") for k in range(10)]
    items = []
    for k in range(_PASTES):
        side = float(rng.uniform(12, 48))
        x, y = 64 * (k % 10) + 6 + rng.uniform(0, 4), 64 * (k // 10) + 6 + rng.uniform(0, 4)
        items.append(PasteItem(patches[k % 10], (x, y, x + side, y + side), k % 2 == 0, k))
    return _smooth(rng, _SIDE, 130), items


def _render(target: Image, items: Any) -> Any:
    from ..prepare.paste.render import render

    return render(target, items).pixels


def _by_opencv(target: Image, items: Any) -> Any:
    """The same steps by OpenCV and NumPy, the box rounded to whole pixels."""
    cv2 = _opencv()
    out = target.copy()
    wanted = cv2.Laplacian(cv2.cvtColor(target, cv2.COLOR_BGR2GRAY), cv2.CV_64F).var()
    rng = np.random.default_rng(0)
    for item in items:
        x1, y1, x2, _ = (round(v) for v in item.box)
        scale = (x2 - x1) / (item.patch.box[2] - item.patch.box[0])
        size = max(1, round(item.patch.alpha.shape[1] * scale))
        left = round(x1 - item.patch.box[0] * scale)
        top = round(y1 - item.patch.box[1] * scale)
        pixels = cv2.resize(item.patch.pixels, (size, size), interpolation=cv2.INTER_AREA)
        alpha = cv2.resize(item.patch.alpha, (size, size), interpolation=cv2.INTER_AREA)
        if item.flip:
            pixels, alpha = pixels[:, ::-1], alpha[:, ::-1]
        dx, dy = max(0, -left), max(0, -top)
        left, top = left + dx, top + dy
        height, width = min(size - dy, _SIDE - top), min(size - dx, _SIDE - left)
        pixels = pixels[dy : dy + height, dx : dx + width].astype(np.float32)
        alpha = alpha[dy : dy + height, dx : dx + width].astype(np.float32) / 255
        place = out[top : top + height, left : left + width].astype(np.float32)
        around = alpha == 0
        if around.any():
            pixels += place[around].mean(0) - pixels[around].mean(0)
        rest = cv2.blur((place - pixels) * (1 - alpha)[..., None], (9, 9))
        weight = cv2.blur(1 - alpha, (9, 9))[..., None]
        pixels += rest / np.maximum(weight, 1e-6) * np.minimum(1, 2 * weight)
        for sigma in (0.5, 0.8, 1.2):
            grey = cv2.cvtColor(pixels.clip(0, 255).astype(np.uint8), cv2.COLOR_BGR2GRAY)
            if cv2.Laplacian(grey, cv2.CV_64F).var() <= wanted:
                break
            pixels = cv2.GaussianBlur(pixels, (0, 0), sigma)
        pixels += rng.normal(0, 0.5, alpha.shape).astype(np.float32)[..., None]
        ramp = np.minimum(1, 2 * cv2.blur(cv2.blur(alpha, (5, 5)), (5, 5)))[..., None]
        mixed = place + (pixels - place) * ramp
        out[top : top + height, left : left + width] = mixed.clip(0, 255).astype(np.uint8)
    return out


def _alike(ours: Any, theirs: Any) -> None:
    """The same places changed to about the same colours: the estimates differ in detail."""
    difference = np.abs(ours.astype(np.float64) - theirs)
    assert ours.shape == theirs.shape
    assert difference.mean() < 6, f"{difference.mean():.2f} levels apart on average"


ROWS: tuple[Row, ...] = (
    Row(
        name="paste-matched",
        title="100 objects matched and pasted into 640 x 640, 500 a second promised",
        make=_make,
        run=_render,
        peers=(Peer("OpenCV and NumPy, the same steps", ("cv2",), _by_opencv),),
        agree=_alike,
        budget={"seconds": _PASTES / _PER_SECOND},
    ),
)
