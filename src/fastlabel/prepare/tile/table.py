"""The tile table: what every tile shows of every box."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ... import schema
from ...boxes.tiles import OUTCOMES, TileBoxes, clip_boxes_to_tiles
from ...dataset import Dataset, as_numpy
from .plan import Plan

__all__ = ["Rows", "Tiles", "clip_to_tiles", "make_table"]

Integers = NDArray[np.int64]
Bools = NDArray[np.bool_]

_UNKNOWN = "unknown"  # a null box: no reader could say where it lies


@dataclass(frozen=True)
class Tiles:
    """Tiles of a plan: which windows, and what was really cut for each."""

    image: Integers  # (T,) rising
    asked: Integers  # (T, 4)
    window: Integers  # (T, 4)
    files: Sequence[str | None]
    modes: Sequence[str | None]
    reasons: Sequence[str | None]

    def __len__(self) -> int:
        return len(self.image)

    @classmethod
    def of(cls, plan: Plan) -> Tiles:
        """All windows of a plan; nothing is cut."""
        image = np.repeat(np.arange(len(plan.sizes)), np.diff(plan.offsets))
        none: list[str | None] = [None] * len(image)
        return cls(image, plan.windows, plan.windows, none, none, none)

    def take(self, rows: Integers) -> Tiles:
        """Some of the tiles."""

        def some(values: Sequence[str | None]) -> list[str | None]:
            return [values[k] for k in rows.tolist()]

        return Tiles(
            self.image[rows],
            self.asked[rows],
            self.window[rows],
            some(self.files),
            some(self.modes),
            some(self.reasons),
        )


@dataclass(frozen=True)
class Rows:
    """The boxes in the tiles, tile by tile.

    ``row`` is the source's annotation; ``state`` an index into ``schema.TILE_STATES``;
    ``outcome``, one a source annotation, what became of it, or -1 where its image gave no tile.
    """

    offsets: Integers  # (T + 1,)
    row: Integers
    boxes: NDArray[np.float64]
    visible: NDArray[np.float64]
    state: NDArray[np.int8]
    outcome: list[str | None]


def clip_to_tiles(
    dataset: Dataset, plan: Plan, tiles: Tiles, min_visible: float, workers: int
) -> Rows:
    """Clip every box to the tiles of its image."""
    image_of = dataset.column("annotations", "image_id")
    order = np.argsort(image_of, kind="stable").astype(np.int64)
    n = len(plan.sizes)
    rows = np.searchsorted(image_of[order], np.arange(n + 1)).astype(np.int64)
    cuts = np.searchsorted(tiles.image, np.arange(n + 1)).astype(np.int64)
    found: TileBoxes = clip_boxes_to_tiles(
        dataset.boxes()[order], rows, tiles.window, cuts, sizes=plan.sizes, workers=workers
    )
    source = order[found.row]
    state = np.where(found.visible == 1, 0, np.where(found.visible < min_visible, 2, 1))
    state[_true(dataset.annotations["ignore"])[source]] = 2
    outcomes = np.empty(len(order), np.uint8)
    outcomes[order] = found.outcome
    null = np.zeros(len(order), bool)
    for name in ("x1", "y1", "x2", "y2"):
        null |= dataset.annotations[name].is_null().to_numpy()
    words = [OUTCOMES[k] for k in outcomes.tolist()]
    for k in np.flatnonzero(null).tolist():
        words[k] = _UNKNOWN
    without = cuts[1:] == cuts[:-1]
    outcome: list[str | None] = [
        None if gone else word for word, gone in zip(words, without[image_of].tolist(), strict=True)
    ]
    return Rows(found.offsets, source, found.boxes, found.visible, state.astype(np.int8), outcome)


def make_table(dataset: Dataset, plan: Plan, tiles: Tiles, rows: Rows) -> pa.Table:
    """Put both together as ``schema.TILES``."""
    images = dataset.images
    image = pa.array(tiles.image)
    size = plan.sizes[tiles.image]
    window = tiles.window
    pads = {
        "pad_left": np.maximum(-window[:, 0], 0),
        "pad_top": np.maximum(-window[:, 1], 0),
        "pad_right": np.maximum(window[:, 2] - size[:, 0], 0),
        "pad_bottom": np.maximum(window[:, 3] - size[:, 1], 0),
    }
    columns: dict[str, Any] = {
        "tile_id": np.arange(len(tiles)),
        "image_id": image,
        "image_name": images["file_name"].take(image),
        "image_path": images["path"].take(image),
        "image_width": size[:, 0],
        "image_height": size[:, 1],
        "split": images["split"].take(image),
        "label_state": tile_states(dataset, tiles, rows),
        **{name: window[:, k] for k, name in enumerate(("x1", "y1", "x2", "y2"))},
        **{f"asked_{name}": tiles.asked[:, k] for k, name in enumerate(("x1", "y1", "x2", "y2"))},
        **pads,
        "file": list(tiles.files),
        "mode": list(tiles.modes),
        "mode_reason": list(tiles.reasons),
        "boxes": pa.ListArray.from_arrays(
            pa.array(rows.offsets.astype(np.int32)), _box_column(dataset, rows)
        ).cast(schema.TILES.field("boxes").type),
    }
    arrays = []
    for wanted in schema.TILES:
        column = columns[wanted.name]
        if isinstance(column, pa.ChunkedArray):
            column = column.combine_chunks()
        if not isinstance(column, pa.Array):
            column = pa.array(column, wanted.type) if isinstance(column, list) else pa.array(column)
        arrays.append(column.cast(wanted.type))
    return pa.Table.from_arrays(arrays, schema=schema.TILES)


def tile_states(dataset: Dataset, tiles: Tiles, rows: Rows) -> list[str | None]:
    """What is known of each tile's labels: an empty tile of a labelled image is a negative."""
    states = dataset.images["label_state"].take(pa.array(tiles.image)).to_pylist()
    some = np.diff(rows.offsets) > 0
    return [
        "labelled" if has else "labelled_empty" if state == "labelled" else state
        for state, has in zip(states, some.tolist(), strict=True)
    ]


def _box_column(dataset: Dataset, rows: Rows) -> pa.StructArray:
    annotations = dataset.annotations
    take = pa.array(rows.row)
    source = dataset.boxes()[rows.row]
    ignore = annotations["ignore"].take(take).combine_chunks()
    hidden = pa.array(rows.state == schema.TILE_STATES.index("ignore"))
    states = pa.DictionaryArray.from_arrays(pa.array(rows.state), list(schema.TILE_STATES))
    columns: dict[str, Any] = {
        "annotation_id": take,
        "category_id": annotations["category_id"].take(take),
        **{name: rows.boxes[:, k] for k, name in enumerate(("x1", "y1", "x2", "y2"))},
        "visible": rows.visible,
        "state": states.cast(pa.string()),
        **{name: source[:, k] for k, name in enumerate(("sx1", "sy1", "sx2", "sy2"))},
        "ignore": _either(hidden, ignore),
        "crowd": annotations["crowd"].take(take),
        "weight": annotations["weight"].take(take),
    }
    arrays = []
    for wanted in schema.TILE_BOX:
        column = columns[wanted.name]
        if isinstance(column, pa.ChunkedArray):
            column = column.combine_chunks()
        arrays.append(column if isinstance(column, pa.Array) else pa.array(column))
    return pa.StructArray.from_arrays(arrays, fields=list(schema.TILE_BOX))


def _either(hidden: pa.Array, ignore: pa.Array) -> pa.Array:
    """True where a tile shows too little; else what the source says, null where nothing."""
    import pyarrow.compute as pc

    return pc.if_else(hidden, pa.scalar(True), ignore)


def _true(column: pa.ChunkedArray) -> Bools:
    values: Bools = column.fill_null(False).to_numpy().astype(bool)
    return values
