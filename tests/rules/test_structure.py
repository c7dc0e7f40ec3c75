"""FL1: what the labels say about themselves."""

from __future__ import annotations

import pytest


def test_only_a_missing_record_is_a_missing_label(build):
    b = build("yolo")
    for state in ("labelled", "labelled_empty", "unlabelled"):
        b.image(state=state)
    i = b.image("lonely.jpg", state="missing")
    (row,) = b.run("FL101")
    assert (row["image_id"], row["severity"], row["suggestion"]) == (i, "warning", "relabel")
    assert row["evidence"] == {"file": "lonely.jpg"}


class TestUnknownCategory:
    def test_a_problem_and_its_row_are_one_finding(self, build):
        b = build("yolo")
        i = b.image()
        b.box(i, 0, 0, 9, 9)
        a = b.box(i, 0, 0, 9, 9, category=None, source_category="7")
        b.problem("unknown-category", image_id=i, annotation_id=a, file="x.txt", line=2, value="7")
        (row,) = b.run("FL102")
        assert (row["annotation_id"], row["image_id"], row["severity"]) == (a, i, "error")
        assert row["evidence"]["line"] == 2
        assert "7" in row["message"]

    def test_a_row_that_nobody_told_of_is_found_too(self, build):
        b = build("coco")
        i = b.image()
        a = b.box(i, 0, 0, 9, 9, category=None, source_category="42")
        (row,) = b.run("FL102")
        assert row["annotation_id"] == a
        assert row["evidence"]["pointer"] == "/annotations/0"
        assert '"42"' in row["message"]

    def test_known_classes_are_fine(self, build):
        b = build()
        b.box(b.image(), 0, 0, 9, 9)
        assert b.run("FL102") == []


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        ("duplicate-id", "FL103"),
        ("shared-label", "FL103"),
        ("malformed-row", "FL105"),
        ("malformed-file", "FL105"),
        ("refused", "FL105"),
        ("class-count", "FL105"),
        ("boxes-and-polygons", "FL106"),
        ("orphan-annotation", "FL107"),
    ],
)
@pytest.mark.parametrize("message", ["the reader's words; do this", None])
def test_each_kind_of_problem_is_one_error_of_its_rule(build, kind, code, message):
    b = build("yolo")
    b.image()
    b.problem(kind, file="l.txt", line=4, value="x\ny", message=message)
    rows = b.run("FL1")
    assert [(r["code"], r["severity"]) for r in rows] == [(code, "error")]
    assert rows[0]["evidence"]["file"] == "l.txt"
    assert rows[0]["evidence"]["line"] == 4
    assert rows[0]["evidence"]["problem"] == kind
    wanted = "the reader's words; do this." if message else '"x y"'
    assert wanted in rows[0]["message"]


def test_a_set_without_problems_has_none(build):
    b = build()
    b.box(b.image(), 0, 0, 9, 9)
    assert b.run("FL103", "FL105", "FL106", "FL107") == []


class TestSizeMismatch:
    @pytest.mark.parametrize(
        ("declared", "stored", "orientation", "source", "found"),
        [
            ((640, 480), (640, 480), 1, "declared", False),
            ((640, 480), (641, 480), 1, "declared", True),
            ((640, 480), (480, 640), 1, "declared", True),
            ((640, 480), (480, 640), 6, "declared", False),  # FL007's
            ((640, 480), (480, 640), 3, "declared", True),  # 3 does not swap the sides
            ((640, 480), (100, 100), 6, "declared", True),
            ((640, 480), (641, 480), 1, "decoded", False),
            ((640, 480), (None, None), 1, "declared", False),
            ((None, None), (640, 480), 1, "declared", False),
            ((0, 0), (640, 480), 1, "declared", False),
        ],
    )
    def test_against_the_picture(self, build, declared, stored, orientation, source, found):
        b = build("voc")
        b.image(width=declared[0], height=declared[1], size_source=source, orientation=orientation)
        b.image_stats[0].update(width=stored[0], height=stored[1])
        rows = b.run("FL104")
        assert len(rows) == found
        if found:
            assert rows[0]["severity"] == "error"
            assert rows[0]["evidence"]["decoded"] == list(stored)
            swapped = declared == stored[::-1] and orientation == 1
            assert ("swapped" in rows[0]["message"]) == (swapped or orientation == 3)


class TestMixedSegmentation:
    def test_coco_images_with_and_without_polygons(self, build):
        b = build("coco")
        both, boxes, polygons, crowd = (b.image() for _ in range(4))
        b.box(both, 0, 0, 9, 9, segmentation="[[0,0,9,0,9,9]]")
        b.box(both, 20, 0, 29, 9, segmentation=" [] ")
        b.box(both, 40, 0, 49, 9)
        b.box(boxes, 0, 0, 9, 9, segmentation="[[]]")
        b.box(boxes, 20, 0, 29, 9)
        b.box(polygons, 0, 0, 9, 9, segmentation="[[0,0,9,0,9,9]]")
        b.box(crowd, 0, 0, 9, 9)
        b.box(crowd, 20, 0, 29, 9, segmentation='{"counts": [1]}', crowd=True)
        (row,) = b.run("FL106")
        assert (row["image_id"], row["severity"]) == (both, "warning")
        assert "2 objects without and 1 with" in row["message"]

    def test_only_coco_is_asked(self, build):
        b = build("voc")
        i = b.image()
        b.box(i, 0, 0, 9, 9, segmentation="[[0,0,9,0,9,9]]")
        b.box(i, 20, 0, 29, 9)
        assert b.run("FL106") == []


def test_unused_category_is_named_and_used_ones_are_not(build):
    b = build()
    b.box(b.image(), 0, 0, 9, 9, category="used")
    b.category("never\x1b[31m")
    (row,) = b.run("FL108")
    assert (row["severity"], row["image_id"]) == ("info", None)
    assert '"never [31m"' in row["message"]
    assert row["evidence"]["category"] == "never\x1b[31m"
