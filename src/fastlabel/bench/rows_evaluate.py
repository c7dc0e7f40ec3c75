"""COCO's evaluation, beside pycocotools on the same labels and predictions."""

from __future__ import annotations

import contextlib
import io
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from .. import schema
from ..dataset import Dataset
from ..evaluate import Evaluation, evaluate
from ..predictions import Predictions
from .row import Peer, Row

__all__ = ["ROWS"]

IMAGES, CLASSES, SEED = 500, 20, 0


def _sets() -> tuple[dict[str, npt.NDArray[Any]], dict[str, npt.NDArray[Any]]]:
    """Ten labels and twenty predictions an image, as columns."""
    rng = np.random.default_rng(SEED)
    n = 10 * IMAGES
    side = np.exp(rng.normal(3.8, 1.0, (n, 2))).clip(4, 400)
    corner = rng.uniform(0, 1, (n, 2)) * (640 - side)
    labels = {
        "image": np.sort(rng.integers(0, IMAGES, n)),
        "class": rng.integers(0, CLASSES, n),
        "box": np.round(np.concatenate([corner, side], axis=1)),
        "crowd": rng.random(n) < 0.01,
    }
    like = np.sort(rng.integers(0, n, 2 * n))
    off = rng.normal(0, 1, (2 * n, 4)) * labels["box"][like, 2:].mean(axis=1, keepdims=True)
    boxes = np.round(labels["box"][like] + off * rng.choice([0.03, 0.1, 0.6], (2 * n, 1)))
    boxes[:, 2:] = np.maximum(boxes[:, 2:], 1)
    said = {
        "image": labels["image"][like],
        "class": labels["class"][like],
        "box": boxes,
        "score": np.round(rng.beta(1, 2, 2 * n), 5),
    }
    return labels, said


def _inputs() -> tuple[Any, ...]:
    labels, said = _sets()
    return _tables(labels, said), _peers_objects(labels, said)


def _tables(labels: dict[str, Any], said: dict[str, Any]) -> tuple[Dataset, Predictions]:
    n = len(labels["image"])
    corners = labels["box"].copy()
    corners[:, 2:] += corners[:, :2]
    columns: dict[str, Any] = {f.name: pa.nulls(n, f.type) for f in schema.ANNOTATIONS}
    columns |= {
        "annotation_id": np.arange(n),
        "image_id": labels["image"],
        "category_id": labels["class"].astype(np.int32),
        **{c: corners[:, k] for k, c in enumerate(("x1", "y1", "x2", "y2"))},
        "area": labels["box"][:, 2] * labels["box"][:, 3],
        "crowd": labels["crowd"],
    }
    images: dict[str, Any] = {f.name: pa.nulls(IMAGES, f.type) for f in schema.IMAGES}
    images |= {
        "image_id": np.arange(IMAGES),
        "source_id": [str(i + 1) for i in range(IMAGES)],
        "label_state": ["labelled"] * IMAGES,
    }
    classes: dict[str, Any] = {f.name: pa.nulls(CLASSES, f.type) for f in schema.CATEGORIES}
    classes |= {
        "category_id": np.arange(CLASSES, dtype=np.int32),
        "name": [str(k) for k in range(CLASSES)],
    }
    dataset = Dataset(
        pa.table(images, schema.IMAGES),
        pa.table(columns, schema.ANNOTATIONS),
        pa.table(classes, schema.CATEGORIES),
        schema.PROBLEMS.empty_table(),
        Path(),
        "coco",
    )
    found = said["box"].copy()
    found[:, 2:] += found[:, :2]
    return dataset, Predictions.from_arrays(
        dataset, said["image"], said["class"], found, said["score"]
    )


def _peers_objects(labels: dict[str, Any], said: dict[str, Any]) -> tuple[Any, Any] | None:
    try:
        from pycocotools.coco import COCO
    except ImportError:
        return None
    both = []
    for side in (labels, said):
        coco = COCO()
        coco.dataset = {
            "images": [{"id": i + 1} for i in range(IMAGES)],
            "categories": [{"id": k} for k in range(CLASSES)],
            "annotations": [
                {
                    "id": k + 1,
                    "image_id": int(side["image"][k]) + 1,
                    "category_id": int(side["class"][k]),
                    "bbox": side["box"][k].tolist(),
                    "area": float(side["box"][k, 2] * side["box"][k, 3]),
                    "iscrowd": int(side["crowd"][k]) if "crowd" in side else 0,
                    "score": float(side["score"][k]) if "score" in side else 0.0,
                }
                for k in range(len(side["image"]))
            ],
        }
        with contextlib.redirect_stdout(io.StringIO()):
            coco.createIndex()
        both.append(coco)
    return both[0], both[1]


def _ours(tables: tuple[Dataset, Predictions], _: Any) -> Evaluation:
    found = evaluate(*tables, workers=1)
    _ = found.stats
    return found


def _theirs(_: Any, both: tuple[Any, Any]) -> Any:
    from pycocotools.cocoeval import COCOeval

    with contextlib.redirect_stdout(io.StringIO()):
        run = COCOeval(*both, "bbox")
        run.evaluate()
        run.accumulate()
        run.summarize()
    return run


def _same(ours: Evaluation, theirs: Any) -> None:
    for name in ("precision", "recall"):
        np.testing.assert_allclose(getattr(ours, name), theirs.eval[name], rtol=0, atol=1e-9)
    np.testing.assert_allclose(list(ours.stats.values()), theirs.stats, rtol=0, atol=1e-9)


ROWS = (
    Row(
        name="evaluate-coco",
        title="evaluate, 500 images of 10 labels and 20 predictions, 20 classes",
        make=_inputs,
        run=_ours,
        peers=(Peer("pycocotools", ("pycocotools",), _theirs, promised=10),),
        agree=_same,
    ),
)
