"""From tiles back to the pictures they were cut from."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from ... import schema
from ...dataset import as_numpy

__all__ = ["tile_boxes_back"]

_CORNERS = ("x1", "y1", "x2", "y2")


def tile_boxes_back(table: pa.Table, *, shown: bool = False) -> pa.Table:
    """The boxes of tiles in the frame of the pictures they come from.

    Parameters
    ----------
    table : pyarrow.Table
        As `tile` makes it, or read back from its ``tiles.parquet``.
    shown : bool
        What each tile shows of a box, moved by the tile's window, instead of the source's own
        box. Of a whole box (that does not leave its image) both are the same, bit for bit,
        wherever the window does not begin outside the image.

    Returns
    -------
    pyarrow.Table
        ``annotation_id, image_id, tile_id, category_id, x1, y1, x2, y2, state``, one row for
        each box of each tile: a box that several tiles show stands in it several times.

    Examples
    --------
    >>> import cv2, json, tempfile, numpy as np, fastlabel as fl
    >>> from pathlib import Path
    >>> labels = {
    ...     "images": [{"id": 1, "file_name": "a.png", "width": 100, "height": 60}],
    ...     "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [70.5, 5, 20, 9]}],
    ...     "categories": [{"id": 1, "name": "boat"}],
    ... }
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = cv2.imwrite(f"{folder}/a.png", np.zeros((60, 100, 3), np.uint8))
    ...     _ = Path(folder, "labels.json").write_text(json.dumps(labels))
    ...     tiles = fl.tile(folder, size=60, overlap=0)
    >>> fl.tile_boxes_back(tiles.table).select(["tile_id", "x1", "x2", "state"]).to_pylist()
    [{'tile_id': 0, 'x1': 70.5, 'x2': 90.5, 'state': 'whole'}]
    """
    if not isinstance(table, pa.Table):
        raise TypeError(f"table: got {type(table).__name__}, expected a pyarrow.Table of tiles")
    missing = [name for name in ("boxes", "image_id", *_CORNERS) if name not in table.column_names]
    if missing:
        raise ValueError(
            f"table: has no column {missing[0]!r}, expected a table as tile() makes it"
        )
    lists = table["boxes"].combine_chunks()
    if isinstance(lists, pa.ChunkedArray):  # no tile at all
        lists = pa.array([], schema.TILES.field("boxes").type)
    boxes = lists.flatten()
    tile = np.repeat(np.arange(len(table)), as_numpy(lists.value_lengths().fill_null(0)))
    rows = pa.array(tile)
    out: dict[str, Any] = {
        "annotation_id": boxes.field("annotation_id"),
        "image_id": table["image_id"].take(rows),
        "tile_id": table["tile_id"].take(rows) if "tile_id" in table.column_names else rows,
        "category_id": boxes.field("category_id"),
    }
    for name in _CORNERS:
        if shown:
            origin = as_numpy(table["x1" if name[0] == "x" else "y1"])[tile]
            out[name] = pa.array(as_numpy(boxes.field(name)) + origin)
        else:
            out[name] = boxes.field(f"s{name}")
    out["state"] = boxes.field("state")
    return pa.table(out)
