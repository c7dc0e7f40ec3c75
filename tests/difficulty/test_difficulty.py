"""Levels of boxes and images: each reason by itself, their sum, and what is said of them."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

import fastlabel as fl
from fastlabel import schema
from fastlabel.config import Config, ConfigError, parse
from fastlabel.dataset import Dataset
from fastlabel.difficulty import REASONS, Settings

#: A box of a picture that nothing makes hard.
GOOD = {
    "pixels": 4000,
    "luma_mean": 120.0,
    "contrast": 45.0,
    "laplacian_variance": 500.0,
    "sharpness": 450.0,
    "acutance": 0.8,
    "ring_luma_mean": 170.0,
    "ring_contrast": 20.0,
    "ring_gradient": 9.0,
    "ring_entropy": 3.0,
}


class Set:
    """Collects boxes of pictures of 640 x 640, then makes tables of them."""

    def __init__(self, images: int = 1, states: list[str] | None = None) -> None:
        self.states = states or ["labelled"] * images
        self.rows: list[dict[str, Any]] = []
        self.stats: list[dict[str, Any]] = []

    def box(
        self,
        at: float = 0.0,
        side: float = 100.0,
        image: int = 0,
        category: int | None = 0,
        stats: dict[str, Any] | None = None,
        **columns: Any,
    ) -> int:
        k = len(self.rows)
        place = {"x1": at, "y1": 100.0, "x2": at + side, "y2": 100.0 + side}
        row = {"annotation_id": k, "image_id": image, "category_id": category}
        self.rows.append({**row, **place, **columns})
        self.stats.append({**GOOD, **(stats or {}), "annotation_id": k, "image_id": image})
        return k

    def dataset(self) -> Dataset:
        images = [
            {
                "image_id": k,
                "file_name": f"{k}.jpg",
                "path": f"{k}.jpg",
                "width": 640,
                "height": 640,
                "label_state": state,
            }
            for k, state in enumerate(self.states)
        ]
        classes = max([r["category_id"] or 0 for r in self.rows], default=0) + 1
        return Dataset(
            pa.Table.from_pylist(images, schema=schema.IMAGES),
            pa.Table.from_pylist(self.rows, schema=schema.ANNOTATIONS),
            pa.Table.from_pylist(
                [{"category_id": k, "name": f"c{k}"} for k in range(classes)],
                schema=schema.CATEGORIES,
            ),
            schema.PROBLEMS.empty_table(),
            Path(),
            "coco",
            {},
        )

    def judged(self, rings: bool = True, **options: Any) -> fl.Difficulty:
        wanted = schema.box_stats(rings)
        stats = pa.Table.from_pylist(self.stats, schema=wanted)
        return fl.difficulty(self.dataset(), None, stats, **options)


def only(name: str, **columns: Any) -> tuple[float, str]:
    """Score and words of one box that has one trouble."""
    s = Set()
    stats = columns.pop("stats", None)
    s.box(stats=stats, **columns)
    found = s.judged()
    row = found.boxes.to_pylist()[0]
    for other in REASONS:
        if other != name and row.get(other) is not None:
            assert row[other] == 0, other
    return row["score"], found.explain([0])[0]


def test_a_plain_box_is_easy():
    assert only("") == (0.0, "easy: nothing makes it hard")


@pytest.mark.parametrize(
    ("name", "columns", "share", "words"),
    [
        ("size", {"side": 8.0}, 1.0, "8 px at the input"),
        ("size", {"side": 4.0}, 1.0, "4 px at the input"),
        ("size", {"side": 20.0}, math.log(48 / 20) / math.log(6), "20 px at the input"),
        ("size", {"side": 48.0}, 0.0, ""),
        ("occlusion", {"occlusion": 1}, 0.5, "hidden (occlusion level 1)"),
        ("occlusion", {"occlusion": 3}, 1.0, "hidden (occlusion level 3)"),
        ("truncation", {"truncation": 0.7}, 0.7, "70 % cut off"),
        ("truncation", {"truncation": 1.0}, 1.0, "cut off"),
        ("marked", {"difficult": True}, 1.0, "marked as difficult"),
        ("sharpness", {"stats": {"acutance": 0.26}}, 0.5, "blurred (acutance 0.26)"),
        ("sharpness", {"stats": {"acutance": 0.1, "pixels": 63}}, 0.0, ""),
        ("light", {"stats": {"luma_mean": 17.5}}, 1.0, "dark (luma 18)"),
        (
            "light",
            {"stats": {"luma_mean": 210.0, "ring_luma_mean": 100.0}},
            0.5,
            "bright (luma 210",
        ),
        (
            "contrast",
            {"stats": {"ring_luma_mean": 127.0, "ring_contrast": 45.0}},
            0.85,
            "faint (7 grey levels from its surroundings)",
        ),
        (
            "background",
            {"stats": {"ring_gradient": 25.5**2, "ring_entropy": 6.0}},
            0.5,
            "busy background (25.5)",
        ),
    ],
)
def test_each_reason_by_itself(name, columns, share, words):
    score, said = only(name, **columns)
    assert score == pytest.approx(REASONS[name].weight * share, rel=1e-5)
    assert words in said


def test_crowding_is_the_highest_overlap_and_ends_with_the_image():
    s = Set(images=2)
    s.box(at=0)
    s.box(at=50)  # a third of their union
    s.box(at=0, image=1)
    s.box(at=0, image=1, crowd=True)  # no target
    found = s.judged()
    assert found.boxes["crowding"].to_pylist() == pytest.approx(
        [0.5 * (1 / 3 - 0.02) / 0.38] * 2 + [0, 0]
    )
    assert "overlaps another box (IoU 0.33)" in found.explain([1])[0]


def test_rare_classes_and_poses():
    s = Set(images=100)
    for k in range(100):
        s.box(image=k)
    s.box(at=300, category=1)
    wide = s.box(at=400, y1=120.0, y2=140.0, x2=600.0)
    found = s.judged()
    assert found.boxes["rare_class"][100].as_py() == pytest.approx(0.4)  # 101 to 1
    assert found.boxes["rare_class"][0].as_py() == 0
    assert found.boxes["rare_pose"][wide].as_py() == pytest.approx(0.3)
    assert found.boxes["rare_pose"][100].as_py() is None  # one box tells no usual pose
    assert "rare class (1 box for 101 of the largest)" in found.explain([100])[0]
    assert "rare shape (0.99 % of its class)" in found.explain([wide])[0]


def test_poses_that_the_source_names_win_over_shapes():
    s = Set(images=100)
    for k in range(99):
        s.box(image=k, attributes='{"pose": "Left"}')
    s.box(image=99, attributes='{"pose": "Rear"}')
    found = s.judged()
    assert found.boxes["rare_pose"].to_pylist()[-2:] == pytest.approx([0, 0.3])
    assert "rare pose" in found.explain([99])[0]


def test_reasons_add_up_as_shares_of_what_is_left():
    score, said = 1 - (1 - 0.9) * (1 - 0.7), None
    s = Set()
    k = s.box(side=8.0, difficult=True)
    found = s.judged()
    assert found.boxes["score"][k].as_py() == pytest.approx(score, rel=1e-6)
    assert found.boxes["level"][k].as_py() == "hard"
    said = found.explain([k])[0]
    assert said == "hard: 8 px at the input, marked as difficult"


def test_images_have_the_root_of_the_mean_square_of_their_targets():
    s = Set(images=3, states=["labelled", "labelled_empty", "labelled"])
    s.box(side=8.0)
    s.box(at=200)
    s.box(image=2, ignore=True)
    rows = s.judged().images.to_pylist()
    assert rows[0]["score"] == pytest.approx(math.sqrt(0.81 / 2), rel=1e-6)
    assert (rows[0]["level"], rows[0]["targets"]) == ("hard", 2)
    assert [(r["level"], r["score"], r["targets"]) for r in rows[1:]] == [(None, None, 0)] * 2


def test_regions_and_broken_boxes_have_no_level():
    s = Set()
    s.box(crowd=True)
    s.box(at=math.nan)
    s.box(side=0.0)
    s.box()
    found = s.judged()
    assert found.boxes["level"].to_pylist() == [None, None, None, "easy"]
    assert found.explain([0])[0].startswith("no level: a crowd")
    assert found.counts("boxes") == {"easy": 1, "medium": 0, "hard": 0}


def test_without_rings_contrast_is_that_in_the_box_and_no_background_counts():
    s = Set()
    s.box(stats={"contrast": 14.0})
    found = s.judged(rings=False)
    assert "background" not in found.boxes.column_names
    assert found.boxes["contrast"][0].as_py() == pytest.approx(0.4 * 0.5)
    assert "faint (14 grey levels in the box)" in found.explain([0])[0]


def test_labels_alone_are_enough():
    s = Set()
    s.box(side=8.0)
    found = fl.difficulty(s.dataset(), schema.IMAGE_STATS.empty_table())
    assert found.boxes["level"].to_pylist() == ["hard"]
    assert "sharpness" not in found.boxes.column_names


def test_the_deployed_size_counts():
    s = Set()
    s.box(side=30.0)
    large = s.judged(deploy="edge-640").boxes["size"][0].as_py()
    small = s.judged(deploy="doorbell-416").boxes["size"][0].as_py()
    assert small > large > 0


def test_losses_count_by_rank_and_unknown_ones_not_at_all():
    s = Set(images=5)
    for k in range(5):
        s.box(image=k)
    found = s.judged(loss=[1.0, 2.0, 3.0, 400.0, math.nan])
    values = found.boxes["model"].to_pylist()
    ranks = [1 / 8, 3 / 8, 5 / 8, 7 / 8]
    expected = [0.8 * min(max((r - 0.4) / 0.5, 0), 1) for r in ranks]
    assert values[:4] == pytest.approx(expected, rel=1e-5) and values[4] is None
    assert "hard for the model" in found.explain([3])[0]


@pytest.mark.parametrize(
    ("loss", "wanted"),
    [
        ([1.0], "expected one number a box"),
        ([1.0, -1.0], "negative"),
        ([1.0, math.inf], "infinite"),
    ],
)
def test_losses_that_are_none(loss, wanted):
    s = Set()
    s.box()
    s.box(at=300)
    with pytest.raises(ValueError, match=wanted):
        s.judged(loss=loss)


def test_a_model_that_misses_a_box_makes_it_hard():
    s = Set(images=2)
    s.box()
    s.box(at=300)
    s.box(image=1)
    ds = s.dataset()
    corners = [[0.0, 100, 100, 200], [5.0, 100, 105, 200], [300.0, 100, 400, 200]]
    said = fl.Predictions.from_arrays(
        ds, [0, 0, 0], [0, 0, -1], corners, [0.9, 0.3, 0.9], seen=[[0]]
    )
    values = s.judged(predictions=said).boxes["model"].to_pylist()
    assert values[0] == 0 and values[1] == pytest.approx(0.8) and values[2] is None


class TestSettings:
    def of(self, **table: Any) -> Settings:
        return Settings.of(parse({"difficulty": table}))

    def test_they_change_the_levels(self):
        s = Set()
        s.box(side=30.0)
        easy = s.judged(config=parse({"difficulty": {"size": {"easy": 20, "hard": 4}}}))
        assert easy.boxes["score"][0].as_py() == 0
        hard = s.judged(config=parse({"difficulty": {"medium": 0.01, "hard": 0.02}}))
        assert hard.boxes["level"][0].as_py() == "hard"
        off = s.judged(config=parse({"difficulty": {"size": {"weight": 0}}}))
        assert "size" not in off.boxes.column_names

    @pytest.mark.parametrize(
        ("table", "wanted"),
        [
            ({"blur": 1}, "no such setting"),
            ({"medium": math.nan}, "got nan, expected a number, 0 to 1"),
            ({"medium": 0.7}, "expected 0 < medium < hard <= 1"),
            ({"surroundings": 1}, "expected true or false"),
            ({"size": 3}, "expected a table"),
            ({"size": {"esy": 3}}, "did you mean 'easy'"),
            ({"size": {"easy": 4}}, "expected easy over hard"),
            ({"size": {"hard": 0}}, "both over 0"),
            ({"crowding": {"easy": 0.5}}, "expected hard over easy"),
            ({"light": {"weight": 1.5}}, "expected a number, 0 to 1"),
            ({"light": {"easy": math.inf}}, "got inf"),
        ],
    )
    def test_wrong_ones_are_refused_with_their_place(self, table, wanted):
        with pytest.raises(ConfigError, match="difficulty") as error:
            self.of(**table)
        assert wanted in str(error.value)

    def test_a_check_refuses_them_before_it_scans(self, tmp_path):
        (tmp_path / "a.jpg").write_bytes(b"x")
        with pytest.raises(ConfigError, match="difficulty"):
            fl.check(tmp_path, config=parse({"difficulty": {"hard": 2}}))


def test_any_number_of_threads_and_any_order_of_rows_gives_the_same(monkeypatch):
    from fastlabel.rules import context

    rng = np.random.default_rng(3)
    s = Set(images=40)
    order = rng.permutation(np.repeat(np.arange(40), 8))
    for k, image in enumerate(order.tolist()):
        s.box(
            at=float(rng.uniform(0, 500)),
            side=float(rng.uniform(4, 120)),
            image=image,
            category=int(rng.integers(3)),
            attributes=f'{{"pose": "{"LR"[k % 7 == 0]}"}}',
        )
    whole = s.judged()
    monkeypatch.setattr(context, "PART", 64)
    for workers in (1, 3):
        parts = s.judged(workers=workers)
        assert parts.boxes.equals(whole.boxes) and parts.images.equals(whole.images)
        ids = [5, 100, 7]
        assert parts.explain(ids) == whole.explain(ids)


def test_rows_that_are_not_there():
    s = Set()
    s.box()
    found = s.judged()
    assert found.explain([]) == []
    with pytest.raises(ValueError, match="expected rows of the 1 boxes"):
        found.explain([1])
    with pytest.raises(ValueError, match="expected 'images' or 'boxes'"):
        found.counts("rows")


def test_a_set_without_boxes():
    found = Set(images=2).judged()
    assert found.boxes.num_rows == 0 and found.images["level"].null_count == 2


def test_the_report_shows_examples_of_each_level(shared_data):
    report = fl.check(
        shared_data / "raccoon", select=["FL606"], config=Config(difficulty={"surroundings": True})
    )
    part = report.summary["difficulty"]
    assert sum(part["boxes"].values()) == 217 and part["rings"]
    assert "ring_entropy" in report.box_stats.column_names
    full = fl.difficulty(report.ds, report.image_stats, report.box_stats)
    assert full.counts("boxes") == part["boxes"] and full.counts() == part["images"]
    for level, sheet in part["examples"].items():
        rows = [e["annotation_id"] for e in sheet]
        assert len(set(rows)) == len(rows) == 6
        assert full.boxes["level"].take(rows).to_pylist() == [level] * 6
        assert full.explain(rows) == [e["text"] for e in sheet]
    page = report._repr_html_()
    assert "Easy, medium, hard" in page and page.count("cards sheet") >= 3
