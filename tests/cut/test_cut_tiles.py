"""Tiles as files, against Pillow's and OpenCV's reading of them and of their source."""

from __future__ import annotations

import errno
import hashlib
import io
import os
import threading
from pathlib import Path

import cv2
import numpy as np
import pytest
from cut_pictures import jpeg, photo, psnr
from PIL import Image, JpegImagePlugin

from fastlabel import _core
from fastlabel.cut import CutJob, aligned_windows, cut_tiles
from fastlabel.scan import Limits

WIDTH, HEIGHT = 211, 157
GRID = [
    [0, 0, 96, 96],
    [64, 0, 160, 96],  # on the grid of 4:2:0
    [115, 0, 211, 96],  # begins between two chroma samples
    [0, 61, 96, 157],
    [115, 61, 211, 157],
    [33, 17, 34, 18],
    [0, 0, 211, 157],
]


def cut(folder: Path, data: bytes, windows, **options):
    source = folder / "source.jpg"
    source.write_bytes(data)
    outputs = [folder / "tiles" / f"{k}.jpg" for k in range(len(windows))]
    (outcome,) = cut_tiles([CutJob(source, windows, outputs)], workers=1, **options).jobs
    return outcome, outputs


def opened(path: Path):
    return Image.open(io.BytesIO(path.read_bytes()))


def upright(data: bytes):
    return cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)


@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("subsampling", [0, 1, 2])
def test_tiles_are_as_good_as_a_crop_that_pillow_encodes(tmp_path, subsampling, progressive):
    picture = photo(WIDTH, HEIGHT)
    data = jpeg(picture, subsampling=subsampling, progressive=progressive)
    outcome, outputs = cut(tmp_path, data, GRID)
    assert (outcome.status, set(outcome.modes)) == ("ok", {"reencoded"})
    assert outcome.windows.tolist() == GRID
    whole = upright(data)
    for (x1, y1, x2, y2), path in zip(GRID, outputs, strict=True):
        crop = whole[y1:y2, x1:x2]
        tile = cv2.imread(str(path))
        assert tile.shape == crop.shape
        theirs = upright(jpeg(crop, subsampling=subsampling))
        # But for the rim, where the source's chroma filter looked across the cut.
        inner = np.s_[2:-2, 2:-2] if len(crop) > 4 else np.s_[:]
        assert psnr(tile[inner], crop[inner]) > min(psnr(theirs[inner], crop[inner]) - 0.5, 45)
        assert psnr(tile, crop) > min(psnr(theirs, crop) - 1, 45)
        ours, pillow = opened(path), Image.open(io.BytesIO(jpeg(crop, subsampling=subsampling)))
        assert ours.quantization == pillow.quantization
        assert JpegImagePlugin.get_sampling(ours) == subsampling
        assert not ours.getexif()


def test_gray(tmp_path):
    data = jpeg(photo(WIDTH, HEIGHT, gray=True))
    outcome, outputs = cut(tmp_path, data, [*GRID, [-5, -5, 20, 20]], fill=(0, 0, 255))
    assert set(outcome.modes) == {"reencoded"}
    whole = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_GRAYSCALE)
    for (x1, y1, x2, y2), path in zip(GRID, outputs, strict=False):
        tile = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
        assert tile.ndim == 2
        assert psnr(tile, whole[y1:y2, x1:x2]) > 42
    assert abs(int(cv2.imread(str(outputs[-1]), cv2.IMREAD_UNCHANGED)[0, 0]) - 76) <= 2


@pytest.mark.parametrize("sampling", [(4, 1), (1, 2), (2, 4), (1, 4)])
def test_odd_sampling(tmp_path, sampling):
    cv2_name = {(4, 1): cv2.IMWRITE_JPEG_SAMPLING_FACTOR_411, (1, 2): 0x121111}
    factor = cv2_name.get(sampling, sampling[0] << 20 | sampling[1] << 16 | 0x1111)
    ok, data = cv2.imencode(
        ".jpg",
        photo(WIDTH, HEIGHT),
        [cv2.IMWRITE_JPEG_SAMPLING_FACTOR, factor, cv2.IMWRITE_JPEG_QUALITY, 95],
    )
    if not ok:
        pytest.skip("OpenCV writes no such sampling")
    data = data.tobytes()
    whole = upright(data)
    windows = [[k, k, 96 + k, 96 + k] for k in range(5)]
    outcome, outputs = cut(tmp_path, data, windows)
    assert set(outcome.modes) == {"reencoded"}
    for (x1, y1, x2, y2), path in zip(windows, outputs, strict=True):
        assert psnr(cv2.imread(str(path))[8:-8, 8:-8], whole[y1:y2, x1:x2][8:-8, 8:-8]) > 30


@pytest.mark.parametrize("orientation", range(1, 9))
def test_turned_sources_give_upright_tiles(tmp_path, orientation):
    data = jpeg(photo(WIDTH, HEIGHT), orientation=orientation)
    whole = upright(data)
    height, width = whole.shape[:2]
    windows = [[0, 0, 96, 96], [width - 80, height - 70, width, height], [-10, 5, 54, 69]]
    outcome, outputs = cut(tmp_path, data, windows, fill=(0, 0, 0))
    assert set(outcome.modes) == {"reencoded"}
    padded = cv2.copyMakeBorder(whole, 0, 0, 10, 0, cv2.BORDER_CONSTANT)
    for (x1, y1, x2, y2), path in zip(windows, outputs, strict=True):
        tile = cv2.imread(str(path))
        assert tile.shape[:2] == (y2 - y1, x2 - x1)
        assert psnr(tile, padded[y1:y2, x1 + 10 : x2 + 10]) > 35
        assert not opened(path).getexif()


def test_padding_has_its_colour(tmp_path):
    data = jpeg(photo(WIDTH, HEIGHT), subsampling=2)
    windows = [[-40, -30, 100, 110], [150, 120, 290, 260], [201, 147, 265, 211]]
    outcome, outputs = cut(tmp_path, data, windows, fill=(200, 100, 50))
    assert set(outcome.modes) == {"reencoded"}
    tiles = [cv2.imread(str(path)).astype(int) for path in outputs]
    for corner in (tiles[0][:24, :24], tiles[1][-90:, -60:], tiles[2][16:, 16:]):
        assert abs(corner - [200, 100, 50]).max() <= 3
    whole = upright(data)
    assert psnr(tiles[0][40:, 50:].astype(np.uint8), whole[10:110, 10:100]) > 35


def test_the_first_picture_of_an_mpo(tmp_path, shared_data):
    path = shared_data / "highres" / "brighton-beach" / "DJI_0025.JPG"
    windows = [[1000, 1000, 1640, 1640], [3360, 1610, 4000, 2250]]
    outcome, outputs = cut(tmp_path, path.read_bytes(), windows)
    assert outcome.status == "ok"
    whole = cv2.imread(str(path))
    for (x1, y1, x2, y2), output in zip(windows, outputs, strict=True):
        crop = whole[y1:y2, x1:x2]
        theirs = upright(jpeg(crop, subsampling=2))
        assert psnr(cv2.imread(str(output)), crop) > psnr(theirs, crop) - 0.3


def test_the_colour_profile_stays(tmp_path):
    profile = b"some profile" * 9000  # more than one marker holds
    data = jpeg(photo(64, 64), icc_profile=profile)
    _, outputs = cut(tmp_path, data, [[0, 0, 32, 32]])
    assert opened(outputs[0]).info["icc_profile"] == profile


@pytest.mark.parametrize("lossless", [False, True])
@pytest.mark.parametrize(("chunks", "kept"), [(64, True), (65, False)])
def test_a_profile_larger_than_pictures_stays_behind(tmp_path, lossless, chunks, kept):
    # Segments of the longest there are; 64 of them are just within the 4 MB.
    segment = b"\xff\xe2\xff\xff"
    chunk = b"ICC_PROFILE\0\1\1" + bytes(65535 - 2 - 14)
    data = jpeg(photo(64, 64))
    data = data[:2] + (segment + chunk) * chunks + data[2:]
    outcome, outputs = cut(tmp_path, data, [[0, 0, 32, 32]], lossless=lossless)
    assert outcome.modes == ["lossless" if lossless else "reencoded"]
    tile = outputs[0].read_bytes()
    assert tile.count(b"ICC_PROFILE\0") == (chunks if kept else 0)
    assert upright(tile).shape == (32, 32, 3)


@pytest.mark.parametrize("orientation", [1, 6])
def test_padding_cannot_take_all_memory(tmp_path, orientation):
    data = jpeg(photo(64, 48), orientation=orientation)
    limits = Limits(max_memory=3_000_000)
    one, two = [-5, -5, 695, 695], [-5, -5, 705, 705]  # of 700 and of 710 squared
    outcome, outputs = cut(tmp_path, data, [one], limits=limits)
    assert outcome.status == "ok"
    outputs[0].unlink()
    outcome, outputs = cut(tmp_path, data, [one, two], limits=limits)
    if orientation == 1:  # by rows, of the planes
        assert outcome.status == "ok"
        return
    assert (outcome.status, outcome.modes) == ("over_limit", ["failed"] * 2)
    assert "the limit is 3000000" in outcome.detail
    assert not any(path.exists() for path in outputs)


def test_inks_become_light(tmp_path):
    file = io.BytesIO()
    rgb = photo(WIDTH, HEIGHT)[:, :, ::-1]
    Image.fromarray(np.ascontiguousarray(rgb)).convert("CMYK").save(file, "jpeg", quality=95)
    outcome, outputs = cut(tmp_path, file.getvalue(), [[16, 16, 112, 112]])
    assert outcome.modes == ["reencoded"]
    assert psnr(cv2.imread(str(outputs[0])), upright(file.getvalue())[16:112, 16:112]) > 35


def test_one_pixel_and_tiles_larger_than_the_picture(tmp_path):
    outcome, outputs = cut(tmp_path, jpeg(photo(1, 1)), [[0, 0, 1, 1], [0, 0, 64, 64]])
    assert outcome.modes == ["reencoded"] * 2
    assert [cv2.imread(str(p)).shape for p in outputs] == [(1, 1, 3), (64, 64, 3)]


def test_a_window_outside_fails_alone(tmp_path):
    outcome, outputs = cut(tmp_path, jpeg(photo(50, 40)), [[0, 0, 32, 32], [50, 0, 82, 32]])
    assert outcome.status == "ok"
    assert outcome.modes == ["reencoded", "failed"]
    assert "outside" in outcome.reasons[1]
    assert [path.exists() for path in outputs] == [True, False]


def test_a_bad_picture_is_named_and_the_rest_is_cut(tmp_path):
    good = jpeg(photo(WIDTH, HEIGHT))
    contents = {
        "good.jpg": good,
        "cut.jpg": good[: len(good) * 2 // 3],
        "empty.jpg": b"",
        "text.jpg": b"no picture at all",
        "large.jpg": jpeg(photo(400, 300)),
    }
    jobs = []
    for name, data in contents.items():
        (tmp_path / name).write_bytes(data)
        jobs.append(CutJob(tmp_path / name, [[0, 0, 32, 32]], [tmp_path / "out" / name]))
    jobs.append(CutJob(tmp_path / "gone.jpg", [[0, 0, 32, 32]], [tmp_path / "out" / "gone.jpg"]))
    seen = []
    result = cut_tiles(
        jobs, limits=Limits(max_pixels=100_000), progress=lambda *done: seen.append(done)
    )
    assert [job.status for job in result.jobs] == [
        "ok",
        "truncated",
        "unreadable",
        "unreadable",
        "over_limit",
        "missing",
    ]
    assert all(job.detail for job in result.jobs[1:])
    assert result.counts() == {"lossless": 0, "reencoded": 1, "failed": 5}
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["good.jpg"]
    assert seen[-1] == (6, 6)


def test_the_same_bytes_for_any_number_of_workers(tmp_path):
    jobs_of = {}
    for k in range(9):
        (tmp_path / f"{k}.jpg").write_bytes(jpeg(photo(WIDTH, HEIGHT, k), orientation=k % 8 + 1))
    for workers in (1, 2, 7):
        folder = tmp_path / str(workers)
        cut_tiles(
            [
                CutJob(tmp_path / f"{k}.jpg", GRID[:5], [folder / f"{k}_{i}.jpg" for i in range(5)])
                for k in range(9)
            ],
            workers=workers,
        )
        jobs_of[workers] = {
            p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in folder.iterdir()
        }
    assert len(jobs_of[1]) == 45
    assert jobs_of[1] == jobs_of[2] == jobs_of[7]


@pytest.mark.parametrize("suffix", [".png", ".webp", ".bmp", ".tiff"])
def test_sources_of_other_formats(tmp_path, suffix):
    source = tmp_path / f"a{suffix}"
    cv2.imwrite(str(source), photo(WIDTH, HEIGHT))
    whole = cv2.imread(str(source))
    outputs = [tmp_path / "0.png", tmp_path / "1.jpg"]
    (outcome,) = cut_tiles([CutJob(source, [[10, 20, 74, 84]] * 2, outputs)]).jobs
    assert outcome.modes == ["lossless", "reencoded"]
    np.testing.assert_array_equal(cv2.imread(str(outputs[0])), whole[20:84, 10:74])
    assert psnr(cv2.imread(str(outputs[1])), whole[20:84, 10:74]) > 32


def test_sixteen_bits_and_alpha_stay_in_png(tmp_path):
    deep = (photo(60, 50).astype(np.uint16) * 257)[:, :, [0, 1, 2, 0]]
    cv2.imwrite(str(tmp_path / "a.png"), deep)
    outputs = [tmp_path / "0.png", tmp_path / "1.jpg"]
    cut_tiles([CutJob(tmp_path / "a.png", [[30, 20, 70, 60]] * 2, outputs)])
    tile = cv2.imread(str(outputs[0]), cv2.IMREAD_UNCHANGED)
    np.testing.assert_array_equal(tile[:30, :30], deep[20:, 30:])
    assert tile[-1, -1].tolist() == [114 * 257, 114 * 257, 114 * 257, 255 * 257]
    assert cv2.imread(str(outputs[1])).shape == (40, 40, 3)


def test_jpeg_sources_to_png_tiles(tmp_path):
    data = jpeg(photo(WIDTH, HEIGHT), orientation=6)
    (tmp_path / "a.jpg").write_bytes(data)
    (outcome,) = cut_tiles(
        [CutJob(tmp_path / "a.jpg", [[3, 5, 67, 69]], [tmp_path / "0.png"])]
    ).jobs
    assert outcome.modes == ["lossless"]
    np.testing.assert_array_equal(cv2.imread(str(tmp_path / "0.png")), upright(data)[5:69, 3:67])


def test_a_folder_in_the_way_is_an_error_with_its_path(tmp_path):
    (tmp_path / "a.jpg").write_bytes(jpeg(photo(64, 64)))
    (tmp_path / "out.jpg").mkdir()
    with pytest.raises(OSError, match=r"out\.jpg") as caught:
        cut_tiles([CutJob(tmp_path / "a.jpg", [[0, 0, 32, 32]], [tmp_path / "out.jpg"])])
    assert caught.value.errno == errno.EISDIR


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
def test_a_full_disk_is_an_error_with_its_path(tmp_path):
    (tmp_path / "a.jpg").write_bytes(jpeg(photo(64, 64)))
    first, full = tmp_path / "0.jpg", tmp_path / "full.jpg"
    full.symlink_to("/dev/full")
    with pytest.raises(OSError, match=r"full\.jpg") as caught:
        cut_tiles([CutJob(tmp_path / "a.jpg", [[0, 0, 32, 32]] * 2, [first, full])])
    assert caught.value.errno == errno.ENOSPC
    assert not first.exists()
    assert not full.is_symlink()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
def test_a_device_is_not_removed_when_it_refuses(tmp_path):
    (tmp_path / "a.jpg").write_bytes(jpeg(photo(64, 64)))
    cutter = _core.Cutter({"workers": 1})
    windows = np.array([[0, 0, 32, 32]])
    ticket = cutter.submit([str(tmp_path / "a.jpg").encode()], windows, [1], [b"/dev/full"])
    while not cutter.wait(ticket, 100)[0]:
        pass
    rows, _ = cutter.collect(ticket)
    assert rows["write_error"].tolist() == [errno.ENOSPC]
    assert Path("/dev/full").exists()


@pytest.mark.parametrize("name", ["a.jpg", "./sub/../a.jpg", "linked.jpg", "hard.jpg", "b.jpg"])
@pytest.mark.parametrize("suffix", [".jpg", ".png"])
def test_a_picture_is_never_written_over(tmp_path, name, suffix):
    (tmp_path / "sub").mkdir()
    source, other = (tmp_path / f"{stem}{suffix}" for stem in "ab")
    for path in (source, other):
        cv2.imwrite(str(path), photo(64, 64))
    (tmp_path / f"linked{suffix}").symlink_to(source)
    (tmp_path / f"hard{suffix}").hardlink_to(source)
    before = source.read_bytes(), other.read_bytes()
    target = tmp_path / name.replace(".jpg", suffix)
    free = [tmp_path / "new" / f"{k}{suffix}" for k in range(2)]
    jobs = [
        CutJob(source, [[0, 0, 32, 32]] * 2, [free[0], target]),
        CutJob(other, [[0, 0, 8, 8]], [free[1]]),
    ]
    with pytest.raises(ValueError, match=rf"jobs\[0\].outputs: .*{suffix} is a picture to be cut"):
        cut_tiles(jobs)
    assert (source.read_bytes(), other.read_bytes()) == before
    assert not free[0].parent.exists()


@pytest.mark.parametrize("name", ["a.jpg", "linked.jpg", "hard.jpg", "b.jpg"])
def test_the_native_cutter_does_not_write_over_a_picture_either(tmp_path, name):
    source, other = tmp_path / "a.jpg", tmp_path / "b.jpg"
    for path in (source, other):
        path.write_bytes(jpeg(photo(64, 64)))
    (tmp_path / "linked.jpg").symlink_to(source)
    (tmp_path / "hard.jpg").hardlink_to(source)
    before = source.read_bytes()
    cutter = _core.Cutter({"workers": 1})
    paths = [os.fsencode(source), os.fsencode(other)]
    outputs = [os.fsencode(tmp_path / "0.jpg"), os.fsencode(tmp_path / name)]
    windows = np.array([[0, 0, 32, 32]] * 2)
    ticket = cutter.submit(paths, windows, [2, 0], outputs)
    while not cutter.wait(ticket, 100)[0]:
        pass
    rows, tiles = cutter.collect(ticket)
    assert (rows["write_error"][0], rows["write_tile"][0]) == (errno.EEXIST, 1)
    assert tiles["mode"].tolist() == [0, 0]
    assert not (tmp_path / "0.jpg").exists()
    assert (source.read_bytes(), other.read_bytes()) == (before, before)
    with pytest.raises(ValueError, match="submit"):
        cutter.submit(paths, windows, [1, 1], [outputs[0]] * 2)


def test_two_tiles_of_one_path_are_refused(tmp_path):
    (tmp_path / "a.jpg").write_bytes(jpeg(photo(64, 64)))
    one, same = tmp_path / "out" / "0.jpg", tmp_path / "out" / ".." / "out" / "0.jpg"
    jobs = [
        CutJob(tmp_path / "a.jpg", [[0, 0, 32, 32]], [one]),
        CutJob(tmp_path / "a.jpg", [[0, 0, 32, 32]], [same]),
    ]
    with pytest.raises(ValueError, match=r"jobs\[1\].outputs: .* is the path of two tiles"):
        cut_tiles(jobs)
    assert not one.parent.exists()


def test_wrong_arguments(tmp_path):
    one = [tmp_path / "0.jpg"]
    with pytest.raises(ValueError, match="1 paths for 2 windows"):
        CutJob(tmp_path / "a.jpg", [[0, 0, 1, 1]] * 2, one)
    for window in ([0, 0, 0, 1], [0, 0, 70000, 1], [5, 5, 1, 9]):
        with pytest.raises(ValueError, match=r"windows\[0\]"):
            CutJob(tmp_path / "a.jpg", [window], one)
    with pytest.raises(TypeError, match="windows"):
        CutJob(tmp_path / "a.jpg", [[0, 0, 1.5, 1]], one)
    job = CutJob(tmp_path / "a.jpg", [[0, 0, 1, 1]], one)
    for options in ({"quality": 0}, {"quality": 101}, {"workers": -1}, {"fill": (0, 0, 256)}):
        with pytest.raises(ValueError, match=next(iter(options))):
            cut_tiles([job], **options)
    with pytest.raises(TypeError, match=r"jobs\[0\]"):
        cut_tiles([tmp_path])
    assert cut_tiles([]).jobs == []


def test_the_torture_corpus_is_cut_or_named(shared_data, tmp_path):
    files = sorted(p for p in (shared_data / "jpeg-torture").rglob("*.jp*g"))
    windows = [[0, 0, 33, 17], [3, 5, 67, 69], [-4, -4, 8, 8]]
    jobs = [
        CutJob(path, windows, [tmp_path / f"{k}_{i}.jpg" for i in range(3)])
        for k, path in enumerate(files)
    ]
    result = cut_tiles(jobs)
    fine = [job for job in result.jobs if job.status == "ok"]
    assert len(fine) > 80
    for k, (job, outcome) in enumerate(zip(jobs, result.jobs, strict=True)):
        kept = [path.exists() for path in job.outputs]
        assert kept == [mode != "failed" for mode in outcome.modes], files[k]
        if outcome.status != "ok":
            assert outcome.detail, files[k]
            continue
        whole = cv2.imread(str(files[k]))
        tile = cv2.imread(str(job.outputs[0]))
        if whole.shape[0] >= 17 and whole.shape[1] >= 33:  # else its colours bleed into the padding
            assert psnr(tile, whole[:17, :33]) > 24, files[k]


def test_a_run_can_be_given_up(tmp_path):
    (tmp_path / "a.jpg").write_bytes(jpeg(photo(WIDTH, HEIGHT)))
    before = threading.active_count()

    def stop(done, total):
        raise KeyboardInterrupt

    jobs = [
        CutJob(tmp_path / "a.jpg", GRID, [tmp_path / f"{k}_{i}.jpg" for i in range(len(GRID))])
        for k in range(300)
    ]
    with pytest.raises(KeyboardInterrupt):
        cut_tiles(jobs, workers=2, progress=stop)
    assert len(list(tmp_path.glob("*_0.jpg"))) < 250
    assert threading.active_count() == before


# ---- lossless --------------------------------------------------------------------------


def test_lossless_tiles_are_the_source_and_say_where_they_were_moved(tmp_path):
    data = jpeg(photo(WIDTH, HEIGHT), subsampling=2)
    windows = [[20, 10, 84, 74], [32, 16, 96, 80], [150, 100, 214, 164]]
    outcome, outputs = cut(tmp_path, data, windows, lossless=True)
    assert outcome.modes == ["lossless", "lossless", "reencoded"]
    assert outcome.windows.tolist() == [[16, 0, 84, 74], [32, 16, 96, 80], windows[2]]
    assert outcome.reasons == ["", "", "the window runs past the picture"]
    np.testing.assert_array_equal(aligned_windows(data, windows), outcome.windows)
    np.testing.assert_array_equal(
        aligned_windows(tmp_path / "source.jpg", windows), outcome.windows
    )
    luma = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_GRAYSCALE)
    for (x1, y1, x2, y2), path in zip(outcome.windows[:2].tolist(), outputs, strict=False):
        tile = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
        np.testing.assert_array_equal(tile, luma[y1:y2, x1:x2])


def test_what_cannot_be_lossless_is_reencoded_and_says_why(tmp_path):
    outcome, _ = cut(tmp_path, jpeg(photo(90, 70), orientation=6), [[3, 3, 35, 35]], lossless=True)
    assert outcome.modes == ["reencoded"]
    assert "EXIF" in outcome.reasons[0]
    assert outcome.windows.tolist() == [[3, 3, 35, 35]]
    source = tmp_path / "a.png"
    cv2.imwrite(str(source), photo(90, 70))
    jobs = [CutJob(source, [[3, 3, 35, 35]], [tmp_path / "0.jpg"])]
    (other,) = cut_tiles(jobs, lossless=True).jobs
    assert (other.modes, bool(other.reasons[0])) == (["reencoded"], True)
    assert aligned_windows(source, [[3, 3, 35, 35]]).tolist() == [[3, 3, 35, 35]]
    assert aligned_windows(tmp_path / "none.jpg", [[3, 3, 35, 35]]).tolist() == [[3, 3, 35, 35]]


def test_a_truncated_picture_has_no_lossless_tiles(tmp_path):
    data = jpeg(photo(WIDTH, HEIGHT))
    outcome, outputs = cut(tmp_path, data[: len(data) // 2], GRID[:5], lossless=True)
    assert outcome.status in ("truncated", "corrupt", "unreadable")
    assert set(outcome.modes) == {"failed"}
    assert not any(path.exists() for path in outputs)


def steps_of_dc(differences: list[int], *, progressive: bool) -> bytes:
    """A gray picture of 24 x 16 with nothing but these six DC differences, of 0, 11 or 12 bits."""
    codes = {0: "00", 11: "01", 12: "10"}
    bits = ""
    for value in differences:
        size = value.bit_length()
        bits += codes[size] + (f"{value:0{size}b}" if size else "") + ("" if progressive else "00")
    bits += "1" * (-len(bits) % 8)
    data = bytes(int(bits[k : k + 8], 2) for k in range(0, len(bits), 8)).replace(
        b"\xff", b"\xff\0"
    )
    dht = b"\xff\xc4\0\x16\0" + bytes([0, 3] + [0] * 14) + bytes(codes)
    dht += b"\xff\xc4\0\x14\x10" + bytes([0, 1] + [0] * 14) + b"\0"
    frame = b"\0\x0b\x08\0\x10\0\x18\x01\x01\x11\0"
    scan = b"\xff\xda\0\x08\x01\x01\0"
    scans = scan + b"\0\x3f\0" + data
    if (
        progressive
    ):  # the second one ends each block at once: a decoder smooths over what is left out
        scans = scan + b"\0\0\0" + data + scan + b"\x01\x3f\0" + b"\0\x0f"
    sof = b"\xff\xc2" if progressive else b"\xff\xc0"
    dqt = b"\xff\xdb\0\x43\0" + bytes([1] * 64)
    return b"\xff\xd8" + dqt + sof + frame + dht + scans + b"\xff\xd9"


@pytest.mark.parametrize(
    ("differences", "progressive"),
    [
        ([0, 0, 0, 4000, 0, 0], False),  # a difference that 8-bit samples do not have
        ([0, 0, 0, 4000, 0, 0], True),
        ([0, 0, 0, 2000, 2000, 0], False),  # one that only a tile would have
        ([0, 0, 0, 2000, 2000, 0], True),
    ],
)
def test_coefficients_that_no_tile_can_hold_are_reencoded(tmp_path, differences, progressive):
    data = steps_of_dc(differences, progressive=progressive)
    assert upright(data).shape == (16, 24, 3)
    windows = [[0, 0, 24, 8], [8, 0, 16, 8], [16, 8, 24, 16]]
    outcome, outputs = cut(tmp_path, data, windows, lossless=True)
    assert (outcome.status, outcome.modes) == ("ok", ["lossless", "lossless", "reencoded"])
    assert outcome.reasons[:2] == ["", ""]
    assert "beyond" in outcome.reasons[2]
    assert outcome.windows.tolist() == windows
    whole = upright(data)
    for (x1, y1, x2, y2), path in zip(windows, outputs, strict=True):
        assert abs(upright(path.read_bytes()).astype(int) - whole[y1:y2, x1:x2]).max() <= 1
