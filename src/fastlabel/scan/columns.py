"""The engine's structured rows as Arrow batches."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from .. import _core, schema
from .jobs import Jobs

__all__ = ["Rows", "batches"]

#: A NumPy array of one of the engine's C structs.
Rows = NDArray[Any]

_ESCAPED = _core.STATUSES.index("escaped")
_LEVEL_BITS = np.arange(1, schema.SCALE_LEVELS + 1, dtype=np.uint8)


def batches(
    jobs: Jobs, first: int, last: int, rows: Rows, box_rows: Rows
) -> tuple[pa.RecordBatch, pa.RecordBatch]:
    """Rows of jobs ``first`` to ``last`` as batches of IMAGE_STATS and BOX_STATS."""
    outside = jobs.escaped[first:last]
    rows["status"][outside] = _ESCAPED
    rows["detail"][outside] = b"the name leads outside the root"
    return _images(jobs, first, last, rows), _boxes(jobs, first, last, box_rows)


def _images(jobs: Jobs, first: int, last: int, rows: Rows) -> pa.RecordBatch:
    stats = rows["stats"]
    unmeasured = rows["measured"] == 0
    unhashed = rows["has_hash"] == 0
    hashes = [bytes(h).hex() for h in rows["content_hash"]]
    data: dict[str, Any] = {
        "image_id": np.arange(first, last),
        "file_name": pa.array(jobs.names[first:last], pa.string()),
        "bytes": pa.array(rows["bytes"], mask=rows["bytes"] < 0),
        "format": _named(_core.FORMATS, rows["format"], rows["format"] == 0),
        "status": _named(_core.STATUSES, rows["status"], None),
        "status_detail": [_text(d) for d in rows["detail"]],
        "width": pa.array(rows["width"], mask=rows["width"] < 1),
        "height": pa.array(rows["height"], mask=rows["height"] < 1),
        "channels": pa.array(rows["channels"].astype(np.int8), mask=rows["channels"] < 1),
        "orientation": pa.array(rows["orientation"].astype(np.int8), mask=unhashed),
        "content_hash": pa.array(np.array(hashes, dtype=object), mask=unhashed),
        "acutance": pa.array(stats["acutance"], mask=(stats["has_acutance"] & 1) == 0),
        "scale_sharpness": _levels(stats["scale_sharpness"], stats["has_scale"]),
        "scale_acutance": _levels(stats["scale_acutance"], stats["has_acutance"]),
        "phash": pa.array(stats["phash"], mask=unmeasured | (stats["has_phash"] == 0)),
    }
    for level in ("01", "05", "50", "95", "99"):
        data[f"luma_p{level}"] = pa.array(stats[f"p{level}"], mask=unmeasured)
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
        data[name] = pa.array(stats[name], mask=unmeasured)
    return _batch(data, schema.IMAGE_STATS)


def _boxes(jobs: Jobs, first: int, last: int, rows: Rows) -> pa.RecordBatch:
    low, high = jobs.offsets[first], jobs.offsets[last]
    counts = np.diff(jobs.offsets[first : last + 1])
    unmeasured = rows["pixels"] == 0
    data: dict[str, Any] = {
        "annotation_id": jobs.box_ids[low:high],
        "image_id": np.repeat(np.arange(first, last), counts),
        "pixels": pa.array(rows["pixels"], mask=unmeasured),
        "acutance": pa.array(rows["acutance"], mask=unmeasured | (rows["has_acutance"] == 0)),
    }
    for name in ("luma_mean", "contrast", "laplacian_variance", "sharpness"):
        data[name] = pa.array(rows[name], mask=unmeasured)
    return _batch(data, schema.BOX_STATS)


def _batch(data: dict[str, Any], wanted: pa.Schema) -> pa.RecordBatch:
    arrays = [
        pa.array(data[f.name], type=f.type)
        if not isinstance(data[f.name], pa.Array)
        else data[f.name].cast(f.type)
        for f in wanted
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=wanted)


def _named(names: list[str], codes: NDArray[Any], unknown: NDArray[np.bool_] | None) -> pa.Array:
    return pa.array(names).take(pa.array(codes, mask=unknown))


def _text(detail: bytes) -> str | None:
    return detail.decode("utf-8", "replace") or None


def _levels(values: NDArray[np.float64], known: NDArray[np.uint8]) -> pa.Array:
    mask = (known[:, None] >> _LEVEL_BITS) & 1 == 0
    flat = pa.array(values.ravel(), mask=mask.ravel())
    return pa.FixedSizeListArray.from_arrays(flat, schema.SCALE_LEVELS)
