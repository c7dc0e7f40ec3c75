"""FL701 to FL706: errors planted one by one in sets whose model is known."""

from __future__ import annotations

import json

import numpy as np
import pytest

import fastlabel as fl
from fastlabel.config import Config
from fastlabel.rules import Context, run
from fastlabel.rules.opinion import opinion

IMAGES = 150


class Scene:
    """Images with three objects each, and a good model that says where they are."""

    def __init__(self, builder, seed=0, images=IMAGES, miss=0.0, jitter=0.02, classes=("a", "b")):
        self.b = builder()
        self.rng = np.random.default_rng(seed)
        for name in classes:
            self.b.category(name)
        self.classes = list(classes)
        self.truth: list[tuple[int, str, np.ndarray]] = []
        self.said: list[tuple[int, str, np.ndarray, float]] = []
        for _ in range(images):
            image = self.b.image()
            for k in range(3):
                x, y = 20 + 200 * k + self.rng.uniform(0, 40), self.rng.uniform(20, 200)
                box = np.array([x, y, x + self.rng.uniform(60, 120), y + self.rng.uniform(60, 120)])
                name = self.classes[int(self.rng.integers(len(self.classes)))]
                self.truth.append((image, name, box.round(1)))
                if self.rng.random() >= miss:
                    self.say(image, name, box, jitter)

    def say(self, image, name, box, jitter=0.02, score=None):
        side = np.tile(box[2:] - box[:2], 2)
        score = self.rng.uniform(0.7, 0.99) if score is None else score
        self.said.append((image, name, box + self.rng.normal(0, jitter, 4) * side, score))
        return len(self.said) - 1

    def label(self, skip=(), **changed):
        """Label all objects but some; ``changed`` maps "name" or "box" to {object: value}."""
        rows = {}
        for at, (image, name, box) in enumerate(self.truth):
            if at in skip:
                continue
            name = changed.get("name", {}).get(at, name)
            rows[at] = self.b.box(image, *changed.get("box", {}).get(at, box), category=name)
        return rows

    def predictions(self, ds, **more):
        ids = {name: k for k, name in enumerate(ds.categories["name"].to_pylist())}
        return fl.Predictions.from_arrays(
            ds,
            np.array([s[0] for s in self.said], np.int64),
            np.array([ids.get(s[1], -1) for s in self.said], np.int64),
            np.array([s[2] for s in self.said]).reshape(-1, 4),
            np.array([s[3] for s in self.said]),
            **more,
        )

    def context(self, config=None, **more):
        made = self.b.context()
        return Context(
            made.ds,
            made.image_stats,
            made.box_stats,
            None,
            config or Config(),
            self.predictions(made.ds, **more),
        )

    def run(self, select="FL7", config=None, **more):
        rows = run(self.context(config, **more), select=select).to_pylist()
        for row in rows:
            row["evidence"] = json.loads(row["evidence"])
            assert 0 <= row["score"] <= 1 and row["message"].endswith(".")
        return rows


@pytest.fixture
def scene(build):
    return lambda **options: Scene(build, **options)


def only(rows, code):
    assert [r["code"] for r in rows if r["code"] != "FL706"] == [code], rows
    return next(r for r in rows if r["code"] == code)


def test_a_clean_set_has_no_findings(scene):
    s = scene()
    s.label()
    assert s.run() == []


def test_a_label_left_out_is_found(scene):
    s = scene()
    s.label(skip=[10])
    row = only(s.run(), "FL701")
    image, name, _ = s.truth[10]
    assert row["image_id"] == image and row["annotation_id"] is None
    assert row["severity"] == "warning" and row["suggestion"] == "relabel"
    fix = row["evidence"]["fix"]
    assert fix["action"] == "add_box" and fix["category"] == name and fix["model"] == "arrays"
    assert fix["category_id"] == s.classes.index(name)
    np.testing.assert_allclose(fix["box"], s.said[10][2], atol=0.006)
    assert row["evidence"]["prediction"] == 10
    assert row["value"] == pytest.approx(s.said[10][3])


def test_a_label_left_out_is_found_also_where_its_object_touches_another(scene):
    s = scene()
    first = len(s.truth)
    for at in range(0, 150, 3):  # every third object has a second one that hides a part of it
        image, name, box = s.truth[at]
        near = (box + np.array([0.6, 0, 0.6, 0]) * (box[2] - box[0])).round(1)  # IoU 0.25
        s.truth.append((image, name, near))
        s.say(image, name, near)
    s.label(skip=[first + 10])
    row = only(s.run(), "FL701")
    assert row["evidence"]["prediction"] == first + 10


def test_a_label_left_out_in_a_crowd_is_suspect_where_others_in_it_are_labelled(scene):
    missing = {}
    for others in ("labelled", "not labelled"):
        s = scene()
        named = s.truth[10][1]
        same = [at for at, (_, name, _) in enumerate(s.truth) if name == named]
        s.label(skip=[10] if others == "labelled" else same[::2] + [10])
        for image in range(IMAGES):
            s.b.box(image, 0, 0, 640, 480, category=named, crowd=True)
        missing[others] = opinion(s.context()).missing[10]
    assert missing["labelled"] > 0.3
    assert missing["not labelled"] < 0.1


def test_a_prediction_that_hardly_lies_on_its_label_may_be_of_an_object_left_out(scene):
    s = scene()
    image, name, box = s.truth[10]
    beside = (box + np.array([0.7, 0, 0.7, 0]) * (box[2] - box[0])).round(1)  # IoU 0.18
    s.truth.append((image, name, beside))  # of the two one has no label, the other no prediction
    s.label(skip=[10])
    missing = opinion(s.context()).missing
    assert missing[10] == missing.max() and 0.1 < missing[10] < 0.9
    assert (np.delete(missing, 10) == 0).all()


def test_a_moved_box_is_found_by_a_prediction_of_another_class(scene):
    s = scene()
    image, name, box = s.truth[10]
    s.said[10] = (image, "b" if name == "a" else "a", *s.said[10][2:])
    moved = box + np.array([0.25, 0, 0.25, 0]) * (box[2] - box[0])
    rows = s.label(box={10: moved.round(1)})
    found = opinion(s.context())
    assert found.misplaced[rows[10]] == found.misplaced.max() > 0.5
    assert found.better[rows[10]] == 10


def test_of_an_object_that_no_model_sees_class_and_box_are_wrong_as_often_as_anywhere(scene):
    s = scene()
    rows = s.label(name={20: "a" if s.truth[20][1] == "b" else "b"})
    del s.said[10]
    found = opinion(s.context())
    for kind in ("swapped", "misplaced"):
        of = getattr(found, kind)
        assert of[rows[10]] == pytest.approx(found.rates[kind]) and 0 < of[rows[10]] < 0.1


def test_a_box_on_nothing_is_found(scene):
    s = scene()
    s.label()
    row = s.b.box(7, 250, 300, 330, 380, category="b")
    found = only(s.run(config=Config(rules={"FL702": {"min_score": 0.3}})), "FL702")
    assert found["annotation_id"] == row and found["image_id"] == 7
    assert found["evidence"]["fix"] == {
        "action": "drop_box", "box": None, "category_id": None, "category": None, "model": None,
    }  # fmt: skip


def test_a_wrong_class_is_found(scene):
    s = scene()
    right = s.truth[20][1]
    rows = s.label(name={20: "b" if right == "a" else "a"})
    found = only(s.run(), "FL703")
    assert found["annotation_id"] == rows[20]
    fix = found["evidence"]["fix"]
    assert fix["action"] == "relabel" and fix["category"] == right and fix["box"] is None
    assert f'"{right}"' in found["message"]


def test_a_box_that_is_off_is_found(scene):
    s = scene()
    moved = {k: s.truth[k][2] + np.array([30, 0, 30, 0]) for k in (30, 60, 90)}
    rows = s.label(box=moved)
    found = s.run(select="FL704")
    assert sorted(r["annotation_id"] for r in found) == sorted(rows[k] for k in moved)
    one = next(r for r in found if r["annotation_id"] == rows[30])
    fix = one["evidence"]["fix"]
    assert fix["action"] == "replace_box"
    np.testing.assert_allclose(fix["box"], s.said[30][2], atol=0.006)
    a, b = moved[30], s.said[30][2]
    w, h = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    iou = w * h / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - w * h)
    assert one["value"] == pytest.approx(iou) and one["threshold"] == 0.9
    assert "(left)" in one["message"] and "outside by" in one["message"]


def test_small_boxes_are_judged_in_pixels(scene):
    # 12 px boxes that the model meets to a hundredth, and labels off by one pixel or by four.
    s = scene(images=0)
    for _ in range(100):
        image = s.b.image()
        x, y = s.rng.uniform(50, 400, 2)
        box = np.array([x, y, x + 12, y + 12])
        s.truth.append((image, "a", box))
        s.say(image, "a", box, jitter=0.001)
    moved = {k: s.truth[k][2] + np.array([1.0, 0, 1, 0]) for k in (10, 20, 30, 40)}
    moved |= {k: s.truth[k][2] + np.array([4.0, 0, 4, 0]) for k in (50, 60, 70, 80)}
    rows = s.label(box=moved)
    found = s.run(select="FL704")
    assert sorted(r["annotation_id"] for r in found) == [rows[k] for k in (50, 60, 70, 80)]
    assert all(r["value"] == pytest.approx(4, abs=0.1) and r["threshold"] == 1.5 for r in found)


def test_a_model_whose_boxes_are_loose_by_habit_accuses_nobody(scene):
    s = scene()
    grown = []
    for image, name, box, score in s.said:
        side = np.tile(box[2:] - box[:2], 2) * np.array([-1, -1, 1, 1]) * 0.1
        grown.append((image, name, box + side, score))
    s.said = grown  # IoU 0.69 with every label
    s.label()
    assert s.run() == []


def test_boxes_that_the_model_is_unsure_of_may_be_off_farther(scene):
    # Half of the boxes are sloppy, and the model knows it: its scores say so.
    s = scene(images=300, jitter=0.01)
    for k in range(0, len(s.said), 2):
        image, name, box, _ = s.said[k]
        s.said[k] = s.said[s.say(image, name, box, 0.1, s.rng.uniform(0.1, 0.4))]
    del s.said[len(s.truth) :]
    moved = {k: s.truth[k][2] + np.array([25, 0, 25, 0]) for k in (31, 61, 91)}
    rows = s.label(box=moved)
    found = {r["annotation_id"] for r in s.run(select="FL704")}
    assert found >= {rows[k] for k in moved}
    sloppy = {rows[k] for k in range(0, len(s.truth), 2)}
    assert len(found & sloppy) <= 0.02 * len(sloppy)


def test_one_label_over_two_objects_is_found_once(scene):
    s = scene()
    image, name, box = s.truth[40]
    other = box + np.array([1.1, 0, 1.1, 0]) * (box[2] - box[0])
    s.say(image, name, other, score=0.95)
    both = np.concatenate([np.minimum(box[:2], other[:2]), np.maximum(box[2:], other[2:])])
    rows = s.label(box={40: both})
    found = only(s.run(), "FL705")
    assert found["annotation_id"] == rows[40] and found["value"] == 2
    assert sorted(found["evidence"]["predictions"]) == [40, len(s.said) - 1]
    assert found["evidence"]["fix"]["action"] == "replace_box"


def test_two_labels_on_one_object_are_found_once(scene):
    s = scene()
    image, name, (x1, y1, x2, y2) = s.truth[41]
    rows = s.label(skip=[41])
    middle = (x1 + x2) / 2
    first = s.b.box(image, x1, y1, middle, y2, category=name)
    second = s.b.box(image, middle, y1, x2, y2, category=name)
    found = only(s.run(), "FL705")
    assert {found["annotation_id"], *found["evidence"]["related_annotations"]} == {first, second}
    assert found["evidence"]["prediction"] == 41
    assert len(rows) == len(s.truth) - 1


def test_what_is_likely_but_not_enough_is_an_unsure_region(scene):
    s = scene()
    s.label(skip=[10])
    sure = only(s.run(), "FL701")["score"]
    config = Config(rules={"FL701": {"min_score": 1.0}, "FL706": {"min_score": 0.3}})
    (row,) = s.run(config=config)
    assert row["code"] == "FL706" and row["severity"] == "info" and row["suggestion"] == "ignore"
    assert row["score"] == sure and row["evidence"]["kind"] == "FL701"
    assert row["evidence"]["fix"]["action"] == "mark_ignore"


class TestQuiet:
    def test_about_classes_that_the_model_does_not_know(self, scene):
        s = scene(classes=("a", "b", "c"))
        # The model says "a" for every "c", and knows only "a" and "b".
        s.said = [(i, "a" if n == "c" else n, box, score) for i, n, box, score in s.said]
        s.said = [row for k, row in enumerate(s.said) if s.truth[k][1] != "c" or k % 2]
        s.label()
        assert s.run(knows=[[0, 1]]) == []
        assert s.run()  # knowing all three it would speak

    def test_about_classes_that_the_set_does_not_have(self, scene):
        s = scene()
        for image in range(0, IMAGES, 2):
            s.say(image, "zebra", np.array([250.0, 300, 330, 380]), score=0.99)
        s.label()
        assert s.run() == []

    def test_about_images_that_the_model_has_not_seen(self, scene):
        s = scene()
        unseen = set(range(0, 30))
        s.said = [row for row in s.said if row[0] not in unseen]
        s.label()
        seen = [sorted(set(range(IMAGES)) - unseen)]
        assert s.run(seen=seen) == []
        assert {r["code"] for r in s.run()} >= {"FL702"}

    @pytest.mark.parametrize("flag", [None, "crowd", "ignore"])
    def test_in_crowd_and_ignore_regions(self, scene, flag):
        s = scene()
        s.label()
        for image, score in ((5, 0.75), (50, 0.9)):
            if flag is not None:
                s.b.box(image, 200, 250, 400, 400, category="a", **{flag: True})
            s.say(image, "a", np.array([250.0, 300, 330, 380]), score=score)
        assert [r["code"] for r in s.run()] == ["FL701"] * (0 if flag else 2)

    @pytest.mark.parametrize("flag", ["crowd", "ignore"])
    def test_a_crowd_takes_the_place_of_labels_of_its_class_alone(self, scene, flag):
        s = scene()
        s.label()
        s.b.box(5, 200, 250, 400, 400, category="b", **{flag: True})
        s.say(5, "a", np.array([250.0, 300, 330, 380]), score=0.9)
        assert [r["code"] for r in s.run()] == (["FL701"] if flag == "crowd" else [])

    def test_an_object_in_two_regions_of_one_image(self, scene):
        s = scene()
        s.label()
        for name, x in (("b", 150), ("a", 400), ("a", 20)):
            s.b.box(9, x, 250, x + 100, 400, category=name, crowd=True)
        for name, x in (("a", 400), ("b", 150), ("a", 20)):
            s.say(9, name, np.array([x + 10.0, 300, x + 80, 380]), score=0.9)
        assert s.run() == []

    def test_where_nothing_was_ever_labelled(self, build):
        b = build()
        b.category("a")
        image = b.image(state="unlabelled")
        made = b.context()
        said = fl.Predictions.from_arrays(made.ds, [image], [0], [[0, 0, 50, 50]], [0.99])
        context = Context(made.ds, made.image_stats, predictions=said)
        assert run(context, select="FL7").num_rows == 0

    def test_without_predictions_and_with_none(self, scene):
        s = scene(images=5)
        s.label()
        assert run(s.b.context(), select="FL7").num_rows == 0
        s.said = []
        assert [r for r in s.run() if r["code"] != "FL702"] == []

    def test_a_weak_model_does_not_flood_the_list(self, scene):
        s = scene(miss=0.4, jitter=0.12)
        for image in range(IMAGES):
            for _ in range(2):
                x, y = s.rng.uniform(0, 500, 2)
                name = s.classes[int(s.rng.integers(2))]
                s.say(image, name, np.array([x, y, x + 80, y + 80]), score=s.rng.uniform(0.05, 0.9))
        s.label()
        rows = [r for r in s.run() if r["code"] != "FL706"]
        assert len(rows) < 0.05 * len(s.truth)


class TestModels:
    def shift(self, s):
        """Say all again, as another model."""
        n = len(s.said)
        for image, name, box, score in list(s.said):
            s.say(image, name, box, 0.01, score)
        return np.repeat([0, 1], n)

    def test_two_that_agree_are_surer_and_speak_once(self, scene):
        s = scene(miss=0.02, seed=3)
        s.label(skip=[10])
        (one,) = [r for r in s.run(select="FL701") if r["evidence"]["prediction"] == 10]
        model = self.shift(s)
        two = s.run(select="FL701", model=model, models=("m", "n"))
        assert len(two) == 1
        assert two[0]["score"] > one["score"]
        assert two[0]["evidence"]["fix"]["model"] in ("m", "n")

    def test_two_that_disagree_are_less_sure(self, scene):
        s = scene(miss=0.0, seed=4)
        right = s.truth[20][1]
        wrong = "b" if right == "a" else "a"
        rows = s.label(name={20: wrong})
        alone = s.context()
        before = opinion(alone).swapped[rows[20]]
        model = self.shift(s)
        image, _, box, score = s.said[len(s.truth) + 20]
        s.said[len(s.truth) + 20] = (image, wrong, box, score)
        both = opinion(s.context(model=model, models=("m", "n")))
        assert both.swapped[rows[20]] < before

    def test_folds_are_one_model(self, scene):
        s = scene(seed=5, miss=0.02)
        s.label(skip=[10], box={50: s.truth[50][2] + 25})
        one = s.run()
        half = IMAGES // 2
        model = np.array([int(row[0] >= half) for row in s.said])
        folds = s.run(
            model=model,
            models=("fold 1", "fold 2"),
            seen=[np.arange(half), np.arange(half, IMAGES)],
        )
        strip = lambda rows: [(r["code"], r["annotation_id"], r["score"]) for r in rows]  # noqa: E731
        assert strip(one) == strip(folds)
        assert folds[0]["evidence"]["fix"]["model"] in ("fold 1", "fold 2")


class TestOrder:
    def test_rows_in_any_order_give_the_same_findings(self, scene):
        s = scene(seed=6, miss=0.03)
        s.label(skip=[10, 70], box={50: s.truth[50][2] + 25})
        first = s.run()
        turned = np.random.default_rng(0).permutation(len(s.said))
        s.said = [s.said[k] for k in turned]
        again = s.run()
        strip = lambda rows: sorted(  # noqa: E731
            (r["code"], r["image_id"], r["annotation_id"] or -1, round(r["score"], 9), r["message"])
            for r in rows
        )
        assert strip(first) == strip(again)

    def test_every_label_is_in_one_finding_at_most(self, scene):
        s = scene(seed=7, miss=0.1, jitter=0.05)
        s.label(skip=range(0, 60, 7), box={k: s.truth[k][2] + 20 for k in range(100, 160, 5)})
        told = [r["annotation_id"] for r in s.run() if r["annotation_id"] is not None]
        assert len(told) == len(set(told))


class TestQuality:
    def test_images_with_errors_are_the_worst(self, scene):
        s = scene(seed=8)
        s.label(skip=[10], box={50: s.truth[50][2] + 30})
        ds = s.b.dataset()
        quality = fl.label_quality(ds, s.predictions(ds))
        assert quality.images.num_rows == IMAGES
        assert quality.labels.num_rows == ds.annotations.num_rows
        worst = np.argsort(quality.images["quality"].to_numpy())[:2]
        assert set(worst.tolist()) == {s.truth[10][0], s.truth[50][0]}
        p = quality.images
        product = np.prod(
            [1 - p[k].to_numpy() for k in ("missing", "spurious", "swapped", "misplaced")], axis=0
        )
        np.testing.assert_allclose(p["quality"].to_numpy(), product)

    def test_the_chance_of_an_image_is_that_of_its_boxes(self, scene):
        s = scene(seed=9, miss=0.1, jitter=0.06)
        s.label()
        ds = s.b.dataset()
        quality = fl.label_quality(ds, s.predictions(ds))
        image = ds.column("annotations", "image_id")
        p = quality.labels["misplaced"].to_numpy()
        for k in (0, 17, IMAGES - 1):
            wanted = 1 - np.prod(1 - p[image == k])
            assert quality.images["misplaced"][k].as_py() == pytest.approx(wanted)
