"""Plans made of findings: of the rules that are there, and of the evidence that others write."""

from __future__ import annotations

import json
import shutil

import pyarrow as pa
import pytest

import fastlabel as fl
from fastlabel import schema


def finding(code: str, **values: object) -> dict[str, object]:
    evidence = values.pop("evidence", {})
    return {
        "code": code,
        "severity": "warning",
        "score": 1.0,
        "message": f"{code} says so.",
        "suggestion": "review",
        "evidence": json.dumps(evidence),
        **values,
    }


def table(*rows: dict[str, object]) -> pa.Table:
    return pa.Table.from_pylist(list(rows), schema=schema.FINDINGS)


def fix(action: str, **values: object) -> dict[str, object]:
    empty = {"box": None, "category_id": None, "category": None, "model": "m"}
    return {"fix": {**empty, "action": action, **values}}


@pytest.fixture
def ds(sample) -> fl.Dataset:
    return fl.read(sample("voc"))


def actions(plan: fl.Plan) -> list[tuple[object, ...]]:
    return [
        (r["action"], r["image_id"], r["annotation_id"], json.loads(r["after"] or "null"))
        for r in plan.table.to_pylist()
    ]


def test_each_fix_of_the_evidence_becomes_its_action(ds):
    images = ds.column("annotations", "image_id").tolist()
    width = ds.images["width"][0].as_py()
    plan = fl.plan(
        ds,
        table(
            finding("FL701", image_id=0, evidence=fix("add_box", category_id=1, box=[1, 2, 9, 9])),
            finding("FL702", image_id=images[0], annotation_id=0, evidence=fix("drop_box")),
            finding(
                "FL703", image_id=images[1], annotation_id=1, evidence=fix("relabel", category_id=2)
            ),
            finding(
                "FL704",
                image_id=images[2],
                annotation_id=2,
                score=0.75,
                evidence=fix("replace_box", box=[-4.6, 2.2, 1e9, 9.4]),
            ),
            finding("FL706", image_id=images[3], annotation_id=3, evidence=fix("mark_ignore")),
        ),
    )
    names = ds.categories["name"].to_pylist()
    found = actions(plan)
    assert ("add_box", 0, None, {"category_id": 1, "category": names[1], "box": [1, 2, 9, 9]}) in (
        found
    )
    assert ("drop_box", images[0], 0, None) in found
    assert ("relabel", images[1], 1, {"category_id": 2, "category": names[2]}) in found
    # Cut at the edges, and on whole pixels, as all boxes of this VOC set are.
    right = ds.images["width"][images[2]].as_py()
    assert ("replace_box", images[2], 2, {"box": [0, 2, right, 9]}) in found
    assert ("mark_ignore", images[3], 3, {"ignore": True}) in found
    assert width is not None
    assert len(found) == 5
    scores = {r["action"]: (r["score"], r["codes"], r["reason"]) for r in plan.table.to_pylist()}
    assert scores["replace_box"] == (0.75, ["FL704"], "FL704 says so.")


def test_what_is_not_sure_or_left_to_a_person_is_counted(ds):
    plan = fl.plan(
        ds,
        table(
            finding("FL702", image_id=0, annotation_id=0, score=0.4, evidence=fix("drop_box")),
            finding("FL205", image_id=0, annotation_id=1, suggestion="relabel"),
            finding("FL703", image_id=0, annotation_id=1, evidence=fix("relabel")),
            finding("FL601"),
            finding("FL701", image_id=0, evidence=fix("add_box", category_id=1, box=[9, 9, 9, 9])),
            finding("FL701", image_id=0, evidence=[1, 2]),
        ),
    )
    assert len(plan) == 0
    assert plan.notes == (
        "left to a person: 1 FL205, 1 FL601, 2 FL701, 1 FL703",
        "not sure enough (--min-score): 1 FL702",
    )
    assert "nothing" not in repr(plan)


def test_codes_are_selected_and_ignored_by_their_beginnings(ds):
    rows = table(
        *(
            finding(code, image_id=0, annotation_id=at, suggestion="ignore")
            for at, code in enumerate(("FL301", "FL302", "FL406"))
        )
    )
    assert len(fl.plan(ds, rows)) == 3
    codes = [c for r in fl.plan(ds, rows, select=["FL3"]).table["codes"].to_pylist() for c in r]
    assert codes == ["FL301", "FL302"]
    codes = [c for r in fl.plan(ds, rows, ignore=["FL302"]).table["codes"].to_pylist() for c in r]
    assert codes == ["FL301", "FL406"]


def test_several_findings_about_one_box_become_one_action_the_surest(ds):
    def about(code: str, score: float, **evidence: object) -> dict[str, object]:
        return finding(code, image_id=0, annotation_id=0, score=score, evidence=evidence)

    plan = fl.plan(
        ds,
        table(
            about("FL703", 0.7, **fix("relabel", category_id=1)),
            about("FL713", 0.8, **fix("relabel", category_id=2)),
            about("FL702", 0.75, **fix("drop_box")),
        ),
    )
    (row,) = plan.table.to_pylist()
    assert (row["action"], row["codes"], json.loads(row["after"])["category_id"]) == (
        "relabel",
        ["FL713"],
        2,
    )
    plan = fl.plan(
        ds,
        table(
            about("FL703", 0.7, **fix("relabel", category_id=1)),
            about("FL702", 0.7, **fix("drop_box")),
            about("FL204", 0.9),
        ),
    )
    (row,) = plan.table.to_pylist()
    assert (row["action"], row["codes"], row["score"]) == ("drop_box", ["FL702", "FL204"], 0.9)
    assert row["reason"] == "FL702 says so. FL204 says so."


def test_boxes_of_pictures_that_go_are_left_alone(ds):
    plan = fl.plan(
        ds,
        table(
            finding("FL401", image_id=int(ds.column("annotations", "image_id")[0])),
            finding("FL302", image_id=0, annotation_id=0, suggestion="ignore"),
        ),
    )
    assert plan.counts() == {"quarantine_image": 1}
    assert fl.plan(ds, table(finding("FL401", image_id=0)), images="exclude").counts() == {
        "exclude_image": 1
    }
    assert fl.plan(ds, table(finding("FL401", image_id=0)), images="keep").counts() == {}


def test_of_copies_the_first_stays_and_where_labels_disagree_a_person_decides(ds):
    copies = finding("FL501", image_id=2, evidence={"related_images": [4, 6]})
    assert actions(fl.plan(ds, table(copies))) == [
        ("quarantine_image", image, None, {"folder": ".quarantine"}) for image in (4, 6)
    ]
    dispute = finding("FL504", image_id=2, evidence={"related_images": [4]})
    plan = fl.plan(ds, table(copies, dispute))
    assert [row[1] for row in actions(plan)] == [6]
    assert "1 FL501" in plan.notes[0]


def test_boxes_that_are_no_boxes_are_mended_or_dropped(tmp_path):
    def box(key: int, *bbox: float) -> dict[str, object]:
        return {"id": key, "image_id": 1, "category_id": 1, "bbox": bbox}

    labels = {
        "images": [{"id": 1, "file_name": "a.jpg", "width": 100, "height": 80}],
        "annotations": [
            box(1, 10, 10, 0, 5),  # no area
            box(2, 30, 30, -10, -20),  # swapped
            box(3, 90, 70, 30, 30),  # leaves the image
            box(4, 200, 200, 5, 5),  # is outside
            box(5, 1, 1, 5, 5),
        ],
        "categories": [{"id": 1, "name": "bird"}],
    }
    (tmp_path / "labels.json").write_text(json.dumps(labels))
    report = fl.check(tmp_path)
    plan = fl.plan(report.ds, report.findings, select=["FL2"])
    assert actions(plan) == [
        ("drop_box", 0, 0, None),
        ("replace_box", 0, 1, {"box": [20, 10, 30, 30]}),
        ("replace_box", 0, 2, {"box": [90, 70, 100, 80]}),
        ("drop_box", 0, 3, None),
    ]


def test_what_a_format_cannot_say_is_counted_not_planned(sample):
    data = sample("yolo")
    shutil.move(data / "data.yaml", data / "notes.md")
    ds = fl.read(data)
    row = finding("FL302", image_id=0, annotation_id=0, suggestion="ignore")
    plan = fl.plan(ds, table(row))
    assert len(plan) == 0
    assert "1 that cannot be written: mark_ignore: a YOLO row cannot say it" in plan.notes[0]


def test_findings_of_another_data_set_are_refused(ds):
    with pytest.raises(fl.DatasetError, match=r"image_id 999.*run `fastlabel check` again"):
        fl.plan(ds, table(finding("FL401", image_id=999)))
    with pytest.raises(fl.DatasetError, match="no column 'code'"):
        fl.plan(ds, pa.table({"x": [1]}))


def test_arguments(ds):
    with pytest.raises(ValueError, match="min_score"):
        fl.plan(ds, table(), min_score=2)
    with pytest.raises(ValueError, match="images"):
        fl.plan(ds, table(), images="burn")


def test_images_without_labels_cannot_be_planned_on(tmp_path, sample):
    data = sample("coco")
    pictures = tmp_path / "pictures"
    shutil.copytree(data / "images", pictures)
    with pytest.raises(fl.DatasetError, match="no labels"):
        fl.plan(fl.read(pictures), table())


def test_real_findings_can_be_applied_and_taken_back(shared_data, tree_hash, tmp_path):
    for name, wanted in (
        ("bccd", {"drop_box": 10, "replace_box": 34}),
        ("raccoon", {"quarantine_image": 3}),
    ):
        data = tmp_path / name
        shutil.copytree(shared_data / name, data, copy_function=shutil.copyfile)
        before = tree_hash(data)
        report = fl.check(data)
        plan = fl.plan(report.ds, report.findings)
        assert plan.counts() == wanted
        fl.apply(plan, tmp_path / "new", unsafe=True)
        assert len(fl.read(tmp_path / "new")) == len(report.ds) - wanted.get("quarantine_image", 0)
        fl.undo(tmp_path / "new")
        assert tree_hash(tmp_path / "new") == before == tree_hash(data)
        shutil.rmtree(tmp_path / "new")
