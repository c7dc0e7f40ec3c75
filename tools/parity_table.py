#!/usr/bin/env python3
"""The table of "the same bytes everywhere": hashes of the inputs that recipes make of pictures.

    python tools/parity_table.py DATA                        this machine, every tier, Python
    python tools/parity_table.py DATA --side NAME=COMMAND    and what COMMAND prints

DATA holds raccoon/, bccd/ and so on (shared test data). COMMAND is the program of
examples/parity, alone or behind an emulator ("qemu-aarch64-static -cpu max build/parity"), or
this script run by another Python ("qemu-aarch64-static -L ROOT python3.11 parity_table.py
--print"), which needs NumPy and fastlabel alone. It is given RECIPE [--format nv12 --size WxH]
FILES, and prints a hash a file. Exit code 1: not all are equal.
"""

from __future__ import annotations

import argparse
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]

#: Ten real pictures: photos and microscopy, colour and gray, of many sizes.
PICTURES = (
    "raccoon/images/raccoon-1.jpg",
    "raccoon/images/raccoon-12.jpg",
    "raccoon/images/raccoon-106.jpg",
    "raccoon/images/raccoon-150.jpg",
    "raccoon/images/raccoon-169.jpg",
    "bccd/JPEGImages/BloodImage_00020.jpg",
    "bccd/JPEGImages/BloodImage_00343.jpg",
    "fridge/odFridgeObjects/images/10.jpg",
    "sahi-small/small-vehicles1.jpeg",
    "sahi-small/boats.jpg",
)

#: What a detector, a quantised one, and a gray one on a microcontroller are fed.
RECIPES = {
    "int8": {"size": 640, "dtype": "int8", "quantize": (0.018658448, -14),
             "mean": (0.485, 0.456, 0.406), "std": (0.229, 0.224, 0.225)},
    "float16": {"size": (416, 320), "dtype": "float16", "interpolation": "area",
                "layout": "nhwc", "order": "bgr", "center": False},
    "gray": {"size": 96, "dtype": "uint8", "order": "gray", "stretch": True,
             "interpolation": "area"},
    "float32": {"size": (640, 384), "mean": 0.5, "std": 0.25},
}  # fmt: skip


class Case(NamedTuple):
    """Some files that one call of a side takes."""

    recipe: str
    options: tuple[str, ...]
    files: tuple[Path, ...]


def make_frames(pictures: Sequence[Path], folder: Path) -> tuple[list[Path], list[Path]]:
    """Each picture as PPM, and as a camera's NV12 frame; made by OpenCV, but for the decoding."""
    import cv2

    from fastlabel.predictions.run import decoded
    from fastlabel.scan import Limits

    ppms, raws = [], []
    for k, path in enumerate(pictures):
        bgr = decoded(path.read_bytes(), Limits())
        if not isinstance(bgr, np.ndarray):
            raise SystemExit(f"{path}: {bgr.detail}")
        ppm = folder / f"{k}-{path.stem}.ppm"
        height, width = bgr.shape[:2]
        ppm.write_bytes(f"P6 {width} {height} 255\n".encode() + bgr[:, :, ::-1].tobytes())
        ppms.append(ppm)
        even = np.ascontiguousarray(bgr[: height // 2 * 2, : width // 2 * 2])
        raw = folder / f"{k}-{path.stem}-{even.shape[1]}x{even.shape[0]}.nv12"
        raw.write_bytes(nv12_of(cv2.cvtColor(even, cv2.COLOR_BGR2YUV_I420)).tobytes())
        raws.append(raw)
    return ppms, raws


def nv12_of(planar: Image) -> Image:
    """Y, U, V planes one below the other as NV12: U and V side by side."""
    rows, width = planar.shape
    height = rows // 3 * 2
    chroma = planar[height:].reshape(2, height // 2, width // 2)
    return np.vstack([planar[:height], np.dstack(list(chroma)).reshape(height // 2, width)])


def write_recipes(folder: Path) -> dict[str, Path]:
    """Each recipe as a file."""
    from fastlabel import Preprocess

    paths = {}
    for name, settings in RECIPES.items():
        paths[name] = folder / f"{name}.json"
        more = {key: value for key, value in settings.items() if key != "size"}
        Preprocess(settings["size"], **more).save(paths[name])  # type: ignore[arg-type]
    return paths


def cases_of(jpegs: Sequence[Path], ppms: Sequence[Path], raws: Sequence[Path]) -> list[Case]:
    """What each recipe is tried on."""
    cases = []
    for name in RECIPES:
        cases += [Case(name, (), tuple(jpegs)), Case(name, (), tuple(ppms))]
        for raw in raws:
            size = raw.stem.rsplit("-", 1)[1]
            cases.append(Case(name, ("--format", "nv12", "--size", size), (raw,)))
    return cases


def hashes_of(command: Sequence[str], case: Case, recipe: Path) -> list[str]:
    """What a side prints of a case; RuntimeError when it fails."""
    words = [*command, str(recipe), *case.options, *map(str, case.files)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=300)
    lines = done.stdout.splitlines()
    if done.returncode != 0 or len(lines) != len(case.files):
        raise RuntimeError(f"{shlex.join(words[:6])}: {done.stderr.strip()[-300:]}")
    return [line.split()[0] for line in lines]


def python_hashes(recipe: Path, case: Case) -> list[str]:
    """What this Python makes of a case."""
    from fastlabel import Preprocess
    from fastlabel.predictions.run import decoded
    from fastlabel.scan import Limits

    loaded = Preprocess.load(recipe)
    found = []
    for path in case.files:
        raw = path.read_bytes()
        if case.options:
            width, height = map(int, case.options[3].split("x"))
            frame = np.frombuffer(raw, np.uint8).reshape(height * 3 // 2, width)
            found.append(loaded.hash(frame, format="nv12"))
        else:
            found.append(loaded.hash(decoded(raw, Limits())))
    return found


def print_hashes(words: Sequence[str]) -> int:
    """What `parity` prints, of PPM and raw frames: with NumPy and fastlabel alone."""
    from fastlabel import Preprocess

    parser = argparse.ArgumentParser()
    parser.add_argument("recipe")
    parser.add_argument("--format")
    parser.add_argument("--size")
    parser.add_argument("files", nargs="+")
    given = parser.parse_args(words)
    recipe = Preprocess.load(given.recipe)
    for name in given.files:
        raw = Path(name).read_bytes()
        if given.format is None:
            header, pixels = raw.split(b"\n", 1)
            width, height = map(int, header.split()[1:3])
            frame = np.frombuffer(pixels, np.uint8).reshape(height, width, 3)
            print(f"{recipe.hash(frame, format='rgb')}  {name}")
        else:
            width, height = map(int, given.size.split("x"))
            frame = np.frombuffer(raw, np.uint8).reshape(height * 3 // 2, width)
            print(f"{recipe.hash(frame, format=given.format)}  {name}")
    return 0


def main(words: Sequence[str]) -> int:
    """The command."""
    if words[:1] == ["--print"]:
        return print_hashes(words[1:])
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--side", action="append", default=[], metavar="NAME=COMMAND")
    parser.add_argument("--keep", type=Path, help="a folder for the frames and recipes")
    given = parser.parse_args(words)
    with tempfile.TemporaryDirectory() as temporary:
        folder = given.keep or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        jpegs = [given.data / name for name in PICTURES]
        ppms, raws = make_frames(jpegs, folder)
        recipes = write_recipes(folder)
        sides = {}
        for side in given.side:
            name, _, command = side.partition("=")
            sides[name] = shlex.split(command)
        return show(cases_of(jpegs, ppms, raws), recipes, sides)


def show(cases: Sequence[Case], recipes: dict[str, Path], sides: dict[str, list[str]]) -> int:
    """Print the hashes, and which sides agree on them."""
    from fastlabel._core import isa_available, isa_select

    hashes: dict[tuple[str, str], set[str]] = {}
    said: dict[str, int] = {}
    wrong = 0

    def take(side: str, case: Case, found: list[str]) -> None:
        said[side] = said.get(side, 0) + len(found)
        for path, value in zip(case.files, found, strict=True):
            kind = "NV12" if path.suffix == ".nv12" else "RGB"
            hashes.setdefault((case.recipe, f"{kind} {label(path)}"), set()).add(value)

    for case in cases:
        recipe_file = recipes[case.recipe]
        for tier in isa_available():
            isa_select(tier)
            take(f"Python, {tier}", case, python_hashes(recipe_file, case))
        for name, command in sides.items():
            try:
                take(name, case, hashes_of(command, case, recipe_file))
            except RuntimeError as error:
                if case.files[0].suffix.startswith(".jp"):
                    continue  # without a codec: the same pixels come as PPM
                print(f"{name}: {error}", file=sys.stderr)
                wrong += 1
    print("| recipe | picture | hash |\n| --- | --- | --- |")
    for (recipe, picture), values in hashes.items():
        wrong += len(values) != 1
        print(f"| {recipe} | {picture} | {' DIFFERS FROM '.join(sorted(values))} |")
    print()
    for side, count in said.items():
        print(f"{side}: {count} hashes")
    print("all equal" if wrong == 0 else f"{wrong} differ or failed")
    return int(wrong > 0)


def label(path: Path) -> str:
    """The picture's name in the table."""
    stem = path.stem
    if path.suffix in (".ppm", ".nv12"):
        stem = stem.split("-", 1)[1]
    return stem.rsplit("-", 1)[0] if path.suffix == ".nv12" else stem


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
