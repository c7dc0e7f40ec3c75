"""Label files into tables: a COCO file of 10,000 images and 100,000 boxes with polygons."""

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

__all__ = ["ROWS"]

IMAGES, BOXES = 10_000, 100_000


@cache
def _file() -> Path:
    folder = tempfile.mkdtemp(prefix="fastlabel-bench-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    path = Path(folder, "labels.json")
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
)
