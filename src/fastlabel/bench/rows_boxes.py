"""Boxes: the IoU family, ragged batches, pairs over a threshold."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .. import boxes as fl
from .row import Peer, Row

__all__ = ["ROWS"]

SIDE = 4000
IMAGES = 1_000_000
SCENE = 100_000
#: Every so many images of a batch are compared.
PART = 100


def _boxes(n: int, seed: int, extent: float, low: float, high: float) -> Any:
    rng = np.random.default_rng(seed)
    corner = rng.uniform(0, extent, (n, 2))
    size = rng.uniform(low, high, (n, 2))
    return np.concatenate([corner, corner + size], axis=1).astype(np.float32)


def _moved(boxes: Any, seed: int, by: float) -> Any:
    rng = np.random.default_rng(seed)
    corner = boxes[:, :2] + rng.normal(0, by, (len(boxes), 2)).astype(np.float32)
    return np.concatenate([corner, corner + (boxes[:, 2:] - boxes[:, :2])], axis=1)


# ---- dense matrices -------------------------------------------------------------------------


def _dense() -> tuple[Any, ...]:
    a, b = (_boxes(SIDE, seed, 1000, 5, 200) for seed in (1, 2))
    return a, b, np.empty((SIDE, SIDE), np.float32)


def _small_dense() -> tuple[Any, ...]:
    a, b = (_boxes(1000, seed, 1000, 5, 200) for seed in (1, 2))
    return a, b, np.empty((1000, 1000), np.float32)


def _fastbbox(name: str) -> Callable[..., Any]:
    def run(a: Any, b: Any, out: Any) -> Any:
        import fastbbox

        return getattr(fastbbox, name)(a, b)

    return run


def _pycocotools(a: Any, b: Any, out: Any) -> Any:
    from pycocotools import mask

    return mask.iou(_xywh(a), _xywh(b), [0] * len(b))


def _crowds() -> tuple[Any, ...]:
    a, b, out = _small_dense()
    return a, b, np.arange(len(b)) % 3 == 0, out


def _pycocotools_crowds(a: Any, b: Any, crowd: Any, out: Any) -> Any:
    from pycocotools import mask

    return mask.iou(_xywh(a), _xywh(b), crowd.astype(np.uint8))


def _xywh(boxes: Any) -> Any:
    wide = boxes.astype(np.float64)
    wide[:, 2:] -= wide[:, :2]
    return wide


def _torch_formula(a: Any, b: Any, out: Any) -> Any:
    """The formula of torchvision's box_iou, on one thread."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        x, y = torch.from_numpy(a), torch.from_numpy(b)
        low = torch.max(x[:, None, :2], y[:, :2])
        high = torch.min(x[:, None, 2:], y[:, 2:])
        side = (high - low).clamp(min=0)
        inter = side[:, :, 0] * side[:, :, 1]
        area_x = (x[:, 2] - x[:, 0]) * (x[:, 3] - x[:, 1])
        area_y = (y[:, 2] - y[:, 0]) * (y[:, 3] - y[:, 1])
        return (inter / (area_x[:, None] + area_y - inter)).numpy()
    finally:
        torch.set_num_threads(before)


def _fill(a: Any, b: Any, out: Any) -> Any:
    out.fill(1)
    return None


def _close(ours: Any, theirs: Any) -> None:
    if theirs is not None:  # filling with a constant has no answer
        np.testing.assert_allclose(ours, theirs, rtol=2e-5, atol=2e-5)


def _bytes_of_out(a: Any, b: Any, out: Any) -> int:
    return int(out.nbytes)


def _numpy(metric: str) -> Callable[..., Any]:
    def run(a: Any, b: Any, out: Any) -> Any:
        low = np.maximum(a[:, None, :2], b[None, :, :2])
        high = np.minimum(a[:, None, 2:], b[None, :, 2:])
        inter = np.prod(np.clip(high - low, 0, None), axis=2)
        area_a = np.prod(a[:, 2:] - a[:, :2], axis=1)
        area_b = np.prod(b[:, 2:] - b[:, :2], axis=1)
        if metric == "ioa":
            return inter / area_a[:, None]
        return inter / np.minimum(area_a[:, None], area_b[None])

    return run


def _torchvision(name: str) -> Callable[..., Any]:
    def run(a: Any, b: Any, out: Any) -> Any:
        import torch
        from torchvision import ops

        return getattr(ops, name)(torch.from_numpy(a), torch.from_numpy(b)).numpy()

    return run


def _family() -> tuple[Row, ...]:
    rows = []
    for name, call, theirs in (
        ("giou", fl.generalized_box_iou, "generalized_iou"),
        ("diou", fl.distance_box_iou, "distance_iou"),
        ("ciou", fl.complete_box_iou, None),  # fastbbox weighs the shape otherwise
    ):
        peers = [Peer("torchvision", ("torch", "torchvision"), _torchvision(call.__name__))]
        if theirs is not None:
            peers.append(Peer("fastbbox", ("fastbbox",), _fastbbox(theirs)))
        rows.append(
            Row(
                f"box-{name}",
                f"{call.__name__}, float32, 1,000 x 1,000",
                _small_dense,
                lambda a, b, out, call=call: call(a, b, out=out),
                tuple(peers),
                _close,
                _bytes_of_out,
            )
        )
    for name, of in (("ioa", fl.box_ioa), ("ios", fl.box_ios)):
        rows.append(
            Row(
                f"box-{name}",
                f"box_{name}, float32, 1,000 x 1,000",
                _small_dense,
                lambda a, b, out, call=of: call(a, b, out=out),
                (Peer("NumPy formula", (), _numpy(name)),),
                _close,
                _bytes_of_out,
            )
        )
    return tuple(rows)


# ---- batches of many images -----------------------------------------------------------------


def _batch() -> tuple[Any, ...]:
    a = _boxes(8 * IMAGES, 1, 600, 20, 300)
    offsets = np.arange(0, 8 * IMAGES + 1, 8)
    return a, offsets, _moved(a, 2, 10), offsets, np.empty(64 * IMAGES, np.float32)


def _pycocotools_images(a: Any, rows: Any, b: Any, columns: Any, out: Any) -> Any:
    from pycocotools import mask

    one, other = _xywh(a), _xywh(b)
    flags = [0] * 8
    return [
        mask.iou(one[8 * g : 8 * g + 8], other[8 * g : 8 * g + 8], flags) for g in range(IMAGES)
    ]


def _close_images(ours: Any, theirs: Any) -> None:
    values = ours[0].reshape(-1, 8, 8)
    np.testing.assert_allclose(values[::PART], np.stack(theirs[::PART]), rtol=2e-4, atol=2e-5)


def _matrices(a: Any, rows: Any, b: Any, columns: Any, out: Any) -> Any:
    return fl.ragged_iou(a, rows, b, columns, out=out)[0].reshape(-1, 8)


def _argmax_images(a: Any, rows: Any, b: Any, columns: Any, out: Any) -> Any:
    """The best of each row of the matrices that the ragged IoU makes."""
    values = _matrices(a, rows, b, columns, out)
    return values.argmax(axis=1), values.max(axis=1)


def _same_best(ours: Any, theirs: Any) -> None:
    """Held against (row in the image, IoU), or against the matrices themselves."""
    column, best = theirs if isinstance(theirs, tuple) else (theirs.argmax(1), theirs.max(1))
    row = column + 8 * (np.arange(len(column)) // 8)
    np.testing.assert_array_equal(ours[0], np.where(best > 0, row, -1))
    np.testing.assert_array_equal(ours[1], best)
    assert (best > 0).mean() > 0.5


def _count_images(a: Any, rows: Any, b: Any, columns: Any, out: Any) -> Any:
    return (_matrices(a, rows, b, columns, out) >= 0.5).sum(axis=1)


# ---- large scenes ----------------------------------------------------------------------------


def _scene() -> tuple[Any, ...]:
    a = _boxes(SCENE, 1, 50_000, 10, 400)
    order = np.random.default_rng(3).permutation(SCENE)
    return a, _moved(a, 2, 5)[order]


def _best_in_scene(a: Any, b: Any) -> Any:
    return fl.ragged_best(a, (0, len(a)), b, (0, len(b)))


def _tree_best(a: Any, b: Any) -> Any:
    """The textbook way: of what an R-tree finds to touch, the largest IoU."""
    import shapely

    tree = shapely.STRtree(shapely.box(*b.T.astype(np.float64)))
    i, j = tree.query(shapely.box(*a.T.astype(np.float64)))
    iou = fl.box_iou(a[i], b[j], aligned=True)
    order = np.lexsort((j, -iou, i))
    i, j, iou = i[order], j[order], iou[order]
    first = np.flatnonzero(np.diff(i, prepend=-1))
    index, value = np.full(len(a), -1), np.zeros(len(a), a.dtype)
    index[i[first]] = np.where(iou[first] > 0, j[first], -1)
    value[i[first]] = iou[first]
    return index, value


def _same_matches(ours: Any, theirs: Any) -> None:
    np.testing.assert_array_equal(ours[0], theirs[0])
    np.testing.assert_array_equal(ours[1], theirs[1])


def _tree_pairs(a: Any, b: Any) -> Any:
    """The textbook way: an R-tree finds what touches, the IoU of those is computed."""
    import shapely

    tree = shapely.STRtree(shapely.box(*b.T.astype(np.float64)))
    i, j = tree.query(shapely.box(*a.T.astype(np.float64)))
    iou = fl.box_iou(a[i], b[j], aligned=True)
    keep = iou >= np.float32(0.5)
    i, j, iou = i[keep], j[keep], iou[keep]
    order = np.lexsort((j, i))
    return i[order], j[order], iou[order]


def _same_pairs(ours: Any, theirs: Any) -> None:
    for x, y in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(x, y)


def _crowded() -> tuple[Any, ...]:
    return _boxes(3000, 4, 1000, 5, 200), np.array([0, 3000])


def _pairs_by_matrix(boxes: Any, offsets: Any) -> Any:
    matrix = np.triu(fl.box_iou(boxes, boxes), 1)
    i, j = np.nonzero(matrix >= np.float32(0.5))
    return i, j, matrix[i, j]


# ---- a box at a time -------------------------------------------------------------------------


def _many() -> tuple[Any, ...]:
    a = _boxes(1_000_000, 5, 1000, 5, 200)
    return a, np.empty_like(a)


def _convert_numpy(a: Any, out: Any) -> Any:
    return np.concatenate([(a[:, :2] + a[:, 2:]) / 2, a[:, 2:] - a[:, :2]], axis=1)


def _clip_numpy(a: Any, out: Any) -> Any:
    return np.clip(a, 0, np.array([900, 800, 900, 800], np.float32))


ROWS: tuple[Row, ...] = (
    Row(
        "box-iou",
        "box_iou, float32, 4,000 x 4,000, out= given",
        _dense,
        lambda a, b, out: fl.box_iou(a, b, out=out),
        (
            Peer("fastbbox", ("fastbbox",), _fastbbox("bbox_overlaps"), 4),
            Peer("pycocotools", ("pycocotools",), _pycocotools, 12),
            Peer("torchvision's formula on torch", ("torch",), _torch_formula, 20),
            Peer("filling with a constant", (), _fill, 0.4),
        ),
        _close,
        _bytes_of_out,
    ),
    Row(
        "ragged-iou",
        "ragged_iou, float32, 1 M images of 8 x 8, out= given",
        _batch,
        lambda a, rows, b, columns, out: fl.ragged_iou(a, rows, b, columns, out=out),
        (Peer("pycocotools, by image", ("pycocotools",), _pycocotools_images, 30),),
        _close_images,
        lambda a, rows, b, columns, out: a.nbytes + b.nbytes + out.nbytes,
        {"seconds": 64 * IMAGES / 300e6},
    ),
    Row(
        "ragged-best",
        "ragged_best, float32, 1 M images of 8 x 8, no matrix",
        _batch,
        lambda a, rows, b, columns, out: fl.ragged_best(a, rows, b, columns),
        (
            # No matrix may cost a half more than the matrix does.
            Peer("ragged_iou, the matrices alone", (), _matrices, 0.67),
            Peer("ragged_iou and argmax", (), _argmax_images),
        ),
        _same_best,
        lambda a, rows, b, columns, out: a.nbytes + b.nbytes + 12 * len(a),
    ),
    Row(
        "ragged-counts",
        "ragged_counts, float32, 1 M images of 8 x 8, no matrix",
        _batch,
        lambda a, rows, b, columns, out: fl.ragged_counts(a, rows, b, columns, 0.5),
        (Peer("ragged_iou and sum", (), _count_images),),
        np.testing.assert_array_equal,
        lambda a, rows, b, columns, out: a.nbytes + b.nbytes + 8 * len(a),
    ),
    Row(
        "pairs-between",
        "box_pairs_between, 100,000 x 100,000 in one scene, IoU 0.5",
        _scene,
        lambda a, b: fl.box_pairs_between(a, b, 0.5),
        (Peer("shapely's STRtree", ("shapely",), _tree_pairs),),
        _same_pairs,
        None,
        {"seconds": 1.0, "mb": 200},
    ),
    Row(
        "best-in-scene",
        "ragged_best, 100,000 x 100,000 in one scene",
        _scene,
        _best_in_scene,
        (Peer("shapely's STRtree", ("shapely",), _tree_best),),
        _same_matches,
        None,
        {"seconds": 2.0},
    ),
    Row(
        "pairs-within",
        "box_pairs, one image of 3,000 boxes, IoU 0.5",
        _crowded,
        lambda boxes, offsets: fl.box_pairs(boxes, offsets, 0.5),
        (Peer("box_iou and nonzero", (), _pairs_by_matrix),),
        _same_pairs,
    ),
    *_family(),
    Row(
        "box-iou-crowd",
        "box_iou with crowds, float32, 1,000 x 1,000",
        _crowds,
        lambda a, b, crowd, out: fl.box_iou(a, b, crowd=crowd, out=out),
        (Peer("pycocotools", ("pycocotools",), _pycocotools_crowds),),
        _close,
        lambda a, b, crowd, out: out.nbytes,
    ),
    Row(
        "box-convert",
        "box_convert, float32, 1 M boxes, xyxy to cxcywh",
        _many,
        lambda a, out: fl.box_convert(a, "xyxy", "cxcywh", out=out),
        (Peer("NumPy formula", (), _convert_numpy),),
        _close,
        lambda a, out: a.nbytes + out.nbytes,
    ),
    Row(
        "clip-boxes",
        "clip_boxes_to_image, float32, 1 M boxes",
        _many,
        lambda a, out: fl.clip_boxes_to_image(a, (800, 900), out=out),
        (Peer("numpy.clip", (), _clip_numpy),),
        _close,
        lambda a, out: a.nbytes + out.nbytes,
    ),
    Row(
        "box-area",
        "box_area, float32, 1 M boxes",
        _many,
        lambda a, out: fl.box_area(a),
        (
            Peer(
                "NumPy formula",
                (),
                lambda a, out: (a[:, 2] - a[:, 0]) * (a[:, 3] - a[:, 1]),
            ),
        ),
        _close,
        lambda a, out: a.nbytes + 4 * len(a),
    ),
)
