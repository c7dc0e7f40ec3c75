"""The sandbox in a real browser: what is seen is what is written, by mouse and by keyboard."""

from __future__ import annotations

import hashlib
import json
import secrets
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

import fastlabel as fl
from fastlabel.augment import Recipe, augment_set, operations
from fastlabel.sandbox.app import make_app
from fastlabel.sandbox.pictures import Pictures
from fastlabel.sandbox.stage import LIMITS, Sandbox

uvicorn = pytest.importorskip("uvicorn")
pytestmark = pytest.mark.browser

LABEL = "<img src=x onerror=alert(1)>"
#: RGBA of the canvas as SHA-256, in the page's own words.
SHA = """async () => {
  const canvas = document.getElementById('after');
  const data = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
  const found = await crypto.subtle.digest('SHA-256', data);
  return [...new Uint8Array(found)].map(b => b.toString(16).padStart(2, '0')).join('');
}"""
BOXES = """() => [...document.querySelectorAll('#after-labels rect')].map(r =>
  ['x', 'y', 'width', 'height'].map(k => Number(r.getAttribute(k))))"""
WATCH = """() => {
  window.seen = [];
  addEventListener('painted', event => window.seen.push(event.detail));
}"""


def until(page: Any, what: str) -> None:
    """Wait; the page's policy forbids the evaluation that Playwright's own waiting needs."""
    end = time.monotonic() + 20
    while not page.evaluate(what):
        assert time.monotonic() < end, what
        page.wait_for_timeout(15)


@dataclass
class Opened:
    """A page that is open, and what it did."""

    page: Any
    root: Path
    port: int
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def settled(self, work: Callable[[], Any]) -> None:
        """Do something, and wait until what it asks for is painted."""
        self.page.evaluate("() => { window.seen.length = 0; }")
        work()
        until(self.page, "window.seen.length > 0")
        self.page.wait_for_timeout(60)
        until(self.page, "window.idle()")

    def written(self, out: Path) -> tuple[str, Any]:
        """What `augment` writes with the recipe and seed that the page exports."""
        self.page.wait_for_timeout(20)
        stages = self.page.evaluate("() => window.recipe()")
        seed = int(self.page.input_value("#seed"))
        toml = Recipe.from_dict({"stages": stages}).to_toml()
        path = out.with_suffix(".toml")
        path.write_text(toml)
        augment_set(self.root, out, Recipe.from_toml(path), seed=seed, originals=False)
        new = fl.read(out)
        picture = cv2.imread(str(out / new.images["path"][0].as_py()))
        rgba = cv2.cvtColor(picture, cv2.COLOR_BGR2RGBA)
        boxes = new.boxes()[new.column("annotations", "image_id") == 0]
        return hashlib.sha256(rgba.tobytes()).hexdigest(), boxes


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One picture of 960 x 540, and names that try to be markup."""
    root = tmp_path_factory.mktemp("page") / "<b>set"
    root.mkdir()
    few = np.random.default_rng(1).integers(0, 256, (27, 48, 3), dtype=np.uint8)
    name = 'it\'s "quoted" \u202egnp.png'
    done, data = cv2.imencode(".png", cv2.resize(few, (960, 540)))
    assert done
    (root / name).write_bytes(data.tobytes())
    boxes = [[200, 100, 180, 120], [500, 250, 60, 150], [400, 60, 90, 90]]
    labels = {
        "images": [{"id": 1, "file_name": name, "width": 960, "height": 540}],
        "annotations": [
            {"id": k, "image_id": 1, "category_id": 1, "bbox": box, "iscrowd": 0}
            for k, box in enumerate(boxes)
        ],
        "categories": [{"id": 1, "name": LABEL}],
    }
    (root / "labels.json").write_text(json.dumps(labels))
    return root


@pytest.fixture(scope="module")
def serving(root: Path) -> Iterator[tuple[str, int]]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        ds = fl.read(root)
        pictures = Pictures(ds)
        page = Sandbox(ds, pictures)
        token = secrets.token_urlsafe(16)
        app = make_app(
            "sandbox.html", page.routes(), token=token, port=port, pictures=pictures, limits=LIMITS
        )
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="off", ws="none"))
        thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
        thread.start()
        while not server.started:
            time.sleep(0.01)
        yield f"http://127.0.0.1:{port}/?token={token}", port
        server.should_exit = True
        thread.join(10)
        page.close()


@pytest.fixture
def opened(browser: Any, serving: tuple[str, int], root: Path) -> Iterator[Opened]:
    address, port = serving
    context = browser.new_context(viewport={"width": 1440, "height": 1000})
    seen = Opened(context.new_page(), root, port)
    page = seen.page
    page.on("request", lambda request: seen.requests.append(request.url))
    page.on("pageerror", lambda error: seen.complaints.append(str(error)))
    page.on("dialog", lambda dialog: seen.complaints.append(dialog.message))
    page.on(
        "console",
        lambda said: said.type in ("error", "warning") and seen.complaints.append(said.text),
    )
    page.goto(address)
    page.wait_for_selector("html[data-ready]")
    page.evaluate(WATCH)
    page.evaluate(
        "async () => { const m = await import('/static/sandbox.js');"
        " window.recipe = () => m.stack.recipe; window.idle = () => m.idle(); }"
    )
    until(page, "window.idle()")
    yield seen
    assert seen.complaints == []
    outside = [u for u in seen.requests if not u.startswith((f"http://127.0.0.1:{port}/", "blob:"))]
    assert outside == []
    context.close()


def test_every_slider_shows_what_augment_writes(opened: Opened, tmp_path: Path) -> None:
    page = opened.page
    page.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true; })")
    moved = 0
    names = [o.name for o in operations() if o.name not in ("paste", "place")]
    for group in (names[k::5] for k in range(5)):
        for name in group:
            page.click(f".effect[data-op={name}]")
        page.evaluate("document.querySelectorAll('.card details').forEach(d => { d.open = true; })")
        for slider in page.query_selector_all(".card input[type=range]"):
            until(page, "window.idle()")  # what a card says of its effect moves those below it
            x, y, wide = slider.evaluate(
                "s => { s.scrollIntoView({ block: 'center' }); const b = s.getBoundingClientRect();"
                " return [b.x, b.y + b.height / 2, b.width]; }"
            )
            page.mouse.move(x + 0.7 * wide, y)
            page.mouse.down()
            held = slider.input_value()
            page.mouse.move(x + 0.31 * wide, y, steps=3)
            page.mouse.up()
            slid = slider.input_value()
            slider.press("ArrowRight")
            assert held != slid != slider.input_value(), slider.get_attribute("aria-label")
            moved += 1
        # Every effect is to be seen, whatever was drawn for its chance.
        page.evaluate(
            "() => document.querySelectorAll('[data-key$=\".p.number\"]').forEach(p => {"
            " p.value = 1; p.dispatchEvent(new Event('change')); })"
        )
        until(page, "window.idle()")
        page.wait_for_timeout(30)
        until(page, "window.idle()")
        sha, _ = opened.written(tmp_path / group[0])
        assert page.evaluate(SHA) == sha, group
        for _ in group:
            page.click(".card [data-key$='.remove']")
    assert moved > 40


@pytest.mark.parametrize(
    "stages", [["flip"], ["rotate"], ["fisheye"], ["scale_crop"], ["tile"], ["rotate", "fisheye"]]
)
def test_boxes_stand_where_the_oracle_says(
    opened: Opened, tmp_path: Path, stages: list[str]
) -> None:
    for op in stages:
        further = opened.page.locator("#palette details")
        further.evaluate("d => { d.open = true; }")
        opened.settled(lambda op=op: opened.page.click(f".effect[data-op={op}]"))
    sha, boxes = opened.written(tmp_path / "new")
    assert opened.page.evaluate(SHA) == sha
    found = np.array(opened.page.evaluate(BOXES)).reshape(-1, 4)
    found[:, 2:] += found[:, :2]
    assert np.abs(np.sort(found, axis=0) - np.sort(boxes, axis=0)).max() < 0.5
    # On the screen they lie over the picture's own pixels, whatever the zoom.
    for button in ("#larger", "#zoom"):
        opened.page.click(button)
        both = opened.page.evaluate(
            "() => ['#after', '#after-labels'].map(q =>"
            " { const b = document.querySelector(q).getBoundingClientRect();"
            " return [b.x, b.y, b.width, b.height]; })"
        )
        np.testing.assert_allclose(both[0], both[1], atol=0.5)


def test_answers_come_in_order_however_fast_the_hand(opened: Opened, tmp_path: Path) -> None:
    page = opened.page
    for op in ("fog", "rain", "rotate", "motion_blur", "gamma"):
        opened.settled(lambda op=op: page.click(f".effect[data-op={op}]"))
    page.evaluate("() => { window.seen.length = 0; }")
    slider = page.query_selector("[data-op=fog] input[type=range]")
    box = slider.bounding_box()
    y = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + 4, y)
    page.mouse.down()
    page.mouse.move(box["x"] + 0.9 * box["width"], y, steps=60)
    page.mouse.up()
    until(page, "window.idle()")
    page.wait_for_timeout(60)
    numbers = [row["number"] for row in page.evaluate("() => window.seen")]
    assert numbers == sorted(numbers)
    assert len(set(numbers)) == len(numbers) > 1
    assert page.evaluate(SHA) == opened.written(tmp_path / "new")[0]
    # One drag is one step back.
    page.keyboard.press("Control+z")
    page.wait_for_timeout(100)
    assert page.evaluate("() => window.recipe()[0].density") == 0.5
    page.keyboard.press("Control+Shift+z")
    page.wait_for_timeout(100)
    assert page.evaluate("() => window.recipe()[0].density") > 1


def test_names_are_text(opened: Opened) -> None:
    text = opened.page.evaluate("document.body.textContent")
    assert LABEL in text
    assert "\\u{202E}gnp.png" in text
    assert "<b>set" in text
    assert opened.page.evaluate("document.querySelectorAll('img[src=x], [onerror]').length") == 0


def test_an_object_is_placed_and_dragged(opened: Opened, tmp_path: Path) -> None:
    page = opened.page
    opened.settled(lambda: page.click(".effect[data-op=fog]"))
    page.click("#bank summary")
    until(page, "document.querySelectorAll('#objects img').length > 0")
    opened.settled(lambda: page.click("#objects button"))
    assert page.evaluate(SHA) == opened.written(tmp_path / "a")[0]
    box = page.query_selector("#after-labels rect.pasted").bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    stage = page.query_selector("#stage").bounding_box()
    target = stage["x"] + 0.8 * stage["width"], stage["y"] + 0.5 * stage["height"]
    # Out of the way of the handle, which would be taken instead.
    page.evaluate("() => { document.getElementById('compare').click(); }")
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(*target, steps=4)
    page.mouse.up()
    until(page, "window.idle()")
    page.wait_for_timeout(80)
    until(page, "window.idle()")
    after = page.query_selector("#after-labels rect.pasted").bounding_box()
    assert abs(after["x"] + after["width"] / 2 - target[0]) < 6
    assert abs(after["y"] + after["height"] / 2 - target[1]) < 6
    assert page.evaluate(SHA) == opened.written(tmp_path / "b")[0]


def test_a_picture_of_ones_own(opened: Opened) -> None:
    done, data = cv2.imencode(".png", np.full((90, 120, 3), 40_000, np.uint16))
    assert done
    page = opened.page
    opened.settled(
        lambda: page.set_input_files(
            "#own", {"name": "<i>deep.png", "mimeType": "image/png", "buffer": data.tobytes()}
        )
    )
    assert "<i>deep.png" in page.inner_text("#name")
    assert page.evaluate(
        "() => { const c = document.getElementById('after');"
        " return [c.width, c.height, ...c.getContext('2d').getImageData(5, 5, 1, 1).data]; }"
    ) == [120, 90, 156, 156, 156, 255]
    page.set_input_files("#own", {"name": "a.png", "mimeType": "image/png", "buffer": b"none"})
    until(page, "document.querySelector('.toast.error')?.textContent.includes('no picture')")
    opened.complaints.clear()  # the browser's own word about the refusal
