"""Files of predictions into the ids of a data set."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from ..dataset import Dataset, DatasetError
from .table import Predictions

__all__ = ["read_predictions"]


def read_predictions(
    source: Any,
    ds: Dataset,
    *,
    names: Any = None,
    format: str = "auto",
    box_format: str | None = None,
    model: Any = None,
) -> Predictions:
    """Read what models said of a data set."""
    paths = [Path(p) for p in (source if isinstance(source, (list, tuple)) else [source])]
    ids = {str(s): k for k, s in enumerate(ds.images["source_id"].to_pylist()) if s is not None}
    ids |= {str(s): k for k, s in enumerate(ds.images["path"].to_pylist()) if s is not None}
    classes = {str(s): k for k, s in enumerate(ds.categories["source_id"].to_pylist())}
    image, category, boxes, scores, which = [], [], [], [], []
    for number, path in enumerate(paths):
        try:
            rows = json.loads(path.read_bytes())
        except (OSError, ValueError) as error:
            raise DatasetError(f"{path}: cannot be read: {error}") from error
        for row in rows:
            if str(row["image_id"]) not in ids:
                continue
            x, y, w, h = row["bbox"]
            image.append(ids[str(row["image_id"])])
            category.append(classes.get(str(row["category_id"]), -1))
            boxes.append((x, y, x + w, y + h))
            scores.append(row["score"])
            which.append(number)
    return Predictions.from_arrays(
        ds,
        np.array(image, np.int64),
        np.array(category, np.int64),
        np.array(boxes, np.float64).reshape(-1, 4),
        np.array(scores, np.float64),
        model=np.array(which, np.int64),
        models=[p.name for p in paths],
    )
