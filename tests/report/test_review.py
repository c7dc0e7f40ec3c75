"""The queue on the page and on a terminal."""

from __future__ import annotations

import io
from pathlib import Path
from types import SimpleNamespace

import lxml.html
import pytest

import fastlabel as fl
from fastlabel.clean.overview import overview
from fastlabel.report import html as page_module
from fastlabel.report.html import render
from fastlabel.report.review import review_part, write_queue
from report.making import Maker

HOSTILE = '<b onclick="x()">\x1b[1m{{7*7}}.jpg'


@pytest.fixture
def report(tmp_path: Path):
    maker = Maker(tmp_path)
    for i in range(20):
        maker.image(f"{i}.jpg")
        maker.box(i, 10, 10, 60, 90)
        maker.box(i, 100, 100, 160, 190)
    maker.images[3]["file_name"] = HOSTILE
    for i in range(20):
        fix = {"action": "drop_box", "box": None}
        maker.finding(
            "FL204",
            "warning",
            i,
            2 * i,
            f"box of image {i} <i>",
            "exclude",
            score=1 - i / 40,
            fix=fix,
        )
        maker.finding("FL703", "warning", i, 2 * i + 1, "other class", "relabel", score=0.3)
    maker.finding("FL603", "info", message="no night", suggestion="collect")
    made = maker.report()
    queue = fl.review_queue(made.ds, made.findings)
    made.summary["review"] = overview(queue, 10)
    return SimpleNamespace(**vars(made), queue=queue)


def test_the_page_shows_the_first_objects_and_the_curve(report) -> None:
    page = lxml.html.document_fromstring(render(report))
    (section,) = page.xpath("//section[@aria-labelledby='review']")
    cards = section.xpath(".//li")
    ranks = [int(c.xpath(".//b")[0].text.replace(",", "")) for c in cards]
    assert ranks == sorted(ranks)
    assert ranks[0] == 1
    assert len(cards) == 12
    assert all(c.xpath(".//image") for c in cards)
    assert len(section.xpath(".//figure/svg[@role='img']")) >= 1
    words = section.text_content()
    assert "The first 10 objects in" in words
    assert "errors expected" in words
    assert "drop the box" in words
    assert section.xpath(".//a[@href='#FL204']")
    assert page.xpath("//nav/a[@href='#review']")


def test_names_from_data_stay_text(report) -> None:
    page = render(report)
    assert "onclick=" not in page.replace("&lt;b onclick=", "")
    assert "\x1b" not in page


def test_a_report_without_a_queue_has_no_section(report) -> None:
    del report.summary["review"]
    assert 'aria-labelledby="review"' not in render(report)
    report.summary["review"] = overview(report.queue.slice(0, 0))
    assert review_part(report.summary, []) is None
    assert 'aria-labelledby="review"' not in render(report)


def test_the_page_stays_small_without_pictures(report, monkeypatch) -> None:
    monkeypatch.setattr(page_module, "MAX_BYTES", 1)
    page = lxml.html.document_fromstring(render(report))
    (section,) = page.xpath("//section[@aria-labelledby='review']")
    assert not section.xpath(".//image")


def test_the_page_is_the_same_each_time(report) -> None:
    assert render(report) == render(report)


def test_lines_of_a_terminal(report) -> None:
    out = io.StringIO()
    write_queue(report, out, 5)
    head, *lines = out.getvalue().strip().splitlines()
    assert head.startswith("Review first: The first 10 objects in")
    assert len(lines) == 5
    for line, row in zip(lines, report.queue.slice(0, 5).to_pylist(), strict=True):
        assert line.split()[0] == str(row["rank"])
        assert ",".join(row["codes"]) in line
        assert "drop the box" in line
    out = io.StringIO()
    write_queue(report, out, 1000)
    assert len(out.getvalue().strip().splitlines()) == 1 + report.queue.num_rows
    assert "\x1b" not in out.getvalue()


@pytest.mark.parametrize("images", [1, 2, 3])
def test_a_curve_of_very_few_images(tmp_path: Path, images: int) -> None:
    maker = Maker(tmp_path)
    for i in range(images):
        maker.image(f"{i}.jpg")
        maker.box(i, 10, 10, 60, 90)
        maker.finding("FL204", "warning", i, i, score=0.01)
    made = maker.report()
    queue = fl.review_queue(made.ds, made.findings)
    part = review_part({"review": overview(queue, 1)}, [])
    assert part is not None
    assert "<svg" in part["chart"].svg
