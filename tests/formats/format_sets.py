"""Small data sets written by hand, so that the tests know what is in them."""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

Write = Callable[[Mapping[str, Any]], Path]


def png(width: int, height: int) -> bytes:
    """A gray PNG of one shade, without any imaging library."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        crc = zlib.crc32(kind + data)
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", crc)

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    rows = b"".join(b"\0" + b"\x80" * width for _ in range(height))
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def jpeg_with_orientation(width: int, height: int, orientation: int) -> bytes:
    """A JPEG whose EXIF says how to turn it."""
    import cv2
    import numpy as np

    done, data = cv2.imencode(".jpg", np.full((height, width), 128, np.uint8))
    assert done
    entry = struct.pack(">HHIHH", 0x0112, 3, 1, orientation, 0)
    exif = b"Exif\0\0" + b"MM\0*" + struct.pack(">I", 8) + b"\0\1" + entry + b"\0\0\0\0"
    segment = b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif
    raw = data.tobytes()
    return raw[:2] + segment + raw[2:]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write files into a new folder: (width, height) is an image, a dict or list is JSON."""

    def run(files: Mapping[str, Any]) -> Path:
        root = tmp_path / "set"
        root.mkdir(exist_ok=True)
        for name, content in files.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if isinstance(content, tuple):
                path.write_bytes(png(*content))
            elif isinstance(content, bytes):
                path.write_bytes(content)
            elif isinstance(content, str):
                path.write_bytes(content.encode())
            else:
                path.write_text(json.dumps(content))
        return root

    return run


def coco(
    images: list[Any], annotations: list[Any], categories: list[Any] | None = None
) -> dict[str, Any]:
    """A COCO document; images as (id, name), annotations as (image, category, bbox)."""
    return {
        "images": [
            {"id": i[0], "file_name": i[1], "width": 100, "height": 80}
            if isinstance(i, tuple)
            else i
            for i in images
        ],
        "annotations": [
            {"id": at, "image_id": a[0], "category_id": a[1], "bbox": a[2]}
            if isinstance(a, tuple)
            else a
            for at, a in enumerate(annotations, 1)
        ],
        "categories": [{"id": 1, "name": "cat"}, {"id": 2, "name": "dog"}]
        if categories is None
        else categories,
    }


def voc(name: str | None, *objects: str, size: str = "100 80") -> str:
    """A Pascal VOC document; objects as "class xmin ymin xmax ymax"."""
    width, height = size.split()
    parts = ["<annotation>"]
    if name is not None:
        parts.append(f"<filename>{name}</filename>")
    parts.append(f"<size><width>{width}</width><height>{height}</height><depth>3</depth></size>")
    for item in objects:
        label, *corners = item.split()
        inner = "".join(
            f"<{tag}>{value}</{tag}>"
            for tag, value in zip(("xmin", "ymin", "xmax", "ymax"), corners, strict=True)
        )
        parts.append(f"<object><name>{label}</name><bndbox>{inner}</bndbox></object>")
    return "\n".join([*parts, "</annotation>"])


def problems(dataset: Any, kind: str) -> list[dict[str, Any]]:
    """The problems of one kind, as rows."""
    return [row for row in dataset.problems.to_pylist() if row["kind"] == kind]
