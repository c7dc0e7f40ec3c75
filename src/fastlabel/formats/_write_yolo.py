"""YOLO out: one txt an image, ``data.yaml``, and a sidecar for what a row cannot say.

A row is a class and a box and nothing else, and what is not in a row is background to the
trainer. So a region to ignore stands in the sidecar (``fastlabel-sidecar.jsonl``, see
:mod:`._sidecar`), and can besides be masked in the picture itself.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from .. import _core
from ..dataset import Dataset
from ._layout import safe_name
from ._sidecar import COLUMNS, SIDECAR
from ._write import Ledger, Rows, WriteReport, save
from ._yolo_rows import in_pixels
from ._yolo_set import OTHER_SPLIT, beside_image, in_labels_folder

__all__ = ["normalised", "word", "write"]

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]

_TRAINED = ("train", "val", "test")


def write(dataset: Dataset, folder: Path) -> WriteReport:
    """Write ``labels/<split>/STEM.txt``, ``data.yaml`` and, where needed, the sidecar."""
    rows = Rows(dataset)
    ledger = Ledger(rows)
    writer = _Writer(rows, ledger, _sizes(dataset, folder))
    files = []
    for image in range(len(dataset)):
        path = writer.label(image, folder)
        if path is not None:
            files.append(path)
    save(folder, "data.yaml", _yaml(rows, ledger))
    files.append("data.yaml")
    if writer.beside or writer.defaults:
        head = json.dumps({"default": writer.defaults}) + "\n" if writer.defaults else ""
        save(folder, SIDECAR, head + "".join(writer.beside))
        files.append(SIDECAR)
    names = dataset.categories["name"].to_pylist()
    ledger.classes("source_id", "classes are counted from 0", [str(at) for at in range(len(names))])
    ledger.classes("supercategory", "classes have names only")
    ledger.given("annotations", "source_id", "rows have no ids")
    ledger.given("images", "attributes", "images have names only")
    sources = dataset.categories["source_id"].to_pylist()
    return WriteReport(
        "yolo",
        len(dataset),
        rows.count,
        writer.written,
        writer.only_beside,
        tuple(files),
        tuple((at, name, s) for at, (name, s) in enumerate(zip(names, sources, strict=True))),
        ledger.losses(),
    )


def _sizes(dataset: Dataset, folder: Path) -> FloatArray:
    """Width and height that a trainer will divide by: the picture's own, else the table's."""
    images = dataset.images
    sizes = np.full((len(dataset), 2), np.nan)
    for at, name in enumerate(("width", "height")):
        values = images[name].to_pylist()
        sizes[:, at] = [np.nan if v is None else v for v in values]
    sources = images["size_source"].to_pylist()
    doubtful = [i for i, s in enumerate(sources) if s not in ("decoded", "exif")]
    paths = images["path"].to_pylist()
    there = [i for i in doubtful if paths[i] is not None and (folder / paths[i]).is_file()]
    if there:
        _, widths, heights, turns = _core.sniff_headers([str(folder / paths[i]) for i in there])
        for i, width, height, turn in zip(
            there, widths.tolist(), heights.tolist(), turns.tolist(), strict=True
        ):
            if width > 0 and height > 0:
                sizes[i] = (height, width) if 5 <= turn <= 8 else (width, height)
    return sizes


def normalised(boxes: FloatArray, sizes: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Centre and size as fractions, of the fewest digits that give the pixel box back.

    Parameters
    ----------
    boxes : numpy.ndarray
        (N, 4) float64 ``xyxy`` in pixels.
    sizes : numpy.ndarray
        (N, 2) float64 width and height of each box's image.

    Returns
    -------
    rows : numpy.ndarray
        (N, 4) float64 ``cx cy w h``: ``repr`` of each is its shortest text.
    error : numpy.ndarray
        (N,) float64: how far the corners that they give are from the boxes, in pixels; 0
        but where no two float64 numbers give them exactly.
    """
    low, high = boxes[:, :2], boxes[:, 2:]
    with np.errstate(over="ignore", invalid="ignore"):
        centre, extent = (low + high) / 2 / sizes, (high - low) / sizes

        def error(c: FloatArray, e: FloatArray) -> FloatArray:
            back = in_pixels(np.hstack([c - e / 2, c + e / 2]), sizes)
            return np.maximum(np.abs(back[:, :2] - low), np.abs(back[:, 2:] - high))

        best_c, best_e = centre.copy(), extent.copy()
        left = error(best_c, best_e)
        todo = np.ones(left.shape, dtype=bool)
        for digits in range(17):
            if not todo.any():
                break
            c, e = np.round(centre, digits), np.round(extent, digits)
            fits = todo & (error(c, e) == 0)
            best_c[fits], best_e[fits], left[fits] = c[fits], e[fits], 0
            todo &= ~fits
        for step_c in (0, 1, -1, 2, -2):
            if not todo.any():
                break
            for step_e in (0, 1, -1, 2, -2, 3, -3):
                c = centre + step_c * np.spacing(centre)
                e = extent + step_e * np.spacing(extent)
                now = error(c, e)
                better = todo & (now < left)
                best_c[better], best_e[better], left[better] = c[better], e[better], now[better]
            todo &= left > 0
    rows = np.stack([best_c[:, 0], best_c[:, 1], best_e[:, 0], best_e[:, 1]], axis=1)
    return rows, left.max(axis=1, initial=0.0)


def word(value: float) -> str:
    """The shortest decimal text of a number, without an exponent."""
    text = repr(value)
    if "e" in text or "E" in text:
        text = np.format_float_positional(value, trim="-")
    return text.removesuffix(".0")


class _Writer:
    """Rows of one label file after the other; what they cannot say goes beside."""

    def __init__(self, rows: Rows, ledger: Ledger, sizes: FloatArray) -> None:
        self.rows = rows
        self.ledger = ledger
        self.beside: list[str] = []
        self.written = 0
        self.only_beside = 0
        images = rows.dataset.column("annotations", "image_id")
        scale = sizes[images].reshape(-1, 2)
        self.sized: BoolArray = np.asarray(np.isfinite(sizes).all(axis=1))
        values, error = normalised(rows.boxes, scale)
        finite = np.isfinite(rows.boxes).all(axis=1)
        self.fits: BoolArray = finite & np.isfinite(values).all(axis=1)
        self.values = values.tolist()
        self.states = rows.dataset.images["label_state"].to_pylist()
        self.aside: BoolArray = rows.true("ignore") | rows.true("crowd")
        self.any_extra = [name for name in COLUMNS if rows.column(name) is not None]
        self.defaults = self._defaults()
        self._note(finite, error)

    def _defaults(self) -> dict[str, Any]:
        """What all rows have that say nothing else, where no row leaves it open."""
        annotations = self.rows.dataset.annotations
        return {
            name: COLUMNS[name](0)
            for name in ("ignore", "crowd", "difficult", "occlusion", "truncation")
            if self.rows.count and annotations[name].null_count == 0
        }

    def _note(self, finite: npt.NDArray[np.bool_], error: FloatArray) -> None:
        ledger = self.ledger
        ledger.annotations(
            "box", np.flatnonzero(~finite).tolist(), "unknown or not finite: left out"
        )
        unsized = finite & ~self.fits
        ledger.annotations(
            "size", np.flatnonzero(unsized).tolist(), "the image's size is unknown: left out"
        )
        rough = self.fits & (error > 1e-9)
        ledger.annotations(
            "box", np.flatnonzero(rough).tolist(), "not to be written exactly as a fraction"
        )
        ledger.annotations(
            "ignore",
            np.flatnonzero(self.fits & self.aside).tolist(),
            f"regions to ignore stand in {SIDECAR} alone: a trainer that does not read it takes "
            "them for background; mask them in the pictures, or read the sidecar",
        )
        for name in self.any_extra:
            if name in ("ignore", "crowd"):
                continue
            there = [row for row in np.flatnonzero(self.fits).tolist() if self._says(name, row)]
            ledger.annotations(name, there, f"stands in {SIDECAR} alone")

    def label(self, image: int, folder: Path) -> str | None:
        """Write one image's file; its path, or None where there is nothing to say."""
        rows = self.rows.of_image(image)
        if not rows and self.states[image] in ("missing", "unlabelled"):
            return None
        if rows and not self.sized[image]:
            return None  # an empty file would say that nothing is there
        image_path = str(self.rows.paths[image])
        path = in_labels_folder(image_path) or beside_image(image_path) or ""
        lines: list[str] = []
        for row in rows:
            if self.fits[row]:
                self._row(row, image_path, lines)
        save(folder, path, "".join(f"{line}\n" for line in lines))
        return path

    def _row(self, row: int, image: str, lines: list[str]) -> None:
        category = self.rows.value("category_id", row)
        extra = self._extra(row)
        if self.aside[row] or category is None:
            if category is None:
                extra["source_category"] = self.rows.value("source_category", row)
                self.ledger.annotation(
                    "category",
                    row,
                    "names no known class, for which trainers drop the image: stands in "
                    f"{SIDECAR} alone",
                )
            self.only_beside += 1
            place: dict[str, Any] = {"row": None, "class": category}
            place["box"] = self.rows.boxes[row].tolist()
        else:
            text = " ".join([str(category), *(word(v) for v in self.values[row])])
            lines.append(text)
            self.written += 1
            if not extra:
                return
            place = {"row": len(lines), "text": text}
        record = {"image": image, **place, **extra}
        self.beside.append(json.dumps(record, ensure_ascii=False) + "\n")

    def _extra(self, row: int) -> dict[str, Any]:
        found = {}
        for name in self.any_extra:
            if self._says(name, row):
                found[name] = COLUMNS[name](self.rows.value(name, row))
        return found

    def _says(self, name: str, row: int) -> bool:
        """Whether a value says more than the row, or the default, does."""
        value = self.rows.value(name, row)
        if value is None or value == self.defaults.get(name):
            return False
        if name == "area":
            x1, y1, x2, y2 = self.rows.boxes[row]
            return bool(abs(value - (x2 - x1) * (y2 - y1)) > 1e-9 * abs(value))
        return name != "segmentation" or value not in ("[]", "[[]]")


def _yaml(rows: Rows, ledger: Ledger) -> str:
    import yaml

    splits = {s: images for s, images in rows.by_split() if s is not None}
    names = rows.dataset.categories["name"].to_pylist()
    top: dict[str, Any] = {"path": "."}
    for split in splits:
        key = split if split in _TRAINED else OTHER_SPLIT + split
        top[key] = f"images/{safe_name(split)}"
    top |= {"nc": len(names), "names": dict(enumerate(names))}
    odd = [i for split, images in splits.items() if split not in _TRAINED for i in images]
    ledger.images("split", odd, "data.yaml knows train, val and test only")
    loose = [i for i, split in enumerate(rows.splits) if split is None]
    if splits:
        ledger.images("split", loose, "in no split, so not in data.yaml")
    note = "" if splits else "# No splits: trainers need train: and val: here.\n"
    text: str = yaml.safe_dump(top, allow_unicode=True, sort_keys=False, width=10_000)
    return f"# Written by fastlabel.\n{note}{text}"
