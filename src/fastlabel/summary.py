"""All that a report says about a data set, as plain JSON values.

Reports only draw what stands here. The same tables give the same summary: no times, no
host, no order that depends on threads.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, is_dataclass
from importlib import metadata
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from . import schema
from .box_counts import BoxCounts, count_boxes
from .dataset import Dataset, as_numpy
from .deployment import DeployedBoxes, deployment
from .distributions import charts
from .set_columns import ASSUMED_INPUT, ASSUMED_STRIDES, Columns
from .verdict import action_text, deployed_sentence, rank, shows, todo, verdict

if TYPE_CHECKING:
    from .deploy import Profile

__all__ = ["summarise"]

SCHEMA_VERSION = 1
MOST_EXAMPLES = 3
MOST_SPLITS = 50


def summarise(
    ds: Dataset,
    image_stats: pa.Table,
    box_stats: pa.Table | None,
    findings: pa.Table,
    rules: Mapping[str, Any],
    profile: Profile | None = None,
    settings: Mapping[str, Any] | None = None,
    unjudged: Mapping[str, int] | None = None,
    workers: int = 0,
) -> dict[str, Any]:
    """Sum up a checked data set.

    Parameters
    ----------
    ds : Dataset
        The annotation tables.
    image_stats, box_stats : pyarrow.Table
        What the scan measured; ``box_stats`` may be None.
    findings : pyarrow.Table
        As :data:`fastlabel.schema.FINDINGS`, worst first.
    rules : mapping of str to Rule
        The rules that ran, by code: their names, scopes, thresholds and texts.
    profile : Profile, optional
        The deployment; without one a 640 x 640 letterbox is assumed and said.
    settings : mapping, optional
        What :func:`fastlabel.rules.resolve` gave: for each code its severity and the
        thresholds in force. Without it the rules' defaults are shown.
    unjudged : mapping of str to int, optional
        For a rule's code, the boxes or images it could not judge because a value that it
        needs is unknown.
    workers : int
        Threads; 0 means one a CPU, at most 4. The result is the same for any number.

    Returns
    -------
    dict
        Plain JSON values (no NaN, no infinity), the same for the same tables.
    """
    thresholds = _thresholds(rules, settings or {})
    columns = Columns(ds, image_stats, profile, thresholds)
    severities, images_hit = _severities(findings)
    by_code = _by_code(ds, findings, rules)
    by_action = _by_action(findings, rules)
    boxes, at_inputs = BoxCounts(columns, workers), DeployedBoxes(columns)
    boxes.short.begin()
    count_boxes(columns, (boxes, boxes.short, at_inputs), workers)
    drawn, classes = charts(columns, boxes)
    data = _dataset(columns, boxes)
    states = data["label_states"]
    unlabelled = len(ds) > 0 and states.get("unlabelled") == len(ds)
    judged = verdict(by_code, by_action, severities, images_hit, len(ds), unlabelled)
    unread = ds.meta.get("ignored_files", ()), ds.meta.get("also_found", ())
    judged["shows"] = shows(drawn, states, *unread)
    deployed = deployment(columns, at_inputs)
    said = None if profile is None else deployed_sentence(deployed, profile.name)
    if said is not None:
        judged["sentences"].insert(0, said)
    result = {
        "schema": SCHEMA_VERSION,
        "tool": {"name": "fastlabel", "version": _version()},
        "dataset": data,
        "deploy": _deploy(profile),
        "deployment": deployed,
        "verdict": judged,
        "todo": todo(by_code, {code: _first_sentence(r) for code, r in rules.items()}),
        "findings": {
            "total": findings.num_rows,
            "images": _distinct(findings["image_id"]),
            "by_severity": severities,
            "images_by_severity": images_hit,
            "by_suggestion": _tally(findings["suggestion"], schema.SUGGESTIONS),
            "by_code": by_code,
        },
        "statuses": _tally(image_stats["status"], schema.STATUSES),
        "formats": dict(sorted(_tally(image_stats["format"]).items())),
        "measured": {
            "images": int(np.isfinite(columns.image_floats("luma_mean")).sum()),
            "boxes": _measured_boxes(box_stats),
        },
        "thresholds": thresholds,
        "unjudged": dict(sorted((unjudged or {}).items())),
        "classes": classes,
        "charts": drawn,
    }
    cleaned: dict[str, Any] = _plain(result)
    return cleaned


def _thresholds(
    rules: Mapping[str, Any], settings: Mapping[str, Any]
) -> dict[str, dict[str, float]]:
    used = {c: settings[c][1] if c in settings else r.params for c, r in rules.items()}
    return {code: dict(params) for code, params in used.items() if params}


def _version() -> str:
    try:
        return metadata.version("fastlabel")
    except metadata.PackageNotFoundError:
        return "unknown"


def _plain(value: Any) -> Any:
    """Make a value one that any JSON reader takes: no NaN, no NumPy, no tuple."""
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if value is None or isinstance(value, str | int | float | bool):
        return value
    return str(value)


def _distinct(column: pa.ChunkedArray) -> int:
    return int(pc.count_distinct(column, mode="only_valid").as_py())


def _tally(column: pa.ChunkedArray, order: tuple[str, ...] = ()) -> dict[str, int]:
    """Count the values of a text column, those of ``order`` first and others after."""
    counts = {row["values"]: row["counts"] for row in pc.value_counts(column).to_pylist()}
    counts.pop(None, None)
    known = {name: counts.pop(name) for name in order if name in counts}
    return {**known, **dict(sorted(counts.items()))}


def _measured_boxes(box_stats: pa.Table | None) -> int:
    return 0 if box_stats is None else len(box_stats) - box_stats["pixels"].null_count


def _dataset(columns: Columns, counted: BoxCounts) -> dict[str, Any]:
    ds = columns.ds
    splits = columns.split_names
    n = max(len(splits), 1)
    images = np.bincount(columns.split_index, minlength=n)
    boxes = counted.by_split.sum(1)
    states = pa.array(schema.LABEL_STATES)
    state = as_numpy(pc.index_in(ds.images["label_state"], value_set=states).fill_null(-1))
    per_state = {
        name: np.bincount(columns.split_index[state == at], minlength=n)
        for at, name in enumerate(schema.LABEL_STATES)
    }
    total_bytes = pc.sum(columns.stats["bytes"]).as_py()
    return {
        "name": ds.root.resolve().name or "data set",
        "format": ds.format,
        "images": len(ds),
        "boxes": ds.annotations.num_rows,
        "classes": ds.categories.num_rows,
        "bytes": total_bytes or 0,
        "reader_problems": _tally(ds.problems["kind"], schema.PROBLEM_KINDS),
        "label_states": _tally(ds.images["label_state"], schema.LABEL_STATES),
        "splits": [
            {
                "name": name,
                "images": int(images[at]),
                "boxes": int(boxes[at]),
                **{s: int(per_state[s][at]) for s in schema.LABEL_STATES},
            }
            for at, name in enumerate(splits[:MOST_SPLITS])
        ],
        "other_splits": max(len(splits) - MOST_SPLITS, 0),
        "meta": json.loads(json.dumps(ds.meta, default=str, allow_nan=True)),
    }


def _deploy(profile: Profile | None) -> dict[str, Any]:
    if profile is None:
        return {
            "name": None,
            "assumed": True,
            "input_width": ASSUMED_INPUT,
            "input_height": ASSUMED_INPUT,
            "resize": "letterbox",
            "strides": list(ASSUMED_STRIDES),
            "min_target": float(ASSUMED_STRIDES[0]),
        }
    values = asdict(profile) if is_dataclass(profile) else {}
    return {**values, "assumed": False}


def _severities(findings: pa.Table) -> tuple[dict[str, int], dict[str, int]]:
    """Count the findings of each severity, and the images they touch."""
    grouped = findings.group_by("severity").aggregate(
        [([], "count_all"), ("image_id", "count_distinct", pc.CountOptions(mode="only_valid"))]
    )
    rows = {row["severity"]: row for row in grouped.to_pylist()}
    return (
        {s: rows[s]["count_all"] if s in rows else 0 for s in schema.SEVERITIES},
        {s: rows[s]["image_id_count_distinct"] if s in rows else 0 for s in schema.SEVERITIES},
    )


def _name(rules: Mapping[str, Any], code: str) -> str:
    return str(rules[code].name) if code in rules else code


def _by_code(ds: Dataset, findings: pa.Table, rules: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Give counted findings of each rule, worst rule first."""
    distinct = pc.CountOptions(mode="only_valid")
    per_code = findings.group_by("code").aggregate(
        [
            ([], "count_all"),
            ("image_id", "count_distinct", distinct),
            ("annotation_id", "count_distinct", distinct),
        ]
    )
    parts = findings.group_by(["code", "severity"]).aggregate([([], "count_all")]).to_pylist()
    hints = findings.group_by(["code", "suggestion"]).aggregate([([], "count_all")]).to_pylist()
    rows = []
    for row in per_code.to_pylist():
        code = row["code"]
        severity = {
            s: p["count_all"]
            for s in schema.SEVERITIES
            for p in parts
            if p["code"] == code and p["severity"] == s
        }
        mine = [h for h in hints if h["code"] == code and h["suggestion"] is not None]
        mine.sort(key=lambda h: (-h["count_all"], h["suggestion"]))
        entry = {
            "code": code,
            "name": _name(rules, code),
            "scope": rules[code].scope if code in rules else "image",
            "severity": next(iter(severity)),
            "severities": severity,
            "findings": row["count_all"],
            "images": row["image_id_count_distinct"],
            "boxes": row["annotation_id_count_distinct"],
            "suggestion": mine[0]["suggestion"] if mine else "none",
            "examples": _examples(ds, findings, code),
        }
        rows.append({**entry, "action": action_text(entry)})
    return sorted(rows, key=rank)


def _examples(ds: Dataset, findings: pa.Table, code: str) -> list[str]:
    """Names of the first images that a rule found, as written in the source."""
    at = np.flatnonzero(as_numpy(pc.equal(findings["code"], code)))[:20]
    ids = findings["image_id"].take(pa.array(at)).drop_null().unique()[:MOST_EXAMPLES]
    names = ds.images["file_name"].take(ids).to_pylist()
    return [n for n in names if n is not None]


def _by_action(findings: pa.Table, rules: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Give counted findings of each pair of rule and suggestion."""
    grouped = findings.group_by(["code", "suggestion", "severity"]).aggregate([([], "count_all")])
    rows: dict[tuple[str, str], dict[str, Any]] = {}
    for row in grouped.to_pylist():
        key = (row["code"], row["suggestion"] or "none")
        entry = rows.setdefault(
            key,
            {
                "code": key[0],
                "name": _name(rules, key[0]),
                "suggestion": key[1],
                "severity": row["severity"],
                "findings": 0,
            },
        )
        entry["findings"] += row["count_all"]
        entry["severity"] = min(entry["severity"], row["severity"], key=schema.SEVERITIES.index)
    return list(rows.values())


def _first_sentence(rule: Any) -> str:
    """Give the first sentence of a rule's reason, on one line."""
    text = " ".join(str(rule.why).split())
    end = text.find(". ")
    return text if end < 0 else text[: end + 1]
