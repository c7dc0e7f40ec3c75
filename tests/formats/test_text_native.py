"""The native readers of YOLO and Pascal VOC say what the plain ones say, of every file."""

from __future__ import annotations

import os
import random
from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from format_sets import png
from text_mutations import mutate, voc_file, yolo_file
from text_outcomes import agree

import fastlabel as fl
from fastlabel import _core
from fastlabel.formats import _voc_table, _yolo_table

PNG = png(40, 30)


@pytest.fixture
def native(monkeypatch):
    """Reads in text pieces of any size; counts what became of the files."""
    seen = SimpleNamespace(outcomes=Counter(), most_text=0)

    def wrap(reader):
        def read(*args):
            columns = reader(*args, most_text=seen.most_text)
            taken = columns.take("outcome")
            if taken and taken[0][1] is not None:
                seen.outcomes.update(taken[0][1].tolist())
            return _Again(columns, taken)

        return read

    class _Again:
        def __init__(self, columns, outcomes):
            self.columns, self.outcomes = columns, outcomes

        def take(self, name):
            return self.outcomes if name == "outcome" else self.columns.take(name)

    names = SimpleNamespace(
        read_yolo=wrap(_core.read_yolo),
        read_voc=wrap(_core.read_voc),
        LabelColumns=_core.LabelColumns,
    )
    monkeypatch.setattr(_yolo_table, "_core", names)
    monkeypatch.setattr(_voc_table, "_core", names)
    return seen


FORMATS_OF_FIXTURES = ("yolo", "voc")


def test_every_fixture(shared_data, native):
    """Every folder of the shared data that holds txt, xml or yaml files."""
    folders = {p.parent for p in shared_data.rglob("*") if p.suffix in (".txt", ".xml", ".yaml")}
    folders |= {above for f in folders for above in f.parents if shared_data in above.parents}
    sets = 0
    for folder in sorted(folders):
        for format in FORMATS_OF_FIXTURES:
            sets += not isinstance(agree(folder, format, folder), str)
    assert sets > 50
    assert native.outcomes[0] > 1000


def test_no_box_is_judged_in_python(tmp_path, monkeypatch, native):
    """Of sound files the plain readers see nothing."""
    from fastlabel.formats import _voc_file, _yolo_rows

    def refuse(*_):
        raise AssertionError("read by the plain reader")

    monkeypatch.setattr(_yolo_rows, "parse", refuse)
    monkeypatch.setattr(_voc_table, "parse", refuse)
    monkeypatch.setattr(_voc_file, "parse", refuse)
    draw = random.Random(3)
    write_yolo(tmp_path / "yolo", draw, 0, mutated=False)
    for k in range(70):
        (tmp_path / "yolo" / "images" / f"{k}.png").write_bytes(PNG)
        (tmp_path / "yolo" / "labels" / f"{k}.txt").write_text("1 0.5 0.5 0.25 0.125\n" * (k % 3))
    assert fl.read(tmp_path / "yolo", "yolo").annotations.num_rows == 69
    for k in range(70):
        path = tmp_path / "voc" / f"{k}.xml"
        path.parent.mkdir(exist_ok=True)
        path.write_text(SOUND_VOC)
    assert fl.read(tmp_path / "voc", "voc").annotations.num_rows == 70
    assert native.outcomes == {0: 140}


SOUND_VOC = """<?xml version="1.0"?>
<annotation verified="yes">
  <filename>a &amp; b.png</filename>
  <object><name>café</name><bndbox><xmin>1.1</xmin><ymin>2</ymin><xmax>30</xmax><ymax>20.5</ymax>
  </bndbox></object>
</annotation>
"""


def test_values_by_hand(write, native):
    """Independent of the plain reader: what these rows say."""
    root = write(
        {
            "data.yaml": YAML,
            "images/a.png": (40, 30),
            "images/b.png": (20, 10),
            "labels/a.txt": "2 0.5 0.5 0.5 0.2 \n\n0 0.25\t0.5 0.1 0.4 0.75\n",
            "labels/b.txt": "1 0 0 1 0 1 1 0 0.5 0.25 0.25\n",
        }
    )
    dataset = fl.read(root, parser="native")
    assert dataset.boxes().tolist() == [[10, 12, 30, 18], [8, 9, 12, 21], [0, 0, 20, 10]]
    rows = dataset.annotations.to_pylist()
    assert [row["origin"]["line"] for row in rows] == [1, 3, 1]
    assert [row["origin"]["raw"] for row in rows] == [
        "0.5 0.5 0.5 0.2",
        "0.25\t0.5 0.1 0.4 0.75",
        "0 0 1 0 1 1 0 0.5 0.25 0.25",
    ]
    assert [row["score"] for row in rows] == [None, 0.75, None]
    assert [row["source_category"] for row in rows] == ["2", "0", "1"]
    assert rows[2]["segmentation"] == "0 0 1 0 1 1 0 0.5 0.25 0.25"
    assert native.outcomes == {0: 2}

    voc = write({"voc/Annotations/a.xml": SOUND_VOC}) / "voc"
    dataset = fl.read(voc, "voc", parser="native")
    (row,) = dataset.annotations.to_pylist()
    assert dataset.boxes().tolist() == [[0.1, 1, 30, 20.5]]
    assert (row["source_category"], row["origin"]["raw"]) == ("café", "1.1 2 30 20.5")
    assert dataset.images["file_name"].to_pylist() == ["a & b.png"]


def test_a_bad_file_between_good_ones(write, native):
    """The rows and problems of a file that is left stand where they would have stood."""
    good, unknown = "0 0.5 0.5 0.5 0.5\n", "9 0.5 0.5 0.5 0.5\n"
    files = {f"images/{name}.png": (40, 30) for name in "abcdef"}
    files["data.yaml"] = YAML
    files["labels/a.txt"] = good + unknown
    files["labels/b.txt"] = unknown + "0 x 0.5 0.5 0.5\n" + good
    files["labels/c.txt"] = b"\xff"
    files["labels/d.txt"] = good * 2 + unknown
    files["labels/e.txt"] = "1 0 0 1 0 1 1\n" + good
    files["labels/f.txt"] = ""
    root = write(files)
    dataset = agree(root, "yolo")
    assert native.outcomes == {0: 3, 1: 3}
    kinds = [(p["kind"], p["image_id"], p["annotation_id"]) for p in dataset.problems.to_pylist()]
    assert kinds == [
        ("unknown-category", 0, 1),
        ("malformed-row", 1, None),
        ("unknown-category", 1, 2),
        ("malformed-file", 2, None),
        ("unknown-category", 3, 6),
        ("boxes-and-polygons", 4, None),
    ]
    assert dataset.annotations["image_id"].to_pylist() == [0, 0, 1, 1, 3, 3, 3, 4, 4]


def test_one_voc_file_in_two_splits(write, native):
    """Its rows come once for each split, whichever reader read them."""
    entity = SOUND_VOC.replace("café", "&#65;")
    root = write(
        {
            "Annotations/a.xml": SOUND_VOC,
            "Annotations/b.xml": entity,
            "ImageSets/Main/train.txt": "a\nb\n",
            "ImageSets/Main/val.txt": "b\na\n",
        }
    )
    dataset = agree(root, "voc")
    assert dataset.annotations["source_category"].to_pylist() == ["café", "café", "A", "A"]
    assert native.outcomes == {0: 1, 1: 1}


@pytest.mark.parametrize(
    "text",
    [
        '<!DOCTYPE annotation SYSTEM "file:///etc/passwd"><annotation/>',
        '<!DOCTYPE a [<!ENTITY e SYSTEM "file:///etc/passwd">]><annotation><a>&e;</a></annotation>',
        "<annotation>" + "<a>" * 5_000 + "</a>" * 5_000 + "</annotation>",
        "<annotation><object><name>a</name></object></annotation>",
        "<annotation>" + "<object/>" * 2_000 + "</annotation>",
        SOUND_VOC[:-20],
        SOUND_VOC.replace("1.1", "1.1e400"),
        SOUND_VOC.replace("<filename>", "<filename>../../"),
        SOUND_VOC.replace("\n", "\r\n"),
        SOUND_VOC.replace("\n", "\r"),
        "\n" * 70_000 + SOUND_VOC.partition("\n")[2],
        "",
    ],
    ids=range(12),
)
def test_hostile_xml(write, text):
    root = write({"Annotations/a.xml": text, "Annotations/b.xml": SOUND_VOC})
    dataset = agree(root, "voc")
    assert not isinstance(dataset, str)
    assert "root:" not in repr(dataset.images.to_pylist()) + repr(dataset.annotations.to_pylist())


@pytest.mark.skipif(os.geteuid() == 0, reason="root opens every file")
def test_a_file_that_cannot_be_opened(write):
    root = write({"data.yaml": YAML, "images/a.png": (4, 3), "labels/a.txt": "0 1 1 1 1\n"})
    (root / "labels/a.txt").chmod(0)
    assert agree(root, "yolo").problems["kind"][0].as_py() == "malformed-file"


def test_names_of_any_bytes(write, native):
    root = write({"data.yaml": YAML})
    for part, extension in (("images", "png"), ("labels", "txt")):
        (root / part).mkdir()
        name = os.fsencode(root / part) + b"/\xff\xc3\xa9." + extension.encode()
        Path(os.fsdecode(name)).write_bytes(PNG if part == "images" else b"0 0.5 0.5 0.5 0.5\n")
    assert agree(root, "yolo").annotations.num_rows == 1
    assert native.outcomes == {0: 1}


def test_a_sidecar_is_applied(write):
    root = write(
        {
            "data.yaml": YAML,
            "images/a.png": (40, 30),
            "labels/a.txt": "0 0.5 0.5 0.5 0.5\n",
            "fastlabel-sidecar.jsonl": '{"image": "images/a.png", "row": 1, '
            '"text": "0 0.5 0.5 0.5 0.5", "ignore": true}\n',
        }
    )
    assert agree(root, "yolo").annotations["ignore"].to_pylist() == [True]


def test_long_files(write, native):
    """A file of one long line, and one of many rows."""
    figure = "0 " + " ".join(["0.25 0.75"] * 100_000)
    root = write(
        {
            "data.yaml": YAML,
            "images/a.png": (40, 30),
            "images/b.png": (40, 30),
            "labels/a.txt": figure,
            "labels/b.txt": "1 0.5 0.5 0.25 0.125\n" * 50_000,
        }
    )
    assert agree(root, "yolo").annotations.num_rows == 50_001
    assert native.outcomes == {0: 2}


def test_one_less_is_taken_of_the_decimal(tmp_path):
    """1-based coordinates, by exact decimal arithmetic."""
    from decimal import Decimal

    draw = random.Random(5)
    words = ["1.1", "0.25", "-0.0", "-3.7", "+2.5", "1.", ".5", "7", "1e2", "1.0"]
    words += [f"{draw.uniform(-2, 2000):.{draw.randint(1, 13)}f}" for _ in range(2000)]
    box = "<bndbox><xmin>{}</xmin><ymin>{}</ymin><xmax>9</xmax><ymax>9</ymax></bndbox>"
    body = "".join(
        f"<object><name>a</name>{box.format(x, y)}</object>"
        for x, y in zip(words[::2], words[1::2], strict=True)
    )
    (tmp_path / "a.xml").write_text(f"<annotation><filename>a</filename>{body}</annotation>")
    dataset = fl.read(tmp_path, "voc", voc_base=1, parser="native")
    got = dataset.boxes()[:, :2].ravel()
    wanted = np.array([float(Decimal(w) - 1) if "." in w else float(w) - 1 for w in words])
    assert got.tobytes() == wanted.tobytes()


def test_arguments():
    with pytest.raises(ValueError, match="read_labels"):
        _core.read_yolo("/tmp", b"a", 1)
    with pytest.raises(ValueError, match="read_labels"):
        _core.read_voc("/tmp", b"a\0", 1, workers=-1)
    with pytest.raises(ValueError, match="parser"):
        fl.read("/tmp", parser="fast")


YAML = "path: .\ntrain: images\nnames: [a, b, c]\n"


def write_yolo(folder: Path, draw: random.Random, count: int, mutated: bool) -> None:
    for part in ("images", "labels"):
        (folder / part).mkdir(parents=True)
    head = draw.choice([YAML, YAML + "kpt_shape: [2, 2]\n", YAML + "task: segment\n", ""])
    head = head if draw.random() < 0.8 else head + "task: obb\n"
    if head:
        (folder / "data.yaml").write_text(head)
    for k in range(count):
        (folder / "images" / f"{k}.png").write_bytes(PNG if draw.random() < 0.95 else b"no")
        data = yolo_file(draw)
        if mutated:
            data = mutate(data, draw, xml=False)
        if draw.random() < 0.95:
            (folder / "labels" / f"{k}.txt").write_bytes(data)


def write_voc(folder: Path, draw: random.Random, count: int, mutated: bool) -> None:
    for part in ("JPEGImages", "Annotations", "ImageSets/Main"):
        (folder / part).mkdir(parents=True)
    for k in range(count):
        (folder / "JPEGImages" / f"{k}.png").write_bytes(PNG)
        data = voc_file(draw, str(k if draw.random() < 0.9 else draw.randint(0, count)))
        if mutated:
            data = mutate(data, draw, xml=True)
        (folder / "Annotations" / f"{k}.xml").write_bytes(data)
    if draw.random() < 0.3:
        for split in ("train", "val"):
            chosen = [k for k in range(count + 1) if draw.random() < 0.6]
            lines = "".join(f"{k}\n" for k in chosen)
            (folder / "ImageSets" / "Main" / f"{split}.txt").write_text(lines)


def run_mutations(folder, native, write, format, seeds, files=25):
    for seed in seeds:
        draw = random.Random(seed)
        root = folder / f"{format}{seed}"
        write(root, draw, files, mutated=seed % 5 != 0)
        native.most_text = draw.choice([0, 0, 300, 40])
        agree(root, format, f"seed {seed}: {root}", workers=draw.randint(1, 3))
    # Enough are read natively, or nothing was compared.
    assert native.outcomes[0] > sum(native.outcomes.values()) // 3


def test_mutated_yolo_files(tmp_path, native):
    run_mutations(tmp_path, native, write_yolo, "yolo", range(12))


def test_mutated_voc_files(tmp_path, native):
    run_mutations(tmp_path, native, write_voc, "voc", range(12))


@pytest.mark.slow
@pytest.mark.parametrize(("write", "format"), [(write_yolo, "yolo"), (write_voc, "voc")])
def test_ten_thousand_mutated_files(tmp_path, native, write, format):
    run_mutations(tmp_path, native, write, format, range(1_000, 1_100), files=100)
