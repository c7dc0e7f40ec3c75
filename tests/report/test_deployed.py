"""The page's part on the deployed size: what it says, and what its lines show."""

from __future__ import annotations

import io
import re
from pathlib import Path
from xml.etree import ElementTree

import lxml.html
import pytest

from fastlabel.deploy import Profile, load
from fastlabel.report.deployed import deployed_facts, deployed_part
from fastlabel.report.html import render
from fastlabel.report.terminal import write_full
from report.making import MadeReport, Maker

HOSTILE = '<b>"\u202e\x1b[1m$x^2$'


@pytest.fixture
def maker(tmp_path: Path) -> Maker:
    made = Maker(tmp_path, classes=["person", HOSTILE, "dog"])
    image = made.image("a.jpg", 1920, 1080, write=False)
    for side in (30, 60, 90, 120):
        made.box(image, 0, 0, side, side, side % 4 // 2)
    return made


def _part(report: MadeReport) -> lxml.html.HtmlElement:
    page = lxml.html.document_fromstring(render(report))
    (part,) = page.xpath("//section[@aria-labelledby='deployed']")
    return part


def _line(svg: str, color: str) -> list[tuple[float, float]]:
    """Points of the one long line of a colour."""
    for path in ElementTree.fromstring(svg).iter("path"):
        points = [float(v) for v in re.findall(r"-?[\d.]+", path.get("d", ""))]
        if path.get("stroke") == f"var(--{color})" and len(points) == 22:
            return list(zip(points[0::2], points[1::2], strict=True))
    raise AssertionError(f"no line of {color}")


def test_the_lines_are_the_shares(maker: Maker) -> None:
    summary = maker.report(load("doorbell-416")).summary
    charts = {c.key: c for c in deployed_part(summary)["charts"]}
    rows = summary["deployment"]["resize_impact"]["inputs"]
    for color, share in (
        ("flag", [r["share_below"]["1"] for r in rows]),
        ("s4", [r["share_below"]["2"] for r in rows]),
        ("s1", [r["share_below"]["4"] for r in rows]),
        ("s3", [r["small_share"] for r in rows]),
    ):
        drawn = _line(charts["resize_impact"].svg, color)
        # 214 units high, 24 free above and 36 below: the line at 0 % lies at 178.
        heights = [(178 - y) / 154 for _, y in drawn]
        assert heights == pytest.approx(share, abs=0.005)
    xs = [x for x, _ in drawn]
    assert xs == sorted(xs)
    assert len(set(xs)) == 11


@pytest.mark.parametrize(
    ("name", "places"),
    [("mcu-96", ["this input", "1280"]), ("doorbell-416", ["96", "this input", "1280"])],
)
def test_the_caption_says_each_input_once(maker: Maker, name: str, places: list[str]) -> None:
    charts = {c.key: c for c in deployed_part(maker.report(load(name)).summary)["charts"]}
    told = re.findall(r" % at (this input|\d+)", charts["resize_impact"].caption)
    assert told == places


def test_the_bars_of_the_tile_plans_are_the_shares(maker: Maker) -> None:
    summary = maker.report(load("doorbell-416")).summary
    (chart,) = (c for c in deployed_part(summary)["charts"] if c.key == "tile_plans")
    plans = summary["deployment"]["tile_plans"]["plans"]
    drawn: dict[str, list[float]] = {"flag": [], "s3": [], "line": []}
    for path in ElementTree.fromstring(chart.svg).iter("path"):
        color = path.get("fill", "")[6:-1]
        if color in drawn:
            xs = [float(v) for v in re.findall(r"-?[\d.]+", path.get("d", ""))][0::2]
            drawn[color].append((max(xs) - min(xs)) / (360 - 86 - 34))
    lost = [p["share_below"]["1"] for p in plans]
    small = [p["small_share"] for p in plans]
    rest = [1 - a - b for a, b in zip(lost, small, strict=True)]
    for color, shares in (("flag", lost), ("s3", small), ("line", rest)):
        assert drawn[color] == pytest.approx([v for v in shares if v > 0], abs=0.005)
    assert chart.caption.startswith("6 inferences a frame, of 832 × 832 px each, leave 0 %")


def test_markup_is_plain_and_names_are_text(maker: Maker) -> None:
    for chart in deployed_part(maker.report(load("mcu-96")).summary)["charts"]:
        root = ElementTree.fromstring(chart.svg)
        assert {e.tag for e in root.iter()} <= {"svg", "path", "text"}
        assert root.get("aria-label", "").startswith(chart.title)
        assert "url(" not in chart.svg
        assert "#0" not in chart.svg
    text = render(maker.report(load("mcu-96")))
    assert "\u202e" not in text
    assert "\x1b" not in text
    assert '<b>"' not in text


def test_the_tables_have_every_input_plan_and_class(maker: Maker) -> None:
    part = _part(maker.report(load("doorbell-416")))
    heads = [th.text_content() for th in part.xpath(".//tbody//th")]
    assert "96 × 96" in heads
    assert "416 × 416 (this one)" in heads
    assert "1280 × 1280" in heads
    assert "tiles at full resolution, 416 × 416 px" in heads
    assert "person" in heads
    assert "dog" not in heads  # it has no box
    own = part.xpath(".//tr[@class='own']")
    assert len(own) == 1
    # 6.5, 13, 19.5 and 26 px: one of four under 8, two under 16, all under 32, two from 8 to 24.
    cells = [td.text_content() for td in own[0].xpath("td")]
    assert cells == ["25 %", "50 %", "100 %", "50 %", "1 ×"]


def test_lights_say_their_colour_in_words(maker: Maker) -> None:
    part = _part(maker.report(load("doorbell-416")))
    lights = part.xpath(".//ul[@class='lights']/li")
    assert [li.get("class") for li in lights] == ["red", "green", "green"]
    assert [li.xpath(".//span")[0].text for li in lights] == ["red: bad", *["green: good"] * 2]
    assert "Too small" in lights[0].text_content()


def test_without_a_deployment_the_rule_of_1080p_is_named(maker: Maker) -> None:
    report = maker.report()
    text = _part(report).text_content()
    assert "No deployment is named" in text
    assert "FL302 (15 × 15 px at 1080p)" in text
    assert "Memory" not in text
    assert "deployment" not in dict(deployed_facts(report.summary))


@pytest.mark.parametrize("classes", [[], ["person"]])
def test_a_set_without_boxes_says_so(tmp_path: Path, classes: list[str]) -> None:
    maker = Maker(tmp_path, classes=classes)
    maker.image("a.jpg")
    part = _part(maker.report(load("micro")))
    assert "No box whose size" in part.text_content()
    assert not part.xpath(".//svg")
    assert len(part.xpath(".//li")) == 1  # memory


def test_a_device_of_ones_own_without_a_tier(maker: Maker) -> None:
    report = maker.report(Profile("mine", "custom", 96, 96, "stretch", (8,)))
    text = _part(report).text_content()
    assert "a device of no known tier" in text
    assert "none: neither a tier nor a memory is named" in text
    facts = dict(deployed_facts(report.summary))
    assert facts["memory"] == "about 324 KB at float32 of an unknown memory (an estimate)"


def test_the_terminal_tells_the_same(maker: Maker) -> None:
    out = io.StringIO()
    write_full(maker.report(load("mcu-96")), out, color=False, width=400)
    text = out.getvalue()
    assert "micro (STM32: under 0.1 TOPS, under 512 KB, under 0.1 W)" in text
    assert "under one stride of 8: 100 % at 96, 75 % at 160, 25 % at 320, 0 % at 640" in text
    assert "at full resolution: 12 inferences a frame" in text
    assert "about 81 KB at int8 of 512 KB: fits (an estimate)" in text
    assert "At this size" in text


def test_tiles_that_hold_every_image_are_no_plan(tmp_path: Path) -> None:
    maker = Maker(tmp_path)
    maker.box(maker.image("a.jpg", 320, 240, write=False), 0, 0, 50, 50)
    assert "nothing to cut" in _part(maker.report(load("edge-640"))).text_content()
