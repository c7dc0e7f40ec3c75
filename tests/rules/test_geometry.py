"""FL201, FL202, FL203, FL208: single boxes."""

from __future__ import annotations

import math

import numpy as np
import pytest

from fastlabel.config import Config


class TestOutOfBounds:
    @pytest.mark.parametrize(
        ("box", "severity"),
        [
            ((0, 0, 640, 480), None),
            ((10, 10, 640.5, 480.5), None),  # border: half a pixel is allowed
            ((-0.5, -0.5, 100, 100), None),
            ((10, 10, 640.6, 100), "warning"),
            ((-0.6, 10, 100, 100), "warning"),
            ((10, -0.6, 100, 100), "warning"),
            ((10, 10, 100, 480.6), "warning"),
            ((540, 10, 650, 100), "warning"),  # 10 of 110 wide: 9.1 % outside
            ((550, 0, 650, 100), "warning"),  # border: exactly 10 %
            ((549, 10, 650.5, 100), "error"),  # 10.5 of 101.5: 10.3 %
            ((600, 10, 700, 100), "error"),
            ((639, 10, 642, 100), "error"),  # the centre is outside
            ((700, 500, 800, 600), "error"),
            ((100, 100, -50, -50), "error"),  # swapped corners: looked at in order
            ((641, 10, 641, 100), "error"),  # without area: by its centre
        ],
    )
    def test_reach_and_share(self, build, box, severity):
        b = build()
        a = b.box(b.image(), *box)
        rows = b.run("FL201")
        assert [r["severity"] for r in rows] == ([severity] if severity else [])
        if severity:
            assert rows[0]["annotation_id"] == a
            assert rows[0]["evidence"]["pointer"] == "/annotations/0"
            assert rows[0]["threshold"] == 0.5

    @pytest.mark.parametrize(
        "box",
        [(-20, 10, 18, 60), (622, 10, 660, 60), (10, -20, 60, 18), (10, 462, 60, 500)],
    )
    def test_a_centre_beyond_any_edge_is_to_be_drawn_anew(self, build, box):
        b = build()
        b.box(b.image(), *box)
        (row,) = b.run("FL201")
        assert "centre is outside" in row["message"]
        assert row["suggestion"] == "relabel"
        x1, y1, x2, y2 = box
        inward = [x1 + 2, y1, x2 + 2, y2] if x1 < 0 else [x1 - 2, y1, x2 - 2, y2]
        if y1 < 0 or y2 > 480:
            inward = [x1, y1 + 2, x2, y2 + 2] if y1 < 0 else [x1, y1 - 2, x2, y2 - 2]
        b = build()
        b.box(b.image(), *inward)
        (row,) = b.run("FL201")
        assert row["suggestion"] == "review"

    def test_exactly_the_share_is_allowed(self, build):
        b = build()
        b.config = Config(rules={"FL201": {"max_outside": 0.125}})
        i = b.image()
        b.box(i, 528, 10, 656, 100)  # 16 of 128
        b.box(i, 529, 10, 657, 100)
        assert {r["annotation_id"]: r["severity"] for r in b.run("FL201")} == {
            0: "warning",
            1: "error",
        }

    def test_agrees_with_plain_python_on_random_boxes(self, build):
        rng = np.random.default_rng(7)
        b = build()
        images = [b.image(width=int(w), height=int(h)) for w, h in rng.integers(50, 200, (5, 2))]
        wanted = {}
        for _ in range(400):
            i = int(rng.choice(images))
            x1, y1 = rng.uniform(-40, 200, 2).tolist()
            w, h = rng.uniform(1, 120, 2).tolist()
            a = b.box(i, x1, y1, x1 + w, y1 + h)
            iw, ih = b.images[i]["width"], b.images[i]["height"]
            reach = max(-x1, -y1, x1 + w - iw, y1 + h - ih)
            if reach <= 0.5:
                continue
            inside = max(0.0, min(x1 + w, iw) - max(x1, 0)) * max(0.0, min(y1 + h, ih) - max(y1, 0))
            centre_in = 0 <= x1 + w / 2 <= iw and 0 <= y1 + h / 2 <= ih
            bad = not centre_in or 1 - inside / (w * h) > 0.1
            wanted[a] = (round(reach, 6), "error" if bad else "warning")
        found = {r["annotation_id"]: (round(r["value"], 6), r["severity"]) for r in b.run("FL201")}
        assert found == wanted
        assert len({s for _, s in wanted.values()}) == 2

    def test_the_decoded_size_counts_where_none_is_declared(self, build):
        b = build("voc")
        i = b.image(width=None, height=None, size_source=None, orientation=6)
        b.image_stats[0].update(width=480, height=640)  # shown as 640 x 480
        b.box(i, 500, 10, 630, 400)
        assert b.run("FL201") == []
        b.box(i, 10, 500, 100, 630)
        assert len(b.run("FL201")) == 1

    def test_unknown_sizes_and_numbers_are_passed(self, build):
        b = build("voc")
        i = b.image(width=None, height=None, size_source=None, status="missing")
        b.box(i, -100, -100, 5, 5)
        j = b.image()
        b.box(j, math.nan, 0, 900, 900)
        b.box(j, 0, 0, math.inf, 10)
        b.box(j, None, None, None, None)
        assert b.run("FL201") == []


class TestDegenerate:
    @pytest.mark.parametrize(
        ("inclusive", "box", "found"),
        [
            (False, (5, 5, 5, 20), True),
            (False, (5, 5, 20, 5), True),
            (False, (5, 5, 5, 5), True),
            (False, (5, 5, 5 + 1e-7, 20), True),  # border: rounding of normalised text
            (False, (5, 5, 5.001, 20), False),
            (False, (5, 5, 6, 6), False),
            (True, (4, 4, 5, 5), True),  # equal corners as drawn
            (True, (4, 4, 5, 20), True),
            (True, (4, 4, 6, 6), False),
            (False, (5, 5, 4, 20), False),  # FL203's
            (True, (5, 5, 5, 20), False),  # FL203's: xmax = xmin - 1 as drawn
            (False, (math.nan, 5, 5, 5), False),  # FL208's
        ],
    )
    def test_sides(self, build, inclusive, box, found):
        b = build("voc" if inclusive else "coco", inclusive=inclusive)
        b.box(b.image(), *box)
        rows = b.run("FL202")
        assert [r["severity"] for r in rows] == ["error"] * found

    def test_says_what_is_lacking(self, build):
        b = build()
        i = b.image()
        for box in ((5, 5, 5, 20), (5, 5, 20, 5), (5, 5, 5, 5)):
            b.box(i, *box)
        lacks = [r["message"].split(" has no ")[1].split(":")[0] for r in b.run("FL202")]
        assert lacks == ["width", "height", "size"]


@pytest.mark.parametrize(
    ("inclusive", "box", "found"),
    [
        (False, (20, 5, 10, 30), True),
        (False, (10, 30, 20, 5), True),
        (False, (10, 5, 10, 30), False),
        (False, (10, 5, 10 - 1e-7, 30), False),
        (False, (10, 5, 20, 30), False),
        (True, (10, 5, 10, 30), True),  # as drawn one less than nothing
        (True, (10, 5, 11, 30), False),
        (False, (math.inf, 5, 11, 30), False),
    ],
)
def test_swapped_corners(build, inclusive, box, found):
    b = build("voc" if inclusive else "coco", inclusive=inclusive)
    b.box(b.image(), *box)
    rows = b.run("FL203")
    assert [r["severity"] for r in rows] == ["error"] * found
    if found:
        assert rows[0]["value"] < 0


@pytest.mark.parametrize(
    ("box", "found"),
    [
        ((math.nan, 0, 5, 5), True),
        ((0, 0, 5, math.inf), True),
        ((0, -math.inf, 5, 5), True),
        ((0, 0, 1e300, 5), False),
        ((None, None, None, None), False),  # unknown is not NaN
        ((0, 0, 5, 5), False),
    ],
)
def test_non_finite(build, box, found):
    b = build()
    b.box(b.image(), *box)
    assert [r["severity"] for r in b.run("FL208")] == ["error"] * found


def test_hostile_numbers_break_no_rule(build):
    b = build("voc", inclusive=True)
    i = b.image(split="train")
    for k in range(40):
        b.box(i, -1e308, -1e308, 1e308, 1e308)
        b.box(i, 0, 0, 1e-300, 1e-300 * k)
        b.box(i, 1e17 * k, 0, 1e17 * k + 16, 16)
        b.box(i, math.inf, -math.inf, math.nan, 0)
    codes = {r["code"] for r in b.run()}
    assert {"FL201", "FL203", "FL208"} <= codes
