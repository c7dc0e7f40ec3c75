"""The page in a real browser: from a file, offline, on a desk and on a phone, by day and night."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

import fastlabel

pytestmark = pytest.mark.browser

LABEL = "<img src=x onerror=alert(1)>"
NAME = 'it\'s "quoted" \u202egpj.jpg'
#: Pictures, on their own or in a drawing, that cannot be decoded.
BROKEN_PICTURES = """async () => {
  const broken = [];
  for (const shown of document.querySelectorAll('img, image')) {
    const picture = new Image();
    picture.src = shown.getAttribute('src') || shown.getAttribute('href');
    await picture.decode().catch(() => broken.push(picture.src.slice(0, 80)));
  }
  return broken;
}"""
SCREENS = {"desk": (1440, 900), "phone": (390, 844)}


@dataclass
class Visit:
    """One page that was opened, and what it did on the way."""

    page: Any
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)


@pytest.fixture(scope="session")
def hostile_page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of a set whose class and file names try to be markup."""
    root = tmp_path_factory.mktemp("hostile") / "<b>set"
    root.mkdir()
    rng = np.random.default_rng(0)
    names = [NAME, f"{'long-' * 40}.jpg", "c.jpg"]
    for name in names:
        tile = rng.integers(0, 256, (24, 32, 3), dtype=np.uint8)
        done, data = cv2.imencode(".jpg", cv2.resize(tile, (640, 480)))
        assert done
        (root / name).write_bytes(data.tobytes())
    images = [{"id": k, "file_name": n, "width": 640, "height": 480} for k, n in enumerate(names)]
    boxes = [[-90, 20, 100, 90], [30, 30, 0, 40], [10, 10, 300, 200], [12, 10, 300, 200]]
    annotations = [
        {"id": k, "image_id": min(k, 2), "category_id": 1, "bbox": box}
        for k, box in enumerate(boxes)
    ]
    categories = [{"id": 1, "name": LABEL}, {"id": 2, "name": "'\"><script>alert(2)</script>"}]
    document = {"images": images, "annotations": annotations, "categories": categories}
    (root / "labels.json").write_text(json.dumps(document))
    page = tmp_path_factory.mktemp("out") / "hostile.html"
    fastlabel.check(root).to_html(page)
    return page


@pytest.fixture(scope="session")
def sample_page(drawn_sample: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root, truth = drawn_sample("coco")
    page = tmp_path_factory.mktemp("out") / "sample.html"
    fastlabel.check(root, deploy=truth["deploy"]).to_html(page)
    return page


@pytest.fixture
def visit(browser: Any) -> Iterator[Any]:
    contexts = []

    def go(path: Path, screen: str, scheme: str) -> Visit:
        width, height = SCREENS[screen]
        context = browser.new_context(
            viewport={"width": width, "height": height}, color_scheme=scheme
        )
        contexts.append(context)
        seen = Visit(context.new_page())
        seen.page.on("request", lambda request: seen.requests.append(request.url))
        seen.page.on("pageerror", lambda error: seen.complaints.append(str(error)))
        seen.page.on("dialog", lambda dialog: seen.complaints.append(dialog.message))
        seen.page.on(
            "console",
            lambda said: said.type in ("error", "warning") and seen.complaints.append(said.text),
        )
        seen.page.goto(path.as_uri(), wait_until="load")
        # Folded parts count too.
        seen.page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
        return seen

    yield go
    for context in contexts:
        context.close()


def assert_well_behaved(seen: Visit, width: int) -> None:
    assert seen.complaints == []
    outside = [u for u in seen.requests if not u.startswith(("file://", "data:"))]
    assert outside == []
    assert len([u for u in seen.requests if u.startswith("file://")]) == 1  # one file, no more
    wide = seen.page.evaluate("document.documentElement.scrollWidth")
    assert wide <= width
    assert seen.page.evaluate(BROKEN_PICTURES) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("screen", SCREENS)
def test_the_samples_report(visit: Any, sample_page: Path, screen: str, scheme: str) -> None:
    seen = visit(sample_page, screen, scheme)
    assert_well_behaved(seen, SCREENS[screen][0])
    assert seen.page.evaluate("document.querySelectorAll('img, image').length") > 10
    assert "Not ready to train" in seen.page.inner_text("h1")
    # What is written must be seen: the verdict stands out from what is behind it.
    ink, paper = seen.page.evaluate(
        "['color', 'backgroundColor'].map(k => getComputedStyle(k === 'color' ?"
        " document.querySelector('h1') : document.body)[k])"
    )
    light = [sum(map(float, c.strip("rgba()").split(",")[:3])) / 3 for c in (ink, paper)]
    assert abs(light[0] - light[1]) > 100
    assert (light[1] > 128) == (scheme == "light")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("screen", SCREENS)
def test_hostile_names_are_shown_as_text(
    visit: Any, hostile_page: Path, screen: str, scheme: str
) -> None:
    seen = visit(hostile_page, screen, scheme)
    assert_well_behaved(seen, SCREENS[screen][0])
    text = seen.page.evaluate("document.body.textContent")
    assert LABEL in text
    assert 'it\'s "quoted" \\u{202E}gpj.jpg' in text
    assert "<b>set" in text
    assert "\u202e" not in seen.page.content()
    assert seen.page.evaluate("document.querySelectorAll('[onerror], body script').length") == 0
    assert seen.page.evaluate("document.querySelectorAll('img[src=x]').length") == 0
    assert seen.page.evaluate("document.querySelectorAll('image').length") >= 2


def test_the_page_can_be_read_without_a_mouse(visit: Any, sample_page: Path) -> None:
    seen = visit(sample_page, "desk", "light")
    assert seen.page.evaluate("document.documentElement.lang") == "en"
    assert seen.page.evaluate("document.querySelectorAll('h1').length") == 1
    assert seen.page.evaluate("[...document.images].filter(i => !i.alt).length") == 0
    named = (
        "[...document.querySelectorAll('svg')].filter(s => !(s.getAttribute('aria-label')"
        " || s.getAttribute('aria-labelledby') || s.getAttribute('aria-hidden')"
        " || s.querySelector('title') || s.closest('[role=img][aria-label]'))).length"
    )
    assert seen.page.evaluate(named) == 0
    levels = seen.page.evaluate(
        "[...document.querySelectorAll('h1,h2,h3,h4,h5')].map(h => +h.tagName[1])"
    )
    assert all(after <= before + 1 for before, after in pairwise(levels))
