"""One Pascal VOC XML file, parsed without trusting it."""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass, field
from decimal import Context, Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ._build import NOT_KNOWN, Builder
from ._text import MIB, LabelFileError, decode, quote, read_bytes

if TYPE_CHECKING:
    from lxml.etree import _Element

__all__ = ["CONVENTIONS", "MAX_BYTES", "Record", "add_objects", "is_voc", "number", "parse"]

MAX_BYTES = 64 * MIB

_ROOT_TAG = re.compile(r"<annotation[\s>/]")
_OBJECT_TAG = re.compile(rb"<object[\s>/]")
# Enough for any float64 less one.
_DIGITS = Context(prec=1100)

_CORNERS = ("xmin", "ymin", "xmax", "ymax")
_KNOWN_IN_OBJECT = frozenset(
    (
        *("name", "bndbox", "part", "difficult", "truncated", "occluded", "truncation"),
        *("occlusion", "ignore", "crowd", "weight", "score", "area"),
    )
)

_READ_APART = frozenset(("filename", "size", "object", "convention"))

#: What a file's own ``convention`` element may say, by the number that pixels count from.
CONVENTIONS = ("0-based, half-open", "1-based, last pixel included")


def is_voc(path: Path) -> bool:
    """Whether the head of an XML file looks like Pascal VOC."""
    try:
        with path.open("rb") as file:
            data = file.read(1 << 16)
        head = (
            decode(data[: len(data) // 4 * 4])
            if data[:2] in (b"\xff\xfe", b"\xfe\xff")
            else (data.decode("latin-1"))
        )
    except (OSError, LabelFileError):
        return False
    if not _ROOT_TAG.search(head):
        return False
    # Old LabelMe files share the root element, but hold polygons only.
    return "<bndbox" in head or "<polygon" not in head


@dataclass
class _Object:
    name: str | None
    box: tuple[float, float, float, float]
    raw: str
    line: int
    flags: dict[str, Any]

    def shifted(self) -> tuple[float, float, float, float]:
        """The box when pixels count from 1 and the last is included.

        The text is decimal, so that one less is taken of the decimal: of 1.1 remains 0.1,
        which float64 has not where 1.1 was a float64 first.
        """
        x1, y1, x2, y2 = self.box
        words = self.raw.split()
        return _one_less(x1, words[0]), _one_less(y1, words[1]), x2, y2


def _one_less(value: float, word: str) -> float:
    if "." not in word or not math.isfinite(value) or len(word) > 400:
        return value - 1
    return float(_DIGITS.subtract(Decimal(word), 1))


@dataclass
class Record:
    """One XML file, parsed."""

    path: str
    file_name: str | None = None
    size: tuple[int, int] | None = None
    attributes: str | None = None
    objects: list[_Object] = field(default_factory=list)
    object_count: int = 0  # those that cannot become a row included
    #: (message, line, value) of objects that cannot become a row, and of a bad size
    bad: list[tuple[str, int | None, str | None]] = field(default_factory=list)
    error: LabelFileError | None = None
    convention: str | None = None
    #: resolved later: the image's path, None if it leads outside
    image: str | None = None
    found: bool = False


def parse(file: Path, path: str) -> Record:
    """Read one file; what cannot be read is kept in ``Record.error``."""
    record = Record(path)
    try:
        data = read_bytes(file, MAX_BYTES)
        _fill(record, _root_element(data), data)
    except LabelFileError as error:
        record.error = error
    return record


def _root_element(data: bytes) -> _Element:
    """The parsed root; no entity is resolved, no DTD loaded, nothing fetched."""
    from lxml import etree

    refused = LabelFileError(
        "has a DOCTYPE, which can hold entities that read other files or grow without "
        "bound; it is not used: remove the DOCTYPE",
        kind="refused",
    )
    # Before parsing, so that the parser never meets an entity; 16-bit text is decoded.
    text = decode(data).encode() if data[:2] in (b"\xff\xfe", b"\xfe\xff") else data
    at = text.find(b"<!DOCTYPE")
    if at >= 0:
        refused.line = text.count(b"\n", 0, at) + 1
        raise refused
    if not data.strip():
        raise LabelFileError("is empty; a checked image without objects needs an <annotation>")
    parser = etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )
    try:
        root = etree.fromstring(data, parser)
    except etree.XMLSyntaxError as error:
        what = " ".join(str(error.msg).split())
        raise LabelFileError(
            f"is not well-formed XML ({what}); if the file was cut short, restore it",
            line=error.lineno,
        ) from error
    except ValueError as error:
        raise LabelFileError(f"is not XML: {error}") from error
    if root.getroottree().docinfo.internalDTD is not None:
        raise refused
    if root.tag != "annotation":
        raise LabelFileError(f"has the root element {quote(root.tag)}, expected 'annotation'")
    return root


def _line(element: Any) -> int | None:
    line: int | None = element.sourceline
    return line


def _object_lines(objects: list[_Element], data: bytes) -> list[int | None]:
    """Line of each object. The parser counts to 65,535 only; beyond, the text is searched."""
    lines = [_line(element) for element in objects]
    if not lines or (lines[-1] or 0) < 65535:
        return lines
    places = [match.start() for match in _OBJECT_TAG.finditer(data)]
    if len(places) != len(objects):  # one stands in a comment, or the file has 16-bit text
        return [line if line is not None and line < 65535 else None for line in lines]
    ends = np.flatnonzero(np.frombuffer(data, dtype=np.uint8) == ord("\n"))
    return [int(line) + 1 for line in np.searchsorted(ends, places)]


def _text(element: _Element | None) -> str | None:
    """Text of an element without the white space around it; None if there is none."""
    if element is None or element.text is None:
        return None
    return element.text.strip() or None


def _fill(record: Record, root: _Element, data: bytes) -> None:
    record.file_name = _text(root.find("filename"))
    record.size = _size(record, root.find("size"))
    record.convention = _text(root.find("convention"))
    rest = {}
    for child in root:
        if child.tag in _READ_APART or not isinstance(child.tag, str):
            continue
        value = _tree_value(child)
        if value not in (None, {}):
            rest[child.tag] = value
    record.attributes = json.dumps(rest, ensure_ascii=False) if rest else None
    objects = root.findall("object")
    record.object_count = len(objects)
    for element, line in zip(objects, _object_lines(objects, data), strict=True):
        _add_object(record, element, line)


def _tree_value(element: _Element) -> Any:
    """An element as text, or as a mapping of its children (of two levels at most)."""
    children = [child for child in element if isinstance(child.tag, str)]
    if not children:
        return _text(element)
    return {child.tag: _text(child) for child in children if _text(child) is not None}


def _size(record: Record, element: _Element | None) -> tuple[int, int] | None:
    if element is None:
        return None
    words = (_text(element.find("width")), _text(element.find("height")))
    if words == (None, None):
        return None
    values = [number(word) for word in words]
    good = [v for v in values if v is not None and v == int(v or 0) and 0 < v < 2**31]
    if len(good) == 2:
        return int(good[0]), int(good[1])
    shown = f"{words[0]} x {words[1]}"
    record.bad.append(
        (
            f"the declared image size is {quote(shown)}, not two positive whole numbers; "
            "write the image's real size",
            _line(element),
            shown,
        )
    )
    return None


def number(word: str | None) -> float | None:
    """A decimal number as text, infinities and NaN included; None if it is not one."""
    if word is None or "_" in word or not word.isascii():
        return None
    try:
        return float(word)
    except ValueError:
        return None


def _add_object(record: Record, element: _Element, line: int | None) -> None:
    name = _text(element.find("name"))
    corners = element.find("bndbox")
    if corners is None:
        record.bad.append(
            (
                f"object {quote(name or '')} has no bndbox; draw its box or remove the object",
                line,
                name,
            )
        )
        return
    words = [_text(corners.find(tag)) for tag in _CORNERS]
    values = [number(word) for word in words]
    if any(value is None for value in values):
        shown = ", ".join(f"{tag}={word or ''}" for tag, word in zip(_CORNERS, words, strict=True))
        record.bad.append(
            (
                f"object {quote(name or '')} has a box that is not four numbers "
                f"({quote(shown)}); write them or remove the object",
                line,
                shown,
            )
        )
        return
    x1, y1, x2, y2 = (float(v) for v in values if v is not None)
    raw = " ".join(word or "" for word in words)
    record.objects.append(_Object(name, (x1, y1, x2, y2), raw, line or NOT_KNOWN, _flags(element)))


def _flags(element: _Element) -> dict[str, Any]:
    flags: dict[str, Any] = {}
    rest = {}
    for child in element:
        if not isinstance(child.tag, str):
            continue
        if child.tag in _KNOWN_IN_OBJECT:
            _add_flag(flags, child, number(_text(child)))
            continue
        inner = _tree_value(child)
        if inner not in (None, {}, "Unspecified"):
            rest[child.tag] = inner
    if rest:
        flags["attributes"] = json.dumps(rest, ensure_ascii=False)
    return flags


def _add_flag(flags: dict[str, Any], child: _Element, value: float | None) -> None:
    tag = child.tag
    if value is None:
        return
    if tag == "difficult":
        # Written for an ignored object only because VOC has nothing nearer.
        if child.get("by") != "ignore":
            flags["difficult"] = value != 0
    elif tag in ("ignore", "crowd"):
        flags[tag] = value != 0
    elif tag == "occlusion" or (tag == "occluded" and "occlusion" not in flags):
        if 0 <= value <= 127:
            flags["occlusion"] = int(value)
    elif not math.isfinite(value):
        return
    elif tag == "truncation" or (tag == "truncated" and "truncation" not in flags):
        flags["truncation"] = value
    elif tag in ("weight", "score", "area"):
        flags[tag] = value


def add_objects(
    builder: Builder,
    record: Record,
    image_id: int,
    file: int,
    classes: dict[str, int],
    inclusive: bool,
) -> None:
    """Append the objects of a record to the rows of an image."""
    rows = builder.annotations
    for item in record.objects:
        category = NOT_KNOWN if item.name is None else classes[item.name]
        row = rows.add(
            image_id,
            category,
            item.shifted() if inclusive else item.box,
            file,
            item.line,
            item.raw,
            item.name,
        )
        for name, value in item.flags.items():
            rows.set(name, value)
        if item.name is None:
            builder.problem(
                "unknown-category",
                "the object has no name; write its class",
                file=record.path,
                line=item.line,
                image_id=image_id,
                annotation_id=row,
            )
