"""What a review says of the rules, and what calibration makes of it."""

from __future__ import annotations

import json
import math
import tomllib

import numpy as np
import pyarrow as pa
import pytest
from review_sets import CLASSES, REVIEWERS, CvatReviewer, coco_set, finding, findings

from fastlabel import config as configs
from fastlabel import rules, schema
from fastlabel.clean.review import calibrate, export_review, read_review, read_round
from fastlabel.clean.review.verdicts import ROUND, agreement
from fastlabel.config import ConfigError
from fastlabel.dataset import DatasetError
from fastlabel.rules.fitted import Fit, adjusted

by_reviewer = pytest.mark.parametrize("reviewer", REVIEWERS, ids=lambda r: r.to)


@pytest.fixture
def ds(tmp_path):
    return coco_set(tmp_path / "set", images=14, seed=11)


def rows_of(ds, most=99):
    return ds.annotations.to_pylist()[:most]


def box_of(row):
    return [row[c] for c in ("x1", "y1", "x2", "y2")]


def sent(reviewer, ds, folder, rows):
    out = folder / f"t.{reviewer.ending}"
    export_review(ds, findings(rows), to=reviewer.to, out=out)
    return reviewer(out)


def said(back):
    return {row["finding"]: (row["verdict"], row["basis"]) for row in back.verdicts.to_pylist()}


@by_reviewer
def test_each_proposal_is_judged_by_what_was_done(reviewer, ds, tmp_path):
    rows = rows_of(ds)
    other = [(r["category_id"] + 1) % 3 for r in rows]
    tight = [box_of(r) for r in rows]
    for box in tight:
        box[2] -= 0.3 * (box[2] - box[0])

    def fix(action, n, label=None):
        return {
            "action": action,
            "box": tight[n] if action == "replace_box" else None,
            "category_id": other[n] if label is None else label,
        }

    image = rows[0]["image_id"]
    size = [ds.images[c][image].as_py() for c in ("width", "height")]
    place = [size[0] * 0.1, size[1] * 0.1, size[0] * 0.3, size[1] * 0.3]
    elsewhere = [size[0] * 0.6, size[1] * 0.6, size[0] * 0.9, size[1] * 0.9]
    missing = {"action": "add_box", "box": place, "category_id": 0}
    found = [
        finding(ds, "FL702", annotation=0, fix=fix("drop_box", 0)),  # 0: dropped
        finding(ds, "FL702", annotation=1, fix=fix("drop_box", 1)),  # 1: kept
        finding(ds, "FL703", annotation=2, fix=fix("relabel", 2)),  # 2: as proposed
        finding(ds, "FL703", annotation=3, fix=fix("relabel", 3)),  # 3: to the third class
        finding(ds, "FL703", annotation=4, fix=fix("relabel", 4)),  # 4: dropped
        finding(ds, "FL704", annotation=5, fix=fix("replace_box", 5)),  # 5: moved nearer
        finding(ds, "FL704", annotation=6, fix=fix("replace_box", 6)),  # 6: moved away
        finding(ds, "FL706", annotation=7),  # 7: no proposal; relabelled
        finding(ds, "FL706", annotation=8),  # 8: no proposal; kept
        finding(ds, "FL701", image=image, fix=missing),  # 9: added there
        finding(ds, "FL701", image=image, fix=missing | {"box": elsewhere}),  # 10: not added
        finding(ds, "FL701", image=image, fix=missing | {"category_id": 1}),  # 11: another class
        finding(ds, "FL401", image=image),  # 12: of the picture: says nothing
    ]
    person = sent(reviewer, ds, tmp_path, found)
    in_image = [r["image_id"] for r in rows]
    person.drop(in_image[0], 0)
    person.relabel(in_image[2], 2, CLASSES[other[2]])
    person.relabel(in_image[3], 3, CLASSES[(other[3] + 1) % 3])
    person.drop(in_image[4], 4)
    person.move(in_image[5], 5, tight[5])
    away = box_of(rows[6])
    away[0] += 0.4 * (away[2] - away[0])
    person.move(in_image[6], 6, away)
    person.relabel(in_image[7], 7, CLASSES[other[7]])
    person.add(image, CLASSES[0], place)
    for n in sorted(set(in_image[:9]) | {image}):
        person.check(n)
    back = read_review(ds, person.save())
    assert {k: v[0] for k, v in said(back).items()} == {
        0: "confirmed",
        1: "rejected",
        2: "confirmed",
        3: "other",
        4: "other",
        5: "confirmed",
        6: "other",
        7: "confirmed",
        8: "rejected",
        9: "confirmed",
        10: "rejected",
        11: "other",
    }
    told = {row["code"]: row for row in back.agreement}
    assert told["FL703"]["precision"] == 1
    assert told["FL702"] | {"low": 0, "high": 0} == {
        "code": "FL702",
        "judged": 2,
        "confirmed": 1,
        "other": 0,
        "rejected": 1,
        "precision": 0.5,
        "low": 0,
        "high": 0,
        "expected": 0.8,
    }


@by_reviewer
def test_boxes_are_marked_to_be_ignored(reviewer, ds, tmp_path):
    rows = rows_of(ds)
    found = [finding(ds, "FL706", annotation=n, fix={"action": "mark_ignore"}) for n in range(3)]
    person = sent(reviewer, ds, tmp_path, found)
    person.ignore(rows[0]["image_id"], 0)
    person.drop(rows[1]["image_id"], 1)
    back = read_review(ds, person.save(), reviewed="all")
    assert {r["annotation_id"]: r["action"] for r in back.plan.table.to_pylist()} == {
        0: "mark_ignore",
        1: "drop_box",
    }
    assert {n: verdict for n, (verdict, _) in said(back).items()} == {
        0: "confirmed",
        1: "other",
        2: "rejected",
    }


@by_reviewer
def test_images_that_nobody_looked_at_say_nothing(reviewer, ds, tmp_path):
    rows = rows_of(ds)
    images = sorted({r["image_id"] for r in rows})[:3]
    first = [next(r for r in rows if r["image_id"] == n) for n in images]
    found = [finding(ds, "FL702", annotation=r["annotation_id"]) for r in first]
    person = sent(reviewer, ds, tmp_path, found)
    person.check(images[1])
    person.drop(images[2], first[2]["annotation_id"])
    path = person.save()
    marked = said(read_review(ds, path))
    assert (marked.get(0), marked[1], marked[2]) == (
        None,
        ("rejected", "checked"),
        ("confirmed", "changed"),
    )
    every = said(read_review(ds, path, reviewed="all"))
    assert [every[n] for n in range(3)] == [
        ("rejected", "checked"),
        ("rejected", "checked"),
        ("confirmed", "checked"),
    ]


def test_a_verdict_in_words_counts_over_what_was_done(ds, tmp_path):
    found = [finding(ds, "FL706", annotation=n) for n in range(3)]
    person = sent(CvatReviewer, ds, tmp_path, found)
    told = {0: "right", 1: "wrong"}
    for tag in person.tree.getroot().iter("tag"):
        values = {a.get("name"): a for a in tag}
        if "verdict" in values and int(values["number"].text) in told:
            values["verdict"].text = told[int(values["number"].text)]
    back = said(read_review(ds, person.save()))
    assert (back[0], back[1]) == (("confirmed", "said"), ("rejected", "said"))


def test_intervals_are_wilsons(ds):
    from scipy.stats import binomtest

    for right, n in ((0, 1), (1, 1), (3, 7), (40, 200), (200, 200)):
        table = pa.Table.from_pylist(
            [row("FL701", k, 0.5, k < right) for k in range(n)], schema=ROUND
        )
        (told,) = agreement(table)
        wanted = binomtest(right, n).proportion_ci(method="wilson")
        assert (told["low"], told["high"]) == pytest.approx((wanted.low, wanted.high), abs=1e-12)


# ---- calibration


def row(code, n, score, right, basis="checked", **more):
    return {
        "code": code,
        "finding": n,
        "image_id": n // 2,
        "score": score,
        "verdict": "confirmed" if right else "rejected",
        "basis": basis,
    } | more


def drawn(code, n, seed, a=0.0, b=1.0, **more):
    """Verdicts of a rule whose scores are off by a and b."""
    rng = np.random.default_rng(seed)
    score = rng.uniform(0.02, 0.98, n)
    p = 1 / (1 + np.exp(-(a + b * np.log(score / (1 - score)))))
    right = rng.random(n) < p
    return [row(code, k, float(score[k]), bool(right[k]), **more) for k in range(n)]


def table(rows):
    return pa.Table.from_pylist(rows, schema=ROUND)


def test_the_fit_is_the_most_likely_one():
    """Beside scipy's own search of the same posterior."""
    from scipy.optimize import minimize

    rows = drawn("FL701", 150, 3, a=-1.2, b=0.6)
    fit = calibrate([table(rows)]).rules[0]
    x = np.array([math.log(r["score"] / (1 - r["score"])) for r in rows])
    y = np.array([r["verdict"] == "confirmed" for r in rows], float)

    def loss(v):
        z = v[0] + v[1] * x
        prior = v[0] ** 2 / (2 * 0.7**2) + (v[1] - 1) ** 2 / (2 * 0.3**2)
        return np.sum(np.logaddexp(0, z) - y * z) + prior

    best = minimize(loss, [0, 1], tol=1e-12).x
    assert (fit.intercept, fit.slope) == pytest.approx(tuple(best), abs=1e-5)


def test_many_verdicts_find_the_truth_and_help():
    fit = calibrate([table(drawn("FL704", 4000, 0, a=-1.5, b=0.7))]).rules[0]
    assert (fit.intercept, fit.slope) == pytest.approx((-1.5, 0.7), abs=0.15)
    assert fit.helps
    assert not fit.few
    assert fit.map(fit.least) == pytest.approx(0.5, abs=1e-6)
    assert fit.least == pytest.approx(1 / (1 + math.exp(-1.5 / 0.7)), abs=0.03)


def test_few_verdicts_move_little_and_say_so():
    (fit,) = calibrate([table([row("FL702", n, 0.9, False) for n in range(3)])]).rules
    assert fit.few
    assert 0.5 < fit.map(0.9) < 0.85
    assert fit.loss_after is None
    assert not fit.helps
    text = calibrate([table([row("FL702", n, 0.9, False) for n in range(3)])]).toml()
    assert "Few verdicts" in text
    assert set(tomllib.loads(text)["calibration"]["FL702"]) == {"intercept", "slope"}


def test_right_scores_stay_as_they_are():
    (fit,) = calibrate([table(drawn("FL701", 3000, 9))]).rules
    for score in (0.1, 0.5, 0.9):
        assert fit.map(score) == pytest.approx(score, abs=0.04)


def test_rules_are_fitted_apart_and_rounds_together():
    one = table(drawn("FL701", 400, 1, a=-2) + drawn("FL702", 400, 2, a=2))
    two = table(drawn("FL701", 400, 3, a=-2))
    found = calibrate([one, two], sources=["a", "b"])
    assert [(f.code, f.judged) for f in found.rules] == [("FL701", 800), ("FL702", 400)]
    assert found.rules[0].map(0.5) < 0.25 < 0.75 < found.rules[1].map(0.5)


def test_verdicts_that_are_no_fair_sample_are_left_out():
    rows = drawn("FL701", 100, 1)
    biased = [row("FL701", 500 + n, 0.1, True, basis="changed") for n in range(50)]
    unscored = [row("FL701", 900, None, True)]
    found = calibrate([table(rows + biased + unscored)])
    assert found.rules == calibrate([table(rows)]).rules
    assert sorted(found.left_out.values()) == [1, 50]
    assert all(str(n) in found.toml() for n in (1, 50))
    with pytest.raises(DatasetError, match="no verdict of these rounds can be used: 50"):
        calibrate([table(biased)])
    with pytest.raises(DatasetError, match="all are empty"):
        calibrate([])


def test_a_rule_that_no_score_saves_is_all_info():
    (fit,) = calibrate([table([row("FL706", n, 0.7, n % 20 == 0) for n in range(400)])]).rules
    assert fit.least is None or fit.least > 0.9
    calibration = calibrate([table([row("FL706", n, 0.99, False) for n in range(2000)])])
    assert "least = 1.0" in calibration.toml() or calibration.rules[0].least > 0.99


def test_precision_is_checked():
    with pytest.raises(ValueError, match="precision"):
        calibrate([table(drawn("FL701", 10, 0))], precision=1.0)


def test_check_uses_what_calibrate_writes():
    found = calibrate([table(drawn("FL206", 600, 5, a=-1))])
    settings = configs.parse(tomllib.loads(found.toml()))
    fit = rules.fitted.fits_of(settings, rules.RULES)["FL206"]
    mine = found.rules[0]
    before = pa.Table.from_pylist(
        [
            {"code": "FL206", "severity": "warning", "image_id": n, "score": s, "evidence": e}
            for n, (s, e) in enumerate(
                [(0.9, '{"file": "a"}'), (0.05, "{}"), (mine.least + 1e-3, "{}"), (None, "{}")]
            )
        ],
        schema=schema.FINDINGS,
    )
    after = adjusted(before, fit).to_pylist()
    assert [r["score"] for r in after[:3]] == pytest.approx(
        [mine.map(s) for s in before["score"].to_pylist()[:3]], abs=1e-3
    )
    assert [r["severity"] for r in after] == ["warning", "info", "warning", "warning"]
    assert json.loads(after[0]["evidence"]) == {"file": "a", "raw_score": 0.9}
    assert json.loads(after[1]["evidence"]) == {"raw_score": 0.05}
    assert after[3] == before.to_pylist()[3]
    assert adjusted(before, None) is before


def test_a_second_round_is_fitted_to_the_rules_own_scores(ds, tmp_path):
    """Otherwise a fit would be laid over a fit."""
    rows = [finding(ds, "FL706", annotation=n, score=0.35, raw_score=0.8) for n in range(4)]
    person = sent(REVIEWERS[0], ds, tmp_path, rows)
    back = read_review(ds, person.save(), reviewed="all")
    assert set(back.verdicts["raw_score"].to_pylist()) == {0.8}
    one = calibrate([back.verdicts]).rules[0]
    plain = [row("FL706", n, 0.8, False) for n in range(4)]
    other = calibrate([table(plain)]).rules[0]
    assert (one.intercept, one.slope) == pytest.approx((other.intercept, other.slope))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[calibration.FL999]\nslope = 1.0", "no such rule"),
        ("[calibration.FL206]\nsloop = 1.0", "did you mean 'slope'"),
        ("[calibration.FL206]\nslope = 0", "over 0"),
        ("[calibration.FL206]\nslope = true", "finite number"),
        ("[calibration.FL206]\nintercept = nan", "finite number"),
        ("[calibration.FL206]\nleast = 1.5", "0 to 1"),
        ("calibration = 4", "expected a table"),
    ],
)
def test_a_spoilt_calibration_is_an_error_of_the_settings(text, said):
    with pytest.raises(ConfigError, match=said):
        rules.resolve(configs.parse(tomllib.loads(text)))


def test_findings_of_check_carry_the_fit(ds):
    plain = rules.run(rules.Context(ds, *_stats(ds)), select=["FL204"])
    settings = configs.parse({"calibration": {"FL204": {"intercept": -1.0, "least": 1.0}}})
    fitted = rules.run(rules.Context(ds, *_stats(ds), None, settings), select=["FL204"])
    assert plain.num_rows == fitted.num_rows
    wanted = adjusted(plain, Fit(-1.0, 1.0, 1.0))
    assert sorted(wanted["score"].to_pylist()) == sorted(fitted["score"].to_pylist())


def _stats(ds):
    return schema.IMAGE_STATS.empty_table(), schema.BOX_STATS.empty_table()


# ---- files of a round


def test_a_round_is_found_beside_its_plan(ds, tmp_path):
    rows = rows_of(ds)
    found = [finding(ds, "FL702", annotation=0, fix={"action": "drop_box"})]
    person = sent(REVIEWERS[0], ds, tmp_path, found)
    person.drop(rows[0]["image_id"], 0)
    back = read_review(ds, person.save(), reviewed="all")
    files = back.write(tmp_path / "plan.parquet")
    assert [f.name for f in files] == [
        "plan.parquet",
        "plan.md",
        "plan.changes.parquet",
        "plan.verdicts.parquet",
    ]
    for name in ("plan.parquet", "plan.verdicts.parquet"):
        assert read_round(tmp_path / name).equals(back.verdicts)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda p: p.write_bytes(b"no parquet"), "cannot be read as Parquet"),
        (lambda p: pa.parquet.write_table(pa.table({"a": [1]}), p), "holds no verdicts"),
        (
            lambda p: pa.parquet.write_table(
                table([row("FL701", 1, 0.5, True) | {"verdict": "maybe"}]), p
            ),
            "'maybe'",
        ),
    ],
)
def test_other_files_are_no_rounds(make, said, tmp_path):
    import pyarrow.parquet  # noqa: F401

    make(tmp_path / "x.parquet")
    with pytest.raises(DatasetError, match=said):
        read_round(tmp_path / "x.parquet")
