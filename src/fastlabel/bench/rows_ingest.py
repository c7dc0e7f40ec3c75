"""Label files into tables: COCO of 100,000 boxes with polygons, 5,000 files of YOLO and VOC."""

from __future__ import annotations

import atexit
import contextlib
import io
import json
import shutil
import tempfile
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np

from ..dataset import Dataset
from ..formats import read
from .coco_labels import write
from .row import Peer, Row
from .text_labels import write_voc, write_yolo

__all__ = ["ROWS"]

IMAGES, BOXES = 10_000, 100_000
FILES, ROWS_OF_FILES = 5_000, 50_000


def _folder() -> Path:
    folder = tempfile.mkdtemp(prefix="fastlabel-bench-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Path(folder)


@cache
def _file() -> Path:
    path = _folder() / "labels.json"
    write(path, IMAGES, BOXES)
    return path


def _inputs() -> tuple[Any, ...]:
    return (_file(),)


def _ours(path: Path, workers: int) -> Dataset:
    return read(path, "coco", workers=workers)


def _hotcoco(path: Path) -> Any:
    import hotcoco

    with contextlib.redirect_stdout(io.StringIO()):
        return hotcoco.COCO(str(path))


def _orjson(path: Path) -> Any:
    import orjson

    return orjson.loads(path.read_bytes())


def _json(path: Path) -> Any:
    return json.loads(path.read_bytes())


def _agree(ours: Dataset, theirs: Any) -> None:
    if not isinstance(theirs, dict):  # hotcoco
        assert len(theirs.get_ann_ids()) == ours.annotations.num_rows
        assert len(theirs.get_img_ids()) == len(ours)
        return
    boxes = np.array([a["bbox"] for a in theirs["annotations"]], dtype=np.float64)
    boxes[:, 2:] += boxes[:, :2]
    np.testing.assert_array_equal(ours.boxes(), boxes)


@cache
def _yolo_set() -> Path:
    folder = _folder()
    write_yolo(folder, FILES, ROWS_OF_FILES)
    return folder


@cache
def _voc_set() -> Path:
    folder = _folder()
    write_voc(folder, FILES, ROWS_OF_FILES)
    return folder


def _ours_text(folder: Path) -> Dataset:
    return read(folder, workers=2)


def _plain(folder: Path) -> Dataset:
    return read(folder, parser="plain")


def _loop_of_rows(folder: Path) -> list[Any]:
    """As trainers read labels: each file split into an array, and the image's size from Pillow."""
    from PIL import Image

    found = []
    for path in sorted((folder / "images" / "train").iterdir()):
        with Image.open(path) as image:
            size = image.size
        with (folder / "labels" / "train" / f"{path.stem}.txt").open() as file:
            rows = [line.split() for line in file.read().strip().splitlines() if line]
        found.append((np.array(rows, dtype=np.float64).reshape(-1, 5), size))
    return found


def _loop_of_xml(folder: Path, parse: Any) -> list[Any]:
    corners = ("xmin", "ymin", "xmax", "ymax")
    found = []
    for path in sorted((folder / "Annotations").iterdir()):
        root = parse(str(path)).getroot()
        found += [
            (item.findtext("name"), *(float(item.findtext(f"bndbox/{c}")) for c in corners))
            for item in root.iter("object")
        ]
    return found


def _loop_of_elements(folder: Path) -> list[Any]:
    from xml.etree import ElementTree

    return _loop_of_xml(folder, ElementTree.parse)


def _loop_of_lxml(folder: Path) -> list[Any]:
    from lxml import etree

    return _loop_of_xml(folder, etree.parse)


def _agree_yolo(ours: Dataset, theirs: Any) -> None:
    if isinstance(theirs, Dataset):
        assert ours.annotations.equals(theirs.annotations) and ours.images.equals(theirs.images)
        return
    boxes = np.concatenate([rows[:, 1:] * np.tile(size, 2) for rows, size in theirs])
    boxes = np.hstack([boxes[:, :2] - boxes[:, 2:] / 2, boxes[:, :2] + boxes[:, 2:] / 2])
    np.testing.assert_allclose(ours.boxes(), boxes, rtol=0, atol=1e-6)


def _agree_voc(ours: Dataset, theirs: Any) -> None:
    if isinstance(theirs, Dataset):
        assert ours.annotations.equals(theirs.annotations) and ours.images.equals(theirs.images)
        return
    boxes = np.array([box for _, *box in theirs]) - ours.meta["inclusive"] * np.array([1, 1, 0, 0])
    np.testing.assert_array_equal(ours.boxes(), boxes)


def _row(workers: int, promised: float, others: tuple[Peer, ...]) -> Row:
    plural = "s" if workers > 1 else ""
    return Row(
        f"read-coco-{workers}",
        f"fl.read of COCO JSON, 100,000 boxes with polygons, {workers} worker{plural}",
        _inputs,
        partial(_ours, workers=workers),
        (Peer("hotcoco", ("hotcoco",), _hotcoco, promised=promised), *others),
        _agree,
    )


ROWS = (
    _row(
        1,
        2.5,
        (
            Peer("orjson alone", ("orjson",), _orjson, promised=6),
            Peer("json alone", (), _json),
        ),
    ),
    _row(2, 4, ()),
    Row(
        "read-yolo",
        "fl.read of a YOLO tree, 5,000 files, 50,000 rows, 2 workers",
        lambda: (_yolo_set(),),
        _ours_text,
        (
            Peer("plain reader", (), _plain),
            Peer("NumPy and Pillow, file by file", ("PIL",), _loop_of_rows),
        ),
        _agree_yolo,
        budget={"seconds": 0.25},  # 100,000 files in 5 s
    ),
    Row(
        "read-voc",
        "fl.read of Pascal VOC, 5,000 files, 50,000 objects, 2 workers",
        lambda: (_voc_set(),),
        _ours_text,
        (
            Peer("plain reader", (), _plain),
            Peer("ElementTree, file by file", (), _loop_of_elements),
            Peer("lxml, file by file", ("lxml",), _loop_of_lxml),
        ),
        _agree_voc,
        budget={"seconds": 0.25},  # 20,000 files a second
    ),
)
