"""Pages of pictures with a line or two each, in the style of the report: offline, no script."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable, Sequence
from html import escape
from importlib.resources import files

import numpy as np

from .text import visible

__all__ = ["cards", "gallery_page", "said", "small_picture"]

#: Longer side of a picture on the page, and its quality.
SIDE, QUALITY = 320, 75
_OWN = """
.card img { display: block; width: 100%; height: 11rem; object-fit: contain; background: var(--soft); }
.card .none { height: 11rem; display: grid; place-items: center; background: var(--soft); color: var(--muted); }
.page { padding-top: 2rem; }
.charts { max-width: 46rem; grid-template-columns: 1fr; }
.list { margin: .6rem 0 0; padding-left: 1.2rem; } .list li { margin: .2rem 0; }
"""  # noqa: E501


def said(text: object, limit: int = 0) -> str:
    """Text from data, safe in a page."""
    return escape(visible(text, limit))


def gallery_page(title: str, body: str) -> str:
    """A whole page.

    Parameters
    ----------
    title : str
        Plain text.
    body : str
        Markup; what comes from data went through :func:`said`.
    """
    style = files("fastlabel.report").joinpath("templates/style.css").read_text(encoding="utf-8")
    policy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{said(title, 120)}</title><style>{style}{_OWN}</style></head>\n"
        f'<body><main class="page"><h1>{said(title, 120)}</h1>{body}</main></body></html>\n'
    )


def cards(items: Iterable[tuple[Callable[[], bytes], str, Sequence[str]]]) -> str:
    """Pictures side by side.

    Parameters
    ----------
    items : iterable of (content, name, lines)
        What gives the file's bytes, its name, and lines of text below it.
    """
    out = []
    for content, name, lines in items:
        data = _picture_of(content)
        shown = (
            f'<img alt="{said(name, 120)}" src="{data}">'
            if data
            else '<div class="none">no picture</div>'
        )
        text = "".join(f"<p>{said(line, 300)}</p>" for line in lines if line)
        out.append(
            f'<li class="card">{shown}<div class="body">{text}'
            f'<p class="where">{said(name, 120)}</p></div></li>'
        )
    return f'<ul class="cards">{"".join(out)}</ul>'


def _picture_of(content: Callable[[], bytes]) -> str | None:
    try:
        return small_picture(content())
    except OSError:
        return None


def small_picture(data: bytes) -> str | None:
    """A picture as a small ``data:`` URL, upright; None where it cannot be decoded."""
    import cv2

    try:
        raw = np.frombuffer(data, np.uint8)
        image = cv2.imdecode(raw, cv2.IMREAD_COLOR) if len(raw) else None
        if image is None:
            return None
        scale = SIDE / max(image.shape[:2])
        if scale < 1:
            size = (max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale)))
            image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
        done, small = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    except (cv2.error, MemoryError):
        return None
    if not done:
        return None
    return "data:image/jpeg;base64," + base64.b64encode(small.tobytes()).decode("ascii")
