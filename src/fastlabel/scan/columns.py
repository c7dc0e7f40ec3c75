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
    data: dict[str, Any] = {
        "image_id": _numbers(np.arange(first, last)),
        "file_name": _strings(jobs.names[first:last]),
        "bytes": _numbers(rows["bytes"], rows["bytes"] < 0),
        "format": _named(_core.FORMATS, rows["format"], rows["format"] == 0),
        "status": _named(_core.STATUSES, rows["status"], None),
        "status_detail": _strings([_text(d) for d in rows["detail"].tolist()]),
        "width": _numbers(rows["width"], rows["width"] < 1),
        "height": _numbers(rows["height"], rows["height"] < 1),
        "channels": _numbers(
            rows["channels"].astype(np.int8), (rows["channels"] < 1) | (rows["channels"] > 127)
        ),
        "orientation": _numbers(rows["orientation"].astype(np.int8), unhashed),
        "content_hash": _strings(_hashes(rows["content_hash"], unhashed)),
        "acutance": _numbers(stats["acutance"], (stats["has_acutance"] & 1) == 0),
        "scale_sharpness": _levels(stats["scale_sharpness"], stats["has_scale"]),
        "scale_acutance": _levels(stats["scale_acutance"], stats["has_acutance"]),
        "phash": _numbers(stats["phash"], unmeasured | (stats["has_phash"] == 0)),
    }
    for level in ("01", "05", "50", "95", "99"):
        data[f"luma_p{level}"] = _numbers(stats[f"p{level}"], unmeasured)
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
        data[name] = _numbers(stats[name], unmeasured)
    return _batch(data, schema.IMAGE_STATS)


def _boxes(jobs: Jobs, first: int, last: int, rows: Rows) -> pa.RecordBatch:
    low, high = jobs.offsets[first], jobs.offsets[last]
    counts = np.diff(jobs.offsets[first : last + 1])
    unmeasured = rows["pixels"] == 0
    data: dict[str, Any] = {
        "annotation_id": _numbers(jobs.box_ids[low:high]),
        "image_id": _numbers(np.repeat(np.arange(first, last), counts)),
        "pixels": _numbers(rows["pixels"], unmeasured),
        "acutance": _numbers(rows["acutance"], unmeasured | (rows["has_acutance"] == 0)),
    }
    for name in ("luma_mean", "contrast", "laplacian_variance", "sharpness"):
        data[name] = _numbers(rows[name], unmeasured)
    return _batch(data, schema.BOX_STATS)


def _batch(data: dict[str, pa.Array], wanted: pa.Schema) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays([data[f.name].cast(f.type) for f in wanted], schema=wanted)


# pa.array() looks whether its argument is a pandas object, and imports pandas for that
# wherever it is installed: a fifth of a second for nothing. So arrays are made from buffers.


def _numbers(values: NDArray[Any], null: NDArray[np.bool_] | None = None) -> pa.Array:
    """Numbers as an Arrow array, null where ``null`` is true."""
    data = np.ascontiguousarray(values)
    kind = pa.from_numpy_dtype(data.dtype)
    return pa.Array.from_buffers(kind, len(data), [_validity(null), pa.py_buffer(data)])


def _strings(values: list[str | None]) -> pa.Array:
    """Texts as an Arrow array; a lone surrogate (a name that is not UTF-8) becomes "?"."""
    texts = [b"" if v is None else v.encode("utf-8", "replace") for v in values]
    offsets = np.zeros(len(texts) + 1, np.int32)
    np.cumsum([len(t) for t in texts], out=offsets[1:])
    null = np.array([v is None for v in values], dtype=bool)
    buffers = [_validity(null), pa.py_buffer(offsets), pa.py_buffer(b"".join(texts))]
    return pa.Array.from_buffers(pa.string(), len(texts), buffers)


def _validity(null: NDArray[np.bool_] | None) -> pa.Buffer | None:
    if null is None or not null.any():
        return None
    return pa.py_buffer(np.packbits(~null, bitorder="little"))


def _named(names: list[str], codes: NDArray[Any], unknown: NDArray[np.bool_] | None) -> pa.Array:
    chosen = np.array(names, dtype=object)[codes]
    if unknown is not None:
        chosen[unknown] = None
    return _strings(chosen.tolist())


def _hashes(hashes: NDArray[np.uint8], null: NDArray[np.bool_]) -> list[str | None]:
    return [None if n else bytes(h).hex() for h, n in zip(hashes, null.tolist(), strict=True)]


def _text(detail: bytes) -> str | None:
    return detail.decode("utf-8", "replace") or None


def _levels(values: NDArray[np.float64], known: NDArray[np.uint8]) -> pa.Array:
    null = (known[:, None] >> _LEVEL_BITS) & 1 == 0
    flat = _numbers(values.ravel(), null.ravel())
    return pa.FixedSizeListArray.from_arrays(flat, schema.SCALE_LEVELS)
