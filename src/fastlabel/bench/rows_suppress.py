"""Suppression, fusion, matching and oriented boxes, beside those who do them too."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..boxes import (
    batched_nms,
    box_convert,
    match_coco,
    match_optimal,
    nms,
    non_max_merge,
    obb_convert,
    obb_iou,
    obb_nms,
    soft_nms,
    weighted_boxes_fusion,
)
from .row import Peer, Row

__all__ = ["ROWS"]

Array = NDArray[Any]
THRESHOLDS = np.linspace(0.5, 0.95, 10)


def _scene(n: int, seed: int = 0) -> tuple[Array, Array]:
    """Boxes of 8 to 300 px anywhere in a 1080p frame, as a detector without suppression has."""
    rng = np.random.default_rng(seed)
    centre = rng.uniform([0, 0], [1920, 1080], (n, 2))
    size = np.exp(rng.uniform(np.log(8), np.log(300), (n, 1)) + rng.normal(0, 0.3, (n, 2)))
    boxes = np.concatenate([centre - size / 2, centre + size / 2], axis=1).astype(np.float32)
    return boxes, rng.permutation(n).astype(np.float32) / n


def _same(ours: Array, theirs: Array) -> None:
    assert len(ours) > 0
    np.testing.assert_array_equal(ours, theirs)


# ---- nms --------------------------------------------------------------------------------


def _nms_inputs(n: int) -> tuple[Any, ...]:
    boxes, scores = _scene(n)
    corner_and_size = np.concatenate([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]], axis=1)
    return boxes, scores, corner_and_size.astype(np.float64)


def _nms(boxes: Array, scores: Array, *_: Any) -> Array:
    return nms(boxes, scores, 0.5)


def _nms_opencv(_: Array, scores: Array, corner_and_size: Array) -> Array:
    import cv2

    suppress: Any = cv2.dnn.NMSBoxes  # its stub asks for lists, which it would copy
    return np.asarray(suppress(corner_and_size, scores, 0.0, 0.5))


def _nms_torchvision(boxes: Array, scores: Array, *_: Any) -> Array:
    import torch
    from torchvision.ops import nms as theirs

    torch.set_num_threads(1)
    kept: Array = theirs(
        torch.from_numpy(boxes).double(), torch.from_numpy(scores).double(), 0.5
    ).numpy()
    return kept


def _batched_inputs() -> tuple[Any, ...]:
    boxes, scores = _scene(20_000, 1)
    return boxes, scores, np.random.default_rng(2).integers(0, 80, len(boxes))


def _batched(boxes: Array, scores: Array, idxs: Array) -> Array:
    return batched_nms(boxes, scores, idxs, 0.5)


def _batched_torchvision(boxes: Array, scores: Array, idxs: Array) -> Array:
    import torch
    from torchvision.ops import batched_nms as theirs

    torch.set_num_threads(1)
    kept: Array = theirs(
        torch.from_numpy(boxes).double(),
        torch.from_numpy(scores).double(),
        torch.from_numpy(idxs),
        0.5,
    ).numpy()
    return kept


# ---- soft -------------------------------------------------------------------------------


def _soft(boxes: Array, scores: Array) -> tuple[Array, Array]:
    return soft_nms(boxes, scores, method="gaussian", score_threshold=0.05)


def _soft_numpy(boxes: Array, scores: Array) -> tuple[Array, Array]:
    b, left = boxes.astype(np.float64), scores.astype(np.float64)
    area = (b[:, 2] - b[:, 0]) * (b[:, 3] - b[:, 1])
    rows = np.flatnonzero(left >= 0.05)
    keep, values = [], []
    while len(rows):
        best = rows[np.argmax(left[rows])]
        keep.append(best)
        values.append(left[best])
        rows = rows[rows != best]
        low = np.maximum(b[rows, :2], b[best, :2])
        high = np.minimum(b[rows, 2:], b[best, 2:])
        inter = np.prod(np.clip(high - low, 0, None), axis=1)
        iou = inter / (area[rows] + area[best] - inter)
        left[rows] *= np.exp(-(iou**2) / 0.5)
        rows = rows[left[rows] >= 0.05]
    return np.array(keep), np.array(values)


def _same_soft(ours: Any, theirs: Any) -> None:
    _same(ours[0], theirs[0])
    np.testing.assert_allclose(ours[1], theirs[1], rtol=1e-9)


# ---- merging ----------------------------------------------------------------------------


def _merge(boxes: Array, scores: Array) -> tuple[Array, Array, Array]:
    return non_max_merge(boxes, scores, 0.5)


def _merge_numpy(boxes: Array, scores: Array) -> tuple[Array, Array, Array]:
    b = boxes.astype(np.float64)
    area = (b[:, 2] - b[:, 0]) * (b[:, 3] - b[:, 1])
    rows = np.argsort(-scores, kind="stable")
    groups = np.zeros(len(b), np.int64)
    merged: list[list[float]] = []
    best: list[float] = []
    while len(rows):
        first = rows[0]
        low = np.maximum(b[rows, :2], b[first, :2])
        high = np.minimum(b[rows, 2:], b[first, 2:])
        inter = np.prod(np.clip(high - low, 0, None), axis=1)
        joins = inter / (area[rows] + area[first] - inter) > 0.5
        own = rows[joins]
        groups[own] = len(merged)
        merged.append([*b[own, :2].min(axis=0), *b[own, 2:].max(axis=0)])
        best.append(scores[first])
        rows = rows[~joins]
    return np.array(merged), np.array(best), groups


def _same_groups(ours: Any, theirs: Any) -> None:
    for one, other in zip(ours, theirs, strict=True):
        _same(one, other)


# ---- fusion -----------------------------------------------------------------------------


def _fusion_inputs() -> tuple[Any, ...]:
    rng = np.random.default_rng(4)
    corner = rng.uniform(0.02, 0.8, (300, 2))
    truth = np.concatenate([corner, corner + rng.uniform(0.02, 0.15, (300, 2))], axis=1)
    label = rng.integers(0, 5, 300)
    boxes, scores, labels = [], [], []
    for _ in range(5):
        some = rng.random(300) < 0.8
        boxes.append(truth[some] + rng.normal(0, 0.002, (int(some.sum()), 4)))
        scores.append(rng.permutation(int(some.sum())) / 300 + rng.random() / 1000)
        labels.append(label[some])
    return boxes, scores, labels


def _fusion_peer(boxes: Any, scores: Any, labels: Any) -> Any:
    import ensemble_boxes

    return ensemble_boxes.weighted_boxes_fusion(boxes, scores, labels)


def _same_fusion(ours: Any, theirs: Any) -> None:
    assert ours[0].shape == theirs[0].shape
    # Equal scores have no order there, and fused boxes are in single precision.
    np.testing.assert_allclose(ours[1], theirs[1], rtol=1e-5)
    for column in range(4):
        np.testing.assert_allclose(
            np.sort(ours[0][:, column]), np.sort(theirs[0][:, column]), atol=1e-5
        )


# ---- matching ---------------------------------------------------------------------------


def _matching_inputs() -> tuple[Any, ...]:
    """500 images of 10 labels and 40 predictions in 3 classes, at 10 thresholds."""
    rng = np.random.default_rng(5)
    images, g, p = 500, 10, 40
    labels = rng.integers(0, 500, (images * g, 4)) * [1, 1, 0.2, 0.2] + [0, 0, 8, 8]
    near = np.repeat(np.arange(images), p) * g + rng.integers(0, g, images * p)
    predictions = labels[near] + rng.integers(-6, 7, (images * p, 4))
    sets = {
        "predictions": predictions,
        "prediction_offsets": np.arange(images + 1) * p,
        "scores": rng.permutation(images * p) / (images * p),
        "labels": labels,
        "label_offsets": np.arange(images + 1) * g,
        "prediction_classes": (near + (rng.random(images * p) < 0.1)) % 3,
        "label_classes": np.arange(images * g) % 3,
    }
    return sets, _coco(sets)


def _optimal_inputs() -> tuple[Any, ...]:
    """The same sets in one class."""
    sets, _ = _matching_inputs()
    p, g = (box_convert(sets[side], "xywh", "xyxy") for side in ("predictions", "labels"))
    return p, sets["prediction_offsets"], g, sets["label_offsets"]


def _optimal(p: Array, p_rows: Array, g: Array, g_rows: Array) -> float:
    return float(match_optimal(p, p_rows, g, g_rows, iou_threshold=0.5).iou.sum())


def _optimal_scipy(p: Array, p_rows: Array, g: Array, g_rows: Array) -> float:
    """The largest sum of IoU, image by image: equal sums may have other pairs."""
    from scipy.optimize import linear_sum_assignment

    total = 0.0
    for k in range(len(p_rows) - 1):
        a, b = p[p_rows[k] : p_rows[k + 1], None], g[None, g_rows[k] : g_rows[k + 1]]
        low, high = np.maximum(a[..., :2], b[..., :2]), np.minimum(a[..., 2:], b[..., 2:])
        inter = np.prod(np.clip(high - low, 0, None), axis=2)
        areas = [np.prod(side[..., 2:] - side[..., :2], axis=2) for side in (a, b)]
        iou = inter / (areas[0] + areas[1] - inter)
        iou[iou < 0.5] = 0
        total += float(iou[linear_sum_assignment(iou, maximize=True)].sum())
    return total


def _same_sum(ours: float, theirs: float) -> None:
    assert ours > 0
    np.testing.assert_allclose(ours, theirs, rtol=1e-9)


def _coco(sets: dict[str, Array]) -> Any:
    """The same for pycocotools; None where it is not installed."""
    try:
        from pycocotools.coco import COCO
    except ImportError:
        return None
    import contextlib
    import io

    both = []
    for side in ("label", "prediction"):
        offsets, boxes = sets[f"{side}_offsets"], sets[f"{side}s"].tolist()
        image = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets)).tolist()
        classes = sets[f"{side}_classes"].tolist()
        score = sets["scores"].tolist() if side == "prediction" else [0.0] * len(boxes)
        coco = COCO()
        coco.dataset = {
            "images": [{"id": i} for i in range(len(offsets) - 1)],
            "categories": [{"id": c} for c in range(3)],
            "annotations": [
                {
                    "id": k + 1,
                    "image_id": image[k],
                    "category_id": classes[k],
                    "bbox": box,
                    "area": box[2] * box[3],
                    "iscrowd": 0,
                    "score": score[k],
                }
                for k, box in enumerate(boxes)
            ],
        }
        with contextlib.redirect_stdout(io.StringIO()):
            coco.createIndex()
        both.append(coco)
    return both


def _matching(sets: Any, _: Any) -> Array:
    return match_coco(**sets, iou_thresholds=THRESHOLDS, fmt="xywh").prediction_match


def _matching_pycocotools(sets: Any, both: Any) -> Array:
    import contextlib
    import io

    from pycocotools.cocoeval import COCOeval

    run = COCOeval(*both, "bbox")
    run.params.iouThrs = THRESHOLDS
    run.params.maxDets = [100]
    run.params.areaRng = [[0, 1e10]]
    with contextlib.redirect_stdout(io.StringIO()):
        run.evaluate()
    match = np.full((len(THRESHOLDS), len(sets["predictions"])), -1)
    for cell in run.evalImgs:
        if cell is not None:
            match[:, np.array(cell["dtIds"], int) - 1] = cell["dtMatches"] - 1
    return match


# ---- oriented ---------------------------------------------------------------------------


def _oriented(n: int, seed: int, span: float = 400) -> Array:
    rng = np.random.default_rng(seed)
    size = np.exp(rng.uniform(2, 4.5, (n, 2)))
    return np.column_stack([rng.uniform(0, span, (n, 2)), size, rng.uniform(-9, 9, n)])


def _polygons(boxes: Array) -> Any:
    try:
        import shapely
    except ImportError:
        return None
    return shapely.polygons(obb_convert(boxes, "cxcywhr", "xyxyxyxy").reshape(-1, 4, 2))


def _oriented_inputs() -> tuple[Any, ...]:
    a, b = _oriented(400, 6), _oriented(400, 7)
    return a, b, _polygons(a), _polygons(b)


def _oriented_iou(a: Array, b: Array, *_: Any) -> Array:
    return obb_iou(a, b)


def _oriented_shapely(a: Array, b: Array, p: Any, q: Any) -> Array:
    import shapely

    both = shapely.area(shapely.intersection(p[:, None], q[None, :]))
    either = shapely.area(p)[:, None] + shapely.area(q)[None, :] - both
    iou: Array = both / either
    return iou


def _close(ours: Array, theirs: Array) -> None:
    assert (ours > 0).any()
    np.testing.assert_allclose(ours, theirs, rtol=1e-7, atol=1e-12)


def _oriented_nms_inputs() -> tuple[Any, ...]:
    boxes = _oriented(20_000, 8, 3000)
    return boxes, np.random.default_rng(9).permutation(len(boxes)) / len(boxes)


def _oriented_nms(boxes: Array, scores: Array) -> Array:
    return obb_nms(boxes, scores, 0.3)


def _nothing_to_compare(ours: Any, theirs: Any) -> None:
    raise AssertionError("this row has no peer")


def _scaling(n: int, text: str, seconds: float) -> Row:
    make: Callable[[], tuple[Any, ...]] = partial(_nms_inputs, n)
    return Row(
        name=f"nms-{text}",
        title=f"nms, {n:,} boxes in a 1080p frame, IoU 0.5",
        make=make,
        run=_nms,
        peers=(),
        agree=_nothing_to_compare,
        budget={"seconds": seconds},
    )


ROWS = (
    Row(
        name="nms-20k",
        title="nms, 20,000 boxes in a 1080p frame, IoU 0.5",
        make=partial(_nms_inputs, 20_000),
        run=_nms,
        peers=(
            Peer("cv2.dnn.NMSBoxes", ("cv2",), _nms_opencv, promised=50),
            Peer("torchvision.ops.nms", ("torch", "torchvision"), _nms_torchvision),
        ),
        agree=_same,
    ),
    # Ten times the boxes may take little more than ten times as long.
    _scaling(10_000, "10k", 0.04),
    _scaling(100_000, "100k", 0.4),
    _scaling(1_000_000, "1m", 5),
    Row(
        name="batched-nms-20k",
        title="batched_nms, 20,000 boxes of 80 classes, IoU 0.5",
        make=_batched_inputs,
        run=_batched,
        peers=(Peer("torchvision.ops", ("torch", "torchvision"), _batched_torchvision),),
        agree=_same,
    ),
    Row(
        name="soft-nms-2k",
        title="soft_nms, 2,000 boxes in a 1080p frame, Gaussian",
        make=partial(_scene, 2000, 3),
        run=_soft,
        peers=(Peer("NumPy formula", ("numpy",), _soft_numpy),),
        agree=_same_soft,
    ),
    Row(
        name="non-max-merge-5k",
        title="non_max_merge, 5,000 boxes in a 1080p frame, IoU 0.5",
        make=partial(_scene, 5000, 6),
        run=_merge,
        peers=(Peer("NumPy formula", (), _merge_numpy),),
        agree=_same_groups,
    ),
    Row(
        name="weighted-boxes-fusion",
        title="weighted_boxes_fusion, 5 models of 240 boxes in 5 classes",
        make=_fusion_inputs,
        run=weighted_boxes_fusion,
        peers=(Peer("ensemble_boxes", ("ensemble_boxes",), _fusion_peer),),
        agree=_same_fusion,
    ),
    Row(
        name="match-coco",
        title="match_coco, 500 images of 40 predictions and 10 labels, 10 thresholds",
        make=_matching_inputs,
        run=_matching,
        peers=(Peer("pycocotools", ("pycocotools",), _matching_pycocotools),),
        agree=_same,
    ),
    Row(
        name="match-optimal",
        title="match_optimal, 500 images of 40 predictions and 10 labels",
        make=_optimal_inputs,
        run=_optimal,
        peers=(Peer("scipy, image by image", ("scipy",), _optimal_scipy),),
        agree=_same_sum,
    ),
    Row(
        name="obb-iou",
        title="obb_iou, 400 x 400 oriented boxes",
        make=_oriented_inputs,
        run=_oriented_iou,
        peers=(Peer("shapely", ("shapely",), _oriented_shapely),),
        agree=_close,
    ),
    Row(
        name="obb-nms-20k",
        title="obb_nms, 20,000 oriented boxes, IoU 0.3",
        make=_oriented_nms_inputs,
        run=_oriented_nms,
        peers=(),
        agree=_nothing_to_compare,
        budget={"seconds": 0.5},
    ),
)
