"""``fastlabel clean``, ``apply`` and ``undo``: from a report to a new tree, and back."""

from __future__ import annotations

import json

import pyarrow.parquet as pq
import pytest
from cli_runs import photo, tree_hash, write_set

import fastlabel as fl


@pytest.fixture
def birds(tmp_path):
    """Three pictures, the last a copy of the first; a repeated box, and a tiny one."""
    pair = [[10, 20, 90, 90], [10, 21, 90, 90]]
    boxes = {1: pair, 2: [[5, 5, 2, 2]], 3: pair}
    annotations = [(image, box) for image, several in boxes.items() for box in several]
    labels = {
        "images": [
            {"id": at, "file_name": f"images/{name}.jpg", "width": 320, "height": 240}
            for at, name in ((1, "a"), (2, "b"), (3, "c"))
        ],
        "annotations": [
            {"id": k, "image_id": image, "category_id": 1, "bbox": box}
            for k, (image, box) in enumerate(annotations, 1)
        ],
        "categories": [{"id": 1, "name": "bird"}],
    }
    first = photo(1, 320, 240)
    return write_set(
        tmp_path / "birds",
        {
            "images/a.jpg": first,
            "images/b.jpg": photo(2, 320, 240),
            "images/c.jpg": first,
            "labels.json": labels,
        },
    )


def files_of(root):
    """Names, bytes, modes and times of all files."""
    return {
        path.relative_to(root): (path.read_bytes(), path.stat().st_mode, path.stat().st_mtime_ns)
        for path in root.rglob("*")
        if path.is_file()
    }


@pytest.fixture
def checked(cli, birds):
    """The data set and its report."""
    cli("check", birds, "--out", "report", "--fail-on", "never")
    return birds


def test_from_findings_to_a_new_tree_and_back(cli, here, checked):
    before, stamps = files_of(checked), tree_hash(checked)
    run = cli("clean", checked, "--findings", "report", "-o", "plan.parquet")
    assert run.code == 0
    assert "drop_box                  1  needs --unsafe" in run.out
    assert "quarantine_image          1  safe" in run.out
    assert "plan.parquet: 3 rows; read plan.md" in run.out
    assert "note: 1 that a surer finding about the same thing overrules" in run.out
    assert "mark_ignore" in (here / "plan.md").read_text()

    run = cli("apply", "plan.parquet", "-o", "new")
    assert run.code == 2
    assert "1 of 3 rows take something away (drop_box of images/a.jpg)" in run.err
    assert not (here / "new").exists()

    run = cli("apply", "plan.parquet", "-o", "new", "--unsafe")
    assert (run.code, run.err) == (0, "")
    assert "new: 1 label file changed; `fastlabel undo new` takes it back" in run.out
    new = fl.read(here / "new")
    assert (len(new), new.annotations.num_rows) == (2, 2)
    assert new.annotations["ignore"].to_pylist() == [None, True]

    run = cli("undo", "new")
    assert (run.code, run.err) == (0, "")
    assert run.out == "new: 3 files as before\n"
    assert files_of(here / "new") == before
    assert tree_hash(checked) == stamps  # times of its folders and all
    run = cli("undo", "new")
    assert run.code == 2
    assert "no plan was applied to it; there is nothing to undo" in run.err


def test_safe_only_in_place_and_back(cli, here, checked):
    before = files_of(checked)
    cli("clean", checked, "--findings", "report", "-o", "plan.parquet", "--images", "keep")
    run = cli("apply", "plan.parquet", "--in-place", "--safe-only")
    assert run.code == 0
    assert "left out: 2 rows that would take something away" in run.out
    assert fl.read(checked).annotations.num_rows == 5
    assert cli("undo", checked).code == 0
    assert files_of(checked) == before


def test_codes_are_selected(cli, here, checked):
    cli("clean", checked, "--findings", "report", "-o", "a.parquet", "--select", "FL2,FL3")
    assert {c for r in pq.read_table("a.parquet")["codes"].to_pylist() for c in r} == {
        "FL204",
        "FL302",
    }
    cli("clean", checked, "--findings", "report", "-o", "a.parquet", "--ignore", "FL5, FL3")
    assert pq.read_table("a.parquet")["action"].to_pylist() == ["drop_box"] * 2
    run = cli("clean", checked, "--findings", "report", "-o", "a.parquet", "--select", "FL9")
    assert "nothing that can be done without a person" in run.out
    assert run.code == 0


def test_a_report_of_another_version_is_refused(cli, here, checked):
    labels = json.loads((checked / "labels.json").read_text())
    labels["annotations"][0]["bbox"][0] = 11
    (checked / "labels.json").write_text(json.dumps(labels))
    run = cli("clean", checked, "--findings", "report", "-o", "plan.parquet")
    assert run.code == 2
    assert "run `fastlabel check` again" in run.err
    assert not (here / "plan.parquet").exists()


def test_a_report_of_one_split_and_of_one_file(cli, here, checked):
    (checked / "labels.json").rename(checked / "instances_val.json")
    cli("check", checked, "--split", "val", "--out", "part", "--fail-on", "never")
    file = checked / "instances_val.json"
    assert cli("clean", file, "--findings", "part", "-o", "plan.parquet").code == 0
    assert cli("apply", "plan.parquet", "-o", "new", "--unsafe").code == 0
    assert len(fl.read(here / "new")) == 2


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("clean", "DATA", "--findings", "DATA", "-o", "p.parquet"), "no findings.parquet"),
        (("clean", "DATA", "--findings", "report", "-o", "DATA/p.parquet"), "never changed"),
        (("clean", "DATA", "--findings", "report", "-o", "plan.csv"), "plan.parquet"),
        (("clean", "DATA", "--findings", "none", "-o", "p.parquet"), "does not exist"),
        (("apply", "none.parquet", "-o", "new"), "no such plan"),
        (("apply", "plan.parquet"), "one of -o NEW and --in-place"),
        (("apply", "plan.parquet", "-o", "new", "--in-place"), "one of -o NEW and --in-place"),
        (("apply", "p", "-o", "n", "--unsafe", "--safe-only"), "exclude each other"),
        (("undo", "none"), "no such folder"),
    ],
)
def test_wrong_uses_are_one_clear_line(cli, here, checked, args, said):
    before = tree_hash(checked)
    run = cli(*(str(a).replace("DATA", str(checked)) for a in args))
    assert run.code == 2
    assert said in run.err
    assert "Traceback" not in run.err
    assert tree_hash(checked) == before
