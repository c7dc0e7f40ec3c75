"""Writers: what is written and read again is the same, and what cannot be is told."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from format_sets import coco, png, problems
from hypothesis import given, settings
from hypothesis import strategies as st
from writing import CARRIED, copy_into, placed, same, there_and_back

import fastlabel as fl
from fastlabel import schema
from fastlabel.formats import layout
from fastlabel.formats import write as write_labels
from fastlabel.formats._write_coco import sides
from fastlabel.formats._write_yolo import normalised
from fastlabel.formats._yolo_rows import in_pixels

FORMATS = ("coco", "yolo", "voc")


def a_set(write):
    """Two splits, the same name in both, an empty image, an ignore region, weights."""
    extra = {"id": 9, "image_id": 1, "category_id": 2, "bbox": [1, 2, 3.5, 4.25]}
    ignored = {**extra, "id": 10, "bbox": [50, 40, 20, 20], "ignore": 1, "iscrowd": 0}
    return write(
        {
            "images/train/a.jpg": (100, 80),
            "images/train/empty.jpg": (100, 80),
            "images/val/a.jpg": (100, 80),
            "annotations/instances_train.json": coco(
                [(1, "images/train/a.jpg"), (2, "images/train/empty.jpg")],
                [
                    (1, 1, [10, 20, 30, 40]),
                    {**extra, "weight": 0.3, "occlusion": 2, "truncated": 0.25, "difficult": 1},
                    ignored,
                ],
            ),
            "annotations/instances_val.json": coco(
                [(1, "images/val/a.jpg")], [(1, 2, [0, 0, 100, 80]), (1, 1, [-5, -3.5, 7.25, 9.5])]
            ),
        }
    )


def one_image(write, *annotations, categories=None, name="a.jpg"):
    """A set of one picture of 100 x 80."""
    rows = [
        {"id": i, "image_id": 1, "category_id": 1, **row} for i, row in enumerate(annotations, 1)
    ]
    labels = coco([(1, name)], rows, categories)
    return fl.read(write({name: png(100, 80), "labels.json": labels}))


@pytest.mark.parametrize("format", FORMATS)
def test_it_reads_back(write, tmp_path, format):
    source = fl.read(a_set(write))
    given, back, report = there_and_back(source, tmp_path / "new", format)
    assert back.format == format
    same(back, given, CARRIED)
    assert back.problems.num_rows == 0
    assert (report.images, report.annotations) == (3, 5)
    assert report.written + report.beside == 5
    assert report.beside == (1 if format == "yolo" else 0)
    states = [row["label_state"] for row in back.images.to_pylist() if "empty" in row["path"]]
    assert states == ["labelled_empty"]


@pytest.mark.parametrize("format", FORMATS)
def test_written_twice_is_the_same_bytes(write, tmp_path, format):
    source = fl.read(a_set(write))
    for name in ("one", "two"):
        _, report = copy_into(source, tmp_path / name, format)
    for file in report.files:
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()


# --- numbers ------------------------------------------------------------------------------

WILD = st.floats(-1e5, 1e5, allow_subnormal=False)
PLAIN = st.decimals(-100, 9000, places=3).map(float)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(*[st.one_of(WILD, PLAIN)] * 4), min_size=1, max_size=5))
def test_coco_and_voc_hold_any_float64(tmp_path_factory, corners):
    folder = tmp_path_factory.mktemp("any")
    boxes = [[x, y, x, y] for x, y, _, _ in corners[:1]] + [list(c) for c in corners]
    labels = coco([(1, "a.jpg")], [(1, 1, [0, 0, 1, 1])] * len(boxes))
    (folder / "labels.json").write_text(json.dumps(labels))
    data = fl.read(folder)
    table = data.annotations
    for at, name in enumerate(("x1", "y1", "x2", "y2")):
        index = table.schema.get_field_index(name)
        values = pa.array([box[at] for box in boxes], pa.float64())
        table = table.set_column(index, table.schema.field(index), values)
    data = replace(data, annotations=table)
    for format in ("coco", "voc"):
        _, back, _ = there_and_back(data, folder / format, format)
        assert back.boxes().tolist() == data.boxes().tolist()
    _, back, _ = there_and_back(data, folder / "voc0", "voc", voc_base=0)
    assert back.boxes().tolist() == data.boxes().tolist()
    assert back.meta["convention"] == "0-based, half-open"


def test_coco_sides_are_the_shortest_that_give_the_corner_back():
    boxes = np.array([[100, 0, 100.1, 0.3], [1 / 3, 0, 3 - 2**-51, 7]])
    found, inexact = sides(boxes, None)
    assert found[0].tolist() == [100, 0, 0.1, 0.3]
    assert inexact.tolist() == [False, True] or found[1, 0] + found[1, 2] == boxes[1, 2]


def test_unchanged_coco_numbers_are_kept(write, tmp_path):
    data = one_image(write, {"bbox": [0.1, 0.2, 0.30000000000000004, 7e-3]})
    copy_into(data, tmp_path / "new", "coco")
    text = (tmp_path / "new" / "annotations" / "instances.json").read_text()
    assert '"bbox": [0.1, 0.2, 0.30000000000000004, 0.007]' in text


@pytest.mark.parametrize("decimals", [0, 1, 2, 3, 5])
def test_yolo_gives_back_decimal_boxes_exactly(decimals):
    rng = np.random.default_rng(decimals)
    low = np.round(rng.uniform(-20, 3000, (20_000, 2)), decimals)
    boxes = np.round(np.hstack([low, low + rng.uniform(0, 900, low.shape)]), decimals)
    sizes = rng.integers(1, 5000, low.shape).astype(np.float64)
    rows, error = normalised(boxes, sizes)
    assert error.max() == 0
    words = [[float(repr(v)) for v in row] for row in rows.tolist()]
    c, e = np.split(np.array(words), 2, axis=1)
    assert (in_pixels(np.hstack([c - e / 2, c + e / 2]), sizes) == boxes).all()


def test_yolo_comes_within_an_ulp_of_any_other():
    rng = np.random.default_rng(1)
    low = rng.uniform(0, 3000, (20_000, 2))
    boxes = np.hstack([low, low + rng.uniform(0, 900, low.shape)])
    _, error = normalised(boxes, rng.integers(500, 5000, low.shape).astype(np.float64))
    assert error.max() < 5e-12


def test_yolo_text_is_short_and_has_no_exponent(write, tmp_path):
    data = one_image(write, {"bbox": [1, 2, 3.5, 4.25]}, {"bbox": [0, 0, 1e-4, 80]})
    copy_into(data, tmp_path / "new", "yolo")
    lines = (tmp_path / "new" / "labels" / "a.txt").read_text().splitlines()
    assert lines == ["0 0.0275 0.0515625 0.035 0.053125", "0 0.0000005 0.5 0.000001 1"]


# --- names --------------------------------------------------------------------------------

NAMES = [
    "plain.jpg",
    "with space.jpg",
    "sub/plain.jpg",
    "PLAIN.jpg",
    "plain.png",
    "plain.jpg.jpg",
    "quote'\"<&>.jpg",
    "zw\u00f6lf \u5341\u4e8c \U0001f99d.jpg",
    "zwo\u0308lf \u5341\u4e8c \U0001f99d.jpg",
    "seen 1.jpg",
    "sub/seen -1.jpg",
    " ends .jpg",
    "#hash, comma.jpg",
    "x" * 250 + ".jpg",
]


@pytest.mark.parametrize("format", FORMATS)
def test_names_come_back(write, tmp_path, format):
    files = {name: png(100, 80) for name in NAMES}
    rows = [(i, 1, [i, i, 10, 10]) for i in range(1, len(NAMES) + 1)]
    files["labels.json"] = coco([(i, n) for i, n in enumerate(NAMES, 1)], rows)
    given, back, _ = there_and_back(fl.read(write(files)), tmp_path / "new", format)
    same(back, given)
    assert len(back) == len(NAMES)
    assert back.problems.num_rows == 0


def images_of(*rows):
    paths, names, splits = zip(*rows, strict=True)
    return pa.table({"path": paths, "file_name": names, "split": splits})


@pytest.mark.parametrize("format", FORMATS)
def test_no_place_is_outside_or_taken_twice(format):
    names = [
        "../../x.jpg",
        "..",
        ".",
        "",
        "/etc/passwd",
        "C:\\a\\b.jpg",
        "a\nb.jpg",
        "x.jpg",
        "X.jpg",
    ]
    rows = [(None, name, split) for name in names for split in ("train", "../..", "images", None)]
    places = layout(images_of(*rows), format)
    assert len({p.casefold() for p in places}) == len(rows)
    for place in places:
        parts = place.split("/")
        assert parts[0] in ("images", "JPEGImages")
        assert not {"", ".", ".."}.intersection(parts)
        assert place.isprintable()


def test_stems_are_unique_where_the_label_file_has_them():
    images = images_of(("a.jpg", "a.jpg", "val"), ("a.png", "a.png", "val"), ("b/a.jpg", "", "val"))
    assert layout(images, "yolo") == [
        "images/val/a.jpg",
        "images/val/a_2.png",
        "images/val/a_3.jpg",
    ]
    assert layout(images, "coco") == ["images/val/a.jpg", "images/val/a.png", "images/val/a_2.jpg"]
    assert layout(images, "voc")[1] == "JPEGImages/a_2.png"


def test_many_equal_names_take_no_time_for_each_other():
    images = images_of(*[(f"{i}/a.jpg", "a.jpg", "train") for i in range(20_000)])
    assert len(set(layout(images, "yolo"))) == 20_000


AWKWARD = ["no", "1", "a: b", "# c", "<&>", "'\"", "{x}", "null", "caf\u00e9 \U0001f99d", " lead"]


@pytest.mark.parametrize("format", FORMATS)
def test_class_names_come_back(write, tmp_path, format):
    classes = [{"id": i, "name": name} for i, name in enumerate(AWKWARD, 5)]
    rows = [{"bbox": [i, 1, 5, 5], "category_id": i} for i in range(5, 5 + len(AWKWARD))]
    data = one_image(write, *rows, categories=classes)
    _, back, report = there_and_back(data, tmp_path / "new", format)
    names = set(back.categories["name"].to_pylist())
    assert names == {n.strip() for n in AWKWARD} if format == "voc" else set(AWKWARD)
    assert [key for key, _, _ in report.categories] == {
        "coco": list(range(5, 15)),
        "yolo": list(range(10)),
        "voc": AWKWARD,
    }[format]


# --- splits and ids -----------------------------------------------------------------------


@pytest.mark.parametrize("format", ["coco", "yolo"])
def test_a_split_of_any_name_comes_back(write, tmp_path, format):
    data = fl.read(a_set(write))
    night = pa.array(["night shift", "night shift", "trainval"])
    images = data.images.set_column(4, data.images.schema.field("split"), night)
    given, back, _ = there_and_back(replace(data, images=images), tmp_path / "new", format)
    same(back, given, CARRIED)


def test_splits_that_a_format_does_not_know_are_told(write, tmp_path):
    data = fl.read(a_set(write))
    images = data.images.set_column(4, "split", pa.array(["night", None, "train"]))
    for format in ("yolo", "voc"):
        _, report = copy_into(replace(data, images=images), tmp_path / format, format)
        losses = [loss for loss in report.losses if loss.kind == "split"]
        assert [loss.count for loss in losses] == ([1, 1] if format == "yolo" else [1])


def test_coco_ids(write, tmp_path):
    classes = [{"id": 7, "name": "x", "supercategory": "y"}, {"id": 90, "name": "z"}]
    row = {"id": 50, "category_id": 90, "bbox": [1, 2, 3, 4]}
    data = one_image(write, row, {**row, "id": 51}, categories=classes)
    _, report = copy_into(data, tmp_path / "new", "coco")
    written = json.loads((tmp_path / "new" / "annotations" / "instances.json").read_text())
    assert written["categories"] == classes
    assert [a["id"] for a in written["annotations"]] == [50, 51]
    assert written["annotations"][0]["category_id"] == 90
    assert report.categories == ((7, "x", "7"), (90, "z", "90"))
    copy_into(data, tmp_path / "one", "coco", category_start=1)
    written = json.loads((tmp_path / "one" / "annotations" / "instances.json").read_text())
    assert [(c["id"], c["source_id"]) for c in written["categories"]] == [(1, "7"), (2, "90")]
    again = {**row, "id": "a"}
    data = one_image(write, again, {**again, "id": 0}, categories=[{"id": "q", "name": "x"}])
    copy_into(data, tmp_path / "text", "coco")
    written = json.loads((tmp_path / "text" / "annotations" / "instances.json").read_text())
    assert [a["id"] for a in written["annotations"]] == [1, 2]
    assert written["categories"] == [{"id": 1, "name": "x", "source_id": "q"}]


def test_pycocotools_reads_it_and_ignores_what_is_to_be_ignored(write, tmp_path):
    pycocotools = pytest.importorskip("pycocotools.coco")
    copy_into(fl.read(a_set(write)), tmp_path / "new", "coco")
    found = pycocotools.COCO(str(tmp_path / "new" / "annotations" / "instances_train.json"))
    assert len(found.imgs) == 2
    assert sorted(a["iscrowd"] for a in found.anns.values()) == [0, 0, 1]
    assert 0 not in found.anns


# --- what a row cannot say ----------------------------------------------------------------


def test_ignored_boxes_are_never_rows_of_a_yolo_file(write, tmp_path):
    rows = [{"bbox": [1, 1, 9, 9], "ignore": 1}, {"bbox": [2, 2, 9, 9], "iscrowd": 1}]
    data = one_image(write, *rows, {"bbox": [40, 40, 10, 10]})
    given, back, report = there_and_back(data, tmp_path / "new", "yolo")
    assert (tmp_path / "new" / "labels" / "a.txt").read_text().count("\n") == 1
    same(back, given, ("ignore", "crowd"))
    (loss,) = [loss for loss in report.losses if loss.kind == "ignore"]
    assert loss.count == 2
    assert loss.examples == ("images/a.jpg: annotation 0", "images/a.jpg: annotation 1")
    assert "background" in loss.message


def test_a_sidecar_line_that_no_longer_fits_is_reported_not_used(write, tmp_path):
    data = one_image(write, {"bbox": [1, 1, 9, 9], "weight": 0.5}, {"bbox": [5, 5, 9, 9]})
    copy_into(data, tmp_path / "new", "yolo")
    label = tmp_path / "new" / "labels" / "a.txt"
    label.write_text("".join(label.read_text().splitlines(keepends=True)[1:]))
    side = tmp_path / "new" / "fastlabel-sidecar.jsonl"
    bad = [
        "nonsense",
        '{"image": 3}',
        '{"image": "images/no.jpg", "row": 1, "text": ""}',
        '{"image": "images/a.jpg", "row": 0, "text": ""}',
        '{"image": "images/a.jpg", "row": 1}',
        '{"image": "images/a.jpg", "row": null, "class": 0, "box": [1, 2, 3]}',
        '{"image": "images/a.jpg", "row": null, "class": 0, "box": [1, 2, 3, 1e999]}',
        '{"image": "images/a.jpg", "row": null, "class": -1, "box": [1, 2, 3, 4]}',
        '{"image": "images/a.jpg", "row": null, "class": 0, "box": [1, 2, 3, 4], "weight": "x"}',
        "[" * 100_000,
    ]
    side.write_text(side.read_text() + "\n".join(bad))
    back = fl.read(tmp_path / "new")
    assert back.annotations["weight"].to_pylist() == [None]
    found = problems(back, "malformed-row")
    assert len(found) == len(bad) + 1
    assert "is about row 1" in found[0]["message"]
    assert {row["file"] for row in found} == {"fastlabel-sidecar.jsonl"}
    assert [row["line"] for row in found] == list(range(1, len(bad) + 2))


@pytest.mark.parametrize("format", FORMATS)
def test_boxes_that_are_no_numbers_are_left_out_and_told(write, tmp_path, format):
    data = one_image(write, {"bbox": [float("nan"), 1, 2, 3]}, {"bbox": [1, 1, 9, 9]})
    _, back, report = there_and_back(data, tmp_path / "new", format)
    assert back.boxes().tolist() == [[1, 1, 10, 10]]
    (loss,) = [loss for loss in report.losses if loss.kind == "box"]
    place = "JPEGImages/a.jpg" if format == "voc" else "images/a.jpg"
    assert (loss.count, loss.examples) == (1, (f"{place}: annotation 0",))
    if format == "coco":
        json.loads(
            (tmp_path / "new" / "annotations" / "instances.json").read_text(),
            parse_constant=lambda word: pytest.fail(word),
        )


@pytest.mark.parametrize("format", FORMATS)
def test_an_unknown_class(write, tmp_path, format):
    row = {"bbox": [1, 1, 9, 9], "category_id": 77}
    data = one_image(write, row, {"bbox": [5, 5, 9, 9]}, categories=[{"id": 1, "name": "cat"}])
    given, back, report = there_and_back(data, tmp_path / "new", format)
    same(back, given)
    assert [loss.count for loss in report.losses if loss.kind == "category"] == [1]
    assert len(problems(back, "unknown-category")) == 1
    if format == "yolo":
        assert (tmp_path / "new" / "labels" / "a.txt").read_text().count("\n") == 1


def test_an_image_never_labelled_is_no_negative(write, tmp_path):
    root = write({"a.jpg": (100, 80), "b.jpg": (100, 80), "labels.json": coco([(1, "a.jpg")], [])})
    for format in FORMATS:
        _, back, _ = there_and_back(fl.read(root), tmp_path / format, format)
        states = [row["label_state"] for row in back.images.to_pylist() if "b.jpg" in row["path"]]
        assert states == ["missing"]


def test_a_size_that_is_not_known(write, tmp_path):
    image = {"id": 1, "file_name": "gone.jpg"}
    data = fl.read(write({"labels.json": coco([image], [(1, 1, [1, 2, 3, 4])])}))
    _, report = copy_into(data, tmp_path / "new", "yolo")
    assert [loss.count for loss in report.losses if loss.kind == "size"] == [1]
    assert not (tmp_path / "new" / "labels").exists(), "an empty file would make it a negative"


@pytest.mark.parametrize("format", FORMATS)
def test_outlines_angles_and_attributes(write, tmp_path, format):
    polygon = [[1, 1, 9, 1, 9, 9]]
    row = {"bbox": [1, 1, 8, 8], "segmentation": polygon, "area": 32.5, "score": 0.25}
    data = one_image(
        write, {**row, "obb": [1, 1, 9, 1, 9, 9, 1, 9], "colour": "red", "n": {"a": 1}}
    )
    given, back, report = there_and_back(data, tmp_path / "new", format)
    kinds = {loss.kind for loss in report.losses}
    columns = ["area", "score"]
    if format == "voc":
        assert {"segmentation", "obb", "attributes"} <= kinds
    else:
        columns += ["segmentation", "obb"]
        assert "attributes" not in kinds or format == "yolo"
        kept = json.loads(back.annotations["attributes"][0].as_py())
        assert (kept["colour"], kept["n"]) == ("red", {"a": 1})
    same(back, given, tuple(columns))


# --- Pascal VOC's pixels ------------------------------------------------------------------


@pytest.mark.parametrize("base", [0, 1, None])
def test_voc_says_how_it_counts(write, tmp_path, base):
    data = one_image(write, {"bbox": [0, 0, 10, 10]}, {"bbox": [0.5, 0.1, 2, 2]})
    given, back, _ = there_and_back(data, tmp_path / "new", "voc", voc_base=base)
    same(back, given)
    text = (tmp_path / "new" / "Annotations" / "a.xml").read_text()
    assert f"<xmin>{0 if base == 0 else 1}</xmin>" in text
    assert f"<xmin>{0.5 if base == 0 else 1.5}</xmin>" in text
    assert back.meta["evidence"] == "declared in the files"


@pytest.mark.parametrize(("base", "told"), [(0, 0), (1, 2)])
def test_voc_tells_of_boxes_thinner_than_its_pixels(write, tmp_path, base, told):
    thin = ([3, 3, 0, 0], [3, 3, 9, 0.5], [3, 3, 1, 1])
    data = one_image(write, *({"bbox": box} for box in thin))
    given, back, report = there_and_back(data, tmp_path / "new", "voc", voc_base=base)
    same(back, given)
    assert sum(loss.count for loss in report.losses if loss.kind == "thin-box") == told


def test_voc_files_that_disagree_are_judged_by_evidence(write, tmp_path):
    data = one_image(write, {"bbox": [0, 0, 10, 10]})
    copy_into(data, tmp_path / "new", "voc")
    other = (tmp_path / "new" / "Annotations" / "a.xml").read_text()
    (tmp_path / "new" / "Annotations" / "b.xml").write_text(
        other.replace("1-based, last pixel included", "0-based, half-open").replace(
            "a.jpg", "b.jpg"
        )
    )
    assert "no proof" in fl.read(tmp_path / "new").meta["evidence"]
    pinned = fl.read(tmp_path / "new", voc_base=0)
    assert pinned.boxes()[0].tolist() == [1, 1, 10, 10]


# --- arguments and disks ------------------------------------------------------------------


def test_wrong_arguments(write, tmp_path):
    data = fl.read(a_set(write))
    with pytest.raises(fl.DatasetError, match="format 'kitti' cannot be written; choose coco"):
        write_labels(data, tmp_path, "kitti")
    with pytest.raises(fl.DatasetError, match="format 'images' cannot be written"):
        layout(data.images, "images")
    with pytest.raises(fl.DatasetError, match="voc_base: got 2, expected 0, 1 or None"):
        write_labels(placed(data, "voc"), tmp_path, "voc", voc_base=2)
    for wrong in ("../a.jpg", "/a.jpg", None):
        images = data.images.set_column(3, "path", pa.array([wrong, "b", "c"]))
        with pytest.raises(fl.DatasetError, match=r"images\.path of row 0: got .*layout\(\)"):
            write_labels(replace(data, images=images), tmp_path, "coco")
    images = data.images.set_column(3, "path", pa.array(["b", "c", "b"]))
    with pytest.raises(fl.DatasetError, match=r"images\.path of row 2: 'b' is given twice"):
        write_labels(replace(data, images=images), tmp_path, "yolo")
    assert not list(tmp_path.glob("**/*.txt"))


def test_100_000_boxes_take_seconds(tmp_path):
    from time import perf_counter

    count, images = 100_000, 1000
    rng = np.random.default_rng(0)
    low = np.round(rng.uniform(0, 500, (count, 2)), 2)
    high = np.round(low + rng.uniform(1, 99, (count, 2)), 2)
    rows = fl.Dataset(
        pa.table(
            {
                "image_id": np.arange(images),
                **{n: pa.nulls(images, pa.string()) for n in ("source_id", "split", "attributes")},
                "file_name": [f"{i}.jpg" for i in range(images)],
                "path": [f"images/{i}.jpg" for i in range(images)],
                "width": pa.array([640] * images, pa.int32()),
                "height": pa.array([640] * images, pa.int32()),
                "size_source": ["decoded"] * images,
                "label_state": ["labelled"] * images,
            }
        ),
        annotations(low, high, images),
        pa.table(
            {
                "category_id": pa.array([0, 1], pa.int32()),
                "source_id": ["0", "1"],
                "name": ["a", "b"],
                "supercategory": pa.nulls(2, pa.string()),
            }
        ),
        pa.Table.from_pylist([], schema=schema.PROBLEMS),
        tmp_path,
        "yolo",
    )
    for format in FORMATS:
        start = perf_counter()
        report = write_labels(rows, tmp_path / format, format)
        took = perf_counter() - start
        assert report.written == count
        assert took < 30, f"{format}: {took:.1f} s"


def annotations(low, high, images):
    count = len(low)
    known = {
        "annotation_id": pa.array(np.arange(count)),
        "image_id": pa.array(np.arange(count) % images),
        "category_id": pa.array(np.arange(count, dtype=np.int32) % 2),
        **{n: pa.array(v) for n, v in zip(("x1", "y1"), low.T.copy(), strict=True)},
        **{n: pa.array(v) for n, v in zip(("x2", "y2"), high.T.copy(), strict=True)},
        "weight": pa.array(np.full(count, 0.5, np.float32)),
    }
    return pa.table(
        {f.name: known.get(f.name, pa.nulls(count, f.type)) for f in schema.ANNOTATIONS}
    )
