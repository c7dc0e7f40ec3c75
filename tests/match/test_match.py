"""Matching as a whole: real pictures, decisions, plans, and input that is none."""

from __future__ import annotations

import errno
import json
import shutil
from pathlib import Path

import cv2
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from scene_making import folder, scene, table

import fastlabel as fl
from fastlabel.match.ratio import area_under_curve
from fastlabel.match.reasons import gap_words
from fastlabel.match.result import MATCH


@pytest.fixture(scope="module")
def labelled(tmp_path_factory):
    """A COCO set of 24 day and 8 night pictures with a box each, and 16 night frames."""
    root = tmp_path_factory.mktemp("labelled")
    data = root / "data"
    folder(data / "images", [140 + k for k in range(24)] + [25 + k for k in range(8)], seed=5)
    names = sorted(p.name for p in (data / "images").iterdir())
    labels = {
        "images": [
            {"id": k, "file_name": name, "width": 128, "height": 96} for k, name in enumerate(names)
        ],
        "annotations": [
            {"id": k, "image_id": k, "category_id": 1, "bbox": [10, 40, 30, 20]} for k in range(32)
        ],
        "categories": [{"id": 1, "name": "fox"}],
    }
    (data / "annotations").mkdir()
    (data / "annotations" / "instances.json").write_text(json.dumps(labels))
    folder(root / "frames", [26 + k / 2 for k in range(16)], seed=900)
    return data, root / "frames"


# ---- real pictures -------------------------------------------------------------


@pytest.fixture(scope="module")
def scenes(shared_data):
    made = {}

    def of(name):
        if name not in made:
            made[name] = fl.scene_features(sorted(p for p in (shared_data / name).rglob("*")
                if p.suffix.lower() in (".jpg", ".jpeg", ".png")))  # fmt: skip
        return made[name]

    return of


def test_night_frames_bring_the_night_photos_first(scenes):
    night = scenes("quality/retinex-low")
    names = ("garbage-yolo", "quality/imagededup", "fridge")
    day = pa.concat_tables([scenes(name) for name in names])
    found = fl.match(pa.concat_tables([day, night]), night)
    order = np.argsort(-np.nan_to_num(found.ratio), kind="stable")
    assert set(order[:3]) == {day.num_rows + k for k in range(3)}
    # And a photo that was not among the frames.
    for k in range(3):
        others = night.take([j for j in range(3) if j != k])
        found = fl.match(pa.concat_tables([day, night.slice(k, 1)]), others)
        assert np.nan_to_num(found.ratio).argmax() == day.num_rows


@pytest.mark.parametrize("learner", ["histogram", "sklearn"])
def test_cells_and_raccoons_are_told_apart_by_20_frames_of_cells(scenes, learner):
    if learner == "sklearn":
        pytest.importorskip("sklearn", reason="scikit-learn is an extra")
    cells, raccoons = scenes("bccd"), scenes("raccoon")
    frames, rest = cells.slice(0, 20), cells.slice(20)
    found = fl.match(pa.concat_tables([rest, raccoons]), frames, learner=learner)
    n = rest.num_rows
    assert area_under_curve(found.ratio[:n], found.ratio[n:]) > 0.99
    kept = found.table["decision"].to_pylist()[:n].count("keep")
    assert kept >= (n if learner == "histogram" else 0.7 * n)
    dropped = found.table["decision"].to_pylist()[n:].count("drop")
    assert dropped > (150 if learner == "histogram" else 50)
    assert found.summary["covered"] > 0.9


def test_frames_like_the_set_drop_nothing(scenes):
    cells = scenes("bccd")
    take = np.arange(cells.num_rows) % 4 == 0
    found = fl.match(cells.filter(pa.array(~take)), cells.filter(pa.array(take)))
    assert found.counts() == {"keep": 273, "down-weight": 0, "drop": 0}
    assert found.gaps == ()
    assert found.summary["covered"] == 1


# ---- the result ----------------------------------------------------------------


def test_the_table_has_a_row_an_image_and_reasons_for_what_is_not_kept(labelled):
    data, frames = labelled
    found = fl.match(data, frames)
    assert found.table.schema == MATCH
    rows = found.table.to_pylist()
    assert [r["decision"] for r in rows] == ["drop"] * 24 + ["keep"] * 8
    assert all(r["reasons"].startswith("brighter (luma 1") for r in rows[:24])
    assert all(r["reasons"] is None and r["weight"] > 0.5 for r in rows[24:])
    assert rows[0]["reasons"].split(";")[0].endswith(", frames 33.1 to 39.4)")
    assert found.counts() == {"keep": 8, "down-weight": 0, "drop": 24}
    assert pa.table(found).equals(found.table)
    assert "8 keep" in repr(found)


def test_the_same_for_any_number_of_workers(labelled):
    data, frames = labelled
    one, two = (fl.match(data, frames, workers=w) for w in (1, 2))
    assert one.table.equals(two.table)
    assert one.curve.equals(two.curve)
    assert one.summary == two.summary


def test_weights_and_exclusions_as_a_plan_that_can_be_applied(labelled, tmp_path):
    data, frames = labelled
    found = fl.match(data, frames, drop=0.0)
    plan = found.plan()
    assert plan.counts() == {"set_weight": 24}
    made = fl.apply(plan, tmp_path / "new")
    new = fl.read(made.folder)
    weight = new.annotations["weight"].to_pylist()
    assert weight[:24] == pytest.approx(found.weights[:24], abs=1e-4)
    assert weight[24:] == [None] * 8
    plan = fl.match(data, frames).plan()
    assert plan.counts() == {"exclude_image": 24}
    row = plan.table.to_pylist()[0]
    assert (row["codes"], row["safe"]) == (["FL801"], False)
    assert "brighter" in row["reason"]
    with pytest.raises(fl.DatasetError, match="take something away"):
        fl.apply(plan, tmp_path / "newer")
    assert len(fl.read(fl.apply(plan, tmp_path / "newer", unsafe=True).folder)) == 8
    assert fl.match(data, frames).plan(drop="quarantine").counts() == {"quarantine_image": 24}
    assert fl.match(data, frames).plan(drop="weigh").counts() == {"set_weight": 24}


def test_a_plan_needs_the_set_that_was_matched(labelled, tmp_path):
    data, frames = labelled
    found = fl.match(fl.scene_features(data), frames)
    with pytest.raises(ValueError, match="ds: got none"):
        found.plan()
    assert len(found.plan(fl.read(data))) == 24
    other = fl.read(folder(tmp_path / "other", [3.0]))
    with pytest.raises(fl.DatasetError, match="has 1 images, but 32 were matched"):
        found.plan(other)
    with pytest.raises(ValueError, match="drop: got 'delete'"):
        found.plan(drop="delete")


def test_labels_of_both_sides_are_a_group(labelled):
    data, frames = labelled
    assert "boxes" not in fl.match(data, frames).summary["groups"]
    assert "boxes" in fl.match(data, data).summary["groups"]


def test_groups_can_be_chosen(labelled):
    data, frames = labelled
    found = fl.match(data, frames, groups="noise")
    assert found.summary["groups"] == ["noise"]
    assert found.table["evidence_light"].null_count == 32
    assert found.counts()["drop"] == 0


def test_embeddings_of_the_users_own(labelled):
    rng = np.random.default_rng(0)
    kinds = rng.normal(0, 1, (2, 40))
    ours = kinds[[0] * 50 + [1] * 50] + rng.normal(0, 0.3, (100, 40))
    theirs = kinds[[1] * 30] + rng.normal(0, 0.3, (30, 40))
    images, frames = table(100, luma_mean=np.full(100, 90)), table(30, luma_mean=np.full(30, 90))
    found = fl.match(images, frames, embeddings=ours, reference_embeddings=theirs)
    assert found.ratio[50:].min() > found.ratio[:50].max()
    assert found.table["reasons"][0].as_py() == "unlike the frames by embedding"
    ours[3] = 0
    ours[4] = np.nan
    found = fl.match(images, frames, embeddings=ours, reference_embeddings=theirs)
    assert np.isfinite(found.ratio).all()
    for bad, said in (
        ({"embeddings": ours}, "got one of the two"),
        ({"embeddings": ours[:9], "reference_embeddings": theirs}, r"got shape \(9, 40\)"),
        ({"embeddings": ours, "reference_embeddings": theirs[:, :8]}, "got 8 numbers a row"),
    ):
        with pytest.raises(ValueError, match=said):
            fl.match(images, frames, **bad)
    with pytest.raises(TypeError, match="embeddings: got dtype"):
        fl.match(images, frames, embeddings=ours.astype(str), reference_embeddings=theirs)


def test_many_of_one_kind_are_covered_by_one_image():
    images = table(1000, luma_mean=np.r_[np.full(998, 100.0), 30, 200])
    frames = table(60, luma_mean=np.r_[np.full(30, 100.0), np.full(20, 30), np.full(10, 200)])
    found = fl.match(images, frames)
    assert found.curve["covered"].to_pylist() == pytest.approx([0.5, 5 / 6, 1])
    assert found.curve["image_id"].to_pylist()[1:] == [998, 999]
    assert found.table["cover_rank"].to_pylist()[998:] == [2, 3]
    assert found.curve["by_chance"].to_pylist()[2] < 0.51


# ---- input that is none --------------------------------------------------------


def test_zero_frames(tmp_path, labelled):
    data, _ = labelled
    (tmp_path / "none").mkdir()
    with pytest.raises(fl.DatasetError, match=r"reference: .*none: the folder is empty"):
        fl.match(data, tmp_path / "none")
    with pytest.raises(fl.DatasetError, match="reference: has no frame to compare with; a match"):
        fl.match(data, [])
    with pytest.raises(fl.DatasetError, match="reference: has no frame to compare with"):
        fl.match(table(3, luma_mean=[1, 2, 3]), table(0))
    (tmp_path / "none" / "a.txt").write_text("no picture")
    with pytest.raises(fl.DatasetError, match="reference"):
        fl.match(data, tmp_path / "none")
    with pytest.raises(fl.DatasetError, match="no such file or folder"):
        fl.match(data, tmp_path / "nowhere")


def test_one_frame_says_little_but_works(labelled, tmp_path):
    data, _ = labelled
    found = fl.match(data, folder(tmp_path / "one", [28.0]))
    assert found.counts()["drop"] == 0
    assert "1 frame is little to go by" in found.notes[0]
    assert found.ratio[24:].min() > found.ratio[:24].max()


def test_frames_of_another_size_and_kind_of_file(labelled, tmp_path):
    data, frames = labelled
    want = fl.match(data, frames)
    larger = tmp_path / "larger"
    larger.mkdir()
    for path in sorted(frames.iterdir()):
        big = cv2.resize(cv2.imread(str(path)), (640, 480), interpolation=cv2.INTER_CUBIC)
        cv2.imwrite(str(larger / f"{path.stem}.jpg"), big)
    found = fl.match(data, larger, groups=["light", "colour"])
    assert found.counts() == want.counts()


def test_gray_frames_leave_colour_out_where_no_image_is_gray(labelled, tmp_path):
    data, _ = labelled
    gray = folder(tmp_path / "gray", [26 + k / 2 for k in range(16)], gray=True, seed=900)
    found = fl.match(data, gray)
    assert "colour" not in found.summary["groups"]
    assert "colour was left out" in found.notes[1]
    assert found.counts() == {"keep": 8, "down-weight": 0, "drop": 24}
    assert gap_words(found.gaps[-1]) == "no image gray or infrared (100 % of the frames)"
    # With some gray images colour tells.
    mixed = tmp_path / "mixed"
    shutil.copytree(data / "images", mixed)
    folder(mixed / "more", [25 + k for k in range(8)], gray=True, seed=40)
    assert "colour" in fl.match(mixed, gray).summary["groups"]


def test_damaged_images_and_frames_are_named_and_the_rest_is_matched(labelled, tmp_path):
    data, frames = labelled
    want = fl.match(data, frames)
    new, other = tmp_path / "data", tmp_path / "frames"
    shutil.copytree(data, new)
    shutil.copytree(frames, other)
    (new / "images" / "007.png").write_bytes(b"junk")
    (new / "images" / "009.png").unlink()
    (other / "003.png").write_bytes((frames / "003.png").read_bytes()[:900])
    (other / "bad.jpg").write_bytes(b"\xff\xd8\xff")
    found = fl.match(new, other)
    assert [name for name, _ in found.unread_images()] == ["007.png", "009.png"]
    assert [name for name, _ in found.unread_frames()] == ["003.png", "bad.jpg"]
    row = found.table.to_pylist()[7]
    assert (row["ratio"], row["weight"], row["decision"]) == (None, None, None)
    assert row["reasons"].startswith("not decoded whole: ")
    keep = [k for k in range(32) if k not in (7, 9)]
    got = found.table.take(keep)["decision"].to_pylist()
    assert got == want.table.take(keep)["decision"].to_pylist()
    assert found.summary["unread_images"] == 2
    assert found.weights[7] == 0


def test_nothing_that_can_be_decoded(labelled, tmp_path):
    data, frames = labelled
    bad = tmp_path / "bad"
    bad.mkdir()
    (bad / "a.jpg").write_bytes(b"junk")
    with pytest.raises(fl.DatasetError, match=r"none of its 1 frames can be decoded.*a\.jpg"):
        fl.match(data, bad)
    with pytest.raises(fl.DatasetError, match="none of the 1 images of the set can be decoded"):
        fl.match(bad, frames)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"keep": 0}, "keep: got 0, expected above 0"),
        ({"keep": 1.5}, "keep: got 1.5"),
        ({"drop": 0.9}, "drop: got 0.9, expected 0 to keep"),
        ({"drop": -1}, "drop: got -1"),
        ({"keep": float("nan")}, "keep: got nan"),
        ({"learner": "magic"}, "learner: got 'magic', expected one of histogram, sklearn"),
        ({"groups": ["smell"]}, "groups: got 'smell'"),
    ],
)
def test_wrong_settings_are_told_before_anything_is_decoded(options, said):
    with pytest.raises(ValueError, match=said):
        fl.match("no such folder", "nor this", **options)


def test_scikit_learn_is_an_extra(monkeypatch, labelled):
    import sys

    monkeypatch.setitem(sys.modules, "sklearn", None)
    with pytest.raises(ImportError, match=r"pip install 'fastlabel\[match\]'"):
        fl.match(*labelled, learner="sklearn")


def test_a_table_that_is_none_of_scenes():
    with pytest.raises(ValueError, match="source: the table has no column 'status'"):
        fl.match(pa.table({"image_id": [1], "file_name": ["a"]}), {"luma_mean": [1, 2]})


# ---- files ---------------------------------------------------------------------


def test_the_files_appear_together_or_not_at_all(labelled, tmp_path, monkeypatch):
    data, frames = labelled
    found = fl.match(data, frames)
    files = found.write(tmp_path / "out")
    assert sorted(p.name for p in files) == sorted(p.name for p in (tmp_path / "out").iterdir())
    assert pq.read_table(tmp_path / "out" / "match.parquet").equals(found.table)
    kept = {p.name: p.read_bytes() for p in (tmp_path / "out").iterdir()}

    def full(*_args, **_options):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(pq, "write_table", full)
    with pytest.raises(fl.DatasetError, match="No space left on device; nothing was kept"):
        found.write(tmp_path / "out")
    assert {p.name: p.read_bytes() for p in (tmp_path / "out").iterdir()} == kept


def test_the_page_shows_curve_gaps_and_pictures_and_no_markup_of_names(labelled, tmp_path):
    data, frames = labelled
    mixed = tmp_path / "frames"
    shutil.copytree(frames, mixed)
    evil = mixed / "<img src=x onerror=alert(1)>.png"
    cv2.imwrite(str(evil), scene(245, 1, tint=60))
    found = fl.match(data, mixed)
    found.write(tmp_path / "out")
    page = (tmp_path / "out" / "match.html").read_text()
    assert "Coverage of the deployment" in page
    assert "Frames that no image is like" in page
    assert "<img src=x" not in page
    assert "&lt;img src=x" in page
    assert page.count("data:image/jpeg") >= 16
    assert "<script" not in page
    again = tmp_path / "again"
    fl.match(data, mixed, workers=1).write(again)
    assert (again / "match.html").read_text() == page


# ---- rules ---------------------------------------------------------------------


def test_check_finds_mismatches_and_what_is_not_covered(labelled):
    data, frames = labelled
    report = fl.check(data, select=["FL8"], reference=frames)
    rows = report.findings.to_pylist()
    assert [r["code"] for r in rows] == ["FL801"] * 24
    assert rows[0]["message"].startswith('"images/')
    assert "brighter (luma" in rows[0]["message"]
    assert report.summary["scene"]["covered"] == 1
    day = fl.check(data, select=["FL8"], reference={"luma_mean": [60, 90]})
    (lacking,) = [r for r in day.findings.to_pylist() if r["code"] == "FL802"]
    assert lacking["suggestion"] == "collect"
    assert "no image with luma between 60 and 90 (100 % of the frames)" in lacking["message"]


def test_without_a_reference_the_rules_say_nothing(labelled):
    report = fl.check(labelled[0], select=["FL8"])
    assert report.findings.num_rows == 0
    assert "scene" not in report.summary


def test_limits_of_the_rules_can_be_set(labelled):
    data, frames = labelled
    config = fl.config.parse({"rules": {"FL801": {"max_ratio": 0.0}}})
    assert fl.check(data, select=["FL801"], reference=frames, config=config).findings.num_rows == 0


def test_the_input_is_never_changed(labelled):
    data, frames = labelled

    def state(root: Path):
        return {p: (p.stat().st_mtime_ns, p.read_bytes()) for p in root.rglob("*") if p.is_file()}

    before = state(data), state(frames)
    fl.match(data, frames).plan()
    assert (state(data), state(frames)) == before
