"""Labels edited in their own text: what changes, and that nothing else does."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

import pytest

import fastlabel as fl
from fastlabel.clean.plan import Plan
from fastlabel.formats import Change, edits

FORMATS = ("coco", "yolo", "voc")


def after_of(ds: fl.Dataset, *changes: Change) -> dict[str, bytes | None]:
    return {edit.path: edit.after for edit in edits(ds, changes)}


def rows_by_image(ds: fl.Dataset) -> dict[str, list[tuple[Any, ...]]]:
    """All boxes of a set by image, in an order of their own."""
    names = ds.categories["name"].to_pylist()
    images = ds.images.to_pylist()
    found: dict[str, list[tuple[Any, ...]]] = {
        f"{image['split']}/{image['path']}": [] for image in images
    }
    for row in ds.annotations.to_pylist():
        image = images[row["image_id"]]
        box = tuple(None if row[s] is None else round(row[s], 5) for s in ("x1", "y1", "x2", "y2"))
        category = None if row["category_id"] is None else names[row["category_id"]]
        weight = None if row["weight"] is None else round(row["weight"], 5)
        found[f"{image['split']}/{image['path']}"].append(
            (str(category), *map(str, box), bool(row["ignore"]), bool(row["crowd"]), str(weight))
        )
    return {key: sorted(rows) for key, rows in found.items()}


def expected_rows(ds: fl.Dataset, actions: list[dict[str, Any]]) -> dict[str, list[Any]]:
    """The same of what a plan says, worked out on the tables and never on the files."""
    table, images = ds.annotations.to_pylist(), ds.images.to_pylist()
    gone = {a["image_id"] for a in actions if a["action"].endswith("_image")}
    dropped = set()
    for action in actions:
        kind, at = action["action"], action.get("annotation_id")
        if kind == "drop_box":
            dropped.add(at)
        elif kind == "relabel":
            table[at]["category_id"] = action["category_id"]
        elif kind == "replace_box":
            table[at] |= dict(zip(("x1", "y1", "x2", "y2"), action["box"], strict=True))
        elif kind == "mark_ignore":
            table[at]["ignore"] = True
        elif kind == "set_weight":
            table[at]["weight"] = action["weight"]
        elif kind == "add_box":
            table.append(
                {
                    "annotation_id": -1,
                    "image_id": action["image_id"],
                    "category_id": action["category_id"],
                    **dict(zip(("x1", "y1", "x2", "y2"), map(float, action["box"]), strict=True)),
                    "ignore": None,
                    "crowd": None,
                    "weight": None,
                }
            )

    class Fake:
        categories = ds.categories

    fake: Any = Fake()
    keep = [
        row for row in table if row["annotation_id"] not in dropped and row["image_id"] not in gone
    ]

    class Listed:
        def __init__(self, rows: list[Any]) -> None:
            self.rows = rows

        def to_pylist(self) -> list[Any]:
            return self.rows

    fake.annotations, fake.images = Listed(keep), Listed(images)
    found = rows_by_image(fake)
    for image in gone:
        found.pop(f"{images[image]['split']}/{images[image]['path']}", None)
    return found


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("name", FORMATS)
def test_the_plain_reader_finds_what_the_plan_says_and_all_else_as_it_was(
    name, seed, sample, actions_of, tmp_path
):
    data = sample(name)
    ds = fl.read(data)
    actions = actions_of(ds, seed)
    plan = Plan.from_actions(ds, actions)
    fl.apply(plan, tmp_path / "new", unsafe=True)
    base = int(ds.meta["inclusive"]) if name == "voc" else None
    new = fl.read(tmp_path / "new", parser="plain", voc_base=base)
    assert rows_by_image(new) == expected_rows(ds, actions)


def changed_files(data: Path, new: Path) -> list[str]:
    return [
        path.relative_to(data).as_posix()
        for path in sorted(data.rglob("*"))
        if path.is_file()
        and (new / path.relative_to(data)).is_file()
        and (new / path.relative_to(data)).read_bytes() != path.read_bytes()
    ]


@pytest.mark.parametrize("seed", range(3))
def test_yolo_rows_that_are_not_in_the_plan_stay_byte_for_byte(seed, sample, actions_of, tmp_path):
    data = sample("yolo")
    ds = fl.read(data)
    actions = actions_of(ds, seed, images=False)
    fl.apply(Plan.from_actions(ds, actions), tmp_path / "new", unsafe=True)
    origins = ds.annotations["origin"].to_pylist()
    acted: dict[str, dict[int, str]] = {}
    for action in actions:
        if "annotation_id" in action:
            origin = origins[action["annotation_id"]]
            acted.setdefault(origin["file"], {})[origin["line"]] = action["action"]
    for file in changed_files(data, tmp_path / "new"):
        if not file.endswith(".txt"):
            continue
        old = (data / file).read_bytes().splitlines(keepends=True)
        new = (tmp_path / "new" / file).read_bytes().splitlines(keepends=True)
        want: list[bytes | None] = []
        for number, line in enumerate(old, 1):
            kind = acted.get(file, {}).get(number)
            if kind in ("drop_box", "mark_ignore"):
                continue
            want.append(None if kind in ("relabel", "replace_box") else line)
        for line, expected in zip(new, want, strict=False):
            assert expected is None or line == expected, file
        assert len(new) >= len(want)


@pytest.mark.parametrize("seed", range(3))
def test_voc_text_outside_the_objects_of_the_plan_stays_byte_for_byte(
    seed, sample, actions_of, tmp_path
):
    data = sample("voc")
    ds = fl.read(data)
    actions = actions_of(ds, seed, images=False)
    fl.apply(Plan.from_actions(ds, actions), tmp_path / "new", unsafe=True)
    image_of = ds.column("annotations", "image_id").tolist()
    files = ds.annotations["origin"].combine_chunks().field("file").to_pylist()
    acted: dict[str, dict[int, str]] = {}
    for action in actions:
        if "annotation_id" in action:
            row = action["annotation_id"]
            first = image_of.index(image_of[row])
            acted.setdefault(files[row], {})[row - first] = action["action"]
    whole = re.compile(rb"\s*<object>.*?</object>", re.DOTALL)
    for file in changed_files(data, tmp_path / "new"):
        old, new = (root.joinpath(file).read_bytes() for root in (data, tmp_path / "new"))
        assert whole.sub(b"", old) == whole.sub(b"", new), file
        kinds = acted.get(file, {})
        before = [m for i, m in enumerate(whole.findall(old)) if kinds.get(i) != "drop_box"]
        keys = [i for i in range(len(whole.findall(old))) if kinds.get(i) != "drop_box"]
        for i, was, now in zip(keys, before, whole.findall(new), strict=False):
            assert was == now or i in kinds, file


def records(text: str, name: str) -> list[str]:
    """The source text of each element of a list of a COCO file, by the standard decoder."""
    decoder = json.JSONDecoder()
    at = re.search(rf'"{name}"\s*:\s*\[', text).end()  # type: ignore[union-attr]
    found = []
    while True:
        at = re.compile(r"[\s,]*").match(text, at).end()  # type: ignore[union-attr]
        if text[at] == "]":
            return found
        _, end = decoder.raw_decode(text, at)
        found.append(text[at:end])
        at = end


@pytest.mark.parametrize("seed", range(3))
def test_coco_records_that_are_not_in_the_plan_stay_byte_for_byte(
    seed, sample, actions_of, tmp_path
):
    data = sample("coco")
    ds = fl.read(data)
    actions = actions_of(ds, seed)
    fl.apply(Plan.from_actions(ds, actions), tmp_path / "new", unsafe=True)
    origins = ds.annotations["origin"].to_pylist()
    image_of = ds.column("annotations", "image_id").tolist()
    gone = {a["image_id"] for a in actions if a["action"].endswith("_image")}
    acted: dict[str, set[int]] = {}
    for row, origin in enumerate(origins):
        named = any(a.get("annotation_id") == row for a in actions)
        if named or image_of[row] in gone:
            acted.setdefault(origin["file"], set()).add(int(origin["pointer"].split("/")[-1]))
    files = changed_files(data, tmp_path / "new")
    assert files
    for file in files:
        old, new = (root.joinpath(file).read_text() for root in (data, tmp_path / "new"))
        now = records(new, "annotations")
        kept = [r for i, r in enumerate(records(old, "annotations")) if i not in acted[file]]
        left = iter(now)
        assert all(record in left for record in kept), file  # the same texts, in their order
        assert records(old, "categories") == records(new, "categories")
        assert set(records(new, "images")) <= set(records(old, "images"))


# --- single edits, to the letter --------------------------------------------------------


def coco(tmp_path: Path, text: str) -> fl.Dataset:
    (tmp_path / "labels.json").write_bytes(text.encode())
    return fl.read(tmp_path)


PRETTY = """\
{
  "images": [ {"id": "a7", "file_name": "a.jpg", "width": 640, "height": 480} ],
  "annotations": [
    {
      "id": 5,
      "image_id": "a7",
      "category_id": 3,
      "bbox": [ 1.50, 2, 10, 20 ],
      "area": 200,
      "by": "\\u00e9"
    },
    {
      "id": 9, "image_id": "a7", "category_id": 4, "bbox": [5,5,5,5], "area": 12.5,
      "segmentation": [[5,5,10,5,10,10]]
    }
  ],
  "categories": [ {"id": 3, "name": "cat"}, {"id": 4, "name": "dog"} ]
}
"""


@pytest.mark.parametrize(
    ("change", "old", "new"),
    [
        (Change("relabel", 0, 0, category_id=1), '"category_id": 3', '"category_id": 4'),
        (
            Change("replace_box", 0, 0, box=(1.5, 2.0, 101.25, 22.0)),
            '"bbox": [ 1.50, 2, 10, 20 ],\n      "area": 200',
            '"bbox": [1.5, 2, 99.75, 20],\n      "area": 1995',
        ),
        (  # the area of a mask is no affair of the box
            Change("replace_box", 0, 1, box=(5.0, 5.0, 11.0, 11.0)),
            '"bbox": [5,5,5,5]',
            '"bbox": [5, 5, 6, 6]',
        ),
        (
            Change("set_weight", 0, 0, weight=0.25),
            '"by": "\\u00e9"\n',
            '"by": "\\u00e9",\n      "weight": 0.25\n',
        ),
        (
            Change("mark_ignore", 0, 1),
            '"segmentation": [[5,5,10,5,10,10]]\n',
            '"segmentation": [[5,5,10,5,10,10]],\n      "ignore": 1,\n      "iscrowd": 1,\n'
            '      "crowd": 0\n',
        ),
    ],
)
def test_coco_text_changes_where_it_must(tmp_path, change, old, new):
    ds = coco(tmp_path, PRETTY)
    assert PRETTY.count(old) == 1
    assert after_of(ds, change) == {"labels.json": PRETTY.replace(old, new).encode()}


def test_coco_boxes_that_are_dropped_leave_no_comma(tmp_path):
    ds = coco(tmp_path, PRETTY)
    first, second = (Change("drop_box", 0, row) for row in (0, 1))
    for changes, left in (((first,), [9]), ((second,), [5]), ((first, second), [])):
        text = after_of(ds, *changes)["labels.json"]
        assert [r["id"] for r in json.loads(text)["annotations"]] == left


@pytest.mark.parametrize("dropped", [(), (0,), (1,), (0, 1)])
def test_coco_boxes_are_added_in_the_ids_own_type_and_after_the_last(tmp_path, dropped):
    ds = coco(tmp_path, PRETTY)
    changes = [Change("drop_box", 0, row) for row in dropped]
    changes += [Change("add_box", 0, None, 1, (0.0, 0.0, 3.0, 4.5)) for _ in range(2)]
    rows = json.loads(after_of(ds, *changes)["labels.json"])["annotations"]
    assert [r["id"] for r in rows][-2:] == [10, 11]
    assert rows[-1] == {
        "id": 11,
        "image_id": "a7",
        "category_id": 4,
        "bbox": [0, 0, 3, 4.5],
        "area": 13.5,
        "iscrowd": 0,
    }


def test_coco_keeps_the_mark_and_the_encoding(tmp_path):
    text = PRETTY.replace('"cat"', '"Kätzchen"')
    for encoding in ("utf-8-sig", "utf-16"):
        (tmp_path / "labels.json").write_bytes(text.encode(encoding))
        ds = fl.read(tmp_path)
        data = after_of(ds, Change("relabel", 0, 0, category_id=1))["labels.json"]
        want = text.replace('"category_id": 3', '"category_id": 4').encode(encoding)
        assert data == want


def test_coco_images_go_with_all_that_names_them(tmp_path):
    text = PRETTY.replace(
        '[ {"id": "a7"', '[ {"id": "b", "file_name": "b.jpg"}, {"id": "a7"'
    ).replace('"image_id": "a7", "category_id": 4', '"image_id": "b", "category_id": 4')
    ds = coco(tmp_path, text)
    (edit,) = edits(ds, [Change("drop_image", 1)])
    value, cut = json.loads(edit.after), json.loads(edit.cut)
    assert [i["id"] for i in value["images"]] == ["b"]
    assert [a["id"] for a in value["annotations"]] == [9]
    assert [i["id"] for i in cut["images"]] == ["a7"]
    assert [a["id"] for a in cut["annotations"]] == [5]


VOC = """\
<?xml version="1.0" encoding="{encoding}"?>
<annotation>\r
\t<filename>a.jpg</filename>\r
\t<size><width>100</width><height>80</height><depth>3</depth></size>\r
\t<!-- by hand -->\r
\t<object a="x>y">\r
\t\t<name> cat </name><pose>é</pose>\r
\t\t<bndbox><ymax>40</ymax><xmax>50</xmax><xmin>0</xmin><ymin>3</ymin></bndbox>\r
\t</object>\r
\t<object><name>no box</name></object>\r
\t<object><name>dog</name><difficult>0</difficult><bndbox><xmin>5</xmin><ymin>6</ymin>\
<xmax>7.5</xmax><ymax>8</ymax></bndbox></object>\r
</annotation>\r
"""


def voc(tmp_path: Path, encoding: str = "utf-8") -> tuple[fl.Dataset, str]:
    text = VOC.replace("{encoding}", encoding)
    (tmp_path / "a.xml").write_bytes(text.encode(encoding))
    return fl.read(tmp_path, "voc"), text


@pytest.mark.parametrize("encoding", ["utf-8", "iso-8859-1", "utf-16"])
@pytest.mark.parametrize(
    ("change", "old", "new"),
    [
        (Change("relabel", 0, 0, category_id=1), "<name> cat </name>", "<name> dog </name>"),
        (
            Change("replace_box", 0, 0, box=(1.25, 3.0, 51.0, 40.0)),
            "<xmax>50</xmax><xmin>0</xmin>",
            "<xmax>51</xmax><xmin>1.25</xmin>",
        ),
        (
            Change("set_weight", 0, 1, weight=0.1),
            "</bndbox></object>\r\n</annotation>",
            "</bndbox><weight>0.1</weight></object>\r\n</annotation>",
        ),
        (
            Change("mark_ignore", 0, 1),
            "<difficult>0</difficult>",
            '<difficult by="ignore">1</difficult>',
        ),
    ],
)
def test_voc_text_changes_where_it_must(tmp_path, encoding, change, old, new):
    ds, text = voc(tmp_path, encoding)
    assert text.count(old) == 1
    want = text.replace(old, new)
    if change.action == "mark_ignore":
        want = want.replace(
            "</bndbox></object>\r\n</", "</bndbox><ignore>1</ignore></object>\r\n</"
        )
    assert after_of(ds, change) == {"a.xml": want.encode(encoding)}


def test_voc_objects_go_with_their_line_and_come_in_the_style_of_the_others(tmp_path):
    ds, text = voc(tmp_path)
    data = after_of(ds, Change("drop_box", 0, 0))["a.xml"]
    start, end = text.index("\r\n\t<object a="), text.index("\r\n\t<object><name>no box")
    assert data == (text[:start] + text[end:]).encode()
    data = after_of(ds, Change("add_box", 0, None, 0, (0.0, 1.0, 2.5, 3.0)))["a.xml"]
    root = ElementTree.fromstring(data)
    last = root.findall("object")[-1]
    corners = {c.tag: c.text for c in last.find("bndbox")}
    assert (last.findtext("name"), corners) == (
        "cat",
        {"xmin": "0", "ymin": "1", "xmax": "2.5", "ymax": "3"},
    )
    assert data.startswith(text[: text.index("\r\n</annotation>")].encode())


def test_voc_counts_from_one_where_the_set_does(tmp_path):
    text = VOC.replace("{encoding}", "utf-8").replace("<xmin>0</xmin>", "<xmin>1</xmin>")
    (tmp_path / "a.xml").write_text(text, newline="")
    ds = fl.read(tmp_path, "voc")
    assert ds.meta["inclusive"]
    data = after_of(ds, Change("replace_box", 0, 0, box=(0.1, 0.0, 9.0, 8.0)))["a.xml"]
    assert b"<ymax>8</ymax><xmax>9</xmax><xmin>1.1</xmin><ymin>1</ymin>" in data


YAML = "path: .\ntrain: images\nnames: [cat, dog]\n"


def yolo(tmp_path: Path, rows: str, sidecar: str | None = None) -> fl.Dataset:
    import cv2
    import numpy as np

    for folder in ("images", "labels"):
        (tmp_path / folder).mkdir(exist_ok=True)
    cv2.imwrite(str(tmp_path / "images" / "a.png"), np.zeros((80, 100, 3), np.uint8))
    (tmp_path / "labels" / "a.txt").write_bytes(rows.encode())
    (tmp_path / "data.yaml").write_text(YAML)
    if sidecar is not None:
        (tmp_path / "fastlabel-sidecar.jsonl").write_text(sidecar)
    return fl.read(tmp_path)


ROWS = "0  0.5 0.5\t0.25 0.500\r\n\r\n1 0.1 0.1 0.1 0.1 0.9\r\n0 .2 .2 .1 .1"


@pytest.mark.parametrize(
    ("change", "old", "new"),
    [
        (Change("relabel", 0, 0, category_id=1), "0  0.5", "1  0.5"),
        (
            Change("replace_box", 0, 1, box=(10.0, 8.0, 20.0, 16.0)),
            "1 0.1 0.1 0.1 0.1 0.9",
            "1 0.15 0.15 0.1 0.1 0.9",
        ),
        (Change("drop_box", 0, 1), "1 0.1 0.1 0.1 0.1 0.9\r\n", ""),
        (Change("drop_box", 0, 2), "0 .2 .2 .1 .1", ""),
        (
            Change("add_box", 0, None, 1, (10.0, 8.0, 20.0, 16.0)),
            "0 .2 .2 .1 .1",
            "0 .2 .2 .1 .1\r\n1 0.15 0.15 0.1 0.1\r\n",
        ),
    ],
)
def test_yolo_text_changes_where_it_must(tmp_path, change, old, new):
    ds = yolo(tmp_path, ROWS)
    assert ROWS.count(old) == 1
    assert after_of(ds, change) == {"labels/a.txt": ROWS.replace(old, new).encode()}


def test_yolo_keeps_what_a_row_cannot_say_in_the_sidecar(tmp_path):
    ds = yolo(tmp_path, ROWS)
    found = after_of(
        ds,
        Change("mark_ignore", 0, 0),
        Change("set_weight", 0, 2, weight=0.5),
        Change("relabel", 0, 2, category_id=1),
    )
    assert found["labels/a.txt"] == b"\r\n1 0.1 0.1 0.1 0.1 0.9\r\n1 .2 .2 .1 .1"
    lines = [json.loads(line) for line in found["fastlabel-sidecar.jsonl"].splitlines()]
    assert lines == [
        {
            "image": "images/a.png",
            "row": None,
            "class": 0,
            "box": [37.5, 20.0, 62.5, 60.0],
            "ignore": True,
        },
        {"image": "images/a.png", "row": 3, "text": "1 .2 .2 .1 .1", "weight": 0.5},
    ]


def test_yolo_sidecar_lines_follow_their_rows(tmp_path):
    def line(row: int, text: str, **values: object) -> str:
        return json.dumps({"image": "images/a.png", "row": row, "text": text, **values}) + "\n"

    third = line(3, "1 0.1 0.1 0.1 0.1 0.9", truncation=0.5)
    side = line(1, "0 0.5 0.5\t0.25 0.500", occlusion=1) + third
    other = '{"image": "images/a.png",  "row": 4, "text": "0 .2 .2 .1 .1", "weight": 0.5}\n'
    region = json.dumps({"image": "images/a.png", "row": None, "class": 1, "box": [1, 2, 3, 4]})
    ds = yolo(tmp_path, ROWS, side + other + region + "\n")
    assert ds.annotations["occlusion"].to_pylist() == [1, None, None, None]
    found = after_of(ds, Change("drop_box", 0, 1), Change("relabel", 0, 3, category_id=0))
    lines = found["fastlabel-sidecar.jsonl"].decode().splitlines(keepends=True)
    assert lines[0] == line(1, "0 0.5 0.5\t0.25 0.500", occlusion=1)
    assert [json.loads(text) for text in lines[1:]] == [
        {"image": "images/a.png", "row": 3, "text": "0 .2 .2 .1 .1", "weight": 0.5},
        {"image": "images/a.png", "row": None, "class": 0, "box": [1, 2, 3, 4]},
    ]


@pytest.mark.parametrize(
    ("rows", "change", "why"),
    [
        (
            "0 .1 .1 .2 .1 .2 .2 .1 .3\n0 .1 .1 .2 .1 .2 .2\n",
            Change("replace_box", 0, 0, box=(1.0, 1.0, 5.0, 5.0)),
            "polygon",
        ),
        ("0 .1 .1 .2 .1 .2 .2\n", Change("add_box", 0, None, 0, (1.0, 1.0, 5.0, 5.0)), "polygons"),
    ],
)
def test_yolo_refuses_what_a_file_cannot_hold(tmp_path, rows, change, why):
    ds = yolo(tmp_path, rows)
    with pytest.raises(fl.DatasetError, match=why):
        after_of(ds, change)


def test_yolo_refuses_to_change_the_boxes_of_another_picture(tmp_path):
    yolo(tmp_path, ROWS)
    (tmp_path / "images" / "a.jpg").write_bytes((tmp_path / "images" / "a.png").read_bytes())
    ds = fl.read(tmp_path)
    with pytest.raises(fl.DatasetError, match="several images"):
        after_of(ds, Change("drop_box", 0, 0))


def test_yolo_lists_of_splits_lose_the_lines_of_pictures_that_go(tmp_path):
    yolo(tmp_path, ROWS)
    (tmp_path / "images" / "b.png").write_bytes((tmp_path / "images" / "a.png").read_bytes())
    (tmp_path / "train.txt").write_bytes(b"./images/a.png\r\n./images/b.png\n\n")
    (tmp_path / "data.yaml").write_text(YAML.replace("images", "train.txt"))
    ds = fl.read(tmp_path)
    found = {e.path: e for e in edits(ds, [Change("drop_image", 0)])}
    assert found["train.txt"].after == b"./images/b.png\n\n"
    assert found["train.txt"].cut == b"./images/a.png\r\n"
    assert found["labels/a.txt"].after is None
    assert len(found) == 2


def test_voc_lists_lose_the_names_of_pictures_that_go(sample, tmp_path):
    data = sample("voc")
    ds = fl.read(data)
    image = ds.images["split"].to_pylist().index("train")
    name = Path(ds.images["path"][image].as_py()).stem
    lists = data / "ImageSets" / "Main"
    (lists / "cat_train.txt").write_text(f"{name} -1\nother  1\n")
    found = {e.path: e for e in edits(ds, [Change("drop_image", image)])}
    assert found["ImageSets/Main/cat_train.txt"].after == b"other  1\n"
    old = (lists / "train.txt").read_bytes().split(b"\n")
    now = found["ImageSets/Main/train.txt"].after.split(b"\n")
    assert [line for line in old if line.strip() != name.encode()] == now


def test_coco_files_that_are_not_read_lose_the_pictures_too(tmp_path):
    """Key points and captions of the same pictures would be read once they hold more of them."""
    folder = tmp_path / "data" / "annotations"
    folder.mkdir(parents=True)
    images = '"images": [ {"id": 1, "file_name": "b.jpg", "width": 9, "height": 9}, '
    text = PRETTY.replace('"images": [ ', images)
    text = text.replace('"image_id": "a7", "category_id": 4', '"image_id": 1, "category_id": 4')
    for name in ("instances", "person_keypoints"):
        (folder / f"{name}_train.json").write_text(text)
    captions = {
        "images": [{"id": "a7", "file_name": "a.jpg"}, {"id": 1, "file_name": "b.jpg"}],
        "annotations": [{"id": at, "image_id": at, "caption": "x"} for at in (1, "a7")],
    }
    (folder / "captions_train.json").write_text(json.dumps(captions))
    ds = fl.read(tmp_path / "data")
    assert ds.meta["label_files"] == ["annotations/instances_train.json"]
    image = ds.images["file_name"].to_pylist().index("a.jpg")
    plan = Plan.from_actions(ds, [{"action": "exclude_image", "image_id": image}])
    fl.apply(plan, tmp_path / "new", unsafe=True)
    for path in (tmp_path / "new" / "annotations").iterdir():
        value = json.loads(path.read_text())
        assert [i["file_name"] for i in value["images"]] == ["b.jpg"], path.name
        assert [a["image_id"] for a in value["annotations"]] == [1]
    assert fl.read(tmp_path / "new").images["file_name"].to_pylist() == ["b.jpg"]


def test_coco_classes_that_a_file_does_not_declare_are_refused(tmp_path):
    for split, name in (("train", "a.jpg"), ("val", "b.jpg")):
        text = PRETTY.replace("a.jpg", name)
        if split == "val":
            text = text.replace('{"id": 4, "name": "dog"}', '{"id": 4, "name": "fox"}')
        (tmp_path / f"instances_{split}.json").write_text(text)
    ds = fl.read(tmp_path)
    fox = ds.categories["name"].to_pylist().index("fox")
    rows = ds.annotations["origin"].combine_chunks().field("file").to_pylist()
    row = rows.index("instances_train.json")
    image = int(ds.column("annotations", "image_id")[row])
    with pytest.raises(fl.DatasetError, match=r"instances_train.json' declares no class 'fox'"):
        after_of(ds, Change("relabel", image, row, category_id=fox))


def test_voc_lists_of_another_set_below_the_folder_keep_their_names(tmp_path):
    for part in ("one", "two"):
        lists = tmp_path / part / "ImageSets" / "Main"
        lists.mkdir(parents=True)
        (lists / "train.txt").write_text("a\nb\n")
        for name in "ab":
            text = VOC.replace("{encoding}", "utf-8").replace("a.jpg", f"{name}.jpg")
            path = tmp_path / part / "Annotations" / f"{name}.xml"
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8", newline="")
    ds = fl.read(tmp_path)
    image = ds.images["path"].to_pylist().index("two/JPEGImages/a.jpg")
    found = {e.path: e.after for e in edits(ds, [Change("drop_image", image)])}
    assert found == {"two/Annotations/a.xml": None, "two/ImageSets/Main/train.txt": b"b\n"}


@pytest.mark.parametrize("action", ["relabel", "drop_box", "replace_box", "mark_ignore"])
def test_a_picture_of_two_splits_has_one_label_file(action, tmp_path):
    data = tmp_path / "data"
    lists = data / "ImageSets" / "Main"
    lists.mkdir(parents=True)
    for split in ("train", "test"):
        (lists / f"{split}.txt").write_text("a\n")
    (data / "Annotations").mkdir()
    (data / "Annotations" / "a.xml").write_text(
        VOC.replace("{encoding}", "utf-8"), encoding="utf-8", newline=""
    )
    ds = fl.read(data)
    assert ds.annotations.num_rows == 4
    row = {"action": action, "category_id": 1, "box": [1, 2, 9, 9]}
    for several in ([0], [0, 2]):  # one split's row, or both rows of the one object
        plan = Plan.from_actions(ds, [{**row, "annotation_id": at} for at in several])
        new = tmp_path / f"new{len(several)}"
        fl.apply(plan, new, unsafe=True)
        left = fl.read(new, voc_base=0)
        assert left.annotations.num_rows == (2 if action == "drop_box" else 4)
    images = [{"action": "exclude_image", "image_id": 0}]
    fl.apply(Plan.from_actions(ds, images), tmp_path / "last", unsafe=True)
    assert fl.read(tmp_path / "last").images["split"].to_pylist() == ["train"]


def test_voc_boxes_that_leave_no_zero_are_told(tmp_path):
    """Of a set that counts from 0 the last coordinate that says so may go."""
    data = tmp_path / "data"
    data.mkdir()
    ds, _ = voc(data)
    done = fl.apply(
        Plan.from_actions(ds, [{"action": "drop_box", "annotation_id": 0}]),
        tmp_path / "new",
        unsafe=True,
    )
    assert done.notes == (
        "the boxes count pixels from 0, which the numbers that are left do not show: read the "
        "tree with voc_base=0",
    )
    done = fl.apply(
        Plan.from_actions(ds, [{"action": "drop_box", "annotation_id": 1}]),
        tmp_path / "other",
        unsafe=True,
    )
    assert done.notes == ()
