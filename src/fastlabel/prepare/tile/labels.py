"""The labels of the tiles, as a data set of their own."""

from __future__ import annotations

import json
import posixpath
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from ... import schema
from ...dataset import Dataset, as_numpy
from .plan import Plan
from .polygons import moved_polygons
from .table import Rows, Tiles, tile_states

__all__ = ["Losses", "tile_dataset", "tile_names"]

_IGNORE = schema.TILE_STATES.index("ignore")
_WHOLE = schema.TILE_STATES.index("whole")
#: Keys of an annotation's attributes that hold places in the source's picture.
_PLACES = frozenset(("keypoints", "points", "polygon", "rbox", "bbox3d", "cuboid"))


@dataclass
class Losses:
    """What a tile could not carry of its boxes' labels, counted by kind."""

    counts: Counter[tuple[str, str]] = field(default_factory=Counter)
    examples: dict[tuple[str, str], list[str]] = field(default_factory=dict)

    def add(self, kind: str, message: str, place: str) -> None:
        """Count one."""
        key = kind, message
        self.counts[key] += 1
        named = self.examples.setdefault(key, [])
        if len(named) < 10:
            named.append(place)


def tile_names(dataset: Dataset, plan: Plan, tiles: Tiles) -> list[str]:
    """Name each tile's picture: the source's stem and the window's corner, jpg for JPEG."""
    names = dataset.images["path"].to_pylist()
    out = []
    for image, (x, y, *_) in zip(tiles.image.tolist(), tiles.asked.tolist(), strict=True):
        stem = posixpath.splitext(posixpath.basename(names[image]))[0]
        suffix = ".jpg" if plan.formats[image] in ("jpeg", "mpo") else ".png"
        out.append(f"{stem}_x{x}_y{y}{suffix}")
    return out


def image_table(dataset: Dataset, tiles: Tiles, names: list[str], states: Any) -> pa.Table:
    """Rows of ``schema.IMAGES``, one a tile; ``path`` is the name."""
    window = tiles.window
    shown = dataset.images["file_name"].to_pylist()
    notes = [
        json.dumps({"tile_of": shown[image], "window": box}, ensure_ascii=False)
        for image, box in zip(tiles.image.tolist(), window.tolist(), strict=True)
    ]
    n = len(tiles)
    return pa.table(
        {
            "image_id": pa.array(np.arange(n)),
            "source_id": pa.nulls(n, pa.string()),
            "file_name": pa.array(names, pa.string()),
            "path": pa.array(names, pa.string()),
            "split": dataset.images["split"].take(pa.array(tiles.image)),
            "width": pa.array((window[:, 2] - window[:, 0]).astype(np.int32)),
            "height": pa.array((window[:, 3] - window[:, 1]).astype(np.int32)),
            "size_source": pa.array(["decoded"] * n, pa.string()),
            "label_state": pa.array(states, pa.string()),
            "attributes": pa.array(notes, pa.string()),
        }
    ).cast(schema.IMAGES)


def tile_dataset(
    dataset: Dataset,
    plan: Plan,
    tiles: Tiles,
    rows: Rows,
    paths: list[str],
    format: str,
    losses: Losses,
) -> Dataset:
    """Make the data set of the tiles.

    A whole box keeps all that the source says of it. A cut one keeps its class and flags, is
    marked as truncated by what the tile does not show, and its area shrinks with it; polygons
    are clipped. What cannot be moved is counted in `losses`.
    """
    tile = np.repeat(np.arange(len(tiles)), np.diff(rows.offsets))
    take = pa.array(rows.row)
    source = dataset.annotations.take(take)
    kept = {name: source[name] for name in schema.ANNOTATIONS.names}
    whole = rows.state == _WHOLE
    full = whole | (rows.visible == 1)
    kept["annotation_id"] = pa.array(np.arange(len(tile)))
    kept["image_id"] = pa.array(tile.astype(np.int64))
    for k, name in enumerate(("x1", "y1", "x2", "y2")):
        kept[name] = pa.array(np.ascontiguousarray(rows.boxes[:, k]))
    kept["ignore"] = _flag(source["ignore"], rows.state == _IGNORE)
    kept["truncation"] = _truncation(source["truncation"], rows.visible)
    kept["source_id"] = pa.nulls(len(tile), pa.string())
    mover = _Mover(dataset, plan, tiles, rows, tile, full, losses)
    kept["segmentation"], kept["area"] = mover.segmentations(source)
    kept["obb"] = mover.obbs(source["obb"])
    kept["attributes"] = mover.attributes(source["attributes"])
    kept["origin"] = pa.nulls(len(tile), schema.ORIGIN)
    states = tile_states(dataset, tiles, rows)
    images = image_table(dataset, tiles, paths, states)
    return Dataset(
        images=images,
        annotations=pa.table(kept).cast(schema.ANNOTATIONS),
        categories=dataset.categories,
        problems=schema.PROBLEMS.empty_table(),
        root=Path(),
        format=format,
        meta={"tiles_of": dataset.format},
    )


def _flag(column: pa.ChunkedArray, hidden: Any) -> pa.Array:
    import pyarrow.compute as pc

    return pc.if_else(pa.array(hidden), pa.scalar(True), column.combine_chunks())


def _truncation(column: pa.ChunkedArray, visible: Any) -> pa.Array:
    """What was cut off already, and of the rest what the tile cuts off; null where nothing."""
    before = as_numpy(column.fill_null(0)).astype(np.float64)
    after = (1 - (1 - before) * visible).astype(np.float32)
    unknown = column.is_null().to_numpy() & (visible == 1)
    own = np.where(visible == 1, as_numpy(column.fill_null(0)), after)
    return pa.array(own.astype(np.float32), mask=unknown)


class _Mover:
    """Moves what a label has besides its box into the tile."""

    def __init__(
        self,
        dataset: Dataset,
        plan: Plan,
        tiles: Tiles,
        rows: Rows,
        tile: Any,
        full: Any,
        losses: Losses,
    ) -> None:
        self.dataset, self.plan, self.tiles, self.rows = dataset, plan, tiles, rows
        self.tile, self.full, self.losses = tile, full, losses

    def place(self, k: int) -> str:
        """A label as a person would look for it."""
        image = int(self.tiles.image[self.tile[k]])
        name = self.dataset.images["file_name"][image].as_py()
        return f"{name}: annotation {int(self.rows.row[k])}"

    def segmentations(self, source: pa.Table) -> tuple[pa.Array, pa.Array]:
        """Polygons moved and clipped, and the areas of what is left."""
        unknown = source["area"].is_null().to_numpy()
        area = as_numpy(source["area"].fill_null(0)).astype(np.float64)
        area = np.where(self.full, area, area * self.rows.visible)
        texts = source["segmentation"]
        if texts.null_count == len(texts):
            return pa.nulls(len(texts), pa.string()), pa.array(area, mask=unknown)
        out: list[str | None] = []
        for k, text in enumerate(texts.to_pylist()):
            moved = None if text is None else self._polygon(k, text)
            out.append(None if moved is None or moved[0] == "[]" else moved[0])
            if moved is not None and not self.full[k] and not unknown[k]:
                area[k] = moved[1]
            if text is None:
                continue
            if moved is None:
                self.losses.add(
                    "segmentation", "a mask is not cut: the tile has the box alone", self.place(k)
                )
            elif moved[0] == "[]":
                self.losses.add(
                    "segmentation",
                    "the outline does not reach into the tile: the box alone",
                    self.place(k),
                )
        return pa.array(out, pa.string()), pa.array(area, mask=unknown)

    def _polygon(self, k: int, text: str) -> tuple[str, float] | None:
        t = int(self.tile[k])
        image = int(self.tiles.image[t])
        size = None
        if self.dataset.format == "yolo":
            size = (int(self.plan.sizes[image, 0]), int(self.plan.sizes[image, 1]))
        window = tuple(self.tiles.window[t].tolist())
        shown = None
        if not self.full[k]:
            w, h = self.plan.sizes[image].tolist()
            x1, y1, x2, y2 = window
            shown = (max(x1, 0), max(y1, 0), min(x2, w), min(y2, h))
        return moved_polygons(text, size, window, shown)

    def obbs(self, column: pa.ChunkedArray) -> pa.Array:
        """Oriented boxes of whole objects, moved; a cut one has no corners."""
        if column.null_count == len(column):
            return pa.nulls(len(column), column.type)
        out: list[list[float] | None] = []
        for k, corners in enumerate(column.to_pylist()):
            if corners is None or not self.full[k]:
                out.append(None)
                if corners is not None:
                    self.losses.add(
                        "obb",
                        "the oriented box is cut: the tile has the upright one",
                        self.place(k),
                    )
                continue
            x, y = self.tiles.window[self.tile[k], :2].tolist()
            out.append([v - (x, y)[c % 2] for c, v in enumerate(corners)])
        return pa.array(out, column.type)

    def attributes(self, column: pa.ChunkedArray) -> pa.ChunkedArray:
        """Attributes as they are, without those that are places in the source's picture."""
        if column.null_count == len(column):
            return column
        out: list[str | None] = []
        for k, text in enumerate(column.to_pylist()):
            if text is None or not any(word in text for word in _PLACES):
                out.append(text)
                continue
            try:
                values = json.loads(text)
            except ValueError:
                values = None
            if not isinstance(values, dict):
                out.append(text)
                continue
            left = {key: v for key, v in values.items() if key not in _PLACES}
            gone = sorted(values.keys() - left.keys())
            if gone:
                self.losses.add("attributes", f"{', '.join(gone)} not moved", self.place(k))
            out.append(json.dumps(left, ensure_ascii=False) if left else None)
        return pa.array(out, pa.string())
