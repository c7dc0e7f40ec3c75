"""Boxes, polygons and regions against masks whose pixels are moved by formulas of their own."""

from __future__ import annotations

import math
from functools import cache

import numpy as np
import pytest

from fastlabel.augment.mapping import Affine, Lens
from fastlabel.augment.moving import move
from fastlabel.augment.sample import new_sample

#: Samples of a pixel along each axis in the masks.
FINE = 8
W, H = 160, 120


@cache
def looked_up(name):
    """Of each sample of the result: whether and where in the source's mask it comes from."""
    mapping, back = MAPPINGS[name]
    x = (np.arange(mapping.size[0] * FINE) + 0.5) / FINE
    y = (np.arange(mapping.size[1] * FINE) + 0.5) / FINE
    bx, by = back(*np.meshgrid(x, y))
    at_x = np.floor(bx * FINE).astype(np.int64)
    at_y = np.floor(by * FINE).astype(np.int64)
    inside = (at_x >= 0) & (at_y >= 0) & (at_x < W * FINE) & (at_y < H * FINE)
    return inside, at_y[inside] * (W * FINE) + at_x[inside]


def moved_mask(source, name):
    """Which samples of the result lie on the object: each is looked up where it comes from."""
    inside, places = looked_up(name)
    out = np.zeros(inside.shape, bool)
    out[inside] = source.ravel()[places]
    return out


def tight(mask):
    columns, rows = np.flatnonzero(mask.any(axis=0)), np.flatnonzero(mask.any(axis=1))
    if not len(columns):
        return None
    return np.array([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1]) / FINE


def ellipse_mask(box):
    x = (np.arange(W * FINE) + 0.5) / FINE
    y = (np.arange(H * FINE) + 0.5) / FINE
    dx = (x - (box[0] + box[2]) / 2) / ((box[2] - box[0]) / 2)
    dy = (y - (box[1] + box[3]) / 2) / ((box[3] - box[1]) / 2)
    return dx[None, :] ** 2 + dy[:, None] ** 2 <= 1


def polygon_mask(ring):
    """Even-odd, sample by sample."""
    x = (np.arange(W * FINE) + 0.5) / FINE
    y = ((np.arange(H * FINE) + 0.5) / FINE)[:, None]
    inside = np.zeros((H * FINE, W * FINE), bool)
    for (ax, ay), (bx, by) in zip(ring, np.roll(ring, -1, axis=0), strict=True):
        if ay != by:
            meets = ax + (y - ay) / (by - ay) * (bx - ax)
            inside ^= ((ay > y) != (by > y)) & (x[None, :] < meets)
    return inside


def turned(degrees, zoom=1.0):
    """Where a point of the turned picture comes from; torchvision's formula for inverse angles."""
    c, s = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))

    def back(x, y):
        x, y = (x - W / 2) / zoom, (y - H / 2) / zoom
        return c * x - s * y + W / 2, s * x + c * y + H / 2

    return back


def fisheye(fov):
    half, radius = math.radians(fov) / 2, math.hypot(W, H) / 2

    def back(x, y):
        x, y = x - W / 2, y - H / 2
        r = np.hypot(x, y)
        straight = np.tan(r / radius * half) / math.tan(half) * radius
        share = np.where(r > 0, straight / np.maximum(r, 1e-12), 0)
        return x * share + W / 2, y * share + H / 2

    return back


MAPPINGS = {
    "flip": (Affine.flip((W, H)), lambda x, y: (W - x, y)),
    "rotate 10": (Affine.rotation((W, H), 10), turned(10)),
    "rotate -7 zoom": (
        Affine.rotation((W, H), -7, fill_frame=True),
        turned(-7, math.cos(math.radians(7)) + math.sin(math.radians(7)) * W / H),
    ),
    "rotate 35": (Affine.rotation((W, H), 35), turned(35)),
    "crop": (
        Affine.window((W, H), (20, 10, 140, 100), (W, H)),
        lambda x, y: (20 + x * 120 / W, 10 + y * 90 / H),
    ),
    "shrink": (
        Affine.window((W, H), (-20, -15, 180, 135), (W, H)),
        lambda x, y: (-20 + x * 200 / W, -15 + y * 150 / H),
    ),
    "fisheye 60": (Lens((W, H), (W, H), 60.0), fisheye(60)),
    "fisheye 130": (Lens((W, H), (W, H), 130.0), fisheye(130)),
}
#: In the middle, flat, upright, at the edge and in a corner.
BOXES = np.array(
    [[60, 40, 100, 80], [30, 50, 90, 62], [100, 20, 112, 90], [2, 30, 40, 70], [120, 84, 159, 119]],
    np.float64,
)


def star(box):
    """A ring with notches that touches all sides of a box."""
    t = np.linspace(0, 2 * np.pi, 10, endpoint=False)
    unit = np.stack([np.cos(t), np.sin(t)], 1) * np.where(np.arange(10) % 2, 0.75, 1.0)[:, None]
    low, high = unit.min(axis=0), unit.max(axis=0)
    return (unit - low) / (high - low) * (box[2:] - box[:2]) + box[:2]


def blank(**labels):
    return new_sample(np.zeros((H, W, 3), np.uint8), **labels)


@pytest.mark.parametrize("name", MAPPINGS)
@pytest.mark.parametrize("shape", ["ellipse", "polygon"])
def test_boxes_are_tight_around_the_moved_pixels(name, shape):
    mapping, _ = MAPPINGS[name]
    polygons = [[star(box)] for box in BOXES] if shape == "polygon" else None
    made = move(blank(boxes=BOXES, polygons=polygons), mapping, min_visible=0.0)
    found = dict(zip(made.kept.tolist(), made.boxes, strict=True))
    for k, box in enumerate(BOXES):
        mask = ellipse_mask(box) if shape == "ellipse" else polygon_mask(star(box))
        expected = tight(moved_mask(mask, name))
        if expected is None:
            assert k not in found
            continue
        if mapping.straight and shape == "ellipse":
            # A box stays a box, though the ellipse in it may touch the frame's side elsewhere.
            continue
        assert np.abs(found[k] - expected).max() <= 0.5, (k, found[k], expected)


@pytest.mark.parametrize("name", [n for n in MAPPINGS if MAPPINGS[n][0].straight])
def test_straight_mappings_keep_boxes_exactly(name):
    mapping, _ = MAPPINGS[name]
    made = move(blank(boxes=BOXES), mapping, min_visible=0.0)
    for k, box in zip(made.kept.tolist(), made.boxes, strict=True):
        mask = np.zeros((H * FINE, W * FINE), bool)
        x1, y1, x2, y2 = (BOXES[k] * FINE).astype(int)
        mask[y1:y2, x1:x2] = True
        assert np.abs(box - tight(moved_mask(mask, name))).max() <= 1 / FINE
    assert (made.tightness == 1).all()


@pytest.mark.parametrize("name", MAPPINGS)
def test_pixels_go_where_points_go(name):
    """A bright spot in the picture is found where its centre was sent."""
    mapping, _ = MAPPINGS[name]
    for x, y in ((80.5, 60.5), (50.5, 40.5), (110.5, 75.5)):
        image = np.zeros((H, W), np.uint8)
        image[int(y) - 2 : int(y) + 3, int(x) - 2 : int(x) + 3] = 255
        sent = mapping.forward([x, y])
        got = mapping.warp(image, edge=True).astype(np.float64)
        weight = got.sum()
        at = ((np.arange(W) + 0.5) * got.sum(axis=0)).sum() / weight
        down = ((np.arange(H) + 0.5) * got.sum(axis=1)).sum() / weight
        assert abs(at - sent[0]) < 0.15 and abs(down - sent[1]) < 0.15


@pytest.mark.parametrize("name", MAPPINGS)
def test_forward_and_inverse_undo_each_other(name):
    mapping, back = MAPPINGS[name]
    points = np.random.default_rng(0).uniform((0, 0), (W, H), (200, 2))
    assert np.abs(mapping.inverse(mapping.forward(points)) - points).max() < 1e-9
    x, y = points.T
    assert np.abs(mapping.inverse(points) - np.stack(back(x, y), 1)).max() < 1e-9


@pytest.mark.parametrize("name", MAPPINGS)
def test_polygons_and_their_parts_in_the_frame(name):
    mapping, _ = MAPPINGS[name]
    made = move(blank(boxes=BOXES, polygons=[[star(b)] for b in BOXES]), mapping, min_visible=0.0)
    for k, rings in zip(made.kept.tolist(), made.polygons, strict=True):
        truth = moved_mask(polygon_mask(star(BOXES[k])), name)
        area = 0.0
        for ring in rings:
            x, y = ring.T
            area += abs((x * np.roll(y, -1) - y * np.roll(x, -1)).sum()) / 2
            assert ring.min() >= 0 and (ring <= (W, H)).all()
        assert area == pytest.approx(truth.sum() / FINE**2, rel=0.03, abs=2)


@pytest.mark.parametrize("name", MAPPINGS)
def test_regions_to_ignore_cover_all_that_they_covered(name):
    mapping, _ = MAPPINGS[name]
    made = move(blank(ignore=BOXES), mapping, min_visible=0.0)
    regions = dict(zip(made.ignore_from.tolist(), made.ignore, strict=True))
    for k, box in enumerate(BOXES):
        mask = np.zeros((H * FINE, W * FINE), bool)
        x1, y1, x2, y2 = (box * FINE).astype(int)
        mask[y1:y2, x1:x2] = True
        expected = tight(moved_mask(mask, name))
        if expected is None:
            assert k not in regions
        else:
            assert np.abs(regions[k] - expected).max() <= 0.5


@pytest.mark.parametrize("name", MAPPINGS)
def test_oriented_boxes_follow_their_objects(name):
    mapping, _ = MAPPINGS[name]
    t = math.radians(25)
    along, across = (
        np.array([math.cos(t), math.sin(t)]) * 25,
        np.array([-math.sin(t), math.cos(t)]) * 8,
    )
    centre = np.array([80.0, 60.0])
    corners = np.array(
        [centre + p * along + q * across for p, q in ((-1, -1), (1, -1), (1, 1), (-1, 1))]
    )
    box = [*corners.min(axis=0), *corners.max(axis=0)]
    made = move(blank(boxes=[box], obb=corners[None]), mapping, min_visible=0.0)
    got = made.obb[0]
    sides = np.roll(got, -1, axis=0) - got
    assert abs(sides[0] @ sides[1]) < 1e-6 * (sides**2).sum()  # a rectangle
    assert sides[0][0] * sides[1][1] - sides[0][1] * sides[1][0] > 0  # of the same sense
    # Every point of the object's ellipse is inside, and each side touches it.
    turn = np.linspace(0, 2 * np.pi, 720)[:, None]
    points = mapping.forward(centre + np.cos(turn) * along + np.sin(turn) * across)
    for k in range(4):
        out = np.array([sides[k][1], -sides[k][0]]) / np.linalg.norm(sides[k])
        reach = ((points - got[k]) @ out).max()
        assert abs(reach) < 0.3


def test_a_square_turned_by_ten_degrees_loses_a_quarter():
    made = move(blank(boxes=BOXES[:1]), Affine.rotation((W, H), 10), min_visible=0.0)
    assert made.tightness[0] == pytest.approx(0.745, abs=0.001)
    assert made.notes["tightness_lost"] == pytest.approx(0.255, abs=0.001)
    assert made.boxes[0] == pytest.approx([60, 40, 100, 80])  # a circle stays one


def test_a_polygon_that_is_of_something_else_is_not_the_box_outline():
    ring = np.array([[62, 42], [66, 42], [66, 46]], np.float64)
    made = move(
        blank(boxes=BOXES[:1], polygons=[[ring]]), Affine.rotation((W, H), 10), min_visible=0
    )
    assert made.boxes[0] == pytest.approx([60, 40, 100, 80])


def test_what_is_hardly_seen_is_ignored_and_what_is_not_seen_is_gone():
    mapping = Affine.window((W, H), (30, 0, 160, 120), (W, H))
    boxes = [[0, 10, 20, 30], [0, 10, 40, 30], [20, 10, 60, 30], [80, 10, 90, 30]]
    made = move(blank(boxes=boxes), mapping, min_visible=0.3)
    assert made.kept.tolist() == [2, 3]
    assert made.ignore_from.tolist() == [-2]
    assert made.ignore[0] == pytest.approx([0, 10, 10 * W / 130, 30])
    assert made.notes == {"ignored": 1, "gone": 1}


def test_lens_has_no_made_up_pixels_and_keeps_the_corners():
    lens = Lens((W, H), (W, H), 150.0)
    ends = lens.inverse([[0.5, 0.5], [W / 2, 0.5], [0.5, H / 2], [W - 0.5, H - 0.5]])
    assert (ends >= 0).all() and (ends <= (W, H)).all()
    assert lens.forward([0, 0]) == pytest.approx([0, 0], abs=1e-9)


def test_shapes_of_pictures():
    for shape in ((H, W), (H, W, 1), (H, W, 3), (H, W, 4)):
        image = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
        for name, (mapping, _) in MAPPINGS.items():
            made = mapping.warp(image)
            assert made.shape == (*mapping.size[::-1], *shape[2:]), name
            assert made.flags.c_contiguous and not np.shares_memory(made, image)
    with pytest.raises(ValueError, match="image: got 4 x 3"):
        MAPPINGS["flip"][0].warp(np.zeros((3, 4), np.uint8))


@pytest.mark.parametrize("name", [n for n in MAPPINGS if not MAPPINGS[n][0].straight])
def test_the_upright_box_of_an_oriented_one_is_around_its_ellipse(name):
    mapping, _ = MAPPINGS[name]
    t = math.radians(-50)
    along = np.array([math.cos(t), math.sin(t)]) * 24
    across = np.array([-math.sin(t), math.cos(t)]) * 7
    centre = np.array([70.0, 55.0])
    signs = ((-1, -1), (1, -1), (1, 1), (-1, 1))
    corners = np.array([centre + p * along + q * across for p, q in signs])
    box = [*corners.min(axis=0), *corners.max(axis=0)]
    made = move(blank(boxes=[box], obb=corners[None]), mapping, min_visible=0.0)
    x, y = np.meshgrid((np.arange(W * FINE) + 0.5) / FINE, (np.arange(H * FINE) + 0.5) / FINE)
    u = ((x - 70) * along[0] + (y - 55) * along[1]) / 24**2
    v = ((x - 70) * across[0] + (y - 55) * across[1]) / 7**2
    expected = tight(moved_mask(u**2 + v**2 <= 1, name))
    assert np.abs(made.boxes[0] - expected).max() <= 0.5


def test_objects_that_reach_around_corners_of_the_frame():
    """Of these, no corner of their own is in the frame."""
    mapping = Affine.rotation((W, H), 5)
    rings = [
        np.array([[-300, -300], [60, -300], [60, 400], [-300, 400]], np.float64),  # the left
        np.array([[-300, -300], [500, -300], [500, 400], [-300, 400]], np.float64),  # all of it
        np.array([[-300, -300], [500, -300], [500, 50], [-300, 50]], np.float64),  # the top
        np.array([[-300, 400], [500, 400], [500, 130], [-300, 130]], np.float64),  # hardly any
    ]
    boxes = [[*ring.min(axis=0), *ring.max(axis=0)] for ring in rings]
    made = move(blank(boxes=boxes, polygons=[[ring] for ring in rings]), mapping, min_visible=0.0)
    x, y = np.meshgrid((np.arange(W * 4) + 0.5) / 4, (np.arange(H * 4) + 0.5) / 4)
    found = dict(zip(made.kept.tolist(), made.boxes.tolist(), strict=True))
    bx, by = turned(5)(x, y)
    for k, ring in enumerate(rings):
        (x1, y1), (x2, y2) = ring.min(axis=0), ring.max(axis=0)
        inside = (bx >= x1) & (bx <= x2) & (by >= y1) & (by <= y2)
        columns, rows = np.flatnonzero(inside.any(axis=0)), np.flatnonzero(inside.any(axis=1))
        if len(columns):
            seen = np.array([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1]) / 4
            assert np.abs(found[k] - seen).max() <= 0.5, k
        else:
            assert k not in found
