"""A page of groups to look at: a few, chosen by a seed, as pictures side by side."""

from __future__ import annotations

import base64
from html import escape
from pathlib import Path
from typing import Any

import numpy as np

from ..dataset import Dataset, as_numpy
from ..report.text import count, visible
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
    parts = [
        _section(table.slice(int(starts[k]), int(ends[k] - starts[k])).to_pylist(), dataset)
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


def _section(rows: list[dict[str, Any]], dataset: Dataset) -> str:
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
    cards = "".join(_card(row, dataset) for row in rows[:SHOWN])
    more = len(rows) - SHOWN
    tail = f"<li>and {more:,} more</li>" if more > 0 else ""
    return f"<section><h2>{title}</h2><ul>{cards}{tail}</ul></section>"


def _card(row: dict[str, Any], dataset: Dataset) -> str:
    name = escape(visible(str(row["file_name"]), 80))
    notes = [escape(visible(str(row["split"])))] if row["split"] is not None else []
    if row["distance"] is not None:
        notes.append(f"{row['distance']} bits")
    if row["turn"] not in (None, "as it is"):
        notes.append(row["turn"])
    if row["similarity"] is not None:
        notes.append(f"cosine {row['similarity']:.3f}")
    path = dataset.images["path"][row["image_id"]].as_py()
    data = None if path is None else _picture(dataset.root / path)
    shown = (
        f'<img alt="{name}" src="data:image/jpeg;base64,{data}">'
        if data
        else '<div class="none">no picture</div>'
    )
    return f"<li>{shown}{name}<br>{', '.join(notes)}</li>"


def _picture(path: Path) -> str | None:
    """Decode small, within OpenCV's limits; None where it cannot be."""
    import cv2

    try:
        raw = np.fromfile(path, np.uint8)
        image = cv2.imdecode(raw, cv2.IMREAD_REDUCED_COLOR_2) if len(raw) else None
        if image is None:
            return None
        scale = SIDE / max(image.shape[:2])
        size = (max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale)))
        small = cv2.resize(image, size, interpolation=cv2.INTER_AREA if scale < 1 else 1)
        done, data = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, 80])
    except (OSError, cv2.error, MemoryError):
        return None
    return base64.b64encode(data.tobytes()).decode("ascii") if done else None
