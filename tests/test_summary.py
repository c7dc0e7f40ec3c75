"""The summary: every number against a plain loop, and the verdict in words."""

from __future__ import annotations

import json
import math
import random
from pathlib import Path

import numpy as np
import pytest
from report.making import RULES, MadeReport, Maker

from fastlabel.deploy import Profile
from fastlabel.distributions import _judged_acutance
from fastlabel.set_columns import Columns
from fastlabel.summary import summarise


def _random_set(root: Path, seed: int) -> Maker:
    draw = random.Random(seed)
    maker = Maker(root, classes=["person", "car", "dog"])
    for i in range(30):
        size = draw.choice([(320, 240), (1920, 1080), (640, 640)])
        image = maker.image(
            f"{i}.jpg",
            *size,
            split=draw.choice(["train", "val", None]),
            write=False,
            luma_mean=draw.uniform(0, 255),
        )
        for _ in range(draw.randrange(6)):
            x, y = draw.uniform(0, size[0] - 20), draw.uniform(0, size[1] - 20)
            w, h = draw.uniform(1, 20), draw.uniform(1, 20)
            maker.box(image, x, y, x + w, y + h, draw.randrange(3))
    return maker


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_counts_equal_a_plain_loop(tmp_path: Path, seed: int) -> None:
    maker = _random_set(tmp_path, seed)
    charts = maker.report().summary["charts"]
    balance = charts["class_balance"]
    for s, split in enumerate(balance["splits"]):
        for c, name in enumerate(balance["classes"]):
            expected = sum(
                maker.images[b["image_id"]]["split"] == split
                and maker.classes[b["category_id"]] == name
                for b in maker.boxes
            )
            assert balance["counts"][s][c] == expected
    short, area, long_hd = [], [], []
    for b in maker.boxes:
        image = maker.images[b["image_id"]]
        scale = min(640 / image["width"], 640 / image["height"])
        w, h = (b["x2"] - b["x1"]) * scale, (b["y2"] - b["y1"]) * scale
        short.append(min(w, h))
        area.append(w * h)
        hd = min(1920 / image["width"], 1080 / image["height"])
        long_hd.append(max(b["x2"] - b["x1"], b["y2"] - b["y1"]) * hd)
    size = charts["box_size"]
    assert sum(size["counts"]) == size["measured"] == len(maker.boxes)
    assert size["below_target"] == sum(s < 8 for s in short)
    assert size["small"] == sum(a < 1024 for a in area)
    assert size["share_below_strides"]["2"] == pytest.approx(
        sum(s < 16 for s in short) / len(short), rel=1e-5
    )
    assert charts["box_size_1080p"]["tiny"] == sum(v < 15 for v in long_hd)
    for low, high, n in zip(size["edges"], size["edges"][1:], size["counts"], strict=False):
        near = [s for s in short if min(abs(s - low), abs(s - high)) < 1e-4]
        if not near and low > 1:
            assert n == sum(low <= s < high for s in short)


@pytest.mark.parametrize("seed", [3, 4])
def test_images_and_classes_equal_a_plain_loop(tmp_path: Path, seed: int) -> None:
    maker = _random_set(tmp_path, seed)
    summary = maker.report().summary
    per_image = [sum(b["image_id"] == i for b in maker.boxes) for i in range(len(maker.images))]
    chart = summary["charts"]["objects_per_image"]
    for low, high, n in zip(chart["edges"], chart["edges"][1:], chart["counts"], strict=False):
        assert n == sum(low <= k < high for k in per_image)
    assert chart["most"] == max(per_image)
    sizes = {(w, h): n for w, h, n in summary["charts"]["image_sizes"]["sizes"]}
    for (w, h), n in sizes.items():
        assert n == sum(i["width"] == w and i["height"] == h for i in maker.images)
    for c, row in enumerate(summary["classes"]):
        mine = [b for b in maker.boxes if b["category_id"] == c]
        assert row["boxes"] == len(mine)
        assert row["images"] == len({b["image_id"] for b in mine})
    night = sum(s["luma_mean"] < 60 for s in maker.stats)
    assert summary["charts"]["brightness"]["night"] == night
    assert sum(s["images"] for s in summary["dataset"]["splits"]) == len(maker.images)
    assert sum(s["boxes"] for s in summary["dataset"]["splits"]) == len(maker.boxes)


def test_heatmap_cell_and_outside_centres(tmp_path: Path) -> None:
    maker = Maker(tmp_path)
    image = maker.image("a.jpg", 320, 320, write=False)
    maker.box(image, 0, 0, 4, 4)  # centre (2, 2): the first cell of 32
    maker.box(image, 310, 0, 330, 10)  # centre on the right edge: still inside
    maker.box(image, 400, 400, 420, 420)  # centre outside
    chart = maker.report().summary["charts"]["box_centres"]
    assert chart["counts"][0][0] == 1
    assert chart["counts"][0][31] == 1
    assert (chart["measured"], chart["outside"]) == (2, 1)


def test_bad_boxes_are_counted_but_never_charted(tmp_path: Path) -> None:
    maker = Maker(tmp_path)
    image = maker.image("a.jpg", write=False)
    nan = float("nan")
    maker.box(image, nan, 0, 10, 10)
    maker.box(image, 0, 0, math.inf, 10)
    maker.box(image, 10, 10, 10, 20)
    maker.box(image, 20, 20, 10, 10)
    maker.box(image, 0, 0, 50, 50, crowd=True)
    maker.box(image, 0, 0, 50, 50, ignore=True)
    maker.box(image, None, None, None, None)
    maker.box(image, 0, 0, 32, 16)
    summary = maker.report().summary
    assert summary["dataset"]["boxes"] == 8
    assert summary["charts"]["box_size"]["measured"] == 1
    assert summary["charts"]["aspect_ratio"]["measured"] == 1
    json.dumps(summary, allow_nan=False)


def test_an_exif_turned_image_is_measured_as_its_boxes_see_it(tmp_path: Path) -> None:
    maker = Maker(tmp_path)
    image = maker.image("a.jpg", 400, 200, write=False, orientation=6)
    maker.images[0] |= {"width": None, "height": None, "size_source": None}
    maker.box(image, 0, 0, 10, 10)
    sizes = maker.report().summary["charts"]["image_sizes"]["sizes"]
    assert sizes == [[200, 400, 1]]


def test_an_empty_set_has_a_verdict_and_no_numbers(tmp_path: Path) -> None:
    summary = Maker(tmp_path, classes=[]).report().summary
    assert summary["verdict"]["grade"] == "fail"
    assert summary["charts"]["box_size"]["quantiles"] is None
    assert summary["todo"] == []
    json.dumps(summary, allow_nan=False)


@pytest.mark.parametrize(
    ("severities", "grade"),
    [
        ([], "pass"),
        (["info"], "pass"),
        (["info", "warning"], "warn"),
        (["warning", "error"], "fail"),
    ],
)
def test_grade_is_the_worst_severity(tmp_path: Path, severities: list[str], grade: str) -> None:
    maker = Maker(tmp_path)
    maker.image("a.jpg", write=False)
    for severity in severities:
        maker.finding("FL402", severity, 0)
    verdict = maker.report().summary["verdict"]
    assert verdict["grade"] == grade
    assert ("Not ready" in verdict["headline"]) == (grade == "fail")


def _report_with_findings(root: Path) -> MadeReport:
    maker = Maker(root)
    for i in range(9):
        maker.image(f"{i}.jpg", write=False)
        maker.box(i, 0, 0, 40, 40)
    for i in range(5):
        maker.finding("FL402", "warning", i, suggestion="review")
    maker.finding("FL202", "error", 7, 7, suggestion="relabel")
    maker.finding("FL202", "error", 7, 7, suggestion="exclude")
    maker.finding("FL603", "info", suggestion="collect")
    maker.finding("FL501", "warning", 1, suggestion="exclude")
    maker.finding("XY901", "warning", 2, suggestion="review")
    return maker.report()


def test_findings_are_counted_by_rule_severity_and_suggestion(tmp_path: Path) -> None:
    found = _report_with_findings(tmp_path).summary["findings"]
    assert found["total"] == 10
    assert found["images"] == 6
    assert found["by_severity"] == {"error": 2, "warning": 7, "info": 1}
    assert found["images_by_severity"] == {"error": 1, "warning": 5, "info": 0}
    assert found["by_suggestion"] == {"review": 6, "relabel": 1, "exclude": 2, "collect": 1}
    rows = {r["code"]: r for r in found["by_code"]}
    assert rows["FL202"]["findings"] == 2
    assert rows["FL202"]["images"] == 1
    assert rows["FL402"]["examples"] == ["0.jpg", "1.jpg", "2.jpg"]
    assert rows["XY901"]["name"] == "XY901"


def test_todo_puts_errors_first_then_harm(tmp_path: Path) -> None:
    todo = _report_with_findings(tmp_path).summary["todo"]
    assert [t["code"] for t in todo] == ["FL202", "FL501", "XY901", "FL402", "FL603"]
    assert [t["rank"] for t in todo] == [1, 2, 3, 4, 5]
    assert "2 boxes" in todo[0]["title"]
    assert todo[0]["why"] == "Why degenerate hurts."


def test_the_verdict_says_what_is_missing_and_what_to_do(tmp_path: Path) -> None:
    verdict = _report_with_findings(tmp_path).summary["verdict"]
    says = {s["kind"]: s for s in verdict["sentences"]}
    assert says["missing"]["text"] == "night images."
    assert "collect" not in says  # told under "missing" already
    assert says["exclude"]["count"] == 2
    assert "FL501" in says["exclude"]["text"]
    assert says["review"]["codes"] == ["XY901", "FL402"]
    assert "2 errors in 1 of 9 images" in verdict["headline"]


def test_what_the_set_shows_is_told_without_any_rule(tmp_path: Path) -> None:
    maker = Maker(tmp_path)
    image = maker.image("a.jpg", 640, 640, write=False, luma_mean=10.0)
    maker.box(image, 0, 0, 8, 8)
    maker.box(image, 0, 0, 100, 100)
    maker.image("b.jpg", write=False, state="labelled_empty")
    shows = maker.report().summary["verdict"]["shows"]
    assert "1 (50 %) of 2 boxes is under 32 × 32 px" in shows
    assert "1 (50 %) of 2 images is dark as night" in shows
    assert "1 image is labelled as empty" in shows


def test_a_deployment_changes_the_size_boxes_are_judged_at(tmp_path: Path) -> None:
    maker = Maker(tmp_path)
    image = maker.image("a.jpg", 1280, 640, write=False)
    maker.box(image, 0, 0, 100, 100)
    profile = Profile("tiny", "mcu", 128, 128, "stretch", (8, 16))
    size = maker.report(profile).summary["charts"]["box_size"]
    assert size["quantiles"]["p50"] == pytest.approx(10.0)  # min(100 * 0.1, 100 * 0.2)
    assert size["strides"] == [8, 16]
    assert maker.report().summary["deploy"]["assumed"] is True
    assert maker.report(profile).summary["deploy"]["name"] == "tiny"


@pytest.mark.parametrize(
    ("side", "expected"), [(640, 0.5), (700, 0.5), (1280, 0.6), (2600, 0.7), (20000, 0.8)]
)
def test_acutance_is_read_at_the_level_nearest_above_the_input(
    tmp_path: Path, side: int, expected: float
) -> None:
    maker = Maker(tmp_path)
    maker.image("a.jpg", side, side, write=False)  # 0.5 at full size; 0.6, 0.7, 0.8 below
    profile = Profile("edge", "npu", 640, 640)
    report = maker.report(profile)
    columns = Columns(report.ds, report.image_stats, profile)
    assert _judged_acutance(columns).tolist() == [expected]


def test_thresholds_in_force_win_over_defaults(tmp_path: Path) -> None:
    maker = Maker(tmp_path)
    maker.image("a.jpg", write=False)
    made = maker.report()
    settings = {"FL402": (None, {"luma_mean": 44.0})}
    summary = summarise(made.ds, made.image_stats, None, made.findings, RULES, None, settings)
    assert summary["thresholds"]["FL402"] == {"luma_mean": 44.0}
    assert summary["thresholds"]["FL204"] == {"iou": 0.8}


def test_same_tables_same_summary(tmp_path: Path) -> None:
    first, second = (_report_with_findings(tmp_path).summary for _ in range(2))
    assert json.dumps(first) == json.dumps(second)


def test_a_sentence_names_some_rules_and_counts_the_others(tmp_path: Path) -> None:
    maker = Maker(tmp_path)
    maker.image("a.jpg", write=False)
    for rule in range(8):
        maker.finding(f"ZZ90{rule}", image=0)
    (says,) = maker.report().summary["verdict"]["sentences"]
    assert says["text"].endswith("and 4 findings of 4 other rules.")
    assert len(says["codes"]) == says["count"] == 8


@pytest.mark.parametrize("marks", [0, 1 << 22])
@pytest.mark.parametrize("shuffled", [False, True])
def test_images_of_each_class_wherever_the_parts_are_cut(
    monkeypatch: pytest.MonkeyPatch, shuffled: bool, marks: int
) -> None:
    """An image may reach over several parts, and two parts may share one or not."""
    from types import SimpleNamespace

    from fastlabel import box_counts

    monkeypatch.setattr(box_counts, "MOST_MARKS", marks)
    rng = np.random.default_rng(1)
    for _ in range(40):
        n, classes = int(rng.integers(1, 60)), int(rng.integers(1, 5))
        image = np.sort(rng.integers(0, rng.integers(1, 20), n)) + 3
        if shuffled:
            rng.shuffle(image)
        category = rng.integers(-1, classes, n)
        part = int(rng.integers(1, 8))
        whole = SimpleNamespace(
            ds=SimpleNamespace(categories=SimpleNamespace(num_rows=classes)),
            in_order=not shuffled,
        )
        pairs = box_counts._Pairs(whole)  # type: ignore[arg-type]
        for at in range(0, n, part):
            some = SimpleNamespace(
                box_image=image[at : at + part], category=category[at : at + part]
            )
            pairs.add(pairs.measure(some))  # type: ignore[arg-type]
        wanted = [len(set(image[category == c].tolist())) for c in range(classes)]
        assert pairs.images().tolist() == wanted
