"""FL5: the same picture more than once."""

from __future__ import annotations

import pytest

SAME = {"content_hash": "ab" * 16, "bytes": 1000}


class TestExactDuplicate:
    def test_one_finding_for_a_group_on_its_first_image(self, build):
        b = build("images")
        b.image("a.jpg")
        ids = [b.image(f"{n}.jpg", state="unlabelled", **SAME) for n in "bcdefg"]
        (row,) = b.run("FL501")
        assert (row["image_id"], row["severity"], row["value"]) == (ids[0], "warning", 6)
        assert row["evidence"]["related_images"] == ids[1:]
        assert '"c.jpg", "d.jpg", "e.jpg" and 2 more' in row["message"]

    def test_hash_and_size_must_both_agree(self, build):
        b = build()
        b.image(content_hash="aa" * 16, bytes=10)
        b.image(content_hash="aa" * 16, bytes=11)
        b.image(content_hash="bb" * 16, bytes=10)
        b.image(content_hash=None, bytes=10)
        b.image(content_hash=None, bytes=10)
        assert b.run("FL501") == []

    def test_groups_are_kept_apart(self, build):
        b = build()
        firsts = []
        for k in range(3):
            firsts.append(b.image(content_hash=f"{k}f" * 16))
        for k in range(3):
            b.image(content_hash=f"{k}f" * 16)
        assert [r["image_id"] for r in b.run("FL501")] == firsts

    def test_one_file_listed_twice_says_so(self, build):
        b = build()
        b.image("a.jpg", **SAME)
        b.image("a.jpg", **SAME)
        (row,) = b.run("FL501")
        assert "listed 2 times" in row["message"]


class TestCrossSplit:
    @pytest.mark.parametrize(
        ("splits", "found"),
        [
            (("train", "val"), True),
            (("train", "train"), False),
            (("train", None), False),
            ((None, None), False),
            (("train", "train", "test"), True),
            (("test", None, "val"), True),
        ],
    )
    def test_groups_that_span_splits(self, build, splits, found):
        b = build()
        ids = [b.image(split=s, **SAME) for s in splits]
        rows = b.run("FL503")
        assert [(r["image_id"], r["severity"]) for r in rows] == [(ids[0], "error")] * found
        if found:
            assert rows[0]["evidence"]["splits"] == sorted({s for s in splits if s})
        assert len(b.run("FL501")) == 1


class TestDifferentLabels:
    def pair(self, build, left, right, states=("labelled", "labelled")):
        b = build()
        for boxes, state in zip((left, right), states, strict=True):
            i = b.image(state=state, **SAME)
            for *corners, category in boxes:
                b.box(i, *corners, category=category)
        return b.run("FL504")

    A = (0, 0, 100, 100, "cat")
    B = (200, 0, 300, 100, "cat")

    def test_equal_labels_in_another_order_agree(self, build):
        assert self.pair(build, [self.A, self.B], [self.B, self.A]) == []

    @pytest.mark.parametrize(("x2", "found"), [(100, False), (95, False), (94.9, True), (80, True)])
    def test_the_lowest_iou_of_partners(self, build, x2, found):
        rows = self.pair(build, [self.A, self.B], [(0, 0, x2, 100, "cat"), self.B])
        assert len(rows) == found
        if found:
            assert rows[0]["severity"] == "error"
            assert rows[0]["value"] == pytest.approx(x2 / 100)
            assert rows[0]["threshold"] == 0.95
            assert rows[0]["evidence"]["related_images"] == [1]

    @pytest.mark.parametrize(
        "right",
        [
            [],
            [A, B],
            [(0, 0, 100, 100, "dog")],
            [(500, 300, 600, 400, "cat")],
        ],
    )
    def test_number_class_and_place(self, build, right):
        (row,) = self.pair(build, [self.A], right)
        assert row["value"] == 0.0

    def test_a_checked_negative_against_boxes(self, build):
        (row,) = self.pair(build, [self.A], [], ("labelled", "labelled_empty"))
        assert row["value"] == 0.0

    def test_images_without_labels_say_nothing(self, build):
        assert self.pair(build, [self.A], [], ("labelled", "missing")) == []

    def test_partners_are_found_although_sorting_parts_them(self, build):
        # Sorted by corners the two lists pair crosswise; by IoU they pair rightly.
        left = [(0, 0, 100, 100, "cat"), (1, 300, 101, 400, "cat")]
        right = [(2, 0, 102, 100, "cat"), (0, 300, 100, 400, "cat")]
        assert self.pair(build, left, right) == []

    def test_equal_degenerate_boxes_agree(self, build):
        left = [(5, 5, 5, 5, "cat"), self.B]
        right = [(5, 5, 5, 5, "cat"), (201, 0, 300, 100, "cat")]
        assert self.pair(build, left, right) == []

    def test_each_member_is_compared_with_the_first(self, build):
        b = build()
        for x2 in (100, 100, 60):
            b.box(b.image(**SAME), 0, 0, x2, 100)
        (row,) = b.run("FL504")
        assert (row["image_id"], row["value"]) == (0, pytest.approx(0.6))
        assert '"images/0002.jpg"' in row["message"]
