"""Which labels are found: by their size at the model's input, and by how difficult they are."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ..boxes import box_pairs
from ..prepare.ignore import image_sizes

if TYPE_CHECKING:
    from ..deploy import Profile
    from .coco import Evaluation

__all__ = ["CROWDED", "SIZE_STEPS", "difficulty_table", "size_table"]

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]

#: Bounds of sizes at the input, in the model's smallest strides: what a cell of the finest
#: feature map sees.
SIZE_STEPS = (0.0, 1.0, 2.0, 4.0, 8.0, 16.0, math.inf)

#: IoU with another label from which on one is crowded: what non-maximum suppression may drop.
CROWDED = 0.3

#: Grey levels of a box's own spread below which there is little to see.
_FLAT = 12.0
#: How near to the edge of the image is at it, in pixels.
_EDGE = 1.5


def size_table(evaluation: Evaluation, deploy: str | os.PathLike[str] | Profile) -> pa.Table:
    """Figures by the size that objects have at the model's input.

    Parameters
    ----------
    evaluation : Evaluation
    deploy : str, os.PathLike or Profile
        The deployment, see :mod:`fastlabel.deploy`.

    Returns
    -------
    pyarrow.Table
        One row a band: ``low`` and ``high``, the root of the box's area at the input in
        smallest strides; ``low_px``, ``high_px``, the same in pixels of the input; ``labels``,
        ``AP``, ``AP50``, ``AR``. Labels and predictions outside a band count neither way, as
        with COCO's areas.
    """
    from .. import deploy as profiles
    from .._core import evaluate as native

    profile = deploy if isinstance(deploy, profiles.Profile) else profiles.load(deploy)
    stride = min(profile.strides)
    labels, found = evaluation.labels, evaluation.found
    factors = np.stack(profile.scale(*image_sizes(evaluation.dataset)), axis=1)
    image_of = np.asarray(evaluation.dataset.column("annotations", "image_id"))[labels.rows]
    said_of = np.asarray(evaluation.predictions.column("image_id"))[found.rows]
    # IoU is the same when both boxes are scaled alike; only the areas change.
    g, g_known = _scaled(labels.boxes, factors[image_of])
    p, p_known = _scaled(found.boxes, factors[said_of])
    steps = np.array(SIZE_STEPS) * stride
    ranges = np.stack([steps[:-1] ** 2, steps[1:] ** 2], axis=1)
    regions = evaluation.regions[g_known]
    result = native(
        p,
        np.ascontiguousarray(evaluation.predictions.column("score")[found.rows[p_known]]),
        found.images[p_known],
        found.classes[p_known],
        g,
        None,
        labels.images[g_known],
        labels.classes[g_known],
        regions.view(np.uint8),
        (evaluation.aside[g_known] & ~regions).view(np.uint8),
        int(max(labels.images.max(initial=-1), found.images.max(initial=-1))) + 1,
        evaluation.dataset.categories.num_rows,
        evaluation.iou_thresholds,
        evaluation.recalls,
        ranges,
        evaluation.max_dets[-1:],
        True,
        False,
        0,
    )
    half = np.isclose(evaluation.iou_thresholds, 0.5)
    rows = []
    for k in range(len(ranges)):
        precision = result["precision"][:, :, :, k, 0]
        rows.append(
            {
                "low": SIZE_STEPS[k],
                "high": None if math.isinf(SIZE_STEPS[k + 1]) else SIZE_STEPS[k + 1],
                "low_px": float(steps[k]),
                "high_px": None if math.isinf(steps[k + 1]) else float(steps[k + 1]),
                "labels": int(result["labels"][:, k].sum()),
                "AP": _mean(precision),
                "AP50": _mean(precision[half]),
                "AR": _mean(result["recall"][:, :, k, 0]),
            }
        )
    kinds = [(name, pa.float64()) for name in ("low", "high", "low_px", "high_px")]
    kinds += [("labels", pa.int64()), *((name, pa.float64()) for name in ("AP", "AP50", "AR"))]
    return pa.Table.from_pylist(rows, schema=pa.schema(kinds))


def _scaled(boxes: FloatArray, factors: FloatArray) -> tuple[FloatArray, BoolArray]:
    known = np.asarray(np.isfinite(factors).all(axis=1))
    return np.ascontiguousarray(boxes[known] * np.tile(factors[known], 2)), known


def _mean(values: FloatArray) -> float | None:
    known = values[values > -1]
    return float(known.mean()) if known.size else None


def difficulty_table(
    evaluation: Evaluation,
    *,
    deploy: str | os.PathLike[str] | Profile | None = None,
    box_stats: pa.Table | None = None,
) -> pa.Table:
    """Which share of the labels is found, by what makes them difficult.

    Parameters
    ----------
    evaluation : Evaluation
    deploy : str, os.PathLike or Profile, optional
        Then small is below two strides at its input; else below COCO's 32 x 32 px.
    box_stats : pyarrow.Table, optional
        Of :func:`fastlabel.scan`: then there is ``contrast`` too.

    Returns
    -------
    pyarrow.Table
        One row a group: ``by``, ``group``, ``labels``, ``AR`` (mean over the thresholds of the
        share that is found), ``recall`` (at the lowest threshold). ``difficulty`` counts what
        is against a label: small, crowded (IoU of 0.3 and more with another), occluded, cut
        off or marked difficult, flat (its pixels spread by less than 12 grey levels): none is
        easy, one is medium, more is hard.
    """
    found = evaluation.label_found
    first = np.zeros(len(found), bool)
    first[evaluation.match[0][evaluation.match[0] >= 0]] = True
    here = ~evaluation.aside
    rows = []
    for by, groups in _groupings(evaluation, deploy, box_stats):
        for name, mine in groups.items():
            chosen = mine & here
            count = int(chosen.sum())
            rows.append(
                {
                    "by": by,
                    "group": name,
                    "labels": count,
                    "AR": float(found[chosen].mean()) if count else None,
                    "recall": float(first[chosen].mean()) if count else None,
                }
            )
    kinds = [("by", pa.string()), ("group", pa.string()), ("labels", pa.int64())]
    kinds += [("AR", pa.float64()), ("recall", pa.float64())]
    return pa.Table.from_pylist(rows, schema=pa.schema(kinds))


def _groupings(
    evaluation: Evaluation, deploy: Any, box_stats: pa.Table | None
) -> Iterator[tuple[str, dict[str, BoolArray]]]:
    rows = evaluation.labels.rows
    small = _small(evaluation, deploy)
    crowded = _crowded(evaluation)
    against = [small, crowded]
    hidden = np.zeros(len(rows), bool)
    told: list[tuple[str, dict[str, BoolArray]]] = []
    for name, levels in (("occlusion", ("0", "1", "2 and more")), ("truncation", ("no", "yes"))):
        values = _column(evaluation, name)
        if not np.isnan(values).all():
            hidden |= values > 0
            steps = np.minimum(np.ceil(values), len(levels) - 1)
            told.append((name, {level: steps == k for k, level in enumerate(levels)}))
    marked = _column(evaluation, "difficult")
    if not np.isnan(marked).all():
        hidden |= marked == 1
        told.append(("difficult", {"no": marked == 0, "yes": marked == 1}))
    against.append(hidden)
    if box_stats is not None:
        contrast = np.full(evaluation.dataset.annotations.num_rows, np.nan)
        ids = np.asarray(box_stats["annotation_id"].to_numpy(), np.int64)
        contrast[ids] = np.asarray(box_stats["contrast"].cast(pa.float64()).to_numpy())
        flat = contrast[rows] < _FLAT
        against.append(flat)
        told.append(("contrast", {"flat": flat, "clear": contrast[rows] >= _FLAT}))
    count = np.sum(against, axis=0)
    yield "difficulty", {"easy": count == 0, "medium": count == 1, "hard": count > 1}
    yield "size", {"small": small, "larger": ~small}
    yield "crowding", {"crowded": crowded, "apart": ~crowded}
    edge = _at_edge(evaluation)
    if edge is not None:
        yield "edge", {"at the edge": edge, "inside": ~edge}
    yield from told


def _column(evaluation: Evaluation, name: str) -> FloatArray:
    column = evaluation.dataset.annotations[name]
    if column.null_count == len(column):
        return np.full(len(evaluation.labels.rows), np.nan)
    values = column.cast(pa.int8()) if pa.types.is_boolean(column.type) else column
    numbers = values.cast(pa.float64()).fill_null(np.nan).to_numpy()
    return np.asarray(numbers, np.float64)[evaluation.labels.rows]


def _small(evaluation: Evaluation, deploy: Any) -> BoolArray:
    size = evaluation.labels.boxes[:, 2:]
    if deploy is None:
        return np.asarray(size.prod(axis=1) < 32.0**2)
    from .. import deploy as profiles

    profile = deploy if isinstance(deploy, profiles.Profile) else profiles.load(deploy)
    factors = np.stack(profile.scale(*image_sizes(evaluation.dataset)), axis=1)
    images = np.asarray(evaluation.dataset.column("annotations", "image_id"))
    at_input = size * factors[images[evaluation.labels.rows]]
    return np.asarray(at_input.prod(axis=1) < (2 * min(profile.strides)) ** 2)


def _crowded(evaluation: Evaluation) -> BoolArray:
    """Labels that share much with another one, of whatever class."""
    labels = evaluation.labels
    places = np.flatnonzero(~evaluation.aside)
    order = places[np.argsort(labels.images[places], kind="stable")]
    counts = np.bincount(labels.images[order]) if len(order) else np.zeros(0, np.int64)
    offsets = np.concatenate([[0], np.cumsum(counts)])
    low = labels.boxes[order, :2]
    corners = np.concatenate([low, low + labels.boxes[order, 2:]], axis=1)
    i, j, _ = box_pairs(corners, offsets, CROWDED, invalid="zero")
    crowded = np.zeros(len(labels.rows), bool)
    crowded[order[i]] = True
    crowded[order[j]] = True
    return crowded


def _at_edge(evaluation: Evaluation) -> BoolArray | None:
    sizes = np.stack(
        [
            c.cast(pa.float64()).fill_null(np.nan).to_numpy()
            for c in (evaluation.dataset.images[n] for n in ("width", "height"))
        ],
        axis=1,
    )
    if np.isnan(sizes).any():
        return None
    images = np.asarray(evaluation.dataset.column("annotations", "image_id"))
    boxes = evaluation.labels.boxes
    far = sizes[images[evaluation.labels.rows]] - boxes[:, :2] - boxes[:, 2:]
    return np.asarray((boxes[:, :2] < _EDGE).any(axis=1) | (far < _EDGE).any(axis=1))
