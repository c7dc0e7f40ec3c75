"""YOLO text and tables: seven ways to write the same boxes, and what is refused."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from small_sets import coco_set

import fastlabel as fl


@pytest.fixture
def ds(tmp_path):
    return coco_set(tmp_path / "set")


BOX = np.array([[10.0, 20, 40, 60], [100, 50, 250, 150]])
ROWS = {"file": ["a.jpg", "b.jpg"], "name": ["cat", "dog"], "score": [0.25, 0.75]}


def check(found, exact=True):
    assert found.column("image_id").tolist() == [0, 1]
    assert found.column("category_id").tolist() == [0, 1]
    assert found.column("score").tolist() == [0.25, 0.75]
    np.testing.assert_allclose(found.boxes(), BOX, atol=0 if exact else 1e-4)


def test_the_seven_layouts_of_one_real_set_agree(shared_data):
    toy = shared_data / "predictions" / "review-metrics" / "toyexample"
    ds = fl.read(toy / "gts_coco_format" / "toy_example_coco.JSON")
    names = (toy / "voc.names").read_text().split()
    ways = {
        "dets_classid_abs_xywh": {"box_format": "xywh", "names": names},
        "dets_classid_abs_xyx2y2": {"box_format": "xyxy", "names": names},
        "dets_classname_abs_xywh": {"box_format": "xywh"},
        "dets_classname_abs_xyx2y2": {"box_format": "xyxy"},
        "dets_classname_rel_xcycwh": {"box_format": "cxcywhn"},
        "dets_classid_rel_xcycwh": {"names": names},
    }
    read = [
        fl.read_predictions(toy / name, ds, score_first=True, **told)
        for name, told in ways.items()
        if (toy / name).is_dir()
    ]
    read.append(fl.read_predictions(toy / "dets_coco_format" / "coco_dets.json", ds))
    assert len(read) >= 6
    for found in read:
        assert set(found.column("category_id").tolist()) == {0} and len(found) == 12
        order = np.lexsort((found.column("score"), found.column("image_id")))
        np.testing.assert_allclose(found.boxes()[order], read[0].boxes()[order], atol=1.01)
        # Every text file was looked at, an empty one too.
        assert len(found.seen[0]) == 10


class TestText:
    def write(self, folder, lines):
        folder.mkdir(parents=True)
        for name, text in lines.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text)
        return folder

    def test_ultralytics_way(self, ds, tmp_path):
        lines = {
            "labels/a.txt": "0 0.125 0.4 0.15 0.4 0.25\n",
            "labels/b.txt": "\n1 0.58333333 0.5 0.5 0.5 0.75\n",
            "labels/deep/c.txt": "",
        }
        found = fl.read_predictions(self.write(tmp_path / "p", lines), ds, names=["cat", "dog"])
        check(found, exact=False)
        assert found.table["origin"].to_pylist() == ["labels/a.txt:1", "labels/b.txt:2"]
        assert found.seen[0].tolist() == [0, 1, 2]

    def test_the_confidence_is_never_guessed(self, ds, tmp_path):
        text = "0 0.9 0.125 0.4 0.15 0.4\n0 0.8 0.5 0.5 0.9 0.9\n"
        folder = self.write(tmp_path / "p", {"a.txt": text})
        with pytest.raises(fl.DatasetError, match="score_first=True"):
            fl.read_predictions(folder, ds, names=["cat"])
        found = fl.read_predictions(folder, ds, names=["cat"], score_first=True)
        assert found.column("score").tolist() == [0.9, 0.8]
        folder = self.write(tmp_path / "q", {"a.txt": "0 0.95 0.5 0.05 0.9 0.5\n" * 3})
        with pytest.raises(fl.DatasetError, match="score_first=False"):
            fl.read_predictions(folder, ds, names=["cat"], score_first=True)

    def test_labels_are_no_predictions(self, ds, tmp_path):
        folder = self.write(tmp_path / "p", {"a.txt": "0 0.5 0.5 0.1 0.1\n"})
        with pytest.raises(fl.DatasetError, match=r"a\.txt:1.*save_conf"):
            fl.read_predictions(folder, ds, names=["cat"])

    def test_bad_lines_and_files_have_their_place(self, ds, tmp_path):
        good = "0 0.5 0.5 0.1 0.1 0.5\n"
        lines = {"a.txt": good + "0 0.5 x 0.1 0.1 0.5\n0 1 2\n" + good, "z.txt": good, "y.txt": ""}
        found = fl.read_predictions(self.write(tmp_path / "p", lines), ds, names=["cat"])
        assert len(found) == 2
        told = [(p["kind"], p["line"], p["file"]) for p in found.problems.to_pylist()]
        assert ("malformed-row", 2, "a.txt") in told and ("malformed-row", 3, "a.txt") in told
        assert sum(kind == "unknown-image" for kind, *_ in told) == 2

    def test_shares_of_an_image_of_unknown_size(self, tmp_path):
        root = tmp_path / "yolo"
        (root / "labels").mkdir(parents=True)
        (root / "images").mkdir()
        (root / "labels" / "a.txt").write_text("0 0.5 0.5 0.1 0.1\n")
        (root / "images" / "a.jpg").write_bytes(b"no picture")
        (root / "data.yaml").write_text("names: [cat]\ntrain: images\n")
        folder = self.write(tmp_path / "p", {"a.txt": "0 0.5 0.5 0.1 0.1 0.5\n"})
        with pytest.raises(fl.DatasetError, match="size is not known"):
            fl.read_predictions(folder, fl.read(root))


class TestTables:
    def test_supervision_csv(self, ds, tmp_path):
        sides = ("x_min", "y_min", "x_max", "y_max")
        frame = pd.DataFrame(BOX, columns=sides).assign(
            class_id=[0, 1],
            confidence=[0.25, 0.75],
            tracker_id="",
            class_name=ROWS["name"],
            file_name=ROWS["file"],
        )
        frame.to_csv(tmp_path / "p.csv", index=False)
        check(fl.read_predictions(tmp_path / "p.csv", ds))

    def test_ultralytics_frames_and_their_json(self, ds, tmp_path):
        rows = [
            {
                "name": name,
                "class": k,
                "confidence": score,
                "box": dict(zip(("x1", "y1", "x2", "y2"), box.tolist(), strict=True)),
                "image": file,
            }
            for k, (file, name, score, box) in enumerate(
                zip(*(ROWS[c] for c in ("file", "name", "score")), BOX, strict=True)
            )
        ]
        (tmp_path / "p.json").write_text(pd.DataFrame(rows).to_json(orient="records"))
        check(fl.read_predictions(tmp_path / "p.json", ds))
        pd.DataFrame(rows).to_csv(tmp_path / "p.csv", index=False)  # the box as text in a cell
        check(fl.read_predictions(tmp_path / "p.csv", ds))
        check(fl.read_predictions(rows, ds))

    @pytest.mark.parametrize("kind", ["pyarrow", "polars", "pandas", "parquet", "arrow", "dict"])
    def test_arrow_in_every_coat(self, ds, tmp_path, kind):
        columns = {"image": ROWS["file"], "label": ROWS["name"], "score": ROWS["score"]}
        columns |= {s: BOX[:, k] for k, s in enumerate(("x1", "y1", "x2", "y2"))}
        table = pa.table(columns)
        source = {"pyarrow": lambda: table, "dict": lambda: columns}
        source |= {"polars": lambda: pl.from_arrow(table), "pandas": table.to_pandas}
        if kind == "parquet":
            pq.write_table(table, tmp_path / "p.parquet")
        elif kind == "arrow":
            with pa.ipc.new_stream(tmp_path / "p.arrow", table.schema) as writer:
                writer.write_table(table)
        check(fl.read_predictions(source.get(kind, lambda: tmp_path / f"p.{kind}")(), ds))

    @pytest.mark.parametrize(
        ("names", "fmt", "convert"),
        [
            (("cx", "cy", "w", "h"), None, "cxcywh"),
            (("x", "y", "width", "height"), "xywh", "xywh"),
            (("x", "y", "width", "height"), "cxcywh", "cxcywh"),
            (("xmin", "ymin", "xmax", "ymax"), None, "xyxy"),
        ],
    )
    def test_box_formats(self, ds, names, fmt, convert):
        boxes = fl.box_convert(BOX, "xyxy", convert)
        columns = {**ROWS, **{n: boxes[:, k] for k, n in enumerate(names)}}
        check(fl.read_predictions(columns, ds, box_format=fmt))

    def test_shares_of_the_image(self, ds):
        shares = BOX / np.array([[200, 100] * 2, [300, 200] * 2])
        columns = {**ROWS, **{n: shares[:, k] for k, n in enumerate(("x1", "y1", "x2", "y2"))}}
        check(fl.read_predictions(columns, ds, box_format="xyxyn"), exact=False)

    def test_lists_of_four(self, ds):
        check(fl.read_predictions({**ROWS, "xyxy": BOX.tolist()}, ds))
        with pytest.raises(fl.DatasetError, match="box_format"):
            fl.read_predictions({**ROWS, "box": BOX.tolist()}, ds)
        check(fl.read_predictions({**ROWS, "box": BOX.tolist()}, ds, box_format="xyxy"))

    @pytest.mark.parametrize("gone", ["file", "name", "score", "x1"])
    def test_a_missing_column_is_named_with_those_there(self, ds, gone):
        columns = {**ROWS, **{n: BOX[:, k] for k, n in enumerate(("x1", "y1", "x2", "y2"))}}
        del columns[gone]
        with pytest.raises(fl.DatasetError, match=r"has no column for the .* its columns are"):
            fl.read_predictions(columns, ds)

    def test_a_corner_or_the_centre_is_asked(self, ds):
        columns = {**ROWS, **{n: BOX[:, k] for k, n in enumerate(("x", "y", "w", "h"))}}
        with pytest.raises(fl.DatasetError, match="corner or the centre"):
            fl.read_predictions(columns, ds)

    def test_names_of_columns_and_box_format_must_agree(self, ds):
        columns = {**ROWS, **{n: BOX[:, k] for k, n in enumerate(("x1", "y1", "x2", "y2"))}}
        with pytest.raises(fl.DatasetError, match="box_format says 'xywh'"):
            fl.read_predictions(columns, ds, box_format="xywh")

    def test_sizes_that_the_set_does_not_have(self, ds):
        columns = {**ROWS, **{n: BOX[:, k] for k, n in enumerate(("x1", "y1", "x2", "y2"))}}
        columns |= {"image_width": [200, 640], "image_height": [100, 480]}
        found = fl.read_predictions(columns, ds)
        assert found.problems["kind"].to_pylist() == ["size-mismatch"]
        assert "640 x 480, the set says 300 x 200" in found.problems["message"][0].as_py()

    @pytest.mark.parametrize(
        ("name", "data", "words"),
        [
            ("p.csv", b"", "is empty"),
            ("p.parquet", b"PAR1", "no PARQUET table"),
            ("p.arrow", b"\0" * 40, "no ARROW table"),
            ("p.csv", b"a,b\n1,2,3\n", "no CSV table"),
            ("p.xyz", b"1", "unknown ending"),
        ],
    )
    def test_files_that_are_none(self, ds, tmp_path, name, data, words):
        (tmp_path / name).write_bytes(data)
        with pytest.raises(fl.DatasetError, match=words):
            fl.read_predictions(tmp_path / name, ds)

    def test_words_in_place_of_numbers(self, ds):
        columns = {**ROWS, **{n: BOX[:, k] for k, n in enumerate(("x1", "y1", "x2", "y2"))}}
        columns["score"] = ["high", "low"]
        with pytest.raises(fl.DatasetError, match="score has string and not numbers"):
            fl.read_predictions(columns, ds)

    @pytest.mark.parametrize("source", [3, None, [3], object()])
    def test_sources_of_another_type(self, ds, source):
        with pytest.raises(TypeError, match="source"):
            fl.read_predictions(source, ds)
        with pytest.raises(ValueError, match="source"):
            fl.read_predictions([], ds)
