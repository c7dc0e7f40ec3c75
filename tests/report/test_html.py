"""The page: offline, safe, small, whole, and the same every time."""

from __future__ import annotations

import base64
import hashlib
import re
from pathlib import Path

import cv2
import lxml.html
import numpy as np
import pytest

from fastlabel.report import html as page_module
from fastlabel.report.html import render
from report.making import MadeReport, Maker

HOSTILE = '"><script>alert(1)</script><img src=x onerror=y>\u202e\x1b[1m{{7*7}}$a$&amp;.jpg'


@pytest.fixture
def report(tmp_path: Path) -> MadeReport:
    maker = Maker(tmp_path / 'set <i>"x"', classes=["person", HOSTILE])
    maker.root.mkdir()
    for i in range(6):
        maker.image(f"{i}.jpg", split="train" if i < 4 else HOSTILE)
        maker.box(i, 10, 10, 60, 90, i % 2)
        maker.box(i, 5, 5, 9, 8, 1)
    maker.images[5]["file_name"] = HOSTILE
    maker.finding("FL202", "error", 5, 11, message=f"bad {HOSTILE}", file=HOSTILE, line=3)
    for i in range(5):
        maker.finding("FL402", image=i, message=f"image {i} is dark")
    maker.finding("FL501", image=0, related_images=[0, 1], suggestion="exclude")
    maker.finding("FL603", "info", message="no night", suggestion="collect")
    maker.finding("XY1<b>", "info", 0, message="a rule of one's own")
    return maker.report()


def _page(report: MadeReport) -> lxml.html.HtmlElement:
    return lxml.html.document_fromstring(render(report))


def test_nothing_comes_from_elsewhere_and_nothing_runs(report: MadeReport) -> None:
    text = render(report)
    page = lxml.html.document_fromstring(text)
    assert not page.xpath("//script | //link | //iframe | //object | //embed | //form | //base")
    for element in page.iter():
        for name, value in element.attrib.items():
            assert not name.startswith("on")
            assert name != "style"
            if name in ("src", "href", "srcset", "action"):
                assert value.startswith(("#", "data:image/"))
    style = page.findtext(".//style")
    assert "url(" not in style
    assert "@import" not in style
    assert not re.search(r"https?://", text.replace(HOSTILE, ""))


def test_the_policy_allows_this_style_sheet_alone(report: MadeReport) -> None:
    page = _page(report)
    (policy,) = page.xpath("//meta[@http-equiv='Content-Security-Policy']/@content")
    style = page.findtext(".//style")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"style-src 'sha256-{digest}'" in policy
    assert "default-src 'none'" in policy
    assert "script-src" not in policy
    assert "unsafe" not in policy


def test_names_from_data_are_text(report: MadeReport) -> None:
    text = render(report)
    page = lxml.html.document_fromstring(text)
    assert not page.xpath("//*[contains(@src, 'x') and name()='img']")
    assert "\u202e" not in text
    assert "\x1b" not in text
    assert "{{7*7}}" in text  # not computed by the template either
    shown = page.text_content()
    assert "<script>alert(1)</script>" in shown
    assert 'set <i>"x"' in page.findtext(".//title")


def test_ids_are_unique_and_links_arrive(report: MadeReport) -> None:
    page = _page(report)
    ids = page.xpath("//@id")
    assert len(ids) == len(set(ids))
    for target in page.xpath("//a/@href"):
        assert target[1:] in ids
    for named in page.xpath("//@aria-labelledby"):
        assert named in ids


def test_the_order_is_verdict_first_findings_charts(report: MadeReport) -> None:
    page = _page(report)
    assert [h.text_content() for h in page.xpath("//h1")] == [report.summary["verdict"]["headline"]]
    heads = [h.text_content() for h in page.xpath("//h2")]
    assert heads == [
        "Five things to do first",
        "Findings, worst first",
        "How big is it for the model?",
        "The set in charts",
        "Classes",
        "About this report",
    ]
    codes = page.xpath("//section[@class='rule']/@id")
    assert codes == ["FL202", "FL501", "FL402", "XY1-b-", "FL603"]


def test_every_picture_has_words(report: MadeReport) -> None:
    page = _page(report)
    pictures = page.xpath("//svg[@role='img']")
    assert len(pictures) > 10
    assert all(p.get("aria-label") for p in pictures)
    assert page.xpath("//html/@lang") == ["en"]
    for table in page.xpath("//table"):
        assert table.xpath(".//th[@scope]")


def test_why_and_fix_are_folded(report: MadeReport) -> None:
    page = _page(report)
    folded = page.xpath("//section[@id='FL202']/details")
    assert folded
    assert folded[0].get("open") is None
    assert "Fix" in folded[0].text_content()


def test_every_finding_shown_once_and_the_rest_counted(tmp_path: Path) -> None:
    maker = Maker(tmp_path)
    maker.image("a.jpg")
    maker.image("gone.jpg", status="missing", write=False)
    for i in range(50):
        maker.finding("FL402", image=0, message=f"marker {i:03}")
    for i in range(40):
        maker.finding("FL001", "error", 1, message=f"lost {i:03}")
    text = _page(maker.report()).text_content()
    shown = re.findall(r"marker \d+", text)
    assert len(shown) == len(set(shown)) == 32
    assert "32 of 50 shown" in text
    assert "20 of 40 shown" in text
    assert "52 of 90 are on this page" in text


def test_cards_show_different_images(tmp_path: Path) -> None:
    maker = Maker(tmp_path)
    for i in range(10):
        maker.image(f"{i}.jpg")
        box = maker.box(i, 10, 10, 90, 90)
        for _ in range(30):
            maker.finding("FL204", image=i, annotation=box)
    cards = _page(maker.report()).xpath("//li[contains(@class, 'card')]//svg/@aria-label")
    images = [re.search(r"(\d+)\.jpg", label)[1] for label in cards]  # type: ignore[index]
    assert max(images.count(i) for i in images) <= 2
    assert len(set(images)) == 6


def test_a_large_set_stays_under_five_megabytes(tmp_path: Path) -> None:
    noise = np.random.default_rng(0)
    maker = Maker(tmp_path, classes=[f"class {i} " + "x" * 90 for i in range(300)])
    for i in range(40):
        maker.image(f"{'deep/' * 20}{i}.jpg", 640, 480, write=False)
        path = tmp_path / maker.images[i]["path"]
        path.parent.mkdir(parents=True, exist_ok=True)
        picture = noise.integers(0, 256, (480, 640, 3), dtype=np.uint8)
        path.write_bytes(cv2.imencode(".jpg", picture)[1].tobytes())
        for k in range(70):
            maker.box(i, k, k, 100 + k, 100 + k, (i * 70 + k) % 300)
    for rule in range(45):
        for k in range(40):
            maker.finding(f"FL{700 + rule}", image=k, annotation=k * 70, message="y" * 3000)
    page = render(maker.report())
    assert len(page.encode()) <= 5_000_000
    assert page.count("data:image/") > 50


def test_the_limit_holds_even_if_pictures_must_go(
    report: MadeReport, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = render(report)
    bare_size = len(re.sub(r'data:image/[^"]*', "", full).encode())
    monkeypatch.setattr(page_module, "MAX_BYTES", bare_size + 200)
    page = render(report)
    assert page.count("data:image/") < full.count("data:image/")
    assert "image 4 is dark" in page  # the finding stays, as text


def test_the_same_bytes_every_time(report: MadeReport) -> None:
    assert render(report) == render(report)


def test_pages_without_findings_boxes_or_images(tmp_path: Path) -> None:
    clean = Maker(tmp_path)
    clean.image("a.jpg")
    clean.box(0, 1, 1, 50, 50)
    text = _page(clean.report()).text_content()
    assert "Ready to train: nothing found in 1 image" in text
    assert "No rule found anything" in text
    assert (
        "There is no image to judge" in _page(Maker(tmp_path, classes=[]).report()).text_content()
    )


def test_the_codec_and_the_samples_truth_are_shown_and_no_times(report: MadeReport) -> None:
    report.summary["run"] = {"jpeg_codec": "turbo 9.9", "seconds": {"scan": 1.2345}}
    report.summary["truth"] = {"planted": 40, "found": 40, "missed": [], "unexpected": []}
    text = _page(report).text_content()
    assert "turbo 9.9" in text
    assert "1.2345" not in text
    assert "40 of 40 planted faults found" in text.replace("\xa0", " ")
