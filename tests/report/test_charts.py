"""The charts: right numbers drawn, plain markup, the same bytes every time."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

from fastlabel.report.charts import Chart, draw_charts
from report.making import Maker


def _charts(maker: Maker) -> dict[str, Chart]:
    return {c.key: c for c in draw_charts(maker.report().summary)}


@pytest.fixture
def maker(tmp_path: Path) -> Maker:
    made = Maker(tmp_path, classes=["person", "car $x^2$ <b>&", "a\nb\x1b\u202e", "人物"])
    for i in range(12):
        made.image(f"{i}.jpg", 640, 480, split="train" if i % 3 else "val", write=False,
                   luma_mean=20.0 * i)  # fmt: skip
        for c in range(4):
            made.box(i, 10, 10, 20 + 30 * c, 40, c)
    return made


def test_markup_is_plain(maker: Maker) -> None:
    charts = _charts(maker)
    assert len(charts) == 11
    for chart in charts.values():
        root = ElementTree.fromstring(chart.svg)
        kinds = {e.tag for e in root.iter()}
        assert kinds <= {"svg", "path", "text"}
        for element in root.iter():
            assert not {"id", "style", "href", "onload", "clip-path"} & set(element.attrib)
            for value in element.attrib.values():
                assert "url(" not in value
        assert "http" not in chart.svg
        assert "#0" not in chart.svg  # every stand-in colour became a variable
        assert root.get("aria-label", "").startswith(chart.title)


def test_class_names_stay_text(maker: Maker) -> None:
    root = ElementTree.fromstring(_charts(maker)["class_balance"].svg)
    texts = [e.text for e in root.iter("text")]
    assert "car $x^2$ <b>&" in texts
    assert "a\\nb\\u{001B}\\u{202E}" in [t for t in texts if t] or any(
        t and t.startswith("a\\nb") for t in texts
    )
    assert "人物" in texts


def test_class_balance_prints_each_count(maker: Maker) -> None:
    root = ElementTree.fromstring(_charts(maker)["class_balance"].svg)
    texts = [e.text for e in root.iter("text")]
    assert texts.count("8") == 4  # train
    assert texts.count("4") == 4  # val


def _bar_heights(svg: str) -> list[float]:
    """Heights of the bars, left to right, from the paths filled with a bar colour."""
    bars = []
    for path in ElementTree.fromstring(svg).iter("path"):
        if path.get("fill") in ("var(--bar)", "var(--flag)"):
            for part in path.get("d", "").split("M")[1:]:
                points = [float(v) for v in re.findall(r"-?[\d.]+", part)]
                xs, ys = points[0::2], points[1::2]
                bars.append((min(xs), max(ys) - min(ys)))
    return [h for _, h in sorted(bars)]


def test_bars_are_as_high_as_their_counts(tmp_path: Path) -> None:
    maker = Maker(tmp_path)
    for i, boxes in enumerate([1, 1, 2, 3, 3, 3, 3]):
        maker.image(f"{i}.jpg", write=False)
        for _ in range(boxes):
            maker.box(i, 0, 0, 10, 10)
    heights = _bar_heights(_charts(maker)["objects_per_image"].svg)
    assert len(heights) == 3
    assert [h / heights[1] for h in heights] == pytest.approx([2, 1, 4], rel=0.01)


def test_dark_bars_have_the_warning_colour(tmp_path: Path) -> None:
    import fastlabel.report.charts as charts

    maker = Maker(tmp_path)
    for i, luma in enumerate([10.0, 120.0, 130.0]):
        maker.image(f"{i}.jpg", write=False, luma_mean=luma)
    summary = maker.report().summary
    summary["thresholds"] = {"FL402": {"min_mean": 30.0}}
    drawn = {c.key: c for c in charts.draw_charts(summary)}["brightness"].svg
    fills = [p.get("fill") for p in ElementTree.fromstring(drawn).iter("path")]
    assert fills.count("var(--flag)") == 1
    assert "dark 30" in drawn


def test_a_set_without_boxes_or_pixels_says_so(tmp_path: Path) -> None:
    maker = Maker(tmp_path, classes=[])
    maker.image("a.jpg", status="missing", write=False)
    maker.images[0] |= {"width": None, "height": None}
    for chart in _charts(maker).values():
        assert chart.svg == "" or chart.key == "objects_per_image"
        assert chart.caption


def test_same_bytes_whatever_the_users_settings(maker: Maker) -> None:
    import matplotlib

    first = draw_charts(maker.report().summary)
    with matplotlib.rc_context({"font.size": 30, "svg.fonttype": "path", "lines.linewidth": 9}):
        second = draw_charts(maker.report().summary)
    assert first == second


def test_many_classes_splits_and_sizes_stay_small(tmp_path: Path) -> None:
    maker = Maker(tmp_path, classes=[f"class {i}" for i in range(400)])
    for i in range(400):
        maker.image(f"{i}.jpg", 300 + i, 200 + 2 * i, split=f"fold{i % 9}", write=False)
        maker.box(i, 1, 1, 30 + i / 2, 100, i)
    charts = _charts(maker)
    assert sum(len(c.svg) for c in charts.values()) < 300_000
    assert "not drawn" in charts["class_balance"].caption
    assert "not drawn" in charts["image_sizes"].caption
