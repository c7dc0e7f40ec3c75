"""FL606: nearly all images of one level."""

from __future__ import annotations

import pytest

from fastlabel.config import parse


def fill(build, easy: int, hard: int):
    b = build()
    for k in range(easy + hard):
        side = 100 if k < easy else 6
        b.box(b.image(), 50, 50, 50 + side, 50 + side)
    return b


@pytest.mark.parametrize(
    ("easy", "hard", "found"),
    [(20, 0, True), (10, 10, True), (13, 7, True), (19, 0, False), (0, 20, True)],
)
def test_one_sided_sets_are_found(build, easy, hard, found):
    rows = fill(build, easy, hard).run("FL606")
    assert [(r["severity"], r["image_id"]) for r in rows] == [("info", None)] * found
    if found:
        assert rows[0]["evidence"]["images"] == {"easy": easy, "medium": 0, "hard": hard}


def test_the_wanted_mix_is_a_setting(build):
    b = fill(build, 10, 10)
    b.config = parse({"rules": {"FL606": {"easy": 0.5, "medium": 0.0, "hard": 0.5}}})
    assert b.run("FL606") == []


def test_of_large_sets_every_kth_image_is_judged(build):
    b = fill(build, 100, 0)
    b.config = parse({"rules": {"FL606": {"most_boxes": 50}}})
    (row,) = b.run("FL606")
    assert row["evidence"]["images"]["easy"] == 50
