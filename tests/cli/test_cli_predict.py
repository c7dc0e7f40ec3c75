"""``fastlabel predict``: FastestDet over real pictures, and what the command refuses."""

from __future__ import annotations

import json

import pytest
from cli_runs import tree_hash

import fastlabel as fl

pytest.importorskip("onnxruntime")


@pytest.fixture
def model(shared_data):
    models = shared_data / "models"
    return ["--model", models / "FastestDet.onnx", "--names", models / "coco.names"]


def test_a_fridge(cli, shared_data, model, here):
    data = shared_data / "fridge"
    before = tree_hash(data)
    run = cli("predict", data, *model, "-o", "p.json", "--map", "bottle=water_bottle")
    assert (run.code, run.err) == (0, "")
    lines = run.out.splitlines()
    assert lines[0].startswith("p.json: ") and lines[0].endswith(" boxes in 6 images")
    assert lines[1:] == [
        "  model    FastestDet.onnx: fastestdet, 352 x 352, 80 classes",
        "  knows    water_bottle",
        "  not      can, carton, milk_bottle: nothing it says or leaves out counts for these",
    ]
    assert tree_hash(data) == before
    ds = fl.read(data)
    found = fl.read_predictions("p.json", ds)
    assert found.models == ("FastestDet.onnx",)
    assert [ds.categories["name"][int(k)].as_py() for k in found.knows[0]] == ["water_bottle"]
    assert found.seen[0].tolist() == list(range(6))
    # The upright water bottle of 12.jpg is found where its label is.
    labels = ds.with_images_named().filter(
        ds.with_images_named()["category"].to_numpy() == "water_bottle"
    )
    hits = 0
    for row in labels.to_pylist():
        mine = found.column("image_id") == row["image_id"]
        mine &= found.column("category_id") == found.knows[0][0]
        box = [[row[s] for s in ("x1", "y1", "x2", "y2")]]
        hits += bool(mine.any() and fl.box_iou(found.boxes()[mine], box).max() > 0.7)
    assert hits >= 1
    results = json.loads((here / "p.json").read_text())
    assert set(results[0]) == {"image_id", "category_id", "category_name", "bbox", "score"}


def test_a_model_that_knows_no_class_says_so(cli, shared_data, model):
    run = cli("predict", shared_data / "garbage-yolo", *model, "-o", "p.parquet")
    assert run.code == 0
    assert "  knows    none" in run.out.splitlines()
    ds = fl.read(shared_data / "garbage-yolo")
    found = fl.read_predictions("p.parquet", ds)
    assert len(found.knows[0]) == 0 and len(found.seen[0]) == 40
    assert found.table["category_id"].null_count == len(found) > 40
    assert set(found.problems["kind"].to_pylist()) == {"unknown-category"}


def test_pictures_that_are_not_there_are_named(cli, shared_data, model, here):
    run = cli(
        "predict", shared_data / "sahi-small", *model, "-o", "p.json", "--map", "truck=vehicle"
    )
    assert run.code == 1
    assert "4 images" in run.out.splitlines()[0]
    assert "  knows    car, vehicle" in run.out.splitlines()
    lines = run.err.splitlines()
    assert lines[0].startswith("  unseen-image: 'terrain3.png' was not looked at")
    assert lines[-1].endswith("more of this")
    ds = fl.read(shared_data / "sahi-small")
    found = fl.read_predictions("p.json", ds)
    assert len(found.seen[0]) == 4
    # The jeeps of terrain2.png.
    jeeps = found.column("score")[found.column("category_id") >= 0]
    assert (jeeps > 0.5).sum() >= 3
    assert sorted(p.name for p in here.iterdir()) == ["p.json", "p.json.meta"]


def test_pycocotools_takes_what_is_written_for_a_coco_set(cli, shared_data, model, tmp_path):
    import contextlib
    import io

    from pycocotools.coco import COCO

    folder = shared_data / "sahi-small" / "coco_utils"
    (tmp_path / "set").mkdir()
    for name in ("terrain2_coco.json", "terrain2.png"):
        (tmp_path / "set" / name).write_bytes((folder / name).read_bytes())
    labels = tmp_path / "set" / "terrain2_coco.json"
    assert cli("predict", labels, *model, "-o", "p.json").code == 0
    with contextlib.redirect_stdout(io.StringIO()):
        results = COCO(str(labels)).loadRes("p.json")
    assert len(results.anns) > 5
    assert {r["category_id"] for r in results.anns.values()} > {1}


def test_the_file_beside_counts_for_its_own_predictions_alone(cli, shared_data, model, here):
    data = shared_data / "fridge"
    assert cli("predict", data, *model, "-o", "p.json").code == 0
    ds = fl.read(data)
    text = (here / "p.json").read_text()
    (here / "p.json").write_text(text.replace("bottle", "can"))
    found = fl.read_predictions("p.json", ds)
    assert found.models == ("p.json",) and len(found.knows[0]) == 1
    assert "is of other predictions" in found.problems["message"][0].as_py()
    (here / "p.json.meta").write_text("{}")
    with pytest.raises(fl.DatasetError, match=r"p\.json\.meta"):
        fl.read_predictions("p.json", ds)


def test_workers_do_not_change_a_byte(cli, shared_data, model, here):
    data = shared_data / "fridge"
    for n in (1, 2, 7):
        assert cli("predict", data, *model, "-o", f"{n}.json", "--workers", n).code == 0
    assert len({(here / f"{n}.json").read_bytes() for n in (1, 2, 7)}) == 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["-o", "p.xyz"], "unknown ending"),
        (["-o", "p.json", "--size", "abc"], "no size"),
        (["-o", "p.json", "--size", "640"], "its input is 352 x 352"),
        (["-o", "p.json", "--mean", "1,2"], "three numbers"),
        (["-o", "p.json", "--decoder", "yolov8"], "cannot be read as yolov8"),
        (["-o", "p.json", "--map", "bottle"], "MODEL=SET"),
        (["-o", "p.json", "--map", "bottle=cow"], "no class of the set"),
        (["-o", "p.json", "--split", "val"], "no split"),
        (["-o", "p.json", "--names", "none.txt"], "no such file"),
        (["-o", "p.json", "--names", "a,b"], "classes: 2"),
    ],
)
def test_what_it_refuses_in_one_line(cli, shared_data, model, here, arguments, words):
    run = cli("predict", shared_data / "fridge", *model, *arguments)
    assert run.code == 2 and words in run.err
    assert "Traceback" not in run.err
    assert not list(here.iterdir())


def test_it_writes_nothing_into_the_data_or_over_the_model(cli, shared_data, tmp_path, model):
    import shutil

    data = shutil.copytree(shared_data / "fridge", tmp_path / "fridge")
    run = cli("predict", data, *model, "-o", data / "p.json")
    assert run.code == 2 and "never changed" in run.err.replace("\n", " ")
    run = cli("predict", tmp_path / "none", *model, "-o", "p.json")
    assert run.code == 2 and "no such file or folder" in run.err


def test_names_from_data_never_leave_their_cell(cli, shared_data, tmp_path, model, here):
    import shutil

    data = tmp_path / "set"
    data.mkdir()
    picture = shared_data / "fridge" / "odFridgeObjects" / "images" / "12.jpg"
    shutil.copy(picture, data / "=cmd\x1b[31m\n.jpg")
    (data / "bad\x1b]0;x.jpg").write_bytes(b"x")
    run = cli("predict", data, *model, "-o", "p.csv")
    assert run.code == 1 and "\x1b" not in run.err + run.out
    ds = fl.read(data)
    assert len(fl.read_predictions("p.csv", ds)) > 5
    assert '"=cmd' not in (here / "p.csv").read_text()


def test_without_onnxruntime_it_says_what_to_install(cli, shared_data, model, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    run = cli("predict", shared_data / "fridge", *model, "-o", "p.json")
    assert run.code == 2 and "pip install 'fastlabel[predict]'" in run.err
