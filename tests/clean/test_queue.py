"""The review queue against orders found by trying everything."""

from __future__ import annotations

import itertools
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

import fastlabel as fl
from fastlabel import schema
from fastlabel.clean.effort import PRECISION, SECONDS, Effort
from fastlabel.clean.evidence import ACTIONS, proposed
from fastlabel.clean.overview import curve, overview
from fastlabel.config import Config, ConfigError, parse
from fastlabel.dataset import Dataset


def dataset(boxes_of: list[int]) -> Dataset:
    """A set with so many boxes an image."""
    images = [{"image_id": i, "file_name": f"{i}.jpg"} for i in range(len(boxes_of))]
    owners = [i for i, n in enumerate(boxes_of) for _ in range(n)]
    rows = [
        {"annotation_id": k, "image_id": i, "category_id": 0, "x1": 0.0, "y1": 0.0, "x2": 9.0}
        | {"y2": 9.0}
        for k, i in enumerate(owners)
    ]
    return Dataset(
        pa.Table.from_pylist(images, schema=schema.IMAGES),
        pa.Table.from_pylist(rows, schema=schema.ANNOTATIONS),
        pa.Table.from_pylist([{"category_id": 0, "name": "a"}], schema=schema.CATEGORIES),
        schema.PROBLEMS.empty_table(),
        Path(),
        "coco",
        {},
    )


def finding(
    code: str,
    image: int | None,
    annotation: int | None = None,
    score: float | None = 1.0,
    severity: str = "warning",
    **evidence: Any,
) -> dict[str, Any]:
    return {
        "code": code,
        "severity": severity,
        "image_id": image,
        "annotation_id": annotation,
        "score": score,
        "evidence": json.dumps(evidence),
    }


def table(rows: list[dict[str, Any]]) -> pa.Table:
    return pa.Table.from_pylist(rows, schema=schema.FINDINGS)


def many(seed: int, images: int = 6, n: int = 40) -> tuple[Dataset, pa.Table]:
    rng = np.random.default_rng(seed)
    ds = dataset(rng.integers(1, 6, images).tolist())
    owner = ds.column("annotations", "image_id")
    rows = []
    for _ in range(n):
        at = int(rng.integers(len(owner)))
        code = str(rng.choice(["FL204", "FL206", "FL207", "FL701", "FL703", "FL707", "MY001"]))
        extra: dict[str, Any] = {}
        if rng.random() < 0.5:
            extra["fix"] = {"action": str(rng.choice(ACTIONS)), "box": None}
        if rng.random() < 0.2:
            extra["related_annotations"] = [int(rng.integers(len(owner)))]
        annotation: int | None = at
        if code == "FL701":
            annotation = None
            extra["fix"] = {"action": "add_box", "box": [float(rng.integers(3)), 0, 5, 5]}
        rows.append(finding(code, int(owner[at]), annotation, float(rng.random()), **extra))
    return ds, table(rows)


# ---- an independent account of it, one object at a time -------------------------


def chance_of(row: dict[str, Any]) -> float:
    code = row["code"]
    own = {"error": 0.8, "warning": 0.5, "info": 0.2}[row["severity"]]
    worth = PRECISION.get(code, 1.0 if code.startswith("FL7") else own)
    return worth * (1.0 if row["score"] is None else row["score"])


def objects_of(ds: Dataset, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Objects as sets of findings, joined until nothing more can be."""
    owner = ds.column("annotations", "image_id")
    things: list[tuple[set[Any], list[int]]] = []
    for k, row in enumerate(rows):
        if row["image_id"] is None or chance_of(row) <= 0:
            continue
        told = json.loads(row["evidence"])
        box = (told.get("fix") or {}).get("box")
        if row["annotation_id"] is not None:
            keys = {("box", row["annotation_id"])}
            related = told.get("related_annotations", [])
            keys |= {("box", a) for a in related if owner[a] == row["image_id"]}
        else:
            keys = {("new", row["image_id"], tuple(box))} if box else {("image", row["image_id"])}
        together = [t for t in things if t[0] & keys]
        things = [t for t in things if not t[0] & keys]
        for t in together:
            keys |= t[0]
        things.append((keys, [*itertools.chain(*(t[1] for t in together)), k]))
    out = []
    for keys, mine in things:
        mine.sort(key=lambda k: (-chance_of(rows[k]), k))
        family: dict[str, float] = {}
        for k in mine:
            name = rows[k]["code"][:-2]
            family[name] = max(family.get(name, 0.0), chance_of(rows[k]))
        chance = 1 - math.prod(1 - p for p in family.values())
        action = (json.loads(rows[mine[0]]["evidence"]).get("fix") or {}).get("action")
        out.append(
            {
                "image": rows[mine[0]]["image_id"],
                "findings": mine,
                "annotations": sorted(k[1] for k in keys if k[0] == "box"),
                "chance": chance,
                "action": action,
                "kind": rows[mine[0]]["code"],
                "seconds": 2.0 + chance * SECONDS[action or "other"],
            }
        )
    return out


def worth_of(objects: list[dict[str, Any]], variety: float) -> None:
    for kind in {o["kind"] for o in objects}:
        mine = [o for o in objects if o["kind"] == kind]
        mine.sort(key=lambda o: -o["chance"] / o["seconds"])
        for k, o in enumerate(mine):
            o["worth"] = o["chance"] / math.sqrt(1 + k / variety) if variety else o["chance"]


def rate(group: tuple[dict[str, Any], ...] | list[dict[str, Any]]) -> float:
    return sum(o["worth"] for o in group) / (5.0 + sum(o["seconds"] for o in group))


def best_order(objects: list[dict[str, Any]]) -> list[tuple[float, list[dict[str, Any]]]]:
    """Visits by trying every subset of an image's objects, again and again."""
    visits = []
    for image in sorted({o["image"] for o in objects}):
        left = [o for o in objects if o["image"] == image]
        while left:
            subsets = itertools.chain.from_iterable(
                itertools.combinations(left, n) for n in range(1, len(left) + 1)
            )
            best = max(subsets, key=rate)
            visits.append((rate(best), list(best)))
            left = [o for o in left if not any(o is b for b in best)]
    visits.sort(key=lambda v: -v[0])
    return visits


@pytest.mark.parametrize("seed", range(8))
def test_the_order_is_the_one_found_by_trying_every_subset(seed: int) -> None:
    ds, found = many(seed)
    queue = fl.review_queue(ds, found)
    objects = objects_of(ds, found.to_pylist())
    worth_of(objects, Effort().variety)
    expected = best_order(objects)
    rows = queue.to_pylist()
    assert queue.schema.equals(schema.QUEUE)
    assert len(rows) == len(objects)
    at = 0
    for best, visit in expected:
        mine = rows[at : at + len(visit)]
        at += len(visit)
        assert {tuple(r["findings"]) for r in mine} == {tuple(o["findings"]) for o in visit}
        by_findings = {tuple(o["findings"]): o for o in visit}
        for row in mine:
            o = by_findings[tuple(row["findings"])]
            assert row["image_id"] == o["image"]
            assert row["annotation_ids"] == o["annotations"]
            assert row["action"] == o["action"]
            assert row["score"] == pytest.approx(o["chance"], abs=1e-12)
            assert row["codes"] == sorted({found["code"][k].as_py() for k in o["findings"]})
        assert sum(r["seconds"] for r in mine) == pytest.approx(
            5.0 + sum(o["seconds"] for o in visit)
        )
        dense = [
            o["worth"] / o["seconds"] for o in (by_findings[tuple(r["findings"])] for r in mine)
        ]
        assert dense == sorted(dense, reverse=True)
        assert best == pytest.approx(rate(visit))
    np.testing.assert_allclose(
        queue["expected_errors"], np.cumsum([r["score"] for r in rows]), atol=1e-9
    )
    np.testing.assert_allclose(queue["minutes"], np.cumsum([r["seconds"] for r in rows]) / 60)
    seen: set[int] = set()
    for row in rows:
        seen.add(row["image_id"])
        assert row["images"] == len(seen)
    assert [r["rank"] for r in rows] == list(range(1, len(rows) + 1))


def test_the_order_of_the_findings_does_not_matter_to_what_is_one_object() -> None:
    ds, found = many(3)
    turned = found.take(pa.array(np.arange(found.num_rows)[::-1]))
    a, b = fl.review_queue(ds, found), fl.review_queue(ds, turned)
    last = found.num_rows - 1
    left = sorted(sorted(f) for f in a["findings"].to_pylist())
    right = sorted(sorted(last - k for k in f) for f in b["findings"].to_pylist())
    assert left == right
    assert fl.review_queue(ds, found).equals(a)


def test_findings_of_one_object_are_one_row() -> None:
    ds = dataset([3, 2])
    found = table(
        [
            finding("FL204", 0, 1, 0.9, related_annotations=[0]),
            finding("FL206", 0, 0, 0.5),
            finding("FL707", 0, 1, 0.6, fix={"action": "replace_box", "box": [1, 2, 3, 4]}),
            finding("FL401", 1, None, 1.0),
            finding("FL407", 1, None, 1.0),
            finding("FL708", 1, None, 0.7, fix={"action": "add_box", "box": [1, 1, 5, 5]}),
            finding("FL701", 1, None, 0.7, fix={"action": "add_box", "box": [2, 1, 5, 5]}),
            finding("FL204", 0, 2, 0.9, related_annotations=[3]),  # of another image: no link
        ]
    )
    rows = fl.review_queue(ds, found).to_pylist()
    members = {tuple(r["annotation_ids"]): r for r in rows if r["image_id"] == 0}
    assert set(members) == {(0, 1), (2,)}
    both = members[(0, 1)]
    assert both["codes"] == ["FL204", "FL206", "FL707"]
    # FL2: the higher of 0.81 and 0.25; FL7: 0.6.
    assert both["score"] == pytest.approx(1 - (1 - 0.81) * (1 - 0.6))
    assert both["findings"] == [0, 2, 1]
    assert both["action"] is None
    alone = [r["codes"] for r in rows if r["image_id"] == 1]
    assert sorted(alone) == [["FL401", "FL407"], ["FL701"], ["FL708"]]


def test_a_queue_is_not_200_of_one_kind() -> None:
    ds = dataset([1] * 600)
    rows = [finding("FL703", i, i, 0.9) for i in range(500)]
    rows += [finding("FL707", i, i, 0.5) for i in range(500, 600)]
    queue = fl.review_queue(ds, table(rows), budget=200)
    kinds = [c[0] for c in queue["codes"].to_pylist()]
    assert queue.num_rows == 200
    assert 30 <= kinds.count("FL707") <= 100
    assert kinds[:10] == ["FL703"] * 10
    plain = Config(review={"variety": 0})
    kinds = [
        c[0]
        for c in fl.review_queue(ds, table(rows), budget=200, config=plain)["codes"].to_pylist()
    ]
    assert kinds == ["FL703"] * 200


def test_budget_and_minutes_cut_the_same_order() -> None:
    ds, found = many(5)
    whole = fl.review_queue(ds, found)
    for n in (0, 1, 7, whole.num_rows, 10_000):
        assert fl.review_queue(ds, found, budget=n).equals(whole.slice(0, n))
    half = whole["minutes"][whole.num_rows // 2].as_py()
    cut = fl.review_queue(ds, found, minutes=half)
    assert cut["minutes"][-1].as_py() <= half
    assert cut.equals(whole.slice(0, cut.num_rows))
    assert whole["minutes"][cut.num_rows].as_py() > half
    assert fl.review_queue(ds, found, minutes=0).num_rows == 0
    assert fl.review_queue(ds, found, budget=3, minutes=1e9).num_rows == 3


def test_what_needs_no_look_is_not_in_it() -> None:
    ds = dataset([2])
    rows = [
        finding("FL001", 0),
        finding("FL601", None),
        finding("FL301", 0, 0),
        finding("FL204", None),
        finding("FL204", 0, 0, 0.0),
        finding("FL204", 0, 0, float("nan")),
    ]
    assert fl.review_queue(ds, table(rows)).num_rows == 0
    config = Config(review={"precision": {"fl301": 0.4}})
    (row,) = fl.review_queue(ds, table(rows), config=config).to_pylist()
    assert (row["codes"], row["score"]) == (["FL301"], 0.4)
    assert fl.review_queue(ds, schema.FINDINGS.empty_table()).num_rows == 0


def test_an_unknown_score_counts_in_full() -> None:
    ds = dataset([1])
    (row,) = fl.review_queue(ds, table([finding("FL205", 0, 0, None)])).to_pylist()
    assert row["score"] == PRECISION["FL205"]


@pytest.mark.parametrize(
    "evidence",
    [
        None,
        "",
        "{",
        "[1]",
        '{"fix": 3, "related_annotations": "x"}',
        '{"fix": {"action": 7, "box": [1, "a", NaN, 4]}, "related_annotations": [true, 1e400]}',
        '{"fix": {"action": "explode", "box": [1, 2, 3]}, "related_annotations": [99999, -4]}',
        '{"fix": {"action": "add_box", "box": [NaN, 1, 2, Infinity]}}',
        '{"related_annotations": [99999999999999999999999999]}\n{"fix": null}',
    ],
)
def test_odd_evidence_proposes_nothing(evidence: str | None) -> None:
    ds = dataset([2])
    row = {**finding("FL204", 0, 0, 1.0), "evidence": evidence}
    good = finding("FL204", 0, 1, 1.0, fix={"action": "drop_box", "box": [0, 0, 9, 9]})
    queue = fl.review_queue(ds, table([row, good])).to_pylist()
    assert {tuple(r["annotation_ids"]): r["action"] for r in queue} == {
        (0,): "add_box" if evidence and "add_box" in evidence else None,
        (1,): "drop_box",
    }


def test_evidence_read_at_once_and_row_by_row_is_the_same() -> None:
    _, found = many(9, n=200)
    column = found["evidence"]
    fast = proposed(column)
    odd = pa.chunked_array([*column.chunks, pa.array(['{"fix": "no object"}'])])
    slow = proposed(odd)
    np.testing.assert_array_equal(fast.action, slow.action[:-1])
    np.testing.assert_array_equal(fast.box, slow.box[:-1])
    np.testing.assert_array_equal(fast.row, slow.row)
    np.testing.assert_array_equal(fast.related, slow.related)
    assert (fast.action >= 0).any()
    assert len(fast.row)


def test_findings_of_another_set_are_refused() -> None:
    ds = dataset([1])
    with pytest.raises(ValueError, match="annotation_id 5, but the data set has 1 rows"):
        fl.review_queue(ds, table([finding("FL204", 0, 5)]))
    with pytest.raises(ValueError, match="image_id 3"):
        fl.review_queue(ds, table([finding("FL401", 3)]))
    with pytest.raises(TypeError, match="findings: needed"):
        fl.review_queue(ds)


@pytest.mark.parametrize("bad", [-1, 2.5, "3", True])
def test_budgets_that_are_none(bad: Any) -> None:
    ds = dataset([1])
    with pytest.raises((TypeError, ValueError), match="budget: got"):
        fl.review_queue(ds, table([]), budget=bad)


@pytest.mark.parametrize("bad", [-1, float("nan"), "3", True])
def test_minutes_that_are_none(bad: Any) -> None:
    ds = dataset([1])
    with pytest.raises((TypeError, ValueError), match="minutes: got"):
        fl.review_queue(ds, table([]), minutes=bad)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"opne_image": 3}, "no such setting; did you mean 'open_image'"),
        ({"look": 0}, "review.look: got 0, expected a number"),
        ({"look": "slow"}, "review.look: got 'slow'"),
        ({"variety": -1}, "review.variety: got -1"),
        ({"seconds": {"relable": 2}}, "no such action; did you mean 'relabel'"),
        ({"seconds": {"relabel": -2}}, "review.seconds.relabel: got -2"),
        ({"seconds": 3}, "review.seconds: got 3, expected a table"),
        ({"precision": {"FL204": 1.5}}, "review.precision.FL204: got 1.5"),
        ({"precision": {"FL204": True}}, "review.precision.FL204: got True"),
    ],
)
def test_settings_that_are_none(settings: dict[str, Any], said: str) -> None:
    config = parse({"review": settings})
    with pytest.raises(ConfigError) as error:
        fl.review_queue(dataset([1]), table([]), config=config)
    assert said in str(error.value)


def test_settings_count() -> None:
    ds = dataset([1, 1])
    found = table(
        [
            finding("FL703", 0, 0, 0.5, fix={"action": "relabel"}),
            finding("FL204", 1, 1, 0.5, fix={"action": "drop_box"}),
        ]
    )
    config = parse(
        {
            "review": {
                "open-image": 10,
                "look": 4,
                "seconds": {"drop-box": 6},
                "precision": {"fl204": 1.0},
            }
        }
    )
    rows = fl.review_queue(ds, found, config=config).to_pylist()
    spent = {r["codes"][0]: (r["score"], r["seconds"]) for r in rows}
    assert spent == {"FL703": (0.5, 10 + 4 + 0.5 * 3), "FL204": (0.5, 10 + 4 + 0.5 * 6)}


def test_a_hundred_thousand_objects_in_one_image_end() -> None:
    n = 100_000
    ds = dataset([n])
    score = 1.0 / np.arange(1, n + 1)
    found = pa.table(
        {
            "code": pa.repeat("FL703", n),
            "severity": pa.repeat("error", n),
            "image_id": pa.repeat(0, n),
            "annotation_id": np.arange(n),
            "score": score,
            **{
                f.name: pa.nulls(n, f.type)
                for f in schema.FINDINGS
                if f.name not in ("code", "severity", "image_id", "annotation_id", "score")
            },
        }
    ).select(schema.FINDINGS.names)
    queue = fl.review_queue(ds, found)
    assert queue.num_rows == n
    assert queue["annotation_ids"][0].as_py() == [0]


def test_the_curve_climbs_to_all_errors() -> None:
    ds, found = many(7, images=40, n=300)
    queue = fl.review_queue(ds, found)
    drawn = curve(queue, points=10)
    assert drawn["images"][0] == drawn["errors"][0] == drawn["minutes"][0] == 0
    assert len(drawn["images"]) <= 11
    assert drawn["images"][-1] == queue["images"][-1].as_py()
    assert drawn["errors"][-1] == queue["expected_errors"][-1].as_py()
    assert drawn["images"] == sorted(set(drawn["images"]))
    assert drawn["errors"] == sorted(drawn["errors"])
    for images, errors in zip(drawn["images"][1:], drawn["errors"][1:], strict=True):
        reached = [r for r in queue.to_pylist() if r["images"] <= images]
        assert errors == reached[-1]["expected_errors"]


def test_the_overview_says_what_a_budget_buys() -> None:
    ds, found = many(7)
    queue = fl.review_queue(ds, found)
    part = overview(queue, 4)
    assert part["objects"] == queue.num_rows
    assert part["budget"]["objects"] == 4
    assert part["budget"]["errors"] == queue["expected_errors"][3].as_py()
    assert [r["rank"] for r in part["first"]] == list(range(1, min(12, queue.num_rows) + 1))
    assert overview(queue)["budget"] is None
    nothing = overview(queue.slice(0, 0), 5)
    assert nothing["objects"] == nothing["errors"] == 0
    assert nothing["curve"] == {"images": [0], "errors": [0], "minutes": [0]}
    json.dumps(part, allow_nan=False)
