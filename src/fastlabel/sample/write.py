"""Writers of the sample: the same pictures and labels as COCO, YOLO or Pascal VOC.

They write what they are told, faults and all, and note where each label went.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

from .figures import CLASSES
from .model import UNUSED_CLASS, Fault, Label, Picture, Written

SPLITS = ("train", "val", "test")

#: An id that no image and no class has.
_NO_SUCH_ID = 9_999
_OUTSIDE = "../../porch_archive"


def _save(path: Path, data: bytes | str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data.encode() if isinstance(data, str) else data)


def _save_image(folder: Path, name: str, picture: Picture, written: Written) -> None:
    if picture.data is not None:
        _save(folder / name, picture.data)
    written.images[picture] = name


# --- COCO ---------------------------------------------------------------------------------


def coco(folder: Path, pictures: list[Picture]) -> Written:
    """Write ``annotations/instances_<split>.json`` beside ``images/<split>/``."""
    written = Written()
    for split in SPLITS:
        part = [p for p in pictures if p.split == split]
        _coco_split(folder, f"annotations/instances_{split}.json", part, written)
    return written


def _coco_split(folder: Path, file: str, pictures: list[Picture], written: Written) -> None:
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    ids: dict[Label, int] = {}
    for picture in pictures:
        name = f"images/{picture.split}/{picture.file_name}"
        if picture.outside:
            name = f"{_OUTSIDE}/{picture.file_name}"
        _save_image(folder, name, picture, written)
        if not picture.has_record:
            continue
        width, height = picture.declared
        image_id = len(images) + 1
        images.append({"id": image_id, "file_name": name, "width": width, "height": height})
        for label in picture.labels:
            written.labels[label] = f"{file}#/annotations/{len(annotations)}"
            ids[label] = len(annotations) + 1
            own = ids[label.same_id_as] if label.same_id_as is not None else ids[label]
            annotations.append(_coco_annotation(label, own, image_id))
    if file.endswith("_train.json"):
        orphan = {**annotations[0], "id": len(annotations) + 1, "image_id": _NO_SUCH_ID}
        orphan.pop("segmentation", None)
        where = f"{file}#/annotations/{len(annotations)}"
        annotations.append(orphan)
        written.faults.append(Fault("FL107", "a box of an image that is not listed", where=where))
    names = [*CLASSES, UNUSED_CLASS]
    top = {
        "info": {"description": "fastlabel sample: drawn scenes with planted faults"},
        "images": images,
        "annotations": annotations,
        "categories": [{"id": k, "name": name} for k, name in enumerate(names, 1)],
    }
    _save(folder / file, json.dumps(top, indent=1) + "\n")


def _coco_annotation(label: Label, own: int, image_id: int) -> dict[str, Any]:
    x1, y1, x2, y2 = label.box
    box = [_short(v) for v in (x1, y1, x2 - x1, y2 - y1)]
    area = (x2 - x1) * (y2 - y1)
    row: dict[str, Any] = {
        "id": own,
        "image_id": image_id,
        "category_id": _NO_SUCH_ID if label.name is None else CLASSES.index(label.name) + 1,
        "bbox": box[:3] if label.broken else box,
        "area": _short(area) if area == area else 0,
        "iscrowd": 0,
    }
    if label.polygon:
        row["segmentation"] = [[_short(v) for point in label.outline() for v in point]]
    return row


def _short(value: float) -> float | int:
    """Write whole numbers without a point, as label tools write them."""
    return int(value) if value == value and value == int(value) else value


# --- YOLO ---------------------------------------------------------------------------------


def yolo(folder: Path, pictures: list[Picture]) -> Written:
    """Write ``images/<split>/``, ``labels/<split>/`` and ``data.yaml``; ``test`` is a list file."""
    written = Written()
    listed = []
    for picture in pictures:
        name = f"images/{picture.split}/{picture.file_name}"
        label_file = f"labels/{picture.split}/{picture.stem}.txt"
        if picture.outside:
            name = f"{_OUTSIDE}/{picture.file_name}"
        _save_image(folder, name, picture, written)
        if picture.twin is not None:
            _save(folder / f"images/{picture.split}/{picture.stem}.jpeg", picture.twin)
        if picture.has_record and not picture.outside:
            _save(folder / label_file, _yolo_rows(picture, label_file, written))
        if picture.split == "test":
            listed.append(name)
    stray = "labels/train/porch_removed.txt"
    _save(folder / stray, "0 0.5 0.5 0.1 0.4\n")
    written.faults.append(Fault("FL107", "a label file without an image", where=stray))
    _save(folder / "test.txt", "".join(f"./{n}\n" if n[0] != "." else f"{n}\n" for n in listed))
    lines = [
        "# fastlabel sample: drawn scenes with planted faults",
        "train: images/train",
        "val:",
        "  - images/val",
        "  - images/val-night",
        "test: test.txt",
        "names:",
        *(f"  {k}: {name}" for k, name in enumerate([*CLASSES, UNUSED_CLASS])),
    ]
    _save(folder / "data.yaml", "\n".join(lines) + "\n")
    place = f"data.yaml:{lines.index('  - images/val-night') + 1}"
    written.faults.append(Fault("FL004", "a folder of a split is declared, not there", where=place))
    return written


def _yolo_rows(picture: Picture, file: str, written: Written) -> str:
    rows = []
    for line, label in enumerate(picture.labels, 1):
        written.labels[label] = f"{file}:{line}"
        number = len(CLASSES) + 5 if label.name is None else CLASSES.index(label.name)
        if label.polygon:
            values = [
                v for x, y in label.outline() for v in (x / picture.width, y / picture.height)
            ]
        else:
            x1, y1, x2, y2 = label.box
            values = [
                (x1 + x2) / 2 / picture.width,
                (y1 + y2) / 2 / picture.height,
                (x2 - x1) / picture.width,
                (y2 - y1) / picture.height,
            ]
        words = [f"{v:.8f}".rstrip("0") if v == v else "nan" for v in values]
        words = [word + "0" if word.endswith(".") else word for word in words]
        rows.append(" ".join([str(number), *(words[:3] if label.broken else words)]))
    return "".join(f"{row}\n" for row in rows)


# --- Pascal VOC ---------------------------------------------------------------------------


def voc(folder: Path, pictures: list[Picture]) -> Written:
    """Write ``JPEGImages/``, ``Annotations/``, ``ImageSets/Main/``, counting pixels from 1."""
    written = Written()
    for picture in pictures:
        _save_image(folder, f"JPEGImages/{picture.file_name}", picture, written)
        if picture.outside:
            written.images[picture] = f"{_OUTSIDE}/{picture.file_name}"
        if not picture.has_record:
            continue
        file = f"Annotations/{picture.stem}.xml"
        _save(folder / file, _voc_xml(picture, file, written))
        if picture.second_record:
            again = f"Annotations/{picture.stem}_second.xml"
            _save(folder / again, _voc_xml(picture, again, Written({picture: ""})))
    for split in SPLITS:
        stems = [p.stem for p in pictures if p.split == split]
        stems += [f"{p.stem}_second" for p in pictures if p.split == split and p.second_record]
        _save(folder / f"ImageSets/Main/{split}.txt", "".join(f"{s}\n" for s in sorted(stems)))
    return written


def _voc_xml(picture: Picture, file: str, written: Written) -> str:
    name = f"{_OUTSIDE}/{picture.file_name}" if picture.outside else picture.file_name
    width, height = picture.declared
    lines = [
        "<annotation>",
        "  <folder>JPEGImages</folder>",
        f"  <filename>{escape(name)}</filename>",
        "  <size>",
        f"    <width>{width}</width>",
        f"    <height>{height}</height>",
        "    <depth>3</depth>",
        "  </size>",
        "  <segmented>0</segmented>",
    ]
    for label in picture.labels:
        written.labels[label] = f"{file}:{len(lines) + 1}"
        lines += _voc_object(label)
    return "\n".join([*lines, "</annotation>"]) + "\n"


def _voc_object(label: Label) -> list[str]:
    x1, y1, x2, y2 = label.box
    # A box without width has equal corners here, where the last pixel is included.
    low_x = x2 if x1 == x2 else x1 + 1
    if x2 < x1:
        low_x, x2 = x1, x2 + 1
    corners = [("xmin", low_x), ("ymin", y1 + 1), ("xmax", x2), ("ymax", y2)]
    return [
        "  <object>",
        *([f"    <name>{escape(label.name)}</name>"] if label.name is not None else []),
        "    <difficult>0</difficult>",
        "    <bndbox>",
        *(
            f"      <{tag}>{_short(value)}</{tag}>"
            for tag, value in (corners[:3] if label.broken else corners)
        ),
        "    </bndbox>",
        "  </object>",
    ]


#: Format name -> its writer.
WRITERS: dict[str, Callable[[Path, list[Picture]], Written]] = {
    "coco": coco,
    "yolo": yolo,
    "voc": voc,
}
