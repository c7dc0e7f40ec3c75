#!/usr/bin/env python3
"""The frame gate on faults that are known: how many frames it judges right.

    python benchmarks/gate_table.py SHARED [--size 320x240] [--share 0.98] [--sheet sheet.png]

SHARED is the folder with ``raccoon/`` and ``quality/``. The limits are fitted to every second
image of ``raccoon/``. The other ones are the frames: as they are, and made worse by known amounts.
A sequence is eight frames of one of them, each with sensor noise of its own: frozen, or with a
patch of another picture that moves. ``quality/`` has real faults; nothing of it was in the fit. A
row is right when its flag is up, and for good frames when none is.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np

import fastlabel as fl
from fastlabel.gate.fit import sized

V = fl.GateVerdict
#: Files of quality/ whose fault is known: by their authors' folder names, or by looking at them.
QUALITY = {
    "Original_244": V.BLURRY,
    "Original_5": V.BLURRY,
    "Original_6": V.BLURRY,
    "DSC05405": V.OK,
    "image_417": V.DARK,
    "image_591": V.BRIGHT,
    "image_601": V.BLURRY,
    "image_408": V.BLURRY,
    "image_103": V.OK,
    "image_101": V.OK,
    "image_142": V.OK,
    "1": V.DARK,
    "22": V.DARK,
    "780": V.DARK,
}


def gray(path: Path, size: tuple[int, int]) -> Any:
    """The luma of a file at the camera's size, or None."""
    picture = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_GRAYSCALE)
    return None if picture is None else sized(np.asarray(picture), size)[0]


def moved(frame: Any, length: int) -> Any:
    """Blurred by a pan of so many pixels."""
    kernel = np.full((1, length), 1 / length, np.float32)
    return cv2.filter2D(frame, -1, kernel)


def noisy(frame: Any, rng: Any, sigma: float) -> Any:
    """With sensor noise."""
    return np.clip(frame + rng.normal(0, sigma, frame.shape), 0, 255).round().astype(np.uint8)


MADE: dict[str, tuple[Any, Callable[[Any], Any]]] = {
    "as it is": (V.OK, lambda f: f),
    "half the light": (V.OK, lambda f: f // 2),
    "an eighth of the light": (V.DARK, lambda f: f // 8),
    "a sixteenth of the light": (V.DARK, lambda f: f // 16),
    "burnt out (+ 150)": (
        V.BRIGHT,
        lambda f: np.minimum(f.astype(int) + 150, 255).astype(np.uint8),
    ),
    "Gaussian blur, 1 px": (V.BLURRY, lambda f: cv2.GaussianBlur(f, (0, 0), 1)),
    "Gaussian blur, 2 px": (V.BLURRY, lambda f: cv2.GaussianBlur(f, (0, 0), 2)),
    "Gaussian blur, 4 px": (V.BLURRY, lambda f: cv2.GaussianBlur(f, (0, 0), 4)),
    "moved by 7 px": (V.BLURRY, lambda f: moved(f, 7)),
    "moved by 15 px": (V.BLURRY, lambda f: moved(f, 15)),
}


def judge(frame: Any, limits: Any) -> Any:
    """The verdict on one frame by itself."""
    return fl.FrameGate(frame.shape[1], frame.shape[0], limits)(frame)


def is_right(verdict: Any, truth: Any) -> bool:
    """A fault's own flag is up; a good frame has none."""
    return bool(verdict & truth) if truth else verdict == V.OK


def sequences(frames: list[Any], limits: Any) -> dict[str, tuple[int, int]]:
    """Right and all frames of sequences with nothing new in them, and with something that moves."""
    rng = np.random.default_rng(8)
    right = {"frozen, noise of 1.5": 0, "frozen, noise of 4": 0, "a patch moves by 8 px": 0,
             "the light changes by 10": 0}  # fmt: skip
    total = dict.fromkeys(right, 0)
    for k, frame in enumerate(frames):
        height, width = frame.shape
        patch = cv2.resize(frames[k - 1], (width // 8, height // 6))
        gates = {name: fl.FrameGate(width, height, limits) for name in right}
        for step in range(8):
            there = frame.copy()
            x = step * 8 % (width - patch.shape[1])
            there[height // 3 : height // 3 + len(patch), x : x + patch.shape[1]] = patch
            light = np.clip(frame.astype(int) + (step % 2) * 10, 0, 255)
            for name, now, still in (
                ("frozen, noise of 1.5", noisy(frame, rng, 1.5), True),
                ("frozen, noise of 4", noisy(frame, rng, 4), True),
                ("a patch moves by 8 px", noisy(there, rng, 1.5), False),
                ("the light changes by 10", noisy(light, rng, 1.5), True),
            ):
                verdict = gates[name](now).verdict
                if step:
                    total[name] += 1
                    right[name] += bool(verdict & V.STILL) == still
    return {name: (right[name], total[name]) for name in right}


def sheet(rows: list[tuple[str, Any, Any]], path: Path) -> None:
    """Draw frames with their verdicts, to be looked at."""
    tiles = []
    for title, frame, found in rows:
        tile = cv2.resize(frame, (240, 180), interpolation=cv2.INTER_AREA)
        bar = np.full((44, 240), 255, np.uint8)
        numbers = f"s {found.sharpness:.0f} a {found.acutance or 0:.2f} l {found.luma_mean:.0f}"
        for line, text in enumerate((title[-34:], f"{found.verdict.name}  {numbers}")):
            at, font = (3, 16 + 18 * line), cv2.FONT_HERSHEY_SIMPLEX
            cv2.putText(bar, text, at, font, 0.38, 0, 1, cv2.LINE_AA)
        tiles.append(np.vstack([tile, bar]))
    while len(tiles) % 6:
        tiles.append(np.full((224, 240), 255, np.uint8))
    page = np.vstack([np.hstack(tiles[k : k + 6]) for k in range(0, len(tiles), 6)])
    cv2.imwrite(str(path), page)


def main() -> None:
    """Fit, judge, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("shared", type=Path)
    parser.add_argument("--size", default="320x240")
    parser.add_argument("--share", type=float, default=0.98)
    parser.add_argument("--sheet", type=Path)
    given = parser.parse_args()
    width, height = map(int, given.size.split("x"))
    size = (width, height)
    photos = sorted((given.shared / "raccoon" / "images").glob("*.jpg"))
    with tempfile.TemporaryDirectory() as parent:
        half = Path(parent, "raccoon-half")
        half.mkdir()
        for path in photos[::2]:
            shutil.copy(path, half)
        fit = fl.fit_gate(half, *size, share=given.share)
    print(fit.header())
    frames = [f for f in (gray(path, size) for path in photos[1::2]) if f is not None]
    shown = []
    print(f"| frames made of raccoon/ ({len(frames)} not in the fit) | expected | right | wrong | "
          "passed |")  # fmt: skip
    print("|---|---|---:|---:|---:|")
    for name, (truth, change) in MADE.items():
        found = [judge(change(f), fit.limits) for f in frames]
        right = sum(is_right(r.verdict, truth) for r in found)
        passed = sum(r.ok for r in found)
        print(f"| {name} | {truth.name} | {right} | {len(found) - right} | {passed} |")
        shown.append((name, change(frames[3]), found[3]))
    print("\n| sequences of raccoon/ | expected | right | wrong |")
    print("|---|---|---:|---:|")
    for name, (right, total) in sequences(frames[:40], fit.limits).items():
        print(
            f"| {name} | {'not ' * name.startswith('a patch')}STILL | {right} | {total - right} |"
        )
    print("\n| quality/ | expected | verdict | | sharpness | acutance | light |")
    print("|---|---|---|---|---:|---:|---:|")
    for path in sorted((given.shared / "quality").rglob("*")):
        name = path.relative_to(given.shared / "quality").as_posix()
        if not path.is_file() or path.suffix in ("", ".txt"):
            continue
        truth = QUALITY.get(path.stem)
        if path.stem.startswith("ukbench") and "corrupt" not in path.stem:
            truth = V.OK
        frame = gray(path, size) if truth is not None else None
        if frame is None:
            continue
        found = judge(frame, fit.limits)
        right = is_right(found.verdict, truth)
        print(
            f"| {name} | {truth.name} | {found.verdict.name} | {'right' if right else 'WRONG'} | "
            f"{found.sharpness:.1f} | {found.acutance or 0:.3f} | {found.luma_mean:.1f} |"
        )
        shown.append((name, frame, found))
    if given.sheet:
        sheet(shown, given.sheet)


if __name__ == "__main__":
    main()
