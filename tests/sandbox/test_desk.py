"""The review desk without its page: cards, decisions, their journal and their plan."""

from __future__ import annotations

import json
import shutil
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

pytest.importorskip("starlette")

import fastlabel as fl
from fastlabel.dataset import DatasetError
from fastlabel.sandbox.cards import STATES, Filter
from fastlabel.sandbox.desk import Desk, stamp_of
from fastlabel.sandbox.guard import ApiError
from fastlabel.sandbox.journal import Journal

ALL = Filter(state="all")


@pytest.fixture
def opened(small_set: tuple[Path, Path], tmp_path: Path) -> Any:
    """Open the desk of one journal, again and again; each opening ends the one before."""
    root, report = small_set
    findings = pq.read_table(report / "findings.parquet")
    ds = fl.read(root)
    last: list[Journal] = []

    def again() -> Desk:
        for journal in last:
            journal.close()
        last[:] = [Journal(tmp_path / "review.sqlite", "stamp")]
        return Desk(ds, findings, last[0])

    yield again
    for journal in last:
        journal.close()


def say(desk: Desk, at: int, verb: str, edits: Any = (), tab: str = "t") -> None:
    card = desk.card(at, ALL)
    desk.decide(
        {
            "finding": card["finding"],
            "verb": verb,
            "edits": list(edits),
            "seen": card["seen"],
            "image_seen": card["image_seen"],
            "tab": tab,
        }
    )


def of_code(desk: Desk, code: str) -> int:
    """The first card of a rule."""
    return next(k for k in range(len(desk.cards)) if desk.card(k, ALL)["code"] == code)


def test_every_finding_about_a_picture_is_a_card(opened: Any) -> None:
    desk = opened()
    about = np.flatnonzero(desk.findings["image_id"].is_valid().to_numpy(zero_copy_only=False))
    assert sorted(desk.cards.finding.tolist()) == about.tolist()
    queue = fl.review_queue(desk.ds, desk.findings)
    told = [row for rows in queue["findings"].to_pylist() for row in rows]
    assert desk.cards.finding[: len(told)].tolist() == told
    expected = desk.cards.counts(ALL)["expected"]
    assert expected == pytest.approx(queue["expected_errors"][-1].as_py(), abs=0.01)


def test_decisions_are_there_when_it_opens_again(opened: Any) -> None:
    desk = opened()
    verbs = ["accept", "dismiss", "skip"]
    for at in range(9):
        say(desk, at, verbs[at % 3])
    told = [desk.card(at, ALL)["state"] for at in range(12)]
    assert told == ["accepted", "dismissed", "skipped"] * 3 + ["open"] * 3
    again = opened()
    assert [again.card(at, ALL)["state"] for at in range(12)] == told
    assert [again.card(at, ALL)["boxes"] for at in range(12)] == [
        desk.card(at, ALL)["boxes"] for at in range(12)
    ]
    assert again.cards.step(Filter(), 0, 1) == 9
    assert again.cards.counts(ALL)["accepted"] == 3


def test_a_later_decision_counts_and_undo_brings_the_one_before_back(opened: Any) -> None:
    desk = opened()
    say(desk, 0, "dismiss")
    say(desk, 0, "accept")
    assert desk.card(0, ALL)["state"] == "accepted"
    assert desk.undo("t") == 0
    assert desk.card(0, ALL)["state"] == "dismissed"
    desk = opened()
    assert desk.card(0, ALL)["state"] == "dismissed"
    assert desk.undo("another tab, just opened") == 0
    assert desk.undo("t") is None
    assert opened().card(0, ALL)["state"] == "open"


def test_two_tabs_do_not_fight(opened: Any) -> None:
    desk = opened()
    seen = desk.card(0, ALL)
    say(desk, 0, "accept", tab="one")
    late = {"finding": seen["finding"], "verb": "dismiss", "tab": "two", "edits": []}
    with pytest.raises(ApiError) as refused:
        desk.decide({**late, "seen": seen["seen"], "image_seen": seen["image_seen"]})
    assert refused.value.status == 409
    assert desk.card(0, ALL)["state"] == "accepted"
    # Another finding of the same picture: its boxes are no longer those that the tab shows.
    other = next(k for k in range(1, len(desk.cards)) if desk.cards.image[k] == desk.cards.image[0])
    card = desk.card(other, ALL)
    with pytest.raises(ApiError) as refused:
        desk.decide({**late, "finding": card["finding"], "seen": 0, "image_seen": 0})
    assert refused.value.status == 409
    # Each takes back its own.
    say(desk, other, "dismiss", tab="two")
    assert desk.undo("one") == 0
    assert desk.card(other, ALL)["state"] == "dismissed"
    assert desk.undo("one") is None


def test_a_second_desk_on_the_same_journal_is_refused(opened: Any, tmp_path: Path) -> None:
    opened()
    with pytest.raises(DatasetError, match="another desk is open"):
        Journal(tmp_path / "review.sqlite", "stamp")


def test_other_findings_begin_a_journal_of_their_own(tmp_path: Path) -> None:
    place = tmp_path / "review.sqlite"
    first = Journal(place, "0123456789")
    first.add(0, 0, "accept", [], "t")
    first.close()
    second = Journal(place, "abcdef")
    assert second.moved == tmp_path / "review-01234567.sqlite"
    assert list(second.events()) == []
    second.close()
    old = Journal(tmp_path / "review-01234567.sqlite", "0123456789")
    assert [e.verb for e in old.events()] == ["accept"]
    old.close()


def test_a_journal_that_is_none_is_named(tmp_path: Path) -> None:
    place = tmp_path / "review.sqlite"
    place.write_bytes(b"not a database at all" * 100)
    with pytest.raises(DatasetError, match=r"review\.sqlite: is no journal"):
        Journal(place, "x")
    assert place.read_bytes() == b"not a database at all" * 100


def test_what_cannot_be_saved_is_not_shown_as_saved(opened: Any) -> None:
    desk = opened()
    desk.journal._file.execute("pragma query_only = 1")
    with pytest.raises(ApiError, match="not saved") as refused:
        say(desk, 0, "accept")
    assert refused.value.status == 507
    assert desk.card(0, ALL)["state"] == "open"
    assert desk.card(0, ALL)["image_seen"] == 0


def test_a_journal_that_was_taken_away_takes_no_decisions(opened: Any, tmp_path: Path) -> None:
    desk = opened()
    say(desk, 0, "accept")
    for file in tmp_path.glob("review.sqlite*"):
        file.rename(file.with_name(f"gone-{file.name}"))
    with pytest.raises(ApiError, match="taken away") as refused:
        say(desk, 1, "accept")
    assert refused.value.status == 507
    assert desk.card(1, ALL)["state"] == "open"


@pytest.mark.parametrize(
    ("edits", "words"),
    [
        ([{"key": "a0", "box": [0, 0, 1000, 10]}], "leaves the picture"),
        ([{"key": "a0", "box": [5, 5, 5.2, 90]}], "under a pixel"),
        ([{"key": "a0", "box": [90, 5, 5, 90]}], "under a pixel"),
        ([{"key": "a0", "box": [0, 0, "9", 9]}], "four numbers"),
        ([{"key": "a0", "box": [0, 0, float("nan"), 9]}], "four numbers"),
        ([{"key": "a0", "box": [0, 0, True, 9]}], "four numbers"),
        ([{"key": "a9999", "dropped": True}], "no longer there"),
        ([{"key": "a0", "category": 3}], "no such class"),
        ([{"key": "a0", "category": -1}], "no such class"),
        ([{"key": "a0", "dropped": "yes"}], "true or false"),
        ([{"box": [0, 0, 9, 9]}], "a place and a class"),
        (["drop"], "is an object"),
        ({"key": "a0"}, "a list"),
        ([{"key": "a0", "dropped": True}] * 2001, "at most 2,000"),
    ],
)
def test_edits_that_make_no_sense(opened: Any, edits: Any, words: str) -> None:
    desk = opened()
    at = next(k for k in range(len(desk.cards)) if desk.cards.image[k] == 0)
    card = desk.card(at, ALL)
    with pytest.raises(ApiError, match=words):
        desk.decide({**card, "verb": "accept", "edits": edits, "tab": "t"})
    assert opened().card(at, ALL)["state"] == "open"


@pytest.mark.parametrize(
    "change", [{"verb": "delete"}, {"verb": None}, {"tab": ""}, {"tab": 3}, {"finding": -1},
               {"finding": 10**9}, {"finding": True}, {"finding": "0"}, {"verb": "edit"}],
)  # fmt: skip
def test_decisions_that_make_no_sense(opened: Any, change: dict[str, Any]) -> None:
    desk = opened()
    with pytest.raises(ApiError):
        desk.decide({**desk.card(0, ALL), "verb": "skip", "tab": "t", "edits": [], **change})
    assert desk.cards.counts(ALL)["open"] == len(desk.cards)


def test_filters_against_a_plain_loop(opened: Any) -> None:
    desk = opened()
    for at in (0, 3, 4):
        say(desk, at, "accept")
    cards = [desk.card(at, ALL) for at in range(len(desk.cards))]
    category = desk.ds.column("annotations", "category_id")
    for wanted in (
        ALL,
        Filter(),
        Filter(codes=("FL202", "FL204")),
        Filter(classes=(1,), state="all"),
        Filter(codes=("FL201",), least=0.999),
        Filter(splits=("train",)),
        Filter(splits=("",), state="accepted"),
        Filter(codes=("nothing",)),
    ):
        plain = [
            at
            for at, card in enumerate(cards)
            if (not wanted.codes or card["code"] in wanted.codes)
            and (not wanted.splits or "" in wanted.splits)
            and (card["score"] is None or card["score"] >= wanted.least)
            and wanted.state in ("all", card["state"])
            and (
                not wanted.classes
                or any(
                    b["kind"] == "subject" and category[int(b["key"][1:])] in wanted.classes
                    for b in card["boxes"]
                )
            )
        ]
        assert np.flatnonzero(desk.cards.shown(wanted)).tolist() == plain
        for start in (0, 5, len(cards)):
            after = [p for p in plain if p >= start] or plain
            before = [p for p in plain if p <= start] or plain
            assert desk.cards.step(wanted, start, 1) == (after[0] if plain else None)
            assert desk.cards.step(wanted, start, -1) == (before[-1] if plain else None)
        assert [t["finding"] for t in desk.tiles(wanted, 0, 100)["cards"]] == [
            cards[at]["finding"] for at in plain
        ]


def test_next_kind_is_another_rule(opened: Any) -> None:
    desk = opened()
    at, seen = 0, []
    for _ in range(3):
        seen.append(desk.card(at, ALL)["code"])
        at = desk.cards.step(ALL, at + 1, 1, past=int(desk.cards.code[at]))
    assert all(a != b for a, b in pairwise(seen))


def test_the_plan_of_a_review_applied_and_taken_back(
    opened: Any, small_set: tuple[Path, Path], tmp_path: Path
) -> None:
    root, _ = small_set
    desk = opened()
    drop = of_code(desk, "FL204")  # proposes to delete the second box
    say(desk, drop, "accept")
    moved = of_code(desk, "FL201")
    subject = next(b for b in desk.card(moved, ALL)["boxes"] if b["kind"] == "subject")
    say(
        desk,
        moved,
        "accept",
        [
            {"key": subject["key"], "box": [1, 2, 100.5, 80], "category": 2},
            {"box": [200, 150, 260, 200], "category": 1},
        ],
    )
    false = of_code(desk, "FL202")
    say(desk, false, "dismiss")
    broken = of_code(desk, "FL001")
    say(desk, broken, "accept")
    done = desk.round()
    assert done.plan.counts() == {
        "quarantine_image": 1,
        "relabel": 1,
        "drop_box": 1,
        "replace_box": 1,
        "add_box": 1,
    }
    said = {r["finding"]: r["verdict"] for r in done.verdicts.to_pylist()}
    assert said == {
        int(desk.cards.finding[drop]): "confirmed",
        int(desk.cards.finding[moved]): "confirmed",
        int(desk.cards.finding[false]): "rejected",
        int(desk.cards.finding[broken]): "confirmed",
    }  # fmt: skip
    codes = {r["action"]: r["codes"] for r in done.plan.table.to_pylist()}
    assert codes["drop_box"] == ["FL204"]
    assert codes["quarantine_image"] == ["FL001"]

    tree = tmp_path / "tree"
    shutil.copytree(root, tree)
    before = {p.name: p.read_bytes() for p in tree.iterdir() if p.is_file()}
    files = done.write(tmp_path / "plan.parquet")
    assert (tmp_path / "plan.verdicts.parquet") in files
    fl.apply(fl.Plan.read(tmp_path / "plan.parquet"), data=tree, in_place=True, unsafe=True)
    labels = json.loads((tree / "labels.json").read_text())
    boxes = {a["id"]: a for a in labels["annotations"]}
    dropped = int(desk.cards.annotation[drop])
    assert dropped + 1 not in boxes
    row = int(subject["key"][1:])
    assert boxes[row + 1]["bbox"] == [1, 2, 99.5, 78]
    assert boxes[row + 1]["category_id"] == 3
    assert any(a["bbox"] == [200, 150, 60, 50] for a in boxes.values())
    assert not (tree / "a11.jpg").exists()
    fl.undo(tree)
    after = {p.name: p.read_bytes() for p in tree.iterdir() if p.is_file()}
    assert {n: after.get(n) for n in before} == before

    fitted = fl.calibrate([done.verdicts])
    assert {fit.code for fit in fitted.rules} == {"FL001", "FL201", "FL202", "FL204"}


def test_edits_of_several_cards_are_one_change_of_a_box(opened: Any) -> None:
    desk = opened()
    at = of_code(desk, "FL201")
    key = next(b for b in desk.card(at, ALL)["boxes"] if b["kind"] == "subject")["key"]
    assert desk.card(at, ALL)["proposed"]["action"] == "replace_box"
    say(desk, at, "edit", [{"key": key, "box": [1, 2, 30, 40]}])
    assert desk.card(at, ALL)["state"] == "open"
    assert desk.card(at, ALL)["proposed"] is None
    say(desk, at, "accept")  # of what was changed, not of what was proposed
    assert [c["box_after"] for c in desk.round().changes.to_pylist()] == [[1, 2, 30, 40]]
    desk.undo("t")
    say(desk, at, "edit", [{"box": [50, 50, 90, 90], "category": 0}])
    new = next(b for b in desk.card(at, ALL)["boxes"] if b["key"][0] == "n")
    say(
        desk,
        at,
        "accept",
        [{"key": key, "box": [3, 4, 30, 40]}, {"key": new["key"], "category": 2}],
    )
    told = desk.round().changes.to_pylist()
    assert [(c["change"], c["box_after"]) for c in told] == [
        ("moved", [3, 4, 30, 40]),
        ("added", [50, 50, 90, 90]),
    ]
    # A new box that was taken back takes what was said of it along.
    desk.undo("t")
    desk.undo("t")
    assert [c["change"] for c in desk.round().changes.to_pylist()] == ["moved"]


def test_an_empty_review_is_an_empty_plan(opened: Any) -> None:
    done = opened().round()
    assert len(done.plan) == 0
    assert done.verdicts.num_rows == 0


def test_a_set_without_findings(small_set: tuple[Path, Path], tmp_path: Path) -> None:
    from fastlabel.schema import FINDINGS

    journal = Journal(tmp_path / "review.sqlite", "x")
    desk = Desk(fl.read(small_set[0]), FINDINGS.empty_table(), journal)
    assert desk.about()["cards"] == 0
    assert desk.cards.step(ALL, 0, 1) is None
    assert desk.tiles(ALL, 0, 10)["cards"] == []
    journal.close()


def test_pictures_alone_can_be_reviewed(small_set: tuple[Path, Path], tmp_path: Path) -> None:
    """A set without labels: verdicts, and words for a plan that cannot be."""
    folder = tmp_path / "only"
    folder.mkdir()
    for name in ("a1.jpg", "a11.jpg"):
        shutil.copy(small_set[0] / name, folder / name)
    report = fl.check(folder)
    journal = Journal(tmp_path / "review.sqlite", "x")
    desk = Desk(report.ds, report.findings, journal)
    at = of_code(desk, "FL001")
    assert desk.card(at, ALL)["proposed"] is None
    say(desk, at, "accept")
    with pytest.raises(DatasetError, match="no labels"):
        desk.round()
    journal.close()


def test_the_stamp_tells_findings_apart(tmp_path: Path) -> None:
    one, two = tmp_path / "a.parquet", tmp_path / "b.parquet"
    pq.write_table(pa.table({"x": [1]}), one)
    pq.write_table(pa.table({"x": [2]}), two)
    assert stamp_of(one) != stamp_of(two)
    with pytest.raises(DatasetError, match="cannot be read"):
        stamp_of(tmp_path / "none.parquet")


def test_states_have_their_numbers() -> None:
    assert STATES == ("open", "accepted", "dismissed", "skipped")


def test_predictions_are_drawn_beside_the_labels(
    small_set: tuple[Path, Path], tmp_path: Path
) -> None:
    from fastlabel.predictions import read_predictions

    root, report = small_set
    ds = fl.read(root)
    said = [
        {"image_id": 1, "category_id": 2, "bbox": [10, 20, 30, 40], "score": 0.4},
        {"image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 4], "score": 0.9},
        {"image_id": 2, "category_id": 1, "bbox": [1, 2, 3, 4], "score": 0.8},
    ]
    (tmp_path / "pred.json").write_text(json.dumps(said))
    journal = Journal(tmp_path / "review.sqlite", "x")
    findings = pq.read_table(report / "findings.parquet")
    guesses = read_predictions([tmp_path / "pred.json"], ds)
    desk = Desk(ds, findings, journal, predictions=guesses)
    at = next(k for k in range(len(desk.cards)) if desk.cards.image[k] == 0)
    told = desk.card(at, ALL)["guesses"]
    assert [(g["box"], g["score"]) for g in told] == [
        ([1, 2, 4, 6], 0.9),
        ([10, 20, 40, 60], 0.4),
    ]
    assert told[0]["name"] == "<img src=x onerror=alert(1)>"
    journal.close()


def test_many_boxes_and_a_single_picture(tmp_path: Path) -> None:
    import cv2

    root = tmp_path / "one"
    root.mkdir()
    rng = np.random.default_rng(0)
    picture = rng.integers(0, 255, (400, 600, 3), dtype=np.uint8)
    (root / "a.png").write_bytes(cv2.imencode(".png", picture)[1].tobytes())
    boxes = [[int(x), int(y), 20, 0] for x, y in rng.integers(0, 370, (500, 2))]
    document = {
        "images": [{"id": 1, "file_name": "a.png", "width": 600, "height": 400}],
        "annotations": [
            {"id": k + 1, "image_id": 1, "category_id": 1, "bbox": b} for k, b in enumerate(boxes)
        ],
        "categories": [{"id": 1, "name": "x"}],
    }
    (root / "labels.json").write_text(json.dumps(document))
    ds = fl.read(root)
    report = fl.check(ds)
    journal = Journal(tmp_path / "review.sqlite", "x")
    desk = Desk(ds, report.findings, journal)
    assert len(desk.card(0, ALL)["boxes"]) == 500
    for at in range(3):
        say(desk, at, "accept")
    assert len(desk.round().plan) >= 3
    journal.close()


def test_what_is_counted_stays_right(opened: Any) -> None:
    desk = opened()
    filters = [ALL, Filter(codes=("FL204",)), Filter(least=0.99), Filter(codes=("FL202", "FL001"))]
    for at, verb in enumerate(["accept", "dismiss", "skip", "accept", "accept", "skip"]):
        for wanted in filters:
            desk.cards.counts(wanted)
        say(desk, at * 3, verb)
    say(desk, 0, "dismiss")
    desk.undo("t")
    desk.undo("t")
    for wanted in filters:
        mask = desk.cards.mask(wanted)
        states = [STATES[k] for k in desk.cards.state[mask].tolist()]
        left = desk.cards.chance[mask & (desk.cards.state == 0)].sum()
        told = desk.cards.counts(wanted)
        assert {name: told[name] for name in STATES} == {n: states.count(n) for n in STATES}
        assert told["expected"] == pytest.approx(left, abs=0.01)
