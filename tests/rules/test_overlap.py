"""FL204 and FL205: pairs of boxes, against brute force."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from fastlabel import schema
from fastlabel.dataset import Dataset
from fastlabel.rules import Context, overlap, run


def iou(a, b):
    w = min(a[2], b[2]) - max(a[0], b[0])
    h = min(a[3], b[3]) - max(a[1], b[1])
    common = max(w, 0) * max(h, 0)
    return common / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - common)


class TestDuplicateBox:
    @pytest.mark.parametrize(
        ("second", "found"),
        [
            ((100, 100, 200, 200), True),
            ((100, 100, 200, 180), True),  # border: IoU is 0.8
            ((100, 100, 200, 179), False),
            ((300, 100, 400, 200), False),
        ],
    )
    def test_the_limit(self, build, second, found):
        b = build()
        i = b.image()
        first = b.box(i, 100, 100, 200, 200)
        later = b.box(i, *second)
        rows = b.run("FL204")
        assert [r["annotation_id"] for r in rows] == [later] * found
        if found:
            assert rows[0]["severity"] == "warning"
            assert rows[0]["evidence"]["related_annotations"] == [first]
            assert rows[0]["value"] == pytest.approx(iou((100, 100, 200, 200), second))
            assert rows[0]["threshold"] == 0.8

    @pytest.mark.parametrize(
        ("second", "found"),
        [
            ((1, 1, 10, 10), True),  # one pixel off on two sides of 9: IoU 0.65
            ((1, 1, 7, 7), False),  # near on two sides only
            ((0, 1.01, 9, 10.01), False),  # IoU 0.80 less a little, a hair over one pixel
        ],
    )
    def test_tiny_boxes_one_pixel_apart(self, build, second, found):
        b = build()
        i = b.image()
        b.box(i, 0, 0, 9, 9)
        b.box(i, *second)
        rows = b.run("FL204")
        assert len(rows) == found
        if found:
            assert rows[0]["threshold"] == 0.6

    def test_other_class_image_crowd_and_ignore_are_exempt(self, build):
        b = build()
        i, j = b.image(), b.image()
        box = (0, 0, 50, 50)
        b.box(i, *box)
        b.box(j, *box)
        b.box(i, *box, category="other")
        b.box(i, *box, crowd=True)
        b.box(i, *box, ignore=True)
        b.box(i, *box, category=None)
        assert b.run("FL204") == []

    def test_of_three_the_second_and_third_are_reported_once(self, build):
        b = build()
        i = b.image()
        ids = [b.box(i, 0, 0, 50, 50) for _ in range(3)]
        rows = b.run("FL204")
        assert [r["annotation_id"] for r in rows] == ids[1:]
        assert all(r["evidence"]["related_annotations"] == [ids[0]] for r in rows)

    def test_rows_need_not_be_sorted_by_image(self, build):
        b = build()
        i, j = b.image(), b.image()
        b.box(j, 0, 0, 50, 50)
        b.box(i, 0, 0, 60, 50)
        later = b.box(j, 0, 0, 50, 49)
        b.box(i, 200, 0, 250, 50)
        (row,) = b.run("FL204")
        assert (row["annotation_id"], row["image_id"]) == (later, j)

    def test_degenerate_boxes_never_pair(self, build):
        b = build()
        i = b.image()
        for _ in range(2):
            b.box(i, 5, 5, 5, 5)
            b.box(i, 30, 30, 20, 20)
            b.box(i, float("nan"), 0, 5, 5)
        assert b.run("FL204", "FL205") == []


@pytest.mark.parametrize(
    ("second", "found"),
    [((0, 0, 100, 85), True), ((0, 0, 100, 84.9), False), ((200, 0, 300, 100), False)],
)
def test_clashing_classes(build, second, found):
    b = build()
    i = b.image()
    first = b.box(i, 0, 0, 100, 100, category="cat")
    later = b.box(i, *second, category="dog")
    rows = b.run("FL205")
    assert [r["annotation_id"] for r in rows] == [later] * found
    if found:
        assert rows[0]["evidence"]["related_annotations"] == [first]
        assert '"dog"' in rows[0]["message"] and '"cat"' in rows[0]["message"]


def test_clashing_classes_exemptions(build):
    b = build()
    i = b.image()
    b.box(i, 0, 0, 100, 100, category="cat")
    b.box(i, 0, 0, 100, 100, category="cat")
    b.box(i, 0, 0, 100, 100, category="dog", crowd=True)
    b.box(i, 0, 0, 100, 100, category="dog", ignore=True)
    b.box(i, 0, 0, 100, 100, category=None)
    assert b.run("FL205") == []


def brute_force(boxes, images, classes):
    """Best earlier partner's IoU of each later box, for FL204 and for FL205."""
    same, other = {}, {}
    for later in range(len(boxes)):
        for earlier in range(later):
            if images[later] != images[earlier]:
                continue
            v = iou(boxes[later], boxes[earlier])
            if classes[later] != classes[earlier]:
                if v >= 0.85:
                    other[later] = max(v, other.get(later, 0))
                continue
            near = np.abs(np.subtract(boxes[later], boxes[earlier])).max() <= 1
            if v >= 0.8 or (v >= 0.6 and near):
                same[later] = max(v, same.get(later, 0))
    return same, other


@pytest.mark.parametrize("max_pairs", [1, 50, overlap.MAX_PAIRS])
def test_agrees_with_brute_force_however_the_work_is_cut(build, monkeypatch, max_pairs):
    monkeypatch.setattr(overlap, "MAX_PAIRS", max_pairs)
    rng = np.random.default_rng(3)
    b = build()
    images = [b.image() for _ in range(12)]
    boxes, of, classes = [], [], []
    for _ in range(400):
        x, y = rng.integers(0, 4, 2) * 8.0
        w, h = rng.integers(6, 12, 2) + rng.uniform(-0.4, 0.4, 2)
        boxes.append((x, y, x + float(w), y + float(h)))
        of.append(int(rng.choice(images)))
        classes.append(f"c{rng.integers(3)}")
        b.box(of[-1], *boxes[-1], category=classes[-1])
    same, other = brute_force(boxes, of, classes)
    assert len(same) > 20 and len(other) > 20
    for code, wanted in (("FL204", same), ("FL205", other)):
        found = {r["annotation_id"]: r["value"] for r in b.run(code)}
        assert found == pytest.approx(wanted)


def test_a_crowded_image_is_compared_in_blocks_and_finds_its_twins(build, monkeypatch):
    monkeypatch.setattr(overlap, "BLOCK", 64)
    rng = np.random.default_rng(5)
    b = build()
    i = b.image(width=4000, height=4000)
    corners = rng.permutation(np.stack(np.meshgrid(range(30), range(30)), -1).reshape(-1, 2))
    for x, y in (corners * 100.0).tolist():
        b.box(i, x, y, x + 60, y + 60)
    twins = set()
    for x, y in (corners[:200] * 100.0).tolist():
        twins.add(b.box(i, x + 1, y + 1, x + 61, y + 60))
    found = {r["annotation_id"] for r in b.run("FL204")}
    assert found <= twins
    assert len(found) >= 0.97 * len(twins)


@pytest.mark.parametrize("same", [True, False])
def test_a_hundred_thousand_boxes_in_one_image_are_bounded(same):
    n = 100_000
    rng = np.random.default_rng(1)
    xy = np.zeros((n, 2)) if same else rng.uniform(0, 4000, (n, 2))

    def table(wanted, rows, **columns):
        columns = {k: pa.array(v) for k, v in columns.items()}
        return pa.table({f.name: columns.get(f.name, pa.nulls(rows, f.type)) for f in wanted}).cast(
            wanted
        )

    images = table(schema.IMAGES, 1, image_id=[0], width=[4000], height=[4000])
    annotations = table(
        schema.ANNOTATIONS,
        n,
        annotation_id=np.arange(n),
        image_id=np.zeros(n, np.int64),
        category_id=np.zeros(n, np.int32),
        x1=xy[:, 0],
        y1=xy[:, 1],
        x2=xy[:, 0] + 20,
        y2=xy[:, 1] + 20,
    )
    categories = table(schema.CATEGORIES, 1, category_id=[0], name=["thing"])
    ds = Dataset(images, annotations, categories, schema.PROBLEMS.empty_table(), Path(), "coco", {})
    findings = run(Context(ds, schema.IMAGE_STATS.empty_table()), select="FL204,FL205")
    assert findings.num_rows == n - 1 if same else 1000 < findings.num_rows < n
