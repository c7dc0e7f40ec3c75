"""Where each action of a plan strikes: the files, the row's origin, what stands there now."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa

from .. import schema
from ..dataset import Dataset, DatasetError
from ..formats import label_files

__all__ = ["QUARANTINE", "Places", "file_hash"]

#: Where quarantined pictures and their labels go, below the root of the tree; readers of
#: data sets do not look into folders whose names begin with a dot.
QUARANTINE = ".quarantine"

#: Ends a message about ids that do not meet.
_STALE = "; if the data changed since, make the plan again"

#: Pixels by which a box may pass the edge: corners of normalised boxes are not exact.
EDGE = 0.01

#: What an action needs besides its place.
_NEEDS = {
    "relabel": ("category",),
    "replace_box": ("box",),
    "add_box": ("category", "box"),
    "set_weight": ("weight",),
}
_OF_ANNOTATION = ("category_id", "x1", "y1", "x2", "y2", "ignore", "weight", "image_id", "origin")


def file_hash(path: Path) -> str | None:
    """The hash of a file's bytes; None where there is no file."""
    from ..pixels import content_hash

    try:
        return content_hash(path.read_bytes())
    except OSError:
        return None


class Places:
    """Turns actions on rows of a data set into rows of a plan."""

    def __init__(self, ds: Dataset) -> None:
        self.ds = ds.with_files()
        if ds.format == "images":
            raise DatasetError(
                f"{ds.root}: has no labels, so there is nothing to plan on; give a COCO, YOLO or "
                "VOC data set"
            )
        self.names: list[str | None] = ds.categories["name"].to_pylist()
        self.by_name: dict[str | None, int] = {}
        for at, name in enumerate(self.names):
            self.by_name.setdefault(name, at)
        self.labels = label_files(ds)
        self._hashes: dict[str, str | None] = {}
        self._annotations: dict[int, dict[str, Any]] = {}
        self._images: dict[int, dict[str, Any]] = {}
        self._boxes_of: dict[int, int] | None = None

    def table(self, given: Iterable[Mapping[str, Any]]) -> pa.Table:
        """The plan's rows of some actions."""
        rows = list(given)
        self.load(rows)
        done = []
        for at, row in enumerate(rows):
            try:
                done.append(self.row(at, row) | self.hashes(row))
            except DatasetError as error:
                raise DatasetError(f"action {at}: {error}") from None
        return pa.Table.from_pylist(done, schema=schema.PLAN)

    def load(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Fetch what the data set says of all rows at once."""
        ids = {_whole(row.get("annotation_id")) for row in rows}
        some = sorted(i for i in ids if i is not None and 0 <= i < self.ds.annotations.num_rows)
        table = self.ds.annotations.select(_OF_ANNOTATION).take(pa.array(some, pa.int64()))
        self._annotations.update(zip(some, table.to_pylist(), strict=True))
        images = {_whole(row.get("image_id")) for row in rows}
        images |= {row["image_id"] for row in self._annotations.values()}
        some = sorted(i for i in images if i is not None and 0 <= i < len(self.ds))
        names = ("file_name", "path", "split", "width", "height", "label_state")
        table = self.ds.images.select(names).take(pa.array(some, pa.int64()))
        self._images.update(zip(some, table.to_pylist(), strict=True))

    def row(self, at: int, given: Mapping[str, Any]) -> dict[str, Any]:
        """One row, without the hashes.

        Raises
        ------
        DatasetError
            If the action cannot be carried out; the message does not name the row.
        """
        action = given.get("action")
        if action not in schema.ACTIONS:
            raise DatasetError(f"action is {action!r}; choose one of {', '.join(schema.ACTIONS)}")
        annotation_id, image_id = self._ids(action, given)
        image = self._images[image_id]
        origin = None
        before: dict[str, Any] | None = None
        if annotation_id is not None:
            annotation = self._annotations[annotation_id]
            origin = annotation["origin"]
            before = self._described(annotation)
            label_file = origin["file"]
        else:
            label_file = self.labels.of(image_id)
            if action != "add_box":
                before = {"split": image["split"], "boxes": self._boxes(image_id)}
        after = self._after(action, given, image)
        return {
            "action_id": at,
            "action": action,
            "image_id": image_id,
            "annotation_id": annotation_id,
            "file_name": image["file_name"],
            "label_file": label_file,
            "origin": origin,
            "before": _dump(before),
            "after": _dump(after),
            "codes": [str(code) for code in given.get("codes") or ()],
            "reason": str(given.get("reason") or ""),
            "score": self._score(given.get("score")),
            "safe": action in schema.SAFE_ACTIONS,
        }

    def hashes(self, given: Mapping[str, Any]) -> dict[str, str | None]:
        """The hashes of the picture and of the label file of an action."""
        annotation_id = _whole(given.get("annotation_id"))
        if annotation_id is not None:
            annotation = self._annotations[annotation_id]
            image_id, label_file = annotation["image_id"], annotation["origin"]["file"]
        else:
            image_id = int(given["image_id"])
            label_file = self.labels.of(image_id)
        return {
            "image_hash": self.hash_of(self._images[image_id]["path"]),
            "label_hash": self.hash_of(label_file),
        }

    def hash_of(self, path: str | None) -> str | None:
        """The hash of a file of the data set."""
        if path is None:
            return None
        if path not in self._hashes:
            self._hashes[path] = file_hash(Path(self.ds.root, path))
        return self._hashes[path]

    def path_of(self, image_id: int) -> str | None:
        """Where an image is."""
        path: str | None = self._images[image_id]["path"]
        return path

    def _ids(self, action: str, given: Mapping[str, Any]) -> tuple[int | None, int]:
        annotation_id, image_id = given.get("annotation_id"), given.get("image_id")
        about_box = action in ("relabel", "drop_box", "mark_ignore", "set_weight", "replace_box")
        if about_box:
            row = _whole(annotation_id)
            if row is None or row not in self._annotations:
                last = self.ds.annotations.num_rows - 1
                raise DatasetError(
                    f"annotation_id is {annotation_id!r}, which is no annotation of the set "
                    f"(0 to {last:,}){_STALE}"
                )
            own = self._annotations[row]["image_id"]
            if image_id is not None and _whole(image_id) != own:
                raise DatasetError(
                    f"annotation {row} belongs to image {own}, not to {image_id!r}{_STALE}"
                )
            return row, own
        if annotation_id is not None:
            raise DatasetError(f"{action} is not about an annotation, but one is named")
        image = _whole(image_id)
        if image is None or image not in self._images:
            last = len(self.ds) - 1
            raise DatasetError(
                f"image_id is {image_id!r}, which is no image of the set (0 to {last:,}){_STALE}"
            )
        return None, image

    def _described(self, annotation: Mapping[str, Any]) -> dict[str, Any]:
        category = annotation["category_id"]
        found: dict[str, Any] = {
            "category_id": category,
            "category": None if category is None else self.names[category],
            "box": [_real(annotation[side]) for side in ("x1", "y1", "x2", "y2")],
        }
        for name in ("ignore", "weight"):
            if annotation[name] is not None:
                found[name] = annotation[name]
        return found

    def _after(
        self, action: str, given: Mapping[str, Any], image: Mapping[str, Any]
    ) -> dict[str, Any] | None:
        if action == "quarantine_image":
            return {"folder": QUARANTINE}
        if action == "mark_ignore":
            return {"ignore": True}
        after: dict[str, Any] = {}
        for need in _NEEDS.get(action, ()):
            if need == "category":
                known = self._category(given)
                after |= {"category_id": known, "category": self.names[known]}
            elif need == "box":
                after["box"] = self._box(given.get("box"), image)
            else:
                after["weight"] = _weight(given.get("weight"))
        return after or None

    def _category(self, given: Mapping[str, Any]) -> int:
        key, name = given.get("category_id"), given.get("category")
        if key is None and name is None:
            raise DatasetError("no class is given: category_id or category")
        if key is None:
            if name not in self.by_name:
                from ..config import nearest

                raise DatasetError(
                    f"category {name!r} is no class of the set; "
                    f"{nearest(str(name), [n for n in self.names if n is not None])}"
                )
            return self.by_name[name]
        row = _whole(key)
        if row is None or not 0 <= row < len(self.names):
            raise DatasetError(
                f"category_id is {key!r}, which is no class of the set (0 to {len(self.names) - 1})"
            )
        if name is not None and name != self.names[row]:
            raise DatasetError(
                f"category_id {row} is {self.names[row]!r}, but category says {name!r}"
            )
        return row

    def _box(self, value: Any, image: Mapping[str, Any]) -> list[float]:
        try:
            box = [float(v) for v in value]
        except (TypeError, ValueError):
            raise DatasetError(f"box is {value!r}, expected four numbers x1, y1, x2, y2") from None
        if len(box) != 4 or not all(math.isfinite(v) for v in box):
            raise DatasetError(f"box is {value!r}, expected four finite numbers x1, y1, x2, y2")
        x1, y1, x2, y2 = box
        if not (x1 < x2 and y1 < y2):
            raise DatasetError(f"box {box} has no area: x2 must be above x1 and y2 above y1")
        width, height = self.size_of(image)
        limits = [math.inf if side is None else side + EDGE for side in (width, height)]
        if x1 < -EDGE or y1 < -EDGE or x2 > limits[0] or y2 > limits[1]:
            raise DatasetError(f"box {box} leaves the image, which is {width} x {height} pixels")
        return box

    def size_of(self, image: Mapping[str, Any]) -> tuple[int | None, int | None]:
        """Width and height of an image, of its record or else of its file."""
        width, height = image["width"], image["height"]
        if (width is None or height is None) and image["path"] is not None:
            from .. import _core

            _, widths, heights, turns = _core.sniff_headers([str(self.ds.root / image["path"])])
            if widths[0] > 0 and heights[0] > 0:
                width, height = int(widths[0]), int(heights[0])
                if 5 <= turns[0] <= 8:
                    width, height = height, width
        return width, height

    def _boxes(self, image_id: int) -> int:
        if self._boxes_of is None:
            counts = self.ds.annotations["image_id"].value_counts()
            keys, values = counts.field("values").to_pylist(), counts.field("counts").to_pylist()
            self._boxes_of = dict(zip(keys, values, strict=True))
        return self._boxes_of.get(image_id, 0)

    @staticmethod
    def _score(value: Any) -> float | None:
        if value is None:
            return None
        try:
            score = float(value)
        except (TypeError, ValueError):
            score = math.nan
        if not 0 <= score <= 1:
            raise DatasetError(f"score is {value!r}, expected a number from 0 to 1")
        return score


def _whole(value: Any) -> int | None:
    """A whole number of whatever type; None for anything else."""
    if value is None or isinstance(value, bool):
        return None
    try:
        number = int(value)
        return number if number == value else None
    except (TypeError, ValueError, OverflowError):
        return None


def _real(value: float | None) -> float | None:
    """A coordinate that JSON can hold."""
    return value if value is None or math.isfinite(value) else None


def _weight(value: Any) -> float:
    try:
        weight = float(value)
    except (TypeError, ValueError):
        weight = math.nan
    if not 0 <= weight < math.inf:
        raise DatasetError(f"weight is {value!r}, expected a number from 0 on")
    return weight


def _dump(value: dict[str, Any] | None) -> str | None:
    return None if value is None else json.dumps(value, ensure_ascii=False, allow_nan=False)
