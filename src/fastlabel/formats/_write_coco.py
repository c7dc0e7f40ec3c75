"""COCO instances out: one JSON file a split."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..dataset import Dataset
from ._layout import safe_name
from ._write import Ledger, Rows, WriteReport, kept_ids, save

__all__ = ["plain", "short", "sides", "write"]

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]

#: What an annotation's extra keys may not be called: they have columns of their own.
_OWN = frozenset(
    (
        *("id", "image_id", "category_id", "bbox", "xyxy", "area", "iscrowd", "crowd", "ignore"),
        *("weight", "segmentation", "score", "obb"),
    )
)
_OWN_IMAGE = frozenset(("id", "file_name", "width", "height"))
_COLUMNS = ("weight", "occlusion", "truncation", "difficult", "score", "obb")


def write(dataset: Dataset, folder: Path, *, category_start: int | None = None) -> WriteReport:
    """Write ``annotations/instances_<split>.json`` for each split."""
    rows = Rows(dataset)
    ledger = Ledger(rows)
    categories = _categories(dataset, category_start)
    writer = _Writer(rows, ledger, [c["id"] for c in categories])
    files = []
    for split, images in rows.by_split():
        name = "instances" if split is None else f"instances_{safe_name(split)}"
        path = f"annotations/{name}.json"
        while path in files:
            path = path.replace(".json", "_.json")
        save(folder, path, writer.text(split, images, categories))
        files.append(path)
    sources = dataset.categories["source_id"].to_pylist()
    return WriteReport(
        "coco",
        len(dataset),
        rows.count,
        writer.written,
        0,
        tuple(files),
        tuple((c["id"], c["name"], s) for c, s in zip(categories, sources, strict=True)),
        ledger.losses(),
    )


def _categories(dataset: Dataset, start: int | None) -> list[dict[str, Any]]:
    table = dataset.categories.to_pylist()
    ids = kept_ids([row["source_id"] for row in table], 0) if start is None else None
    if ids is None:
        first = 1 if start is None else start
        ids = list(range(first, first + len(table)))
    records = []
    for row, key in zip(table, ids, strict=True):
        record: dict[str, Any] = {"id": key, "name": row["name"]}
        if row["supercategory"] is not None:
            record["supercategory"] = row["supercategory"]
        if row["source_id"] is not None and row["source_id"] != str(key):
            record["source_id"] = row["source_id"]
        records.append(record)
    return records


def sides(boxes: FloatArray, raw: list[str | None] | None) -> tuple[FloatArray, BoolArray]:
    """x, y, width, height of each box, and where ``x + width`` cannot give x2 exactly.

    The width is the source's own where that is unchanged, else the shortest decimal that
    gives the corner back: 100.1 - 100 is written 0.1, not 0.09999999999999432.
    """
    low, high = boxes[:, :2], boxes[:, 2:]
    exact = high - low
    found = exact.copy()
    done = np.zeros(exact.shape, dtype=bool)
    if raw is not None:
        own = np.array([_four(text) for text in raw], dtype=np.float64).reshape(-1, 4)
        same = ((own[:, :2] == low) & (low + own[:, 2:] == high)).all(axis=1)
        found[same] = own[same, 2:]
        done[same] = True
    for digits in (0, 1, 2, 3, 4, 5, 6, 8, 10, 12):
        if done.all():
            break
        short = np.round(exact, digits)
        fits = ~done & (low + short == high)
        found[fits] = short[fits]
        done |= fits
    for value in (exact, np.nextafter(exact, np.inf), np.nextafter(exact, -np.inf)):
        fits = ~done & (low + value == high)
        found[fits] = value[fits]
        done |= fits
    inexact: BoolArray = ~np.asarray(done.all(axis=1))
    return np.concatenate([low, found], axis=1), inexact


def _four(text: str | None) -> list[float]:
    """Four numbers of a bbox's text; NaN for any other."""
    try:
        values = [float(word) for word in (text or "").strip("[]").split(",")]
    except ValueError:
        return [np.nan] * 4
    return values if len(values) == 4 else [np.nan] * 4


class _Writer:
    """Makes the text of one file after the other."""

    def __init__(self, rows: Rows, ledger: Ledger, category_ids: list[int]) -> None:
        self.rows = rows
        self.ledger = ledger
        self.category_ids = category_ids
        self.written = 0
        annotations = rows.dataset.annotations
        raw = None
        if rows.dataset.format == "coco":
            raw = annotations["origin"].combine_chunks().field("raw").to_pylist()
        boxes, inexact = sides(rows.boxes, raw)
        self.sides = [[short(v) for v in box] for box in boxes.tolist()]
        self.inexact = inexact
        self.finite: BoolArray = np.asarray(np.isfinite(boxes).all(axis=1))
        self.states = rows.dataset.images["label_state"].to_pylist()
        self.any_labelled = any(s in ("labelled", "labelled_empty") for s in self.states)

    def text(self, split: str | None, images: list[int], categories: list[dict[str, Any]]) -> str:
        """One file."""
        listed = [i for i in images if self._has_record(i)]
        unlisted = sorted(set(images) - set(listed))
        self.ledger.images(
            "unlabelled-image", unlisted, "not listed, so that it is not taken for a negative"
        )
        table = self.rows.dataset.images
        sources = table["source_id"].to_pylist()
        ids = kept_ids([sources[i] for i in listed], 1) or [i + 1 for i in listed]
        info: dict[str, Any] = {"description": "written by fastlabel", "version": "1.0"}
        if split is not None:
            info["split"] = split
        return _document(
            info,
            self._images(listed, ids),
            self._annotations(listed, ids),
            categories if self.any_labelled or self.rows.count else [],
        )

    def _has_record(self, image: int) -> bool:
        if not self.any_labelled or self.states[image] in ("labelled", "labelled_empty"):
            return True
        return bool(self.rows.starts[image] != self.rows.starts[image + 1])

    def _images(self, listed: list[int], ids: list[int]) -> list[str]:
        table = self.rows.dataset.images
        widths, heights = table["width"].to_pylist(), table["height"].to_pylist()
        extras = table["attributes"].to_pylist()
        texts = []
        for image, key in zip(listed, ids, strict=True):
            record: dict[str, Any] = {"id": key, "file_name": self.rows.paths[image]}
            if widths[image] is not None and heights[image] is not None:
                record |= {"width": widths[image], "height": heights[image]}
            record |= members(extras[image], _OWN_IMAGE)
            texts.append(_dump(record))
        return texts

    def _annotations(self, listed: list[int], image_ids: list[int]) -> list[str]:
        rows = [row for image in listed for row in self.rows.of_image(image)]
        keep = [row for row in rows if self.finite[row]]
        self.ledger.annotations(
            "box", [r for r in rows if not self.finite[r]], "unknown or not finite: left out"
        )
        sources = self.rows.column("source_id")
        own = None if sources is None else kept_ids([sources[row] for row in keep], 1)
        ids = own or [row + 1 for row in keep]
        image_of = dict(zip(listed, image_ids, strict=True))
        images = self.rows.dataset.column("annotations", "image_id")
        self.written += len(keep)
        return [
            _dump(self._annotation(row, key, image_of[int(images[row])]))
            for row, key in zip(keep, ids, strict=True)
        ]

    def _annotation(self, row: int, key: int, image: int) -> dict[str, Any]:
        value = self.rows.value
        box = self.sides[row]
        area = value("area", row)
        ignore, crowd = value("ignore", row), value("crowd", row)
        record: dict[str, Any] = {
            "id": key,
            "image_id": image,
            "category_id": self._category(row),
            "bbox": box,
            "area": short(box[2] * box[3] if area is None else area),
            # Evaluation and training know iscrowd alone; `crowd` keeps the two apart.
            "iscrowd": int(bool(crowd or ignore)),
        }
        if ignore is not None:
            record["ignore"] = int(ignore)
        if ignore and not crowd:
            record["crowd"] = 0
        if self.inexact[row]:
            record["xyxy"] = self.rows.boxes[row].tolist()
        segmentation = value("segmentation", row)
        if segmentation is not None:
            self._segmentation(record, row, segmentation)
        extra = members(value("attributes", row), _OWN)
        for name in _COLUMNS:
            given = value(name, row)
            if given is not None:
                record[name] = plain(given)
        return record | {k: v for k, v in extra.items() if k not in record}

    def _segmentation(self, record: dict[str, Any], row: int, text: str) -> None:
        try:
            record["segmentation"] = json.loads(text)
        except ValueError:
            record["segmentation_text"] = text
            self.ledger.annotation(
                "segmentation", row, "not in COCO's own form: kept as text in segmentation_text"
            )

    def _category(self, row: int) -> int | None:
        known: int | None = self.rows.value("category_id", row)
        if known is not None:
            return self.category_ids[known]
        text: str = self.rows.value("source_category", row) or ""
        self.ledger.annotation("category", row, "names no known class: written as it stood")
        if text.isascii() and text.isdigit() and int(text) not in self.category_ids:
            return int(text)
        return None


def members(text: str | None, own: frozenset[str]) -> dict[str, Any]:
    """The members of a JSON object that are not called like something of ours."""
    if text is None:
        return {}
    try:
        value = json.loads(text)
    except ValueError:
        return {"attributes_text": text}
    if not isinstance(value, dict):
        return {"attributes": value}
    return {key: inner for key, inner in value.items() if key not in own}


def short(value: float) -> float | int:
    """Whole numbers without a point, as label tools write them; -0.0 stays itself."""
    if value == value and abs(value) < 2**53 and value == int(value) and str(value) != "-0.0":
        return int(value)
    return value


def plain(value: Any) -> Any:
    """A value as JSON has it: flags as 0 and 1, a float32 by its shortest text."""
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, float):
        return short(float(str(np.float32(value))))
    return value


def _dump(record: dict[str, Any]) -> str:
    return json.dumps(record, ensure_ascii=False)


def _document(
    info: dict[str, Any], images: list[str], annotations: list[str], categories: list[Any]
) -> str:
    parts = [f'"info": {_dump(info)}', '"licenses": []']
    for name, texts in (
        ("categories", [_dump(c) for c in categories]),
        ("images", images),
        ("annotations", annotations),
    ):
        body = "[\n" + ",\n".join(texts) + "\n]" if texts else "[]"
        parts.append(f'"{name}": {body}')
    return "{" + ",\n".join(parts) + "}\n"
