"""From a slider's move to the picture on the screen: five effects at 960 x 540, in Chromium.

    python benchmarks/slider_to_paint.py [--moves 60]

A slider of the first, the middle and the last of five effects is moved by one step of a key at a
time (each move is painted before the next) and by a drag of the mouse without pause. Milliseconds
from the input event to the end of the frame that shows it.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np
from playwright.sync_api import sync_playwright

OPS = ("fog", "rain", "rotate", "motion_blur", "gamma")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--moves", type=int, default=60)
    parser.add_argument("--picture", type=Path, help="A photo; otherwise one is drawn.")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if args.picture:
            picture = cv2.imread(str(args.picture))
        else:
            few = np.random.default_rng(0).integers(0, 256, (108, 192, 3), dtype=np.uint8)
            picture = cv2.resize(few, (1920, 1080), interpolation=cv2.INTER_CUBIC)
        cv2.imwrite(f"{folder}/a.jpg", picture)
        command = [sys.executable, "-m", "fastlabel", "sandbox", folder, "--no-browser"]
        server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert server.stdout is not None
        try:
            address = re.findall(r"http://\S+", server.stdout.readline())[0]
            measure(address, args.moves)
        finally:
            server.terminate()
            server.wait()


def measure(address: str, moves: int) -> None:
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    flags = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=flags)
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        start = time.perf_counter()
        page.goto(address)
        page.wait_for_selector("html[data-ready]")
        print(f"page ready        {1000 * (time.perf_counter() - start):6.0f} ms")
        page.evaluate(
            "() => { window.seen = []; addEventListener('painted', e => seen.push(e.detail)); }"
        )
        for op in OPS:
            page.click(f".effect[data-op={op}]")
        page.wait_for_timeout(2500)
        load = os.getloadavg()[0]
        for at in (0, 2, 4):
            slider = page.query_selector(f"[data-op={OPS[at]}].card input[type=range]")
            slider.scroll_into_view_if_needed()
            slider.focus()
            page.evaluate("() => { seen.length = 0; }")
            for k in range(moves):
                count = page.evaluate("() => seen.length")
                slider.press("ArrowLeft" if k % 2 else "ArrowRight")
                while page.evaluate("() => seen.length") == count:
                    time.sleep(0.004)
            told(page, f"keys, effect {at + 1}")
            page.wait_for_timeout(1500)
            box = slider.bounding_box()
            y = box["y"] + box["height"] / 2
            page.mouse.move(box["x"] + 5, y)
            page.mouse.down()
            page.evaluate("() => { seen.length = 0; }")
            for k in range(moves):
                page.mouse.move(box["x"] + 5 + (box["width"] - 10) * k / moves, y)
                time.sleep(1 / 60)
            page.wait_for_timeout(300)
            told(page, f"drag, effect {at + 1}")
            page.mouse.up()
            page.wait_for_timeout(1500)
        print(f"load of the machine before: {load:.1f} on {os.cpu_count()} CPUs")
        browser.close()


def told(page: object, name: str) -> None:
    rows = page.evaluate("() => seen.map(d => [d.number, d.now - d.since])")
    times = np.array([row[1] for row in rows])
    numbers = [row[0] for row in rows]
    assert numbers == sorted(numbers), "out of order"
    middle, high = np.percentile(times, [50, 95])
    print(f"{name:17} {middle:6.1f} ms median, {high:6.1f} ms p95, {len(times)} painted")


if __name__ == "__main__":
    main()
