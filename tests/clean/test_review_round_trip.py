"""Out to a tool and back: nothing changes of itself, and exactly what a reviewer changed does."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from review_sets import CLASSES, NOTHING, REVIEWERS, coco_set, some_findings

import fastlabel as fl
from fastlabel.clean.review import export_review, read_review
from fastlabel.formats import read

by_reviewer = pytest.mark.parametrize("reviewer", REVIEWERS, ids=lambda r: r.to)


def sent(reviewer, ds, folder, found=NOTHING, **options):
    out = folder / f"tasks.{reviewer.ending}"
    export_review(ds, found, to=reviewer.to, out=out, everything=True, **options)
    return reviewer(out)


@by_reviewer
@pytest.mark.parametrize("name", ["bccd", "raccoon", "garbage-yolo", "sahi-small/coco_utils"])
def test_real_sets_come_back_as_they_were(reviewer, name, shared_data, tmp_path):
    place = shared_data / name
    if name.startswith("sahi"):
        place /= "combined_coco.json"
    ds = read(place)
    back = read_review(ds, sent(reviewer, ds, tmp_path).save())
    assert back.changes.num_rows == len(back.plan) == back.skipped.num_rows == 0
    assert back.counts["same"] == back.counts["boxes"] == ds.annotations.num_rows
    assert back.counts["images"] == len(ds)


@by_reviewer
@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    wide=st.integers(1, 20000),
    high=st.integers(1, 20000),
    shares=st.lists(
        st.tuples(*[st.floats(-0.3, 1.3, allow_subnormal=False)] * 4), min_size=1, max_size=6
    ),
)
def test_any_box_comes_back_as_it_was(reviewer, wide, high, shares, tmp_path):
    """Also boxes that leave their image, that have no area, or that are thinner than a pixel."""
    boxes = [
        [min(a, c) * wide, min(b, d) * high, abs(c - a) * wide, abs(d - b) * high]
        for a, b, c, d in shares
    ]
    labels = {
        "images": [{"id": 1, "file_name": "a.jpg", "width": wide, "height": high}],
        "annotations": [
            {"id": n, "image_id": 1, "category_id": 1, "bbox": box} for n, box in enumerate(boxes)
        ],
        "categories": [{"id": 1, "name": "x"}],
    }
    folder = tmp_path / "set"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    (folder / "labels.json").write_text(json.dumps(labels))
    ds = read(folder)
    back = read_review(ds, sent(reviewer, ds, tmp_path).save())
    assert back.changes.num_rows == back.skipped.num_rows == 0
    assert back.counts["same"] == len(boxes)


def draw_edits(ds, rng):
    """Edits at random: (kind, image, annotation, box or label), at most one of a box."""
    edits = []
    size = {row["image_id"]: (row["width"], row["height"]) for row in ds.images.to_pylist()}
    for row in ds.annotations.to_pylist():
        image, number = row["image_id"], row["annotation_id"]
        wide, high = size[image]
        kind = rng.choice(["keep", "drop", "relabel", "move"], p=[0.6, 0.1, 0.15, 0.15])
        if kind == "drop":
            edits.append(("drop", image, number, None))
        elif kind == "relabel":
            edits.append(("relabel", image, number, (row["category_id"] + 1) % len(CLASSES)))
        elif kind == "move":  # one side only, by a pixel at least
            box = [row[c] for c in ("x1", "y1", "x2", "y2")]
            side = int(rng.integers(4))
            low = (0, 0, box[0] + 1, box[1] + 1)[side]
            most = (box[2] - 1, box[3] - 1, wide, high)[side]
            now = float(np.round(rng.uniform(low, most), 2)) if most - low > 3 else box[side]
            if abs(now - box[side]) > 1:
                edits.append(("move", image, number, (side, now)))
    for image in rng.choice(len(ds), len(ds) // 3, replace=False).tolist():
        wide, high = size[image]
        x, y = np.round(rng.uniform(0, [wide * 0.5, high * 0.5]), 2).tolist()
        box = [x, y, round(x + wide * 0.31, 2), round(y + high * 0.27, 2)]
        edits.append(("add", image, int(rng.integers(len(CLASSES))), box))
    return edits


@by_reviewer
@pytest.mark.parametrize("seed", range(5))
def test_exactly_the_corrected_boxes_change(reviewer, seed, tmp_path):
    ds = coco_set(tmp_path / "set", images=24, seed=seed)
    boxes = ds.boxes()
    person = sent(reviewer, ds, tmp_path, some_findings(ds, seed))
    edits = draw_edits(ds, np.random.default_rng(seed))
    assert {kind for kind, *_ in edits} == {"drop", "relabel", "move", "add"}
    wanted = set()
    for kind, image, what, value in edits:
        if kind == "drop":
            person.drop(image, what)
            wanted.add(("drop_box", what, None))
        elif kind == "relabel":
            person.relabel(image, what, CLASSES[value])
            wanted.add(("relabel", what, value))
        elif kind == "move":
            side, now = value
            box = boxes[what].tolist()
            box[side] = now
            person.move(image, what, box)
            wanted.add(("replace_box", what, (side, now)))
        else:
            person.add(image, CLASSES[what], value)
            wanted.add(("add_box", image, (what, *value)))
    back = read_review(ds, person.save())
    assert back.skipped.num_rows == 0
    done = set()
    for row in back.plan.table.to_pylist():
        after = json.loads(row["after"] or "{}")
        if row["action"] == "drop_box":
            done.add(("drop_box", row["annotation_id"], None))
        elif row["action"] == "relabel":
            done.add(("relabel", row["annotation_id"], after["category_id"]))
        elif row["action"] == "replace_box":
            old, new = boxes[row["annotation_id"]].tolist(), after["box"]
            (side,) = [k for k in range(4) if old[k] != new[k]]  # the others to the last bit
            done.add(("replace_box", row["annotation_id"], (side, round(new[side], 2))))
        else:
            box = [round(v, 2) for v in after["box"]]
            done.add(("add_box", row["image_id"], (after["category_id"], *box)))
    assert done == wanted


@by_reviewer
def test_the_applied_plan_changes_these_boxes_and_no_others(reviewer, shared_data, tmp_path):
    shutil.copytree(shared_data / "raccoon", tmp_path / "set")
    ds = read(tmp_path / "set")
    rows = ds.annotations.to_pylist()
    person = sent(reviewer, ds, tmp_path)
    first, second, third = (next(r for r in rows if r["image_id"] == k) for k in (3, 50, 120))
    person.drop(first["image_id"], first["annotation_id"])
    moved = [second["x1"] + 7, second["y1"], second["x2"], second["y2"]]
    person.move(second["image_id"], second["annotation_id"], moved)
    person.add(third["image_id"], "raccoon", [1, 2, 33, 44])
    back = read_review(ds, person.save())
    fl.apply(back.plan, out=tmp_path / "new", unsafe=True)
    diff = fl.diff(tmp_path / "set", tmp_path / "new")
    changed = {kind: n for kind, n in diff.summary["changes"].items() if n}
    assert changed == {"box-added": 1, "box-removed": 1, "box-moved": 1}
    new = read(tmp_path / "new")
    assert new.annotations.num_rows == len(rows)


@by_reviewer
def test_ids_hold_when_other_images_have_gone(reviewer, tmp_path):
    """Rows of the tables move up; the image's own labels, and what was corrected, do not."""
    ds = coco_set(tmp_path / "set", images=10, seed=4)
    last = ds.annotations.to_pylist()[-1]
    person = sent(reviewer, ds, tmp_path, some_findings(ds))
    person.drop(last["image_id"], last["annotation_id"])
    path = person.save()
    labels = json.loads((tmp_path / "set" / "labels.json").read_text(encoding="utf-8"))
    gone = labels["images"].pop(1)["id"]
    labels["annotations"] = [a for a in labels["annotations"] if a["image_id"] != gone]
    (tmp_path / "set" / "labels.json").write_text(json.dumps(labels), encoding="utf-8")
    now = read(tmp_path / "set")
    assert now.annotations.num_rows < ds.annotations.num_rows
    back = read_review(now, path)
    assert [(c["change"], c["annotation_id"]) for c in back.changes.to_pylist()] == [
        ("dropped", now.annotations.num_rows - 1)
    ]
    assert back.skipped["kind"].to_pylist() == ["unknown image"]


@by_reviewer
def test_labels_that_changed_since_are_not_touched(reviewer, tmp_path):
    ds = coco_set(tmp_path / "set", seed=5)
    rows = ds.annotations.to_pylist()
    person = sent(reviewer, ds, tmp_path)
    person.drop(rows[0]["image_id"], rows[0]["annotation_id"])
    person.drop(rows[-1]["image_id"], rows[-1]["annotation_id"])
    path = person.save()
    labels = json.loads((tmp_path / "set" / "labels.json").read_text(encoding="utf-8"))
    labels["annotations"][0]["bbox"][0] += 0.5
    (tmp_path / "set" / "labels.json").write_text(json.dumps(labels), encoding="utf-8")
    back = read_review(read(tmp_path / "set"), path)
    assert back.changes["annotation_id"].to_pylist() == [rows[-1]["annotation_id"]]
    assert back.skipped["kind"].to_pylist() == ["other labels"]


@by_reviewer
def test_lost_ids_are_matched_by_place(reviewer, tmp_path):
    """As when a tool gives new ids to all boxes of an answer: moved is moved, not replaced."""
    ds = coco_set(tmp_path / "set", seed=6)
    rows = [r for r in ds.annotations.to_pylist() if r["image_id"] == 2]
    assert len(rows) >= 2
    person = sent(reviewer, ds, tmp_path)
    box = [rows[0][c] for c in ("x1", "y1", "x2", "y2")]
    box[2] -= (box[2] - box[0]) * 0.2
    person.move(2, rows[0]["annotation_id"], box)
    text = person.save().read_text(encoding="utf-8")
    for row in rows:
        number = row["annotation_id"]
        text = text.replace(f'"fl-{number}"', f'"new-{number}"')
        text = text.replace(f'name="annotation_id">{number}<', 'name="annotation_id"><')
    person.path.write_text(text, encoding="utf-8")
    back = read_review(ds, person.path)
    assert [(c["change"], c["annotation_id"]) for c in back.changes.to_pylist()] == [
        ("moved", rows[0]["annotation_id"])
    ]
    assert back.counts["matched by place"] == len(rows)


@by_reviewer
def test_a_box_cut_at_the_edge_by_the_tool_is_not_a_correction(reviewer, tmp_path):
    ds = coco_set(tmp_path / "set", images=1, boxes=1, seed=3)
    labels = json.loads((tmp_path / "set" / "labels.json").read_text(encoding="utf-8"))
    labels["annotations"] = [
        {"id": 1, "image_id": 100, "category_id": 10, "bbox": [-5.5, 3, 40.25, 20]}
    ]
    (tmp_path / "set" / "labels.json").write_text(json.dumps(labels), encoding="utf-8")
    ds = read(tmp_path / "set")
    person = sent(reviewer, ds, tmp_path)
    person.move(0, 0, [0, 3, 34.75, 23])
    path = person.save()
    kept = read_review(ds, path)
    assert (kept.changes.num_rows, kept.counts["clipped"]) == (0, 1)
    taken = read_review(ds, path, take_clipped=True)
    assert [c["box_after"] for c in taken.changes.to_pylist()] == [[0, 3, 34.75, 23]]


@by_reviewer
def test_what_is_proposed_is_no_label_until_a_person_takes_it(reviewer, tmp_path):
    ds = coco_set(tmp_path / "set", seed=7)
    found = some_findings(ds)
    person = sent(reviewer, ds, tmp_path, found)
    text = person.path.read_text(encoding="utf-8")
    assert "guess-0" in text or "fastlabel.suggestion" in text
    assert read_review(ds, person.save()).changes.num_rows == 0


def test_cvat_suggestions_are_accepted_by_tick_or_by_class(tmp_path):
    ds = coco_set(tmp_path / "set", images=30, seed=7)
    person = sent(REVIEWERS[1], ds, tmp_path, some_findings(ds))
    guesses = [
        b for b in person.tree.getroot().iter("box") if b.get("label") == "fastlabel.suggestion"
    ]
    assert len(guesses) >= 2
    for attribute in guesses[0]:
        if attribute.get("name") == "class":
            label = attribute.text
        if attribute.get("name") == "accept":
            attribute.text = "true"
    guesses[1].set("label", CLASSES[2])
    back = read_review(ds, person.save())
    added = [c for c in back.changes.to_pylist() if c["change"] == "added"]
    assert sorted(c["category_after"] for c in added) == sorted([label, CLASSES[2]])
    assert len(added) == back.changes.num_rows


@by_reviewer
def test_plans_name_rules_that_the_reviewer_agreed_with(reviewer, tmp_path):
    from review_sets import finding, findings

    ds = coco_set(tmp_path / "set", seed=8)
    row = ds.annotations.to_pylist()[2]
    found = findings(
        [
            finding(ds, "FL702", annotation=2, fix={"action": "drop_box"}),
            finding(ds, "FL704", annotation=3),
        ]
    )
    person = sent(reviewer, ds, tmp_path, found)
    person.drop(row["image_id"], 2)
    back = read_review(ds, person.save())
    assert back.plan.table["codes"].to_pylist() == [["FL702"]]


@by_reviewer
def test_classes_that_tools_would_confuse_stay_apart(reviewer, tmp_path):
    """The same name twice, names of our own labels, no name, spaces and control characters."""
    names = ("a", "a", " a", "", "fastlabel.checked", "fastlabel.suggestion", "x\n\x00y", "é" * 300)
    ds = coco_set(tmp_path / "set", images=20, seed=12, classes=names)
    person = sent(reviewer, ds, tmp_path, some_findings(ds))
    back = read_review(ds, person.save())
    assert back.changes.num_rows == back.skipped.num_rows == 0
    assert back.counts["same"] == ds.annotations.num_rows
    from fastlabel.clean.review.tasks import class_labels

    labels = class_labels(ds)
    assert len({label.strip() for label in labels}) == len(names)
    assert not any(label.startswith("fastlabel.") or label != label.strip() for label in labels)
