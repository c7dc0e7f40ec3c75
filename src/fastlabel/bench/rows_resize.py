"""Rows of the benchmark table: resizing, and pictures to a network's input."""

from __future__ import annotations

from functools import partial
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .row import Peer, Row

__all__ = ["ROWS"]

_FRAME = (1920, 1080)
_FRAME_4K = (3840, 2160)
_SIDE = 640
_GREY = (114, 114, 114)

Image = NDArray[np.uint8]


def _opencv() -> Any:
    """OpenCV on one thread, as we are."""
    cv2: Any = import_module("cv2")
    cv2.setNumThreads(1)
    return cv2


def _picture(size: tuple[int, int], seed: int) -> Image:
    """A slope with noise: no two neighbours alike, no level missing."""
    rng = np.random.default_rng(seed)
    slope = np.linspace(0, 200, size[0], dtype=np.float32)[None, :, None]
    noise = rng.normal(28, 20, (size[1], size[0], 3)).astype(np.float32)
    picture: Image = np.clip(slope + noise, 0, 255).astype(np.uint8)
    return picture


# ---- letterbox -------------------------------------------------------------------------


def _make_letterbox(dtype: str) -> tuple[Any, ...]:
    return _picture(_FRAME, 1), np.empty((1, 3, _SIDE, _SIDE), dtype)


def _letterbox(img: Image, out: Any) -> Any:
    from ..pixels import letterbox

    return letterbox(img, _SIDE, swap_rb=True, out=out)[0]


def _letterbox_int8(img: Image, out: Any) -> Any:
    from ..pixels import letterbox

    return letterbox(img, _SIDE, swap_rb=True, dtype="int8", quantize=(1 / 255, -128), out=out)[0]


def _letterbox_area(img: Image, out: Any) -> Any:
    from ..pixels import letterbox

    return letterbox(img, _SIDE, swap_rb=True, interpolation="area", out=out)[0]


def _padded(img: Image, interpolation: int = 1) -> Any:
    cv2 = _opencv()
    small = cv2.resize(img, (_SIDE, 360), interpolation=interpolation)
    return cv2.copyMakeBorder(small, 140, 140, 0, 0, cv2.BORDER_CONSTANT, value=_GREY)


def _blob(img: Image, out: Any, interpolation: int = 1) -> Any:
    padded = _padded(img, interpolation)
    return _opencv().dnn.blobFromImage(padded, 1 / 255, (_SIDE, _SIDE), swapRB=True)


def _blob_area(img: Image, out: Any) -> Any:
    return _blob(img, out, _opencv().INTER_AREA)


def _planes_by_opencv(img: Image, out: Any) -> Any:
    """The fastest way found with OpenCV: each plane taken out and scaled into its place."""
    cv2 = _opencv()
    padded = _padded(img)
    planes = np.empty((1, 3, _SIDE, _SIDE), np.float32)
    for channel in range(3):
        plane = cv2.extractChannel(padded, 2 - channel)
        np.multiply(plane, np.float32(1 / 255), out=planes[0, channel])
    return planes


def _numpy(img: Image, out: Any) -> Any:
    """The usual lines of a training script: reversed, transposed, made contiguous, divided."""
    planes = np.ascontiguousarray(_padded(img)[..., ::-1].transpose(2, 0, 1)[None])
    return planes.astype(np.float32) / 255


def _numpy_int8(img: Image, out: Any) -> Any:
    x = _blob(img, out)
    return np.clip(np.rint(x * np.float32(255)) - 128, -128, 127).astype(np.int8)


def _within_a_level(ours: Any, theirs: Any) -> None:
    level = 1 if ours.dtype.kind in "iu" else 1 / 255
    difference = np.abs(ours.astype(np.float64) - theirs).max()
    assert difference <= level * 1.0001, f"{difference / level:.3f} levels apart"


def _letterbox_bytes(img: Image, out: Any) -> int:
    # Linear reads one row in three of this frame: its samples fall on pixels.
    return img.nbytes // 3 + int(out.nbytes)


# ---- area ------------------------------------------------------------------------------


def _make_area(source: tuple[int, int], size: tuple[int, int]) -> tuple[Any, ...]:
    out = np.empty((size[1], size[0], 3), np.uint8)
    return _picture(source, 2), size, out, np.empty_like(out)


def _area(img: Image, size: tuple[int, int], out: Image, scratch: Image) -> Any:
    from ..pixels import resize_area

    return resize_area(img, size, out=out)


def _area_opencv(img: Image, size: tuple[int, int], out: Image, scratch: Image) -> Any:
    cv2 = _opencv()
    return cv2.resize(img, size, dst=scratch, interpolation=cv2.INTER_AREA)


def _area_pillow(img: Image, size: tuple[int, int], out: Image, scratch: Image) -> Any:
    pil: Any = import_module("PIL.Image")
    return np.asarray(pil.fromarray(img).resize(size, pil.Resampling.BOX))


def _area_bytes(img: Image, size: tuple[int, int], out: Image, scratch: Image) -> int:
    return img.nbytes + out.nbytes


def _area_row(name: str, title: str, source: tuple[int, int], size: tuple[int, int]) -> Row:
    peers = [Peer("cv2.INTER_AREA", ("cv2",), _area_opencv, promised=1.0)]
    # Pillow's box takes whole pixels only: up to many levels away where the ratio is broken.
    if source[0] % size[0] == 0 and source[1] % size[1] == 0:
        peers.append(Peer("Pillow BOX, with its conversions", ("PIL",), _area_pillow))
    return Row(
        name=name,
        title=title,
        make=partial(_make_area, source, size),
        run=_area,
        peers=tuple(peers),
        agree=_within_a_level,
        bytes_moved=_area_bytes,
    )


ROWS: tuple[Row, ...] = (
    Row(
        name="letterbox-float32",
        title="letterbox 1080p BGR -> 640 x 640 float32 NCHW",
        make=partial(_make_letterbox, "float32"),
        run=_letterbox,
        peers=(
            Peer("cv2.resize + copyMakeBorder + blobFromImage", ("cv2",), _blob, promised=4.0),
            Peer("cv2.resize + copyMakeBorder + planes", ("cv2",), _planes_by_opencv),
            Peer("cv2.resize + copyMakeBorder + NumPy", ("cv2",), _numpy),
        ),
        agree=_within_a_level,
        bytes_moved=_letterbox_bytes,
    ),
    Row(
        name="letterbox-int8",
        title="letterbox 1080p BGR -> 640 x 640 int8 NCHW",
        make=partial(_make_letterbox, "int8"),
        run=_letterbox_int8,
        peers=(Peer("cv2 as above + NumPy", ("cv2",), _numpy_int8),),
        agree=_within_a_level,
        bytes_moved=_letterbox_bytes,
    ),
    Row(
        name="letterbox-area",
        title="letterbox by area, 1080p BGR -> 640 x 640 float32 NCHW",
        make=partial(_make_letterbox, "float32"),
        run=_letterbox_area,
        peers=(Peer("cv2.INTER_AREA + copyMakeBorder + blobFromImage", ("cv2",), _blob_area),),
        agree=_within_a_level,
        bytes_moved=lambda img, out: int(img.nbytes + out.nbytes),
    ),
    _area_row("resize-area-third", "resize_area 1080p -> 640 x 360", _FRAME, (640, 360)),
    _area_row("resize-area-any", "resize_area 1080p -> 416 x 234", _FRAME, (416, 234)),
    _area_row("resize-area-half", "resize_area 4K -> 1080p", _FRAME_4K, _FRAME),
    _area_row("resize-area-4k", "resize_area 4K -> 416 x 234", _FRAME_4K, (416, 234)),
)
