"""Class by size by ratio of a data set's boxes, by split: what the tables are for."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from fastlabel.dataset import Dataset
from fastlabel.schema import ANNOTATIONS, CATEGORIES, IMAGES, PROBLEMS
from fastlabel.tables import Category, GroupedStats, Histogram, Log


def made_set(root):
    splits = ["train", "val", "train", None]
    images = pa.Table.from_pylist(
        [{"image_id": k, "split": split} for k, split in enumerate(splits)], schema=IMAGES
    )
    rng = np.random.default_rng(3)
    rows = []
    for k in range(400):
        x, y = rng.uniform(0, 500, 2)
        w, h = rng.lognormal(3, 1, 2)
        row = {"annotation_id": k, "image_id": int(rng.integers(0, 4)), "x1": x, "y1": y}
        row |= {"x2": x + w, "y2": y + h, "category_id": int(rng.integers(0, 3))}
        if k % 50 == 0:
            row |= {"category_id": None, "x2": None}
        rows.append(row)
    annotations = pa.Table.from_pylist(rows, schema=ANNOTATIONS)
    names = [{"category_id": k, "name": name} for k, name in enumerate(("car", "cup", "cat"))]
    categories = pa.Table.from_pylist(names, schema=CATEGORIES)
    problems = PROBLEMS.empty_table()
    return Dataset(images, annotations, categories, problems, root, "coco")


def test_boxes_by_split_class_size_and_ratio(tmp_path):
    ds = made_set(tmp_path)
    named = ds.with_images_named()
    x1, y1, x2, y2 = (ds.column("annotations", c) for c in ("x1", "y1", "x2", "y2"))
    unknown = ds.annotations["x2"].is_null().to_numpy()
    w, h = np.where(unknown, np.nan, x2 - x1), y2 - y1
    size, ratio = np.sqrt(w * h), h / w
    axes = (
        Category(["train", "val"], name="split"),
        Category(ds.categories["name"].to_pylist(), name="class"),
        Log(8, 1, 256, name="size"),
        Log(6, 1 / 8, 8, name="ratio"),
    )
    shapes = Histogram(*axes).fill(named["split"], named["category"], size, ratio)
    assert shapes.total == 400
    assert shapes.outside()["class"] == {"unknown": 8}
    assert shapes.outside()["size"]["unknown"] == 8
    split = np.array([s or "" for s in named["split"].to_pylist()])
    kind = ds.annotations["category_id"].fill_null(-1).to_numpy()
    for i, name in enumerate(("train", "val")):
        for k in range(3):
            rows = (split == name) & (kind == k)
            bins = axes[2].edges, axes[3].edges
            expected = np.histogram2d(size[rows], ratio[rows], bins)[0]
            assert shapes.counts()[i, k].tolist() == expected.tolist()
    # By image, as a cluster's workers would see it: the same, bit for bit.
    parts = []
    for image in range(4):
        rows = ds.column("annotations", "image_id") == image
        piece = named.filter(pa.array(rows))
        columns = (piece["split"], piece["category"], size[rows], ratio[rows])
        parts.append(Histogram(*axes).fill(*columns))
    assert parts[2] + parts[0] + parts[3] + parts[1] == shapes
    stats = GroupedStats(axes[0], axes[1], values=["size"]).fill(
        named["split"], named["category"], size
    )
    rows = (split == "val") & (kind == 2)
    assert stats.count("size")[1, 2] == rows.sum()
    assert abs(stats.mean("size")[1, 2] - size[rows].mean()) < 1e-12
