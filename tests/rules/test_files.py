"""FL0: each status, name and orientation gives its finding, and good ones give none."""

from __future__ import annotations

import pytest


@pytest.mark.parametrize(
    ("status", "code", "severity"),
    [
        ("unreadable", "FL001", "error"),
        ("unsupported", "FL001", "error"),
        ("corrupt", "FL001", "warning"),
        ("truncated", "FL002", "error"),
        ("missing", "FL004", "error"),
        ("escaped", "FL005", "error"),
        ("over_limit", "FL006", "error"),
    ],
)
def test_each_bad_status_is_one_finding_of_its_rule(build, status, code, severity):
    b = build()
    b.image("good.jpg", state="labelled_empty")
    bad = b.image("bad.jpg", status=status, status_detail="why\nso", state="labelled_empty")
    rows = b.run("FL0")
    assert [(r["code"], r["severity"], r["image_id"]) for r in rows] == [(code, severity, bad)]
    assert '"bad.jpg"' in rows[0]["message"]
    assert rows[0]["evidence"]["file"] == "bad.jpg"


def test_ok_files_give_nothing(build):
    b = build()
    b.image()
    assert b.run("FL0") == []


@pytest.mark.parametrize(
    ("name", "content", "lies"),
    [
        ("a.jpg", "png", True),
        ("a.PNG", "jpeg", True),
        ("a.bmp", "jpeg", True),
        ("a.mpo", "png", True),
        ("a.jpg", "jpeg", False),
        ("a.JPEG", "jpeg", False),
        ("a.jfif", "jpeg", False),
        ("a.jpg", "mpo", False),
        ("a.mpo", "jpeg", False),
        ("a.tif", "tiff", False),
        ("a.dat", "png", False),
        ("a", "png", False),
        ("a.jpg", None, False),
    ],
)
def test_extension_lies(build, name, content, lies):
    b = build()
    b.image(name, format=content)
    rows = b.run("FL003")
    assert len(rows) == lies
    if lies:
        assert rows[0]["severity"] == "warning"
        assert rows[0]["evidence"]["format"] == content


def test_missing_image_tells_how_many_boxes_are_lost(build):
    b = build()
    i = b.image("gone.png", status="missing")
    b.box(i, 0, 0, 10, 10)
    b.box(i, 0, 0, 20, 10)
    (row,) = b.run("FL004")
    assert "2 boxes" in row["message"]


def test_missing_split_is_a_warning_about_the_set_that_names_it(build):
    b = build("yolo")
    b.problem("missing-split", file="data.yaml", line=3, value="test")
    (row,) = b.run("FL004")
    assert (row["severity"], row["image_id"]) == ("warning", None)
    assert '"test"' in row["message"]
    assert row["evidence"] == {"file": "data.yaml", "line": 3, "split": "test"}


def test_without_any_declared_split_it_is_an_error(build):
    for declared, severity in ((["train"], "error"), (["train", "val"], "warning")):
        b = build("yolo", declared_splits=declared)
        b.problem("missing-split", file="data.yaml", line=3, value="train")
        assert [row["severity"] for row in b.run("FL004")] == [severity]


def test_an_escaped_image_with_a_problem_is_one_finding(build):
    b = build()
    i = b.image("../../etc/passwd", status="escaped")
    j = b.image("/abs.jpg", status="escaped")
    b.problem(
        "path-escape", image_id=i, file="a.json", pointer="/images/0", value="../../etc/passwd"
    )
    b.problem(
        "path-escape", image_id=i, file="a.json", pointer="/images/7", value="../../etc/passwd"
    )
    rows = b.run("FL005")
    assert [r["image_id"] for r in rows] == [i, j]
    assert rows[0]["evidence"]["pointer"] == "/images/0"


def test_escapes_that_belong_to_no_image_are_each_told(build):
    b = build("yolo")
    b.problem("path-escape", file="data.yaml", line=1, value="C:\\data")
    b.problem("path-escape", file="data.yaml", line=2, value="/other")
    rows = b.run("FL005")
    assert [r["evidence"]["line"] for r in rows] == [1, 2]
    assert "/other" in rows[1]["message"]


class TestExifRotated:
    def test_no_tag_no_finding(self, build):
        b = build()
        b.image(orientation=1)
        b.image(orientation=None, state="unlabelled")
        assert b.run("FL007") == []

    @pytest.mark.parametrize(
        ("declared", "box", "size_fit", "box_fit", "severity"),
        [
            ((1200, 1800), (0, 1300, 100, 1700), "stored", "stored", "error"),
            ((1800, 1200), (1300, 0, 1700, 100), "turned", "turned", "error"),
            ((1800, 1200), (0, 1300, 100, 1700), "turned", "stored", "error"),
            ((1200, 1800), (0, 0, 100, 100), "stored", "both", "warning"),
            ((1200, 1800), (1300, 1300, 1700, 1700), "stored", "neither", "warning"),
            ((640, 480), (0, 0, 100, 100), "neither", "both", "warning"),
            # border: half a pixel over the stored edge still fits it
            ((1200, 1800), (0, 0, 1200.5, 100), "stored", "both", "warning"),
            ((1200, 1800), (0, 0, 1200.6, 100), "stored", "turned", "error"),
        ],
    )
    def test_says_which_reading_fits(self, build, declared, box, size_fit, box_fit, severity):
        b = build()
        i = b.image(width=declared[0], height=declared[1], orientation=6)
        b.image_stats[0].update(width=1200, height=1800)
        b.box(i, *box)
        (row,) = b.run("FL007")
        assert row["severity"] == severity
        assert row["evidence"]["declared_size_fits"] == size_fit
        assert row["evidence"]["boxes_fit"] == box_fit
        assert row["value"] == 6

    def test_without_labels_it_is_only_info(self, build):
        b = build("images")
        b.image(orientation=8, size_source="decoded", state="unlabelled")
        (row,) = b.run("FL007")
        assert row["severity"] == "info"

    def test_a_declared_size_alone_is_a_warning(self, build):
        b = build()
        b.image(orientation=3, state="labelled_empty")
        (row,) = b.run("FL007")
        assert (row["severity"], row["evidence"]["declared_size_fits"]) == ("warning", "both")

    def test_fractions_fit_both_readings(self, build):
        b = build("yolo")
        i = b.image(width=1800, height=1200, size_source="exif", orientation=6)
        b.image_stats[0].update(width=1200, height=1800)
        b.box(i, 1300, 0, 1700, 100)
        (row,) = b.run("FL007")
        assert (row["severity"], row["evidence"]["boxes_fit"]) == ("warning", "both")

    def test_mirrored_pictures_fit_both(self, build):
        b = build()
        i = b.image(orientation=2)
        b.box(i, 0, 0, 600, 400)
        (row,) = b.run("FL007")
        assert (row["severity"], row["evidence"]["boxes_fit"]) == ("warning", "both")

    def test_boxes_without_numbers_say_nothing(self, build):
        b = build("voc")
        i = b.image(size_source="decoded", orientation=6)
        b.box(i, None, None, None, None)
        (row,) = b.run("FL007")
        assert (row["severity"], row["evidence"]["boxes_fit"]) == ("info", "")
