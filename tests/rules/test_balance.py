"""FL6: what the set as a whole lacks."""

from __future__ import annotations

import pytest

from fastlabel import deploy


class TestClassImbalance:
    @pytest.mark.parametrize(
        ("counts", "found"),
        [
            ({"a": 101, "b": 10}, True),
            ({"a": 100, "b": 10}, False),  # border: exactly ten times
            ({"a": 46, "b": 4}, True),  # border: 50 boxes
            ({"a": 45, "b": 4}, False),
            ({"a": 500}, False),
            ({"a": 60, "b": 0}, False),
        ],
    )
    def test_the_ratio(self, build, counts, found):
        b = build()
        i = b.image()
        for name, n in counts.items():
            b.category(name)
            for _ in range(n):
                b.box(i, 10, 10, 90, 90, category=name)
        rows = b.run("FL601")
        assert [(r["severity"], r["image_id"]) for r in rows] == [("warning", None)] * found
        if found:
            assert rows[0]["value"] == pytest.approx(counts["a"] / counts["b"])
            assert rows[0]["evidence"]["rare"] == {"b": counts["b"]}

    def test_rare_classes_are_named_rarest_first_and_regions_do_not_count(self, build):
        b = build()
        i = b.image()
        for name, n in {"many": 120, "few": 3, "some": 30, "one": 1}.items():
            for _ in range(n):
                b.box(i, 10, 10, 90, 90, category=name)
        for _ in range(50):
            b.box(i, 10, 10, 90, 90, category="one", crowd=True)
        (row,) = b.run("FL601")
        assert list(row["evidence"]["rare"].items()) == [("one", 1), ("few", 3)]
        assert row["message"].index('"one"') < row["message"].index('"few"')
        assert '"some"' not in row["message"]


class TestNoSmallTargets:
    def fill(self, build, small, large, images=20, side=31.9, size=(640, 480), **columns):
        b = build()
        ids = [b.image(width=size[0], height=size[1]) for _ in range(images)]
        for k in range(small):
            b.box(ids[k % images], 10, 10, 10 + side, 10 + side, **columns)
        for k in range(large):
            b.box(ids[k % images], 10, 10, 210, 210)
        return b

    @pytest.mark.parametrize(
        ("small", "large", "images", "found"),
        [(1, 99, 20, True), (2, 98, 20, False), (0, 10, 20, True), (0, 10, 19, False)],
    )
    def test_the_share(self, build, small, large, images, found):
        rows = self.fill(build, small, large, images).run("FL602")
        assert [r["severity"] for r in rows] == ["info"] * found
        if found:
            assert rows[0]["value"] == pytest.approx(small / (small + large))
            assert rows[0]["evidence"] == {"small": small, "targets": small + large}

    def test_32_px_is_not_small(self, build):
        assert len(self.fill(build, 50, 50, side=32.0).run("FL602")) == 1

    def test_small_at_the_input_counts_and_not_in_the_photo(self, build):
        b = self.fill(build, 50, 50, side=60, size=(1280, 960))  # 30 px at 640
        assert b.run("FL602") == []
        b.deploy = deploy.Profile("big", "gpu", 1280, 1280)
        (row,) = b.run("FL602")
        assert row["severity"] == "warning"
        assert "1280 x 1280" in row["message"]

    def test_a_stretch_scales_the_area_by_both_factors(self, build):
        b = self.fill(build, 50, 50, side=60)
        b.deploy = deploy.Profile("s", "mcu", 160, 480, "stretch")  # 15 x 60 = 900
        assert b.run("FL602") == []
        b.deploy = deploy.Profile("s", "mcu", 320, 480, "stretch")  # 30 x 60 = 1800
        assert len(b.run("FL602")) == 1

    def test_ignored_specks_do_not_count_as_small_targets(self, build):
        assert len(self.fill(build, 50, 50, ignore=True).run("FL602")) == 1

    def test_a_set_without_boxes_lacks_labels_and_not_small_ones(self, build):
        assert self.fill(build, 0, 0).run("FL602") == []


@pytest.mark.parametrize(
    ("night", "day", "found"),
    [(0, 20, True), (0, 19, False), (1, 50, True), (1, 49, False), (20, 0, False)],
)
def test_no_night_images(build, night, day, found):
    b = build("images")
    for _ in range(night):
        b.image(luma_mean=59.9, state="unlabelled")
    for _ in range(day):
        b.image(luma_mean=60.0, state="unlabelled")
    b.image(status="unreadable", luma_mean=None, state="unlabelled")
    rows = b.run("FL603")
    assert [(r["severity"], r["image_id"]) for r in rows] == [("info", None)] * found
    if found:
        assert rows[0]["evidence"] == {"night": night, "images": night + day}


@pytest.mark.parametrize(
    ("empty", "labelled", "found"),
    [(0, 20, True), (0, 19, False), (1, 99, False), (1, 100, True), (19, 1, False)],
)
def test_no_negatives(build, empty, labelled, found):
    b = build()
    for _ in range(empty):
        b.image(state="labelled_empty")
    for _ in range(labelled):
        b.image(state="labelled")
    for _ in range(50):
        b.image(state="missing")
    rows = b.run("FL604")
    assert [r["severity"] for r in rows] == ["info"] * found


class TestClassMissingInSplit:
    def test_each_class_and_split(self, build):
        b = build()
        train, val, test = (b.image(split=s) for s in ("train", "val", "test"))
        b.box(train, 0, 0, 9, 9, category="everywhere")
        b.box(val, 0, 0, 9, 9, category="everywhere")
        b.box(test, 0, 0, 9, 9, category="everywhere")
        b.box(train, 0, 0, 9, 9, category="only train")
        b.box(train, 0, 0, 9, 9, category="not test")
        b.box(val, 0, 0, 9, 9, category="not test")
        b.category("nowhere")
        rows = b.run("FL605")
        found = {(r["evidence"]["category"], r["evidence"]["split"]) for r in rows}
        assert found == {("only train", "val"), ("only train", "test"), ("not test", "test")}
        assert {(r["severity"], r["image_id"]) for r in rows} == {("warning", None)}

    def test_splits_without_labels_are_passed(self, build):
        b = build()
        b.box(b.image(split="train"), 0, 0, 9, 9)
        b.image(split="test", state="missing")
        b.image(split=None, state="labelled")
        assert b.run("FL605") == []

    def test_a_checked_empty_split_lacks_the_class(self, build):
        b = build()
        b.box(b.image(split="train"), 0, 0, 9, 9)
        b.image(split="val", state="labelled_empty")
        (row,) = b.run("FL605")
        assert row["evidence"]["split"] == "val"

    def test_regions_do_not_count(self, build):
        b = build()
        b.box(b.image(split="train"), 0, 0, 9, 9)
        b.box(b.image(split="val"), 0, 0, 9, 9, crowd=True)
        assert len(b.run("FL605")) == 1
