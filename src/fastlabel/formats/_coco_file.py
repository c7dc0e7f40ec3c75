"""One COCO JSON file as columns, before images and classes are looked up."""

from __future__ import annotations

import json
import math
from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from ._json_stream import Member, Scanner
from ._text import clip, quote

__all__ = [
    "CocoFile",
    "NotCoco",
    "add_annotation",
    "add_category",
    "add_image",
    "parse",
    "require_coco",
]

_IMAGE_KEYS = frozenset(("id", "file_name", "width", "height"))
_ANNOTATION_KEYS = frozenset(
    (
        *("id", "image_id", "category_id", "bbox", "xyxy", "area", "iscrowd", "crowd", "ignore"),
        *("segmentation", "score", "weight", "obb"),
    )
)


class NotCoco(Exception):
    """Valid JSON that holds no COCO instances; the text says what it looks like."""


@dataclass
class Image:
    """One record of ``images``."""

    id: Any
    file_name: str
    size: tuple[int, int] | None
    attributes: str | None
    index: int


@dataclass
class Bad:
    """A record that cannot become a row, or a doubtful part of one."""

    kind: str
    message: str
    pointer: str
    value: str | None
    image_key: Any = None


@dataclass
class CocoFile:
    """What one file declares, in its own ids."""

    path: str
    images: list[Image] = field(default_factory=list)
    #: (id, name, supercategory, index)
    categories: list[tuple[Any, str, str | None, int]] = field(default_factory=list)
    bad: list[Bad] = field(default_factory=list)
    #: the split that ``info`` names
    split: str | None = None
    # One entry per annotation that has a box:
    index: array[int] = field(default_factory=lambda: array("q"))
    image_key: list[Any] = field(default_factory=list)
    category_key: list[Any] = field(default_factory=list)
    id: list[Any] = field(default_factory=list)
    boxes: array[float] = field(default_factory=lambda: array("d"))
    raw: list[str] = field(default_factory=list)
    #: rarely all given: {column: {row: value}} would be slow, so lists with None
    columns: dict[str, list[Any]] = field(default_factory=dict)
    keys: set[str] = field(default_factory=set)
    annotation_count: int = 0
    without_box: int = 0

    def image_names(self) -> set[str]:
        """File names of the images, with forward slashes."""
        return {image.file_name.replace("\\", "/") for image in self.images}

    def category_names(self) -> set[str]:
        """Class names."""
        return {name for _, name, _, _ in self.categories}


def parse(path: str, text: str) -> CocoFile:
    """Read one file.

    Raises
    ------
    LabelFileError
        If it is not JSON to its end.
    NotCoco
        If it is something else than COCO instances.
    """
    scanner = Scanner(text)
    at = scanner.space(0)
    if text[at : at + 1] != "{":
        value, end = scanner.value(at)
        _expect_end(scanner, end)
        raise NotCoco(_describe_list(value))
    result = CocoFile(path)
    seen: dict[str, int] = {}
    for key, start in scanner.members(at):
        seen[key] = start
        handler = _SECTIONS.get(key)
        if key == "info":
            value, scanner.end = scanner.value(start)
            if isinstance(value, dict) and isinstance(value.get("split"), str):
                result.split = value["split"] or None
            continue
        if handler is not None and text[start : start + 1] == "[":
            handler(result, scanner, start)
        else:
            _, scanner.end = scanner.value(start)
            seen.pop(key) if key in _SECTIONS else None
    _expect_end(scanner, scanner.end)
    result.keys = set(seen)
    require_coco(result, set(seen))
    return result


def _expect_end(scanner: Scanner, at: int) -> None:
    at = scanner.space(at)
    if at != len(scanner.text):
        raise scanner.fail("extra text after the end", at)


def _describe_list(value: Any) -> str:
    first = value[0] if isinstance(value, list) and value else None
    if isinstance(first, dict) and "image_id" in first:
        return "a list of COCO results (detections): give the labels they were made for"
    if isinstance(first, dict) and "annotations" in first and "data" in first:
        return "a Label Studio task list: export it as COCO, YOLO or VOC"
    return f"its top level is {_kind(value)}, not an object with images and annotations"


def _kind(value: Any) -> str:
    if isinstance(value, list):
        return f"a list of {len(value)}"
    return {str: "text", bool: "a boolean", type(None): "null"}.get(type(value), "a number")


def require_coco(result: CocoFile, keys: set[str]) -> None:
    """Raise :class:`NotCoco` for a file with these top-level keys that holds no instances."""
    if "images" not in keys:
        if "shapes" in keys:
            raise NotCoco("a LabelMe file (it has 'shapes'): convert it to COCO first")
        listed = ", ".join(quote(key) for key in sorted(keys)[:6]) or "none"
        raise NotCoco(f"it has no list 'images'; its keys are {listed}")
    if result.annotation_count and result.without_box == result.annotation_count:
        raise NotCoco(
            f"none of its {result.annotation_count} annotations has a 'bbox' "
            "(captions, panoptic or masks only)"
        )


def _parse_images(result: CocoFile, scanner: Scanner, start: int) -> None:
    for index, at in enumerate(scanner.items(start)):
        value, scanner.end = scanner.value(at)
        add_image(result, value, index)


def add_image(result: CocoFile, value: Any, index: int) -> None:
    """Append one element of ``images``."""
    pointer = f"/images/{index}"

    def bad(message: str, shown: object) -> None:
        key = value.get("id") if isinstance(value, dict) else None
        text = clip(json.dumps(shown, ensure_ascii=False))
        result.bad.append(Bad("malformed-row", message, pointer, text, _hashable(key)))

    if not isinstance(value, dict):
        bad("the image is not an object; its record is not used", value)
        return
    name = value.get("file_name")
    if not isinstance(name, str) or not name:
        bad("the image has no file_name; its record is not used: write one", name)
        return
    key = value.get("id")
    if key is None or isinstance(key, list | dict):
        bad("the image has no usable id, so no annotation can name it; write one", key)
        key = None
    rest = {k: v for k, v in value.items() if k not in _IMAGE_KEYS}
    result.images.append(
        Image(
            key,
            name,
            _size(value, bad),
            json.dumps(rest, ensure_ascii=False) if rest else None,
            index,
        )
    )


def _size(value: dict[str, Any], bad: Callable[[str, object], None]) -> tuple[int, int] | None:
    pair = (value.get("width"), value.get("height"))
    if pair == (None, None):
        return None
    whole = [
        int(v)
        for v in pair
        if isinstance(v, int | float)
        and not isinstance(v, bool)
        and math.isfinite(v)
        and v == int(v)
        and 0 < v < 2**31
    ]
    if len(whole) == 2:
        return whole[0], whole[1]
    shown = f"{pair[0]!r} x {pair[1]!r}"
    bad(
        f"the declared image size is {clip(shown)}, not two positive whole numbers; "
        "write the image's real size",
        shown,
    )
    return None


def _parse_categories(result: CocoFile, scanner: Scanner, start: int) -> None:
    for index, at in enumerate(scanner.items(start)):
        value, scanner.end = scanner.value(at)
        add_category(result, value, index)


def add_category(result: CocoFile, value: Any, index: int) -> None:
    """Append one element of ``categories``."""
    key = value.get("id") if isinstance(value, dict) else None
    if key is None or isinstance(key, list | dict):
        result.bad.append(
            Bad(
                "malformed-row",
                "the category has no usable id; write one",
                f"/categories/{index}",
                clip(json.dumps(value, ensure_ascii=False)),
            )
        )
        return
    name, above = value.get("name"), value.get("supercategory")
    result.categories.append((key, str(key) if name is None else str(name), _text(above), index))


def _text(value: Any) -> str | None:
    return None if value is None else str(value)


def _hashable(value: Any) -> Any:
    return None if isinstance(value, list | dict) else value


def _parse_annotations(result: CocoFile, scanner: Scanner, start: int) -> None:
    index = -1
    for index, at in enumerate(scanner.items(start)):
        add_annotation(result, scanner, at, index)
    result.annotation_count += index + 1


def add_annotation(result: CocoFile, scanner: Scanner, at: int, index: int) -> None:
    """Append the element of ``annotations`` at a position of the scanner's text."""
    members = scanner.record(at)
    if members is None:
        result.bad.append(
            Bad(
                "malformed-row",
                "the annotation is not an object; it is not used",
                f"/annotations/{index}",
                clip(scanner.text[at : scanner.end]),
            )
        )
        return
    _add_annotation(result, scanner, members, index)


def _add_annotation(result: CocoFile, scanner: Scanner, members: list[Member], index: int) -> None:
    found = {key: value for key, value, _, _ in members}
    box = _box(found.get("bbox"))
    if box is None:
        _bad_box(result, scanner, members, index, found)
        return
    row = len(result.index)
    result.index.append(index)
    result.image_key.append(found.get("image_id"))
    result.category_key.append(found.get("category_id"))
    result.id.append(found.get("id"))
    result.boxes.extend(_corners(found.get("xyxy"), box))
    rest = []
    for key, value, start, end in members:
        if key == "bbox":
            raw = scanner.compact(start, end)
        elif key == "segmentation":
            if value is not None:
                text = scanner.text[start:end] if isinstance(value, dict | str) else None
                _set(result, "segmentation", row, text or scanner.compact(start, end))
        elif key not in _ANNOTATION_KEYS:
            rest.append(f"{json.dumps(key, ensure_ascii=False)}: {scanner.text[start:end]}")
            if key in _PROMOTED:
                _promote(result, row, key, value)
            elif key == "attributes" and isinstance(value, dict):
                for inner in sorted(_PROMOTED & value.keys()):
                    _promote(result, row, inner, value[inner])
    result.raw.append(raw)
    for key, column in (("iscrowd", "crowd"), ("ignore", "ignore")):
        if isinstance(found.get(key), int | float):
            _set(result, column, row, bool(found[key]))
    if found.get("crowd") == 0 and found.get("ignore"):
        _set(result, "crowd", row, False)  # iscrowd only says that it is to be ignored
    obb = found.get("obb")
    if isinstance(obb, list) and len(obb) == 8 and all(_real(v) is not None for v in obb):
        _set(result, "obb", row, [float(v) for v in obb])
    for key in ("area", "score", "weight"):
        number = _real(found.get(key))
        if number is not None:
            _set(result, key, row, number)
    if rest:
        _set(result, "attributes", row, "{" + ", ".join(rest) + "}")


def _set(result: CocoFile, column: str, row: int, value: Any) -> None:
    values = result.columns.setdefault(column, [])
    values.extend([None] * (row - len(values)))
    if len(values) == row:
        values.append(value)
    else:
        values[row] = value


#: Extension keys of wide use whose meaning has a column of its own.
_PROMOTED = frozenset(("occluded", "occlusion", "truncated", "truncation", "difficult"))


def _promote(result: CocoFile, row: int, key: str, value: Any) -> None:
    number = _real(float(value) if isinstance(value, bool) else value)
    if number is None or not math.isfinite(number):
        return
    if key.startswith("occlu") and 0 <= number <= 127:
        _set(result, "occlusion", row, int(number))
    elif key.startswith("trunc"):
        _set(result, "truncation", row, number)
    elif key == "difficult":
        _set(result, "difficult", row, number != 0)


def _real(value: Any) -> float | None:
    if isinstance(value, int | float) and not isinstance(value, bool):
        try:
            return float(value)
        except OverflowError:
            return None
    return None


def _box(value: Any) -> tuple[float, float, float, float] | None:
    """``x, y, x + width, y + height`` of a bbox; None if it is not four numbers."""
    if type(value) is not list or len(value) != 4:
        return None
    x, y, width, height = value
    for number in value:
        if type(number) is not float and type(number) is not int:
            return None
    try:
        return float(x), float(y), float(x + width), float(y + height)
    except OverflowError:
        return None


def _corners(value: Any, box: tuple[float, float, float, float]) -> Sequence[float]:
    """The corners that a writer gave beside a bbox that cannot hold them to the last bit.

    They count only where they are the bbox's but for rounding: a tool that moved the box and
    kept the key has the last word.
    """
    if not isinstance(value, list) or len(value) != 4:
        return box
    corners = [number for item in value if (number := _real(item)) is not None]
    span = max(map(abs, box))
    if len(corners) != 4 or not math.isfinite(span):
        return box
    near = all(abs(a - b) <= 1e-14 * span for a, b in zip(corners, box, strict=True))
    return corners if near else box


def _bad_box(
    result: CocoFile,
    scanner: Scanner,
    members: list[Member],
    index: int,
    found: dict[str, Any],
) -> None:
    spans = {key: (start, end) for key, _, start, end in members}
    shown = None
    if "bbox" in spans:
        start, end = spans["bbox"]
        shown = scanner.text[start:end]
        message = f"bbox is {quote(' '.join(shown.split()))}, not four numbers x, y, width, height"
    else:
        message = "the annotation has no bbox"
        result.without_box += 1
    result.bad.append(
        Bad(
            "malformed-row",
            message + "; write the box or remove the annotation",
            f"/annotations/{index}",
            None if shown is None else clip(shown),
            _hashable(found.get("image_id")),
        )
    )


_SECTIONS: dict[str, Callable[[CocoFile, Scanner, int], None]] = {
    "images": _parse_images,
    "annotations": _parse_annotations,
    "categories": _parse_categories,
}
