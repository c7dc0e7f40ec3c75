"""fl.tile: every box accounted for, splits kept, negatives chosen, labels moved and clipped."""

from __future__ import annotations

import errno
import hashlib
import json
import math
from pathlib import Path

import cv2
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fastlabel as fl
from fastlabel import schema
from fastlabel.dataset import DatasetError
from fastlabel.prepare.tile import TooManyTiles
from fastlabel.prepare.tile.polygons import clip_polygon, polygon_area

CATEGORIES = [{"id": 5, "name": "boat"}, {"id": 9, "name": "buoy"}]


def picture(path: Path, width: int, height: int, seed: int = 0) -> None:
    rng = np.random.default_rng(seed)
    small = rng.integers(0, 256, (height // 8 + 1, width // 8 + 1, 3), np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), cv2.resize(small, (width, height)))


def coco(root: Path, images: list[dict], annotations: list[dict], name: str = "labels") -> Path:
    root.mkdir(parents=True, exist_ok=True)
    for k, image in enumerate(images):
        image.setdefault("id", k + 1)
        if not (root / image["file_name"]).exists() and not image.pop("absent", False):
            picture(root / image["file_name"], image["width"], image["height"], k)
    for k, row in enumerate(annotations):
        row.setdefault("id", k + 1)
        row.setdefault("category_id", 5)
        row.setdefault("image_id", 1)
    text = json.dumps({"images": images, "annotations": annotations, "categories": CATEGORIES})
    (root / f"{name}.json").write_text(text)
    return root


def one_image(root: Path, boxes: list[list[float]], width: int = 200, height: int = 100, **more):
    rows = [{"bbox": [a, b, c - a, d - b], **more} for a, b, c, d in boxes]
    return coco(root, [{"file_name": "a.jpg", "width": width, "height": height}], rows)


def boxes_of(table: pa.Table) -> list[tuple]:
    return [
        (row["tile_id"], b["annotation_id"], b["x1"], b["y1"], b["x2"], b["y2"], b["state"])
        for row in table.to_pylist()
        for b in row["boxes"]
    ]


def digest(root: Path) -> str:
    text = hashlib.sha256()
    for path in sorted(p for p in root.rglob("*") if p.is_file()):
        text.update(str(path.relative_to(root)).encode() + b"\0" + path.read_bytes())
    return text.hexdigest()


# ---- the table ----------------------------------------------------------------------------


def test_whole_cut_and_ignore(tmp_path):
    # Tiles 0..100 and 100..200: whole, cut 70 : 30, cut 90 : 10.
    root = one_image(tmp_path, [[10, 10, 30, 30], [93, 10, 103, 20], [91, 50, 101, 60]])
    made = fl.tile(root, size=100, overlap=0, min_visible=0.3)
    assert made.table.schema.remove_metadata().equals(schema.TILES)
    assert boxes_of(made.table) == [
        (0, 0, 10, 10, 30, 30, "whole"),
        (0, 1, 93, 10, 100, 20, "cut"),
        (0, 2, 91, 50, 100, 60, "cut"),
        (1, 1, 0, 10, 3, 20, "cut"),
        (1, 2, 0, 50, 1, 60, "ignore"),
    ]
    shown = [b for row in made.table["boxes"].to_pylist() for b in row]
    assert [b["visible"] for b in shown] == [1, 0.7, 0.9, 0.3, pytest.approx(0.1)]
    assert [b["ignore"] for b in shown] == [None, None, None, None, True]
    assert [b["category_id"] for b in shown] == [0] * 5
    counts = made.counts
    assert counts["boxes_whole"] == 1
    assert counts["boxes_cut"] == 2
    assert (counts["shown_whole"], counts["shown_cut"], counts["shown_ignore"]) == (1, 3, 1)
    assert made.dataset is None
    assert made.ledger == ()
    strict = fl.tile(root, size=100, overlap=0, min_visible=1)
    assert strict.counts["boxes_ignore"] == 2
    assert strict.counts["shown_cut"] == 0
    assert fl.tile(root, size=100, overlap=0, min_visible=0).counts["shown_ignore"] == 0


def test_source_flags_are_carried(tmp_path):
    rows = [
        {"bbox": [0, 0, 20, 20], "ignore": 1},
        {"bbox": [30, 0, 20, 20], "iscrowd": 1, "weight": 0.25},
        {"bbox": [60, 0, 20, 20], "category_id": 9},
    ]
    root = coco(tmp_path / "s", [{"file_name": "a.jpg", "width": 100, "height": 100}], rows)
    made = fl.tile(root, tmp_path / "d", size=100)
    box = made.table["boxes"][0].as_py()
    assert [b["state"] for b in box] == ["ignore", "whole", "whole"]
    assert [b["ignore"] for b in box] == [True, None, None] or box[0]["ignore"]
    assert [b["crowd"] for b in box][1]
    assert box[1]["weight"] == 0.25
    back = fl.read(tmp_path / "d")
    assert back.annotations["ignore"].to_pylist()[0] is True
    assert back.annotations["crowd"].to_pylist()[1] is True
    assert back.annotations["weight"].to_pylist()[1] == 0.25
    assert [back.categories["name"][k].as_py() for k in (0, 1)] == ["boat", "buoy"]
    assert back.annotations["category_id"].to_pylist() == [0, 0, 1]


def test_boxes_in_no_tile_are_counted_and_named(tmp_path):
    boxes = [
        [10, 10, 20, 20],
        [300, 10, 320, 20],  # outside
        [50, 50, 40, 60],  # reversed
        [200, 0, 200, 9],  # a line on the far edge
        [70, 70, 70, 70],  # a point inside
        [-30, -30, 20, 20],  # over the edge: whole
    ]
    root = one_image(tmp_path, boxes)
    text = (root / "labels.json").read_text().replace("[10, 10, 10, 10]", "[NaN, 10, 10, 10]")
    (root / "labels.json").write_text(text)
    made = fl.tile(root, size=200)
    assert {e.kind: e.count for e in made.ledger} == {
        "box not finite": 1,
        "box outside the image": 2,
        "box reversed": 1,
    }
    named = {e.kind: e.examples for e in made.ledger}
    assert named["box reversed"] == ("a.jpg: annotation 2",)
    assert boxes_of(made.table) == [
        (0, 4, 70, 70, 70, 70, "whole"),
        (0, 5, 0, 0, 20, 20, "whole"),
    ]
    assert made.counts["boxes_left_out"] == 4
    source = made.table["boxes"][0].as_py()[1]
    assert [source[k] for k in ("sx1", "sy1", "sx2", "sy2")] == [-30, -30, 20, 20]
    back = fl.tile_boxes_back(made.table).to_pylist()
    assert [back[1][k] for k in ("x1", "y1", "x2", "y2")] == [-30, -30, 20, 20]


coordinate = st.floats(-50, 350, width=64)


@given(
    st.lists(st.tuples(coordinate, coordinate, coordinate, coordinate), min_size=1, max_size=15),
    st.integers(10, 150),
    st.sampled_from([0, 0.2, 0.6]),
    st.sampled_from(["origin", "center"]),
    st.sampled_from(["shift", "pad"]),
)
@settings(max_examples=60, deadline=None)
def test_every_box_is_accounted_for_and_comes_back_exactly(
    tmp_path_factory, corners, size, overlap, anchor, last
):
    root = tmp_path_factory.mktemp("s")
    picture(root / "a.png", 300, 180)
    rows = np.sort(np.array(corners).reshape(-1, 2, 2), axis=1).reshape(-1, 4)
    base = fl.read(coco(root, [{"file_name": "a.png", "width": 300, "height": 180}], []))
    names = schema.ANNOTATIONS.names
    columns = {name: pa.nulls(len(rows), schema.ANNOTATIONS.field(name).type) for name in names}
    columns |= {
        "annotation_id": np.arange(len(rows)),
        "image_id": np.zeros(len(rows), np.int64),
        "category_id": np.zeros(len(rows), np.int32),
        **{name: rows[:, k] for k, name in enumerate(("x1", "y1", "x2", "y2"))},
    }
    ds = fl.Dataset(
        base.images, pa.table(columns), base.categories, base.problems, base.root, "coco"
    )
    made = fl.tile(ds, size=size, overlap=overlap, anchor=anchor, last=last)
    c = made.counts
    assert c["boxes"] == len(rows)
    assert c["boxes_whole"] + c["boxes_cut"] + c["boxes_ignore"] + c["boxes_left_out"] == len(rows)
    assert sum(e.count for e in made.ledger if e.kind.startswith("box")) == c["boxes_left_out"]
    back = fl.tile_boxes_back(made.table)
    for row in back.to_pylist():
        assert [row[k] for k in ("x1", "y1", "x2", "y2")] == rows[row["annotation_id"]].tolist()
    seen = set(back["annotation_id"].to_pylist())
    assert len(seen) == len(rows) - c["boxes_left_out"]
    limit = np.array([300, 180, 300, 180])
    for tile in made.table.to_pylist():
        origin = np.array([tile["x1"], tile["y1"]] * 2)
        for b in tile["boxes"]:
            if b["state"] != "whole" or min(origin) < 0:
                continue
            here = np.array([b[k] for k in ("x1", "y1", "x2", "y2")])
            assert (here + origin == np.clip(rows[b["annotation_id"]], 0, limit)).all()
    moved = fl.tile_boxes_back(made.table, shown=True)
    assert moved.num_rows == back.num_rows


def test_back_needs_a_tile_table():
    with pytest.raises(TypeError, match="table: got list"):
        fl.tile_boxes_back([])
    with pytest.raises(ValueError, match="has no column 'boxes'"):
        fl.tile_boxes_back(pa.table({"a": [1]}))
    assert fl.tile_boxes_back(schema.TILES.empty_table()).num_rows == 0


def test_padding_and_the_image_inside(tmp_path):
    root = one_image(tmp_path, [[150, 60, 220, 90]])
    made = fl.tile(root, size=128, overlap=0, last="pad", anchor="center")
    rows = made.table.to_pylist()
    assert [(r["x1"], r["y1"], r["x2"], r["y2"]) for r in rows][-1] == (100, -14, 228, 114)
    pads = [(r["pad_left"], r["pad_top"], r["pad_right"], r["pad_bottom"]) for r in rows]
    assert pads[-1] == (0, 14, 28, 14)
    # The box runs over the image's edge into the padding: it ends where the image ends.
    assert boxes_of(made.table)[-1][2:] == (50, 74, 100, 104, "whole")


# ---- negatives and splits -------------------------------------------------------------------


def many(root: Path) -> Path:
    images = [
        {"file_name": f"{split}/{k}.jpg", "width": 300, "height": 300, "id": 100 * s + k + 1}
        for s, split in enumerate(("train", "val"))
        for k in range(4)
    ]
    for s, split in enumerate(("train", "val")):
        mine = images[4 * s : 4 * s + 4]
        rows = [{"bbox": [5, 5, 20, 20], "image_id": mine[0]["id"], "id": s + 1}]
        coco(root, mine, rows, f"instances_{split}")
    return root


def test_negatives_are_a_share_of_the_empty_tiles_of_each_split(tmp_path):
    root = many(tmp_path / "s")
    every = fl.tile(root, size=100, overlap=0, negatives=1)
    assert every.counts["tiles"] == 72
    assert every.counts["negatives_kept"] == 70
    some = fl.tile(root, size=100, overlap=0, negatives=0.2, seed=1)
    assert some.counts["negatives_kept"] == 14
    assert some.counts["negatives_dropped"] == 56
    splits = some.table["split"].to_pylist()
    assert [splits.count(s) for s in ("train", "val")] == [8, 8]
    again = fl.tile(root, size=100, overlap=0, negatives=0.2, seed=1, workers=2)
    assert again.table.equals(some.table)
    other = fl.tile(root, size=100, overlap=0, negatives=0.2, seed=2)
    assert not other.table.equals(some.table)
    none = fl.tile(root, size=100, overlap=0, negatives=0)
    assert none.counts["tiles"] == none.counts["tiles_with_boxes"] == 2
    # A larger share keeps what a smaller one did.
    more = fl.tile(root, size=100, overlap=0, negatives=0.5, seed=1)
    keys = ("image_id", "x1", "y1")
    small = set(zip(*(some.table[k].to_pylist() for k in keys), strict=True))
    assert small <= set(zip(*(more.table[k].to_pylist() for k in keys), strict=True))


def test_all_tiles_of_an_image_stay_in_its_split(tmp_path):
    root = many(tmp_path / "s")
    made = fl.tile(root, tmp_path / "d", size=128, negatives=1, format="coco")
    of_image = dict(enumerate(fl.read(root).images["split"].to_pylist()))
    for row in made.table.to_pylist():
        assert row["split"] == of_image[row["image_id"]]
        assert row["file"].startswith(f"images/{row['split']}/")


def test_unlabelled_images_give_no_negatives(tmp_path):
    picture(tmp_path / "s" / "a.jpg", 200, 100)
    made = fl.tile(tmp_path / "s", tmp_path / "d", size=100, overlap=0, negatives=0)
    assert made.counts["tiles_unlabelled"] == made.counts["tiles"] == 2
    assert made.counts["negatives_kept"] == 0
    assert set(made.table["label_state"].to_pylist()) == {"unlabelled"}


# ---- what is written ------------------------------------------------------------------------


@pytest.mark.parametrize("fmt", ["coco", "yolo", "voc"])
def test_the_new_set_reads_back(tmp_path, fmt):
    boxes = [[10.25, 10, 30.5, 30], [93, 10, 103, 20], [91, 50, 101, 60], [140, 20, 180, 80]]
    root = one_image(tmp_path / "s", boxes)
    before = digest(root)
    made = fl.tile(root, tmp_path / "d", size=100, overlap=0, format=fmt)
    assert digest(root) == before
    back = fl.read(tmp_path / "d")
    assert back.format == fmt
    assert len(back) == made.counts["tiles"] == 2
    ours = {
        (row["file"].rpartition("/")[2], b["x1"], b["y1"], b["x2"], b["y2"], b["state"] == "ignore")
        for row in made.table.to_pylist()
        for b in row["boxes"]
    }
    joined = back.with_images_named().to_pylist()
    theirs = {
        (
            r["file_name"].rpartition("/")[2],
            *(r[k] for k in ("x1", "y1", "x2", "y2")),
            bool(r["ignore"]),
        )
        for r in joined
    }
    assert len(theirs) == 6
    for mine in ours:
        near = [t for t in theirs if t[0] == mine[0] and t[-1] == mine[-1]]
        assert any(np.allclose(t[1:5], mine[1:5], rtol=0, atol=1e-9) for t in near), mine
    for row in made.table.to_pylist():
        tile = cv2.imread(str(tmp_path / "d" / row["file"]))
        whole = cv2.imread(str(root / "a.jpg"))
        want = whole[row["y1"] : row["y2"], row["x1"] : row["x2"]]
        assert tile.shape == want.shape
        assert np.abs(tile.astype(int) - want).mean() < 4
    table = pq.read_table(tmp_path / "d" / "tiles.parquet")
    assert table.equals(made.table)
    about = json.loads(table.schema.metadata[b"fastlabel.tiles"])
    assert [c["name"] for c in about["categories"]] == ["boat", "buoy"]
    assert about["counts"] == made.counts


def test_the_table_alone_is_enough_to_train_from(tmp_path):
    root = one_image(tmp_path / "s", [[10, 10, 30, 30], [93, 10, 103, 20]])
    fl_table = fl.tile(root, size=100, overlap=0).table
    pq.write_table(fl_table, tmp_path / "t.parquet")
    table = pq.read_table(tmp_path / "t.parquet")
    about = json.loads(table.schema.metadata[b"fastlabel.tiles"])
    whole = cv2.imread(str(root / "a.jpg"))
    for row in table.to_pylist():
        window = [row[k] for k in ("x1", "y1", "x2", "y2")]
        pixels = fl.read_tile(Path(about["root"], row["image_path"]), window)
        np.testing.assert_array_equal(pixels, whole[window[1] : window[3], window[0] : window[2]])


def test_the_result_is_the_same_for_any_number_of_workers(tmp_path):
    root = many(tmp_path / "s")
    one = fl.tile(root, tmp_path / "a", size=128, workers=1)
    three = fl.tile(root, tmp_path / "b", size=128, workers=3)
    assert one.table.equals(three.table)
    assert digest(tmp_path / "a") == digest(tmp_path / "b")


def test_names_from_data_stay_inside_and_do_not_clash(tmp_path):
    images = [
        {"file_name": "x/a.jpg", "width": 50, "height": 50},
        {"file_name": "y/a.jpg", "width": 50, "height": 50},
        {"file_name": "../out.jpg", "width": 50, "height": 50, "absent": True},
    ]
    root = coco(tmp_path / "s", images, [{"bbox": [1, 1, 5, 5], "image_id": k} for k in (1, 2)])
    made = fl.tile(root, tmp_path / "d", size=50)
    assert [r.status for r in made.failed] == ["escaped"]
    files = made.table["file"].to_pylist()
    assert len(set(files)) == 2
    assert sorted(p.name for p in tmp_path.iterdir()) == ["d", "s"]


def test_polygons_are_moved_and_clipped(tmp_path):
    shape = [[80, 10, 120, 10, 120, 50, 80, 50], [10, 10, 20, 10, 15, 30]]
    rows = [{"bbox": [10, 10, 110, 40], "segmentation": shape, "area": 1700}]
    root = coco(tmp_path / "s", [{"file_name": "a.jpg", "width": 200, "height": 100}], rows)
    made = fl.tile(root, tmp_path / "d", size=100, overlap=0, min_visible=0)
    got = made.dataset.annotations
    left, right = (json.loads(text) for text in got["segmentation"].to_pylist())
    assert sorted(map(sorted, left)) == sorted(
        map(sorted, [[80, 10, 100, 10, 100, 50, 80, 50], [10, 10, 20, 10, 15, 30]])
    )
    assert len(right) == 1
    assert sorted(right[0]) == sorted([0, 10, 20, 10, 20, 50, 0, 50])
    assert got["area"].to_pylist() == [900, 800]
    assert got["truncation"].to_pylist() == pytest.approx([1 - 90 / 110, 1 - 20 / 110])


def test_masks_and_keypoints_that_are_not_moved_are_counted(tmp_path):
    rows = [
        {"bbox": [80, 10, 40, 40], "segmentation": {"size": [100, 200], "counts": [0, 9]}},
        {"bbox": [10, 10, 20, 20], "keypoints": [11, 12, 2], "num_keypoints": 1},
    ]
    root = coco(tmp_path / "s", [{"file_name": "a.jpg", "width": 200, "height": 100}], rows)
    made = fl.tile(root, tmp_path / "d", size=100, overlap=0)
    kinds = {(e.kind, e.count) for e in made.ledger}
    assert ("segmentation", 2) in kinds
    assert ("attributes", 1) in kinds
    assert made.dataset.annotations["segmentation"].null_count == 3


corner = st.tuples(st.integers(-20, 60), st.integers(-20, 60))


@given(st.lists(corner, min_size=3, max_size=8, unique=True))
@settings(max_examples=200, deadline=None)
def test_clipped_polygons_have_the_area_shapely_finds(points):
    shapely = pytest.importorskip("shapely")
    shape = shapely.Polygon(points)
    if not shape.is_valid:
        return
    cut = clip_polygon([(float(x), float(y)) for x, y in points], 0, 0, 40, 30)
    want = shape.intersection(shapely.box(0, 0, 40, 30)).area
    assert (polygon_area(cut) if cut else 0) == pytest.approx(want, abs=1e-7)
    assert all(0 <= x <= 40 and 0 <= y <= 30 for x, y in cut)


# ---- orientation ----------------------------------------------------------------------------


def test_exif_turned_pictures_have_upright_windows(shared_data, tmp_path):
    folder = shared_data / "jpeg-torture" / "exif-orientation"
    files = sorted(folder.glob("*_6.jpg")) or sorted(folder.glob("*6.jpg"))
    root = tmp_path / "s"
    root.mkdir()
    (root / "a.jpg").write_bytes(files[0].read_bytes())
    rows = [{"bbox": [1000, 100, 300, 200]}]
    upright = [{"file_name": "a.jpg", "width": 1800, "height": 1200}]
    coco(root, upright, rows)
    made = fl.tile(root, tmp_path / "d", size=600, overlap=0)
    assert set(made.table["image_width"].to_pylist()) == {1800}
    whole = cv2.imread(str(root / "a.jpg"))
    assert whole.shape[:2] == (1200, 1800)
    row = made.table.to_pylist()[0]
    tile = cv2.imread(str(tmp_path / "d" / row["file"]))
    want = whole[row["y1"] : row["y2"], row["x1"] : row["x2"]]
    assert np.abs(tile.astype(int) - want).mean() < 3
    # Labels that were drawn on the picture as it is stored would lie a quarter turn away.
    coco(root, [{"file_name": "a.jpg", "width": 1200, "height": 1800}], rows)
    with pytest.raises(DatasetError, match="labels-turned"):
        fl.tile(root, size=600)


def test_labels_of_another_size_are_named(tmp_path):
    root = one_image(tmp_path, [[10, 10, 30, 30]])
    text = (root / "labels.json").read_text().replace('"width": 200', '"width": 210')
    (root / "labels.json").write_text(text)
    made = fl.tile(root, size=100)
    assert [(e.kind, e.count, e.examples) for e in made.ledger] == [("size differs", 1, ("a.jpg",))]


# ---- bad input ------------------------------------------------------------------------------


def test_an_unreadable_picture_in_the_middle_is_named_and_the_rest_is_finished(tmp_path):
    images = [{"file_name": f"{k}.jpg", "width": 100, "height": 100} for k in range(5)]
    rows = [{"bbox": [10, 10, 20, 20], "image_id": k} for k in range(1, 6)]
    root = coco(tmp_path / "s", images, rows)
    whole = (root / "1.jpg").read_bytes()
    (root / "1.jpg").write_bytes(whole[:600])  # a header, and not much of a picture
    (root / "2.jpg").write_bytes(b"not a picture")
    (root / "3.jpg").unlink()
    made = fl.tile(root, tmp_path / "d", size=100)
    assert [r.file for r in made.failed if r.file != "1.jpg"] == ["2.jpg", "3.jpg"]
    statuses = {r.file: r.status for r in made.failed}
    assert statuses["2.jpg"] == "unreadable"
    assert statuses["3.jpg"] == "missing"
    assert statuses["1.jpg"] in ("truncated", "corrupt", "unreadable")
    assert made.counts["images_failed"] == 3
    assert made.table["image_name"].to_pylist() == ["0.jpg", "4.jpg"]
    assert made.counts["boxes_whole"] == 2
    assert made.counts["boxes_left_out"] == 3
    assert [(e.kind, e.count) for e in made.ledger] == [("box image failed", 3)]
    assert len(fl.read(tmp_path / "d")) == 2
    assert len(list((tmp_path / "d" / "images").rglob("*.jpg"))) == 2


def test_no_picture_at_all(tmp_path):
    images = [{"file_name": "a.jpg", "width": 100, "height": 100, "absent": True}]
    root = coco(tmp_path / "s", images, [{"bbox": [1, 1, 5, 5]}])
    with pytest.raises(DatasetError, match=r"none of its 1 images .* a\.jpg: missing"):
        fl.tile(root, tmp_path / "d")
    assert not (tmp_path / "d").exists()


def test_a_target_that_is_not_empty_is_refused_and_replaced_as_a_whole(tmp_path):
    root = one_image(tmp_path / "s", [[10, 10, 30, 30]])
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "mine.txt").write_text("x")
    with pytest.raises(DatasetError, match="not empty"):
        fl.tile(root, tmp_path / "d", size=100)
    assert [p.name for p in (tmp_path / "d").iterdir()] == ["mine.txt"]
    fl.tile(root, tmp_path / "d", size=100, overwrite=True)
    assert not (tmp_path / "d" / "mine.txt").exists()
    with pytest.raises(DatasetError, match="lies in the data set"):
        fl.tile(root, root / "tiles", size=100)


def test_a_full_disk_leaves_nothing(tmp_path, monkeypatch):
    root = one_image(tmp_path / "s", [[10, 10, 30, 30]])

    def full(*_args, **_more):
        raise OSError(errno.ENOSPC, "No space left on device")

    for place in ("pyarrow.parquet.write_table", "fastlabel.cut.cut_tiles"):
        with monkeypatch.context() as patch:
            patch.setattr(place, full)
            with pytest.raises(OSError, match="No space left"):
                fl.tile(root, tmp_path / "d", size=100)
        assert [p.name for p in tmp_path.iterdir()] == ["s"]


def test_a_plan_of_too_many_tiles_is_counted_first(tmp_path):
    root = one_image(tmp_path / "s", [[10, 10, 30, 30]], 2000, 1000)
    with pytest.raises(TooManyTiles, match="2,000,000 tiles of 1 images") as caught:
        fl.tile(root, size=1, overlap=0)
    assert caught.value.count == 2_000_000
    with pytest.raises(TooManyTiles):
        fl.tile(root, tmp_path / "d", size=100, overlap=0, max_tiles=199)
    assert not (tmp_path / "d").exists()
    assert fl.tile(root, size=100, overlap=0, negatives=1, max_tiles=200).counts["tiles"] == 200


def test_a_tile_larger_than_the_image(tmp_path):
    root = one_image(tmp_path / "s", [[10, 10, 30, 30]])
    made = fl.tile(root, tmp_path / "d", size=640)
    row = made.table.to_pylist()[0]
    assert (row["x2"], row["y2"]) == (200, 100)
    padded = fl.tile(root, tmp_path / "p", size=640, last="pad")
    row = padded.table.to_pylist()[0]
    assert (row["x2"], row["pad_right"], row["pad_bottom"]) == (640, 440, 540)
    tile = cv2.imread(str(tmp_path / "p" / row["file"]))
    assert tile.shape == (640, 640, 3)
    assert abs(int(tile[500, 500].mean()) - 114) <= 1
    with pytest.raises(DatasetError, match="65,500"):
        fl.tile(root, tmp_path / "q", size=70_000, last="pad")


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"size": 0}, "size: got 0"),
        ({"overlap": 1}, "overlap: got 1"),
        ({"overlap": -0.2}, "overlap: got -0.2"),
        ({"overlap": math.nan}, "overlap: got nan"),
        ({"min_visible": 1.5}, "min_visible: got 1.5"),
        ({"min_visible": math.nan}, "min_visible: got nan"),
        ({"negatives": -1}, "negatives: got -1"),
        ({"quality": 0}, "quality: got 0"),
        ({"workers": -1}, "workers: got -1"),
        ({"seed": -1}, "seed: got -1"),
        ({"format": "tfrecord"}, "format: got 'tfrecord'"),
    ],
)
def test_arguments_that_are_none(tmp_path, arguments, text):
    root = one_image(tmp_path / "s", [[10, 10, 30, 30]])
    with pytest.raises(ValueError, match=text):
        fl.tile(root, tmp_path / "d", **arguments)
    assert not (tmp_path / "d").exists()
