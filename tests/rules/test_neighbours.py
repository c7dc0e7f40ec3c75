"""FL708: what the frames around a picture say of its boxes."""

from __future__ import annotations

import pytest


@pytest.fixture
def film(build):
    """Five frames of a car that moves a little, and a person who stands still."""

    def make(frames: int = 5, phashes=None):
        b = build()
        for k in range(frames):
            b.image(phash=0xF0F0 ^ (phashes[k] if phashes else 0))
        return b

    def fill(b, frame, car=True, person="person"):
        if car:
            b.box(frame, 100 + 4 * frame, 100, 200 + 4 * frame, 160, "car")
        if person:
            b.box(frame, 400, 100, 440, 220, person)

    make.fill = fill
    return make


def found(b):
    return [
        (f["image_id"], f["evidence"]["fix"]["action"], f["evidence"]["fix"]["category"])
        for f in b.run("FL708")
    ]


def test_frames_that_agree_are_quiet(film):
    b = film()
    for k in range(5):
        film.fill(b, k)
    assert found(b) == []


def test_a_thing_that_one_frame_lacks(film):
    b = film()
    for k in range(5):
        film.fill(b, k, car=k != 2)
    (finding,) = b.run("FL708")
    fix = finding["evidence"]["fix"]
    assert (finding["image_id"], finding["annotation_id"]) == (2, None)
    assert (fix["action"], fix["category"]) == ("add_box", "car")
    assert fix["box"] == [108.0, 100.0, 208.0, 160.0]  # half-way between frames 1 and 3
    assert finding["evidence"]["related_images"] == [1, 3]
    assert finding["score"] == 0.7


def test_a_thing_that_only_one_frame_has(film):
    b = film()
    for k in range(5):
        film.fill(b, k)
    ghost = b.box(3, 500, 300, 560, 380, "car")
    (finding,) = b.run("FL708")
    assert finding["annotation_id"] == ghost
    assert finding["evidence"]["fix"]["action"] == "drop_box"


def test_a_class_that_changes_for_one_frame(film):
    b = film()
    for k in range(5):
        film.fill(b, k, person="dog" if k == 1 else "person")
    (finding,) = b.run("FL708")
    assert finding["image_id"] == 1
    assert finding["suggestion"] == "relabel"
    assert finding["evidence"]["fix"]["category"] == "person"


def test_ends_of_a_film_are_not_judged(film):
    b = film()
    for k in range(5):
        film.fill(b, k, car=k not in (0, 4))
    assert found(b) == []


def test_two_near_copies_and_no_third(film):
    b = film(2)
    film.fill(b, 0)
    film.fill(b, 1, person="dog")
    lonely = b.box(0, 500, 300, 560, 380, "car")
    told = b.run("FL708")
    assert {f["score"] for f in told} == {0.4}
    fixes = {f["image_id"]: f["evidence"]["fix"] for f in told}
    assert fixes[0] is None  # either picture may be right
    assert fixes[1]["action"] == "relabel"
    assert {f["annotation_id"] for f in told if f["image_id"] == 0} == {lonely}


def test_pictures_that_are_not_near_or_not_of_one_size_are_not_compared(film):
    b = film(3, phashes=[0, 0xFFFF, 0])
    for k in range(3):
        film.fill(b, k, car=k != 1)
    assert found(b) == []
    b = film(3)
    b.images[1]["width"] = 320
    for k in range(3):
        film.fill(b, k, car=k != 1)
    assert found(b) == []


def test_unlabelled_frames_and_crowds_say_nothing(film):
    b = film(3)
    for k in range(3):
        film.fill(b, k, car=k != 1)
    b.images[1]["label_state"] = "missing"
    assert found(b) == []
    b = film(3)
    for k in range(3):
        b.box(k, 0, 0, 50, 50, "car", crowd=True) if k != 1 else None
    assert found(b) == []


def test_a_crowd_gives_one_thing_once(film):
    b = film(3)
    for k in (0, 2):
        for shift in (0, 4, 8):
            b.box(k, 100 + shift, 100, 200 + shift, 160, "car")
    film.fill(b, 1, car=False)
    for k in (0, 2):
        film.fill(b, k, car=False)
    boxes = [f["evidence"]["fix"]["box"] for f in b.run("FL708")]
    assert sorted(boxes) == [[100.0 + s, 100.0, 200.0 + s, 160.0] for s in (0, 4, 8)]


def test_pictures_of_very_many_boxes_are_counted(film, monkeypatch):
    from fastlabel.rules import neighbours

    monkeypatch.setattr(neighbours, "MOST_BOXES", 2)
    b = film(3)
    for k in range(3):
        film.fill(b, k, car=k != 1)
    for _ in range(2):
        film.fill(b, 1)
    context = b.context()
    from fastlabel.rules import run

    assert run(context, ["FL708"]).num_rows == 0
    assert context.unjudged["FL708"] == 1


def test_degenerate_boxes_are_left_alone(film):
    b = film(3)
    for k in range(3):
        film.fill(b, k)
        b.box(k, 10, 10, 10, 10, "car")
        b.box(k, float("nan"), 0, 5, 5, "car")
    assert found(b) == []


def test_near_copies_without_any_labels(build):
    b = build()
    for _ in range(3):
        b.image(phash=0xF0F0, label_state="unlabelled")
    assert found(b) == []
