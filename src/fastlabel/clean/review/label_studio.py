"""Label Studio: tasks to import with a labelling configuration, and its JSON export back.

Coordinates are percentages of the image, in float64, so that a box which nobody touched comes
back within a rounding of the last digits. The task's ``data`` comes back as it was sent; what
this module needs to know again stands there, under ``fastlabel``.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

from ...dataset import DatasetError
from .records import Record, Region, json_records
from .tasks import Found, Task

__all__ = ["label_config", "read_export", "write_tasks"]

#: Share of the side within which a coordinate counts as the one that was sent.
ROUNDING = 1e-5

#: Where Label Studio serves files of its own disk, below the root it was started with.
LOCAL_FILES = "/data/local-files/?d="

_COLOURS = ("#e6194b", "#3cb44b", "#4363d8", "#f58231", "#911eb4", "#46f0f0", "#f032e6", "#808000")


def label_config(labels: Iterable[str]) -> bytes:
    """The labelling configuration: what was found, the image, its classes, a mark for done."""
    from lxml import etree

    view = etree.Element("View")
    etree.SubElement(view, "Text", name="why", value="$why")
    etree.SubElement(view, "Image", name="image", value="$image", zoom="true", zoomControl="true")
    boxes = etree.SubElement(
        view, "RectangleLabels", name="label", toName="image", canRotate="false"
    )
    for row, label in enumerate(labels):
        colour = _COLOURS[row % len(_COLOURS)]
        etree.SubElement(boxes, "Label", value=label, background=colour)
    # The last: without it, an image that needed no correction looks like one that nobody opened.
    mark = etree.SubElement(
        view, "Choices", name="mark", toName="image", choice="single", perRegion="true"
    )
    etree.SubElement(mark, "Choice", value="ignore")
    done = etree.SubElement(view, "Choices", name="review", toName="image", choice="single")
    etree.SubElement(done, "Choice", value="checked")
    return etree.tostring(view, pretty_print=True, encoding="utf-8")


def write_tasks(tasks: Iterable[Task], place: Path, *, prefix: str = LOCAL_FILES) -> None:
    """Write tasks as one JSON list, one task a line, as they come."""
    encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode
    with place.open("w", encoding="utf-8") as file:
        file.write("[")
        for at, task in enumerate(tasks):
            file.write("\n" if at == 0 else ",\n")
            file.write(encode(_task(task, prefix)))
        file.write("\n]\n")


def _task(task: Task, prefix: str) -> dict[str, Any]:
    notes: dict[int, list[str]] = {}
    for n, found in enumerate(task.found, 1):
        for annotation in found.annotation_ids:
            notes.setdefault(annotation, []).append(f"{n}. {found.code}: {found.message}")
    regions = []
    for annotation, box, label in zip(task.annotation_ids, task.boxes, task.labels, strict=True):
        region = _region(f"fl-{annotation}", box, label, task)
        if annotation in notes:
            region["meta"] = {"text": notes[annotation]}
        regions.append(region)
    return {
        "data": {
            "image": prefix + quote(task.name),
            "why": task.why(),
            "score": task.score,
            "fastlabel": {
                "image_id": task.image_id,
                "name": task.name,
                "size": [task.width, task.height],
                "labels": task.stamp,
                "boxes": task.annotation_ids,
                "findings": [found.as_json() for found in task.found],
            },
        },
        "annotations": [{"result": regions, "was_cancelled": False, "ground_truth": False}],
        "predictions": _predictions(task),
    }


def _predictions(task: Task) -> list[dict[str, Any]]:
    sources: dict[str, list[dict[str, Any]]] = {}
    for n, guess in enumerate(task.guesses):
        region = _region(f"guess-{n}", guess.box, guess.label, task)
        if guess.score is not None:
            region["score"] = guess.score
        if guess.finding is not None:
            found = task.found[guess.finding]
            region["meta"] = {"text": [f"{found.code}: {found.message}"]}
        sources.setdefault(guess.source, []).append(region)
    return [
        {
            "model_version": source,
            "score": max((region.get("score", 0.0) for region in regions), default=0.0),
            "result": regions,
        }
        for source, regions in sources.items()
    ]


def _region(key: str, box: Iterable[float], label: str, task: Task) -> dict[str, Any]:
    x1, y1, x2, y2 = box
    across, down = 100.0 / task.width, 100.0 / task.height
    return {
        "id": key,
        "type": "rectanglelabels",
        "from_name": "label",
        "to_name": "image",
        "original_width": task.width,
        "original_height": task.height,
        "image_rotation": 0,
        "value": {
            "x": x1 * across,
            "y": y1 * down,
            "width": (x2 - x1) * across,
            "height": (y2 - y1) * down,
            "rotation": 0,
            "rectanglelabels": [label],
        },
    }


def read_export(path: Path) -> Iterator[Record]:
    """Read a JSON export, task by task.

    Raises
    ------
    DatasetError
        If the file is no list of Label Studio tasks.
    """
    for at, given in json_records(path):
        place = f"task {at + 1}"
        if not isinstance(given, dict) or not isinstance(given.get("data"), dict):
            told = ""
            if isinstance(given, dict) and ("image" in given or "annotation_id" in given):
                told = "; this looks like JSON-MIN, which has lost the ids of boxes"
            raise DatasetError(
                f'{path}: {place} has no "data"{told}: export as JSON from Label Studio'
            )
        yield _record(given, place)


def _record(task: dict[str, Any], place: str) -> Record:
    data: dict[str, Any] = task["data"]
    if "id" in task:
        place = f"{place} (id {str(task['id'])[:20]})"
    told = data.get("fastlabel")
    record = Record(place)
    if isinstance(told, dict):
        _remember(record, told)
    if record.name is None:
        image = data.get("image", data.get("image_url", data.get("img")))
        if not isinstance(image, str):
            image = next((v for v in data.values() if _is_picture(v)), None)
        record.name = image
    annotation = _annotation(task, record)
    if annotation is None:
        return record
    record.answered = True
    results = annotation.get("result")
    if not isinstance(results, list):
        record.skip("malformed", "an annotation without a list of results")
        record.answered = False
        return record
    ignored = {str(r["id"]) for r in results if isinstance(r, dict) and _is_ignore(r)}
    for n, result in enumerate(results):
        _read_region(record, result, f"result {n + 1}", ignored)
    return record


def _is_ignore(result: dict[str, Any]) -> bool:
    """Whether a result is the mark on a region: it has the region's id."""
    value = result.get("value")
    chosen = value.get("choices") if isinstance(value, dict) else None
    return result.get("from_name") == "mark" and chosen == ["ignore"] and bool(result.get("id"))


def _remember(record: Record, told: dict[str, Any]) -> None:
    name, image, stamp = told.get("name"), told.get("image_id"), told.get("labels")
    boxes, found, size = told.get("boxes"), told.get("findings"), told.get("size")
    record.name = name if isinstance(name, str) else None
    record.image_id = image if isinstance(image, int) else None
    record.stamp = stamp if isinstance(stamp, str) else None
    if isinstance(boxes, list) and all(isinstance(x, int) for x in boxes):
        record.sent = boxes
    if isinstance(size, list) and len(size) == 2 and all(isinstance(x, int) for x in size):
        record.sent_size = (size[0], size[1])
    if isinstance(found, list):
        record.found = [f for f in map(Found.from_json, found) if f is not None]


def _is_picture(value: object) -> bool:
    from ...schema import IMAGE_EXTENSIONS

    return isinstance(value, str) and Path(value).suffix.lower() in IMAGE_EXTENSIONS


def _annotation(task: dict[str, Any], record: Record) -> dict[str, Any] | None:
    """The one answer that counts: marked as the truth, or else the latest."""
    given = task.get("annotations", task.get("completions"))
    if not isinstance(given, list):
        record.skip("malformed", "a task without a list of annotations")
        return None
    some = [a for a in given if isinstance(a, dict)]
    kept = [a for a in some if not a.get("was_cancelled") and not a.get("skipped")]
    if not kept:
        record.skip("unanswered", "skipped by the reviewer" if some else "no annotation")
        return None
    if len(kept) > 1:
        record.skip("several answers", f"{len(kept)} annotations; the latest one counts")
    return max(
        enumerate(kept),
        key=lambda at: (
            bool(at[1].get("ground_truth")),
            str(at[1].get("updated_at") or at[1].get("created_at") or ""),
            at[0],
        ),
    )[1]


def _read_region(record: Record, result: object, where: str, ignored: set[str]) -> None:
    if not isinstance(result, dict):
        record.skip("malformed", f"{where} is no object")
        return
    kind, value = result.get("type"), result.get("value")
    if kind == "choices":
        chosen = value.get("choices") if isinstance(value, dict) else None
        if result.get("from_name") == "review" and chosen == ["checked"]:
            record.checked = True
        return
    key = result.get("id")
    number = _number(key)
    if kind not in ("rectanglelabels", "rectangle"):
        if kind in ("relation", "labels", "textarea", "rating"):
            return
        record.skip("other shape", f"{where}: {str(kind)[:30]}", number)
        return
    try:
        assert isinstance(value, dict)
        width, height = result["original_width"], result["original_height"]
        x, y = float(value["x"]), float(value["y"])
        w, h = float(value["width"]), float(value["height"])
        labels = value.get("rectanglelabels") or value.get("labels") or []
        label = labels[0] if len(labels) == 1 and isinstance(labels[0], str) else None
        turned = float(value.get("rotation") or 0) % 360
        picture = float(result.get("image_rotation") or 0) % 360
        width, height = float(width), float(height)
    except (AssertionError, KeyError, TypeError, ValueError, OverflowError):
        record.skip("malformed", f"{where}: no rectangle with its image's size", number)
        return
    if turned or picture:
        what = f"turned by {turned or picture:g} degrees"
        record.skip("rotated", f"{where}: {what}; only upright boxes are kept", number)
        return
    if label is None:
        what = "has no class" if not labels else "has more than one class"
        record.skip("no class", f"{where}: {what}", number)
        return
    box = (x * width / 100, y * height / 100, (x + w) * width / 100, (y + h) * height / 100)
    record.add(Region(number, box, label, where, key in ignored), (width, height), ROUNDING)


def _number(key: object) -> int | None:
    """The annotation that a region was made of; None for one that the reviewer drew."""
    if not isinstance(key, str) or not key.startswith("fl-"):
        return None
    digits = key[3:]
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 19 else None
