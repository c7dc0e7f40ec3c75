"""Thumbnails: the right part of the right picture, boxes where the object is."""

from __future__ import annotations

import base64
import os
from pathlib import Path

import cv2
import numpy as np
import pytest

from fastlabel.report.rows import findings_at
from fastlabel.report.thumbnails import Budget, Mark, Thumbnail, _BoxesOf, draw_all
from report.making import Maker


def _draw(maker: Maker, budget: Budget | None = None) -> dict[int, list[Thumbnail]]:
    report = maker.report()
    found = findings_at(report, list(range(report.findings.num_rows)))
    return draw_all(report, found, budget or Budget(100, 10**7))


def _pixels(thumbnail: Thumbnail) -> np.ndarray:
    raw = base64.b64decode(thumbnail.data.partition(",")[2])
    picture = cv2.imdecode(np.frombuffer(raw, np.uint8), cv2.IMREAD_GRAYSCALE)
    assert picture.shape == (thumbnail.height, thumbnail.width)
    return picture


def _subject(thumbnail: Thumbnail) -> Mark:
    (mark,) = [m for m in thumbnail.marks if m.kind == "subject"]
    return mark


def _write(path: Path, picture: np.ndarray, orientation: int = 1) -> None:
    raw = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 95])[1].tobytes()
    # A minimal EXIF block with the orientation tag alone.
    tiff = b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0" + bytes([orientation, 0, 0, 0])
    body = b"Exif\0\0" + tiff + b"\0\0\0\0"
    block = b"\xff\xe1" + (len(body) + 2).to_bytes(2, "big") + body
    path.write_bytes(raw[:2] + block + raw[2:])


def _white_at(mark: Mark, picture: np.ndarray) -> tuple[float, float]:
    """Mean inside the mark, and outside it."""
    inside = np.zeros(picture.shape, bool)
    inside[
        round(mark.y) : round(mark.y + mark.height), round(mark.x) : round(mark.x + mark.width)
    ] = True
    return float(picture[inside].mean()), float(picture[~inside].mean())


@pytest.mark.parametrize("frame", ["stored", "turned"])
@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_the_box_lies_on_the_object_in_the_frame_its_label_expects(
    tmp_path: Path, orientation: int, frame: str
) -> None:
    height, width = 300, 400
    picture = np.zeros((height, width), np.uint8)
    picture[30:130, 60:220] = 255
    maker = Maker(tmp_path)
    _write(tmp_path / "a.jpg", picture, orientation)
    turned = {
        1: picture,
        3: cv2.rotate(picture, cv2.ROTATE_180),
        6: cv2.rotate(picture, cv2.ROTATE_90_CLOCKWISE),
        8: cv2.rotate(picture, cv2.ROTATE_90_COUNTERCLOCKWISE),
    }[orientation]
    # Turning by 180 degrees keeps the size: nothing tells the frames apart, viewers turn.
    seen = picture if frame == "stored" and orientation in (6, 8) else turned
    ys, xs = np.nonzero(seen)
    maker.image("a.jpg", width, height, write=False, orientation=orientation)
    maker.images[0] |= {"width": seen.shape[1], "height": seen.shape[0]}
    corners = (xs.min(), ys.min(), xs.max() + 1, ys.max() + 1)
    box = maker.box(0, *map(float, corners))
    maker.finding("FL204", image=0, annotation=box)
    (thumbnail,) = _draw(maker)[0]
    inside, outside = _white_at(_subject(thumbnail), _pixels(thumbnail))
    assert inside > 240
    assert outside < 12


@pytest.mark.parametrize("size", [(4000, 3000), (640, 480), (300, 2000)])
def test_a_small_box_is_shown_close_by(tmp_path: Path, size: tuple[int, int]) -> None:
    width, height = size
    picture = np.zeros((height, width), np.uint8)
    x, y = int(width * 0.8), int(height * 0.15)
    picture[y : y + 12, x : x + 16] = 255
    _write(tmp_path / "a.jpg", picture)
    maker = Maker(tmp_path)
    maker.image("a.jpg", width, height, write=False)
    box = maker.box(0, x, y, x + 16, y + 12)
    maker.finding("FL301", image=0, annotation=box)
    (thumbnail,) = _draw(maker)[0]
    mark = _subject(thumbnail)
    assert thumbnail.zoom > 2
    assert mark.width > 40
    inside, outside = _white_at(mark, _pixels(thumbnail))
    assert inside > 200
    assert outside < 20
    left, top, wide, high = thumbnail.window
    assert left <= x / width <= left + wide
    assert top <= y / height <= top + high


def test_a_large_box_shows_the_whole_image(tmp_path: Path) -> None:
    maker = Maker(tmp_path)
    maker.image("a.jpg", 800, 600)
    box = maker.box(0, 100, 100, 700, 500)
    maker.box(0, 0, 0, 50, 50, 1)
    maker.finding("FL301", image=0, annotation=box)
    (thumbnail,) = _draw(maker)[0]
    assert thumbnail.zoom == 1
    assert thumbnail.window == (0, 0, 1, 1)
    assert [m.kind for m in thumbnail.marks] == ["other", "subject"]
    scale = thumbnail.width / 800
    assert _subject(thumbnail).width == pytest.approx(600 * scale, abs=0.2)


def test_bad_boxes_do_not_break_a_picture(tmp_path: Path) -> None:
    maker = Maker(tmp_path)
    maker.image("a.jpg")
    rows = [
        maker.box(0, float("nan"), 0, 10, 10),
        maker.box(0, 50, 50, 50, 50),
        maker.box(0, 90, 90, 20, 20),
        maker.box(0, -1e9, -1e9, 1e9, 1e9),
        maker.box(0, 1e12, 1e12, 1e12 + 5, 1e12 + 5),
        maker.box(0, None, None, None, None),
    ]
    for row in rows:
        maker.finding("FL202", "error", 0, row)
    drawn = _draw(maker)
    assert len(drawn) == len(rows)
    for (thumbnail,) in drawn.values():
        assert thumbnail.width <= 360
        for mark in thumbnail.marks:
            assert np.isfinite([mark.x, mark.y, mark.width, mark.height]).all()
            assert mark.width < 5000


def test_boxes_are_found_by_image_wherever_they_stand(tmp_path: Path) -> None:
    maker = Maker(tmp_path)
    for name in ("a.jpg", "b.jpg", "c.jpg"):
        maker.image(name)
    owners = np.random.default_rng(0).integers(0, 3, 40).tolist()
    for at, owner in enumerate(owners):
        maker.box(owner, at, at, at + 20, at + 30)
    ds = maker.report().ds
    boxes = _BoxesOf(ds, [2, 0, 2, -1, 99])
    for image in (0, 2):
        rows = [at for at, owner in enumerate(owners) if owner == image]
        found = boxes.image(image)
        assert found["rows"].tolist() == rows
        assert found["corners"].tolist() == [[at, at, at + 20, at + 30] for at in rows]
    assert len(boxes.image(1)["rows"]) == 0  # it was not asked for


def test_a_pair_of_images_is_shown_side_by_side(tmp_path: Path) -> None:
    maker = Maker(tmp_path)
    maker.image("a.jpg")
    maker.image("b.jpg")
    maker.finding("FL501", image=0, related_images=[0, 1])
    assert len(_draw(maker)[0]) == 2


@pytest.mark.parametrize("status", ["missing", "escaped", "over_limit", "unreadable"])
def test_a_picture_the_scan_refused_is_never_opened(
    tmp_path: Path, status: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    maker = Maker(tmp_path)
    maker.image("a.jpg", status=status)
    maker.finding("FL001", "error", 0)
    monkeypatch.setattr(Path, "read_bytes", lambda self: pytest.fail(f"{self} was opened"))
    assert _draw(maker) == {}


def test_a_link_out_of_the_root_is_never_opened(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    _write(outside / "secret.jpg", np.zeros((40, 40), np.uint8))
    root = tmp_path / "set"
    root.mkdir()
    (root / "a.jpg").symlink_to(outside / "secret.jpg")
    maker = Maker(root)
    maker.image("a.jpg", 40, 40, write=False)
    maker.image("../outside/secret.jpg", 40, 40, write=False)
    maker.finding("FL402", image=0)
    maker.finding("FL402", image=1)
    assert _draw(maker) == {}


def test_a_file_gone_since_the_scan_is_left_out(tmp_path: Path) -> None:
    maker = Maker(tmp_path)
    maker.image("a.jpg", write=False)
    maker.image("b.jpg", write=False)
    (tmp_path / "b.jpg").write_bytes(b"")
    maker.finding("FL402", image=0)
    maker.finding("FL402", image=1)
    assert _draw(maker) == {}


def test_a_truncated_picture_is_shown_and_nothing_is_printed(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    maker = Maker(tmp_path)
    maker.image("a.jpg", 640, 480, status="truncated")
    whole = (tmp_path / "a.jpg").read_bytes()
    (tmp_path / "a.jpg").write_bytes(whole[: len(whole) // 2])
    maker.finding("FL002", "error", 0)
    assert len(_draw(maker)[0]) == 1
    os.write(2, b"still here")
    assert capfd.readouterr().err == "still here"


def test_the_budget_holds_and_is_spent_in_order(tmp_path: Path) -> None:
    maker = Maker(tmp_path)
    for i in range(30):
        maker.image(f"{i}.jpg")
        maker.finding("FL402", image=i)
    assert sorted(_draw(maker, Budget(5, 10**7))) == [0, 1, 2, 3, 4]
    one = len(_draw(maker)[0][0].data)
    spent = Budget(100, one * 3 + 10)
    drawn = _draw(maker, spent)
    assert spent.spent <= one * 3 + 10
    assert sum(len(t.data) for pictures in drawn.values() for t in pictures) == spent.spent
    assert 0 in drawn


def test_an_image_with_very_many_boxes_draws_some_and_counts_the_rest(tmp_path: Path) -> None:
    maker = Maker(tmp_path)
    maker.image("a.jpg")
    for i in range(500):
        maker.box(0, i % 300, 5, i % 300 + 10, 20)
    maker.finding("FL402", image=0)
    (thumbnail,) = _draw(maker)[0]
    assert len(thumbnail.marks) + thumbnail.hidden == 500
    assert len(thumbnail.marks) <= 60


def test_a_proposed_box_is_drawn(tmp_path: Path) -> None:
    """The box to add is the subject; the one to draw anew has it beside."""
    maker = Maker(tmp_path)
    maker.image("a.jpg")
    maker.box(0, 100, 100, 140, 140)
    add = {"action": "add_box", "box": [10, 20, 60, 80], "category_id": 1}
    new = {"action": "replace_box", "box": [110, 100, 150, 140], "category_id": 0}
    maker.finding("FL708", "warning", 0, fix=add)
    maker.finding("FL707", "warning", 0, 0, fix=new)
    maker.finding("FL707", "warning", 0, 0, fix={**new, "box": [1, "x", None, 4]})
    maker.finding("FL707", "warning", 0, 0, fix={**new, "action": "relabel"})
    report = maker.report()
    found = findings_at(report, [0, 1, 2, 3])
    drawn = draw_all(report, found, Budget(10, 10**7))
    kinds = [sorted(m.kind for m in drawn[row][0].marks) for row in range(4)]
    assert kinds == [["other", "subject"], ["related", "subject"], ["subject"], ["subject"]]
    (subject,) = (m for m in drawn[0][0].marks if m.kind == "subject")
    t = drawn[0][0]
    scale = t.width / (320 * t.window[2])
    assert subject.width == pytest.approx(50 * scale, abs=0.2)
    assert subject.label == "car"
