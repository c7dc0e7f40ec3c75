"""Tiles cut without loss: luma equal to the crop, colour too but for the rim of the cut."""

from __future__ import annotations

import io

import cv2
import numpy as np
import pytest
from cut_pictures import jpeg, photo
from PIL import Image

from fastlabel import tile_windows
from fastlabel.cut import CutJob, cut_tiles

RIM = 2  # pixels that chroma upsampling reads across a cut


def cut(tmp_path, data, windows, **options):
    source = tmp_path / "source.jpg"
    source.write_bytes(data)
    outputs = [tmp_path / "tiles" / f"{k}.jpg" for k in range(len(windows))]
    job = CutJob(source, np.asarray(windows, np.int64), outputs)
    (outcome,) = cut_tiles([job], lossless=True, workers=1, **options).jobs
    return outcome, outputs


def decoded(data):
    """Luma as it is stored, and the picture in colour (gray where it is)."""
    luma = Image.open(io.BytesIO(data))
    luma.draft("L", luma.size)
    with Image.open(io.BytesIO(data)) as colour:
        mode = "L" if colour.mode == "L" else "RGB"
        return np.asarray(luma.convert("L")), np.asarray(colour.convert(mode))


def check_tiles(data, outcome, outputs, rim=RIM):
    """Compare each lossless tile with the crop of its window; count them."""
    luma, colour = decoded(data)
    height, width = luma.shape
    found = 0
    for mode, window, path in zip(outcome.modes, outcome.windows, outputs, strict=True):
        if mode != "lossless":
            continue
        x1, y1, x2, y2 = window.tolist()
        tile_luma, tile_colour = decoded(path.read_bytes())
        np.testing.assert_array_equal(tile_luma, luma[y1:y2, x1:x2])
        # The rim is only where there is picture on the other side of the cut.
        top, left = rim * (y1 > 0), rim * (x1 > 0)
        bottom, right = y2 - y1 - rim * (y2 < height), x2 - x1 - rim * (x2 < width)
        inner = np.s_[top:bottom, left:right]
        np.testing.assert_array_equal(tile_colour[inner], colour[y1:y2, x1:x2][inner])
        found += 1
    return found


def grid(data, size=160):
    width, height = Image.open(io.BytesIO(data)).size
    return tile_windows(height, width, size, 0.2)


@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("subsampling", [0, 1, 2])
@pytest.mark.parametrize("optimize", [False, True])
def test_pillow_files(tmp_path, subsampling, progressive, optimize):
    picture = photo(413, 307, seed=subsampling)
    data = jpeg(picture, subsampling=subsampling, progressive=progressive, optimize=optimize)
    windows = grid(data)
    outcome, outputs = cut(tmp_path, data, windows)
    assert set(outcome.modes) == {"lossless"} and not any(outcome.reasons)
    assert check_tiles(data, outcome, outputs, RIM if subsampling else 0) == len(windows)
    # What is cut holds what was asked for; left and top move out, to the grid of the blocks.
    moved = windows - outcome.windows
    assert (moved[:, 2:] == 0).all() and (moved >= 0).all() and (moved < 16).all()
    mcu = [[8, 8], [16, 8], [16, 16]][subsampling]
    assert (outcome.windows[:, :2] % mcu == 0).all()


def test_gray_and_opencv_files(tmp_path):
    gray = jpeg(photo(413, 307, gray=True))
    outcome, outputs = cut(tmp_path, gray, grid(gray))
    assert check_tiles(gray, outcome, outputs, rim=0) == len(outputs)
    flags = [cv2.IMWRITE_JPEG_RST_INTERVAL, 3, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, 0x211111]
    data = cv2.imencode(".jpg", photo(413, 307), flags)[1].tobytes()
    outcome, outputs = cut(tmp_path, data, grid(data))
    assert check_tiles(data, outcome, outputs) == len(outputs)


def test_a_second_cut_changes_nothing(tmp_path):
    data = jpeg(photo(256, 192), subsampling=2)
    _, (tile,) = cut(tmp_path, data, [[0, 0, 256, 192]])
    again, (second,) = cut(tmp_path / "..", tile.read_bytes(), [[0, 0, 256, 192]])
    assert again.modes == ["lossless"]
    assert second.read_bytes() == tile.read_bytes()


def test_padded_and_turned_tiles_are_encoded_anew_and_counted(tmp_path):
    data = jpeg(photo(200, 120), subsampling=2)
    outcome, outputs = cut(tmp_path, data, [[0, 0, 96, 96], [160, 64, 256, 160]])
    assert outcome.modes == ["lossless", "reencoded"]
    assert outcome.reasons[1] and not outcome.reasons[0]
    assert cv2.imread(str(outputs[1])).shape == (96, 96, 3)
    turned = jpeg(photo(200, 120), subsampling=2, orientation=6)
    outcome, outputs = cut(tmp_path, turned, [[0, 0, 96, 96]])
    assert outcome.modes == ["reencoded"] and "EXIF" in outcome.reasons[0]
    assert cv2.imread(str(outputs[0])).shape == (96, 96, 3)


def test_a_picture_cut_off_has_no_tiles(tmp_path):
    data = jpeg(photo(413, 307), subsampling=2)
    outcome, outputs = cut(tmp_path, data[: len(data) // 2], grid(data))
    assert outcome.status == "truncated"
    assert set(outcome.modes) == {"failed"}
    assert not any(path.exists() for path in outputs)


REAL = [
    "highres/brighton-beach/DJI_0025.JPG",
    "bccd/**/*.jpg",
    "raccoon/**/*.jpg",
    "fridge/**/*.jpg",
    "quality/blur-haar/**/*.[jJ][pP][gG]",
    "jpeg-torture/exif-orientation/*1*.jpg",
]


@pytest.mark.parametrize("pattern", REAL)
def test_real_pictures(tmp_path, shared_data, pattern):
    paths = sorted(shared_data.glob(pattern))
    assert paths
    counts = {"lossless": 0, "reencoded": 0}
    for path in paths[:: max(1, len(paths) // 6)][:6]:
        data = path.read_bytes()
        size = 640 if "highres" in pattern else 256
        outcome, outputs = cut(tmp_path, data, grid(data, size))
        assert outcome.status == "ok", (path, outcome.detail)
        found = check_tiles(data, outcome, outputs)
        counts["lossless"] += found
        counts["reencoded"] += len(outputs) - found
    assert counts["lossless"] > 0 and counts["reencoded"] == 0


def test_the_8k_picture(tmp_path, shared_data):
    """Nothing of it is subsampled: every pixel is equal, in all tiles."""
    (path,) = (shared_data / "highres" / "zune").glob("*.jpg")
    data = path.read_bytes()
    outcome, outputs = cut(tmp_path, data, tile_windows(4320, 7680, 640, 0.2))
    assert set(outcome.modes) == {"lossless"}
    assert check_tiles(data, outcome, outputs, rim=0) == len(outputs)


def test_the_torture_files(tmp_path, shared_data):
    """What is cut holds the source's coefficients; the rest says why it was not."""
    lossless, reencoded, failed = 0, 0, 0
    for path in sorted((shared_data / "jpeg-torture").rglob("*.jp*g")):
        data = path.read_bytes()
        try:
            width, height = Image.open(io.BytesIO(data)).size
        except Exception:
            width, height = 64, 64
        windows = tile_windows(min(height, 4000), min(width, 4000), 96, 0.2)[:40]
        outcome, outputs = cut(tmp_path, data, windows)
        for mode, reason, output in zip(outcome.modes, outcome.reasons, outputs, strict=True):
            assert output.exists() == (mode != "failed"), path
            assert mode == "lossless" or reason or outcome.detail, path
            if mode == "lossless":
                Image.open(output).load()
            output.unlink(missing_ok=True)
        lossless += outcome.modes.count("lossless")
        reencoded += outcome.modes.count("reencoded")
        failed += outcome.modes.count("failed")
    assert lossless > 200 and reencoded > 20 and failed > 20
