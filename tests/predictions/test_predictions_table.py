"""The table itself: ids, order by image, and the round trip through files and Arrow."""

from __future__ import annotations

import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from small_sets import coco_set, random_results

import fastlabel as fl
from fastlabel import schema


@pytest.fixture
def ds(tmp_path):
    return coco_set(tmp_path / "set")


def test_from_arrays(ds):
    found = fl.Predictions.from_arrays(
        ds, [2, 0], [1, -1], [[0, 0, 5, 5], [1, 1, 2, 2]], [0.5, 1], names=["dog", "cow"]
    )
    assert found.table.schema.equals(schema.PREDICTIONS)
    assert found.table["category_id"].to_pylist() == [1, None]
    assert found.column("category_id").tolist() == [1, -1]
    assert found.knows[0].tolist() == [0, 1, 2] and found.seen[0].tolist() == [0, 1, 2]
    assert repr(found) == "Predictions(arrays: 2 boxes in 3 images)"
    assert pl.from_arrow(found.table).height == len(found) == 2
    assert pa.table(found).num_rows == 2


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"image_ids": [3]}, "image_ids: got 3"),
        ({"image_ids": [-1]}, "image_ids"),
        ({"category_ids": [3]}, "category_ids"),
        ({"category_ids": [-2]}, "category_ids"),
        ({"scores": [1.5]}, "scores"),
        ({"scores": [float("nan")]}, "scores"),
        ({"scores": [0.5, 0.5]}, r"scores: got shape \(2,\)"),
        ({"boxes": [[1, 2, 3]]}, "boxes"),
        ({"model": [1]}, "model"),
        ({"knows": [[0], [1]]}, "knows"),
    ],
)
def test_wrong_arrays_are_refused(ds, change, words):
    given = {
        "image_ids": [0],
        "category_ids": [0],
        "boxes": [[0, 0, 1, 1]],
        "scores": [0.5],
    } | change
    with pytest.raises(ValueError, match=words):
        fl.Predictions.from_arrays(ds, **given)


def test_order_by_image_keeps_the_order_within(ds):
    rng = np.random.default_rng(0)
    found = fl.read_predictions(random_results(rng, 500), ds)
    order, offsets = found.by_image(len(ds))
    ids = found.column("image_id")
    assert sorted(order.tolist()) == list(range(500))
    for image in range(len(ds)):
        mine = order[offsets[image] : offsets[image + 1]]
        assert (ids[mine] == image).all() and (np.diff(mine) > 0).all()
    assert offsets[-1] == 500


def test_its_own_table_is_read_back_by_its_ids(ds):
    found = fl.read_predictions(random_results(np.random.default_rng(0), 50), ds)
    again = fl.read_predictions(found.table, ds)
    drop = found.table.drop_columns(["origin"])
    assert again.table.drop_columns(["origin"]).equals(drop)
    assert fl.read_predictions(found, ds) is found
    assert fl.read_predictions(pl.from_arrow(found.table), ds).boxes().tolist() == (
        found.boxes().tolist()
    )


def test_a_picture_listed_twice_has_its_predictions_twice(tmp_path):
    images = [(1, "a.jpg", 100, 100), (2, "b.jpg", 100, 100), (3, "a.jpg", 100, 100)]
    ds = coco_set(tmp_path / "set", images)
    box = {"category_id": 3, "bbox": [1, 2, 3, 4], "score": 0.5}
    by_name = fl.read_predictions([{"image_id": "a.jpg", **box}, {"image_id": "b", **box}], ds)
    assert by_name.column("image_id").tolist() == [0, 2, 1]
    by_id = fl.read_predictions([{"image_id": 3, **box}], ds)
    assert by_id.column("image_id").tolist() == [2]


def test_names_that_may_be_several_images_are_not_guessed(tmp_path):
    images = [(1, "x/a.jpg", 99, 99), (2, "y/a.jpg", 99, 99), (3, "b.jpg", 99, 99)]
    ds = coco_set(tmp_path / "set", images)
    box = {"category_id": 3, "bbox": [1, 2, 3, 4], "score": 0.5}
    found = fl.read_predictions([{"image_id": k, **box} for k in ("a", "y/a", "b")], ds)
    assert found.column("image_id").tolist() == [1, 2]
    assert "may be several images" in found.problems["message"][0].as_py()


def test_numbers_without_ids_are_numbers_in_names_or_rows(shared_data):
    box = {"class": "can", "score": 0.5, "xyxy": [1, 2, 30, 40]}
    fridge = fl.read(shared_data / "fridge")  # 10.jpg to 15.jpg
    found = fl.read_predictions([{"image_id": 12, **box}, {"image_id": 2, **box}], fridge)
    assert fridge.images["path"][int(found.column("image_id")[0])].as_py().endswith("/12.jpg")
    assert found.problems["kind"].to_pylist() == ["unknown-image"]
    raccoon = fl.read(shared_data / "raccoon")
    found = fl.read_predictions([{"image_id": 7, **box}], raccoon)
    assert found.column("image_id").tolist() == [7]


def test_ids_that_several_files_give_are_not_guessed(tmp_path):
    folder = tmp_path / "set"
    coco_set(folder, [(1, "train/a.jpg", 99, 99), (2, "train/b.jpg", 99, 99)])
    (folder / "labels.json").rename(folder / "instances_train.json")
    coco_set(folder, [(1, "val/a.jpg", 99, 99), (3, "val/c.jpg", 99, 99)])
    (folder / "labels.json").rename(folder / "instances_val.json")
    ds = fl.read(folder)
    box = {"category_id": 3, "bbox": [1, 2, 3, 4], "score": 0.5}
    found = fl.read_predictions([{"image_id": k, **box} for k in (1, 2, 3)], ds)
    assert len(found) == 2
    assert "may be several images" in found.problems["message"][0].as_py()
    with pytest.raises(fl.DatasetError, match="select one split"):
        fl.read_predictions([{"image_id": 1, **box}], ds)
    val = ds.select_split("val")
    assert len(fl.read_predictions([{"image_id": 1, **box}], val)) == 1


def test_an_id_that_one_file_gives_twice_is_its_first_images(tmp_path):
    ds = coco_set(tmp_path / "set", [(1, "a.jpg", 99, 99), (1, "b.jpg", 99, 99)])
    box = {"category_id": 3, "bbox": [1, 2, 3, 4], "score": 0.5}
    assert fl.read_predictions([{"image_id": 1, **box}], ds).column("image_id").tolist() == [0]
