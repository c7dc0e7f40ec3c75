"""Rows of the benchmark table: tiles cut out of a JPEG, and one window of it as pixels."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .row import Peer, Row

__all__ = ["ROWS"]

_WIDTH, _HEIGHT, _SIDE, _STEP = 4000, 2250, 640, 512
#: What Pillow takes, and with it SAHI, when nobody says otherwise.
_QUALITY = 75


@cache
def _folder() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="fastlabel-bench-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def _photo() -> Path:
    """A drone photo's size, detail and coding: slopes, texture and noise; 4:2:0."""
    path = _folder() / "photo.jpg"
    if not path.exists():
        cv2: Any = import_module("cv2")
        rng = np.random.default_rng(7)
        coarse = rng.normal(0, 60, (_HEIGHT // 50, _WIDTH // 50, 3)).astype(np.float32)
        fine = rng.normal(0, 14, (_HEIGHT // 2, _WIDTH // 2, 3)).astype(np.float32)
        size = (_WIDTH, _HEIGHT)
        picture = 120 + cv2.resize(coarse, size, interpolation=cv2.INTER_CUBIC)
        picture += cv2.resize(fine, size, interpolation=cv2.INTER_LINEAR)
        pixels = np.clip(picture, 0, 255).astype(np.uint8)
        cv2.imwrite(str(path), pixels, [cv2.IMWRITE_JPEG_QUALITY, 90])
    return path


def _windows() -> NDArray[np.int64]:
    """640 with an overlap of 20 %, the last row and column shifted back: as SAHI has it."""

    def starts(length: int) -> list[int]:
        steps = -(-(length - _SIDE) // _STEP)
        return [min(k * _STEP, length - _SIDE) for k in range(steps + 1)]

    return np.array(
        [[x, y, x + _SIDE, y + _SIDE] for y in starts(_HEIGHT) for x in starts(_WIDTH)], np.int64
    )


def _make_cut() -> tuple[Any, ...]:
    return _photo(), _windows(), _folder()


def _tile_pixels(paths: list[Path]) -> NDArray[np.uint8]:
    cv2: Any = import_module("cv2")
    return np.concatenate([cv2.imread(str(path), cv2.IMREAD_REDUCED_COLOR_8) for path in paths])


class _Tiles(list[Path]):
    """The files written; read only when answers are compared."""


def _cut(photo: Path, windows: NDArray[np.int64], folder: Path) -> Any:
    from ..cut import CutJob, cut_tiles

    outputs = [folder / f"ours_{k}.jpg" for k in range(len(windows))]
    cut_tiles([CutJob(photo, windows, outputs)], quality=_QUALITY, workers=1)
    return _Tiles(outputs)


def _sahi(photo: Path, windows: NDArray[np.int64], folder: Path) -> Any:
    slicing: Any = import_module("sahi.slicing")
    slicing.MAX_WORKERS = 1  # as we are
    result = slicing.slice_image(
        str(photo),
        output_file_name="sahi",
        output_dir=str(folder),
        slice_height=_SIDE,
        slice_width=_SIDE,
        overlap_height_ratio=0.2,
        overlap_width_ratio=0.2,
        out_ext=".jpg",
    )
    return _Tiles([folder / name for name in result.filenames])


def _pillow(photo: Path, windows: NDArray[np.int64], folder: Path) -> Any:
    pil: Any = import_module("PIL.Image")
    outputs = _Tiles()
    with pil.open(photo) as image:
        for k, window in enumerate(windows.tolist()):
            outputs.append(folder / f"pillow_{k}.jpg")
            image.crop(window).save(outputs[-1], quality=_QUALITY)
    return outputs


def _alike(ours: Any, theirs: Any) -> None:
    a, b = (_tile_pixels(list(paths)).astype(np.float64) for paths in (ours, theirs))
    assert a.shape == b.shape
    difference = float(np.sqrt(np.mean((a - b) ** 2)))
    assert difference < 2, f"{difference:.2f} levels apart"


def _make_read() -> tuple[Any, ...]:
    return (_photo(), [1700, 800, 2340, 1440])


def _read(photo: Path, window: list[int]) -> Any:
    from ..cut import read_tile

    return read_tile(photo, window)


def _read_opencv(photo: Path, window: list[int]) -> Any:
    x1, y1, x2, y2 = window
    return import_module("cv2").imread(str(photo))[y1:y2, x1:x2].copy()


def _read_pillow(photo: Path, window: list[int]) -> Any:
    pil: Any = import_module("PIL.Image")
    with pil.open(photo) as image:
        return np.asarray(image.crop(window))[:, :, ::-1]


def _within_rounding(ours: Any, theirs: Any) -> None:
    # Another build of libjpeg-turbo may merge the steps of colour conversion.
    assert np.abs(ours.astype(int) - theirs).max() <= 3


ROWS: tuple[Row, ...] = (
    Row(
        name="cut-tiles",
        title="9 MP JPEG -> 40 JPEG tiles of 640, overlap 20 %, quality 75",
        make=_make_cut,
        run=_cut,
        peers=(
            Peer("sahi.slicing.slice_image, one thread", ("sahi",), _sahi, promised=3.0),
            Peer("Pillow crop + save", ("PIL",), _pillow),
        ),
        agree=_alike,
    ),
    Row(
        name="read-tile",
        title="640 x 640 out of a 9 MP JPEG, in the middle",
        make=_make_read,
        run=_read,
        peers=(
            Peer("cv2.imread + slice", ("cv2",), _read_opencv),
            Peer("Pillow crop", ("PIL",), _read_pillow),
        ),
        agree=_within_rounding,
    ),
)
