"""Within one rule the worse fault is the surer one, and so comes first."""

from __future__ import annotations

import pytest

from fastlabel import deploy
from fastlabel.config import Config


def by_picture(name, mild, bad, **more):
    def make(b):
        for value in (mild, bad):
            b.image(**{name: value, **more})

    return make


def by_box(mild, bad, **more):
    def make(b):
        i = b.image()
        for corners in (mild, bad):
            b.box(i, *corners, **more)

    return make


def two_pairs(mild, bad, second="thing"):
    def make(b):
        i = b.image()
        for y, height in ((0, mild), (200, bad)):
            b.box(i, 0, y, 100, y + 100)
            b.box(i, 0, y, 100, y + height, category=second)

    return make


def many_like_it(mild, bad):
    def make(b):
        i = b.image()
        for _ in range(60):
            b.box(i, 200, 200, 240, 240)
        for corners in (mild, bad):
            b.box(i, *corners)

    return make


def blurred_boxes(b):
    i = b.image()
    for acutance in (0.11, 0.01):
        b.box(i, 10, 10, 90, 90, stats={"acutance": acutance})


def copies_that_disagree(b):
    for name, width in (("a", 90), ("b", 30)):
        for right in (100, width):
            i = b.image(content_hash=name * 32, bytes=1)
            b.box(i, 0, 0, right, 100)


LAPLACIAN = Config(blur="laplacian-50")
PRIOR = Config(priors={"thing": {"height_over_width": (0.5, 2.0)}})


@pytest.mark.parametrize(
    ("code", "make", "config"),
    [
        ("FL201", by_box((10, 10, 645, 100), (600, 10, 1600, 100)), None),
        ("FL201", by_box((10, 10, 660, 100), (10, 10, 700, 100)), None),
        ("FL204", two_pairs(81, 99), None),
        ("FL205", two_pairs(86, 99, "other"), None),
        ("FL206", by_box((100, 100, 140, 190), (100, 100, 140, 400)), PRIOR),
        ("FL206", many_like_it((100, 100, 140, 220), (100, 100, 110, 400)), None),
        ("FL207", many_like_it((100, 100, 270, 270), (10, 10, 600, 470)), None),
        ("FL301", by_box((10, 10, 17, 60), (10, 10, 12, 60)), None),
        ("FL302", by_box((10, 10, 16, 16), (10, 10, 12, 12)), None),
        ("FL401", by_picture("acutance", 0.21, 0.02), None),
        ("FL401", by_picture("sharpness", 39.0, 2.0), None),
        ("FL401", by_picture("laplacian_variance", 49.0, 1.0), LAPLACIAN),
        ("FL402", by_picture("luma_mean", 29.0, 2.0), None),
        ("FL403", by_picture("luma_mean", 226.0, 254.0), None),
        ("FL404", by_picture("luma_p99", 140, 104, luma_p01=100), None),
        ("FL405", by_picture("noise_sigma", 12.5, 40.0), None),
        ("FL406", blurred_boxes, None),
        ("FL407", by_picture("luma_std", 4.9, 0.1), None),
        ("FL407", by_picture("entropy", 1.4, 0.1), None),
        ("FL504", copies_that_disagree, None),
    ],
)
def test_the_worse_fault_comes_first(build, code, make, config):
    b = build()
    b.deploy = deploy.load("edge-640") if code == "FL301" else None
    b.config = config or b.config
    make(b)
    first, second = b.run(code)
    assert 1 >= first["score"] > second["score"] > 0.4
    assert (first["image_id"], first["annotation_id"] or 0) > (
        second["image_id"],
        second["annotation_id"] or 0,
    )


@pytest.mark.parametrize(("mild", "bad"), [(11, 40)])
def test_a_worse_imbalance_is_surer(build, mild, bad):
    scores = []
    for many in (mild, bad):
        b = build()
        i = b.image()
        for k in range(many * 5):
            b.box(i, 10, 10, 90, 90, category="rare" if k < 5 else "common")
        for _ in range(5):
            b.box(i, 10, 10, 90, 90, category="common")
        scores.append(b.run("FL601")[0]["score"])
    assert 0.5 <= scores[0] < scores[1] <= 1
