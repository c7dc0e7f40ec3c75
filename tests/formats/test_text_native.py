"""The native readers of YOLO and Pascal VOC say what the plain ones say, of every file."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import pytest
from format_sets import png
from text_mutations import mutate, voc_file, yolo_file
from text_outcomes import agree

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
