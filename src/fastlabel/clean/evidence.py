"""The machine-readable part of findings: the mending they propose, and the boxes they name."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

__all__ = ["ACTIONS", "Proposed", "proposed"]

#: What ``evidence["fix"]["action"]`` may be.
ACTIONS = ("add_box", "drop_box", "relabel", "replace_box", "mark_ignore")

_FIELDS = pa.schema(
    [
        (
            "fix",
            pa.struct([("action", pa.string()), ("box", pa.list_(pa.float64()))]),
        ),
        ("related_annotations", pa.list_(pa.int64())),
    ]
)


@dataclass(frozen=True)
class Proposed:
    """What findings propose, as columns.

    Attributes
    ----------
    action : numpy.ndarray
        (N,) int64: index into :data:`ACTIONS`; -1 where a finding proposes none of them.
    box : numpy.ndarray
        (N, 4) float64, NaN where no box is proposed.
    row, related : numpy.ndarray
        (P,) int64: a finding, and an annotation that it names beside its own.
    """

    action: npt.NDArray[np.int64]
    box: npt.NDArray[np.float64]
    row: npt.NDArray[np.int64]
    related: npt.NDArray[np.int64]


def proposed(evidence: pa.ChunkedArray) -> Proposed:
    """Read the evidence of findings.

    Parameters
    ----------
    evidence : pyarrow.ChunkedArray
        One JSON object each; null or text that is none proposes nothing.

    Returns
    -------
    Proposed
    """
    table = _parsed(evidence)
    n = len(evidence)
    fix = table["fix"].combine_chunks()
    fix = fix.chunk(0) if isinstance(fix, pa.ChunkedArray) else fix
    found = pc.index_in(pc.struct_field(fix, "action"), pa.array(ACTIONS))
    action = np.asarray(pc.fill_null(found, -1).to_numpy(zero_copy_only=False), np.int64)
    return Proposed(action, _boxes(pc.struct_field(fix, "box"), n), *_pairs(table))


def _boxes(column: pa.Array, n: int) -> npt.NDArray[np.float64]:
    out = np.full((n, 4), np.nan)
    four = pc.fill_null(pc.equal(pc.list_value_length(column), 4), False)
    at = np.flatnonzero(four.to_numpy(zero_copy_only=False))
    if len(at):
        flat = pc.list_flatten(column.take(pa.array(at)))
        out[at] = np.asarray(flat.to_numpy(zero_copy_only=False), np.float64).reshape(-1, 4)
    out[~np.isfinite(out).all(axis=1)] = np.nan
    return out


def _pairs(table: pa.Table) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    column = table["related_annotations"].combine_chunks()
    row = np.asarray(pc.list_parent_indices(column), np.int64)
    flat = pc.list_flatten(column)
    ids = np.asarray(pc.fill_null(flat, -1).to_numpy(zero_copy_only=False), np.int64)
    return row, ids


def _parsed(evidence: pa.ChunkedArray) -> pa.Table:
    """All at once where it is as the rules write it; row by row where anything is odd."""
    n = len(evidence)
    if not n:
        return _FIELDS.empty_table()
    import pyarrow.json as pj

    text = pc.fill_null(evidence, "{}")
    # Only these bring in anything: of a million findings most name nothing.
    says = pc.or_(
        pc.match_substring(text, '"fix"'), pc.match_substring(text, '"related_annotations"')
    )
    rows = np.flatnonzero(says.to_numpy())
    if not len(rows):
        return pa.table([pa.nulls(n, f.type) for f in _FIELDS], schema=_FIELDS)
    told = text.take(pa.array(rows))
    try:
        lines = "\n".join(told.to_pylist()).encode()
        table = pj.read_json(
            io.BytesIO(lines),
            pj.ReadOptions(block_size=max(len(lines) + 1, 1 << 20)),
            pj.ParseOptions(explicit_schema=_FIELDS, unexpected_field_behavior="ignore"),
        )
        if table.num_rows != len(rows):
            raise pa.ArrowInvalid("not one object a line")
    except (pa.ArrowInvalid, UnicodeEncodeError):
        table = pa.Table.from_pylist([_read(t) for t in told.to_pylist()], schema=_FIELDS)
    at = np.full(n, -1, np.int64)
    at[rows] = np.arange(len(rows))
    return table.select(_FIELDS.names).combine_chunks().take(pa.array(at, mask=at < 0))


def _read(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    if not isinstance(value, dict):
        return {}
    fix, related = value.get("fix"), value.get("related_annotations")
    out: dict[str, Any] = {}
    if isinstance(fix, dict):
        box = fix.get("box")
        good = isinstance(box, list) and all(_is_number(v) for v in box)
        action = fix.get("action")
        out["fix"] = {
            "action": action if isinstance(action, str) else None,
            "box": [float(v) for v in box] if isinstance(box, list) and good else None,
        }
    if isinstance(related, list):
        kept = [v for v in related if isinstance(v, int) and not isinstance(v, bool)]
        out["related_annotations"] = [v for v in kept if abs(v) < 2**62]
    return out


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
