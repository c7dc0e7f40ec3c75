"""Labels against predictions at scale: seconds of the FL7 rules, and of ObjectLab a label.

    python benchmarks/fl7_scale.py [--images 100000] [--workers 2] [--objectlab 200]

The set is drawn: 10 labels an image of 20 classes, boxes of 12 to 200 px, one label in a hundred
wrong; 20 predictions an image by ``detector_noise``, which is made on 2,000 images and repeated.
Timed is all from the tables to the findings: best of three. ObjectLab is timed on the first images
of the same set, with its own score alone, and needs cleanlab on the path. Both are compared by
seconds of CPU, of all threads, so that what else the machine does tells less.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from detector_noise import Detector, detect

import fastlabel as fl
from fastlabel import rules, schema
from fastlabel.rules import opinion

CLASSES, EACH, SIDE, DRAWN = 20, 10, 1000, 2000


def make(images: int, seed: int = 1) -> tuple[Any, Any]:
    """A data set and predictions of it, each image of the first 2,000 many times over."""
    rng = np.random.default_rng(seed)
    drawn = min(images, DRAWN)
    n = drawn * EACH
    image = np.repeat(np.arange(drawn), EACH)
    side = np.exp(rng.uniform(np.log(12), np.log(200), (n, 2)))
    corner = rng.random((n, 2)) * (SIDE - side)
    boxes = np.concatenate([corner, corner + side], 1).round(1)
    category = rng.integers(0, CLASSES, n)
    sizes = np.full((drawn, 2), SIDE)
    detector = Detector(false_alarms=1.4, high_alarms=0.03, floor=0.01)
    d = detect(image, category, boxes, sizes, CLASSES, seed=seed, detector=detector)
    wrong = rng.random(n)
    category = np.where(wrong < 0.004, (category + 1) % CLASSES, category)
    boxes[(wrong > 0.004) & (wrong < 0.008)] += 15.0
    keep = wrong < 0.996
    image, category, boxes = image[keep], category[keep], boxes[keep]
    times = -(-images // drawn)

    def over(values: Any, ids: Any) -> Any:
        copies = np.concatenate([values + k * drawn for k in range(times)])
        return copies[np.concatenate([ids + k * drawn for k in range(times)]) < images]

    def again(values: Any, ids: Any) -> Any:
        copies = np.concatenate([values] * times)
        return copies[np.concatenate([ids + k * drawn for k in range(times)]) < images]

    ds = _dataset(images, over(image, image), again(category, image), again(boxes, image))
    of = over(d.image_id, d.image_id)
    rest = (again(v, d.image_id) for v in (d.category_id, d.boxes, d.scores))
    return ds, fl.Predictions.from_arrays(ds, of, *rest)


def _dataset(images: int, image: Any, category: Any, boxes: Any) -> Any:
    def table(wanted: pa.Schema, rows: int, **columns: Any) -> pa.Table:
        return pa.table(
            {
                f.name: pa.array(columns[f.name], f.type)
                if f.name in columns
                else pa.nulls(rows, f.type)
                for f in wanted
            },
            schema=wanted,
        )

    numbers = np.arange(images)
    names = pa.array(numbers).cast(pa.string())
    corners = {c: np.ascontiguousarray(boxes[:, k]) for k, c in enumerate(("x1", "y1", "x2", "y2"))}
    size = np.full(images, SIDE, np.int32)
    return fl.Dataset(
        table(
            schema.IMAGES,
            images,
            image_id=numbers,
            file_name=names,
            path=names,
            width=size,
            height=size,
            label_state=np.repeat("labelled", images),
        ),
        table(
            schema.ANNOTATIONS,
            len(image),
            annotation_id=np.arange(len(image)),
            image_id=image,
            category_id=category.astype(np.int32),
            **corners,
        ),
        table(
            schema.CATEGORIES,
            CLASSES,
            category_id=np.arange(CLASSES),
            name=[f"class {k}" for k in range(CLASSES)],
        ),
        schema.PROBLEMS.empty_table(),
        Path(),
        "coco",
    )


def quality_seconds(ds: Any, said: Any) -> float:
    """CPU seconds of what ObjectLab gives too: scores of labels and images."""
    began = time.process_time()
    fl.label_quality(ds, said)
    return time.process_time() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=100_000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--objectlab", type=int, default=0, metavar="IMAGES")
    parser.add_argument("--repeat", type=int, default=3)
    options = parser.parse_args()
    ds, said = make(options.images)
    n = ds.annotations.num_rows
    print(f"{len(ds):,} images, {n:,} labels, {len(said):,} predictions, {options.workers} workers")

    def judge(ds: Any, said: Any) -> tuple[float, float, int]:
        began, cpu = time.perf_counter(), time.process_time()
        context = rules.Context(
            ds, schema.IMAGE_STATS.empty_table(), predictions=said, workers=options.workers
        )
        found = rules.run(context, select="FL7")
        return time.perf_counter() - began, time.process_time() - cpu, found.num_rows

    runs = [judge(ds, said) for _ in range(options.repeat)]
    wall, rows = min(run[0] for run in runs), runs[0][2]
    cpu = min(run[1] for run in runs)
    print(
        f"FL7: {wall:.2f} s ({cpu:.2f} s of CPU), {rows:,} findings, "
        f"{wall / n * 1e6:.2f} us a label"
    )
    began = time.perf_counter()
    opinion.opinion(rules.Context(ds, schema.IMAGE_STATS.empty_table(), predictions=said))
    print(f"of it the probabilities: {time.perf_counter() - began:.2f} s")
    if options.objectlab:
        from objectlab import objectlab_seconds

        ds, said = make(options.objectlab)
        some = ds.annotations.num_rows
        ours = min(quality_seconds(ds, said) for _ in range(5)) / some
        theirs = min(objectlab_seconds(ds, said) for _ in range(2)) / some
        print(
            f"CPU a label on {len(ds):,} images, {some:,} labels: label_quality "
            f"{ours * 1e6:.2f} us, ObjectLab {theirs * 1e6:.1f} us, {theirs / ours:.0f}x; FL7 with "
            f"its findings on the whole set {cpu / n * 1e6:.2f} us, {theirs / (cpu / n):.0f}x"
        )


if __name__ == "__main__":
    main()
