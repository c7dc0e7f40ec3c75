"""Pictures and tables of scenes for the tests of matching."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pyarrow as pa

from fastlabel.match.features import BY_NAME, SCENE


def scene(luma: float, seed: int, size: tuple[int, int] = (96, 128), tint: int = 0) -> np.ndarray:
    """A picture with a horizon, some edges and noise, at a luma."""
    rng = np.random.default_rng(seed)
    h, w = size
    gray = np.full((h, w), luma, np.float64)
    gray[: h // 3] += 12
    for _ in range(6):
        x, y = rng.integers(0, w - 12), rng.integers(h // 3, h - 12)
        gray[y : y + 10, x : x + 10] += rng.choice([-25, 25])
    gray += cv2.resize(rng.normal(0, 4, (h, w)), (w, h))
    colour = np.stack([gray - tint, gray, gray + tint], axis=2)
    return np.clip(colour, 0, 255).astype(np.uint8)


def folder(
    root: Path, lumas: list[float], *, size: tuple[int, int] = (96, 128), suffix: str = ".png",
    tint: int = 20, seed: int = 0, gray: bool = False,
) -> Path:  # fmt: skip
    """A folder of such pictures."""
    root.mkdir(parents=True, exist_ok=True)
    for k, luma in enumerate(lumas):
        picture = scene(luma, seed + k, size, tint)
        if gray:
            picture = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
        assert cv2.imwrite(str(root / f"{k:03}{suffix}"), picture)
    return root


def table(n: int, **columns: object) -> pa.Table:
    """Scenes of which only some features are known."""
    rows = {
        "image_id": np.arange(n),
        "file_name": [f"{k}.jpg" for k in range(n)],
        "status": ["ok"] * n,
        "status_detail": pa.nulls(n, pa.string()),
        **{name: pa.nulls(n, pa.float64()) for name in BY_NAME},
    }
    rows.update({k: pa.array(np.asarray(v, float)) for k, v in columns.items()})
    return pa.table(rows).select(SCENE.names).cast(SCENE)
