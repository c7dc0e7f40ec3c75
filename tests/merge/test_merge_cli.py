"""``fastlabel merge-tiles``: files in, one file out, or a message."""

from __future__ import annotations

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from fastlabel.cli import _group
from fastlabel.dataset import DatasetError

TILES = [
    {"tile_id": 0, "file": "a_x0_y0.jpg", "image_id": 5, "window": [0, 0, 100, 100]},
    {"tile_id": 1, "file": "a_x80_y0.jpg", "image_id": 5, "window": [80, 0, 180, 100]},
    {"tile_id": 2, "file": "b_x0_y0.jpg", "image_id": 6, "window": [0, 0, 100, 100]},
]


def entry(image, box, score, category=3, **more):
    return {"image_id": image, "category_id": category, "bbox": box, "score": score, **more}


def predictions(names=(0, 1, 2)):
    return [
        entry(names[0], [70, 40, 30, 20], 0.9, category_name="car"),
        entry(names[1], [0, 41, 49, 20], 0.7),
        entry(names[2], [1, 2, 3, 4], 0.2, 8),
    ]


@pytest.fixture
def run(tmp_path):
    def call(found, tiles, *options, out="out.json"):
        pred = tmp_path / "pred.json"
        pred.write_text(found if isinstance(found, str) else json.dumps(found))
        place = tmp_path / "tiles.json"
        if isinstance(tiles, list):
            place.write_text(json.dumps(tiles))
        else:
            place = tiles
        words = [str(pred), "--tiles", str(place), "-o", str(tmp_path / out), *options]
        done = CliRunner().invoke(_group, ["merge-tiles", *words])
        if done.exception is not None and not isinstance(done.exception, SystemExit):
            raise done.exception
        assert done.exit_code == 0, done.output
        return json.loads((tmp_path / out).read_text()), done.output

    return call


MERGED = [
    entry(5, [70, 40, 59, 21], 0.9, category_name="car"),
    entry(6, [1, 2, 3, 4], 0.2, 8),
]


@pytest.mark.parametrize(
    "names",
    [
        (0, 1, 2),
        ("a_x0_y0.jpg", "a_x80_y0.jpg", "b_x0_y0.jpg"),
        ("a_x0_y0", "a_x80_y0", "b_x0_y0"),
    ],
)
def test_tiles_by_number_and_by_name(run, names):
    merged, said = run(predictions(names), TILES)
    assert merged == MERGED
    assert "2 boxes in 2 of 2 images, from 3 in 3 tiles; 1 joined across edges" in said


def table(folder, **more):
    folder.mkdir()
    columns = {
        "tile_id": pa.array([0, 1, 2]),
        "image_id": pa.array([5, 5, 6]),
        "image_name": ["x/a.jpg", "x/a.jpg", "b.jpg"],
        "image_width": pa.array([180, 180, 90], pa.int32()),
        "image_height": pa.array([100, 100, 80], pa.int32()),
        **{
            name: pa.array([tile["window"][k] for tile in TILES])
            for k, name in enumerate(("x1", "y1", "x2", "y2"))
        },
        "file": [f"images/train/{tile['file']}" for tile in TILES],
        **more,
    }
    pq.write_table(pa.table(columns), folder / "tiles.parquet")
    return folder


def named(entries):
    return [e | {"file_name": n} for e, n in zip(entries, ("x/a.jpg", "b.jpg"), strict=True)]


def test_the_table_of_a_set_of_tiles(run, tmp_path):
    folder = table(tmp_path / "set")
    for tiles in (folder, folder / "tiles.parquet"):
        assert run(predictions(), tiles)[0] == named(MERGED)
        by_path = predictions([f"images/train/{tile['file']}" for tile in TILES])
        assert run(by_path, tiles)[0] == named(MERGED)


def test_numbers_are_those_of_the_coco_files_of_the_tiles(run, tmp_path):
    folder = table(tmp_path / "set")
    (folder / "annotations").mkdir()
    images = [
        {"id": k + 1, "file_name": f"images/train/{tile['file']}"} for k, tile in enumerate(TILES)
    ]
    file = folder / "annotations" / "instances_train.json"
    file.write_text(json.dumps({"images": images, "annotations": [], "categories": []}))
    assert run(predictions((1, 2, 3)), folder)[0] == named(MERGED)
    with pytest.raises(DatasetError, match=r"1 of 3 predictions .* no tile of the table: 0"):
        run(predictions(), folder)


def test_ids_of_the_sources_labels(run, tmp_path):
    folder = table(tmp_path / "set")
    labels = tmp_path / "labels.json"
    images = [{"id": 77, "file_name": "b.jpg"}, {"id": 78, "file_name": "x/a.jpg"}]
    labels.write_text(json.dumps({"images": images}))
    merged, _ = run(predictions(), folder, "--ids-from", str(labels))
    assert [e["image_id"] for e in merged] == [78, 77]
    labels.write_text(json.dumps({"images": images[:1]}))
    with pytest.raises(DatasetError, match=r"has no image 'x/a\.jpg'"):
        run(predictions(), folder, "--ids-from", str(labels))


def test_the_whole_frame_and_the_options(run, tmp_path):
    whole = tmp_path / "whole.json"
    whole.write_text(json.dumps([entry(5, [10, 10, 140, 80], 0.4)]))
    merged, said = run(predictions(), TILES, "--full-frame", str(whole))
    assert merged[0]["bbox"] == [10, 10, 140, 80] and merged[0]["score"] == 0.9
    assert "and 1 in whole frames" in said
    merged, said = run(predictions(), TILES, "--no-join")
    assert len(merged) == 3 and "0 joined" in said
    double = [*predictions(), entry(0, [71, 40, 29, 20], 0.5, 4)]
    assert len(run(double, TILES, "--no-join")[0]) == 4
    assert len(run(double, TILES, "--no-join", "--all-classes")[0]) == 3
    assert len(run(double, TILES, "--method", "wbf", "--metric", "ios")[0]) == 3


def test_nothing_found_is_an_empty_list(run):
    merged, said = run([], TILES)
    assert merged == [] and "0 boxes in 0 of 2 images, from 0 in 3 tiles" in said


def test_what_is_left_out_is_counted(run):
    found = [*predictions(), entry(1, [500, 500, 5, 5], 0.5), entry(1, [5, 5, 0, 5], 0.5)]
    merged, said = run(found, TILES)
    assert merged == MERGED and "left out: 1 empty, 1 outside" in said


BAD = [
    ([entry(9, [0, 0, 1, 1], 0.5)], TILES, "no tile of the table: 9"),
    ([entry("c.jpg", [0, 0, 1, 1], 0.5)], TILES, "no tile of the table: 'c.jpg'"),
    ([entry(0, [0, 0, 1, 1], 1.5)], TILES, r"#/0/score: got 1.5, expected a number from 0 to 1"),
    ('[{"image_id": 0, "category_id": 1, "bbox": [0, 0, 1, 1], "score": NaN}]', TILES, "/0/score"),
    ('[{"image_id": 0, "category_id": 1, "bbox": [NaN, 0, 1, 1], "score": 0}]', TILES, "/0/bbox"),
    ([entry(0, [0, 0, -1, 1], 0.5)], TILES, "/0/bbox"),
    ([entry(0, [0, 0, 1], 0.5)], TILES, "/0/bbox"),
    ([entry(0, [0, 0, 10**400, 1], 0.5)], TILES, "/0/bbox"),
    ([entry(0, "cat", 0.5)], TILES, "/0/bbox"),
    ([entry(True, [0, 0, 1, 1], 0.5)], TILES, "/0/image_id"),
    ([entry(0, [0, 0, 1, 1], 0.5, "car")], TILES, "/0/category_id"),
    ([3], TILES, "#/0: got 3, expected an object"),
    ({"annotations": []}, TILES, "with annotations .* expected COCO results"),
    ("[1,", TILES, "is not valid JSON"),
    ("[" * 100_000, TILES, "is not valid JSON"),
    ([], [{"tile_id": 0, "image_id": 0, "window": [0, 0, 1.5, 1]}], "/0/window"),
    ([], [{"tile_id": 0, "image_id": 0, "window": [9, 0, 1, 1]}], "window of tile 0"),
    ([], [{"tile_id": 0, "window": [0, 0, 1, 1]}], "/0/image_id"),
    ([], [{"image_id": 0, "window": [0, 0, 1, 1]}], "a tile_id or a file"),
    ([], [7], "#/0: got 7"),
]


@pytest.mark.parametrize(("found", "tiles", "message"), BAD)
def test_bad_files_are_named_and_nothing_is_written(run, tmp_path, found, tiles, message):
    with pytest.raises(DatasetError, match=message):
        run(found, tiles)
    assert not (tmp_path / "out.json").exists()


def test_bad_tables(run, tmp_path):
    with pytest.raises(DatasetError, match="cannot be read"):
        run([], tmp_path / "none.parquet")
    (tmp_path / "bad.parquet").write_bytes(b"PAR1 no")
    with pytest.raises(DatasetError, match="is no Parquet file"):
        run([], tmp_path / "bad.parquet")
    pq.write_table(pa.table({"x1": [1]}), tmp_path / "other.parquet")
    with pytest.raises(DatasetError, match="has no column image_id, y1, x2, y2"):
        run([], tmp_path / "other.parquet")
    folder = table(tmp_path / "nulls", x1=pa.array([None, 0, 0], pa.int64()))
    with pytest.raises(DatasetError, match="column x1 has nulls"):
        run([], folder)


def test_inputs_are_not_written_over(run):
    with pytest.raises(DatasetError, match="is one of the inputs"):
        run([], TILES, out="pred.json")


@pytest.mark.parametrize("named", ["tiles", "tiles/tiles.parquet"])
@pytest.mark.parametrize("out", ["tiles/tiles.parquet", "tiles/annotations/instances.json"])
def test_the_folder_of_tiles_is_not_written_over(run, tmp_path, named, out):
    for place in ("tiles/tiles.parquet", "tiles/annotations/instances.json"):
        (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / place).write_bytes(b"mine")
    with pytest.raises(DatasetError, match="is one of the inputs"):
        run([], tmp_path / named, out=out)
    assert (tmp_path / out).read_bytes() == b"mine"
