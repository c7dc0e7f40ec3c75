"""Writers: what is written and read again is the same, and what cannot be is told."""

from __future__ import annotations

import pytest
from format_sets import coco
from writing import CARRIED, same, there_and_back

import fastlabel as fl

FORMATS = ("coco", "yolo", "voc")


def a_set(write):
    """Two splits, the same name in both, an empty image, an ignore region, weights."""
    extra = {"id": 9, "image_id": 1, "category_id": 2, "bbox": [1, 2, 3.5, 4.25]}
    ignored = {**extra, "id": 10, "bbox": [50, 40, 20, 20], "ignore": 1, "iscrowd": 0}
    return write(
        {
            "images/train/a.jpg": (100, 80),
            "images/train/empty.jpg": (100, 80),
            "images/val/a.jpg": (100, 80),
            "annotations/instances_train.json": coco(
                [(1, "images/train/a.jpg"), (2, "images/train/empty.jpg")],
                [
                    (1, 1, [10, 20, 30, 40]),
                    {**extra, "weight": 0.3, "occlusion": 2, "truncated": 0.25, "difficult": 1},
                    ignored,
                ],
            ),
            "annotations/instances_val.json": coco(
                [(1, "images/val/a.jpg")], [(1, 2, [0, 0, 100, 80]), (1, 1, [-5, -3.5, 7.1, 9.3])]
            ),
        }
    )


@pytest.mark.parametrize("format", FORMATS)
def test_it_reads_back(write, tmp_path, format):
    source = fl.read(a_set(write))
    given, back, report = there_and_back(source, tmp_path / "new", format)
    assert back.format == format
    same(back, given, CARRIED, within=1e-12 if format == "yolo" else 0)
    assert back.problems.num_rows == 0
    assert (report.images, report.annotations) == (3, 5)
    assert report.written + report.beside == 5
    assert report.beside == (1 if format == "yolo" else 0)
