"""FL4: picture quality, from the scan's columns."""

from __future__ import annotations

import pytest

from fastlabel import deploy
from fastlabel.config import Config


def codes(b, *select):
    return [r["code"] for r in b.run(*(select or ("FL4",)))]


def test_a_good_picture_gives_nothing(build):
    b = build()
    b.box(b.image(), 10, 10, 100, 100)
    assert codes(b) == []


@pytest.mark.parametrize(
    ("stats", "expected"),
    [
        ({"luma_mean": 29.9}, ["FL402"]),
        ({"luma_mean": 30.0}, []),
        ({"luma_mean": 225.1}, ["FL403"]),
        ({"luma_mean": 225.0}, []),
        ({"luma_p01": 100, "luma_p99": 147}, ["FL404"]),
        ({"luma_p01": 100, "luma_p99": 148}, []),
        ({"luma_p01": 10, "luma_p99": 40, "luma_mean": 20.0}, ["FL402"]),
        ({"luma_p01": 230, "luma_p99": 250, "luma_mean": 240.0}, ["FL403"]),
        ({"noise_sigma": 12.1}, ["FL405"]),
        ({"noise_sigma": 12.0}, []),
        ({"luma_std": 4.9}, ["FL407"]),
        ({"luma_std": 5.0}, []),
        ({"entropy": 1.49}, ["FL407"]),
        ({"entropy": 1.5}, []),
        ({"luma_std": 1.0, "luma_p01": 99, "luma_p99": 101}, ["FL407"]),
        ({"luma_std": 1.0, "luma_mean": 2.0, "acutance": 0.1}, ["FL402", "FL407"]),
        ({"luma_std": 1.0, "luma_mean": 254.0, "sharpness": 0.0}, ["FL403", "FL407"]),
        ({"acutance": 0.219}, ["FL401"]),
        ({"acutance": 0.22}, []),
        ({"acutance": None}, []),
        ({"acutance": 0.1, "luma_mean": 20.0}, ["FL402"]),
        ({"acutance": 0.1, "width": 64, "height": 200}, ["FL401"]),
        ({"acutance": 0.1, "noise_sigma": 12.1}, ["FL405"]),
        ({"acutance": 0.1, "noise_sigma": 12.0}, ["FL401"]),
        ({"acutance": 0.1, "width": 200, "height": 63}, []),
        ({"noise_sigma": 30.0, "width": 63, "height": 200}, []),
        # sharpness: 52 / 55^2 = 0.0172
        ({"sharpness": 52.0}, ["FL401"]),
        ({"sharpness": 54.0}, []),  # ratio 0.0179
        ({"sharpness": 80.0, "luma_std": 70.0}, []),
        ({"sharpness": 79.9, "luma_std": 70.0}, ["FL401"]),
        ({"sharpness": 5.0, "luma_std": 27.9}, []),
        ({"sharpness": 5.0, "luma_std": 28.0}, ["FL401"]),
    ],
)
def test_limits(build, stats, expected):
    b = build()
    b.image()
    b.image(**stats)
    rows = b.run("FL4")
    assert sorted(r["code"] for r in rows) == expected
    assert {r["image_id"] for r in rows} <= {1}
    assert {r["severity"] for r in rows} <= {"warning"}


@pytest.mark.parametrize("status", ["truncated", "corrupt", "unreadable", "missing"])
def test_only_pictures_that_decoded_whole_are_judged(build, status):
    b = build()
    b.image(status=status, luma_mean=1.0, luma_std=0.5, acutance=0.01, noise_sigma=50.0)
    assert codes(b) == []


def test_pictures_that_were_not_measured_are_passed(build):
    b = build()
    b.image(**dict.fromkeys(("luma_mean", "luma_std", "entropy", "noise_sigma", "acutance")))
    assert codes(b) == []


#: Soft at full size and at 1/2, and sharp from 1/4 on.
SOFT = {"acutance": 0.1, "scale_acutance": [0.15, 0.5, 0.8]}


class TestBlurAtTheDeployedSize:
    @pytest.mark.parametrize(
        ("width", "level"),
        [
            (640, 0),
            (1279, 0),
            (1280, 1),  # exactly half
            (2559, 1),
            (2560, 2),
            (5120, 3),
            (20480, 3),  # no level beyond 1/8
            (320, 0),
        ],
    )
    def test_level_nearest_above_the_input(self, build, width, level):
        b = build()
        b.deploy = deploy.load("edge-640")
        b.image(width=width, height=width // 2, **SOFT)
        rows = b.run("FL401")
        assert len(rows) == (level < 2)
        if rows:
            assert rows[0]["evidence"]["scale"] == ("1/1", "1/2")[level]
            assert rows[0]["value"] == pytest.approx((0.1, 0.15)[level])

    def test_full_size_without_a_deployment(self, build):
        b = build()
        b.image(width=4000, height=3000, **SOFT)
        (row,) = b.run("FL401")
        assert row["evidence"]["scale"] == "1/1"

    def test_the_next_finer_level_where_one_was_not_measured(self, build):
        b = build()
        b.deploy = deploy.load("edge-640")
        b.image(width=5120, height=100, acutance=0.1, scale_acutance=[0.9, 0.15, None])
        (row,) = b.run("FL401")
        assert row["value"] == pytest.approx(0.15)
        b = build()
        b.deploy = deploy.load("edge-640")
        b.image(width=5120, height=100, acutance=0.1, scale_acutance=None)
        (row,) = b.run("FL401")
        assert row["value"] == pytest.approx(0.1)

    def test_sharp_at_full_size_and_soft_below_counts_too(self, build):
        b = build()
        b.deploy = deploy.load("edge-640")
        b.image(width=1280, height=720, acutance=0.9, scale_acutance=[0.1, 0.9, 0.9])
        assert codes(b) == ["FL401"]


def test_laplacian_50_is_the_plain_limit_at_full_size(build):
    b = build()
    b.config = Config(blur="laplacian-50")
    b.deploy = deploy.load("edge-640")
    b.image(width=4000, height=3000, laplacian_variance=50.0, acutance=0.01)
    low = b.image(laplacian_variance=49.9)
    black = b.image(laplacian_variance=0.0, luma_mean=1.0)
    rows = b.run("FL401")
    assert {r["image_id"] for r in rows} == {low, black}
    assert {r["threshold"] for r in rows} == {50.0}


class TestBlurryBox:
    @pytest.mark.parametrize(
        ("box", "acutance", "picture", "found"),
        [
            ((10, 10, 60, 60), 0.119, 0.6, True),
            ((10, 10, 60, 60), 0.12, 0.6, False),
            ((10, 10, 34, 60), 0.05, 0.6, True),  # border: 24 px
            ((10, 10, 33.9, 60), 0.05, 0.6, False),
            ((10, 10, 60, 60), 0.05, 0.22, True),
            ((10, 10, 60, 60), 0.1, 0.41, True),
            ((10, 10, 60, 60), 0.1, 0.39, False),
            ((10, 10, 60, 60), 0.05, 0.219, False),
            ((10, 10, 60, 60), None, 0.6, False),
            ((10, 10, 60, 60), 0.05, None, False),
        ],
    )
    def test_limits(self, build, box, acutance, picture, found):
        b = build()
        a = b.box(b.image(acutance=picture), *box, stats={"acutance": acutance})
        rows = b.run("FL406")
        assert [r["annotation_id"] for r in rows] == [a] * found

    def test_not_in_blurry_pictures_nor_in_regions(self, build):
        b = build()
        soft = {"acutance": 0.05}
        b.box(b.image(sharpness=10.0), 10, 10, 60, 60, stats=soft)
        b.box(b.image(noise_sigma=20.0), 10, 10, 60, 60, stats=soft)
        i = b.image()
        b.box(i, 10, 10, 60, 60, stats=soft, crowd=True)
        b.box(i, 10, 10, 60, 60, stats=soft, ignore=True)
        assert b.run("FL406") == []

    def test_boxes_that_were_not_measured_at_all(self, build):
        from fastlabel.rules import Context, run

        b = build()
        b.box(b.image(), 10, 10, 60, 60)
        ctx = b.context()
        bare = Context(ctx.ds, ctx.image_stats)
        assert run(bare, select="FL406").num_rows == 0


def test_the_limits_of_blank_and_dark_hold_for_the_others_too(build):
    b = build()
    b.image(luma_mean=50.0, acutance=0.1)
    assert codes(b) == ["FL401"]
    b.config = Config(rules={"FL402": {"min_mean": 60}})
    assert codes(b) == ["FL402"]
