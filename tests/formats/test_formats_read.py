from __future__ import annotations

import hashlib
import json
import os
import random
from pathlib import Path

import pytest
from format_sets import coco, problems, voc
from hypothesis import given, settings
from hypothesis import strategies as st

from fastlabel import schema
from fastlabel.dataset import DatasetError
from fastlabel.formats import FORMATS, detect, read
from fastlabel.formats._json_stream import Scanner
from fastlabel.formats._text import LabelFileError

# --- what cannot be read at all ---------------------------------------------------------


def one_line(path, *arguments):
    with pytest.raises(DatasetError) as caught:
        read(path, *arguments)
    text = str(caught.value)
    assert "\n" not in text
    return text


def test_missing_folder(tmp_path):
    assert "no such file or folder" in one_line(tmp_path / "nowhere")


def test_empty_folder(tmp_path):
    assert "empty" in one_line(tmp_path)
    assert "empty" in one_line(tmp_path, "coco")


def test_nothing_recognised(write):
    text = one_line(write({"notes.md": "x", "table.csv": "1,2"}))
    assert "2 files" in text


def test_unknown_format_names_the_known_ones(write):
    text = one_line(write({"a.png": (9, 9)}), "pascal")
    assert "'pascal'" in text
    assert all(name in text for name in FORMATS)


@pytest.mark.parametrize("name", FORMATS[:3])
def test_format_asked_for_that_is_not_there(write, name):
    root = write({"notes.md": "x"})
    one_line(root, name)


def test_file_of_another_kind(write):
    root = write({"a.csv": "1,2", "a.png": (9, 9), "x.json": coco([(1, "a.png")], [])})
    assert ".csv" in one_line(root / "a.csv")
    assert "cannot be read as voc" in one_line(root / "x.json", "voc")


def test_name_that_cannot_be_a_path(tmp_path):
    one_line(tmp_path / ("x" * 5000))
    one_line(str(tmp_path) + "/a\0b")


def test_fifo_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.json")
    one_line(tmp_path / "pipe.json")
    assert "empty" in one_line(tmp_path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_folder_that_may_not_be_listed(write):
    root = write({"closed/a.png": (9, 9), "b.png": (9, 9)})
    (root / "closed").chmod(0)
    try:
        dataset = read(root)
    finally:
        (root / "closed").chmod(0o755)
    assert len(dataset) == 1
    assert problems(dataset, "malformed-file")[0]["file"] == "closed"


# --- images alone -----------------------------------------------------------------------


def test_folder_of_images(write):
    root = write(
        {
            "train/a.PNG": (9, 9),
            "b/ñ.png": (9, 9),
            ".git/c.png": (9, 9),
            "__MACOSX/d.png": (9, 9),
            "._e.png": b"",
            "notes.json": {"a": 1},
        }
    )
    dataset = read(root)
    assert dataset.format == "images"
    assert [(i["path"], i["split"], i["label_state"]) for i in dataset.images.to_pylist()] == [
        ("b/ñ.png", None, "unlabelled"),
        ("train/a.PNG", "train", "unlabelled"),
    ]
    assert dataset.meta["ignored_files"][0]["file"] == "notes.json"


def test_one_image(write):
    root = write({"a.png": (9, 9), "b.png": (9, 9)})
    assert read(root / "a.png").images["path"].to_pylist() == ["a.png"]


def test_links_to_images(write):
    root = write({"a.png": (9, 9)})
    (root.parent / "outside.png").write_bytes(b"x")
    (root / "out.png").symlink_to(root.parent / "outside.png")
    (root / "in.png").symlink_to(root / "a.png")
    (root / "loop").symlink_to(root)
    (root / "dead.png").symlink_to(root / "gone.png")
    dataset = read(root)
    assert dataset.images["path"].to_pylist() == ["a.png", "in.png", None]
    assert [p["image_id"] for p in problems(dataset, "path-escape")] == [2]


# --- detection --------------------------------------------------------------------------


def test_detection_and_what_else_is_there(write):
    files = {"a.png": (9, 9), "x.json": coco([(1, "a.png")], [(1, 1, [0, 0, 1, 1])])}
    assert detect(write(files)) == "coco"
    root = write({"a.xml": voc("a.png", "cat 1 1 2 2")})
    assert detect(root) == "voc"
    assert read(root).meta["also_found"] == ["coco"]
    assert read(root, "coco").format == "coco"
    root = write({"data.yaml": "train: .\nnames: [a]\n", "a.txt": "0 .5 .5 1 1"})
    assert detect(root) == "yolo"
    assert read(root, "images").annotations.num_rows == 0


# --- promises of every reader -----------------------------------------------------------

SETS = {
    "coco": {
        "a.png": (9, 9),
        "x.json": coco(
            [(1, "a.png"), (2, "../b.png")], [(1, 1, [0, 0, 1, 1]), (5, 1, [0, 0, 1, 1])]
        ),
    },
    "voc": {"a.png": (9, 9), "a.xml": voc("a.png", "cat 1 1 2 2"), "b.xml": "<annotation>"},
    "yolo": {"a.png": (9, 9), "a.txt": "0 .5 .5 1 1\nx\n", "data.yaml": "train: .\nnames: [a]"},
    "images": {"a.png": (9, 9)},
}


def tree_hash(root: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted(root.rglob("*")):
        status = path.lstat()
        digest.update(f"{path} {status.st_mode} {status.st_mtime_ns}".encode())
        digest.update(path.read_bytes() if path.is_file() else b"")
    return digest.hexdigest()


@pytest.mark.parametrize("name", SETS)
def test_the_set_is_not_touched_and_the_tables_hold_their_schema(write, name):
    root = write(SETS[name])
    before = tree_hash(root)
    dataset = read(root)
    assert tree_hash(root) == before
    assert dataset.format == name
    assert dataset.root == root
    assert dataset.images.schema.equals(schema.IMAGES)
    assert dataset.annotations.schema.equals(schema.ANNOTATIONS)
    assert dataset.problems.schema.equals(schema.PROBLEMS)
    assert set(dataset.problems["kind"].to_pylist()) <= set(schema.PROBLEM_KINDS)
    assert set(dataset.images["label_state"].to_pylist()) <= set(schema.LABEL_STATES)
    json.dumps(dataset.meta)
    for table, key in (("images", "image_id"), ("annotations", "annotation_id")):
        ids = dataset.column(table, key)
        assert ids.tolist() == list(range(len(ids)))
    again = read(root)
    assert again.images.equals(dataset.images)
    assert again.annotations.equals(dataset.annotations)
    assert again.problems.equals(dataset.problems)


# --- the JSON reader against the standard library's --------------------------------------

scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
values = st.recursive(
    scalars, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=8
)


@given(st.dictionaries(st.text(), values), st.sampled_from([None, 1]), st.booleans())
@settings(max_examples=100, deadline=None)
def test_records_equal_the_standard_library(record, indent, ascii_only):
    text = " \n" + json.dumps(record, indent=indent, ensure_ascii=ascii_only) + "\t"
    scanner = Scanner(text)
    members = scanner.record(scanner.space(0))
    assert {key: value for key, value, _, _ in members} == record
    assert scanner.space(scanner.end) == len(text)
    for _, value, start, end in members:
        assert json.loads(text[start:end]) == value


@given(st.dictionaries(st.text(), values, min_size=1), st.data())
@settings(max_examples=100, deadline=None)
def test_a_cut_record_is_an_error_with_a_place(record, data):
    text = json.dumps(record)
    cut = text[: data.draw(st.integers(1, len(text) - 1))]
    with pytest.raises(LabelFileError) as caught:
        Scanner(cut).record(0)
    assert caught.value.line == 1


# --- damaged files ----------------------------------------------------------------------

PIECES = [
    b"<",
    b">",
    b"{",
    b"}",
    b"[",
    b"]",
    b'"',
    b",",
    b"\n",
    b"\0",
    b"\xff",
    b"NaN",
    b"-",
    b"1e999",
    b"..",
    b"/",
    b"\\",
    b"null",
    b"true",
    b"&",
    b":",
    b"'",
    b"\xf0\x9f",
]


def damage(data: bytes, rng: random.Random) -> bytes:
    for _ in range(rng.randint(1, 4)):
        at, length = rng.randrange(len(data) + 1), rng.choice([0, 0, 1, 3, 40])
        data = data[:at] + rng.choice([*PIECES, b""]) + data[at + length :]
    return data


@pytest.mark.parametrize("name", ["coco", "voc", "yolo"])
def test_damaged_labels_never_end_in_a_traceback(write, name):
    root = write(SETS[name])
    labels = [path for path in root.iterdir() if path.suffix != ".png"]
    originals = {path: path.read_bytes() for path in labels}
    rng = random.Random(name)
    read_count = 0
    for _ in range(400):
        for path, data in originals.items():
            path.write_bytes(damage(data, rng))
        try:
            dataset = read(root, name)
        except DatasetError as error:
            assert "\n" not in str(error)
            continue
        read_count += 1
        assert all("\n" not in text for text in dataset.problems["message"].to_pylist())
    assert read_count > 20
