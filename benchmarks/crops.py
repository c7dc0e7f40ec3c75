"""A large set of small JPEG files: crops of real photos, 96 to 256 pixels a side.

    python benchmarks/crops.py DIR --images 100000 [--photos DIR] [--boxes 2] [--seed 0]

Sub-folders of 1,000 files each. With --boxes also labels.json (COCO). Without photos, or where
none is found, the crops are cut from drawn pictures. The same arguments give the same files.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np

SMALLEST, LARGEST = 96, 256
A_FOLDER = 1000


def photos_in(folder: Path | None, most: int = 40) -> list[np.ndarray]:
    """Photos that crops can be cut from; drawn ones where there are none."""
    found = sorted(folder.rglob("*.[jJ][pP][gG]")) if folder is not None else []
    step = max(len(found) // most, 1)
    pictures = [cv2.imread(str(path)) for path in found[::step][:most]]
    large = [p for p in pictures if p is not None and min(p.shape[:2]) > LARGEST]
    return large or [_drawn(seed) for seed in range(8)]


def _drawn(seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    picture = cv2.resize(rng.integers(0, 256, (24, 32, 3), dtype=np.uint8), (1280, 960))
    return cv2.add(picture, rng.integers(0, 24, picture.shape, dtype=np.uint8))


def crop(photos: list[np.ndarray], seed: int, number: int) -> tuple[bytes, int, int]:
    """File, width and height of one crop."""
    rng = np.random.default_rng((seed, number))
    photo = photos[rng.integers(len(photos))]
    width, height = rng.integers(SMALLEST, LARGEST + 1, 2).tolist()
    x = int(rng.integers(photo.shape[1] - width + 1))
    y = int(rng.integers(photo.shape[0] - height + 1))
    quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(70, 96))]
    done, data = cv2.imencode(".jpg", photo[y : y + height, x : x + width], quality)
    assert done
    return data.tobytes(), width, height


def write(root: Path, images: int, photos: list[np.ndarray], seed: int) -> list[dict[str, object]]:
    """Write the files; gives the COCO rows of the images."""

    def one(number: int) -> dict[str, object]:
        data, width, height = crop(photos, seed, number)
        name = f"images/{number // A_FOLDER:04d}/{number:07d}.jpg"
        (root / name).write_bytes(data)
        return {"id": number, "file_name": name, "width": width, "height": height}

    for k in range((images + A_FOLDER - 1) // A_FOLDER):
        (root / f"images/{k:04d}").mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor() as pool:
        return list(pool.map(one, range(images), chunksize=256))


def boxes_of(rows: list[dict[str, object]], each: int, seed: int) -> Iterator[dict[str, object]]:
    """COCO boxes inside the images."""
    rng = np.random.default_rng((seed, 1))
    for number, row in enumerate(np.repeat(np.array(rows, dtype=object), each)):
        low = rng.uniform(0, 60, 2)
        size = rng.uniform(16, 36, 2)
        yield {
            "id": number,
            "image_id": row["id"],
            "category_id": 1 + number % 3,
            "bbox": [round(float(v), 2) for v in (*low, *size)],
        }


def make(root: Path, images: int, photos: Path | None, boxes: int, seed: int) -> None:
    """Write the whole set."""
    rows = write(root, images, photos_in(photos), seed)
    if boxes:
        document = {
            "images": rows,
            "annotations": list(boxes_of(rows, boxes, seed)),
            "categories": [{"id": k, "name": n} for k, n in enumerate(("cat", "dog", "fox"), 1)],
        }
        (root / "labels.json").write_text(json.dumps(document))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--images", type=int, default=10_000)
    parser.add_argument("--photos", type=Path)
    parser.add_argument("--boxes", type=int, default=0)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    make(given.folder, given.images, given.photos, given.boxes, given.seed)
