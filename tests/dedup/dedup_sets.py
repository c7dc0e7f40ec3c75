"""Small sets with copies, near copies and what only looks alike."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np


def photo(seed: int, side: tuple[int, int] = (120, 160)) -> np.ndarray:
    """Draw clouds of colour: no two seeds are alike."""
    rng = np.random.default_rng(seed)
    noise = rng.integers(0, 256, (*side, 3), np.uint8).astype(np.float32)
    cloud = cv2.GaussianBlur(noise, (0, 0), 9)
    return cv2.normalize(cloud, None, 0, 255, cv2.NORM_MINMAX).astype(np.uint8)


def save(path: Path, picture: np.ndarray, quality: int = 95) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    options = [cv2.IMWRITE_JPEG_QUALITY, quality] if path.suffix == ".jpg" else []
    done, data = cv2.imencode(path.suffix, picture, options)
    assert done
    path.write_bytes(data.tobytes())


def yolo(root: Path, rows: dict[str, str]) -> None:
    """Write labels for the pictures below ``root/images`` and a data.yaml."""
    for name, text in rows.items():
        place = root / "labels" / Path(name).with_suffix(".txt")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
    splits = sorted({Path(name).parts[0] for name in rows if len(Path(name).parts) > 1})
    lines = "".join(f"{name}: images/{name}\n" for name in splits) or "train: images\n"
    (root / "data.yaml").write_text(f"path: .\n{lines}nc: 3\nnames: [cat, dog, fox]\n")


def straddling(result: object) -> set[int]:
    """Groups with images of two splits, counted row by row."""
    seen: dict[int, set[str]] = {}
    for row in result.assignments.to_pylist():  # type: ignore[attr-defined]
        seen.setdefault(row["group_id"], set()).add(row["split"])
    return {group for group, splits in seen.items() if len(splits) > 1}
