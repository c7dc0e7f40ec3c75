"""The files of the sample, read by others than fastlabel's own readers."""

from __future__ import annotations

import hashlib
import json
import math
import re
import struct
import xml.etree.ElementTree as ET
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml
from PIL import Image, UnidentifiedImageError

from fastlabel.rules import RULES
from fastlabel.sample import make_sample

if TYPE_CHECKING:
    from .conftest import Sample

Box = tuple[float, float, float, float]

#: What a format has no way to say: YOLO no image size; VOC no outlines, no list of classes,
#: and an xml file whose image is gone is FL004.
NOT_EXPRESSIBLE = {"coco": set(), "yolo": {"FL104"}, "voc": {"FL106", "FL107", "FL108"}}


def tree_hash(root: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted(root.rglob("*")):
        if path.is_file():
            digest.update(path.relative_to(root).as_posix().encode() + b"\0")
            digest.update(path.read_bytes())
    return digest.hexdigest()


def pictures(root: Path) -> dict[str, Path]:
    found = [p for p in root.rglob("*") if p.suffix in (".jpg", ".jpeg")]
    return {p.name: p for p in found}


def test_every_rule_that_the_format_can_express_is_planted(sample: Sample) -> None:
    planted = {fault["code"] for fault in sample.truth["faults"]}
    # Family 7 speaks of chances: a small set of right labels has none of its findings.
    # Family 8 compares with frames of the deployment, family 9 is about settings of augmentation.
    sure = {code for code in RULES if not code.startswith(("FL7", "FL8", "FL9"))}
    assert planted == sure - NOT_EXPRESSIBLE[sample.format]


def test_truth_json_is_what_was_returned(sample: Sample) -> None:
    assert json.loads((sample.root / "truth.json").read_text()) == sample.truth
    assert sample.truth["format"] == sample.format
    for fault in sample.truth["faults"]:
        assert set(fault) == {"code", "image", "where", "note"}
        assert fault["note"]


def test_images_that_the_truth_names_are_there_except_absent_ones(sample: Sample) -> None:
    absent = {*sample.images_of("FL004"), *sample.images_of("FL005")} - {None}
    for fault in sample.truth["faults"]:
        if fault["image"] is not None:
            assert (sample.root / fault["image"]).exists() == (fault["image"] not in absent)
    assert len(absent) == 2


def test_places_that_the_truth_names_exist(sample: Sample) -> None:
    for fault in sample.truth["faults"]:
        where = fault["where"]
        if where is None:
            continue
        file, hash_, pointer = where.partition("#")
        if hash_:
            kind, index = pointer.strip("/").split("/")
            assert int(index) < len(json.loads((sample.root / file).read_text())[kind])
        else:
            file, _, line = where.partition(":")
            lines = (sample.root / file).read_text().splitlines()
            assert not line or 1 <= int(line) <= len(lines)
            if sample.format == "voc":
                assert lines[int(line) - 1].strip() == "<object>"


def test_it_is_small_and_has_three_splits(sample: Sample) -> None:
    assert sum(p.stat().st_size for p in sample.root.rglob("*") if p.is_file()) < 6_000_000
    assert 60 <= len(pictures(sample.root)) <= 66
    if sample.format == "voc":
        lists = sample.root / "ImageSets/Main"
        sizes = [len((lists / f"{s}.txt").read_text().split()) for s in ("train", "val", "test")]
    else:
        images = sample.root / "images"
        sizes = [len(list((images / s).iterdir())) for s in ("train", "val", "test")]
    assert min(sizes) >= 8
    assert sizes[0] > sizes[1] + sizes[2]


def test_nothing_is_written_beside_the_folder(sample: Sample) -> None:
    assert [p.name for p in sample.root.parent.iterdir()] == [sample.format]
    assert not any(p.is_symlink() for p in sample.root.rglob("*"))


# --- the same labels in every format ----------------------------------------------------


def coco_boxes(root: Path) -> dict[str, list[tuple[str, Box]]]:
    boxes: dict[str, list[tuple[str, Box]]] = {}
    for file in root.glob("annotations/*.json"):
        top = json.loads(file.read_text())
        names = {c["id"]: c["name"] for c in top["categories"]}
        images = {i["id"]: Path(i["file_name"]).name for i in top["images"]}
        for image in images.values():
            boxes.setdefault(image, [])
        for one in top["annotations"]:
            if one["image_id"] in images and len(one["bbox"]) == 4:
                x, y, w, h = one["bbox"]
                name = names.get(one["category_id"], "?")
                boxes[images[one["image_id"]]].append((name, (x, y, x + w, y + h)))
    return boxes


def yolo_boxes(root: Path) -> dict[str, list[tuple[str, Box]]]:
    names = yaml.safe_load((root / "data.yaml").read_text())["names"]
    boxes: dict[str, list[tuple[str, Box]]] = {}
    for path in pictures(root).values():
        label = root / "labels" / path.parent.name / f"{path.stem}.txt"
        if not label.exists():
            continue
        try:
            with Image.open(path) as image:
                width, height = image.size
        except (UnidentifiedImageError, Image.DecompressionBombError):
            continue
        rows = boxes.setdefault(path.name, [])
        for line in label.read_text().splitlines():
            number, *values = line.split()
            if len(values) == 4:
                x, y, w, h = (float(v) for v in values)
                box = (x - w / 2) * width, (y - h / 2) * height
                box += ((x + w / 2) * width, (y + h / 2) * height)
                rows.append((names.get(int(number), "?"), box))
    return boxes


def voc_boxes(root: Path) -> dict[str, list[tuple[str, Box]]]:
    boxes: dict[str, list[tuple[str, Box]]] = {}
    for file in root.glob("Annotations/*.xml"):
        top = ET.parse(file).getroot()
        rows = boxes.setdefault(f"{file.stem}.jpg", [])
        for one in top.iter("object"):
            corners = [one.find(f"bndbox/{tag}") for tag in ("xmin", "ymin", "xmax", "ymax")]
            if all(corner is not None for corner in corners):
                x1, y1, x2, y2 = (float(corner.text) for corner in corners)
                name = one.findtext("name") or "?"
                rows.append((name, (x1 - 1, y1 - 1, x2, y2)))
    return boxes


def test_clean_pictures_have_the_same_boxes_in_every_format(samples: dict[str, Sample]) -> None:
    read = {"coco": coco_boxes, "yolo": yolo_boxes, "voc": voc_boxes}
    boxes = {name: read[name](samples[name].root) for name in samples}
    faulty = {
        Path(fault["image"]).name
        for one in samples.values()
        for fault in one.truth["faults"]
        if fault["image"] is not None
    }
    clean = set.intersection(*(set(b) for b in boxes.values())) - faulty
    assert len(clean) >= 20
    for image in clean:
        for other in ("yolo", "voc"):
            assert [n for n, _ in boxes[other][image]] == [n for n, _ in boxes["coco"][image]]
            for (_, a), (_, b) in zip(boxes[other][image], boxes["coco"][image], strict=True):
                assert a == pytest.approx(b, abs=1e-4)


def test_coco_faults_by_plain_json(samples: dict[str, Sample]) -> None:
    sample = samples["coco"]
    tops = {p.name: json.loads(p.read_text()) for p in sample.root.glob("annotations/*.json")}

    def annotation(code: str) -> dict:
        fault = next(f for f in sample.truth["faults"] if f["code"] == code)
        file, _, pointer = fault["where"].partition("#")
        return tops[Path(file).name]["annotations"][int(pointer.rpartition("/")[2])]

    def image(code: str) -> dict:
        name = sample.images_of(code)[0]
        return next(i for t in tops.values() for i in t["images"] if i["file_name"] == name)

    train = tops["instances_train.json"]
    assert annotation("FL102")["category_id"] not in {c["id"] for c in train["categories"]}
    ids = Counter(a["id"] for a in train["annotations"])
    assert [i for i, n in ids.items() if n > 1] == [annotation("FL103")["id"]]
    assert image("FL005")["file_name"].startswith("../")
    assert len(annotation("FL105")["bbox"]) == 3
    assert annotation("FL107")["image_id"] not in {i["id"] for i in train["images"]}
    outside = annotation("FL201")
    width = image("FL201")["width"]
    assert sum(outside["bbox"][::2]) > width > outside["bbox"][0]
    assert annotation("FL202")["bbox"][2] == 0
    assert annotation("FL203")["bbox"][2] < 0
    assert any(math.isnan(v) for v in annotation("FL208")["bbox"])
    small = annotation("FL301")
    assert min(small["bbox"][2:]) > 0
    used = {a["category_id"] for t in tops.values() for a in t["annotations"]}
    assert "truck" in {c["name"] for c in train["categories"] if c["id"] not in used}
    name = sample.images_of("FL104")[0]
    with Image.open(sample.root / name) as file:
        assert file.size != (image("FL104")["width"], image("FL104")["height"])


# --- damaged bytes ----------------------------------------------------------------------


def test_damaged_files_are_damaged_for_other_decoders_too(sample: Sample) -> None:
    noise, marker = sorted(sample.images_of("FL001"), key=lambda n: not_a_jpeg(sample, n))[::-1]
    with pytest.raises(UnidentifiedImageError):
        Image.open(sample.root / noise)
    assert (sample.root / marker).read_bytes()[:2] == b"\xff\xd8"
    cut = sample.root / sample.images_of("FL002")[0]
    with Image.open(cut) as image, pytest.raises(OSError, match="truncated"):
        image.load()
    assert not cut.read_bytes().endswith(b"\xff\xd9")


def not_a_jpeg(sample: Sample, name: str) -> bool:
    return not (sample.root / name).read_bytes().startswith(b"\xff\xd8")


def test_the_restart_markers_of_the_corrupt_file_are_out_of_step(sample: Sample) -> None:
    name = next(n for n in sample.images_of("FL001") if not not_a_jpeg(sample, n))
    data = (sample.root / name).read_bytes()
    scan = data[data.index(b"\xff\xda") :]
    numbers = [m.group()[1] - 0xD0 for m in re.finditer(rb"\xff[\xd0-\xd7]", scan)]
    wrong = [n for at, n in enumerate(numbers) if n != at % 8]
    assert len(wrong) == 1


def test_the_png_named_jpg_the_giant_header_and_the_turned_ones(sample: Sample) -> None:
    png = sample.root / sample.images_of("FL003")[0]
    assert png.suffix == ".jpg"
    with Image.open(png) as image:
        assert image.format == "PNG"
        image.load()
    giant = (sample.root / sample.images_of("FL006")[0]).read_bytes()
    frame = giant.index(b"\xff\xc0")
    assert struct.unpack(">HH", giant[frame + 5 : frame + 9]) == (65535, 65535)
    turned = sample.images_of("FL007")
    assert len(turned) == (1 if sample.format == "yolo" else 2)
    for name in turned:
        with Image.open(sample.root / name) as image:
            assert image.getexif()[0x0112] == 6
            image.load()


def test_copies_are_byte_identical_and_nothing_else_is(sample: Sample) -> None:
    by_hash: dict[str, list[str]] = {}
    for name, path in pictures(sample.root).items():
        by_hash.setdefault(hashlib.sha256(path.read_bytes()).hexdigest(), []).append(name)
    groups = [sorted(names) for names in by_hash.values() if len(names) > 1]
    assert len(groups) == 3
    for names in groups:
        assert [n.replace("_copy", "") for n in names] == [names[0]] * 2
    first = {Path(name).name for name in sample.images_of("FL501")}
    # VOC: two label files of one picture make it count twice without a second file.
    assert {g[0] for g in groups} == first - {Path(n).name for n in sample.images_of("FL103")}


# --- the function -----------------------------------------------------------------------


def test_the_same_seed_writes_the_same_bytes(samples: dict[str, Sample], tmp_path: Path) -> None:
    again = tmp_path / "again"
    make_sample(again, format="voc", seed=samples["voc"].truth["seed"])
    assert tree_hash(again) == tree_hash(samples["voc"].root)


def test_another_seed_draws_other_pictures(samples: dict[str, Sample], tmp_path: Path) -> None:
    other = make_sample(tmp_path, format="voc", seed=99, scenes=56)  # an empty folder will do
    assert other["scenes"] == 56
    theirs = {hashlib.sha256(p.read_bytes()).digest() for p in pictures(tmp_path).values()}
    ours = {hashlib.sha256(p.read_bytes()).digest() for p in pictures(samples["voc"].root).values()}
    # The gray frame is the same when it has the same size.
    assert len(theirs & ours) <= 1


def test_it_refuses_what_it_cannot_do(tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full/mine.txt").write_text("keep me")
    with pytest.raises(FileExistsError, match="not empty"):
        make_sample(tmp_path / "full")
    assert [p.name for p in (tmp_path / "full").iterdir()] == ["mine.txt"]
    with pytest.raises(NotADirectoryError, match="is a file"):
        make_sample(tmp_path / "full/mine.txt")
    with pytest.raises(ValueError, match="coco, yolo, voc"):
        make_sample(tmp_path / "new", format="kitti")
    with pytest.raises(ValueError, match="56 or more"):
        make_sample(tmp_path / "new", scenes=10)
    with pytest.raises(ValueError, match="seed"):
        make_sample(tmp_path / "new", seed=-1)
    assert not (tmp_path / "new").exists()
