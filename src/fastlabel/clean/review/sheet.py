"""A contact sheet: one page of small pictures with what was found, for any browser."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from html import escape
from pathlib import Path
from typing import Any

import numpy as np

from ...report.text import count, visible
from ...scan.sources import content_by_name
from .tasks import Book, Task

__all__ = ["MOST_PICTURES", "write_sheet"]

Window = tuple[float, float, float, float]

#: Longer side of a picture, and how many a page has; beyond, cards have words alone.
SIDE, MOST_PICTURES = 340, 500
#: Larger images are not opened: the page must not cost gigabytes.
MOST_PIXELS, MOST_BYTES = 200_000_000, 1 << 28
#: Where the boxes in question take up less than this share of a side, a part is shown.
PART = 0.25
#: Boxes drawn of those that nothing was found about, and findings in words.
MOST_OTHERS, MOST_FOUND = 80, 12

_STYLE = """
:root{color-scheme:light dark;--ink:#1d2126;--soft:#5b636d;--line:#d5dae0;--paper:#fff;
--card:#f7f8fa;--hot:#c2410c;--new:#0f766e}
@media(prefers-color-scheme:dark){:root{--ink:#e6e9ee;--soft:#9aa4b1;--line:#30363f;
--paper:#0f1216;--card:#171b21;--hot:#fb923c;--new:#2dd4bf}}
*{box-sizing:border-box}
body{margin:0 auto;padding:24px;max-width:1500px;background:var(--paper);color:var(--ink);
font:14px/1.45 system-ui,sans-serif}
h1{font-size:22px;margin:0 0 4px}p{margin:4px 0;color:var(--soft);max-width:75ch}
.key{display:inline-block;width:14px;height:10px;border:2px solid;margin:0 4px 0 12px}
.key:first-of-type{margin-left:0}
ol.cards{list-style:none;margin:18px 0 0;padding:0;display:grid;gap:14px;
align-items:start;grid-template-columns:repeat(auto-fill,minmax(min(300px,100%),1fr))}
.card{background:var(--card);border:1px solid var(--line);border-radius:6px;overflow:hidden}
svg{display:block;width:100%;height:auto;max-height:340px;background:#0006}
.none{padding:28px;text-align:center;color:var(--soft);border-bottom:1px solid var(--line)}
.words{padding:8px 12px 12px}.name{font-weight:600;overflow-wrap:anywhere}
.words ol{margin:4px 0 0;padding-left:20px;font-size:13px;overflow-wrap:anywhere}
.more{list-style:none;color:var(--soft)}.code{color:var(--hot);font-weight:600}.soft{color:var(--soft)}
rect{fill:none;vector-effect:non-scaling-stroke}
.under{stroke:#000;stroke-opacity:.55;stroke-width:4.5}.thin{stroke-width:3}
.other{stroke:#fff;stroke-width:1.2}.named{stroke:#ff8a3c;stroke-width:2.4}
.new{stroke:#2ee6cf;stroke-width:2.4;stroke-dasharray:6 4}
text{fill:#fff;paint-order:stroke;stroke:#000;stroke-opacity:.8;font-family:system-ui,sans-serif}
@media print{.card{break-inside:avoid}body{padding:0}}
"""


def write_sheet(tasks: Iterable[Task], place: Path, book: Book, images: int) -> None:
    """Write the page, card by card; pictures of the first :data:`MOST_PICTURES` images."""
    with place.open("w", encoding="utf-8") as file:
        title = f"Review of {visible(Path(book.ds.root).name, 80)}"
        told = count(images, "image")
        if images > MOST_PICTURES:
            told += f", the first {MOST_PICTURES:,} with their picture"
        file.write(
            '<!doctype html><html lang="en"><meta charset="utf-8">'
            '<meta name="viewport" content="width=device-width,initial-scale=1">'
            f"<title>{escape(title)}</title><style>{_STYLE}</style><h1>{escape(title)}</h1>"
            f"<p>{told}, the one with the most expected errors first. The number in brackets says "
            "how sure the rule is.</p><p>"
            '<span class="key" style="border-color:#ff8a3c"></span>box that a finding names'
            '<span class="key" style="border-color:#2ee6cf;border-style:dashed"></span>'
            'what it proposes<span class="key" style="border-color:#8b95a1"></span>other labels'
            '</p><ol class="cards">'
        )
        for n, task in enumerate(tasks):
            file.write(_card(task, book, with_picture=n < MOST_PICTURES))
        file.write("</ol></html>\n")


def _card(task: Task, book: Book, *, with_picture: bool) -> str:
    shown = _drawing(task, book) if with_picture else ""
    name = escape(visible(task.name, 90))
    lines = [_line(found) for found in task.found[:MOST_FOUND]]
    more = len(task.found) - MOST_FOUND
    if more > 0:
        lines.append(f'<li class="more">and {more:,} more</li>')
    boxes = count(len(task.boxes), "box", "boxes")
    facts = f"image {task.image_id} · {task.width} × {task.height} · {boxes}"
    return (
        f'<li class="card">{shown}<div class="words"><div class="name">{name}</div>'
        f'<div class="soft">{facts}</div><ol>{"".join(lines)}</ol></div></li>\n'
    )


def _line(found: Any) -> str:
    sure = "" if found.score is None else f" ({found.score:.2f})"
    return (
        f'<li><span class="code">{escape(visible(found.code, 20))}</span>{sure} '
        f"{escape(visible(found.message))}</li>"
    )


def _drawing(task: Task, book: Book) -> str:
    window = _window(task)
    data = _picture(task, book, window)
    if data is None:
        return '<div class="none">no picture can be shown</div>'
    left, top, wide, high = window
    named: dict[int, int] = {}  # number of the first finding that names a box
    for n, found in enumerate(task.found, 1):
        for annotation in found.annotation_ids:
            named.setdefault(annotation, n)
    renamed = {
        task.found[g.finding].annotation_ids[0]: f" → {g.label}"
        for g in task.guesses
        if g.finding is not None
        and task.found[g.finding].action == "relabel"
        and task.found[g.finding].annotation_ids
    }
    parts = []
    others = 0
    for pick in (False, True):  # those in question on top
        for annotation, box, label in zip(
            task.annotation_ids, task.boxes, task.labels, strict=True
        ):
            if (annotation in named) != pick:
                continue
            others += not pick
            if pick or others <= MOST_OTHERS:
                said = f"{named[annotation]} {label}{renamed.get(annotation, '')}" if pick else ""
                parts.append(_box(box, "named" if pick else "other", said, wide))
    for guess in task.guesses:
        if guess.finding is not None and task.found[guess.finding].action != "relabel":
            parts.append(_box(guess.box, "new", f"{guess.finding + 1} {guess.label}", wide))
    alt = escape(visible(task.name, 60))
    return (
        f'<svg viewBox="{left:g} {top:g} {wide:g} {high:g}" role="img" aria-label="{alt}">'
        f'<image href="{data}" x="{left:g}" y="{top:g}" width="{wide:g}" height="{high:g}" '
        f'preserveAspectRatio="none"/>{"".join(parts)}</svg>'
    )


def _box(box: Any, kind: str, label: str, wide: float) -> str:
    # A corner a million pixels away is drawn as one just outside the view.
    x1, y1, x2, y2 = (min(max(v, -1e6), 1e6) for v in box)
    at = (
        f'x="{min(x1, x2):.1f}" y="{min(y1, y2):.1f}" '
        f'width="{abs(x2 - x1):.1f}" height="{abs(y2 - y1):.1f}"'
    )
    thin = " thin" if kind == "other" else ""
    drawn = f'<rect class="under{thin}" {at}/><rect class="{kind}" {at}/>'
    if label:
        size = wide / 26
        said = escape(visible(label, 40))
        # What is proposed has its name at the foot, where it does not cover the old one.
        down = min(y2, 1e6) - size / 3 if kind == "new" else max(y1, 0) + size
        drawn += (
            f'<text x="{max(x1, 0) + size / 4:.1f}" y="{down:.1f}" '
            f'font-size="{size:.1f}" stroke-width="{size / 6:.1f}">{said}</text>'
        )
    return drawn


def _window(task: Task) -> Window:
    """What to show: all of the image, or the part around boxes that would be specks in it."""
    whole = (0.0, 0.0, float(task.width), float(task.height))
    named = {a for found in task.found for a in found.annotation_ids}
    boxes = [b for a, b in zip(task.annotation_ids, task.boxes, strict=True) if a in named]
    boxes += [list(g.box) for g in task.guesses if g.finding is not None]
    if not boxes:
        return whole
    corners = np.array(boxes)
    x1, y1 = np.maximum(corners[:, :2].min(0), 0)
    x2, y2 = np.minimum(corners[:, 2:].max(0), whole[2:])
    if not (x1 <= x2 and y1 <= y2) or max(x2 - x1, y2 - y1) > PART * max(whole[2:]):
        return whole
    side = max(max(x2 - x1, y2 - y1) * 2.5, 64.0)
    wide, high = min(side * 4 / 3, whole[2]), min(side, whole[3])
    left = min(max((x1 + x2 - wide) / 2, 0.0), whole[2] - wide)
    top = min(max((y1 + y2 - high) / 2, 0.0), whole[3] - high)
    return (float(left), float(top), float(wide), float(high))


def _picture(task: Task, book: Book, window: Window) -> str | None:
    """The part of the picture as a data address; None where it cannot be read."""
    import cv2

    content = _content(book, task.image_id)
    if content is None:
        return None
    left, top, wide, high = window
    room = max(wide, high) / SIDE
    flag = cv2.IMREAD_COLOR
    for factor, reduced in ((8, cv2.IMREAD_REDUCED_COLOR_8), (4, cv2.IMREAD_REDUCED_COLOR_4)):
        if room >= factor:
            flag = reduced
            break
    try:
        full = cv2.imdecode(np.frombuffer(content, np.uint8), flag)
        if full is None:
            return None
        # Labels are in the upright frame of the size that they declare.
        sx, sy = full.shape[1] / task.width, full.shape[0] / task.height
        x, y = int(left * sx), int(top * sy)
        part = full[
            y : max(round((top + high) * sy), y + 1), x : max(round((left + wide) * sx), x + 1)
        ]
        scale = SIDE / max(part.shape[:2])
        size = (max(round(part.shape[1] * scale), 1), max(round(part.shape[0] * scale), 1))
        how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
        done, small = cv2.imencode(
            ".jpg", cv2.resize(part, size, interpolation=how), [cv2.IMWRITE_JPEG_QUALITY, 72]
        )
    except (cv2.error, MemoryError, ZeroDivisionError):
        return None
    if not done:
        return None
    return "data:image/jpeg;base64," + base64.b64encode(small.tobytes()).decode("ascii")


def _content(book: Book, image: int) -> bytes | None:
    """The file's bytes: from the set's source, or below its root and nowhere else."""
    ds = book.ds
    path = ds.images["path"][image].as_py()
    if path is None:
        return None
    try:
        if ds.source is not None:
            data = content_by_name(ds.source, path)
            return data if 0 < len(data) <= MOST_BYTES else None
        file = Path(ds.root, path)
        if not file.resolve().is_relative_to(Path(ds.root).resolve()):
            return None
        from ... import _core

        _, wide, high, _ = _core.sniff_headers([str(file)])
        if wide[0] * high[0] > MOST_PIXELS or not 0 < file.stat().st_size <= MOST_BYTES:
            return None
        return file.read_bytes()
    except OSError:
        return None
