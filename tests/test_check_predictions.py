"""``check`` with predictions: from files and objects, of splits, of several models, and bad ones."""

from __future__ import annotations

import json

import numpy as np
import pytest
from click.testing import CliRunner

import fastlabel as fl
from fastlabel.cli import main


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """A COCO set of its own, without one label, and what a good model says of it as a file."""
    root = tmp_path_factory.mktemp("pred")
    fl.make_sample(root / "set", format="coco")
    ds = fl.read(root / "set")
    image, category = (ds.column("annotations", c) for c in ("image_id", "category_id"))
    boxes = ds.boxes()
    good = np.isfinite(boxes).all(1) & ((boxes[:, 2:] - boxes[:, :2]) > 4).all(1)
    good &= ds.annotations["category_id"].is_valid().to_numpy()
    rows = []
    ids = ds.images["source_id"].to_pylist()
    classes = ds.categories["source_id"].to_pylist()
    for k in np.flatnonzero(good).tolist():
        x1, y1, x2, y2 = boxes[k].tolist()
        rows.append(
            {
                "image_id": int(ids[image[k]]),
                "category_id": int(classes[category[k]]),
                "bbox": [x1, y1, x2 - x1, y2 - y1],
                "score": 0.9,
            }
        )
    extra = {**rows[0], "bbox": [5.0, 5.0, 41.0, 37.0], "score": 0.97}
    file = root / "results.json"
    file.write_text(json.dumps([*rows, extra]))
    return root / "set", file


def unlabelled(report):
    return [r for r in report.findings.to_pylist() if r["code"] in ("FL701", "FL706")]


def test_a_file_and_its_reading_give_the_same(drawn):
    root, file = drawn
    from_file = fl.check(root, predictions=file)
    ds = fl.read(root)
    from_object = fl.check(ds, predictions=fl.read_predictions(file, ds))
    assert unlabelled(from_file)
    assert [r["message"] for r in unlabelled(from_file)] == [
        r["message"] for r in unlabelled(from_object)
    ]
    told = from_file.summary["predictions"]
    assert told["boxes"] == len(fl.read_predictions(file, ds)) and len(told["models"]) == 1
    assert told["images_seen"][0] > 0


def test_without_predictions_there_is_none_of_it(drawn):
    report = fl.check(drawn[0])
    assert "predictions" not in report.summary
    assert not [c for c in report.findings["code"].to_pylist() if c in ("FL701", "FL703", "FL706")]


def test_workers_change_nothing(drawn):
    one, more = (fl.check(drawn[0], predictions=drawn[1], workers=k) for k in (1, 3))
    assert one.findings.equals(more.findings)


def test_several_files_are_several_models(drawn):
    report = fl.check(drawn[0], predictions=[drawn[1], drawn[1]])
    assert len(report.summary["predictions"]["models"]) == 2


def test_a_split_is_judged_with_its_own_predictions(drawn):
    ds = fl.read(drawn[0])
    splits = sorted(s for s in set(ds.images["split"].to_pylist()) if s)
    if not splits:
        pytest.skip("the sample has no splits")
    said = fl.read_predictions(drawn[1], ds)
    for split in splits:
        part = fl.check(ds, split=split, predictions=said)
        file = fl.check(ds, split=split, predictions=drawn[1])
        assert part.findings.equals(file.findings)
        own = (ds.images["split"].to_numpy(zero_copy_only=False) == split)[said.column("image_id")]
        assert part.summary["predictions"]["boxes"] == own.sum()


def test_predictions_of_another_set_are_refused(drawn):
    ds = fl.read(drawn[0])
    said = fl.read_predictions(drawn[1], ds)
    small = ds.select_split(next(s for s in ds.images["split"].to_pylist() if s))
    if len(small) == len(ds):
        pytest.skip("one split only")
    with pytest.raises(ValueError, match="made for another data set"):
        fl.check(small, predictions=said)


class TestCommand:
    def run(self, *args):
        return CliRunner().invoke(main, [str(a) for a in args])

    def test_it_reports_what_the_model_sees(self, drawn, tmp_path):
        done = self.run(
            "check", drawn[0], "--pred", drawn[1], "--select", "FL7", "--out", tmp_path / "r",
            "--output-format", "jsonl",
        )  # fmt: skip
        assert done.exit_code == 0, done.output  # warnings alone
        rows = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
        assert {r["code"] for r in rows} >= {"FL701"} or {r["code"] for r in rows} >= {"FL706"}
        summary = json.loads((tmp_path / "r" / "summary.json").read_text())
        assert summary["predictions"]["models"]

    @pytest.mark.parametrize("content", ["", "{", '{"a": 1}'])
    def test_a_file_that_is_none_is_an_error_of_one_line(self, drawn, tmp_path, content):
        bad = tmp_path / "bad.json"
        bad.write_text(content)
        done = self.run("check", drawn[0], "--pred", bad, "--out", tmp_path / "r")
        assert done.exit_code == 2
        assert "bad.json" in done.output and "Traceback" not in done.output
        assert not (tmp_path / "r").exists()

    def test_a_file_that_is_not_there(self, drawn, tmp_path):
        done = self.run("check", drawn[0], "--pred", tmp_path / "no.json", "--out", tmp_path / "r")
        assert done.exit_code == 2 and "no.json" in done.output
