"""The engine's structured rows as Arrow batches."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from .. import _core, schema
from .arrays import binaries, hexadecimal, numbers, strings
from .jobs import Jobs

__all__ = ["Rows", "batches", "say"]

#: A NumPy array of one of the engine's C structs.
Rows = NDArray[Any]

_LEVEL_BITS = np.arange(1, schema.SCALE_LEVELS + 1, dtype=np.uint8)


def batches(
    jobs: Jobs, first: int, last: int, rows: Rows, box_rows: Rows, *, rings: bool = False
) -> tuple[pa.RecordBatch, pa.RecordBatch]:
    """Rows of jobs ``first`` to ``last`` as batches of IMAGE_STATS and BOX_STATS.

    With `rings`, the latter have the columns of RING_STATS too.
    """
    return _images(jobs, first, last, rows), _boxes(jobs, first, last, box_rows, rings)


def say(row: Rows, status: str, detail: str) -> None:
    """Write what became of an image into a view of its row."""
    row["status"] = _core.STATUSES.index(status)
    row["detail"] = detail.encode("utf-8", "replace")[:120]


def _images(jobs: Jobs, first: int, last: int, rows: Rows) -> pa.RecordBatch:
    stats = rows["stats"]
    unmeasured = rows["measured"] == 0
    unhashed = rows["has_hash"] == 0
    data: dict[str, Any] = {
        "image_id": numbers(jobs.image_ids[first:last]),
        "file_name": jobs.names[first:last],
        "bytes": numbers(rows["bytes"], rows["bytes"] < 0),
        "format": _named(_core.FORMATS, rows["format"], rows["format"] == 0),
        "status": _named(_core.STATUSES, rows["status"], None),
        "status_detail": _details(rows["detail"]),
        "width": numbers(rows["width"], rows["width"] < 1),
        "height": numbers(rows["height"], rows["height"] < 1),
        "channels": numbers(
            rows["channels"].astype(np.int8), (rows["channels"] < 1) | (rows["channels"] > 127)
        ),
        "orientation": numbers(rows["orientation"].astype(np.int8), unhashed),
        "content_hash": hexadecimal(rows["content_hash"], unhashed),
        "acutance": numbers(stats["acutance"], (stats["has_acutance"] & 1) == 0),
        "scale_sharpness": _levels(stats["scale_sharpness"], stats["has_scale"]),
        "scale_acutance": _levels(stats["scale_acutance"], stats["has_acutance"]),
        "phash": numbers(stats["phash"], unmeasured | (stats["has_phash"] == 0)),
    }
    for level in ("01", "05", "50", "95", "99"):
        data[f"luma_p{level}"] = numbers(stats[f"p{level}"], unmeasured)
    for name in (
        "luma_mean",
        "luma_std",
        "dark_fraction",
        "bright_fraction",
        "entropy",
        "laplacian_variance",
        "noise_sigma",
        "sharpness",
    ):
        data[name] = numbers(stats[name], unmeasured)
    return _batch(data, schema.IMAGE_STATS)


def _boxes(jobs: Jobs, first: int, last: int, rows: Rows, rings: bool) -> pa.RecordBatch:
    low, high = jobs.offsets[first], jobs.offsets[last]
    counts = np.diff(jobs.offsets[first : last + 1])
    unmeasured = rows["pixels"] == 0
    data: dict[str, Any] = {
        "annotation_id": numbers(jobs.box_ids[low:high]),
        "image_id": numbers(np.repeat(jobs.image_ids[first:last], counts)),
        "pixels": numbers(rows["pixels"], unmeasured),
        "acutance": numbers(rows["acutance"], unmeasured | (rows["has_acutance"] == 0)),
    }
    for name in ("luma_mean", "contrast", "laplacian_variance", "sharpness"):
        data[name] = numbers(rows[name], unmeasured)
    data["profile"] = binaries(rows["profile"], rows["has_profile"] == 0)
    if rings:
        alone = rows["ring_pixels"] == 0
        data |= {f.name: numbers(rows[f.name], alone) for f in schema.RING_STATS}
    return _batch(data, schema.box_stats(rings))


def _batch(data: dict[str, pa.Array], wanted: pa.Schema) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays([data[f.name].cast(f.type) for f in wanted], schema=wanted)


def _named(names: list[str], codes: NDArray[Any], unknown: NDArray[np.bool_] | None) -> pa.Array:
    return strings(names).take(numbers(codes.astype(np.int64), unknown))


def _details(details: NDArray[np.bytes_]) -> pa.Array:
    """Texts that few rows have."""
    there = details != b""
    texts = strings([d.decode("utf-8", "replace") for d in details[there].tolist()])
    return texts.take(numbers(np.cumsum(there) - 1, ~there))


def _levels(values: NDArray[np.float64], known: NDArray[np.uint8]) -> pa.Array:
    null = (known[:, None] >> _LEVEL_BITS) & 1 == 0
    flat = numbers(values.ravel(), null.ravel())
    return pa.FixedSizeListArray.from_arrays(flat, schema.SCALE_LEVELS)
