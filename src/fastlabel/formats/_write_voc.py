"""Pascal VOC out: one XML file an image, and ``ImageSets/Main`` lists for the splits."""

from __future__ import annotations

import json
import re
from decimal import Context, Decimal
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import numpy as np

from ..dataset import Dataset, DatasetError
from ._layout import safe_name
from ._paths import stem
from ._voc_file import CONVENTIONS
from ._write import Ledger, Rows, WriteReport, save

__all__ = ["no_xml", "number_text", "plus_one", "single", "write"]

# What XML 1.0 has no way to write.
_NO_XML = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_TAG = re.compile(r"[A-Za-z_][\w.-]*")
_SETS = ("train", "val", "trainval", "test")
# Enough digits for any float64 plus one.
_DIGITS = Context(prec=1100)
_OWN_IMAGE = frozenset(("folder", "filename", "size", "object", "convention"))
_OWN = frozenset(
    (
        *("name", "bndbox", "part", "difficult", "truncated", "occluded", "truncation"),
        *("occlusion", "ignore", "crowd", "weight", "score", "area"),
    )
)


def write(dataset: Dataset, folder: Path, *, voc_base: int | None = None) -> WriteReport:
    """Write ``Annotations/STEM.xml`` for each image and ``ImageSets/Main/<split>.txt``."""
    if voc_base not in (None, 0, 1):
        raise DatasetError(f"voc_base: got {voc_base!r}, expected 0, 1 or None (as the source)")
    if voc_base is None:
        plain = dataset.format == "voc" and not dataset.meta.get("inclusive", True)
        voc_base = 0 if plain else 1
    rows = Rows(dataset)
    ledger = Ledger(rows)
    writer = _Writer(rows, ledger, voc_base)
    files = []
    for image in range(len(dataset)):
        path = writer.record(image, folder)
        if path is not None:
            files.append(path)
    for split, images in rows.by_split():
        if split is None:
            continue
        if split not in _SETS:
            ledger.images("split", images, "VOC readers know train, val, trainval and test only")
        path = f"ImageSets/Main/{safe_name(split)}.txt"
        save(folder, path, "".join(f"{stem(str(rows.paths[i]))}\n" for i in images))
        files.append(path)
    names = dataset.categories["name"].to_pylist()
    sources = dataset.categories["source_id"].to_pylist()
    ledger.classes("source_id", "classes have names only")
    ledger.classes("supercategory", "classes have names only")
    used = set(dataset.annotations["category_id"].drop_null().to_pylist())
    unused = [name for at, name in enumerate(names) if at not in used]
    ledger.set("category", len(unused), "classes without a box: VOC has no list of them", unused)
    return WriteReport(
        "voc",
        len(dataset),
        rows.count,
        writer.written,
        0,
        tuple(files),
        tuple((name, name, s) for name, s in zip(names, sources, strict=True)),
        ledger.losses(),
    )


def number_text(value: float) -> str:
    """The shortest text of a float64, whole numbers without a point."""
    text = repr(value)
    return text.removesuffix(".0")


def plus_one(value: float) -> str:
    """One more, as a decimal: 0.1 becomes 1.1, from which 0.1 comes back exactly."""
    if value == int(value):
        return number_text(value + 1)
    return format(_DIGITS.add(Decimal(repr(value)), 1), "f")


def single(value: float) -> str:
    """The shortest text of a float32."""
    return number_text(float(str(np.float32(value))))


class _Writer:
    """One XML file after the other."""

    def __init__(self, rows: Rows, ledger: Ledger, base: int) -> None:
        self.rows = rows
        self.ledger = ledger
        self.low = plus_one if base else number_text
        self.convention = CONVENTIONS[base]
        self.written = 0
        self.finite = np.isfinite(rows.boxes).all(axis=1)
        self.boxes = rows.boxes.tolist()
        images = rows.dataset.images
        self.states = images["label_state"].to_pylist()
        self.widths, self.heights = images["width"].to_pylist(), images["height"].to_pylist()
        self.attributes = images["attributes"].to_pylist()
        self.names = rows.dataset.categories["name"].to_pylist()
        ledger.annotations(
            "box", np.flatnonzero(~self.finite).tolist(), "unknown or not finite: left out"
        )
        if base:
            sides = rows.boxes[:, 2:] - rows.boxes[:, :2]
            thin = self.finite & (((sides >= 0) & (sides < 1)).any(axis=1))
            ledger.annotations(
                "thin-box",
                np.flatnonzero(thin).tolist(),
                "a side under one pixel: counted from 1 with the last pixel included, it reads "
                "as swapped corners elsewhere",
            )
        for name, why in (
            ("segmentation", "VOC has boxes only"),
            ("obb", "VOC has upright boxes only"),
            ("source_id", "objects have no ids"),
        ):
            ledger.given("annotations", name, why)

    def record(self, image: int, folder: Path) -> str | None:
        """Write one image's file; None for an image that was never labelled."""
        rows = self.rows.of_image(image)
        if not rows and self.states[image] in ("missing", "unlabelled"):
            return None
        name = str(self.rows.paths[image]).rpartition("/")[2]
        lines = ["<annotation>", f"  <folder>{_text(self._folder(image))}</folder>"]
        lines.append(f"  <filename>{_text(name)}</filename>")
        lines.append(f"  <convention>{self.convention}</convention>")
        width, height = self.widths[image], self.heights[image]
        if width is not None and height is not None:
            lines += [
                "  <size>",
                f"    <width>{width}</width>",
                f"    <height>{height}</height>",
                "    <depth>3</depth>",
                "  </size>",
            ]
        self._image_extras(image, lines)
        for row in rows:
            if self.finite[row]:
                self._object(row, lines)
                self.written += 1
        path = f"Annotations/{stem(name)}.xml"
        save(folder, path, "\n".join([*lines, "</annotation>"]) + "\n")
        return path

    def _folder(self, image: int) -> str:
        return str(self.rows.paths[image]).rpartition("/")[0]

    def _image_extras(self, image: int, lines: list[str]) -> None:
        for tag, value in _members(self.attributes[image]).items():
            if tag in ("folder", "convention"):
                continue
            if tag in _OWN_IMAGE or not _element(tag, value, 2, lines):
                self.ledger.images("image-attributes", [image], f"{tag!r} cannot be an element")

    def _object(self, row: int, lines: list[str]) -> None:
        value = self.rows.value
        category = value("category_id", row)
        lines.append("  <object>")
        if category is not None:
            lines.append(f"    <name>{_text(self.names[category])}</name>")
        else:
            self.ledger.annotation("category", row, "names no known class: written without a name")
        ignore, crowd = value("ignore", row), value("crowd", row)
        difficult = value("difficult", row)
        if (ignore or crowd) and not difficult:
            # The nearest that VOC has: neither hit nor miss in its evaluation.
            lines.append('    <difficult by="ignore">1</difficult>')
        else:
            lines.append(f"    <difficult>{int(bool(difficult))}</difficult>")
        self._levels(row, lines)
        for tag, flag in (("ignore", ignore), ("crowd", crowd)):
            if flag is not None:
                lines.append(f"    <{tag}>{int(flag)}</{tag}>")
        for tag in ("weight", "score", "area"):
            number = value(tag, row)
            if number is not None:
                text = number_text(number) if tag == "area" else single(number)
                lines.append(f"    <{tag}>{text}</{tag}>")
        for tag, inner in _members(value("attributes", row)).items():
            if tag in _OWN or not _element(tag, inner, 4, lines):
                self.ledger.annotation("attributes", row, f"{tag!r} cannot be an element: left out")
        x1, y1, x2, y2 = self.boxes[row]
        lines += [
            "    <bndbox>",
            f"      <xmin>{self.low(x1)}</xmin>",
            f"      <ymin>{self.low(y1)}</ymin>",
            f"      <xmax>{number_text(x2)}</xmax>",
            f"      <ymax>{number_text(y2)}</ymax>",
            "    </bndbox>",
            "  </object>",
        ]

    def _levels(self, row: int, lines: list[str]) -> None:
        """VOC's flags are 0 or 1; what is finer stands beside them."""
        truncation = self.rows.value("truncation", row)
        if truncation is not None:
            lines.append(f"    <truncated>{int(truncation > 0)}</truncated>")
            if truncation not in (0, 1):
                lines.append(f"    <truncation>{single(truncation)}</truncation>")
        occlusion = self.rows.value("occlusion", row)
        if occlusion is not None:
            lines.append(f"    <occluded>{int(occlusion > 0)}</occluded>")
            if occlusion not in (0, 1):
                lines.append(f"    <occlusion>{occlusion}</occlusion>")


def _members(text: str | None) -> dict[str, Any]:
    if text is None:
        return {}
    try:
        value = json.loads(text)
    except ValueError:
        return {"attributes_text": text}
    return value if isinstance(value, dict) else {"attributes": value}


def no_xml(value: object) -> str:
    """Text without the characters that XML 1.0 has no way to write."""
    return _NO_XML.sub("\ufffd", str(value))


def _text(value: object) -> str:
    return escape(no_xml(value))


def _element(tag: str, value: Any, indent: int, lines: list[str]) -> bool:
    """Append an element of text, or of one level of texts; whether it could be one."""
    space = " " * indent
    if not _TAG.fullmatch(tag) or tag.lower().startswith("xml"):
        return False
    if isinstance(value, dict):
        if not all(_TAG.fullmatch(k) and isinstance(v, str) for k, v in value.items()):
            return False
        inner = [f"{space}  <{k}>{_text(v)}</{k}>" for k, v in value.items()]
        lines += [f"{space}<{tag}>", *inner, f"{space}</{tag}>"]
        return True
    if not isinstance(value, str):
        value = json.dumps(value, ensure_ascii=False)
    lines.append(f"{space}<{tag}>{_text(value)}</{tag}>")
    return True
