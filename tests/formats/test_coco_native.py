"""The native COCO reader says what the plain one says, of sound files and of damaged ones."""

from __future__ import annotations

import json
import os
import random
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pytest
from coco_mutations import differences, document, mutate, outcome
from format_sets import coco, problems

import fastlabel as fl
from fastlabel import _core
from fastlabel.dataset import DatasetError
from fastlabel.formats import _coco_keys, _coco_table

BOX = '{"id": 1, "image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 4]'


@pytest.fixture
def pieces(monkeypatch):
    """Reads in windows and pieces of any size; returns how often each outcome came."""
    counts: dict[int, int] = {}
    options: dict[str, int] = {}

    def make(path, workers):
        columns = _core.CocoColumns(path, workers, **options)
        counts[columns.outcome] = counts.get(columns.outcome, 0) + 1
        return columns

    monkeypatch.setattr(_coco_table, "_core", SimpleNamespace(CocoColumns=make))
    return SimpleNamespace(options=options, counts=counts)


def agree(path, **options):
    native, plain = outcome(path, "native", **options), outcome(path, "plain")
    assert differences(native, plain) == []
    return native


def run_mutations(folder, pieces, seeds):
    path = folder / "x.json"
    for seed in seeds:
        draw = random.Random(seed)
        data = mutate(document(draw), draw)
        path.write_bytes(data)
        pieces.options.clear()
        if draw.random() < 0.7:
            pieces.options["window"] = draw.choice([64, draw.randint(64, 3000)])
            pieces.options["most_text"] = draw.choice([1, 40, 1000])
        native, plain = outcome(path, "native", workers=draw.randint(1, 3)), outcome(path, "plain")
        assert differences(native, plain) == [], f"seed {seed}: {data!r}"
    # Most are read natively, or nothing was compared.
    assert pieces.counts[0] > len(seeds) // 3


def test_mutated_files(tmp_path, pieces):
    run_mutations(tmp_path, pieces, range(300))


@pytest.mark.slow
def test_ten_thousand_mutated_files(tmp_path, pieces):
    run_mutations(tmp_path, pieces, range(1_000, 11_000))


def test_every_fixture(shared_data):
    """Every JSON of the shared data, whatever it is."""
    seen = 0
    for path in sorted(shared_data.rglob("*.json")):
        agree(path)
        seen += 1
    assert seen > 50


def test_every_folder_of_fixtures(shared_data):
    for folder in ("sahi-small/coco_utils", "formats/datumaro", "trees", "predictions"):
        agree(shared_data / folder)


def test_cut_at_any_byte(tmp_path, pieces):
    text = document(random.Random(3)).encode()
    path = tmp_path / "x.json"
    for size in range(0, len(text), 1 + len(text) // 250):
        path.write_bytes(text[:size])
        pieces.options["window"] = 64 + size % 100
        agree(path)


@pytest.mark.parametrize("window", [64, 65, 100, 127, 128, 1000, 1 << 20])
@pytest.mark.parametrize("workers", [1, 2, 5])
def test_windows_and_workers_change_nothing(write, pieces, window, workers):
    boxes = [
        {"id": k, "image_id": k % 7, "category_id": 1 + k % 2, "bbox": [k, 1.5, 2, 3]}
        | ({"segmentation": [[k * 1.1, 2.0, 3, 4, 5, 6]]} if k % 3 else {"note": 'a"b\\' * k})
        | ({"bbox": "none"} if k % 50 == 7 else {})
        for k in range(300)
    ]
    root = write({"x.json": coco([(k, f"{k}.png") for k in range(7)], boxes)})
    pieces.options.update(window=window, most_text=100)
    dataset = agree(root, workers=workers)
    assert dataset.annotations.num_rows == 294
    assert pieces.counts == {0: 1}


@pytest.mark.parametrize(
    "members",
    [
        '"segmentation": null',
        '"segmentation": [ [1.50, 2 ,\n3], [] ]',
        '"segmentation": {"counts": "a b", "size": [1, 2]}',
        '"segmentation": [[1, "2 3"]]',
        '"iscrowd": true, "ignore": 0.0',
        '"crowd": 0, "ignore": 1',
        '"crowd": false, "ignore": "yes"',
        '"xyxy": [1, 2, 4, 6]',
        '"xyxy": [1, 2, 4.0000000000000001, 6]',
        '"xyxy": [1, 2, 40, 6]',
        '"obb": [1, 2, 3, 4, 5, 6, 7, 8]',
        '"area": 1e400',
        '"area": 123456789012345678901',
        '"score": 0.1, "weight": 3e38',
        '"note": "h\\u00e9", "other": {"a" : [ 1 ]}',
        '"note": 1, "note": 2',
        '"n\\u006fte": 1',
        '"bbox": [4, 3, 2, 1]',
        '"attributes": {"occluded": true, "truncation": 0.25}',
        '"attributes": {"occluded": 1, "occlusion": 2}',
        '"occluded": 300, "truncated": -1.5, "difficult": 0',
        '"id": 1.0, "image_id": 1.0',
        '"note": NaN',
    ],
)
def test_members_of_a_box(write, pieces, members):
    text = f'{{"images": [{{"id": 1, "file_name": "a.png"}}], "annotations": [{BOX}, {members}}}]}}'
    dataset = agree(write({"x.json": text}))
    assert dataset.annotations.num_rows == 1
    assert pieces.counts == {0: 1}


@pytest.mark.parametrize(
    "key",
    [
        "1",
        '"1"',
        '"é"',
        "1.0",
        "1.5",
        "true",
        "NaN",
        "1e400",
        "12345678901234567890",
        "null",
        "[]",
        '"\\ud800"',
    ],
)
def test_ids_of_any_type(write, pieces, key):
    text = (
        f'{{"annotations": [{{"id": {key}, "image_id": {key}, "category_id": {key}, '
        f'"bbox": [1, 2, 3, 4]}}, {{"id": {key}, "image_id": 1, "category_id": "1", '
        f'"bbox": [1, 2, 3, 4]}}, {BOX}}}], '
        f'"images": [{{"id": {key}, "file_name": "a.png"}}, {{"id": 1, "file_name": "b.png"}}, '
        f'{{"id": {key}, "file_name": "c.png"}}], '
        f'"categories": [{{"id": {key}, "name": "x"}}, {{"id": 1, "name": "y"}}]}}'
    )
    agree(write({"x.json": text}))
    assert pieces.counts == {0: 1}


@pytest.mark.parametrize(
    "value",
    [
        "1.50",
        "1e5",
        "1e16",
        "1e-5",
        "0.0001",
        "-0.0",
        "123456789.125",
        "5e-324",
        "1e22",
        "[1.0, {}]",
        '{"b": "\\u00e9\\n\\/", "a": [null, true]}',
        '{"a": 1, "a": 2}',
        '"\\u0001\\u007f"',
        "-0",
    ],
)
def test_unknown_members_of_an_image(write, pieces, value):
    image = f'{{"id": 1, "file_name": "a.png", "more": {value}, "x": 1}}'
    text = f'{{"images": [{image}], "annotations": []}}'
    dataset = agree(write({"x.json": text}))
    assert json.loads(dataset.images["attributes"][0].as_py())["more"] == json.loads(value)
    assert pieces.counts == {0: 1}


def test_several_files_of_one_set(write):
    root = write(
        {
            "cats.json": coco(
                [(1, "a.png"), (2, "x/b.png")], [(1, 1, [0, 0, 1, 1])], [{"id": 1, "name": "cat"}]
            ),
            "cars.json": coco(
                [(5, "a.png")],
                [(5, 1, [0, 0, 2, 2]), (6, 1, [0, 0, 2, 2])],
                [{"id": 1, "name": "car"}],
            ),
            "val.json": coco([(5, "v.png"), (6, "../v.png")], [(5, 1, [0, 0, 2, 2])]),
            "a.png": (10, 10),
            "deep/er/v.png": (10, 10),
            "deep/other.png": (10, 10),
        }
    )
    dataset = agree(root)
    assert len(dataset) == 4
    assert problems(dataset, "orphan-annotation")
    assert problems(dataset, "path-escape")


def test_where_absent_images_belong_follows_those_that_were_found(write):
    names = ["a.png", "gone1.png", "p/b.png", "gone2.png", "c.png", "gone3.png"]
    root = write(
        {
            "x.json": coco([(k, name) for k, name in enumerate(names)], []),
            "one/a.png": (9, 9),
            "two/p/b.png": (9, 9),
            "c.png": (9, 9),
        }
    )
    assert agree(root).images["path"].to_pylist() == [
        *("one/a.png", "one/gone1.png", "two/p/b.png", "two/gone2.png", "c.png", "two/gone3.png"),
    ]


def test_names_that_are_no_unicode(write):
    root = write(
        {"x.json": '{"images": [{"id": 1, "file_name": "a\\udcff.png"}], "annotations": []}'}
    )
    (root / os.fsdecode(b"a\xff.png")).write_bytes(b"")
    dataset = agree(root)
    assert dataset.images["path"].to_pylist() == ["a\\udcff.png"]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        (r"a\ud83d\ude00b\u00e9c.png", "a\U0001f600b\u00e9c.png"),
        (r"\udbff\udfff\ud800\udc00.png", "\U0010ffff\U00010000.png"),
        (r"\u0041\/\\b\"c.png", 'A/\\b"c.png'),
        (r"x\b\f\n\r\t\u0001y.png", "x\b\f\n\r\t\x01y.png"),
        (r"end\ud83d\ude00", "end\U0001f600"),
        (r"\u20ac\u07ff\u0800\uffff", "\u20ac\u07ff\u0800\uffff"),
    ],
)
def test_escapes_in_names(write, pieces, text, name):
    image = f'{{"id": 1, "file_name": "{text}", "note": "{text}"}}'
    dataset = agree(write({"x.json": f'{{"images": [{image}], "annotations": []}}'}))
    assert dataset.images["file_name"].to_pylist() == [name]
    assert json.loads(dataset.images["attributes"][0].as_py()) == {"note": name}
    assert pieces.counts == {0: 1}


def test_names_listed_twice_and_ids_given_twice(write):
    images = [(1, "a.png"), (1, "b.png"), (2, "a.png"), ("2", "c.png"), ("2", "d.png")]
    boxes = [
        {"id": i, "image_id": j, "category_id": c, "bbox": [0, 0, 1, 1]}
        for i, j, c in [(5, 1, 1), (3, 2, 9), (5, "2", 2), ("5", 1, None), ("5", 8, 1), (3, 2, 1)]
    ]
    dataset = agree(write({"x.json": coco(images, boxes)}))
    assert len(problems(dataset, "duplicate-id")) == 5
    assert len(problems(dataset, "unknown-category")) == 2


IDS = [
    *(lambda draw: draw.randint(-3, 40), lambda draw: draw.choice([2**63 - 1, -(2**63), 0, 7])),
    *(lambda draw: str(draw.randint(0, 9)), lambda draw: draw.choice(["", "é", "\ud800", "7"])),
    *(lambda draw: draw.choice([1.0, 1.5, True, 2**70, float("inf")]), lambda draw: None),
    lambda draw: draw.randint(-(2**63), 2**63 - 1),
]


@pytest.mark.parametrize("rows", [0, 1, 2, 7, 60, 333])
def test_ids_given_twice_are_found_part_by_part(monkeypatch, rows):
    monkeypatch.setattr(_coco_keys, "_PART", 16)
    monkeypatch.setattr(_coco_keys, "BLOCK", 10)
    for seed in range(60):
        draw = random.Random(seed)
        kinds = draw.sample(IDS, draw.randint(1, len(IDS)))
        ids = [draw.choice(kinds)(draw) for _ in range(rows)]
        first: dict[object, int] = {}
        expected = {
            row: first[key]
            for row, key in enumerate(ids)
            if key is not None and first.setdefault(key, row) != row
        }
        found = _coco_keys.repeats(_coco_keys.Keys.of(ids))
        assert found == expected
        assert list(found) == sorted(found)
        table = _coco_keys.IdTable(_coco_keys.Keys.of(ids), np.arange(rows, dtype=np.int64) + 5)
        assert table.repeats == list(expected)
        assert [table.get(key) for key in ids] == [
            None if key is None else first[key] + 5 for key in ids
        ]


def test_ids_in_any_order(write, monkeypatch):
    """As in most real files: neither ids of boxes nor of images rise, and some come twice."""
    monkeypatch.setattr(_coco_keys, "_PART", 64)
    draw = random.Random(1)
    order = draw.sample(range(1000), 200)
    boxes = [
        {"id": draw.randrange(900), "image_id": draw.choice(order), "bbox": [k, 1, 2, 3]}
        for k in range(500)
    ]
    root = write({"x.json": coco([(k, f"{k}.png") for k in order], boxes)})
    assert len(problems(agree(root), "duplicate-id")) == 500 - len({b["id"] for b in boxes})


def test_billion_boxes_declared_in_a_tiny_file(write):
    text = '{"info": {"annotations": 1000000000}, "annotation_count": 1000000000, "images": []}'
    assert agree(write({"x.json": text})).annotations.num_rows == 0


def test_deep_nesting_ends_in_one_line(write):
    for inner in ("[" * 5000 + "]" * 5000, '{"a":' * 3000 + "1" + "}" * 3000):
        text = f'{{"images": [], "annotations": [{BOX}, "note": {inner}}}]}}'
        assert "nested too deeply" in str(agree(write({"x.json": text}) / "x.json"))


def test_one_element_longer_than_many_windows(write, pieces):
    points = ", ".join(f"{k}.25" for k in range(50_000))
    boxes = f'{BOX}, "segmentation": [[{points}]]}}, {BOX}}}'
    text = f'{{"images": [{{"id": 1, "file_name": "a.png"}}], "annotations": [{boxes}]}}'
    pieces.options["window"] = 100
    dataset = agree(write({"x.json": text}))
    assert len(dataset.annotations["segmentation"][0].as_py()) == len(points.replace(" ", "")) + 4


def test_large_broken_file_is_one_finding_with_its_place(write, monkeypatch):
    monkeypatch.setattr(_coco_table, "PLAIN_BYTES", 100)
    text = json.dumps(coco([(1, "a.png")], [(1, 1, [0, 0, 1, 1])] * 50))
    root = write({"x.json": text[:-900] + "?" + text[-900:]})
    with pytest.raises(DatasetError, match=r"near line 1, column \d+ \(byte [\d,]+ of") as caught:
        fl.read(root)
    place = int(str(caught.value).split("(byte ")[1].split(" ")[0].replace(",", ""))
    assert abs(place - (len(text) - 900)) < 100
    (root / "x.json").write_bytes(text[:-900].encode() + b"\xff" + text[-900:].encode())
    with pytest.raises(DatasetError, match="near line 1"):
        fl.read(root)


@pytest.mark.parametrize("place", ["info", "note"])
def test_a_value_too_long_to_be_held_is_said(write, monkeypatch, place):
    monkeypatch.setattr(_coco_table, "PLAIN_BYTES", 100)
    members = {"info": "", "note": ""} | {place: f', "{place}": "{"x" * (66 << 20)}"'}
    text = (
        f'{{"images": [{{"id": 1, "file_name": "a.png"}}]{members["info"]}, '
        f'"annotations": [{BOX}{members["note"]}}}]}}'
    )
    with pytest.raises(DatasetError, match="one value of it has more than 64 MiB, near line 1"):
        fl.read(write({"x.json": text}))


def test_file_written_to_while_it_is_read(tmp_path):
    """Another file in the place of the first is no matter; the same one changed is an error."""
    root = tmp_path / "set"
    root.mkdir()
    path = root / "x.json"
    boxes = [(1, 1, [k % 90, 0, 1, 1]) for k in range(60_000)]
    text = json.dumps(coco([(1, "a.png")], boxes))
    path.write_text(text)
    stop = threading.Event()

    def disturb():
        while not stop.is_set():
            with path.open("r+b") as file:
                file.truncate(len(text) // 2)
                file.seek(0, 2)
                file.write(text[len(text) // 2 :].encode())
            time.sleep(0.001)

    thread = threading.Thread(target=disturb)
    thread.start()
    try:
        for _ in range(10):
            try:
                assert fl.read(path).annotations.num_rows == 60_000
            except DatasetError as error:
                assert "while it was read" in str(error) or "JSON" in str(error)
    finally:
        stop.set()
        thread.join()


def test_columns_are_one_chunk_and_hold_no_more_than_they_say(write):
    dataset = fl.read(write({"x.json": coco([(1, "a.png")], [(1, 1, [0, 0, 1, 1])] * 3)}))
    for table in (dataset.images, dataset.annotations):
        assert all(column.num_chunks == 1 for column in table.columns)
    assert dataset.annotations["x2"].to_numpy().flags["C_CONTIGUOUS"]
    assert np.array_equal(dataset.column("annotations", "image_id"), [0, 0, 0])
    assert dataset.annotations["obb"].null_count == 3
    assert pa.compute.is_null(dataset.annotations["score"]).to_pylist() == [True] * 3


def test_arguments(write):
    root = write({"x.json": coco([(1, "a.png")], [])})
    with pytest.raises(ValueError, match="parser: got 'fast', expected one of auto, native, plain"):
        fl.read(root, parser="fast")
    with pytest.raises(ValueError, match="workers: got 0"):
        fl.read(root, workers=0)
    assert len(fl.read(root, workers=3)) == 1


def test_unreadable_file_is_named(write):
    root = write({"x.json": coco([(1, "a.png")], [])})
    columns = _core.CocoColumns(str(root / "none.json"))
    assert (columns.outcome, os.strerror(columns.error)) == (2, "No such file or directory")
    assert _core.CocoColumns(str(root)).outcome == 1
    with pytest.raises(ValueError):
        columns.take("no such column")
    with pytest.raises(ValueError):
        _core.CocoColumns(str(root / "x.json"), window=1)
    assert Path(root / "x.json").exists()
