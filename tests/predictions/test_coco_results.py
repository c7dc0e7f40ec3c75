"""COCO results: against ``json`` and pycocotools, and everything that can be wrong in a file."""

from __future__ import annotations

import contextlib
import io
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_sets import IMAGES, coco_set, random_results, result, written

import fastlabel as fl
from fastlabel.predictions import coco_results


@pytest.fixture
def ds(tmp_path):
    return coco_set(tmp_path / "set")


def kinds(predictions):
    return predictions.problems["kind"].to_pylist()


def test_each_result_is_a_row_in_the_ids_of_the_set(ds, tmp_path):
    rng = np.random.default_rng(0)
    rows = random_results(rng, 200)
    found = fl.read_predictions(written(tmp_path / "p.json", rows), ds)
    source = [int(s) for s in ds.images["source_id"].to_pylist()]
    classes = [int(s) for s in ds.categories["source_id"].to_pylist()]
    assert [source[k] for k in found.column("image_id")] == [r["image_id"] for r in rows]
    assert [classes[k] for k in found.column("category_id")] == [r["category_id"] for r in rows]
    assert found.column("score").tolist() == [r["score"] for r in rows]
    boxes = np.array([r["bbox"] for r in rows])
    np.testing.assert_array_equal(found.boxes()[:, :2], boxes[:, :2])
    np.testing.assert_array_equal(found.boxes()[:, 2:], boxes[:, :2] + boxes[:, 2:])
    assert found.table["origin"].to_pylist()[:2] == ["p.json#/0", "p.json#/1"]
    assert found.table["name"].to_pylist()[0] in ("cat", "dog", "Traffic Light")
    assert found.models == ("p.json",) and not kinds(found)


def test_real_detections_are_those_that_pycocotools_reads(shared_data):
    from pycocotools.coco import COCO

    folder = shared_data / "predictions" / "faster-coco-eval" / "cocoapi"
    labels, results = folder / "instances_val2014_100.json", "fakebbox100_results.json"
    ds = fl.read(labels)
    found = fl.read_predictions(folder / f"instances_val2014_{results}", ds)
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO(str(labels)).loadRes(str(folder / f"instances_val2014_{results}"))
    rows = [truth.anns[k] for k in sorted(truth.anns)]
    assert len(found) == len(rows) == 734
    ids = ds.images["source_id"].to_pylist()
    assert [int(ids[k]) for k in found.column("image_id")] == [r["image_id"] for r in rows]
    np.testing.assert_array_equal(found.column("score"), [r["score"] for r in rows])
    np.testing.assert_allclose(
        found.boxes()[:, 2] - found.boxes()[:, 0], [r["bbox"][2] for r in rows], atol=1e-9
    )
    # A val set in which the model found something on every image: all of them were seen.
    assert len(found.seen[0]) == 100
    assert len(found.knows[0]) == len({r["category_id"] for r in rows})


numbers = st.one_of(
    st.integers(-5, 400), st.floats(0, 300, allow_nan=False), st.just(1e300), st.none()
)
records = st.one_of(
    st.builds(
        result,
        st.sampled_from([11, 12, 15, 99, "a.jpg", "deep/c.png", "c", 11.0, None, True]),
        st.sampled_from([3, 7, 1, 44, "dog", None]),
        st.lists(numbers, min_size=3, max_size=5),
        st.one_of(st.floats(0, 1), st.sampled_from([0, 1, 2, -1, "0.5", None, float("nan")])),
    ),
    st.builds(result, category_name=st.sampled_from(["cat", "dog", "bird"])),
    st.builds(result, file_name=st.sampled_from(["a.jpg", "b.jpg"]), image=st.just(0)),
    st.builds(result, segmentation=st.just({"size": [3, 4], "counts": "04"}), area=st.just(3.5)),
    st.sampled_from([[], {}, 3, "x", None, {"image_id": 11}]),
)


@settings(max_examples=150, deadline=None)
@given(st.lists(records, max_size=12), st.sampled_from([None, 1]))
def test_the_native_reader_says_what_the_plain_one_says(tmp_path_factory, rows, indent):
    folder = tmp_path_factory.mktemp("twin")
    path = folder / "p.json"
    path.write_text(json.dumps(rows, indent=indent))

    def told(raw):
        place = np.arange(len(raw)) if raw.index is None else raw.index
        return (
            [raw.image_keys[k] for k in raw.image_codes.tolist()],
            [raw.class_keys[k] for k in raw.class_codes.tolist()],
            np.nan_to_num(raw.boxes, nan=-7).tolist(),
            np.nan_to_num(raw.scores, nan=-7).tolist(),
            place.tolist(),
            sorted(note["pointer"] for note in raw.notes.rows),
        )

    native = coco_results._native(path)
    if native is not None:
        assert told(native) == told(coco_results.from_list(rows, str(path), list(range(len(rows)))))


def test_plain_files_do_go_through_the_native_reader(tmp_path):
    rows = random_results(np.random.default_rng(1), 30)
    rows[4]["score"] = float("nan")  # one that it leaves over
    raw = coco_results._native(written(tmp_path / "p.json", rows))
    assert raw is not None and len(raw) == 30 and np.isnan(raw.scores[4])


def test_places_count_records_that_the_native_reader_leaves_over(ds, tmp_path):
    rows = [result(), result(bbox=[1, 2, 3]), result(category=None), result(score=7), result()]
    found = fl.read_predictions(written(tmp_path / "p.json", rows), ds)
    assert sorted(p for p in found.problems["pointer"].to_pylist()) == [
        *("/1/bbox", "/2/category_id", "/3")
    ]
    assert found.table["origin"].to_pylist() == ["p.json#/0", "p.json#/4"]


def test_scores_are_as_written_to_the_last_bit(ds, tmp_path):
    scores = [0.1, 0.2 + 0.1, 1 / 3, 5e-324, 1 - 2**-53]
    rows = [result(score=s) for s in scores]
    found = fl.read_predictions(written(tmp_path / "p.json", rows), ds)
    assert found.column("score").tolist() == scores


def test_names_and_files_beside_the_ids_have_the_last_word(ds, tmp_path):
    rows = [
        result(image=999, category=999, file_name="deep/c.png", category_name="dog"),
        result(image="b", category=999, category_name="traffic_light"),
        result(image="c.png", category=7),
    ]
    found = fl.read_predictions(written(tmp_path / "p.json", rows), ds)
    assert found.column("image_id").tolist() == [2, 1, 2]
    assert found.column("category_id").tolist() == [1, 2, 1]
    assert found.table["name"].to_pylist() == ["dog", "traffic_light", "dog"]


def test_a_coco_file_of_its_own_goes_by_names(shared_data):
    toy = shared_data / "predictions" / "review-metrics" / "toyexample"
    ds = fl.read(toy / "gts_coco_format" / "toy_example_coco.JSON")
    found = fl.read_predictions(toy / "dets_coco_format" / "coco_dets.json", ds)
    assert len(found) == 12 and set(found.table["name"].to_pylist()) == {"cat"}
    assert kinds(found) == ["past-edge", "past-edge"]
    assert "500 x 366" in found.problems["message"][0].as_py()


class TestClasses:
    def test_of_other_ids_are_kept_apart_and_named(self, ds, tmp_path):
        rows = [result(category=3), result(category=55), result(category=55)]
        found = fl.read_predictions(written(tmp_path / "p.json", rows), ds)
        assert found.column("category_id").tolist() == [0, -1, -1]
        assert found.table["category_id"].null_count == 2
        problem = found.problems.to_pylist()[0]
        assert problem["kind"] == "unknown-category" and problem["pointer"] == "/1"
        assert "55" in problem["message"] and "names" in problem["message"]
        assert found.knows[0].tolist() == [0]

    def test_by_a_list_of_names_the_whole_list_is_known(self, ds, tmp_path):
        rows = [result(category=1), result(category=2)]
        path = written(tmp_path / "p.json", rows)
        found = fl.read_predictions(path, ds, names=["cat", "dog", "bird"])
        assert found.column("category_id").tolist() == [1, -1]
        assert found.knows[0].tolist() == [0, 1]

    def test_by_a_map_of_ids_or_names(self, ds, tmp_path):
        rows = [result(category=0), result(category=1), result(category=2)]
        path = written(tmp_path / "p.json", rows)
        names = {0: "pussy", 1: "dog", 2: "dog house", "pussy": "cat", "dog": None}
        found = fl.read_predictions(path, ds, names=names)
        assert found.column("category_id").tolist() == [0, -1, -1]
        assert found.table["name"].to_pylist() == ["pussy", "dog", "dog house"]
        assert found.knows[0].tolist() == [0]

    def test_a_map_to_a_class_that_is_none_is_refused(self, ds, tmp_path):
        path = written(tmp_path / "p.json", [result()])
        with pytest.raises(fl.DatasetError, match=r"'x' is to be 'cow'.*cat, dog"):
            fl.read_predictions(path, ds, names={"x": "cow"})

    def test_ids_without_any_meaning_are_refused(self, drawn_sample, tmp_path):
        voc = fl.read(drawn_sample("voc")[0])
        rows = [result(image=voc.images["path"][0].as_py())]
        with pytest.raises(fl.DatasetError, match=r"class ids .* pass names"):
            fl.read_predictions(written(tmp_path / "p.json", rows), voc)

    @pytest.mark.parametrize("names", ["cat", 3, [1, 2], {"a": 1}, {1: None}, {(1,): "x"}])
    def test_names_of_another_type(self, ds, names):
        with pytest.raises(TypeError, match="names"):
            fl.read_predictions([result()], ds, names=names)


class TestBadRows:
    def test_images_that_the_set_has_not_are_named_once_each(self, ds, tmp_path):
        rows = [result(), result(image=999), result(image="z.jpg"), result(image=999)]
        found = fl.read_predictions(written(tmp_path / "p.json", rows), ds)
        assert len(found) == 1 and kinds(found) == ["unknown-image", "unknown-image"]
        first = found.problems.to_pylist()[0]
        assert first["pointer"] == "/1" and "2 predictions" in first["message"]

    def test_all_of_another_set_is_an_error(self, ds, tmp_path):
        rows = [result(image=k) for k in range(500, 505)]
        with pytest.raises(fl.DatasetError, match=r"none of the images.*500.*'a.jpg'"):
            fl.read_predictions(written(tmp_path / "p.json", rows), ds)

    @pytest.mark.parametrize("score", [1.5, -0.1, float("nan"), float("inf"), None, "0.9", True])
    def test_one_bad_score(self, ds, tmp_path, score):
        rows = [result(), result(score=score), result(), result()]
        found = fl.read_predictions(written(tmp_path / "p.json", rows), ds)
        assert len(found) == 3 and kinds(found) == ["bad-score"]
        assert found.problems["pointer"][0].as_py() == "/1"
        assert "0 to 1" in found.problems["message"][0].as_py()

    @pytest.mark.parametrize(
        ("scores", "word"),
        [([55, 97, 3], "percent"), ([-3.2, 4.5, 700], "sigmoid"), ([None] * 3, "no prediction")],
    )
    def test_all_scores_of_another_kind(self, ds, tmp_path, scores, word):
        rows = [result(score=s) for s in scores]
        with pytest.raises(fl.DatasetError, match=word):
            fl.read_predictions(written(tmp_path / "p.json", rows), ds)

    @pytest.mark.parametrize("box", [[1, 2, -3, 4], [1, 2, float("nan"), 4], [1, 2, 3, 1e999]])
    def test_one_bad_box(self, ds, tmp_path, box):
        found = fl.read_predictions(written(tmp_path / "p.json", [result(), result(bbox=box)]), ds)
        assert len(found) == 1 and kinds(found) == ["bad-box"]
        assert found.problems["pointer"][0].as_py() == "/1"

    @pytest.mark.parametrize(
        ("entry", "pointer"),
        [
            (7, "/1"),
            ({"image_id": 11, "category_id": 3, "score": 0.5}, "/1/bbox"),
            (result(bbox=[1, 2, 3]), "/1/bbox"),
            (result(image=None), "/1/image_id"),
            (result(category=None), "/1/category_id"),
        ],
    )
    def test_what_is_no_prediction_has_its_place(self, ds, tmp_path, entry, pointer):
        found = fl.read_predictions(written(tmp_path / "p.json", [result(), entry]), ds)
        assert len(found) == 1 and kinds(found) == ["malformed-row"]
        assert found.problems["pointer"][0].as_py() == pointer

    def test_many_are_counted_in_full(self, ds):
        rows = [result() for _ in range(400)] + [result(score=3) for _ in range(350)]
        found = fl.read_predictions(rows, ds)
        assert len(found) == 400
        assert found.problems.num_rows == 101
        assert "250 more" in found.problems["message"][100].as_py()


class TestBoxes:
    def test_past_the_edge_is_kept_and_told_by_image(self, ds, tmp_path):
        rows = [
            result(bbox=[150, 50, 51, 30]),  # a pixel past the edge: rounding
            result(bbox=[150, 50, 80, 30]),
            result(bbox=[-9, 50, 80, 70]),
            result(12),
        ]
        found = fl.read_predictions(written(tmp_path / "p.json", rows), ds)
        assert len(found) == 4 and found.boxes()[1, 2] == 230
        assert kinds(found) == ["past-edge"]
        problem = found.problems.to_pylist()[0]
        assert problem["image_id"] == 0 and problem["pointer"] == "/1"
        assert "2 predictions" in problem["message"] and "30.0 px" in problem["message"]

    def test_pixels_of_another_size_are_refused(self, ds, tmp_path):
        rows = [result(i, bbox=[100, 100, 500, 300]) for i, *_ in IMAGES]
        with pytest.raises(fl.DatasetError, match="another size"):
            fl.read_predictions(written(tmp_path / "p.json", rows), ds)

    def test_shares_of_the_image_are_refused_as_pixels(self, ds):
        rows = [result(bbox=[0.1, 0.2, 0.3, 0.4]) for _ in range(4)]
        with pytest.raises(fl.DatasetError, match="box_format="):
            fl.read_predictions(rows, ds)


class TestFiles:
    def test_an_empty_list_is_a_model_that_found_nothing(self, ds, tmp_path):
        found = fl.read_predictions(written(tmp_path / "p.json", []), ds)
        assert len(found) == 0 and kinds(found) == ["no-predictions"]
        assert len(found.seen[0]) == len(found.knows[0]) == 0
        seen = fl.read_predictions(tmp_path / "p.json", ds, seen="all").seen[0]
        assert seen.tolist() == [0, 1, 2]

    @pytest.mark.parametrize(
        ("text", "words"),
        [
            ("", "is empty.*writes \\[\\]"),
            ("  \n", "is empty"),
            ('[{"image_id": 1, "bbox": [1,2', "not valid JSON.*cut short"),
            ("[1, 2", "not valid JSON"),
            ('{"images": [], "annotations": []}', "annotations .labels"),
            ('"bbox"', "holds text"),
            ("[" * 100000, "nested|JSON"),
            ('[{"bbox": 1}] , "x": 2', "JSON"),
            ('[3, "bbox"]', "none of 2"),
        ],
    )
    def test_that_are_no_results(self, ds, tmp_path, text, words):
        path = tmp_path / "p.json"
        path.write_text(text)
        with pytest.raises(fl.DatasetError, match=words) as error:
            fl.read_predictions(path, ds)
        assert "p.json" in str(error.value)

    def test_masks_without_boxes_say_so(self, ds, tmp_path):
        row = {"image_id": 11, "category_id": 3, "score": 0.5, "segmentation": "x"}
        with pytest.raises(fl.DatasetError, match="segmentation and no bbox"):
            fl.read_predictions(written(tmp_path / "p.json", [row]), ds)

    @pytest.mark.parametrize("name", ["none.json", "none.xyz", "folder"])
    def test_that_are_not_there(self, ds, tmp_path, name):
        if name == "folder":
            (tmp_path / name).mkdir()
        with pytest.raises(fl.DatasetError, match=name):
            fl.read_predictions(tmp_path / name, ds)

    def test_damaged_ones_never_crash(self, ds, tmp_path):
        good = json.dumps(random_results(np.random.default_rng(3), 40)).encode()
        rng = np.random.default_rng(4)
        path = tmp_path / "p.json"
        for _ in range(150):
            data = bytearray(good)
            for _ in range(rng.integers(1, 6)):
                data[rng.integers(len(data))] = rng.integers(256)
            path.write_bytes(bytes(data[: rng.integers(len(data) + 1)]))
            with contextlib.suppress(fl.DatasetError):
                fl.read_predictions(path, ds)


class TestSeveral:
    def test_models_are_numbered_and_named(self, ds, tmp_path):
        a = written(tmp_path / "a.json", [result()])
        b = written(tmp_path / "b.json", [result(score=0.9), result(12)])
        found = fl.read_predictions([a, b], ds)
        assert found.models == ("a.json", "b.json")
        assert found.column("model").tolist() == [0, 1, 1]
        assert fl.read_predictions([a, b], ds, model=["x", "y"]).models == ("x", "y")
        with pytest.raises(ValueError, match="expected 2 names"):
            fl.read_predictions([a, b], ds, model="x")

    def test_folds_have_seen_their_own_images(self, ds):
        found = fl.read_predictions([[result()], [result(12), result(15)]], ds)
        assert [seen.tolist() for seen in found.seen] == [[0], [1, 2]]
        found = fl.read_predictions([[result()], [result(), result(15)]], ds)
        assert [seen.tolist() for seen in found.seen] == [[0], [0, 1, 2]]

    def test_a_split_that_was_looked_at_is_seen_as_a_whole(self, tmp_path):
        images = [(k, f"{'train' if k < 6 else 'val'}/{k}.jpg", 100, 100) for k in range(10)]
        ds = coco_set(tmp_path / "set", images)
        assert set(ds.images["split"].to_pylist()) == {"train", "val"}
        found = fl.read_predictions([result(k) for k in (7, 8)], ds)
        assert found.seen[0].tolist() == [6, 7, 8, 9]
        assert fl.read_predictions([result(7)], ds).seen[0].tolist() == [7]
        assert fl.read_predictions([result(7)], ds, seen=[1]).seen[0].tolist() == [1, 7]
        with pytest.raises(ValueError, match="seen"):
            fl.read_predictions([result(7)], ds, seen=[10])
