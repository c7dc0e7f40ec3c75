"""Models over pictures: what goes in, what comes out, and what cannot be run."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from onnx_models import write_model

import fastlabel as fl

pytest.importorskip("onnxruntime")

NAMES = {"names": "{0: 'cat', 1: 'bird'}"}


@pytest.fixture
def ds(tmp_path):
    """Pictures of one grey each, in VOC's place: a folder with labels for YOLO."""
    root = tmp_path / "set"
    (root / "images").mkdir(parents=True)
    (root / "labels").mkdir()
    for k, (grey, size) in enumerate([(0, (64, 64)), (128, (64, 128)), (255, (30, 20))]):
        cv2.imwrite(str(root / "images" / f"{k}.png"), np.full((*size, 3), grey, np.uint8))
        (root / "labels" / f"{k}.txt").write_text("0 0.5 0.5 0.1 0.1\n")
    (root / "data.yaml").write_text("names: [dog, cat]\ntrain: images\n")
    return fl.read(root)


def end2end(path, rows, weight=0.0, **options):
    """A model that says these rows (x1, y1, x2, y2, score, class) of every picture."""
    values = np.array(rows, np.float32).reshape(-1, 6)
    options.setdefault("metadata", NAMES)
    return write_model(path, {"output0": (values, weight)}, **options)


ROW = [16.0, 8, 48, 40, 0.5, 0]


def test_boxes_come_back_in_the_pixels_of_each_picture(ds, tmp_path):
    found = fl.predict(ds, end2end(tmp_path / "m.onnx", [ROW]))
    assert found.column("image_id").tolist() == [0, 1, 2]
    assert found.table["name"].to_pylist() == ["cat"] * 3
    assert found.column("category_id").tolist() == [1] * 3
    # 64 x 64 as it is; 128 x 64 at half size with 16 rows of padding; 20 x 30 enlarged.
    assert found.boxes()[0].tolist() == [16, 8, 48, 40]
    assert found.boxes()[1].tolist() == [32, 0, 96, 48]
    scale = 43 / 20, 64 / 30
    expected = [(16 - 10) / scale[0], 8 / scale[1], (48 - 10) / scale[0], 40 / scale[1]]
    np.testing.assert_allclose(found.boxes()[2], expected, atol=0.5 / 64)
    assert found.knows[0].tolist() == [1] and found.seen[0].tolist() == [0, 1, 2]
    assert found.models == ("m.onnx",) and found.problems.num_rows == 0


@pytest.mark.parametrize("dtype", ["float32", "float16", "uint8"])
@pytest.mark.parametrize("shape", [(1, 3, 64, 64), (1, 64, 64, 3), (3, 64, 64), ("n", 3, 64, 64)])
def test_the_model_sees_the_pixels(ds, tmp_path, dtype, shape):
    weight = np.array([0, 0, 0, 0, 1 / 255 if dtype == "uint8" else 1, 0], np.float32)
    row = [*ROW[:4], 0, 0]
    model = end2end(tmp_path / "m.onnx", [row], weight, dtype=dtype, shape=shape)
    found = fl.predict(ds, model, fit="stretch", score=0)
    np.testing.assert_allclose(found.column("score"), [0, 128 / 255, 1], atol=2e-3)
    padded = fl.predict(ds, model, score=0).column("score")
    half = (128 * 32 + 114 * 32) / 64 / 255
    np.testing.assert_allclose(padded[1], half, atol=2e-3)


def test_colours_means_and_deviations(tmp_path):
    root = tmp_path / "set"
    root.mkdir()
    cv2.imwrite(str(root / "a.png"), np.full((64, 64, 3), (255, 0, 0), np.uint8))  # blue
    ds = fl.read(root)
    weight = np.array([0, 0, 0, 0, 1, 0], np.float32)
    model = end2end(tmp_path / "m.onnx", [[*ROW[:4], 0.25, 0]], weight)

    def score(**options):
        return float(fl.predict(ds, model, **options).column("score")[0])

    assert score() == pytest.approx(0.25 + 1 / 3, abs=1e-5)
    # The mean is in the order of the model's channels.
    assert score(mean=[0, 0, 0.3]) == pytest.approx(0.25 + 0.7 / 3, abs=1e-5)
    assert score(mean=[0.3, 0, 0], color="bgr") == pytest.approx(0.25 + 0.7 / 3, abs=1e-5)
    assert score(mean=[0, 0, 0.3], std=[1, 1, 2]) == pytest.approx(0.25 + 0.35 / 3, abs=1e-5)


def test_the_input_is_made_by_a_recipe(ds, tmp_path):
    """int8 of the model's own scale and zero point; the stretch and the size are the recipe's."""
    row = [*ROW[:4], 0.5, 0]
    weight = np.array([0, 0, 0, 0, 1 / 256, 0], np.float32)
    model = end2end(tmp_path / "m.onnx", [row], weight, dtype="int8")
    recipe = fl.Preprocess(64, dtype="int8", quantize=(1 / 255, -128), stretch=True)
    recipe.save(tmp_path / "preprocess.json")
    for given in (recipe, tmp_path / "preprocess.json"):
        found = fl.predict(ds, model, preprocess=given, score=0)
        np.testing.assert_allclose(
            found.column("score"), 0.5 + np.array([-128, 0, 127]) / 256, atol=1e-5
        )
    gray = end2end(tmp_path / "g.onnx", [row], weight, dtype="int8", shape=("n", 64, 64, 1))
    gray_recipe = fl.Preprocess(
        64, dtype="int8", quantize=(1 / 255, -128), order="gray", layout="nhwc", stretch=True
    )
    again = fl.predict(ds, gray, preprocess=gray_recipe, score=0)
    np.testing.assert_allclose(again.column("score"), found.column("score"), atol=1e-5)
    with pytest.raises(fl.DatasetError, match="give its recipe"):
        fl.predict(ds, model)
    with pytest.raises(fl.DatasetError, match="the recipe makes float32 nchw"):
        fl.predict(ds, model, preprocess=fl.Preprocess(64))
    with pytest.raises(fl.DatasetError, match="take the recipe of this model"):
        fl.predict(ds, model, preprocess=fl.Preprocess(32, dtype="int8", quantize=(1, 0)))
    with pytest.raises(ValueError, match=r"size.*as preprocess says it"):
        fl.predict(ds, model, preprocess=recipe, size=64)


def test_an_exif_turn_is_applied_and_a_declared_size_that_differs_is_told(shared_data, tmp_path):
    folder = shared_data / "jpeg-torture" / "exif-orientation"
    ds = fl.read(folder, "images")
    found = fl.predict(ds, end2end(tmp_path / "m.onnx", [[0, 0, 64, 64, 0.5, 0]]))
    assert len(found) == len(ds) == 4
    np.testing.assert_allclose(found.boxes(), [[0, 0, 1800, 1200]] * 4, atol=0.1)


def test_suppression_is_that_of_the_class_alone(ds, tmp_path):
    values = np.zeros((84, 6), np.float32)
    values[:, :4] = 1
    values[0] = [32, 32, 20, 20, 0.9, 0]
    values[1] = [33, 32, 20, 20, 0.8, 0]
    values[2] = [33, 32, 20, 20, 0, 0.7]
    values[3] = [50, 50, 10, 10, 0.04, 0]
    model = write_model(tmp_path / "m.onnx", {"o": (values.T.copy(), 0.0)}, metadata=NAMES)
    found = fl.predict(ds, model)
    first = found.table.filter(found.column("image_id") == 0)
    assert first["score"].to_pylist() == [0.9, 0.7] or sorted(first["score"].to_pylist()) == [
        0.7,
        0.9,
    ]
    assert first["name"].to_pylist() == ["cat", "bird"]
    assert len(fl.predict(ds, model, iou=1.0)) == 9
    assert len(fl.predict(ds, model, score=0.01, iou=1.0)) == 12
    assert len(fl.predict(ds, model, iou=1.0, most=1)) == 3


@pytest.mark.parametrize("shape", [("n", 3, 64, 64), (4, 3, 64, 64), (2, 3, 64, 64)])
@pytest.mark.parametrize("workers", [1, 2, 7])
def test_the_result_is_the_same_for_any_batch_and_number_of_workers(ds, tmp_path, shape, workers):
    weight = np.array([0, 0, 0, 0, 0.2, 0], np.float32)
    one = fl.predict(ds, end2end(tmp_path / "m.onnx", [ROW, ROW], weight), workers=1)
    many = fl.predict(ds, end2end(tmp_path / "m.onnx", [ROW, ROW], weight, shape=shape))
    assert many.table.equals(one.table)


def test_any_size_is_told_or_640(ds, tmp_path):
    shape = ("n", 3, "h", "w")
    model = end2end(tmp_path / "m.onnx", [[0, 0, 640, 640, 0.5, 0]], shape=shape)
    assert fl.predict(ds, model).boxes()[0].tolist() == [0, 0, 64, 64]
    told = {**NAMES, "imgsz": "[320, 640]"}
    model = end2end(tmp_path / "m.onnx", [[160, 0, 480, 320, 0.5, 0]], shape=shape, metadata=told)
    assert fl.predict(ds, model).boxes()[0].tolist() == [0, 0, 64, 64]
    found = fl.predict(ds, model, size=(480, 320))
    assert found.boxes()[0].tolist() == [16, 0, 64, 64]


def test_a_model_that_wants_sizes_is_given_those_of_its_input(ds, tmp_path):
    outputs = {
        "labels": (np.array([1], np.int64), 0.0),
        "boxes": (np.array([[16, 8, 48, 40]], np.float32), 0.0),
        "scores": (np.array([0.5], np.float32), 0.0),
    }
    model = write_model(tmp_path / "m.onnx", outputs, metadata=NAMES, sizes_input=True)
    found = fl.predict(ds, model)
    assert found.boxes()[0].tolist() == [16, 8, 48, 40]
    assert found.table["name"].to_pylist() == ["bird"] * 3
    assert found.table["category_id"].to_pylist() == [None] * 3


class TestNames:
    def test_given_ones_go_before_those_of_the_model(self, ds, tmp_path):
        model = end2end(tmp_path / "m.onnx", [ROW])
        assert fl.predict(ds, model, names=["dog", "x"]).column("category_id").tolist() == [0] * 3
        mapped = fl.predict(ds, model, names={"cat": "dog", "bird": None})
        assert mapped.column("category_id").tolist() == [0] * 3
        assert mapped.table["name"].to_pylist() == ["cat"] * 3
        assert mapped.knows[0].tolist() == [0]

    def test_none_at_all_is_an_error(self, ds, tmp_path):
        model = end2end(tmp_path / "m.onnx", [ROW], metadata={})
        with pytest.raises(fl.DatasetError, match=r"does not name its classes.*--names"):
            fl.predict(ds, model)

    def test_too_few(self, ds, tmp_path):
        values = np.zeros((7, 84), np.float32)
        model = write_model(tmp_path / "m.onnx", {"o": (values, 0.0)}, metadata={})
        with pytest.raises(fl.DatasetError, match="classes: 2"):
            fl.predict(ds, model, names=["a", "b"])
        assert len(fl.predict(ds, model, names=["a", "b", "c"])) == 0

    @pytest.mark.parametrize("text", ["{0: 'a'", "__import__('os')", "[" * 5000, "3", ""])
    def test_metadata_is_data(self, ds, tmp_path, text):
        model = end2end(tmp_path / "m.onnx", [ROW], metadata={"names": text})
        with pytest.raises(fl.DatasetError, match="does not name its"):
            fl.predict(ds, model)

    def test_a_label_beyond_the_names_is_kept_apart(self, ds, tmp_path):
        found = fl.predict(ds, end2end(tmp_path / "m.onnx", [[*ROW[:5], 9]]))
        assert found.table["name"].to_pylist() == ["9"] * 3
        assert found.column("category_id").tolist() == [-1] * 3


class TestBadModels:
    def test_files_that_are_none(self, ds, tmp_path):
        with pytest.raises(fl.DatasetError, match="cannot be read"):
            fl.predict(ds, tmp_path / "none.onnx")
        (tmp_path / "m.onnx").write_bytes(b"no model")
        with pytest.raises(fl.DatasetError, match="no ONNX model"):
            fl.predict(ds, tmp_path / "m.onnx")

    @pytest.mark.parametrize("shape", [(1, 4, 64, 64), (1, 3, 3, 64, 64)])
    def test_other_inputs(self, ds, tmp_path, shape):
        with pytest.raises(fl.DatasetError, match="its inputs are images"):
            fl.predict(ds, end2end(tmp_path / "m.onnx", [ROW], shape=shape))

    def test_scores_that_are_none(self, ds, tmp_path):
        with pytest.raises(fl.DatasetError, match=r"scores go up to 7\.5.*another decoder"):
            fl.predict(ds, end2end(tmp_path / "m.onnx", [[*ROW[:4], 7.5, 0]]))

    def test_nan_is_told_by_picture(self, ds, tmp_path):
        model = end2end(tmp_path / "m.onnx", [[float("nan"), *ROW[1:]]])
        with pytest.raises(fl.DatasetError, match=r"none of 3 images.*gives NaN or infinity"):
            fl.predict(ds, model)

    def test_a_size_or_batch_it_does_not_take(self, ds, tmp_path):
        model = end2end(tmp_path / "m.onnx", [ROW])
        with pytest.raises(fl.DatasetError, match="its input is 64 x 64, not 32 x 32"):
            fl.predict(ds, model, size=32)
        with pytest.raises(fl.DatasetError, match="takes 1 pictures at a time, not 8"):
            fl.predict(ds, model, batch=8)

    @pytest.mark.parametrize(
        ("option", "value", "error"),
        [
            ("score", 1.5, ValueError),
            ("iou", -1, ValueError),
            ("most", 0, ValueError),
            ("size", 3, ValueError),
            ("size", (1, 2, 3), ValueError),
            ("batch", 0, ValueError),
            ("workers", -1, ValueError),
            ("decoder", "yolo", ValueError),
            ("fit", "crop", ValueError),
            ("color", "hsv", ValueError),
            ("box_format", "xy", ValueError),
            ("mean", [1, 2], ValueError),
            ("std", [1, 0, 1], ValueError),
            ("names", "cat", TypeError),
        ],
    )
    def test_wrong_arguments(self, ds, tmp_path, option, value, error):
        with pytest.raises(error, match=option):
            fl.predict(ds, end2end(tmp_path / "m.onnx", [ROW]), **{option: value})


class TestPictures:
    def test_one_that_cannot_be_read_is_named_and_the_rest_is_done(self, ds, tmp_path):
        model = end2end(tmp_path / "m.onnx", [ROW], shape=(2, 3, 64, 64))
        (ds.root / "images" / "1.png").write_bytes(b"\x89PNG no picture")
        found = fl.predict(ds, model)
        assert found.column("image_id").tolist() == [0, 2]
        assert found.seen[0].tolist() == [0, 2]
        problem = found.problems.to_pylist()[0]
        assert problem["kind"] == "unseen-image" and problem["image_id"] == 1
        (ds.root / "images" / "1.png").unlink()
        assert "(missing)" in fl.predict(ds, model).problems["message"][0].as_py()

    def test_none_at_all_is_an_error(self, ds, tmp_path):
        for path in (ds.root / "images").iterdir():
            path.write_bytes(b"")
        with pytest.raises(fl.DatasetError, match="none of 3 images can be read"):
            fl.predict(ds, end2end(tmp_path / "m.onnx", [ROW]))

    def test_torture_files_never_crash(self, shared_data, tmp_path):
        from fastlabel.scan import Limits

        ds = fl.read(shared_data / "jpeg-torture", "images")
        model = end2end(tmp_path / "m.onnx", [ROW])
        found = fl.predict(ds, model, limits=Limits(max_pixels=20_000_000))
        assert len(found.seen[0]) + found.problems.num_rows == len(ds)
        assert len(found.seen[0]) > 100

    def test_a_tar_is_read_as_a_folder_is(self, ds, tmp_path):
        import tarfile

        with tarfile.open(tmp_path / "set.tar", "w") as tar:
            tar.add(ds.root / "images", "images")
        source = fl.open_source(tmp_path / "set.tar")
        at = ds.images.schema.get_field_index("path")
        images = ds.images.set_column(at, "path", source.names())
        packed = fl.Dataset(
            images, ds.annotations, ds.categories, ds.problems, ds.root, "yolo", ds.meta, source
        )
        model = end2end(tmp_path / "m.onnx", [ROW])
        assert fl.predict(packed, model).table.equals(fl.predict(ds, model).table)
