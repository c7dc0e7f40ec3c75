"""Predictions in the shapes that others give them, as four flat columns."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._arrays import as_boxes, as_real, to_numpy
from .._arrow import CORNERS, is_arrow, is_pandas
from .._scalars import as_number

__all__ = ["Flat", "as_rate", "flat_frames", "flat_tiles"]

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

_ENTRY = (
    "(boxes, scores), (boxes, scores, labels), a mapping of them, an array (n, 6), supervision's "
    "Detections, a list of SAHI's ObjectPrediction, or None"
)
#: What a column may be called.
_NAMES = {
    "boxes": ("boxes", "xyxy", "bbox"),
    "scores": ("scores", "score", "confidence"),
    "labels": ("labels", "label", "category_id", "class_id"),
    "tile": ("tile", "tiles"),
    "image": ("image", "images"),
}


@dataclass(frozen=True, eq=False)
class Flat:
    """All boxes of all tiles."""

    boxes: Floats
    scores: Floats
    labels: Integers
    tiles: Integers


def as_rate(value: Any, name: str) -> float:
    """A number from 0 to 1."""
    rate = as_number(value, name, "a number from 0 to 1")
    if not 0 <= rate <= 1:
        raise ValueError(f"{name}: got {rate}, expected a number from 0 to 1")
    return rate


def flat_tiles(predictions: Any, windows: int, in_frame: bool) -> Flat:
    """Predictions of tiles, with the row of each box's window."""
    flat = _at_once(predictions, "predictions", "tile")
    if flat is not None:
        beyond = (flat.tiles < 0) | (flat.tiles >= windows)
        if beyond.any():
            at = int(beyond.argmax())
            raise ValueError(
                f"predictions: tile[{at}] is {flat.tiles[at]}, expected 0 to {windows - 1}, a row "
                "of windows"
            )
        return flat
    entries = _listed(predictions, "predictions", "one entry a window, or a mapping of flat arrays")
    if len(entries) != windows:
        raise ValueError(
            f"predictions: got {len(entries)} entries for {windows} windows, expected one each"
        )
    return _joined([_entry(e, f"predictions[{k}]", in_frame) for k, e in enumerate(entries)])


def flat_frames(value: Any, ids: Integers) -> Flat:
    """Predictions of whole frames, with the row of each box's image in `ids`."""
    flat = _at_once(value, "full_frame", "image", may_lack=len(ids) == 1)
    if flat is not None:
        rows = np.searchsorted(ids, flat.tiles)
        known = ids[np.minimum(rows, len(ids) - 1)] == flat.tiles
        if not known.all():
            at = int(known.argmin())
            raise ValueError(f"full_frame: image[{at}] is {flat.tiles[at]}, which no window is of")
        return Flat(flat.boxes, flat.scores, flat.labels, rows.astype(np.int64))
    if len(ids) == 1 and not _is_list_of_one(value):
        return _joined([_entry(value, "full_frame", True)])
    entries = _listed(value, "full_frame", "one entry an image, or a mapping of flat arrays")
    if len(entries) != len(ids):
        raise ValueError(
            f"full_frame: got {len(entries)} entries for {len(ids)} images, expected one each"
        )
    return _joined([_entry(e, f"full_frame[{k}]", True) for k, e in enumerate(entries)])


def _is_list_of_one(value: Any) -> bool:
    """Whether it is a list with the entry of the one image, and not that entry itself."""
    return isinstance(value, list) and len(value) == 1 and not _is_sahi(value[0])


def _listed(value: Any, name: str, expected: str) -> Sequence[Any]:
    if isinstance(value, (list, tuple)):
        return value
    raise TypeError(f"{name}: got {type(value).__name__}, expected {expected}")


def _joined(parts: list[tuple[Floats, Floats, Integers]]) -> Flat:
    if not parts:
        return Flat(np.zeros((0, 4)), np.zeros(0), np.zeros(0, np.int64), np.zeros(0, np.int64))
    boxes, scores, labels = (np.concatenate(column) for column in zip(*parts, strict=True))
    counts = [len(scores_of_one) for _, scores_of_one, _ in parts]
    return Flat(boxes, scores, labels, np.repeat(np.arange(len(parts)), counts).astype(np.int64))


# ---- everything at once -----------------------------------------------------------------


def _at_once(value: Any, name: str, index: str, *, may_lack: bool = False) -> Flat | None:
    """Flat columns of a mapping or a table; None when it is neither."""
    column = _columns_of(value, name)
    if column is None:
        return None
    boxes, scores, labels = _three(column, name)
    at = column(index)
    if at is None:
        if may_lack:
            return Flat(boxes, scores, labels, np.zeros(len(scores), np.int64))
        raise ValueError(f"{name}: has no {index!r}, the {index} of each box")
    return Flat(boxes, scores, labels, _integers(at, f"{name}: {index}", len(scores)))


Column = Callable[[str], Any]


def _columns_of(value: Any, name: str) -> Column | None:
    if isinstance(value, Mapping):
        return lambda kind: next((value[k] for k in _NAMES[kind] if k in value), None)
    if not (is_arrow(value) or is_pandas(value)) or not hasattr(value, "__arrow_c_stream__"):
        return None
    import pyarrow as pa

    table = pa.table(value)
    have = table.column_names

    def column(kind: str) -> Any:
        if kind == "boxes" and {*CORNERS} <= {*have}:
            return np.column_stack([to_numpy(table[c], f"{name}: {c}") for c in CORNERS])
        return next((table[k] for k in _NAMES[kind] if k in have), None)

    return column


def _three(column: Column, name: str) -> tuple[Floats, Floats, Integers]:
    boxes, scores = column("boxes"), column("scores")
    if boxes is None or scores is None:
        missing = "boxes" if boxes is None else "scores"
        raise ValueError(f"{name}: has no {missing!r}")
    return _checked(boxes, scores, column("labels"), name)


# ---- one tile ---------------------------------------------------------------------------


def _is_sahi(value: Any) -> bool:
    return all(hasattr(value, word) for word in ("bbox", "score", "category"))


def _entry(value: Any, name: str, in_frame: bool) -> tuple[Floats, Floats, Integers]:
    if value is None:
        return _checked(np.zeros((0, 4)), np.zeros(0), None, name)
    if hasattr(value, "xyxy") and hasattr(value, "confidence"):
        return _of_supervision(value, name)
    column = _columns_of(value, name)
    if column is not None:
        return _three(column, name)
    if hasattr(value, "object_prediction_list"):
        value = value.object_prediction_list
    if isinstance(value, list) and (not value or all(_is_sahi(item) for item in value)):
        return _of_sahi(value, name, in_frame)
    if isinstance(value, (list, tuple)) and len(value) in (2, 3):
        return _checked(value[0], value[1], value[2] if len(value) == 3 else None, name)
    if hasattr(value, "shape") and not isinstance(value, (list, tuple)):
        array = as_real(value, name)
        if array.ndim == 2 and array.shape[1] == 6:
            return _checked(array[:, :4], array[:, 4], _whole(array[:, 5], name), name)
        raise ValueError(f"{name}: got shape {array.shape}, expected (n, 6)")
    raise TypeError(f"{name}: got {type(value).__name__}, expected {_ENTRY}")


def _of_supervision(value: Any, name: str) -> tuple[Floats, Floats, Integers]:
    boxes = as_real(value.xyxy, f"{name}.xyxy")
    if value.confidence is None and len(boxes):
        raise ValueError(f"{name}.confidence: got None, expected one score a box")
    scores = np.zeros(0) if value.confidence is None else value.confidence
    return _checked(boxes, scores, getattr(value, "class_id", None), name)


def _of_sahi(items: list[Any], name: str, in_frame: bool) -> tuple[Floats, Floats, Integers]:
    boxes = np.zeros((len(items), 4))
    scores = np.zeros(len(items))
    labels = np.zeros(len(items), np.int64)
    for k, item in enumerate(items):
        box = item.bbox
        # Its boxes are of the slice, beside how far to shift them.
        dx, dy = (box.shift_x, box.shift_y) if in_frame else (0, 0)
        boxes[k] = (box.minx + dx, box.miny + dy, box.maxx + dx, box.maxy + dy)
        scores[k] = as_number(getattr(item.score, "value", item.score), f"{name}[{k}].score")
        number = getattr(item.category, "id", item.category)
        if number is None:
            raise ValueError(f"{name}[{k}].category.id: got None, expected an integer")
        labels[k] = number
    return _checked(boxes, scores, labels, name)


def _whole(values: Any, name: str) -> Integers:
    """Labels that stand in a column of floats."""
    if not (np.isfinite(values).all() and (values == np.floor(values)).all()):
        raise ValueError(f"{name}: column 5 has labels that are no whole numbers")
    return np.asarray(values, np.int64)


def _integers(value: Any, name: str, rows: int) -> Integers:
    array = to_numpy(value, name)
    if array.size == 0 and rows == 0:
        return np.zeros(0, np.int64)
    if array.dtype.kind not in "iu":
        raise TypeError(f"{name}: got dtype {array.dtype}, expected integers")
    if array.shape != (rows,):
        raise ValueError(f"{name}: got shape {array.shape}, expected ({rows},), one a box")
    if array.dtype == np.uint64 and int(array.max()) > np.iinfo(np.int64).max:
        raise ValueError(f"{name}: got {int(array.max())}, expected numbers below 2^63")
    return np.ascontiguousarray(array, np.int64)


def _checked(boxes: Any, scores: Any, labels: Any, name: str) -> tuple[Floats, Floats, Integers]:
    rows = np.ascontiguousarray(as_boxes(boxes, f"{name}: boxes", invalid="raise"), np.float64)
    values = as_real(scores, f"{name}: scores")
    if values.shape != (len(rows),):
        raise ValueError(
            f"{name}: scores: got shape {values.shape}, expected ({len(rows)},), one a box"
        )
    values = np.ascontiguousarray(values, np.float64)
    fine = (values >= 0) & (values <= 1)
    if not fine.all():
        at = int(fine.argmin())
        raise ValueError(
            f"{name}: scores[{at}]: got {values[at]}, expected 0 to 1; a sigmoid or softmax makes "
            "logits so"
        )
    if labels is None:
        return rows, values, np.zeros(len(rows), np.int64)
    return rows, values, _integers(labels, f"{name}: labels", len(rows))
