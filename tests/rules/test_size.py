"""FL301 and FL302: targets at the deployed size."""

from __future__ import annotations

import pytest

from fastlabel import deploy
from fastlabel.deploy import Profile


def test_without_a_deployment_below_target_pixels_is_silent(build):
    b = build()
    b.box(b.image(), 10, 10, 12, 12)
    assert b.run("FL301") == []


@pytest.mark.parametrize(
    ("width", "height", "box", "found"),
    [
        (1280, 720, (100, 100, 115.9, 140), True),  # 7.95 px at half size
        (1280, 720, (100, 100, 116, 140), False),  # border: 8 px
        (1280, 720, (100, 100, 140, 115.9), True),
        (640, 480, (100, 100, 108, 108), False),
        (320, 240, (100, 100, 104, 104), False),  # enlarged to the input
        (320, 240, (100, 100, 103.9, 104), True),
        (720, 1280, (100, 100, 115.9, 140), True),
    ],
)
def test_letterbox(build, width, height, box, found):
    b = build()
    b.deploy = deploy.load("edge-640")
    a = b.box(b.image(width=width, height=height), *box)
    rows = b.run("FL301")
    assert [r["annotation_id"] for r in rows] == [a] * found
    if found:
        scale = 640 / max(width, height)
        short = min(box[2] - box[0], box[3] - box[1]) * scale
        assert rows[0]["value"] == pytest.approx(short)
        assert (rows[0]["threshold"], rows[0]["severity"]) == (8.0, "warning")
        assert rows[0]["suggestion"] == "ignore"


def test_stretch_scales_each_axis_by_itself(build):
    b = build()
    b.deploy = Profile("mine", "mcu", 100, 100, "stretch", (8,), min_target=5)
    i = b.image(width=1000, height=200)  # x by 0.1, y by 0.5
    b.box(i, 100, 50, 150, 60)  # 5 x 5
    narrow = b.box(i, 300, 50, 349, 60)  # 4.9 x 5
    flat = b.box(i, 500, 50, 550, 59)  # 5 x 4.5
    assert {r["annotation_id"] for r in b.run("FL301")} == {narrow, flat}


def test_exemptions(build):
    b = build("voc", inclusive=True)
    b.deploy = deploy.load("edge-640")
    i = b.image()
    b.box(i, 10, 10, 12, 12, crowd=True)
    b.box(i, 10, 10, 12, 12, ignore=True)
    b.box(i, 10, 10, 11, 11)  # a click
    b.box(i, 10, 10, 5, 5)
    b.box(i, None, None, None, None)
    unknown = b.image(width=None, height=None, status="missing")
    b.box(unknown, 10, 10, 12, 12)
    assert b.run("FL301", "FL302") == []


@pytest.mark.parametrize(
    ("width", "height", "box", "found"),
    [
        (1920, 1080, (100, 100, 114.9, 114.9), True),
        (1920, 1080, (100, 100, 115, 110), False),  # border: 15 px wide
        (1920, 1080, (100, 100, 110, 115), False),
        (3840, 2160, (100, 100, 129, 129), True),
        (3840, 2160, (100, 100, 130, 130), False),
        (1080, 1920, (100, 100, 114.9, 114.9), True),  # portrait
        (1080, 1920, (100, 100, 115, 115), False),
        (960, 540, (100, 100, 107.4, 107.4), True),
        (960, 540, (100, 100, 107.6, 107.6), False),
        (4000, 1000, (100, 100, 131, 131), True),  # 1920 / 4000 binds
    ],
)
def test_tiny_at_1080p(build, width, height, box, found):
    b = build()
    b.box(b.image(width=width, height=height), *box)
    rows = b.run("FL302")
    assert [r["severity"] for r in rows] == ["warning"] * found


def test_tiny_at_1080p_is_info_when_a_deployment_is_named(build):
    b = build()
    b.deploy = deploy.load("drone-4k")
    b.box(b.image(), 10, 10, 12, 12)
    (row,) = b.run("FL302")
    assert row["severity"] == "info"
