"""The columns ``ignore`` and ``weight`` as what a loss needs: NumPy in, NumPy out.

:mod:`fastlabel.torch` gives the same as tensors.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from .._scalars import as_choice, as_whole
from ..boxes import box_ioa
from ..dataset import Dataset

__all__ = ["ignore_mask", "ignored_anchors", "image_targets"]

BoolArray = npt.NDArray[np.bool_]


def image_targets(dataset: Dataset, image_id: int) -> dict[str, npt.NDArray[Any]]:
    """Targets of one image for training, with their weights, and its regions to ignore.

    Parameters
    ----------
    dataset : Dataset
        Any data set.
    image_id : int
        Row of ``dataset.images``.

    Returns
    -------
    dict of numpy.ndarray
        ``boxes`` (N, 4) float32 ``xyxy`` and ``labels`` (N,) int64 of the targets, as
        torchvision's detectors take them; ``weights`` (N,) float32 for their loss, 1 where
        none is given; ``ignore`` (K, 4) float32, crowds among them: neither targets nor
        background. Boxes of an unknown class count as regions, unknown and empty boxes
        are left out.

    Raises
    ------
    ValueError
        If there is no such image.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import fastlabel as fl
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = Path(folder, "labels.json").write_text(
    ...         '{"images": [{"id": 1, "file_name": "a.jpg"}], "annotations": ['
    ...         '{"id": 1, "image_id": 1, "category_id": 1, "bbox": [0, 0, 9, 9], "weight": 0.5},'
    ...         '{"id": 2, "image_id": 1, "category_id": 1, "bbox": [9, 0, 3, 3], "ignore": 1}],'
    ...         '"categories": [{"id": 1, "name": "bird"}]}'
    ...     )
    ...     targets = fl.image_targets(fl.read(folder), 0)
    >>> targets["boxes"].tolist(), targets["weights"].tolist(), targets["ignore"].tolist()
    ([[0.0, 0.0, 9.0, 9.0]], [0.5], [[9.0, 0.0, 12.0, 3.0]])
    """
    image = as_whole(image_id, "image_id")
    if not 0 <= image < len(dataset):
        raise ValueError(f"image_id: got {image}, expected 0 to {len(dataset) - 1}")
    rows = dataset.annotations_of(image)
    boxes = np.stack([rows[c].to_numpy() for c in ("x1", "y1", "x2", "y2")], axis=1)
    solid = np.isfinite(boxes).all(axis=1) & (boxes[:, 2:] > boxes[:, :2]).all(axis=1)
    labels = np.asarray(rows["category_id"].fill_null(-1).to_numpy(), dtype=np.int64)
    aside = labels < 0
    for name in ("ignore", "crowd"):
        aside |= np.asarray(rows[name].fill_null(False).to_numpy(), dtype=bool)
    weights = np.asarray(rows["weight"].fill_null(1.0).to_numpy(), dtype=np.float32)
    targets = solid & ~aside
    return {
        "boxes": boxes[targets].astype(np.float32),
        "labels": labels[targets],
        "weights": weights[targets],
        "ignore": boxes[solid & aside].astype(np.float32),
    }


def ignore_mask(
    regions: npt.ArrayLike, height: int, width: int, stride: int = 1, *, rule: str = "touch"
) -> BoolArray:
    """Cells of a feature map that lie in regions to ignore.

    Parameters
    ----------
    regions : array_like
        (K, 4) ``xyxy`` in pixels of the model's input.
    height, width : int
        The input, in pixels.
    stride : int
        Pixels a cell.
    rule : {"touch", "centre"}
        ``touch``: every cell that a region overlaps, so that a region smaller than a cell
        is not lost. ``centre``: cells whose centre lies in a region.

    Returns
    -------
    numpy.ndarray
        (ceil(height / stride), ceil(width / stride)) bool.

    Raises
    ------
    ValueError
        If a size is not over 0 or the regions have another shape.

    Examples
    --------
    >>> ignore_mask([[3, 0, 5, 2]], 8, 16, stride=4).astype(int).tolist()
    [[1, 1, 0, 0], [0, 0, 0, 0]]
    """
    sizes = {"height": height, "width": width, "stride": stride}
    for name, value in sizes.items():
        if as_whole(value, name) < 1:
            raise ValueError(f"{name}: got {value}, expected 1 or more")
    as_choice(rule, "rule", ("touch", "centre"))
    boxes = _regions(regions)
    rows, columns = -(-height // stride), -(-width // stride)
    mask = np.zeros((rows, columns), dtype=bool)
    solid = np.isfinite(boxes).all(axis=1) & (boxes[:, 2:] > boxes[:, :2]).all(axis=1)
    edges = boxes[solid] / stride
    if rule == "touch":
        low, high = np.floor(edges[:, :2]), np.ceil(edges[:, 2:])
    else:
        low, high = np.ceil(edges[:, :2] - 0.5), np.ceil(edges[:, 2:] - 0.5)
    spans = np.concatenate([low, high], axis=1).clip(0, [columns, rows] * 2).astype(np.int64)
    for x1, y1, x2, y2 in spans.tolist():
        mask[y1:y2, x1:x2] = True
    return mask


def ignored_anchors(
    anchors: npt.ArrayLike, regions: npt.ArrayLike, threshold: float = 0.5
) -> BoolArray:
    """Anchors (or predictions) of which a share lies in a region to ignore.

    Parameters
    ----------
    anchors : array_like
        (A, 4) ``xyxy``.
    regions : array_like
        (K, 4) ``xyxy``.
    threshold : float
        Share of the anchor's own area, in one region, from which on it is ignored (as
        COCO's evaluation takes overlap with crowds).

    Returns
    -------
    numpy.ndarray
        (A,) bool.

    Examples
    --------
    >>> ignored_anchors([[0, 0, 4, 4], [3, 0, 7, 4]], [[0, 0, 5, 9]]).tolist()
    [True, True]
    >>> ignored_anchors([[0, 0, 4, 4], [3, 0, 7, 4]], [[0, 0, 4, 9]]).tolist()
    [True, False]
    """
    boxes, others = _regions(anchors), _regions(regions)
    if not len(boxes) or not len(others):
        return np.zeros(len(boxes), dtype=bool)
    return np.asarray((box_ioa(boxes, others) >= threshold).any(axis=1))


def _regions(boxes: npt.ArrayLike) -> npt.NDArray[np.float64]:
    array = np.asarray(boxes, dtype=np.float64)
    if array.size == 0:
        return array.reshape(0, 4)
    if array.ndim != 2 or array.shape[1] != 4:
        raise ValueError(f"boxes: got shape {array.shape}, expected (N, 4)")
    return array
