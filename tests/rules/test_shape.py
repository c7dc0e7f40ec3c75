"""FL206 and FL207: boxes against their class."""

from __future__ import annotations

import math
import statistics

import numpy as np
import pytest

from fastlabel.config import Config


def person_box(b, image, ratio, at=(200, 100), width=40.0, **columns):
    return b.box(
        image,
        at[0],
        at[1],
        at[0] + width,
        at[1] + width * ratio,
        category="person",
        **columns,
    )


class TestPrior:
    @pytest.mark.parametrize(
        ("ratio", "found"),
        [(2.0, False), (4.0, False), (3.0, False), (1.99, True), (4.01, True), (0.4, True)],
    )
    def test_range(self, build, ratio, found):
        b = build()
        b.config = Config(priors={"person": {"height_over_width": (2.0, 4.0)}})
        a = person_box(b, b.image(), ratio)
        rows = b.run("FL206")
        assert [r["annotation_id"] for r in rows] == [a] * found
        if found:
            assert rows[0]["value"] == pytest.approx(ratio)
            assert rows[0]["threshold"] == pytest.approx(2.0 if ratio < 2 else 4.0)
            assert rows[0]["severity"] == "warning"
            assert rows[0]["evidence"]["prior"] == "given"

    def test_of_another_class_says_nothing(self, build):
        b = build()
        b.config = Config(priors={"Person": {"height_over_width": (2.0, 4.0)}})
        person_box(b, b.image(), 0.4)
        assert b.run("FL206") == []

    @pytest.mark.parametrize(
        "columns",
        [
            {"crowd": True},
            {"ignore": True},
            {"occlusion": 1},
            {"truncation": 0.3},
            {"at": (1, 100)},  # border: touches the left edge
            {"at": (200, 1)},
            {"at": (599, 100)},
            {"at": (200, 463)},
        ],
    )
    def test_exemptions(self, build, columns):
        b = build()
        b.config = Config(priors={"person": {"height_over_width": (2.0, 4.0)}})
        person_box(b, b.image(), 0.4, **columns)
        assert b.run("FL206") == []

    def test_occlusion_and_truncation_of_zero_exempt_nothing(self, build):
        b = build()
        b.config = Config(priors={"person": {"height_over_width": (2.0, 4.0)}})
        person_box(b, b.image(), 0.4, occlusion=0, truncation=0.0)
        person_box(b, b.image(), 0.4, at=(1.1, 100))  # just off the edge
        assert len(b.run("FL206")) == 2


class TestLearnt:
    def fill(self, b, n, spread=0.0):
        rng = np.random.default_rng(2)
        logs = rng.normal(math.log(2.0), spread, n).tolist()
        image = b.image()
        for log in logs:
            person_box(b, image, math.exp(log))
        return image, logs

    def test_too_few_boxes_teach_nothing(self, build):
        b = build()
        image, _ = self.fill(b, 28)
        odd = person_box(b, image, 9.0)
        assert b.run("FL206") == []
        person_box(b, image, 2.0)  # the thirtieth
        assert [r["annotation_id"] for r in b.run("FL206")] == [odd]

    def test_within_the_factor_nothing_is_odd(self, build):
        b = build()
        image, _ = self.fill(b, 60)
        person_box(b, image, 2.0 * 2.49)
        person_box(b, image, 2.0 / 2.49)
        assert b.run("FL206") == []
        odd = [person_box(b, image, 2.0 * 2.51), person_box(b, image, 2.0 / 2.51)]
        rows = b.run("FL206")
        assert {r["annotation_id"] for r in rows} == set(odd)
        assert {round(r["threshold"], 6) for r in rows} == {5.0, 0.8}
        assert all(r["evidence"]["prior"] == "learnt" for r in rows)

    def test_agrees_with_plain_statistics_where_the_class_is_wide(self, build):
        b = build()
        image, logs = self.fill(b, 300, spread=0.3)
        for log in (math.log(2.0) + 0.3 * k for k in (-9, -6, -5.5, 5.5, 6, 9)):
            person_box(b, image, math.exp(log), width=10.0)
            logs.append(log)
        centre = statistics.median(logs)
        mad = statistics.median(abs(v - centre) for v in logs)
        limit = max(5 * 1.4826 * mad, math.log(2.5))
        assert limit > math.log(2.5)
        wanted = {i for i, v in enumerate(logs) if abs(v - centre) > limit}
        assert 2 <= len(wanted) <= 6
        found = {r["annotation_id"] for r in b.run("FL206") if r["code"] == "FL206"}
        # tall ones may run into the image's edge and are exempt there
        inside = {i for i in wanted if b.annotations[i]["y2"] < 479}
        assert found == inside

    def test_classes_do_not_mix(self, build):
        b = build()
        image, _ = self.fill(b, 40)
        for _ in range(40):
            b.box(image, 200, 100, 400, 120, category="snake")
        assert b.run("FL206") == []


class TestSizeOutlier:
    def fill(self, b, n=40, side=40.0):
        image = b.image()
        for k in range(n):
            x = 100 + k
            b.box(image, x, 100, x + side, 100 + side)
        return image

    @pytest.mark.parametrize(
        ("side", "found"), [(161, True), (159, False), (9.9, True), (10.1, False)]
    )
    def test_the_factor(self, build, side, found):
        b = build()
        image = self.fill(b)
        a = b.box(image, 300, 200, 300 + side, 200 + side)
        rows = b.run("FL207")
        assert [r["annotation_id"] for r in rows] == [a] * found
        if found:
            assert rows[0]["severity"] == "info"
            assert rows[0]["threshold"] == pytest.approx(4.0)
            assert rows[0]["value"] == pytest.approx(max(side / 40, 40 / side))
            assert rows[0]["evidence"]["side"] == ("large" if side > 40 else "small")

    def test_a_wide_class_needs_five_sigmas(self, build):
        b = build()
        image = b.image(width=6400, height=4800)
        rng = np.random.default_rng(1)
        sides = np.exp(rng.normal(math.log(60), 0.5, 200)).tolist()
        for side in sides:
            b.box(image, 500, 500, 500 + side, 500 + side)
        logs = [math.log(s) for s in sides]
        centre = statistics.median(logs)
        sigma = 1.4826 * statistics.median(abs(v - centre) for v in logs)
        limit = math.exp(5 * sigma)
        assert limit > 4
        side = math.exp(centre) * limit
        b.box(image, 500, 500, 500 + side * 0.9, 500 + side * 0.9)
        assert b.run("FL207") == []
        odd = b.box(image, 500, 500, 500 + side * 1.1, 500 + side * 1.1)
        assert [r["annotation_id"] for r in b.run("FL207")] == [odd]

    def test_cut_off_boxes_may_be_small_and_not_large(self, build):
        b = build()
        image = self.fill(b)
        b.box(image, 0, 200, 5, 205)
        b.box(image, 300, 200, 305, 205, occlusion=2)
        assert b.run("FL207") == []
        large = b.box(image, 0, 0, 300, 300)
        assert [r["annotation_id"] for r in b.run("FL207")] == [large]

    def test_size_is_relative_to_the_image(self, build):
        b = build()
        self.fill(b)
        big = b.image(width=6400, height=4800)
        b.box(big, 3000, 2000, 3400, 2400)  # ten times the side, in ten times the image
        assert b.run("FL207") == []

    @pytest.mark.parametrize("columns", [{"crowd": True}, {"ignore": True}])
    def test_regions_are_exempt(self, build, columns):
        b = build()
        image = self.fill(b)
        b.box(image, 10, 10, 600, 470, **columns)
        assert b.run("FL207") == []

    def test_too_few_boxes(self, build):
        b = build()
        image = self.fill(b, 28)
        b.box(image, 300, 100, 600, 400)
        assert b.run("FL207") == []
