"""COCO sets at random, and what pycocotools says of them."""

from __future__ import annotations

import contextlib
import copy
import io
import json

import numpy as np

import fastlabel as fl


def peer(labels, results, **changes):
    """A ``COCOeval`` of pycocotools that has run; `changes` are of its parameters."""
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO()
        truth.dataset = copy.deepcopy(labels)
        truth.createIndex()
        if results:
            said = truth.loadRes(copy.deepcopy(results))
        else:
            said = COCO()
            said.dataset = {**truth.dataset, "annotations": []}
            said.createIndex()
        run = COCOeval(truth, said, "bbox")
        for name, value in changes.items():
            setattr(run.params, name, value)
        run.evaluate()
        run.accumulate()
        if not changes:
            run.summarize()
    return run


def ours(folder, labels, results, **options):
    """The same by us, through files as a user has them."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "labels.json").write_text(json.dumps(labels))
    dataset = fl.read(folder, "coco")
    return fl.evaluate(dataset, predictions_of(dataset, results), **options)


def predictions_of(dataset, results):
    """COCO results in the ids of the set, in their order."""
    images = {int(s): k for k, s in enumerate(dataset.images["source_id"].to_pylist())}
    classes = {int(s): k for k, s in enumerate(dataset.categories["source_id"].to_pylist())}
    boxes = np.array([r["bbox"] for r in results], float).reshape(-1, 4)
    boxes[:, 2:] += boxes[:, :2]
    return fl.Predictions.from_arrays(
        dataset,
        np.array([images[r["image_id"]] for r in results], np.int64),
        np.array([classes[r["category_id"]] for r in results], np.int64),
        boxes,
        np.array([r["score"] for r in results], float),
    )


def same(found, run, dataset_categories):
    """Every number of both, class by class."""
    order = np.argsort([int(s) for s in dataset_categories])  # pycocotools sorts the ids
    for name in ("precision", "scores"):
        np.testing.assert_allclose(
            getattr(found, name)[:, :, order], run.eval[name], rtol=0, atol=1e-12, err_msg=name
        )
    np.testing.assert_allclose(found.recall[:, order], run.eval["recall"], rtol=0, atol=1e-12)


def random_labels(rng, *, images=4, classes=3, labels=25, predictions=40, digits=0):
    """Labels and results with crowds, ties, doubles, empty images and empty classes."""

    def box():
        return (
            np.round(rng.uniform(0, 140, 2), digits).tolist()
            + np.round(rng.uniform(1, 130, 2) ** rng.choice([0.5, 1]), digits).tolist()
        )

    # Ids that are neither dense nor rising: the order of the ids is not that of the file.
    image_ids = (rng.permutation(9 * images)[:images] + 1).tolist()
    class_ids = (rng.permutation(9 * classes)[:classes] + 1).tolist()
    rows = []
    for k in range(labels):
        b = box()
        rows.append(
            {
                "id": k + 1,
                "image_id": int(rng.choice(image_ids)),
                "category_id": int(rng.choice(class_ids)),
                "bbox": b,
                "area": float(np.round(b[2] * b[3] * rng.uniform(0.3, 1), 3)),
                "iscrowd": int(rng.random() < 0.12),
            }
        )
    results = []
    for _ in range(predictions):
        if rows and rng.random() < 0.7:
            like = rows[rng.integers(len(rows))]
            move = np.round(rng.normal(0, rng.choice([0, 2, 9]), 4), digits)
            b = np.maximum(np.array(like["bbox"]) + move, [0, 0, 1, 1]).tolist()
            image, kind = like["image_id"], like["category_id"]
        else:
            b, image, kind = box(), int(rng.choice(image_ids)), int(rng.choice(class_ids))
        score = float(np.round(rng.random(), rng.choice([1, 3])))
        results.append({"image_id": image, "category_id": kind, "bbox": b, "score": score})
    text = {
        "images": [
            {"id": i, "file_name": f"{i}.jpg", "width": 300, "height": 300} for i in image_ids
        ],
        "annotations": rows,
        "categories": [{"id": i, "name": f"class {i}"} for i in class_ids],
    }
    return text, results
