"""Findings beside planted errors: what counts as found, and the figures by brute force."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import fastlabel as fl
from fastlabel import schema
from fastlabel.cli import main
from fastlabel.evaluate.findings import average_precision


@pytest.fixture(scope="module")
def planted(tmp_path_factory):
    """A set of 30 images with 5 boxes each, and 8 errors of every kind."""
    folder = tmp_path_factory.mktemp("planted")
    rng = np.random.default_rng(0)
    rows = []
    for image in range(30):
        for k in range(5):
            rows.append(
                {
                    "id": len(rows) + 1,
                    "image_id": image + 1,
                    "category_id": int(rng.integers(3)) + 1,
                    "bbox": [k * 120, int(rng.integers(0, 300)), 90, 80],
                }
            )
    text = {
        "images": [
            {"id": i + 1, "file_name": f"{i}.jpg", "width": 640, "height": 480} for i in range(30)
        ],
        "annotations": rows,
        "categories": [{"id": i + 1, "name": f"class {i}"} for i in range(3)],
    }
    (folder / "labels.json").write_text(json.dumps(text))
    clean = fl.read(folder)
    kinds = ["drop", "swap", "shift", "duplicate", "split", "spurious"]
    return fl.corrupt(clean, rate=48 / 150, kinds=kinds, seed=1)


def findings(rows):
    """A table of (code, image, annotation, score, evidence)."""
    return pa.Table.from_pylist(
        [
            {
                "code": code,
                "severity": "warning",
                "image_id": image,
                "annotation_id": row,
                "score": score,
                "evidence": json.dumps(evidence),
            }
            for code, image, row, score, evidence in rows
        ],
        schema=schema.FINDINGS,
    )


def add(box):
    return {"fix": {"action": "add_box", "box": box, "category_id": 0, "category": "x"}}


def perfect(ledger, score=0.9):
    """A finding an error, each as the rules would say it."""
    rows = []
    for error in ledger.to_pylist():
        if error["kind"] == "drop":
            box = json.loads(error["before"])[0]["box"]
            rows.append(("FL701", error["image_id"], None, score, add(box)))
        else:
            rows.append(("FL702", error["image_id"], error["annotation_id"], score, {}))
    return rows


def test_all_found(planted):
    noisy, ledger = planted
    got = fl.evaluate_findings(findings(perfect(ledger)), ledger, noisy)
    assert got.precision == got.recall == got.average_precision == 1
    assert got.image_average_precision == 1
    assert set(got.per_kind["recall"].to_pylist()) == {1.0}
    assert sum(got.per_kind["planted"].to_pylist()) == ledger.num_rows
    assert got.errors["found_rank"].null_count == 0
    assert got.curve["found"].to_pylist()[-1] == ledger.num_rows


def test_nothing_found(planted):
    noisy, ledger = planted
    got = fl.evaluate_findings(findings([]), ledger, noisy)
    assert np.isnan(got.precision) and got.recall == got.average_precision == 0
    bad = len(set(ledger["image_id"].to_pylist()))
    assert got.image_average_precision == pytest.approx(bad / 30)
    assert got.summary()["precision"] is None


def test_a_missing_box_is_found_by_its_place_alone(planted):
    noisy, ledger = planted
    drop = next(e for e in ledger.to_pylist() if e["kind"] == "drop")
    x1, y1, x2, y2 = json.loads(drop["before"])[0]["box"]
    near, far = [x1 + 20, y1, x2 + 20, y2], [x1 + 40, y1, x2 + 40, y2]  # IoU 0.64 and 0.38
    image = drop["image_id"]
    for box, outcome in ((near, "right"), (far, "wrong")):
        got = fl.evaluate_findings(findings([("FL701", image, None, 1, add(box))]), ledger, noisy)
        assert got.table["outcome"].to_pylist() == [outcome]
    other = fl.evaluate_findings(
        findings([("FL701", (image + 1) % 30, None, 1, add(near))]), ledger, noisy
    )
    assert other.table["outcome"].to_pylist() == ["wrong"]
    loose = fl.evaluate_findings(
        findings([("FL701", image, None, 1, add(far))]), ledger, noisy, iou=0.3
    )
    assert loose.table["outcome"].to_pylist() == ["right"]
    drawn = {"fix": {"action": "drop_box", "box": near}}
    got = fl.evaluate_findings(findings([("FL702", image, None, 1, drawn)]), ledger, noisy)
    assert got.table["outcome"].to_pylist() == ["aside"]


def test_pairs_and_second_findings(planted):
    noisy, ledger = planted
    twice = next(e for e in ledger.to_pylist() if e["kind"] == "duplicate")
    own, other = twice["annotation_id"], twice["related"][0]
    image = twice["image_id"]
    rows = [
        ("FL204", image, other, 0.9, {}),
        ("FL702", image, own, 0.8, {}),
        ("FL204", image, None, 0.7, {"related_annotations": [own, other]}),
        ("FL401", image, None, 0.6, {"file": "x"}),
    ]
    got = fl.evaluate_findings(findings(rows), ledger, noisy)
    assert got.table["outcome"].to_pylist() == ["right", "again", "again", "aside"]
    assert got.precision == 1 and got.recall == pytest.approx(1 / 48)
    assert got.errors["found_by"].to_pylist()[twice["error_id"]] == ["FL204"]
    code = {row["code"]: row for row in got.per_code.to_pylist()}
    assert code["FL204"] == {
        **{"code": "FL204", "findings": 2, "right": 1, "again": 1, "wrong": 0, "precision": 1.0}
    }
    assert code["FL702"]["precision"] is None and "FL401" not in code


def brute_average_precision(scores, gained, wrong, total):
    """Of each thing that is gained the precision of all that scores as high as its finding."""
    ap = 0.0
    for score, gain in zip(scores, gained, strict=True):
        if gain:
            taken = scores >= score
            right = int((np.array(gained)[taken] > 0).sum())
            ap += gain * right / (right + int(np.array(wrong)[taken].sum()))
    return ap / total


@pytest.mark.parametrize("seed", range(20))
def test_average_precision_by_brute_force(seed):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 60))
    scores = -np.sort(-rng.integers(0, 12, n) / 10)
    gained = (rng.random(n) < 0.4) * rng.integers(1, 3, n)
    wrong = (gained == 0) & (rng.random(n) < 0.8)
    total = int(gained.sum()) + 3
    assert average_precision(scores, gained, wrong, total) == pytest.approx(
        brute_average_precision(scores, gained, wrong, total)
    )


@pytest.mark.parametrize("seed", range(5))
def test_random_findings(planted, seed):
    """All figures again, from the outcomes of single findings."""
    noisy, ledger = planted
    rng = np.random.default_rng(seed)
    rows = [row for row in perfect(ledger) if rng.random() < 0.6]
    image_of = noisy.column("annotations", "image_id")
    wrong_rows = set(ledger["annotation_id"].to_pylist())
    wrong_rows |= {r for related in ledger["related"].to_pylist() for r in related}
    for row in rng.permutation(len(image_of))[:40].tolist():
        rows.append(("FL704", int(image_of[row]), row, 0, {}))
    rows = [(*row[:3], float(np.round(rng.random(), 2)), row[4]) for row in rows]
    got = fl.evaluate_findings(findings(rows), ledger, noisy)
    order = sorted(rows, key=lambda row: -row[3])
    assert got.table["score"].to_pylist() == [row[3] for row in order]
    right = got.table["outcome"].to_pylist().count("right")
    wrong = got.table["outcome"].to_pylist().count("wrong")
    assert wrong == sum(row[2] is not None and row[2] not in wrong_rows for row in rows)
    assert got.precision == pytest.approx(right / (right + wrong))
    assert got.recall == pytest.approx(right / ledger.num_rows)
    bad = np.zeros(30, bool)
    bad[ledger["image_id"].to_pylist()] = True
    best = np.full(30, -1.0)
    for row in rows:
        best[row[1]] = max(best[row[1]], row[3])
    by_image = brute_average_precision(best, bad.astype(int), ~bad, int(bad.sum()))
    assert got.image_average_precision == pytest.approx(by_image)
    curve = got.curve
    assert curve["recall"].to_pylist()[-1] == pytest.approx(got.recall)
    assert curve["precision"].to_pylist()[-1] == pytest.approx(got.precision)
    assert curve["images"].to_pylist()[-1] == len({row[1] for row in rows})
    for row in got.per_kind.to_pylist():
        mine = [r is not None for r, k in zip(got.errors["found_rank"].to_pylist(),
                ledger["kind"].to_pylist(), strict=True) if k == row["kind"]]  # fmt: skip
        assert row["found"] == sum(mine) and row["planted"] == len(mine)


def test_of_one_kind_other_kinds_count_neither_way(planted):
    noisy, ledger = planted
    rows = [
        (code, image, row, 0.9 if ledger["kind"][k].as_py() == "swap" else 0.95, evidence)
        for k, (code, image, row, _, evidence) in enumerate(perfect(ledger))
    ]
    got = fl.evaluate_findings(findings(rows), ledger, noisy)
    swap = next(row for row in got.per_kind.to_pylist() if row["kind"] == "swap")
    assert swap["average_precision"] == 1


def test_queues(planted):
    noisy, ledger = planted
    rows = perfect(ledger)
    table = findings(rows)
    order = list(range(len(rows)))[::-1]
    queue = pa.table(
        {
            "rank": list(range(1, len(rows) + 1)),
            "image_id": [rows[k][1] for k in order],
            "codes": [[rows[k][0]] for k in order],
            "annotation_ids": pa.array(
                [[] if rows[k][2] is None else [rows[k][2]] for k in order], pa.list_(pa.int64())
            ),
            "score": [rows[k][3] for k in order],
            "findings": [[k] for k in order],
        }
    )
    got = fl.evaluate_findings(table, ledger, noisy, queue=queue)
    assert got.recall == 1
    assert got.errors["found_rank"].to_pylist() == [len(rows) - k for k in range(len(rows))]
    part = fl.evaluate_findings(table, ledger, noisy, queue=queue.slice(0, 10))
    assert part.recall == pytest.approx(10 / len(rows))
    with pytest.raises(ValueError, match="names findings that are not there"):
        fl.evaluate_findings(table.slice(0, 3), ledger, noisy, queue=queue)


def test_select_and_threshold(planted):
    noisy, ledger = planted
    table = findings([*perfect(ledger), ("FL204", 0, 0, 0.99, {})])
    got = fl.evaluate_findings(table, ledger, noisy, select=["FL701"])
    assert set(got.per_code["code"].to_pylist()) == {"FL701"} and got.recall == 8 / 48
    assert fl.evaluate_findings(table, ledger, noisy, threshold=0.95).table.num_rows == 1


def test_bad_input(planted, tmp_path):
    noisy, ledger = planted
    table = findings(perfect(ledger))
    with pytest.raises(ValueError, match="findings: has no column 'code'"):
        fl.evaluate_findings(pa.table({"x": [1]}), ledger)
    with pytest.raises(ValueError, match="ledger: has no column 'error_id'"):
        fl.evaluate_findings(table, pa.table({"x": [1]}))
    with pytest.raises(TypeError, match="findings: got list"):
        fl.evaluate_findings([], ledger)
    with pytest.raises(TypeError, match="select"):
        fl.evaluate_findings(table, ledger, select="FL7")
    with pytest.raises(ValueError, match="iou: got 0"):
        fl.evaluate_findings(table, ledger, iou=0)
    with pytest.raises(fl.DatasetError, match="no such file"):
        fl.evaluate_findings(tmp_path / "none", ledger)
    (tmp_path / "bad.parquet").write_bytes(b"PAR1 no")
    with pytest.raises(fl.DatasetError, match="cannot be read as Parquet"):
        fl.evaluate_findings(table, tmp_path / "bad.parquet")
    other, _ = fl.corrupt(noisy, rate=0.9, kinds=["drop"])
    with pytest.raises(fl.DatasetError, match="ledger of another set"):
        fl.evaluate_findings(table, ledger, other)
    odd = findings([("FL7", 0, 0, 0.5, {})])
    at = odd.schema.get_field_index("evidence")
    for text in ("{", "[]", '{"fix": 3, "related_annotations": ["a"]}', None):
        changed = odd.set_column(at, "evidence", pa.array([text], pa.string()))
        assert fl.evaluate_findings(changed, ledger, noisy).table.num_rows == 1


def run(capsys, *words):
    with pytest.raises(SystemExit) as stopped:
        main([str(word) for word in words])
    said = capsys.readouterr()
    return stopped.value.code, said.out, said.err


def test_the_command_and_its_plot(planted, tmp_path, capsys):
    _, ledger = planted
    (tmp_path / "report").mkdir()
    pq.write_table(findings(perfect(ledger)), tmp_path / "report" / "findings.parquet")
    pq.write_table(ledger, tmp_path / "ledger.parquet")
    for name in ("curve.svg", "curve.png"):
        code, out, err = run(
            capsys,
            *("evaluate-findings", tmp_path / "report", "--ledger", tmp_path / "ledger.parquet"),
            *("--plot", tmp_path / name, "--out", tmp_path / "scores.json"),
        )
        assert code == 0 and err == "" and "Precision  1.000   recall 1.000" in out
        assert (tmp_path / name).stat().st_size > 5000
    first = (tmp_path / "curve.svg").read_bytes()
    run(
        capsys,
        *("evaluate-findings", tmp_path / "report", "--ledger", tmp_path / "ledger.parquet"),
        *("--plot", tmp_path / "curve.svg"),
    )
    assert (tmp_path / "curve.svg").read_bytes() == first
    summary = json.loads((tmp_path / "scores.json").read_text())
    assert summary["errors"] == 48 and summary["average_precision"] == 1
    code, out, _ = run(
        capsys,
        *("evaluate-findings", tmp_path / "report", "--ledger", tmp_path / "ledger.parquet"),
        "--json",
    )
    assert json.loads(out) == summary
    code, _, err = run(
        capsys,
        *("evaluate-findings", tmp_path / "report", "--ledger", tmp_path / "ledger.parquet"),
        *("--plot", tmp_path / "curve.gif"),
    )
    assert (code == 2 and ".svg or .png" in err) or "in .svg" in err
    code, _, err = run(capsys, "evaluate-findings", tmp_path, "--ledger", tmp_path)
    assert code == 2 and "Traceback" not in err
