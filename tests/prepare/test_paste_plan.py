"""The plan of pasting: what is wanted is reached, nothing hidden unasked, no split crossed."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from paste_sets import bank_of, tables

from fastlabel import DatasetError, deploy
from fastlabel.prepare.paste.options import Options
from fastlabel.prepare.paste.place import Frame
from fastlabel.prepare.paste.plan import plan_pastes
from fastlabel.prepare.paste.prior import given as given_prior
from fastlabel.prepare.paste.prior import learn

EDGE = deploy.load("edge-640")


def crowd(images: int = 20, per_image: int = 3, seed: int = 0, **more):
    """640 x 640 images with boxes of 60 to 200 px on whole pixels."""
    rng = np.random.default_rng(seed)
    boxes = []
    for image in range(images):
        for _ in range(per_image):
            w, h = rng.integers(60, 200, 2)
            x, y = rng.integers(0, 640 - w), rng.integers(0, 640 - h)
            boxes.append((image, 0, x, y, x + w, y + h))
    return tables([(640, 640)] * images, boxes, **more)


def plan_of(ds, bank=None, targets=None, seed=0, **options):
    options.setdefault("profile", EDGE)
    chosen = range(len(ds)) if targets is None else targets
    return plan_pastes(ds, bank_of(ds) if bank is None else bank, chosen, Options(**options), seed)


def boxes_of(rows):
    return [tuple(int(row[side]) for side in ("x1", "y1", "x2", "y2")) for row in rows]


# ---- sizes and shares --------------------------------------------------------------


@settings(max_examples=40, deadline=None)
@given(
    share=st.floats(0.02, 0.6),
    low=st.floats(0.8, 3),
    ratio=st.floats(1.5, 4),
    per_image=st.integers(1, 4),
    seed=st.integers(0, 1000),
)
def test_the_share_is_reached_with_as_few_pastes_as_it_takes(share, low, ratio, per_image, seed):
    ds = crowd(25, per_image, seed)
    low, high = low, low * ratio
    plan = plan_of(ds, share=share, between=(low, high), seed=seed, max_per_image=50)
    (band,) = plan.bands
    sides = ds.boxes()[:, 2:] - ds.boxes()[:, :2]
    size = np.concatenate([sides.min(axis=1) / 8, plan.table["size_at_input"].to_numpy()])
    inside = np.count_nonzero((size >= low) & (size < high))
    assert band["share_after"] == inside / len(size)
    assert plan.after == len(size)
    assert band["reached"]
    assert inside / len(size) >= share - 1e-9
    if plan.table.num_rows:  # one less would not do
        assert (inside - 1) / (len(size) - 1) < share


def test_a_whole_distribution_is_reached():
    ds = crowd(40, 3)
    wanted = [(1, 2, 0.1), (2, 4, 0.3), (8, 10, 0.2)]
    plan = plan_of(ds, distribution=wanted, max_per_image=20)
    sides = ds.boxes()[:, 2:] - ds.boxes()[:, :2]
    size = np.concatenate([sides.min(axis=1) / 8, plan.table["size_at_input"].to_numpy()])
    for (low, high, share), band in zip(sorted(wanted), plan.bands, strict=True):
        inside = np.count_nonzero((size >= low) & (size < high)) / len(size)
        assert band["share_after"] == inside >= share
        assert inside < share + 0.01


def test_a_count_is_a_count_and_sizes_spread_over_the_band():
    plan = plan_of(crowd(50), count=300, between=(1, 4))
    size = plan.table["size_at_input"].to_numpy()
    assert len(size) == 300
    assert ((size >= 1) & (size < 4)).all()
    # Evenly in the logarithm: as many from 1 to 2 as from 2 to 4.
    assert 110 < np.count_nonzero(size < 2) < 190


def test_crowd_and_ignore_regions_are_not_counted():
    ds = crowd(10, 2, ignore=[at % 2 == 0 for at in range(20)])
    plan = plan_of(ds, share=0.5)
    assert plan.before == 10
    assert plan.table.num_rows == 10


def test_nothing_is_enlarged():
    ds = crowd(30)
    plan = plan_of(ds, count=400, between=(5, 40), max_per_image=40)
    sides = (ds.boxes()[:, 2:] - ds.boxes()[:, :2])[plan.table["instance_id"].to_numpy()]
    made = np.array(boxes_of(plan.table.to_pylist()))
    assert (made[:, 2:] - made[:, :2] <= sides).all()
    assert plan.table["scale"].to_numpy().max() <= 1


def test_a_stretched_input_is_judged_by_the_side_that_is_shorter_there():
    ds = tables([(1280, 320)] * 10, [(at, 0, 10, 10, 210, 110) for at in range(10)])
    profile = deploy.Profile("wide", "custom", 320, 320, "stretch", (8,))
    plan = plan_of(ds, count=20, between=(2, 3), profile=profile)
    for row in plan.table.to_pylist():
        w, h = (row["x2"] - row["x1"]) / 4, row["y2"] - row["y1"]
        assert 2 <= min(w, h) / 8 == row["size_at_input"] < 3


def test_classes_come_by_weight():
    boxes = [(at, at % 3, 10, 10, 110, 110) for at in range(30)]
    ds = tables([(640, 640)] * 30, boxes, classes=("a", "b", "c"))
    plan = plan_of(ds, count=100, classes={"a": 3, "c": 1})
    assert np.bincount(plan.table["category_id"].to_numpy()).tolist() == [75, 0, 25]


# ---- places ------------------------------------------------------------------------


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    limit=st.floats(0.02, 0.9),
    when=st.sampled_from(["refuse", "ignore"]),
)
def test_what_is_hidden_is_what_masks_say(seed, limit, when):
    ds = crowd(3, 8, seed)
    plan = plan_of(
        ds,
        count=60,
        between=(3, 9),
        seed=seed,
        max_hidden=limit,
        when_hidden=when,
        max_on_boxes=1.0,
        max_per_image=30,
    )
    rows = plan.table.to_pylist()
    image_of = ds.column("annotations", "image_id")
    over = set()
    for image in range(3):
        mask = np.zeros((640, 640), np.int32)
        mine = [row for row in rows if row["image_id"] == image]
        for x1, y1, x2, y2 in boxes_of(mine):
            assert 0 <= x1 < x2 <= 640
            assert 0 <= y1 < y2 <= 640
            mask[y1:y2, x1:x2] += 1
        assert mask.max() <= 1, "pastes overlap"
        for at in np.flatnonzero(image_of == image):
            x1, y1, x2, y2 = ds.boxes()[at].astype(int)
            share = (mask[y1:y2, x1:x2] > 0).mean()
            assert plan.hidden.get(int(at), 0.0) == pytest.approx(share, abs=1e-12)
            if share > limit + 1e-9:
                over.add(int(at))
    assert over == set(plan.ignored.tolist())
    if when == "refuse":
        assert not over
    shares = sum(hit["share"] for row in rows for hit in row["hidden"])
    assert shares == pytest.approx(sum(plan.hidden.values()))


def test_pastes_keep_off_boxes():
    ds = crowd(5, 8)
    plan = plan_of(ds, count=40, between=(4, 8), max_on_boxes=0.0, max_per_image=20)
    assert plan.hidden == {}
    assert all(row["hidden"] == [] for row in plan.table.to_pylist())


def test_the_grid_forgets_no_box():
    rng = np.random.default_rng(0)
    corner = rng.uniform(-50, 600, (300, 2))
    boxes = np.concatenate([corner, corner + rng.uniform(1, 200, (300, 2))], axis=1)
    frame = Frame(640, 480, [tuple(b) for b in boxes.tolist()], [False] * 300)
    inside = np.clip(boxes, 0, [640, 480, 640, 480])
    for x, y in rng.uniform(0, 440, (200, 2)):
        w, h = rng.uniform(1, 40, 2)
        low = np.maximum(inside[:, :2], [x, y])
        high = np.minimum(inside[:, 2:], [x + w, y + h])
        area = np.prod(np.clip(high - low, 0, None), axis=1)
        found = dict(frame.covered((x, y, x + w, y + h)))
        assert sorted(found) == np.flatnonzero(area > 0).tolist()
        assert all(found[at] == pytest.approx(area[at]) for at in found)


def test_boxes_that_are_unknown_or_outside_hide_nothing():
    boxes = [(math.nan, 0, 5, 5), (5, 5, 5, 9), (-20, -20, -1, -1), (90, 90, 120, 120)]
    frame = Frame(100, 100, boxes, [False] * 4)
    assert frame.areas == [0, 0, 0, 100]
    assert frame.covered((0, 0, 100, 100)) == [(3, 100)]


# ---- perspective -------------------------------------------------------------------


@pytest.mark.parametrize("n", [60, 400, 5000])
def test_a_planted_perspective_is_learnt_in_spite_of_outliers(n):
    rng = np.random.default_rng(n)
    row = rng.uniform(0.35, 0.95, n)
    log_h = -4.5 + 3.0 * row + rng.normal(0, 0.2, n)
    wrong = rng.random(n) < 0.1
    log_h[wrong] = rng.uniform(-5, -1, np.count_nonzero(wrong))
    seen = learn(np.exp(log_h), row)
    assert seen.kind == "learnt"
    assert seen.slope == pytest.approx(3.0, abs=0.5)
    assert seen.intercept + 0.65 * seen.slope == pytest.approx(-4.5 + 0.65 * 3.0, abs=0.1)
    assert seen.sigma == pytest.approx(0.2, abs=0.1)


def test_the_frame_alone_is_no_perspective():
    """A tall box cannot end high in the frame: that is no reason to put small ones there."""
    rng = np.random.default_rng(1)
    height = rng.uniform(0.05, 0.8, 2000)
    bottom = height + rng.random(2000) * (1 - height)
    assert learn(height, bottom).kind == "rows"


def test_without_a_perspective_rows_are_those_of_the_boxes():
    rng = np.random.default_rng(2)
    bottom = np.concatenate([rng.normal(0.4, 0.03, 300), rng.normal(0.9, 0.03, 300)])
    seen = learn(np.full(600, 0.1), bottom)
    rows = seen.rows(0.1, 4000, np.random.default_rng(3))
    near = (np.abs(rows - 0.4) < 0.12) | (np.abs(rows - 0.9) < 0.12)
    assert near.mean() > 0.9
    assert 0.35 < (rows < 0.65).mean() < 0.65


def test_pastes_stand_where_the_perspective_wants_them():
    rng = np.random.default_rng(4)
    boxes = []
    for image in range(60):
        for _ in range(3):
            bottom = rng.uniform(300, 630)
            h = 640 * math.exp(-5 + 4 * bottom / 640 + rng.normal(0, 0.1))
            x = rng.uniform(0, 500)
            boxes.append((image, 0, x, max(0.0, bottom - h), x + h, bottom))
    ds = tables([(640, 640)] * 60, boxes)
    for band, row in (((3, 4), 0.49), ((8, 9), 0.71)):  # (log(h / 640) + 5) / 4
        plan = plan_of(ds, count=100, between=band, max_on_boxes=1.0, max_hidden=1.0)
        assert plan.priors["cat"]["kind"] == "learnt"
        assert np.median(plan.table["y2"].to_numpy()) / 640 == pytest.approx(row, abs=0.06)


def test_a_height_that_no_row_explains_stands_where_it_is_explained_best():
    seen = given_prior({"slope": 4.0, "intercept": -5.0, "sigma": 0.1})
    assert (seen.rows(0.001, 50, np.random.default_rng(0)) < 0.1).all()
    assert (seen.rows(0.9, 50, np.random.default_rng(0)) > 0.9).all()


# ---- promises ----------------------------------------------------------------------


def test_no_split_is_crossed_and_no_object_meets_itself():
    splits = ["train", "val"] * 15
    ds = crowd(30, 3, splits=splits)
    plan = plan_of(ds, count=150)
    bank = bank_of(ds)
    for row in plan.table.to_pylist():
        source = bank["image_id"][row["instance_id"]].as_py()
        assert splits[source] == splits[row["image_id"]]
        assert source != row["image_id"]
    only = plan_of(ds, targets=[0, 2, 4], count=20)
    assert set(only.table["image_id"].to_pylist()) <= {0, 2, 4}
    assert only.before == 45  # of train alone


def test_same_seed_same_plan_and_another_seed_another():
    ds = crowd(30, 3)
    one, two, other = (plan_of(ds, count=100, seed=seed) for seed in (5, 5, 6))
    assert one.table.equals(two.table)
    assert not one.table.equals(other.table)


def test_the_plan_does_not_hang_on_the_order_of_the_targets():
    ds = crowd(30, 3)
    there = plan_of(ds, count=100)
    back = plan_of(ds, count=100, targets=list(range(29, -1, -1)))
    assert there.table.equals(back.table)


def test_no_image_gets_more_than_its_most():
    plan = plan_of(crowd(10), count=1000, max_per_image=7)
    assert plan.table.num_rows == 70
    (band,) = plan.bands
    assert (band["reached"], band["lacking"]) == (False, 930)
    assert "max_per_image" in band["why_not"]


def test_no_place_left_is_said():
    ds = tables([(64, 64)] * 4, [(at, 0, 0, 0, 64, 64) for at in range(4)])
    plan = plan_of(ds, count=10, between=(1, 20))
    assert plan.table.num_rows == 0
    assert plan.bands[0]["why_not"] == "no place left to paste"
    assert plan.outcomes == {"no free place: every try was on boxes": 12}


def test_no_instance_large_enough_is_said():
    ds = tables([(640, 640)] * 3, [(at, 0, 0, 0, 12, 12) for at in range(3)])
    plan = plan_of(ds, count=10, between=(2, 3))
    assert plan.bands[0]["why_not"] == "no instance is large enough (nothing is enlarged)"


def test_hidden_boxes_that_are_ignored_count_no_more():
    ds = crowd(3, 4)
    plan = plan_of(
        ds, share=0.5, between=(3, 6), max_hidden=0.0, when_hidden="ignore", max_on_boxes=1.0
    )
    assert len(plan.ignored)
    assert plan.after == 12 - len(plan.ignored) + plan.table.num_rows


def test_backgrounds_count_once_they_are_used():
    ds = crowd(4, 2)
    bank = bank_of(ds).slice(0, 4)  # objects of the first two images
    plan = plan_pastes(ds, bank, range(4), Options(count=1, profile=EDGE), 0, backgrounds=[2, 3])
    used = set(plan.table["image_id"].to_pylist()) & {2, 3}
    assert plan.before == 4
    assert plan.after == 4 + 1 + 2 * len(used)


# ---- bad input ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({}, "expected exactly one"),
        ({"count": 1, "share": 0.5}, "got count and share"),
        ({"count": 0}, "count: got 0"),
        ({"count": -5}, "count: got -5"),
        ({"share": 0.0}, "share: got 0"),
        ({"share": 1.0}, "share: got 1"),
        ({"share": math.nan}, "share: got nan"),
        ({"share": 0.2, "between": (3, 1)}, "between: got 3 to 1"),
        ({"share": 0.2, "between": (0, 1)}, "between: got 0 to 1"),
        ({"share": 0.2, "between": (1, math.inf)}, "between: got 1 to inf"),
        ({"share": 0.2, "between": (1, 2, 3)}, "between: got"),
        ({"distribution": ()}, "got no rows"),
        ({"distribution": ((1, 3, 0.2), (2, 4, 0.2))}, "overlap"),
        ({"distribution": ((1, 2, 0.6), (2, 4, 0.4))}, "sum to 1"),
        ({"count": 1, "max_hidden": 1.5}, "max_hidden: got 1.5"),
        ({"count": 1, "max_on_boxes": -1}, "max_on_boxes: got -1"),
        ({"count": 1, "max_per_image": 0}, "max_per_image: got 0"),
        ({"count": 1, "tries": 0}, "tries: got 0"),
        ({"count": 1, "when_hidden": "drop"}, "when_hidden: got 'drop'"),
        ({"count": 1, "placement": "sky"}, "placement: got 'sky'"),
        ({"count": 1, "classes": {}}, "classes: got none"),
        ({"count": 1, "classes": {"cat": -1}}, "expected a weight over 0"),
    ],
)
def test_options_that_mean_nothing(options, said):
    with pytest.raises(ValueError) as caught:
        Options(**options)
    assert said in str(caught.value)


@pytest.mark.parametrize("values", [{"slope": 1}, {"slope": 1, "intercept": 0, "sigma": 0}])
def test_a_prior_that_means_nothing(values):
    with pytest.raises(ValueError, match="placement"):
        plan_of(crowd(2), count=1, placement=values)


def test_an_empty_bank_says_why():
    ds = crowd(4, 2)
    with pytest.raises(DatasetError, match=r"all 8 instances were refused \(8 blurred\)"):
        plan_of(ds, bank_of(ds, [False] * 8), count=5)
    with pytest.raises(DatasetError, match="has no box to take"):
        plan_of(ds, bank_of(ds).slice(0, 0), count=5)


def test_an_unknown_class_and_no_target_are_named():
    with pytest.raises(DatasetError, match="did you mean 'cat'"):
        plan_of(crowd(2), count=5, classes={"cats": 1.0})
    with pytest.raises(DatasetError, match="no image to paste onto"):
        plan_of(crowd(2), count=5, targets=[])


def test_a_bank_of_other_splits_gives_nothing():
    ds = crowd(4, 2, splits=["train", "train", "val", "val"])
    keep = [at < 4 for at in range(8)]
    with pytest.raises(DatasetError, match="nothing goes from one split into another"):
        plan_of(ds, bank_of(ds, keep), count=5, targets=[2, 3])


def test_images_of_unknown_size_are_left_out_and_counted():
    ds = tables([(0, 0), (640, 640), (640, 640)], [(at, 0, 0, 0, 80, 80) for at in range(3)])
    plan = plan_of(ds, count=3)
    assert plan.outcomes["target of unknown size"] == 1
    assert 0 not in plan.table["image_id"].to_pylist()
