"""Merging the boxes of tiles, beside those who do it too."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..merge import TileDetections, merge_tiles
from .row import Peer, Row

__all__ = ["ROWS"]

Array = NDArray[Any]
_SIDE, _STEP = 640, 512


def scene(tiles: int, seed: int = 0) -> tuple[dict[str, Array], Array]:
    """Ten boxes a tile of 640 px: objects of 8 to 200 px as overlapping tiles show them.

    Every tile that shows a part of an object has a box of that part, a pixel or two off.
    """
    rng = np.random.default_rng(seed)
    across = int(np.ceil(np.sqrt(tiles)))
    down = -(-tiles // across)
    corner = np.stack(np.meshgrid(np.arange(across), np.arange(down)), axis=-1).reshape(-1, 2)
    windows = np.concatenate([corner * _STEP, corner * _STEP + _SIDE], axis=1)[:tiles]
    objects = 6 * tiles
    low = rng.uniform(0, [across * _STEP, down * _STEP], (objects, 2))
    scale = rng.uniform(np.log(8), np.log(200), (objects, 1))
    size = np.exp(scale + rng.normal(0, 0.2, (objects, 2)))
    label = rng.integers(0, 10, objects)
    boxes, owners, of = [], [], []
    first = np.ceil((low - _SIDE) / _STEP).astype(np.int64)
    for dx in range(3):
        for dy in range(3):
            at = first + np.array([dx, dy])
            tile = at[:, 1] * across + at[:, 0]
            there = (at >= 0).all(axis=1) & (at[:, 0] < across) & (tile < tiles)
            a = np.maximum(low, at * _STEP)
            b = np.minimum(low + size, at * _STEP + _SIDE)
            rows = np.flatnonzero(there & (b - a > 6).all(axis=1))
            part = np.concatenate([a, b], axis=1)[rows] + rng.uniform(-2, 2, (len(rows), 4))
            boxes.append(part - np.tile(at[rows] * _STEP, 2))
            owners.append(tile[rows])
            of.append(label[rows])
    kept = rng.permutation(sum(map(len, owners)))[: 10 * tiles]
    n = len(kept)
    return {
        "boxes": np.concatenate(boxes)[kept],
        "scores": rng.permutation(n) / n,
        "labels": np.concatenate(of)[kept],
        "tile": np.concatenate(owners)[kept],
    }, windows


def _in_one_frame(n: int) -> tuple[Any, ...]:
    """The boxes of many tiles in one frame, as float32 and as SAHI's rows."""
    flat, windows = scene(n // 10, 1)
    n = len(flat["scores"])
    boxes = (flat["boxes"] + np.tile(windows[flat["tile"], :2], 2)).astype(np.float32)
    scores = (np.arange(n)[np.argsort(np.argsort(flat["scores"]))] / n).astype(np.float32)
    frame = [[*(windows[:, :2].min(axis=0) - 99), *(windows[:, 2:].max(axis=0) + 99)]]
    rows = np.column_stack([boxes, scores, flat["labels"]]).astype(np.float32)
    return boxes, scores, flat["labels"], np.array(frame), rows


def _tiles(flat: dict[str, Array], windows: Array) -> TileDetections:
    return merge_tiles(flat, windows)


def _alone(method: str, boxes: Array, scores: Array, labels: Array, frame: Array, *_: Any) -> Any:
    return merge_tiles(
        [(boxes, scores, labels)], frame, method=method, coordinates="frame", join_cut=False
    )


def _torchvision(boxes: Array, scores: Array, labels: Array, *_: Any) -> Array:
    import torch
    from torchvision.ops import batched_nms

    torch.set_num_threads(1)
    rows = torch.from_numpy(boxes), torch.from_numpy(scores), torch.from_numpy(labels)
    kept: Array = batched_nms(*rows, 0.5).numpy()
    return kept


def _sahi(name: str, boxes: Array, scores: Array, labels: Array, frame: Array, rows: Array) -> Any:
    from sahi.postprocess import backends, combine

    backends.set_postprocess_backend("numpy")
    return getattr(combine, f"batched_{name}")(rows, "IOU", 0.5)


def _ensemble(boxes: Array, scores: Array, labels: Array, *_: Any) -> Any:
    import ensemble_boxes

    share = (boxes.astype(np.float64) + 99) / 1e5
    return ensemble_boxes.weighted_boxes_fusion([share], [scores], [labels], iou_thr=0.5)


def _same_kept(ours: TileDetections, theirs: Any) -> None:
    assert ours.members[ours.offsets[:-1]].tolist() == [int(k) for k in theirs]


def _same_groups(ours: TileDetections, theirs: Any) -> None:
    groups = np.split(ours.members, ours.offsets[1:-1])
    mine = {int(g[0]): sorted(g[1:].tolist()) for g in groups}
    assert mine == {int(k): sorted(map(int, v)) for k, v in theirs.items()}


def _same_fused(ours: TileDetections, theirs: Any) -> None:
    assert len(ours) == len(theirs[1])
    np.testing.assert_allclose(np.sort(ours.scores), np.sort(theirs[1]), rtol=1e-4)


def _nothing_to_compare(ours: Any, theirs: Any) -> None:
    raise AssertionError("this row has no peer")


def _scaling(tiles: int, text: str, seconds: float) -> Row:
    return Row(
        name=f"merge-tiles-{text}",
        title=f"merge_tiles, {10 * tiles:,} boxes of {tiles:,} tiles, cut ones joined",
        make=partial(scene, tiles),
        run=_tiles,
        peers=(),
        agree=_nothing_to_compare,
        budget={"seconds": seconds},
    )


ROWS = (
    _scaling(10_000, "100k", 1.0),
    # Four times the boxes in under five times the time.
    _scaling(40_000, "400k", 5.0),
    Row(
        name="merge-tiles-nms",
        title="merge_tiles, nms alone, 20,000 boxes of one frame in 10 classes",
        make=partial(_in_one_frame, 20_000),
        run=partial(_alone, "nms"),
        peers=(
            Peer("torchvision batched_nms", ("torch", "torchvision"), _torchvision),
            Peer("SAHI batched_nms", ("sahi",), partial(_sahi, "nms")),
        ),
        agree=_same_kept,
    ),
    Row(
        name="merge-tiles-nmm",
        title="merge_tiles, nmm alone, 20,000 boxes of one frame in 10 classes",
        make=partial(_in_one_frame, 20_000),
        run=partial(_alone, "nmm"),
        peers=(Peer("SAHI batched_greedy_nmm", ("sahi",), partial(_sahi, "greedy_nmm")),),
        agree=_same_groups,
    ),
    Row(
        name="merge-tiles-wbf",
        title="merge_tiles, wbf alone, 5,000 boxes of one frame in 10 classes",
        make=partial(_in_one_frame, 5_000),
        run=partial(_alone, "wbf"),
        peers=(Peer("ensemble_boxes", ("ensemble_boxes",), _ensemble),),
        agree=_same_fused,
    ),
)
