"""The audit of one run: are its pasted objects told from the same ones where they came from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ...dataset import DatasetError
from .drawing import Picture, decode

if TYPE_CHECKING:
    from .audit import AuditResult
    from .sources import Sources

__all__ = ["MOST", "audit_run"]

#: Pastes that are looked at, evenly spread over the ledger.
MOST = 400


def audit_run(
    sources: Sources, folder: Path, rows: Sequence[dict[str, Any]], bank: Any, quality: int
) -> AuditResult | None:
    """Compare the rims of pasted objects with those of the very same objects in their own pictures.

    The real ones are seen in pictures shrunk as a whole by the same factor and encoded the same
    way, so that size and JPEG tell nothing.

    Parameters
    ----------
    sources : Sources
    folder : pathlib.Path
        Where the new pictures stand.
    rows : sequence of dict
        Rows of the full ledger.
    bank : Bank
    quality : int
        Of the JPEGs written.

    Returns
    -------
    AuditResult or None
        None where there are too few rims for a judgement.
    """
    from .audit import audit_seams

    done = [row for row in rows if row["outcome"] == "pasted"]
    if len(done) > MOST:
        done = [done[at * len(done) // MOST] for at in range(MOST)]
    objects = bank.table.take([row["instance_id"] for row in done]).to_pylist()
    try:
        return audit_seams(_real(sources, done, objects, quality), _pasted(folder, done, objects))
    except ValueError:
        return None


Side = Iterator[tuple[Picture, list[list[float]], list[int]]]


def _real(
    sources: Sources, rows: list[dict[str, Any]], objects: list[dict[str, Any]], quality: int
) -> Side:
    import cv2

    images = sources.own.images
    pairs = sorted(zip(objects, rows, strict=True), key=lambda pair: pair[0]["image_id"])
    seen: tuple[int, Picture | None] = (-1, None)
    for source, row in pairs:
        at = source["image_id"]
        file = sources.file(at)
        if seen[0] != at:
            size = images.select(["width", "height"]).slice(at, 1).to_pylist()[0]
            try:
                seen = at, None if file is None else _colour(decode(file, tuple(size.values())))
            except DatasetError:
                seen = at, None
        if seen[1] is None:
            continue
        h, w = seen[1].shape[:2]
        # The object was shrunk across and down by factors of its own, a fraction apart.
        fx = (row["x2"] - row["x1"]) / (source["x2"] - source["x1"])
        fy = (row["y2"] - row["y1"]) / (source["y2"] - source["y1"])
        small = (max(1, round(w * fx)), max(1, round(h * fy)))
        shrunk = cv2.resize(seen[1], small, interpolation=cv2.INTER_AREA)
        done, data = cv2.imencode(".jpg", shrunk, [cv2.IMWRITE_JPEG_QUALITY, quality])
        if not done:
            continue
        picture: Any = cv2.imdecode(data, cv2.IMREAD_COLOR)
        sx, sy = small[0] / w, small[1] / h
        box = [source["x1"] * sx, source["y1"] * sy, source["x2"] * sx, source["y2"] * sy]
        yield picture, [box], [at]


def _pasted(folder: Path, rows: list[dict[str, Any]], objects: list[dict[str, Any]]) -> Side:
    import cv2

    by_file: dict[str, list[int]] = {}
    for at, row in enumerate(rows):
        by_file.setdefault(row["file"], []).append(at)
    for name, members in by_file.items():
        data = np.frombuffer((folder / name).read_bytes(), np.uint8)
        picture: Any = cv2.imdecode(data, cv2.IMREAD_COLOR)
        boxes = [[rows[at][side] for side in ("x1", "y1", "x2", "y2")] for at in members]
        yield picture, boxes, [objects[at]["image_id"] for at in members]


def _colour(picture: Picture) -> Picture:
    import cv2

    return np.asarray(cv2.cvtColor(picture, cv2.COLOR_GRAY2BGR)) if picture.ndim == 2 else picture
