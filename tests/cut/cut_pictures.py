"""Pictures for the tests of cutting."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image


def photo(width: int, height: int, seed: int = 0, gray: bool = False) -> NDArray[np.uint8]:
    """Give smooth colours with edges and some noise, BGR or gray."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width].astype(np.float64)
    planes = [
        120 + 80 * np.sin(x / (9 + k) + k) * np.cos(y / (13 - k)) + 20 * ((x // 17 + y // 23) % 2)
        for k in range(1 if gray else 3)
    ]
    picture = np.stack(planes, axis=-1) + rng.normal(0, 2, (height, width, len(planes)))
    picture = np.clip(picture, 0, 255).astype(np.uint8)
    return picture[:, :, 0] if gray else picture


def jpeg(picture: NDArray[np.uint8], *, orientation: int = 0, **options: Any) -> bytes:
    """Give the picture (BGR or gray) as Pillow writes it, with Pillow's own options."""
    rgb = picture if picture.ndim == 2 else picture[:, :, ::-1]
    file = io.BytesIO()
    if orientation:
        exif = Image.Exif()
        exif[0x0112] = orientation
        options["exif"] = exif
    Image.fromarray(np.ascontiguousarray(rgb)).save(file, "jpeg", **{"quality": 95, **options})
    return file.getvalue()


def psnr(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> float:
    """Give the peak signal-to-noise ratio in dB."""
    error = np.mean((a.astype(np.float64) - b.astype(np.float64)) ** 2)
    return 99.0 if error == 0 else float(10 * np.log10(255**2 / error))
