"""``fastlabel.check`` from Python: the Report, its arguments and what it writes."""

from __future__ import annotations

import json
import re

import cv2
import numpy as np
import pyarrow.parquet as pq
import pytest

import fastlabel
from fastlabel import DatasetError, schema
from fastlabel.config import Config, ConfigError
from fastlabel.deploy import load


@pytest.fixture
def root(tmp_path):
    """Three pictures in two splits; one box reaches out, one target is small."""
    folder = tmp_path / "set"
    (folder / "annotations").mkdir(parents=True)
    rng = np.random.default_rng(0)
    boxes = {"train": [[10, 10, 200, 150], [-90, 20, 100, 90]], "val": [[50, 50, 3, 3]]}
    for split, rows in boxes.items():
        images, annotations = [], []
        for at, box in enumerate(rows):
            name = f"{split}{at}.png"
            tile = rng.integers(0, 256, (24, 32, 3), dtype=np.uint8)
            picture = cv2.resize(tile, (320, 240), interpolation=cv2.INTER_NEAREST)
            cv2.imwrite(str(folder / name), picture)
            images.append({"id": at, "file_name": name, "width": 320, "height": 240})
            annotations.append({"id": at, "image_id": at, "category_id": 1, "bbox": box})
        # Labels need not stand in the order of their images.
        document = {"images": images, "annotations": annotations[::-1]}
        document["categories"] = [{"id": 1, "name": "dog"}]
        path = folder / f"annotations/instances_{split}.json"
        path.write_text(json.dumps(document))
    return folder


def codes(report):
    return sorted(report.findings["code"].to_pylist())


def test_the_tables_and_the_summary_agree(root):
    report = fastlabel.check(root)
    assert report.findings.schema == schema.FINDINGS
    assert report.image_stats.schema == schema.IMAGE_STATS
    assert report.box_stats.schema == schema.BOX_STATS
    assert (len(report.ds), report.image_stats.num_rows, report.box_stats.num_rows) == (3, 3, 3)
    assert report.box_stats["annotation_id"].to_pylist() == [0, 1, 2]
    assert report.box_stats["image_id"].to_pylist() == [1, 0, 2]
    assert report.box_stats["image_id"].equals(report.ds.annotations["image_id"])
    assert codes(report) == ["FL201", "FL302"]
    assert report.summary["findings"]["by_severity"] == {"error": 1, "warning": 1, "info": 0}
    assert report.summary["verdict"]["grade"] == "fail"
    json.dumps(report.summary, allow_nan=False)


def test_the_run_is_told_apart_from_the_rest(root):
    one, two = fastlabel.check(root, workers=1), fastlabel.check(root, workers=2)
    told = [report.summary.pop("run") for report in (one, two)]
    assert [run["workers"] for run in told] == [1, 2]
    assert one.summary == two.summary
    assert one.findings.equals(two.findings)


def test_in_words(root):
    report = fastlabel.check(root)
    assert re.fullmatch(r"Report\(.*3 images.*: fail; 1 error, 1 warning, 0 info\)", repr(report))
    shown = report._repr_html_()
    assert shown.startswith("<iframe ") and "sandbox" in shown
    assert "<script" not in shown and "<h1" not in shown  # the page is in an attribute


def test_a_data_set_that_was_read_already(root):
    ds = fastlabel.read(root)
    report = fastlabel.check(ds)
    assert report.ds is ds
    assert report.findings.equals(fastlabel.check(root).findings)


def test_one_split(root):
    assert codes(fastlabel.check(root, split="train")) == ["FL201"]
    assert codes(fastlabel.check(root, config=Config(split="val"))) == ["FL302"]
    # What is said wins over what is configured.
    assert codes(fastlabel.check(root, split="train", config=Config(split="val"))) == ["FL201"]
    with pytest.raises(DatasetError, match="test"):
        fastlabel.check(root, split="test")


def test_which_rules(root):
    assert codes(fastlabel.check(root, select=["FL3"])) == ["FL302"]
    assert codes(fastlabel.check(root, ignore=["FL3"])) == ["FL201"]
    config = Config(select=("FL2",), ignore=("FL201",))
    assert codes(fastlabel.check(root, config=config)) == []
    assert codes(fastlabel.check(root, config=config, ignore=[])) == ["FL201"]


def test_the_deployment_by_name_by_profile_and_by_file(root, tmp_path):
    by_name = fastlabel.check(root, deploy="mcu-96")
    assert by_name.profile == load("mcu-96")
    assert "FL301" in codes(by_name)
    assert codes(fastlabel.check(root, deploy=load("mcu-96"))) == codes(by_name)
    assert codes(fastlabel.check(root, config=Config(deploy="mcu-96"))) == codes(by_name)
    assert fastlabel.check(root).profile is None


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"select": ["FL999"]}, ConfigError),
        ({"ignore": ["FL999"]}, ConfigError),
        ({"deploy": "nowhere"}, ConfigError),
        ({"config": Config(rules={"FL201": {"no_such": 1}})}, ConfigError),
        ({"format": "tfrecord"}, DatasetError),
    ],
)
def test_mistakes_are_told_before_anything_is_decoded(root, options, error):
    def progress(done, total):
        raise AssertionError("the scan began")

    with pytest.raises(error):
        fastlabel.check(root, progress=progress, **options)


def test_progress_ends_at_all(root):
    calls = []
    fastlabel.check(root, progress=lambda done, total: calls.append((done, total)))
    assert calls[-1] == (3, 3)
    assert calls == sorted(calls)


def test_an_interrupted_scan_can_be_begun_again(root):
    def stop(done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fastlabel.check(root, progress=stop)
    assert codes(fastlabel.check(root)) == ["FL201", "FL302"]


class TestWrite:
    def test_every_table_comes_back_as_it_was(self, root, tmp_path):
        report = fastlabel.check(root)
        out = tmp_path / "a/b"
        written = report.write(out)
        assert set(written) == set(out.iterdir())
        assert pq.read_table(out / "findings.parquet").equals(report.findings)
        assert pq.read_table(out / "image_stats.parquet").equals(report.image_stats)
        assert pq.read_table(out / "box_stats.parquet").equals(report.box_stats)
        for name in ("images", "annotations", "categories", "problems"):
            assert pq.read_table(out / f"{name}.parquet").equals(getattr(report.ds, name))
        assert json.loads((out / "summary.json").read_text()) == report.summary

    def test_files_are_as_readable_as_others(self, root, tmp_path):
        fastlabel.check(root).write(tmp_path / "out")
        (tmp_path / "mine").write_text("")
        modes = {p.stat().st_mode for p in (tmp_path / "out").iterdir()}
        assert modes == {(tmp_path / "mine").stat().st_mode}

    def test_the_page_alone(self, root, tmp_path):
        report = fastlabel.check(root)
        report.to_html(tmp_path / "page.html")
        assert (tmp_path / "page.html").read_text().startswith("<!doctype html>")
        with pytest.raises(DatasetError, match="absent"):
            report.to_html(tmp_path / "absent/page.html")

    def test_all_or_nothing(self, root, tmp_path, monkeypatch):
        out = tmp_path / "out"
        fastlabel.check(root).write(out)
        before = {p.name: p.read_bytes() for p in out.iterdir()}

        def fails(report, **options):
            raise KeyboardInterrupt

        monkeypatch.setattr("fastlabel.report.html.render", fails)
        with pytest.raises(KeyboardInterrupt):
            fastlabel.check(root, select=["FL4"]).write(out)
        assert {p.name: p.read_bytes() for p in out.iterdir()} == before
