"""Small sets to review, and reviewers: what they change, told apart from the code under test."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pyarrow as pa

from fastlabel import schema
from fastlabel.formats import read

CLASSES = ("cat", "d\"og <&> '", "bird é")


def coco_set(folder: Path, *, images: int = 12, seed: int = 0, boxes: int = 6, classes=CLASSES):
    """Write labels alone, with awkward sizes and corners, and read them."""
    rng = np.random.default_rng(seed)
    folder.mkdir(parents=True, exist_ok=True)
    labels = {
        "images": [],
        "annotations": [],
        "categories": [{"id": 10 + k, "name": name} for k, name in enumerate(classes)],
    }
    for n in range(images):
        wide, high = (int(v) for v in rng.integers(37, 3001, 2))
        name = f"sub {n % 2}/é&{n}.jpg"
        labels["images"].append({"id": 100 + n, "file_name": name, "width": wide, "height": high})
        for _ in range(int(rng.integers(0, boxes + 1))):
            w, h = rng.uniform(2, [wide / 2, high / 2])
            x, y = rng.uniform(0, [wide - w, high - h])
            labels["annotations"].append(
                {
                    "id": len(labels["annotations"]) + 1,
                    "image_id": 100 + n,
                    "category_id": 10 + int(rng.integers(0, len(classes))),
                    "bbox": [float(x), float(y), float(w), float(h)],
                    "area": float(w * h),
                    "iscrowd": 0,
                }
            )
    (folder / "labels.json").write_text(json.dumps(labels), encoding="utf-8")
    return read(folder)


def finding(ds, code, *, annotation=None, image=None, fix=None, score=0.8, related=None, **more):
    """One row of findings; the fix as rules write it."""
    evidence = {"fix": fix} if fix else {}
    if related:
        evidence["related_annotations"] = related
    if image is None:
        image = ds.annotations["image_id"][annotation].as_py()
    return {
        "code": code,
        "severity": "warning",
        "image_id": image,
        "annotation_id": annotation,
        "score": score,
        "message": f"{code} says so",
        "evidence": json.dumps(evidence | more),
    }


def findings(rows):
    return pa.Table.from_pylist(list(rows), schema=schema.FINDINGS)


NOTHING = schema.FINDINGS.empty_table()


def some_findings(ds, seed=0):
    """About every third box, with a proposal of each kind."""
    rng = np.random.default_rng(seed)
    rows = []
    for row in ds.annotations.to_pylist()[::3]:
        box = [row[c] for c in ("x1", "y1", "x2", "y2")]
        wide = ds.images["width"][row["image_id"]].as_py()
        other = (row["category_id"] + 1) % ds.categories.num_rows
        action = ("drop_box", "relabel", "replace_box", "add_box", None)[int(rng.integers(5))]
        fix = None
        if action:
            moved = [box[0] * 0.9, box[1], min(box[2] * 1.1, wide), box[3]]
            fix = {
                "action": action,
                "box": moved if action in ("replace_box", "add_box") else None,
                "category_id": other if action in ("relabel", "add_box") else None,
                "category": None,
                "model": None,
            }
        rows.append(
            finding(
                ds,
                f"FL70{1 + int(rng.integers(6))}",
                annotation=None if action == "add_box" else row["annotation_id"],
                image=row["image_id"],
                fix=fix,
                score=float(rng.uniform(0.05, 0.99)),
            )
        )
    return findings(rows)


class StudioReviewer:
    """Changes a Label Studio file as its editor would, on the JSON itself."""

    to, ending = "label-studio", "json"

    def __init__(self, path: Path) -> None:
        self.path = path
        self.tasks = json.loads(path.read_text(encoding="utf-8"))

    def save(self) -> Path:
        for n, task in enumerate(self.tasks):  # what the server adds
            task["id"] = n + 1
            for annotation in task["annotations"]:
                annotation |= {"id": n + 50, "completed_by": 1, "updated_at": "2026-01-01T00:00Z"}
        self.path.write_text(json.dumps(self.tasks, indent=2), encoding="utf-8")
        return self.path

    def task(self, image):
        return next(t for t in self.tasks if t["data"]["fastlabel"]["image_id"] == image)

    def _results(self, image):
        return self.task(image)["annotations"][0]["result"]

    def _region(self, image, annotation):
        return next(r for r in self._results(image) if r["id"] == f"fl-{annotation}")

    def drop(self, image, annotation):
        self._results(image).remove(self._region(image, annotation))

    def relabel(self, image, annotation, label):
        self._region(image, annotation)["value"]["rectanglelabels"] = [label]

    def _value(self, image, box):
        size = self.task(image)["data"]["fastlabel"]["size"]
        x1, y1, x2, y2 = box
        return {
            "x": x1 / size[0] * 100,
            "y": y1 / size[1] * 100,
            "width": (x2 - x1) / size[0] * 100,
            "height": (y2 - y1) / size[1] * 100,
            "rotation": 0,
        }

    def move(self, image, annotation, box):
        self._region(image, annotation)["value"] |= self._value(image, box)

    def add(self, image, label, box, key="Xy_12-abcd"):
        size = self.task(image)["data"]["fastlabel"]["size"]
        self._results(image).append(
            {
                "id": key,
                "type": "rectanglelabels",
                "from_name": "label",
                "to_name": "image",
                "origin": "manual",
                "original_width": size[0],
                "original_height": size[1],
                "image_rotation": 0,
                "value": self._value(image, box) | {"rectanglelabels": [label]},
            }
        )

    def ignore(self, image, annotation):
        region = self._region(image, annotation)
        shape = {k: region["value"][k] for k in ("x", "y", "width", "height", "rotation")}
        self._results(image).append(
            {
                "id": region["id"],
                "type": "choices",
                "from_name": "mark",
                "to_name": "image",
                "value": shape | {"choices": ["ignore"]},
            }
        )

    def check(self, image):
        self._results(image).append(
            {
                "id": "zz",
                "type": "choices",
                "from_name": "review",
                "to_name": "image",
                "value": {"choices": ["checked"]},
            }
        )


class CvatReviewer:
    """Changes a CVAT file as its editor would, on the XML itself."""

    to, ending = "cvat", "xml"

    def __init__(self, path: Path) -> None:
        self.path = path
        self.tree = ET.parse(path)

    def save(self) -> Path:
        self.tree.write(self.path, encoding="utf-8", xml_declaration=True)
        return self.path

    def task(self, image):
        for element in self.tree.getroot().iter("image"):
            for tag in element.iter("tag"):
                ids = [a.text for a in tag if a.get("name") == "image_id"]
                if ids == [str(image)]:
                    return element
        raise KeyError(image)

    def _shape(self, image, annotation):
        for box in self.task(image).iter("box"):
            ids = [a.text for a in box if a.get("name") == "annotation_id"]
            if ids == [str(annotation)]:
                return box
        raise KeyError(annotation)

    def drop(self, image, annotation):
        self.task(image).remove(self._shape(image, annotation))

    def relabel(self, image, annotation, label):
        self._shape(image, annotation).set("label", label)

    @staticmethod
    def _corners(box):
        return dict(zip(("xtl", "ytl", "xbr", "ybr"), (f"{v:.2f}" for v in box), strict=True))

    def move(self, image, annotation, box):
        self._shape(image, annotation).attrib.update(self._corners(box))

    def add(self, image, label, box, key=""):
        corners = self._corners(box)
        new = ET.SubElement(
            self.task(image), "box", {"label": label, "occluded": "0", "source": "manual"} | corners
        )
        ET.SubElement(new, "attribute", {"name": "annotation_id"}).text = key

    def ignore(self, image, annotation):
        for attribute in self._shape(image, annotation):
            if attribute.get("name") == "ignore":
                attribute.text = "true"

    def check(self, image):
        ET.SubElement(self.task(image), "tag", {"label": "fastlabel.checked", "source": "manual"})


REVIEWERS = (StudioReviewer, CvatReviewer)
