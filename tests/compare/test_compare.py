"""fl.stats and fl.diff against NumPy, SciPy and changes that were made on purpose."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from scipy.spatial.distance import jensenshannon
from scipy.stats import ks_2samp, wasserstein_distance

import fastlabel as fl
from fastlabel import schema
from fastlabel.cli import _group
from fastlabel.compare.divergence import distances, jensen_shannon
from fastlabel.compare.matching import equal_rows, match_boxes, match_texts

CLASSES = ("cat", "dog", "owl")


def made(images: int = 40, seed: int = 0) -> fl.Dataset:
    """A set of so many images with 0 to 6 boxes each."""
    rng = np.random.default_rng(seed)
    image_of = np.repeat(np.arange(images), rng.integers(0, 7, images))
    n = len(image_of)
    low = rng.uniform(0, 300, (n, 2))
    boxes = np.concatenate([low, low + rng.uniform(20, 200, (n, 2))], axis=1)
    names = [f"images/{i:03d}.jpg" for i in range(images)]
    known = {
        "image_id": range(images),
        "file_name": names,
        "path": names,
        "split": ["train" if i % 4 else "val" for i in range(images)],
        "width": [640] * images,
        "height": [480 if i % 3 else 640 for i in range(images)],
        "label_state": ["labelled"] * images,
    }
    corners = {c: boxes[:, k] for k, c in enumerate(("x1", "y1", "x2", "y2"))}
    annotations = {
        "annotation_id": range(n),
        "image_id": image_of,
        "category_id": rng.integers(0, 3, n),
        **corners,
    }
    return fl.Dataset(
        filled(schema.IMAGES, known, images),
        filled(schema.ANNOTATIONS, annotations, n),
        filled(schema.CATEGORIES, {"category_id": range(3), "name": CLASSES}, 3),
        schema.PROBLEMS.empty_table(),
        Path("made"),
        "coco",
    )


def filled(wanted: pa.Schema, columns: dict, n: int) -> pa.Table:
    arrays = [
        pa.array(columns[f.name], f.type) if f.name in columns else pa.nulls(n, f.type)
        for f in wanted
    ]
    return pa.table(arrays, schema=wanted)


def changed(table: pa.Table, name: str, values) -> pa.Table:
    at = table.schema.get_field_index(name)
    field = table.schema.field(at)
    return table.set_column(at, field, pa.array(values, field.type))


def counts(found: fl.Diff) -> dict[str, int]:
    return {kind: n for kind, n in found.summary["changes"].items() if n}


class TestDistances:
    @pytest.mark.parametrize("seed", range(5))
    def test_they_equal_scipy(self, seed):
        rng = np.random.default_rng(seed)
        a = rng.normal(0, 1, rng.integers(1, 400)).round(1)
        b = rng.normal(0.3, 2, rng.integers(1, 400)).round(1)
        ks, far = distances(a, b)
        assert ks == pytest.approx(ks_2samp(a, b).statistic, abs=1e-12)
        assert far == pytest.approx(wasserstein_distance(a, b), abs=1e-12)
        p, q = np.histogram(a, 9, (-5, 5))[0], np.histogram(b, 9, (-5, 5))[0]
        assert jensen_shannon(p, q) == pytest.approx(jensenshannon(p, q, base=2) ** 2, abs=1e-12)

    def test_nothing_is_at_no_distance(self):
        assert np.isnan(distances(np.empty(0), np.ones(3))).all()
        assert np.isnan(jensen_shannon([0, 0], [1, 2]))


class TestMatching:
    @pytest.mark.parametrize("seed", range(20))
    def test_boxes_are_paired_from_the_highest_overlap_down(self, seed):
        rng = np.random.default_rng(seed)

        def some(n):
            low = rng.integers(0, 12, (n, 2)).astype(float)
            return np.concatenate([low, low + rng.integers(0, 9, (n, 2))], 1), rng.integers(0, 3, n)

        (a, ga), (b, gb) = some(25), some(30)
        pairs = []
        for i in range(len(a)):
            for j in range(len(b)):
                w = min(a[i, 2], b[j, 2]) - max(a[i, 0], b[j, 0])
                h = min(a[i, 3], b[j, 3]) - max(a[i, 1], b[j, 1])
                if ga[i] == gb[j] and w > 0 and h > 0:
                    area = np.prod(a[i, 2:] - a[i, :2]) + np.prod(b[j, 2:] - b[j, :2]) - w * h
                    if w * h / area >= 0.3:
                        pairs.append((-w * h / area, i, j))
        want, used_a, used_b = [], set(), set()
        for negative, i, j in sorted(pairs):
            if i not in used_a and j not in used_b:
                used_a.add(i), used_b.add(j), want.append((i, j, -negative))
        i, j, iou = match_boxes(a, ga, b, gb, 0.3)
        assert sorted(zip(i.tolist(), j.tolist(), strict=True)) == sorted(
            (i, j) for i, j, _ in want
        )
        assert sorted(iou) == pytest.approx(sorted(v for _, _, v in want))

    def test_rows_and_texts_are_used_once(self):
        a = [np.array([1, 1, 2, 3]), np.array([0.5, 0.5, np.nan, 1.0])]
        b = [np.array([2, 1, 4, 1, 1]), np.array([np.nan, 0.5, 1.0, 0.5, 0.5])]
        i, j = equal_rows(a, b)
        assert sorted(zip(i.tolist(), j.tolist(), strict=True)) == [(0, 1), (1, 3), (2, 0)]
        i, j = match_texts(
            pa.chunked_array([["x", None, "y", "x"]]), pa.chunked_array([["x", None]])
        )
        assert (i.tolist(), j.tolist()) == ([0], [0])


class TestStats:
    def test_histograms_and_quantiles_equal_numpy(self):
        ds = made()
        found = fl.stats(ds)
        by_name = {f["name"]: f for f in found.summary["features"]}
        box = ds.boxes()
        width = box[:, 2] - box[:, 0]
        f = by_name["box_width"]
        edges = 2.0 ** np.linspace(0, 11, 34)
        assert f["edges"] == pytest.approx(edges, rel=1e-5)
        assert f["counts"] == np.histogram(width, edges)[0].tolist()
        assert f["quantiles"]["p50"] == pytest.approx(np.median(width), rel=1e-5)
        assert f["mean"] == pytest.approx(width.mean(), rel=1e-5)
        per_image = np.bincount(ds.column("annotations", "image_id"), minlength=len(ds))
        assert (
            by_name["boxes_per_image"]["counts"][:7]
            == np.bincount(per_image, minlength=7)[:7].tolist()
        )
        assert dict(
            zip(by_name["class"]["categories"], by_name["class"]["counts"], strict=True)
        ) == dict(zip(CLASSES, ds.category_counts().tolist(), strict=True))
        assert "brightness" not in by_name
        whole = found.table.filter(pa.compute.equal(found.table["feature"], "box_ratio"))
        assert sum(whole["count"].to_pylist()) == len(box)

    def test_the_axis_of_counted_boxes_begins_at_none(self, tmp_path):
        from fastlabel.compare.page import axis_marks

        found = fl.stats(made())
        features = {f["name"]: f for f in found.summary["features"]}
        marks = axis_marks(features["boxes_per_image"])
        assert marks[:3] == [0, 1, 2]
        assert marks[-2:] == [500, 999]  # the last bin is of 500 to 999
        width = features["box_width"]
        assert axis_marks(width) == width["edges"]
        found.to_html(tmp_path / "page.html")
        assert ">-0.5<" not in (tmp_path / "page.html").read_text(encoding="utf-8")

    def test_classes_of_one_name_count_together_and_unknown_ones_apart(self):
        ds = made()
        ids = ds.column("annotations", "category_id").astype(object)
        ids[:4] = None
        names = ["one", "one", *CLASSES[2:]]
        ds = replace(
            ds,
            annotations=changed(ds.annotations, "category_id", ids.tolist()),
            categories=changed(ds.categories, "name", names),
        )
        (f,) = (f for f in fl.stats(ds).summary["features"] if f["name"] == "class")
        every = [names[i] if i is not None else "(unknown)" for i in ids.tolist()]
        got = dict(zip(f["categories"], f["counts"], strict=True))
        assert got == {**dict.fromkeys(names, 0), **{n: every.count(n) for n in set(every)}}
        assert f["unknown"] == 4

    def test_bad_boxes_are_unknown_and_nothing_fails_without_any(self):
        ds = made()
        x1 = ds.column("annotations", "x1").copy()
        x1[:3] = [np.nan, np.inf, 1e9]
        ds = replace(ds, annotations=changed(ds.annotations, "x1", x1))
        by_name = {f["name"]: f for f in fl.stats(ds).summary["features"]}
        assert by_name["box_width"]["unknown"] == 3
        empty = replace(
            ds, annotations=schema.ANNOTATIONS.empty_table(), images=ds.images.slice(0, 0)
        )
        assert json.dumps(fl.stats(empty).summary, allow_nan=False)
        assert fl.diff(empty, empty).same

    @pytest.mark.parametrize("wrong", [None, 3, [made]])
    def test_other_things_are_refused(self, wrong):
        with pytest.raises(TypeError, match="expected a Dataset, a Report or the path"):
            fl.stats(wrong)


class TestDiff:
    def test_a_set_is_the_same_as_itself_in_any_order(self):
        ds = made()
        assert fl.diff(ds, ds).same
        order = np.random.default_rng(1).permutation(ds.annotations.num_rows)
        shuffled = ds.annotations.take(pa.array(order))
        shuffled = changed(shuffled, "annotation_id", np.arange(len(order)))
        assert fl.diff(ds, replace(ds, annotations=shuffled)).same

    def test_each_change_made_is_the_change_found(self):
        ds = made()
        boxes = {c: ds.column("annotations", c).copy() for c in ("x1", "x2")}
        classes = ds.column("annotations", "category_id").copy()
        boxes["x1"][5] -= 2.0  # moved
        boxes["x2"][7] += 3.0  # moved
        classes[9] = (classes[9] + 1) % 3  # relabelled
        boxes["x1"][11] += 5000  # elsewhere: one removed, one added
        boxes["x2"][11] += 5000
        table = ds.annotations
        for name, values in (*boxes.items(), ("category_id", classes)):
            table = changed(table, name, values)
        found = fl.diff(ds, replace(ds, annotations=table))
        assert counts(found) == {
            "box-added": 1, "box-removed": 1, "box-moved": 2, "box-relabelled": 1,
        }  # fmt: skip
        rows = found.changes.filter(pa.compute.equal(found.changes["kind"], "box-moved"))
        assert sorted(rows["annotation_a"].to_pylist()) == [5, 7]
        assert sorted(rows["shift"].to_pylist()) == [2.0, 3.0]
        (relabelled,) = [r for r in found.changes.to_pylist() if r["kind"] == "box-relabelled"]
        assert (relabelled["annotation_a"], relabelled["iou"]) == (9, 1.0)

    def test_a_renamed_class_is_no_pile_of_relabelled_boxes(self):
        ds = made()
        names = changed(ds.categories, "name", ["cat", "hound", "owl"])
        assert counts(fl.diff(ds, replace(ds, categories=names))) == {"class-renamed": 1}
        gone = changed(ds.annotations, "category_id", np.zeros(ds.annotations.num_rows))
        found = counts(fl.diff(ds, replace(ds, annotations=gone)))
        assert list(found) == ["box-relabelled"]
        assert found["box-relabelled"] == int((ds.column("annotations", "category_id") > 0).sum())

    def test_images_come_go_move_and_are_renamed_by_their_bytes(self, tmp_path):
        ds = made()
        stats = {"status": ["ok"] * 40, "image_id": range(40)}
        hashes = [f"{i:032x}" for i in range(40)]

        def folder(name, images, hashes):
            out = tmp_path / name
            out.mkdir()
            table = filled(schema.IMAGE_STATS, {**stats, "content_hash": hashes}, 40)
            tables = {"images": images, "annotations": ds.annotations, "image_stats": table}
            for key, value in {**tables, "categories": ds.categories}.items():
                pq.write_table(value, out / f"{key}.parquet")
            return out

        names = ds.images["path"].to_pylist()
        names[3], names[4] = "images/new.jpg", "images/other.jpg"
        splits = ds.images["split"].to_pylist()
        splits[6] = "test"
        images = changed(changed(ds.images, "path", names), "split", splits)
        after = list(hashes)
        after[4], after[8] = "f" * 32, "e" * 32
        a, b = folder("a", ds.images, hashes), folder("b", images, after)
        found = fl.diff(a, b)
        lost = int((ds.column("annotations", "image_id") == 4).sum())
        assert counts(found) == {
            "image-added": 1, "image-removed": 1, "image-renamed": 1, "image-replaced": 1,
            "image-resplit": 1,
        }, lost  # fmt: skip
        assert "brightness" in {f["name"] for f in found.summary["features"]}

    @pytest.mark.parametrize("least", [0, -1, 1.5, float("nan")])
    def test_min_iou_is_checked(self, least):
        with pytest.raises(ValueError, match="min_iou: got"):
            fl.diff(made(), made(), min_iou=least)


class TestCommands:
    @pytest.fixture
    def sets(self, tmp_path):
        a, b = tmp_path / "a", tmp_path / "b"
        fl.make_sample(a, seed=1)
        fl.make_sample(b, seed=2)
        return a, b

    def run(self, *args):
        return CliRunner().invoke(_group, [str(a) for a in args], standalone_mode=False)

    def test_stats_and_diff(self, sets, tmp_path):
        a, b = sets
        page, table = tmp_path / "page.html", tmp_path / "t.parquet"
        shown = self.run("stats", a, "--html", page, "-o", table, "--output-format", "json")
        assert json.loads(shown.output)["dataset"]["images"] > 0
        assert pq.read_table(table).num_rows > 100
        text = page.read_text()
        assert "<script" not in text and "default-src 'none'" in text
        assert "box width" in self.run("stats", a).output
        assert self.run("diff", a, a).return_value == 0
        other = self.run("diff", a, b, "--html", page, "-o", table)
        assert other.return_value == 1
        assert pq.read_table(table).num_rows > 0
        assert "divergence" in page.read_text()

    def test_bad_input_is_one_clear_error(self, sets, tmp_path):
        a, _ = sets
        for args in (("stats", tmp_path / "absent"), ("diff", a, tmp_path / "absent")):
            with pytest.raises(fl.DatasetError, match="absent"):
                raise self.run(*args).exception
        for args in (("stats", a, "-o", a / "x.parquet"), ("diff", a, a, "--html", a / "x.html")):
            with pytest.raises(fl.DatasetError, match="never"):
                raise self.run(*args).exception
        broken = tmp_path / "report"
        broken.mkdir()
        for name in ("images", "annotations", "categories"):
            (broken / f"{name}.parquet").write_bytes(b"PAR1 no table PAR1")
        with pytest.raises(fl.DatasetError, match="is not a table of a report"):
            fl.stats(broken)

    def test_ids_that_lead_nowhere_are_refused(self, tmp_path):
        ds = made()
        wild = changed(ds.annotations, "image_id", np.full(ds.annotations.num_rows, 10**6))
        tables = {"images": ds.images, "annotations": wild, "categories": ds.categories}
        for name, table in tables.items():
            pq.write_table(table, tmp_path / f"{name}.parquet")
        with pytest.raises(fl.DatasetError, match="image_id 1000000 to 1000000, expected"):
            fl.diff(tmp_path, tmp_path)

    def test_names_from_data_are_text(self, tmp_path):
        ds = made()
        evil = changed(ds.categories, "name", ["<script>alert(1)</script>", "\x1b[31mred", "owl"])
        fl.stats(replace(ds, categories=evil)).to_html(tmp_path / "p.html")
        text = (tmp_path / "p.html").read_text()
        assert "<script" not in text and "\x1b" not in text
