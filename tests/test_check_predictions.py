"""``check`` with predictions: from files and objects, of splits and several models, bad ones."""

from __future__ import annotations

import json
import subprocess
import sys

import cv2
import numpy as np
import pytest

import fastlabel as fl

IMAGES = 200


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """Two splits of 200 images in all with two boxes each, and a model that sees one box more."""
    root = tmp_path_factory.mktemp("set")
    rng = np.random.default_rng(0)
    results, number = [], 0
    for split in ("train", "val"):
        (root / split).mkdir()
        images, annotations = [], []
        for _ in range(IMAGES // 2):
            number += 1
            picture = rng.integers(0, 256, (12, 16, 3), np.uint8)
            picture = cv2.resize(picture, (320, 240), interpolation=cv2.INTER_CUBIC)
            cv2.imwrite(str(root / split / f"{number:03}.jpg"), picture)
            images.append(
                {"id": number, "file_name": f"{number:03}.jpg", "width": 320, "height": 240}
            )
            for k in range(2):
                x, y = (10 + 150 * k + rng.uniform(0, 40, 2)).round(1).tolist()
                box = [x, y % 150, round(rng.uniform(40, 80), 1), round(rng.uniform(40, 80), 1)]
                annotations.append(
                    {
                        "id": 2 * number + k,
                        "image_id": number,
                        "category_id": 1 + k,
                        "bbox": box,
                        "area": box[2] * box[3],
                        "iscrowd": 0,
                    }
                )
                near = (np.array(box) + rng.normal(0, 1, 4)).tolist()
                results.append(
                    {
                        "image_id": number,
                        "category_id": 1 + k,
                        "bbox": near,
                        "score": rng.uniform(0.6, 0.99),
                    }
                )
        left_out = annotations.pop(7)
        categories = [{"id": 1, "name": "cat"}, {"id": 2, "name": "dog"}]
        labels = {"images": images, "annotations": annotations, "categories": categories}
        (root / split / "_annotations.coco.json").write_text(json.dumps(labels))
        assert left_out["image_id"]
    file = root.parent / f"{root.name}-results.json"
    file.write_text(json.dumps(results))
    return root, file


def told(report):
    return [
        (r["code"], r["image_id"], r["message"])
        for r in report.findings.to_pylist()
        if r["code"] == "FL701"
    ]


def test_a_file_and_its_reading_give_the_same(drawn):
    root, file = drawn
    from_file = fl.check(root, predictions=file)
    ds = fl.read(root)
    from_object = fl.check(ds, predictions=fl.read_predictions(file, ds))
    assert [code for code, *_ in told(from_file)] == ["FL701", "FL701"]
    assert told(from_file) == told(from_object)
    said = from_file.summary["predictions"]
    assert said["boxes"] == 2 * IMAGES and len(said["models"]) == 1
    assert said["images_seen"] == [IMAGES] and said["classes_known"] == [2]


def test_without_predictions_there_is_none_of_it(drawn):
    report = fl.check(drawn[0])
    assert "predictions" not in report.summary and told(report) == []


def test_workers_change_nothing(drawn):
    one, more = (fl.check(drawn[0], predictions=drawn[1], workers=k) for k in (1, 3))
    assert one.findings.equals(more.findings)


def test_several_files_are_several_models(drawn):
    report = fl.check(drawn[0], predictions=[drawn[1], drawn[1]])
    assert len(report.summary["predictions"]["models"]) == 2
    assert [code for code, *_ in told(report)] == ["FL701", "FL701"]


@pytest.mark.parametrize("split", ["train", "val"])
def test_a_split_is_judged_with_its_own_predictions(drawn, split):
    ds = fl.read(drawn[0])
    report = fl.check(ds, split=split, predictions=fl.read_predictions(drawn[1], ds))
    assert report.summary["predictions"]["boxes"] == IMAGES
    assert report.summary["predictions"]["images_seen"] == [IMAGES // 2]
    (found,) = told(report)
    assert found[0] == "FL701"
    name = report.ds.images["file_name"][found[1]].as_py()
    wanted = {"train": "004.jpg", "val": "104.jpg"}[split]
    assert name.endswith(wanted)


def test_predictions_of_another_set_are_refused(drawn):
    ds = fl.read(drawn[0])
    said = fl.read_predictions(drawn[1], ds)
    with pytest.raises(ValueError, match="made for another data set"):
        fl.check(ds.select_split("val"), predictions=said)


class TestCommand:
    def run(self, *args):
        command = [sys.executable, "-m", "fastlabel", *map(str, args)]
        return subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)

    def test_it_reports_what_the_model_sees(self, drawn, tmp_path):
        done = self.run(
            "check", drawn[0], "--pred", drawn[1], "--select", "FL7", "--out", tmp_path / "r",
            "--output-format", "concise",
        )  # fmt: skip
        assert done.returncode == 0, done.stderr  # warnings alone
        assert done.stdout.count("FL701") >= 2
        summary = json.loads((tmp_path / "r" / "summary.json").read_text())
        assert summary["predictions"]["boxes"] == 2 * IMAGES

    @pytest.mark.parametrize("content", ["", "{", '{"a": 1}', None])
    def test_a_file_that_is_none_is_an_error(self, drawn, tmp_path, content):
        bad = tmp_path / "bad.json"
        if content is not None:
            bad.write_text(content)
        done = self.run("check", drawn[0], "--pred", bad, "--out", tmp_path / "r")
        assert done.returncode == 2
        assert "bad.json" in done.stderr and "Traceback" not in done.stderr
        assert not (tmp_path / "r").exists()

    def test_an_empty_list_of_predictions_is_no_error(self, drawn, tmp_path):
        none = tmp_path / "none.json"
        none.write_text("[]")
        done = self.run("check", drawn[0], "--pred", none, "--out", tmp_path / "r")
        assert done.returncode in (0, 1) and "Traceback" not in done.stderr
        assert "spurious" not in done.stdout  # it saw no image
