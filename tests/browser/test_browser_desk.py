"""The review desk in a real browser: by keyboard alone, through a kill, with hostile names."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pyarrow.parquet as pq
import pytest

import fastlabel as fl

pytest.importorskip("starlette")
pytest.importorskip("uvicorn")
pytestmark = pytest.mark.browser

CLASSES = ["<img src=x onerror=alert(1)>", "dog", "cat \u202eevil"]
FILE = 'it\'s "quoted" \u202egpj.jpg'
#: What the page would not be allowed to do, as the browser tells it.
WATCH = """addEventListener('securitypolicyviolation', e =>
  (window.refused ??= []).push(e.violatedDirective + ' ' + e.blockedURI))"""


@pytest.fixture(scope="module")
def checked(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A set with 36 faults under hostile names, and its report."""
    root = tmp_path_factory.mktemp("desk") / "<b>set"
    root.mkdir()
    rng = np.random.default_rng(1)
    images, annotations = [], []
    for i in range(12):
        tile = rng.integers(60, 200, (12, 16, 3), dtype=np.uint8)
        picture = cv2.resize(tile, (640, 480), interpolation=cv2.INTER_CUBIC)
        name = f"a{i}.jpg" if i else FILE
        (root / name).write_bytes(cv2.imencode(".jpg", picture)[1].tobytes())
        images.append({"id": i + 1, "file_name": name, "width": 640, "height": 480})
        x, y = 60 + 5 * i, 80 + 7 * i
        for k, box in enumerate(
            ([x, y, 0, 30], [-30, y, 130, 90], [300, y, 90, 120], [300, y, 91, 120])
        ):
            number = len(annotations) + 1
            category = (1, 2, 3, 3)[k]
            annotations.append(
                {"id": number, "image_id": i + 1, "category_id": category, "bbox": box}
            )
    categories = [{"id": k + 1, "name": name} for k, name in enumerate(CLASSES)]
    document = {"images": images, "annotations": annotations, "categories": categories}
    (root / "labels.json").write_text(json.dumps(document))
    report = tmp_path_factory.mktemp("report")
    fl.check(root).write(report)
    return root, report


@pytest.fixture
def start(checked: tuple[Path, Path]) -> Iterator[Callable[[], tuple[Any, str]]]:
    """Start `fastlabel review`; its process and the one address that it prints."""
    running = []

    def go() -> tuple[Any, str]:
        command = [sys.executable, "-m", "fastlabel", "review", *map(str, checked[:1])]
        command += ["--findings", str(checked[1]), "--no-browser"]
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        running.append(process)
        assert process.stdout is not None
        return process, process.stdout.readline().strip()

    yield go
    for process in running:
        if process.poll() is None:
            process.kill()
        process.wait(10)
        process.stdout.close()
        process.stderr.close()


@pytest.fixture
def page(browser: Any) -> Iterator[Any]:
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    opened = context.new_page()
    opened.complaints = []
    opened.outside = []
    opened.add_init_script(WATCH)
    opened.on("pageerror", lambda error: opened.complaints.append(str(error)))
    opened.on("dialog", lambda dialog: opened.complaints.append(dialog.message))
    opened.on(
        "console",
        lambda said: said.type in ("error", "warning") and opened.complaints.append(said.text),
    )
    opened.on(
        "request",
        lambda asked: (
            asked.url.startswith(("http://127.0.0.1:", "blob:")) or opened.outside.append(asked.url)
        ),
    )
    yield opened
    context.close()


def shown(page: Any) -> str:
    page.wait_for_selector("body[data-finding]")
    return str(page.evaluate("document.body.dataset.finding"))


def press(page: Any, key: str) -> None:
    """Press a key, and wait until another finding is there."""
    before = shown(page)
    page.keyboard.press(key)
    page.wait_for_function("f => document.body.dataset.finding !== f", arg=before)


def test_thirty_findings_by_keyboard_through_a_kill(
    start: Any, page: Any, checked: tuple[Path, Path], tmp_path: Path
) -> None:
    root, report = checked
    process, address = start()
    page.goto(address)
    shown(page)
    assert "token" not in page.url
    said: dict[int, str] = {}
    keys = ["a", "d", "a", "s", "a"]
    for k in range(17):
        said[int(shown(page))] = keys[k % 5]
        press(page, keys[k % 5])
    process.send_signal(signal.SIGKILL)
    process.wait(10)
    # What is pressed now is refused in words, and nothing is pretended.
    here = shown(page)
    page.keyboard.press("a")
    page.wait_for_selector(".toast.error")
    assert shown(page) == here
    complaints, page.complaints[:] = list(page.complaints), []
    assert all("ERR_CONNECTION_REFUSED" in text for text in complaints)

    process, address = start()
    page.goto(address)
    assert shown(page) == here  # it goes on where it was
    for k in range(17, 30):
        finding = int(shown(page))
        assert finding not in said
        said[finding] = keys[k % 5]
        press(page, keys[k % 5])
    # One of them moved by the arrow keys, taken back, and decided again.
    page.keyboard.press("z")
    page.wait_for_function("f => document.body.dataset.finding === f", arg=str(finding))
    press(page, keys[29 % 5])
    page.keyboard.press("w")
    page.wait_for_selector("#plan-dialog[open]")
    told = page.inner_text("#plan-told")
    assert "fastlabel apply" in told
    assert page.complaints == []
    assert page.outside == []
    assert page.evaluate("window.refused ?? []") == []

    verdicts = pq.read_table(report / "review-plan.verdicts.parquet").to_pylist()
    assert {r["finding"]: r["verdict"] != "rejected" for r in verdicts} == {
        finding: key == "a" for finding, key in said.items() if key != "s"
    }
    plan = fl.Plan.read(report / "review-plan.parquet")
    assert len(plan) > 5
    tree = tmp_path / "tree"
    shutil.copytree(root, tree)
    before = {p.name: p.read_bytes() for p in tree.iterdir()}
    fl.apply(plan, data=tree, in_place=True, unsafe=True)
    assert (tree / "labels.json").read_bytes() != before["labels.json"]
    fl.undo(tree)
    assert {n: (tree / n).read_bytes() for n in before} == before

    process.send_signal(signal.SIGINT)
    assert process.wait(10) == 0
    again, _ = start()
    assert "30 decisions from before" in again.stderr.readline()


def test_hostile_names_are_text_and_boxes_can_be_moved(
    start: Any, page: Any, checked: tuple[Path, Path]
) -> None:
    for file in checked[1].glob("review*"):
        file.unlink()
    _, address = start()
    page.goto(address)
    page.wait_for_selector("#facts dd")
    shown(page)
    assert CLASSES[0] in page.evaluate("document.body.textContent")
    assert 'it\'s "quoted" \\u{202E}gpj.jpg' in page.inner_text("#facts")
    assert "\u202e" not in page.content()
    assert page.evaluate("document.querySelectorAll('[onerror], img[src=x]').length") == 0

    # The box of the finding one pixel to the right, two down, three wider; and its class.
    page.keyboard.press("b")
    was = page.evaluate("document.querySelector('.box.chosen .line').getAttribute('d')")
    for key in ("ArrowRight", "ArrowDown", "ArrowDown", *["Shift+ArrowRight"] * 3):
        page.keyboard.press(key)
    now = page.evaluate("document.querySelector('.box.chosen .line').getAttribute('d')")
    x1, y1, x2, y2 = _corners(was)
    assert _corners(now) == (x1 + 1, y1 + 2, x2 + 4, y2 + 2)
    page.keyboard.press("c")
    page.select_option("#category", "1")
    assert "2 changes" not in page.inner_text("#effect")  # one box, one change
    # By mouse: its lower right corner.
    handle = page.locator(".handle.se").bounding_box()
    page.mouse.move(handle["x"] + handle["width"] / 2, handle["y"] + handle["height"] / 2)
    page.mouse.down()
    page.mouse.move(handle["x"] + 60, handle["y"] + 40)
    page.mouse.up()
    wider = page.evaluate("document.querySelector('.box.chosen .line').getAttribute('d')")
    assert _corners(wider)[2] > x2 + 20
    # Left without a decision, the change is kept; back again, it is there, and can be taken back.
    here = shown(page)
    page.keyboard.press("Escape")
    press(page, "ArrowRight")
    press(page, "ArrowLeft")
    assert shown(page) == here
    assert "changes that were made here" in page.inner_text("#effect")
    kept = page.evaluate("document.querySelector('.box.subject .line').getAttribute('d')")
    assert _corners(kept) == _corners(wider)
    page.keyboard.press("z")
    page.wait_for_function(
        "() => !document.querySelector('#effect').textContent.includes('made here')"
    )
    back = page.evaluate("document.querySelector('.box.subject .line').getAttribute('d')")
    assert _corners(back) == (x1, y1, x2, y2)
    page.keyboard.press("g")
    page.wait_for_selector(".tile svg image")
    assert page.evaluate("document.querySelectorAll('.tile').length") > 30
    assert page.complaints == []
    assert page.outside == []
    assert page.evaluate("window.refused ?? []") == []
    for width in (1024, 390):
        page.set_viewport_size({"width": width, "height": 800})
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def _corners(path: str) -> tuple[float, ...]:
    import re

    x1, y1, x2, y2 = re.findall(r"-?[\d.]+", path)[:4]
    return float(x1), float(y1), float(x2), float(y2)
