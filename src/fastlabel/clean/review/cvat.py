"""CVAT: annotations as "CVAT for images 1.1", the labels of the task, and its export back.

A box carries the annotation that it was made of as an attribute, and the image carries what
was found as tags. What findings propose stands there as boxes with a label of its own, so that
it is no annotation until a person gives it a class, or ticks ``accept``.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, cast

from ...dataset import DatasetError
from .records import Record, Region
from .tasks import Found, Task

__all__ = ["label_setup", "read_export", "write_annotations"]

#: CVAT writes two decimals, so that a coordinate is off by 0.005 at most; and binary dust.
ROUNDING = 0.0051

#: Labels of our own; no class is called so (see ``class_labels``).
FINDING, GUESS, IMAGE, CHECKED = (
    f"fastlabel.{name}" for name in ("finding", "suggestion", "image", "checked")
)
_ID, _IGNORE = "annotation_id", "ignore"


def _attributes(names: Iterable[str]) -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "input_type": kind,
            "mutable": False,
            "default_value": default,
            "values": values,
        }
        for name, kind, default, values in map(_attribute, names)
    ]


def _attribute(name: str) -> tuple[str, str, str, list[str]]:
    if name in ("accept", _IGNORE):
        return name, "checkbox", "false", ["false"]
    if name == "verdict":
        return name, "select", "open", ["open", "right", "wrong"]
    return name, "text", "", [""]


_OF_FINDING = ("number", "code", "score", "message", "annotation_ids", "fix", "verdict")
_OF_GUESS = ("number", "class", "source", "score", "message", "accept")
_OF_IMAGE = ("image_id", "labels", "boxes")


def label_setup(labels: Iterable[str]) -> list[dict[str, Any]]:
    """What CVAT's label constructor takes in its raw view, to make the task with."""
    known = [
        {"name": x, "type": "rectangle", "attributes": _attributes([_ID, _IGNORE])} for x in labels
    ]
    return [
        *known,
        {"name": GUESS, "type": "rectangle", "attributes": _attributes([_ID, *_OF_GUESS])},
        {"name": FINDING, "type": "tag", "attributes": _attributes(_OF_FINDING)},
        {"name": IMAGE, "type": "tag", "attributes": _attributes(_OF_IMAGE)},
        {"name": CHECKED, "type": "tag", "attributes": []},
    ]


def write_annotations(
    tasks: Iterable[Task], place: Path, *, labels: Iterable[str], count: int
) -> None:
    """Write tasks as they come; `count` says how many there are at most."""
    from lxml import etree

    with place.open("wb") as file, etree.xmlfile(file, encoding="utf-8") as xml:
        xml.write_declaration()
        with xml.element("annotations"):
            file_head = etree.Element("version")
            file_head.text = "1.1"
            xml.write(file_head)
            xml.write(_meta(label_setup(labels), count))
            for number, task in enumerate(tasks):
                xml.write("\n  ")
                xml.write(_image(task, number))
            xml.write("\n")


def _meta(setup: list[dict[str, Any]], count: int) -> Any:
    from lxml import etree

    meta = etree.Element("meta")
    task = etree.SubElement(meta, "task")
    for name, text in (("name", "fastlabel review"), ("size", str(count)), ("mode", "annotation")):
        etree.SubElement(task, name).text = text
    labels = etree.SubElement(task, "labels")
    for given in setup:
        label = etree.SubElement(labels, "label")
        etree.SubElement(label, "name").text = given["name"]
        etree.SubElement(label, "type").text = given["type"]
        attributes = etree.SubElement(label, "attributes")
        for one in given["attributes"]:
            attribute = etree.SubElement(attributes, "attribute")
            for key in ("name", "mutable", "input_type", "default_value"):
                etree.SubElement(attribute, key).text = str(one[key])
            etree.SubElement(attribute, "values").text = "\n".join(one["values"])
    return meta


def _image(task: Task, number: int) -> Any:
    from lxml import etree

    image = etree.Element(
        "image",
        id=str(number),
        name=_legal(task.name),
        width=str(task.width),
        height=str(task.height),
    )
    boxes = json.dumps(task.annotation_ids, separators=(",", ":"))
    _tag(image, IMAGE, {"image_id": str(task.image_id), "labels": task.stamp, "boxes": boxes})
    for found in task.found:
        fix = {
            "action": found.action,
            "box": found.box,
            "label": found.label,
            "raw_score": found.raw_score,
        }
        said = {
            "number": str(found.finding),
            "code": found.code,
            "score": "" if found.score is None else repr(found.score),
            "message": found.message,
            "annotation_ids": json.dumps(list(found.annotation_ids)),
            "fix": json.dumps(fix, ensure_ascii=False),
            "verdict": "open",
        }
        _tag(image, FINDING, said)
    for annotation, box, label in zip(task.annotation_ids, task.boxes, task.labels, strict=True):
        said = {_ID: str(annotation), _IGNORE: "false"}
        _add(etree.SubElement(image, "box", _corners(box, label)), said)
    for n, guess in enumerate(task.guesses):
        known = None if guess.finding is None else task.found[guess.finding]
        said = {
            _ID: "",
            "number": str(n),
            "class": guess.label,
            "source": guess.source,
            "score": "" if guess.score is None else f"{guess.score:.4f}",
            "message": "" if known is None else f"{known.code}: {known.message}",
            "accept": "false",
        }
        _add(etree.SubElement(image, "box", _corners(guess.box, GUESS)), said)
    return image


def _tag(image: Any, label: str, values: dict[str, str]) -> None:
    from lxml import etree

    _add(etree.SubElement(image, "tag", label=label, source="manual"), values)


def _add(element: Any, values: dict[str, str]) -> None:
    from lxml import etree

    for name, text in values.items():
        etree.SubElement(element, "attribute", name=name).text = _legal(text)


def _corners(box: Iterable[float], label: str) -> dict[str, str]:
    x1, y1, x2, y2 = (f"{value:.2f}" for value in box)
    return {
        "label": label,
        "source": "manual",
        "occluded": "0",
        "xtl": x1,
        "ytl": y1,
        "xbr": x2,
        "ybr": y2,
        "z_order": "0",
    }


def _legal(text: str) -> str:
    """Text without the characters that XML cannot hold."""
    if text.isprintable():
        return text
    return "".join(
        c if c >= " " and c not in "\ufffe\uffff" and not _half(c) else " " for c in text
    )


def _half(char: str) -> bool:
    return "\ud800" <= char <= "\udfff"


def read_export(path: Path) -> Iterator[Record]:
    """Read "CVAT for images 1.1", image by image.

    Raises
    ------
    DatasetError
        If the file is no such XML; if it is of a video; if it has a DOCTYPE, which is never
        followed.
    """
    from lxml import etree

    images = 0
    try:
        # A file, not its name: libxml2 would take some names for addresses.
        with path.open("rb") as file:
            walk = etree.iterparse(
                file,
                events=("start", "end"),
                tag=("annotations", "image", "track"),
                resolve_entities=False,
                no_network=True,
                load_dtd=False,
                huge_tree=False,
                remove_comments=True,
                remove_pis=True,
            )
            root = None
            for event, element in walk:
                if root is None:
                    root = element.getroottree().getroot()
                    _check_root(path, root)
                if event == "start" or element.getparent() is not root:
                    continue
                if element.tag == "track":
                    raise DatasetError(
                        f"{path}: is an export of a video (it has tracks); export the task as "
                        '"CVAT for images 1.1"'
                    )
                images += 1
                yield _record(element, f"image {images}")
                root.remove(element)
            if root is None:
                _check_root(path, walk.root)
    except etree.XMLSyntaxError as error:
        what = " ".join(str(error.msg).split())
        raise DatasetError(
            f"{path}: is not well-formed XML after {images:,} images ({what}); if the file was cut "
            "short, export it again"
        ) from error
    except OSError as error:
        raise DatasetError(f"{path}: cannot be read: {error.strerror or error}") from error
    if not images:
        raise DatasetError(f'{path}: names no image; export the task as "CVAT for images 1.1"')


def _check_root(path: Path, root: Any) -> None:
    if root.getroottree().docinfo.internalDTD is not None:
        raise DatasetError(
            f"{path}: has a DOCTYPE, which can hold entities that read other files or grow "
            "without bound; it is not used: remove the DOCTYPE"
        )
    if root.tag != "annotations":
        raise DatasetError(
            f"{path}: has the root element {str(root.tag)[:40]!r}, expected 'annotations', as in "
            '"CVAT for images 1.1"'
        )


def _record(image: Any, place: str) -> Record:
    record = Record(place, name=image.get("name"), answered=True)
    size = _numbers(image, ("width", "height"))
    for element in image:
        if element.tag == "tag":
            _read_tag(record, element)
    for n, element in enumerate(image):
        if element.tag != "tag" and isinstance(element.tag, str):
            _read_shape(record, element, f"{element.tag} {n + 1}", size)
    return record


def _values(element: Any) -> dict[str, str]:
    return {str(a.get("name")): a.text or "" for a in element if a.tag == "attribute"}


def _read_tag(record: Record, tag: Any) -> None:
    label, values = tag.get("label"), _values(tag)
    if label == CHECKED:
        record.checked = True
    elif label == IMAGE:
        boxes = _json(values.get("boxes"))
        if isinstance(boxes, list) and all(isinstance(x, int) for x in boxes):
            record.sent = boxes
        record.stamp = values.get("labels") or None
        record.image_id = _id(values.get("image_id"))
    elif label == FINDING:
        fix, score = _json(values.get("fix")), _json(values.get("score"))
        given = {
            "finding": _id(values.get("number")),
            "code": values.get("code"),
            "score": score,
            "message": values.get("message"),
            "annotation_ids": _json(values.get("annotation_ids")),
            **(fix if isinstance(fix, dict) else {}),
        }
        found = Found.from_json(given)
        if found is None:
            record.skip("malformed", f"tag {FINDING} with values that are not ours")
            return
        record.found.append(found)
        if values.get("verdict") in ("right", "wrong"):
            record.verdicts[found.finding] = values["verdict"] == "right"


def _read_shape(record: Record, shape: Any, where: str, size: tuple[float, ...] | None) -> None:
    values = _values(shape)
    number = _id(values.get(_ID))
    label = shape.get("label") or ""
    if label == GUESS:
        if values.get("accept") != "true":
            return
        label, number = values.get("class", ""), None
    if shape.tag != "box":
        record.skip("other shape", f"{where}: only boxes are read", number)
        return
    corners = _numbers(shape, ("xtl", "ytl", "xbr", "ybr"))
    turned = _numbers(shape, ("rotation",)) if shape.get("rotation") else (0.0,)
    if corners is None or size is None or turned is None:
        record.skip("malformed", f"{where}: no box in an image of known size", number)
    elif turned[0] % 360:
        what = f"turned by {turned[0]:g} degrees"
        record.skip("rotated", f"{where}: {what}; only upright boxes are kept", number)
    elif not label:
        record.skip("no class", f"{where}: has no class", number)
    else:
        box = cast(tuple[float, float, float, float], corners)
        ignore = values.get(_IGNORE) == "true"
        record.add(Region(number, box, label, where, ignore), (size[0], size[1]), 0)
        record.rounding = (ROUNDING, ROUNDING)


def _numbers(element: Any, names: Iterable[str]) -> tuple[float, ...] | None:
    try:
        return tuple(float(element.get(name)) for name in names)
    except (TypeError, ValueError):
        return None


def _json(text: str | None) -> Any:
    try:
        return json.loads(text) if text else None
    except (ValueError, RecursionError):
        return None


def _id(text: str | None) -> int | None:
    text = (text or "").strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None
