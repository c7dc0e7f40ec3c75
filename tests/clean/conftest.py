"""Data sets to change, and plans with every kind of action."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pyarrow as pa
import pytest

import fastlabel as fl


@pytest.fixture(autouse=True)
def no_sync(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out what only a cut of the power could show, and what takes most of the time."""
    monkeypatch.setattr("os.fsync", lambda handle: None)


NAMES = ("cat", "dog", "Größe <&>")


def draw_set(root: Path, name: str, seed: int = 0) -> None:
    """Write a small set with two splits, empty pictures and what not every format can say."""
    from fastlabel import schema
    from fastlabel.formats import layout, write

    rng = np.random.default_rng(seed)
    images, rows = [], []
    for at in range(14):
        width, height = (int(v) for v in rng.integers(60, 200, 2))
        count = 0 if at in (5, 11) else int(rng.integers(1, 9))
        images.append(
            {
                "image_id": at,
                "source_id": str(at + 1),
                "file_name": f"pic {at}.png",
                "path": f"pic {at}.png",
                "split": "val" if at % 3 == 0 else "train",
                "width": width,
                "height": height,
                "size_source": "decoded",
                "label_state": "labelled" if count else "labelled_empty",
            }
        )
        for _ in range(count):
            x, y = (np.sort(rng.integers(0, side // 2, 2) * 2) for side in (width, height))
            rows.append(
                {
                    "annotation_id": len(rows),
                    "image_id": at,
                    "category_id": int(rng.integers(len(NAMES))),
                    "x1": float(x[0]),
                    "y1": float(y[0]),
                    "x2": float(x[1] + 1),
                    "y2": float(y[1] + 1),
                    "occlusion": 1 if rng.random() < 0.2 else None,
                    "weight": 0.5 if rng.random() < 0.2 else None,
                    "ignore": True if rng.random() < 0.1 else None,
                }
            )
    classes = [{"category_id": at, "name": text} for at, text in enumerate(NAMES)]
    tables = [
        pa.Table.from_pylist(values, schema=kind)
        for values, kind in (
            (images, schema.IMAGES),
            (rows, schema.ANNOTATIONS),
            (classes, schema.CATEGORIES),
            ([], schema.PROBLEMS),
        )
    ]
    places = layout(tables[0], name)
    at = schema.IMAGES.get_field_index("path")
    tables[0] = tables[0].set_column(at, "path", pa.array(places))
    for place, image in zip(places, images, strict=True):
        (root / place).parent.mkdir(parents=True, exist_ok=True)
        pixels = rng.integers(0, 255, (image["height"], image["width"], 3), dtype=np.uint8)
        cv2.imwrite(str(root / place), pixels)
    write(fl.Dataset(*tables, root, name), root, name)


@pytest.fixture
def sample(tmp_path: Path) -> Callable[..., Path]:
    """Give a small set in a format, drawn into ``data``."""

    def draw(name: str, seed: int = 0) -> Path:
        draw_set(tmp_path / "data", name, seed)
        return tmp_path / "data"

    return draw


@pytest.fixture
def tree_hash() -> Callable[[Path], str]:
    """Give the hash of all names, bytes and links below a folder."""

    def digest_of(root: Path) -> str:
        digest = hashlib.sha256()
        for path in sorted(root.rglob("*")):
            digest.update(str(path.relative_to(root)).encode() + b"\0")
            if path.is_symlink():
                digest.update(b"l" + str(path.readlink()).encode())
            elif path.is_file():
                digest.update(b"f" + path.read_bytes())
        return digest.hexdigest()

    return digest_of


@pytest.fixture
def actions_of() -> Callable[..., list[dict[str, Any]]]:
    """Give seeded actions of every kind on a data set."""

    def draw(ds: fl.Dataset, seed: int = 0, images: bool = True) -> list[dict[str, Any]]:
        rng = np.random.default_rng(seed)
        boxes, image_of = ds.boxes(), ds.column("annotations", "image_id")
        states = ds.images["label_state"].to_pylist()
        labelled = [at for at, state in enumerate(states) if state == "labelled"]
        gone = rng.choice(labelled, 2, replace=False).tolist() if images else []
        rows: list[dict[str, Any]] = [
            {"action": name, "image_id": image}
            for name, image in zip(("exclude_image", "quarantine_image"), gone, strict=False)
        ]
        kinds = ("relabel", "drop_box", "replace_box", "mark_ignore", "set_weight")
        kinds_of = zip(ds.problems["kind"], ds.problems["file"], strict=True)
        shared = {str(file) for kind, file in kinds_of if str(kind) == "shared-label"}
        origins = ds.annotations["origin"].combine_chunks().field("file").to_pylist()
        widths, heights = ds.images["width"].to_pylist(), ds.images["height"].to_pylist()
        for at, row in enumerate(rng.permutation(len(boxes))[:40].tolist()):
            image = int(image_of[row])
            if image in gone or widths[image] is None or origins[row] in shared:
                continue
            action: dict[str, Any] = {"action": kinds[at % 5], "annotation_id": row}
            if action["action"] == "relabel":
                action["category_id"] = int(rng.integers(ds.categories.num_rows))
            elif action["action"] == "set_weight":
                action["weight"] = round(float(rng.uniform()), 3)
            elif action["action"] == "replace_box":
                x = np.sort(rng.uniform(0, widths[image], 2))
                y = np.sort(rng.uniform(0, heights[image], 2))
                action["box"] = [float(x[0]), float(y[0]), float(x[1]), float(y[1])]
            rows.append(action)
        shared_images = {int(image_of[at]) for at, file in enumerate(origins) if file in shared}
        for image in [i for i in labelled if i not in gone and i not in shared_images][:3]:
            rows.append(
                {"action": "add_box", "image_id": image, "category_id": 0, "box": [1, 2, 30.25, 41]}
            )
        return rows

    return draw
