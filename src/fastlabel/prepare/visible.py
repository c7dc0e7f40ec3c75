"""Visible against full boxes: what the set's own boxes are drawn around.

Sets of pedestrians (CrowdHuman, CityPersons, EuroCity) give two boxes an object: one around
the part that is seen, one around the whole, guessed where it is hidden. Readers keep the
one that is not the ``bbox`` under a name of its own in ``attributes``.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import numpy.typing as npt

from ..boxes import box_iou
from ..dataset import Dataset, DatasetError

__all__ = ["visible_shares"]

FloatArray = npt.NDArray[np.float64]

#: Keys under which an annotation's other box is found, x, y, width, height.
VISIBLE_KEYS = ("vbox", "vis_bbox", "visible_bbox", "bbox_visible", "bbox_vis")
FULL_KEYS = ("fbox", "full_bbox", "bbox_full")

#: Two boxes of this IoU or more are one box drawn twice.
SAME = 0.9


def visible_shares(dataset: Dataset, convention: str | None = None) -> tuple[FloatArray, list[str]]:
    """Give the visible share of each box, and what the data say of the convention.

    Parameters
    ----------
    dataset : Dataset
        Its ``attributes`` may hold a visible box, a full box, or both.
    convention : {None, "visible", "full"}
        What ``x1 .. y2`` are declared to be.

    Returns
    -------
    shares : numpy.ndarray
        (N,) float64: area of the visible box inside the full one over the area of the
        full one; NaN where either is unknown.
    notes : list of str
        Boxes that contradict the declaration, where they are the fewer.

    Raises
    ------
    DatasetError
        If most of the boxes that can tell contradict the declared convention.
    """
    own = dataset.boxes()
    visible, full = _other_boxes(dataset)
    notes = _check(dataset, own, visible, full, convention)
    if convention == "visible":
        visible = np.where(np.isnan(visible), own, visible)
    elif convention == "full":
        full = np.where(np.isnan(full), own, full)
    low = np.maximum(visible[:, :2], full[:, :2])
    high = np.minimum(visible[:, 2:], full[:, 2:])
    seen = np.prod(np.clip(high - low, 0, None), axis=1)
    whole = np.prod(full[:, 2:] - full[:, :2], axis=1)
    known = np.isfinite(visible).all(axis=1) & (whole > 0)
    return np.where(known, seen / np.where(whole > 0, whole, 1), np.nan), notes


def _other_boxes(dataset: Dataset) -> tuple[FloatArray, FloatArray]:
    """The visible and the full box of each annotation that has one; NaN elsewhere."""
    count = dataset.annotations.num_rows
    visible, full = np.full((count, 4), np.nan), np.full((count, 4), np.nan)
    keys = (*VISIBLE_KEYS, *FULL_KEYS)
    for row, text in enumerate(dataset.annotations["attributes"].to_pylist()):
        if text is None or not any(key in text for key in keys):
            continue
        try:
            found = json.loads(text)
        except ValueError:
            continue
        if isinstance(found, dict) and isinstance(found.get("attributes"), dict):
            found = found["attributes"] | found
        for names, into in ((VISIBLE_KEYS, visible), (FULL_KEYS, full)):
            for name in names:
                box = _box(found.get(name)) if isinstance(found, dict) else None
                if box is not None:
                    into[row] = box
                    break
    return visible, full


def _box(value: Any) -> list[float] | None:
    if not isinstance(value, list) or len(value) != 4:
        return None
    if not all(isinstance(v, int | float) and not isinstance(v, bool) for v in value):
        return None
    x, y, width, height = value
    return [x, y, x + width, y + height]


def _check(
    dataset: Dataset,
    own: FloatArray,
    visible: FloatArray,
    full: FloatArray,
    convention: str | None,
) -> list[str]:
    """Compare the declaration with the boxes of which both kinds are given."""
    like_visible, like_full = _alike(own, visible), _alike(own, full)
    # A box says something where it is one and not the other.
    both = ~np.isnan(visible[:, 0]) & ~np.isnan(full[:, 0])
    says_visible = (like_visible & ~like_full & both) | (~both & ~np.isnan(full[:, 0]) & ~like_full)
    says_full = (like_full & ~like_visible & both) | (
        ~both & ~np.isnan(visible[:, 0]) & ~like_visible
    )
    if convention is None:
        if says_visible.any() or says_full.any():
            return [
                f"{int(says_visible.sum()):,} boxes are drawn around the visible part and "
                f"{int(says_full.sum()):,} around the whole object: declare box_convention"
            ]
        return []
    against = says_full if convention == "visible" else says_visible
    for_it = says_visible if convention == "visible" else says_full
    if not against.any():
        return []
    other = "full" if convention == "visible" else "visible"
    row = int(np.flatnonzero(against)[0])
    image = dataset.annotations["image_id"][row].as_py()
    place = f"{dataset.images['file_name'][image].as_py()}, annotation {row}"
    told = (
        f"box_convention is declared {convention!r}, but {int(against.sum()):,} of "
        f"{int((against | for_it).sum()):,} boxes that can tell are the {other} ones "
        f"(the first: {place})"
    )
    if against.sum() > for_it.sum():
        raise DatasetError(f"{told}; declare {other!r}, or correct the labels")
    return [told]


def _alike(boxes: FloatArray, others: FloatArray) -> npt.NDArray[np.bool_]:
    known = np.isfinite(boxes).all(axis=1) & np.isfinite(others).all(axis=1)
    alike = np.zeros(len(boxes), dtype=bool)
    alike[known] = box_iou(boxes[known], others[known], aligned=True) >= SAME
    return alike
