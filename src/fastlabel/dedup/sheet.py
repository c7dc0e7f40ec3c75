"""A page of groups to look at: a few, chosen by a seed, as pictures side by side."""

from __future__ import annotations

import base64
import os
from html import escape
from pathlib import Path
from typing import Any

import numpy as np

from ..dataset import Dataset, as_numpy
from ..report.text import count, visible
from ..scan.jobs import jobs_of
from ..source import MOST_BYTES, Lost, Span
from .run import DedupResult

__all__ = ["groups_page"]

#: Longer side of a picture on the page, and pictures shown of one group.
SIDE, SHOWN = 200, 8
_STYLE = """body{font:14px/1.4 system-ui,sans-serif;margin:24px;color:#1b1f24;background:#fff}
h1{font-size:22px}section{border-top:1px solid #d0d7de;padding:8px 0 12px}
h2{font-size:15px;margin:4px 0}.leak{color:#b42318}ul{display:flex;flex-wrap:wrap;gap:10px;
padding:0;margin:0;list-style:none}li{width:200px;overflow-wrap:anywhere;font-size:12px}
img{max-width:200px;max-height:200px;display:block}.none{width:200px;height:80px;
background:#eee;display:grid;place-items:center;color:#57606a}
@media(prefers-color-scheme:dark){body{background:#0d1117;color:#e6edf3}.none{background:#222}}"""


def groups_page(result: DedupResult, dataset: Dataset, *, most: int = 40, seed: int = 0) -> str:
    """Write a page with some of the groups, those across splits first.

    Parameters
    ----------
    result : DedupResult
    dataset : Dataset
        Where the pictures are; they are read from its folder.
    most : int
        Groups on the page. Where there are more, a sample that depends on the seed only.
    seed : int

    Returns
    -------
    str
        HTML that needs nothing else.
    """
    table = result.groups
    ids = as_numpy(table["group_id"])
    leaks = np.asarray(table["leaks"].to_numpy(), np.bool_)
    starts = np.flatnonzero(np.r_[True, np.diff(ids) != 0]) if len(ids) else ids
    order = np.random.default_rng(seed).permutation(len(starts))
    order = order[np.argsort(~leaks[starts[order]], kind="stable")][:most]
    # Shown in the order of the table, but those across splits first.
    order = order[np.lexsort((order, ~leaks[starts[order]]))]
    ends = np.r_[starts[1:], len(ids)]
    pictures = _Pictures(dataset, result)
    parts = [
        _section(table.slice(int(starts[k]), int(ends[k] - starts[k])).to_pylist(), pictures)
        for k in order.tolist()
    ]
    groups = len(starts)
    chosen = f", {len(parts):,} of them shown (seed {seed}, those across splits first)"
    said = [
        f"{count(result.images, 'image')}, {count(groups, 'group')}"
        f"{chosen if len(parts) < groups else ''}; {result.count('exact'):,} of copies to the "
        f"last byte, {result.count('near'):,} of near copies, "
        f"{result.count(leaking=True):,} across splits.",
        f"Near: at most {result.settings['distance']} of 64 bits apart, step by step. Look "
        "before you remove anything: pictures of one scene may all be wanted.",
    ]
    head = "".join(f"<p>{escape(line)}</p>" for line in said)
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>Groups of copies</title><style>{_STYLE}</style>"
        f"<h1>Groups of copies</h1>{head}{''.join(parts)}</html>\n"
    )


def _section(rows: list[dict[str, Any]], pictures: _Pictures) -> str:
    first = rows[0]
    splits = sorted({str(r["split"]) for r in rows if r["split"] is not None})
    facts = [count(len(rows), "image")]
    if first["kind"] == "exact":
        facts.append("the same bytes")
    else:
        facts.append(f"{count(first['files'], 'different file')}")
    if first["diameter"]:
        facts.append(f"{first['diameter']} bits between the farthest")
    across = f' <span class="leak">across {escape(visible(", ".join(splits)))}</span>'
    title = f"Group {first['group_id']}: {', '.join(facts)}{across if first['leaks'] else ''}"
    cards = "".join(_card(row, pictures) for row in rows[:SHOWN])
    more = len(rows) - SHOWN
    tail = f"<li>and {more:,} more</li>" if more > 0 else ""
    return f"<section><h2>{title}</h2><ul>{cards}{tail}</ul></section>"


def _card(row: dict[str, Any], pictures: _Pictures) -> str:
    name = escape(visible(str(row["file_name"]), 80))
    notes = [escape(visible(str(row["split"])))] if row["split"] is not None else []
    if row["distance"] is not None:
        notes.append(f"{row['distance']} bits")
    if row["turn"] not in (None, "as it is"):
        notes.append(row["turn"])
    if row["similarity"] is not None:
        notes.append(f"cosine {row['similarity']:.3f}")
    data = pictures.small(row["image_id"])
    shown = (
        f'<img alt="{name}" src="data:image/jpeg;base64,{data}">'
        if data
        else '<div class="none">no picture</div>'
    )
    return f"<li>{shown}{name}<br>{', '.join(notes)}</li>"


class _Pictures:
    """The pictures of a data set, decoded small; those that the scan refused are not opened."""

    def __init__(self, dataset: Dataset, result: DedupResult) -> None:
        jobs = jobs_of(dataset)
        self._source, self._rows = jobs.source, jobs.rows
        self._refused = set(result.unreadable.tolist())

    def small(self, image: int) -> str | None:
        """Base64 of a small JPEG; None where there is none to show."""
        row = int(self._rows[image])
        if row < 0 or image in self._refused:
            return None
        (found,) = self._source.fetch(np.array([row], np.int64))
        if isinstance(found, Lost):
            return None
        try:
            return _encoded(_read(found) if isinstance(found, Span) else bytes(found))
        except OSError:
            return None


def _read(span: Span) -> bytes:
    with Path(os.fsdecode(span.path)).open("rb") as file:
        file.seek(span.offset)
        return file.read(min(span.length, MOST_BYTES) if span.length >= 0 else MOST_BYTES)


def _encoded(data: bytes) -> str | None:
    import cv2

    try:
        raw = np.frombuffer(data, np.uint8)
        image = cv2.imdecode(raw, cv2.IMREAD_REDUCED_COLOR_2) if len(raw) else None
        if image is None:
            return None
        scale = SIDE / max(image.shape[:2])
        size = (max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale)))
        how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
        done, small = cv2.imencode(
            ".jpg", cv2.resize(image, size, interpolation=how), [cv2.IMWRITE_JPEG_QUALITY, 80]
        )
    except (cv2.error, MemoryError):
        return None
    return base64.b64encode(small.tobytes()).decode("ascii") if done else None
