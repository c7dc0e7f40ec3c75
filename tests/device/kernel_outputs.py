"""What every kernel says about fixed inputs, to be compared between machines.

    kernel_outputs.py --write FILE.npz     of this interpreter's fastlabel, at its chosen tier
    kernel_outputs.py FILE.npz FILE.npz... against the first; exit 1 when they differ

Needs NumPy alone. The inputs are whole numbers and sums and products of them, the same on any
machine. `EXACT` says which outputs must be the same bytes everywhere: all of whole numbers, and
all floats made by the four operations and the square root alone. `NEAR` are those that the C
library's ``exp``, ``log`` or ``atan`` goes into: its last bit is the C library's.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

import fastlabel as fl
from fastlabel import _core

#: Outputs that hold values of the C library's functions -> why.
NEAR = {
    "complete_box_iou": "atan",
    "entropy": "log",
    "image_stats.entropy": "log",
    "measure_luma.entropy": "log",
    "obb_convert.corners": "cos, sin",
    "obb_convert.back": "atan2",
    "obb_iou": "cos, sin",
    "soft_nms.gaussian": "exp",
}
#: How far those may be apart, relative to the value.
TOLERANCE = 1e-12


def _numbers(seed: int) -> np.random.Generator:
    return np.random.default_rng(seed)


def _image(height: int, width: int, channels: int = 3, seed: int = 1) -> Any:
    """Noise over a ramp: edges, flat parts and clipped ones."""
    shape = (height, width, channels) if channels > 1 else (height, width)
    noise = _numbers(seed).integers(-60, 61, shape)
    rows, columns = np.mgrid[0:height, 0:width]
    ramp = (rows * 5 + columns * 3) % 400 - 70
    return np.clip(
        noise // (1 + columns % 7 if channels == 1 else 3)
        + (ramp if channels == 1 else ramp[..., None]),
        0,
        255,
    ).astype(np.uint8)


def _boxes(n: int, seed: int, dtype: Any = np.float64, extent: int = 640) -> Any:
    numbers = _numbers(seed)
    corner = numbers.integers(0, extent * 16, (n, 2)) / 16
    side = numbers.integers(16, extent * 4, (n, 2)) / 16
    return np.concatenate([corner, corner + side], axis=1).astype(dtype)


def _scores(n: int, seed: int) -> Any:
    return _numbers(seed).permutation(np.arange(1, n + 1)) / (n + 1)


def _offsets(n: int, groups: int) -> Any:
    return np.linspace(0, n, groups + 1).astype(np.int64)


def _box_matrices() -> Iterator[tuple[str, Any]]:
    for dtype in (np.float32, np.float64):
        a, b, kind = _boxes(37, 1, dtype), _boxes(53, 2, dtype), np.dtype(dtype).name
        for name in ("box_iou", "box_ioa", "box_ios", "generalized_box_iou", "distance_box_iou"):
            yield f"{name}.{kind}", getattr(fl, name)(a, b)
            yield f"{name}.aligned.{kind}", getattr(fl, name)(a, b[:37], aligned=True)
        crowd = np.arange(53) % 3 == 0
        yield f"box_iou.crowd.{kind}", fl.box_iou(a, b, crowd=crowd)
        # In float32 the last bit of the arc is rounded away most of the time, not always.
        yield f"complete_box_iou.{kind}", fl.complete_box_iou(a, b)
        yield f"box_area.{kind}", fl.box_area(a)
        yield f"clip_boxes_to_image.{kind}", fl.clip_boxes_to_image(a, (480, 512))
        for fmt in ("xywh", "cxcywh"):
            yield f"box_convert.{fmt}.{kind}", fl.box_convert(a, "xyxy", fmt)


def _box_lists() -> Iterator[tuple[str, Any]]:
    a, b = _boxes(400, 3), _boxes(300, 4)
    at_a, at_b = _offsets(400, 7), _offsets(300, 7)
    yield "ragged_iou", fl.ragged_iou(a, at_a, b, at_b)
    yield "ragged_best", fl.ragged_best(a, at_a, b, at_b)
    yield "ragged_counts", fl.ragged_counts(a, at_a, b, at_b, 0.3)
    yield "box_pairs", fl.box_pairs(a, at_a, 0.3)
    yield "box_pairs_between", fl.box_pairs_between(a, b, 0.4)
    yield (
        "match_coco",
        vars(fl.match_coco(a, at_a, _scores(400, 5), b, at_b, iou_thresholds=[0.3, 0.5])),
    )


def _suppression() -> Iterator[tuple[str, Any]]:
    boxes, scores = _boxes(900, 6), _scores(900, 7)
    labels = _numbers(8).integers(0, 5, 900)
    yield "nms", fl.nms(boxes, scores, 0.4)
    yield "nms.float32", fl.nms(boxes.astype(np.float32), scores.astype(np.float32), 0.4)
    yield "batched_nms", fl.batched_nms(boxes, scores, labels, 0.4)
    yield "soft_nms.linear", fl.soft_nms(boxes[:200], scores[:200])
    yield "soft_nms.gaussian", fl.soft_nms(boxes[:200], scores[:200], method="gaussian")
    yield "non_max_merge", fl.non_max_merge(boxes, scores, 0.4, idxs=labels)
    unit = [np.clip(_boxes(40, s, extent=16) / 64, 0, 1) for s in (9, 10)]
    yield (
        "weighted_boxes_fusion",
        fl.weighted_boxes_fusion(
            unit, [_scores(40, 11), _scores(40, 12)], [labels[:40], labels[40:80]]
        ),
    )
    turned = np.concatenate([_boxes(60, 13), _numbers(14).integers(-90, 91, (60, 1)) / 64], axis=1)
    turned[:, 2:4] = _numbers(15).integers(8, 90, (60, 2))
    corners = fl.obb_convert(turned, "cxcywhr", "xyxyxyxy")
    yield "obb_convert.corners", corners
    yield "obb_convert.back", fl.obb_convert(corners, "xyxyxyxy", "cxcywhr")
    yield "obb_iou", fl.obb_iou(turned, turned[::-1].copy())
    yield "obb_nms", fl.obb_nms(turned, _scores(60, 16), 0.2)


def _tiles() -> Iterator[tuple[str, Any]]:
    windows = fl.tile_windows(1080, 1920, 640, 0.2)
    boxes = _boxes(300, 17, extent=1000)
    yield "tile_windows", windows
    tiled = fl.clip_boxes_to_tiles(boxes, [0, 300], windows, [0, len(windows)])
    yield "clip_boxes_to_tiles", tiled._asdict() if hasattr(tiled, "_asdict") else vars(tiled)
    window = np.repeat(np.arange(len(windows)), np.diff(tiled.offsets))
    found = {
        "boxes": tiled.boxes,
        "scores": _scores(len(tiled.boxes), 18),
        "labels": tiled.row % 3,
        "tile": window,
    }
    for method in ("nms", "nmm", "wbf"):
        merged = fl.merge_tiles(found, windows, method=method)
        yield f"merge_tiles.{method}", vars(merged)


def _pixels() -> Iterator[tuple[str, Any]]:
    colour, gray = _image(211, 317), _image(150, 203, 1)
    boxes = np.array([[0, 0, 200, 140], [3.25, 7.5, 60.75, 90], [10, 10, 11, 11]])
    for name in (
        "laplacian_variance",
        "luma_histogram",
        "luma_percentiles",
        "entropy",
        "noise_sigma",
        "sharpness",
        "perceptual_hash",
    ):
        kernel = getattr(fl, name)
        yield f"{name}.colour", np.asarray(kernel(colour))
        yield f"{name}.gray", np.asarray(kernel(gray))
        yield f"{name}.boxes", np.asarray(kernel(gray, boxes=boxes))
    yield "luma", fl.luma(colour)
    yield "content_hash", np.frombuffer(fl.content_hash(colour).encode(), np.uint8)
    stats, rows = _core.image_stats(colour, boxes, False, True)
    yield "image_stats", stats
    yield "image_stats.boxes", rows
    stats, rows = _core.measure_luma(gray, boxes, 1, False, True)
    yield "measure_luma", stats
    yield "measure_luma.boxes", rows
    mask = _image(40, 50, 1, 19)
    for mode in ("normal", "multiply"):
        yield (
            f"composite.{mode}",
            fl.composite(
                colour.copy(), _image(40, 50, 3, 20), 31, 17, alpha=mask, mode=mode, feather=3
            ),
        )


def _preprocessing() -> Iterator[tuple[str, Any]]:
    colour, gray = _image(211, 317), _image(150, 203, 1)
    for size in (96, 320):
        for way in ("linear", "area"):
            at = f"{way}.{size}"
            yield (
                f"letterbox.uint8.{at}",
                fl.letterbox(colour, size, interpolation=way, dtype="uint8", layout="nhwc")[0],
            )
            yield (
                f"letterbox.float32.{at}",
                fl.letterbox(
                    colour,
                    size,
                    interpolation=way,
                    scale=1 / 255,
                    swap_rb=True,
                    mean=(0.485, 0.456, 0.406),
                    std=(0.229, 0.224, 0.225),
                )[0],
            )
            yield (
                f"letterbox.int8.{at}",
                fl.letterbox(
                    colour,
                    size,
                    interpolation=way,
                    dtype="int8",
                    scale=1 / 255,
                    quantize=(1 / 255, -128),
                )[0],
            )
        yield f"letterbox.gray.{size}", fl.letterbox(gray, size, dtype="uint8")[0]
    for size in ((100, 70), (105, 158), (40, 317)):
        yield f"resize_area.{size[0]}x{size[1]}", fl.resize_area(colour, size)


def _hashes_and_tables() -> Iterator[tuple[str, Any]]:
    hashes = _numbers(21).integers(0, 2**63, 600, dtype=np.uint64)
    hashes[300:] = hashes[:300] ^ (np.uint64(1) << (hashes[:300] % np.uint64(60)))
    yield "hamming_distance", fl.hamming_distance(hashes[:300], hashes[300:])
    yield "hamming_pairs", fl.hamming_pairs(hashes, 4)
    yield "hamming_clusters", fl.hamming_clusters(hashes, 4)
    values = _numbers(22).integers(-4000, 4000, 5000) / 64
    groups = _numbers(23).integers(0, 6, 5000)
    yield "histogram", fl.histogram(values, 32, (-50.0, 50.0))
    yield (
        "grouped_histogram",
        json.dumps(
            fl.grouped_histogram(groups, values, 32, (-50.0, 50.0)).to_dict(), sort_keys=True
        ),
    )
    yield "grouped_stats", json.dumps(fl.grouped_stats(groups, values).to_dict(), sort_keys=True)


def _augmentation() -> Iterator[tuple[str, Any]]:
    colour, mask = _image(120, 160), _image(120, 160, 1, 24)
    tables = _numbers(25).integers(0, 256, (3, 256)).astype(np.uint8)
    yield "look_up", _core.look_up(colour, tables)
    offsets = np.array([[-2, 0, 1], [0, 0, 3]], np.int32)
    yield "filter_taps", _core.filter_taps(colour, offsets, np.array([0.25, 0.5, 0.25]))
    yield "sensor_noise", _core.sensor_noise(colour, 3.0, 1.5, 0.5, 7)
    yield "salt_and_pepper", _core.salt_and_pepper(colour, 0.1, 0.5, 7)
    yield "veil", _core.veil(colour, mask, np.array([200, 210, 220], np.uint8))
    matrix = np.array([0.875, -0.25, 20.5, 0.125, 1.0625, -9.25])
    yield "warp_affine", _core.warp_affine(colour, matrix, 150, 110, False, 114)


TOPICS: tuple[Callable[[], Iterator[tuple[str, Any]]], ...] = (
    _box_matrices,
    _box_lists,
    _suppression,
    _tiles,
    _pixels,
    _preprocessing,
    _hashes_and_tables,
    _augmentation,
)


def _flat(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    """The arrays of a result, each under a name of its own."""
    if isinstance(value, dict):
        for key, part in value.items():
            yield from _flat(f"{name}.{key}", part)
    elif isinstance(value, (tuple, list)):
        for k, part in enumerate(value):
            yield from _flat(f"{name}.{k}", part)
    elif isinstance(value, str):
        yield name, np.frombuffer(value.encode(), np.uint8)
    else:
        array = np.asarray(value)
        if array.dtype.names:
            for key in array.dtype.names:
                yield f"{name}.{key}", np.ascontiguousarray(array[key])
        else:
            yield name, np.ascontiguousarray(array)


def outputs() -> dict[str, Any]:
    """Every kernel's outputs, by name."""
    return {
        name: array
        for topic in TOPICS
        for key, value in topic()
        for name, array in _flat(key, value)
    }


def is_near(name: str) -> bool:
    """Whether the C library's last bit may show in an output."""
    return any(name == key or name.startswith(key + ".") for key in NEAR)


def digest(found: dict[str, Any]) -> str:
    """One hash of all that must be the same bytes everywhere."""
    total = hashlib.sha256()
    for name in sorted(found):
        if not is_near(name):
            array = found[name]
            total.update(f"{name} {array.shape} {array.dtype.str} ".encode() + array.tobytes())
    return total.hexdigest()[:16]


def differences(ours: dict[str, Any], theirs: dict[str, Any]) -> list[str]:
    """What differs, a line each; empty when they agree."""
    found = [f"{name}: only in one" for name in sorted(ours.keys() ^ theirs.keys())]
    for name in sorted(ours.keys() & theirs.keys()):
        a, b = ours[name], theirs[name]
        if (a.shape, a.dtype) != (b.shape, b.dtype):
            found.append(f"{name}: {a.dtype}{a.shape} and {b.dtype}{b.shape}")
        elif a.tobytes() != b.tobytes():
            if a.dtype.kind != "f":
                found.append(f"{name}: {np.count_nonzero(a != b)} of {a.size} values differ")
                continue
            apart = float(np.max(np.abs(a - b) / np.maximum(np.abs(a), 1e-300)))
            allowed = TOLERANCE if a.dtype == np.float64 else 2e-7
            if not is_near(name) or not apart <= allowed:
                found.append(f"{name}: {np.count_nonzero(a != b)} of {a.size} apart by {apart:.1e}")
    return found


def _main(arguments: list[str]) -> int:
    if len(arguments) == 2 and arguments[0] == "--write":
        found = outputs()
        np.savez(arguments[1], **found)
        print(f"{digest(found)}  {len(found)} outputs at tier {_core.isa()}")
        return 0
    first, *others = [dict(np.load(path)) for path in arguments]
    worst = 0
    for path, other in zip(arguments[1:], others, strict=True):
        lines = differences(first, other)
        print("\n".join([*lines, f"{path}: {'DIFFERS' if lines else 'the same'} {digest(other)}"]))
        worst |= bool(lines)
    return worst


if __name__ == "__main__":
    sys.exit(_main(sys.argv[1:]))
