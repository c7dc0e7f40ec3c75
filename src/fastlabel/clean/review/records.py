"""What a tool gives back, whatever the tool: one record an image."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ...dataset import DatasetError
from .tasks import Found

__all__ = ["Record", "Region", "json_records"]

Box = tuple[float, float, float, float]

#: Characters read at a time; and the longest single task that is taken for one.
CHUNK, LONGEST = 1 << 22, 1 << 28


@dataclass(slots=True)
class Region:
    """A box of the export. ``annotation_id`` is None where the reviewer drew it."""

    annotation_id: int | None
    box: Box
    label: str
    where: str
    ignore: bool = False  # marked as a region to ignore


@dataclass(slots=True)
class Record:
    """What came back of one image."""

    place: str
    name: str | None = None
    image_id: int | None = None
    stamp: str | None = None
    sent: list[int] | None = None  # annotations that were sent; None: the tool lost the list
    found: list[Found] = field(default_factory=list)
    sent_size: tuple[int, int] | None = None
    size: tuple[float, float] | None = None
    rounding: tuple[float, float] = (0.0, 0.0)
    regions: list[Region] = field(default_factory=list)
    answered: bool = False  # there are labels to compare
    checked: bool = False  # the reviewer said so
    verdicts: dict[int, bool] = field(default_factory=dict)  # finding -> said to be right
    held: set[int] = field(default_factory=set)  # boxes that came back in no usable form
    skipped: list[tuple[str, str]] = field(default_factory=list)

    def skip(self, kind: str, detail: str, annotation: int | None = None) -> None:
        """Note what is not taken over; the box it was made of then stays as it is."""
        self.skipped.append((kind, detail))
        if annotation is not None:
            self.held.add(annotation)

    def add(self, region: Region, size: tuple[float, float], rounding: float) -> None:
        """Take a box, unless its numbers are none or its image is not the others'."""
        x1, y1, x2, y2 = region.box
        wide, high = size
        good = math.isfinite(x1 + y1 + x2 + y2) and 0 < wide < math.inf and 0 < high < math.inf
        if not good or x2 < x1 or y2 < y1:
            self.skip(
                "malformed", f"{region.where}: {list(region.box)} is no box", region.annotation_id
            )
            return
        if self.size is not None and self.size != size:
            self.skip(
                "malformed",
                f"{region.where}: of an image of {wide:g} x {high:g}, the others of "
                f"{self.size[0]:g} x {self.size[1]:g}",
                region.annotation_id,
            )
            return
        self.size = size
        self.rounding = (rounding * wide, rounding * high)
        self.regions.append(region)


def json_records(path: Path) -> Iterator[tuple[int, Any]]:
    """Elements of the list that is a JSON file's whole content, read a part at a time.

    Raises
    ------
    DatasetError
        If the file is not UTF-8 text, not JSON, or not a list.
    """
    decoder = json.JSONDecoder(parse_constant=_refuse)
    try:
        with path.open(encoding="utf-8-sig") as file:
            yield from _elements(file, decoder, path)
    except UnicodeDecodeError as error:
        raise DatasetError(f"{path}: not UTF-8 text (byte {error.start})") from error
    except OSError as error:
        raise DatasetError(f"{path}: cannot be read: {error.strerror or error}") from error


def _refuse(name: str) -> float:
    raise ValueError(f"{name} is no JSON number")


def _elements(file: Any, decoder: json.JSONDecoder, path: Path) -> Iterator[tuple[int, Any]]:
    text = file.read(CHUNK)
    while text.isspace():
        text = file.read(CHUNK)
    at = _space(text, 0)
    if text[at : at + 1] != "[":
        raise DatasetError(f"{path}: is no JSON list of tasks; export as JSON from Label Studio")
    at, count, ended = at + 1, 0, False
    while True:
        at = _space(text, at)
        if at >= len(text) - 1 and not ended:
            text, at, ended = _more(file, text, at)
            continue
        mark = text[at : at + 1]
        if mark == "]":
            rest = text[at + 1 :] + file.read(CHUNK)
            if rest.strip():
                raise DatasetError(f"{path}: there is text after the end of the list")
            return
        if count:
            if mark != ",":
                raise _broken(path, count, "',' or ']' was expected")
            at = _space(text, at + 1)
        try:
            value, end = decoder.raw_decode(text, at)
        except (ValueError, RecursionError) as error:
            # A task that the part read so far cuts in two looks broken too.
            if not ended and len(text) - at < LONGEST:
                if count:  # back to the comma
                    at = text.rindex(",", 0, at)
                text, at, ended = _more(file, text, at)
                continue
            said = getattr(error, "msg", None) or str(error)
            raise _broken(path, count, said) from error
        after = _space(text, end)
        sure = text[after : after + 1] in (",", "]") or len(text) - at >= LONGEST
        if not ended and not sure:  # a number may go on
            if count:
                at = text.rindex(",", 0, at)
            text, at, ended = _more(file, text, at)
            continue
        yield count, value
        count, at = count + 1, end


def _more(file: Any, text: str, at: int) -> tuple[str, int, bool]:
    rest = text[at:]
    # Twice as much each time, so that one long task is not parsed again at every step.
    new = file.read(max(CHUNK, len(rest)))
    return rest + new, 0, not new


def _space(text: str, at: int) -> int:
    while text[at : at + 1] in (" ", "\t", "\n", "\r"):
        at += 1
    return at


def _broken(path: Path, count: int, what: str) -> DatasetError:
    return DatasetError(
        f"{path}: is not valid JSON after {count:,} tasks: {what}; if the file was cut short, "
        "export it again"
    )
