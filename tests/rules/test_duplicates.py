"""FL5: the same picture more than once."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from fastlabel.config import Config
from fastlabel.rules import run

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

    @pytest.mark.parametrize(
        "texts",
        [
            ["a" * 32, "b" * 32, "a" * 32, None, "b" * 31 + "c", "a" * 32],
            ["a", "bb", "a", None, "", ""],
            ["12345678", "12345679", "12345678"],
            [],
            [None, None],
        ],
    )
    def test_texts_that_may_be_equal_include_all_that_are(self, texts):
        from fastlabel.rules.duplicates import _maybe_equal

        column = pa.array(["x" * 32, *texts, "x" * 32], pa.string()).slice(1, len(texts))
        rows = _maybe_equal(column).tolist()
        equal = {i for i, t in enumerate(texts) if t is not None and texts.count(t) > 1}
        assert equal <= set(rows) <= {i for i, t in enumerate(texts) if t is not None}


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

    def test_random_copies_agree_as_far_as_a_loop_over_pairs_says(self, build):
        rng = np.random.default_rng(5)
        b, copies = build(), []
        for group in range(60):
            n = int(rng.integers(0, 5))
            boxes, classes = rng.uniform(20, 300, (n, 2)), rng.integers(0, 2, n)
            members = []
            for _ in range(int(rng.integers(2, 5))):
                i = b.image(content_hash=f"{group:032x}", split="train")
                order = rng.permutation(n)
                jitter = rng.choice([0.0, 0.0, 1.0, 30.0])
                drawn = []
                for at in order[: n - int(rng.random() < 0.2)].tolist():
                    x, y = boxes[at] + rng.uniform(-jitter, jitter, 2)
                    c = int(classes[at]) ^ int(rng.random() < 0.05)
                    b.box(i, x, y, x + 60, y + 40, category=f"class {c}")
                    drawn.append((c, x, y, x + 60, y + 40))
                members.append((i, drawn))
            copies.append(members)
        found = {r["image_id"]: r["value"] for r in b.run("FL504")}
        wanted = {}
        for (first, left), *others in copies:
            least = min(_lowest(left, right) for _, right in others)
            if least < 0.95:
                wanted[first] = least
        assert 10 < len(wanted) < 60
        assert found == pytest.approx(wanted)


def _lowest(left, right):
    """Lowest IoU of boxes paired within their class from the highest IoU down."""
    if sorted(c for c, *_ in left) != sorted(c for c, *_ in right):
        return 0.0

    def iou(p, q):
        w = min(p[3], q[3]) - max(p[1], q[1])
        h = min(p[4], q[4]) - max(p[2], q[2])
        common = max(w, 0) * max(h, 0)
        return common / (2 * 60 * 40 - common) if p[0] == q[0] else -1.0

    left, right, lowest = list(left), list(right), 1.0
    while left:
        best, p, q = max((iou(p, q), p, q) for p in left for q in right)
        lowest = min(lowest, best)
        left.remove(p)
        right.remove(q)
    return lowest


class TestNearDuplicate:
    def test_one_finding_for_a_cluster_on_its_first_image(self, build):
        b = build()
        b.image(phash=0xFFFF_0000_0000_0000)
        ids = [b.image(f"{n}.jpg", phash=h) for n, h in zip("abc", (0, 0b1111, 0xFF), strict=True)]
        (row,) = b.run("FL502")
        assert (row["image_id"], row["severity"]) == (ids[0], "warning")
        assert row["evidence"]["related_images"] == ids[1:]
        assert (row["value"], row["threshold"]) == (4, 6)
        assert row["score"] == pytest.approx(1 - 4 / 14)
        assert row["evidence"]["diameter"] == 8
        assert "in steps of at most 4 bits, the farthest two 8 apart" in row["message"]

    @pytest.mark.parametrize(("apart", "found"), [(0, 1), (6, 1), (7, 0)])
    def test_the_distance_is_a_setting(self, build, apart, found):
        b = build()
        b.image(phash=0)
        b.image(phash=(1 << apart) - 1)
        assert len(b.run("FL502")) == found
        b.config = Config(rules={"FL502": {"distance": apart}})
        assert len(b.run("FL502")) == 1

    def test_copies_to_the_last_byte_are_no_near_copies(self, build):
        b = build()
        b.image(phash=7, **SAME)
        b.image(phash=7, **SAME)
        assert b.run("FL502") == []
        other = b.image(phash=7)
        (row,) = b.run("FL502")
        assert row["evidence"]["related_images"] == [1, other]
        assert row["evidence"]["files"] == 2

    @pytest.mark.parametrize(
        "columns",
        [
            {"luma_std": 4.9},
            {"entropy": 1.4},
            {"status": "truncated"},
            {"status": "unreadable", "luma_mean": None},
            {"phash": None},
        ],
    )
    def test_what_cannot_be_judged(self, build, columns):
        b = build()
        for _ in range(3):
            b.image(**{"phash": 7, **columns})
        assert b.run("FL502") == []
        measured = columns.get("status", "ok") == "ok"
        context = b.context()
        run(context, select=["FL502"])
        assert context.unjudged.get("FL502", 0) == (3 if measured else 0)

    def test_a_film_is_one_finding(self, build):
        b = build()
        for k in range(1500):
            b.image(phash=k ^ (k >> 1), split=("train", "val")[k // 750])
        near, leak = b.run("FL502", "FL503")
        assert near["evidence"]["members"] == 1500
        assert len(near["evidence"]["related_images"]) == 1000
        assert (leak["code"], leak["severity"], leak["value"]) == ("FL503", "warning", 1)


class TestNearLeak:
    def test_near_copies_across_splits_are_a_warning(self, build):
        b = build()
        b.image("a.jpg", phash=0, split="train")
        b.image("b.jpg", phash=0b11, split="val")
        b.image("c.jpg", phash=0b1111, split="train")
        (row,) = b.run("FL503")
        assert (row["severity"], row["value"], row["suggestion"]) == ("warning", 2, "split")
        assert row["evidence"]["splits"] == ["train", "val"]
        assert row["evidence"]["near"]

    def test_exact_copies_across_splits_stay_an_error_of_their_own(self, build):
        b = build()
        b.image(phash=7, split="train", **SAME)
        b.image(phash=7, split="val", **SAME)
        (row,) = b.run("FL503")
        assert row["severity"] == "error"

    def test_within_one_split_nothing_leaks(self, build):
        b = build()
        for split in ("train", "train", None):
            b.image(phash=7, split=split)
        assert b.run("FL503") == []

    def test_many_members_are_searched_by_neighbours(self, build, monkeypatch):
        b = build()
        for k in range(60):
            b.image(phash=k ^ (k >> 1), split="train" if k < 30 else "val")
        (few,) = b.run("FL503")
        monkeypatch.setattr("fastlabel.rules.duplicates.COMPARED", 10)
        (many,) = b.run("FL503")
        assert few["value"] == many["value"] == 1
