"""``fastlabel review`` and ``fastlabel calibrate``: the loop, what they print and refuse."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from cli_runs import coco, photo, tree_hash, write_set

import fastlabel as fl


@pytest.fixture
def doubled(tmp_path) -> Path:
    """Six images; in four of them one box is drawn twice."""
    names = [f"{n}.jpg" for n in range(6)]
    labels = coco(names, [])
    for n in range(6):
        boxes = [[20 + 5 * n, 30, 90, 80], [180, 120, 100, 90]]
        if n < 4:
            boxes.append([21 + 5 * n, 31, 90, 80])
        for box in boxes:
            labels["annotations"].append(
                {"id": len(labels["annotations"]), "image_id": n, "category_id": 1, "bbox": box}
            )
    files = {name: photo(n) for n, name in enumerate(names)}
    return write_set(tmp_path / "doubled", {**files, "labels.json": labels})


@pytest.fixture
def checked(cli, doubled):
    """Its findings, as check writes them."""
    cli("check", doubled, "--out", "rep", "--select", "FL2", "--fail-on", "never")
    assert pq.read_table("rep/findings.parquet").num_rows == 4
    return Path("rep")


def test_the_loop(cli, doubled, checked, here):
    before = tree_hash(doubled)
    run = cli("review", doubled, "--findings", "rep", "--to", "label-studio", "-o", "tasks.json")
    assert (run.code, run.err) == (0, "")
    assert "Tasks      4: 12 boxes, 4 findings" in run.out
    assert Path("tasks.config.xml").is_file()

    tasks = json.loads(Path("tasks.json").read_text())
    for task in tasks:
        results = task["annotations"][0]["result"]
        named = task["data"]["fastlabel"]["findings"][0]["annotation_ids"]
        if task is not tasks[3]:  # three are right, the fourth is not
            results[:] = [r for r in results if r["id"] != f"fl-{named[0]}"]
        results.append(
            {"type": "choices", "from_name": "review", "value": {"choices": ["checked"]}}
        )
    Path("answer.json").write_text(json.dumps(tasks))

    run = cli("review", doubled, "--from", "answer.json", "-o", "plan.parquet")
    assert (run.code, run.err) == (0, "")
    assert "4 in the export, 4 with an answer, 4 marked as checked" in run.out
    assert "Changes    3 dropped" in run.out
    (code,) = set(pq.read_table("rep/findings.parquet")["code"].to_pylist())
    assert f"{code}        4      3      1  0.75 (0.30 to 0.95)" in run.out
    assert tree_hash(doubled) == before

    applied = fl.apply(fl.Plan.read("plan.parquet"), out="new", unsafe=True)
    assert applied is not None
    assert fl.read("new").annotations.num_rows == 13

    run = cli("calibrate", "plan.parquet", "-o", "part.toml")
    assert (run.code, run.err) == (0, "")
    assert "few verdicts" in run.out
    part = tomllib.loads(Path("part.toml").read_text())
    assert set(part["calibration"]) == {code}
    Path("fastlabel.toml").write_text(Path("part.toml").read_text())
    run = cli("check", doubled, "--out", "rep2", "--select", "FL2", "--fail-on", "never")
    old, new = (pq.read_table(f"{x}/findings.parquet") for x in ("rep", "rep2"))
    assert old["score"].to_pylist() != new["score"].to_pylist()
    assert json.loads(new["evidence"][0].as_py())["raw_score"] == old["score"][0].as_py()


@pytest.mark.parametrize(
    ("tool", "files"),
    [
        ("cvat", ["t.xml", "t.labels.json"]),
        ("sheet", ["t.xml"]),
        ("fiftyone", ["t.xml/metadata.json", "t.xml/samples.json"]),
    ],
)
def test_each_tool_gets_its_files(tool, files, cli, doubled, checked, here):
    run = cli("review", doubled, "--findings", checked, "--to", tool, "-o", "t.xml")
    assert (run.code, run.err) == (0, "")
    for name in files:
        assert Path(name).is_file()
        assert name in run.out


def test_cvat_comes_back_unchanged(cli, doubled, checked):
    cli("review", doubled, "--findings", checked, "--to", "cvat", "-o", "t.xml", "--all")
    run = cli("review", doubled, "--from", "t.xml", "-o", "plan.parquet")
    assert run.code == 0
    assert "16 compared, 16 the same\nChanges    none" in run.out
    assert len(fl.Plan.read("plan.parquet")) == 0


def test_a_budget_takes_the_first_of_the_queue(cli, doubled, checked):
    run = cli(
        "review", doubled, "--findings", checked, "--to", "sheet", "-o", "s.html", "--budget", 2
    )
    assert (run.code, run.err) == (0, "")
    assert "Tasks      2:" in run.out


def test_what_is_skipped_is_named_and_the_code_is_1(cli, doubled, checked):
    cli("review", doubled, "--findings", checked, "--to", "label-studio", "-o", "t.json")
    tasks = json.loads(Path("t.json").read_text())
    tasks[0]["annotations"][0]["result"][0]["value"]["rectanglelabels"] = ["\x1b[31mdog"]
    tasks[1]["annotations"][0]["result"][0]["value"]["rotation"] = 30
    tasks[2]["annotations"] = []
    Path("t.json").write_text(json.dumps(tasks))
    run = cli("review", doubled, "--from", "t.json", "-o", "plan.parquet")
    assert run.code == 1
    assert "Skipped    1 new class" in run.out
    assert "Skipped    1 rotated" in run.out
    assert "Skipped    1 unanswered" in run.out
    assert "\x1b" not in run.out
    assert pq.read_table("plan.skipped.parquet").num_rows == 3


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["-o", "x"], "give --findings DIR"),
        (["--findings", "empty", "-o", "x"], "name it x.parquet"),
        (["--findings", "empty"], "run `fastlabel check"),
        (["--to", "cvat", "--all"], "-o FILE says where"),
        (["--to", "cvat", "--all", "-o", "x", "--finding", "3"], "--finding goes with the page"),
        (["--to", "cvat", "--from", "t", "-o", "x"], "either --to TOOL"),
        (["--to", "cvat", "-o", "x"], "needs --findings DIR"),
        (["--from", "t", "-o", "x.json"], "name it x.parquet"),
        (["--from", "t", "--budget", "3", "-o", "x.parquet"], "--budget goes with --to"),
        (["--from", "t", "-o", "x.parquet"], "is neither JSON nor XML"),
        (["--to", "cvat", "--findings", "empty", "-o", "x"], "run `fastlabel check"),
        (["--to", "cvat", "--findings", "t", "-o", "x"], "cannot be read as Parquet"),
        (["--to", "cvat", "--all", "-o", "DATA/x.xml"], "never changed"),
        (["--to", "excel", "-o", "x"], "label-studio"),
    ],
)
def test_what_cannot_be_done_is_said(args, said, cli, doubled, here):
    Path("t").write_text("neither")
    Path("empty").mkdir()
    run = cli("review", doubled, *[a.replace("DATA", str(doubled)) for a in args])
    assert (run.code, run.out) == (2, "")
    assert said in " ".join(run.err.replace("│", " ").split())
    assert sorted(p.name for p in here.iterdir()) == ["empty", "t"]


def test_findings_of_another_version_are_refused(cli, doubled, checked):
    labels = json.loads((doubled / "labels.json").read_text())
    labels["annotations"][0]["bbox"][0] += 1
    (doubled / "labels.json").write_text(json.dumps(labels))
    run = cli("review", doubled, "--findings", checked, "--to", "cvat", "-o", "t.xml")
    assert run.is_one_clear_line()
    assert "run `fastlabel check` again" in run.err


def test_findings_of_one_split_are_sent_and_read_into_the_whole(cli, tmp_path, here):
    from fastlabel.sample import make_sample

    make_sample(tmp_path / "set", format="coco", seed=3)
    data = tmp_path / "set"
    splits = fl.read(data).images["split"].to_pylist()
    assert len(set(splits)) > 1
    last = splits[-1]
    cli("check", data, "--split", last, "--select", "FL2", "--out", "rep", "--fail-on", "never")
    sent = cli("review", data, "--findings", "rep", "--to", "label-studio", "-o", "t.json", "--all")
    assert sent.err == ""
    tasks = json.loads(Path("t.json").read_text())
    results = next(t for t in reversed(tasks) if t["annotations"][0]["result"])
    region = results["annotations"][0]["result"].pop(0)
    Path("t.json").write_text(json.dumps(tasks))
    run = cli("review", data, "--from", "t.json", "-o", "plan.parquet")
    assert (run.code, run.err) == (0, "")
    (row,) = fl.Plan.read("plan.parquet").table.to_pylist()
    assert row["action"] == "drop_box"
    assert row["file_name"].endswith(Path(results["data"]["fastlabel"]["name"]).name)
    x1 = region["value"]["x"] / 100 * region["original_width"]
    assert json.loads(row["before"])["box"][0] == pytest.approx(x1)


def test_calibrate_refuses_what_is_no_round(cli, here):
    Path("x.parquet").write_bytes(b"no")
    assert cli("calibrate", "x.parquet", "-o", "y.toml").is_one_clear_line()
    assert cli("calibrate", "-o", "y.toml").code == 2
    assert not Path("y.toml").exists()


def test_labels_in_one_file_of_several_are_planned_there(cli, doubled, here):
    (doubled / "other.json").write_text((doubled / "labels.json").read_text())
    labels = doubled / "labels.json"
    cli("review", labels, "--to", "cvat", "--all", "-o", "t.xml")
    run = cli("review", labels, "--from", "t.xml", "-o", "plan.parquet")
    assert run.code == 0, run.err
    assert fl.Plan.read("plan.parquet").data["file"] == "labels.json"
