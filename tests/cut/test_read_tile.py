"""``read_tile`` against the same part of the whole picture decoded by OpenCV."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from cut_pictures import jpeg, photo
from hypothesis import given
from hypothesis import strategies as st

import fastlabel as fl
from fastlabel.scan import Limits

KINDS = {
    "420": {"subsampling": 2},
    "422": {"subsampling": 1},
    "444": {"subsampling": 0},
    "progressive": {"subsampling": 2, "progressive": True},
    "restarts": {"subsampling": 2, "restart_marker_blocks": 3},
}
PICTURE = photo(173, 131)
FILES = {name: jpeg(PICTURE, **options) for name, options in KINDS.items()}
FILES["gray"] = jpeg(photo(173, 131, gray=True))
for turn in range(1, 9):
    FILES[f"turned {turn}"] = jpeg(PICTURE, orientation=turn)
WHOLE = {
    (name, flag): cv2.imdecode(np.frombuffer(data, np.uint8), flag)
    for name, data in FILES.items()
    for flag in (cv2.IMREAD_COLOR, cv2.IMREAD_GRAYSCALE)
}


@given(st.sampled_from(sorted(FILES)), st.data())
def test_equals_the_slice_of_the_whole(name, data):
    whole = WHOLE[name, cv2.IMREAD_COLOR]
    height, width = whole.shape[:2]
    x1 = data.draw(st.integers(0, width - 1))
    y1 = data.draw(st.integers(0, height - 1))
    x2 = data.draw(st.integers(x1 + 1, width))
    y2 = data.draw(st.integers(y1 + 1, height))
    window = [x1, y1, x2, y2]
    bgr = fl.read_tile(FILES[name], window)
    np.testing.assert_array_equal(bgr, whole[y1:y2, x1:x2])
    np.testing.assert_array_equal(fl.read_tile(FILES[name], window, color="rgb"), bgr[:, :, ::-1])
    gray = WHOLE[name, cv2.IMREAD_GRAYSCALE][y1:y2, x1:x2]
    np.testing.assert_array_equal(fl.read_tile(FILES[name], window, color="gray"), gray)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_padding_lies_where_the_upright_picture_ends(orientation):
    data = jpeg(PICTURE, orientation=orientation)
    whole = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    height, width = whole.shape[:2]
    padded = cv2.copyMakeBorder(whole, 9, 5, 7, 3, cv2.BORDER_CONSTANT, value=(1, 2, 3))
    got = fl.read_tile(data, [-7, -9, width + 3, height + 5], fill=(1, 2, 3))
    np.testing.assert_array_equal(got, padded)


def test_fill_of_gray_is_its_luma():
    got = fl.read_tile(FILES["420"], [-2, 0, 1, 1], color="gray", fill=(255, 0, 0))
    assert got[0, 0] == 29
    rgb = fl.read_tile(FILES["420"], [-2, 0, 1, 1], color="rgb", fill=(1, 2, 3))
    assert rgb[0, 0].tolist() == [3, 2, 1]


@pytest.mark.parametrize("suffix", [".png", ".webp", ".bmp", ".tiff"])
def test_other_formats(suffix, tmp_path):
    path = tmp_path / f"a{suffix}"
    cv2.imwrite(str(path), PICTURE)
    whole = cv2.imread(str(path))
    got = fl.read_tile(path, [10, 20, 180, 100])
    np.testing.assert_array_equal(got[:, :163], whole[20:100, 10:])
    assert (got[:, 163:] == 114).all()


def test_one_pixel():
    data = jpeg(photo(1, 1))
    whole = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    np.testing.assert_array_equal(fl.read_tile(data, [0, 0, 1, 1]), whole)


def test_truncation_above_the_window_is_an_error_and_below_is_not():
    data = FILES["444"]
    half = data[: len(data) // 2]
    whole = WHOLE["444", cv2.IMREAD_COLOR]
    np.testing.assert_array_equal(fl.read_tile(half, [0, 0, 60, 20]), whole[:20, :60])
    with pytest.raises(fl.DatasetError, match="truncated"):
        fl.read_tile(half, [0, 120, 60, 130])


@pytest.mark.parametrize(
    ("window", "error"),
    [
        ([173, 0, 180, 9], "touches the picture of 173 x 131"),
        ([0, -9, 9, 0], "touches the picture"),
        ([5, 5, 5, 9], "x1 < x2"),
        ([0, 0, 9], "expected"),
        ([0, 0, 1 << 20, 1 << 20], "more than"),
    ],
)
def test_bad_windows(window, error):
    with pytest.raises(ValueError, match=error):
        fl.read_tile(FILES["420"], window)


def test_bad_sources_and_arguments(tmp_path):
    with pytest.raises(TypeError, match="window"):
        fl.read_tile(FILES["420"], [0.5, 0, 9, 9])
    with pytest.raises(ValueError, match="color"):
        fl.read_tile(FILES["420"], [0, 0, 9, 9], color="hsv")
    with pytest.raises(ValueError, match="fill"):
        fl.read_tile(FILES["420"], [0, 0, 9, 9], fill=(1, 2, 300))
    with pytest.raises(fl.DatasetError, match="missing"):
        fl.read_tile(tmp_path / "none.jpg", [0, 0, 9, 9])
    with pytest.raises(fl.DatasetError, match="OpenCV cannot decode"):
        fl.read_tile(b"no picture at all", [0, 0, 9, 9])
    with pytest.raises(fl.DatasetError, match="over_limit"):
        fl.read_tile(FILES["420"], [0, 0, 9, 9], limits=Limits(max_pixels=1000))


def test_the_torture_corpus_equals_opencv_or_says_why(shared_data):
    checked = 0
    for path in sorted((shared_data / "jpeg-torture").rglob("*.jp*g")):
        if path.name == "max_size.jpg" or "crashtest" in path.parts:
            continue
        data = path.read_bytes()
        try:
            fl.read_tile(data, [0, 0, 1, 1])
        except fl.DatasetError:
            continue
        whole = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
        if whole is None:  # damaged below the window's rows
            continue
        height, width = whole.shape[:2]
        window = [width // 3, height // 3, width, max(height // 3 + 1, height - 2)]
        try:
            got = fl.read_tile(data, window).astype(int)
        except fl.DatasetError:
            continue
        x1, y1, x2, y2 = window
        # Inks: OpenCV multiplies by 1 / 256 where 1 / 255 is meant.
        inks = any(word in path.name for word in ("cmyk", "cymk", "ycck", "four_comp"))
        assert abs(got - whole[y1:y2, x1:x2]).max() <= (2 if inks else 0), path
        checked += 1
    assert checked > 80


def test_crash_files_do_not_crash(shared_data):
    for path in sorted((shared_data / "jpeg-torture" / "jpeg-decoder" / "crashtest").rglob("*")):
        if path.is_file():
            for window in ([0, 0, 8, 8], [100, 40, 260, 90]):
                try:
                    fl.read_tile(path, window)
                except (fl.DatasetError, ValueError):
                    continue
