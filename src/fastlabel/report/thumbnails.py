"""Thumbnails: the picture of a finding, small, with its boxes drawn over it.

Pictures are read only here, read-only, from the data set's source or below its root, and only
those that the scan could decode within its limits.
"""

from __future__ import annotations

import base64
import math
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ..dataset import as_numpy
from ..scan.sources import content_by_name
from .rows import Finding, ReportLike
from .text import visible

if TYPE_CHECKING:
    from ..dataset import Dataset

__all__ = ["Budget", "Mark", "Thumbnail", "draw_all"]

Picture = np.ndarray[Any, np.dtype[np.uint8]]
Window = tuple[float, float, float, float]

#: Longer side of a thumbnail, pixels. Cards are about 290 CSS pixels wide.
SIDE = 360
#: A box whose longer side would be under this in the thumbnail is shown in a crop.
SMALL_BOX = 40
SMALL_PAIR = 150
#: The crop is this many times the box's longer side ...
CROP_FACTOR, PAIR_FACTOR = 3.5, 2.0
#: ... and at least this many source pixels, so that there is something around the object.
CROP_LEAST = 48
QUALITY = 70
#: Other boxes of the image drawn faintly, at most; the rest are counted.
MOST_OTHERS = 60
#: Stands for the row of a box that is proposed, not labelled.
PROPOSED = -2
#: Decoded statuses: everything else has no picture, and must not be opened.
SHOWABLE = ("ok", "truncated", "corrupt")
WORKERS = 2


@dataclass(frozen=True)
class Mark:
    """One box over a thumbnail, in thumbnail pixels.

    ``kind`` is ``subject`` (what the finding is about), ``related`` or ``other``.
    """

    x: float
    y: float
    width: float
    height: float
    kind: str
    label: str = ""


@dataclass(frozen=True)
class Thumbnail:
    """A small picture and what is drawn over it.

    Attributes
    ----------
    data : str
        ``data:image/webp;base64,...``.
    width, height : int
        Of the picture, in its own pixels.
    marks : tuple of Mark
        Boxes, least important first.
    zoom : float
        Thumbnail pixels for a pixel of the whole image, over that of a whole view:
        1 when the whole image is shown.
    window : tuple of float
        What is shown, as shares ``x, y, width, height`` of the image.
    shape : float
        Height over width of the whole image.
    alt : str
        What there is to see, in words.
    hidden : int
        Boxes of the image that are not drawn.
    """

    data: str
    width: int
    height: int
    marks: tuple[Mark, ...]
    zoom: float
    window: Window
    shape: float
    alt: str
    hidden: int = 0


@dataclass
class Budget:
    """How much a page may spend on pictures.

    Attributes
    ----------
    pictures, bytes : int
        Limits of one page.
    spent, drawn : int
        What is used so far.
    """

    pictures: int
    bytes: int
    spent: int = 0
    drawn: int = 0

    @property
    def open(self) -> bool:
        """Whether another picture fits."""
        return self.drawn < self.pictures and self.spent < self.bytes

    def take(self, size: int) -> bool:
        """Take the place of one picture of ``size`` bytes, if there is still place."""
        if self.drawn >= self.pictures or self.spent + size > self.bytes:
            return False
        self.drawn += 1
        self.spent += size
        return True


@dataclass(frozen=True)
class _Source:
    """One image as a thumbnail needs it."""

    image_id: int
    content: Callable[[], bytes]
    name: str
    width: float  # as its boxes see it
    height: float
    stored_width: int
    turn: bool  # apply the EXIF orientation
    status: str
    rows: np.ndarray[Any, Any] = field(repr=False)  # of its drawable boxes
    corners: np.ndarray[Any, Any] = field(repr=False)  # (n, 4), in order
    labels: np.ndarray[Any, Any] = field(repr=False)  # dense class, -1 unknown
    names: Sequence[str | None] = field(repr=False)  # of the classes

    def label(self, at: int) -> str:
        """Class of one of its boxes, in words."""
        category = int(self.labels[at])
        return (self.names[category] if category >= 0 else None) or "unknown class"


def draw_all(
    report: ReportLike, wanted: Sequence[Finding], budget: Budget
) -> dict[int, list[Thumbnail]]:
    """Draw the thumbnails of findings, in the order given, until the budget is spent.

    Parameters
    ----------
    report : Report
        A checked data set.
    wanted : sequence of Finding
        Those to draw, most important first.
    budget : Budget
        Spent in the order of ``wanted``, so the same page comes out of any number of
        threads.

    Returns
    -------
    dict of int to list of Thumbnail
        By ``Finding.row``: one picture, or two for a finding about a pair of images.
        Findings without a picture that can be shown are left out.
    """
    jobs = []
    images = [_images_of(finding) for finding in wanted]
    boxes_of = _BoxesOf(report.ds, [i for each in images for i in each])
    for finding, each in zip(wanted, images, strict=True):
        sources = [s for i in each if (s := _source(report, i, boxes_of)) is not None]
        if sources:
            jobs.append((finding, sources))
    drawn: dict[int, list[Thumbnail]] = {}
    with ThreadPoolExecutor(WORKERS) as pool:
        for start in range(0, len(jobs), 16):  # small batches: stop soon once spent
            if not budget.open:
                break
            batch = jobs[start : start + 16]
            with _quiet_codecs(any(s.status != "ok" for _, found in batch for s in found)):
                results = list(pool.map(_draw_job, batch))
            for (finding, _), pictures in zip(batch, results, strict=True):
                kept = [p for p in pictures if budget.take(len(p.data))]
                if kept:
                    drawn[finding.row] = kept
    return drawn


def _images_of(finding: Finding) -> list[int]:
    """Give the image of a finding, and the first other one where it compares images."""
    if finding.image_id is None:
        return []
    others = [i for i in finding.related("related_images") if i != finding.image_id]
    return [finding.image_id, *others[:1]]


def _source(report: ReportLike, image_id: int, boxes_of: _BoxesOf) -> _Source | None:
    """Tell what is known of one image, None when no picture of it may be opened."""
    ds = report.ds
    if not 0 <= image_id < len(ds):
        return None
    image = ds.images.slice(image_id, 1).to_pylist()[0]
    stats = report.image_stats.slice(image_id, 1).to_pylist()[0]
    if stats["status"] not in SHOWABLE or not image["path"]:
        return None
    content = _content_of(ds, image["path"])
    if content is None:
        return None
    stored = (stats["width"] or 0, stats["height"] or 0)
    turn = _is_turned(image, stored, stats["orientation"] or 1)
    seen = stored[::-1] if turn and (stats["orientation"] or 1) >= 5 else stored
    width, height = image["width"] or seen[0], image["height"] or seen[1]
    if min(*stored, width, height) < 1:
        return None
    return _Source(
        image_id=image_id,
        content=content,
        name=image["file_name"] or image["path"],
        width=float(width),
        height=float(height),
        stored_width=int(seen[0]),
        turn=turn,
        status=stats["status"],
        names=boxes_of.names,
        **boxes_of.image(image_id),
    )


def _content_of(ds: Dataset, path: str) -> Callable[[], bytes] | None:
    """What reads an image's bytes: from its source, or below the root and nowhere else."""
    if ds.source is not None:
        source = ds.source
        return lambda: content_by_name(source, path)
    file = ds.root / path
    return file.read_bytes if file.resolve().is_relative_to(ds.root.resolve()) else None


def _is_turned(image: dict[str, Any], stored: tuple[int, int], orientation: int) -> bool:
    """Whether to show the image turned by its EXIF orientation: as its boxes expect.

    Viewers turn, so that is the rule. The exception is a declared size that fits the
    stored raster alone.
    """
    if orientation < 5 or stored[0] == stored[1] or image["size_source"] == "exif":
        return True
    return (image["width"], image["height"]) != stored


class _BoxesOf:
    """The boxes of the images that are drawn, found in one pass over all boxes."""

    def __init__(self, ds: Dataset, images: Sequence[int]) -> None:
        self.ds = ds
        self.names = ds.categories["name"].to_pylist()
        wanted = np.zeros(len(ds), np.bool_)
        wanted[[i for i in images if 0 <= i < len(ds)]] = True
        image_of = ds.column("annotations", "image_id")
        rows = np.flatnonzero(wanted[image_of])
        owner = image_of[rows]
        order = np.argsort(owner, kind="stable")
        self.rows, self.owner = rows[order], owner[order]

    def image(self, image_id: int) -> dict[str, Any]:
        """Row, corners in order, and class of each drawable box of one of the images."""
        first, stop = np.searchsorted(self.owner, [image_id, image_id + 1])
        rows = self.rows[first:stop]
        table = self.ds.annotations.select(["x1", "y1", "x2", "y2", "category_id"]).take(rows)
        sides = [as_numpy(table[c].fill_null(math.nan)) for c in ("x1", "y1", "x2", "y2")]
        x1, y1, x2, y2 = sides
        corners = np.stack(
            [np.minimum(x1, x2), np.minimum(y1, y2), np.maximum(x1, x2), np.maximum(y1, y2)], 1
        )
        known = np.isfinite(corners).all(1)
        labels = as_numpy(table["category_id"].fill_null(-1))
        return {"rows": rows[known], "corners": corners[known], "labels": labels[known]}


def _draw_job(job: tuple[Finding, list[_Source]]) -> list[Thumbnail]:
    finding, sources = job
    return [t for s in sources if (t := _draw(finding, s)) is not None]


def _draw(finding: Finding, source: _Source) -> Thumbnail | None:
    subject = finding.annotation_id
    related = set(finding.related("related_annotations"))
    proposed = _proposed(finding, source)
    if proposed is not None:
        source = proposed
        if subject is None:
            subject = PROPOSED
        else:
            related.add(PROPOSED)
    window = _window(source, subject, related)
    picture = _read(source, window)
    if picture is None:
        return None
    data = _encoded(picture)
    if data is None:
        return None
    height, width = picture.shape[:2]
    marks, hidden = _marks(source, window, (width, height), subject, related)
    zoom = source.width / window[2]
    return Thumbnail(
        data=data,
        width=width,
        height=height,
        marks=tuple(marks),
        zoom=zoom,
        window=(
            window[0] / source.width,
            window[1] / source.height,
            window[2] / source.width,
            window[3] / source.height,
        ),
        shape=source.height / source.width,
        alt=_alt(finding, source, marks, zoom),
        hidden=hidden,
    )


def _proposed(finding: Finding, source: _Source) -> _Source | None:
    """The image with the box that the finding would draw, where it would draw one."""
    fix = finding.evidence.get("fix")
    if not isinstance(fix, dict) or fix.get("action") not in ("add_box", "replace_box"):
        return None
    box, category = fix.get("box"), fix.get("category_id")
    if source.image_id != finding.image_id or not isinstance(box, list) or len(box) != 4:
        return None
    if not all(isinstance(v, int | float) and abs(v) < 1e9 for v in box):
        return None
    known = isinstance(category, int) and 0 <= category < len(source.names)
    label: int = category if known else -1
    x1, y1, x2, y2 = box
    corner = [min(x1, x2), min(y1, y2), max(x1, x2), max(y1, y2)]
    return replace(
        source,
        rows=np.append(source.rows, PROPOSED),
        corners=np.concatenate([source.corners.reshape(-1, 4), [corner]]),
        labels=np.append(source.labels, label),
    )


def _window(source: _Source, subject: int | None, related: set[int]) -> Window:
    """Give the part of the image to show: all of it, or around boxes too small to see in it."""
    whole = (0.0, 0.0, source.width, source.height)
    if subject is None:
        return whole
    chosen = source.corners[np.isin(source.rows, [subject, *related])]
    if not len(chosen):
        return whole
    x1, y1 = chosen[:, :2].min(0).tolist()
    x2, y2 = chosen[:, 2:].max(0).tolist()
    longest = max(x2 - x1, y2 - y1)
    # Two boxes that nearly coincide can only be told apart close by.
    small, factor = (SMALL_PAIR, PAIR_FACTOR) if related else (SMALL_BOX, CROP_FACTOR)
    if longest * SIDE / max(source.width, source.height) >= small:
        return whole
    side = max(longest * factor, CROP_LEAST)
    width, height = min(side * 4 / 3, source.width), min(side, source.height)
    # Kept inside the image, also for a box that lies outside it.
    left = min(max((x1 + x2 - width) / 2, 0.0), source.width - width)
    top = min(max((y1 + y2 - height) / 2, 0.0), source.height - height)
    return (left, top, width, height)


def _read(source: _Source, window: Window) -> Picture | None:
    """Decode as small as the view allows, then cut and scale to the thumbnail's size."""
    import cv2

    # Reduced decoding halves a JPEG inside the codec; keep at least the wanted pixels.
    room = max(window[2], window[3]) * source.stored_width / source.width / SIDE
    flag = cv2.IMREAD_COLOR
    for factor, reduced in (
        (8, cv2.IMREAD_REDUCED_COLOR_8),
        (4, cv2.IMREAD_REDUCED_COLOR_4),
        (2, cv2.IMREAD_REDUCED_COLOR_2),
    ):
        if room >= factor:
            flag = reduced
            break
    if not source.turn:
        flag |= cv2.IMREAD_IGNORE_ORIENTATION
    try:
        # A JPEG cut short decodes as far as it goes once it has an end mark.
        end = b"\xff\xd9" if source.status == "truncated" else b""
        raw = np.frombuffer(source.content() + end, np.uint8)
        full = cv2.imdecode(raw, flag) if len(raw) else None
    except (OSError, cv2.error, MemoryError):
        return None
    if full is None:
        return None
    return _cut(np.asarray(full, dtype=np.uint8), source, window)


def _cut(full: Picture, source: _Source, window: Window) -> Picture | None:
    import cv2

    sx, sy = full.shape[1] / source.width, full.shape[0] / source.height
    left, top = int(window[0] * sx), int(window[1] * sy)
    right = min(max(round((window[0] + window[2]) * sx), left + 1), full.shape[1])
    bottom = min(max(round((window[1] + window[3]) * sy), top + 1), full.shape[0])
    part = full[top:bottom, left:right]
    if not part.size:
        return None
    scale = SIDE / max(part.shape[:2])
    if scale > 1 and source.width <= window[2]:
        scale = 1.0  # a small image, whole: the page may enlarge it, bytes need not
    size = (max(round(part.shape[1] * scale), 1), max(round(part.shape[0] * scale), 1))
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_NEAREST if scale > 4 else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(part, size, interpolation=how), dtype=np.uint8)


def _encoded(picture: Picture) -> str | None:
    import cv2

    kind = "webp" if cv2.haveImageWriter("x.webp") else "jpeg"
    quality = cv2.IMWRITE_WEBP_QUALITY if kind == "webp" else cv2.IMWRITE_JPEG_QUALITY
    done, encoded = cv2.imencode(f".{kind}", picture, [quality, QUALITY])
    if not done:
        return None
    return f"data:image/{kind};base64,{base64.b64encode(encoded.tobytes()).decode('ascii')}"


def _marks(
    source: _Source,
    window: Window,
    size: tuple[int, int],
    subject: int | None,
    related: set[int],
) -> tuple[list[Mark], int]:
    """Give the boxes that fall in the window, the subject last so that it lies on top."""
    scale = np.array([size[0] / window[2], size[1] / window[3]] * 2)
    corners = (source.corners - np.array([*window[:2], *window[:2]])) * scale
    # A subject far outside must not make a drawing of a million pixels.
    corners = np.clip(corners, -4.0 * SIDE, 5.0 * SIDE).round(1)
    shown = (corners[:, :2] <= size).all(1) & (corners[:, 2:] >= 0).all(1)
    is_subject = source.rows == (-1 if subject is None else subject)
    is_related = np.isin(source.rows, list(related)) & ~is_subject
    others = np.flatnonzero(shown & ~is_subject & ~is_related)
    marks = []
    for kind, at in (
        ("other", others[:MOST_OTHERS]),
        ("related", np.flatnonzero(is_related)[:MOST_OTHERS]),
        ("subject", np.flatnonzero(is_subject)),
    ):
        for i in at.tolist():
            x1, y1, x2, y2 = corners[i].tolist()
            box = (x1, y1, round(x2 - x1, 1), round(y2 - y1, 1))
            marks.append(Mark(*box, kind=kind, label=source.label(i)))
    return marks, max(len(others) - MOST_OTHERS, 0)


def _alt(finding: Finding, source: _Source, marks: Sequence[Mark], zoom: float) -> str:
    view = f"{zoom:.0f} times enlarged part of" if zoom > 1.5 else "Image"
    text = f"{view} {visible(source.name, 60)}"
    if finding.annotation_id is not None:
        label = next((m.label for m in marks if m.kind == "subject"), None)
        return f"{text} with a box marked {visible(label, 40)}" if label else text
    return f"{text} with {len(marks)} boxes" if marks else text


@contextmanager
def _quiet_codecs(damaged: bool) -> Iterator[None]:
    """Keep OpenCV and its codecs quiet: damaged pictures are findings already.

    libjpeg inside OpenCV writes straight to file descriptor 2, so for damaged pictures,
    and for as long as they take, that points at nothing.
    """
    import cv2

    log = getattr(getattr(cv2, "utils", None), "logging", None)
    before = log.getLogLevel() if log is not None else None
    with ExitStack() as stack:
        if log is not None:
            log.setLogLevel(log.LOG_LEVEL_SILENT)
            stack.callback(log.setLogLevel, before)
        if damaged:
            with suppress(OSError, ValueError, AttributeError):
                sys.stderr.flush()
                kept = os.dup(2)
                stack.callback(os.close, kept)
                nothing = os.open(os.devnull, os.O_WRONLY)
                stack.callback(os.close, nothing)
                os.dup2(nothing, 2)
                stack.callback(os.dup2, kept, 2)
        yield
