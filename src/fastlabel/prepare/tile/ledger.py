"""What became of every box: counted, and named where it is not in the tiles."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from ... import schema
from ...dataset import Dataset
from .labels import Losses
from .plan import Plan
from .table import Rows, Tiles

__all__ = ["Entry", "box_entries", "count_boxes"]

_EXAMPLES = 10
_SEEN = "seen"
_REMEDY = {
    "not finite": "a coordinate is NaN or infinite; correct the label",
    "reversed": "x2 is below x1 or y2 below y1; correct the label",
    "outside the image": "the box lies wholly outside its picture; correct the label",
    "unknown": "the labels do not say where the box lies",
    "image failed": "its picture gave no tiles",
}


@dataclass(frozen=True)
class Entry:
    """One kind of thing that is not in the tiles as it was in the source.

    Attributes
    ----------
    kind : str
        A stable word or two.
    count : int
    message : str
        What it means.
    examples : tuple of str
        The first places.
    """

    kind: str
    count: int
    message: str
    examples: tuple[str, ...]

    @classmethod
    def of(cls, losses: Losses) -> tuple[Entry, ...]:
        """What the labels could not carry."""
        return tuple(
            cls(kind, count, message, tuple(losses.examples[kind, message]))
            for (kind, message), count in sorted(losses.counts.items())
        )


def _reasons(rows: Rows) -> list[str | None]:
    """Why each source box is in no tile; None for those that are."""
    return [
        "image failed" if word is None else None if word == _SEEN else word for word in rows.outcome
    ]


def box_entries(dataset: Dataset, plan: Plan, tiles: Tiles, rows: Rows) -> list[Entry]:
    """Boxes in no tile by reason, and images of another size than their labels say."""
    images = dataset.column("annotations", "image_id")
    names = dataset.images["file_name"]
    reasons = _reasons(rows)
    out = []
    for kind, count in sorted(Counter(r for r in reasons if r is not None).items()):
        first = [k for k, reason in enumerate(reasons) if reason == kind][:_EXAMPLES]
        places = tuple(f"{names[int(images[k])].as_py()}: annotation {k}" for k in first)
        out.append(Entry(f"box {kind}", count, _REMEDY[kind], places))
    if plan.differs:
        places = tuple(str(names[k].as_py()) for k in plan.differs[:_EXAMPLES])
        out.append(
            Entry(
                "size differs",
                len(plan.differs),
                "the labels give the picture another size than its file has; boxes are taken as "
                "pixels of the file",
                places,
            )
        )
    for reason, count in sorted(Counter(r for r in tiles.reasons if r).items()):
        out.append(Entry("encoded again", count, reason, ()))
    return out


def count_boxes(
    dataset: Dataset, plan: Plan, tiles: Tiles, rows: Rows, table: pa.Table, dropped: int
) -> dict[str, int]:
    """The numbers of a TileResult."""
    per_state = np.bincount(rows.state, minlength=3)
    best = np.full(dataset.annotations.num_rows, 3, np.int8)
    np.minimum.at(best, rows.row, rows.state)
    per_box = np.bincount(best, minlength=4)
    some = np.diff(rows.offsets) > 0
    states = _count(table["label_state"].to_pylist())
    modes = _count(tiles.modes)
    names = schema.TILE_STATES
    negatives = states["labelled_empty"]
    return {
        "images": len(plan.sizes),
        "images_failed": len(plan.left_out),
        "tiles": len(tiles),
        "tiles_with_boxes": int(some.sum()),
        "negatives_kept": negatives,
        "negatives_dropped": dropped,
        "tiles_unlabelled": len(tiles) - int(some.sum()) - negatives,
        "lossless": modes["lossless"],
        "reencoded": modes["reencoded"],
        "windows_moved": int((tiles.window != tiles.asked).any(axis=1).sum()),
        "boxes": dataset.annotations.num_rows,
        **{f"boxes_{name}": int(per_box[k]) for k, name in enumerate(names)},
        "boxes_left_out": int(per_box[3]),
        **{f"shown_{name}": int(per_state[k]) for k, name in enumerate(names)},
    }


def _count(values: Iterable[str | None]) -> Counter[str | None]:
    return Counter(values)
