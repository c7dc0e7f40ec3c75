"""``fl.evaluate`` beside pycocotools: the same labels and predictions, equal numbers, the time.

    python benchmarks/evaluate.py [--images 4000] [--coco-100 FOLDER] [--repeat 5]

Both start from what they keep in memory: tables of a data set and of predictions here, the
indexed ``COCO`` objects of labels and results there. Timed is all up to the twelve figures:
``COCOeval.evaluate``, ``accumulate`` and ``summarize``.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

import fastlabel as fl


def made_set(images: int, classes: int, seed: int) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """COCO labels and results like a detector's: ten labels and twenty predictions an image."""
    rng = np.random.default_rng(seed)
    n = 10 * images
    image = np.sort(rng.integers(0, images, n))
    side = np.exp(rng.normal(3.8, 1.0, (n, 2))).clip(4, 400)
    corner = rng.uniform(0, 1, (n, 2)) * (640 - side)
    boxes = np.round(np.concatenate([corner, side], axis=1), 2)
    # Few frequent classes and many rare ones.
    kind = np.minimum(rng.zipf(1.3, n) - 1, classes - 1) % classes
    labels = [
        {
            "id": k + 1,
            "image_id": int(image[k]) + 1,
            "category_id": int(kind[k]) + 1,
            "bbox": boxes[k].tolist(),
            "area": float(boxes[k, 2] * boxes[k, 3]),
            "iscrowd": int(rng.random() < 0.01),
        }
        for k in range(n)
    ]
    like = np.sort(rng.integers(0, n, 2 * n))
    spread = boxes[like, 2:].mean(axis=1, keepdims=True)
    off = rng.normal(0, 1, (2 * n, 4)) * spread * rng.choice([0.03, 0.1, 0.6], (2 * n, 1))
    said = np.round(boxes[like] + off, 2)
    said[:, 2:] = np.maximum(said[:, 2:], 1)
    score = np.round(rng.beta(1, 2, 2 * n), 5)
    results = [
        {
            "image_id": labels[g]["image_id"],
            "category_id": labels[g]["category_id"],
            "bbox": said[k].tolist(),
            "score": float(score[k]),
        }
        for k, g in enumerate(like.tolist())
    ]
    text = {
        "images": [
            {"id": i + 1, "file_name": f"{i}.jpg", "width": 640, "height": 640}
            for i in range(images)
        ],
        "annotations": labels,
        "categories": [{"id": k + 1, "name": f"class {k}"} for k in range(classes)],
    }
    return text, results


def ours(dataset: fl.Dataset, predictions: fl.Predictions, workers: int) -> tuple[float, Any]:
    """Seconds, and the evaluation."""
    start = time.perf_counter()
    found = fl.evaluate(dataset, predictions, workers=workers)
    _ = found.stats
    return time.perf_counter() - start, found


def theirs(truth: Any, said: Any) -> tuple[float, Any]:
    """Seconds, and the run of pycocotools."""
    from pycocotools.cocoeval import COCOeval

    with contextlib.redirect_stdout(io.StringIO()):
        start = time.perf_counter()
        run = COCOeval(truth, said, "bbox")
        run.evaluate()
        run.accumulate()
        run.summarize()
        return time.perf_counter() - start, run


def compare(name: str, labels: Path, results: Path, repeat: int) -> None:
    """Print both times, the least of some runs in turn, and how far the numbers are apart."""
    from pycocotools.coco import COCO

    dataset = fl.read(labels)
    predictions = fl.read_predictions(results, dataset)
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO(str(labels))
        said = truth.loadRes(str(results))
    times: dict[str, list[float]] = {"1": [], "2": [], "peer": []}
    for _ in range(repeat):
        for workers in (1, 2):
            seconds, found = ours(dataset, predictions, workers)
            times[str(workers)].append(seconds)
        seconds, run = theirs(truth, said)
        times["peer"].append(seconds)
    apart = max(
        float(np.abs(found.precision - run.eval["precision"]).max()),
        float(np.abs(found.recall - run.eval["recall"]).max()),
        float(np.abs(np.array(list(found.stats.values())) - run.stats).max()),
    )
    least = {key: min(values) for key, values in times.items()}
    print(
        f"{name}: {dataset.annotations.num_rows:,} labels, {len(predictions):,} predictions, "
        f"{dataset.categories.num_rows} classes\n"
        f"  fastlabel   {least['1']:.4f} s on one worker, {least['2']:.4f} s on two\n"
        f"  pycocotools {least['peer']:.4f} s: {least['peer'] / least['1']:.0f} times and "
        f"{least['peer'] / least['2']:.0f} times\n"
        f"  largest difference of any number: {apart:.1e}"
    )
    print("  " + "  ".join(f"{key} {value:.3f}" for key, value in found.stats.items()))


def main() -> None:
    """Run both comparisons."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=4000)
    parser.add_argument("--classes", type=int, default=80)
    parser.add_argument("--coco-100", type=Path, help="folder of instances_val2014_100.json")
    parser.add_argument("--repeat", type=int, default=5)
    options = parser.parse_args()
    if options.coco_100 is not None:
        folder = options.coco_100
        compare(
            "COCO-100",
            folder / "instances_val2014_100.json",
            folder / "instances_val2014_fakebbox100_results.json",
            options.repeat,
        )
    with tempfile.TemporaryDirectory() as scratch:
        labels, results = made_set(options.images, options.classes, seed=0)
        files = Path(scratch, "labels.json"), Path(scratch, "results.json")
        for file, content in zip(files, (labels, results), strict=True):
            file.write_text(json.dumps(content))
        compare(f"made, {options.images:,} images", *files, options.repeat)


if __name__ == "__main__":
    main()
