"""Windows over images and boxes cut by them, against plain loops and shapely."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fastlabel as fl
from fastlabel.boxes.tiles import TileGrid


def sahi_starts(length: int, size: int, overlap: int) -> list[tuple[int, int]]:
    """The slices of one side as SAHI lays them: the last one moved back inside."""
    out, end = [], 0
    start = 0
    while end < length:
        end = start + size
        if end > length:
            out.append((max(0, length - size), length))
        else:
            out.append((start, end))
        start = end - overlap
    return out


sides = st.integers(1, 700)
shares = st.sampled_from([0, 0.1, 0.2, 0.25, 0.5, 0.9, 0.99, "0px", "7px"])


@given(sides, sides, st.integers(8, 300), shares)
@settings(max_examples=300, deadline=None)
def test_windows_are_those_that_others_lay(height, width, size, overlap):
    pixels = 7 if overlap == "7px" else 0 if overlap == "0px" else int(overlap * size)
    want = [
        [x1, y1, x2, y2]
        for y1, y2 in sahi_starts(height, size, pixels)
        for x1, x2 in sahi_starts(width, size, pixels)
    ]
    assert fl.tile_windows(height, width, size, overlap).tolist() == want


@given(sides, sides, st.integers(1, 300), st.integers(1, 300), shares.filter(lambda s: s != "7px"))
@settings(max_examples=200, deadline=None)
@pytest.mark.parametrize("anchor", ["origin", "center"])
@pytest.mark.parametrize("last", ["shift", "pad"])
def test_windows_cover_every_pixel_with_the_fewest(anchor, last, height, width, h, w, overlap):
    windows = fl.tile_windows(height, width, (h, w), overlap, anchor=anchor, last=last)
    for low, high, length, size in ((0, 2, width, w), (1, 3, height, h)):
        spans = sorted({(a, b) for a, b in windows[:, [low, high]].tolist()})
        share = 0 if isinstance(overlap, str) else int(overlap * size)
        step = size - share
        assert len(spans) == (1 if length <= size else math.ceil((length - size) / step) + 1)
        assert spans[0][0] <= 0
        assert spans[-1][1] >= length
        for (a, b), (c, _) in zip(spans, spans[1:], strict=False):
            assert a < c <= b - share
        if last == "pad":
            assert all(b - a == size for a, b in spans)
            left, right = -spans[0][0], spans[-1][1] - length
            assert left == ((left + right) // 2 if anchor == "center" else 0)
        else:
            assert all(a >= 0 and b <= length and b - a == min(size, length) for a, b in spans)


def test_a_tile_larger_than_the_image_is_the_image_or_padded():
    assert fl.tile_windows(48, 64, 640).tolist() == [[0, 0, 64, 48]]
    assert fl.tile_windows(48, 64, 640, last="pad").tolist() == [[0, 0, 640, 640]]
    centred = fl.tile_windows(48, 64, (50, 70), last="pad", anchor="center")
    assert centred.tolist() == [[-3, -1, 67, 49]]


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"size": 0}, "size: got 0"),
        ({"size": (640, 0)}, r"size\[1\]: got 0"),
        ({"size": (1, 2, 3)}, "size: got 3 values"),
        ({"size": 2**31 + 1}, "size: got 2147483649"),
        ({"overlap": 1}, "write '1px'"),
        ({"overlap": 1.0}, "overlap: got 1.0"),
        ({"overlap": 128}, "write '128px'"),
        ({"overlap": -0.1}, "overlap: got -0.1"),
        ({"overlap": math.nan}, "overlap: got nan"),
        ({"overlap": math.inf}, "overlap: got inf"),
        ({"overlap": "640px"}, "leaves no step"),
        ({"overlap": "-3px"}, "expected a share"),
        ({"overlap": "20%"}, "expected a share"),
        ({"anchor": "middle"}, "anchor: got 'middle'"),
        ({"last": "drop"}, "last: got 'drop'"),
        ({"height": 0}, "height: got 0"),
        ({"width": -3}, "width: got -3"),
    ],
)
def test_arguments_that_make_no_grid(arguments, text):
    with pytest.raises(ValueError, match=text):
        fl.tile_windows(**{"height": 480, "width": 640, **arguments})


def test_words_and_fractions_are_no_sizes():
    with pytest.raises(TypeError, match="size: got"):
        fl.tile_windows(480, 640, "640")
    with pytest.raises(TypeError, match="height: got"):
        fl.tile_windows(480.5, 640)
    with pytest.raises(TypeError, match="overlap: got"):
        fl.tile_windows(480, 640, 64, None)


def test_too_many_windows_are_counted_and_never_made():
    with pytest.raises(ValueError, match=r"got 4,611,686,0\d\d,\d\d\d,\d\d\d,\d\d\d windows"):
        fl.tile_windows(2**31, 2**31, 2, "1px")
    assert len(fl.tile_windows(1000, 1000, 1, max_tiles=1_000_000)) == 1_000_000
    with pytest.raises(ValueError, match="1,001,000 windows"):
        fl.tile_windows(1001, 1000, 1)


# ---- clipping ---------------------------------------------------------------------------


def clipped_by_loops(boxes, windows, size):
    """(window, box, corners in the tile, share) of every pair that meets."""
    out = []
    for t, window in enumerate(windows):
        for k, box in enumerate(boxes):
            corners, share = np.empty(4), 1.0
            for axis in (0, 1):
                a, b = float(box[axis]), float(box[axis + 2])
                start, end = int(window[axis]), int(window[axis + 2])
                if not (math.isfinite(a) and math.isfinite(b)) or b < a:
                    break
                if a == b:
                    if not (0 <= a < size[axis] and start <= a < end):
                        break
                    low = high = a
                else:
                    a, b = max(a, 0), min(b, size[axis])
                    low, high = max(a, start), min(b, end)
                    if low >= high:
                        break
                    share *= (high - low) / (b - a)
                corners[axis], corners[axis + 2] = low - start, high - start
            else:
                out.append((t, k, corners.tolist(), share))
    return out


coordinates = st.one_of(
    st.integers(-20, 120),
    st.floats(-20, 120, width=64),
    st.sampled_from([math.nan, math.inf, -math.inf, 1e300, -1e300, 5e-324]),
)


@st.composite
def scenes(draw):
    boxes = draw(st.lists(st.tuples(*[coordinates] * 4), max_size=12))
    kind = draw(st.sampled_from(["grid", "any"]))
    width, height = draw(st.integers(1, 100)), draw(st.integers(1, 100))
    if kind == "grid":
        grid = {
            "size": (draw(st.integers(5, 60)), draw(st.integers(5, 60))),
            "overlap": draw(st.sampled_from([0, 0.2, 0.7])),
            "anchor": draw(st.sampled_from(["origin", "center"])),
            "last": draw(st.sampled_from(["shift", "pad"])),
        }
        windows = fl.tile_windows(height, width, **grid)
    else:
        ends = st.tuples(st.integers(-9, 99), st.integers(1, 60))
        rows = draw(st.lists(st.tuples(ends, ends), max_size=9))
        windows = np.array([[x, y, x + w, y + h] for (x, w), (y, h) in rows]).reshape(-1, 4)
        windows = windows.astype(np.int64)
    return np.array(boxes, np.float64).reshape(-1, 4), windows, (width, height)


@given(st.lists(scenes(), min_size=1, max_size=4), st.integers(0, 3))
@settings(max_examples=300, deadline=None)
def test_clipped_boxes_are_those_of_plain_loops(images, workers):
    boxes = np.concatenate([b for b, _, _ in images])
    windows = np.concatenate([w for _, w, _ in images])
    rows = np.cumsum([0, *(len(b) for b, _, _ in images)])
    cuts = np.cumsum([0, *(len(w) for _, w, _ in images)])
    sizes = [size for _, _, size in images]
    found = fl.clip_boxes_to_tiles(boxes, rows, windows, cuts, sizes=sizes, workers=workers)
    want = []
    for g, (b, w, size) in enumerate(images):
        want += [
            (t + cuts[g], k + rows[g], corners, share)
            for t, k, corners, share in clipped_by_loops(b, w, size)
        ]
    tile = np.repeat(np.arange(len(windows)), np.diff(found.offsets))
    assert tile.tolist() == [t for t, *_ in want]
    assert found.row.tolist() == [k for _, k, *_ in want]
    assert found.boxes.tolist() == [corners for *_, corners, _ in want]
    shares = np.array([share for *_, share in want])
    np.testing.assert_allclose(found.visible, shares, rtol=1e-12)
    assert (found.visible > 0).all()
    seen = np.isin(np.arange(len(boxes)), found.row)
    np.testing.assert_array_equal(found.outcome == 0, seen)
    finite = np.isfinite(boxes).all(axis=1)
    np.testing.assert_array_equal(found.outcome == 1, ~finite)
    with np.errstate(invalid="ignore"):
        falls = finite & ((boxes[:, 2] < boxes[:, 0]) | (boxes[:, 3] < boxes[:, 1]))
    np.testing.assert_array_equal(found.outcome == 2, falls)


@given(scenes())
@settings(max_examples=200, deadline=None)
def test_whole_is_whole_and_comes_back_exactly(scene):
    boxes, windows, size = scene
    found = fl.clip_boxes_to_tiles(
        boxes, [0, len(boxes)], windows, [0, len(windows)], sizes=[size], workers=1
    )
    tile = np.repeat(np.arange(len(windows)), np.diff(found.offsets))
    window = windows[tile]
    source = boxes[found.row]
    limit = np.array([*size, *size], np.float64)
    # A point on the far edge is outside; everything else is clipped to the image.
    inside = np.clip(source, 0, limit)
    fits = (inside[:, :2] >= window[:, :2]).all(1) & (inside[:, 2:] <= window[:, 2:]).all(1)
    np.testing.assert_array_equal(found.visible == 1, fits)
    back = found.boxes + window[:, [0, 1, 0, 1]]
    exact = fits & (window[:, :2] >= 0).all(axis=1)
    np.testing.assert_array_equal(back[exact], inside[exact])


def test_a_box_that_is_cut_by_a_hair_is_not_whole():
    box = [[math.nextafter(4.0, 0), 0, 1e15, 4]]
    found = fl.clip_boxes_to_tiles(box, [0, 1], [[4, 0, 2**40, 4]], [0, 1])
    assert found.visible[0] < 1
    sliver = fl.clip_boxes_to_tiles([[0, 0, 1e300, 1]], [0, 1], [[0, 0, 1, 1]], [0, 1])
    assert 0 < sliver.visible[0] < 1e-290


def test_float32_boxes_of_any_strides_and_both_paths_of_windows(random_boxes):
    boxes = random_boxes(500, 7).astype(np.float32)
    wide = np.zeros((500, 9), np.float32)
    wide[:, 1:8:2] = boxes
    windows = fl.tile_windows(600, 700, 100)
    n = len(windows)
    straight = fl.clip_boxes_to_tiles(boxes, [0, 500], windows, [0, n])
    strided = fl.clip_boxes_to_tiles(wide[:, 1:8:2], [0, 500], windows, [0, n])
    for a, b in zip(straight, strided, strict=True):
        np.testing.assert_array_equal(a, b)
    mixed = np.random.default_rng(0).permutation(n)  # no grid any more
    found = fl.clip_boxes_to_tiles(boxes, [0, 500], windows[mixed], [0, n])
    for place, t in enumerate(mixed):
        a = slice(*straight.offsets[t : t + 2])
        b = slice(*found.offsets[place : place + 2])
        np.testing.assert_array_equal(straight.row[a], found.row[b])
        np.testing.assert_array_equal(straight.boxes[a], found.boxes[b])
        np.testing.assert_array_equal(straight.visible[a], found.visible[b])


def test_shares_against_shapely(random_boxes):
    shapely = pytest.importorskip("shapely")
    boxes = random_boxes(300, 3)
    windows = fl.tile_windows(500, 500, 120, 0.3)
    found = fl.clip_boxes_to_tiles(boxes, [0, 300], windows, [0, len(windows)], sizes=[[500, 500]])
    image = shapely.box(0, 0, 500, 500)
    shown = shapely.intersection(shapely.box(*boxes.T), image)
    cut = shapely.area(shapely.intersection(shown[:, None], shapely.box(*windows.T)[None]))
    box, tile = np.nonzero(cut.T)[1], np.nonzero(cut.T)[0]
    np.testing.assert_array_equal(found.row, box)
    np.testing.assert_array_equal(np.repeat(np.arange(len(windows)), np.diff(found.offsets)), tile)
    np.testing.assert_allclose(found.visible, cut[box, tile] / shapely.area(shown)[box], rtol=1e-9)


@pytest.mark.parametrize("workers", [1, 2, 7, 0])
def test_the_result_is_the_same_for_any_number_of_threads(workers, random_boxes):
    boxes = random_boxes(3000, 5)
    rows = np.arange(0, 3001, 10)
    windows = fl.tile_windows(500, 500, 128)
    many, cuts = np.tile(windows, (300, 1)), np.arange(301) * len(windows)
    one = fl.clip_boxes_to_tiles(boxes, rows, many, cuts)
    other = fl.clip_boxes_to_tiles(boxes, rows, many, cuts, workers=workers)
    for a, b in zip(one, other, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize(
    ("change", "error", "text"),
    [
        ({"windows": [[0, 0, 0, 4]]}, ValueError, r"windows\[0\]: got \[0, 0, 0, 4\]"),
        ({"windows": [[0, 0, 2**41, 4]]}, ValueError, r"windows\[0\]"),
        ({"windows": [[0.5, 0, 2, 4]]}, TypeError, "windows: got dtype float64"),
        ({"windows": [[0, 0, 2]]}, ValueError, "windows: got shape"),
        ({"window_offsets": [0, 1, 1]}, ValueError, "window_offsets: got 2 images"),
        ({"window_offsets": [0, 2]}, ValueError, "window_offsets: got 2 as the last"),
        ({"box_offsets": [0, 3]}, ValueError, "box_offsets: got 3 as the last"),
        ({"sizes": [[1, 2], [3, 4]]}, ValueError, "sizes: got 2 rows"),
        ({"sizes": [[-1, 2]]}, ValueError, "sizes: got a negative"),
        ({"workers": -1}, ValueError, "workers: got -1"),
        ({"boxes": [[1, 2, 3]]}, ValueError, "boxes: got shape"),
    ],
)
def test_what_cannot_be_clipped(change, error, text):
    fine = {
        "boxes": [[0, 0, 1, 1]],
        "box_offsets": [0, 1],
        "windows": [[0, 0, 4, 4]],
        "window_offsets": [0, 1],
    }
    with pytest.raises(error, match=text):
        fl.clip_boxes_to_tiles(**{**fine, **change})


def test_no_boxes_no_windows_no_images():
    none = fl.clip_boxes_to_tiles([], [0], [], [0])
    assert none.offsets.tolist() == [0]
    assert len(none.row) == len(none.outcome) == 0
    bare = fl.clip_boxes_to_tiles([[0, 0, 1, 1]], [0, 1], [], [0, 0])
    assert bare.outcome.tolist() == [4]


def test_a_grid_is_counted_without_being_made():
    grid = TileGrid.of((384, 640), "64px")
    assert grid.counts(2250, 4000) == (7, 7)
    assert len(grid.windows(2250, 4000)) == 49
